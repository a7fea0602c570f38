/* The program: a table of subcommands. */
#include "cli.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int, char **);
    const char *help;
} commands[] = {
#define COMMAND(name, help) {#name, cmd_##name, help},
#include "commands.def"
#undef COMMAND
    {NULL, NULL, NULL}};

static void help(FILE *out) {
    fprintf(out,
            "understudy %s - turns the dialogue of a TV series into a character to talk to\n\n"
            "usage: understudy COMMAND [OPTIONS]\n\ncommands:\n",
            us_version());
    for (size_t i = 0; commands[i].name; i++) fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
    fprintf(out, "\n'understudy COMMAND --help' tells about one.\n");
}

/* The same for packages and shells: a manual page; a command, a tab, its help a line. */
static void help_man(void) {
    printf(".TH UNDERSTUDY 1 \"\" \"understudy %s\" \"User Commands\"\n.SH NAME\nunderstudy \\- turns the dialogue of a TV "
           "series into a "
           "character to talk to\n.SH SYNOPSIS\nunderstudy COMMAND [OPTIONS]\n.SH COMMANDS\n",
           us_version());
    for (size_t i = 0; commands[i].name; i++) printf(".TP\n.BR understudy\\-%s (1)\n%s\n", commands[i].name, commands[i].help);
    printf(".SH EXIT STATUS\n0: done. 1: failed. 2: a mistake in the command line. 3: a gate of the audition failed. 130: "
           "interrupted.\n");
}

static void help_list(void) {
    for (size_t i = 0; commands[i].name; i++) printf("%s\t%s\n", commands[i].name, commands[i].help);
}

/* Of the three that every program has, those that the caller closed: else the next file that is opened would have the number, and
 * what is said would go into it. Opened the wrong way round, so that whoever uses one is told that it is not there. */
static void open_standard_files(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd) return;
}

int main(int argc, char **argv) {
    open_standard_files();
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v") || !strcmp(argv[1], "version")) {
        printf("understudy %s\n", us_version());
        return EXIT_OK;
    }
    static char option[] = "--help";
    char *asked[] = {argv[0], argv[argc > 2 ? 2 : 1], option, NULL}; /* "help train" is "train --help" */
    if (!strcmp(argv[1], "help")) argc = 3, argv = asked;
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        help(stdout);
        return EXIT_OK;
    }
    if (!strcmp(argv[1], "--help=man") || !strcmp(argv[1], "--help=list")) {
        if (argv[1][7] == 'm') help_man();
        else help_list();
        return EXIT_OK;
    }
    for (size_t i = 0; commands[i].name; i++)
        if (!strcmp(argv[1], commands[i].name)) {
            int rc = commands[i].run(argc - 1, argv + 1);
            if (fflush(stdout) || ferror(stdout)) {
                fprintf(stderr, "understudy: cannot write to standard output\n");
                return rc ? rc : EXIT_FAILED;
            }
            return rc;
        }
    fprintf(stderr, "understudy: no command '%s'; see 'understudy help'\n", argv[1]);
    return EXIT_USAGE;
}
