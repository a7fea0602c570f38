/* The layer loop. The whole pass is one run of the thread team; threads meet at a barrier between stages.
 * With few rows (decode) each thread prepares the rows' inputs for itself instead of waiting for another. Where the level has
 * tiles, rows of prompts go through them ("wide": blocks of up to 32 rows of one voice), all others ("narrow") do not. */
#include "generate/engine.h"
#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FEW_ROWS 4     /* up to here every thread prepares all rows itself */
#define TILE_ROWS 8    /* tokens of one sequence that attend together, outside prompts that go through tiles */
#define MOST_VOICES 16 /* whose prompts go through tiles in one pass */
#define HEAD_ROWS 32   /* rows whose logits exist at a time while scoring */
#define MAX_PARTS 1024
#define MAX_RANK 256

/* Rows that speak through one adapter, or through none. */
typedef struct voice {
    int32_t begin, end;
    const us_adapter *adapter;
    float scale;
    size_t block, n_blocks; /* its wide blocks */
} voice;

typedef struct us_pass {
    us_engine *e;
    const us_kern *kn;
    const us_net *net;
    size_t rank_pad; /* widest adapter in the batch, in whole groups; 0 without adapters */
    size_t T;
    float *x, *q, *k, *v, *o, *gate, *up, *act, *u, *parts; /* [T, ...] */
    float *cos, *sin;                                       /* [n_ropes][T, n_rot / 2] */
    float *hn;
    uint16_t *wide;       /* the rows of wide blocks, rounded */
    us_row_block *blocks; /* [n_wide], each of one voice */
    us_run *narrow;       /* the other rows, in stretches */
    us_run *tiles;        /* rows that attend together: of prompts, then TILE_ROWS at most */
    voice *voices;
    uint16_t *wide_u; /* [3], u of wide blocks, rounded */
    size_t n_wide, n_narrow, n_tiles, n_voices;
    unsigned char *acts_block, *own; /* own: per thread */
    size_t own_bytes;
    _Atomic int next;           /* the item to hand out next in this stage */
    _Atomic unsigned down_done; /* few rows: modules of this pass whose u is computed */
} us_pass;

typedef struct thread {
    us_pass *p;
    int i, n;
    unsigned char *acts_block, *rest; /* own */
    float *rows;                      /* [FEW_ROWS, wide], own */
    size_t b, e;                      /* this thread's rows when there are many */
    unsigned downs;                   /* few rows: modules of this pass up to this stage */
} thread;

/* The end of a stage; the next one hands out its items from the first. */
static void meet(const thread *t) { us_pool_meet(t->p->e->pool, &t->p->next); }

/* ---- memory -------------------------------------------------------------------------------------------- */

static size_t up64(size_t n) { return (n + 63) & ~(size_t)63; }
static size_t max2(size_t a, size_t b) { return a > b ? a : b; }
static size_t width_in(const us_net *n) { return max2((size_t)n->n_embd, us_net_width_q(n)); }
static size_t group_of(const us_net *n) { return (size_t)(n->heads.n_heads / n->heads.n_kv_heads); }
static size_t tile_rows(const us_net *n) { return US_WIDE_ROWS * group_of(n); }
static size_t tile_floats(const us_net *n) { return up64(tile_rows(n) * (size_t)n->heads.head_size * 4) / 4; }

static size_t own_bytes(const us_net *n) {
    size_t widest = max2(width_in(n), (size_t)n->n_ff);
    return up64(us_acts_bytes(FEW_ROWS, widest)) + up64(FEW_ROWS * width_in(n) * 4) + 2 * tile_floats(n) * 4 +
           up64(tile_rows(n) * 6 * 4) + US_ATTEND_SCRATCH_BYTES + us_panel_bytes(widest);
}

static size_t most_blocks(const us_engine_options *o) { return (size_t)o->n_batch / US_WIDE_ROWS + MOST_VOICES; }

/* Places every array behind `base`, or only counts (base NULL), so that the two cannot disagree. */
static size_t place(us_pass *p, const us_net *n, const us_engine_options *o, unsigned char *base) {
    size_t t = (size_t)o->n_batch, d = (size_t)n->n_embd, f = (size_t)n->n_ff, q = us_net_width_q(n), kv = us_net_width_kv(n),
           at = 0;
    const struct {
        float **to;
        size_t n;
    } arrays[] = {
        {&p->x, t * d},
        {&p->q, t * q},
        {&p->k, t * kv},
        {&p->v, t * kv},
        {&p->o, t * q},
        {&p->gate, t * f},
        {&p->up, t * f},
        {&p->act, t * f},
        {&p->u, 3 * t * MAX_RANK},
        {&p->parts, MAX_PARTS * (size_t)n->heads.n_heads * ((size_t)n->heads.head_size + 2)},
        {&p->cos, US_ROPES * t * (size_t)n->n_rot / 2},
        {&p->sin, US_ROPES * t * (size_t)n->n_rot / 2},
        {&p->hn, t * width_in(n)},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (base) *arrays[i].to = (float *)(void *)(base + at);
        at += up64(arrays[i].n * sizeof(float));
    }
    if (base) p->acts_block = base + at;
    at += up64(us_acts_bytes(t, max2(width_in(n), f)));
    if (us_kern_get()->matmul_wide) {
        size_t rows = most_blocks(o) * US_WIDE_ROWS;
        if (base) p->wide = (uint16_t *)(void *)(base + at);
        at += up64(us_wide_bytes(rows, max2(width_in(n), f)));
        if (base) p->wide_u = (uint16_t *)(void *)(base + at);
        at += 3 * us_wide_bytes(rows, MAX_RANK);
    }
    if (base) p->blocks = (us_row_block *)(void *)(base + at);
    at += up64(most_blocks(o) * sizeof *p->blocks);
    if (base) p->narrow = (us_run *)(void *)(base + at);
    at += up64(2 * t * sizeof *p->narrow);
    if (base) p->tiles = (us_run *)(void *)(base + at);
    at += up64(t * sizeof *p->tiles);
    if (base) p->voices = (voice *)(void *)(base + at);
    at += up64(t * sizeof *p->voices);
    if (base) p->own = base + at, p->own_bytes = own_bytes(n);
    return at + own_bytes(n) * (size_t)o->n_threads;
}

