/* Each field of a request is read into a plain value, or refused by its name. */
#include "base/buf.h"
#include "base/mem.h"
#include "reply/take.h"
#include "serve/fields.h"
#include "serve/ask.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ":adapter", ":0.7", ":adapter:0.7": what stands behind a character's id. */
static us_status read_strength(const char *p, us_ask *ask, us_error *err) {
    char *end = NULL;
    if (!strncmp(p, ":adapter", 8) && (!p[8] || p[8] == ':')) ask->bare = true, p += 8;
    if (!*p) return US_OK;
    ask->scale = strtod(p + 1, &end);
    if (*end || end == p + 1 || !(ask->scale >= 0 && ask->scale <= 2))
        return us_fail(err, US_ERR_ARGUMENT, "model: a strength from 0 to 2 is expected after the colon");
    return US_OK;
}

us_status us_ask_model(const json_t *body, const char *only, us_ask *ask, us_error *err) {
    const char *model = NULL;
    us_status st = us_param_text(body, "model", 0, sizeof ask->model - 1, &model, err);
    if (!st && (!model || !*model)) model = only;
    if (st || !model) return us_fail(err, US_ERR_ARGUMENT, "model: a string is expected; /v1/models lists them");
    size_t n = strcspn(model, ":");
    if (n >= sizeof ask->id) return us_fail(err, US_ERR_NOT_FOUND, "no model '%.60s'; /v1/models lists them", model);
    snprintf(ask->model, sizeof ask->model, "%s", model);
    snprintf(ask->id, sizeof ask->id, "%.*s", (int)n, model);
    ask->scale = 1;
    return read_strength(model + n, ask, err);
}

/* A string or a list of strings; what is empty stops nothing. */
static us_status read_stops(const json_t *body, const char *key, us_ask *ask, us_error *err) {
    const json_t *stop = json_object_get(body, key);
    size_t n = json_is_array(stop) ? json_array_size(stop) : stop && !json_is_null(stop) ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_is_array(stop) ? json_array_get(stop, i) : stop;
        if ((!json_is_string(s) && !json_is_null(s)) || json_string_length(s) > 1000)
            return us_fail(err, US_ERR_ARGUMENT, "%s: a string or a list of strings, of at most 1000 bytes, is expected", key);
        if (!json_string_length(s)) continue;
        if (ask->n_stops == US_ASK_STOPS)
            return us_fail(err, US_ERR_ARGUMENT, "%s: at most %d are expected", key, US_ASK_STOPS);
        ask->stops[ask->n_stops++] = json_string_value(s);
    }
    return US_OK;
}

static us_status add_bias(us_ask *ask, int64_t id, const json_t *v, us_error *err) {
    double x = json_is_false(v) ? -100 : json_number_value(v);
    if (id < 0 || id > INT32_MAX || (!json_is_number(v) && !json_is_false(v)) || !(x >= -100 && x <= 100))
        return us_fail(err, US_ERR_ARGUMENT, "logit_bias: token ids with numbers from -100 to 100 are expected");
    if (ask->n_biases == US_ASK_BIASES)
        return us_fail(err, US_ERR_ARGUMENT, "logit_bias: at most %d token ids are expected", US_ASK_BIASES);
    ask->biases[ask->n_biases++] = (us_logit_bias){(int32_t)id, (float)x};
    return US_OK;
}

/* OpenAI's {"12": -100}, or llama.cpp's [[12, -100], [13, false]]. */
static us_status read_biases(const json_t *body, us_ask *ask, us_error *err) {
    json_t *bias = json_object_get(body, "logit_bias"), *v;
    const char *key;
    size_t i;
    us_status st = US_OK;
    if (!bias || json_is_null(bias)) return US_OK;
    if (!json_is_object(bias) && !json_is_array(bias))
        return us_fail(err, US_ERR_ARGUMENT, "logit_bias: an object of token ids is expected");
    json_object_foreach(bias, key, v) {
        char *end;
        errno = 0;
        long id = strtol(key, &end, 10);
        if (!st) st = add_bias(ask, *end || end == key || errno ? -1 : id, v, err);
    }
    json_array_foreach(bias, i, v) {
        const json_t *id = json_array_get(v, 0);
        if (!st) st = add_bias(ask, json_is_integer(id) ? json_integer_value(id) : -1, json_array_get(v, 1), err);
    }
    return st;
}

/* The words of a part: {"type": "text", "text"}, the Responses API's input_text and output_text, or a refusal. */
static const char *words_of(const json_t *part) {
    const char *type = json_string_value(json_object_get(part, "type"));
    if (json_is_string(part)) return json_string_value(part);
    if (!type) return NULL;
    if (!strcmp(type, "refusal")) return json_string_value(json_object_get(part, "refusal"));
    if (strcmp(type, "text") && strcmp(type, "input_text") && strcmp(type, "output_text")) return NULL;
    return json_string_value(json_object_get(part, "text"));
}

