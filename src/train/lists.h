/* train/lists.h - what a director learns from: conversations, each with a list of replies of which some are right.
 *
 * From a script: the true line among other lines of its speaker, the speaker's answers to other turns of the scene, an echo of
 * what was just said, the next line of the other (roles swapped) and a line of somebody else. From examples: takes that people
 * have labelled, filled up with replies to other examples of the character. Which ones is drawn from a seed, so that a list is
 * known by its number alone. Knows text; knows nothing of tokens. */
#ifndef US_TRAIN_LISTS_H
#define US_TRAIN_LISTS_H
#include "dataset/dataset.h"
#include "understudy/direct.h"

#define US_LIST_STEEP 3.8 /* nats between the best label and none */
enum { US_LIST_MOST = 12, US_LIST_TAKES = 8, US_LIST_R10 = 10 };

typedef struct us_list {
    us_said lines[US_DIRECTOR_LINES];
    size_t n_lines;
    const char *who;
    const char *takes[US_LIST_MOST];
    double right[US_LIST_MOST]; /* what the softmax should give each: sums to 1 */
    size_t n_takes;
} us_list;

typedef struct us_lists us_lists;
/* Borrows the script. FORMAT when nobody answers anybody in it, or for examples that are not as understudy/director.h says. */
US_MUST_USE us_status us_lists_new(const us_script *script, const us_director_options *o, us_lists **out, us_error *err);
void us_lists_free(us_lists *l);
size_t us_lists_count(const us_lists *l, us_part part); /* lines of the script that are answers */
size_t us_lists_examples(const us_lists *l);            /* to learn from */
size_t us_lists_held(const us_lists *l);                /* held out */
/* Answer i (modulo their number) of a part with what else might be said, as `draw` has it; false when there is nothing to
 * choose from. The strings live as long as the lists, but for echoes: until the next call. */
bool us_lists_get(us_lists *l, us_part part, size_t i, uint64_t draw, us_list *out);
/* Example i; false when nothing in it is right. */
bool us_lists_example(us_lists *l, size_t i, uint64_t draw, us_list *out);
/* Held-out example i with its own takes; `right` is each label from 0 to 1. */
void us_lists_judged(const us_lists *l, size_t i, us_list *out);
/* Held-out answer i among nine other lines of its speaker; the true one is the first. False where they are too few. */
bool us_lists_r10(us_lists *l, us_part part, size_t i, us_list *out);
#endif
