/* Who may ask; cards in pictures; requests of the OpenAI API, read and refused. */
#include "test.h"
#include "base/base64.h"
#include "base/file.h"
#include "character/card_png.h"
#include "mktiny.h"
#include "serve/form.h"
#include "serve/schema.h"
#include "serve/guard.h"
#include "serve/ask.h"
#include "serve/visitors.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include "serve/studio.h"
#include <sys/stat.h>
#include <zlib.h>

static us_error err;

static int check(const us_guard *g, const char *host, const char *origin, const char *type, const char *auth, bool change,
                 bool key) {
    const char *why = NULL;
    us_guard_headers h = {.host = host, .origin = origin, .content_type = type, .authorization = auth, .content_length = "9"};
    int code = us_guard_check(g, &h, &(us_guard_ask){.change = change, .body = change, .needs_key = key, .max_body = 10}, &why);
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
    const char *why;
    us_guard_headers other = {.host = "localhost:5000", .fetch_site = "cross-site"};
    assert_int_equal(us_guard_check(&g, &other, &(us_guard_ask){.needs_key = true}, &why),
                     403);                                                     /* an image in another site's page */
    assert_int_equal(us_guard_check(&g, &other, &(us_guard_ask){0}, &why), 0); /* a link to our page */
    other.fetch_site = "same-origin";
    assert_int_equal(us_guard_check(&g, &other, &(us_guard_ask){.needs_key = true}, &why), 0);
    g.cors_origin = "http://friend.example";
    other.fetch_site = "cross-site";
    assert_int_equal(us_guard_check(&g, &other, &(us_guard_ask){.needs_key = true}, &why), 0);
    assert_int_equal(check(&g, "localhost:5000", "http://friend.example", "application/json; charset=utf-8", NULL, true, true),
                     0);
    assert_int_equal(check(&g, "localhost:5000", NULL, "text/plain", NULL, true, true), 415);
    assert_int_equal(check(&g, "localhost:5000", NULL, "application/jsonx", NULL, true, true), 415);
    assert_int_equal(check(&g, "localhost:5000", NULL, NULL, NULL, true, true), 415);
    static const struct {
        const char *origin, *type;
        int code;
    } mere[] = {{NULL, NULL, 0}, /* routes of which nothing comes but an answer: LiteLLM, curl -d */
                {NULL, "application/x-www-form-urlencoded", 0},
                {NULL, "text/plain", 415},
                {NULL, "multipart/form-data; boundary=x", 415},
                {"http://localhost:5000", NULL, 415},
                {"http://localhost:5000", "application/x-www-form-urlencoded", 415}};
    for (size_t i = 0; i < sizeof mere / sizeof *mere; i++) {
        us_guard_headers h = {
            .host = "localhost:5000", .origin = mere[i].origin, .content_type = mere[i].type, .content_length = "9"};
        us_guard_ask ask = {.change = true, .body = true, .any_type = true, .max_body = 10};
        assert_int_equal(us_guard_check(&g, &h, &ask, &why), mere[i].code);
    }
}

static int framed(const char *length, bool twice, bool chunked, const char *type) {
    const char *why = NULL;
    us_guard g = {.host = "127.0.0.1"};
    us_guard_headers h = {
        .host = "localhost", .content_type = type, .content_length = length, .two_things = twice, .chunked = chunked};
    int code = us_guard_check(&g, &h, &(us_guard_ask){.change = true, .body = true, .max_body = 1000}, &why);
    assert_true(!code || why);
    return code;
}

static void where_a_request_ends(void **state) {
    (void)state;
    static const char json[] = "application/json";
    assert_int_equal(framed("1000", false, false, json), 0);
    assert_int_equal(framed(NULL, false, true, json), 0);
    assert_int_equal(framed("0", false, false, NULL), 0);
    assert_int_equal(framed("1001", false, false, json), 413);
    assert_int_equal(framed("99999999999999999999999999", false, false, json), 413);
    const char *const bad[] = {"", "-5", "+5", "5 5", "0x10", "5,5", " 5", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(framed(bad[i], false, false, json), 400);
    assert_int_equal(framed("5", true, false, json), 400);
    assert_int_equal(framed("5", false, true, json), 400);
}

static us_ip_address at(const char *ip) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
    return us_ip_address_of((struct sockaddr *)&a);
}

