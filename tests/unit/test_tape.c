/* The whole model's loss, LoRA gradients and six AdamW steps against transformers + peft in float32 (shared/reference,
 * skipped without it), then the 8-bit path that training really uses against the float32 one. */
#include "test.h"
#include "model/model.h"
#include "shared.h"
#include "train/adamw.h"
#include "train/tape.h"
#include <jansson.h>
#include <math.h>

enum { SEQS = 2, LEN = 64, ROWS = SEQS * LEN, TARGETS = SEQS * (LEN - 1), RANK = 16 };
static const char *const hf_names[US_N_MODULES] = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

static json_t *ref;
static int32_t tokens[ROWS], pos[ROWS], window[ROWS], target_rows[TARGETS], target_ids[TARGETS];
static const us_segment segments[SEQS] = {{0, LEN}, {LEN, 2 * LEN}};
static const us_train_batch batch = {{ROWS, 0, window, segments, SEQS}, tokens, pos, target_rows, target_ids, TARGETS};

static void load_batch(void) {
    int n = 0;
    for (int s = 0; s < SEQS; s++)
        for (int i = 0; i < LEN; i++) {
            json_t *ids = json_array_get(json_object_get(ref, "input_ids"), (size_t)s);
            tokens[s * LEN + i] = (int32_t)json_integer_value(json_array_get(ids, (size_t)i));
            pos[s * LEN + i] = i;
            window[s * LEN + i] = s * LEN;
            if (i + 1 == LEN) continue;
            target_rows[n] = s * LEN + i;
            target_ids[n++] = (int32_t)json_integer_value(json_array_get(ids, (size_t)i + 1));
        }
}

/* Row of a GGUF q or k matrix where row i of the Hugging Face one stands: halves become neighbours. */
static size_t gguf_row(us_module m, size_t i, size_t e) {
    if (m != US_MOD_Q && m != US_MOD_K) return i;
    size_t h = i / e, k = i % e;
    return h * e + (k < e / 2 ? 2 * k : 2 * (k - e / 2) + 1);
}

static void set_params(us_lora *l, size_t e) {
    for (int32_t layer = 0; layer < l->n_layers; layer++)
        for (int m = 0; m < US_N_MODULES; m++) {
            const us_lora_site *s = us_lora_at(l, layer, (us_module)m);
            double seed = 7.0 * layer + m;
            for (size_t i = 0; i < s->n_in * RANK; i++) l->params[s->a + i] = (float)(0.02 * sin(0.37 * (double)i + seed));
            for (size_t i = 0; i < s->n_out * RANK; i++)
                l->params[s->b + gguf_row((us_module)m, i / RANK, e) * RANK + i % RANK] =
                    (float)(0.005 * cos(0.53 * (double)i + seed));
        }
}

static us_lora make_lora(const us_model *m) {
    us_error err;
    us_lora l;
    size_t dims[US_N_MODULES][2];
    for (int k = 0; k < US_N_MODULES; k++) us_net_dims(&m->net, (us_module)k, &dims[k][0], &dims[k][1]);
    assert_ok(us_lora_init(&l, m->net.n_layers, 0, (const size_t(*)[2])dims, RANK, 32, false, 0x7f, 1, &err), &err);
    set_params(&l, (size_t)m->net.heads.head_size);
    return l;
}

static us_tape *make_tape(const us_model *m, const us_lora *l, bool f32, bool recompute, us_pool *pool) {
    us_error err;
    us_tape *t;
    us_tape_options o = {.max_rows = ROWS,
                         .max_targets = TARGETS,
                         .max_segments = SEQS,
                         .max_segment = LEN,
                         .train = true,
                         .recompute = recompute,
                         .f32 = f32};
    assert_ok(us_tape_new(&m->net, l, &o, pool, &t, &err), &err);
    return t;
}

static us_model *open_model(us_math math) {
    us_error err;
    us_model *m;
    char *path = default_model();
    if (!path) return NULL;
    assert_ok(us_model_open(path, &(us_model_options){.math = math}, &m, &err), &err);
    free(path);
    return m;
}

static double l2(const float *x, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i] * x[i];
    return sqrt(s);
}

static float *exact; /* the first step's gradient in float32, once it has been held against PEFT's */

static void check_gradients(const us_lora *l, const float *grad, size_t e) {
    json_t *all = json_object_get(ref, "grads_step0"), *g;
    const char *key;
    size_t n = 0;
    json_object_foreach(all, key, g) {
        int layer, m = 0;
        char name[32], part;
        assert_int_equal(sscanf(key, "%d.%31[a-z_].%c", &layer, name, &part), 3);
        while (strcmp(name, hf_names[m])) m++;
        const us_lora_site *s = us_lora_at(l, layer, (us_module)m);
        bool is_a = part == 'A';
        const float *x = grad + (is_a ? s->a : s->b);
        double want = json_number_value(json_object_get(g, "l2")), got = l2(x, (is_a ? s->n_in : s->n_out) * RANK);
        if (fabs(got - want) > 2e-3 * want + 1e-7) fail_msg("%s: l2 %g, expected %g", key, got, want);
        for (size_t k = 0; k < 4; k++) {
            double first = json_number_value(json_array_get(json_object_get(g, "first4"), k));
            size_t at = is_a ? k : gguf_row((us_module)m, k / RANK, e) * RANK + k % RANK;
            if (fabs((double)x[at] - first) >
                2e-3 * want / sqrt((double)((is_a ? s->n_in : s->n_out) * RANK)) + 2e-3 * fabs(first))
                fail_msg("%s[%zu]: %g, expected %g", key, k, (double)x[at], first);
        }
        n++;
    }
    assert_true(n >= 14);
    double global = json_number_value(json_object_get(ref, "grad_global_l2"));
    assert_true(fabs(l2(grad, l->n_params) - global) < 1e-3 * global);
}