/* A string, OpenAI's list of parts, or nothing: *out is NULL then. */
static us_status content_of(us_ask *ask, const json_t *m, size_t i, const char **out, us_error *err) {
    const json_t *content = json_object_get(m, "content"), *part;
    size_t k;
    us_buf b;
    *out = json_string_value(content);
    if (*out || !content || json_is_null(content)) return US_OK;
    if (!json_is_array(content))
        return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].content: a string or a list of text parts is expected", i);
    us_buf_init(&b, (size_t)16 << 20);
    us_status st = us_buf_append_str(&b, "", err);
    json_array_foreach(content, k, part) {
        const char *text = words_of(part);
        if (!st && !text)
            st = us_fail(err, US_ERR_ARGUMENT, "messages[%zu].content[%zu]: only parts of type text are understood", i, k);
        if (!st) st = us_buf_append_str(&b, text, err);
    }
    if (!st && !(*out = ask->owned[ask->n_owned] = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) ask->n_owned++;
    us_buf_fini(&b);
    return st;
}

/* A call of a tool that another server's model made, and what the tool answered, are lines like others: the words that are
 * there are read. A message without a word is none. */
static us_status read_message(us_ask *ask, const json_t *m, size_t i, us_buf *system, us_error *err) {
    const char *role = json_string_value(json_object_get(m, "role")), *content = NULL, *name = NULL;
    if (!role) return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].role: a string is expected", i);
    bool own = !strcmp(role, "assistant"), sys = !strcmp(role, "system") || !strcmp(role, "developer");
    bool tool = !strcmp(role, "tool") || !strcmp(role, "function");
    if (!own && !sys && !tool && strcmp(role, "user") != 0)
        return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].role: system, user, assistant or tool is expected", i);
    us_status st = content_of(ask, m, i, &content, err);
    if (!st && !content && !own && !json_object_get(m, "content"))
        st = us_fail(err, US_ERR_ARGUMENT, "messages[%zu].content: a string or a list of text parts is expected", i);
    if (!st && !tool) st = us_param_name(m, "name", &name, err);
    if (st || !content || (own && !*content)) return st;
    if (sys && !ask->n_lines) { /* those at the head are the system message; later ones are said by nobody in particular */
        if (system->len) st = us_buf_append_str(system, "\n", err);
        return st ? st : us_buf_append_str(system, content, err);
    }
    ask->lines[ask->n_lines++] = (us_chat_line){own || sys ? NULL : name, content, own};
    return US_OK;
}

