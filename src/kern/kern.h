/* kern/kern.h - the inner loops: one table of functions, filled once.
 *
 * src/kern/scalar/ is the definition; x86/ and arm/ override entries in rising order of what the CPU
 * *and* the operating system support. US_CPU=scalar|avx2|avxvnni|avx512|amx|neon|dotprod|i8mm
 * lowers the ceiling.
 * Kernels know shapes and bytes, nothing of models, files or threads: callers split the work, over
 * outputs, so that a result does not depend on how many threads there are.
 *
 * Within one table, results are deterministic. A kernel must agree with the scalar one within the
 * bound that tests/unit/test_kern.c states for it (integer parts exactly).
 *
 * Packed weights. A matrix W[N,K] is stored for multiplication in groups of 16 rows, so that 16
 * outputs are the lanes of a vector and no sum crosses lanes. Inside a group, columns go in blocks
 * of 32 (256 for the K kinds); inside a block four consecutive columns of the 16 rows are 64
 * neighbouring bytes, which is what the dot-product instructions of x86 and Arm eat. Rows past N are
 * zero. Each packing of a file's type is lossless: it holds the file's own numbers. */
#ifndef US_KERN_KERN_H
#define US_KERN_KERN_H

#include "kern/quant.h"
#include "understudy/base.h"

#define US_GROUP 16 /* rows in a group */
#define US_BLOCK 32 /* columns in an activation block */

typedef enum us_pack_kind {
    US_PACK_NONE = 0,
    US_PACK_Q4,   /* 4-bit q, f16 scale and min per 32:      w = d q + m        from Q4_0 (m = -8 d), Q4_1 */
    US_PACK_Q8,   /* int8 q, f16 scale per 32:               w = d q            from Q8_0 */
    US_PACK_Q8_S, /* int8 q, float32 scale and min per 16:   w = d q + m        from Q5_*, Q2_K, Q3_K, Q5_K, IQ4_* */
    US_PACK_Q4_K, /* 4-bit q; scale and min 6 bits per 32, a half for each per 256:  from Q4_K */
    US_PACK_Q6_K, /* 6-bit q, int8 scale per 16, half per 256: w = d s (q - 32)       from Q6_K */
    US_PACK_I8,   /* int8 q, f16 scale per row: w = d q, rounded from float32 rows of any length (few columns: LoRA's B) */
    US_PACK_F16,  /* IEEE half, column by column of the 16 rows                 from F16 */
    US_PACK_BF16, /* bfloat16, the same                                         from BF16 */
    US_PACK_F32,  /* float32, the same                from F32, and from everything with US_MATH_F32 */
    US_N_PACKS
} us_pack_kind;

/* A packed matrix. `data` is 64-byte aligned, n_groups * group_bytes. Owned by whoever made it. */
typedef struct us_matrix {
    us_pack_kind kind;
    size_t n_rows, n_cols; /* N, K */
    size_t n_groups;       /* ceil(N / 16) */
    size_t group_bytes;
    unsigned char *data;
} us_matrix;

/* The pack kind for a type, and the bytes of one group of K columns; 0 when K does not suit the kind
 * (integer kinds: a multiple of 32). */
us_pack_kind us_pack_kind_of(us_type type);
size_t us_pack_group_bytes(us_pack_kind kind, size_t n_cols);

/* Activations quantized in blocks of 32 for the integer kinds: x ~ d q. One row of them: */
typedef struct us_acts {
    int8_t *q;  /* [T][K] */
    float *d;   /* [T][K/32] scale */
    float *s;   /* [T][K/32] d * sum of q (for mins) */
    int32_t *n; /* [T][K/16] sum of q over 16 columns */
    size_t n_cols;
} us_acts;
/* Bytes of us_acts for T rows of K columns (64-byte aligned parts), and the pointers into a block of that size. */
size_t us_acts_bytes(size_t n_rows, size_t n_cols);
void us_acts_place(us_acts *a, void *block, size_t n_rows, size_t n_cols);

/* Bytes of T rows of K columns as matmul_bf16 takes them, and of the scratch that one call of it needs. */
#define US_BF16_ROWS 32
typedef struct us_row_block {
    int32_t first, n; /* rows [first, first + n), n <= US_BF16_ROWS */
} us_row_block;
size_t us_bf16_bytes(size_t n_rows, size_t n_cols);
size_t us_panel_bytes(size_t n_cols);

