/* understudy train: a LoRA adapter from a script and a character, or from a data set. */
#include "cli_character.h"
#include "cli_model.h"
#include "cli_script.h"
#include "understudy/chat.h"
#include "understudy/jobs.h"
#include "understudy/train.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* An interruption is answered within two seconds: between layers as a rule, else (a large model is in a layer, or is being
 * read) by the alarm. What is on the disk then is whole: every file is replaced atomically. */
static volatile sig_atomic_t interrupted;
static const char *volatile checkpoint; /* where the run that is under way keeps its state */
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
    alarm(2);
}
static void on_alarm(int sig) {
    static const char kept[] = "\nInterrupted; the last checkpoint is kept: the same command with --resume goes on.\n",
                      early[] = "\nInterrupted before the first checkpoint: the same command begins again.\n";
    (void)sig;
    bool saved = access(checkpoint, F_OK) == 0;
    ssize_t n = write(STDERR_FILENO, saved ? kept : early, saved ? sizeof kept - 1 : sizeof early - 1);
    (void)n;
    _exit(EXIT_INTERRUPTED);
}

typedef struct run {
    const char *command, *character, *dataset, *out, *log_path, *persona;
    char *owned_out, *card_path, *adapter_path, *checkpoint_path, *owned_log, *system, *from, *continued_path;
    us_script *script;
    us_dataset *set;
    us_card *card;
    us_model *model;
    us_trainer *trainer;
    FILE *log;
    us_adapter_type type;
    int threads;
    bool fancy, quiet, json, unlisted, series; /* unlisted: not among the jobs */
    bool common;                               /* our exchanges are learned beside the script */
    json_t *typed;
    us_dataset_options *usual; /* of the rows, when nobody asked for shares or exchanges of their own; else NULL */
    double shown_at;           /* when progress was shown last */
    double started;            /* seconds of this call, for the rate */
    int32_t rehearsed;         /* tokens, as shown last */
    int64_t first_step, n_steps;
    us_fluency fluency;
    uint64_t rows;    /* since then */
    double loss_mean; /* exponential mean of the steps' losses */
} run;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char *join(const char *a, const char *b) {
    size_t n = strlen(a) + strlen(b) + 2;
    char *s = cli_must(malloc(n));
    snprintf(s, n, "%s/%s", a, b);
    return s;
}

/* ---- what is learned ------------------------------------------------------------------------------------ */

static us_status load(run *r, cli_script *so, us_dataset_options *o, const char *const *files, size_t n_files, us_error *err) {
    us_status st = US_OK;
    if (!r->dataset) {
        st = cli_script_load(so, files, n_files, &r->script, err);
        if (!st && !r->series) st = cli_find_character(r->script, &r->character, err);
        if (st) return st;
    }
    o->character = r->character;
    if (!r->out) r->out = r->owned_out = cli_character_folder(r->character);
    if (!r->out || !(r->card_path = join(r->out, "card.json")) || !(r->adapter_path = join(r->out, "adapter.gguf")) ||
        !(r->checkpoint_path = join(r->out, "checkpoint.gguf")) || !(r->continued_path = join(r->out, US_TRAIN_CONTINUED)) ||
        !(r->owned_log = join(r->out, "log.jsonl")))
        return us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!r->log_path) r->log_path = r->owned_log;
    if (r->series) {
        if (access(r->card_path, F_OK) == 0)
            return us_fail(err, US_ERR_ARGUMENT, "%s: the folder of a character: give the series another --out", r->out);
        o->series = true;
        st = cli_series_persona(r->script, r->persona, &r->system, err);
        o->system = r->system;
        return st ? st : us_dataset_build(r->script, o, &r->set, err);
    }
    if (r->dataset && (st = us_dataset_read(r->dataset, o, &r->set, err))) return st;
    const char *persona = r->persona                                 ? r->persona
                          : r->set && *us_dataset_get_system(r->set) ? us_dataset_get_system(r->set)
                                                                     : NULL;
    st = access(r->card_path, F_OK) ? us_card_from_script(r->script, r->character, persona, &r->card, err)
                                    : us_card_open(r->card_path, &r->card, err);
    if (!st) st = us_card_system(r->card, &r->system, err);
    if (st) return st;
    if (r->set && strcmp(r->system, us_dataset_get_system(r->set)))
        fprintf(
            stderr,
            "warning: the persona in %s is not the system message of the rows: the prompts of a chat will differ from those "
            "of the training\n",
            r->card_path);
    o->system = r->system;
    if (!o->exchanges && r->script) o->exchanges = us_dataset_common_exchanges(us_card_language(r->card));
    else if (o->exchanges && !strcmp(o->exchanges, "none")) o->exchanges = NULL;
    r->common = o->exchanges && !strcmp(o->exchanges, US_EXCHANGES_COMMON);
    if (!r->set) st = us_dataset_build(r->script, o, &r->set, err);
    if (!st && r->script && !us_card_has_style(r->card)) st = us_card_learn_style(r->card, r->script, o, err);
    return st;
}

/* "Homer" may be a clone of one line; the one with the most lines whose name begins so is more likely meant. */
static void hint_at_namesake(const run *r, uint64_t n_lines) {
    size_t n = 0, len = strlen(r->character);
    const us_speaker *sp = r->script ? us_script_get_speakers(r->script, &n) : NULL;
    for (size_t i = 0; i < n; i++)
        if (!strncmp(sp[i].name, r->character, len) && sp[i].name[len] == ' ' && sp[i].n_lines > 5 * n_lines) {
            fprintf(stderr, "  warning: did you mean '%s', who has %s?\n", sp[i].name, cli_count(sp[i].n_lines, "line"));
            return;
        }
}

