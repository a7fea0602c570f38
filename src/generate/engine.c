/* The cache and its sequences: pages are taken, shared, copied and given back here. A call of eval becomes batches of rows,
 * which forward.c computes. */
#include "generate/engine.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int32_t pages_for(int32_t n_tokens) { return (n_tokens + US_PAGE - 1) / US_PAGE; }

static us_engine_options with_defaults(const us_model *m, const us_engine_options *o) {
    us_engine_options d = o ? *o : (us_engine_options){0};
    int32_t train = m->info.n_ctx_train;
    if (d.n_threads <= 0) d.n_threads = us_cpu_count();
    if (d.n_threads > US_POOL_MAX) d.n_threads = US_POOL_MAX;
    if (d.n_ctx <= 0) d.n_ctx = train < 4096 ? train : 4096;
    if (d.n_seq_max <= 0) d.n_seq_max = 64;
    if (d.n_batch <= 0) d.n_batch = 512;
    if (d.n_batch < d.n_seq_max) d.n_batch = d.n_seq_max;
    if (m->math == US_MATH_F32) d.kv_type = US_KV_F32;
    return d;
}

static us_page_kind page_kind(us_kv_type t) {
    return t == US_KV_F32 ? US_PAGE_F32 : t == US_KV_Q8_0 ? US_PAGE_Q8_0 : US_PAGE_F16;
}

static size_t page_bytes(const us_model *m, us_kv_type t) {
    return us_page_bytes(page_kind(t), (size_t)m->net.heads.head_size) * 2 * (size_t)m->net.heads.n_kv_heads *
           (size_t)m->net.n_layers;
}

uint64_t us_engine_bytes(const us_model *m, const us_engine_options *options) {
    us_engine_options o = with_defaults(m, options);
    return (uint64_t)pages_for(o.n_ctx) * page_bytes(m, o.kv_type) + us_forward_scratch_bytes(m, &o);
}

static void *map_lazily(size_t n) {
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

us_status us_engine_check(void *options, const us_model *m, us_error *err) {
    us_engine_options o = with_defaults(m, options);
    const us_net *n = &m->net;
    uint64_t cache = (uint64_t)pages_for(o.n_ctx) * page_bytes(m, o.kv_type), scratch = us_forward_scratch_bytes(m, &o);
    uint64_t weights = m->loaded ? 0 : m->info.resident_bytes, need = cache + scratch + weights, have = us_memory_available();
    char more[64] = "";
    if (o.kv_type == US_KV_Q8_0 && n->heads.head_size % 32)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "a q8_0 cache needs heads of a multiple of 32, this model has %d: use --kv-type f16",
                       n->heads.head_size);
    if (need <= have) return US_OK;
    if (weights) snprintf(more, sizeof more, ", %.2f GB of weights", (double)weights / 1e9);
    return us_fail(err, US_ERR_MEMORY,
                   "a context of %d tokens needs %.2f GB: %d layers x %d kv heads x %d x 2 (K and V) x %d tokens is %.2f GB of "
                   "cache, %.2f GB of scratch%s; %.2f GB are available. Use a smaller --ctx-size%s",
                   o.n_ctx, (double)need / 1e9, n->n_layers, n->heads.n_kv_heads, n->heads.head_size, o.n_ctx,
                   (double)cache / 1e9, (double)scratch / 1e9, more, (double)have / 1e9,
                   o.kv_type == US_KV_Q8_0 ? "" : ", or --kv-type q8_0");
}

