/* Ollama's routes, for the clients that speak nothing else: /api/tags, /api/show, /api/chat, /api/generate and a few more. What
 * is asked is put into the OpenAI API's words (completion.h); answers are lines of JSON, errors {"error": words}. */
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "serve/completion.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct work {
    us_completion *c;
    json_t *body; /* the request in the OpenAI API's words */
    char *model;  /* as it was asked for */
    bool chat, stream;
    size_t said;
    int64_t start_ns, first_ns;
} work;

static void free_work(void *ctx) {
    work *w = ctx;
    us_completion_free(w->c);
    json_decref(w->body);
    free(w->model);
    free(w);
}

static enum MHD_Result refuse(us_request *r, us_status st, const us_error *err) {
    us_log(r->s, "%s %s: %s", r->method, r->path, err->message);
    return us_answer_json(r, us_http_code(st, err), json_pack("{s:o}", "error", us_public_json(r->s, err->message)));
}

/* ---- asking --------------------------------------------------------------------------------------------------------- */

/* "homer:latest" is "homer". */
static json_t *model_of(const json_t *asked) {
    const char *name = json_string_value(json_object_get(asked, "model"));
    if (!name) name = json_string_value(json_object_get(asked, "name"));
    if (!name) return NULL;
    size_t n = strlen(name);
    return json_stringn(name, n > 7 && !strcmp(name + n - 7, ":latest") ? n - 7 : n);
}

static us_status read_format(const json_t *asked, json_t *body, us_error *err) {
    json_t *format = json_object_get(asked, "format");
    if (!format || json_is_null(format) || (json_is_string(format) && !json_string_length(format))) return US_OK;
    if (json_is_object(format))
        json_object_set_new(
            body, "response_format",
            json_pack("{s:s, s:{s:s, s:O}}", "type", "json_schema", "json_schema", "name", "format", "schema", format));
    else if (json_is_string(format) && !strcmp(json_string_value(format), "json"))
        json_object_set_new(body, "response_format", json_pack("{s:s}", "type", "json_object"));
    else return us_fail(err, US_ERR_ARGUMENT, "format: json or a schema is expected");
    return US_OK;
}

/* Samplers and limits of "options" stand at the top of an OpenAI request. */
static us_status read_options(const json_t *asked, json_t *body, us_error *err) {
    json_t *options = json_object_get(asked, "options"), *v;
    const char *key;
    if (options && !json_is_object(options) && !json_is_null(options))
        return us_fail(err, US_ERR_ARGUMENT, "options: an object is expected");
    json_object_foreach(options, key, v) {
        if (!strcmp(key, "num_predict")) {
            bool all = json_is_integer(v) && json_integer_value(v) < 0; /* -1: as many as fit, -2: fill the context */
            if (!json_is_null(v)) json_object_set_new(body, "max_tokens", all ? json_integer(-1) : json_incref(v));
        } else if (strcmp(key, "num_ctx") && strcmp(key, "num_keep") && strcmp(key, "num_thread") && strcmp(key, "num_gpu") &&
                   strcmp(key, "num_batch"))
            json_object_set(body, key, v);
    }
    if (json_is_true(json_object_get(asked, "think")) || json_is_string(json_object_get(asked, "think")))
        return us_fail(err, US_ERR_ARGUMENT, "think: nobody here thinks aloud; leave it out");
    if (json_array_size(json_object_get(asked, "images"))) return us_fail(err, US_ERR_ARGUMENT, "images: only text is read");
    if (json_array_size(json_object_get(asked, "context")))
        return us_fail(err, US_ERR_ARGUMENT,
                       "context: nothing is kept from one answer to the next; use /api/chat with messages");
    if (json_string_length(json_object_get(asked, "template")))
        return us_fail(err, US_ERR_ARGUMENT, "template: the model's own is used; send a prompt with raw");
    if (json_is_true(json_object_get(asked, "logprobs")) || json_number_value(json_object_get(asked, "top_logprobs")) > 0)
        return us_fail(err, US_ERR_ARGUMENT, "logprobs: use /v1/chat/completions or /completion");
    return US_OK;
}