static void peft_in_float32(void **state) {
    (void)state;
    char *path = shared_file("reference/lora_training_f32.json");
    us_model *m = path ? open_model(US_MATH_F32) : NULL;
    if (!m) skip();
    us_error err;
    us_pool *pool;
    ref = json_load_file(path, 0, NULL);
    load_batch();
    us_lora l = make_lora(m);
    assert_ok(us_pool_new(2, &pool, &err), &err);
    us_tape *t = make_tape(m, &l, true, false, pool);
    float *grad = calloc(l.n_params, 4), *mo = calloc(l.n_params, 4), *v = calloc(l.n_params, 4);
    us_adamw opt = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f};
    json_t *losses = json_object_get(ref, "losses");
    for (int step = 0; step < 6; step++) {
        memset(grad, 0, l.n_params * 4);
        double loss = us_tape_loss_and_grad(t, &batch, 1.0f / TARGETS, 0, grad) / TARGETS,
               want = json_number_value(json_array_get(losses, (size_t)step));
        printf("# step %d: loss %.6f, peft %.6f\n", step, loss, want);
        if (fabs(loss - want) > 2e-4 * (1 + step)) fail_msg("step %d: loss %.6f, peft %.6f", step, loss, want);
        if (!step) {
            check_gradients(&l, grad, (size_t)m->net.heads.head_size);
            exact = malloc(l.n_params * 4);
            memcpy(exact, grad, l.n_params * 4);
        }
        us_adamw_step(&opt, step + 1, grad, l.params, mo, v, l.n_params);
        l.revision++;
    }
    us_tape_free(t);
    us_pool_free(pool);
    us_lora_fini(&l);
    us_model_free(m);
    free(grad), free(mo), free(v), free(path);
}

static double cosine(const float *a, const float *b, size_t n) {
    double dot = 0;
    for (size_t i = 0; i < n; i++) dot += (double)a[i] * b[i];
    return dot / (l2(a, n) * l2(b, n));
}

static void fast_gradients_are_close(void **state) {
    (void)state;
    us_model *m = exact ? open_model(US_MATH_FAST) : NULL;
    if (!m) skip();
    us_error err;
    us_pool *one, *three;
    us_lora l = make_lora(m);
    assert_ok(us_pool_new(1, &one, &err), &err);
    assert_ok(us_pool_new(3, &three, &err), &err);
    float *g[4];
    double loss[4];
    for (int i = 0; i < 4;
         i++) { /* as trained; the same with 3 threads; the same recomputed; 8-bit activations, float32 transposes */
        us_tape *t = make_tape(m, &l, i == 3, i == 2, i == 1 ? three : one);
        g[i] = calloc(l.n_params, 4);
        loss[i] = us_tape_loss_and_grad(t, &batch, 1.0f / TARGETS, 0, g[i]) / TARGETS;
        us_tape_free(t);
    }
    double want = json_number_value(json_array_get(json_object_get(ref, "losses"), 0));
    double as_trained = cosine(g[0], exact, l.n_params), exact_back = cosine(g[3], exact, l.n_params),
           backward = cosine(g[0], g[3], l.n_params);
    printf(
        "# loss %.5f, float32 %.5f; gradient's cosine with float32's %.6f, with float32 transposes %.6f, of these two %.6f\n",
        loss[0], want, as_trained, exact_back, backward);
    assert_true(fabs(loss[0] - want) < 0.05); /* 126 tokens through 8-bit activations */
    assert_memory_equal(g[0], g[1], l.n_params * 4);
    assert_memory_equal(g[0], g[2], l.n_params * 4);
    assert_true(backward > 0.995); /* products of the backward pass in 8 bits, behind the same forward pass */
    assert_true(as_trained > 0.98 &&
                as_trained > exact_back - 0.001); /* what is lost, 8-bit activations lose: not the transposes */
    for (int i = 0; i < 4; i++) free(g[i]);
    us_pool_free(one);
    us_pool_free(three);
    us_lora_fini(&l);
    us_model_free(m);
}

int main(void) {
    if (!have_shared("reference/lora_training_f32.json")) return 77; /* skipped, and CTest says so */
    const struct CMUnitTest tests[] = {cmocka_unit_test(peft_in_float32), cmocka_unit_test(fast_gradients_are_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
