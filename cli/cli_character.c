#include "cli_character.h"
#include "understudy/explore.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CAST = 40, MAX_PHRASES = 12 };

char *cli_character_folder(const char *name) {
    char path[96] = "characters/";
    size_t start = strlen(path), n = start;
    for (const char *p = name; *p && *p != ' ' && n + 1 < sizeof path; p++)
        if (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80) path[n++] = (char)tolower((unsigned char)*p);
    path[n] = 0;
    return strdup(n > start ? path : "characters/character");
}

us_status cli_find_character(const us_script *s, const char **name, us_error *err) {
    uint32_t who;
    size_t n;
    us_status st = us_script_find_speaker(s, *name, &who, err);
    if (!st) *name = us_script_get_speakers(s, &n)[who].name;
    return st;
}

/* The others with most lines and their first names; `firsts` are to be freed. */
static size_t find_cast(const us_script *s, const char *character, const char **cast, char **firsts) {
    size_t n = 0, n_cast = 0;
    const us_speaker *sp = s ? us_script_get_speakers(s, &n) : NULL;
    for (size_t i = 0; i < n && i < MAX_CAST; i++) {
        if (!strcmp(sp[i].name, character) || sp[i].joint) continue;
        cast[n_cast++] = sp[i].name;
        size_t len = strcspn(sp[i].name, " ");
        if (sp[i].name[len] && len > 2 && sp[i].name[len - 1] != '.' && (firsts[i] = strndup(sp[i].name, len)))
            cast[n_cast++] = firsts[i];
    }
    cast[n_cast++] = "User";
    cast[n_cast++] = "Assistant";
    return n_cast;
}

us_status cli_card_draft(const us_script *s, const char *character, const char *persona, us_card **out, us_error *err) {
    const char *cast[2 * MAX_CAST + 2], *phrases[MAX_PHRASES];
    char *firsts[MAX_CAST] = {0};
    us_facts *f = NULL;
    us_card_draft d = {.name = character,
                       .persona = persona,
                       .cast = cast,
                       .n_cast = find_cast(s, character, cast, firsts),
                       .catch_phrases = phrases};
    us_status st = s ? us_explore(s, &(us_explore_options){.character = character}, &f, err) : US_OK;
    if (!st && f) {
        d.language = f->language;
        for (size_t i = 0; i < f->n_catch_phrases && d.n_catch_phrases < MAX_PHRASES;
             i++) /* his beyond chance, two words or more */
            if (f->catch_phrases[i].z > 1.96 && strchr(f->catch_phrases[i].text, ' '))
                phrases[d.n_catch_phrases++] = f->catch_phrases[i].text;
    }
    if (!st) st = us_card_new(&d, out, err);
    us_facts_free(f);
    for (int i = 0; i < MAX_CAST; i++) free(firsts[i]);
    return st;
}

us_status cli_persona(const char *file, const us_script *s, const char *character, char **out, us_error *err) {
    us_card *c = NULL;
    us_status st;
    if (file && !strcmp(file, "none")) return (*out = strdup("")) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    st = file ? us_card_open(file, &c, err) : cli_card_draft(s, character, NULL, &c, err);
    if (!st) st = us_card_system(c, out, err);
    us_card_free(c);
    return st;
}
