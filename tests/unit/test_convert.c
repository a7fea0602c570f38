/* Adapters out and back: PEFT folders, merged models, hostile safetensors. */
#include "test.h"
#include "base/file.h"
#include "kern/quant.h"
#include "mktiny.h"
#include "understudy/convert.h"
#include "understudy/generate.h"
#include <math.h>

static char *dir, *lora;
static us_error err;
enum { T = 12 };
static const int32_t tokens[T] = {1, 42, 77, 300, 5, 260, 261, 42, 90, 8, 13, 7};

static float *logits(const us_model *m, const us_adapter *a) {
    us_engine *e;
    int32_t seq, v = us_model_get_info(m)->n_vocab;
    assert_ok(us_engine_new(m, &(us_engine_options){.n_ctx = 64, .kv_type = US_KV_F32, .n_threads = 1}, &e, &err), &err);
    assert_ok(us_engine_seq_new(e, &seq, &err), &err);
    us_engine_seq_set_adapter(e, seq, a, 1);
    assert_ok(us_engine_eval(e, &(us_span){.seq = seq, .tokens = tokens, .n_tokens = T}, 1, &err), &err);
    float *out = malloc((size_t)v * sizeof *out);
    memcpy(out, us_engine_get_logits(e, 0, 0), (size_t)v * sizeof *out);
    us_engine_free(e);
    return out;
}

static double distance(const float *a, const float *b, int32_t n) {
    double most = 0;
    for (int32_t i = 0; i < n; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static void out_and_back(void **state) {
    (void)state;
    static const char *const archs[] = {"llama", "qwen2",   "qwen3", "gemma2",  "gemma3",
                                        "phi3",  "granite", "olmo2", "smollm3", "mistral3"};
    for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
        us_tiny o = {.arch = archs[i], .seed = 3, .uneven = i == 1};
        char *path = us_path_join(dir, "m.gguf"), *folder = us_path_join(dir, "peft"), *back = us_path_join(dir, "back.gguf"),
             *merged = us_path_join(dir, "merged.gguf");
        us_model *m, *whole;
        us_adapter *a, *b;
        assert_ok(us_tiny_write(&o, path, &err), &err);
        assert_ok(us_tiny_write_adapter(&o, 4, 8, lora, &err), &err);
        assert_ok(us_model_open(path, &(us_model_options){.math = US_MATH_F32, .n_threads = 1}, &m, &err), &err);
        int32_t v = us_model_get_info(m)->n_vocab;
        assert_ok(us_peft_export(m, lora, "base", folder, &err), &err);
        assert_ok(us_peft_import(m, folder, US_ADAPTER_F32, back, &err), &err);
        assert_ok(us_adapter_open(m, lora, false, &a, &err), &err);
        assert_ok(us_adapter_open(m, back, false, &b, &err), &err);
        float *x = logits(m, a), *y = logits(m, b), *plain = logits(m, NULL);
        assert_true(distance(x, plain, v) > 1e-2);
        assert_true(distance(x, y, v) < 1e-5);
        assert_ok(us_adapter_merge(m, lora, 1, "F16", merged, &err), &err);
        assert_ok(us_model_open(merged, &(us_model_options){.math = US_MATH_F32, .n_threads = 1}, &whole, &err), &err);
        float *z = logits(whole, NULL);
        printf("# %s: imported %.2g, merged F16 %.2g from the adapter's logits (%.2g from the base's)\n", archs[i],
               distance(x, y, v), distance(x, z, v), distance(x, plain, v));
        assert_true(distance(x, z, v) < 0.05 * distance(x, plain, v) + 2e-2);
        us_model_free(whole);
        assert_int_equal(us_adapter_merge(m, lora, 1, "Q2_K", merged, &err), US_ERR_ARGUMENT);
        char *st = us_path_join(folder, "adapter_model.safetensors"), *config = us_path_join(folder, "adapter_config.json"),
             *bytes;
        size_t n;
        assert_ok(us_file_read(st, 1 << 24, &bytes, &n, &err), &err);
        for (size_t cut = 0; cut < n; cut += n / 29 + 1) {
            assert_ok(us_file_write_atomic(st, bytes, cut, &err), &err);
            assert_true(us_peft_import(m, folder, US_ADAPTER_F32, back, &err) != US_OK);
        }
        for (size_t at = 0; at < 400; at += 7) { /* damaged headers: an error or another adapter, never a crash */
            bytes[at] ^= 0x15;
            assert_ok(us_file_write_atomic(st, bytes, n, &err), &err);
            if (us_peft_import(m, folder, US_ADAPTER_F32, back, &err)) assert_true(strlen(err.message) > 10);
            bytes[at] ^= 0x15;
        }
        static const char dora[] = "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"use_dora\": true}";
        assert_ok(us_file_write_atomic(config, dora, sizeof dora - 1, &err), &err);
        assert_int_equal(us_peft_import(m, folder, US_ADAPTER_F32, back, &err), US_ERR_UNSUPPORTED);
        remove(st), remove(config), rmdir(folder), remove(back), remove(merged), remove(path);
        us_adapter_free(a);
        us_adapter_free(b);
        us_model_free(m);
        free(x), free(y), free(z), free(plain), free(bytes), free(st), free(config), free(path), free(folder), free(back),
            free(merged);
    }
}

/* Writes the folder's file again with its tensors called otherwise, and its configuration. */
static void rewrite(const char *folder, const char *old, const char *new, const char *config) {
    char *file = us_path_join(folder, "adapter_model.safetensors"), *conf = us_path_join(folder, "adapter_config.json"), *bytes,
         *to;
    size_t n;
    assert_ok(us_file_read(file, 1 << 24, &bytes, &n, &err), &err);
    uint64_t head;
    memcpy(&head, bytes, 8);
    to = calloc(n * 3, 1);
    size_t k = 8;
    for (size_t i = 8; i < 8 + head;) {
        if (!strncmp(bytes + i, old, strlen(old))) memcpy(to + k, new, strlen(new)), k += strlen(new), i += strlen(old);
        else to[k++] = bytes[i++];
    }
    uint64_t len = k - 8;
    memcpy(to, &len, 8);
    memcpy(to + k, bytes + 8 + head, n - 8 - head);
    assert_ok(us_file_write_atomic(file, to, k + n - 8 - head, &err), &err);
    assert_ok(us_file_write_atomic(conf, config, strlen(config), &err), &err);
    free(bytes), free(to), free(file), free(conf);
}

static void as_others_save_them(void **state) {
    (void)state;
    us_tiny o = {.arch = "llama", .seed = 3};
    char *path = us_path_join(dir, "m.gguf"), *folder = us_path_join(dir, "peft"), *back = us_path_join(dir, "back.gguf");
    us_model *m;
    us_adapter *a, *b;
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_tiny_write_adapter(&o, 4, 8, lora, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.math = US_MATH_F32, .n_threads = 1}, &m, &err), &err);
    assert_ok(us_adapter_open(m, lora, false, &a, &err), &err);
    int32_t v = us_model_get_info(m)->n_vocab;
    float *want = logits(m, a);