/* The script's own, without exchanges. */
static uint64_t own_turns(const us_dataset_counts *c) {
    return c->turns - c->exchanges[US_TRAIN] - c->exchanges[US_VALIDATION];
}
static uint64_t own_targets(const us_dataset_counts *c, us_part part) { return c->targets[part] - c->exchanges[part]; }

static void print_set(const run *r) {
    const us_dataset_counts *c = us_dataset_get_counts(r->set);
    fprintf(stderr, "%s: %s in %s; %llu to learn from, %llu for validation, %llu for the test\n", r->character,
            cli_count(c->lines, "line"), cli_count(own_turns(c), "turn"), (unsigned long long)c->targets[US_TRAIN],
            (unsigned long long)c->targets[US_VALIDATION], (unsigned long long)c->targets[US_TEST]);
    fprintf(stderr, "  left out:");
    for (int f = 0; f < US_N_FILTERS; f++)
        fprintf(stderr, " %s %llu%s", us_filter_name((us_filter)f), (unsigned long long)c->filtered[f],
                f + 1 < US_N_FILTERS ? "," : "\n");
    cli_tell_exchanges(stderr, "  of these, ", c, r->common);
    if (own_targets(c, US_TRAIN) < 300)
        fprintf(stderr,
                "  warning: only %s: the adapter will repeat them rather than learn a manner. A lower --rank (4), "
                "fewer --epochs and --dropout 0.1 help a little\n",
                cli_count(own_targets(c, US_TRAIN), "line"));
    if (!c->targets[US_VALIDATION])
        fprintf(stderr, "  warning: nothing is held out, so nothing shows when learning turns into repeating the lines\n");
    hint_at_namesake(r, c->lines);
}

/* ---- among the jobs ------------------------------------------------------------------------------------------ */

/* The whole of a path that may not be there yet, in out[PATH_MAX]. */
static const char *whole_path(const char *path, char *out) {
    char here[PATH_MAX / 2];
    if (*path == '/' || !getcwd(here, sizeof here)) snprintf(out, PATH_MAX, "%s", path);
    else snprintf(out, PATH_MAX, "%s/%.2000s", here, path);
    return out;
}

/* A training of the terminal stands among the jobs too: on the page, in 'understudy jobs'. Trouble with that is no trouble of
 * the training. `argv` is as it was typed. */
static us_jobs *enter_job(const run *r, json_t *argv, char id[US_JOBS_ID]) {
    char data[PATH_MAX - 16], folder[PATH_MAX], mark[PATH_MAX], log[PATH_MAX], here[PATH_MAX] = ".";
    us_jobs *jobs = NULL;
    us_error err;
    if (!cli_data_dir(data) || !getcwd(here, sizeof here)) return NULL;
    snprintf(folder, sizeof folder, "%s/jobs", data);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:[{s:O, s:s, s:[s], s:[s], s:[s]}]}", "kind", "train", "title", r->character,
                  "character", r->character, "folder", here, "log", whole_path(r->log_path, log), "steps", "argv", argv, "mark",
                  whole_path(r->checkpoint_path, mark), "fresh", "--restart", "again", "--resume", "ending", "--finish");
    char *text = o ? json_dumps(o, 0) : NULL;
    us_status st = text ? us_jobs_open(&(us_jobs_options){.folder = folder}, &jobs, &err) : US_ERR_MEMORY;
    if (!st) st = us_jobs_enter(jobs, text, id, &err);
    if (st && !r->quiet) fprintf(stderr, "  (not among the jobs: %s)\n", text ? err.message : "out of memory");
    if (st && jobs) us_jobs_close(jobs), jobs = NULL;
    free(text);
    json_decref(o);
    return jobs;
}

static int leave_job(us_jobs *jobs, const char *id, int rc) {
    if (!jobs) return rc;
    us_jobs_leave(jobs, id, rc);
    us_jobs_close(jobs);
    return rc;
}

/* The command as it was typed, without what says whether it goes on. */
static json_t *typed(int argc, char **argv) {
    json_t *list = json_array();
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--resume") && strcmp(argv[i], "--restart") && strcmp(argv[i], "--finish"))
            json_array_append_new(list, json_string(argv[i]));
    json_array_append_new(list, json_string("--no-job"));
    return list;
}

/* Memory of the samples and the greeting, which are made beside the training: an engine and the adapter. */
static uint64_t talk_bytes(const run *r, us_train_facts f) {
    return us_train_talk_bytes(r->model, r->threads) + f.n_params * sizeof(float);
}

static void print_facts(const run *r, bool samples) {
    us_train_facts f = us_trainer_get_facts(r->trainer);
    double model = (double)us_model_get_info(r->model)->resident_bytes / 1048576, training = (double)f.bytes / 1048576,
           talk = 0;
    if (samples) talk = (double)talk_bytes(r, f) / 1048576;
    fprintf(stderr, "  %llu sequences of %llu tokens (%llu learned), persona of %d tokens, longest %d\n",
            (unsigned long long)f.sequences[US_TRAIN], (unsigned long long)f.rows[US_TRAIN],
            (unsigned long long)f.targets[US_TRAIN], f.prefix_rows, f.longest);
    if (f.rehearsal_sequences)
        fprintf(stderr, "  %llu of them are the base's own answers to neutral prompts (%llu tokens learned, %.0f%%)\n",
                (unsigned long long)f.rehearsal_sequences, (unsigned long long)f.rehearsal_targets,
                100 * (double)f.rehearsal_targets / (double)f.targets[US_TRAIN]);
    if (f.choices[0])
        fprintf(stderr, "  choices in %llu conversations, and in %llu that only judge\n", (unsigned long long)f.choices[0],
                (unsigned long long)f.choices[1]);
    if (f.too_long) fprintf(stderr, "  %s left out: too long for a sequence (--max-sequence)\n", cli_count(f.too_long, "turn"));
    fprintf(stderr,
            "rank %d, %.2f M parameters; %d tokens at a time%s; %.0f MiB of memory (model %.0f, training %.0f, samples "
            "%.0f)\n%lld steps, about %s\n",
            f.rank, (double)f.n_params / 1e6, f.micro_rows, f.recompute ? ", activations computed again" : "",
            model + training + talk, model, training, talk, (long long)f.n_steps, cli_time(f.seconds));
}

