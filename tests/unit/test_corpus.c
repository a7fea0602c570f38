/* Reading: the real series' counts equal what was counted apart; repairs; hostile files. */
#include "test.h"
#include "base/buf.h"
#include "scripts.h"

static us_status load_text(const char *name, const char *text, size_t n, const us_script_options *o, us_script **s,
                           us_error *err) {
    char *path = us_path_join(folder, name);
    if (us_file_write_atomic(path, text, n, err)) abort();
    us_status st = us_script_load(o, (const char *const[]){path}, 1, s, err);
    free(path);
    return st;
}

static us_script *must_load(const char *name, const char *text, const us_script_options *o) {
    us_error err;
    us_script *s;
    assert_ok(load_text(name, text, strlen(text), o, &s, &err), &err);
    const us_script_counts *c = us_script_get_counts(s);
    assert_int_equal(c->rows, c->lines + c->actions + c->breaks + c->rejected);
    return s;
}

static void expect_line(const us_script *s, size_t i, const char *speaker, const char *text) {
    size_t n, k;
    const us_line *l = us_script_get_lines(s, &n);
    assert_true(i < n);
    assert_string_equal(l[i].text, text);
    assert_string_equal(us_script_get_speakers(s, &k)[l[i].speaker].name, speaker);
}

static void rules_repair_and_count(void **state) {
    (void)state;
    us_script *s = must_load("a.csv",
                             "\xef\xbb\xbf"
                             "raw_character_text,spoken_words\r\nHomer,Well, well, well.\r\nHomer,  two   blanks \r\n,\r\n"
                             "Se\xc3\x83\xc2\xb1or,\xc3\xa2\xe2\x82\xac\xc2\xa6 caf\xc3\x83\xc2\xa9\r\nMarge,(SIGHS) Homer! "
                             "[leaves]\r\nWritten by,Somebody\r\nMarge,\r\nMARGE,Loud.\r\n,Nobody said this\r\n"
                             "Bart,\"two\nlines\"\r\n",
                             NULL);
    const us_script_counts *c = us_script_get_counts(s);
    size_t n;
    expect_line(s, 0, "Homer", "Well, well, well.");
    expect_line(s, 1, "Homer", "two blanks");
    expect_line(s, 2, "Se\xc3\xb1or", "\xe2\x80\xa6 caf\xc3\xa9");
    expect_line(s, 3, "Marge", "Homer!");
    assert_string_equal(us_script_get_lines(s, &n)[3].direction, "SIGHS; leaves");
    expect_line(s, 4, "Marge", "Loud.");
    expect_line(s, 6, "Bart", "two lines");
    assert_int_equal(n, 7);
    assert_int_equal(us_script_get_lines(s, &n)[5].speaker, US_SPEAKER_NONE);
    assert_int_equal(us_script_get_lines(s, &n)[6].row, 11);
    assert_int_equal(c->rows, 10);
    assert_int_equal(c->actions, 2);
    assert_int_equal(c->breaks, 1);
    assert_int_equal(c->repairs[US_RULE_FIELDS], 1);
    assert_int_equal(c->repairs[US_RULE_MOJIBAKE], 2);
    assert_int_equal(c->repairs[US_RULE_DIRECTIONS], 1);
    assert_int_equal(c->repairs[US_RULE_CREDITS], 1);
    assert_int_equal(c->repairs[US_RULE_SHOUTED], 1);
    us_script_get_scenes(s, &n);
    assert_int_equal(n, 2);
    us_script_free(s);
    s = must_load("b.csv", "name,line\nMarge,(SIGHS) Homer!\nMARGE,caf\xc3\x83\xc2\xa9\n",
                  &(us_script_options){.rules_off = ~0u});
    expect_line(s, 0, "Marge", "(SIGHS) Homer!");
    expect_line(s, 1, "MARGE", "caf\xc3\x83\xc2\xa9");
    us_script_free(s);
}

