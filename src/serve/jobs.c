/* Jobs of the studio: what a visitor asks for becomes commands of this same program (jobs/), which a thread of ours starts one
 * after another. A character that is being made lies aside (DATA/rehearsals/ID) and joins the cast by being renamed. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "serve/params.h"
#include "serve/studio.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 100, QUICK_SECONDS = 900, FULL_EPOCHS_PERCENT = 150, LOOK_MS = 150 };

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- the thread that starts them -------------------------------------------------------------------------------- */

/* A number that changes when any job, or any character, does. */
static uint64_t mix(uint64_t h, const char *s) {
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
    return h;
}
static uint64_t state_of_jobs(us_studio *t) {
    char *text;
    if (us_jobs_list(t->jobs, NULL, &text, NULL)) return 0;
    uint64_t h = mix(1, text);
    free(text);
    return h;
}
static uint64_t state_of_cast(us_server *s) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    uint64_t h = 1;
    us_characters_list(s->characters, all, &n);
    for (size_t i = 0; i < n; i++) {
        h = mix(h, all[i]->id) * 31 + (uint64_t)all[i]->stamp;
        us_character_put(all[i]);
    }
    return h;
}

static void *supervise(void *studio) {
    us_studio *t = studio;
    us_error err;
    uint64_t jobs = 0, cast = 0;
    bool told = false;
    for (int i = 0; !t->s->ending; i++) {
        bool changed = false;
        us_jobs_supervise(t->jobs); /* another server of this folder may have had it */
        if (us_jobs_tick(t->jobs, &changed, &err)) {
            if (!told) us_log(t->s, "jobs: %s", err.message);
            told = true;
        } else told = false;
        if (changed) us_characters_rescan(t->s->characters), us_changed(t->s, "jobs", ""), us_changed(t->s, "characters", "");
        if (i % 10 == 0) { /* what others do: terminals, folders dropped in */
            uint64_t j = state_of_jobs(t), c = state_of_cast(t->s);
            if (jobs && j != jobs) us_changed(t->s, "jobs", "");
            if (cast && c != cast) us_changed(t->s, "characters", "");
            jobs = j;
            cast = c;
        }
        nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
    }
    return NULL;
}

/* What nobody can go on with: folders of characters whose job is gone. */
static us_status make_folders(us_studio *t, us_error *err) {
    const char *dir = t->s->o.data_dir;
    char *jobs = us_path_join(dir, "jobs");
    t->scripts = us_path_join(dir, "scripts");
    t->half = us_path_join(dir, "rehearsals");
    t->own = us_path_join(dir, "characters");
    t->trash = us_path_join(dir, "trash");
    us_status st = jobs && t->scripts && t->half && t->own && t->trash ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_dir_make(t->scripts, err);
    if (!st) st = us_dir_make(t->half, err);
    if (!st) st = us_dir_make(t->trash, err);
    if (!st) st = us_jobs_open(&(us_jobs_options){.folder = jobs, .program = t->s->o.program}, &t->jobs, err);
    free(jobs);
    return st;
}

us_status us_studio_open(us_server *s, us_error *err) {
    us_studio *t = calloc(1, sizeof *t);
    if (!t) return us_fail(err, US_ERR_MEMORY, "out of memory");
    t->s = s;
    s->studio = t;
    pthread_mutex_init(&t->children, NULL);
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
    pthread_mutex_destroy(&t->children);
    free(t);
    s->studio = NULL;
}

/* ---- what a training is ------------------------------------------------------------------------------------------ */

typedef struct wish {
    const char *kind, *script, *who, *mode, *persona, *id,
        *character; /* who: a name of the script; id: of a character of ours */
    double epochs, lr;
    int64_t rank, max_steps, seed, eval_every;
    bool dry;
} wish;

