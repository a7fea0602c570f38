/* base/base64.h - RFC 4648, with padding; blanks and line breaks are skipped when reading. */
#ifndef US_BASE_BASE64_H
#define US_BASE_BASE64_H
#include "base/buf.h"
/* Appends. */
US_MUST_USE us_status us_base64_encode(const void *bytes, size_t n, us_buf *out, us_error *err);
/* Appends; FORMAT for any other character. */
US_MUST_USE us_status us_base64_decode(const char *text, size_t n, us_buf *out, us_error *err);
#endif
