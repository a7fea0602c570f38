/* character/examples.h - a card's mes_example: conversations that show how the character speaks.
 *
 * Blocks are parted by <START>. In a block a label at a line's start says who speaks ({{user}}:, {{char}}:, <USER>:, <BOT>:,
 * "You:", the character's own names); what follows up to the next label is theirs, over as many lines as it takes. */
#ifndef US_CHARACTER_EXAMPLES_H
#define US_CHARACTER_EXAMPLES_H
#include "understudy/base.h"

/* By turns: user, character, user, ... What the others said in a row is one turn, and so is what the character said. A turn of
 * the character that nothing stands in front of answers "...", since a conversation begins with somebody else. */
typedef struct us_examples {
    char **lines; /* [n], n even; owned */
    size_t n;
    size_t n_unanswered; /* blocks that end with words of others: those words are left out */
    size_t n_past;       /* exchanges past the cap */
} us_examples;

/* names[n_names]: what the character is called. */
US_MUST_USE us_status us_examples_read(const char *text, const char *const *names, size_t n_names, us_examples *out,
                                       us_error *err);
void us_examples_fini(us_examples *e);
#endif
