/* serve/completion.h - what a client asked for, and the replies under way for it. The OpenAI API, llama.cpp's own routes and
 * Ollama's differ in how they ask (each is put into the OpenAI API's words) and in how they are answered; what lies between is
 * this. */
#ifndef US_SERVE_COMPLETION_H
#define US_SERVE_COMPLETION_H
#include "reply/reply.h"
#include "serve/ask.h"
#include "serve/form.h"
#include "serve/server.h"

typedef struct us_completion {
    us_ask ask;
    us_form form;
    us_character *who;                 /* NULL: the bare model */
    us_reply *replies[US_ASK_CHOICES]; /* [n_replies] one a prompt, of ask.n answers each; none for max_tokens 0 */
    us_reply *failed;
    size_t n_replies;
    int32_t n_prompt_tokens;
} us_completion;

/* body: the request in the OpenAI API's words, which outlives it. */
US_MUST_USE us_status us_completion_begin(us_server *s, const json_t *body, bool chat, us_completion **out, us_error *err);
/* Cancels it if need be; NULL is fine. */
void us_completion_free(void *completion);
/* How many answers there are. */
int32_t us_completion_count(const us_completion *c);
/* All of the replies as one: done when all are, or one has failed. */
us_reply_view us_completion_wait(us_completion *c, int timeout_ms);
const us_error *us_completion_error(const us_completion *c);
/* Answer i of one that is done; its words past `from` while it goes on. */
us_reply_text us_completion_get(const us_completion *c, int32_t i);
US_MUST_USE us_status us_completion_read(us_completion *c, int32_t i, size_t from, us_buf *out, us_error *err);
/* Tokens that were drawn, and those of them that were spoken. */
int32_t us_completion_drawn(const us_completion *c, int32_t *spoken);

#endif
