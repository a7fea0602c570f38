/* A card drafted from a script: the cast, the catch-phrases and the language are what the script shows. */
#include "base/mem.h"
#include "text/fold.h"
#include "understudy/character.h"
#include "understudy/explore.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_CAST = 40, MAX_PHRASES = 12 };
static const double beyond_chance = 1.96; /* z of a phrase that is the character's own */

/* The others with most lines, and their first names; `firsts` are freed by the caller. */
static us_status find_cast(const us_script *s, const char *character, const char **cast, size_t *n_cast, char **firsts,
                           us_error *err) {
    size_t n;
    us_status st = US_OK;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    *n_cast = 0;
    for (size_t i = 0; i < n && i < MAX_CAST && !st; i++) {
        if (!strcmp(sp[i].name, character) || sp[i].joint) continue;
        cast[(*n_cast)++] = sp[i].name;
        size_t len = us_first_name(sp[i].name);
        if (!len) continue;
        st = us_strndup(sp[i].name, len, &firsts[i], err);
        if (!st) cast[(*n_cast)++] = firsts[i];
    }
    return st;
}

us_status us_card_from_script(const us_script *s, const char *character, const char *persona, us_card **out, us_error *err) {
    const char *cast[2 * MAX_CAST + 2], *phrases[MAX_PHRASES];
    char *firsts[MAX_CAST] = {0};
    us_facts *f = NULL;
    us_card_draft d = {.name = character, .persona = persona, .cast = cast, .catch_phrases = phrases};
    us_status st = s ? find_cast(s, character, cast, &d.n_cast, firsts, err) : US_OK;
    cast[d.n_cast++] = "User";
    cast[d.n_cast++] = "Assistant";
    if (!st && s) st = us_explore(s, &(us_explore_options){.character = character}, &f, err);
    if (!st && f) d.language = f->language;
    for (size_t i = 0; !st && f && i < f->n_catch_phrases && d.n_catch_phrases < MAX_PHRASES; i++)
        if (f->catch_phrases[i].z > beyond_chance && strchr(f->catch_phrases[i].text, ' '))
            phrases[d.n_catch_phrases++] = f->catch_phrases[i].text;
    if (!st) st = us_card_new(&d, out, err);
    us_facts_free(f);
    for (int i = 0; i < MAX_CAST; i++) free(firsts[i]);
    return st;
}
