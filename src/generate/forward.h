/* generate/forward.h - one pass of a batch through the layers, for the files that share it.
 *
 *   forward.c            the pass: embedding, layers, head
 *   forward_memory.c     where every array of a pass lies
 *   forward_layout.c     which rows share an adapter, and which products they go through
 *   forward_linear.c     linear layers, and LoRA beside them
 *   forward_attention.c  RoPE, the cache, attention
 *
 * The whole pass is one run of the thread team; threads meet at a barrier between stages. With few rows (decode) each thread
 * prepares the rows' inputs for itself instead of waiting for another.
 *
 * Rows go through one of two products. Where the level has bfloat16 tiles (kern->matmul_bf16), rows of prompts do, in blocks of
 * up to US_BF16_ROWS rows of one adapter. All others go through kern->matmul, in runs of neighbours: their inputs are quantized
 * to int8, or taken as float32 where the weights are. */
#ifndef US_GENERATE_FORWARD_H
#define US_GENERATE_FORWARD_H
#include "generate/engine.h"
#include <stdatomic.h>

#define US_FEW_ROWS 4          /* up to here every thread prepares all rows itself */
#define US_MOST_BF16_GROUPS 16 /* adapter groups whose prompts go through tiles in one pass */
#define US_MAX_PARTS 1024      /* chunks of the cache that decode steps attend to side by side */
#define US_MAX_RANK 256

/* Neighbouring rows that use the same adapter at the same strength, or none. */
typedef struct us_adapter_group {
    int32_t begin, end;
    const us_adapter *adapter;
    float scale;
    size_t block, n_blocks; /* its bfloat16 blocks */
} us_adapter_group;

/* The groups [b, e) of outputs that are left of a thread's share in a stage: stage << 48 | b << 24 | e, the stage modulo
 * 2^16. That of an earlier stage means that nothing was taken yet. A cache line each. */
typedef struct us_share {
    _Atomic uint64_t left;
    unsigned char unused[56];
} us_share;

typedef struct us_pass {
    us_engine *e;
    const us_kern *kn;
    const us_net *net;
    size_t rank_pad; /* widest adapter in the batch, in whole blocks of US_BLOCK; 0 without adapters */
    size_t T;
    float *x, *q, *k, *v, *o, *gate, *up, *act, *parts; /* [T, ...] */
    float *u;                                           /* [3][T, rank_pad]: A x of up to three modules */
    float *cos, *sin;                                   /* [n_ropes][T, n_rot / 2] */
    float *hn;                                          /* [T, D or H*E]: the normed input of the products in work */
    uint16_t *hn_bf16;                                  /* the same of the rows in blocks, rounded */
    uint16_t *u_bf16;                                   /* [3]: u of the rows in blocks, rounded */
    us_row_block *blocks;                               /* [n_blocks] rows for matmul_bf16, each block of one adapter group */
    us_run *int8_runs;                                  /* [n_int8_runs] the other rows */
    us_run *tiles; /* [n_tiles] query rows that attend together; `prompt`: through attend_bf16 */
    us_adapter_group *groups;
    size_t n_blocks, n_int8_runs, n_tiles, n_groups;
    unsigned char *acts_block, *own; /* own: per thread */
    unsigned char *u_acts;           /* [3]: u of the rows that are not in blocks, rounded */
    size_t own_bytes;
    _Atomic int next;           /* the item of attention to hand out next in this stage */
    us_share *shares;           /* [n_threads] */
    uint64_t stage;             /* stages of all passes before this one */
    _Atomic unsigned down_done; /* few rows: modules of this pass whose u is computed */
} us_pass;

/* One thread of the team, during a pass. */
typedef struct us_worker {
    us_pass *p;
    int i, n;
    unsigned char *acts_block, *attention; /* own */
    float *rows;                           /* [US_FEW_ROWS, D or H*E], own */
    void *panel;                           /* own scratch of matmul_bf16 */
    size_t b, e;                           /* this thread's rows when there are many */
    unsigned downs;                        /* few rows: modules of this pass up to this stage */
    uint64_t stage;
} us_worker;

