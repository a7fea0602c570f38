/* corpus/read_xlsx.c - Excel's .xlsx: a zip of XML. Every sheet becomes the text of a CSV, and what has speakers and lines is
 * read.
 *
 * Rows keep their numbers, because line breaks inside a cell become blanks. Bounds: 100 sheets, 256 MiB of XML each, 2 million
 * shared strings. */
#include "base/mem.h"
#include "corpus/shape.h"
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SHEETS 100
#define MAX_XML ((size_t)256 << 20)
#define MAX_STRINGS 2000000
#define MAX_COLUMNS 256
#define MAX_ROW 2000000
#define MAX_MERGED 100000

/* Cells of one column that Excel shows as one: the first holds the words. */
typedef struct merged {
    unsigned long column, row, last;
} merged;

typedef struct book {
    us_error *err;
    const char *path;
    XML_Parser parser;
    us_status status;
    us_buf strings; /* one after the other */
    size_t *ends;   /* where each ends */
    size_t n_strings, cap_strings;
    us_buf csv, cell;
    bool in_strings; /* the part with the shared strings is walked, not a sheet */
    bool in_text, in_phonetic, any_cell;
    char type[12];
    unsigned long row, column, at_column; /* of the cell; of the cell that the CSV has come to */
    int depth;
    merged *merged; /* of the sheet, by row and column */
    size_t n_merged, cap_merged;
    unsigned long fill_to[MAX_COLUMNS + 1]; /* empty cells of a column down to this row hold what stands in fill */
    us_buf fill[MAX_COLUMNS + 1];
} book;

