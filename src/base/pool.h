/* base/pool.h - a fixed team of threads that run one function together.
 *
 * us_pool_run() returns when every thread has returned. Threads that wait spin briefly (a decode
 * step has hundreds of stages) and then sleep, so that a busy machine loses nothing to them. Work is split by the callee from
 * (i_thread, n_threads): over outputs, or over fixed chunks, so that no result depends on
 * n_threads. One run at a time; the calling thread is thread 0. */
#ifndef US_BASE_POOL_H
#define US_BASE_POOL_H
#include "understudy/base.h"
#include <stdatomic.h>

typedef struct us_pool us_pool;
typedef void us_pool_fn(void *ctx, int i_thread, int n_threads);

/* n_threads: 1..US_POOL_MAX, or 0 for the number of CPUs this process may use. */
#define US_POOL_MAX 256
US_MUST_USE us_status us_pool_new(int n_threads, us_pool **out, us_error *err);
void us_pool_free(us_pool *pool);
int us_pool_size(const us_pool *pool); /* 1 for NULL */
/* A NULL pool runs fn(ctx, 0, 1) on the caller. */
void us_pool_run(us_pool *pool, us_pool_fn *fn, void *ctx);
/* Inside fn: returns when every thread of the run has come here. Before anybody goes on *zero, if any, is set to 0. */
void us_pool_meet(us_pool *pool, _Atomic int *zero);
/* Inside fn: counts one more in *word; returns when *word has come to at least `count`, which whoever calls us_pool_post sees
 * to. */
void us_pool_post(us_pool *pool, _Atomic unsigned *word);
void us_pool_await(us_pool *pool, _Atomic unsigned *word, unsigned count);
/* Number of CPUs this process may use (affinity and cgroup aware where cheap), at least 1. */
int us_cpu_count(void);

/* [begin,end) of part i of n when `count` items are split in chunks of `align` items. */
static inline void us_split(size_t count, size_t align, int i, int n, size_t *begin, size_t *end) {
    size_t chunks = (count + align - 1) / align;
    size_t b = chunks * (size_t)i / (size_t)n * align, e = chunks * ((size_t)i + 1) / (size_t)n * align;
    *begin = b < count ? b : count;
    *end = e < count ? e : count;
}

#endif
