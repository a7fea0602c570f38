/* HTTP: a thread a connection parses, asks the schedule and writes; the schedule's worker alone owns the engine. */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/card.h"
#include "generate/schedule.h"
#include "serve/page.h"
#include "understudy/serve.h"
#include "understudy/template.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { MAX_BODY = 1 << 20, MAX_CHARACTERS = 64, MAX_CONNECTIONS = 1100, MAX_MESSAGES = 2048, MAX_STOPS = 16 };

typedef struct character {
    char id[64];
    us_card *card;
    us_adapter *adapter; /* NULL: prompt only */
} character;

struct us_server {
    us_serve_options o;
    const us_model *model;
    const us_tokenizer *tok;
    const us_template *tpl;
    us_engine *engine;
    us_schedule *schedule;
    struct MHD_Daemon *daemon;
    character cast[MAX_CHARACTERS];
    int n_cast;
};

/* One request; lives until its response has been sent. */
typedef struct request {
    us_server *s;
    us_buf body, out; /* out: bytes of the stream not yet sent */
    size_t sent, n_text;
    json_t *json;
    us_job *job;
    us_tokens prompt, alone;
    const char *stops[MAX_STOPS];
    const character *who;
    char model[128], id[40];
    bool chat, stream, usage, logprobs, ended, over;
    int socket;
} request;

/* ---- answering ------------------------------------------------------------------------------------------------ */

/* Pictures may come from blob: because the page fetches them with its key. */
static void safe_headers(struct MHD_Response *resp) {
    MHD_add_response_header(resp, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(resp, "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
}

static enum MHD_Result reply(request *r, struct MHD_Connection *c, int code, const char *type, const void *data, size_t n) {
    struct MHD_Response *resp = MHD_create_response_from_buffer(n, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);
    if (!resp) return MHD_NO;
    MHD_add_response_header(resp, "Content-Type", type);
    safe_headers(resp);
    if (code == 429) MHD_add_response_header(resp, "Retry-After", "2");
    if (r && r->s->o.cors_origin) MHD_add_response_header(resp, "Access-Control-Allow-Origin", r->s->o.cors_origin);
    enum MHD_Result rc = MHD_queue_response(c, (unsigned)code, resp);
    MHD_destroy_response(resp);
    return rc;
}

static enum MHD_Result reply_json(request *r, struct MHD_Connection *c, int code, json_t *j) {
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!text) return MHD_NO;
    enum MHD_Result rc = reply(r, c, code, "application/json", text, strlen(text));
    free(text);
    return rc;
}

static enum MHD_Result refuse(request *r, struct MHD_Connection *c, int code, const char *message) {
    const char *type = code == 401 ? "authentication_error" : code == 429 ? "rate_limit_error" : code >= 500 ? "server_error" : "invalid_request_error";
    return reply_json(r, c, code, json_pack("{s:{s:s, s:s, s:n, s:i}}", "error", "message", message, "type", type, "param", "code", code));
}

static int http_code(us_status st) {
    return st == US_ERR_NOT_FOUND ? 404 : st == US_ERR_ARGUMENT || st == US_ERR_LIMIT || st == US_ERR_FORMAT || st == US_ERR_UNSUPPORTED ? 400 : 500;
}

/* ---- who may ask ------------------------------------------------------------------------------------------- */

static bool same_secret(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    unsigned differ = n != m;
    for (size_t i = 0; i < n; i++) differ |= (unsigned)(unsigned char)a[i] ^ (unsigned char)(m ? b[i % m] : 0);
    return !differ;
}

/* A page of another site may not reach us by a name of its own (DNS rebinding). */
static bool host_allowed(const us_server *s, const char *host) {
    const char *const names[] = {"localhost", "127.0.0.1", "[::1]", s->o.host};
    for (size_t i = 0; i < 4 && host; i++) {
        size_t n = strlen(names[i]);
        if (!strncasecmp(host, names[i], n) && (!host[n] || host[n] == ':')) return true;
    }
    return s->o.api_key != NULL; /* a public server is known by names that we cannot know */
}

static const char *header(struct MHD_Connection *c, const char *name) { return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name); }

