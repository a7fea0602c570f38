/* One table of the types, and for each type how a block becomes floats, parts that the kernels pack, and (of some) how
 * floats become a block. */
#include "kern/quant.h"
#include <math.h>
#include <string.h>

static const struct {
    us_type type;
    const char *name;
    size_t block, bytes, halves[2]; /* halves: where a block's scales stand (the same twice: there is one) */
} types[] = {
    {US_TYPE_F32, "F32", 1, 4, {0}},
    {US_TYPE_F16, "F16", 1, 2, {0}},
    {US_TYPE_BF16, "BF16", 1, 2, {0}},
    {US_TYPE_Q4_0, "Q4_0", 32, 18, {0, 0}},
    {US_TYPE_Q4_1, "Q4_1", 32, 20, {0, 2}},
    {US_TYPE_Q5_0, "Q5_0", 32, 22, {0, 0}},
    {US_TYPE_Q5_1, "Q5_1", 32, 24, {0, 2}},
    {US_TYPE_Q8_0, "Q8_0", 32, 34, {0, 0}},
    {US_TYPE_Q2_K, "Q2_K", 256, 84, {80, 82}},
    {US_TYPE_Q3_K, "Q3_K", 256, 110, {108, 108}},
    {US_TYPE_Q4_K, "Q4_K", 256, 144, {0, 2}},
    {US_TYPE_Q5_K, "Q5_K", 256, 176, {0, 2}},
    {US_TYPE_Q6_K, "Q6_K", 256, 210, {208, 208}},
    {US_TYPE_IQ4_NL, "IQ4_NL", 32, 18, {0, 0}},
    {US_TYPE_IQ4_XS, "IQ4_XS", 256, 136, {0, 0}},
};

static int find(int type) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if ((int)types[i].type == type) return (int)i;
    return -1;
}

const char *us_type_name(int type) { return find(type) < 0 ? NULL : types[find(type)].name; }
size_t us_type_block(us_type type) { return types[find((int)type)].block; }
size_t us_type_bytes(us_type type) { return types[find((int)type)].bytes; }
size_t us_type_row_bytes(us_type type, size_t n) {
    size_t b = us_type_block(type);
    return n % b ? 0 : n / b * us_type_bytes(type);
}

/* Bits of absolute values compare as the values do; what is infinite or no number has larger bits than any number. */
static bool sound32(const unsigned char *p, size_t n) {
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t v;
        memcpy(&v, p + 4 * i, 4);
        bad |= (v & 0x7fffffff) > 0x477fe000;
    }
    return !bad;
}

static bool sound16(const unsigned char *p, size_t n, uint16_t largest) {
    uint16_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t v;
        memcpy(&v, p + 2 * i, 2);
        bad |= (uint16_t)((v & 0x7fff) > largest);
    }
    return !bad;
}

bool us_quant_row_sound(us_type type, const void *src, size_t n) {
    const unsigned char *p = src;
    int t = find((int)type);
    uint16_t bad = 0;
    if (type == US_TYPE_F32) return sound32(p, n);
    if (type == US_TYPE_F16) return sound16(p, n, 0x7bff);
    if (type == US_TYPE_BF16) return sound16(p, n, 0x477f);
    for (size_t i = 0; i < n; i += types[t].block, p += types[t].bytes)
        for (int k = 0; k < 2; k++) {
            uint16_t h;
            memcpy(&h, p + types[t].halves[k], 2);
            bad |= (uint16_t)((h & 0x7c00) == 0x7c00);
        }
    return !bad;
}

float us_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023;
    union {
        uint32_t u;
        float f;
    } v;
    if (e == 31) v.u = sign | 0x7f800000 | m << 13;
    else if (e) v.u = sign | (e + 112) << 23 | m << 13;
    else {
        v.f = (float)m * 0x1p-24f;
        v.u |= sign;
    }
    return v.f;
}

uint16_t us_f16_from_f32(float x) {
    union {
        float f;
        uint32_t u;
    } v = {x};
    uint32_t sign = v.u >> 16 & 0x8000, a = v.u & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) { /* subnormal: let the float adder round */
        v.u = a;
        v.f += 0.5f;
        return (uint16_t)(sign | (v.u - 0x3f000000));
    }
    return (uint16_t)(sign | (a + 0xc8000fff + (a >> 13 & 1)) >> 13);
}

