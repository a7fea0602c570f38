/* The pass: embedding, layers, head, as one run of the thread team. */
#include "generate/forward.h"
#include <math.h>

#define HEAD_ROWS 32 /* rows whose logits exist at a time while scoring */

/* Whether the output of attention or feed-forward is normed or scaled before it is added to x; else products add to x. */
static bool changes_output(const us_net *n, const float *post_norm) { return post_norm || n->residual_scale != 1; }

/* x += residual_scale * [norm] of the output, which stands in hn; this thread's rows. */
static void add_output(us_worker *t, const float *post_norm) {
    us_pass *p = t->p;
    size_t d = (size_t)p->net->n_embd;
    for (size_t r = t->b; r < t->e; r++) {
        float *out = p->hn + r * d;
        if (post_norm) p->kn->rmsnorm(out, post_norm, d, p->net->eps, out);
        p->kn->add(out, p->net->residual_scale, d, p->x + r * d);
    }
    us_worker_meet(t);
}

/* x += W in of the last module of attention or of feed-forward. hn is free: its contents were read. */
static void output(us_worker *t, int32_t l, us_module m, const float *x, size_t width, const float *post_norm) {
    us_pass *p = t->p;
    bool later = changes_output(p->net, post_norm);
    us_lora_rows u[1];
    us_linear_input in = us_linear_begin(t, l, m, 1, x, NULL, width, u);
    us_linears(t, l, m, 1, &in, u, later ? &p->hn : &p->x, !later);
    us_worker_meet(t);
    if (later) add_output(t, post_norm);
}

static void layer(us_worker *t, int32_t l, bool parts) {
    us_pass *p = t->p;
    const us_net_layer *y = &p->net->layers[l];
    size_t f = (size_t)p->net->n_ff, d = (size_t)p->net->n_embd, g0, g1;
    us_lora_rows u[3];
    us_linear_input in = us_linear_begin(t, l, US_MOD_Q, 3, p->x, y->attn_norm, d, u);
    us_linears(t, l, US_MOD_Q, 3, &in, u, (float *[]){p->q, p->k, p->v}, false);
    us_worker_meet(t);
    us_rotate_and_store(t, l);
    us_attention(t, l, parts);
    output(t, l, US_MOD_O, p->o, us_net_width_q(p->net), y->attn_post_norm);
    in = us_linear_begin(t, l, US_MOD_GATE, 2, p->x, y->ffn_norm, d, u);
    while (us_worker_claim(t, y->w[US_MOD_GATE]->n_groups, &g0, &g1)) {
        us_linear(t, l, US_MOD_GATE, &in, &u[0], p->gate, false, g0, g1);
        us_linear(t, l, US_MOD_UP, &in, &u[1], p->up, false, g0, g1);
        size_t c0 = g0 * US_GROUP, c1 = g1 * US_GROUP < f ? g1 * US_GROUP : f;
        for (size_t r = 0; r < p->T; r++)
            (p->net->gelu ? p->kn->geglu : p->kn->swiglu)(p->gate + r * f + c0, p->up + r * f + c0, c1 - c0,
                                                          p->act + r * f + c0);
    }
    us_worker_meet(t);
    output(t, l, US_MOD_DOWN, p->act, f, y->ffn_post_norm);
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
static void head(us_worker *t, size_t o0, size_t o1, float *logits) {
    us_pass *p = t->p;
    const us_net *n = p->net;
    size_t d = (size_t)n->n_embd, b, e, g0, g1;
    us_acts acts;
    us_split(o1 - o0, 1, t->i, t->n, &b, &e);
    us_acts_place(&acts, p->acts_block, o1 - o0, d);
    for (size_t i = b; i < e; i++)
        p->kn->rmsnorm(p->x + (size_t)p->e->out_rows[o0 + i] * d, n->out_norm, d, n->eps, p->hn + i * d);
    p->kn->quantize_acts(p->hn, d, b, e, &acts);
    us_worker_meet(t);
    while (us_worker_claim(t, n->head->n_groups, &g0, &g1)) {
        size_t v = (size_t)n->n_vocab, c1 = g1 * US_GROUP < v ? g1 * US_GROUP : v;
        p->kn->matmul(n->head, &acts, p->hn, d, 0, o1 - o0, g0, g1, logits, v, false);
        finish_logits(p, logits, o1 - o0, g0 * US_GROUP, c1);
    }
    us_worker_meet(t);
}

static void score_rows(us_worker *t, size_t o0, size_t o1) {
    us_pass *p = t->p;
    size_t v = (size_t)p->net->n_vocab, b, e;
    us_split(o1 - o0, 1, t->i, t->n, &b, &e);
    for (size_t i = b; i < e; i++) {
        const float *row = p->e->logits + i * v;
        p->e->score_out[o0 + i] = (float)((double)row[p->e->score_ids[o0 + i]] - p->kn->logsumexp(row, v));
    }
    us_worker_meet(t);
}

/* One value a wanted row. */
static void judge_rows(us_worker *t) {
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
    us_worker_meet(t);
}

static void embed(us_worker *t) {
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
    us_worker_meet(t);
}

static void run_pass(void *ctx, int i_thread, int n_threads) {
    us_pass *p = ctx;
    us_engine *e = p->e;
    us_worker t = us_worker_of(p, i_thread, n_threads);
    embed(&t);
    bool parts = us_attention_fits_parts(p);
    for (int32_t l = 0; l < e->n_layers; l++) layer(&t, l, parts);
    size_t n_out = (size_t)e->n_out;
    if (e->judge_head) judge_rows(&t);
    else if (!e->scoring && n_out) head(&t, 0, n_out, e->logits + (size_t)e->logits_at * (size_t)p->net->n_vocab);
    for (size_t o = 0; o < n_out && e->scoring; o += HEAD_ROWS) {
        size_t end = us_min2(o + HEAD_ROWS, n_out);
        head(&t, o, end, e->logits);
        score_rows(&t, o, end);
    }
    if (i_thread == 0) p->stage = t.stage; /* the others began before thread 0 passed the first barrier */
}

void us_forward(us_engine *e) {
    us_pass *p = e->pass;
    p->T = (size_t)e->n_rows;
    us_pass_lay_out(p);
    if (p->stage >= 1 << 15) { /* a pass has fewer: none meets what a share was left with 2^16 stages ago */
        p->stage = 0;
        for (int i = 0; i < us_pool_size(e->pool); i++) atomic_store_explicit(&p->shares[i].left, 0, memory_order_relaxed);
    }
    atomic_store(&p->next, 0);
    atomic_store(&p->down_done, 0);
    us_pool_run(e->pool, run_pass, p);
}
