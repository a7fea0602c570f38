/* The audition's measures on strings made by hand: each with cases in which it must fire, and cases in which it must not. */
#include "audition/distribution.h"
#include "audition/labels.h"
#include "reply/leaks.h"
#include "audition/loops.h"
#include "audition/memorised.h"
#include "audition/stats.h"
#include "audition/attribution.h"
#include "character/style.h"
#include "test.h"
#include "understudy/audition.h"
#include <math.h>

static us_error err;

static void intervals(void **state) {
    (void)state;
    us_interval w = us_wilson(1, 10); /* Wilson 1927: 0.0179 .. 0.4042 */
    assert_true(fabs(w.low - 0.01788) < 1e-4 && fabs(w.high - 0.40415) < 1e-4);
    w = us_wilson(0, 500);
    assert_true(w.low == 0 && fabs(w.high - 0.00762) < 1e-4);
    assert_true(isnan(us_wilson(0, 0).value));
    double x[200], y[200];
    for (int i = 0; i < 200; i++) x[i] = i % 2, y[i] = 2;
    us_interval b = us_bootstrap(x, NULL, 200, 1), c = us_bootstrap(x, NULL, 200, 1);
    assert_true(b.value == 0.5 && fabs(b.low - 0.431) < 0.008 && fabs(b.high - 0.569) < 0.008); /* +-1.96 sqrt(.25/200) */
    assert_true(b.low == c.low && b.high == c.high);
    assert_true(us_bootstrap(x, y, 200, 1).value == 0.25);
    b = us_bootstrap_difference(x, y, x, y, 200, 1); /* paired: no difference at all */
    assert_true(b.value == 0 && b.low == 0 && b.high == 0);
    b = us_bootstrap_quotient(y, x, y, x, 200, 1);
    assert_true(b.low == 1 && b.high == 1);
}

static void paired_tests(void **state) {
    (void)state;
    assert_true(fabs(us_mcnemar(1, 9) - 22.0 / 1024) < 1e-9); /* 2 (1 + 10) / 2^10 */
    assert_true(us_mcnemar(0, 0) == 1 && us_mcnemar(5, 5) == 1);
    double a[] = {3, 1, 2}, b[] = {1, 2, 3}, c[] = {4, 5, 6};
    assert_true(us_ks(a, 3, b, 3) == 0 && us_ks(a, 3, c, 3) == 1);
    double d[] = {1, 1, 1, 2}, e[] = {1, 2, 2, 2};
    assert_true(us_ks(d, 4, e, 4) == 0.5);
}

static us_loops loops_of(const char *text) {
    us_words w = {0};
    us_loops l;
    assert_ok(us_loops_find(&w, text, &l, &err), &err);
    us_words_fini(&w);
    return l;
}

static void loops(void **state) {
    (void)state;
    us_words w = {0};
    assert_true(loops_of("I went to the store. I went to the store.").duplicate_sentences);
    assert_true(loops_of("I went to the store! And then? I like it. I like it!").loop);
    assert_true(loops_of("go home and eat and go home and eat and go home and eat and go home and eat").tail_period == 5);
    assert_true(fabs(loops_of("a b c d a b c d").seq_rep_4 - 0.2) < 1e-9); /* 5 runs, one again */
    /* must not fire: a catch-phrase, short cries, a list, nothing */
    assert_false(loops_of("Woo hoo! Woo hoo!").loop);
    assert_false(loops_of("No, no, no, no!").loop);
    assert_false(loops_of("I went to the store. You went to the store.").loop);
    assert_false(loops_of("").loop);
    assert_true(loops_of("one two three").seq_rep_4 == 0);
    const char *chat[] = {"I like it here.", "Okay.", "Okay.", "i like it HERE", "What is this?"};
    size_t n;
    assert_ok(us_chat_repeats(&w, chat, 5, &n, &err), &err);
    assert_int_equal(n, 1); /* "Okay." is said again by right */
    const char *dwells[] = {"Doughnut, please.",   "Another doughnut?", "Cheese", "I like.", "Oh.", "No.",
                            "Yes, please: cheese."};
    double share; /* doughnut again; please is six replies back; cheese again; of doughnut, please, another, doughnut, cheese,
                     please, cheese */
    assert_ok(us_chat_same_words(&w, dwells, 7, &share, &err), &err);
    assert_true(fabs(share - 2.0 / 7) < 1e-9);
    us_words_fini(&w);
}

