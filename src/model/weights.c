/* Tensors of a model: found, checked for shape, then mapped as an earlier process has packed them (kept.h), or packed for the kernels
 * by all threads, source pages dropped, and kept. */
#include "base/mem.h"
#include "base/sha256.h"
#include "model/architectures.h"
#include "model/kept.h"
#include "model/model.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const us_module_names[US_N_MODULES] = {"q", "k", "v", "o", "gate", "up", "down"};
const char *const us_module_tensors[US_N_MODULES] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                     "ffn_gate", "ffn_up", "ffn_down"};

static size_t up64(size_t n) { return (n + 63) & ~(size_t)63; }

static us_status find_tensor(us_model *m, const char *name, size_t ne0, size_t ne1, const us_tensor **out, us_error *err) {
    const us_tensor *t = us_gguf_find_tensor(m->g, name);
    if (!t) return us_fail(err, US_ERR_FORMAT, "%s: no tensor '%s'", us_gguf_path(m->g), name);
    if (t->ne[0] != (int64_t)ne0 || t->ne[1] != (int64_t)ne1 || t->n_dims > 2)
        return us_fail(err, US_ERR_FORMAT, "%s: tensor '%s': expected [%zu, %zu], got [%lld, %lld]", us_gguf_path(m->g), name,
                       ne0, ne1, (long long)t->ne[0], (long long)t->ne[1]);
    *out = t;
    return US_OK;
}

static us_status unsound(const us_model *m, const us_tensor *t, us_error *err) {
    return us_fail(err, US_ERR_FORMAT,
                   "%s: tensor '%.*s' holds values that are no numbers or beyond all measure: the file is damaged",
                   us_gguf_path(m->g), (int)(t->name.len < 100 ? t->name.len : 100), t->name.data);
}

/* Values [first, first + n) of a vector of n_all. */
static us_status load_part(us_model *m, const char *name, size_t n_all, size_t first, size_t n, const float **out,
                           us_error *err) {
    const us_tensor *t = NULL;
    float *f;
    us_status st = find_tensor(m, name, n_all, 1, &t, err);
    size_t block = st ? 1 : us_type_block((us_type)t->type);
    if (!st && (first % block || n % block))
        st = us_fail(err, US_ERR_UNSUPPORTED, "%s: tensor '%s': type %s does not suit its parts", us_gguf_path(m->g), name,
                     us_type_name(t->type));
    if (!st) st = us_grow(&m->floats, &m->cap_floats, m->n_floats + 1, sizeof *m->floats, err);
    if (!st) st = us_alloc_aligned(n * sizeof *f, &f, err);
    if (st) return st;
    m->floats[m->n_floats++] = f;
    us_dequant_row((us_type)t->type, t->data + (first ? us_type_row_bytes((us_type)t->type, first) : 0), f, n);
    if (!us_quant_row_sound(US_TYPE_F32, f, n)) return unsound(m, t, err);
    *out = f;
    return US_OK;
}

static us_status load_floats(us_model *m, const char *name, size_t n, const float **out, us_error *err) {
    return load_part(m, name, n, 0, n, out, err);
}

/* One matrix to pack. */
typedef struct packing {
    us_matrix *out;
    const us_tensor *t;
    size_t first; /* its first row in the tensor */
    bool f32;
    _Atomic size_t n_left; /* groups still to pack: whoever packs the last drops the source */
    _Atomic bool unsound;
} packing;

typedef struct job {
    us_model *m;
    packing *items;
    size_t n_items;
    _Atomic size_t next; /* claims (matrix, slice) pairs */
    size_t slices;
    _Atomic bool no_memory;
} job;

