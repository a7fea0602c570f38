/* explore/phrases.c - which runs of words are said in many lines.
 *
 * One hash table a length, of positions, so no n-gram is copied. A run of n words can only be frequent when both
 * its runs of n-1 words are: frequent[p] of the length before keeps the longer tables small. */
#include "base/mem.h"
#include "explore/words.h"
#include <stdlib.h>
#include <string.h>

typedef struct gram {
    size_t first, last_line;
    uint32_t n_lines, n_longer;
} gram; /* n_longer: of the longest holder */
typedef struct table {
    gram *slot;
    size_t n_slots, n;
} table; /* empty: n_lines == 0 */

static gram *find(const table *t, const uint32_t *ids, size_t first, uint32_t n) {
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++) h = (h ^ ids[first + i]) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    size_t at = h & (t->n_slots - 1);
    while (t->slot[at].n_lines && memcmp(ids + t->slot[at].first, ids + first, n * sizeof *ids))
        at = (at + 1) & (t->n_slots - 1);
    return &t->slot[at];
}

static us_status table_init(table *t, size_t n_slots, us_error *err) {
    *t = (table){.n_slots = n_slots};
    return us_alloc(n_slots, sizeof *t->slot, &t->slot, err);
}

static us_status table_grow(table *t, const uint32_t *ids, uint32_t n, us_error *err) {
    table bigger;
    us_status st = table_init(&bigger, t->n_slots * 2, err);
    if (st) return st;
    for (size_t i = 0; i < t->n_slots; i++)
        if (t->slot[i].n_lines) *find(&bigger, ids, t->slot[i].first, n) = t->slot[i];
    bigger.n = t->n;
    free(t->slot);
    *t = bigger;
    return US_OK;
}

typedef struct text {
    const uint32_t *ids;
    const size_t *line_start;
    size_t n_lines;
} text;

/* frequent[p]: in, that the run of n-1 words at p is said often enough; out, the same of n words. */
static us_status count(const text *x, uint32_t n, uint32_t min_lines, unsigned char *frequent, table *t, us_error *err) {
    us_status st = table_init(t, 1024, err);
    for (size_t line = 0; !st && line < x->n_lines; line++) {
        for (size_t p = x->line_start[line]; !st && p + n <= x->line_start[line + 1]; p++) {
            if (!frequent[p] || !frequent[p + 1]) continue;
            gram *g = find(t, x->ids, p, n);
            if (!g->n_lines) {
                *g = (gram){.first = p, .last_line = line, .n_lines = 1};
                if (++t->n * 2 > t->n_slots) st = table_grow(t, x->ids, n, err);
            } else if (g->last_line != line) {
                g->last_line = line;
                g->n_lines++;
            }
        }
    }
    if (st) return st;
    for (size_t line = 0; line < x->n_lines; line++)
        for (size_t p = x->line_start[line]; p < x->line_start[line + 1]; p++)
            frequent[p] = p + n <= x->line_start[line + 1] && frequent[p] && frequent[p + 1] &&
                          find(t, x->ids, p, n)->n_lines >= min_lines;
    return US_OK;
}

/* Tells the runs of n-1 words how often the longer ones that hold them are said. */
static void fold_parts(const text *x, const table *longer, uint32_t n, uint32_t min_lines, table *t) {
    for (size_t i = 0; i < longer->n_slots; i++) {
        const gram *l = &longer->slot[i];
        if (l->n_lines < min_lines) continue;
        for (size_t part = 0; part < 2; part++) {
            gram *g = find(t, x->ids, l->first + part, n - 1);
            if (g->n_longer < l->n_lines) g->n_longer = l->n_lines;
        }
    }
}

static int by_lines(const void *pa, const void *pb) {
    const us_phrase *a = pa, *b = pb;
    if (a->n_lines != b->n_lines) return a->n_lines > b->n_lines ? -1 : 1;
    if (a->n_words != b->n_words) return a->n_words > b->n_words ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

us_status us_phrases(const uint32_t *ids, const size_t *line_start, size_t n_lines, uint32_t min_n, uint32_t max_n,
                     uint32_t min_lines, double fold, us_phrase **out, size_t *n_out, us_error *err) {
    text x = {ids, line_start, n_lines};
    table t[US_PHRASE_MAX_WORDS + 1] = {0};
    unsigned char *frequent = NULL;
    us_phrase *list = NULL;
    size_t n = 0, cap = 0;
    *out = NULL, *n_out = 0;
    us_status st = us_alloc(line_start[n_lines] + 1, 1, &frequent, err);
    if (!st) memset(frequent, 1, line_start[n_lines] + 1);
    for (uint32_t k = 2; !st && k <= max_n; k++) st = count(&x, k, min_lines, frequent, &t[k], err);
    for (uint32_t k = max_n; !st && k > min_n; k--) fold_parts(&x, &t[k], k, min_lines, &t[k - 1]);
    for (uint32_t k = min_n; !st && k <= max_n; k++) {
        for (size_t i = 0; !st && i < t[k].n_slots; i++) {
            const gram *g = &t[k].slot[i];
            if (g->n_lines < min_lines || !g->n_lines || (g->n_longer && g->n_longer >= fold * g->n_lines)) continue;
            if (!(st = us_grow(&list, &cap, n + 1, sizeof *list, err))) list[n++] = (us_phrase){g->first, k, g->n_lines};
        }
    }
    if (!st) {
        if (n) qsort(list, n, sizeof *list, by_lines);
        *out = list, *n_out = n;
        list = NULL;
    }
    free(list);
    free(frequent);
    for (uint32_t k = 2; k <= max_n; k++) free(t[k].slot);
    return st;
}
