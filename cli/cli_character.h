/* cli_character.h - who a command means: the character's folder, its card, its persona. */
#ifndef US_CLI_CHARACTER_H
#define US_CLI_CHARACTER_H
#include "understudy/chat.h"
#include "understudy/corpus.h"
#include "understudy/dataset.h"
#include <stdio.h>

/* "characters/homer" for "Homer Simpson". free() it. */
char *cli_character_folder(const char *name);
/* The card of a character: of a name (in ./characters, beside the program, in the data folder), a folder, or a file as it is.
 * NOT_FOUND says where was looked. free() it. */
US_MUST_USE us_status cli_find_card(const char *name, char **out, us_error *err);
/* The folder in which a card lies, whatever its file is called. free() it. */
char *cli_card_folder(const char *card_file);
/* The folder of a character whom cli_find_card() finds. free() it. */
US_MUST_USE us_status cli_find_folder(const char *name, char **out, us_error *err);
/* "characters/homer" -> its adapter.gguf; a file as it is. free() it. */
char *cli_adapter_file(const char *given);
/* Replaces *name by the speaker's own spelling in the script. */
US_MUST_USE us_status cli_find_character(const us_script *script, const char **name, us_error *err);
/* The persona of a series, {{char}} for whoever plays; persona NULL: in the words and the language of a draft. free() it. */
US_MUST_USE us_status cli_series_persona(const us_script *script, const char *persona, char **out, us_error *err);
/* The shares of us_dataset_options where nobody asks for others: every command shows and writes the rows that 'train' learns. */
#define CLI_UNNAMED 0.5
#define CLI_VISITORS 0.25
/* The system message of rows: of the card in `file`; NULL: of the draft from the script; "none": "". free() it. *exchanges (NULL: not
 * asked), where it is NULL: ours, for a script in their language; "none" becomes NULL. */
US_MUST_USE us_status cli_persona(const char *file, const us_script *script, const char *character, char **out,
                                  const char **exchanges, us_error *err);
/* What is said of a set's exchanges, behind `before`; nothing where it has none. */
void cli_tell_exchanges(FILE *to, const char *before, const us_dataset_counts *counts, bool ours);
#endif
