/* The folder of jobs: how each stands, what may be asked of it, who is next. What the commands do is theirs; this file knows
 * that they are child processes, that they tell in log.jsonl how far they are, and that they answer SIGTERM by keeping what
 * they have.
 *
 * job.json is changed under the lock file of the folder, by whichever process; a running child is told by SIGTERM. */
#include "understudy/jobs.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "jobs/child.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_STEPS = 24,
    MAX_ARGV = 120,
    MAX_JSON = 1 << 20,
    HOLD_MS = 700,
    ANSWER_MS = 10000
}; /* a command answers within two seconds by itself; this is for one that hangs */

struct us_jobs {
    char *folder, *program, *lock_path;
    int supervisor; /* the locked file, or -1 */
    pthread_mutex_t lock;
    char running[US_JOBS_ID]; /* what we started, "" when nothing */
    atomic_int pid, held;
    atomic_bool stopped;
    bool closing;
    atomic_llong released_ns; /* when the last hold ended */
    int64_t told_ns;          /* when the running one was asked to end; 0: it was not */
    bool ended, exited;       /* the running one has, by itself or by a signal, and it does not stand in its job.json yet */
    bool full;                /* the disk was, then: words that found no room leave no other trace */
    int code;
    int own_alive; /* of us_jobs_enter */
};

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is(const json_t *o, const char *key, const char *value) { return !strcmp(us_json_text(o, key), value); }
static void set(json_t *o, const char *key, const char *value) { json_object_set_new(o, key, json_string(value)); }
static void set_now(json_t *o, const char *key) { json_object_set_new(o, key, json_integer(now_ms())); }

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static bool id_is_good(const char *id) {
    return strlen(id) == US_JOBS_ID - 1 && strspn(id, "0123456789abcdef") == US_JOBS_ID - 1;
}

static char *path_of(const us_jobs *j, const char *id, const char *name) {
    char *folder = us_path_join(j->folder, id), *path = folder ? us_path_join(folder, name) : NULL;
    free(folder);
    return path;
}

