/* Pairs of factors by module become tensors of the file, and the other way; where a tensor holds several modules they are
 * joined or split. */
#include "model/factors.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void us_factors_fini(us_factors *f) {
    for (int32_t i = 0; f->owns && f->pairs && i < f->n_layers * US_N_MODULES; i++) free((float *)(uintptr_t)f->pairs[i].a);
    free(f->pairs);
    *f = (us_factors){0};
}

static size_t rank_of(const us_factors *f, const us_factor_pair *p) { return p->rank ? p->rank : (size_t)f->rank; }
static float scale_of(const us_factors *f, const us_factor_pair *p) {
    return p->scale != 0 ? p->scale : f->alpha / (float)f->rank;
}
/* Behind the last module of the tensor whose first is m. */
static us_module end_of(const us_net *n, us_module m) {
    int k = (int)m + 1;
    while (k < US_N_MODULES && us_net_place(n, (us_module)k).first) k++;
    return (us_module)k;
}

/* ---- tensors and modules ------------------------------------------------------------------------------------------------ */

size_t us_factors_reaching(const float *b, size_t rank, size_t first, size_t n, uint16_t *columns) {
    size_t found = 0;
    for (size_t j = 0; j < rank; j++) {
        size_t r = 0;
        while (r < n && b[(first + r) * rank + j] == 0) r++;
        if (r < n) columns[found++] = (uint16_t)j;
    }
    return found;
}

us_status us_factors_split(const us_net *n, us_factors *f, int32_t layer, us_module first, size_t rank, float scale,
                           const float *a, const float *b, us_error *err) {
    uint16_t *columns;
    us_module end = end_of(n, first);
    us_status st = us_alloc(rank, sizeof *columns, &columns, err);
    f->owns = true;
    for (int m = (int)first; m < (int)end && !st; m++) {
        us_factor_pair *p = &f->pairs[layer * US_N_MODULES + m];
        size_t at = us_net_place(n, (us_module)m).first, kept = rank;
        float *to;
        us_net_dims(n, (us_module)m, &p->n_in, &p->n_out);
        if (end - first > 1) kept = us_factors_reaching(b, rank, at, p->n_out, columns);
        else
            for (size_t j = 0; j < rank; j++) columns[j] = (uint16_t)j;
        if (!kept) continue;
        if ((st = us_alloc(kept * (p->n_in + p->n_out), sizeof *to, &to, err))) break;
        for (size_t j = 0; j < kept; j++) memcpy(to + j * p->n_in, a + columns[j] * p->n_in, p->n_in * sizeof *to);
        p->a = to;
        p->b = to += kept * p->n_in;
        for (size_t r = 0; r < p->n_out; r++)
            for (size_t j = 0; j < kept; j++) *to++ = b[(at + r) * rank + columns[j]];
        p->rank = kept;
        p->scale = scale;
        if (!f->rank) f->rank = (int32_t)kept;
    }
    free(columns);
    return st;
}

