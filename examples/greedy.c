/* The shortest road from a model file to text: open, tokenize, evaluate, take the likeliest token, again.
 *
 *   example_greedy MODEL.gguf "Once upon a time" 32
 *
 * Prints the continuation as it is made. No template, no sampling: see understudy/template.h for chats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <understudy/generate.h>
#include <understudy/tokenizer.h>

static int32_t likeliest(const float *logits, int32_t n) {
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* Evaluates the prompt, then up to n tokens one by one, printing each. */
static us_status speak(us_engine *e, const us_tokenizer *t, const us_tokens *prompt, int n, us_error *err) {
    int32_t seq, token;
    us_status st = us_engine_seq_new(e, &seq, err);
    if (st) return st;
    us_span span = {.seq = seq, .tokens = prompt->ids, .n_tokens = (int32_t)prompt->n};
    for (int i = 0; i < n && !(st = us_engine_eval(e, &span, 1, err)); i++) {
        token = likeliest(us_engine_get_logits(e, 0, 0), us_tokenizer_n_vocab(t));
        if (us_tokenizer_is_end(t, token)) break;
        size_t n_bytes;
        const char *piece = us_tokenizer_piece(t, token, &n_bytes);
        fwrite(piece, 1, n_bytes, stdout);
        fflush(stdout);
        span = (us_span){.seq = seq, .tokens = &token, .n_tokens = 1};
    }
    us_engine_seq_free(e, seq);
    return st;
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: %s MODEL.gguf TEXT N_TOKENS [THREADS]\n", argv[0]);
        return 2;
    }
    us_error err = {0};
    us_model *model = NULL;
    us_engine *engine = NULL;
    us_tokens prompt = {0};
    int n_threads = argc == 5 ? atoi(argv[4]) : 0;

    us_status st = us_model_open(argv[1], &(us_model_options){.n_threads = n_threads}, &model, &err);
    if (!st) {
        const us_tokenizer *t = us_model_get_tokenizer(model);
        if (us_tokenizer_add_bos(t)) st = us_tokens_push(&prompt, us_tokenizer_bos(t), &err);
        if (!st) st = us_tokenizer_encode(t, argv[2], strlen(argv[2]), false, &prompt, &err);
        if (!st) st = us_engine_new(model, &(us_engine_options){.n_threads = n_threads}, &engine, &err);
        if (!st) st = speak(engine, t, &prompt, atoi(argv[3]), &err);
        putchar('\n');
    }
    if (st) fprintf(stderr, "%s: %s\n", argv[0], err.message);
    us_engine_free(engine);
    us_tokens_fini(&prompt);
    us_model_free(model);
    return st ? 1 : 0;
}
