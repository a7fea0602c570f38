/* model/merge_list.h - greedy pair merging with a heap: n log n for any length of word.
 *
 * Symbols are a doubly linked list in an array; candidates carry the symbols' ids, so that a stale one
 * (a neighbour has merged meanwhile) is seen and skipped. The lowest key goes first, then the leftmost. */
#ifndef US_MODEL_MERGE_LIST_H
#define US_MODEL_MERGE_LIST_H
#include <stdint.h>
#include <stddef.h>

typedef struct us_symbol {
    int32_t id, prev, next;
    uint32_t at, len;
} us_symbol; /* bytes [at, at + len); id -2 once merged away */
typedef struct us_pair {
    double key;
    int32_t left, right, left_id, right_id, merged;
} us_pair;

static inline int us_pair_before(const us_pair *a, const us_pair *b) {
    return a->key != b->key ? a->key < b->key : a->left < b->left;
}

static inline void us_heap_push(us_pair *h, size_t *n, us_pair p) {
    size_t i = (*n)++;
    for (; i && us_pair_before(&p, &h[(i - 1) / 2]); i = (i - 1) / 2) h[i] = h[(i - 1) / 2];
    h[i] = p;
}

static inline us_pair us_heap_pop(us_pair *h, size_t *n) {
    us_pair top = h[0], last = h[--*n];
    size_t i = 0;
    for (size_t c; (c = 2 * i + 1) < *n; i = c) {
        if (c + 1 < *n && us_pair_before(&h[c + 1], &h[c])) c++;
        if (!us_pair_before(&h[c], &last)) break;
        h[i] = h[c];
    }
    h[i] = last;
    return top;
}
#endif
