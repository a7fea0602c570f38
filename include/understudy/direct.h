/* understudy/direct.h - training a director (understudy/director.h) on the lines of all speakers of a script.
 *
 *     us_director_trainer *t;  us_director_report r = {0};
 *     us_director_trainer_new(model, script, &(us_director_options){0}, &t, &err);
 *     us_status st = us_director_trainer_probe(t, NULL, NULL, &err);
 *     while (!st && !r.done) st = us_director_trainer_step(t, &r, &err);
 *     us_director_trainer_save(t, "characters/director.gguf", &err);
 *
 * Two stages, the first much cheaper than the second (a linear probe, then fine-tuning: Kumar et al. 2022, arXiv 2202.10054).
 * The probe reads a sample of conversations once with the frozen base and finds the head by many passes over the states that it
 * has kept. The steps, when any are asked for, go on from that head and train the factors with it.
 *
 * The true reply stands among other lines of its speaker, their answers to other turns of the scene, an echo of what was just
 * said, the next line of the other (roles swapped) and a line of somebody else. Deterministic for a seed and an instruction
 * set, whatever the number of threads. */
#ifndef UNDERSTUDY_DIRECT_H
#define UNDERSTUDY_DIRECT_H

#include "understudy/corpus.h"
#include "understudy/director.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means the default in brackets. */
typedef struct us_director_options {
    int32_t layers;      /* computed, from the first (8/15 of the model's: 16 of 30) */
    int64_t n_probe;     /* conversations of the script that the probe reads (2000); the examples come on top */
    double decay;        /* of the probe's squared weights, over standardised states (0.1) */
    int64_t n_lists;     /* conversations that the factors learn from; zero: there are no factors */
    int32_t rank;        /* of the factors (16) */
    int32_t first_layer; /* the first that has factors (two fifths of `layers`); gradients stop there */
    double lr;           /* peak rate of the steps (1e-3) */
    int32_t batch;       /* conversations a step (16) */
    int32_t half;        /* 1, 2: that half of the training scenes only, so that another director can judge; zero: all */
    /* JSONL of {"character", "turns", "takes", "labels", "of"}: takes with a digit each, from 0 to "of" (2; 9 at most). A
     * tenth of the conversations is held out, by a hash of the last turn. NULL: none. */
    const char *examples;
    double examples_share; /* how much they count beside the script (0.5) */
    uint64_t seed;         /* zero is a seed */
    int64_t eval_every;    /* steps (25) */
    int64_t n_eval;        /* held-out lists of an evaluation (200) */
    const char *folder;    /* takes director.checkpoint.gguf every eval_every steps; a run goes on from it; NULL: none */
    int n_threads;         /* zero: every CPU */
} us_director_options;

typedef struct us_director_report {
    int64_t step, n_steps;
    double loss;          /* of this step, nats a list */
    double seconds;       /* of this step */
    bool evaluated;       /* r10: share of held-out lists whose true line comes first among ten of its speaker; chance is 0.1 */
    double r10, best_r10; /* best_: of the director that is kept */
    /* Over the held-out examples: (label of the take chosen - of one by chance) / (of the best - by chance); NaN: there are
     * none. By it the best is kept where there are any, else by r10. */
    double won, best_won;
    uint64_t tokens; /* of this step */
    bool done;
} us_director_report;

typedef struct us_director_trainer us_director_trainer;
US_API US_MUST_USE us_status us_director_trainer_new(us_model *model, const us_script *script,
                                                     const us_director_options *options, us_director_trainer **out,
                                                     us_error *err);
US_API void us_director_trainer_free(us_director_trainer *t);
/* Finds the head over the frozen base. progress (may be NULL) gets the number of conversations read; returning false stops
 * (INTERRUPTED). After a checkpoint was resumed it does nothing. */
US_API US_MUST_USE us_status us_director_trainer_probe(us_director_trainer *t, us_progress_fn *progress, void *ctx,
                                                       us_error *err);
/* One optimizer step; without steps left it only evaluates. FORMAT when the loss is not finite. */
US_API US_MUST_USE us_status us_director_trainer_step(us_director_trainer *t, us_director_report *report, us_error *err);
/* Writes a checkpoint into options.folder now (every evaluation writes one); a trainer with the same options resumes it. */
US_API US_MUST_USE us_status us_director_trainer_keep(us_director_trainer *t, us_error *err);
/* Writes the director that was best on the held-out scenes; before the first evaluation, the current one. */
US_API US_MUST_USE us_status us_director_trainer_save(us_director_trainer *t, const char *path, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