size_t us_forward_scratch_bytes(const us_model *m, const us_engine_options *o) {
    us_pass p;
    return up64(sizeof p) + place(&p, &m->net, o, NULL);
}

void us_forward_place(us_engine *e) {
    us_pass *p = (us_pass *)(void *)e->scratch;
    p->e = e;
    p->kn = us_kern_get();
    p->net = &e->model->net;
    place(p, p->net, &e->o, e->scratch + up64(sizeof *p));
    e->pass = p;
}

/* ---- linear layers ------------------------------------------------------------------------------------- */

/* The input of linear layers: rows of x, and x quantized. */
typedef struct input {
    const float *x;
    size_t ld;
    us_acts acts;
} input;

static bool few(const us_pass *p) { return p->T <= FEW_ROWS && !p->n_wide; }

static void *panel_of(const thread *t) {
    return t->acts_block + t->p->own_bytes - us_panel_bytes(max2(width_in(t->p->net), (size_t)t->p->net->n_ff));
}

/* Whether wide blocks go through matmul_wide: for kinds whose inputs are rounded anyway. */
static bool goes_wide(const us_matrix *w) { return w->kind != US_PACK_F16 && w->kind != US_PACK_F32; }

/* The part of narrow stretch i in [b, e); false when there is none. */
static bool narrow_part(const us_pass *p, size_t i, size_t b, size_t e, size_t *r0, size_t *r1) {
    *r0 = max2((size_t)p->narrow[i].begin, b);
    *r1 = (size_t)p->narrow[i].end < e ? (size_t)p->narrow[i].end : e;
    return *r0 < *r1;
}

/* Rows [b, e) of x as the products want them: tiles for wide blocks, 8-bit blocks for the others. */
static void round_rows(const us_pass *p, const float *x, size_t width, size_t b, size_t e, us_acts *acts) {
    for (size_t i = 0; i < p->n_wide; i++) {
        size_t first = (size_t)p->blocks[i].first, end = first + (size_t)p->blocks[i].n, r0 = max2(first, b),
               r1 = end < e ? end : e;
        if (r0 < r1) p->kn->widen(x + r0 * width, width, r1 - r0, width, i * US_WIDE_ROWS + r0 - first, p->wide);
    }
    for (size_t i = 0, r0, r1; i < p->n_narrow; i++)
        if (narrow_part(p, i, b, e, &r0, &r1)) p->kn->quantize_acts(x, width, r0, r1, acts);
}

/* Normed (g != NULL) and rounded rows of x [T, width]: all of them for this thread alone when they are
 * few, else its share of them into the common arrays (threads meet afterwards). */
static input prepare(thread *t, const float *x, const float *g, size_t width) {
    us_pass *p = t->p;
    bool own = few(p);
    size_t b = own ? 0 : t->b, e = own ? p->T : t->e;
    float *h = own ? t->rows : p->hn;
    input in = {.x = g ? h : x, .ld = width};
    us_acts_place(&in.acts, own ? t->acts_block : p->acts_block, p->T, width);
    for (size_t r = b; r < e && g; r++) p->kn->rmsnorm(x + r * width, g, width, p->net->eps, h + r * width);
    round_rows(p, in.x, width, b, e, &in.acts);
    return in;
}

static const us_adapter_site *site_of(const voice *v, int32_t layer, us_module m) {
    const us_adapter_site *site = v->adapter ? &v->adapter->sites[layer * US_N_MODULES + (int)m] : NULL;
    return site && site->a.data ? site : NULL;
}

/* u[T, rank_pad] = scale A x of one module; rows of wide blocks rounded as well. u is NULL without adapters. */
typedef struct lora {
    float *u;
    uint16_t *wide;
} lora;

static void scale_rows(float *u, size_t ld, size_t n, size_t rank, float scale) {
    for (size_t r = 0; r < n; r++)
        for (size_t k = 0; k < rank; k++) u[r * ld + k] *= scale;
}

static lora lora_of(const us_pass *p, size_t which) {
    if (!p->rank_pad) return (lora){0};
    return (lora){p->u + which * (size_t)p->e->o.n_batch * p->rank_pad,
                  p->n_wide ? p->wide_u + which * us_wide_bytes(most_blocks(&p->e->o) * US_WIDE_ROWS, MAX_RANK) / 2 : NULL};
}

