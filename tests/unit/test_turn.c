/* Turns, wordings, lists and lines as they are kept: copies that nobody else holds, and what is more than fits. */
#include "test.h"
#include "chat/turn.h"
#include <math.h>

static us_error err;

static void wordings(void **state) {
    (void)state;
    us_stored_turn t;
    assert_ok(us_turn_init(&t, "homer", NULL, &err), &err);
    assert_true(t.own && !*t.speaker && !strcmp(t.character, "homer"));
    assert_string_equal(us_turn_text(&t), ""); /* none yet */
    char word[] = "one";
    assert_ok(us_turn_add(&t, word, 3, "stop", -1.5, 0.5, &err), &err);
    word[0] = 'x'; /* the turn has its own */
    assert_string_equal(us_turn_text(&t), "one");
    assert_true(t.alternatives[0].score == -1.5 && t.alternatives[0].scale == 0.5);
    assert_string_equal(t.alternatives[0].end, "stop");
    assert_ok(us_turn_add(&t,
                          "a\0b\xff"
                          "c",
                          5, "a name that is too long", (double)NAN, (double)NAN, &err),
              &err);
    assert_string_equal(us_turn_text(&t), "a\xef\xbf\xbd"
                                          "b\xef\xbf\xbd"
                                          "c"); /* what is no text is told so */
    assert_int_equal(strlen(t.alternatives[1].end), sizeof t.alternatives[1].end - 1);
    for (int i = 0; i < US_MAX_ALTERNATIVES; i++) {
        char text[16];
        snprintf(text, sizeof text, "w%d", i);
        assert_ok(us_turn_add(&t, text, strlen(text), "edited", 0, 1, &err), &err);
    }
    assert_int_equal(t.n_alternatives, US_MAX_ALTERNATIVES); /* the oldest two are forgotten */
    assert_string_equal(t.alternatives[0].text, "w0");
    assert_string_equal(us_turn_text(&t), "w63");
    t.chosen = 3;
    assert_string_equal(us_turn_text(&t), "w3");
    us_turn_fini(&t);
    us_turn_fini(&t); /* empty, and may be ended again */
    assert_ok(us_turn_init(&t, NULL, "Pat", &err), &err);
    assert_true(!t.own && !t.character && !strcmp(t.speaker, "Pat"));
    us_turn_fini(&t);
}

static void lists_of_ids(void **state) {
    (void)state;
    us_id_list a = {0}, b = {0};
    assert_false(us_id_list_has(&a, "homer"));
    assert_ok(us_id_list_add(&a, "homer", &err), &err);
    assert_ok(us_id_list_add(&a, "marge", &err), &err);
    assert_ok(us_id_list_add(&b, "bart", &err), &err);
    assert_ok(us_id_list_copy(&b, &a, &err), &err);
    assert_true(b.n == 2 && us_id_list_has(&b, "marge") && !us_id_list_has(&b, "bart") && !us_id_list_has(&b, "mar"));
    assert_ptr_not_equal(a.ids[0], b.ids[0]);
    us_id_list_fini(&a);
    assert_true(us_id_list_has(&b, "homer"));
    assert_ok(us_id_list_copy(&b, &a, &err), &err); /* of an empty one */
    assert_int_equal(b.n, 0);
    us_id_list_fini(&b);
}

static void chats_and_lines(void **state) {
    (void)state;
    us_stored_chat c = {0};
    us_stored_turn t;
    assert_true(us_stored_chat_scale(&c, "homer") == 1);
    assert_ok(us_stored_chat_set_scale(&c, "homer", 0.25, &err), &err);
    assert_ok(us_stored_chat_set_scale(&c, "marge", 0, &err), &err);
    assert_true(us_stored_chat_scale(&c, "homer") == 0.25 && us_stored_chat_scale(&c, "marge") == 0 &&
                us_stored_chat_scale(&c, "bart") == 1);
    for (int i = 0; i < 20; i++) {
        assert_ok(us_turn_init(&t, NULL, "Pat", &err), &err);
        assert_ok(us_turn_add(&t, "Hi", 2, "said", 0, 0, &err), &err);
        assert_ok(us_stored_chat_add_turn(&c, &t, &err), &err);
        assert_null(t.speaker); /* the chat has it now */
    }
    assert_int_equal(c.n_read, 20);
    assert_string_equal(us_turn_text(&c.turns[19]), "Hi");
    us_stored_chat_fini(&c);
    assert_true(!c.turns && !c.n_scales);
    us_chat_lines l = {0};
    char name[] = "Pat", text[] = "Hello";
    assert_ok(us_chat_lines_add(&l, name, text, false, &err), &err);
    assert_ok(us_chat_lines_add(&l, "Homer", "D'oh", true, &err), &err);
    name[0] = text[0] = 'x';
    assert_true(l.n == 2 && !strcmp(l.lines[0].name, "Pat") && !strcmp(l.lines[0].text, "Hello") && !l.lines[0].own &&
                l.lines[1].own);
    us_chat_lines_fini(&l);
    assert_int_equal(l.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wordings), cmocka_unit_test(lists_of_ids),
                                       cmocka_unit_test(chats_and_lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
