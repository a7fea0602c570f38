#include "cli_character.h"
#include "cli.h"
#include "understudy/explore.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *cli_character_folder(const char *name) {
    char path[96] = "characters/";
    size_t start = strlen(path), n = start;
    for (const char *p = name; *p && *p != ' ' && n + 1 < sizeof path; p++)
        if (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80) path[n++] = (char)tolower((unsigned char)*p);
    path[n] = 0;
    return cli_must(strdup(n > start ? path : "characters/character"));
}

char *cli_adapter_file(const char *given) {
    struct stat s;
    char *path = cli_must(malloc(strlen(given) + 16));
    sprintf(path, stat(given, &s) == 0 && S_ISDIR(s.st_mode) ? "%s/adapter.gguf" : "%s", given);
    return path;
}

us_status cli_find_character(const us_script *s, const char **name, us_error *err) {
    uint32_t who;
    size_t n;
    us_status st = us_script_find_speaker(s, *name, &who, err);
    if (!st) *name = us_script_get_speakers(s, &n)[who].name;
    return st;
}

us_status cli_series_persona(const us_script *s, const char *persona, char **out, us_error *err) {
    size_t n;
    us_facts *f = NULL;
    us_card *c = NULL;
    us_status st = us_explore(s, &(us_explore_options){.character = us_script_get_speakers(s, &n)[0].name}, &f, err);
    if (!st) st = us_card_new(&(us_card_draft){.name = "{{char}}", .persona = persona, .language = f->language}, &c, err);
    if (!st) st = us_card_system(c, out, err);
    us_card_free(c);
    us_facts_free(f);
    return st;
}

us_status cli_persona(const char *file, const us_script *s, const char *character, char **out, const char **exchanges,
                      us_error *err) {
    us_card *c = NULL;
    bool none = file && !strcmp(file, "none"), asked = exchanges && !*exchanges && s;
    us_status st = US_OK;
    if (!none || asked) st = file && !none ? us_card_open(file, &c, err) : us_card_from_script(s, character, NULL, &c, err);
    if (!st && none) *out = cli_must(strdup(""));
    else if (!st) st = us_card_system(c, out, err);
    if (!st && asked) *exchanges = us_dataset_common_exchanges(us_card_language(c));
    else if (exchanges && *exchanges && !strcmp(*exchanges, "none")) *exchanges = NULL;
    us_card_free(c);
    return st;
}

void cli_tell_exchanges(FILE *to, const char *before, const us_dataset_counts *c, bool ours) {
    if (!c->exchanges[US_TRAIN]) return;
    fprintf(to, "%s%llu and %llu are not the script's but %s (--exchanges none: without)\n", before,
            (unsigned long long)c->exchanges[US_TRAIN], (unsigned long long)c->exchanges[US_VALIDATION],
            ours ? "our exchanges with visitors" : "of --exchanges");
}
