/* The AVX-VNNI kernels, which run as they are with AVX-512's form of the same instruction. */
#include "lacking.h"
#define us_kern_fill_avxvnni us_emulated_fill_avxvnni
#include "kern/x86/kern_avxvnni.c"
