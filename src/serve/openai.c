/* The OpenAI API: a request (ask.c) becomes a reply under way (chat/conversation.h), the reply an answer, whole or in pieces.
 */
#include "serve/form.h"
#include "serve/openai.h"
#include "base/clock.h"
#include "base/mem.h"
#include "chat/conversation.h"
#include "serve/server.h"
#include "text/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

typedef struct work {
    us_ask ask;
    us_form form;
    us_character *who;
    us_reply *reply;
    char id[40];
    time_t created;
    bool began;
    size_t said[US_ASK_CHOICES], probs[US_ASK_CHOICES]; /* bytes and tokens of each choice that have been sent */
    int64_t sent_ns;
} work;

static void free_work(void *ctx) {
    work *w = ctx;
    us_reply_free(w->reply); /* cancels what nobody reads any more */
    us_character_put(w->who);
    us_form_fini(&w->form);
    us_ask_fini(&w->ask);
    free(w);
}

/* ---- a request becomes a reply --------------------------------------------------------------------------------- */

static us_status forbid_ends(us_server *s, us_ask *ask) {
    for (size_t i = 0; i < s->n_ends && ask->n_biases < US_ASK_BIASES; i++) ask->biases[ask->n_biases++] = s->ends[i];
    return US_OK;
}

/* The tokens of a text that goes on. */
static us_status tokenize(const us_server *s, const us_ask *ask, const us_reply_policy *p, us_tokens *out, us_error *err) {
    const us_tokenizer *tok = s->backend.tok;
    int32_t room = us_reply_room(&s->backend, p);
    us_status st = US_OK;
    for (size_t i = 0; i < ask->ids.n && !st; i++) st = us_tokens_push(out, ask->ids.ids[i], err);
    if (!st && !ask->ids.n && us_tokenizer_add_bos(tok) && us_tokenizer_bos(tok) >= 0)
        st = us_tokens_push(out, us_tokenizer_bos(tok), err);
    if (!st && !ask->ids.n) st = us_tokenizer_encode(tok, ask->prompt, strlen(ask->prompt), false, out, err);
    if (!st && !out->n) st = us_fail(err, US_ERR_ARGUMENT, "prompt: it is empty");
    for (size_t i = 0; i < out->n && !st; i++)
        if (out->ids[i] >= us_tokenizer_n_vocab(tok))
            st = us_fail(err, US_ERR_ARGUMENT, "prompt: token %d: the model has %d", out->ids[i], us_tokenizer_n_vocab(tok));
    if (!st && (int64_t)out->n > room)
        st = us_because(us_fail(err, US_ERR_LIMIT,
                                "prompt: %zu tokens do not fit into the %d that the context leaves beside the reply", out->n,
                                room),
                        "context_length_exceeded", err);
    return st;
}

static us_status begin_text(us_server *s, work *w, const us_conversation *c, const us_reply_policy *settings, us_error *err) {
    us_reply_spec spec = {.policy = *settings, .text = w->ask.prompt, .remote_model = c->id};
    us_conversation_policy(c, true, &spec.policy);
    spec.policy.exact = spec.policy.whole = true;
    if (!settings->n_takes) spec.policy.n_takes = 1; /* nobody says which of several texts is the best */
    us_status st = s->backend.batch ? tokenize(s, &w->ask, &spec.policy, &spec.prompt, err) : US_OK;
    if (!st) st = us_reply_begin(&s->backend, &spec, &w->reply, err);
    us_reply_spec_fini(&spec);
    return st;
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
    if (!s->backend.engine) return US_OK;
    if (ask->max_tokens >= us_engine_get_ctx(s->backend.engine)) ask->max_tokens = INT32_MAX;
    for (size_t i = 0; i < ask->n_biases; i++)
        if (ask->biases[i].token >= us_tokenizer_n_vocab(s->backend.tok))
            return us_fail(err, US_ERR_ARGUMENT, "logit_bias: token %d is none of the model's %d", ask->biases[i].token,
                           us_tokenizer_n_vocab(s->backend.tok));
    return US_OK;
}

