/* understudy serve: the chat page and the OpenAI API. */
#include "cli_model.h"
#include "understudy/serve.h"
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* A large block goes back to the system when it is freed. By itself glibc soon keeps up to 64 MiB of them, in each of its
 * arenas, of which there are eight a core. */
static void give_large_back(void) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

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

/* In place of a path, what it is from everywhere. */
static char *whole_path(char *path) {
    char *whole = realpath(path, NULL);
    if (!whole) return path;
    free(path);
    return whole;
}

static const char *myself(char out[PATH_MAX]) {
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n <= 0) return NULL;
    out[n] = 0;
    return out;
}

/* The first line of a file, whole; NULL: there is none, or it is too long to be a key. */
static char *read_key(const char *path) {
    char line[16384];
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    char *got = fgets(line, sizeof line, f);
    bool whole = got && (strchr(line, '\n') || strlen(line) < sizeof line - 1);
    fclose(f);
    if (got) line[strcspn(line, "\r\n")] = 0;
    return whole && *line ? cli_must(strdup(line)) : NULL;
}

static void log_line(void *ctx, const char *line) {
    char stamp[32];
    time_t now = time(NULL);
    struct tm tm;
    (void)ctx;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", localtime_r(&now, &tm));
    fprintf(stderr, "%s %s\n", stamp, line);
}

