/* One connection under one lock. Opening migrates the tables and distrusts the file; each call is one transaction. */
#include "chat/store.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/row.h"
#include "text/fold.h"
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
#define MAX_CHAT_BYTES (40 << 20) /* of a chat that is read whole; 20,000 turns with eight wordings each take about 30 */
#define KEEP_DELETED_MS ((int64_t)30 * 24 * 3600 * 1000)
enum { MAX_TELLING = 256 }; /* lines that are looked through for notes, the last ones that tell something */

struct us_store {
    sqlite3 *db;
    uint64_t most; /* bytes of all chats; 0: as many as there is room for */
    pthread_mutex_t lock;
    /* Taken before the lock: of those who look for something one at a time keeps the others waiting. */
    pthread_mutex_t searching;
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
    /* What a reply asks of a long chat is looked up, not counted or searched for. us_tells() is there while this runs. */
    "ALTER TABLE chats ADD COLUMN n_turns INTEGER NOT NULL DEFAULT 0;"
    "UPDATE chats SET n_turns = (SELECT count(*) FROM turns WHERE chat = chats.id AND cut IS NULL);"
    "ALTER TABLE turns ADD COLUMN tells INTEGER NOT NULL DEFAULT 0;"
    "UPDATE turns SET tells = us_tells(text) WHERE role = 'user' AND instr(alternatives, '\"end\":\"heard\"') = 0;"
    "CREATE INDEX turns_there ON turns(chat, id) WHERE cut IS NULL;"
    "CREATE INDEX turns_of_speaker ON turns(chat, character, id) WHERE cut IS NULL;"
    "CREATE INDEX turns_that_tell ON turns(chat, id) WHERE cut IS NULL AND tells;",
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
    case SQLITE_FULL:
        return us_fail(err, US_ERR_IO, "the disk%s is full: nothing was saved",
                       s->most ? ", or the room of all chats (--chats-quota)," : "");
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY: return us_fail(err, US_ERR_IO, "the chats' file cannot be read or written: %s", words);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return us_fail(err, US_ERR_FORMAT,
                       "the chats' file is damaged: %s. Move it away to begin anew; `sqlite3 FILE .recover` saves what is left",
                       words);
    case SQLITE_TOOBIG:
        return us_fail(err, US_ERR_LIMIT, "a turn with all its wordings takes more than %d MiB", MAX_ROW_BYTES >> 20);
    case SQLITE_NOMEM: return us_fail(err, US_ERR_MEMORY, "out of memory");
    default: return us_fail(err, US_ERR_IO, "chats: %s", words);
    }
}

/* What a statement does with each row; `enough` ends it well. */
typedef us_status row_fn(void *ctx, sqlite3_stmt *q, us_error *err);
static const us_status enough = (us_status)-1;

/* Runs one statement. types: t text (NULL is allowed), i int64_t, d double, o text that is freed (NULL: out of memory), b blob
 * (pointer, int bytes). */
static us_status run(us_store *s, row_fn *row, void *ctx, us_error *err, const char *sql, const char *types, ...) {
    sqlite3_stmt *q = NULL;
    va_list ap;
    us_status st = US_OK;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
    va_start(ap, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 'i') {
            int64_t x = va_arg(ap, int64_t);
            if (!rc) rc = sqlite3_bind_int64(q, i + 1, x);
        } else if (types[i] == 'd') {
            double x = va_arg(ap, double);
            if (!rc) rc = sqlite3_bind_double(q, i + 1, x);
        } else if (types[i] == 't') {
            const char *text = va_arg(ap, const char *);
            if (!rc) rc = sqlite3_bind_text(q, i + 1, text, -1, SQLITE_TRANSIENT);
        } else if (types[i] == 'b') {
            const void *data = va_arg(ap, const void *);
            int n = va_arg(ap, int);
            if (!rc) rc = data ? sqlite3_bind_blob(q, i + 1, data, n, SQLITE_TRANSIENT) : sqlite3_bind_null(q, i + 1);
        } else {
            char *text = va_arg(ap, char *);
            if (!st && !text) st = us_fail(err, US_ERR_MEMORY, "out of memory");
            if (!rc && text) rc = sqlite3_bind_text(q, i + 1, text, -1, SQLITE_TRANSIENT);
            free(text);
        }
    }
    va_end(ap);
    while (!rc && !st && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        rc = 0;
        if (row) st = row(ctx, q, err);
    }
    if (st == enough) st = US_OK;
    else if (!st && rc && rc != SQLITE_DONE) st = fail(s, err);
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

