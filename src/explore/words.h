/* explore/words.h - text to word ids, and the figures that are computed from ids alone.
 *
 * A word is folded to lower case and interned once; everything after works on uint32_t ids. Knows
 * nothing of scripts, speakers or pictures, so each figure can be checked by hand. */
#ifndef US_EXPLORE_WORDS_H
#define US_EXPLORE_WORDS_H
#include "understudy/base.h"

typedef struct us_words {
    char *text; /* all words, NUL-terminated, one after another */
    size_t text_len, text_cap;
    uint32_t *start; /* [n] offset of word i in text */
    size_t n, start_cap;
    uint64_t *slots; /* [n_slots] hash table: upper half of the hash, id + 1; n_slots is a power of two */
    size_t n_slots;
} us_words;
void us_words_fini(us_words *w); /* init is {0} */
const char *us_words_get(const us_words *w, uint32_t id);
#define US_NO_WORD UINT32_MAX
uint32_t us_words_find(const us_words *w, const char *folded, size_t n_bytes); /* US_NO_WORD when it was never said */

typedef struct us_ids {
    uint32_t *id;
    size_t n, cap;
} us_ids; /* init is {0}; free(id) */

/* The next word of text[0..n) (UTF-8) that begins at `from` or after it: bytes [*begin, *end). A word is a run of
 * letters, marks and digits, with apostrophes inside (U+2019 is one); where no blanks are written, one word of it by the
 * dictionary (text/segment.h). False when there is none. */
bool us_word_next(const char *text, size_t n, size_t from, size_t *begin, size_t *end);
/* Appends the ids of the words of text to out, folded to lower case; "don't" is one word, its apostrophe made even. */
US_MUST_USE us_status us_words_split(us_words *w, const char *text, us_ids *out, us_error *err);

/* z of the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008,
 * "Fightin' Words", eq. 16, 19-22): y counts of the word, n of all words, in groups i and j; a is the word's
 * prior (> 0), a0 the sum of all priors (> a). Above 1.96: i uses the word more than j, at the 5% mark. */
double us_keyness_z(double y_i, double n_i, double y_j, double n_j, double a, double a0);

/* Likelihood ratio G2 of a bigram (Dunning 1993): c12 pairs, c1 first words, c2 second words, n pairs
 * in all; c12 <= c1, c2 <= n. 0: independent. */
double us_dunning_g2(double c12, double c1, double c2, double n);

/* A phrase: n_words words at id[first], said in n_lines different lines. */
typedef struct us_phrase {
    size_t first;
    uint32_t n_words, n_lines;
} us_phrase;
#define US_PHRASE_MAX_WORDS 16

/* n-grams of min_n..max_n words (2 <= min_n <= max_n <= US_PHRASE_MAX_WORDS) said in at least min_lines (>= 1)
 * lines. Line i is ids[line_start[i] .. line_start[i+1]); line_start has n_lines + 1 items. A phrase is folded
 * away when a longer one that holds it is said in at least `fold` (0..1) as many lines. Most lines first, then
 * longest, then first said: no dependence on hashing. *out is free()d by the caller. */
US_MUST_USE us_status us_phrases(const uint32_t *ids, const size_t *line_start, size_t n_lines, uint32_t min_n, uint32_t max_n,
                                 uint32_t min_lines, double fold, us_phrase **out, size_t *n, us_error *err);
#endif
