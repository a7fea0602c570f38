/* model/gguf.h - reading and writing GGUF containers (v2, v3, little-endian). The file is hostile until checked.
 *
 * us_gguf_open maps the file and checks every count, length, offset, type, alignment and product before it
 * is used: counts against the bytes that are left, tensors against the file's size, no duplicate keys or
 * tensors, no overlapping tensors. What the getters hand out points into the map and lives as long as the
 * us_gguf. A split model ("-00001-of-0000N.gguf") is opened by its first part. */
#ifndef US_MODEL_GGUF_H
#define US_MODEL_GGUF_H
#include "base/file.h"
#include "kern/quant.h"

typedef enum us_kv_kind {
    US_KV_U8 = 0, US_KV_I8, US_KV_U16, US_KV_I16, US_KV_U32, US_KV_I32, US_KV_FLOAT32, US_KV_BOOL, US_KV_STRING, US_KV_ARRAY,
    US_KV_U64, US_KV_I64, US_KV_FLOAT64,
} us_kv_kind;

/* Bytes inside the map; not NUL-terminated. */
typedef struct us_str { const char *data; size_t len; } us_str;

typedef struct us_kv {
    us_str key;
    us_kv_kind kind;            /* of the value, or of the elements of an array */
    bool is_array;
    uint64_t n;                 /* elements of an array, else 1 */
    const unsigned char *data;  /* first value; strings are u64 length + bytes, one after the other */
} us_kv;

typedef struct us_tensor {
    us_str name;
    int type;                   /* a us_type that is supported */
    int n_dims;                 /* 1..4 */
    int64_t ne[4];              /* ne[0] is the row length; unused ones are 1 */
    const unsigned char *data;
    size_t n_bytes;
    int file;                   /* which part of a split file */
} us_tensor;

typedef struct us_gguf us_gguf;
US_MUST_USE us_status us_gguf_open(const char *path, us_gguf **out, us_error *err);
void us_gguf_close(us_gguf *g);
const char *us_gguf_path(const us_gguf *g);
uint32_t us_gguf_version(const us_gguf *g);
uint64_t us_gguf_bytes(const us_gguf *g);         /* of all parts */
const us_kv *us_gguf_kvs(const us_gguf *g, size_t *n);
const us_tensor *us_gguf_tensors(const us_gguf *g, size_t *n);
const us_kv *us_gguf_find(const us_gguf *g, const char *key);          /* NULL if absent */
const us_tensor *us_gguf_find_tensor(const us_gguf *g, const char *name);
/* Tells the kernel that a tensor's bytes are not needed again. */
void us_gguf_drop(const us_gguf *g, const us_tensor *t);
int us_gguf_n_files(const us_gguf *g);
const us_map *us_gguf_map(const us_gguf *g, int file);

/* Typed getters: NOT_FOUND names the key, FORMAT says expected and got. The integer getter takes every
 * integer kind that fits the range [min, max]. */
US_MUST_USE us_status us_gguf_get_int(const us_gguf *g, const char *key, int64_t min, int64_t max, int64_t *out, us_error *err);
US_MUST_USE us_status us_gguf_get_float(const us_gguf *g, const char *key, double *out, us_error *err);
US_MUST_USE us_status us_gguf_get_bool(const us_gguf *g, const char *key, bool *out, us_error *err);
US_MUST_USE us_status us_gguf_get_str(const us_gguf *g, const char *key, us_str *out, us_error *err);
/* An array of `kind`, with at most max_n elements. */
US_MUST_USE us_status us_gguf_get_array(const us_gguf *g, const char *key, us_kv_kind kind, uint64_t max_n, const us_kv **out, us_error *err);
/* Walks an array of strings: *at is NULL before the first, then moves on. The array was checked at open. */
us_str us_kv_next_str(const us_kv *kv, const unsigned char **at);
static inline bool us_str_eq(us_str s, const char *c) {
    size_t n = __builtin_strlen(c);
    return s.len == n && !__builtin_memcmp(s.data, c, n);
}

/* ---- writing --------------------------------------------------------------------------------------
 * Collects keys and tensors, then writes the file atomically; tensor bytes are borrowed until
 * us_gguf_writer_finish, or produced by a callback so that a large file needs little memory. */
typedef struct us_gguf_writer us_gguf_writer;
typedef us_status us_tensor_fill(void *ctx, size_t i_tensor, void *dst, size_t n_bytes, us_error *err);
US_MUST_USE us_status us_gguf_writer_new(us_gguf_writer **out, us_error *err);
void us_gguf_writer_free(us_gguf_writer *w);
US_MUST_USE us_status us_gguf_put_str(us_gguf_writer *w, const char *key, const char *s, size_t n, us_error *err);
US_MUST_USE us_status us_gguf_put_u32(us_gguf_writer *w, const char *key, uint32_t v, us_error *err);
US_MUST_USE us_status us_gguf_put_u64(us_gguf_writer *w, const char *key, uint64_t v, us_error *err);
US_MUST_USE us_status us_gguf_put_f32(us_gguf_writer *w, const char *key, float v, us_error *err);
US_MUST_USE us_status us_gguf_put_bool(us_gguf_writer *w, const char *key, bool v, us_error *err);
US_MUST_USE us_status us_gguf_put_strs(us_gguf_writer *w, const char *key, const us_str *s, size_t n, us_error *err);
/* kind is a number kind; data holds n elements of it. */
US_MUST_USE us_status us_gguf_put_array(us_gguf_writer *w, const char *key, us_kv_kind kind, const void *data, size_t n, us_error *err);
US_MUST_USE us_status us_gguf_put_kv(us_gguf_writer *w, const us_kv *kv, us_error *err); /* a copy from another file */
/* data may be NULL when us_gguf_writer_finish is given `fill`. */
US_MUST_USE us_status us_gguf_put_tensor(us_gguf_writer *w, const char *name, us_type type, int n_dims, const int64_t *ne, const void *data,
                                         us_error *err);
US_MUST_USE us_status us_gguf_writer_finish(us_gguf_writer *w, const char *path, us_tensor_fill *fill, void *ctx, us_error *err);
#endif
