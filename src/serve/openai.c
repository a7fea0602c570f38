/* The OpenAI API: a request becomes a speech (ask.c, speech.c), the speech an answer, whole or in pieces. */
#include "serve/openai.h"
#include "base/clock.h"
#include "base/mem.h"
#include "serve/speech.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

typedef struct work {
    us_ask ask;
    us_character *who;
    us_speech *sp;
    char id[40];
    time_t created;
    bool began;
    size_t said[US_ASK_CHOICES], probs[US_ASK_CHOICES]; /* bytes and tokens of each choice that have been sent */
    int64_t sent_ns;
} work;

static void free_work(void *ctx) {
    work *w = ctx;
    us_speech_free(w->sp); /* cancels what nobody reads any more */
    us_character_put(w->who);
    us_ask_fini(&w->ask);
    free(w);
}

/* ---- a request becomes a speech -------------------------------------------------------------------------------- */

/* Messages of the bare model, as they came. */
static us_status plain_prompt(const us_ask *ask, us_prompt *out, us_error *err) {
    us_prompt p = {0};
    us_status st = us_alloc(ask->n_lines + 1, sizeof *p.messages, &p.messages, err);
    if (st) return st;
    if (ask->system) p.messages[p.n++] = (us_message){"system", ask->system};
    p.n_head = p.n;
    for (size_t i = 0; i < ask->n_lines; i++)
        p.messages[p.n++] = (us_message){ask->lines[i].own ? "assistant" : "user", ask->lines[i].text};
    p.open = ask->goes_on && ask->n_lines && ask->lines[ask->n_lines - 1].own;
    *out = p;
    return US_OK;
}

static us_status make_prompt(const work *w, us_prompt *out, us_error *err) {
    if (!w->who || w->ask.bare) return plain_prompt(&w->ask, out, err);
    us_prompt_spec spec = {.card = w->who->card,
                           .trained = w->who->has_adapter && w->ask.scale > 0,
                           .more = w->ask.system,
                           .lines = w->ask.lines,
                           .n_lines = w->ask.n_lines};
    us_status st = us_prompt_make(&spec, out, err);
    if (!st && !w->ask.goes_on) out->open = false; /* an answer is a turn of its own, whoever spoke last */
    return st;
}

static us_status forbid_ends(us_server *s, us_ask *ask) {
    for (size_t i = 0; i < s->n_ends && ask->n_biases < US_ASK_BIASES; i++) ask->biases[ask->n_biases++] = s->ends[i];
    return US_OK;
}

/* Who is meant when no model is named: the only character, or, where there is none, the bare model. */
static const char *only_model(us_server *s, char id[US_CHARACTER_ID]) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    us_characters_list(s->characters, all, &n);
    snprintf(id, US_CHARACTER_ID, "%s", n ? all[0]->id : "base");
    for (size_t i = 0; i < n; i++) us_character_put(all[i]);
    return n < 2 ? id : NULL;
}

/* As many tokens as the context has room for; a bias is of a token that there is. */
static us_status check_against_model(const us_server *s, us_ask *ask, us_error *err) {
    if (!s->engine) return US_OK;
    if (ask->max_tokens >= us_engine_get_ctx(s->engine)) ask->max_tokens = INT32_MAX;
    for (size_t i = 0; i < ask->n_biases; i++)
        if (ask->biases[i].token >= us_tokenizer_n_vocab(s->tok))
            return us_fail(err, US_ERR_ARGUMENT, "logit_bias: token %d is none of the model's %d", ask->biases[i].token,
                           us_tokenizer_n_vocab(s->tok));
    return US_OK;
}

