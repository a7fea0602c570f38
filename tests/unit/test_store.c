/* The chats' file: what goes in comes out, also after a reopen; what is deleted comes back; a locked, a damaged file, a full
 * disk. */
#include "test.h"
#include "base/file.h"
#include "chat/store.h"
#include "mktiny.h"
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

static us_error err;
static char *dir, *path;
static us_store *s;
static char chat[US_STORE_ID];

static json_t *turn_of(const char *role, const char *text) {
    return json_pack("{s:s, s:s, s:n, s:s, s:i, s:[{s:s}], s:[s]}", "role", role, "speaker", "Marge", "character", "text", text,
                     "chosen", 0, "alternatives", "text", text, "present", "homer");
}

static int64_t add(const char *role, const char *text) {
    json_t *t = turn_of(role, text);
    const int32_t prompt[] = {1, 2, 3};
    assert_ok(us_store_add_turn(s, chat, t, prompt, 3, &err), &err);
    int64_t id = json_integer_value(json_object_get(t, "id"));
    json_decref(t);
    return id;
}

static json_t *get(const char *id) {
    json_t *j;
    assert_ok(us_store_get_chat(s, id, &j, &err), &err);
    return j;
}

static size_t n_turns(const char *id) {
    json_t *j = get(id);
    size_t n = json_array_size(json_object_get(j, "turns"));
    json_decref(j);
    return n;
}

static int setup(void **state) {
    (void)state;
    json_t *c =
        json_pack("{s:s, s:s, s:[s], s:{s:f}}", "title", "", "user", "Marge", "characters", "homer", "scale", "homer", 0.5);
    dir = us_tiny_folder();
    path = us_path_join(dir, "chats.db");
    if (us_store_open(path, &s, &err) || us_store_add_chat(s, c, chat, &err)) return 1;
    json_decref(c);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    us_store_close(s);
    us_tiny_remove(dir);
    free(path);
    return 0;
}

static void there_and_back(void **state) {
    (void)state;
    add("user", "Привет, Гомер! Как дела на атомной станции, и где пончики?");
    int64_t id = add("character", "Mmm... \"donuts\"\n");
    us_store_close(s);
    assert_ok(us_store_open(path, &s, &err), &err);
    json_t *c = get(chat), *turns = json_object_get(c, "turns"), *t = json_array_get(turns, 1);
    assert_int_equal(json_array_size(turns), 2);
    assert_string_equal(json_string_value(json_object_get(t, "text")), "Mmm... \"donuts\"\n");
    assert_true(json_integer_value(json_object_get(t, "created_ms")) > 1600000000000);
    assert_true(json_is_null(json_object_get(t, "character")));
    assert_true(json_number_value(json_object_get(json_object_get(c, "scale"), "homer")) == 0.5);
    const char *title = json_string_value(json_object_get(c, "title")); /* the first words, whole characters */
    assert_true(!strncmp(title, "Привет, Гомер!", strlen("Привет, Гомер!")) && strlen(title) < 64 && strstr(title, "…"));
    int32_t *ids;
    size_t n;
    assert_ok(us_store_get_prompt(s, chat, id, &ids, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_int_equal(ids[2], 3);
    free(ids);
    json_object_set_new(t, "text", json_string("edited"));
    assert_ok(us_store_change_turn(s, chat, t, NULL, 0, &err), &err);
    json_decref(c);
    json_t *again;
    assert_ok(us_store_get_turn(s, chat, id, &again, &err), &err);
    assert_string_equal(json_string_value(json_object_get(again, "text")), "edited");
    json_decref(again);
    assert_ok(us_store_get_prompt(s, chat, id, &ids, &n, &err), &err);
    assert_int_equal(n, 3); /* the prompt stays when no other is given */
    free(ids);
    json_t *list;
    assert_ok(us_store_list_chats(s, &list, &err), &err);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "n_turns")), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "last")), "edited");
    json_decref(list);
    json_t *change = json_pack("{s:s, s:[s,s]}", "title", "T", "characters", "homer", "marge");
    assert_ok(us_store_change_chat(s, chat, change, &err), &err);
    json_decref(change);
    c = get(chat);
    assert_string_equal(json_string_value(json_object_get(c, "title")), "T");
    assert_string_equal(json_string_value(json_object_get(c, "user")), "Marge");
    assert_int_equal(json_array_size(json_object_get(c, "characters")), 2);
    json_decref(c);
}