/* What the answer must look like, and the words about it at the end of the system text. */
static us_status read_form(us_request *r, work *w, us_error *err) {
    us_ask *ask = &w->ask;
    us_status st = us_form_read(r->json, r->s->backend.tok, &w->form, err);
    if (st || !w->form.grammar) return st;
    if (!r->s->backend.engine)
        return us_fail(err, US_ERR_ARGUMENT, "%s: another engine makes the words here (--engine); ask it itself",
                       w->form.tools                         ? "tools"
                       : json_object_get(r->json, "grammar") ? "grammar"
                                                             : "response_format");
    if (!w->form.words || !ask->chat) return US_OK;
    char *both;
    if (asprintf(&both, "%s%s%s", ask->system ? ask->system : "", ask->system ? "\n" : "", w->form.words) < 0)
        return us_fail(err, US_ERR_MEMORY, "out of memory");
    free(ask->system);
    ask->system = both;
    return US_OK;
}

static us_status begin(us_request *r, work *w, bool chat, us_error *err) {
    us_server *s = r->s;
    us_ask *ask = &w->ask;
    char only[US_CHARACTER_ID];
    us_status st = us_ask_model(r->json, only_model(s, only), ask, err);
    if (!st && strcmp(ask->id, "base") != 0 && us_characters_find(s->characters, ask->id, &w->who, NULL))
        st = us_fail(err, US_ERR_NOT_FOUND, "no model '%.60s'; /v1/models lists them", ask->id);
    if (st) return st;
    bool plain = !w->who || ask->bare;
    ask->sampler = w->who ? us_card_sampler(w->who->card) : us_sampler_defaults();
    ask->max_tokens = !plain ? US_REPLY_TOKENS : chat ? 256 : 64;
    st = us_ask_read(r->json, chat, ask, err);
    if (!st) st = check_against_model(s, ask, err);
    if (!st) st = read_form(r, w, err);
    if (st) return st;
    if (ask->ignore_eos) st = forbid_ends(s, ask);
    ask->sampler.biases = ask->biases;
    ask->sampler.n_biases = ask->n_biases;
    us_reply_policy p = {.sampler = ask->sampler,
                         .n_takes = (int32_t)(ask->n > 1 ? ask->n : ask->takes),
                         .hurry = !ask->takes && !ask->seeded,
                         .separate = ask->n > 1,
                         .whole = plain,
                         .max_tokens = (int32_t)ask->max_tokens,
                         .n_top = (int32_t)ask->n_top,
                         .probs = ask->logprobs,
                         .texts = ask->stops,
                         .n_texts = ask->n_stops};
    if (ask->user) p.client = us_hash_bytes(0, ask->user, strlen(ask->user));
    if (w->form.grammar) { /* one answer, to the byte */
        p.sampler.grammar = w->form.grammar;
        p.n_takes = p.separate ? p.n_takes : 1;
        p.exact = true;
    }
    us_conversation c = {.system = ask->system, .lines = ask->lines, .n_lines = ask->n_lines, .new_turn = !ask->goes_on};
    if (w->who) st = us_character_speaks(s, w->who, ask->scale, &c, err);
    if (ask->bare) c.card = NULL;
    if (st) return st;
    return chat ? us_conversation_begin(&s->backend, &c, &p, &w->reply, err) : begin_text(s, w, &c, &p, err);
}

/* ---- a reply becomes an answer -------------------------------------------------------------------------------- */

static json_t *token_json(const us_server *s, int32_t id, double logprob) {
    size_t n;
    const char *p = us_tokenizer_piece(s->backend.tok, id, &n);
    json_t *bytes = json_array();
    for (size_t k = 0; k < n; k++) json_array_append_new(bytes, json_integer((unsigned char)p[k]));
    return json_pack("{s:o, s:f, s:o}", "token", us_text_json(p, n), "logprob", logprob, "bytes", bytes);
}

