/* The forward pass on tiny models of every architecture and type, against a plain one in double precision written here
 * from the definition: no packing, no blocks, no cache, one position after the other. */
#include "test.h"
#include "base/mem.h"
#include "mktiny.h"
#include "model/gguf.h"
#include "understudy/generate.h"
#include "understudy/model.h"
#include <math.h>

static const int types[] = {US_TYPE_F32,  US_TYPE_F16,  US_TYPE_BF16, US_TYPE_Q4_0,   US_TYPE_Q4_1,
                            US_TYPE_Q5_0, US_TYPE_Q5_1, US_TYPE_Q8_0, US_TYPE_Q2_K,   US_TYPE_Q3_K,
                            US_TYPE_Q4_K, US_TYPE_Q5_K, US_TYPE_Q6_K, US_TYPE_IQ4_NL, US_TYPE_IQ4_XS};
static const char *const archs[] = {"llama", "llama3", "qwen2", "qwen3"};
#define N_TYPES (sizeof types / sizeof *types)
enum { T = 11 };
static const int32_t tokens[T] = {1, 42, 77, 300, 5, 260, 261, 42, 90, 8, 13};
static us_error err;
static char *dir, *path, *lora_path;

/* ---- the definition ------------------------------------------------------------------------------------ */

typedef struct plain {
    us_gguf *g, *lora;
    bool neox;
    int D, F, H, G, E, L, V;
    double base, lora_scale; /* lora_scale: strength times alpha */
} plain;

static int number(const us_gguf *g, const char *arch, const char *name) {
    char key[96];
    int64_t v;
    snprintf(key, sizeof key, "%s.%s", arch, name);
    assert_ok(us_gguf_get_int(g, key, 0, 1 << 20, &v, &err), &err);
    return (int)v;
}

static float *weights(const us_gguf *g, const char *name, int *rows) {
    const us_tensor *t = g ? us_gguf_find_tensor(g, name) : NULL;
    if (!t) return NULL;
    float *w = malloc((size_t)(t->ne[0] * t->ne[1]) * sizeof *w);
    us_dequant_row((us_type)t->type, t->data, w, (size_t)(t->ne[0] * t->ne[1]));
    if (rows) *rows = (int)t->ne[1];
    return w;
}

static void times(const float *w, const double *x, int in, int out, double scale, double *y) {
    for (int o = 0; o < out; o++) {
        double sum = 0;
        for (int i = 0; i < in; i++) sum += (double)w[o * in + i] * x[i];
        y[o] += scale * sum;
    }
}

/* y[T][out] = W x + bias + scale B A x */
static void linear(const plain *p, int layer, const char *module, const double *x, int in, int out, double *y) {
    char name[96];
    int rank = 0;
    snprintf(name, sizeof name, "blk.%d.%s.bias", layer, module);
    float *bias = weights(p->g, name, NULL);
    snprintf(name, sizeof name, "blk.%d.%s.weight", layer, module);
    float *w = weights(p->g, name, NULL);
    snprintf(name, sizeof name, "blk.%d.%s.weight.lora_a", layer, module);
    float *a = weights(p->lora, name, &rank);
    snprintf(name, sizeof name, "blk.%d.%s.weight.lora_b", layer, module);
    float *b = weights(p->lora, name, NULL);
    for (int t = 0; t < T; t++) {
        double low[64] = {0}, *yt = y + t * out;
        for (int o = 0; o < out; o++) yt[o] = bias ? (double)bias[o] : 0;
        times(w, x + t * in, in, out, 1, yt);
        if (!a) continue;
        times(a, x + t * in, in, rank, 1, low);
        times(b, low, rank, out, p->lora_scale / rank, yt);
    }
    free(bias), free(w), free(a), free(b);
}

static void norm(const plain *p, const char *name, const double *x, int n, double *y) {
    float *g = weights(p->g, name, NULL);
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] * x[i];
    for (int i = 0; g && i < n; i++) y[i] = x[i] / sqrt(sum / n + 1e-5) * (double)g[i];
    free(g);
}