static void forgotten_and_brought_back(void **state) {
    (void)state;
    char undo[US_STORE_ID], branch[US_STORE_ID];
    add("user", "a");
    int64_t second = add("character", "b");
    add("user", "c");
    assert_ok(us_store_branch(s, chat, second, branch, &err), &err);
    assert_int_equal(n_turns(branch), 2);
    assert_ok(us_store_cut(s, chat, second, undo, &err), &err);
    assert_int_equal(n_turns(chat), 1);
    assert_int_equal(n_turns(branch), 2);
    assert_int_equal(us_store_get_turn(s, chat, second, &(json_t *){NULL}, &err), US_ERR_NOT_FOUND);
    assert_ok(us_store_uncut(s, chat, undo, &err), &err);
    assert_int_equal(n_turns(chat), 3);
    assert_int_equal(us_store_uncut(s, chat, undo, &err), US_ERR_NOT_FOUND);
    assert_ok(us_store_cut(s, chat, second, undo, &err), &err);
    add("character", "another");
    assert_int_equal(us_store_uncut(s, chat, undo, &err), US_ERR_MISMATCH); /* something was said since */
    assert_int_equal(n_turns(chat), 2);
    assert_ok(us_store_delete_chat(s, chat, &err), &err);
    assert_int_equal(us_store_get_chat(s, chat, &(json_t *){NULL}, &err), US_ERR_NOT_FOUND);
    json_t *t = turn_of("user", "x");
    assert_int_equal(us_store_add_turn(s, chat, t, NULL, 0, &err), US_ERR_NOT_FOUND);
    json_decref(t);
    assert_ok(us_store_restore_chat(s, chat, &err), &err);
    assert_int_equal(n_turns(chat), 2);
    assert_int_equal(us_store_branch(s, chat, 999, branch, &err), US_ERR_NOT_FOUND);
    assert_int_equal(us_store_delete_chat(s, "nobody", &err), US_ERR_NOT_FOUND);
}

static void locked_by_another(void **state) {
    (void)state;
    sqlite3 *other;
    add("user", "a");
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    json_t *t = turn_of("user", "b");
    assert_int_equal(us_store_add_turn(s, chat, t, NULL, 0, &err), US_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "another program"));
    assert_int_equal(n_turns(chat), 1); /* reading goes on */
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_ok(us_store_add_turn(s, chat, t, NULL, 0, &err), &err);
    json_decref(t);
    assert_int_equal(n_turns(chat), 2);
}

/* No file of this process may grow: what a full disk is to SQLite. */
static void full_disk(void **state) {
    (void)state;
    struct rlimit before, small = {4096, RLIM_INFINITY};
    char *text = calloc(200001, 1);
    memset(text, 'x', 200000);
    add("user", "a");
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    json_t *t = turn_of("user", text);
    us_status st = us_store_add_turn(s, chat, t, NULL, 0, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(st, US_ERR_IO);
    assert_int_equal(n_turns(chat), 1);
    assert_ok(us_store_add_turn(s, chat, t, NULL, 0, &err), &err); /* there is room again */
    json_decref(t);
    free(text);
    assert_int_equal(n_turns(chat), 2);
}

static void damaged_or_from_later(void **state) {
    (void)state;
    us_store *bad;
    sqlite3 *db;
    char *other = us_path_join(dir, "bad.db");
    FILE *f = fopen(other, "w");
    for (int i = 0; i < 1000; i++) fputs("this is no database", f);
    fclose(f);
    assert_int_equal(us_store_open(other, &bad, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "bad.db"));
    unlink(other);
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 999", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(us_store_open(other, &bad, &err), US_ERR_FORMAT);
    assert_non_null(strstr(err.message, "999"));
    assert_int_equal(us_store_open("/nowhere/at/all/chats.db", &bad, &err), US_ERR_IO);
    free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
                                       cmocka_unit_test_setup_teardown(forgotten_and_brought_back, setup, teardown),
                                       cmocka_unit_test_setup_teardown(locked_by_another, setup, teardown),
                                       cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
                                       cmocka_unit_test_setup_teardown(damaged_or_from_later, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