static json_t *chat_logprobs(const us_server *s, const us_ask *ask, const us_prob *p, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (us_tokenizer_is_end(s->backend.tok, p[i].id)) continue;
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
        const char *piece = us_tokenizer_piece(s->backend.tok, p[i].id, &len);
        if (us_tokenizer_is_end(s->backend.tok, p[i].id)) continue;
        json_t *top = json_object();
        for (int64_t k = 0; k < ask->n_top; k++) {
            size_t m;
            const char *q = us_tokenizer_piece(s->backend.tok, p[i].top[k].id, &m);
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
    if (!w->ask.logprobs || us_reply_read_probs(w->reply, i, w->probs[i], &p, &n, NULL)) return json_null();
    w->probs[i] += n;
    json_t *j = !r->s->backend.tok ? json_null()
                : w->ask.chat      ? chat_logprobs(r->s, &w->ask, p, n)
                                   : text_logprobs(r->s, &w->ask, p, n, w->said[i]);
    free(p);
    return j;
}

static json_t *usage_of(const work *w, const us_reply_view *v) {
    int32_t made = us_reply_get(w->reply, 0).n_tokens, drawn = made;
    for (int32_t i = 1; i < us_reply_count(w->reply); i++) drawn += us_reply_get(w->reply, i).n_tokens;
    if (w->ask.n > 1) made = drawn;
    return json_pack("{s:i, s:i, s:i, s:{s:i}, s:{s:i}}", "prompt_tokens", v->n_prompt, "completion_tokens", made,
                     "total_tokens", v->n_prompt + made, "prompt_tokens_details", "cached_tokens", v->n_cached,
                     "completion_tokens_details", "rejected_prediction_tokens", drawn - made);
}

/* The call that answer i is; NULL: words. */
static json_t *calls_of(const work *w, int32_t i) {
    char id[64];
    us_reply_text t = us_reply_get(w->reply, i);
    snprintf(id, sizeof id, "%.24s%02d", strchr(w->id, '-') + 1, i);
    return us_form_calls(&w->form, t.text, t.n, id);
}

static const char *finish_reason(const work *w, int32_t i) {
    us_reply_end end = us_reply_get(w->reply, i).end;
    return end == US_END_LENGTH || end == US_END_CANCEL ? "length" : "stop";
}

/* Our own: how the answer ended, its score, how often it was made, the takes that were not spoken. */
static json_t *details(const work *w) {
    json_t *others = json_array();
    us_reply_view v = us_reply_wait(w->reply, 0);
    us_reply_text first = us_reply_get(w->reply, 0);
    for (int32_t i = 1; w->ask.n == 1 && i < us_reply_count(w->reply); i++) {
        us_reply_text t = us_reply_get(w->reply, i);
        if (t.n && t.end != US_END_LOOP)
            json_array_append_new(others, json_pack("{s:o, s:f, s:s}", "text", us_text_json(t.text, t.n), "score", t.score,
                                                    "end", us_reply_end_name(t.end)));
    }
    return json_pack("{s:s, s:f, s:i, s:o}", "end", us_reply_end_name(first.end), "score", first.score, "attempts",
                     v.n_attempts, "alternatives", others);
}

static json_t *envelope(const work *w, json_t *choices) {
    const char *object = !w->ask.chat ? "text_completion" : w->ask.stream ? "chat.completion.chunk" : "chat.completion";
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", w->id, "object", object, "created", (json_int_t)w->created,
                     "model", w->ask.model, "system_fingerprint", us_version(), "choices", choices);
}

