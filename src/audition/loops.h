/* audition/loops.h - does a reply go round in circles, and does a chat. Works on word ids alone. */
#ifndef US_AUDITION_LOOPS_H
#define US_AUDITION_LOOPS_H
#include "explore/words.h"

typedef struct us_loops {
    double seq_rep_4;   /* 1 - distinct 4-grams / 4-grams (Welleck et al. 2020), 0 for fewer than 4 words */
    size_t tail_period; /* words of the unit that the reply ends with three times or more, over 12 words or more; 0: none */
    bool duplicate_sentences; /* two equal sentences of three words or more, one after the other */
    bool loop;                /* either of those, or seq_rep_4 >= 0.2 in a reply of 12 words or more */
} us_loops;

US_MUST_USE us_status us_loops_find(us_words *w, const char *text, us_loops *out, us_error *err);
/* Share of the n-grams of ids[0..n) that were seen in it before; 0 when it is shorter. */
double us_seq_rep(const uint32_t *ids, size_t n, size_t gram);
/* Replies of one chat in order; *n_repeats counts those of three words or more that were said before in it, word for word. */
US_MUST_USE us_status us_chat_repeats(us_words *w, const char *const *replies, size_t n, size_t *n_repeats, us_error *err);
/* The share of its words of five letters or more that one of the five replies before has as well. */
US_MUST_USE us_status us_chat_same_words(us_words *w, const char *const *replies, size_t n, double *share, us_error *err);
#endif
