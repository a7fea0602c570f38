/* SentencePiece BPE (Kudo and Richardson 2018): spaces become U+2581, neighbours with the best score merge
 * first, what is no token falls back to bytes. */
#include "base/mem.h"
#include "base/utf8.h"
#include "model/merge_list.h"
#include "model/tokenizer.h"
#include <stdlib.h>
#include <string.h>

static void consider(const us_tokenizer *t, const char *s, us_symbol *sy, us_pair *heap, size_t *n, int32_t l, int32_t r) {
    if (l < 0 || r < 0) return;
    int32_t id = us_tokenizer_lookup_text(t, s + sy[l].at, sy[l].len + sy[r].len);
    if (id >= 0) us_heap_push(heap, n, (us_pair){-(double)t->scores[id], l, r, (int32_t)sy[l].len, (int32_t)sy[r].len, id});
}

static us_status emit(const us_tokenizer *t, const char *s, const us_symbol *y, us_tokens *out, us_error *err) {
    int32_t id = us_tokenizer_lookup_text(t, s + y->at, y->len);
    if (id >= 0) return us_tokens_push(out, id, err);
    us_status st = US_OK;
    for (uint32_t i = 0; i < y->len && !st; i++) {
        id = t->byte_ids[(unsigned char)s[y->at + i]];
        if (id < 0) id = t->unknown;
        if (id >= 0) st = us_tokens_push(out, id, err);
    }
    return st;
}

us_status us_spm_encode(const us_tokenizer *t, const char *text, size_t n_text, bool first, us_tokens *out, us_error *err) {
    char *s = NULL;
    us_symbol *sy = NULL;
    us_pair *heap = NULL;
    size_t n = 0, n_sy = 0, n_heap = 0;
    us_status st = us_alloc(3, n_text + 1, &s, err);
    if (!st) st = us_alloc(n_text + 1, sizeof *sy, &sy, err);
    if (!st) st = us_alloc(3 * (n_text + 1), sizeof *heap, &heap, err);
    if (st) goto out;
    if (first && t->space_prefix && n_text) memcpy(s, "\xe2\x96\x81", 3), n = 3;
    for (size_t i = 0; i < n_text; i++)
        if (text[i] == ' ') memcpy(s + n, "\xe2\x96\x81", 3), n += 3;
        else s[n++] = text[i];
    for (size_t i = 0; i < n; n_sy++) {
        uint32_t cp;
        int len = us_utf8_decode(s + i, n - i, &cp);
        sy[n_sy] = (us_symbol){
            .id = 0, .prev = (int32_t)n_sy - 1, .next = (int32_t)n_sy + 1, .at = (uint32_t)i, .len = len ? (uint32_t)len : 1};
        i += sy[n_sy].len;
    }
    if (n_sy) sy[n_sy - 1].next = -1;
    for (size_t i = 0; i + 1 < n_sy; i++) consider(t, s, sy, heap, &n_heap, (int32_t)i, (int32_t)i + 1);
    while (n_heap) {
        us_pair p = us_heap_pop(heap, &n_heap);
        us_symbol *l = &sy[p.left], *r = &sy[p.right];
        if (l->id == -2 || r->id == -2 || l->next != p.right || (int32_t)l->len != p.left_id || (int32_t)r->len != p.right_id)
            continue;
        l->len += r->len;
        l->next = r->next;
        r->id = -2;
        if (r->next >= 0) sy[r->next].prev = p.left;
        consider(t, s, sy, heap, &n_heap, l->prev, p.left);
        consider(t, s, sy, heap, &n_heap, p.left, l->next);
    }
    for (int32_t i = n_sy ? 0 : -1; i >= 0 && !st; i = sy[i].next) st = emit(t, s, &sy[i], out, err);
out:
    free(s);
    free(sy);
    free(heap);
    return st;
}