us_status us_engine_new(const us_model *m, const us_engine_options *options, us_engine **out, us_error *err) {
    us_engine_options o = with_defaults(m, options);
    us_engine *e = NULL;
    us_status st = us_engine_check(&o, m, err);
    if (!st) st = us_alloc(1, sizeof *e, &e, err);
    if (st) return st;
    e->model = m;
    e->n_layers = m->net.n_layers;
    e->page_kind = page_kind(o.kv_type);
    e->head_page_bytes = us_page_bytes(e->page_kind, (size_t)m->net.heads.head_size);
    e->page_bytes = page_bytes(m, o.kv_type);
    e->n_pages = e->n_free = pages_for(o.n_ctx);
    e->pages_bytes = (size_t)e->n_pages * e->page_bytes;
    e->logits_bytes = (size_t)o.n_batch * (size_t)m->net.n_vocab * sizeof(float);
    size_t n_seq = (size_t)o.n_seq_max, n_batch = (size_t)o.n_batch;
    st = us_pool_new(o.n_threads, &e->pool, err);
    e->o = o;
    if (!st && !(e->pages = map_lazily(e->pages_bytes)))
        st = us_fail(err, US_ERR_MEMORY, "cannot map %zu bytes for the KV cache: use a smaller --ctx-size", e->pages_bytes);
    if (!st && !(e->logits = map_lazily(e->logits_bytes)))
        st = us_fail(err, US_ERR_MEMORY, "cannot map %zu bytes for logits", e->logits_bytes);
    if (!st && !(e->scratch = map_lazily(us_forward_scratch_bytes(m, &o))))
        st = us_fail(err, US_ERR_MEMORY, "cannot map scratch memory");
#ifdef MADV_HUGEPAGE
    if (!st)
        madvise(e->scratch, us_forward_scratch_bytes(m, &o),
                MADV_HUGEPAGE); /* products write columns of it: a page a row otherwise */
#endif
    if (!st) st = us_alloc((size_t)e->n_pages, sizeof *e->free_pages, &e->free_pages, err);
    if (!st) st = us_alloc((size_t)e->n_pages, sizeof *e->refs, &e->refs, err);
    if (!st) st = us_alloc(n_seq, sizeof *e->seqs, &e->seqs, err);
    if (!st) st = us_alloc(n_batch, sizeof *e->rows, &e->rows, err);
    if (!st) st = us_alloc(n_batch, sizeof *e->runs, &e->runs, err);
    if (!st) st = us_alloc(n_batch, sizeof *e->out_rows, &e->out_rows, err);
    if (!st) st = us_alloc(n_batch, sizeof *e->score_ids, &e->score_ids, err);
    if (!st) st = us_alloc(n_batch, sizeof *e->score_out, &e->score_out, err);
    if (!st) st = us_alloc(n_seq, sizeof *e->logit_first, &e->logit_first, err);
    if (!st) st = us_alloc(n_seq, sizeof *e->logit_count, &e->logit_count, err);
    if (st) {
        us_engine_free(e);
        return st;
    }
    for (int32_t i = 0; i < e->n_pages; i++) e->free_pages[i] = e->n_pages - 1 - i;
    us_forward_place(e);
    *out = e;
    return US_OK;
}

void us_engine_free(us_engine *e) {
    if (!e) return;
    for (int32_t i = 0; e->seqs && i < e->o.n_seq_max; i++) us_engine_seq_free(e, i);
    us_pool_free(e->pool);
    if (e->pages) munmap(e->pages, e->pages_bytes);
    if (e->logits) munmap(e->logits, e->logits_bytes);
    if (e->scratch) munmap(e->scratch, us_forward_scratch_bytes(e->model, &e->o));
    free(e->free_pages);
    free(e->refs);
    free(e->seqs);
    free(e->rows);
    free(e->runs);
    free(e->out_rows);
    free(e->score_ids);
    free(e->score_out);
    free(e->logit_first);
    free(e->logit_count);
    free(e);
}

const us_model *us_engine_get_model(const us_engine *e) { return e->model; }
int us_engine_get_threads(const us_engine *e) { return e->o.n_threads; }
int32_t us_engine_get_ctx(const us_engine *e) { return e->n_pages * US_PAGE; }
int32_t us_engine_get_free(const us_engine *e) { return e->n_free * US_PAGE; }
void us_engine_set_progress(us_engine *e, us_progress_fn *fn, void *ctx) {
    e->progress = fn;
    e->progress_ctx = ctx;
}

