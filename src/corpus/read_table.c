/* corpus/read_table.c - CSV, TSV and whatever stands between cells.
 *
 * First a plan: every delimiter and way of quoting that the beginning of the file allows is tried on a sample, columns are
 * found in each, and the reading with regular rows, few speakers and a known header wins. Then the rows, in one pass over the
 * text: a cell is a piece of the document, or a copy where quotes had to be undone. */
#include "base/mem.h"
#include "corpus/csv.h"
#include "corpus/label.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_ROWS 500
#define HEADER_ROWS 20 /* the header is looked for in so many */

typedef struct plan {
    us_csv_form form;
    size_t begin;    /* bytes before the first row: a line "sep=;" */
    size_t header;   /* rows up to the header and with it; 0: there is none */
    size_t preamble; /* without a header: rows in front that are no rows of the table */
    size_t n_header; /* cells */
    bool pair;       /* a question and its answer in a row */
    size_t ask, answer;
    char by_looks[160];        /* which columns of the header were taken for what they hold; "" */
    int scripts;               /* 1 and up: this column holds a whole script in each cell */
    bool json;                 /* and that is JSON */
    int turns;                 /* 1 and up: this column holds the turns of two who are not named */
    int labelled;              /* 1 and up: this column holds "Ann: Hi" in each cell */
    bool by_speaker, cast[64]; /* a column for each speaker, and which they are */
    char names[120];           /* of them, for people */
    uint32_t shift;            /* 1: each row has its name in front (R's write.table) */
    us_columns columns;
    double fit;
} plan;

/* ---- the sample --------------------------------------------------------------------------------------------- */

typedef struct sample {
    us_sample_rows rows;
    us_span_str *cells;
    char *bytes;
} sample;

static void sample_fini(sample *t) {
    free(t->rows.rows);
    free(t->cells);
    free(t->bytes);
    *t = (sample){0};
}

static us_status sample_read(const char *s, size_t n, const us_csv_form *form, sample *t, us_error *err) {
    us_csv c;
    size_t cap_rows = 0, cap_cells = 0, n_cells = 0, used = 0, i = 0, k = 0;
    us_status st = us_alloc(n + 1, 1, &t->bytes, err);
    if (st) return st;
    us_csv_init(&c, s, n, form, SIZE_MAX);
    while (!st && t->rows.n < SAMPLE_ROWS && us_csv_next(&c)) {
        if ((st = us_grow(&t->rows.rows, &cap_rows, t->rows.n + 1, sizeof *t->rows.rows, err)) ||
            (st = us_grow(&t->cells, &cap_cells, n_cells + c.n, sizeof *t->cells, err)))
            break;
        t->rows.rows[t->rows.n++] = (us_sample_row){.n = c.n, .line = c.row_line};
        for (i = 0; i < c.n; i++) {
            size_t len = c.cells[i].n < n - used ? c.cells[i].n : n - used;
            memcpy(t->bytes + used, c.cells[i].s, len);
            t->cells[n_cells++] = (us_span_str){t->bytes + used, len};
            used += len;
        }
    }
    for (i = 0; i < t->rows.n; k += t->rows.rows[i++].n)
        t->rows.rows[i].cells = t->cells + k; /* the array has stopped moving */
    us_csv_fini(&c);
    return st;
}

/* ---- the plan ----------------------------------------------------------------------------------------------- */

static bool is_empty(const us_sample_row *r) {
    for (size_t i = 0; i < r->n; i++)
        if (us_trim(r->cells[i]).n) return false;
    return true;
}

/* The row of the header, by names that are known or given; *both when it has the speaker's and the text's. */
static size_t find_header(const us_script_options *o, const us_sample_rows *rows, us_columns *columns, bool *both) {
    size_t one = 0;
    us_columns found, of_one = *columns;
    *both = false;
    for (size_t i = 0; i < rows->n && i < HEADER_ROWS; i++) {
        const us_sample_row *r = &rows->rows[i];
        bool barred[64] = {false};
        if (r->n < 2) continue;
        for (size_t c = 0; c < r->n && c < 64; c++) barred[c] = us_trim(r->cells[c]).n > 60;
        us_columns_named(o, r->cells, r->n < 64 ? r->n : 64, barred, &found);
        for (int again = 0; again < 8 && found.at[US_CELL_TEXT] >= 0 && !us_columns_given(o, US_CELL_TEXT); again++) {
            if (!us_columns_is_number(rows, i + 1, (size_t)found.at[US_CELL_TEXT])) break; /* "utterance" may be a number */
            barred[found.at[US_CELL_TEXT]] = true;
            us_columns_named(o, r->cells, r->n < 64 ? r->n : 64, barred, &found);
        }
        for (int again = 0; again < 8 && found.at[US_CELL_SPEAKER] >= 0 && !us_columns_given(o, US_CELL_SPEAKER); again++) {
            if (!us_columns_is_number(rows, i + 1, (size_t)found.at[US_CELL_SPEAKER])) break;
            bool other = barred[found.at[US_CELL_SPEAKER]] = true;
            us_columns next;
            us_columns_named(o, r->cells, r->n < 64 ? r->n : 64, barred, &next);
            other = next.at[US_CELL_SPEAKER] >= 0;
            if (!other) break; /* numbers are better than nothing */
            found = next;
        }
        if (found.at[US_CELL_SPEAKER] >= 0 && found.at[US_CELL_TEXT] >= 0 &&
            found.at[US_CELL_SPEAKER] != found.at[US_CELL_TEXT]) {
            *columns = found;
            *both = true;
            return i + 1;
        }
        if (!one && i == 0 && (found.at[US_CELL_SPEAKER] >= 0 || found.at[US_CELL_TEXT] >= 0)) one = i + 1, of_one = found;
    }
    if (one) *columns = of_one;
    return one;
}