/* 0, or the status to refuse with and why. */
static int guard(const us_server *s, struct MHD_Connection *c, const char *method, const char *url, const char **why) {
    const char *host = header(c, "Host"), *origin = header(c, "Origin"), *type = header(c, "Content-Type"), *auth = header(c, "Authorization");
    bool change = strcmp(method, "GET") != 0;
    if (!host_allowed(s, host)) return *why = "this Host is not served", 403;
    if (change && origin && !(s->o.cors_origin && !strcmp(origin, s->o.cors_origin))) {
        const char *o = strstr(origin, "://");
        if (!o || strcmp(o + 3, host) != 0) return *why = "requests from another origin are refused", 403;
    }
    if (change && strcmp(method, "OPTIONS") != 0 && (!type || strncasecmp(type, "application/json", 16) != 0)) return *why = "Content-Type: application/json is expected", 415;
    if (s->o.api_key && (!strncmp(url, "/v1/", 4) || !strcmp(url, "/metrics") || !strcmp(url, "/tokenize")) && !(auth && !strncmp(auth, "Bearer ", 7) && same_secret(auth + 7, s->o.api_key)))
        return *why = "an API key is expected: Authorization: Bearer KEY", 401;
    return 0;
}

/* ---- a request becomes a job ----------------------------------------------------------------------------------- */

static us_status number(const json_t *j, const char *key, double min, double max, double *out, us_error *err) {
    const json_t *v = json_object_get(j, key);
    if (!v || json_is_null(v)) return US_OK;
    double x = json_is_number(v) ? json_number_value(v) : 0;
    if (!json_is_number(v) || !(x >= min && x <= max)) return us_fail(err, US_ERR_ARGUMENT, "%s: a number from %g to %g is expected", key, min, max);
    *out = x;
    return US_OK;
}

static us_status sampler_of(const json_t *j, us_sampler_options *o, us_error *err) {
    double top_k = o->top_k, last = o->repeat_last_n, allowed = o->dry_allowed_length, seed = (double)(time(NULL) % 1000000) * 7919 + rand() % 7919;
    const struct { const char *key; double min, max, *out; } fields[] = {
        {"temperature", 0, 100, &o->temperature}, {"top_k", 0, 1e9, &top_k}, {"top_p", 0, 1, &o->top_p}, {"min_p", 0, 1, &o->min_p},
        {"typical_p", 0, 1, &o->typical_p}, {"repeat_penalty", 0.01, 100, &o->repeat_penalty}, {"presence_penalty", -2, 2, &o->presence_penalty},
        {"frequency_penalty", -2, 2, &o->frequency_penalty}, {"repeat_last_n", -1, 1e9, &last}, {"dry_multiplier", 0, 100, &o->dry_multiplier},
        {"dry_base", 1, 100, &o->dry_base}, {"dry_allowed_length", 0, 1e6, &allowed}, {"xtc_probability", 0, 1, &o->xtc_probability},
        {"xtc_threshold", 0, 1, &o->xtc_threshold}, {"seed", -9e15, 9e15, &seed}};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && !st; i++) st = number(j, fields[i].key, fields[i].min, fields[i].max, fields[i].out, err);
    o->top_k = (int32_t)top_k;
    o->repeat_last_n = (int32_t)last;
    o->dry_allowed_length = (int32_t)allowed;
    o->seed = (uint64_t)(int64_t)seed;
    return st ? st : us_sampler_check(o, err);
}

/* "homer", "homer:0.7" or "base". */
static us_status find_model(const us_server *s, const char *id, const character **who, double *scale, us_error *err) {
    size_t n = strcspn(id, ":");
    char *end = NULL;
    *who = NULL;
    *scale = id[n] ? strtod(id + n + 1, &end) : 1;
    if (end && (*end || end == id + n + 1 || !(*scale >= 0 && *scale <= 2))) return us_fail(err, US_ERR_ARGUMENT, "model: a strength from 0 to 2 is expected after the colon");
    if (!strcmp(id, "base")) return US_OK;
    for (int i = 0; i < s->n_cast; i++)
        if (strlen(s->cast[i].id) == n && !strncmp(s->cast[i].id, id, n)) *who = &s->cast[i];
    return *who ? US_OK : us_fail(err, US_ERR_NOT_FOUND, "no model '%.60s'; /v1/models lists them", id);
}

