/* llama.cpp's own routes, as its server has them: /completion, /props, /apply-template, /slots. What is asked is put into the
 * OpenAI API's words (completion.h); a request without a model means the bare one. */
#include "base/clock.h"
#include "base/mem.h"
#include "chat/prompt.h"
#include "serve/completion.h"
#include "serve/probs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct work {
    us_completion *c;
    json_t *body;                /* the request in the OpenAI API's words */
    bool progress, tokens;       /* return_progress, return_tokens */
    size_t said, n_probs, bytes; /* tokens told, and their bytes */
    int32_t shown_read;
    int64_t start_ns, first_ns;
} work;

static void free_work(void *ctx) {
    work *w = ctx;
    us_completion_free(w->c);
    json_decref(w->body);
    free(w);
}

/* ---- asking --------------------------------------------------------------------------------------------------------- */

static us_status translate(const json_t *asked, json_t **out, us_error *err) {
    json_t *body = json_copy((json_t *)(uintptr_t)asked), *n = json_object_get(asked, "n_predict"),
           *probs = json_object_get(asked, "n_probs");
    if (!json_string_length(json_object_get(body, "model"))) json_object_set_new(body, "model", json_string("base"));
    if (!n || json_is_null(n)) n = json_object_get(asked, "max_tokens");
    json_object_set_new(body, "max_tokens", n && !json_is_null(n) ? json_incref(n) : json_integer(-1));
    if (json_is_integer(n) && !json_integer_value(n))
        json_object_set_new(body, "echo", json_true()); /* the prompt alone is read */
    else json_object_del(body, "echo");
    if (probs && !json_is_null(probs) &&
        !(json_is_integer(probs) && json_integer_value(probs) >= 0 && json_integer_value(probs) <= US_MAX_TOP))
        return json_decref(body), us_fail(err, US_ERR_ARGUMENT, "n_probs: a whole number from 0 to %d is expected", US_MAX_TOP);
    if (json_integer_value(probs) > 0) json_object_set(body, "logprobs", probs);
    else if (json_is_true(json_object_get(asked, "return_tokens"))) json_object_set_new(body, "logprobs", json_integer(0));
    else json_object_del(body, "logprobs");
    if (json_number_value(json_object_get(asked, "n")) > 1)
        return json_decref(body), us_fail(err, US_ERR_ARGUMENT, "n: one answer is given here; /v1/completions gives several");
    json_object_del(body, "n");
    *out = body;
    return US_OK;
}

/* ---- answering ------------------------------------------------------------------------------------------------------ */

static json_t *settings_json(const us_ask *ask) {
    const us_sampler_options *o = &ask->sampler;
    return json_pack("{s:I, s:f, s:i, s:f, s:f, s:f, s:f, s:i, s:f, s:f, s:f, s:f, s:i, s:I, s:b}", "seed",
                     (json_int_t)(o->seed & INT64_MAX), "temperature", o->temperature, "top_k", o->top_k, "top_p", o->top_p,
                     "min_p", o->min_p, "typical_p", o->typical_p, "repeat_penalty", o->repeat_penalty, "repeat_last_n",
                     o->repeat_last_n, "presence_penalty", o->presence_penalty, "frequency_penalty", o->frequency_penalty,
                     "dry_multiplier", o->dry_multiplier, "dry_base", o->dry_base, "dry_allowed_length", o->dry_allowed_length,
                     "n_predict", (json_int_t)(ask->max_tokens == INT32_MAX ? -1 : ask->max_tokens), "stream", ask->stream);
}

static json_t *timings(const work *w, const us_reply_view *v, int32_t made) {
    int64_t end = us_now_ns(), first = w->first_ns ? w->first_ns : end;
    double read_ms = (double)(first - w->start_ns) * 1e-6, made_ms = (double)(end - first) * 1e-6;
    int32_t read = v->n_prompt - v->n_cached;
    return json_pack("{s:i, s:f, s:f, s:f, s:i, s:f, s:f, s:f, s:i}", "prompt_n", read, "prompt_ms", read_ms,
                     "prompt_per_token_ms", read > 0 ? read_ms / read : 0, "prompt_per_second",
                     read_ms > 0 ? 1e3 * read / read_ms : 0, "predicted_n", made, "predicted_ms", made_ms,
                     "predicted_per_token_ms", made > 0 ? made_ms / made : 0, "predicted_per_second",
                     made_ms > 0 ? 1e3 * made / made_ms : 0, "cache_n", v->n_cached);
}

