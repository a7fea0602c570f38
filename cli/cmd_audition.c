/* understudy audition: how well a character holds, in numbers, with an exit code. */
#include "cli_character.h"
#include "cli_model.h"
#include "cli_script.h"
#include "cli_terminal.h"
#include "understudy/audition.h"
#include "understudy/chat.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
    alarm(2); /* what is in the journal by then is kept */
}
static void on_alarm(int sig) {
    (void)sig;
    _exit(EXIT_INTERRUPTED);
}

typedef struct teller {
    bool fancy, quiet;
    FILE *log;
    double logged;
    char stage[80];
    double started, told;
} teller;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool progress(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    teller *t = ctx;
    double time = now(), passed;
    bool begins = strcmp(stage, t->stage) != 0;
    if (begins) {
        if (t->fancy && t->stage[0] && !t->quiet) fputc('\n', stderr);
        snprintf(t->stage, sizeof t->stage, "%s", stage);
        t->started = time;
    }
    passed = time - t->started;
    if (!t->quiet && (begins || time - t->told > (t->fancy ? 0.3 : 20))) {
        t->told = time;
        fprintf(stderr, "%s%s", cli_escape(t->fancy, CLI_HOME), stage);
        if (total) fprintf(stderr, " %llu/%llu", (unsigned long long)done, (unsigned long long)total);
        if (done < total && done * 10 >= total && passed > 3) /* the first ones wait for their batch and tell little */
            fprintf(stderr, ", about %s left", cli_time(passed / (double)done * (double)(total - done)));
        fprintf(stderr, "%s", t->fancy ? cli_escape(true, CLI_CLEAR) : "\n");
        fflush(stderr);
    }
    if (t->log && (begins || time - t->logged > 1)) { /* a JSON line: stage names are ours, without quotes */
        t->logged = time;
        fprintf(t->log, "{\"stage\": \"%s\", \"done\": %llu, \"total\": %llu}\n", stage, (unsigned long long)done,
                (unsigned long long)total);
        fflush(t->log);
    }
    return !interrupted;
}

static void print_value(const us_metric *m, const us_metric *known, bool narrow) {
    char text[32] = "-", interval[40] = "";
    if (m && isfinite(m->value)) {
        double f = known->unit == US_UNIT_SHARE ? 100 : 1;
        snprintf(text, sizeof text, known->unit == US_UNIT_SHARE ? "%.1f%%" : "%.3f", f * m->value);
        if (isfinite(m->low) && isfinite(m->high))
            snprintf(interval, sizeof interval, known->unit == US_UNIT_SHARE ? " %.1f-%.1f" : " %.2f-%.2f", f * m->low,
                     f * m->high);
    }
    if (narrow) printf("%s%s", text, interval);
    else printf("  %8s%-12s", text, interval);
}

/* The summary: a row a measure, a column for each who answers; a measure and below it who answers, where that is too wide. */
static void print_table(const us_audition *a) {
    bool shown[US_N_WHO];
    size_t n;
    int width = 66;
    for (int w = 0; w < US_N_WHO; w++) {
        us_audition_get_metrics(a, (us_who)w, &n);
        if ((shown[w] = n > 0)) width += 22;
    }
    bool narrow = cli_columns() && cli_columns() < width;
    printf("%s\n", us_audition_character(a));
    if (!narrow) printf("%-66s", "");
    for (int w = 0; w < US_N_WHO && !narrow; w++)
        if (shown[w]) printf("  %8s%-12s", us_who_name((us_who)w), "");
    if (!narrow) putchar('\n');
    const us_metric *all = us_audition_measures(&n);
    for (size_t i = 0; i < n; i++) {
        bool any = false;
        for (int w = 0; w < US_N_WHO; w++) any = any || us_audition_find(a, (us_who)w, all[i].name);
        if (!any) continue;
        printf(narrow ? "%s\n" : "%-66s", all[i].title);
        for (int w = 0; w < US_N_WHO; w++)
            if (shown[w]) {
                if (narrow) printf("   %s ", us_who_name((us_who)w));
                print_value(us_audition_find(a, (us_who)w, all[i].name), &all[i], narrow);
            }
        putchar('\n');
    }
}

static int print_gates(const us_audition *a, FILE *out) {
    size_t n, failed = 0;
    const us_gate *g = us_audition_get_gates(a, &n);
    for (size_t i = 0; i < n; i++) {
        failed += !g[i].passed;
        fprintf(out, "%s  %s  (%.4g against %.4g)\n", g[i].passed ? "passed" : "FAILED", g[i].text, g[i].value, g[i].bound);
    }
    return failed ? EXIT_GATE : EXIT_OK;
}

static int finish(const char *command, us_audition *a, const char *out, const char *gates, bool json, bool quiet,
                  us_error *err) {
    us_status st = gates ? us_audition_judge(a, gates, err) : US_OK;
    if (!st) st = us_audition_write(a, out, err);
    if (st) return cli_fail(command, st, err);
    if (json) {
        char *text;
        if ((st = us_audition_json(a, &text, err))) return cli_fail(command, st, err);
        cli_put_json(text, stdout);
        putchar('\n');
        free(text);
    } else print_table(a);
    int rc = print_gates(a, json ? stderr : stdout);
    if (!quiet) fprintf(stderr, "%s/%s.json and .html are written\n", out, us_audition_report_name(a));
    return rc;
}

