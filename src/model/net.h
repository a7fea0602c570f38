/* model/net.h - what the forward and backward passes read of a model: checked numbers and packed weights. */
#ifndef US_MODEL_NET_H
#define US_MODEL_NET_H
#include "kern/kern.h"
#include "ops/heads.h"

typedef enum us_module { US_MOD_Q, US_MOD_K, US_MOD_V, US_MOD_O, US_MOD_GATE, US_MOD_UP, US_MOD_DOWN, US_N_MODULES } us_module;
/* "q", "k", ... and the GGUF tensor's name inside a block, "attn_q", ... */
extern const char *const us_module_names[US_N_MODULES];
extern const char *const us_module_tensors[US_N_MODULES];

typedef struct us_net_layer {
    const float *attn_norm, *ffn_norm; /* [D] */
    const float *q_norm, *k_norm;      /* [E] or NULL */
    const us_matrix *w[US_N_MODULES];
    const float *bias[US_N_MODULES]; /* [out] or NULL */
} us_net_layer;

typedef struct us_net {
    int32_t n_layers, n_embd, n_ff, n_vocab;
    us_heads heads;
    float eps;
    bool neox; /* RoPE pairs (i, i + n_rot/2), else (2i, 2i+1) */
    int32_t n_rot;
    const float *inv_freq; /* [n_rot / 2], scaling applied */
    const us_matrix *embd, *head;
    const float *out_norm;
    us_net_layer *layers;
} us_net;

static inline size_t us_net_width_q(const us_net *n) { return (size_t)(n->heads.n_heads * n->heads.head_size); }
static inline size_t us_net_width_kv(const us_net *n) { return (size_t)(n->heads.n_kv_heads * n->heads.head_size); }
/* {in, out} of a module. */
static inline void us_net_dims(const us_net *n, us_module m, size_t *in, size_t *out) {
    size_t d = (size_t)n->n_embd, f = (size_t)n->n_ff, q = us_net_width_q(n), kv = us_net_width_kv(n);
    *in = m == US_MOD_O ? q : m == US_MOD_DOWN ? f : d;
    *out = m == US_MOD_Q ? q : m == US_MOD_K || m == US_MOD_V ? kv : m == US_MOD_GATE || m == US_MOD_UP ? f : d;
}
#endif
