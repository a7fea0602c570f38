/* base/rng.h - xoshiro256** (Blackman and Vigna 2018) seeded by splitmix64. Same seed, same numbers,
 * on every machine. */
#ifndef US_BASE_RNG_H
#define US_BASE_RNG_H
#include <stddef.h>
#include <stdint.h>
typedef struct us_rng {
    uint64_t s[4];
} us_rng;
void us_rng_seed(us_rng *r, uint64_t seed);
uint64_t us_rng_u64(us_rng *r);
double us_rng_unit(us_rng *r);  /* uniform in [0,1) */
float us_rng_normal(us_rng *r); /* mean 0, variance 1 */
void us_shuffle(uint32_t *x, size_t n, uint64_t seed);
uint64_t us_rng_below(us_rng *r, uint64_t n); /* uniform in [0,n), n > 0, without bias */
#endif