static void rotate(const plain *p, double *x, int pos) {
    float *factor = weights(p->g, "rope_freqs.weight", NULL);
    for (int i = 0; i < p->E / 2; i++) {
        double angle = pos * pow(p->base, -2.0 * i / p->E) / (factor ? (double)factor[i] : 1);
        double *a = x + (p->neox ? i : 2 * i), *b = p->neox ? x + i + p->E / 2 : a + 1, u = *a, v = *b;
        *a = u * cos(angle) - v * sin(angle);
        *b = u * sin(angle) + v * cos(angle);
    }
    free(factor);
}

static void heads(const plain *p, int layer, const char *which, double *x, int n) {
    char name[96];
    snprintf(name, sizeof name, "blk.%d.attn_%s_norm.weight", layer, which);
    for (int t = 0; t < T; t++)
        for (int h = 0; h < n; h++) {
            double *xh = x + (t * n + h) * p->E;
            norm(p, name, xh, p->E, xh);
            rotate(p, xh, t);
        }
}

static void attend(const plain *p, const double *q, const double *k, const double *v, double *o) {
    for (int t = 0; t < T; t++)
        for (int h = 0; h < p->H; h++) {
            int g = h / (p->H / p->G);
            double s[T], sum = 0, *oh = o + (t * p->H + h) * p->E;
            for (int j = 0; j <= t; j++) {
                double dot = 0;
                for (int e = 0; e < p->E; e++) dot += q[(t * p->H + h) * p->E + e] * k[(j * p->G + g) * p->E + e];
                sum += s[j] = exp(dot / sqrt(p->E));
            }
            for (int e = 0; e < p->E; e++) {
                oh[e] = 0;
                for (int j = 0; j <= t; j++) oh[e] += s[j] / sum * v[(j * p->G + g) * p->E + e];
            }
        }
}

/* Logits of the last token, [V]; free() them. */
static double *plain_logits(const us_tiny *o, bool with_lora, double strength) {
    const char *arch = !o->arch || !strcmp(o->arch, "llama3") ? "llama" : o->arch;
    plain p = {
        .neox = !strncmp(arch, "qwen", 4),
    };
    char name[96];
    assert_ok(us_gguf_open(path, &p.g, &err), &err);
    if (with_lora) {
        assert_ok(us_gguf_open(lora_path, &p.lora, &err), &err);
        assert_ok(us_gguf_get_float(p.lora, "adapter.lora.alpha", &p.lora_scale, &err), &err);
        p.lora_scale *= strength;
    }
    p.D = number(p.g, arch, "embedding_length"), p.F = number(p.g, arch, "feed_forward_length"),
    p.H = number(p.g, arch, "attention.head_count");
    p.G = number(p.g, arch, "attention.head_count_kv"), p.E = number(p.g, arch, "attention.key_length"),
    p.L = number(p.g, arch, "block_count");
    snprintf(name, sizeof name, "%s.rope.freq_base", arch);
    assert_ok(us_gguf_get_float(p.g, name, &p.base, &err), &err);
    int Q = p.H * p.E, K = p.G * p.E, W = Q + p.D + p.F;
    float *embd = weights(p.g, "token_embd.weight", &p.V), *head = weights(p.g, "output.weight", NULL);
    double *x = calloc((size_t)(T * p.D), 8), *h = calloc((size_t)(T * W), 8), *q = calloc((size_t)(T * W), 8),
           *k = calloc((size_t)(T * K), 8), *v = calloc((size_t)(T * K), 8), *y = calloc((size_t)(T * W), 8),
           *logits = calloc((size_t)p.V, 8);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < p.D; i++) x[t * p.D + i] = (double)embd[tokens[t] * p.D + i];
    for (int l = 0; l < p.L; l++) {
        snprintf(name, sizeof name, "blk.%d.attn_norm.weight", l);
        for (int t = 0; t < T; t++) norm(&p, name, x + t * p.D, p.D, h + t * p.D);
        linear(&p, l, "attn_q", h, p.D, Q, q);
        linear(&p, l, "attn_k", h, p.D, K, k);
        linear(&p, l, "attn_v", h, p.D, K, v);
        heads(&p, l, "q", q, p.H);
        heads(&p, l, "k", k, p.G);
        attend(&p, q, k, v, y);
        linear(&p, l, "attn_output", y, Q, p.D, h);
        for (int i = 0; i < T * p.D; i++) x[i] += h[i];
        snprintf(name, sizeof name, "blk.%d.ffn_norm.weight", l);
        for (int t = 0; t < T; t++) norm(&p, name, x + t * p.D, p.D, h + t * p.D);
        linear(&p, l, "ffn_gate", h, p.D, p.F, q);
        linear(&p, l, "ffn_up", h, p.D, p.F, y);
        for (int i = 0; i < T * p.F; i++) y[i] *= q[i] / (1 + exp(-q[i]));
        linear(&p, l, "ffn_down", y, p.F, p.D, h);
        for (int i = 0; i < T * p.D; i++) x[i] += h[i];
    }
    norm(&p, "output_norm.weight", x + (T - 1) * p.D, p.D, h);
    times(head ? head : embd, h, p.D, p.V, 1, logits);
    free(embd), free(head), free(x), free(h), free(q), free(k), free(v), free(y);
    us_gguf_close(p.g);
    us_gguf_close(p.lora);
    return logits;
}