/* Of rows [b, e) those outside wide blocks. */
static void lora_down(const thread *t, int32_t layer, us_module m, const input *in, const lora *l, size_t b, size_t e) {
    us_pass *p = t->p;
    size_t r0, r1;
    for (const voice *v = p->voices; v < p->voices + p->n_voices; v++) {
        const us_adapter_site *site = site_of(v, layer, m);
        for (size_t i = 0; i < p->n_narrow && site; i++) {
            if (!narrow_part(p, i, max2((size_t)v->begin, b), (size_t)v->end < e ? (size_t)v->end : e, &r0, &r1)) continue;
            p->kn->matmul(&site->a, &in->acts, in->x, in->ld, r0, r1, 0, site->a.n_groups, l->u, p->rank_pad, false);
            scale_rows(l->u + r0 * p->rank_pad, p->rank_pad, r1 - r0, site->a.n_rows, v->scale * site->scale);
        }
    }
}

/* Few rows: each module's u is computed by one thread; the others go on with W and wait for it before B (lora_up). */
static void share_downs(thread *t, int32_t layer, us_module first, size_t n, const input *in, const lora *l) {
    us_pass *p = t->p;
    t->downs += (unsigned)n;
    for (size_t k = (size_t)t->i; k < n; k += (size_t)t->n) {
        lora_down(t, layer, (us_module)((size_t)first + k), in, &l[k], 0, p->T);
        us_pool_post(p->e->pool, &p->down_done);
    }
}

static size_t block_at(const us_pass *p, size_t i) { return i * US_WIDE_ROWS * ((p->rank_pad + 31) & ~(size_t)31); }

/* The same of this thread's share of the wide blocks. */
static void lora_down_wide(thread *t, int32_t layer, us_module m, size_t width, const lora *l) {
    us_pass *p = t->p;
    size_t b, e;
    us_split(p->n_wide, 1, t->i, t->n, &b, &e);
    for (const voice *v = p->voices; v < p->voices + p->n_voices; v++) {
        const us_adapter_site *site = site_of(v, layer, m);
        size_t b0 = max2(v->block, b), b1 = v->block + v->n_blocks < e ? v->block + v->n_blocks : e;
        if (!site || b0 >= b1) continue;
        p->kn->matmul_wide(&site->a, p->wide + b0 * us_wide_bytes(US_WIDE_ROWS, width) / 2, p->blocks + b0, b1 - b0, 0,
                           site->a.n_groups, l->u, p->rank_pad, false, panel_of(t));
        for (size_t i = b0; i < b1; i++) {
            size_t n = (size_t)p->blocks[i].n;
            float *u = l->u + (size_t)p->blocks[i].first * p->rank_pad;
            scale_rows(u, p->rank_pad, n, site->a.n_rows, v->scale * site->scale);
            p->kn->widen(u, p->rank_pad, n, site->b.n_cols, (i - v->block) * US_WIDE_ROWS, l->wide + block_at(p, v->block));
        }
    }
}

/* The input of n modules from `first` on, and what their adapters make of it; threads have met unless rows are few. */
static input begin(thread *t, int32_t layer, us_module first, size_t n, const float *x, const float *g, size_t width, lora *l) {
    us_pass *p = t->p;
    input in = prepare(t, x, g, width);
    for (size_t k = 0; k < n; k++) l[k] = lora_of(p, k);
    if (few(p)) {
        if (p->rank_pad) share_downs(t, layer, first, n, &in, l);
        return in;
    }
    for (size_t k = 0; k < n && p->rank_pad; k++) lora_down(t, layer, (us_module)((size_t)first + k), &in, &l[k], t->b, t->e);
    meet(t);
    if (!p->rank_pad || !p->n_wide) return in;
    for (size_t k = 0; k < n; k++) lora_down_wide(t, layer, (us_module)((size_t)first + k), width, &l[k]);
    meet(t);
    return in;
}

/* y += B u, groups [g0, g1). */
static void lora_up(thread *t, int32_t layer, us_module m, const lora *l, float *y, size_t ld, size_t g0, size_t g1) {
    us_pass *p = t->p;
    us_pool_await(p->e->pool, &p->down_done, t->downs);
    for (const voice *v = p->voices; v < p->voices + p->n_voices; v++) {
        const us_adapter_site *site = site_of(v, layer, m);
        if (!site) continue;
        if (v->n_blocks)
            p->kn->matmul_wide(&site->b, l->wide + block_at(p, v->block), p->blocks + v->block, v->n_blocks, g0, g1, y, ld,
                               true, panel_of(t));
        for (size_t i = 0, r0, r1; i < p->n_narrow; i++)
            if (narrow_part(p, i, (size_t)v->begin, (size_t)v->end, &r0, &r1))
                p->kn->matmul(&site->b, NULL, l->u, p->rank_pad, r0, r1, g0, g1, y, ld, true);
    }
}

