/* Linear layers, y = W x + bias + scale B (A x), of all rows of a pass. The rows are rounded once for all modules that read
 * them, and go through A; then outputs are handed out in groups, each with W's part and B's. */
#include "generate/forward.h"

/* Whether a matrix is multiplied through matmul_bf16: only kinds whose inputs are rounded anyway. */
static bool takes_bf16(const us_matrix *w) { return w->kind != US_PACK_F16 && w->kind != US_PACK_F32; }

/* The part of int8 run i in [b, e); false when there is none. */
static bool int8_rows(const us_pass *p, size_t i, size_t b, size_t e, size_t *r0, size_t *r1) {
    *r0 = us_max2((size_t)p->int8_runs[i].begin, b);
    *r1 = (size_t)p->int8_runs[i].end < e ? (size_t)p->int8_runs[i].end : e;
    return *r0 < *r1;
}

/* Rows [b, e) of x as the products want them: bfloat16 tiles for rows in blocks, 8-bit blocks for the others. */
static void round_rows(const us_pass *p, const float *x, size_t width, size_t b, size_t e, us_acts *acts) {
    for (size_t i = 0; i < p->n_blocks; i++) {
        size_t first = (size_t)p->blocks[i].first, end = first + (size_t)p->blocks[i].n, r0 = us_max2(first, b),
               r1 = end < e ? end : e;
        if (r0 < r1) p->kn->to_bf16(x + r0 * width, width, r1 - r0, width, i * US_BF16_ROWS + r0 - first, p->hn_bf16);
    }
    for (size_t i = 0, r0, r1; i < p->n_int8_runs; i++)
        if (int8_rows(p, i, b, e, &r0, &r1)) p->kn->quantize_acts(x, width, r0, r1, acts);
}

/* Normed (g != NULL) and rounded rows of x [T, width]: all of them for this thread alone when they are
 * few, else its share of them into the common arrays (threads meet afterwards). */
static us_linear_input prepare(us_worker *t, const float *x, const float *g, size_t width) {
    us_pass *p = t->p;
    bool own = us_pass_is_small(p);
    size_t b = own ? 0 : t->b, e = own ? p->T : t->e;
    float *h = own ? t->rows : p->hn;
    us_linear_input in = {.x = g ? h : x, .ld = width};
    us_acts_place(&in.acts, own ? t->acts_block : p->acts_block, p->T, width);
    for (size_t r = b; r < e && g; r++) p->kn->rmsnorm(x + r * width, g, width, p->net->eps, h + r * width);
    round_rows(p, in.x, width, b, e, &in.acts);
    return in;
}

static const us_adapter_site *site_of(const us_adapter_group *v, int32_t layer, us_module m) {
    const us_adapter_site *site = v->adapter ? &v->adapter->sites[layer * US_N_MODULES + (int)m] : NULL;
    return site && site->a.data ? site : NULL;
}

/* Zeros go behind the rank. */
static void scale_rows(float *u, size_t ld, size_t n, size_t rank, float scale) {
    for (size_t r = 0; r < n; r++, u += ld) {
        for (size_t k = 0; k < rank; k++) u[k] *= scale;
        for (size_t k = rank; k < ld; k++) u[k] = 0;
    }
}

static us_lora_rows lora_of(const us_pass *p, size_t which) {
    us_lora_rows l = {0};
    if (!p->rank_pad) return l;
    size_t n = (size_t)p->e->o.n_batch;
    us_acts_place(&l.acts, p->u_acts + which * us_acts_bytes(n, US_MAX_RANK), n, p->rank_pad);
    l.u = p->u + which * n * p->rank_pad;
    l.u_bf16 =
        p->n_blocks ? p->u_bf16 + which * us_bf16_bytes(us_most_bf16_blocks(&p->e->o) * US_BF16_ROWS, US_MAX_RANK) / 2 : NULL;
    return l;
}

