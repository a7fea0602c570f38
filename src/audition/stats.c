#include "audition/stats.h"
#include "base/rng.h"
#include <math.h>
#include <stdlib.h>

enum { N_RESAMPLES = 1000 };

us_interval us_wilson(uint64_t k, uint64_t n) {
    if (!n) return (us_interval){NAN, NAN, NAN, 0};
    double z = 1.959963984540054, p = (double)k / (double)n, d = 1 + z * z / (double)n;
    double mid = (p + z * z / (2 * (double)n)) / d,
           half = z / d * sqrt(p * (1 - p) / (double)n + z * z / (4 * (double)n * (double)n));
    return (us_interval){p, k ? fmax(0, mid - half) : 0, k < n ? fmin(1, mid + half) : 1, n};
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

typedef enum combine { RATIO, DIFFERENCE, QUOTIENT } combine;

static double statistic(combine how, const double s[4]) {
    double a = s[0] / s[1];
    if (how == RATIO) return a;
    return how == DIFFERENCE ? a - s[2] / s[3] : a / (s[2] / s[3]);
}

static us_interval resample(combine how, const double *const arrays[4], size_t n, uint64_t seed) {
    double found[N_RESAMPLES], all[4] = {0};
    us_rng rng;
    us_interval r = {NAN, NAN, NAN, n};
    if (!n) return r;
    for (int a = 0; a < 4; a++)
        for (size_t i = 0; i < n; i++) all[a] += arrays[a] ? arrays[a][i] : 1;
    r.value = statistic(how, all);
    us_rng_seed(&rng, seed);
    for (int k = 0; k < N_RESAMPLES; k++) {
        double s[4] = {0};
        for (size_t i = 0; i < n; i++) {
            size_t j = (size_t)us_rng_below(&rng, n);
            for (int a = 0; a < 4; a++) s[a] += arrays[a] ? arrays[a][j] : 1;
        }
        found[k] = statistic(how, s);
    }
    qsort(found, N_RESAMPLES, sizeof *found, by_value);
    r.low = found[N_RESAMPLES / 40];
    r.high = found[N_RESAMPLES - 1 - N_RESAMPLES / 40];
    return r;
}

us_interval us_bootstrap(const double *x, const double *y, size_t n, uint64_t seed) {
    return resample(RATIO, (const double *const[4]){x, y}, n, seed);
}

us_interval us_bootstrap_difference(const double *x1, const double *y1, const double *x0, const double *y0, size_t n,
                                    uint64_t seed) {
    return resample(DIFFERENCE, (const double *const[4]){x1, y1, x0, y0}, n, seed);
}

us_interval us_bootstrap_quotient(const double *x1, const double *y1, const double *x0, const double *y0, size_t n,
                                  uint64_t seed) {
    return resample(QUOTIENT, (const double *const[4]){x1, y1, x0, y0}, n, seed);
}

double us_mcnemar(uint64_t b, uint64_t c) {
    uint64_t n = b + c, k = b < c ? b : c;
    double p = 0;
    for (uint64_t i = 0; i <= k; i++)
        p += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) - (double)n * M_LN2);
    return fmin(1, 2 * p);
}

double us_ks(double *x, size_t n_x, double *y, size_t n_y) {
    double worst = 0;
    qsort(x, n_x, sizeof *x, by_value);
    qsort(y, n_y, sizeof *y, by_value);
    for (size_t i = 0, j = 0; i < n_x && j < n_y;) {
        double at = x[i] < y[j] ? x[i] : y[j];
        while (i < n_x && x[i] <= at) i++;
        while (j < n_y && y[j] <= at) j++;
        worst = fmax(worst, fabs((double)i / (double)n_x - (double)j / (double)n_y));
    }
    return worst;
}
