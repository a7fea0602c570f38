/* understudy/reply.h - what is told of a finished reply, by the chat (chat.h) and by the server. */
#ifndef UNDERSTUDY_REPLY_H
#define UNDERSTUDY_REPLY_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define US_MAX_TAKES 32 /* candidate replies, of which the best is spoken */

/* Why a reply ended: the model ended it; it began to speak for another, or came to a stop text; it had as many tokens as it
 * may; it repeated itself, and was cut; somebody stopped it. */
typedef enum us_reply_end { US_END_SELF = 0, US_END_LABEL, US_END_LENGTH, US_END_LOOP, US_END_CANCEL } us_reply_end;
/* "self", "label", "length", "loop", "cancel" */
US_API const char *us_reply_end_name(us_reply_end end);

#ifdef __cplusplus
}
#endif
#endif
