/* LoRA adapters: GGUF files with general.type=adapter; tensors "<base tensor>.lora_a" [in, R] and ".lora_b" [R, out]. Of a
 * tensor that several modules share (attn_qkv), each module packs its rows of B, and the rows of A that reach them. */
#include "base/mem.h"
#include "model/factors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_RANK 256
#define MAX_FUSED_RANK (3 * MAX_RANK) /* of a file's tensor that holds three modules' */

/* A module's factors in a file: rows [first, first + n_out) of B, and those components of the rank that reach them. */
typedef struct part {
    const us_tensor *a, *b;
    size_t first, n_out, rank;
    bool whole; /* all of both */
    uint16_t columns[MAX_FUSED_RANK];
} part;

/* How a factor is kept: on the fast path in 8 bits, so that decoding reads a quarter of what float32 takes. Both meet inputs
 * of 8 bits; the rounding stays far below that of the weights that they correct. */
static us_pack_kind kind_for(const us_model *m, size_t cols, bool is_a) {
    if (m->math == US_MATH_F32 || (is_a && cols % US_BLOCK)) return US_PACK_F32;
    return is_a ? US_PACK_Q8 : US_PACK_I8;
}

static void plan_factor(const us_model *m, const part *p, bool is_a, us_matrix *out, size_t *n_bytes) {
    size_t cols = is_a ? (size_t)p->a->ne[0] : p->rank, rows = is_a ? p->rank : p->n_out;
    *out = (us_matrix){
        .kind = kind_for(m, cols, is_a), .n_rows = rows, .n_cols = cols, .n_groups = (rows + US_GROUP - 1) / US_GROUP};
    out->group_bytes = us_pack_group_bytes(out->kind, cols);
    *n_bytes += (out->group_bytes * out->n_groups + 63) & ~(size_t)63;
}

/* Row r of a module's A or B; `whole` has room for a row of the file. */
static const unsigned char *part_row(const part *p, bool is_a, size_t r, float *whole, float *row) {
    const us_tensor *t = is_a ? p->a : p->b;
    size_t cols = (size_t)t->ne[0];
    const unsigned char *src = t->data + (is_a ? p->columns[r] : p->first + r) * us_type_row_bytes((us_type)t->type, cols);
    us_dequant_row((us_type)t->type, src, is_a || p->whole ? row : whole, cols);
    for (size_t c = 0; c < p->rank && !is_a && !p->whole; c++) row[c] = whole[p->columns[c]];
    return src;
}

/* Packs a factor at *at and moves on. */
static us_status pack_factor(const us_gguf *g, const part *p, bool is_a, us_matrix *out, unsigned char **at, us_error *err) {
    const us_kern *kn = us_kern_get();
    const us_tensor *t = is_a ? p->a : p->b;
    bool as_is = t->type == US_TYPE_Q8_0 && (is_a || p->whole); /* the file's own numbers */
    size_t cols = out->n_cols, q8_bytes = us_type_row_bytes(US_TYPE_Q8_0, cols);
    float *f = NULL;
    us_status st = us_alloc(2 * US_GROUP * cols + MAX_FUSED_RANK, sizeof *f, &f, err);
    float *whole = st ? NULL : f + US_GROUP * cols;
    unsigned char *q8 = st ? NULL : (unsigned char *)(whole + MAX_FUSED_RANK);
    out->data = *at;
    *at += (out->group_bytes * out->n_groups + 63) & ~(size_t)63;
    for (size_t r = 0; r < out->n_rows && !st; r += US_GROUP) {
        size_t n = out->n_rows - r < US_GROUP ? out->n_rows - r : US_GROUP;
        unsigned char *dst = out->data + r / US_GROUP * out->group_bytes;
        for (size_t i = 0; i < n; i++) {
            const unsigned char *src = part_row(p, is_a, r + i, whole, f + i * cols);
            if (!us_quant_row_sound(US_TYPE_F32, f + i * cols, cols) && !st)
                st = us_fail(err, US_ERR_FORMAT,
                             "%s: tensor '%.*s' holds values that are no numbers or beyond all measure: the file is damaged",
                             us_gguf_path(g), (int)(t->name.len < 100 ? t->name.len : 100), t->name.data);
            if (out->kind != US_PACK_Q8 || st) continue;
            if (as_is) memcpy(q8 + i * q8_bytes, src, q8_bytes);
            else us_quant_row(US_TYPE_Q8_0, f + i * cols, q8 + i * q8_bytes, cols);
        }
        if (st) break;
        if (out->kind != US_PACK_Q8) kn->pack_group(out->kind, US_TYPE_F32, f, cols * sizeof *f, n, cols, dst);
        else kn->pack_group(US_PACK_Q8, US_TYPE_Q8_0, q8, q8_bytes, n, cols, dst);
    }
    free(f);
    return st;
}

