/* Writing a GGUF file: keys and tensors' heads are collected in memory, tensors are written one after the other, and the
 * file is renamed when it is whole. */
#include "base/buf.h"
#include "base/mem.h"
#include "model/gguf.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGN 32

typedef struct entry {
    const void *data;
    size_t n_bytes;
} entry;

struct us_gguf_writer {
    us_buf kvs, infos;
    uint64_t n_kvs, n_tensors, offset;
    entry *tensors;
    size_t cap;
};

us_status us_gguf_writer_new(us_gguf_writer **out, us_error *err) {
    us_gguf_writer *w;
    us_status st = us_alloc(1, sizeof *w, &w, err);
    if (st) return st;
    us_buf_init(&w->kvs, (size_t)1 << 30);
    us_buf_init(&w->infos, (size_t)1 << 28);
    *out = w;
    return US_OK;
}

void us_gguf_writer_free(us_gguf_writer *w) {
    if (!w) return;
    us_buf_fini(&w->kvs);
    us_buf_fini(&w->infos);
    free(w->tensors);
    free(w);
}

static us_status put_bytes(us_buf *b, const char *s, size_t n, us_error *err) {
    uint64_t len = n;
    us_status st = us_buf_append(b, &len, 8, err);
    return st ? st : us_buf_append(b, s, n, err);
}

static us_status head(us_gguf_writer *w, const char *key, uint32_t kind, us_error *err) {
    w->n_kvs++;
    us_status st = put_bytes(&w->kvs, key, strlen(key), err);
    return st ? st : us_buf_append(&w->kvs, &kind, 4, err);
}

static us_status put(us_gguf_writer *w, const char *key, us_kv_kind kind, const void *v, size_t n, us_error *err) {
    us_status st = head(w, key, kind, err);
    return st ? st : us_buf_append(&w->kvs, v, n, err);
}

us_status us_gguf_put_str(us_gguf_writer *w, const char *key, const char *s, size_t n, us_error *err) {
    us_status st = head(w, key, US_KV_STRING, err);
    return st ? st : put_bytes(&w->kvs, s, n, err);
}
us_status us_gguf_put_u32(us_gguf_writer *w, const char *key, uint32_t v, us_error *err) {
    return put(w, key, US_KV_U32, &v, 4, err);
}
us_status us_gguf_put_u64(us_gguf_writer *w, const char *key, uint64_t v, us_error *err) {
    return put(w, key, US_KV_U64, &v, 8, err);
}
us_status us_gguf_put_f32(us_gguf_writer *w, const char *key, float v, us_error *err) {
    return put(w, key, US_KV_FLOAT32, &v, 4, err);
}
us_status us_gguf_put_bool(us_gguf_writer *w, const char *key, bool v, us_error *err) {
    unsigned char b = v;
    return put(w, key, US_KV_BOOL, &b, 1, err);
}

static us_status array_head(us_gguf_writer *w, const char *key, us_kv_kind kind, uint64_t n, us_error *err) {
    uint32_t k = kind;
    us_status st = head(w, key, US_KV_ARRAY, err);
    if (!st) st = us_buf_append(&w->kvs, &k, 4, err);
    return st ? st : us_buf_append(&w->kvs, &n, 8, err);
}

us_status us_gguf_put_strs(us_gguf_writer *w, const char *key, const us_str *s, size_t n, us_error *err) {
    us_status st = array_head(w, key, US_KV_STRING, n, err);
    for (size_t i = 0; i < n && !st; i++) st = put_bytes(&w->kvs, s[i].data, s[i].len, err);
    return st;
}

us_status us_gguf_put_array(us_gguf_writer *w, const char *key, us_kv_kind kind, const void *data, size_t n, us_error *err) {
    static const unsigned char bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    us_status st = array_head(w, key, kind, n, err);
    return st ? st : us_buf_append(&w->kvs, data, n * bytes[kind], err);
}

us_status us_gguf_put_kv(us_gguf_writer *w, const us_kv *kv, us_error *err) {
    char *key = NULL;
    if (us_str_eq(kv->key, "general.alignment") || (kv->key.len > 6 && !memcmp(kv->key.data, "split.", 6))) return US_OK;
    us_status st = us_strndup(kv->key.data, kv->key.len, &key, err);
    if (st) return st;
    const unsigned char *at = NULL;
    if (kv->kind != US_KV_STRING) {
        static const unsigned char bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
        st = kv->is_array ? us_gguf_put_array(w, key, kv->kind, kv->data, (size_t)kv->n, err)
                          : put(w, key, kv->kind, kv->data, bytes[kv->kind], err);
    } else {
        st = kv->is_array ? array_head(w, key, US_KV_STRING, kv->n, err) : head(w, key, US_KV_STRING, err);
        for (uint64_t i = 0; i < kv->n && !st; i++) {
            us_str s = us_kv_next_str(kv, &at);
            st = put_bytes(&w->kvs, s.data, s.len, err);
        }
    }
    free(key);
    return st;
}