static void sql_tells(sqlite3_context *c, int n, sqlite3_value **args) {
    const char *text = n == 1 ? (const char *)sqlite3_value_text(args[0]) : NULL;
    sqlite3_result_int(c, text && us_notes_tells(text));
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
    if (!st && sqlite3_create_function(s->db, "us_tells", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, sql_tells, NULL, NULL))
        st = fail(s, err);
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

static us_status make(us_store **out, us_error *err) {
    us_status st = us_alloc(1, sizeof **out, out, err);
    if (st) return st;
    pthread_mutex_init(&(*out)->lock, NULL);
    pthread_mutex_init(&(*out)->searching, NULL);
    return US_OK;
}

static us_status open_file(us_store *s, const char *path, int flags, us_error *err) {
    if (!sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL)) return US_OK;
    return s->db ? fail(s, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
}

/* *out is the store, or closed with the error, which names the file. */
static us_status opened(us_store *s, us_status st, const char *path, us_store **out, us_error *err) {
    us_error why = st && err ? *err : (us_error){0};
    *out = st ? NULL : s;
    if (!st) return US_OK;
    us_store_close(s);
    return us_fail(err, st, "%s: %s", path, why.message);
}

us_status us_store_open(const char *path, us_store **out, us_error *err) {
    us_store *s;
    us_status st = make(&s, err);
    if (st) return st;
    if (strcmp(path, ":memory:") && (st = us_file_make_private(path, err))) { /* -wal and -shm get its mode */
        us_store_close(s);
        return st;
    }
    st = open_file(s, path, SQLITE_OPEN_CREATE, err);
    if (!st) sqlite3_busy_timeout(s->db, 3000);
    if (!st) distrust(s->db);
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA cell_size_check = ON", "");
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA journal_mode = WAL", "");
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA synchronous = FULL", "");
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA foreign_keys = ON", "");
    if (!st) st = open_tables(s, err);
    return opened(s, st, path, out, err);
}

void us_store_close(us_store *s) {
    if (!s) return;
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->searching);
    free(s);
}

/* All pages in one step: a writer waits for a moment, and no half of what it writes is seen. */
static us_status copy_pages(const char *from, us_store *to, us_error *err) {
    us_store a = {0};
    us_status st = open_file(&a, from, 0, err);
    if (!st) distrust(a.db);
    sqlite3_backup *copy = st ? NULL : sqlite3_backup_init(to->db, "main", a.db, "main");
    if (!st && !copy) st = fail(to, err);
    if (copy) {
        int rc;
        sqlite3_busy_timeout(a.db, 3000);
        while ((rc = sqlite3_backup_step(copy, -1)) == SQLITE_BUSY || rc == SQLITE_LOCKED) sqlite3_sleep(50);
        rc = sqlite3_backup_finish(copy);
        if (rc) st = fail(to, err);
    }
    sqlite3_close(a.db);
    return st;
}

us_status us_store_copy(const char *from, const char *to, us_error *err) {
    us_store b = {0};
    us_status st = open_file(&b, to, SQLITE_OPEN_CREATE, err);
    if (!st) st = copy_pages(from, &b, err);
    sqlite3_close(b.db);
    return st;
}

us_status us_store_open_copy(const char *path, us_store **out, us_error *err) {
    us_stamp stamp; /* that it is a regular file */
    us_store *s;
    us_status st = us_file_stamp(path, &stamp, err);
    if (!st) st = make(&s, err);
    if (st) return st;
    st = open_file(s, "", SQLITE_OPEN_CREATE, err); /* in memory, and beyond a little in a file without a name */
    if (!st) distrust(s->db);
    if (!st) st = run(s, NULL, NULL, err, "PRAGMA cell_size_check = ON", "");
    if (!st) st = copy_pages(path, s, err);
    if (!st) st = open_tables(s, err);
    return opened(s, st, path, out, err);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static void new_id(char out[US_STORE_ID]) {
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789"; /* 32, none to be mistaken for another */
    unsigned char r[12] = {0};
    while (getrandom(r, sizeof r, 0) != sizeof r) continue;
    for (size_t i = 0; i < sizeof r; i++) out[i] = digits[r[i] & 31];
    out[sizeof r] = 0;
}

#define CHAT_COLUMNS "id, title, user, characters, scale, created_ms, updated_ms, notes, n_turns"
#define LISTED_COLUMNS "id, title, user, characters, '{}', created_ms, updated_ms, 'null', n_turns" /* as no list shows them */
static us_status chat_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    us_stored_chat *c = ctx;
    us_stored_chat_fini(c);
    const char *id = (const char *)sqlite3_column_text(q, 0);
    snprintf(c->id, sizeof c->id, "%s", id ? id : "");
    c->created_ms = sqlite3_column_int64(q, 5);
    c->updated_ms = sqlite3_column_int64(q, 6);
    int64_t n = sqlite3_column_int64(q, 8);
    c->n_turns = n > 0 ? (size_t)n : 0;
    us_status st = us_row_text(q, 1, &c->title, err);
    if (!st) st = us_row_text(q, 2, &c->user, err);
    if (!st) st = us_row_ids(q, 3, &c->stage, err);
    if (!st) st = us_row_scales(q, 4, c, err);
    return st ? st : us_row_notes(q, 7, c, err);
}

