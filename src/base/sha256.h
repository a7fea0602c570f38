/* base/sha256.h - SHA-256 (FIPS 180-4), streaming. */
#ifndef US_BASE_SHA256_H
#define US_BASE_SHA256_H
#include <stddef.h>
#include <stdint.h>
typedef struct us_sha256 {
    uint32_t h[8];
    uint64_t n_bytes;
    unsigned char block[64];
} us_sha256;
void us_sha256_init(us_sha256 *s);
void us_sha256_update(us_sha256 *s, const void *data, size_t n_bytes);
void us_sha256_final(us_sha256 *s, unsigned char out[32]);
void us_sha256_hex(const void *data, size_t n_bytes, char out[65]);
#endif
