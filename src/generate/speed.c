/* What a model would do on this machine, told before its weights are loaded: the kernels that would run it are timed on a
 * matrix of its commonest type, streamed from memory for one row (a drawn token), kept in cache for many (a prompt). */
#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"
#include "model/model.h"
#include "understudy/generate.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64, TRIES = 4, SIDE = 256 };
#define STREAMED_BYTES ((size_t)96 << 20) /* more than a cache holds */
#define CACHED_BYTES ((size_t)1 << 20)    /* for each thread */

typedef struct trial {
    const us_kern *kn;
    us_matrix w;
    us_acts acts;
    float *x, *y;
    uint16_t *bf16;
    unsigned char *panel;         /* one for each thread */
    size_t panel_bytes, n_groups; /* n_groups: those of crowd() */
    float *squares;               /* SIDE x SIDE, three for each thread */
} trial;

/* One row against all groups, each once. */
static void stream(void *ctx, int i, int n) {
    trial *t = ctx;
    size_t b, e;
    us_split(t->w.n_groups, 1, i, n, &b, &e);
    t->kn->matmul(&t->w, &t->acts, t->x, t->w.n_cols, 0, 1, b, e, t->y, t->w.n_rows, false);
}

/* Many rows against few groups. */
static void crowd(void *ctx, int i, int n) {
    trial *t = ctx;
    size_t b, e, ld = t->n_groups * US_GROUP;
    const us_row_block block[2] = {{0, US_BF16_ROWS}, {US_BF16_ROWS, US_BF16_ROWS}};
    us_split(t->n_groups, 1, i, n, &b, &e);
    if (t->bf16) t->kn->matmul_bf16(&t->w, t->bf16, block, 2, b, e, t->y, ld, false, t->panel + (size_t)i * t->panel_bytes);
    else t->kn->matmul(&t->w, &t->acts, t->x, t->w.n_cols, 0, ROWS, b, e, t->y, ld, false);
}

/* What goes backward: products in float32, or through tiles. */
static void backward(void *ctx, int i, int n) {
    trial *t = ctx;
    float *a = t->squares + (size_t)i * 3 * SIDE * SIDE, *b = a + SIDE * SIDE, *y = b + SIDE * SIDE;
    (void)n;
    if (t->kn->gemm_bf16) t->kn->gemm_bf16(SIDE, SIDE, SIDE, 1, a, SIDE, 1, b, SIDE, 1, y, SIDE);
    else t->kn->gemm_nn(SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, y, SIDE);
}

/* Seconds of the best of some runs. */
static double best_of(us_pool *pool, us_pool_fn *fn, trial *t) {
    double best = INFINITY;
    for (int i = 0; i < TRIES; i++) {
        int64_t start = us_now_ns();
        us_pool_run(pool, fn, t);
        best = fmin(best, (double)(us_now_ns() - start) * 1e-9);
    }
    return best;
}

