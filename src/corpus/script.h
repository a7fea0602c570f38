/* corpus/script.h - a script while it is being read, and the readers that feed it.
 *
 * A reader calls us_rows_add() for every row of a file with the cells that mean something; the script repairs
 * them, finds scenes and speakers, and counts. Text lives in one arena, names are interned. */
#ifndef US_CORPUS_SCRIPT_H
#define US_CORPUS_SCRIPT_H
#include "base/buf.h"
#include "understudy/corpus.h"

typedef enum us_cell { US_CELL_SPEAKER, US_CELL_TEXT, US_CELL_EPISODE, US_CELL_SEASON, US_CELL_SCENE, US_N_CELLS } us_cell;

/* Which column holds what; -1: none. */
typedef struct us_columns {
    int at[US_N_CELLS];
} us_columns;

typedef struct us_span_str {
    const char *s;
    size_t n;
} us_span_str;

typedef struct us_rows us_rows; /* a script being read */
struct us_rows {
    us_script *script;
    const us_script_options *options;
    uint32_t file;
    const char *path;
    us_error *err;
    us_status status; /* first failure; readers stop then */
};

/* Adds one row that begins at `line` of the file. `joined`: surplus fields were put back into the text. */
void us_rows_add(us_rows *r, uint32_t line, const us_span_str cells[US_N_CELLS], bool joined);
void us_rows_reject(us_rows *r, uint32_t line, const char *reason);
/* Finds the columns by the names of a header; on failure the error lists the columns there are. */
us_status us_columns_find(const us_script_options *o, const char *path, const us_span_str *header, size_t n, us_columns *out,
                          us_error *err);

us_status us_read_csv(us_rows *r, char delimiter);
us_status us_read_jsonl(us_rows *r);

/* Words of a text whose blanks are single spaces (the rule "blanks"). */
uint32_t us_count_words(const char *s);

/* ---- repair of one cell: each writes to `out` and returns true when something changed ------------------ */
bool us_repair_mojibake(const char *s, size_t n, us_buf *out);
bool us_repair_blanks(const char *s, size_t n, us_buf *out);
/* Takes bracketed directions out; they are appended to `taken`, parted by "; ". */
bool us_repair_directions(const char *s, size_t n, us_buf *out, us_buf *taken);
bool us_is_credit(const char *speaker, const char *text);
bool us_is_shouted(const char *name);
bool us_is_joint(const char *name);
#endif