#define TURN_COLUMNS \
    "id, role, speaker, character, text, chosen, alternatives, present, created_ms, n_tokens, n_cached, seconds, edited"

/* Whose words a row of turns holds: the id of a character, or NULL. Borrowed until the next step. */
static const char *speaking(sqlite3_stmt *q, int role, int character) {
    const char *r = (const char *)sqlite3_column_text(q, role);
    return r && !strcmp(r, "character") ? (const char *)sqlite3_column_text(q, character) : NULL;
}

static us_status read_turn(sqlite3_stmt *q, us_stored_turn *t, us_error *err) {
    char *speaker = NULL, *character = NULL, *text = NULL;
    int64_t chosen = sqlite3_column_int64(q, 5);
    us_status st = us_row_text(q, 2, &speaker, err);
    if (!st && speaking(q, 1, 3)) st = us_row_text(q, 3, &character, err);
    if (!st) st = us_turn_init(t, character, speaker, err);
    if (!st) st = us_row_text(q, 4, &text, err);
    if (!st) st = us_row_alternatives(q, 6, text, chosen < 0 ? SIZE_MAX : (size_t)chosen, t, err);
    if (!st) st = us_row_ids(q, 7, &t->present, err);
    t->id = sqlite3_column_int64(q, 0);
    t->created_ms = sqlite3_column_int64(q, 8);
    t->n_tokens = sqlite3_column_int(q, 9);
    t->n_cached = sqlite3_column_int(q, 10);
    t->seconds = sqlite3_column_double(q, 11);
    t->edited = sqlite3_column_int(q, 12) != 0;
    free(speaker);
    free(character);
    free(text);
    if (st) us_turn_fini(t);
    return st;
}

/* A chat that is read whole. */
typedef struct whole_chat {
    us_stored_chat *chat;
    size_t bytes;
} whole_chat;

static us_status turn_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    whole_chat *w = ctx;
    us_stored_turn t = {0};
    w->bytes += (size_t)sqlite3_column_bytes(q, 4) + (size_t)sqlite3_column_bytes(q, 6) + (size_t)sqlite3_column_bytes(q, 7);
    if (w->bytes > MAX_CHAT_BYTES)
        return us_fail(
            err, US_ERR_LIMIT,
            "the chat takes more than %d MiB, which is too much to be shown whole: begin a new one, or branch this one at an "
            "earlier turn",
            MAX_CHAT_BYTES >> 20);
    us_status st = read_turn(q, &t, err);
    return st ? st : us_stored_chat_add_turn(w->chat, &t, err);
}

static us_status one_turn(void *ctx, sqlite3_stmt *q, us_error *err) {
    us_turn_fini(ctx);
    return read_turn(q, ctx, err);
}

static us_status insert_chat(us_store *s, const us_stored_chat *c, const char *id, us_error *err) {
    return run(s, NULL, NULL, err,
               "INSERT INTO chats (id, title, user, characters, scale, created_ms, updated_ms, notes, n_turns, owner)"
               " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)",
               "tttooioit", id, c->title ? c->title : "", c->user ? c->user : "", us_id_list_encode(&c->stage),
               us_scales_encode(c), now_ms(), us_notes_encode(c), (int64_t)c->n_read, c->owner ? c->owner : "");
}

/* Whether a reply has to look at the turn to know the visitor. */
static int64_t tells(const us_stored_turn *t) {
    return !t->own && (!t->n_alternatives || strcmp(t->alternatives[0].end, "heard") != 0) && us_notes_tells(us_turn_text(t));
}

