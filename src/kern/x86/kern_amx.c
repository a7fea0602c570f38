/* AMX: AVX-512's kernels, and many rows at once in tiles of bfloat16. Needs AVX512-BF16 to round.
 *
 * A tile of x is 16 rows of 32 columns; a tile of W is 32 columns of one group, as 16 rows of 16 pairs of columns. Four sums
 * (32 rows by two groups) are in flight. Weights are unpacked once for all rows of the call. */
#include "kern/x86/lanes16.h"
#include "kern/simd.h"

/* Byte c of each lane as a number. */
INLINE vf byte_of(__m512i v, int c, bool is_signed) {
    return is_signed ? to_float(_mm512_srai_epi32(_mm512_slli_epi32(v, (unsigned)(24 - 8 * c)), 24))
                     : to_float(_mm512_and_si512(_mm512_srli_epi32(v, (unsigned)(8 * c)), _mm512_set1_epi32(255)));
}

/* Columns [32 b, 32 b + 32) of a group's 16 rows: out[c] is column c. */
INLINE void unpack_block(us_pack_kind kind, const us_matrix *w, size_t g, size_t b, vf out[US_BLOCK]) {
    const unsigned char *p = w->data + g * w->group_bytes;
    if (kind >= US_PACK_F16) {
        for (size_t c = 0; c < US_BLOCK; c++)
            out[c] = b * US_BLOCK + c < w->n_cols ? load_weight(kind, p, (b * US_BLOCK + c) * US_GROUP) : (vf){0};
        return;
    }
    vf d, m = {0}, d2, m2;
    const unsigned char *q; /* the quads */
    switch (kind) {
    case US_PACK_Q4: p += b * US_Q4_BLOCK_BYTES, d = load_half(p), m = load_half(p + 32), q = p + 64; break;
    case US_PACK_Q4_K:
        p += b / 8 * US_Q4K_BYTES, q = p + 64 + b % 8 * US_Q4K_BLOCK_BYTES;
        d = load_half(p) * load_u8(q), m = -(load_half(p + 32) * load_u8(q + 16)), q += 32;
        break;
    case US_PACK_I8: d = load_half(p), q = p + 2 * US_GROUP + b * US_Q8_BLOCK_BYTES; break;
    case US_PACK_Q8: d = load_half(p + b * 32), q = p + us_q8_scale_bytes(w->n_cols) + b * US_Q8_BLOCK_BYTES; break;
    case US_PACK_Q8_S:
        p += b * US_Q8S_BLOCK_BYTES, d = load((const float *)(const void *)p), m = load((const float *)(const void *)(p + 128)),
                                     q = p + 256;
        break;
    default:
        p += b / 8 * US_Q6K_BYTES, q = p + 32 + b % 8 * US_Q6K_BLOCK_BYTES, d = load_half(p) * load_i8(q);
        break; /* Q6_K */
    }
    d2 = d, m2 = m;
    if (kind == US_PACK_Q8_S)
        d2 = load((const float *)(const void *)(p + 64)), m2 = load((const float *)(const void *)(p + 192));
    if (kind == US_PACK_Q6_K) d2 = load_half(p) * load_i8(q + 16);
    for (int quad = 0; quad < 8; quad++) {
        bool nibbles = kind == US_PACK_Q4 || kind == US_PACK_Q4_K;
        bool beyond = kind == US_PACK_I8 && b * US_BLOCK + 4 * (size_t)quad >= us_i8_columns(w->n_cols);
        __m512i v = beyond                 ? _mm512_setzero_si512()
                    : kind == US_PACK_Q6_K ? _mm512_sub_epi8(q6_quad(q, quad, 0), _mm512_set1_epi8(32))
                                           : load_bytes(q + 64 * (nibbles ? quad % 4 : quad));
        if (nibbles) v = quad < 4 ? low4(v) : high4(v);
        for (int c = 0; c < 4; c++) out[4 * quad + c] = fma_(byte_of(v, c, !nibbles), quad < 4 ? d : d2, quad < 4 ? m : m2);
    }
}

/* Rows of 16 numbers each, as one row of pairs of bfloat16. */
INLINE __m512i pair(vf even, vf odd) {
    const __m512i half = _mm512_set1_epi32(0x8000), high = _mm512_set1_epi32((int)0xffff0000);
    return _mm512_or_si512(_mm512_srli_epi32(_mm512_add_epi32((__m512i)bits_of(even), half), 16),
                           _mm512_and_si512(_mm512_add_epi32((__m512i)bits_of(odd), half), high));
}

INLINE void fill_panel(us_pack_kind kind, const us_matrix *w, size_t g, size_t blocks, unsigned char *panel) {
    for (size_t b = 0; b < blocks; b++, panel += 1024) {
        vf col[US_BLOCK];
        unpack_block(kind, w, g, b, col);
        for (int c = 0; c < US_BLOCK; c += 2) _mm512_store_si512(panel + 32 * c, pair(col[c], col[c + 1]));
    }
}

