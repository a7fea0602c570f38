/* understudy jobs: the trainings and auditions that the page, or this terminal, has begun. */
#include "cli.h"
#include "understudy/jobs.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t ending;
static void on_end(int sig) { ending = sig; }

static int list(const char *command, us_jobs *jobs, bool json) {
    us_error err;
    char *text;
    us_status st = us_jobs_tick(jobs, NULL, &err); /* who was killed is found */
    if (!st) st = json ? us_jobs_list(jobs, NULL, &text, &err) : us_jobs_table(jobs, &text, &err);
    if (st) return cli_fail(command, st, &err);
    if (*text && json) cli_put_json(text, stdout), putchar('\n');
    else if (*text) fputs(text, stdout);
    else fprintf(stderr, "no jobs: 'understudy train' and the page begin some\n");
    free(text);
    return EXIT_OK;
}

/* Works through the queue here, as the server does. */
static int run(const char *command, us_jobs *jobs) {
    us_error err;
    if (!us_jobs_supervise(jobs)) {
        fprintf(stderr, "a server works on these jobs already\n");
        return EXIT_FAILED;
    }
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_end}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_end}, NULL);
    for (bool busy = true; busy && !ending;) {
        bool changed;
        char *text;
        us_status st = us_jobs_tick(jobs, &changed, &err);
        if (!st) st = us_jobs_list(jobs, NULL, &text, &err);
        if (st) return cli_fail(command, st, &err);
        busy = strstr(text, "\"state\":\"queued\"") || strstr(text, "\"state\":\"running\"");
        free(text);
        if (changed) list(command, jobs, false);
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    }
    return ending ? EXIT_INTERRUPTED : EXIT_OK; /* closing interrupts what runs: it can go on */
}

int cmd_jobs(int argc, char **argv) {
    static const struct {
        const char *name;
        us_jobs_action action;
    } actions[] = {{"pause", US_JOBS_PAUSE},
                   {"resume", US_JOBS_RESUME},
                   {"finish", US_JOBS_KEEP},
                   {"cancel", US_JOBS_CANCEL},
                   {"forget", US_JOBS_FORGET}};
    const char *data_dir = NULL;
    char data[PATH_MAX], folder[PATH_MAX + 8], self[PATH_MAX] = "";
    bool json = false, help;
    int n;
    const cli_option options[] = {
        {"data-dir", 0, "DIR", "where they are kept ($XDG_DATA_HOME/understudy)", CLI_STRING, &data_dir, 0, 0},
        {"json", 0, NULL, "the list as JSON", CLI_SWITCH, &json, 0, 0},
    };
    int rc =
        cli_parse(argv[0],
                  "usage: understudy jobs [list]                lists them\n"
                  "       understudy jobs pause|resume ID...    a resumed one goes on where it was\n"
                  "       understudy jobs finish ID...          learn no more, keep the best so far\n"
                  "       understudy jobs cancel|forget ID...   throw away what it made; remove one that has ended\n"
                  "       understudy jobs run                   work through the queue here (a server does so by itself)\n\n"
                  "Trainings and auditions, of the page and of the terminal.",
                  options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if (!data_dir && !(data_dir = cli_data_dir(data)))
        return cli_usage(argv[0], "--data-dir is needed: neither XDG_DATA_HOME nor HOME is set");
    snprintf(folder, sizeof folder, "%s/jobs", data_dir);
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len > 0) self[len] = 0;
    us_jobs *jobs;
    us_error err;
    us_status st = us_jobs_open(&(us_jobs_options){.folder = folder, .program = len > 0 ? self : NULL}, &jobs, &err);
    if (st) return cli_fail(argv[0], st, &err);
    const char *what = n ? argv[1] : "list";
    size_t k = 0;
    while (k < 5 && strcmp(what, actions[k].name)) k++;
    if (!strcmp(what, "list") && n < 2) rc = list(argv[0], jobs, json);
    else if (!strcmp(what, "run") && n < 2) rc = run(argv[0], jobs);
    else if (k == 5) rc = cli_usage(argv[0], "'%s': expected list, run, pause, resume, finish, cancel or forget", what);
    else if (n < 2) rc = cli_usage(argv[0], "%s which job? 'understudy jobs' lists their ids", what);
    for (int i = 2; i <= n && k < 5 && !rc; i++)
        if ((st = us_jobs_control(jobs, argv[i], actions[k].action, &err))) rc = cli_fail(argv[0], st, &err);
    us_jobs_close(jobs);
    return rc;
}
