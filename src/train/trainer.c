/* The training loop, a step at a time: which sequences, gradients, the optimizer, validation, the best. */
#include "train/trainer.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "train/adamw.h"
#include "train/rehearsal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ------------------------------------------------------------------------------------------------ */

static us_status parse_modules(const char *list, uint32_t *mask, us_error *err) {
    *mask = 0;
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        int m = 0;
        while (m < US_N_MODULES && (strlen(us_module_names[m]) != n || memcmp(us_module_names[m], p, n))) m++;
        if (m == US_N_MODULES)
            return us_fail(err, US_ERR_ARGUMENT, "module '%.*s': expected some of q,k,v,o,gate,up,down", (int)(n < 20 ? n : 20),
                           p);
        *mask |= 1u << m;
        p += n + (p[n] == ',');
    }
    return *mask ? US_OK : us_fail(err, US_ERR_ARGUMENT, "no module to train: expected some of q,k,v,o,gate,up,down");
}

static void fill_defaults(us_train_options *o) {
    if (!o->rank) o->rank = 16;
    if (o->alpha == 0) o->alpha = 2.0 * o->rank;
    if (!o->modules) o->modules = "q,k,v,o,gate,up,down";
    if (o->lr == 0) o->lr = 1e-3;
    if (o->lora_plus == 0) o->lora_plus = 1;
    if (o->warmup == 0) o->warmup = 0.05;
    if (o->epochs == 0) o->epochs = 1.5;
    if (!o->batch_rows) o->batch_rows = 4096;
    if (!o->max_sequence) o->max_sequence = 1024;
    if (o->clip == 0) o->clip = 1;
    if (!o->checkpoint_every) o->checkpoint_every = 50;
}

us_train_options us_train_defaults(void) {
    us_train_options o = {0};
    fill_defaults(&o);
    return o;
}

