/* model/factors.h - LoRA factors as plain floats, and their GGUF file. */
#ifndef US_MODEL_FACTORS_H
#define US_MODEL_FACTORS_H
#include "model/model.h"

typedef struct us_factor_pair {
    size_t n_in, n_out;
    const float *a, *b; /* A [R, in], B [out, R]; both NULL when the module has none */
} us_factor_pair;

typedef struct us_factors {
    int32_t n_layers, rank;
    float alpha;           /* as loaders read it: the strength is alpha / rank */
    us_factor_pair *pairs; /* [n_layers][US_N_MODULES] */
    const char *type;      /* adapter.type; NULL: "lora" */
    const float *head;     /* [n_head] a director's; NULL: none */
    int64_t n_head;
    float *owned; /* what a, b point into, if it is ours */
} us_factors;
void us_factors_fini(us_factors *f);

/* From an open adapter file that fits the model (checked as us_adapter_open does). */
US_MUST_USE us_status us_factors_read(const us_model *m, const us_gguf *g, us_factors *out, us_error *err);
/* Where the numbers are written. `put` adds what its caller knows beside the keys that every adapter has (may be NULL). */
typedef us_status us_factors_put(void *ctx, us_gguf_writer *w, us_error *err);
typedef enum us_factor_type { US_FACTOR_F16 = 0, US_FACTOR_Q8_0, US_FACTOR_F32 } us_factor_type; /* as us_adapter_type */
US_MUST_USE us_status us_factors_write(us_model *m, const us_factors *f, us_factor_type type, const char *name,
                                       us_factors_put *put, void *ctx, const char *path, us_error *err);
#endif
