/* The door for JSON: any bytes are refused in words, or are a value whose size was foreseen. */
#include "base/json.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_error_t where = {0};
    json_t *j = us_json_parse((const char *)data, size, &where);
    if (!j && !where.text[0]) abort();
    if (j && !us_json_cost((const char *)data, size)) abort();
    char *text = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
    if (j && !text) abort();
    free(text);
    json_decref(j);
    return 0;
}
