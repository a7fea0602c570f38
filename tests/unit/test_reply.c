/* Replies on a tiny model, whoever asks for them: attempts, seeds, stops, cancelling, errors. Starts threads (pthread). */
#include "reply/reply.h"
#include "base/buf.h"
#include "test.h"
#include "../../tools/mktiny.h"

static us_model *model;
static us_engine *engine;
static us_backend backend;
static us_error err;

static int setup(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), path[4096];
    us_tiny o = {.seed = 3};
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.n_threads = 1}, &model, &err), &err);
    us_tiny_remove(dir);
    assert_ok(us_engine_new(model, &(us_engine_options){.n_threads = 2, .n_ctx = 8192, .n_seq_max = 300}, &engine, &err), &err);
    assert_ok(us_backend_open(engine, 4, 8, &backend, &err), &err);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    us_backend_close(&backend);
    us_engine_free(engine);
    us_model_free(model);
    return 0;
}

static us_reply_spec spec_of(const char *text) {
    us_reply_spec s = {.policy = {.sampler = us_sampler_defaults(), .max_tokens = 24, .own = "Tom Cat"}};
    s.policy.sampler.seed = 7;
    s.policy.sampler.temperature = 1;
    assert_ok(us_tokenizer_encode(backend.tok, text, strlen(text), false, &s.prompt, &err), &err);
    return s;
}

static us_reply_view finish(us_reply *r) {
    us_reply_view v;
    while (!(v = us_reply_wait(r, 1000)).done) continue;
    return v;
}

/* The reply to `text`, by the policy of `s`; frees nothing of it. */
static void reply_of(us_reply_spec *s, char out[4096], us_reply_view *view) {
    us_reply *r;
    us_buf streamed;
    us_buf_init(&streamed, 1 << 20);
    assert_ok(us_reply_begin(&backend, s, &r, &err), &err);
    us_reply_view v;
    do {
        v = us_reply_wait(r, 1000);
        assert_ok(us_reply_read(r, 0, streamed.len, &streamed, &err), &err);
    } while (!v.done);
    assert_int_equal(v.status, US_OK);
    us_reply_text t = us_reply_get(r, 0);
    assert_int_equal(streamed.len, t.n); /* what was streamed is what is spoken */
    if (t.n) assert_memory_equal(streamed.data, t.text, t.n);
    snprintf(out, 4096, "%.*s", (int)t.n, t.text);
    if (view) *view = v;
    us_buf_fini(&streamed);
    us_reply_free(r);
}

/* Same seed, same bytes; another seed or another prompt, others; the first of several takes is the single one. */
static void seeds(void **state) {
    (void)state;
    char a[4096], b[4096];
    us_reply_spec s = spec_of("the cat and the dog");
    reply_of(&s, a, NULL);
    s = spec_of("the cat and the dog");
    reply_of(&s, b, NULL);
    assert_string_equal(a, b);
    s = spec_of("the cat and the dog");
    s.policy.sampler.seed = 8;
    reply_of(&s, b, NULL);
    assert_string_not_equal(a, b);

    us_reply *r;
    s = spec_of("the cat and the dog");
    s.policy.n_takes = 4;
    assert_ok(us_reply_begin(&backend, &s, &r, &err), &err);
    assert_int_equal(finish(r).n_takes, 4);
    us_reply_text first = us_reply_get_drawn(r, 0);
    assert_int_equal(first.n, strlen(a));
    assert_memory_equal(first.text, a, first.n);
    for (int i = 1; i < 4; i++) assert_true(us_reply_get(r, 0).score >= us_reply_get(r, i).score);
    us_reply_free(r);
}

