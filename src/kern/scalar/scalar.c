/* The definition of every kernel, in plain C. */
#include "kern/kern.h"
#include "kern/pack.h"
#include <math.h>
#include <string.h>

static uint16_t *u16_at(void *p) { return p; }
static float *f32_at(void *p) { return p; }

static void pack_floats(us_pack_kind kind, us_type type, const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k,
                        unsigned char *dst) {
    (void)type;
    for (size_t r = 0; r < n_rows; r++) {
        const unsigned char *row = src + r * row_bytes;
        for (size_t c = 0; c < k; c++) {
            if (kind == US_PACK_F32) memcpy(&f32_at(dst)[c * US_GROUP + r], row + 4 * c, 4);
            else memcpy(&u16_at(dst)[c * US_GROUP + r], row + 2 * c, 2);
        }
    }
}

static void pack_i8(const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k, unsigned char *dst) {
    for (size_t r = 0; r < n_rows; r++) {
        const float *row = (const float *)(const void *)(src + r * row_bytes);
        float max = 0;
        for (size_t c = 0; c < k; c++) max = fmaxf(max, fabsf(row[c]));
        u16_at(dst)[r] = us_f16_from_f32(max / 127.0f);
        float d = us_f16_to_f32(u16_at(dst)[r]);
        for (size_t c = 0; c < k && d > 0; c++)
            ((int8_t *)dst)[2 * US_GROUP + c / 4 * 64 + 4 * r + c % 4] = (int8_t)fmaxf(-127, fminf(127, rintf(row[c] / d)));
    }
}

static void pack_q4(us_type type, const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k, unsigned char *dst) {
    size_t bytes = us_type_bytes(type);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t b = 0; b < k / US_BLOCK; b++) {
            const unsigned char *s = src + r * row_bytes + b * bytes, *q = s + (type == US_TYPE_Q4_1 ? 4 : 2);
            unsigned char *d = dst + b * US_Q4_BLOCK_BYTES;
            memcpy(d + 2 * r, s, 2);
            uint16_t m;
            if (type == US_TYPE_Q4_1) memcpy(&m, s + 2, 2);
            else {
                uint16_t h;
                memcpy(&h, s, 2);
                m = us_f16_from_f32(-8.0f * us_f16_to_f32(h));
            }
            memcpy(d + 32 + 2 * r, &m, 2);
            for (size_t j = 0; j < 4; j++) memcpy(d + 64 + j * 64 + 4 * r, q + 4 * j, 4);
        }
}

static void put_q8(const int8_t *q, size_t r, unsigned char *d) {
    for (size_t j = 0; j < US_BLOCK / 4; j++) memcpy(d + j * 64 + 4 * r, q + 4 * j, 4);
}

static void pack_q8(const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k, unsigned char *dst) {
    unsigned char *qs = dst + us_q8_scale_bytes(k);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t b = 0; b < k / US_BLOCK; b++) {
            const unsigned char *s = src + r * row_bytes + b * 34;
            memcpy(dst + b * 32 + 2 * r, s, 2);
            put_q8((const int8_t *)s + 2, r, qs + b * US_Q8_BLOCK_BYTES);
        }
}

static void pack_q8_s(us_type type, const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k, unsigned char *dst) {
    size_t block = us_type_block(type), bytes = us_type_bytes(type);
    for (size_t r = 0; r < n_rows; r++)
        for (size_t c = 0; c < k; c += block) {
            int8_t q[256];
            float scale[16], min[16];
            us_split_row(type, src + r * row_bytes + c / block * bytes, q, scale, min, block);
            for (size_t i = 0; i < block; i += US_BLOCK) {
                unsigned char *d = dst + (c + i) / US_BLOCK * US_Q8S_BLOCK_BYTES;
                for (size_t h = 0; h < 2; h++) {
                    f32_at(d)[h * 16 + r] = scale[i / 16 + h];
                    f32_at(d)[32 + h * 16 + r] = min[i / 16 + h];
                }
                put_q8(q + i, r, d + 256);
            }
        }
}

static uint32_t u32_of(const unsigned char *p) {
    uint32_t x;
    memcpy(&x, p, 4);
    return x;
}

