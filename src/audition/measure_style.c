/* Whose line is it? Every line is given to a class, one by one and pooled by 10: by the classifier, and by the adapters of
 * the cast. The held-out lines of the real speakers are judged the same way: what they get is the ceiling. */
#include "audition/audition.h"
#include "base/mem.h"
#include "base/rng.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL = 10, N_SHUFFLES = 40, N_RESAMPLES = 200, MAX_ROWS = US_ATTRIBUTION_MAX_CLASSES + US_N_WHO };

/* Lines of one speaker, or of one who answers, with a score of each class. */
typedef struct lines {
    const char *name;
    uint32_t truth; /* the class that they should be given to */
    us_who who;     /* US_WHO_REAL for speakers */
    const char **texts;
    double *scores; /* [n][n_classes] */
    size_t n;
} lines;

static uint32_t best_class(const double *scores, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t c = 1; c < n; c++)
        if (scores[c] > scores[best]) best = c;
    return best;
}

/* Adds to row[] the classes of disjoint pools of `pool` of the lines idx[0..n); returns the number of pools. */
static size_t give(const double *scores, const size_t *idx, size_t n, size_t pool, uint32_t n_classes, double *row) {
    size_t n_pools = n / pool;
    for (size_t p = 0; p < n_pools; p++) {
        double sum[US_ATTRIBUTION_MAX_CLASSES] = {0};
        for (size_t i = p * pool; i < (p + 1) * pool; i++)
            for (uint32_t c = 0; c < n_classes; c++) sum[c] += scores[idx[i] * n_classes + c];
        row[best_class(sum, n_classes)]++;
    }
    return n_pools;
}

static void shuffle(size_t *idx, size_t n, us_rng *rng) {
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)us_rng_below(rng, i), swap = idx[i - 1];
        idx[i - 1] = idx[k];
        idx[k] = swap;
    }
}

/* Shares of pools over many shuffles; the interval by resampling lines. */
static us_status pooled(const lines *l, uint32_t n_classes, uint64_t seed, double *row, us_interval *out, us_error *err) {
    us_rng rng;
    size_t *idx, total = 0;
    us_status st = us_alloc(l->n, sizeof *idx, &idx, err);
    if (st) return st;
    us_rng_seed(&rng, seed);
    memset(row, 0, n_classes * sizeof *row);
    for (size_t i = 0; i < l->n; i++) idx[i] = i;
    for (int s = 0; s < N_SHUFFLES; s++) {
        shuffle(idx, l->n, &rng);
        total += give(l->scores, idx, l->n, POOL, n_classes, row);
    }
    for (uint32_t c = 0; c < n_classes; c++) row[c] = total ? row[c] / (double)total : NAN;
    double found[N_RESAMPLES], sum = 0, sq = 0;
    for (int s = 0; s < N_RESAMPLES && total; s++) {
        double again[US_ATTRIBUTION_MAX_CLASSES] = {0};
        for (size_t i = 0; i < l->n; i++) idx[i] = (size_t)us_rng_below(&rng, l->n);
        size_t n = give(l->scores, idx, l->n, POOL, n_classes, again);
        found[s] = again[l->truth] / (double)n;
        sum += found[s];
        sq += found[s] * found[s];
    }
    double sd = sqrt(fmax(0, sq / N_RESAMPLES - sum / N_RESAMPLES * sum / N_RESAMPLES)), v = row[l->truth];
    *out = total ? (us_interval){v, fmax(0, v - 1.96 * sd), fmin(1, v + 1.96 * sd), l->n} : (us_interval){NAN, NAN, NAN, l->n};
    free(idx);
    return US_OK;
}

static void singles(const lines *l, uint32_t n_classes, double *row, us_interval *out) {
    memset(row, 0, n_classes * sizeof *row);
    for (size_t i = 0; i < l->n; i++) row[best_class(l->scores + i * n_classes, n_classes)]++;
    *out = us_wilson((uint64_t)row[l->truth], l->n);
    for (uint32_t c = 0; c < n_classes; c++) row[c] = l->n ? row[c] / (double)l->n : NAN;
}

