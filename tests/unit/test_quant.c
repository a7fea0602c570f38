/* Block formats: dequantization bit for bit as the `gguf` Python package does it (tests/parity/record_quant.py),
 * rounding the same where that package can round, and within a bound elsewhere. */
#include "test.h"
#include "base/file.h"
#include "base/rng.h"
#include "kern/quant.h"
#include <math.h>

static const us_type types[] = {US_TYPE_F32,  US_TYPE_F16,  US_TYPE_BF16, US_TYPE_Q4_0,   US_TYPE_Q4_1,
                                US_TYPE_Q5_0, US_TYPE_Q5_1, US_TYPE_Q8_0, US_TYPE_Q2_K,   US_TYPE_Q3_K,
                                US_TYPE_Q4_K, US_TYPE_Q5_K, US_TYPE_Q6_K, US_TYPE_IQ4_NL, US_TYPE_IQ4_XS};
#define N_TYPES (sizeof types / sizeof *types)
static us_error err;

typedef struct vector {
    us_map map;
    uint32_t type, n, n_bytes;
    const unsigned char *a, *b;
} vector;

static bool load(us_type type, const char *kind, vector *v) {
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/data/quant/%s.%s", US_SOURCE_DIR, us_type_name((int)type), kind);
    if (!us_file_exists(path)) return false;
    assert_ok(us_map_open(path, &v->map, &err), &err);
    assert_true(v->map.size > 16);
    memcpy(&v->type, v->map.data, 4);
    memcpy(&v->n, v->map.data + 4, 4);
    memcpy(&v->n_bytes, v->map.data + 8, 4);
    assert_int_equal(v->type, type);
    assert_int_equal(v->map.size, 16 + v->n_bytes + 4 * v->n);
    assert_int_equal(us_type_row_bytes(type, v->n), v->n_bytes);
    v->a = v->map.data + 16;
    v->b = v->a + (strcmp(kind, "quant") ? v->n_bytes : 4 * v->n);
    return true;
}

static void dequantization_is_exact(void **state) {
    (void)state;
    for (size_t i = 0; i < N_TYPES; i++) {
        vector v;
        assert_true(load(types[i], "dequant", &v));
        float *got = calloc(v.n, sizeof *got);
        us_dequant_row(types[i], v.a, got, v.n);
        for (uint32_t k = 0; k < v.n; k++)
            if (memcmp(&got[k], v.b + 4 * k, 4)) {
                float want;
                memcpy(&want, v.b + 4 * k, 4);
                fail_msg("%s[%u]: %.9g, expected %.9g", us_type_name((int)types[i]), k, (double)got[k], (double)want);
            }
        free(got);
        us_map_close(&v.map);
    }
}

static void rounding_is_the_references(void **state) {
    (void)state;
    int n_seen = 0;
    for (size_t i = 0; i < N_TYPES; i++) {
        vector v;
        if (!load(types[i], "quant", &v)) continue;
        n_seen++;
        unsigned char *got = calloc(v.n_bytes, 1);
        float *x = calloc(v.n, sizeof *x);
        memcpy(x, v.a, 4 * v.n);
        assert_true(us_quant_row(types[i], x, got, v.n));
        for (uint32_t k = 0; k < v.n_bytes; k++)
            if (got[k] != v.b[k])
                fail_msg("%s: byte %u is %02x, expected %02x", us_type_name((int)types[i]), k, got[k], v.b[k]);
        free(got);
        free(x);
        us_map_close(&v.map);
    }
    assert_int_equal(n_seen, 7);
}

