/* CSV and TSV by libcsv, streamed line by line so that every row knows where it began. */
#include "base/mem.h"
#include "corpus/script.h"
#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS 256

typedef struct reader {
    us_rows *rows;
    us_buf cells;               /* the fields of the row in work, one after the other */
    size_t ends[MAX_FIELDS], n; /* where each ends */
    us_columns columns;
    size_t n_header, max_cell;
    bool have_header, overlong;
    uint32_t line, row_line; /* of the byte in work, of the row's first byte */
    char delimiter;
} reader;

static us_span_str field(const reader *r, size_t i) {
    size_t b = i ? r->ends[i - 1] : 0;
    return (us_span_str){r->cells.data ? r->cells.data + b : "", r->ends[i] - b};
}

static void on_field(void *data, size_t n, void *ctx) {
    reader *r = ctx;
    if (r->rows->status) return;
    if (n > r->max_cell || r->n == MAX_FIELDS) {
        r->overlong = true;
        return;
    }
    if (memchr(data ? data : "", 0, n))
        r->rows->status =
            us_fail(r->rows->err, US_ERR_FORMAT, "%s:%u: a NUL byte: this is no text file", r->rows->path, r->line);
    else if (!(r->rows->status = us_buf_append(&r->cells, data ? data : "", n, r->rows->err))) r->ends[r->n++] = r->cells.len;
}

/* Surplus fields are commas that nobody quoted: they belong to the text, if it is the last column. */
static us_span_str text_with_surplus(reader *r, int at, bool *joined) {
    us_span_str t = field(r, (size_t)at);
    *joined = false;
    if (r->n <= r->n_header || (size_t)at + 1 != r->n_header || r->rows->options->rules_off >> US_RULE_FIELDS & 1) return t;
    us_buf *b = &r->cells;
    size_t begin = b->len;
    for (size_t i = (size_t)at; i < r->n; i++) {
        us_span_str f = field(r, i);
        if (i > (size_t)at && us_buf_append(b, &r->delimiter, 1, NULL)) return t;
        if (us_buf_reserve(b, f.n, NULL)) return t;
        f = field(r, i); /* the buffer may have moved */
        if (us_buf_append(b, f.s, f.n, NULL)) return t;
    }
    *joined = true;
    return (us_span_str){b->data + begin, b->len - begin};
}

static void on_row(int c, void *ctx) {
    (void)c;
    reader *r = ctx;
    us_rows *rows = r->rows;
    uint32_t line = r->row_line;
    r->row_line = r->line + 1;
    if (rows->status) return;
    if (r->overlong) {
        char reason[128];
        snprintf(reason, sizeof reason, "a cell of more than %zu bytes, or more than %d fields", r->max_cell, MAX_FIELDS);
        us_rows_reject(rows, line, reason);
    } else if (!r->have_header) {
        us_span_str header[MAX_FIELDS];
        if (!r->n) return;
        for (size_t i = 0; i < r->n; i++) header[i] = field(r, i);
        rows->status = us_columns_find(rows->options, rows->path, header, r->n, &r->columns, rows->err);
        r->n_header = r->n;
        r->have_header = true;
    } else {
        us_span_str cells[US_N_CELLS] = {{0}};
        bool joined = false;
        int text = r->columns.at[US_CELL_TEXT];
        if ((size_t)text < r->n) cells[US_CELL_TEXT] = text_with_surplus(r, text, &joined);
        for (int i = 0; i < US_N_CELLS; i++)
            if (i != US_CELL_TEXT && r->columns.at[i] >= 0 && (size_t)r->columns.at[i] < r->n)
                cells[i] = field(r, (size_t)r->columns.at[i]);
        us_rows_add(rows, line, cells, joined);
    }
    us_buf_clear(&r->cells);
    r->n = 0;
    r->overlong = false;
}

/* The delimiter that the header line holds most of. */
static char guess(const char *s, size_t n) {
    static const char candidates[] = {',', '\t', ';', '|'};
    char best = ',';
    size_t most = 0, end = 0;
    while (end < n && s[end] != '\n') end++;
    for (size_t k = 0; k < sizeof candidates; k++) {
        size_t count = 0;
        for (size_t i = 0; i < end; i++) count += s[i] == candidates[k];
        if (count > most) most = count, best = candidates[k];
    }
    return best;
}

