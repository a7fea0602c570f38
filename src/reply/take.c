#include "reply/take.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "kern/kern.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES (1 << 20)

us_status us_take_begin(us_take *t, const us_sampler_options *o, const us_take_rules *r, const int32_t *prompt, size_t n_prompt,
                        us_error *err) {
    static const char *const breakers[] = {"\n", "\"", ":", "*", ".", "!"};
    *t = (us_take){.seq = -1};
    us_buf_init(&t->text, MAX_TEXT_BYTES);
    us_status st = us_sampler_new(o, us_tokenizer_n_vocab(r->tok), &t->sampler, err);
    us_tokens ids = {0};
    for (size_t i = 0; i < sizeof breakers / sizeof *breakers && !st; i++) {
        size_t before = ids.n;
        st = us_tokenizer_encode(r->tok, breakers[i], strlen(breakers[i]), false, &ids, err);
        if (ids.n != before + 1) ids.n = before;
    }
    if (!st) us_sampler_set_breakers(t->sampler, ids.ids, ids.n);
    if (!st) st = us_sampler_set_history(t->sampler, prompt, n_prompt, err);
    us_tokens_fini(&ids);
    return st;
}

void us_take_end(us_take *t) {
    us_tokens_fini(&t->ids);
    us_buf_fini(&t->text);
    us_sampler_free(t->sampler);
    free(t->logprobs);
    free(t->top);
    *t = (us_take){.seq = -1};
}

/* Stop texts: the first one found ends the reply; the head of one at the end is held back. */
static void scan_texts(us_take *t, const us_take_rules *r) {
    const char *text = t->text.data ? t->text.data : "";
    for (size_t i = 0; i < r->n_texts; i++) {
        size_t n = strlen(r->texts[i]);
        const char *found = n ? memmem(text, t->text.len, r->texts[i], n) : NULL;
        if (found) {
            t->view.stopped = true;
            if ((size_t)(found - text) < t->view.end) t->view.end = (size_t)(found - text);
        }
        for (size_t k = n ? n - 1 : 0; k && !t->done && !found; k--) {
            if (k > t->text.len || memcmp(text + t->text.len - k, r->texts[i], k) != 0) continue;
            if (t->text.len - k < t->view.end) t->view.end = t->text.len - k;
            break;
        }
    }
    if (t->view.end < t->view.begin) t->view.end = t->view.begin;
}

/* The n likeliest tokens, by insertion: n is small and most logits are smaller than all of them. */
static void find_top(const float *logits, int32_t n_vocab, double sum, us_top *top, int32_t n) {
    int32_t have = 0;
    for (int32_t id = 0; id < n_vocab; id++) {
        float lp = (float)((double)logits[id] - sum);
        if (have == n && lp <= top[n - 1].logprob) continue;
        int32_t k = have < n ? have++ : n - 1;
        for (; k > 0 && top[k - 1].logprob < lp; k--) top[k] = top[k - 1];
        top[k] = (us_top){id, lp};
    }
}

double us_take_logprob(const us_take_rules *r, const float *logits, int32_t id, us_top *top) {
    int32_t n_vocab = us_tokenizer_n_vocab(r->tok);
    double sum = us_kern_get()->logsumexp(logits, (size_t)n_vocab);
    if (r->n_top) find_top(logits, n_vocab, sum, top, r->n_top);
    return (double)logits[id] - sum;
}

/* What may be shown. */
static us_stop_view look(const us_take *t, const us_take_rules *r) {
    const char *text = t->text.data ? t->text.data : "";
    if (!r->exact) return us_stops_scan(&r->stops, text, t->text.len, t->done);
    return (us_stop_view){0, t->text.len - us_utf8_tail(text, t->text.len), false};
}

us_status us_take_step(us_take *t, const us_take_rules *r, const float *logits, us_error *err) {
    int32_t id;
    us_status st = us_sampler_draw(t->sampler, logits, &id, err);
    if (!st) st = us_grow(&t->logprobs, &t->cap_logprobs, t->ids.n + 1, sizeof *t->logprobs, err);
    if (st) return st;
    size_t n_top = (size_t)r->n_top;
    if (n_top && (st = us_grow(&t->top, &t->cap_top, (t->ids.n + 1) * n_top, sizeof *t->top, err))) return st;
    double lp = us_take_logprob(r, logits, id, n_top ? t->top + t->ids.n * n_top : NULL);
    t->logprob += lp;
    t->logprobs[t->ids.n] = (float)lp;
    if ((st = us_tokens_push(&t->ids, id, err))) return st;
    if (us_tokenizer_is_end(r->tok, id)) {
        t->done = t->ended = true;
    } else {
        size_t n;
        const char *p = us_tokenizer_piece(r->tok, id, &n);
        if ((st = us_buf_append(&t->text, p, n, err))) return st;
        if (r->cut_loops && us_loop_period(t->ids.ids, t->ids.n)) t->done = t->looped = true;
        if ((int32_t)t->ids.n >= r->max_tokens) t->done = true;
        if (us_sampler_is_over(t->sampler)) t->done = t->ended = true;
    }
    t->view = look(t, r);
    if (r->n_texts) scan_texts(t, r);
    if (t->view.stopped) t->done = true;
    return US_OK;
}

static size_t cut_loop(const us_take *t, const us_tokenizer *tok) {
    size_t period = us_loop_period(t->ids.ids, t->ids.n), n = t->ids.n, bytes = 0, len;
    if (!period) return t->view.end;
    while (n > period && t->ids.ids[n - 1] == t->ids.ids[n - 1 - period]) n--;
    for (size_t i = 0; i < n; i++) {
        us_tokenizer_piece(tok, t->ids.ids[i], &len);
        bytes += len;
    }
    return bytes < t->view.end ? bytes : t->view.end;
}

void us_take_spoken(const us_take *t, const us_tokenizer *tok, size_t *begin, size_t *end) {
    *begin = t->view.begin;
    *end = t->looped ? cut_loop(t, tok) : t->view.end;
    if (*end < *begin) *end = *begin;
    if (t->text.data) *end -= us_utf8_tail(t->text.data + *begin, *end - *begin);
}

us_status us_take_words(const us_take *t, const us_tokenizer *tok, char **out, us_error *err) {
    size_t begin, end;
    us_buf words;
    us_buf_init(&words, 4 * MAX_TEXT_BYTES);
    us_take_spoken(t, tok, &begin, &end);
    us_status st = us_utf8_clean(t->text.data ? t->text.data + begin : "", end - begin, &words, err);
    if (!st && !(*out = us_buf_take(&words, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&words);
    return st;
}
