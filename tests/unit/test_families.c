/* Every architecture on tiny random models against transformers, whose numbers tests/parity/families.py recorded in
 * tests/data/families.json: logits, the loss, the gradients of LoRA factors; the same adapter written, read and run. Then what
 * the record cannot say: gradients are central differences of the loss, the fast path is near, one token at a time gives the
 * same. */
#include "test.h"
#include "base/file.h"
#include "mktiny.h"
#include "model/factors.h"
#include "train/tape.h"
#include "understudy/generate.h"
#include <jansson.h>
#include <math.h>

enum { T = 24, RANK = 4 };
static us_error err;
static char *dir, *path, *lora_path;
static json_t *families;
static int32_t tokens[T];

static us_tiny options_of(json_t *f) {
    return (us_tiny){.arch = json_string_value(json_object_get(f, "arch")),
                     .head_size = (int)json_integer_value(json_object_get(f, "head_size")),
                     .untied = json_object_get(f, "untied") != NULL,
                     .seed = (uint64_t)json_integer_value(json_object_get(f, "seed"))};
}

static us_model *open_family(json_t *f, us_math math) {
    us_model *m;
    us_tiny o = options_of(f);
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.math = math}, &m, &err), &err);
    for (size_t i = 0; i < T; i++) tokens[i] = (int32_t)json_integer_value(json_array_get(json_object_get(f, "tokens"), i));
    return m;
}

/* [T, V] logits, `step` tokens a pass. */
static float *run(const us_model *m, const us_adapter *ad, int step) {
    us_engine *e;
    int32_t seq;
    size_t v = (size_t)us_model_get_info(m)->n_vocab;
    float *out = malloc(T * v * sizeof *out);
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 128, .n_threads = 2}, &e, &err), &err);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    if (ad) us_engine_seq_set_adapter(e, seq, ad, 1);
    for (int t = 0; t < T; t += step) {
        us_span s = {.seq = seq, .tokens = tokens + t, .n_tokens = step, .logits = US_LOGITS_ALL};
        assert_ok(us_engine_eval(e, &s, 1, &err), &err);
        for (int i = 0; i < step; i++) memcpy(out + (size_t)(t + i) * v, us_engine_get_logits(e, 0, i), v * sizeof *out);
    }
    us_engine_free(e);
    return out;
}

static void near(const char *arch, const char *what, size_t i, double got, double want, double bound) {
    if (!(fabs(got - want) <= bound)) fail_msg("%s: %s %zu: %.6f, transformers %.6f", arch, what, i, got, want);
}

static double logsumexp(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp((double)x[i]);
    return log(sum);
}

static void logits_are_those_of_transformers(void **state) {
    (void)state;
    json_t *f, *x;
    size_t i, k;
    json_array_foreach(families, i, f) {
        us_model *m = open_family(f, US_MATH_F32);
        const char *arch = us_model_get_info(m)->architecture;
        size_t v = (size_t)us_model_get_info(m)->n_vocab;
        for (int step = 1; step <= T; step += T - 1) {
            float *got = run(m, NULL, step);
            json_array_foreach(json_object_get(f, "logits"), k, x)
                near(arch, "logit", k, (double)got[(T - 1) * v + k], json_number_value(x), 1e-4);
            json_array_foreach(json_object_get(f, "lse"), k, x)
                near(arch, "logsumexp at", k, logsumexp(got + k * v, v), json_number_value(x), 1e-4);
            free(got);
        }
        us_model_free(m);
    }
    assert_true(json_array_size(families) >= 10);
}

static void the_fast_path_is_near(void **state) {
    (void)state;
    json_t *f;
    size_t i;
    json_array_foreach(families, i, f) {
        us_model *exact = open_family(f, US_MATH_F32);
        size_t n = T * (size_t)us_model_get_info(exact)->n_vocab;
        us_tiny o = options_of(f);
        o.type = US_TYPE_Q8_0;
        us_model *m;
        char *fast = us_path_join(dir, "fast.gguf");
        assert_ok(us_tiny_write(&o, fast, &err), &err);
        assert_ok(us_model_open(fast, NULL, &m, &err), &err);
        float *want = run(exact, NULL, T), *all = run(m, NULL, T), *each = run(m, NULL, 1);
        double d[2] = {0}, sum = 0;
        for (size_t k = 0; k < n; k++) {
            double w = (double)want[k];
            d[0] += ((double)all[k] - w) * ((double)all[k] - w);
            d[1] += ((double)each[k] - w) * ((double)each[k] - w);
            sum += w * w;
        }
        for (int k = 0; k < 2; k++)
            if (!(sqrt(d[k] / sum) < 0.05))
                fail_msg("%s, %s: distance %.4f", o.arch, k ? "token by token" : "at once", sqrt(d[k] / sum));
        us_model_free(m), us_model_free(exact);
        free(want), free(all), free(each), free(fast);
    }
}

