/* The chats' file: what goes in comes out, also after a reopen; what is deleted comes back; a locked, a damaged file, a full
 * disk. */
#include "test.h"
#include "base/file.h"
#include "chat/store.h"
#include "mktiny.h"
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
    json_t *lines; /* a reply reads what was said, and the wordings of the last turn alone */
    assert_ok(us_store_get_lines(s, chat, &lines, &err), &err);
    json_t *said = json_object_get(lines, "turns");
    assert_int_equal(json_array_size(said), 2);
    assert_true(json_is_null(json_object_get(json_array_get(said, 0), "alternatives")));
    assert_true(json_equal(json_array_get(said, 1), t));
    json_decref(lines);
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

static us_status open_with(const char *sql) {
    char *other = us_path_join(dir, "other.db");
    sqlite3 *db;
    us_store *o;
    remove(other);
    assert_ok(us_store_open(other, &o, &err), &err);
    us_store_close(o);
    assert_int_equal(sqlite3_open(other, &db), SQLITE_OK);
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) fail_msg("%s: %s", sql, why);
    sqlite3_close(db);
    us_status st = us_store_open(other, &o, &err);
    if (st) assert_non_null(strstr(err.message, other));
    else us_store_close(o);
    free(other);
    return st;
}

/* Files of chats that somebody else has made: named, and nothing in them is run. */
static void hostile_files(void **state) {
    (void)state;
    static const char *const bad[] = {
        "PRAGMA user_version = -5",
        "PRAGMA user_version = -2147483648",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = 2147483647",
        "CREATE TRIGGER t AFTER INSERT ON turns BEGIN DELETE FROM chats; END",
        "CREATE VIEW v AS SELECT * FROM turns",
        "CREATE TABLE more (x)",
        "CREATE INDEX i ON turns(length(text))",
        "DROP TABLE turns",
        "DROP INDEX turns_of_chat",
        "DROP TABLE turns; CREATE VIEW turns AS SELECT 1 AS id",
        "ALTER TABLE turns ADD COLUMN y TEXT AS (hex(zeroblob(100000000)))",
        "DROP TABLE chats; CREATE TABLE chats (id TEXT PRIMARY KEY CHECK (length(hex(randomblob(99999999)))), title, user, "
        "characters, scale, "
        "created_ms, updated_ms, deleted_ms) WITHOUT ROWID",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE chats (id)' WHERE name = 'chats'",
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'turns'",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        us_status st = open_with(bad[i]);
        if (st != US_ERR_FORMAT) fail_msg("%s: %d %s", bad[i], st, err.message);
    }
    assert_ok(open_with("SELECT 1"), &err);
    assert_ok(open_with("VACUUM"), &err);
    /* what is no regular file is not waited for */
    char *fifo = us_path_join(dir, "fifo.db");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(us_store_open(fifo, &(us_store *){NULL}, &err), US_ERR_IO);
    assert_int_equal(us_store_open("/dev/zero", &(us_store *){NULL}, &err), US_ERR_IO);
    remove(fifo);
    free(fifo);
}

/* Rows of any type and value: told as what they can be, or an error. */
static void hostile_rows(void **state) {
    (void)state;
    static const char *const values[] = {"NULL",
                                         "-1",
                                         "9223372036854775807",
                                         "1e308",
                                         "x'ff00fe'",
                                         "''",
                                         "'{'",
                                         "'[[[[]]]]'",
                                         "zeroblob(1000000)",
                                         "'[{\"text\": 7}]'",
                                         "9e999"};
    static const char *const columns[] = {"role",    "speaker",  "character", "text",   "chosen", "alternatives",
                                          "present", "n_tokens", "seconds",   "edited", "prompt"};
    sqlite3 *db;
    int64_t id = add("user", "a");
    char sql[300];
    json_t *j;
    int32_t *ids;
    size_t n;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            snprintf(sql, sizeof sql, "UPDATE OR IGNORE turns SET %s = %s", columns[c], values[v]);
            (void)sqlite3_exec(db, sql, NULL, NULL, NULL); /* NOT NULL refuses some */
            if (us_store_get_chat(s, chat, &j, &err) == US_OK) {
                char *text = json_dumps(j, 0);
                assert_non_null(text);
                free(text);
                json_decref(j);
            }
            if (us_store_get_turn(s, chat, id, &j, &err) == US_OK) json_decref(j);
            if (us_store_get_prompt(s, chat, id, &ids, &n, &err) == US_OK) free(ids);
            assert_ok(us_store_list_chats(s, &j, &err), &err);
            assert_int_equal(json_array_size(j), 1);
            json_decref(j);
        }
    sqlite3_close(db);
}

static void only_the_owner_reads(void **state) {
    (void)state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    add("user", "a");
    for (int i = 0; i < 3; i++) {
        char name[4096];
        struct stat sb;
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        assert_int_equal(stat(name, &sb), 0);
        assert_int_equal(sb.st_mode & 0777, 0600);
    }
    /* one from before is made private; a folder that we make is */
    us_store_close(s);
    char *deep = us_path_join(dir, "p/q");
    struct stat sb;
    mode_t before = umask(0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_ok(us_store_open(path, &s, &err), &err);
    assert_true(!stat(path, &sb) && (sb.st_mode & 0777) == 0600);
    assert_ok(us_dir_make_private(deep, &err), &err);
    assert_true(!stat(deep, &sb) && (sb.st_mode & 0777) == 0700);
    umask(before);
    remove(deep);
    deep[strlen(deep) - 2] = 0;
    remove(deep);
    free(deep);
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
                                       cmocka_unit_test_setup_teardown(hostile_files, setup, teardown),
                                       cmocka_unit_test_setup_teardown(hostile_rows, setup, teardown),
                                       cmocka_unit_test_setup_teardown(only_the_owner_reads, setup, teardown),
                                       cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
                                       cmocka_unit_test_setup_teardown(damaged_or_from_later, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