/* Outputs of groups [g0, g1) of y (+)= W x + bias + B u. */
static void linear(thread *t, int32_t layer, us_module m, const input *in, const lora *l, float *y, bool add, size_t g0,
                   size_t g1) {
    us_pass *p = t->p;
    const us_matrix *w = p->net->layers[layer].w[m];
    const float *bias = p->net->layers[layer].bias[m];
    size_t ld = w->n_rows;
    if (p->n_wide && goes_wide(w)) {
        p->kn->matmul_wide(w, p->wide, p->blocks, p->n_wide, g0, g1, y, ld, add, panel_of(t));
        for (size_t i = 0; i < p->n_narrow; i++)
            p->kn->matmul(w, &in->acts, in->x, in->ld, (size_t)p->narrow[i].begin, (size_t)p->narrow[i].end, g0, g1, y, ld,
                          add);
    } else p->kn->matmul(w, &in->acts, in->x, in->ld, 0, p->T, g0, g1, y, ld, add);
    size_t n0 = g0 * US_GROUP, n1 = g1 * US_GROUP < ld ? g1 * US_GROUP : ld;
    for (size_t r = 0; r < p->T && bias; r++) p->kn->add(bias + n0, 1.0f, n1 - n0, y + r * ld + n0);
    if (l->u) lora_up(t, layer, m, l, y, ld, g0, g1);
}

/* Groups are handed out as threads come for them, in pieces that shrink towards the end: a thread that lost its core
 * for a while leaves the rest to the others. Who computes a group does not change it. */
static bool claim(thread *t, size_t total, size_t *b, size_t *e) {
    _Atomic int *next = &t->p->next;
    int at = atomic_load_explicit(next, memory_order_relaxed), end;
    do {
        if ((size_t)at >= total) return false;
        size_t left = total - (size_t)at,
               piece = t->n == 1 ? left : max2(left / (4 * (size_t)t->n), 1) * 2; /* panels hold two groups */
        end = at + (int)(piece < left ? piece : left);
    } while (!atomic_compare_exchange_weak_explicit(next, &at, end, memory_order_relaxed, memory_order_relaxed));
    *b = (size_t)at;
    *e = (size_t)end;
    return true;
}

/* Some modules of one input, side by side. */
static void linears(thread *t, int32_t layer, us_module first, size_t n, const input *in, const lora *l, float *const *y,
                    bool add) {
    const us_matrix *const *w = t->p->net->layers[layer].w;
    size_t total = 0, b, e;
    for (size_t k = 0; k < n; k++) total += w[(size_t)first + k]->n_groups;
    while (claim(t, total, &b, &e))
        for (size_t k = 0, at = 0; k < n; at += w[(size_t)first + k++]->n_groups) {
            size_t g0 = max2(b, at), g1 = e < at + w[(size_t)first + k]->n_groups ? e : at + w[(size_t)first + k]->n_groups;
            if (g0 < g1) linear(t, layer, (us_module)((size_t)first + k), in, &l[k], y[k], add, g0 - at, g1 - at);
        }
}

/* ---- attention -------------------------------------------------------------------------------------------- */

/* Norms of q and k over all heads of a row. */
static void norm_rows(thread *t, int32_t layer) {
    us_pass *p = t->p;
    const us_net_layer *y = &p->net->layers[layer];
    size_t q = us_net_width_q(p->net), kv = us_net_width_kv(p->net);
    for (size_t r = t->b; r < t->e; r++) {
        p->kn->rmsnorm(p->q + r * q, y->q_norm, q, p->net->eps, p->q + r * q);
        p->kn->rmsnorm(p->k + r * kv, y->k_norm, kv, p->net->eps, p->k + r * kv);
    }
    meet(t);
}

/* One head of row r of q or k: its norm (or NULL) and its rotation. */
static void turn(const us_pass *p, const us_net_layer *y, size_t r, const float *norm, float *x) {
    const us_net *n = p->net;
    size_t half = (size_t)n->n_rot / 2, at = ((size_t)(y->rope < 0 ? 0 : y->rope) * (size_t)p->e->o.n_batch + r) * half;
    if (norm) p->kn->rmsnorm(x, norm, (size_t)n->heads.head_size, n->eps, x);
    if (y->rope >= 0) p->kn->rope(x, (size_t)n->n_rot, n->neox, p->cos + at, p->sin + at);
}

static void rope_and_store(thread *t, int32_t layer) {
    us_pass *p = t->p;
    const us_net *n = p->net;
    const us_net_layer *y = &n->layers[layer];
    bool each = n->qk_norm == US_QK_NORM_HEAD;
    size_t es = (size_t)n->heads.head_size, q = us_net_width_q(n), kv = us_net_width_kv(n);
    size_t G = (size_t)n->heads.n_kv_heads, group = group_of(n), b, e;
    if (n->qk_norm == US_QK_NORM_ROW) norm_rows(t, layer);
    us_split(p->T * G, 1, t->i, t->n, &b, &e);
    for (size_t item = b; item < e; item++) {
        size_t r = item / G, g = item % G;
        const us_row *row = &p->e->rows[r];
        int32_t page = p->e->seqs[row->seq].pages[row->pos / US_PAGE];
        size_t at = (size_t)row->pos % US_PAGE;
        float *k = p->k + r * kv + g * es;
        for (size_t h = g * group; h < (g + 1) * group; h++) turn(p, y, r, each ? y->q_norm : NULL, p->q + r * q + h * es);
        turn(p, y, r, each ? y->k_norm : NULL, k);
        p->kn->page_put(p->e->page_kind, true, es, us_engine_page(p->e, page, layer, (int32_t)g, false), at, k);
        p->kn->page_put(p->e->page_kind, false, es, us_engine_page(p->e, page, layer, (int32_t)g, true), at,
                        p->v + r * kv + g * es);
    }
}

