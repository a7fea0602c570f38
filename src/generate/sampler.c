/* Logits pass the penalties, the grammar, then the cuts (top-k, typical, top-p, min-p, XTC), and one token is drawn from
 * what is left. */
#include "understudy/sampler.h"
#include "base/mem.h"
#include "base/rng.h"
#include "generate/grammar.h"
#include "kern/quant.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    float logit;
    int32_t id;
    double p;
} candidate;

struct us_sampler {
    us_sampler_options o;
    us_rng rng;
    int32_t n_vocab, *history;
    size_t n_history, cap_history;
    int32_t breakers[US_MAX_BREAKERS];
    size_t n_breakers;
    const us_tokens *phrases;
    size_t n_phrases;
    int32_t state;         /* of the grammar */
    float *logits;         /* [n_vocab] working copy */
    uint32_t *counts;      /* [n_vocab] */
    candidate *candidates; /* [n_vocab], or top_k when that is small */
};

us_sampler_options us_sampler_defaults(void) {
    return (us_sampler_options){.temperature = 0.8,
                                .top_k = 40,
                                .top_p = 0.95,
                                .min_p = 0.05,
                                .typical_p = 1,
                                .repeat_penalty = 1,
                                .repeat_last_n = -1,
                                .dry_multiplier = 0.8,
                                .dry_base = 1.75,
                                .dry_allowed_length = 2,
                                .xtc_threshold = 0.1};
}

void us_sampler_take_literally(us_sampler_options *o) {
    if (o->top_p == 0) o->top_p = US_LEAST;
    if (o->typical_p == 0) o->typical_p = US_LEAST;
    if (o->xtc_threshold == 0) o->xtc_threshold = US_LEAST;
    if (o->repeat_last_n == 0) o->repeat_penalty = 1, o->presence_penalty = o->frequency_penalty = 0;
}

/* What zeroed fields mean. */
static us_sampler_options filled(const us_sampler_options *given) {
    us_sampler_options o = *given;
    if (o.top_p == 0) o.top_p = 1;
    if (o.typical_p == 0) o.typical_p = 1;
    if (o.repeat_penalty == 0) o.repeat_penalty = 1;
    if (o.repeat_last_n == 0) o.repeat_last_n = -1;
    if (o.dry_base == 0) o.dry_base = 1.75;
    if (o.dry_allowed_length == 0) o.dry_allowed_length = 2;
    if (o.xtc_threshold == 0) o.xtc_threshold = 0.1;
    return o;
}

us_status us_sampler_check(const us_sampler_options *given, us_error *err) {
    const us_sampler_options whole = filled(given), *o = &whole;
    const struct {
        const char *name;
        double v, min, max;
    } ranges[] = {{"temperature", o->temperature, 0, 100},
                  {"top_k", o->top_k, 0, 1e9},
                  {"top_p", o->top_p, 0, 1},
                  {"min_p", o->min_p, 0, 1},
                  {"typical_p", o->typical_p, 0, 1},
                  {"repeat_penalty", o->repeat_penalty, 0.01, 100},
                  {"presence_penalty", o->presence_penalty, -100, 100},
                  {"frequency_penalty", o->frequency_penalty, -100, 100},
                  {"repeat_last_n", o->repeat_last_n, -1, 1e9},
                  {"dry_multiplier", o->dry_multiplier, 0, 100},
                  {"dry_base", o->dry_base, 1, 10},
                  {"dry_allowed_length", o->dry_allowed_length, 1, 1e6},
                  {"dry_last_n", o->dry_last_n, 0, 1e9},
                  {"xtc_probability", o->xtc_probability, 0, 1},
                  {"xtc_threshold", o->xtc_threshold, 0, 1}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].v >= ranges[i].min && ranges[i].v <= ranges[i].max))
            return us_fail(err, US_ERR_ARGUMENT, "%s: expected %g..%g, got %g", ranges[i].name, ranges[i].min, ranges[i].max,
                           ranges[i].v);
    for (size_t i = 0; i < o->n_biases; i++)
        if (!(fabsf(o->biases[i].bias) <= 100))
            return us_fail(err, US_ERR_ARGUMENT, "logit_bias: expected -100..100, got %g", (double)o->biases[i].bias);
    return US_OK;
}

