/* Texts become hashed features, features and speakers become weights by stochastic gradient descent, and weights score new
 * texts. */
#include "audition/attribution.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "text/fold.h"
#include "text/hash.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 18, N_EPOCHS = 6, MAX_CHARS = 5 };
static const double rate = 0.3, decay = 2e-6;

typedef struct feature {
    uint32_t at;
    float value;
} feature;

typedef struct features {
    feature *items;
    size_t n, cap;
} features;

struct us_attribution {
    float *weights; /* [1 << BITS][n_classes] */
    float bias[US_ATTRIBUTION_MAX_CLASSES];
    uint32_t n_classes;
};

static us_status push(features *f, uint64_t hash, us_error *err) {
    us_status st = us_grow(&f->items, &f->cap, f->n + 1, sizeof *f->items, err);
    if (!st) f->items[f->n++] = (feature){(uint32_t)(hash >> (64 - BITS)), 1};
    return st;
}

static int by_place(const void *a, const void *b) {
    uint32_t x = ((const feature *)a)->at, y = ((const feature *)b)->at;
    return x < y ? -1 : x > y;
}

/* Runs of 2..MAX_CHARS bytes of " word ", counted in whole characters at both ends. */
static us_status char_runs(features *f, const char *word, size_t n, us_error *err) {
    us_status st = US_OK;
    for (size_t b = 0; b < n && !st; b++) {
        if (((unsigned char)word[b] & 0xc0) == 0x80) continue;
        int chars = 0;
        for (size_t e = b + 1; e <= n && chars < MAX_CHARS && !st; e++) {
            if (e < n && ((unsigned char)word[e] & 0xc0) == 0x80) continue;
            if (++chars >= 2) st = push(f, us_hash_bytes(3, word + b, e - b), err);
        }
    }
    return st;
}

/* Sentence marks tell speakers apart as well as words do. */
static us_status marks(features *f, const char *text, us_error *err) {
    us_status st = US_OK;
    for (const char *p = text; *p && !st; p++)
        if (strchr("!?,.-", *p)) {
            size_t n = 1 + (p[1] == p[0]) + (p[1] == p[0] && p[2] == p[0]);
            st = push(f, us_hash_bytes(4, p, n), err);
            p += n - 1;
        }
    return st;
}

static us_status extract(const char *text, us_buf *buf, features *f, us_error *err) {
    f->n = 0;
    us_buf_clear(buf);
    us_buf norm;
    us_buf_init(&norm, (size_t)64 << 20);
    us_status st = us_normalise(text, &norm) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_buf_appendf(buf, err, " %s ", norm.len ? norm.data : "");
    us_buf_fini(&norm);
    const char *before = NULL;
    for (const char *p = st ? "" : buf->data; *p == ' ' && p[1] && !st;) {
        size_t n = strcspn(p + 1, " ");
        if (!n) break;
        st = push(f, us_hash_bytes(1, p + 1, n), err);
        if (!st && before) st = push(f, us_hash_bytes(2, before, (size_t)(p + 1 + n - before)), err);
        if (!st) st = char_runs(f, p, n + 2, err);
        before = p + 1;
        p += 1 + n;
    }
    if (!st) st = marks(f, text, err);
    if (st) return st;
    qsort(f->items, f->n, sizeof *f->items, by_place);
    size_t kept = 0;
    double norm2 = 0;
    for (size_t i = 0; i < f->n; i++)
        if (kept && f->items[kept - 1].at == f->items[i].at) f->items[kept - 1].value++;
        else f->items[kept++] = f->items[i];
    for (size_t i = 0; i < kept; i++) {
        f->items[i].value = 1 + logf(f->items[i].value);
        norm2 += (double)f->items[i].value * (double)f->items[i].value;
    }
    for (size_t i = 0; i < kept; i++) f->items[i].value = (float)((double)f->items[i].value / sqrt(norm2));
    f->n = kept;
    return US_OK;
}

static void predict(const us_attribution *s, const features *f, double *log_p) {
    double max = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < s->n_classes; c++) log_p[c] = (double)s->bias[c];
    for (size_t i = 0; i < f->n; i++)
        for (uint32_t c = 0; c < s->n_classes; c++)
            log_p[c] += (double)(s->weights[(size_t)f->items[i].at * s->n_classes + c] * f->items[i].value);
    for (uint32_t c = 0; c < s->n_classes; c++) max = fmax(max, log_p[c]);
    for (uint32_t c = 0; c < s->n_classes; c++) sum += exp(log_p[c] - max);
    for (uint32_t c = 0; c < s->n_classes; c++) log_p[c] -= max + log(sum);
}

