/* The tape: a batch forward, its loss, and back to the gradients of the factors.
 *
 * Rows are worked on in chunks that threads claim; everything but attention and the factors' gradients
 * is local to a row, so a layer is: rows up to q,k,v | attention | the remaining rows. */
#include "train/tape.h"
#include "base/mem.h"
#include "ops/gemm.h"
#include "ops/grad.h"
#include "train/transpose.h"
#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 64       /* rows a thread claims at a time */
#define BF16_CHUNK 256 /* at most, where rows go through matmul_bf16, which unpacks weights once a call */
#define HEAD_CHUNK 64  /* target rows whose logits exist at a time, in each thread */

/* Activations of one layer that the backward pass reads. All [T, width]. */
typedef struct saved {
    float *x_in, *q, *k, *v, *o, *x_mid, *gate, *up;
    float *q_raw, *k_raw;      /* before the q/k norm; NULL without one */
    float *attn_raw, *ffn_raw; /* outputs before the norms that follow; NULL without */
    float *u[US_N_MODULES];    /* A x, [T, R] */
} saved;

struct us_tape {
    us_net net;
    const us_lora *lora;
    us_tape_options opt;
    us_pool *pool;
    const us_kern *kn;
    us_matrix *wt, head_t;     /* wt: [L][US_N_MODULES] */
    unsigned char *transposed; /* their bytes */
    size_t v_pad;              /* V rounded up to a block */
    us_arena arena;
    saved *layers, shared; /* with recompute every layer's arrays but x_in are `shared`'s */
    float *x, *h, *act, *d_x, *d_raw, *d_h, *d_gate, *d_up, *d_o, *d_q, *d_k, *d_v, *du[US_N_MODULES];
    float *rope_cos, *rope_sin; /* [n_ropes][max_rows, n_rot / 2] */
    float *hn, *d_hn, *nats;    /* [n_targets, D], the same, [n_targets] */
    float *attn_scratch, *attn_shared;
    unsigned char *thread_scratch;
    size_t thread_bytes;
    float *factors_t;  /* every A and B transposed, at the offsets of lora->params */
    uint64_t revision; /* of the factors that they stand for; UINT64_MAX: of none */
    /* the batch in work */
    const us_train_batch *b;
    float grad_scale, *grad;
    uint64_t step_seed;
    int32_t layer;
    us_packing packing;
    size_t chunk; /* rows a thread claims at a time */
    atomic_int next;
    bool (*go_on)(void *ctx);
    void *go_on_ctx;
    atomic_bool stopped; /* it said no in this batch, or in one before it that nobody has asked about */
};

/* ---- memory ------------------------------------------------------------------------------------ */

static size_t widest(const us_net *n) {
    size_t w = (size_t)n->n_ff, q = us_net_width_q(n), d = (size_t)n->n_embd;
    return w > q ? (w > d ? w : d) : (q > d ? q : d);
}
static size_t padded_vocab(const us_net *n) { return ((size_t)n->n_vocab + US_BLOCK - 1) / US_BLOCK * US_BLOCK; }

/* Hands out the arena, or only counts (a == NULL) so that sizing and placing cannot disagree. */
typedef struct placer {
    us_arena *a;
    size_t bytes;
} placer;

static float *place(placer *p, size_t n_floats) {
    size_t bytes = (n_floats * sizeof(float) + 63) & ~(size_t)63;
    p->bytes += bytes;
    return p->a ? us_arena_get(p->a, bytes) : NULL;
}

static void place_saved(placer *p, const us_net *n, const us_lora *lora, size_t t, saved *s) {
    size_t d = (size_t)n->n_embd, f = (size_t)n->n_ff, q = us_net_width_q(n), kv = us_net_width_kv(n);
    s->q = place(p, t * q);
    s->k = place(p, t * kv);
    s->v = place(p, t * kv);
    s->o = place(p, t * q);
    s->x_mid = place(p, t * d);
    s->gate = place(p, t * f);
    s->up = place(p, t * f);
    if (n->layers[0].q_norm) {
        s->q_raw = place(p, t * q);
        s->k_raw = place(p, t * kv);
    }
    if (n->layers[0].attn_post_norm) s->attn_raw = place(p, t * d);
    if (n->layers[0].ffn_post_norm) s->ffn_raw = place(p, t * d);
    for (int m = 0; m < US_N_MODULES; m++)
        s->u[m] = us_lora_at(lora, n->n_layers - 1, m)->on ? place(p, t * (size_t)lora->rank) : NULL;
}

/* Whether the outputs of attention and feed-forward are normed or scaled before they are added to the residual stream. */
static bool changes_output(const us_net *n) { return n->layers[0].attn_post_norm || n->residual_scale != 1; }

/* Gradients go through matmul_bf16 where there is one; a loss alone is computed as the model is served, in 8-bit blocks. */
static bool may_use_bf16(const us_tape_options *o) { return o->train && !o->f32 && us_kern_get()->matmul_bf16; }
static bool uses_bf16(const us_tape *t) { return t->grad && may_use_bf16(&t->opt); }

/* The input of a product as the kernels want it: 8-bit blocks, or matmul_bf16's rows, behind its panel. */
static size_t input_bytes(const us_tape_options *o, size_t n_rows, size_t width) {
    size_t acts = us_acts_bytes(n_rows, width),
           bf16 = may_use_bf16(o) ? us_panel_bytes(width) + us_bf16_bytes(n_rows, width) : 0;
    return acts > bf16 ? acts : bf16;
}

