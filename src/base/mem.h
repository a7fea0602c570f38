/* base/mem.h - checked arithmetic, allocation, aligned blocks. */
#ifndef US_BASE_MEM_H
#define US_BASE_MEM_H
#include "understudy/base.h"

/* a*b and a+b in size_t; false when it would wrap (and *out is untouched). */
static inline bool us_mul_size(size_t a, size_t b, size_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool us_add_size(size_t a, size_t b, size_t *out) { return !__builtin_add_overflow(a, b, out); }

/* calloc() of n items of `size` bytes with a filled error; for n == 0 it is a valid block of at least one byte. free() it. Of
 * this and the functions below up to us_grow, and of us_strdup: the pointer is NULL after an error. */
US_MUST_USE us_status us_alloc(size_t n, size_t size, void *out_ptr, us_error *err);
/* Zeroed block aligned to 64 bytes (large ones to a huge page, with MADV_HUGEPAGE); free() it. */
US_MUST_USE us_status us_alloc_aligned(size_t n_bytes, void *out_ptr, us_error *err);
/* The same, not zeroed and so not touched: whoever writes it first places its pages. */
US_MUST_USE us_status us_alloc_untouched(size_t n_bytes, void *out_ptr, us_error *err);
/* How many allocations have failed in this thread: of the functions here, of us_buf, and what us_checked() was given as NULL.
 * Work that may leave something out instead of failing (a repair, a guess) compares the count before and after, and fails in
 * the end. */
unsigned us_memory_failures(void);
void *us_checked(void *p); /* p */
/* realloc() to hold at least `need` items, growing by doubling; *cap and *ptr are updated. */
US_MUST_USE us_status us_grow(void *ptr_ptr, size_t *cap, size_t need, size_t item_bytes, us_error *err);
US_MUST_USE us_status us_strdup(const char *s, char **out, us_error *err);
US_MUST_USE us_status us_strndup(const char *s, size_t n, char **out, us_error *err);

/* Memory that could be had without swapping: MemAvailable of Linux; UINT64_MAX when it is not told. */
uint64_t us_memory_available(void);

/* Bump allocator over one fixed block, for hot paths that must not allocate. */
typedef struct us_arena {
    unsigned char *base;
    size_t size, used, peak; /* bytes */
} us_arena;
US_MUST_USE us_status us_arena_init(us_arena *a, size_t n_bytes, us_error *err);
void us_arena_fini(us_arena *a);
/* 64-byte aligned; NULL when the arena is too small (a broken invariant of the caller's sizing). */
void *us_arena_get(us_arena *a, size_t n_bytes);
static inline size_t us_arena_mark(const us_arena *a) { return a->used; }
static inline void us_arena_reset(us_arena *a, size_t mark) { a->used = mark; }

#endif
