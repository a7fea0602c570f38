/* kern/simd.h - the vector kernels, written once for any width. An ISA file defines its primitives and
 * includes this: x86/lanes8.h and lanes16.h serve the files of x86/, arm/neon.h those of arm/.
 *
 *   W          lanes of a vector: 4, 8 or 16; a group of 16 rows is NV = 16 / W vectors
 *   vf, vi     GCC vectors of W float, W int32 (so + - * and comparisons are written as such)
 *   fma_(a, b, c)        a * b + c, rounded once
 *   load_half(p), store_half(p, v), load_i8(p), load_u8(p)    W halves or bytes at p as float, and back
 *   vbytes, load_bytes(p)   4 W bytes: four consecutive columns of W rows
 *   low4(w), high4(w)       nibbles of bytes
 *   q4_dot(acc, w, x), q4_sum(acc)     w in 0..15, x four int8 in an int32, acc an opaque vi of at most 8 dots; it as float
 *   q6_dots(acc, w0, x0, w1, x1)       two dots at once, of w in 0..63
 *   q8_prepare(w), q8_dot(acc, w, x), q8_offset    of int8 w, prepared; a sum must begin at q8_offset times the sum of x
 *   store_halves(p, v)      a vector as IEEE halves, rounded to nearest even
 *   max_ints(a, b), max_four(a, b)    the greater of each two lanes, of vi and of four int32
 *   store_block(p, r)       the 32 integers of the vectors r[], which lie in -128..127, as bytes
 *   PAIRS, begin_pairs, add_eight_pairs, end_pairs   optional, see add_eight
 *   TILE       rows of x that share unpacked weights
 *   FEW        optional: more rows of x than TILE and no more than these take one group at a time, whose weights then come once
 *   VT         vectors of weights that share broadcasts of x: a group's (NV), or those of several neighbours
 *   RB         rows of queries that share loaded keys
 *   PV(nr)     vectors of keys or values in flight for nr rows, 4 at most: their nr * PV sums should hide the time of a multiply-add
 *              and stay in registers
 *
 * Every output is summed in the same order whatever the tile, so results do not depend on the batch. */
#include "kern/pack.h"
#include <math.h>
#include <string.h>

#define NV (US_GROUP / W)
#ifndef FEW
#define FEW TILE
#endif
#define ROWS FEW /* of a tile, at most */
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8") /* whole: what the index selects is known then, and sums stay in registers */

INLINE vf load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }
INLINE vf set1(float x) { return x - (vf){0}; } /* x + 0 would have to turn -0 into 0 */
INLINE vi bits_of(vf v) {
    vi i;
    memcpy(&i, &v, sizeof i);
    return i;
}
INLINE vf float_of(vi v) {
    vf f;
    memcpy(&f, &v, sizeof f);
    return f;
}
INLINE vf select_(vi mask, vf a, vf b) { return float_of((mask & bits_of(a)) | (~mask & bits_of(b))); }
INLINE vf vmax(vf a, vf b) { return select_(a > b, a, b); }
/* Lanes n further on, around the end. */
#if W == 16
#define TURN8(v) __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#define TURN4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3)
#define TURN2(v) __builtin_shufflevector(v, v, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1)
#define TURN1(v) __builtin_shufflevector(v, v, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0)
#elif W == 8
#define TURN4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define TURN2(v) __builtin_shufflevector(v, v, 2, 3, 4, 5, 6, 7, 0, 1)
#define TURN1(v) __builtin_shufflevector(v, v, 1, 2, 3, 4, 5, 6, 7, 0)
#else
#define TURN2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1)
#define TURN1(v) __builtin_shufflevector(v, v, 1, 2, 3, 0)
#endif
INLINE float hmax(vf v) {
#if W >= 16
    v = vmax(v, TURN8(v));
#endif
#if W >= 8
    v = vmax(v, TURN4(v));
#endif
    v = vmax(v, TURN2(v));
    return vmax(v, TURN1(v))[0];
}
INLINE float hsum(vf v) {
    float s = 0;
    for (int i = 0; i < W; i++) s += v[i];
    return s;
}
INLINE int32_t four(const int8_t *q) {
    int32_t x;
    memcpy(&x, q, 4);
    return x;
}

/* exp by 2^n times a polynomial (Cephes' expf): relative error about 1e-7 on [-87, 88]; below -87 it is 0. */
INLINE vf vexp(vf x) {
    const vf magic = set1(12582912.0f);
    vi tiny = x < set1(-87.0f);
    x = select_(x > set1(88.0f), set1(88.0f), select_(tiny, set1(-87.0f), x));
    vf t = fma_(x, set1(1.44269504f), magic), n = t - magic;
    vf r = fma_(n, set1(-0.693359375f), x);
    r = fma_(n, set1(2.12194440e-4f), r);
    vf p = set1(1.9875691500e-4f);
    p = fma_(p, r, set1(1.3981999507e-3f));
    p = fma_(p, r, set1(8.3334519073e-3f));
    p = fma_(p, r, set1(4.1665795894e-2f));
    p = fma_(p, r, set1(1.6666665459e-1f));
    p = fma_(p, r, set1(5.0000001201e-1f));
    p = fma_(p, r * r, r + set1(1.0f));
    vf y = float_of(bits_of(p) + ((bits_of(t) - bits_of(magic)) << 23));
    return select_(tiny, (vf){0}, y);
}
INLINE vf vlogistic(vf x) { return set1(1.0f) / (set1(1.0f) + vexp(-x)); }
/* cap * tanh(x / cap): absolute error about 1e-7 of cap. */
INLINE vf vcap(vf x, float cap) { return set1(cap) - set1(2 * cap) / (vexp(x * (2 / cap)) + set1(1.0f)); }

/* ---- products with packed weights ------------------------------------------------------------------------ */

/* Writes the lanes of acc that are rows of W. */
INLINE void put_group(const us_matrix *w, size_t g, int v, vf acc, float *y, bool add) {
    size_t n = g * US_GROUP + (size_t)v * W;
    if (n + W <= w->n_rows) {
        store(y + n, add ? load(y + n) + acc : acc);
        return;
    }
    for (size_t i = 0; i < W && n + i < w->n_rows; i++) y[n + i] = add ? y[n + i] + acc[i] : acc[i];
}

/* A tile's vector v has W rows of a group, from row FIRST(v) on; where p points into the tile's first group, this points as far
 * into that group. */
#define FIRST(v) ((v) % NV * W)
INLINE const unsigned char *of_vector(const us_matrix *w, const unsigned char *p, int v) {
    return p + (size_t)(v / NV) * w->group_bytes;
}

