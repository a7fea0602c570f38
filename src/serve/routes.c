/* The table of routes, the page's files, and the small answers about the server itself. */
#include "base/clock.h"
#include "serve/studio.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum MHD_Result page(us_request *r) {
    for (const us_page_file *f = us_page_files; f->url; f++)
        if (!strcmp(r->path, f->url)) return us_answer_page(r, f);
    return us_refuse(r, 404, "no such page; the API is under /v1 and /api");
}

static const us_route page_route = {.method = "GET", .path = "", .answer = page};

#define KEY US_ROUTE_KEY
#define MODEL (US_ROUTE_KEY | US_ROUTE_MODEL)
#define ANSWER (MODEL | US_ROUTE_ANSWER)
#define TOKENS (ANSWER | US_ROUTE_LARGE)
#define LARGE (US_ROUTE_KEY | US_ROUTE_LARGE)
#define UPLOAD (US_ROUTE_KEY | US_ROUTE_UPLOAD)
#define STUDIO (US_ROUTE_KEY | US_ROUTE_STUDIO)
#define LISTS (STUDIO | US_ROUTE_LARGE)
#define KEEPS (US_ROUTE_KEY | US_ROUTE_KEEPS)
#define SAYS (MODEL | US_ROUTE_KEEPS)
static const us_route table[] = {
    {"GET", "/health", us_route_health, 0, NULL},
    {"GET", "/metrics", us_route_metrics, KEY, NULL},
    {"POST", "/tokenize", us_route_tokenize, TOKENS, NULL},
    {"POST", "/detokenize", us_route_detokenize, TOKENS, NULL},
    {"GET", "/v1/models", us_route_models, LARGE, NULL},
    {"GET", "/v1/models/*", us_route_model, KEY, NULL},
    {"POST", "/v1/chat/completions", us_route_chat_completions, ANSWER, NULL},
    {"POST", "/v1/completions", us_route_completions, ANSWER, NULL},
    {"POST", "/v1/embeddings", us_route_no_embeddings, KEY, NULL},
    {"POST", "/completion", us_route_llama_completion, ANSWER, NULL},
    {"GET", "/props", us_route_llama_props, MODEL, NULL},
    {"POST", "/apply-template", us_route_llama_template, TOKENS, NULL},
    {"GET", "/slots", us_route_llama_slots, MODEL, NULL},
    {"POST", "/embedding", us_route_no_embeddings, KEY, NULL},
    {"POST", "/infill", us_route_not_here, KEY, NULL},
    {"POST", "/rerank", us_route_not_here, KEY, NULL},
    {"GET", "/api/version", us_route_ollama_version, KEY, NULL},
    {"GET", "/api/tags", us_route_ollama_tags, KEY, NULL},
    {"GET", "/api/ps", us_route_ollama_ps, KEY, NULL},
    {"POST", "/api/show", us_route_ollama_show, ANSWER, NULL},
    {"POST", "/api/chat", us_route_ollama_chat, ANSWER, NULL},
    {"POST", "/api/generate", us_route_ollama_generate, ANSWER, NULL},
    {"POST", "/api/embed", us_route_ollama_refused, KEY, NULL},
    {"POST", "/api/embeddings", us_route_ollama_refused, KEY, NULL},
    {"POST", "/api/pull", us_route_ollama_refused, KEY, NULL},
    {"POST", "/api/push", us_route_ollama_refused, KEY, NULL},
    {"POST", "/api/create", us_route_ollama_refused, KEY, NULL},
    {"POST", "/api/copy", us_route_ollama_refused, KEY, NULL},
    {"DELETE", "/api/delete", us_route_ollama_refused, KEY, NULL},
    {"GET", "/api/state", us_route_state, 0, NULL},
    {"GET", "/api/characters", us_route_characters, LARGE, NULL},
    {"POST", "/api/characters", us_route_character_add, UPLOAD, NULL},
    {"GET", "/api/characters/*", us_route_character, KEY, NULL},
    {"PATCH", "/api/characters/*", us_route_character_change, STUDIO | US_ROUTE_UPLOAD, NULL},
    {"DELETE", "/api/characters/*", us_route_character_delete, STUDIO, NULL},
    {"POST", "/api/characters/*/restore", us_route_character_restore, STUDIO, NULL},
    {"GET", "/api/characters/*/picture", us_route_character_picture, KEY, NULL},
    {"GET", "/api/characters/*/card.json", us_route_character_card_json, LARGE, NULL},
    {"GET", "/api/characters/*/card.png", us_route_character_card_png, LARGE, NULL},
    {"GET", "/api/characters/*/adapter.gguf", us_route_character_adapter, KEY, NULL},
    {"GET", "/api/characters/*/peft.zip", us_route_character_peft, STUDIO, NULL},
    {"GET", "/api/characters/*/merged.gguf", us_route_character_merged, STUDIO, NULL},
    {"GET", "/api/characters/*/files/*", us_route_character_file, KEY, NULL},
    {"GET", "/api/chats", us_route_chats, LARGE, NULL},
    {"POST", "/api/chats", us_route_chat_add, KEEPS, NULL},
    {"POST", "/api/chats/import", us_route_chat_import, UPLOAD | US_ROUTE_KEEPS, NULL},
    {"GET", "/api/chats/@", us_route_chat, KEY, NULL},
    {"PATCH", "/api/chats/@", us_route_chat_change, KEEPS, NULL},
    {"DELETE", "/api/chats/@", us_route_chat_delete, KEY, NULL},
    {"POST", "/api/chats/@/restore", us_route_chat_restore, KEY, NULL},
    {"GET", "/api/chats/@/export", us_route_chat_export, KEY, NULL},
    {"POST", "/api/chats/@/branch", us_route_branch, KEEPS, NULL},
    {"POST", "/api/chats/@/undo", us_route_undo, KEY, NULL},
    {"POST", "/api/chats/@/say", us_route_say, SAYS, NULL},
    {"POST", "/api/chats/@/next", us_route_next, SAYS, NULL},
    {"POST", "/api/chats/@/compare", us_route_compare, MODEL, NULL},
    {"POST", "/api/chats/@/stop", us_route_stop, KEY, NULL},
    {"PATCH", "/api/chats/@/turns/#", us_route_turn_change, KEEPS, NULL},
    {"DELETE", "/api/chats/@/turns/#", us_route_turn_delete, KEY, NULL},
    {"GET", "/api/chats/@/turns/#/prompt", us_route_turn_prompt, LARGE, NULL},
    {"POST", "/api/chats/@/turns/#/regenerate", us_route_regenerate, SAYS, NULL},
    {"GET", "/api/backup", us_route_backup, STUDIO, NULL},
    {"GET", "/api/storage", us_route_storage, STUDIO, NULL},
    {"DELETE", "/api/storage/*", us_route_storage_delete, STUDIO, NULL},
    {"POST", "/api/chats/@/turns/#/continue", us_route_continue, SAYS, NULL},
    {"GET", "/api/search", us_route_search, KEY, NULL},
    {"GET", "/api/events", us_route_events, KEY, NULL},
    {"GET", "/api/scripts", us_route_scripts, LISTS, NULL},
    {"POST", "/api/scripts", us_route_script_add, STUDIO, us_script_take},
    {"GET", "/api/scripts/*", us_route_script, STUDIO, NULL},
    {"PATCH", "/api/scripts/*", us_route_script_change, STUDIO, NULL},
    {"DELETE", "/api/scripts/*", us_route_script_delete, STUDIO, NULL},
    {"GET", "/api/scripts/*/explore", us_route_script_explore, STUDIO, NULL},
    {"GET", "/api/scripts/*/lines", us_route_script_lines, STUDIO, NULL},
    {"GET", "/api/scripts/*/files/*", us_route_script_file, STUDIO, NULL},
    {"GET", "/api/jobs", us_route_jobs, LISTS, NULL},
    {"POST", "/api/jobs", us_route_job_add, STUDIO, NULL},
    {"GET", "/api/jobs/*", us_route_job, STUDIO, NULL},
    {"DELETE", "/api/jobs/*", us_route_job_delete, STUDIO, NULL},
    {"GET", "/api/jobs/*/events", us_route_job_events, STUDIO, NULL},
    {"POST", "/api/jobs/*/pause", us_route_job_pause, STUDIO, NULL},
    {"POST", "/api/jobs/*/resume", us_route_job_resume, STUDIO, NULL},
    {"POST", "/api/jobs/*/keep", us_route_job_keep, STUDIO, NULL},
    {"POST", "/api/jobs/*/cancel", us_route_job_cancel, STUDIO, NULL},
};