static us_status read_wish(const json_t *j, wish *w, us_error *err) {
    const json_t *o = json_object_get(j, "options");
    *w = (wish){.kind = "train", .mode = "quick"};
    us_status st = us_param_text(j, "kind", 1, 20, &w->kind, err);
    if (!st) st = us_param_text(j, "script", 0, 40, &w->script, err);
    if (!st) st = us_param_text(j, "character", 0, 200, &w->who, err);
    if (!st) st = us_param_text(j, "mode", 1, 10, &w->mode, err);
    if (!st) st = us_param_text(j, "persona", 0, 2000, &w->persona, err);
    if (!st) st = us_param_text(j, "id", 0, US_CHARACTER_ID - 1, &w->id, err);
    if (!st) st = us_param_bool(j, "dry", &w->dry, err);
    if (!st && o && !json_is_object(o)) st = us_fail(err, US_ERR_ARGUMENT, "options: an object is expected");
    if (!st && o) st = us_param_number(o, "epochs", 0.001, 100, &w->epochs, err);
    if (!st && o) st = us_param_number(o, "lr", 1e-6, 0.1, &w->lr, err);
    if (!st && o) st = us_param_int(o, "rank", 1, 256, &w->rank, err);
    if (!st && o) st = us_param_int(o, "max_steps", 1, 10000000, &w->max_steps, err);
    if (!st && o) st = us_param_int(o, "seed", 0, (int64_t)1 << 50, &w->seed, err);
    if (!st && o) st = us_param_int(o, "eval_every", 1, 1000000, &w->eval_every, err);
    if (!st && strcmp(w->mode, "quick") && strcmp(w->mode, "full"))
        st = us_fail(err, US_ERR_ARGUMENT, "mode: quick or full is expected");
    return st;
}

static void training_args(us_args *a, const wish *w) {
    if (w->epochs > 0) us_args_addf(a, "--epochs=%.6g", w->epochs);
    if (w->lr > 0) us_args_addf(a, "--lr=%.6g", w->lr);
    if (w->rank) us_args_addf(a, "--rank=%lld", (long long)w->rank);
    if (w->max_steps) us_args_addf(a, "--max-steps=%lld", (long long)w->max_steps);
    if (w->seed) us_args_addf(a, "--seed=%lld", (long long)w->seed);
    if (w->eval_every) us_args_addf(a, "--eval-every=%lld", (long long)w->eval_every);
    if (w->persona) us_args_addf(a, "--persona=%s", w->persona);
}

static us_status needs_model(us_server *s, us_error *err) {
    return s->o.model_path ? US_OK
                           : us_because(us_fail(err, US_ERR_UNSUPPORTED,
                                                "this server has no model of its own (--engine): it cannot teach a character"),
                                        "no_model", err);
}

/* What the whole of it would take: 'understudy train --dry-run', kept beside the script. */
static us_status plan(us_server *s, const wish *w, json_t **out, us_error *err) {
    us_args a = {0};
    uint64_t version;
    char file[40];
    us_args_add(&a, s->o.program);
    us_args_add(&a, "train");
    us_status st = us_script_args(s, w->script, &a, NULL, &version, err);
    us_args_addf(&a, "--character=%s", w->who);
    us_args_addf(&a, "--model=%s", s->o.model_path);
    us_args_addf(&a, "--out=%s/none", s->studio->half);
    us_args_add(&a, "--dry-run");
    us_args_add(&a, "--json");
    us_args_add(&a, "--quiet");
    if (w->rank) us_args_addf(&a, "--rank=%lld", (long long)w->rank);
    snprintf(file, sizeof file, "plan-%016llx.json",
             (unsigned long long)mix(mix(version + (uint64_t)w->rank * 977, w->who), s->o.model_path));
    char *path = st ? NULL : us_script_path(s, w->script, file);
    if (!st && !(path && us_file_exists(path) && us_json_read(path, 1 << 16, out, NULL) == US_OK)) {
        st = us_studio_ask(s, &a, NULL, 300, out, err);
        char *text = st ? NULL : json_dumps(*out, JSON_COMPACT);
        if (text && path && us_file_write_atomic(path, text, strlen(text), NULL)) us_log(s, "%s: cannot be kept", path);
        free(text);
    }
    free(path);
    us_args_free(&a);
    return st;
}

/* Quick is so much of it as fits in a quarter of an hour here; full the recipe's epochs. */
static double epochs_of(const wish *w, const json_t *plan) {
    double full = FULL_EPOCHS_PERCENT / 100.0, seconds = json_number_value(json_object_get(plan, "seconds"));
    if (w->epochs > 0) return w->epochs;
    if (!strcmp(w->mode, "full") || !(seconds > QUICK_SECONDS)) return full;
    double e = full * QUICK_SECONDS / seconds;
    return e < 0.1 ? 0.1 : (double)(int64_t)(e * 100) / 100;
}

static double free_disk(const us_server *s) {
    struct statvfs v;
    return statvfs(s->o.data_dir, &v) ? 0 : (double)v.f_bavail * (double)v.f_frsize;
}