/* Without known names: a first row that looks unlike the others is a header still. */
static bool first_row_is_header(const us_sample_rows *rows, const us_columns *c) {
    const us_sample_row *first = &rows->rows[0];
    size_t speaker = (size_t)c->at[US_CELL_SPEAKER], text = (size_t)c->at[US_CELL_TEXT];
    if (rows->n < 3 || speaker >= first->n || text >= first->n) return false;
    us_span_str name = us_trim(first->cells[speaker]), words = us_trim(first->cells[text]);
    for (size_t i = 1; i < rows->n; i++)
        if (speaker < rows->rows[i].n) {
            us_span_str other = us_trim(rows->rows[i].cells[speaker]);
            if (other.n == name.n && !memcmp(other.s, name.s, name.n)) return false; /* they speak again */
        }
    for (size_t i = 0; i < first->n; i++) {
        us_span_str h = us_trim(first->cells[i]);
        if (h.n > 40 || (h.n && strchr(".?!", h.s[h.n - 1])) ||
            us_columns_is_number(&(us_sample_rows){(us_sample_row *)first, 1}, 0, i))
            return false;
    }
    return !memchr(words.s, ' ', words.n) || words.n < 24;
}

/* R's write.table: each row one cell longer than the header, its own name in front. */
static bool has_row_names(const us_sample_rows *rows, size_t header, size_t n_header) {
    size_t longer = 0, n = 0, repeats = 0;
    for (size_t i = header; i < rows->n; i++) {
        if (is_empty(&rows->rows[i])) continue;
        n++;
        longer += rows->rows[i].n == n_header + 1;
        if (i > header && rows->rows[i].n && rows->rows[i - 1].n) {
            us_span_str a = rows->rows[i].cells[0], b = rows->rows[i - 1].cells[0];
            repeats += a.n == b.n && !memcmp(a.s, b.s, a.n);
        }
    }
    bool numbers = us_columns_is_number(rows, header, 0);
    return n && longer * 10 >= n * 9 && repeats * 20 <= n && (numbers || n >= 3);
}

/* "Ann: Hi" and "Bob: Ho" in the lines of one cell. */
static bool is_script(us_span_str cell) {
    size_t lines = 0, labels = 0;
    us_span_str name, direction, words;
    for (us_lines l = us_lines_of(cell.s, cell.n); us_lines_next(&l);) {
        us_span_str t = us_trim(l.text);
        lines += t.n > 0;
        labels += t.n && us_label_split(t, &name, &direction, &words) && words.n;
    }
    return labels > 1 && labels * 10 >= lines * 6;
}

/* The column whose cells are scripts, as a data set of chats with their summaries has it; -1: none. */
static int scripts_column(const us_sample_rows *rows, size_t from, bool *json) {
    for (int c = 0; c < 64; c++) {
        size_t cells = 0, scripts = 0, records = 0;
        for (size_t i = from; i < rows->n && i < from + 50; i++)
            if ((size_t)c < rows->rows[i].n) {
                us_span_str t = us_trim(rows->rows[i].cells[c]);
                cells++;
                scripts += is_script(rows->rows[i].cells[c]);
                records += t.n > 4 && !memcmp(t.s, "[{\"", 3) && !memcmp(t.s + t.n - 2, "}]", 2);
            }
        *json = records && records * 10 >= cells * 8;
        if (*json || (scripts && scripts * 10 >= cells * 8)) return c;
    }
    return -1;
}

static bool is_column_number(const char *s) { return *s && strspn(s, "0123456789") == strlen(s); }

/* Marks that clocks, addresses and lists have too: without a header that is known they make no table. */
static bool is_of_prose(const us_csv_form *f) { return !f->blanks && !f->delimiter[1] && strchr(":/*@#", f->delimiter[0]); }

/* Columns of a known header that have no name which is known: said, with the option that names another. */
static void note_looks(const us_sample_rows *rows, plan *p, const us_columns *named) {
    static const char *const what[] = {"speaker", "text"};
    for (int c = 0; c < 2 && p->header && !p->shift; c++) {
        int at = p->columns.at[c];
        const us_sample_row *header = &rows->rows[p->header - 1];
        if (named->at[c] >= 0 || at < 0 || (size_t)at >= header->n) continue;
        us_span_str name = us_trim(header->cells[at]);
        size_t k = strlen(p->by_looks), n = name.n < 30 ? name.n : 30;
        while (n < name.n && n && ((unsigned char)name.s[n] & 0xc0) == 0x80) n--; /* whole characters */
        snprintf(p->by_looks + k, sizeof p->by_looks - k, ", %s by its looks: '%.*s' (--%s-column)", what[c], (int)n, name.s,
                 what[c]);
    }
}