/* The one place where an id of a path is judged: what follows may copy it. */
static void take_chat(us_request *r, const char *p, size_t n) {
    if (n >= sizeof r->chat || strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789") < n) r->unknown = "chat";
    else snprintf(r->chat, sizeof r->chat, "%.*s", (int)n, p);
}

static void take_turn(us_request *r, const char *p, size_t n) {
    r->turn = n <= 18 && strspn(p, "0123456789") >= n ? strtoll(p, NULL, 10) : 0;
    if (r->turn < 1 && !r->unknown) r->unknown = "turn";
}

/* Addresses that clients make of a base with a slash at its end, with /v1 twice, or without it. */
void us_route_tidy(char *path, size_t max) {
    static const char *const without_v1[] = {"/chat/completions", "/completions", "/models", "/embeddings"};
    size_t n = 0;
    for (size_t i = 0; path[i]; i++)
        if (path[i] != '/' || !n || path[n - 1] != '/') path[n++] = path[i];
    if (n > 1 && path[n - 1] == '/') n--;
    path[n] = 0;
    while (!strncmp(path, "/v1/v1/", 7)) memmove(path, path + 3, (n -= 3) + 1);
    for (size_t i = 0; i < sizeof without_v1 / sizeof *without_v1; i++) {
        size_t k = strlen(without_v1[i]);
        if (strncmp(path, without_v1[i], k) || (path[k] && path[k] != '/') || n + 4 > max) continue;
        memmove(path + 3, path, n + 1);
        memcpy(path, "/v1", 3);
        return;
    }
}

static bool matches(us_request *r, const char *pattern) {
    const char *p = r->path;
    r->unknown = NULL;
    for (int star = 0; *pattern; pattern++) {
        if (!strchr("*@#", *pattern)) {
            if (*pattern != *p++) return false;
            continue;
        }
        size_t n = strcspn(p, "/");
        if (!n) return false;
        if (*pattern == '@') take_chat(r, p, n);
        else if (*pattern == '#') take_turn(r, p, n);
        else if (n >= sizeof r->args[0]) return false;
        else snprintf(r->args[star++], sizeof r->args[0], "%.*s", (int)n, p);
        p += n;
    }
    return !*p;
}

const us_route *us_route_find(us_request *r, char allowed[64]) {
    const char *method = strcmp(r->method, "HEAD") ? r->method : "GET";
    const us_route *found = NULL;
    const char *pattern = NULL; /* the first that fits is it, so that chats/import is no chat */
    *allowed = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (pattern ? strcmp(pattern, table[i].path) != 0 : !matches(r, table[i].path)) continue;
        pattern = table[i].path;
        if (!strstr(allowed, table[i].method))
            snprintf(allowed + strlen(allowed), 64 - strlen(allowed), "%s%s", *allowed ? ", " : "", table[i].method);
        if (!strcmp(method, table[i].method)) found = &table[i];
    }
    if (pattern) {
        if (!strstr(allowed, "OPTIONS")) snprintf(allowed + strlen(allowed), 64 - strlen(allowed), ", OPTIONS");
        return found;
    }
    for (const us_page_file *f = us_page_files; f->url; f++)
        if (!strcmp(r->path, f->url)) {
            snprintf(allowed, 64, "GET, OPTIONS");
            return strcmp(method, "GET") ? NULL : &page_route;
        }
    return NULL;
}

