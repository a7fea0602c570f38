/* Gates of the audition: any text is refused in words that name the line, or is a list of gates. */
#include "as_file.h"
#include "understudy/audition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_error err = {0};
    if (us_audition_check_gates(fuzz_write("gates.txt", data, size), &err) && !err.message[0]) abort();
    return 0;
}