/* ---- sequences ------------------------------------------------------------------------------------------ */

us_status us_engine_seq_new(us_engine *e, int32_t *out, us_error *err) {
    for (int32_t i = 0; i < e->o.n_seq_max; i++) {
        us_seq *s = &e->seqs[i];
        if (s->alive) continue;
        us_status st = US_OK;
        if (!s->pages) st = us_alloc((size_t)e->n_pages, sizeof *s->pages, &s->pages, err);
        if (!st && !s->tokens) st = us_alloc((size_t)e->n_pages * US_PAGE, sizeof *s->tokens, &s->tokens, err);
        if (st) return st;
        s->alive = true;
        s->n = s->n_pages = 0;
        s->adapter = NULL;
        s->scale = 1;
        *out = i;
        return US_OK;
    }
    return us_fail(err, US_ERR_LIMIT, "all %d sequences are in use", e->o.n_seq_max);
}

static void release_page(us_engine *e, int32_t page) {
    if (--e->refs[page] == 0) e->free_pages[e->n_free++] = page;
}

void us_engine_seq_truncate(us_engine *e, int32_t seq, int32_t n) {
    us_seq *s = &e->seqs[seq];
    if (n >= s->n) return;
    while (s->n_pages > pages_for(n)) release_page(e, s->pages[--s->n_pages]);
    s->n = n;
}

void us_engine_seq_free(us_engine *e, int32_t seq) {
    us_seq *s = &e->seqs[seq];
    us_engine_seq_truncate(e, seq, 0);
    free(s->pages);
    free(s->tokens);
    *s = (us_seq){0};
}

int32_t us_engine_seq_len(const us_engine *e, int32_t seq) { return e->seqs[seq].n; }
const int32_t *us_engine_seq_get_tokens(const us_engine *e, int32_t seq, int32_t *n) {
    return *n = e->seqs[seq].n, e->seqs[seq].tokens;
}
void us_engine_seq_set_adapter(us_engine *e, int32_t seq, const us_adapter *adapter, float scale) {
    e->seqs[seq].adapter = adapter;
    e->seqs[seq].scale = scale;
}

us_status us_engine_seq_fork(us_engine *e, int32_t seq, int32_t n, int32_t *out, us_error *err) {
    const us_seq *from = &e->seqs[seq];
    if (n < 0 || n > from->n) return us_fail(err, US_ERR_ARGUMENT, "cannot fork at token %d of %d", n, from->n);
    us_status st = us_engine_seq_new(e, out, err);
    if (st) return st;
    us_seq *to = &e->seqs[*out];
    to->n = n;
    to->n_pages = pages_for(n);
    to->adapter = from->adapter;
    to->scale = from->scale;
    memcpy(to->tokens, from->tokens, (size_t)n * sizeof *to->tokens);
    memcpy(to->pages, from->pages, (size_t)to->n_pages * sizeof *to->pages);
    for (int32_t i = 0; i < to->n_pages; i++) e->refs[to->pages[i]]++;
    return US_OK;
}

/* Pages that appending n tokens would take: new ones, and a copy of a shared last one. */
static int32_t pages_needed(const us_engine *e, const us_seq *s, int32_t n) {
    int32_t need = pages_for(s->n + n) - s->n_pages;
    if (n && s->n % US_PAGE && e->refs[s->pages[s->n_pages - 1]] > 1) need++;
    return need;
}

static int32_t take_page(us_engine *e) {
    int32_t page = e->free_pages[--e->n_free];
    e->refs[page] = 1;
    return page;
}

