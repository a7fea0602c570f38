#include "reply/remote.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "reply/thoughts.h"
#include "text/hash.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REPLY = 1 << 20, MAX_LINE = 1 << 20, MAX_ANSWER = 4 << 20 };

/* One take. */
typedef struct choice {
    us_buf raw;      /* the words as they came */
    us_buf words;    /* without what the model thought aloud */
    int32_t *pieces; /* a hash of each piece: the loop rule's tokens */
    size_t n_pieces, cap_pieces;
    us_stop_view view;
    bool looped, length, over; /* how it ended; nothing more of it is wanted */
    double logprob;            /* of the pieces, nats */
    size_t n_logprobs;
    double score; /* after ranking */
    us_buf shown; /* under the lock */
} choice;

struct us_remote {
    pthread_t thread;
    us_remote_spec spec;
    char *url;
    json_t *request;
    struct curl_slist *headers;
    CURL *curl;
    us_buf line;    /* the line of the stream being read */
    us_buf failure; /* the body of an answer that is no 200, or an error of the stream */
    choice choices[US_MAX_TAKES];
    int32_t n_choices, best, attempt; /* those that the other makes; the spoken one */
    long status_code;
    bool full;            /* a buffer is: the reply ends here */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    uint64_t version;
    bool cancel, done;
    us_status status;
    us_error err;
    us_reply_view view;
    int32_t n_tokens; /* of all takes, as the other counts */
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

/* A piece of text stands for a token in the loop rule. */
static int32_t piece_id(const char *s, size_t n) { return (int32_t)(us_hash_bytes(0, s, n) & 0x7fffffff); }

static bool streams(const us_remote *r) { return r->spec.separate || r->spec.n_takes == 1; }

static void tell(us_remote *r) {
    r->version++;
    pthread_cond_broadcast(&r->news);
}

static const us_buf *words_of(const us_remote *r, const choice *c) { return r->spec.no_thoughts ? &c->words : &c->raw; }

/* Where the take ends now; `final`: nothing more of it comes. */
static void scan(us_remote *r, choice *c, bool final) {
    const us_take_rules *rules = &r->spec.rules;
    if (r->spec.no_thoughts && us_thoughts_leave_out(c->raw.data ? c->raw.data : "", c->raw.len, final, &c->words, NULL))
        r->full = true;
    const us_buf *words = words_of(r, c);
    const char *text = words->data ? words->data : "";
    c->view = us_stops_scan(&rules->stops, text, words->len, final);
    for (size_t i = 0; i < rules->n_texts; i++) { /* those past the four that the other was told */
        const char *found = memmem(text, words->len, rules->texts[i], strlen(rules->texts[i]));
        if (found && (size_t)(found - text) <= c->view.end) c->view.end = (size_t)(found - text), c->view.stopped = true;
    }
    if (c->view.end < c->view.begin) c->view.end = c->view.begin;
    if (c->view.stopped) c->over = true;
}

/* Publishes what may be shown. What was shown is taken back in one case: it was a thought, as a mark behind it tells. */
static void show(us_remote *r, choice *c) {
    const us_buf *words = words_of(r, c);
    const char *text = words->data ? words->data + c->view.begin : "";
    pthread_mutex_lock(&r->lock);
    size_t n = c->view.end - c->view.begin;
    if (c->shown.len && (n < c->shown.len || memcmp(c->shown.data, text, c->shown.len) != 0)) us_buf_clear(&c->shown);
    if (n > c->shown.len && us_buf_append(&c->shown, text + c->shown.len, n - c->shown.len, NULL)) r->full = true;
    tell(r);
    pthread_mutex_unlock(&r->lock);
}

static void add_words(us_remote *r, choice *c, const char *text, size_t n) {
    if (!n || c->over) return;
    if (us_buf_append(&c->raw, text, n, NULL) ||
        us_grow(&c->pieces, &c->cap_pieces, c->n_pieces + 1, sizeof *c->pieces, NULL)) {
        r->full = true;
        return;
    }
    c->pieces[c->n_pieces++] = piece_id(text, n);
    if (r->spec.rules.cut_loops && us_loop_period(c->pieces, c->n_pieces)) c->looped = c->over = true;
    scan(r, c, c->looped);
    if (streams(r)) show(r, c);
}

/* OpenAI's two shapes: {"content": [{"logprob"}]} of a chat, {"token_logprobs": []} of a completion. */
static void add_logprobs(choice *c, const json_t *logprobs) {
    const json_t *list = json_object_get(logprobs, "content"), *x;
    size_t i;
    if (!list) list = json_object_get(logprobs, "token_logprobs");
    json_array_foreach((json_t *)(uintptr_t)list, i, x) {
        const json_t *v = json_is_object(x) ? json_object_get(x, "logprob") : x;
        if (!json_is_number(v)) continue;
        c->logprob += json_number_value(v);
        c->n_logprobs++;
    }
}

static void read_choice(us_remote *r, const json_t *j) {
    json_int_t i = json_integer_value(json_object_get(j, "index"));
    if (!json_is_object(j) || i < 0 || i >= r->spec.n_takes) return;
    choice *c = &r->choices[i];
    if (i >= r->n_choices) r->n_choices = (int32_t)i + 1;
    const json_t *text = json_object_get(j, "text");
    if (!text) text = json_object_get(json_object_get(j, "delta"), "content");
    if (!c->over) add_logprobs(c, json_object_get(j, "logprobs"));
    if (json_is_string(text)) add_words(r, c, json_string_value(text), json_string_length(text));
    const json_t *part;
    size_t k;
    json_array_foreach((json_t *)(uintptr_t)text, k, part) { /* Mistral's: parts, of which those of type text are words */
        const json_t *words = json_object_get(part, "text");
        if (json_is_string(words)) add_words(r, c, json_string_value(words), json_string_length(words));
    }
    const char *why = json_string_value(json_object_get(j, "finish_reason"));
    if (why && !c->over) c->length = !strcmp(why, "length");
}

static void read_event(us_remote *r, const char *line, size_t n) {
    if (n < 5 || strncmp(line, "data:", 5) != 0) return;
    line += 5, n -= 5;
    while (n && *line == ' ') line++, n--;
    json_t *j = us_json_parse(line, n, NULL), *choices = json_object_get(j, "choices"), *usage = json_object_get(j, "usage"),
           *error = json_object_get(j, "error"), *c;
    size_t i;
    json_array_foreach(choices, i, c) read_choice(r, c);
    if (json_is_object(usage)) {
        pthread_mutex_lock(&r->lock);
        r->view.n_prompt = r->view.n_read = (int32_t)json_integer_value(json_object_get(usage, "prompt_tokens"));
        r->n_tokens = (int32_t)json_integer_value(json_object_get(usage, "completion_tokens"));
        r->view.n_cached =
            (int32_t)json_integer_value(json_object_get(json_object_get(usage, "prompt_tokens_details"), "cached_tokens"));
        pthread_mutex_unlock(&r->lock);
    }
    if (json_is_object(error)) {
        const char *words = json_string_value(json_object_get(error, "message"));
        us_buf_clear(&r->failure);
        if (us_buf_append_str(&r->failure, words ? words : "an error without words", NULL)) r->full = true;
    }
    json_decref(j);
}

/* Nothing more is wanted of any take. */
static bool all_over(const us_remote *r) {
    bool over = r->n_choices == r->spec.n_takes;
    for (int32_t i = 0; i < r->n_choices && over; i++) over = r->choices[i].over;
    return over || r->full;
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
    for (size_t i = 0; i < n && !all_over(r); i++) {
        if (data[i] != '\n') {
            if (us_buf_append(&r->line, data + i, 1, NULL)) return 0;
            continue;
        }
        if (r->line.len) read_event(r, r->line.data, r->line.len);
        us_buf_clear(&r->line);
    }
    return all_over(r) || cancelled(r) ? 0 : n;
}

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return cancelled(ctx);
}