static us_status begin(us_request *r, work *w, bool chat, us_error *err) {
    us_server *s = r->s;
    us_ask *ask = &w->ask;
    us_prompt prompt = {0};
    char only[US_CHARACTER_ID];
    us_status st = us_ask_model(r->json, only_model(s, only), ask, err);
    if (!st && strcmp(ask->id, "base") != 0 && us_characters_find(s->characters, ask->id, &w->who, NULL))
        st = us_fail(err, US_ERR_NOT_FOUND, "no model '%.60s'; /v1/models lists them", ask->id);
    if (st) return st;
    ask->sampler = w->who ? us_card_sampler(w->who->card) : us_sampler_defaults();
    ask->max_tokens = w->who && !ask->bare ? 80 : chat ? 256 : 64;
    st = us_ask_read(r->json, chat, ask, err);
    if (!st) st = check_against_model(s, ask, err);
    if (st) return st;
    if (ask->ignore_eos) st = forbid_ends(s, ask);
    ask->sampler.biases = ask->biases;
    ask->sampler.n_biases = ask->n_biases;
    int64_t takes = ask->takes ? ask->takes : w->who && chat && !ask->bare && !ask->stream ? us_card_takes(w->who->card) : 1;
    if (ask->n > 1 || s->o.engine_url) takes = 1;
    if (s->o.engine_url && ask->n > 1) return us_fail(err, US_ERR_UNSUPPORTED, "n: another engine makes one choice at a time");
    us_speech_spec spec = {.who = w->who,
                           .scale = ask->scale,
                           .prompt = chat ? &prompt : NULL,
                           .text = ask->prompt,
                           .ids = ask->ids.ids,
                           .n_ids = ask->ids.n,
                           .shorten = w->who && !ask->bare,
                           .plain = !chat || ask->bare,
                           .sampler = ask->sampler,
                           .n_takes = (int32_t)(ask->n > 1 ? ask->n : takes),
                           .separate = ask->n > 1,
                           .max_tokens = (int32_t)ask->max_tokens,
                           .n_top = (int32_t)ask->n_top,
                           .probs = ask->logprobs,
                           .texts = ask->stops,
                           .n_texts = ask->n_stops};
    for (const char *u = ask->user ? ask->user : ""; *u; u++) spec.client = spec.client * 131 + (unsigned char)*u;
    if (chat) st = make_prompt(w, &prompt, err);
    if (!st) st = us_speech_begin(s, &spec, &w->sp, err);
    return st;
}

/* ---- a speech becomes an answer -------------------------------------------------------------------------------- */

static json_t *token_json(const us_server *s, int32_t id, double logprob) {
    size_t n;
    const char *p = us_tokenizer_piece(s->tok, id, &n);
    json_t *bytes = json_array();
    for (size_t k = 0; k < n; k++) json_array_append_new(bytes, json_integer((unsigned char)p[k]));
    return json_pack("{s:o, s:f, s:o}", "token", us_text_json(p, n), "logprob", logprob, "bytes", bytes);
}

static json_t *chat_logprobs(const us_server *s, const us_ask *ask, const us_prob *p, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (us_tokenizer_is_end(s->tok, p[i].id)) continue;
        json_t *t = token_json(s, p[i].id, (double)p[i].logprob), *top = json_array();
        for (int64_t k = 0; k < ask->n_top; k++)
            json_array_append_new(top, token_json(s, p[i].top[k].id, (double)p[i].top[k].logprob));
        json_object_set_new(t, "top_logprobs", top);
        json_array_append_new(list, t);
    }
    return json_pack("{s:o, s:n}", "content", list, "refusal");
}

static json_t *text_logprobs(const us_server *s, const us_ask *ask, const us_prob *p, size_t n, size_t offset) {
    json_t *tokens = json_array(), *probs = json_array(), *tops = json_array(), *offsets = json_array();
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *piece = us_tokenizer_piece(s->tok, p[i].id, &len);
        if (us_tokenizer_is_end(s->tok, p[i].id)) continue;
        json_t *top = json_object();
        for (int64_t k = 0; k < ask->n_top; k++) {
            size_t m;
            const char *q = us_tokenizer_piece(s->tok, p[i].top[k].id, &m);
            json_t *key = us_text_json(q, m);
            json_object_set_new(top, json_string_value(key), json_real((double)p[i].top[k].logprob));
            json_decref(key);
        }
        json_array_append_new(tokens, us_text_json(piece, len));
        json_array_append_new(probs, json_real((double)p[i].logprob));
        json_array_append_new(tops, top);
        json_array_append_new(offsets, json_integer((json_int_t)offset));
        offset += len;
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", probs, "top_logprobs", tops, "text_offset",
                     offsets);
}

