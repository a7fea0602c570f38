/* chat/store.h - every chat, kept in one SQLite file.
 *
 * A write is on the disk when its call returns (WAL, synchronous=FULL): kill -9, or a power cut, loses no finished turn. What
 * is deleted stays for a month and can be brought back. Structs (chat/turn.h) go in and come out; the caller owns what came
 * out. A reply reads the end of a chat by us_store_get_lines() and its like, which cost the same for a chat of 20 turns and of
 * 20,000. Safe from any thread; one at a time works.
 *
 * Errors: NOT_FOUND, ARGUMENT, MISMATCH (an undo after which something was said), INTERRUPTED (another program holds the file
 * locked), IO (the disk is full or broken), FORMAT (the file is damaged, of a later version, or not
 * made by this program: nothing in it is run). */
#ifndef US_CHAT_STORE_H
#define US_CHAT_STORE_H
#include "chat/turn.h"

typedef struct us_store us_store;

/* path ":memory:": nothing is kept. */
US_MUST_USE us_status us_store_open(const char *path, us_store **out, us_error *err);
/* The chats of a file as they are now, to be read: a copy for us alone, gone when it is closed. Nothing changes in the file,
 * not even the form of an older version, and a server may go on writing it. NOT_FOUND: it is not there. */
US_MUST_USE us_status us_store_open_copy(const char *path, us_store **out, us_error *err);
void us_store_close(us_store *s);
/* All chats may take so many bytes; 0, as at the beginning: as many as there is room for. Chats that are added or branched
 * off beyond that are refused: LIMIT, for the reason "quota". */
US_MUST_USE us_status us_store_set_room(us_store *s, uint64_t most, us_error *err);
/* Before anything else by which chats grow. If they fill their room, those that were deleted go for good, the longest deleted
 * first; LIMIT when that does not help. What is written nevertheless is kept: a reply is not lost. */
US_MUST_USE us_status us_store_make_room(us_store *s, us_error *err);
/* A consistent copy of the file, while others use it (SQLite's online backup). `to` is new or empty. */
US_MUST_USE us_status us_store_copy(const char *from, const char *to, us_error *err);

/* ---- chats ---- */

/* With its turns (an import) and its owner (NULL or "": nobody's); ids and times that it has are not used, but those of
 * turns. All checked elsewhere. */
US_MUST_USE us_status us_store_add_chat(us_store *s, const us_stored_chat *chat, char id[US_STORE_ID], us_error *err);
/* Without turns, strengths and notes but with `last` and `owner`, the newest first, of this owner (NULL: of all), `most` of
 * them (0: all) of *n_all; us_stored_chats_free(). */
US_MUST_USE us_status us_store_list_chats(us_store *s, const char *owner, size_t most, us_stored_chat **out, size_t *n,
                                          uint64_t *n_all, us_error *err);
void us_stored_chats_free(us_stored_chat *chats, size_t n);
/* Whose a chat is, deleted or not. A branch is whose the chat is. */
bool us_store_is_owner(us_store *s, const char *id, const char *owner);
/* us_stored_chat_fini(). LIMIT: with its turns it is too large. */
US_MUST_USE us_status us_store_get_chat(us_store *s, const char *id, bool turns, us_stored_chat *out, us_error *err);
enum { US_CHAT_TITLE = 1, US_CHAT_USER = 2, US_CHAT_STAGE = 4, US_CHAT_SCALE = 8, US_CHAT_NOTES = 16 };
/* Writes these fields of *c. */
US_MUST_USE us_status us_store_change_chat(us_store *s, const char *id, const us_stored_chat *c, unsigned fields,
                                           us_error *err);
US_MUST_USE us_status us_store_delete_chat(us_store *s, const char *id, us_error *err);
US_MUST_USE us_status us_store_restore_chat(us_store *s, const char *id, us_error *err);
/* A chat of its own with the turns up to and including `turn`. */
US_MUST_USE us_status us_store_branch(us_store *s, const char *id, int64_t turn, char branch[US_STORE_ID], us_error *err);

/* A turn that has the words looked for; its text is the wording that counts. */
typedef struct us_store_hit {
    char chat[US_STORE_ID];
    int64_t turn;
    char *speaker, *text;
} us_store_hit;
enum { US_MAX_HITS = 50 };
/* The newest turns (at most US_MAX_HITS) of chats that are there whose words hold `words`, whatever its case in any script;
 * owner "": of all chats. us_store_hits_free(). */
US_MUST_USE us_status us_store_search(us_store *s, const char *words, const char *owner, us_store_hit **out, size_t *n,
                                      us_error *err);
void us_store_hits_free(us_store_hit *hits, size_t n);

/* ---- what a reply reads ---- */

/* The last lines that `who` (a character's id) has heard before the turn `before` (0: all): at least n, not counting their own
 * at the very end, if there are so many. us_chat_lines_fini(). */
US_MUST_USE us_status us_store_get_lines(us_store *s, const char *chat, const char *who, int64_t before, size_t n,
                                         us_chat_lines *out, us_error *err);
/* What the visitor has told of themselves before that turn: the notes that somebody has written and what was told after, or
 * what was told, in the last 256 lines that tell something. `who`: only what this character has heard; NULL: all.
 * us_notes_fini(). */
US_MUST_USE us_status us_store_get_notes(us_store *s, const us_stored_chat *chat, const char *who, int64_t before,
                                         us_notes *out, us_error *err);
/* The character's last turn, which orders them; -1 when they have not spoken. */
US_MUST_USE us_status us_store_last_spoke(us_store *s, const char *chat, const char *character, int64_t *turn, us_error *err);

/* ---- turns ---- */

/* Adds the turn as the last one; its id and created_ms are set. prompt[n_prompt] (may be NULL) is what the model read. */
US_MUST_USE us_status us_store_add_turn(us_store *s, const char *chat, us_stored_turn *turn, const int32_t *prompt,
                                        size_t n_prompt, us_error *err);
/* turn 0: the last one. us_turn_fini(). */
US_MUST_USE us_status us_store_get_turn(us_store *s, const char *chat, int64_t turn, us_stored_turn *out, us_error *err);
/* Writes the wordings, which of them counts, edited, n_tokens, seconds, n_cached back; and the prompt, unless NULL. */
US_MUST_USE us_status us_store_change_turn(us_store *s, const char *chat, const us_stored_turn *turn, const int32_t *prompt,
                                           size_t n_prompt, us_error *err);
/* malloc()ed ids, *n 0 when the turn has none. */
US_MUST_USE us_status us_store_get_prompt(us_store *s, const char *chat, int64_t turn, int32_t **ids, size_t *n, us_error *err);
/* Forgets this turn and all after it, until the undo. */
US_MUST_USE us_status us_store_cut(us_store *s, const char *chat, int64_t turn, char undo[US_STORE_ID], us_error *err);
US_MUST_USE us_status us_store_uncut(us_store *s, const char *chat, const char *undo, us_error *err);

#endif
