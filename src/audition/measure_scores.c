/* What log-likelihoods tell: held-out lines, the specificity gap, retrieval, context gain. */
#include "audition/audition.h"
#include "base/mem.h"
#include "base/rng.h"
#include "text/hash.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_CANDIDATES = 10 };

/* Tokens that live for one measure. */
typedef struct pool {
    us_tokens *items;
    size_t n;
} pool;

static us_status pool_new(pool *p, size_t n, us_error *err) {
    p->n = n;
    return us_alloc(n, sizeof *p->items, &p->items, err);
}

static void pool_free(pool *p) {
    for (size_t i = 0; i < p->n && p->items; i++) us_tokens_fini(&p->items[i]);
    free(p->items);
    *p = (pool){0};
}

typedef struct teller {
    us_audition *a;
    const char *stage;
} teller;

static bool tell(void *ctx, size_t done, size_t total) {
    teller *t = ctx;
    return us_audition_tell(t->a, t->stage, done, total);
}

/* Scores groups; the journal remembers the sums under the name and a hash of what was asked. */
static us_status scored(us_audition *a, const char *name, const us_adapter *adapter, double scale, us_score_group *groups,
                        size_t n, us_error *err) {
    char stage[80], key[100];
    snprintf(stage, sizeof stage, "likelihoods (%s)", name);
    teller t = {a, stage};
    uint64_t hash = 0;
    for (size_t i = 0; i < n; i++) {
        hash = us_hash_bytes(hash, groups[i].prompt->ids, groups[i].prompt->n * sizeof *groups[i].prompt->ids);
        for (size_t k = 0; k < groups[i].n_next; k++)
            hash = us_hash_bytes(hash, groups[i].next[k]->ids, groups[i].next[k]->n * sizeof *groups[i].next[k]->ids);
    }
    snprintf(key, sizeof key, "%s/%016llx", name, (unsigned long long)hash);
    json_t *known = us_journal_get(a->journal, key);
    size_t at = 0;
    for (size_t i = 0; i < n && known; i++)
        for (size_t k = 0; k < groups[i].n_next; k++) groups[i].sums[k] = json_number_value(json_array_get(known, at++));
    if (known) return US_OK;
    us_status st = us_score_groups(a->engine, adapter, scale, groups, n, tell, &t, err);
    json_t *list = json_array();
    for (size_t i = 0; i < n && !st; i++)
        for (size_t k = 0; k < groups[i].n_next; k++) json_array_append_new(list, json_real(groups[i].sums[k]));
    if (st) json_decref(list);
    else st = us_journal_put(a->journal, key, list, err);
    return st;
}

/* log p of each reply after the same prompt, which is computed once. */
static us_status scored_alone(us_audition *a, const char *name, const us_adapter *adapter, double scale,
                              const us_tokens *prompt, const us_tokens *const *next, size_t n, double *out, us_error *err) {
    us_score_group *g;
    us_status st = us_alloc(n, sizeof *g, &g, err);
    for (size_t i = 0; i < n && !st; i++) g[i] = (us_score_group){prompt, &next[i], 1, &out[i]};
    if (!st) st = scored(a, name, adapter, scale, g, n, err);
    free(g);
    return st;
}

/* ---- held-out lines and retrieval ------------------------------------------------------------------------ */

typedef struct heldout {
    size_t n;               /* targets */
    pool prompts, lines;    /* [n] */
    const us_tokens **next; /* [n][N_CANDIDATES]: the true line first */
    double *sums, *alone;   /* the same shape; [n] */
    us_score_group *groups;
    double *nats[US_N_WHO], *counts; /* [n] of the true line */
    double *found[US_N_WHO];         /* [n] 1: it came first */
} heldout;

static void heldout_free(heldout *h) {
    pool_free(&h->prompts);
    pool_free(&h->lines);
    free(h->next);
    free(h->sums);
    free(h->alone);
    free(h->groups);
    free(h->counts);
    for (int w = 0; w < US_N_WHO; w++) {
        free(h->nats[w]);
        free(h->found[w]);
    }
}

/* Nine other lines of the character beside each true one, none equal to it. */
static void choose_candidates(const us_audition *a, heldout *h, size_t n_candidates) {
    us_rng rng;
    us_rng_seed(&rng, a->o.seed ^ 0x52313040u);
    for (size_t i = 0; i < h->n; i++) {
        size_t chosen[N_CANDIDATES] = {i}, k = 1;
        for (int tries = 0; k < n_candidates && tries < 1000; tries++) {
            size_t j = (size_t)us_rng_below(&rng, h->n), m = 0;
            while (m < k && strcmp(a->targets.items[chosen[m]].real, a->targets.items[j].real)) m++;
            if (m == k) chosen[k++] = j;
        }
        h->groups[i].n_next = k;
        for (size_t m = 0; m < k; m++) h->next[i * N_CANDIDATES + m] = &h->lines.items[chosen[m]];
    }
}

