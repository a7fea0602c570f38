/* Preferences: conversations with labelled takes become sequences, whose gradients are weighed by what is preferred. */
#include "train/choices.h"
#include "base/mem.h"
#include "base/rng.h"
#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a preference to a nat of difference; of the best take's own loss beside it, and from which label on it is learned. */
static const double beta = 0.2, anchor = 0.05, good = 0.6;

/* ---- the takes -------------------------------------------------------------------------------------------------- */

/* Whether an earlier take says what take k says. */
static bool is_said_twice(const us_labelled *e, size_t k) {
    for (size_t j = 0; j < k; j++)
        if (!strcmp(e->takes[j], e->takes[k])) return true;
    return false;
}

static bool prefers(const us_choice *c) {
    for (int32_t k = 1; k < c->n; k++)
        if (fabsf(c->labels[k] - c->labels[0]) > 0) return true;
    return false;
}

static us_status add_conversation(us_trainer *t, const us_template *tpl, const us_labelled *e, bool held, us_error *err) {
    us_message m[US_DIRECTOR_LINES + 2] = {{"system", t->system}};
    us_choices *c = &t->choices;
    us_choice x = {.first = t->s.n};
    us_status st = US_OK;
    bool greets = e->n_said % 2 == 0 && us_template_user_first(tpl); /* no model of such a template reads it */
    size_t n = 1;
    for (size_t i = greets; i < e->n_said; i++) m[n++] = (us_message){(e->n_said - i) % 2 ? "user" : "assistant", e->said[i]};
    for (size_t k = 0; k < e->n_takes && !st; k++) {
        bool fits = false;
        if (is_said_twice(e, k)) continue;
        m[n] = (us_message){"assistant", e->takes[k]};
        st = us_sequences_add_take(&t->s, t->model->tok, tpl, m, n + 1, t->o.max_sequence, &fits, err);
        if (fits) x.labels[x.n++] = (float)e->labels[k] / (float)e->most;
        else t->s.n_too_long += !st;
    }
    if (st || !x.n || (held && !prefers(&x))) return st; /* where nothing is preferred nothing is judged */
    st = held ? us_grow(&c->held, &c->cap_held, c->n_held + 1, sizeof x, err)
              : us_grow(&c->learned, &c->cap_learned, c->n_learned + 1, sizeof x, err);
    if (!st) *(held ? &c->held[c->n_held++] : &c->learned[c->n_learned++]) = x;
    return st;
}

us_status us_choices_add(us_trainer *t, const us_template *tpl, us_error *err) {
    us_choices *c = &t->choices;
    us_labelled_file f = {0};
    size_t n_too_long = t->s.n_too_long;
    if (!t->s.n_prefix) return us_fail(err, US_ERR_ARGUMENT, "choices are learned by a character, not by a series");
    us_status st = us_labelled_read(&f, t->o.choices, err);
    c->first = t->s.n;
    memcpy(c->hash, f.hash, sizeof c->hash);
    for (size_t i = 0; i < f.n_learned + f.n_held && !st; i++) {
        bool held = i >= f.n_learned;
        const us_labelled *e = held ? &f.held[i - f.n_learned] : &f.learned[i];
        if (!strcmp(e->who, t->character)) st = add_conversation(t, tpl, e, held, err);
    }
    c->n_takes = t->s.n - c->first;
    if (!st && !c->n_learned)
        st = us_fail(err, US_ERR_FORMAT, "%s: no conversation to learn from is with \"character\": \"%s\"%s", t->o.choices,
                     t->character, t->s.n_too_long > n_too_long ? " and fits in a sequence (--max-sequence)" : "");
    us_labelled_fini(&f);
    return st;
}