/* u of those of rows [b, e) that are not in bfloat16 blocks. */
static void lora_down(const us_worker *t, int32_t layer, us_module m, const us_linear_input *in, us_lora_rows *l, size_t b,
                      size_t e) {
    us_pass *p = t->p;
    size_t r0, r1;
    for (const us_adapter_group *v = p->groups; v < p->groups + p->n_groups; v++) {
        const us_adapter_site *site = site_of(v, layer, m);
        for (size_t i = 0; i < p->n_int8_runs && site; i++) {
            if (!int8_rows(p, i, us_max2((size_t)v->begin, b), (size_t)v->end < e ? (size_t)v->end : e, &r0, &r1)) continue;
            p->kn->matmul(&site->a, &in->acts, in->x, in->ld, r0, r1, 0, site->a.n_groups, l->u, p->rank_pad, false);
            scale_rows(l->u + r0 * p->rank_pad, p->rank_pad, r1 - r0, site->a.n_rows, v->scale * site->scale);
            if (site->b.kind == US_PACK_I8) p->kn->quantize_acts(l->u, p->rank_pad, r0, r1, &l->acts);
        }
    }
}

/* Few rows: each module's u is computed by one thread; the others go on with W and wait for it before B (lora_up). */
static void share_lora_down(us_worker *t, int32_t layer, us_module first, size_t n, const us_linear_input *in,
                            us_lora_rows *l) {
    us_pass *p = t->p;
    t->downs += (unsigned)n;
    for (size_t k = (size_t)t->i; k < n; k += (size_t)t->n) {
        lora_down(t, layer, (us_module)((size_t)first + k), in, &l[k], 0, p->T);
        us_pool_post(p->e->pool, &p->down_done);
    }
}

static size_t block_at(const us_pass *p, size_t i) { return i * US_BF16_ROWS * p->rank_pad; }

/* u of this thread's share of the bfloat16 blocks. */
static void lora_down_bf16(us_worker *t, int32_t layer, us_module m, size_t width, const us_lora_rows *l) {
    us_pass *p = t->p;
    size_t b, e;
    us_split(p->n_blocks, 1, t->i, t->n, &b, &e);
    for (const us_adapter_group *v = p->groups; v < p->groups + p->n_groups; v++) {
        const us_adapter_site *site = site_of(v, layer, m);
        size_t b0 = us_max2(v->block, b), b1 = v->block + v->n_blocks < e ? v->block + v->n_blocks : e;
        if (!site || b0 >= b1) continue;
        p->kn->matmul_bf16(&site->a, p->hn_bf16 + b0 * us_bf16_bytes(US_BF16_ROWS, width) / 2, p->blocks + b0, b1 - b0, 0,
                           site->a.n_groups, l->u, p->rank_pad, false, t->panel);
        for (size_t i = b0; i < b1; i++) {
            size_t n = (size_t)p->blocks[i].n;
            float *u = l->u + (size_t)p->blocks[i].first * p->rank_pad;
            scale_rows(u, p->rank_pad, n, site->a.n_rows, v->scale * site->scale);
            p->kn->to_bf16(u, p->rank_pad, n, site->b.n_cols, (i - v->block) * US_BF16_ROWS, l->u_bf16 + block_at(p, v->block));
        }
    }
}

/* Threads have met afterwards, unless rows are few. */
us_linear_input us_linear_begin(us_worker *t, int32_t layer, us_module first, size_t n, const float *x, const float *g,
                                size_t width, us_lora_rows *l) {
    us_pass *p = t->p;
    us_linear_input in = prepare(t, x, g, width);
    for (size_t k = 0; k < n; k++) l[k] = lora_of(p, k);
    if (us_pass_is_small(p)) {
        if (p->rank_pad) share_lora_down(t, layer, first, n, &in, l);
        return in;
    }
    for (size_t k = 0; k < n && p->rank_pad; k++) lora_down(t, layer, (us_module)((size_t)first + k), &in, &l[k], t->b, t->e);
    us_worker_meet(t);
    if (!p->rank_pad || !p->n_blocks) return in;
    for (size_t k = 0; k < n; k++) lora_down_bf16(t, layer, (us_module)((size_t)first + k), width, &l[k]);
    us_worker_meet(t);
    return in;
}

/* y += B u, groups [g0, g1). */
static void lora_up(us_worker *t, int32_t layer, us_module m, const us_lora_rows *l, float *y, size_t ld, size_t g0,
                    size_t g1) {
    us_pass *p = t->p;
    us_pool_await(p->e->pool, &p->down_done, t->downs);
    for (const us_adapter_group *v = p->groups; v < p->groups + p->n_groups; v++) {
        const us_adapter_site *site = site_of(v, layer, m);
        if (!site) continue;
        if (v->n_blocks)
            p->kn->matmul_bf16(&site->b, l->u_bf16 + block_at(p, v->block), p->blocks + v->block, v->n_blocks, g0, g1, y, ld,
                               true, t->panel);
        for (size_t i = 0, r0, r1; i < p->n_int8_runs; i++)
            if (int8_rows(p, i, (size_t)v->begin, (size_t)v->end, &r0, &r1))
                p->kn->matmul(&site->b, &l->acts, l->u, p->rank_pad, r0, r1, g0, g1, y, ld, true);
    }
}

