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
    /* The episode's name where the rows do not say one: that of the file, when there are several; "" */
    const char *file_episode;
    uint32_t inside;  /* not 0: all rows come from a text inside that line */
    bool switchboard; /* the text has the marks of Switchboard's transcripts */
    bool unchecked;   /* the text may be no UTF-8, because the user said that it is: rows that are not are rejected */
    char about[300];  /* what a reader knows better than its first look: said of the file in place of that; "" */
    us_error *err;
    us_status status; /* first failure; readers stop then */
};

/* Adds one row that begins at `line` of the file. `repairs`: what the reader mended, bits of us_rule. */
void us_rows_add(us_rows *r, uint32_t line, const us_span_str cells[US_N_CELLS], uint32_t repairs);
/* The same without columns: words of a speaker (n 0: of nobody). More of them than a cell may have are rejected. */
void us_rows_say(us_rows *r, uint32_t line, us_span_str speaker, us_span_str text);
void us_rows_action(us_rows *r, uint32_t line); /* something happens: nobody speaks */
void us_rows_break(us_rows *r, uint32_t line);  /* a scene ends */
void us_rows_scene(us_rows *r);                 /* the same without a row of its own */
void us_rows_reject(us_rows *r, uint32_t line, const char *reason);

/* ---- which column is which ---------------------------------------------------------------------------------- */

typedef struct us_sample_row {
    us_span_str *cells;
    size_t n;
    uint32_t line;
} us_sample_row;
typedef struct us_sample_rows {
    us_sample_row *rows;
    size_t n;
} us_sample_rows;

const char *us_columns_given(const us_script_options *o, us_cell c); /* what an option says, or NULL */
/* By the options and the names that are known; `barred` columns (NULL: none) are taken by an option alone. */
void us_columns_named(const us_script_options *o, const us_span_str *header, size_t n, const bool *barred, us_columns *out);
/* Fills in speaker and text, where they are -1, by what the rows from `from` on hold. */
void us_columns_guess(const us_sample_rows *rows, size_t from, size_t n_columns, us_columns *out);
/* Which columns belong to one speaker each, who is its header: cast[c] says so, at most 64; false: the table is not of that kind. */
bool us_columns_of_speakers(const us_sample_rows *rows, size_t header, bool cast[64]);
/* A question's column and its answer's, by their names: "context" and "response". */
bool us_columns_pair(const us_span_str *header, size_t n, size_t *ask, size_t *answer);
/* "response_a" and "response_b": two of the same kind, of which one is to be taken. */
bool us_columns_is_other_answer(us_span_str a, us_span_str b);
bool us_columns_is_number(const us_sample_rows *rows, size_t from, size_t column);
double us_columns_speaker_worth(const us_sample_rows *rows, size_t from, size_t column); /* 0..1 */
/* US_OK when speaker and text (and what the options name) are there; else NOT_FOUND with the columns there are. */
us_status us_columns_missing(const us_script_options *o, const char *path, const us_span_str *header, size_t n,
                             const us_columns *found, us_error *err);

/* ---- repair of one cell: each writes to `out` and returns true when something changed ------------------ */
bool us_repair_mojibake(const char *s, size_t n, us_buf *out);
bool us_repair_blanks(const char *s, size_t n, us_buf *out);
/* Takes bracketed directions out; they are appended to `taken`, parted by "; ". */
bool us_repair_directions(const char *s, size_t n, us_buf *out, us_buf *taken);
/* An entity of HTML at s, "&...;": what it stands for in `out`, NUL-terminated. Its bytes, 0 if it is none. */
size_t us_entity(const char *s, const char *end, char out[8]);
/* Bytes of a name without the cues of a screenplay behind it: "(V.O.)", "(O.S.)", "(CONT'D)", and without a colon. */
size_t us_name_without_cues(const char *s, size_t n);
/* "CONT'D", "cont.", "Continued": the word that says that a speech goes on. */
bool us_is_going_on(const char *s, size_t n);
/* "NA", "nan", "NULL", "\\N": a table's way to say nothing. */
bool us_is_nothing(const char *s, size_t n);
/* A name without case and blanks, in `out`: "Old Nan" is "OLD  NAN". False when out of memory, or no UTF-8. */
bool us_fold_name(const char *name, us_buf *out);
bool us_is_credit(const char *speaker, const char *text);
bool us_is_shouted(const char *name);
bool us_is_joint(const char *name);
#endif