/* ---- training -------------------------------------------------------------------------------------------------- */

static const us_segment segments[1] = {{0, T}};
static int32_t pos[T], window[T], target_rows[T - 1], target_ids[T - 1];

static us_train_batch whole_batch(void) {
    for (int i = 0; i < T; i++) pos[i] = i;
    for (int i = 0; i + 1 < T; i++) target_rows[i] = i, target_ids[i] = tokens[i + 1];
    return (us_train_batch){
        {.n_rows = T, .window = window, .segments = segments, .n_segments = 1}, tokens, pos, target_rows, target_ids, T - 1};
}

static us_lora make_lora(const us_model *m) {
    us_lora l;
    size_t dims[US_N_MODULES][2];
    for (int k = 0; k < US_N_MODULES; k++) us_net_dims(&m->net, (us_module)k, &dims[k][0], &dims[k][1]);
    assert_ok(us_lora_init(&l, m->net.n_layers, 0, (const size_t(*)[2])dims, RANK, 8, false, 0x7f, 1, &err), &err);
    for (int32_t i = 0; i < l.n_layers * US_N_MODULES; i++) {
        const us_lora_site *s = &l.sites[i];
        double seed = 7.0 * (i / US_N_MODULES) + i % US_N_MODULES;
        for (size_t k = 0; k < s->n_in * RANK; k++) l.params[s->a + k] = (float)(0.2 * sin(0.37 * (double)k + seed));
        for (size_t k = 0; k < s->n_out * RANK; k++) l.params[s->b + k] = (float)(0.05 * cos(0.53 * (double)k + seed));
    }
    return l;
}

static us_tape *make_tape(const us_model *m, const us_lora *l, us_pool *pool, bool f32, bool recompute) {
    us_tape *t;
    us_tape_options o = {.max_rows = T,
                         .max_targets = T,
                         .max_segments = 1,
                         .max_segment = T,
                         .train = true,
                         .f32 = f32,
                         .recompute = recompute};
    assert_ok(us_tape_new(&m->net, l, &o, pool, &t, &err), &err);
    return t;
}

static double l2(const float *x, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i] * (double)x[i];
    return sqrt(s);
}

static void check_gradients(json_t *want, const char *arch, const us_lora *l, const float *grad) {
    for (int32_t i = 0; i < l->n_layers * US_N_MODULES; i++) {
        const us_lora_site *s = &l->sites[i];
        char key[32];
        snprintf(key, sizeof key, "%d.%s", i / US_N_MODULES, us_module_names[i % US_N_MODULES]);
        json_t *w = json_object_get(want, key);
        assert_int_equal(json_array_size(w), 6);
        for (int b = 0; b < 2; b++) {
            size_t n = (b ? s->n_out : s->n_in) * RANK;
            const float *g = grad + (b ? s->b : s->a);
            double got[3] = {l2(g, n), (double)g[0], (double)g[n - 1]},
                   norm = json_number_value(json_array_get(w, 3 * (size_t)b));
            for (size_t k = 0; k < 3; k++) {
                double x = json_number_value(json_array_get(w, 3 * (size_t)b + k));
                if (!(fabs(got[k] - x) <= 2e-3 * norm / (k ? sqrt((double)n) : 1) + 2e-3 * fabs(x)))
                    fail_msg("%s: gradient of %s of %s, %zu: %g, transformers %g", arch, b ? "B" : "A", key, k, got[k], x);
            }
        }
    }
}