/* Asks for what stands a few pages behind p, of each group of a tile: weights are read once, in order, and the processor's own
 * prefetcher stops at every page. Behind a group of a tile comes that of the next tile; beyond the end of a matrix the next
 * matrix begins. */
#define FETCH_AHEAD 8192
INLINE void fetch(const us_matrix *w, size_t g, int nv, const unsigned char *p, size_t n) {
    size_t ahead = FETCH_AHEAD, at = (size_t)(p - w->data) - g * w->group_bytes;
    if (nv > NV && at + ahead >= w->group_bytes) ahead += (size_t)(nv / NV - 1) * w->group_bytes;
    for (int v = 0; v < nv; v += NV)
        for (size_t i = 0; i < n; i += 64) __builtin_prefetch(of_vector(w, p, v) + ahead + i);
}

/* The tiles below take nv vectors together, those of one group or of VT / NV neighbours, so that each broadcast of activations
 * serves all of them. An integer sum begins at an offset, grows by eight columns a step and is finished before it is scaled. An
 * ISA file whose dot products take rows of x in pairs defines PAIRS and its own begin, step and end for an even number of rows. */
#ifdef PAIRS
#define NIBBLE_STEP 2 /* quads a step: neighbouring columns are in the low nibbles of two quads */
#else
#define NIBBLE_STEP 1 /* the low and the high nibbles of one, which are 16 columns apart */
#endif
typedef enum range { NIBBLES, SIX_BITS, SIGNED } range; /* weights in 0..15, 0..63, -128..127 */

/* sum[v][i] = offset * n[i], for rows of x whose n are ld_n apart. */
INLINE void begin_sums(vi sum[VT][ROWS], int32_t offset, const int32_t *n, size_t ld_n, int nv, int nt) {
    int32_t at[ROWS];
    for (int i = 0; i < nt; i++) at[i] = offset ? offset * n[(size_t)i * ld_n] : 0;
#ifdef PAIRS
    if (nt % 2 == 0) {
        begin_pairs(sum, at, nt);
        return;
    }
#endif
    for (int v = 0; v < nv; v++)
        for (int i = 0; i < nt; i++) sum[v][i] = (vi){0} + at[i];
}
/* sum[v][i] += twice four columns of W rows by row i of x: w0 by those at x, w1 by those `apart` bytes further on. With PAIRS
 * they are neighbours, 4 apart. */
INLINE void add_eight(range r, vi sum[VT][ROWS], vbytes w0[VT], vbytes w1[VT], const int8_t *x, size_t apart, size_t ld_x,
                      int nv, int nt) {
#ifdef PAIRS
    if (nt % 2 == 0) {
        add_eight_pairs(sum, w0, w1, x, ld_x, nt);
        return;
    }
#endif
    for (int v = 0; v < nv && r == SIGNED; v++) w0[v] = q8_prepare(w0[v]), w1[v] = q8_prepare(w1[v]);
    for (int i = 0; i < nt; i++) {
        const int8_t *row = x + (size_t)i * ld_x;
        int32_t x0 = four(row), x1 = four(row + apart);
        for (int v = 0; v < nv; v++)
            sum[v][i] = r == NIBBLES    ? q4_dot(q4_dot(sum[v][i], w0[v], x0), w1[v], x1)
                        : r == SIX_BITS ? q6_dots(sum[v][i], w0[v], x0, w1[v], x1)
                                        : q8_dot(q8_dot(sum[v][i], w0[v], x0), w1[v], x1);
    }
}
/* After this sum[v][i] holds row i's W sums (of NIBBLES as q4_sum takes them). */
INLINE void end_sums(vi sum[VT][ROWS], int nt) {
#ifdef PAIRS
    if (nt % 2 == 0) end_pairs(sum, nt);
#else
    (void)sum, (void)nt;
#endif
}
INLINE void put_sums(const us_matrix *w, size_t g, vf acc[VT][ROWS], int nv, int nt, float *y, size_t ld, bool add) {
    for (int v = 0; v < nv; v++)
        for (int i = 0; i < nt; i++) put_group(w, g, v, acc[v][i], y + (size_t)i * ld, add);
}
INLINE void zero_sums(vf acc[VT][ROWS], int nv, int nt) {
    for (int v = 0; v < nv; v++)
        for (int i = 0; i < nt; i++) acc[v][i] = (vf){0};
}

/* Q4, and with k_kind Q4_K: only where scale and min stand differs. */
INLINE void q4_tile(bool k_kind, const us_matrix *w, size_t g, const us_acts *a, size_t t, int nv, int nt, float *y, size_t ld,
                    bool add) {
    size_t k = w->n_cols, blocks = k / US_BLOCK;
    const unsigned char *p = w->data + g * w->group_bytes, *top = p;
    vf acc[VT][ROWS];
    zero_sums(acc, nv, nt);
    for (size_t b = 0; b < blocks; b++, p += k_kind ? US_Q4K_BLOCK_BYTES : US_Q4_BLOCK_BYTES) {
        if (k_kind && b % 8 == 0) top = p, p += 64;
        fetch(w, g, nv, p, US_Q4_BLOCK_BYTES);
        vi sum[VT][ROWS];
        begin_sums(sum, 0, NULL, 0, nv, nt);
        for (int quad = 0; quad < 4; quad += NIBBLE_STEP) {
            const int8_t *x = a->q + t * k + b * US_BLOCK + quad * 4;
            vbytes b0[VT], b1[VT], w0[VT], w1[VT];
            for (int v = 0; v < nv; v++) {
                const unsigned char *q = of_vector(w, p, v) + (k_kind ? 32 : 64) + quad * 64 + FIRST(v) * 4;
                b0[v] = load_bytes(q), b1[v] = NIBBLE_STEP == 2 ? load_bytes(q + 64) : b0[v];
                w0[v] = low4(b0[v]), w1[v] = NIBBLE_STEP == 2 ? low4(b1[v]) : high4(b0[v]);
            }
            add_eight(NIBBLES, sum, w0, w1, x, NIBBLE_STEP == 2 ? 4 : 16, k, nv, nt);
            if (NIBBLE_STEP == 1) continue;
            for (int v = 0; v < nv; v++) w0[v] = high4(b0[v]), w1[v] = high4(b1[v]);
            add_eight(NIBBLES, sum, w0, w1, x + 16, 4, k, nv, nt);
        }
        end_sums(sum, nt);
        for (int v = 0; v < nv; v++) {
            const unsigned char *h = of_vector(w, top, v), *q = of_vector(w, p, v) + FIRST(v);
            vf d = load_half(h + 2 * FIRST(v)), m = load_half(h + 32 + 2 * FIRST(v));
            if (k_kind) d = d * load_u8(q), m = -(m * load_u8(q + 16));
            for (int i = 0; i < nt; i++) {
                size_t at = (t + (size_t)i) * blocks + b;
                acc[v][i] = fma_(q4_sum(sum[v][i]), d * a->d[at], acc[v][i]);
                acc[v][i] = fma_(m, set1(a->s[at]), acc[v][i]);
            }
        }
        if (!k_kind) top = p + US_Q4_BLOCK_BYTES;
    }
    put_sums(w, g, acc, nv, nt, y + t * ld, ld, add);
}

