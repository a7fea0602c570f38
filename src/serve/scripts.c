/* Scripts that visitors brought: SCRIPTS/ID/script.EXT, as it was sent, and meta.json: its name, and how it is to be read.
 * What is in it is found by children ('understudy doctor', 'understudy explore') and kept beside it. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "jobs/child.h"
#include "serve/params.h"
#include "serve/studio.h"
#include "text/hash.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FACTS = 8 << 20, MAX_META = 1 << 20, MAX_RULES = 16, MAX_EXCLUDED = 40, MAX_ASKING = 16 };
#define META_FLAGS JSON_INDENT(1)

/* ---- arguments -------------------------------------------------------------------------------------------------- */

void us_args_add(us_args *a, const char *arg) {
    if (a->n < US_MAX_ARGS) a->argv[a->n++] = arg;
    else a->over = true;
    a->argv[a->n] = NULL;
}

void us_args_addf(us_args *a, const char *fmt, ...) {
    char *s = NULL;
    va_list ap;
    va_start(ap, fmt);
    if (a->n_owned >= US_MAX_ARGS || vasprintf(&s, fmt, ap) < 0) a->over = true;
    else us_args_add(a, a->owned[a->n_owned++] = s);
    va_end(ap);
}

void us_args_free(us_args *a) {
    for (size_t i = 0; i < a->n_owned; i++) free(a->owned[i]);
    *a = (us_args){0};
}

/* One child at a time, and few who wait for theirs. */
static us_status wait_for_turn(us_server *s, us_error *err) {
    us_studio *t = s->studio;
    us_status st = US_OK;
    pthread_mutex_lock(&s->lock);
    if (t->n_asking >= MAX_ASKING)
        st = us_because(us_fail(err, US_ERR_LIMIT, "too much is being looked up at once: try again in a moment"), "queue_full",
                        err);
    else {
        t->n_asking++;
        while (t->child && !s->ending) us_cond_wait(&s->freed, &s->lock, us_now_ns() + 250000000);
        if (s->ending) t->n_asking--, st = us_fail(err, US_ERR_INTERRUPTED, "the server is ending");
        else t->child = true;
    }
    pthread_mutex_unlock(&s->lock);
    return st;
}

