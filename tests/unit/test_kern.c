/* The kernel check: a named test for each kernel and each level that this machine has, or that can be emulated on it, against the
 * scalar definition, on random and on extreme data and odd sizes, with a page that nobody may touch behind every array, then in
 * front of it (guarded.h). Bounds are stated where they are checked.
 *
 *   test_kern                   checks
 *   test_kern --bench [PART]    prints the time of each kernel whose name contains PART, at every level, beside scalar's
 *   test_kern --repeat N LEVEL PART      runs them N times at one level (for a counter of instructions from outside) */
#include "test.h"
#include "base/mem.h"
#include "base/rng.h"
#include "guarded.h"
#include "kern/kern.h"
#include <math.h>
#include <time.h>

static const char *const levels[] = {"avx2", "avxvnni", "avx512", "amx", "neon", "dotprod", "i8mm"};
enum { N_LEVELS = sizeof levels / sizeof *levels };
static us_rng rng;
static const us_kern *scalar;

#ifdef US_EMULATED
void us_emulated_fill_amx(us_kern *k);
void us_emulated_fill_avxvnni(us_kern *k);
/* What this processor lacks is done by others of its instructions, where it has AVX-512. */
static const us_kern *emulated(const char *level) {
    static us_kern amx, vnni;
    const us_kern *base = us_kern_get_level("avx512");
    if (base && !strcmp(level, "amx")) {
        amx = *base, amx.name = "amx, emulated";
        us_emulated_fill_amx(&amx);
        return &amx;
    }
    if (base && !strcmp(level, "avxvnni")) {
        vnni = *us_kern_get_level("avx2"), vnni.name = "avxvnni, emulated";
        us_emulated_fill_avxvnni(&vnni);
        return &vnni;
    }
    return NULL;
}
#else
static const us_kern *emulated(const char *level) { return (void)level, NULL; }
#endif

static float *zeros(size_t n) { return guarded(n * sizeof(float)); }
static float *floats(size_t n, float scale) {
    float *x = zeros(n);
    for (size_t i = 0; i < n; i++) x[i] = scale * us_rng_normal(&rng);
    return x;
}
static float *copy_of(const float *x, size_t n) { return memcpy(zeros(n), x, n * sizeof *x); }

/* Within rel of the larger of the value and `floor`. */
static void close_to(const char *what, const us_kern *kn, const float *got, const float *want, size_t n, double rel,
                     double floor) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= rel * fmax(fabs((double)want[i]), floor)))
            fail_msg("%s, %s, element %zu of %zu: %.9g, scalar %.9g", what, kn->name, i, n, (double)got[i], (double)want[i]);
}

/* ---- time ------------------------------------------------------------------------------------------------------------- */

static double best_ns;  /* of the last TIME() */
static size_t n_repeat; /* not 0: TIME() runs it so often and measures nothing */
static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}
/* The shortest of many runs, for at most a twentieth of a second: what other processes take does not count. */
#define TIME(call)                                                                                    \
    do {                                                                                              \
        for (size_t time_i = 0; time_i < n_repeat; time_i++) call;                                    \
        double time_begun = now_ns();                                                                 \
        best_ns = INFINITY;                                                                           \
        for (size_t time_n = 1; !n_repeat && (now_ns() - time_begun < 5e7 || best_ns == INFINITY);) { \
            double time_from = now_ns();                                                              \
            for (size_t time_i = 0; time_i < time_n; time_i++) call;                                  \
            double time_all = now_ns() - time_from;                                                   \
            best_ns = fmin(best_ns, time_all / (double)time_n);                                       \
            if (time_all < 1e5) time_n *= 2;                                                          \
        }                                                                                             \
    } while (0)

/* ---- packed weights ------------------------------------------------------------------------------------------------------ */