static void other_shapes(void **state) {
    (void)state;
    us_script *s = must_load("a.jsonl",
                             "{\"speaker\": \"Rick\", \"text\": \"Morty!\", \"episode\": 1}\n\n{\"speaker\": \"Morty\", "
                             "\"text\": \"Aw geez\", \"episode\": 2}\n",
                             NULL);
    size_t n;
    expect_line(s, 1, "Morty", "Aw geez");
    us_script_get_episodes(s, &n);
    assert_int_equal(n, 2);
    us_script_free(s);
    s = must_load("a.tsv", "Line\tCharacter\nHi, all\tKyle\n", NULL);
    expect_line(s, 0, "Kyle", "Hi, all");
    us_script_free(s);
    char *path = us_path_join(folder, "aliases.json");
    us_error err;
    assert_ok(us_file_write_atomic(path, "{\"Homer Simpson\": [\"Homer\"]}", 28, &err), &err);
    s = must_load("c.csv", "name,line\nHomer,D'oh\nHomer Simpson,Mmm\n", &(us_script_options){.alias_file = path});
    assert_int_equal(us_script_get_speakers(s, &n)[0].n_lines, 2);
    assert_int_equal(n, 1);
    us_script_free(s);
    free(path);
}

static void says_alias(const us_script *s, const us_alias *a, size_t n, const char *from, const char *to, const char *reason) {
    size_t k;
    const us_speaker *sp = us_script_get_speakers(s, &k);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(sp[a[i].from].name, from)) {
            if (!to) fail_msg("'%s' would join '%s' (%s)", from, sp[a[i].to].name, a[i].reason);
            assert_string_equal(sp[a[i].to].name, to);
            assert_string_equal(a[i].reason, reason);
            return;
        }
    if (to) fail_msg("nothing for '%s'", from);
}

static void aliases_are_suggested(void **state) {
    (void)state;
    us_buf b;
    us_buf_init(&b, 1 << 20);
    static const char *const known[] = {"Homer Simpson", "Monica Geller", "Officer Barbrady",
                                        "Mr. Garrison",  "Announcer #1",  "The Singer"};
    assert_int_equal(us_buf_append_str(&b, "name,line\n", NULL), US_OK);
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 12; k++) assert_int_equal(us_buf_appendf(&b, NULL, "%s,Words %d.\n", known[i], k), US_OK);
    static const char *const rare[] = {"Homer",       "Homer Simpsno", "homer simpson", "MNCA",
                                       "Officer",     "Mrs. Garrison", "Announcer #2",  "The Singers",
                                       "Young Homer", "Homer & Marge", "Homer's Brain"};
    for (size_t i = 0; i < sizeof rare / sizeof *rare; i++)
        assert_int_equal(us_buf_appendf(&b, NULL, "%s,Once.\n", rare[i]), US_OK);
    us_script *s = must_load("names.csv", b.data, NULL);
    us_alias *a;
    size_t n;
    us_error err;
    assert_ok(us_script_suggest_aliases(s, &a, &n, &err), &err);
    says_alias(s, a, n, "Homer", "Homer Simpson", "first name");
    says_alias(s, a, n, "Homer Simpsno", "Homer Simpson", "typo");
    says_alias(s, a, n, "homer simpson", "Homer Simpson", "case");
    says_alias(s, a, n, "MNCA", "Monica Geller", "contraction");
    static const char *const apart[] = {"Officer",     "Mrs. Garrison", "Announcer #2", "The Singers",
                                        "Young Homer", "Homer & Marge", "Homer's Brain"};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) says_alias(s, a, n, apart[i], NULL, NULL);
    free(a);
    us_script_free(s);
    us_buf_fini(&b);
}

