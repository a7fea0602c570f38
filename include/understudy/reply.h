/* understudy/reply.h - how a reply ended: shared by the chat (chat.h) and the server. */
#ifndef UNDERSTUDY_REPLY_H
#define UNDERSTUDY_REPLY_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define US_MAX_TAKES 32 /* candidate replies, of which the best is spoken */

/* Why a reply ended: the model ended it; it began another speaker's line, or reached a stop text; it reached max_tokens; it
 * repeated itself and was cut; the caller stopped it. */
typedef enum us_reply_end { US_END_SELF = 0, US_END_LABEL, US_END_LENGTH, US_END_LOOP, US_END_CANCEL } us_reply_end;
/* "self", "label", "length", "loop", "cancel" */
US_API const char *us_reply_end_name(us_reply_end end);

#ifdef __cplusplus
}
#endif
#endif