/* Confusion matrices of all rows, and the metrics of the character's real lines and of those who answer. */
static us_status report(us_audition *a, const lines *rows, size_t n_rows, uint32_t n_classes, const char *const names[3],
                        const char *const titles[2], us_error *err) {
    us_confusion *one = &a->confusions[a->n_confusions++], *ten = &a->confusions[a->n_confusions++];
    us_status st = US_OK;
    us_interval ceiling = {NAN, NAN, NAN, 0};
    one->title = titles[0];
    ten->title = titles[1];
    one->n_rows = ten->n_rows = n_rows;
    for (size_t r = 0; r < n_rows && !st; r++) {
        us_interval s, p;
        one->rows[r] = ten->rows[r] = rows[r].name;
        singles(&rows[r], n_classes, one->cells[r], &s);
        st = pooled(&rows[r], n_classes, a->o.seed + 30, ten->cells[r], &p, err);
        if (!r) ceiling = p;
        if (rows[r].who == US_WHO_REAL && r) continue; /* another real speaker: in the matrix only */
        us_metrics *m = &a->metrics[rows[r].who];
        if (!st) st = us_metrics_add(m, names[0], p, err);
        if (!st && r) {
            double v = p.value / ceiling.value, half = v * hypot((p.high - p.low) / 2 / fmax(p.value, 1e-9),
                                                                 (ceiling.high - ceiling.low) / 2 / fmax(ceiling.value, 1e-9));
            us_interval share = {v, fmax(0, v - half), v + half, p.n};
            st = us_metrics_add(m, names[1], isfinite(v) ? share : (us_interval){NAN, NAN, NAN, p.n}, err);
        }
        if (!st) st = us_metrics_add(m, names[2], s, err);
    }
    return st;
}

/* Real speakers first (the character leads), then those who answer. */
static us_status collect(us_audition *a, const uint32_t *of_class, uint32_t n_classes, lines *rows, size_t *n_rows,
                         us_error *err) {
    us_status st = US_OK;
    *n_rows = 0;
    for (uint32_t c = 0; c < n_classes && !st; c++) {
        const us_class *k = &a->classes[of_class[c]];
        lines *l = &rows[(*n_rows)++];
        *l = (lines){k->name, c, US_WHO_REAL, NULL, NULL, k->n_held};
        st = us_alloc(l->n, sizeof *l->texts, &l->texts, err);
        if (!st && l->n) memcpy(l->texts, k->held, l->n * sizeof *l->texts);
    }
    for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++) {
        if (!a->answers[w]) continue;
        lines *l = &rows[(*n_rows)++];
        *l = (lines){us_who_name((us_who)w), 0, (us_who)w, NULL, NULL, 0};
        st = us_alloc(a->n_answers, sizeof *l->texts, &l->texts, err);
        for (size_t i = 0; i < a->n_answers && !st; i++) {
            const us_answer *r = &a->answers[w][i];
            if (a->probes.items[r->probe].kind == US_PROBE_HELD_OUT && r->takes[r->best].text[0])
                l->texts[l->n++] = r->takes[r->best].text; /* the same contexts as the real lines */
        }
    }
    for (size_t r = 0; r < *n_rows && !st; r++)
        st = us_alloc(rows[r].n * n_classes, sizeof *rows[r].scores, &rows[r].scores, err);
    return st;
}

static void free_rows(lines *rows) {
    for (size_t r = 0; r < MAX_ROWS; r++) {
        free(rows[r].texts);
        free(rows[r].scores);
    }
}

/* ---- the classifier ----------------------------------------------------------------------------------------------- */

static us_status train_classifier(us_audition *a, us_error *err) {
    size_t n = 0, k = 0;
    const char **texts = NULL;
    uint32_t *labels = NULL;
    for (uint32_t c = 0; c < a->n_classes; c++) n += a->classes[c].n_train;
    us_status st = us_alloc(n, sizeof *texts, &texts, err);
    if (!st) st = us_alloc(n, sizeof *labels, &labels, err);
    for (uint32_t c = 0; c < a->n_classes && !st; c++)
        for (size_t i = 0; i < a->classes[c].n_train; i++) texts[k] = a->classes[c].train[i], labels[k++] = c;
    us_audition_tell(a, "learning who says what", 0, 1);
    if (!st) st = us_attribution_train(texts, labels, n, a->n_classes, a->o.seed, &a->style, err);
    free(texts);
    free(labels);
    return st;
}

