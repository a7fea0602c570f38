/* Exploring: figures worked out by hand, a cloud whose words do not touch, hostile names in a page, and the real series
 * against what was counted apart. */
#include "test.h"
#include "text/fold.h"
#include "base/buf.h"
#include "explore/cloud.h"
#include "explore/report.h"
#include "scripts.h"
#include <math.h>

/* Fontconfig keeps what it has read until the process ends. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig\nleak:libpango\n"; }

static us_script *script_of(const char *text) {
    us_error err;
    us_script *s;
    char *path = us_path_join(folder, "script.csv");
    assert_ok(us_file_write_atomic(path, text, strlen(text), &err), &err);
    assert_ok(us_script_load(NULL, (const char *const[]){path}, 1, &s, &err), &err);
    free(path);
    return s;
}

static us_facts *facts_of(const us_script *s, const us_explore_options *o) {
    us_error err;
    us_facts *f;
    assert_ok(us_explore(s, o, &f, &err), &err);
    return f;
}

static const us_term *find(const us_term *t, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++)
        if (!strcmp(t[i].text, text)) return &t[i];
    return NULL;
}

static const char play[] =
    "name,line\n"
    "Ann,Great pumpkins!\nBob,The boat is here.\nBob,Hurry.\nAnn,\"Great pumpkins, Bob! My boats?\"\nCid,No.\n,\n"
    "Ann,Great pumpkins!\nCid,No.\nAnn,A boat is a boat.\n,\n"
    "Bob,Ann?\nYoung Ann,Yes?\nAnn & Cid,Boo!\n";

static void figures_by_hand(void **state) {
    (void)state;
    us_script *s = script_of(play);
    us_facts *f = facts_of(s, &(us_explore_options){.character = "Ann", .main_share = 0.15, .min_lines = 2});
    assert_int_equal(f->n_lines, 11);
    assert_int_equal(f->n_scenes, 3);
    assert_int_equal(f->n_episodes, 0); /* the file does not tell */
    assert_int_equal(f->role.n_lines, 4);
    assert_int_equal(f->role.n_words, 2 + 5 + 2 + 5);
    assert_int_equal(f->role.n_scenes, 2);
    assert_true(fabs(f->role.share_lines - 4 / 11.0) < 1e-12);
    assert_int_equal(f->n_different_lines, 3);
    assert_int_equal(f->n_different_words, 8); /* great pumpkins bob my boats a boat is */
    assert_int_equal(f->median_words, 5);
    assert_int_equal(f->longest_words, 5);
    assert_int_equal(f->lengths[1], 2);
    assert_int_equal(f->lengths[4], 2);
    assert_int_equal(f->lengths_all[0], 6);
    /* Main characters: Ann, Bob and Cid have 15% of the lines. Ann answers Bob once and Cid once. */
    assert_int_equal(f->n_roles, 3);
    assert_string_equal(us_script_get_speakers(s, &(size_t){0})[f->roles[1].speaker].name, "Bob");
    assert_int_equal(f->n_answers, 2);
    assert_int_equal(f->answers[0 * 4 + 1], 1); /* Ann after Bob */
    assert_int_equal(f->answers[0 * 4 + 2], 1); /* Ann after Cid */
    assert_int_equal(f->answers[1 * 4 + 0], 1); /* Bob after Ann; his second line in a row answers nobody */
    assert_int_equal(f->answers[2 * 4 + 0], 2);
    assert_int_equal(f->answers[3 * 4 + 1], 1); /* Young Ann after Bob */
    assert_int_equal(f->n_relatives, 2);        /* "Young Ann" and "Ann & Cid", kept apart */
    assert_true(f->relatives[0].joint != f->relatives[1].joint);
    const us_term *t = find(f->top_lines, f->n_top_lines, "Great pumpkins!");
    assert_non_null(t);
    assert_int_equal(t->n, 2);
    assert_int_equal(t->n_others, 0);
    t = find(f->catch_phrases, f->n_catch_phrases, "Great pumpkins");
    assert_non_null(t);
    assert_int_equal(t->n, 3);
    /* 3 of 4 lines against 0 of 7, prior 3 of 11: delta = ln(6/9) - ln(3/15), variance 1/6 + 1/3 */
    assert_true(fabs(t->z - (log(6.0 / 9) - log(3.0 / 15)) / sqrt(0.5)) < 1e-9);
    assert_null(find(f->catch_phrases, f->n_catch_phrases, "Great")); /* folded into the longer one */
    t = find(f->cloud_words, f->n_cloud_words, "boat");
    assert_non_null(t); /* with its plural, spelled as it is said most */
    assert_int_equal(t->n, 3);
    assert_string_equal(t->forms, "boat|boats");
    assert_null(find(f->cloud_words, f->n_cloud_words, "a")); /* a stop word */
    us_facts_free(f);
    us_script_free(s);
}

