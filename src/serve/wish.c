/* What a visitor asks of the studio becomes a job: commands of this same program. A character that is being made lies aside
 * (DATA/rehearsals/ID) and joins the cast by being renamed. Of several of one script the first is learned from nothing; the others
 * continue from the first, which has learned what they share: the form, the world, how people there talk. */
#include "base/file.h"
#include "base/json.h"
#include "serve/params.h"
#include "serve/studio.h"
#include "text/hash.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { QUICK_SECONDS = 900, FULL_EPOCHS_PERCENT = 150, CONTINUED_PERCENT = 50, MAX_NAMES = 8 };

typedef struct wish {
    const char *kind, *script, *mode, *persona;
    const char *names[MAX_NAMES]; /* of the script */
    size_t n_names;
    const char *id;   /* of a character of ours: whose audition */
    const char *from; /* of a character of ours, which goes on to learn */
    double epochs, lr;
    int64_t rank, max_steps, seed, eval_every;
    bool dry;
} wish;

static us_status read_names(const json_t *j, wish *w, us_error *err) {
    const json_t *list = json_object_get(j, "characters");
    const char *one = NULL;
    us_status st = us_param_text(j, "character", 0, 200, &one, err);
    if (!st && one && *one) w->names[w->n_names++] = one;
    if (st || !list || json_is_null(list)) return st;
    if (one || !json_is_array(list) || !json_array_size(list) || json_array_size(list) > MAX_NAMES)
        return us_fail(err, US_ERR_ARGUMENT, "characters: one to %d names of the script are expected, instead of 'character'",
                       MAX_NAMES);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name || !*name || strlen(name) > 200) return us_fail(err, US_ERR_ARGUMENT, "characters: a name is expected");
        for (size_t k = 0; k < i; k++)
            if (!strcmp(w->names[k], name)) return us_fail(err, US_ERR_ARGUMENT, "characters: '%.60s' is named twice", name);
        w->names[w->n_names++] = name;
    }
    return US_OK;
}

static us_status read_wish(const json_t *j, wish *w, us_error *err) {
    const json_t *o = json_object_get(j, "options");
    *w = (wish){.kind = "train", .mode = "quick"};
    us_status st = us_param_text(j, "kind", 1, 20, &w->kind, err);
    if (!st) st = us_param_text(j, "script", 0, 40, &w->script, err);
    if (!st) st = read_names(j, w, err);
    if (!st) st = us_param_text(j, "mode", 1, 10, &w->mode, err);
    if (!st) st = us_param_text(j, "persona", 0, 2000, &w->persona, err);
    if (!st) st = us_param_text(j, "id", 0, US_CHARACTER_ID - 1, &w->id, err);
    if (!st) st = us_param_text(j, "continue", 0, US_CHARACTER_ID - 1, &w->from, err);
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
    if (!st && w->from && !*w->from) w->from = NULL;
    if (!st && w->from && w->n_names > 1)
        st = us_fail(err, US_ERR_ARGUMENT, "continue: a character goes on to learn alone, not with others");
    if (!st && w->persona && w->n_names > 1)
        st = us_fail(err, US_ERR_ARGUMENT, "persona: it is of one character, and %zu are asked for", w->n_names);
    return st;
}

static us_status needs_model(us_server *s, us_error *err) {
    return s->o.model_path ? US_OK
                           : us_because(us_fail(err, US_ERR_UNSUPPORTED,
                                                "this server has no model of its own (--engine): it cannot teach a character"),
                                        "no_model", err);
}

/* ---- what it takes ------------------------------------------------------------------------------------------------ */

