/* text/wording.h - a text as its words, for patterns of phrases: " are you a robot " of "Are you a robot?". */
#ifndef US_TEXT_WORDING_H
#define US_TEXT_WORDING_H
#include <stdbool.h>
#include <stddef.h>

/* Folded (us_fold_case), every word between single blanks, a blank at either end; an apostrophe belongs to its word and is left
 * out. " " of no words. NULL when memory ran out or the text is not UTF-8; free() it. */
char *us_wording(const char *text, size_t n);
size_t us_wording_count(const char *words);
/* Whether a phrase " like this " stands in it, or at its beginning; a list ends with NULL. A phrase without its last blank is a
 * stem. */
bool us_wording_has(const char *words, const char *const *phrases);
bool us_wording_begins(const char *words, const char *const *phrases);
#endif