static void pack_slice(job *j, packing *p, size_t slice) {
    const us_kern *kn = us_kern_get();
    size_t b, e, row_bytes = us_type_row_bytes((us_type)p->t->type, p->out->n_cols);
    us_split(p->out->n_groups, 1, (int)slice, (int)j->slices, &b, &e);
    float *rows = p->f32 ? malloc(US_GROUP * p->out->n_cols * sizeof *rows) : NULL;
    if (p->f32 && !rows) {
        atomic_store(&j->no_memory, true);
        return;
    }
    for (size_t g = b; g < e; g++) {
        size_t r0 = g * US_GROUP, n = p->out->n_rows - r0 < US_GROUP ? p->out->n_rows - r0 : US_GROUP;
        const unsigned char *src = p->t->data + (p->first + r0) * row_bytes;
        unsigned char *dst = p->out->data + g * p->out->group_bytes;
        for (size_t r = 0; r < n; r++)
            if (!us_quant_row_sound((us_type)p->t->type, src + r * row_bytes, p->out->n_cols)) atomic_store(&p->unsound, true);
        for (size_t r = 0; r < n && p->f32; r++)
            us_dequant_row((us_type)p->t->type, src + r * row_bytes, rows + r * p->out->n_cols, p->out->n_cols);
        if (p->f32) kn->pack_group(US_PACK_F32, US_TYPE_F32, rows, p->out->n_cols * sizeof *rows, n, p->out->n_cols, dst);
        else kn->pack_group(p->out->kind, (us_type)p->t->type, src, row_bytes, n, p->out->n_cols, dst);
    }
    free(rows);
    if (atomic_fetch_sub(&p->n_left, e - b) == e - b) us_gguf_drop(j->m->g, p->t);
}

static void pack_worker(void *ctx, int i_thread, int n_threads) {
    (void)i_thread;
    (void)n_threads;
    job *j = ctx;
    for (size_t i; (i = atomic_fetch_add(&j->next, 1)) < j->n_items * j->slices;)
        pack_slice(j, &j->items[i / j->slices], i % j->slices);
}

/* Rows [first, first + out) of a tensor of n_rows. */
static us_status plan(us_model *m, const char *name, size_t in, size_t n_rows, size_t first, size_t out, us_matrix *w,
                      packing *p, us_error *err) {
    us_status st = find_tensor(m, name, in, n_rows, &p->t, err);
    if (st) return st;
    p->first = first;
    p->f32 = m->math == US_MATH_F32;
    *w = (us_matrix){.kind = p->f32 ? US_PACK_F32 : us_pack_kind_of((us_type)p->t->type),
                     .n_rows = out,
                     .n_cols = in,
                     .n_groups = (out + US_GROUP - 1) / US_GROUP};
    w->group_bytes = us_pack_group_bytes(w->kind, in);
    p->out = w;
    size_t bytes;
    if (!w->group_bytes || !us_mul_size(w->group_bytes, w->n_groups, &bytes))
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: tensor '%s': %zu columns do not suit type %s", us_gguf_path(m->g), name,
                       in, us_type_name(p->t->type));
    m->info.n_params += (uint64_t)in * out;
    m->info.resident_bytes += up64(bytes);
    return US_OK;
}

static us_status load_linears(us_model *m, int32_t l, packing *items, us_error *err) {
    us_net *n = &m->net;
    us_net_layer *y = &n->layers[l];
    char name[96];
    us_status st;
    for (int k = 0; k < US_N_MODULES; k++) {
        size_t in, out;
        us_matrix *w = &m->matrices[l * US_N_MODULES + k];
        us_place at = us_net_place(n, (us_module)k);
        us_net_dims(n, (us_module)k, &in, &out);
        snprintf(name, sizeof name, "blk.%d.%s.weight", l, at.tensor);
        if ((st = plan(m, name, in, at.n_rows, at.first, out, w, &items[l * US_N_MODULES + k], err))) return st;
        y->w[k] = w;
        snprintf(name, sizeof name, "blk.%d.%s.bias", l, at.tensor);
        if (us_gguf_find_tensor(m->g, name) && (st = load_part(m, name, at.n_rows, at.first, out, &y->bias[k], err))) return st;
    }
    return US_OK;
}

