/* audition/score.h - log-likelihoods of many continuations of many prompts, in large batches. */
#ifndef US_AUDITION_SCORE_H
#define US_AUDITION_SCORE_H
#include "understudy/generate.h"
#include "understudy/tokenizer.h"

/* One prompt and what might follow it. Borrowed; sums[i] gets log p(continuation i | prompt), nats. */
typedef struct us_score_group {
    const us_tokens *prompt;      /* not empty */
    const us_tokens *const *next; /* [n_next], none empty */
    size_t n_next;
    double *sums;
} us_score_group;

/* Told how many groups are done; false stops (INTERRUPTED). NULL: not asked. */
typedef bool us_score_progress(void *ctx, size_t done, size_t total);

/* The common head of all prompts is computed once. Adapter NULL: none. The engine's sequences are freed again. */
US_MUST_USE us_status us_score_groups(us_engine *e, const us_adapter *adapter, double scale, us_score_group *groups, size_t n,
                                      us_score_progress *progress, void *ctx, us_error *err);
#endif