/* Persona and examples of the card, then the request's messages; the oldest are left out until the rest fits. */
static us_status chat_prompt(request *r, double max_prompt, us_error *err) {
    const json_t *list = json_object_get(r->json, "messages"), *item;
    size_t n = json_array_size(list), head = 0, i;
    us_message *m = NULL;
    char *system = NULL, *joined = NULL;
    if (!json_is_array(list) || !n || n > MAX_MESSAGES) return us_fail(err, US_ERR_ARGUMENT, "messages: a list of 1 to %d is expected", MAX_MESSAGES);
    json_array_foreach(list, i, item) {
        const char *role = json_string_value(json_object_get(item, "role"));
        if (!role || !json_string_value(json_object_get(item, "content"))) return us_fail(err, US_ERR_ARGUMENT, "messages[%zu]: role and content, both strings, are expected", i);
        if (strcmp(role, "user") && strcmp(role, "assistant") && (strcmp(role, "system") || i)) return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].role: user, assistant, or system as the first is expected", i);
    }
    const us_card *card = r->who ? r->who->card : NULL;
    size_t first = 0, n_lines = card && !r->who->adapter ? card->n_lines : 0;
    us_status st = us_alloc(n + n_lines + 2, sizeof *m, &m, err);
    if (!st && card) {
        const json_t *own = json_array_get(list, 0);
        st = us_card_system(card, &system, err);
        if (!st && !strcmp(json_string_value(json_object_get(own, "role")), "system")) {
            const char *more = json_string_value(json_object_get(own, "content"));
            first = 1;
            if (asprintf(&joined, "%s\n%s", system, more) < 0) joined = NULL, st = us_fail(err, US_ERR_MEMORY, "out of memory");
        }
        if (!st) m[head++] = (us_message){"system", joined ? joined : system};
        for (i = 0; i < n_lines; i++) m[head++] = (us_message){i % 2 ? "assistant" : "user", card->lines[i]};
        if (!st && card->takes > 1) st = us_template_tokenize(r->s->tpl, r->s->tok, m, head, true, &r->alone, NULL, err);
    }
    for (; !st; first++) {
        size_t k = head;
        for (i = first; i < n; i++) {
            const json_t *x = json_array_get(list, i);
            m[k++] = (us_message){json_string_value(json_object_get(x, "role")), json_string_value(json_object_get(x, "content"))};
        }
        r->prompt.n = 0;
        st = us_template_tokenize(r->s->tpl, r->s->tok, m, k, true, &r->prompt, NULL, err);
        if (st || (double)r->prompt.n <= max_prompt) break;
        if (first + 1 >= n) st = us_fail(err, US_ERR_LIMIT, "%zu tokens of prompt do not fit in the context", r->prompt.n);
    }
    free(m);
    free(system);
    free(joined);
    return st;
}

static us_status stops_of(request *r, us_take_rules *rules, us_error *err) {
    json_t *stop = json_object_get(r->json, "stop");
    size_t n = json_is_array(stop) ? json_array_size(stop) : json_is_string(stop);
    if ((stop && !json_is_null(stop) && !json_is_array(stop) && !json_is_string(stop)) || n > MAX_STOPS) return us_fail(err, US_ERR_ARGUMENT, "stop: a string or a list of at most %d is expected", MAX_STOPS);
    for (size_t i = 0; i < n; i++) {
        r->stops[i] = json_string_value(json_is_array(stop) ? json_array_get(stop, i) : stop);
        if (!r->stops[i] || !*r->stops[i]) return us_fail(err, US_ERR_ARGUMENT, "stop: strings that are not empty are expected");
    }
    rules->texts = r->stops;
    rules->n_texts = n;
    return US_OK;
}

