/* corpus/encoding.h - bytes of a file into UTF-8.
 *
 * Owns: which encoding a text is in, and turning it into UTF-8. Knows nothing of rows or shapes.
 * Bytes go in; out comes a text that is valid UTF-8 throughout (unless
 * UTF-8 was asked for), without byte order mark and without NULs: the same bytes
 * where they were that already, else a copy. What had to be repaired is listed. */
#ifndef US_CORPUS_ENCODING_H
#define US_CORPUS_ENCODING_H
#include "base/file.h"

/* A line that is no UTF-8 in a file that else is. */
typedef struct us_odd_line {
    uint32_t line;        /* 1-based */
    char *before, *after; /* before: its broken bytes as U+FFFD */
} us_odd_line;
#define US_MAX_ODD_LINES 10000 /* of which the texts are kept; all are counted */

typedef struct us_text {
    const char *s; /* n bytes of UTF-8; borrowed from the input unless `own` */
    size_t n;
    char *own;         /* free()d by us_text_fini */
    char encoding[48]; /* as people call it: "UTF-8", "windows-1251" */
    bool guessed;      /* nothing in the file says so: statistics of letters did */
    bool unchecked;    /* UTF-8 was asked for and is not there throughout: s is as it came */
    uint64_t n_odd_lines, n_nuls;
    us_odd_line *odd;
    size_t n_odd, cap_odd;
} us_text;

/* Reads n bytes as text. `wanted`: an encoding's name, or NULL to find it. `map`, when the bytes lie in one, is dropped from
 * memory while it is looked through. ARGUMENT for an unknown name, FORMAT for what is no text. */
US_MUST_USE us_status us_text_read(const char *bytes, size_t n, const char *wanted, const us_map *map, const char *path,
                                   us_text *out, us_error *err);
void us_text_fini(us_text *t);
/* The encoding that these bytes (lines with bytes past 0x7f, the more the better) look like: a name for us_text_read. Never
 * NULL; *sure is false when a second one fits almost as well. */
const char *us_encoding_guess(const char *bytes, size_t n, bool *sure);
#endif
