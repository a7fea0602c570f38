/* reply/director.h - what a director reads, in tokens: the one place where it is made, for training and for judging.
 *
 * A plain transcript: each line "Name: text" ("- text" without a name), then "Name:" of who replies, then the reply and the end
 * of its line, at which the head reads the value. */
#ifndef US_REPLY_DIRECTOR_H
#define US_REPLY_DIRECTOR_H
#include "understudy/director.h"
#include "understudy/tokenizer.h"

enum { US_DIRECTOR_CONTEXT = 160, US_DIRECTOR_REPLY = 64 }; /* tokens, at most */

/* Appends the conversation's tokens; the oldest lines are left out when it would be longer than US_DIRECTOR_CONTEXT. */
US_MUST_USE us_status us_director_read(const us_tokenizer *tok, const us_said *lines, size_t n, const char *who, us_tokens *out,
                                       us_error *err);
/* Appends a reply's tokens, the middle of a long one left out. */
US_MUST_USE us_status us_director_read_reply(const us_tokenizer *tok, const char *text, us_tokens *out, us_error *err);
#endif