/* Some parameters of each module in the first and the last layer, up and down. */
static void check_differences(const char *arch, us_tape *t, const us_train_batch *b, us_lora *l, const float *grad) {
    int32_t n = l->n_layers * US_N_MODULES;
    for (int32_t i = 0; i < n; i = i + 1 == US_N_MODULES && l->n_layers > 1 ? n - US_N_MODULES : i + 1)
        for (int part = 0; part < 2; part++) {
            const us_lora_site *s = &l->sites[i];
            size_t at = (part ? s->b : s->a) + (part ? s->n_out : s->n_in) * RANK / 3;
            float keep = l->params[at], h = 4e-3f;
            l->params[at] = keep + h, l->revision++;
            double up = us_tape_loss(t, b, NULL);
            l->params[at] = keep - h, l->revision++;
            double down = us_tape_loss(t, b, NULL), want = (up - down) / (2 * (double)h);
            l->params[at] = keep, l->revision++;
            if (!(fabs((double)grad[at] - want) <= 0.03 * (1 + fabs(want))))
                fail_msg("%s: %s of layer %d, %s: gradient %g, central difference %g", arch, us_module_names[i % US_N_MODULES],
                         i / US_N_MODULES, part ? "B" : "A", (double)grad[at], want);
        }
}

static void write_adapter(us_model *m, const us_lora *l) {
    us_factor_pair *pairs = calloc((size_t)l->n_layers * US_N_MODULES, sizeof *pairs);
    us_factors f = {.n_layers = l->n_layers, .rank = RANK, .alpha = l->alpha, .pairs = pairs};
    for (int32_t i = 0; i < l->n_layers * US_N_MODULES; i++)
        pairs[i] = (us_factor_pair){l->sites[i].n_in, l->sites[i].n_out, l->params + l->sites[i].a, l->params + l->sites[i].b};
    assert_ok(us_factors_write(m, &f, US_FACTOR_F32, "", NULL, NULL, lora_path, &err), &err);
    free(pairs);
}

static void training_is_that_of_transformers(void **state) {
    (void)state;
    json_t *f, *x;
    size_t i, k;
    us_pool *pool;
    assert_ok(us_pool_new(2, &pool, &err), &err);
    json_array_foreach(families, i, f) {
        us_model *m = open_family(f, US_MATH_F32);
        const char *arch = us_model_get_info(m)->architecture;
        json_t *want = json_object_get(f, "lora");
        us_lora l = make_lora(m);
        us_train_batch b = whole_batch();
        us_tape *t = make_tape(m, &l, pool, true, false), *again = make_tape(m, &l, pool, true, true);
        float *grad = calloc(l.n_params, sizeof *grad), *same = calloc(l.n_params, sizeof *same);
        double loss = us_tape_loss_and_grad(t, &b, 1, 0, grad), expected = json_number_value(json_object_get(want, "loss"));
        near(arch, "loss", 0, loss, expected, 1e-5 * expected);
        check_gradients(json_object_get(want, "grads"), arch, &l, grad);
        check_differences(arch, t, &b, &l, grad);
        us_tape_loss_and_grad(again, &b, 1, 0, same);
        assert_memory_equal(grad, same, l.n_params * sizeof *grad);
        us_adapter *ad;
        write_adapter(m, &l);
        assert_ok(us_adapter_open(m, lora_path, false, &ad, &err), &err);
        for (int step = 1; step <= T; step += T - 1) {
            float *got = run(m, ad, step);
            size_t v = (size_t)us_model_get_info(m)->n_vocab;
            json_array_foreach(json_object_get(want, "logits"), k, x)
                near(arch, "logit with the adapter", k, (double)got[(T - 1) * v + k], json_number_value(x), 2e-4);
            free(got);
        }
        us_adapter_free(ad);
        us_tape_free(t), us_tape_free(again);
        us_lora_fini(&l);
        us_model_free(m);
        free(grad), free(same);
    }
    us_pool_free(pool);
}

/* Phi's factors for longer contexts are not used: beyond the original one a position is refused, not turned wrongly. */
static void positions_beyond_the_factors_are_refused(void **state) {
    (void)state;
    us_model *m;
    us_engine *e;
    int32_t seq, ids[65] = {0};
    us_tiny o = {.arch = "phi3"};
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, NULL, &m, &err), &err);
    assert_int_equal(us_model_get_info(m)->n_ctx_train, 64);
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 256}, &e, &err), &err);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    assert_ok(us_engine_seq_set_tokens(e, seq, ids, 64, NULL, &err), &err);
    assert_int_equal(us_engine_seq_set_tokens(e, seq, ids, 65, NULL, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "up to 64"));
    us_engine_free(e);
    us_model_free(m);
}

