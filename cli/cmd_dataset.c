/* understudy dataset: the rows that a model learns from, as JSON lines for any trainer; and back. */
#include "cli_character.h"
#include "cli_script.h"
#include "understudy/dataset.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_counts(const us_dataset *d, bool ours) {
    const us_dataset_counts *c = us_dataset_get_counts(d);
    printf("%s in %s of %s\n", cli_count(c->lines, "line"),
           cli_count(c->turns - c->exchanges[US_TRAIN] - c->exchanges[US_VALIDATION], "turn"),
           us_dataset_get_character(d)[0] ? us_dataset_get_character(d) : "the character");
    printf("left out:\n");
    for (int f = 0; f < US_N_FILTERS; f++)
        printf("  %-16s %8llu\n", us_filter_name((us_filter)f), (unsigned long long)c->filtered[f]);
    printf("written:\n");
    for (int p = 0; p < US_N_PARTS; p++)
        printf("  %-16s %8llu targets in %s\n", us_part_name((us_part)p), (unsigned long long)c->targets[p],
               cli_count(c->examples[p], "scene"));
    cli_tell_exchanges(stdout, "of the targets, ", c, ours);
}

int cmd_dataset(int argc, char **argv) {
    cli_script so = {0};
    us_dataset_options o = {.unnamed = CLI_UNNAMED, .visitors = CLI_VISITORS};
    cli_list keep = {0};
    const char *out = "dataset", *form = "messages", *packing = "scene", *card = NULL, *read = NULL;
    int64_t history = 10, max_words = 60, seed = 0;
    double validation = 0.05, test = 0.05;
    bool help;
    int n;
    const cli_option options[] = {
        {"character", 'c', "NAME", "whose lines are the targets", CLI_STRING, &o.character, 0, 0},
        {"out", 'o', "DIR", "folder for train.jsonl, validation.jsonl, test.jsonl (dataset)", CLI_STRING, &out, 0, 0},
        {"read", 0, "PATH", "a folder or file of JSONL rows instead of a script, in any of the forms", CLI_STRING, &read, 0, 0},
        {"form", 0, "NAME", "messages, sharegpt, completion (messages)", CLI_STRING, &form, 0, 0},
        {"packing", 0, "NAME", "scene: a row a scene, replies not learned marked; none: a row a target (scene)", CLI_STRING,
         &packing, 0, 0},
        {"card", 0, "FILE", "character card whose persona is the system message; none: no system message (a plain persona)",
         CLI_STRING, &card, 0, 0},
        {"history", 0, "N", "lines before a target (10)", CLI_INT, &history, 1, 100},
        {"max-words", 0, "N", "longer lines are no targets (60)", CLI_INT, &max_words, 1, 10000},
        {"unnamed", 0, "X", "share of single speakers' turns without the name, as visitors type (0.5)", CLI_FLOAT, &o.unnamed,
         0, 1},
        {"visitors", 0, "X", "share of them that are a visitor's first words, in a row of their own (0.25)", CLI_FLOAT,
         &o.visitors, 0, 1},
        {"exchanges", 0, "FILE",
         "conversations to learn as well, lines VISITOR | CHARACTER | VISITOR ...; none (common: ours, for an English script)",
         CLI_STRING, &o.exchanges, 0, 0},
        {"keep", 0, "FILTER", "switch a filter off (again for more): no-words echo long duplicate near-duplicate", CLI_LIST,
         &keep, 0, 0},
        {"validation", 0, "X", "share of the scenes (0.05)", CLI_FLOAT, &validation, 0, 0.9},
        {"test", 0, "X", "share of the scenes (0.05)", CLI_FLOAT, &test, 0, 0.9},
        {"seed", 's', "N", "of the split (0)", CLI_INT, &seed, 0, 9e15},
        CLI_SCRIPT_OPTIONS(so),
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy dataset FILE... --character NAME [OPTIONS]\n       understudy dataset --read DIR "
                       "[OPTIONS]\n\nWrites what a model learns from as JSON lines that other trainers read too.",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if ((rc = cli_script_check(argv[0], &so))) return rc;
    for (size_t i = 0; i < keep.n && !rc; i++) {
        int k = 1;
        while (k < US_N_FILTERS && strcmp(us_filter_name((us_filter)k), keep.items[i])) k++;
        if (k == US_N_FILTERS) rc = cli_usage(argv[0], "--keep: no filter '%s'", keep.items[i]);
        else o.filters_off |= 1u << k;
    }
    free(keep.items);
    if (rc) return rc;
    static const char *const forms[] = {"messages", "sharegpt", "completion"};
    int k = 0;
    while (k < 3 && strcmp(form, forms[k])) k++;
    if (k == 3) return cli_usage(argv[0], "--form %s: expected messages, sharegpt or completion", form);
    if (strcmp(packing, "scene") && strcmp(packing, "none"))
        return cli_usage(argv[0], "--packing %s: expected scene or none", packing);
    if (!n == !read) return cli_usage(argv[0], "give either script files or --read PATH");
    if (n && !o.character) return cli_usage(argv[0], "no --character: whose lines are the targets?");
    if (read && o.exchanges) return cli_usage(argv[0], "--exchanges goes with the script of a character, not with --read");
    o.history = (int32_t)history;
    o.max_words = (int32_t)max_words;
    o.validation = validation > 0 ? validation : -1; /* 0 is none */
    o.test = test > 0 ? test : -1;
    o.seed = (uint64_t)seed;
    us_error err;
    us_script *s = NULL;
    us_dataset *d = NULL;
    char *system = NULL;
    us_status st = n ? cli_script_load(&so, (const char *const *)argv + 1, (size_t)n, &s, &err) : US_OK;
    if (!st && n) st = cli_find_character(s, &o.character, &err);
    if (!st && (n || card)) st = cli_persona(card, s, o.character, &system, &o.exchanges, &err);
    o.system = system;
    if (!st) st = n ? us_dataset_build(s, &o, &d, &err) : us_dataset_read(read, &o, &d, &err);
    if (!st) st = us_dataset_write(d, (us_row_form)k, packing[0] == 's', out, &err);
    if (st) rc = cli_fail(argv[0], st, &err);
    else {
        print_counts(d, o.exchanges && !strcmp(o.exchanges, US_EXCHANGES_COMMON));
        printf("written to %s/\n", out);
    }
    us_dataset_free(d);
    us_script_free(s);
    free(system);
    return rc;
}