uint16_t us_bf16_from_f32(float x) {
    union {
        float f;
        uint32_t u;
    } v = {x};
    if ((v.u & 0x7fffffff) > 0x7f800000) return (uint16_t)(v.u >> 16 | 64);
    return (uint16_t)((v.u + 0x7fff + (v.u >> 16 & 1)) >> 16);
}

static float half_at(const unsigned char *p) {
    uint16_t h;
    memcpy(&h, p, 2);
    return us_f16_to_f32(h);
}

static const int8_t iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* 6-bit scale and min number j of a Q4_K or Q5_K block. */
static void k4_scale(const unsigned char *s, int j, int *scale, int *min) {
    if (j < 4) *scale = s[j] & 63, *min = s[j + 4] & 63;
    else *scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4, *min = s[j + 4] >> 4 | (s[j] >> 6) << 4;
}

static void set32(float *scale, float *min, float d, float m) {
    scale[0] = scale[1] = d;
    min[0] = min[1] = m;
}

static void split_legacy(us_type type, const unsigned char *b, int8_t *q, float *scale, float *min) {
    float d = half_at(b), m = 0;
    bool has_min = type == US_TYPE_Q4_1 || type == US_TYPE_Q5_1, five = type == US_TYPE_Q5_0 || type == US_TYPE_Q5_1;
    const unsigned char *p = b + 2;
    if (has_min) m = half_at(p), p += 2;
    uint32_t high = 0;
    if (five) memcpy(&high, p, 4), p += 4;
    int zero = type == US_TYPE_Q4_0 ? 8 : type == US_TYPE_Q5_0 ? 16 : 0;
    for (int j = 0; j < 16; j++) {
        int lo = p[j] & 15, hi = p[j] >> 4;
        if (type == US_TYPE_IQ4_NL) lo = iq4_values[lo], hi = iq4_values[hi];
        if (five) lo |= (int)(high >> j & 1) << 4, hi |= (int)(high >> (j + 16) & 1) << 4;
        q[j] = (int8_t)(lo - zero);
        q[j + 16] = (int8_t)(hi - zero);
    }
    set32(scale, min, d, m);
}

static void split_q2_k(const unsigned char *b, int8_t *q, float *scale, float *min) {
    float d = half_at(b + 80), dm = half_at(b + 82);
    for (int s = 0; s < 16; s++) {
        scale[s] = d * (float)(b[s] & 15);
        min[s] = -(dm * (float)(b[s] >> 4));
        const unsigned char *p = b + 16 + s / 8 * 32 + s % 2 * 16;
        for (int l = 0; l < 16; l++) q[s * 16 + l] = (int8_t)(p[l] >> (s % 8 / 2 * 2) & 3);
    }
}

static void split_q3_k(const unsigned char *b, int8_t *q, float *scale, float *min) {
    const unsigned char *packed = b + 96;
    float d = half_at(b + 108);
    for (int s = 0; s < 16; s++) {
        int low = s < 8 ? packed[s] & 15 : packed[s - 8] >> 4, high = packed[8 + s % 4] >> (s / 4 * 2) & 3;
        scale[s] = d * (float)((low | high << 4) - 32);
        min[s] = 0;
        const unsigned char *p = b + 32 + s / 8 * 32 + s % 2 * 16, *mask = b + s % 2 * 16;
        int shift = s % 8 / 2 * 2, bit = s / 2;
        for (int l = 0; l < 16; l++) q[s * 16 + l] = (int8_t)((p[l] >> shift & 3) - (mask[l] >> bit & 1 ? 0 : 4));
    }
}