static us_status submit(request *r, int *code, us_error *err) {
    us_server *s = r->s;
    const char *model = json_string_value(json_object_get(r->json, "model")), *user = json_string_value(json_object_get(r->json, "user"));
    double scale = 1, n = 1, takes = 1, max_tokens = r->chat ? 80 : 64, top_logprobs = 0;
    us_status st = us_fail(err, US_ERR_ARGUMENT, "model: a string is expected; /v1/models lists them");
    if (model) st = find_model(s, model, &r->who, &scale, err);
    if (st) return st;
    snprintf(r->model, sizeof r->model, "%s", model);
    us_job_spec spec = {.n_takes = 1, .scale = (float)scale, .adapter = r->who ? r->who->adapter : NULL, .sampler = r->who ? us_card_sampler(r->who->card) : us_sampler_defaults()};
    spec.rules = (us_take_rules){.tok = s->tok, .cut_loops = r->who != NULL};
    r->stream = json_is_true(json_object_get(r->json, "stream"));
    r->usage = json_is_true(json_object_get(json_object_get(r->json, "stream_options"), "include_usage"));
    r->logprobs = r->chat && json_is_true(json_object_get(r->json, "logprobs"));
    if (r->who && r->chat) {
        const us_card *card = r->who->card;
        takes = r->stream ? 1 : us_card_takes(card);
        spec.lambda = card->lambda;
        spec.rules.stops = (us_stops){card->cast, card->n_cast, card->name, true};
    }
    double room = us_engine_get_ctx(s->engine);
    st = number(r->json, "n", 1, 1, &n, err);
    if (!st) st = number(r->json, "top_logprobs", 0, 0, &top_logprobs, err);
    if (!st) st = number(r->json, "takes", 1, US_MAX_TAKES, &takes, err);
    if (!st) st = number(r->json, "max_tokens", 1, room, &max_tokens, err);
    if (!st) st = number(r->json, "max_completion_tokens", 1, room, &max_tokens, err);
    if (!st) st = sampler_of(r->json, &spec.sampler, err);
    if (!st) st = stops_of(r, &spec.rules, err);
    double trained = us_model_get_info(s->model)->n_ctx_train, max_prompt = (trained < room ? trained : room) - max_tokens;
    if (!st && r->chat) st = chat_prompt(r, max_prompt, err);
    else if (!st) {
        const json_t *p = json_object_get(r->json, "prompt");
        if (!json_is_string(p) || !json_string_length(p)) return us_fail(err, US_ERR_ARGUMENT, "prompt: a string is expected");
        if (us_tokenizer_add_bos(s->tok)) st = us_tokens_push(&r->prompt, us_tokenizer_bos(s->tok), err);
        if (!st) st = us_tokenizer_encode(s->tok, json_string_value(p), json_string_length(p), false, &r->prompt, err);
        if (!st && (double)r->prompt.n > max_prompt) st = us_fail(err, US_ERR_LIMIT, "%zu tokens of prompt do not fit in the context", r->prompt.n);
    }
    if (st) return st;
    spec.n_takes = (int32_t)takes;
    spec.rules.max_tokens = (int32_t)max_tokens;
    spec.prompt = r->prompt.ids;
    spec.n_prompt = (int32_t)r->prompt.n;
    spec.alone = r->alone.ids;
    spec.n_alone = (int32_t)r->alone.n;
    for (; user && *user; user++) spec.client = spec.client * 131 + (unsigned char)*user;
    st = us_schedule_submit(s->schedule, &spec, &r->job, err);
    if (st == US_ERR_LIMIT) *code = 429;
    return st;
}

/* ---- a job becomes an answer -------------------------------------------------------------------------------- */

static json_t *usage_of(const request *r, const us_job_view *v) {
    int32_t n, best, made = 0;
    const us_take *t = us_job_get_takes(r->job, &n, &best);
    for (int32_t i = 0; i < n; i++) made += i == best ? (int32_t)t[i].ids.n : 0;
    return json_pack("{s:i, s:i, s:i, s:{s:i}}", "prompt_tokens", (int)r->prompt.n, "completion_tokens", made, "total_tokens", (int)r->prompt.n + made, "prompt_tokens_details", "cached_tokens", v->n_cached);
}

static const char *finish_reason(const request *r) {
    int32_t n, best;
    const us_take *t = us_job_get_takes(r->job, &n, &best);
    return n && (t[best].ended || t[best].view.stopped || t[best].looped) ? "stop" : "length";
}

static json_t *text_json(const char *s, size_t n) {
    json_t *j = json_stringn(s ? s : "", n);
    return j ? j : json_string("\xef\xbf\xbd");
}

