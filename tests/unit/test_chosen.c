/* What visitors chose, read from the chats that are kept: which turns hold a choice, what is best and worst in it, what is left
 * out; and that training reads it back. */
#include "test.h"
#include "base/file.h"
#include "chat/store.h"
#include "mktiny.h"
#include "train/labelled.h"
#include "understudy/chat.h"
#include <math.h>
#include <sqlite3.h>
#include <sys/stat.h>

static us_error err;
static char *dir, *path, *out;
static us_store *s;
static char chat[US_STORE_ID];
static us_chosen_counts counts;

static void begin_chat(const char *const *stage, size_t n) {
    us_stored_chat c = {0};
    for (size_t i = 0; i < n; i++) assert_ok(us_id_list_add(&c.stage, stage[i], &err), &err);
    assert_ok(us_store_add_chat(s, &c, chat, &err), &err);
    us_stored_chat_fini(&c);
}

typedef struct wording {
    const char *text, *end;
    double score;
} wording;

static const char *name_of(const char *who) { return !strcmp(who, "lisa") ? "Lisa Simpson" : "Marge Simpson"; }

/* who: "" for the visitor, or an id. Lisa and Marge have heard it. */
static int64_t add(const char *who, const wording *w, size_t n, size_t chosen) {
    us_stored_turn t;
    assert_ok(us_turn_init(&t, *who ? who : NULL, *who ? name_of(who) : "", &err), &err);
    for (size_t i = 0; i < n; i++)
        assert_ok(us_turn_add(&t, w[i].text, strlen(w[i].text), w[i].end, w[i].score, (double)NAN, &err), &err);
    assert_ok(us_id_list_add(&t.present, "lisa", &err), &err);
    assert_ok(us_id_list_add(&t.present, "marge", &err), &err);
    t.chosen = chosen;
    assert_ok(us_store_add_turn(s, chat, &t, NULL, 0, &err), &err);
    int64_t id = t.id;
    us_turn_fini(&t);
    return id;
}
#define ADD(who, chosen, ...) \
    add(who, (const wording[]){__VA_ARGS__}, sizeof((const wording[]){__VA_ARGS__}) / sizeof(wording), chosen)
#define SAYS(text) ADD("", 0, {text, "said", (double)NAN})

static us_labelled_file found(const char *who) {
    us_labelled_file f = {0};
    unlink(out);
    assert_ok(us_chosen_write(path, who, out, &counts, &err), &err);
    if (counts.choices) assert_ok(us_labelled_read(&f, out, &err), &err);
    else assert_false(us_file_exists(out));
    assert_int_equal(f.n_learned + f.n_held, counts.choices);
    return f;
}

/* The one choice there is: its takes and labels as "LABEL text|LABEL text", its lines as "text|text". */
static void is_choice(const char *takes, const char *said) {
    char got[1024] = "", lines[1024] = "";
    us_labelled_file f = found(NULL);
    assert_int_equal(counts.choices, 1);
    const us_labelled *e = f.n_learned ? f.learned : f.held;
    for (size_t i = 0; i < e->n_takes; i++) sprintf(got + strlen(got), "%s%d %s", i ? "|" : "", e->labels[i], e->takes[i]);
    for (size_t i = 0; i < e->n_said; i++) sprintf(lines + strlen(lines), "%s%s", i ? "|" : "", e->said[i]);
    assert_string_equal(got, takes);
    assert_string_equal(lines, said);
    assert_string_equal(e->who, "Lisa Simpson");
    assert_int_equal(e->most, 2);
    us_labelled_fini(&f);
}

static void is_none(uint64_t scenes, uint64_t unasked, uint64_t not_whole) {
    us_labelled_file f = found(NULL);
    assert_int_equal(counts.choices, 0);
    assert_int_equal(counts.scenes, scenes);
    assert_int_equal(counts.unasked, unasked);
    assert_int_equal(counts.not_whole, not_whole);
    us_labelled_fini(&f);
}

static int setup(void **state) {
    (void)state;
    dir = us_tiny_folder();
    path = us_path_join(dir, "chats.db");
    out = us_path_join(dir, "choices.jsonl");
    if (us_store_open(path, &s, &err)) return 1;
    begin_chat((const char *const[]){"lisa"}, 1);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    us_store_close(s);
    us_tiny_remove(dir);
    free(path);
    free(out);
    return 0;
}