/* Quads of int8, 64 bytes each: pairs of them, n columns in all. */
INLINE void add_signed(const us_matrix *w, vi sum[VT][ROWS], const unsigned char *p, const int8_t *x, size_t ld_x, int n,
                       int nv, int nt) {
    UNROLL for (int c = 0; c < n; c += 8) {
        vbytes w0[VT], w1[VT];
        for (int v = 0; v < nv; v++) {
            const unsigned char *q = of_vector(w, p, v) + c * 16 + FIRST(v) * 4;
            w0[v] = load_bytes(q), w1[v] = load_bytes(q + 64);
        }
        add_eight(SIGNED, sum, w0, w1, x + c, 4, ld_x, nv, nt);
    }
}

/* n[i]: the sum of block b of row t + i of x. */
INLINE void block_sums(const us_acts *a, size_t t, size_t b, int nt, int32_t n[ROWS]) {
    for (int i = 0; i < nt; i++) {
        const int32_t *half = a->n + 2 * ((t + (size_t)i) * (a->n_cols / US_BLOCK) + b);
        n[i] = half[0] + half[1];
    }
}

INLINE void q8_tile(const us_matrix *w, size_t g, const us_acts *a, size_t t, int nv, int nt, float *y, size_t ld, bool add) {
    size_t k = w->n_cols, blocks = k / US_BLOCK;
    const unsigned char *scales = w->data + g * w->group_bytes, *p = scales + us_q8_scale_bytes(k);
    vf acc[VT][ROWS];
    zero_sums(acc, nv, nt);
    for (size_t b = 0; b < blocks; b++, p += US_Q8_BLOCK_BYTES, scales += 32) {
        fetch(w, g, nv, p, US_Q8_BLOCK_BYTES);
        vi sum[VT][ROWS];
        int32_t n[ROWS];
        block_sums(a, t, b, nt, n);
        begin_sums(sum, q8_offset, n, 1, nv, nt);
        add_signed(w, sum, p, a->q + t * k + b * US_BLOCK, k, US_BLOCK, nv, nt);
        end_sums(sum, nt);
        for (int v = 0; v < nv; v++) {
            vf d = load_half(of_vector(w, scales, v) + 2 * FIRST(v));
            for (int i = 0; i < nt; i++)
                acc[v][i] = fma_(to_float(sum[v][i]), d * a->d[(t + (size_t)i) * blocks + b], acc[v][i]);
        }
    }
    put_sums(w, g, acc, nv, nt, y + t * ld, ld, add);
}

/* sum: of columns [32 b, 32 b + n). */
INLINE void i8_sums(const us_matrix *w, size_t g, const us_acts *a, size_t t, size_t b, size_t n, int nv, int nt,
                    vi sum[VT][ROWS]) {
    const unsigned char *p = w->data + g * w->group_bytes + 2 * US_GROUP + b * US_Q8_BLOCK_BYTES;
    const int8_t *q = a->q + t * a->n_cols + b * US_BLOCK;
    int32_t of_x[ROWS];
    block_sums(a, t, b, nt, of_x);
    fetch(w, g, nv, p, 16 * n);
    begin_sums(sum, q8_offset, of_x, 1, nv, nt);
    if (n == 16) add_signed(w, sum, p, q, a->n_cols, 16, nv, nt);
    else if (n == US_BLOCK) add_signed(w, sum, p, q, a->n_cols, US_BLOCK, nv, nt);
    else
        for (size_t c = 0; c < n; c += 8) add_signed(w, sum, p + 16 * c, q + c, a->n_cols, 8, nv, nt);
    end_sums(sum, nt);
}

/* Its columns end where they will: rows of x have zeros behind them. `n_cols` is a constant for the common few, of one block, whose
 * sums then stay in registers; else 0. */
INLINE void i8_tile(size_t n_cols, const us_matrix *w, size_t g, const us_acts *a, size_t t, int nv, int nt, float *y,
                    size_t ld, bool add) {
    size_t k = n_cols ? n_cols : us_i8_columns(w->n_cols), blocks = a->n_cols / US_BLOCK;
    vf acc[VT][ROWS];
    zero_sums(acc, nv, nt);
    for (size_t b = 0; b * US_BLOCK < k; b++) {
        vi sum[VT][ROWS];
        i8_sums(w, g, a, t, b, k - b * US_BLOCK < US_BLOCK ? k - b * US_BLOCK : US_BLOCK, nv, nt, sum);
        for (int v = 0; v < nv; v++)
            for (int i = 0; i < nt; i++)
                acc[v][i] = fma_(to_float(sum[v][i]), set1(a->d[(t + (size_t)i) * blocks + b]), acc[v][i]);
    }
    for (int v = 0; v < nv; v++) {
        vf d = load_half(of_vector(w, w->data + g * w->group_bytes, v) + 2 * FIRST(v));
        for (int i = 0; i < nt; i++) acc[v][i] = acc[v][i] * d;
    }
    put_sums(w, g, acc, nv, nt, y + t * ld, ld, add);
}