static void labels(void **state) {
    (void)state;
    static const char *const names[] = {"Mary Smith", "Mary", "Bob"};
    us_stops s = {names, 3, "Joe Gray", true};
    assert_true(us_label_find(&s, "Yes.\nMary: What?"));
    assert_true(us_label_find(&s, "Yes. Mary: What?"));
    assert_true(us_label_find(&s, "Yes.\nOld Nick: Hello"));
    assert_true(us_label_find(&s, "Yes.\nBob\nWhat?"));
    assert_false(us_label_find(&s, "Mary, come here."));
    assert_false(us_label_find(&s, "I told Mary: no!"));
    assert_false(us_label_find(&s, "Two things: bread and salt."));
    assert_false(us_label_find(&s, "Joe Gray: That is me."));
    assert_false(us_label_find(&s, ""));
}

static void leaks(void **state) {
    (void)state;
    us_leaks *l;
    assert_ok(us_leaks_open(NULL, &l, &err), &err);
    static const char *const yes[] = {
        "No, I'm just an artificial intelligence.",
        "Yeah, a neural network. I have been trying to learn.",
        "Нет, я просто программа.",
        "I'm just a language model.",
        "I am an AI, so I can't eat.",
        "As an AI language model, I do not eat donuts.",
        "I\xe2\x80\x99m a virtual assistant.",
        "Well, I'm a computer program!",
        "I was trained on a lot of text.",
        "I was created by OpenAI.",
        "My training data ends in 2021.",
        "How can I assist you today?",
        "I don't have personal opinions.",
        "I'm not angry. I'm a robot.",
        "I am happy to assist.",
        "Я всего лишь языковая модель.",
        "Я — нейросеть.",
        "Как искусственный интеллект, я не ем.",
        "Чем я могу вам помочь?",
        "Меня создали разработчики.",
        "я бот",
    };
    static const char *const no[] = {
        "No, I'm not a robot.",
        "Yeah, a cold beer.",
        "I'm not an AI!",
        "I am no robot.",
        "I'm not, and never was, a robot.",
        "Am I a robot?",
        "You're a robot!",
        "I'm a computer genius.",
        "Do you think I'm a machine?",
        "So I'm a robot now?",            /* a question is no confession */
        "Don't tell people I'm a robot.", /* denied a few words before */
        "Не думай, что я робот.",
        "I have never been an AI.",
        "Can I help you?",
        "My computer is broken.",
        "It's a robot! Run!",
        "I bought a robot.",
        "I'm hungry.",
        "I was made to eat.",
        "He said he is a machine.",
        "",
        "Я не робот!",
        "Я люблю роботов.",
        "Я что, робот?",
        "Где мой компьютер?",
        "Помоги мне!",
    };
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!us_leaks_find(l, yes[i]).found) fail_msg("not seen: %s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        us_leak f = us_leaks_find(l, no[i]);
        if (f.found) fail_msg("wrongly seen: %s (rule %d)", no[i], f.rule + 1);
    }
    us_leak f = us_leaks_find(l, "Oh. I'm a chatbot.");
    assert_true(f.begin == 4 && f.end == 17);
    us_leaks_free(l);
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
}

static void users_lexicon(void **state) {
    (void)state;
    char path[] = "/tmp/us_lexiconXXXXXX";
    close(mkstemp(path));
    us_leaks *l;
    write_file(path, "# mine\n\n\\bbeep boop\\b\nnot: \\bbeep boop song\\b\n");
    assert_ok(us_leaks_open(path, &l, &err), &err);
    assert_true(us_leaks_find(l, "Beep boop, human.").found);
    assert_false(us_leaks_find(l, "I like the beep boop song.").found);
    us_leaks_free(l);
    write_file(path, "good\n(bad\n");
    assert_int_equal(us_leaks_open(path, &l, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, ":2:"));
    write_file(path, "caf\xe9\n");
    assert_int_equal(us_leaks_open(path, &l, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "UTF-8"));
    unlink(path);
}

