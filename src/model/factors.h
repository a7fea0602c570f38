/* model/factors.h - LoRA factors as plain floats, and their GGUF file. */
#ifndef US_MODEL_FACTORS_H
#define US_MODEL_FACTORS_H
#include "model/model.h"

typedef struct us_factor_pair {
    size_t n_in, n_out;
    const float *a, *b; /* A [rank, in], B [out, rank]; both NULL when the module has none */
    size_t rank;        /* 0: that of all */
    float scale;        /* of B A; 0: alpha / rank of all */
} us_factor_pair;

typedef struct us_factors {
    int32_t n_layers, rank;
    float alpha;           /* as loaders read it: the strength is alpha / rank */
    us_factor_pair *pairs; /* [n_layers][US_N_MODULES] */
    const char *type;      /* adapter.type; NULL: "lora" */
    const float *head;     /* [n_head] a director's; NULL: none */
    int64_t n_head;
    bool owns; /* each pair's a is a block of its own, with b behind it */
} us_factors;
void us_factors_fini(us_factors *f);

/* From an open adapter file that fits the model (checked as us_adapter_open does). */
US_MUST_USE us_status us_factors_read(const us_model *m, const us_gguf *g, us_factors *out, us_error *err);

/* Files hold factors by tensors of the base. Where a tensor holds several modules (attn_qkv), theirs are joined: A's above each
 * other, B's in blocks of their own rows and columns; the product is the same, and any loader can add it. */
typedef struct us_tensor_factors {
    us_place place;
    size_t n_in, rank;
    float *a, *b; /* A [rank, in], B [place.n_rows, rank] at strength alpha / rank; NULL when no module has any */
} us_tensor_factors;
/* `first` is the first module of its tensor. Free out->a (b stands behind it). */
US_MUST_USE us_status us_factors_join(const us_net *n, const us_factors *f, int32_t layer, us_module first,
                                      us_tensor_factors *out, us_error *err);
/* The way back, into the pairs of f, which owns them: each module takes the components of the rank that reach its rows. */
US_MUST_USE us_status us_factors_split(const us_net *n, us_factors *f, int32_t layer, us_module first, size_t rank, float scale,
                                       const float *a, const float *b, us_error *err);
/* Which of B's columns are not zero in rows [first, first + n) of b [.., rank]; how many. */
size_t us_factors_reaching(const float *b, size_t rank, size_t first, size_t n, uint16_t *columns);

/* Where the numbers are written. `put` adds what its caller knows beside the keys that every adapter has (may be NULL). */
typedef us_status us_factors_put(void *ctx, us_gguf_writer *w, us_error *err);
typedef enum us_factor_type { US_FACTOR_F16 = 0, US_FACTOR_Q8_0, US_FACTOR_F32 } us_factor_type; /* as us_adapter_type */
US_MUST_USE us_status us_factors_write(us_model *m, const us_factors *f, us_factor_type type, const char *name,
                                       us_factors_put *put, void *ctx, const char *path, us_error *err);
#endif
