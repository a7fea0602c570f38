/* serve/chats.h - what the routes of chats share. */
#ifndef US_SERVE_CHATS_H
#define US_SERVE_CHATS_H
#include "chat/notes.h"
#include "serve/server.h"

enum { US_MAX_STAGE = 16 };

/* Claims r->chat, once a request: one writer a chat at a time. Waits a few seconds for a reply under way (a client that left it
 * is noticed soon); MISMATCH when it goes on. Whatever happens, http.c releases it with the request, or before when nothing is
 * streamed. */
US_MUST_USE us_status us_chat_claim(us_request *r, us_error *err);
/* The reply that /stop ends; NULL again before it is freed. */
void us_chat_set_reply(us_request *r, us_reply *reply);
/* Does nothing when the request holds no chat. */
void us_chat_release(us_request *r);
/* Checks "title", "user", "characters", "scale", "notes" of a body; what is there. `all`: characters are needed, the rest gets
 * its default. */
US_MUST_USE us_status us_chat_read_settings(us_server *s, const json_t *body, bool all, json_t **out, us_error *err);
/* The chat's notes on the visitor: those that its turns give, or those that somebody has written and what was told after.
 * us_notes_fini(). */
US_MUST_USE us_status us_chat_notes(const json_t *chat, us_notes *out, us_error *err);
/* The chat as it is now. */
enum MHD_Result us_chat_answer(us_request *r, int code, const char *id);
/* A chat of a file, as us_store_add_chat() takes it. */
US_MUST_USE us_status us_chat_from_ours(us_server *s, const json_t *data, json_t **out, us_error *err);
US_MUST_USE us_status us_chat_from_sillytavern(us_server *s, const char *jsonl, size_t n, const json_t *characters,
                                               json_t **out, json_t **left_out, us_error *err);
/* malloc()ed. */
char *us_chat_to_ours(const json_t *chat);
char *us_chat_to_sillytavern(us_server *s, const json_t *chat);

#endif
