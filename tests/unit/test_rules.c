/* Where replies end; and the property that streaming shows exactly what the whole text gives. */
#include "test.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "reply/rank.h"
#include "reply/rules.h"
#include "reply/take.h"

static const char *const cast[] = {"Marge Simpson", "Marge", "Bart", "Mr. Burns", "Ned Flanders"};
static const us_stops stops = {cast, 5, "Homer Simpson", true};

static void expect(const char *text, const char *shown, bool stopped) {
    us_stop_view v = us_stops_scan(&stops, text, strlen(text), true);
    char got[256];
    snprintf(got, sizeof got, "%.*s", (int)(v.end - v.begin), text + v.begin);
    assert_string_equal(got, shown);
    assert_int_equal(v.stopped, stopped);
}

static void replies_end_at_labels(void **state) {
    (void)state;
    expect("D'oh! My donut.", "D'oh! My donut.", false);
    expect("Mmm... donuts.\nMarge: Homer!", "Mmm... donuts.", true);
    expect("Mmm... donuts.\nMarge\nHomer!", "Mmm... donuts.", true);
    expect("Mmm... donuts.\nMarge is here.", "Mmm... donuts.\nMarge is here.", false);
    expect("Why?\nMr. Burns: Excellent.", "Why?", true);
    expect("Why?\nComic Book Guy: Worst reply ever.", "Why?", true);
    expect("Homer: Woo hoo!", "Woo hoo!", false);
    expect("Homer Simpson: Woo hoo!", "Woo hoo!", false);
    expect("Homer loves beer.", "Homer loves beer.", false);
    expect("Bart: Eat my shorts!", "", true);
    expect("Marge: a donut for you", "", true);
    expect("I said to Marge: no more kale.", "I said to Marge: no more kale.", false);
    expect("Note to self: eat.", "Note to self: eat.", false);
    expect("  \n Yes.  ", "Yes.", false);
    expect("", "", false);
}

/* Feeds a text in random pieces; what is shown must only grow, be whole UTF-8, and end as the whole text does. */
static void stream_randomly(us_rng *r, const char *text, size_t n) {
    us_stop_view whole = us_stops_scan(&stops, text, n, true), last = {0};
    size_t shown = 0;
    for (size_t fed = 0; fed < n && !last.stopped;) {
        fed += 1 + (size_t)us_rng_below(r, 4);
        if (fed > n) fed = n;
        us_stop_view v = us_stops_scan(&stops, text, fed, false);
        if (v.end > v.begin) {
            size_t len = v.end - v.begin;
            if (len < shown) fail_msg("took back what was shown of: %.*s", (int)n, text);
            shown = len;
            assert_true(us_utf8_valid(text + v.begin, len, NULL));
            if (v.begin != whole.begin || v.end > whole.end)
                fail_msg("showed '%.*s' of: %.*s", (int)len, text + v.begin, (int)n, text);
        }
        last = v;
    }
    if (last.stopped) assert_int_equal(last.end, whole.end);
}

static void streamed_is_unstreamed(void **state) {
    (void)state;
    static const char *const bits[] = {"Marge",
                                       " Simpson",
                                       ":",
                                       "\n",
                                       " ",
                                       "Mr.",
                                       " Burns",
                                       "D'oh",
                                       "!",
                                       "Homer",
                                       "donut",
                                       "\xd0\x9f\xd1\x80",
                                       "\xf0\x9f\x8d\xa9",
                                       "Ned",
                                       " Flanders",
                                       "Woo hoo",
                                       ".",
                                       "I",
                                       "A B"};
    us_rng r;
    us_rng_seed(&r, 3);
    for (int round = 0; round < 20000; round++) {
        char text[512] = "";
        int n = 1 + (int)us_rng_below(&r, 12);
        for (int i = 0; i < n; i++) strcat(text, bits[us_rng_below(&r, sizeof bits / sizeof *bits)]);
        stream_randomly(&r, text, strlen(text));
    }
}