static us_status by_classifier(us_audition *a, us_error *err) {
    static const char *const names[3] = {"style", "style_share", "style_single"}, *const titles[2] = {
                                                                                      "classifier, single lines",
                                                                                      "classifier, pooled by 10"};
    lines rows[MAX_ROWS] = {0};
    uint32_t all[US_ATTRIBUTION_MAX_CLASSES];
    size_t n_rows;
    for (uint32_t c = 0; c < a->n_classes; c++) all[c] = c;
    us_status st = train_classifier(a, err);
    if (!st) st = collect(a, all, a->n_classes, rows, &n_rows, err);
    for (size_t r = 0; !st && r < n_rows; r++)
        for (size_t i = 0; i < rows[r].n && !st; i++)
            st = us_attribution_score(a->style, rows[r].texts[i], rows[r].scores + i * a->n_classes, err);
    if (!st) st = report(a, rows, n_rows, a->n_classes, names, titles, err);
    free_rows(rows);
    return st;
}

/* ---- the cast's adapters -------------------------------------------------------------------------------------------- */

/* log p(line | member's persona) a token under each member's adapter. */
static us_status score_member(us_audition *a, const us_class *member, uint32_t column, uint32_t n_classes, lines *rows,
                              size_t n_rows, us_error *err) {
    us_tokens prompt = {0};
    char stage[100];
    snprintf(stage, sizeof stage, "attribution (%.40s)", member->name);
    us_status st = us_audition_plain_prompt(a, member->system, NULL, 0, &prompt, err);
    for (size_t r = 0; r < n_rows && !st; r++) {
        us_tokens *t = NULL;
        const us_tokens **next = NULL;
        double *sums = NULL;
        us_score_group *g = NULL;
        if (!(st = us_alloc(rows[r].n, sizeof *t, &t, err)) && !(st = us_alloc(rows[r].n, sizeof *next, &next, err)) &&
            !(st = us_alloc(rows[r].n, sizeof *sums, &sums, err)))
            st = us_alloc(rows[r].n, sizeof *g, &g, err);
        for (size_t i = 0; i < rows[r].n && !st; i++) {
            st = us_audition_reply_tokens(a, rows[r].texts[i], &t[i], err);
            next[i] = &t[i];
            g[i] = (us_score_group){&prompt, &next[i], 1, &sums[i]};
        }
        if (!st && !us_audition_tell(a, stage, r, n_rows)) st = us_fail(err, US_ERR_INTERRUPTED, "interrupted");
        if (!st) st = us_score_groups(a->engine, member->adapter, 1, g, rows[r].n, NULL, NULL, err);
        for (size_t i = 0; i < rows[r].n && !st; i++) rows[r].scores[i * n_classes + column] = sums[i] / (double)t[i].n;
        for (size_t i = 0; t && i < rows[r].n; i++) us_tokens_fini(&t[i]);
        free(t);
        free(next);
        free(sums);
        free(g);
    }
    us_tokens_fini(&prompt);
    return st;
}

/* One adapter may simply like all lines more than another does: each column is centred over the real lines, speakers weighing
 * the same. */
static void centre(lines *rows, size_t n_rows, uint32_t n_classes) {
    for (uint32_t c = 0; c < n_classes; c++) {
        double mean = 0;
        for (uint32_t r = 0; r < n_classes; r++) {
            double sum = 0;
            for (size_t i = 0; i < rows[r].n; i++) sum += rows[r].scores[i * n_classes + c];
            mean += rows[r].n ? sum / (double)rows[r].n / n_classes : 0;
        }
        for (size_t r = 0; r < n_rows; r++)
            for (size_t i = 0; i < rows[r].n; i++) rows[r].scores[i * n_classes + c] -= mean;
    }
}

static us_status by_cast(us_audition *a, us_error *err) {
    static const char *const names[3] = {"cast", "cast_share", "cast_single"}, *const titles[2] = {
                                                                                   "adapters of the cast, single lines",
                                                                                   "adapters of the cast, pooled by 10"};
    lines rows[MAX_ROWS] = {0};
    uint32_t members[US_ATTRIBUTION_MAX_CLASSES], n = 0;
    size_t n_rows;
    for (uint32_t c = 0; c < a->n_classes; c++)
        if (a->classes[c].adapter) members[n++] = c;
    if (n < 2 || members[0] != 0) return US_OK;
    us_status st = collect(a, members, n, rows, &n_rows, err);
    for (uint32_t c = 0; c < n && !st; c++) st = score_member(a, &a->classes[members[c]], c, n, rows, n_rows, err);
    if (!st) centre(rows, n_rows, n);
    if (!st) st = report(a, rows, n_rows, n, names, titles, err);
    free_rows(rows);
    return st;
}

us_status us_measure_style(us_audition *a, us_error *err) {
    if (!a->measure[US_MEASURE_STYLE] || a->n_classes < 2) return US_OK;
    us_status st = by_classifier(a, err);
    return st ? st : by_cast(a, err);
}