/* A llama file with a norm that no llama has would be run as another model. */
static void a_weight_without_a_place_refuses_the_file(void **state) {
    (void)state;
    us_model *m;
    us_tiny o = {.arch = "qwen3"};
    char *text = NULL;
    size_t n;
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_file_read(path, 1 << 24, &text, &n, &err), &err);
    for (char *at = text; (at = memmem(at, n - (size_t)(at - text), "qwen3", 5));) memcpy(at, "qwen2", 5);
    assert_ok(us_file_write_atomic(path, text, n, &err), &err);
    assert_int_equal(us_model_open(path, NULL, &m, &err), US_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "attn_q_norm.weight"));
    free(text);
}

/* The file at `path` again, with one key more (its value in `put`), as `lora_path`. */
static us_model *open_with(const char *key, us_kv_kind kind, const void *data, size_t n, us_status expected) {
    us_gguf *g;
    us_gguf_writer *w;
    us_model *m = NULL;
    size_t n_kvs, n_tensors;
    assert_ok(us_gguf_open(path, &g, &err), &err);
    assert_ok(us_gguf_writer_new(&w, &err), &err);
    const us_kv *kvs = us_gguf_kvs(g, &n_kvs);
    const us_tensor *t = us_gguf_tensors(g, &n_tensors);
    for (size_t i = 0; i < n_kvs; i++)
        if (!us_str_eq(kvs[i].key, key)) assert_ok(us_gguf_put_kv(w, &kvs[i], &err), &err);
    if (kind == US_KV_FLOAT32) assert_ok(us_gguf_put_f32(w, key, *(const float *)data, &err), &err);
    else if (n) assert_ok(us_gguf_put_array(w, key, kind, data, n, &err), &err);
    else assert_ok(us_gguf_put_bool(w, key, *(const bool *)data, &err), &err);
    for (size_t i = 0; i < n_tensors; i++) {
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)t[i].name.len, t[i].name.data);
        assert_ok(us_gguf_put_tensor(w, name, (us_type)t[i].type, t[i].n_dims, t[i].ne, t[i].data, &err), &err);
    }
    assert_ok(us_gguf_writer_finish(w, lora_path, NULL, NULL, &err), &err);
    us_gguf_writer_free(w);
    us_gguf_close(g);
    assert_int_equal(us_model_open(lora_path, &(us_model_options){.math = US_MATH_F32}, &m, &err), expected);
    return m;
}

static void keys_of_a_file_go_before_the_row(void **state) {
    (void)state;
    static const unsigned char windows[6] = {1, 0, 1, 1, 1, 1}, few[2] = {1, 0};
    us_tiny o = {.arch = "gemma3"};
    assert_ok(us_tiny_write(&o, path, &err), &err);
    us_model *m = open_with("gemma3.attention.sliding_window_pattern", US_KV_BOOL, windows, 6, US_OK);
    for (int l = 0; l < 6; l++) assert_int_equal(m->net.layers[l].window, windows[l] ? 8 : 0);
    for (int l = 0; l < 6; l++) assert_int_equal(m->net.layers[l].rope, windows[l]);
    us_model_free(m);
    open_with("gemma3.attention.sliding_window_pattern", US_KV_BOOL, few, 2, US_ERR_FORMAT);
    o.arch = "granite";
    assert_ok(us_tiny_write(&o, path, &err), &err);
    m = open_with("granite.rope.scaling.finetuned", US_KV_BOOL, &(bool){false}, 0, US_OK);
    assert_int_equal(m->net.layers[0].rope, -1);
    us_model_free(m);
    o.arch = "gemma2";
    assert_ok(us_tiny_write(&o, path, &err), &err);
    open_with("gemma2.attn_logit_softcapping", US_KV_FLOAT32, &(float){1e-5f}, 0, US_ERR_FORMAT);
    m = open_with("gemma2.attn_logit_softcapping", US_KV_FLOAT32, &(float){0}, 0, US_OK);
    assert_true(m->net.heads.cap == 0 && m->net.logit_cap == 4);
    us_model_free(m);
}

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    path = us_path_join(dir, "model.gguf");
    lora_path = us_path_join(dir, "lora.gguf");
    families = json_load_file(US_SOURCE_DIR "/tests/data/families.json", 0, NULL);
    return !dir || !families;
}

static int teardown(void **state) {
    (void)state;
    free(path), free(lora_path);
    us_tiny_remove(dir);
    json_decref(families);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_transformers),          cmocka_unit_test(the_fast_path_is_near),
        cmocka_unit_test(training_is_that_of_transformers),          cmocka_unit_test(positions_beyond_the_factors_are_refused),
        cmocka_unit_test(a_weight_without_a_place_refuses_the_file), cmocka_unit_test(keys_of_a_file_go_before_the_row),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