us_status us_choices_begin(us_trainer *t, us_error *err) {
    us_choices *c = &t->choices;
    size_t step = c->n_learned < US_CHOICES_STEP ? c->n_learned : US_CHOICES_STEP;
    us_status st = us_alloc(c->n_takes, sizeof *c->before, &c->before, err);
    if (!st) st = us_alloc(c->n_takes, sizeof *c->now, &c->now, err);
    if (!st) st = us_alloc(c->n_takes + step * US_LABELLED_TAKES, sizeof *c->list, &c->list, err);
    if (!st) st = us_alloc(c->n_learned, sizeof *c->order, &c->order, err);
    if (!st) st = us_alloc((size_t)t->packer.max_targets, sizeof *c->nats, &c->nats, err);
    c->order_epoch = UINT64_MAX;
    c->n_step = (int)step;
    return st;
}

void us_choices_fini(us_choices *c) {
    free(c->learned);
    free(c->held);
    free(c->before);
    free(c->now);
    free(c->nats);
    free(c->order);
    free(c->list);
    *c = (us_choices){0};
}

double us_choices_rows(const us_trainer *t, double steps) {
    const us_choices *c = &t->choices;
    double rows = 0, n = (double)(c->n_learned + c->n_held), drawn = steps * c->n_step;
    if (!c->n_learned) return 0;
    for (size_t i = c->first; i < c->first + c->n_takes; i++) rows += t->s.seqs[i].n_rows;
    /* forward alone is a third of learning */
    return rows / n * (drawn * 4 / 3 + (fmin(drawn, (double)c->n_learned) + (double)c->n_held) / 3);
}

/* ---- through the model ------------------------------------------------------------------------------------------ */

/* The nats of a batch's takes, list[0..n), from those of its targets. */
static void sum_nats(us_trainer *t, const uint32_t *list, size_t n) {
    us_choices *c = &t->choices;
    const float *nats = c->nats;
    for (size_t i = 0; i < n; i++) {
        const us_sequence *q = &t->s.seqs[list[i]];
        double sum = 0;
        for (int32_t k = 0; k < q->n_targets; k++) sum += (double)*nats++;
        c->now[list[i] - c->first] = sum;
    }
}

/* The sequences of a list in as few batches as hold them: their nats into now[], or with `grad` their weighed gradients. */
static void run(us_trainer *t, const uint32_t *list, size_t n, float *grad, uint64_t *rows) {
    us_packer *p = &t->packer;
    us_packer_clear(p, &t->s);
    for (size_t i = 0, from = 0; i <= n; i++) {
        if (i < n && us_packer_add(p, &t->s, &t->s.seqs[list[i]])) continue;
        if (i == from) return; /* cannot be: the packer holds the longest */
        double sum =
            grad ? us_tape_loss_and_grad(t->tape, &p->batch, 1, 0, grad) : us_tape_loss(t->tape, &p->batch, t->choices.nats);
        if (rows) *rows += (uint64_t)p->batch.packing.n_rows;
        if (!isfinite(sum)) return; /* stopped, or lost anyway */
        if (!grad) sum_nats(t, list + from, i - from);
        us_packer_clear(p, &t->s);
        if (i < n) from = i--;
    }
}

static size_t list_takes(const us_choice *c, uint32_t *list) {
    for (int32_t k = 0; k < c->n; k++) list[k] = (uint32_t)(c->first + (size_t)k);
    return (size_t)c->n;
}

/* The order of an epoch. */
static void order_epoch(us_trainer *t, uint64_t epoch) {
    us_choices *c = &t->choices;
    if (epoch == c->order_epoch) return;
    for (size_t k = 0; k < c->n_learned; k++) c->order[k] = (uint32_t)k;
    us_shuffle(c->order, c->n_learned, t->o.seed * 0x9e3779b97f4a7c15u + epoch + 1);
    c->order_epoch = epoch;
}

