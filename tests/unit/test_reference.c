/* The default model against two independent stacks (shared/reference; skipped without it): logits, greedy tokens and
 * perplexity of the float32 path and of the fast one; and the same bytes for any number of threads. */
#include "test.h"
#include "kern/kern.h"
#include "model/tokenizer.h"
#include "shared.h"
#include "understudy/generate.h"
#include "understudy/tokenizer.h"
#include <jansson.h>
#include <math.h>

static us_model *open_model(us_math math) {
    us_error err;
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

static int overlap_of_top10(const float *logits, int32_t n, json_t *top) {
    int hits = 0;
    for (size_t k = 0; k < 10; k++) {
        int32_t id = (int32_t)json_integer_value(json_object_get(json_array_get(top, k), "id")), above = 0;
        for (int32_t i = 0; i < n; i++) above += logits[i] > logits[id];
        hits += above < 10;
    }
    return hits;
}

static double worst_logit(const float *logits, json_t *top) {
    double worst = 0;
    for (size_t k = 0; k < 10; k++) {
        json_t *row = json_array_get(top, k);
        worst = fmax(worst, fabs((double)logits[json_integer_value(json_object_get(row, "id"))] - json_number_value(json_object_get(row, "logit"))));
    }
    return worst;
}

/* One prompt: logits, overlap and how many greedy tokens agree. */
static void run_prompt(us_engine *e, json_t *p, double *worst, int *overlap, int *agree) {
    us_error err;
    int32_t seq, ids[1024], n = (int32_t)json_array_size(json_object_get(p, "ids")), v = us_model_get_info(us_engine_get_model(e))->n_vocab;
    for (int32_t i = 0; i < n; i++) ids[i] = (int32_t)json_integer_value(json_array_get(json_object_get(p, "ids"), (size_t)i));
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    assert_ok(us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = n}, 1, &err), &err);
    const float *logits = us_engine_get_logits(e, 0, 0);
    *worst = worst_logit(logits, json_object_get(p, "top10"));
    *overlap = overlap_of_top10(logits, v, json_object_get(p, "top10"));
    json_t *greedy = json_object_get(p, "greedy40");
    for (*agree = 0; *agree < (int)json_array_size(greedy); ++*agree) {
        int32_t id = argmax(us_engine_get_logits(e, 0, 0), v);
        if (id != json_integer_value(json_array_get(greedy, (size_t)*agree))) break;
        assert_ok(us_engine_eval(e, &(us_span){.seq = seq, .tokens = &id, .n_tokens = 1}, 1, &err), &err);
    }
    us_engine_seq_free(e, seq);
}

/* The prompt's text becomes the reference's ids. */
static void same_ids(const us_model *m, json_t *p) {
    us_error err;
    us_tokens got = {0};
    json_t *text = json_object_get(p, "text"), *want = json_object_get(p, "ids");
    assert_ok(us_tokenizer_encode(us_model_get_tokenizer(m), json_string_value(text), json_string_length(text), true, &got, &err), &err);
    assert_int_equal(got.n, json_array_size(want));
    for (size_t i = 0; i < got.n; i++) assert_int_equal(got.ids[i], json_integer_value(json_array_get(want, i)));
    us_tokens_fini(&got);
}

static void all_prompts(us_math math, double max_logit, int min_overlap, int min_agree) {
    char *path = shared_file("reference/transformers_f32.json");
    us_model *m = path ? open_model(math) : NULL;
    if (!m) skip();
    us_error err;
    us_engine *e;
    assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = 2, .n_ctx = 512, .kv_type = math == US_MATH_F32 ? US_KV_F32 : US_KV_F16}, &e, &err), &err);
    json_t *ref = json_load_file(path, 0, NULL), *prompts = json_object_get(ref, "prompts"), *p;
    size_t i;
    assert_true(json_array_size(prompts) == 3);
    json_array_foreach(prompts, i, p) {
        double worst;
        int overlap, agree;
        same_ids(m, p);
        run_prompt(e, p, &worst, &overlap, &agree);
        printf("# prompt %zu: logits within %.2g, top-10 overlap %d, greedy agrees for %d\n", i, worst, overlap, agree);
        assert_true(worst <= max_logit);
        assert_true(overlap >= min_overlap);
        assert_true(agree >= min_agree);
    }
    json_decref(ref);
    us_engine_free(e);
    us_model_free(m);
    free(path);
}

