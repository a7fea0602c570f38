/* Threads meet at two counters: `round` starts a run, `n_done` ends it. Waiters spin for a short,
 * fixed number of pauses and then sleep on a condition variable, so an idle pool costs nothing. */
#include "base/pool.h"
#include "base/mem.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define SPINS 4000

struct us_pool {
    int n_threads; /* the caller included */
    _Atomic unsigned round;
    _Atomic int n_done;
    _Atomic int n_asleep;
    _Atomic bool caller_asleep;
    bool stop;
    us_pool_fn *fn;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    struct worker {
        us_pool *pool;
        pthread_t thread;
        int i;
    } *workers;
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void *work(void *arg) {
    struct worker *w = arg;
    us_pool *p = w->pool;
    unsigned seen = 0;
    for (;;) {
        for (int s = 0; s < SPINS && atomic_load_explicit(&p->round, memory_order_acquire) == seen; s++) relax();
        if (atomic_load(&p->round) == seen) {
            pthread_mutex_lock(&p->lock);
            atomic_fetch_add(&p->n_asleep, 1);
            while (atomic_load(&p->round) == seen) pthread_cond_wait(&p->wake, &p->lock);
            atomic_fetch_sub(&p->n_asleep, 1);
            pthread_mutex_unlock(&p->lock);
        }
        seen = atomic_load(&p->round);
        if (p->stop) return NULL;
        p->fn(p->ctx, w->i, p->n_threads);
        if (atomic_fetch_add(&p->n_done, 1) + 1 == p->n_threads - 1 && atomic_load(&p->caller_asleep)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void start_round(us_pool *p) {
    atomic_store(&p->n_done, 0);
    atomic_fetch_add(&p->round, 1);
    if (atomic_load(&p->n_asleep)) {
        pthread_mutex_lock(&p->lock);
        pthread_cond_broadcast(&p->wake);
        pthread_mutex_unlock(&p->lock);
    }
}

void us_pool_run(us_pool *p, us_pool_fn *fn, void *ctx) {
    if (!p || p->n_threads == 1) {
        fn(ctx, 0, 1);
        return;
    }
    p->fn = fn;
    p->ctx = ctx;
    start_round(p);
    fn(ctx, 0, p->n_threads);
    int all = p->n_threads - 1;
    for (int s = 0; s < SPINS && atomic_load_explicit(&p->n_done, memory_order_acquire) != all; s++) relax();
    if (atomic_load(&p->n_done) == all) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->caller_asleep, true);
    while (atomic_load(&p->n_done) != all) pthread_cond_wait(&p->done, &p->lock);
    atomic_store(&p->caller_asleep, false);
    pthread_mutex_unlock(&p->lock);
}

int us_cpu_count(void) {
#ifdef __linux__
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set)) {
        int n = CPU_COUNT(&set);
        if (n > 0) return n;
    }
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

us_status us_pool_new(int n_threads, us_pool **out, us_error *err) {
    if (n_threads == 0) n_threads = us_cpu_count();
    if (n_threads > US_POOL_MAX) n_threads = US_POOL_MAX;
    if (n_threads < 1) return us_fail(err, US_ERR_ARGUMENT, "threads: expected 1..%d, got %d", US_POOL_MAX, n_threads);
    us_pool *p = NULL;
    us_status st = us_alloc(1, sizeof *p, &p, err);
    if (st) return st;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->done, NULL);
    p->n_threads = 1;
    if ((st = us_alloc((size_t)n_threads, sizeof *p->workers, &p->workers, err))) goto fail;
    p->n_threads = n_threads;
    for (int i = 1; i < n_threads; i++) {
        p->workers[i] = (struct worker){.pool = p, .i = i};
        if (pthread_create(&p->workers[i].thread, NULL, work, &p->workers[i])) {
            p->n_threads = i;
            st = us_fail(err, US_ERR_MEMORY, "cannot start thread %d of %d", i + 1, n_threads);
            goto fail;
        }
    }
    *out = p;
    return US_OK;
fail:
    us_pool_free(p);
    return st;
}

void us_pool_free(us_pool *p) {
    if (!p) return;
    p->stop = true;
    start_round(p);
    for (int i = 1; i < p->n_threads; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
}

int us_pool_size(const us_pool *p) { return p ? p->n_threads : 1; }