static void end_turn(us_server *s) {
    pthread_mutex_lock(&s->lock);
    s->studio->n_asking--;
    s->studio->child = false;
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

/* Whether a child's last words are the system's of a disk: such a failure is none of what was asked. */
static bool blames_disk(const char *said) {
    static const int why[] = {ENOSPC, EDQUOT, EROFS, EIO};
    for (size_t i = 0; i < sizeof why / sizeof *why; i++)
        if (strstr(said, strerror(why[i]))) return true;
    return false;
}

us_status us_studio_ask(us_server *s, us_args *a, const char *folder, double seconds, json_t **out, us_error *err) {
    char *text = NULL, said[512] = "";
    size_t n;
    int code;
    json_error_t where;
    if (a->over) return us_fail(err, US_ERR_LIMIT, "too many options");
    us_error why;
    us_status st = wait_for_turn(s, err);
    if (st) return st;
    st = us_child_run(a->argv, folder, seconds, MAX_FACTS, &s->ending, &text, &n, &code, said, &why);
    end_turn(s);
    if (st) return us_fail(err, st, "%s", s->ending ? "the server is ending" : why.message);
    const char *words = strstr(said, ": ");
    words = !strncmp(said, "understudy ", 11) && words ? words + 2 : said;
    char *own = us_path_join(s->studio->scripts, ""); /* a visitor need not know where that is */
    for (char *at; own && *own && (at = strstr(said, own));) {
        size_t skip = strlen(own) + US_SCRIPT_ID;
        if (skip > strlen(at)) skip = strlen(at);
        memmove(at, at + skip, strlen(at + skip) + 1);
    }
    free(own);
    if (code >= 128) /* by a signal */
        st = us_fail(err, US_ERR_INTERRUPTED, "the program that reads it was ended (signal %d): was there too little memory?",
                     code - 128);
    else if (code)
        st = us_fail(err, blames_disk(words) ? US_ERR_IO : US_ERR_ARGUMENT, "%s",
                     *words ? words : "the program ended without a word");
    else if (out && !(*out = us_json_parse(text, n, &where))) st = us_fail(err, US_ERR_FORMAT, "%s", where.text);
    free(text);
    return st;
}

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static bool id_is_good(const char *id) {
    return strlen(id) == US_SCRIPT_ID - 1 && strspn(id, "abcdefghijkmnpqrstuvwxyz23456789") == US_SCRIPT_ID - 1;
}

static void new_id(char out[US_SCRIPT_ID]) {
    static const char digits[] = "abcdefghijkmnpqrstuvwxyz23456789";
    unsigned char r[US_SCRIPT_ID - 1] = {0};
    while (getrandom(r, sizeof r, 0) != sizeof r) continue;
    for (size_t i = 0; i < sizeof r; i++) out[i] = digits[r[i] & 31];
    out[sizeof r] = 0;
}

char *us_script_path(us_server *s, const char *id, const char *name) {
    char *folder = id_is_good(id) ? us_path_join(s->studio->scripts, id) : NULL,
         *path = folder && name ? us_path_join(folder, name) : NULL;
    if (!name) return folder;
    free(folder);
    return path;
}

static us_status check_strings(const json_t *options, const char *key, size_t most, us_error *err) {
    const json_t *list = json_object_get(options, key), *x;
    size_t i;
    if (!list) return US_OK;
    bool good = json_is_array(list) && json_array_size(list) <= most;
    if (good)
        json_array_foreach((json_t *)(uintptr_t)list, i, x) good = good && json_is_string(x) && json_string_length(x) <= 200;
    return good ? US_OK : us_fail(err, US_ERR_ARGUMENT, "%s: at most %zu names are expected", key, most);
}

static us_status check_options(const json_t *o, us_error *err) {
    const char *key, *sub;
    json_t *v, *x;
    size_t i;
    us_status st = US_OK;
    json_object_foreach((json_t *)(uintptr_t)o, key, v) {
        if (!strcmp(key, "columns")) {
            if (!json_is_object(v)) return us_fail(err, US_ERR_ARGUMENT, "columns: an object is expected");
            json_object_foreach(v, sub, x)
                if (!json_is_string(x) || json_string_length(x) > 200)
                    return us_fail(err, US_ERR_ARGUMENT, "columns: '%.40s': a name is expected", sub);
        } else if (!strcmp(key, "off")) st = check_strings(o, "off", MAX_RULES, err);
        else if (!strcmp(key, "exclude")) st = check_strings(o, "exclude", MAX_EXCLUDED, err);
        else if (!strcmp(key, "delimiter") || !strcmp(key, "format") || !strcmp(key, "encoding")) {
            if (!json_is_string(v) || json_string_length(v) > 40)
                return us_fail(err, US_ERR_ARGUMENT, "%s: a short string is expected", key);
        } else if (!strcmp(key, "accept_damage")) {
            if (!json_is_boolean(v)) return us_fail(err, US_ERR_ARGUMENT, "accept_damage: true or false is expected");
        } else if (!strcmp(key, "aliases")) {
            if (!json_is_object(v) || json_object_size(v) > 500)
                return us_fail(err, US_ERR_ARGUMENT, "aliases: an object of names is expected");
            json_object_foreach(v, sub, x) {
                json_t *name;
                if (!json_is_array(x)) return us_fail(err, US_ERR_ARGUMENT, "aliases: '%.40s': names are expected", sub);
                json_array_foreach(x, i, name)
                    if (!json_is_string(name))
                        return us_fail(err, US_ERR_ARGUMENT, "aliases: '%.40s': names are expected", sub);
            }
        } else return us_fail(err, US_ERR_ARGUMENT, "%s: there is no such option", key);
        if (st) return st;
    }
    return US_OK;
}

/* NOT_FOUND: there is no such script. Another error: there is, and its meta.json is none of ours (of a backup, say). */
static us_status read_script(us_server *s, const char *id, json_t **out, us_error *err) {
    char *path = us_script_path(s, id, "meta.json"), *folder = us_script_path(s, id, NULL);
    us_error why;
    *out = NULL;
    us_status st = folder && us_file_exists(folder) ? us_json_read_plain(path, MAX_META, out, &why)
                                                    : us_fail(&why, US_ERR_NOT_FOUND, "there is no such script");
    if (st == US_ERR_NOT_FOUND && folder && us_file_exists(folder)) st = US_ERR_FORMAT;
    const char *file = us_json_text(*out, "file");
    if (!st && (!*file || strchr(file, '/') || !strncmp(file, "..", 2)))
        st = us_fail(&why, US_ERR_FORMAT, "meta.json: it names no file of the script's folder");
    if (!st && !json_is_object(json_object_get(*out, "options")))
        st = us_fail(&why, US_ERR_FORMAT, "meta.json: options: an object is expected");
    if (!st && check_options(json_object_get(*out, "options"), &why)) st = US_ERR_FORMAT;
    if (st == US_ERR_NOT_FOUND || st == US_ERR_MEMORY) us_fail(err, st, "%s", why.message);
    else if (st)
        us_fail(err, st, "what is kept of this script cannot be read: delete it, and bring the script again (%s)", why.message);
    if (st) json_decref(*out), *out = NULL;
    free(path);
    free(folder);
    return st;
}

static us_status write_meta(const char *folder, const json_t *o, us_error *err) {
    char *path = us_path_join(folder, "meta.json"), *text = json_dumps(o, META_FLAGS);
    us_status st =
        path && text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    free(text);
    return st;
}

static us_status write_script(us_server *s, const char *id, const json_t *o, us_error *err) {
    char *folder = us_script_path(s, id, NULL);
    us_status st = folder ? write_meta(folder, o, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(folder);
    return st;
}

/* How many scripts there are, and what they take on the disk. */
static size_t count_scripts(us_server *s, uint64_t *bytes) {
    size_t n = 0;
    DIR *d = opendir(s->studio->scripts);
    *bytes = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char *folder = us_script_path(s, e->d_name, NULL);
        if (folder) *bytes += us_storage_bytes(folder), n++;
        free(folder);
    }
    if (d) closedir(d);
    return n;
}

/* ---- POST /api/scripts: the bytes as they come --------------------------------------------------------------------- */

/* A script that comes lies in SCRIPTS/.ID, and becomes SCRIPTS/ID when it is whole. */
void us_scripts_forget_half(const char *scripts) {
    DIR *d = opendir(scripts);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] != '.' || !id_is_good(e->d_name + 1)) continue;
        char *path = us_path_join(scripts, e->d_name);
        if (path) us_dir_remove(path);
        free(path);
    }
    if (d) closedir(d);
}