/* Where most takes end at once, a character's reply is made again until it has a word; the bare model's is not. */
static void attempts(void **state) {
    (void)state;
    us_logit_bias ends[16];
    size_t n = 0;
    int n_again = 0, n_empty = 0;
    for (int32_t id = 0; id < us_tokenizer_n_vocab(backend.tok) && n < 16; id++)
        if (us_tokenizer_is_end(backend.tok, id)) ends[n++] = (us_logit_bias){id, 7};
    for (uint64_t seed = 0; seed < 40; seed++)
        for (int own = 0; own < 2; own++) {
            char text[4096];
            us_reply_view v;
            us_reply_spec s = spec_of("hello");
            s.policy.sampler.seed = seed;
            s.policy.sampler.biases = ends;
            s.policy.sampler.n_biases = n;
            s.policy.max_tokens = 8;
            if (!own) s.policy.own = NULL;
            reply_of(&s, text, &v);
            assert_in_range(v.n_attempts, 1, own ? US_REPLY_ATTEMPTS : 1);
            if (own) n_again += v.n_attempts > 1 && *text;
            else n_empty += !*text;
            if (own && !*text) assert_int_equal(v.n_attempts, US_REPLY_ATTEMPTS);
        }
    assert_true(n_again > 0 && n_empty > 0);
}

/* A stop text that the reply comes to is not shown, nor anything after it; a label of a name, or of its first name, neither. */
static void stops(void **state) {
    (void)state;
    char whole[4096], cut[4096], text[8];
    us_reply_spec s = spec_of("the cat and the dog");
    s.policy.own = NULL;
    reply_of(&s, whole, NULL);
    assert_true(strlen(whole) > 12);
    snprintf(text, sizeof text, "%.4s", whole + 6);
    const char *texts[] = {text};
    s = spec_of("the cat and the dog");
    s.policy.own = NULL;
    s.policy.texts = texts;
    s.policy.n_texts = 1;
    reply_of(&s, cut, NULL);
    char *at = strstr(whole, text);
    assert_int_equal(strlen(cut), at - whole);
    assert_memory_equal(cut, whole, strlen(cut));
}

static void refuses(void **state) {
    (void)state;
    us_reply *r, *other;
    us_reply_spec s = spec_of("the cat");
    assert_true(us_reply_room(&backend, &s.policy) < 8192);
    while (s.prompt.n < 9000) assert_ok(us_tokens_push(&s.prompt, 40, &err), &err); /* can never fit: an end in words */
    assert_ok(us_reply_begin(&backend, &s, &r, &err), &err);
    assert_int_equal(finish(r).status, US_ERR_LIMIT);
    assert_string_equal(us_reply_error(r)->reason, "context_length_exceeded");
    us_reply_free(r);

    /* two that fail in one pass: each has its own words */
    us_logit_bias bad[2] = {{1000000, 1}, {2000000, 1}};
    us_reply_spec a = spec_of("the cat"), b = spec_of("the dog");
    a.policy.n_takes = b.policy.n_takes = 3;
    a.policy.sampler.biases = &bad[0];
    b.policy.sampler.biases = &bad[1];
    a.policy.sampler.n_biases = b.policy.sampler.n_biases = 1;
    assert_ok(us_reply_begin(&backend, &a, &r, &err), &err);
    assert_ok(us_reply_begin(&backend, &b, &other, &err), &err);
    assert_int_equal(finish(r).status, US_ERR_ARGUMENT);
    assert_int_equal(finish(other).status, US_ERR_ARGUMENT);
    assert_non_null(strstr(us_reply_error(r)->message, "1000000"));
    assert_non_null(strstr(us_reply_error(other)->message, "2000000"));
    us_reply_free(r);
    us_reply_free(other);
}

static void cancels(void **state) {
    (void)state;
    us_reply *r;
    us_buf text;
    us_logit_bias ends[16];
    size_t n = 0;
    us_buf_init(&text, 1 << 20);
    for (int32_t id = 0; id < us_tokenizer_n_vocab(backend.tok) && n < 16; id++)
        if (us_tokenizer_is_end(backend.tok, id)) ends[n++] = (us_logit_bias){id, -100};
    us_reply_spec s = spec_of("the cat");
    s.policy.own = NULL;
    s.policy.max_tokens = 3000;
    s.policy.sampler.biases = ends;
    s.policy.sampler.n_biases = n;
    assert_ok(us_reply_begin(&backend, &s, &r, &err), &err);
    while (!text.len) {
        us_reply_wait(r, 1000);
        assert_ok(us_reply_read(r, 0, 0, &text, &err), &err);
    }
    us_reply_cancel(r);
    assert_int_equal(finish(r).status, US_ERR_INTERRUPTED);
    us_reply_text t = us_reply_get(r, 0); /* what was shown stands */
    assert_int_equal(t.end, US_END_CANCEL);
    assert_true(t.n >= text.len);
    assert_memory_equal(t.text, text.data, text.len);
    us_reply_free(r);
    us_buf_fini(&text);
}

