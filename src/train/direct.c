/* Training a director: list after list, a softmax over its takes. One conversation is one batch of the tape: the conversation
 * is the prefix that all takes see, each take a segment of its own. The head stands behind the factors in every array of
 * parameters, so that one optimizer moves both. The state of a run is one file, written atomically after each evaluation. */
#include "understudy/direct.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/factors.h"
#include "reply/director.h"
#include "train/adamw.h"
#include "train/lists.h"
#include "train/tape.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = US_DIRECTOR_CONTEXT + US_LIST_MOST * (US_DIRECTOR_REPLY + 1) };
#define CHECKPOINT "director.checkpoint.gguf"

/* A list in tokens, as a batch. */
typedef struct packed {
    us_train_batch batch;
    us_tokens ids;
    int32_t pos[MOST_ROWS], window[MOST_ROWS], rows[US_LIST_MOST];
    us_segment segments[US_LIST_MOST];
} packed;

struct us_director_trainer {
    us_model *model;
    us_director_options o; /* every default filled in */
    char *folder;
    us_lists *lists;
    us_pool *pool;
    us_lora lora;
    us_tape *tape;
    size_t n_params; /* factors and head */
    float *grad, *m, *v, *best;
    float *d_states; /* [US_LIST_MOST, D] */
    packed *list;
    int64_t step, n_steps, at, n_examples;        /* at: lists drawn so far; n_examples: of these, examples */
    double r10, best_r10, won, best_won, seconds; /* won: of the held-out examples, see us_director_report */
    bool resumed;
};

/* ---- life ----------------------------------------------------------------------------------------------------- */

static us_status fill_options(us_director_trainer *t, const us_director_options *given, us_error *err) {
    us_director_options *o = &t->o;
    int32_t all = t->model->net.n_layers;
    *o = given ? *given : (us_director_options){0};
    if (!o->layers) o->layers = all * 8 / 15 > 0 ? all * 8 / 15 : 1;
    if (!o->n_probe) o->n_probe = 2000;
    if (o->decay == 0) o->decay = 0.1;
    if (!o->rank) o->rank = 16;
    if (!o->first_layer) o->first_layer = o->layers * 2 / 5;
    if (!o->n_lists) o->first_layer = o->layers; /* no layer has factors */
    if (o->lr == 0) o->lr = 1e-3;
    if (!o->batch) o->batch = 16;
    if (o->examples && o->examples_share == 0) o->examples_share = 0.5;
    if (!o->eval_every) o->eval_every = 25;
    if (!o->n_eval) o->n_eval = 200;
    if (o->rank < 1 || o->rank > 256 || o->layers < 1 || o->layers > all || o->first_layer < 0 || o->n_probe < 1 ||
        (o->n_lists && o->first_layer >= o->layers) || !(o->lr > 0 && o->lr <= 1) || !(o->decay >= 0) || o->n_lists < 0 ||
        o->batch < 1 || o->half < 0 || o->half > 2 || o->eval_every < 1 || !(o->examples_share >= 0 && o->examples_share <= 1))
        return us_fail(
            err, US_ERR_ARGUMENT,
            "director: rank 1..256, layers 1..%d, a first layer below them, a rate up to 1, lists and batch of 1 or more, "
            "half 0..2 and a share 0..1 are expected",
            all);
    t->n_steps = (o->n_lists + o->batch - 1) / o->batch;
    return US_OK;
}

/* The factors' array with room for the head behind it. */
static us_status add_head(us_director_trainer *t, us_error *err) {
    float *all = NULL;
    t->n_params = t->lora.n_params + (size_t)t->model->net.n_embd;
    us_status st = us_alloc_aligned(t->n_params * sizeof *all, &all, err);
    if (st) return st;
    memcpy(all, t->lora.params, t->lora.n_params * sizeof *all);
    free(t->lora.params);
    t->lora.params = all;
    return US_OK;
}

