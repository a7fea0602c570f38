/* A request in JSON, an answer as a stream of events or as one document. Each choice becomes a take, and goes through the
 * same rules. */
#include "reply/remote.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "reply/stream.h"
#include "text/hash.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_ANSWER = 4 << 20,   /* bytes of a list of models */
    MAX_REFUSAL = 16 << 10, /* of an answer that is no 200 */
    MAX_HEAD = 64 << 10,
    TIMEOUTS_A_REPLY = 15 /* a reply may take so many times what a word may */
};

struct us_remote {
    pthread_t thread;
    us_remote_spec spec;
    char *url;
    json_t *request;
    struct curl_slist *headers;
    CURL *curl;
    us_stream stream;
    us_buf refusal; /* the body of an answer that is no 200 */
    double scores[US_MAX_TAKES];
    int32_t best, attempt; /* best: the spoken one */
    bool again;            /* and us_rank_again() */
    long status_code;
    size_t head_bytes;
    int64_t begun_ns, last_news_ns;
    bool late;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    uint64_t version;
    bool cancel, done;
    us_status status;
    us_error err; /* the thread's until it is done */
    us_reply_view view;
    us_buf shown[US_MAX_TAKES];
};

static char *url_of(const char *base, const char *path) {
    char *url;
    size_t n = strlen(base);
    while (n && base[n - 1] == '/') n--;
    bool has = n >= 3 && !strncmp(base + n - 3, "/v1", 3);
    return asprintf(&url, "%.*s%s%s", (int)n, base, has ? "" : "/v1", path) < 0 ? NULL : url;
}

static us_status set_headers(struct curl_slist **out, const char *key, us_error *err) {
    char *line = NULL;
    *out = curl_slist_append(NULL, "Content-Type: application/json");
    if (key && *out) {
        struct curl_slist *more = asprintf(&line, "Authorization: Bearer %s", key) < 0 ? NULL : curl_slist_append(*out, line);
        free(line);
        if (!more) return us_fail(err, US_ERR_MEMORY, "out of memory");
        *out = more;
    }
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

/* ---- what is asked --------------------------------------------------------------------------------------------- */

static size_t collect(char *data, size_t size, size_t n, void *ctx) {
    return us_buf_append(ctx, data, size * n, NULL) ? 0 : size * n;
}

/* What is there answers soon, whatever a reply may take. */
static long connect_seconds(int32_t timeout_s) { return timeout_s < 10 ? timeout_s : 10; }

/* GET /v1/models of the other; the caller decrefs *out. */
static us_status get_models(const char *base, const char *key, int32_t timeout_s, json_t **out, us_error *err) {
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
        curl_easy_setopt(c, CURLOPT_TIMEOUT, connect_seconds(timeout_s));
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

us_status us_remote_check(const char *url, const char *key, int32_t timeout_s, us_error *err) {
    json_t *models = NULL;
    us_status st = get_models(url, key, timeout_s, &models, err);
    json_decref(models);
    return st;
}

/* The other's name for the character: its id, when there is such a model (as vLLM lists adapters), else the first one. */
static json_t *model_name(const us_remote_spec *o, bool *own) {
    json_t *models = NULL, *m, *name = NULL;
    size_t i;
    *own = false;
    if (get_models(o->url, o->key, o->timeout_s, &models, NULL)) return json_string(o->model ? o->model : "default");
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
    if (o->rules.max_tokens < INT32_MAX) json_object_set_new(j, "max_tokens", json_integer(o->rules.max_tokens));
    if (o->rules.n_texts) {
        json_t *stop = json_array();
        for (size_t i = 0; i < o->rules.n_texts && i < 4; i++)
            json_array_append_new(stop, json_string(o->rules.texts[i])); /* OpenAI takes four */
        json_object_set_new(j, "stop", stop);
    }
    if (o->n_takes > 1) {
        json_object_set_new(j, "n", json_integer(o->n_takes));
        if (!o->separate) json_object_set_new(j, "logprobs", o->view.n_messages ? json_true() : json_integer(1));
    }
    if (o->no_thoughts) json_object_set_new(j, "chat_template_kwargs", json_pack("{s:b}", "enable_thinking", 0));
    if (!own && o->scale != 1) json_object_set_new(j, "lora", json_pack("[{s:i, s:f}]", "id", 0, "scale", o->scale));
    for (size_t i = 0; i < o->view.n_messages; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "role", o->view.messages[i].role, "content", o->view.messages[i].content));
    if (o->view.n_messages) json_object_set(j, "messages", list);
    else json_object_set_new(j, "prompt", json_string(o->text));
    json_decref(list);
    return j;
}

/* ---- what comes ------------------------------------------------------------------------------------------------- */

static bool streams(const us_remote *r) { return r->spec.separate || r->spec.n_takes == 1; }

static void tell(us_remote *r) {
    r->version++;
    pthread_cond_broadcast(&r->news);
}

/* Publishes what may be shown. What was shown is taken back in one case: it was a thought, as a mark behind it tells. */
static void show(us_remote *r, int32_t i) {
    us_stream_take *t = &r->stream.takes[i];
    us_buf *shown = &r->shown[i];
    const us_buf *words = us_stream_words(&r->stream, t);
    const char *text = words->data ? words->data + t->view.begin : "";
    size_t n = t->view.end - t->view.begin;
    if (shown->len && (n < shown->len || memcmp(shown->data, text, shown->len) != 0)) us_buf_clear(shown);
    if (n > shown->len && us_buf_append(shown, text + shown->len, n - shown->len, NULL)) r->stream.full = true;
}

/* What has come so far, for those who wait. */
static void publish(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    for (int32_t i = 0; i < r->stream.n_takes && streams(r); i++) show(r, i);
    r->view.n_prompt = r->view.n_read = r->stream.n_prompt;
    r->view.n_cached = r->stream.n_cached;
    tell(r);
    pthread_mutex_unlock(&r->lock);
}

static bool cancelled(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    bool c = r->cancel;
    pthread_mutex_unlock(&r->lock);
    return c;
}

/* Of an answer that is no 200 the head is enough. */
static size_t receive_refusal(us_remote *r, const char *data, size_t n) {
    size_t room = MAX_REFUSAL - r->refusal.len;
    if (us_buf_append(&r->refusal, data, n < room ? n : room, NULL)) return 0;
    return n < room ? n : 0;
}

static size_t receive(char *data, size_t size, size_t n, void *ctx) {
    us_remote *r = ctx;
    uint64_t news = r->stream.n_news;
    n *= size;
    if (!r->status_code) curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &r->status_code);
    if (r->status_code != 200) return receive_refusal(r, data, n);
    us_status st = us_stream_feed(&r->stream, data, n, &r->err);
    if (r->stream.n_news != news) r->last_news_ns = us_now_ns();
    publish(r);
    return st || us_stream_over(&r->stream) || cancelled(r) ? 0 : n;
}

