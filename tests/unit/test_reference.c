/* The default model against two independent stacks (shared/reference; skipped without it): the float32 path. */
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
        worst = fmax(worst, fabs((double)logits[json_integer_value(json_object_get(row, "id"))] -
                                 json_number_value(json_object_get(row, "logit"))));
    }
    return worst;
}

/* One prompt: logits, overlap and how many greedy tokens agree. */
static void run_prompt(us_engine *e, json_t *p, double *worst, int *overlap, int *agree) {
    us_error err;
    int32_t seq, ids[1024], n = (int32_t)json_array_size(json_object_get(p, "ids")),
                            v = us_model_get_info(us_engine_get_model(e))->n_vocab;
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

static void all_prompts(us_math math, double max_logit, int min_overlap, int min_agree) {
    char *path = shared_file("reference/transformers_f32.json");
    us_model *m = path ? open_model(math) : NULL;
    if (!m) skip();
    us_error err;
    us_engine *e;
    assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = 2, .n_ctx = 512}, &e, &err), &err);
    json_t *ref = json_load_file(path, 0, NULL), *prompts = json_object_get(ref, "prompts"), *p;
    size_t i;
    assert_true(json_array_size(prompts) == 3);
    json_array_foreach(prompts, i, p) {
        double worst;
        int overlap, agree;
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

int main(void) {
    if (!have_shared("reference/transformers_f32.json")) return 77; /* skipped, and CTest says so */
    const struct CMUnitTest tests[] = {cmocka_unit_test(float32_path_is_the_reference), cmocka_unit_test(fast_path_is_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
