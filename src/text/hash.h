/* text/hash.h - the one hash of bytes: for tables, shares and seeds, not against an adversary. */
#ifndef US_TEXT_HASH_H
#define US_TEXT_HASH_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* FNV-1a from a start that `seed` changes, with a final mix (splitmix64): its upper bits are as good as the lower. */
uint64_t us_hash_bytes(uint64_t seed, const void *bytes, size_t n);
static inline uint64_t us_hash_text(uint64_t seed, const char *text) { return us_hash_bytes(seed, text, strlen(text)); }
#endif
