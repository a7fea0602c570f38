/* understudy/director.h - the director: a trained judge that chooses among takes.
 *
 * A director is the base model with a small LoRA of its own and one row of weights as its head. It reads the conversation once
 * and every take after it (takes see the conversation and themselves, not each other) and gives each take a value: the logit of
 * a softmax over the takes (Uni-Encoder, arXiv 2106.01263; DialogRPT, 2009.06978). One is trained a script, on the lines of all
 * its speakers, and serves the whole cast:
 *
 *     us_director_trainer *t;  us_director_report r;
 *     us_director_trainer_new(model, script, &(us_director_options){.folder = "state"}, &t, &err);
 *     do us_director_trainer_step(t, &r, &err); while (!r.done);
 *     us_director_trainer_save(t, "characters/director.gguf", &err);
 *
 * The file is a GGUF adapter (general.type "adapter", adapter.type "director") whose factors reach over the first layers only,
 * with a tensor "director.head" [D] and the number of layers in "understudy.director.layers". */
#ifndef UNDERSTUDY_DIRECTOR_H
#define UNDERSTUDY_DIRECTOR_H

#include "understudy/corpus.h"
#include "understudy/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_director us_director;
/* MISMATCH for a file that is no director or was trained over another base than `model`, which must outlive it. */
US_API US_MUST_USE us_status us_director_open(const us_model *model, const char *path, us_director **out, us_error *err);
US_API void us_director_free(us_director *d);
/* One line of a conversation; name NULL or "": nobody in particular. */
typedef struct us_said {
    const char *name, *text;
} us_said;
/* values[i] of takes[0..n_takes) as what `who` says after lines[0..n_lines), oldest first (the last US_DIRECTOR_LINES are
 * read). Values compare within one call only. The engine needs n_takes + 1 free sequences; none stays. LIMIT when the cache is
 * full. */
#define US_DIRECTOR_LINES 6
US_API US_MUST_USE us_status us_director_judge(const us_director *d, us_engine *e, const us_said *lines, size_t n_lines,
                                               const char *who, const char *const *takes, size_t n_takes, double *values,
                                               us_error *err);

/* ---- training ---------------------------------------------------------------------------------------------- */

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
US_API US_MUST_USE us_status us_director_trainer_save(us_director_trainer *t, const char *path, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