/* The column of conversations without names: it is called so, and its cells have several turns; 0: none. */
static int turns_column(const us_sample_rows *rows) {
    static const char list[] = "|dialog|dialogue|dialogs|dialogues|chat|chats|conversation|conversations|utterances|turns|";
    const us_sample_row *h = &rows->rows[0];
    for (size_t c = 0; c < h->n && c < 64; c++) {
        us_span_str t = us_trim(h->cells[c]);
        char word[24] = "|";
        size_t cells = 0, turns = 0, n = 1;
        if (t.n > sizeof word - 3) continue;
        for (size_t i = 0; i < t.n; i++) word[n++] = (char)(t.s[i] >= 'A' && t.s[i] <= 'Z' ? t.s[i] + 32 : t.s[i]);
        memcpy(word + n, "|", 2);
        if (!strstr(list, word)) continue;
        for (size_t i = 1; i < rows->n && i < 50; i++) {
            if (c >= rows->rows[i].n || !us_trim(rows->rows[i].cells[c]).n) continue;
            cells++;
            turns += us_turns_of(rows->rows[i].cells[c]) != US_TURNS_NONE;
        }
        if (turns && turns * 10 >= cells * 8) return (int)c + 1;
    }
    return 0;
}

/* The column whose cells are "Ann: Hi", behind columns that only count or have names which are known; -1: none. */
static int labelled_column(const us_script_options *o, const us_sample_rows *rows, size_t header) {
    us_columns named = {{-1, -1, -1, -1, -1}};
    const us_sample_row *h = header ? &rows->rows[header - 1] : NULL;
    if (h) us_columns_named(o, h->cells, h->n < 64 ? h->n : 64, NULL, &named);
    for (size_t c = 1; c < 64; c++) {
        size_t cells = 0, labels = 0;
        US_TALLY names = {0};
        us_span_str name, direction, words;
        if (!us_columns_is_number(rows, header, c - 1) && named.at[US_CELL_TEXT] != (int)c && (!h || c - 1 >= h->n)) return -1;
        for (size_t i = header; i < rows->n; i++) {
            if (c >= rows->rows[i].n || !us_trim(rows->rows[i].cells[c]).n) continue;
            cells++;
            if (!us_label_split(us_trim(rows->rows[i].cells[c]), &name, &direction, &words) || !words.n) continue;
            labels++;
            us_tally_add(&names, name);
        }
        if (cells > 2 && labels * 10 >= cells * 8 && names.n < names.total) return (int)c;
    }
    return -1;
}

/* A column for each speaker: the words stand in that of whoever speaks. */
static bool is_by_speaker(const us_script_options *o, const us_sample_rows *rows, plan *p) {
    size_t at = 0, n = 0;
    if (p->form.blanks || is_of_prose(&p->form)) return false;
    while (at + 1 < rows->n && at < HEADER_ROWS && rows->rows[at].n < 2) at++;
    p->by_speaker = us_columns_of_speakers(rows, at, p->cast);
    if (!p->by_speaker) return false;
    const us_sample_row *h = &rows->rows[at];
    for (size_t c = 0; c < h->n && c < 64; c++) {
        us_span_str t = us_trim(h->cells[c]);
        size_t k = strlen(p->names);
        if (p->cast[c] && k + t.n + 8 < sizeof p->names)
            snprintf(p->names + k, sizeof p->names - k, "%s'%.*s'", n++ ? ", " : "", (int)t.n, t.s);
    }
    p->header = at + 1;
    p->n_header = h->n;
    us_columns_named(o, h->cells, h->n < 64 ? h->n : 64, p->cast, &p->columns);
    p->columns.at[US_CELL_SPEAKER] = p->columns.at[US_CELL_TEXT] = -1;
    p->fit = 0.975; /* a clock in front of each row makes no chat of it */
    return true;
}