static us_status fill_options(us_trainer *t, us_error *err) {
    us_train_options *o = &t->o;
    fill_defaults(o);
    if (o->max_sequence > t->model->info.n_ctx_train) o->max_sequence = t->model->info.n_ctx_train;
    const struct {
        const char *name;
        double x, min, max;
    } ranges[] = {{"rank", o->rank, 1, 256},
                  {"alpha", o->alpha, 1e-3, 1e4},
                  {"dropout", o->dropout, 0, 0.9},
                  {"lr", o->lr, 1e-9, 1},
                  {"lora-plus", o->lora_plus, 0.01, 1000},
                  {"warmup", o->warmup, 0, 1},
                  {"epochs", o->epochs, 1e-6, 1e4},
                  {"batch", o->batch_rows, 1, 1 << 24},
                  {"max-sequence", o->max_sequence, 16, 1 << 20},
                  {"weight-decay", o->weight_decay, 0, 10},
                  {"micro-batch", o->micro_rows, 0, 1 << 20},
                  {"patience", o->patience, 0, 1e6},
                  {"rehearsal", o->rehearsal, 0, 0.5}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (!(ranges[i].x >= ranges[i].min && ranges[i].x <= ranges[i].max))
            return us_fail(err, US_ERR_ARGUMENT, "%s: expected %g to %g, got %g", ranges[i].name, ranges[i].min, ranges[i].max,
                           ranges[i].x);
    if (o->max_steps < 0 || o->eval_every < 0 || o->checkpoint_every < 0 || o->eval_targets < 0)
        return us_fail(err, US_ERR_ARGUMENT, "a number of steps or tokens is negative");
    return parse_modules(o->modules, &t->modules, err);
}

/* What a resumed run must share with the first. */
static us_status write_config(us_trainer *t, us_error *err) {
    const us_train_options *o = &t->o;
    us_buf b;
    us_buf_init(&b, 1 << 16);
    char base[65];
    us_model_get_hash(t->model, base);
    us_status st = us_buf_appendf(
        &b, err,
        "base=%s\ndata=%s\nrank=%d\nalpha=%.9g\nrslora=%d\ndropout=%.9g\nmodules=%x\nlr=%.9g\nlora-plus=%."
        "9g\nschedule=%d\nwarmup=%.9g\nepochs=%.9g\nmax-steps=%lld\n"
        "batch=%d\nmicro-batch=%d\nmax-sequence=%d\nwindowed=%d\nclip=%.9g\nweight-decay=%.9g\nseed=%"
        "llu\neval-every=%lld\neval-targets=%lld\n",
        base, t->data_hash, o->rank, o->alpha, o->rslora, o->dropout, t->modules, o->lr, o->lora_plus, (int)o->schedule,
        o->warmup, o->epochs, (long long)o->max_steps, o->batch_rows, o->micro_rows, o->max_sequence, o->windowed, o->clip,
        o->weight_decay, (unsigned long long)o->seed, (long long)o->eval_every, (long long)o->eval_targets);
    if (!st && t->choices.n_learned) st = us_buf_appendf(&b, err, "choices=%s\n", t->choices.hash);
    if (!st && o->rehearsal > 0)
        st = us_buf_appendf(&b, err, "rehearsal=%.9g\n", o->rehearsal); /* nothing without, as before there was any */
    t->config = st ? NULL : us_buf_take(&b, NULL);
    us_buf_fini(&b);
    return st;
}

/* The base's own answers, so many that they are the share of what is learned that was asked for. */
static us_status rehearse(us_trainer *t, const us_template *tpl, us_error *err) {
    const us_train_options *o = &t->o;
    double learned = (double)t->s.targets[US_TRAIN], n = learned * o->rehearsal / (1 - o->rehearsal);
    if (!(n > 0)) return US_OK;
    us_rehearsal r = {.n_targets = (uint64_t)ceil(n),
                      .max_rows = o->max_sequence,
                      .seed = o->seed,
                      .n_threads = o->n_threads,
                      .progress = o->progress,
                      .progress_ctx = o->progress_ctx};
    return us_rehearse(t->model, tpl, &r, &t->s, err);
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

static us_tape_options tape_options(const us_trainer *t, int32_t micro_rows, bool recompute) {
    int32_t rows = micro_rows > t->s.longest ? micro_rows : t->s.longest, least = INT32_MAX;
    for (size_t i = 0; i < t->s.n; i++)
        if (t->s.seqs[i].n_rows < least) least = t->s.seqs[i].n_rows;
    return (us_tape_options){.max_rows = rows + t->s.n_prefix,
                             .max_targets = rows,
                             .max_segments = rows / least + 1,
                             .max_prefix = t->s.n_prefix,
                             .max_segment = t->s.longest + 1,
                             .train = true,
                             .recompute = recompute,
                             .dropout = (float)t->o.dropout};
}

/* Rows at a time, from the fastest to the smallest way: at most 2048, recomputing only when 256 do not fit otherwise. */
static us_status choose_micro_rows(us_trainer *t, us_error *err) {
    uint64_t room = t->o.memory_bytes, available = us_memory_available();
    bool told = room != 0;
    if (!t->o.micro_rows && t->folder)
        t->o.micro_rows = us_checkpoint_micro_rows(t->folder); /* less memory than then must not change the sums */
    if (!told) room = available / 4 < (uint64_t)3 << 29 ? available / 4 : (uint64_t)3 << 29;
    int32_t rows = t->o.micro_rows ? t->o.micro_rows : 2048, least = t->o.micro_rows ? t->o.micro_rows : 256;
    bool recompute = t->o.recompute;
    us_tape_options to;
    for (;;) {
        to = tape_options(t, rows, recompute);
        t->facts.bytes = us_tape_bytes(&t->model->net, &t->lora, &to, us_pool_size(t->pool)) +
                         5 * t->lora.n_params * sizeof(float); /* factors, gradient, two moments, the best */
        bool smallest = recompute && rows / 2 < least;
        if (t->facts.bytes <= room || (smallest && !told)) break; /* a large model may have more, rather than be refused */
        if (smallest)
            return us_fail(
                err, US_ERR_MEMORY,
                "training needs %.0f MiB at least, %.0f MiB may be used: raise --memory, or lower --max-sequence or --rank",
                (double)t->facts.bytes / 1048576, (double)room / 1048576);
        if (rows / 2 >= least) rows /= 2;
        else rows = t->o.micro_rows ? t->o.micro_rows : 2048, recompute = true;
    }
    if (t->facts.bytes > available)
        return us_fail(err, US_ERR_MEMORY,
                       "training needs %.0f MiB (%d tokens at a time), %.0f MiB are available: lower --micro-batch, "
                       "--max-sequence or --rank",
                       (double)t->facts.bytes / 1048576, to.max_rows, (double)available / 1048576);
    t->o.micro_rows = rows;
    t->o.recompute = recompute;
    t->facts.micro_rows = to.max_rows;
    t->facts.recompute = recompute;
    return us_tape_new(&t->model->net, &t->lora, &to, t->pool, &t->tape, err);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static us_status list_sequences(us_trainer *t, us_error *err) {
    us_status st = us_alloc(t->s.n, sizeof *t->order, &t->order, err);
    if (!st) st = us_alloc(t->s.n, sizeof *t->validation, &t->validation, err);
    if (!st) st = us_alloc(t->s.n, sizeof *t->step_list, &t->step_list, err);
    if (st) return st;
    for (size_t i = 0; i < t->s.n; i++) {
        if (t->s.seqs[i].choice) continue;
        if (t->s.seqs[i].part == US_TRAIN) t->order[t->n_train++] = (uint32_t)i;
        else if (t->s.seqs[i].part == US_VALIDATION) t->validation[t->n_validation++] = (uint32_t)i;
    }
    t->order_epoch = UINT64_MAX;
    us_shuffle(t->validation, t->n_validation, 1); /* the same for every seed: runs can be compared */
    return t->n_train ? US_OK
                      : us_fail(err, US_ERR_FORMAT,
                                "the training part is empty: give more dialogue, or smaller validation and test shares");
}

static void plan(us_trainer *t) {
    us_train_options *o = &t->o;
    double rows = (double)t->s.rows[US_TRAIN], per_step = (double)o->batch_rows < rows ? (double)o->batch_rows : rows;
    int64_t epoch = (int64_t)ceil(rows / (per_step + rows / (double)t->n_train / 2)); /* a step overshoots by half a sequence */
    t->facts.n_steps = o->max_steps ? o->max_steps : (int64_t)ceil(o->epochs * (double)epoch);
    if (t->facts.n_steps < 1) t->facts.n_steps = 1;
    t->curve.stride = (t->facts.n_steps + US_CURVE_POINTS - 1) / US_CURVE_POINTS;
    if (!o->eval_every) o->eval_every = epoch / 10 > 10 ? epoch / 10 : 10;
}

static bool go_on(void *trainer) {
    us_trainer *t = trainer;
    uint64_t done = t->work_done < t->work_total ? t->work_done : t->work_total;
    return !t->o.working || t->o.working(t->o.working_ctx, (int32_t)done, (int32_t)t->work_total);
}

us_status us_trainer_new(us_model *model, const us_dataset *set, const us_train_options *options, const char *folder,
                         us_trainer **out, us_error *err) {
    us_trainer *t = NULL;
    const us_template *tpl;
    size_t dims[US_N_MODULES][2];
    us_status st = us_alloc(1, sizeof *t, &t, err);
    if (st) return st;
    t->model = model;
    t->o = options ? *options : (us_train_options){0};
    t->history = us_dataset_get_history(set);
    t->state = (us_train_state){.best_loss = INFINITY, .best_choices = INFINITY, .last_validation = NAN, .base_loss = NAN};
    us_dataset_get_fingerprint(set, t->data_hash);
    t->data = *us_dataset_get_counts(set);
    for (int m = 0; m < US_N_MODULES; m++) us_net_dims(&model->net, (us_module)m, &dims[m][0], &dims[m][1]);
    st = fill_options(t, err);
    if (!st) st = us_model_get_template(model, &tpl, err);
    if (!st && folder) st = us_dir_make(folder, err);
    if (!st && folder) st = us_strdup(folder, &t->folder, err);
    if (!st) st = us_strdup(us_dataset_get_character(set), &t->character, err);
    if (!st) st = us_strdup(us_dataset_get_system(set), &t->system, err);
    if (!st) st = us_alloc(t->o.n_cast, sizeof *t->cast, &t->cast, err);
    for (size_t i = 0; i < t->o.n_cast && !st; i++) st = us_strdup(t->o.cast[i], &t->cast[i], err);
    if (!st) st = us_pool_new(t->o.n_threads, &t->pool, err);
    if (!st) st = us_sequences_build(model->tok, tpl, set, !t->o.windowed, t->o.max_sequence, &t->s, err);
    if (!st) st = rehearse(t, tpl, err);
    if (!st && t->o.choices) st = us_choices_add(t, tpl, err);
    t->o.choices = NULL; /* the caller's string */
    if (!st) st = list_sequences(t, err);
    if (!st)
        st = us_lora_init(&t->lora, model->net.n_layers, 0, (const size_t(*)[2])dims, t->o.rank, (float)t->o.alpha, t->o.rslora,
                          t->modules, t->o.seed + 1, err);
    if (!st) st = choose_micro_rows(t, err);
    if (!st) us_tape_set_go_on(t->tape, go_on, t);
    if (!st) st = us_packer_init(&t->packer, &t->s, t->o.micro_rows, err);
    if (!st && t->choices.n_learned) st = us_choices_begin(t, err);
    size_t bytes = t->lora.n_params * sizeof(float);
    if (!st) st = us_alloc_aligned(bytes, &t->grad, err);
    if (!st) st = us_alloc_aligned(bytes, &t->m, err);
    if (!st) st = us_alloc_aligned(bytes, &t->v, err);
    if (!st) st = us_alloc_aligned(bytes, &t->best, err);
    if (!st) st = us_alloc(US_CURVE_POINTS, sizeof *t->curve.training, &t->curve.training, err);
    if (!st) st = us_alloc(US_CURVE_POINTS, sizeof *t->curve.validation, &t->curve.validation, err);
    if (!st) {
        plan(t);
        st = write_config(t, err);
    }
    if (st) {
        us_trainer_free(t);
        return st;
    }
    for (int p = 0; p < US_N_PARTS; p++)
        t->facts.sequences[p] = t->s.n_seqs[p], t->facts.rows[p] = t->s.rows[p], t->facts.targets[p] = t->s.targets[p];
    t->facts.rehearsal_sequences = t->s.n_bare;
    t->facts.rehearsal_targets = t->s.bare_targets;
    t->facts.choices[0] = t->choices.n_learned;
    t->facts.choices[1] = t->choices.n_held;
    t->facts.too_long = t->s.n_too_long;
    t->facts.prefix_rows = t->s.n_prefix;
    t->facts.longest = t->s.longest;
    t->facts.rank = t->o.rank;
    t->facts.n_params = t->lora.n_params;
    *out = t;
    return US_OK;
}

void us_trainer_free(us_trainer *t) {
    if (!t) return;
    us_tape_free(t->tape);
    us_choices_fini(&t->choices);
    us_packer_fini(&t->packer);
    us_sequences_fini(&t->s);
    us_lora_fini(&t->lora);
    us_pool_free(t->pool);
    free(t->grad);
    free(t->m);
    free(t->v);
    free(t->best);
    free(t->curve.training);
    free(t->curve.validation);
    for (size_t i = 0; i < t->o.n_cast && t->cast; i++) free(t->cast[i]);
    free(t->cast);
    free(t->order);
    free(t->validation);
    free(t->step_list);
    free(t->folder);
    free(t->character);
    free(t->system);
    free(t->config);
    free(t);
}

us_train_facts us_trainer_get_facts(const us_trainer *t) { return t->facts; }

/* ---- a step ------------------------------------------------------------------------------------------------------ */

/* The sequences of the next step: batch_rows or more, over the end of an epoch if need be, none twice. */
static uint64_t collect(us_trainer *t) {
    size_t rows = 0;
    uint64_t targets = 0;
    for (t->n_step = 0; rows < (size_t)t->o.batch_rows && t->n_step < t->n_train;) {
        if (t->state.at == t->n_train) t->state.at = 0, t->state.epoch++;
        if (t->order_epoch != t->state.epoch) {
            size_t n = 0; /* from the sorted order, so that an epoch's order depends on seed and number alone */
            for (size_t i = 0; i < t->s.n; i++)
                if (t->s.seqs[i].part == US_TRAIN && !t->s.seqs[i].choice) t->order[n++] = (uint32_t)i;
            us_shuffle(t->order, n, t->o.seed * 0x9e3779b97f4a7c15u + t->state.epoch);
            t->order_epoch = t->state.epoch;
        }
        uint32_t i = t->order[t->state.at++];
        t->step_list[t->n_step++] = i;
        rows += (size_t)t->s.seqs[i].n_rows;
        targets += (uint64_t)t->s.seqs[i].n_targets;
    }
    return targets;
}

/* The bare sequences of a list, or the others, in micro-batches. */
static double run_kind(us_trainer *t, bool bare, const uint32_t *list, size_t n, float scale, uint64_t seed, float *grad,
                       uint64_t *rows) {
    double nats = 0;
    us_packer *p = &t->packer;
    us_packer_clear(p, &t->s);
    for (size_t i = 0; i <= n; i++) {
        if (i < n && (t->s.seqs[list[i]].bare != bare || us_packer_add(p, &t->s, &t->s.seqs[list[i]]))) continue;
        if (!p->batch.packing.n_segments) break; /* none of this kind */
        nats +=
            grad ? us_tape_loss_and_grad(t->tape, &p->batch, scale, seed + i, grad) : us_tape_loss(t->tape, &p->batch, NULL);
        if (rows) *rows += (uint64_t)p->batch.packing.n_rows;
        t->work_done += (uint64_t)p->batch.n_targets;
        us_packer_clear(p, &t->s);
        if (!isfinite(nats)) break;                                        /* stopped, or lost anyway */
        if (i < n && !us_packer_add(p, &t->s, &t->s.seqs[list[i]])) break; /* cannot be: the packer holds the longest */
    }
    return nats;
}

static us_status interrupted(us_error *err) { return us_fail(err, US_ERR_INTERRUPTED, "the training was interrupted"); }

/* Runs a list of sequences in micro-batches; learns when `grad` is given. Returns the sum of nats. */
static double run(us_trainer *t, const uint32_t *list, size_t n, float scale, uint64_t seed, float *grad, uint64_t *rows) {
    double nats = run_kind(t, false, list, n, scale, seed, grad, rows);
    return t->s.n_bare ? nats + run_kind(t, true, list, n, scale, seed + n + 1, grad, rows) : nats;
}

static double rate(const us_trainer *t, int64_t step) {
    double n = (double)t->facts.n_steps, warm = ceil(t->o.warmup * n), at = (double)step + 1;
    if (at <= warm) return t->o.lr * at / warm;
    double part = n > warm ? (at - warm) / (n - warm) : 1;
    switch (t->o.schedule) {
    case US_SCHEDULE_CONSTANT: return t->o.lr;
    case US_SCHEDULE_LINEAR: return t->o.lr * (1 - part);
    default: return t->o.lr * 0.5 * (1 + cos(3.14159265358979323846 * part));
    }
}

static double norm(const float *x, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += (double)x[i] * x[i];
    return sqrt(s);
}

static void update(us_trainer *t, double lr) {
    for (int32_t i = 0; i < t->lora.n_layers * US_N_MODULES; i++) {
        const us_lora_site *s = &t->lora.sites[i];
        if (!s->on) continue;
        for (int b = 0; b < 2; b++) {
            size_t at = b ? s->b : s->a, n = (b ? s->n_out : s->n_in) * (size_t)t->lora.rank;
            us_adamw w = {(float)(b ? lr * t->o.lora_plus : lr), 0.9f, 0.999f, 1e-8f, (float)t->o.weight_decay};
            us_adamw_step(&w, t->state.step + 1, t->grad + at, t->lora.params + at, t->m + at, t->v + at, n);
        }
    }
    t->lora.revision++;
}

static double evaluate(us_trainer *t, const uint32_t *list, size_t n, int64_t max_targets, uint64_t *n_targets) {
    uint64_t targets = 0;
    size_t k = 0;
    for (; k < n && (!max_targets || targets < (uint64_t)max_targets); k++) targets += (uint64_t)t->s.seqs[list[k]].n_targets;
    if (n_targets) *n_targets = targets;
    t->work_done = 0;
    t->work_total = targets < INT32_MAX ? targets : INT32_MAX;
    double loss = targets ? run(t, list, k, 0, 0, NULL, NULL) / (double)targets : NAN;
    t->work_total = 0;
    return loss;
}

double us_trainer_evaluate(us_trainer *t, us_part part, int64_t max_targets, us_which which, uint64_t *n_targets) {
    size_t n = 0;
    for (size_t i = 0; i < t->s.n; i++)
        if (t->s.seqs[i].part == part && !t->s.seqs[i].choice) t->step_list[n++] = (uint32_t)i;
    us_shuffle(t->step_list, n, 1);
    float *now = t->lora.params, scale = t->lora.scale;
    if (which == US_BEST && t->state.have_best) t->lora.params = t->best, t->lora.revision++;
    if (which == US_BASE) t->lora.scale = 0;
    double loss = evaluate(t, t->step_list, n, max_targets, n_targets);
    us_tape_take_stopped(t->tape);
    if (t->lora.params != now) t->lora.params = now, t->lora.revision++;
    t->lora.scale = scale;
    return loss;
}

/* The last point of a full list is replaced: the end is what matters. */
static void add_point(double (*points)[2], size_t *n, int64_t step, double loss) {
    size_t at = *n < US_CURVE_POINTS ? (*n)++ : US_CURVE_POINTS - 1;
    points[at][0] = (double)step;
    points[at][1] = loss;
}

/* What the held-out choices say goes into the report. */
static us_choices_report judge(us_trainer *t, us_train_report *r) {
    us_choices_report c = us_choices_judge(t);
    r->choices_loss = c.loss, r->choices_worth = c.worth, r->choices_worth_before = c.worth_before;
    return c;
}

/* False: it was stopped, and is owed. */
static bool validate(us_trainer *t, us_train_report *r) {
    us_train_state *s = &t->state;
    double loss = evaluate(t, t->validation, t->n_validation, t->o.eval_targets, NULL);
    double choices = t->choices.n_held ? judge(t, r).loss : 0;
    s->owes = us_tape_take_stopped(t->tape);
    if (s->owes) return false;
    s->last_validation = loss;
    add_point(t->curve.validation, &t->curve.n_validation, s->step, s->last_validation);
    r->validated = true;
    /* It is for the choices that it learns: by those held out the best is kept; where none is, the last. */
    r->improved = t->choices.n_held ? choices < s->best_choices : t->choices.n_learned || loss < s->best_loss;
    s->n_worse = r->improved ? 0 : s->n_worse + 1;
    if (t->o.patience && s->n_worse >= t->o.patience) s->done = s->early = true;
    if (!r->improved) return true;
    s->best_loss = s->last_validation;
    s->best_choices = choices;
    s->best_step = s->step;
    s->have_best = true;
    memcpy(t->best, t->lora.params, t->lora.n_params * sizeof(float));
    return true;
}

/* Of the adapter that a run continues: what is learned anew has to be better than that. */
static us_status measure_continued(us_trainer *t, us_error *err) {
    us_train_state *s = &t->state;
    if (!t->continued || s->have_best) return US_OK;
    double loss = evaluate(t, t->validation, t->n_validation, t->o.eval_targets, NULL);
    if (us_tape_take_stopped(t->tape)) return interrupted(err);
    add_point(t->curve.validation, &t->curve.n_validation, 0, loss);
    s->best_loss = s->last_validation = loss;
    s->best_choices = t->choices.n_held ? log(2) : 0; /* nothing is preferred yet */
    s->have_best = isfinite(loss);
    memcpy(t->best, t->lora.params, t->lora.n_params * sizeof(float));
    return US_OK;
}

/* The loss of the base itself, before anything is learned. */
static us_status measure_base(us_trainer *t, us_error *err) {
    us_train_state *s = &t->state;
    if (s->step || !t->n_validation || isfinite(s->base_loss)) return US_OK;
    us_status st = measure_continued(t, err);
    if (st) return st;
    float scale = t->lora.scale;
    t->lora.scale = 0;
    double loss = evaluate(t, t->validation, t->n_validation, t->o.eval_targets, NULL);
    t->lora.scale = scale;
    if (us_tape_take_stopped(t->tape)) return interrupted(err);
    s->base_loss = loss;
    return isfinite(loss) ? US_OK
                          : us_fail(err, US_ERR_FORMAT,
                                    "the base itself gives a loss that is not finite (%g): its weights hold NaN or infinity; "
                                    "get the file again",
                                    loss);
}

/* By the factors that the run begins with. */
static us_status measure_choices(us_trainer *t, us_error *err) {
    us_choices_measure(t);
    if (!us_tape_take_stopped(t->tape)) return US_OK;
    t->choices.measured = false;
    return interrupted(err);
}

/* Gradients and the optimizer. After an error the state is as before. */
static us_status learn(us_trainer *t, us_train_report *r, us_error *err) {
    us_train_state *s = &t->state, before = *s;
    int64_t start = us_now_ns();
    r->targets = collect(t);
    memset(t->grad, 0, t->lora.n_params * sizeof(float));
    double nats = run(t, t->step_list, t->n_step, 1.0f / (float)r->targets,
                      t->o.seed * 0x9e3779b97f4a7c15u + (uint64_t)s->step * 65536, t->grad, &r->rows);
    double choices = t->choices.n_learned ? us_choices_learn(t, t->grad, &r->rows) : 0;
    if (us_tape_take_stopped(t->tape)) {
        *s = before;
        return interrupted(err);
    }
    r->loss = nats / (double)r->targets;
    r->grad_norm = norm(t->grad, t->lora.n_params);
    if (!isfinite(r->loss) || !isfinite(choices) || !isfinite(r->grad_norm)) {
        *s = before;
        return us_fail(err, US_ERR_FORMAT,
                       "step %lld: loss %g, gradient norm %g: not finite (a rate of %g is too high, or the base holds "
                       "NaN); nothing of this step is kept",
                       (long long)s->step + 1, r->loss, r->grad_norm, r->lr);
    }
    if (t->o.clip > 0 && r->grad_norm > t->o.clip) {
        float k = (float)(t->o.clip / r->grad_norm);
        for (size_t i = 0; i < t->lora.n_params; i++) t->grad[i] *= k;
    }
    update(t, r->lr);
    s->step++;
    s->done = s->step >= t->facts.n_steps;
    r->seconds = (double)(us_now_ns() - start) * 1e-9;
    s->seconds += r->seconds;
    s->rows += r->rows;
    t->curve.sum += r->loss;
    if (s->step % t->curve.stride == 0)
        add_point(t->curve.training, &t->curve.n_training, s->step, t->curve.sum / (double)t->curve.stride), t->curve.sum = 0;
    s->owes = t->n_validation && (s->step % t->o.eval_every == 0 || s->done);
    return US_OK;
}

static bool is_time_to_save(const us_trainer *t, const us_train_report *r) {
    const us_train_state *s = &t->state;
    return t->folder && (s->step % t->o.checkpoint_every == 0 || s->done || r->improved ||
                         us_now_ns() - t->saved_ns > (int64_t)120 * 1000000000);
}

us_status us_trainer_step(us_trainer *t, us_train_report *r, us_error *err) {
    us_train_state *s = &t->state;
    us_status st = US_OK;
    bool done = s->done;
    *r = (us_train_report){
        .lr = rate(t, s->step), .loss = NAN, .choices_loss = NAN, .choices_worth = NAN, .choices_worth_before = NAN};
    if (!t->saved_ns) t->saved_ns = us_now_ns();
    if (!done) st = measure_base(t, err);
    if (!st && !done && t->choices.n_learned && !t->choices.measured) st = measure_choices(t, err);
    if (!st && !done && !s->owes) st = learn(t, r, err);
    if (!st && s->owes && !validate(t, r)) st = interrupted(err);
    if (!st && (r->rows || r->validated) && is_time_to_save(t, r)) {
        st = us_trainer_checkpoint(t, err);
        r->saved = !st;
    }
    r->step = s->step;
    r->epoch = (double)s->epoch + (double)s->at / (double)t->n_train;
    r->validation_loss = s->last_validation;
    r->best_loss = s->have_best ? s->best_loss : NAN;
    r->base_loss = s->base_loss;
    r->best_step = s->best_step;
    r->done = s->done;
    r->early = s->early;
    return st;
}

void us_trainer_end(us_trainer *t) { t->state.early = !t->state.done, t->state.done = true; }

us_status us_trainer_checkpoint(us_trainer *t, us_error *err) {
    if (!t->folder) return us_fail(err, US_ERR_ARGUMENT, "this trainer has no folder for checkpoints");
    t->saved_ns = us_now_ns();
    return us_checkpoint_write(t, err);
}

us_status us_trainer_resume(us_trainer *t, us_error *err) {
    if (!t->folder) return us_fail(err, US_ERR_ARGUMENT, "this trainer has no folder for checkpoints");
    return us_checkpoint_read(t, err);
}

void us_trainer_estimate(us_trainer *t) {
    us_train_state before = t->state;
    collect(t);
    t->state = before;
    size_t n = 0, rows = 0;
    while (n < t->n_step && rows + (size_t)t->s.seqs[t->step_list[n]].n_rows <= (size_t)t->packer.max_rows)
        rows += (size_t)t->s.seqs[t->step_list[n++]].n_rows;
    if (!n) n = 1;
    uint64_t done = 0;
    memset(t->grad, 0, t->lora.n_params * sizeof(float));
    int64_t start = us_now_ns();
    run(t, t->step_list, n, 1.0f, 0, t->grad, &done);
    double seconds = (double)(us_now_ns() - start) * 1e-9, share = (double)t->s.n_prefix / (double)t->facts.micro_rows;
    double per_step = (double)t->o.batch_rows / (1 - share);
    double steps = (double)(t->facts.n_steps - t->state.step);
    t->facts.seconds = seconds / (double)done * (per_step * steps + us_choices_rows(t, steps));
}

us_status us_trainer_save_adapter(us_trainer *t, us_adapter_type type, const char *path, us_error *err) {
    return us_adapter_write(t, t->state.have_best ? t->best : t->lora.params, type, path, err);
}

/* |B A|^2 = trace((A A^T)(B^T B)). */
double us_trainer_adapter_norm(const us_trainer *t) {
    double sum = 0;
    size_t n = 0, r = (size_t)t->lora.rank;
    const float *p = t->state.have_best ? t->best : t->lora.params;
    for (int32_t i = 0; i < t->lora.n_layers * US_N_MODULES; i++) {
        const us_lora_site *s = &t->lora.sites[i];
        if (!s->on) continue;
        n++;
        for (size_t x = 0; x < r; x++)
            for (size_t y = 0; y < r; y++) {
                double a = 0, b = 0;
                for (size_t k = 0; k < s->n_in; k++) a += (double)p[s->a + x * s->n_in + k] * p[s->a + y * s->n_in + k];
                for (size_t k = 0; k < s->n_out; k++) b += (double)p[s->b + k * r + x] * p[s->b + k * r + y];
                sum += a * b;
            }
    }
    return n ? (double)t->lora.scale * sqrt(sum / (double)n) : 0;
}