static void split_q45_k(bool five, const unsigned char *b, int8_t *q, float *scale, float *min) {
    float d = half_at(b), dm = half_at(b + 2);
    const unsigned char *high = b + 16, *low = b + (five ? 48 : 16);
    for (int j = 0; j < 8; j++) {
        int s, m;
        k4_scale(b + 4, j, &s, &m);
        set32(scale + 2 * j, min + 2 * j, d * (float)s, -(dm * (float)m));
        for (int l = 0; l < 32; l++) {
            int v = low[j / 2 * 32 + l] >> (j % 2 * 4) & 15;
            if (five) v |= (high[l] >> j & 1) << 4;
            q[j * 32 + l] = (int8_t)v;
        }
    }
}

static void split_q6_k(const unsigned char *b, int8_t *q, float *scale, float *min) {
    float d = half_at(b + 208);
    for (int s = 0; s < 16; s++) {
        scale[s] = d * (float)(int8_t)b[192 + s];
        min[s] = 0;
    }
    for (int j = 0; j < 256; j++) {
        int n = j / 128, part = j % 128 / 32, l = j % 32;
        int low = b[n * 64 + part % 2 * 32 + l] >> (part / 2 * 4) & 15, high = b[128 + n * 32 + l] >> (part * 2) & 3;
        q[j] = (int8_t)((low | high << 4) - 32);
    }
}

static void split_iq4_xs(const unsigned char *b, int8_t *q, float *scale, float *min) {
    float d = half_at(b);
    uint16_t high;
    memcpy(&high, b + 2, 2);
    for (int i = 0; i < 8; i++) {
        int ls = (b[4 + i / 2] >> (i % 2 * 4) & 15) | (high >> 2 * i & 3) << 4;
        set32(scale + 2 * i, min + 2 * i, d * (float)(ls - 32), 0);
        for (int j = 0; j < 16; j++) {
            q[i * 32 + j] = iq4_values[b[8 + i * 16 + j] & 15];
            q[i * 32 + 16 + j] = iq4_values[b[8 + i * 16 + j] >> 4];
        }
    }
}

void us_split_row(us_type type, const void *src, int8_t *q, float *scale, float *min, size_t n) {
    const unsigned char *b = src;
    size_t block = us_type_block(type), bytes = us_type_bytes(type);
    for (size_t i = 0; i < n; i += block, b += bytes, q += block, scale += block / 16, min += block / 16) switch (type) {
        case US_TYPE_Q8_0:
            memcpy(q, b + 2, 32);
            set32(scale, min, half_at(b), 0);
            break;
        case US_TYPE_Q2_K: split_q2_k(b, q, scale, min); break;
        case US_TYPE_Q3_K: split_q3_k(b, q, scale, min); break;
        case US_TYPE_Q4_K: split_q45_k(false, b, q, scale, min); break;
        case US_TYPE_Q5_K: split_q45_k(true, b, q, scale, min); break;
        case US_TYPE_Q6_K: split_q6_k(b, q, scale, min); break;
        case US_TYPE_IQ4_XS: split_iq4_xs(b, q, scale, min); break;
        default: split_legacy(type, b, q, scale, min);
        }
}

void us_dequant_row(us_type type, const void *src, float *dst, size_t n) {
    const uint16_t *h = src;
    switch (type) {
    case US_TYPE_F32: memcpy(dst, src, n * sizeof *dst); return;
    case US_TYPE_F16:
        for (size_t i = 0; i < n; i++) dst[i] = us_f16_to_f32(h[i]);
        return;
    case US_TYPE_BF16:
        for (size_t i = 0; i < n; i++) dst[i] = us_bf16_to_f32(h[i]);
        return;
    default: break;
    }
    const unsigned char *b = src;
    size_t block = us_type_block(type), bytes = us_type_bytes(type);
    bool has_min =
        type == US_TYPE_Q4_1 || type == US_TYPE_Q5_1 || type == US_TYPE_Q2_K || type == US_TYPE_Q4_K || type == US_TYPE_Q5_K;
    for (size_t i = 0; i < n; i += block, b += bytes) {
        int8_t q[256];
        float scale[16], min[16];
        us_split_row(type, b, q, scale, min, block);
        if (has_min)
            for (size_t j = 0; j < block; j++) dst[i + j] = scale[j / 16] * (float)q[j] + min[j / 16];
        else /* adding 0 would turn -0 into 0 */
            for (size_t j = 0; j < block; j++) dst[i + j] = scale[j / 16] * (float)q[j];
    }
}