static bool show_rehearsal(void *ctx, int32_t n_done, int32_t n_total) {
    run *r = ctx;
    if (r->quiet || interrupted || (!r->fancy && n_done < n_total) || r->rehearsed == n_total) return !interrupted;
    r->rehearsed = n_done;
    fprintf(stderr, "%sthe base answers neutral prompts, for the rehearsal: %d of %d tokens%s", cli_escape(r->fancy, CLI_HOME),
            n_done, n_total, r->fancy && n_done < n_total ? "" : "\n");
    return true;
}

/* What would be done, for programs. */
static int print_plan(const run *r, bool samples) {
    us_train_facts f = us_trainer_get_facts(r->trainer);
    const us_dataset_counts *c = us_dataset_get_counts(r->set);
    uint64_t model = us_model_get_info(r->model)->resident_bytes, talk = samples ? talk_bytes(r, f) : 0;
    json_t *o = json_pack(
        "{s:s, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:f, s:I, s:I, s:i, s:s}", "character", r->character, "lines",
        (json_int_t)c->lines, "turns", (json_int_t)own_turns(c), "targets", "train", (json_int_t)own_targets(c, US_TRAIN),
        "validation", (json_int_t)own_targets(c, US_VALIDATION), "test", (json_int_t)c->targets[US_TEST], "exchanges",
        (json_int_t)(c->exchanges[US_TRAIN] + c->exchanges[US_VALIDATION]), "tokens", (json_int_t)f.rows[US_TRAIN], "n_steps",
        (json_int_t)f.n_steps, "seconds", f.seconds, "memory_bytes", (json_int_t)(model + f.bytes + talk), "disk_bytes",
        (json_int_t)(2 * 4 * f.n_params * sizeof(float) + f.n_params * 2) /* a checkpoint is written beside the last */, "rank",
        (int)f.rank, "persona", r->system);
    if (o && r->fluency.n_tokens) json_object_set_new(o, "language_known", json_boolean(!r->fluency.hardly));
    char *text = o ? json_dumps(o, JSON_REAL_PRECISION(6)) : NULL;
    if (text) cli_put_json(text, stdout), putchar('\n');
    free(text);
    json_decref(o);
    return text ? EXIT_OK : EXIT_FAILED;
}

/* ---- while it runs ---------------------------------------------------------------------------------------- */

static void progress(run *r, const us_train_report *p, int64_t n_steps) {
    double passed = now() - r->started, per_step = passed / (double)(p->step - r->first_step);
    char bar[21];
    int full = (int)(20 * p->step / n_steps);
    for (int i = 0; i < 20; i++) bar[i] = i < full ? '=' : i == full ? '>' : ' ';
    bar[20] = 0;
    if (r->quiet || (!r->fancy && !p->validated && p->step % 10)) return;
    fprintf(stderr, "%s[%s] %lld/%lld epoch %.2f  loss %.3f", cli_escape(r->fancy, CLI_HOME), bar, (long long)p->step,
            (long long)n_steps, p->epoch, r->loss_mean);
    if (isfinite(p->validation_loss)) fprintf(stderr, "  validation %.3f (best %.3f)", p->validation_loss, p->best_loss);
    if (isfinite(p->choices_loss))
        fprintf(stderr, "  choices %.3f, worth %.1f%% (at first %.1f%%)", p->choices_loss, 100 * p->choices_worth,
                100 * p->choices_worth_before);
    fprintf(stderr, "  |g| %.2f  %.0f tokens/s  ETA %s%s", p->grad_norm, (double)r->rows / passed,
            cli_time(per_step * (double)(n_steps - p->step)), r->fancy ? cli_escape(true, CLI_CLEAR) : "\n");
    if (r->fancy && p->validated) fputc('\n', stderr);
    fflush(stderr);
}

static void log_line(const run *r, json_t *o) {
    char *text = o ? json_dumps(o, JSON_REAL_PRECISION(6)) : NULL;
    if (text) fprintf(r->log, "%s\n", text);
    fflush(r->log);
    free(text);
    json_decref(o);
}

static void log_step(const run *r, const us_train_report *p) {
    json_t *o = json_pack("{s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:f}", "step", (json_int_t)p->step, "epoch", p->epoch, "loss",
                          isfinite(p->loss) ? p->loss : 0, "lr", p->lr, "grad_norm", p->grad_norm, "tokens",
                          (json_int_t)p->rows, "targets", (json_int_t)p->targets, "seconds", p->seconds);
    if (o && !isfinite(p->loss)) json_object_del(o, "loss"); /* the validation that an interrupted run owed */
    double passed = now() - r->started, made = (double)(p->step - r->first_step);
    json_object_set_new(o, "n_steps", json_integer(r->n_steps));
    if (made > 0) json_object_set_new(o, "left_seconds", json_real(passed / made * (double)(r->n_steps - p->step)));
    if (p->step == 1 && isfinite(p->base_loss)) json_object_set_new(o, "base_loss", json_real(p->base_loss));
    if (p->validated) json_object_set_new(o, "validation_loss", json_real(p->validation_loss));
    if (isfinite(p->choices_loss)) {
        json_object_set_new(o, "choices_loss", json_real(p->choices_loss));
        json_object_set_new(o, "choices_worth", json_real(p->choices_worth));
        json_object_set_new(o, "choices_worth_before", json_real(p->choices_worth_before));
    }
    log_line(r, o);
}