/* The tokens of the words that are told, and what the model thought of them, into `out`. */
static void add_tokens(const us_request *r, json_t *out) {
    work *w = r->work;
    us_prob *p = NULL;
    const us_tokenizer *tok = r->s->backend.tok;
    size_t n = 0, k = 0, len;
    if (!w->c->ask.logprobs || !w->c->n_replies || !w->c->ask.max_tokens || !tok ||
        us_reply_read_probs(w->c->replies[0], 0, w->n_probs, &p, &n, NULL))
        return;
    for (; k < n && w->bytes < w->said; k++) us_tokenizer_piece(tok, p[k].id, &len), w->bytes += len;
    w->n_probs += k;
    json_t *ids = json_array();
    for (size_t i = 0; i < k && w->tokens; i++) json_array_append_new(ids, json_integer(p[i].id));
    json_object_set_new(out, "tokens", ids);
    if (w->c->ask.n_top) json_object_set_new(out, "completion_probabilities", us_probs_llama(tok, p, k, w->c->ask.n_top));
    free(p);
}

/* The stop text that ended the words; "" when none did. */
static const char *stopping_word(const work *w, const us_reply_text *t) {
    const us_take *take = t->take;
    for (size_t i = 0; take && take->view.stopped && i < w->c->ask.n_stops; i++) {
        size_t n = strlen(w->c->ask.stops[i]);
        if (take->text.len - take->view.end >= n && !memcmp(take->text.data + take->view.end, w->c->ask.stops[i], n))
            return w->c->ask.stops[i];
    }
    return "";
}

/* The last piece, or, unstreamed, the only one. `content` is taken over. */
static json_t *final_json(const work *w, const us_reply_view *v, json_t *content) {
    const us_ask *ask = &w->c->ask;
    us_reply_text t = us_completion_get(w->c, 0);
    int32_t made;
    us_completion_drawn(w->c, &made);
    const char *type = t.end == US_END_LENGTH || t.end == US_END_CANCEL ? "limit" : t.end == US_END_LABEL ? "word" : "eos";
    return json_pack("{s:i, s:o, s:[], s:i, s:b, s:s, s:i, s:i, s:o, s:s, s:b, s:b, s:s, s:s, s:i, s:o}", "index", 0, "content",
                     content, "tokens", "id_slot", 0, "stop", 1, "model", ask->model, "tokens_predicted", made,
                     "tokens_evaluated", v->n_prompt, "generation_settings", settings_json(ask), "prompt",
                     ask->prompts[0].text ? ask->prompts[0].text : "", "has_new_line", t.n && memchr(t.text, '\n', t.n) != NULL,
                     "truncated", 0, "stop_type", type, "stopping_word", stopping_word(w, &t), "tokens_cached",
                     v->n_prompt + made, "timings", timings(w, v, made));
}

static us_status tell_progress(us_request *r, work *w, const us_reply_view *v, us_error *err) {
    if (!w->progress || v->n_read == w->shown_read) return US_OK;
    w->shown_read = v->n_read;
    return us_event(r, NULL,
                    json_pack("{s:i, s:s, s:[], s:b, s:i, s:{s:i, s:i, s:i, s:I}}", "index", 0, "content", "", "tokens", "stop",
                              0, "id_slot", 0, "prompt_progress", "total", v->n_prompt, "cache", v->n_cached, "processed",
                              v->n_read, "time_ms", (json_int_t)((us_now_ns() - w->start_ns) / 1000000)),
                    err);
}

static us_status more(us_request *r, us_error *err) {
    work *w = r->work;
    us_buf text;
    us_reply_view v = us_completion_wait(w->c, 250);
    us_buf_init(&text, 1 << 20);
    us_status st = tell_progress(r, w, &v, err);
    if (!st) st = us_completion_read(w->c, 0, w->said, &text, err);
    if (text.len && !w->first_ns) w->first_ns = us_now_ns();
    w->said += text.len;
    if (!st && text.len) {
        json_t *j = json_pack("{s:i, s:o, s:[], s:b, s:i}", "index", 0, "content", us_text_json(text.data, text.len), "tokens",
                              "stop", 0, "id_slot", 0);
        add_tokens(r, j);
        st = us_event(r, NULL, j, err);
    }
    us_buf_fini(&text);
    r->ended = v.done || st;
    if (st || !v.done) return st;
    if (!v.status) return us_event(r, NULL, final_json(w, &v, json_string("")), err);
    const us_error *why = us_completion_error(w->c);
    int code = us_http_code(v.status, why);
    return us_event(r, NULL, us_error_json(r->s, code, why->message, us_error_reason(code, why)), err);
}