INLINE void q8s_tile(const us_matrix *w, size_t g, const us_acts *a, size_t t, int nv, int nt, float *y, size_t ld, bool add) {
    size_t k = w->n_cols, blocks = k / US_BLOCK;
    const unsigned char *p = w->data + g * w->group_bytes;
    vf acc[VT][ROWS];
    zero_sums(acc, nv, nt);
    for (size_t b = 0; b < blocks; b++, p += US_Q8S_BLOCK_BYTES) {
        fetch(w, g, nv, p, US_Q8S_BLOCK_BYTES);
        for (size_t h = 0; h < 2; h++) {
            vi sum[VT][ROWS];
            begin_sums(sum, q8_offset, a->n + 2 * (t * blocks + b) + h, 2 * blocks, nv, nt);
            add_signed(w, sum, p + 256 + h * 256, a->q + t * k + b * US_BLOCK + h * 16, k, 16, nv, nt);
            end_sums(sum, nt);
            for (int v = 0; v < nv; v++) {
                const float *f = (const float *)(const void *)of_vector(w, p, v) + h * 16 + FIRST(v);
                vf d = load(f), m = load(f + 32);
                for (int i = 0; i < nt; i++) {
                    size_t at = (t + (size_t)i) * blocks + b;
                    acc[v][i] = fma_(to_float(sum[v][i]), d * a->d[at], acc[v][i]);
                    acc[v][i] = fma_(m, set1(a->d[at] * (float)a->n[2 * at + h]), acc[v][i]);
                }
            }
        }
    }
    put_sums(w, g, acc, nv, nt, y + t * ld, ld, add);
}

/* The four weights of quad `quad` of a Q6_K block at p, of W rows from `row` on, as they are stored: 0..63, 32 too much. */
INLINE vbytes q6_quad(const unsigned char *p, int quad, int row) {
    const vbytes high_bits = (vbytes){0} + 0x3030303030303030;
    vbytes low = load_bytes(p + 32 + quad % 4 * 64 + row * 4), high = load_bytes(p + 288 + quad / 4 * 64 + row * 4);
    int s = 4 - 2 * (quad % 4);
    return (vbytes)(quad < 4 ? low4(low) : high4(low)) | ((s >= 0 ? high << (s & 7) : high >> 2) & high_bits);
}

INLINE void q6k_tile(const us_matrix *w, size_t g, const us_acts *a, size_t t, int nv, int nt, float *y, size_t ld, bool add) {
    size_t k = w->n_cols, blocks = k / US_BLOCK;
    const unsigned char *p = w->data + g * w->group_bytes, *top = p;
    vf acc[VT][ROWS];
    zero_sums(acc, nv, nt);
    for (size_t b = 0; b < blocks; b++, p += US_Q6K_BLOCK_BYTES) {
        if (b % 8 == 0) top = p, p += 32;
        fetch(w, g, nv, p, US_Q6K_BLOCK_BYTES);
        UNROLL for (int h = 0; h < 2; h++) {
            vi sum[VT][ROWS];
            begin_sums(sum, -32, a->n + 2 * (t * blocks + b) + h, 2 * blocks, nv, nt);
            UNROLL for (int quad = 4 * h; quad < 4 * h + 4; quad += 2) {
                vbytes w0[VT], w1[VT];
                for (int v = 0; v < nv; v++) {
                    const unsigned char *q = of_vector(w, p, v);
                    w0[v] = q6_quad(q, quad, FIRST(v)), w1[v] = q6_quad(q, quad + 1, FIRST(v));
                }
                add_eight(SIX_BITS, sum, w0, w1, a->q + t * k + b * US_BLOCK + quad * 4, 4, k, nv, nt);
            }
            end_sums(sum, nt);
            for (int v = 0; v < nv; v++) {
                vf d = load_half(of_vector(w, top, v) + 2 * FIRST(v)) * load_i8(of_vector(w, p, v) + 16 * h + FIRST(v));
                for (int i = 0; i < nt; i++)
                    acc[v][i] = fma_(to_float(sum[v][i]), d * a->d[(t + (size_t)i) * blocks + b], acc[v][i]);
            }
        }
    }
    put_sums(w, g, acc, nv, nt, y + t * ld, ld, add);
}

/* Weight i of a group of floats. */
INLINE vf load_weight(us_pack_kind kind, const unsigned char *p, size_t i) {
    return kind == US_PACK_F32   ? load((const float *)(const void *)p + i)
           : kind == US_PACK_F16 ? load_half(p + 2 * i)
                                 : load_bf16(p + 2 * i);
}

/* Columns are summed in four runs, one after the other when there are many tokens and side by side when there are
 * few (one chain of multiply-adds would wait for itself): the same sums either way. */
INLINE void float_tile(us_pack_kind kind, const us_matrix *w, size_t g, const float *x, size_t ld_x, size_t t, int nv, int nt,
                       float *y, size_t ld, bool add) {
    const unsigned char *p = w->data + g * w->group_bytes;
    size_t run = w->n_cols / 4;
    int side = nt * nv <= 2 ? 4 : nt * nv <= 4 ? 2 : 1;
    vf total[VT][ROWS];
    for (int j = 0; j < 4; j += side) {
        vf acc[VT][4 * ROWS];
        for (int v = 0; v < nv; v++)
            for (int i = 0; i < nt * side; i++) acc[v][i] = (vf){0};
        for (size_t c = 0; c < run; c++)
            for (int s = 0; s < side; s++) {
                size_t col = (size_t)(j + s) * run + c;
                fetch(w, g, nv, p + col * US_GROUP * (kind == US_PACK_F32 ? 4 : 2), 1);
                vf wv[VT];
                for (int v = 0; v < nv; v++) wv[v] = load_weight(kind, of_vector(w, p, v), col * US_GROUP + FIRST(v));
                for (int i = 0; i < nt; i++)
                    for (int v = 0; v < nv; v++)
                        acc[v][s * nt + i] = fma_(wv[v], set1(x[(t + (size_t)i) * ld_x + col]), acc[v][s * nt + i]);
            }
        for (size_t col = 4 * run; j + side == 4 && col < w->n_cols; col++)
            for (int v = 0; v < nv; v++) {
                vf wv = load_weight(kind, of_vector(w, p, v), col * US_GROUP + FIRST(v));
                for (int i = 0; i < nt; i++)
                    acc[v][(side - 1) * nt + i] = fma_(wv, set1(x[(t + (size_t)i) * ld_x + col]), acc[v][(side - 1) * nt + i]);
            }
        for (int v = 0; v < nv; v++)
            for (int s = 0; s < side; s++)
                for (int i = 0; i < nt; i++) total[v][i] = j + s ? total[v][i] + acc[v][s * nt + i] : acc[v][i];
    }
    for (int v = 0; v < nv; v++)
        for (int i = 0; i < nt; i++) put_group(w, g, v, total[v][i], y + (t + (size_t)i) * ld, add);
}

/* Runs `call` for the groups [g0, g1) and the rows of x [t0, t1), in tiles of nv vectors from group g on and nt rows from row t
 * on. Both are constants in every copy of `call`, so that its loops unroll. Weights come from memory once: the last rows, too few
 * for a tile, are done before the next groups are. */
#define TILES(vectors, n, call)             \
    {                                       \
        enum { nv = vectors, nt = n };      \
        for (; t + nt <= t1; t += nt) call; \
    }