static void weigh(const us_script_options *o, const us_sample_rows *rows, plan *p) {
    size_t counts[65] = {0}, mode = 0, n = 0;
    bool both;
    p->columns = (us_columns){{-1, -1, -1, -1, -1}};
    p->fit = 0;
    for (size_t i = 0; i < rows->n; i++)
        if (!is_empty(&rows->rows[i])) counts[rows->rows[i].n < 64 ? rows->rows[i].n : 64]++;
    for (size_t k = 2; k <= 64; k++)
        if (counts[k] > counts[mode] || mode < 2) mode = counts[k] ? k : mode;
    if (mode < 2) return;
    p->header = find_header(o, rows, &p->columns, &both);
    for (int c = 0; c < US_N_CELLS; c++) /* what the user names has to be there */
        if (us_columns_given(o, (us_cell)c) && p->columns.at[c] < 0 &&
            (p->header || !is_column_number(us_columns_given(o, (us_cell)c))))
            return;
    p->scripts = us_columns_given(o, US_CELL_SPEAKER) ? 0 : scripts_column(rows, 1, &p->json) + 1;
    if (p->scripts) {
        p->header = 1;
        p->fit = 0.9;
        return;
    }
    p->turns = both || us_columns_given(o, US_CELL_SPEAKER) ? 0 : turns_column(rows);
    if (p->turns) {
        p->header = 1;
        p->fit = 0.9;
        return;
    }
    p->labelled = both || us_columns_given(o, US_CELL_SPEAKER) || p->columns.at[US_CELL_SPEAKER] >= 0 || is_of_prose(&p->form)
                      ? 0
                      : labelled_column(o, rows, p->header) + 1;
    if (p->labelled) {
        p->columns.at[US_CELL_TEXT] = p->labelled - 1;
        p->n_header = p->header ? rows->rows[p->header - 1].n : mode;
        p->fit = 0.95;
        return;
    }
    us_span_str first[64];
    for (size_t i = 0; i < 64 && i < rows->rows[0].n; i++) first[i] = us_trim(rows->rows[0].cells[i]);
    p->pair = !us_columns_given(o, US_CELL_SPEAKER) && !us_columns_given(o, US_CELL_TEXT) && !both &&
              us_columns_pair(first, rows->rows[0].n < 64 ? rows->rows[0].n : 64, &p->ask, &p->answer);
    if (p->pair) {
        for (size_t i = 0; i < 64 && i < rows->rows[0].n; i++) /* of two answers to one question the first */
            if (i != p->answer && us_columns_is_other_answer(first[p->answer], first[i]) && first[i].n < 40)
                snprintf(p->names, sizeof p->names,
                         "; answers in '%.*s' left out (rename it to 'response', and the others away)", (int)first[i].n,
                         first[i].s);
        p->header = 1;
        p->fit = 0.9;
        return;
    }
    if (!both && !us_columns_given(o, US_CELL_SPEAKER) && !us_columns_given(o, US_CELL_TEXT) && is_by_speaker(o, rows, p))
        return;
    p->n_header = p->header ? rows->rows[p->header - 1].n : mode;
    p->shift = p->header && has_row_names(rows, p->header, p->n_header);
    for (int c = 0; c < US_N_CELLS && !p->header; c++) /* no header, and a column's number */
        if (us_columns_given(o, (us_cell)c)) {
            long k = strtol(us_columns_given(o, (us_cell)c), NULL, 10);
            if (k < 1 || (size_t)k > mode) return;
            p->columns.at[c] = (int)k - 1;
        }
    if (!both) { /* by content; columns are counted with the row's name */
        for (int c = 0; c < US_N_CELLS; c++)
            if (p->columns.at[c] >= 0) p->columns.at[c] += (int)p->shift;
        while (!p->header && p->preamble < HEADER_ROWS && p->preamble < rows->n && rows->rows[p->preamble].n < 2) p->preamble++;
        us_columns named = p->columns;
        us_columns_guess(rows, p->header + p->preamble, p->n_header + p->shift, &p->columns);
        if (!p->header && !p->preamble && p->columns.at[0] >= 0 && p->columns.at[1] >= 0 &&
            first_row_is_header(rows, &p->columns))
            p->header = 1;
        note_looks(rows, p, &named);
        if (!p->header && counts[mode] * 10 < (rows->n - p->preamble) * 5) return;
    } else
        for (int c = 0; c < US_N_CELLS; c++)
            if (p->columns.at[c] >= 0) p->columns.at[c] += (int)p->shift;
    if (p->columns.at[US_CELL_SPEAKER] < 0 || p->columns.at[US_CELL_TEXT] < 0) return;
    if (is_of_prose(&p->form) && !both && !o->delimiter) return;
    double regular = 0;
    for (size_t i = p->header + p->preamble; i < rows->n; i++) {
        size_t k = rows->rows[i].n, want = p->n_header + p->shift;
        if (is_empty(&rows->rows[i])) continue;
        n++;
        regular += k == want ? 1 : k > want ? 0.7 : k + 1 == want && k > 1 ? 0.3 : 0;
    }
    double named = both ? 1 : us_columns_given(o, US_CELL_SPEAKER) || p->header ? 0.75 : 0.6;
    double worth = us_columns_given(o, US_CELL_SPEAKER)
                       ? 1
                       : us_columns_speaker_worth(rows, p->header + p->preamble, (size_t)p->columns.at[US_CELL_SPEAKER]);
    if (both && worth < 0.8) worth = 0.8; /* a header that is known says more */
    p->fit = n ? regular / (double)n * named * (0.4 + 0.6 * worth) : both ? 0.5 : 0;
}

/* A first line "sep=;", as Excel writes it: the delimiter, and how many bytes it takes. */
static size_t sep_line(const char *s, size_t n, char *delimiter) {
    us_lines l = us_lines_of(s, n);
    if (!us_lines_next(&l)) return 0;
    us_span_str t = l.text;
    bool quoted = t.n && *t.s == '"';
    if (quoted) t.s++, t.n--;
    if (t.n < 5 || strncasecmp(t.s, "sep=", 4)) return 0;
    *delimiter = t.s[4];
    t.s += 5, t.n -= 5;
    if (quoted && t.n && *t.s == '"') t.s++, t.n--;
    while (t.n && *t.s == *delimiter) t.s++, t.n--; /* Excel fills lines up with delimiters */
    return us_trim(t).n ? 0 : (size_t)(l.at - s);
}

