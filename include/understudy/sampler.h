/* understudy/sampler.h - choosing the next token from logits.
 *
 * The chain, in its order; members that would change nothing are left out:
 * logit bias, penalties, DRY, top-k, typical, top-p, min-p, XTC, temperature, draw. Temperature 0 is greedy (after penalties
 * and DRY). Same seed and logits, same tokens. A sampler belongs to one sequence. */
#ifndef UNDERSTUDY_SAMPLER_H
#define UNDERSTUDY_SAMPLER_H

#include "understudy/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define US_LEAST 1e-9 /* of a probability, where 0 means the default */

/* Added to the logit of one token before everything else; -100 bans it. */
typedef struct us_logit_bias {
    int32_t token;
    float bias; /* -100..100 */
} us_logit_bias;

struct us_grammar; /* generate/grammar.h, made by the server of a request's schema */

/* A zeroed struct is greedy, with everything off. A zeroed field means what stands beside it; us_sampler_defaults() has what
 * characters are spoken with. */
typedef struct us_sampler_options {
    double temperature;    /* 0: greedy */
    int32_t top_k;         /* 0: off */
    double top_p;          /* 0 or 1: off; US_LEAST: the likeliest token alone */
    double min_p;          /* 0: off */
    double typical_p;      /* 0 or 1: off */
    double repeat_penalty; /* 0 or 1: off; divides (positive) or multiplies (negative) logits of seen tokens */
    double presence_penalty, frequency_penalty; /* 0: off */
    int32_t repeat_last_n;                      /* tokens that penalties look at; 0 or -1: all */
    double dry_multiplier;                      /* 0: off */
    double dry_base;                            /* 0: 1.75 */
    int32_t dry_allowed_length;                 /* 0: 2 */
    int32_t dry_last_n;                         /* tokens that DRY looks at; 0: the whole chat */
    double xtc_probability;                     /* 0: off */
    double xtc_threshold;                       /* 0: 0.1; US_LEAST: whatever the probability */
    uint64_t seed;
    const us_logit_bias *biases; /* [n_biases], borrowed as long as a sampler has them; NULL: none */
    size_t n_biases;
    struct us_grammar *grammar; /* what may be drawn, borrowed; its samplers are used by one thread at a time. NULL: anything */
} us_sampler_options;

/* Temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, DRY 0.8/1.75/2, the rest off. */
US_API us_sampler_options us_sampler_defaults(void);
/* For options that somebody wrote out, over the defaults: 0 is a value there. top_p, typical_p and xtc_threshold of 0 become
 * US_LEAST, repeat_last_n 0 switches the penalties off. */
US_API void us_sampler_take_literally(us_sampler_options *o);
/* Checks the ranges; ARGUMENT names the member. */
US_API US_MUST_USE us_status us_sampler_check(const us_sampler_options *o, us_error *err);
/* "dry 0.8/1.75/2 -> top-k 40 -> ..." of what acts. *out is n_max bytes. */
US_API void us_sampler_describe(const us_sampler_options *o, char *out, size_t n_max);

typedef struct us_sampler us_sampler;
US_API US_MUST_USE us_status us_sampler_new(const us_sampler_options *o, int32_t n_vocab, us_sampler **out, us_error *err);
US_API void us_sampler_free(us_sampler *s);
US_API void us_sampler_reseed(us_sampler *s, uint64_t seed);
/* What has been said so far, for penalties and DRY (replaces what was known). */
US_API US_MUST_USE us_status us_sampler_set_history(us_sampler *s, const int32_t *tokens, size_t n, us_error *err);
#define US_MAX_BREAKERS 16
/* Tokens that end a match for DRY (newline, quote, colon, end of turn): the first US_MAX_BREAKERS, copied. */
US_API void us_sampler_set_breakers(us_sampler *s, const int32_t *tokens, size_t n);
/* Phrases that may be said again and again (a character's own): DRY never cuts a token that goes on with one. Borrowed. */
US_API void us_sampler_set_phrases(us_sampler *s, const us_tokens *phrases, size_t n);
/* Draws a token from logits[n_vocab] and adds it to the history. */
US_API US_MUST_USE us_status us_sampler_draw(us_sampler *s, const float *logits, int32_t *token, us_error *err);
/* True once the grammar allows nothing but an end. */
US_API bool us_sampler_is_over(const us_sampler *s);

#ifdef __cplusplus
}
#endif
#endif
