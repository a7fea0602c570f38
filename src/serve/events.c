/* GET /api/events: what has changed, so that every page shows the same. A change says only what and which; the page asks for
 * the rest as it always does. Who was away asks with Last-Event-ID, and is told "all" when that is too long ago; a page that
 * begins asks with the "last_event" that /api/state told it before it loaded anything, so that no change falls between. */
#include "base/clock.h"
#include "serve/studio.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 120 };

/* owner: who alone is told; "": everybody. */
static void note(us_server *s, const char *what, const char *id, const char *owner) {
    us_changes *c = &s->changes;
    pthread_mutex_lock(&c->lock);
    us_change *k = &c->ring[c->n++ % US_N_CHANGES];
    snprintf(k->what, sizeof k->what, "%s", what);
    snprintf(k->id, sizeof k->id, "%s", id);
    snprintf(k->owner, sizeof k->owner, "%s", owner);
    pthread_mutex_unlock(&c->lock);
}

void us_changed(us_server *s, const char *what) { note(s, what, "", ""); }

void us_changed_by(const us_request *r) {
    static const struct {
        const char *path, *what;
    } kinds[] = {
        {"/api/chats", "chats"}, {"/api/characters", "characters"}, {"/api/scripts", "scripts"}, {"/api/jobs", "jobs"}};
    if (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD") || r->code / 100 != 2) return;
    if (*r->chat) note(r->s, "chat", r->chat, r->owner);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) /* of chats only the owner hears, of the rest everybody */
        if (!strncmp(r->path, kinds[i].path, strlen(kinds[i].path))) note(r->s, kinds[i].what, "", i ? "" : r->owner);
}

typedef struct listener {
    uint64_t seen;
    bool greeted, missed;
} listener;

static void name_event(const us_server *s, uint64_t n, char out[US_EVENT_ID]) {
    snprintf(out, US_EVENT_ID, "%lld-%llu", (long long)s->started_ms, (unsigned long long)n);
}

void us_last_event(us_server *s, char out[US_EVENT_ID]) {
    pthread_mutex_lock(&s->changes.lock);
    name_event(s, s->changes.n, out);
    pthread_mutex_unlock(&s->changes.lock);
}

static us_status tell(us_request *r, uint64_t n, const char *event, json_t *j, us_error *err) {
    char id[US_EVENT_ID];
    name_event(r->s, n, id);
    us_status st = us_buf_appendf(&r->out, err, "id: %s\n", id);
    if (st) json_decref(j);
    return st ? st : us_event(r, event, j, err);
}

/* Those since, each once: many of one kind in a row say no more than one. */
static us_status tell_changes(us_request *r, listener *l, us_error *err) {
    us_changes *c = &r->s->changes;
    json_t *list = json_object();
    pthread_mutex_lock(&c->lock);
    uint64_t n = c->n;
    if (n - l->seen > US_N_CHANGES) json_object_set_new(list, "all", json_true());
    else
        for (uint64_t i = l->seen; i < n; i++) {
            const us_change *k = &c->ring[i % US_N_CHANGES];
            char key[96];
            if (*k->owner && strcmp(k->owner, r->owner) != 0) continue;
            snprintf(key, sizeof key, "%s%s%s", k->what, *k->id ? " " : "", k->id);
            json_object_set_new(list, key, json_true());
        }
    pthread_mutex_unlock(&c->lock);
    l->seen = n;
    us_status st = US_OK;
    const char *key;
    json_t *v;
    json_object_foreach(list, key, v) {
        const char *blank = strchr(key, ' ');
        if (!st)
            st = tell(r, n, "change",
                      json_pack("{s:s%, s:s}", "what", key, blank ? (size_t)(blank - key) : strlen(key), "id",
                                blank ? blank + 1 : ""),
                      err);
    }
    json_decref(list);
    return st;
}

static us_status more(us_request *r, us_error *err) {
    listener *l = r->work;
    us_status st = US_OK;
    if (!l->greeted) {
        l->greeted = true;
        return tell(r, l->seen, "hello",
                    json_pack("{s:s, s:I, s:b}", "version", us_version(), "started_ms", (json_int_t)r->s->started_ms, "missed",
                              l->missed),
                    err);
    }
    for (int i = 0; i < 1000 / LOOK_MS && !r->out.len && !st && !r->s->ending; i++) {
        st = tell_changes(r, l, err);
        if (!st && !r->out.len) nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    r->ended = r->s->ending;
    return st;
}

enum MHD_Result us_route_events(us_request *r) {
    listener *l = calloc(1, sizeof *l);
    const char *last = MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, "Last-Event-ID");
    long long started = 0;
    unsigned long long n = 0;
    us_changes *c = &r->s->changes;
    if (!l) return us_refuse(r, 500, "out of memory");
    pthread_mutex_lock(&c->lock);
    bool known = last && sscanf(last, "%19lld-%19llu", &started, &n) == 2 && started == r->s->started_ms && n <= c->n &&
                 c->n - n <= US_N_CHANGES;
    l->seen = known ? n : c->n;
    l->missed = last && !known;
    pthread_mutex_unlock(&c->lock);
    r->work = l;
    r->free_work = free;
    return us_answer_stream(r, more);
}