/* Of all that the run will draw, which in a short one is not all that there are. */
void us_choices_measure(us_trainer *t) {
    us_choices *c = &t->choices;
    size_t n = 0;
    order_epoch(t, 0);
    for (size_t i = 0; i < c->n_learned && (int64_t)(i / (size_t)c->n_step) < t->facts.n_steps; i++)
        n += list_takes(&c->learned[c->order[i]], c->list + n);
    for (size_t i = 0; i < c->n_held; i++) n += list_takes(&c->held[i], c->list + n);
    run(t, c->list, n, NULL, NULL);
    memcpy(c->before, c->now, c->n_takes * sizeof *c->now);
    c->measured = true;
}

double us_choice_loss(const us_choice *c, const double *before, const double *now, double *weights) {
    double sum = 0, loss = 0, best = 0;
    for (int32_t k = 0; k < c->n; k++) weights[k] = 0, best = fmax(best, (double)c->labels[k]);
    for (int32_t a = 0; a < c->n; a++)
        for (int32_t b = 0; b < c->n; b++) {
            double w = (double)c->labels[a] - (double)c->labels[b];
            if (w <= 0) continue;
            double z = beta * ((before[a] - now[a]) - (before[b] - now[b])), wrong = 1 / (1 + exp(z));
            loss += w * (fmax(-z, 0) + log1p(exp(-fabs(z))));
            weights[a] += w * beta * wrong;
            weights[b] -= w * beta * wrong;
            sum += w;
        }
    for (int32_t k = 0; k < c->n; k++) {
        bool learned = best >= good && (double)c->labels[k] >= best;
        if (sum > 0) weights[k] /= sum;
        if (learned) weights[k] += anchor;
    }
    return sum > 0 ? loss / sum : 0;
}

double us_choices_learn(us_trainer *t, float *grad, uint64_t *rows) {
    us_choices *c = &t->choices;
    const us_choice *step[US_CHOICES_STEP];
    double weights[US_LABELLED_TAKES], loss = 0;
    size_t n = 0;
    for (int i = 0; i < c->n_step; i++, t->state.choices_at++) {
        order_epoch(t, t->state.choices_at / c->n_learned);
        step[i] = &c->learned[c->order[t->state.choices_at % c->n_learned]];
        n += list_takes(step[i], c->list + n);
    }
    run(t, c->list, n, NULL, rows);
    for (int i = 0; i < c->n_step; i++) {
        size_t at = step[i]->first - c->first;
        loss += us_choice_loss(step[i], c->before + at, c->now + at, weights) / c->n_step;
        for (int32_t k = 0; k < step[i]->n; k++) t->s.seqs[step[i]->first + (size_t)k].weight = (float)(weights[k] / c->n_step);
    }
    run(t, c->list, n, grad, rows);
    return loss;
}

/* The mean label of a conversation's takes, each as often as it is said now where it was said once before. */
static double worth_of(const us_choice *c, const double *before, const double *now) {
    double most = -INFINITY, sum = 0, worth = 0;
    for (int32_t k = 0; k < c->n; k++) most = fmax(most, before[k] - now[k]);
    for (int32_t k = 0; k < c->n; k++) {
        double w = exp(before[k] - now[k] - most);
        sum += w, worth += w * (double)c->labels[k];
    }
    return worth / sum;
}

us_choices_report us_choices_judge(us_trainer *t) {
    us_choices *c = &t->choices;
    us_choices_report r = {NAN, NAN, NAN};
    double weights[US_LABELLED_TAKES], held = (double)c->n_held;
    size_t n = 0;
    if (!c->n_held) return r;
    for (size_t i = 0; i < c->n_held; i++) n += list_takes(&c->held[i], c->list + n);
    run(t, c->list, n, NULL, NULL);
    r = (us_choices_report){0};
    for (size_t i = 0; i < c->n_held; i++) {
        size_t at = c->held[i].first - c->first;
        r.loss += us_choice_loss(&c->held[i], c->before + at, c->now + at, weights) / held;
        r.worth += worth_of(&c->held[i], c->before + at, c->now + at) / held;
        r.worth_before += worth_of(&c->held[i], c->before + at, c->before + at) / held;
    }
    return r;
}
