/* Jobs of the studio: a thread of ours starts them one after another (jobs/); the routes list, control and follow them. What a visitor
 * asks for becomes a job in wish.c. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "serve/studio.h"
#include "text/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 100, LOOK_MS = 150 };

/* ---- the thread that starts them -------------------------------------------------------------------------------- */

/* A number that changes when any job, or any character, does. */
static uint64_t state_of_jobs(us_studio *t) {
    char *text;
    if (us_jobs_list(t->jobs, NULL, &text, NULL)) return 0;
    uint64_t h = us_hash_text(1, text);
    free(text);
    return h;
}
static uint64_t state_of_cast(us_server *s) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    uint64_t h = 1;
    us_characters_list(s->characters, all, &n);
    for (size_t i = 0; i < n; i++) {
        h = us_hash_text(h, all[i]->id) * 31 + (uint64_t)all[i]->stamp;
        us_character_put(all[i]);
    }
    return h;
}

static void *supervise(void *studio) {
    us_studio *t = studio;
    us_error err;
    uint64_t jobs = 0, cast = 0;
    bool told = false, held = false;
    for (int i = 0; !t->s->ending; i++) {
        bool changed = false, busy = t->s->ready && us_backend_is_busy(&t->s->backend);
        if (busy != held) us_jobs_hold(t->jobs, held = busy);
        us_jobs_supervise(t->jobs); /* another server of this folder may have had it */
        if (us_jobs_tick(t->jobs, &changed, &err)) {
            if (!told) us_log(t->s, "jobs: %s", err.message);
            told = true;
        } else told = false;
        if (changed) { /* who was taught again may have put who was there before into the trash */
            pthread_mutex_lock(&t->changing);
            us_storage_limit_trash(t->s, t->trash, (uint64_t)US_TRASH_MIB << 20);
            pthread_mutex_unlock(&t->changing);
            us_characters_rescan(t->s->characters), us_changed(t->s, "jobs"), us_changed(t->s, "characters");
        }
        if (i % 10 == 0) { /* what others do: terminals, folders dropped in */
            uint64_t j = state_of_jobs(t), c = state_of_cast(t->s);
            if (jobs && j != jobs) us_changed(t->s, "jobs");
            if (cast && c != cast) us_changed(t->s, "characters");
            jobs = j;
            cast = c;
        }
        nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
    }
    return NULL;
}

static us_status make_folders(us_studio *t, us_error *err) {
    const char *dir = t->s->o.data_dir;
    char *jobs = us_path_join(dir, "jobs");
    t->scripts = us_path_join(dir, "scripts");
    t->half = us_path_join(dir, "rehearsals");
    t->own = us_path_join(dir, "characters");
    t->trash = us_path_join(dir, "trash");
    us_status st = jobs && t->scripts && t->half && t->own && t->trash ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_dir_make_private(t->scripts, err);
    if (!st) us_scripts_forget_half(t->scripts);
    if (!st) us_exports_forget_half(dir);
    if (!st) st = us_dir_make_private(t->half, err);
    if (!st) st = us_dir_make_private(t->trash, err);
    if (!st) st = us_jobs_open(&(us_jobs_options){.folder = jobs, .program = t->s->o.program}, &t->jobs, err);
    if (!st) us_wishes_forget_half(t);
    free(jobs);
    return st;
}

us_status us_studio_open(us_server *s, us_error *err) {
    us_studio *t = calloc(1, sizeof *t);
    if (!t) return us_fail(err, US_ERR_MEMORY, "out of memory");
    t->s = s;
    s->studio = t;
    pthread_mutex_init(&t->changing, NULL);
    us_status st = make_folders(t, err);
    if (!st) st = us_characters_set_half(s->characters, t->half, err);
    if (!st && pthread_create(&t->thread, NULL, supervise, t)) st = us_fail(err, US_ERR_IO, "cannot start a thread");
    t->running = !st;
    return st;
}

void us_studio_close(us_server *s) {
    us_studio *t = s->studio;
    if (!t) return;
    if (t->running)
        pthread_join(t->thread, NULL); /* s->ending is set; its children are told when it ends, and by what follows */
    us_jobs_close(t->jobs);
    free(t->scripts);
    free(t->half);
    free(t->own);
    free(t->trash);
    pthread_mutex_destroy(&t->changing);
    free(t);
    s->studio = NULL;
}

/* A job without the paths of this machine. */
static void make_public(const us_server *s, json_t *o) {
    static const char *const private[] = {"steps", "publish", "clean", "cleaning", "folder", "log", "pid"};
    const char *error = json_string_value(json_object_get(o, "error"));
    for (size_t k = 0; k < sizeof private / sizeof *private; k++) json_object_del(o, private[k]);
    if (error) json_object_set_new(o, "error", us_public_json(s, error));
}

enum MHD_Result us_answer_job(us_request *r, int code, const char *id) {
    char *text;
    us_error err;
    us_status st = us_jobs_list(r->s->studio->jobs, id, &text, &err);
    if (st) return us_refuse_error(r, st, &err);
    json_t *o = us_json_parse(text, strlen(text), NULL);
    free(text);
    make_public(r->s, o);
    return us_answer_json(r, code, o);
}

