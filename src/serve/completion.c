/* A request becomes replies under way. */
#include "serve/completion.h"
#include "base/clock.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/conversation.h"
#include "text/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static us_status forbid_ends(us_server *s, us_ask *ask) {
    for (size_t i = 0; i < s->n_ends && ask->n_biases < US_ASK_BIASES; i++) ask->biases[ask->n_biases++] = s->ends[i];
    return US_OK;
}

/* The tokens of a text that goes on. */
static us_status tokenize(const us_server *s, const us_ask_prompt *ask, const us_reply_policy *p, us_tokens *out,
                          us_error *err) {
    const us_tokenizer *tok = s->backend.tok;
    int32_t room = us_reply_room(&s->backend, p);
    us_status st = US_OK;
    for (size_t i = 0; i < ask->ids.n && !st; i++) st = us_tokens_push(out, ask->ids.ids[i], err);
    if (!st && !ask->ids.n && us_tokenizer_add_bos(tok) && us_tokenizer_bos(tok) >= 0)
        st = us_tokens_push(out, us_tokenizer_bos(tok), err);
    if (!st && !ask->ids.n) st = us_tokenizer_encode(tok, ask->text, strlen(ask->text), false, out, err);
    if (!st && !out->n) st = us_fail(err, US_ERR_ARGUMENT, "prompt: it is empty");
    for (size_t i = 0; i < out->n && !st; i++)
        if (out->ids[i] >= us_tokenizer_n_vocab(tok))
            st = us_fail(err, US_ERR_ARGUMENT, "prompt: token %d: the model has %d", out->ids[i], us_tokenizer_n_vocab(tok));
    if (!st && (int64_t)out->n > room)
        st = us_because(us_fail(err, US_ERR_LIMIT,
                                "prompt: %zu tokens do not fit into the %d that the context leaves beside the reply", out->n,
                                room > 0 ? room : 0),
                        "context_length_exceeded", err);
    return st;
}

/* What an echo of tokens says; the beginning of a text is no word. */
static us_status spell(const us_server *s, us_ask *ask, us_ask_prompt *prompt, us_error *err) {
    const us_tokenizer *tok = s->backend.tok;
    us_buf raw, clean;
    us_status st = US_OK;
    us_buf_init(&raw, (size_t)16 << 20);
    us_buf_init(&clean, (size_t)64 << 20);
    for (size_t i = 0; i < prompt->ids.n && !st; i++) {
        size_t n;
        if (!i && prompt->ids.ids[0] == us_tokenizer_bos(tok)) continue;
        const char *p = us_tokenizer_piece(tok, prompt->ids.ids[i], &n);
        st = us_buf_append(&raw, p, n, err);
    }
    if (!st) st = us_utf8_clean(raw.data ? raw.data : "", raw.len, &clean, err);
    if (!st && !ask->owned) st = us_alloc(US_ASK_CHOICES, sizeof *ask->owned, &ask->owned, err);
    if (!st && !(prompt->text = ask->owned[ask->n_owned] = us_buf_take(&clean, NULL)))
        st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) ask->n_owned++;
    us_buf_fini(&raw);
    us_buf_fini(&clean);
    return st;
}

/* A reply to each of the prompts. */
static us_status begin_texts(us_server *s, us_completion *w, const us_conversation *c, const us_reply_policy *settings,
                             us_error *err) {
    us_status st = US_OK;
    for (size_t i = 0; i < w->ask.n_prompts && !st; i++) {
        us_ask_prompt *prompt = &w->ask.prompts[i];
        us_reply_spec spec = {.policy = *settings, .text = prompt->text, .remote_model = c->id};
        us_conversation_policy(c, true, &spec.policy);
        spec.policy.exact = spec.policy.whole = true;
        if (!settings->n_takes) spec.policy.n_takes = 1; /* nobody says which of several texts is the best */
        if (!s->backend.batch && !prompt->text)
            st = us_fail(err, US_ERR_ARGUMENT, "prompt: another engine makes the words here (--engine): it needs them as text");
        if (!st && s->backend.batch) st = tokenize(s, prompt, &spec.policy, &spec.prompt, err);
        if (!st && w->ask.echo && s->backend.tok && !prompt->text) st = spell(s, &w->ask, prompt, err);
        w->n_prompt_tokens += (int32_t)spec.prompt.n;
        spec.policy.prompt_probs = w->ask.echo && w->ask.logprobs;
        if (!w->ask.max_tokens) spec.policy.max_tokens = 1; /* drawn, and not told */
        bool read = w->ask.max_tokens || spec.policy.prompt_probs;
        if (!st && read) st = us_reply_begin(&s->backend, &spec, &w->replies[w->n_replies], err);
        if (!st && read) w->n_replies++;
        us_reply_spec_fini(&spec);
    }
    return st;
}

/* Who is meant when no model is named: the only character, or, where there is none, the bare model; of several nobody, but that a
 * text goes on with the bare model. */
static const char *only_model(us_server *s, bool chat, char id[US_CHARACTER_ID]) {
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    us_characters_list(s->characters, all, &n);
    snprintf(id, US_CHARACTER_ID, "%s", n == 1 ? all[0]->id : "base");
    for (size_t i = 0; i < n; i++) us_character_put(all[i]);
    return n < 2 || !chat ? id : NULL;
}