/* Between layers. A validation tells how far it is, every two seconds. */
static bool show_working(void *ctx, int32_t n_done, int32_t n_total) {
    run *r = ctx;
    double time = now();
    if (!n_total || time - r->shown_at < 2) return !interrupted;
    r->shown_at = time;
    if (r->log) log_line(r, json_pack("{s:s, s:i, s:i}", "stage", "validation", "done", (int)n_done, "total", (int)n_total));
    if (r->fancy && !r->quiet) fprintf(stderr, "\rvalidation: %d of %d tokens\033[K", n_done, n_total);
    return !interrupted;
}
static bool keep_talking(void *ctx, const char *text, size_t n) {
    (void)ctx, (void)text, (void)n;
    return !interrupted;
}

static bool is_draft(const run *r) { return r->card && us_card_is_draft(r->card); }

/* The greeting of a card that nobody has written is the character's own. */
static us_status greet(const run *r, us_error *err) {
    us_status st = us_train_greeting(r->model, r->card, r->adapter_path, r->threads, keep_talking, NULL, err);
    return st ? st : us_card_save(r->card, r->card_path, err);
}

typedef struct sampling {
    const run *r;
    int64_t step;
    bool bare; /* the base alone speaks */
} sampling;

static void show_sample(void *ctx, const char *line, const char *reply, const us_error *trouble) {
    const sampling *s = ctx;
    if (reply)
        log_line(s->r,
                 json_pack("{s:I, s:s, s:s, s:b}", "step", (json_int_t)s->step, "line", line, "reply", reply, "bare", s->bare));
    if (s->r->quiet) return;
    if (reply) fprintf(stderr, "    - %s\n      %s\n", line, reply);
    else fprintf(stderr, "    - %s\n      (no words: %s)\n", line, trouble->message);
}

/* Trouble here is told, and the training goes on. */
static void show_samples(const run *r, int64_t step, bool bare) {
    sampling s = {r, step, bare};
    us_error err;
    if (bare && !r->quiet) fprintf(stderr, "  what the model answers before it learns:\n");
    else if (!r->quiet) fprintf(stderr, "  what %s answers after step %lld:\n", r->character, (long long)step);
    us_status st =
        us_train_samples(r->model, r->card, bare ? NULL : r->adapter_path, r->threads, show_sample, keep_talking, &s, &err);
    if (st && st != US_ERR_INTERRUPTED) fprintf(stderr, "    (no samples: %s)\n", err.message);
}

static us_status keep_best(run *r, us_error *err) { return us_trainer_keep(r->trainer, r->type, r->card, r->out, err); }

/* Trouble with a file (a full disk) is told and ends nothing: the next save may go well. True when all is well. */
static bool survived(const run *r, us_status *st, const us_error *err) {
    if (*st == US_ERR_IO) {
        fprintf(stderr, "%swarning: %s; the run goes on, what was written before stays\n", r->fancy ? "\n" : "", err->message);
        *st = US_OK;
        return false;
    }
    return !*st;
}

static us_status after_validation(run *r, const us_train_report *p, bool samples, us_error *err) {
    double pause = now();
    us_status st = p->improved ? keep_best(r, err) : US_OK;
    bool kept = survived(r, &st, err);
    if (!st)
        st = us_trainer_write_record(r->trainer, p->improved && kept ? &(us_train_outcome){r->adapter_path, NAN, NAN, 0} : NULL,
                                     r->out, err);
    survived(r, &st, err);
    if (!st && kept && p->improved && samples && !interrupted) show_samples(r, p->step, false);
    r->started += now() - pause;
    return st;
}

static us_status steps(run *r, bool samples, us_train_report *p, us_error *err) {
    us_status st = US_OK;
    r->n_steps = us_trainer_get_facts(r->trainer).n_steps;
    r->first_step = -1;
    do {
        st = us_trainer_step(r->trainer, p, err);
        survived(r, &st, err);                                   /* the step stands; the checkpoint does not */
        if (st || (p->done && !p->rows && !p->validated)) break; /* the checkpoint was of a finished run */
        if (r->first_step < 0) {
            r->first_step = p->step - (p->rows > 0), r->started = now() - p->seconds,
            r->loss_mean = isfinite(p->loss) ? p->loss : 0;
            if (isfinite(p->base_loss) && !r->first_step && !r->quiet)
                fprintf(stderr, "%swithout an adapter: validation loss %.3f, perplexity %.1f%s\n",
                        cli_escape(r->fancy, CLI_HOME), p->base_loss, exp(p->base_loss), cli_escape(r->fancy, CLI_CLEAR));
        }
        if (isfinite(p->loss)) r->loss_mean = 0.9 * r->loss_mean + 0.1 * p->loss;
        r->rows += p->rows;
        log_step(r, p);
        progress(r, p, r->n_steps);
        if (p->validated) st = after_validation(r, p, samples, err);
    } while (!st && !p->done && !interrupted);
    if (r->fancy && !r->quiet) fputc('\n', stderr);
    return st == US_ERR_INTERRUPTED ? US_OK : st; /* the checkpoint is written by who called */
}