static size_t thread_bytes(const us_net *n, const us_tape_options *o) {
    size_t w = widest(n), vp = padded_vocab(n), chunk = may_use_bf16(o) ? BF16_CHUNK : CHUNK;
    size_t rows = input_bytes(o, chunk, w) + 3 * chunk * w * sizeof(float);
    size_t head = o->states ? 0 : input_bytes(o, HEAD_CHUNK, vp) + (HEAD_CHUNK + (n->logit_cap > 0)) * vp * sizeof(float);
    return ((rows > head ? rows : head) + 4095) & ~(size_t)4095;
}

static void place_all(us_tape *t, placer *p, int n_threads) {
    const us_net *n = &t->net;
    const us_tape_options *o = &t->opt;
    size_t rows = (size_t)o->max_rows, d = (size_t)n->n_embd, f = (size_t)n->n_ff, q = us_net_width_q(n),
           kv = us_net_width_kv(n);
    bool each = o->train && !o->recompute;
    for (int32_t l = 0; l < n->n_layers; l++) {
        saved s = {0};
        if (o->train || l == 0) s.x_in = place(p, rows * d);
        else if (t->layers) s.x_in = t->layers[0].x_in;
        if (each) place_saved(p, n, t->lora, rows, &s);
        if (t->layers) t->layers[l] = s;
    }
    if (!each) place_saved(p, n, t->lora, rows, &t->shared);
    t->x = place(p, rows * d);
    if (o->train) {
        t->h = place(p, rows * d);
        t->act = place(p, rows * f);
        t->d_x = place(p, rows * d);
        t->d_raw = changes_output(n) ? place(p, rows * d) : t->d_x;
        t->d_h = place(p, rows * d);
        t->d_gate = place(p, rows * f);
        t->d_up = place(p, rows * f);
        t->d_o = place(p, rows * q);
        t->d_q = place(p, rows * q);
        t->d_k = place(p, rows * kv);
        t->d_v = place(p, rows * kv);
        for (int m = 0; m < US_N_MODULES; m++) t->du[m] = place(p, rows * (size_t)t->lora->rank);
        t->d_hn = place(p, (size_t)o->max_targets * d);
        t->attn_shared = place(p, 2 * (size_t)o->max_segments * kv * (size_t)o->max_prefix + 1);
    }
    t->hn = place(p, (size_t)o->max_targets * d);
    t->nats = place(p, (size_t)o->max_targets);
    t->rope_cos = place(p, (size_t)n->n_ropes * rows * (size_t)n->n_rot / 2);
    t->rope_sin = place(p, (size_t)n->n_ropes * rows * (size_t)n->n_rot / 2);
    us_segment longest = {0, o->max_segment};
    us_packing worst = {.n_rows = o->max_rows, .n_prefix = o->max_prefix, .segments = &longest, .n_segments = 1};
    t->attn_scratch = place(p, us_packed_attention_scratch(&worst, n->heads) * (size_t)n_threads);
    t->factors_t = place(p, t->lora->n_params);
    t->thread_bytes = thread_bytes(n, o);
    t->thread_scratch = (unsigned char *)place(p, t->thread_bytes / sizeof(float) * (size_t)n_threads);
}

static const us_matrix *linear_at(const us_net *n, int32_t i) { return n->layers[i / US_N_MODULES].w[i % US_N_MODULES]; }

static size_t all_transposed_bytes(const us_net *n, const us_tape_options *o) {
    size_t bytes = o->states ? 0 : us_transposed_bytes(n->head, o->f32);
    for (int32_t i = o->first_layer * US_N_MODULES; i < n->n_layers * US_N_MODULES; i++)
        bytes += us_transposed_bytes(linear_at(n, i), o->f32);
    return bytes;
}

/* The net as far as the options go. */
static us_net cut(const us_net *net, const us_tape_options *o) {
    us_net n = *net;
    if (o->n_layers && o->n_layers < n.n_layers) n.n_layers = o->n_layers;
    return n;
}

/* In one block, so that huge pages serve small ones too. The head first: it needs most beside itself. */
static us_status transpose_all(us_tape *t, us_error *err) {
    int32_t n = t->net.n_layers * US_N_MODULES;
    us_status st = us_alloc((size_t)n, sizeof *t->wt, &t->wt, err);
    if (!st) st = us_alloc_untouched(all_transposed_bytes(&t->net, &t->opt), &t->transposed, err);
    unsigned char *at = t->transposed;
    for (int32_t i = t->opt.states ? 0 : -1; i < n && !st; i++) {
        if (i >= 0 && i < t->opt.first_layer * US_N_MODULES) continue;
        const us_matrix *w = i < 0 ? t->net.head : linear_at(&t->net, i);
        st = us_matrix_transpose(t->pool, w, t->opt.f32, at, i < 0 ? &t->head_t : &t->wt[i], err);
        at += us_transposed_bytes(w, t->opt.f32);
    }
    return st;
}

size_t us_tape_bytes(const us_net *net, const us_lora *lora, const us_tape_options *o, int n_threads) {
    us_tape t = {.net = cut(net, o), .lora = lora, .opt = *o};
    placer p = {0};
    place_all(&t, &p, n_threads);
    return p.bytes + (o->train ? all_transposed_bytes(&t.net, o) : 0);
}