void us_linear(us_worker *t, int32_t layer, us_module m, const us_linear_input *in, const us_lora_rows *l, float *y, bool add,
               size_t g0, size_t g1) {
    us_pass *p = t->p;
    const us_matrix *w = p->net->layers[layer].w[m];
    const float *bias = p->net->layers[layer].bias[m];
    size_t ld = w->n_rows;
    if (p->n_blocks && takes_bf16(w)) {
        p->kn->matmul_bf16(w, p->hn_bf16, p->blocks, p->n_blocks, g0, g1, y, ld, add, t->panel);
        for (size_t i = 0; i < p->n_int8_runs; i++)
            p->kn->matmul(w, &in->acts, in->x, in->ld, (size_t)p->int8_runs[i].begin, (size_t)p->int8_runs[i].end, g0, g1, y,
                          ld, add);
    } else p->kn->matmul(w, &in->acts, in->x, in->ld, 0, p->T, g0, g1, y, ld, add);
    size_t n0 = g0 * US_GROUP, n1 = g1 * US_GROUP < ld ? g1 * US_GROUP : ld;
    for (size_t r = 0; r < p->T && bias; r++) p->kn->add(bias + n0, 1.0f, n1 - n0, y + r * ld + n0);
    if (l->u) lora_up(t, layer, m, l, y, ld, g0, g1);
}

/* Half of what is left of a share (all of it for a thread that is alone), in pairs, as panels hold two groups: from the front for its
 * thread, from the back for another. */
static bool take(us_share *s, uint64_t whole, bool alone, bool own, size_t *b, size_t *e) {
    const uint64_t all = 0xffffff;
    uint64_t now = atomic_load_explicit(&s->left, memory_order_relaxed), left;
    do {
        left = now >> 48 == whole >> 48 ? now : whole;
        *b = left >> 24 & all, *e = left & all;
        if (*b >= *e) return false;
        size_t n = alone ? *e - *b : us_min2(us_max2((*e - *b) / 4, 1) * 2, *e - *b);
        if (own) *e = *b + n;
        else *b = *e - n;
        left = own ? (left & ~(all << 24)) | (uint64_t)*e << 24 : (left & ~all) | (uint64_t)*b;
    } while (!atomic_compare_exchange_weak_explicit(&s->left, &now, left, memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* A thread works through a share of neighbouring groups, whose weights the kernels ask for ahead of themselves; then it takes from the
 * shares of others: a thread that lost its core for a while leaves the rest to them. Who computes a group does not change it. */
bool us_worker_claim(us_worker *t, size_t total, size_t *b, size_t *e) {
    for (int k = 0; k < t->n; k++) {
        int who = (t->i + k) % t->n;
        size_t b0, e0;
        us_split(total, 2, who, t->n, &b0, &e0);
        if (take(&t->p->shares[who], (t->stage & 0xffff) << 48 | (uint64_t)b0 << 24 | e0, t->n == 1, k == 0, b, e)) return true;
    }
    return false;
}

void us_linears(us_worker *t, int32_t layer, us_module first, size_t n, const us_linear_input *in, const us_lora_rows *l,
                float *const *y, bool add) {
    const us_matrix *const *w = t->p->net->layers[layer].w;
    size_t total = 0, b, e;
    for (size_t k = 0; k < n; k++) total += w[(size_t)first + k]->n_groups;
    while (us_worker_claim(t, total, &b, &e))
        for (size_t k = 0, at = 0; k < n; at += w[(size_t)first + k++]->n_groups) {
            size_t g0 = us_max2(b, at), g1 = e < at + w[(size_t)first + k]->n_groups ? e : at + w[(size_t)first + k]->n_groups;
            if (g0 < g1) us_linear(t, layer, (us_module)((size_t)first + k), in, &l[k], y[k], add, g0 - at, g1 - at);
        }
}