void us_sampler_describe(const us_sampler_options *given, char *out, size_t max) {
    const us_sampler_options whole = filled(given), *o = &whole;
    size_t n = 0;
    out[0] = 0;
#define STEP(acts, ...)                                                    \
    if ((acts) && n < max) {                                               \
        n += (size_t)snprintf(out + n, max - n, "%s", n ? " -> " : "");    \
        if (n < max) n += (size_t)snprintf(out + n, max - n, __VA_ARGS__); \
    }
    bool greedy = o->temperature == 0;
    STEP(o->n_biases > 0, "logit bias of %zu", o->n_biases)
    STEP(o->repeat_penalty != 1 || o->presence_penalty != 0 || o->frequency_penalty != 0, "penalties %g/%g/%g over %d",
         o->repeat_penalty, o->presence_penalty, o->frequency_penalty, o->repeat_last_n)
    STEP(o->dry_multiplier > 0, "dry %g/%g/%d", o->dry_multiplier, o->dry_base, o->dry_allowed_length)
    STEP(!greedy && o->top_k > 0, "top-k %d", o->top_k)
    STEP(!greedy && o->typical_p < 1, "typical %g", o->typical_p)
    STEP(!greedy && o->top_p < 1, "top-p %g", o->top_p)
    STEP(!greedy && o->min_p > 0, "min-p %g", o->min_p)
    STEP(!greedy && o->xtc_probability > 0, "xtc %g/%g", o->xtc_probability, o->xtc_threshold)
    STEP(!greedy, "temperature %g", o->temperature)
    STEP(true, greedy ? "greedy" : "draw")
#undef STEP
}

/* A short list is filled while the logits are looked through, and nothing else is needed. */
static bool lists_best(const us_sampler *s) { return s->o.top_k > 0 && s->o.top_k <= 256 && s->o.top_k < s->n_vocab; }

us_status us_sampler_new(const us_sampler_options *options, int32_t n_vocab, us_sampler **out, us_error *err) {
    static const us_sampler_options greedy;
    const us_sampler_options *o = options ? options : &greedy;
    us_sampler *s = NULL;
    us_status st = us_sampler_check(o, err);
    for (size_t i = 0; i < o->n_biases && !st; i++)
        if (o->biases[i].token < 0 || o->biases[i].token >= n_vocab)
            st =
                us_fail(err, US_ERR_ARGUMENT, "logit_bias: expected a token of 0..%d, got %d", n_vocab - 1, o->biases[i].token);
    if (!st) st = us_alloc(1, sizeof *s, &s, err);
    if (st) return st;
    s->o = filled(o);
    s->n_vocab = n_vocab;
    s->state = o->grammar ? us_grammar_start(o->grammar) : 0;
    us_rng_seed(&s->rng, o->seed);
    size_t v = (size_t)n_vocab, n_candidates = lists_best(s) ? (size_t)o->top_k : v;
    if ((st = us_alloc(v, sizeof *s->logits, &s->logits, err)) || (st = us_alloc(v, sizeof *s->counts, &s->counts, err)) ||
        (st = us_alloc(n_candidates, sizeof *s->candidates, &s->candidates, err)))
        us_sampler_free(s);
    else *out = s;
    return st;
}

void us_sampler_free(us_sampler *s) {
    if (!s) return;
    free(s->history);
    free(s->logits);
    free(s->counts);
    free(s->candidates);
    free(s);
}

void us_sampler_reseed(us_sampler *s, uint64_t seed) { us_rng_seed(&s->rng, seed); }

void us_sampler_set_breakers(us_sampler *s, const int32_t *tokens, size_t n) {
    s->n_breakers = n < US_MAX_BREAKERS ? n : US_MAX_BREAKERS;
    if (n) memcpy(s->breakers, tokens, s->n_breakers * sizeof *tokens);
}

void us_sampler_set_phrases(us_sampler *s, const us_tokens *phrases, size_t n) {
    s->phrases = phrases;
    s->n_phrases = n;
}

us_status us_sampler_set_history(us_sampler *s, const int32_t *tokens, size_t n, us_error *err) {
    us_status st = us_grow(&s->history, &s->cap_history, n + 1, sizeof *s->history, err);
    if (st) return st;
    if (n) memcpy(s->history, tokens, n * sizeof *tokens);
    s->n_history = n;
    return US_OK;
}

static void penalise(us_sampler *s) {
    const us_sampler_options *o = &s->o;
    if (o->repeat_penalty == 1 && o->presence_penalty == 0 && o->frequency_penalty == 0) return;
    size_t n = o->repeat_last_n < 0 || (size_t)o->repeat_last_n > s->n_history ? s->n_history : (size_t)o->repeat_last_n;
    const int32_t *h = s->history + s->n_history - n;
    for (size_t i = 0; i < n; i++) s->counts[h[i]]++;
    for (size_t i = 0; i < n; i++) {
        int32_t id = h[i];
        if (!s->counts[id]) continue;
        float *l = &s->logits[id];
        *l = *l > 0 ? *l / (float)o->repeat_penalty : *l * (float)o->repeat_penalty;
        *l -= (float)(o->presence_penalty + o->frequency_penalty * (double)s->counts[id]);
        s->counts[id] = 0;
    }
}