typedef struct packing {
    us_pack_kind kind;
    us_type type; /* of the file */
    size_t step;  /* columns come in multiples of it */
} packing;
static const packing packings[] = {
    {US_PACK_Q4, US_TYPE_Q4_0, 32},    {US_PACK_Q4, US_TYPE_Q4_1, 32},      {US_PACK_Q8, US_TYPE_Q8_0, 32},
    {US_PACK_Q8_S, US_TYPE_Q2_K, 256}, {US_PACK_Q4_K, US_TYPE_Q4_K, 256},   {US_PACK_Q8_S, US_TYPE_Q5_K, 256},
    {US_PACK_Q6_K, US_TYPE_Q6_K, 256}, {US_PACK_Q8_S, US_TYPE_IQ4_XS, 256}, {US_PACK_F16, US_TYPE_F16, 1},
    {US_PACK_BF16, US_TYPE_BF16, 1},   {US_PACK_F32, US_TYPE_F32, 1},       {US_PACK_I8, US_TYPE_F32, 1},
};
enum { N_PACKINGS = sizeof packings / sizeof *packings };

static us_matrix empty_matrix(us_pack_kind kind, size_t n, size_t k) {
    us_matrix w = {
        .kind = kind, .n_rows = n, .n_cols = k, .n_groups = (n + 15) / 16, .group_bytes = us_pack_group_bytes(kind, k)};
    w.data = guarded(w.group_bytes * w.n_groups);
    return w;
}

/* A random matrix, one of its rows at the extremes of every block. Packing loses nothing, or rounds by half a step of 8 bits.
 */
static us_matrix make_matrix(packing p, size_t n, size_t k) {
    const float scale = 0.05f;
    us_matrix w = empty_matrix(p.kind, n, k);
    size_t row_bytes = us_type_row_bytes(p.type, k);
    unsigned char *rows = guarded(n * row_bytes);
    float *x = zeros(k), *a = zeros(k), *b = zeros(k);
    for (size_t r = 0; r < n; r++) {
        for (size_t i = 0; i < k; i++) x[i] = r == 1 ? (i % 2 ? scale * 4 : -scale * 4) : scale * us_rng_normal(&rng);
        assert_true(us_quant_row(p.type, x, rows + r * row_bytes, k));
    }
    for (size_t g = 0; g < w.n_groups; g++)
        scalar->pack_group(p.kind, p.type, rows + g * 16 * row_bytes, row_bytes, n - g * 16 < 16 ? n - g * 16 : 16, k,
                           w.data + g * w.group_bytes);
    for (size_t r = 0; r < n; r += 5) {
        us_dequant_row(p.type, rows + r * row_bytes, a, k);
        scalar->unpack_row(&w, r, b);
        float max = 0;
        for (size_t i = 0; i < k; i++) max = fmaxf(max, fabsf(a[i]));
        for (size_t i = 0; i < k && p.kind == US_PACK_I8; i++) assert_true(fabsf(b[i] - a[i]) <= max / 253);
        if (p.kind != US_PACK_I8) close_to("unpack_row", scalar, b, a, k, 1e-6, 1e-6);
    }
    return w;
}

static us_acts make_acts(const us_kern *kn, const float *x, size_t t, size_t k) {
    size_t given = k;
    k = (k + US_BLOCK - 1) / US_BLOCK * US_BLOCK; /* with zeros behind */
    float *padded = zeros(t * k);
    for (size_t r = 0; r < t; r++) memcpy(padded + r * k, x + r * given, given * sizeof *x);
    x = padded;
    size_t blocks = k / US_BLOCK;
    us_acts a = {
        .q = guarded(t * k), .d = zeros(t * blocks), .s = zeros(t * blocks), .n = guarded(8 * t * blocks), .n_cols = k};
    kn->quantize_acts(x, k, 0, t, &a);
    return a;
}

static void check_quantize_acts(const us_kern *kn, int unused) {
    (void)unused;
    for (size_t k = 32; k <= 1056; k += 256)
        for (size_t t = 1; t < 4; t++) {
            float *x = floats(t * k, 1.0f);
            for (size_t i = 0; i < k; i++) x[i] = i % 3 ? 127.0f : -127.0f;
            memset(x, 0, 32 * sizeof *x);
            us_acts want = make_acts(scalar, x, t, k), got = make_acts(kn, x, t, k);
            assert_memory_equal(got.q, want.q, t * k); /* integers exactly */
            assert_memory_equal(got.n, want.n, 8 * t * (k / US_BLOCK));
            close_to("d", kn, got.d, want.d, t * (k / US_BLOCK), 1e-6, 1e-9);
            close_to("s", kn, got.s, want.s, t * (k / US_BLOCK), 1e-6, 1e-9);
        }
}
static void bench_quantize_acts(const us_kern *kn, int unused) {
    (void)unused;
    float *x = floats(8 * 576, 1.0f);
    us_acts a = make_acts(kn, x, 8, 576);
    TIME(kn->quantize_acts(x, 576, 0, 8, &a));
}

