/* reply/sides.h - rules that see both sides: a reply judged with what it answers. Texts in, a verdict out; no model.
 *
 * English and Russian. What the words alone show (a machine's phrases) is in leaks.h, whether somebody owns to be a machine in
 * stand.h; here are the visitor's own words handed back, and lines that somebody has just said. */
#ifndef US_REPLY_SIDES_H
#define US_REPLY_SIDES_H
#include "reply/rank.h"

typedef struct us_sides {
    bool echoes; /* nothing, or next to nothing, but the words that it answers */
    /* A sentence of three words or more that stands in one of the lines before, or fewer that were one of the last five as a
     * whole, whoever said them. */
    bool repeats;
    int32_t copied; /* longest run of words that it shares with what it answers */
} us_sides;

/* lines[0..n): what was said, oldest first; the last is answered (n may be 0). */
us_sides us_sides_look(const char *const *lines, size_t n, const char *reply);
/* Whether a text is written in Latin letters throughout, and in some. */
bool us_sides_latin(const char *text);
/* Words of other letters that nobody has said in lines[0..n). */
int32_t us_sides_foreign(const char *const *lines, size_t n, const char *reply);
/* Words of five bytes or more of the reply, an s at their end aside, that stand in two or more of the last six lines of
 * `who`, and not in the line that is answered: what somebody dwells on. */
int32_t us_sides_worn(const us_said *lines, size_t n, const char *who, const char *reply);
/* Whether it is a call: fewer than three different words. Where two of the last three lines are calls, a scene dies of one
 * more. */
bool us_sides_is_call(const char *text);
/* A us_judge_fn: takes that take no side where the visitor means a machine (stand.h) lose 60, echoes and repetitions 150, a
 * long copied run, worn words and one call too many a little. ctx: what the character is known to have said, NULL for nothing.
 * Where that is all in Latin letters, the adapter has learned no others: a take with words of its own in those is no language,
 * and loses as an echo does. */
US_MUST_USE us_status us_sides_judge(void *ctx, const us_conversation_view *conversation, us_candidate *takes, int32_t n,
                                     us_error *err);
#endif
