/* character/small_talk.h - what we ourselves write to and about any character, in the languages that we write. */
#ifndef US_CHARACTER_SMALL_TALK_H
#define US_CHARACTER_SMALL_TALK_H
#include "text/tongue.h"
#include <stddef.h>

/* A plain persona; its two %.150s are the character's name. */
const char *us_persona_form(us_tongue tongue);
/* Line i: a greeting first, then questions for anybody; NULL past the last. */
const char *us_small_talk(us_tongue tongue, size_t i);
#endif
