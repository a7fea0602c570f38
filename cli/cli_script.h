/* cli_script.h - the options of every command that reads a script. */
#ifndef US_CLI_SCRIPT_H
#define US_CLI_SCRIPT_H
#include "cli.h"
#include "understudy/corpus.h"

extern const char *cli_script_delimiter; /* what --delimiter said; cli_script_rules() puts it into the options */

/* Entries of an option table; `o` is an us_script_options, `off` a cli_list. */
#define CLI_SCRIPT_OPTIONS(o, off)                                                                                           \
    {"speaker-column", 0, "NAME", "column of the speakers (found by name)", CLI_STRING, &(o).speaker_column, 0, 0},          \
        {"text-column", 0, "NAME", "column of the words (found by name)", CLI_STRING, &(o).text_column, 0, 0},               \
        {"episode-column", 0, "NAME", "column of the episodes (found by name)", CLI_STRING, &(o).episode_column, 0, 0},      \
        {"season-column", 0, "NAME", "column of the seasons (found by name)", CLI_STRING, &(o).season_column, 0, 0},         \
        {"scene-column", 0, "NAME", "column of the scenes (found by name)", CLI_STRING, &(o).scene_column, 0, 0},            \
        {"delimiter",           0, "CHAR", "between the cells: ',' ';' '|' or tab (found by the header)", CLI_STRING,        \
         &cli_script_delimiter, 0, 0},                                                                                       \
        {"aliases", 0, "FILE", "JSON {\"name\": [\"alias\", ...]}: names to join", CLI_STRING, &(o).alias_file, 0, 0}, {     \
        "off", 0, "RULE", "switch a repair off (again for more): fields mojibake blanks directions credits shouted aliases", \
            CLI_LIST, &(off), 0, 0                                                                                           \
    }

/* Turns the names of --off into o->rules_off and frees the list, and --delimiter into a character; EXIT_USAGE for
 * what is none. */
int cli_script_rules(const char *command, cli_list *off, us_script_options *o);
#endif
