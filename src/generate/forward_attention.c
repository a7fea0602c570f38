/* Attention over the paged cache. A chunk of pages gives partial softmax sums; chunks are always folded in their order, so that
 * neither the batch nor the number of threads changes a result. */
#include "generate/forward.h"
#include <math.h>
#include <string.h>

/* Norms of q and k over all heads of a row. */
static void norm_rows(us_worker *t, int32_t layer) {
    us_pass *p = t->p;
    const us_net_layer *y = &p->net->layers[layer];
    size_t q = us_net_width_q(p->net), kv = us_net_width_kv(p->net);
    for (size_t r = t->b; r < t->e; r++) {
        p->kn->rmsnorm(p->q + r * q, y->q_norm, q, p->net->eps, p->q + r * q);
        p->kn->rmsnorm(p->k + r * kv, y->k_norm, kv, p->net->eps, p->k + r * kv);
    }
    us_worker_meet(t);
}

/* One head of row r of q or k: its norm (or NULL) and its rotation. */
static void rotate_head(const us_pass *p, const us_net_layer *y, size_t r, const float *norm, float *x) {
    const us_net *n = p->net;
    size_t half = (size_t)n->n_rot / 2, at = ((size_t)(y->rope < 0 ? 0 : y->rope) * (size_t)p->e->o.n_batch + r) * half;
    if (norm) p->kn->rmsnorm(x, norm, (size_t)n->heads.head_size, n->eps, x);
    if (y->rope >= 0) p->kn->rope(x, (size_t)n->n_rot, n->neox, p->cos + at, p->sin + at);
}

void us_rotate_and_store(us_worker *t, int32_t layer) {
    us_pass *p = t->p;
    const us_net *n = p->net;
    const us_net_layer *y = &n->layers[layer];
    bool each = n->qk_norm == US_QK_NORM_HEAD;
    size_t es = (size_t)n->heads.head_size, q = us_net_width_q(n), kv = us_net_width_kv(n);
    size_t G = (size_t)n->heads.n_kv_heads, group = us_heads_a_kv_head(n), b, e;
    if (n->qk_norm == US_QK_NORM_ROW) norm_rows(t, layer);
    us_split(p->T * G, 1, t->i, t->n, &b, &e);
    for (size_t item = b; item < e; item++) {
        size_t r = item / G, g = item % G;
        const us_row *row = &p->e->rows[r];
        int32_t page = p->e->seqs[row->seq].pages[row->pos / US_PAGE];
        size_t at = (size_t)row->pos % US_PAGE;
        float *k = p->k + r * kv + g * es;
        for (size_t h = g * group; h < (g + 1) * group; h++)
            rotate_head(p, y, r, each ? y->q_norm : NULL, p->q + r * q + h * es);
        rotate_head(p, y, r, each ? y->k_norm : NULL, k);
        p->kn->page_put(p->e->page_kind, true, es, us_engine_page(p->e, page, layer, (int32_t)g, false), at, k);
        p->kn->page_put(p->e->page_kind, false, es, us_engine_page(p->e, page, layer, (int32_t)g, true), at,
                        p->v + r * kv + g * es);
    }
    us_worker_meet(t);
}

static bool takes_bf16(const us_pass *p, int32_t layer) {
    const us_heads *h = &p->net->heads;
    return p->e->page_kind != US_PAGE_F32 && h->head_size % 32 == 0 && h->head_size <= 128 && h->cap == 0 &&
           !p->net->layers[layer].window;
}

/* The first position that a row at `pos` sees. */
static int64_t first_seen(const us_pass *p, int32_t layer, int32_t pos) {
    int32_t window = p->net->layers[layer].window;
    return window && pos >= window ? (int64_t)pos + 1 - window : 0;
}

static int32_t clip(int64_t x, int64_t max) { return (int32_t)(x < 0 ? 0 : x > max ? max : x); }

