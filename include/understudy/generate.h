/* understudy/generate.h - running a model: sequences over one paged KV cache, evaluated in batches.
 *
 * An engine owns the cache, the threads and the scratch memory. It holds many sequences; one call
 * of us_engine_eval() advances any number of them together, each by any number of tokens (prefill
 * and decode mix freely), each through its own adapter or none. Sequences that were forked share
 * the cache pages of their common prefix. An engine has one owner at a time (it is not locked);
 * several engines may share one model.
 *
 *     us_engine *e;  int32_t seq;
 *     us_engine_new(model, &(us_engine_options){0}, &e, &err);
 *     us_engine_seq_new(e, &seq, &err);
 *     us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = n}, 1, &err);
 *     const float *logits = us_engine_get_logits(e, 0, 0); // [V], after the last token
 *
 * Same model, tokens and CPU features: the same bytes, whatever the number of threads. */
#ifndef UNDERSTUDY_GENERATE_H
#define UNDERSTUDY_GENERATE_H

#include "understudy/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_engine us_engine;

typedef enum us_kv_type { US_KV_F16 = 0, US_KV_Q8_0, US_KV_F32 } us_kv_type;

typedef struct us_engine_options {
    int n_threads;     /* 0: every CPU this process may use */
    int32_t n_ctx;     /* cache capacity in tokens over all sequences together; 0: min(4096, n_ctx_train) */
    int32_t n_seq_max; /* most sequences alive at once; 0: 64 */
    int32_t n_batch;   /* most tokens computed in one pass (longer spans are split); 0: 512 */
    us_kv_type kv_type;
} us_engine_options;

/* Bytes that an engine with these options would take, before it is made (cache + scratch). */
US_API uint64_t us_engine_bytes(const us_model *model, const us_engine_options *options);
/* MEMORY, with the arithmetic in words, when it would not fit in the machine's available memory, beside the weights where they
 * are not loaded yet; UNSUPPORTED when the cache's type does not suit the model. As `check` of us_model_options, `options`
 * being its context, it refuses a context before the model is loaded. */
US_API US_MUST_USE us_status us_engine_check(void *options, const us_model *model, us_error *err);
/* The same errors. */
US_API US_MUST_USE us_status us_engine_new(const us_model *model, const us_engine_options *options, us_engine **out,
                                           us_error *err);
US_API void us_engine_free(us_engine *e);
US_API const us_model *us_engine_get_model(const us_engine *e);
US_API int us_engine_get_threads(const us_engine *e);
US_API int32_t us_engine_get_ctx(const us_engine *e);  /* capacity, tokens */
US_API int32_t us_engine_get_free(const us_engine *e); /* tokens that could still be added by one new sequence */

/* What a model should do here, by the machine's speed at this moment: upper bounds, without attention, which grows with a
 * chat. */
typedef struct us_speed {
    int n_threads;
    uint64_t memory_bytes; /* weights, and an engine with its default context */
    double bytes_per_s;    /* at which weights of the model's commonest type are read and multiplied by one row */
    double decode;         /* tokens/s drawn, one sequence */
    double prefill;        /* tokens/s of a prompt */
    double train; /* tokens/s that a LoRA learns from: forward, and back in float32 (or the tiles that training takes) */
} us_speed;
/* Measures for about half a second. The weights need not be loaded: as `check` of us_model_options it may be called when they
 * are not. n_threads 0: every CPU. */
US_API US_MUST_USE us_status us_speed_expect(const us_model *model, int n_threads, us_speed *out, us_error *err);

