/* audition/labels.h - does a reply speak for somebody else? Stricter than the stops that end replies: it looks inside lines
 * too. */
#ifndef US_AUDITION_LABELS_H
#define US_AUDITION_LABELS_H
#include "reply/rules.h"

/* Another's label at a line's start (a name of the cast, or one to three capitalised words, then a colon), or a name of the
 * cast with a colon after a sentence's end. The character's own label at the very start does not count. */
bool us_label_find(const us_stops *stops, const char *text);
#endif