#define FOR_EACH_TILE(call)                                    \
    for (size_t g = g0, next; g < g1; g = next) {              \
        size_t t = t0;                                         \
        next = g1 - g < VT / NV ? g + 1 : g + VT / NV;         \
        bool few = t1 - t0 > TILE && t1 - t0 <= FEW;           \
        if (!few && next == g + VT / NV) TILES(VT, TILE, call) \
        for (size_t done = t; g < next; g++, t = done) {       \
            if (FEW > TILE && few) TILES(NV, FEW, call)        \
            if (VT > NV) TILES(NV, TILE, call)                 \
            TILES(NV, 2, call)                                 \
            TILES(NV, 1, call)                                 \
        }                                                      \
    }

static void matmul(const us_matrix *w, const us_acts *a, const float *x, size_t ld_x, size_t t0, size_t t1, size_t g0,
                   size_t g1, float *y, size_t ld, bool add) {
    switch (w->kind) {
    case US_PACK_Q4: FOR_EACH_TILE(q4_tile(false, w, g, a, t, nv, nt, y, ld, add)) break;
    case US_PACK_Q8: FOR_EACH_TILE(q8_tile(w, g, a, t, nv, nt, y, ld, add)) break;
    case US_PACK_Q8_S: FOR_EACH_TILE(q8s_tile(w, g, a, t, nv, nt, y, ld, add)) break;
    case US_PACK_Q4_K: FOR_EACH_TILE(q4_tile(true, w, g, a, t, nv, nt, y, ld, add)) break;
    case US_PACK_Q6_K: FOR_EACH_TILE(q6k_tile(w, g, a, t, nv, nt, y, ld, add)) break;
    case US_PACK_I8:
        if (w->n_cols == 16) {
            FOR_EACH_TILE(i8_tile(16, w, g, a, t, nv, nt, y, ld, add))
        } else {
            FOR_EACH_TILE(i8_tile(0, w, g, a, t, nv, nt, y, ld, add))
        }
        break;
    case US_PACK_F16: FOR_EACH_TILE(float_tile(US_PACK_F16, w, g, x, ld_x, t, nv, nt, y, ld, add)) break;
    case US_PACK_BF16: FOR_EACH_TILE(float_tile(US_PACK_BF16, w, g, x, ld_x, t, nv, nt, y, ld, add)) break;
    default: FOR_EACH_TILE(float_tile(US_PACK_F32, w, g, x, ld_x, t, nv, nt, y, ld, add)) break;
    }
}

/* Four lanes, each of them op over every fourth lane of v. */
typedef int32_t vi4 __attribute__((vector_size(16)));
INLINE vi4 add_four(vi4 a, vi4 b) { return a + b; }
#if W == 16
#define FOLD(op, v)                                                                              \
    op(op(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7)), \
       op(__builtin_shufflevector(v, v, 8, 9, 10, 11), __builtin_shufflevector(v, v, 12, 13, 14, 15)))
#elif W == 8
#define FOLD(op, v) op(__builtin_shufflevector(v, v, 0, 1, 2, 3), __builtin_shufflevector(v, v, 4, 5, 6, 7))
#else
#define FOLD(op, v) (v)
#endif

/* The bits of the largest magnitude of a block. Those of what is infinite or no number are larger than those of any number. */
INLINE int32_t block_max(const float *x) {
    vi max = {0};
    for (int j = 0; j < US_BLOCK; j += W) {
        vi bits = bits_of(load(x + j)) & 0x7fffffff;
        max = max_ints(bits, max);
    }
    vi4 m = FOLD(max_four, max);
    m = max_four(m, __builtin_shufflevector(m, m, 2, 3, 0, 1));
    return ((vi4)max_four(m, __builtin_shufflevector(m, m, 1, 0, 3, 2)))[0];
}

static void quantize_acts(const float *x, size_t ld_x, size_t t0, size_t t1, us_acts *a) {
    size_t k = a->n_cols, blocks = k / US_BLOCK;
    const vf magic = set1(12582912.0f);
    for (size_t t = t0; t < t1; t++)
        for (size_t b = 0; b < blocks; b++) {
            const float *in = x + t * ld_x + b * US_BLOCK;
            int8_t *q = a->q + t * k + b * US_BLOCK;
            size_t at = t * blocks + b;
            int32_t bits = block_max(in);
            if (__builtin_expect(bits > 0x7f7fffff, 0)) { /* as in scalar.c: it is seen at the end, in the logits */
                memset(q, 0, US_BLOCK);
                a->n[2 * at] = a->n[2 * at + 1] = 0;
                a->d[at] = a->s[at] = NAN;
                continue;
            }
            float m;
            memcpy(&m, &bits, 4);
            float d = m / 127.0f;
            vf inv = set1(m > US_TINY ? 127.0f / m : 0);
            vi r[US_BLOCK / W], half[2] = {{0}, {0}};
            for (int j = 0; j < US_BLOCK / W; j++) {
                r[j] = bits_of(load(in + j * W) * inv + magic) - bits_of(magic); /* rounds to nearest even */
                half[j * W / 16] += r[j];
            }
            store_block(q, r);
            vi4 n0 = FOLD(add_four, half[0]), n1 = FOLD(add_four, half[1]);
            vi4 n = __builtin_shufflevector(n0, n1, 0, 4, 1, 5) + __builtin_shufflevector(n0, n1, 2, 6, 3, 7);
            n += __builtin_shufflevector(n, n, 2, 3, 0, 1);
            memcpy(a->n + 2 * at, &n, 8);
            a->d[at] = d;
            a->s[at] = d * (float)n[0] + d * (float)n[1];
        }
}

/* ---- attention ----------------------------------------------------------------------------------------------- */

#define MOST_PV 4

INLINE vf load_page(us_page_kind kind, const unsigned char *p, size_t i) {
    return kind == US_PAGE_F32   ? load((const float *)(const void *)p + i)
           : kind == US_PAGE_F16 ? load_half(p + 2 * i)
                                 : load_i8(p + i);
}

/* Asks for n numbers of another page, from the i-th on: pages lie anywhere, so that no prefetcher foresees them. */
INLINE void fetch_row(us_page_kind kind, const unsigned char *page, size_t i, size_t n) {
    size_t size = kind == US_PAGE_F32 ? 4 : kind == US_PAGE_F16 ? 2 : 1;
    for (size_t at = 0; at < n * size; at += 64) __builtin_prefetch(page + i * size + at);
}

