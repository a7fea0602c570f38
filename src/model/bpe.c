/* Byte-level BPE (Sennrich et al. 2016; GPT-2): the pattern cuts text into words, merges of lowest rank first. */
#include "base/mem.h"
#include "base/utf8.h"
#include "model/merge_list.h"
#include "model/tokenizer.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

typedef struct work {
    us_symbol *symbols;
    us_pair *heap;
    size_t cap_symbols, cap_heap, n_heap;
} work;

static void consider(const us_tokenizer *t, work *w, int32_t l, int32_t r) {
    if (l < 0 || r < 0) return;
    int32_t rank = us_tokenizer_merge_rank(t, w->symbols[l].id, w->symbols[r].id);
    if (rank < 0) return;
    us_heap_push(w->heap, &w->n_heap, (us_pair){rank, l, r, w->symbols[l].id, w->symbols[r].id, t->merges[rank].merged});
}

static us_status encode_word(const us_tokenizer *t, work *w, const char *s, size_t n, us_tokens *out, us_error *err) {
    int32_t whole = n <= 64 && (t->whole_words || n == 1) ? us_tokenizer_lookup(t, s, n) : -1;
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

/* One segment that the pattern sees alone; what it does not match goes as it is. */
static us_status encode_segment(const us_tokenizer *t, work *w, pcre2_match_data *md, const char *s, size_t n, us_tokens *out,
                                us_error *err) {
    us_status st = US_OK;
    size_t at = 0;
    while (at < n && !st) {
        int rc = pcre2_match(t->pattern, (PCRE2_SPTR)s, n, at, 0, md, NULL);
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
            return us_fail(err, US_ERR_LIMIT, "tokenizer: the pre-tokenizer's pattern gave up on this text (PCRE2 error %d)",
                           rc);
        const PCRE2_SIZE *m = pcre2_get_ovector_pointer(md);
        size_t b = rc < 0 ? n : m[0], e = rc < 0 ? n : m[1];
        if (b > at) st = encode_word(t, w, s + at, b - at, out, err);
        if (!st && e > b) st = encode_word(t, w, s + b, e - b, out, err);
        at = e > at ? e : at + 1;
    }
    return st;
}

/* Bytes of the number character at s (Unicode's N categories), 0 if it is none. */
static size_t number_at(const char *s, size_t n) {
    if ((unsigned char)s[0] < 0x80) return s[0] >= '0' && s[0] <= '9';
    uint32_t cp = 0;
    int len = us_utf8_decode(s, n, &cp);
    return len && U_GET_GC_MASK((UChar32)cp) & U_GC_N_MASK ? (size_t)len : 0;
}

us_status us_bpe_encode(const us_tokenizer *t, const char *s, size_t n, us_tokens *out, us_error *err) {
    work w = {0};
    pcre2_match_data *md = pcre2_match_data_create(1, NULL);
    us_status st = md ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    for (size_t i = 0, e, digit; i < n && !st; i = e) {
        e = n;
        if (t->split_digits && (digit = number_at(s + i, n - i))) {
            e = i + digit;
            st = encode_word(t, &w, s + i, digit, out, err);
            continue;
        }
        if (t->split_digits)
            for (e = i; e < n && !number_at(s + e, n - e);) e++;
        st = encode_segment(t, &w, md, s + i, e - i, out, err);
    }
    pcre2_match_data_free(md);
    free(w.symbols);
    free(w.heap);
    return st;
}