static enum MHD_Result answer_dry(us_request *r, const wish *w, json_t *p) {
    double seconds = json_number_value(json_object_get(p, "seconds")), full = FULL_EPOCHS_PERCENT / 100.0;
    wish quick = *w, whole = *w;
    quick.mode = "quick";
    whole.mode = "full";
    double a = epochs_of(&quick, p), b = epochs_of(&whole, p);
    json_object_set_new(p, "quick", json_pack("{s:f, s:f}", "epochs", a, "seconds", seconds * a / full));
    json_object_set_new(p, "full", json_pack("{s:f, s:f}", "epochs", b, "seconds", seconds * b / full));
    json_object_set_new(p, "free_disk_bytes", json_real(free_disk(r->s)));
    return us_answer_json(r, 200, p);
}

/* ---- POST /api/jobs ------------------------------------------------------------------------------------------------ */

static json_t *argv_json(const us_args *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n; i++) json_array_append_new(list, json_string(a->argv[i]));
    return list;
}

/* Where a character that is made came from, for learning on and for the audition. */
static us_status note_origin(const char *folder, const wish *w, const char *name, us_error *err) {
    json_t *o = json_pack("{s:s, s:s, s:s}", "script", w->script, "character", w->who, "script_name", name);
    char *path = us_path_join(folder, "origin.json"), *text = o ? json_dumps(o, 0) : NULL;
    us_status st = path && text ? us_dir_make(folder, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_file_write_atomic(path, text, strlen(text), err);
    free(path);
    free(text);
    json_decref(o);
    return st;
}

static us_status add_training(us_server *s, wish *w, json_t *p, char job[US_JOBS_ID], us_error *err) {
    us_args train = {0}, about = {0};
    char id[US_CHARACTER_ID], name[128] = "", *folder = NULL, *to = NULL, *mark = NULL;
    w->epochs = w->max_steps ? 0 : epochs_of(w, p);
    us_status st = us_characters_new_id(s->characters, w->who, id, err);
    if (!st && (!(folder = us_path_join(s->studio->half, id)) || !(to = us_path_join(s->studio->own, id)) ||
                !(mark = us_path_join(folder, "checkpoint.gguf"))))
        st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_args_add(&train, "train");
    if (!st) st = us_script_args(s, w->script, &train, name, NULL, err);
    us_args_addf(&train, "--character=%s", w->who);
    us_args_addf(&train, "--model=%s", s->o.model_path);
    us_args_addf(&train, "--out=%s", folder ? folder : "");
    us_args_add(&train, "--log");
    us_args_add(&train, "{log}");
    us_args_add(&train, "--no-job");
    training_args(&train, w);
    us_args_add(&about, "explore");
    if (!st) st = us_script_args(s, w->script, &about, NULL, NULL, err);
    us_args_addf(&about, "--character=%s", w->who);
    us_args_addf(&about, "--about=%s", folder ? folder : "");
    if (!st && (train.over || about.over)) st = us_fail(err, US_ERR_LIMIT, "too many options");
    if (!st) st = note_origin(folder, w, name, err);
    json_t *o =
        st ? NULL
           : json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O?, s:[{s:o, s:s, s:[s], s:[s], s:[s]}, {s:o}], s:{s:s, s:s}, s:[s]}",
                       "kind", "train", "title", w->who, "id", id, "character", id, "script", w->script, "mode", w->mode,
                       "plan", p, "steps", "argv", argv_json(&train), "mark", mark, "fresh", "--restart", "again", "--resume",
                       "ending", "--finish", "argv", argv_json(&about), "publish", "from", folder, "to", to, "clean", folder);
    char *text = o ? json_dumps(o, 0) : NULL;
    if (!st) st = text ? us_jobs_add(s->studio->jobs, text, job, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    json_decref(o);
    us_args_free(&train);
    us_args_free(&about);
    free(folder);
    free(to);
    free(mark);
    return st;
}

/* The script that a character of ours was learned from. */
static us_status read_origin(us_server *s, const char *id, us_character **c, json_t **origin, us_error *err) {
    us_status st = us_characters_find(s->characters, id, c, err);
    if (st) return st;
    char *path = us_path_join((*c)->folder, "origin.json");
    if (!path || !us_file_exists(path) || us_json_read(path, 1 << 16, origin, NULL)) *origin = NULL;
    free(path);
    if (*origin) return US_OK;
    us_character_put(*c);
    return us_fail(err, US_ERR_NOT_FOUND,
                   "nobody knows which script '%s' was learned from: its audition is held by 'understudy audition'", id);
}