/* Partial softmax sums, in d->m, d->l, d->o, of rows [r0, r1) over one chunk of pages of one kv head. */
static void attend_chunk(us_worker *t, int32_t layer, size_t r0, size_t r1, bool bf16, size_t g, size_t chunk,
                         const us_attention_scratch *d) {
    us_pass *p = t->p;
    const us_seq *s = &p->e->seqs[p->e->rows[r0].seq];
    size_t es = (size_t)p->net->heads.head_size, group = us_heads_a_kv_head(p->net), first = chunk * US_CHUNK_PAGES;
    const unsigned char *k_pages[US_CHUNK_PAGES], *v_pages[US_CHUNK_PAGES];
    size_t n_pages = (size_t)s->n_pages - first < US_CHUNK_PAGES ? (size_t)s->n_pages - first : US_CHUNK_PAGES;
    bool windowed = p->net->layers[layer].window > 0;
    for (size_t i = 0; i < n_pages; i++) {
        k_pages[i] = us_engine_page(p->e, s->pages[first + i], layer, (int32_t)g, false);
        v_pages[i] = us_engine_page(p->e, s->pages[first + i], layer, (int32_t)g, true);
    }
    for (size_t r = r0; r < r1; r++) {
        int64_t at = (int64_t)(first * US_PAGE), max = (int64_t)(n_pages * US_PAGE);
        int32_t pos = p->e->rows[r].pos, end = clip((int64_t)pos + 1 - at, max),
                begin = windowed ? clip(first_seen(p, layer, pos) - at, max) : 0;
        for (size_t i = 0; i < group; i++) d->limit[(r - r0) * group + i] = end, d->from[(r - r0) * group + i] = begin;
        memcpy(d->q + (r - r0) * group * es, p->q + r * us_net_width_q(p->net) + g * group * es, group * es * sizeof(float));
    }
    size_t n_rows = (r1 - r0) * group;
    for (; bf16 && n_rows % US_BF16_ROWS; n_rows++) d->limit[n_rows] = 0;
    us_attend a = {.kind = p->e->page_kind,
                   .head_size = es,
                   .k_pages = k_pages,
                   .v_pages = v_pages,
                   .n_pages = n_pages,
                   .q = d->q,
                   .q_stride = es,
                   .n_rows = n_rows,
                   .limit = d->limit,
                   .from = windowed ? d->from : NULL,
                   .scale = p->net->heads.scale,
                   .cap = p->net->heads.cap,
                   .m = d->m,
                   .l = d->l,
                   .o = d->o,
                   .scratch = d->kernel};
    (bf16 ? p->kn->attend_bf16 : p->kn->attend)(&a);
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
static void attend_tiles(us_worker *t, int32_t layer) {
    us_pass *p = t->p;
    us_attention_scratch d = us_attention_scratch_of(t);
    size_t es = (size_t)p->net->heads.head_size, G = (size_t)p->net->heads.n_kv_heads, group = us_heads_a_kv_head(p->net);
    for (;;) {
        size_t item = (size_t)atomic_fetch_add(&p->next, 1), g = item % G;
        if (item / G >= p->n_tiles) return;
        size_t r0 = (size_t)p->tiles[item / G].begin, r1 = (size_t)p->tiles[item / G].end;
        memset(d.L, 0, (r1 - r0) * group * sizeof *d.L);
        size_t c = (size_t)first_seen(p, layer, p->e->rows[r0].pos) / US_PAGE / US_CHUNK_PAGES;
        for (; c < chunks_of(p, r1 - 1); c++) {
            attend_chunk(t, layer, r0, r1, p->tiles[item / G].prompt && takes_bf16(p, layer), g, c, &d);
            for (size_t k = 0; k < (r1 - r0) * group; k++)
                fold(p->kn, es, d.m[k], d.l[k], d.o + k * es, &d.M[k], &d.L[k],
                     out_of(p, r0 + k / group, g * group + k % group));
        }
        for (size_t k = 0; k < (r1 - r0) * group; k++) normalise(p, out_of(p, r0 + k / group, g * group + k % group), d.L[k]);
    }
}

/* Decode steps: an item is a row, a kv head and a chunk; the sums meet in p->parts, [chunk][H][m, l, o]. */
static void attend_parts(us_worker *t, int32_t layer) {
    us_pass *p = t->p;
    us_attention_scratch d = us_attention_scratch_of(t);
    size_t es = (size_t)p->net->heads.head_size, G = (size_t)p->net->heads.n_kv_heads, group = us_heads_a_kv_head(p->net),
           H = G * group, first = 0;
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

static void merge_parts(us_worker *t) {
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

bool us_attention_fits_parts(const us_pass *p) {
    size_t n = 0;
    for (size_t r = 0; r < p->T; r++) n += chunks_of(p, r);
    return n <= US_MAX_PARTS && !p->n_blocks && (us_pass_is_small(p) || p->T == (size_t)p->e->n_runs);
}

void us_attention(us_worker *t, int32_t layer, bool parts) {
    if (parts) {
        attend_parts(t, layer);
        us_worker_meet(t);
        merge_parts(t);
    } else attend_tiles(t, layer);
    us_worker_meet(t);
}
