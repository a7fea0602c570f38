/* checkkern: every level of kernels that this machine has against the scalar definition, on random and on
 * extreme data, odd sizes, with guards around the outputs. Bounds are stated where they are checked. */
#include "test.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kern/kern.h"
#include <math.h>

static const char *const levels[] = {"avx2", "avx512", "amx", "neon", "dotprod"};
static us_rng rng;
static const us_kern *scalar;

static float *floats(size_t n, float scale) {
    float *x = malloc((n + 16) * sizeof *x);
    for (size_t i = 0; i < n + 16; i++) x[i] = scale * us_rng_normal(&rng);
    return x;
}

/* Within rel of the larger of the value and `floor`. */
static void close_to(const char *what, const char *level, const float *got, const float *want, size_t n, double rel,
                     double floor) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= rel * fmax(fabs((double)want[i]), floor)))
            fail_msg("%s, %s, element %zu of %zu: %.9g, scalar %.9g", what, level, i, n, (double)got[i], (double)want[i]);
}

/* A random matrix of a type: rows that can be quantized are, the K types get random bytes with sane scales. */
static us_matrix make_matrix(us_pack_kind kind, us_type type, size_t n, size_t k, float scale) {
    us_error err;
    us_matrix w = {.kind = kind, .n_rows = n, .n_cols = k, .n_groups = (n + 15) / 16};
    size_t row_bytes = us_type_row_bytes(type, k);
    unsigned char *rows = calloc(n, row_bytes);
    for (size_t r = 0; r < n; r++) {
        float *x = floats(k, scale);
        if (r == 1)
            for (size_t i = 0; i < k; i++) x[i] = i % 2 ? scale * 4 : -scale * 4; /* the extremes of every block */
        if (!us_quant_row(type, x, rows + r * row_bytes, k)) abort();
        free(x);
    }
    w.group_bytes = us_pack_group_bytes(w.kind, k);
    if (us_alloc_aligned(w.group_bytes * w.n_groups, &w.data, &err)) abort();
    for (size_t g = 0; g < w.n_groups; g++)
        scalar->pack_group(w.kind, type, rows + g * 16 * row_bytes, row_bytes, n - g * 16 < 16 ? n - g * 16 : 16, k,
                           w.data + g * w.group_bytes);
    for (size_t r = 0; r < n; r += 5) { /* packing loses nothing, or rounds by half a step of 8 bits */
        float *a = malloc(k * sizeof *a), *b = malloc(k * sizeof *b);
        us_dequant_row(type, rows + r * row_bytes, a, k);
        scalar->unpack_row(&w, r, b);
        float max = 0;
        for (size_t i = 0; i < k; i++) max = fmaxf(max, fabsf(a[i]));
        for (size_t i = 0; i < k && kind == US_PACK_I8; i++) assert_true(fabsf(b[i] - a[i]) <= max / 253);
        if (kind != US_PACK_I8) close_to("unpack_row", us_type_name((int)type), b, a, k, 1e-6, 1e-6);
        free(a);
        free(b);
    }
    free(rows);
    return w;
}

static us_acts make_acts(const us_kern *kn, const float *x, size_t t, size_t k, void **block) {
    us_acts a;
    *block = aligned_alloc(64, (us_acts_bytes(t, k) + 63) / 64 * 64);
    us_acts_place(&a, *block, t, k);
    kn->quantize_acts(x, k, 0, t, &a);
    return a;
}