static void visitors_have_caps(void **state) {
    (void)state;
    us_visitors *v;
    us_ip_address a = at("10.0.0.1"), b = at("10.0.0.2"), proxy = at("10.0.0.9"), x, y;
    us_visitor_caps caps = {.open = 2, .held = 60, .all_held = 100};
    size_t held;
    uint64_t refused;
    assert_int_equal(us_visitors_new(&caps, "proxy.example", &v, &err), US_ERR_ARGUMENT);
    assert_ok(us_visitors_new(&caps, "10.0.0.9", &v, &err), &err);
    assert_true(us_visitors_enter(v, &a) && us_visitors_enter(v, &a) && !us_visitors_enter(v, &a) && us_visitors_enter(v, &b));
    us_visitors_leave(v, &a);
    assert_true(us_visitors_enter(v, &a));
    for (int i = 0; i < 100; i++) assert_true(us_visitors_enter(v, &proxy));
    assert_true(us_visitors_hold(v, &a, 60) && !us_visitors_hold(v, &a, 1)); /* of one */
    assert_true(us_visitors_hold(v, &b, 40) && !us_visitors_hold(v, &b, 1)); /* of all */
    assert_false(us_visitors_hold(v, &b, SIZE_MAX));
    us_visitors_release(v, &a, 60);
    assert_true(us_visitors_hold(v, &b, 20) && !us_visitors_hold(v, &b, 1));
    us_visitors_totals(v, &held, &refused);
    assert_true(held == 60 && refused == 5);
    /* whose header is believed, and which of its addresses */
    assert_false(us_visitors_forwarded(v, &a, "10.1.1.1", &x));
    assert_false(us_visitors_forwarded(v, &proxy, NULL, &x));
    assert_false(us_visitors_forwarded(v, &proxy, "unknown", &x));
    assert_true(us_visitors_forwarded(v, &proxy, "6.6.6.6, 10.0.0.1", &x) && !memcmp(&x, &a, sizeof x));
    assert_true(us_visitors_forwarded(v, &proxy, "10.0.0.1:4711", &x) && !memcmp(&x, &a, sizeof x));
    assert_true(us_visitors_forwarded(v, &proxy, "::ffff:10.0.0.1", &x) && !memcmp(&x, &a, sizeof x));
    assert_true(us_visitors_forwarded(v, &proxy, "2001:db8::1", &x) &&
                us_visitors_forwarded(v, &proxy, "[2001:db8::beef]:80", &y) && !memcmp(&x, &y, sizeof x)); /* one /64 */
    us_visitors_free(v);
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
    size_t whole = 0; /* of a file cut short: until the first card in it is whole there is none, from then on it is read */
    for (size_t n = 0; n < png.len; n++) {
        us_status st = us_card_from_png(png.data, n, &back, &err);
        if (st == US_OK) us_card_free(back);
        if (!whole && st == US_OK) whole = n;
        assert_int_equal(st == US_OK, whole > 0);
    }
    assert_true(whole > plain.len && whole < png.len);
    png.data[plain.len] ^= 1; /* within the first card's chunk: its checksum is wrong, the other card counts */
    assert_ok(us_card_from_png(png.data, png.len, &back, &err), &err);
    us_card_free(back);
    png.data[whole + 40] ^= 1; /* and within the second */
    assert_int_equal(us_card_from_png(png.data, png.len, &back, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "checksum"));
    us_card_free(card);
    us_buf_fini(&plain);
    us_buf_fini(&png);
    us_buf_fini(&twice);
}

