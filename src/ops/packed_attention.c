/* A tile of query rows of one head at a time: scores against the prefix and its own range, softmax, sums; the backward pass
 * computes the probabilities again. */
#include "ops/packed_attention.h"
#include "ops/gemm.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define TILE 32 /* query rows worked on together */

typedef struct job {
    const us_packing *p;
    us_heads h;
    us_packed_rows a;
    size_t scratch_floats;
    atomic_int next;
} job;

/* The segment of item i: -1 is the prefix itself. Biggest first would balance better; order is kept simple. */
static us_segment segment_of(const us_packing *p, int s) { return s < 0 ? (us_segment){0, p->n_prefix} : p->segments[s]; }

static int32_t widest(const us_packing *p) {
    int32_t w = p->n_prefix;
    for (int32_t s = 0; s < p->n_segments; s++)
        if (p->segments[s].end - p->segments[s].begin > w) w = p->segments[s].end - p->segments[s].begin;
    return w + p->n_prefix;
}

size_t us_packed_attention_scratch(const us_packing *p, us_heads h) {
    return (h.cap > 0 ? 3 : 2) * (size_t)TILE * (size_t)widest(p) + (size_t)TILE * (size_t)h.head_size;
}

size_t us_packed_attention_shared(const us_packing *p, us_heads h) {
    return 2 * (size_t)p->n_segments * (size_t)h.n_kv_heads * (size_t)p->n_prefix * (size_t)h.head_size;
}

/* One tile of query rows of one head: which keys it sees, as two ranges of rows side by side in a
 * score matrix of `ld` columns: n_pre of the prefix's from pre on, then rows [lo, hi). */
typedef struct tile {
    int32_t r0, n_rows, pre, n_pre, lo, hi, window;
    size_t ld;
    bool bf16, is_prefix;
} tile;

/* The first row of its own range that row r sees, and the first of the prefix. */
static int32_t own_begin(const us_packing *p, const tile *t, int32_t r) {
    int32_t begin = t->is_prefix ? 0 : p->window[r];
    return t->window && r - t->window + 1 > begin ? r - t->window + 1 : begin;
}
static int32_t pre_begin(const us_packing *p, const tile *t, int32_t r) {
    int32_t begin = t->window ? p->pos[r] - t->window + 1 : 0;
    return begin < 0 ? 0 : begin > p->n_prefix ? p->n_prefix : begin;
}

static tile tile_at(const us_packing *p, us_segment seg, bool is_prefix, int32_t r0, int32_t window) {
    tile t = {.r0 = r0,
              .n_rows = seg.end - r0 < TILE ? seg.end - r0 : TILE,
              .window = window,
              .bf16 = p->bf16,
              .is_prefix = is_prefix};
    t.hi = t.lo = r0 + t.n_rows;
    for (int32_t i = r0; i < t.hi; i++)
        if (own_begin(p, &t, i) < t.lo) t.lo = own_begin(p, &t, i);
    if (!is_prefix) t.pre = pre_begin(p, &t, r0), t.n_pre = p->n_prefix - t.pre;
    t.ld = (size_t)(t.n_pre + t.hi - t.lo);
    return t;
}

/* s[n_rows, ld] += alpha * x_tile . w_rows^T for both ranges; w is a column block of a [T, ldw] array. */
static void scores(const us_kern *kn, const tile *t, size_t e, float alpha, const float *x, size_t ldx, const float *w,
                   size_t ldw, float *s) {
    size_t m = (size_t)t->n_rows, own = (size_t)(t->hi - t->lo), pre = (size_t)t->n_pre;
    memset(s, 0, m * t->ld * sizeof *s);
    if (pre) us_gemm_nt(kn, t->bf16, m, pre, e, alpha, x, ldx, w + (size_t)t->pre * ldw, ldw, s, t->ld);
    us_gemm_nt(kn, t->bf16, m, own, e, alpha, x, ldx, w + (size_t)t->lo * ldw, ldw, s + pre, t->ld);
}

/* y_tile[n_rows, E] += s . w_rows for both ranges. */
static void gather(const us_kern *kn, const tile *t, size_t e, float alpha, const float *s, const float *w, size_t ldw,
                   float *y, size_t ldy) {
    size_t m = (size_t)t->n_rows, own = (size_t)(t->hi - t->lo), pre = (size_t)t->n_pre;
    if (pre) us_gemm_nn(kn, t->bf16, m, e, pre, alpha, s, t->ld, w + (size_t)t->pre * ldw, ldw, y, ldy);
    us_gemm_nn(kn, t->bf16, m, e, own, alpha, s + pre, t->ld, w + (size_t)t->lo * ldw, ldw, y, ldy);
}