/* s[nr][64] = scale * q . K of one page; meanwhile the page that is read next comes nearer. */
INLINE void page_scores(us_page_kind kind, const us_attend *a, const unsigned char *page, const unsigned char *next, size_t r0,
                        int nr, float *s) {
    size_t es = a->head_size;
    const unsigned char *scales = page + US_PAGE * es;
    const int pv = PV(nr);
    for (size_t v0 = 0; v0 < US_PAGE / W; v0 += (size_t)pv) {
        vf acc[RB][MOST_PV];
        UNROLL for (int r = 0; r < nr; r++) UNROLL for (int v = 0; v < pv; v++) acc[r][v] = (vf){0};
        for (size_t b = 0; b < es; b += 32) {
            vf part[RB][MOST_PV];
            size_t end = b + 32 < es ? b + 32 : es;
            UNROLL for (int r = 0; r < nr; r++) UNROLL for (int v = 0; v < pv; v++) part[r][v] =
                kind == US_PAGE_Q8_0 ? (vf){0} : acc[r][v];
            for (size_t e = b; e < end; e++) {
                if (v0 == 0) fetch_row(kind, next, e * US_PAGE, US_PAGE);
                vf key[MOST_PV];
                UNROLL for (int v = 0; v < pv; v++) key[v] = load_page(kind, page, e * US_PAGE + (v0 + (size_t)v) * W);
                UNROLL for (int r = 0; r < nr; r++) {
                    vf x = set1(a->q[(r0 + (size_t)r) * a->q_stride + e]);
                    UNROLL for (int v = 0; v < pv; v++) part[r][v] = fma_(key[v], x, part[r][v]);
                }
            }
            UNROLL for (int v = 0; v < pv; v++) {
                vf d = kind == US_PAGE_Q8_0 ? load_half(scales + 2 * (b / 32 * US_PAGE + (v0 + (size_t)v) * W)) : (vf){0};
                UNROLL for (int r = 0; r < nr; r++) acc[r][v] =
                    kind == US_PAGE_Q8_0 ? fma_(part[r][v], d, acc[r][v]) : part[r][v];
            }
        }
        UNROLL for (int r = 0; r < nr; r++) UNROLL for (int v = 0; v < pv; v++)
            store(s + r * US_PAGE + (v0 + (size_t)v) * W, acc[r][v] * a->scale);
    }
}

/* o[nr][e0...] += p . V of the first n positions of one page, nv vectors wide. */
INLINE void page_values_at(us_page_kind kind, const us_attend *a, const unsigned char *page, const unsigned char *next,
                           size_t r0, int nr, const float *p, size_t n, size_t e0, int nv) {
    size_t es = a->head_size;
    const unsigned char *scales = page + US_PAGE * es;
    vf acc[RB][MOST_PV];
    UNROLL for (int r = 0; r < nr; r++) UNROLL for (int v = 0; v < nv; v++) acc[r][v] =
        load(a->o + (r0 + (size_t)r) * es + e0 + (size_t)v * W);
    for (size_t i = 0; i < n; i++) {
        if (e0 == 0) fetch_row(kind, next, i * es, es);
        vf value[MOST_PV];
        UNROLL for (int v = 0; v < nv; v++) {
            size_t e = e0 + (size_t)v * W;
            value[v] = load_page(kind, page, i * es + e);
            if (kind == US_PAGE_Q8_0) {
                uint16_t h;
                memcpy(&h, scales + 2 * (i * (es / 32) + e / 32), 2);
                value[v] = value[v] * one_half(h);
            }
        }
        UNROLL for (int r = 0; r < nr; r++) {
            vf x = set1(p[(size_t)r * US_PAGE + i]);
            UNROLL for (int v = 0; v < nv; v++) acc[r][v] = fma_(value[v], x, acc[r][v]);
        }
    }
    UNROLL for (int r = 0; r < nr; r++) UNROLL for (int v = 0; v < nv; v++)
        store(a->o + (r0 + (size_t)r) * es + e0 + (size_t)v * W, acc[r][v]);
}

/* o[nr][E] += p . V of the first n positions of one page. */
INLINE void page_values(us_page_kind kind, const us_attend *a, const unsigned char *page, const unsigned char *next, size_t r0,
                        int nr, const float *p, size_t n) {
    size_t e = 0, wide = (size_t)PV(nr) * W;
    for (; e + wide <= a->head_size; e += wide) page_values_at(kind, a, page, next, r0, nr, p, n, e, PV(nr));
    for (; e < a->head_size; e += W) page_values_at(kind, a, page, next, r0, nr, p, n, e, 1);
}

/* One page against rows [r0, r0 + nr): scores, running maximum, probabilities, values. */
INLINE void attend_page(us_page_kind kind, const us_attend *a, size_t page, size_t r0, int nr) {
    float s[RB * US_PAGE];
    size_t most = 0;
    page_scores(kind, a, a->k_pages[page], a->v_pages[page], r0, nr, s);
    for (int r = 0; r < nr; r++) {
        size_t row = r0 + (size_t)r, n = 0, from = 0;
        int64_t seen = (int64_t)a->limit[row] - (int64_t)(page * US_PAGE),
                before = a->from ? (int64_t)a->from[row] - (int64_t)(page * US_PAGE) : 0;
        if (seen > 0) n = seen < US_PAGE ? (size_t)seen : US_PAGE;
        if (before > 0) from = before < US_PAGE ? (size_t)before : US_PAGE;
        if (n > most) most = n;
        float *sr = s + r * US_PAGE, *o = a->o + row * a->head_size;
        for (int i = 0; i < US_PAGE && a->cap > 0; i += W) store(sr + i, vcap(load(sr + i), a->cap));
        for (size_t i = 0; i < from; i++) sr[i] = -INFINITY;
        for (size_t i = n; i < US_PAGE; i++) sr[i] = -INFINITY;
        if (from >= n) {
            memset(sr, 0, US_PAGE * sizeof *sr);
            continue;
        }
        vf mv = load(sr);
        for (int i = W; i < US_PAGE; i += W) mv = vmax(mv, load(sr + i));
        float m = hmax(mv);
        if (m > a->m[row]) { /* what was summed so far is measured against the new maximum */
            float c = a->l[row] > 0 ? expf(a->m[row] - m) : 0;
            a->l[row] *= c;
            for (size_t e = 0; e < a->head_size; e += W) store(o + e, load(o + e) * c);
            a->m[row] = m;
        }
        vf sum = {0}, base = set1(a->m[row]);
        for (int i = 0; i < US_PAGE; i += W) {
            vf p = vexp(load(sr + i) - base);
            store(sr + i, p);
            sum += p;
        }
        a->l[row] += hsum(sum);
    }
    page_values(kind, a, a->v_pages[page], a->k_pages[page + 1 < a->n_pages ? page + 1 : page], r0, nr, s, most);
}

