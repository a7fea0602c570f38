/* The library's chat on a tiny model: greeting, takes, seeds, wordings, undo, stops, saving; files of version 0.1. Starts
 * threads (pthread). */
#include "understudy/chat.h"
#include "understudy/train.h"
#include "base/file.h"
#include "test.h"
#include "../../tools/mktiny.h"

static us_model *model;
static us_engine *engine, *roomy; /* roomy: for replies so long that a stop finds them unfinished on the busiest machine */
#define LONG 6000
static us_card *card;
static us_error err;

static int setup(void **state) {
    (void)state;
    static const char json[] =
        "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Tom Cat\",\"description\":\"You are {{char}}.\","
        "\"first_mes\":\"Seen the mouse, {{user}}?\",\"alternate_greetings\":[\"Hello.\",\"\",\"Milk?\"],"
        "\"extensions\":{\"understudy\":{\"cast\":[\"Jerry\"],\"takes\":2,\"history\":6,\"sampler\":{\"temperature\":1}}}}}";
    char *dir = us_tiny_folder(), path[4096];
    us_tiny o = {.seed = 5, .n_ctx = 8192};
    snprintf(path, sizeof path, "%s/model.gguf", dir);
    assert_ok(us_tiny_write(&o, path, &err), &err);
    assert_ok(us_model_open(path, &(us_model_options){.n_threads = 1}, &model, &err), &err);
    us_tiny_remove(dir);
    assert_ok(
        us_engine_new(model, &(us_engine_options){.n_threads = 2, .n_ctx = us_chat_engine_tokens(400, 8, 12)}, &engine, &err),
        &err);
    assert_ok(us_engine_new(model, &(us_engine_options){.n_threads = 2, .n_ctx = us_chat_engine_tokens(LONG + 400, 2, LONG)},
                            &roomy, &err),
              &err);
    assert_ok(us_card_parse(json, sizeof json - 1, "test", &card, &err), &err);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    us_card_free(card);
    us_engine_free(engine);
    us_engine_free(roomy);
    us_model_free(model);
    return 0;
}

static us_chat *chat_of(uint64_t seed, int32_t takes) {
    us_sampler_options s = us_card_sampler(card);
    us_chat *c;
    s.seed = seed;
    assert_ok(us_chat_new(engine, card, &(us_chat_options){.sampler = &s, .takes = takes, .max_tokens = 12}, &c, &err), &err);
    return c;
}

static void prompt_holds(us_chat *c, const char *text, bool wanted) {
    char *prompt;
    int32_t n;
    assert_ok(us_chat_show_prompt(c, &prompt, &n, &err), &err);
    if ((strstr(prompt, text) != NULL) != wanted) fail_msg("'%s' %s in: %s", text, wanted ? "is not" : "is", prompt);
    free(prompt);
}

/* The first turn; the model reads it; it is edited and swiped like any other. */
static void greeting(void **state) {
    (void)state;
    us_chat *c = chat_of(1, 1);
    assert_int_equal(us_chat_n_turns(c), 1);
    us_chat_turn t = us_chat_get_turn(c, 0);
    assert_true(t.own && t.n_alternatives == 3 && t.n_chosen == 0);
    assert_string_equal(t.text, "Seen the mouse, you?");
    prompt_holds(c, "Seen the mouse", true);
    assert_ok(us_chat_choose(c, 0, 2, &err), &err);
    prompt_holds(c, "Milk?", true);
    prompt_holds(c, "Seen the mouse", false);
    assert_ok(us_chat_edit(c, 0, "Any cheese?", &err), &err);
    prompt_holds(c, "Any cheese?", true);
    assert_int_equal(us_chat_get_turn(c, 0).n_chosen, 3);
    assert_int_equal(us_chat_choose(c, 0, 4, &err), US_ERR_ARGUMENT);
    assert_int_equal(us_chat_edit(c, 1, "x", &err), US_ERR_ARGUMENT);
    assert_int_equal(us_chat_edit(c, 0, "\xff", &err), US_ERR_ARGUMENT);
    assert_false(us_chat_undo(c)); /* nobody but the character has spoken */
    us_chat_result r;
    assert_int_equal(us_chat_regenerate(c, NULL, NULL, &r, &err), US_ERR_NOT_FOUND);
    us_chat_free(c);
}

