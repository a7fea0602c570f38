/* Buffers for the kernel check, flush at a page nobody may touch: one byte read or written too far ends the program there.
 * Each check runs twice: with that page behind every buffer, and (guarded_at_front) with it in front. The other side is watched by
 * canaries up to the page's end, which guarded_reset() looks at. */
#ifndef US_TEST_GUARDED_H
#define US_TEST_GUARDED_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARDED_MOST 512
#define CANARY 0xA5
static struct {
    unsigned char *map, *watched; /* [n_watched] the canaries */
    size_t n_map, n_watched;
} guarded_list[GUARDED_MOST];
static size_t n_guarded;
static int guarded_at_front;

/* n zero bytes. They begin at a multiple of 64 when n is one, or when the page is in front. */
static inline void *guarded(size_t n) {
    if (getenv("US_LOOSE_GUARDS")) n += 64; /* an emulator that reads whole vectors for one number */
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (n + page) / page * page; /* one byte of canary at least */
    unsigned char *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || n_guarded == GUARDED_MOST || mprotect(guarded_at_front ? map : map + body, page, PROT_NONE))
        abort();
    unsigned char *data = guarded_at_front ? map + page : map + body - n, *watched = guarded_at_front ? data + n : map;
    guarded_list[n_guarded].map = map;
    guarded_list[n_guarded].n_map = body + page;
    guarded_list[n_guarded].watched = watched;
    guarded_list[n_guarded++].n_watched = body - n;
    memset(watched, CANARY, body - n);
    return data;
}

/* Frees all of them; false when something was written on the side that is only watched. */
static inline int guarded_reset(void) {
    int intact = 1;
    for (size_t i = 0; i < n_guarded; i++) {
        for (size_t k = 0; k < guarded_list[i].n_watched; k++) intact = intact && guarded_list[i].watched[k] == CANARY;
        munmap(guarded_list[i].map, guarded_list[i].n_map);
    }
    n_guarded = 0;
    return intact;
}
#endif