static us_status feed(reader *r, struct csv_parser *p, const char *s, size_t n) {
    for (size_t i = 0; i < n && !r->rows->status;) { /* line by line, so that positions are known */
        const char *nl = memchr(s + i, '\n', n - i);
        size_t len = nl ? (size_t)(nl - (s + i)) + 1 : n - i;
        if (p->entry_pos + len > r->max_cell + 65536 && !r->overlong)
            return us_fail(r->rows->err, US_ERR_LIMIT, "%s:%u: a cell of more than %zu bytes (a quote that is never closed?)",
                           r->rows->path, r->row_line, r->max_cell);
        size_t body = nl && len > 1 && nl[-1] == '\r' ? len - 2 : len; /* CRLF ends one row, not two */
        if (csv_parse(p, s + i, body, on_field, on_row, r) != body ||
            (body < len && csv_parse(p, "\n", 1, on_field, on_row, r) != 1))
            return us_fail(r->rows->err, US_ERR_FORMAT, "%s:%u: %s", r->rows->path, r->line, csv_strerror(csv_error(p)));
        r->line += nl != NULL;
        if (r->n == 0 && p->entry_pos == 0) r->row_line = r->line;
        i += len;
    }
    return r->rows->status;
}

static int keeps_blanks(unsigned char c) { // libcsv would strip blanks of an unquoted field: they count as repairs, and ', ' of
                                           // an unescaped comma is text
    (void)c;
    return 0;
}

static int ends_row(unsigned char c) { return c == '\n'; }

us_status us_read_csv(us_rows *rows, char delimiter) {
    bool std = !strcmp(rows->path, "-");
    FILE *f = std ? stdin : fopen(rows->path, "rb");
    if (!f)
        return us_fail(rows->err, errno == ENOENT ? US_ERR_NOT_FOUND : US_ERR_IO, "%s: cannot open: %s", rows->path,
                       strerror(errno));
    reader r = {.rows = rows,
                .line = 1,
                .row_line = 1,
                .max_cell = rows->options->max_cell_bytes ? rows->options->max_cell_bytes : (size_t)1 << 20};
    struct csv_parser p;
    static const size_t chunk = 65536;
    char *buf = NULL;
    us_buf_init(&r.cells, 4 * r.max_cell + (1 << 20));
    us_status st = us_alloc(chunk + 1, 1, &buf, rows->err);
    if (csv_init(&p, CSV_REPALL_NL) && !st) st = us_fail(rows->err, US_ERR_MEMORY, "out of memory");
    csv_set_space_func(&p, keeps_blanks);
    csv_set_term_func(&p, ends_row);
    bool first = true;
    for (size_t n; !st && (n = fread(buf, 1, chunk, f)) > 0; first = false) {
        size_t skip = first && n >= 3 && !memcmp(buf, "\xef\xbb\xbf", 3) ? 3 : 0;
        int c;
        if (buf[n - 1] == '\r' && (c = fgetc(f)) != EOF) buf[n++] = (char)c; /* a CRLF stays in one piece */
        if (first) {
            if (memchr(buf, 0, n))
                st = us_fail(rows->err, US_ERR_FORMAT,
                             "%s: holds NUL bytes: this is no text file (UTF-16? convert it to UTF-8)", rows->path);
            r.delimiter = delimiter ? delimiter : guess(buf + skip, n - skip);
            csv_set_delim(&p, (unsigned char)r.delimiter);
        }
        if (!st) st = feed(&r, &p, buf + skip, n - skip);
    }
    if (!st && ferror(f)) st = us_fail(rows->err, US_ERR_IO, "%s: cannot read", rows->path);
    p.options |= CSV_STRICT | CSV_STRICT_FINI; /* only now: stray quotes inside a field are let through */
    if (!st && csv_fini(&p, on_field, on_row, &r))
        st = us_fail(rows->err, US_ERR_FORMAT, "%s:%u: quote opened here is never closed", rows->path, r.row_line);
    if (!st) st = rows->status;
    if (!st && !r.have_header) st = us_fail(rows->err, US_ERR_FORMAT, "%s: empty file", rows->path);
    csv_free(&p);
    us_buf_fini(&r.cells);
    free(buf);
    if (!std) fclose(f);
    return st;
}
