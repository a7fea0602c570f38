/* Weights that are no numbers, or beyond all measure: refused where they enter, whatever the type and the place; and what
 * overflows on the way is an error that names the file, at every level of the kernels. */
#include "test.h"
#include "base/file.h"
#include "generate/engine.h"
#include "kern/pack.h"
#include "mktiny.h"
#include "model/gguf.h"
#include "understudy/sampler.h"
#include <math.h>

static us_error err;
static char *dir, *path, *lora_path;

static const struct {
    us_type type;
    size_t halves[2]; /* where a block's scales stand, from ggml's definitions of the blocks */
    int n_halves;
} blocks[] = {{US_TYPE_Q4_0, {0}, 1},    {US_TYPE_Q4_1, {0, 2}, 2},   {US_TYPE_Q5_0, {0}, 1},   {US_TYPE_Q5_1, {0, 2}, 2},
              {US_TYPE_Q8_0, {0}, 1},    {US_TYPE_Q2_K, {80, 82}, 2}, {US_TYPE_Q3_K, {108}, 1}, {US_TYPE_Q4_K, {0, 2}, 2},
              {US_TYPE_Q5_K, {0, 2}, 2}, {US_TYPE_Q6_K, {208}, 1},    {US_TYPE_IQ4_NL, {0}, 1}, {US_TYPE_IQ4_XS, {0}, 1}};
#define N_BLOCKS (sizeof blocks / sizeof *blocks)
static const uint16_t bad_halves[] = {0x7c00, 0xfc00, 0x7e00, 0xfe00, 0x7c01, 0xffff};
static const uint32_t bad_floats[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0x7f61b1e6 /* 3e38 */,
                                      0x47800000};

static void a_row_is_sound_or_not(void **state) {
    (void)state;
    static float x[512];
    static unsigned char row[4 * 512];
    for (size_t i = 0; i < 512; i++) x[i] = (float)((int)(i * 37 % 101) - 50) * 0.01f;
    x[5] = 65504;
    for (size_t b = 0; b < N_BLOCKS; b++) {
        us_type type = blocks[b].type;
        x[5] = 0.5f;
        assert_true(us_quant_row(type, x, row, 512));
        assert_true(us_quant_row_sound(type, row, 512));
        for (size_t i = 0; i < 512 / us_type_block(type); i++)
            for (int h = 0; h < blocks[b].n_halves; h++)
                for (size_t k = 0; k < sizeof bad_halves / sizeof *bad_halves; k++) {
                    unsigned char *at = row + i * us_type_bytes(type) + blocks[b].halves[h], kept[2];
                    memcpy(kept, at, 2);
                    memcpy(at, &bad_halves[k], 2);
                    assert_false(us_quant_row_sound(type, row, 512));
                    memcpy(at, kept, 2);
                }
    }
    x[5] = 65504;
    for (int t = 0; t < 3; t++) {
        us_type type = t == 0 ? US_TYPE_F32 : t == 1 ? US_TYPE_F16 : US_TYPE_BF16;
        x[5] = t == 2 ? 65280 : 65504; /* the largest that fit below 65,536 */
        assert_true(us_quant_row(type, x, row, 511));
        assert_true(us_quant_row_sound(type, row, 511));
        for (size_t i = 0; i < 511; i += 7)
            for (size_t k = 0; k < (t == 1 ? sizeof bad_halves / sizeof *bad_halves : sizeof bad_floats / sizeof *bad_floats);
                 k++) {
                unsigned char *at = row + i * us_type_bytes(type), kept[4];
                uint16_t high = (uint16_t)(bad_floats[k] >> 16);
                if (t == 2 && bad_floats[k] == 0x7f800001) continue;
                memcpy(kept, at, us_type_bytes(type));
                memcpy(at,
                       t == 0   ? (const void *)&bad_floats[k]
                       : t == 1 ? (const void *)&bad_halves[k]
                                : &high,
                       us_type_bytes(type));
                assert_false(us_quant_row_sound(type, row, 511));
                memcpy(at, kept, us_type_bytes(type));
            }
    }
}