static us_status check_header(const us_model *m, const us_gguf *g, const char *type, bool force, us_error *err) {
    us_str s;
    const char *path = us_gguf_path(g);
    if (us_gguf_get_str(g, "general.type", &s, NULL) || !us_str_eq(s, "adapter"))
        return us_fail(err, US_ERR_MISMATCH, "%s: not an adapter (general.type is not 'adapter')", path);
    us_status st = us_gguf_get_str(g, "adapter.type", &s, err);
    if (st) return st;
    if (!us_str_eq(s, type))
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: adapter of type '%.*s', '%s' is expected", path,
                       (int)(s.len < 40 ? s.len : 40), s.data, type);
    if (us_gguf_find(g, "adapter.alora.invocation_tokens"))
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "%s: an activated LoRA, which works only behind its own words (adapter.alora.invocation_tokens), is not "
                       "supported",
                       path);
    if ((st = us_gguf_get_str(g, "general.architecture", &s, err))) return st;
    if (!us_str_eq(s, m->architecture))
        return us_fail(err, US_ERR_MISMATCH, "%s: made for architecture '%.*s', the model is '%s'", path,
                       (int)(s.len < 40 ? s.len : 40), s.data, m->architecture);
    int64_t form = 1;
    if (us_gguf_find(g, "understudy.prompt.form") && us_gguf_get_int(g, "understudy.prompt.form", 1, INT32_MAX, &form, err))
        return US_ERR_FORMAT;
    if (form > US_PROMPT_FORM)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "%s: trained with a later form of prompts (%lld; this program writes %d): a later understudy is needed",
                       path, (long long)form, US_PROMPT_FORM);
    char hash[65];
    if (force || us_gguf_get_str(g, "understudy.base.sha256", &s, NULL)) return US_OK;
    us_model_get_hash((us_model *)(uintptr_t)m, hash);
    if (!us_str_eq(s, hash))
        return us_fail(err, US_ERR_MISMATCH,
                       "%s: trained over another base file (its sha256 begins %.*s, this model's %.12s): use that file (chat "
                       "and serve try all the same with --force-adapter)",
                       path, 12, s.data, hash);
    return US_OK;
}

/* Finds and checks a module's factors; a->NULL when the file has none for it. */
static us_status find_part(const us_model *m, const us_gguf *g, int32_t layer, us_module mod, part *p, us_error *err) {
    const us_net *net = &m->net;
    us_place place = us_net_place(net, mod);
    char name[96];
    size_t in, len;
    us_net_dims(net, mod, &in, &p->n_out);
    p->first = place.first;
    p->whole = place.n_rows == p->n_out;
    int64_t most = p->whole ? MAX_RANK : MAX_FUSED_RANK;
    len = (size_t)snprintf(name, sizeof name, "blk.%d.%s.weight.lora_a", layer, place.tensor);
    p->a = us_gguf_find_tensor(g, name);
    name[len - 1] = 'b';
    p->b = us_gguf_find_tensor(g, name);
    name[len - sizeof ".lora_b" + 1] = 0;
    if (!p->a && !p->b) return US_OK;
    if (!p->a || !p->b) return us_fail(err, US_ERR_FORMAT, "%s: '%s' has only one of lora_a and lora_b", us_gguf_path(g), name);
    if (p->a->ne[0] != (int64_t)in || p->b->ne[1] != (int64_t)place.n_rows || p->a->ne[1] != p->b->ne[0] || p->a->ne[1] < 1 ||
        p->a->ne[1] > most || p->a->n_dims > 2 || p->b->n_dims > 2)
        return us_fail(err, US_ERR_MISMATCH,
                       "%s: '%s': expected A [%zu, r] and B [r, %zu] with r at most %d, got [%lld, %lld] and [%lld, %lld]",
                       us_gguf_path(g), name, in, place.n_rows, (int)most, (long long)p->a->ne[0], (long long)p->a->ne[1],
                       (long long)p->b->ne[0], (long long)p->b->ne[1]);
    p->rank = (size_t)p->a->ne[1];
    for (size_t j = 0; j < p->rank; j++) p->columns[j] = (uint16_t)j;
    if (p->whole) return US_OK;
    float *b;
    us_status st = us_alloc(place.n_rows * p->rank, sizeof *b, &b, err);
    for (size_t r = 0; r < place.n_rows && !st; r++)
        us_dequant_row((us_type)p->b->type, p->b->data + r * us_type_row_bytes((us_type)p->b->type, p->rank), b + r * p->rank,
                       p->rank);
    if (!st) p->rank = us_factors_reaching(b, p->rank, p->first, p->n_out, p->columns);
    free(b);
    if (!st && p->rank > MAX_RANK)
        st = us_fail(err, US_ERR_UNSUPPORTED, "%s: '%s': a rank of %zu for one module, at most %d", us_gguf_path(g), name,
                     p->rank, MAX_RANK);
    return st;
}

