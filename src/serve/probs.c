#include "serve/probs.h"
#include "base/json.h"
#include "base/utf8.h"

static json_t *token_json(const us_tokenizer *tok, int32_t id, double logprob) {
    size_t n;
    const char *p = us_tokenizer_piece(tok, id, &n);
    json_t *bytes = json_array();
    for (size_t k = 0; k < n; k++) json_array_append_new(bytes, json_integer((unsigned char)p[k]));
    return json_pack("{s:o, s:f, s:o}", "token", us_text_json(p, n), "logprob", logprob, "bytes", bytes);
}

static json_t *list_of(const us_tokenizer *tok, const us_prob *p, size_t n, int64_t n_top, bool ids) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (us_tokenizer_is_end(tok, p[i].id)) continue;
        json_t *t = token_json(tok, p[i].id, (double)p[i].logprob), *top = json_array();
        for (int64_t k = 0; k < n_top; k++) {
            json_t *one = token_json(tok, p[i].top[k].id, (double)p[i].top[k].logprob);
            if (ids) json_object_set_new(one, "id", json_integer(p[i].top[k].id));
            json_array_append_new(top, one);
        }
        if (ids) json_object_set_new(t, "id", json_integer(p[i].id));
        json_object_set_new(t, "top_logprobs", top);
        json_array_append_new(list, t);
    }
    return list;
}

json_t *us_probs_chat(const us_tokenizer *tok, const us_prob *p, size_t n, int64_t n_top) {
    return json_pack("{s:o, s:n}", "content", list_of(tok, p, n, n_top, false), "refusal");
}

json_t *us_probs_llama(const us_tokenizer *tok, const us_prob *p, size_t n, int64_t n_top) {
    return list_of(tok, p, n, n_top, true);
}

typedef struct text_probs {
    const us_tokenizer *tok;
    int64_t n_top;
    json_t *tokens, *logprobs, *tops, *offsets;
    size_t *offset;
} text_probs;

/* p NULL: nobody knows what the model thought of it. */
static void add(text_probs *t, int32_t id, const us_prob *p) {
    size_t len;
    const char *piece = us_tokenizer_piece(t->tok, id, &len);
    json_t *top = p ? json_object() : json_null();
    for (int64_t k = 0; p && k < t->n_top; k++) {
        size_t m;
        const char *q = us_tokenizer_piece(t->tok, p->top[k].id, &m);
        json_t *key = us_text_json(q, m);
        json_object_set_new(top, json_string_value(key), json_real((double)p->top[k].logprob));
        json_decref(key);
    }
    json_array_append_new(t->tokens, us_text_json(piece, len));
    json_array_append_new(t->logprobs, p ? json_real((double)p->logprob) : json_null());
    json_array_append_new(t->tops, top);
    json_array_append_new(t->offsets, json_integer((json_int_t)*t->offset));
    *t->offset += us_utf8_count(piece, len);
}

json_t *us_probs_text(const us_tokenizer *tok, const us_tokens *prompt, const us_prob *of_prompt, size_t n_of_prompt,
                      const us_prob *p, size_t n, int64_t n_top, size_t *offset) {
    text_probs t = {tok, n_top, json_array(), json_array(), json_array(), json_array(), offset};
    for (size_t i = 0; prompt && i < prompt->n; i++)
        if (i || prompt->ids[0] != us_tokenizer_bos(tok))
            add(&t, prompt->ids[i], i && i <= n_of_prompt ? &of_prompt[i - 1] : NULL);
    for (size_t i = 0; i < n; i++)
        if (!us_tokenizer_is_end(tok, p[i].id)) add(&t, p[i].id, &p[i]);
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", t.tokens, "token_logprobs", t.logprobs, "top_logprobs", t.tops,
                     "text_offset", t.offsets);
}
