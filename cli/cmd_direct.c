/* understudy direct: a director for a script, the judge that chooses among takes. Ctrl-C keeps what was learned; the same
 * command goes on there. */
#include "cli_model.h"
#include "cli_script.h"
#include "understudy/direct.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
}

static bool show_probe(void *quiet, int32_t done, int32_t total) {
    if (!*(bool *)quiet && (done % 100 == 0 || done == total)) fprintf(stderr, "%d/%d conversations read\n", done, total);
    return !interrupted;
}

static void tell(const us_director_report *r) {
    if (r->tokens)
        fprintf(stderr, "step %lld/%lld  loss %.3f  %.0f tokens/s", (long long)r->step, (long long)r->n_steps, r->loss,
                (double)r->tokens / r->seconds);
    if (r->evaluated) fprintf(stderr, "  true line first of ten: %.1f%% (best %.1f%%)", 100 * r->r10, 100 * r->best_r10);
    if (r->evaluated && isfinite(r->won))
        fprintf(stderr, "  of what a choice could win on examples: %.1f%% (best %.1f%%)", 100 * r->won, 100 * r->best_won);
    fprintf(stderr, "\n");
}

int cmd_direct(int argc, char **argv) {
    const char *tpl = NULL;
    const char *model = NULL, *out = "characters/director.gguf";
    int64_t threads = 0, probe = 0, rank = 0, layers = 0, first = 0, lists = 0, batch = 0, half = 0, seed = 0, every = 0,
            n_eval = 0;
    bool quiet = false, help;
    cli_script so = {0};
    us_director_options o = {0};
    int n;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF base model (default: the default model)", CLI_STRING, &model, 0, 0},
        {"template", 0, "NAME|FILE", "chat template, when the model file's is unknown (docs/models.md)", CLI_STRING, &tpl, 0,
         0},
        {"out", 'o', "FILE", "the director (characters/director.gguf)", CLI_STRING, &out, 0, 0},
        {"state", 0, "DIR", "keeps the run's state, so that the same command goes on with it (none)", CLI_STRING, &o.folder, 0,
         0},
        {"examples", 0, "FILE", "JSONL of takes with labels, learned from too (docs/train.md)", CLI_STRING, &o.examples, 0, 0},
        {"examples-share", 0, "X", "how much they count beside the script (0.5)", CLI_FLOAT, &o.examples_share, 0.001, 1},
        {"half", 0, "N", "1 or 2: learn from that half of the scenes only (0: from all)", CLI_INT, &half, 0, 2},
        {"probe", 0, "N", "conversations that the head is found on (2000)", CLI_INT, &probe, 1, 1e9},
        {"lists", 0, "N", "conversations that factors are trained on after that (0: a head alone)", CLI_INT, &lists, 0, 1e9},
        {"batch", 'b', "N", "conversations a step (16)", CLI_INT, &batch, 1, 4096},
        {"rank", 'r', "N", "rank of the factors (16)", CLI_INT, &rank, 1, 256},
        {"layers", 0, "N", "layers computed (16 of 30, or as many of another model)", CLI_INT, &layers, 1, 1000},
        {"first-layer", 0, "N", "the first layer that is trained (two fifths of those)", CLI_INT, &first, 0, 1000},
        {"lr", 0, "X", "peak learning rate (1e-3)", CLI_FLOAT, &o.lr, 1e-9, 1},
        {"eval-every", 0, "N", "steps between evaluations (25)", CLI_INT, &every, 1, 1e6},
        {"eval-lists", 0, "N", "held-out conversations of an evaluation (200)", CLI_INT, &n_eval, 1, 1e6},
        {"seed", 's', "N", "same seed, same director (0)", CLI_INT, &seed, 0, 9e15},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"quiet", 'q', NULL, "no progress", CLI_SWITCH, &quiet, 0, 0},
        CLI_SCRIPT_OPTIONS(so),
    };
    int rc = cli_parse(
        argv[0],
        "usage: understudy direct FILE... [OPTIONS]\n\nTrains a director on the lines of all speakers of a script: the "
        "judge that chooses among a\ncharacter's takes. The best by held-out examples, else scenes, is kept. One serves the "
        "whole cast.",
        options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if ((rc = cli_script_check(argv[0], &so))) return rc;
    if (!n) return cli_usage(argv[0], "no script: give one file or more");
    o.rank = (int32_t)rank, o.layers = (int32_t)layers, o.first_layer = (int32_t)first, o.batch = (int32_t)batch;
    o.n_probe = probe;
    o.half = (int32_t)half, o.n_lists = lists, o.eval_every = every, o.n_eval = n_eval, o.seed = (uint64_t)seed;
    o.n_threads = (int)threads;
    us_error err;
    us_script *script = NULL;
    us_model *m = NULL;
    us_director_trainer *t = NULL;
    us_director_report r = {0};
    char *path = cli_model_path(argv[0], model);
    if (!path) return EXIT_FAILED;
    us_status st = cli_script_load(&so, (const char *const *)argv + 1, (size_t)n, &script, &err);
    if (!st) st = us_model_open(path, &(us_model_options){.n_threads = (int)threads, .template_name = tpl}, &m, &err);
    if (!st) st = us_director_trainer_new(m, script, &o, &t, &err);
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    if (!st) st = us_director_trainer_probe(t, show_probe, &quiet, &err);
    while (!st && !r.done && !interrupted)
        if (!(st = us_director_trainer_step(t, &r, &err)) && !quiet) tell(&r);
    if (!st && interrupted && o.folder) st = us_director_trainer_keep(t, &err);
    if (!st) st = us_director_trainer_save(t, out, &err);
    if (!st) printf("%.4f\n", r.best_r10);
    rc = st ? cli_fail(argv[0], st, &err) : interrupted ? EXIT_INTERRUPTED : EXIT_OK;
    us_director_trainer_free(t);
    us_model_free(m);
    us_script_free(script);
    free(path);
    return rc;
}
