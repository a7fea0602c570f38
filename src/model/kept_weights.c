/* Packed weights in a file: a page of header, then the bytes as they lie in memory. Whoever maps them has checked each of them. */
#include "base/mem.h"
#include "base/sha256.h"
#include "model/kept.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct header {
    char magic[16];
    unsigned char key[32]; /* of the model's SHA-256 and the layout: also the file's name */
    uint64_t n_bytes;
    uint64_t sum;            /* of the sums of all pieces */
    unsigned char check[32]; /* SHA-256 of what stands before */
} header;
#define HEADER_BYTES 4096
static const char magic[16] = "understudy pack";

/* ---- sums ----------------------------------------------------------------------------------------------------- */

#define PIECE ((size_t)1 << 20)
#define LANES 8

/* Of n bytes, a multiple of 64, at the speed of memory. Each step of a lane is one to one in its state and in the word: a single
 * changed word is always seen, more of them with all but one chance in 2^64. */
static uint64_t sum_of(const unsigned char *p, size_t n) {
    const uint64_t prime = 0x9e3779b97f4a7c15u;
    uint64_t lane[LANES], all = n;
    for (uint64_t i = 0; i < LANES; i++) lane[i] = prime * (i + 1);
    for (; n; n -= LANES * 8, p += LANES * 8)
        for (int i = 0; i < LANES; i++) {
            uint64_t word;
            memcpy(&word, p + 8 * i, 8);
            word = (lane[i] ^ word) * prime;
            lane[i] = word << 29 | word >> 35;
        }
    for (int i = 0; i < LANES; i++) {
        all = (all ^ lane[i]) * prime;
        all ^= all >> 32;
    }
    return all;
}

typedef struct summing {
    const unsigned char *data;
    size_t n_bytes, n_pieces;
    bool mapped; /* from a file: its pages are asked for in large steps */
    uint64_t *sums;
    _Atomic size_t next;
} summing;

static void sum_pieces(void *ctx, int i_thread, int n_threads) {
    (void)i_thread, (void)n_threads;
    summing *s = ctx;
    for (size_t i; (i = atomic_fetch_add(&s->next, 1)) < s->n_pieces;) {
        size_t at = i * PIECE, n = s->n_bytes - at < PIECE ? s->n_bytes - at : PIECE;
#ifdef MADV_POPULATE_READ
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        uintptr_t from = (uintptr_t)(s->data + at) & ~(uintptr_t)(page - 1);
        if (s->mapped) madvise((void *)from, (uintptr_t)(s->data + at + n) - from, MADV_POPULATE_READ);
#endif
        s->sums[i] = sum_of(s->data + at, n);
    }
}

static us_status sum_all(const unsigned char *data, size_t n_bytes, bool mapped, us_pool *pool, uint64_t *out, us_error *err) {
    summing s = {.data = data, .n_bytes = n_bytes, .n_pieces = (n_bytes + PIECE - 1) / PIECE, .mapped = mapped};
    size_t padded = (s.n_pieces + LANES - 1) / LANES * LANES;
    us_status st = us_alloc(padded, sizeof *s.sums, &s.sums, err);
    if (st) return st;
    us_pool_run(pool, sum_pieces, &s);
    *out = sum_of((const unsigned char *)s.sums, padded * sizeof *s.sums);
    free(s.sums);
    return US_OK;
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

static void begin(header *h, const char hash[65], const unsigned char layout[32], size_t n_bytes, char name[80]) {
    us_sha256 s;
    *h = (header){.n_bytes = n_bytes};
    memcpy(h->magic, magic, sizeof magic);
    us_sha256_init(&s);
    us_sha256_update(&s, hash, 64);
    us_sha256_update(&s, layout, 32);
    us_sha256_final(&s, h->key);
    for (int i = 0; i < 32; i++) snprintf(name + 2 * i, 3, "%02x", h->key[i]);
    memcpy(name + 64, ".pack", 6);
}

static void finish(header *h) {
    us_sha256 s;
    us_sha256_init(&s);
    us_sha256_update(&s, h, offsetof(header, check));
    us_sha256_final(&s, h->check);
}

/* The header must be, byte for byte, the one that these weights would be written with. */
static us_status check(const us_map *file, header *want, us_pool *pool, us_error *err) {
    if (file->size != HEADER_BYTES + want->n_bytes) return us_fail(err, US_ERR_FORMAT, "has another size");
    us_status st = sum_all(file->data + HEADER_BYTES, want->n_bytes, true, pool, &want->sum, err);
    finish(want);
    return st || !memcmp(file->data, want, sizeof *want) ? st : us_fail(err, US_ERR_FORMAT, "does not have its sum");
}

us_status us_kept_weights_find(const us_kept *k, const char hash[65], const unsigned char layout[32], size_t n_bytes,
                               us_pool *pool, us_map *file, const unsigned char **weights, us_error *err) {
    header want;
    char name[80];
    int fd;
    us_map m = {0};
    begin(&want, hash, layout, n_bytes, name);
    us_status st = us_kept_read(k, name, &fd, &m.size, err);
    if (st) return st;
    void *p = m.size ? mmap(NULL, m.size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (p == MAP_FAILED) st = us_fail(err, US_ERR_IO, "%s: cannot be mapped: %s", name, strerror(errno));
    else m.data = p;
    close(fd);
    if (!st) st = check(&m, &want, pool, err);
    if (st) {
        us_map_close(&m);
        us_kept_remove(k, name); /* it is made again */
        return st;
    }
    *file = m;
    *weights = m.data + HEADER_BYTES;
    return US_OK;
}

us_status us_kept_weights_put(const us_kept *k, const char hash[65], const unsigned char layout[32], const void *weights,
                              size_t n_bytes, us_pool *pool, us_error *err) {
    union {
        header h;
        unsigned char page[HEADER_BYTES];
    } first = {.page = {0}};
    char name[80];
    begin(&first.h, hash, layout, n_bytes, name);
    us_status st = sum_all(weights, n_bytes, false, pool, &first.h.sum, err);
    finish(&first.h);
    if (!st) st = us_kept_write(k, name, (us_kept_part[]){{&first, HEADER_BYTES}, {weights, n_bytes}}, 2, err);
    return st;
}