us_status us_tape_new(const us_net *net, const us_lora *lora, const us_tape_options *o, us_pool *pool, us_tape **out,
                      us_error *err) {
    us_tape *t = NULL;
    us_status st = us_alloc(1, sizeof *t, &t, err);
    if (st) return st;
    t->net = cut(net, o);
    t->lora = lora;
    t->opt = *o;
    t->pool = pool;
    t->kn = us_kern_get();
    t->v_pad = padded_vocab(net);
    t->revision = UINT64_MAX;
    placer p = {0};
    place_all(t, &p, us_pool_size(pool));
    if ((st = us_alloc((size_t)t->net.n_layers, sizeof *t->layers, &t->layers, err))) goto fail;
    if ((st = us_arena_init(&t->arena, p.bytes, err))) goto fail;
    p = (placer){.a = &t->arena};
    place_all(t, &p, us_pool_size(pool));
    if (o->train && (st = transpose_all(t, err))) goto fail;
    *out = t;
    return US_OK;
fail:
    us_tape_free(t);
    return st;
}

void us_tape_free(us_tape *t) {
    if (!t) return;
    free(t->wt);
    free(t->transposed);
    free(t->layers);
    us_arena_fini(&t->arena);
    free(t);
}

/* ---- rows, chunk by chunk ------------------------------------------------------------------------ */

/* What a thread works with on one chunk of n rows from row r0. */
typedef struct rows {
    us_tape *t;
    const us_net_layer *net;
    saved *s;
    int32_t layer;
    size_t r0, n;
    unsigned char *input; /* input_bytes() of the widest */
    us_acts acts;         /* of the input in work */
    float *spare[3];      /* [n, widest] */
} rows;

static bool stops(us_tape *t) {
    if (!t->stopped && t->go_on && !t->go_on(t->go_on_ctx)) t->stopped = true;
    return t->stopped;
}

static bool claim(us_tape *t, int i_thread, rows *c) {
    if (i_thread ? t->stopped : stops(t)) return false; /* the caller's thread asks, the others see */
    size_t i = (size_t)atomic_fetch_add(&t->next, 1), total = (size_t)t->b->packing.n_rows, w = widest(&t->net);
    if (i * t->chunk >= total) return false;
    unsigned char *s = t->thread_scratch + (size_t)i_thread * t->thread_bytes;
    *c = (rows){
        .t = t, .net = &t->net.layers[t->layer], .s = &t->layers[t->layer], .layer = t->layer, .r0 = i * t->chunk, .input = s};
    c->n = total - c->r0 < t->chunk ? total - c->r0 : t->chunk;
    float *f = (float *)(void *)(s + input_bytes(&t->opt, t->chunk, w));
    for (size_t k = 0; k < 3; k++) c->spare[k] = f + k * t->chunk * w;
    return true;
}

static uint16_t *bf16_rows(unsigned char *input, size_t width) { return (uint16_t *)(void *)(input + us_panel_bytes(width)); }

/* Before the products of an input: rounded once for all of them. */
static void quantize(const us_tape *t, const float *x, size_t n, size_t width, unsigned char *input, us_acts *acts) {
    if (uses_bf16(t)) {
        t->kn->to_bf16(x, width, n, width, 0, bf16_rows(input, width));
        return;
    }
    us_acts_place(acts, input, n, width);
    t->kn->quantize_acts(x, width, 0, n, acts);
}

/* y[n, N] (+)= x[n, K] . W^T */
static void product(const us_tape *t, const us_matrix *w, const float *x, size_t n, unsigned char *input, const us_acts *acts,
                    float *y, bool add) {
    if (uses_bf16(t)) {
        us_row_block blocks[BF16_CHUNK / US_BF16_ROWS];
        size_t n_blocks = 0;
        for (size_t r = 0; r < n; r += US_BF16_ROWS)
            blocks[n_blocks++] = (us_row_block){(int32_t)r, (int32_t)(n - r < US_BF16_ROWS ? n - r : US_BF16_ROWS)};
        t->kn->matmul_bf16(w, bf16_rows(input, w->n_cols), blocks, n_blocks, 0, w->n_groups, y, w->n_rows, add, input);
    } else t->kn->matmul(w, acts, x, w->n_cols, 0, n, 0, w->n_groups, y, w->n_rows, add);
}

/* splitmix64 of (seed, layer, module, row, column): the same mask in both passes, whatever the threads. */
static bool dropped(const us_tape *t, int32_t layer, us_module m, size_t row, size_t col) {
    uint64_t at = (((uint64_t)layer * US_N_MODULES + (uint64_t)m) << 40) + ((uint64_t)row << 20) + col + 1;
    uint64_t z = t->step_seed + 0x9e3779b97f4a7c15u * at;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53 < (double)t->opt.dropout;
}

static bool has_dropout(const us_tape *t) { return t->opt.dropout > 0 && t->grad; }

/* The products of the forward pass read the factors by columns, and a chunk of rows is too small to transpose them for each. */
static void transpose_factors(void *ctx, int i_thread, int n_threads) {
    us_tape *t = ctx;
    size_t begin, end, r = (size_t)t->lora->rank;
    us_split((size_t)t->lora->n_layers * US_N_MODULES, 1, i_thread, n_threads, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        const us_lora_site *s = &t->lora->sites[i];
        if (!s->on) continue;
        for (size_t k = 0; k < s->n_in; k++)
            for (size_t j = 0; j < r; j++) t->factors_t[s->a + k * r + j] = t->lora->params[s->a + j * s->n_in + k];
        for (size_t j = 0; j < r; j++)
            for (size_t k = 0; k < s->n_out; k++) t->factors_t[s->b + j * s->n_out + k] = t->lora->params[s->b + k * r + j];
    }
}

/* The LoRA input after dropout: x itself without dropout, else a masked copy in `copy`. */
static const float *lora_input(const us_tape *t, int32_t layer, us_module m, size_t r0, size_t n, const float *x, size_t width,
                               float *copy) {
    if (!has_dropout(t)) return x;
    float keep = 1.0f / (1.0f - t->opt.dropout);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++) copy[i * width + j] = dropped(t, layer, m, r0 + i, j) ? 0 : keep * x[i * width + j];
    return copy;
}

