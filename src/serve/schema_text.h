/* serve/schema_text.h - strings and numbers of a schema, as pieces of a grammar. */
#ifndef US_SERVE_SCHEMA_TEXT_H
#define US_SERVE_SCHEMA_TEXT_H
#include "base/buf.h"

/* A text as a literal of the grammar, quotes and all. */
US_MUST_USE us_status us_schema_literal(const char *text, us_buf *out, us_error *err);
/* A regular expression (ECMA 262, as JSON Schema has them), matched inside a JSON string: between its quotes, and unless it is
 * anchored, anywhere. UNSUPPORTED names what is not understood: looking around, references back, word edges. */
US_MUST_USE us_status us_schema_pattern(const char *pattern, us_buf *out, us_error *err);
/* Whole numbers from lo to hi, which may be as far as +-10^15. */
US_MUST_USE us_status us_schema_integers(int64_t lo, int64_t hi, us_buf *out, us_error *err);
/* Numbers from lo to hi (infinite: no bound), without the bounds themselves where told so. LIMIT: there is none that can be
 * written with nine decimals. */
US_MUST_USE us_status us_schema_numbers(double lo, double hi, bool without_lo, bool without_hi, us_buf *out, us_error *err);
#endif
