#include "base/buf.h"
#include "base/mem.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void us_buf_init(us_buf *b, size_t max_bytes) { *b = (us_buf){.max = max_bytes}; }

void us_buf_fini(us_buf *b) {
    free(b->data);
    *b = (us_buf){.max = b->max};
}

void us_buf_clear(us_buf *b) {
    b->len = 0;
    if (b->data) b->data[0] = 0;
}

us_status us_buf_reserve(us_buf *b, size_t n_more, us_error *err) {
    if (n_more > b->max || b->len > b->max - n_more)
        return us_fail(err, US_ERR_LIMIT, "buffer would pass its limit of %zu bytes", b->max);
    size_t need = b->len + n_more + 1;
    if (need <= b->cap) return US_OK;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need) cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > b->max + 1 && b->max + 1 >= need) cap = b->max + 1;
    char *p = us_checked(realloc(b->data, cap));
    if (!p) return us_fail(err, US_ERR_MEMORY, "out of memory: %zu bytes for a buffer", cap);
    b->data = p;
    b->cap = cap;
    b->data[b->len] = 0;
    return US_OK;
}

us_status us_buf_append(us_buf *b, const void *bytes, size_t n, us_error *err) {
    us_status st = us_buf_reserve(b, n, err);
    if (st) return st;
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = 0;
    return US_OK;
}

us_status us_buf_append_str(us_buf *b, const char *s, us_error *err) { return us_buf_append(b, s, strlen(s), err); }

us_status us_buf_appendf(us_buf *b, us_error *err, const char *fmt, ...) {
    va_list ap, ap2;
    va_start(ap, fmt);
    va_copy(ap2, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    us_status st = n < 0 ? us_fail(err, US_ERR_ARGUMENT, "bad format") : us_buf_reserve(b, (size_t)n, err);
    if (!st) {
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap2);
        b->len += (size_t)n;
    }
    va_end(ap2);
    return st;
}

char *us_buf_take(us_buf *b, size_t *n) {
    if (!b->data) b->data = calloc(1, 1);
    char *p = b->data;
    if (n) *n = p ? b->len : 0;
    *b = (us_buf){.max = b->max};
    return p;
}