static us_status add_audition(us_server *s, const wish *w, char job[US_JOBS_ID], us_error *err) {
    us_character *c = NULL;
    json_t *origin = NULL;
    us_args a = {0};
    if (!w->id) return us_fail(err, US_ERR_ARGUMENT, "id: whose audition?");
    us_status st = read_origin(s, w->id, &c, &origin, err);
    if (st) return st;
    char *mark = us_path_join(c->folder, "audition.partial.jsonl");
    us_args_add(&a, "audition");
    us_args_addf(&a, "%s", c->folder);
    us_args_add(&a, "--data");
    st =
        mark ? us_script_args(s, text_of(origin, "script"), &a, NULL, NULL, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    us_args_addf(&a, "--model=%s", s->o.model_path);
    us_args_add(&a, "--log");
    us_args_add(&a, "{log}");
    if (!strcmp(w->mode, "quick")) us_args_add(&a, "--quick");
    json_t *o = st ? NULL
                   : json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:o, s:s, s:[s], s:[]}]}", "kind", "audition", "title",
                               us_card_name(c->card), "character", w->id, "script", text_of(origin, "script"), "mode", w->mode,
                               "steps", "argv", argv_json(&a), "mark", mark, "fresh", "--restart", "again");
    char *text = o ? json_dumps(o, 0) : NULL;
    if (!st) st = text ? us_jobs_add(s->studio->jobs, text, job, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    free(mark);
    json_decref(o);
    json_decref(origin);
    us_args_free(&a);
    us_character_put(c);
    return st;
}

static enum MHD_Result answer_job(us_request *r, int code, const char *id) {
    char *text;
    us_error err;
    us_status st = us_jobs_list(r->s->studio->jobs, id, &text, &err);
    if (st) return us_refuse_error(r, st, &err);
    json_t *o = us_json_parse(text, strlen(text), NULL);
    free(text);
    json_object_del(o, "steps"); /* paths of this machine */
    json_object_del(o, "publish");
    json_object_del(o, "clean");
    json_object_del(o, "folder");
    json_object_del(o, "log");
    json_object_del(o, "pid");
    return us_answer_json(r, code, o);
}

enum MHD_Result us_route_job_add(us_request *r) {
    wish w;
    char id[US_JOBS_ID];
    json_t *p = NULL;
    us_error err;
    us_status st =
        r->json ? read_wish(r->json, &w, &err) : us_fail(&err, US_ERR_ARGUMENT, "kind: train or audition is expected");
    if (!st) st = needs_model(r->s, &err);
    if (!st && !strcmp(w.kind, "audition")) st = add_audition(r->s, &w, id, &err);
    else if (!st && strcmp(w.kind, "train")) st = us_fail(&err, US_ERR_ARGUMENT, "kind: train or audition is expected");
    else if (!st && (!w.script || !w.who))
        st = us_fail(&err, US_ERR_ARGUMENT, "script: a script and a character of it are expected");
    else if (!st) {
        st = plan(r->s, &w, &p, &err);
        if (!st && w.dry) return answer_dry(r, &w, p);
        if (!st) st = add_training(r->s, &w, p, id, &err);
    }
    json_decref(p);
    return st ? us_refuse_error(r, st, &err) : answer_job(r, 201, id);
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
    json_array_foreach(list, i, one) {
        static const char *const private[] = {"steps", "publish", "clean", "folder", "log", "pid"};
        for (size_t k = 0; k < sizeof private / sizeof *private; k++) json_object_del(one, private[k]);
    }
    return us_answer_json(r, 200, json_pack("{s:o}", "jobs", list));
}

enum MHD_Result us_route_job(us_request *r) { return answer_job(r, 200, r->args[0]); }

static enum MHD_Result control(us_request *r, us_jobs_action action) {
    us_error err;
    us_status st = us_jobs_control(r->s->studio->jobs, r->args[0], action, &err);
    if (st) return us_refuse_error(r, st, &err);
    return action == US_JOBS_FORGET ? us_answer_json(r, 200, json_pack("{s:b}", "deleted", 1)) : answer_job(r, 200, r->args[0]);
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
    snprintf(now, sizeof now, "%.20s %.20s %lld", text_of(o, "state"), text_of(o, "wanted"),
             (long long)json_integer_value(json_object_get(o, "at")));
    st = tell_lines(r, f, err); /* what was written before it stood so comes first */
    *over = strcmp(text_of(o, "state"), "running") && strcmp(text_of(o, "state"), "queued");
    if (!st && strcmp(now, f->state)) {
        memcpy(f->state, now, sizeof now);
        st = us_event(r, "job",
                      json_pack("{s:s, s:s, s:s, s:O?}", "state", text_of(o, "state"), "wanted", text_of(o, "wanted"), "error",
                                text_of(o, "error"), "at", json_object_get(o, "at")),
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