/* Those drawn since the last time. */
static json_t *logprobs_of(us_request *r, int32_t i) {
    work *w = r->work;
    us_prob *p;
    size_t n;
    if (!w->ask.logprobs || us_speech_probs(w->sp, i, w->probs[i], &p, &n, NULL)) return json_null();
    w->probs[i] += n;
    json_t *j = !r->s->tok    ? json_null()
                : w->ask.chat ? chat_logprobs(r->s, &w->ask, p, n)
                              : text_logprobs(r->s, &w->ask, p, n, w->said[i]);
    free(p);
    return j;
}

static json_t *usage_of(const work *w, const us_speech_view *v) {
    int32_t made = us_speech_get(w->sp, 0).n_tokens, drawn = made;
    for (int32_t i = 1; i < us_speech_count(w->sp); i++) drawn += us_speech_get(w->sp, i).n_tokens;
    if (w->ask.n > 1) made = drawn;
    return json_pack("{s:i, s:i, s:i, s:{s:i}, s:{s:i}}", "prompt_tokens", v->n_prompt, "completion_tokens", made,
                     "total_tokens", v->n_prompt + made, "prompt_tokens_details", "cached_tokens", v->n_cached,
                     "completion_tokens_details", "rejected_prediction_tokens", drawn - made);
}

static const char *finish_reason(const work *w, int32_t i) {
    const char *end = us_speech_get(w->sp, i).end;
    return !strcmp(end, "length") || !strcmp(end, "cancel") ? "length" : "stop";
}

/* Our own: how each answer ended, its score, the takes that were not spoken. */
static json_t *details(const work *w) {
    json_t *others = json_array();
    us_spoken first = us_speech_get(w->sp, 0);
    for (int32_t i = 1; w->ask.n == 1 && i < us_speech_count(w->sp); i++) {
        us_spoken t = us_speech_get(w->sp, i);
        if (t.n && strcmp(t.end, "loop") != 0)
            json_array_append_new(
                others, json_pack("{s:o, s:f, s:s}", "text", us_text_json(t.text, t.n), "score", t.score, "end", t.end));
    }
    return json_pack("{s:s, s:f, s:o}", "end", first.end, "score", first.score, "alternatives", others);
}

static json_t *envelope(const work *w, json_t *choices) {
    const char *object = !w->ask.chat ? "text_completion" : w->ask.stream ? "chat.completion.chunk" : "chat.completion";
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", w->id, "object", object, "created", (json_int_t)w->created,
                     "model", w->ask.model, "system_fingerprint", us_version(), "choices", choices);
}

static enum MHD_Result whole(us_request *r) {
    work *w = r->work;
    us_speech_view v;
    while (!(v = us_speech_wait(w->sp, 250)).done)
        if (us_client_gone(r)) return MHD_NO;
    if (v.status) return us_refuse_error(r, v.status, us_speech_error(w->sp));
    json_t *choices = json_array();
    for (int32_t i = 0; i < w->ask.n; i++) {
        us_spoken t = us_speech_get(w->sp, i);
        json_t *probs = logprobs_of(r, i), *choice;
        if (w->ask.chat)
            choice = json_pack("{s:i, s:{s:s, s:o, s:n}, s:o, s:s}", "index", i, "message", "role", "assistant", "content",
                               us_text_json(t.text, t.n), "refusal", "logprobs", probs, "finish_reason", finish_reason(w, i));
        else {
            us_buf text;
            us_buf_init(&text, (size_t)32 << 20);
            us_status st = w->ask.echo && w->ask.prompt ? us_buf_append_str(&text, w->ask.prompt, NULL) : US_OK;
            if (!st) st = us_buf_append(&text, t.text, t.n, NULL);
            choice = json_pack("{s:i, s:o, s:o, s:s}", "index", i, "text", us_text_json(text.data, st ? 0 : text.len),
                               "logprobs", probs, "finish_reason", finish_reason(w, i));
            us_buf_fini(&text);
        }
        json_array_append_new(choices, choice);
    }
    json_t *j = envelope(w, choices);
    json_object_set_new(j, "usage", usage_of(w, &v));
    json_object_set_new(j, "understudy", details(w));
    return us_answer_json(r, 200, j);
}

