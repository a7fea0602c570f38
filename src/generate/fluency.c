/* Does a model know the language of some texts? Its likelihood of a sample is set against a guess that knows no language at all: how
 * often each character comes in these texts. No table of languages is asked, and none of models.
 *
 * The limits come from the lines of one translated game in 21 languages (and 158,000 lines of an English series) under two models:
 * SmolLM2 135M, which was trained on English, and Gemma 3 270M, on 140 languages. Nats over plain nats: English 0.33 to 0.35 with both;
 * letters of another language 0.50 (French, Spanish) to 0.85 (Lithuanian) with SmolLM2, 0.32 to 0.48 (Hungarian) with Gemma; Chinese,
 * Japanese and Korean, whose characters are words or syllables and hence far more, 0.85 to 0.90 and 0.49 to 0.56. */
#include "base/mem.h"
#include "base/utf8.h"
#include "understudy/generate.h"
#include "understudy/tokenizer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 512,         /* tokens of the sample */
    SKIPPED = 32,         /* of them at the start, where the model does not know yet what it reads */
    LEAST = 160,          /* scored tokens below which nothing is said */
    MOST_COUNTED = 200000 /* characters for the guess */
};

static int by_value(const void *pa, const void *pb) {
    const uint32_t *a = pa, *b = pb;
    return (*a > *b) - (*a < *b);
}

/* Entropy of the characters of the texts, in nats. */
static us_status plain_guess(const char *const *texts, size_t n, double *out, us_error *err) {
    uint32_t *all;
    size_t k = 0;
    us_status st = us_alloc(MOST_COUNTED, sizeof *all, &all, err);
    if (st) return st;
    size_t step = n > 4000 ? n / 4000 : 1;
    for (size_t i = 0; i < n; i += step)
        for (const char *p = texts[i]; *p && k < MOST_COUNTED;) {
            int len = us_utf8_decode(p, strlen(p), &all[k]);
            p += len > 0 ? len : 1;
            k += len > 0;
        }
    qsort(all, k, sizeof *all, by_value);
    *out = 0;
    for (size_t i = 0, run = 0; i < k; i++) {
        run++;
        if (i + 1 < k && all[i + 1] == all[i]) continue;
        *out -= (double)run / (double)k * log((double)run / (double)k);
        run = 0;
    }
    free(all);
    return US_OK;
}

/* Lines from all over the texts, a line end between. */
static us_status take_sample(const us_tokenizer *tok, const char *const *texts, size_t n, us_tokens *out, us_error *err) {
    us_status st = us_tokenizer_add_bos(tok) ? us_tokens_push(out, us_tokenizer_bos(tok), err) : US_OK;
    for (size_t i = 0, step = n > 64 ? n / 64 : 1; i < n && !st && out->n < WINDOW; i += step) {
        st = us_tokenizer_encode(tok, texts[i], strnlen(texts[i], 4 * WINDOW), false, out, err);
        if (!st) st = us_tokenizer_encode(tok, "\n", 1, false, out, err);
    }
    if (out->n > WINDOW) out->n = WINDOW;
    return st;
}

static uint32_t characters(const us_tokenizer *tok, const int32_t *ids, size_t n, uint32_t *n_bytes) {
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *piece = us_tokenizer_piece(tok, ids[i], &len);
        count += (uint32_t)us_utf8_count(piece, len);
        *n_bytes += (uint32_t)len;
    }
    return count;
}

us_status us_fluency_measure(const us_model *m, const char *const *texts, size_t n, int n_threads, us_fluency *out,
                             us_error *err) {
    const us_tokenizer *tok = us_model_get_tokenizer(m);
    us_engine *e = NULL;
    us_tokens ids = {0};
    float logprobs[WINDOW], *lp = logprobs;
    int32_t seq;
    uint32_t bytes = 0;
    *out = (us_fluency){0};
    us_status st = take_sample(tok, texts, n, &ids, err);
    if (!st && ids.n >= SKIPPED + LEAST) {
        st = plain_guess(texts, n, &out->plain_nats, err);
        if (!st) st = us_engine_new(m, &(us_engine_options){.n_threads = n_threads, .n_ctx = WINDOW, .n_seq_max = 1}, &e, err);
        if (!st) st = us_engine_seq_new(e, &seq, err);
        us_span span = {.seq = st ? 0 : seq, .tokens = ids.ids, .n_tokens = (int32_t)ids.n};
        if (!st) st = us_engine_score(e, &span, 1, &lp, err);
        if (!st) {
            uint32_t n_characters = characters(tok, ids.ids + SKIPPED, ids.n - SKIPPED, &bytes);
            out->n_tokens = (uint32_t)ids.n - SKIPPED;
            for (size_t i = SKIPPED; i < ids.n; i++) out->nats -= logprobs[i];
            out->nats /= n_characters ? n_characters : 1;
            out->bytes_a_token = (double)bytes / out->n_tokens;
            out->limit = out->plain_nats < 4.3 ? 0.49 : 0.70; /* letters give 3.0 to 3.4 nats, syllables and words 4.7 to 6 */
            out->hardly = out->nats > out->limit * out->plain_nats;
        }
    }
    us_engine_free(e);
    us_tokens_fini(&ids);
    return st;
}
