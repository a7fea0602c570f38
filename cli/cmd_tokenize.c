/* understudy tokenize: a text as the model reads it. */
#include "cli_model.h"
#include "understudy/tokenizer.h"
#include <stdio.h>
#include <stdlib.h>

/* One token a line: id, a tab, its bytes with what is not printable ASCII as \xNN. */
static void print_token(const us_tokenizer *t, int32_t id) {
    size_t n;
    const char *p = us_tokenizer_piece(t, id, &n);
    printf("%d\t", id);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c < ' ' || c > '~' || c == '\\') printf("\\x%02x", c);
        else putchar(c);
    }
    putchar('\n');
}

int cmd_tokenize(int argc, char **argv) {
    const char *model = NULL;
    bool json = false, special = false, help;
    int n_operands;
    const cli_option options[] = {
        {"model", 'm', "FILE", "GGUF model (default: the default model)", CLI_STRING, &model, 0, 0},
        {"special", 0, NULL, "texts of special tokens (<|im_start|>) become those tokens", CLI_SWITCH, &special, 0, 0},
        {"json", 0, NULL, "print one JSON array of ids", CLI_SWITCH, &json, 0, 0},
    };
    int rc = cli_parse(
        argv[0],
        "usage: understudy tokenize [OPTIONS] FILE|-\n\nThe tokens of a text: id and piece, one a line. No BOS is added.",
        options, sizeof options / sizeof *options, argc, argv, &n_operands, &help);
    if (rc || help) return rc;
    if (n_operands != 1) return cli_usage(argv[0], "expected one FILE, or - for standard input");
    char *path = cli_model_path(argv[0], model), *text = NULL;
    if (!path) return EXIT_FAILED;
    us_error err = {0};
    us_model *m = NULL;
    us_tokens ids = {0};
    size_t n = 0;
    us_status st = cli_read_all(argv[1], &text, &n, &err);
    if (!st) st = us_model_open(path, &(us_model_options){0}, &m, &err);
    const us_tokenizer *t = st ? NULL : us_model_get_tokenizer(m);
    if (!st) st = us_tokenizer_encode(t, text ? text : "", n, special, &ids, &err);
    for (size_t i = 0; i < ids.n && !st; i++) {
        if (json) printf("%s%d", i ? ", " : "[", ids.ids[i]);
        else print_token(t, ids.ids[i]);
    }
    if (json && !st) puts(ids.n ? "]" : "[]");
    rc = st ? cli_fail(argv[0], st, &err) : EXIT_OK;
    us_tokens_fini(&ids);
    us_model_free(m);
    free(text);
    free(path);
    return rc;
}