static void seeds_and_wordings(void **state) {
    (void)state;
    us_chat_result r;
    char first[4096], second[4096];
    us_chat *c = chat_of(3, 2);
    assert_ok(us_chat_set_user(c, "Jane Doe", &err), &err);
    assert_ok(us_chat_reply(c, "Hello there.", NULL, NULL, &r, &err), &err);
    assert_true(r.n_takes == 2 && r.n_attempts >= 1 && r.n_prompt_tokens > 0);
    prompt_holds(c, "Jane Doe: Hello there.", true);
    snprintf(first, sizeof first, "%s", r.text);
    assert_ok(us_chat_regenerate(c, NULL, NULL, &r, &err), &err);
    snprintf(second, sizeof second, "%s", r.text);
    assert_string_not_equal(first, second);
    us_chat_turn t = us_chat_get_turn(c, 2);
    assert_true(t.n_alternatives == 2 && t.n_chosen == 1 && us_chat_n_turns(c) == 3);
    assert_string_equal(t.text, second);
    assert_true(us_chat_undo(c));
    assert_int_equal(us_chat_n_turns(c), 1);
    us_chat_reseed(c, 4);
    assert_ok(us_chat_reply(c, "Hello there.", NULL, NULL, &r, &err), &err);
    assert_string_equal(r.text, second); /* the next seed */
    us_chat_free(c);

    c = chat_of(3, 2); /* the same turns and seed: the same bytes */
    assert_ok(us_chat_set_user(c, "Jane Doe", &err), &err);
    assert_ok(us_chat_reply(c, "Hello there.", NULL, NULL, &r, &err), &err);
    assert_string_equal(r.text, first);
    us_chat_counts n = us_chat_get_counts(c);
    assert_true(n.n_replies == 1 && n.n_takes >= 2);
    us_chat_free(c);
}

typedef struct heard {
    char text[4096];
    int calls, stop_after; /* 0: never */
} heard;

static bool stream(void *ctx, const char *text, size_t n) {
    heard *h = ctx;
    strncat(h->text, text, n);
    h->calls += n > 0;
    return !h->stop_after || h->calls < h->stop_after;
}

static void streams_and_stops(void **state) {
    (void)state;
    us_chat_result r;
    us_chat *c = chat_of(3, 1);
    heard h = {0};
    assert_ok(us_chat_reply(c, "Hello there.", stream, &h, &r, &err), &err);
    assert_string_equal(h.text, r.text);
    us_chat_free(c);

    us_sampler_options s = us_card_sampler(card); /* of several takes nothing is shown before the end: the chat is as it was */
    s.biases = (us_logit_bias[]){{us_tokenizer_eos(us_model_get_tokenizer(model)), -100}};
    s.n_biases = 1;
    assert_ok(us_chat_new(engine, card, &(us_chat_options){.sampler = &s, .takes = 2, .max_tokens = 200}, &c, &err), &err);
    h = (heard){.stop_after = -1};
    r.n_takes = 77;
    assert_int_equal(us_chat_reply(c, "Hello there.", stream, &h, &r, &err), US_ERR_INTERRUPTED);
    assert_true(us_chat_n_turns(c) == 1 && r.n_takes == 77); /* an error leaves results untouched */
    us_chat_free(c);
}

static us_chat *chat_with(us_sampler_options *s, int32_t max_tokens) {
    us_chat *c;
    assert_ok(us_chat_new(engine, card, &(us_chat_options){.sampler = s, .takes = 1, .max_tokens = max_tokens}, &c, &err),
              &err);
    return c;
}

/* Stopped by the caller: the words that were shown are the reply. The model runs ahead of who listens: a reply that had ended by
 * itself by then is one too, so it is tried until one was cut off. */