static us_status translate(const json_t *asked, bool chat, json_t **out, bool *load, us_error *err) {
    json_t *body = json_object(), *model = model_of(asked), *messages = json_object_get(asked, "messages"), *m;
    const char *prompt = json_string_value(json_object_get(asked, "prompt")),
               *system = json_string_value(json_object_get(asked, "system"));
    static const char *const same[] = {"tools", "tool_choice", "suffix"};
    size_t i;
    us_status st = read_format(asked, body, err);
    if (!st) st = read_options(asked, body, err);
    if (model) json_object_set_new(body, "model", model);
    for (i = 0; i < sizeof same / sizeof *same; i++)
        if (json_object_get(asked, same[i])) json_object_set(body, same[i], json_object_get(asked, same[i]));
    *load = chat ? !json_array_size(messages) : !prompt || !*prompt;
    if (chat) {
        json_array_foreach(messages, i, m)
            if (!st && json_array_size(json_object_get(m, "images")))
                st = us_fail(err, US_ERR_ARGUMENT, "messages[%zu].images: only text is read", i);
        json_object_set(body, "messages", messages ? messages : json_null());
    } else if (json_is_true(json_object_get(asked, "raw")))
        json_object_set_new(body, "prompt", json_string(prompt ? prompt : ""));
    else {
        messages = json_array();
        if (system && *system) json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "system", "content", system));
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", prompt ? prompt : ""));
        json_object_set_new(body, "messages", messages);
    }
    if (st) json_decref(body);
    else *out = body;
    return st;
}

/* ---- answering ------------------------------------------------------------------------------------------------------ */

static void date(time_t t, char out[40]) {
    struct tm tm;
    strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}

/* A line: words, or a call. Takes over content and calls (NULL: none). */
static json_t *line_json(const work *w, json_t *content, json_t *calls, bool done) {
    char now[40];
    date(time(NULL), now);
    json_t *j = json_pack("{s:s, s:s, s:b}", "model", w->model, "created_at", now, "done", done);
    if (w->chat) {
        json_t *m = json_pack("{s:s, s:o}", "role", "assistant", "content", content);
        if (calls) json_object_set_new(m, "tool_calls", calls);
        json_object_set_new(j, "message", m);
    } else json_object_set_new(j, "response", content);
    return j;
}

/* What stands in the last line. */
static void add_end(const work *w, const us_reply_view *v, json_t *j) {
    int64_t end = us_now_ns(), first = w->first_ns ? w->first_ns : end;
    int32_t made = 0;
    us_reply_end how = US_END_SELF;
    if (w->c) us_completion_drawn(w->c, &made), how = us_completion_get(w->c, 0).end;
    json_object_set_new(j, "done_reason",
                        json_string(!w->c                                          ? "load"
                                    : how == US_END_LENGTH || how == US_END_CANCEL ? "length"
                                                                                   : "stop"));
    if (!w->chat && w->c) json_object_set_new(j, "context", json_array());
    json_object_update_new(j, json_pack("{s:I, s:I, s:i, s:I, s:i, s:I}", "total_duration", (json_int_t)(end - w->start_ns),
                                        "load_duration", (json_int_t)0, "prompt_eval_count", v->n_prompt,
                                        "prompt_eval_duration", (json_int_t)(first - w->start_ns), "eval_count", made,
                                        "eval_duration", (json_int_t)(end - first)));
}

/* Ollama's calls have their arguments as an object. */
static json_t *calls_of(const work *w) {
    us_reply_text t = us_completion_get(w->c, 0);
    json_t *calls = us_form_calls(&w->c->form, t.text, t.n, "0"), *f = json_object_get(json_array_get(calls, 0), "function");
    const char *text = json_string_value(json_object_get(f, "arguments"));
    if (!text) return NULL;
    json_t *call = json_pack("[{s:{s:O, s:o}}]", "function", "name", json_object_get(f, "name"), "arguments",
                             us_json_parse(text, strlen(text), NULL));
    json_decref(calls);
    return call;
}