static us_status make_tape(us_director_trainer *t, us_error *err) {
    us_tape_options o = {.max_rows = MOST_ROWS,
                         .max_targets = US_LIST_MOST,
                         .max_segments = US_LIST_MOST,
                         .max_prefix = US_DIRECTOR_CONTEXT,
                         .max_segment = US_DIRECTOR_REPLY + 1,
                         .train = t->o.n_lists > 0,
                         .n_layers = t->o.layers,
                         .first_layer = t->o.n_lists ? t->o.first_layer : 0,
                         .states = true};
    return us_tape_new(&t->model->net, &t->lora, &o, t->pool, &t->tape, err);
}

static us_status resume(us_director_trainer *t, us_error *err);

us_status us_director_trainer_new(us_model *model, const us_script *script, const us_director_options *options,
                                  us_director_trainer **out, us_error *err) {
    us_director_trainer *t = NULL;
    size_t dims[US_N_MODULES][2];
    us_status st = us_alloc(1, sizeof *t, &t, err);
    if (st) return st;
    t->model = model;
    t->r10 = t->best_r10 = t->won = t->best_won = NAN;
    for (int m = 0; m < US_N_MODULES; m++) us_net_dims(&model->net, (us_module)m, &dims[m][0], &dims[m][1]);
    st = fill_options(t, options, err);
    if (!st && t->o.folder) st = us_strdup(t->o.folder, &t->folder, err);
    if (!st && t->folder) st = us_dir_make(t->folder, err);
    if (!st) st = us_lists_new(script, &t->o, &t->lists, err);
    if (!st) st = us_pool_new(t->o.n_threads, &t->pool, err);
    if (!st)
        st = us_lora_init(&t->lora, t->o.layers, t->o.first_layer, (const size_t(*)[2])dims, t->o.rank, (float)(2 * t->o.rank),
                          false, 0x7f, t->o.seed + 1, err);
    if (!st) st = add_head(t, err);
    if (!st) st = make_tape(t, err);
    for (float **p[] = {&t->grad, &t->m, &t->v, &t->best}, ***q = p; q < p + 4 && !st; q++)
        st = us_alloc_aligned(t->n_params * sizeof(float), *q, err);
    if (!st) st = us_alloc(US_LIST_MOST * (size_t)model->net.n_embd, sizeof *t->d_states, &t->d_states, err);
    if (!st) st = us_alloc(1, sizeof *t->list, &t->list, err);
    if (!st && t->folder) st = resume(t, err);
    if (st) us_director_trainer_free(t);
    else *out = t;
    return st;
}

void us_director_trainer_free(us_director_trainer *t) {
    if (!t) return;
    us_tape_free(t->tape);
    us_lora_fini(&t->lora);
    us_pool_free(t->pool);
    us_lists_free(t->lists);
    if (t->list) us_tokens_fini(&t->list->ids);
    free(t->list);
    free(t->grad);
    free(t->m);
    free(t->v);
    free(t->best);
    free(t->d_states);
    free(t->folder);
    free(t);
}

/* ---- a list ----------------------------------------------------------------------------------------------------- */

static us_status pack(const us_director_trainer *t, const us_list *l, packed *p, us_error *err) {
    const us_tokenizer *tok = t->model->tok;
    p->ids.n = 0;
    us_status st = us_director_read(tok, l->lines, l->n_lines, l->who, &p->ids, err);
    int32_t n_prefix = (int32_t)p->ids.n;
    for (int32_t i = 0; i < n_prefix; i++) p->pos[i] = i;
    for (size_t k = 0; k < l->n_takes && !st; k++) {
        int32_t begin = (int32_t)p->ids.n;
        st = us_director_read_reply(tok, l->takes[k], &p->ids, err);
        for (int32_t i = begin; i < (int32_t)p->ids.n && !st; i++) p->pos[i] = n_prefix + i - begin, p->window[i] = begin;
        p->segments[k] = (us_segment){begin, (int32_t)p->ids.n};
        p->rows[k] = (int32_t)p->ids.n - 1;
    }
    p->batch = (us_train_batch){.packing = {(int32_t)p->ids.n, n_prefix, p->window, p->segments, (int32_t)l->n_takes},
                                .tokens = p->ids.ids,
                                .pos = p->pos,
                                .target_rows = p->rows,
                                .n_targets = (int32_t)l->n_takes};
    return st;
}

