/* Every wait, for a run to start, for the others at a barrier, for a run to end, is for one counter to change: it spins
 * while that is cheaper than sleeping, then sleeps on one condition variable. On a quiet machine nobody sleeps between
 * the stages of a pass; on a busy one a waiter leaves its core at once to whoever the others wait for. */
#include "base/pool.h"
#include "base/clock.h"
#include "base/mem.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define SPIN_NS 20000 /* about what falling asleep and waking up cost */

struct us_pool {
    int n_threads;                 /* the caller included */
    _Atomic unsigned round, n_met; /* runs started; barriers passed */
    _Atomic int n_arrived;         /* threads at this barrier */
    _Atomic int n_asleep;
    bool stop;
    us_pool_fn *fn;
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct worker {
        us_pool *pool;
        pthread_t thread;
        int i;
    } * workers;
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Returns when *word is no longer `old`. */
static void wait_change(us_pool *p, _Atomic unsigned *word, unsigned old) {
    int64_t start = 0;
    for (int spins = 1; atomic_load_explicit(word, memory_order_acquire) == old; spins++) {
        relax();
        if (spins % 64) continue;
        if (!start) start = us_now_ns();
        else if (us_now_ns() - start > SPIN_NS) goto sleep;
    }
    return;
sleep:
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->n_asleep, 1);
    while (atomic_load(word) == old) pthread_cond_wait(&p->wake, &p->lock);
    atomic_fetch_sub(&p->n_asleep, 1);
    pthread_mutex_unlock(&p->lock);
}

/* After a change of a word that others may wait for. Either a waiter sees the change before it sleeps, or it is seen
 * here as asleep: both sides write first and read then, in one total order. */
static void wake_sleepers(us_pool *p) {
    if (!atomic_load(&p->n_asleep)) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg) {
    struct worker *w = arg;
    us_pool *p = w->pool;
    for (unsigned seen = 0;; seen++) {
        wait_change(p, &p->round, seen);
        if (p->stop) return NULL;
        p->fn(p->ctx, w->i, p->n_threads);
        us_pool_meet(p, NULL);
    }
}

static void start_round(us_pool *p) {
    atomic_fetch_add(&p->round, 1);
    wake_sleepers(p);
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
    us_pool_meet(p, NULL);
}

void us_pool_meet(us_pool *p, _Atomic int *zero) {
    unsigned met = p ? atomic_load(&p->n_met) : 0;
    bool last = !p || atomic_fetch_add(&p->n_arrived, 1) + 1 == p->n_threads;
    if (last && zero) atomic_store(zero, 0);
    if (!last) wait_change(p, &p->n_met, met);
    else if (p) {
        atomic_store(&p->n_arrived, 0);
        atomic_fetch_add(&p->n_met, 1);
        wake_sleepers(p);
    }
}

void us_pool_post(us_pool *p, _Atomic unsigned *word) {
    atomic_fetch_add(word, 1);
    if (p) wake_sleepers(p);
}

void us_pool_await(us_pool *p, _Atomic unsigned *word, unsigned count) {
    for (unsigned now; (now = atomic_load_explicit(word, memory_order_acquire)) < count;) wait_change(p, word, now);
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
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
}

int us_pool_size(const us_pool *p) { return p ? p->n_threads : 1; }
