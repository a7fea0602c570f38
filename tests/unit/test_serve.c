/* Who may ask; cards in pictures; requests of the OpenAI API, read and refused. */
#include "test.h"
#include "base/base64.h"
#include "base/file.h"
#include "character/card_png.h"
#include "mktiny.h"
#include "serve/guard.h"
#include "serve/openai.h"
#include "serve/server.h"

static us_error err;

static int check(const us_guard *g, const char *host, const char *origin, const char *type, const char *auth, bool change,
                 bool key) {
    const char *why = NULL;
    us_guard_headers h = {host, origin, type, auth};
    int code = us_guard_check(g, &h, change, change, key, &why);
    assert_true(!code || why);
    return code;
}

static void hosts_and_origins(void **state) {
    (void)state;
    us_guard g = {.host = "127.0.0.1"};
    assert_int_equal(check(&g, "localhost:5000", NULL, NULL, NULL, false, true), 0);
    assert_int_equal(check(&g, "LOCALHOST", NULL, NULL, NULL, false, true), 0);
    assert_int_equal(check(&g, "[::1]:5000", NULL, NULL, NULL, false, true), 0);
    const char *const bad[] = {
        "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:evil", "localhost:", "", "127.0.0.10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(check(&g, bad[i], NULL, NULL, NULL, false, true), 403);
    assert_int_equal(check(&g, NULL, NULL, NULL, NULL, false, true), 403);
    assert_int_equal(check(&g, "localhost:5000", "http://localhost:5000", "application/json", NULL, true, true), 0);
    assert_int_equal(check(&g, "localhost:5000", "http://evil.example", "application/json", NULL, true, true), 403);
    assert_int_equal(check(&g, "localhost:5000", "http://localhost:5001", "application/json", NULL, true, true), 403);
    assert_int_equal(check(&g, "localhost:5000", "null", "application/json", NULL, true, true), 403);
    assert_int_equal(check(&g, "localhost:5000", "http://evil.example", NULL, NULL, false, true),
                     0); /* a reader gets no CORS header */
    g.cors_origin = "http://friend.example";
    assert_int_equal(check(&g, "localhost:5000", "http://friend.example", "application/json; charset=utf-8", NULL, true, true),
                     0);
    assert_int_equal(check(&g, "localhost:5000", NULL, "text/plain", NULL, true, true), 415);
    assert_int_equal(check(&g, "localhost:5000", NULL, "application/jsonx", NULL, true, true), 415);
    assert_int_equal(check(&g, "localhost:5000", NULL, NULL, NULL, true, true), 415);
}

static void keys(void **state) {
    (void)state;
    char *dir = us_tiny_folder(), *path = us_path_join(dir, "keys");
    us_guard g = {.host = "10.0.0.1", .any_host = true};
    const char text[] = "# for the family\n\n  one-key  \r\ntwo\n";
    assert_ok(us_file_write_atomic(path, text, strlen(text), &err), &err);
    assert_ok(us_guard_read_keys(path, &g.keys, &g.n_keys, &err), &err);
    assert_int_equal(g.n_keys, 2);
    assert_int_equal(check(&g, "chat.example", NULL, NULL, "Bearer one-key", false, true), 0);
    assert_int_equal(check(&g, "chat.example", NULL, NULL, "bearer two", false, true), 0);
    const char *const bad[] = {"Bearer one-ke", "Bearer one-keyx",         "Bearer ",       "Basic two",
                               "two",           "Bearer # for the family", "Bearer onekey!"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(check(&g, "chat.example", NULL, NULL, bad[i], false, true), 401);
    assert_int_equal(check(&g, "chat.example", NULL, NULL, NULL, false, true), 401);
    assert_int_equal(check(&g, "chat.example", NULL, NULL, NULL, false, false), 0); /* the page itself */
    us_guard_free_keys(g.keys, g.n_keys);
    assert_ok(us_file_write_atomic(path, "# nothing\n\n", 11, &err), &err);
    assert_int_equal(us_guard_read_keys(path, &g.keys, &g.n_keys, &err), US_ERR_NOT_FOUND);
    free(path);
    us_tiny_remove(dir);
}

static void base64(void **state) {
    (void)state;
    const char *const pairs[][2] = {{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}; /* RFC 4648, 10 */
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        us_buf a, b;
        us_buf_init(&a, 100);
        us_buf_init(&b, 100);
        assert_ok(us_base64_encode(pairs[i][0], strlen(pairs[i][0]), &a, &err), &err);
        assert_int_equal(a.len, strlen(pairs[i][1]));
        if (a.len) assert_memory_equal(a.data, pairs[i][1], a.len);
        assert_ok(us_base64_decode(pairs[i][1], strlen(pairs[i][1]), &b, &err), &err);
        assert_int_equal(b.len, strlen(pairs[i][0]));
        if (b.len) assert_memory_equal(b.data, pairs[i][0], b.len);
        us_buf_fini(&a);
        us_buf_fini(&b);
    }
    us_buf b;
    us_buf_init(&b, 100);
    assert_int_equal(us_base64_decode("Zm9v!", 5, &b, &err), US_ERR_FORMAT);
    us_buf_fini(&b);
}

static void cards_in_pictures(void **state) {
    (void)state;
    static const char json[] = "{\"spec\":\"chara_card_v2\",\"spec_version\":\"2.0\",\"data\":{\"name\":\"Ännchen "
                               "Müller\",\"description\":\"d\",\"extensions\":{\"other/tool\":{\"deep\":[1,2,{\"x\":null}]}}}}";
    us_card *card, *back;
    us_buf plain, png, twice;
    us_buf_init(&plain, 1 << 22);
    us_buf_init(&png, 1 << 22);
    us_buf_init(&twice, 1 << 22);
    assert_ok(us_card_parse(json, strlen(json), "test", &card, &err), &err);
    assert_ok(us_card_plain_png(card, &plain, &err), &err);
    assert_int_equal(us_card_from_png(plain.data, plain.len, &back, &err), US_ERR_NOT_FOUND);
    assert_ok(us_card_to_png(card, plain.data, plain.len, &png, &err), &err);
    assert_ok(us_card_to_png(card, png.data, png.len, &twice, &err), &err); /* the old card in it is replaced */
    assert_int_equal(twice.len, png.len);
    assert_ok(us_card_from_png(png.data, png.len, &back, &err), &err);
    assert_string_equal(us_card_name(back), "Ännchen Müller");
    assert_true(
        json_equal(json_object_get(back->root, "data"), json_object_get(card->root, "data"))); /* what we do not know is kept */
    assert_string_equal(json_string_value(json_object_get(back->root, "spec")), "chara_card_v3");
    us_card_free(back);
    for (size_t n = 0; n < png.len; n += n < 200 ? 1 : 997)
        assert_int_not_equal(us_card_from_png(png.data, n, &back, &err), US_OK);
    png.data[plain.len] ^= 1; /* within the card's chunk: its checksum is wrong */
    assert_int_equal(us_card_from_png(png.data, png.len, &back, &err), US_ERR_FORMAT);
    us_card_free(card);
    us_buf_fini(&plain);
    us_buf_fini(&png);
    us_buf_fini(&twice);
}

/* 0, or the status; the ask is read over defaults. */
static us_status ask(const char *json, bool chat, us_ask *out) {
    static json_t *body; /* strings are borrowed from it */
    json_decref(body);
    body = json_loads(json, 0, NULL);
    assert_non_null(body);
    *out = (us_ask){.sampler = us_sampler_defaults(), .max_tokens = 80};
    us_status st = us_ask_model(body, NULL, out, &err);
    return st ? st : us_ask_read(body, chat, out, &err);
}

static void requests(void **state) {
    (void)state;
    us_ask a;
    assert_ok(ask("{\"model\":\"homer:0.7\",\"messages\":[{\"role\":\"system\",\"content\":\"A\"},{\"role\":\"developer\","
                  "\"content\":\"B\"},{\"role\":\"user\",\"name\":\"Marge\",\"content\":[{\"type\":\"text\","
                  "\"text\":\"Hi "
                  "\"},{\"type\":\"text\",\"text\":\"there\"}]},{\"role\":\"assistant\",\"content\":\"Yo\"}],\"stop\":[\"x\","
                  "\"yy\"],\"seed\":7,\"top_k\":3.0,\"max_completion_tokens\":9,"
                  "\"logprobs\":true,\"top_logprobs\":5,\"n\":2,\"logit_bias\":{\"12\":-100},\"never_heard_of\":[1],"
                  "\"temperature\":null,\"stream_options\":{\"include_usage\":true}}",
                  true, &a),
              &err);
    assert_string_equal(a.id, "homer");
    assert_true(a.scale == 0.7);
    assert_string_equal(a.system, "A\nB");
    assert_int_equal(a.n_lines, 2);
    assert_string_equal(a.lines[0].text, "Hi there");
    assert_string_equal(a.lines[0].name, "Marge");
    assert_true(a.lines[1].own);
    assert_int_equal(a.n_stops, 2);
    assert_int_equal(a.sampler.seed, 7);
    assert_int_equal(a.sampler.top_k, 3);
    assert_int_equal(a.max_tokens, 9);
    assert_int_equal(a.n_top, 5);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.n_biases, 1);
    assert_true(a.usage && a.sampler.temperature == us_sampler_defaults().temperature);
    us_ask_fini(&a);
    assert_ok(ask("{\"model\":\"base\",\"prompt\":[1,2,3],\"logprobs\":0}", false, &a), &err);
    assert_true(a.ids.n == 3 && a.logprobs && a.n_top == 0);
    us_ask_fini(&a);
}

/* What other programs send and peers take: none of it is an error, and what it means is what they mean by it. */
static void lenient_requests(void **state) {
    (void)state;
    static const char *const fine[] = {
        "\"user\":\"u\",\"store\":true,\"metadata\":{\"a\":\"b\"},\"service_tier\":\"auto\",\"parallel_tool_calls\":false,"
        "\"prompt_cache_key\":\"x\",\"safety_identifier\":\"y\",\"reasoning_effort\":\"low\",\"verbosity\":\"low\"",
        "\"response_format\":null,\"tools\":null,\"tool_choice\":null,\"audio\":null,\"stop\":null,\"logit_bias\":null,"
        "\"stream_options\":null,\"n\":null,\"max_tokens\":null,\"seed\":null,\"functions\":null,\"modalities\":null",
        "\"response_format\":{\"type\":\"text\"},\"modalities\":[\"text\"],\"tools\":[],\"functions\":[],\"stop\":\"\","
        "\"logit_bias\":[],\"mirostat\":0,\"tfs_z\":1.0,\"top_a\":0,\"min_tokens\":0,\"best_of\":1,\"grammar\":\"\","
        "\"tool_choice\":\"none\",\"negative_prompt\":\"\",\"dynatemp_range\":0,\"function_call\":\"none\"",
        "\"stop\":[\"\",null,\"x\"]",
        "\"logit_bias\":[[5,-100],[6,false]]",
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        us_ask a;
        char json[1000];
        snprintf(json, sizeof json, "{\"model\":\"base\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],%s}", fine[i]);
        if (ask(json, true, &a)) fail_msg("%s: %s", json, err.message);
        assert_int_equal(a.n_stops, i == 3);
        assert_int_equal(a.n_biases, i == 4 ? 2 : 0);
        us_ask_fini(&a);
    }
    static const struct {
        const char *messages;
        size_t n;
        const char *last;
    } talks[] = {
        {"{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{}]},"
         "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"Sunny.\"}",
         2, "Sunny."},
        {"{\"role\":\"assistant\"},{\"role\":\"user\",\"content\":\"b\"}", 1, "b"},
        {"{\"role\":\"assistant\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"No.\"}]}", 1, "No."},
        {"{\"role\":\"function\",\"name\":\"f\",\"content\":\"7\"}", 1, "7"},
        {"{\"role\":\"user\",\"content\":[\"c\",{\"type\":\"input_text\",\"text\":\"d\"}]}", 1, "cd"},
        {"{\"role\":\"user\",\"content\":\"e\"},{\"role\":\"system\",\"content\":\"f\"}", 2, "f"},
    };
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        us_ask a;
        char json[1000];
        snprintf(json, sizeof json, "{\"model\":\"base\",\"messages\":[%s]}", talks[i].messages);
        if (ask(json, true, &a)) fail_msg("%s: %s", json, err.message);
        assert_int_equal(a.n_lines, talks[i].n);
        assert_string_equal(a.lines[a.n_lines - 1].text, talks[i].last);
        us_ask_fini(&a);
    }
    static const struct {
        const char *json;
        uint64_t seed;
    } seeds[] = {{"0", 0},
                 {"18446744073709551615.0", UINT64_MAX}, /* as JSON's reader gives what is past 2^63 */
                 {"9223372036854775808.0", 1ull << 63},
                 {"-2", (uint64_t)-2},
                 {"9007199254740993", 9007199254740993}};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        us_ask a;
        char json[200];
        snprintf(json, sizeof json, "{\"model\":\"base\",\"prompt\":\"x\",\"seed\":%s}", seeds[i].json);
        assert_ok(ask(json, false, &a), &err);
        assert_true(a.sampler.seed == seeds[i].seed);
        us_ask_fini(&a);
    }
    us_ask a;
    assert_ok(ask("{\"model\":\"homer:adapter:0.5\",\"prompt\":\"x\",\"max_tokens\":-1}", false, &a), &err);
    assert_true(a.bare && a.scale == 0.5 && a.max_tokens == INT32_MAX && !strcmp(a.id, "homer"));
    us_ask_fini(&a);
    assert_ok(ask("{\"model\":\"base\",\"prompt\":\"x\",\"max_tokens\":0,\"echo\":true}", false, &a), &err);
    assert_true(a.max_tokens == 0 && a.echo);
    us_ask_fini(&a);
    a = (us_ask){0};
    json_t *nameless = json_pack("{s:s}", "model", "");
    assert_ok(us_ask_model(nameless, "lisa", &a, &err), &err);
    assert_string_equal(a.id, "lisa");
    json_decref(nameless);
}

