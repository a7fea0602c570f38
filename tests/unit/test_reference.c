/* The default model. Its float32 path is held to transformers' logits (shared/reference; skipped without them), the path that
 * serves to the float32 path, for the level of US_CPU: CTest runs this once for each level that the machine has.
 *
 * "Held to" means the Kullback-Leibler divergence KL(float32 || fast) of the next token's distribution, in nats, over at least
 * 2,000 positions of a text. One token's rank on one prompt says little: near ties turn with any change of a sum's order. */
#include "test.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "shared.h"
#include "understudy/generate.h"
#include "understudy/tokenizer.h"
#include <jansson.h>
#include <math.h>

static us_error err;

static us_model *open_model(us_math math) {
    us_model *m = NULL;
    char *path = default_model();
    if (!path) return NULL;
    assert_ok(us_model_open(path, &(us_model_options){.math = math}, &m, &err), &err);
    free(path);
    return m;
}

static int32_t argmax(const float *x, int32_t n) {
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}

/* ---- the float32 path against transformers ------------------------------------------------------------------- */

/* One prompt: the ten first logits, and 40 greedy tokens. */
static void run_prompt(us_engine *e, json_t *p) {
    int32_t seq, ids[1024], n = (int32_t)json_array_size(json_object_get(p, "ids")),
                            v = us_model_get_info(us_engine_get_model(e))->n_vocab;
    json_t *top = json_object_get(p, "top10"), *greedy = json_object_get(p, "greedy40"), *row;
    size_t k;
    for (int32_t i = 0; i < n; i++) ids[i] = (int32_t)json_integer_value(json_array_get(json_object_get(p, "ids"), (size_t)i));
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    assert_ok(us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = n}, 1, &err), &err);
    const float *logits = us_engine_get_logits(e, 0, 0);
    json_array_foreach(top, k, row) {
        double got = (double)logits[json_integer_value(json_object_get(row, "id"))];
        assert_true(fabs(got - json_number_value(json_object_get(row, "logit"))) <= 1e-3);
    }
    json_array_foreach(greedy, k, row) {
        int32_t id = argmax(us_engine_get_logits(e, 0, 0), v);
        assert_int_equal(id, json_integer_value(row));
        assert_ok(us_engine_eval(e, &(us_span){.seq = seq, .tokens = &id, .n_tokens = 1}, 1, &err), &err);
    }
    us_engine_seq_free(e, seq);
}

static void float32_path_is_the_reference(void **state) {
    (void)state;
    char *path = shared_file("reference/transformers_f32.json");
    us_model *m = path ? open_model(US_MATH_F32) : NULL;
    if (!m) skip();
    us_engine *e;
    assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = 2, .n_ctx = 512}, &e, &err), &err);
    json_t *ref = json_load_file(path, 0, NULL), *prompts = json_object_get(ref, "prompts"), *p;
    size_t i;
    assert_true(json_array_size(prompts) == 3);
    json_array_foreach(prompts, i, p) run_prompt(e, p);
    json_decref(ref);
    us_engine_free(e);
    us_model_free(m);
    free(path);
}

/* ---- the fast path against the float32 path ------------------------------------------------------------------- */

/* Where the bounds come from. The fast path differs from the float32 path by the rounding of what linear layers take to 8 bits
 * in blocks of 32 (an error of at most max|x| / 254), and by keys and values in halves; sums of integers are exact, and the
 * order of the others moves a logit by 1e-5. That rounding alone, put into an otherwise float32 pass, gives over this text a
 * mean of 0.0032 nats (the inputs of Q, K, V 0.0009, of O 0.0001, of gate and up 0.0008, of down 0.0006, of the head 0.0007:
 * errors of small independent parts add), 0.0155 at the 99th percentile, and the same first choice at 96.4%. Each bound is that
 * figure and three standard errors of its estimate from 2,048 positions. llama.cpp's figures on the same file, tokens and
 * windows are in docs/performance.md (bench/llama/peer.py kl). */
#define MAX_MEAN 0.0035
#define MAX_P99 0.020
#define MIN_SAME 0.952
enum { WINDOW = 512, N_WINDOWS = 4, PIECE = 128, N_SEQS = 16, N_STEPS = 128 };

typedef struct closeness {
    double kl[N_WINDOWS * WINDOW], nats, nats_exact; /* nats: of the text's next tokens */
    int n, same_first;
} closeness;

static double log_sum_exp(const float *x, int32_t n, double max) {
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += exp((double)x[i] - max);
    return max + log(sum);
}

