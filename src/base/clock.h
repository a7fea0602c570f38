/* base/clock.h - time that only goes forward, for durations and deadlines. The wall clock (chat/store.c, records) is for
 * people: it may be set back at any moment. */
#ifndef US_BASE_CLOCK_H
#define US_BASE_CLOCK_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t us_now_ns(void);
/* A condition variable for us_cond_wait(); pthread_cond_destroy() it. */
void us_cond_init(pthread_cond_t *c);
/* Waits, lock held, until it is signalled (or without reason) or us_now_ns() is past until_ns: then false. */
bool us_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ns);
#endif