/* Makes room for n more tokens; the pages were counted before. */
static void extend(us_engine *e, us_seq *s, int32_t n) {
    if (n && s->n % US_PAGE && e->refs[s->pages[s->n_pages - 1]] > 1) {
        int32_t old = s->pages[s->n_pages - 1], page = take_page(e);
        memcpy(e->pages + (size_t)page * e->page_bytes, e->pages + (size_t)old * e->page_bytes, e->page_bytes);
        release_page(e, old);
        s->pages[s->n_pages - 1] = page;
    }
    while (s->n_pages < pages_for(s->n + n)) s->pages[s->n_pages++] = take_page(e);
}

/* ---- evaluation ------------------------------------------------------------------------------------------- */

static us_status check_spans(us_engine *e, const us_span *spans, int32_t n_spans, bool score, us_error *err) {
    int32_t pages = 0, logits = 0;
    if (n_spans < 1 || n_spans > e->o.n_seq_max)
        return us_fail(err, US_ERR_ARGUMENT, "%d spans, expected 1..%d", n_spans, e->o.n_seq_max);
    for (int32_t i = 0; i < n_spans; i++) {
        const us_span *sp = &spans[i];
        if (sp->seq < 0 || sp->seq >= e->o.n_seq_max || !e->seqs[sp->seq].alive)
            return us_fail(err, US_ERR_ARGUMENT, "span %d: no sequence %d", i, sp->seq);
        for (int32_t k = 0; k < i; k++)
            if (spans[k].seq == sp->seq) return us_fail(err, US_ERR_ARGUMENT, "sequence %d occurs in two spans", sp->seq);
        if (sp->n_tokens < 1) return us_fail(err, US_ERR_ARGUMENT, "span %d holds no tokens", i);
        if (e->model->net.n_ctx_most && e->seqs[sp->seq].n > e->model->net.n_ctx_most - sp->n_tokens)
            return us_fail(err, US_ERR_LIMIT,
                           "%d tokens after %d: this model is run up to %d (beyond, it has other RoPE factors, which are not "
                           "used here): shorten the prompt",
                           sp->n_tokens, e->seqs[sp->seq].n, e->model->net.n_ctx_most);
        if (e->seqs[sp->seq].n > e->n_pages * US_PAGE - sp->n_tokens)
            return us_fail(err, US_ERR_LIMIT,
                           "%d tokens after %d do not fit in the context of %d: shorten the prompt or raise --ctx-size",
                           sp->n_tokens, e->seqs[sp->seq].n, e->n_pages * US_PAGE);
        for (int32_t k = 0; k < sp->n_tokens; k++)
            if (sp->tokens[k] < 0 || sp->tokens[k] >= e->model->net.n_vocab)
                return us_fail(err, US_ERR_ARGUMENT, "token %d of span %d is %d, the vocabulary has %d", k, i, sp->tokens[k],
                               e->model->net.n_vocab);
        pages += pages_needed(e, &e->seqs[sp->seq], sp->n_tokens);
        if (!score && sp->logits != US_LOGITS_NONE) logits += sp->logits == US_LOGITS_ALL ? sp->n_tokens : 1;
    }
    if (logits > e->o.n_batch)
        return us_fail(err, US_ERR_LIMIT,
                       "logits of %d positions were asked for, at most %d at a time (us_engine_score keeps none)", logits,
                       e->o.n_batch);
    if (pages > e->n_free)
        return us_fail(err, US_ERR_LIMIT,
                       "the KV cache is full: %d more pages of %d tokens are needed, %d of %d are free; raise --ctx-size",
                       pages, US_PAGE, e->n_free, e->n_pages);
    return US_OK;
}

