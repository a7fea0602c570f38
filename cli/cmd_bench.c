/* understudy bench: the speeds that matter, as TSV: prefill, decode, decode at depth, a batch of sequences. */
#include "cli_model.h"
#include "understudy/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct bench {
    us_engine *e;
    const us_adapter *adapter;
    int32_t tokens[65536];
} bench;

static us_status start(bench *b, int32_t *seq, us_error *err) {
    us_status st = us_engine_seq_new(b->e, seq, err);
    if (!st) us_engine_seq_set_adapter(b->e, *seq, b->adapter, 1);
    return st;
}

static us_status prefill(bench *b, int32_t seq, int32_t n, us_error *err) {
    return us_engine_eval(b->e, &(us_span){.seq = seq, .tokens = b->tokens, .n_tokens = n}, 1, err);
}

/* "pp512", "tg128", "tg128@1024", "batch8": seconds for *n tokens. */
static us_status run(bench *b, const char *test, double *seconds, int32_t *n, us_error *err) {
    int32_t seq[64], depth = 0, n_seq = 1, steps = 128;
    us_status st = US_OK;
    double t0;
    if (sscanf(test, "pp%d", n) == 1 && *n >= 1 && *n < 65536) {
        if ((st = start(b, &seq[0], err))) return st;
        t0 = now();
        st = prefill(b, seq[0], *n, err);
        *seconds = now() - t0;
        us_engine_seq_free(b->e, seq[0]);
        return st;
    }
    if (!(sscanf(test, "tg%d@%d", &steps, &depth) >= 1) && sscanf(test, "batch%d", &n_seq) == 1) steps = 64;
    if (steps < 1 || steps > 16384 || depth < 0 || depth > 32768 || n_seq < 1 || n_seq > 64 || (strncmp(test, "tg", 2) && strncmp(test, "batch", 5)))
        return us_fail(err, US_ERR_ARGUMENT, "--test: '%s': expected ppN, tgN, tgN@DEPTH or batchN", test);
    us_span spans[64];
    for (int i = 0; i < n_seq && !st; i++) {
        st = start(b, &seq[i], err);
        if (!st) st = prefill(b, seq[i], depth ? depth : 1, err);
        spans[i] = (us_span){.seq = seq[i], .n_tokens = 1};
    }
    t0 = now();
    for (int s = 0; s < steps && !st; s++) {
        for (int i = 0; i < n_seq; i++) spans[i].tokens = &b->tokens[s + i];
        st = us_engine_eval(b->e, spans, n_seq, err);
    }
    *seconds = now() - t0;
    *n = steps * n_seq;
    for (int i = 0; i < n_seq; i++) us_engine_seq_free(b->e, seq[i]);
    return st;
}

static int ascending(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

int cmd_bench(int argc, char **argv) {
    const char *model = NULL, *tests = "pp512,tg128,tg128@1024,batch8", *kv = NULL, *lora = NULL;
    int64_t threads = 0, rounds = 5;
    bool json = false, help;
    int n_operands;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model (default: the default model)", CLI_STRING, &model, 0, 0},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"rounds", 'r', "N", "rounds of each test; medians are printed (5)", CLI_INT, &rounds, 1, 1000},
        {"test", 0, "LIST", "ppN, tgN, tgN@DEPTH, batchN, with commas between", CLI_STRING, &tests, 0, 0},
        {"lora", 0, "FILE", "adapter to apply", CLI_STRING, &lora, 0, 0},
        {"kv-type", 0, "TYPE", "KV cache: f16, q8_0, f32 (f16)", CLI_STRING, &kv, 0, 0},
        {"json", 0, NULL, "one JSON object a line instead of TSV", CLI_SWITCH, &json, 0, 0},
    };
    int rc = cli_parse(argv[0], "usage: understudy bench [OPTIONS]\n\nSpeeds of the engine in tokens a second, as TSV: test, threads, n, median, best.", options,
                       sizeof options / sizeof *options, argc, argv, &n_operands, &help);
    if (rc || help) return rc;
    us_engine_options eo = {.n_threads = (int)threads, .n_ctx = 4096};
    if ((rc = cli_kv_type(argv[0], kv, &eo.kv_type))) return rc;
    char *path = cli_model_path(argv[0], model), *list = strdup(tests);
    bench *b = calloc(1, sizeof *b);
    double *speeds = calloc((size_t)rounds, sizeof *speeds), t0 = now();
    if (!path || !list || !b || !speeds) return EXIT_FAILED;
    us_error err = {0};
    us_model *m = NULL;
    us_adapter *ad = NULL;
    int32_t seq, n = 0;
    us_status st = us_model_open(path, &(us_model_options){.n_threads = (int)threads}, &m, &err);
    double t1 = now();
    if (!st && lora) st = us_adapter_open(m, lora, false, &ad, &err);
    if (!st) st = us_engine_new(m, &eo, &b->e, &err);
    b->adapter = ad;
    for (int32_t i = 0; !st && i < 65536; i++) b->tokens[i] = (i * 7919 + 13) % us_model_get_info(m)->n_vocab;
    if (!st) st = start(b, &seq, &err);
    if (!st) st = prefill(b, seq, 8, &err);
    double t2 = now();
    if (!st) us_engine_seq_free(b->e, seq);
    if (!st && !json) printf("test\tthreads\tn\ttokens_per_s\tbest\n");
    for (char *test = strtok(list, ","); test && !st; test = strtok(NULL, ",")) {
        double secs = 1;
        for (int64_t r = 0; r < rounds && !st; r++) {
            st = run(b, test, &secs, &n, &err);
            speeds[r] = (double)n / secs;
        }
        if (st) break;
        qsort(speeds, (size_t)rounds, sizeof *speeds, ascending);
        const char *format = json ? "{\"test\": \"%s\", \"threads\": %d, \"n\": %d, \"tokens_per_s\": %.2f, \"best\": %.2f}\n" : "%s\t%d\t%d\t%.2f\t%.2f\n";
        printf(format, test, threads ? (int)threads : -1, n, speeds[rounds / 2], speeds[rounds - 1]);
        fflush(stdout);
    }
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    if (!st && !json) printf("# open %.1f ms, first token after %.1f ms more, peak memory %.1f MiB\n", (t1 - t0) * 1e3, (t2 - t1) * 1e3, (double)u.ru_maxrss / 1024);
    rc = st ? cli_fail(argv[0], st, &err) : EXIT_OK;
    us_engine_free(b->e);
    us_adapter_free(ad);
    us_model_free(m);
    free(b);
    free(speeds);
    free(list);
    free(path);
    return rc;
}