/* A run that was asked to end: everything is kept. */
static int pause_run(run *r, int64_t step, us_error *err) {
    us_status st = us_trainer_checkpoint(r->trainer, err);
    if (st) return cli_fail(r->command, st, err);
    fprintf(stderr, "Interrupted at step %lld; nothing is lost: the same command with --resume goes on.\n", (long long)step);
    return EXIT_INTERRUPTED;
}

static int finish(run *r, const us_train_report *p, us_error *err) {
    us_train_outcome o = {r->adapter_path, NAN, NAN, 0};
    us_status st = keep_best(r, err);
    if (st) return cli_fail(r->command, st, err);
    double norm = us_trainer_adapter_norm(r->trainer);
    fprintf(stderr, "%s after %lld steps%s. Adapter norm %.3f.", p->early ? "Stopped early" : "Done", (long long)p->step,
            isfinite(p->best_loss) ? "" : " (no validation)", norm);
    if (isfinite(p->best_loss)) {
        fprintf(stderr, " Best at step %lld; now all of the validation part.\n", (long long)p->best_step);
        o.validation_loss = us_trainer_evaluate(r->trainer, US_VALIDATION, 0, US_BEST, &o.n_targets);
        if (!interrupted) o.base_loss = us_trainer_evaluate(r->trainer, US_VALIDATION, 0, US_BASE, NULL);
        if (interrupted) return pause_run(r, p->step, err);
        fprintf(stderr, "%sOver its %llu tokens: loss %.4f, perplexity %.2f; without the adapter %.2f.%s",
                cli_escape(r->fancy, CLI_HOME), (unsigned long long)o.n_targets, o.validation_loss, exp(o.validation_loss),
                exp(o.base_loss), cli_escape(r->fancy, CLI_CLEAR));
    }
    fputc('\n', stderr);
    if (isfinite(p->best_loss)) printf("%.5f\n", o.validation_loss);
    st = us_trainer_write_record(r->trainer, &o, r->out, err);
    if (!st && is_draft(r)) st = greet(r, err);
    if (interrupted) return pause_run(r, p->step, err);
    if (st) return cli_fail(r->command, st, err);
    log_line(r, json_pack("{s:b, s:I, s:f, s:f}", "done", 1, "step", (json_int_t)p->step, "validation_loss",
                          isfinite(o.validation_loss) ? o.validation_loss : 0, "base_loss",
                          isfinite(o.base_loss) ? o.base_loss : 0));
    fprintf(stderr,
            r->series ? "%s, train.json and loss.svg are written. Begin characters from it: understudy train ... --character "
                        "NAME --continue %s\n"
                      : "%s, train.json and loss.svg are written. Talk to them: understudy chat %s\n",
            r->adapter_path, r->out);
    char *about = join(r->out, "about.json");
    if (r->script && !r->series && !r->quiet && access(about, F_OK))
        fprintf(stderr, "A picture for the page, and what it tells about them: understudy explore FILE --about %s\n", r->out);
    free(about);
    if (o.validation_loss >= o.base_loss)
        fprintf(
            stderr,
            "warning: the adapter predicts unseen lines no better than the base alone: too few lines, or too high a rate\n");
    if (norm < 1e-6) fprintf(stderr, "warning: the adapter's norm is zero (%.1e): nothing was learned\n", norm);
    unlink(r->checkpoint_path);
    unlink(r->continued_path);
    return EXIT_OK;
}

/* The folder, its card and the log before hours are spent: a place that cannot be written is told at once. */
static us_status prepare_folder(run *r, bool append, us_error *err) {
    us_status st = r->card && access(r->card_path, F_OK) ? us_card_save(r->card, r->card_path, err) : US_OK;
    if (!append && !r->from) unlink(r->continued_path); /* of a run that was thrown away */
    if (!st && !(r->log = fopen(r->log_path, append || r->unlisted ? "a" : "w")))
        st = us_fail(err, US_ERR_IO, "%s: cannot write: %s", r->log_path, strerror(errno));
    return st;
}

/* Does the base know the language of the character's lines? */
static us_status ask_base(run *r, us_error *err) {
    size_t n, n_texts = 0;
    const us_turn *t = us_dataset_get_turns(r->set, &n);
    const char **texts = cli_must(malloc((n + 1) * sizeof *texts));
    for (size_t i = 0; i < n; i++)
        if (t[i].character) texts[n_texts++] = t[i].text;
    us_status st = cli_tell_fluency(r->model, texts, n_texts, r->threads, r->quiet, &r->fluency, err);
    free(texts);
    return st;
}

static us_status new_trainer(run *r, const us_train_options *to, bool goes_on, bool dry_run, us_error *err) {
    us_status st = us_trainer_new(r->model, r->set, to, dry_run ? NULL : r->out, &r->trainer, err);
    if (!st && (goes_on ? access(r->continued_path, F_OK) == 0 : r->from != NULL))
        st = us_trainer_continue(r->trainer, goes_on ? NULL : r->from, err);
    return !st && goes_on ? us_trainer_resume(r->trainer, err) : st;
}

/* A quarter of the turns went without a name in version 0.1, and visitors had no rows of their own: a run of its time ends so. */
static us_status resume_rows_of_0_1(run *r, const us_train_options *to, us_error *err) {
    us_trainer_free(r->trainer);
    us_dataset_free(r->set);
    r->trainer = NULL;
    r->set = NULL;
    r->usual->unnamed = 0.25;
    r->usual->visitors = 0;
    r->usual->exchanges = NULL;
    us_status st = us_dataset_build(r->script, r->usual, &r->set, err);
    return st ? st : new_trainer(r, to, true, false, err);
}

