/* generate/engine.h - the inside of an engine: pages, sequences, and one pass over a batch of rows.
 *
 * A page holds US_PAGE positions of one sequence for every layer and kv head. Pages are counted: a fork
 * shares them, a write into a shared page copies it first. */
#ifndef US_GENERATE_ENGINE_H
#define US_GENERATE_ENGINE_H
#include "base/pool.h"
#include "generate/prefixes.h"
#include "model/model.h"
#include "understudy/generate.h"

#define US_CHUNK_PAGES 4 /* attention sums over chunks of this many pages, always: the order of sums is fixed */

typedef struct us_seq {
    bool alive;
    int32_t n, *tokens;      /* what it holds; capacity n_ctx */
    int32_t *pages, n_pages; /* page ids */
    const us_adapter *adapter;
    float scale;
} us_seq;

/* One row of a batch: one token of one sequence. */
typedef struct us_row {
    int32_t token, seq, pos;
} us_row;

/* Consecutive rows of one sequence (with one adapter). */
typedef struct us_run {
    int32_t begin, end, seq;
    bool prompt;
} us_run;

struct us_engine {
    const us_model *model;
    us_engine_options o;
    us_pool *pool;
    us_page_kind page_kind;
    size_t head_page_bytes, page_bytes; /* one head's K (or V); a whole page */
    unsigned char *pages;               /* [n_pages] mapped, touched on use */
    size_t pages_bytes;
    int32_t n_pages, *free_pages, n_free;
    uint32_t *refs;
    us_seq *seqs;
    us_prefixes prefixes;
    us_progress_fn *progress;
    void *progress_ctx;

    /* the pass in work */
    us_row *rows; /* [n_batch] */
    us_run *runs;
    int32_t n_rows, n_runs;
    int32_t *out_rows, n_out; /* rows whose logits are wanted, ascending */
    int32_t *score_ids;       /* when scoring: the token that each of them should predict */
    float *score_out;
    bool scoring;
    int32_t n_layers;        /* that this pass computes */
    const float *judge_head; /* [D]: out rows give their product with it, into score_out, instead of logits */
    float *judged;           /* where the next value goes */
    float *logits;           /* [n_logits_max][V], mapped, touched on use; this pass writes from row logits_at on */
    size_t logits_bytes;
    int32_t logits_at;
    int32_t *logit_first, *logit_count, n_spans; /* of each span of the last eval: its rows of logits */

    unsigned char *scratch;
    struct us_pass *pass;
};

/* How many of ids[0..n) a sequence begins with. */
int32_t us_engine_seq_common(const us_engine *e, int32_t seq, const int32_t *ids, int32_t n);

/* For another head than the vocabulary's: computes the first n_layers alone and gives values[i] = head . normed state of the
 * last token of span i. Sequences that have gone through this may go through nothing else. Errors as us_engine_eval. */
US_MUST_USE us_status us_engine_judge(us_engine *e, const us_span *spans, int32_t n_spans, int32_t n_layers, const float *head,
                                      float *values, us_error *err);

/* For an error of drawing from, or scoring, this sequence's logits: names the files that made them when they are no numbers
 * (FORMAT); leaves other errors alone. Returns st. */
us_status us_engine_blame(const us_engine *e, int32_t seq, us_status st, us_error *err);
/* Computes rows/runs/out_rows; logits (or scores) are left in the engine. */
void us_forward(us_engine *e);
size_t us_forward_scratch_bytes(const us_model *m, const us_engine_options *o);
void us_forward_place(us_engine *e);

/* K or V of (page, layer, kv head). */
static inline unsigned char *us_engine_page(const us_engine *e, int32_t page, int32_t layer, int32_t g, bool is_v) {
    size_t i = ((size_t)layer * (size_t)e->model->net.heads.n_kv_heads + (size_t)g) * 2 + is_v;
    return e->pages + (size_t)page * e->page_bytes + i * e->head_page_bytes;
}
#endif