static us_status load_norms(us_model *m, int32_t l, us_error *err) {
    const us_net *n = &m->net;
    us_net_layer *y = &n->layers[l];
    bool row = n->qk_norm == US_QK_NORM_ROW, pre = !m->arch->no_pre_norm, post = m->arch->post_norm;
    size_t d = (size_t)n->n_embd, e = (size_t)n->heads.head_size;
    const struct {
        const char *name;
        const float **to;
        size_t n;
        bool wanted;
    } norms[] = {{"attn_norm", &y->attn_norm, d, pre},
                 {"ffn_norm", &y->ffn_norm, d, pre},
                 {"post_attention_norm", &y->attn_post_norm, d, post},
                 {"post_ffw_norm", &y->ffn_post_norm, d, post},
                 {"attn_q_norm", &y->q_norm, row ? us_net_width_q(n) : e, n->qk_norm != US_QK_NORM_NONE},
                 {"attn_k_norm", &y->k_norm, row ? us_net_width_kv(n) : e, n->qk_norm != US_QK_NORM_NONE}};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof norms / sizeof *norms && !st; i++) {
        char name[96];
        snprintf(name, sizeof name, "blk.%d.%s.weight", l, norms[i].name);
        if (norms[i].wanted) st = load_floats(m, name, norms[i].n, norms[i].to, err);
    }
    return st;
}

/* Whether tensor t is one that this architecture's layers have. */
static bool is_known(const us_model *m, const us_tensor *t) {
    static const char *const outside[] = {"token_embd.weight",         "output.weight",
                                          "output_norm.weight",        "rope_freqs.weight",
                                          "rope_factors_short.weight", "rope_factors_long.weight"};
    char want[96], kind[96], name[128];
    int layer, end = 0;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (us_str_eq(t->name, outside[i])) return true;
    snprintf(name, sizeof name, "%.*s", (int)t->name.len, t->name.data);
    if (t->name.len >= 96 || sscanf(name, "blk.%9d.%n", &layer, &end) != 1 || !end || layer >= m->net.n_layers) return false;
    snprintf(kind, sizeof kind, "%s", name + end);
    for (int k = 0; k < US_N_MODULES; k++)
        for (int bias = 0; bias < 2; bias++) {
            snprintf(want, sizeof want, "%s.%s", us_net_place(&m->net, (us_module)k).tensor, bias ? "bias" : "weight");
            if (!strcmp(kind, want)) return true;
        }
    const us_net_layer *y = &m->net.layers[0];
    return (y->attn_norm && (!strcmp(kind, "attn_norm.weight") || !strcmp(kind, "ffn_norm.weight"))) ||
           (y->attn_post_norm && (!strcmp(kind, "post_attention_norm.weight") || !strcmp(kind, "post_ffw_norm.weight"))) ||
           (y->q_norm && (!strcmp(kind, "attn_q_norm.weight") || !strcmp(kind, "attn_k_norm.weight"))) ||
           !strcmp(kind, "attn_rot_embd.weight") || !strcmp(kind, "attn_rot_embd.inv_freq");
}

/* A weight that nobody reads means another model than the one that we would run. */
static us_status check_known(const us_model *m, us_error *err) {
    size_t n;
    const us_tensor *t = us_gguf_tensors(m->g, &n);
    for (size_t i = 0; i < n; i++)
        if (!is_known(m, &t[i]))
            return us_fail(err, US_ERR_UNSUPPORTED,
                           "%s: tensor '%.*s' has no place in architecture '%s' as it is known here: the model would be "
                           "understood wrongly",
                           us_gguf_path(m->g), (int)(t[i].name.len < 100 ? t[i].name.len : 100), t[i].name.data,
                           m->architecture);
    return US_OK;
}

/* Nothing was touched yet: a model that does not fit is refused here, not by the system in the middle of packing. */
static us_status check_fit(const us_model *m, const us_model_options *o, us_error *err) {
    uint64_t have = us_memory_available();
    if (m->info.resident_bytes > have)
        return us_fail(err, US_ERR_MEMORY,
                       "%s: its weights take %.2f GB, %.2f GB are available: choose a smaller model or quantization",
                       us_gguf_path(m->g), (double)m->info.resident_bytes / 1e9, (double)have / 1e9);
    return o->check ? o->check(o->check_ctx, m, err) : US_OK;
}

