/* audition/distribution.h - how far a set of texts stands from another in lengths and words, and how varied it is. */
#ifndef US_AUDITION_DISTRIBUTION_H
#define US_AUDITION_DISTRIBUTION_H
#include "explore/words.h"

typedef struct us_distribution {
    double length_ks;     /* Kolmogorov-Smirnov distance of the lengths in words, 0..1 */
    double vocabulary_js; /* Jensen-Shannon divergence (Lin 1991) of the word distributions, bits, 0..1 */
    double distinct[3];   /* distinct n-grams over n-grams (Li et al. 2016), n = 1..3, of the first n_words words */
} us_distribution;
/* distinct-n falls with length: compare only at the same n_words. n-grams do not cross texts. */
US_MUST_USE us_status us_distribution_measure(us_words *w, const char *const *a, size_t n_a, const char *const *b, size_t n_b,
                                              size_t n_words, us_distribution *out, us_error *err);
#endif
