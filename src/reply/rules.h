/* reply/rules.h - where a reply ends: at another speaker's label, at a loop; and what may be shown already.
 *
 * A label is a name of the cast, or one to three capitalised words, then a colon, at a line's start; or a
 * line that is nothing but a name of the cast. The character's own label at the very start is dropped. */
#ifndef US_REPLY_RULES_H
#define US_REPLY_RULES_H
#include "understudy/base.h"

typedef struct us_stops {
    const char *const *names; /* the cast, longest names included; borrowed */
    size_t n_names;
    const char *own; /* the character's name */
    bool any_label;  /* "Capitalised Name:" stops too */
} us_stops;

typedef struct us_stop_view {
    size_t begin; /* the reply begins here (after its own label) */
    size_t end;   /* and ends here: what is shown is [begin, end) */
    bool stopped; /* a label was found */
} us_stop_view;

/* Looks at text[0..n), the reply so far. Unless `final`, what could be the head of a label, half a
 * UTF-8 character or blanks at the end are held back. Showing more text never takes back what was shown. */
us_stop_view us_stops_scan(const us_stops *s, const char *text, size_t n, bool final);

/* The period of a loop at the end of tokens[0..n): its last `period` tokens stand there three times or
 * more and cover at least 12 tokens. 0: no loop. */
size_t us_loop_period(const int32_t *tokens, size_t n);
/* Whether the text says a sentence of three words or more twice in a row, but for case and marks. */
bool us_sentence_repeats(const char *text);
#endif