/* Where a thread's attention works: queries and outputs of a tile, their maxima and sums, the kernel's scratch. */
typedef struct desk {
    float *q, *o, *m, *l, *M, *L;
    void *scratch;
} desk;

static desk desk_of(const thread *t) {
    const us_net *n = t->p->net;
    size_t tile = tile_floats(n), rows = tile_rows(n);
    float *f = (float *)(void *)t->rest;
    desk d = {.q = f, .o = f + tile, .m = f + 2 * tile};
    d.l = d.m + rows;
    d.M = d.l + rows;
    d.L = d.M + rows;
    d.scratch = t->rest + 2 * tile * 4 + up64(rows * 6 * 4);
    return d;
}

static bool wide_heads(const us_pass *p, int32_t layer) {
    const us_heads *h = &p->net->heads;
    return p->e->page_kind != US_PAGE_F32 && h->head_size % 32 == 0 && h->head_size <= 128 && h->cap == 0 &&
           !p->net->layers[layer].window;
}

/* The first position that a row at `pos` sees. */
static int64_t seen_from(const us_pass *p, int32_t layer, int32_t pos) {
    int32_t window = p->net->layers[layer].window;
    return window && pos >= window ? (int64_t)pos + 1 - window : 0;
}

static int32_t clip(int64_t x, int64_t max) { return (int32_t)(x < 0 ? 0 : x > max ? max : x); }

/* Partial softmax sums, in d->m, d->l, d->o, of rows [r0, r1) over one chunk of pages of one kv head. */
static void attend_chunk(thread *t, int32_t layer, size_t r0, size_t r1, bool wide, size_t g, size_t chunk, const desk *d) {
    us_pass *p = t->p;
    const us_seq *s = &p->e->seqs[p->e->rows[r0].seq];
    size_t es = (size_t)p->net->heads.head_size, group = group_of(p->net), first = chunk * US_CHUNK_PAGES;
    const unsigned char *k_pages[US_CHUNK_PAGES], *v_pages[US_CHUNK_PAGES];
    size_t n_pages = (size_t)s->n_pages - first < US_CHUNK_PAGES ? (size_t)s->n_pages - first : US_CHUNK_PAGES;
    int32_t *limit = (int32_t *)(void *)(d->L + tile_rows(p->net)), *from = limit + tile_rows(p->net);
    bool windowed = p->net->layers[layer].window > 0;
    for (size_t i = 0; i < n_pages; i++) {
        k_pages[i] = us_engine_page(p->e, s->pages[first + i], layer, (int32_t)g, false);
        v_pages[i] = us_engine_page(p->e, s->pages[first + i], layer, (int32_t)g, true);
    }
    for (size_t r = r0; r < r1; r++) {
        int64_t at = (int64_t)(first * US_PAGE), max = (int64_t)(n_pages * US_PAGE);
        int32_t pos = p->e->rows[r].pos, end = clip((int64_t)pos + 1 - at, max),
                begin = windowed ? clip(seen_from(p, layer, pos) - at, max) : 0;
        for (size_t i = 0; i < group; i++) limit[(r - r0) * group + i] = end, from[(r - r0) * group + i] = begin;
        memcpy(d->q + (r - r0) * group * es, p->q + r * us_net_width_q(p->net) + g * group * es, group * es * sizeof(float));
    }
    size_t n_rows = (r1 - r0) * group;
    for (; wide && n_rows % US_WIDE_ROWS; n_rows++) limit[n_rows] = 0;
    us_attend a = {.kind = p->e->page_kind,
                   .head_size = es,
                   .k_pages = k_pages,
                   .v_pages = v_pages,
                   .n_pages = n_pages,
                   .q = d->q,
                   .q_stride = es,
                   .n_rows = n_rows,
                   .limit = limit,
                   .from = windowed ? from : NULL,
                   .scale = p->net->heads.scale,
                   .cap = p->net->heads.cap,
                   .m = d->m,
                   .l = d->l,
                   .o = d->o,
                   .scratch = d->scratch};
    (wide ? p->kn->attend_wide : p->kn->attend)(&a);
}

/* Folds one chunk's sums into (M, L, O): chunks are always folded in their order. */
static void fold(const us_kern *kn, size_t es, float m, float l, const float *o, float *M, float *L, float *O) {
    if (l == 0) return;
    if (*L == 0) {
        *M = m;
        *L = l;
        memcpy(O, o, es * sizeof *O);
        return;
    }
    float max = m > *M ? m : *M, a = expf(*M - max), b = expf(m - max);
    for (size_t i = 0; i < es; i++) O[i] *= a;
    kn->add(o, b, es, O);
    *L = *L * a + l * b;
    *M = max;
}

static float *out_of(const us_pass *p, size_t r, size_t h) {
    return p->o + r * us_net_width_q(p->net) + h * (size_t)p->net->heads.head_size;
}

static void normalise(const us_pass *p, float *O, float L) {
    for (size_t i = 0; i < (size_t)p->net->heads.head_size; i++) O[i] /= L;
}

