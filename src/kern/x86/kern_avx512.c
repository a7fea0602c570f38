/* AVX-512 with VNNI: 16 lanes, a group of rows is one vector. */
#include "kern/x86/lanes16.h"
#include "kern/simd.h"

void us_kern_fill_avx512(us_kern *t) { fill(t); }
