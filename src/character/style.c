/* Using the list: a text is cut into words and punctuation, whose weights are added. Learning it: logistic regression of the
 * character's lines against everybody else's. */
#include "character/style.h"
#include "base/mem.h"
#include "base/rng.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 100000, KEPT = 500, MIN_COUNT = 5, MIN_LINES = 50, N_EPOCHS = 4 };
static const double rate = 0.3, decay = 1e-5;

typedef struct entry {
    char *word;
    double weight;
} entry;

struct us_style {
    double bias;
    entry *entries; /* [n] by word */
    size_t n;
};

/* ---- words of a text ---------------------------------------------------------------------------------------- */

typedef struct words {
    char *text;         /* all words, NUL after each */
    const char **items; /* [n] */
    size_t n;
} words;

static void words_fini(words *w) {
    free(w->text);
    free(w->items);
    *w = (words){0};
}

static bool in_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static us_status split(const char *text, words *w, us_error *err) {
    size_t n = strlen(text);
    char *to;
    us_status st = us_alloc(2 * n + 2, 1, &w->text, err);
    if (!st) st = us_alloc(n + 1, sizeof *w->items, &w->items, err);
    if (st) return st;
    to = w->text;
    for (const char *p = text; *p;) {
        size_t mark = !strncmp(p, "...", 3) ? 3 : !strncmp(p, "--", 2) ? 2 : *p == '!' || *p == '?' ? 1 : 0;
        if (!mark && !in_word(*p)) {
            p++;
            continue;
        }
        w->items[w->n++] = to;
        if (mark) {
            memcpy(to, p, mark);
            to += mark;
            p += mark;
        } else
            for (; in_word(*p) || (*p == '\'' && in_word(p[1])); p++)
                if (*p != '\'') *to++ = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
        *to++ = 0;
    }
    return US_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* ---- in use -------------------------------------------------------------------------------------------------- */

static int by_word(const void *a, const void *b) { return strcmp(((const entry *)a)->word, ((const entry *)b)->word); }

static const entry *find(const us_style *m, const char *word) {
    entry key = {(char *)(uintptr_t)word, 0};
    return bsearch(&key, m->entries, m->n, sizeof key, by_word);
}

us_status us_style_open(const json_t *style, const char *file, us_style **out, us_error *err) {
    json_t *list = json_object_get(style, "words"), *value;
    const char *word;
    us_style *m;
    *out = NULL;
    if (!style) return US_OK;
    if (!json_is_object(list) || json_object_size(list) > MAX_WORDS || !json_is_number(json_object_get(style, "bias")))
        return us_fail(
            err, US_ERR_FORMAT,
            "%s: extensions.understudy.style: expected {\"bias\": number, \"words\": {word: number}} of at most %d words", file,
            MAX_WORDS);
    us_status st = us_alloc(1, sizeof *m, &m, err);
    if (!st && (st = us_alloc(json_object_size(list), sizeof *m->entries, &m->entries, err))) free(m);
    if (st) return st;
    m->bias = json_number_value(json_object_get(style, "bias"));
    json_object_foreach(list, word, value) {
        if (!json_is_number(value))
            st = us_fail(err, US_ERR_FORMAT, "%s: extensions.understudy.style.words: a number is expected for '%.60s'", file,
                         word);
        if (st || (st = us_strdup(word, &m->entries[m->n].word, err))) break;
        m->entries[m->n++].weight = json_number_value(value);
    }
    qsort(m->entries, m->n, sizeof *m->entries, by_word);
    if (st) us_style_free(m);
    else *out = m;
    return st;
}

void us_style_free(us_style *m) {
    if (!m) return;
    for (size_t i = 0; i < m->n; i++) free(m->entries[i].word);
    free(m->entries);
    free(m);
}

static double log_sigmoid(double z) { return z > 0 ? -log1p(exp(-z)) : z - log1p(exp(z)); }

double us_style_score(const us_style *m, const char *text) {
    words w = {0};
    double z = 0, squares = 0;
    if (!m || split(text, &w, NULL)) return words_fini(&w), 0; /* out of memory: nobody is preferred */
    qsort(w.items, w.n, sizeof *w.items, by_text);
    for (size_t i = 0, k; i < w.n; i = k) {
        for (k = i + 1; k < w.n && !strcmp(w.items[i], w.items[k]);) k++;
        const entry *e = find(m, w.items[i]);
        squares += (double)(k - i) * (double)(k - i);
        z += e ? e->weight * (double)(k - i) : 0;
    }
    words_fini(&w);
    return log_sigmoid(m->bias + (squares > 0 ? z / sqrt(squares) : 0));
}

/* ---- learning ------------------------------------------------------------------------------------------------- */

typedef struct feature {
    uint32_t word;
    float value;
} feature;

typedef struct example {
    size_t first, n; /* into features */
    bool own;
} example;

typedef struct trainer {
    const char **vocabulary; /* [n_words] sorted; words said less often than MIN_COUNT are not in it */
    size_t n_words;
    feature *features;
    size_t n_features, cap_features;
    example *examples;
    size_t n;
    double *weights, *squares, bias; /* [n_words], AdaGrad's sums */
} trainer;

/* The vocabulary: every word of all lines, sorted, the rare ones left out. */
static us_status count_words(trainer *s, const words *all, size_t n, us_error *err) {
    size_t total = 0, kept = 0;
    for (size_t i = 0; i < n; i++) total += all[i].n;
    us_status st = us_alloc(total, sizeof *s->vocabulary, &s->vocabulary, err);
    if (st) return st;
    total = 0;
    for (size_t i = 0; i < n; i++) {
        if (all[i].n) memcpy(s->vocabulary + total, all[i].items, all[i].n * sizeof *all[i].items);
        total += all[i].n;
    }
    qsort(s->vocabulary, total, sizeof *s->vocabulary, by_text);
    for (size_t i = 0, k; i < total; i = k) {
        for (k = i + 1; k < total && !strcmp(s->vocabulary[i], s->vocabulary[k]);) k++;
        if (k - i >= MIN_COUNT) s->vocabulary[kept++] = s->vocabulary[i];
    }
    s->n_words = kept;
    return US_OK;
}

static us_status add_example(trainer *s, words *w, bool own, us_error *err) {
    example *l = &s->examples[s->n++];
    double squares = 0;
    *l = (example){s->n_features, 0, own};
    qsort(w->items, w->n, sizeof *w->items, by_text);
    for (size_t i = 0, k; i < w->n; i = k) {
        for (k = i + 1; k < w->n && !strcmp(w->items[i], w->items[k]);) k++;
        squares += (double)(k - i) * (double)(k - i);
        const char **at = s->n_words ? bsearch(&w->items[i], s->vocabulary, s->n_words, sizeof *s->vocabulary, by_text) : NULL;
        if (!at) continue;
        us_status st = us_grow(&s->features, &s->cap_features, s->n_features + 1, sizeof *s->features, err);
        if (st) return st;
        s->features[s->n_features++] = (feature){(uint32_t)(at - s->vocabulary), (float)(k - i)};
        l->n++;
    }
    for (size_t i = 0; i < l->n; i++)
        s->features[l->first + i].value = (float)((double)s->features[l->first + i].value / sqrt(squares));
    return US_OK;
}

/* One step of AdaGrad. */
static void step(trainer *s, const example *l, double importance) {
    const feature *f = s->features + l->first;
    double z = s->bias, g;
    for (size_t i = 0; i < l->n; i++) z += s->weights[f[i].word] * (double)f[i].value;
    g = (1 / (1 + exp(-z)) - l->own) * importance;
    s->bias -= 0.02 * g;
    for (size_t i = 0; i < l->n; i++) {
        double *w = &s->weights[f[i].word], gi = g * (double)f[i].value + decay * *w;
        s->squares[f[i].word] += gi * gi;
        *w -= rate * gi / (1e-6 + sqrt(s->squares[f[i].word]));
    }
}

static us_status train(trainer *s, size_t n_own, us_error *err) {
    us_rng rng;
    double own = (double)s->n / (2 * (double)n_own), other = (double)s->n / (2 * (double)(s->n - n_own));
    us_status st = us_alloc(s->n_words, sizeof *s->weights, &s->weights, err);
    if (!st) st = us_alloc(s->n_words, sizeof *s->squares, &s->squares, err);
    us_rng_seed(&rng, 0);
    for (int epoch = 0; epoch < N_EPOCHS && !st; epoch++) {
        for (size_t i = s->n; i > 1; i--) {
            size_t k = (size_t)us_rng_below(&rng, i);
            example swap = s->examples[i - 1];
            s->examples[i - 1] = s->examples[k];
            s->examples[k] = swap;
        }
        for (size_t i = 0; i < s->n; i++) step(s, &s->examples[i], s->examples[i].own ? own : other);
    }
    return st;
}

static int by_weight(const void *a, const void *b) {
    double x = fabs(((const entry *)a)->weight), y = fabs(((const entry *)b)->weight);
    return x < y ? 1 : x > y ? -1 : by_word(a, b);
}

/* Takes the words of names out of the vocabulary. */
static us_status forget_names(trainer *s, const char *const *names, size_t n_names, us_error *err) {
    us_status st = US_OK;
    for (size_t i = 0; i < n_names && !st; i++) {
        words w = {0};
        st = split(names[i], &w, err);
        for (size_t k = 0; k < w.n && !st; k++) {
            const char **at =
                s->n_words ? bsearch(&w.items[k], s->vocabulary, s->n_words, sizeof *s->vocabulary, by_text) : NULL;
            if (at) memmove(at, at + 1, (s->n_words-- - (size_t)(at - s->vocabulary) - 1) * sizeof *at);
        }
        words_fini(&w);
    }
    return st;
}

static us_status write_list(const trainer *s, json_t **out, us_error *err) {
    entry *e;
    us_status st = us_alloc(s->n_words, sizeof *e, &e, err);
    if (st) return st;
    for (size_t i = 0; i < s->n_words; i++) e[i] = (entry){(char *)(uintptr_t)s->vocabulary[i], s->weights[i]};
    qsort(e, s->n_words, sizeof *e, by_weight);
    json_t *list = json_object();
    for (size_t i = 0; i < s->n_words && i < KEPT; i++)
        json_object_set_new(list, e[i].word, json_real(round(100 * e[i].weight) / 100));
    free(e);
    *out = json_pack("{s:f, s:o}", "bias", round(100 * s->bias) / 100, "words", list);
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

us_status us_style_learn(const char *const *lines, const bool *own, size_t n, const char *const *names, size_t n_names,
                         json_t **out, us_error *err) {
    trainer s = {0};
    words *all;
    size_t n_own = 0;
    *out = NULL;
    for (size_t i = 0; i < n; i++) n_own += own[i];
    if (n_own < MIN_LINES || n - n_own < MIN_LINES) return US_OK;
    us_status st = us_alloc(n, sizeof *all, &all, err);
    if (st) return st;
    for (size_t i = 0; i < n && !st; i++) st = split(lines[i], &all[i], err);
    if (!st) st = count_words(&s, all, n, err);
    if (!st) st = forget_names(&s, names, n_names, err);
    if (!st) st = us_alloc(n, sizeof *s.examples, &s.examples, err);
    for (size_t i = 0; i < n && !st; i++) st = add_example(&s, &all[i], own[i], err);
    if (!st) st = train(&s, n_own, err);
    if (!st) st = write_list(&s, out, err);
    for (size_t i = 0; i < n; i++) words_fini(&all[i]);
    free(all);
    free(s.vocabulary);
    free(s.features);
    free(s.examples);
    free(s.weights);
    free(s.squares);
    return st;
}