static size_t chunks_of(const us_pass *p, size_t r) { return (size_t)p->e->rows[r].pos / US_PAGE / US_CHUNK_PAGES + 1; }

/* Long prompts: an item is a tile of rows and a kv head, its chunks one after the other. */
static void attend_tiles(thread *t, int32_t layer) {
    us_pass *p = t->p;
    desk d = desk_of(t);
    size_t es = (size_t)p->net->heads.head_size, G = (size_t)p->net->heads.n_kv_heads, group = group_of(p->net);
    for (;;) {
        size_t item = (size_t)atomic_fetch_add(&p->next, 1), g = item % G;
        if (item / G >= p->n_tiles) return;
        size_t r0 = (size_t)p->tiles[item / G].begin, r1 = (size_t)p->tiles[item / G].end;
        memset(d.L, 0, (r1 - r0) * group * sizeof *d.L);
        size_t c = (size_t)seen_from(p, layer, p->e->rows[r0].pos) / US_PAGE / US_CHUNK_PAGES;
        for (; c < chunks_of(p, r1 - 1); c++) {
            attend_chunk(t, layer, r0, r1, p->tiles[item / G].prompt && wide_heads(p, layer), g, c, &d);
            for (size_t k = 0; k < (r1 - r0) * group; k++)
                fold(p->kn, es, d.m[k], d.l[k], d.o + k * es, &d.M[k], &d.L[k],
                     out_of(p, r0 + k / group, g * group + k % group));
        }
        for (size_t k = 0; k < (r1 - r0) * group; k++) normalise(p, out_of(p, r0 + k / group, g * group + k % group), d.L[k]);
    }
}

/* Decode steps: an item is a row, a kv head and a chunk; the sums meet in p->parts, [chunk][H][m, l, o]. */
static void attend_parts(thread *t, int32_t layer) {
    us_pass *p = t->p;
    desk d = desk_of(t);
    size_t es = (size_t)p->net->heads.head_size, G = (size_t)p->net->heads.n_kv_heads, group = group_of(p->net), H = G * group,
           first = 0;
    size_t item = (size_t)atomic_fetch_add(&p->next, 1), at = 0;
    for (size_t r = 0; r < p->T; first += chunks_of(p, r++))
        for (size_t k = 0; k < chunks_of(p, r) * G; k++, at++) {
            if (at != item) continue;
            size_t c = k / G, g = k % G;
            attend_chunk(t, layer, r, r + 1, false, g, c, &d);
            for (size_t i = 0; i < group; i++) {
                float *to = p->parts + ((first + c) * H + g * group + i) * (es + 2);
                to[0] = d.m[i];
                to[1] = d.l[i];
                memcpy(to + 2, d.o + i * es, es * sizeof *to);
            }
            item = (size_t)atomic_fetch_add(&p->next, 1);
        }
}

static void merge_parts(thread *t) {
    us_pass *p = t->p;
    size_t es = (size_t)p->net->heads.head_size, H = (size_t)p->net->heads.n_heads, first = 0, b, e;
    us_split(p->T * H, 1, t->i, t->n, &b, &e);
    for (size_t r = 0; r * H < e; first += chunks_of(p, r++))
        for (size_t h = 0; h < H; h++) {
            if (r * H + h < b || r * H + h >= e) continue;
            float M = 0, L = 0, *O = out_of(p, r, h);
            for (size_t c = 0; c < chunks_of(p, r); c++) {
                const float *from = p->parts + ((first + c) * H + h) * (es + 2);
                fold(p->kn, es, from[0], from[1], from + 2, &M, &L, O);
            }
            normalise(p, O, L);
        }
}

static bool fits_parts(const us_pass *p) {
    size_t n = 0;
    for (size_t r = 0; r < p->T; r++) n += chunks_of(p, r);
    return n <= MAX_PARTS && !p->n_wide && (few(p) || p->T == (size_t)p->e->n_runs);
}

/* ---- the pass ------------------------------------------------------------------------------------------------ */

/* Whether what a part of a layer makes is worked on before it is added to x; else products add to x themselves. */
static bool joins(const us_net *n, const float *post_norm) { return post_norm || n->residual_scale != 1; }

/* x += residual_scale * [norm] of what stands in hn, this thread's rows. */
static void join(thread *t, const float *post_norm) {
    us_pass *p = t->p;
    size_t d = (size_t)p->net->n_embd;
    for (size_t r = t->b; r < t->e; r++) {
        float *made = p->hn + r * d;
        if (post_norm) p->kn->rmsnorm(made, post_norm, d, p->net->eps, made);
        p->kn->add(made, p->net->residual_scale, d, p->x + r * d);
    }
    meet(t);
}

/* x += W in of one module, by the way that the architecture goes. hn is free: what it held was read. */
static void into_x(thread *t, int32_t l, us_module m, const float *x, size_t width, const float *post_norm) {
    us_pass *p = t->p;
    bool later = joins(p->net, post_norm);
    lora u[1];
    input in = begin(t, l, m, 1, x, NULL, width, u);
    linears(t, l, m, 1, &in, u, later ? &p->hn : &p->x, !later);
    meet(t);
    if (later) join(t, post_norm);
}

