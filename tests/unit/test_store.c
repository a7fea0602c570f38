/* The chats' file: what goes in comes out, also after a reopen; what is deleted comes back; a locked, a damaged file, a full
 * disk. */
#include "test.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/store.h"
#include "mktiny.h"
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static us_error err;
static char *dir, *path;
static us_store *s;
static char chat[US_STORE_ID];

static us_id_list stage;

static us_stored_turn turn_of(const char *role, const char *text) {
    us_stored_turn t;
    assert_ok(us_turn_init(&t, !strcmp(role, "user") ? NULL : role, "Marge", &err), &err);
    assert_ok(us_turn_add(&t, text, strlen(text), t.own ? "stop" : "said", 0.5, (double)NAN, &err), &err);
    assert_ok(us_id_list_copy(&t.present, &stage, &err), &err);
    return t;
}

/* role: "user" or the id of a character. */
static int64_t add(const char *role, const char *text) {
    us_stored_turn t = turn_of(role, text);
    const int32_t prompt[] = {1, 2, 3};
    assert_ok(us_store_add_turn(s, chat, &t, prompt, 3, &err), &err);
    int64_t id = t.id;
    us_turn_fini(&t);
    return id;
}

static us_stored_chat get(const char *id) {
    us_stored_chat c;
    assert_ok(us_store_get_chat(s, id, true, &c, &err), &err);
    assert_int_equal(c.n_turns, c.n_read); /* what is counted is what is there */
    return c;
}

static size_t n_turns(const char *id) {
    us_stored_chat c = get(id);
    size_t n = c.n_read;
    us_stored_chat_fini(&c);
    return n;
}

static int setup(void **state) {
    (void)state;
    us_stored_chat c = {0};
    dir = us_tiny_folder();
    path = us_path_join(dir, "chats.db");
    if (us_store_open(path, &s, &err) || us_id_list_add(&c.stage, "homer", &err) || us_strdup("Marge", &c.user, &err) ||
        us_stored_chat_set_scale(&c, "homer", 0.5, &err) || us_store_add_chat(s, &c, chat, &err))
        return 1;
    us_stored_chat_fini(&c);
    return us_id_list_add(&stage, "homer", &err);
}

static int teardown(void **state) {
    (void)state;
    us_store_close(s);
    us_id_list_fini(&stage);
    us_tiny_remove(dir);
    free(path);
    return 0;
}

