/* model/gguf.h - what the library itself needs of GGUF beside the public reader: views of memory, page hints, writing. */
#ifndef US_MODEL_GGUF_H
#define US_MODEL_GGUF_H
#include "base/file.h"
#include "kern/quant.h"
#include "understudy/gguf.h"

/* The same checks over bytes in memory (8-byte aligned, borrowed until close): tests and fuzzing. Single files only. */
US_MUST_USE us_status us_gguf_open_bytes(const void *data, size_t n_bytes, const char *name, us_gguf **out, us_error *err);
/* Tells the kernel that a tensor's bytes are not needed again. */
void us_gguf_drop(const us_gguf *g, const us_tensor *t);
const us_map *us_gguf_map(const us_gguf *g, int file);
/* Whether the files that stand at its paths now are those that were opened, as they were. False of bytes in memory. */
bool us_gguf_unchanged(const us_gguf *g);

/* As us_kv_int, of any number kind but bool. */
bool us_kv_float(const us_kv *kv, uint64_t i, double *out);

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
US_MUST_USE us_status us_gguf_put_array(us_gguf_writer *w, const char *key, us_kv_kind kind, const void *data, size_t n,
                                        us_error *err);
US_MUST_USE us_status us_gguf_put_kv(us_gguf_writer *w, const us_kv *kv,
                                     us_error *err); /* a copy from another file; what tells of that
                                                      * file's own layout (general.alignment, split.*) is left out */
/* data may be NULL when us_gguf_writer_finish is given `fill`. */
US_MUST_USE us_status us_gguf_put_tensor(us_gguf_writer *w, const char *name, us_type type, int n_dims, const int64_t *ne,
                                         const void *data, us_error *err);
US_MUST_USE us_status us_gguf_writer_finish(us_gguf_writer *w, const char *path, us_tensor_fill *fill, void *ctx,
                                            us_error *err);
#endif