enum MHD_Result us_route_llama_completion(us_request *r) {
    work *w;
    us_error err;
    us_reply_view v;
    if (!r->json) return us_refuse(r, 400, "a JSON object is expected");
    if (us_alloc(1, sizeof *w, &w, &err)) return us_refuse(r, 500, err.message);
    r->work = w;
    r->free_work = free_work;
    w->start_ns = us_now_ns();
    w->progress = json_is_true(json_object_get(r->json, "return_progress"));
    w->tokens = json_is_true(json_object_get(r->json, "return_tokens"));
    us_status st = translate(r->json, &w->body, &err);
    if (!st) st = us_completion_begin(r->s, w->body, false, &w->c, &err);
    if (!st && us_completion_count(w->c) > 1)
        st = us_fail(&err, US_ERR_ARGUMENT, "prompt: one is expected here; /v1/completions takes several");
    if (st) return us_refuse_error(r, st, &err);
    if (w->c->ask.stream) return us_answer_stream(r, more);
    while (!(v = us_completion_wait(w->c, 250)).done) {
        if (v.n_read >= v.n_prompt && !w->first_ns) w->first_ns = us_now_ns();
        if (us_client_gone(r)) return MHD_NO;
    }
    if (v.status) return us_refuse_error(r, v.status, us_completion_error(w->c));
    us_reply_text t = us_completion_get(w->c, 0);
    json_t *j = final_json(w, &v, us_text_json(t.text, t.n));
    w->said = t.n;
    add_tokens(r, j);
    return us_answer_json(r, 200, j);
}

/* ---- about the model ------------------------------------------------------------------------------------------------ */

static json_t *token_text(const us_tokenizer *tok, int32_t id) {
    size_t n;
    const char *p = us_tokenizer_piece(tok, id, &n);
    return us_text_json(p, id < 0 ? 0 : n);
}

enum MHD_Result us_route_llama_props(us_request *r) {
    const us_server *s = r->s;
    us_ask ask = {.sampler = us_sampler_defaults(), .max_tokens = INT32_MAX};
    if (!s->backend.model) return us_refuse(r, 501, "the model is another engine's: ask it itself");
    const us_model_info *i = us_model_get_info(s->backend.model);
    return us_answer_json(r, 200,
                          json_pack("{s:{s:i, s:i, s:b, s:o}, s:i, s:s, s:s, s:s, s:o, s:o, s:s, s:{s:b, s:b}, s:b}",
                                    "default_generation_settings", "id", 0, "n_ctx", us_engine_get_ctx(s->backend.engine),
                                    "is_processing", 0, "params", settings_json(&ask), "total_slots", s->o.n_parallel,
                                    "model_alias", "base", "model_path", i->name, "chat_template",
                                    s->backend.tpl ? us_template_name(s->backend.tpl) : "", "bos_token",
                                    token_text(s->backend.tok, us_tokenizer_bos(s->backend.tok)), "eos_token",
                                    token_text(s->backend.tok, us_tokenizer_eos(s->backend.tok)), "build_info", us_version(),
                                    "modalities", "vision", 0, "audio", 0, "is_sleeping", 0));
}

enum MHD_Result us_route_llama_slots(us_request *r) {
    const us_server *s = r->s;
    json_t *list = json_array();
    us_batch_stats m = s->backend.batch ? us_batch_get_stats(s->backend.batch) : (us_batch_stats){0};
    if (!s->backend.engine) return json_decref(list), us_refuse(r, 501, "the slots are another engine's: ask it itself");
    for (int32_t i = 0; i < s->o.n_parallel; i++)
        json_array_append_new(list, json_pack("{s:i, s:i, s:b}", "id", i, "n_ctx", us_engine_get_ctx(s->backend.engine),
                                              "is_processing", i < m.n_running));
    return us_answer_json(r, 200, list);
}

enum MHD_Result us_route_llama_template(us_request *r) {
    us_ask ask = {.sampler = us_sampler_defaults(), .max_tokens = 1};
    us_prompt prompt = {0};
    us_error err;
    char *text = NULL;
    if (!r->s->backend.tpl) return us_refuse(r, 501, "the template is another engine's: ask it itself");
    us_status st =
        r->json ? us_ask_read(r->json, true, &ask, &err) : us_fail(&err, US_ERR_ARGUMENT, "messages: a list is expected");
    if (!st) st = us_prompt_make_plain(ask.system, ask.lines, ask.n_lines, &prompt, &err);
    if (!st) st = us_template_render(r->s->backend.tpl, prompt.messages, prompt.n, true, &text, &err);
    us_prompt_fini(&prompt);
    us_ask_fini(&ask);
    if (st) return us_refuse_error(r, st, &err);
    json_t *j = json_pack("{s:o}", "prompt", us_text_json(text, strlen(text)));
    free(text);
    return us_answer_json(r, 200, j);
}

enum MHD_Result us_route_no_embeddings(us_request *r) {
    return us_refuse(r, 501, "embeddings are not made here: the model is a speaker's");
}
enum MHD_Result us_route_not_here(us_request *r) {
    return us_refuse(r, 501, "this is not done here; docs/serve.md lists what is");
}