typedef struct learner {
    us_attribution *s;
    float *squares, bias_squares[US_ATTRIBUTION_MAX_CLASSES]; /* AdaGrad: sums of squared gradients */
    double class_weight[US_ATTRIBUTION_MAX_CLASSES];
} learner;

static void learn(learner *l, const features *f, uint32_t label) {
    us_attribution *s = l->s;
    double log_p[US_ATTRIBUTION_MAX_CLASSES];
    predict(s, f, log_p);
    for (uint32_t c = 0; c < s->n_classes; c++) {
        double g = (exp(log_p[c]) - (c == label)) * l->class_weight[label];
        l->bias_squares[c] += (float)(g * g);
        s->bias[c] -= (float)(rate * g / (1e-6 + sqrt((double)l->bias_squares[c])));
        for (size_t i = 0; i < f->n; i++) {
            size_t at = (size_t)f->items[i].at * s->n_classes + c;
            double gi = g * (double)f->items[i].value + decay * (double)s->weights[at];
            l->squares[at] += (float)(gi * gi);
            s->weights[at] -= (float)(rate * gi / (1e-6 + sqrt((double)l->squares[at])));
        }
    }
}

static us_status weigh_classes(learner *l, const uint32_t *labels, size_t n, us_error *err) {
    size_t counts[US_ATTRIBUTION_MAX_CLASSES] = {0};
    for (size_t i = 0; i < n; i++) counts[labels[i]]++;
    for (uint32_t c = 0; c < l->s->n_classes; c++) {
        if (!counts[c]) return us_fail(err, US_ERR_ARGUMENT, "classifier: class %u has no line to learn from", c);
        l->class_weight[c] = (double)n / ((double)l->s->n_classes * (double)counts[c]);
    }
    return US_OK;
}

us_status us_attribution_train(const char *const *texts, const uint32_t *labels, size_t n, uint32_t n_classes, uint64_t seed,
                               us_attribution **out, us_error *err) {
    if (n_classes < 2 || n_classes > US_ATTRIBUTION_MAX_CLASSES)
        return us_fail(err, US_ERR_ARGUMENT, "classifier: %u classes, expected 2..%d", n_classes, US_ATTRIBUTION_MAX_CLASSES);
    learner l = {0};
    us_rng rng;
    size_t *order = NULL, n_weights = ((size_t)1 << BITS) * n_classes;
    features f = {0};
    us_buf buf;
    us_buf_init(&buf, (size_t)64 << 20);
    us_rng_seed(&rng, seed);
    us_status st = us_alloc(1, sizeof *l.s, &l.s, err);
    if (!st) l.s->n_classes = n_classes;
    if (!st) st = us_alloc(n_weights, sizeof *l.s->weights, &l.s->weights, err);
    if (!st) st = us_alloc(n_weights, sizeof *l.squares, &l.squares, err);
    if (!st) st = us_alloc(n, sizeof *order, &order, err);
    if (!st) st = weigh_classes(&l, labels, n, err);
    for (size_t i = 0; i < n && !st; i++) order[i] = i;
    for (int epoch = 0; epoch < N_EPOCHS && !st; epoch++) {
        for (size_t i = n; i > 1; i--) {
            size_t k = (size_t)us_rng_below(&rng, i), swap = order[i - 1];
            order[i - 1] = order[k];
            order[k] = swap;
        }
        for (size_t i = 0; i < n && !st; i++)
            if (!(st = extract(texts[order[i]], &buf, &f, err))) learn(&l, &f, labels[order[i]]);
    }
    free(l.squares);
    free(order);
    free(f.items);
    us_buf_fini(&buf);
    if (st) us_attribution_free(l.s);
    else *out = l.s;
    return st;
}

void us_attribution_free(us_attribution *s) {
    if (!s) return;
    free(s->weights);
    free(s);
}

us_status us_attribution_score(const us_attribution *s, const char *text, double *log_p, us_error *err) {
    features f = {0};
    us_buf buf;
    us_buf_init(&buf, (size_t)64 << 20);
    us_status st = extract(text, &buf, &f, err);
    if (!st) predict(s, &f, log_p);
    free(f.items);
    us_buf_fini(&buf);
    return st;
}
