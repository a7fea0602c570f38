/* text/name.h - what may be the name of somebody who speaks: a character's, a visitor's. */
#ifndef US_TEXT_NAME_H
#define US_TEXT_NAME_H
#include "understudy/base.h"

enum { US_NAME_BYTES = 200 };

/* The one validator: at most US_NAME_BYTES of UTF-8 without control characters, of which a line break is one. "Agent: Smith" is
 * a name. NULL: it may; else what is wrong with it. */
const char *us_name_fault(const char *name);

#endif
