/* Words, keyness, Dunning's G2 and phrases, against numbers worked out by hand. */
#include "explore/words.h"
#include "test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void words_are_folded_and_interned(void **state) {
    (void)state;
    us_words w = {0};
    us_ids ids = {0};
    us_error err;
    assert_int_equal(
        us_words_split(&w, "D'oh! Don\xE2\x80\x99t -- don't 'quote' \xD0\x93\xD0\xBE\xD0\xBC\xD0\xB5\xD1\x80 2nd.", &ids, &err),
        US_OK);
    const char *want[] = {"d'oh", "don't", "don't", "quote", "\xD0\xB3\xD0\xBE\xD0\xBC\xD0\xB5\xD1\x80", "2nd"};
    assert_int_equal(ids.n, 6);
    for (size_t i = 0; i < 6; i++) assert_string_equal(us_words_get(&w, ids.id[i]), want[i]);
    assert_int_equal(ids.id[1], ids.id[2]);
    assert_int_equal(w.n, 5);
    for (int i = 0; i < 5000; i++) { /* the table grows, ids stay */
        char s[32];
        snprintf(s, sizeof s, "word%d D'OH", i);
        assert_int_equal(us_words_split(&w, s, &ids, &err), US_OK);
        assert_int_equal(ids.id[ids.n - 1], ids.id[0]);
    }
    assert_int_equal(w.n, 5005);
    free(ids.id);
    us_words_fini(&w);
}

static void keyness_by_hand(void **state) {
    (void)state;
    /* delta = ln((11/99)/(6/204)) = ln(34/9) = 1.329136; variance 1/11 + 1/6; z = 2.61889 */
    assert_true(fabs(us_keyness_z(10, 100, 5, 200, 1, 10) - 2.61889) < 1e-4);
    assert_true(fabs(us_keyness_z(5, 200, 10, 100, 1, 10) + 2.61889) < 1e-4);
    assert_true(fabs(us_keyness_z(7, 100, 7, 100, 1, 10)) < 1e-12);
}

static void dunning_by_hand(void **state) {
    (void)state;
    assert_true(fabs(us_dunning_g2(10, 10, 10, 20) - 40 * log(2)) < 1e-9);
    assert_true(fabs(us_dunning_g2(5, 10, 10, 20)) < 1e-9);
}

static void parts_fold_into_the_longest(void **state) {
    (void)state;
    const char *lines[] = {"Why you little", "why you little! Why you little!", "why you little...", "you little", "you", ""};
    us_words w = {0};
    us_ids ids = {0};
    us_error err;
    size_t start[7] = {0};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(us_words_split(&w, lines[i], &ids, &err), US_OK);
        start[i + 1] = ids.n;
    }
    us_phrase *p;
    size_t n;
    assert_int_equal(us_phrases(ids.id, start, 6, 2, 6, 2, 0.7, &p, &n, &err), US_OK);
    assert_int_equal(n, 1); /* "why you" 3 and "you little" 4 are in "why you little" 3; said twice in a line counts once */
    assert_int_equal(p[0].n_words, 3);
    assert_int_equal(p[0].n_lines, 3);
    assert_string_equal(us_words_get(&w, ids.id[p[0].first]), "why");
    free(p);
    assert_int_equal(us_phrases(ids.id, start, 6, 2, 6, 2, 0.8, &p, &n, &err), US_OK);
    assert_int_equal(n, 2); /* now "you little", said alone once in four, stands for itself */
    assert_int_equal(p[0].n_words, 2);
    assert_int_equal(p[0].n_lines, 4);
    free(p);
    free(ids.id);
    us_words_fini(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_are_folded_and_interned), cmocka_unit_test(keyness_by_hand),
                                       cmocka_unit_test(dunning_by_hand), cmocka_unit_test(parts_fold_into_the_longest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