/* Heads have an end, too. */
static size_t receive_head(char *data, size_t size, size_t n, void *ctx) {
    us_remote *r = ctx;
    (void)data;
    r->head_bytes += n * size;
    return r->head_bytes > MAX_HEAD ? 0 : n * size;
}

/* Bytes that drip without a word in them are no sign of life, and words that drip for ever are no reply. */
static bool too_late(us_remote *r) {
    int64_t now = us_now_ns(), most = (int64_t)r->spec.timeout_s * 1000000000;
    r->late = r->late || now - r->last_news_ns > most || (now - r->begun_ns) / TIMEOUTS_A_REPLY > most;
    return r->late;
}

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return cancelled(ctx) || too_late(ctx);
}

static us_status refused(us_remote *r) {
    json_t *j = us_json_parse(r->refusal.data, r->refusal.len, NULL);
    const json_t *error = json_object_get(j, "error");
    const char *words = json_string_value(json_is_object(error) ? json_object_get(error, "message") : error);
    us_buf clean;
    us_buf_init(&clean, 4 * MAX_REFUSAL);
    if (!words && !us_utf8_clean(r->refusal.data ? r->refusal.data : "", r->refusal.len, &clean, NULL)) words = clean.data;
    us_status st = us_fail(&r->err, r->status_code == 400 ? US_ERR_ARGUMENT : US_ERR_GATE,
                           "the engine at %s answered %ld: %.400s", r->spec.url, r->status_code, words ? words : "");
    us_buf_fini(&clean);
    json_decref(j);
    return st;
}

static us_status judge(us_remote *r, CURLcode rc) {
    us_error why = r->err; /* of the stream */
    if (cancelled(r)) return us_fail(&r->err, US_ERR_INTERRUPTED, "cancelled");
    if (us_stream_over(&r->stream)) return US_OK; /* we ended it */
    if (r->late)
        return us_fail(&r->err, US_ERR_GATE, "the engine at %s has not told a word of a reply for %d seconds, or no end in %d",
                       r->spec.url, r->spec.timeout_s, r->spec.timeout_s * TIMEOUTS_A_REPLY);
    if (r->head_bytes > MAX_HEAD)
        return us_fail(&r->err, US_ERR_GATE, "the engine at %s sends a head without end", r->spec.url);
    if (r->status_code && r->status_code != 200) return refused(r);
    us_status st = why.status ? why.status : rc ? US_OK : us_stream_check(&r->stream, &why);
    if (st) return us_fail(&r->err, US_ERR_GATE, "the engine at %s sent %s", r->spec.url, why.message);
    return rc ? us_fail(&r->err, US_ERR_GATE, "the engine at %s: %s", r->spec.url, curl_easy_strerror(rc)) : US_OK;
}

