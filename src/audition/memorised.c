#include "audition/memorised.h"
#include "base/mem.h"
#include <stdlib.h>

enum { MIN_WORDS = 8 };
#define LINE_END UINT32_MAX

struct us_memory {
    us_words *words;
    us_ids text;      /* the words of all lines, LINE_END after each */
    uint32_t *suffix; /* [n_suffix] positions in text, in the order of what follows */
    uint32_t *line;   /* [text.n] the line of each position */
    size_t n_suffix, cap_line;
};

static _Thread_local const uint32_t *sorted_text; /* qsort has no context */

static int by_text(const void *a, const void *b) {
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    const uint32_t *x = sorted_text + i, *y = sorted_text + k;
    while (*x == *y && *x != LINE_END) x++, y++;
    if (*x != *y) return *x < *y ? -1 : 1;
    return i < k ? -1 : i > k; /* equal to the line's end: in their order, so that the result does not depend on qsort */
}

static us_status add_line(us_memory *m, const char *line, size_t i, us_error *err) {
    size_t before = m->text.n;
    us_status st = us_words_split(m->words, line, &m->text, err);
    if (!st) st = us_grow(&m->text.id, &m->text.cap, m->text.n + 1, sizeof *m->text.id, err);
    if (!st) st = us_grow(&m->line, &m->cap_line, m->text.n + 1, sizeof *m->line, err);
    if (st) return st;
    m->text.id[m->text.n++] = LINE_END;
    for (size_t k = before; k < m->text.n; k++) m->line[k] = (uint32_t)i;
    return US_OK;
}

us_status us_memory_new(us_words *words, const char *const *lines, size_t n, us_memory **out, us_error *err) {
    us_memory *m;
    us_status st = us_alloc(1, sizeof *m, &m, err);
    if (st) return st;
    m->words = words;
    for (size_t i = 0; i < n && !st; i++) st = add_line(m, lines[i], i, err);
    if (!st && m->text.n > UINT32_MAX - 1) st = us_fail(err, US_ERR_LIMIT, "the lines have more than 4 billion words");
    if (!st) st = us_alloc(m->text.n, sizeof *m->suffix, &m->suffix, err);
    for (size_t i = 0; i < m->text.n && !st; i++)
        if (m->text.id[i] != LINE_END) m->suffix[m->n_suffix++] = (uint32_t)i;
    sorted_text = m->text.id;
    if (!st) qsort(m->suffix, m->n_suffix, sizeof *m->suffix, by_text);
    if (st) us_memory_free(m);
    else *out = m;
    return st;
}

void us_memory_free(us_memory *m) {
    if (!m) return;
    free(m->text.id);
    free(m->suffix);
    free(m->line);
    free(m);
}

static size_t common(const us_memory *m, size_t at, const uint32_t *ids, size_t n) {
    size_t k = 0;
    while (k < n && m->text.id[at + k] == ids[k]) k++;
    return k;
}

/* The longest head of ids[0..n) that occurs in a line, and where: beside the place at which ids would be sorted in. */
static size_t longest(const us_memory *m, const uint32_t *ids, size_t n, size_t *line) {
    size_t lo = 0, hi = m->n_suffix, best = 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2, k = common(m, m->suffix[mid], ids, n);
        if (k < n && m->text.id[m->suffix[mid] + k] < ids[k]) lo = mid + 1;
        else hi = mid;
    }
    for (size_t i = lo ? lo - 1 : 0; i < m->n_suffix && i <= lo; i++) {
        size_t k = common(m, m->suffix[i], ids, n);
        if (k > best) best = k, *line = m->line[m->suffix[i]];
    }
    return best;
}

us_status us_memory_find(us_memory *m, const char *text, us_overlap *out, us_error *err) {
    us_ids ids = {0};
    *out = (us_overlap){0};
    us_status st = us_words_split(m->words, text, &ids, err);
    for (size_t i = 0; i < ids.n && !st; i++) {
        size_t line = 0, run = longest(m, ids.id + i, ids.n - i, &line);
        if (run > out->n_run) out->n_run = run, out->line = line;
    }
    out->n_words = ids.n;
    out->memorised = ids.n >= MIN_WORDS && 10 * out->n_run >= 9 * ids.n;
    free(ids.id);
    return st;
}