/* ---- ours ---------------------------------------------------------------------------------------------- */

/* Logits of the last token when the tokens are given `step` at a time. */
static float *our_logits(us_math math, us_kv_type kv, int n_threads, int step, bool with_lora, int *n_vocab) {
    us_model *m;
    us_engine *e;
    us_adapter *lora = NULL;
    int32_t seq;
    assert_ok(us_model_open(path, &(us_model_options){.math = math, .n_threads = n_threads}, &m, &err), &err);
    if (with_lora) assert_ok(us_adapter_open(m, lora_path, false, &lora, &err), &err);
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 128, .n_threads = n_threads, .kv_type = kv}, &e, &err), &err);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    if (lora) us_engine_seq_set_adapter(e, seq, lora, 0.5f);
    for (int t = 0; t < T; t += step) {
        int n = T - t < step ? T - t : step;
        assert_ok(
            us_engine_eval(e, &(us_span){.seq = seq, .tokens = tokens + t, .n_tokens = n, .logits = US_LOGITS_LAST}, 1, &err),
            &err);
    }
    *n_vocab = us_model_get_info(m)->n_vocab;
    float *copy = malloc((size_t)*n_vocab * sizeof *copy);
    memcpy(copy, us_engine_get_logits(e, 0, 0), (size_t)*n_vocab * sizeof *copy);
    us_engine_free(e);
    us_adapter_free(lora);
    us_model_free(m);
    return copy;
}

/* |ours - plain| / |plain| over all logits. */
static double distance(const float *ours, const double *want, int n) {
    double d = 0, all = 0;
    for (int i = 0; i < n; i++) d += ((double)ours[i] - want[i]) * ((double)ours[i] - want[i]), all += want[i] * want[i];
    return all > 0 ? sqrt(d / all) : INFINITY;
}

static void expect(const us_tiny *o, us_math math, us_kv_type kv, int step, bool with_lora, double bound) {
    int n;
    double *want = plain_logits(o, with_lora, 0.5);
    float *got = our_logits(math, kv, 2, step, with_lora, &n);
    double d = distance(got, want, n);
    if (!(d <= bound))
        fail_msg("%s %s math %d kv %d step %d lora %d: distance %g, expected at most %g", o->arch, us_type_name(o->type), math,
                 kv, step, with_lora, d, bound);
    free(want);
    free(got);
}

