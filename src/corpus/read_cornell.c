/* corpus/read_cornell.c - movie_lines.txt of the Cornell Movie-Dialogs Corpus: "L1 +++$+++ u0 +++$+++ m0 +++$+++ ANN +++$+++
 * Hi.".
 *
 * The file counts lines in the order of speech and holds them backwards: they are sorted by film and number again, and a gap in
 * the numbers ends a conversation. */
#include "base/mem.h"
#include "corpus/shape.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK " +++$+++ "
#define MAX_LINES 10000000

typedef struct said {
    us_span_str film, name, text;
    uint32_t number, line, film_order;
} said;

static bool split(us_span_str line, us_span_str f[8], size_t *n) {
    const char *p = line.s, *end = line.s + line.n;
    *n = 0;
    for (const char *q; *n < 7 && (q = memmem(p, (size_t)(end - p), "+++$+++", 7)); p = q + 7)
        f[(*n)++] = us_trim((us_span_str){p, (size_t)(q - p)});
    if (*n < 7) f[(*n)++] = us_trim((us_span_str){p, (size_t)(end - p)});
    return *n > 1;
}

void us_look_cornell(const us_script_options *o, const us_doc *d, us_view *view) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    us_span_str f[8];
    size_t n, good = 0, lines = 0;
    (void)o;
    if (d->workbook) return;
    while (us_lines_next(&l)) {
        if (!us_trim(l.text).n) continue;
        lines++;
        good += split(l.text, f, &n) && n >= 5 && f[0].n > 1 && f[0].s[0] == 'L' && f[2].n && f[2].s[0] == 'm';
    }
    if (good * 2 > lines) view->fit = 0.99;
}

static int by_number(const void *x, const void *y) {
    const said *a = x, *b = y;
    if (a->film_order != b->film_order) return a->film_order < b->film_order ? -1 : 1;
    if (a->number != b->number) return a->number < b->number ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

us_status us_read_cornell(us_rows *r, us_doc *d) {
    us_lines l = us_lines_of(d->s, d->n);
    us_span_str f[8], last = {"", 0};
    said *all = NULL;
    size_t n, n_all = 0, cap = 0;
    uint32_t films = 0, before = 0;
    us_status st = US_OK;
    while (!st && us_lines_next(&l)) {
        if (!us_trim(l.text).n) continue;
        if (!split(l.text, f, &n) || n < 5) {
            us_rows_reject(r, l.line, "not five fields parted by +++$+++");
            st = r->status;
            continue;
        }
        if (n_all >= MAX_LINES) st = us_fail(r->err, US_ERR_LIMIT, "%s: more than %d lines", r->path, MAX_LINES);
        if (!st) st = us_grow(&all, &cap, n_all + 1, sizeof *all, r->err);
        if (st) break;
        if (!films || f[2].n != last.n || memcmp(f[2].s, last.s, last.n)) films++, last = f[2];
        all[n_all++] = (said){f[2], f[3], f[4], (uint32_t)strtoul(f[0].s + (f[0].n > 1), NULL, 10), l.line, films};
    }
    if (n_all) qsort(all, n_all, sizeof *all, by_number);
    for (size_t i = 0; i < n_all && !st; i++) {
        us_span_str cells[US_N_CELLS] = {{0}};
        if (i && all[i].film_order == all[i - 1].film_order && all[i].number > before + 1) us_rows_scene(r);
        before = all[i].number;
        cells[US_CELL_SPEAKER] = all[i].name;
        cells[US_CELL_TEXT] = all[i].text;
        cells[US_CELL_EPISODE] = all[i].film;
        us_rows_add(r, all[i].line, cells, 0);
        st = r->status;
    }
    free(all);
    return st;
}