static us_status read_messages(const json_t *body, us_ask *ask, us_error *err) {
    const json_t *list = json_object_get(body, "messages"), *m;
    size_t n = json_array_size(list), i;
    us_buf system;
    if (!json_is_array(list) || !n || n > US_ASK_MESSAGES)
        return us_fail(err, US_ERR_ARGUMENT, "messages: a list of 1 to %d is expected", US_ASK_MESSAGES);
    us_buf_init(&system, (size_t)16 << 20);
    us_status st = us_alloc(n, sizeof *ask->lines, &ask->lines, err);
    if (!st) st = us_alloc(n, sizeof *ask->owned, &ask->owned, err);
    json_array_foreach(list, i, m)
        if (!st) st = read_message(ask, m, i, &system, err);
    if (!st && system.len && !(ask->system = us_buf_take(&system, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&system);
    return st;
}

/* The next prompt: a string, or a list of token ids. */
static us_status add_prompt(us_ask *ask, const json_t *p, us_error *err) {
    const json_t *id;
    size_t i;
    us_status st = US_OK;
    if (ask->n_prompts == US_ASK_CHOICES)
        return us_fail(err, US_ERR_ARGUMENT, "prompt: at most %d are expected", US_ASK_CHOICES);
    us_ask_prompt *to = &ask->prompts[ask->n_prompts++];
    if (json_is_string(p) && json_string_length(p)) return to->text = json_string_value(p), US_OK;
    if (!json_is_array(p) || !json_array_size(p))
        return us_fail(err, US_ERR_ARGUMENT, "prompt: a string that is not empty, or a list of token ids, is expected");
    json_array_foreach((json_t *)(uintptr_t)p, i, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
            return us_fail(err, US_ERR_ARGUMENT, "prompt: strings, or token ids, are expected");
        if (!st) st = us_tokens_push(&to->ids, (int32_t)json_integer_value(id), err);
    }
    return st;
}

/* One prompt, or a list of them. */
static us_status read_prompt(const json_t *body, us_ask *ask, us_error *err) {
    const json_t *p = json_object_get(body, "prompt"), *first = json_array_get(p, 0), *one;
    size_t i;
    us_status st = US_OK;
    if (!json_is_string(first) && !json_is_array(first)) return add_prompt(ask, p, err);
    json_array_foreach((json_t *)(uintptr_t)p, i, one)
        if (!st) st = add_prompt(ask, one, err);
    if (!st && (int64_t)ask->n_prompts * ask->n > US_ASK_CHOICES)
        st = us_fail(err, US_ERR_ARGUMENT, "prompt: %d answers at most, n times the prompts, are expected", US_ASK_CHOICES);
    return st;
}

static us_status read_logprobs(const json_t *body, us_ask *ask, us_error *err) {
    int64_t top = -1;
    if (!ask->chat) { /* a completion's logprobs is a number */
        us_status st = us_param_int(body, "logprobs", 0, US_MAX_TOP, &top, err);
        ask->logprobs = top >= 0;
        ask->n_top = top > 0 ? top : 0;
        return st;
    }
    us_status st = us_param_bool(body, "logprobs", &ask->logprobs, err);
    if (!st) st = us_param_int(body, "top_logprobs", 0, US_MAX_TOP, &ask->n_top, err);
    if (!st && ask->n_top && !ask->logprobs) st = us_fail(err, US_ERR_ARGUMENT, "top_logprobs: logprobs must be true");
    return st;
}

/* -1 and more than fits are "as much as fits" (reply.h knows how much). */
static us_status read_max_tokens(const json_t *body, us_ask *ask, us_error *err) {
    static const char *const keys[] = {"max_tokens", "max_completion_tokens"};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !st; i++) {
        int64_t n = INT64_MIN;
        st = us_param_int(body, keys[i], -1, 1LL << 53, &n, err);
        if (!st && !n && (ask->chat || !ask->echo))
            st = us_fail(err, US_ERR_ARGUMENT, "%s: 1 or more, or -1 for as many as fit, is expected", keys[i]);
        if (n != INT64_MIN) ask->max_tokens = n < 0 || n > INT32_MAX ? INT32_MAX : n;
    }
    return st;
}

/* llama.cpp's [{"id": 0, "scale": 0.7}]: the strength of the character's adapter, the only one there is. */
static us_status read_lora(const json_t *body, us_ask *ask, us_error *err) {
    json_t *list = json_object_get(body, "lora"), *one;
    double scale = 0;
    size_t i;
    if (list && !json_is_array(list) && !json_is_null(list)) return us_fail(err, US_ERR_ARGUMENT, "lora: a list is expected");
    json_array_foreach(list, i, one) {
        us_status st = us_param_number(one, "scale", 0, 2, &scale, err);
        if (!st && scale > 0 && (json_integer_value(json_object_get(one, "id")) || !strcmp(ask->id, "base")))
            st =
                us_fail(err, US_ERR_ARGUMENT, "lora: there is no such adapter; a character's own is 0 (/v1/models lists them)");
        if (st) return st;
        if (!json_integer_value(json_object_get(one, "id"))) ask->scale = scale;
    }
    return US_OK;
}

us_status us_ask_read(const json_t *body, bool chat, us_ask *ask, us_error *err) {
    json_t *stream_options = json_object_get(body, "stream_options");
    int64_t best_of = 0;
    ask->chat = chat;
    ask->n = 1;
    us_status st = us_param_bool(body, "stream", &ask->stream, err);
    if (!st && stream_options && !json_is_object(stream_options) && !json_is_null(stream_options))
        st = us_fail(err, US_ERR_ARGUMENT, "stream_options: an object is expected");
    if (!st) st = us_param_bool(stream_options, "include_usage", &ask->usage, err);
    if (!st) st = us_param_bool(body, "ban_eos_token", &ask->ignore_eos, err); /* its name elsewhere */
    if (!st) st = us_param_bool(body, "ignore_eos", &ask->ignore_eos, err);
    if (!st) st = us_param_int(body, "n", 1, US_ASK_CHOICES, &ask->n, err);
    if (!st) st = us_param_int(body, "best_of", 0, INT64_MAX, &best_of, err);
    if (!st && best_of > ask->n) st = us_fail(err, US_ERR_ARGUMENT, "best_of: n at most is expected; `takes` chooses the best");
    if (!st) st = us_param_int(body, "takes", 1, US_MAX_TAKES, &ask->takes, err);
    if (!st && !chat) st = us_param_bool(body, "echo", &ask->echo, err);
    if (!st) st = read_max_tokens(body, ask, err);
    if (!st) st = us_param_text(body, "user", 0, 1000, &ask->user, err);
    if (!st) st = us_param_sampler(body, &ask->sampler, err);
    ask->seeded = us_param_has_seed(body);
    if (!st) st = read_logprobs(body, ask, err);
    if (!st) st = read_stops(body, "stop", ask, err);
    if (!st) st = read_biases(body, ask, err);
    if (!st) st = us_param_bool(body, "continue_final_message", &ask->goes_on, err);
    if (!st) st = read_lora(body, ask, err);
    if (!st) st = us_fields_check(body, err);
    if (st) return st;
    return chat ? read_messages(body, ask, err) : read_prompt(body, ask, err);
}

void us_ask_fini(us_ask *ask) {
    for (size_t i = 0; i < ask->n_owned; i++) free(ask->owned[i]);
    free(ask->owned);
    free(ask->lines);
    free(ask->system);
    for (size_t i = 0; i < ask->n_prompts; i++) us_tokens_fini(&ask->prompts[i].ids);
}