static void put32(unsigned char out[4], size_t v) {
    for (int i = 0; i < 4; i++) out[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* A chunk, with a wrong checksum when told so. */
static void put(us_buf *b, const char *kind, const char *data, size_t n, bool damaged) {
    unsigned char four[4];
    put32(four, n);
    assert_ok(us_buf_append(b, four, 4, &err), &err);
    size_t start = b->len;
    assert_ok(us_buf_append(b, kind, 4, &err), &err);
    if (n) assert_ok(us_buf_append(b, data, n, &err), &err);
    put32(four, crc32(0, (const unsigned char *)b->data + start, (unsigned)(n + 4)) ^ damaged);
    assert_ok(us_buf_append(b, four, 4, &err), &err);
}

/* A card's text: keyword, what stands before the words, the words as they are or packed. */
static void put_text(us_buf *b, const char *kind, const char *key, const char *head, size_t n_head, bool packed,
                     const char *name) {
    char json[200], text[4000];
    unsigned char small[4000];
    us_buf base64;
    us_buf_init(&base64, 4000);
    snprintf(json, sizeof json, "{\"name\":\"%s\",\"description\":\"d\"}", name);
    assert_ok(us_base64_encode(json, strlen(json), &base64, &err), &err);
    uLongf n_small = sizeof small;
    assert_int_equal(compress(small, &n_small, (unsigned char *)base64.data, base64.len), Z_OK);
    size_t n = strlen(key) + 1;
    memcpy(text, key, n);
    memcpy(text + n, head, n_head);
    n += n_head;
    memcpy(text + n, packed ? (char *)small : base64.data, packed ? n_small : base64.len);
    put(b, kind, text, n + (packed ? n_small : base64.len), false);
    us_buf_fini(&base64);
}

static void cards_as_others_write_them(void **state) {
    (void)state;
    us_buf b;
    us_card *c;
    us_buf_init(&b, 1 << 20);
    for (int form = 0; form < 12; form++) {
        us_buf_clear(&b);
        assert_ok(us_buf_append(&b, "\x89PNG\r\n\x1a\n", 8, &err), &err);
        put(&b, "IHDR", "0123456789abc", 13, form == 4); /* a chunk that is not ours may be damaged */
        if (form == 0) put_text(&b, "tEXt", "chara", "", 0, false, "Ada");
        if (form == 1) put_text(&b, "zTXt", "chara", "\0", 1, true, "Ada");
        if (form == 2) put_text(&b, "iTXt", "chara", "\0\0en\0chara\0", 11, false, "Ada");
        if (form == 3) put_text(&b, "iTXt", "ccv3", "\1\0\0\0", 4, true, "Ada");
        if (form == 4) put_text(&b, "tEXt", "Chara", "", 0, false, "Ada"), put(&b, "fcTL", "x", 1, true);
        if (form == 5) put_text(&b, "text", "chara", "", 0, false, "Ada");
        if (form == 6)
            put_text(&b, "tEXt", "chara", "", 0, false, "Bob"),
                put_text(&b, "tEXt", "ccv3", "", 0, false, "Ada"); /* V3 first */
        if (form == 7)
            put(&b, "tEXt", "ccv3\0!!!", 8, false),
                put_text(&b, "tEXt", "chara", "", 0, false, "Ada");                               /* a bad one is passed over */
        if (form == 8) put(&b, "tEXt", "chara\0{\"name\":\"Ada\",\"scenario\":\"\"}", 34, false); /* JSON as it is */
        if (form == 9)
            put_text(&b, "tEXt", "chara", "", 0, false, "Ada"),
                put_text(&b, "tEXt", "chara", "", 0, false, "Bob"); /* the first */
        if (form == 10)
            put(&b, "tEXt", "Comment\0hi", 10, false), put_text(&b, "tEXt", "chara", "", 0, false, "Ada"),
                put(&b, "IEND", "", 0, false);
        if (form == 11) put_text(&b, "tEXt", "chara", "", 0, false, "Ada");
        if (form == 10) assert_ok(us_buf_append(&b, "bytes after the end", 19, &err), &err);
        assert_ok(us_card_from_png(b.data, b.len, &c, &err), &err);
        assert_string_equal(us_card_name(c), "Ada");
        us_buf out;
        us_card *back;
        us_buf_init(&out, 1 << 20);
        assert_ok(us_card_to_png(c, b.data, b.len, &out, &err), &err); /* one card, sound checksums, an end */
        assert_ok(us_card_from_png(out.data, out.len, &back, &err), &err);
        assert_string_equal(us_card_name(back), "Ada");
        assert_memory_equal(out.data + out.len - 8, "IEND\xae\x42\x60\x82", 8);
        us_card_free(back);
        us_card_free(c);
        us_buf_fini(&out);
    }
    static const char *const bad[] = {"iTXt\0", "zTXt\0"};
    for (size_t i = 0; i < 2; i++) { /* texts that end before they begin, and a stream that is none */
        us_buf_clear(&b);
        assert_ok(us_buf_append(&b, "\x89PNG\r\n\x1a\n", 8, &err), &err);
        put(&b, bad[i], "chara\0\1", 7, false);
        put(&b, bad[i], "chara\0\0\0abcdefgh", 16, false);
        put(&b, bad[i], "chara", 5, false);
        assert_int_not_equal(us_card_from_png(b.data, b.len, &c, &err), US_OK);
    }
    us_buf_fini(&b);
}

static void cards_of_other_forms(void **state) {
    (void)state;
    static const struct {
        const char *json, *name, *description, *greeting;
    } good[] = {
        {"{\"name\":\"Ada\",\"description\":\"d\",\"personality\":\"p\",\"scenario\":\"\",\"first_mes\":\"g\",\"mes_example\":"
         "\"\"}",
         "Ada", "d", "g"},
        {"{\"char_name\":\"Ada\",\"char_persona\":\"d\",\"char_greeting\":\"g\",\"world_scenario\":\"\"}", "Ada", "d", "g"},
        {"{\"name\":\"Ada\",\"context\":\"d\",\"greeting\":\"g\"}", "Ada", "d", "g"},
        {"{\"kind\":\"character\",\"name\":\"Ada\",\"persona\":{\"kind\":\"boostyle\",\"attributes\":{\"likes\":[\"sea\","
         "\"wind\"],\"text\":[\"tall\"]}},\"greeting\":\"g\"}",
         "Ada", "likes: sea, wind\ntall", "g"},
        {"{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Ada\",\"description\":null,\"first_mes\":7}}", "Ada", "", "7"},
        {"{\"spec\":\"chara_card_v9\",\"data\":{\"name\":\"Ada\",\"description\":\"d\"}}", "Ada", "d", ""},
        {"{\"spec\":\"chara_card_v2\",\"name\":\"Ada\",\"data\":{\"description\":\"d\",\"first_mes\":\"g\"}}", "Ada", "d", "g"},
        {"{\"spec\":\"chara_card_v2\",\"name\":\"Ada\",\"description\":\"d\"}", "Ada", "d", ""},
        {"{\"data\":{\"name\":\"Ada\",\"description\":[7],\"first_mes\":\"g\"}}", "Ada", "", "g"},
    };
    us_card *c;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(us_card_parse(good[i].json, strlen(good[i].json), "test", &c, &err), &err);
        assert_string_equal(c->name, good[i].name);
        assert_string_equal(c->description, good[i].description);
        assert_string_equal(c->greeting, good[i].greeting);
        assert_int_equal(json_array_size(c->notes), i == 5 ? 1 : i == 8 ? 2 : 0); /* what is left out is said */
        us_card_free(c);
    }
    static const char *const none[] = {"{}",
                                       "[]",
                                       "7",
                                       "{\"name\":\"Ada\"}",
                                       "{\"name\":\"pkg\",\"version\":\"1\"}",
                                       "{\"spec\":\"chara_card_v2\",\"data\":{}}",
                                       "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"\"}}",
                                       "{\"name\":5,\"description\":\"d\"}"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (us_card_parse(none[i], strlen(none[i]), "test", &c, &err) != US_ERR_FORMAT) fail_msg("taken: %s", none[i]);
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
    assert_true(a.prompts[0].ids.n == 3 && a.logprobs && a.n_top == 0);
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
        /* SillyTavern 1.19, its llama.cpp type, as it comes from a new installation */
        "\"top_k\":0,\"skew\":0,\"min_tokens\":0,\"add_bos_token\":true,\"smoothing_factor\":0,\"smoothing_curve\":1,"
        "\"dry_multiplier\":0,\"dry_sequence_breakers\":[\"\\n\",\":\"],\"dry_penalty_last_n\":0,\"samplers\":[\"penalties\","
        "\"dry\","
        "\"top_n_sigma\",\"top_k\",\"typ_p\",\"tfs_z\",\"typical_p\",\"xtc\",\"top_p\",\"adaptive_p\",\"min_p\","
        "\"temperature\"],"
        "\"ban_eos_token\":false,\"skip_special_tokens\":true,\"tfs\":1,\"mirostat_mode\":0,\"mirostat_tau\":5,\"custom_token_"
        "bans\":\"\","
        "\"xtc_probability\":0,\"nsigma\":0,\"min_keep\":0,\"adaptive_target\":-0.01,\"adaptive_decay\":0.9,\"guidance_scale\":"
        "1,"
        "\"logit_bias\":[],\"grammar\":\"\"",
        "\"chat_template_kwargs\":{\"enable_thinking\":false},\"lora\":[{\"id\":0,\"scale\":0}]",
    };
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        us_ask a;
        char json[2000];
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
        {"{\"role\":\"system\",\"content\":null},{\"role\":\"user\",\"content\":null},{\"role\":\"user\",\"content\":\"z\"}", 1,
         "z"},
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

/* A schema as a grammar: what is valid can be drawn, what is not cannot, and what cannot be kept is refused by name. */
static void schemas(void **state) {
    (void)state;
    static const struct {
        const char *schema, *yes, *no, *refused; /* texts; a word of the refusal */
    } rows[] = {
        {"{'type':'string','enum':['a',1]}", "'a'", "1", NULL},
        {"{'enum':[1,'bb','c'],'minLength':2}", "1", "'c'", NULL},
        {"{'enum':[1,9],'exclusiveMaximum':9}", "1", "9", NULL},
        {"{'enum':['a'],'pattern':'a'}", NULL, NULL, "pattern"},
        {"{'enum':['a','b'],'anyOf':[{'const':'a'}]}", NULL, NULL, "anyOf"},
        {"{'const':5,'maximum':3}", NULL, NULL, "enum"},
        {"{'const':'a\\ufffdb'}", NULL, NULL, "a constant"},
        {"{'type':'string','format':'phone'}", NULL, NULL, "format 'phone'"},
        {"{'type':'number','format':'currency'}", NULL, NULL, "format 'currency'"},
        {"{'type':'string','format':'date','maxLength':9}", NULL, NULL, "minLength"},
        {"{'type':'string','format':'date','maxLength':10}", "'2026-01-28'", "'2026-13-01'", NULL},
        {"{'type':'string','format':'email','pattern':'x'}", NULL, NULL, "pattern"},
        {"{'type':'string','format':'password','minLength':2}", "'ab'", "'a'", NULL},
        {"{'type':'integer','format':'uint8'}", "255", "256", NULL},
        {"{'type':'integer','format':'int32','minimum':0}", "7", "-1", NULL},
        {"{'oneOf':[{'type':'integer'},{'minimum':2}]}", NULL, NULL, "oneOf"},
        {"{'oneOf':[{'type':'integer'},{'type':'number'}]}", NULL, NULL, "oneOf"},
        {"{'oneOf':[{'const':1},{'const':2}]}", "2", "3", NULL},
        {"{'oneOf':[{'const':1},{'enum':[2,1]}]}", NULL, NULL, "oneOf"},
        {"{'oneOf':[{'type':'null'},{'type':'string','format':'date'}]}", "null", "1", NULL},
        {"{'oneOf':[{'type':'object','properties':{'k':{'const':'a'},'n':{'type':'integer'}},'required':['k']},{'$ref':'#/"
         "$defs/b'}],"
         "'$defs':{'b':{'type':'object','properties':{'k':{'const':'b'}},'required':['k']}}}",
         "{'k':'b'}", "{'k':'c'}", NULL},
        {"{'oneOf':[{'type':'object','properties':{'A':{'type':'integer'}},'required':['A']},"
         "{'type':'object','properties':{'B':{'type':'integer'}},'required':['B']}]}",
         "{'B':1}", "{'A':1,'B':1}", NULL},
        {"{'type':'object','properties':{'a':{},'b':{}},'oneOf':[{'required':['a']},{'required':['b']}]}", NULL, NULL, "oneOf"},
        {"{'not':{}}", NULL, NULL, "not"},
        {"{'if':{},'then':{}}", NULL, NULL, "if"},
        {"{'contains':{}}", NULL, NULL, "contains"},
        {"{'type':'array','uniqueItems':true}", NULL, NULL, "uniqueItems"},
        {"{'dependentRequired':{'a':['b']}}", NULL, NULL, "dependentRequired"},
        {"{'$ref':'https://example.org/x'}", NULL, NULL, "$ref"},
        {"{'type':'integer','multipleOf':3}", NULL, NULL, "multipleOf"},
        {"{'disallow':'string'}", NULL, NULL, "disallow"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *texts[] = {rows[i].schema, rows[i].yes, rows[i].no};
        char quoted[3][400] = {"", "", ""};
        for (int k = 0; k < 3; k++) {
            snprintf(quoted[k], sizeof quoted[k], "%s", texts[k] ? texts[k] : "");
            for (char *p = quoted[k]; *p; p++)
                if (*p == '\'') *p = '"';
        }
        json_t *schema = json_loads(quoted[0], 0, NULL);
        us_buf gbnf;
        us_buf_init(&gbnf, 1 << 20);
        assert_non_null(schema);
        us_status st = us_schema_to_grammar(schema, "it", &gbnf, &err);
        if (!st && texts[1]) {
            us_grammar *g;
            assert_ok(us_grammar_new(gbnf.data, NULL, &g, &err), &err);
            for (int k = 1; k < 3; k++) {
                int32_t s = us_grammar_step(g, us_grammar_start(g), quoted[k], strlen(quoted[k]));
                if ((s >= 0 && us_grammar_may_end(g, s)) != (k == 1)) fail_msg("%s: %s", quoted[0], quoted[k]);
            }
            us_grammar_free(g);
        } else if (!rows[i].refused || !st) fail_msg("%s: %s", quoted[0], st ? err.message : "taken");
        if (st) {
            char begins[100];
            snprintf(begins, sizeof begins, "it: #: %s", rows[i].refused);
            if (strncmp(err.message, begins, strlen(begins)) != 0) fail_msg("%s: %s", quoted[0], err.message);
        }
        us_buf_fini(&gbnf);
        json_decref(schema);
    }
}

/* llama.cpp's list of samplers, how far DRY looks, and a strength by its name for it. */
static void sampler_lists(void **state) {
    (void)state;
    us_ask a;
    assert_ok(ask("{\"model\":\"homer\",\"prompt\":\"x\",\"repeat_penalty\":1.2,\"samplers\":[\"top_k\",\"temperature\"],"
                  "\"lora\":[{\"id\":0,"
                  "\"scale\":0.5}]}",
                  false, &a),
              &err);
    const us_sampler_options *o = &a.sampler;
    assert_true(o->repeat_penalty == 1 && o->dry_multiplier == 0 && o->top_k == 40 && o->top_p == 1 && o->min_p == 0);
    assert_true(a.scale == 0.5);
    us_ask_fini(&a);
    assert_ok(ask("{\"model\":\"base\",\"prompt\":\"x\",\"dry_penalty_last_n\":64,\"dry_sequence_breakers\":[\"\\n\"],\"ban_"
                  "eos_token\":true}",
                  false, &a),
              &err);
    assert_true(a.sampler.dry_last_n == 64 && a.sampler.dry_multiplier > 0 && a.ignore_eos);
    us_ask_fini(&a);
    assert_ok(
        ask("{\"model\":\"base\",\"prompt\":\"x\",\"dry_penalty_last_n\":0,\"dry_sequence_breakers\":[\"#\"]}", false, &a),
        &err);
    assert_true(a.sampler.dry_multiplier == 0);
    us_ask_fini(&a);
    assert_ok(
        ask("{\"model\":\"base\",\"prompt\":\"x\",\"temperature\":1,\"samplers\":[\"temperature\",\"top_k\"]}", false, &a),
        &err);
    us_ask_fini(&a); /* at 1 it does nothing, wherever it stands */
    static const char *const bad[][2] = {{"samplers", "[\"temperature\",\"top_k\"]"},
                                         {"samplers", "[\"min_p\",\"top_p\",\"temperature\"]"},
                                         {"samplers", "\"kt\""},
                                         {"samplers", "[1]"},
                                         {"samplers", "{}"},
                                         {"dry_sequence_breakers", "[\"#\"]"},
                                         {"dry_penalty_last_n", "-2"},
                                         {"lora", "[{\"id\":0,\"scale\":1}]"},
                                         {"skip_special_tokens", "false"},
                                         {"add_generation_prompt", "false"},
                                         {"stop_token_ids", "[2]"},
                                         {"response_fields", "[\"content\"]"},
                                         {"chat_template_kwargs", "{\"enable_thinking\":true}"},
                                         {"adaptive_target", "0.5"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char json[300];
        snprintf(json, sizeof json, "{\"model\":\"base\",\"prompt\":\"x\",\"%s\":%s}", bad[i][0], bad[i][1]);
        if (ask(json, false, &a) != US_ERR_ARGUMENT) fail_msg("taken: %s", json);
        if (strncmp(err.message, bad[i][0], strlen(bad[i][0])) != 0) fail_msg("%s: %s", json, err.message);
        us_ask_fini(&a);
    }
}

/* The form of an answer: read, refused by name, or the grammar that keeps it. */
static void forms(void **state) {
    (void)state;
    static const struct {
        const char *rest, *param; /* NULL: taken */
    } rows[] = {
        {"", NULL},
        {"\"response_format\":{\"type\":\"text\"}", NULL},
        {"\"response_format\":{\"type\":\"json_object\"}", NULL},
        {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"strict\":true,\"schema\":{\"type\":"
         "\"object\"}}}",
         NULL},
        {"\"json_schema\":{\"type\":\"integer\"}", NULL},
        {"\"grammar\":\"root ::= \\\"a\\\"\"", NULL},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"required\"", NULL},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"none\"", NULL},
        {"\"response_format\":{\"type\":\"sonnet\"}", "response_format"},
        {"\"response_format\":7", "response_format"},
        {"\"response_format\":{\"type\":\"json_schema\"}", "response_format"},
        {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"not\":{}}}}", "response_format"},
        {"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"type\":\"array\",\"uniqueItems\":true}}"
         "}",
         "response_format"},
        {"\"response_format\":{\"type\":\"json_object\"},\"json_schema\":{\"type\":\"integer\"}", "json_schema"},
        {"\"response_format\":{\"type\":\"json_object\"},\"grammar\":\"root ::= \\\"a\\\"\"", "grammar"},
        {"\"grammar\":\"root ::= \"", NULL},
        {"\"grammar\":\"rood\"", "grammar"},
        {"\"grammar\":7", "grammar"},
        {"\"tools\":7", "tools"},
        {"\"tools\":[{\"type\":\"retrieval\"}]", "tools[0]"},
        {"\"tools\":[],\"tool_choice\":\"required\"", "tool_choice"},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"g\"", "tool_choice"},
        {"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":{\"type\":\"function\","
         "\"function\":{\"name\":\"g\"}}",
         "tool_choice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[1000];
        us_form f = {0};
        snprintf(json, sizeof json, "{%s}", rows[i].rest);
        json_t *body = json_loads(json, 0, NULL);
        assert_non_null(body);
        us_status st = us_form_read(body, NULL, &f, &err);
        if ((st != US_OK) != (rows[i].param != NULL)) fail_msg("%s: %s", json, st ? err.message : "taken");
        if (st && (strncmp(err.message, rows[i].param, strlen(rows[i].param)) || err.message[strlen(rows[i].param)] != ':'))
            fail_msg("%s: %s", json, err.message);
        us_form_fini(&f);
        json_decref(body);
    }
    us_form f;
    json_t *body = json_loads("{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"description\":\"Looks.\","
                              "\"parameters\":{\"type\":\"object\",\"properties\":{\"at\":{\"$ref\":\"#/$defs/p\"}},"
                              "\"required\":[\"at\"],\"$defs\":{\"p\":{\"enum\":[\"sea\",\"sky\"]}}}}}]}",
                              0, NULL);
    assert_ok(us_form_read(body, NULL, &f, &err), &err);
    static const struct {
        const char *text;
        bool allowed, call;
    } answers[] = {{"{\"name\":\"look\",\"arguments\":{\"at\":\"sea\"}}", true, true},
                   {"{\"name\": \"look\", \"arguments\": {\"at\": \"sky\"}}", true, true},
                   {"{\"name\":\"look\",\"arguments\":{\"at\":\"mud\"}}", false, true},
                   {"{\"name\":\"go\",\"arguments\":{}}", false, true},
                   {"Hello {there}.", true, false},
                   {"{", false, false}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        int32_t s = us_grammar_step(f.grammar, us_grammar_start(f.grammar), answers[i].text, strlen(answers[i].text));
        if ((s >= 0 && us_grammar_may_end(f.grammar, s)) != answers[i].allowed) fail_msg("%s", answers[i].text);
        json_t *calls = us_form_calls(&f, answers[i].text, strlen(answers[i].text), "x");
        assert_int_equal(calls != NULL, answers[i].call);
        json_decref(calls);
    }
    assert_non_null(strstr(f.words, "Looks."));
    us_form_fini(&f);
    json_decref(body);
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
               {"\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"name\":\"a\\nb\"}]", "name"},
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

/* Of what was deleted the first goes when there is too much of it; the last stays, however large it is. */
static void trash(void **state) {
    (void)state;
    static char large[64 << 10];
    us_server s = {0};
    char *dir = us_tiny_folder(), *path[3], *file;
    for (int i = 0; i < 3; i++) {
        path[i] = us_path_join(dir, (const char *const[]){"second", "first", "last"}[i]);
        assert_int_equal(mkdir(path[i], 0700), 0);
        file = us_path_join(path[i], "picture.png");
        memset(large, 'a' + i, sizeof large);
        assert_ok(us_file_write_atomic(file, large, sizeof large, &err), &err);
        free(file);
    }
    for (int i = 0; i < 3; i++) {
        const struct timespec when[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000, .tv_nsec = (const long[]){2, 1, 3}[i]}};
        assert_int_equal(utimensat(AT_FDCWD, path[i], when, 0), 0);
    }
    us_storage_limit_trash(&s, dir, us_storage_bytes(dir));
    assert_true(us_file_exists(path[0]) && us_file_exists(path[1]) && us_file_exists(path[2]));
    us_storage_limit_trash(&s, dir, 2 * sizeof large + 40000);
    assert_true(us_file_exists(path[0]) && !us_file_exists(path[1]) && us_file_exists(path[2]));
    us_storage_limit_trash(&s, dir, 1);
    assert_true(!us_file_exists(path[0]) && us_file_exists(path[2]));
    for (int i = 0; i < 3; i++) free(path[i]);
    us_tiny_remove(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(trash),
                                       cmocka_unit_test(hosts_and_origins),
                                       cmocka_unit_test(where_a_request_ends),
                                       cmocka_unit_test(visitors_have_caps),
                                       cmocka_unit_test(keys),
                                       cmocka_unit_test(base64),
                                       cmocka_unit_test(cards_in_pictures),
                                       cmocka_unit_test(cards_as_others_write_them),
                                       cmocka_unit_test(cards_of_other_forms),
                                       cmocka_unit_test(requests),
                                       cmocka_unit_test(lenient_requests),
                                       cmocka_unit_test(sampler_lists),
                                       cmocka_unit_test(schemas),
                                       cmocka_unit_test(forms),
                                       cmocka_unit_test(tidy_addresses),
                                       cmocka_unit_test(refused_requests)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
