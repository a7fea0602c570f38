/* character/style.h - which words speak for a character, as a short list in their card: among several takes, those in the
 * character's style score higher. {"bias": x, "words": {"doughnut": 2.1, "children": -1.7, "!": 0.4, ...}} under
 * extensions.understudy.style.
 *
 * A logistic regression over the words and marks of a text (case folded, apostrophes left out; "!", "?", "..." and "--" are
 * words too), weights over the length of the count vector. */
#ifndef US_CHARACTER_STYLE_H
#define US_CHARACTER_STYLE_H
#include "understudy/base.h"
#include <jansson.h>

typedef struct us_style us_style;
/* `style` is borrowed while it is read; NULL gives NULL. FORMAT names what is wrong with it. */
US_MUST_USE us_status us_style_open(const json_t *style, const char *file, us_style **out, us_error *err);
void us_style_free(us_style *m);
/* log p(the text is the character's), nats; 0 for a NULL style. */
double us_style_score(const us_style *m, const char *text);
/* Learns from lines; own[i] marks those of the character. Both kinds weigh the same. The 500 words with the largest weights are
 * kept, but for those of names[n_names]: names tell whom the character talks to, and visitors have others. *out is an object as
 * above; NULL when either kind has fewer than 50 lines. Deterministic. */
US_MUST_USE us_status us_style_learn(const char *const *lines, const bool *own, size_t n, const char *const *names,
                                     size_t n_names, json_t **out, us_error *err);
#endif
