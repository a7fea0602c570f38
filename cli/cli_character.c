#include "cli_character.h"
#include "cli.h"
#include "understudy/explore.h"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Behind "Dr. " and "The ", which others of a cast have too; the titles are those of src/text/fold.c. */
static const char *without_title(const char *name) {
    static const char *const titles[] = {"the ",  "mr ",   "mrs ",  "ms ",  "dr ",  "miss ", "sir ", "lady ",
                                         "lord ", "frau ", "herr ", "der ", "die ", "das ",  NULL};
    size_t n = strcspn(name, " ");
    bool title = n && name[n] && name[n - 1] == '.';
    for (const char *const *t = titles; *t && !title; t++) title = !strncasecmp(name, *t, strlen(*t));
    return title && name[n + 1] ? name + n + 1 : name;
}

char *cli_character_folder(const char *name) {
    char path[96] = "characters/";
    size_t start = strlen(path), n = start;
    for (const char *p = without_title(name); *p && *p != ' ' && n + 1 < sizeof path; p++)
        if (isalnum((unsigned char)*p) || (unsigned char)*p >= 0x80) path[n++] = (char)tolower((unsigned char)*p);
    path[n] = 0;
    return cli_must(strdup(n > start ? path : "characters/character"));
}

us_status cli_find_card(const char *name, char **out, us_error *err) {
    char path[PATH_MAX], self[PATH_MAX], data[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/card.json", name) < (int)sizeof path && access(path, R_OK) == 0)
        return *out = cli_must(strdup(path)), US_OK;
    if (strchr(name, '/') || strstr(name, ".json")) return *out = cli_must(strdup(name)), US_OK;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) self[n] = 0;
    char *slash = n > 0 ? strrchr(self, '/') : NULL;
    if (slash) *slash = 0;
    const char *const roots[][2] = {
        {".", "/"}, {slash ? self : ".", "/../../"}, {slash ? self : ".", "/../share/understudy/"}, {cli_data_dir(data), "/"}};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (roots[i][0] &&
            snprintf(path, sizeof path, "%s%scharacters/%s/card.json", roots[i][0], roots[i][1], name) < (int)sizeof path &&
            access(path, R_OK) == 0)
            return *out = cli_must(strdup(path)), US_OK;
    return us_fail(err, US_ERR_NOT_FOUND,
                   "no character '%s': looked in ./characters, beside the program and in the data folder; give a folder or a "
                   "card.json",
                   name);
}

char *cli_card_folder(const char *card_file) {
    const char *slash = strrchr(card_file, '/');
    return cli_must(slash ? strndup(card_file, (size_t)(slash - card_file)) : strdup("."));
}

us_status cli_find_folder(const char *name, char **out, us_error *err) {
    char *card;
    us_status st = cli_find_card(name, &card, err);
    if (st) return st;
    const char *slash = strrchr(card, '/');
    bool found = !strcmp(slash ? slash + 1 : card, "card.json");
    if (found) *out = cli_card_folder(card);
    free(card);
    if (found) return US_OK;
    return us_fail(err, US_ERR_NOT_FOUND, "%s: a character's folder is expected, and no card.json is there", name);
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
    fprintf(to, "%s%llu to learn from and %llu for validation are %s, not the script's (--exchanges none: without)\n", before,
            (unsigned long long)c->exchanges[US_TRAIN], (unsigned long long)c->exchanges[US_VALIDATION],
            ours ? "our exchanges with visitors" : "of --exchanges");
}