static bool breaks(const us_sampler *s, int32_t id) {
    for (size_t i = 0; i < s->n_breakers; i++)
        if (s->breakers[i] == id) return true;
    return false;
}

/* Whether the history ends inside one of the phrases and `id` goes on with it. */
static bool continues_phrase(const us_sampler *s, int32_t id) {
    for (size_t i = 0; i < s->n_phrases; i++) {
        const us_tokens *p = &s->phrases[i];
        for (size_t n = 1; n < p->n && n <= s->n_history; n++)
            if (p->ids[n] == id && !memcmp(s->history + s->n_history - n, p->ids, n * sizeof *p->ids)) return true;
    }
    return false;
}

/* Don't Repeat Yourself (p-e-w 2024): a token that would extend a repeat of `len` tokens loses
 * multiplier * base^(len - allowed). Every earlier place is compared backwards with the end of the history. */
static void dry(us_sampler *s) {
    const us_sampler_options *o = &s->o;
    if (o->dry_multiplier <= 0 || s->n_history < 2) return;
    size_t n = o->dry_last_n && (size_t)o->dry_last_n < s->n_history ? (size_t)o->dry_last_n : s->n_history;
    const int32_t *h = s->history + s->n_history - n;
    for (size_t i = 0; i + 1 < n; i++) { /* h[i] is a place where the last token stood before; h[i + 1] would follow again */
        if (h[i] != h[n - 1]) continue;
        size_t len = 0;
        while (len <= i && len < 64 && h[i - len] == h[n - 1 - len] && !breaks(s, h[n - 1 - len])) len++;
        if (len < (size_t)o->dry_allowed_length || continues_phrase(s, h[i + 1])) continue;
        float cut = (float)(o->dry_multiplier * pow(o->dry_base, (double)(len - (size_t)o->dry_allowed_length)));
        float *l = &s->logits[h[i + 1]];
        /* several places may ask for the same token: the longest repeat counts */
        float base = *l, seen;
        memcpy(&seen, &s->counts[h[i + 1]], sizeof seen);
        if (cut > seen) {
            *l = base - (cut - seen);
            memcpy(&s->counts[h[i + 1]], &cut, sizeof cut);
        }
    }
    for (size_t i = 0; i < n; i++) s->counts[h[i]] = 0;
}

static int by_logit(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    return x->logit != y->logit ? (x->logit < y->logit ? 1 : -1) : (x->id > y->id ? 1 : -1);
}

/* The best candidates, sorted: top-k of them, else those whose probability is not negligible (below e^-25 of the best). */
static size_t collect(us_sampler *s) {
    float max = -INFINITY, cut;
    for (int32_t i = 0; i < s->n_vocab; i++) max = s->logits[i] > max ? s->logits[i] : max;
    cut = max - 25.0f * fmaxf(1.0f, (float)s->o.temperature);
    size_t n = 0, k = s->o.top_k > 0 && s->o.top_k < s->n_vocab ? (size_t)s->o.top_k : (size_t)s->n_vocab;
    if (lists_best(s)) { /* a sorted list of the best k so far; most logits fail the first comparison */
        for (int32_t i = 0; i < s->n_vocab; i++) {
            if (s->logits[i] < cut || (n == k && s->logits[i] <= s->candidates[n - 1].logit)) continue;
            size_t at = n < k ? n++ : n - 1;
            for (; at && s->candidates[at - 1].logit < s->logits[i]; at--) s->candidates[at] = s->candidates[at - 1];
            s->candidates[at] = (candidate){s->logits[i], i, 0};
        }
        return n;
    }
    for (int32_t i = 0; i < s->n_vocab; i++)
        if (s->logits[i] >= cut) s->candidates[n++] = (candidate){s->logits[i], i, 0};
    qsort(s->candidates, n, sizeof *s->candidates, by_logit);
    return n < k ? n : k;
}

/* The same of those that the grammar allows. With a short list tokens are looked at by their first byte, and a token's other
 * bytes only when its logit would enter the list; else all allowed tokens are known by the state's mask. */