static void loops_are_found(void **state) {
    (void)state;
    int32_t t[64];
    for (int i = 0; i < 64; i++) t[i] = i;
    assert_int_equal(us_loop_period(t, 64), 0);
    for (int i = 0; i < 64; i++) t[i] = i < 20 ? i : 100 + i % 4;
    assert_int_equal(us_loop_period(t, 64), 4);
    for (int i = 0; i < 64; i++) t[i] = i < 56 ? i : 7; /* "ha ha ha ha" is still a laugh */
    assert_int_equal(us_loop_period(t, 64), 0);
    for (int i = 0; i < 64; i++) t[i] = 7;
    assert_int_equal(us_loop_period(t, 64), 1);
}

static void sentences_repeat(void **state) {
    (void)state;
    assert_true(us_sentence_repeats("I like it here. I like it here."));
    assert_true(us_sentence_repeats("Oh! I like it HERE!\nI like it, here"));
    assert_false(us_sentence_repeats("Woo hoo! Woo hoo!")); /* a cry is said again by right */
    assert_false(us_sentence_repeats("I like it here. I like it there."));
    assert_false(us_sentence_repeats("I like it here. I like it here today."));
    assert_false(us_sentence_repeats("I like it here. Do I? I like it here."));
    assert_false(us_sentence_repeats("..."));
    assert_false(us_sentence_repeats(""));
}

/* What is struck out is spoken only when nothing else is left, however likely it is. */
static void takes_are_struck_out(void **state) {
    (void)state;
    us_take_weights w = {1, 0}, by_token = {0.5, 1};
    us_candidate good = {.text = "Hi.", .logprob = -40, .unconditional = -50, .n_tokens = 10, .ended = true},
                 f = {.text = "Ho.", .logprob = -1, .unconditional = -20, .n_tokens = 10, .ended = true};
    assert_true(us_take_value(&good, &w) == 10 && us_take_value(&f, &w) == 19);
    assert_true(us_take_value(&good, &by_token) == -1.5);
    good.judged = 12;
    assert_true(us_take_value(&good, &w) > us_take_value(&f, &w));
    good.judged = 0;
    double label, repeats, cut, leak, loop;
    f.stopped = true, f.ended = false, label = us_take_value(&f, &w), f.stopped = false;
    cut = us_take_value(&f, &w), f.ended = true;
    f.repeats = true, repeats = us_take_value(&f, &w), f.repeats = false;
    f.leaked = true, leak = us_take_value(&f, &w), f.leaked = false;
    f.looped = true, loop = us_take_value(&f, &w);
    assert_true(us_take_value(&good, &w) > label && label > repeats && repeats > cut && cut > leak && leak > loop);
}

static us_status likes_short(void *ctx, const us_conversation_view *v, us_candidate *takes, int32_t n, us_error *err) {
    (void)err;
    assert_int_equal(v->n_messages, 1);
    for (int32_t i = 0; i < n; i++) takes[i].judged += *(double *)ctx / (double)strlen(takes[i].text);
    return US_OK;
}

/* Judges see all takes at once; a rule beats any judge. */
static void takes_are_judged(void **state) {
    (void)state;
    double weight = 300;
    int32_t best;
    us_error err;
    us_message m = {"user", "Hi"};
    us_conversation_view view = {.messages = &m, .n_messages = 1};
    us_ranking r = {.judges = {{likes_short, &weight}}};
    us_candidate takes[3] = {{.text = "A long line.", .logprob = -1, .n_tokens = 3, .ended = true},
                             {.text = "Short.", .logprob = -9, .n_tokens = 3, .ended = true},
                             {.text = "Hm", .logprob = -9, .n_tokens = 3, .looped = true}};
    assert_int_equal(us_rank(&r, &view, takes, 3, &best, &err), US_OK);
    assert_int_equal(best, 1);
    assert_true(takes[1].score == -9 + 50 && takes[2].score < -500);
    weight = 0;
    for (int i = 0; i < 3; i++) takes[i].judged = 0;
    assert_int_equal(us_rank(&r, &view, takes, 3, &best, &err), US_OK);
    assert_int_equal(best, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(replies_end_at_labels), cmocka_unit_test(streamed_is_unstreamed),
                                       cmocka_unit_test(loops_are_found),       cmocka_unit_test(sentences_repeat),
                                       cmocka_unit_test(takes_are_struck_out),  cmocka_unit_test(takes_are_judged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
