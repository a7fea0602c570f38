/* base/buf.h - growable byte buffer with a cap.
 *
 * Invariants: `data` is NULL or holds `len` bytes followed by a NUL; len < cap <= max + 1.
 * A buffer that failed to grow keeps what it held. Zero-initialise through us_buf_init(). */
#ifndef US_BASE_BUF_H
#define US_BASE_BUF_H
#include "understudy/base.h"
#include <stdarg.h>

typedef struct us_buf {
    char *data;
    size_t len, cap, max; /* bytes; max is the cap on len */
} us_buf;

void us_buf_init(us_buf *b, size_t max_bytes);
void us_buf_fini(us_buf *b);
void us_buf_clear(us_buf *b);
/* US_ERR_LIMIT past max, US_ERR_MEMORY when out of memory. */
US_MUST_USE us_status us_buf_reserve(us_buf *b, size_t n_more_bytes, us_error *err);
US_MUST_USE us_status us_buf_append(us_buf *b, const void *bytes, size_t n_bytes, us_error *err);
US_MUST_USE us_status us_buf_append_str(us_buf *b, const char *s, us_error *err);
US_MUST_USE us_status us_buf_appendf(us_buf *b, us_error *err, const char *fmt, ...) US_PRINTF(3, 4);
/* Hands the bytes (NUL-terminated, free() them) to the caller and empties the buffer. Never NULL
 * unless out of memory. */
char *us_buf_take(us_buf *b, size_t *n_bytes);

#endif