/* y[n, out] = x W^T + bias + scale (x A^T) B^T after quantize(x); u = x A^T is saved. */
static void linear(rows *c, us_module m, const float *x, float *y) {
    us_tape *t = c->t;
    const us_matrix *w = c->net->w[m];
    const us_lora_site *s = us_lora_at(t->lora, c->layer, m);
    size_t in = w->n_cols, out = w->n_rows, r = (size_t)t->lora->rank;
    product(t, w, x, c->n, c->input, &c->acts, y, false);
    for (size_t i = 0; i < c->n && c->net->bias[m]; i++) t->kn->add(c->net->bias[m], 1.0f, out, y + i * out);
    if (!s->on) return;
    float *u = c->s->u[m] + c->r0 * r;
    memset(u, 0, c->n * r * sizeof *u);
    x = lora_input(t, c->layer, m, c->r0, c->n, x, in, c->spare[2]);
    us_gemm_nn(t->kn, uses_bf16(t), c->n, r, in, 1.0f, x, in, t->factors_t + s->a, r, u, r);
    us_gemm_nn(t->kn, uses_bf16(t), c->n, out, r, t->lora->scale, u, r, t->factors_t + s->b, out, y, out);
}

/* d_x[n, in] (+)= d_y W + scale (d_y B) A; keeps scale * d_y B in t->du[m] for the gradient of A. */
static void linear_back(rows *c, us_module m, const float *d_y, float *d_x, bool add) {
    us_tape *t = c->t;
    const us_matrix *wt = &t->wt[c->layer * US_N_MODULES + (int)m];
    const us_lora_site *s = us_lora_at(t->lora, c->layer, m);
    size_t in = wt->n_rows, out = s->n_out, r = (size_t)t->lora->rank;
    quantize(t, d_y, c->n, out, c->input, &c->acts);
    product(t, wt, d_y, c->n, c->input, &c->acts, d_x, add);
    if (!s->on) return;
    float *du = t->du[m] + c->r0 * r, keep = 1.0f / (1.0f - t->opt.dropout);
    memset(du, 0, c->n * r * sizeof *du);
    us_gemm_nn(t->kn, uses_bf16(t), c->n, r, out, t->lora->scale, d_y, out, t->lora->params + s->b, r, du, r);
    if (!has_dropout(t)) {
        us_gemm_nn(t->kn, uses_bf16(t), c->n, in, r, 1.0f, du, r, t->lora->params + s->a, in, d_x, in);
        return;
    }
    float *d = c->spare[2];
    memset(d, 0, c->n * in * sizeof *d);
    us_gemm_nn(t->kn, uses_bf16(t), c->n, in, r, keep, du, r, t->lora->params + s->a, in, d, in);
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = 0; j < in; j++)
            if (!dropped(t, c->layer, m, c->r0 + i, j)) d_x[i * in + j] += d[i * in + j];
}

/* direction +1 rotates, -1 rotates back (the transposed rotation: the gradient). */
static void rotate(rows *c, float *x, int32_t n_heads, int direction) {
    const us_net *n = &c->t->net;
    size_t half = (size_t)n->n_rot / 2, e = (size_t)n->heads.head_size;
    float *back = c->spare[2];
    if (c->net->rope < 0) return;
    size_t first = (size_t)c->net->rope * (size_t)c->t->opt.max_rows + c->r0;
    for (size_t i = 0; i < c->n; i++) {
        const float *co = c->t->rope_cos + (first + i) * half, *si = c->t->rope_sin + (first + i) * half;
        for (size_t j = 0; j < half && direction < 0; j++) back[j] = -si[j];
        for (int32_t h = 0; h < n_heads; h++)
            c->t->kn->rope(x + (i * (size_t)n_heads + (size_t)h) * e, (size_t)n->n_rot, n->neox, co, direction < 0 ? back : si);
    }
}

static void norm_rows(const us_tape *t, const float *x, const float *g, size_t width, size_t n_rows, float *y) {
    for (size_t i = 0; i < n_rows; i++) t->kn->rmsnorm(x + i * width, g, width, t->net.eps, y + i * width);
}

/* x[n, width] as the products read it: normed into h, or itself where the architecture has no norm before. */
static const float *pre_norm(const rows *c, const float *x, const float *g, float *h) {
    if (!g) return x;
    norm_rows(c->t, x, g, (size_t)c->t->net.n_embd, c->n, h);
    return h;
}

/* d_x += what d_h gives through the norm. */
static void pre_norm_back(const rows *c, const float *x, const float *g, const float *d_h, float *d_x) {
    size_t d = (size_t)c->t->net.n_embd;
    if (!g) c->t->kn->add(d_h, 1.0f, c->n * d, d_x);
    for (size_t i = 0; i < c->n && g; i++) us_rmsnorm_back(x + i * d, g, d_h + i * d, d, c->t->net.eps, d_x + i * d);
}

/* y = x + residual_scale * [norm] y for an output y of the layer. As it was before its norm it is kept in its rows of raw [T, D]. */
static void add_residual(const rows *c, const float *x, const float *g, float *raw, float *y) {
    size_t d = (size_t)c->t->net.n_embd;
    float scale = c->t->net.residual_scale;
    if (g) {
        raw += c->r0 * d;
        memcpy(raw, y, c->n * d * sizeof *y);
        norm_rows(c->t, raw, g, d, c->n, y);
    }
    for (size_t i = 0; i < c->n * d && scale != 1; i++) y[i] *= scale;
    c->t->kn->add(x, 1.0f, c->n * d, y);
}

