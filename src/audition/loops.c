#include "audition/loops.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "reply/rules.h"
#include <stdlib.h>
#include <string.h>

enum { MIN_SENTENCE = 3, LONG_REPLY = 12, LONG_WORD = 5, BEFORE = 5 };
static const double many = 0.2;

double us_seq_rep(const uint32_t *ids, size_t n, size_t gram) {
    if (n < gram || !gram) return 0;
    size_t total = n - gram + 1, again = 0;
    for (size_t i = 1; i < total; i++) /* replies are short: quadratic is quicker than a table */
        for (size_t k = 0; k < i; k++)
            if (!memcmp(ids + i, ids + k, gram * sizeof *ids)) {
                again++;
                break;
            }
    return (double)again / (double)total;
}

us_status us_loops_find(us_words *w, const char *text, us_loops *out, us_error *err) {
    us_ids ids = {0};
    *out = (us_loops){0};
    us_status st = us_words_split(w, text, &ids, err);
    if (!st) out->seq_rep_4 = us_seq_rep(ids.id, ids.n, 4);
    if (!st) out->duplicate_sentences = us_sentence_repeats(text);
    if (!st) out->tail_period = us_loop_period((const int32_t *)ids.id, ids.n);
    out->loop = out->tail_period || out->duplicate_sentences || (ids.n >= LONG_REPLY && out->seq_rep_4 >= many);
    free(ids.id);
    return st;
}

static bool is_long(const us_words *w, uint32_t id) {
    const char *word = us_words_get(w, id);
    return us_utf8_count(word, strlen(word)) >= LONG_WORD;
}

static void free_said(us_ids *said, size_t n) {
    for (size_t i = 0; i < n; i++) free(said[i].id);
    free(said);
}

/* The words of each reply; nothing is left to free after a failure. */
static us_status split_all(us_words *w, const char *const *replies, size_t n, us_ids **out, us_error *err) {
    us_status st = us_alloc(n, sizeof **out, out, err);
    if (st) return st;
    for (size_t i = 0; i < n && !st; i++) st = us_words_split(w, replies[i], &(*out)[i], err);
    if (st) free_said(*out, n);
    return st;
}

us_status us_chat_same_words(us_words *w, const char *const *replies, size_t n, double *share, us_error *err) {
    us_ids *said;
    size_t words = 0, again = 0;
    us_status st = split_all(w, replies, n, &said, err);
    if (st) return st;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < said[i].n; k++) {
            if (!is_long(w, said[i].id[k])) continue;
            bool found = false;
            for (size_t j = i > BEFORE ? i - BEFORE : 0; j < i; j++)
                for (size_t m = 0; m < said[j].n; m++) found = found || said[j].id[m] == said[i].id[k];
            words++;
            again += found;
        }
    *share = words ? (double)again / (double)words : 0;
    free_said(said, n);
    return US_OK;
}

us_status us_chat_repeats(us_words *w, const char *const *replies, size_t n, size_t *n_repeats, us_error *err) {
    us_ids *said;
    us_status st = split_all(w, replies, n, &said, err);
    *n_repeats = 0;
    if (st) return st;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i && said[i].n >= MIN_SENTENCE; k++)
            if (said[k].n == said[i].n && !memcmp(said[k].id, said[i].id, said[i].n * sizeof *said[i].id)) {
                ++*n_repeats;
                break;
            }
    free_said(said, n);
    return US_OK;
}