static int train(run *r, us_train_options *to, bool resume, bool restart, bool ends, bool dry_run, bool samples,
                 us_error *err) {
    us_train_report p = {0};
    char id[US_JOBS_ID];
    bool unfinished = access(r->checkpoint_path, F_OK) == 0;
    if (unfinished && !resume && !restart && !dry_run)
        return cli_usage(r->command, "%s is there: an unfinished run. --resume goes on with it, --restart throws it away",
                         r->checkpoint_path);
    to->progress = show_rehearsal;
    to->progress_ctx = r;
    to->working = show_working;
    to->working_ctx = r;
    checkpoint = r->checkpoint_path;
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
    if (r->card) to->cast = us_card_cast(r->card, &to->n_cast);
    bool goes_on = resume && !dry_run;
    us_status st = new_trainer(r, to, goes_on, dry_run, err);
    us_error other;
    if (st == US_ERR_MISMATCH && goes_on && r->usual && !resume_rows_of_0_1(r, to, &other)) {
        st = US_OK;
        fprintf(stderr, "This run began with the rows of version 0.1 (--unnamed 0.25 --visitors 0 --exchanges none) and goes "
                        "on with them.\n");
    }
    if (!st && !dry_run) st = prepare_folder(r, resume, err);
    if (st) return cli_fail(r->command, st, err);
    if (!resume && (st = ask_base(r, err))) return cli_fail(r->command, st, err);
    us_trainer_estimate(r->trainer);
    if (!r->quiet) print_facts(r, samples || is_draft(r));
    if (!resume && !r->quiet && access(r->adapter_path, F_OK) == 0)
        fprintf(stderr, "  %s is there already: the best of this run takes its place (--out DIR: elsewhere)\n",
                r->adapter_path);
    if (dry_run) return r->json ? print_plan(r, samples || is_draft(r)) : EXIT_OK;
    us_jobs *jobs = r->unlisted ? NULL : enter_job(r, r->typed, id);
    if (resume) log_line(r, json_pack("{s:b}", "resumed", 1));
    log_line(r, json_pack("{s:s, s:s, s:I, s:f}", "stage", "learning", "character", r->character, "n_steps",
                          (json_int_t)us_trainer_get_facts(r->trainer).n_steps, "seconds",
                          us_trainer_get_facts(r->trainer).seconds));
    if (samples && !resume && !interrupted) show_samples(r, 0, true);
    if (ends) us_trainer_end(r->trainer);
    st = steps(r, samples, &p, err);
    if (st) {
        int rc = cli_fail(r->command, st, err);
        if (p.validated || access(r->checkpoint_path, F_OK) == 0)
            fprintf(stderr, "%s holds the last good state, %s the best adapter so far\n", r->checkpoint_path, r->adapter_path);
        return leave_job(jobs, id, rc);
    }
    return leave_job(jobs, id, p.done && !interrupted ? finish(r, &p, err) : pause_run(r, p.step, err));
}

/* ---- what was typed ------------------------------------------------------------------------------------------------- */

typedef struct typed_options {
    cli_script script;
    us_dataset_options set; /* shares below 0: not given */
    us_train_options train;
    const char *tpl, *model, *from, *schedule, *packing, *type;
    int64_t history, rank, seed, threads, batch, micro, max_sequence, memory, patience, max_words;
    double validation, test;
    bool resume, restart, ends, dry_run, no_samples;
} typed_options;