/* Puts bytes into a tensor of the file, at a place of its data. */
static void spoil(const char *file, size_t i_tensor, size_t at, const void *bytes, size_t n, char name[64]) {
    us_gguf *g;
    size_t n_bytes, n_tensors;
    char *text;
    assert_ok(us_file_read(file, 1 << 26, &text, &n_bytes, &err), &err);
    assert_ok(us_gguf_open_bytes(text, n_bytes, file, &g, &err), &err);
    const us_tensor *t = &us_gguf_tensors(g, &n_tensors)[i_tensor];
    size_t offset = (size_t)((const char *)t->data - text) + at;
    assert_true(at + n <= t->n_bytes);
    snprintf(name, 64, "'%.*s'", (int)t->name.len, t->name.data);
    us_gguf_close(g);
    memcpy(text + offset, bytes, n);
    assert_ok(us_file_write_atomic(file, text, n_bytes, &err), &err);
    free(text);
}

static size_t count(const char *file, us_type *types, size_t *bytes) {
    us_gguf *g;
    size_t n;
    assert_ok(us_gguf_open(file, &g, &err), &err);
    const us_tensor *t = us_gguf_tensors(g, &n);
    for (size_t i = 0; i < n; i++) types[i] = (us_type)t[i].type, bytes[i] = t[i].n_bytes;
    us_gguf_close(g);
    return n;
}

static void expect_refused(const char *name) {
    us_model *m;
    assert_int_equal(us_model_open(path, &(us_model_options){.n_threads = 2}, &m, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, name));
    assert_non_null(strstr(err.message, path));
}

/* One bad value in the last block of one tensor after another, of every type and architecture. */
static void models_are_refused(void **state) {
    (void)state;
    static const char *const archs[] = {"llama", "qwen2", "qwen3", "llama3"};
    us_type types[256];
    size_t bytes[256];
    char name[64];
    for (size_t k = 0; k < N_BLOCKS + 3; k++) {
        us_type type = k < N_BLOCKS        ? blocks[k].type
                       : k == N_BLOCKS     ? US_TYPE_F32
                       : k == N_BLOCKS + 1 ? US_TYPE_F16
                                           : US_TYPE_BF16;
        us_tiny o = {.arch = archs[k % 4], .type = (int)type, .untied = k % 2, .n_layers = 1, .seed = k};
        assert_ok(us_tiny_write(&o, path, &err), &err);
        size_t n = count(path, types, bytes);
        for (size_t i = 0; i < n; i++) {
            size_t b = 0, block = us_type_bytes(types[i]);
            uint32_t inf32 = 0xff800000;
            uint16_t nan16 = 0xfff0;
            while (b < N_BLOCKS && blocks[b].type != types[i]) b++;
            assert_ok(us_tiny_write(&o, path, &err), &err);
            if (b < N_BLOCKS) spoil(path, i, bytes[i] - block + blocks[b].halves[blocks[b].n_halves - 1], &nan16, 2, name);
            else if (types[i] == US_TYPE_F32) spoil(path, i, bytes[i] - 4, &inf32, 4, name);
            else spoil(path, i, bytes[i] - 2, &nan16, 2, name);
            expect_refused(strncmp(name, "'rope_freqs", 11) ? name : "rope_freqs");
        }
    }
}

static void adapters_are_refused(void **state) {
    (void)state;
    us_model *m;
    us_adapter *ad;
    us_type types[256];
    size_t bytes[256];
    char name[64];
    us_tiny o = {.arch = "llama"};
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.n_threads = 1}, &m, &err), &err);
    for (int q8 = 0; q8 < 2; q8++) {
        us_tiny a = {.arch = "llama", .type = q8 ? US_TYPE_Q8_0 : US_TYPE_F32};
        assert_ok(us_tiny_write_adapter(&a, 4, 8, lora_path, &err), &err);
        size_t n = count(lora_path, types, bytes);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < sizeof bad_floats / sizeof *bad_floats; k++) {
                assert_ok(us_tiny_write_adapter(&a, 4, 8, lora_path, &err), &err);
                if (types[i] == US_TYPE_F32) spoil(lora_path, i, bytes[i] - 4, &bad_floats[k], 4, name);
                else spoil(lora_path, i, 0, &bad_halves[k % 6], 2, name);
                assert_int_equal(us_adapter_open(m, lora_path, true, &ad, &err), US_ERR_FORMAT);
                assert_non_null(strstr(err.message, name));
            }
    }
    const float alphas[] = {NAN, INFINITY, -INFINITY, 3e38f};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(us_tiny_write_adapter(&(us_tiny){.arch = "llama"}, 4, alphas[i], lora_path, &err), &err);
        assert_int_equal(us_adapter_open(m, lora_path, true, &ad, &err), US_ERR_FORMAT);
    }
    us_model_free(m);
}

