#include "base/clock.h"
#include <time.h>

int64_t us_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#ifdef __APPLE__ /* has no choice of clocks, but a wait that is told how long */
void us_cond_init(pthread_cond_t *c) { pthread_cond_init(c, NULL); }

bool us_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns) {
    int64_t left = until_ns - us_now_ns();
    struct timespec t = {left / 1000000000, left % 1000000000};
    return left > 0 && pthread_cond_timedwait_relative_np(c, lock, &t) == 0;
}
#else
void us_cond_init(pthread_cond_t *c) {
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(c, &a);
    pthread_condattr_destroy(&a);
}

bool us_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns) {
    struct timespec t = {until_ns / 1000000000, until_ns % 1000000000};
    return pthread_cond_timedwait(c, lock, &t) == 0;
}
#endif
