#include "reply/stream.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "reply/thoughts.h"
#include "text/hash.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LINE = 1 << 20,
    MAX_STREAM = 64 << 20, /* of all events of one answer: a word of four bytes comes in about three hundred */
    MAX_WORDS = 1 << 20,   /* of one take */
    LEAST_WORDS = 1 << 14,
    TOKEN_BYTES = 64 /* more than the tokens of a text have by far, on average */
};

void us_stream_init(us_stream *s, const us_take_rules *rules, int32_t n_wanted, bool no_thoughts) {
    int64_t most = (int64_t)rules->max_tokens * TOKEN_BYTES;
    size_t max = most <= 0 || most > MAX_WORDS ? MAX_WORDS : most < LEAST_WORDS ? LEAST_WORDS : (size_t)most;
    *s = (us_stream){.rules = *rules, .n_wanted = n_wanted, .no_thoughts = no_thoughts};
    us_buf_init(&s->line, MAX_LINE);
    us_buf_init(&s->failure, MAX_LINE);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        us_buf_init(&s->takes[i].raw, max);
        us_buf_init(&s->takes[i].words, max);
    }
}

void us_stream_fini(us_stream *s) {
    us_buf_fini(&s->line);
    us_buf_fini(&s->failure);
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        us_buf_fini(&s->takes[i].raw);
        us_buf_fini(&s->takes[i].words);
        free(s->takes[i].pieces);
    }
}

void us_stream_clear(us_stream *s) {
    for (int32_t i = 0; i < US_MAX_TAKES; i++) {
        us_stream_take *t = &s->takes[i];
        us_buf_clear(&t->raw);
        us_buf_clear(&t->words);
        *t = (us_stream_take){.raw = t->raw, .words = t->words, .pieces = t->pieces, .cap_pieces = t->cap_pieces};
    }
    us_buf_clear(&s->line);
    us_buf_clear(&s->failure);
    s->n_takes = s->n_prompt = s->n_cached = s->n_tokens = 0;
    s->n_bytes = 0;
    s->done = s->full = false;
}

const us_buf *us_stream_words(const us_stream *s, const us_stream_take *t) { return s->no_thoughts ? &t->words : &t->raw; }

/* A piece of text stands for a token in the loop rule. */
static int32_t piece_id(const char *s, size_t n) { return (int32_t)(us_hash_bytes(0, s, n) & 0x7fffffff); }

void us_stream_scan(us_stream *s, us_stream_take *t, bool final) {
    const us_take_rules *rules = &s->rules;
    if (s->no_thoughts && us_thoughts_leave_out(t->raw.data ? t->raw.data : "", t->raw.len, final, &t->words, NULL))
        s->full = true;
    const us_buf *words = us_stream_words(s, t);
    const char *text = words->data ? words->data : "";
    t->view = us_stops_scan(&rules->stops, text, words->len, final);
    for (size_t i = 0; i < rules->n_texts; i++) { /* those past the four that the other was told */
        const char *found = memmem(text, words->len, rules->texts[i], strlen(rules->texts[i]));
        if (found && (size_t)(found - text) <= t->view.end) t->view.end = (size_t)(found - text), t->view.stopped = true;
    }
    if (t->view.end < t->view.begin) t->view.end = t->view.begin;
    if (t->view.stopped) t->over = true;
}

static void add_words(us_stream *s, us_stream_take *t, const char *text, size_t n) {
    size_t room = t->raw.max - t->raw.len;
    if (!n || t->over) return;
    if (n > room) n = room - us_utf8_tail(text, room), s->full = true; /* no reply is longer: this one ends here */
    if (us_buf_append(&t->raw, text, n, NULL) ||
        us_grow(&t->pieces, &t->cap_pieces, t->n_pieces + 1, sizeof *t->pieces, NULL)) {
        s->full = true;
        return;
    }
    t->pieces[t->n_pieces++] = piece_id(text, n);
    if (s->rules.cut_loops && us_loop_period(t->pieces, t->n_pieces)) t->looped = t->over = true;
    us_stream_scan(s, t, t->looped);
}

/* OpenAI's two shapes: {"content": [{"logprob"}]} of a chat, {"token_logprobs": []} of a completion. */
static void add_logprobs(us_stream_take *t, const json_t *logprobs) {
    const json_t *list = json_object_get(logprobs, "content"), *x;
    size_t i;
    if (!list) list = json_object_get(logprobs, "token_logprobs");
    json_array_foreach((json_t *)(uintptr_t)list, i, x) {
        const json_t *v = json_is_object(x) ? json_object_get(x, "logprob") : x;
        double p = json_is_number(v) ? json_number_value(v) : 1;
        if (p > 1e-3 || p < -1e6) continue; /* no logarithm of a probability */
        t->logprob += p;
        t->n_logprobs++;
    }
}

