/* Allocations that fail on purpose, in this process: linked with -Wl,--wrap=malloc and the like, so that what the library (linked
 * statically) and the test ask for passes through here, and what other libraries ask for does not. Works under sanitizers. */
#ifndef US_OOM_FAILING_H
#define US_OOM_FAILING_H
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
int __real_posix_memalign(void **p, size_t alignment, size_t n);
void __real_free(void *p);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
int __wrap_posix_memalign(void **p, size_t alignment, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
char *__wrap_strndup(const char *s, size_t n);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

/* Counted while `on`: number `at` (from 1) fails, and with `every` each one that is a multiple of it (with its own offset). */
static struct {
    pthread_mutex_t lock;
    bool on, show;
    long n, at, every, trace;
    long n_failed;
} failing = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The blocks that are not freed yet: a set of pointers, open addressing. */
enum { LIVE_SLOTS = 1 << 20 };
static struct {
    void *p;
    long n; /* the allocation's number */
} live[LIVE_SLOTS];
static size_t n_live;

static size_t slot_of(const void *p) {
    size_t i = (size_t)((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 44;
    while (live[i].p && live[i].p != p) i = (i + 1) % LIVE_SLOTS;
    return i;
}

static void drop(void *p) {
    size_t i = slot_of(p), j = i;
    if (!live[i].p) return;
    n_live--;
    for (;;) { /* close the gap */
        live[i].p = NULL;
        for (;;) {
            j = (j + 1) % LIVE_SLOTS;
            if (!live[j].p) return;
            size_t home = (size_t)((uintptr_t)live[j].p >> 4) * 0x9e3779b97f4a7c15u >> 44;
            if ((j > i && (home <= i || home > j)) || (j < i && home <= i && home > j)) break;
        }
        live[i] = live[j];
        i = j;
    }
}

static void *keep(void *p) {
    if (!p || n_live > LIVE_SLOTS / 2) return p;
    pthread_mutex_lock(&failing.lock);
    size_t i = slot_of(p);
    n_live += !live[i].p;
    live[i].p = p;
    live[i].n = failing.on ? failing.n : 0;
    pthread_mutex_unlock(&failing.lock);
    return p;
}

static bool fails(void) {
    pthread_mutex_lock(&failing.lock);
#ifdef __GLIBC__
    if (failing.on && failing.trace && failing.n + 1 == failing.trace) {
        void *made[24];
        backtrace_symbols_fd(made, backtrace(made, 24), 2);
    }
#endif
    bool now = failing.on && (++failing.n == failing.at || (failing.every && failing.n % failing.every == 0));
    failing.n_failed += now;
    pthread_mutex_unlock(&failing.lock);
    if (!now) return false;
#ifdef __GLIBC__
    void *frames[24];
    if (failing.show) backtrace_symbols_fd(frames, backtrace(frames, 24), 2);
#endif
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t n) { return fails() ? NULL : keep(__real_malloc(n)); }
void *__wrap_calloc(size_t n, size_t size) { return fails() ? NULL : keep(__real_calloc(n, size)); }
void *__wrap_realloc(void *p, size_t n) {
    if (fails()) return NULL;
    pthread_mutex_lock(&failing.lock);
    if (p) drop(p);
    pthread_mutex_unlock(&failing.lock);
    void *q = __real_realloc(p, n);
    return keep(q ? q : p);
}
int __wrap_posix_memalign(void **p, size_t alignment, size_t n) {
    if (fails()) return ENOMEM;
    int rc = __real_posix_memalign(p, alignment, n);
    if (!rc) keep(*p);
    return rc;
}
void *__wrap_aligned_alloc(size_t alignment, size_t n) {
    void *p = NULL;
    return __wrap_posix_memalign(&p, alignment, n) ? NULL : p;
}
char *__wrap_strndup(const char *s, size_t n) {
    size_t len = strnlen(s, n);
    char *p = __wrap_malloc(len + 1);
    if (p) memcpy(p, s, len), p[len] = 0;
    return p;
}
char *__wrap_strdup(const char *s) { return __wrap_strndup(s, strlen(s)); }
void __wrap_free(void *p) {
    pthread_mutex_lock(&failing.lock);
    if (p) drop(p);
    pthread_mutex_unlock(&failing.lock);
    __real_free(p);
}

static void fail_from_now(long at, long every) {
    pthread_mutex_lock(&failing.lock);
    failing.n = failing.n_failed = 0;
    failing.at = at;
    failing.every = every;
    failing.on = true;
    pthread_mutex_unlock(&failing.lock);
}
static void fail_no_more(void) {
    pthread_mutex_lock(&failing.lock);
    failing.on = false;
    pthread_mutex_unlock(&failing.lock);
}
#endif
