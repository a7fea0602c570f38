#include "train/transpose.h"
#include "base/mem.h"
#include "kern/quant.h"
#include <stdatomic.h>
#include <stdlib.h>

#define STRIPE_BYTES ((size_t)16 << 20) /* at least */
#define PASSES 8                        /* at most: each unpacks the whole matrix, and a head is large */

typedef struct job {
    const us_matrix *w;
    us_matrix *out;
    size_t n_pad;          /* columns of out: rows of w, padded to a block */
    float *stripe;         /* [c1 - c0][n_pad]: columns [c0, c1) of w, as rows */
    float *rows;           /* [n_threads][K] */
    unsigned char *blocks; /* [n_threads][16 rows of Q8_0] */
    size_t c0, c1, q_bytes;
    bool f32;
} job;

static void fill(void *ctx, int i_thread, int n_threads) {
    job *t = ctx;
    const us_kern *kn = us_kern_get();
    size_t b, e;
    us_split(t->w->n_rows, 1, i_thread, n_threads, &b, &e);
    float *row = t->rows + (size_t)i_thread * t->w->n_cols;
    for (size_t r = b; r < e; r++) {
        kn->unpack_row(t->w, r, row);
        for (size_t c = t->c0; c < t->c1; c++) t->stripe[(c - t->c0) * t->n_pad + r] = row[c];
    }
}

static void pack(void *ctx, int i_thread, int n_threads) {
    job *t = ctx;
    const us_kern *kn = us_kern_get();
    size_t b, e;
    us_split(t->c1 - t->c0, US_GROUP, i_thread, n_threads, &b, &e);
    unsigned char *blocks = t->blocks + (size_t)i_thread * US_GROUP * t->q_bytes;
    for (size_t c = b; c < e; c += US_GROUP) {
        size_t n = e - c < US_GROUP ? e - c : US_GROUP;
        unsigned char *dst = t->out->data + (t->c0 + c) / US_GROUP * t->out->group_bytes;
        const float *src = t->stripe + c * t->n_pad;
        if (t->f32) {
            kn->pack_group(US_PACK_F32, US_TYPE_F32, src, t->n_pad * sizeof *src, n, t->n_pad, dst);
            continue;
        }
        for (size_t i = 0; i < n; i++) (void)us_quant_row(US_TYPE_Q8_0, src + i * t->n_pad, blocks + i * t->q_bytes, t->n_pad);
        kn->pack_group(US_PACK_Q8, US_TYPE_Q8_0, blocks, t->q_bytes, n, t->n_pad, dst);
    }
}

static us_matrix shape_of(const us_matrix *w, bool f32) {
    us_matrix m = {.kind = f32 ? US_PACK_F32 : US_PACK_Q8,
                   .n_rows = w->n_cols,
                   .n_cols = (w->n_rows + US_BLOCK - 1) / US_BLOCK * US_BLOCK,
                   .n_groups = (w->n_cols + US_GROUP - 1) / US_GROUP};
    m.group_bytes = us_pack_group_bytes(m.kind, m.n_cols);
    return m;
}

size_t us_transposed_bytes(const us_matrix *w, bool f32) {
    us_matrix m = shape_of(w, f32);
    return (m.group_bytes * m.n_groups + 63) & ~(size_t)63;
}

us_status us_matrix_transpose(us_pool *pool, const us_matrix *w, bool f32, unsigned char *data, us_matrix *out, us_error *err) {
    *out = shape_of(w, f32);
    out->data = data;
    job t = {.w = w, .out = out, .n_pad = out->n_cols, .f32 = f32};
    size_t n_threads = (size_t)us_pool_size(pool);
    t.q_bytes = t.n_pad / 32 * 34;
    size_t groups = STRIPE_BYTES / sizeof(float) / t.n_pad / US_GROUP, least = (out->n_groups + PASSES - 1) / PASSES;
    if (groups < least) groups = least;
    if (groups > out->n_groups) groups = out->n_groups;
    size_t cols = groups * US_GROUP;
    us_status st = us_alloc_aligned(cols * t.n_pad * sizeof(float), &t.stripe, err);
    if (!st) st = us_alloc(n_threads, w->n_cols * sizeof(float), &t.rows, err);
    if (!st) st = us_alloc(n_threads, US_GROUP * t.q_bytes, &t.blocks, err);
    for (t.c0 = 0; !st && t.c0 < w->n_cols; t.c0 = t.c1) {
        t.c1 = t.c0 + cols < w->n_cols ? t.c0 + cols : w->n_cols;
        us_pool_run(pool, fill, &t);
        us_pool_run(pool, pack, &t);
    }
    free(t.stripe);
    free(t.rows);
    free(t.blocks);
    return st;
}