static const char *delimiter_name(const us_csv_form *f) {
    static _Thread_local char name[24];
    if (f->blanks) return f->blanks == 1 ? "blanks" : "wide blanks";
    if (!strcmp(f->delimiter, "\t")) return "tabs";
    if ((unsigned char)f->delimiter[0] < 32) snprintf(name, sizeof name, "bytes 0x%02x", (unsigned char)f->delimiter[0]);
    else snprintf(name, sizeof name, "'%s'", f->delimiter);
    return name;
}

/* Where backslashes stand before quotes: an offset from which to look, SIZE_MAX if nowhere. */
static size_t first_escape(const us_doc *d) {
    const char *at = memmem(d->s, d->n, "\\\"", 2);
    if (d->map) us_map_drop(d->map, (size_t)(d->s - (const char *)d->map->data), at ? (size_t)(at - d->s) : d->n);
    return at ? (size_t)(at - d->s) : SIZE_MAX;
}

static us_status try_form(const us_script_options *o, const char *s, size_t n, plan *p, us_error *err) {
    sample t = {0};
    us_status st = sample_read(s + p->begin, n - p->begin, &p->form, &t, err);
    if (!st) weigh(o, &t.rows, p);
    sample_fini(&t);
    return st;
}

/* The share of rows with the usual number of cells, from a place in the middle of a large file. */
static double regular_share(const us_doc *d, size_t from, const plan *p, bool backslash) {
    us_csv_form f = p->form;
    f.backslash = backslash;
    while (from && d->s[from - 1] != '\n') from--;
    size_t n = d->n - from < 65536 ? d->n - from : 65536, rows = 0, good = 0;
    us_csv c;
    us_csv_init(&c, d->s + from, n, &f, SIZE_MAX);
    while (us_csv_next(&c)) rows++, good += c.n == p->n_header + p->shift && !c.stray;
    us_csv_fini(&c);
    return rows ? (double)good / (double)rows : 0;
}

static us_status make_plan(const us_script_options *o, const us_doc *d, plan *best, us_view *view, us_error *err) {
    static const char *const between[] = {",", "\t", ";",    "|",    "||",   "::", "+++$+++", "^", "~",
                                          "#", ":",  "\x01", "\x1f", "\x02", "@",  "/",       "*", "\\t"};
    size_t n = us_doc_sample(d), n_head = n < 4096 ? n : 4096, escape = first_escape(d);
    char given[2] = {o->delimiter, 0};
    size_t begin = sep_line(d->s, n, &given[0]);
    if (o->delimiter) given[0] = o->delimiter;
    us_status st = US_OK;
    *best = (plan){.fit = -1};
    plan second = {.fit = -1};
    for (size_t k = 0; k < sizeof between / sizeof *between + 2 && !st; k++) {
        size_t wide = k >= sizeof between / sizeof *between ? k - sizeof between / sizeof *between + 1 : 0;
        const char *delimiter = wide ? (wide == 1 ? " " : "  ") : between[k];
        if (given[0]) {
            if (k) break;
            delimiter = given;
            wide = given[0] == ' ';
        } else if (wide ? !(wide == 1 ? memmem(d->s, n_head, "\" \"", 3) : memmem(d->s, n_head, "  ", 2))
                        : !memmem(d->s, n_head, delimiter, strlen(delimiter)))
            continue;
        const char single[] = {'\'', wide ? ' ' : delimiter[0], '\'', 0};
        bool singles = memmem(d->s, n_head, single, 3) != NULL; /* 'Ann','Good morning' */
        for (int way = 2 * singles + (escape < n); way >= 0 && !st; way--) {
            int backslash = way & 1;
            if (backslash && escape >= n) continue;
            plan p = {.begin = begin,
                      .form = {.backslash = backslash, .blanks = (unsigned char)wide, .quote = way > 1 ? '\'' : '"'}};
            snprintf(p.form.delimiter, sizeof p.form.delimiter, "%s", delimiter);
            if ((st = try_form(o, d->s, n, &p, err))) break;
            if (p.fit > best->fit + 1e-9) second = *best, *best = p;
            else if (p.fit > second.fit) second = p;
        }
    }
    if (st) return st;
    if (best->fit < 0) *best = (plan){.begin = begin, .form = {.delimiter = ","}, .columns = {{-1, -1, -1, -1, -1}}};
    if (escape != SIZE_MAX && escape >= n && best->fit > 0) /* the first stands behind the sample */
        best->form.backslash = regular_share(d, escape, best, true) >= regular_share(d, escape, best, false);
    if (second.fit > 0.1 && view)
        snprintf(view->others, sizeof view->others, "a table with %s between the cells%s (%.2f)", delimiter_name(&second.form),
                 second.form.backslash ? " and \\\" for quotes" : "", second.fit);
    return US_OK;
}

