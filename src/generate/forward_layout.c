/* What a pass is made of: which rows share an adapter, which go through bfloat16 blocks, which attend together. */
#include "generate/forward.h"
#include <assert.h>

#define TILE_ROWS 8 /* tokens of one sequence that attend together, outside prompts that go through tiles */

static void add_int8(us_pass *p, int32_t begin, int32_t end) {
    if (begin >= end) return;
    if (p->n_int8_runs && p->int8_runs[p->n_int8_runs - 1].end == begin) p->int8_runs[p->n_int8_runs - 1].end = end;
    else p->int8_runs[p->n_int8_runs++] = (us_run){begin, end, -1, false};
}

/* Rows of one adapter group, behind those that it has already. */
static void add_bf16(us_pass *p, us_adapter_group *v, int32_t begin, int32_t end, size_t most) {
    us_row_block *last = v->n_blocks ? &p->blocks[p->n_blocks - 1] : NULL;
    if (last && last->first + last->n == begin)
        for (; begin < end && last->n < US_BF16_ROWS; begin++) last->n++;
    for (; begin < end && p->n_blocks < most; begin += US_BF16_ROWS, v->n_blocks++)
        p->blocks[p->n_blocks++] = (us_row_block){begin, end - begin < US_BF16_ROWS ? end - begin : US_BF16_ROWS};
    add_int8(p, begin, end);
}

/* The group of a run: the last one, if it has the same adapter, else a new one. */
static us_adapter_group *group_of(us_pass *p, const us_run *run) {
    const us_seq *s = &p->e->seqs[run->seq];
    us_adapter_group *last = p->n_groups ? &p->groups[p->n_groups - 1] : NULL,
                     new = {run->begin, run->end, NULL, 0, p->n_blocks, 0};
    if (s->adapter && s->scale != 0) new.adapter = s->adapter, new.scale = s->scale;
    if (last && last->adapter == new.adapter && last->scale == new.scale) {
        last->end = run->end;
        return last;
    }
    p->groups[p->n_groups++] = new;
    return &p->groups[p->n_groups - 1];
}

static void add_tiles(us_pass *p, const us_run *run, bool bf16) {
    int32_t n = bf16 ? US_BF16_ROWS : TILE_ROWS;
    for (int32_t at = run->begin; at < run->end; at += n)
        p->tiles[p->n_tiles++] = (us_run){at, at + n < run->end ? at + n : run->end, -1, bf16};
}

/* Rows of prompts go through bfloat16 where the level has it, whatever else is in the batch and wherever a prompt was cut: a
 * token's logits do not depend on the other sequences of the batch. */
void us_pass_lay_out(us_pass *p) {
    const us_engine *e = p->e;
    bool bf16 = p->kn->matmul_bf16 && e->model->math == US_MATH_FAST;
    size_t rank = 0;
    p->n_blocks = p->n_int8_runs = p->n_tiles = p->n_groups = 0;
    for (int32_t i = 0; i < e->n_runs; i++) {
        const us_run *run = &e->runs[i];
        us_adapter_group *v = group_of(p, run);
        if (bf16 && run->prompt) add_bf16(p, v, run->begin, run->end, us_most_bf16_blocks(&e->o));
        else add_int8(p, run->begin, run->end);
        if (v->adapter) rank = us_max2(rank, (size_t)v->adapter->rank);
    }
    assert(rank <= US_MAX_RANK);
    p->rank_pad = (rank + US_BLOCK - 1) / US_BLOCK * US_BLOCK;
    for (int large = 1; large >= 0; large--) /* the large ones first: they take longest */
        for (int32_t i = 0; i < e->n_runs; i++)
            if ((bf16 && e->runs[i].prompt) == large) add_tiles(p, &e->runs[i], large);
}