/* The values of a list's takes; with `grad`, states are kept for learn(). */
static us_status values_of(us_director_trainer *t, const us_list *l, float *grad, double *values, const float **states,
                           us_error *err) {
    size_t d = (size_t)t->model->net.n_embd;
    const float *head = t->lora.params + t->lora.n_params;
    us_status st = pack(t, l, t->list, err);
    if (st) return st;
    const float *h = us_tape_states(t->tape, &t->list->batch, 0, grad);
    for (size_t k = 0; k < l->n_takes; k++) {
        values[k] = 0;
        for (size_t i = 0; i < d; i++) values[k] += (double)h[k * d + i] * (double)head[i];
    }
    *states = h;
    return US_OK;
}

/* Adds a list's gradient, scaled; returns its loss: the cross entropy of what is right and the softmax of the values. */
static us_status learn(us_director_trainer *t, const us_list *l, float scale, double *loss, us_error *err) {
    size_t d = (size_t)t->model->net.n_embd;
    double values[US_LIST_MOST], max = -INFINITY, sum = 0;
    const float *h, *head = t->lora.params + t->lora.n_params;
    float *d_head = t->grad + t->lora.n_params;
    us_status st = values_of(t, l, t->grad, values, &h, err);
    if (st) return st;
    for (size_t k = 0; k < l->n_takes; k++) max = values[k] > max ? values[k] : max;
    for (size_t k = 0; k < l->n_takes; k++) sum += exp(values[k] - max);
    for (size_t k = 0; k < l->n_takes; k++) {
        double lp = values[k] - max - log(sum);
        float g = scale * (float)(exp(lp) - l->right[k]);
        *loss -= l->right[k] * lp;
        for (size_t i = 0; i < d; i++) d_head[i] += g * h[k * d + i], t->d_states[k * d + i] = g * head[i];
    }
    us_tape_states_back(t->tape, t->d_states);
    return US_OK;
}

/* The next list to learn: by turns from the examples and from the script, in the asked shares. */
static bool next_list(us_director_trainer *t, us_list *l) {
    for (int tries = 0; tries < 100; tries++) {
        int64_t i = t->at++;
        if (us_lists_examples(t->lists) &&
            floor((double)(i + 1) * t->o.examples_share) > floor((double)i * t->o.examples_share)) {
            int64_t k = t->n_examples++;
            if (us_lists_example(t->lists, (size_t)k, (uint64_t)k, l)) return true;
        } else if (us_lists_get(t->lists, US_TRAIN, (size_t)(i - t->n_examples), (uint64_t)i + (t->o.seed << 32), l))
            return true;
    }
    return false;
}

/* ---- the probe --------------------------------------------------------------------------------------------------- */

/* A list whose states have been read: rows [first, first + n) of states [., D]. */
typedef struct read_list {
    size_t first, n;
    double right[US_LIST_MOST], weight;
} read_list;

typedef struct probe {
    float *states;
    read_list *lists;
    size_t n, n_rows, cap, cap_states, d;
} probe;

static us_status read_one(us_director_trainer *t, probe *p, const us_list *l, double weight, us_error *err) {
    us_status st = us_grow(&p->lists, &p->cap, p->n + 1, sizeof *p->lists, err);
    if (!st) st = us_grow(&p->states, &p->cap_states, (p->n_rows + l->n_takes) * p->d, sizeof *p->states, err);
    if (!st) st = pack(t, l, t->list, err);
    if (st) return st;
    memcpy(p->states + p->n_rows * p->d, us_tape_states(t->tape, &t->list->batch, 0, NULL), l->n_takes * p->d * sizeof(float));
    read_list *r = &p->lists[p->n++];
    *r = (read_list){.first = p->n_rows, .n = l->n_takes, .weight = weight};
    memcpy(r->right, l->right, sizeof r->right);
    p->n_rows += l->n_takes;
    return US_OK;
}