static inline size_t us_up64(size_t n) { return (n + 63) & ~(size_t)63; }
static inline size_t us_max2(size_t a, size_t b) { return a > b ? a : b; }
static inline size_t us_min2(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t us_heads_a_kv_head(const us_net *n) { return (size_t)(n->heads.n_heads / n->heads.n_kv_heads); }
static inline bool us_pass_is_small(const us_pass *p) { return p->T <= US_FEW_ROWS && !p->n_blocks; }
/* The end of a stage; the next one hands out its items from the first. */
static inline void us_worker_meet(us_worker *t) {
    us_pool_meet(t->p->e->pool, &t->p->next);
    t->stage++;
}
/* The next piece [b, e) of `total` groups of outputs (fewer than 2^24); false when all are handed out. A group is the same by
 * whatever thread. One loop of it a stage. */
bool us_worker_claim(us_worker *t, size_t total, size_t *b, size_t *e);

/* ---- forward_memory.c ------------------------------------------------------------------------------------------- */

/* What thread i of n works with. */
us_worker us_worker_of(us_pass *p, int i, int n);
/* Scratch of a thread's attention: queries and outputs of a tile, their maxima and sums, which positions rows see. */
typedef struct us_attention_scratch {
    float *q, *o;          /* [tile rows, E] */
    float *m, *l, *M, *L;  /* [tile rows]: of a chunk, and of the chunks up to it */
    int32_t *limit, *from; /* [tile rows] */
    void *kernel;          /* US_ATTEND_SCRATCH_BYTES */
} us_attention_scratch;
us_attention_scratch us_attention_scratch_of(const us_worker *t);
size_t us_most_bf16_blocks(const us_engine_options *o);

/* ---- forward_layout.c ------------------------------------------------------------------------------------------- */

/* Fills groups, blocks, int8_runs, tiles and rank_pad from the engine's runs. */
void us_pass_lay_out(us_pass *p);

/* ---- forward_linear.c ------------------------------------------------------------------------------------------- */

/* The input of linear layers: rows of x, and x quantized. */
typedef struct us_linear_input {
    const float *x;
    size_t ld;
    us_acts acts;
} us_linear_input;
/* u[T, rank_pad] = scale A x of one module, zeros behind its rank, and rounded as B wants it. u is NULL without adapters. */
typedef struct us_lora_rows {
    float *u;
    us_acts acts;
    uint16_t *u_bf16;
} us_lora_rows;
/* The input x [T, width] of n modules from `first` on, normed with the gain g (NULL: as it is) and rounded; l[n] gets the
 * products with their adapters' A. */
us_linear_input us_linear_begin(us_worker *t, int32_t layer, us_module first, size_t n, const float *x, const float *g,
                                size_t width, us_lora_rows *l);
/* Outputs of groups [g0, g1) of y (+)= W x + bias + B u. */
void us_linear(us_worker *t, int32_t layer, us_module m, const us_linear_input *in, const us_lora_rows *l, float *y, bool add,
               size_t g0, size_t g1);
/* All outputs of n modules of one input, shared among the threads: y[k] (+)= W[k] x + ... */
void us_linears(us_worker *t, int32_t layer, us_module first, size_t n, const us_linear_input *in, const us_lora_rows *l,
                float *const *y, bool add);

/* ---- forward_attention.c ---------------------------------------------------------------------------------------- */

/* Norms and rotates q and k, writes k and v into the cache. Threads have met afterwards. */
void us_rotate_and_store(us_worker *t, int32_t layer);
/* Whether all rows are decode steps whose chunks can be worked on side by side. */
bool us_attention_fits_parts(const us_pass *p);
/* o = attention of q over the cache; `parts` as above. Threads have met afterwards. */
void us_attention(us_worker *t, int32_t layer, bool parts);
#endif