static void chosen_by_the_program(void **state) {
    (void)state;
    ADD("lisa", 1, {"Hello.", "greeting", (double)NAN}, {"Good day.", "greeting", (double)NAN});
    SAYS("Hi!");
    ADD("lisa", 0, {"Best.", "self", -1}, {"Second.", "self", -2}, {"Third.", "self", -2});
    is_none(0, 0, 0);
    assert_int_equal(counts.turns, 2);
    assert_int_equal(counts.chats, 1);
}

static void paged_to(void **state) {
    (void)state;
    SAYS("Hi!\nWhat is \"jazz\"?");
    ADD("lisa", 2, {"Music.", "self", -1}, {"Noise.", "self", -2}, {"Freedom,\n\"mom\".", "label", -3});
    is_choice("2 Freedom,\n\"mom\".|0 Music.", "Hi!\nWhat is \"jazz\"?");
}

static void edited(void **state) {
    (void)state;
    SAYS("Hi!");
    ADD("lisa", 3, {"Yo.", "self", -1}, {"Hm.", "self", -2}, {"Yo yo.", "edited", (double)NAN},
        {"Yo. I am Lisa.", "edited", (double)NAN});
    is_choice("2 Yo. I am Lisa.|0 Yo.", "Hi!"); /* an earlier edit is no choice of the program's */
}

static void made_again(void **state) {
    (void)state;
    SAYS("Hi!");
    us_stored_turn t;
    int64_t id = ADD("lisa", 2, {"A.", "self", -1}, {"B.", "self", -2}, {"C.", "self", -0.5}, {"D.", "self", -3});
    is_choice("2 C.|0 A.", "Hi!");
    static const char *const after[] = {"2 A.|0 C.", "2 B.|0 A.|0 C.", NULL, "2 D.|0 A.|0 C."};
    for (size_t k = 0; k < 4; k++) { /* and paged to */
        if (!after[k]) continue;
        assert_ok(us_store_get_turn(s, chat, id, &t, &err), &err);
        t.chosen = k;
        assert_ok(us_store_change_turn(s, chat, &t, NULL, 0, &err), &err);
        us_turn_fini(&t);
        is_choice(after[k], "Hi!");
    }
}

/* Each was what the program said: nothing was compared (chats of SillyTavern). */
static void one_at_a_time(void **state) {
    (void)state;
    SAYS("Hi!");
    ADD("lisa", 1, {"A.", "self", (double)NAN}, {"B.", "self", (double)NAN}, {"A.", "self", (double)NAN},
        {"C.", "self", (double)NAN});
    is_choice("2 B.|0 A.|0 C.", "Hi!");
}

static void more_than_are_read(void **state) {
    (void)state;
    wording w[20];
    char texts[20][8];
    for (int i = 0; i < 20; i++) sprintf(texts[i], "No. %d", i), w[i] = (wording){texts[i], "self", (double)NAN};
    SAYS("Hi!");
    add("lisa", w, 20, 19);
    is_choice("2 No. 19|0 No. 0|0 No. 1|0 No. 2|0 No. 3|0 No. 4|0 No. 5|0 No. 6", "Hi!");
}

/* Of more wordings than a turn keeps the oldest are forgotten, the program's choice with them: nothing is called the worst. */
static void the_first_is_forgotten(void **state) {
    (void)state;
    wording w[US_MAX_ALTERNATIVES + 2];
    char texts[US_MAX_ALTERNATIVES + 2][8];
    for (int i = 0; i < US_MAX_ALTERNATIVES + 2; i++) sprintf(texts[i], "No. %d", i), w[i] = (wording){texts[i], "self", -i};
    SAYS("Hi!");
    add("lisa", w, US_MAX_ALTERNATIVES + 2, 5);
    is_none(0, 0, 0);
}

static void no_whole_replies(void **state) {
    (void)state;
    SAYS("Hi!");
    int64_t id = ADD("lisa", 1, {"A reply that is", "cancel", -2}, {"B.", "self", -1});
    is_none(0, 0, 1);
    assert_ok(us_store_cut(s, chat, id, (char[US_STORE_ID]){0}, &err), &err);
    id = ADD("lisa", 1, {"A.", "self", -2}, {"A. And then some", "self", -1}); /* asked to go on */
    is_none(0, 0, 1);
    assert_ok(us_store_cut(s, chat, id, (char[US_STORE_ID]){0}, &err), &err);
    ADD("lisa", 1, {"A.", "self", -2}, {"A. And then some.", "edited", (double)NAN});
    is_choice("2 A. And then some.|0 A.", "Hi!");
}