/* Each weight is sound, and together they overflow. */
static void what_overflows_names_the_file(void **state) {
    (void)state;
    us_model *m;
    us_engine *e;
    us_sampler *s;
    int32_t seq, token, ids[] = {1, 42, 77, 300, 5};
    float lp[5], *scores[1] = {lp};
    us_type types[256];
    size_t bytes[256];
    char name[64];
    for (int f32 = 0; f32 < 2; f32++) {
        us_tiny o = {.arch = "llama", .type = US_TYPE_F32, .n_layers = 2};
        assert_ok(us_tiny_write(&o, path, &err), &err);
        size_t n = count(path, types, bytes);
        float *large = malloc(1 << 24);
        for (size_t i = 0; i < (1 << 24) / sizeof *large; i++) large[i] = 60000;
        for (size_t i = 0; i < n; i++)
            if (bytes[i] <= 1 << 24) spoil(path, i, 0, large, bytes[i], name);
        free(large);
        us_model_options mo = {.n_threads = 2, .math = f32 ? US_MATH_F32 : 0};
        assert_ok(us_model_open(path, &mo, &m, &err), &err);
        for (int kv = 0; kv < 3; kv++) {
            assert_ok(us_engine_new(m, &(us_engine_options){.n_threads = 2, .n_ctx = 256, .kv_type = (us_kv_type)kv}, &e, &err),
                      &err);
            assert_ok(us_engine_seq_new(e, &seq, &err), &err);
            assert_ok(us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = 5}, 1, &err), &err);
            us_sampler_options so = us_sampler_defaults();
            assert_ok(us_sampler_new(&so, us_tokenizer_n_vocab(us_model_get_tokenizer(m)), &s, &err), &err);
            assert_int_equal(us_sampler_draw(s, us_engine_get_logits(e, 0, 0), &token, &err), US_ERR_FORMAT);
            assert_int_equal(us_engine_blame(e, seq, US_ERR_FORMAT, &err), US_ERR_FORMAT);
            assert_non_null(strstr(err.message, path));
            err.message[0] = 0;
            us_status st = us_engine_score(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = 5}, 1, scores, &err);
            if (st) assert_true(st == US_ERR_FORMAT && strstr(err.message, path));
            for (int i = 0; i < 5 && !st; i++) assert_true(isfinite(lp[i])); /* the portable level sums squares in float64 */
            us_sampler_free(s);
            us_engine_free(e);
        }
        us_model_free(m);
    }
}

/* Activations of any bits: what is no number stays none, what is tiny is zero, and nothing is undefined. */
static void activations_of_any_bits(void **state) {
    (void)state;
    static const char *const levels[] = {"scalar", "avx2", "avx512", "amx", "neon", "dotprod"};
    float x[64];
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        const us_kern *kn = us_kern_get_level(levels[l]);
        if (!kn) continue;
        for (size_t k = 0; k < 3 + sizeof bad_floats / sizeof *bad_floats; k++) {
            us_acts a;
            unsigned char *block = aligned_alloc(64, (us_acts_bytes(1, 64) + 63) & ~(size_t)63);
            us_acts_place(&a, block, 1, 64);
            for (size_t i = 0; i < 64; i++) x[i] = (float)i * 0.125f;
            if (k == 0) x[40] = 3e38f;
            else if (k == 1)
                for (size_t i = 32; i < 64; i++) x[i] = 1e-38f * (float)(i % 2);
            else if (k == 2)
                for (size_t i = 32; i < 64; i++) x[i] = 1e-42f;
            else memcpy(&x[40], &bad_floats[k - 3], 4);
            bool odd = !isfinite(x[40]);
            kn->quantize_acts(x, 64, 0, 1, &a);
            assert_true(isfinite(a.d[0]) && a.q[31] == 127);
            assert_true(odd ? isnan(a.d[1]) && isnan(a.s[1]) : isfinite(a.d[1]) && isfinite(a.s[1]));
            for (size_t i = 32; i < 64 && (odd || k == 1 || k == 2); i++) assert_int_equal(a.q[i], 0);
            free(block);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_row_is_sound_or_not), cmocka_unit_test(models_are_refused),
                                       cmocka_unit_test(adapters_are_refused), cmocka_unit_test(what_overflows_names_the_file),
                                       cmocka_unit_test(activations_of_any_bits)};
    dir = us_tiny_folder();
    path = us_path_join(dir, "m.gguf");
    lora_path = us_path_join(dir, "a.gguf");
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    free(path);
    free(lora_path);
    us_tiny_remove(dir);
    return rc;
}
