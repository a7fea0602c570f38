/* model/net.h - what the forward and backward passes read of a model: checked numbers and packed weights.
 *
 * A layer is, with each part in brackets only where the architecture has it:
 *
 *   a = O . attention(rope(norm(Q h)), rope(norm(K h)), V h)     h = [norm] x        (norm of q and k: [qk_norm])
 *   x += residual_scale * [norm] a
 *   f = DOWN . (act(GATE h) * UP h)                              h = [norm] x
 *   x += residual_scale * [norm] f
 *
 * The first x is the embedding times embd_scale; logits are cap(logit_scale * HEAD . norm x). */
#ifndef US_MODEL_NET_H
#define US_MODEL_NET_H
#include "kern/kern.h"
#include "ops/heads.h"

typedef enum us_module { US_MOD_Q, US_MOD_K, US_MOD_V, US_MOD_O, US_MOD_GATE, US_MOD_UP, US_MOD_DOWN, US_N_MODULES } us_module;
/* "q", "k", ... and the GGUF tensor's name inside a block, "attn_q", ... */
extern const char *const us_module_names[US_N_MODULES];
extern const char *const us_module_tensors[US_N_MODULES];

/* Norms of q and k before RoPE: none; of each head [E]; of all heads of a row at once [H*E], [G*E]. */
typedef enum us_qk_norm { US_QK_NORM_NONE = 0, US_QK_NORM_HEAD, US_QK_NORM_ROW } us_qk_norm;

/* A rotation: position p turns pair i by p * inv_freq[i]; cos and sin are multiplied by scale. */
typedef struct us_rope {
    float *inv_freq; /* [n_rot / 2], scaling applied */
    float scale;
} us_rope;
#define US_ROPES 2

typedef struct us_net_layer {
    const float *attn_norm, *ffn_norm;           /* [D] or NULL: before */
    const float *attn_post_norm, *ffn_post_norm; /* [D] or NULL: after, before the sum */
    const float *q_norm, *k_norm;                /* as net->qk_norm says */
    const us_matrix *w[US_N_MODULES];
    const float *bias[US_N_MODULES]; /* [out] or NULL */
    int32_t rope;                    /* of net->ropes; -1: positions are not told */
    int32_t window;                  /* a position sees so many, itself among them; 0: all before it */
} us_net_layer;

typedef struct us_net {
    int32_t n_layers, n_embd, n_ff, n_vocab;
    us_heads heads; /* scale and cap set; window is each layer's */
    float eps;
    bool neox; /* RoPE pairs (i, i + n_rot/2), else (2i, 2i+1) */
    bool gelu, fused;
    us_qk_norm qk_norm;
    float embd_scale, residual_scale, logit_scale, logit_cap; /* logit_cap 0: none */
    int32_t n_rot, n_ropes;
    us_rope ropes[US_ROPES];
    int32_t n_ctx_most; /* positions beyond are refused; 0: no bound */
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

/* Where a module stands in the file: rows from `first` on of a tensor of n_rows (inside a block, "attn_q"). */
typedef struct us_place {
    const char *tensor;
    size_t first, n_rows;
} us_place;
us_place us_net_place(const us_net *n, us_module m);
#endif
