/* A job is a list of commands of this program, with folders that are renamed and removed when it ends. From a backup, which
 * anybody may have written, only such are taken as the server itself would have made: options that it uses, and no path outside the
 * data folder but the model's, which is read. */
#include "backup/parts.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_JOB = 1 << 20 };

/* ---- from one folder to another ------------------------------------------------------------------------------- */

/* s with every "was/" as "now/". malloc()ed. */
static char *moved(const char *s, const char *was, const char *now) {
    us_buf b;
    us_status st = US_OK;
    size_t n = strlen(was);
    us_buf_init(&b, MAX_JOB);
    for (const char *at; !st && n && (at = strstr(s, was)) && at[n] == '/'; s = at + n) {
        st = us_buf_append(&b, s, (size_t)(at - s), NULL);
        if (!st) st = us_buf_append_str(&b, now, NULL);
    }
    if (!st) st = us_buf_append_str(&b, s, NULL);
    char *out = st ? NULL : us_buf_take(&b, NULL);
    us_buf_fini(&b);
    return out;
}

static json_t *move_all(json_t *j, const char *was, const char *now) {
    const char *key;
    size_t i;
    json_t *x;
    void *next;
    if (json_is_string(j)) {
        char *s = moved(json_string_value(j), was, now);
        json_t *out = s ? json_string(s) : NULL;
        free(s);
        return out ? out : json_null();
    }
    if (json_is_array(j)) {
        json_array_foreach(j, i, x) json_array_set_new(j, i, move_all(x, was, now));
    } else if (json_is_object(j)) {
        json_object_foreach_safe(j, next, key, x) json_object_set_new(j, key, move_all(x, was, now));
    }
    return json_incref(j);
}

/* ---- what may be run ------------------------------------------------------------------------------------------- */

static bool is_inside(const char *path, const char *dir) {
    size_t n = strlen(dir);
    return !strncmp(path, dir, n) && path[n] == '/' && !strstr(path, "/../") &&
           (strlen(path) < 3 || strcmp(path + strlen(path) - 3, "/.."));
}

/* free: any value is harmless; inside: a path in the data folder; alone: no value; log: the next word is {log}. */
typedef enum kind { FREE, INSIDE, ALONE, NEXT, NEXT_INSIDE, NEXT_LOG } kind;
static bool option_is_tame(const char *arg, const char *next, const char *dir, bool *takes_next) {
    static const struct {
        const char *name;
        kind kind;
    } known[] = {{"--character", FREE},
                 {"--model", FREE},
                 {"--persona", FREE},
                 {"--epochs", FREE},
                 {"--lr", FREE},
                 {"--rank", FREE},
                 {"--max-steps", FREE},
                 {"--seed", FREE},
                 {"--eval-every", FREE},
                 {"--off", FREE},
                 {"--exclude", FREE},
                 {"--format", FREE},
                 {"--encoding", FREE},
                 {"--delimiter", FREE},
                 {"--out", INSIDE},
                 {"--about", INSIDE},
                 {"--continue", INSIDE},
                 {"--no-job", ALONE},
                 {"--accept-damage", ALONE},
                 {"--quick", ALONE},
                 {"--speaker-column", NEXT},
                 {"--text-column", NEXT},
                 {"--episode-column", NEXT},
                 {"--season-column", NEXT},
                 {"--scene-column", NEXT},
                 {"--data", NEXT_INSIDE},
                 {"--aliases", NEXT_INSIDE},
                 {"--log", NEXT_LOG},
                 {"--restart", ALONE},
                 {"--resume", ALONE},
                 {"--finish", ALONE}};
    size_t n = strcspn(arg, "="), i = 0, n_known = sizeof known / sizeof *known;
    while (i < n_known && (strlen(known[i].name) != n || strncmp(known[i].name, arg, n))) i++;
    if (i == n_known) return false;
    *takes_next = known[i].kind >= NEXT;
    switch (known[i].kind) {
    case FREE: return arg[n] == '=';
    case INSIDE: return arg[n] == '=' && is_inside(arg + n + 1, dir);
    case ALONE: return !arg[n];
    case NEXT: return !arg[n] && next;
    case NEXT_INSIDE: return !arg[n] && next && is_inside(next, dir);
    case NEXT_LOG: return !arg[n] && next && !strcmp(next, "{log}");
    }
    return false;
}

