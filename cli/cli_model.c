#include "cli_model.h"
#include "understudy/fetch.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_MODEL "SmolLM2-135M-Instruct.Q4_1.gguf"

typedef struct fetch_line {
    struct timespec start;
    unsigned long long first, percent; /* what was there at the start; what was shown last */
    bool begun;
} fetch_line;

/* One line on standard error, written over on a terminal; else a line at each tenth. */
static bool show_fetch(void *ctx, const char *file, uint64_t done, uint64_t total) {
    fetch_line *l = ctx;
    struct timespec now;
    bool fancy = cli_fancy(2);
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!l->begun) *l = (fetch_line){.start = now, .first = done, .percent = 101, .begun = true};
    unsigned long long percent = total ? 100 * done / total : 0;
    double seconds = (double)(now.tv_sec - l->start.tv_sec) + 1e-9 * (double)(now.tv_nsec - l->start.tv_nsec),
           speed = seconds > 0.5 ? (double)(done - l->first) / seconds : 0,
           left = speed > 0 && total > done ? (double)(total - done) / speed : 0;
    if (!fancy && (percent / 10 == l->percent / 10 || !total)) return true;
    l->percent = percent;
    fprintf(stderr, "%sfetching %.60s: %llu%% of %.0f MB", fancy ? "\r\033[K" : "", file, percent, (double)total / 1e6);
    if (speed > 0) fprintf(stderr, ", %.1f MB/s", speed / 1e6);
    if (left >= 90) fprintf(stderr, ", %.0f min left", left / 60);
    else if (left > 0) fprintf(stderr, ", %.0f s left", left);
    fputs(fancy ? "" : "\n", stderr);
    fflush(stderr);
    return true;
}

char *cli_fetch(const char *command, const char *address) {
    fetch_line line = {.begun = false};
    us_error err;
    char *path = NULL;
    us_status st = us_fetch(address, &(us_fetch_options){.progress = show_fetch, .ctx = &line}, &path, &err);
    if (line.begun && cli_fancy(2)) fputs("\r\033[K", stderr);
    if (st) cli_fail(command, st, &err);
    return path;
}

char *cli_model_path(const char *command, const char *given) {
    char path[4096];
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (!given || !*given) given = getenv("UNDERSTUDY_MODEL");
    if (given && *given) return us_fetch_is_address(given) ? cli_fetch(command, given) : cli_must(strdup(given));
    if (xdg && *xdg == '/') snprintf(path, sizeof path, "%s/understudy/models/" DEFAULT_MODEL, xdg);
    else snprintf(path, sizeof path, "%s/.local/share/understudy/models/" DEFAULT_MODEL, home ? home : "");
    if (access(path, R_OK) == 0) return cli_must(strdup(path));
    fprintf(stderr,
            "understudy %s: no model: %s is not there. Run ./script/model to fetch the default model, or name a GGUF file with "
            "-m\n",
            command, path);
    return NULL;
}

void cli_tell_loading(bool quiet) {
    if (!quiet && cli_fancy(2)) fprintf(stderr, "loading the model ...%s", cli_escape(true, CLI_HOME));
}

int cli_kv_type(const char *command, const char *name, us_kv_type *out) {
    if (!name || !strcmp(name, "f16")) *out = US_KV_F16;
    else if (!strcmp(name, "q8_0")) *out = US_KV_Q8_0;
    else if (!strcmp(name, "f32")) *out = US_KV_F32;
    else return cli_usage(command, "--kv-type: expected f16, q8_0 or f32, got '%s'", name);
    return 0;
}

us_status cli_tell_fluency(const us_model *m, const char *const *texts, size_t n, int n_threads, bool quiet, us_fluency *out,
                           us_error *err) {
    us_status st = us_fluency_measure(m, texts, n, n_threads, out, err);
    if (st || !out->n_tokens || (quiet && !out->hardly)) return st;
    double share = 100 * out->nats / out->plain_nats;
    if (!out->hardly)
        fprintf(stderr,
                "the model knows the language: %.2f nats a character, %.0f%% of what the frequencies of the characters give\n",
                out->nats, share);
    else
        fprintf(stderr,
                "warning: the model hardly knows this language: %.2f nats a character, %.0f%% of what the frequencies of the "
                "characters alone give (above %.0f%% a character babbles). Take a base that was trained on the language: a "
                "multilingual one (Qwen 2.5 or 3, Gemma 3, Llama 3.2, SmolLM3) or one made for it, with -m FILE; 'understudy "
                "doctor "
                "FILE -m MODEL' tells the same of any model\n",
                out->nats, share, 100 * out->limit);
    return US_OK;
}
