/* Chats of SillyTavern: whose words are whose, what is counted as left out, and that a chat that went out comes back the same.
 */
#include "test.h"
#include "base/rng.h"
#include "chat/sillytavern.h"
#include "chat/store.h"

static us_error err;

/* Homer and Marge are here. */
static void find(void *ctx, const char *name, char id[US_CHARACTER_ID]) {
    (void)ctx;
    snprintf(id, US_CHARACTER_ID, "%s",
             !strcmp(name, "Homer Simpson")   ? "homer"
             : !strcmp(name, "Marge Simpson") ? "marge"
                                              : "");
}

static json_t *left;
static json_t *bring(const char *text, const json_t *stage) {
    json_t *chat = NULL;
    json_decref(left);
    left = NULL;
    assert_ok(us_sillytavern_read(text, strlen(text), stage, find, NULL, &chat, &left, &err), &err);
    return chat;
}

static void expect_turn(const json_t *chat, size_t i, const char *role, const char *speaker, const char *text) {
    const json_t *t = json_array_get(json_object_get(chat, "turns"), i);
    assert_string_equal(json_string_value(json_object_get(t, "role")), role);
    assert_string_equal(json_string_value(json_object_get(t, "speaker")), speaker);
    assert_string_equal(json_string_value(json_object_get(t, "text")), text);
}

#define LINE(name, user, hidden, mes) \
    "{\"name\":\"" name "\",\"is_user\":" user ",\"is_system\":" hidden ",\"mes\":\"" mes "\"}\n"
#define HEAD(user, name) "{\"user_name\":\"" user "\",\"character_name\":\"" name "\",\"chat_metadata\":{}}\n"

static void who_says_what(void **state) {
    (void)state;
    json_t *c = bring(
        "\xef\xbb\xbf" HEAD("unused", "unused") LINE("Homer Simpson", "false", "false", "Hello.")
            LINE("Pat", "true", "false", "Hi.") LINE("Pat", "true", "true", "Secret.")
                LINE("Barney", "false", "false",
                     "Burp.") "{\"name\":\"Sky\",\"is_user\":false,\"mes\":\"Rain.\",\"extra\":{\"type\":\"narrator\"}}\r\n"
                              "\n{\"broken\n" LINE("Marge Simpson", "false", "false", "Hmm.") LINE("Pat", "true", "false", ""),
        NULL);
    assert_string_equal(json_string_value(json_object_get(c, "user")), "Pat");
    assert_string_equal(json_string_value(json_object_get(c, "title")), "Homer Simpson, Marge Simpson");
    json_t *stage = json_pack("[ss]", "homer", "marge"),
           *want = json_pack("{s:i, s:i, s:i}", "hidden", 1, "broken", 1, "empty", 1);
    assert_true(json_equal(json_object_get(c, "characters"), stage) && json_equal(left, want));
    assert_int_equal(json_array_size(json_object_get(c, "turns")), 5);
    expect_turn(c, 0, "character", "Homer Simpson", "Hello.");
    expect_turn(c, 1, "user", "Pat", "Hi.");
    expect_turn(c, 2, "user", "Barney", "Burp.");
    expect_turn(c, 3, "user", "Sky", "Rain.");
    expect_turn(c, 4, "character", "Marge Simpson", "Hmm.");
    json_decref(c);
    json_decref(want);
    json_decref(stage);
    stage =
        json_pack("[s]", "marge"); /* who is meant is told: the file's character is the first on stage, others are strangers */
    c = bring(HEAD("You", "Margie") LINE("Margie", "false", "false", "Hi.") LINE("Homer Simpson", "false", "false", "D'oh.")
                  LINE("You", "true", "false", "Oh."),
              stage);
    expect_turn(c, 0, "character", "Margie", "Hi.");
    expect_turn(c, 1, "user", "Homer Simpson", "D'oh.");
    expect_turn(c, 2, "user", "", "Oh.");
    json_decref(c);
    json_decref(stage);
    c = bring(LINE("Homer Simpson", "false", "false", "No head.") LINE("a:b\\nc", "true", "false", "x"),
              NULL); /* a group's file of before 2025 */
    expect_turn(c, 0, "character", "Homer Simpson", "No head.");
    expect_turn(c, 1, "user", "a b c", "x");
    json_decref(c);
    static const char *const none[] = {
        "", "\n\n", "{", "[1,2]", HEAD("u", "Nobody"), HEAD("u", "unused") LINE("Ned", "false", "false", "x")};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        json_t *a = NULL, *b = NULL;
        assert_int_equal(us_sillytavern_read(none[i], strlen(none[i]), NULL, find, NULL, &a, &b, &err), US_ERR_ARGUMENT);
    }
}

static void dates(void **state) {
    (void)state;
    static const struct {
        const char *date;
        int64_t ms;
    } rows[] = {{"\"2024-05-01T10:00:00.250Z\"", 1714557600250},
                {"\"2024-05-01T12:00:00+02:00\"", 1714557600000},
                {"\"2024-5-1 @10h 00m 00s 250ms\"", 1714557600000},
                {"\"May 1, 2024 10:00am\"", 1714557600000},
                {"\"May 1, 2024 12:05am\"", 1714521900000},
                {"\"May 1, 2024 12:05pm\"", 1714565100000},
                {"1714557600000", 1714557600000},
                {"1714557600", 1714557600000},
                {"\"yesterday\"", 0},
                {"\"9999999-05-01T10:00:00Z\"", 0},
                {"\"2024-13-01T10:00:00Z\"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[400];
        snprintf(text, sizeof text, "%s{\"name\":\"Homer Simpson\",\"mes\":\"x\",\"send_date\":%s}\n",
                 HEAD("u", "Homer Simpson"), rows[i].date);
        json_t *c = bring(text, NULL);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(c, "turns"), 0), "created_ms")),
                         rows[i].ms);
        json_decref(c);
    }
}

