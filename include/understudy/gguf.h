/* understudy/gguf.h - reading GGUF containers (versions 2 and 3, little-endian): keys, values and tensors.
 *
 * A file is hostile until it was checked. us_gguf_open maps it and checks every count, length, offset,
 * type, alignment and product before it is used; what the getters hand out points into the map and
 * lives as long as the us_gguf, which is immutable and may be shared by threads. docs/gguf.md lists the checks.
 * Format: the GGUF specification of the ggml project. */
#ifndef UNDERSTUDY_GGUF_H
#define UNDERSTUDY_GGUF_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The format's own numbers. */
typedef enum us_kv_kind {
    US_KV_U8 = 0,
    US_KV_I8,
    US_KV_U16,
    US_KV_I16,
    US_KV_U32,
    US_KV_I32,
    US_KV_FLOAT32,
    US_KV_BOOL,
    US_KV_STRING,
    US_KV_ARRAY,
    US_KV_U64,
    US_KV_I64,
    US_KV_FLOAT64,
} us_kv_kind;

/* Bytes inside the map; not NUL-terminated, and in values not always UTF-8. */
typedef struct us_str {
    const char *data;
    size_t len;
} us_str;

typedef struct us_kv {
    us_str key;      /* UTF-8, at least one byte */
    us_kv_kind kind; /* of the value, or of the elements of an array; never US_KV_ARRAY */
    bool is_array;
    uint64_t n;                /* elements of an array, else 1 */
    const unsigned char *data; /* first value, unaligned; strings are u64 length + bytes, one after the other */
} us_kv;

typedef struct us_tensor {
    us_str name;               /* UTF-8, 1..255 bytes */
    int type;                  /* ggml's number of the block format, one that us_gguf_type_name knows */
    int n_dims;                /* 1..4 */
    int64_t ne[4];             /* ne[0] is the row length, a multiple of the type's block; unused ones are 1 */
    const unsigned char *data; /* n_bytes, all inside the file; no two tensors overlap */
    size_t n_bytes;
    int file; /* which part of a split file, from 0 */
} us_tensor;

typedef struct us_gguf us_gguf;

/* Opens a file, or a split one ("-00001-of-0000N.gguf") by its first part. Errors: IO, FORMAT (file, where, expected,
 * got), UNSUPPORTED (version, byte order, tensor type), MEMORY. */
US_API US_MUST_USE us_status us_gguf_open(const char *path, us_gguf **out, us_error *err);
US_API void us_gguf_close(us_gguf *g); /* NULL is fine */
US_API const char *us_gguf_path(const us_gguf *g);
US_API uint32_t us_gguf_version(const us_gguf *g);
US_API uint64_t us_gguf_bytes(const us_gguf *g); /* size of all parts */
US_API int us_gguf_n_files(const us_gguf *g);
US_API const us_kv *us_gguf_kvs(const us_gguf *g, size_t *n);         /* in the file's order */
US_API const us_tensor *us_gguf_tensors(const us_gguf *g, size_t *n); /* in the file's order */
US_API const us_kv *us_gguf_find(const us_gguf *g, const char *key);  /* NULL if absent */
US_API const us_tensor *us_gguf_find_tensor(const us_gguf *g, const char *name);
US_API const char *us_gguf_type_name(int type);      /* "Q4_1"; NULL for a type that is not supported */
US_API const char *us_kv_kind_name(us_kv_kind kind); /* "uint32" */

/* Typed getters: NOT_FOUND names the key, FORMAT says expected and got. The integer getter takes every
 * integer kind and checks the range [min, max]. */
US_API US_MUST_USE us_status us_gguf_get_int(const us_gguf *g, const char *key, int64_t min, int64_t max, int64_t *out,
                                             us_error *err);
US_API US_MUST_USE us_status us_gguf_get_float(const us_gguf *g, const char *key, double *out, us_error *err); /* finite */
US_API US_MUST_USE us_status us_gguf_get_bool(const us_gguf *g, const char *key, bool *out, us_error *err);
US_API US_MUST_USE us_status us_gguf_get_str(const us_gguf *g, const char *key, us_str *out, us_error *err);
/* An array whose elements are of `kind`, with at most max_n of them. */
US_API US_MUST_USE us_status us_gguf_get_array(const us_gguf *g, const char *key, us_kv_kind kind, uint64_t max_n,
                                               const us_kv **out, us_error *err);
/* Walks an array of strings (or a single one): *at is NULL before the first, then moves on; call it kv->n times. */
US_API us_str us_kv_next_str(const us_kv *kv, const unsigned char **at);
/* Element i of a value whose kind is of whole numbers or bool (i = 0 of one that is no array); false for other kinds. */
US_API bool us_kv_int(const us_kv *kv, uint64_t i, int64_t *out);

/* How much of a file is of one type. */
typedef struct us_gguf_type_use {
    int type;
    uint64_t n_tensors, n_weights, n_bytes;
} us_gguf_type_use;

/* What a file is, as its keys and tensors say. Strings are borrowed from the file and may hold anything. */
typedef struct us_gguf_summary {
    us_str architecture, name; /* "" where the file does not say */
    us_str chat_template;      /* its Jinja text: the main one, or the one called default; a blank one is none: "" */
    char other_templates[160]; /* names of those for other uses: "tool_use rag"; what is no letter, digit or '_' is '?' */
    bool is_adapter;
    uint64_t n_weights; /* without rope_freqs */
    us_gguf_type_use types[64];
    size_t n_types; /* those with most bytes first */
    /* of an adapter: */
    int64_t rank;     /* 0: it differs between modules; -1: there is no lora_a */
    double alpha;     /* -1: the file does not say */
    size_t n_factors; /* tensors that are an A or a B */
    size_t n_pairs;   /* A with their B */
    size_t n_layers;
    char modules[160]; /* "attn_q attn_v ..."; what is no letter, digit or '_' is '?' */
} us_gguf_summary;
US_API void us_gguf_summarise(const us_gguf *g, us_gguf_summary *out);

#ifdef __cplusplus
}
#endif
#endif