static void layer(thread *t, int32_t l, bool parts) {
    us_pass *p = t->p;
    const us_net_layer *y = &p->net->layers[l];
    size_t f = (size_t)p->net->n_ff, d = (size_t)p->net->n_embd, g0, g1;
    lora u[3];
    input in = begin(t, l, US_MOD_Q, 3, p->x, y->attn_norm, d, u);
    linears(t, l, US_MOD_Q, 3, &in, u, (float *[]){p->q, p->k, p->v}, false);
    meet(t);
    rope_and_store(t, l);
    meet(t);
    if (parts) {
        attend_parts(t, l);
        meet(t);
        merge_parts(t);
    } else attend_tiles(t, l);
    meet(t);
    into_x(t, l, US_MOD_O, p->o, us_net_width_q(p->net), y->attn_post_norm);
    in = begin(t, l, US_MOD_GATE, 2, p->x, y->ffn_norm, d, u);
    while (claim(t, y->w[US_MOD_GATE]->n_groups, &g0, &g1)) {
        linear(t, l, US_MOD_GATE, &in, &u[0], p->gate, false, g0, g1);
        linear(t, l, US_MOD_UP, &in, &u[1], p->up, false, g0, g1);
        size_t c0 = g0 * US_GROUP, c1 = g1 * US_GROUP < f ? g1 * US_GROUP : f;
        for (size_t r = 0; r < p->T; r++)
            (p->net->gelu ? p->kn->geglu : p->kn->swiglu)(p->gate + r * f + c0, p->up + r * f + c0, c1 - c0,
                                                          p->act + r * f + c0);
    }
    meet(t);
    into_x(t, l, US_MOD_DOWN, p->act, f, y->ffn_post_norm);
}

/* Columns [c0, c1) of n rows of logits. */
static void finish_logits(const us_pass *p, float *logits, size_t n, size_t c0, size_t c1) {
    const us_net *net = p->net;
    for (size_t i = 0; i < n; i++) {
        float *row = logits + i * (size_t)net->n_vocab;
        for (size_t c = c0; c < c1 && net->logit_scale != 1; c++) row[c] *= net->logit_scale;
        if (net->logit_cap > 0) p->kn->softcap(row + c0, c1 - c0, net->logit_cap);
    }
}

/* Logits of out_rows [o0, o1) into `logits`, row after row. */
static void head(thread *t, size_t o0, size_t o1, float *logits) {
    us_pass *p = t->p;
    const us_net *n = p->net;
    size_t d = (size_t)n->n_embd, b, e, g0, g1;
    us_acts acts;
    us_split(o1 - o0, 1, t->i, t->n, &b, &e);
    us_acts_place(&acts, p->acts_block, o1 - o0, d);
    for (size_t i = b; i < e; i++)
        p->kn->rmsnorm(p->x + (size_t)p->e->out_rows[o0 + i] * d, n->out_norm, d, n->eps, p->hn + i * d);
    p->kn->quantize_acts(p->hn, d, b, e, &acts);
    meet(t);
    while (claim(t, n->head->n_groups, &g0, &g1)) {
        size_t v = (size_t)n->n_vocab, c1 = g1 * US_GROUP < v ? g1 * US_GROUP : v;
        p->kn->matmul(n->head, &acts, p->hn, d, 0, o1 - o0, g0, g1, logits, v, false);
        finish_logits(p, logits, o1 - o0, g0 * US_GROUP, c1);
    }
    meet(t);
}

static void score_rows(thread *t, size_t o0, size_t o1) {
    us_pass *p = t->p;
    size_t v = (size_t)p->net->n_vocab, b, e;
    us_split(o1 - o0, 1, t->i, t->n, &b, &e);
    for (size_t i = b; i < e; i++) {
        const float *row = p->e->logits + i * v;
        p->e->score_out[o0 + i] = (float)((double)row[p->e->score_ids[o0 + i]] - p->kn->logsumexp(row, v));
    }
    meet(t);
}

/* One value a wanted row. */
static void judge_rows(thread *t) {
    us_pass *p = t->p;
    size_t d = (size_t)p->net->n_embd, b, e;
    us_split((size_t)p->e->n_out, 1, t->i, t->n, &b, &e);
    for (size_t i = b; i < e; i++) {
        float *h = p->hn + i * d;
        double sum = 0;
        p->kn->rmsnorm(p->x + (size_t)p->e->out_rows[i] * d, p->net->out_norm, d, p->net->eps, h);
        for (size_t k = 0; k < d; k++) sum += (double)h[k] * (double)p->e->judge_head[k];
        p->e->score_out[i] = (float)sum;
    }
    meet(t);
}

static void embed(thread *t) {
    us_pass *p = t->p;
    const us_net *n = p->net;
    size_t d = (size_t)n->n_embd, half = (size_t)n->n_rot / 2;
    for (size_t r = t->b; r < t->e; r++) {
        float *x = p->x + r * d;
        p->kn->unpack_row(n->embd, (size_t)p->e->rows[r].token, x);
        for (size_t i = 0; i < d && n->embd_scale != 1; i++) x[i] *= n->embd_scale;
        for (int32_t k = 0; k < n->n_ropes; k++) {
            size_t at = ((size_t)k * (size_t)p->e->o.n_batch + r) * half;
            for (size_t j = 0; j < half; j++) {
                double angle = (double)p->e->rows[r].pos * (double)n->ropes[k].inv_freq[j];
                p->cos[at + j] = n->ropes[k].scale * (float)cos(angle);
                p->sin[at + j] = n->ropes[k].scale * (float)sin(angle);
            }
        }
    }
    meet(t);
}

