/* text/name.h - what may be the name of somebody who speaks: a character's, a visitor's. */
#ifndef US_TEXT_NAME_H
#define US_TEXT_NAME_H
#include "understudy/base.h"

enum { US_NAME_BYTES = 200 };

/* The one validator: at most US_NAME_BYTES of UTF-8 without control characters, of which a line break is one, and without
 * embeddings, overrides and isolates of direction. "Agent: Smith" is a name. NULL: it may; else what is wrong with it. */
const char *us_name_fault(const char *name);
/* Whether a code point turns the direction of what follows, beyond the name's end: U+202A to U+202E, U+2066 to U+2069. */
bool us_turns_direction(uint32_t cp);

#endif