static us_status heldout_init(us_audition *a, heldout *h, us_error *err) {
    h->n = a->targets.n;
    bool retrieval = a->measure[US_MEASURE_RETRIEVAL];
    us_status st = pool_new(&h->prompts, h->n, err);
    if (!st) st = pool_new(&h->lines, h->n, err);
    if (!st) st = us_alloc(h->n * N_CANDIDATES, sizeof *h->next, &h->next, err);
    if (!st) st = us_alloc(h->n * N_CANDIDATES, sizeof *h->sums, &h->sums, err);
    if (!st) st = us_alloc(h->n, sizeof *h->alone, &h->alone, err);
    if (!st) st = us_alloc(h->n, sizeof *h->groups, &h->groups, err);
    if (!st) st = us_alloc(h->n, sizeof *h->counts, &h->counts, err);
    for (int w = 0; w < US_N_WHO && !st; w++) {
        st = us_alloc(h->n, sizeof *h->nats[w], &h->nats[w], err);
        if (!st) st = us_alloc(h->n, sizeof *h->found[w], &h->found[w], err);
    }
    for (size_t i = 0; i < h->n && !st; i++) {
        st = us_audition_reply_tokens(a, a->targets.items[i].real, &h->lines.items[i], err);
        h->groups[i] = (us_score_group){&h->prompts.items[i], &h->next[i * N_CANDIDATES], 1, &h->sums[i * N_CANDIDATES]};
        if (!st) h->counts[i] = (double)h->lines.items[i].n;
    }
    if (!st) choose_candidates(a, h, retrieval ? N_CANDIDATES : 1);
    return st;
}

/* The rank of the true line by what the conversation adds: log p(line | conversation) - log p(line). */
static void rank_lines(heldout *h, us_who who) {
    for (size_t i = 0; i < h->n; i++) {
        const us_score_group *g = &h->groups[i];
        double first = 0, best = -INFINITY;
        for (size_t k = 0; k < g->n_next; k++) {
            double v = g->sums[k] - h->alone[g->next[k] - h->lines.items];
            if (!k) first = v;
            else if (v > best) best = v;
        }
        h->nats[who][i] = -g->sums[0];
        h->found[who][i] = first > best;
    }
}

static us_status heldout_of(us_audition *a, heldout *h, us_who who, us_error *err) {
    us_tokens alone = {0};
    char name[64];
    us_status st = us_audition_prompt(a, who, NULL, 0, &alone, err);
    const us_tokens **lines = NULL;
    if (!st) st = us_alloc(h->n, sizeof *lines, &lines, err);
    for (size_t i = 0; i < h->n && !st; i++) {
        h->prompts.items[i].n = 0;
        lines[i] = &h->lines.items[i];
        st = us_audition_prompt(a, who, a->targets.items[i].messages, a->targets.items[i].n, &h->prompts.items[i], err);
    }
    snprintf(name, sizeof name, "held-out, %s", us_who_name(who));
    if (!st) st = scored(a, name, us_audition_adapter(a, who), a->o.adapter_scale, h->groups, h->n, err);
    snprintf(name, sizeof name, "held-out alone, %s", us_who_name(who));
    if (!st && a->measure[US_MEASURE_RETRIEVAL])
        st = scored_alone(a, name, us_audition_adapter(a, who), a->o.adapter_scale, &alone, lines, h->n, h->alone, err);
    if (!st) rank_lines(h, who);
    us_tokens_fini(&alone);
    free(lines);
    return st;
}

static us_interval exp_of(us_interval v) { return (us_interval){exp(v.value), exp(v.low), exp(v.high), v.n}; }

static us_status report_heldout(us_audition *a, heldout *h, us_who who, us_error *err) {
    us_metrics *m = &a->metrics[who];
    us_status st = US_OK;
    double hits = 0;
    for (size_t i = 0; i < h->n; i++) hits += h->found[who][i];
    if (a->measure[US_MEASURE_LIKELIHOOD]) {
        us_interval v = us_bootstrap(h->nats[who], h->counts, h->n, a->o.seed + 1);
        st = us_metrics_add(m, "nats", v, err);
        if (!st) st = us_metrics_add(m, "perplexity", exp_of(v), err);
    }
    if (!st && a->measure[US_MEASURE_RETRIEVAL]) st = us_metrics_add(m, "r10", us_wilson((uint64_t)hits, h->n), err);
    return st;
}