static us_status set_up(trial *t, us_pack_kind kind, size_t n_cols, int n_threads, us_error *err) {
    us_status st;
    void *block;
    size_t threads = (size_t)n_threads;
    t->kn = us_kern_get();
    t->w = (us_matrix){.kind = kind, .n_cols = n_cols, .group_bytes = us_pack_group_bytes(kind, n_cols)};
    t->w.n_groups = STREAMED_BYTES / t->w.group_bytes + 1;
    t->w.n_rows = t->w.n_groups * US_GROUP;
    t->n_groups = CACHED_BYTES / t->w.group_bytes * threads + threads;
    if (t->n_groups > t->w.n_groups) t->n_groups = t->w.n_groups;
    t->panel_bytes = us_panel_bytes(n_cols);
    if ((st = us_alloc_aligned(t->w.n_groups * t->w.group_bytes, &t->w.data, err)) ||
        (st = us_alloc_aligned(us_acts_bytes(ROWS, n_cols), &block, err)))
        return st;
    memset(t->w.data, 0x11, t->w.n_groups * t->w.group_bytes); /* halves of 0x1111 are small numbers */
    us_acts_place(&t->acts, block, ROWS, n_cols);
    if ((st = us_alloc_aligned(ROWS * n_cols * sizeof(float), &t->x, err)) ||
        (st = us_alloc_aligned((t->w.n_rows + ROWS * t->n_groups * US_GROUP) * sizeof(float), &t->y, err)) ||
        (st = us_alloc_aligned(threads * 3 * SIDE * SIDE * sizeof(float), &t->squares, err)))
        return st;
    for (size_t i = 0; i < ROWS * n_cols; i++) t->x[i] = (float)((int)(i * 7919 % 255) - 127) / 127;
    t->kn->quantize_acts(t->x, n_cols, 0, ROWS, &t->acts);
    if (!t->kn->matmul_bf16 || kind == US_PACK_F16 || kind == US_PACK_F32) return US_OK;
    if ((st = us_alloc_aligned(us_bf16_bytes(ROWS, n_cols), &t->bf16, err)) ||
        (st = us_alloc_aligned(threads * t->panel_bytes, &t->panel, err)))
        return st;
    t->kn->to_bf16(t->x, n_cols, ROWS, n_cols, 0, t->bf16);
    return US_OK;
}

/* The commonest type of the layers' matrices, by weights. */
static us_pack_kind commonest(const us_model *m, uint64_t *n_linear) {
    uint64_t of[US_N_PACKS] = {0};
    size_t n, most = US_PACK_Q8;
    const us_tensor *t = us_gguf_tensors(m->g, &n);
    *n_linear = 0;
    for (size_t i = 0; i < n; i++) {
        if (t[i].n_dims < 2 || t[i].name.len < 4 || memcmp(t[i].name.data, "blk.", 4)) continue;
        uint64_t k = (uint64_t)(t[i].ne[0] * t[i].ne[1]);
        us_pack_kind kind = m->math == US_MATH_F32 ? US_PACK_F32 : us_pack_kind_of((us_type)t[i].type);
        of[kind] += k;
        *n_linear += k;
    }
    for (size_t k = 1; k < US_N_PACKS; k++)
        if (of[k] > of[most]) most = k;
    return (us_pack_kind)most;
}

us_status us_speed_expect(const us_model *m, int n_threads, us_speed *out, us_error *err) {
    trial t = {.kn = NULL};
    us_pool *pool = NULL;
    uint64_t n_linear, read = m->info.resident_bytes;
    us_pack_kind kind = commonest(m, &n_linear);
    const us_tensor *embd = us_gguf_find_tensor(m->g, "token_embd.weight");
    us_engine_options eo = {.n_threads = n_threads};
    us_status st = us_pool_new(n_threads, &pool, err);
    if (!st) st = set_up(&t, kind, ((size_t)m->net.n_embd + 255) & ~(size_t)255, us_pool_size(pool), err);
    if (!st) {
        if (!m->info.tied_head && embd && embd->n_bytes < read) read -= embd->n_bytes; /* a row of it is read */
        double streamed = best_of(pool, stream, &t) / ((double)(t.w.n_groups * t.w.group_bytes)),
               product = best_of(pool, crowd, &t) / ((double)(t.n_groups * US_GROUP * t.w.n_cols) * ROWS),
               back = best_of(pool, backward, &t) / ((double)SIDE * SIDE * SIDE * us_pool_size(pool));
        *out = (us_speed){.n_threads = us_pool_size(pool),
                          .memory_bytes = m->info.resident_bytes + us_engine_bytes(m, &eo),
                          .bytes_per_s = 1 / streamed,
                          .decode = 1 / (streamed * (double)read),
                          .prefill = 1 / (product * (double)n_linear),
                          .train = 1 / ((product + back) * (double)n_linear)};
    }
    us_pool_free(pool);
    free(t.w.data);
    free(t.acts.q);
    free(t.x);
    free(t.y);
    free(t.squares);
    free(t.bf16);
    free(t.panel);
    return st;
}