static void run_pass(void *ctx, int i_thread, int n_threads) {
    us_pass *p = ctx;
    us_engine *e = p->e;
    thread t = {.p = p, .i = i_thread, .n = n_threads, .acts_block = p->own + (size_t)i_thread * p->own_bytes};
    t.rows = (float *)(void *)(t.acts_block + up64(us_acts_bytes(FEW_ROWS, max2(width_in(p->net), (size_t)p->net->n_ff))));
    t.rest = (unsigned char *)t.rows + up64(FEW_ROWS * width_in(p->net) * 4);
    us_split(p->T, 1, i_thread, n_threads, &t.b, &t.e);
    embed(&t);
    bool parts = fits_parts(p);
    for (int32_t l = 0; l < e->n_layers; l++) layer(&t, l, parts);
    size_t n_out = (size_t)e->n_out;
    if (e->judge_head) judge_rows(&t);
    else if (!e->scoring && n_out) head(&t, 0, n_out, e->logits + (size_t)e->logits_at * (size_t)p->net->n_vocab);
    for (size_t o = 0; o < n_out && e->scoring; o += HEAD_ROWS) {
        size_t end = o + HEAD_ROWS < n_out ? o + HEAD_ROWS : n_out;
        head(&t, o, end, e->logits);
        score_rows(&t, o, end);
    }
}

static void add_narrow(us_pass *p, int32_t begin, int32_t end) {
    if (begin >= end) return;
    if (p->n_narrow && p->narrow[p->n_narrow - 1].end == begin) p->narrow[p->n_narrow - 1].end = end;
    else p->narrow[p->n_narrow++] = (us_run){begin, end, -1, false};
}

/* Rows of one voice, behind those that it has already. */
static void add_wide(us_pass *p, voice *v, int32_t begin, int32_t end, size_t most) {
    us_row_block *last = v->n_blocks ? &p->blocks[p->n_wide - 1] : NULL;
    if (last && last->first + last->n == begin)
        for (; begin < end && last->n < US_WIDE_ROWS; begin++) last->n++;
    for (; begin < end && p->n_wide < most; begin += US_WIDE_ROWS, v->n_blocks++)
        p->blocks[p->n_wide++] = (us_row_block){begin, end - begin < US_WIDE_ROWS ? end - begin : US_WIDE_ROWS};
    add_narrow(p, begin, end);
}

/* Neighbours that speak through the same adapter are one voice. Returns its number. */
static size_t find_voice(us_pass *p, const us_run *run) {
    const us_seq *s = &p->e->seqs[run->seq];
    voice *v = p->n_voices ? &p->voices[p->n_voices - 1] : NULL, new = {run->begin, run->end, NULL, 0, p->n_wide, 0};
    if (s->adapter && s->scale != 0) new.adapter = s->adapter, new.scale = s->scale;
    if (v && v->adapter == new.adapter && v->scale == new.scale) v->end = run->end;
    else p->voices[p->n_voices++] = new;
    return p->n_voices - 1;
}

/* Who is in the pass, and what goes through tiles where there are any: rows of prompts, whatever else is in the batch and
 * wherever a prompt was cut, so that a token gives the same in all company. */
static void lay_out(us_pass *p) {
    const us_engine *e = p->e;
    bool tiles = p->kn->matmul_wide && e->model->math == US_MATH_FAST;
    p->n_wide = p->n_narrow = p->n_tiles = p->n_voices = 0;
    for (int32_t i = 0; i < e->n_runs; i++) {
        const us_run *run = &e->runs[i];
        voice *v = &p->voices[find_voice(p, run)];
        if (tiles && run->prompt) add_wide(p, v, run->begin, run->end, most_blocks(&e->o));
        else add_narrow(p, run->begin, run->end);
    }
    for (int pass = 0; pass < 2; pass++) /* the large ones first: they take longest */
        for (int32_t i = 0; i < e->n_runs; i++) {
            const us_run *run = &e->runs[i];
            bool wide = tiles && run->prompt;
            int32_t n = wide ? US_WIDE_ROWS : TILE_ROWS;
            for (int32_t at = run->begin; at < run->end && wide == !pass; at += n)
                p->tiles[p->n_tiles++] = (us_run){at, at + n < run->end ? at + n : run->end, -1, wide};
        }
}

void us_forward(us_engine *e) {
    us_pass *p = e->pass;
    p->T = (size_t)e->n_rows;
    lay_out(p);
    size_t rank = 0;
    for (const voice *v = p->voices; v < p->voices + p->n_voices; v++)
        if (v->adapter) rank = max2(rank, (size_t)v->adapter->rank);
    assert(rank <= MAX_RANK);
    p->rank_pad = (rank + US_GROUP - 1) / US_GROUP * US_GROUP;
    atomic_store(&p->next, 0);
    atomic_store(&p->down_done, 0);
    us_pool_run(e->pool, run_pass, p);
}
