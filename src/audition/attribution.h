/* audition/attribution.h - whose line is it? A classifier of short lines by speaker.
 *
 * Multinomial logistic regression over hashed features (Weinberger et al. 2009): words and pairs of words, and runs of 2 to 5
 * characters within a word, weighted 1 + log(count), scaled to length one. Trained by AdaGrad (Duchi et al. 2011); classes
 * weigh the same, however many lines they have. Deterministic for a seed. */
#ifndef US_AUDITION_ATTRIBUTION_H
#define US_AUDITION_ATTRIBUTION_H
#include "understudy/base.h"

#define US_ATTRIBUTION_MAX_CLASSES 16
typedef struct us_attribution us_attribution;

/* texts[i] was said by class labels[i] of n_classes (2..US_ATTRIBUTION_MAX_CLASSES), each of which has a text. */
US_MUST_USE us_status us_attribution_train(const char *const *texts, const uint32_t *labels, size_t n, uint32_t n_classes,
                                           uint64_t seed, us_attribution **out, us_error *err);
void us_attribution_free(us_attribution *s);
/* log p(class | text) of every class, nats; a text without a letter gets the same for all. */
US_MUST_USE us_status us_attribution_score(const us_attribution *s, const char *text, double *log_p, us_error *err);
#endif
