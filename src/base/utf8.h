/* base/utf8.h - the little of UTF-8 that every module needs (ICU does the rest). */
#ifndef US_BASE_UTF8_H
#define US_BASE_UTF8_H
#include "understudy/base.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* Bytes of the valid sequence at s (1..4), 0 when s[0..n) does not begin with one. Overlong forms,
 * surrogates and values past U+10FFFF are invalid. */
int us_utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Writes 1..4 bytes, returns how many (0 for a value that is no scalar value). */
int us_utf8_encode(uint32_t cp, char out[4]);
/* True when all n bytes are valid; else *bad (may be NULL) is the offset of the first bad byte. */
bool us_utf8_valid(const char *s, size_t n, size_t *bad);
/* How many bytes at the end of s[0..n) are the unfinished head of a sequence: 0..3. */
size_t us_utf8_tail(const char *s, size_t n);
/* Characters of valid UTF-8: its first bytes. */
size_t us_utf8_count(const char *s, size_t n);
/* Appends s[0..n) with U+FFFD for each byte that is no part of a character, and for NUL: words that any program reads. */
struct us_buf;
US_MUST_USE us_status us_utf8_clean(const char *s, size_t n, struct us_buf *out, us_error *err);
#endif