static us_status plan_site(const us_model *m, const us_gguf *g, int32_t layer, us_module mod, us_adapter *ad, double alpha,
                           size_t *n_found, size_t *n_bytes, us_error *err) {
    us_adapter_site *site = &ad->sites[layer * US_N_MODULES + (int)mod];
    part p;
    us_status st = find_part(m, g, layer, mod, &p, err);
    if (st || !p.a) return st;
    if (!p.first) *n_found += 2;
    if (!p.rank) return US_OK;
    if (p.rank > (size_t)ad->rank) ad->rank = (int32_t)p.rank;
    site->scale = alpha > 0 ? (float)(alpha / (double)p.a->ne[1]) : 1.0f;
    plan_factor(m, &p, true, &site->a, n_bytes);
    plan_factor(m, &p, false, &site->b, n_bytes);
    return US_OK;
}

/* Packs a layer's factors in the order of use: those of modules with one input follow each other. */
static us_status pack_layer(const us_gguf *g, int32_t layer, us_adapter *ad, unsigned char **at, us_error *err) {
    static const us_module first[] = {US_MOD_Q, US_MOD_O, US_MOD_GATE, US_MOD_DOWN, US_N_MODULES};
    us_status st = US_OK;
    for (size_t k = 0; k + 1 < sizeof first / sizeof *first; k++)
        for (int is_b = 0; is_b < 2; is_b++)
            for (int mod = (int)first[k]; mod < (int)first[k + 1] && !st; mod++) {
                us_adapter_site *site = &ad->sites[layer * US_N_MODULES + mod];
                part p;
                if (!site->a.n_rows) continue;
                st = find_part(ad->model, g, layer, (us_module)mod, &p, err);
                if (!st) st = pack_factor(g, &p, !is_b, is_b ? &site->b : &site->a, at, err);
            }
    return st;
}

/* `extra` tensors beside the factors are the caller's. */
static us_status open_as(const us_model *m, const char *path, const char *type, size_t extra, bool force, us_adapter **out,
                         us_error *err) {
    us_gguf *g = NULL;
    us_adapter *ad = NULL;
    double alpha;
    size_t n_found = 0, n_bytes = 0, n_tensors;
    us_status st = us_gguf_open(path, &g, err);
    if (!st) st = check_header(m, g, type, force, err);
    if (!st) st = us_gguf_get_float(g, "adapter.lora.alpha", &alpha, err);
    if (!st && !(fabs(alpha) <= 65504)) st = us_fail(err, US_ERR_FORMAT, "%s: adapter.lora.alpha is %g", path, alpha);
    if (!st) st = us_alloc(1, sizeof *ad, &ad, err);
    if (!st) ad->model = m;
    if (!st) st = us_strdup(path, &ad->path, err);
    if (!st) st = us_alloc((size_t)m->net.n_layers * US_N_MODULES, sizeof *ad->sites, &ad->sites, err);
    for (int32_t i = 0; !st && i < m->net.n_layers * US_N_MODULES; i++)
        st = plan_site(m, g, i / US_N_MODULES, (us_module)(i % US_N_MODULES), ad, alpha, &n_found, &n_bytes, err);
    const us_tensor *all = g ? us_gguf_tensors(g, &n_tensors) : NULL;
    n_found += extra;
    for (size_t i = 0; !st && i < n_tensors && n_found != n_tensors; i++) {
        us_str s = all[i].name;
        char copy[256];
        snprintf(copy, sizeof copy, "%.*s", (int)s.len, s.data);
        bool ours = extra && !strcmp(copy, US_DIRECTOR_HEAD);
        if (ours) continue;
        for (int k = 0; k < US_N_MODULES; k++) ours = ours || strstr(copy, us_net_place(&m->net, (us_module)k).tensor);
        if (!ours || strncmp(copy, "blk.", 4) != 0)
            st = us_fail(err, US_ERR_UNSUPPORTED,
                         "%s: tensor '%s' is not a LoRA factor of attn_{q,k,v,output} or ffn_{gate,up,down}", path, copy);
    }
    if (!st && n_found != n_tensors)
        st = us_fail(err, US_ERR_MISMATCH, "%s: %zu of its %zu tensors have no place in this model of %d layers", path,
                     n_tensors - n_found, n_tensors, m->net.n_layers);
    if (!st && !n_found) st = us_fail(err, US_ERR_FORMAT, "%s: the adapter is empty", path);
    if (!st) st = us_alloc_aligned(n_bytes ? n_bytes : 64, &ad->data, err); /* a director may be a head alone */
    unsigned char *at = st ? NULL : ad->data;
    for (int32_t i = 0; !st && i < m->net.n_layers; i++) st = pack_layer(g, i, ad, &at, err);
    if (!st) {
        *out = ad;
    } else us_adapter_free(ad);
    us_gguf_close(g);
    return st;
}

us_status us_adapter_open(const us_model *m, const char *path, bool force, us_adapter **out, us_error *err) {
    return open_as(m, path, "lora", 0, force, out, err);
}

us_status us_adapter_open_director(const us_model *m, const char *path, us_adapter **out, us_error *err) {
    return open_as(m, path, "director", 1, false, out, err);
}

void us_adapter_free(us_adapter *ad) {
    if (!ad) return;
    free(ad->data);
    free(ad->sites);
    free(ad->path);
    free(ad);
}
