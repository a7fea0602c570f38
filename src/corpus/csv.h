/* corpus/csv.h - rows of cells from a text in memory. Knows nothing of columns.
 *
 * RFC 4180 and what people write instead: any delimiter, backslashes before quotes, quotes inside a cell that nobody doubled,
 * quotes that are never closed. Cells are pieces of the text; only where quotes had to be undone they are copies. */
#ifndef US_CORPUS_CSV_H
#define US_CORPUS_CSV_H
#include "corpus/script.h"

#define US_CSV_MAX_CELLS 1024

typedef struct us_csv_form {
    char delimiter[9];    /* NUL-terminated */
    bool backslash;       /* \" inside a quoted cell is a quote, \\ a backslash */
    char quote;           /* around cells; 0: '"' */
    unsigned char blanks; /* 0, or: so many blanks and more are one delimiter */
} us_csv_form;

typedef struct us_csv {
    const char *at, *end; /* the next row begins at `at` */
    us_csv_form form;
    us_span_str *cells; /* of the row in work, n of them, until the next */
    size_t n;
    uint32_t row_line, line; /* 1-based: where the row began; where the next begins */
    bool stray;              /* a quote was opened and never closed: it is text */
    bool overlong;           /* a cell past max_cell, or too many cells: these are cut */
    size_t max_cell, *offsets, n_delimiter;
    us_buf scratch;
    char line_end; /* '\n', or '\r' in files of old Macs */
} us_csv;

void us_csv_init(us_csv *c, const char *s, size_t n, const us_csv_form *form, size_t max_cell);
void us_csv_fini(us_csv *c);
bool us_csv_next(us_csv *c); /* false at the end, or out of memory */
#endif