static void forget(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        us_buf_clear(&r->shown[i]);
        r->scores[i] = 0;
    }
    pthread_mutex_unlock(&r->lock);
    us_stream_clear(&r->stream);
    us_buf_clear(&r->refusal);
    r->err = (us_error){0};
    r->status_code = 0;
    r->head_bytes = 0;
    r->last_news_ns = us_now_ns();
}

/* One request, from its first byte to its last. */
static us_status ask_once(us_remote *r) {
    uint64_t seed = us_hash_bytes(r->spec.sampler.seed, &r->attempt, sizeof r->attempt);
    forget(r);
    json_object_set_new(r->request, "seed", json_integer((json_int_t)(seed & 0x7fffffff)));
    char *body = json_dumps(r->request, JSON_COMPACT);
    if (!body) return us_fail(&r->err, US_ERR_MEMORY, "out of memory");
    curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, body);
    us_status st = judge(r, curl_easy_perform(r->curl));
    free(body);
    return st;
}

/* What a server does not know is left out, one thing after the other: the wish that nothing be thought aloud, then several
 * takes and their likelihoods. */
static us_status ask(us_remote *r) {
    us_status st = ask_once(r);
    if (st == US_ERR_ARGUMENT && !json_object_del(r->request, "chat_template_kwargs")) st = ask_once(r);
    if (st != US_ERR_ARGUMENT || r->spec.separate || json_object_del(r->request, "n")) return st;
    json_object_del(r->request, "logprobs");
    return ask_once(r);
}

static us_status rank(us_remote *r) {
    us_candidate candidates[US_MAX_TAKES];
    char *texts[US_MAX_TAKES] = {0};
    us_ranking ranking = r->spec.ranking;
    us_stream *s = &r->stream;
    bool scored = true;
    us_status st = US_OK;
    ranking.weights.lambda = 0; /* the other does not tell what a reply would be worth without the question */
    for (int32_t i = 0; i < s->n_takes && !st; i++) {
        us_stream_take *t = &s->takes[i];
        us_stream_scan(s, t, true);
        scored = scored && t->n_logprobs;
        const us_buf *words = us_stream_words(s, t);
        st = us_strndup(words->data ? words->data + t->view.begin : "", t->view.end - t->view.begin, &texts[i], &r->err);
        candidates[i] = (us_candidate){.text = texts[i],
                                       .logprob = t->logprob,
                                       .n_tokens = (int32_t)(t->n_logprobs ? t->n_logprobs : t->n_pieces),
                                       .ended = !t->length,
                                       .stopped = t->view.stopped,
                                       .looped = t->looped};
    }
    for (int32_t i = 0; i < s->n_takes && !scored; i++) candidates[i].logprob = 0;
    r->best = 0;
    if (!st && !r->spec.separate && s->n_takes)
        st = us_rank(&ranking, &r->spec.view, candidates, s->n_takes, &r->best, &r->err);
    r->again = !st && !r->spec.separate && s->n_takes && us_rank_again(&candidates[r->best], r->attempt);
    for (int32_t i = 0; i < s->n_takes; i++) {
        if (!st && !r->spec.separate) r->scores[i] = candidates[i].score;
        free(texts[i]);
    }
    return st;
}

/* As batch.c: nothing can be spoken, or another is wanted of several takes. */
static bool is_worthless(const us_remote *r) {
    const us_stream_take *t = &r->stream.takes[r->best];
    return t->view.end == t->view.begin || (r->again && r->stream.n_takes > 1);
}

