/* reply/take.h - one candidate reply, token by token: drawn, watched for its end, scored.
 *
 * Who decodes it (the chat in the terminal, the server's schedule) owns the sequence and the batch. */
#ifndef US_REPLY_TAKE_H
#define US_REPLY_TAKE_H
#include "base/buf.h"
#include "reply/leaks.h"
#include "reply/rules.h"
#include "understudy/sampler.h"
#include "understudy/tokenizer.h"

#define US_MAX_TAKES 32

/* What ends a take. Borrowed. */
typedef struct us_take_rules {
    const us_tokenizer *tok;
    us_stops stops;
    const char *const *texts; /* texts that end a reply and are not shown */
    size_t n_texts;
    int32_t max_tokens;
    bool cut_loops;
    bool exact;            /* a text that goes on, to the byte: no stops but texts, blanks at its ends stay */
    const us_leaks *leaks; /* marks takes in which a machine speaks; NULL: none */
    double (*bonus)(const void *ctx, const char *text); /* what speaks for a take besides its likelihood, nats; NULL: nothing */
    const void *bonus_ctx;
    int32_t n_top; /* likeliest tokens kept for each drawn one, at most US_MAX_TOP */
} us_take_rules;

#define US_MAX_TOP 20
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
    double logprob, alone, score; /* of ids under the conversation; without what is answered and the value, after ranking */
    bool done, ended, looped;
    bool repeats, leaked; /* once done: says a sentence twice in a row; a machine speaks */
    double bonus;         /* once done */
} us_take;

US_MUST_USE us_status us_take_begin(us_take *t, const us_sampler_options *o, const us_take_rules *r, const int32_t *prompt,
                                    size_t n_prompt, us_error *err);
/* Frees all but the sequence. */
void us_take_end(us_take *t);
/* Draws the next token and looks where that leaves the take. */
US_MUST_USE us_status us_take_step(us_take *t, const us_take_rules *r, const float *logits, us_error *err);
/* How takes are compared. */
typedef struct us_take_weights {
    double lambda;       /* of the score without what is answered, 0..1 */
    double length_power; /* 0: likelihoods of whole replies are compared; 1: a token's, which favours short ones */
} us_take_weights;
/* What a take is judged by. */
typedef struct us_take_facts {
    double logprob, alone; /* nats, of n_tokens */
    double bonus;
    int32_t n_tokens;
    bool ended, looped, stopped, empty, repeats, leaked;
} us_take_facts;
/* The value of a take: the one with the greatest is spoken. Maximum mutual information (Li et al. 2016, MMI-antiLM):
 * (log p(take | conversation) - lambda log p(take | conversation without what is answered)) / tokens^length_power + bonus.
 * Loops and empty replies, then those in which a machine speaks, that did not end, that say a sentence twice, that ran into
 * another speaker's label are struck out by penalties so large that one of them is spoken only if all are such. */
double us_take_value(const us_take_facts *f, const us_take_weights *w);
/* Fills alone and score from the take. */
void us_take_score(us_take *t, const us_take_weights *w, double alone);
/* The bytes of text that are spoken, [begin, end): a loop is shown once, no half character at the end. */
void us_take_spoken(const us_take *t, const us_tokenizer *tok, size_t *begin, size_t *end);

#endif