INLINE void attend_kind(us_page_kind kind, const us_attend *a) {
    for (size_t r = 0; r < a->n_rows; r++) {
        a->m[r] = -INFINITY;
        a->l[r] = 0;
        memset(a->o + r * a->head_size, 0, a->head_size * sizeof *a->o);
    }
    for (size_t page = 0; page < a->n_pages; page++)
        for (size_t r = 0, nr; r < a->n_rows; r += nr) {
            size_t left = a->n_rows - r;
            nr = left >= RB ? RB : RB > 3 && left == 3 ? 3 : left >= 2 ? 2 : 1;
            bool any = false;
            for (size_t i = r; i < r + nr; i++)
                any = any || ((size_t)a->limit[i] > page * US_PAGE && (!a->from || (size_t)a->from[i] < (page + 1) * US_PAGE));
            if (!any) continue;
            if (nr == RB) attend_page(kind, a, page, r, RB);
#if RB > 3
            else if (nr == 3) attend_page(kind, a, page, r, 3);
#endif
            else if (nr == 2) attend_page(kind, a, page, r, 2);
            else attend_page(kind, a, page, r, 1);
        }
}

static void attend(const us_attend *a) {
    if (a->head_size % W) {
        us_scalar_attend(a);
        return;
    }
    if (a->kind == US_PAGE_F16) attend_kind(US_PAGE_F16, a);
    else if (a->kind == US_PAGE_Q8_0) attend_kind(US_PAGE_Q8_0, a);
    else attend_kind(US_PAGE_F32, a);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static float dot(const float *a, const float *b, size_t n) {
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    size_t i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
        s0 = fma_(load(a + i), load(b + i), s0);
        s1 = fma_(load(a + i + W), load(b + i + W), s1);
        s2 = fma_(load(a + i + 2 * W), load(b + i + 2 * W), s2);
        s3 = fma_(load(a + i + 3 * W), load(b + i + 3 * W), s3);
    }
    for (; i + W <= n; i += W) s0 = fma_(load(a + i), load(b + i), s0);
    float s = hsum((s0 + s1) + (s2 + s3));
    for (; i < n; i++) s += a[i] * b[i];
    return s;
}

static void rmsnorm(const float *x, const float *g, size_t n, float eps, float *y) {
    float ss = dot(x, x, n), r = ss <= 3.4e38f ? 1.0f / sqrtf(ss / (float)n + eps) : NAN; /* infinite: zeros would hide it */
    size_t i = 0;
    for (; i + W <= n; i += W) store(y + i, load(x + i) * r * load(g + i));
    for (; i < n; i++) y[i] = x[i] * r * g[i];
}

static void add(const float *a, float scale, size_t n, float *y) {
    size_t i = 0;
    for (; i + W <= n; i += W) store(y + i, fma_(load(a + i), set1(scale), load(y + i)));
    for (; i < n; i++) y[i] = fmaf(a[i], scale, y[i]);
}

/* n <= W: the last, partial vector of an array goes through a padded copy. */
INLINE vf load_part(const float *p, size_t n, float fill) {
    if (n == W) return load(p);
    vf v = set1(fill);
    memcpy(&v, p, n * sizeof *p);
    return v;
}
INLINE void store_part(float *p, vf v, size_t n) {
    if (n == W) store(p, v);
    else memcpy(p, &v, n * sizeof *p);
}

static void swiglu(const float *gate, const float *up, size_t n, float *y) {
    for (size_t i = 0; i < n; i += W) {
        size_t k = n - i < W ? n - i : W;
        vf g = load_part(gate + i, k, 0), u = load_part(up + i, k, 0);
        store_part(y + i, g * vlogistic(g) * u, k);
    }
}

static void swiglu_back(const float *gate, const float *up, const float *d_y, size_t n, float *d_gate, float *d_up) {
    for (size_t i = 0; i < n; i += W) {
        size_t k = n - i < W ? n - i : W;
        vf g = load_part(gate + i, k, 0), u = load_part(up + i, k, 0), d = load_part(d_y + i, k, 0), s = vlogistic(g),
           one = set1(1.0f);
        store_part(d_gate + i, d * u * s * (one + g * (one - s)), k);
        store_part(d_up + i, d * g * s, k);
    }
}

#define GELU_A 0.7978845608f /* sqrt(2 / pi) */
#define GELU_B 0.044715f

static void geglu(const float *gate, const float *up, size_t n, float *y) {
    for (size_t i = 0; i < n; i += W) {
        size_t k = n - i < W ? n - i : W;
        vf g = load_part(gate + i, k, 0), u = load_part(up + i, k, 0);
        store_part(y + i, g * vlogistic(2 * GELU_A * (g + GELU_B * g * g * g)) * u, k);
    }
}

static void geglu_back(const float *gate, const float *up, const float *d_y, size_t n, float *d_gate, float *d_up) {
    for (size_t i = 0; i < n; i += W) {
        size_t k = n - i < W ? n - i : W;
        vf g = load_part(gate + i, k, 0), u = load_part(up + i, k, 0), d = load_part(d_y + i, k, 0), one = set1(1.0f),
           s = vlogistic(2 * GELU_A * (g + GELU_B * g * g * g));
        store_part(d_gate + i, d * u * s * (one + g * (one - s) * 2 * GELU_A * (one + 3 * GELU_B * g * g)), k);
        store_part(d_up + i, d * g * s, k);
    }
}

static void softcap(float *x, size_t n, float cap) {
    for (size_t i = 0; i < n; i += W) {
        size_t k = n - i < W ? n - i : W;
        store_part(x + i, vcap(load_part(x + i, k, 0), cap), k);
    }
}

static float max_of(const float *x, size_t n) {
    vf m = set1(-INFINITY);
    size_t i = 0;
    for (; i + W <= n; i += W) m = vmax(load(x + i), m);
    float best = hmax(m);
    for (; i < n; i++) best = x[i] > best ? x[i] : best;
    return best;
}