static void compare(closeness *c, const float *exact, const float *fast, int32_t n, int32_t next) {
    int32_t a = argmax(exact, n), b = argmax(fast, n);
    double za = log_sum_exp(exact, n, (double)exact[a]), zb = log_sum_exp(fast, n, (double)fast[b]), kl = 0;
    for (int32_t i = 0; i < n; i++) {
        double la = (double)exact[i] - za;
        if (la > -40) kl += exp(la) * (la - ((double)fast[i] - zb));
    }
    c->kl[c->n++] = kl;
    c->same_first += a == b;
    if (next >= 0) c->nats_exact += za - (double)exact[next], c->nats += zb - (double)fast[next];
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void judge(const char *what, closeness *c, double max_mean, double max_p99, double min_same) {
    double mean = 0, same = (double)c->same_first / c->n;
    for (int i = 0; i < c->n; i++) mean += c->kl[i] / c->n;
    qsort(c->kl, (size_t)c->n, sizeof *c->kl, ascending);
    double p99 = c->kl[c->n * 99 / 100];
    printf("# %s, %s: %d positions, KL %.6f nats in the mean, %.5f at the 99th percentile, first choice the same at %.2f%%, "
           "perplexity %.4f for %.4f\n",
           us_kern_get()->name, what, c->n, mean, p99, 100 * same, exp(c->nats / c->n), exp(c->nats_exact / c->n));
    assert_true(c->n >= 2000);
    assert_true(mean >= -1e-9 && mean <= max_mean);
    assert_true(p99 <= max_p99);
    assert_true(same >= min_same);
}

typedef struct pair {
    us_model *exact_model, *fast_model;
    us_engine *exact, *fast;
    us_tokens text;
    closeness c;
} pair;

static int setup(void **state) {
    pair *p = calloc(1, sizeof *p);
    char *text;
    size_t n;
    us_engine_options o = {.n_threads = 2, .n_ctx = 4096, .n_batch = PIECE};
    *state = p;
    p->exact_model = open_model(US_MATH_F32);
    p->fast_model = open_model(US_MATH_FAST);
    assert_ok(us_engine_new(p->exact_model, &o, &p->exact, &err), &err);
    assert_ok(us_engine_new(p->fast_model, &o, &p->fast, &err), &err);
    assert_ok(us_file_read(US_SOURCE_DIR "/tests/data/text/ruth_jonah.txt", 1 << 20, &text, &n, &err), &err);
    assert_ok(us_tokenizer_encode(us_model_get_tokenizer(p->exact_model), text, n, false, &p->text, &err), &err);
    assert_true(p->text.n > N_WINDOWS * WINDOW);
    free(text);
    return 0;
}

static int teardown(void **state) {
    pair *p = *state;
    us_engine_free(p->exact);
    us_engine_free(p->fast);
    us_model_free(p->exact_model);
    us_model_free(p->fast_model);
    us_tokens_fini(&p->text);
    free(p);
    return 0;
}

static void prompts_are_close(void **state) {
    pair *p = *state;
    int32_t v = us_model_get_info(p->exact_model)->n_vocab, a, b;
    p->c = (closeness){.n = 0};
    for (int w = 0; w < N_WINDOWS; w++) {
        const int32_t *ids = p->text.ids + w * WINDOW;
        assert_ok(us_engine_seq_new(p->exact, &a, &err), &err);
        assert_ok(us_engine_seq_new(p->fast, &b, &err), &err);
        for (int at = 0; at < WINDOW; at += PIECE) {
            us_span s = {.seq = a, .tokens = ids + at, .n_tokens = PIECE, .logits = US_LOGITS_ALL};
            assert_ok(us_engine_eval(p->exact, &s, 1, &err), &err);
            s.seq = b;
            assert_ok(us_engine_eval(p->fast, &s, 1, &err), &err);
            for (int i = 0; i < PIECE; i++)
                compare(&p->c, us_engine_get_logits(p->exact, 0, i), us_engine_get_logits(p->fast, 0, i), v, ids[at + i + 1]);
        }
        us_engine_seq_free(p->exact, a);
        us_engine_seq_free(p->fast, b);
    }
    judge("read", &p->c, MAX_MEAN, MAX_P99, MIN_SAME);
}

/* Where a level has tiles for prompts, drawn tokens have other kernels: sequences of the text grow by a token at a time. */
static void replies_are_close(void **state) {
    pair *p = *state;
    if (!us_kern_get()->matmul_bf16) skip();
    int32_t v = us_model_get_info(p->exact_model)->n_vocab, a[N_SEQS], b[N_SEQS];
    us_span s[N_SEQS];
    p->c = (closeness){.n = 0};
    for (int i = 0; i < N_SEQS; i++) {
        assert_ok(us_engine_seq_new(p->exact, &a[i], &err), &err);
        assert_ok(us_engine_seq_new(p->fast, &b[i], &err), &err);
    }
    for (int step = 0; step < N_STEPS; step++) {
        const int32_t *ids = p->text.ids + step;
        for (int i = 0; i < N_SEQS; i++) s[i] = (us_span){.seq = a[i], .tokens = ids + i * N_STEPS, .n_tokens = 1};
        assert_ok(us_engine_eval(p->exact, s, N_SEQS, &err), &err);
        for (int i = 0; i < N_SEQS; i++) s[i].seq = b[i];
        assert_ok(us_engine_eval(p->fast, s, N_SEQS, &err), &err);
        for (int i = 0; i < N_SEQS; i++)
            compare(&p->c, us_engine_get_logits(p->exact, i, 0), us_engine_get_logits(p->fast, i, 0), v, ids[i * N_STEPS + 1]);
    }
    judge("drawn", &p->c, MAX_MEAN, MAX_P99, MIN_SAME);
}

int main(void) {
    char *model = default_model();
    if (!model) return 77; /* skipped, and CTest says so */
    free(model);
    const char *level = getenv("US_CPU");
    if (level && strcmp(us_kern_get()->name, level)) {
        printf("# skipped: this machine has no %s\n", level);
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(float32_path_is_the_reference), cmocka_unit_test(prompts_are_close),
                                       cmocka_unit_test(replies_are_close)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