static const char *local(const XML_Char *name) {
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

static void fail(book *b, us_status st) {
    if (!b->status) b->status = st;
    XML_StopParser(b->parser, XML_FALSE);
}

static void append(book *b, us_buf *to, const char *s, size_t n) {
    us_status st = us_buf_append(to, s, n, b->err);
    if (st) fail(b, st);
}

/* "AB12": column 28. */
static void place_of(const char *r, unsigned long *column, unsigned long *row) {
    unsigned long c = 0;
    for (; *r >= 'A' && *r <= 'Z' && c < 100000; r++) c = c * 26 + (unsigned long)(*r - 'A') + 1;
    if (c) *column = c;
    if (*r >= '0' && *r <= '9') *row = strtoul(r, NULL, 10);
}

static int by_place(const void *x, const void *y) {
    const merged *a = x, *b = y;
    return a->row != b->row ? (a->row < b->row ? -1 : 1) : a->column != b->column ? (a->column < b->column ? -1 : 1) : 0;
}

/* <mergeCell ref="B2:B5"/>, which stand behind the cells. */
static us_status find_merged(book *b, const char *xml, size_t n) {
    us_status st = US_OK;
    b->n_merged = 0;
    memset(b->fill_to, 0, sizeof b->fill_to);
    for (const char *p = xml, *end = xml + n; !st && b->n_merged < MAX_MERGED;) {
        if (!(p = memmem(p, (size_t)(end - p), "mergeCell ref=\"", 15))) break;
        char ref[40] = "";
        p += 15;
        for (size_t i = 0; i < sizeof ref - 1 && p + i < end && p[i] != '"'; i++) ref[i] = p[i];
        merged m = {0};
        char *colon = strchr(ref, ':');
        if (!colon) continue;
        place_of(colon + 1, &m.column, &m.last);
        place_of(ref, &m.column, &m.row);
        if (m.last <= m.row || m.column > MAX_COLUMNS || !m.column) continue;
        if (!(st = us_grow(&b->merged, &b->cap_merged, b->n_merged + 1, sizeof *b->merged, b->err)))
            b->merged[b->n_merged++] = m;
    }
    if (b->n_merged) qsort(b->merged, b->n_merged, sizeof *b->merged, by_place);
    return st;
}

/* What a merged cell shows: its own words, which are kept for those below, or those above. */
static us_span_str shown(book *b, us_span_str v) {
    us_buf *fill = &b->fill[b->column];
    if (!v.n) return b->row <= b->fill_to[b->column] ? (us_span_str){fill->data ? fill->data : "", fill->len} : v;
    merged *m = bsearch(&(merged){b->column, b->row, 0}, b->merged, b->n_merged, sizeof *b->merged, by_place);
    if (!m) return v;
    us_buf_clear(fill);
    append(b, fill, v.s, v.n);
    b->fill_to[b->column] = m->last;
    return v;
}

static void put_cell(book *b) {
    us_span_str v = {b->cell.data ? b->cell.data : "", b->cell.len};
    if (!strcmp(b->type, "s")) { /* the number of a shared string */
        unsigned long i = strtoul(v.s, NULL, 10);
        if (i >= b->n_strings) v = (us_span_str){"", 0};
        else {
            size_t begin = i ? b->ends[i - 1] : 0;
            v = (us_span_str){b->strings.data ? b->strings.data + begin : "", b->ends[i] - begin};
        }
    }
    if (b->column < b->at_column || b->column > MAX_COLUMNS || !b->at_column) return;
    if (b->n_merged) v = shown(b, v);
    for (; b->at_column < b->column; b->at_column++) append(b, &b->csv, ",", 1);
    append(b, &b->csv, "\"", 1);
    for (size_t i = 0; i < v.n && !b->status; i++) {
        char c = v.s[i];
        if (c == '"') append(b, &b->csv, "\"\"", 2);
        else append(b, &b->csv, c == '\n' || c == '\r' ? " " : &c, 1);
    }
    append(b, &b->csv, "\"", 1);
}

static void on_start(void *ctx, const XML_Char *name, const XML_Char **a) {
    book *b = ctx;
    const char *e = local(name);
    if (++b->depth > 64) fail(b, us_fail(b->err, US_ERR_LIMIT, "%s: nested more than 64 deep", b->path));
    if (!strcmp(e, "rPh")) b->in_phonetic = true; /* how a Japanese word is read */
    else if (!strcmp(e, "row") && !b->in_strings) {
        unsigned long row = b->row + 1;
        for (; a && *a; a += 2)
            if (!strcmp(a[0], "r")) row = strtoul(a[1], NULL, 10);
        if (row > MAX_ROW) fail(b, us_fail(b->err, US_ERR_LIMIT, "%s: more than %d rows in a sheet", b->path, MAX_ROW));
        for (b->row += b->row == 0; b->row < row && !b->status; b->row++)
            append(b, &b->csv, "\n", 1); /* rows without cells are not written */
        b->at_column = 1;
        b->column = 0;
    } else if (!strcmp(e, "c") && !b->in_strings) {
        us_buf_clear(&b->cell);
        b->type[0] = 0;
        b->column++;
        for (; a && *a; a += 2) {
            if (!strcmp(a[0], "r")) place_of(a[1], &b->column, &(unsigned long){0});
            if (!strcmp(a[0], "t")) snprintf(b->type, sizeof b->type, "%s", a[1]);
        }
    } else if (!strcmp(e, "v") || !strcmp(e, "t")) b->in_text = !b->in_phonetic;
}

static void on_end(void *ctx, const XML_Char *name) {
    book *b = ctx;
    const char *e = local(name);
    b->depth--;
    if (!strcmp(e, "rPh")) b->in_phonetic = false;
    else if (!strcmp(e, "v") || !strcmp(e, "t")) b->in_text = false;
    else if (!strcmp(e, "c") && !b->in_strings) put_cell(b);
    else if (!strcmp(e, "si") && b->in_strings) {
        us_status st = b->n_strings < MAX_STRINGS
                           ? us_grow(&b->ends, &b->cap_strings, b->n_strings + 1, sizeof *b->ends, b->err)
                           : us_fail(b->err, US_ERR_LIMIT, "%s: more than %d strings", b->path, MAX_STRINGS);
        if (st) fail(b, st);
        else b->ends[b->n_strings++] = b->strings.len;
    }
}

static void on_text(void *ctx, const XML_Char *s, int n) {
    book *b = ctx;
    if (b->in_text) append(b, b->in_strings ? &b->strings : &b->cell, s, (size_t)n);
}

static void on_entity(void *ctx, const XML_Char *name, int is_parameter, const XML_Char *value, int n, const XML_Char *base,
                      const XML_Char *system_id, const XML_Char *public_id, const XML_Char *notation) {
    book *b = ctx;
    (void)name, (void)is_parameter, (void)value, (void)n, (void)base, (void)system_id, (void)public_id, (void)notation;
    fail(b, us_fail(b->err, US_ERR_FORMAT, "%s: its XML declares entities, which no spreadsheet does", b->path));
}

static us_status walk_part(book *b, const char *xml, size_t n, bool strings) {
    us_status st = US_OK;
    b->parser = XML_ParserCreate(NULL);
    if (!b->parser) return us_fail(b->err, US_ERR_MEMORY, "out of memory");
    b->in_strings = strings;
    b->in_text = b->in_phonetic = false;
    b->row = 0;
    b->depth = 0;
    XML_SetUserData(b->parser, b);
    XML_SetElementHandler(b->parser, on_start, on_end);
    XML_SetCharacterDataHandler(b->parser, on_text);
    XML_SetEntityDeclHandler(b->parser, on_entity);
    if (XML_Parse(b->parser, xml, (int)n, 1) != XML_STATUS_OK)
        st = b->status ? b->status
                       : us_fail(b->err, US_ERR_FORMAT, "%s: a damaged workbook: %s", b->path,
                                 XML_ErrorString(XML_GetErrorCode(b->parser)));
    XML_ParserFree(b->parser);
    if (!st && !strings) st = us_buf_append_str(&b->csv, "\n", b->err);
    return st;
}

static us_status open_book(book *b, const us_doc *d) {
    char *xml;
    size_t n;
    us_error ignored;
    us_buf_init(&b->strings, (size_t)1 << 30);
    us_buf_init(&b->csv, (size_t)1 << 30);
    us_buf_init(&b->cell, (size_t)64 << 20);
    for (size_t i = 0; i <= MAX_COLUMNS; i++) us_buf_init(&b->fill[i], (size_t)1 << 20);
    us_status st = us_zip_read(d->s, d->n, "xl/sharedStrings.xml", MAX_XML, &xml, &n, &ignored);
    if (st == US_ERR_NOT_FOUND) return US_OK; /* a sheet may hold its strings itself */
    if (st) return us_fail(b->err, st, "%s: %s", b->path, ignored.message);
    st = walk_part(b, xml, n, true);
    free(xml);
    return st;
}

/* The sheet of that number as a CSV in b->csv; NOT_FOUND behind the last. */
static us_status open_sheet(book *b, const us_doc *d, int number) {
    char member[64], *xml;
    size_t n;
    snprintf(member, sizeof member, "xl/worksheets/sheet%d.xml", number);
    us_status st = us_zip_read(d->s, d->n, member, MAX_XML, &xml, &n, b->err);
    us_buf_clear(&b->csv);
    if (st) return st;
    st = find_merged(b, xml, n);
    if (!st) st = walk_part(b, xml, n, false);
    free(xml);
    return st;
}

static void close_book(book *b) {
    us_buf_fini(&b->strings);
    us_buf_fini(&b->csv);
    us_buf_fini(&b->cell);
    for (size_t i = 0; i <= MAX_COLUMNS; i++) us_buf_fini(&b->fill[i]);
    free(b->merged);
    free(b->ends);
}

static us_doc sheet_of(const book *b, const us_doc *d) {
    return (us_doc){.path = d->path, .s = b->csv.data ? b->csv.data : "", .n = b->csv.len};
}

void us_look_xlsx(const us_script_options *o, const us_doc *d, us_view *view) {
    (void)o;
    if (d->workbook) view->fit = 1;
}

us_status us_read_xlsx(us_rows *r, us_doc *d) {
    book b = {.err = r->err, .path = r->path};
    us_status st = open_book(&b, d);
    int n_sheets = 0, n_read = 0;
    for (int i = 1; i <= MAX_SHEETS && !st; i++) {
        us_view v = {0};
        if ((st = open_sheet(&b, d, i)) == US_ERR_NOT_FOUND) {
            st = US_OK;
            if (i > n_sheets + 5) break; /* deleted sheets leave gaps in the numbers */
            continue;
        }
        n_sheets = i;
        us_doc sheet = sheet_of(&b, d);
        if (!st) us_look_table(r->options, &sheet, &v);
        if (st || v.fit < 0.15) continue;
        us_rows_scene(r);
        st = us_read_table(r, &sheet);
        n_read++;
    }
    if (!st && !n_read) {
        us_doc first = {.path = d->path};
        if (!(st = open_sheet(&b, d, 1))) first = sheet_of(&b, d), st = us_table_refuse(r, &first);
    }
    snprintf(r->about, sizeof r->about, "Excel workbook, %d of %d sheets", n_read, n_sheets);
    close_book(&b);
    return st;
}