/* Adds rows of span i from token `from` on until the batch is full; returns how many. */
static int32_t add_rows(us_engine *e, const us_span *sp, int32_t from, bool score) {
    us_seq *s = &e->seqs[sp->seq];
    int32_t room = e->o.n_batch - e->n_rows, base = s->n, n = sp->n_tokens - from < room ? sp->n_tokens - from : room;
    if (n <= 0) return 0;
    extend(e, s, n);
    e->runs[e->n_runs++] = (us_run){e->n_rows, e->n_rows + n, sp->seq, sp->prompt || sp->n_tokens > 1};
    for (int32_t k = 0; k < n; k++) {
        int32_t at = from + k;
        bool last = at + 1 == sp->n_tokens,
             wanted = score ? !last : sp->logits == US_LOGITS_ALL || (sp->logits == US_LOGITS_LAST && last);
        if (wanted) {
            e->score_ids[e->n_out] = score ? sp->tokens[at + 1] : 0;
            e->out_rows[e->n_out++] = e->n_rows;
        }
        s->tokens[base + k] = sp->tokens[at];
        e->rows[e->n_rows++] = (us_row){sp->tokens[at], sp->seq, base + k};
    }
    s->n += n;
    return n;
}

/* One pass after another until all spans are through. scores, when given, get log p of each span's tokens but the first. */
static us_status evaluate(us_engine *e, const us_span *spans, int32_t n_spans, float *const *scores, us_error *err) {
    us_status st = check_spans(e, spans, n_spans, scores != NULL, err);
    if (st) return st;
    int32_t total = 0, done = 0, span = 0, from = 0, logits = 0;
    for (int32_t i = 0; i < n_spans; i++) {
        total += spans[i].n_tokens;
        e->logit_first[i] = logits;
        e->logit_count[i] = scores || spans[i].logits == US_LOGITS_NONE ? 0
                            : spans[i].logits == US_LOGITS_ALL          ? spans[i].n_tokens
                                                                        : 1;
        logits += e->logit_count[i];
    }
    e->n_spans = n_spans;
    e->scoring = scores != NULL;
    e->logits_at = 0;
    while (span < n_spans) {
        int32_t span0 = span, from0 = from;
        e->n_rows = e->n_runs = e->n_out = 0;
        while (span < n_spans && e->n_rows < e->o.n_batch) {
            from += add_rows(e, &spans[span], from, scores != NULL);
            if (from == spans[span].n_tokens) span++, from = 0;
        }
        us_forward(e);
        e->logits_at += e->n_out;
        done += e->n_rows;
        for (int32_t i = 0; e->judge_head && i < e->n_out; i++) *e->judged++ = e->score_out[i];
        for (int32_t i = span0, k = from0, out = 0; scores && out < e->n_out; i++, k = 0)
            for (; k + 1 < spans[i].n_tokens && out < e->n_out; k++) scores[i][k + 1] = e->score_out[out++];
        if (e->progress && span < n_spans && !e->progress(e->progress_ctx, done, total))
            return us_fail(err, US_ERR_INTERRUPTED, "stopped after %d of %d tokens", done, total);
    }
    return US_OK;
}

us_status us_engine_judge(us_engine *e, const us_span *spans, int32_t n_spans, int32_t n_layers, const float *head,
                          float *values, us_error *err) {
    e->n_layers = n_layers;
    e->judge_head = head;
    e->judged = values;
    us_status st = evaluate(e, spans, n_spans, NULL, err);
    e->n_layers = e->model->net.n_layers;
    e->judge_head = NULL;
    return st;
}

us_status us_engine_eval(us_engine *e, const us_span *spans, int32_t n_spans, us_error *err) {
    return evaluate(e, spans, n_spans, NULL, err);
}

const float *us_engine_get_logits(const us_engine *e, int32_t i_span, int32_t i_token) {
    if (i_span < 0 || i_span >= e->n_spans || !e->logit_count[i_span]) return NULL;
    int32_t k = e->logit_count[i_span] == 1 ? 0 : i_token;
    if (k < 0 || k >= e->logit_count[i_span]) return NULL;
    return e->logits + (size_t)(e->logit_first[i_span] + k) * (size_t)e->model->net.n_vocab;
}