static us_overlap overlap_of(us_memory *m, const char *text) {
    us_overlap o;
    assert_ok(us_memory_find(m, text, &o, &err), &err);
    return o;
}

static void memorised(void **state) {
    (void)state;
    const char *lines[] = {"The cat sat on the mat and then it went away.", "Never eat yellow snow.",
                           "The cat sat on the roof and sang all night long."};
    us_words w = {0};
    us_memory *m;
    assert_ok(us_memory_new(&w, lines, 3, &m, &err), &err);
    us_overlap o = overlap_of(m, "the CAT sat on the roof, and sang all night!");
    assert_true(o.memorised && o.n_run == 10 && o.line == 2);
    o = overlap_of(m, "Never eat yellow snow.");
    assert_true(o.n_run == 4 && o.line == 1 && !o.memorised); /* short lines are repeated by right */
    o = overlap_of(m, "My cat sat on the roof of a very old house in the woods.");
    assert_true(o.n_run == 5 && !o.memorised);
    o = overlap_of(m, "it went away Never eat yellow snow the cat"); /* not across lines */
    assert_true(o.n_run == 4 && !o.memorised);
    assert_int_equal(overlap_of(m, "zebra").n_run, 0);
    assert_int_equal(overlap_of(m, "").n_words, 0);
    us_memory_free(m);
    us_words_fini(&w);
}

static void drift(void **state) {
    (void)state;
    const char *a[] = {"a b a b", "a b"}, *b[] = {"c d e", "f g h"};
    us_words w = {0};
    us_distribution d;
    assert_ok(us_distribution_measure(&w, a, 2, a, 2, 100, &d, &err), &err);
    assert_true(d.length_ks == 0 && d.vocabulary_js == 0 && fabs(d.distinct[0] - 2.0 / 6) < 1e-9 &&
                fabs(d.distinct[1] - 2.0 / 4) < 1e-9);
    assert_ok(us_distribution_measure(&w, a, 2, b, 2, 4, &d, &err), &err);
    assert_true(fabs(d.vocabulary_js - 1) < 1e-9 && d.length_ks == 0.5 && d.distinct[0] == 0.5); /* the first four words only */
    us_words_fini(&w);
}

/* Two speakers who like other words: the classifier learns it; what neither says is left open. */
static void style(void **state) {
    (void)state;
    static const char *const loud[] = {"Give me beer now!",   "I want beer!",      "Beer and chips!",
                                       "No more soup, beer!", "Where is my beer?", "Beer! Beer!"};
    static const char *const calm[] = {"Please read the book.", "The book is long.",    "I wrote a book.",
                                       "My book, please.",      "A good book is rare.", "Books are quiet."};
    const char *texts[12];
    uint32_t labels_[12];
    for (int i = 0; i < 6; i++) texts[2 * i] = loud[i], texts[2 * i + 1] = calm[i], labels_[2 * i] = 0, labels_[2 * i + 1] = 1;
    us_attribution *s, *again;
    double p[2], q[2];
    assert_ok(us_attribution_train(texts, labels_, 12, 2, 1, &s, &err), &err);
    assert_ok(us_attribution_train(texts, labels_, 12, 2, 1, &again, &err), &err);
    assert_ok(us_attribution_score(s, "More beer!", p, &err), &err);
    assert_ok(us_attribution_score(again, "More beer!", q, &err), &err);
    assert_true(p[0] > log(0.7) && fabs(exp(p[0]) + exp(p[1]) - 1) < 1e-9 && p[0] == q[0]);
    assert_ok(us_attribution_score(s, "This book.", p, &err), &err);
    assert_true(p[1] > log(0.7));
    us_attribution_free(s);
    us_attribution_free(again);
    labels_[0] = 1;
    for (int i = 0; i < 12; i++) labels_[i] = 1;
    assert_int_equal(us_attribution_train(texts, labels_, 12, 2, 1, &s, &err), US_ERR_ARGUMENT);
}

