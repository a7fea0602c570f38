/* Chats of SillyTavern: whose words are whose, what is counted as left out, and that a chat that went out comes back the same.
 */
#include "test.h"
#include "base/rng.h"
#include "chat/sillytavern.h"
#include "base/mem.h"
#include <math.h>

static us_error err;

/* Homer and Marge are here. */
static void find(void *ctx, const char *name, char id[US_CHARACTER_ID]) {
    (void)ctx;
    snprintf(id, US_CHARACTER_ID, "%s",
             !strcmp(name, "Homer Simpson")   ? "homer"
             : !strcmp(name, "Marge Simpson") ? "marge"
                                              : "");
}

static us_left_out left;
static us_stored_chat bring(const char *text, const us_id_list *stage) {
    us_stored_chat chat;
    assert_ok(us_sillytavern_read(text, strlen(text), stage, find, NULL, &chat, &left, &err), &err);
    return chat;
}

/* role: "user" or "character". */
static void expect_turn(const us_stored_chat *chat, size_t i, const char *role, const char *speaker, const char *text) {
    assert_true(i < chat->n_read);
    const us_stored_turn *t = &chat->turns[i];
    assert_string_equal(t->own ? "character" : "user", role);
    assert_true(t->own == (t->character != NULL));
    assert_string_equal(t->speaker, speaker);
    assert_string_equal(us_turn_text(t), text);
}

#define LINE(name, user, hidden, mes) \
    "{\"name\":\"" name "\",\"is_user\":" user ",\"is_system\":" hidden ",\"mes\":\"" mes "\"}\n"
#define HEAD(user, name) "{\"user_name\":\"" user "\",\"character_name\":\"" name "\",\"chat_metadata\":{}}\n"

static void who_says_what(void **state) {
    (void)state;
    us_stored_chat c = bring(
        "\xef\xbb\xbf" HEAD("unused", "unused") LINE("Homer Simpson", "false", "false", "Hello.")
            LINE("Pat", "true", "false", "Hi.") LINE("Pat", "true", "true", "Secret.")
                LINE("Barney", "false", "false",
                     "Burp.") "{\"name\":\"Sky\",\"is_user\":false,\"mes\":\"Rain.\",\"extra\":{\"type\":\"narrator\"}}\r\n"
                              "\n{\"broken\n" LINE("Marge Simpson", "false", "false", "Hmm.") LINE("Pat", "true", "false", ""),
        NULL);
    assert_string_equal(c.user, "Pat");
    assert_string_equal(c.title, "Homer Simpson, Marge Simpson");
    assert_true(c.stage.n == 2 && us_id_list_has(&c.stage, "homer") && us_id_list_has(&c.stage, "marge"));
    assert_true(left.hidden == 1 && left.broken == 1 && left.empty == 1 && !left.too_long && !left.swipes);
    assert_int_equal(c.n_read, 5);
    expect_turn(&c, 0, "character", "Homer Simpson", "Hello.");
    expect_turn(&c, 1, "user", "Pat", "Hi.");
    expect_turn(&c, 2, "user", "Barney", "Burp.");
    expect_turn(&c, 3, "user", "Sky", "Rain.");
    expect_turn(&c, 4, "character", "Marge Simpson", "Hmm.");
    us_stored_chat_fini(&c);
    us_id_list stage = {0}; /* who is meant is told: the file's character is the first on stage, others are strangers */
    assert_ok(us_id_list_add(&stage, "marge", &err), &err);
    c = bring(HEAD("You", "Margie") LINE("Margie", "false", "false", "Hi.") LINE("Homer Simpson", "false", "false", "D'oh.")
                  LINE("You", "true", "false", "Oh."),
              &stage);
    expect_turn(&c, 0, "character", "Margie", "Hi.");
    expect_turn(&c, 1, "user", "Homer Simpson", "D'oh.");
    expect_turn(&c, 2, "user", "", "Oh.");
    us_stored_chat_fini(&c);
    us_id_list_fini(&stage);
    c = bring(LINE("Homer Simpson", "false", "false", "No head.") LINE("a:b\\nc", "true", "false", "x"),
              NULL); /* a group's file of before 2025 */
    expect_turn(&c, 0, "character", "Homer Simpson", "No head.");
    expect_turn(&c, 1, "user", "a b c", "x");
    us_stored_chat_fini(&c);
    static const char *const none[] = {
        "", "\n\n", "{", "[1,2]", HEAD("u", "Nobody"), HEAD("u", "unused") LINE("Ned", "false", "false", "x")};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(us_sillytavern_read(none[i], strlen(none[i]), NULL, find, NULL, &c, &left, &err), US_ERR_ARGUMENT);
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
        us_stored_chat c = bring(text, NULL);
        assert_int_equal(c.turns[0].created_ms, rows[i].ms);
        us_stored_chat_fini(&c);
    }
}

