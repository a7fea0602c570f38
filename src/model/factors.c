#include "model/factors.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void us_factors_fini(us_factors *f) {
    free(f->pairs);
    free(f->owned);
    *f = (us_factors){0};
}

us_status us_factors_read(const us_model *m, const us_gguf *g, us_factors *out, us_error *err) {
    double alpha;
    size_t total = 0, at = 0;
    *out = (us_factors){.n_layers = m->net.n_layers};
    us_status st = us_gguf_get_float(g, "adapter.lora.alpha", &alpha, err);
    if (!st) st = us_alloc((size_t)m->net.n_layers * US_N_MODULES, sizeof *out->pairs, &out->pairs, err);
    for (int pass = 0; pass < 2 && !st; pass++) {
        if (pass) st = us_alloc(total, sizeof(float), &out->owned, err);
        for (int32_t i = 0; i < m->net.n_layers * US_N_MODULES && !st; i++) {
            us_factor_pair *p = &out->pairs[i];
            us_net_dims(&m->net, (us_module)(i % US_N_MODULES), &p->n_in, &p->n_out);
            for (int b = 0; b < 2; b++) {
                char name[96];
                snprintf(name, sizeof name, "blk.%d.%s.weight.lora_%c", i / US_N_MODULES, us_module_tensors[i % US_N_MODULES],
                         b ? 'b' : 'a');
                const us_tensor *t = us_gguf_find_tensor(g, name);
                if (!t) continue;
                size_t n = (size_t)(t->ne[0] * t->ne[1]);
                if (!pass) {
                    int32_t rank = (int32_t)t->ne[b ? 0 : 1];
                    if (out->rank && out->rank != rank)
                        st = us_fail(err, US_ERR_UNSUPPORTED, "%s: modules of different ranks (%d and %d)", us_gguf_path(g),
                                     out->rank, rank);
                    out->rank = rank;
                    total += n;
                    continue;
                }
                for (int64_t r = 0; r < t->ne[1]; r++)
                    us_dequant_row((us_type)t->type,
                                   t->data + (size_t)r * us_type_row_bytes((us_type)t->type, (size_t)t->ne[0]),
                                   out->owned + at + (size_t)(r * t->ne[0]), (size_t)t->ne[0]);
                *(b ? &p->b : &p->a) = out->owned + at;
                at += n;
            }
        }
    }
    out->alpha = alpha > 0 ? (float)alpha : (float)out->rank;
    if (st) us_factors_fini(out);
    return st;
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

typedef struct source {
    const us_factors *f;
    us_type (*types)[2];
    uint32_t *pairs; /* of the tensors 2i, 2i+1 */
} source;

static us_type type_for(us_factor_type type, size_t row) {
    if (type == US_FACTOR_F32) return US_TYPE_F32;
    return type == US_FACTOR_Q8_0 && row % US_BLOCK == 0 ? US_TYPE_Q8_0 : US_TYPE_F16;
}

static us_status fill(void *ctx, size_t i, void *dst, size_t n_bytes, us_error *err) {
    const source *s = ctx;
    const us_factor_pair *p = &s->f->pairs[s->pairs[i / 2]];
    size_t rank = (size_t)s->f->rank, row = i % 2 ? rank : p->n_in, rows = i % 2 ? p->n_out : rank;
    us_type type = s->types[i / 2][i % 2];
    size_t row_bytes = us_type_row_bytes(type, row);
    if (row_bytes * rows != n_bytes) return us_fail(err, US_ERR_FORMAT, "adapter: tensor %zu has an unexpected size", i);
    for (size_t r = 0; r < rows; r++)
        if (!us_quant_row(type, (i % 2 ? p->b : p->a) + r * row, (unsigned char *)dst + r * row_bytes, row))
            return us_fail(err, US_ERR_FORMAT, "adapter: cannot round a row of %zu", row);
    return US_OK;
}

static us_status put_str(us_gguf_writer *w, const char *key, const char *s, us_error *err) {
    return us_gguf_put_str(w, key, s, strlen(s), err);
}

us_status us_factors_write(us_model *m, const us_factors *f, us_factor_type type, const char *name, us_factors_put *put,
                           void *ctx, const char *path, us_error *err) {
    us_gguf_writer *w = NULL;
    source s = {.f = f};
    char base[65];
    const us_template *tpl;
    size_t n = (size_t)f->n_layers * US_N_MODULES, n_pairs = 0;
    us_status st = us_model_get_hash(m, base, err);
    if (!st) st = us_gguf_writer_new(&w, err);
    if (!st) st = put_str(w, "general.type", "adapter", err);
    if (!st) st = put_str(w, "general.architecture", m->info.architecture, err);
    if (!st && *name) st = put_str(w, "general.name", name, err);
    if (!st) st = put_str(w, "adapter.type", f->type ? f->type : "lora", err);
    if (!st) st = us_gguf_put_f32(w, "adapter.lora.alpha", f->alpha, err);
    if (!st) st = put_str(w, "understudy.version", us_version(), err);
    if (!st) st = put_str(w, "understudy.base.sha256", base, err);
    if (!st) st = put_str(w, "understudy.base.name", m->info.name, err);
    if (!st && !us_model_get_template(m, &tpl, NULL)) st = put_str(w, "understudy.template", us_template_name(tpl), err);
    if (!st && put) st = put(ctx, w, err);
    if (!st) st = us_alloc(n, sizeof *s.types, &s.types, err);
    if (!st) st = us_alloc(n, sizeof *s.pairs, &s.pairs, err);
    for (size_t i = 0; i < n && !st; i++) {
        const us_factor_pair *p = &f->pairs[i];
        if (!p->a) continue;
        s.pairs[n_pairs] = (uint32_t)i;
        for (int b = 0; b < 2 && !st; b++) {
            char tensor[96];
            int64_t ne[2] = {b ? f->rank : (int64_t)p->n_in, b ? (int64_t)p->n_out : f->rank};
            snprintf(tensor, sizeof tensor, "blk.%zu.%s.weight.lora_%c", i / US_N_MODULES, us_module_tensors[i % US_N_MODULES],
                     b ? 'b' : 'a');
            s.types[n_pairs][b] = type_for(type, (size_t)ne[0]);
            st = us_gguf_put_tensor(w, tensor, s.types[n_pairs][b], 2, ne, NULL, err);
        }
        n_pairs++;
    }
    if (!st && f->head) st = us_gguf_put_tensor(w, US_DIRECTOR_HEAD, US_TYPE_F32, 1, &f->n_head, f->head, err);
    if (!st) st = us_gguf_writer_finish(w, path, fill, &s, err);
    us_gguf_writer_free(w);
    free(s.types);
    free(s.pairs);
    return st;
}
