#include "kern/pack.h"
#include <string.h>

us_pack_kind us_pack_kind_of(us_type type) {
    switch (type) {
    case US_TYPE_F32: return US_PACK_F32;
    case US_TYPE_F16: return US_PACK_F16;
    case US_TYPE_BF16: return US_PACK_BF16;
    case US_TYPE_Q4_0:
    case US_TYPE_Q4_1: return US_PACK_Q4;
    case US_TYPE_Q8_0: return US_PACK_Q8;
    case US_TYPE_Q4_K: return US_PACK_Q4_K;
    case US_TYPE_Q6_K: return US_PACK_Q6_K;
    default: return US_PACK_Q8_S;
    }
}

size_t us_pack_group_bytes(us_pack_kind kind, size_t k) {
    size_t blocks = k % US_BLOCK ? 0 : k / US_BLOCK;
    switch (kind) {
    case US_PACK_Q4: return blocks * US_Q4_BLOCK_BYTES;
    case US_PACK_Q8: return blocks ? us_q8_scale_bytes(k) + blocks * US_Q8_BLOCK_BYTES : 0;
    case US_PACK_Q8_S: return blocks * US_Q8S_BLOCK_BYTES;
    case US_PACK_Q4_K: return k % 256 ? 0 : k / 256 * US_Q4K_BYTES;
    case US_PACK_Q6_K: return k % 256 ? 0 : k / 256 * US_Q6K_BYTES;
    case US_PACK_F16:
    case US_PACK_BF16: return k * US_GROUP * 2;
    case US_PACK_I8: return 2 * US_GROUP + us_i8_columns(k) * US_GROUP;
    case US_PACK_F32: return k * US_GROUP * 4;
    default: return 0;
    }
}

size_t us_acts_bytes(size_t n_rows, size_t n_cols) {
    size_t q = (n_rows * n_cols + 63) & ~(size_t)63, d = (n_rows * (n_cols / US_BLOCK) * 4 + 63) & ~(size_t)63;
    return q + 4 * d + 64; /* s is as large as d, n twice */
}

void us_acts_place(us_acts *a, void *block, size_t n_rows, size_t n_cols) {
    unsigned char *p = block;
    size_t q = (n_rows * n_cols + 63) & ~(size_t)63, d = (n_rows * (n_cols / US_BLOCK) * 4 + 63) & ~(size_t)63;
    *a = (us_acts){.q = (int8_t *)p,
                   .d = (float *)(void *)(p + q),
                   .s = (float *)(void *)(p + q + d),
                   .n = (int32_t *)(void *)(p + q + 2 * d),
                   .n_cols = n_cols};
}

static size_t up32(size_t n) { return (n + 31) & ~(size_t)31; }
size_t us_bf16_bytes(size_t n_rows, size_t n_cols) { return up32(n_rows) * up32(n_cols) * 2; }
size_t us_panel_bytes(size_t n_cols) { return 2 * US_GROUP * up32(n_cols) * 2; } /* two groups of weights */

size_t us_page_bytes(us_page_kind kind, size_t e) {
    switch (kind) {
    case US_PAGE_F32: return US_PAGE * e * 4;
    case US_PAGE_F16: return US_PAGE * e * 2;
    case US_PAGE_Q8_0: return US_PAGE * e + US_PAGE * (e / 32) * 2;
    default: return 0;
    }
}
