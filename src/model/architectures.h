/* model/architectures.h - what distinguishes one architecture from another, as one row of a table.
 *
 * Owns: the table, and the rule which rows of which tensor a module is. A row says how a layer is built; what differs from
 * model to model within an architecture (sizes, scales, windows) stands in the file's keys, which config.c reads, with the
 * row's values where a file is silent. Whoever runs a model reads us_net, never the table. To add an architecture: a row here;
 * where its block does something new, a field of us_net that forward.c and train/tape.c both follow. */
#ifndef US_MODEL_ARCHITECTURES_H
#define US_MODEL_ARCHITECTURES_H
#include "model/net.h"

typedef struct us_architecture {
    const char *name;   /* general.architecture */
    const char *models; /* for people */
    bool neox;          /* RoPE turns (i, i + n_rot/2), else (2i, 2i+1), to which converters then permute q and k */
    bool fused;         /* attn_qkv holds q, k, v, and ffn_up holds gate, up */
    bool gelu;          /* gelu(gate) * up (tanh form), else silu */
    bool scales_embd;   /* embeddings times sqrt(D) */
    bool no_pre_norm;   /* attention and feed-forward read x itself */
    bool post_norm;     /* what they make is normed before it is added to x */
    us_qk_norm qk_norm;
    bool attn_factor_is_all; /* YaRN's key attn_factor is the scale itself, as in the models' own config */
    bool warms;              /* q grows with the position behind the original context (refused), and YaRN has a second scale */
    int32_t window_step;     /* with a sliding window: each so manieth layer sees everything; 0: no layer does */
    int32_t window;          /* when the file has no key for it; 0: none */
    double window_base;      /* RoPE base of the layers with a window; 0: that of the others */
    bool window_unscaled;    /* RoPE scaling is for the layers without a window */
    int32_t no_rope_step;    /* each so manieth layer has no RoPE; 0: all have it */
    bool finetuned_is_rope;  /* the key rope.scaling.finetuned says whether there is RoPE at all */
    double attn_cap, logit_cap; /* when the file has no key for them; 0: none */
    int32_t wide_query_layers;  /* with so many layers scores are divided by sqrt(D/H) instead of sqrt(E) */
} us_architecture;

const us_architecture *us_architecture_find(const char *name); /* NULL: not supported */
const us_architecture *us_architecture_at(size_t i);           /* NULL behind the last */
#endif