/* Root of mean square error of normal weights, relative; measured plus a tenth. */
static void rounding_error_is_bounded(void **state) {
    (void)state;
    static const struct {
        us_type type;
        double bound;
    } bounds[] = {{US_TYPE_F32, 0},      {US_TYPE_F16, 0.00025},  {US_TYPE_BF16, 0.002},  {US_TYPE_Q8_0, 0.006},
                  {US_TYPE_Q4_0, 0.095}, {US_TYPE_Q4_1, 0.085},   {US_TYPE_Q5_0, 0.047},  {US_TYPE_Q5_1, 0.042},
                  {US_TYPE_Q2_K, 0.36},  {US_TYPE_Q3_K, 0.17},    {US_TYPE_Q4_K, 0.087},  {US_TYPE_Q5_K, 0.044},
                  {US_TYPE_Q6_K, 0.021}, {US_TYPE_IQ4_NL, 0.089}, {US_TYPE_IQ4_XS, 0.089}};
    enum { N = 256 * 64 };
    float *x = calloc(N, sizeof *x), *y = calloc(N, sizeof *y);
    unsigned char *q = calloc(N, 4);
    us_rng rng;
    us_rng_seed(&rng, 5);
    for (int i = 0; i < N; i++) x[i] = us_rng_normal(&rng);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double sum = 0, all = 0;
        assert_true(us_quant_row(bounds[i].type, x, q, N));
        us_dequant_row(bounds[i].type, q, y, N);
        for (int k = 0; k < N; k++) sum += (double)(x[k] - y[k]) * (double)(x[k] - y[k]), all += (double)x[k] * (double)x[k];
        double e = sqrt(sum / all);
        printf("# %-7s relative error %.5f\n", us_type_name((int)bounds[i].type), e);
        if (!(e <= bounds[i].bound))
            fail_msg("%s: relative error %g, expected at most %g", us_type_name((int)bounds[i].type), e, bounds[i].bound);
    }
    free(x);
    free(y);
    free(q);
}

static void zeros_stay_zero(void **state) {
    (void)state;
    float x[256] = {0}, y[256];
    unsigned char q[1024];
    for (size_t i = 0; i < N_TYPES; i++) {
        assert_true(us_quant_row(types[i], x, q, 256));
        us_dequant_row(types[i], q, y, 256);
        for (int k = 0; k < 256; k++) assert_true(y[k] == 0);
        if (us_type_block(types[i]) > 1) assert_false(us_quant_row(types[i], x, q, 33));
        assert_int_equal(us_type_row_bytes(types[i], 0), 0);
    }
    assert_false(us_quant_row((us_type)4, x, q, 256));
    assert_null(us_type_name(4));
    assert_null(us_type_name(-1));
}

/* The integer form says the same numbers. */
static void split_agrees(void **state) {
    (void)state;
    for (size_t i = 3; i < N_TYPES; i++) {
        vector v;
        assert_true(load(types[i], "dequant", &v));
        int8_t q[768];
        float scale[48], min[48];
        us_split_row(types[i], v.a, q, scale, min, v.n);
        for (uint32_t k = 0; k < v.n; k++) {
            float want;
            memcpy(&want, v.b + 4 * k, 4);
            assert_true(scale[k / 16] * (float)q[k] + min[k / 16] == want);
        }
        us_map_close(&v.map);
    }
}

static void halves_are_exact(void **state) {
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        int e = h >> 10 & 31, m = h & 1023;
        float f = us_f16_to_f32((uint16_t)h);
        if (e == 31 && m) {
            assert_true(isnan(f) && isnan(us_f16_to_f32(us_f16_from_f32(f))));
            continue;
        }
        double want = e == 31 ? INFINITY : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);
        assert_true((double)f == (h >> 15 ? -want : want) && !signbit(f) == !(h >> 15));
        assert_int_equal(us_f16_from_f32(f), h);
        if (e == 31 || (h & 0x7fff) == 0x7bff) continue;
        /* half way to the next goes to the even one, a hair more or less to the nearer */
        float next = us_f16_to_f32((uint16_t)(h + 1)), mid = f + (next - f) / 2;
        assert_int_equal(us_f16_from_f32(mid), h % 2 ? h + 1 : h);
        assert_int_equal(us_f16_from_f32(nextafterf(mid, f)), h);
        assert_int_equal(us_f16_from_f32(nextafterf(mid, next)), h + 1);
        uint16_t b = us_bf16_from_f32(f);
        assert_true(fabsf(us_bf16_to_f32(b) - f) <= fabsf(f) / 256);
    }
    assert_int_equal(us_f16_from_f32(65519.99f), 0x7bff);
    assert_int_equal(us_f16_from_f32(65520.0f), 0x7c00);
    assert_int_equal(us_f16_from_f32(-1e30f), 0xfc00);
    assert_true(isnan(us_bf16_to_f32(us_bf16_from_f32(NAN))));
    assert_int_equal(us_bf16_from_f32(1.00390625f), 0x3f80); /* ties to even */
    assert_int_equal(us_bf16_from_f32(1.01171875f), 0x3f82);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(dequantization_is_exact),
                                       cmocka_unit_test(rounding_is_the_references),
                                       cmocka_unit_test(rounding_error_is_bounded),
                                       cmocka_unit_test(zeros_stay_zero),
                                       cmocka_unit_test(split_agrees),
                                       cmocka_unit_test(halves_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