/* What the whole of one character would take: 'understudy train --dry-run', kept beside the script. */
static us_status plan_one(us_server *s, const wish *w, const char *who, json_t **out, us_error *err) {
    us_args a = {0};
    uint64_t version;
    char file[40];
    us_args_add(&a, s->o.program);
    us_args_add(&a, "train");
    us_status st = us_script_args(s, w->script, &a, NULL, &version, err);
    us_args_addf(&a, "--character=%s", who);
    us_args_addf(&a, "--model=%s", s->o.model_path);
    us_args_addf(&a, "--out=%s/none", s->studio->half);
    us_args_add(&a, "--dry-run");
    us_args_add(&a, "--json");
    us_args_add(&a, "--quiet");
    if (w->rank) us_args_addf(&a, "--rank=%lld", (long long)w->rank);
    snprintf(file, sizeof file, "plan-%016llx.json",
             (unsigned long long)us_hash_text(us_hash_text(version + (uint64_t)w->rank * 977, who), s->o.model_path));
    char *path = st ? NULL : us_script_path(s, w->script, file);
    if (!st && !(path && us_file_exists(path) && us_json_read_plain(path, 1 << 16, out, NULL) == US_OK)) {
        st = us_studio_ask(s, &a, NULL, 300, out, err);
        char *text = st ? NULL : json_dumps(*out, JSON_COMPACT);
        if (text && path && us_file_write_atomic(path, text, strlen(text), NULL)) us_log(s, "%s: cannot be kept", path);
        free(text);
    }
    free(path);
    us_args_free(&a);
    return st;
}

/* How much of what the first takes character i takes. */
static double share_of(size_t i) { return i ? CONTINUED_PERCENT / 100.0 : 1; }

