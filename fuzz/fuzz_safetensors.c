/* Safetensors: any bytes are refused in words, or every tensor in them can be read as it says. */
#include "as_file.h"
#include "convert/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_safetensors s;
    us_error err;
    const char *name;
    json_t *t;
    if (us_safetensors_open(fuzz_write("adapter_model.safetensors", data, size), &s, &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    json_object_foreach(s.header, name, t) {
        json_t *shape = json_object_get(t, "shape");
        size_t rows = (size_t)json_integer_value(json_array_get(shape, 0)),
               cols = (size_t)json_integer_value(json_array_get(shape, 1));
        us_safetensors_rows(&s, name);
        if (!rows || !cols || rows > size || cols > size || rows * cols > size) continue;
        float *out = malloc(rows * cols * sizeof *out);
        if (out && us_safetensors_read(&s, name, rows, cols, out, &err) && !err.message[0]) abort();
        free(out);
    }
    us_safetensors_close(&s);
    return 0;
}
