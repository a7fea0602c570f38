/* reply/rank.h - which of several takes is spoken: the one place where takes are compared.
 *
 * Whoever made the takes hands over all of them at once, with the conversation that they answer, and gets the best. Rules that
 * need no model strike bad takes out; judges (a card's style, a director) add what they think of the rest. */
#ifndef US_REPLY_RANK_H
#define US_REPLY_RANK_H
#include "reply/leaks.h"
#include "understudy/director.h"
#include "understudy/template.h"

/* A finished take as it is judged. */
typedef struct us_candidate {
    const char *text;     /* as it would be spoken, NUL-terminated UTF-8 */
    double logprob;       /* log p(take | conversation), nats, of n_tokens */
    double unconditional; /* log p(take | conversation without what is answered), nats; 0 when it was not measured */
    int32_t n_tokens;     /* drawn, the end included */
    bool ended;           /* the model ended it */
    bool stopped;         /* a rule ended it: another's label, a stop text */
    bool looped;          /* cut because it repeated itself */
    bool repeats, leaked; /* out: says a sentence twice in a row; a machine speaks in it */
    bool forgets;         /* out: the visitor asks for what they have told, and it is not in it */
    double judged, score; /* out: what the judges gave, on top of what it held, nats; the value by which takes are compared */
} us_candidate;

/* What the takes answer. Borrowed. */
typedef struct us_conversation_view {
    const us_said *lines; /* [n_lines] that the prompt holds, oldest first; none: a bare prompt */
    size_t n_lines;
    const char *recalled;       /* what the visitor has told of themselves and now asks for; NULL or "": nothing */
    const char *told;           /* the visitor's sentences that tell of them, and what is answered; NULL or "": nothing */
    const char *who;            /* whose turn the takes are; NULL: the bare model's */
    const us_message *messages; /* [n_messages] the prompt in words, persona first; NULL: a text goes on */
    size_t n_messages;
    const int32_t *prompt; /* [n_prompt] the same in tokens; NULL: another server's */
    size_t n_prompt;
    us_engine *engine; /* the judge's while it judges, with a sequence or more for each take; NULL: another server's */
} us_conversation_view;

/* Adds to `judged` of each of takes[n] what speaks for it, in nats: a take that is e times as likely to be the right one gets
 * 1 more. Sees all takes and the conversation. Called by the thread that decodes: it must be quick, or be few. */
typedef us_status us_judge_fn(void *ctx, const us_conversation_view *conversation, us_candidate *takes, int32_t n,
                              us_error *err);
typedef struct us_judge {
    us_judge_fn *fn; /* NULL: nobody */
    void *ctx;
} us_judge;
enum { US_MAX_JUDGES = 4 };

typedef struct us_take_weights {
    double lambda;       /* of the score without what is answered, 0..2 */
    double length_power; /* 0: likelihoods of whole replies are compared; 1: a token's, which favours short ones */
} us_take_weights;

/* How takes are compared. Borrowed pointers. */
typedef struct us_ranking {
    us_take_weights weights;
    const us_leaks *leaks; /* with stand.h, marks takes in which a machine speaks; NULL: not looked for */
    us_judge judges[US_MAX_JUDGES];
} us_ranking;

/* The value of a take, by which it is compared. Maximum mutual information (Li et al. 2016, MMI-antiLM):
 * (logprob - lambda * unconditional) / n_tokens^length_power + judged.
 * Loops and empty takes, then those in which a machine speaks, that did not end, that say a sentence twice, that ran into
 * another speaker's label lose so much that one of them is spoken only if all are such. */
double us_take_value(const us_candidate *t, const us_take_weights *w);
/* Fills what is `out` of takes[n], n > 0; *best is the first of those with the greatest score. */
US_MUST_USE us_status us_rank(const us_ranking *r, const us_conversation_view *conversation, us_candidate *takes, int32_t n,
                              int32_t *best, us_error *err);
/* After us_rank(): whether several takes of which this is the best are made again. All are loops or leaks, or, in the first
 * attempt (0), none knows what the visitor asks for. */
bool us_rank_again(const us_candidate *best, int32_t attempt);
#endif
