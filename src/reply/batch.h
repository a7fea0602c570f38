/* reply/batch.h - many replies at once over one engine: continuous batching.
 *
 * Any thread submits a job and waits for its words; one worker thread uses the engine. Each pass advances every
 * take that is being decoded by one token and reads a piece of the prompts that wait: jobs join and leave at any pass.
 * A finished job's sequence is kept, so that the next turn of that chat, or another chat of the same character, computes
 * only what is new. The same job gives the same bytes, whatever runs beside it and whatever the cache holds; only patience
 * looks at a clock. Knows tokens and adapters; knows nothing of HTTP, characters or templates. */
#ifndef US_REPLY_BATCH_H
#define US_REPLY_BATCH_H
#include "reply/take.h"
#include "understudy/generate.h"

typedef struct us_batch us_batch;
typedef struct us_job us_job;

/* Everything pointed to is borrowed until us_job_free(). What each field means for a reply is decided in reply.h. */
typedef struct us_job_spec {
    const int32_t *prompt; /* [n_prompt] */
    int32_t n_prompt;
    const int32_t *unconditional; /* [n_unconditional] the conversation without what is answered, for ranking; NULL: not ranked
                                     by it */
    int32_t n_unconditional;
    us_conversation_view view; /* for judges; prompt and engine are filled in */
    int32_t n_takes;           /* 1 streams */
    double patience_seconds;   /* > 0: takes are halved while a usual reply would need longer; 0: all are made */
    /* A reply without a word, or of several takes that are all loops or leaks, is made again, one that forgets once; 0: 1. */
    int32_t n_attempts;
    const us_logit_bias *denial; /* [n_denial] the sampler's biases in the last attempt, after leaks; NULL: as before */
    size_t n_denial;
    bool probs;        /* us_job_read_probs() will be called */
    bool prompt_probs; /* us_job_read_prompt_probs() will be called: all of the prompt is read, whatever the cache holds */
    bool separate;     /* the takes are answers of their own: not ranked, each streams, none is made again */
    const us_adapter *adapter;
    float scale;
    us_sampler_options sampler; /* take i of attempt k draws by a hash of the seed, the prompt, k and i */
    us_take_rules rules;
    us_ranking ranking;
    const us_tokens *phrases; /* [n_phrases] which DRY leaves alone */
    size_t n_phrases;
    uint64_t client; /* who asks: those with fewer replies under way go first */
} us_job_spec;

typedef struct us_job_view {
    bool done;
    us_status status;          /* once done */
    int32_t n_read, n_cached;  /* prompt tokens read so far, of which from the cache */
    int32_t n_takes, n_made;   /* takes that are made, of which have ended */
    int32_t n_attempts;        /* this is the n-th */
    int32_t n_loops, n_labels; /* takes of all attempts that were cut as loops, or stopped at a label */
} us_job_view;

typedef struct us_batch_stats {
    uint64_t n_jobs, n_refused, n_cancelled, n_prompt_tokens, n_cached_tokens, n_reply_tokens, n_passes;
    int32_t n_running, n_queued;
} us_batch_stats;

/* At most n_slots jobs run at once, n_queue_max wait. The engine must outlive it. Nobody else uses the engine from a submit on
 * until all jobs are done, nor during us_batch_forget() and us_batch_stop(); at other times the worker leaves it alone. */
US_MUST_USE us_status us_batch_new(us_engine *e, int32_t n_slots, int32_t n_queue_max, us_batch **out, us_error *err);
/* Cancels what is left and ends the worker. Every job must be freed afterwards, or before. */
void us_batch_stop(us_batch *s);
void us_batch_free(us_batch *s);
us_batch_stats us_batch_get_stats(us_batch *s);
/* Lets go of what the cache holds of this adapter; afterwards it may be freed. No job with it may be alive. */
void us_batch_forget(us_batch *s, const us_adapter *adapter);
/* How many tokens a prompt may have, with what it is compared with, when so many takes of so many tokens are to fit beside
 * it. */
int32_t us_batch_room(const us_batch *s, int32_t n_takes, int32_t max_tokens);
/* How many tokens so many takes may have behind such a prompt. */
int32_t us_batch_most_tokens(const us_batch *s, int32_t n_takes, int32_t n_prompt, int32_t n_unconditional);
/* The other way round: how many tokens an engine needs for one reply of which prompt and words take `context` tokens. */
int32_t us_batch_tokens_for(int32_t context, int32_t n_takes, int32_t max_tokens);
/* LIMIT when the queue is full. */
US_MUST_USE us_status us_batch_submit(us_batch *s, const us_job_spec *spec, us_job **out, us_error *err);
/* Waits at most timeout_ms for anything new (prompt read, text, a take's end, the end) since *seen, which begins at 0. */
us_job_view us_job_wait(us_job *j, uint64_t *seen, int timeout_ms);
/* Appends what has been said past `from` bytes: of take i when they are separate, else (i is 0) of the one that is spoken. */
US_MUST_USE us_status us_job_read(us_job *j, int32_t i, size_t from, us_buf *out, us_error *err);
/* The same for its tokens: the ids and log-probabilities of those that have been drawn, past the first `from`. */
typedef struct us_prob {
    int32_t id;
    float logprob;          /* nats */
    us_top top[US_MAX_TOP]; /* [rules.n_top] */
} us_prob;
US_MUST_USE us_status us_job_read_probs(us_job *j, int32_t i, size_t from, us_prob **out, size_t *n,
                                        us_error *err); /* free *out */
/* And for the prompt's: entry k is its token k + 1. All of them once it has been read. */
US_MUST_USE us_status us_job_read_prompt_probs(us_job *j, us_prob **out, size_t *n, us_error *err); /* free *out */
/* What one of several takes has so far, whole; nothing once one has been chosen. It need not be the one that is spoken. */
US_MUST_USE us_status us_job_read_draft(us_job *j, us_buf *out, us_error *err);
void us_job_cancel(us_job *j);
/* The takes of a finished job's last attempt, the spoken one at *best. Borrowed. */
const us_take *us_job_get_takes(const us_job *j, int32_t *n, int32_t *best);
const us_error *us_job_get_error(const us_job *j);
/* Cancels it if need be, waits for the worker to let go of it. */
void us_job_free(us_job *j);

#endif