/* A piece of choice i: a role, words, or an end. */
static us_status piece(us_request *r, int32_t i, const char *role, json_t *words, const char *reason, us_error *err) {
    work *w = r->work;
    json_t *choice, *probs = role ? json_null() : logprobs_of(r, i);
    if (w->ask.chat) {
        json_t *delta = json_object();
        if (role) json_object_set_new(delta, "role", json_string(role));
        if (role || words) json_object_set_new(delta, "content", words ? words : json_string(""));
        choice = json_pack("{s:i, s:o, s:o, s:s?}", "index", i, "delta", delta, "logprobs", probs, "finish_reason", reason);
    } else
        choice = json_pack("{s:i, s:o, s:o, s:s?}", "index", i, "text", words ? words : json_string(""), "logprobs", probs,
                           "finish_reason", reason);
    json_t *j = envelope(w, json_pack("[o]", choice));
    if (reason && i == w->ask.n - 1) json_object_set_new(j, "understudy", details(w));
    if (w->ask.usage) json_object_set_new(j, "usage", json_null());
    return us_event(r, NULL, j, err);
}

static us_status finish(us_request *r, const us_speech_view *v, us_error *err) {
    work *w = r->work;
    us_status st = US_OK;
    r->ended = true;
    if (v->status) {
        const us_error *why = us_speech_error(w->sp);
        int code = us_http_code(v->status, why);
        return us_event(r, NULL, us_error_json(code, why->message, us_error_reason(code, why)), err);
    }
    for (int32_t i = 0; i < w->ask.n && !st; i++) st = piece(r, i, NULL, NULL, finish_reason(w, i), err);
    if (!st && w->ask.usage) {
        json_t *u = envelope(w, json_array());
        json_object_set_new(u, "usage", usage_of(w, v));
        st = us_event(r, NULL, u, err);
    }
    return st ? st : us_buf_append_str(&r->out, "data: [DONE]\n\n", err);
}

static us_status more(us_request *r, us_error *err) {
    work *w = r->work;
    us_status st = US_OK;
    if (!w->began) {
        w->began = true;
        w->sent_ns = us_now_ns();
        for (int32_t i = 0; i < w->ask.n && !st && w->ask.chat; i++) st = piece(r, i, "assistant", NULL, NULL, err);
        if (w->ask.echo && w->ask.prompt && !st) st = piece(r, 0, NULL, json_string(w->ask.prompt), NULL, err);
        return st;
    }
    us_speech_view v = us_speech_wait(w->sp, 250);
    for (int32_t i = 0; i < w->ask.n && !st; i++) {
        us_buf text;
        us_buf_init(&text, 1 << 20);
        st = us_speech_read(w->sp, i, w->said[i], &text, err);
        if (!st && text.len) st = piece(r, i, NULL, us_text_json(text.data, text.len), NULL, err);
        w->said[i] += text.len;
        us_buf_fini(&text);
    }
    if (!st && v.done) st = finish(r, &v, err);
    int64_t now = us_now_ns();
    if (r->out.len) w->sent_ns = now;
    else if (!st &&
             now - w->sent_ns > 2000000000) { /* the other side, and what stands between, should know that we are there */
        w->sent_ns = now;
        st = us_buf_append_str(&r->out, ": still here\n\n", err);
    }
    return st;
}

static enum MHD_Result complete(us_request *r, bool chat) {
    work *w;
    us_error err;
    uint64_t id[2] = {0};
    if (us_alloc(1, sizeof *w, &w, &err)) return us_refuse(r, 500, err.message);
    r->work = w;
    r->free_work = free_work;
    w->created = time(NULL);
    if (getrandom(id, sizeof id, 0) < 0) id[0] = (uint64_t)us_now_ns();
    snprintf(w->id, sizeof w->id, "%s-%016llx%08llx", chat ? "chatcmpl" : "cmpl", (unsigned long long)id[0],
             (unsigned long long)(id[1] & 0xffffffff));
    us_status st = begin(r, w, chat, &err);
    if (st) return us_refuse_error(r, st, &err);
    return w->ask.stream ? us_answer_stream(r, more) : whole(r);
}

enum MHD_Result us_route_chat_completions(us_request *r) {
    return r->json ? complete(r, true) : us_refuse(r, 400, "a JSON object is expected");
}
enum MHD_Result us_route_completions(us_request *r) {
    return r->json ? complete(r, false) : us_refuse(r, 400, "a JSON object is expected");
}

/* ---- models, tokens ---------------------------------------------------------------------------------------------- */

