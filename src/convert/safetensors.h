/* convert/safetensors.h - the container that PEFT writes: a JSON header, then raw tensors. */
#ifndef US_CONVERT_SAFETENSORS_H
#define US_CONVERT_SAFETENSORS_H
#include "base/file.h"
#include <jansson.h>

typedef struct us_safetensors {
    us_map map;
    json_t *header;
    const char *path; /* borrowed */
} us_safetensors;

/* Checks every offset, shape and type (F32, F16, BF16; at most 2 dimensions) before anything is used. */
US_MUST_USE us_status us_safetensors_open(const char *path, us_safetensors *out, us_error *err);
void us_safetensors_close(us_safetensors *s);
/* The rows of a tensor; 0 when there is none of that name. */
size_t us_safetensors_rows(const us_safetensors *s, const char *name);
/* A tensor [rows, cols] as floats in out[rows * cols]. NOT_FOUND, or FORMAT for another shape. */
US_MUST_USE us_status us_safetensors_read(const us_safetensors *s, const char *name, size_t rows, size_t cols, float *out,
                                          us_error *err);

typedef struct us_safetensor {
    char name[160];
    size_t rows, cols;
    const float *data;
} us_safetensor;
US_MUST_USE us_status us_safetensors_write(const char *path, const us_safetensor *t, size_t n, us_error *err);
#endif