/* d_raw, the gradient of the output before its norm, from d_x, that of the stream (the same array where nothing is changed). */
static void residual_back(const rows *c, const float *raw, const float *g, const float *d_x, float *d_raw) {
    size_t d = (size_t)c->t->net.n_embd;
    float scale = c->t->net.residual_scale;
    if (!g && d_raw != d_x) memcpy(d_raw, d_x, c->n * d * sizeof *d_x);
    if (g) memset(d_raw, 0, c->n * d * sizeof *d_x);
    for (size_t i = 0; i < c->n && g; i++)
        us_rmsnorm_back(raw + (c->r0 + i) * d, g, d_x + i * d, d, c->t->net.eps, d_raw + i * d);
    for (size_t i = 0; i < c->n * d && scale != 1; i++) d_raw[i] *= scale;
}

/* The rows that a norm of q or k sees: heads, or all heads of a row at once. */
static void qk_shape(const rows *c, int32_t n_heads, size_t *width, size_t *n) {
    bool row = c->t->net.qk_norm == US_QK_NORM_ROW;
    *width = (size_t)c->t->net.heads.head_size * (row ? (size_t)n_heads : 1);
    *n = c->n * (row ? 1 : (size_t)n_heads);
}

static void qk_norm(rows *c, const float *g, float *x, float *raw, int32_t n_heads) {
    size_t e, n;
    qk_shape(c, n_heads, &e, &n);
    memcpy(raw, x, n * e * sizeof *x);
    norm_rows(c->t, raw, g, e, n, x);
}

/* Layer input -> q, k, v after RoPE. */
static void rows_before_attention(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    us_tape *t = ctx;
    const us_net *n = &t->net;
    size_t d = (size_t)n->n_embd, q = us_net_width_q(n), kv = us_net_width_kv(n);
    for (rows c; claim(t, i_thread, &c);) {
        saved *s = c.s;
        const float *h = pre_norm(&c, s->x_in + c.r0 * d, c.net->attn_norm, c.spare[0]);
        quantize(t, h, c.n, d, c.input, &c.acts);
        linear(&c, US_MOD_Q, h, s->q + c.r0 * q);
        linear(&c, US_MOD_K, h, s->k + c.r0 * kv);
        linear(&c, US_MOD_V, h, s->v + c.r0 * kv);
        if (c.net->q_norm) qk_norm(&c, c.net->q_norm, s->q + c.r0 * q, s->q_raw + c.r0 * q, n->heads.n_heads);
        if (c.net->k_norm) qk_norm(&c, c.net->k_norm, s->k + c.r0 * kv, s->k_raw + c.r0 * kv, n->heads.n_kv_heads);
        rotate(&c, s->q + c.r0 * q, n->heads.n_heads, 1);
        rotate(&c, s->k + c.r0 * kv, n->heads.n_kv_heads, 1);
    }
}

/* Attention output -> layer output: the input of the next layer, or t->x behind the last. */
static void rows_after_attention(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    us_tape *t = ctx;
    const us_net *n = &t->net;
    size_t d = (size_t)n->n_embd, f = (size_t)n->n_ff, q = us_net_width_q(n);
    float *out = t->layer + 1 < n->n_layers ? t->layers[t->layer + 1].x_in : t->x;
    for (rows c; claim(t, i_thread, &c);) {
        saved *s = c.s;
        float *x_mid = s->x_mid + c.r0 * d, *x = out + c.r0 * d, *a = c.spare[1];
        quantize(t, s->o + c.r0 * q, c.n, q, c.input, &c.acts);
        linear(&c, US_MOD_O, s->o + c.r0 * q, x_mid);
        add_residual(&c, s->x_in + c.r0 * d, c.net->attn_post_norm, s->attn_raw, x_mid);
        const float *h = pre_norm(&c, x_mid, c.net->ffn_norm, c.spare[0]);
        quantize(t, h, c.n, d, c.input, &c.acts);
        linear(&c, US_MOD_GATE, h, s->gate + c.r0 * f);
        linear(&c, US_MOD_UP, h, s->up + c.r0 * f);
        (n->gelu ? t->kn->geglu : t->kn->swiglu)(s->gate + c.r0 * f, s->up + c.r0 * f, c.n * f, a);
        quantize(t, a, c.n, f, c.input, &c.acts);
        linear(&c, US_MOD_DOWN, a, x);
        add_residual(&c, x_mid, c.net->ffn_post_norm, s->ffn_raw, x);
    }
}

static void run_rows(us_tape *t, us_pool_fn *fn) {
    atomic_store(&t->next, 0);
    us_pool_run(t->pool, fn, t);
}

static us_heads heads_of(const us_tape *t, int32_t l) {
    us_heads h = t->net.heads;
    h.window = t->net.layers[l].window;
    return h;
}

static us_packed_rows packed_rows(const us_tape *t, const saved *s) {
    return (us_packed_rows){.q = s->q,
                            .k = s->k,
                            .v = s->v,
                            .o = s->o,
                            .d_o = t->d_o,
                            .d_q = t->d_q,
                            .d_k = t->d_k,
                            .d_v = t->d_v,
                            .scratch = t->attn_scratch,
                            .shared = t->attn_shared};
}

static void layer_forward(us_tape *t, int32_t l) {
    t->layer = l;
    run_rows(t, rows_before_attention);
    saved *s = &t->layers[l];
    us_packed_rows r = packed_rows(t, s);
    us_packed_attention(t->pool, &t->packing, heads_of(t, l), &r);
    run_rows(t, rows_after_attention);
}