/* Whom somebody shares a title with is no relative of theirs. */
static void titles_make_no_relatives(void **state) {
    (void)state;
    us_facts *f;
    us_error err;
    us_script *s =
        script_of("name,line\nDr. Ann,Hi there.\nDr. Bob,Hello.\nYoung Dr. Ann,Hey.\nDr. Ann,Bye now.\nDr. Bob,Bye.\n");
    assert_ok(us_explore(s, &(us_explore_options){.character = "Dr. Ann"}, &f, &err), &err);
    assert_int_equal(f->n_relatives, 1);
    assert_string_equal(us_script_get_speakers(s, &(size_t){0})[f->relatives[0].speaker].name, "Young Dr. Ann");
    us_facts_free(f);
    us_script_free(s);
}

/* What somebody is called for short stands alone, and ends between letters. */
static void short_names(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"Homer Simpson", "Homer"},
                                           {"Homer", "Homer"},
                                           {"C. Montgomery Burns", "C. Montgomery Burns"},
                                           {"Dr. Hibbert", "Dr. Hibbert"},
                                           {"THE DOCTOR", "THE DOCTOR"},
                                           {"Theo Huxtable", "Theo"},
                                           {"Mrs Doyle", "Mrs Doyle"},
                                           {"Ян Ким", "Ян"}};
    char out[64], cut[6];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        us_short_name(cases[i][0], out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
    us_short_name("Гомер", cut, sizeof cut);
    assert_string_equal(cut, "Го");
    us_buf words;
    us_buf_init(&words, 100);
    assert_true(us_normalise("  D'oh!  Why, YOU--little?! ", &words));
    assert_string_equal(words.data, "doh why you little");
    us_buf_fini(&words);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    us_script *s = script_of(play);
    us_facts *f;
    us_error err;
    assert_int_equal(us_explore(s, &(us_explore_options){.character = "Anne"}, &f, &err), US_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'Ann'"));
    assert_int_equal(us_explore(s, &(us_explore_options){.main_share = 1.5}, &f, &err), US_ERR_ARGUMENT);
    assert_int_equal(us_explore(s, &(us_explore_options){.top = -1}, &f, &err), US_ERR_ARGUMENT);
    assert_int_equal(us_explore(s, &(us_explore_options){.language = "xx"}, &f, &err), US_ERR_ARGUMENT);
    us_script_free(s);
    s = script_of("name,line\n,Nobody said this\n");
    assert_int_equal(us_explore(s, NULL, &f, &err), US_ERR_FORMAT);
    us_script_free(s);
}

static void the_language_is_found(void **state) {
    (void)state;
    us_script *s = script_of(
        "имя,text,name\nx,Но ты же не знаешь что это такое: пирог!,Дед\nx,И я не знаю. Пирог?,Баба\nx,Ну вот пирог!,Дед\n");
    us_facts *f = facts_of(s, NULL);
    assert_string_equal(f->name, "Дед");
    assert_string_equal(f->language, "ru");
    assert_non_null(find(f->cloud_words, f->n_cloud_words, "пирог"));
    assert_null(find(f->cloud_words, f->n_cloud_words, "не"));
    us_facts_free(f);
    us_script_free(s);
}

/* A script of 60 words, said 60, 59, ... times. */
static us_script *wordy(void) {
    us_buf b;
    us_buf_init(&b, 1 << 20);
    assert_int_equal(us_buf_append_str(&b, "name,line\n", NULL), US_OK);
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < 62 - i; k++)
            assert_int_equal(us_buf_appendf(&b, NULL, "Ann,The %c%cword%c\n", 'a' + i % 26, 'k' + i / 26, "aeiou"[i % 5]),
                             US_OK);
    us_script *s = script_of(b.data);
    us_buf_fini(&b);
    return s;
}

/* Every pixel belongs to one word at most. */
static void glyphs_do_not_touch(const us_cloud *c) {
    int w = c->width, h = c->height;
    unsigned char *taken = calloc((size_t)w * (size_t)h, 1);
    int words = 0;
    for (size_t i = 0; i < c->n_words; i++) {
        if (c->words[i].scale <= 0) continue;
        cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_A8, w, h);
        cairo_t *cr = cairo_create(s);
        cairo_set_matrix(cr, &c->words[i].at);
        cairo_append_path(cr, c->words[i].outline);
        cairo_fill(cr);
        cairo_surface_flush(s);
        const unsigned char *p = cairo_image_surface_get_data(s);
        int stride = cairo_image_surface_get_stride(s), ink = 0;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                if (!p[y * stride + x]) continue;
                ink++;
                if (taken[y * w + x]) fail_msg("'%s' touches another word at %d,%d", c->words[i].term->text, x, y);
                taken[y * w + x] = 1;
            }
        assert_true(ink > 0);
        words++;
        cairo_destroy(cr);
        cairo_surface_destroy(s);
    }
    assert_int_equal(words, us_cloud_n_placed(c));
    free(taken);
}

