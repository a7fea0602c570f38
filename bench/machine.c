/* The machine's limits, measured: what a speed is to be held against. Compiled with native flags by whoever needs it:
 *
 *   cc -O3 -march=native -ffast-math -pthread bench/machine.c -o build/machine && build/machine THREADS [MIB]
 *
 * bandwidth: reading MIB (512, which no cache holds) over and over, best of 9, from huge pages, asking for lines 8 KiB ahead
 * (some processors' own prefetchers leave half of it unused). fma: independent float32 multiply-adds in registers. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* As many chains as hide the latency of two multiply-adds a cycle, and no more than stay in registers beside b and c. */
#ifdef __AVX512F__
typedef float lane __attribute__((vector_size(64)));
enum { CHAINS = 16 };
#elif defined(__AVX__)
typedef float lane __attribute__((vector_size(32)));
enum { CHAINS = 12 };
#else
typedef float lane __attribute__((vector_size(16)));
enum { CHAINS = 12 };
#endif
enum { STEPS = 40000000 };

typedef struct worker {
    pthread_t thread;
    int i, n;
    const unsigned char *data;
    size_t bytes;
    double result;
} worker;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *read_share(void *ctx) {
    worker *w = ctx;
    size_t share = w->bytes / (size_t)w->n & ~(size_t)511;
    const uint64_t *p = (const uint64_t *)(const void *)(w->data + (size_t)w->i * share);
    uint64_t sum = 0;
    for (size_t i = 0; i < share / 8; i += 64) {
        for (size_t k = 0; k < 64; k += 8) __builtin_prefetch(p + i + k + 1024);
        for (size_t k = 0; k < 64; k++) sum += p[i + k];
    }
    w->result = (double)(sum & 1);
    return NULL;
}

static void *multiply_add(void *ctx) {
    worker *w = ctx;
    lane a[CHAINS], b, c;
    for (size_t k = 0; k < sizeof b / sizeof b[0]; k++) b[k] = 0.999f, c[k] = 1e-3f * (float)w->i;
    for (int j = 0; j < CHAINS; j++) a[j] = b;
    for (int s = 0; s < STEPS / CHAINS; s++) {
#pragma GCC unroll CHAINS
        for (int j = 0; j < CHAINS; j++) a[j] = a[j] * b + c;
    }
    for (int j = 1; j < CHAINS; j++) a[0] += a[j];
    w->result = (double)a[0][0];
    return NULL;
}

static double best_of_9(worker *w, int n, void *(*fn)(void *)) {
    double best = 1e30;
    for (int r = 0; r < 9; r++) {
        double start = now();
        for (int i = 0; i < n; i++) pthread_create(&w[i].thread, NULL, fn, &w[i]);
        for (int i = 0; i < n; i++) pthread_join(w[i].thread, NULL);
        double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    return best;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 1;
    size_t bytes = (size_t)(argc > 2 ? atoi(argv[2]) : 512) << 20;
    if (n < 1 || n > 256 || bytes < (size_t)1 << 20 || bytes > (size_t)1 << 40) return 2;
    unsigned char *data = aligned_alloc((size_t)2 << 20, bytes);
    worker w[256];
    if (!data) return 1;
#ifdef MADV_HUGEPAGE
    madvise(data, bytes, MADV_HUGEPAGE);
#endif
    memset(data, 1, bytes);
    for (int i = 0; i < n; i++) w[i] = (worker){.i = i, .n = n, .data = data, .bytes = bytes};
    double read = best_of_9(w, n, read_share), fma = best_of_9(w, n, multiply_add), unused = 0;
    for (int i = 0; i < n; i++) unused += w[i].result;
    printf("threads %d: bandwidth over %zu MiB %.1f GB/s, fma %.0f GFLOP/s%s\n", n, bytes >> 20, (double)bytes / read / 1e9,
           2.0 * STEPS * (double)(sizeof(lane) / sizeof(float)) * n / fma / 1e9, unused == 12345 ? "!" : "");
    free(data);
    return 0;
}