/* The first one's plan, with the seconds of all, and "cast": what each would take. */
static us_status plan(us_server *s, const wish *w, json_t **out, us_error *err) {
    json_t *cast = json_array(), *one = NULL;
    double seconds = 0, disk = 0;
    us_status st = US_OK;
    for (size_t i = 0; i < w->n_names && !st; i++) {
        if ((st = plan_one(s, w, w->names[i], &one, err))) break;
        seconds += share_of(i) * json_number_value(json_object_get(one, "seconds"));
        disk += json_number_value(json_object_get(one, "disk_bytes"));
        json_array_append_new(cast, json_pack("{s:s, s:O, s:O?}", "character", w->names[i], "targets",
                                              json_object_get(one, "targets"), "seconds", json_object_get(one, "seconds")));
        if (!i) *out = one;
        else json_decref(one);
    }
    if (!st) {
        json_object_set_new(*out, "seconds", json_real(seconds));
        json_object_set_new(*out, "disk_bytes", json_integer((json_int_t)disk));
        json_object_set_new(*out, "cast", cast);
    } else json_decref(cast);
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

static enum MHD_Result answer_dry(us_request *r, const wish *w, json_t *p) {
    double seconds = json_number_value(json_object_get(p, "seconds")), full = FULL_EPOCHS_PERCENT / 100.0;
    wish quick = *w, whole = *w;
    quick.mode = "quick";
    whole.mode = "full";
    double a = epochs_of(&quick, p), b = epochs_of(&whole, p);
    json_object_set_new(p, "quick", json_pack("{s:f, s:f}", "epochs", a, "seconds", seconds * a / full));
    json_object_set_new(p, "full", json_pack("{s:f, s:f}", "epochs", b, "seconds", seconds * b / full));
    json_object_set_new(p, "free_disk_bytes", json_real(us_storage_free(r->s)));
    return us_answer_json(r, 200, p);
}

/* ---- a training --------------------------------------------------------------------------------------------------- */

/* One of those that are learned: where they lie until they are ready, and afterwards. */
typedef struct pupil {
    const char *name;                                /* in the script */
    char id[US_CHARACTER_ID], half[US_CHARACTER_ID]; /* half: while they learn; the same, unless they are there already */
    char *folder, *to, *mark, *adapter;              /* adapter: once they are ready */
    char *aside;                                     /* where who has this id goes then; NULL: nobody has */
} pupil;

static void free_pupil(pupil *p) {
    free(p->folder);
    free(p->to);
    free(p->mark);
    free(p->adapter);
    free(p->aside);
}

static us_status find_places(us_server *s, const wish *w, size_t i, pupil *p, us_error *err) {
    us_status st = US_OK;
    p->name = w->names[i];
    for (bool made = false; !st && !made;) { /* the id is taken from now on; another request may have been faster */
        free(p->folder);
        p->folder = NULL;
        st = us_characters_new_id(s->characters, p->name, p->half, err);
        if (!st && !(p->folder = us_path_join(s->studio->half, p->half))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        made = !st && !mkdir(p->folder, 0700);
        if (!st && !made && errno != EEXIST)
            st = us_fail(err, US_ERR_IO, "%s: cannot make folder: %s", p->folder, strerror(errno));
    }
    if (st) {
        free(p->folder); /* it is not ours */
        p->folder = NULL;
        return st;
    }
    snprintf(p->id, sizeof p->id, "%s", w->from ? w->from : p->half);
    p->to = us_path_join(s->studio->own, p->id);
    p->mark = us_path_join(p->folder, "checkpoint.gguf");
    p->adapter = p->to ? us_path_join(p->to, "adapter.gguf") : NULL;
    p->aside = w->from ? us_path_join(s->studio->trash, p->id) : NULL;
    return !p->mark || !p->adapter || (w->from && !p->aside) ? us_fail(err, US_ERR_MEMORY, "out of memory") : US_OK;
}

/* What somebody has made of the character stays: the card and the picture go along. */
static us_status take_along(us_server *s, const pupil *p, us_error *err) {
    static const char *const files[] = {"card.json", "picture.png", "portrait.png"};
    us_character *c = NULL;
    us_status st = us_characters_find(s->characters, p->id, &c, err);
    if (!st && (!c->own || c->half))
        st = us_because(
            us_fail(err, US_ERR_MISMATCH, "'%s' came with the program: only your own characters can be changed", p->id),
            "not_yours", err);
    if (!st && !us_file_exists(p->adapter)) st = us_fail(err, US_ERR_MISMATCH, "'%s' has no adapter to go on from", p->id);
    for (size_t i = 0; i < sizeof files / sizeof *files && !st; i++) {
        char *from = us_path_join(c->folder, files[i]), *to = us_path_join(p->folder, files[i]), *data = NULL;
        size_t n;
        if (!from || !to) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        else if (us_file_is_plain(from) && !(st = us_file_read(from, 16 << 20, &data, &n, err)))
            st = us_file_write_atomic(to, data, n, err);
        free(from);
        free(to);
        free(data);
    }
    us_character_put(c);
    return st;
}

/* Where a character that is made came from, for learning on and for the audition. */
static us_status note_origin(const pupil *p, const wish *w, const char *script_name, us_error *err) {
    json_t *o = json_pack("{s:s, s:s, s:s}", "script", w->script, "character", p->name, "script_name", script_name);
    char *path = us_path_join(p->folder, "origin.json"), *text = o ? json_dumps(o, 0) : NULL;
    us_status st =
        path && text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(path);
    free(text);
    json_decref(o);
    return st;
}

static json_t *argv_json(const us_args *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n; i++) json_array_append_new(list, json_string(a->argv[i]));
    return list;
}

static void training_args(us_args *a, const wish *w, double epochs, const char *adapter) {
    if (epochs > 0) us_args_addf(a, "--epochs=%.6g", epochs);
    if (w->lr > 0) us_args_addf(a, "--lr=%.6g", w->lr);
    if (w->rank) us_args_addf(a, "--rank=%lld", (long long)w->rank);
    if (w->max_steps) us_args_addf(a, "--max-steps=%lld", (long long)w->max_steps);
    if (w->seed) us_args_addf(a, "--seed=%lld", (long long)w->seed);
    if (w->eval_every) us_args_addf(a, "--eval-every=%lld", (long long)w->eval_every);
    if (w->persona) us_args_addf(a, "--persona=%s", w->persona);
    if (adapter) us_args_addf(a, "--continue=%s", adapter);
}

/* Two steps: learning, and what the page tells about them. */
static us_status add_steps(us_server *s, const wish *w, const pupil *p, double epochs, const char *adapter, json_t *steps,
                           us_error *err) {
    us_args train = {0}, about = {0};
    char name[128] = "";
    us_args_add(&train, "train");
    us_status st = us_script_args(s, w->script, &train, name, NULL, err);
    us_args_addf(&train, "--character=%s", p->name);
    us_args_addf(&train, "--model=%s", s->o.model_path);
    us_args_addf(&train, "--out=%s", p->folder);
    us_args_add(&train, "--log");
    us_args_add(&train, "{log}");
    us_args_add(&train, "--no-job");
    training_args(&train, w, epochs, adapter);
    us_args_add(&about, "explore");
    if (!st) st = us_script_args(s, w->script, &about, NULL, NULL, err);
    us_args_addf(&about, "--character=%s", p->name);
    us_args_addf(&about, "--about=%s", p->folder);
    if (!st && (train.over || about.over)) st = us_fail(err, US_ERR_LIMIT, "too many options");
    if (!st) st = note_origin(p, w, name, err);
    json_t *learn = st ? NULL
                       : json_pack("{s:o, s:s, s:[s], s:[s], s:[s]}", "argv", argv_json(&train), "mark", p->mark, "fresh",
                                   "--restart", "again", "--resume", "ending", "--finish"),
           *tell = st ? NULL
                      : json_pack("{s:o, s:{s:s, s:s, s:s*}}", "argv", argv_json(&about), "publish", "from", p->folder, "to",
                                  p->to, "aside", p->aside);
    if (!st && (json_array_append_new(steps, learn) || json_array_append_new(steps, tell)))
        st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_args_free(&train);
    us_args_free(&about);
    return st;
}

static void title_of(const wish *w, char *out, size_t n) {
    size_t at = 0;
    for (size_t i = 0; i < w->n_names && at < n; i++)
        at += (size_t)snprintf(out + at, n - at, "%s%s", i ? ", " : "", w->names[i]);
}

/* Hours later it is too late to say so. */
static us_status check_disk(const us_server *s, const json_t *plan, us_error *err) {
    double needs = json_number_value(json_object_get(plan, "disk_bytes")), is_free = us_storage_free(s);
    if (needs <= is_free) return US_OK;
    return us_because(
        us_fail(err, US_ERR_LIMIT,
                "it needs %.0f MiB of the disk while it learns, and %.0f are free: delete what is not needed, first",
                needs / 1048576, is_free / 1048576),
        "quota", err);
}

static us_status add_training(us_server *s, const wish *w, json_t *p, char job[US_JOBS_ID], us_error *err) {
    pupil all[MAX_NAMES] = {0};
    char title[MAX_NAMES * 204];
    double epochs = w->max_steps ? 0 : epochs_of(w, p);
    json_t *steps = json_array(), *clean = json_array(), *cast = json_array(), *o = NULL;
    us_status st = US_OK;
    for (size_t i = 0; i < w->n_names && !st; i++) {
        st = find_places(s, w, i, &all[i], err);
        if (!st && w->from) st = take_along(s, &all[i], err);
        if (!st)
            st = add_steps(s, w, &all[i], epochs * share_of(i),
                           i         ? all[0].adapter
                           : w->from ? all[i].adapter
                                     : NULL,
                           steps, err);
        if (!st) json_array_append_new(clean, json_string(all[i].folder));
        if (!st)
            json_array_append_new(cast,
                                  json_pack("{s:s, s:s, s:s}", "id", all[i].id, "name", all[i].name, "half", all[i].half));
    }
    title_of(w, title, sizeof title);
    if (!st)
        o = json_pack("{s:s, s:s, s:s, s:s, s:O, s:s, s:s, s:O?, s:O, s:O}", "kind", "train", "title", title, "id", all[0].id,
                      "character", all[0].id, "characters", cast, "script", w->script, "mode", w->mode, "plan", p, "steps",
                      steps, "clean", clean);
    char *text = o ? json_dumps(o, 0) : NULL;
    if (!st) st = text ? us_jobs_add(s->studio->jobs, text, job, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < w->n_names; i++) {
        if (st && all[i].folder) us_dir_remove(all[i].folder);
        free_pupil(&all[i]);
    }
    free(text);
    json_decref(o);
    json_decref(steps);
    json_decref(clean);
    json_decref(cast);
    return st;
}

/* ---- what a kill left --------------------------------------------------------------------------------------------- */

/* Whether a text in it names this place: wherever the data folder lay when it was written. */
static bool names(json_t *o, const char *place) {
    size_t n = strlen(place), i;
    const char *key;
    json_t *x;
    bool any = false;
    for (const char *at = json_is_string(o) ? strstr(json_string_value(o), place) : NULL; at && !any;
         at = strstr(at + 1, place))
        any = !at[n] || at[n] == '/';
    if (json_is_array(o)) {
        json_array_foreach(o, i, x) any = any || names(x, place);
    } else if (json_is_object(o)) {
        json_object_foreach(o, key, x) any = any || names(x, place);
    }
    return any;
}

/* More than what a folder has before its job is there. */
static bool holds_more(const char *folder) {
    static const char *const before[] = {".", "..", "card.json", "picture.png", "portrait.png", "origin.json"};
    DIR *d = opendir(folder);
    bool more = !d;
    for (struct dirent *e; d && !more && (e = readdir(d));) {
        more = true;
        for (size_t i = 0; i < sizeof before / sizeof *before; i++) more = more && strcmp(e->d_name, before[i]);
    }
    if (d) closedir(d);
    return more;
}

void us_wishes_forget_half(us_studio *t) {
    char *text, place[NAME_MAX + 20];
    if (us_jobs_list(t->jobs, NULL, &text, NULL)) return;
    json_t *jobs = us_json_parse(text, strlen(text), NULL), *x;
    bool unsure = false; /* what cannot be read may name any of them */
    size_t i;
    json_array_foreach(jobs, i, x) unsure = unsure || json_is_true(json_object_get(x, "broken"));
    DIR *d = jobs && !unsure ? opendir(t->half) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(place, sizeof place, "/rehearsals/%s", e->d_name);
        char *folder = *e->d_name == '.' || names(jobs, place) ? NULL : us_path_join(t->half, e->d_name);
        if (folder && !holds_more(folder)) us_dir_remove(folder);
        else if (folder)
            us_log(t->s, "%s: no job goes on with it; 'understudy train' does, with --out=%s --resume, or delete the folder",
                   folder, folder);
        free(folder);
    }
    if (d) closedir(d);
    json_decref(jobs);
    free(text);
}