static void aliases_join_in_chains(void **state) {
    (void)state;
    char *path = us_path_join(folder, "chain.json");
    us_error err;
    size_t n;
    const char *chain = "{\"Marge Simpson\": [\"Marge\"], \"The Wife\": [\"Marge Simpson\"]}",
               *circle = "{\"A\": [\"B\"], \"B\": [\"A\"]}";
    assert_ok(us_file_write_atomic(path, chain, strlen(chain), &err), &err);
    us_script *s = must_load("d.csv", "name,line\nMarge,a b\nMARGE,c\nMarge Simpson,d\nBart,e\n",
                             &(us_script_options){.alias_file = path});
    const us_speaker *sp = us_script_get_speakers(s, &n);
    assert_int_equal(n, 2);
    assert_string_equal(sp[0].name, "The Wife");
    assert_int_equal(sp[0].n_lines, 3);
    assert_int_equal(sp[0].n_words, 4);
    const us_joined *j = us_script_get_joined(s, &n);
    assert_int_equal(n, 3);
    assert_string_equal(j[0].name, "Marge");
    assert_int_equal(j[0].speaker, 0);
    us_script_free(s);
    assert_ok(us_file_write_atomic(path, circle, strlen(circle), &err), &err);
    assert_int_equal(load_text("d.csv", "name,line\nA,a\nB,b\n", 18, &(us_script_options){.alias_file = path}, &s, &err),
                     US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "circle"));
    free(path);
}

/* 200,000 names in capitals: comparing each with each would take hours. */
static void many_names_are_quick(void **state) {
    (void)state;
    us_buf b;
    us_buf_init(&b, 16 << 20);
    size_t n;
    assert_int_equal(us_buf_append_str(&b, "name,line\n", NULL), US_OK);
    for (int i = 0; i < 200000; i++)
        assert_int_equal(us_buf_appendf(&b, NULL, i % 2 ? "\xc3\x84RMEL %d,a\n" : "\xc3\xa4rmel %d,b\n", i / 2), US_OK);
    us_script *s = must_load("many.csv", b.data, NULL);
    us_script_get_speakers(s, &n);
    assert_int_equal(n, 100000);
    assert_int_equal(us_script_get_counts(s)->repairs[US_RULE_SHOUTED], 100000);
    us_script_free(s);
    us_buf_fini(&b);
}

static void refuses(const char *name, const char *text, size_t n, us_status want, const char *word) {
    us_error err = {0};
    us_script *s;
    us_status st = load_text(name, text, n, &(us_script_options){.max_cell_bytes = 1000}, &s, &err);
    if (st != want || !strstr(err.message, word))
        fail_msg("expected %s and '%s', got %s: %s", us_status_name(want), word, us_status_name(st), err.message);
}