/* The other takes, best first come as they were made: the page offers them at once. */
static json_t *others(const request *r) {
    int32_t n, best;
    const us_take *t = us_job_get_takes(r->job, &n, &best);
    json_t *list = json_array();
    for (int32_t i = 0; i < n; i++) {
        size_t b, e;
        us_take_spoken(&t[i], r->s->tok, &b, &e);
        if (i != best && e > b && !t[i].looped) json_array_append_new(list, json_pack("{s:o, s:f}", "text", text_json(t[i].text.data + b, e - b), "score", t[i].score));
    }
    return list;
}

static json_t *logprobs_of(const request *r) {
    int32_t n, best;
    const us_take *t = us_job_get_takes(r->job, &n, &best);
    json_t *list = json_array();
    for (size_t i = 0; n && i < t[best].ids.n; i++) {
        size_t len;
        const char *p = us_tokenizer_piece(r->s->tok, t[best].ids.ids[i], &len);
        json_t *bytes = json_array();
        for (size_t k = 0; k < len; k++) json_array_append_new(bytes, json_integer((unsigned char)p[k]));
        json_array_append_new(list, json_pack("{s:o, s:f, s:o, s:[]}", "token", text_json(p, len), "logprob", (double)t[best].logprobs[i], "bytes", bytes, "top_logprobs"));
    }
    return json_pack("{s:o}", "content", list);
}

static json_t *envelope(const request *r, json_t *choice) {
    const char *object = !r->chat ? "text_completion" : r->stream ? "chat.completion.chunk" : "chat.completion";
    return json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", r->id, "object", object, "created", (json_int_t)time(NULL), "model", r->model, "choices", choice ? json_pack("[o]", choice) : json_array());
}