static int split(const char *command, const char *name, us_audition_options *o) {
    bool known = !name || !strcmp(name, "all");
    for (int p = 0; p < US_N_PARTS && !known; p++) known = !strcmp(name, us_part_name((us_part)p));
    o->part = name;
    return known ? 0 : cli_usage(command, "--split %s: expected train, validation, test or all", name);
}

static char *join(const char *a, const char *b) {
    size_t n = strlen(a) + strlen(b) + 2;
    char *s = cli_must(malloc(n));
    snprintf(s, n, "%s/%s", a, b);
    return s;
}

/* Learns the character's style words into the card, for cards that 'understudy train' did not make. */
static us_status teach(const us_script *script, const char *folder, const us_audition_options *o, us_error *err) {
    us_card *card = NULL;
    char *path = join(folder, "card.json");
    us_status st = path ? us_card_open(path, &card, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    us_dataset_options d = {.character = st ? NULL : us_card_name(card),
                            .validation = o->validation,
                            .test = o->test,
                            .unnamed = o->unnamed > 0 ? o->unnamed : 0,
                            .seed = o->split_seed};
    if (!st) st = us_card_learn_style(card, script, &d, err);
    if (!st) st = us_card_save(card, path, err);
    us_card_free(card);
    free(path);
    return st;
}

int cmd_audition(int argc, char **argv) {
    cli_script so = {0};
    us_audition_options o = {.unnamed = 0.25, .validation = 0.05, .test = 0.05};
    cli_list data = {0};
    const char *tpl = NULL;
    const char *model = NULL, *log = NULL, *out = NULL, *gates = NULL, *part = NULL;
    int64_t replies = 0, seeds = 1, lines = 0, seed = 0, split_seed = 0, threads = 0, takes = 0, max_tokens = 0;
    double lambda = -1;
    bool help, json = false, quiet = false, restart = false, learn = false;
    int n;
    const cli_option options[] = {
        {"data", 'd', "FILE", "the script that the character was learned from; again for more", CLI_LIST, &data, 0, 0},
        {"model", 'm', "FILE", "GGUF base model: a path, https://... or hf:OWNER/NAME/FILE.gguf (the default model)",
         CLI_STRING, &model, 0, 0},
        {"template", 0, "NAME|FILE", "chat template, when the model file's is unknown (docs/models.md)", CLI_STRING, &tpl, 0,
         0},
        {"lora", 0, "FILE", "adapter (the card's)", CLI_STRING, &o.adapter, 0, 0},
        {"out", 'o', "DIR", "for audition.json and audition.html (the character's folder)", CLI_STRING, &out, 0, 0},
        {"gates", 'g', "FILE", "what the figures must be, one a line: 'loops <= 0.5%'; exit 3 when one fails", CLI_STRING,
         &gates, 0, 0},
        {"measures", 0, "LIST", "likelihood,retrieval,replies,openings,gain,takes,chats,style,retention or some of them (all)",
         CLI_STRING, &o.measures, 0, 0},
        {"who", 0, "LIST", "base,prompt,adapter or some of them (all)", CLI_STRING, &o.who, 0, 0},
        {"replies", 'n', "N", "held-out contexts that are answered (500)", CLI_INT, &replies, 1, 100000},
        {"seeds", 0, "N", "answers to each (1)", CLI_INT, &seeds, 1, 1000},
        {"max-lines", 0, "N", "held-out lines that are scored (300)", CLI_INT, &lines, 1, 100000},
        {"split", 0, "PART", "scenes that it is judged on: train, validation, test, all (test)", CLI_STRING, &part, 0, 0},
        {"takes", 0, "LIST", "judge these numbers of takes too: 1,4,8,12,16 (those below the shipped number)", CLI_STRING,
         &o.takes_list, 0, 0},
        {"shipped-takes", 0, "N", "takes of a reply (the card's)", CLI_INT, &takes, 1, 32},
        {"lambda", 0, "X", "weight of how likely a reply is without what it answers (the card's)", CLI_FLOAT, &lambda, 0, 2},
        {"cast", 0, "DIR", "folder of characters that lines may be attributed to by their adapters", CLI_STRING, &o.cast_folder,
         0, 0},
        {"prompts", 0, "FILE", "more lines to say to the character, one a line", CLI_STRING, &o.prompts_file, 0, 0},
        {"lexicon", 0, "FILE", "more expressions that give a machine away, one a line", CLI_STRING, &o.lexicon_file, 0, 0},
        {"max-tokens", 0, "N", "most tokens of a reply (80)", CLI_INT, &max_tokens, 1, 4096},
        {"seed", 's', "N", "same seed, same report (0)", CLI_INT, &seed, 0, 9e15},
        {"split-seed", 0, "N", "of the split, as in training (0)", CLI_INT, &split_seed, 0, 9e15},
        {"validation", 0, "X", "share of the scenes, as in training (0.05)", CLI_FLOAT, &o.validation, 0, 0.9},
        {"test", 0, "X", "share of the scenes, as in training (0.05)", CLI_FLOAT, &o.test, 0, 0.9},
        {"unnamed", 0, "X", "share of single speakers' turns without the name (0.25)", CLI_FLOAT, &o.unnamed, 0, 1},
        {"teach", 0, NULL, "first put the words that speak for the character into the card (training does it)", CLI_SWITCH,
         &learn, 0, 0},
        {"restart", 0, NULL, "do not go on with an interrupted run", CLI_SWITCH, &restart, 0, 0},
        {"json", 0, NULL, "the whole report on stdout instead of the summary", CLI_SWITCH, &json, 0, 0},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"quick", 0, NULL, "two minutes: the model and the adapter, 58 replies and lines of 40 tokens, what the studio shows",
         CLI_SWITCH, &o.quick, 0, 0},
        {"log", 0, "FILE", "a JSON line for each step of the progress", CLI_STRING, &log, 0, 0},
        {"quiet", 'q', NULL, "no progress", CLI_SWITCH, &quiet, 0, 0},
        CLI_SCRIPT_OPTIONS(so),
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy audition CHARACTER --data FILE [OPTIONS]\n\n"
                       "How well a character (a name, or their folder) holds: the model alone, with the card, with the "
                       "adapter, beside the real\n"
                       "lines of scenes that were kept out of the training. Writes audition.json and audition.html, or\n"
                       "audition.some.json and .html where --measures leaves some out: a whole report stays. Ctrl-C loses "
                       "nothing:\n"
                       "the same command goes on.",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return free(data.items), rc;
    us_error err = {0};
    us_script *script = NULL;
    us_model *m = NULL;
    us_audition *a = NULL;
    char *path = NULL, *journal = NULL, *folder = NULL;
    teller t = {0};
    if ((rc = cli_script_check(argv[0], &so)) || (rc = split(argv[0], part, &o))) goto out;
    if (n != 1)
        rc = cli_usage(argv[0],
                       n ? "one character is expected, got '%s' too" : "whose audition? Name a character, or their folder",
                       n > 1 ? argv[2] : "");
    else if (!data.n) rc = cli_usage(argv[0], "no --data: the script with the character's real lines");
    if (rc) goto out;
    o.n_replies = (int32_t)replies;
    o.n_seeds = (int32_t)seeds;
    o.max_lines = (int32_t)lines;
    o.takes = (int32_t)takes;
    o.max_tokens = (int32_t)max_tokens;
    o.lambda = lambda < 0 ? 0 : lambda > 0 ? lambda : -1;
    if (o.unnamed == 0) o.unnamed = -1;
    o.seed = (uint64_t)seed;
    o.split_seed = (uint64_t)split_seed;
    o.n_threads = (int)threads;
    o.restart = restart;
    t = (teller){.fancy = cli_fancy(2), .quiet = quiet};
    o.progress = progress;
    o.progress_ctx = &t;
    if (log && !(t.log = fopen(log, "a"))) {
        rc = cli_fail(argv[0], us_fail(&err, US_ERR_IO, "%s: cannot write", log), &err);
        goto out;
    }
    us_status st = gates ? us_audition_check_gates(gates, &err) : US_OK; /* a typo is told before the work */
    if (!st) st = cli_find_folder(argv[1], &folder, &err);
    if (!out) out = folder;
    so.quiet = quiet;
    if (!st) st = cli_script_load(&so, data.items, data.n, &script, &err);
    if (!st && learn) st = teach(script, folder, &o, &err);
    if (!st && !(path = cli_model_path(argv[0], model))) {
        rc = EXIT_FAILED;
        goto out;
    }
    if (!st) cli_tell_loading(quiet);
    if (!st) st = us_model_open(path, &(us_model_options){.n_threads = (int)threads, .template_name = tpl}, &m, &err);
    if (!st) o.journal = journal = join(out, "audition.partial.jsonl");
    struct sigaction sa = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    if (!st) st = us_audition_run(m, script, folder, &o, &a, &err);
    if (t.fancy && t.stage[0] && !quiet) fputc('\n', stderr);
    if (st == US_ERR_INTERRUPTED) {
        fprintf(stderr, "Interrupted; nothing is lost: the same command goes on.\n");
        rc = EXIT_INTERRUPTED;
    } else if (st) rc = cli_fail(argv[0], st, &err);
    else {
        rc = finish(argv[0], a, out, gates, json, quiet, &err);
        if (rc == EXIT_OK || rc == EXIT_GATE) unlink(journal);
    }
out:
    us_audition_free(a);
    us_model_free(m);
    us_script_free(script);
    free(path);
    free(journal);
    free(folder);
    free(data.items);
    if (t.log) fclose(t.log);
    return rc;
}
