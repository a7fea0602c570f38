#include "convert/safetensors.h"
#include "base/buf.h"
#include "base/json.h"
#include "kern/quant.h"
#include <stdlib.h>
#include <string.h>

#define MAX_HEADER_BYTES ((uint64_t)32 << 20)

static us_status check(const us_safetensors *s, uint64_t data_bytes, us_error *err) {
    const char *name;
    json_t *t;
    json_object_foreach(s->header, name, t) {
        if (!strcmp(name, "__metadata__")) continue;
        const char *type = json_string_value(json_object_get(t, "dtype"));
        json_t *shape = json_object_get(t, "shape"), *offsets = json_object_get(t, "data_offsets");
        size_t dims = json_array_size(shape);
        uint64_t n = 1, size = type && !strcmp(type, "F32")                              ? 4
                               : type && (!strcmp(type, "F16") || !strcmp(type, "BF16")) ? 2
                                                                                         : 0;
        if (!size)
            return us_fail(err, US_ERR_UNSUPPORTED, "%s: tensor '%.100s' of type %.20s; expected F32, F16 or BF16", s->path,
                           name, type ? type : "?");
        if (!dims || dims > 2 || json_array_size(offsets) != 2)
            return us_fail(err, US_ERR_FORMAT, "%s: tensor '%.100s': expected a shape of one or two dimensions and two offsets",
                           s->path, name);
        for (size_t i = 0; i < dims; i++) {
            json_int_t d = json_integer_value(json_array_get(shape, i));
            if (d < 1 || d > 1 << 24)
                return us_fail(err, US_ERR_FORMAT, "%s: tensor '%.100s': dimension %lld is out of range", s->path, name,
                               (long long)d);
            n *= (uint64_t)d;
        }
        json_int_t b = json_integer_value(json_array_get(offsets, 0)), e = json_integer_value(json_array_get(offsets, 1));
        if (b < 0 || e < b || (uint64_t)e > data_bytes || (uint64_t)(e - b) != n * size)
            return us_fail(err, US_ERR_FORMAT,
                           "%s: tensor '%.100s': offsets %lld to %lld do not hold its shape or leave the file", s->path, name,
                           (long long)b, (long long)e);
    }
    return US_OK;
}

us_status us_safetensors_open(const char *path, us_safetensors *out, us_error *err) {
    *out = (us_safetensors){.path = path};
    us_status st = us_map_open(path, &out->map, err);
    if (st) return st;
    uint64_t n = 0;
    json_error_t where;
    if (out->map.size >= 8) memcpy(&n, out->map.data, 8);
    if (n < 2 || n > MAX_HEADER_BYTES || n > out->map.size - 8)
        st = us_fail(err, US_ERR_FORMAT, "%s: not a safetensors file (header of %llu bytes in %zu)", path,
                     (unsigned long long)n, out->map.size);
    if (!st && !(out->header = us_json_parse((const char *)out->map.data + 8, n, &where)))
        st = us_fail(err, US_ERR_FORMAT, "%s: header: %s", path, where.text);
    if (!st && !json_is_object(out->header)) st = us_fail(err, US_ERR_FORMAT, "%s: the header is not an object", path);
    if (!st) st = check(out, out->map.size - 8 - n, err);
    if (st) us_safetensors_close(out);
    return st;
}

void us_safetensors_close(us_safetensors *s) {
    us_map_close(&s->map);
    json_decref(s->header);
    *s = (us_safetensors){0};
}

size_t us_safetensors_rows(const us_safetensors *s, const char *name) {
    return (size_t)json_integer_value(json_array_get(json_object_get(json_object_get(s->header, name), "shape"), 0));
}

us_status us_safetensors_read(const us_safetensors *s, const char *name, size_t rows, size_t cols, float *out, us_error *err) {
    json_t *t = json_object_get(s->header, name), *shape = json_object_get(t, "shape");
    if (!t) return us_fail(err, US_ERR_NOT_FOUND, "%s: no tensor '%s'", s->path, name);
    if (json_array_size(shape) != 2 || (size_t)json_integer_value(json_array_get(shape, 0)) != rows ||
        (size_t)json_integer_value(json_array_get(shape, 1)) != cols)
        return us_fail(err, US_ERR_MISMATCH, "%s: '%s': expected [%zu, %zu], got [%lld, %lld]: made for another model?",
                       s->path, name, rows, cols, (long long)json_integer_value(json_array_get(shape, 0)),
                       (long long)json_integer_value(json_array_get(shape, 1)));
    const char *type = json_string_value(json_object_get(t, "dtype"));
    us_type ty = !strcmp(type, "F32") ? US_TYPE_F32 : !strcmp(type, "F16") ? US_TYPE_F16 : US_TYPE_BF16;
    uint64_t header;
    memcpy(&header, s->map.data, 8);
    const unsigned char *data =
        s->map.data + 8 + header + json_integer_value(json_array_get(json_object_get(t, "data_offsets"), 0));
    if (!us_quant_row_sound(ty, data, rows * cols))
        return us_fail(err, US_ERR_FORMAT, "%s: '%.100s' holds values that are no numbers or beyond all measure", s->path,
                       name);
    for (size_t r = 0; r < rows; r++) us_dequant_row(ty, data + r * us_type_row_bytes(ty, cols), out + r * cols, cols);
    return US_OK;
}

us_status us_safetensors_write(const char *path, const us_safetensor *t, size_t n, us_error *err) {
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t bytes = t[i].rows * t[i].cols * sizeof(float);
        json_object_set_new(header, t[i].name,
                            json_pack("{s:s, s:[I,I], s:[I,I]}", "dtype", "F32", "shape", (json_int_t)t[i].rows,
                                      (json_int_t)t[i].cols, "data_offsets", (json_int_t)at, (json_int_t)(at + bytes)));
        at += bytes;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    if (!text) return us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf b;
    us_buf_init(&b, (size_t)4 << 30);
    uint64_t len = (strlen(text) + 7) & ~(uint64_t)7;
    us_status st = us_buf_append(&b, &len, 8, err);
    if (!st) st = us_buf_append_str(&b, text, err);
    for (size_t k = strlen(text); k < len && !st; k++) st = us_buf_append(&b, " ", 1, err);
    for (size_t i = 0; i < n && !st; i++) st = us_buf_append(&b, t[i].data, t[i].rows * t[i].cols * sizeof(float), err);
    if (!st) st = us_file_write_atomic(path, b.data, b.len, err);
    us_buf_fini(&b);
    free(text);
    return st;
}