static void check_matmul_of(const us_kern *kn, packing p, size_t n, size_t k, size_t t) {
    us_matrix w = make_matrix(p, n, k);
    float *x = floats(t * k, 1.0f), *want = zeros(t * n), *got = zeros(t * n);
    for (size_t i = 0; i < k; i++) x[i] = i % 3 ? 127.0f : -127.0f;
    us_acts acts = make_acts(scalar, x, t, k);
    scalar->matmul(&w, &acts, x, k, 0, t, 0, w.n_groups, want, n, false);
    kn->matmul(&w, &acts, x, k, 0, t, 0, w.n_groups, got, n, false);
    close_to("matmul", kn, got, want, n, 2e-5, 100.0); /* the first row is large and cancels itself */
    close_to("matmul", kn, got + n, want + n, (t - 1) * n, 2e-5, 2.0);
    float *one = zeros(t * n), *twice = copy_of(got, t * n);
    for (size_t r = 0; r < t; r++) kn->matmul(&w, &acts, x, k, r, r + 1, 0, w.n_groups, one, n, false);
    assert_memory_equal(one, got, t * n * sizeof *one); /* alone or in a batch: the same bits */
    kn->matmul(&w, &acts, x, k, 0, t, 0, w.n_groups / 2, twice, n, true);
    kn->matmul(&w, &acts, x, k, 0, t, w.n_groups / 2, w.n_groups, twice, n, true);
    for (size_t i = 0; i < t * n; i++)
        assert_true(fabs((double)twice[i] - 2 * (double)got[i]) <= 1e-5 * fmax(fabs((double)got[i]), 1e-3));
}
static void check_matmul(const us_kern *kn, int which) {
    packing p = packings[which];
    size_t s = p.step < 32 ? 32 : p.step;
    static const size_t n_t[][2] = {{35, 1}, {16, 5}, {67, 70}, {50, 39}};
    for (size_t i = 0; i < 4; i++) {
        check_matmul_of(kn, p, n_t[i][0], s * (i + 1), n_t[i][1]);
        assert_true(guarded_reset());
    }
    check_matmul_of(kn, p, 20, s < 256 ? 2112 : 2304, 17); /* more columns than are opened at a time */
    if (p.step == 1)
        check_matmul_of(kn, p, 35, 30, 3), check_matmul_of(kn, p, 50, 17, 2); /* columns that four runs do not share evenly */
    if (p.step == 1) check_matmul_of(kn, p, 50, 16, 39), check_matmul_of(kn, p, 35, 4, 5); /* ranks of adapters */
}
static void bench_matmul_rows(const us_kern *kn, int which, size_t t) {
    size_t n = 512, k = packings[which].step == 256 ? 512 : 576;
    us_matrix w = make_matrix(packings[which], n, k);
    float *x = floats(t * k, 1.0f), *y = zeros(t * n);
    us_acts acts = make_acts(kn, x, t, k);
    TIME(kn->matmul(&w, &acts, x, k, 0, t, 0, w.n_groups, y, n, false));
}
static void bench_matmul(const us_kern *kn, int which) { bench_matmul_rows(kn, which, 64); }
static void bench_matvec(const us_kern *kn, int which) { bench_matmul_rows(kn, which, 1); }