static void a_cloud_is_tight_and_apart(void **state) {
    (void)state;
    us_script *s = wordy();
    us_facts *f = facts_of(s, NULL);
    us_cloud *c, *again, *other;
    us_error err;
    us_buf a, b, d;
    us_buf_init(&a, 1 << 24), us_buf_init(&b, 1 << 24), us_buf_init(&d, 1 << 24);
    us_cloud_options o = {.width = 500, .height = 300, .max_words = 50, .seed = 7};
    assert_ok(us_cloud_new(f, &o, &c, &err), &err);
    assert_ok(us_cloud_new(f, &o, &again, &err), &err);
    o.seed = 8, o.round = true;
    assert_ok(us_cloud_new(f, &o, &other, &err), &err);
    assert_int_equal(c->n_words, 50);
    assert_true(us_cloud_n_placed(c) >= 48);
    glyphs_do_not_touch(c);
    glyphs_do_not_touch(other);
    assert_true(c->words[0].scale > 1.3 * c->words[40].scale);
    assert_ok(us_cloud_svg(c, true, &a, &err), &err);
    assert_ok(us_cloud_svg(again, true, &b, &err), &err);
    assert_ok(us_cloud_svg(other, true, &d, &err), &err);
    assert_string_equal(a.data, b.data);
    assert_string_not_equal(a.data, d.data);
    us_buf_fini(&a), us_buf_fini(&b), us_buf_fini(&d);
    us_cloud_free(c), us_cloud_free(again), us_cloud_free(other);
    us_facts_free(f);
    us_script_free(s);
}

/* Words stand in the dark half of the mask alone. */
static void a_mask_is_kept(void **state) {
    (void)state;
    us_script *s = wordy();
    us_facts *f = facts_of(s, NULL);
    us_cloud *c;
    us_error err;
    char *path = us_path_join(folder, "mask.png");
    cairo_surface_t *m = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 200, 100); /* clear: no room */
    cairo_t *cr = cairo_create(m);
    cairo_rectangle(cr, 0, 0, 100, 100);
    cairo_fill(cr); /* black */
    cairo_destroy(cr);
    assert_ok(us_png_write(m, path, &err), &err);
    assert_ok(us_cloud_new(f, &(us_cloud_options){.width = 600, .mask = path, .max_words = 30}, &c, &err), &err);
    assert_int_equal(c->height, 300);
    assert_true(us_cloud_n_placed(c) > 20);
    for (size_t i = 0; i < c->n_words; i++) {
        const us_cloud_word *w = &c->words[i];
        double x = w->left + w->width, y = w->top + w->height;
        if (w->scale <= 0) continue;
        cairo_matrix_transform_point(&w->at, &x, &y);
        assert_true(x <= 300);
    }
    glyphs_do_not_touch(c);
    us_cloud_free(c);
    assert_ok(us_file_write_atomic(path, "GIF89a not a PNG at all....", 27, &err), &err);
    assert_int_equal(us_cloud_new(f, &(us_cloud_options){.mask = path}, &c, &err), US_ERR_FORMAT);
    unsigned char bomb[33] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\x0f\0\0\0\x0f\0\0\x08\x02\0\0\0";
    assert_ok(us_file_write_atomic(path, bomb, sizeof bomb, &err), &err);
    assert_int_equal(us_cloud_new(f, &(us_cloud_options){.mask = path}, &c, &err), US_ERR_LIMIT);
    m = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 100, 100);
    assert_ok(us_png_write(m, path, &err), &err);
    assert_int_equal(us_cloud_new(f, &(us_cloud_options){.mask = path}, &c, &err), US_ERR_FORMAT); /* no dark area */
    free(path);
    us_facts_free(f);
    us_script_free(s);
}

static void a_page_holds_hostile_text_as_text(void **state) {
    (void)state;
    us_script *s = script_of("name,line\n<b>Ann</b>,</script><script>alert(1)</script> \"x\" & 'y'\nBob,<img src=x "
                             "onerror=alert(2)>\n<b>Ann</b>,Fish & chips\n"
                             "Bob,<!--\n<b>Ann</b>,Fish & chips\n<b>Ann</b>,Fish & chips\n");
    us_facts *f = facts_of(s, &(us_explore_options){.character = "<b>Ann</b>", .min_lines = 2});
    us_cloud *c;
    us_error err;
    us_buf b;
    us_buf_init(&b, 1 << 24);
    assert_ok(us_cloud_new(f, &(us_cloud_options){.width = 200, .height = 200}, &c, &err), &err);
    assert_ok(us_report_html(f, c, &b, &err), &err);
    assert_null(strstr(b.data, "<b>Ann"));
    assert_null(strstr(b.data, "alert(1)</script>"));
    assert_null(strstr(b.data, "<img"));
    assert_null(strstr(b.data, "<!--"));
    assert_non_null(strstr(b.data, "&lt;b&gt;Ann&lt;/b&gt;"));
    assert_non_null(strstr(b.data, "Fish &amp; chips"));
    assert_non_null(strstr(b.data, "\\u003c!--"));
    us_buf_fini(&b);
    us_cloud_free(c);
    us_facts_free(f);
    us_script_free(s);
}

