/* corpus/moment.h - dates and clocks as programs write them in front of, behind and above words. */
#ifndef US_CORPUS_MOMENT_H
#define US_CORPUS_MOMENT_H
#include "corpus/shape.h"

/* Each looks for something in the text from p to `end`, and returns where the text goes on behind it; NULL: it is not there. */
const char *us_blanks_at(const char *p, const char *end);              /* blanks and unseen marks; p where there are none */
const char *us_word_at(const char *p, const char *end, const char *w); /* the word, without regard to case; else NULL */
size_t us_unseen_at(const char *p, const char *end);                   /* bytes of a mark that is not seen; 0: none */
size_t us_digit_at(const char *p, const char *end, int *value);        /* bytes of a digit, an Arabic or Persian one too */
const char *us_number_at(const char *p, const char *end, int *out, int least, int most); /* of `least` to `most` digits */
const char *us_month_at(const char *p, const char *end, int *out);                       /* "Jan", "January": 1 to 12 */
const char *us_clock_at(const char *p, const char *end, int *seconds);    /* "10:00", "10:00:00", "10.00", "10:00 AM" */
const char *us_date_at(const char *p, const char *end, int64_t *seconds); /* "01/02/2024", "2024年1月5日", "Jan 5, 2024" */
const char *us_moment_at(const char *p, const char *end, int64_t *out);   /* a date and a clock */

/* "Today at 10:15 AM", "12.03.2024, 10:15", "1:02:15", "00:03 - 00:10": all of it says when. */
bool us_is_when(const char *p, const char *end, int64_t *out);
/* "00:03", "[1:02:15]", "0:01.5 --> 0:03": nothing but clocks. */
bool us_is_clocks(us_span_str line);
#endif
