/* base + scale * adapter as one model file, tensor by tensor. */
#include "base/mem.h"
#include "model/factors.h"
#include "understudy/convert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct merge {
    const us_gguf *base;
    const us_net *net;
    const us_factors *f;
    double scale;
    us_type *types; /* of each tensor in the new file */
} merge;

/* The factors of a tensor "blk.N.NAME.weight"; out->a is NULL when it has none. */
static us_status factors_of(const merge *m, us_str name, us_tensor_factors *out, us_error *err) {
    char want[96];
    *out = (us_tensor_factors){0};
    for (int32_t i = 0; i < m->f->n_layers * US_N_MODULES; i++) {
        us_place at = us_net_place(m->net, (us_module)(i % US_N_MODULES));
        snprintf(want, sizeof want, "blk.%d.%s.weight", i / US_N_MODULES, at.tensor);
        if (us_str_eq(name, want))
            return us_factors_join(m->net, m->f, i / US_N_MODULES, (us_module)(i % US_N_MODULES), out, err);
    }
    return US_OK;
}

static us_status fill(void *ctx, size_t i, void *dst, size_t n_bytes, us_error *err) {
    const merge *m = ctx;
    size_t n;
    const us_tensor *t = &us_gguf_tensors(m->base, &n)[i];
    us_type type = m->types[i];
    us_tensor_factors p = {0};
    us_status st = t->n_dims == 2 ? factors_of(m, t->name, &p, err) : US_OK;
    if (st) return st;
    if (!p.a && (us_type)t->type == type) {
        if (t->n_bytes != n_bytes) return us_fail(err, US_ERR_FORMAT, "merge: a tensor has an unexpected size");
        memcpy(dst, t->data, n_bytes);
        return US_OK;
    }
    size_t cols = (size_t)t->ne[0], rows = (size_t)(t->ne[1] * t->ne[2] * t->ne[3]),
           from = us_type_row_bytes((us_type)t->type, cols), to = us_type_row_bytes(type, cols);
    float *row = NULL, k = p.rank ? (float)(m->scale * (double)m->f->alpha / (double)p.rank) : 0;
    st = us_alloc(cols, sizeof *row, &row, err);
    for (size_t y = 0; y < rows && !st; y++) {
        us_dequant_row((us_type)t->type, t->data + y * from, row, cols);
        for (size_t j = 0; j < p.rank; j++) {
            float b = k * p.b[y * p.rank + j];
            for (size_t x = 0; x < cols; x++) row[x] += b * p.a[j * cols + x];
        }
        if (!us_quant_row(type, row, (unsigned char *)dst + y * to, cols))
            st = us_fail(err, US_ERR_UNSUPPORTED, "merge: rows of %zu cannot be written as %s", cols, us_gguf_type_name(type));
    }
    free(row);
    free(p.a);
    return st;
}

/* llama.cpp's number for a file whose tensors are mostly of a type. */
static uint32_t file_type(us_type t) {
    return t == US_TYPE_F16 ? 1 : t == US_TYPE_Q4_0 ? 2 : t == US_TYPE_Q4_1 ? 3 : t == US_TYPE_Q8_0 ? 7 : 0;
}

/* Rows of embedding and head suffer most from few bits: they keep what they have, or get 8 bits. */
static us_type type_in(const us_tensor *t, us_type wanted) {
    us_type own = (us_type)t->type;
    if (t->n_dims != 2 || t->ne[0] % US_BLOCK) return own;
    if (wanted == US_TYPE_F16 || !(us_str_eq(t->name, "token_embd.weight") || us_str_eq(t->name, "output.weight")))
        return wanted;
    return own == US_TYPE_F32 || own == US_TYPE_F16 || own == US_TYPE_BF16 ? US_TYPE_Q8_0 : own;
}

us_status us_adapter_merge(const us_model *model, const char *adapter_path, double scale, const char *type_name,
                           const char *path, us_error *err) {
    static const us_type types[] = {US_TYPE_F16, US_TYPE_Q8_0, US_TYPE_Q4_1, US_TYPE_Q4_0};
    us_adapter *check;
    us_gguf *g = NULL;
    us_gguf_writer *w = NULL;
    us_factors f = {0};
    size_t k = 0, n = 0, n_kvs = 0;
    while (k < 4 && strcmp(us_gguf_type_name(types[k]), type_name)) k++;
    if (k == 4) return us_fail(err, US_ERR_ARGUMENT, "type %.20s: expected F16, Q8_0, Q4_1 or Q4_0", type_name);
    us_status st = us_adapter_open(model, adapter_path, false, &check, err);
    if (st) return st;
    us_adapter_free(check);
    const us_tensor *t = us_gguf_tensors(model->g, &n);
    const us_kv *kvs = us_gguf_kvs(model->g, &n_kvs);
    merge m = {.base = model->g, .net = &model->net, .f = &f, .scale = scale};
    st = us_gguf_open(adapter_path, &g, err);
    if (!st) st = us_factors_read(model, g, &f, err);
    if (!st) st = us_gguf_writer_new(&w, err);
    if (!st) st = us_alloc(n, sizeof *m.types, &m.types, err);
    for (size_t i = 0; i < n_kvs && !st; i++)
        if (!us_str_eq(kvs[i].key, "general.file_type")) st = us_gguf_put_kv(w, &kvs[i], err);
    if (!st) st = us_gguf_put_u32(w, "general.file_type", file_type(types[k]), err);
    for (size_t i = 0; i < n && !st; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)t[i].name.len, t[i].name.data);
        m.types[i] = type_in(&t[i], types[k]);
        st = us_gguf_put_tensor(w, name, m.types[i], t[i].n_dims, t[i].ne, NULL, err);
    }
    if (!st) st = us_gguf_writer_finish(w, path, fill, &m, err);
    us_gguf_writer_free(w);
    us_factors_fini(&f);
    us_gguf_close(g);
    free(m.types);
    return st;
}
