/* PEFT folders: any bytes as adapter_config.json, and behind the first NUL as adapter_model.safetensors, are refused in words, or become a
 * GGUF adapter that this library opens. */
#include "as_file.h"
#include "understudy/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_model *m = fuzz_model();
    us_error err;
    us_adapter *a;
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t n = nul ? (size_t)(nul - data) : size;
    fuzz_write("adapter_config.json", data, n);
    fuzz_write("adapter_model.safetensors", nul ? nul + 1 : data + size, nul ? size - n - 1 : 0);
    char out[4096];
    snprintf(out, sizeof out, "%s", fuzz_path("out.gguf"));
    if (us_peft_import(m, fuzz_folder, US_ADAPTER_F32, out, &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (us_adapter_open(m, out, false, &a, &err)) abort();
    us_adapter_free(a);
    return 0;
}