static us_status insert_turn(us_store *s, const char *chat, const us_stored_turn *t, const int32_t *prompt, size_t n_prompt,
                             us_error *err) {
    return run(s, NULL, NULL, err,
               "INSERT INTO turns (chat, role, speaker, character, text, chosen, alternatives, present, created_ms, n_tokens, "
               "n_cached, seconds, edited, prompt, tells)"
               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
               "tttttiooiiidibi", chat, t->own ? "character" : "user", t->speaker, t->character, us_turn_text(t),
               (int64_t)t->chosen, us_alternatives_encode(t), us_id_list_encode(&t->present),
               t->created_ms ? t->created_ms : now_ms(), (int64_t)t->n_tokens, (int64_t)t->n_cached, t->seconds,
               (int64_t)t->edited, (const void *)prompt, (int)(n_prompt * sizeof *prompt), tells(t));
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

/* The statement before has put turns into the chat, or taken them out (-1). */
static us_status count_change(us_store *s, const char *chat, int sign, us_error *err) {
    return run(s, NULL, NULL, err, "UPDATE chats SET n_turns = n_turns + ? WHERE id = ?", "it",
               (int64_t)sign * sqlite3_changes(s->db), chat);
}

/* ---- room ------------------------------------------------------------------------------------------------------- */

static us_status count_pages(us_store *s, int64_t *all, int64_t *used, int64_t *size, us_error *err) {
    us_status st = run(s, read_int, all, err, "PRAGMA page_count", "");
    if (!st) st = run(s, read_int, used, err, "PRAGMA freelist_count", "");
    *used = *all - *used; /* what was deleted leaves pages that are used again */
    return st ? st : run(s, read_int, size, err, "PRAGMA page_size", "");
}

/* Lock held. */
static us_status need_room(us_store *s, us_error *err) {
    int64_t all, used = 0, size = 0;
    us_status st = s->most ? count_pages(s, &all, &used, &size, err) : US_OK;
    if (st || !s->most || (uint64_t)(used * size) < s->most) return st;
    return us_because(
        us_fail(err, US_ERR_LIMIT,
                "the chats that are kept here fill their room of %llu MiB: delete some (or start the server with a "
                "larger --chats-quota)",
                (unsigned long long)(s->most >> 20)),
        "quota", err);
}

us_status us_store_set_room(us_store *s, uint64_t most, us_error *err) {
    int64_t all = 0, used = 0, size = 1;
    char sql[64];
    pthread_mutex_lock(&s->lock);
    us_status st = count_pages(s, &all, &used, &size, err);
    /* What is refused in the end may not fill the disk before; what must always fit (a reply, a deletion) has a quarter more. */
    int64_t end = (int64_t)(most + most / 4) / size, least = all + (64 << 20) / size;
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)(end > least ? end : least));
    if (!st && most) st = run(s, NULL, NULL, err, sql, "");
    if (!st) s->most = most;
    pthread_mutex_unlock(&s->lock);
    return st;
}

/* In a transaction: what was deleted goes for good, the longest deleted first, until there is room. */
static us_status clear_room(us_store *s, us_error *err) {
    us_status st;
    for (bool more = true; more && (st = need_room(s, err)) == US_ERR_LIMIT;) {
        st = run(
            s, NULL, NULL, err,
            "DELETE FROM chats WHERE id IN (SELECT id FROM chats WHERE deleted_ms IS NOT NULL ORDER BY deleted_ms LIMIT 16)",
            "");
        if (st) return st;
        if (!(more = sqlite3_changes(s->db) > 0)) st = need_room(s, err);
    }
    return st;
}

us_status us_store_make_room(us_store *s, us_error *err) {
    pthread_mutex_lock(&s->lock);
    us_status st = need_room(s, err);
    pthread_mutex_unlock(&s->lock);
    if (st != US_ERR_LIMIT) return st;
    us_error full = {0};
    if ((st = begin(s, err))) return end(s, st, err);
    us_status room = clear_room(s, &full);
    st = end(s, room == US_ERR_LIMIT ? US_OK : room, err); /* what went has gone, enough or not */
    if (room && err) *err = full;
    return room ? room : st;
}

/* ---- chats ----------------------------------------------------------------------------------------------------- */

us_status us_store_add_chat(us_store *s, const us_stored_chat *chat, char id[US_STORE_ID], us_error *err) {
    new_id(id);
    us_status st = begin(s, err);
    if (!st) st = insert_chat(s, chat, id, err);
    for (size_t i = 0; i < chat->n_read && !st; i++) st = insert_turn(s, id, &chat->turns[i], NULL, 0, err);
    if (!st) st = clear_room(s, err);
    return end(s, st, err);
}

typedef struct chat_list {
    us_stored_chat *chats;
    size_t n, cap;
} chat_list;

static us_status list_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    chat_list *l = ctx;
    us_status st = us_grow(&l->chats, &l->cap, l->n + 1, sizeof *l->chats, err);
    if (st) return st;
    us_stored_chat *c = &l->chats[l->n++];
    *c = (us_stored_chat){0};
    st = chat_row(c, q, err);
    if (!st) st = us_row_text(q, 9, &c->last, err);
    return st ? st : us_row_text(q, 10, &c->owner, err);
}