/* *n: operands, moved to argv[1..]. */
static int read_options(int argc, char **argv, run *r, typed_options *o, int *n, bool *help) {
    const cli_option options[] = {
        {"character", 'c', "NAME", "whose lines are learned", CLI_STRING, &r->character, 0, 0},
        {"series", 0, NULL, "instead of a character: all speakers' lines, for characters to begin from (--continue)",
         CLI_SWITCH, &r->series, 0, 0},
        {"model", 'm', "FILE", "GGUF base model: a path, https://... or hf:OWNER/NAME/FILE.gguf (the default model)",
         CLI_STRING, &o->model, 0, 0},
        {"template", 0, "NAME|FILE", "chat template, when the model file's is unknown (docs/models.md)", CLI_STRING, &o->tpl, 0,
         0},
        {"out", 'o', "DIR", "the character's folder (characters/FIRST-NAME)", CLI_STRING, &r->out, 0, 0},
        {"dataset", 0, "DIR", "train on these JSONL rows instead of a script ('understudy dataset' writes them)", CLI_STRING,
         &r->dataset, 0, 0},
        {"continue", 0, "ADAPTER", "begin from this adapter, or this character's folder: lines that came later", CLI_STRING,
         &o->from, 0, 0},
        {"resume", 0, NULL, "go on with an interrupted run", CLI_SWITCH, &o->resume, 0, 0},
        {"restart", 0, NULL, "throw an interrupted run away", CLI_SWITCH, &o->restart, 0, 0},
        {"finish", 0, NULL, "with --resume: learn no more, keep the best so far", CLI_SWITCH, &o->ends, 0, 0},
        {"dry-run", 0, NULL, "say what would be done, how long and how much memory it takes", CLI_SWITCH, &o->dry_run, 0, 0},
        {"json", 0, NULL, "with --dry-run: as JSON", CLI_SWITCH, &r->json, 0, 0},
        {"history", 0, "N", "lines before a target that the model sees (10)", CLI_INT, &o->history, 1, 100},
        {"rank", 'r', "N", "rank of the factors (16)", CLI_INT, &o->rank, 1, 256},
        {"alpha", 0, "X", "strength: y += alpha/rank B A x (twice the rank)", CLI_FLOAT, &o->train.alpha, 0.001, 1e4},
        {"rslora", 0, NULL, "alpha/sqrt(rank) instead", CLI_SWITCH, &o->train.rslora, 0, 0},
        {"dropout", 0, "X", "on the input of the factors (0)", CLI_FLOAT, &o->train.dropout, 0, 0.9},
        {"modules", 0, "LIST", "q,k,v,o,gate,up,down or some of them (all)", CLI_STRING, &o->train.modules, 0, 0},
        {"lr", 0, "X", "peak learning rate (1e-3)", CLI_FLOAT, &o->train.lr, 1e-9, 1},
        {"lora-plus", 0, "X", "rate of B over that of A (1)", CLI_FLOAT, &o->train.lora_plus, 0.01, 1000},
        {"schedule", 0, "NAME", "cosine, constant, linear (cosine)", CLI_STRING, &o->schedule, 0, 0},
        {"warmup", 0, "X", "share of the steps (0.05)", CLI_FLOAT, &o->train.warmup, 0, 1},
        {"epochs", 'e', "X", "passes over the dialogue (1.5)", CLI_FLOAT, &o->train.epochs, 0.001, 1000},
        {"max-steps", 0, "N", "instead of --epochs", CLI_INT, &o->train.max_steps, 1, 1e12},
        {"batch", 'b', "N", "tokens a step (4096)", CLI_INT, &o->batch, 1, 1 << 24},
        {"micro-batch", 0, "N", "tokens computed together (chosen from the memory)", CLI_INT, &o->micro, 32, 1 << 20},
        {"max-sequence", 0, "N", "longest sequence in tokens (1024)", CLI_INT, &o->max_sequence, 16, 1 << 20},
        {"packing", 0, "NAME", "scene: a scene in one pass; none: a sequence a line, the usual recipe (scene)", CLI_STRING,
         &o->packing, 0, 0},
        {"clip", 0, "X", "largest norm of a step's gradient (1)", CLI_FLOAT, &o->train.clip, 0.001, 1e6},
        {"weight-decay", 0, "X", "how much the factors shrink at each step, times the rate (0)", CLI_FLOAT,
         &o->train.weight_decay, 0, 10},
        {"max-words", 0, "N", "longer lines are not learned (60)", CLI_INT, &o->max_words, 1, 10000},
        {"unnamed", 0, "X", "share of single speakers' turns without the name, as visitors type (0.5)", CLI_FLOAT,
         &o->set.unnamed, 0, 1},
        {"visitors", 0, "X", "share of them that are read as a visitor's first words: no name, nothing before is seen (0.25)",
         CLI_FLOAT, &o->set.visitors, 0, 1},
        {"exchanges", 0, "FILE",
         "conversations to learn as well, lines VISITOR | CHARACTER | VISITOR ...; none (common: ours, for an English script)",
         CLI_STRING, &o->set.exchanges, 0, 0},
        {"choices", 0, "FILE",
         "replies of which some are better, as JSONL with labels: the better ones become likelier (docs/train.md)", CLI_STRING,
         &o->train.choices, 0, 0},
        {"validation", 0, "X", "share of the scenes (0.05)", CLI_FLOAT, &o->validation, 0, 0.9},
        {"test", 0, "X", "share of the scenes (0.05)", CLI_FLOAT, &o->test, 0, 0.9},
        {"eval-every", 0, "N", "steps between validations (a tenth of an epoch)", CLI_INT, &o->train.eval_every, 1, 1e9},
        {"eval-targets", 0, "N", "tokens of a validation, 0 is all (8000)", CLI_INT, &o->train.eval_targets, 0, 1e12},
        {"patience", 0, "N", "stop after so many validations without a better one (0: never)", CLI_INT, &o->patience, 0, 1e6},
        {"checkpoint-every", 0, "N", "steps (50)", CLI_INT, &o->train.checkpoint_every, 1, 1e9},
        {"rehearsal", 0, "X", "share of the learned tokens that are the base's own answers to neutral prompts (0)", CLI_FLOAT,
         &o->train.rehearsal, 0, 0.5},
        {"seed", 's', "N", "same seed, same adapter (0)", CLI_INT, &o->seed, 0, 9e15},
        {"type", 0, "TYPE", "of the adapter: q8_0, f16, f32 (q8_0)", CLI_STRING, &o->type, 0, 0},
        {"memory", 0, "MIB", "for activations (a quarter of what is free, at most 1536)", CLI_INT, &o->memory, 16, 1 << 24},
        {"recompute", 0, NULL, "less memory, about a third more work", CLI_SWITCH, &o->train.recompute, 0, 0},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &o->threads, 0, 256},
        {"log", 0, "FILE", "a JSON line a step (OUT/log.jsonl)", CLI_STRING, &r->log_path, 0, 0},
        {"no-samples", 0, NULL, "no words of the character while it learns", CLI_SWITCH, &o->no_samples, 0, 0},
        {"persona", 0, "TEXT", "who the character is, for a new card (a plain sentence)", CLI_STRING, &r->persona, 0, 0},
        {"no-job", 0, NULL, "do not list it among the jobs", CLI_SWITCH, &r->unlisted, 0, 0},
        {"quiet", 'q', NULL, "no progress", CLI_SWITCH, &r->quiet, 0, 0},
        CLI_SCRIPT_OPTIONS(o->script),
    };
    return cli_parse(argv[0],
                     "usage: understudy train FILE... --character NAME [OPTIONS]\n       understudy train --dataset DIR "
                     "--character NAME [OPTIONS]\n       understudy train FILE... --series [OPTIONS]\n\n"
                     "Learns a character's manner as a LoRA adapter over a frozen, quantized model, on the CPU. Ctrl-C saves\n"
                     "everything; --resume goes on. The best adapter by validation is kept in OUT/adapter.gguf.",
                     options, sizeof options / sizeof *options, argc, argv, n, help);
}

