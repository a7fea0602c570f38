/* How the pre-tokenizers cut: token ids against Hugging Face's tokenizers, which tests/parity/pretokenizers.py recorded in
 * tests/data/tokenizers.json. And Gemma's SentencePiece: tokens that its maker added are matched in any text, markers not. */
#include "test.h"
#include "base/file.h"
#include "mktiny.h"
#include "model/gguf.h"
#include "model/tokenizer.h"
#include <jansson.h>

static us_error err;
static char *dir, *path;

static us_str *strings(json_t *list) {
    us_str *s = calloc(json_array_size(list), sizeof *s);
    for (size_t i = 0; i < json_array_size(list); i++)
        s[i] = (us_str){json_string_value(json_array_get(list, i)), json_string_length(json_array_get(list, i))};
    return s;
}

static void write_bpe(const char *pre, json_t *row) {
    json_t *tokens = json_object_get(row, "tokens"), *merges = json_object_get(row, "merges");
    us_str *t = strings(tokens), *m = strings(merges);
    us_gguf_writer *w;
    assert_ok(us_gguf_writer_new(&w, &err), &err);
    assert_ok(us_gguf_put_str(w, "tokenizer.ggml.model", "gpt2", 4, &err), &err);
    assert_ok(us_gguf_put_str(w, "tokenizer.ggml.pre", pre, strlen(pre), &err), &err);
    assert_ok(us_gguf_put_strs(w, "tokenizer.ggml.tokens", t, json_array_size(tokens), &err), &err);
    assert_ok(us_gguf_put_strs(w, "tokenizer.ggml.merges", m, json_array_size(merges), &err), &err);
    assert_ok(us_gguf_writer_finish(w, path, NULL, NULL, &err), &err);
    us_gguf_writer_free(w);
    free(t), free(m);
}

static us_tokenizer *open_tokenizer(us_gguf **g) {
    us_tokenizer *t;
    assert_ok(us_gguf_open(path, g, &err), &err);
    assert_ok(us_tokenizer_from_gguf(*g, &t, &err), &err);
    return t;
}

static void expect(const us_tokenizer *t, const char *what, const char *s, size_t n, bool special, const int32_t *want,
                   size_t n_want) {
    us_tokens got = {0};
    assert_ok(us_tokenizer_encode(t, s, n, special, &got, &err), &err);
    bool same = got.n == n_want;
    for (size_t i = 0; i < n_want && same; i++) same = got.ids[i] == want[i];
    if (!same) {
        for (size_t i = 0; i < got.n || i < n_want; i++)
            printf("# %d, expected %d\n", i < got.n ? got.ids[i] : -1, i < n_want ? want[i] : -1);
        fail_msg("%s: '%.*s' gives other tokens", what, (int)n, s);
    }
    us_tokens_fini(&got);
}

static void texts_are_cut_as_elsewhere(void **state) {
    (void)state;
    json_t *all = json_load_file(US_SOURCE_DIR "/tests/data/tokenizers.json", 0, NULL), *texts = json_object_get(all, "texts"),
           *row;
    const char *pre;
    size_t n = 0;
    assert_non_null(all);
    json_object_foreach(all, pre, row) {
        us_gguf *g;
        if (row == texts) continue;
        write_bpe(pre, row);
        us_tokenizer *t = open_tokenizer(&g);
        for (size_t i = 0; i < json_array_size(texts); i++, n++) {
            json_t *text = json_array_get(texts, i), *ids = json_array_get(json_object_get(row, "ids"), i);
            int32_t want[256];
            for (size_t k = 0; k < json_array_size(ids); k++) want[k] = (int32_t)json_integer_value(json_array_get(ids, k));
            expect(t, pre, json_string_value(text), json_string_length(text), false, want, json_array_size(ids));
        }
        us_tokenizer_free(t);
        us_gguf_close(g);
    }
    assert_true(n > 100);
    json_decref(all);
}