static bool words_are_tame(const json_t *list, bool command, const char *dir) {
    static const char *const commands[] = {"train", "explore", "audition"};
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(list, i)), *next = json_string_value(json_array_get(list, i + 1));
        bool known = false, skip = false;
        if (!s) return false;
        for (size_t c = 0; command && !i && c < sizeof commands / sizeof *commands; c++)
            known = known || !strcmp(s, commands[c]);
        if (!known && *s == '-') known = option_is_tame(s, next, dir, &skip);
        else if (!known && i) known = is_inside(s, dir);
        if (!known) return false;
        i += skip;
    }
    return !command || n > 0;
}

static bool paths_are_inside(const json_t *list, const char *dir) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (!s || !is_inside(s, dir)) return false;
    }
    return true;
}

static bool publishes_inside(const json_t *p, const char *dir) {
    const char *aside = us_json_text(p, "aside");
    return !p || (is_inside(us_json_text(p, "from"), dir) && is_inside(us_json_text(p, "to"), dir) &&
                  (!*aside || is_inside(aside, dir)));
}

static bool is_tame(const json_t *o, const char *dir) {
    const json_t *steps = json_object_get(o, "steps"), *s;
    if (!publishes_inside(json_object_get(o, "publish"), dir)) return false;
    if (json_object_get(o, "folder") || json_object_get(o, "log") || !json_array_size(steps)) return false;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        s = json_array_get(steps, i);
        if (!words_are_tame(json_object_get(s, "argv"), true, dir) ||
            !words_are_tame(json_object_get(s, "fresh"), false, dir) ||
            !words_are_tame(json_object_get(s, "again"), false, dir) ||
            !words_are_tame(json_object_get(s, "ending"), false, dir) ||
            (*us_json_text(s, "mark") && !is_inside(us_json_text(s, "mark"), dir)) ||
            !publishes_inside(json_object_get(s, "publish"), dir))
            return false;
    }
    return paths_are_inside(json_object_get(o, "clean"), dir);
}

us_status us_backup_tame_job(const char *path, const char *was, const char *now, bool *disarmed, us_error *err) {
    json_t *read, *o;
    us_status st = us_json_read_plain(path, MAX_JOB, &read, err);
    if (st) return st;
    o = move_all(read, was, now);
    json_decref(read);
    const char *state = us_json_text(o, "state");
    bool ended = !strcmp(state, "done") || !strcmp(state, "cancelled"), tame = json_is_object(o) && is_tame(o, now);
    if (!json_is_object(o)) st = us_fail(err, US_ERR_FORMAT, "%s: a job is expected", path);
    *disarmed = !st && !tame && !ended;
    if (!st && !tame) {
        json_object_del(o, "publish");
        json_object_del(o, "clean");
        json_object_set_new(o, "steps", json_pack("[{s:[s]}]", "argv", "none"));
    }
    if (!st && !ended) json_object_set_new(o, "state", json_string(tame ? "paused" : "failed"));
    if (*disarmed)
        json_object_set_new(
            o, "error",
            json_string("it came from a backup and would reach outside the data folder: begin it again from its script"));
    if (!st) {
        json_object_set_new(o, "wanted", json_string(""));
        json_object_del(o, "pid");
        json_object_del(o, "cleaning");
        json_object_del(o, "folder");
        json_object_del(o, "log");
    }
    char *text = st ? NULL : json_dumps(o, JSON_INDENT(1));
    if (!st) st = text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    json_decref(o);
    return st;
}