/* What a character has learned, without his card: for programs that send a card of their own. */
static json_t *bare_json(const us_character *c) {
    char id[US_CHARACTER_ID + 10];
    snprintf(id, sizeof id, "%s:adapter", c->id);
    return json_pack("{s:s, s:s, s:i, s:s}", "id", id, "object", "model", "created", 0, "owned_by", "understudy");
}

static json_t *model_json(const us_character *c) {
    if (!c) return json_pack("{s:s, s:s, s:i, s:s}", "id", "base", "object", "model", "created", 0, "owned_by", "understudy");
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:b, s:i}", "id", c->id, "object", "model", "created", (json_int_t)0,
                     "owned_by", "understudy", "name", us_card_name(c->card), "greeting", us_card_greeting(c->card), "adapter",
                     c->has_adapter, "takes", us_card_takes(c->card));
}

enum MHD_Result us_route_models(us_request *r) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    json_t *list = json_array();
    us_characters_list(r->s->characters, all, &n);
    json_array_append_new(list, model_json(NULL));
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, model_json(all[i]));
        if (all[i]->has_adapter) json_array_append_new(list, bare_json(all[i]));
        us_character_put(all[i]);
    }
    return us_answer_json(r, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

enum MHD_Result us_route_model(us_request *r) {
    us_character *c = NULL;
    us_error err;
    us_ask ask = {0};
    json_t *body = json_pack("{s:s}", "model", r->args[0]);
    us_status st = us_ask_model(body, NULL, &ask, &err);
    json_decref(body);
    if (!st && strcmp(ask.id, "base") != 0) st = us_characters_find(r->s->characters, ask.id, &c, &err);
    if (st) return us_refuse(r, 404, err.message);
    json_t *j = model_json(c);
    json_object_set_new(j, "id", json_string(r->args[0]));
    us_character_put(c);
    return us_answer_json(r, 200, j);
}

enum MHD_Result us_route_tokenize(us_request *r) {
    const us_server *s = r->s;
    const char *text = NULL;
    us_tokens ids = {0};
    us_error err;
    bool special = false;
    if (!s->tok) return us_refuse(r, 501, "the tokens are those of another engine");
    us_status st = us_param_text(r->json, "content", 1, US_MAX_BODY, &text, &err);
    if (!st) st = us_param_bool(r->json, "add_special", &special, &err);
    if (!st && special && us_tokenizer_bos(s->tok) >= 0 && us_tokenizer_add_bos(s->tok))
        st = us_tokens_push(&ids, us_tokenizer_bos(s->tok), &err);
    if (!st) st = us_tokenizer_encode(s->tok, text, strlen(text), false, &ids, &err);
    json_t *list = json_array();
    for (size_t i = 0; i < ids.n; i++) json_array_append_new(list, json_integer(ids.ids[i]));
    us_tokens_fini(&ids);
    if (!st) return us_answer_json(r, 200, json_pack("{s:o}", "tokens", list));
    json_decref(list);
    return us_refuse_error(r, st, &err);
}

enum MHD_Result us_route_detokenize(us_request *r) {
    const json_t *list = json_object_get(r->json, "tokens"), *id;
    us_buf text;
    size_t i;
    us_status st = US_OK;
    if (!r->s->tok) return us_refuse(r, 501, "the tokens are those of another engine");
    if (!json_is_array(list)) return us_refuse(r, 400, "tokens: a list of token ids is expected");
    us_buf_init(&text, (size_t)64 << 20);
    json_array_foreach(list, i, id) {
        json_int_t x = json_integer_value(id);
        size_t n = 0;
        bool good = json_is_integer(id) && x >= 0 && x < us_tokenizer_n_vocab(r->s->tok);
        const char *p = good ? us_tokenizer_piece(r->s->tok, (int32_t)x, &n) : NULL;
        if (!good) {
            us_buf_fini(&text);
            return us_refuse(r, 400, "tokens: a list of token ids is expected");
        }
        if (!st) st = us_buf_append(&text, p, n, NULL);
    }
    enum MHD_Result rc = st ? us_refuse(r, 400, "tokens: they make too long a text")
                            : us_answer_json(r, 200, json_pack("{s:o}", "content", us_text_json(text.data, text.len)));
    us_buf_fini(&text);
    return rc;
}
