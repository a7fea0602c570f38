/* The table: scalar first, then each level that the processor and the system support overrides. */
#include "kern/kern.h"
#include "kern/pack.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__)
#include <sys/sysctl.h>
#endif

static bool always(void) { return true; }
#if defined(__x86_64__)
/* __builtin_cpu_supports("f16c") is unknown to older Clang. With AVX2 the system saves these registers already. */
static bool has_f16c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}
static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() && __builtin_cpu_supports("bmi2");
}
/* The 256-bit form, which has a bit of its own: laptops have it without AVX-512, servers of before 2023 the other way about. */
static bool has_avxvnni(void) {
    unsigned a, b, c, d;
    return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}
static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}
/* The tiles' registers are large, so Linux gives them to a process that asks. */
static bool has_amx(void) {
#ifdef __linux__
    unsigned a, b, c, d;
    const unsigned bf16 = 1u << 22, tile = 1u << 24;
    return has_avx512() && __builtin_cpu_supports("avx512bf16") && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & bf16) &&
           (d & tile) && syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* XFEATURE_XTILEDATA */) == 0;
#else
    return false;
#endif
}
#elif defined(__aarch64__)
static bool has_dotprod(void) {
#ifdef __linux__
    return getauxval(AT_HWCAP) & HWCAP_ASIMDDP;
#else
    return true;
#endif
}
static bool has_i8mm(void) {
#ifdef __linux__
    return has_dotprod() && (getauxval(AT_HWCAP2) & HWCAP2_I8MM);
#else
    int32_t has = 0; /* Apple's M1 lacks it, the M2 has it */
    size_t n = sizeof has;
    return sysctlbyname("hw.optional.arm.FEAT_I8MM", &has, &n, NULL, 0) == 0 && has;
#endif
}
#endif

static const struct {
    const char *name;
    bool (*supported)(void);
    void (*fill)(us_kern *);
} levels[] = {
    {"scalar", always, us_kern_fill_scalar},
#if defined(__x86_64__)
    {"avx2", has_avx2, us_kern_fill_avx2},       {"avxvnni", has_avxvnni, us_kern_fill_avxvnni},
    {"avx512", has_avx512, us_kern_fill_avx512}, {"amx", has_amx, us_kern_fill_amx},
#elif defined(__aarch64__)
    {"neon", always, us_kern_fill_neon}, /* part of the architecture */
    {"dotprod", has_dotprod, us_kern_fill_dotprod},
    {"i8mm", has_i8mm, us_kern_fill_i8mm},
#endif
};
#define N_LEVELS (sizeof levels / sizeof *levels)

static us_kern tables[N_LEVELS];
static const us_kern *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A level stands on the last one that is supported: a processor may lack one in the middle. */
static void fill_tables(void) {
    const char *ceiling = getenv("US_CPU");
    const us_kern *below = NULL;
    bool above = false;
    for (size_t i = 0; i < N_LEVELS; i++) {
        if (levels[i].supported()) {
            if (below) tables[i] = *below;
            levels[i].fill(&tables[i]);
            tables[i].name = levels[i].name;
            below = &tables[i];
            if (!above) chosen = &tables[i];
        }
        if (ceiling && !strcmp(levels[i].name, ceiling)) above = true;
    }
}

const us_kern *us_kern_get(void) {
    pthread_once(&once, fill_tables);
    return chosen;
}

const us_kern *us_kern_get_level(const char *name) {
    us_kern_get();
    for (size_t i = 0; i < N_LEVELS; i++)
        if (tables[i].name && !strcmp(tables[i].name, name)) return &tables[i];
    return NULL;
}

us_status us_kern_check(us_error *err) {
    const char *name = getenv("US_CPU");
    if (!name || !*name) return US_OK;
    char names[200] = "";
    for (size_t i = 0; i < N_LEVELS; i++) {
        if (!strcmp(levels[i].name, name)) return US_OK;
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, " %s", levels[i].name);
    }
    return us_fail(err, US_ERR_ARGUMENT, "US_CPU is '%.40s', no instruction set of this build; it has:%s", name, names);
}