/* Probabilities of row r from its scores, 0 where it does not see. The prefix is moved beside its own range for the time, so
 * that only what it sees is worked on. */
static void softmax_row(const us_kern *kn, const us_packing *p, const tile *t, int32_t r, float *row) {
    size_t pre = (size_t)t->n_pre, b = pre + (size_t)(own_begin(p, t, r) - t->lo), e = pre + (size_t)(r + 1 - t->lo);
    size_t unseen = pre ? (size_t)(pre_begin(p, t, r) - t->pre) : 0, seen = pre - unseen;
    memmove(row + b - seen, row + unseen, seen * sizeof *row);
    kn->softmax(row + b - seen, e - b + seen);
    memmove(row + unseen, row + b - seen, seen * sizeof *row);
    memset(row, 0, unseen * sizeof *row);
    memset(row + pre, 0, (b - pre) * sizeof *row);
    memset(row + e, 0, (t->ld - e) * sizeof *row);
}

static void forward_tile(job *j, const tile *t, int32_t head, float *s) {
    const us_kern *kn = us_kern_get();
    size_t e = (size_t)j->h.head_size, ldq = (size_t)j->h.n_heads * e, ldk = (size_t)j->h.n_kv_heads * e;
    size_t g = (size_t)(head / (j->h.n_heads / j->h.n_kv_heads));
    float *o = j->a.o + (size_t)t->r0 * ldq + (size_t)head * e;
    scores(kn, t, e, us_heads_scale(j->h), j->a.q + (size_t)t->r0 * ldq + (size_t)head * e, ldq, j->a.k + g * e, ldk, s);
    if (j->h.cap > 0) kn->softcap(s, (size_t)t->n_rows * t->ld, j->h.cap);
    for (int32_t i = 0; i < t->n_rows; i++) {
        float *row = s + (size_t)i * t->ld;
        softmax_row(kn, j->p, t, t->r0 + i, row);
        memset(o + (size_t)i * ldq, 0, e * sizeof *o);
    }
    gather(kn, t, e, 1.0f, s, j->a.v + g * e, ldk, o, ldq);
}

static void forward_item(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    job *j = ctx;
    float *s = j->a.scratch + (size_t)i_thread * j->scratch_floats;
    int group = j->h.n_heads / j->h.n_kv_heads, n = (j->p->n_segments + 1) * j->h.n_kv_heads;
    for (int i; (i = atomic_fetch_add(&j->next, 1)) < n;) {
        int seg_i = i / j->h.n_kv_heads - 1, g = i % j->h.n_kv_heads;
        us_segment seg = segment_of(j->p, seg_i);
        for (int32_t r = seg.begin; r < seg.end; r += TILE) {
            tile t = tile_at(j->p, seg, seg_i < 0, r, j->h.window);
            for (int head = g * group; head < (g + 1) * group; head++) forward_tile(j, &t, head, s);
        }
    }
}

void us_packed_attention(us_pool *pool, const us_packing *p, us_heads h, const us_packed_rows *rows) {
    job j = {.p = p, .h = h, .a = *rows, .scratch_floats = us_packed_attention_scratch(p, h)};
    us_pool_run(pool, forward_item, &j);
}

/* d_k or d_v of both ranges += x^T . y where x[n_rows, ld] is a score matrix and y a tile of rows. */
static void scatter(const us_kern *kn, const tile *t, size_t e, float alpha, const float *x, const float *y, size_t ldy,
                    float *d_own, size_t ld_own, float *d_pre) {
    size_t m = (size_t)t->n_rows, own = (size_t)(t->hi - t->lo), pre = (size_t)t->n_pre;
    if (pre) us_gemm_tn(kn, t->bf16, pre, e, m, alpha, x, t->ld, y, ldy, d_pre + (size_t)t->pre * e, e);
    us_gemm_tn(kn, t->bf16, own, e, m, alpha, x + pre, t->ld, y, ldy, d_own + (size_t)t->lo * ld_own, ld_own);
}

