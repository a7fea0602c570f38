/* text/markup.h - text into XML and HTML. */
#ifndef US_TEXT_MARKUP_H
#define US_TEXT_MARKUP_H
#include "base/buf.h"
#include "text/tongue.h"

/* Appends text with &, <, >, " and ' escaped; control characters, which XML cannot hold, are left out. */
US_MUST_USE us_status us_markup_escape(us_buf *b, const char *text, us_error *err);
/* printf for markup: the text of a %s is escaped. Understands %s, %d, %u, %zu, %.Nf, %% and, for people to read, %N (unsigned
 * long long, written as 25,440) and %.NF, as the language has them. */
US_MUST_USE us_status us_markup_vf(us_buf *b, us_tongue tongue, us_error *err, const char *fmt, va_list ap);
US_MUST_USE us_status us_markup_f(us_buf *b, us_error *err, const char *fmt, ...);
#endif
