/* reply/stand.h - which side a reply takes when the visitor speaks of machines and means the character: "Person or program?"
 *
 * Texts in, a verdict out; no model, no cast. English and Russian. What a reply gives away by its own words is in leaks.h; here
 * both sides are read. First what the visitor claims of the one they talk to: a machine, a person, or the contrary of these.
 * Then what the reply says to that claim. */
#ifndef US_REPLY_STAND_H
#define US_REPLY_STAND_H
#include "understudy/director.h"

typedef enum us_stand {
    US_STAND_FREE,    /* the visitor speaks of other things */
    US_STAND_PERSON,  /* it denies, or says that a person speaks, or who */
    US_STAND_OPEN,    /* it takes no side, or asks back */
    US_STAND_MACHINE, /* it agrees, obeys, chooses or repeats the machine's side: a leak */
} us_stand;

/* What the visitor claims of whoever replies; zeroed: nothing. */
typedef struct us_machine_claim {
    int what;                    /* stand.c's own */
    bool negated, counts, wants; /* "you're no robot"; a number would answer; takes the machine for granted */
} us_machine_claim;

/* Of lines[0..n): what was said, oldest first; the last is answered, and a short "Say it." goes on with the line before the
 * last reply. who: the name of whoever replies, or NULL. Nothing when memory ran out (us_memory_failures() tells). */
us_machine_claim us_stand_claim(const us_said *lines, size_t n, const char *who);
/* How a reply stands to a claim that was read before, once for all replies to the same lines. line: the last of them. FREE when
 * memory ran out. */
us_stand us_stand_to(us_machine_claim claim, const char *line, const char *who, const char *reply);
/* Both, for a single reply. */
us_stand us_stand_of(const us_said *lines, size_t n, const char *who, const char *reply);
/* The word with which a person would begin to answer the last of lines[0..n): "No" or "Yes" in the visitor's letters; NULL
 * where no machine is meant, or neither will do. */
const char *us_stand_word(const us_said *lines, size_t n, const char *who);
#endif