static void there_and_back(void **state) {
    (void)state;
    add("user", "Привет, Гомер! Как дела на атомной станции, и где пончики?");
    int64_t id = add("homer", "Mmm... \"donuts\"\n");
    us_store_close(s);
    assert_ok(us_store_open(path, &s, &err), &err);
    us_stored_chat c = get(chat);
    us_stored_turn *t = &c.turns[1];
    assert_int_equal(c.n_read, 2);
    assert_string_equal(us_turn_text(t), "Mmm... \"donuts\"\n");
    assert_true(t->created_ms > 1600000000000 && t->own && !strcmp(t->character, "homer") &&
                us_id_list_has(&t->present, "homer"));
    assert_true(!c.turns[0].own && !c.turns[0].character && !strcmp(c.turns[0].speaker, "Marge"));
    assert_true(t->alternatives[0].score == 0.5 && isnan(t->alternatives[0].scale) && !strcmp(t->alternatives[0].end, "stop"));
    assert_true(us_stored_chat_scale(&c, "homer") == 0.5 && us_stored_chat_scale(&c, "bart") == 1);
    /* the first words are the title, whole characters */
    assert_true(!strncmp(c.title, "Привет, Гомер!", strlen("Привет, Гомер!")) && strlen(c.title) < 64 && strstr(c.title, "…"));
    int32_t *ids;
    size_t n;
    assert_ok(us_store_get_prompt(s, chat, id, &ids, &n, &err), &err);
    assert_int_equal(n, 3);
    assert_int_equal(ids[2], 3);
    free(ids);
    assert_ok(us_turn_add(t, "edited", 6, "edited", (double)NAN, (double)NAN, &err), &err);
    assert_ok(us_store_change_turn(s, chat, t, NULL, 0, &err), &err);
    us_stored_chat_fini(&c);
    us_stored_turn again;
    assert_ok(us_store_get_turn(s, chat, id, &again, &err), &err);
    assert_true(!strcmp(us_turn_text(&again), "edited") && again.n_alternatives == 2 && again.chosen == 1);
    us_turn_fini(&again);
    assert_ok(us_store_get_turn(s, chat, 0, &again, &err), &err); /* the last one */
    assert_true(again.id == id);
    us_turn_fini(&again);
    assert_ok(us_store_get_prompt(s, chat, id, &ids, &n, &err), &err);
    assert_int_equal(n, 3); /* the prompt stays when no other is given */
    free(ids);
    us_stored_chat *list;
    uint64_t n_all;
    assert_ok(us_store_list_chats(s, "somebody", 0, &list, &n, &n_all, &err), &err);
    assert_true(n == 0 && n_all == 0);
    us_stored_chats_free(list, n);
    assert_ok(us_store_list_chats(s, "", 1, &list, &n, &n_all, &err), &err); /* nobody's */
    assert_true(n == 1 && n_all == 1);
    us_stored_chats_free(list, n);
    assert_ok(us_store_list_chats(s, NULL, 0, &list, &n, &n_all, &err), &err);
    assert_true(n == 1 && list[0].n_turns == 2 && !strcmp(list[0].last, "edited"));
    us_stored_chats_free(list, n);
    us_stored_chat change = {.noted = true, .notes_after = 7};
    assert_ok(us_strdup("T", &change.title, &err), &err);
    assert_ok(us_id_list_add(&change.stage, "homer", &err), &err);
    assert_ok(us_id_list_add(&change.stage, "marge", &err), &err);
    assert_ok(us_notes_add(&change.notes, "My name is Pat.", &err), &err);
    assert_ok(us_store_change_chat(s, chat, &change, US_CHAT_TITLE | US_CHAT_STAGE | US_CHAT_NOTES, &err), &err);
    us_stored_chat_fini(&change);
    c = get(chat);
    assert_true(!strcmp(c.title, "T") && !strcmp(c.user, "Marge") && c.stage.n == 2);
    assert_true(c.noted && c.notes_after == 7 && c.notes.n == 1 && !strcmp(c.notes.items[0], "My name is Pat."));
    us_stored_chat_fini(&c);
}

/* ---- what a reply reads ------------------------------------------------------------------------------------------ */

