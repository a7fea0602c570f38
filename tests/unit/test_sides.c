/* Rules that see both sides, on texts of our own in two languages. */
#include "test.h"
#include "reply/sides.h"

static us_sides look(const char *said, const char *reply) { return us_sides_look(&said, 1, reply); }

static void test_echoes(void **state) {
    (void)state;
    assert_true(look("You are a bad kid.", "You're a bad kid!").copied >= 3);
    assert_true(look("What is 9 times 6?", "9 times 6!").echoes);
    assert_true(look("I just got fired.", "I just got fired, Marge.").echoes);
    assert_true(look("Я потерял ключи от дома.", "Потерял ключи от дома?").echoes);
    assert_true(look("Where is Maggie?", "Where's... where is Maggie?").echoes);
    assert_false(look("I love you.", "I love you too!").echoes);
    assert_false(look("Good night, Marge.", "Good night.").echoes);
    assert_false(look("Chocolate or gummy bears?", "Gummy bears!").echoes);
    assert_false(look("Do you like beer?", "I like beer more than my children.").echoes);
    assert_false(look("Спокойной ночи", "Спокойной ночи!").echoes);
    assert_int_equal(look("Hello", "World").copied, 0);
    assert_int_equal(look("", "").copied, 0);
}

static void test_repetitions(void **state) {
    static const char *const lines[] = {"I'll go!", "I'm gonna go, too.", "Who wants to stay here?", "Let us all go."};
    (void)state;
    assert_true(us_sides_look(lines, 4, "Oh! I'm gonna go, too.").repeats);
    assert_true(us_sides_look(lines, 4, "Well, fine. Who wants to stay here?").repeats);
    assert_false(us_sides_look(lines, 4, "I stay.").repeats);
    assert_false(us_sides_look(lines, 0, "I stay.").repeats);
    static const char *const calls[] = {"Yeah!", "It is late.", "Aw.", "Hello!", "Oh?"};
    assert_true(us_sides_look(calls, 5, "Aw!").repeats); /* a scene of nothing but calls has ended */
    assert_true(us_sides_look(calls, 5, "Yeah.").repeats);
    assert_false(us_sides_look(calls, 5, "Aw, it's dark.").repeats);
    assert_false(us_sides_look(calls, 5, "Oh!").repeats); /* what is answered may be said back: an echo is another thing */
    assert_false(us_sides_look(calls, 5, "Hello.").repeats);
    assert_false(us_sides_look(calls, 5, "...").repeats);
}

static void test_calls(void **state) {
    (void)state;
    assert_true(us_sides_is_call("Okay... okay, okay!"));
    assert_true(us_sides_is_call("Oh, no."));
    assert_true(us_sides_is_call(""));
    assert_true(us_sides_is_call("ok ok okay"));
    assert_false(us_sides_is_call("Oh, that dog!"));
    const us_said lines[] = {{"Homer", "Woo hoo!"}, {"Bart", "It is getting dark."}, {"Homer", "Ow."}};
    us_conversation_view c = {.lines = lines, .n_lines = 3};
    us_candidate takes[] = {{.text = "Aw, man."}, {.text = "The car is on fire."}};
    us_error err;
    assert_ok(us_sides_judge(NULL, &c, takes, 2, &err), &err);
    assert_true(takes[0].judged == -6 && takes[1].judged == 0);
    takes[0].judged = 0, c.n_lines = 2; /* one call is none too many */
    assert_ok(us_sides_judge(NULL, &c, takes, 2, &err), &err);
    assert_true(takes[0].judged == 0);
}

static void test_judge(void **state) {
    const us_said lines[] = {{"", "Hello."}, {"Homer", "Hi."}, {"", "Are you an AI?"}};
    us_conversation_view c = {.lines = lines, .n_lines = 3};
    us_candidate takes[] = {{.text = "Hm, donuts."}, {.text = "No, I am Homer!"}, {.text = "Are you an AI?"}};
    us_error err;
    (void)state;
    assert_ok(us_sides_judge(NULL, &c, takes, 3, &err), &err);
    assert_true(takes[0].judged < takes[1].judged - 50); /* it takes no side */
    assert_true(takes[2].judged < takes[1].judged - 100);
    c.n_lines = 0; /* a bare prompt */
    assert_ok(us_sides_judge(NULL, &c, takes, 3, &err), &err);
}

/* Russian letters that a character of an English script puts together are no words; what the visitor has said may be said. */
static void test_letters(void **state) {
    (void)state;
    us_error err;
    assert_true(us_sides_latin("Mmm... Zoë's donuts, 10% off — “señor”!"));
    assert_false(us_sides_latin("Привет, Homer"));
    assert_false(us_sides_latin("D'oh! 日本"));
    assert_false(us_sides_latin("... 42 ☺"));
    const char *const lines[] = {"Меня зовут Алёна.", "Как меня зовут?"};
    assert_int_equal(us_sides_foreign(lines, 2, "Hi, Алёна! ☺ “Nice”…"), 0);
    assert_int_equal(us_sides_foreign(lines, 2, "Эдо, её Алёна щощесть."), 3);
    us_said said[] = {{.text = lines[0]}, {.text = lines[1]}};
    us_conversation_view c = {.lines = said, .n_lines = 2};
    us_candidate takes[] = {{.text = "Эдо, её."}, {.text = "Алёна!"}};
    assert_ok(us_sides_judge("Hello there!", &c, takes, 2, &err), &err);
    assert_true(takes[0].judged < -100 && takes[1].judged > -100);
    takes[0].judged = 0;
    assert_ok(us_sides_judge("Привет!", &c, takes, 1, &err), &err);
    assert_true(takes[0].judged > -100);
    assert_ok(us_sides_judge(NULL, &c, takes, 1, &err), &err);
    assert_true(takes[0].judged > -100);
}

/* Homer, who has had two donuts in his last lines, has had enough of them, until somebody asks. */
static void test_worn_words(void **state) {
    (void)state;
    us_said said[] = {{NULL, "Hi!"},
                      {"Homer", "Hi! Nice donut."},
                      {NULL, "How are you?"},
                      {"Homer", "Out of donuts."},
                      {NULL, "What's new?"}};
    assert_int_equal(us_sides_worn(said, 5, "Homer", "A donut! Another donut?"), 2);
    assert_int_equal(us_sides_worn(said, 5, "Homer", "A new couch, and hi."), 0);
    assert_int_equal(us_sides_worn(said, 5, "Marge", "A donut!"), 0);
    assert_int_equal(us_sides_worn(said, 5, NULL, "A donut!"), 0);
    assert_int_equal(us_sides_worn(said, 3, "Homer", "A donut!"), 0);
    assert_int_equal(us_sides_worn(said, 0, "Homer", "A donut!"), 0);
    said[4].text = "Which donut do you like?";
    assert_int_equal(us_sides_worn(said, 5, "Homer", "The pink donut."), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_letters), cmocka_unit_test(test_worn_words),
                                       cmocka_unit_test(test_echoes),  cmocka_unit_test(test_repetitions),
                                       cmocka_unit_test(test_calls),   cmocka_unit_test(test_judge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