void us_look_table(const us_script_options *o, const us_doc *d, us_view *view) {
    plan p;
    us_error err;
    if (d->workbook || make_plan(o, d, &p, view, &err) || p.fit <= 0) return;
    view->fit = p.fit;
    bool csv = !strcmp(p.form.delimiter, ",") && !p.form.blanks, tsv = !strcmp(p.form.delimiter, "\t");
    int k = snprintf(view->about, sizeof view->about, "%s", tsv ? "TSV" : "CSV");
    if (!csv && !tsv)
        k += snprintf(view->about + k, sizeof view->about - (size_t)k, ", %s between the cells", delimiter_name(&p.form));
    if (p.form.quote == '\'') k += snprintf(view->about + k, sizeof view->about - (size_t)k, ", ' for quotes");
    if (p.form.backslash) k += snprintf(view->about + k, sizeof view->about - (size_t)k, ", \\\" for quotes");
    if (p.shift) k += snprintf(view->about + k, sizeof view->about - (size_t)k, ", row names of R left out");
    if (p.by_speaker) snprintf(view->about + k, sizeof view->about - (size_t)k, ", a column for each speaker: %s", p.names);
    else if (p.turns)
        snprintf(view->about + k, sizeof view->about - (size_t)k,
                 ", a conversation in each cell of column %d, nobody is named: two speakers in turn, called A and B", p.turns);
    else if (p.labelled)
        snprintf(view->about + k, sizeof view->about - (size_t)k, ", names in front of the words of column %d", p.labelled);
    else if (p.scripts)
        snprintf(view->about + k, sizeof view->about - (size_t)k, ", %s in each cell of column %d",
                 p.json ? "a conversation as JSON" : "a script", p.scripts);
    else if (!p.header && !p.pair)
        snprintf(view->about + k, sizeof view->about - (size_t)k, ", no header: speaker in column %d, text in %d",
                 p.columns.at[0] + 1, p.columns.at[1] + 1);
    else if (p.pair)
        snprintf(view->about + k, sizeof view->about - (size_t)k, ", a question and its answer in each row%s", p.names);
    else if (p.by_looks[0]) snprintf(view->about + k, sizeof view->about - (size_t)k, "%s", p.by_looks);
    else if (p.header > 1) snprintf(view->about + k, sizeof view->about - (size_t)k, ", header in row %zu", p.header);
}

/* ---- the rows ----------------------------------------------------------------------------------------------- */

/* The cell of column `at` of a row. Surplus cells are delimiters that nobody quoted: they belong to the text. The cells lie
 * one after the other in the document, so that the text is all from the first to the last; where copies are between, they are
 * put together in `joined`. */
static us_span_str cell_of(const us_csv *c, const plan *p, int at, bool fields_on, us_buf *joined, bool *mended) {
    size_t want = p->n_header + p->shift, surplus = c->n > want && fields_on ? c->n - want : 0,
           text = (size_t)p->columns.at[US_CELL_TEXT], i = (size_t)at;
    while (surplus && !us_trim(c->cells[want + surplus - 1]).n) surplus--; /* empty cells at the end are nobody's words */
    if (c->n > want + surplus && i > text) surplus = 0;
    if (i > text) i += surplus;
    if (i >= c->n) return (us_span_str){0};
    if (i != text || !surplus) return c->cells[i];
    us_buf_clear(joined);
    *mended = true;
    for (size_t k = i; k <= i + surplus; k++)
        if ((k > i && us_buf_append_str(joined, p->form.blanks ? " " : p->form.delimiter, NULL)) ||
            us_buf_append(joined, c->cells[k].s, c->cells[k].n, NULL))
            return c->cells[i];
    return (us_span_str){joined->data, joined->len};
}

/* Do most rows have as many cells as the first, and more than one? Prose with commas is no table. */
static bool is_regular(const us_doc *d, const plan *p) {
    us_csv c;
    size_t rows = 0, same = 0, first = 0;
    us_csv_init(&c, d->s + p->begin, us_doc_sample(d) - p->begin, &p->form, SIZE_MAX);
    while (rows < SAMPLE_ROWS && us_csv_next(&c)) {
        if (c.n == 1 && !us_trim(c.cells[0]).n) continue;
        if (!rows++) first = c.n;
        same += c.n == first;
    }
    us_csv_fini(&c);
    return first > 1 && same * 2 > rows && !is_of_prose(&p->form);
}

us_status us_table_refuse(us_rows *r, us_doc *d) {
    plan p;
    us_csv c;
    us_status st = make_plan(r->options, d, &p, NULL, r->err);
    if (st) return st;
    us_csv_init(&c, d->s + p.begin, d->n - p.begin, &p.form, SIZE_MAX);
    bool any = us_csv_next(&c);
    if (any && (r->options->delimiter || is_regular(d, &p))) {
        us_columns found;
        us_columns_named(r->options, c.cells, c.n < 64 ? c.n : 64, NULL, &found);
        st = us_columns_missing(r->options, r->path, c.cells, c.n < 64 ? c.n : 64, &found, r->err);
    }
    us_csv_fini(&c);
    return st ? st
              : us_fail(r->err, US_ERR_FORMAT,
                        "%s: no dialogue that understudy knows: neither a table with speakers and lines, nor JSON, \"Name: "
                        "line\", a screenplay, "
                        "subtitles or a chat; --format NAME names the shape (docs/scripts.md)",
                        r->path);
}