us_status us_store_list_chats(us_store *s, const char *owner, size_t most, us_stored_chat **out, size_t *n, uint64_t *n_all,
                              us_error *err) {
    chat_list l = {0};
    int64_t all = 0;
    pthread_mutex_lock(&s->lock);
    us_status st = run(s, read_int, &all, err,
                       "SELECT count(*) FROM chats WHERE deleted_ms IS NULL AND (?1 IS NULL OR owner = ?1)", "t", owner);
    if (!st)
        st = run(s, list_row, &l, err,
                 "SELECT " LISTED_COLUMNS ", (SELECT substr(text, 1, 80) FROM turns INDEXED BY turns_there WHERE chat = c.id "
                 "AND cut IS NULL ORDER BY turns.id DESC LIMIT 1), owner"
                 " FROM chats c WHERE deleted_ms IS NULL AND (?1 IS NULL OR owner = ?1) ORDER BY updated_ms DESC, id LIMIT ?2",
                 "ti", owner, most ? (int64_t)most : (int64_t)-1);
    pthread_mutex_unlock(&s->lock);
    if (st) us_stored_chats_free(l.chats, l.n);
    else *out = l.chats, *n = l.n, *n_all = (uint64_t)all;
    return st;
}

void us_stored_chats_free(us_stored_chat *chats, size_t n) {
    for (size_t i = 0; i < n; i++) us_stored_chat_fini(&chats[i]);
    free(chats);
}

/* us_finds(text, folded): whether the text, folded, holds what is looked for. */
static void sql_finds(sqlite3_context *c, int n, sqlite3_value **args) {
    const char *text = n == 2 ? (const char *)sqlite3_value_text(args[0]) : NULL,
               *words = n == 2 ? (const char *)sqlite3_value_text(args[1]) : NULL;
    us_buf folded;
    us_buf_init(&folded, 4 * (size_t)US_MAX_TEXT);
    bool found = text && words && us_fold_case(text, &folded) && folded.data && strstr(folded.data, words);
    us_buf_fini(&folded);
    sqlite3_result_int(c, found);
}

typedef struct hit_list {
    us_store_hit *hits;
    size_t n, cap;
} hit_list;

static us_status hit_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    hit_list *l = ctx;
    us_status st = us_grow(&l->hits, &l->cap, l->n + 1, sizeof *l->hits, err);
    if (st) return st;
    us_store_hit *h = &l->hits[l->n++];
    const char *chat = (const char *)sqlite3_column_text(q, 0);
    *h = (us_store_hit){.turn = sqlite3_column_int64(q, 1)};
    snprintf(h->chat, sizeof h->chat, "%s", chat ? chat : "");
    st = us_row_text(q, 2, &h->speaker, err);
    return st ? st : us_row_text(q, 3, &h->text, err);
}

us_status us_store_search(us_store *s, const char *words, const char *owner, us_store_hit **out, size_t *n, us_error *err) {
    hit_list l = {0};
    us_buf folded;
    us_buf_init(&folded, 1 << 16);
    if (!us_fold_case(words, &folded) || !folded.len) {
        us_buf_fini(&folded);
        return us_fail(err, US_ERR_ARGUMENT, "q: the words to look for are expected, in UTF-8");
    }
    pthread_mutex_lock(&s->searching);
    pthread_mutex_lock(&s->lock);
    us_status st = US_OK;
    if (sqlite3_create_function(s->db, "us_finds", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, sql_finds, NULL, NULL))
        st = fail(s, err);
    if (!st) /* nobody's words are looked through, or read, for somebody else */
        st = run(
            s, hit_row, &l, err,
            *owner
                ? "SELECT c.id, t.id, t.speaker, t.text FROM chats c CROSS JOIN turns t INDEXED BY turns_there ON t.chat = c.id"
                  " WHERE c.owner = ?2 AND c.deleted_ms IS NULL AND t.cut IS NULL AND us_finds(t.text, ?1)"
                  " ORDER BY t.id DESC LIMIT ?3"
                : "SELECT c.id, t.id, t.speaker, t.text FROM turns t JOIN chats c ON c.id = t.chat"
                  " WHERE t.cut IS NULL AND c.deleted_ms IS NULL AND us_finds(t.text, ?1) ORDER BY t.id DESC LIMIT ?3",
            "tti", folded.data, owner, (int64_t)US_MAX_HITS);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_unlock(&s->searching);
    us_buf_fini(&folded);
    if (st) us_store_hits_free(l.hits, l.n);
    else *out = l.hits, *n = l.n;
    return st;
}