static void swipes(void **state) {
    (void)state;
    us_stored_chat c = bring(
        HEAD("u", "Homer Simpson") "{\"name\":\"Homer Simpson\",\"mes\":\"b\",\"swipes\":[\"a\",\"b\",\"\"],\"swipe_id\":1}\n"
                                   "{\"name\":\"Homer Simpson\",\"mes\":\"edited\",\"swipes\":[\"a\",\"b\"],\"swipe_id\":1}\n",
        NULL);
    assert_true(c.turns[0].n_alternatives == 2 && c.turns[0].chosen == 1);
    assert_true(c.turns[1].n_alternatives == 3 && c.turns[1].chosen == 2);
    us_stored_chat_fini(&c);
    us_buf b; /* more swipes than are kept: the one that stands is among them, the others are counted */
    us_buf_init(&b, 1 << 20);
    assert_ok(us_buf_appendf(&b, &err, "%s{\"name\":\"Homer Simpson\",\"mes\":\"s90\",\"swipe_id\":90,\"swipes\":[\"s0\"",
                             HEAD("u", "Homer Simpson")),
              &err);
    for (int i = 1; i < 100; i++) assert_ok(us_buf_appendf(&b, &err, ",\"s%d\"", i), &err);
    assert_ok(us_buf_append_str(&b, "]}\n", &err), &err);
    c = bring(b.data, NULL);
    assert_int_equal(c.turns[0].n_alternatives, US_MAX_ALTERNATIVES);
    assert_string_equal(us_turn_text(&c.turns[0]), "s90");
    assert_int_equal(left.swipes, 100 - US_MAX_ALTERNATIVES);
    us_stored_chat_fini(&c);
    us_buf_fini(&b);
}

/* A chat as the server keeps it, at random. */
static us_stored_chat invent(us_rng *rng) {
    static const char *const texts[] = {"Hi.",
                                        "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
                                        "two\nlines",
                                        " blanks ",
                                        "\"quoted\" \\ \xf0\x9f\x98\x80",
                                        "<b>&amp;"};
    static const char *const speakers[] = {"Homer Simpson", "Marge Simpson", "Pat", "", "Narrator"};
    us_stored_chat c = {0};
    assert_ok(us_strdup("Pat", &c.user, &err), &err);
    assert_ok(us_id_list_add(&c.stage, "homer", &err), &err);
    assert_ok(us_id_list_add(&c.stage, "marge", &err), &err);
    size_t n = 1 + (size_t)us_rng_below(rng, 12);
    for (size_t i = 0; i < n; i++) {
        int who = (int)us_rng_below(rng, 5);
        us_stored_turn t;
        size_t k = who < 2 ? 1 + (size_t)us_rng_below(rng, 3) : 1;
        assert_ok(us_turn_init(&t, who > 1 ? NULL : who ? "marge" : "homer", speakers[who], &err), &err);
        for (size_t a = 0; a < k; a++) {
            char text[100];
            int len = snprintf(text, sizeof text, "%s %zu", texts[us_rng_below(rng, 6)], a);
            const char *end = who < 2 ? "self" : who == 4 ? "heard" : "said";
            assert_ok(us_turn_add(&t, text, (size_t)len, end, (double)NAN, (double)NAN, &err), &err);
        }
        t.chosen = (size_t)us_rng_below(rng, k);
        t.created_ms = 1700000000000 + (int64_t)us_rng_below(rng, 1000000);
        assert_ok(us_id_list_copy(&t.present, &c.stage, &err), &err);
        assert_ok(us_stored_chat_add_turn(&c, &t, &err), &err);
    }
    return c;
}

static void expect_same(const us_stored_turn *a, const us_stored_turn *b) {
    expect_turn(&(us_stored_chat){.turns = (us_stored_turn *)(uintptr_t)b, .n_read = 1}, 0, a->own ? "character" : "user",
                *a->speaker ? a->speaker : "Pat", us_turn_text(a)); /* the file names the user */
    assert_true(a->n_alternatives == b->n_alternatives && a->chosen == b->chosen && a->created_ms == b->created_ms);
    assert_true(a->present.n == b->present.n && (!a->own || !strcmp(a->character, b->character)));
    for (size_t i = 0; i < a->n_alternatives; i++) {
        assert_string_equal(a->alternatives[i].text, b->alternatives[i].text);
        assert_string_equal(a->alternatives[i].end, b->alternatives[i].end);
    }
}

static void comes_back_the_same(void **state) {
    (void)state;
    us_rng rng;
    us_rng_seed(&rng, 19);
    for (int round = 0; round < 300; round++) {
        us_stored_chat chat = invent(&rng);
        char *text = us_sillytavern_write(&chat, "Homer Simpson");
        assert_non_null(text);
        us_stored_chat back = bring(text, &chat.stage);
        assert_int_equal(chat.n_read, back.n_read);
        for (size_t i = 0; i < chat.n_read; i++) expect_same(&chat.turns[i], &back.turns[i]);
        assert_true(!left.hidden && !left.empty && !left.too_long && !left.broken && !left.swipes);
        us_stored_chat_fini(&chat);
        us_stored_chat_fini(&back);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_says_what), cmocka_unit_test(dates), cmocka_unit_test(swipes),
                                       cmocka_unit_test(comes_back_the_same)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
