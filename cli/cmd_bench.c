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
    const us_adapter *adapter; /* of the run that is measured */
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

/* What a test does: n_seq sequences of `depth` tokens each, then `steps` more of each; for "pp" the first part is timed. */
typedef struct plan {
    bool prefill;
    int32_t depth, steps, n_seq;
} plan;

/* Whether `test` is exactly `format`, whose last conversion is %n. */
static bool is(const char *test, const char *format, int32_t *a, int32_t *b) {
    int end = 0;
    if (b) sscanf(test, format, a, b, &end);
    else sscanf(test, format, a, &end);
    return end && !test[end];
}

static us_status parse(const char *test, plan *p, us_error *err) {
    *p = (plan){.depth = 1, .steps = 128, .n_seq = 1};
    bool known = is(test, "tg%d%n", &p->steps, NULL) || is(test, "tg%d@%d%n", &p->steps, &p->depth);
    if (!known && (known = p->prefill = is(test, "pp%d%n", &p->depth, NULL))) p->steps = 1;
    if (!known && (known = is(test, "batch%d%n", &p->n_seq, NULL))) p->steps = 64;
    if (!known || p->depth < 1 || p->depth > 65535 || p->steps < 1 || p->steps > 16384 || p->n_seq < 1 || p->n_seq > 64)
        return us_fail(err, US_ERR_ARGUMENT,
                       "--test: '%s': expected ppN (N to 65535), tgN (to 16384), tgN@DEPTH (to 65535) or batchN (to 64)", test);
    return US_OK;
}

/* Seconds for *n tokens. */
static us_status run(bench *b, const plan *p, double *seconds, int32_t *n, us_error *err) {
    int32_t seq[64], made = 0;
    us_status st = US_OK;
    us_span spans[64];
    double t0 = now();
    for (; made < p->n_seq && !st; made++) {
        if ((st = start(b, &seq[made], err))) break;
        if (p->prefill) t0 = now();
        st = prefill(b, seq[made], p->depth, err);
        spans[made] = (us_span){.seq = seq[made], .n_tokens = 1};
    }
    if (!p->prefill) t0 = now();
    for (int32_t s = 0; s < p->steps && !p->prefill && !st; s++) {
        for (int32_t i = 0; i < p->n_seq; i++) spans[i].tokens = &b->tokens[s + i];
        st = us_engine_eval(b->e, spans, p->n_seq, err);
    }
    *seconds = now() - t0;
    *n = p->prefill ? p->depth : p->steps * p->n_seq;
    for (int32_t i = 0; i < made; i++) us_engine_seq_free(b->e, seq[i]);
    return st;
}

/* The context that all the tests of a list need, in whole pages of the cache. */
static us_status measure_context(const char *tests, int32_t *n_ctx, us_error *err) {
    char *list = cli_must(strdup(tests));
    char *first = strtok(list, ",");
    us_status st = first ? US_OK : us_fail(err, US_ERR_ARGUMENT, "--test: a test is expected, such as pp512");
    for (char *test = first; test && !st; test = strtok(NULL, ",")) {
        plan p;
        if ((st = parse(test, &p, err))) break;
        int32_t need = (p.depth + p.steps + 128) * p.n_seq;
        if (need > *n_ctx) *n_ctx = need;
    }
    free(list);
    return st;
}

static int ascending(const void *a, const void *b) {
    return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b;
}