typedef struct upload {
    us_server *s;
    int fd;
    uint64_t n, room; /* room: kept free for it in the quota */
    char id[US_SCRIPT_ID], *folder, *path, file[24], name[128];
    bool done;
    us_sha256 sha;
} upload;

/* So many bytes more, or less, are kept free for what comes; what was kept before, in *n scripts. */
static uint64_t keep_free(us_server *s, int64_t bytes, int by, size_t *n) {
    pthread_mutex_lock(&s->lock);
    uint64_t before = s->studio->coming;
    *n = s->studio->n_coming;
    s->studio->coming += (uint64_t)bytes;
    s->studio->n_coming += (size_t)by;
    pthread_mutex_unlock(&s->lock);
    return before;
}

static void free_upload(void *ctx) {
    upload *u = ctx;
    if (u->fd >= 0) close(u->fd);
    if (!u->done && u->folder) us_dir_remove(u->folder); /* half a script is none */
    size_t n;
    if (u->room) keep_free(u->s, -(int64_t)u->room, -1, &n);
    free(u->folder);
    free(u->path);
    free(u);
}

/* What the file was called there, without folders and control characters; its ending is kept, for readers go by it. */
static void take_name(us_request *r, upload *u) {
    const char *given = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "name"), *slash;
    if (!given || !*given) given = "script.csv";
    if ((slash = strrchr(given, '/'))) given = slash + 1;
    if ((slash = strrchr(given, '\\'))) given = slash + 1;
    snprintf(u->name, sizeof u->name, "%s", given);
    for (char *p = u->name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) *p = '_';
    json_t *valid = json_string(u->name); /* cut within a character, or none of UTF-8 */
    for (size_t n = strlen(u->name); !valid && n; valid = json_string(u->name)) u->name[--n] = 0;
    json_decref(valid);
    if (!*u->name) snprintf(u->name, sizeof u->name, "script.csv");
    const char *dot = strrchr(u->name, '.');
    char ending[10] = ".txt";
    if (dot && strlen(dot) < sizeof ending && dot[1] &&
        strspn(dot + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == strlen(dot + 1))
        snprintf(ending, sizeof ending, "%s", dot);
    snprintf(u->file, sizeof u->file, "script%s", ending);
}