int cmd_serve(int argc, char **argv) {
    const char *tpl = NULL;
    const char *model = NULL, *engine_key_file = NULL, *data_dir = NULL;
    int64_t port = 5000, parallel = 8, queue = 64, ctx = 16384, threads = 0, idle = 30, engine_timeout = 120, chats_quota = -1;
    bool help_shown, quiet = false;
    int n_operands;
    char beside[2 * PATH_MAX], data[PATH_MAX], self[PATH_MAX], whole[PATH_MAX], *engine_key = NULL, *path = NULL;
    us_serve_options o = {.host = "127.0.0.1", .log = log_line};
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model: a path, https://... or hf:OWNER/NAME/FILE.gguf (the default model)", CLI_STRING,
         &model, 0, 0},
        {"template", 0, "NAME|FILE", "chat template, when the model file's is unknown (docs/models.md)", CLI_STRING, &tpl, 0,
         0},
        {"host", 0, "ADDRESS", "IPv4 address to listen on (127.0.0.1)", CLI_STRING, &o.host, 0, 0},
        {"port", 0, "N", "port (5000); 0: one that is free, named when it listens", CLI_INT, &port, 0, 65535},
        {"data-dir", 0, "DIR", "chats and characters of your own ($XDG_DATA_HOME/understudy)", CLI_STRING, &data_dir, 0, 0},
        {"parallel", 0, "N", "replies made at once (8); -np is the same", CLI_INT, &parallel, 1, 64},
        {"queue", 0, "N", "replies that may wait; more are refused with 429 (64)", CLI_INT, &queue, 1, 10000},
        {"ctx-size", 'c', "N", "cache in tokens over all chats (16384)", CLI_INT, &ctx, 512, 1 << 22},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"characters", 0, "DIR", "one folder a character (./characters, or those installed)", CLI_STRING, &o.characters, 0, 0},
        {"force-adapter", 0, NULL, "take adapters that were trained over another file of the same shape (another quantization)",
         CLI_SWITCH, &o.force_adapter, 0, 0},
        {"api-key-file", 0, "FILE", "keys of which clients must give one: one a line, # begins a comment", CLI_STRING,
         &o.api_key_file, 0, 0},
        {"no-api-key", 0, NULL, "listen on a public address without a key", CLI_SWITCH, &o.public_without_key, 0, 0},
        {"cors-origin", 0, "ORIGIN", "one other origin whose pages may call", CLI_STRING, &o.cors_origin, 0, 0},
        {"trusted-proxy", 0, "ADDRESS",
         "of a proxy in front: the caps are for those whom its X-Forwarded-For names, not for the proxy", CLI_STRING,
         &o.trusted_proxy, 0, 0},
        {"engine", 0, "URL", "let a server that speaks the OpenAI API (vLLM, llama.cpp's) make the replies", CLI_STRING,
         &o.engine_url, 0, 0},
        {"engine-key-file", 0, "FILE", "its first line is that server's key", CLI_STRING, &engine_key_file, 0, 0},
        {"engine-timeout", 0, "N", "seconds that it may take for a word of a reply (120)", CLI_INT, &engine_timeout, 1, 86400},
        {"studio", 0, NULL, "scripts, trainings and changes of characters on a public address too", CLI_SWITCH, &o.studio, 0,
         0},
        {"idle", 0, "N", "seconds after which a connection without a request is closed (30)", CLI_INT, &idle, 1, 3600},
        {"chats-quota", 0, "MIB", "room for all chats; 0: no limit (1024 on a public address, else no limit)", CLI_INT,
         &chats_quota, 0, 1 << 30},
        {"log-text", 0, NULL, "write what is said into the log", CLI_SWITCH, &o.log_text, 0, 0},
        {"quiet", 'q', NULL, "no log", CLI_SWITCH, &quiet, 0, 0},
    };
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "-np")) argv[i] = "--parallel"; /* as llama.cpp's server calls it */
    int rc = cli_parse(argv[0], "usage: understudy serve [OPTIONS]\n\nThe chat page, its API and the OpenAI API, until Ctrl-C.",
                       options, sizeof options / sizeof *options, argc, argv, &n_operands, &help_shown);
    if (rc || help_shown) return rc;
    if (n_operands) return cli_usage(argv[0], "unexpected '%s'", argv[1]);
    us_error err = {0};
    us_model *m = NULL;
    us_server *s = NULL;
    us_status st = US_OK;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before any thread is started: all inherit it */
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files; /* a thousand connections are more than the usual soft limit */
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (quiet) o.log = NULL;
    o.port = (int)port;
    o.n_parallel = (int32_t)parallel;
    o.n_queue = (int32_t)queue;
    o.n_ctx = (int32_t)ctx;
    o.n_threads = (int)threads;
    o.idle_seconds = (int)idle;
    o.chats_mib = chats_quota > 0 ? (int32_t)chats_quota : chats_quota ? 0 : -1;
    o.engine_timeout = (int32_t)engine_timeout;
    if (!o.characters) o.characters = find_characters(beside);
    if (!(o.data_dir = data_dir ? data_dir : cli_data_dir(data)))
        return cli_usage(argv[0], "--data-dir is needed: neither XDG_DATA_HOME nor HOME is set");
    if (!o.engine_url && !(path = cli_model_path(argv[0], model))) return EXIT_FAILED;
    if (path) path = whole_path(path); /* children stand elsewhere */
    mkdir(o.data_dir, 0700);
    if (realpath(o.data_dir, whole)) o.data_dir = whole;
    o.model_path = path;
    o.program = myself(self);
    if (engine_key_file && !(engine_key = read_key(engine_key_file)))
        st = us_fail(&err, US_ERR_IO, "no key in %s (its first line, of at most 16,000 bytes, is the key)", engine_key_file);
    o.engine_key = engine_key;
    give_large_back();
    if (!st) st = us_server_new(&o, &s, &err);
    if (!st) {
        fprintf(stderr, "http://%s:%d (Ctrl-C ends)\n", o.host, us_server_port(s));
        pthread_sigmask(SIG_UNBLOCK, &ends, NULL); /* while the model is read, Ctrl-C ends at once: nothing can be lost */
        if (path) st = us_model_open(path, &(us_model_options){.n_threads = (int)threads, .template_name = tpl}, &m, &err);
        pthread_sigmask(SIG_BLOCK, &ends, NULL);
        if (!st && m) st = us_server_set_model(s, m, &err);
    }
    if (st) rc = cli_fail(argv[0], st, &err);
    else {
        int sig;
        if (!quiet) log_line(NULL, "ready");
        sigwait(&ends, &sig);
        fprintf(stderr, "ending\n");
    }
    us_server_free(s);
    us_model_free(m);
    free(engine_key);
    free(path);
    return rc;
}