static us_status judge(us_remote *r, CURLcode rc) {
    if (cancelled(r)) return us_fail(&r->err, US_ERR_INTERRUPTED, "cancelled");
    if (all_over(r)) return US_OK; /* we ended it */
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

static void forget_choices(us_remote *r) {
    pthread_mutex_lock(&r->lock);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        choice *c = &r->choices[i];
        us_buf_clear(&c->raw);
        us_buf_clear(&c->words);
        us_buf_clear(&c->shown);
        c->n_pieces = c->n_logprobs = 0;
        c->logprob = c->score = 0;
        c->view = (us_stop_view){0};
        c->looped = c->length = c->over = false;
    }
    pthread_mutex_unlock(&r->lock);
    us_buf_clear(&r->line);
    us_buf_clear(&r->failure);
    r->n_choices = 0;
    r->status_code = 0;
}

/* One request, from its first byte to its last. */
static us_status ask_once(us_remote *r) {
    uint64_t seed = us_hash_bytes(r->spec.sampler.seed, &r->attempt, sizeof r->attempt);
    forget_choices(r);
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
    bool scored = true;
    us_status st = US_OK;
    ranking.weights.lambda = 0; /* the other does not tell what a reply would be worth without the question */
    for (int32_t i = 0; i < r->n_choices && !st; i++) {
        choice *c = &r->choices[i];
        scan(r, c, true);
        scored = scored && c->n_logprobs;
        const us_buf *words = words_of(r, c);
        st = us_strndup(words->data ? words->data + c->view.begin : "", c->view.end - c->view.begin, &texts[i], &r->err);
        candidates[i] = (us_candidate){.text = texts[i],
                                       .logprob = c->logprob,
                                       .n_tokens = (int32_t)(c->n_logprobs ? c->n_logprobs : c->n_pieces),
                                       .ended = !c->length,
                                       .stopped = c->view.stopped,
                                       .looped = c->looped};
    }
    for (int32_t i = 0; i < r->n_choices && !scored; i++) candidates[i].logprob = 0;
    r->best = 0;
    if (!st && !r->spec.separate && r->n_choices)
        st = us_rank(&ranking, &r->spec.view, candidates, r->n_choices, &r->best, &r->err);
    for (int32_t i = 0; i < r->n_choices; i++) {
        if (!st && !r->spec.separate) r->choices[i].score = candidates[i].score;
        free(texts[i]);
    }
    return st;
}