/* While several takes are made, one of them is there to be looked at; when the best is chosen, it is gone. */
static void drafts(void **state) {
    (void)state;
    us_reply *r;
    us_buf draft;
    bool seen = false;
    us_buf_init(&draft, 1 << 20);
    for (int i = 0; i < 100 && !seen; i++) { /* a reply may be over before this thread looks */
        us_logit_bias ends[1] = {{us_tokenizer_eos(backend.tok), -100}};
        us_reply_spec s = spec_of("the cat");
        s.policy.n_takes = 4;
        s.policy.own = NULL;
        s.policy.max_tokens = 400;
        s.policy.sampler.seed = (uint64_t)i;
        s.policy.sampler.biases = ends;
        s.policy.sampler.n_biases = 1;
        assert_ok(us_reply_begin(&backend, &s, &r, &err), &err);
        while (!us_reply_wait(r, 1000).done) {
            us_buf_clear(&draft);
            assert_ok(us_reply_read_draft(r, &draft, &err), &err);
            seen = seen || draft.len;
        }
        us_buf_clear(&draft);
        assert_ok(us_reply_read_draft(r, &draft, &err), &err);
        assert_int_equal(draft.len, 0);
        us_reply_free(r);
    }
    assert_true(seen);
    us_buf_fini(&draft);
}

/* Takes come best first, each once; as they were drawn they are still to be had. */
static void best_first(void **state) {
    (void)state;
    enum { N = 6 };
    bool seen[N] = {0};
    us_reply *r;
    us_reply_spec s = spec_of("Who is there?");
    s.policy.n_takes = N;
    s.policy.weights.length_power = 1;
    assert_ok(us_reply_begin(&backend, &s, &r, &err), &err);
    assert_int_equal(finish(r).status, US_OK);
    assert_int_equal(us_reply_count(r), N);
    for (int32_t i = 0; i < N; i++) {
        us_reply_text t = us_reply_get(r, i);
        int32_t k = 0;
        while (k < N && (seen[k] || us_reply_get_drawn(r, k).take != t.take)) k++;
        assert_in_range(k, 0, N - 1);
        seen[k] = true;
        if (i) assert_true(us_reply_get(r, i - 1).score >= t.score);
    }
    us_reply_free(r);
}

/* A single take that goes round is kept, and says once what it would say for ever. */
static void a_loop_is_shown_once(void **state) {
    (void)state;
    us_tokens a = {0};
    us_reply *r;
    us_reply_spec s = spec_of("Who is there?");
    assert_ok(us_tokenizer_encode(backend.tok, "a", 1, false, &a, &err), &err);
    s.policy.sampler = (us_sampler_options){.biases = &(us_logit_bias){a.ids[0], 100}, .n_biases = 1};
    assert_ok(us_reply_begin(&backend, &s, &r, &err), &err);
    assert_int_equal(finish(r).status, US_OK);
    assert_int_equal(us_reply_get(r, 0).end, US_END_LOOP);
    assert_true(us_reply_get(r, 0).n_tokens >= 12);
    assert_string_equal(us_reply_get(r, 0).text, "a");
    us_reply_free(r);
    us_tokens_fini(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(seeds),      cmocka_unit_test(attempts),
                                       cmocka_unit_test(stops),      cmocka_unit_test(refuses),
                                       cmocka_unit_test(cancels),    cmocka_unit_test(drafts),
                                       cmocka_unit_test(best_first), cmocka_unit_test(a_loop_is_shown_once)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