static void expect_lines(const char *who, int64_t before, size_t n, const char *want, size_t n_before) {
    char got[1000] = "";
    us_chat_lines l;
    assert_ok(us_store_get_lines(s, chat, who, before, n, &l, &err), &err);
    for (size_t i = 0; i < l.n; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", l.lines[i].text, l.lines[i].own ? "! " : " ");
    assert_string_equal(got, want);
    assert_int_equal(l.n_before, n_before);
    assert_true(!l.n_before == !l.opening);
    us_chat_lines_fini(&l);
}

static void the_end_of_a_chat(void **state) {
    (void)state;
    add("user", "a");
    add("homer", "b");
    add("user", "c");
    int64_t d = add("homer", "d");
    add("homer", "e");
    expect_lines("homer", 0, 99, "a b! c d! e! ", 0);
    expect_lines("homer", 0, 1, "c d! e! ", 2); /* their own at the end are whole, and do not count */
    expect_lines("homer", 0, 2, "b! c d! e! ", 1);
    expect_lines("homer", d, 1, "c ", 2);
    /* marge comes, and hears what is said from now on; of homer's alone she hears nothing more */
    assert_ok(us_id_list_add(&stage, "marge", &err), &err);
    add("user", "f");
    add("marge", "g");
    stage.n--;
    free(stage.ids[stage.n]);
    add("user", "h");
    expect_lines("marge", 0, 99, "f g! ", 6);
    expect_lines("homer", 0, 2, "g h ", 6);
    us_chat_lines l; /* the opening is the situation of those who have heard it */
    assert_ok(us_store_get_lines(s, chat, "homer", 0, 2, &l, &err), &err);
    assert_true(l.scene && !strcmp(l.opening, "a"));
    us_chat_lines_fini(&l);
    assert_ok(us_store_get_lines(s, chat, "marge", 0, 2, &l, &err), &err);
    assert_true(!l.scene && !strcmp(l.opening, "a"));
    us_chat_lines_fini(&l);
    int64_t last;
    assert_ok(us_store_last_spoke(s, chat, "homer", &last, &err), &err);
    assert_int_equal(last, d + 1);
    assert_ok(us_store_last_spoke(s, chat, "bart", &last, &err), &err);
    assert_int_equal(last, -1);
    assert_int_equal(us_store_get_lines(s, "nobody", "homer", 0, 2, &l, &err), US_ERR_NOT_FOUND);
}

static void expect_notes(const char *who, int64_t before, const char *want) {
    char got[1000] = "";
    us_stored_chat c = get(chat);
    us_notes notes;
    assert_ok(us_store_get_notes(s, &c, who, before, &notes, &err), &err);
    for (size_t i = 0; i < notes.n; i++) snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", notes.items[i]);
    assert_string_equal(got, want);
    us_notes_fini(&notes);
    us_stored_chat_fini(&c);
}

static void what_visitors_tell(void **state) {
    (void)state;
    add("user", "My name is Petra.");
    add("homer", "My name is Homer."); /* told of somebody else */
    us_stored_turn t = turn_of("user", "My name is Sky.");
    snprintf(t.alternatives[0].end, sizeof t.alternatives[0].end, "heard");
    assert_ok(us_store_add_turn(s, chat, &t, NULL, 0, &err), &err); /* said by a narrator */
    us_turn_fini(&t);
    for (int i = 0; i < 300; i++) add("user", "What is that?"); /* tells nothing, and is not looked through */
    int64_t cats = add("user", "I have two cats.");
    expect_notes(NULL, 0, "My name is Petra.|I have two cats.|");
    expect_notes("homer", 0, "My name is Petra.|I have two cats.|");
    expect_notes("homer", cats, "My name is Petra.|");
    expect_notes("marge", 0, "");
    assert_ok(us_store_get_turn(s, chat, cats, &t, &err), &err); /* an edit tells another thing */
    assert_ok(us_turn_add(&t, "Never mind.", 11, "edited", (double)NAN, (double)NAN, &err), &err);
    assert_ok(us_store_change_turn(s, chat, &t, NULL, 0, &err), &err);
    us_turn_fini(&t);
    expect_notes("homer", 0, "My name is Petra.|");
    us_stored_chat c = {.noted = true, .notes_after = INT64_MAX};
    assert_ok(us_notes_add(&c.notes, "My name is Paul.", &err), &err);
    assert_ok(us_store_change_chat(s, chat, &c, US_CHAT_NOTES, &err), &err);
    us_stored_chat_fini(&c);
    expect_notes("homer", 0, "My name is Paul.|");
}

/* Steps of SQLite's machine: a count of rows, not a time. */
static uint64_t n_steps;
static int count_step(void *ctx) {
    (void)ctx;
    n_steps++;
    return 0;
}
static int watch(sqlite3 *db, const char **why, const struct sqlite3_api_routines *api) {
    (void)why, (void)api;
    sqlite3_progress_handler(db, 1, count_step, NULL);
    return SQLITE_OK;
}

/* Everything that a reply reads and writes. */
static uint64_t cost_of_a_reply(const char *id, size_t *n_lines) {
    us_stored_chat c;
    us_stored_turn last, said = turn_of("user", "And you?");
    us_chat_lines lines;
    us_notes notes;
    int64_t spoke;
    n_steps = 0;
    assert_ok(us_store_get_chat(s, id, false, &c, &err), &err);
    assert_ok(us_store_get_turn(s, id, 0, &last, &err), &err);
    assert_ok(us_store_last_spoke(s, id, "homer", &spoke, &err), &err);
    assert_ok(us_store_get_lines(s, id, "homer", 0, 11, &lines, &err), &err);
    assert_ok(us_store_get_notes(s, &c, "homer", 0, &notes, &err), &err);
    assert_ok(us_store_add_turn(s, id, &said, NULL, 0, &err), &err);
    uint64_t steps = n_steps;
    *n_lines = lines.n;
    us_notes_fini(&notes);
    us_chat_lines_fini(&lines);
    us_turn_fini(&last);
    us_turn_fini(&said);
    us_stored_chat_fini(&c);
    return steps;
}

static void add_long_chat(size_t n, char id[US_STORE_ID]) {
    us_stored_chat c = {0};
    assert_ok(us_id_list_copy(&c.stage, &stage, &err), &err);
    for (size_t i = 0; i < n; i++) {
        us_stored_turn t = turn_of(i % 2 ? "homer" : "user", i == 2 ? "My name is Petra." : "Hm.");
        for (int k = 0; k < 5 && i % 2; k++) assert_ok(us_turn_add(&t, "Another wording.", 16, "stop", 0, 1, &err), &err);
        assert_ok(us_stored_chat_add_turn(&c, &t, &err), &err);
    }
    assert_ok(us_store_add_chat(s, &c, id, &err), &err);
    us_stored_chat_fini(&c);
}

static void a_long_chat_costs_what_a_short_one_does(void **state) {
    (void)state;
    char few[US_STORE_ID], many[US_STORE_ID], undo[US_STORE_ID];
    size_t a, b;
    us_store_close(s);
    sqlite3_auto_extension((void (*)(void))(uintptr_t)watch);
    assert_ok(us_store_open(path, &s, &err), &err);
    add_long_chat(20, few);
    add_long_chat(20000, many);
    uint64_t short_one = cost_of_a_reply(few, &a), long_one = cost_of_a_reply(many, &b);
    printf("# steps of the database for a reply: %llu in a chat of 20 turns, %llu in one of 20,000\n",
           (unsigned long long)short_one, (unsigned long long)long_one);
    assert_true(short_one > 100 && short_one == long_one && a == b);
    us_stored_turn t; /* and where most of it has been forgotten */
    assert_ok(us_store_get_turn(s, many, 0, &t, &err), &err);
    assert_ok(us_store_cut(s, many, t.id - 19000, undo, &err), &err);
    us_turn_fini(&t);
    assert_true(cost_of_a_reply(many, &b) <= short_one + 20);
    sqlite3_reset_auto_extension();
}

static void forgotten_and_brought_back(void **state) {
    (void)state;
    char undo[US_STORE_ID], branch[US_STORE_ID];
    add("user", "a");
    int64_t second = add("homer", "b");
    add("user", "c");
    assert_ok(us_store_branch(s, chat, second, branch, &err), &err);
    assert_int_equal(n_turns(branch), 2);
    assert_ok(us_store_cut(s, chat, second, undo, &err), &err);
    assert_int_equal(n_turns(chat), 1);
    assert_int_equal(n_turns(branch), 2);
    assert_int_equal(us_store_get_turn(s, chat, second, &(us_stored_turn){0}, &err), US_ERR_NOT_FOUND);
    assert_ok(us_store_uncut(s, chat, undo, &err), &err);
    assert_int_equal(n_turns(chat), 3);
    assert_int_equal(us_store_uncut(s, chat, undo, &err), US_ERR_NOT_FOUND);
    assert_ok(us_store_cut(s, chat, second, undo, &err), &err);
    add("homer", "another");
    assert_int_equal(us_store_uncut(s, chat, undo, &err), US_ERR_MISMATCH); /* something was said since */
    assert_int_equal(n_turns(chat), 2);
    assert_ok(us_store_delete_chat(s, chat, &err), &err);
    assert_int_equal(us_store_get_chat(s, chat, true, &(us_stored_chat){0}, &err), US_ERR_NOT_FOUND);
    us_stored_turn t = turn_of("user", "x");
    assert_int_equal(us_store_add_turn(s, chat, &t, NULL, 0, &err), US_ERR_NOT_FOUND);
    us_turn_fini(&t);
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
    us_stored_turn t = turn_of("user", "b");
    assert_int_equal(us_store_add_turn(s, chat, &t, NULL, 0, &err), US_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "another program"));
    assert_int_equal(n_turns(chat), 1); /* reading goes on */
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    assert_ok(us_store_add_turn(s, chat, &t, NULL, 0, &err), &err);
    us_turn_fini(&t);
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
    static const char *const columns[] = {"role",     "speaker", "character", "text",   "chosen", "alternatives", "present",
                                          "n_tokens", "seconds", "edited",    "prompt", "tells",  "created_ms"};
    sqlite3 *db;
    int64_t id = add("user", "a");
    char sql[300];
    us_stored_chat c, *list;
    us_stored_turn t;
    us_chat_lines lines;
    us_notes notes;
    int32_t *ids;
    size_t n;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            snprintf(sql, sizeof sql, "UPDATE OR IGNORE turns SET %s = %s", columns[k], values[v]);
            (void)sqlite3_exec(db, sql, NULL, NULL, NULL); /* NOT NULL refuses some */
            assert_ok(us_store_get_chat(s, chat, true, &c, &err), &err);
            assert_true(c.n_read == 1 && c.turns[0].n_alternatives > 0 && c.turns[0].speaker && us_turn_text(&c.turns[0]));
            assert_ok(us_store_get_notes(s, &c, "homer", 0, &notes, &err), &err);
            us_notes_fini(&notes);
            us_stored_chat_fini(&c);
            assert_ok(us_store_get_lines(s, chat, "homer", 0, 3, &lines, &err), &err);
            us_chat_lines_fini(&lines);
            if (us_store_get_turn(s, chat, id, &t, &err) == US_OK) us_turn_fini(&t);
            if (us_store_get_prompt(s, chat, id, &ids, &n, &err) == US_OK) free(ids);
            uint64_t n_all;
            assert_ok(us_store_list_chats(s, NULL, 0, &list, &n, &n_all, &err), &err);
            assert_int_equal(n, 1);
            us_stored_chats_free(list, n);
        }
    sqlite3_close(db);
}

