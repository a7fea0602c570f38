/* train/rehearsal.h - what the base says by itself, learned along with the part so that it is not forgotten.
 *
 * Neutral prompts are put to the base: no adapter, no persona (the template's own system message, if it has one). Its
 * answers, sampled, become bare sequences. No data of anybody's is needed, and the targets are what the model did before
 * (pseudo-rehearsal, Robins 1995; with a model's own text: Scialom et al. 2022). */
#ifndef US_TRAIN_REHEARSAL_H
#define US_TRAIN_REHEARSAL_H
#include "train/sequences.h"
#include "understudy/generate.h"

typedef struct us_rehearsal {
    const char *const *prompts; /* [n_prompts]; NULL: the built-in ones. Each is answered as often as need be */
    size_t n_prompts;
    uint64_t n_targets; /* tokens to learn; the last answer may go over it */
    int32_t max_rows;   /* longest sequence */
    uint64_t seed;
    int n_threads;
    us_progress_fn *progress; /* in targets; false stops: INTERRUPTED */
    void *progress_ctx;
} us_rehearsal;

/* Appends the answers to s->seqs, in the order of the prompts. Same seed, same answers, whatever the number of threads.
 * The engine that speaks is gone when this returns. */
US_MUST_USE us_status us_rehearse(const us_model *model, const us_template *tpl, const us_rehearsal *r, us_sequences *s,
                                  us_error *err);
#endif
