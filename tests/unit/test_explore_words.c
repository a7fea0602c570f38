/* Words, keyness, Dunning's G2 and phrases, against numbers worked out by hand. */
#include "explore/facts.h"
#include "text/segment.h"
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

/* Languages without blanks: a run is cut into words, the same whether they are interned or looked for; others stay whole. */
static void unspaced_runs_are_words(void **state) {
    (void)state;
    static const char *const texts[] = {"我不知道应该怎么办，Donut!", "สวัสดีครับ", "日本語を話します", "d’oh, naïve 안녕"};
    static const size_t least[] = {4, 2, 3, 3}, most[] = {8, 3, 7, 3};
    for (size_t t = 0; t < 4; t++) {
        us_words w = {0};
        us_ids ids = {0};
        us_error err;
        assert_ok(us_words_split(&w, texts[t], &ids, &err), &err);
        assert_true(ids.n >= least[t] && ids.n <= most[t]);
        size_t begin, end = 0, n = 0;
        while (us_word_next(texts[t], strlen(texts[t]), end, &begin, &end)) n++;
        assert_int_equal(n, ids.n);
        us_words_fini(&w);
        free(ids.id);
    }
    assert_int_equal(us_count_words("two words"), 2);
    assert_true(us_count_words("我不知道 应该") >= 3);
    char *han = malloc(300001); /* longer than what is looked at: cut somewhere, at a whole character */
    for (size_t i = 0; i < 100000; i++) memcpy(han + 3 * i, "我", 3);
    han[300000] = 0;
    assert_int_equal(us_first_word(han, 300000) % 3, 0);
    free(han);
}

/* The language is the one whose stop words are said most. */
static void languages_are_told_by_their_stop_words(void **state) {
    (void)state;
    static const struct {
        const char *language, *text;
    } texts[] = {
        {"en", "I do not know what you want from me but it is not the duck"},
        {"de", "Ich weiss nicht was du von mir willst aber das ist nicht die Ente"},
        {"fr", "Je ne sais pas ce que vous voulez mais ce n'est pas le canard"},
        {"es", "No sé lo que quieres de mí pero eso no es el pato"},
        {"pt", "Eu não sei o que você quer mas isso não é o pato"},
        {"it", "Non so che cosa vuoi da me ma questa non è la papera"},
        {"nl", "Ik weet niet wat je van me wilt maar dat is niet de eend"},
        {"pl", "Nie wiem czego ode mnie chcesz ale to nie jest kaczka"},
        {"ru", "Я не знаю что ты хочешь от меня но это не утка"},
        {"zh", "我不知道应该怎么办，这不是我们的"},
        {"ja", "私はそれが好きではないです"},
    };
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        us_words w = {0};
        us_ids ids = {0};
        us_error err;
        const char *language = NULL;
        uint32_t *said = calloc(64, sizeof *said);
        unsigned char stop[64] = {0};
        assert_ok(us_words_split(&w, texts[t].text, &ids, &err), &err);
        for (size_t i = 0; i < ids.n; i++) said[ids.id[i]]++;
        assert_ok(us_stop_words(&w, said, "duck", &language, stop, &err), &err);
        assert_string_equal(language, texts[t].language);
        if (!t) assert_int_equal(stop[ids.id[ids.n - 1]], US_STOP_WORD); /* the caller's own */
        language = "xx";
        assert_int_equal(us_stop_words(&w, said, NULL, &language, stop, &err), US_ERR_ARGUMENT);
        us_words_fini(&w);
        free(ids.id);
        free(said);
    }
}

/* Bulgarian is not Russian: where too few of a list's words are said, the language is not known. */
static void a_neighbour_of_a_language_is_not_it(void **state) {
    (void)state;
    us_words w = {0};
    us_ids ids = {0};
    us_error err;
    const char *language = NULL;
    uint32_t said[128] = {0};
    unsigned char stop[128] = {0};
    for (int i = 0; i < 8; i++)
        assert_ok(
            us_words_split(&w,
                           "Аз не зная какво искаш от мен, но това не е патицата. Тя беше тук вчера, сега я няма. Ще я търсим "
                           "заедно край реката, преди слънцето да залезе зад хълмовете, защото после всичко ще потъне в мрак",
                           &ids, &err),
            &err);
    for (size_t i = 0; i < ids.n; i++) said[ids.id[i]]++;
    assert_true(ids.n > 280);
    assert_ok(us_stop_words(&w, said, NULL, &language, stop, &err), &err);
    assert_string_equal(language, "none");
    us_words_fini(&w);
    free(ids.id);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_neighbour_of_a_language_is_not_it),
                                       cmocka_unit_test(unspaced_runs_are_words),
                                       cmocka_unit_test(languages_are_told_by_their_stop_words),
                                       cmocka_unit_test(words_are_folded_and_interned),
                                       cmocka_unit_test(keyness_by_hand),
                                       cmocka_unit_test(dunning_by_hand),
                                       cmocka_unit_test(parts_fold_into_the_longest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
