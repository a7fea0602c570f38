/* chat/manner.h - which words speak for a character, as a short list in his card: of several takes the one in his manner is
 * preferred. {"bias": x, "words": {"doughnut": 2.1, "children": -1.7, "!": 0.4, ...}} under extensions.understudy.style.
 *
 * A logistic regression over the words and marks of a text (case folded, apostrophes left out; "!", "?", "..." and "--" are
 * words too), weights over the length of the count vector. */
#ifndef US_CHAT_MANNER_H
#define US_CHAT_MANNER_H
#include "understudy/base.h"
#include <jansson.h>

typedef struct us_manner us_manner;
/* `style` is borrowed while it is read; NULL gives NULL. FORMAT names what is wrong with it. */
US_MUST_USE us_status us_manner_open(const json_t *style, const char *file, us_manner **out, us_error *err);
void us_manner_free(us_manner *m);
/* log p(the text is his), nats; 0 for a NULL manner. */
double us_manner_score(const us_manner *m, const char *text);
/* Learns from lines (his[i]: it is his); both kinds weigh the same. The 500 words that tell most are kept, those of
 * names[n_names] left out: whom he talks to is not his manner, and a visitor is not his wife. *out is an object as above; NULL
 * when either kind has fewer than 50 lines. Deterministic. */
US_MUST_USE us_status us_manner_learn(const char *const *lines, const bool *his, size_t n, const char *const *names,
                                      size_t n_names, json_t **out, us_error *err);
#endif