/* How many lines with "treasure" this owner finds, all of them in this chat (NULL: any). */
static size_t n_found(const char *owner, const char *id) {
    us_store_hit *hits;
    size_t n;
    assert_ok(us_store_search(s, "treasure", owner, &hits, &n, &err), &err);
    for (size_t i = 0; i < n && id; i++) assert_string_equal(hits[i].chat, id);
    us_store_hits_free(hits, n);
    return n;
}

/* Whose a chat is, is written with it: nobody killed in between leaves one that is nobody's. */
static void chats_have_owners(void **state) {
    (void)state;
    us_stored_chat c = {0};
    char id[US_STORE_ID], branch[US_STORE_ID];
    assert_false(us_store_is_owner(s, chat, "pat"));
    assert_ok(us_strdup("pat", &c.owner, &err), &err);
    us_stored_turn t = turn_of("user", "a");
    assert_ok(us_stored_chat_add_turn(&c, &t, &err), &err);
    assert_ok(us_store_add_chat(s, &c, id, &err), &err);
    assert_true(us_store_is_owner(s, id, "pat"));
    us_stored_chat read = get(id);
    assert_ok(us_store_branch(s, id, read.turns[0].id, branch, &err), &err);
    assert_true(us_store_is_owner(s, branch, "pat"));
    us_stored_chat_fini(&read);
    us_stored_chat_fini(&c);
    add("user", "the treasure is here");
    us_stored_turn secret = turn_of("user", "My TREASURE lies under the oak.");
    assert_ok(us_store_add_turn(s, id, &secret, NULL, 0, &err), &err);
    us_turn_fini(&secret);
    assert_int_equal(n_found("pat", id), 1); /* nobody reads what is somebody else's */
    assert_int_equal(n_found("mia", NULL), 0);
    assert_int_equal(n_found("", NULL), 2); /* whoever keeps them all */
    assert_ok(us_store_delete_chat(s, id, &err), &err);
    assert_int_equal(n_found("pat", NULL), 0);
}