static void fill_panel_of(const us_matrix *w, size_t g, size_t blocks, unsigned char *panel) {
    switch (w->kind) {
    case US_PACK_Q4: fill_panel(US_PACK_Q4, w, g, blocks, panel); break;
    case US_PACK_Q4_K: fill_panel(US_PACK_Q4_K, w, g, blocks, panel); break;
    case US_PACK_Q8: fill_panel(US_PACK_Q8, w, g, blocks, panel); break;
    case US_PACK_Q8_S: fill_panel(US_PACK_Q8_S, w, g, blocks, panel); break;
    case US_PACK_Q6_K: fill_panel(US_PACK_Q6_K, w, g, blocks, panel); break;
    case US_PACK_F16: fill_panel(US_PACK_F16, w, g, blocks, panel); break;
    case US_PACK_BF16: fill_panel(US_PACK_BF16, w, g, blocks, panel); break;
    case US_PACK_I8: fill_panel(US_PACK_I8, w, g, blocks, panel); break;
    default: fill_panel(US_PACK_F32, w, g, blocks, panel); break;
    }
}

/* [T / 16][K / 32][16][32], columns padded with zeros; what stands in rows beyond T never leaves the tiles. */
static void to_bf16(const float *x, size_t ld_x, size_t n, size_t k, size_t t0, uint16_t *out) {
    size_t kp = (k + 31) & ~(size_t)31;
    for (size_t t = t0; t < t0 + n; t++, x += ld_x)
        for (size_t c = 0; c < kp; c += W) {
            size_t part = c >= k ? 0 : k - c < W ? k - c : W;
            __m256i v = part ? (__m256i)_mm512_cvtneps_pbh((__m512)load_part(x + c, part, 0)) : _mm256_setzero_si256();
            memcpy(out + t / 16 * 16 * kp + c / 32 * 512 + t % 16 * 32 + c % 32, &v, sizeof v);
        }
}

static const struct {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} eight_tiles = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};

/* c[32][32], rows ld_c apart = (two tiles of rows) . (two tiles of columns), over `blocks` tiles of 32 in depth. GCC's tile
 * loads do not say that they read memory: hence the barrier. */