/* The script's lists and the examples, each of the two with its share of the whole weight. */
static us_status read_lists(us_director_trainer *t, probe *p, us_progress_fn *progress, void *ctx, us_error *err) {
    size_t n_examples = us_lists_examples(t->lists), n_script = (size_t)t->o.n_probe, total = n_examples + n_script;
    double share = n_examples ? t->o.examples_share : 0;
    us_list l;
    us_status st = US_OK;
    for (size_t i = 0; i < total && !st; i++) {
        bool example = i < n_examples;
        double weight = example ? share / (double)n_examples : (1 - share) / (double)n_script;
        if (example ? us_lists_example(t->lists, i, t->o.seed, &l)
                    : us_lists_get(t->lists, US_TRAIN, i - n_examples, t->o.seed, &l))
            st = read_one(t, p, &l, weight, err);
        if (!st && progress && !progress(ctx, (int32_t)i + 1, (int32_t)total))
            st = us_fail(err, US_ERR_INTERRUPTED, "stopped after %zu of %zu conversations", i + 1, total);
    }
    return st;
}

/* Standardises the states in place; scale[d]: 1 / standard deviation. */
static void standardise(probe *p, double *scale) {
    double n = (double)p->n_rows;
    for (size_t k = 0; k < p->d; k++) {
        double sum = 0, sq = 0;
        for (size_t i = 0; i < p->n_rows; i++) sum += (double)p->states[i * p->d + k];
        for (size_t i = 0; i < p->n_rows; i++) sq += pow((double)p->states[i * p->d + k] - sum / n, 2);
        scale[k] = 1 / (sqrt(sq / n) + 1e-6);
        for (size_t i = 0; i < p->n_rows; i++)
            p->states[i * p->d + k] = (float)(((double)p->states[i * p->d + k] - sum / n) * scale[k]);
    }
}

/* Adds the gradient of the weighted cross entropy at w. */
static void probe_gradient(const probe *p, const float *w, float *grad) {
    for (size_t i = 0; i < p->n; i++) {
        const read_list *l = &p->lists[i];
        double v[US_LIST_MOST], max = -INFINITY, sum = 0;
        for (size_t k = 0; k < l->n; k++) {
            const float *x = p->states + (l->first + k) * p->d;
            v[k] = 0;
            for (size_t j = 0; j < p->d; j++) v[k] += (double)(x[j] * w[j]);
            max = v[k] > max ? v[k] : max;
        }
        for (size_t k = 0; k < l->n; k++) sum += exp(v[k] - max);
        for (size_t k = 0; k < l->n; k++) {
            const float *x = p->states + (l->first + k) * p->d;
            float g = (float)(l->weight * (exp(v[k] - max) / sum - l->right[k]));
            for (size_t j = 0; j < p->d; j++) grad[j] += g * x[j];
        }
    }
}

/* Convex: any descent finds it; AdamW's moments with a falling rate do. */
static us_status solve(const us_director_trainer *t, probe *p, float *head, us_error *err) {
    enum { STEPS = 200 };
    double *scale = NULL;
    float *work = NULL; /* w, gradient, two moments */
    size_t d = p->d;
    us_status st = us_alloc(d, sizeof *scale, &scale, err);
    if (!st) st = us_alloc(4 * d, sizeof *work, &work, err);
    if (!st) standardise(p, scale);
    for (int64_t i = 0; i < STEPS && !st; i++) {
        float *w = work, *grad = work + d;
        for (size_t j = 0; j < d; j++) grad[j] = (float)t->o.decay * w[j];
        probe_gradient(p, w, grad);
        us_adamw o = {0.05f * (1 - (float)i / STEPS), 0.9f, 0.99f, 1e-8f, 0};
        us_adamw_step(&o, i + 1, grad, w, work + 2 * d, work + 3 * d, d);
    }
    for (size_t j = 0; j < d && !st; j++) head[j] = (float)((double)work[j] * scale[j]);
    free(work);
    free(scale);
    return st;
}

us_status us_director_trainer_probe(us_director_trainer *t, us_progress_fn *progress, void *ctx, us_error *err) {
    probe p = {.d = (size_t)t->model->net.n_embd};
    if (t->resumed) return US_OK;
    unsigned failures = us_memory_failures();
    us_status st = read_lists(t, &p, progress, ctx, err);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory"); /* some would lack takes */
    if (!st && !p.n) st = us_fail(err, US_ERR_FORMAT, "the script has no answers to learn from");
    if (!st) st = solve(t, &p, t->lora.params + t->lora.n_params, err);
    free(p.states);
    free(p.lists);
    return st;
}

