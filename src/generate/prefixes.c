#include "generate/prefixes.h"
#include "generate/engine.h"

static void drop(us_engine *e, int32_t i) {
    us_prefixes *p = &e->prefixes;
    us_engine_seq_free(e, p->kept[i].seq);
    p->kept[i] = p->kept[--p->n];
}

static bool is_with(const us_engine *e, int32_t seq, const us_adapter *adapter, float scale) {
    return e->seqs[seq].adapter == adapter && e->seqs[seq].scale == scale;
}

int32_t us_prefix_find(const us_engine *e, const us_adapter *adapter, float scale, const int32_t *ids, int32_t n,
                       int32_t *n_common) {
    int32_t best = -1;
    *n_common = 0;
    for (int32_t i = 0; i < e->prefixes.n; i++) {
        int32_t seq = e->prefixes.kept[i].seq;
        int32_t same = is_with(e, seq, adapter, scale) ? us_engine_seq_common(e, seq, ids, n) : 0;
        if (same > *n_common) *n_common = same, best = seq;
    }
    return best;
}

void us_prefix_touch(us_engine *e, int32_t seq) {
    us_prefixes *p = &e->prefixes;
    for (int32_t i = 0; i < p->n; i++)
        if (p->kept[i].seq == seq) p->kept[i].used = ++p->clock;
}

void us_prefix_keep(us_engine *e, int32_t seq, const void *owner) {
    us_prefixes *p = &e->prefixes;
    const us_seq *s = &e->seqs[seq];
    for (int32_t i = p->n - 1; i >= 0; i--) {
        int32_t other = p->kept[i].seq;
        if (!is_with(e, other, s->adapter, s->scale)) continue;
        int32_t same = us_engine_seq_common(e, other, s->tokens, s->n);
        if (same == e->seqs[other].n) drop(e, i); /* a chat's earlier turns are all in its last one */
        else if (same == s->n) {
            us_prefix_touch(e, other);
            us_engine_seq_free(e, seq);
            return;
        }
    }
    if (p->n == US_MAX_PREFIXES) us_prefix_drop_oldest(e);
    p->kept[p->n].seq = seq;
    p->kept[p->n].owner = owner;
    p->kept[p->n++].used = ++p->clock;
}

bool us_prefix_drop_oldest(us_engine *e) {
    const us_prefixes *p = &e->prefixes;
    int32_t oldest = 0;
    if (!p->n) return false;
    for (int32_t i = 1; i < p->n; i++)
        if (p->kept[i].used < p->kept[oldest].used) oldest = i;
    drop(e, oldest);
    return true;
}

void us_prefix_drop_owner(us_engine *e, const void *owner) {
    for (int32_t i = e->prefixes.n - 1; i >= 0; i--)
        if (e->prefixes.kept[i].owner == owner) drop(e, i);
}

void us_prefix_drop_adapter(us_engine *e, const us_adapter *adapter) {
    for (int32_t i = e->prefixes.n - 1; i >= 0; i--)
        if (e->seqs[e->prefixes.kept[i].seq].adapter == adapter) drop(e, i);
}