/* So much of the quota as it may need is kept for it: all that come at once fit together. First it is kept, then it is looked whether it
 * was there: one that ends meanwhile counts twice rather than never. */
static us_status keep_room(us_request *r, upload *u, us_error *err) {
    us_server *s = r->s;
    const char *length = MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, "Content-Length");
    uint64_t used, quota = (uint64_t)US_SCRIPTS_QUOTA_MIB << 20, wanted = length ? strtoull(length, NULL, 10) : US_MAX_SCRIPT;
    size_t n_coming, n_now;
    if (wanted > US_MAX_SCRIPT)
        return us_because(us_fail(err, US_ERR_LIMIT, "a script may take %d MiB here", US_MAX_SCRIPT >> 20), "too_large", err);
    uint64_t coming = keep_free(s, (int64_t)wanted, 1, &n_coming);
    size_t n = count_scripts(s, &used);
    used += coming;
    bool fits = wanted && n + n_coming < US_MAX_SCRIPTS && used < quota && (wanted <= quota - used || !length);
    u->room = !fits ? 0 : wanted < quota - used ? wanted : quota - used;
    keep_free(s, (int64_t)u->room - (int64_t)wanted, fits ? 0 : -1, &n_now);
    return fits ? US_OK
                : us_because(us_fail(err, US_ERR_LIMIT,
                                     "the scripts kept here fill their quota (%d scripts, %d MiB): delete some first",
                                     US_MAX_SCRIPTS, US_SCRIPTS_QUOTA_MIB),
                             "quota", err);
}

static us_status begin_upload(us_request *r, us_error *err) {
    us_server *s = r->s;
    upload *u = calloc(1, sizeof *u);
    if (!u) return us_fail(err, US_ERR_MEMORY, "out of memory");
    u->s = s;
    u->fd = -1;
    r->work = u;
    r->free_work = free_upload;
    us_status st = keep_room(r, u, err);
    if (st) return st;
    take_name(r, u);
    new_id(u->id);
    us_sha256_init(&u->sha);
    char half[US_SCRIPT_ID + 1];
    snprintf(half, sizeof half, ".%s", u->id);
    u->folder = us_path_join(s->studio->scripts, half);
    st = u->folder ? us_dir_make_private(u->folder, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && !(u->path = us_path_join(u->folder, u->file))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && (u->fd = open(u->path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)) < 0)
        st = us_fail(err, US_ERR_IO, "cannot keep the script: %s", strerror(errno));
    return st;
}

us_status us_script_take(us_request *r, const char *data, size_t n, us_error *err) {
    us_status st = r->work ? US_OK : begin_upload(r, err);
    upload *u = r->work;
    if (st) return st;
    if ((u->n += n) > u->room)
        return us_because(us_fail(err, US_ERR_LIMIT, "a script may take %llu MiB here", (unsigned long long)(u->room >> 20)),
                          "too_large", err);
    us_sha256_update(&u->sha, data, n);
    while (n) {
        ssize_t k = write(u->fd, data, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return us_fail(err, US_ERR_IO, "cannot keep the script: %s", strerror(errno));
        data += k;
        n -= (size_t)k;
    }
    return US_OK;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum MHD_Result us_route_script_add(us_request *r) {
    upload *u = r->work;
    us_error err;
    char hex[65];
    unsigned char sum[32];
    if (!u || !u->n) return us_refuse(r, 400, "the body is the script itself, and it is empty");
    us_status st = fsync(u->fd) ? us_fail(&err, US_ERR_IO, "cannot keep the script: %s", strerror(errno)) : US_OK;
    us_sha256_final(&u->sha, sum);
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:I, s:{}}", "name", u->name, "file", u->file, "bytes", (json_int_t)u->n,
                          "sha256", hex, "created_ms", (json_int_t)now_ms(), "options");
    char *folder = us_script_path(r->s, u->id, NULL);
    if (!st) st = folder ? write_meta(u->folder, o, &err) : us_fail(&err, US_ERR_MEMORY, "out of memory");
    if (!st && rename(u->folder, folder)) st = us_fail(&err, US_ERR_IO, "cannot keep the script: %s", strerror(errno));
    free(folder);
    u->done = !st;
    json_object_set_new(o, "id", json_string(u->id));
    if (!st) return us_answer_json(r, 201, o);
    json_decref(o);
    return us_refuse_error(r, st, &err);
}

