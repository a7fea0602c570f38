/* The machine's limits, measured: what a speed is to be held against. Compiled with native flags by whoever needs it:
 *
 *   cc -O3 -march=native -ffast-math -pthread bench/machine.c -o build/machine && build/machine THREADS
 *
 * bandwidth: reading 512 MiB that no cache holds, best of 5. fma: independent float32 multiply-adds in registers. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BYTES ((size_t)512 << 20)
typedef float lane __attribute__((vector_size(64)));
enum { CHAINS = 16, STEPS = 40000000 };

typedef struct worker {
    pthread_t thread;
    int i, n;
    const unsigned char *data;
    double result;
} worker;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *read_share(void *ctx) {
    worker *w = ctx;
    size_t share = BYTES / (size_t)w->n & ~(size_t)511;
    const uint64_t *p = (const uint64_t *)(const void *)(w->data + (size_t)w->i * share);
    uint64_t sum = 0;
    for (size_t i = 0; i < share / 8; i++) sum += p[i];
    w->result = (double)(sum & 1);
    return NULL;
}

static void *multiply_add(void *ctx) {
    worker *w = ctx;
    lane a[CHAINS], b, c;
    for (size_t k = 0; k < sizeof b / sizeof b[0]; k++) b[k] = 0.999f, c[k] = 1e-3f * (float)w->i;
    for (int j = 0; j < CHAINS; j++) a[j] = b;
    for (int s = 0; s < STEPS / CHAINS; s++) {
#pragma GCC unroll 16
        for (int j = 0; j < CHAINS; j++) a[j] = a[j] * b + c;
    }
    for (int j = 1; j < CHAINS; j++) a[0] += a[j];
    w->result = (double)a[0][0];
    return NULL;
}

static double best_of_5(worker *w, int n, void *(*fn)(void *)) {
    double best = 1e30;
    for (int r = 0; r < 5; r++) {
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
    if (n < 1 || n > 256) return 2;
    unsigned char *data = aligned_alloc(64, BYTES);
    worker w[256];
    if (!data) return 1;
    memset(data, 1, BYTES);
    for (int i = 0; i < n; i++) w[i] = (worker){.i = i, .n = n, .data = data};
    double read = best_of_5(w, n, read_share), fma = best_of_5(w, n, multiply_add), unused = 0;
    for (int i = 0; i < n; i++) unused += w[i].result;
    printf("threads %d: bandwidth %.1f GB/s, fma %.0f GFLOP/s%s\n", n, (double)BYTES / read / 1e9,
           2.0 * STEPS * (double)(sizeof(lane) / sizeof(float)) * n / fma / 1e9, unused == 12345 ? "!" : "");
    free(data);
    return 0;
}
