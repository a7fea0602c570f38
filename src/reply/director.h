/* reply/director.h - what a director reads, in tokens: the one place where it is made, for training and for judging.
 *
 * A plain transcript: each line "Name: text" ("- text" without a name), then "Name:" of who replies, then the reply and the end
 * of its line, at which the head reads the value. */
#ifndef US_REPLY_DIRECTOR_H
#define US_REPLY_DIRECTOR_H
#include "reply/rank.h"
#include "understudy/director.h"
#include "understudy/tokenizer.h"

enum { US_DIRECTOR_CONTEXT = 160, US_DIRECTOR_REPLY = 64 }; /* tokens, at most */

/* Appends the conversation's tokens; the oldest lines are left out when it would be longer than US_DIRECTOR_CONTEXT. */
US_MUST_USE us_status us_director_read(const us_tokenizer *tok, const us_said *lines, size_t n, const char *who, us_tokens *out,
                                       us_error *err);
/* Appends a reply's tokens, the middle of a long one left out. */
US_MUST_USE us_status us_director_read_reply(const us_tokenizer *tok, const char *text, us_tokens *out, us_error *err);
/* How takes are compared where a director judges: its value, as so many nats a unit ("understudy.director.nats" of its file),
 * beside mutual information of this lambda. Both weights were chosen by cross-validation (docs/homer.md): a director that has
 * learned from labelled takes weighs more than one that knows lines of a script alone. */
#define US_DIRECTOR_NATS 6.0
#define US_DIRECTOR_NATS_LABELLED 24.0
#define US_DIRECTOR_NATS_FACTORS 60.0 /* labelled takes, and factors of its own */
#define US_DIRECTOR_LAMBDA 0.75
/* A us_judge_fn, its context a us_director. Nothing is judged where there is no engine, no conversation or no room. */
US_MUST_USE us_status us_director_choose(void *director, const us_conversation_view *conversation, us_candidate *takes,
                                         int32_t n, us_error *err);

#endif
