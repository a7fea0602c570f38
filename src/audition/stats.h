/* audition/stats.h - intervals and paired tests. Everything is deterministic for a seed. */
#ifndef US_AUDITION_STATS_H
#define US_AUDITION_STATS_H
#include "understudy/base.h"

typedef struct us_interval {
    double value, low, high; /* 95% */
    uint64_t n;              /* observations */
} us_interval;

/* k of n; Wilson's score interval (1927): it holds near 0 and 1, where a rate of failures lives. n 0: all NAN. */
us_interval us_wilson(uint64_t k, uint64_t n);
/* Sum x / sum y over n pairs with the percentile bootstrap over pairs (Efron 1979), 1000 resamples. y NULL: the mean. */
us_interval us_bootstrap(const double *x, const double *y, size_t n, uint64_t seed);
/* The same of sum x1 / sum y1 - sum x0 / sum y0, paired: one resample of the indices for all four. */
us_interval us_bootstrap_difference(const double *x1, const double *y1, const double *x0, const double *y0, size_t n,
                                    uint64_t seed);
/* (sum x1 / sum y1) / (sum x0 / sum y0), paired. */
us_interval us_bootstrap_quotient(const double *x1, const double *y1, const double *x0, const double *y0, size_t n,
                                  uint64_t seed);
/* Exact two-sided McNemar test (1947): b pairs changed one way, c the other. */
double us_mcnemar(uint64_t b, uint64_t c);
/* Two-sample Kolmogorov-Smirnov distance, 0..1; both arrays are sorted in place. */
double us_ks(double *x, size_t n_x, double *y, size_t n_y);
#endif