/* ---- how it is read ------------------------------------------------------------------------------------------------ */

us_status us_script_args(us_server *s, const char *id, us_args *a, char name[128], uint64_t *version, us_error *err) {
    static const char *const columns[] = {"speaker", "text", "episode", "season", "scene"};
    json_t *o = NULL, *x;
    size_t i;
    us_status st = read_script(s, id, &o, err);
    if (st) return st;
    const json_t *options = json_object_get(o, "options");
    char *path = us_script_path(s, id, us_json_text(o, "file")), *aliases = us_script_path(s, id, "aliases.json");
    us_args_addf(a, "%s", path ? path : "");
    for (i = 0; i < sizeof columns / sizeof *columns; i++) {
        const char *column = us_json_text(json_object_get(options, "columns"), columns[i]);
        if (*column) us_args_addf(a, "--%s-column", columns[i]), us_args_addf(a, "%s", column);
    }
    json_array_foreach(json_object_get(options, "off"), i, x) us_args_addf(a, "--off=%s", json_string_value(x));
    json_array_foreach(json_object_get(options, "exclude"), i, x) us_args_addf(a, "--exclude=%s", json_string_value(x));
    if (json_is_true(json_object_get(options, "accept_damage"))) us_args_add(a, "--accept-damage");
    if (*us_json_text(options, "format")) us_args_addf(a, "--format=%s", us_json_text(options, "format"));
    if (*us_json_text(options, "encoding")) us_args_addf(a, "--encoding=%s", us_json_text(options, "encoding"));
    if (*us_json_text(options, "delimiter")) us_args_addf(a, "--delimiter=%s", us_json_text(options, "delimiter"));
    if (json_object_size(json_object_get(options, "aliases")))
        us_args_add(a, "--aliases"), us_args_addf(a, "%s", aliases ? aliases : "");
    if (name) snprintf(name, 128, "%s", us_json_text(o, "name"));
    char *text = json_dumps(options, JSON_COMPACT | JSON_SORT_KEYS);
    if (version) *version = us_hash_text(0, text ? text : "");
    free(text);
    free(path);
    free(aliases);
    json_decref(o);
    return a->over ? us_fail(err, US_ERR_LIMIT, "too many options") : US_OK;
}

/* The findings of the doctor, from the file beside the script when they are of these options. */
static us_status findings(us_server *s, const char *id, json_t **out, us_error *err) {
    us_args a = {0};
    uint64_t version;
    char file[40];
    us_args_add(&a, s->o.program);
    us_args_add(&a, "doctor");
    us_status st = us_script_args(s, id, &a, NULL, &version, err);
    us_args_add(&a, "--summary");
    snprintf(file, sizeof file, "found-%016llx.json", (unsigned long long)version);
    char *path = st ? NULL : us_script_path(s, id, file);
    if (!st && path && us_file_exists(path) && !us_json_read_plain(path, MAX_FACTS, out, NULL)) st = US_OK;
    else if (!st && !(st = us_studio_ask(s, &a, NULL, 120, out, err))) {
        char *text = json_dumps(*out, JSON_COMPACT);
        if (text && path && us_file_write_atomic(path, text, strlen(text), NULL)) us_log(s, "%s: cannot be kept", path);
        free(text);
    }
    free(path);
    us_args_free(&a);
    return st;
}

/* The script as its owner calls it, not as its file is called here. */
static json_t *in_its_name(const us_server *s, const json_t *script, const char *said) {
    const char *file = us_json_text(script, "file"), *name = us_json_text(script, "name");
    json_t *whole = us_public_json(s, said);
    const char *text = json_string_value(whole);
    if (!text || !*name || strncmp(text, file, strlen(file))) return whole;
    json_t *named = json_sprintf("%s%s", name, text + strlen(file));
    json_decref(whole);
    return named;
}

enum MHD_Result us_route_script(us_request *r) {
    json_t *o, *found = NULL;
    us_error err;
    us_status st = read_script(r->s, r->args[0], &o, &err);
    if (st) return us_refuse_error(r, st, &err);
    json_object_set_new(o, "id", json_string(r->args[0]));
    if (findings(r->s, r->args[0], &found, &err)) json_object_set_new(o, "error", in_its_name(r->s, o, err.message));
    else json_object_set_new(o, "found", found);
    return us_answer_json(r, 200, o);
}

