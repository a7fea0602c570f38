/* understudy/director.h - the director: a trained judge that chooses among takes.
 *
 * A director is the base model with a small LoRA of its own and one row of weights as its head. It reads the conversation once
 * and every take after it (takes see the conversation and themselves, not each other) and gives each take a value: the logit of
 * a softmax over the takes (Uni-Encoder, arXiv 2106.01263; DialogRPT, 2009.06978). understudy/direct.h trains one a script, on
 * the lines of all its speakers; it serves the whole cast.
 *
 * The file is a GGUF adapter (general.type "adapter", adapter.type "director") whose factors reach over the first layers only,
 * with a tensor "director.head" [D] and the number of layers in "understudy.director.layers". */
#ifndef UNDERSTUDY_DIRECTOR_H
#define UNDERSTUDY_DIRECTOR_H

#include "understudy/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_director us_director;
/* MISMATCH for a file that is no director or was trained over another base than `model`, which must outlive it. */
US_API US_MUST_USE us_status us_director_open(const us_model *model, const char *path, us_director **out, us_error *err);
US_API void us_director_free(us_director *d);
/* The director for the character of a folder: director.gguf in it, else in the folder above it, which the cast shares, else in
 * `general` (a folder; NULL: none), whose director has learned from another script. *out is NULL where there is none, or a
 * general one for another base; any other file that is there and cannot be used is an error. */
US_API US_MUST_USE us_status us_director_find(const us_model *model, const char *folder, const char *general, us_director **out,
                                              us_error *err);
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

#ifdef __cplusplus
}
#endif
#endif
