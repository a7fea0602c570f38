#include "serve/remote.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "reply/thoughts.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPLY = 1 << 20, MAX_LINE = 1 << 20, MAX_ANSWER = 4 << 20 };

struct us_remote {
    pthread_t thread;
    us_remote_spec spec;
    char *url, *body, *plain_body; /* of the request; without what not every server knows, or NULL */
    struct curl_slist *headers;
    CURL *curl;
    us_buf line, raw; /* the line of the stream being read; the words as they came */
    us_buf words;     /* without what the model thought aloud */
    us_buf failure;   /* the body of an answer that is no 200 */
    int32_t *pieces;  /* a hash of each piece: the loop guard's tokens */
    size_t n_pieces, cap_pieces;
    us_stop_view view;
    bool looped, length, over; /* how it ended; nothing more is wanted */
    long status_code;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    us_buf shown;
    uint64_t version;
    bool cancel, done;
    us_status status;
    us_error err;
    int32_t n_prompt, n_cached, n_tokens;
};

static char *url_of(const char *base, const char *path) {
    char *url;
    size_t n = strlen(base);
    while (n && base[n - 1] == '/') n--;
    bool has = n >= 3 && !strncmp(base + n - 3, "/v1", 3);
    return asprintf(&url, "%.*s%s%s", (int)n, base, has ? "" : "/v1", path) < 0 ? NULL : url;
}

static us_status set_headers(struct curl_slist **out, const char *key, us_error *err) {
    char line[1200];
    *out = curl_slist_append(NULL, "Content-Type: application/json");
    if (key && snprintf(line, sizeof line, "Authorization: Bearer %s", key) < (int)sizeof line && *out) {
        struct curl_slist *more = curl_slist_append(*out, line);
        if (!more) return us_fail(err, US_ERR_MEMORY, "out of memory");
        *out = more;
    }
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

/* ---- what is asked --------------------------------------------------------------------------------------------- */

static size_t collect(char *data, size_t size, size_t n, void *ctx) {
    return us_buf_append(ctx, data, size * n, NULL) ? 0 : size * n;
}

/* GET /v1/models of the other; the caller decrefs *out. */
static us_status get_models(const char *base, const char *key, json_t **out, us_error *err) {
    char *url = url_of(base, "/models");
    struct curl_slist *headers = NULL;
    CURL *c = curl_easy_init();
    us_buf b;
    long code = 0;
    us_buf_init(&b, MAX_ANSWER);
    us_status st = url && c ? set_headers(&headers, key, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) {
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, collect);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &b);
        CURLcode rc = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
        if (rc) st = us_fail(err, US_ERR_GATE, "the engine at %s cannot be reached: %s", base, curl_easy_strerror(rc));
        else if (code != 200 || !(*out = us_json_parse(b.data, b.len, NULL)))
            st = us_fail(err, US_ERR_GATE, "the engine at %s answered %ld to /v1/models", base, code);
    }
    us_buf_fini(&b);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    free(url);
    return st;
}

us_status us_remote_check(const char *url, const char *key, us_error *err) {
    json_t *models = NULL;
    us_status st = get_models(url, key, &models, err);
    json_decref(models);
    return st;
}

/* The other's name for the character: its id, when there is such a model (as vLLM lists adapters), else the first one. */
static json_t *model_name(const us_remote_spec *o, bool *own) {
    json_t *models = NULL, *m, *name = NULL;
    size_t i;
    *own = false;
    if (get_models(o->url, o->key, &models, NULL)) return json_string(o->model ? o->model : "default");
    json_array_foreach(json_object_get(models, "data"), i, m) {
        json_t *id = json_object_get(m, "id");
        if (!json_is_string(id)) continue;
        if (!name) name = json_incref(id);
        if (!o->model || strcmp(json_string_value(id), o->model) != 0) continue;
        json_decref(name);
        name = json_incref(id);
        *own = true;
        break;
    }
    json_decref(models);
    return name ? name : json_string("default");
}