static void *work(void *arg) {
    us_remote *r = arg;
    CURL *c = r->curl;
    us_status st;
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, connect_seconds(r->spec.timeout_s));
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, receive_head);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    for (;; r->attempt++) {
        st = ask(r);
        if (!st) st = rank(r);
        if (!st && r->spec.separate && r->stream.n_takes < r->spec.n_takes)
            st = us_fail(&r->err, US_ERR_UNSUPPORTED, "n: the engine at %s made %d of %d choices", r->spec.url,
                         r->stream.n_takes, r->spec.n_takes);
        if (st || r->spec.separate || r->attempt + 1 >= r->spec.n_attempts || !is_worthless(r)) break;
    }
    --*r->spec.n_asked;
    pthread_mutex_lock(&r->lock);
    for (int32_t i = 0; i < r->stream.n_takes && !st; i++)
        if (r->spec.separate || i == r->best) show(r, i);
    r->view.n_attempts = r->attempt + 1;
    r->status = st;
    r->done = true;
    tell(r);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* ---- from outside ----------------------------------------------------------------------------------------------- */

us_status us_remote_begin(const us_remote_spec *spec, us_remote **out, us_error *err) {
    us_remote *r;
    us_status st = us_alloc(1, sizeof *r, &r, err);
    if (st) return st;
    r->spec = *spec;
    r->view = (us_reply_view){.n_takes = spec->n_takes, .n_attempts = 1};
    pthread_mutex_init(&r->lock, NULL);
    us_cond_init(&r->news);
    r->begun_ns = us_now_ns();
    us_stream_init(&r->stream, &spec->rules, spec->n_takes, spec->no_thoughts);
    us_buf_init(&r->refusal, MAX_REFUSAL);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) us_buf_init(&r->shown[i], r->stream.takes[i].raw.max);
    r->request = request_body(spec);
    r->url = url_of(spec->url, spec->view.n_messages ? "/chat/completions" : "/completions");
    r->curl = curl_easy_init();
    if (!r->request || !r->url || !r->curl) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = set_headers(&r->headers, spec->key, err);
    ++*spec->n_asked;
    if (!st && pthread_create(&r->thread, NULL, work, r)) st = us_fail(err, US_ERR_IO, "cannot start a thread");
    if (!st) {
        *out = r;
        return US_OK;
    }
    --*spec->n_asked;
    r->done = true;
    r->thread = 0;
    us_remote_free(r);
    return st;
}

us_reply_view us_remote_wait(us_remote *r, uint64_t *seen, int timeout_ms) {
    int64_t until = us_now_ns() + (int64_t)timeout_ms * 1000000;
    pthread_mutex_lock(&r->lock);
    while (!r->done && r->version == *seen && us_cond_wait(&r->news, &r->lock, until)) continue;
    *seen = r->version;
    us_reply_view v = r->view;
    v.done = r->done;
    v.status = r->done ? r->status : US_OK;
    if (r->done && !r->status) { /* the thread writes no more */
        const us_stream *s = &r->stream;
        v.n_takes = v.n_made = s->n_takes;
        for (int32_t i = 0; i < s->n_takes; i++) v.n_loops += s->takes[i].looped, v.n_labels += s->takes[i].view.stopped;
    }
    pthread_mutex_unlock(&r->lock);
    return v;
}

us_status us_remote_read(us_remote *r, int32_t i, size_t from, us_buf *out, us_error *err) {
    us_status st = US_OK;
    pthread_mutex_lock(&r->lock);
    const us_buf *shown = &r->shown[r->spec.separate ? i : r->done ? r->best : 0];
    if (shown->len > from) st = us_buf_append(out, shown->data + from, shown->len - from, err);
    pthread_mutex_unlock(&r->lock);
    return st;
}

void us_remote_cancel(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    r->cancel = true;
    pthread_mutex_unlock(&r->lock);
}

int32_t us_remote_count(const us_remote *r, int32_t *best) {
    *best = r->best;
    return r->stream.n_takes;
}

us_reply_text us_remote_get(const us_remote *r, int32_t i) {
    const us_stream *s = &r->stream;
    const us_stream_take *t = &s->takes[i];
    size_t n = t->view.end - t->view.begin;
    int32_t tokens = (int32_t)(t->n_logprobs ? t->n_logprobs : t->n_pieces);
    return (us_reply_text){n ? us_stream_words(s, t)->data + t->view.begin : "",
                           n,
                           r->scores[i],
                           t->looped                         ? US_END_LOOP
                           : t->view.stopped                 ? US_END_LABEL
                           : r->status == US_ERR_INTERRUPTED ? US_END_CANCEL
                           : t->length                       ? US_END_LENGTH
                                                             : US_END_SELF,
                           s->n_takes == 1 && s->n_tokens ? s->n_tokens : tokens,
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
    us_stream_fini(&r->stream);
    us_buf_fini(&r->refusal);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) us_buf_fini(&r->shown[i]);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->news);
    json_decref(r->request);
    free(r->url);
    free(r);
}