void us_store_hits_free(us_store_hit *hits, size_t n) {
    for (size_t i = 0; i < n; i++) free(hits[i].speaker), free(hits[i].text);
    free(hits);
}

bool us_store_is_owner(us_store *s, const char *id, const char *owner) {
    int64_t n = 0;
    pthread_mutex_lock(&s->lock);
    us_status st = run(s, read_int, &n, NULL, "SELECT count(*) FROM chats WHERE id = ? AND owner = ?", "tt", id, owner);
    pthread_mutex_unlock(&s->lock);
    return !st && n == 1;
}

us_status us_store_get_chat(us_store *s, const char *id, bool turns, us_stored_chat *out, us_error *err) {
    us_stored_chat chat = {0};
    pthread_mutex_lock(&s->lock);
    us_status st =
        run(s, chat_row, &chat, err, "SELECT " CHAT_COLUMNS " FROM chats WHERE id = ? AND deleted_ms IS NULL", "t", id);
    if (!st && !*chat.id) st = us_fail(err, US_ERR_NOT_FOUND, "no chat '%.40s'", id);
    if (!st && turns)
        st = run(s, turn_row, &(whole_chat){&chat, 0}, err,
                 "SELECT " TURN_COLUMNS " FROM turns WHERE chat = ? AND cut IS NULL ORDER BY id", "t", id);
    pthread_mutex_unlock(&s->lock);
    if (st) us_stored_chat_fini(&chat);
    else *out = chat;
    return st;
}

us_status us_store_change_chat(us_store *s, const char *id, const us_stored_chat *c, unsigned fields, us_error *err) {
    us_status st = begin(s, err);
    if (!st) st = need_chat(s, id, err);
    if (!st && (fields & US_CHAT_TITLE))
        st = run(s, NULL, NULL, err, "UPDATE chats SET title = ? WHERE id = ?", "tt", c->title, id);
    if (!st && (fields & US_CHAT_USER))
        st = run(s, NULL, NULL, err, "UPDATE chats SET user = ? WHERE id = ?", "tt", c->user, id);
    if (!st && (fields & US_CHAT_STAGE))
        st = run(s, NULL, NULL, err, "UPDATE chats SET characters = ? WHERE id = ?", "ot", us_id_list_encode(&c->stage), id);
    if (!st && (fields & US_CHAT_SCALE))
        st = run(s, NULL, NULL, err, "UPDATE chats SET scale = ? WHERE id = ?", "ot", us_scales_encode(c), id);
    if (!st && (fields & US_CHAT_NOTES))
        st = run(s, NULL, NULL, err, "UPDATE chats SET notes = ? WHERE id = ?", "ot", us_notes_encode(c), id);
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
#define COPIED                                                                                                                 \
    "role, speaker, character, text, chosen, alternatives, present, created_ms, n_tokens, n_cached, seconds, edited, prompt, " \
    "tells"
    new_id(branch);
    us_status st = begin(s, err);
    if (!st) st = need_turn(s, id, turn, err);
    if (!st)
        st = run(s, NULL, NULL, err,
                 "INSERT INTO chats (id, title, user, characters, scale, created_ms, updated_ms, notes, n_turns, owner)"
                 " SELECT ?1, title, user, characters, scale, ?2, ?2, notes,"
                 " (SELECT count(*) FROM turns WHERE chat = ?3 AND id <= ?4 AND cut IS NULL), owner FROM chats WHERE id = ?3",
                 "titi", branch, now_ms(), id, turn);
    if (!st)
        st = run(s, NULL, NULL, err,
                 "INSERT INTO turns (chat, " COPIED ") SELECT ?1, " COPIED
                 " FROM turns WHERE chat = ?2 AND id <= ?3 AND cut IS NULL ORDER BY id",
                 "tti", branch, id, turn);
    if (!st) st = clear_room(s, err);
    return end(s, st, err);
}

/* ---- what a reply reads ------------------------------------------------------------------------------------------ */

typedef struct reading {
    const char *who;
    size_t wanted, n; /* lines; those read, but for the character's own at the end */
    bool answered;    /* a line of another has been read */
    us_chat_lines *out;
} reading;

static us_status heard(sqlite3_stmt *q, const char *who, int role, us_error *err, bool *out) {
    const char *by = speaking(q, role, role + 1);
    us_id_list present = {0};
    us_status st = US_OK;
    *out = by && !strcmp(by, who);
    if (!*out && !(st = us_row_ids(q, role + 2, &present, err))) *out = us_id_list_has(&present, who);
    us_id_list_fini(&present);
    return st;
}

