/* corpus/csv.c - one row of cells at a time. */
#include "corpus/csv.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

void us_csv_init(us_csv *c, const char *s, size_t n, const us_csv_form *form, size_t max_cell) {
    *c =
        (us_csv){.at = s, .end = s + n, .form = *form, .line = 1, .max_cell = max_cell, .n_delimiter = strlen(form->delimiter)};
    size_t look = n < 65536 ? n : 65536;
    c->line_end = !memchr(s, '\n', look) && memchr(s, '\r', look) ? '\r' : '\n';
    if (!c->form.quote) c->form.quote = '"';
    c->cells = us_checked(malloc((US_CSV_MAX_CELLS + 1) * sizeof *c->cells));
    c->offsets = us_checked(malloc((US_CSV_MAX_CELLS + 1) * sizeof *c->offsets));
    us_buf_init(&c->scratch, (size_t)1 << 31);
}

void us_csv_fini(us_csv *c) {
    free(c->cells);
    free(c->offsets);
    us_buf_fini(&c->scratch);
}

/* Bytes of the delimiter at p, 0 if there is none. */
static size_t delimiter_at(const us_csv *c, const char *p) {
    if (c->form.blanks) {
        size_t n = 0;
        while (p + n < c->end && p[n] == ' ') n++;
        return n >= c->form.blanks ? n : 0;
    }
    if (c->n_delimiter == 1) return p < c->end && *p == c->form.delimiter[0];
    return (size_t)(c->end - p) >= c->n_delimiter && !memcmp(p, c->form.delimiter, c->n_delimiter) ? c->n_delimiter : 0;
}

static bool ends_line(const us_csv *c, const char *p) {
    return p >= c->end || *p == c->line_end || (*p == '\r' && (p + 1 >= c->end || p[1] == c->line_end));
}

/* After a quote that would close a cell: does the cell end here? Blanks may stand between. */
static bool ends_cell(const us_csv *c, const char *p) {
    if (ends_line(c, p) || delimiter_at(c, p)) return true;
    while (p < c->end && *p == ' ') p++;
    return ends_line(c, p) || delimiter_at(c, p);
}

/* The quote that closes a cell whose words begin at p; NULL: none does. *undo: quotes inside have to be undone. */
static const char *closing_quote(const us_csv *c, const char *p, bool *undo) {
    const char *open = p, *limit = c->end;
    bool inner = false;
    for (;;) {
        const char *q = memchr(p, c->form.quote, (size_t)(limit - p));
        if (!q) return NULL;
        size_t slashes = 0;
        while (c->form.backslash && q - slashes > open && q[-1 - (ptrdiff_t)slashes] == '\\') slashes++;
        *undo = *undo || slashes;
        if (slashes & 1) {
            p = q + 1;
            continue;
        }
        if (q + 1 < c->end && q[1] == c->form.quote) {
            *undo = true;
            p = q + 2;
            continue;
        }
        if (ends_cell(c, q + 1)) return q;
        /* A quote inside a cell that nobody doubled: it is text, if the cell ends on this line. */
        if (inner == false) {
            if (memchr(open, c->line_end, (size_t)(q - open))) return NULL;
            const char *nl = memchr(q, c->line_end, (size_t)(c->end - q));
            if (nl) limit = nl;
            inner = true;
        }
        p = q + 1;
    }
}

/* Appends the words between the quotes to the scratch. */
static bool undo_quotes(us_csv *c, const char *p, const char *end) {
    while (p < end) {
        const char *q = p;
        while (q < end && *q != c->form.quote && !(c->form.backslash && *q == '\\')) q++;
        if (us_buf_append(&c->scratch, p, (size_t)(q - p), NULL)) return false;
        if (q == end) break;
        bool pair = q + 1 < end && (q[1] == c->form.quote || (*q == '\\' && q[1] == '\\'));
        if (us_buf_append(&c->scratch, pair ? q + 1 : q, 1, NULL)) return false;
        p = q + (pair ? 2 : 1);
    }
    return true;
}

static void put_cell(us_csv *c, const char *s, size_t n, size_t offset) {
    if (n > c->max_cell) c->overlong = true, n = c->max_cell;
    if (c->n == US_CSV_MAX_CELLS) {
        c->overlong = true;
        return;
    }
    c->offsets[c->n] = offset;
    c->cells[c->n++] = (us_span_str){s, n};
}

/* A cell in quotes; returns what follows it, NULL if the quote is no such thing. */
static const char *quoted_cell(us_csv *c, const char *p) {
    bool undo = false;
    const char *q = closing_quote(c, p + 1, &undo);
    if (!q) return NULL;
    if (undo || (c->form.backslash && memchr(p, '\\', (size_t)(q - p)))) {
        size_t begin = c->scratch.len;
        if (!undo_quotes(c, p + 1, q)) return NULL;
        put_cell(c, NULL, c->scratch.len - begin, begin);
    } else put_cell(c, p + 1, (size_t)(q - p - 1), SIZE_MAX);
    p = q + 1;
    while (!ends_line(c, p) && !delimiter_at(c, p)) p++; /* blanks */
    return p;
}

static const char *plain_cell(us_csv *c, const char *p) {
    const char *from = p, first = c->form.delimiter[0], end = c->line_end;
    if (c->n_delimiter == 1 && !c->form.blanks)
        while (p < c->end && *p != first && *p != end) p++;
    else
        while (p < c->end && *p != end && !delimiter_at(c, p)) p++;
    size_t n = (size_t)(p - from);
    if (n && (p == c->end || *p == end) && from[n - 1] == '\r') n--;
    put_cell(c, from, n, SIZE_MAX);
    return p;
}

bool us_csv_next(us_csv *c) {
    const char *p = c->at;
    if (p >= c->end || !c->cells || !c->offsets) return false;
    c->n = 0;
    c->stray = c->overlong = false;
    c->row_line = c->line;
    us_buf_clear(&c->scratch);
    while (c->form.blanks && p < c->end && *p == ' ') p++; /* a table that is set in columns may be indented */
    for (;;) {
        const char *q = p, *after = NULL;
        while (q < c->end && *q == ' ' && !c->form.blanks && c->form.delimiter[0] != ' ') q++; /* a, "b" */
        if (q < c->end && *q == c->form.quote && !(after = quoted_cell(c, q))) c->stray = true;
        p = after ? after : plain_cell(c, p);
        if (ends_line(c, p)) break;
        p += delimiter_at(c, p);
        if (c->form.blanks && ends_line(c, p)) break; /* blanks at the end of a line part nothing */
    }
    if (p < c->end && *p == '\r' && c->line_end != '\r') p++;
    if (p < c->end) p++;
    for (const char *nl = c->at; (nl = memchr(nl, c->line_end, (size_t)(p - nl))); nl++) c->line++;
    c->at = p;
    for (size_t i = 0; i < c->n; i++)
        if (c->offsets[i] != SIZE_MAX) c->cells[i].s = c->scratch.data + c->offsets[i];
    return true;
}
