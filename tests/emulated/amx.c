/* The AMX kernels with their tiles and roundings emulated. */
#include "lacking.h"
#define us_kern_fill_amx us_emulated_fill_amx
#include "kern/x86/kern_amx.c"
