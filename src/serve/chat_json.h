/* serve/chat_json.h - chats and turns (chat/turn.h) as the JSON of the chat API (docs/serve.md), and back. NULL from a function
 * that makes JSON means that memory ran out. */
#ifndef US_SERVE_CHAT_JSON_H
#define US_SERVE_CHAT_JSON_H
#include "chat/sillytavern.h"
#include "serve/server.h"

/* {"id", "role", "speaker", "character", "text", "chosen", "alternatives": [{"text", "score", "end", "scale"}], ...} */
json_t *us_turn_json(const us_stored_turn *t);
/* With "turns"; its "notes" are `notes`, what is known of the visitor. */
json_t *us_chat_json(const us_stored_chat *c, const us_notes *notes);
/* A row of the list of chats: {"id", "title", "characters", "updated_ms", "n_turns", "last"}. */
json_t *us_chat_row_json(const us_stored_chat *c);
json_t *us_left_out_json(const us_left_out *left_out);

/* Checks "title", "user", "characters", "scale", "notes" of a body into *out and says in *fields (US_CHAT_*) which are there.
 * `all`: characters are needed, the rest gets its default. us_stored_chat_fini(). */
US_MUST_USE us_status us_chat_read_settings(us_server *s, const json_t *body, bool all, us_stored_chat *out, unsigned *fields,
                                            us_error *err);
/* One turn of a chat that was exported: only what we know is taken over. `i` is its number, for messages; who is on stage has
 * heard it, unless it says who has. us_turn_fini(). */
US_MUST_USE us_status us_turn_from_json(const json_t *j, size_t i, const us_id_list *stage, us_stored_turn *out, us_error *err);

#endif
