/* audition/memorised.h - how much of a reply stands word for word in the lines that were learned.
 *
 * A suffix array (Manber and Myers 1993) over the words of all lines; the longest run of a reply's words that occurs in
 * one line is found by binary search at each of its words. */
#ifndef US_AUDITION_MEMORISED_H
#define US_AUDITION_MEMORISED_H
#include "explore/words.h"

typedef struct us_memory us_memory;
typedef struct us_overlap {
    size_t n_words, n_run; /* words of the reply; of its longest run that is in a line */
    size_t line;           /* which line, an index; undefined when n_run is 0 */
    bool memorised;        /* 8 words or more, nine in ten of them one run of a line */
} us_overlap;

/* `words` grows with the lines and must outlive the memory; it may be shared. */
US_MUST_USE us_status us_memory_new(us_words *words, const char *const *lines, size_t n, us_memory **out, us_error *err);
void us_memory_free(us_memory *m);
US_MUST_USE us_status us_memory_find(us_memory *m, const char *text, us_overlap *out, us_error *err);
#endif