/* The newest comes first. */
static us_status line_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    reading *r = ctx;
    bool for_them = false;
    char *name = NULL, *text = NULL;
    const char *by = speaking(q, 0, 1);
    bool own = by && !strcmp(by, r->who);
    us_status st = heard(q, r->who, 0, err, &for_them);
    if (st || !for_them) return st;
    st = us_row_text(q, 3, &name, err);
    if (!st) st = us_row_text(q, 4, &text, err);
    if (!st) st = us_chat_lines_add(r->out, name, text, own, err);
    free(name);
    free(text);
    r->answered = r->answered || !own;
    r->n += r->answered;
    return !st && r->n >= r->wanted ? enough : st;
}

static us_status opening_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    reading *r = ctx;
    us_status st = us_row_text(q, 4, &r->out->opening, err);
    return st || speaking(q, 0, 1) ? st : heard(q, r->who, 0, err, &r->out->scene);
}

/* How many turns stand before `before`. */
static us_status count_turns(us_store *s, const char *chat, int64_t before, int64_t *n, us_error *err) {
    return before ? run(s, read_int, n, err,
                        "SELECT count(*) FROM turns INDEXED BY turns_there WHERE chat = ? AND cut IS NULL AND id < ?", "ti",
                        chat, before)
                  : run(s, read_int, n, err, "SELECT n_turns FROM chats WHERE id = ?", "t", chat);
}

static us_status read_opening(us_store *s, const char *chat, reading *r, us_error *err) {
    int64_t others = 0;
    us_status st = run(s, opening_row, r, err,
                       "SELECT role, character, present, speaker, text FROM turns INDEXED BY turns_there"
                       " WHERE chat = ? AND cut IS NULL ORDER BY id LIMIT 1",
                       "t", chat);
    if (!st && r->out->scene)
        st = run(
            s, read_int, &others, err,
            "SELECT EXISTS (SELECT 1 FROM turns INDEXED BY turns_of_speaker WHERE chat = ?1 AND cut IS NULL AND character < "
            "?2) OR EXISTS (SELECT 1 FROM turns INDEXED BY turns_of_speaker WHERE chat = ?1 AND cut IS NULL AND character > "
            "?2)",
            "tt", chat, r->who);
    r->out->scene = others != 0;
    return st;
}

static void turn_round(us_chat_line *lines, size_t n) {
    for (size_t i = 0; i < n / 2; i++) {
        us_chat_line l = lines[i];
        lines[i] = lines[n - 1 - i];
        lines[n - 1 - i] = l;
    }
}

us_status us_store_get_lines(us_store *s, const char *chat, const char *who, int64_t before, size_t n, us_chat_lines *out,
                             us_error *err) {
    us_chat_lines lines = {0};
    reading r = {.who = who, .wanted = n, .out = &lines};
    int64_t n_turns = 0;
    pthread_mutex_lock(&s->lock);
    us_status st = need_chat(s, chat, err);
    if (!st)
        st = run(s, line_row, &r, err,
                 "SELECT role, character, present, speaker, text FROM turns INDEXED BY turns_there"
                 " WHERE chat = ? AND cut IS NULL AND id < ? ORDER BY id DESC",
                 "ti", chat, before ? before : INT64_MAX);
    if (!st) st = count_turns(s, chat, before, &n_turns, err);
    if (!st && n_turns > (int64_t)lines.n) {
        lines.n_before = (size_t)n_turns - lines.n;
        st = read_opening(s, chat, &r, err);
    }
    pthread_mutex_unlock(&s->lock);
    turn_round(lines.lines, lines.n);
    if (st) us_chat_lines_fini(&lines);
    else *out = lines;
    return st;
}

typedef struct telling {
    const char *who; /* NULL: whoever is told */
    int64_t after;
    us_chat_lines lines;
} telling;

static us_status telling_row(void *ctx, sqlite3_stmt *q, us_error *err) {
    telling *t = ctx;
    char *text = NULL;
    bool for_them = true;
    us_status st = US_OK;
    if (sqlite3_column_int64(q, 3) <= t->after) return US_OK;
    if (t->who) st = heard(q, t->who, 0, err, &for_them);
    if (st || !for_them) return st;
    st = us_row_text(q, 4, &text, err);
    if (!st) st = us_chat_lines_add(&t->lines, "", text, false, err);
    free(text);
    return st;
}