int cmd_bench(int argc, char **argv) {
    const char *model = NULL, *tests = "pp512,tg128,tg128@1024,batch8", *kv = NULL, *lora = NULL;
    int64_t threads = 0, rounds = 5;
    bool json = false, help;
    int n_operands;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model: a path, https://... or hf:OWNER/NAME/FILE.gguf (the default model)", CLI_STRING,
         &model, 0, 0},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"rounds", 'r', "N", "rounds of each test; medians are printed (5)", CLI_INT, &rounds, 1, 1000},
        {"test", 0, "LIST", "ppN, tgN, tgN@DEPTH, batchN, with commas between", CLI_STRING, &tests, 0, 0},
        {"lora", 0, "FILE", "adapter: each test without it and with it, by turns", CLI_STRING, &lora, 0, 0},
        {"kv-type", 0, "TYPE", "KV cache: f16, q8_0, f32 (f16)", CLI_STRING, &kv, 0, 0},
        {"json", 0, NULL, "one JSON object a line instead of TSV", CLI_SWITCH, &json, 0, 0},
    };
    int rc = cli_parse(
        argv[0],
        "usage: understudy bench [OPTIONS]\n\nSpeeds of the engine in tokens a second, as TSV: test, threads, n, median, best.",
        options, sizeof options / sizeof *options, argc, argv, &n_operands, &help);
    if (rc || help) return rc;
    if (n_operands) return cli_usage(argv[0], "unexpected '%s'", argv[1]);
    us_engine_options eo = {.n_threads = (int)threads, .n_ctx = 4096};
    if ((rc = cli_kv_type(argv[0], kv, &eo.kv_type))) return rc;
    char *path = cli_model_path(argv[0], model), *list = cli_must(strdup(tests));
    bench *b = cli_must(calloc(1, sizeof *b));
    double *speeds[2] = {cli_must(calloc((size_t)rounds, sizeof **speeds)), cli_must(calloc((size_t)rounds, sizeof **speeds))},
           t0 = now();
    if (!path) return EXIT_FAILED;
    us_error err = {0};
    us_model *m = NULL;
    us_adapter *ad = NULL;
    int32_t seq, n = 0;
    us_status st = measure_context(tests, &eo.n_ctx, &err);
    if (!st)
        st = us_model_open(path, &(us_model_options){.n_threads = (int)threads, .check = us_engine_check, .check_ctx = &eo}, &m,
                           &err);
    double t1 = now();
    if (!st && lora) st = us_adapter_open(m, lora, false, &ad, &err);
    if (!st) st = us_engine_new(m, &eo, &b->e, &err);
    for (int32_t i = 0; !st && i < 65536; i++) b->tokens[i] = (i * 7919 + 13) % us_model_get_info(m)->n_vocab;
    if (!st) st = start(b, &seq, &err);
    if (!st) st = prefill(b, seq, 8, &err);
    double t2 = now();
    if (!st) us_engine_seq_free(b->e, seq);
    bool header = json;
    for (char *test = strtok(list, ","); test && !st; test = strtok(NULL, ",")) {
        double secs = 1;
        plan p;
        st = parse(test, &p, &err);
        for (int64_t r = 0; r < rounds && !st; r++)
            for (int with = 0; with <= !!ad && !st; with++) {
                b->adapter = with ? ad : NULL;
                st = run(b, &p, &secs, &n, &err);
                speeds[with][r] = (double)n / secs;
            }
        if (st) break;
        if (!header) header = printf("test\tthreads\tn\ttokens_per_s\tbest\n");
        for (int with = 0; with <= !!ad; with++) {
            const char *format =
                json ? "{\"test\": \"%s%s\", \"threads\": %d, \"n\": %d, \"tokens_per_s\": %.2f, \"best\": %.2f}\n"
                     : "%s%s\t%d\t%d\t%.2f\t%.2f\n";
            qsort(speeds[with], (size_t)rounds, sizeof **speeds, ascending);
            printf(format, test, with ? "+lora" : "", us_engine_get_threads(b->e), n, speeds[with][rounds / 2],
                   speeds[with][rounds - 1]);
        }
        fflush(stdout);
    }
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    if (!st && !json) {
        const char *why = us_model_get_kept(m);
        printf("# open %.1f ms, first token after %.1f ms more, peak memory %.1f MiB, packed weights %s%s\n", (t1 - t0) * 1e3,
               (t2 - t1) * 1e3, (double)u.ru_maxrss / 1024, *why ? "not kept: " : "kept", why);
    }
    rc = st ? cli_fail(argv[0], st, &err) : EXIT_OK;
    us_engine_free(b->e);
    us_adapter_free(ad);
    us_model_free(m);
    free(b);
    free(speeds[0]);
    free(speeds[1]);
    free(list);
    free(path);
    return rc;
}