/* Quads of columns are moved as words: the four bits from `shift` on of 32 bytes, as Q4 has row r of a block. */
static void pack_nibbles(const unsigned char *from, int shift, size_t r, unsigned char *d) {
    for (size_t i = 0; i < 4; i++) {
        uint32_t low = u32_of(from + 4 * i) >> shift & 0x0f0f0f0f, high = u32_of(from + 16 + 4 * i) >> shift & 0x0f0f0f0f;
        low |= high << 4;
        memcpy(d + 64 * i + 4 * r, &low, 4);
    }
}

static void pack_q4_k(const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k, unsigned char *dst) {
    for (size_t r = 0; r < n_rows; r++)
        for (size_t s = 0; s < k / 256; s++) {
            const unsigned char *from = src + r * row_bytes + s * 144, *six = from + 4, *qs = from + 16;
            unsigned char *d = dst + s * US_Q4K_BYTES;
            memcpy(d + 2 * r, from, 2);
            memcpy(d + 32 + 2 * r, from + 2, 2);
            d += 64;
            for (size_t b = 0; b < 8; b++, d += US_Q4K_BLOCK_BYTES) {
                d[r] = (unsigned char)(b < 4 ? six[b] & 63 : (six[b + 4] & 15) | six[b - 4] >> 6 << 4);
                d[16 + r] = (unsigned char)(b < 4 ? six[b + 4] & 63 : six[b + 4] >> 4 | six[b] >> 6 << 4);
                pack_nibbles(qs + b / 2 * 32, b % 2 ? 4 : 0, r, d + 32);
            }
        }
}

static void pack_q6_k(const unsigned char *src, size_t row_bytes, size_t n_rows, size_t k, unsigned char *dst) {
    for (size_t r = 0; r < n_rows; r++)
        for (size_t s = 0; s < k / 256; s++) {
            const unsigned char *ql = src + r * row_bytes + s * 210, *qh = ql + 128, *scale = qh + 64;
            unsigned char *d = dst + s * US_Q6K_BYTES;
            memcpy(d + 2 * r, scale + 16, 2);
            d += 32;
            for (size_t b = 0; b < 8; b++, d += US_Q6K_BLOCK_BYTES) {
                size_t half = b / 4, n = b % 4;
                d[r] = scale[2 * b];
                d[16 + r] = scale[2 * b + 1];
                pack_nibbles(ql + half * 64 + n % 2 * 32, n / 2 ? 4 : 0, r, d + 32);
                for (size_t i = 0; i < 2; i++) { /* the high two bits of four quads in a word */
                    uint32_t high = 0;
                    for (size_t j = 0; j < 4; j++)
                        high |= (u32_of(qh + half * 32 + 16 * i + 4 * j) >> 2 * n & 0x03030303) << 2 * j;
                    memcpy(d + 288 + 64 * i + 4 * r, &high, 4);
                }
            }
        }
}

static void pack_group(us_pack_kind kind, us_type type, const void *src, size_t row_bytes, size_t n_rows, size_t k, void *dst) {
    if (n_rows < US_GROUP || kind == US_PACK_Q8 || kind == US_PACK_I8)
        memset(dst, 0, us_pack_group_bytes(kind, k)); /* Q8's scales are padded, and I8's columns */
    if (kind == US_PACK_Q4) pack_q4(type, src, row_bytes, n_rows, k, dst);
    else if (kind == US_PACK_Q8) pack_q8(src, row_bytes, n_rows, k, dst);
    else if (kind == US_PACK_Q8_S) pack_q8_s(type, src, row_bytes, n_rows, k, dst);
    else if (kind == US_PACK_Q4_K) pack_q4_k(src, row_bytes, n_rows, k, dst);
    else if (kind == US_PACK_Q6_K) pack_q6_k(src, row_bytes, n_rows, k, dst);
    else if (kind == US_PACK_I8) pack_i8(src, row_bytes, n_rows, k, dst);
    else pack_floats(kind, type, src, row_bytes, n_rows, k, dst);
}

/* Columns [16 h, 16 h + 16) of row r of a group: their integers, and the numbers that make them weights. */
typedef struct cells {
    int16_t q[16];
    float d, m;
} cells;