/* As many tokens as the context has room for; a bias is of a token that there is. */
static us_status check_against_model(const us_server *s, us_ask *ask, us_error *err) {
    if (!s->backend.engine) { /* what it is not handed */
        const char *name = ask->logprobs ? "logprobs" : ask->n_biases ? "logit_bias" : ask->ignore_eos ? "ignore_eos" : NULL;
        return name ? us_fail(err, US_ERR_ARGUMENT, "%s: another engine makes the words here (--engine); ask it itself", name)
                    : US_OK;
    }
    if (ask->max_tokens >= us_engine_get_ctx(s->backend.engine)) ask->max_tokens = INT32_MAX;
    for (size_t i = 0; i < ask->n_biases; i++)
        if (ask->biases[i].token >= us_tokenizer_n_vocab(s->backend.tok))
            return us_fail(err, US_ERR_ARGUMENT, "logit_bias: token %d is none of the model's %d", ask->biases[i].token,
                           us_tokenizer_n_vocab(s->backend.tok));
    return US_OK;
}

/* What the answer must look like, and the words about it at the end of the system text. */
static us_status read_form(us_server *s, const json_t *body, us_completion *w, us_error *err) {
    us_ask *ask = &w->ask;
    us_status st = us_form_read(body, s->backend.tok, &w->form, err);
    if (st || !w->form.grammar) return st;
    if (!s->backend.engine)
        return us_fail(err, US_ERR_ARGUMENT, "%s: another engine makes the words here (--engine); ask it itself",
                       w->form.tools                      ? "tools"
                       : json_object_get(body, "grammar") ? "grammar"
                                                          : "response_format");
    if (!w->form.words || !ask->chat) return US_OK;
    char *both;
    if (asprintf(&both, "%s%s%s", ask->system ? ask->system : "", ask->system ? "\n" : "", w->form.words) < 0)
        return us_fail(err, US_ERR_MEMORY, "out of memory");
    free(ask->system);
    ask->system = both;
    return US_OK;
}

static us_status begin(us_server *s, const json_t *body, us_completion *w, bool chat, us_error *err) {
    us_ask *ask = &w->ask;
    char only[US_CHARACTER_ID];
    us_status st = us_ask_model(body, only_model(s, chat, only), ask, err);
    if (!st && strcmp(ask->id, "base") != 0 && us_characters_find(s->characters, ask->id, &w->who, NULL))
        st = us_fail(err, US_ERR_NOT_FOUND, "no model '%.60s'; /v1/models lists them", ask->id);
    if (st) return st;
    bool plain = !w->who || ask->bare;
    ask->sampler = w->who ? us_card_sampler(w->who->card) : us_sampler_defaults();
    ask->max_tokens = !plain ? US_REPLY_TOKENS : chat ? 256 : 64;
    st = us_ask_read(body, chat, ask, err);
    if (!st) st = check_against_model(s, ask, err);
    if (!st) st = read_form(s, body, w, err);
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
    if (!chat) return begin_texts(s, w, &c, &p, err);
    st = us_conversation_begin(&s->backend, &c, &p, &w->replies[0], err);
    if (!st) w->n_replies = 1;
    return st;
}

us_status us_completion_begin(us_server *s, const json_t *body, bool chat, us_completion **out, us_error *err) {
    us_completion *w;
    us_status st = us_alloc(1, sizeof *w, &w, err);
    if (st) return st;
    st = begin(s, body, w, chat, err);
    if (st) us_completion_free(w);
    else *out = w;
    return st;
}

void us_completion_free(void *completion) {
    us_completion *w = completion;
    if (!w) return;
    for (size_t i = 0; i < w->n_replies; i++) us_reply_free(w->replies[i]); /* cancels what nobody reads any more */
    us_character_put(w->who);
    us_form_fini(&w->form);
    us_ask_fini(&w->ask);
    free(w);
}

int32_t us_completion_count(const us_completion *w) {
    return (int32_t)(w->ask.chat ? w->ask.n : (int64_t)w->ask.n_prompts * w->ask.n);
}

us_reply_view us_completion_wait(us_completion *w, int timeout_ms) {
    us_reply_view all = {.done = true, .n_prompt = w->n_replies ? 0 : w->n_prompt_tokens};
    for (size_t i = 0; i < w->n_replies; i++) {
        us_reply_view v = us_reply_wait(w->replies[i], all.done || !i ? timeout_ms : 0);
        all.done = all.done && v.done;
        if (v.status && !all.status) all.status = v.status, w->failed = w->replies[i];
        all.n_prompt += v.n_prompt;
        all.n_read += v.n_read;
        all.n_cached += v.n_cached;
        if (v.n_attempts > all.n_attempts) all.n_attempts = v.n_attempts;
    }
    if (all.status) all.done = true;
    return all;
}

const us_error *us_completion_error(const us_completion *w) { return us_reply_error(w->failed); }

us_reply_text us_completion_get(const us_completion *w, int32_t i) {
    if (!w->n_replies || !w->ask.max_tokens) return (us_reply_text){.text = "", .end = US_END_LENGTH};
    return us_reply_get(w->replies[i / w->ask.n], (int32_t)(i % w->ask.n));
}

us_status us_completion_read(us_completion *w, int32_t i, size_t from, us_buf *out, us_error *err) {
    return w->n_replies && w->ask.max_tokens ? us_reply_read(w->replies[i / w->ask.n], (int32_t)(i % w->ask.n), from, out, err)
                                             : US_OK;
}

int32_t us_completion_drawn(const us_completion *w, int32_t *spoken) {
    int32_t drawn = 0;
    *spoken = 0;
    for (size_t k = 0; k < w->n_replies && w->ask.max_tokens; k++)
        for (int32_t i = 0; i < us_reply_count(w->replies[k]); i++) {
            int32_t n = us_reply_get(w->replies[k], i).n_tokens;
            drawn += n;
            if (!i || w->ask.n > 1) *spoken += n;
        }
    return drawn;
}