/* |---|:--| below the header of a table in Markdown. */
static bool is_rule(const us_csv *c) {
    size_t marks = 0;
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < c->cells[i].n; k++) {
            char at = c->cells[i].s[k];
            if (at != '-' && at != ':' && at != '=' && at != '+' && at != ' ') return false;
            marks += at == '-' || at == '=';
        }
    return c->n > 1 && marks >= c->n;
}

/* Cells of season, episode and scene that are empty are as those above: Excel's merged cells come so. A new episode begins with
 * no scene. */
typedef struct above {
    char held[US_N_CELLS][256];
} above;

static void fill_down(above *a, us_span_str cells[US_N_CELLS]) {
    static const us_cell order[] = {US_CELL_SEASON, US_CELL_EPISODE, US_CELL_SCENE};
    if (!us_trim(cells[US_CELL_SPEAKER]).n && !us_trim(cells[US_CELL_TEXT]).n) return;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        us_span_str now = us_trim(cells[order[k]]);
        char *held = a->held[order[k]];
        if (now.n >= sizeof a->held[0]) continue;
        if (now.n && (strlen(held) != now.n || memcmp(held, now.s, now.n))) {
            memcpy(held, now.s, now.n);
            held[now.n] = 0;
            for (size_t below = k + 1; below < sizeof order / sizeof *order; below++) a->held[order[below]][0] = 0;
        } else if (!now.n) cells[order[k]] = (us_span_str){held, strlen(held)};
    }
}

/* A cell that is a script of its own; its lines are at the row's place. */
static us_status read_cell(us_rows *r, us_doc *d, uint32_t line, us_span_str cell, bool json) {
    us_doc inside = {.path = d->path, .s = cell.s, .n = cell.n, .listed = true, .inside = true};
    uint32_t before = r->inside;
    r->inside = line;
    us_rows_scene(r);
    us_error *err = r->err, why;
    if (json) r->err = &why;
    us_status st = json ? us_read_json(r, &inside) : us_read_dialogue(r, &inside);
    r->about[0] = 0;
    r->err = err;
    r->inside = before;
    if (json && st == US_ERR_FORMAT) us_rows_reject(r, line, "JSON without a record that has a speaker and a text"), st = US_OK;
    else if (st && json && err) *err = why;
    return st ? st : r->status;
}

/* "Ann: Hi" in a cell: what stands in front of the colon speaks. */
static us_status read_labelled(us_rows *r, us_span_str cells[US_N_CELLS], uint32_t line, us_buf *text) {
    us_span_str name, direction, words;
    us_buf_clear(text);
    us_status st = US_OK;
    if (cells[US_CELL_TEXT].n && us_label_split(us_trim(cells[US_CELL_TEXT]), &name, &direction, &words)) {
        st = us_label_put_direction(direction, text, r->err);
        if (!st) st = us_buf_append(text, words.s, words.n, r->err);
        cells[US_CELL_SPEAKER] = name;
        cells[US_CELL_TEXT] = (us_span_str){text->data ? text->data : "", text->len};
    }
    if (!st) us_rows_add(r, line, cells, 0);
    return st ? st : r->status;
}

/* A scene of two lines; who answers is said by a speaker's column, else it is the assistant. */
static us_status read_pair(us_rows *r, const us_csv *c, const plan *p) {
    if (p->ask >= c->n || p->answer >= c->n) {
        us_rows_reject(r, c->row_line, "fewer cells than the header has");
        return r->status;
    }
    int at = p->columns.at[US_CELL_SPEAKER];
    bool named = at >= 0 && (size_t)at < c->n && (size_t)at != p->ask && (size_t)at != p->answer;
    us_rows_scene(r);
    us_rows_say(r, c->row_line, (us_span_str){"user", 4}, c->cells[p->ask]);
    us_rows_say(r, c->row_line, named ? c->cells[at] : (us_span_str){"assistant", 9}, c->cells[p->answer]);
    return r->status;
}

/* The words of each who speaks in the row, from left to right; the names are in the header. */
static us_status read_by_speaker(us_rows *r, const us_csv *c, const plan *p, const us_buf *header, const size_t *ends,
                                 us_span_str cells[US_N_CELLS]) {
    bool any = false, surplus = false;
    for (size_t i = p->n_header; i < c->n; i++) surplus = surplus || us_trim(c->cells[i]).n;
    if (surplus) {
        us_rows_reject(r, c->row_line, "more cells than the header has");
        return r->status;
    }
    for (size_t i = 0; i < c->n && i < 64 && !r->status; i++) {
        if (!p->cast[i] || !us_trim(c->cells[i]).n) continue;
        size_t from = i ? ends[i - 1] : 0;
        cells[US_CELL_SPEAKER] = (us_span_str){header->data + from, ends[i] - from};
        cells[US_CELL_TEXT] = c->cells[i];
        us_rows_add(r, c->row_line, cells, c->stray ? 1u << US_RULE_QUOTES : 0);
        any = true;
    }
    if (!any && !r->status) us_rows_break(r, c->row_line);
    return r->status;
}

static bool same_words(us_span_str a, const us_buf *b) {
    a = us_trim(a);
    return a.n && a.n == b->len && !memcmp(a.s, b->data, a.n);
}