static void read_choice(us_stream *s, const json_t *j) {
    json_int_t i = json_integer_value(json_object_get(j, "index"));
    if (!json_is_object(j) || i < 0 || i >= s->n_wanted) return;
    us_stream_take *t = &s->takes[i];
    s->n_news++;
    if (i >= s->n_takes) s->n_takes = (int32_t)i + 1;
    const json_t *text = json_object_get(j, "text");
    if (!text) text = json_object_get(json_object_get(j, "delta"), "content");
    if (!t->over) add_logprobs(t, json_object_get(j, "logprobs"));
    if (json_is_string(text)) add_words(s, t, json_string_value(text), json_string_length(text));
    const json_t *part;
    size_t k;
    json_array_foreach((json_t *)(uintptr_t)text, k, part) { /* Mistral's: parts, of which those of type text are words */
        const json_t *words = json_object_get(part, "text");
        if (json_is_string(words)) add_words(s, t, json_string_value(words), json_string_length(words));
    }
    const char *why = json_string_value(json_object_get(j, "finish_reason"));
    if (why && !t->over) t->length = !strcmp(why, "length");
    if (why) t->finished = true;
}

static int32_t count_of(const json_t *usage, const char *key) {
    json_int_t n = json_integer_value(json_object_get(usage, key));
    return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int32_t)n;
}

static void read_event(us_stream *s, const char *line, size_t n) {
    if (n < 5 || strncmp(line, "data:", 5) != 0) return;
    line += 5, n -= 5;
    while (n && *line == ' ') line++, n--;
    if (n >= 6 && !memcmp(line, "[DONE]", 6)) s->done = true;
    json_t *j = us_json_parse(line, n, NULL), *choices = json_object_get(j, "choices"), *usage = json_object_get(j, "usage"),
           *error = json_object_get(j, "error"), *c;
    size_t i;
    json_array_foreach(choices, i, c) read_choice(s, c);
    if (json_is_object(usage)) {
        s->n_prompt = count_of(usage, "prompt_tokens");
        s->n_tokens = count_of(usage, "completion_tokens");
        s->n_cached = count_of(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
    }
    if (error && !json_is_null(error)) {
        const char *words = json_string_value(json_is_object(error) ? json_object_get(error, "message") : error);
        us_buf_clear(&s->failure);
        if (us_buf_append_str(&s->failure, words && *words ? words : "an error without words", NULL)) s->full = true;
    }
    json_decref(j);
}

bool us_stream_over(const us_stream *s) {
    bool over = s->n_takes == s->n_wanted;
    for (int32_t i = 0; i < s->n_takes && over; i++) over = s->takes[i].over;
    return over || s->full;
}

us_status us_stream_feed(us_stream *s, const char *data, size_t n, us_error *err) {
    const char *end = data + n;
    s->n_bytes += n;
    if (s->n_bytes > MAX_STREAM) return us_fail(err, US_ERR_LIMIT, "an answer of more than %d MiB", MAX_STREAM >> 20);
    while (data < end && !us_stream_over(s)) {
        const char *nl = memchr(data, '\n', (size_t)(end - data));
        if (us_buf_append(&s->line, data, (size_t)((nl ? nl : end) - data), NULL))
            return us_fail(err, US_ERR_LIMIT, "a line of more than %d KiB", MAX_LINE >> 10);
        if (!nl) break;
        if (s->line.len) read_event(s, s->line.data, s->line.len);
        us_buf_clear(&s->line);
        data = nl + 1;
    }
    return US_OK;
}

us_status us_stream_check(const us_stream *s, us_error *err) {
    if (us_stream_over(s)) return US_OK; /* we ended it */
    if (s->failure.len) return us_fail(err, US_ERR_GATE, "%s", s->failure.data);
    if (!s->n_takes) return us_fail(err, US_ERR_FORMAT, "nothing that is a reply (a stream of the OpenAI API is expected)");
    for (int32_t i = 0; i < s->n_takes; i++)
        if (!s->done && !s->takes[i].finished && !s->takes[i].over)
            return us_fail(err, US_ERR_FORMAT, "a reply that broke off after %zu bytes", s->takes[i].raw.len);
    return US_OK;
}
