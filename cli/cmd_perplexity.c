/* understudy perplexity: how well a model predicts a text. The file is cut into consecutive windows, each from an
 * empty context, and all positions but the first of a window are scored. */
#include "cli_model.h"
#include "understudy/tokenizer.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int cmd_perplexity(int argc, char **argv) {
    const char *model = NULL, *file = NULL, *kv = NULL, *lora = NULL;
    int64_t ctx = 512, threads = 0;
    bool f32 = false, json = false, help;
    int n_operands;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model (default: the default model)", CLI_STRING, &model, 0, 0},
        {"file", 'f', "FILE", "text to score; - is standard input", CLI_STRING, &file, 0, 0},
        {"ctx-size", 'c', "N", "tokens in a window (512)", CLI_INT, &ctx, 2, 1 << 20},
        {"threads", 't', "N", "threads (every CPU)", CLI_INT, &threads, 0, 256},
        {"kv-type", 0, "TYPE", "KV cache: f16, q8_0, f32 (f16)", CLI_STRING, &kv, 0, 0},
        {"lora", 0, "FILE", "adapter to apply", CLI_STRING, &lora, 0, 0},
        {"f32", 0, NULL, "the float32 reference path", CLI_SWITCH, &f32, 0, 0},
        {"json", 0, NULL, "print one JSON object", CLI_SWITCH, &json, 0, 0},
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy perplexity -f FILE [OPTIONS]\n\nHow well a model predicts a text: exp of the mean "
                       "negative log-likelihood.",
                       options, sizeof options / sizeof *options, argc, argv, &n_operands, &help);
    if (rc || help) return rc;
    if (!file && n_operands == 1) file = argv[1];
    if (!file) return cli_usage(argv[0], "no text: give -f FILE");
    us_engine_options eo = {.n_threads = (int)threads, .n_ctx = (int32_t)ctx, .n_batch = (int32_t)(ctx < 512 ? ctx : 512)};
    if ((rc = cli_kv_type(argv[0], kv, &eo.kv_type))) return rc;
    char *path = cli_model_path(argv[0], model), *text = NULL;
    if (!path) return EXIT_FAILED;
    us_error err = {0};
    us_model *m = NULL;
    us_engine *e = NULL;
    us_adapter *ad = NULL;
    us_tokens ids = {0};
    size_t n = 0;
    int32_t seq;
    float *lp = NULL;
    us_status st = cli_read_all(file, &text, &n, &err);
    if (!st)
        st = us_model_open(path,
                           &(us_model_options){.math = f32 ? US_MATH_F32 : US_MATH_FAST,
                                               .n_threads = (int)threads,
                                               .check = us_engine_check,
                                               .check_ctx = &eo},
                           &m, &err);
    if (!st && lora) st = us_adapter_open(m, lora, false, &ad, &err);
    if (!st) st = us_engine_new(m, &eo, &e, &err);
    if (!st) st = us_tokenizer_encode(us_model_get_tokenizer(m), text ? text : "", n, false, &ids, &err);
    size_t windows = ids.n / (size_t)ctx;
    if (!st && !windows && ids.n >= 2) windows = 1, ctx = (int64_t)ids.n;
    if (!st && !windows)
        st = us_fail(&err, US_ERR_FORMAT, "%s: two tokens at least are needed to score, it has %zu", file, ids.n);
    if (!st) st = us_engine_seq_new(e, &seq, &err);
    if (!st && ad) us_engine_seq_set_adapter(e, seq, ad, 1);
    if (!st) lp = cli_must(malloc((size_t)ctx * sizeof *lp));
    double sum = 0, sq = 0, start = now();
    size_t count = 0;
    for (size_t w = 0; w < windows && !st; w++) {
        us_engine_seq_truncate(e, seq, 0);
        st = us_engine_score(e, &(us_span){.seq = seq, .tokens = ids.ids + w * (size_t)ctx, .n_tokens = (int32_t)ctx}, 1, &lp,
                             &err);
        for (int64_t i = 1; i < ctx && !st; i++, count++) sum -= (double)lp[i], sq += (double)lp[i] * (double)lp[i];
        double done = now() - start;
        if (!st && isatty(2))
            fprintf(stderr, "\r%zu/%zu windows, perplexity %.4f, %.0f s left  ", w + 1, windows, exp(sum / (double)count),
                    done / (double)(w + 1) * (double)(windows - w - 1));
    }
    if (!st && isatty(2)) fprintf(stderr, "\n");
    double mean = sum / (double)count, se = sqrt((sq / (double)count - mean * mean) / (double)count), secs = now() - start;
    if (!st && json)
        printf("{\"perplexity\": %.6f, \"nats\": %.6f, \"standard_error_nats\": %.6f, \"tokens\": %zu, \"windows\": %zu, "
               "\"ctx\": %lld, \"tokens_per_s\": %.1f}\n",
               exp(mean), mean, se, count, windows, (long long)ctx, (double)count / secs);
    else if (!st)
        printf("perplexity %.4f +- %.4f (%.4f nats a token, %zu tokens in %zu windows of %lld, %.0f tokens/s)\n", exp(mean),
               exp(mean) * se, mean, count, windows, (long long)ctx, (double)count / secs);
    rc = st ? cli_fail(argv[0], st, &err) : EXIT_OK;
    free(lp);
    free(text);
    free(path);
    us_tokens_fini(&ids);
    us_engine_free(e);
    us_adapter_free(ad);
    us_model_free(m);
    return rc;
}
