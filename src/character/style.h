/* character/style.h - which words speak for a character, as a short list in his card: of several takes the one in his manner is
 * preferred. {"bias": x, "words": {"doughnut": 2.1, "children": -1.7, "!": 0.4, ...}} under extensions.understudy.style.
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
/* log p(the text is his), nats; 0 for a NULL manner. */
double us_style_score(const us_style *m, const char *text);
/* Learns from lines (his[i]: it is his); both kinds weigh the same. The 500 words that tell most are kept, those of
 * names[n_names] left out: whom he talks to is not his manner, and a visitor is not his wife. *out is an object as above; NULL
 * when either kind has fewer than 50 lines. Deterministic. */
US_MUST_USE us_status us_style_learn(const char *const *lines, const bool *his, size_t n, const char *const *names,
                                     size_t n_names, json_t **out, us_error *err);
#endif