/* ---- the head, at target rows only ---------------------------------------------------------------- */

/* Logits [m, V] from the products, then the loss and, in their place, their gradient. `row` has room for one when they are
 * capped. */
static void loss_rows(const us_tape *t, const int32_t *ids, size_t m, float *logits, float *nats, float *row) {
    const us_net *n = &t->net;
    size_t v = (size_t)n->n_vocab;
    float cap = n->logit_cap, scale = n->logit_scale;
    for (size_t i = 0; i < m * v && scale != 1; i++) logits[i] *= scale;
    if (cap > 0) t->kn->softcap(logits, m * v, cap);
    else us_cross_entropy(logits, v, ids, m, t->grad_scale, nats);
    for (size_t k = 0; k < m && cap > 0; k++) {
        float *d = logits + k * v;
        memcpy(row, d, v * sizeof *row);
        us_cross_entropy(d, v, ids + k, 1, t->grad_scale, nats + k);
        for (size_t j = 0; j < v; j++) d[j] *= 1 - row[j] / cap * (row[j] / cap);
    }
    for (size_t i = 0; i < m * v && scale != 1; i++) logits[i] *= scale;
}

static void head_rows(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    us_tape *t = ctx;
    const us_net *n = &t->net;
    size_t d = (size_t)n->n_embd, v = (size_t)n->n_vocab, vp = t->v_pad;
    unsigned char *s = t->thread_scratch + (size_t)i_thread * t->thread_bytes;
    for (size_t i; (i = (size_t)atomic_fetch_add(&t->next, 1)) * HEAD_CHUNK < (size_t)t->b->n_targets;) {
        if (i_thread ? t->stopped : stops(t)) return;
        size_t r0 = i * HEAD_CHUNK, left = (size_t)t->b->n_targets - r0, m = left < HEAD_CHUNK ? left : HEAD_CHUNK;
        us_acts acts;
        float *logits = (float *)(void *)(s + input_bytes(&t->opt, HEAD_CHUNK, vp)), *hn = t->hn + r0 * d;
        for (size_t k = 0; k < m; k++)
            t->kn->rmsnorm(t->x + (size_t)t->b->target_rows[r0 + k] * d, n->out_norm, d, n->eps, hn + k * d);
        quantize(t, hn, m, d, s, &acts);
        product(t, n->head, hn, m, s, &acts, logits, false);
        loss_rows(t, t->b->target_ids + r0, m, logits, t->nats + r0, logits + HEAD_CHUNK * vp);
        if (!t->grad) continue;
        for (size_t k = m; k-- > 0 && vp > v;) { /* spread rows to the padded width, last first */
            memmove(logits + k * vp, logits + k * v, v * sizeof *logits);
            memset(logits + k * vp + v, 0, (vp - v) * sizeof *logits);
        }
        quantize(t, logits, m, vp, s, &acts);
        product(t, &t->head_t, logits, m, s, &acts, t->d_hn + r0 * d, false);
        for (size_t k = 0; k < m && t->b->weights; k++)
            for (size_t j = 0; j < d; j++) t->d_hn[(r0 + k) * d + j] *= t->b->weights[r0 + k];
    }
}

/* ---- backward --------------------------------------------------------------------------------------- */

/* d_x (of the layer's output) -> d_x of its middle, d_o; leaves x and d_y of down, gate, up for the factors. */
static void rows_back_ffn(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    us_tape *t = ctx;
    const us_net *n = &t->net;
    size_t d = (size_t)n->n_embd, f = (size_t)n->n_ff, q = us_net_width_q(n);
    for (rows c; claim(t, i_thread, &c);) {
        saved *s = c.s;
        float *d_x = t->d_x + c.r0 * d, *x_mid = s->x_mid + c.r0 * d, *d_gate = t->d_gate + c.r0 * f,
              *d_up = t->d_up + c.r0 * f;
        float *d_a = c.spare[0], *d_h = c.spare[1], *d_down = t->d_h + c.r0 * d, *d_raw = t->d_raw + c.r0 * d;
        residual_back(&c, s->ffn_raw, c.net->ffn_post_norm, d_x, d_down); /* d_y of down, kept for its factors */
        linear_back(&c, US_MOD_DOWN, d_down, d_a, false);
        (n->gelu ? t->kn->geglu : t->kn->swiglu)(s->gate + c.r0 * f, s->up + c.r0 * f, c.n * f, t->act + c.r0 * f);
        (n->gelu ? t->kn->geglu_back : t->kn->swiglu_back)(s->gate + c.r0 * f, s->up + c.r0 * f, d_a, c.n * f, d_gate, d_up);
        pre_norm(&c, x_mid, c.net->ffn_norm, t->h + c.r0 * d);
        linear_back(&c, US_MOD_GATE, d_gate, d_h, false);
        linear_back(&c, US_MOD_UP, d_up, d_h, true);
        pre_norm_back(&c, x_mid, c.net->ffn_norm, d_h, d_x);
        residual_back(&c, s->attn_raw, c.net->attn_post_norm, d_x, d_raw);
        linear_back(&c, US_MOD_O, d_raw, t->d_o + c.r0 * q, false);
    }
}

static void qk_norm_back(rows *c, const float *g, const float *raw, float *d, int32_t n_heads) {
    size_t e, n;
    float *dy = c->spare[0];
    qk_shape(c, n_heads, &e, &n);
    memcpy(dy, d, n * e * sizeof *d);
    memset(d, 0, n * e * sizeof *d);
    for (size_t i = 0; i < n; i++) us_rmsnorm_back(raw + i * e, g, dy + i * e, e, c->t->net.eps, d + i * e);
}

