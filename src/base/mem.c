#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local unsigned n_failures;
unsigned us_memory_failures(void) { return n_failures; }
void *us_checked(void *p) {
    n_failures += !p;
    return p;
}

us_status us_alloc(size_t n, size_t size, void *out_ptr, us_error *err) {
    void *p = us_checked(calloc(n ? n : 1, size ? size : 1));
    memcpy(out_ptr, &p, sizeof p);
    return p ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory: %zu items of %zu bytes", n, size);
}

us_status us_alloc_untouched(size_t n_bytes, void *out_ptr, us_error *err) {
    const size_t huge = (size_t)2 << 20;
    size_t align = n_bytes >= 2 * huge ? huge : 64, padded;
    void *p = NULL;
    memcpy(out_ptr, &p, sizeof p);
    if (!us_add_size(n_bytes ? n_bytes : 1, align - 1, &padded) || posix_memalign(&p, align, padded & ~(align - 1)))
        return us_checked(NULL), us_fail(err, US_ERR_MEMORY, "out of memory: %zu bytes", n_bytes);
    padded &= ~(align - 1);
#ifdef MADV_HUGEPAGE
    if (align == huge) madvise(p, padded, MADV_HUGEPAGE);
#endif
    memcpy(out_ptr, &p, sizeof p);
    return US_OK;
}

us_status us_alloc_aligned(size_t n_bytes, void *out_ptr, us_error *err) {
    void *p = NULL;
    us_status st = us_alloc_untouched(n_bytes, &p, err);
    if (!st) memset(p, 0, n_bytes);
    memcpy(out_ptr, &p, sizeof p);
    return st;
}

us_status us_grow(void *ptr_ptr, size_t *cap, size_t need, size_t item, us_error *err) {
    if (need <= *cap) return US_OK;
    size_t n = *cap ? *cap : 16, bytes;
    while (n < need) n = n > SIZE_MAX / 2 ? need : n * 2;
    if (!us_mul_size(n, item, &bytes)) return us_fail(err, US_ERR_MEMORY, "size overflow: %zu items of %zu bytes", n, item);
    void *old;
    memcpy(&old, ptr_ptr, sizeof old);
    void *p = us_checked(realloc(old, bytes));
    if (!p) return us_fail(err, US_ERR_MEMORY, "out of memory: %zu bytes", bytes);
    memcpy(ptr_ptr, &p, sizeof p);
    *cap = n;
    return US_OK;
}

us_status us_strndup(const char *s, size_t n, char **out, us_error *err) {
    char *p = *out = us_checked(malloc(n + 1));
    if (!p) return us_fail(err, US_ERR_MEMORY, "out of memory: %zu bytes", n + 1);
    if (n) memcpy(p, s, n);
    p[n] = 0;
    return US_OK;
}

us_status us_strdup(const char *s, char **out, us_error *err) { return us_strndup(s, strlen(s), out, err); }

us_status us_arena_init(us_arena *a, size_t n_bytes, us_error *err) {
    *a = (us_arena){0};
    us_status st = us_alloc_aligned(n_bytes, &a->base, err);
    if (!st) a->size = n_bytes;
    return st;
}

void us_arena_fini(us_arena *a) {
    free(a->base);
    *a = (us_arena){0};
}

void *us_arena_get(us_arena *a, size_t n) {
    size_t rounded = (n + 63) & ~(size_t)63;
    if (rounded < n || rounded > a->size - a->used) return NULL;
    void *p = a->base + a->used;
    a->used += rounded;
    if (a->used > a->peak) a->peak = a->used;
    return p;
}

uint64_t us_memory_available(void) {
    char line[128];
    unsigned long long kib;
    uint64_t bytes = UINT64_MAX;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %19llu kB", &kib) == 1) bytes = (uint64_t)kib * 1024;
    if (f) fclose(f);
    return bytes;
}