/* ---- an audition -------------------------------------------------------------------------------------------------- */

/* The script that a character of ours was learned from. */
static us_status read_origin(us_server *s, const char *id, us_character **c, json_t **origin, us_error *err) {
    us_characters_rescan(s->characters); /* who has just been made has moved */
    us_status st = us_characters_find(s->characters, id, c, err);
    if (st) return st;
    char *path = us_path_join((*c)->folder, "origin.json");
    if (!path || !us_file_exists(path) || us_json_read_plain(path, 1 << 16, origin, NULL)) *origin = NULL;
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
    st = mark ? us_script_args(s, us_json_text(origin, "script"), &a, NULL, NULL, err)
              : us_fail(err, US_ERR_MEMORY, "out of memory");
    us_args_addf(&a, "--model=%s", s->o.model_path);
    us_args_add(&a, "--log");
    us_args_add(&a, "{log}");
    if (!strcmp(w->mode, "quick")) us_args_add(&a, "--quick");
    json_t *o = st ? NULL
                   : json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:o, s:s, s:[s], s:[]}]}", "kind", "audition", "title",
                               us_card_name(c->card), "character", w->id, "script", us_json_text(origin, "script"), "mode",
                               w->mode, "steps", "argv", argv_json(&a), "mark", mark, "fresh", "--restart", "again");
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
    else if (!st && (!w.script || !w.n_names))
        st = us_fail(&err, US_ERR_ARGUMENT, "script: a script and a character of it are expected");
    else if (!st) {
        st = plan(r->s, &w, &p, &err);
        if (!st && w.dry) return answer_dry(r, &w, p);
        if (!st) st = check_disk(r->s, p, &err);
        if (!st) st = add_training(r->s, &w, p, id, &err);
    }
    json_decref(p);
    return st ? us_refuse_error(r, st, &err) : us_answer_job(r, 201, id);
}
