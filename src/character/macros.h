/* character/macros.h - {{char}}, {{user}} and their kin, as SillyTavern and the card specifications have them.
 *
 * Names:      {{char}} {{user}} {{persona}} {{original}}, <USER> <BOT> <CHAR>, {{description}} {{personality}} {{scenario}}
 * Chance:     {{random::a::b}} {{random:a,b}} {{pick::a::b}} {{roll:2d6}} {{roll:20}}
 * Time:       {{time}} {{date}} {{weekday}} {{isotime}} {{isodate}}
 * Text:       {{newline}} {{noop}} {{trim}} {{reverse:x}}, and nothing for {{// remarks}}, {{comment: x}}, {{hidden_key:x}}
 * Case and blanks inside the braces do not matter. What is not known stays as it is, and is counted. */
#ifndef US_CHARACTER_MACROS_H
#define US_CHARACTER_MACROS_H
#include "base/buf.h"
#include <time.h>

/* NULL strings are empty, but for user: "you". */
typedef struct us_macros {
    const char *name, *user, *persona, *original, *description, *personality, *scenario;
    uint64_t seed, pick_seed; /* of random and roll; of pick: the same text gets the same draws */
    time_t now;               /* 0: the clock's */
    size_t n_unknown;         /* counted up */
    char unknown[64];         /* the first of them, cut off */
} us_macros;

/* Appends text with its macros filled in. */
US_MUST_USE us_status us_macros_fill(us_macros *m, const char *text, us_buf *out, us_error *err);
#endif
