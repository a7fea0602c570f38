#include "chat/speaker.h"
#include "text/fold.h"
#include <ctype.h>
#include <string.h>

static bool in_word(char c) { return isalnum((unsigned char)c) || (unsigned char)c >= 0x80; }

/* Where name[0..n) stands in the text as a word of its own, whatever its case (of ASCII); SIZE_MAX when it does not. */
static size_t find_name(const char *text, const char *name, size_t n) {
    for (const char *p = text; n && *p; p++)
        if (!strncasecmp(p, name, n) && (p == text || !in_word(p[-1])) && !in_word(p[n])) return (size_t)(p - text);
    return SIZE_MAX;
}

static size_t named_at(const char *text, const char *name) {
    size_t whole = find_name(text, name, strlen(name)), first = find_name(text, name, us_first_name(name));
    return whole < first ? whole : first;
}

size_t us_scene_next(const us_scene_actor *actors, size_t n, int64_t speaker, const char *text) {
    size_t best = SIZE_MAX, where = SIZE_MAX;
    for (size_t i = 0; i < n && text; i++) {
        size_t at = (int64_t)i == speaker ? SIZE_MAX : named_at(text, actors[i].name);
        if (at < where) where = at, best = i;
    }
    if (best != SIZE_MAX) return best;
    for (size_t i = 0; i < n; i++)
        if ((int64_t)i != speaker && (best == SIZE_MAX || actors[i].last_spoke < actors[best].last_spoke)) best = i;
    return best == SIZE_MAX ? 0 : best;
}