static void swipes(void **state) {
    (void)state;
    json_t *c = bring(
        HEAD("u", "Homer Simpson") "{\"name\":\"Homer Simpson\",\"mes\":\"b\",\"swipes\":[\"a\",\"b\",\"\"],\"swipe_id\":1}\n"
                                   "{\"name\":\"Homer Simpson\",\"mes\":\"edited\",\"swipes\":[\"a\",\"b\"],\"swipe_id\":1}\n",
        NULL);
    const json_t *turns = json_object_get(c, "turns"), *t = json_array_get(turns, 0);
    assert_int_equal(json_array_size(json_object_get(t, "alternatives")), 2);
    assert_int_equal(json_integer_value(json_object_get(t, "chosen")), 1);
    t = json_array_get(turns, 1);
    assert_int_equal(json_array_size(json_object_get(t, "alternatives")), 3);
    assert_int_equal(json_integer_value(json_object_get(t, "chosen")), 2);
    json_decref(c);
    us_buf b; /* more swipes than are kept: the one that stands is among them, the others are counted */
    us_buf_init(&b, 1 << 20);
    assert_ok(us_buf_appendf(&b, &err, "%s{\"name\":\"Homer Simpson\",\"mes\":\"s90\",\"swipe_id\":90,\"swipes\":[\"s0\"",
                             HEAD("u", "Homer Simpson")),
              &err);
    for (int i = 1; i < 100; i++) assert_ok(us_buf_appendf(&b, &err, ",\"s%d\"", i), &err);
    assert_ok(us_buf_append_str(&b, "]}\n", &err), &err);
    c = bring(b.data, NULL);
    t = json_array_get(json_object_get(c, "turns"), 0);
    json_int_t chosen = json_integer_value(json_object_get(t, "chosen"));
    const json_t *list = json_object_get(t, "alternatives");
    assert_int_equal(json_array_size(list), US_MAX_ALTERNATIVES);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, (size_t)chosen), "text")), "s90");
    assert_int_equal(json_integer_value(json_object_get(left, "swipes")), 100 - US_MAX_ALTERNATIVES);
    json_decref(c);
    us_buf_fini(&b);
}

/* A chat as the server keeps it, at random. */
static json_t *invent(us_rng *rng) {
    static const char *const texts[] = {"Hi.",
                                        "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
                                        "two\nlines",
                                        " blanks ",
                                        "\"quoted\" \\ \xf0\x9f\x98\x80",
                                        "<b>&amp;"};
    json_t *turns = json_array(), *stage = json_pack("[ss]", "homer", "marge");
    size_t n = 1 + (size_t)us_rng_below(rng, 12);
    for (size_t i = 0; i < n; i++) {
        int who = (int)us_rng_below(rng, 5);
        const char *const speakers[] = {"Homer Simpson", "Marge Simpson", "Pat", "", "Narrator"};
        json_t *list = json_array();
        size_t k = who < 2 ? 1 + (size_t)us_rng_below(rng, 3) : 1;
        for (size_t a = 0; a < k; a++) {
            char text[100];
            snprintf(text, sizeof text, "%s %zu", texts[us_rng_below(rng, 6)], a);
            json_array_append_new(list, json_pack("{s:s, s:n, s:s, s:n}", "text", text, "score", "end",
                                                  who < 2    ? "self"
                                                  : who == 4 ? "heard"
                                                             : "said",
                                                  "scale"));
        }
        size_t chosen = (size_t)us_rng_below(rng, k);
        json_array_append_new(turns, json_pack("{s:s, s:s, s:s?, s:O, s:I, s:o, s:O, s:I}", "role",
                                               who < 2 ? "character" : "user", "speaker", speakers[who], "character",
                                               who == 0   ? "homer"
                                               : who == 1 ? "marge"
                                                          : NULL,
                                               "text", json_object_get(json_array_get(list, chosen), "text"), "chosen",
                                               (json_int_t)chosen, "alternatives", list, "present", stage, "created_ms",
                                               (json_int_t)(1700000000000 + (int64_t)us_rng_below(rng, 1000000))));
    }
    return json_pack("{s:s, s:s, s:o, s:{}, s:o}", "title", "t", "user", "Pat", "characters", stage, "scale", "turns", turns);
}

static void comes_back_the_same(void **state) {
    (void)state;
    us_rng rng;
    us_rng_seed(&rng, 19);
    for (int round = 0; round < 300; round++) {
        json_t *chat = invent(&rng), *stage = json_object_get(chat, "characters");
        char *text = us_sillytavern_write(chat, "Homer Simpson");
        assert_non_null(text);
        json_t *back = bring(text, stage), *t;
        size_t i;
        json_array_foreach(json_object_get(chat, "turns"), i, t)
            if (!*json_string_value(json_object_get(t, "speaker")))
                json_object_set_new(t, "speaker", json_string("Pat")); /* the file names the user */
        if (!json_equal(json_object_get(chat, "turns"), json_object_get(back, "turns")))
            fail_msg("round %d:\n%s\n%s", round, text, json_dumps(json_object_get(back, "turns"), 0));
        assert_int_equal(json_object_size(left), 0);
        json_decref(chat);
        json_decref(back);
        free(text);
    }
    json_decref(left);
    left = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_says_what), cmocka_unit_test(dates), cmocka_unit_test(swipes),
                                       cmocka_unit_test(comes_back_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