/* Adapter against those without: nats a token by the bootstrap, retrieval by McNemar. */
static us_status compare_heldout(us_audition *a, const heldout *h, us_who who, us_error *err) {
    us_status st = US_OK;
    if (a->measure[US_MEASURE_LIKELIHOOD]) {
        us_interval d =
            us_bootstrap_difference(h->nats[US_WHO_ADAPTER], h->counts, h->nats[who], h->counts, h->n, a->o.seed + 2);
        st = us_test_add(a, (us_test){"nats", US_WHO_ADAPTER, who, false, d.value, d.low, d.high, NAN, h->n}, err);
    }
    if (st || !a->measure[US_MEASURE_RETRIEVAL]) return st;
    uint64_t only_a = 0, only_b = 0;
    for (size_t i = 0; i < h->n; i++) {
        only_a += h->found[US_WHO_ADAPTER][i] > h->found[who][i];
        only_b += h->found[US_WHO_ADAPTER][i] < h->found[who][i];
    }
    double d = ((double)only_a - (double)only_b) / (double)h->n;
    return us_test_add(a, (us_test){"r10", US_WHO_ADAPTER, who, true, d, NAN, NAN, us_mcnemar(only_a, only_b), h->n}, err);
}

/* ---- specificity: others' lines in the character's mouth -------------------------------------------------- */

/* Held-out lines of the other classes, about as many of each. */
static us_status others_lines(us_audition *a, size_t n_wanted, us_probes *out, us_error *err) {
    size_t per = a->n_classes > 1 ? n_wanted / (a->n_classes - 1) : 0, n, n_turns;
    us_status st = US_OK;
    for (uint32_t c = 1; c < a->n_classes && !st; c++) {
        const us_dataset *set = a->classes[c].set;
        const us_example *e = us_dataset_get_examples(set, &n);
        const us_turn *t = us_dataset_get_turns(set, &n_turns);
        size_t taken = 0;
        for (size_t x = 0; x < n && !st; x++)
            for (uint32_t k = 0; k < e[x].n_turns && taken < per && !st; k++)
                if (t[e[x].first_turn + k].target && us_audition_in_part(a, &e[x]))
                    st = us_probes_add_target(out, set, &e[x], k, err), taken++;
    }
    return st;
}

/* (nats of others' lines - nats of the character's own) under the adapter minus the same under the card: what the adapter
 * learned of the character and not of the series. */
static us_status specificity(us_audition *a, const heldout *h, us_error *err) {
    static const us_who whos[2] = {US_WHO_PROMPT, US_WHO_ADAPTER};
    us_probes others = {0};
    pool prompts = {0}, lines = {0};
    double *sums[2] = {0}, *counts = NULL;
    us_score_group *g = NULL;
    const us_tokens **next = NULL;
    us_status st = others_lines(a, h->n, &others, err);
    size_t n = others.n;
    if (!st) st = pool_new(&prompts, n, err);
    if (!st) st = pool_new(&lines, n, err);
    if (!st) st = us_alloc(n, sizeof *g, &g, err);
    if (!st) st = us_alloc(n, sizeof *next, &next, err);
    if (!st) st = us_alloc(n, sizeof *counts, &counts, err);
    for (int w = 0; w < 2 && !st; w++) {
        st = us_alloc(n, sizeof **sums, &sums[w], err);
        for (size_t i = 0; i < n && !st; i++) {
            prompts.items[i].n = lines.items[i].n = 0;
            st = us_audition_prompt(a, whos[w], others.items[i].messages, others.items[i].n, &prompts.items[i], err);
            if (!st) st = us_audition_reply_tokens(a, others.items[i].real, &lines.items[i], err);
            next[i] = &lines.items[i];
            counts[i] = (double)lines.items[i].n;
            g[i] = (us_score_group){&prompts.items[i], &next[i], 1, &sums[w][i]};
        }
        if (!st)
            st = scored(a, w ? "others' lines, adapter" : "others' lines, prompt", us_audition_adapter(a, whos[w]),
                        a->o.adapter_scale, g, n, err);
    }
    if (!st && n) { /* independent samples: the variances add */
        us_interval o = us_bootstrap_difference(sums[0], counts, sums[1], counts, n, a->o.seed + 3);
        us_interval m =
            us_bootstrap_difference(h->nats[US_WHO_PROMPT], h->counts, h->nats[US_WHO_ADAPTER], h->counts, h->n, a->o.seed + 4);
        double half = hypot((o.high - o.low) / 2, (m.high - m.low) / 2), v = o.value + m.value;
        st =
            us_metrics_add(&a->metrics[US_WHO_ADAPTER], "specificity_gap", (us_interval){v, v - half, v + half, n + h->n}, err);
    }
    for (int w = 0; w < 2; w++) free(sums[w]);
    free(counts);
    free(g);
    free(next);
    pool_free(&prompts);
    pool_free(&lines);
    us_probes_fini(&others);
    return st;
}