/* d_q, d_k, d_v (after RoPE) -> d_x of the layer's input. */
static void rows_back_qkv(void *ctx, int i_thread, int n_threads) {
    (void)n_threads;
    us_tape *t = ctx;
    const us_net *n = &t->net;
    size_t d = (size_t)n->n_embd, q = us_net_width_q(n), kv = us_net_width_kv(n);
    for (rows c; claim(t, i_thread, &c);) {
        saved *s = c.s;
        float *d_q = t->d_q + c.r0 * q, *d_k = t->d_k + c.r0 * kv, *d_v = t->d_v + c.r0 * kv, *d_h = c.spare[1];
        rotate(&c, d_q, n->heads.n_heads, -1);
        rotate(&c, d_k, n->heads.n_kv_heads, -1);
        if (c.net->q_norm) qk_norm_back(&c, c.net->q_norm, s->q_raw + c.r0 * q, d_q, n->heads.n_heads);
        if (c.net->k_norm) qk_norm_back(&c, c.net->k_norm, s->k_raw + c.r0 * kv, d_k, n->heads.n_kv_heads);
        pre_norm(&c, s->x_in + c.r0 * d, c.net->attn_norm, t->h + c.r0 * d);
        linear_back(&c, US_MOD_Q, d_q, d_h, false);
        linear_back(&c, US_MOD_K, d_k, d_h, true);
        linear_back(&c, US_MOD_V, d_v, d_h, true);
        if (c.layer > t->opt.first_layer) /* below there is nothing to train */
            pre_norm_back(&c, s->x_in + c.r0 * d, c.net->attn_norm, d_h, t->d_x + c.r0 * d);
    }
}

/* The factors' gradients are sums over all rows: work is split over outputs. One item is 64 rows of B
 * or 64 columns of A of one module. */
typedef struct factor_site {
    us_module m;
    const float *x, *d_y; /* [T, in], [T, out] */
} factor_site;
typedef struct factor_job {
    us_tape *t;
    int n_sites;
    const factor_site *sites;
} factor_job;
#define FACTOR_STEP ((size_t)64)

static void factor_item(us_tape *t, const factor_site *f, const us_lora_site *s, size_t i) {
    size_t r = (size_t)t->lora->rank, n_rows = (size_t)t->b->packing.n_rows, n_b = (s->n_out + FACTOR_STEP - 1) / FACTOR_STEP;
    size_t width = i < n_b ? s->n_out : s->n_in, at = (i < n_b ? i : i - n_b) * FACTOR_STEP;
    size_t m = width - at < FACTOR_STEP ? width - at : FACTOR_STEP;
    if (i < n_b)
        us_gemm_tn(t->kn, uses_bf16(t), m, r, n_rows, t->lora->scale, f->d_y + at, width, t->layers[t->layer].u[f->m], r,
                   t->grad + s->b + at * r, r);
    else us_gemm_tn(t->kn, uses_bf16(t), r, m, n_rows, 1.0f, t->du[f->m], r, f->x + at, width, t->grad + s->a + at, width);
}

static void factor_items(void *ctx, int i_thread, int n_threads) {
    (void)i_thread;
    (void)n_threads;
    factor_job *j = ctx;
    us_tape *t = j->t;
    for (;;) {
        size_t item = (size_t)atomic_fetch_add(&t->next, 1);
        int k = 0;
        const us_lora_site *s = NULL;
        for (; k < j->n_sites; k++) {
            s = us_lora_at(t->lora, t->layer, j->sites[k].m);
            size_t n = s->on ? (s->n_out + FACTOR_STEP - 1) / FACTOR_STEP + (s->n_in + FACTOR_STEP - 1) / FACTOR_STEP : 0;
            if (item < n) break;
            item -= n;
        }
        if (k >= j->n_sites) return;
        factor_item(t, &j->sites[k], s, item);
    }
}

/* With dropout the factors saw a masked input: each module goes alone through a masked copy of it
 * (`copy` has room for [T, in]). */
static void factors(us_tape *t, const factor_site *sites, int n, float *copy) {
    factor_job j = {.t = t, .n_sites = n, .sites = sites};
    if (!has_dropout(t)) {
        atomic_store(&t->next, 0);
        us_pool_run(t->pool, factor_items, &j);
        return;
    }
    for (int k = 0; k < n; k++) {
        factor_site one = sites[k];
        const us_lora_site *s = us_lora_at(t->lora, t->layer, one.m);
        if (!s->on) continue;
        one.x = lora_input(t, t->layer, one.m, 0, (size_t)t->b->packing.n_rows, one.x, s->n_in, copy);
        j = (factor_job){.t = t, .n_sites = 1, .sites = &one};
        atomic_store(&t->next, 0);
        us_pool_run(t->pool, factor_items, &j);
    }
}

static void layer_backward(us_tape *t, int32_t l) {
    if (t->opt.recompute) layer_forward(t, l);
    t->layer = l;
    saved *s = &t->layers[l];
    const us_net_layer *y = &t->net.layers[l];
    const float *h_attn = y->attn_norm ? t->h : s->x_in, *h_ffn = y->ffn_norm ? t->h : s->x_mid;
    float *spare = s->gate; /* gate and up of this layer are used up once rows_back_ffn has run */
    run_rows(t, rows_back_ffn);
    factors(t,
            (factor_site[]){{US_MOD_DOWN, t->act, t->d_h},
                            {US_MOD_GATE, h_ffn, t->d_gate},
                            {US_MOD_UP, h_ffn, t->d_up},
                            {US_MOD_O, s->o, t->d_raw}},
            4, spare);
    us_packed_rows r = packed_rows(t, s);
    us_packed_attention_back(t->pool, &t->packing, heads_of(t, l), &r);
    run_rows(t, rows_back_qkv);
    factors(t, (factor_site[]){{US_MOD_Q, h_attn, t->d_q}, {US_MOD_K, h_attn, t->d_k}, {US_MOD_V, h_attn, t->d_v}}, 3, spare);
}