static us_status put_line(us_request *r, json_t *j, us_error *err) {
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    us_status st = text ? us_buf_appendf(&r->out, err, "%s\n", text) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    return st;
}

static us_status more(us_request *r, us_error *err) {
    work *w = r->work;
    us_buf text;
    us_reply_view v = us_completion_wait(w->c, 250);
    us_buf_init(&text, 1 << 20);
    us_status st = us_completion_read(w->c, 0, w->said, &text, err);
    bool held = w->c->form.tools && !w->said && text.len && text.data[0] == '{';
    json_t *calls = !st && held && v.done && !v.status ? calls_of(w) : NULL;
    if (text.len && !w->first_ns) w->first_ns = us_now_ns();
    if (!st && text.len && (!held || (v.done && !calls))) {
        st = put_line(r, line_json(w, us_text_json(text.data, text.len), NULL, false), err);
        w->said += text.len;
    }
    us_buf_fini(&text);
    if (calls) st = put_line(r, line_json(w, json_string(""), calls, false), err);
    r->ended = v.done || st;
    if (st || !v.done) return st;
    if (v.status)
        return put_line(r, json_pack("{s:o}", "error", us_public_json(r->s, us_completion_error(w->c)->message)), err);
    json_t *last = line_json(w, json_string(""), NULL, true);
    add_end(w, &v, last);
    return put_line(r, last, err);
}

static enum MHD_Result whole(us_request *r, work *w) {
    us_reply_view v;
    while (!(v = us_completion_wait(w->c, 250)).done) {
        if (v.n_read >= v.n_prompt && !w->first_ns) w->first_ns = us_now_ns();
        if (us_client_gone(r)) return MHD_NO;
    }
    if (v.status) return refuse(r, v.status, us_completion_error(w->c));
    us_reply_text t = us_completion_get(w->c, 0);
    json_t *calls = calls_of(w), *j = line_json(w, calls ? json_string("") : us_text_json(t.text, t.n), calls, true);
    add_end(w, &v, j);
    return us_answer_json(r, 200, j);
}

static us_status find_model(us_server *s, const json_t *body, us_error *err) {
    us_ask ask = {0};
    us_character *c = NULL;
    us_status st = us_ask_model(body, NULL, &ask, err);
    if (!st && strcmp(ask.id, "base") != 0) st = us_characters_find(s->characters, ask.id, &c, err);
    us_character_put(c);
    return st;
}

static enum MHD_Result complete(us_request *r, bool chat) {
    work *w;
    us_error err;
    bool load = false;
    us_status st = r->json ? us_alloc(1, sizeof *w, &w, &err) : us_fail(&err, US_ERR_ARGUMENT, "a JSON object is expected");
    if (st) return refuse(r, st, &err);
    r->work = w;
    r->free_work = free_work;
    w->chat = chat;
    w->stream = !json_is_false(json_object_get(r->json, "stream"));
    w->start_ns = us_now_ns();
    const char *model = json_string_value(json_object_get(r->json, "model"));
    st = us_strdup(model ? model : "", &w->model, &err);
    if (!st) st = translate(r->json, chat, &w->body, &load, &err);
    if (!st && load) st = find_model(r->s, w->body, &err);
    if (!st && load) { /* nothing is asked but that the model be there */
        json_t *j = line_json(w, json_string(""), NULL, true);
        add_end(w, &(us_reply_view){0}, j);
        return us_answer_json(r, 200, j);
    }
    if (!st) st = us_completion_begin(r->s, w->body, json_object_get(w->body, "messages") != NULL, &w->c, &err);
    if (st) return refuse(r, st, &err);
    return w->stream ? us_answer_stream_as(r, "application/x-ndjson", more) : whole(r, w);
}

