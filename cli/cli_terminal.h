/* cli_terminal.h - text on a terminal: words wrapped at its width, and where a line editor's history is kept. */
#ifndef US_CLI_TERMINAL_H
#define US_CLI_TERMINAL_H
#include "cli.h"

/* Writes streamed text to stdout, breaking lines between words at the width the terminal has at that moment. A word is
 * held back until it is whole. Start from {.column = what stands on the line already}. */
typedef struct cli_wrap {
    int column;
    size_t n_word;
    char word[512];
} cli_wrap;
void cli_wrap_put(cli_wrap *w, const char *text, size_t n);
void cli_wrap_end(cli_wrap *w);                 /* what is held back; no line break */
int cli_text_width(const char *text, size_t n); /* columns of UTF-8 text */
int cli_columns(void);                          /* of the terminal on stdout; 0: it is none */

/* $XDG_STATE_HOME/understudy/NAME (~/.local/state/understudy/NAME), its folders made. free() it; NULL: no place. */
char *cli_state_file(const char *name);
#endif