/* What is listed in the place of a script that cannot be read, so that somebody can delete it. */
static json_t *broken_script(const us_server *s, const char *folder, const char *id, const us_error *why) {
    struct stat sb;
    json_int_t ms = lstat(folder, &sb) ? 0 : (json_int_t)sb.st_mtime * 1000;
    return json_pack("{s:s, s:I, s:b, s:o, s:{}}", "name", id, "created_ms", ms, "broken", 1, "error",
                     us_public_json(s, why->message), "options");
}

enum MHD_Result us_route_scripts(us_request *r) {
    json_t *list = json_array(), *o;
    us_error err;
    DIR *d = opendir(r->s->studio->scripts);
    for (struct dirent *e; d && (e = readdir(d));) {
        char *folder = id_is_good(e->d_name) ? us_script_path(r->s, e->d_name, NULL) : NULL;
        us_status st = folder ? read_script(r->s, e->d_name, &o, &err) : US_ERR_NOT_FOUND;
        if (st == US_ERR_FORMAT || st == US_ERR_IO || st == US_ERR_LIMIT)
            o = broken_script(r->s, folder, e->d_name, &err), st = US_OK;
        if (!st) {
            json_object_set_new(o, "id", json_string(e->d_name));
            json_object_set_new(o, "disk_bytes", json_integer((json_int_t)us_storage_bytes(folder)));
            json_array_append_new(list, o);
        }
        free(folder);
    }
    if (d) closedir(d);
    return us_answer_json(r, 200,
                          json_pack("{s:o, s:I}", "scripts", list, "quota_bytes", (json_int_t)US_SCRIPTS_QUOTA_MIB << 20));
}

/* {"name"?, "options"?}: the options as a whole. */
enum MHD_Result us_route_script_change(us_request *r) {
    json_t *o, *options = json_object_get(r->json, "options");
    const char *name = NULL;
    us_error err;
    if (!r->json) return us_refuse(r, 400, "a JSON object is expected");
    pthread_mutex_lock(&r->s->studio->changing);
    us_status st = read_script(r->s, r->args[0], &o, &err);
    if (!st) st = us_param_text(r->json, "name", 0, 120, &name, &err);
    if (!st && name && !*name) st = us_fail(&err, US_ERR_ARGUMENT, "name: it is empty");
    if (!st && options && !json_is_object(options)) st = us_fail(&err, US_ERR_ARGUMENT, "options: an object is expected");
    if (!st && options) st = check_options(options, &err);
    if (!st && name) json_object_set_new(o, "name", json_string(name));
    if (!st && options) json_object_set(o, "options", options);
    if (!st && json_dumpb(o, NULL, 0, META_FLAGS) > MAX_META) /* what we write we can read */
        st = us_because(us_fail(&err, US_ERR_LIMIT, "options: written down they take more than %d MiB", MAX_META >> 20),
                        "too_large", &err);
    if (!st && options) {
        char *path = us_script_path(r->s, r->args[0], "aliases.json"),
             *text = json_dumps(json_object_get(options, "aliases"), 0);
        if (text)
            st = path ? us_file_write_atomic(path, text, strlen(text), &err) : us_fail(&err, US_ERR_MEMORY, "out of memory");
        free(text);
        free(path);
    }
    if (!st) st = write_script(r->s, r->args[0], o, &err);
    pthread_mutex_unlock(&r->s->studio->changing);
    json_decref(o);
    if (!st && options) us_storage_forget_caches(r->s, r->args[0]); /* of how it was read before */
    return st ? us_refuse_error(r, st, &err) : us_route_script(r);
}

enum MHD_Result us_route_script_delete(us_request *r) {
    char half[US_SCRIPT_ID + 1], *folder = us_script_path(r->s, r->args[0], NULL), *aside = NULL;
    pthread_mutex_lock(&r->s->studio->changing);
    bool there = folder && us_file_exists(folder);
    snprintf(half, sizeof half, ".%.12s", r->args[0]);
    if (there && (aside = us_path_join(r->s->studio->scripts, half)) && !rename(folder, aside))
        us_dir_remove(aside); /* at once */
    else if (there) us_dir_remove(folder);
    pthread_mutex_unlock(&r->s->studio->changing);
    free(folder);
    free(aside);
    return there ? us_answer_json(r, 200, json_pack("{s:b}", "deleted", 1)) : us_refuse(r, 404, "there is no such script");
}

