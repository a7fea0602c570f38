/* The SHA-256 of models, by the stamps of their files: nothing but the system sets the time of a file's last change. */
#include "base/sha256.h"
#include "model/kept.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* By which a file system's clock may be late, where it counts in parts of a second and where in whole ones. */
#define FINE_NS ((int64_t)100 * 1000000)
#define COARSE_NS ((int64_t)3 * 1000000000)

typedef struct record {
    char magic[16];
    unsigned char stamps[32]; /* SHA-256 of them */
    char hash[65];
    unsigned char check[32]; /* SHA-256 of what stands before */
} record;
static const char magic[16] = "understudy sum1";

static void digest(const void *data, size_t n, unsigned char out[32]) {
    us_sha256 s;
    us_sha256_init(&s);
    us_sha256_update(&s, data, n);
    us_sha256_final(&s, out);
}

static void name_of(const us_gguf *g, unsigned char stamps[32], char name[80]) {
    us_sha256 s;
    us_sha256_init(&s);
    for (int i = 0; i < us_gguf_n_files(g); i++) us_sha256_update(&s, &us_gguf_map(g, i)->stamp, sizeof(us_stamp));
    us_sha256_final(&s, stamps);
    for (int i = 0; i < 32; i++) snprintf(name + 2 * i, 3, "%02x", stamps[i]);
    memcpy(name + 64, ".sum", 5);
}

us_status us_kept_sum_find(const us_kept *k, const us_gguf *g, char hash[65], us_error *err) {
    record r;
    unsigned char stamps[32], check[32];
    char name[80];
    int fd;
    size_t n;
    name_of(g, stamps, name);
    us_status st = us_kept_read(k, name, &fd, &n, err);
    if (st) return st;
    bool whole = n == sizeof r && read(fd, &r, sizeof r) == (ssize_t)sizeof r;
    close(fd);
    if (whole) digest(&r, offsetof(record, check), check);
    if (!whole || memcmp(r.check, check, 32) || memcmp(r.magic, magic, 16) || memcmp(r.stamps, stamps, 32) || r.hash[64])
        return us_fail(err, US_ERR_FORMAT, "%s: is damaged", name);
    memcpy(hash, r.hash, 65);
    return US_OK;
}

us_status us_kept_sum_put(const us_kept *k, const us_gguf *g, const char hash[65], us_error *err) {
    record r;
    char name[80];
    memset(&r, 0, sizeof r);
    memcpy(r.magic, magic, 16);
    name_of(g, r.stamps, name);
    memcpy(r.hash, hash, 65);
    digest(&r, offsetof(record, check), r.check);
    return us_kept_write(k, name, &(us_kept_part){&r, sizeof r}, 1, err);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool us_kept_settled(const us_gguf *g, bool wait) {
    int64_t until = 0;
    for (int i = 0; i < us_gguf_n_files(g); i++) {
        int64_t changed = us_gguf_map(g, i)->stamp.changed_ns;
        int64_t late = changed + (changed % 1000000000 ? FINE_NS : COARSE_NS);
        until = late > until ? late : until;
    }
    int64_t left = until - now_ns();
    if (until && left > 0 && left <= FINE_NS && wait) {
        nanosleep(&(struct timespec){.tv_nsec = (long)left}, NULL);
        left = until - now_ns();
    }
    return until && left <= 0;
}
