/* model/template.h - a chat template as what stands around each kind of message. */
#ifndef US_MODEL_TEMPLATE_H
#define US_MODEL_TEMPLATE_H
#include "model/jinja.h"
#include "understudy/template.h"

/* Of what an assistant has thought, up to the last "</think>", a template leaves out: nothing; that; line breaks behind it
 * too. */
typedef enum us_cut { US_CUT_NOTHING, US_CUT_THOUGHTS, US_CUT_BREAKS_TOO } us_cut;

/* Turns of one role side by side: the user's; an assistant's before a user's; an assistant's at the end. */
typedef enum us_pair { US_PAIR_USER, US_PAIR_ASSISTANT, US_PAIR_END, US_N_PAIRS } us_pair;

/* Strings with the marks of model/jinja.h. Indices, in this order: role; first of the turns; last of them; there is a system
 * message; a reply is asked for. */
struct us_template {
    char *name;
    char *start[2]; /* [system] */
    char *turn[US_N_ROLES][2][2][2][2];
    char *beside[3][US_N_ROLES][2][2][2][2]; /* where the turn before, behind, or both are of the same role; NULL: as `turn` */
    bool odd_pairs[US_N_PAIRS];              /* such turns have a form that is not understood */
    bool odd_empty[US_N_ROLES][2];           /* so has an empty message of that role; one of blanks */
    char *end[2];                            /* [generation] */
    bool user_first;                         /* it raises an error when an assistant speaks first */
    bool drops[2];                           /* an empty system text is like none; one of blanks is */
    us_cut cut;                              /* of an assistant's text */
    char *generation;                        /* what asks for a reply, wherever it stands */
    char *again;                             /* what asks for one where the last turn is not a user's */
};
/* The vocabulary is told what the template's markers are: special tokens, whatever the file calls them, and which one ends a
 * turn of the assistant's. */
US_MUST_USE us_status us_template_adapt(const us_template *t, us_tokenizer *tok, us_error *err);
#endif