/* As batch.c: nothing can be spoken, or all of several takes are loops. */
static bool is_worthless(const us_remote *r) {
    const choice *c = &r->choices[r->best];
    return c->view.end == c->view.begin || (c->looped && r->n_choices > 1);
}

static void *work(void *arg) {
    us_remote *r = arg;
    CURL *c = r->curl;
    us_status st;
    curl_easy_setopt(c, CURLOPT_URL, r->url);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L); /* two minutes without a byte */
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 120L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, r);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    for (;; r->attempt++) {
        st = ask(r);
        if (!st) st = rank(r);
        if (!st && r->spec.separate && r->n_choices < r->spec.n_takes)
            st = us_fail(&r->err, US_ERR_UNSUPPORTED, "n: the engine at %s made %d of %d choices", r->spec.url, r->n_choices,
                         r->spec.n_takes);
        if (st || r->spec.separate || r->attempt + 1 >= r->spec.n_attempts || !is_worthless(r)) break;
    }
    for (int32_t i = 0; i < r->n_choices && !st; i++)
        if (r->spec.separate || i == r->best) show(r, &r->choices[i]);
    pthread_mutex_lock(&r->lock);
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
    us_buf_init(&r->line, MAX_LINE);
    us_buf_init(&r->failure, MAX_ANSWER);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        us_buf_init(&r->choices[i].raw, MAX_REPLY);
        us_buf_init(&r->choices[i].words, MAX_REPLY);
        us_buf_init(&r->choices[i].shown, MAX_REPLY);
    }
    r->request = request_body(spec);
    r->url = url_of(spec->url, spec->view.n_messages ? "/chat/completions" : "/completions");
    r->curl = curl_easy_init();
    if (!r->request || !r->url || !r->curl) st = us_fail(err, US_ERR_MEMORY, "out of memory");
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

us_reply_view us_remote_wait(us_remote *r, uint64_t *seen, int timeout_ms) {
    int64_t until = us_now_ns() + (int64_t)timeout_ms * 1000000;
    pthread_mutex_lock(&r->lock);
    while (!r->done && r->version == *seen && us_cond_wait(&r->news, &r->lock, until)) continue;
    *seen = r->version;
    us_reply_view v = r->view;
    v.done = r->done;
    v.status = r->done ? r->status : US_OK;
    if (r->done && !r->status) { /* the thread writes no more */
        v.n_takes = v.n_made = r->n_choices;
        for (int32_t i = 0; i < r->n_choices; i++) v.n_loops += r->choices[i].looped, v.n_labels += r->choices[i].view.stopped;
    }
    pthread_mutex_unlock(&r->lock);
    return v;
}

us_status us_remote_read(us_remote *r, int32_t i, size_t from, us_buf *out, us_error *err) {
    us_status st = US_OK;
    pthread_mutex_lock(&r->lock);
    const us_buf *shown = &r->choices[r->spec.separate ? i : r->done ? r->best : 0].shown;
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
    return r->n_choices;
}

us_reply_text us_remote_get(const us_remote *r, int32_t i) {
    const choice *c = &r->choices[i];
    size_t n = c->view.end - c->view.begin;
    int32_t tokens = (int32_t)(c->n_logprobs ? c->n_logprobs : c->n_pieces);
    return (us_reply_text){n ? words_of(r, c)->data + c->view.begin : "",
                           n,
                           c->score,
                           c->looped                         ? US_END_LOOP
                           : c->view.stopped                 ? US_END_LABEL
                           : r->status == US_ERR_INTERRUPTED ? US_END_CANCEL
                           : c->length                       ? US_END_LENGTH
                                                             : US_END_SELF,
                           r->n_choices == 1 && r->n_tokens ? r->n_tokens : tokens,
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
    us_buf_fini(&r->failure);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        us_buf_fini(&r->choices[i].raw);
        us_buf_fini(&r->choices[i].words);
        us_buf_fini(&r->choices[i].shown);
        free(r->choices[i].pieces);
    }
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->news);
    json_decref(r->request);
    free(r->url);
    free(r);
}