static bool client_gone(const request *r) {
    char c;
    return recv(r->socket, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static enum MHD_Result whole(request *r, struct MHD_Connection *c) {
    us_buf text;
    us_job_view v = {0};
    us_error err;
    us_buf_init(&text, 1 << 20);
    us_status st = US_OK;
    while (!st && !v.done && !client_gone(r)) st = us_job_wait(r->job, text.len, 250, &text, &v, &err);
    if (!v.done) {
        us_buf_fini(&text);
        return MHD_NO;
    }
    if (v.status) {
        us_buf_fini(&text);
        return refuse(r, c, v.status == US_ERR_INTERRUPTED ? 503 : http_code(v.status), us_job_get_error(r->job)->message);
    }
    json_t *words = text_json(text.data, text.len);
    json_t *choice = r->chat ? json_pack("{s:i, s:{s:s, s:o}, s:s}", "index", 0, "message", "role", "assistant", "content", words, "finish_reason", finish_reason(r))
                             : json_pack("{s:i, s:o, s:s}", "index", 0, "text", words, "finish_reason", finish_reason(r));
    if (r->logprobs) json_object_set_new(choice, "logprobs", logprobs_of(r));
    json_t *answer = envelope(r, choice);
    json_object_set_new(answer, "usage", usage_of(r, &v));
    json_object_set_new(answer, "understudy", json_pack("{s:o}", "alternatives", others(r)));
    us_buf_fini(&text);
    return reply_json(r, c, 200, answer);
}

static us_status event(request *r, json_t *j, us_error *err) {
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    us_status st = text ? us_buf_appendf(&r->out, err, "data: %s\n\n", text) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    return st;
}

static json_t *piece(const request *r, json_t *words, const char *reason) {
    json_t *choice = r->chat ? json_pack("{s:i, s:o, s:s?}", "index", 0, "delta", words ? json_pack("{s:o}", "content", words) : json_object(), "finish_reason", reason)
                             : json_pack("{s:i, s:o, s:s?}", "index", 0, "text", words ? words : json_string(""), "finish_reason", reason);
    return envelope(r, choice);
}

/* More of the stream: what has been said since, then the end. */
static us_status more(request *r, us_error *err) {
    us_buf text;
    us_job_view v;
    us_buf_init(&text, 1 << 20);
    us_status st = us_job_wait(r->job, r->n_text, 250, &text, &v, err);
    if (!st && text.len) st = event(r, piece(r, text_json(text.data, text.len), NULL), err);
    r->n_text += text.len;
    if (!st && v.done && v.status) {
        r->ended = true;
        st = event(r, json_pack("{s:{s:s, s:s}}", "error", "message", us_job_get_error(r->job)->message, "type", "server_error"), err);
    } else if (!st && v.done) {
        r->ended = true;
        json_t *last = piece(r, NULL, finish_reason(r));
        json_object_set_new(last, "understudy", json_pack("{s:o}", "alternatives", others(r)));
        st = event(r, last, err);
        if (!st && r->usage) {
            json_t *u = envelope(r, NULL);
            json_object_set_new(u, "usage", usage_of(r, &v));
            st = event(r, u, err);
        }
        if (!st) st = us_buf_append_str(&r->out, "data: [DONE]\n\n", err);
    }
    us_buf_fini(&text);
    return st;
}

static ssize_t send_stream(void *ctx, uint64_t pos, char *out, size_t max) {
    request *r = ctx;
    us_error err;
    (void)pos;
    while (r->sent == r->out.len) {
        if (r->ended) return MHD_CONTENT_READER_END_OF_STREAM;
        us_buf_clear(&r->out);
        r->sent = 0;
        if (client_gone(r) || more(r, &err)) return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = r->out.len - r->sent < max ? r->out.len - r->sent : max;
    memcpy(out, r->out.data + r->sent, n);
    r->sent += n;
    return (ssize_t)n;
}

static enum MHD_Result streamed(request *r, struct MHD_Connection *c) {
    struct MHD_Response *resp = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, send_stream, r, NULL);
    if (!resp) return MHD_NO;
    MHD_add_response_header(resp, "Content-Type", "text/event-stream");
    MHD_add_response_header(resp, "Cache-Control", "no-store");
    if (r->s->o.cors_origin) MHD_add_response_header(resp, "Access-Control-Allow-Origin", r->s->o.cors_origin);
    enum MHD_Result rc = MHD_queue_response(c, 200, resp);
    MHD_destroy_response(resp);
    return rc;
}

/* ---- routes ------------------------------------------------------------------------------------------------------ */

/* A file of the page: the browser keeps it, and asks each time whether it is still the same. */
static enum MHD_Result page_file(struct MHD_Connection *c, const us_page_file *f) {
    const char *known = header(c, "If-None-Match");
    bool same = known && !strcmp(known, f->etag);
    struct MHD_Response *resp = MHD_create_response_from_buffer(same ? 0 : f->n_bytes, (void *)(uintptr_t)f->data, MHD_RESPMEM_PERSISTENT);
    if (!resp) return MHD_NO;
    safe_headers(resp);
    MHD_add_response_header(resp, "Content-Type", f->type);
    MHD_add_response_header(resp, "ETag", f->etag);
    MHD_add_response_header(resp, "Cache-Control", "no-cache");
    enum MHD_Result rc = MHD_queue_response(c, same ? 304 : 200, resp);
    MHD_destroy_response(resp);
    return rc;
}

static json_t *models(const us_server *s) {
    json_t *list = json_pack("[{s:s, s:s, s:i, s:s}]", "id", "base", "object", "model", "created", 0, "owned_by", "understudy");
    for (int i = 0; i < s->n_cast; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:i}", "id", s->cast[i].id, "object", "model", "created", 0, "owned_by", "understudy",
                                              "name", us_card_name(s->cast[i].card), "greeting", us_card_greeting(s->cast[i].card), "adapter", s->cast[i].adapter != NULL, "takes", us_card_takes(s->cast[i].card)));
    return json_pack("{s:s, s:o}", "object", "list", "data", list);
}

static enum MHD_Result metrics(request *r, struct MHD_Connection *c) {
    us_schedule_stats m = us_schedule_get_stats(r->s->schedule);
    char text[2048];
    const struct { const char *name, *kind; uint64_t value; } rows[] = {
        {"replies_total", "counter", m.n_jobs}, {"refused_total", "counter", m.n_refused}, {"cancelled_total", "counter", m.n_cancelled},
        {"prompt_tokens_total", "counter", m.n_prompt_tokens}, {"prompt_tokens_cached_total", "counter", m.n_cached_tokens},
        {"reply_tokens_total", "counter", m.n_reply_tokens}, {"replies_running", "gauge", (uint64_t)m.n_running}, {"replies_queued", "gauge", (uint64_t)m.n_queued}};
    int n = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "# TYPE understudy_%s %s\nunderstudy_%s %llu\n", rows[i].name, rows[i].kind, rows[i].name, (unsigned long long)rows[i].value);
    return reply(r, c, 200, "text/plain; version=0.0.4", text, (size_t)n);
}

