#include "base/rng.h"
#include <math.h>

void us_rng_seed(us_rng *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i] = z ^ (z >> 31);
    }
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t us_rng_u64(us_rng *r) {
    uint64_t *s = r->s, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double us_rng_unit(us_rng *r) { return (double)(us_rng_u64(r) >> 11) * 0x1p-53; }

float us_rng_normal(us_rng *r) {
    double u = 1.0 - us_rng_unit(r), v = us_rng_unit(r);
    return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

uint64_t us_rng_below(us_rng *r, uint64_t n) {
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do x = us_rng_u64(r);
    while (x >= limit);
    return x % n;
}

void us_shuffle(uint32_t *x, size_t n, uint64_t seed) {
    us_rng r;
    us_rng_seed(&r, seed);
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)us_rng_below(&r, i);
        uint32_t swap = x[i - 1];
        x[i - 1] = x[k];
        x[k] = swap;
    }
}