/* The list in a card: learned from lines, read back, and refused when it is none. */
static void manner(void **state) {
    (void)state;
    const char *lines[240];
    bool his[240];
    static const char *const kinds[] = {"Give me beer!",  "Beer, now!",      "I want my beer...",
                                        "Read the book.", "A book is good?", "My book, please."};
    for (int i = 0; i < 240; i++) lines[i] = kinds[i % 6], his[i] = i % 6 < 3;
    json_t *style, *again;
    us_style *m;
    assert_ok(us_style_learn(lines, his, 240, NULL, 0, &style, &err), &err);
    assert_ok(us_style_learn(lines, his, 240, NULL, 0, &again, &err), &err);
    assert_true(json_equal(style, again));
    json_decref(again);
    static const char *const names[] = {"Jim Beer", "Nobody"};
    assert_ok(us_style_learn(lines, his, 240, names, 2, &again, &err), &err);
    assert_null(json_object_get(json_object_get(again, "words"), "beer")); /* a name */
    assert_non_null(json_object_get(json_object_get(again, "words"), "book"));
    assert_true(json_number_value(json_object_get(json_object_get(style, "words"), "beer")) > 0.5);
    assert_true(json_number_value(json_object_get(json_object_get(style, "words"), "book")) < -0.5);
    assert_ok(us_style_open(style, "card", &m, &err), &err);
    assert_true(us_style_score(m, "More BEER!") > us_style_score(m, "More books") && us_style_score(m, "The book.") < log(0.5));
    assert_true(us_style_score(m, "") < 0 && us_style_score(NULL, "beer") == 0);
    us_style_free(m);
    json_decref(again);
    assert_ok(us_style_learn(lines, his, 60, NULL, 0, &again, &err), &err); /* too few */
    assert_null(again);
    json_object_set_new(json_object_get(style, "words"), "beer", json_string("much"));
    assert_int_equal(us_style_open(style, "card", &m, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "'beer'"));
    json_decref(style);
    style = json_pack("{s:i}", "bias", 1);
    assert_int_equal(us_style_open(style, "card", &m, &err), US_ERR_FORMAT);
    json_decref(style);
    assert_ok(us_style_open(NULL, "card", &m, &err), &err);
    assert_null(m);
}

static void gate_file(const char *text, us_status want, const char *word) {
    char path[] = "/tmp/us_gatesXXXXXX";
    close(mkstemp(path));
    write_file(path, text);
    us_status st = us_audition_check_gates(path, &err);
    unlink(path);
    if (st != want) fail_msg("'%s': %d, expected %d (%s)", text, st, want, st ? err.message : "");
    if (word && !strstr(err.message, word)) fail_msg("'%s' expected in: %s", word, err.message);
}

static void gates(void **state) {
    (void)state;
    gate_file("# what must hold\nloops <= 0.5%\ncontext_gain_share >= 0.9  # of the real\ncatch_phrases >= real * "
              "0.5\nended>98%\nloops <= real\n",
              US_OK, NULL);
    gate_file("loop <= 0.5%\n", US_ERR_FORMAT, "'loops'");
    gate_file("ended >= 1\nmemorized <= 5%\n", US_ERR_FORMAT, "2: no measure 'memorized'; the nearest is 'memorised'");
    gate_file("loops = 3\n", US_ERR_FORMAT, "< <= > or >=");
    gate_file("loops <= many\n", US_ERR_FORMAT, "a number");
    gate_file("loops <= 3 % of\n", US_ERR_FORMAT, "nothing is expected");
    gate_file("loops <= real + 2\n", US_ERR_FORMAT, "real");
    gate_file("# only words\n", US_ERR_FORMAT, "no gate");
    assert_int_equal(us_audition_check_gates("/nowhere/gates", &err), US_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals), cmocka_unit_test(paired_tests),  cmocka_unit_test(loops),     cmocka_unit_test(labels),
        cmocka_unit_test(leaks),     cmocka_unit_test(users_lexicon), cmocka_unit_test(memorised), cmocka_unit_test(drift),
        cmocka_unit_test(style),     cmocka_unit_test(manner),        cmocka_unit_test(gates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