/* ---- evaluation and the state ------------------------------------------------------------------------------------ */

static size_t first_of(const double *values, size_t n) {
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (values[k] > values[best]) best = k;
    return best;
}

/* The true lines that come first; a tie is no win. */
static us_status evaluate_script(us_director_trainer *t, us_error *err) {
    us_list l;
    double values[US_LIST_MOST];
    const float *h;
    int64_t n = 0, found = 0;
    us_status st = US_OK;
    for (size_t i = 0; n < t->o.n_eval && i < us_lists_count(t->lists, US_VALIDATION) && !st; i++) {
        if (!us_lists_r10(t->lists, US_VALIDATION, i, &l)) continue;
        st = values_of(t, &l, NULL, values, &h, err);
        size_t best = 0;
        for (size_t k = 1; k < l.n_takes && !st; k++)
            if (values[k] >= values[best]) best = k;
        found += !best;
        n++;
    }
    t->r10 = n ? (double)found / (double)n : NAN;
    return st;
}

/* What the choice wins of what could be won over a take by chance. */
static us_status evaluate_examples(us_director_trainer *t, us_error *err) {
    us_list l;
    double values[US_LIST_MOST], chosen = 0, chance = 0, most = 0;
    const float *h;
    us_status st = US_OK;
    for (size_t i = 0; i < us_lists_held(t->lists) && !st; i++) {
        us_lists_judged(t->lists, i, &l);
        if ((st = values_of(t, &l, NULL, values, &h, err))) break;
        chosen += l.right[first_of(values, l.n_takes)];
        most += l.right[first_of(l.right, l.n_takes)];
        for (size_t k = 0; k < l.n_takes; k++) chance += l.right[k] / (double)l.n_takes;
    }
    t->won = most > chance ? (chosen - chance) / (most - chance) : NAN;
    return st;
}

static us_status evaluate(us_director_trainer *t, us_error *err) {
    unsigned failures = us_memory_failures();
    us_status st = evaluate_script(t, err);
    if (!st) st = evaluate_examples(t, err);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    bool better = isfinite(t->won) ? !(t->won <= t->best_won) : !(t->r10 <= t->best_r10);
    if (!st && better) {
        t->best_r10 = t->r10;
        t->best_won = t->won;
        memcpy(t->best, t->lora.params, t->n_params * sizeof *t->best);
    }
    return st;
}