/* ---- about the server ------------------------------------------------------------------------------------------ */

enum MHD_Result us_route_health(us_request *r) {
    bool ready = r->s->ready;
    return us_answer_json(r, ready ? 200 : 503,
                          json_pack("{s:s}", "status",
                                    ready          ? "ok"
                                    : r->s->ending ? "ending"
                                                   : "loading model"));
}

enum MHD_Result us_route_state(us_request *r) {
    const us_server *s = r->s;
    json_t *model = json_null();
    const char *key = MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, "Authorization");
    bool tells = us_guard_knows(&s->guard, key) && (s->guard.n_keys || !s->is_public); /* where the other engine is */
    char last_event[US_EVENT_ID];
    us_last_event(r->s, last_event);
    if (s->ready && s->backend.model) {
        const us_model_info *i = us_model_get_info(s->backend.model);
        model = json_pack("{s:s, s:s, s:s, s:I, s:i}", "name", i->name, "architecture", i->architecture, "quantization",
                          i->quantization, "n_params", (json_int_t)i->n_params, "n_ctx", us_engine_get_ctx(s->backend.engine));
    }
    return us_answer_json(r, 200,
                          json_pack("{s:s, s:o, s:b, s:s, s:b, s:b, s:b, s:I, s:s}", "version", us_version(), "model", model,
                                    "needs_key", s->guard.n_keys > 0, "engine",
                                    !s->o.engine_url ? "own"
                                    : tells          ? s->o.engine_url
                                                     : "another",
                                    "ready", (bool)s->ready, "studio", s->studio != NULL, "public", s->is_public, "started_ms",
                                    (json_int_t)s->started_ms, "last_event", last_event));
}

