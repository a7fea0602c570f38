#include "audition/score.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_SEQS = 160, MAX_TOKENS = 6000 }; /* of one batch: sequences alive, tokens in the cache */

typedef struct work {
    us_engine *e;
    us_score_group *groups;
    int32_t root, n_root; /* the common head */
    int32_t seqs[MAX_SEQS];
    us_span spans[MAX_SEQS];
    float *scores[MAX_SEQS];
    double *sums[MAX_SEQS];
    us_error *err;
} work;

static size_t common_head(const us_score_group *g, size_t n) {
    size_t head = g[0].prompt->n - 1; /* something is left to evaluate */
    for (size_t i = 1; i < n; i++) {
        const us_tokens *a = g[0].prompt, *b = g[i].prompt;
        size_t k = 0;
        while (k < head && k + 1 < b->n && a->ids[k] == b->ids[k]) k++;
        head = k;
    }
    return head;
}

/* How many groups from `first` on fit in one batch, at least one. */
static size_t fit(const work *w, size_t first, size_t n) {
    size_t seqs = 0, tokens = 0, k = first;
    for (; k < n; k++) {
        const us_score_group *g = &w->groups[k];
        size_t more = g->prompt->n - (size_t)w->n_root;
        for (size_t i = 0; i < g->n_next; i++) more += g->next[i]->n + 64; /* a page may be copied */
        if (k > first && (seqs + g->n_next + 1 > MAX_SEQS || tokens + more > MAX_TOKENS)) break;
        seqs += g->n_next + 1;
        tokens += more;
    }
    return k - first;
}

/* Reads the prompts of the batch, each on a fork of the root. */
static us_status read_prompts(work *w, const us_score_group *g, size_t n, int32_t *n_seqs) {
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++) {
        int32_t *seq = &w->seqs[*n_seqs];
        st = us_engine_seq_fork(w->e, w->root, w->n_root, seq, w->err);
        if (st) break;
        w->spans[*n_seqs] = (us_span){*seq, g[i].prompt->ids + w->n_root, (int32_t)g[i].prompt->n - w->n_root, US_LOGITS_NONE};
        ++*n_seqs;
    }
    return st ? st : us_engine_eval(w->e, w->spans, *n_seqs, w->err);
}

static us_status score_batch(work *w, size_t first, size_t n) {
    const us_score_group *g = w->groups + first;
    int32_t n_seqs = 0, n_prompts, n_spans = 0;
    us_status st = read_prompts(w, g, n, &n_seqs);
    n_prompts = n_seqs;
    for (int32_t i = 0; i < n_prompts && !st; i++)
        for (size_t k = 0; k < g[i].n_next && !st; k++) {
            const us_tokens *next = g[i].next[k];
            if ((st = us_engine_seq_fork(w->e, w->seqs[i], us_engine_seq_len(w->e, w->seqs[i]), &w->seqs[n_seqs], w->err)))
                break;
            w->spans[n_spans] = (us_span){w->seqs[n_seqs++], next->ids, (int32_t)next->n, US_LOGITS_NONE};
            w->sums[n_spans] = &g[i].sums[k];
            if ((st = us_alloc(next->n, sizeof **w->scores, &w->scores[n_spans], w->err))) break;
            n_spans++;
        }
    if (!st) st = us_engine_score(w->e, w->spans, n_spans, w->scores, w->err);
    for (int32_t i = 0; i < n_spans; i++) {
        if (!st) *w->sums[i] = 0;
        for (int32_t k = 0; k < w->spans[i].n_tokens && !st; k++) *w->sums[i] += (double)w->scores[i][k];
        free(w->scores[i]);
        w->scores[i] = NULL;
    }
    for (int32_t i = 0; i < n_seqs; i++) us_engine_seq_free(w->e, w->seqs[i]);
    return st;
}

us_status us_score_groups(us_engine *e, const us_adapter *adapter, double scale, us_score_group *groups, size_t n,
                          us_score_progress *progress, void *ctx, us_error *err) {
    work *w;
    if (!n) return US_OK;
    us_status st = us_alloc(1, sizeof *w, &w, err);
    if (st) return st;
    w->e = e;
    w->groups = groups;
    w->err = err;
    w->n_root = (int32_t)common_head(groups, n);
    st = us_engine_seq_new(e, &w->root, err);
    bool made = !st;
    if (!st) us_engine_seq_set_adapter(e, w->root, adapter, (float)scale);
    if (!st && w->n_root) st = us_engine_eval(e, &(us_span){w->root, groups[0].prompt->ids, w->n_root, US_LOGITS_NONE}, 1, err);
    for (size_t i = 0; i < n && !st;) {
        size_t k = fit(w, i, n);
        st = score_batch(w, i, k);
        i += k;
        if (!st && progress && !progress(ctx, i, n)) st = us_fail(err, US_ERR_INTERRUPTED, "interrupted");
    }
    if (made) us_engine_seq_free(e, w->root);
    free(w);
    return st;
}
