/* The OpenAI API: what was asked (completion.c) becomes an answer, whole or in pieces. */
#include "serve/completion.h"
#include "base/clock.h"
#include "base/mem.h"
#include "serve/probs.h"
#include "serve/server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

typedef struct work {
    us_completion *c;
    int32_t n; /* answers */
    char id[40];
    time_t created;
    bool began, echoed;
    size_t said[US_ASK_CHOICES], probs[US_ASK_CHOICES];   /* bytes and tokens of each choice that have been sent */
    size_t offset[US_ASK_CHOICES], bytes[US_ASK_CHOICES]; /* characters, and bytes of the answer, in front of the next token */
} work;

static void free_work(void *ctx) {
    work *w = ctx;
    us_completion_free(w->c);
    free(w);
}

/* ---- a reply becomes an answer -------------------------------------------------------------------------------- */

/* Those drawn since the last time; in front of the first of them the prompt's, when it is echoed. */
static json_t *logprobs_of(us_request *r, int32_t i) {
    work *w = r->work;
    const us_ask *ask = &w->c->ask;
    us_reply *reply = w->c->n_replies ? w->c->replies[i / ask->n] : NULL;
    us_prob *p = NULL, *of_prompt = NULL;
    size_t n = 0, n_prompt = 0;
    const us_tokenizer *tok = r->s->backend.tok;
    if (!ask->logprobs || !reply || !tok) return json_null();
    bool first = ask->echo && !w->probs[i] && !w->offset[i];
    us_status st = ask->max_tokens ? us_reply_read_probs(reply, (int32_t)(i % ask->n), w->probs[i], &p, &n, NULL) : US_OK;
    if (!st && first) st = us_reply_read_prompt_probs(reply, &of_prompt, &n_prompt, NULL);
    for (size_t k = 0; k < n && !ask->chat; k++) { /* no token past what is told: a stop's */
        size_t len;
        if (w->bytes[i] >= w->said[i]) n = k;
        else us_tokenizer_piece(tok, p[k].id, &len), w->bytes[i] += len;
    }
    json_t *j = st          ? json_null()
                : ask->chat ? us_probs_chat(tok, p, n, ask->n_top)
                            : us_probs_text(tok, first ? us_reply_prompt(reply) : NULL, of_prompt, n_prompt, p, n, ask->n_top,
                                            &w->offset[i]);
    w->probs[i] += n;
    free(of_prompt);
    free(p);
    return j;
}

static json_t *usage_of(const work *w, const us_reply_view *v) {
    int32_t made, drawn = us_completion_drawn(w->c, &made);
    return json_pack("{s:i, s:i, s:i, s:{s:i}, s:{s:i}}", "prompt_tokens", v->n_prompt, "completion_tokens", made,
                     "total_tokens", v->n_prompt + made, "prompt_tokens_details", "cached_tokens", v->n_cached,
                     "completion_tokens_details", "rejected_prediction_tokens", drawn - made);
}

/* The call that answer i is; NULL: words. */
static json_t *calls_of(const work *w, int32_t i) {
    char id[64];
    us_reply_text t = us_completion_get(w->c, i);
    snprintf(id, sizeof id, "%.24s%02d", strchr(w->id, '-') + 1, i);
    return us_form_calls(&w->c->form, t.text, t.n, id);
}

static const char *finish_reason(const work *w, int32_t i) {
    us_reply_end end = us_completion_get(w->c, i).end;
    return end == US_END_LENGTH || end == US_END_CANCEL ? "length" : "stop";
}

/* Our own: how the answer ended, its score, how often it was made, the takes that were not spoken. */
static json_t *details(const work *w) {
    json_t *others = json_array();
    us_reply_view v = us_completion_wait(w->c, 0);
    us_reply_text first = us_completion_get(w->c, 0);
    for (int32_t i = 1; w->c->ask.n == 1 && w->c->n_replies == 1 && i < us_reply_count(w->c->replies[0]); i++) {
        us_reply_text t = us_reply_get(w->c->replies[0], i);
        if (t.n && t.end != US_END_LOOP)
            json_array_append_new(others, json_pack("{s:o, s:f, s:s}", "text", us_text_json(t.text, t.n), "score", t.score,
                                                    "end", us_reply_end_name(t.end)));
    }
    return json_pack("{s:s, s:f, s:i, s:o}", "end", us_reply_end_name(first.end), "score", first.score, "attempts",
                     v.n_attempts, "alternatives", others);
}

/* The prompt in front of answer i, when it is asked for; else "". */
static const char *echoed(const work *w, int32_t i) {
    const us_ask *ask = &w->c->ask;
    return ask->echo && ask->prompts[i / ask->n].text ? ask->prompts[i / ask->n].text : "";
}

static json_t *envelope(const work *w, json_t *choices) {
    const char *object = !w->c->ask.chat ? "text_completion" : w->c->ask.stream ? "chat.completion.chunk" : "chat.completion";
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", w->id, "object", object, "created", (json_int_t)w->created,
                     "model", w->c->ask.model, "system_fingerprint", us_version(), "choices", choices);
}

