/* cli_out.h - the one way to a terminal or a pipe. cli.h includes it last, so that printf and its kin mean these functions in
 * every file of cli/.
 *
 * The format of a call is ours and may steer the terminal; its arguments come from files, models and the network: what in them
 * is a control character, turns the writing direction or is no UTF-8 is shown as '?' (us_harmless). Files are written as
 * given. */
#ifndef US_CLI_OUT_H
#define US_CLI_OUT_H
#include "understudy/base.h"
#include <stdarg.h>
#include <stdio.h>

/* Escape sequences that arguments may be: known by their address, so that no text can pass for one. */
typedef enum cli_style {
    CLI_NONE = 0,
    CLI_PLAIN,
    CLI_BOLD,
    CLI_DIM,
    CLI_NAME,
    CLI_GREEN,
    CLI_CYAN,
    CLI_HOME,
    CLI_CLEAR,
    CLI_N_STYLES
} cli_style;
/* HOME is the start of the line, CLEAR empties what is behind. "" unless fancy. */
const char *cli_escape(bool fancy, cli_style s);

int cli_printf(const char *fmt, ...) US_PRINTF(1, 2);
int cli_fprintf(FILE *f, const char *fmt, ...) US_PRINTF(2, 3);
int cli_vfprintf(FILE *f, const char *fmt, va_list ap) US_PRINTF(2, 0);
int cli_puts(const char *s);
int cli_fputs(const char *s, FILE *f);
size_t cli_fwrite(const void *p, size_t size, size_t n, FILE *f);
/* JSON: what would be shown as '?' is escaped, so that it says the same. */
int cli_put_json(const char *json, FILE *f);

#ifndef US_CLI_OUT_SELF
#define printf cli_printf
#define fprintf cli_fprintf
#define vfprintf cli_vfprintf
#define puts cli_puts
#define fputs cli_fputs
#define fwrite cli_fwrite
#endif
#endif