/* ---- rounding to the formats ---------------------------------------------------------------------------
 * The 32-wide formats round exactly as ggml's reference does. The 256-wide ones and IQ4 take the plain
 * choice (scale from the extreme value, nearest code) without ggml's search: a little more error, the same bytes layout. */

static void put_half(unsigned char *p, float x) {
    uint16_t h = us_f16_from_f32(x);
    memcpy(p, &h, 2);
}

static int clamp(int v, int lo, int hi) { return v < lo ? lo : v > hi ? hi : v; }
static int nearest(float x) { return (int)lrintf(x); }
static float inverse(float d) { return d != 0 ? 1.0f / d : 0; }

/* The value of the largest magnitude, with its sign. */
static float extreme(const float *x, int n) {
    float at = 0;
    for (int j = 0; j < n; j++)
        if (fabsf(x[j]) > fabsf(at)) at = x[j];
    return at;
}

static void range(const float *x, int n, float *min, float *max) {
    *min = *max = x[0];
    for (int j = 1; j < n; j++) *min = fminf(*min, x[j]), *max = fmaxf(*max, x[j]);
}

static void quant_q8_0(const float *x, unsigned char *b) {
    float d = fabsf(extreme(x, 32)) / 127.0f, inv = inverse(d);
    put_half(b, d);
    for (int j = 0; j < 32; j++) b[2 + j] = (unsigned char)(int8_t)roundf(x[j] * inv);
}

/* Q4_0 and Q5_0: symmetric, the extreme value gets the code that has no positive twin. */
static void quant_signed(bool five, const float *x, unsigned char *b) {
    int zero = five ? 16 : 8;
    float d = extreme(x, 32) / (float)-zero, inv = inverse(d);
    put_half(b, d);
    uint32_t high = 0;
    unsigned char *p = b + (five ? 6 : 2);
    for (int j = 0; j < 16; j++) {
        int lo = clamp((int)((double)x[j] * (double)inv + (zero + 0.5)), 0, 2 * zero - 1);
        int hi = clamp((int)((double)x[j + 16] * (double)inv + (zero + 0.5)), 0, 2 * zero - 1);
        p[j] = (unsigned char)((lo & 15) | (hi & 15) << 4);
        high |= (uint32_t)(lo >> 4) << j | (uint32_t)(hi >> 4) << (j + 16);
    }
    if (five) memcpy(b + 2, &high, 4);
}

/* Q4_1 and Q5_1: a minimum and a step. */
static void quant_range(bool five, const float *x, unsigned char *b) {
    int top = five ? 31 : 15;
    float min, max;
    range(x, 32, &min, &max);
    float d = (max - min) / (float)top, inv = inverse(d);
    put_half(b, d);
    put_half(b + 2, min);
    uint32_t high = 0;
    unsigned char *p = b + (five ? 8 : 4);
    for (int j = 0; j < 16; j++) {
        int lo = clamp((int)((x[j] - min) * inv + 0.5f), 0, top), hi = clamp((int)((x[j + 16] - min) * inv + 0.5f), 0, top);
        p[j] = (unsigned char)((lo & 15) | (hi & 15) << 4);
        high |= (uint32_t)(lo >> 4) << j | (uint32_t)(hi >> 4) << (j + 16);
    }
    if (five) memcpy(b + 4, &high, 4);
}

/* Codes of sub-blocks of n values under scale[s] = d * code and min[s] = dm * code, each code in 0..top_code. */
typedef struct steps {
    int scale[16], min[16];
    float d, dm; /* as the halves hold them */
} steps;