static void check_matmul_of(const us_kern *kn, us_pack_kind kind, us_type type, size_t n, size_t k, size_t t) {
    us_matrix w = make_matrix(kind, type, n, k, 0.05f);
    float *x = floats(t * k, 1.0f), *want = calloc(t * n + 32, sizeof *want), *got = calloc(t * n + 32, sizeof *got);
    void *b1, *b2;
    for (size_t i = 0; i < k; i++) x[i] = i % 3 ? 127.0f : -127.0f;
    us_acts as = make_acts(scalar, x, t, k, &b1), av = make_acts(kn, x, t, k, &b2);
    for (size_t i = 0; i < t * k && k % US_BLOCK == 0; i++) assert_int_equal(as.q[i], av.q[i]); /* integers exactly */
    scalar->matmul(&w, &as, x, k, 0, t, 0, w.n_groups, want, n, false);
    for (size_t i = 0; i < 16; i++) got[t * n + 16 + i] = 42.0f;
    kn->matmul(&w, &av, x, k, 0, t, 0, w.n_groups, got, n, false);
    for (size_t i = 0; i < 16; i++) assert_true(got[t * n + 16 + i] == 42.0f);
    close_to(us_type_name((int)type), kn->name, got, want, n, 2e-5, 100.0); /* the first row is large and cancels itself */
    close_to(us_type_name((int)type), kn->name, got + n, want + n, (t - 1) * n, 2e-5, 2.0);
    if (kn->matmul_wide) { /* against the float32 product of the very weights: two roundings of 2^-9 a term, added twice */
        us_matrix wf = {.kind = US_PACK_F32,
                        .n_rows = n,
                        .n_cols = k,
                        .n_groups = w.n_groups,
                        .group_bytes = us_pack_group_bytes(US_PACK_F32, k)};
        us_error err;
        if (us_alloc_aligned(wf.group_bytes * wf.n_groups, &wf.data, &err)) abort();
        float *rows = calloc(US_GROUP, k * sizeof *rows), *wide = calloc(t * n + 32, sizeof *wide),
              *bound = calloc(t * n, sizeof *bound);
        for (size_t g = 0; g < w.n_groups; g++) {
            size_t m = n - g * US_GROUP < US_GROUP ? n - g * US_GROUP : US_GROUP;
            for (size_t r = 0; r < m; r++) {
                scalar->unpack_row(&w, g * US_GROUP + r, rows + r * k);
                for (size_t i = 0; i < t; i++)
                    for (size_t c = 0; c < k; c++) bound[i * n + g * US_GROUP + r] += fabsf(rows[r * k + c] * x[i * k + c]);
            }
            scalar->pack_group(US_PACK_F32, US_TYPE_F32, rows, k * sizeof *rows, m, k, wf.data + g * wf.group_bytes);
        }
        void *rounded = aligned_alloc(64, us_wide_bytes(t, k)), *panel = aligned_alloc(64, us_panel_bytes(k));
        size_t middle = w.n_groups / 2, n_blocks = 0;
        us_row_block blocks[8];
        for (size_t i = 0; i < t; i += US_WIDE_ROWS)
            blocks[n_blocks++] = (us_row_block){(int32_t)i, (int32_t)(t - i < US_WIDE_ROWS ? t - i : US_WIDE_ROWS)};
        scalar->matmul(&wf, NULL, x, k, 0, t, 0, w.n_groups, want, n, false);
        for (size_t i = 0; i < 16; i++) wide[t * n + 16 + i] = 42.0f;
        for (size_t i = 0; i < t; i++) kn->widen(x + i * k, k, 1, k, i, rounded);
        kn->matmul_wide(&w, rounded, blocks, n_blocks, 0, w.n_groups, wide, n, false, panel);
        kn->matmul_wide(&w, rounded, blocks, n_blocks, 0, middle, wide, n, true, panel);
        kn->matmul_wide(&w, rounded, blocks, n_blocks, middle, w.n_groups, wide, n, true, panel);
        for (size_t i = 0; i < 16; i++) assert_true(wide[t * n + 16 + i] == 42.0f);
        for (size_t i = 0; i < t * n; i++)
            if (!(fabs((double)wide[i] - 2 * (double)want[i]) <= 2 * 0x1.02p-8 * (double)bound[i] + 1e-6))
                fail_msg("matmul_wide, %s, %s: %g, expected %g", us_type_name((int)type), kn->name, (double)wide[i],
                         2 * (double)want[i]);
        free(wf.data), free(rows), free(wide), free(bound), free(rounded), free(panel);
    }
    for (size_t r = 0; r < t; r++) { /* alone or in a batch: the same bits */
        float *one = calloc(n + 16, sizeof *one);
        kn->matmul(&w, &av, x, k, r, r + 1, 0, w.n_groups, one - r * n, n, false);
        assert_memory_equal(one, got + r * n, n * sizeof *one);
        free(one);
    }
    free(w.data);
    free(x);
    free(want);
    free(got);
    free(b1);
    free(b2);
}