/* Sets when something was deleted or cut, in the file. */
static void set_days(const char *sql, int days, const char *id) {
    sqlite3 *db;
    sqlite3_stmt *q;
    us_store_close(s);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    sqlite3_bind_int64(q, 1, ((int64_t)time(NULL) - (int64_t)days * 24 * 3600) * 1000);
    sqlite3_bind_text(q, 2, id, -1, SQLITE_TRANSIENT);
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    sqlite3_close(db);
    assert_ok(us_store_open(path, &s, &err), &err);
}

/* What was deleted, or cut, can be brought back for a month. */
static void kept_for_a_month(void **state) {
    (void)state;
    char undo[US_STORE_ID];
    add("user", "a");
    int64_t second = add("homer", "b");
    assert_ok(us_store_cut(s, chat, second, undo, &err), &err);
    set_days("UPDATE turns SET cut_ms = ?1 WHERE cut = ?2", 28, undo);
    assert_ok(us_store_uncut(s, chat, undo, &err), &err);
    assert_ok(us_store_cut(s, chat, second, undo, &err), &err);
    set_days("UPDATE turns SET cut_ms = ?1 WHERE cut = ?2", 32, undo);
    assert_int_equal(us_store_uncut(s, chat, undo, &err), US_ERR_NOT_FOUND);
    assert_int_equal(n_turns(chat), 1);
    assert_ok(us_store_delete_chat(s, chat, &err), &err);
    set_days("UPDATE chats SET deleted_ms = ?1 WHERE id = ?2", 28, chat);
    assert_ok(us_store_restore_chat(s, chat, &err), &err);
    assert_ok(us_store_delete_chat(s, chat, &err), &err);
    set_days("UPDATE chats SET deleted_ms = ?1 WHERE id = ?2", 32, chat);
    assert_int_equal(us_store_restore_chat(s, chat, &err), US_ERR_NOT_FOUND);
}

