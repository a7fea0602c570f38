/* The models that the other tests stand on: each opens, its tokenizer keeps any bytes, the same seed gives the same file. */
#include "test.h"
#include "base/sha256.h"
#include "mktiny.h"
#include "model/gguf.h"
#include "model/tokenizer.h"
#include "understudy/template.h"

static const int types[] = {US_TYPE_F32,  US_TYPE_F16,  US_TYPE_BF16, US_TYPE_Q4_0,   US_TYPE_Q4_1,
                            US_TYPE_Q5_0, US_TYPE_Q5_1, US_TYPE_Q8_0, US_TYPE_Q2_K,   US_TYPE_Q3_K,
                            US_TYPE_Q4_K, US_TYPE_Q5_K, US_TYPE_Q6_K, US_TYPE_IQ4_NL, US_TYPE_IQ4_XS};
static const char *const archs[] = {"llama", "llama3", "qwen2", "qwen3"};
static us_error err;

static void round_trip(const us_gguf *g) {
    us_tokenizer *tok;
    us_tokens ids = {0};
    unsigned char text[512];
    for (int i = 0; i < 512; i++) text[i] = (unsigned char)(i < 256 ? i : " the doughnut, oh you\n\n"[i % 23]);
    assert_ok(us_tokenizer_from_gguf(g, &tok, &err), &err);
    assert_ok(us_tokenizer_encode(tok, (char *)text, sizeof text, false, &ids, &err), &err);
    us_str model;
    assert_ok(us_gguf_get_str(g, "tokenizer.ggml.model", &model, &err), &err);
    size_t at = us_str_eq(model, "llama") ? 1 : 0, n, total = 0; /* SentencePiece puts a blank in front */
    for (size_t i = 0; i < ids.n; i++) {
        const char *p = us_tokenizer_piece(tok, ids.ids[i], &n);
        size_t skip = total < at ? at - total : 0;
        if (n > skip) assert_memory_equal(p + skip, text + total + skip - at, n - skip);
        total += n;
    }
    assert_int_equal(total, sizeof text + at);
    assert_true(ids.n < 480); /* merges are used */
    us_tokens_fini(&ids);
    us_tokenizer_free(tok);
}

static void every_kind_opens(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), *path = NULL;
    assert_true(dir && asprintf(&path, "%s/m.gguf", dir) > 0);
    for (size_t a = 0; a < sizeof archs / sizeof *archs; a++)
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            us_tiny t = {.arch = archs[a], .type = types[i], .seed = i, .untied = i % 2, .spm = a == 0 && i % 3 == 0};
            us_gguf *g;
            us_str s;
            assert_ok(us_tiny_write(&t, path, &err), &err);
            assert_ok(us_gguf_open(path, &g, &err), &err);
            const us_tensor *w = us_gguf_find_tensor(g, "blk.1.ffn_down.weight");
            assert_non_null(w);
            assert_int_equal(w->type, types[i]);
            assert_int_equal(us_gguf_find_tensor(g, "output.weight") != NULL, t.untied);
            assert_int_equal(us_gguf_find_tensor(g, "blk.0.attn_q.bias") != NULL, a == 2);
            assert_int_equal(us_gguf_find_tensor(g, "blk.0.attn_q_norm.weight") != NULL, a == 3);
            assert_int_equal(us_gguf_find_tensor(g, "rope_freqs.weight") != NULL, a == 1);
            float row[512], sum = 0;
            us_dequant_row((us_type)w->type, w->data, row, (size_t)w->ne[0]);
            for (int64_t k = 0; k < w->ne[0]; k++) sum += row[k] * row[k];
            assert_true(sum > 0.05f && sum < 1.0f); /* 1 / (2 L) on average, plus what rounding does */
            round_trip(g);
            assert_ok(us_gguf_get_str(g, "tokenizer.chat_template", &s, &err), &err);
            us_template *chat;
            assert_ok(us_template_recognise(s.data, s.len, NULL, NULL, &chat, &err), &err);
            assert_string_equal(us_template_name(chat), t.spm ? "llama2" : a == 1 ? "llama3" : "chatml");
            us_template_free(chat);
            us_gguf_close(g);
        }
    free(path);
    us_tiny_remove(dir);
}

static void hash_of(const char *path, char out[65]) {
    us_map map;
    assert_ok(us_map_open(path, &map, &err), &err);
    us_sha256_hex(map.data, map.size, out);
    us_map_close(&map);
}

static void the_seed_decides(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), *path = NULL, hash[3][65];
    assert_true(dir && asprintf(&path, "%s/m.gguf", dir) > 0);
    for (int i = 0; i < 3; i++) {
        assert_ok(us_tiny_write(&(us_tiny){.type = US_TYPE_Q4_1, .seed = i == 2}, path, &err), &err);
        hash_of(path, hash[i]);
    }
    assert_string_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
    free(path);
    us_tiny_remove(dir);
}

static void adapters_fit(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), *path = NULL;
    us_gguf *g;
    assert_true(dir && asprintf(&path, "%s/a.gguf", dir) > 0);
    assert_ok(us_tiny_write_adapter(&(us_tiny){.arch = "qwen3"}, 4, 8, path, &err), &err);
    assert_ok(us_gguf_open(path, &g, &err), &err);
    const us_tensor *a = us_gguf_find_tensor(g, "blk.1.attn_output.weight.lora_a"),
                    *b = us_gguf_find_tensor(g, "blk.1.attn_output.weight.lora_b");
    assert_true(a && b && a->ne[0] == 256 && a->ne[1] == 4 && b->ne[0] == 4 && b->ne[1] == 128);
    us_gguf_close(g);
    assert_int_equal(us_tiny_write(&(us_tiny){.arch = "gpt5"}, path, &err), US_ERR_ARGUMENT);
    free(path);
    us_tiny_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_opens), cmocka_unit_test(the_seed_decides),
                                       cmocka_unit_test(adapters_fit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