enum MHD_Result us_route_ollama_chat(us_request *r) { return complete(r, true); }
enum MHD_Result us_route_ollama_generate(us_request *r) { return complete(r, false); }

/* ---- models --------------------------------------------------------------------------------------------------------- */

static json_t *details_json(const us_server *s) {
    const us_model_info *i = s->backend.model ? us_model_get_info(s->backend.model) : NULL;
    const char *family = i ? i->architecture : "unknown";
    return json_pack("{s:s, s:s, s:s, s:[s], s:o, s:s}", "parent_model", "", "format", "gguf", "family", family, "families",
                     family, "parameter_size", i ? json_sprintf("%.1fM", (double)i->n_params * 1e-6) : json_string(""),
                     "quantization_level", i ? i->quantization : "");
}

static json_t *tag_json(const us_server *s, const char *id) {
    char then[40];
    date((time_t)(s->started_ms / 1000), then);
    uint64_t bytes = s->backend.model ? us_model_get_info(s->backend.model)->file_bytes : 0;
    return json_pack("{s:o, s:o, s:s, s:I, s:s, s:o}", "name", json_sprintf("%s:latest", id), "model",
                     json_sprintf("%s:latest", id), "modified_at", then, "size", (json_int_t)bytes, "digest", "", "details",
                     details_json(s));
}

static enum MHD_Result models(us_request *r) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    json_t *list = json_array();
    us_characters_list(r->s->characters, all, &n);
    json_array_append_new(list, tag_json(r->s, "base"));
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, tag_json(r->s, all[i]->id));
        us_character_put(all[i]);
    }
    return us_answer_json(r, 200, json_pack("{s:o}", "models", list));
}

enum MHD_Result us_route_ollama_tags(us_request *r) { return models(r); }
enum MHD_Result us_route_ollama_ps(us_request *r) { return models(r); }
/* Its clients compare it with the versions that they know: the API is that of this one. */
enum MHD_Result us_route_ollama_version(us_request *r) {
    return us_answer_json(r, 200, json_pack("{s:s, s:s}", "version", "0.9.0", "understudy", us_version()));
}

enum MHD_Result us_route_ollama_show(us_request *r) {
    const us_server *s = r->s;
    us_ask ask = {0};
    us_character *c = NULL;
    us_error err;
    char *system = NULL;
    json_t *body = json_object(), *model = model_of(r->json);
    if (model) json_object_set_new(body, "model", model);
    us_status st = us_ask_model(body, NULL, &ask, &err);
    json_decref(body);
    if (!st && strcmp(ask.id, "base") != 0) st = us_characters_find(s->characters, ask.id, &c, &err);
    if (!st && c) st = us_card_system(c->card, &system, &err);
    us_character_put(c);
    if (st) return refuse(r, st, &err);
    const us_model_info *i = s->backend.model ? us_model_get_info(s->backend.model) : NULL;
    json_t *info = json_object();
    if (i) {
        char key[80];
        snprintf(key, sizeof key, "%.60s.context_length", i->architecture);
        json_object_set_new(info, "general.architecture", json_string(i->architecture));
        json_object_set_new(info, "general.parameter_count", json_integer((json_int_t)i->n_params));
        json_object_set_new(info, key, json_integer(i->n_ctx_train));
    }
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:[s,s]}", "modelfile", "", "parameters", "", "template",
                          s->backend.tpl ? us_template_name(s->backend.tpl) : "", "system", system ? system : "", "details",
                          details_json(s), "model_info", info, "capabilities", "completion", "tools");
    free(system);
    return us_answer_json(r, 200, j);
}

enum MHD_Result us_route_ollama_refused(us_request *r) {
    return us_answer_json(
        r, 501,
        json_pack("{s:s}", "error",
                  "this is not done here: characters are folders, and no embeddings are made (docs/serve.md)"));
}