us_status us_store_get_notes(us_store *s, const us_stored_chat *chat, const char *who, int64_t before, us_notes *out,
                             us_error *err) {
    us_notes notes = {0};
    telling t = {.who = who, .after = chat->noted ? chat->notes_after : INT64_MIN};
    us_status st = US_OK;
    for (size_t i = 0; i < chat->notes.n && chat->noted && !st; i++) st = us_notes_add(&notes, chat->notes.items[i], err);
    pthread_mutex_lock(&s->lock);
    if (!st)
        st = run(s, telling_row, &t, err,
                 "SELECT role, character, present, created_ms, text FROM turns INDEXED BY turns_that_tell"
                 " WHERE chat = ? AND cut IS NULL AND tells AND id < ? ORDER BY id DESC LIMIT ?",
                 "tii", chat->id, before ? before : INT64_MAX, (int64_t)MAX_TELLING);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = t.lines.n; i-- > 0 && !st;) st = us_notes_hear(&notes, t.lines.lines[i].text, err);
    us_chat_lines_fini(&t.lines);
    if (st) us_notes_fini(&notes);
    else *out = notes;
    return st;
}

us_status us_store_last_spoke(us_store *s, const char *chat, const char *character, int64_t *turn, us_error *err) {
    *turn = -1;
    pthread_mutex_lock(&s->lock);
    us_status st =
        run(s, read_int, turn, err,
            "SELECT id FROM turns INDEXED BY turns_of_speaker WHERE chat = ? AND character = ? AND cut IS NULL ORDER "
            "BY id DESC LIMIT 1",
            "tt", chat, character);
    pthread_mutex_unlock(&s->lock);
    return st;
}

/* ---- turns ----------------------------------------------------------------------------------------------------- */

/* The first words of a chat are its title until it gets one. */
static us_status entitle(us_store *s, const char *chat, const char *text, us_error *err) {
    char title[64];
    size_t n = strcspn(text, "\r\n");
    bool whole = n < sizeof title - 4;
    if (!whole) n = sizeof title - 4;
    n -= us_utf8_tail(text, n);
    snprintf(title, sizeof title, "%.*s%s", (int)n, text, whole ? "" : "…");
    return run(s, NULL, NULL, err, "UPDATE chats SET title = ? WHERE id = ? AND title = ''", "tt", title, chat);
}

us_status us_store_add_turn(us_store *s, const char *chat, us_stored_turn *t, const int32_t *prompt, size_t n_prompt,
                            us_error *err) {
    t->created_ms = now_ms();
    us_status st = begin(s, err);
    if (!st) st = need_chat(s, chat, err);
    if (!st) st = insert_turn(s, chat, t, prompt, n_prompt, err);
    int64_t id = sqlite3_last_insert_rowid(s->db);
    if (!st) st = count_change(s, chat, 1, err);
    if (!st && !t->own) st = entitle(s, chat, us_turn_text(t), err);
    if (!st) st = touch(s, chat, err);
    st = end(s, st, err);
    if (!st) t->id = id;
    return st;
}

us_status us_store_get_turn(us_store *s, const char *chat, int64_t turn, us_stored_turn *out, us_error *err) {
    us_stored_turn t = {0};
    pthread_mutex_lock(&s->lock);
    us_status st = turn ? need_turn(s, chat, turn, err) : need_chat(s, chat, err);
    if (!st)
        st = run(s, one_turn, &t, err,
                 "SELECT " TURN_COLUMNS " FROM turns INDEXED BY turns_there WHERE chat = ?1 AND cut IS NULL AND id <= ?2"
                 " ORDER BY id DESC LIMIT 1",
                 "ti", chat, turn ? turn : INT64_MAX);
    pthread_mutex_unlock(&s->lock);
    if (!st && !t.id) st = us_fail(err, US_ERR_NOT_FOUND, "there is no turn in this chat yet");
    if (st) us_turn_fini(&t);
    else *out = t;
    return st;
}

us_status us_store_change_turn(us_store *s, const char *chat, const us_stored_turn *t, const int32_t *prompt, size_t n_prompt,
                               us_error *err) {
    us_status st = begin(s, err);
    if (!st) st = need_turn(s, chat, t->id, err);
    if (!st)
        st = run(s, NULL, NULL, err,
                 "UPDATE turns SET text = ?1, chosen = ?2, alternatives = ?3, edited = ?4, n_tokens = ?5, n_cached = ?6, "
                 "seconds = ?7, prompt = coalesce(?8, prompt), tells = ?9 WHERE id = ?10",
                 "tioiiidbii", us_turn_text(t), (int64_t)t->chosen, us_alternatives_encode(t), (int64_t)t->edited,
                 (int64_t)t->n_tokens, (int64_t)t->n_cached, t->seconds, (const void *)prompt, (int)(n_prompt * sizeof *prompt),
                 tells(t), t->id);
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
    if (!st) st = count_change(s, chat, -1, err);
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
    if (!st) st = count_change(s, chat, 1, err);
    if (!st) st = touch(s, chat, err);
    return end(s, st, err);
}