static void tidy_addresses(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"/", "/"},
                                           {"//", "/"},
                                           {"/v1//chat/completions", "/v1/chat/completions"},
                                           {"//v1/chat/completions", "/v1/chat/completions"},
                                           {"/v1/chat/completions/", "/v1/chat/completions"},
                                           {"/chat/completions", "/v1/chat/completions"},
                                           {"/v1/v1/models/", "/v1/models"},
                                           {"/models/homer", "/v1/models/homer"},
                                           {"/modelsx", "/modelsx"},
                                           {"/api/chats/", "/api/chats"},
                                           {"/completion", "/completion"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s", pairs[i][0]);
        us_route_tidy(path, sizeof path);
        assert_string_equal(path, pairs[i][1]);
    }
    char tight[] = "/models";
    us_route_tidy(tight, sizeof tight); /* no room for /v1: left as it is */
    assert_string_equal(tight, "/models");
}

static void refused_requests(void **state) {
    (void)state;
    static const struct {
        const char *rest, *param;
    } bad[] = {{"\"messages\":\"x\"", "messages"},
               {"\"messages\":[]", "messages"},
               {"\"messages\":[1]", "messages[0].role"},
               {"\"messages\":[{\"role\":\"bystander\",\"content\":\"x\"}]", "messages[0].role"},
               {"\"messages\":[{\"role\":\"user\"}]", "messages[0].content"},
               {"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]", "messages[0].content[0]"},
               {"\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"name\":\"a:b\"}]", "name"},
               {"\"temperature\":\"hot\"", "temperature"},
               {"\"temperature\":-1", "temperature"},
               {"\"top_p\":1.5", "top_p"},
               {"\"top_k\":2.5", "top_k"},
               {"\"n\":0", "n"},
               {"\"n\":17", "n"},
               {"\"max_tokens\":0", "max_tokens"},
               {"\"max_tokens\":1e300", "max_tokens"},
               {"\"max_tokens\":-2", "max_tokens"},
               {"\"stream\":1", "stream"},
               {"\"stop\":[7]", "stop"},
               {"\"stop\":7", "stop"},
               {"\"seed\":\"x\"", "seed"},
               {"\"seed\":1e30", "seed"},
               {"\"seed\":1.5", "seed"},
               {"\"logprobs\":1", "logprobs"},
               {"\"top_logprobs\":5", "top_logprobs"},
               {"\"top_logprobs\":21,\"logprobs\":true", "top_logprobs"},
               {"\"logit_bias\":{\"x\":1}", "logit_bias"},
               {"\"logit_bias\":{\"1\":101}", "logit_bias"},
               {"\"logit_bias\":[5]", "logit_bias"},
               {"\"logit_bias\":\"x\"", "logit_bias"},
               {"\"logit_bias\":{\"-1\":1}", "logit_bias"},
               {"\"response_format\":{\"type\":\"sonnet\"}", "response_format"},
               {"\"modalities\":[\"text\",\"audio\"]", "modalities"},
               {"\"audio\":{\"voice\":\"alloy\"}", "audio"},
               {"\"functions\":[{\"name\":\"f\"}]", "functions"},
               {"\"web_search_options\":{\"x\":1}", "web_search_options"},
               {"\"mirostat\":2", "mirostat"},
               {"\"guided_json\":{\"type\":\"object\"}", "guided_json"},
               {"\"best_of\":4", "best_of"},
               {"\"negative_prompt\":\"x\"", "negative_prompt"},
               {"\"stream_options\":true", "stream_options"},
               {"\"user\":5", "user"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        us_ask a;
        char json[400];
        snprintf(json, sizeof json, "{\"model\":\"base\",%s%s}",
                 strstr(bad[i].rest, "\"messages\"") ? "" : "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],",
                 bad[i].rest);
        if (ask(json, true, &a) != US_ERR_ARGUMENT) fail_msg("taken: %s", json);
        if (strncmp(err.message, bad[i].param, strlen(bad[i].param)) || err.message[strlen(bad[i].param)] != ':')
            fail_msg("%s: %s", json, err.message);
        us_ask_fini(&a);
    }
    static const char *const models[] = {"{}",
                                         "{\"model\":5}",
                                         "{\"model\":\"\"}",
                                         "{\"model\":\"homer:\"}",
                                         "{\"model\":\"homer:x\"}",
                                         "{\"model\":\"homer:3\"}",
                                         "{\"model\":\"homer:nan\"}"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        us_ask a;
        if (ask(models[i], true, &a) != US_ERR_ARGUMENT) fail_msg("taken: %s", models[i]);
        us_ask_fini(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(hosts_and_origins),
                                       cmocka_unit_test(keys),
                                       cmocka_unit_test(base64),
                                       cmocka_unit_test(cards_in_pictures),
                                       cmocka_unit_test(requests),
                                       cmocka_unit_test(lenient_requests),
                                       cmocka_unit_test(tidy_addresses),
                                       cmocka_unit_test(refused_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