#define US_PAGE 64 /* positions in a page of the KV cache */
typedef enum us_page_kind { US_PAGE_F32 = 0, US_PAGE_F16, US_PAGE_Q8_0, US_N_PAGES } us_page_kind;
/* Bytes of one page of one kv head's K (or V) of head size E (a multiple of 32 for Q8_0, of 8 else).
 * K pages are transposed, [E][64], so that positions are lanes; V pages are [64][E]; Q8_0 adds f16 scales
 * (K: [E/32][64], V: [64][E/32]) behind the int8. */
size_t us_page_bytes(us_page_kind kind, size_t head_size);

/* Attention of rows of queries that share one kv head, over a chunk of pages. Row i sees positions
 * [from[i], limit[i]) of the chunk (none when from[i] >= limit[i]). Results are partial softmax sums, so that chunks can be
 * merged: m[i] = max score, l[i] = sum exp(score - m), o[i] = sum exp(score - m) v       (m = -INFINITY, l = 0 if none) */
typedef struct us_attend {
    us_page_kind kind;
    size_t head_size;                                     /* E */
    const unsigned char *const *k_pages, *const *v_pages; /* [n_pages] */
    size_t n_pages;
    const float *q;  /* row i at q + i * q_stride, E floats, not yet scaled */
    size_t q_stride; /* floats */
    size_t n_rows;
    const int32_t *limit; /* [n_rows] */
    const int32_t *from;  /* [n_rows], or NULL: 0 */
    float scale;          /* of q . k: most often 1 / sqrt(E) */
    float cap;            /* then cap * tanh(score / cap); 0: no cap */
    float *m, *l;         /* [n_rows] */
    float *o;             /* row i at o + i * E */
    void *scratch;        /* US_ATTEND_SCRATCH_BYTES */
} us_attend;
#define US_ATTEND_SCRATCH_BYTES (256 * 1024)

