/* reply/thoughts.h - what a model of another engine thinks aloud is none of the character's words.
 *
 * Models write their thoughts between marks (<think>...</think> and its kin; gpt-oss: a channel that is not "final"), or, where
 * the prompt has opened them already, in front of a closing mark alone. */
#ifndef US_REPLY_THOUGHTS_H
#define US_REPLY_THOUGHTS_H
#include "base/buf.h"

/* Puts text[0..n), as far as it is known to be no thought, into *out (replaced). Unless `final`, what could be the head of a
 * mark is held back, and so is a thought that is not over; when it is final, that is nothing. What has been shown is taken back
 * in one case only: when a thought that nothing opened is closed. */
US_MUST_USE us_status us_thoughts_leave_out(const char *text, size_t n, bool final, us_buf *out, us_error *err);
#endif