static void check_matmul(const us_kern *kn, us_type type, size_t n, size_t k, size_t t) {
    check_matmul_of(kn, us_pack_kind_of(type), type, n, k, t);
}

/* wide: through attend_wide, where queries, keys, probabilities and values are rounded to 2^-9. */
static void check_attend(const us_kern *kn, us_page_kind kind, size_t es, size_t n_rows, bool wide, bool windowed) {
    enum { PAGES = 3 };
    unsigned char *k_pages[PAGES], *v_pages[PAGES];
    size_t bytes = us_page_bytes(kind, es);
    unsigned char *k_copy = malloc(bytes), *v_copy = malloc(bytes); /* written by this level: the same bytes */
    for (int p = 0; p < PAGES; p++) {
        k_pages[p] = aligned_alloc(64, (bytes + 63) / 64 * 64);
        v_pages[p] = aligned_alloc(64, (bytes + 63) / 64 * 64);
        for (size_t i = 0; i < US_PAGE; i++) {
            float *x = floats(es, 1.0f);
            scalar->page_put(kind, true, es, k_pages[p], i, x);
            scalar->page_put(kind, false, es, v_pages[p], i, x);
            kn->page_put(kind, true, es, k_copy, i, x);
            kn->page_put(kind, false, es, v_copy, i, x);
            free(x);
        }
        assert_memory_equal(k_copy, k_pages[p], bytes);
        assert_memory_equal(v_copy, v_pages[p], bytes);
    }
    int32_t limit[64], from[64];
    float *q = floats(n_rows * es, 2.0f), *o1 = calloc(n_rows * es, 4), *o2 = calloc(n_rows * es, 4), m[2][64], l[2][64];
    for (size_t r = 0; r < n_rows; r++) {
        limit[r] = (int32_t)(r * 37 % (PAGES * US_PAGE + 1));
        from[r] = (int32_t)(r * 11 % 3 == 0 ? 0
                            : limit[r] < 70 ? limit[r] / 2
                                            : limit[r] - 66); /* within a page, over its end */
        if (r == 9) from[r] = limit[r];
    }
    us_attend a = {.kind = kind,
                   .head_size = es,
                   .k_pages = (const unsigned char *const *)k_pages,
                   .v_pages = (const unsigned char *const *)v_pages,
                   .n_pages = PAGES,
                   .q = q,
                   .q_stride = es,
                   .n_rows = n_rows,
                   .limit = limit,
                   .from = windowed ? from : NULL,
                   .scale = 1.0f / sqrtf((float)es),
                   .cap = windowed ? 1.5f : 0,
                   .m = m[0],
                   .l = l[0],
                   .o = o1,
                   .scratch = aligned_alloc(64, US_ATTEND_SCRATCH_BYTES)};
    scalar->attend(&a);
    a.m = m[1], a.l = l[1], a.o = o2;
    (wide ? kn->attend_wide : kn->attend)(&a);
    double bound = wide ? 2e-2 : 1e-4;
    for (size_t r = 0; r < n_rows; r++) {
        if (!limit[r] || (windowed && from[r] >= limit[r])) {
            assert_true(l[0][r] == 0);
            assert_true(l[1][r] == 0);
            continue;
        }
        for (size_t e = 0; e < es; e++) o1[r * es + e] /= l[0][r], o2[r * es + e] /= l[1][r];
        close_to("attend", kn->name, o2 + r * es, o1 + r * es, es, bound, wide ? 1.0 : 0.1);
        assert_true(fabs(((double)m[0][r] + log((double)l[0][r])) - ((double)m[1][r] + log((double)l[1][r]))) < bound);
    }
    for (int p = 0; p < PAGES; p++) free(k_pages[p]), free(v_pages[p]);
    free(k_copy), free(v_copy);
    free(a.scratch);
    free(q);
    free(o1);
    free(o2);
}