us_status us_read_table(us_rows *r, us_doc *d) {
    plan p;
    above filled = {0};
    us_status st = make_plan(r->options, d, &p, NULL, r->err);
    if (st) return st;
    size_t max_cell = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20, row = 0;
    bool fields_on = !(r->options->rules_off >> US_RULE_FIELDS & 1), quotes_on = !(r->options->rules_off >> US_RULE_QUOTES & 1);
    us_csv c;
    us_buf header, words;  /* header: of a table with a column for each speaker; words: of a cell with a name in front */
    size_t ends[64] = {0}; /* of the header's cells in it, for a table with a column for each speaker */
    us_buf_init(&header, (size_t)1 << 20);
    us_buf_init(&words, 2 * max_cell);
    us_buf joined, heads[2]; /* heads: the header's words for speaker and text, which may come again */
    us_buf_init(&joined, 2 * max_cell + 4096);
    us_buf_init(&heads[0], max_cell);
    us_buf_init(&heads[1], max_cell);
    us_csv_init(&c, d->s + p.begin, d->n - p.begin, &p.form, max_cell);
    for (size_t i = 0; i < p.begin; i++) c.line += d->s[i] == '\n';
    while (!st && us_csv_next(&c)) {
        us_span_str cells[US_N_CELLS] = {{0}};
        uint32_t repairs = c.stray ? 1u << US_RULE_QUOTES : 0;
        bool mended = false;
        row++;
        if (row == 1 && p.fit <= 0)
            st = us_columns_missing(r->options, r->path, c.cells, c.n < 64 ? c.n : 64, &p.columns, r->err);
        for (size_t i = 0; i < 64 && i < c.n && !st && row == p.header && p.by_speaker; i++) {
            us_span_str head = us_trim(c.cells[i]);
            st = us_buf_append(&header, head.s, head.n, r->err);
            ends[i] = header.len;
        }
        for (int i = 0; i < 2 && !st && row == p.header && !p.scripts && !p.turns && !p.pair; i++)
            if (p.columns.at[i] >= (int)p.shift && (size_t)p.columns.at[i] - p.shift < c.n) {
                us_span_str head = us_trim(c.cells[(size_t)p.columns.at[i] - p.shift]);
                st = us_buf_append(&heads[i], head.s, head.n, r->err);
            }
        if (st || row == p.header) continue;
        if (p.pair) {
            st = read_pair(r, &c, &p);
            continue;
        }
        if (p.turns) {
            if ((size_t)p.turns <= c.n) st = us_turns_say(r, c.row_line, c.cells[p.turns - 1]);
            else us_rows_reject(r, c.row_line, "fewer cells than the header has"), st = r->status;
            continue;
        }
        if (p.scripts) {
            if ((size_t)p.scripts <= c.n) st = read_cell(r, d, c.row_line, c.cells[p.scripts - 1], p.json);
            continue;
        }
        if (p.form.delimiter[0] == '|' && is_rule(&c)) {
            us_rows_action(r, c.row_line);
            continue;
        }
        if (row < p.header || row <= p.preamble) {
            if (c.n > 1 || us_trim(c.cells[0]).n)
                us_rows_reject(r, c.row_line, row < p.header ? "before the header" : "before the table");
            continue;
        }
        if (c.overlong) {
            char reason[128];
            snprintf(reason, sizeof reason, "a cell of more than %zu bytes, or more than %d cells", max_cell, US_CSV_MAX_CELLS);
            us_rows_reject(r, c.row_line, reason);
        } else if (c.stray && !quotes_on) us_rows_reject(r, c.row_line, "quote opened here is never closed");
        else if (p.by_speaker) {
            for (int i = US_CELL_EPISODE; i < US_N_CELLS; i++)
                if (p.columns.at[i] >= 0 && (size_t)p.columns.at[i] < c.n) cells[i] = c.cells[p.columns.at[i]];
            st = read_by_speaker(r, &c, &p, &header, ends, cells);
        } else {
            for (int i = 0; i < US_N_CELLS; i++)
                if (p.columns.at[i] >= 0) cells[i] = cell_of(&c, &p, p.columns.at[i], fields_on, &joined, &mended);
            if (p.labelled) {
                fill_down(&filled, cells);
                st = read_labelled(r, cells, c.row_line, &words);
                continue;
            }
            if (same_words(cells[US_CELL_SPEAKER], &heads[0]) && same_words(cells[US_CELL_TEXT], &heads[1])) {
                us_rows_break(r, c.row_line); /* the header again: tables put together */
                continue;
            }
            fill_down(&filled, cells);
            us_rows_add(r, c.row_line, cells, repairs | (mended ? 1u << US_RULE_FIELDS : 0));
        }
        us_doc_done(d, c.at);
        st = r->status;
    }
    if (!st && !row) st = us_fail(r->err, US_ERR_FORMAT, "%s: empty file", r->path);
    us_csv_fini(&c);
    us_buf_fini(&header);
    us_buf_fini(&words);
    us_buf_fini(&joined);
    us_buf_fini(&heads[0]);
    us_buf_fini(&heads[1]);
    return st;
}
