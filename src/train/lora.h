/* train/lora.h - the trainable factors: where they sit, how they start, one flat array. */
#ifndef US_TRAIN_LORA_H
#define US_TRAIN_LORA_H
#include "model/net.h"

typedef struct us_lora_site {
    size_t n_in, n_out;
    size_t a, b; /* offsets in params: A [R, n_in], B [n_out, R] */
    bool on;
} us_lora_site;

typedef struct us_lora {
    int32_t n_layers, rank;
    float alpha, scale;  /* scale = alpha / rank, or alpha / sqrt(rank) with rank stabilisation */
    us_lora_site *sites; /* [n_layers][US_N_MODULES] */
    float *params;       /* [n_params] */
    size_t n_params;
    uint64_t revision; /* raised by whoever writes into params, or sets another array there */
} us_lora;

/* dims[m] = {in, out} of each module; bit m of `modules` switches module m on, in the layers from first_layer on. A is uniform
 * in
 * +-1/sqrt(in) (what PEFT's kaiming_uniform with a = sqrt(5) gives), B is zero. */
US_MUST_USE us_status us_lora_init(us_lora *l, int32_t n_layers, int32_t first_layer, const size_t dims[US_N_MODULES][2],
                                   int32_t rank, float alpha, bool rslora, uint32_t modules, uint64_t seed, us_error *err);
void us_lora_fini(us_lora *l);
static inline const us_lora_site *us_lora_at(const us_lora *l, int32_t layer, us_module m) {
    return &l->sites[layer * US_N_MODULES + (int)m];
}
#endif
