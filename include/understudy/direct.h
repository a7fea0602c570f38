/* understudy/direct.h - training a director (understudy/director.h) on the lines of all speakers of a script.
 *
 *     us_director_trainer *t;  us_director_report r;
 *     us_director_trainer_new(model, script, &(us_director_options){.folder = "state"}, &t, &err);
 *     do us_director_trainer_step(t, &r, &err); while (!r.done);
 *     us_director_trainer_save(t, "characters/director.gguf", &err);
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
    int32_t rank;          /* (16) */
    int32_t layers;        /* computed, from the first (two thirds of the model's) */
    int32_t first_layer;   /* the first that has factors (two fifths of `layers`); gradients stop there */
    double lr;             /* peak rate (1e-3) */
    int64_t n_lists;       /* conversations learned from in all, the same one again only after all others (6000) */
    int32_t batch;         /* conversations a step (16) */
    int32_t half;          /* 1, 2: that half of the training scenes only, so that another director can judge; (0: all) */
    const char *examples;  /* JSONL of {"character", "turns", "takes", "labels"}: takes labelled 0 to 2 by hand; NULL: none */
    double examples_share; /* of the lists that come from there (0.3) */
    uint64_t seed;         /* (0) */
    int64_t eval_every;    /* steps (25) */
    int64_t n_eval;        /* held-out lists of an evaluation (200) */
    const char *folder;    /* takes director.checkpoint.gguf every eval_every steps; a run goes on from it; NULL: none */
    int n_threads;         /* zero: every CPU */
} us_director_options;

typedef struct us_director_report {
    int64_t step, n_steps;
    double loss;    /* of this step, nats a list */
    double seconds; /* of this step */
    bool evaluated; /* r10: share of held-out lists whose true line comes first among ten of its speaker; chance is 0.1 */
    double r10, best_r10;
    uint64_t tokens; /* of this step */
    bool done;
} us_director_report;

typedef struct us_director_trainer us_director_trainer;
US_API US_MUST_USE us_status us_director_trainer_new(us_model *model, const us_script *script,
                                                     const us_director_options *options, us_director_trainer **out,
                                                     us_error *err);
US_API void us_director_trainer_free(us_director_trainer *t);
/* One optimizer step. FORMAT when the loss is not finite. */
US_API US_MUST_USE us_status us_director_trainer_step(us_director_trainer *t, us_director_report *report, us_error *err);
/* Writes the run's state into the folder now (every evaluation does), so that the same options go on with it. */
US_API US_MUST_USE us_status us_director_trainer_keep(us_director_trainer *t, us_error *err);
/* The best by held-out scenes; before any evaluation, what there is. */
US_API US_MUST_USE us_status us_director_trainer_save(us_director_trainer *t, const char *path, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