/* Four bits of each, the low or the high ones. */
static void nibbles(const unsigned char *p, size_t r, bool high, cells *x) {
    for (size_t j = 0; j < 16; j++) {
        int byte = p[j / 4 * 64 + 4 * r + j % 4];
        x->q[j] = (int16_t)(high ? byte >> 4 : byte & 15);
    }
}

static void bytes(const unsigned char *p, size_t r, size_t half, size_t n, cells *x) {
    for (size_t j = 0; j < n; j++) x->q[j] = (int8_t)p[(half * 4 + j / 4) * 64 + 4 * r + j % 4];
}

static cells cells_at(const us_matrix *w, const unsigned char *g, size_t r, size_t h) {
    cells x = {.q = {0}};
    size_t b = h / 2, half = h % 2;
    const uint16_t *top = (const uint16_t *)(const void *)g;
    if (w->kind == US_PACK_Q4) {
        top = (const uint16_t *)(const void *)(g + b * US_Q4_BLOCK_BYTES);
        nibbles(g + b * US_Q4_BLOCK_BYTES + 64, r, half, &x);
        x.d = us_f16_to_f32(top[r]), x.m = us_f16_to_f32(top[16 + r]);
    } else if (w->kind == US_PACK_Q8) {
        bytes(g + us_q8_scale_bytes(w->n_cols) + b * US_Q8_BLOCK_BYTES, r, half, 16, &x);
        x.d = us_f16_to_f32(top[b * 16 + r]);
    } else if (w->kind == US_PACK_I8) {
        size_t left = w->n_cols - 16 * h;
        bytes(g + 2 * US_GROUP + b * US_Q8_BLOCK_BYTES, r, half, left < 16 ? left : 16, &x);
        x.d = us_f16_to_f32(top[r]);
    } else if (w->kind == US_PACK_Q4_K) {
        const unsigned char *super = g + b / 8 * US_Q4K_BYTES, *p = super + 64 + b % 8 * US_Q4K_BLOCK_BYTES;
        top = (const uint16_t *)(const void *)super;
        nibbles(p + 32, r, half, &x);
        x.d = us_f16_to_f32(top[r]) * (float)p[r], x.m = -(us_f16_to_f32(top[16 + r]) * (float)p[16 + r]);
    } else if (w->kind == US_PACK_Q6_K) {
        const unsigned char *super = g + b / 8 * US_Q6K_BYTES, *p = super + 32 + b % 8 * US_Q6K_BLOCK_BYTES;
        top = (const uint16_t *)(const void *)super;
        nibbles(p + 32, r, half, &x);
        for (size_t j = 0; j < 16; j++)
            x.q[j] = (int16_t)((x.q[j] | (p[288 + half * 64 + 4 * r + j % 4] >> 2 * (j / 4) & 3) << 4) - 32);
        x.d = us_f16_to_f32(top[r]) * (float)(int8_t)p[half * 16 + r];
    } else {
        const float *f = (const float *)(const void *)(g + b * US_Q8S_BLOCK_BYTES);
        bytes(g + b * US_Q8S_BLOCK_BYTES + 256, r, half, 16, &x);
        x.d = f[half * 16 + r], x.m = f[32 + half * 16 + r];
    }
    return x;
}

static float float_at(const us_matrix *w, const unsigned char *g, size_t r, size_t c) {
    const uint16_t *h = (const uint16_t *)(const void *)g;
    const float *f = (const float *)(const void *)g;
    return w->kind == US_PACK_F32   ? f[c * US_GROUP + r]
           : w->kind == US_PACK_F16 ? us_f16_to_f32(h[c * US_GROUP + r])
                                    : us_bf16_to_f32(h[c * US_GROUP + r]);
}

static void unpack_row(const us_matrix *w, size_t n, float *dst) {
    const unsigned char *g = w->data + n / US_GROUP * w->group_bytes;
    size_t r = n % US_GROUP;
    for (size_t c = 0; c < w->n_cols && w->kind >= US_PACK_F16; c++) dst[c] = float_at(w, g, r, c);
    for (size_t h = 0; h < (w->n_cols + 15) / 16 && w->kind < US_PACK_F16; h++) {
        cells x = cells_at(w, g, r, h);
        for (size_t j = 0; j < 16 && 16 * h + j < w->n_cols; j++) dst[16 * h + j] = x.d * (float)x.q[j] + x.m;
    }
}

