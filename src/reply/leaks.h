/* reply/leaks.h - replies in which a machine speaks instead of the character.
 *
 * The lexicon is a list of regular expressions (PCRE2, UTF-8, any case), one a line; '#' begins a comment. A line
 * "not: RE" withdraws a match that it overlaps ("I'm a computer genius"). A match does not count when a word of
 * negation stands just before it in the same clause ("I am not, and never was, a robot"), nor inside a question
 * ("Am I a robot?" is no confession). The built-in list is English and Russian. */
#ifndef US_REPLY_LEAKS_H
#define US_REPLY_LEAKS_H
#include "understudy/base.h"

typedef struct us_leaks us_leaks;
typedef struct us_leak {
    bool found;
    size_t begin, end; /* bytes of the text that matched */
    int rule;          /* which line of the lexicon; the user's come after the built-in ones */
} us_leak;

/* `file`: more lines, NULL for none. FORMAT names the file and line of an expression that does not compile. */
US_MUST_USE us_status us_leaks_open(const char *file, us_leaks **out, us_error *err);
void us_leaks_free(us_leaks *l);
us_leak us_leaks_find(const us_leaks *l, const char *text);
#endif
