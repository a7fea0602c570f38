/* cli_script.h - what every command that reads a script shares: its options, and words on stderr about what was read. */
#ifndef US_CLI_SCRIPT_H
#define US_CLI_SCRIPT_H
#include "cli.h"
#include "understudy/corpus.h"

typedef struct cli_script { /* zeroed, then filled by the options */
    us_script_options o;
    cli_list off, exclude;
    const char *delimiter;
    bool accept_damage, quiet; /* quiet: says nothing but errors */
} cli_script;

/* Entries of an option table; `s` is a cli_script. */
#define CLI_SCRIPT_OPTIONS(s)                                                                                                    \
    {"format",   0,                                                                                                              \
     "NAME",     "shape of the script (found by content): csv, json, ... ('understudy doctor --help' lists them)",               \
     CLI_STRING, &(s).o.format,                                                                                                  \
     0,          0},                                                                                                             \
        {"encoding",      0, "NAME", "encoding of the script (found by content): utf-8, windows-1251, ...", CLI_STRING,          \
         &(s).o.encoding, 0, 0},                                                                                                 \
        {"speaker-column",      0, "NAME", "column of the speakers, or its number (found by name, then by content)", CLI_STRING, \
         &(s).o.speaker_column, 0, 0},                                                                                           \
        {"text-column", 0, "NAME", "column of the words (the same)", CLI_STRING, &(s).o.text_column, 0, 0},                      \
        {"episode-column", 0, "NAME", "column of the episodes (found by name)", CLI_STRING, &(s).o.episode_column, 0, 0},        \
        {"season-column", 0, "NAME", "column of the seasons (found by name)", CLI_STRING, &(s).o.season_column, 0, 0},           \
        {"scene-column", 0, "NAME", "column of the scenes (found by name)", CLI_STRING, &(s).o.scene_column, 0, 0},              \
        {"delimiter",    0, "CHAR", "between the cells: any character, or tab (found by content)", CLI_STRING,                   \
         &(s).delimiter, 0, 0},                                                                                                  \
        {"aliases", 0, "FILE", "JSON {\"name\": [\"alias\", ...]}: names to join", CLI_STRING, &(s).o.alias_file, 0, 0},         \
        {"exclude", 0, "NAME", "no speaker: a narrator, a sign (again for more)", CLI_LIST, &(s).exclude, 0, 0},                 \
        {"accept-damage",    0, NULL, "go on although much of the script was rejected or repaired", CLI_SWITCH,                  \
         &(s).accept_damage, 0, 0},                                                                                              \
    {                                                                                                                            \
        "off", 0, "RULE",                                                                                                        \
            "switch a repair off (again for more): fields mojibake blanks directions credits shouted aliases quotes cues",       \
            CLI_LIST, &(s).off, 0, 0                                                                                             \
    }

/* Turns --off, --exclude and --delimiter into options; EXIT_USAGE for what is none. The lists are freed by cli_script_load. */
int cli_script_check(const char *command, cli_script *s);
/* Reads, says on stderr what was read, in which encoding and what was left out, and refuses a damaged script unless told. */
us_status cli_script_load(cli_script *s, const char *const *paths, size_t n, us_script **out, us_error *err);
/* The two halves of that, for who prints first. */
us_status cli_script_read(cli_script *s, const char *const *paths, size_t n, us_script **out, us_error *err);
void cli_script_tell(const us_script *script);
/* Prints what a page shows of a script, as JSON: counts, first lines, people, examples of each repair, likely aliases. All of
 * it bounded, however large the script is. */
us_status cli_script_summary(const us_script *s, us_error *err);
#endif