static void backward_tile(job *j, const tile *t, int32_t head, float *s, float *dk_pre, float *dv_pre) {
    const us_kern *kn = us_kern_get();
    size_t e = (size_t)j->h.head_size, ldq = (size_t)j->h.n_heads * e, ldk = (size_t)j->h.n_kv_heads * e;
    size_t g = (size_t)(head / (j->h.n_heads / j->h.n_kv_heads)), at = (size_t)t->r0 * ldq + (size_t)head * e;
    float alpha = us_heads_scale(j->h), cap = j->h.cap, *ds = s + (size_t)TILE * t->ld, *capped = ds + (size_t)TILE * t->ld;
    scores(kn, t, e, alpha, j->a.q + at, ldq, j->a.k + g * e, ldk, s);
    if (cap > 0) kn->softcap(s, (size_t)t->n_rows * t->ld, cap), memcpy(capped, s, (size_t)t->n_rows * t->ld * sizeof *s);
    scores(kn, t, e, 1.0f, j->a.d_o + at, ldq, j->a.v + g * e, ldk, ds); /* d of the probabilities */
    for (int32_t i = 0; i < t->n_rows; i++) {
        float *p = s + (size_t)i * t->ld, *d = ds + (size_t)i * t->ld;
        float delta = kn->dot(j->a.d_o + at + (size_t)i * ldq, j->a.o + at + (size_t)i * ldq, e);
        softmax_row(kn, j->p, t, t->r0 + i, p); /* the same sums as in the forward pass */
        for (size_t c = 0; c < t->ld; c++) d[c] = p[c] * (d[c] - delta);
        const float *y = capped + (size_t)i * t->ld;
        for (size_t c = 0; c < t->ld && cap > 0; c++) d[c] *= 1 - y[c] / cap * (y[c] / cap);
    }
    for (int32_t i = 0; i < t->n_rows; i++) memset(j->a.d_q + at + (size_t)i * ldq, 0, e * sizeof(float));
    gather(kn, t, e, alpha, ds, j->a.k + g * e, ldk, j->a.d_q + at, ldq);
    scatter(kn, t, e, alpha, ds, j->a.q + at, ldq, j->a.d_k + g * e, ldk, dk_pre);
    scatter(kn, t, e, 1.0f, s, j->a.d_o + at, ldq, j->a.d_v + g * e, ldk, dv_pre);
}

static void backward_item(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    job *j = ctx;
    float *s = j->a.scratch + (size_t)i_thread * j->scratch_floats;
    size_t e = (size_t)j->h.head_size, ldk = (size_t)j->h.n_kv_heads * e, pre = (size_t)j->p->n_prefix * e;
    int group = j->h.n_heads / j->h.n_kv_heads, n = (j->p->n_segments + 1) * j->h.n_kv_heads;
    for (int i; (i = atomic_fetch_add(&j->next, 1)) < n;) {
        int seg_i = i / j->h.n_kv_heads - 1, g = i % j->h.n_kv_heads;
        us_segment seg = segment_of(j->p, seg_i);
        float *dk_pre = seg_i < 0 ? NULL : j->a.shared + 2 * (size_t)(seg_i * j->h.n_kv_heads + g) * pre,
              *dv_pre = dk_pre ? dk_pre + pre : NULL;
        if (dk_pre) memset(dk_pre, 0, 2 * pre * sizeof *dk_pre);
        for (int32_t r = seg.begin; r < seg.end; r++) {
            memset(j->a.d_k + (size_t)r * ldk + (size_t)g * e, 0, e * sizeof(float));
            memset(j->a.d_v + (size_t)r * ldk + (size_t)g * e, 0, e * sizeof(float));
        }
        for (int32_t r = seg.begin; r < seg.end; r += TILE) {
            tile t = tile_at(j->p, seg, seg_i < 0, r, j->h.window);
            for (int head = g * group; head < (g + 1) * group; head++) backward_tile(j, &t, head, s, dk_pre, dv_pre);
        }
    }
}

void us_packed_attention_back(us_pool *pool, const us_packing *p, us_heads h, const us_packed_rows *rows) {
    job j = {.p = p, .h = h, .a = *rows, .scratch_floats = us_packed_attention_scratch(p, h)};
    us_pool_run(pool, backward_item, &j);
    size_t e = (size_t)h.head_size, ldk = (size_t)h.n_kv_heads * e, pre = (size_t)p->n_prefix * e;
    for (int32_t s = 0; s < p->n_segments; s++)
        for (int32_t g = 0; g < h.n_kv_heads; g++) {
            const float *dk = rows->shared + 2 * (size_t)(s * h.n_kv_heads + g) * pre, *dv = dk + pre;
            for (size_t r = 0; r < (size_t)p->n_prefix; r++)
                for (size_t c = 0; c < e; c++) {
                    rows->d_k[r * ldk + (size_t)g * e + c] += dk[r * e + c];
                    rows->d_v[r * ldk + (size_t)g * e + c] += dv[r * e + c];
                }
        }
}