/* The numbers of the data's own README. */
static void the_simpsons(void **state) {
    (void)state;
    us_script *s = load_shared((const char *const[]){"data/simpsons/simpsons_dataset.csv"}, 1);
    if (!s) skip();
    us_facts *f = facts_of(s, NULL);
    static const struct {
        const char *text;
        uint32_t n;
    } lines[] = {{"Woo hoo!", 96}, {"No.", 64}, {"Huh?", 47}, {"Okay.", 47}, {"What?", 40}, {"Why you little...", 35}};
    size_t n;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    assert_string_equal(f->name, "Homer Simpson");
    assert_int_equal(sp[f->character].n_rows, 27207);
    assert_int_equal(f->role.n_lines, 25440);
    assert_int_equal(f->role.n_words, 246471);
    assert_int_equal(f->n_different_lines, 23748);
    assert_int_equal(f->role.n_scenes, 7423);
    assert_int_equal(f->n_answers, 17856);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_string_equal(f->top_lines[i].text, lines[i].text);
        assert_int_equal(f->top_lines[i].n, lines[i].n);
    }
    static const struct {
        const char *name;
        uint32_t lines;
    } roles[] = {{"Homer Simpson", 25440},  {"Marge Simpson", 12217},      {"Bart Simpson", 12143},
                 {"Lisa Simpson", 9876},    {"C. Montgomery Burns", 2823}, {"Moe Szyslak", 2592},
                 {"Seymour Skinner", 2243}, {"Ned Flanders", 1896},        {"Grampa Simpson", 1716},
                 {"Chief Wiggum", 1693},    {"Milhouse Van Houten", 1654}, {"Krusty the Clown", 1455}};
    assert_true(f->n_roles >= 12);
    for (size_t i = 0; i < 12; i++) {
        assert_string_equal(sp[f->roles[i].speaker].name, roles[i].name);
        assert_int_equal(f->roles[i].n_lines, roles[i].lines);
    }
    const us_term *t = find(f->catch_phrases, f->n_catch_phrases, "Why you little");
    assert_non_null(t);
    assert_true(t->z > 5);
    bool young = false;
    for (size_t i = 0; i < f->n_relatives; i++) young = young || !strcmp(sp[f->relatives[i].speaker].name, "Young Homer");
    assert_true(young);
    us_facts_free(f);
    us_script_free(s);
}

static void other_series(void **state) {
    (void)state;
    us_script *s = load_shared((const char *const[]){"data/other/rick-and-morty/RickAndMortyScripts.csv"}, 1);
    if (!s) skip();
    us_facts *f = facts_of(s, NULL);
    assert_string_equal(f->name, "Rick");
    assert_int_equal(f->role.n_lines, 420);
    assert_int_equal(f->n_episodes, 11);
    us_facts_free(f);
    us_script_free(s);
    s = load_shared((const char *const[]){"data/other/friends/friends_season_10.csv"}, 1);
    f = facts_of(s, &(us_explore_options){.character = "joey tribbiani"});
    assert_int_equal(f->role.n_lines, 723);
    us_facts_free(f);
    us_script_free(s);
    char names[19][64];
    const char *list[19];
    for (int i = 0; i < 19; i++) {
        snprintf(names[i], sizeof names[i], "data/other/south-park/Season-%02d.csv", i + 1);
        list[i] = names[i];
    }
    s = load_shared(list, 19);
    f = facts_of(s, NULL);
    assert_string_equal(f->name, "Cartman");
    assert_int_equal(f->n_episodes, 267);
    assert_non_null(find(f->keywords, f->n_keywords, "Butters")); /* a name, not the plural of butter */
    us_facts_free(f);
    us_script_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_by_hand),       cmocka_unit_test(titles_make_no_relatives),
        cmocka_unit_test(short_names),           cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(the_language_is_found), cmocka_unit_test(a_cloud_is_tight_and_apart),
        cmocka_unit_test(a_mask_is_kept),        cmocka_unit_test(a_page_holds_hostile_text_as_text),
        cmocka_unit_test(the_simpsons),          cmocka_unit_test(other_series)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