static void check_rows(const us_kern *kn, size_t n) {
    float *x = floats(n, 3.0f), *g = floats(n, 1.0f), *d = floats(n, 1.0f), *a = calloc(n, 4), *b = calloc(n, 4),
          *c = calloc(n, 4), *e = calloc(n, 4);
    x[0] = -90.0f, x[n / 2] = 88.0f;
    scalar->rmsnorm(x, g, n, 1e-5f, a), kn->rmsnorm(x, g, n, 1e-5f, b);
    close_to("rmsnorm", kn->name, b, a, n, 2e-6, 1e-3);
    scalar->swiglu(x, g, n, a), kn->swiglu(x, g, n, b);
    close_to("swiglu", kn->name, b, a, n, 2e-6, 1e-6);
    scalar->swiglu_back(x, g, d, n, a, c), kn->swiglu_back(x, g, d, n, b, e);
    close_to("swiglu_back gate", kn->name, b, a, n, 1e-4, 1e-2);
    close_to("swiglu_back up", kn->name, e, c, n, 2e-6, 1e-6);
    scalar->geglu(x, g, n, a), kn->geglu(x, g, n, b);
    close_to("geglu", kn->name, b, a, n, 4e-6, 1e-6);
    scalar->geglu_back(x, g, d, n, a, c), kn->geglu_back(x, g, d, n, b, e);
    close_to("geglu_back gate", kn->name, b, a, n, 1e-4, 1e-2);
    close_to("geglu_back up", kn->name, e, c, n, 4e-6, 1e-6);
    memcpy(a, x, n * 4), memcpy(b, x, n * 4);
    scalar->softcap(a, n, 2.5f), kn->softcap(b, n, 2.5f);
    close_to("softcap", kn->name, b, a, n, 1e-6, 2.5);
    memcpy(a, g, n * 4), memcpy(b, g, n * 4);
    scalar->add(x, 0.7f, n, a), kn->add(x, 0.7f, n, b);
    close_to("add", kn->name, b, a, n, 1e-6, 1.0);
    float dots[2] = {scalar->dot(g, d, n), kn->dot(g, d, n)};
    close_to("dot", kn->name, dots + 1, dots, 1, 1e-5, sqrt((double)n));
    assert_true(fabs(scalar->logsumexp(x, n) - kn->logsumexp(x, n)) < 1e-5);
    memcpy(a, x, n * 4), memcpy(b, x, n * 4);
    scalar->softmax(a, n), kn->softmax(b, n);
    close_to("softmax", kn->name, b, a, n, 2e-6, 1e-30);
    free(x), free(g), free(d), free(a), free(b), free(c), free(e);
}

static void check_gemm(const us_kern *kn, size_t m, size_t n, size_t k) {
    float *x = floats(m * k, 1.0f), *w = floats(n * k, 1.0f), *a = floats(m * n, 1.0f), *b = malloc((m * n + 16) * 4);
    for (int which = 0; which < 3; which++) {
        memcpy(b, a, (m * n + 16) * 4);
        float *want = malloc((m * n + 16) * 4);
        memcpy(want, a, (m * n + 16) * 4);
        if (which == 0) scalar->gemm_nt(m, n, k, 0.5f, x, k, w, k, want, n), kn->gemm_nt(m, n, k, 0.5f, x, k, w, k, b, n);
        if (which == 1) scalar->gemm_nn(m, n, k, 0.5f, x, k, w, n, want, n), kn->gemm_nn(m, n, k, 0.5f, x, k, w, n, b, n);
        if (which == 2) scalar->gemm_tn(m, n, k, 0.5f, x, m, w, n, want, n), kn->gemm_tn(m, n, k, 0.5f, x, m, w, n, b, n);
        close_to(which == 0   ? "gemm_nt"
                 : which == 1 ? "gemm_nn"
                              : "gemm_tn",
                 kn->name, b, want, m * n + 16, 1e-5, sqrt((double)k));
        if (kn->gemm_wide) { /* the terms are rounded to 2^-9 twice; their sum is of the order of sqrt(K) */
            memcpy(b, a, (m * n + 16) * 4);
            if (which == 0) kn->gemm_wide(m, n, k, 0.5f, x, k, 1, w, 1, k, b, n);
            if (which == 1) kn->gemm_wide(m, n, k, 0.5f, x, k, 1, w, n, 1, b, n);
            if (which == 2) kn->gemm_wide(m, n, k, 0.5f, x, 1, m, w, n, 1, b, n);
            close_to("gemm_wide", kn->name, b, want, m * n + 16, 1e-2, 2 * sqrt((double)k));
        }
        free(want);
    }
    free(x), free(w), free(a), free(b);
}