typedef struct us_kern {
    const char *name; /* the level: "scalar", "avx2", ... */

    /* Packs rows [0, n_rows <= 16) of one group: src points at row 0 in the file's type, rows are src_row_bytes
     * apart. Float32 rows pack into US_PACK_F32 and US_PACK_I8 whatever the type of the file was. */
    void (*pack_group)(us_pack_kind kind, us_type type, const void *src, size_t src_row_bytes, size_t n_rows, size_t n_cols,
                       void *dst);

    /* q, d, s of rows [t0, t1) from x[T][K]: d = max|x| / 127, q = round to nearest even. */
    void (*quantize_acts)(const float *x, size_t ld_x, size_t t0, size_t t1, us_acts *a);

    /* y[t][n] = x[t] . W[n] (or += with `add`) for t in [t0,t1) and the rows of groups [g0, g1). The integer kinds take
     * `acts` (of K columns; for I8 of the next multiple of 32, with zeros behind the K-th), the float kinds take x (leading
     * dimension ld_x). Writes only n < N. */
    void (*matmul)(const us_matrix *w, const us_acts *acts, const float *x, size_t ld_x, size_t t0, size_t t1, size_t g0,
                   size_t g1, float *y, size_t ld_y, bool add);

    /* The same product for many rows at once, through bfloat16: weights and x are rounded to it (relative error 2^-9), sums are
     * float32. Where a level has instructions that make it pay; NULL elsewhere. Any kind, any K. to_bf16() makes n rows of x
     * the rows from t0 on of `bf16`: us_bf16_bytes(T, K), 64-byte aligned, tiles of 16 rows by 32 columns. Then
     * for block i, j < blocks[i].n and the rows of groups [g0, g1) of W: y[blocks[i].first + j][n] = (or +=) x[32 i + j] .
     * W[n], n < N. panel: us_panel_bytes(K), 64-byte aligned. A row's result does not depend on the others. */
    void (*to_bf16)(const float *x, size_t ld_x, size_t n, size_t n_cols, size_t t0, uint16_t *bf16);
    void (*matmul_bf16)(const us_matrix *w, const uint16_t *bf16, const us_row_block *blocks, size_t n_blocks, size_t g0,
                        size_t g1, float *y, size_t ld_y, bool add, void *panel);

    /* Row n of W in float32: embedding lookup, and the definition that the tests hold matmul against. */
    void (*unpack_row)(const us_matrix *w, size_t n, float *dst);

    /* KV pages: writes one position's K or V (E floats) into a page, and reads it back (tests). */
    void (*page_put)(us_page_kind kind, bool is_k, size_t head_size, unsigned char *page, size_t i_pos, const float *x);
    void (*attend)(const us_attend *a);
    /* The same through bfloat16 tiles, NULL where matmul_bf16 is, without `from` and cap. F16 and Q8_0 pages, 256 positions at
     * most, n_rows a multiple of 32, E a multiple of 32 up to 128; scratch 64-byte aligned. A row's result does not depend on
     * the others. */
    void (*attend_bf16)(const us_attend *a);

    /* y = x / sqrt(mean(x^2) + eps) * g; the sum in float64 (scalar) or in four vectors. */
    void (*rmsnorm)(const float *x, const float *g, size_t n, float eps, float *y);
    /* Rotates pairs of x[E] by the cos/sin of one position. neox: pairs (i, i + n/2); else (2i, 2i+1). n_rot <= E. */
    void (*rope)(float *x, size_t n_rot, bool neox, const float *cos, const float *sin);
    void (*swiglu)(const float *gate, const float *up, size_t n, float *y); /* silu(gate) * up */
    /* d_up = d_y silu(gate), d_gate = d_y up s(gate) (1 + gate (1 - s(gate))), s the logistic function; both written. */
    void (*swiglu_back)(const float *gate, const float *up, const float *d_y, size_t n, float *d_gate, float *d_up);
    /* gelu(gate) * up in the tanh form: gelu(x) = x / 2 (1 + tanh(u)) = x s(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3). */
    void (*geglu)(const float *gate, const float *up, size_t n, float *y);
    void (*geglu_back)(const float *gate, const float *up, const float *d_y, size_t n, float *d_gate, float *d_up);
    void (*softcap)(float *x, size_t n, float cap);               /* x = cap * tanh(x / cap) */
    void (*add)(const float *a, float scale, size_t n, float *y); /* y += scale * a */
    float (*dot)(const float *a, const float *b, size_t n);
    void (*softmax)(float *x, size_t n); /* in place, max subtracted */
    double (*logsumexp)(const float *x, size_t n);

    /* Plain float32 products for LoRA, training and the float path; no packing, row-major:
     *   gemm_nt  y[M,N] += alpha * x[M,K] . w[N,K]^T     gemm_nn  y[M,N] += alpha * x[M,K] . w[K,N]
     *   gemm_tn  y[M,N] += alpha * x[K,M]^T . w[K,N]
     * ld_* are leading dimensions (floats). The sum over K is in a fixed order for given M, N, K. */
    void (*gemm_nt)(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y);
    void (*gemm_nn)(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y);
    void (*gemm_tn)(size_t m, size_t n, size_t k, float alpha, const float *x, size_t ld_x, const float *w, size_t ld_w,
                    float *y, size_t ld_y);

    /* y[M,N] += alpha * sum over k of x(i, k) w(k, j) through bfloat16 like matmul_bf16, NULL where that is. x(i, k) is x[i *
     * xi + k * xk], w(k, j) is w[k * wk + j * wj]; of each pair of strides one is 1. */
    void (*gemm_bf16)(size_t m, size_t n, size_t k, float alpha, const float *x, size_t xi, size_t xk, const float *w,
                      size_t wk, size_t wj, float *y, size_t ld_y);
} us_kern;

/* The table for this machine (US_CPU considered); filled at first use, thread-safe, never NULL. */
const us_kern *us_kern_get(void);
/* The table of one level, or NULL when this machine or build lacks it: "scalar", "avx2", ... (tests). */
const us_kern *us_kern_get_level(const char *name);
/* ARGUMENT when US_CPU names no level of this build, with the names that there are: it would change nothing, in silence. */
US_MUST_USE us_status us_kern_check(us_error *err);

#endif