static void bad_files_are_refused_in_words(void **state) {
    (void)state;
    refuses("e.csv", "", 0, US_ERR_FORMAT, "empty");
    refuses("e.csv", "\1\2\0\0\3\4\5\6\7\1\2\0\0\3\4\5\6\7\1\2\3\4\5\6a,b", 27, US_ERR_FORMAT, "control characters");
    refuses("e.csv", "foo,bar\n1,2\n", 12, US_ERR_NOT_FOUND, "'foo', 'bar'");
    char *big = malloc(200000);
    memset(big, 'x', 200000);
    memcpy(big, "name,line\nA,\"", 12);
    us_error err;
    us_script *s;
    assert_ok(load_text("e.csv", big, 200000, &(us_script_options){.max_cell_bytes = 1000}, &s, &err), &err);
    assert_int_equal(us_script_get_counts(s)->rejected, 1); /* and the row's reason says how long a cell may be */
    size_t n;
    assert_non_null(strstr(us_script_get_repairs(s, &n)[0].after, "1000 bytes"));
    assert_int_equal(us_script_check_damage(s, &err), US_ERR_FORMAT);
    us_script_free(s);
    free(big);
    refuses("e.jsonl", "[{\"a\": 1},2]\n", 13, US_ERR_FORMAT, "'a'");
    s = must_load("n.csv", "name,line\nHomer Simpson,D'oh\n", NULL);
    uint32_t i;
    assert_int_equal(us_script_find_speaker(s, "Homer Simpsen", &i, &err), US_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'Homer Simpson'"));
    assert_ok(us_script_find_speaker(s, "homer simpson", &i, &err), &err);
    us_script_free(s);
}

static void the_simpsons(void **state) {
    (void)state;
    us_script *s = load_shared((const char *const[]){"data/simpsons/simpsons_dataset.csv"}, 1);
    if (!s) skip();
    static const struct {
        const char *name;
        uint32_t rows, lines;
    } want[] = {{"Homer Simpson", 27207, 25440},     {"Marge Simpson", 13116, 12217},     {"Bart Simpson", 12852, 12143},
                {"Lisa Simpson", 10554, 9876},       {"C. Montgomery Burns", 2903, 2823}, {"Moe Szyslak", 2644, 2592},
                {"Seymour Skinner", 2294, 2243},     {"Ned Flanders", 1982, 1896},        {"Grampa Simpson", 1791, 1716},
                {"Milhouse Van Houten", 1757, 1654}, {"Chief Wiggum", 1731, 1693},        {"Krusty the Clown", 1519, 1455}};
    const us_script_counts *c = us_script_get_counts(s);
    size_t n;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    assert_int_equal(c->rows, 146112);
    assert_int_equal(c->breaks, 16372);
    assert_int_equal(c->lines, 121770 + 2);
    assert_int_equal(c->actions, 7968);
    assert_int_equal(c->unnamed, 2);
    assert_int_equal(c->rejected, 0);
    assert_int_equal(c->runs, 14552);
    assert_int_equal(c->names, 6339);
    assert_int_equal(c->names_with_lines, 5885);
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        uint32_t i;
        us_error err;
        assert_ok(us_script_find_speaker(s, want[k].name, &i, &err), &err);
        assert_int_equal(sp[i].n_rows, want[k].rows);
        assert_int_equal(sp[i].n_lines, want[k].lines);
    }
    assert_int_equal(sp[0].n_words, 246471);
    const us_line *l = us_script_get_lines(s, &n);
    for (size_t i = 0; i < n; i++)
        for (const char *p = l[i].text; *p; p++) /* no mojibake is left */
            if (!strncmp(p, "\xc3\x83", 2) || !strncmp(p, "\xc3\xa2\xe2\x82\xac", 5))
                fail_msg("row %u: %s", l[i].row, l[i].text);
    us_script_free(s);
}

static void other_series(void **state) {
    (void)state;
    us_script *s = load_shared((const char *const[]){"data/other/friends/friends_season_10.csv"}, 1);
    if (!s) skip();
    const us_script_counts *c = us_script_get_counts(s);
    assert_int_equal(c->rows, 5466);
    assert_int_equal(c->lines, 5247);
    assert_int_equal(c->breaks, 218);
    us_script_free(s);
    s = load_shared((const char *const[]){"data/other/rick-and-morty/RickAndMortyScripts.csv"}, 1);
    size_t n;
    assert_int_equal(us_script_get_counts(s)->rows, 1905);
    us_script_get_episodes(s, &n);
    assert_int_equal(n, 11);
    us_script_free(s);
    char names[19][64];
    const char *list[19];
    for (int i = 0; i < 19; i++) {
        snprintf(names[i], sizeof names[i], "data/other/south-park/Season-%02d.csv", i + 1);
        list[i] = names[i];
    }
    s = load_shared(list, 19);
    assert_int_equal(us_script_get_counts(s)->rows, 73139);
    assert_int_equal(us_script_get_counts(s)->names, 4055);
    us_script_get_episodes(s, &n);
    assert_int_equal(n, 267);
    us_script_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_repair_and_count), cmocka_unit_test(other_shapes),
        cmocka_unit_test(aliases_are_suggested),  cmocka_unit_test(aliases_join_in_chains),
        cmocka_unit_test(many_names_are_quick),   cmocka_unit_test(bad_files_are_refused_in_words),
        cmocka_unit_test(the_simpsons),           cmocka_unit_test(other_series)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