static enum MHD_Result whole(us_request *r) {
    work *w = r->work;
    us_reply_view v;
    while (!(v = us_completion_wait(w->c, 250)).done)
        if (us_client_gone(r)) return MHD_NO;
    if (v.status) return us_refuse_error(r, v.status, us_completion_error(w->c));
    json_t *choices = json_array();
    for (int32_t i = 0; i < w->n; i++) {
        us_reply_text t = us_completion_get(w->c, i);
        w->said[i] = t.n;
        json_t *probs = logprobs_of(r, i), *choice;
        json_t *calls = calls_of(w, i);
        if (calls)
            choice = json_pack("{s:i, s:{s:s, s:n, s:n, s:o}, s:o, s:s}", "index", i, "message", "role", "assistant", "content",
                               "refusal", "tool_calls", calls, "logprobs", probs, "finish_reason", "tool_calls");
        else if (w->c->ask.chat)
            choice = json_pack("{s:i, s:{s:s, s:o, s:n}, s:o, s:s}", "index", i, "message", "role", "assistant", "content",
                               us_text_json(t.text, t.n), "refusal", "logprobs", probs, "finish_reason", finish_reason(w, i));
        else {
            us_buf text;
            us_buf_init(&text, (size_t)32 << 20);
            const char *prompt = echoed(w, i);
            us_status st = us_buf_append_str(&text, prompt, NULL);
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
    if (w->c->ask.chat) {
        json_t *delta = json_object();
        if (role) json_object_set_new(delta, "role", json_string(role));
        if (role || words) json_object_set_new(delta, "content", words ? words : json_string(""));
        choice = json_pack("{s:i, s:o, s:o, s:s?}", "index", i, "delta", delta, "logprobs", probs, "finish_reason", reason);
    } else
        choice = json_pack("{s:i, s:o, s:o, s:s?}", "index", i, "text", words ? words : json_string(""), "logprobs", probs,
                           "finish_reason", reason);
    json_t *j = envelope(w, json_pack("[o]", choice));
    if (reason && i == w->n - 1) json_object_set_new(j, "understudy", details(w));
    if (w->c->ask.usage) json_object_set_new(j, "usage", json_null());
    return us_event(r, NULL, j, err);
}

/* The words of choice i since the last time; what may be a call waits until it is known whether it is one (`all`). */
static us_status tell_words(us_request *r, int32_t i, bool all, us_error *err) {
    work *w = r->work;
    us_buf text;
    us_buf_init(&text, 1 << 20);
    us_status st = us_completion_read(w->c, i, w->said[i], &text, err);
    bool call = w->c->form.tools && !w->said[i] && text.len && text.data[0] == '{';
    if (!st && text.len && (all || !call)) {
        w->said[i] += text.len;
        st = piece(r, i, NULL, us_text_json(text.data, text.len), NULL, err);
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
    if (w->c->ask.usage) json_object_set_new(j, "usage", json_null());
    return us_event(r, NULL, j, err);
}

static us_status finish(us_request *r, const us_reply_view *v, us_error *err) {
    work *w = r->work;
    us_status st = US_OK;
    r->ended = true;
    if (v->status) {
        const us_error *why = us_completion_error(w->c);
        int code = us_http_code(v->status, why);
        return us_event(r, NULL, us_error_json(r->s, code, why->message, us_error_reason(code, why)), err);
    }
    for (int32_t i = 0; i < w->n && !st; i++) {
        json_t *calls = calls_of(w, i);
        if (calls) st = call_piece(r, i, calls, err);
        else if (w->c->form.tools) st = tell_words(r, i, true, err); /* what was held back and is no call */
        if (!st) st = piece(r, i, NULL, NULL, calls ? "tool_calls" : finish_reason(w, i), err);
    }
    if (!st && w->c->ask.usage) {
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
        for (int32_t i = 0; i < w->n && !st && w->c->ask.chat; i++) st = piece(r, i, "assistant", NULL, NULL, err);
        return st;
    }
    us_reply_view v = us_completion_wait(w->c, 250);
    if (!w->echoed &&
        (!w->c->ask.logprobs || v.done || v.n_read >= v.n_prompt)) { /* its probabilities are known when it is read */
        w->echoed = true;
        for (int32_t i = 0; i < w->n && !st; i++)
            if (*echoed(w, i)) st = piece(r, i, NULL, json_string(echoed(w, i)), NULL, err);
    }
    for (int32_t i = 0; i < w->n && !st && w->echoed; i++) st = tell_words(r, i, false, err);
    if (!st && v.done) st = finish(r, &v, err);
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
    us_status st = us_completion_begin(r->s, r->json, chat, &w->c, &err);
    if (st) return us_refuse_error(r, st, &err);
    w->n = us_completion_count(w->c);
    return w->c->ask.stream ? us_answer_stream(r, more) : whole(r);
}

enum MHD_Result us_route_chat_completions(us_request *r) {
    return r->json ? complete(r, true) : us_refuse(r, 400, "a JSON object is expected");
}
enum MHD_Result us_route_completions(us_request *r) {
    return r->json ? complete(r, false) : us_refuse(r, 400, "a JSON object is expected");
}

/* ---- models, tokens ---------------------------------------------------------------------------------------------- */

/* The adapter without the card, for programs that send a card of their own. */
static json_t *bare_json(const us_character *c) {
    char id[US_CHARACTER_ID + 10];
    snprintf(id, sizeof id, "%s:adapter", c->id);
    return json_pack("{s:s, s:s, s:i, s:s}", "id", id, "object", "model", "created", 0, "owned_by", "understudy");
}

static json_t *model_json(const us_character *c) {
    if (!c) return json_pack("{s:s, s:s, s:i, s:s}", "id", "base", "object", "model", "created", 0, "owned_by", "understudy");
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o, s:b, s:i}", "id", c->id, "object", "model", "created", (json_int_t)0,
                     "owned_by", "understudy", "name", us_card_name(c->card), "greeting", us_greeting_json(c->card, true),
                     "adapter", c->has_adapter, "takes", us_card_takes(c->card));
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