static void set_block(us_acts *a, size_t at, float d, int32_t left, int32_t right) {
    a->d[at] = d;
    a->n[2 * at] = left;
    a->n[2 * at + 1] = right;
    a->s[at] = d * (float)left + d * (float)right;
}

static void quantize_acts(const float *x, size_t ld_x, size_t t0, size_t t1, us_acts *a) {
    size_t k = a->n_cols;
    for (size_t t = t0; t < t1; t++)
        for (size_t b = 0; b < k / US_BLOCK; b++) {
            const float *v = x + t * ld_x + b * US_BLOCK;
            int8_t *q = a->q + t * k + b * US_BLOCK;
            float max = 0, odd = 0; /* odd: not a number as soon as one of the block is none, or infinite */
            for (int j = 0; j < US_BLOCK; j++) max = fmaxf(max, fabsf(v[j])), odd += v[j] * 0;
            if (odd != 0) { /* so are all products then: what overflows is seen at the end, in the logits */
                memset(q, 0, US_BLOCK);
                set_block(a, t * (k / US_BLOCK) + b, odd, 0, 0);
                continue;
            }
            float d = max / 127.0f, inv = max > US_TINY ? 127.0f / max : 0;
            int sums[2] = {0, 0};
            for (int j = 0; j < US_BLOCK; j++) sums[j / 16] += q[j] = (int8_t)rintf(v[j] * inv);
            set_block(a, t * (k / US_BLOCK) + b, d, sums[0], sums[1]);
        }
}

/* Rows of x that share a group's unpacked weights, and columns unpacked at a time. A sum's order does not depend on them. */
#define TILE 16
#define PANEL 64

static void dot_ints(const us_matrix *w, const unsigned char *g, size_t r, const us_acts *a, size_t t, size_t nt, float *acc) {
    size_t k = a->n_cols, n_cells = k / 16;
    for (size_t h = 0; h < (w->n_cols + 15) / 16; h++) {
        cells x = cells_at(w, g, r, h);
        for (size_t i = t; i < t + nt; i++) {
            int sum = 0;
            for (size_t j = 0; j < 16; j++) sum += x.q[j] * a->q[i * k + h * 16 + j];
            float d = a->d[i * (k / US_BLOCK) + h / 2];
            acc[i - t] += x.d * d * (float)sum + x.m * (d * (float)a->n[i * n_cells + h]);
        }
    }
}

static void dot_floats(const us_matrix *w, const unsigned char *g, const float *x, size_t ld, size_t nt, float acc[][TILE]) {
    float columns[PANEL][TILE] = {{0}};
    for (size_t c0 = 0; c0 < w->n_cols; c0 += PANEL) {
        size_t n = w->n_cols - c0 < PANEL ? w->n_cols - c0 : PANEL;
        for (size_t i = 0; i < nt; i++)
            for (size_t c = 0; c < n; c++) columns[c][i] = x[i * ld + c0 + c];
        for (size_t r = 0; r < US_GROUP; r++)
            for (size_t c = 0; c < n; c++) {
                float f = float_at(w, g, r, c0 + c);
                for (size_t i = 0; i < TILE; i++) acc[r][i] += f * columns[c][i];
            }
    }
}

static void matmul(const us_matrix *w, const us_acts *acts, const float *x, size_t ld_x, size_t t0, size_t t1, size_t g0,
                   size_t g1, float *y, size_t ld_y, bool add) {
    for (size_t t = t0; t < t1; t += TILE)
        for (size_t g = g0; g < g1; g++) {
            const unsigned char *group = w->data + g * w->group_bytes;
            float acc[US_GROUP][TILE] = {{0}};
            size_t nt = t1 - t < TILE ? t1 - t : TILE;
            if (w->kind >= US_PACK_F16) dot_floats(w, group, x + t * ld_x, ld_x, nt, acc);
            for (size_t r = 0, n = g * US_GROUP; r < US_GROUP && n < w->n_rows; r++, n++) {
                if (w->kind < US_PACK_F16) dot_ints(w, group, r, acts, t, nt, acc[r]);
                for (size_t i = 0; i < nt; i++) {
                    float *to = &y[(t + i) * ld_y + n];
                    *to = add ? *to + acc[r][i] : acc[r][i];
                }
            }
        }
}

