#include "base/buf.h"
#include "base/mem.h"
#include "reply/take.h"
#include "serve/openai.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

us_status us_ask_model(const json_t *body, us_ask *ask, us_error *err) {
    const char *model = NULL;
    us_status st = us_param_text(body, "model", 1, sizeof ask->model - 1, &model, err);
    if (st) return us_fail(err, US_ERR_ARGUMENT, "model: a string is expected; /v1/models lists them");
    size_t n = strcspn(model, ":");
    char *end = NULL;
    if (n >= sizeof ask->id) return us_fail(err, US_ERR_NOT_FOUND, "no model '%.60s'; /v1/models lists them", model);
    snprintf(ask->model, sizeof ask->model, "%s", model);
    snprintf(ask->id, sizeof ask->id, "%.*s", (int)n, model);
    ask->scale = 1;
    if (!model[n]) return US_OK;
    ask->scale = strtod(model + n + 1, &end);
    if (*end || end == model + n + 1 || !(ask->scale >= 0 && ask->scale <= 2))
        return us_fail(err, US_ERR_ARGUMENT, "model: a strength from 0 to 2 is expected after the colon");
    return US_OK;
}

static us_status read_stops(const json_t *body, us_ask *ask, us_error *err) {
    const json_t *stop = json_object_get(body, "stop");
    if (!stop || json_is_null(stop)) return US_OK;
    size_t n = json_is_array(stop) ? json_array_size(stop) : 1;
    if (n > US_ASK_STOPS) return us_fail(err, US_ERR_ARGUMENT, "stop: at most %d are expected", US_ASK_STOPS);
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_is_array(stop) ? json_array_get(stop, i) : stop;
        if (!json_string_length(s) || json_string_length(s) > 1000)
            return us_fail(err, US_ERR_ARGUMENT, "stop: a string or a list of strings, none empty, is expected");
        ask->stops[ask->n_stops++] = json_string_value(s);
    }
    return US_OK;
}

static us_status read_biases(const json_t *body, us_ask *ask, us_error *err) {
    json_t *bias = json_object_get(body, "logit_bias"), *v;
    const char *key;
    if (!bias || json_is_null(bias)) return US_OK;
    if (!json_is_object(bias) || json_object_size(bias) > US_ASK_BIASES)
        return us_fail(err, US_ERR_ARGUMENT, "logit_bias: an object of at most %d token ids is expected", US_ASK_BIASES);
    json_object_foreach(bias, key, v) {
        char *end;
        errno = 0;
        long id = strtol(key, &end, 10);
        double x = json_number_value(v);
        if (*end || end == key || errno || id < 0 || id > INT32_MAX || !json_is_number(v) || !(x >= -100 && x <= 100))
            return us_fail(err, US_ERR_ARGUMENT, "logit_bias: token ids with numbers from -100 to 100 are expected");
        ask->biases[ask->n_biases++] = (us_logit_bias){(int32_t)id, (float)x};
    }
    return US_OK;
}

/* A string, or OpenAI's list of parts of type text. */
static us_status content_of(us_ask *ask, const json_t *m, size_t i, const char **out, us_error *err) {
    const json_t *content = json_object_get(m, "content"), *part;
    size_t k;
    us_buf b;
    if (json_is_string(content)) return *out = json_string_value(content), US_OK;
    if (!json_is_array(content))
        return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].content: a string or a list of text parts is expected", i);
    us_buf_init(&b, (size_t)16 << 20);
    us_status st = us_buf_append_str(&b, "", err);
    json_array_foreach(content, k, part) {
        const char *type = json_string_value(json_object_get(part, "type")),
                   *text = json_string_value(json_object_get(part, "text"));
        if (!st && (!type || strcmp(type, "text") || !text))
            st = us_fail(err, US_ERR_ARGUMENT, "messages[%zu].content[%zu]: only parts of type text are understood", i, k);
        if (!st) st = us_buf_append_str(&b, text, err);
    }
    if (!st && !(*out = ask->owned[ask->n_owned] = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) ask->n_owned++;
    us_buf_fini(&b);
    return st;
}

static us_status read_message(us_ask *ask, const json_t *m, size_t i, us_buf *system, us_error *err) {
    const char *role = json_string_value(json_object_get(m, "role")), *content = "", *name = NULL;
    if (!role) return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].role: a string is expected", i);
    bool own = !strcmp(role, "assistant"), sys = !strcmp(role, "system") || !strcmp(role, "developer");
    if (!own && !sys && strcmp(role, "user") != 0)
        return us_fail(err, US_ERR_ARGUMENT, "messages[%zu].role: system, user or assistant is expected", i);
    us_status st = content_of(ask, m, i, &content, err);
    if (!st) st = us_param_name(m, "name", &name, err);
    if (st) return st;
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

/* A string, a list of one string, or a list of token ids. */
static us_status read_prompt(const json_t *body, us_ask *ask, us_error *err) {
    const json_t *p = json_object_get(body, "prompt"), *id;
    size_t i;
    us_status st = US_OK;
    if (json_is_array(p) && json_array_size(p) == 1 && json_is_string(json_array_get(p, 0))) p = json_array_get(p, 0);
    if (json_is_string(p) && json_string_length(p)) return ask->prompt = json_string_value(p), US_OK;
    if (!json_is_array(p) || !json_array_size(p))
        return us_fail(err, US_ERR_ARGUMENT, "prompt: a string that is not empty, or a list of token ids, is expected");
    json_array_foreach(p, i, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
            return us_fail(err, US_ERR_ARGUMENT, "prompt: one string, or token ids, are expected");
        if (!st) st = us_tokens_push(&ask->ids, (int32_t)json_integer_value(id), err);
    }
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

us_status us_ask_read(const json_t *body, bool chat, us_ask *ask, us_error *err) {
    json_t *stream_options = json_object_get(body, "stream_options");
    ask->chat = chat;
    ask->n = 1;
    us_status st = us_param_bool(body, "stream", &ask->stream, err);
    if (!st && stream_options && !json_is_object(stream_options) && !json_is_null(stream_options))
        st = us_fail(err, US_ERR_ARGUMENT, "stream_options: an object is expected");
    if (!st) st = us_param_bool(stream_options, "include_usage", &ask->usage, err);
    if (!st) st = us_param_bool(body, "ignore_eos", &ask->ignore_eos, err);
    if (!st) st = us_param_int(body, "n", 1, US_ASK_CHOICES, &ask->n, err);
    if (!st) st = us_param_int(body, "takes", 1, US_MAX_TAKES, &ask->takes, err);
    if (!st) st = us_param_int(body, "max_tokens", 1, 1 << 20, &ask->max_tokens, err);
    if (!st) st = us_param_int(body, "max_completion_tokens", 1, 1 << 20, &ask->max_tokens, err);
    if (!st) st = us_param_text(body, "user", 0, 1000, &ask->user, err);
    if (!st) st = us_param_sampler(body, &ask->sampler, err);
    if (!st) st = read_logprobs(body, ask, err);
    if (!st) st = read_stops(body, ask, err);
    if (!st) st = read_biases(body, ask, err);
    if (!st && !chat) st = us_param_bool(body, "echo", &ask->echo, err);
    if (st) return st;
    return chat ? read_messages(body, ask, err) : read_prompt(body, ask, err);
}

void us_ask_fini(us_ask *ask) {
    for (size_t i = 0; i < ask->n_owned; i++) free(ask->owned[i]);
    free(ask->owned);
    free(ask->lines);
    free(ask->system);
    us_tokens_fini(&ask->ids);
}