static void what_stands_before(void **state) {
    (void)state;
    ADD("lisa", 1, {"Hello.", "self", -2}, {"Hey.", "self", -1}); /* answers nobody */
    is_none(0, 1, 0);
    SAYS("one");
    ADD("lisa", 0, {"1.", "self", -1});
    ADD("lisa", 0, {"And 1.", "self", -1});
    SAYS("two");
    SAYS("three");
    ADD("lisa", 0, {"23.", "self", -1});
    SAYS("four");
    ADD("lisa", 1, {"4.", "self", -1}, {"Four.", "self", -2});
    is_choice("2 Four.|0 4.", "1. And 1.|two three|23.|four");
    assert_int_equal(counts.unasked, 1);
    assert_int_equal(counts.turns, 5);
}

static void scene_of_two(void **state) {
    (void)state;
    begin_chat((const char *const[]){"lisa", "marge"}, 2);
    SAYS("Hi, you two!");
    ADD("marge", 1, {"Hi.", "self", -1}, {"Hello, dear.", "self", -2}); /* nobody else has spoken yet */
    ADD("lisa", 1, {"Hi.", "self", -1}, {"Hi, mom.", "self", -2});
    SAYS("And you?");
    ADD("lisa", 1, {"Fine.", "self", -1}, {"Great.", "self", -2});
    us_labelled_file f = found("lisa"); /* by the folder's name */
    assert_int_equal(counts.choices, 0);
    assert_int_equal(counts.scenes, 2);
    us_labelled_fini(&f);
    f = found("Marge Simpson");
    assert_int_equal(counts.choices, 1);
    assert_int_equal(counts.turns, 1);
    us_labelled_fini(&f);
    begin_chat((const char *const[]){"lisa"}, 1);
    SAYS("Hi!");
    ADD("", 0, {"It rains.", "heard", (double)NAN}); /* a narrator */
    SAYS("Hm.");
    ADD("lisa", 1, {"Fine.", "self", -1}, {"Great.", "self", -2});
    f = found("Lisa Simpson");
    assert_int_equal(counts.scenes, 3);
    us_labelled_fini(&f);
}

static void each_turn_once(void **state) {
    (void)state;
    char branch[US_STORE_ID];
    SAYS("Hi!");
    int64_t id = ADD("lisa", 1, {"Yo.", "self", -1}, {"Hello.", "self", -2});
    assert_ok(us_store_branch(s, chat, id, branch, &err), &err);
    is_choice("2 Hello.|0 Yo.", "Hi!");
    assert_int_equal(counts.copies, 1);
    assert_ok(us_store_delete_chat(s, branch, &err), &err); /* what was deleted is not read */
    is_choice("2 Hello.|0 Yo.", "Hi!");
    assert_int_equal(counts.copies, 0);
}

/* An older version's file, after its server has ended. */
static void nothing_changes(void **state) {
    (void)state;
    char *before, *after;
    size_t n, m;
    sqlite3 *db;
    struct stat sb;
    SAYS("Hi!");
    ADD("lisa", 1, {"Yo.", "self", -1}, {"Hello.", "self", -2});
    us_store_close(s);
    s = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "DROP INDEX turns_there; DROP INDEX turns_of_speaker; DROP INDEX turns_that_tell;"
                                  "ALTER TABLE turns DROP COLUMN tells; ALTER TABLE chats DROP COLUMN n_turns;"
                                  "PRAGMA user_version = 3",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_ok(us_file_read(path, 1 << 24, &before, &n, &err), &err);
    is_choice("2 Hello.|0 Yo.", "Hi!");
    assert_ok(us_file_read(path, 1 << 24, &after, &m, &err), &err);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    assert_true(!stat(out, &sb) && (sb.st_mode & 0777) == 0600); /* it holds what was said */
    free(before);
    free(after);
}