static enum MHD_Result tokenize(request *r, struct MHD_Connection *c) {
    const json_t *p = json_object_get(r->json, "content");
    us_error err;
    if (!json_is_string(p)) return refuse(r, c, 400, "content: a string is expected");
    us_status st = us_tokenizer_encode(r->s->tok, json_string_value(p), json_string_length(p), false, &r->prompt, &err);
    if (st) return refuse(r, c, 500, err.message);
    json_t *list = json_array();
    for (size_t i = 0; i < r->prompt.n; i++) json_array_append_new(list, json_integer(r->prompt.ids[i]));
    return reply_json(r, c, 200, json_pack("{s:o}", "tokens", list));
}

static enum MHD_Result get(request *r, struct MHD_Connection *c, const char *url) {
    if (!strcmp(url, "/health")) return reply_json(r, c, 200, json_pack("{s:s}", "status", "ok"));
    if (!strcmp(url, "/v1/models")) return reply_json(r, c, 200, models(r->s));
    if (!strcmp(url, "/metrics")) return metrics(r, c);
    for (const us_page_file *f = us_page_files; f->url; f++)
        if (!strcmp(url, f->url)) return page_file(c, f);
    return refuse(r, c, 404, "no such page; the API is under /v1");
}

static enum MHD_Result post(request *r, struct MHD_Connection *c, const char *url) {
    json_error_t where;
    us_error err;
    int code = 0;
    char message[256];
    r->chat = !strcmp(url, "/v1/chat/completions");
    bool tokens = !strcmp(url, "/tokenize");
    if (!r->chat && !tokens && strcmp(url, "/v1/completions") != 0) return refuse(r, c, 404, "no such route");
    r->json = json_loadb(r->body.data ? r->body.data : "", r->body.len, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(r->json)) {
        snprintf(message, sizeof message, "the body is not a JSON object: %s", r->json ? "another kind of value" : where.text);
        return refuse(r, c, 400, message);
    }
    if (tokens) return tokenize(r, c);
    us_status st = submit(r, &code, &err);
    if (st) return refuse(r, c, code ? code : http_code(st), err.message);
    return r->stream ? streamed(r, c) : whole(r, c);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version, const char *data, size_t *n, void **state) {
    us_server *s = ctx;
    request *r = *state;
    const char *why;
    (void)version;
    if (!r) {
        if (us_alloc(1, sizeof *r, &r, NULL)) return MHD_NO;
        r->s = s;
        r->socket = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        snprintf(r->id, sizeof r->id, "cmpl-%08x%08x", (unsigned)time(NULL), (unsigned)rand());
        us_buf_init(&r->body, MAX_BODY);
        us_buf_init(&r->out, 4 << 20);
        *state = r;
        return MHD_YES;
    }
    if (*n) {
        if (!r->over && us_buf_append(&r->body, data, *n, NULL)) r->over = true;
        *n = 0;
        return MHD_YES;
    }
    int code = guard(s, c, method, url, &why);
    if (code) return refuse(r, c, code, why);
    if (r->over) return refuse(r, c, 413, "the body is larger than 1 MiB");
    if (!strcmp(method, "GET")) return get(r, c, url);
    return !strcmp(method, "POST") ? post(r, c, url) : refuse(r, c, 405, "GET or POST is expected");
}

static void completed(void *ctx, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how) {
    request *r = *state;
    (void)ctx, (void)c, (void)how;
    if (!r) return;
    us_job_free(r->job); /* cancels what nobody reads any more */
    json_decref(r->json);
    us_tokens_fini(&r->prompt);
    us_tokens_fini(&r->alone);
    us_buf_fini(&r->body);
    us_buf_fini(&r->out);
    free(r);
    *state = NULL;
}

/* ---- start and end ------------------------------------------------------------------------------------------- */