static void float32_path_is_the_reference(void **state) {
    (void)state;
    all_prompts(US_MATH_F32, 1e-3, 10, 40);
}
static void fast_path_is_close(void **state) {
    (void)state;
    all_prompts(US_MATH_FAST, 0.6, 9, 0);
}

/* The rule of the reference: consecutive windows of 512 ids, each from an empty context, 511 positions scored. */
static double perplexity(us_math math, us_kv_type kv) {
    enum { WINDOW = 512 };
    char *path = shared_file("reference/ppl.txt"), *text;
    us_model *m = path ? open_model(math) : NULL;
    if (!m) skip();
    us_error err;
    us_engine *e;
    us_tokens ids = {0};
    float logprobs[WINDOW], *out = logprobs;
    size_t n, windows;
    int32_t seq;
    double sum = 0;
    assert_ok(us_file_read(path, 1 << 20, &text, &n, &err), &err);
    assert_ok(us_tokenizer_encode(us_model_get_tokenizer(m), text, n, false, &ids, &err), &err);
    assert_int_equal(ids.n, 5020);
    windows = ids.n / WINDOW;
    assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = 2, .n_ctx = WINDOW, .kv_type = kv}, &e, &err), &err);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    for (size_t w = 0; w < windows; w++) {
        us_engine_seq_truncate(e, seq, 0);
        assert_ok(us_engine_score(e, &(us_span){.seq = seq, .tokens = ids.ids + w * WINDOW, .n_tokens = WINDOW}, 1, &out, &err), &err);
        for (size_t i = 1; i < WINDOW; i++) sum -= (double)logprobs[i];
    }
    us_engine_free(e);
    us_model_free(m);
    us_tokens_fini(&ids);
    free(text);
    free(path);
    double ppl = exp(sum / (double)(windows * (WINDOW - 1)));
    printf("# perplexity %.6f\n", ppl);
    return ppl;
}

#define PERPLEXITY 18.369141 /* both stacks, float32 */

static void float32_perplexity_is_the_reference(void **state) {
    (void)state;
    assert_true(fabs(perplexity(US_MATH_F32, US_KV_F32) - PERPLEXITY) < 5e-4);
}
static void fast_perplexity_is_close(void **state) {
    (void)state;
    assert_true(fabs(perplexity(US_MATH_FAST, US_KV_F16) / PERPLEXITY - 1) < 0.005);
}

/* A prompt in two pieces, then four sequences forked from it decode as one batch: every logit, for 1, 2 and 3 threads. */
static void threads_change_nothing(void **state) {
    (void)state;
    us_error err;
    us_model *m = open_model(US_MATH_FAST);
    if (!m) skip();
    size_t v = (size_t)us_model_get_info(m)->n_vocab;
    float *first = calloc(4 * v, sizeof *first);
    int32_t prompt[150];
    for (int32_t i = 0; i < 150; i++) prompt[i] = (i * 7919 + 13) % (int32_t)v;
    for (int threads = 1; threads <= 3; threads++) {
        us_engine *e;
        int32_t seq[4];
        us_span spans[4];
        assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = threads, .n_ctx = 1024}, &e, &err), &err);
        assert_ok(us_engine_seq_new(e, &seq[0], &err), &err);
        assert_ok(us_engine_eval(e, &(us_span){.seq = seq[0], .tokens = prompt, .n_tokens = 61}, 1, &err), &err);
        assert_ok(us_engine_eval(e, &(us_span){.seq = seq[0], .tokens = prompt + 61, .n_tokens = 89}, 1, &err), &err);
        for (int i = 1; i < 4; i++) assert_ok(us_engine_seq_fork(e, seq[0], 150, &seq[i], &err), &err);
        for (int step = 0; step < 5; step++) {
            for (int i = 0; i < 4; i++) spans[i] = (us_span){.seq = seq[i], .tokens = &prompt[i * 10 + step], .n_tokens = 1};
            assert_ok(us_engine_eval(e, spans, 4, &err), &err);
        }
        for (size_t i = 0; i < 4; i++) {
            const float *logits = us_engine_get_logits(e, (int32_t)i, 0);
            if (threads == 1) memcpy(first + i * v, logits, v * sizeof *first);
            else assert_memory_equal(first + i * v, logits, v * sizeof *first);
        }
        us_engine_free(e);
    }
    free(first);
    us_model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(float32_path_is_the_reference), cmocka_unit_test(fast_path_is_close),
                                       cmocka_unit_test(float32_perplexity_is_the_reference), cmocka_unit_test(fast_perplexity_is_close),
                                       cmocka_unit_test(threads_change_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