/* The lock of the whole folder, for a moment. */
static int lock_folder(us_jobs *j) {
    int fd = open(j->lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        while (flock(fd, LOCK_EX) && errno == EINTR) continue;
    pthread_mutex_lock(&j->lock);
    return fd;
}
static void unlock_folder(us_jobs *j, int fd) {
    pthread_mutex_unlock(&j->lock);
    if (fd >= 0) close(fd);
}

/* ---- job.json ---------------------------------------------------------------------------------------------------- */

static bool strings(const json_t *list, size_t least) {
    size_t i;
    const json_t *x;
    if (!list) return !least;
    if (!json_is_array(list) || json_array_size(list) < least || json_array_size(list) > MAX_ARGV) return false;
    json_array_foreach((json_t *)(uintptr_t)list, i, x)
        if (!json_is_string(x)) return false;
    return true;
}

static us_status check(const json_t *o, us_error *err) {
    const json_t *steps = json_object_get(o, "steps"), *s;
    size_t i;
    bool good = json_is_object(o) && json_is_array(steps) && json_array_size(steps) && json_array_size(steps) <= MAX_STEPS &&
                strings(json_object_get(o, "clean"), 0);
    if (good)
        json_array_foreach((json_t *)(uintptr_t)steps, i, s)
            good = good && strings(json_object_get(s, "argv"), 1) && strings(json_object_get(s, "fresh"), 0) &&
                   strings(json_object_get(s, "again"), 0) && strings(json_object_get(s, "ending"), 0);
    return good ? US_OK : us_fail(err, US_ERR_FORMAT, "a job needs one to %d steps with argv", MAX_STEPS);
}

/* How it stands, where it is: what we wrote beside what us_jobs_add was given. */
static us_status check_standing(const json_t *o, us_error *err) {
    static const char *const states[] = {"queued", "running", "paused", "interrupted", "done", "failed", "cancelled"};
    const json_t *at = json_object_get(o, "at");
    size_t i = 0;
    us_status st = check(o, err);
    if (st) return st;
    while (i < sizeof states / sizeof *states && !is(o, "state", states[i])) i++;
    if (i == sizeof states / sizeof *states)
        return us_fail(err, US_ERR_FORMAT, "a job has no state '%.40s'", us_json_text(o, "state"));
    if (!json_is_integer(at) || json_integer_value(at) < 0 ||
        json_integer_value(at) > (json_int_t)json_array_size(json_object_get(o, "steps")))
        return us_fail(err, US_ERR_FORMAT, "at: the number of one of its steps is expected");
    return US_OK;
}

/* NOT_FOUND: there is no such folder. FORMAT, IO: there is, and what it holds is no job. */
static us_status read_job(const us_jobs *j, const char *id, json_t **out, us_error *err) {
    char *path = path_of(j, id, "job.json"), *folder = us_path_join(j->folder, id);
    unsigned failures = us_memory_failures();
    *out = NULL;
    us_status st = path && folder ? us_json_read_plain(path, MAX_JSON, out, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (st == US_ERR_NOT_FOUND && us_file_exists(folder)) st = US_ERR_FORMAT;
    else if (st == US_ERR_NOT_FOUND) us_fail(err, st, "no job '%s'", id);
    if (!st) st = check_standing(*out, err);
    if (us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory"); /* it may be a good one */
    if (st) json_decref(*out), *out = NULL;
    free(folder);
    free(path);
    return st;
}

static void clean(const json_t *o) {
    const json_t *x;
    size_t i;
    json_array_foreach(json_object_get(o, "clean"), i, x)
        if (json_is_string(x)) us_dir_remove(json_string_value(x));
}

static us_status write_plainly(const char *path, const json_t *o, us_error *err) {
    char *text = json_dumps(o, JSON_INDENT(1));
    us_status st = text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    return st;
}

/* What goes with the job goes after that was written down, and before it is written that it has gone: a kill between is seen. */
static us_status write_job(const us_jobs *j, const char *id, json_t *o, us_error *err) {
    char *path = path_of(j, id, "job.json");
    if (path && json_object_get(o, "cleaning")) {
        us_status st = write_plainly(path, o, NULL);
        (void)st; /* on a full disk what goes makes room */
        clean(o);
        json_object_del(o, "cleaning");
    }
    us_status st = path ? write_plainly(path, o, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    return st;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* The ids in ids[*n], oldest first: they begin with the time. */
static void list_ids(const us_jobs *j, char ids[US_JOBS_MAX][US_JOBS_ID], size_t *n) {
    DIR *d = opendir(j->folder);
    *n = 0;
    for (struct dirent *e; d && *n < US_JOBS_MAX && (e = readdir(d));)
        if (id_is_good(e->d_name)) memcpy(ids[(*n)++], e->d_name, US_JOBS_ID);
    if (d) closedir(d);
    qsort(ids, *n, US_JOBS_ID, by_name);
}

/* The process that works on a job locks the file `alive` in its folder; the lock ends with the process. */
static bool is_alive(const us_jobs *j, const char *id) {
    char *path = path_of(j, id, "alive");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool alive = !path || (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK); /* not known: taken for alive */
    if (fd >= 0) close(fd);
    free(path);
    return alive;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

us_status us_jobs_open(const us_jobs_options *o, us_jobs **out, us_error *err) {
    us_jobs *j;
    if (!o || !o->folder) return us_fail(err, US_ERR_ARGUMENT, "jobs: the folder in which they are kept is expected");
    us_status st = us_alloc(1, sizeof *j, &j, err);
    if (st) return st;
    pthread_mutex_init(&j->lock, NULL);
    j->supervisor = j->own_alive = -1;
    st = us_strdup(o->folder, &j->folder, err);
    if (!st && o->program) st = us_strdup(o->program, &j->program, err);
    if (!st && !(j->lock_path = us_path_join(j->folder, "lock"))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_dir_make_private(j->folder, err);
    if (st) us_jobs_close(j);
    else *out = j;
    return st;
}

static void ask_to_end(us_jobs *j) {
    int pid = j->pid;
    if (pid <= 0) return;
    kill(pid, SIGTERM);
    kill(-pid, SIGCONT); /* it may be held */
    j->stopped = false;
    if (!j->told_ns) j->told_ns = us_now_ns();
}

void us_jobs_close(us_jobs *j) {
    if (!j) return;
    us_error err;
    j->closing = true;
    ask_to_end(j);
    for (int i = 0; i < 60 && j->running[0]; i++) {
        struct timespec t = {.tv_nsec = 50 * 1000000};
        if (us_jobs_tick(j, NULL, &err)) break;
        if (j->running[0]) nanosleep(&t, NULL);
    }
    if (j->pid > 0) { /* the checkpoint before stands */
        kill(-j->pid, SIGKILL);
        for (int i = 0; i < 100 && j->running[0] && !us_jobs_tick(j, NULL, &err); i++)
            nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    }
    if (j->supervisor >= 0) close(j->supervisor);
    if (j->own_alive >= 0) close(j->own_alive);
    pthread_mutex_destroy(&j->lock);
    free(j->folder);
    free(j->program);
    free(j->lock_path);
    free(j);
}

/* ---- new ones -------------------------------------------------------------------------------------------------------- */

/* The id begins with the time, so that names sort by age, also when the clock was set back since the last one. */
static us_status new_id(us_jobs *j, char id[US_JOBS_ID], us_error *err) {
    char ids[US_JOBS_MAX][US_JOBS_ID];
    size_t n;
    list_ids(j, ids, &n);
    if (n >= US_JOBS_MAX)
        return us_fail(err, US_ERR_LIMIT, "there are %d jobs already: remove some that have ended", US_JOBS_MAX);
    uint64_t ms = (uint64_t)now_ms(), last = n ? strtoull(ids[n - 1], NULL, 16) >> 16 : 0;
    if (ms <= last && last < 0xffffffffffff) ms = last + 1;
    snprintf(id, US_JOBS_ID, "%012llx%04x", (unsigned long long)ms & 0xffffffffffff, (unsigned)getpid() * 31 & 0xffff);
    return US_OK;
}

/* A folder with a job in it, or, whatever happens, none: until it is whole, and when it goes, its name is hidden. */
static us_status make_folder(us_jobs *j, const char *id, json_t *o, us_error *err) {
    char hidden[US_JOBS_ID + 1];
    snprintf(hidden, sizeof hidden, ".%s", id);
    char *half = us_path_join(j->folder, hidden), *path = us_path_join(j->folder, id);
    us_status st = half && path ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && mkdir(half, 0700)) st = us_fail(err, US_ERR_IO, "%s: cannot make a folder: %s", j->folder, strerror(errno));
    if (!st) st = write_job(j, hidden, o, err);
    if (!st && rename(half, path)) st = us_fail(err, US_ERR_IO, "%s: cannot rename a folder: %s", j->folder, strerror(errno));
    if (st && half) us_dir_remove(half);
    free(half);
    free(path);
    return st;
}

static us_status add(us_jobs *j, const char *json, const char *state, char id[US_JOBS_ID], us_error *err) {
    json_error_t where;
    json_t *o = us_json_parse(json, strlen(json), &where);
    us_status st = o ? check(o, err) : us_fail(err, US_ERR_FORMAT, "a job: %s", where.text);
    int fd = lock_folder(j);
    if (!st) st = new_id(j, id, err);
    if (!st) {
        set(o, "state", state);
        set(o, "wanted", "");
        json_object_set_new(o, "at", json_integer(0));
        json_object_set_new(o, "seconds", json_real(0));
        set_now(o, "created_ms");
        json_object_del(o, "cleaning");
        st = make_folder(j, id, o, err);
    }
    unlock_folder(j, fd);
    json_decref(o);
    return st;
}

us_status us_jobs_add(us_jobs *j, const char *json, char id[US_JOBS_ID], us_error *err) {
    return add(j, json, "queued", id, err);
}

/* ---- how they stand ---------------------------------------------------------------------------------------------- */

us_status us_jobs_read_log(us_jobs *j, const char *id, uint64_t from, size_t max, char **text, size_t *n, us_error *err) {
    if (!id_is_good(id)) return us_fail(err, US_ERR_NOT_FOUND, "no job '%.40s'", id);
    char *path = path_of(j, id, "log.jsonl"), *data = us_checked(calloc(1, max + 1));
    int fd = path ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1; /* a link is followed: us_jobs_enter makes it */
    ssize_t got = fd >= 0 && data ? pread(fd, data, max, (off_t)from) : 0;
    if (fd >= 0) close(fd);
    free(path);
    if (!data) return us_fail(err, US_ERR_MEMORY, "out of memory");
    size_t len = got > 0 ? (size_t)got : 0;
    while (len && data[len - 1] != '\n') len--; /* a line that is being written is for the next time */
    data[len] = 0;
    *text = data;
    *n = len;
    return US_OK;
}

/* The newest line that tells how far it is, from the end of the log: of steps, else of a stage (a validation is one among steps). */
static json_t *progress_of(us_jobs *j, const char *id) {
    char *path = path_of(j, id, "log.jsonl"), *text = NULL;
    struct stat sb;
    size_t n;
    json_t *found = NULL, *stage = NULL;
    uint64_t from = path && !stat(path, &sb) && sb.st_size > 16384 ? (uint64_t)sb.st_size - 16384 : 0;
    free(path);
    if (us_jobs_read_log(j, id, from, 16384, &text, &n, NULL)) return NULL;
    while (n && !found) {
        size_t end = --n; /* of the line, its newline left out */
        while (n && text[n - 1] != '\n') n--;
        found = us_json_parse(text + n, end - n, NULL);
        if (!found || json_object_get(found, "n_steps")) continue;
        if (!stage && json_object_get(found, "stage")) stage = found;
        else json_decref(found);
        found = NULL;
    }
    free(text);
    if (found) json_decref(stage);
    return found ? found : stage;
}

/* What is listed in the place of a job that cannot be read, so that nobody looks for it in vain. */
static json_t *view_of_broken(const char *id, const us_error *why) {
    char words[sizeof why->message + 200], first[13];
    snprintf(words, sizeof words,
             "its job.json cannot be read: 'understudy jobs forget %s' removes it, and leaves what it made (%s)", id,
             why->message);
    snprintf(first, sizeof first, "%.12s", id);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:I}", "id", id, "kind", "unknown", "title", id, "state", "failed",
                     "error", us_text_json(words, strlen(words)), "broken", 1, "created_ms",
                     (json_int_t)strtoull(first, NULL, 16));
}

static us_status view_of(us_jobs *j, const char *id, json_t **out, us_error *err) {
    us_error why;
    us_status st = read_job(j, id, out, &why);
    if (st == US_ERR_FORMAT || st == US_ERR_IO || st == US_ERR_LIMIT || (!st && json_object_get(*out, "cleaning"))) {
        int fd = lock_folder(j); /* it, or what it made, may just be going */
        if (!st) json_decref(*out);
        st = read_job(j, id, out, &why);
        unlock_folder(j, fd);
    }
    if (st == US_ERR_NOT_FOUND || st == US_ERR_MEMORY) return us_fail(err, st, "%s", why.message);
    json_t *progress = st ? NULL : progress_of(j, id);
    if (st) *out = view_of_broken(id, &why);
    else set(*out, "id", id);
    if (progress) json_object_set_new(*out, "progress", progress);
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

us_status us_jobs_list(us_jobs *j, const char *id, char **json, us_error *err) {
    char ids[US_JOBS_MAX][US_JOBS_ID];
    size_t n = 0;
    unsigned failures = us_memory_failures();
    json_t *o = id ? NULL : json_array(), *one;
    us_status st = US_OK;
    if (id) st = id_is_good(id) ? view_of(j, id, &o, err) : us_fail(err, US_ERR_NOT_FOUND, "no job '%.40s'", id);
    else list_ids(j, ids, &n);
    for (size_t i = 0; i < n && !st; i++) {
        st = view_of(j, ids[i], &one, err);
        if (!st) json_array_append_new(o, one);
        else if (st == US_ERR_NOT_FOUND) st = US_OK; /* it was just removed */
    }
    if (!st) *json = us_memory_failures() == failures ? json_dumps(o, JSON_COMPACT) : NULL; /* one that memory lacked for */
    if (!st && !*json) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    json_decref(o);
    return st;
}

/* A line a job, whatever its texts hold. */
static us_status add_row(us_buf *b, const json_t *o, us_error *err) {
    size_t begin = b->len;
    const json_t *p = json_object_get(o, "progress");
    double n = json_number_value(json_object_get(p, "n_steps")), step = json_number_value(json_object_get(p, "step"));
    us_status st = us_buf_appendf(b, err, "%s  %-9s %-12s %-24s", us_json_text(o, "id"), us_json_text(o, "kind"),
                                  us_json_text(o, "state"), us_json_text(o, "title"));
    if (!st && n > 0) st = us_buf_appendf(b, err, " step %.0f of %.0f", step, n);
    else if (!st && *us_json_text(p, "stage") && !strcmp(us_json_text(o, "state"), "running"))
        st = us_buf_appendf(b, err, " %s", us_json_text(p, "stage"));
    if (!st && *us_json_text(o, "wanted")) st = us_buf_appendf(b, err, " (asked to %s)", us_json_text(o, "wanted"));
    if (!st && *us_json_text(o, "error")) st = us_buf_appendf(b, err, ": %s", us_json_text(o, "error"));
    for (size_t i = begin; i < b->len; i++)
        if ((unsigned char)b->data[i] < ' ') b->data[i] = '?';
    return st ? st : us_buf_append_str(b, "\n", err);
}

us_status us_jobs_table(us_jobs *j, char **text, us_error *err) {
    char ids[US_JOBS_MAX][US_JOBS_ID];
    size_t n;
    us_buf b;
    us_status st = US_OK;
    us_buf_init(&b, 1 << 20);
    list_ids(j, ids, &n);
    for (size_t i = 0; i < n && !st; i++) {
        json_t *o = NULL;
        st = view_of(j, ids[i], &o, err);
        if (!st) st = add_row(&b, o, err);
        else if (st == US_ERR_NOT_FOUND) st = US_OK; /* it was just removed */
        json_decref(o);
    }
    if (!st && !(*text = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}

/* ---- what is asked of them --------------------------------------------------------------------------------------- */

static us_status remove_folder(us_jobs *j, const char *id, us_error *err) {
    char hidden[US_JOBS_ID + 1];
    snprintf(hidden, sizeof hidden, ".%s", id);
    char *half = us_path_join(j->folder, hidden), *path = us_path_join(j->folder, id);
    us_status st = half && path ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) us_dir_remove(rename(path, half) ? path : half);
    free(half);
    free(path);
    return st;
}

/* What somebody was killed in the middle of: a folder that is made or goes, and what goes with a job. */
static void tidy(us_jobs *j) {
    char ids[US_JOBS_MAX][US_JOBS_ID];
    size_t n;
    int fd = lock_folder(j);
    DIR *d = opendir(j->folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char *half = *e->d_name == '.' && id_is_good(e->d_name + 1) ? us_path_join(j->folder, e->d_name) : NULL;
        if (half) us_dir_remove(half);
        free(half);
    }
    if (d) closedir(d);
    list_ids(j, ids, &n);
    for (size_t i = 0; i < n; i++) {
        json_t *o;
        if (read_job(j, ids[i], &o, NULL)) continue;
        us_status st = json_object_get(o, "cleaning") ? write_job(j, ids[i], o, NULL) : US_OK;
        (void)st; /* the next one tries again */
        json_decref(o);
    }
    unlock_folder(j, fd);
}

bool us_jobs_supervise(us_jobs *j) {
    if (j->supervisor >= 0) return true;
    char path[PATH_MAX];
    bool fits = snprintf(path, sizeof path, "%s/supervisor", j->folder) < (int)sizeof path;
    int fd = fits ? open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600) : -1;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) close(fd), fd = -1;
    j->supervisor = fd;
    if (fd >= 0) tidy(j);
    return fd >= 0;
}

static void end_job(json_t *o, const char *state, const char *why) {
    set(o, "state", state);
    set(o, "wanted", "");
    set(o, "error", why);
    set_now(o, "ended_ms");
    if (!strcmp(state, "cancelled")) json_object_set_new(o, "cleaning", json_true());
}

static us_status control_running(us_jobs *j, const char *id, json_t *o, us_jobs_action action, us_error *err) {
    static const char *const wanted[] = {"pause", NULL, "keep", "cancel", NULL};
    if (!wanted[action]) return us_fail(err, US_ERR_MISMATCH, "the job is running: pause or cancel it first");
    set(o, "wanted", wanted[action]);
    pid_t pid = (pid_t)json_integer_value(json_object_get(o, "pid"));
    if (!strcmp(j->running, id)) ask_to_end(j);
    else if (pid > 1 && is_alive(j, id)) kill(pid, SIGTERM), kill(pid, SIGCONT), kill(-pid, SIGCONT);
    return US_OK;
}

static us_status control_resting(us_jobs *j, const char *id, json_t *o, us_jobs_action action, us_error *err) {
    bool queued = is(o, "state", "queued"), over = is(o, "state", "done") || is(o, "state", "cancelled");
    switch (action) {
    case US_JOBS_PAUSE:
        if (!queued) return us_fail(err, US_ERR_MISMATCH, "the job is %s already", us_json_text(o, "state"));
        set(o, "state", "paused");
        return US_OK;
    case US_JOBS_RESUME:
        if (over || queued) return us_fail(err, US_ERR_MISMATCH, "the job is %s already", us_json_text(o, "state"));
        set(o, "error", "");
        set(o, "state", "queued");
        return US_OK;
    case US_JOBS_KEEP:
        if (over) return us_fail(err, US_ERR_MISMATCH, "the job is %s already", us_json_text(o, "state"));
        json_object_set_new(o, "ends", json_true());
        set(o, "state", "queued");
        return US_OK;
    case US_JOBS_CANCEL:
        if (over) return us_fail(err, US_ERR_MISMATCH, "the job is %s already", us_json_text(o, "state"));
        end_job(o, "cancelled", "");
        return US_OK;
    case US_JOBS_FORGET: {
        if (!over && !is(o, "state", "failed")) return us_fail(err, US_ERR_MISMATCH, "the job has not ended: cancel it first");
        us_status st = US_OK;
        if (is(o, "state", "failed") && !json_object_set_new(o, "cleaning", json_true())) st = write_job(j, id, o, NULL);
        (void)st; /* it goes all the same */
        return remove_folder(j, id, err);
    }
    }
    return us_fail(err, US_ERR_ARGUMENT, "no such action");
}

static us_status control_broken(us_jobs *j, const char *id, us_jobs_action action, const us_error *why, us_error *err) {
    if (action != US_JOBS_FORGET)
        return us_fail(err, US_ERR_MISMATCH, "the job cannot be read (%s): it can only be removed", why->message);
    if (is_alive(j, id))
        return us_fail(err, US_ERR_MISMATCH, "the job cannot be read, and a process works on it: end that first");
    return remove_folder(j, id, err);
}

us_status us_jobs_control(us_jobs *j, const char *id, us_jobs_action action, us_error *err) {
    if (!id_is_good(id)) return us_fail(err, US_ERR_NOT_FOUND, "no job '%.40s'", id);
    int fd = lock_folder(j);
    json_t *o;
    us_error why;
    us_status st = read_job(j, id, &o, &why);
    if (st == US_ERR_MEMORY || st == US_ERR_NOT_FOUND) us_fail(err, st, "%s", why.message);
    else if (st) st = control_broken(j, id, action, &why, err);
    else {
        st = is(o, "state", "running") ? control_running(j, id, o, action, err) : control_resting(j, id, o, action, err);
        if (!st && action != US_JOBS_FORGET) st = write_job(j, id, o, err);
    }
    unlock_folder(j, fd);
    json_decref(o);
    return st;
}

/* ---- the end of a step --------------------------------------------------------------------------------------------- */

/* What its output says last, when it says what went wrong. */
static void last_words(const us_jobs *j, const char *id, char out[600]) {
    char *path = path_of(j, id, "output.txt"), *text = NULL;
    size_t n = 0;
    *out = 0;
    if (path && !us_file_read_plain(path, 16 << 20, &text, &n, NULL)) {
        while (n && strchr("\r\n ", text[n - 1])) text[--n] = 0;
        size_t begin = n;
        while (begin && text[begin - 1] != '\n' && text[begin - 1] != '\r') begin--;
        const char *said = text + begin;
        if (!strncmp(said, "understudy ", 11) && strstr(said, ": ")) said = strstr(said, ": ") + 2;
        snprintf(out, 600, "%s", said);
    }
    free(text);
    free(path);
}

/* Only we rename it: it is done when the one is gone and the other there, whoever was killed before it said so. */
static bool is_published(const json_t *p) {
    const char *from = us_json_text(p, "from"), *to = us_json_text(p, "to");
    return *from && *to && !us_file_exists(from) && us_file_exists(to);
}

static bool step_is_published(const json_t *o) {
    size_t at = (size_t)json_integer_value(json_object_get(o, "at"));
    return is_published(json_object_get(json_array_get(json_object_get(o, "steps"), at), "publish"));
}

/* The half-made folder becomes what it was made for. What is there already is put aside, where the job says so. */
static us_status publish(const json_t *p, us_error *err) {
    const char *from = us_json_text(p, "from"), *to = us_json_text(p, "to"), *aside = us_json_text(p, "aside");
    if (!*from || !*to || is_published(p)) return US_OK;
    us_status st = us_file_exists(to) && *aside ? us_dir_put_aside(to, aside, err) : US_OK;
    if (st) return st;
    if (us_file_exists(to)) return us_fail(err, US_ERR_MISMATCH, "%s is there already", to);
    return rename(from, to) ? us_fail(err, US_ERR_IO, "%s: cannot rename to %s: %s", from, to, strerror(errno)) : US_OK;
}

/* What the whole job made gets its place. */
static void finish(json_t *o) {
    us_error err;
    if (publish(json_object_get(o, "publish"), &err)) end_job(o, "failed", err.message);
    else end_job(o, "done", "");
}

/* The next step, or the end. */
static void step_done(json_t *o) {
    json_int_t at = json_integer_value(json_object_get(o, "at"));
    const json_t *steps = json_object_get(o, "steps");
    us_error err;
    us_status st = publish(json_object_get(json_array_get(steps, (size_t)at), "publish"), &err);
    json_object_set_new(o, "at", json_integer(++at));
    json_object_del(o, "ends"); /* it was of this step */
    if (st) end_job(o, "failed", err.message);
    else if ((size_t)at < json_array_size(steps)) set(o, "state", "queued");
    else finish(o);
}

static void step_ended(const us_jobs *j, const char *id, json_t *o, bool exited, int code) {
    char said[600], why[700] = "";
    const char *wanted = us_json_text(o, "wanted");
    double ms =
        (double)now_ms() - (double)json_integer_value(json_object_get(o, "started_ms")); /* the clock may have been set */
    json_object_set_new(o, "seconds", json_real(json_number_value(json_object_get(o, "seconds")) + (ms > 0 ? ms * 1e-3 : 0)));
    json_object_del(o, "pid");
    if (exited && (code == 0 || code == 3) && strcmp(wanted, "cancel")) step_done(o); /* 3: a gate of the audition failed */
    else if (!strcmp(wanted, "cancel")) end_job(o, "cancelled", "");
    else if (!strcmp(wanted, "keep")) json_object_set_new(o, "ends", json_true()), set(o, "state", "queued");
    else if (!strcmp(wanted, "pause")) set(o, "state", "paused");
    else if (exited && code != 130) {
        last_words(j, id, said);
        if (j->full && !strstr(said, strerror(ENOSPC)))
            snprintf(said, sizeof said, "it ended with code %d, and the disk is full", code);
        if (!*said) snprintf(said, sizeof said, "it ended with code %d and without a word", code);
        end_job(o, "failed", said);
    } else {
        if (!exited) snprintf(why, sizeof why, "it was killed (signal %d): was there too little memory?", code);
        end_job(o, "interrupted", why);
    }
    set(o, "wanted", "");
}

/* ---- the supervisor ------------------------------------------------------------------------------------------------ */

static size_t append(const char *argv[MAX_ARGV + 8], size_t n, const json_t *list, const char *log) {
    const json_t *x;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, x)
        if (n < MAX_ARGV) argv[n++] = !strcmp(json_string_value(x), "{log}") ? log : json_string_value(x);
    return n;
}

static int open_alive(const us_jobs *j, const char *id) {
    char *path = path_of(j, id, "alive");
    int fd = path ? open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600) : -1;
    free(path);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) close(fd), fd = -1;
    return fd;
}

static us_status start_step(us_jobs *j, const char *id, json_t *o, us_error *err) {
    const json_t *step = json_array_get(json_object_get(o, "steps"), (size_t)json_integer_value(json_object_get(o, "at")));
    const char *argv[MAX_ARGV + 8] = {j->program}, *mark = us_json_text(step, "mark");
    char *log = path_of(j, id, "log.jsonl"), *output = path_of(j, id, "output.txt");
    int alive = open_alive(j, id),
        out = output ? open(output, O_CREAT | O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0600) : -1;
    pid_t pid = 0;
    us_status st = log && output && alive >= 0 && out >= 0
                       ? US_OK
                       : us_fail(err, US_ERR_IO, "the job's folder cannot be written: %s", strerror(errno));
    bool again = *mark && us_file_exists(mark);
    bool ends = *mark && json_is_true(json_object_get(o, "ends"));
    if (!st && ends && !again) st = us_fail(err, US_ERR_NOT_FOUND, "nothing has been learned yet that could be kept");
    size_t n = append(argv, 1, json_object_get(step, "argv"), log);
    n = append(argv, n, json_object_get(step, again ? "again" : "fresh"), log);
    if (ends) n = append(argv, n, json_object_get(step, "ending"), log);
    if (!st)
        st =
            us_child_start(&(us_child_spec){argv, json_string_value(json_object_get(o, "folder")), out, out, alive}, &pid, err);
    if (!st) {
        memcpy(j->running, id, US_JOBS_ID);
        j->pid = pid;
        j->told_ns = 0;
        j->stopped = false;
        json_object_set_new(o, "pid", json_integer(pid));
    }
    if (alive >= 0) close(alive); /* the child has it */
    if (out >= 0) close(out);
    free(log);
    free(output);
    return st;
}

/* Says on the disk that the job runs before its process is there: whoever finds the job after a kill sees it as interrupted. */
static us_status start_job(us_jobs *j, const char *id, json_t *o, bool *busy, us_error *err) {
    us_error why;
    if ((size_t)json_integer_value(json_object_get(o, "at")) >= json_array_size(json_object_get(o, "steps"))) {
        finish(o); /* all steps are done, and what they made could not be put in its place before */
        return write_job(j, id, o, err);
    }
    set(o, "state", "running");
    set_now(o, "started_ms");
    us_status st = write_job(j, id, o, err);
    if (st) return st;
    if (start_step(j, id, o, &why)) end_job(o, "failed", why.message);
    else *busy = true;
    return write_job(j, id, o, err);
}

/* Has ours ended? */
static void reap(us_jobs *j) {
    int status, pid = j->pid;
    struct statvfs v;
    if (pid <= 0 || waitpid(pid, &status, WNOHANG) != pid) return;
    j->ended = true;
    j->full = !statvfs(j->folder, &v) && v.f_blocks && (uint64_t)v.f_bavail * v.f_frsize < 65536;
    j->exited = WIFEXITED(status);
    j->code = j->exited ? WEXITSTATUS(status) : WTERMSIG(status);
    if (!j->exited && (j->code == SIGTERM || (j->code == SIGKILL && j->told_ns)))
        j->exited = true, j->code = 130; /* asked, before it listened */
    j->pid = 0;
}

/* Stands still while somebody waits for a reply, and a moment longer. */
static void keep_held(us_jobs *j) {
    int pid = j->pid;
    bool hold = j->held > 0 || us_now_ns() - j->released_ns < (int64_t)HOLD_MS * 1000000;
    if (pid <= 0 || j->told_ns || hold == j->stopped) return;
    kill(-pid, hold ? SIGSTOP : SIGCONT);
    j->stopped = hold;
}

void us_jobs_hold(us_jobs *j, bool held) {
    int pid = j->pid;
    if (!held) {
        j->released_ns = us_now_ns();
        j->held--;
    } else if (j->held++ == 0 && pid > 0 && !j->told_ns && !j->stopped) {
        j->stopped = true;
        kill(-pid, SIGSTOP);
    }
}

us_status us_jobs_tick(us_jobs *j, bool *changed, us_error *err) {
    char ids[US_JOBS_MAX][US_JOBS_ID];
    size_t n;
    bool any = false, busy = false;
    int fd = lock_folder(j);
    us_status st = US_OK;
    unsigned failures = us_memory_failures();
    keep_held(j);
    if (j->told_ns && j->pid > 0 && us_now_ns() - j->told_ns > (int64_t)ANSWER_MS * 1000000) kill(-j->pid, SIGKILL);
    reap(j);
    list_ids(j, ids, &n);
    for (size_t i = 0; i < n && !st; i++) { /* who has ended */
        json_t *o;
        if (read_job(j, ids[i], &o, NULL)) continue; /* it is listed as broken */
        if (is(o, "state", "running")) {
            bool ours = !strcmp(j->running, ids[i]);
            if ((ours && j->ended) || (!ours && !is_alive(j, ids[i]))) {
                step_ended(j, ids[i], o, ours ? j->exited : true, ours ? j->code : step_is_published(o) ? 0 : 130);
                st = write_job(j, ids[i], o, err);
                any = true;
            } else if (ours && *us_json_text(o, "wanted") && !j->told_ns) ask_to_end(j); /* another process asked */
            busy = busy || is(o, "state", "running");
        }
        json_decref(o);
    }
    if (j->ended && !st) j->running[0] = 0, j->told_ns = 0, j->ended = false; /* else once there is room for it */
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");     /* one may run unseen */
    for (size_t i = 0; i < n && !st && !busy && !j->closing && j->program && j->supervisor >= 0; i++) { /* who is next */
        json_t *o;
        if (read_job(j, ids[i], &o, NULL)) continue;
        if (is(o, "state", "queued")) {
            if (is_alive(j, ids[i])) busy = true; /* its last process has not ended yet */
            else st = start_job(j, ids[i], o, &busy, err), any = true;
        }
        json_decref(o);
    }
    unlock_folder(j, fd);
    if (changed) *changed = any;
    return st;
}

/* ---- a command in a terminal ------------------------------------------------------------------------------------------ */

/* Those that rest and kept the same log: this one goes on with what they made, or takes its place. */
static void replace_earlier(us_jobs *j, const char *id, const char *log) {
    char ids[US_JOBS_MAX][US_JOBS_ID];
    size_t n;
    us_error err;
    list_ids(j, ids, &n);
    for (size_t i = 0; i < n; i++) {
        json_t *o = NULL;
        bool same = strcmp(ids[i], id) && !read_job(j, ids[i], &o, &err) && is(o, "log", log);
        us_status st = same && !is(o, "state", "running") && !is(o, "state", "queued") ? remove_folder(j, ids[i], &err) : US_OK;
        (void)st; /* it stays listed */
        json_decref(o);
    }
}

us_status us_jobs_enter(us_jobs *j, const char *json, char id[US_JOBS_ID], us_error *err) {
    us_status st = us_jobs_tick(j, NULL, err);     /* who was killed rests */
    if (!st) st = add(j, json, "paused", id, err); /* nobody starts it while we open it */
    if (st) return st;
    int fd = lock_folder(j);
    json_t *o;
    char *log = path_of(j, id, "log.jsonl");
    st = read_job(j, id, &o, err);
    if (log && o && *us_json_text(o, "log") && symlink(us_json_text(o, "log"), log))
        st = us_fail(err, US_ERR_IO, "%s: cannot link: %s", log, strerror(errno));
    free(log);
    j->own_alive = open_alive(j, id);
    if (!st && j->own_alive < 0) st = us_fail(err, US_ERR_IO, "the job's folder cannot be written");
    if (!st) {
        set(o, "state", "running");
        set_now(o, "started_ms");
        json_object_set_new(o, "pid", json_integer(getpid()));
        st = write_job(j, id, o, err);
    }
    if (!st && *us_json_text(o, "log")) replace_earlier(j, id, us_json_text(o, "log"));
    unlock_folder(j, fd);
    json_decref(o);
    return st;
}

void us_jobs_leave(us_jobs *j, const char *id, int code) {
    int fd = lock_folder(j);
    json_t *o;
    us_error err;
    if (!read_job(j, id, &o, &err) && is(o, "state", "running")) {
        step_ended(j, id, o, true, code);
        us_status st = write_job(j, id, o, &err);
        (void)st; /* the next tick of a supervisor finds it dead */
    }
    if (j->own_alive >= 0) close(j->own_alive);
    j->own_alive = -1;
    unlock_folder(j, fd);
    json_decref(o);
}