/* ---- attention ------------------------------------------------------------------------------------- */

/* Element e of position i of a page. */
static float page_get(us_page_kind kind, bool is_k, size_t es, const unsigned char *page, size_t i, size_t e) {
    size_t at = is_k ? e * US_PAGE + i : i * es + e;
    if (kind == US_PAGE_F32) return ((const float *)(const void *)page)[at];
    if (kind == US_PAGE_F16) return us_f16_to_f32(((const uint16_t *)(const void *)page)[at]);
    const uint16_t *d = (const uint16_t *)(const void *)(page + US_PAGE * es);
    return us_f16_to_f32(d[is_k ? e / 32 * US_PAGE + i : i * (es / 32) + e / 32]) * (float)(int8_t)page[at];
}

void us_scalar_page_put(us_page_kind kind, bool is_k, size_t es, unsigned char *page, size_t i, const float *x) {
    for (size_t e = 0; e < es && kind != US_PAGE_Q8_0; e++) {
        size_t at = is_k ? e * US_PAGE + i : i * es + e;
        if (kind == US_PAGE_F32) f32_at(page)[at] = x[e];
        else u16_at(page)[at] = us_f16_from_f32(x[e]);
    }
    for (size_t b = 0; b < es / 32 && kind == US_PAGE_Q8_0; b++) {
        float max = 0, odd = 0; /* as in quantize_acts */
        for (size_t j = 0; j < 32; j++) max = fmaxf(max, fabsf(x[b * 32 + j])), odd += x[b * 32 + j] * 0;
        uint16_t h = us_f16_from_f32(odd != 0 ? odd : max / 127.0f);
        float inv = odd == 0 && max > US_TINY ? 127.0f / max : 0;
        u16_at(page + US_PAGE * es)[is_k ? b * US_PAGE + i : i * (es / 32) + b] = h;
        for (size_t j = 0; j < 32; j++) {
            size_t e = b * 32 + j;
            page[is_k ? e * US_PAGE + i : i * es + e] = inv > 0 ? (unsigned char)(int8_t)rintf(x[e] * inv) : 0;
        }
    }
}

void us_scalar_attend(const us_attend *a) {
    size_t es = a->head_size;
    for (size_t r = 0; r < a->n_rows; r++) {
        const float *q = a->q + r * a->q_stride;
        float *o = a->o + r * es, m = -INFINITY, l = 0;
        memset(o, 0, es * sizeof *o);
        for (size_t i = a->from ? (size_t)a->from[r] : 0; i < (size_t)a->limit[r]; i++) {
            float s = 0;
            for (size_t e = 0; e < es; e++) s += q[e] * page_get(a->kind, true, es, a->k_pages[i / US_PAGE], i % US_PAGE, e);
            s *= a->scale;
            if (a->cap > 0) s = a->cap * tanhf(s / a->cap);
            if (s > m) { /* online softmax: what was summed so far is measured against the new maximum */
                float c = expf(m - s);
                l *= c;
                for (size_t e = 0; e < es; e++) o[e] *= c;
                m = s;
            }
            float p = expf(s - m);
            l += p;
            for (size_t e = 0; e < es; e++) o[e] += p * page_get(a->kind, false, es, a->v_pages[i / US_PAGE], i % US_PAGE, e);
        }
        a->m[r] = m;
        a->l[r] = l;
    }
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static void rmsnorm(const float *x, const float *g, size_t n, float eps, float *y) {
    double ss = 0;
    for (size_t i = 0; i < n; i++) ss += (double)x[i] * x[i];
    float r = (float)(1.0 / sqrt(ss / (double)n + (double)eps));
    for (size_t i = 0; i < n; i++) y[i] = x[i] * r * g[i];
}

static void rope(float *x, size_t n_rot, bool neox, const float *co, const float *si) {
    size_t half = n_rot / 2;
    for (size_t i = 0; i < half; i++) {
        float *a = neox ? x + i : x + 2 * i, *b = neox ? x + half + i : x + 2 * i + 1;
        float u = *a, v = *b;
        *a = u * co[i] - v * si[i];
        *b = u * si[i] + v * co[i];
    }
}

static float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }

