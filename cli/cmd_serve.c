/* understudy serve: the chat page and the OpenAI API. */
#include "cli_model.h"
#include "understudy/serve.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ./characters, or those beside the program. */
static const char *find_characters(char *out) {
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (access("characters", R_OK) == 0) return "characters";
    if (n <= 0) return NULL;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    for (int i = 0; i < 2; i++) {
        snprintf(out, 2 * PATH_MAX, "%s/%s", self, i ? "../share/understudy/characters" : "../../characters");
        if (access(out, R_OK) == 0) return out;
    }
    return NULL;
}

static char *read_key(const char *path) {
    char line[1024];
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    if (got) line[strcspn(line, "\r\n")] = 0;
    return got && *line ? strdup(line) : NULL;
}

int cmd_serve(int argc, char **argv) {
    const char *model = NULL, *host = "127.0.0.1", *key_file = NULL, *origin = NULL, *characters = NULL;
    int64_t port = 5000, parallel = 8, ctx = 16384, threads = 0;
    bool help_shown, no_key = false;
    int n_operands;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model (default: the default model)", CLI_STRING, &model, 0, 0},
        {"host", 0, "ADDRESS", "IPv4 address to listen on (127.0.0.1)", CLI_STRING, &host, 0, 0},
        {"port", 0, "N", "port (5000)", CLI_INT, &port, 1, 65535},
        {"parallel", 0, "N", "replies made at once (8)", CLI_INT, &parallel, 1, 64},
        {"ctx-size", 'c', "N", "cache in tokens over all chats (16384)", CLI_INT, &ctx, 512, 1 << 22},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"characters", 0, "DIR", "one folder a character (./characters, or those installed)", CLI_STRING, &characters, 0, 0},
        {"api-key-file", 0, "FILE", "its first line is the key that clients must give", CLI_STRING, &key_file, 0, 0},
        {"no-api-key", 0, NULL, "listen on a public address without a key", CLI_SWITCH, &no_key, 0, 0},
        {"cors-origin", 0, "ORIGIN", "one other origin whose pages may call", CLI_STRING, &origin, 0, 0},
    };
    int rc = cli_parse(argv[0], "usage: understudy serve [OPTIONS]\n\nThe chat page and the OpenAI API, until Ctrl-C.", options, sizeof options / sizeof *options, argc, argv, &n_operands, &help_shown);
    if (rc || help_shown) return rc;
    if (n_operands) return cli_usage(argv[0], "unexpected '%s'", argv[1]);
    us_error err = {0};
    us_model *m = NULL;
    us_server *s = NULL;
    char beside[2 * PATH_MAX], *key = NULL, *path = cli_model_path(argv[0], model);
    if (!path) return EXIT_FAILED;
    us_status st = US_OK;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before any thread is started: all inherit it */
    signal(SIGPIPE, SIG_IGN);
    if (key_file && !(key = read_key(key_file))) st = us_fail(&err, US_ERR_IO, "no key in %s", key_file);
    if (!st) st = us_model_open(path, &(us_model_options){.n_threads = (int)threads}, &m, &err);
    us_serve_options o = {.host = host, .port = (int)port, .n_parallel = (int32_t)parallel, .n_ctx = (int32_t)ctx, .n_threads = (int)threads,
                          .characters = characters ? characters : find_characters(beside), .api_key = key, .cors_origin = origin, .public_without_key = no_key};
    if (!st) st = us_server_new(m, &o, &s, &err);
    if (st) rc = cli_fail(argv[0], st, &err);
    else {
        int sig;
        fprintf(stderr, "http://%s:%d (Ctrl-C ends)\n", host, (int)port);
        sigwait(&ends, &sig);
        fprintf(stderr, "ending\n");
    }
    us_server_free(s);
    us_model_free(m);
    free(key);
    free(path);
    return rc;
}
