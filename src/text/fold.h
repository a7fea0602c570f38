/* text/fold.h - texts made comparable, and first names.
 *
 * Two foldings: us_fold_case() for names, as Unicode folds them; us_normalise() for lines, of which only the words count. Both
 * replace what `out` held and answer false when memory ran out. */
#ifndef US_TEXT_FOLD_H
#define US_TEXT_FOLD_H
#include "base/buf.h"

/* The text without case (NFKC_Casefold: full-width letters become plain, too), composed. False for what is not UTF-8, too. */
bool us_fold_case(const char *text, us_buf *out);
/* Lower-case letters (of ASCII; others as they are) and digits, words parted by one blank; an apostrophe is left out. */
bool us_normalise(const char *text, us_buf *out);

/* Bytes of the first name: 5 of "Homer Simpson". 0 when the name has no first name that could stand alone: one word
 * ("Homer"), an initial or a title ("C. Montgomery Burns", "Dr. Hibbert", "The Doctor"), fewer than three bytes. */
size_t us_first_name(const char *name);
/* What somebody is called for short: the first name, else the whole, cut between letters where it takes n_max bytes or more. */
void us_short_name(const char *name, char *out, size_t n_max);
#endif
