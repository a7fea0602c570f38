#include "kern/quant.h"
#include <math.h>
#include <string.h>

static const struct { us_type type; const char *name; size_t block, bytes; } types[] = {
    {US_TYPE_F32, "F32", 1, 4},       {US_TYPE_F16, "F16", 1, 2},         {US_TYPE_BF16, "BF16", 1, 2},
    {US_TYPE_Q4_0, "Q4_0", 32, 18},   {US_TYPE_Q4_1, "Q4_1", 32, 20},     {US_TYPE_Q5_0, "Q5_0", 32, 22},
    {US_TYPE_Q5_1, "Q5_1", 32, 24},   {US_TYPE_Q8_0, "Q8_0", 32, 34},     {US_TYPE_Q2_K, "Q2_K", 256, 84},
    {US_TYPE_Q3_K, "Q3_K", 256, 110}, {US_TYPE_Q4_K, "Q4_K", 256, 144},   {US_TYPE_Q5_K, "Q5_K", 256, 176},
    {US_TYPE_Q6_K, "Q6_K", 256, 210}, {US_TYPE_IQ4_NL, "IQ4_NL", 32, 18}, {US_TYPE_IQ4_XS, "IQ4_XS", 256, 136},
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

float us_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = h >> 10 & 31, m = h & 1023;
    union { uint32_t u; float f; } v;
    if (e == 31) v.u = sign | 0x7f800000 | m << 13;
    else if (e) v.u = sign | (e + 112) << 23 | m << 13;
    else {
        v.f = (float)m * 0x1p-24f;
        v.u |= sign;
    }
    return v.f;
}

uint16_t us_f16_from_f32(float x) {
    union { float f; uint32_t u; } v = {x};
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
    union { float f; uint32_t u; } v = {x};
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
    for (size_t i = 0; i < n; i += block, b += bytes) {
        int8_t q[256];
        float scale[16], min[16];
        us_split_row(type, b, q, scale, min, block);
        for (size_t j = 0; j < block; j++) dst[i + j] = scale[j / 16] * (float)q[j] + min[j / 16];
    }
}

static void quant_q8_0(const float *x, unsigned char *b) {
    float max = 0;
    for (int j = 0; j < 32; j++) max = fmaxf(max, fabsf(x[j]));
    uint16_t d = us_f16_from_f32(max / 127.0f);
    float inv = max > 0 ? 127.0f / max : 0;
    memcpy(b, &d, 2);
    for (int j = 0; j < 32; j++) b[2 + j] = (unsigned char)(int8_t)roundf(x[j] * inv);
}

static void quant_q4_0(const float *x, unsigned char *b) {
    float max = 0, at = 0;
    for (int j = 0; j < 32; j++)
        if (fabsf(x[j]) > max) max = fabsf(x[j]), at = x[j];
    float d = at / -8.0f, inv = d != 0 ? 1.0f / d : 0;
    uint16_t h = us_f16_from_f32(d);
    memcpy(b, &h, 2);
    for (int j = 0; j < 16; j++) {
        int lo = (int)(x[j] * inv + 8.5f), hi = (int)(x[j + 16] * inv + 8.5f);
        b[2 + j] = (unsigned char)((lo > 15 ? 15 : lo) | (hi > 15 ? 15 : hi) << 4);
    }
}

static void quant_q4_1(const float *x, unsigned char *b) {
    float min = x[0], max = x[0];
    for (int j = 1; j < 32; j++) min = fminf(min, x[j]), max = fmaxf(max, x[j]);
    float d = (max - min) / 15.0f, inv = d != 0 ? 1.0f / d : 0;
    uint16_t h[2] = {us_f16_from_f32(d), us_f16_from_f32(min)};
    memcpy(b, h, 4);
    for (int j = 0; j < 16; j++) {
        int lo = (int)((x[j] - min) * inv + 0.5f), hi = (int)((x[j + 16] - min) * inv + 0.5f);
        b[4 + j] = (unsigned char)((lo > 15 ? 15 : lo) | (hi > 15 ? 15 : hi) << 4);
    }
}

bool us_quant_row(us_type type, const float *src, void *dst, size_t n) {
    unsigned char *b = dst;
    uint16_t *h = dst;
    switch (type) {
    case US_TYPE_F32: memcpy(dst, src, n * sizeof *src); return true;
    case US_TYPE_F16:
        for (size_t i = 0; i < n; i++) h[i] = us_f16_from_f32(src[i]);
        return true;
    case US_TYPE_BF16:
        for (size_t i = 0; i < n; i++) h[i] = us_bf16_from_f32(src[i]);
        return true;
    case US_TYPE_Q8_0:
        for (size_t i = 0; i < n; i += 32, b += 34) quant_q8_0(src + i, b);
        return true;
    case US_TYPE_Q4_0:
        for (size_t i = 0; i < n; i += 32, b += 18) quant_q4_0(src + i, b);
        return true;
    case US_TYPE_Q4_1:
        for (size_t i = 0; i < n; i += 32, b += 20) quant_q4_1(src + i, b);
        return true;
    default: return false;
    }
}