static enum MHD_Result whole(us_request *r) {
    work *w = r->work;
    us_reply_view v;
    while (!(v = us_reply_wait(w->reply, 250)).done)
        if (us_client_gone(r)) return MHD_NO;
    if (v.status) return us_refuse_error(r, v.status, us_reply_error(w->reply));
    json_t *choices = json_array();
    for (int32_t i = 0; i < w->ask.n; i++) {
        us_reply_text t = us_reply_get(w->reply, i);
        json_t *probs = logprobs_of(r, i), *choice;
        json_t *calls = calls_of(w, i);
        if (calls)
            choice = json_pack("{s:i, s:{s:s, s:n, s:n, s:o}, s:o, s:s}", "index", i, "message", "role", "assistant", "content",
                               "refusal", "tool_calls", calls, "logprobs", probs, "finish_reason", "tool_calls");
        else if (w->ask.chat)
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

/* The words of choice i since the last time; what may be a call waits until it is known whether it is one (`all`). */
static us_status tell_words(us_request *r, int32_t i, bool all, us_error *err) {
    work *w = r->work;
    us_buf text;
    us_buf_init(&text, 1 << 20);
    us_status st = us_reply_read(w->reply, i, w->said[i], &text, err);
    bool call = w->form.tools && !w->said[i] && text.len && text.data[0] == '{';
    if (!st && text.len && (all || !call)) {
        st = piece(r, i, NULL, us_text_json(text.data, text.len), NULL, err);
        w->said[i] += text.len;
    }
    us_buf_fini(&text);
    return st;
}

/* A call, whole, in one piece. Takes over calls. */
static us_status call_piece(us_request *r, int32_t i, json_t *calls, us_error *err) {
    work *w = r->work;
    json_object_set_new(json_array_get(calls, 0), "index", json_integer(0));
    json_t *j = envelope(
        w, json_pack("[{s:i, s:{s:o}, s:n, s:n}]", "index", i, "delta", "tool_calls", calls, "logprobs", "finish_reason"));
    if (w->ask.usage) json_object_set_new(j, "usage", json_null());
    return us_event(r, NULL, j, err);
}

static us_status finish(us_request *r, const us_reply_view *v, us_error *err) {
    work *w = r->work;
    us_status st = US_OK;
    r->ended = true;
    if (v->status) {
        const us_error *why = us_reply_error(w->reply);
        int code = us_http_code(v->status, why);
        return us_event(r, NULL, us_error_json(code, why->message, us_error_reason(code, why)), err);
    }
    for (int32_t i = 0; i < w->ask.n && !st; i++) {
        json_t *calls = calls_of(w, i);
        if (calls) st = call_piece(r, i, calls, err);
        else if (w->form.tools) st = tell_words(r, i, true, err); /* what was held back and is no call */
        if (!st) st = piece(r, i, NULL, NULL, calls ? "tool_calls" : finish_reason(w, i), err);
    }
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
    us_reply_view v = us_reply_wait(w->reply, 250);
    for (int32_t i = 0; i < w->ask.n && !st; i++) st = tell_words(r, i, false, err);
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
    if (!s->backend.tok) return us_refuse(r, 501, "the tokens are those of another engine");
    us_status st = us_param_text(r->json, "content", 1, US_MAX_BODY, &text, &err);
    if (!st) st = us_param_bool(r->json, "add_special", &special, &err);
    if (!st && special && us_tokenizer_bos(s->backend.tok) >= 0 && us_tokenizer_add_bos(s->backend.tok))
        st = us_tokens_push(&ids, us_tokenizer_bos(s->backend.tok), &err);
    if (!st) st = us_tokenizer_encode(s->backend.tok, text, strlen(text), false, &ids, &err);
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
    if (!r->s->backend.tok) return us_refuse(r, 501, "the tokens are those of another engine");
    if (!json_is_array(list)) return us_refuse(r, 400, "tokens: a list of token ids is expected");
    us_buf_init(&text, (size_t)64 << 20);
    json_array_foreach(list, i, id) {
        json_int_t x = json_integer_value(id);
        size_t n = 0;
        bool good = json_is_integer(id) && x >= 0 && x < us_tokenizer_n_vocab(r->s->backend.tok);
        const char *p = good ? us_tokenizer_piece(r->s->backend.tok, (int32_t)x, &n) : NULL;
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