/* ---- context gain ------------------------------------------------------------------------------------------ */

/* The replies to one held-out context whose gain is wanted: the true line, and every take that some number of takes chooses. */
typedef struct wanted {
    size_t probe;
    us_kept_take *take; /* NULL: the true line */
} wanted;

typedef struct gains {
    wanted *items;
    size_t n, cap;
    pool prompts, lines;
    double *with, *without;
    const us_tokens **next;
    us_score_group *groups;
} gains;

static void mark_chosen(const us_audition *a, const us_answer *r, bool *marked) {
    const us_probe *p = &a->probes.items[r->probe];
    marked[r->best] = true;
    for (int i = 0; i < a->n_counts; i++) marked[us_audition_choose(a, p->messages, p->n, r, a->counts[i])] = true;
}

static us_status collect_wanted(us_audition *a, gains *g, us_error *err) {
    us_status st = US_OK;
    size_t n_seeds = (size_t)a->o.n_seeds;
    for (size_t p = 0; p < a->probes.n && !st; p++) {
        if (!a->probes.items[p].real) continue;
        st = us_grow(&g->items, &g->cap, g->n + 1, sizeof *g->items, err);
        if (!st) g->items[g->n++] = (wanted){p, NULL};
        for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++)
            for (size_t s = 0; s < n_seeds && a->answers[w] && !st; s++) {
                us_answer *r = &a->answers[w][p * n_seeds + s];
                bool marked[US_MAX_TAKES] = {0};
                mark_chosen(a, r, marked);
                for (int32_t k = 0; k < r->n_takes && !st; k++) {
                    if (!marked[k] || !r->takes[k].text[0]) continue;
                    st = us_grow(&g->items, &g->cap, g->n + 1, sizeof *g->items, err);
                    if (!st) g->items[g->n++] = (wanted){p, &r->takes[k]};
                }
            }
    }
    return st;
}

/* Groups by context, at most N_CANDIDATES x 4 replies each. */
static us_status group_wanted(us_audition *a, gains *g, size_t *n_groups, us_error *err) {
    us_status st = pool_new(&g->prompts, a->probes.n, err);
    if (!st) st = pool_new(&g->lines, g->n, err);
    if (!st) st = us_alloc(g->n, sizeof *g->next, &g->next, err);
    if (!st) st = us_alloc(g->n, sizeof *g->with, &g->with, err);
    if (!st) st = us_alloc(g->n, sizeof *g->without, &g->without, err);
    if (!st) st = us_alloc(g->n, sizeof *g->groups, &g->groups, err);
    *n_groups = 0;
    for (size_t i = 0; i < g->n && !st; i++) {
        size_t p = g->items[i].probe;
        us_tokens *prompt = &g->prompts.items[p];
        if (!prompt->n)
            st = us_audition_plain_prompt(a, a->system, a->probes.items[p].messages, a->probes.items[p].n, prompt, err);
        if (!st)
            st = us_audition_reply_tokens(a, g->items[i].take ? g->items[i].take->text : a->probes.items[p].real,
                                          &g->lines.items[i], err);
        g->next[i] = &g->lines.items[i];
        us_score_group *last = *n_groups ? &g->groups[*n_groups - 1] : NULL;
        if (last && last->prompt == prompt && last->n_next < 4 * N_CANDIDATES) last->n_next++;
        else g->groups[(*n_groups)++] = (us_score_group){prompt, &g->next[i], 1, &g->with[i]};
    }
    return st;
}