us_status us_gguf_put_tensor(us_gguf_writer *w, const char *name, us_type type, int n_dims, const int64_t *ne, const void *data,
                             us_error *err) {
    size_t n_bytes = n_dims < 1 || n_dims > 4 || ne[0] < 1 ? 0 : us_type_row_bytes(type, (size_t)ne[0]);
    for (int d = 1; d < n_dims && n_bytes; d++)
        if (ne[d] < 1 || !us_mul_size(n_bytes, (size_t)ne[d], &n_bytes)) n_bytes = 0;
    if (!n_bytes)
        return us_fail(err, US_ERR_ARGUMENT, "tensor '%s': %d dimensions, rows of %lld do not suit type %s", name, n_dims,
                       (long long)ne[0], us_type_name(type));
    uint32_t nd = (uint32_t)n_dims, ty = type;
    us_status st = us_grow(&w->tensors, &w->cap, (size_t)w->n_tensors + 1, sizeof *w->tensors, err);
    if (!st) st = put_bytes(&w->infos, name, strlen(name), err);
    if (!st) st = us_buf_append(&w->infos, &nd, 4, err);
    if (!st) st = us_buf_append(&w->infos, ne, 8 * (size_t)n_dims, err);
    if (!st) st = us_buf_append(&w->infos, &ty, 4, err);
    if (!st) st = us_buf_append(&w->infos, &w->offset, 8, err);
    if (st) return st;
    w->tensors[w->n_tensors++] = (entry){data, n_bytes};
    w->offset += (n_bytes + ALIGN - 1) / ALIGN * ALIGN;
    return US_OK;
}

static us_status write_tensors(us_gguf_writer *w, FILE *f, us_tensor_fill *fill, void *ctx, us_error *err) {
    static const char zeros[ALIGN];
    us_status st = US_OK;
    void *block = NULL;
    for (size_t i = 0; i < w->n_tensors && !st; i++) {
        const entry *t = &w->tensors[i];
        const void *data = t->data;
        if (!data) {
            void *bigger = realloc(block, t->n_bytes);
            if (!bigger) st = us_fail(err, US_ERR_MEMORY, "out of memory: %zu bytes", t->n_bytes);
            else block = bigger, data = block, st = fill(ctx, i, block, t->n_bytes, err);
        }
        if (st) break;
        fwrite(data, 1, t->n_bytes, f);
        fwrite(zeros, 1, (ALIGN - t->n_bytes % ALIGN) % ALIGN, f);
    }
    free(block);
    return st;
}

us_status us_gguf_writer_finish(us_gguf_writer *w, const char *path, us_tensor_fill *fill, void *ctx, us_error *err) {
    char tmp[PATH_MAX];
    int fd;
    us_file_remove_unfinished(path); /* a checkpoint's, of a training that was killed: as large as itself */
    us_status st = us_file_open_beside(path, 0644, tmp, &fd, err);
    if (st) return st;
    FILE *f = fdopen(fd, "wb");
    if (!f) {
        unlink(tmp);
        close(fd);
        return us_fail(err, US_ERR_MEMORY, "out of memory");
    }
    static const char zeros[ALIGN];
    uint32_t version = 3;
    fwrite("GGUF", 1, 4, f);
    fwrite(&version, 4, 1, f);
    fwrite(&w->n_tensors, 8, 1, f);
    fwrite(&w->n_kvs, 8, 1, f);
    if (w->kvs.len) fwrite(w->kvs.data, 1, w->kvs.len, f);
    if (w->infos.len) fwrite(w->infos.data, 1, w->infos.len, f);
    fwrite(zeros, 1, (ALIGN - (24 + w->kvs.len + w->infos.len) % ALIGN) % ALIGN, f);
    st = write_tensors(w, f, fill, ctx, err);
    if (!st && (fflush(f) || ferror(f) || fsync(fileno(f))))
        st = us_fail(err, US_ERR_IO, "%s: cannot write: %s", tmp, strerror(errno));
    if (st) unlink(tmp);
    else st = us_file_replace(tmp, path, err);
    fclose(f);
    return st;
}