static void cancelled(void **state) {
    (void)state;
    us_chat_result r;
    bool cut = false;
    for (int i = 0; i < 100 && !cut; i++) {
        us_sampler_options s = us_card_sampler(card);
        s.seed = 3 + (uint64_t)i;
        s.biases = (us_logit_bias[]){{us_tokenizer_eos(us_model_get_tokenizer(model)), -100}};
        s.n_biases = 1;
        us_chat *c;
        assert_ok(us_chat_new(roomy, card, &(us_chat_options){.sampler = &s, .takes = 1, .max_tokens = LONG}, &c, &err), &err);
        heard h = {.stop_after = 3};
        assert_ok(us_chat_reply(c, "Hello there.", stream, &h, &r, &err), &err);
        cut = r.end == US_END_CANCEL;
        assert_true(strlen(h.text) > 0 && (!cut || r.n_tokens < LONG));
        if (cut) assert_memory_equal(r.text, h.text, strlen(h.text)); /* a word that was made meanwhile may stand behind them */
        assert_int_equal(us_chat_n_turns(c), 3);
        us_chat_free(c);
    }
    assert_true(cut);
}

/* Takes that end before they have a word are made again, which is counted and told. */
static void made_again(void **state) {
    (void)state;
    us_logit_bias ends[16];
    size_t n = 0;
    int n_again = 0;
    const us_tokenizer *tok = us_model_get_tokenizer(model);
    for (int32_t id = 0; id < us_tokenizer_n_vocab(tok) && n < 16; id++)
        if (us_tokenizer_is_end(tok, id)) ends[n++] = (us_logit_bias){id, 0};
    for (uint64_t seed = 0; seed < 40; seed++) {
        us_chat_result r;
        for (size_t i = 0; i < n; i++) ends[i].bias = 1 + (float)(seed % 6); /* hardly ever to nearly always */
        us_sampler_options s = us_card_sampler(card);
        s.seed = seed;
        s.biases = ends;
        s.n_biases = n;
        us_chat *c = chat_with(&s, 8);
        us_status st = us_chat_reply(c, "Hello there.", NULL, NULL, &r, &err);
        size_t turns = us_chat_n_turns(c);
        us_chat_counts counts = us_chat_get_counts(c);
        if (!st && r.n_attempts > 1) {
            n_again += *r.text != 0;
            assert_int_equal(turns, 3);
            assert_int_equal(counts.n_retries, r.n_attempts - 1);
        }
        if (st) assert_true(turns == 1 && err.message[0]); /* never a word: the chat is as it was */
        us_chat_free(c);
    }
    assert_true(n_again > 0);
}

/* The character's reply, with a cast of `name` alone; line ends and colons are likelier than the model has them, and it does not end by
 * itself. */
static us_reply_end reply_beside(const char *name, uint64_t seed, bool no_stops, char out[4096]) {
    char json[400];
    us_tokens pieces = {0};
    us_card *of_name;
    us_chat *c;
    us_chat_result r;
    snprintf(json, sizeof json,
             "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Tom Cat\",\"extensions\":{\"understudy\":{\"cast\":[\"%s\"]}}}}",
             name);
    assert_ok(us_card_parse(json, strlen(json), "test", &of_name, &err), &err);
    assert_ok(us_tokenizer_encode(us_model_get_tokenizer(model), "\n", 1, false, &pieces, &err), &err);
    assert_ok(us_tokenizer_encode(us_model_get_tokenizer(model), ":", 1, false, &pieces, &err), &err);
    us_logit_bias biases[16] = {{pieces.ids[0], 2 + (float)(seed % 5)}, {pieces.ids[1], 2 + (float)(seed % 3)}};
    size_t n = 2;
    for (int32_t id = 0; id < us_tokenizer_n_vocab(us_model_get_tokenizer(model)) && n < 16; id++)
        if (us_tokenizer_is_end(us_model_get_tokenizer(model), id)) biases[n++] = (us_logit_bias){id, -100};
    us_sampler_options s = {.temperature = 1.5, .seed = seed, .biases = biases, .n_biases = n};
    us_chat_options o = {.sampler = &s, .takes = 1, .max_tokens = 60, .no_stops = no_stops};
    assert_ok(us_chat_new(engine, of_name, &o, &c, &err), &err);
    assert_ok(us_chat_reply(c, "Hello there.", NULL, NULL, &r, &err), &err);
    snprintf(out, 4096, "%s", r.text);
    us_chat_free(c);
    us_tokens_fini(&pieces);
    us_card_free(of_name);
    return r.end;
}

