/* Byte-level BPE (Sennrich et al. 2016; GPT-2): patterns cut text into words, merges of lowest rank first. */
#include "base/mem.h"
#include "model/merge_list.h"
#include "model/tokenizer.h"
#include <stdlib.h>
#include <string.h>

typedef struct work {
    us_symbol *symbols;
    us_pair *heap;
    size_t cap_symbols, cap_heap, n_heap;
    pcre2_match_data *matches[US_CUTS];
} work;

static void consider(const us_tokenizer *t, work *w, int32_t l, int32_t r) {
    if (l < 0 || r < 0) return;
    int32_t rank = us_tokenizer_merge_rank(t, w->symbols[l].id, w->symbols[r].id);
    if (rank < 0) return;
    us_heap_push(w->heap, &w->n_heap, (us_pair){rank, l, r, w->symbols[l].id, w->symbols[r].id, t->merges[rank].merged});
}

static us_status encode_word(const us_tokenizer *t, work *w, const char *s, size_t n, us_tokens *out, us_error *err) {
    int32_t whole = n <= 64 && (t->pre.whole_words || n == 1) ? us_tokenizer_lookup_text(t, s, n) : -1;
    if (whole >= 0) return us_tokens_push(out, whole, err);
    us_status st = us_grow(&w->symbols, &w->cap_symbols, n, sizeof *w->symbols, err);
    if (!st) st = us_grow(&w->heap, &w->cap_heap, 3 * n, sizeof *w->heap, err);
    if (st) return st;
    w->n_heap = 0;
    for (size_t i = 0; i < n; i++)
        w->symbols[i] = (us_symbol){
            .id = t->byte_ids[(unsigned char)s[i]], .prev = (int32_t)i - 1, .next = i + 1 < n ? (int32_t)i + 1 : -1};
    for (size_t i = 0; i + 1 < n; i++) consider(t, w, (int32_t)i, (int32_t)i + 1);
    while (w->n_heap) {
        us_pair p = us_heap_pop(w->heap, &w->n_heap);
        us_symbol *l = &w->symbols[p.left], *r = &w->symbols[p.right];
        if (l->id != p.left_id || r->id != p.right_id || l->next != p.right) continue;
        l->id = p.merged;
        l->next = r->next;
        r->id = -2;
        if (r->next >= 0) w->symbols[r->next].prev = p.left;
        consider(t, w, l->prev, p.left);
        consider(t, w, p.left, l->next);
    }
    for (int32_t i = 0; i >= 0 && !st; i = w->symbols[i].next)
        if (w->symbols[i].id >= 0) st = us_tokens_push(out, w->symbols[i].id, err);
    return st;
}

/* One piece that cut number k sees alone; what lies between its matches goes on as they do. */
static us_status encode_piece(const us_tokenizer *t, work *w, size_t k, const char *s, size_t n, us_tokens *out,
                              us_error *err) {
    if (k >= US_CUTS || k == t->pre.n_cuts) return encode_word(t, w, s, n, out, err);
    us_status st = US_OK;
    for (size_t from = 0, at = 0; from < n && !st;) {
        int rc = at < n ? pcre2_match(t->pre.cuts[k], (PCRE2_SPTR)s, n, at, 0, w->matches[k], NULL) : PCRE2_ERROR_NOMATCH;
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
            return us_fail(err, US_ERR_LIMIT, "tokenizer: the pre-tokenizer's pattern gave up on this text (PCRE2 error %d)",
                           rc);
        const PCRE2_SIZE *m = pcre2_get_ovector_pointer(w->matches[k]);
        size_t b = rc < 0 ? n : m[0], e = rc < 0 ? n : m[1];
        if (b > from) st = encode_piece(t, w, k + 1, s + from, b - from, out, err);
        if (!st && e > b) st = encode_piece(t, w, k + 1, s + b, e - b, out, err);
        from = e;
        at = e;
        if (e == b) /* a match of nothing cuts there */
            for (at++; at < n && ((unsigned char)s[at] & 0xc0) == 0x80;) at++;
    }
    return st;
}

us_status us_bpe_encode(const us_tokenizer *t, const char *s, size_t n, us_tokens *out, us_error *err) {
    work w = {0};
    us_status st = US_OK;
    for (size_t k = 0; k < t->pre.n_cuts && !st; k++)
        if (!(w.matches[k] = pcre2_match_data_create(1, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = encode_piece(t, &w, 0, s, n, out, err);
    for (size_t k = 0; k < t->pre.n_cuts; k++) pcre2_match_data_free(w.matches[k]);
    free(w.symbols);
    free(w.heap);
    return st;
}
