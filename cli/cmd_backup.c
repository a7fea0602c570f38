/* understudy backup, understudy restore: everything that users made, as one file. */
#include "cli.h"
#include "understudy/backup.h"
#include <limits.h>
#include <stdio.h>

/* The shape that both have. */
static int run(int argc, char **argv, const char *usage, const char *forced, bool writes) {
    const char *data_dir = NULL;
    char data[PATH_MAX];
    bool force = false, quiet = false, help;
    int n;
    const cli_option options[] = {
        {"data-dir", 0, "DIR", "where they are kept ($XDG_DATA_HOME/understudy)", CLI_STRING, &data_dir, 0, 0},
        {"force", 'f', NULL, forced, CLI_SWITCH, &force, 0, 0},
        {"quiet", 'q', NULL, "say nothing", CLI_SWITCH, &quiet, 0, 0},
    };
    int rc = cli_parse(argv[0], usage, options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if (n != 1) return cli_usage(argv[0], n ? "one file is expected" : "which file?");
    if (!data_dir && !(data_dir = cli_data_dir(data)))
        return cli_usage(argv[0], "--data-dir is needed: neither XDG_DATA_HOME nor HOME is set");
    us_backup_counts c;
    us_error err;
    us_status st =
        writes ? us_backup_write(data_dir, argv[1], force, &c, &err) : us_backup_restore(argv[1], data_dir, force, &c, &err);
    if (st) return cli_fail(argv[0], st, &err);
    if (quiet) return EXIT_OK;
    fprintf(stderr, "%s: %llu files, %.1f MiB %s\n", writes ? argv[1] : data_dir, (unsigned long long)c.files,
            (double)c.bytes / 1048576, writes ? "kept" : "restored");
    if (c.completed) fprintf(stderr, "  a restore that was killed before was completed first\n");
    if (c.skipped)
        fprintf(stderr,
                "  left out: %llu links or other special files (the log of a training in a terminal is a link: it lies beside "
                "its adapter)\n",
                (unsigned long long)c.skipped);
    if (c.disarmed)
        fprintf(stderr, "  %llu unfinished jobs cannot go on here: begin them again from their scripts\n",
                (unsigned long long)c.disarmed);
    if (c.replaced[0]) fprintf(stderr, "  what was there before lies in %s\n", c.replaced);
    return EXIT_OK;
}

int cmd_backup(int argc, char **argv) {
    return run(
        argc, argv,
        "usage: understudy backup FILE.tar.gz [OPTIONS]\n\n"
        "Keeps chats, characters, scripts and jobs of the data folder in one file ('-': standard output), while a server\n"
        "runs or not. Models are not in it, nor what 'understudy train' wrote elsewhere: copy ./characters yourself.",
        "replace a file that is there", true);
}

int cmd_restore(int argc, char **argv) {
    return run(argc, argv,
               "usage: understudy restore FILE.tar.gz [OPTIONS]\n\n"
               "Brings a backup back, whole or not at all. Stop the server first.",
               "move what is there aside, to replaced-TIME", false);
}
