/* Packed attention against a plain float64 one, and its gradients against central differences. */
#include "test.h"
#include "base/rng.h"
#include "ops/packed_attention.h"
#include <math.h>

enum { T = 90, P = 7, H = 4, G = 2, E = 16, Q = H * E, KV = G * E };
static us_heads heads;
static int32_t window[T], pos[T];
static const us_segment segments[] = {{7, 50}, {50, 53}, {53, 90}};
static const us_packing packing = {
    .n_rows = T, .n_prefix = P, .window = window, .segments = segments, .n_segments = 3, .pos = pos};
/* Plain; with a sliding window that ends within the prefix, a scale and a cap. */
static const us_heads kinds[] = {{H, G, E},
                                 {.n_heads = H, .n_kv_heads = G, .head_size = E, .scale = 0.4f, .cap = 1.5f, .window = 9}};

static void make_windows(void) {
    for (int s = 0; s < 3; s++)
        for (int32_t t = segments[s].begin; t < segments[s].end; t++) {
            int32_t w = t / 5 * 5 - 15;
            window[t] = w < segments[s].begin ? segments[s].begin : w;
            pos[t] = P + t - segments[s].begin;
        }
    for (int t = 0; t < P; t++) pos[t] = t;
}

static bool sees(int t, int c) {
    if (c > t || (heads.window && pos[t] - pos[c] >= heads.window)) return false;
    return t < P || c < P || c >= window[t];
}

/* sum over outputs of weight * o, in float64 */
static double reference(const float *q, const float *k, const float *v, const float *weight, float *o) {
    double sum = 0;
    for (int t = 0; t < T; t++)
        for (int h = 0; h < H; h++) {
            double p[T], max = -INFINITY, l = 0;
            int g = h / (H / G);
            for (int c = 0; c <= t; c++) {
                p[c] = -INFINITY;
                if (!sees(t, c)) continue;
                p[c] = 0;
                for (int e = 0; e < E; e++) p[c] += (double)q[t * Q + h * E + e] * k[c * KV + g * E + e];
                p[c] *= heads.scale > 0 ? (double)heads.scale : 1 / sqrt(E);
                if (heads.cap > 0) p[c] = (double)heads.cap * tanh(p[c] / (double)heads.cap);
                if (p[c] > max) max = p[c];
            }
            for (int c = 0; c <= t; c++) l += p[c] = exp(p[c] - max);
            for (int e = 0; e < E; e++) {
                double y = 0;
                for (int c = 0; c <= t; c++) y += p[c] / l * v[c * KV + g * E + e];
                if (o) o[t * Q + h * E + e] = (float)y;
                sum += y * weight[t * Q + h * E + e];
            }
        }
    return sum;
}

typedef struct arrays {
    float q[T * Q], k[T * KV], v[T * KV], o[T * Q], want[T * Q], d_o[T * Q], d_q[T * Q], d_k[T * KV], d_v[T * KV];
} arrays;

static void fill(float *x, size_t n, us_rng *r) {
    for (size_t i = 0; i < n; i++) x[i] = us_rng_normal(r);
}

static arrays *compute(int n_threads) {
    us_error err;
    us_pool *pool;
    arrays *a = calloc(1, sizeof *a);
    us_rng r;
    us_rng_seed(&r, 5);
    make_windows();
    fill(a->q, T * Q, &r);
    fill(a->k, T * KV, &r);
    fill(a->v, T * KV, &r);
    fill(a->d_o, T * Q, &r);
    assert_ok(us_pool_new(n_threads, &pool, &err), &err);
    float *scratch = malloc(us_packed_attention_scratch(&packing, heads) * (size_t)n_threads * sizeof(float));
    float *shared = malloc(us_packed_attention_shared(&packing, heads) * sizeof(float));
    us_packed_rows rows = {a->q, a->k, a->v, a->o, a->d_o, a->d_q, a->d_k, a->d_v, scratch, shared};
    us_packed_attention(pool, &packing, heads, &rows);
    us_packed_attention_back(pool, &packing, heads, &rows);
    us_pool_free(pool);
    free(scratch);
    free(shared);
    return a;
}

static void forward_is_the_reference(void **state) {
    heads = *(const us_heads *)*state;
    arrays *a = compute(2);
    reference(a->q, a->k, a->v, a->d_o, a->want);
    for (int i = 0; i < T * Q; i++) assert_true(fabsf(a->o[i] - a->want[i]) < 1e-5f);
    free(a);
}

static void check(arrays *a, float *x, const float *d, size_t n) {
    for (size_t i = 0; i < n; i += 13) {
        float keep = x[i], h = 1e-2f;
        x[i] = keep + h;
        double up = reference(a->q, a->k, a->v, a->d_o, NULL);
        x[i] = keep - h;
        double down = reference(a->q, a->k, a->v, a->d_o, NULL);
        x[i] = keep;
        double want = (up - down) / (2 * (double)h);
        if (fabs(want - (double)d[i]) > 2e-3 * (1 + fabs(want)))
            fail_msg("element %zu: central difference %g, gradient %g", i, want, (double)d[i]);
    }
}

static void gradients_are_central_differences(void **state) {
    heads = *(const us_heads *)*state;
    arrays *a = compute(1);
    check(a, a->q, a->d_q, T * Q);
    check(a, a->k, a->d_k, T * KV);
    check(a, a->v, a->d_v, T * KV);
    free(a);
}

static void threads_do_not_matter(void **state) {
    heads = *(const us_heads *)*state;
    arrays *one = compute(1), *three = compute(3);
    assert_memory_equal(one, three, offsetof(arrays, want));
    assert_memory_equal(one->d_q, three->d_q, sizeof one->d_q + sizeof one->d_k + sizeof one->d_v);
    free(one);
    free(three);
}

int main(void) {
#define BOTH(f) \
    cmocka_unit_test_prestate(f, (void *)(uintptr_t)&kinds[0]), cmocka_unit_test_prestate(f, (void *)(uintptr_t)&kinds[1])
    const struct CMUnitTest tests[] = {BOTH(forward_is_the_reference), BOTH(gradients_are_central_differences),
                                       BOTH(threads_do_not_matter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
