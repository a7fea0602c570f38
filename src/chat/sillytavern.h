/* chat/sillytavern.h - chats as SillyTavern keeps them: JSONL, a head, then a line a message. What comes in is a stranger's.
 *
 * Whose words a line holds is not guessed: the user's are the user's, a known character's are that character's, and those of a
 * narrator or of somebody who is not here are said by a speaker of their own. What is not taken over is counted. */
#ifndef US_CHAT_SILLYTAVERN_H
#define US_CHAT_SILLYTAVERN_H
#include "character/library.h"
#include "chat/turn.h"

/* Writes the id of the character of this name; "" when there is none. */
typedef void us_find_by_name_fn(void *ctx, const char *name, char id[US_CHARACTER_ID]);

/* What was not taken over: lines, and answers beside the one that stands. */
typedef struct us_left_out {
    int64_t hidden, empty, too_long, broken, swipes;
} us_left_out;

/* text[n] becomes a chat as us_store_add_chat() takes it. `stage` (NULL: whoever the file names and is known) is a checked list
 * of ids, of which the first is who the file's head names. The caller owns *chat. ARGUMENT when nothing in it is a chat, or
 * nobody of it is known. */
US_MUST_USE us_status us_sillytavern_read(const char *text, size_t n, const us_id_list *stage, us_find_by_name_fn *find,
                                          void *ctx, us_stored_chat *chat, us_left_out *left_out, us_error *err);
/* malloc()ed; `name` is the character's. NULL when out of memory. */
char *us_sillytavern_write(const us_stored_chat *chat, const char *name);
#endif