/* Pairs (gain, tokens) of who's replies at n takes (0: the shipped ones), with the true lines' beside them. */
static us_status report_gain(us_audition *a, const us_who who, int32_t count, const double *real_gain, const double *real_n,
                             us_metrics *out, us_error *err) {
    size_t n = 0, n_seeds = (size_t)a->o.n_seeds;
    double *x[4] = {0};
    us_status st = US_OK;
    for (int i = 0; i < 4 && !st; i++) st = us_alloc(a->n_answers, sizeof **x, &x[i], err);
    for (size_t i = 0; i < a->n_answers && !st; i++) {
        const us_answer *r = &a->answers[who][i];
        size_t p = i / n_seeds;
        const us_probe *q = &a->probes.items[p];
        const us_kept_take *t = &r->takes[count ? us_audition_choose(a, q->messages, q->n, r, count) : r->best];
        if (!q->real || isnan(t->gain)) continue;
        x[0][n] = t->gain;
        x[1][n] = t->n_gain;
        x[2][n] = real_gain[p];
        x[3][n++] = real_n[p];
    }
    if (!st) st = us_metrics_add(out, "context_gain", us_bootstrap(x[0], x[1], n, a->o.seed + 5), err);
    if (!st)
        st = us_metrics_add(out, "context_gain_share", us_bootstrap_quotient(x[0], x[1], x[2], x[3], n, a->o.seed + 6), err);
    for (int i = 0; i < 4; i++) free(x[i]);
    return st;
}

static us_status context_gain(us_audition *a, us_error *err) {
    gains g = {0};
    size_t n_groups = 0, n_real = 0;
    us_tokens alone = {0};
    double *real_gain = NULL, *real_n = NULL, *xs = NULL, *ns = NULL;
    us_status st = collect_wanted(a, &g, err);
    if (!st) st = group_wanted(a, &g, &n_groups, err);
    if (!st) st = us_audition_plain_prompt(a, a->system, NULL, 0, &alone, err);
    if (!st) st = scored(a, "context gain", NULL, 1, g.groups, n_groups, err);
    if (!st) st = scored_alone(a, "context gain alone", NULL, 1, &alone, g.next, g.n, g.without, err);
    if (!st) st = us_alloc(a->probes.n, sizeof *real_gain, &real_gain, err);
    if (!st) st = us_alloc(a->probes.n, sizeof *real_n, &real_n, err);
    if (!st) st = us_alloc(a->probes.n, sizeof *xs, &xs, err);
    if (!st) st = us_alloc(a->probes.n, sizeof *ns, &ns, err);
    for (size_t i = 0; i < g.n && !st; i++) {
        double gain = g.with[i] - g.without[i], n = (double)g.lines.items[i].n;
        if (g.items[i].take) g.items[i].take->gain = gain, g.items[i].take->n_gain = (int32_t)n;
        else xs[n_real] = real_gain[g.items[i].probe] = gain, ns[n_real++] = real_n[g.items[i].probe] = n;
    }
    if (!st) st = us_metrics_add(&a->metrics[US_WHO_REAL], "context_gain", us_bootstrap(xs, ns, n_real, a->o.seed + 5), err);
    for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++) {
        if (!a->answers[w]) continue;
        st = report_gain(a, (us_who)w, 0, real_gain, real_n, &a->metrics[w], err);
        for (int i = 0; i < a->n_counts && !st; i++)
            st = report_gain(a, (us_who)w, a->counts[i], real_gain, real_n, &a->by_takes[w][i], err);
    }
    free(real_gain);
    free(real_n);
    free(xs);
    free(ns);
    us_tokens_fini(&alone);
    pool_free(&g.prompts);
    pool_free(&g.lines);
    free(g.items);
    free(g.with);
    free(g.without);
    free(g.next);
    free(g.groups);
    return st;
}

us_status us_measure_scores(us_audition *a, us_error *err) {
    heldout h = {0};
    us_status st = US_OK;
    if (a->measure[US_MEASURE_LIKELIHOOD] || a->measure[US_MEASURE_RETRIEVAL]) {
        st = heldout_init(a, &h, err);
        for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++) {
            if (a->who[w]) st = heldout_of(a, &h, (us_who)w, err);
            if (a->who[w] && !st) st = report_heldout(a, &h, (us_who)w, err);
        }
        for (int w = US_WHO_BASE; w < US_WHO_ADAPTER && !st && a->who[US_WHO_ADAPTER]; w++)
            if (a->who[w]) st = compare_heldout(a, &h, (us_who)w, err);
        if (!st && a->measure[US_MEASURE_LIKELIHOOD] && a->who[US_WHO_ADAPTER] && a->who[US_WHO_PROMPT])
            st = specificity(a, &h, err);
        heldout_free(&h);
    }
    if (!st && a->measure[US_MEASURE_GAIN]) st = context_gain(a, err);
    return st;
}
