/* dataset/dataset.h - a set in the making: turns and examples appended, text by offsets until it is sealed. */
#ifndef US_DATASET_DATASET_H
#define US_DATASET_DATASET_H
#include "base/buf.h"
#include "understudy/dataset.h"

struct us_dataset {
    us_buf text;
    us_turn *turns; /* until sealed, text is an offset */
    us_example *examples;
    size_t n_turns, cap_turns, n_examples, cap_examples;
    char *system, *character;
    char **personas; /* [n_personas] of a series: by speaker, NULL for those who play no scene */
    size_t n_personas;
    int32_t history;
    bool series;
    us_dataset_counts counts;
};

US_MUST_USE us_status us_dataset_new(const us_dataset_options *o, us_dataset **out, us_error *err);
/* The part of a scene whose words hash to this. */
us_part us_dataset_part(const us_dataset_options *o, uint64_t hash);
/* Opens a turn with text[0..n); more may follow with us_dataset_add_text. */
US_MUST_USE us_status us_dataset_add_turn(us_dataset *d, us_turn turn, const char *text, size_t n, us_error *err);
/* Closes the example of the turns from `first` on, whose persona is `system`: what stands before the first turn of the others
 * and after the last target is dropped; nothing is left of an example without a target. */
US_MUST_USE us_status us_dataset_close_example(us_dataset *d, size_t first, us_part part, const char *system, us_error *err);
/* Appends text with `name` in the place of each {{char}}, and a NUL behind it. */
US_MUST_USE us_status us_dataset_put_name(us_buf *out, const char *text, const char *name, us_error *err);
US_MUST_USE us_status us_dataset_seal(us_dataset *d, us_error *err);

/* exchanges.c: appends the conversations of a file, a share of them to the validation part, the others to the training part,
 * behind the filters; before sealing. */
US_MUST_USE us_status us_dataset_add_exchanges(us_dataset *d, const char *path, double validation, us_error *err);
/* filter.c: takes the target mark from turns that a filter strikes; before sealing. */
US_MUST_USE us_status us_dataset_filter(us_dataset *d, const us_dataset_options *o, us_error *err);
#endif
