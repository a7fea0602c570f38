/* JSON Lines: as fuzz_csv.c. */
#include "script_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return read_script(data, size, ".jsonl"); }