static void swiglu(const float *gate, const float *up, size_t n, float *y) {
    for (size_t i = 0; i < n; i++) y[i] = gate[i] * logistic(gate[i]) * up[i];
}

static void swiglu_back(const float *gate, const float *up, const float *d_y, size_t n, float *d_gate, float *d_up) {
    for (size_t i = 0; i < n; i++) {
        float s = logistic(gate[i]), d = d_y[i], g = gate[i];
        d_gate[i] = d * up[i] * s * (1 + g * (1 - s));
        d_up[i] = d * g * s;
    }
}

#define GELU_A 0.7978845608f /* sqrt(2 / pi) */
#define GELU_B 0.044715f

static void geglu(const float *gate, const float *up, size_t n, float *y) {
    for (size_t i = 0; i < n; i++) {
        float g = gate[i];
        y[i] = g * logistic(2 * GELU_A * (g + GELU_B * g * g * g)) * up[i];
    }
}

static void geglu_back(const float *gate, const float *up, const float *d_y, size_t n, float *d_gate, float *d_up) {
    for (size_t i = 0; i < n; i++) {
        float g = gate[i], d = d_y[i], s = logistic(2 * GELU_A * (g + GELU_B * g * g * g));
        d_gate[i] = d * up[i] * s * (1 + g * (1 - s) * 2 * GELU_A * (1 + 3 * GELU_B * g * g));
        d_up[i] = d * g * s;
    }
}

static void softcap(float *x, size_t n, float cap) {
    for (size_t i = 0; i < n; i++) x[i] = cap * tanhf(x[i] / cap);
}

static void add(const float *a, float scale, size_t n, float *y) {
    for (size_t i = 0; i < n; i++) y[i] += scale * a[i];
}

static float dot(const float *a, const float *b, size_t n) {
    float s = 0;
    for (size_t i = 0; i < n; i++) s += a[i] * b[i];
    return s;
}

static float max_of(const float *x, size_t n) {
    float m = -INFINITY;
    for (size_t i = 0; i < n; i++) m = x[i] > m ? x[i] : m;
    return m;
}

static void softmax(float *x, size_t n) {
    float m = max_of(x, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)(x[i] = expf(x[i] - m));
    float inv = (float)(1.0 / sum);
    for (size_t i = 0; i < n; i++) x[i] *= inv;
}

static double logsumexp(const float *x, size_t n) {
    float m = max_of(x, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)expf(x[i] - m);
    return (double)m + log(sum);
}

static void gemm_nt(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) y[i * ld_y + j] += alpha * dot(x + i * ld_x, w + j * ld_w, k);
}

static void gemm_nn(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y) {
    for (size_t i = 0; i < m; i++)
        for (size_t p = 0; p < k; p++) add(w + p * ld_w, alpha * x[i * ld_x + p], n, y + i * ld_y);
}

static void gemm_tn(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y) {
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < m; i++) add(w + p * ld_w, alpha * x[p * ld_x + i], n, y + i * ld_y);
}

void us_kern_fill_scalar(us_kern *t) {
    *t = (us_kern){.pack_group = pack_group,
                   .quantize_acts = quantize_acts,
                   .matmul = matmul,
                   .unpack_row = unpack_row,
                   .page_put = us_scalar_page_put,
                   .attend = us_scalar_attend,
                   .rmsnorm = rmsnorm,
                   .rope = rope,
                   .swiglu = swiglu,
                   .swiglu_back = swiglu_back,
                   .geglu = geglu,
                   .geglu_back = geglu_back,
                   .softcap = softcap,
                   .add = add,
                   .dot = dot,
                   .softmax = softmax,
                   .logsumexp = logsumexp,
                   .gemm_nt = gemm_nt,
                   .gemm_nn = gemm_nn,
                   .gemm_tn = gemm_tn};
}
