/* cli.h - what the subcommands share: exit codes and the reporting of errors.
 *
 * stdout is data, stderr is progress and errors. Nothing below cli/ prints or exits. */
#ifndef US_CLI_H
#define US_CLI_H
#include <stdint.h>
#include "understudy/base.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_GATE = 3, EXIT_INTERRUPTED = 130 };

/* What an allocation of the program itself gave; ends it with a word when that is nothing. */
void *cli_must(void *p);
/* Prints "understudy <command>: <message>" on stderr and returns the exit code of the status. */
int cli_fail(const char *command, us_status status, const us_error *err);
/* The same for a mistake in the command line; names the help. Returns EXIT_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) US_PRINTF(2, 3);
/* True when colours and redrawn lines are welcome on this file descriptor (a terminal that is not
 * dumb, NO_COLOR empty). */
bool cli_fancy(int fd);

/* $XDG_DATA_HOME/understudy, else ~/.local/share/understudy, in out[PATH_MAX]; NULL when neither is set. */
const char *cli_data_dir(char *out);

/* A whole file, or standard input for "-"; at most 1 GiB. *out is NULL when it is empty; free() it. */
us_status cli_read_all(const char *path, char **out, size_t *n, us_error *err);

/* Options of a subcommand, getopt_long style, from one table that also prints the help. */
typedef struct cli_option {
    const char *name;  /* long name without dashes */
    char letter;       /* short name, or 0 */
    const char *value; /* placeholder of its value ("N", "FILE"), or NULL for a switch */
    const char *help;  /* one line */
    enum { CLI_STRING, CLI_INT, CLI_FLOAT, CLI_SWITCH, CLI_LIST } type;
    void *out;       /* const char **, int64_t *, double *, bool *, cli_list * */
    double min, max; /* range of CLI_INT and CLI_FLOAT, both inclusive */
} cli_option;

/* CLI_LIST collects repeated options, in order. */
typedef struct cli_list {
    const char **items;
    size_t n;
} cli_list;

/* Parses argv[1..]; operands are moved to argv[1..*n_operands]. `usage` is the text of the first
 * help lines. Handles --help (prints the table on stdout, *help is set) and the environment twin
 * of every option (UNDERSTUDY_<NAME>, dashes as underscores; the flag beats it). Returns 0 or
 * EXIT_USAGE after having said what is wrong. */
int cli_parse(const char *command, const char *usage, const cli_option *options, size_t n_options, int argc, char **argv,
              int *n_operands, bool *help);

#define COMMAND(name, help) int cmd_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

#include "cli_out.h" /* printf and its kin, made harmless */
/* "1 line", "2 lines"; "85 s", "12 min", "3 h 05 min". Eight results of both may be in use at once. */
enum { CLI_SMALL = 48 };
const char *cli_count(uint64_t n, const char *noun);
const char *cli_time(double seconds);
#endif