#define CONFIG(rest) "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8" rest "}"
    static const struct {
        const char *old, *new, *config, *words; /* words NULL: it comes in and does the same */
    } rows[] = {
        {".weight", ".default.weight", CONFIG(""), NULL},
        {"base_model.model.", "base_model.model._orig_mod.", CONFIG(""), NULL},
        {"?", "?",
         "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 99, \"alpha_pattern\": {\"[qkvo]_proj\": 8, \"mlp..*\": 8}}",
         NULL},
        {"?", "?", "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 8, \"alpha_pattern\": {\"(\": 8}}", "alpha_pattern"},
        {"?", "?", CONFIG(", \"use_dora\": true"), "DoRA"},
        {"?", "?", CONFIG(", \"bias\": \"all\""), "bias"},
        {"?", "?", CONFIG(", \"modules_to_save\": [\"lm_head\"]"), "modules_to_save"},
        {"model.layers.0.self_attn.q_proj", "lm_head", CONFIG(""), "output layer"},
        {"model.layers.0.self_attn.q_proj", "model.embed_tokens", CONFIG(""), "embedding"},
        {"model.layers.0.self_attn.q_proj", "model.layers.0.mixer", CONFIG(""), "another model"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_ok(us_peft_export(m, lora, "base", folder, &err), &err);
        rewrite(folder, rows[i].old, rows[i].new, rows[i].config);
        us_status st = us_peft_import(m, folder, US_ADAPTER_F32, back, &err);
        if (rows[i].words) {
            assert_int_not_equal(st, US_OK);
            if (!strstr(err.message, rows[i].words)) fail_msg("%zu: %s", i, err.message);
            continue;
        }
        if (st) fail_msg("%zu: %s", i, err.message);
        assert_ok(us_adapter_open(m, back, false, &b, &err), &err);
        float *got = logits(m, b);
        assert_true(distance(want, got, v) < 1e-5);
        free(got);
        us_adapter_free(b);
    }
    char *st = us_path_join(folder, "adapter_model.safetensors"), *config = us_path_join(folder, "adapter_config.json"),
         *bin = us_path_join(folder, "adapter_model.bin");
    assert_ok(us_file_write_atomic(config, CONFIG(""), strlen(CONFIG("")), &err), &err);
    remove(st);
    assert_ok(us_file_write_atomic(bin, "x", 1, &err), &err);
    assert_int_equal(us_peft_import(m, folder, US_ADAPTER_F32, back, &err), US_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "safe_serialization"));
    remove(bin), remove(config), rmdir(folder), remove(back), remove(path);
    us_adapter_free(a);
    us_model_free(m);
    free(want), free(path), free(folder), free(back), free(st), free(config), free(bin);
}

int main(void) {
    dir = us_tiny_folder();
    lora = us_path_join(dir, "lora.gguf");
    const struct CMUnitTest tests[] = {cmocka_unit_test(out_and_back), cmocka_unit_test(as_others_save_them)};
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    us_tiny_remove(dir);
    return rc;
}