/* Sum of exp(x - m), in float64 over runs of 4096; with `out` the terms are kept. */
INLINE double sum_exp(const float *x, size_t n, float m, float *out) {
    double total = 0;
    for (size_t b = 0; b < n; b += 4096) {
        size_t e = b + 4096 < n ? b + 4096 : n;
        vf sum = {0};
        for (size_t i = b; i < e; i += W) {
            size_t k = e - i < W ? e - i : W;
            vf p = vexp(load_part(x + i, k, -INFINITY) - m);
            if (out) store_part(out + i, p, k);
            sum += p;
        }
        total += (double)hsum(sum);
    }
    return total;
}

static void softmax(float *x, size_t n) {
    float inv = (float)(1.0 / sum_exp(x, n, max_of(x, n), x));
    for (size_t i = 0; i < n; i++) x[i] *= inv;
}

static double logsumexp(const float *x, size_t n) {
    float m = max_of(x, n);
    return (double)m + log(sum_exp(x, n, m, NULL));
}

/* ---- float32 products ----------------------------------------------------------------------------------------------- */

#define MR 6
/* y[mr][W * nv] += alpha * sum over k of x(i, k) * w[k][...]; x(i, k) is x[i * si + k * sk]. */
INLINE void micro(int mr, int nv, size_t k, float alpha, const float *x, size_t si, size_t sk, const float *w, size_t ld_w,
                  float *y, size_t ld_y, size_t n_last) {
    vf acc[2 * MR];
    for (int i = 0; i < mr * nv; i++) acc[i] = (vf){0};
    for (size_t p = 0; p < k; p++) {
        vf wv[2];
        for (int v = 0; v < nv; v++) wv[v] = load(w + p * ld_w + v * W);
        for (int i = 0; i < mr; i++) {
            vf xv = set1(x[(size_t)i * si + p * sk]);
            for (int v = 0; v < nv; v++) acc[i * nv + v] = fma_(xv, wv[v], acc[i * nv + v]);
        }
    }
    for (int i = 0; i < mr; i++)
        for (int v = 0; v < nv; v++) {
            float *at = y + (size_t)i * ld_y + v * W;
            if (v == nv - 1 && n_last < W) store_part(at, fma_(acc[i * nv + v], set1(alpha), load_part(at, n_last, 0)), n_last);
            else store(at, fma_(acc[i * nv + v], set1(alpha), load(at)));
        }
}

/* All rows of y against one panel of W * nv columns. */
INLINE void panel(size_t m, int nv, size_t k, float alpha, const float *x, size_t si, size_t sk, const float *w, size_t ld_w,
                  float *y, size_t ld_y, size_t n_last) {
    size_t i = 0, rows = nv == 1 ? 2 * MR : MR; /* twelve sums in flight */
    for (; i + rows <= m; i += rows) micro((int)rows, nv, k, alpha, x + i * si, si, sk, w, ld_w, y + i * ld_y, ld_y, n_last);
    for (; i + 4 <= m; i += 4) micro(4, nv, k, alpha, x + i * si, si, sk, w, ld_w, y + i * ld_y, ld_y, n_last);
    for (; i < m; i++) micro(1, nv, k, alpha, x + i * si, si, sk, w, ld_w, y + i * ld_y, ld_y, n_last);
}

#define KC 256 /* depth of a copied panel: 16 or 32 columns of it stay in the first cache */

static void gemm_strided(size_t m, size_t n, size_t k, float alpha, const float *x, size_t si, size_t sk, const float *w,
                         size_t ld_w, float *y, size_t ld_y) {
    size_t j = 0;
    for (; j + 2 * W <= n; j += 2 * W) panel(m, 2, k, alpha, x, si, sk, w + j, ld_w, y + j, ld_y, W);
    for (; j + W <= n; j += W) panel(m, 1, k, alpha, x, si, sk, w + j, ld_w, y + j, ld_y, W);
    float copy[KC * W];
    for (size_t p = 0; j < n && p < k; p += KC) {
        size_t depth = k - p < KC ? k - p : KC;
        for (size_t q = 0; q < depth; q++) store(copy + q * W, load_part(w + (p + q) * ld_w + j, n - j, 0));
        panel(m, 1, depth, alpha, x + p * sk, si, sk, copy, W, y + j, ld_y, n - j);
    }
}

static void gemm_nn(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y) {
    gemm_strided(m, n, k, alpha, x, ld_x, 1, w, ld_w, y, ld_y);
}

static void gemm_tn(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y) {
    gemm_strided(m, n, k, alpha, x, 1, ld_x, w, ld_w, y, ld_y);
}

/* w[N, K]: panels of rows are turned into columns first. */
static void gemm_nt(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y) {
    float copy[KC * 2 * W];
    for (size_t j = 0; j < n; j += 2 * W) {
        size_t cols = n - j < 2 * W ? n - j : 2 * W;
        int nv = cols > W ? 2 : 1;
        size_t ld = (size_t)nv * W;
        for (size_t p = 0; p < k; p += KC) {
            size_t depth = k - p < KC ? k - p : KC;
            if (cols < ld) memset(copy, 0, depth * ld * sizeof *copy);
            for (size_t c = 0; c < cols; c++)
                for (size_t q = 0; q < depth; q++) copy[q * ld + c] = w[(j + c) * ld_w + p + q];
            if (nv == 2) panel(m, 2, depth, alpha, x + p, ld_x, 1, copy, ld, y + j, ld_y, cols - W);
            else panel(m, 1, depth, alpha, x + p, ld_x, 1, copy, ld, y + j, ld_y, cols);
        }
    }
}

static void page_put(us_page_kind kind, bool is_k, size_t es, unsigned char *page, size_t i, const float *x) {
    if (kind != US_PAGE_F16 || es % W) {
        us_scalar_page_put(kind, is_k, es, page, i, x);
        return;
    }
    uint16_t h[W], *to = (uint16_t *)(void *)page;
    for (size_t e = 0; e < es; e += W) {
        store_halves(h, load(x + e));
        if (!is_k) memcpy(to + i * es + e, h, sizeof h);
        for (size_t j = 0; j < W && is_k; j++) to[(e + j) * US_PAGE + i] = h[j];
    }
}

INLINE void fill(us_kern *t) {
    t->quantize_acts = quantize_acts;
    t->page_put = page_put;
    t->matmul = matmul;
    t->attend = attend;
    t->rmsnorm = rmsnorm;
    t->add = add;
    t->dot = dot;
    t->swiglu = swiglu;
    t->swiglu_back = swiglu_back;
    t->geglu = geglu;
    t->geglu_back = geglu_back;
    t->softcap = softcap;
    t->softmax = softmax;
    t->logsumexp = logsumexp;
    t->gemm_nt = gemm_nt;
    t->gemm_nn = gemm_nn;
    t->gemm_tn = gemm_tn;
}