/* Against the float32 product of the very weights: two roundings of 2^-9 a term, added twice. */
static void check_matmul_bf16_of(const us_kern *kn, packing p, size_t n, size_t k, size_t t) {
    us_matrix w = make_matrix(p, n, k), wf = empty_matrix(US_PACK_F32, n, k);
    float *x = floats(t * k, 1.0f), *want = zeros(t * n), *rows = zeros(US_GROUP * k), *bf16 = zeros(t * n),
          *bound = zeros(t * n);
    for (size_t g = 0; g < w.n_groups; g++) {
        size_t m = n - g * US_GROUP < US_GROUP ? n - g * US_GROUP : US_GROUP;
        for (size_t r = 0; r < m; r++) {
            scalar->unpack_row(&w, g * US_GROUP + r, rows + r * k);
            for (size_t i = 0; i < t; i++)
                for (size_t c = 0; c < k; c++) bound[i * n + g * US_GROUP + r] += fabsf(rows[r * k + c] * x[i * k + c]);
        }
        scalar->pack_group(US_PACK_F32, US_TYPE_F32, rows, k * sizeof *rows, m, k, wf.data + g * wf.group_bytes);
    }
    void *rounded = guarded(us_bf16_bytes(t, k)), *panel = guarded(us_panel_bytes(k));
    size_t middle = w.n_groups / 2, n_blocks = 0;
    us_row_block blocks[8];
    for (size_t i = 0; i < t; i += US_BF16_ROWS)
        blocks[n_blocks++] = (us_row_block){(int32_t)i, (int32_t)(t - i < US_BF16_ROWS ? t - i : US_BF16_ROWS)};
    scalar->matmul(&wf, NULL, x, k, 0, t, 0, w.n_groups, want, n, false);
    for (size_t i = 0; i < t; i++) kn->to_bf16(x + i * k, k, 1, k, i, rounded);
    kn->matmul_bf16(&w, rounded, blocks, n_blocks, 0, w.n_groups, bf16, n, false, panel);
    kn->matmul_bf16(&w, rounded, blocks, n_blocks, 0, middle, bf16, n, true, panel);
    kn->matmul_bf16(&w, rounded, blocks, n_blocks, middle, w.n_groups, bf16, n, true, panel);
    for (size_t i = 0; i < t * n; i++)
        if (!(fabs((double)bf16[i] - 2 * (double)want[i]) <= 2 * 0x1.02p-8 * (double)bound[i] + 1e-6))
            fail_msg("matmul_bf16: %g, expected %g", (double)bf16[i], 2 * (double)want[i]);
}
static void check_matmul_bf16(const us_kern *kn, int which) {
    packing p = packings[which];
    size_t s = p.step < 32 ? 32 : p.step;
    check_matmul_bf16_of(kn, p, 35, s, 1);
    assert_true(guarded_reset());
    check_matmul_bf16_of(kn, p, 50, 3 * s, 39);
    assert_true(guarded_reset());
    check_matmul_bf16_of(kn, p, 67, s < 256 ? 2112 : 2304, 70);
    if (p.step == 1) check_matmul_bf16_of(kn, p, 35, 30, 3), check_matmul_bf16_of(kn, p, 50, 16, 39);
}

/* ---- attention -------------------------------------------------------------------------------------------------------------
 */