static json_t *request_body(const us_remote_spec *o) {
    bool own;
    json_t *j = json_object(), *list = json_array();
    const us_sampler_options *s = &o->sampler;
    const struct {
        const char *key;
        double value;
        bool set;
    } numbers[] = {{"temperature", s->temperature, true},
                   {"top_p", s->top_p, true},
                   {"min_p", s->min_p, s->min_p > 0},
                   {"typical_p", s->typical_p, s->typical_p < 1},
                   {"repeat_penalty", s->repeat_penalty, s->repeat_penalty != 1},
                   {"repetition_penalty", s->repeat_penalty, s->repeat_penalty != 1},
                   {"presence_penalty", s->presence_penalty, s->presence_penalty != 0},
                   {"frequency_penalty", s->frequency_penalty, s->frequency_penalty != 0},
                   {"dry_multiplier", s->dry_multiplier, s->dry_multiplier > 0},
                   {"dry_base", s->dry_base, s->dry_multiplier > 0},
                   {"xtc_probability", s->xtc_probability, s->xtc_probability > 0},
                   {"xtc_threshold", s->xtc_threshold, s->xtc_probability > 0}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].set) json_object_set_new(j, numbers[i].key, json_real(numbers[i].value));
    if (s->top_k > 0) json_object_set_new(j, "top_k", json_integer(s->top_k));
    json_object_set_new(j, "model", model_name(o, &own));
    json_object_set_new(j, "stream", json_true());
    json_object_set_new(j, "stream_options", json_pack("{s:b}", "include_usage", 1));
    if (o->max_tokens < INT32_MAX) json_object_set_new(j, "max_tokens", json_integer(o->max_tokens));
    json_object_set_new(j, "seed", json_integer((json_int_t)(s->seed & 0x7fffffff)));
    if (o->n_texts) {
        json_t *stop = json_array();
        for (size_t i = 0; i < o->n_texts && i < 4; i++)
            json_array_append_new(stop, json_string(o->texts[i])); /* OpenAI takes four */
        json_object_set_new(j, "stop", stop);
    }
    if (o->no_thoughts) json_object_set_new(j, "chat_template_kwargs", json_pack("{s:b}", "enable_thinking", 0));
    if (!own && o->scale != 1) json_object_set_new(j, "lora", json_pack("[{s:i, s:f}]", "id", 0, "scale", o->scale));
    for (size_t i = 0; i < o->n_messages; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "role", o->messages[i].role, "content", o->messages[i].content));
    if (o->n_messages) json_object_set(j, "messages", list);
    else json_object_set_new(j, "prompt", json_string(o->text));
    json_decref(list);
    return j;
}

/* ---- what comes ------------------------------------------------------------------------------------------------- */

static int32_t hash(const char *s, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 16777619u;
    return (int32_t)(h & 0x7fffffff);
}

/* Publishes what may be shown. What was shown is taken back in one case: it was a thought, as a mark behind it tells. */
static void publish(us_remote *r, bool final) {
    const us_buf *words = r->spec.no_thoughts ? &r->words : &r->raw;
    if (r->spec.no_thoughts && us_thoughts_leave_out(r->raw.data ? r->raw.data : "", r->raw.len, final, &r->words, NULL))
        r->over = true;
    const char *text = words->data ? words->data : "";
    size_t len = words->len;
    r->view = us_stops_scan(&r->spec.stops, text, len, final);
    for (size_t i = 0; i < r->spec.n_texts; i++) { /* those past the four that the other was told */
        const char *found = memmem(text, len, r->spec.texts[i], strlen(r->spec.texts[i]));
        if (found && (size_t)(found - text) <= r->view.end) r->view.end = (size_t)(found - text), r->view.stopped = true;
    }
    if (r->view.end < r->view.begin) r->view.end = r->view.begin;
    pthread_mutex_lock(&r->lock);
    size_t n = r->view.end - r->view.begin;
    if (r->shown.len && (n < r->shown.len || memcmp(r->shown.data, text + r->view.begin, r->shown.len) != 0))
        us_buf_clear(&r->shown);
    if (n > r->shown.len && us_buf_append(&r->shown, text + r->view.begin + r->shown.len, n - r->shown.len, NULL))
        r->over = true;
    r->version++;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
    if (r->view.stopped) r->over = true;
}