/* ---- exploring ----------------------------------------------------------------------------------------------------- */

/* A child whose script was deleted meanwhile has made its folder anew. */
static bool forget_ghost(us_server *s, const char *id) {
    char *folder = us_script_path(s, id, NULL), *meta = us_script_path(s, id, "meta.json");
    bool ghost = folder && meta && !us_file_exists(meta);
    if (ghost) us_dir_remove(folder);
    free(folder);
    free(meta);
    return ghost;
}

/* The report's folder of a character (of the one with most lines, without a name), which is made when there is none.
 * malloc()ed. */
static us_status explored(us_request *r, char **folder, us_error *err) {
    us_args a = {0};
    uint64_t version;
    char file[40];
    const char *who = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "character");
    us_args_add(&a, r->s->o.program);
    us_args_add(&a, "explore");
    us_status st = us_script_args(r->s, r->args[0], &a, NULL, &version, err);
    if (st) return us_args_free(&a), st;
    if (who && *who) us_args_addf(&a, "--character=%s", who);
    snprintf(file, sizeof file, "explore-%016llx", (unsigned long long)us_hash_text(version, who ? who : ""));
    char *path = us_script_path(r->s, r->args[0], file), *report = path ? us_path_join(path, "report.json") : NULL;
    if (!report) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    else if (!us_file_exists(report)) {
        us_storage_limit_caches(r->s, r->args[0]); /* a name may be spelled in any number of ways */
        us_args_addf(&a, "--out=%s", path);
        st = us_studio_ask(r->s, &a, NULL, 180, NULL, err);
        if (forget_ghost(r->s, r->args[0])) st = us_fail(err, US_ERR_NOT_FOUND, "there is no such script");
    }
    free(report);
    us_args_free(&a);
    if (st) free(path);
    else *folder = path;
    return st;
}

enum MHD_Result us_route_script_explore(us_request *r) {
    char *folder;
    us_error err;
    json_t *o = NULL;
    us_status st = explored(r, &folder, &err);
    if (st) return us_refuse_error(r, st, &err);
    char *path = us_path_join(folder, "report.json");
    pthread_mutex_lock(&r->s->large);
    st = path ? us_json_read_plain(path, MAX_FACTS, &o, &err) : us_fail(&err, US_ERR_MEMORY, "out of memory");
    enum MHD_Result rc = st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, o);
    pthread_mutex_unlock(&r->s->large);
    free(path);
    free(folder);
    return rc;
}

/* The lines behind a phrase: {lines: [{text, before_speaker?, before?}]} */
enum MHD_Result us_route_script_lines(us_request *r) {
    us_args a = {0};
    us_error err;
    json_t *o = NULL;
    const char *who = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "character"),
               *text = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "text");
    if (!who || !text || !*text || strlen(text) > 400) return us_refuse(r, 400, "text: character and text are expected");
    us_args_add(&a, r->s->o.program);
    us_args_add(&a, "explore");
    us_status st = us_script_args(r->s, r->args[0], &a, NULL, NULL, &err);
    us_args_addf(&a, "--character=%s", who);
    us_args_addf(&a, "--find=%s", text);
    if (!st) st = us_studio_ask(r->s, &a, NULL, 60, &o, &err);
    us_args_free(&a);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, o);
}

enum MHD_Result us_route_script_file(us_request *r) {
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".svg", "image/svg+xml"}, {".png", "image/png"}, {".json", "application/json"}, {".html", "text/html; charset=utf-8"}};
    const char *dot = strrchr(r->args[1], '.'), *type = NULL;
    char *folder;
    us_error err;
    for (size_t i = 0; dot && r->args[1][0] != '.' && i < sizeof types / sizeof *types; i++)
        if (!strcmp(dot, types[i].ending)) type = types[i].type;
    if (!type) return us_refuse(r, 404, "there is no such file");
    us_status st = explored(r, &folder, &err);
    if (st) return us_refuse_error(r, st, &err);
    char *path = us_path_join(folder, r->args[1]);
    enum MHD_Result rc =
        path ? us_answer_file(r, type, path, !strcmp(dot, ".html") ? r->args[1] : NULL) : us_refuse(r, 500, "out of memory");
    free(path);
    free(folder);
    return rc;
}
