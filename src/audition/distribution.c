#include "audition/distribution.h"
#include "audition/stats.h"
#include "base/mem.h"
#include "text/hash.h"
#include <math.h>
#include <stdlib.h>

/* The words of texts one after another, and each text's length. */
typedef struct bag {
    us_ids ids;
    double *lengths;
    size_t n;
} bag;

static us_status fill(us_words *w, const char *const *texts, size_t n, bag *b, us_error *err) {
    us_status st = us_alloc(n, sizeof *b->lengths, &b->lengths, err);
    for (; b->n < n && !st; b->n++) {
        size_t before = b->ids.n;
        st = us_words_split(w, texts[b->n], &b->ids, err);
        b->lengths[b->n] = (double)(b->ids.n - before);
    }
    return st;
}

static double divergence(const double *p, double n_p, const double *q, double n_q, size_t n) {
    double js = 0;
    for (size_t i = 0; i < n && n_p > 0 && n_q > 0; i++) {
        double x = p[i] / n_p, y = q[i] / n_q, m = (x + y) / 2;
        if (x > 0) js += x / 2 * log2(x / m);
        if (y > 0) js += y / 2 * log2(y / m);
    }
    return js;
}

static us_status vocabulary(const us_words *w, const bag *a, const bag *b, double *out, us_error *err) {
    double *p = NULL, *q = NULL;
    us_status st = us_alloc(w->n, sizeof *p, &p, err);
    if (!st) st = us_alloc(w->n, sizeof *q, &q, err);
    for (size_t i = 0; i < a->ids.n && !st; i++) p[a->ids.id[i]]++;
    for (size_t i = 0; i < b->ids.n && !st; i++) q[b->ids.id[i]]++;
    if (!st) *out = divergence(p, (double)a->ids.n, q, (double)b->ids.n, w->n);
    free(p);
    free(q);
    return st;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static us_status distinct(const bag *b, size_t gram, size_t n_words, double *out, us_error *err) {
    uint64_t *hashes;
    size_t n = 0, kept = 0, at = 0;
    us_status st = us_alloc(b->ids.n, sizeof *hashes, &hashes, err);
    for (size_t i = 0; i < b->n && !st; i++) {
        size_t len = (size_t)b->lengths[i];
        for (size_t k = 0; k + gram <= len && at + k + gram <= n_words; k++)
            hashes[n++] = us_hash_bytes(5, b->ids.id + at + k, gram * sizeof *b->ids.id);
        at += len;
    }
    if (st) return st;
    qsort(hashes, n, sizeof *hashes, by_value);
    for (size_t i = 0; i < n; i++) kept += !i || hashes[i] != hashes[i - 1];
    *out = n ? (double)kept / (double)n : 0;
    free(hashes);
    return US_OK;
}

us_status us_distribution_measure(us_words *w, const char *const *a, size_t n_a, const char *const *b, size_t n_b,
                                  size_t n_words, us_distribution *out, us_error *err) {
    bag x = {0}, y = {0};
    us_status st = fill(w, a, n_a, &x, err);
    *out = (us_distribution){0};
    if (!st) st = fill(w, b, n_b, &y, err);
    if (!st) st = vocabulary(w, &x, &y, &out->vocabulary_js, err);
    for (size_t gram = 1; gram <= 3 && !st; gram++) st = distinct(&x, gram, n_words, &out->distinct[gram - 1], err);
    if (!st && n_a && n_b) out->length_ks = us_ks(x.lengths, n_a, y.lengths, n_b);
    free(x.ids.id);
    free(y.ids.id);
    free(x.lengths);
    free(y.lengths);
    return st;
}
