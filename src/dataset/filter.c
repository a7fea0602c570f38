/* Which turns of the character are not worth learning. */
#include "base/mem.h"
#include "dataset/dataset.h"
#include "text/fold.h"
#include "text/hash.h"
#include "text/segment.h"
#include <stdlib.h>
#include <string.h>

#define SHINGLE 5   /* words in a run */
#define MIN_WORDS 8 /* shorter lines are repeated by right ("Woo hoo!") */
#define SHARED_SHARE 0.6

/* A set of 64-bit hashes: open addressing, 0 is free. */
typedef struct hashes {
    uint64_t *slots;
    size_t mask;
} hashes;

static us_status hashes_init(hashes *h, size_t n, us_error *err) {
    size_t size = 16;
    while (size < 2 * n) size *= 2;
    h->mask = size - 1;
    return us_alloc(size, sizeof *h->slots, &h->slots, err);
}

/* True when it was there already. */
static bool hashes_add(hashes *h, uint64_t x, bool add) {
    x += !x;
    size_t i = x & h->mask;
    for (; h->slots[i]; i = (i + 1) & h->mask)
        if (h->slots[i] == x) return true;
    if (add) h->slots[i] = x;
    return false;
}

/* Hashes of the runs of SHINGLE words of normalised text; returns their number, at most max. */
static size_t shingles(const char *s, uint64_t *out, size_t max) {
    const char *starts[SHINGLE + 1] = {0};
    size_t n_words = 0, n = 0;
    for (const char *p = s; *p && n < max;) {
        for (int k = 0; k < SHINGLE; k++) starts[k] = starts[k + 1];
        starts[SHINGLE] = p;
        p += strcspn(p, " ");
        n_words++;
        if (n_words >= SHINGLE) out[n++] = us_hash_bytes(7, starts[1], (size_t)(p - starts[1]));
        if (*p) p++;
    }
    return n_words >= MIN_WORDS ? n : 0;
}

enum { MAX_SHINGLES = 512 };

typedef struct work {
    us_dataset *d;
    const us_dataset_options *o;
    us_buf a, b;
    hashes seen, held;
    uint64_t runs[MAX_SHINGLES];
} work;

static const char *text_of(const work *w, size_t turn) { return w->d->text.data + (uintptr_t)w->d->turns[turn].text; }
static bool on(const work *w, us_filter f) { return !(w->o->filters_off >> f & 1); }

/* The last line of what was said before, without its speaker's name. */
static const char *last_line(const char *text) {
    const char *nl = strrchr(text, '\n'), *line = nl ? nl + 1 : text, *colon = strstr(line, ": ");
    return colon && colon - line < 60 ? colon + 2 : line;
}

/* The filter that strikes turn i, or US_N_FILTERS. */
static us_status judge(work *w, const us_example *e, size_t i, us_filter *f, us_error *err) {
    int32_t max_words = w->o->max_words ? w->o->max_words : 60;
    *f = US_N_FILTERS;
    const char *before = i > e->first_turn ? text_of(w, i - 1) : ""; /* the first turn of a series is learned too */
    if (!us_normalise(text_of(w, i), &w->a) || !us_normalise(last_line(before), &w->b))
        return us_fail(err, US_ERR_MEMORY, "out of memory");
    uint64_t said = us_hash_bytes(1, before, strlen(before));
    if (on(w, US_FILTER_NO_WORDS) && !w->a.len) *f = US_FILTER_NO_WORDS;
    else if (on(w, US_FILTER_ECHO) && w->a.len && w->a.len == w->b.len && !memcmp(w->a.data, w->b.data, w->a.len))
        *f = US_FILTER_ECHO;
    else if (on(w, US_FILTER_LONG) && w->d->turns[i].character && us_count_words(w->a.data) > (uint32_t)max_words)
        *f = US_FILTER_LONG;
    else if (on(w, US_FILTER_DUPLICATE) && hashes_add(&w->seen, us_hash_bytes(said, w->a.data, w->a.len), true))
        *f = US_FILTER_DUPLICATE;
    else if (on(w, US_FILTER_NEAR_DUPLICATE) && e->part == US_TRAIN) {
        size_t n = shingles(w->a.data, w->runs, MAX_SHINGLES), shared = 0;
        for (size_t k = 0; k < n; k++) shared += hashes_add(&w->held, w->runs[k], false);
        if (n && (double)shared >= SHARED_SHARE * (double)n) *f = US_FILTER_NEAR_DUPLICATE;
    }
    return US_OK;
}

/* Every held-out target's runs of words. */
static us_status collect_held_out(work *w, us_error *err) {
    const us_dataset *d = w->d;
    size_t total = 0;
    for (int pass = 0; pass < 2; pass++) {
        us_status st = pass ? hashes_init(&w->held, total, err) : US_OK;
        if (st) return st;
        for (size_t x = 0; x < d->n_examples; x++)
            for (uint32_t k = 0; k < d->examples[x].n_turns && d->examples[x].part != US_TRAIN; k++) {
                size_t i = d->examples[x].first_turn + k;
                if (!d->turns[i].target) continue;
                if (!us_normalise(text_of(w, i), &w->a)) return us_fail(err, US_ERR_MEMORY, "out of memory");
                size_t n = shingles(w->a.data, w->runs, MAX_SHINGLES);
                total += n;
                for (size_t r = 0; r < n && pass; r++) hashes_add(&w->held, w->runs[r], true);
            }
    }
    return US_OK;
}

us_status us_dataset_filter(us_dataset *d, const us_dataset_options *o, us_error *err) {
    work *w = NULL;
    us_status st = us_alloc(1, sizeof *w, &w, err);
    if (st) return st;
    w->d = d;
    w->o = o;
    us_buf_init(&w->a, (size_t)64 << 20);
    us_buf_init(&w->b, (size_t)64 << 20);
    st = hashes_init(&w->seen, d->n_turns, err);
    if (!st) st = collect_held_out(w, err);
    size_t kept = 0;
    for (size_t x = 0; x < d->n_examples && !st; x++) {
        us_example *e = &d->examples[x];
        for (uint32_t k = 0; k < e->n_turns && !st; k++) {
            us_filter f;
            size_t i = e->first_turn + k;
            if (!d->turns[i].target || (st = judge(w, e, i, &f, err))) continue;
            if (f == US_N_FILTERS) continue;
            d->turns[i].target = false;
            d->counts.filtered[f]++;
        }
        while (e->n_turns && !d->turns[e->first_turn + e->n_turns - 1].target) e->n_turns--;
        if (e->n_turns) d->examples[kept++] = *e;
    }
    if (!st) d->n_examples = kept;
    free(w->seen.slots);
    free(w->held.slots);
    us_buf_fini(&w->a);
    us_buf_fini(&w->b);
    free(w);
    return st;
}