/* The matrices lie one behind the other from `at` on. */
static void place(const job *j, const unsigned char *at) {
    for (size_t i = 0; i < j->n_items; i++) {
        us_matrix *w = j->items[i].out;
        w->data = (unsigned char *)(uintptr_t)at;
        at += up64(w->n_groups * w->group_bytes);
    }
}

/* One block for all matrices, so that huge pages serve small ones too. Packing writes every byte of it, from the threads that
 * share the work. */
static us_status pack(us_model *m, job *j, us_pool *pool, us_error *err) {
    us_status st = us_alloc_untouched(m->info.resident_bytes, &m->weights, err);
    if (st) return st;
    atomic_store(&j->next, 0);
    for (size_t i = 0; i < j->n_items; i++) atomic_store(&j->items[i].n_left, j->items[i].out->n_groups);
    place(j, m->weights);
    for (size_t i = 0; i < j->n_items; i++) {
        size_t n = j->items[i].out->n_groups * j->items[i].out->group_bytes;
        memset(j->items[i].out->data + n, 0, up64(n) - n);
    }
    us_pool_run(pool, pack_worker, j);
    if (atomic_load(&j->no_memory)) return us_fail(err, US_ERR_MEMORY, "out of memory while packing weights");
    for (size_t i = 0; i < j->n_items && !st; i++)
        if (atomic_load(&j->items[i].unsound)) st = unsound(m, j->items[i].t, err);
    return st;
}

/* What this level's packing makes of a few known numbers of this kind: another packing gives another digest, without a number of
 * a version that somebody would have to think of. */
static us_status try_packing(us_pack_kind kind, us_type type, us_sha256 *s, us_error *err) {
    enum { COLS = 256 };
    size_t row = us_type_row_bytes(type, COLS), group = us_pack_group_bytes(kind, COLS);
    unsigned char *from = NULL, *to = NULL;
    us_status st = us_alloc_aligned(US_GROUP * row, &from, err);
    if (!st) st = us_alloc_aligned(group, &to, err);
    for (size_t i = 0; i < US_GROUP * row && !st; i++)
        from[i] = (unsigned char)(i * 2654435761u >> 13 & 0x3f); /* scales to 1.8 */
    if (!st) us_kern_get()->pack_group(kind, type, from, row, US_GROUP, COLS, to);
    if (!st) us_sha256_update(s, to, group);
    free(from);
    free(to);
    return st;
}

/* All that the packed bytes depend on beside the model's file. */
static us_status describe(const job *j, unsigned char out[32], us_error *err) {
    us_sha256 s;
    us_status st = US_OK;
    us_sha256_init(&s);
    us_sha256_update(&s, us_kern_get()->name, strlen(us_kern_get()->name) + 1);
    for (size_t i = 0; i < j->n_items && !st; i++) {
        const packing *p = &j->items[i];
        uint64_t shape[] = {p->out->kind, (uint64_t)p->t->type, p->out->n_rows, p->out->n_cols, p->out->group_bytes, p->first};
        us_sha256_update(&s, shape, sizeof shape);
        us_sha256_update(&s, p->t->name.data, p->t->name.len);
        bool tried = false;
        for (size_t k = 0; k < i && !tried; k++) tried = j->items[k].t->type == p->t->type;
        if (!tried) st = try_packing(p->out->kind, (us_type)p->t->type, &s, err);
    }
    us_sha256_final(&s, out);
    return st;
}

/* Whether packed weights of this model are kept, and where. The error says why not. */
static us_status may_keep(us_model *m, us_kept *k, us_error *why) {
    if (m->math != US_MATH_FAST) return us_fail(why, US_ERR_UNSUPPORTED, "float32 weights are not kept");
    if (m->info.resident_bytes < US_KEPT_LEAST) return us_fail(why, US_ERR_LIMIT, "so few bytes are packed sooner than found");
    us_status st = us_kept_open(k, why);
    if (!st && !us_kept_settled(m->g, true)) {
        us_kept_close(k);
        st = us_fail(why, US_ERR_MISMATCH, "the model's file is too new to tell a change of it");
    }
    return st;
}

