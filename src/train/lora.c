#include "train/lora.h"
#include "base/mem.h"
#include "base/rng.h"
#include <math.h>
#include <stdlib.h>

us_status us_lora_init(us_lora *l, int32_t n_layers, int32_t first_layer, const size_t dims[US_N_MODULES][2], int32_t rank,
                       float alpha, bool rslora, uint32_t modules, uint64_t seed, us_error *err) {
    *l = (us_lora){
        .n_layers = n_layers, .rank = rank, .alpha = alpha, .scale = alpha / (rslora ? sqrtf((float)rank) : (float)rank)};
    us_status st = us_alloc((size_t)n_layers * US_N_MODULES, sizeof *l->sites, &l->sites, err);
    if (st) return st;
    for (int32_t i = 0; i < n_layers * US_N_MODULES; i++) {
        us_lora_site *s = &l->sites[i];
        int m = i % US_N_MODULES;
        *s = (us_lora_site){
            .n_in = dims[m][0], .n_out = dims[m][1], .on = i / US_N_MODULES >= first_layer && (modules >> m & 1)};
        if (!s->on) continue;
        s->a = l->n_params;
        s->b = s->a + s->n_in * (size_t)rank;
        l->n_params = s->b + s->n_out * (size_t)rank;
    }
    if ((st = us_alloc_aligned(l->n_params * sizeof(float), &l->params, err))) {
        us_lora_fini(l);
        return st;
    }
    us_rng rng;
    us_rng_seed(&rng, seed);
    for (int32_t i = 0; i < n_layers * US_N_MODULES; i++) {
        const us_lora_site *s = &l->sites[i];
        float bound = 1.0f / sqrtf((float)s->n_in);
        for (size_t k = 0; s->on && k < s->n_in * (size_t)rank; k++)
            l->params[s->a + k] = bound * (float)(2.0 * us_rng_unit(&rng) - 1.0);
    }
    return US_OK;
}

void us_lora_fini(us_lora *l) {
    free(l->sites);
    free(l->params);
    *l = (us_lora){0};
}