static us_status path_of(const us_director_trainer *t, char **out, us_error *err) {
    *out = us_path_join(t->folder, CHECKPOINT);
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

static void numbers_of(const us_director_trainer *t, int64_t out[8]) {
    const us_director_options *o = &t->o;
    const int64_t n[8] = {t->step,   t->at,          t->n_examples, o->rank,
                          o->layers, o->first_layer, o->half,       (int64_t)us_lists_count(t->lists, US_TRAIN)};
    memcpy(out, n, sizeof n);
}

static us_status write_state(us_director_trainer *t, us_error *err) {
    us_gguf_writer *w = NULL;
    char *path = NULL;
    int64_t numbers[8], ne = (int64_t)t->n_params;
    const double facts[5] = {t->r10, t->best_r10, t->seconds, t->won, t->best_won};
    const struct {
        const char *name;
        const float *data;
    } all[] = {{"params", t->lora.params}, {"m", t->m}, {"v", t->v}, {"best", t->best}};
    numbers_of(t, numbers);
    us_status st = path_of(t, &path, err);
    if (!st) st = us_gguf_writer_new(&w, err);
    if (!st) st = us_gguf_put_str(w, "general.type", "checkpoint", 10, err);
    if (!st)
        st = us_gguf_put_str(w, "general.architecture", t->model->info.architecture, strlen(t->model->info.architecture), err);
    if (!st) st = us_gguf_put_array(w, "understudy.director.state", US_KV_I64, numbers, 8, err);
    if (!st) st = us_gguf_put_array(w, "understudy.director.facts", US_KV_FLOAT64, facts, 5, err);
    for (size_t i = 0; i < 4 && !st; i++) st = us_gguf_put_tensor(w, all[i].name, US_TYPE_F32, 1, &ne, all[i].data, err);
    if (!st) st = us_gguf_writer_finish(w, path, NULL, NULL, err);
    us_gguf_writer_free(w);
    free(path);
    return st;
}

static us_status load_state(us_director_trainer *t, const us_gguf *g, const char *path, us_error *err) {
    const us_kv *numbers, *facts;
    int64_t held[8], ours[8];
    double f[5] = {NAN, NAN, 0, NAN, NAN};
    struct {
        const char *name;
        float *data;
    } all[] = {{"params", t->lora.params}, {"m", t->m}, {"v", t->v}, {"best", t->best}};
    us_status st = us_gguf_get_array(g, "understudy.director.state", US_KV_I64, 8, &numbers, err);
    if (!st) st = us_gguf_get_array(g, "understudy.director.facts", US_KV_FLOAT64, 5, &facts, err);
    if (st) return st;
    if (numbers->n != 8 || (facts->n != 3 && facts->n != 5)) /* 3: as before examples were held out */
        return us_fail(err, US_ERR_FORMAT, "%s: the state is incomplete: remove the file to begin anew", path);
    memcpy(held, numbers->data, sizeof held);
    memcpy(f, facts->data, facts->n * sizeof *f);
    numbers_of(t, ours);
    if (memcmp(held + 3, ours + 3, 5 * sizeof *held) || held[0] < 0 || held[1] < 0 || held[2] < 0 || held[2] > held[1])
        return us_fail(
            err, US_ERR_MISMATCH,
            "%s: that run had another script or other options (rank, layers, half): give the same, or remove the file", path);
    for (size_t i = 0; i < 4; i++) {
        const us_tensor *x = us_gguf_find_tensor(g, all[i].name);
        if (!x || x->type != US_TYPE_F32 || x->n_bytes != t->n_params * sizeof(float))
            return us_fail(err, US_ERR_FORMAT, "%s: tensor '%s' is missing or of another size", path, all[i].name);
        memcpy(all[i].data, x->data, x->n_bytes);
        t->lora.revision++;
    }
    t->step = held[0];
    t->at = held[1];
    t->n_examples = held[2];
    t->r10 = f[0];
    t->best_r10 = f[1];
    t->seconds = f[2];
    t->won = f[3];
    t->best_won = f[4];
    t->resumed = true;
    return US_OK;
}

static us_status resume(us_director_trainer *t, us_error *err) {
    us_gguf *g = NULL;
    char *path = NULL;
    us_status st = path_of(t, &path, err);
    if (!st && us_file_exists(path)) {
        st = us_gguf_open(path, &g, err);
        if (!st) st = load_state(t, g, path, err);
    }
    us_gguf_close(g);
    free(path);
    return st;
}

/* ---- a step ----------------------------------------------------------------------------------------------------- */

static double rate(const us_director_trainer *t) {
    double n = (double)t->n_steps, warm = ceil(0.05 * n), at = (double)t->step + 1;
    if (at <= warm) return t->o.lr * at / warm;
    double part = n > warm ? (at - warm) / (n - warm) : 1;
    return part < 1 ? t->o.lr * (0.05 + 0.95 * 0.5 * (1 + cos(3.14159265358979323846 * part))) : t->o.lr * 0.05;
}

static us_status update(us_director_trainer *t, us_error *err) {
    double norm = 0;
    for (size_t i = 0; i < t->n_params; i++) norm += (double)t->grad[i] * (double)t->grad[i];
    norm = sqrt(norm);
    if (!isfinite(norm))
        return us_fail(err, US_ERR_FORMAT,
                       "step %lld: the gradient is not finite (a rate of %g is too high, or the base holds NaN)",
                       (long long)t->step + 1, t->o.lr);
    for (size_t i = 0; i < t->n_params && norm > 1; i++) t->grad[i] /= (float)norm;
    us_adamw w = {(float)rate(t), 0.9f, 0.99f, 1e-8f, 0};
    us_adamw_step(&w, t->step + 1, t->grad, t->lora.params, t->m, t->v, t->n_params);
    t->lora.revision++;
    return US_OK;
}

us_status us_director_trainer_step(us_director_trainer *t, us_director_report *r, us_error *err) {
    int64_t start = us_now_ns();
    us_list l;
    us_status st = US_OK;
    unsigned failures = us_memory_failures();
    *r = (us_director_report){0};
    bool over = t->step >= t->n_steps;
    memset(t->grad, 0, t->n_params * sizeof *t->grad);
    for (int32_t i = 0; i < t->o.batch && !st && !over; i++) {
        if (!next_list(t, &l)) st = us_fail(err, US_ERR_FORMAT, "the script has no answers to learn from");
        if (!st) st = learn(t, &l, 1.0f / (float)t->o.batch, &r->loss, err);
        r->tokens += (uint64_t)t->list->ids.n;
    }
    r->loss /= t->o.batch;
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && !over) st = update(t, err);
    if (st) return st;
    if (!over) t->step++;
    r->seconds = (double)(us_now_ns() - start) * 1e-9;
    t->seconds += r->seconds;
    r->done = t->step >= t->n_steps;
    r->evaluated = t->step % t->o.eval_every == 0 || r->done;
    if (r->evaluated) st = evaluate(t, err);
    if (r->evaluated && !st && t->folder) st = write_state(t, err);
    r->step = t->step;
    r->n_steps = t->n_steps;
    r->r10 = t->r10;
    r->best_r10 = t->best_r10;
    r->won = t->won;
    r->best_won = t->best_won;
    return st;
}