INLINE void four_tiles(const uint16_t *top, const uint16_t *bottom, const unsigned char *left, const unsigned char *right,
                       size_t blocks, float *c, size_t ld_c) {
    __asm__ volatile("" ::: "memory");
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (size_t b = 0; b < blocks; b++) {
        _tile_loadd(4, top + 512 * b, 64);
        _tile_loadd(6, left + 1024 * b, 64);
        _tile_loadd(7, right + 1024 * b, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, bottom + 512 * b, 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c, ld_c * sizeof *c);
    _tile_stored(1, c + 16, ld_c * sizeof *c);
    _tile_stored(2, c + 16 * ld_c, ld_c * sizeof *c);
    _tile_stored(3, c + 16 * ld_c + 16, ld_c * sizeof *c);
}

static void matmul_bf16(const us_matrix *w, const uint16_t *bf16, const us_row_block *blocks, size_t n_blocks, size_t g0,
                        size_t g1, float *y, size_t ld_y, bool add, void *panel) {
    size_t kp = (w->n_cols + 31) & ~(size_t)31, depth = kp / 32;
    unsigned char *left = panel, *right = left + depth * 1024;
    _Alignas(64) float c[32 * 32];
    _tile_loadconfig(&eight_tiles);
    for (size_t g = g0; g < g1; g += 2) {
        bool two = g + 1 < g1;
        fill_panel_of(w, g, depth, left);
        if (two) fill_panel_of(w, g + 1, depth, right);
        for (size_t b = 0; b < n_blocks; b++) {
            const uint16_t *x = bf16 + b * US_BF16_ROWS * kp;
            float *to = y + (size_t)blocks[b].first * ld_y;
            four_tiles(x, x + 16 * kp, left, two ? right : left, depth, c, 32);
            for (size_t i = 0; i < (size_t)blocks[b].n; i++, to += ld_y)
                for (size_t k = 0; k < (two ? 2u : 1u); k++) put_group(w, g + k, 0, load(c + i * 32 + k * US_GROUP), to, add);
        }
    }
    _tile_release();
}

/* Row e of K (16 positions from `at` on of its page), row i of V (16 columns from `at` on). */
INLINE vf key_at(us_page_kind kind, const unsigned char *page, size_t es, size_t e, size_t at) {
    vf x = load_page(kind, page, e * US_PAGE + at);
    return kind == US_PAGE_Q8_0 ? x * load_half(page + US_PAGE * es + 2 * (e / 32 * US_PAGE + at)) : x;
}
INLINE vf value_at(us_page_kind kind, const unsigned char *page, size_t es, size_t i, size_t at) {
    vf x = load_page(kind, page, i * es + at);
    uint16_t h = 0;
    if (kind == US_PAGE_Q8_0) memcpy(&h, page + US_PAGE * es + 2 * (i * (es / 32) + at / 32), 2);
    return kind == US_PAGE_Q8_0 ? x * one_half(h) : x;
}

/* Positions [0, n) of a chunk as tiles: of K, 32 columns of 16 positions, [n / 16][E / 32]; of V, 32 positions of 16 columns,
 * [E / 16][n / 32]. Values beyond `seen` count as zero: they may be another sequence's, or not finite. */
INLINE void panels(us_page_kind kind, const us_attend *a, size_t n, size_t seen, unsigned char *keys, unsigned char *values) {
    size_t es = a->head_size;
    for (size_t at = 0; at < n; at += 16)
        for (size_t e = 0; e < es; e += 2, keys += 64) {
            const unsigned char *page = a->k_pages[at / US_PAGE];
            _mm512_store_si512(keys,
                               pair(key_at(kind, page, es, e, at % US_PAGE), key_at(kind, page, es, e + 1, at % US_PAGE)));
        }
    for (size_t e = 0; e < es; e += 16)
        for (size_t i = 0; i < n; i += 2, values += 64) {
            const unsigned char *page = a->v_pages[i / US_PAGE];
            vf even = i < seen ? value_at(kind, page, es, i % US_PAGE, e) : (vf){0},
               odd = i + 1 < seen ? value_at(kind, page, es, i % US_PAGE + 1, e) : (vf){0};
            _mm512_store_si512(values, pair(even, odd));
        }
}

/* One row of scores, the first `seen` of n: its maximum, the sum of its exponentials, and these as row i of tiles. */
INLINE void exponentials(float *s, size_t n, size_t seen, float scale, float *m, float *l, uint16_t *p) {
    vf max = set1(-INFINITY), sum = {0};
    for (size_t c = 0; c < n; c += W) {
        __mmask16 in = seen >= c + W ? 0xffff : seen > c ? (__mmask16)((1u << (seen - c)) - 1) : 0;
        vf x = (vf)_mm512_mask_mul_ps(_mm512_set1_ps(-INFINITY), in, _mm512_load_ps(s + c), _mm512_set1_ps(scale));
        store(s + c, x);
        max = vmax(max, x);
    }
    *m = hmax(max);
    for (size_t c = 0; c < n; c += W) {
        vf x = seen ? vexp(load(s + c) - *m) : (vf){0};
        __m256i v = (__m256i)_mm512_cvtneps_pbh((__m512)x);
        memcpy(p + c / 32 * 512 + c % 32, &v, sizeof v);
        sum += load_bf16(p + c / 32 * 512 + c % 32); /* as they are multiplied */
    }
    *l = hsum(sum);
}

INLINE void attend_bf16_kind(us_page_kind kind, const us_attend *a) {
    enum { MOST = 256 };
    size_t es = a->head_size, seen = 0;
    for (size_t r = 0; r < a->n_rows; r++) seen = (size_t)a->limit[r] > seen ? (size_t)a->limit[r] : seen;
    size_t n = (seen + 31) & ~(size_t)31;
    unsigned char *keys = a->scratch, *values = keys + MOST * es * 2;
    float *s = (float *)(void *)(values + MOST * es * 2);
    uint16_t *p = (uint16_t *)(void *)(s + 32 * MOST), *q = p + 32 * MOST;
    panels(kind, a, n, seen, keys, values);
    _tile_loadconfig(&eight_tiles);
    for (size_t r = 0; r < a->n_rows; r += 32) {
        to_bf16(a->q + r * a->q_stride, a->q_stride, 32, es, 0, q);
        for (size_t c = 0; c < n; c += 32)
            four_tiles(q, q + 16 * es, keys + c * es * 2, keys + (c + 16) * es * 2, es / 32, s + c, MOST);
        for (size_t i = 0; i < 32; i++)
            exponentials(s + i * MOST, n, (size_t)a->limit[r + i], a->scale, &a->m[r + i], &a->l[r + i],
                         p + i / 16 * 16 * n + i % 16 * 32);
        for (size_t e = 0; e < es; e += 32)
            four_tiles(p, p + 16 * n, values + e * n * 2, values + (e + 16) * n * 2, n / 32, a->o + r * es + e, es);
    }
    _tile_release();
}

static void attend_bf16(const us_attend *a) {
    if (a->kind == US_PAGE_F16) attend_bf16_kind(US_PAGE_F16, a);
    else attend_bf16_kind(US_PAGE_Q8_0, a);
}

/* 16 x 16 dwords turned: four rounds of exchanging halves. */
INLINE void turn16(__m512i r[16]) {
    for (int s = 8; s; s /= 2) {
        __m512i even, odd; /* which lanes of two rows s apart make the new rows */
        int32_t e[16], o[16];
        for (int i = 0; i < 16; i++) e[i] = i & s ? 16 + i - s : i, o[i] = i & s ? 16 + i : i + s;
        memcpy(&even, e, 64), memcpy(&odd, o, 64);
        for (int i = 0; i < 16; i++)
            if (!(i & s)) {
                __m512i a = r[i], b = r[i + s];
                r[i] = _mm512_permutex2var_epi32(a, even, b);
                r[i + s] = _mm512_permutex2var_epi32(a, odd, b);
            }
    }
}

/* One tile of 16 "others" (rows of x or columns of w) by 32 in depth; p(o, k) is p[o * so + k * sk], zero beyond n_o and n_k.
 * As rows of others with their pairs along them (by_other: x), or as rows of pairs with the others along them (w). */
INLINE void pack_tile(const float *p, size_t so, size_t sk, size_t n_o, size_t n_k, bool by_other, uint16_t *out) {
    __m512i r[16];
    if (sk == 1) {
        for (size_t o = 0; o < 16; o++) {
            const float *q = p + o * so;
            vf low = {0}, high = {0};
            if (o < n_o) low = load_part(q, n_k < W ? n_k : W, 0);
            if (o < n_o && n_k > W) high = load_part(q + W, n_k - W, 0);
            r[o] = (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
        }
    } else {
        for (size_t k = 0; k < 32; k += 2) {
            vf even = {0}, odd = {0};
            if (k < n_k) even = load_part(p + k * sk, n_o, 0);
            if (k + 1 < n_k) odd = load_part(p + (k + 1) * sk, n_o, 0);
            r[k / 2] = pair(even, odd);
        }
    }
    if ((sk == 1) != by_other) turn16(r);
    memcpy(out, r, sizeof r);
}

#define BF16_M 128 /* rows whose tiles are kept */
#define BF16_K 256 /* depth of them */
static void gemm_bf16(size_t m, size_t n, size_t k, float alpha, const float *x, size_t xi, size_t xk, const float *w,
                      size_t wk, size_t wj, float *y, size_t ld_y) {
    _Alignas(64) uint16_t a[BF16_M * BF16_K], b[32 * BF16_K];
    _Alignas(64) float c[32 * 32];
    _tile_loadconfig(&eight_tiles);
    for (size_t i0 = 0; i0 < m; i0 += BF16_M)
        for (size_t k0 = 0; k0 < k; k0 += BF16_K) {
            size_t rows = m - i0 < BF16_M ? m - i0 : BF16_M, depth = k - k0 < BF16_K ? k - k0 : BF16_K,
                   blocks = (depth + 31) / 32;
            for (size_t i = 0; i < rows; i += 16)
                for (size_t d = 0; d < blocks; d++)
                    pack_tile(x + (i0 + i) * xi + (k0 + 32 * d) * xk, xi, xk, rows - i < 16 ? rows - i : 16,
                              depth - 32 * d < 32 ? depth - 32 * d : 32, true, a + (i / 16 * blocks + d) * 512);
            for (size_t j = 0; j < n; j += 32) {
                size_t cols = n - j < 32 ? n - j : 32;
                for (size_t h = 0; h < cols; h += 16)
                    for (size_t d = 0; d < blocks; d++)
                        pack_tile(w + (k0 + 32 * d) * wk + (j + h) * wj, wj, wk, cols - h < 16 ? cols - h : 16,
                                  depth - 32 * d < 32 ? depth - 32 * d : 32, false, b + (h / 16 * blocks + d) * 512);
                const uint16_t *right = cols > 16 ? b + blocks * 512 : b;
                for (size_t i = 0; i < rows; i += 32) {
                    const uint16_t *top = a + i / 16 * blocks * 512, *bottom = rows - i > 16 ? top + blocks * 512 : top;
                    four_tiles(top, bottom, (const unsigned char *)b, (const unsigned char *)right, blocks, c, 32);
                    for (size_t r = 0; r < 32 && i + r < rows; r++)
                        for (size_t h = 0; h < cols; h += 16) {
                            float *at = y + (i0 + i + r) * ld_y + j + h;
                            size_t part = cols - h < W ? cols - h : W;
                            store_part(at, fma_(load(c + r * 32 + h), set1(alpha), load_part(at, part, 0)), part);
                        }
                }
            }
        }
    _tile_release();
}

void us_kern_fill_amx(us_kern *t) {
    t->to_bf16 = to_bf16;
    t->matmul_bf16 = matmul_bf16;
    t->attend_bf16 = attend_bf16;
    t->gemm_bf16 = gemm_bf16;
}