static steps range_steps(const float *x, int n_sub, int n, int top, int top_code) {
    steps s;
    float scale[16], low[16], max_scale = 0, max_low = 0;
    for (int i = 0; i < n_sub; i++) {
        float min, max;
        range(x + i * n, n, &min, &max);
        low[i] = min < 0 ? -min : 0;
        scale[i] = (max + low[i] > 0 ? max + low[i] : 0) / (float)top;
        max_scale = fmaxf(max_scale, scale[i]);
        max_low = fmaxf(max_low, low[i]);
    }
    s.d = us_f16_to_f32(us_f16_from_f32(max_scale / (float)top_code));
    s.dm = us_f16_to_f32(us_f16_from_f32(max_low / (float)top_code));
    for (int i = 0; i < n_sub; i++) {
        s.scale[i] = clamp(nearest(scale[i] * inverse(s.d)), 0, top_code);
        s.min[i] = clamp(nearest(low[i] * inverse(s.dm)), 0, top_code);
    }
    return s;
}

static steps extreme_steps(const float *x, int n_sub, int n, float code_of_extreme, int top_code) {
    steps s;
    float scale[16], max = 0;
    for (int i = 0; i < n_sub; i++) {
        scale[i] = extreme(x + i * n, n) / code_of_extreme;
        if (fabsf(scale[i]) > fabsf(max)) max = scale[i];
    }
    s.d = us_f16_to_f32(us_f16_from_f32(max / (float)-top_code));
    s.dm = 0;
    for (int i = 0; i < n_sub; i++) s.scale[i] = clamp(nearest(scale[i] * inverse(s.d)), -top_code, top_code - 1);
    return s;
}

static int code_of(float x, float d, float min, int lo, int hi) { return clamp(nearest((x + min) * inverse(d)), lo, hi); }

static void quant_q2_k(const float *x, unsigned char *b) {
    steps k = range_steps(x, 16, 16, 3, 15);
    put_half(b + 80, k.d);
    put_half(b + 82, k.dm);
    for (int s = 0; s < 16; s++) {
        b[s] = (unsigned char)(k.scale[s] | k.min[s] << 4);
        unsigned char *p = b + 16 + s / 8 * 32 + s % 2 * 16;
        for (int l = 0; l < 16; l++)
            p[l] |= (unsigned char)(code_of(x[s * 16 + l], k.d * (float)k.scale[s], k.dm * (float)k.min[s], 0, 3)
                                    << (s % 8 / 2 * 2));
    }
}

static void quant_q3_k(const float *x, unsigned char *b) {
    steps k = extreme_steps(x, 16, 16, -4, 32);
    put_half(b + 108, k.d);
    for (int s = 0; s < 16; s++) {
        int code = k.scale[s] + 32;
        b[96 + s % 8] |= (unsigned char)((code & 15) << (s / 8 * 4));
        b[104 + s % 4] |= (unsigned char)(code >> 4 << (s / 4 * 2));
        unsigned char *p = b + 32 + s / 8 * 32 + s % 2 * 16, *mask = b + s % 2 * 16;
        for (int l = 0; l < 16; l++) {
            int q = code_of(x[s * 16 + l], k.d * (float)k.scale[s], 0, -4, 3) + 4;
            p[l] |= (unsigned char)((q & 3) << (s % 8 / 2 * 2));
            mask[l] |= (unsigned char)(q >> 2 << (s / 2));
        }
    }
}

static void quant_q45_k(bool five, const float *x, unsigned char *b) {
    int top = five ? 31 : 15;
    steps k = range_steps(x, 8, 32, top, 63);
    put_half(b, k.d);
    put_half(b + 2, k.dm);
    unsigned char *s = b + 4, *high = b + 16, *low = b + (five ? 48 : 16);
    for (int j = 0; j < 8; j++) {
        if (j < 4) s[j] |= (unsigned char)k.scale[j], s[j + 4] |= (unsigned char)k.min[j];
        else {
            s[j + 4] |= (unsigned char)((k.scale[j] & 15) | (k.min[j] & 15) << 4);
            s[j - 4] |= (unsigned char)(k.scale[j] >> 4 << 6);
            s[j] |= (unsigned char)(k.min[j] >> 4 << 6);
        }
        for (int l = 0; l < 32; l++) {
            int q = code_of(x[j * 32 + l], k.d * (float)k.scale[j], k.dm * (float)k.min[j], 0, top);
            low[j / 2 * 32 + l] |= (unsigned char)((q & 15) << (j % 2 * 4));
            if (five) high[l] |= (unsigned char)(q >> 4 << j);
        }
    }
}

