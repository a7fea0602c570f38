/* chat/store.h - every chat, kept in one SQLite file.
 *
 * A write is on the disk when its call returns (WAL, synchronous=FULL): kill -9, or a power cut, loses no finished turn. What
 * is deleted stays for a month and can be brought back. Rows go in and out as JSON of the chat API (docs/serve.md). Safe from
 * any thread; one at a time works.
 *
 * Errors: NOT_FOUND, ARGUMENT, MISMATCH (an undo after which something was said), INTERRUPTED (another program holds the file
 * locked), IO (the disk is full or broken), FORMAT (the file is damaged, of a later version, or not
 * made by this program: nothing in it is run). */
#ifndef US_CHAT_STORE_H
#define US_CHAT_STORE_H
#include "chat/turn.h"
#include <jansson.h>

typedef struct us_store us_store;
#define US_STORE_ID 20 /* bytes of a chat's or an undo's id, NUL included */

/* path ":memory:": nothing is kept. */
US_MUST_USE us_status us_store_open(const char *path, us_store **out, us_error *err);
void us_store_close(us_store *s);
/* A consistent copy of the file, while others use it (SQLite's online backup). `to` is new or empty. */
US_MUST_USE us_status us_store_copy(const char *from, const char *to, us_error *err);

/* chat: {"title", "characters": [ids], "user", "scale": {id: x}}; "turns" too (an import), each {"role", "speaker",
 * "character", "text", "chosen", "alternatives", "present", ...}. All checked elsewhere. */
US_MUST_USE us_status us_store_add_chat(us_store *s, const json_t *chat, char id[US_STORE_ID], us_error *err);
/* [{"id", "title", "characters", "updated_ms", "n_turns", "last"}], the newest first. */
US_MUST_USE us_status us_store_list_chats(us_store *s, json_t **out, us_error *err);
/* With "turns"; the caller owns *out. */
/* Whose a chat is, deleted or not: "" is nobody's, as at first. A branch is nobody's either until it is said. */
US_MUST_USE us_status us_store_set_owner(us_store *s, const char *id, const char *owner, us_error *err);
bool us_store_is_owner(us_store *s, const char *id, const char *owner);
US_MUST_USE us_status us_store_get_chat(us_store *s, const char *id, json_t **out, us_error *err);
/* The same for a reply, which needs what was said: "alternatives" is null in all turns but the last. */
US_MUST_USE us_status us_store_get_lines(us_store *s, const char *id, json_t **out, us_error *err);
/* Those of title, user, scale, characters, notes that are in `changes`. A chat's "notes" are those that somebody has written:
 * {"items": [sentences], "after": created_ms of the last turn that they stand for}, {} or null: none. */
US_MUST_USE us_status us_store_change_chat(us_store *s, const char *id, const json_t *changes, us_error *err);
US_MUST_USE us_status us_store_delete_chat(us_store *s, const char *id, us_error *err);
US_MUST_USE us_status us_store_restore_chat(us_store *s, const char *id, us_error *err);
/* A chat of its own with the turns up to and including `turn`. */
US_MUST_USE us_status us_store_branch(us_store *s, const char *id, int64_t turn, char branch[US_STORE_ID], us_error *err);

/* Adds the turn as the last one; *id and the turn's "id" and "created_ms" are set. prompt[n_prompt] (may be NULL) is what the
 * model read. */
US_MUST_USE us_status us_store_add_turn(us_store *s, const char *chat, json_t *turn, const int32_t *prompt, size_t n_prompt,
                                        us_error *err);
US_MUST_USE us_status us_store_get_turn(us_store *s, const char *chat, int64_t turn, json_t **out, us_error *err);
/* Writes text, chosen, alternatives, edited, n_tokens, seconds, n_cached back; and the prompt, unless NULL. */
US_MUST_USE us_status us_store_change_turn(us_store *s, const char *chat, const json_t *turn, const int32_t *prompt,
                                           size_t n_prompt, us_error *err);
/* malloc()ed ids, *n 0 when the turn has none. */
US_MUST_USE us_status us_store_get_prompt(us_store *s, const char *chat, int64_t turn, int32_t **ids, size_t *n, us_error *err);
/* Forgets this turn and all after it, until the undo. */
US_MUST_USE us_status us_store_cut(us_store *s, const char *chat, int64_t turn, char undo[US_STORE_ID], us_error *err);
US_MUST_USE us_status us_store_uncut(us_store *s, const char *chat, const char *undo, us_error *err);

#endif