/* An empty sequence. LIMIT when n_seq_max are alive. */
US_API US_MUST_USE us_status us_engine_seq_new(us_engine *e, int32_t *seq, us_error *err);
US_API void us_engine_seq_free(us_engine *e, int32_t seq);
/* A new sequence that begins as the first n_tokens of `seq` (pages shared, copied on write). */
US_API US_MUST_USE us_status us_engine_seq_fork(us_engine *e, int32_t seq, int32_t n_tokens, int32_t *out, us_error *err);
/* Forgets everything from position n_tokens on. */
US_API void us_engine_seq_truncate(us_engine *e, int32_t seq, int32_t n_tokens);
US_API int32_t us_engine_seq_len(const us_engine *e, int32_t seq);
/* The adapter for tokens evaluated from now on (NULL: none), and its strength (0..2). */
US_API void us_engine_seq_set_adapter(us_engine *e, int32_t seq, const us_adapter *adapter, float scale);

typedef enum us_logits { US_LOGITS_LAST = 0, US_LOGITS_NONE, US_LOGITS_ALL } us_logits;

/* Tokens to append to one sequence. */
typedef struct us_span {
    int32_t seq;
    const int32_t *tokens;
    int32_t n_tokens;
    us_logits logits; /* which positions' logits are wanted */
    /* These are prompt tokens: evaluated, no sample drawn. Spans of several tokens always count as such. AMX rounds prompt
     * tokens differently: set it for a single last token of a prompt whose rest is cached, and the logits are the same bytes
     * as without the cache. */
    bool prompt;
} us_span;

/* Called between passes of a long evaluation; return false to stop (INTERRUPTED; the sequences keep
 * what was evaluated). */
typedef bool us_progress_fn(void *ctx, int32_t n_done_tokens, int32_t n_total_tokens);
US_API void us_engine_set_progress(us_engine *e, us_progress_fn *fn, void *ctx);

/* Evaluates all spans (at most one per sequence). LIMIT when the cache is full (nothing was changed),
 * ARGUMENT for a token id out of range. Logits stay valid until the next call. */
US_API US_MUST_USE us_status us_engine_eval(us_engine *e, const us_span *spans, int32_t n_spans, us_error *err);
/* Logits [V] of span i: of its last token (i_token ignored), or of token i_token with US_LOGITS_ALL.
 * NULL when they were not asked for. */
US_API const float *us_engine_get_logits(const us_engine *e, int32_t i_span, int32_t i_token);
/* Sum over the span of log p(token[i+1] | ...) for scoring without keeping V floats a position:
 * evaluates tokens[0..n) after what the sequence holds and writes logprobs[0..n): logprobs[i] is
 * log p(tokens[i] | all before), nats; logprobs[0] is NAN when the sequence is empty. */
US_API US_MUST_USE us_status us_engine_score(us_engine *e, const us_span *spans, int32_t n_spans, float *const *logprobs,
                                             us_error *err);

/* Makes `seq` hold exactly these tokens, keeping the longest prefix it has already and evaluating the
 * rest; the logits of the last token are available as span 0. *n_reused (may be NULL) says how many
 * tokens were kept. At least the last token is evaluated again. */
US_API US_MUST_USE us_status us_engine_seq_set_tokens(us_engine *e, int32_t seq, const int32_t *tokens, int32_t n_tokens,
                                                      int32_t *n_reused, us_error *err);
/* The tokens that a sequence holds. Borrowed until the sequence changes. */
US_API const int32_t *us_engine_seq_get_tokens(const us_engine *e, int32_t seq, int32_t *n);

/* Does a model know the language of some texts? */
typedef struct us_fluency {
    double nats;          /* a character, as the model predicts a sample of the texts */
    double plain_nats;    /* a character, for whoever knows only how often each comes in these texts */
    double bytes_a_token; /* of the sample */
    uint32_t n_tokens;    /* that were scored; 0: too little text to say anything */
    double limit;         /* of nats / plain_nats: 0.49 where a character is a letter, 0.70 where it is a syllable or a word */
    bool hardly;          /* above it: the model would babble */
} us_fluency;
/* Scores at most 512 tokens, from all over the texts. n_threads 0: every CPU. MEMORY. */
US_API US_MUST_USE us_status us_fluency_measure(const us_model *model, const char *const *texts, size_t n, int n_threads,
                                                us_fluency *out, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