static void float_path_is_the_definition(void **state) {
    (void)state;
    for (size_t a = 0; a < 4; a++)
        for (size_t i = 0; i < N_TYPES; i++) {
            us_tiny o = {.arch = archs[a], .type = types[i], .seed = 10 * a + i, .untied = (a + i) % 2};
            assert_ok(us_tiny_write(&o, path, &err), &err);
            expect(&o, US_MATH_F32, US_KV_F32, i % 3 ? T : 4, false, 2e-5);
        }
}

static void fast_path_is_near(void **state) {
    (void)state;
    for (size_t a = 0; a < 4; a++)
        for (size_t i = 0; i < N_TYPES; i++) {
            us_tiny o = {.arch = archs[a], .type = types[i], .seed = 10 * a + i, .untied = (a + i) % 2};
            assert_ok(us_tiny_write(&o, path, &err), &err);
            expect(&o, US_MATH_FAST, i % 2 ? US_KV_F16 : US_KV_Q8_0, i % 3 ? T : 1, false, 0.05);
        }
}

static void adapters_are_added(void **state) {
    (void)state;
    for (size_t a = 0; a < 8; a++) {
        us_tiny o = {.arch = archs[a % 4], .type = a / 2 % 2 ? US_TYPE_F16 : US_TYPE_Q8_0, .seed = a, .uneven = a % 2};
        int rank = a < 4 ? 4 : 32; /* with 32, both factors are of Q8_0 where the model is */
        assert_ok(us_tiny_write(&o, path, &err), &err);
        assert_ok(us_tiny_write_adapter(&o, rank, 2 * (float)rank, lora_path, &err), &err);
        expect(&o, US_MATH_F32, US_KV_F32, T, true, 2e-5);
        expect(&o, US_MATH_FAST, US_KV_F16, 1, true, 0.05);
        double *with = plain_logits(&o, true, 1), *without = plain_logits(&o, false, 1), d = 0;
        for (int i = 0; i < 200; i++) d += fabs(with[i] - without[i]);
        assert_true(d > 1); /* it does something */
        free(with);
        free(without);
    }
}

static void threads_change_nothing(void **state) {
    (void)state;
    static const int some[] = {US_TYPE_F32, US_TYPE_Q4_1, US_TYPE_Q6_K};
    for (size_t i = 0; i < 6; i++) {
        us_tiny o = {.type = some[i / 2]};
        bool lora = i % 2; /* a token at a time, through an adapter */
        int n;
        assert_ok(us_tiny_write(&o, path, &err), &err);
        assert_ok(us_tiny_write_adapter(&o, 4, 8, lora_path, &err), &err);
        float *one = our_logits(US_MATH_FAST, US_KV_F16, 1, lora ? 1 : T, lora, &n);
        for (int threads = 2; threads <= 5; threads++) {
            float *more = our_logits(US_MATH_FAST, US_KV_F16, threads, lora ? 1 : T, lora, &n);
            assert_memory_equal(one, more, (size_t)n * sizeof *one);
            free(more);
        }
        free(one);
    }
}

/* Logits of the last of 150 tokens beside another conversation's 100, with so many tokens a pass, through an adapter. */
static float *long_logits(us_math math, int n_threads, int n_batch, bool beside, int *n_vocab) {
    us_model *m;
    us_engine *e;
    us_adapter *lora;
    int32_t ids[150], seq[2];
    for (int i = 0; i < 150; i++) ids[i] = 3 + i * 31 % 200;
    assert_ok(us_model_open(path, &(us_model_options){.math = math, .n_threads = n_threads}, &m, &err), &err);
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 512, .n_threads = n_threads, .n_batch = n_batch, .n_seq_max = 2},
                            &e, &err),
              &err);
    assert_ok(us_adapter_open(m, lora_path, false, &lora, &err), &err);
    for (int i = 0; i < 2; i++) assert_ok(us_engine_seq_new(e, &seq[i], &err), &err);
    for (int i = 0; i < 2; i++) us_engine_seq_set_adapter(e, seq[i], lora, 1.0f / (float)(i + 1));
    us_span spans[2] = {{.seq = seq[1], .tokens = ids + 7, .n_tokens = 100}, {.seq = seq[0], .tokens = ids, .n_tokens = 150}};
    assert_ok(us_engine_eval(e, spans + !beside, 1 + beside, &err), &err);
    *n_vocab = us_model_get_info(m)->n_vocab;
    float *copy = malloc((size_t)*n_vocab * sizeof *copy);
    memcpy(copy, us_engine_get_logits(e, beside, 0), (size_t)*n_vocab * sizeof *copy);
    us_engine_free(e);
    us_adapter_free(lora);
    us_model_free(m);
    return copy;
}