us_status us_director_trainer_keep(us_director_trainer *t, us_error *err) {
    if (!t->folder) return us_fail(err, US_ERR_ARGUMENT, "this trainer has no folder for its state");
    return write_state(t, err);
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

static float nats_of(const us_director_trainer *t) {
    if (!us_lists_examples(t->lists)) return (float)US_DIRECTOR_NATS;
    return (float)(t->o.n_lists ? US_DIRECTOR_NATS_FACTORS : US_DIRECTOR_NATS_LABELLED);
}

static us_status put_facts(void *ctx, us_gguf_writer *w, us_error *err) {
    const us_director_trainer *t = ctx;
    us_status st = us_gguf_put_u32(w, "understudy.director.layers", (uint32_t)t->o.layers, err);
    if (!st) st = us_gguf_put_u32(w, "understudy.director.half", (uint32_t)t->o.half, err);
    if (!st) st = us_gguf_put_u64(w, "understudy.director.lists", (uint64_t)t->at, err);
    if (!st) st = us_gguf_put_f32(w, "understudy.director.nats", nats_of(t), err);
    if (!st && isfinite(t->best_r10)) st = us_gguf_put_f32(w, "understudy.director.r10", (float)t->best_r10, err);
    return st;
}

us_status us_director_trainer_save(us_director_trainer *t, const char *path, us_error *err) {
    const float *params = isfinite(t->best_r10) || isfinite(t->best_won) ? t->best : t->lora.params;
    size_t n = (size_t)t->lora.n_layers * US_N_MODULES;
    us_factors f = {.n_layers = t->lora.n_layers,
                    .rank = t->lora.rank,
                    .alpha = t->lora.alpha,
                    .type = "director",
                    .head = params + t->lora.n_params,
                    .n_head = t->model->net.n_embd};
    us_status st = us_alloc(n, sizeof *f.pairs, &f.pairs, err);
    for (size_t i = 0; i < n && !st; i++) {
        const us_lora_site *s = &t->lora.sites[i];
        f.pairs[i] = (us_factor_pair){s->n_in, s->n_out, s->on ? params + s->a : NULL, s->on ? params + s->b : NULL};
    }
    if (!st) st = us_factors_write(t->model, &f, US_FACTOR_Q8_0, "director", put_facts, t, path, err);
    us_factors_fini(&f);
    return st;
}
