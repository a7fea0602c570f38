/* reply/take.h - one take: a candidate reply, drawn token by token and watched for its end.
 *
 * The batch (batch.h) owns the sequence and decides when a take goes on; here is what one token does to it. */
#ifndef US_REPLY_TAKE_H
#define US_REPLY_TAKE_H
#include "base/buf.h"
#include "reply/rank.h"
#include "reply/rules.h"
#include "understudy/reply.h"
#include "understudy/sampler.h"
#include "understudy/tokenizer.h"

#define US_MAX_TOP 20

/* What ends a take. Borrowed. */
typedef struct us_take_rules {
    const us_tokenizer *tok;
    us_stops stops;
    const char *const *texts; /* [n_texts] that end a reply and are not shown */
    size_t n_texts;
    int32_t max_tokens;
    bool cut_loops;
    bool exact;    /* a text that goes on, to the byte: no stops but texts, blanks at its ends stay */
    int32_t n_top; /* likeliest tokens kept for each drawn one, at most US_MAX_TOP */
} us_take_rules;

typedef struct us_top {
    int32_t id;
    float logprob; /* nats */
} us_top;

typedef struct us_take {
    int32_t seq; /* -1: none */
    us_tokens ids;
    us_buf text;
    us_sampler *sampler;
    us_stop_view view;
    float *logprobs; /* [ids.n], nats */
    size_t cap_logprobs;
    us_top *top; /* [ids.n][n_top], likeliest first */
    size_t cap_top;
    double logprob, unconditional, judged, score; /* of ids, nats: under the conversation; without what is answered and the
                                             value, after ranking */
    bool done, ended, looped, leaked;             /* leaked: after ranking */
} us_take;

US_MUST_USE us_status us_take_begin(us_take *t, const us_sampler_options *o, const us_take_rules *r, const int32_t *prompt,
                                    size_t n_prompt, us_error *err);
/* Frees all but the sequence. */
void us_take_end(us_take *t);
/* Log-probability (nats) of token `id` under these logits; the likeliest rules->n_top tokens go into top[n_top]. */
double us_take_logprob(const us_take_rules *r, const float *logits, int32_t id, us_top *top);
/* Draws the next token and looks where that leaves the take. */
US_MUST_USE us_status us_take_step(us_take *t, const us_take_rules *r, const float *logits, us_error *err);
/* The bytes of text that are spoken, [begin, end): a loop is shown once, no half character at the end. */
void us_take_spoken(const us_take *t, const us_tokenizer *tok, size_t *begin, size_t *end);
/* The same as words: valid UTF-8, U+FFFD for what is none; free *out. */
US_MUST_USE us_status us_take_words(const us_take *t, const us_tokenizer *tok, char **out, us_error *err);

#endif