us_status us_engine_blame(const us_engine *e, int32_t seq, us_status st, us_error *err) {
    const us_adapter *a = e->seqs[seq].adapter;
    if (st != US_ERR_FORMAT) return st;
    return us_fail(
        err, st, "%s%s%s: what the model computes with these weights is no number, or beyond all measure: the file is damaged",
        us_gguf_path(e->model->g), a ? " with " : "", a ? a->path : "");
}

/* The first token of each span is predicted by what the sequence holds already: its last token is evaluated again with them. */
us_status us_engine_score(us_engine *e, const us_span *spans, int32_t n_spans, float *const *logprobs, us_error *err) {
    us_status st = check_spans(e, spans, n_spans, true, err);
    us_span *with = NULL;
    int32_t **tokens = NULL;
    float **scores = NULL;
    size_t n = (size_t)n_spans;
    if (!st) st = us_alloc(n, sizeof *with, &with, err);
    if (!st) st = us_alloc(n, sizeof *tokens, &tokens, err);
    if (!st) st = us_alloc(n, sizeof *scores, &scores, err);
    for (size_t i = 0; i < n && !st; i++) {
        us_seq *s = &e->seqs[spans[i].seq];
        bool again = s->n > 0;
        size_t k = (size_t)spans[i].n_tokens + again;
        if ((st = us_alloc(k, sizeof **tokens, &tokens[i], err)) || (st = us_alloc(k, sizeof **scores, &scores[i], err))) break;
        if (again) tokens[i][0] = s->tokens[s->n - 1];
        memcpy(tokens[i] + again, spans[i].tokens, (size_t)spans[i].n_tokens * sizeof **tokens);
        with[i] = (us_span){spans[i].seq, tokens[i], (int32_t)k, US_LOGITS_NONE};
    }
    for (size_t i = 0; i < n && !st; i++)
        if (with[i].n_tokens > spans[i].n_tokens) us_engine_seq_truncate(e, spans[i].seq, e->seqs[spans[i].seq].n - 1);
    if (!st) st = evaluate(e, with, n_spans, scores, err);
    for (size_t i = 0; i < n && !st; i++) {
        bool again = with[i].n_tokens > spans[i].n_tokens;
        logprobs[i][0] = again ? scores[i][1] : NAN;
        for (int32_t k = 1; k < spans[i].n_tokens; k++) logprobs[i][k] = scores[i][k + again];
        for (int32_t k = !again; k < spans[i].n_tokens && !st; k++)
            if (!isfinite(logprobs[i][k])) st = us_engine_blame(e, spans[i].seq, US_ERR_FORMAT, err);
    }
    for (size_t i = 0; i < n && tokens && scores; i++) {
        free(tokens[i]);
        free(scores[i]);
    }
    free(tokens);
    free(scores);
    free(with);
    return st;
}

int32_t us_engine_seq_common(const us_engine *e, int32_t seq, const int32_t *ids, int32_t n) {
    const us_seq *s = &e->seqs[seq];
    int32_t same = 0;
    while (same < s->n && same < n && s->tokens[same] == ids[same]) same++;
    return same;
}

us_status us_engine_seq_set_tokens(us_engine *e, int32_t seq, const int32_t *tokens, int32_t n, int32_t *n_reused,
                                   us_error *err) {
    if (seq < 0 || seq >= e->o.n_seq_max || !e->seqs[seq].alive || n < 1)
        return us_fail(err, US_ERR_ARGUMENT, "no sequence %d, or no tokens", seq);
    int32_t keep = us_engine_seq_common(e, seq, tokens, n - 1);
    if (n > e->n_pages * US_PAGE)
        return us_fail(err, US_ERR_LIMIT, "%d tokens do not fit in the context of %d: shorten the prompt or raise --ctx-size",
                       n, e->n_pages * US_PAGE);
    us_engine_seq_truncate(e, seq, keep);
    if (n_reused) *n_reused = keep;
    return us_engine_eval(e, &(us_span){.seq = seq, .tokens = tokens + keep, .n_tokens = n - keep, .prompt = true}, 1, err);
}
