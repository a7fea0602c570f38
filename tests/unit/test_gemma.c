/* The real Gemma 3 270M (tests/get_gemma.sh fetches it; skipped without it) against transformers, whose numbers
 * tests/parity/gemma.py recorded: token ids, float32 logits on both sides of the window of 512, the loss. Then the fast path's
 * loss, and that a LoRA learns over it. */
#include "test.h"
#include "model/model.h"
#include "shared.h"
#include "train/adamw.h"
#include "train/tape.h"
#include "understudy/generate.h"
#include <jansson.h>
#include <math.h>

enum { MOST = 1024 };
static us_error err;
static json_t *ref;
static int32_t tokens[MOST], n_tokens;

static char *gemma(void) {
    char *dir = us_xdg_dir("DATA"), *path = dir ? us_path_join(dir, "models/gemma-3-270m-q4_k_m.gguf") : NULL;
    free(dir);
    if (path && us_file_exists(path)) return path;
    printf("# skipped: no Gemma 3 270M (tests/get_gemma.sh fetches it)\n");
    free(path);
    return NULL;
}

static us_model *open_gemma(us_math math) {
    us_model *m;
    char *path = gemma();
    assert_ok(us_model_open(path, &(us_model_options){.math = math}, &m, &err), &err);
    free(path);
    return m;
}

static void ids_equal_the_reference(void **state) {
    (void)state;
    us_model *m = open_gemma(US_MATH_FAST);
    json_t *all = json_object_get(ref, "texts"), *row;
    size_t i;
    json_array_foreach(all, i, row) {
        json_t *text = json_array_get(row, 0), *want = json_array_get(row, 1);
        us_tokens got = {0};
        assert_ok(us_tokenizer_encode(us_model_get_tokenizer(m), json_string_value(text), json_string_length(text), false, &got,
                                      &err),
                  &err);
        bool same = got.n == json_array_size(want);
        for (size_t k = 0; k < got.n && same; k++) same = got.ids[k] == json_integer_value(json_array_get(want, k));
        if (!same) fail_msg("'%s' gives other tokens", json_string_value(text));
        us_tokens_fini(&got);
    }
    assert_true(json_array_size(all) >= 5);
    us_model_free(m);
}

/* Logits [n, V] up to each recorded position are held against it; returns the mean loss. */
static double run(us_math math, double bound, double *worst) {
    us_model *m = open_gemma(math);
    us_engine *e;
    int32_t seq;
    double sum = 0;
    float *nats = malloc(sizeof *nats * MOST);
    json_t *top = json_object_get(ref, "top"), *row;
    size_t i;
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 2 * MOST, .n_batch = 256}, &e, &err), &err);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    json_array_foreach(top, i, row) {
        int32_t at = (int32_t)json_integer_value(json_object_get(row, "at"));
        json_t *ids = json_object_get(row, "ids"), *logits = json_object_get(row, "logits");
        assert_ok(us_engine_seq_set_tokens(e, seq, tokens, at + 1, NULL, &err), &err);
        const float *got = us_engine_get_logits(e, 0, 0);
        for (size_t k = 0; k < 10; k++) {
            double d =
                fabs((double)got[json_integer_value(json_array_get(ids, k))] - json_number_value(json_array_get(logits, k)));
            if (d > *worst) *worst = d;
            if (!(d <= bound)) fail_msg("position %d, choice %zu: logit off by %g", at, k, d);
        }
    }
    us_engine_seq_free(e, seq);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    assert_ok(us_engine_score(e, &(us_span){.seq = seq, .tokens = tokens, .n_tokens = n_tokens}, 1, &nats, &err), &err);
    for (int32_t k = 1; k < n_tokens; k++) sum -= (double)nats[k];
    us_engine_free(e);
    us_model_free(m);
    free(nats);
    return sum / (n_tokens - 1);
}

static void logits_equal_the_reference(void **state) {
    (void)state;
    double want = json_number_value(json_object_get(ref, "nats")), worst[2] = {0}, exact = run(US_MATH_F32, 2e-3, &worst[0]),
           fast = run(US_MATH_FAST, 4, &worst[1]);
    printf("# nats a token: transformers %.6f, float32 %.6f (logits within %.2g), fast %.6f (%.2g)\n", want, exact, worst[0],
           fast, worst[1]);
    assert_true(fabs(exact - want) < 1e-4);
    assert_true(fabs(fast - want) < 0.02);
}

static void a_lora_learns(void **state) {
    (void)state;
    enum { T = 96, RANK = 8 };
    us_model *m = open_gemma(US_MATH_FAST);
    us_pool *pool;
    us_lora l;
    us_tape *t;
    static int32_t pos[T], window[T], rows[T], ids[T];
    static const us_segment segments[1] = {{0, T}};
    size_t dims[US_N_MODULES][2];
    for (int k = 0; k < US_N_MODULES; k++) us_net_dims(&m->net, (us_module)k, &dims[k][0], &dims[k][1]);
    for (int i = 0; i < T; i++) pos[i] = rows[i] = i, ids[i] = tokens[i + 1];
    us_train_batch b = {{.n_rows = T, .window = window, .segments = segments, .n_segments = 1}, tokens, pos, rows, ids, T};
    us_tape_options o = {.max_rows = T, .max_targets = T, .max_segments = 1, .max_segment = T, .train = true};
    assert_ok(us_pool_new(2, &pool, &err), &err);
    assert_ok(us_lora_init(&l, m->net.n_layers, 0, (const size_t(*)[2])dims, RANK, 16, false, 0x7f, 1, &err), &err);
    assert_ok(us_tape_new(&m->net, &l, &o, pool, &t, &err), &err);
    float *grad = calloc(l.n_params, 4), *mo = calloc(l.n_params, 4), *v = calloc(l.n_params, 4);
    us_adamw opt = {2e-3f, 0.9f, 0.999f, 1e-8f, 0};
    double first = 0, last = 0;
    for (int step = 0; step < 6; step++) {
        memset(grad, 0, l.n_params * 4);
        last = us_tape_loss_and_grad(t, &b, 1.0f / T, 0, grad) / T;
        if (!step) first = last;
        us_adamw_step(&opt, step + 1, grad, l.params, mo, v, l.n_params);
        l.revision++;
    }
    printf("# loss %.4f, after five steps %.4f\n", first, last);
    assert_true(last < first - 0.5);
    us_tape_free(t);
    us_pool_free(pool);
    us_lora_fini(&l);
    us_model_free(m);
    free(grad), free(mo), free(v);
}

int main(void) {
    char *path = gemma();
    if (!path) return 77;
    free(path);
    ref = json_load_file(US_SOURCE_DIR "/tests/data/gemma3_270m.json", 0, NULL);
    if (!ref) return 1;
    json_t *ids = json_object_get(ref, "ids");
    for (size_t i = 0; i < json_array_size(ids) && i < MOST; i++)
        tokens[n_tokens++] = (int32_t)json_integer_value(json_array_get(ids, i));
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids_equal_the_reference), cmocka_unit_test(logits_equal_the_reference),
                                       cmocka_unit_test(a_lora_learns)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    json_decref(ref);
    return rc;
}