static void hear(us_remote *r, const char *text, size_t n) {
    if (!n || us_buf_append(&r->raw, text, n, NULL)) return;
    if (!us_grow(&r->pieces, &r->cap_pieces, r->n_pieces + 1, sizeof *r->pieces, NULL))
        r->pieces[r->n_pieces++] = hash(text, n);
    if (r->spec.cut_loops && us_loop_period(r->pieces, r->n_pieces)) r->looped = r->over = true;
    publish(r, false);
}

static void read_event(us_remote *r, const char *line, size_t n) {
    if (n < 5 || strncmp(line, "data:", 5) != 0) return;
    line += 5, n -= 5;
    while (n && *line == ' ') line++, n--;
    json_t *j = us_json_parse(line, n, NULL), *choice = json_array_get(json_object_get(j, "choices"), 0),
           *usage = json_object_get(j, "usage"), *error = json_object_get(j, "error");
    json_t *text = json_object_get(choice, "text");
    if (!text) text = json_object_get(json_object_get(choice, "delta"), "content");
    if (json_is_string(text)) hear(r, json_string_value(text), json_string_length(text));
    const char *why = json_string_value(json_object_get(choice, "finish_reason"));
    if (why && !strcmp(why, "length")) r->length = true;
    if (json_is_object(usage)) {
        r->n_prompt = (int32_t)json_integer_value(json_object_get(usage, "prompt_tokens"));
        r->n_tokens = (int32_t)json_integer_value(json_object_get(usage, "completion_tokens"));
        r->n_cached =
            (int32_t)json_integer_value(json_object_get(json_object_get(usage, "prompt_tokens_details"), "cached_tokens"));
    }
    if (json_is_object(error)) {
        const char *words = json_string_value(json_object_get(error, "message"));
        us_buf_clear(&r->failure);
        if (us_buf_append_str(&r->failure, words ? words : "an error without words", NULL)) r->over = true;
    }
    json_decref(j);
}

static bool cancelled(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    bool c = r->cancel;
    pthread_mutex_unlock(&r->lock);
    return c;
}

static size_t receive(char *data, size_t size, size_t n, void *ctx) {
    us_remote *r = ctx;
    n *= size;
    if (!r->status_code) curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &r->status_code);
    if (r->status_code != 200) return us_buf_append(&r->failure, data, n, NULL) ? 0 : n;
    for (size_t i = 0; i < n && !r->over; i++) {
        if (data[i] != '\n') {
            if (us_buf_append(&r->line, data + i, 1, NULL)) return 0;
            continue;
        }
        if (r->line.len) read_event(r, r->line.data, r->line.len);
        us_buf_clear(&r->line);
    }
    return r->over || cancelled(r) ? 0 : n;
}

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return cancelled(ctx);
}

static us_status judge(us_remote *r, CURLcode rc) {
    if (cancelled(r)) return us_fail(&r->err, US_ERR_INTERRUPTED, "cancelled");
    if (r->over) return US_OK; /* we ended it */
    if (rc) return us_fail(&r->err, US_ERR_GATE, "the engine at %s: %s", r->spec.url, curl_easy_strerror(rc));
    if (r->status_code == 200 && !r->failure.len) return US_OK;
    json_t *j = r->failure.data ? us_json_parse(r->failure.data, r->failure.len, NULL) : NULL;
    const char *words = json_string_value(json_object_get(json_object_get(j, "error"), "message"));
    us_status st = us_fail(&r->err, r->status_code == 400 ? US_ERR_ARGUMENT : US_ERR_GATE,
                           "the engine at %s answered %ld: %.400s", r->spec.url, r->status_code,
                           words             ? words
                           : r->failure.data ? r->failure.data
                                             : "");
    json_decref(j);
    return st;
}