/* A chat that grew past what can be shown at once is refused in words; its replies go on. */
static void a_chat_of_any_size(void **state) {
    (void)state;
    us_stored_chat c = {0};
    us_chat_lines lines;
    char id[US_STORE_ID], *text = malloc(US_MAX_TEXT + 1);
    memset(text, 'x', US_MAX_TEXT);
    text[US_MAX_TEXT] = 0;
    for (int i = 0; i < 11; i++) {
        us_stored_turn t = turn_of("user", text);
        for (int k = 1; k < US_MAX_ALTERNATIVES; k++)
            assert_ok(us_turn_add(&t, text, US_MAX_TEXT, "edited", (double)NAN, (double)NAN, &err), &err);
        assert_ok(us_stored_chat_add_turn(&c, &t, &err), &err);
    }
    assert_ok(us_store_add_chat(s, &c, id, &err), &err);
    us_stored_chat_fini(&c);
    assert_int_equal(us_store_get_chat(s, id, true, &c, &err), US_ERR_LIMIT);
    assert_non_null(strstr(err.message, "branch"));
    assert_ok(us_store_get_chat(s, id, false, &c, &err), &err);
    us_stored_chat_fini(&c);
    assert_ok(us_store_get_lines(s, id, "homer", 0, 3, &lines, &err), &err);
    us_chat_lines_fini(&lines);
    free(text);
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

/* What was deleted makes room, the longest deleted first and no more of it than is needed; what is there never does. */
static void room_of_all_chats(void **state) {
    (void)state;
    char *text = malloc(60001), ids[40][US_STORE_ID];
    memset(text, 'x', 60000);
    text[60000] = 0;
    assert_ok(us_store_make_room(s, &err), &err);
    for (int i = 0; i < 40; i++) {
        us_stored_chat c = {0};
        assert_ok(us_strdup("Marge", &c.user, &err), &err);
        assert_ok(us_id_list_add(&c.stage, "homer", &err), &err);
        assert_ok(us_store_add_chat(s, &c, ids[i], &err), &err);
        us_stored_chat_fini(&c);
        us_stored_turn t = turn_of("user", text);
        assert_ok(us_store_add_turn(s, ids[i], &t, NULL, 0, &err), &err);
        us_turn_fini(&t);
    }
    free(text);
    assert_ok(us_store_set_room(s, 1 << 20, &err), &err);
    assert_int_equal(us_store_make_room(s, &err), US_ERR_LIMIT);
    assert_string_equal(err.reason, "quota");
    assert_non_null(strstr(err.message, "1 MiB"));
    assert_non_null(strstr(err.message, "--chats-quota"));
    for (int i = 0; i < 36; i++) {
        assert_ok(us_store_delete_chat(s, ids[i], &err), &err);
        char sql[1000]; /* each later than the one before, whatever the clock says */
        snprintf(sql, sizeof sql, "UPDATE chats SET deleted_ms = deleted_ms + %d WHERE id = '%s'", i * 1000, ids[i]);
        sqlite3 *db;
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
    }
    uint64_t size = 40 * 60000;
    assert_ok(us_store_set_room(s, 2 * size + (1 << 20), &err), &err);
    assert_ok(us_store_make_room(s, &err), &err); /* there is room enough */
    assert_ok(us_store_restore_chat(s, ids[0], &err), &err);
    assert_ok(us_store_delete_chat(s, ids[0], &err), &err); /* now it is the last one but in its time */
    assert_ok(us_store_set_room(s, 2 << 20, &err), &err);
    assert_ok(us_store_make_room(s, &err), &err);
    assert_int_equal(us_store_restore_chat(s, ids[0], &err), US_ERR_NOT_FOUND);
    assert_int_equal(us_store_restore_chat(s, ids[1], &err), US_ERR_NOT_FOUND);
    assert_ok(us_store_restore_chat(s, ids[35], &err), &err);
    for (int i = 35; i < 40; i++) assert_int_equal(n_turns(ids[i]), 1);
    /* a copy that would go beyond it is none, even where the way to it passed the question before; a reply is kept all the same */
    char branch[US_STORE_ID];
    us_status st = US_OK;
    int n = 0;
    us_stored_chat c = get(ids[35]);
    int64_t turn = c.turns[0].id;
    us_stored_chat_fini(&c);
    while (n < 100 && !(st = us_store_branch(s, ids[35], turn, branch, &err))) n++;
    assert_true(st == US_ERR_LIMIT && n > 0 && n < 40);
    assert_string_equal(err.reason, "quota");
    us_stored_chat *all;
    size_t before, after;
    uint64_t total;
    assert_ok(us_store_list_chats(s, NULL, 0, &all, &before, &total, &err), &err);
    us_stored_chats_free(all, before);
    assert_int_equal(us_store_branch(s, ids[35], turn, branch, &err), US_ERR_LIMIT);
    assert_ok(us_store_list_chats(s, NULL, 0, &all, &after, &total, &err), &err);
    us_stored_chats_free(all, after);
    assert_int_equal(before, after);
    for (int i = 0; i < 20; i++) add("homer", "It is mine.");
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
    us_stored_turn t = turn_of("user", text);
    us_status st = us_store_add_turn(s, chat, &t, NULL, 0, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(st, US_ERR_IO);
    assert_int_equal(n_turns(chat), 1);
    assert_ok(us_store_add_turn(s, chat, &t, NULL, 0, &err), &err); /* there is room again */
    us_turn_fini(&t);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_a_chat, setup, teardown),
        cmocka_unit_test_setup_teardown(what_visitors_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_chat_costs_what_a_short_one_does, setup, teardown),
        cmocka_unit_test_setup_teardown(forgotten_and_brought_back, setup, teardown),
        cmocka_unit_test_setup_teardown(locked_by_another, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_files, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(chats_have_owners, setup, teardown),
        cmocka_unit_test_setup_teardown(kept_for_a_month, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chat_of_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_owner_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(room_of_all_chats, setup, teardown),
        cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_or_from_later, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
