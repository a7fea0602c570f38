/* chat/prompt.h - what the model sees before a reply: the one place where it is made, for the terminal and the server.
 *
 * A conversation is a list of lines, oldest first. As in training (understudy/dataset.h), consecutive lines of the others
 * become one user turn, each speaker's name in front of the words, consecutive lines of the character one assistant turn;
 * at most `history` lines are seen, in whole turns, beginning with a turn of the others. Only where the conversation itself
 * begins with the character (the greeting) does the prompt begin with them too; where the model's template forbids that, the
 * greeting stands in the system text. */
#ifndef US_CHAT_PROMPT_H
#define US_CHAT_PROMPT_H
#include "character/card.h"
#include "chat/turn.h"
#include "understudy/template.h"

typedef struct us_prompt_spec {
    const us_card *card;
    bool trained;              /* an adapter has learned without the card's examples, so they are left out */
    const char *more;          /* more of a system message, or NULL */
    const char *user;          /* stands for {{user}} in the card; NULL: "you" */
    const us_chat_line *lines; /* the conversation's last ones: us_prompt_reach(), or all of them */
    size_t n_lines;
    size_t n_before;     /* lines of the conversation that come before these */
    const char *opening; /* the text of its first line; NULL when n_before is 0 */
    int32_t history;     /* 0: the card's */
    bool user_first;     /* us_template_user_first(): a greeting goes into the system text */
    /* Not us_template_takes_neighbours(): so does one behind the card's examples; where the greeting itself goes on, they are
     * left out. */
    bool no_neighbours;
    bool no_empty_system;       /* not us_template_takes_empty_system(): an empty system text is none */
    const struct us_play *play; /* us_prompt_make()'s own */
} us_prompt_spec;

/* Messages and the text that they point into. */
typedef struct us_prompt {
    us_message *messages;
    size_t n;          /* those in use */
    size_t n_head;     /* of these, the persona and the examples */
    size_t first_line; /* of the conversation, that stands in it */
    bool open;         /* the last message is the character's own and is to be continued */
    char *text;
} us_prompt;

/* How many of a conversation's last lines decide what a prompt of the card is, not counting the character's own at the very
 * end: those that are seen, those that its book looks through, and one more, which shows where the first turn that is seen
 * begins. */
size_t us_prompt_reach(const us_card *card, int32_t history);
US_MUST_USE us_status us_prompt_make(const us_prompt_spec *spec, us_prompt *out, us_error *err);
/* Messages of the bare model, as they came; system may be NULL. */
US_MUST_USE us_status us_prompt_make_plain(const char *system, const us_chat_line *lines, size_t n, us_prompt *out,
                                           us_error *err);
void us_prompt_fini(us_prompt *p);
/* Leaves out the oldest turn and what answers it; false when only what is answered is left. */
bool us_prompt_shorten(us_prompt *p);
/* The prompt in tokens (appended to *out), turns left out from the oldest until it has at most `room` tokens; LIMIT when what
 * is answered does not fit. *before_it (may be NULL) gets all but what is answered, with the start of a reply: what ranking
 * compares with. A reply that would have come without the last words of the others, as one does that says the same things
 * again, is no answer to them. */
US_MUST_USE us_status us_prompt_tokenize(us_prompt *p, const us_template *tpl, const us_tokenizer *tok, int32_t room,
                                         us_tokens *out, us_tokens *before_it, us_error *err);

#endif