/* What does not go together. */
static int check_options(const run *r, const typed_options *o, int n) {
    if (r->series && (r->character || r->dataset || o->packing[0] == 'n'))
        return cli_usage(r->command,
                         "--series learns the scenes of a script: it goes without --character, --dataset and --packing none");
    if (o->set.exchanges && (r->series || r->dataset))
        return cli_usage(r->command, "--exchanges goes with the script of a character, not with --series or --dataset");
    if (o->train.choices && r->series) return cli_usage(r->command, "--choices goes with a character, not with --series");
    if (!r->character && !r->series)
        return cli_usage(r->command, "no --character: whose lines are to be learned? ('understudy explore FILE' lists the "
                                     "speakers; --series: everybody's)");
    if (o->ends && !o->resume) return cli_usage(r->command, "--finish ends an interrupted run: give --resume too");
    if (!n == !r->dataset) return cli_usage(r->command, "give either script files or --dataset DIR");
    if (strcmp(o->packing, "scene") && strcmp(o->packing, "none"))
        return cli_usage(r->command, "--packing %s: expected scene or none", o->packing);
    return EXIT_OK;
}

/* Which of three names it is; 3: none. */
static int index_of(const char *name, const char *const names[3]) {
    int i = 0;
    while (i < 3 && strcmp(name, names[i])) i++;
    return i;
}

/* The numbers and names become those of the library. */
static int use_options(run *r, typed_options *o) {
    int schedule = index_of(o->schedule, (const char *const[]){"cosine", "constant", "linear"}),
        type = index_of(o->type, (const char *const[]){"f16", "q8_0", "f32"});
    if (schedule == 3) return cli_usage(r->command, "--schedule %s: expected cosine, constant or linear", o->schedule);
    if (type == 3) return cli_usage(r->command, "--type %s: expected q8_0, f16 or f32", o->type);
    us_dataset_options *set = &o->set;
    us_train_options *to = &o->train;
    if (set->unnamed < 0 && set->visitors < 0 && !r->series && !r->dataset && !set->exchanges) r->usual = set;
    if (set->unnamed < 0) set->unnamed = CLI_UNNAMED;
    if (set->visitors < 0) set->visitors = CLI_VISITORS;
    if (r->series) r->character = "series", o->no_samples = true, set->visitors = 0;
    set->history = (int32_t)o->history; /* its seed stays 0: the split stays when the seed of the training changes */
    set->max_words = (int32_t)o->max_words;
    set->validation = o->validation;
    set->test = o->test;
    to->schedule = (us_schedule)schedule;
    to->windowed = o->packing[0] == 'n';
    to->rank = (int32_t)o->rank;
    to->batch_rows = (int32_t)o->batch;
    to->micro_rows = (int32_t)o->micro;
    to->max_sequence = (int32_t)o->max_sequence;
    to->patience = (int32_t)o->patience;
    to->memory_bytes = (uint64_t)o->memory << 20;
    to->n_threads = r->threads = (int)o->threads;
    to->seed = (uint64_t)o->seed;
    r->type = (us_adapter_type)type;
    if (o->from) r->from = cli_adapter_file(o->from);
    return EXIT_OK;
}

static void end_run(run *r) {
    if (r->log) fclose(r->log);
    us_trainer_free(r->trainer);
    us_model_free(r->model);
    us_card_free(r->card);
    us_dataset_free(r->set);
    us_script_free(r->script);
    free(r->system);
    free(r->owned_out);
    free(r->card_path);
    free(r->adapter_path);
    free(r->checkpoint_path);
    free(r->continued_path);
    free(r->from);
    free(r->owned_log);
}

static int read_and_train(run *r, typed_options *o, const char *const *files, size_t n) {
    us_error err;
    us_status st = load(r, &o->script, &o->set, files, n, &err);
    if (st) return cli_fail(r->command, st, &err);
    if (!r->quiet) print_set(r);
    char *path = cli_model_path(r->command, o->model);
    if (!path) return EXIT_FAILED; /* it has said why */
    cli_tell_loading(r->quiet);
    st = us_model_open(path, &(us_model_options){.n_threads = r->threads, .template_name = o->tpl}, &r->model, &err);
    free(path);
    if (st) return cli_fail(r->command, st, &err);
    return train(r, &o->train, o->resume, o->restart, o->ends, o->dry_run, !o->no_samples, &err);
}

int cmd_train(int argc, char **argv) {
    typed_options o = {.set = {.unnamed = -1, .visitors = -1},
                       .train = {.eval_targets = 8000},
                       .schedule = "cosine",
                       .packing = "scene",
                       .type = "q8_0",
                       .history = 10,
                       .rank = 16,
                       .max_words = 60,
                       .validation = 0.05,
                       .test = 0.05};
    run r = {
        .command = argv[0], .fancy = cli_fancy(2), .typed = typed(argc, argv)}; /* before the options are taken out of it */
    bool help;
    int n, rc = read_options(argc, argv, &r, &o, &n, &help);
    if (!rc && !help) rc = cli_script_check(argv[0], &o.script);
    if (!rc && !help) rc = check_options(&r, &o, n);
    if (!rc && !help) rc = use_options(&r, &o);
    if (!rc && !help) rc = read_and_train(&r, &o, (const char *const *)argv + 1, (size_t)n);
    end_run(&r);
    json_decref(r.typed);
    return rc;
}
