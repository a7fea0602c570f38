/* understudy choices: which of several replies somebody found better, from the chats of the page. */
#include "cli.h"
#include "understudy/chat.h"
#include <limits.h>
#include <stdio.h>

static void print_left_out(const us_chosen_counts *c) {
    if (c->scenes) fprintf(stderr, "  left out: %s in scenes of several\n", cli_count(c->scenes, "choice"));
    if (c->unasked) fprintf(stderr, "  left out: %s of what answers nobody\n", cli_count(c->unasked, "choice"));
    if (c->not_whole)
        fprintf(stderr, "  left out: %s between replies that were cut off, or that only go on where the other ends\n",
                cli_count(c->not_whole, "choice"));
    if (c->copies) fprintf(stderr, "  left out: %s that a branch has once more\n", cli_count(c->copies, "choice"));
    if (c->too_long) fprintf(stderr, "  left out: %s of more than 64 KiB\n", cli_count(c->too_long, "choice"));
    if (c->too_many)
        fprintf(stderr, "  left out: %s, older than those that fill the 64 MiB of a file: take one character at a time (-c)\n",
                cli_count(c->too_many, "choice"));
    if (c->too_large) fprintf(stderr, "  left out: %s too large to be read whole\n", cli_count(c->too_large, "chat"));
}

int cmd_choices(int argc, char **argv) {
    const char *data_dir = NULL, *character = NULL, *out = "choices.jsonl";
    char data[PATH_MAX], chats[PATH_MAX + 16];
    bool help;
    int n;
    const cli_option options[] = {
        {"character", 'c', "NAME", "only of this one: the name on their card, or their folder's (all)", CLI_STRING, &character,
         0, 0},
        {"out", 'o', "FILE", "where they are written, a line each (choices.jsonl)", CLI_STRING, &out, 0, 0},
        {"data-dir", 0, "DIR", "where 'understudy serve' keeps its chats.db ($XDG_DATA_HOME/understudy)", CLI_STRING, &data_dir,
         0, 0},
    };
    int rc =
        cli_parse(argv[0],
                  "usage: understudy choices [CHATS.db] [OPTIONS]\n\n"
                  "Reads from the chats of the page, while a server runs or not, which replies somebody found better: paged\n"
                  "to, made again, or edited. What counts now is the best, what the program had chosen the worst; other\n"
                  "takes are left out, because nobody said how good they are. 'understudy train --choices' and 'understudy\n"
                  "direct --examples' learn from the file. It holds what was said in the chats.",
                  options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if (n > 1) return cli_usage(argv[0], "unexpected '%s': one file of chats is expected", argv[2]);
    if (n && data_dir) return cli_usage(argv[0], "give either a file of chats or --data-dir");
    if (!n && !data_dir && !(data_dir = cli_data_dir(data)))
        return cli_usage(argv[0], "--data-dir is needed: neither XDG_DATA_HOME nor HOME is set");
    if (!n) snprintf(chats, sizeof chats, "%s/chats.db", data_dir);
    us_chosen_counts c;
    us_error err;
    us_status st = us_chosen_write(n ? argv[1] : chats, character, out, &c, &err);
    if (st) return cli_fail(argv[0], st, &err);
    if (c.choices)
        fprintf(stderr, "%s: %s in %s of %s\n", out, cli_count(c.choices, "choice"), cli_count(c.turns, "turn"),
                cli_count(c.chats, "chat"));
    else
        fprintf(stderr,
                "no choice that can be learned in %s of %s, so nothing is written: page to another reply in the chat, or edit "
                "one, and it is a choice\n",
                cli_count(c.turns, "turn"), cli_count(c.chats, "chat"));
    print_left_out(&c);
    return EXIT_OK;
}
