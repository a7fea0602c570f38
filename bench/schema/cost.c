/* What keeping to a grammar costs a token: processor time of drawing many tokens with a schema and without, by turns, one thread.
 *
 *   cc -O2 -D_GNU_SOURCE -Isrc -Iinclude bench/schema/cost.c build/release/libunderstudy.a $(pkg-config --libs LIBRARIES) -lm -o cost
 *   (bench/schema/cost.sh does so)        cost MODEL.gguf SCHEMA.json... */
#include "base/json.h"
#include "generate/grammar.h"
#include "serve/schema.h"
#include "understudy/generate.h"
#include "understudy/sampler.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 7, TOKENS = 60 };

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(us_status st, const us_error *err) {
    if (!st) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static int by_value(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

/* CPU milliseconds a token: *all of evaluating and drawing, *draw of drawing alone. A text that is over begins again. */
static void run(us_engine *e, const us_tokenizer *tok, struct us_grammar *g, const us_tokens *prompt, uint64_t seed, int top_k,
                double *all, double *draw) {
    us_error err;
    us_sampler_options o = us_sampler_defaults();
    us_sampler *s;
    int32_t seq, id = 0;
    o.seed = seed;
    o.grammar = g;
    o.top_k = top_k;
    o.dry_multiplier = 0;
    check(us_engine_seq_new(e, &seq, &err), &err);
    check(us_engine_eval(e, &(us_span){.seq = seq, .tokens = prompt->ids, .n_tokens = (int32_t)prompt->n}, 1, &err), &err);
    check(us_sampler_new(&o, us_tokenizer_n_vocab(tok), &s, &err), &err);
    double drawn = 0, start = cpu();
    for (int i = 0; i < TOKENS; i++) {
        double t = cpu();
        check(us_sampler_draw(s, us_engine_get_logits(e, 0, 0), &id, &err), &err);
        bool over = us_sampler_is_over(s) || us_tokenizer_is_end(tok, id);
        if (over) {
            us_sampler_free(s);
            check(us_sampler_new(&o, us_tokenizer_n_vocab(tok), &s, &err), &err);
        }
        drawn += cpu() - t;
        check(us_engine_eval(e, &(us_span){.seq = seq, .tokens = &id, .n_tokens = 1}, 1, &err), &err);
    }
    *all = (cpu() - start) * 1e3 / TOKENS;
    *draw = drawn * 1e3 / TOKENS;
    us_sampler_free(s);
    us_engine_seq_free(e, seq);
}

int main(int argc, char **argv) {
    us_error err;
    us_model *model;
    us_engine *e;
    us_tokens prompt = {0};
    static const char text[] = "<|im_start|>user\nDescribe a cat, at length.<|im_end|>\n<|im_start|>assistant\n";
    if (argc < 3) return fprintf(stderr, "usage: cost MODEL.gguf SCHEMA.json...\n"), 2;
    check(us_model_open(argv[1], &(us_model_options){.n_threads = 1}, &model, &err), &err);
    check(us_engine_new(model, &(us_engine_options){.n_threads = 1, .n_ctx = 512}, &e, &err), &err);
    const us_tokenizer *tok = us_model_get_tokenizer(model);
    check(us_tokenizer_encode(tok, text, strlen(text), true, &prompt, &err), &err);
    for (int a = 2; a < argc; a++)
        for (int whole = 0; whole < 2; whole++) { /* top-k 40, and the whole vocabulary */
            json_t *schema;
            us_buf gbnf;
            us_grammar *g;
            double ratios[ROUNDS], frees[ROUNDS], draws[ROUNDS][2], made;
            us_buf_init(&gbnf, 64 << 20);
            check(us_json_read(argv[a], 64 << 20, &schema, &err), &err);
            double t = cpu();
            check(us_schema_to_grammar(schema, "schema", &gbnf, &err), &err);
            check(us_grammar_new(gbnf.data, tok, &g, &err), &err);
            made = (cpu() - t) * 1e3;
            double all, draw;
            run(e, tok, g, &prompt, 99, whole ? 0 : 40, &all,
                &draw); /* the automaton's states are made when they are first met */
            double first = all;
            for (int i = 0; i < ROUNDS; i++) {
                double free_all, free_draw;
                run(e, tok, NULL, &prompt, (uint64_t)i, whole ? 0 : 40, &free_all, &free_draw);
                run(e, tok, g, &prompt, (uint64_t)i, whole ? 0 : 40, &all, &draw);
                ratios[i] = all / free_all;
                frees[i] = free_all;
                draws[i][0] = free_draw;
                draws[i][1] = draw;
            }
            double free_draw = 0, kept_draw = 0;
            for (int i = 0; i < ROUNDS; i++) free_draw += draws[i][0] / ROUNDS, kept_draw += draws[i][1] / ROUNDS;
            qsort(ratios, ROUNDS, sizeof *ratios, by_value);
            qsort(frees, ROUNDS, sizeof *frees, by_value);
            printf("%s, %s: grammar of %zu bytes made in %.2f ms; a token %.3f ms free, with the schema x%.3f (median of %d "
                   "pairs), first reply x%.3f; "
                   "drawing %.3f and %.3f ms\n",
                   argv[a], whole ? "whole vocabulary" : "top-k 40", gbnf.len, made, frees[ROUNDS / 2], ratios[ROUNDS / 2],
                   ROUNDS, first / frees[ROUNDS / 2], free_draw, kept_draw);
            us_grammar_free(g);
            us_buf_fini(&gbnf);
            json_decref(schema);
        }
    us_tokens_fini(&prompt);
    us_engine_free(e);
    us_model_free(model);
    return 0;
}