/* Rows of long prompts are computed in blocks where the machine has tiles: neither where a pass ends nor who is in it changes
 * them. */
static void a_prompt_may_be_cut(void **state) {
    (void)state;
    static const int some[] = {US_TYPE_Q4_1, US_TYPE_Q6_K, US_TYPE_F16};
    static const struct {
        int threads, batch;
        bool beside;
    } ways[] = {{2, 512, false}, {3, 64, false}, {1, 50, false},
                {2, 70, true},   {1, 512, true}, {2, 149, false}}; /* the last: one token is left */
    for (size_t i = 0; i < 3; i++) {
        int n;
        us_tiny o = {.arch = "llama", .type = some[i], .head_size = 64};
        assert_ok(us_tiny_write(&o, path, &err), &err);
        assert_ok(us_tiny_write_adapter(&o, 4, 8, lora_path, &err), &err);
        float *exact = long_logits(US_MATH_F32, 2, 512, false, &n), *one = long_logits(US_MATH_FAST, 1, 512, false, &n);
        double want[1024];
        assert_true(n <= 1024);
        for (int k = 0; k < n; k++) want[k] = (double)exact[k];
        assert_true(distance(one, want, n) < 0.05);
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++) {
            float *other = long_logits(US_MATH_FAST, ways[k].threads, ways[k].batch, ways[k].beside, &n);
            assert_memory_equal(one, other, (size_t)n * sizeof *one);
            free(other);
        }
        free(exact);
        free(one);
    }
}

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    return !dir || asprintf(&path, "%s/m.gguf", dir) < 0 || asprintf(&lora_path, "%s/a.gguf", dir) < 0;
}

static int teardown(void **state) {
    (void)state;
    us_tiny_remove(dir);
    free(path);
    free(lora_path);
    return 0;
}

/* A model that was never trained knows no language; the plain guess is the entropy of the characters. */
static void a_random_model_knows_no_language(void **state) {
    (void)state;
    us_tiny o = {.arch = "llama", .type = US_TYPE_Q8_0, .seed = 5, .n_ctx = 512};
    us_model *m;
    us_fluency f;
    const char *letters[200], *few[] = {"abab"}, *words[200];
    for (int i = 0; i < 200; i++) letters[i] = i % 2 ? "абабабабабабаб" : "babababa", words[i] = "我你他她它们这那哪谁";
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.n_threads = 1}, &m, &err), &err);
    assert_ok(us_fluency_measure(m, few, 1, 1, &f, &err), &err);
    assert_int_equal(f.n_tokens, 0); /* too little to say anything */
    assert_false(f.hardly);
    assert_ok(us_fluency_measure(m, letters, 200, 1, &f, &err), &err);
    double a = 14.0 / 22 / 2, b = 8.0 / 22 / 2; /* two letters of each alphabet */
    assert_float_equal(f.plain_nats, -2 * a * log(a) - 2 * b * log(b), 1e-6);
    assert_true(f.n_tokens >= 160 && f.hardly && f.limit < 0.5);
    assert_ok(us_fluency_measure(m, words, 200, 1, &f, &err), &err);
    assert_float_equal(f.plain_nats, log(10), 1e-6);
    us_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_path_is_the_definition), cmocka_unit_test(fast_path_is_near),
        cmocka_unit_test(adapters_are_added),           cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(a_prompt_may_be_cut),          cmocka_unit_test(a_random_model_knows_no_language)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