/* A reply that begins to speak for somebody of the cast ends there: a word that stands alone on a line of a reply, or in
 * front of a colon there, is somebody's name, and the reply with the same seed ends in front of it. Unless it was told not to. */
static void ends_at_a_label(void **state) {
    (void)state;
    int n_labels = 0;
    for (uint64_t seed = 0; seed < 200 && n_labels < 1; seed++) {
        char whole[4096], cut[4096], name[40];
        assert_int_not_equal(reply_beside("Jerry", seed, true, whole), US_END_LABEL);
        const char *at = strchr(whole, '\n');
        size_t n = 0;
        for (; at && at > whole; at = strchr(at + 1, '\n'))
            if ((n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz")) > 0 && n < 30 && (at[1 + n] == '\n' || at[1 + n] == ':'))
                break;
        if (!at || at == whole) continue;
        snprintf(name, sizeof name, "%.*s", (int)n, at + 1);
        if (strncmp(whole, name, n) == 0) continue; /* a reply may begin with it */
        us_reply_end end = reply_beside(name, seed, false, cut);
        if (end == US_END_LOOP) continue;
        n_labels++;
        assert_int_equal(end, US_END_LABEL);
        assert_true(strlen(cut) <= (size_t)(at - whole));
        assert_memory_equal(cut, whole, strlen(cut));
        assert_true(reply_beside(name, seed, true, cut) != US_END_LABEL);
    }
    assert_true(n_labels > 0);
}

/* One engine, a chat a visitor: what the others have left in its cache makes room, and changes nobody's words. */
static void many_over_one_engine(void **state) {
    (void)state;
    enum { N = 16, ROUNDS = 2 };
    static char alone[N][ROUNDS][4096];
    us_chat_result r;
    us_chat *chats[N];
    for (int i = 0; i < N; i++) {
        us_chat *c = chat_of(20 + (uint64_t)i, 8);
        for (int k = 0; k < ROUNDS; k++) {
            assert_ok(us_chat_reply(c, "A line that takes some room of the cache.", NULL, NULL, &r, &err), &err);
            snprintf(alone[i][k], sizeof alone[i][k], "%s", r.text);
        }
        us_chat_free(c);
    }
    assert_int_equal(us_engine_get_free(engine), us_engine_get_ctx(engine)); /* nothing stays behind */
    for (int i = 0; i < N; i++) chats[i] = chat_of(20 + (uint64_t)i, 8);
    for (int k = 0; k < ROUNDS; k++)
        for (int i = 0; i < N; i++) {
            assert_ok(us_chat_reply(chats[i], "A line that takes some room of the cache.", NULL, NULL, &r, &err), &err);
            assert_string_equal(r.text, alone[i][k]);
            if (i && !k) assert_true(r.n_cached_tokens > 0); /* the persona, whoever has read it */
        }
    for (int i = 0; i < N; i++) us_chat_free(chats[i]);
    assert_int_equal(us_engine_get_free(engine), us_engine_get_ctx(engine));
}

static int n_samples;
static void sample(void *ctx, const char *line, const char *reply, const us_error *trouble) {
    (void)ctx;
    n_samples++;
    assert_true(*line && (reply != NULL) == (trouble == NULL));
}

/* A training's samples: every question of the card is answered, or the listener ends them; whether the error is wanted or not. */
static void samples(void **state) {
    (void)state;
    heard h = {0}, enough = {.stop_after = -1};
    int n = 1;
    while (us_card_small_talk(card, (size_t)n)) n++;
    assert_ok(us_train_samples(model, card, NULL, 1, sample, stream, &h, &err), &err);
    assert_int_equal(n_samples, n - 1);
    assert_int_equal(us_train_samples(model, card, NULL, 1, sample, stream, &enough, NULL), US_ERR_INTERRUPTED);
}

static void refuses(void **state) {
    (void)state;
    us_chat_result r;
    char *big = malloc(60001);
    us_chat *c = chat_of(3, 2);
    memset(big, 'a', 60000);
    for (int i = 4; i < 60000; i += 5) big[i] = ' ';
    big[60000] = 0;
    assert_int_equal(us_chat_reply(c, "", NULL, NULL, &r, &err), US_ERR_ARGUMENT);
    assert_int_equal(us_chat_reply(c, "\xff", NULL, NULL, &r, &err), US_ERR_ARGUMENT);
    assert_int_equal(us_chat_reply(c, big, NULL, NULL, &r, &err), US_ERR_LIMIT);
    assert_int_equal(us_chat_set_user(c, "a\nb", &err), US_ERR_ARGUMENT);
    assert_ok(us_chat_set_user(c, "Agent: Smith", &err), &err);
    assert_int_equal(us_chat_n_turns(c), 1);
    assert_ok(us_chat_reply(c, "Still here?", NULL, NULL, &r, &err), &err);
    free(big);
    us_chat_free(c);
}

static void saved(void **state) {
    (void)state;
    us_chat_result r;
    us_chat *c = chat_of(3, 2), *again = chat_of(3, 2);
    char *dir = us_tiny_folder(), path[4096];
    snprintf(path, sizeof path, "%s/chat.json", dir);
    assert_ok(us_chat_choose(c, 0, 1, &err), &err);
    assert_ok(us_chat_set_user(c, "Jane Doe", &err), &err);
    assert_ok(us_chat_reply(c, "Hello there.", NULL, NULL, &r, &err), &err);
    assert_ok(us_chat_regenerate(c, NULL, NULL, &r, &err), &err);
    assert_ok(us_chat_save(c, path, &err), &err);
    assert_ok(us_chat_load(again, path, &err), &err);
    assert_int_equal(us_chat_n_turns(again), us_chat_n_turns(c));
    for (size_t i = 0; i < us_chat_n_turns(c); i++) {
        us_chat_turn a = us_chat_get_turn(c, i), b = us_chat_get_turn(again, i);
        assert_string_equal(a.text, b.text);
        assert_string_equal(a.speaker, b.speaker);
        assert_true(a.own == b.own && a.n_alternatives == b.n_alternatives && a.n_chosen == b.n_chosen);
    }
    assert_ok(us_file_write_atomic(path, "{\"understudy_chat\": 9, \"turns\": []}", 34, &err), &err);
    assert_int_equal(us_chat_load(again, path, &err), US_ERR_FORMAT);
    assert_ok(us_file_write_atomic(path, "{\"understudy_chat\": 2, \"turns\": [{}]}", 37, &err), &err);
    assert_int_equal(us_chat_load(again, path, &err), US_ERR_FORMAT);
    assert_int_equal(us_chat_n_turns(again), us_chat_n_turns(c)); /* a bad file takes nothing away */
    us_chat_free(c);

    c = chat_of(3, 1); /* as long as a chat may be: it comes back, and is refused another line */
    char *long_one = malloc(1 << 20);
    size_t n = (size_t)sprintf(long_one, "{\"understudy_chat\": 2, \"turns\": [");
    for (int i = 0; i < 8192; i++)
        n += (size_t)sprintf(long_one + n, "%s{\"role\": \"%s\", \"speaker\": \"\", \"text\": \"%d\"}", i ? "," : "",
                             i % 2 ? "character" : "user", i);
    n += (size_t)sprintf(long_one + n, "]}");
    assert_ok(us_file_write_atomic(path, long_one, n, &err), &err);
    assert_ok(us_chat_load(c, path, &err), &err);
    assert_int_equal(us_chat_n_turns(c), 8192);
    assert_int_equal(us_chat_reply(c, "One more.", NULL, NULL, &r, &err), US_ERR_LIMIT);
    assert_ok(us_chat_save(c, path, &err), &err);
    assert_ok(us_chat_load(again, path, &err), &err);
    assert_int_equal(us_chat_n_turns(again), 8192);
    assert_string_equal(us_chat_get_turn(again, 8191).text, "8191");
    free(long_one);
    us_tiny_remove(dir);
    us_chat_free(c);
    us_chat_free(again);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(greeting),
                                       cmocka_unit_test(seeds_and_wordings),
                                       cmocka_unit_test(streams_and_stops),
                                       cmocka_unit_test(cancelled),
                                       cmocka_unit_test(made_again),
                                       cmocka_unit_test(ends_at_a_label),
                                       cmocka_unit_test(refuses),
                                       cmocka_unit_test(saved),
                                       cmocka_unit_test(many_over_one_engine),
                                       cmocka_unit_test(samples)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
