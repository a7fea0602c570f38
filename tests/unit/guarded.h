/* Buffers for the kernel check that end flush at a page nobody may touch: one byte read or written too far ends the program
 * there. What stands in front of a buffer is watched by canaries, which guarded_reset() looks at. */
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
    unsigned char *map, *data;
    size_t n_map;
} guarded_list[GUARDED_MOST];
static size_t n_guarded;

/* n zero bytes. They begin at a multiple of 64 when n is one. */
static inline void *guarded(size_t n) {
    if (getenv("US_LOOSE_GUARDS")) n += 64; /* an emulator that reads whole vectors for one number */
    size_t page = (size_t)sysconf(_SC_PAGESIZE), body = (n + page) / page * page; /* one byte of canary at least */
    unsigned char *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || n_guarded == GUARDED_MOST || mprotect(map + body, page, PROT_NONE)) abort();
    guarded_list[n_guarded].map = map;
    guarded_list[n_guarded].n_map = body + page;
    guarded_list[n_guarded++].data = map + body - n;
    memset(map, CANARY, body - n);
    return map + body - n;
}

/* Frees all of them; false when something was written in front of one. */
static inline int guarded_reset(void) {
    int intact = 1;
    for (size_t i = 0; i < n_guarded; i++) {
        for (unsigned char *p = guarded_list[i].map; p < guarded_list[i].data; p++) intact = intact && *p == CANARY;
        munmap(guarded_list[i].map, guarded_list[i].n_map);
    }
    n_guarded = 0;
    return intact;
}
#endif