static void every_level_agrees_with_scalar(void **state) {
    (void)state;
    static const us_type types[] = {US_TYPE_Q4_0, US_TYPE_Q4_1, US_TYPE_Q8_0, US_TYPE_F16, US_TYPE_BF16, US_TYPE_F32};
    int n_levels = 0;
    scalar = us_kern_get_level("scalar");
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        const us_kern *kn = us_kern_get_level(levels[i]);
        if (!kn) continue;
        printf("# %s\n", kn->name);
        n_levels++;
        us_rng_seed(&rng, 11);
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            check_matmul(kn, types[k], 35, 96, 1);
            check_matmul(kn, types[k], 16, 32, 5);
            check_matmul(kn, types[k], 50, 576, 39);
            check_matmul(kn, types[k], 20, 2112, 17);
            check_matmul(kn, types[k], 67, 96, 70);
        }
        static const us_type k_types[] = {US_TYPE_Q2_K, US_TYPE_Q4_K, US_TYPE_Q5_K, US_TYPE_Q6_K, US_TYPE_IQ4_XS};
        for (size_t k = 0; k < sizeof k_types / sizeof *k_types; k++) {
            check_matmul(kn, k_types[k], 35, 256, 1);
            check_matmul(kn, k_types[k], 50, 768, 39);
            check_matmul(kn, k_types[k], 20, 2304, 17); /* more columns than are opened at a time */
        }
        check_matmul(kn, US_TYPE_F16, 35, 30, 3); /* columns that four runs do not share evenly */
        check_matmul_of(kn, US_PACK_I8, US_TYPE_F32, 35, 30, 3);
        check_matmul_of(kn, US_PACK_I8, US_TYPE_F32, 50, 16, 1);
        check_matmul_of(kn, US_PACK_I8, US_TYPE_F32, 67, 96, 70);
        for (size_t rows = 1; rows <= 10; rows += 3)
            for (int kind = 0; kind < US_N_PAGES; kind++)
                for (int windowed = 0; windowed < 2; windowed++)
                    check_attend(kn, (us_page_kind)kind, kind == US_PAGE_Q8_0 ? 96 : 64, rows, false, windowed);
        check_attend(kn, US_PAGE_F32, 24, 3, false, false);
        for (size_t es = 32; es <= 128 && kn->attend_wide; es += 32)
            for (size_t rows = 32; rows <= 64; rows += 32)
                check_attend(kn, US_PAGE_F16, es, rows, true, false), check_attend(kn, US_PAGE_Q8_0, es, rows, true, false);
        for (size_t n = 1; n < 70; n += 11) check_rows(kn, n + 1);
        check_rows(kn, 9000);
        check_gemm(kn, 1, 1, 1);
        check_gemm(kn, 7, 33, 19);
        check_gemm(kn, 64, 16, 300);
        check_gemm(kn, 13, 70, 16);
        check_gemm(kn, 150, 50, 290);
    }
    if (!n_levels) skip();
}

static void us_cpu_names_are_known(void **state) {
    (void)state;
    assert_non_null(us_kern_get_level("scalar"));
    assert_null(us_kern_get_level("no such level"));
    assert_non_null(us_kern_get()->name);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_level_agrees_with_scalar),
                                       cmocka_unit_test(us_cpu_names_are_known)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