us_status us_factors_join(const us_net *n, const us_factors *f, int32_t layer, us_module first, us_tensor_factors *out,
                          us_error *err) {
    const us_factor_pair *pairs = &f->pairs[layer * US_N_MODULES];
    us_module end = end_of(n, first);
    size_t n_out;
    *out = (us_tensor_factors){.place = us_net_place(n, first)};
    us_net_dims(n, first, &out->n_in, &n_out);
    for (int m = (int)first; m < (int)end; m++) out->rank += pairs[m].a ? rank_of(f, &pairs[m]) : 0;
    if (!out->rank) return US_OK;
    us_status st = us_alloc(out->rank * (out->n_in + out->place.n_rows), sizeof *out->a, &out->a, err);
    if (st) return st;
    out->b = out->a + out->rank * out->n_in;
    for (size_t m = (size_t)first, j0 = 0; m < (size_t)end; m++) {
        const us_factor_pair *p = &pairs[m];
        size_t r = p->a ? rank_of(f, p) : 0, at = us_net_place(n, (us_module)m).first;
        float strength = f->alpha / (float)out->rank, gain = r && scale_of(f, p) != strength ? scale_of(f, p) / strength : 1;
        if (r) memcpy(out->a + j0 * out->n_in, p->a, r * out->n_in * sizeof *p->a);
        for (size_t y = 0; r && y < p->n_out; y++)
            for (size_t j = 0; j < r; j++) out->b[(at + y) * out->rank + j0 + j] = gain * p->b[y * r + j];
        j0 += r;
    }
    return US_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

static us_status read_tensor(const us_gguf *g, const us_net *n, int32_t layer, us_module m, char part, const us_tensor **t,
                             float **out, us_error *err) {
    char name[96];
    snprintf(name, sizeof name, "blk.%d.%s.weight.lora_%c", layer, us_net_place(n, m).tensor, part);
    *out = NULL;
    *t = us_gguf_find_tensor(g, name);
    if (!*t) return US_OK;
    size_t cols = (size_t)(*t)->ne[0], rows = (size_t)(*t)->ne[1], bytes = us_type_row_bytes((us_type)(*t)->type, cols);
    us_status st = us_alloc(rows * cols, sizeof **out, out, err);
    for (size_t r = 0; r < rows && !st; r++) us_dequant_row((us_type)(*t)->type, (*t)->data + r * bytes, *out + r * cols, cols);
    return st;
}

us_status us_factors_read(const us_model *m, const us_gguf *g, us_factors *out, us_error *err) {
    const us_net *n = &m->net;
    double alpha;
    *out = (us_factors){.n_layers = n->n_layers};
    us_status st = us_gguf_get_float(g, "adapter.lora.alpha", &alpha, err);
    if (!st) st = us_alloc((size_t)n->n_layers * US_N_MODULES, sizeof *out->pairs, &out->pairs, err);
    for (int32_t i = 0; i < n->n_layers * US_N_MODULES && !st; i++) {
        const us_tensor *ta, *tb;
        float *a = NULL, *b = NULL;
        us_module mod = (us_module)(i % US_N_MODULES);
        if (us_net_place(n, mod).first) continue;
        st = read_tensor(g, n, i / US_N_MODULES, mod, 'a', &ta, &a, err);
        if (!st) st = read_tensor(g, n, i / US_N_MODULES, mod, 'b', &tb, &b, err);
        if (!st && a && b)
            st = us_factors_split(n, out, i / US_N_MODULES, mod, (size_t)ta->ne[1],
                                  alpha > 0 ? (float)(alpha / (double)ta->ne[1]) : 1.0f, a, b, err);
        free(a);
        free(b);
    }
    out->alpha = alpha > 0 ? (float)alpha : (float)out->rank;
    if (st) us_factors_fini(out);
    return st;
}

/* ---- writing ---------------------------------------------------------------------------------------------- */

typedef struct source {
    const us_net *n;
    const us_factors *f;
    us_type (*types)[2];
    uint32_t *at; /* layer and first module of the tensors 2i, 2i+1 */
} source;

static us_type type_for(us_factor_type type, size_t row) {
    if (type == US_FACTOR_F32) return US_TYPE_F32;
    return type == US_FACTOR_Q8_0 && row % US_BLOCK == 0 ? US_TYPE_Q8_0 : US_TYPE_F16;
}

static us_status fill(void *ctx, size_t i, void *dst, size_t n_bytes, us_error *err) {
    const source *s = ctx;
    us_tensor_factors t;
    us_status st =
        us_factors_join(s->n, s->f, (int32_t)(s->at[i / 2] / US_N_MODULES), (us_module)(s->at[i / 2] % US_N_MODULES), &t, err);
    if (st) return st;
    size_t row = i % 2 ? t.rank : t.n_in, rows = i % 2 ? t.place.n_rows : t.rank;
    us_type type = s->types[i / 2][i % 2];
    size_t row_bytes = us_type_row_bytes(type, row);
    if (row_bytes * rows != n_bytes) st = us_fail(err, US_ERR_FORMAT, "adapter: tensor %zu has an unexpected size", i);
    for (size_t r = 0; r < rows && !st; r++)
        if (!us_quant_row(type, (i % 2 ? t.b : t.a) + r * row, (unsigned char *)dst + r * row_bytes, row))
            st = us_fail(err, US_ERR_FORMAT, "adapter: cannot round a row of %zu", row);
    free(t.a);
    return st;
}

/* Announces the two tensors of one tensor of the base, if any of its modules has factors. */
static us_status put_pair(us_gguf_writer *w, source *s, uint32_t at, us_factor_type type, size_t *n_pairs, us_error *err) {
    us_tensor_factors t;
    us_status st = us_factors_join(s->n, s->f, (int32_t)(at / US_N_MODULES), (us_module)(at % US_N_MODULES), &t, err);
    if (st || !t.a) return st;
    for (int b = 0; b < 2 && !st; b++) {
        char name[96];
        int64_t ne[2] = {(int64_t)(b ? t.rank : t.n_in), (int64_t)(b ? t.place.n_rows : t.rank)};
        snprintf(name, sizeof name, "blk.%u.%s.weight.lora_%c", at / US_N_MODULES, t.place.tensor, b ? 'b' : 'a');
        s->types[*n_pairs][b] = type_for(type, (size_t)ne[0]);
        st = us_gguf_put_tensor(w, name, s->types[*n_pairs][b], 2, ne, NULL, err);
    }
    s->at[(*n_pairs)++] = at;
    free(t.a);
    return st;
}

static us_status put_str(us_gguf_writer *w, const char *key, const char *s, us_error *err) {
    return us_gguf_put_str(w, key, s, strlen(s), err);
}

us_status us_factors_write(us_model *m, const us_factors *f, us_factor_type type, const char *name, us_factors_put *put,
                           void *ctx, const char *path, us_error *err) {
    us_gguf_writer *w = NULL;
    source s = {.n = &m->net, .f = f};
    char base[65];
    const us_template *tpl;
    size_t n = (size_t)f->n_layers * US_N_MODULES, n_pairs = 0;
    us_model_get_hash(m, base);
    us_status st = us_gguf_writer_new(&w, err);
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
    if (!st) st = us_alloc(n, sizeof *s.at, &s.at, err);
    for (size_t i = 0; i < n && !st; i++)
        if (!us_net_place(&m->net, (us_module)(i % US_N_MODULES)).first) st = put_pair(w, &s, (uint32_t)i, type, &n_pairs, err);
    if (!st && f->head) st = us_gguf_put_tensor(w, US_DIRECTOR_HEAD, US_TYPE_F32, 1, &f->n_head, f->head, err);
    if (!st) st = us_gguf_writer_finish(w, path, fill, &s, err);
    us_gguf_writer_free(w);
    free(s.types);
    free(s.at);
    return st;
}