static us_status load_character(us_server *s, const char *name, us_error *err) {
    character *c = &s->cast[s->n_cast];
    char path[4096];
    if (name[0] == '.' || strlen(name) >= sizeof c->id || strchr(name, ':') || s->n_cast == MAX_CHARACTERS) return US_OK;
    snprintf(path, sizeof path, "%s/%s/card.json", s->o.characters, name);
    if (!us_file_exists(path)) return US_OK;
    us_status st = us_card_open(path, &c->card, err);
    if (st) return st;
    s->n_cast++;
    snprintf(c->id, sizeof c->id, "%s", name);
    const char *adapter = us_card_adapter(c->card);
    snprintf(path, sizeof path, "%s/%s/%s", s->o.characters, name, adapter ? adapter : "adapter.gguf");
    return us_file_exists(path) ? us_adapter_open(s->model, path, false, &c->adapter, err) : US_OK;
}

static us_status load_characters(us_server *s, us_error *err) {
    DIR *d = s->o.characters ? opendir(s->o.characters) : NULL;
    us_status st = US_OK;
    if (s->o.characters && !d) return us_fail(err, US_ERR_NOT_FOUND, "cannot open the characters' folder %s", s->o.characters);
    for (struct dirent *e; d && !st && (e = readdir(d));) st = load_character(s, e->d_name, err);
    if (d) closedir(d);
    return st;
}

us_status us_server_new(const us_model *model, const us_serve_options *o, us_server **out, us_error *err) {
    us_server *s;
    struct sockaddr_in a = {.sin_family = AF_INET};
    us_status st = us_alloc(1, sizeof *s, &s, err);
    if (st) return st;
    s->o = *o;
    s->model = model;
    if (!s->o.host) s->o.host = "127.0.0.1";
    if (s->o.n_parallel < 1) s->o.n_parallel = 8;
    if (s->o.n_ctx < 1) s->o.n_ctx = 16384;
    a.sin_port = htons((uint16_t)s->o.port);
    if (s->o.port < 1 || s->o.port > 65535 || inet_pton(AF_INET, s->o.host, &a.sin_addr) != 1) st = us_fail(err, US_ERR_ARGUMENT, "an IPv4 address and a port from 1 to 65535 are expected, got %s port %d", s->o.host, s->o.port);
    else if (ntohl(a.sin_addr.s_addr) >> 24 != 127 && !s->o.api_key && !s->o.public_without_key)
        st = us_fail(err, US_ERR_ARGUMENT, "%s is not a loopback address and no API key is given: everybody on the network could use it (--api-key-file, or --no-api-key)", s->o.host);
    s->tok = us_model_get_tokenizer(model);
    if (!st) st = us_model_get_template(model, &s->tpl, err);
    if (!st) st = load_characters(s, err);
    us_engine_options eo = {.n_threads = o->n_threads, .n_ctx = s->o.n_ctx, .n_seq_max = s->o.n_parallel * (US_MAX_TAKES + 2) + 2 * US_MAX_TAKES + 64};
    if (!st) st = us_engine_new(model, &eo, &s->engine, err);
    if (!st) st = us_schedule_new(s->engine, s->o.n_parallel, 64, &s->schedule, err);
    if (!st) {
        s->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)s->o.port, NULL, NULL, handle, s, MHD_OPTION_SOCK_ADDR, &a,
                                     MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
                                     MHD_OPTION_THREAD_STACK_SIZE, (size_t)512 << 10, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)64 << 10, MHD_OPTION_END);
        if (!s->daemon) st = us_fail(err, US_ERR_IO, "cannot listen on %s port %d (is it in use?)", s->o.host, s->o.port);
    }
    if (st) us_server_free(s);
    else *out = s;
    return st;
}

void us_server_free(us_server *s) {
    if (!s) return;
    if (s->schedule) us_schedule_stop(s->schedule); /* those who wait are told at once */
    if (s->daemon) MHD_stop_daemon(s->daemon);
    us_schedule_free(s->schedule);
    us_engine_free(s->engine);
    for (int i = 0; i < s->n_cast; i++) {
        us_adapter_free(s->cast[i].adapter);
        us_card_free(s->cast[i].card);
    }
    free(s);
}