/* Where packed weights of this model may be kept, and under which names. */
typedef struct keeping {
    us_kept folder;
    char hash[65];
    unsigned char layout[32];
    size_t n_bytes;
} keeping;

/* Maps the weights that are kept. */
static us_status find_kept(us_model *m, const job *j, const keeping *k, us_pool *pool, us_error *why) {
    const unsigned char *at;
    us_status st = us_kept_weights_find(&k->folder, k->hash, k->layout, k->n_bytes, pool, &m->file, &at, why);
    if (!st) place(j, at);
    return st;
}

/* Keeps those that were packed; then this process uses the file's bytes too, instead of its own. */
static us_status keep(us_model *m, job *j, const keeping *k, us_pool *pool, us_error *why, us_error *err) {
    us_status kept = us_gguf_unchanged(m->g) ? US_OK : us_fail(why, US_ERR_MISMATCH, "the model's file was changed meanwhile");
    if (!kept) kept = us_kept_weights_put(&k->folder, k->hash, k->layout, m->weights, k->n_bytes, pool, why);
    if (kept) return US_OK;
    free(m->weights); /* before: twice the weights may be more than there is */
    m->weights = NULL;
    return find_kept(m, j, k, pool, why) ? pack(m, j, pool, err) : US_OK;
}

/* The weights, kept or packed. Whatever hinders the keeping is no error, but a note. */
static us_status bring(us_model *m, job *j, us_pool *pool, us_error *err) {
    keeping k = {.n_bytes = m->info.resident_bytes};
    us_error why = {0};
    us_status kept = may_keep(m, &k.folder, &why);
    bool open = !kept;
    if (open) {
        us_model_get_hash(m, k.hash);
        kept = describe(j, k.layout, &why);
    }
    us_status st = US_OK;
    if (kept || find_kept(m, j, &k, pool, NULL)) {
        st = pack(m, j, pool, err);
        if (!st && !kept) st = keep(m, j, &k, pool, &why, err);
    }
    memcpy(m->kept, why.message, sizeof m->kept);
    if (open) us_kept_close(&k.folder);
    return st;
}

us_status us_weights_load(us_model *m, const us_model_options *o, us_error *err) {
    us_net *n = &m->net;
    size_t n_linear = (size_t)n->n_layers * US_N_MODULES, d = (size_t)n->n_embd, v = (size_t)n->n_vocab;
    us_pool *pool = NULL;
    job j = {.m = m, .slices = 8};
    us_status st = us_alloc(n_linear + 2, sizeof *m->matrices, &m->matrices, err);
    if (!st) st = us_alloc(n_linear + 2, sizeof *j.items, &j.items, err);
    if (!st) st = us_pool_new(o->n_threads, &pool, err);
    for (int32_t l = 0; l < n->n_layers && !st; l++)
        if (!(st = load_linears(m, l, j.items, err))) st = load_norms(m, l, err);
    j.n_items = n_linear;
    if (!st) st = plan(m, "token_embd.weight", d, v, 0, v, &m->matrices[n_linear], &j.items[j.n_items++], err);
    n->embd = n->head = &m->matrices[n_linear];
    m->info.tied_head = !us_gguf_find_tensor(m->g, "output.weight");
    if (!st && !m->info.tied_head) {
        n->head = &m->matrices[n_linear + 1];
        st = plan(m, "output.weight", d, v, 0, v, &m->matrices[n_linear + 1], &j.items[j.n_items++], err);
    }
    if (!st) st = load_floats(m, "output_norm.weight", d, &n->out_norm, err);
    if (!st) st = check_known(m, err);
    if (!st) m->info.quantization = us_type_name(j.items[0].t->type);
    if (!st) st = check_fit(m, o, err);
    if (!st) st = bring(m, &j, pool, err);
    m->loaded = !st;
    us_pool_free(pool);
    free(j.items);
    return st;
}
