/* chat/speaker.h - whose turn it is when several characters are on stage. */
#ifndef US_CHAT_SPEAKER_H
#define US_CHAT_SPEAKER_H
#include "understudy/base.h"

typedef struct us_scene_actor {
    const char *name;   /* "Marge Simpson" */
    int64_t last_spoke; /* the index of their last line; -1: none yet */
} us_scene_actor;

/* The one of actors[n] (n > 0) who speaks next. `speaker` said the last line (-1: none of them), `text` is that line (NULL:
 * none). Who is named in it, by whole or first name, answers; of several the first named. Else it is the one who has been
 * silent longest; those who have not spoken yet come first, in their order. Nobody answers their own line unless they are
 * alone. */
size_t us_scene_next(const us_scene_actor *actors, size_t n, int64_t speaker, const char *text);

#endif