static size_t collect_allowed(us_sampler *s) {
    us_grammar *g = s->o.grammar;
    size_t n = 0, k = lists_best(s) ? (size_t)s->o.top_k : (size_t)s->n_vocab, n_ids;
    candidate *c = s->candidates;
    if (!lists_best(s)) {
        const uint64_t *mask = us_grammar_mask(g, s->state);
        for (int32_t i = 0; mask && i < s->n_vocab; i++)
            if (mask[i / 64] >> i % 64 & 1) c[n++] = (candidate){s->logits[i], i, 0};
        qsort(c, n, sizeof *c, by_logit);
        k = s->o.top_k > 0 && (size_t)s->o.top_k < n ? (size_t)s->o.top_k : n;
    } else
        for (int b = 0; b <= 256; b++) { /* the last group: those that end a text */
            char first = (char)b;
            int32_t state = b < 256 ? us_grammar_step(g, s->state, &first, 1) : us_grammar_may_end(g, s->state) ? s->state : -1;
            const int32_t *ids = state < 0 ? NULL : us_grammar_tokens(g, b, &n_ids);
            for (size_t i = 0; ids && i < n_ids; i++) {
                float l = s->logits[ids[i]];
                if ((n == k && l <= c[n - 1].logit) || (b < 256 && us_grammar_next(g, s->state, ids[i]) < 0)) continue;
                size_t at = n < k ? n++ : n - 1;
                for (; at && c[at - 1].logit < l; at--) c[at] = c[at - 1];
                c[at] = (candidate){l, ids[i], 0};
            }
        }
    if (n > k) n = k;
    while (n > 1 && c[n - 1].logit < c[0].logit - 25.0f * fmaxf(1.0f, (float)s->o.temperature)) n--;
    return n;
}

static void probabilities(candidate *c, size_t n, double temperature) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += c[i].p = exp(((double)c[i].logit - (double)c[0].logit) / temperature);
    for (size_t i = 0; i < n; i++) c[i].p /= sum;
}

static _Thread_local double entropy_now; /* qsort has no context */
static int by_surprise(const void *a, const void *b) {
    double x = fabs(-log(((const candidate *)a)->p) - entropy_now), y = fabs(-log(((const candidate *)b)->p) - entropy_now);
    return x < y ? -1 : x > y;
}

/* Locally typical sampling (Meister et al. 2022): those whose surprise is nearest the entropy, to a mass of p. */
static size_t typical(candidate *c, size_t n, double p) {
    if (p >= 1 || n < 2) return n;
    probabilities(c, n, 1);
    entropy_now = 0;
    for (size_t i = 0; i < n; i++) entropy_now -= c[i].p * log(c[i].p);
    qsort(c, n, sizeof *c, by_surprise);
    double mass = 0;
    size_t k = 0;
    while (k < n && mass < p) mass += c[k++].p;
    qsort(c, k, sizeof *c, by_logit);
    return k;
}

static size_t nucleus(candidate *c, size_t n, double top_p, double min_p) {
    probabilities(c, n, 1);
    double mass = 0;
    size_t k = 0;
    while (k < n && mass < top_p) mass += c[k++].p;
    n = k ? k : 1;
    while (n > 1 && c[n - 1].p < min_p * c[0].p) n--;
    return n;
}

us_status us_sampler_draw(us_sampler *s, const float *logits, int32_t *token, us_error *err) {
    const us_sampler_options *o = &s->o;
    if (!us_quant_row_sound(US_TYPE_F32, logits, (size_t)s->n_vocab))
        return us_fail(err, US_ERR_FORMAT,
                       "no token can be drawn: the model computes what is no number, or beyond all measure");
    memcpy(s->logits, logits, (size_t)s->n_vocab * sizeof *logits);
    for (size_t i = 0; i < o->n_biases; i++) s->logits[o->biases[i].token] += o->biases[i].bias;
    penalise(s);
    dry(s);
    size_t n = o->grammar ? collect_allowed(s) : collect(s), first = 0;
    if (o->grammar && us_grammar_is_full(o->grammar))
        return us_fail(err, US_ERR_LIMIT, "grammar: it allows too many things at once");
    if (!n && o->grammar) return us_fail(err, US_ERR_UNSUPPORTED, "grammar: no token of the model goes on here");
    candidate *c = s->candidates;
    if (o->temperature > 0) {
        n = typical(c, n, o->typical_p);
        n = nucleus(c, n, o->top_p, o->min_p);
        if (o->xtc_probability > 0 && us_rng_unit(&s->rng) < o->xtc_probability) { /* all but the last of the likely ones go */
            probabilities(c, n, 1);
            while (first + 1 < n && c[first + 1].p >= o->xtc_threshold) first++;
        }
        probabilities(c + first, n - first, o->temperature);
        double u = us_rng_unit(&s->rng);
        while (first + 1 < n && u >= c[first].p) u -= c[first++].p;
    }
    *token = c[first].id;
    if (o->grammar) s->state = us_grammar_next(o->grammar, s->state, *token);
    us_status st = us_grow(&s->history, &s->cap_history, s->n_history + 1, sizeof *s->history, err);
    if (!st) s->history[s->n_history++] = *token;
    return st;
}

bool us_sampler_is_over(const us_sampler *s) { return s->o.grammar && us_grammar_must_end(s->o.grammar, s->state); }
