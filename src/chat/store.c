#include "chat/store.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* More than a turn with all its alternatives takes. */
#define MAX_ROW_BYTES (64 << 20)
#define KEEP_DELETED_MS ((int64_t)30 * 24 * 3600 * 1000)

struct us_store {
    sqlite3 *db;
    pthread_mutex_t lock;
};

/* Version k of the file is reached from k-1 by migrations[k-1]; never change one that was released. */
static const char *const migrations[] = {
    "CREATE TABLE chats (id TEXT PRIMARY KEY, title TEXT NOT NULL, user TEXT NOT NULL, characters TEXT NOT NULL, scale TEXT "
    "NOT NULL,"
    " created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, deleted_ms INTEGER) WITHOUT ROWID;"
    "CREATE TABLE turns (id INTEGER PRIMARY KEY AUTOINCREMENT, chat TEXT NOT NULL REFERENCES chats(id) ON DELETE CASCADE, role "
    "TEXT NOT NULL,"
    " speaker TEXT NOT NULL, character TEXT, text TEXT NOT NULL, chosen INTEGER NOT NULL, alternatives TEXT NOT NULL, present "
    "TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL, n_tokens INTEGER NOT NULL, n_cached INTEGER NOT NULL, seconds REAL NOT NULL, edited INTEGER "
    "NOT NULL,"
    " prompt BLOB, cut TEXT, cut_ms INTEGER);"
    "CREATE INDEX turns_of_chat ON turns(chat, id);",
    "ALTER TABLE chats ADD COLUMN notes TEXT NOT NULL DEFAULT 'null';",
    "ALTER TABLE chats ADD COLUMN owner TEXT NOT NULL DEFAULT '';",
};
enum { VERSION = sizeof migrations / sizeof *migrations };

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static us_status fail(us_store *s, us_error *err) {
    int code = sqlite3_errcode(s->db);
    const char *words = sqlite3_errmsg(s->db);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return us_because(
            us_fail(err, US_ERR_INTERRUPTED, "the chats' file is in use by another program (%s): try again", words),
            "store_busy", err);
    case SQLITE_FULL: return us_fail(err, US_ERR_IO, "the disk is full: nothing was saved");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY: return us_fail(err, US_ERR_IO, "the chats' file cannot be read or written: %s", words);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return us_fail(err, US_ERR_FORMAT,
                       "the chats' file is damaged: %s. Move it away to begin anew; `sqlite3 FILE .recover` saves what is left",
                       words);
    case SQLITE_NOMEM: return us_fail(err, US_ERR_MEMORY, "out of memory");
    default: return us_fail(err, US_ERR_IO, "chats: %s", words);
    }
}

/* What a statement does with each row. */
typedef us_status row_fn(void *ctx, sqlite3_stmt *q, us_error *err);

/* Runs one statement. types: t text (NULL is allowed), i int64_t, d double, j json_t (written as text, freed), b blob (pointer,
 * int bytes). */