static void *work(void *arg) {
    us_remote *r = arg;
    CURL *c = r->curl;
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L); /* two minutes without a byte */
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 120L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    CURLcode rc = curl_easy_perform(c);
    if (!rc && r->status_code == 400 && r->plain_body &&
        !cancelled(r)) { /* it knows no templates: again, as all servers take it */
        r->status_code = 0;
        us_buf_clear(&r->failure);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->plain_body);
        rc = curl_easy_perform(c);
    }
    us_status st = judge(r, rc);
    if (!st) publish(r, true);
    pthread_mutex_lock(&r->lock);
    r->status = st;
    r->done = true;
    r->version++;
    pthread_cond_broadcast(&r->news);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- from outside ----------------------------------------------------------------------------------------------- */

us_status us_remote_begin(const us_remote_spec *spec, us_remote **out, us_error *err) {
    us_remote *r;
    us_status st = us_alloc(1, sizeof *r, &r, err);
    if (st) return st;
    r->spec = *spec;
    pthread_mutex_init(&r->lock, NULL);
    us_cond_init(&r->news);
    us_buf_init(&r->line, MAX_LINE);
    us_buf_init(&r->raw, MAX_REPLY);
    us_buf_init(&r->words, MAX_REPLY);
    us_buf_init(&r->shown, MAX_REPLY);
    us_buf_init(&r->failure, MAX_ANSWER);
    json_t *body = request_body(spec);
    r->body = json_dumps(body, JSON_COMPACT);
    if (spec->no_thoughts && !json_object_del(body, "chat_template_kwargs")) r->plain_body = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    r->url = url_of(spec->url, spec->n_messages ? "/chat/completions" : "/completions");
    r->curl = curl_easy_init();
    if (!r->body || !r->url || !r->curl) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = set_headers(&r->headers, spec->key, err);
    if (!st && pthread_create(&r->thread, NULL, work, r)) st = us_fail(err, US_ERR_IO, "cannot start a thread");
    if (!st) {
        *out = r;
        return US_OK;
    }
    r->done = true;
    r->thread = 0;
    us_remote_free(r);
    return st;
}

us_remote_view us_remote_wait(us_remote *r, uint64_t *seen, int timeout_ms) {
    int64_t until = us_now_ns() + (int64_t)timeout_ms * 1000000;
    pthread_mutex_lock(&r->lock);
    while (!r->done && r->version == *seen && us_cond_wait(&r->news, &r->lock, until)) continue;
    *seen = r->version;
    us_remote_view v = {r->done, r->done ? r->status : US_OK, r->n_prompt, r->n_cached};
    pthread_mutex_unlock(&r->lock);
    return v;
}

us_status us_remote_read(us_remote *r, size_t from, us_buf *out, us_error *err) {
    us_status st = US_OK;
    pthread_mutex_lock(&r->lock);
    if (r->shown.len > from) st = us_buf_append(out, r->shown.data + from, r->shown.len - from, err);
    pthread_mutex_unlock(&r->lock);
    return st;
}

void us_remote_cancel(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    r->cancel = true;
    pthread_mutex_unlock(&r->lock);
}

us_spoken us_remote_get(us_remote *r) {
    return (us_spoken){r->shown.data ? r->shown.data : "",
                       r->shown.len,
                       0,
                       r->looped                         ? "loop"
                       : r->view.stopped                 ? "label"
                       : r->status == US_ERR_INTERRUPTED ? "cancel"
                       : r->length                       ? "length"
                                                         : "self",
                       r->n_tokens ? r->n_tokens : (int32_t)r->n_pieces,
                       NULL};
}

const us_error *us_remote_error(const us_remote *r) { return &r->err; }

void us_remote_free(us_remote *r) {
    if (!r) return;
    if (r->thread) {
        us_remote_cancel(r);
        pthread_join(r->thread, NULL);
    }
    curl_easy_cleanup(r->curl);
    curl_slist_free_all(r->headers);
    us_buf_fini(&r->line);
    us_buf_fini(&r->raw);
    us_buf_fini(&r->words);
    us_buf_fini(&r->shown);
    us_buf_fini(&r->failure);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->news);
    free(r->pieces);
    free(r->body);
    free(r->plain_body);
    free(r->url);
    free(r);
}