/* ---- a batch ------------------------------------------------------------------------------------------ */

static void start_batch(us_tape *t, const us_train_batch *b) {
    const us_net *n = &t->net;
    size_t d = (size_t)n->n_embd, half = (size_t)n->n_rot / 2;
    assert(b->packing.n_rows <= t->opt.max_rows && b->n_targets <= t->opt.max_targets &&
           b->packing.n_segments <= t->opt.max_segments);
    t->b = b;
    t->packing = b->packing;
    t->packing.bf16 = uses_bf16(t);
    t->packing.pos = b->pos;
    t->chunk = CHUNK;
    if (uses_bf16(t)) { /* two chunks a thread, in whole tiles */
        size_t share = (size_t)b->packing.n_rows / (2 * (size_t)us_pool_size(t->pool)) / 32 * 32 + 32;
        t->chunk = share < CHUNK ? CHUNK : share > BF16_CHUNK ? BF16_CHUNK : share;
    }
    for (size_t i = 0; i < (size_t)b->packing.n_rows; i++) {
        float *x = t->layers[0].x_in + i * d;
        t->kn->unpack_row(n->embd, (size_t)b->tokens[i], x);
        for (size_t j = 0; j < d && n->embd_scale != 1; j++) x[j] *= n->embd_scale;
        for (size_t j = 0; j < half * (size_t)n->n_ropes; j++) {
            const us_rope *r = &n->ropes[j / half];
            size_t at = (j / half * (size_t)t->opt.max_rows + i) * half + j % half;
            double angle = (double)b->pos[i] * (double)r->inv_freq[j % half];
            t->rope_cos[at] = r->scale * (float)cos(angle);
            t->rope_sin[at] = r->scale * (float)sin(angle);
        }
    }
}

void us_tape_set_go_on(us_tape *t, bool (*go_on)(void *ctx), void *ctx) {
    t->go_on = go_on;
    t->go_on_ctx = ctx;
}

bool us_tape_take_stopped(us_tape *t) {
    bool stopped = t->stopped;
    t->stopped = false;
    return stopped;
}

static void layers_forward(us_tape *t, const us_train_batch *b) {
    if (t->revision != t->lora->revision) us_pool_run(t->pool, transpose_factors, t);
    t->revision = t->lora->revision;
    start_batch(t, b);
    for (int32_t l = 0; l < t->net.n_layers; l++) {
        saved *s = &t->layers[l];
        if (stops(t)) return;
        if (!t->opt.train || t->opt.recompute) {
            float *x_in = s->x_in;
            *s = t->shared;
            s->x_in = x_in;
        }
        layer_forward(t, l);
    }
}

static double forward(us_tape *t, const us_train_batch *b) {
    assert(!t->opt.states);
    layers_forward(t, b);
    if (t->stopped) return NAN;
    run_rows(t, head_rows);
    if (t->stopped) return NAN;
    double sum = 0;
    for (int32_t i = 0; i < b->n_targets; i++) sum += (double)t->nats[i];
    return sum;
}

/* From d(loss)/d(normed state) of each target row down to the first layer that is trained. */
static void backward(us_tape *t, const float *d_states) {
    const us_train_batch *b = t->b;
    size_t d = (size_t)t->net.n_embd;
    memset(t->d_x, 0, (size_t)b->packing.n_rows * d * sizeof *t->d_x);
    for (int32_t i = 0; i < b->n_targets; i++) {
        size_t r = (size_t)b->target_rows[i];
        us_rmsnorm_back(t->x + r * d, t->net.out_norm, d_states + (size_t)i * d, d, t->net.eps, t->d_x + r * d);
    }
    for (int32_t l = t->net.n_layers; l-- > t->opt.first_layer;) {
        if (stops(t)) return;
        layer_backward(t, l);
    }
}

double us_tape_loss(us_tape *t, const us_train_batch *b, float *nats) {
    t->grad = NULL;
    t->grad_scale = 1;
    double sum = forward(t, b);
    if (nats && !t->stopped) memcpy(nats, t->nats, (size_t)b->n_targets * sizeof *nats);
    return sum;
}

double us_tape_loss_and_grad(us_tape *t, const us_train_batch *b, float scale, uint64_t step_seed, float *grad) {
    assert(t->opt.train);
    t->grad = grad;
    t->grad_scale = scale;
    t->step_seed = step_seed;
    double sum = forward(t, b);
    if (!t->stopped) backward(t, t->d_hn);
    if (t->stopped) return NAN;
    return sum;
}

const float *us_tape_states(us_tape *t, const us_train_batch *b, uint64_t step_seed, float *grad) {
    size_t d = (size_t)t->net.n_embd;
    t->grad = grad;
    t->step_seed = step_seed;
    layers_forward(t, b);
    for (int32_t i = 0; i < b->n_targets; i++)
        t->kn->rmsnorm(t->x + (size_t)b->target_rows[i] * d, t->net.out_norm, d, t->net.eps, t->hn + (size_t)i * d);
    return t->hn;
}

void us_tape_states_back(us_tape *t, const float *d_states) {
    assert(t->opt.train && t->grad);
    backward(t, d_states);
}