static void quant_q6_k(const float *x, unsigned char *b) {
    steps k = extreme_steps(x, 16, 16, -32, 128);
    put_half(b + 208, k.d);
    for (int s = 0; s < 16; s++) b[192 + s] = (unsigned char)(int8_t)k.scale[s];
    for (int j = 0; j < 256; j++) {
        int n = j / 128, part = j % 128 / 32, l = j % 32, s = k.scale[j / 16],
            q = code_of(x[j], k.d * (float)s, 0, -32, 31) + 32;
        b[n * 64 + part % 2 * 32 + l] |= (unsigned char)((q & 15) << (part / 2 * 4));
        b[128 + n * 32 + l] |= (unsigned char)(q >> 4 << (part * 2));
    }
}

static int iq4_code(float x, float d) {
    int best = 0;
    float v = x * inverse(d);
    for (int i = 1; i < 16; i++)
        if (fabsf(v - (float)iq4_values[i]) < fabsf(v - (float)iq4_values[best])) best = i;
    return d != 0 ? best : 8; /* 8 is the code nearest to 0 */
}

static void quant_iq4_nl(const float *x, unsigned char *b) {
    float d = us_f16_to_f32(us_f16_from_f32(extreme(x, 32) / -127.0f));
    put_half(b, d);
    for (int j = 0; j < 16; j++) b[2 + j] = (unsigned char)(iq4_code(x[j], d) | iq4_code(x[j + 16], d) << 4);
}

static void quant_iq4_xs(const float *x, unsigned char *b) {
    steps k = extreme_steps(x, 8, 32, -127, 32);
    put_half(b, k.d);
    uint16_t high = 0;
    for (int i = 0; i < 8; i++) {
        int code = k.scale[i] + 32;
        float d = k.d * (float)k.scale[i];
        b[4 + i / 2] |= (unsigned char)((code & 15) << (i % 2 * 4));
        high |= (uint16_t)(code >> 4 << 2 * i);
        for (int j = 0; j < 16; j++)
            b[8 + i * 16 + j] = (unsigned char)(iq4_code(x[i * 32 + j], d) | iq4_code(x[i * 32 + 16 + j], d) << 4);
    }
    memcpy(b + 2, &high, 2);
}

static void quant_block(us_type type, const float *x, unsigned char *b) {
    switch (type) {
    case US_TYPE_Q8_0: quant_q8_0(x, b); return;
    case US_TYPE_Q4_0: quant_signed(false, x, b); return;
    case US_TYPE_Q5_0: quant_signed(true, x, b); return;
    case US_TYPE_Q4_1: quant_range(false, x, b); return;
    case US_TYPE_Q5_1: quant_range(true, x, b); return;
    case US_TYPE_Q2_K: quant_q2_k(x, b); return;
    case US_TYPE_Q3_K: quant_q3_k(x, b); return;
    case US_TYPE_Q4_K: quant_q45_k(false, x, b); return;
    case US_TYPE_Q5_K: quant_q45_k(true, x, b); return;
    case US_TYPE_Q6_K: quant_q6_k(x, b); return;
    case US_TYPE_IQ4_NL: quant_iq4_nl(x, b); return;
    default: quant_iq4_xs(x, b); return;
    }
}

bool us_quant_row(us_type type, const float *src, void *dst, size_t n) {
    uint16_t *h = dst;
    if (find((int)type) < 0 || n % us_type_block(type)) return false;
    if (type == US_TYPE_F32) memcpy(dst, src, n * sizeof *src);
    else if (type == US_TYPE_F16)
        for (size_t i = 0; i < n; i++) h[i] = us_f16_from_f32(src[i]);
    else if (type == US_TYPE_BF16)
        for (size_t i = 0; i < n; i++) h[i] = us_bf16_from_f32(src[i]);
    else {
        unsigned char *b = dst;
        size_t block = us_type_block(type), bytes = us_type_bytes(type);
        memset(dst, 0, n / block * bytes);
        for (size_t i = 0; i < n; i += block, b += bytes) quant_block(type, src + i, b);
    }
    return true;
}