/* ---- the others ---------------------------------------------------------------------------------------------------- */

enum MHD_Result us_route_jobs(us_request *r) {
    char *text;
    us_error err;
    json_t *one;
    size_t i;
    us_status st = us_jobs_list(r->s->studio->jobs, NULL, &text, &err);
    if (st) return us_refuse_error(r, st, &err);
    json_t *list = us_json_parse(text, strlen(text), NULL);
    free(text);
    json_array_foreach(list, i, one) make_public(r->s, one);
    return us_answer_json(r, 200, json_pack("{s:o}", "jobs", list));
}

enum MHD_Result us_route_job(us_request *r) { return us_answer_job(r, 200, r->args[0]); }

static enum MHD_Result control(us_request *r, us_jobs_action action) {
    us_error err;
    us_status st = us_jobs_control(r->s->studio->jobs, r->args[0], action, &err);
    if (st) return us_refuse_error(r, st, &err);
    return action == US_JOBS_FORGET ? us_answer_json(r, 200, json_pack("{s:b}", "deleted", 1))
                                    : us_answer_job(r, 200, r->args[0]);
}
enum MHD_Result us_route_job_pause(us_request *r) { return control(r, US_JOBS_PAUSE); }
enum MHD_Result us_route_job_resume(us_request *r) { return control(r, US_JOBS_RESUME); }
enum MHD_Result us_route_job_keep(us_request *r) { return control(r, US_JOBS_KEEP); }
enum MHD_Result us_route_job_cancel(us_request *r) { return control(r, US_JOBS_CANCEL); }
enum MHD_Result us_route_job_delete(us_request *r) { return control(r, US_JOBS_FORGET); }

/* ---- the events of a job: the lines of its log, and how it stands ------------------------------------------------ */

typedef struct follower {
    uint64_t at;
    char state[64];
} follower;

static us_status tell_lines(us_request *r, follower *f, us_error *err) {
    char *text;
    size_t n, begin = 0;
    us_status st = us_jobs_read_log(r->s->studio->jobs, r->args[0], f->at, 1 << 18, &text, &n, err);
    if (st) return st;
    while (begin < n && !st) {
        size_t len = strcspn(text + begin, "\n");
        for (size_t i = begin; i < begin + len;
             i++) /* a carriage return would end the field: whoever wrote the log, not he, names events */
            if ((unsigned char)text[i] < ' ') text[i] = ' ';
        st = us_buf_appendf(&r->out, err, "id: %llu\ndata: ", (unsigned long long)(f->at + begin + len + 1));
        if (!st) st = us_buf_append(&r->out, text + begin, len, err);
        if (!st) st = us_buf_append_str(&r->out, "\n\n", err);
        begin += len + 1;
    }
    f->at += n;
    free(text);
    return st;
}

static us_status tell_state(us_request *r, follower *f, bool *over, us_error *err) {
    char *text, now[64];
    us_status st = us_jobs_list(r->s->studio->jobs, r->args[0], &text, err);
    if (st) return st;
    json_t *o = us_json_parse(text, strlen(text), NULL);
    free(text);
    snprintf(now, sizeof now, "%.20s %.20s %lld", us_json_text(o, "state"), us_json_text(o, "wanted"),
             (long long)json_integer_value(json_object_get(o, "at")));
    st = tell_lines(r, f, err); /* what was written before it stood so comes first */
    *over = strcmp(us_json_text(o, "state"), "running") && strcmp(us_json_text(o, "state"), "queued");
    if (!st && strcmp(now, f->state)) {
        memcpy(f->state, now, sizeof now);
        st = us_event(r, "job",
                      json_pack("{s:s, s:s, s:s, s:O?}", "state", us_json_text(o, "state"), "wanted", us_json_text(o, "wanted"),
                                "error", us_json_text(o, "error"), "at", json_object_get(o, "at")),
                      err);
    }
    json_decref(o);
    return st;
}

static us_status more(us_request *r, us_error *err) {
    follower *f = r->work;
    us_status st = US_OK;
    bool over = false;
    for (int i = 0; i < 1000 / LOOK_MS && !st && !r->out.len && !over && !r->s->ending; i++) {
        st = tell_state(r, f, &over, err);
        if (!st && !r->out.len && !over) nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    r->ended = (over && !r->out.len) || r->s->ending;
    return st;
}

enum MHD_Result us_route_job_events(us_request *r) {
    follower *f = calloc(1, sizeof *f);
    const char *last = MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, "Last-Event-ID");
    char *text;
    us_error err;
    if (!f) return us_refuse(r, 500, "out of memory");
    us_status st = us_jobs_list(r->s->studio->jobs, r->args[0], &text, &err);
    if (st) return free(f), us_refuse_error(r, st, &err);
    free(text);
    if (last) f->at = strtoull(last, NULL, 10);
    r->work = f;
    r->free_work = free;
    return us_answer_stream(r, more);
}
