/* Where every array of a pass lies in the engine's scratch, and how much of it a model needs. Knows shapes only. */
#include "generate/forward.h"

size_t us_most_bf16_blocks(const us_engine_options *o) { return (size_t)o->n_batch / US_BF16_ROWS + US_MOST_BF16_GROUPS; }

/* The widest input of a module that is normed, and of any module. */
static size_t normed_width(const us_net *n) { return us_max2((size_t)n->n_embd, us_net_width_q(n)); }
static size_t input_width(const us_net *n) { return us_max2(normed_width(n), (size_t)n->n_ff); }
static size_t tile_rows(const us_net *n) { return US_BF16_ROWS * us_heads_a_kv_head(n); }
static size_t tile_floats(const us_net *n) { return us_up64(tile_rows(n) * (size_t)n->heads.head_size * 4) / 4; }

/* What a thread has for itself, in this order. */
static size_t acts_bytes(const us_net *n) { return us_up64(us_acts_bytes(US_FEW_ROWS, input_width(n))); }
static size_t rows_bytes(const us_net *n) { return us_up64(US_FEW_ROWS * normed_width(n) * sizeof(float)); }
static size_t attention_bytes(const us_net *n) {
    return 2 * tile_floats(n) * sizeof(float) + us_up64(tile_rows(n) * 6 * sizeof(float)) + US_ATTEND_SCRATCH_BYTES;
}
static size_t own_bytes(const us_net *n) {
    return acts_bytes(n) + rows_bytes(n) + attention_bytes(n) + us_panel_bytes(input_width(n));
}

us_worker us_worker_of(us_pass *p, int i, int n) {
    us_worker t = {.p = p, .i = i, .n = n, .acts_block = p->own + (size_t)i * p->own_bytes, .stage = p->stage};
    unsigned char *rows = t.acts_block + acts_bytes(p->net);
    t.rows = (float *)(void *)rows;
    t.attention = rows + rows_bytes(p->net);
    t.panel = t.attention + attention_bytes(p->net);
    us_split(p->T, 1, i, n, &t.b, &t.e);
    return t;
}

us_attention_scratch us_attention_scratch_of(const us_worker *t) {
    const us_net *n = t->p->net;
    size_t tile = tile_floats(n), rows = tile_rows(n);
    float *f = (float *)(void *)t->attention, *sums = f + 2 * tile;
    int32_t *seen = (int32_t *)(void *)(sums + 4 * rows);
    return (us_attention_scratch){.q = f,
                                  .o = f + tile,
                                  .m = sums,
                                  .l = sums + rows,
                                  .M = sums + 2 * rows,
                                  .L = sums + 3 * rows,
                                  .limit = seen,
                                  .from = seen + rows,
                                  .kernel = t->attention + 2 * tile * sizeof(float) + us_up64(rows * 6 * sizeof(float))};
}

/* The next `bytes` behind base, or NULL when only counted. */
static void *take(unsigned char *base, size_t *at, size_t bytes) {
    void *p = base ? base + *at : NULL;
    *at += us_up64(bytes);
    return p;
}

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
        {&p->u, 3 * t * US_MAX_RANK},
        {&p->parts, US_MAX_PARTS * (size_t)n->heads.n_heads * ((size_t)n->heads.head_size + 2)},
        {&p->cos, US_ROPES * t * (size_t)n->n_rot / 2},
        {&p->sin, US_ROPES * t * (size_t)n->n_rot / 2},
        {&p->hn, t * normed_width(n)},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) *arrays[i].to = take(base, &at, arrays[i].n * sizeof(float));
    p->acts_block = take(base, &at, us_acts_bytes(t, input_width(n)));
    p->u_acts = take(base, &at, 3 * us_acts_bytes(t, US_MAX_RANK));
    if (us_kern_get()->matmul_bf16) {
        size_t rows = us_most_bf16_blocks(o) * US_BF16_ROWS;
        p->hn_bf16 = take(base, &at, us_bf16_bytes(rows, input_width(n)));
        p->u_bf16 = take(base, &at, 3 * us_bf16_bytes(rows, US_MAX_RANK));
    }
    p->blocks = take(base, &at, us_most_bf16_blocks(o) * sizeof *p->blocks);
    p->int8_runs = take(base, &at, 2 * t * sizeof *p->int8_runs);
    p->tiles = take(base, &at, t * sizeof *p->tiles);
    p->groups = take(base, &at, t * sizeof *p->groups);
    p->shares = take(base, &at, (size_t)o->n_threads * sizeof *p->shares);
    p->own_bytes = own_bytes(n);
    p->own = take(base, &at, p->own_bytes * (size_t)o->n_threads);
    return at;
}

size_t us_forward_scratch_bytes(const us_model *m, const us_engine_options *o) {
    us_pass p;
    return us_up64(sizeof p) + place(&p, &m->net, o, NULL);
}

void us_forward_place(us_engine *e) {
    us_pass *p = (us_pass *)(void *)e->scratch;
    p->e = e;
    p->kn = us_kern_get();
    p->net = &e->model->net;
    place(p, p->net, &e->o, e->scratch + us_up64(sizeof *p));
    e->pass = p;
}
