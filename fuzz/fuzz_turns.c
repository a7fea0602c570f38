/* Turns without names: any bytes are refused in words, or become a script that keeps its promises and can be explored. */
#include "script_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return read_script(data, size, "turns"); }
