/* kern/pack.h - the layout of packed groups, for the kernels' own eyes.
 *
 * Q4    per block of 32 columns, 320 bytes: half d[16], half m[16], then 4 x 64 bytes: byte 4 r + c of
 *       quad i is column 4 i + c of row r in the low nibble and column 16 + 4 i + c in the high one.
 * Q8    half d[blocks][16] (padded to 64 bytes), then per block 8 x 64 bytes: byte 4 r + c of quad i is
 *       column 4 i + c of row r.
 * Q8_S  per block, 768 bytes: float d[2][16], m[2][16], then 8 x 64 bytes as Q8. Half h is columns 16 h...
 * Q4_K  per 256 columns, 2368 bytes: half d[16], half dmin[16], then 8 blocks: scale[16], min[16] (bytes), 4 x 64 bytes as Q4.
 * Q6_K  per 256 columns, 3360 bytes: half d[16], then 8 blocks: int8 scale[2][16], 4 x 64 bytes as Q4 (the low four bits), and
 *       2 x 64 bytes of which bits 2 s, 2 s + 1 of byte 4 r + c in the i-th are the high two of quad 4 i + s.
 * I8    half d[16], then quads of 64 bytes as Q8, K / 4 of them and as many of zeros as make pairs.
 * F16, BF16, F32   element k * 16 + r is column k of row r. */
#ifndef US_KERN_PACK_H
#define US_KERN_PACK_H
#include "kern/kern.h"

#define US_Q4_BLOCK_BYTES 320
#define US_Q8_BLOCK_BYTES 512
#define US_Q8S_BLOCK_BYTES 768
#define US_Q4K_BLOCK_BYTES 288 /* of 32 columns; 64 bytes stand before each eight */
#define US_Q4K_BYTES (64 + 8 * US_Q4K_BLOCK_BYTES)
#define US_Q6K_BLOCK_BYTES 416 /* the same, behind 32 bytes */
#define US_Q6K_BYTES (32 + 8 * US_Q6K_BLOCK_BYTES)
static inline size_t us_q8_scale_bytes(size_t n_cols) { return (n_cols / US_BLOCK * US_GROUP * 2 + 63) & ~(size_t)63; }

static inline size_t us_i8_columns(size_t n_cols) { return (n_cols + 7) & ~(size_t)7; } /* of the quads of I8 */

/* A block of activations without any larger one is all zeros: 127 divided by it would be infinite. */
#define US_TINY 1e-36f

/* The definitions, for shapes that a level leaves to them. */
void us_scalar_page_put(us_page_kind kind, bool is_k, size_t head_size, unsigned char *page, size_t i_pos, const float *x);
void us_scalar_attend(const us_attend *a);

/* Fills the table's entries with one level's functions (declared in kern.c's list). */
void us_kern_fill_scalar(us_kern *k);
#if defined(__x86_64__)
void us_kern_fill_avx2(us_kern *k);
void us_kern_fill_avxvnni(us_kern *k);
void us_kern_fill_avx512(us_kern *k);
void us_kern_fill_amx(us_kern *k);
#elif defined(__aarch64__)
void us_kern_fill_neon(us_kern *k);
void us_kern_fill_dotprod(us_kern *k);
void us_kern_fill_i8mm(us_kern *k);
#endif
#endif