enum { PAGES = 3 };
static us_attend make_attend(us_page_kind kind, size_t es, size_t n_rows, bool windowed) {
    size_t bytes = us_page_bytes(kind, es);
    const unsigned char **pages = guarded(2 * PAGES * sizeof *pages);
    for (int p = 0; p < PAGES; p++) {
        unsigned char *k = guarded(bytes), *v = guarded(bytes);
        for (size_t i = 0; i < US_PAGE; i++) {
            float x[128];
            for (size_t e = 0; e < es; e++) x[e] = us_rng_normal(&rng);
            scalar->page_put(kind, true, es, k, i, x);
            scalar->page_put(kind, false, es, v, i, x);
        }
        pages[p] = k, pages[PAGES + p] = v;
    }
    int32_t *limit = guarded(n_rows * sizeof *limit), *from = guarded(n_rows * sizeof *from);
    for (size_t r = 0; r < n_rows; r++) {
        limit[r] = (int32_t)(r * 37 % (PAGES * US_PAGE + 1));
        from[r] = r * 11 % 3 == 0 ? 0 : limit[r] < 70 ? limit[r] / 2 : limit[r] - 66; /* within a page, over its end */
        if (r == 9) from[r] = limit[r];
    }
    return (us_attend){.kind = kind,
                       .head_size = es,
                       .k_pages = pages,
                       .v_pages = pages + PAGES,
                       .n_pages = PAGES,
                       .q = floats(n_rows * es, 2.0f),
                       .q_stride = es,
                       .n_rows = n_rows,
                       .limit = limit,
                       .from = windowed ? from : NULL,
                       .cap = windowed ? 1.5f : 0,
                       .scale = 1.0f / sqrtf((float)es),
                       .m = zeros(n_rows),
                       .l = zeros(n_rows),
                       .o = zeros(n_rows * es),
                       .scratch = guarded(US_ATTEND_SCRATCH_BYTES)};
}
/* bf16: through attend_bf16, where queries, keys, probabilities and values are rounded to 2^-9. */
static void check_attend_of(const us_kern *kn, us_page_kind kind, size_t es, size_t n_rows, bool bf16, bool windowed) {
    us_attend a = make_attend(kind, es, n_rows, windowed), b = a;
    b.m = zeros(n_rows), b.l = zeros(n_rows), b.o = zeros(n_rows * es);
    scalar->attend(&a);
    (bf16 ? kn->attend_bf16 : kn->attend)(&b);
    double bound = bf16 ? 2e-2 : 1e-4;
    for (size_t r = 0; r < n_rows; r++) {
        if (!a.limit[r] || (windowed && a.from[r] >= a.limit[r])) {
            assert_true(a.l[r] == 0);
            assert_true(b.l[r] == 0);
            continue;
        }
        for (size_t e = 0; e < es; e++) a.o[r * es + e] /= a.l[r], b.o[r * es + e] /= b.l[r];
        close_to("attend", kn, b.o + r * es, a.o + r * es, es, bound, bf16 ? 1.0 : 0.1);
        assert_true(fabs(((double)a.m[r] + log((double)a.l[r])) - ((double)b.m[r] + log((double)b.l[r]))) < bound);
    }
    assert_true(guarded_reset());
}
static void check_attend(const us_kern *kn, int kind) {
    for (size_t rows = 1; rows <= 10; rows += 3)
        for (int windowed = 0; windowed < 2; windowed++)
            check_attend_of(kn, (us_page_kind)kind, kind == US_PAGE_Q8_0 ? 96 : 64, rows, false, windowed);
    if (kind == US_PAGE_F32) check_attend_of(kn, US_PAGE_F32, 24, 3, false, false);
}
static void check_attend_bf16(const us_kern *kn, int kind) {
    for (size_t es = 32; es <= 128; es += 32)
        for (size_t rows = 32; rows <= 64; rows += 32) check_attend_of(kn, (us_page_kind)kind, es, rows, true, false);
}
static void bench_attend(const us_kern *kn, int kind) {
    us_attend a = make_attend((us_page_kind)kind, 64, 3, false);
    int32_t *limit = guarded(3 * sizeof *limit);
    for (int i = 0; i < 3; i++) limit[i] = PAGES * US_PAGE;
    a.limit = limit;
    TIME(kn->attend(&a));
}
/* Each level writes the same bytes. */
static void check_page_put(const us_kern *kn, int kind) {
    static const size_t sizes[] = {24, 32, 64, 96, 128};
    for (size_t s = kind == US_PAGE_Q8_0; s < 5; s++)
        for (int is_k = 0; is_k < 2; is_k++) {
            size_t bytes = us_page_bytes((us_page_kind)kind, sizes[s]);
            unsigned char *want = guarded(bytes), *got = guarded(bytes);
            for (size_t i = 0; i < US_PAGE; i++) {
                float *x = floats(sizes[s], 1.0f);
                scalar->page_put((us_page_kind)kind, is_k, sizes[s], want, i, x);
                kn->page_put((us_page_kind)kind, is_k, sizes[s], got, i, x);
            }
            assert_memory_equal(got, want, bytes);
            assert_true(guarded_reset());
        }
}
static void bench_page_put(const us_kern *kn, int kind) {
    unsigned char *page = guarded(us_page_bytes((us_page_kind)kind, 64));
    float *x = floats(64, 1.0f);
    TIME(kn->page_put((us_page_kind)kind, true, 64, page, 5, x));
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------
 */

enum { RMSNORM, ROPE, SWIGLU, SWIGLU_BACK, GEGLU, GEGLU_BACK, SOFTCAP, ADD, DOT, SOFTMAX, LOGSUMEXP };
static void check_row_of(const us_kern *kn, int which, size_t n) {
    float *x = floats(n, 3.0f), *g = floats(n, 1.0f), *d = floats(n, 1.0f), *a = zeros(n), *b = zeros(n), *c = zeros(n),
          *e = zeros(n);
    x[0] = -90.0f, x[n / 2] = 88.0f;
    switch (which) {
    case RMSNORM:
        scalar->rmsnorm(x, g, n, 1e-5f, a), kn->rmsnorm(x, g, n, 1e-5f, b);
        close_to("rmsnorm", kn, b, a, n, 2e-6, 1e-3);
        break;
    case ROPE:
        for (int neox = 0; neox < 2; neox++) {
            size_t m = n & ~(size_t)1;
            if (!m) break;
            float *cosines = floats(m / 2, 1.0f), *sines = floats(m / 2, 1.0f), *p = copy_of(g, n), *q = copy_of(g, n);
            scalar->rope(p, m, neox, cosines, sines), kn->rope(q, m, neox, cosines, sines);
            close_to("rope", kn, q, p, n, 1e-6, 1.0);
        }
        break;
    case SWIGLU:
        scalar->swiglu(x, g, n, a), kn->swiglu(x, g, n, b);
        close_to("swiglu", kn, b, a, n, 2e-6, 1e-6);
        break;
    case SWIGLU_BACK:
        scalar->swiglu_back(x, g, d, n, a, c), kn->swiglu_back(x, g, d, n, b, e);
        close_to("swiglu_back gate", kn, b, a, n, 1e-4, 1e-2);
        close_to("swiglu_back up", kn, e, c, n, 2e-6, 1e-6);
        break;
    case GEGLU:
        scalar->geglu(x, g, n, a), kn->geglu(x, g, n, b);
        close_to("geglu", kn, b, a, n, 4e-6, 1e-6);
        break;
    case GEGLU_BACK:
        scalar->geglu_back(x, g, d, n, a, c), kn->geglu_back(x, g, d, n, b, e);
        close_to("geglu_back gate", kn, b, a, n, 1e-4, 1e-2);
        close_to("geglu_back up", kn, e, c, n, 4e-6, 1e-6);
        break;
    case SOFTCAP:
        memcpy(a, x, n * 4), memcpy(b, x, n * 4);
        scalar->softcap(a, n, 2.5f), kn->softcap(b, n, 2.5f);
        close_to("softcap", kn, b, a, n, 1e-6, 2.5);
        break;
    case ADD:
        memcpy(a, g, n * 4), memcpy(b, g, n * 4);
        scalar->add(x, 0.7f, n, a), kn->add(x, 0.7f, n, b);
        close_to("add", kn, b, a, n, 1e-6, 1.0);
        break;
    case DOT: {
        float dots[2] = {scalar->dot(g, d, n), kn->dot(g, d, n)};
        close_to("dot", kn, dots + 1, dots, 1, 1e-5, sqrt((double)n));
        break;
    }
    case SOFTMAX:
        memcpy(a, x, n * 4), memcpy(b, x, n * 4);
        scalar->softmax(a, n), kn->softmax(b, n);
        close_to("softmax", kn, b, a, n, 2e-6, 1e-30);
        break;
    default: assert_true(fabs(scalar->logsumexp(x, n) - kn->logsumexp(x, n)) < 1e-5);
    }
    assert_true(guarded_reset());
}
static void check_row(const us_kern *kn, int which) {
    for (size_t n = 2; n < 70; n++) check_row_of(kn, which, n);
    check_row_of(kn, which, 9001);
}
static volatile double keep; /* so that nothing is left out */
static void bench_row(const us_kern *kn, int which) {
    enum { N = 1536 };
    float *x = floats(N, 3.0f), *g = floats(N, 1.0f), *d = floats(N, 1.0f), *a = zeros(N), *b = zeros(N);
    switch (which) {
    case RMSNORM: TIME(kn->rmsnorm(x, g, N, 1e-5f, a)); break;
    case ROPE: TIME(kn->rope(a, 64, false, x, g)); break;
    case SWIGLU: TIME(kn->swiglu(x, g, N, a)); break;
    case SWIGLU_BACK: TIME(kn->swiglu_back(x, g, d, N, a, b)); break;
    case GEGLU: TIME(kn->geglu(x, g, N, a)); break;
    case GEGLU_BACK: TIME(kn->geglu_back(x, g, d, N, a, b)); break;
    case SOFTCAP: TIME(kn->softcap(a, N, 2.5f)); break;
    case ADD: TIME(kn->add(x, 0.7f, N, a)); break;
    case DOT: TIME(keep += (double)kn->dot(x, g, N)); break;
    case SOFTMAX: TIME(kn->softmax(x, N)); break;
    default: TIME(keep += kn->logsumexp(x, N));
    }
}

/* ---- float32 products -------------------------------------------------------------------------------------------------------
 */

enum { NT, NN, TN };
static void gemm(const us_kern *kn, int which, size_t m, size_t n, size_t k, const float *x, const float *w, float *y) {
    if (which == NT) kn->gemm_nt(m, n, k, 0.5f, x, k, w, k, y, n);
    else if (which == NN) kn->gemm_nn(m, n, k, 0.5f, x, k, w, n, y, n);
    else kn->gemm_tn(m, n, k, 0.5f, x, m, w, n, y, n);
}
static void gemm_bf16(const us_kern *kn, int which, size_t m, size_t n, size_t k, const float *x, const float *w, float *y) {
    if (which == NT) kn->gemm_bf16(m, n, k, 0.5f, x, k, 1, w, 1, k, y, n);
    else if (which == NN) kn->gemm_bf16(m, n, k, 0.5f, x, k, 1, w, n, 1, y, n);
    else kn->gemm_bf16(m, n, k, 0.5f, x, 1, m, w, n, 1, y, n);
}
static const size_t gemm_sizes[][3] = {{1, 1, 1}, {7, 33, 19}, {64, 16, 300}, {13, 70, 16}, {150, 50, 290}};
static void check_gemm_with(const us_kern *kn, int which, bool bf16) {
    for (size_t s = 0; s < sizeof gemm_sizes / sizeof *gemm_sizes; s++) {
        size_t m = gemm_sizes[s][0], n = gemm_sizes[s][1], k = gemm_sizes[s][2];
        float *x = floats(m * k, 1.0f), *w = floats(n * k, 1.0f), *want = floats(m * n, 1.0f), *got = copy_of(want, m * n);
        gemm(scalar, which, m, n, k, x, w, want);
        (bf16 ? gemm_bf16 : gemm)(kn, which, m, n, k, x, w, got);
        /* bf16: the terms are rounded to 2^-9 twice; their sum is of the order of sqrt(K) */
        close_to("gemm", kn, got, want, m * n, bf16 ? 1e-2 : 1e-5, (bf16 ? 2 : 1) * sqrt((double)k));
        assert_true(guarded_reset());
    }
}
static void check_gemm(const us_kern *kn, int which) { check_gemm_with(kn, which, false); }
static void check_gemm_bf16(const us_kern *kn, int which) { check_gemm_with(kn, which, true); }
static void bench_gemm(const us_kern *kn, int which) {
    float *x = floats(64 * 256, 1.0f), *w = floats(64 * 256, 1.0f), *y = zeros(64 * 64);
    TIME(gemm(kn, which, 64, 64, 256, x, w, y));
}

/* ---- the list
 * ------------------------------------------------------------------------------------------------------------------ */

typedef struct kernel {
    const char *name, *variant;
    void (*check)(const us_kern *kn, int arg);
    void (*bench)(const us_kern *kn, int arg); /* NULL: not timed */
    int arg;
    bool bf16; /* only where the level has bfloat16 tiles */
} kernel;

enum { MOST = 96 };
static kernel kernels[MOST];
static size_t n_kernels;
static void list(const char *name, const char *variant, void (*check)(const us_kern *, int),
                 void (*bench)(const us_kern *, int), int arg, bool bf16) {
    if (n_kernels == MOST) abort();
    kernels[n_kernels++] = (kernel){name, variant, check, bench, arg, bf16};
}
static void list_all(void) {
    static const char *const pages[US_N_PAGES] = {"F32", "F16", "Q8_0"}, *const gemms[] = {"nt", "nn", "tn"},
                             *const rows[] = {"rmsnorm", "rope", "swiglu", "swiglu_back", "geglu",    "geglu_back",
                                              "softcap", "add",  "dot",    "softmax",     "logsumexp"};
    list("quantize_acts", "", check_quantize_acts, bench_quantize_acts, 0, false);
    for (int i = 0; i < N_PACKINGS; i++) {
        const char *type = packings[i].kind == US_PACK_I8 ? "I8" : us_type_name((int)packings[i].type);
        list("matmul", type, check_matmul, bench_matmul, i, false);
        list("matmul of one row", type, NULL, bench_matvec, i, false);
        list("matmul_bf16", type, check_matmul_bf16, NULL, i, true);
    }
    for (int i = 0; i < US_N_PAGES; i++) {
        list("page_put", pages[i], check_page_put, bench_page_put, i, false);
        list("attend", pages[i], check_attend, bench_attend, i, false);
        if (i != US_PAGE_F32) list("attend_bf16", pages[i], check_attend_bf16, NULL, i, true);
    }
    for (int i = RMSNORM; i <= LOGSUMEXP; i++) list(rows[i], "", check_row, bench_row, i, false);
    for (int i = NT; i <= TN; i++) list("gemm", gemms[i], check_gemm, bench_gemm, i, false);
    for (int i = NT; i <= TN; i++) list("gemm_bf16", gemms[i], check_gemm_bf16, NULL, i, true);
}

typedef struct kernel_at {
    const kernel *k;
    const us_kern *kn;
} kernel_at;
static void agrees_with_scalar(void **state) {
    const kernel_at *at = *state;
    for (guarded_at_front = 0; guarded_at_front < 2; guarded_at_front++) {
        us_rng_seed(&rng, 11);
        at->k->check(at->kn, at->k->arg);
        assert_true(guarded_reset());
    }
    guarded_at_front = 0;
}

static void us_cpu_names_are_known(void **state) {
    (void)state;
    assert_non_null(us_kern_get_level("scalar"));
    assert_null(us_kern_get_level("no such level"));
    assert_non_null(us_kern_get()->name);
}

static int bench(const char *part) {
    printf("%-28s %12s", "kernel", "scalar, us");
    for (size_t l = 0; l < N_LEVELS; l++)
        if (us_kern_get_level(levels[l])) printf(" %10s   ratio", levels[l]);
    printf("\n");
    for (size_t i = 0; i < n_kernels; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", kernels[i].name, kernels[i].variant);
        if (!kernels[i].bench || !strstr(name, part)) continue;
        kernels[i].bench(scalar, kernels[i].arg);
        double base = best_ns;
        printf("%-28s %12.2f", name, base / 1e3);
        for (size_t l = 0; l < N_LEVELS; l++) {
            const us_kern *kn = us_kern_get_level(levels[l]);
            if (!kn) continue;
            kernels[i].bench(kn, kernels[i].arg);
            printf(" %10.2f %7.2f", best_ns / 1e3, base / best_ns);
        }
        printf("\n");
        guarded_reset();
    }
    return 0;
}

static int repeat(const char *n, const char *level, const char *part) {
    const us_kern *kn = us_kern_get_level(level);
    n_repeat = (size_t)strtoul(n, NULL, 10);
    for (size_t i = 0; kn && i < n_kernels; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s %s", kernels[i].name, kernels[i].variant);
        if (kernels[i].bench && strstr(name, part)) kernels[i].bench(kn, kernels[i].arg);
    }
    return !kn;
}

int main(int argc, char **argv) {
    static struct CMUnitTest tests[MOST * N_LEVELS + 1];
    static kernel_at at[MOST * N_LEVELS];
    static char names[MOST * N_LEVELS][64];
    scalar = us_kern_get_level("scalar");
    us_rng_seed(&rng, 11);
    list_all();
    if (argc > 1 && !strcmp(argv[1], "--bench")) return bench(argc > 2 ? argv[2] : "");
    if (argc == 5 && !strcmp(argv[1], "--repeat")) return repeat(argv[2], argv[3], argv[4]);
    size_t n = 0;
    for (size_t l = 0; l < N_LEVELS; l++) {
        const us_kern *kn = us_kern_get_level(levels[l]);
        if (!kn) kn = emulated(levels[l]);
        if (!kn) continue;
        printf("# %s\n", kn->name);
        for (size_t i = 0; i < n_kernels; i++) {
            if (!kernels[i].check || (kernels[i].bf16 && !kn->matmul_bf16)) continue;
            snprintf(names[n], sizeof names[n], "%s%s%s, %s", kernels[i].name, *kernels[i].variant ? " " : "",
                     kernels[i].variant, kn->name);
            at[n] = (kernel_at){&kernels[i], kn};
            tests[n] = (struct CMUnitTest){.name = names[n], .test_func = agrees_with_scalar, .initial_state = &at[n]};
            n++;
        }
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(us_cpu_names_are_known);
    return _cmocka_run_group_tests("kernels", tests, n, NULL, NULL);
}
