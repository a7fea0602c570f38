/* serve/chats.h - what the routes of chats share. */
#ifndef US_SERVE_CHATS_H
#define US_SERVE_CHATS_H
#include "chat/sillytavern.h"
#include "serve/server.h"

enum { US_MAX_STAGE = 16 };

/* Claims r->chat, once a request: one writer a chat at a time. Waits a few seconds for a reply under way (a client that left it
 * is noticed soon); MISMATCH when it goes on. Whatever happens, http.c releases it with the request, or before when nothing is
 * streamed. */
US_MUST_USE us_status us_chat_claim(us_request *r, us_error *err);
/* The reply that /stop ends, and ends at once when it was asked for before; NULL again before it is freed. */
void us_chat_set_reply(us_request *r, us_reply *reply);
/* Does nothing when the request holds no chat. */
void us_chat_release(us_request *r);
/* The chat as it is now. */
enum MHD_Result us_chat_answer(us_request *r, int code, const char *id);
/* A chat of a file, as us_store_add_chat() takes it. us_stored_chat_fini(). */
US_MUST_USE us_status us_chat_from_ours(us_server *s, const json_t *data, us_stored_chat *out, us_error *err);
US_MUST_USE us_status us_chat_from_sillytavern(us_server *s, const char *jsonl, size_t n, const json_t *characters,
                                               us_stored_chat *out, us_left_out *left_out, us_error *err);
/* malloc()ed; NULL when out of memory. */
char *us_chat_to_ours(const us_stored_chat *chat, const us_notes *notes);
char *us_chat_to_sillytavern(us_server *s, const us_stored_chat *chat);

#endif