/* More than a file holds: the newest are written, the others counted; what is too long for any training is not written at all. */
static void many_and_long(void **state) {
    (void)state;
    enum { MANY = 1250, LONG = 7000 };
    us_stored_chat c = {0};
    us_stored_turn t;
    char branch[US_STORE_ID], first[US_STORE_ID] = "", *text = malloc(US_MAX_TEXT + 1);
    assert_non_null(text);
    memset(text, 'x', US_MAX_TEXT);
    text[US_MAX_TEXT] = 0;
    assert_ok(us_id_list_add(&c.stage, "lisa", &err), &err);
    for (int i = 0; i < MANY; i++) {
        char head[16];
        snprintf(head, sizeof head, "%08d", i);
        memcpy(text, head, 8);
        for (int own = 0; own < 2; own++) {
            assert_ok(us_turn_init(&t, own ? "lisa" : NULL, own ? "Lisa Simpson" : "", &err), &err);
            assert_ok(us_id_list_copy(&t.present, &c.stage, &err), &err);
            assert_ok(us_turn_add(&t, text, LONG, own ? "self" : "said", -1, (double)NAN, &err), &err);
            if (own) assert_ok(us_turn_add(&t, text + 1, LONG, "edited", (double)NAN, (double)NAN, &err), &err);
            t.created_ms = 1;
            assert_ok(us_stored_chat_add_turn(&c, &t, &err), &err);
        }
        if (i == MANY / 2) { /* one chat of them all would be too large to be read */
            assert_ok(us_store_add_chat(s, &c, first, &err), &err);
            while (c.n_read) us_turn_fini(&c.turns[--c.n_read]);
        }
    }
    assert_ok(us_store_add_chat(s, &c, chat, &err), &err);
    us_stored_chat_fini(&c);
    us_labelled_file f = found(NULL);
    assert_in_range(counts.choices, 1000, MANY - 1);
    assert_int_equal(counts.choices + counts.too_many, MANY);
    us_labelled_fini(&f);
    assert_ok(us_store_delete_chat(s, chat, &err), &err);
    assert_ok(us_store_delete_chat(s, first, &err), &err);

    static const char *const lisa[] = {"lisa"};
    begin_chat(lisa, 1);
    for (int i = 0; i < 40; i++) {
        char hi[16]; /* two alike within one millisecond would be one */
        snprintf(hi, sizeof hi, "Hi, %d!", i);
        SAYS(hi);
        ADD("lisa", 1, {"Yo.", "self", -1}, {"Hello.", "self", -2});
    }
    us_stored_turn last;
    assert_ok(us_store_get_turn(s, chat, 0, &last, &err), &err);
    assert_ok(us_store_branch(s, chat, last.id, branch, &err), &err);
    us_turn_fini(&last);
    SAYS(text); /* 64 KiB */
    ADD("lisa", 1, {"Yo.", "self", -1}, {"Hello.", "self", -2});
    f = found(NULL);
    assert_int_equal(counts.choices, 40);
    assert_int_equal(counts.copies, 40);
    assert_int_equal(counts.too_long, 1);
    us_labelled_fini(&f);
    free(text);
}

static void what_is_refused(void **state) {
    (void)state;
    SAYS("Hi!");
    ADD("lisa", 1, {"Yo.", "self", -1}, {"Hello.", "self", -2});
    assert_int_equal(us_chosen_write(path, "Lisa", out, &counts, &err), US_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'Lisa'"));
    assert_int_equal(us_chosen_write(path, NULL, path, &counts, &err), US_ERR_ARGUMENT); /* the chats are not written over */
    char *other = us_path_join(dir, "other.db");
    assert_int_equal(us_chosen_write(other, NULL, out, &counts, &err), US_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "understudy serve"));
    assert_false(us_file_exists(other));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(us_chosen_write(other, NULL, out, &counts, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "other.db"));
    assert_ok(us_file_write_atomic(other, "no database, but long enough to be one", 38, &err), &err);
    assert_int_equal(us_chosen_write(other, NULL, out, &counts, &err), US_ERR_FORMAT);
    assert_int_equal(us_chosen_write(dir, NULL, out, &counts, &err), US_ERR_IO);
    assert_false(us_file_exists(out));
    assert_int_equal(us_chosen_write(path, NULL, dir, &counts, &err), US_ERR_ARGUMENT);
    free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(chosen_by_the_program, setup, teardown),
                                       cmocka_unit_test_setup_teardown(paged_to, setup, teardown),
                                       cmocka_unit_test_setup_teardown(edited, setup, teardown),
                                       cmocka_unit_test_setup_teardown(made_again, setup, teardown),
                                       cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
                                       cmocka_unit_test_setup_teardown(more_than_are_read, setup, teardown),
                                       cmocka_unit_test_setup_teardown(the_first_is_forgotten, setup, teardown),
                                       cmocka_unit_test_setup_teardown(no_whole_replies, setup, teardown),
                                       cmocka_unit_test_setup_teardown(what_stands_before, setup, teardown),
                                       cmocka_unit_test_setup_teardown(scene_of_two, setup, teardown),
                                       cmocka_unit_test_setup_teardown(each_turn_once, setup, teardown),
                                       cmocka_unit_test_setup_teardown(nothing_changes, setup, teardown),
                                       cmocka_unit_test_setup_teardown(many_and_long, setup, teardown),
                                       cmocka_unit_test_setup_teardown(what_is_refused, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