static us_status metric(us_buf *b, const char *name, const char *kind, const char *help, double value) {
    return us_buf_appendf(b, NULL, "# HELP understudy_%s %s\n# TYPE understudy_%s %s\nunderstudy_%s %.10g\n", name, help, name,
                          kind, name, value);
}

enum MHD_Result us_route_metrics(us_request *r) {
    us_server *s = r->s;
    us_batch_stats m = {0};
    size_t held;
    uint64_t refused;
    us_visitors_totals(s->visitors, &held, &refused);
    if (s->ready && s->backend.batch) m = us_batch_get_stats(s->backend.batch);
    const struct {
        const char *name, *kind, *help;
        double value;
    } rows[] = {{"ready", "gauge", "1 when replies can be made", s->ready},
                {"replies_total", "counter", "replies made", (double)m.n_jobs},
                {"refused_total", "counter", "replies refused because the queue was full", (double)m.n_refused},
                {"cancelled_total", "counter", "replies that nobody waited for any more", (double)m.n_cancelled},
                {"prompt_tokens_total", "counter", "prompt tokens, computed or from the cache", (double)m.n_prompt_tokens},
                {"prompt_tokens_cached_total", "counter", "prompt tokens that were in the cache", (double)m.n_cached_tokens},
                {"reply_tokens_total", "counter", "tokens drawn, all takes", (double)m.n_reply_tokens},
                {"passes_total", "counter", "passes through the model", (double)m.n_passes},
                {"replies_running", "gauge", "replies being made", m.n_running},
                {"replies_queued", "gauge", "replies that wait", m.n_queued},
                {"connections", "gauge", "open connections", s->n_connections},
                {"held_bytes", "gauge", "bodies of requests and what was made of them", (double)held},
                {"turned_away_total", "counter", "connections and bodies refused by the caps", (double)refused},
                {"uptime_seconds", "gauge", "since the start", ((double)us_now_ns() * 1e-6 - (double)s->started_ms) * 1e-3}};
    us_buf b;
    us_buf_init(&b, 1 << 16);
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !st; i++)
        st = metric(&b, rows[i].name, rows[i].kind, rows[i].help, rows[i].value);
    if (!st)
        st = us_buf_append_str(
            &b,
            "# HELP understudy_requests_total requests answered, by kind of status\n# TYPE understudy_requests_total counter\n",
            NULL);
    pthread_mutex_lock(&s->lock);
    for (int i = 2; i < 6 && !st; i++)
        st = us_buf_appendf(&b, NULL, "understudy_requests_total{code=\"%dxx\"} %llu\n", i,
                            (unsigned long long)s->n_requests[i]);
    pthread_mutex_unlock(&s->lock);
    enum MHD_Result rc = st ? us_refuse(r, 500, "out of memory")
                            : us_answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", b.data, b.len, NULL);
    us_buf_fini(&b);
    return rc;
}