/* Pieces with their kinds and scores; what stands last is the text's own letters. */
static void added_tokens_are_matched_in_any_text(void **state) {
    (void)state;
    static const us_str tokens[] = {{"<unk>", 5},
                                    {"<bos>", 5},
                                    {"<eos>", 5},
                                    {"<start_of_turn>", 15},
                                    {"\n", 1},
                                    {"\n\n", 2},
                                    {"  ", 2},
                                    {"   ", 3},
                                    {"<table>", 7},
                                    {"[x]", 3},
                                    {"\xe2\x96\x81", 3},
                                    {"a", 1},
                                    {"b", 1},
                                    {"\xe2\x96\x81"
                                     "b",
                                     4},
                                    {"<", 1},
                                    {">", 1},
                                    {"x", 1},
                                    {"[", 1},
                                    {"]", 1},
                                    {"ab", 2}};
    enum { N = sizeof tokens / sizeof *tokens };
    static const int32_t kinds[N] = {2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    float scores[N];
    for (int i = 0; i < N; i++) scores[i] = i < 10 ? -1000 : i == N - 1 ? -1 : i == 13 ? -2 : -10.0f - (float)i;
    us_gguf_writer *w;
    us_gguf *g;
    assert_ok(us_gguf_writer_new(&w, &err), &err);
    assert_ok(us_gguf_put_str(w, "tokenizer.ggml.model", "llama", 5, &err), &err);
    assert_ok(us_gguf_put_strs(w, "tokenizer.ggml.tokens", tokens, N, &err), &err);
    assert_ok(us_gguf_put_array(w, "tokenizer.ggml.token_type", US_KV_I32, kinds, N, &err), &err);
    assert_ok(us_gguf_put_array(w, "tokenizer.ggml.scores", US_KV_FLOAT32, scores, N, &err), &err);
    assert_ok(us_gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 0, &err), &err);
    assert_ok(us_gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", false, &err), &err);
    assert_ok(us_gguf_writer_finish(w, path, NULL, NULL, &err), &err);
    us_gguf_writer_free(w);
    us_tokenizer *t = open_tokenizer(&g);
    static const struct {
        const char *text;
        bool special;
        int32_t ids[12];
        size_t n;
    } cases[] = {
        {"ab b", false, {19, 13}, 2},                                /* no blank in front, scores decide */
        {"a\n\n\nb   b  a", false, {11, 5, 4, 12, 7, 12, 6, 11}, 8}, /* added tokens, the longest first */
        {"[x]", false, {17, 16, 18}, 3},                             /* what looks like a marker is text when it is typed */
        {"[x]a", true, {9, 11}, 2},
        {"<bos>a", true, {1, 11}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(t, "gemma", cases[i].text, strlen(cases[i].text), cases[i].special, cases[i].ids, cases[i].n);
    us_tokenizer_free(t);
    us_gguf_close(g);
}

static us_tokenizer *small(const char *model, const char *pre, const us_str *tokens, size_t n, us_gguf **g) {
    static const us_str merge = {"a b", 3};
    us_gguf_writer *w;
    assert_ok(us_gguf_writer_new(&w, &err), &err);
    assert_ok(us_gguf_put_str(w, "tokenizer.ggml.model", model, strlen(model), &err), &err);
    if (pre) assert_ok(us_gguf_put_str(w, "tokenizer.ggml.pre", pre, strlen(pre), &err), &err);
    if (pre) assert_ok(us_gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 1, &err), &err);
    assert_ok(us_gguf_put_strs(w, "tokenizer.ggml.tokens", tokens, n, &err), &err);
    assert_ok(us_gguf_put_strs(w, "tokenizer.ggml.merges", &merge, 1, &err), &err);
    assert_ok(us_gguf_writer_finish(w, path, NULL, NULL, &err), &err);
    us_gguf_writer_free(w);
    return open_tokenizer(g);
}

/* What a file leaves open is what llama.cpp makes of it. */
static void what_a_file_does_not_say(void **state) {
    (void)state;
    static const us_str spm[] = {{"<unk>", 5}, {"<s>", 3}, {"</s>", 4}, {"a", 1}, {"b", 1}, {"ab", 2}};
    static const us_str other[] = {{"<pad>", 5}, {"<bos>", 5}, {"<eos>", 5}, {"a", 1}, {"b", 1}, {"ab", 2}};
    /* A token that is written as no bytes are stands before one of the same bytes: a text becomes the second. */
    static const us_str bpe[] = {{"x", 1}, {"y", 1}, {"\xe2\x80\x8d", 3}, {"\xc3\xa2\xc4\xa2\xc4\xaf", 6}, {"a", 1},
                                 {"b", 1}, {"ab", 2}};
    static const struct {
        const char *pre;
        bool bos;
    } rows[] = {{"llama-bpe", true}, {"tekken", true}, {"qwen2", false}, {"gpt-2", false}, {"default", false}};
    us_gguf *g;
    us_tokenizer *t = small("llama", NULL, spm, 6, &g);
    assert_int_equal(us_tokenizer_bos(t), 1);
    assert_int_equal(us_tokenizer_eos(t), 2);
    assert_int_equal(t->unknown, 0);
    assert_true(us_tokenizer_add_bos(t) && us_tokenizer_is_end(t, 2));
    us_tokenizer_free(t);
    us_gguf_close(g);
    t = small("llama", NULL, other, 6, &g); /* no such tokens there: it has none */
    assert_int_equal(us_tokenizer_bos(t), -1);
    assert_false(us_tokenizer_add_bos(t));
    us_tokenizer_free(t);
    us_gguf_close(g);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        t = small("gpt2", rows[i].pre, bpe, 7, &g);
        assert_int_equal(us_tokenizer_add_bos(t), rows[i].bos);
        if (t->pre.whole_words) expect(t, rows[i].pre, "\xe2\x80\x8d", 3, false, (int32_t[]){3}, 1);
        us_tokenizer_free(t);
        us_gguf_close(g);
    }
}

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    path = us_path_join(dir, "tokenizer.gguf");
    return !dir || !path;
}

static int teardown(void **state) {
    (void)state;
    us_tiny_remove(dir);
    free(path);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_cut_as_elsewhere),
                                       cmocka_unit_test(added_tokens_are_matched_in_any_text),
                                       cmocka_unit_test(what_a_file_does_not_say)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
