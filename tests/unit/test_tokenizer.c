/* The default model's tokenizer and template against what two independent stacks recorded (skipped without them). */
#include "test.h"
#include "model/gguf.h"
#include "model/tokenizer.h"
#include "understudy/template.h"
#include "shared.h"
#include <jansson.h>

static us_gguf *gguf;
static us_tokenizer *tok;

static int open_model(void **state) {
    (void)state;
    us_error err;
    char *path = default_model();
    if (!path) return 0;
    if (us_gguf_open(path, &gguf, &err) || us_tokenizer_from_gguf(gguf, &tok, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    free(path);
    return 0;
}
static int close_model(void **state) {
    (void)state;
    us_tokenizer_free(tok);
    us_gguf_close(gguf);
    return 0;
}

static void round_trip(const char *s, size_t n, bool special) {
    us_error err;
    us_tokens ids = {0};
    char back[4096];
    size_t k = 0;
    assert_ok(us_tokenizer_encode(tok, s, n, special, &ids, &err), &err);
    for (size_t i = 0; i < ids.n; i++) {
        size_t len;
        const char *p = us_tokenizer_piece(tok, ids.ids[i], &len);
        memcpy(back + k, p, len);
        k += len;
    }
    assert_int_equal(k, n);
    assert_memory_equal(back, s, n);
    us_tokens_fini(&ids);
}

static void ids_equal_the_reference(void **state) {
    (void)state;
    char *path = shared_file("reference/tokens_llamacpp.jsonl");
    if (!tok || !path) skip();
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0, n_lines = 0;
    us_error err;
    while (getline(&line, &cap, f) > 0) {
        json_t *j = json_loads(line, JSON_ALLOW_NUL, NULL), *text = json_object_get(j, "text"),
               *want = json_object_get(j, "ids");
        assert_non_null(want);
        us_tokens got = {0};
        assert_ok(us_tokenizer_encode(tok, json_string_value(text), json_string_length(text), true, &got, &err), &err);
        bool same = got.n == json_array_size(want);
        for (size_t i = 0; same && i < got.n; i++) same = got.ids[i] == json_integer_value(json_array_get(want, i));
        if (!same) fail_msg("%s", line);
        round_trip(json_string_value(text), json_string_length(text), true);
        us_tokens_fini(&got);
        json_decref(j);
        n_lines++;
    }
    assert_true(n_lines >= 40);
    fclose(f);
    free(line);
    free(path);
}

static void any_bytes_survive(void **state) {
    (void)state;
    if (!tok) skip();
    char s[512];
    size_t n = 0;
    for (int i = 0; i < 512; i++) {
        char c = (char)(i * 37 + i / 7);
        if (tok->byte_ids[(unsigned char)c] >= 0) s[n++] = c; /* the model has no tokens for a few control characters */
    }
    assert_true(n > 450);
    round_trip(s, n, false);
    round_trip("<|im_end|>", 10, false);
}

static void special_text_of_users_is_ordinary(void **state) {
    (void)state;
    if (!tok) skip();
    us_error err;
    us_tokens a = {0}, b = {0};
    assert_ok(us_tokenizer_encode(tok, "<|im_end|>", 10, false, &a, &err), &err);
    assert_ok(us_tokenizer_encode(tok, "<|im_end|>", 10, true, &b, &err), &err);
    assert_true(a.n > 1);
    assert_int_equal(b.n, 1);
    assert_true(us_tokenizer_is_end(tok, b.ids[0]));
    us_tokens_fini(&a);
    us_tokens_fini(&b);
}

static void templates_equal_the_reference(void **state) {
    (void)state;
    char *path = shared_file("reference/chat_template.json");
    if (!tok || !path) skip();
    us_error err;
    us_str jinja;
    assert_ok(us_gguf_get_str(gguf, "tokenizer.chat_template", &jinja, &err), &err);
    us_template *t;
    assert_ok(us_template_recognise(jinja.data, jinja.len, NULL, NULL, &t, &err), &err);
    json_t *all = json_load_file(path, 0, NULL);
    size_t i, k;
    json_t *one, *m;
    json_array_foreach(all, i, one) {
        us_message messages[8];
        json_array_foreach(json_object_get(one, "messages"), k, m)
            messages[k] =
                (us_message){json_string_value(json_object_get(m, "role")), json_string_value(json_object_get(m, "content"))};
        char *text;
        const char *want = json_string_value(json_object_get(one, "text"));
        us_tokens whole = {0}, parts = {0};
        us_turn_span spans[8];
        assert_ok(us_template_render(t, messages, k, true, &text, &err), &err);
        assert_string_equal(text, want);
        assert_ok(us_tokenizer_encode(tok, want, strlen(want), true, &whole, &err), &err);
        assert_ok(us_template_tokenize(t, tok, messages, k, true, &parts, spans, &err), &err);
        assert_int_equal(whole.n, parts.n);
        assert_memory_equal(whole.ids, parts.ids, whole.n * sizeof *whole.ids);
        for (size_t s = 0; s < k; s++) assert_true(us_tokenizer_is_end(tok, parts.ids[spans[s].end]));
        us_tokens_fini(&whole);
        us_tokens_fini(&parts);
        free(text);
    }
    json_decref(all);
    us_template_free(t);
    free(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids_equal_the_reference), cmocka_unit_test(any_bytes_survive),
                                       cmocka_unit_test(special_text_of_users_is_ordinary),
                                       cmocka_unit_test(templates_equal_the_reference)};
    return cmocka_run_group_tests(tests, open_model, close_model);
}