static us_status run(us_store *s, row_fn *row, void *ctx, us_error *err, const char *sql, const char *types, ...) {
    sqlite3_stmt *q = NULL;
    va_list ap;
    us_status st = US_OK;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    va_start(ap, types);
    for (int i = 0; !rc && types[i]; i++) {
        if (types[i] == 'i') rc = sqlite3_bind_int64(q, i + 1, va_arg(ap, int64_t));
        else if (types[i] == 'd') rc = sqlite3_bind_double(q, i + 1, va_arg(ap, double));
        else if (types[i] == 't') rc = sqlite3_bind_text(q, i + 1, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        else if (types[i] == 'b') {
            const void *data = va_arg(ap, const void *);
            int n = va_arg(ap, int);
            rc = data ? sqlite3_bind_blob(q, i + 1, data, n, SQLITE_TRANSIENT) : sqlite3_bind_null(q, i + 1);
        } else {
            char *text = json_dumps(va_arg(ap, const json_t *), JSON_COMPACT);
            rc = text ? sqlite3_bind_text(q, i + 1, text, -1, SQLITE_TRANSIENT) : SQLITE_NOMEM;
            free(text);
        }
    }
    va_end(ap);
    while (!rc && !st && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        rc = 0;
        if (row) st = row(ctx, q, err);
    }
    if (!st && rc && rc != SQLITE_DONE) st = fail(s, err);
    sqlite3_finalize(q);
    return st;
}

static us_status begin(us_store *s, us_error *err) {
    pthread_mutex_lock(&s->lock);
    return run(s, NULL, NULL, err, "BEGIN IMMEDIATE", "");
}

/* Commits, or, when something failed, undoes it all. */
static us_status end(us_store *s, us_status st, us_error *err) {
    if (!st) st = run(s, NULL, NULL, err, "COMMIT", "");
    if (st && !sqlite3_get_autocommit(s->db)) sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&s->lock);
    return st;
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static us_status read_int(void *ctx, sqlite3_stmt *q, us_error *err) {
    (void)err;
    *(int64_t *)ctx = sqlite3_column_int64(q, 0);
    return US_OK;
}

static us_status migrate(us_store *s, us_error *err) {
    int64_t version = 0, n_parts = 0;
    us_status st = run(s, read_int, &version, err, "PRAGMA user_version", "");
    if (!st) st = run(s, read_int, &n_parts, err, "SELECT count(*) FROM sqlite_schema", "");
    if (!st && (version < 0 || (!version && n_parts)))
        st = us_fail(err, US_ERR_FORMAT, "not a file of chats (version %lld, %lld tables and other parts)", (long long)version,
                     (long long)n_parts);
    if (!st && version > VERSION)
        st = us_fail(err, US_ERR_FORMAT, "the chats' file is of version %lld; this program knows up to %d", (long long)version,
                     VERSION);
    for (; !st && version < VERSION; version++) {
        char sql[64];
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d", (int)version + 1);
        if (sqlite3_exec(s->db, migrations[version], NULL, NULL, NULL) || sqlite3_exec(s->db, sql, NULL, NULL, NULL))
            st = fail(s, err);
    }
    return st;
}

/* What a file is made of: every table, index, view and trigger. */
static us_status read_part(void *ctx, sqlite3_stmt *q, us_error *err) {
    us_status st = US_OK;
    for (int i = 0; i < 4 && !st; i++) {
        const char *text = (const char *)sqlite3_column_text(q, i);
        st = us_buf_append_str(ctx, text ? text : "-", err);
        if (!st) st = us_buf_append(ctx, "", 1, err);
    }
    return st;
}

static us_status read_schema(us_store *s, us_buf *out, us_error *err) {
    us_buf_init(out, 1 << 20);
    return run(s, read_part, out, err, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name", "");
}

/* A file from elsewhere may hold triggers, views or columns that do other things than they say: it must be made as a new one
 * is. */
static us_status check_schema(us_store *s, us_error *err) {
    us_store fresh = {0};
    us_buf own, made;
    us_buf_init(&made, 0);
    us_status st = read_schema(s, &own, err);
    if (!st && sqlite3_open(":memory:", &fresh.db)) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = migrate(&fresh, err);
    if (!st) st = read_schema(&fresh, &made, err);
    if (!st && (own.len != made.len || memcmp(own.data, made.data, own.len)))
        st = us_fail(err, US_ERR_FORMAT,
                     "not a file of chats as this program makes it: its tables, or what hangs on them, differ");
    sqlite3_close(fresh.db);
    us_buf_fini(&own);
    us_buf_fini(&made);
    return st;
}

static us_status open_tables(us_store *s, us_error *err) {
    us_status st = begin(s, err);
    if (!st) st = migrate(s, err);
    if (!st) st = check_schema(s, err);
    if (!st) st = run(s, NULL, NULL, err, "DELETE FROM chats WHERE deleted_ms < ?", "i", now_ms() - KEEP_DELETED_MS);
    if (!st) st = run(s, NULL, NULL, err, "DELETE FROM turns WHERE cut_ms < ?", "i", now_ms() - KEEP_DELETED_MS);
    return end(s, st, err);
}

/* Nothing in the file is believed: no trigger or view runs, no function of its schema, no row is larger than we write. */
static void distrust(sqlite3 *db) {
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
}

us_status us_store_open(const char *path, us_store **out, us_error *err) {
    us_store *s;
    us_status st = us_alloc(1, sizeof *s, &s, err);
    if (st) return st;
    pthread_mutex_init(&s->lock, NULL);
    if (strcmp(path, ":memory:") && (st = us_file_make_private(path, err))) { /* -wal and -shm get its mode */
        us_store_close(s);
        return st;
    }
    if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        st = s->db ? fail(s, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) sqlite3_busy_timeout(s->db, 3000);
    if (!st) distrust(s->db);
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA cell_size_check = ON", "");
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA journal_mode = WAL", "");
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA synchronous = FULL", "");
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA foreign_keys = ON", "");
    if (!st) st = open_tables(s, err);
    if (st) {
        us_error why = err ? *err : (us_error){0};
        us_store_close(s);
        return us_fail(err, st, "%s: %s", path, why.message);
    }
    *out = s;
    return US_OK;
}

void us_store_close(us_store *s) {
    if (!s) return;
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

us_status us_store_copy(const char *from, const char *to, us_error *err) {
    us_store a = {0}, b = {0};
    us_status st = US_OK;
    if (sqlite3_open_v2(from, &a.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
        st = a.db ? fail(&a, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) distrust(a.db);
    if (!st && sqlite3_open_v2(to, &b.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        st = b.db ? fail(&b, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    sqlite3_backup *copy = st ? NULL : sqlite3_backup_init(b.db, "main", a.db, "main");
    if (!st && !copy) st = fail(&b, err);
    if (copy) { /* all in one step: a writer waits for a moment, and no half of what it writes is seen */
        int rc;
        sqlite3_busy_timeout(a.db, 3000);
        while ((rc = sqlite3_backup_step(copy, -1)) == SQLITE_BUSY || rc == SQLITE_LOCKED) sqlite3_sleep(50);
        rc = sqlite3_backup_finish(copy);
        if (rc) st = fail(&b, err);
    }
    sqlite3_close(a.db);
    sqlite3_close(b.db);
    return st;
}

/* ---- rows and JSON -------------------------------------------------------------------------------------------- */

static void new_id(char out[US_STORE_ID]) {
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, none to be mistaken for another */
    unsigned char r[12] = {0};
    while (getrandom(r, sizeof r, 0) != sizeof r) continue;
    for (size_t i = 0; i < sizeof r; i++) out[i] = digits[r[i] & 31];
    out[sizeof r] = 0;
}

static json_t *column_json(sqlite3_stmt *q, int i) {
    json_t *j = us_json_parse((const char *)sqlite3_column_text(q, i), (size_t)sqlite3_column_bytes(q, i), NULL);
    return j ? j : json_null();
}

static json_t *column_text(sqlite3_stmt *q, int i) {
    const char *text = (const char *)sqlite3_column_text(q, i);
    return text ? us_text_json(text, (size_t)sqlite3_column_bytes(q, i)) : json_null();
}

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

#define CHAT_COLUMNS "id, title, user, characters, scale, created_ms, updated_ms, notes"
static us_status chat_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "id", column_text(q, 0), "title", column_text(q, 1),
                          "user", column_text(q, 2), "characters", column_json(q, 3), "scale", column_json(q, 4), "created_ms",
                          (json_int_t)sqlite3_column_int64(q, 5), "updated_ms", (json_int_t)sqlite3_column_int64(q, 6), "notes",
                          column_json(q, 7));
    json_decref(*(json_t **)ctx);
    return (*(json_t **)ctx = j) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

#define TURN_COLUMNS \
    "id, role, speaker, character, text, chosen, alternatives, present, created_ms, n_tokens, n_cached, seconds, edited"
static us_status turn_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    json_t *j = json_pack(
        "{s:I, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:I, s:i, s:i, s:f, s:b}", "id", (json_int_t)sqlite3_column_int64(q, 0),
        "role", column_text(q, 1), "speaker", column_text(q, 2), "character", column_text(q, 3), "text", column_text(q, 4),
        "chosen", sqlite3_column_int(q, 5), "alternatives", column_json(q, 6), "present", column_json(q, 7), "created_ms",
        (json_int_t)sqlite3_column_int64(q, 8), "n_tokens", sqlite3_column_int(q, 9), "n_cached", sqlite3_column_int(q, 10),
        "seconds", sqlite3_column_double(q, 11), "edited", sqlite3_column_int(q, 12) != 0);
    return j && !json_array_append_new(ctx, j) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

static us_status insert_chat(us_store *s, const json_t *c, const char *id, us_error *err) {
    return run(s, NULL, NULL, err, "INSERT INTO chats (" CHAT_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 'null')", "tttjji",
               id, text_of(c, "title"), text_of(c, "user"), json_object_get(c, "characters"), json_object_get(c, "scale"),
               now_ms());
}

static us_status insert_turn(us_store *s, const char *chat, const json_t *t, const int32_t *prompt, size_t n_prompt,
                             us_error *err) {
    const json_t *created = json_object_get(t, "created_ms");
    return run(s, NULL, NULL, err,
               "INSERT INTO turns (chat, role, speaker, character, text, chosen, alternatives, present, created_ms, n_tokens, "
               "n_cached, seconds, edited, prompt)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               "tttttijjiiidib", chat, text_of(t, "role"), text_of(t, "speaker"),
               json_string_value(json_object_get(t, "character")), text_of(t, "text"),
               (int64_t)json_integer_value(json_object_get(t, "chosen")), json_object_get(t, "alternatives"),
               json_object_get(t, "present"), (int64_t)(json_is_integer(created) ? json_integer_value(created) : now_ms()),
               (int64_t)json_integer_value(json_object_get(t, "n_tokens")),
               (int64_t)json_integer_value(json_object_get(t, "n_cached")), json_number_value(json_object_get(t, "seconds")),
               (int64_t)json_is_true(json_object_get(t, "edited")), (const void *)prompt, (int)(n_prompt * sizeof *prompt));
}

static us_status need_chat(us_store *s, const char *id, us_error *err) {
    int64_t n = 0;
    us_status st = run(s, read_int, &n, err, "SELECT count(*) FROM chats WHERE id = ? AND deleted_ms IS NULL", "t", id);
    return st || n ? st : us_fail(err, US_ERR_NOT_FOUND, "no chat '%.40s'", id);
}

static us_status need_turn(us_store *s, const char *chat, int64_t turn, us_error *err) {
    int64_t n = 0;
    us_status st = need_chat(s, chat, err);
    if (!st)
        st =
            run(s, read_int, &n, err, "SELECT count(*) FROM turns WHERE chat = ? AND id = ? AND cut IS NULL", "ti", chat, turn);
    return st || n ? st : us_fail(err, US_ERR_NOT_FOUND, "no turn %lld in this chat", (long long)turn);
}

static us_status touch(us_store *s, const char *chat, us_error *err) {
    return run(s, NULL, NULL, err, "UPDATE chats SET updated_ms = ? WHERE id = ?", "it", now_ms(), chat);
}

/* ---- chats ----------------------------------------------------------------------------------------------------- */

us_status us_store_add_chat(us_store *s, const json_t *chat, char id[US_STORE_ID], us_error *err) {
    json_t *t;
    size_t i;
    new_id(id);
    us_status st = begin(s, err);
    if (!st) st = insert_chat(s, chat, id, err);
    json_array_foreach(json_object_get(chat, "turns"), i, t)
        if (!st) st = insert_turn(s, id, t, NULL, 0, err);
    return end(s, st, err);
}

static us_status list_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    json_t *j = json_pack(
        "{s:o, s:o, s:o, s:I, s:i, s:o, s:o}", "id", column_text(q, 0), "title", column_text(q, 1), "characters",
        column_json(q, 2), "updated_ms", (json_int_t)sqlite3_column_int64(q, 3), "n_turns", sqlite3_column_int(q, 4), "last",
        us_text_json((const char *)sqlite3_column_text(q, 5), (size_t)sqlite3_column_bytes(q, 5)), "owner", column_text(q, 6));
    return j && !json_array_append_new(ctx, j) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

us_status us_store_list_chats(us_store *s, json_t **out, us_error *err) {
    json_t *list = json_array();
    pthread_mutex_lock(&s->lock);
    us_status st =
        run(s, list_row, list, err,
            "SELECT id, title, characters, updated_ms, (SELECT count(*) FROM turns WHERE chat = c.id AND cut IS NULL),"
            " (SELECT substr(text, 1, 80) FROM turns WHERE chat = c.id AND cut IS NULL ORDER BY id DESC LIMIT 1), owner"
            " FROM chats c WHERE deleted_ms IS NULL ORDER BY updated_ms DESC, id",
            "");
    pthread_mutex_unlock(&s->lock);
    if (st) json_decref(list);
    else *out = list;
    return st;
}

us_status us_store_set_owner(us_store *s, const char *id, const char *owner, us_error *err) {
    pthread_mutex_lock(&s->lock);
    us_status st = run(s, NULL, NULL, err, "UPDATE chats SET owner = ? WHERE id = ?", "tt", owner, id);
    pthread_mutex_unlock(&s->lock);
    return st;
}

bool us_store_is_owner(us_store *s, const char *id, const char *owner) {
    int64_t n = 0;
    pthread_mutex_lock(&s->lock);
    us_status st = run(s, read_int, &n, NULL, "SELECT count(*) FROM chats WHERE id = ? AND owner = ?", "tt", id, owner);
    pthread_mutex_unlock(&s->lock);
    return !st && n == 1;
}

/* `turns_sql` selects the columns of turn_row() for chat ?1. */
static us_status get_chat(us_store *s, const char *id, const char *turns_sql, json_t **out, us_error *err) {
    json_t *chat = NULL, *turns = json_array();
    pthread_mutex_lock(&s->lock);
    us_status st =
        run(s, chat_row, &chat, err, "SELECT " CHAT_COLUMNS " FROM chats WHERE id = ? AND deleted_ms IS NULL", "t", id);
    if (!st && chat) st = run(s, turn_row, turns, err, turns_sql, "t", id);
    pthread_mutex_unlock(&s->lock);
    if (!st && !chat) st = us_fail(err, US_ERR_NOT_FOUND, "no chat '%.40s'", id);
    if (st) {
        json_decref(chat);
        json_decref(turns);
        return st;
    }
    json_object_set_new(chat, "turns", turns);
    *out = chat;
    return US_OK;
}

us_status us_store_get_chat(us_store *s, const char *id, json_t **out, us_error *err) {
    return get_chat(s, id, "SELECT " TURN_COLUMNS " FROM turns WHERE chat = ? AND cut IS NULL ORDER BY id", out, err);
}

us_status us_store_get_lines(us_store *s, const char *id, json_t **out, us_error *err) {
    return get_chat(
        s, id,
        "SELECT id, role, speaker, character, text, chosen,"
        " CASE WHEN id = (SELECT max(id) FROM turns WHERE chat = ?1 AND cut IS NULL) THEN alternatives ELSE 'null' END,"
        " present, created_ms, n_tokens, n_cached, seconds, edited"
        " FROM turns WHERE chat = ?1 AND cut IS NULL ORDER BY id",
        out, err);
}

us_status us_store_change_chat(us_store *s, const char *id, const json_t *c, us_error *err) {
    static const struct {
        const char *key, *sql;
    } text[] = {{"title", "UPDATE chats SET title = ? WHERE id = ?"}, {"user", "UPDATE chats SET user = ? WHERE id = ?"}},
      json[] = {{"characters", "UPDATE chats SET characters = ? WHERE id = ?"},
                {"scale", "UPDATE chats SET scale = ? WHERE id = ?"},
                {"notes", "UPDATE chats SET notes = ? WHERE id = ?"}};
    us_status st = begin(s, err);
    if (!st) st = need_chat(s, id, err);
    for (int i = 0; i < 2 && !st; i++)
        if (json_object_get(c, text[i].key)) st = run(s, NULL, NULL, err, text[i].sql, "tt", text_of(c, text[i].key), id);
    for (int i = 0; i < 3 && !st; i++)
        if (json_object_get(c, json[i].key))
            st = run(s, NULL, NULL, err, json[i].sql, "jt", json_object_get(c, json[i].key), id);
    return end(s, st, err);
}

us_status us_store_delete_chat(us_store *s, const char *id, us_error *err) {
    us_status st = begin(s, err);
    if (!st) st = need_chat(s, id, err);
    if (!st) st = run(s, NULL, NULL, err, "UPDATE chats SET deleted_ms = ? WHERE id = ?", "it", now_ms(), id);
    return end(s, st, err);
}

us_status us_store_restore_chat(us_store *s, const char *id, us_error *err) {
    us_status st = begin(s, err);
    if (!st) st = run(s, NULL, NULL, err, "UPDATE chats SET deleted_ms = NULL WHERE id = ?", "t", id);
    if (!st) st = need_chat(s, id, err);
    return end(s, st, err);
}

us_status us_store_branch(us_store *s, const char *id, int64_t turn, char branch[US_STORE_ID], us_error *err) {
    new_id(branch);
    us_status st = begin(s, err);
    if (!st) st = need_turn(s, id, turn, err);
    if (!st)
        st = run(s, NULL, NULL, err,
                 "INSERT INTO chats (" CHAT_COLUMNS
                 ") SELECT ?1, title, user, characters, scale, ?2, ?2, notes FROM chats WHERE id = ?3",
                 "tit", branch, now_ms(), id);
    if (!st)
        st = run(s, NULL, NULL, err,
                 "INSERT INTO turns (chat, role, speaker, character, text, chosen, alternatives, present, created_ms, "
                 "n_tokens, n_cached, seconds, edited, prompt)"
                 " SELECT ?1, role, speaker, character, text, chosen, alternatives, present, created_ms, n_tokens, n_cached, "
                 "seconds, edited, prompt"
                 " FROM turns WHERE chat = ?2 AND id <= ?3 AND cut IS NULL ORDER BY id",
                 "tti", branch, id, turn);
    return end(s, st, err);
}

/* ---- turns ----------------------------------------------------------------------------------------------------- */

/* The first words of a chat are its title until it gets one. */
static us_status entitle(us_store *s, const char *chat, const json_t *turn, us_error *err) {
    const char *text = text_of(turn, "text");
    char title[64];
    size_t n = strcspn(text, "\r\n");
    bool whole = n < sizeof title - 4;
    if (!whole) n = sizeof title - 4;
    n -= us_utf8_tail(text, n);
    snprintf(title, sizeof title, "%.*s%s", (int)n, text, whole ? "" : "…");
    return run(s, NULL, NULL, err, "UPDATE chats SET title = ? WHERE id = ? AND title = ''", "tt", title, chat);
}

us_status us_store_add_turn(us_store *s, const char *chat, json_t *turn, const int32_t *prompt, size_t n_prompt,
                            us_error *err) {
    json_object_set_new(turn, "created_ms", json_integer(now_ms()));
    us_status st = begin(s, err);
    if (!st) st = need_chat(s, chat, err);
    if (!st) st = insert_turn(s, chat, turn, prompt, n_prompt, err);
    int64_t id = sqlite3_last_insert_rowid(s->db);
    if (!st && !strcmp(text_of(turn, "role"), "user")) st = entitle(s, chat, turn, err);
    if (!st) st = touch(s, chat, err);
    st = end(s, st, err);
    if (!st) json_object_set_new(turn, "id", json_integer(id));
    return st;
}

us_status us_store_get_turn(us_store *s, const char *chat, int64_t turn, json_t **out, us_error *err) {
    json_t *list = json_array();
    pthread_mutex_lock(&s->lock);
    us_status st = need_turn(s, chat, turn, err);
    if (!st) st = run(s, turn_row, list, err, "SELECT " TURN_COLUMNS " FROM turns WHERE chat = ? AND id = ?", "ti", chat, turn);
    pthread_mutex_unlock(&s->lock);
    if (!st) *out = json_incref(json_array_get(list, 0));
    json_decref(list);
    return st;
}

us_status us_store_change_turn(us_store *s, const char *chat, const json_t *t, const int32_t *prompt, size_t n_prompt,
                               us_error *err) {
    int64_t id = json_integer_value(json_object_get(t, "id"));
    us_status st = begin(s, err);
    if (!st) st = need_turn(s, chat, id, err);
    if (!st)
        st = run(s, NULL, NULL, err,
                 "UPDATE turns SET text = ?1, chosen = ?2, alternatives = ?3, edited = ?4, n_tokens = ?5, n_cached = ?6, "
                 "seconds = ?7, prompt = coalesce(?8, prompt) WHERE id = ?9",
                 "tijiiidbi", text_of(t, "text"), (int64_t)json_integer_value(json_object_get(t, "chosen")),
                 json_object_get(t, "alternatives"), (int64_t)json_is_true(json_object_get(t, "edited")),
                 (int64_t)json_integer_value(json_object_get(t, "n_tokens")),
                 (int64_t)json_integer_value(json_object_get(t, "n_cached")), json_number_value(json_object_get(t, "seconds")),
                 (const void *)prompt, (int)(n_prompt * sizeof *prompt), id);
    if (!st) st = touch(s, chat, err);
    return end(s, st, err);
}

typedef struct blob {
    int32_t *ids;
    size_t n;
} blob;

static us_status read_blob(void *ctx, sqlite3_stmt *q, us_error *err) {
    blob *b = ctx;
    size_t n = (size_t)sqlite3_column_bytes(q, 0) / sizeof *b->ids;
    us_status st = us_alloc(n, sizeof *b->ids, &b->ids, err);
    if (!st && n) memcpy(b->ids, sqlite3_column_blob(q, 0), n * sizeof *b->ids);
    b->n = n;
    return st;
}

us_status us_store_get_prompt(us_store *s, const char *chat, int64_t turn, int32_t **ids, size_t *n, us_error *err) {
    blob b = {0};
    pthread_mutex_lock(&s->lock);
    us_status st = need_turn(s, chat, turn, err);
    if (!st) st = run(s, read_blob, &b, err, "SELECT prompt FROM turns WHERE id = ?", "i", turn);
    pthread_mutex_unlock(&s->lock);
    if (st) free(b.ids);
    else *ids = b.ids, *n = b.n;
    return st;
}

us_status us_store_cut(us_store *s, const char *chat, int64_t turn, char undo[US_STORE_ID], us_error *err) {
    new_id(undo);
    us_status st = begin(s, err);
    if (!st) st = need_turn(s, chat, turn, err);
    if (!st)
        st = run(s, NULL, NULL, err, "UPDATE turns SET cut = ?, cut_ms = ? WHERE chat = ? AND id >= ? AND cut IS NULL", "titi",
                 undo, now_ms(), chat, turn);
    if (!st) st = touch(s, chat, err);
    return end(s, st, err);
}

us_status us_store_uncut(us_store *s, const char *chat, const char *undo, us_error *err) {
    int64_t n_cut = 0, n_since = 0;
    us_status st = begin(s, err);
    if (!st) st = need_chat(s, chat, err);
    if (!st) st = run(s, read_int, &n_cut, err, "SELECT count(*) FROM turns WHERE chat = ? AND cut = ?", "tt", chat, undo);
    if (!st && !n_cut) st = us_fail(err, US_ERR_NOT_FOUND, "nothing to bring back under this undo");
    if (!st)
        st = run(
            s, read_int, &n_since, err,
            "SELECT count(*) FROM turns WHERE chat = ?1 AND cut IS NULL AND id > (SELECT min(id) FROM turns WHERE cut = ?2)",
            "tt", chat, undo);
    if (!st && n_since)
        st = us_fail(err, US_ERR_MISMATCH, "something was said since: what was forgotten cannot be brought back");
    if (!st)
        st = run(s, NULL, NULL, err, "UPDATE turns SET cut = NULL, cut_ms = NULL WHERE chat = ? AND cut = ?", "tt", chat, undo);
    if (!st) st = touch(s, chat, err);
    return end(s, st, err);
}
