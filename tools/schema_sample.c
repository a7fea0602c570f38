/* schema_sample [N] [SEED] < schema.json: N texts drawn at random from the grammar of a JSON schema, one a line; exit 1, with
 * the reason, when the schema is refused. For bench/schema, which asks another implementation whether they are valid. */
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "generate/grammar.h"
#include "serve/schema.h"
#include <stdio.h>
#include <stdlib.h>

/* A walk that leans towards the end, the more the longer it is. */
static bool sample(us_grammar *g, us_rng *rng, us_buf *out) {
    int32_t s = us_grammar_start(g);
    us_buf_clear(out);
    for (int i = 0; i < 20000; i++) {
        int ok[256], n = 0;
        if (us_grammar_may_end(g, s) && (us_grammar_must_end(g, s) || us_rng_below(rng, 4) == 0)) return true;
        for (int b = 0; b < 256; b++) {
            char c = (char)b;
            if (us_grammar_step(g, s, &c, 1) >= 0) ok[n++] = b;
        }
        int closing = -1, plain = -1;
        for (int k = 0; k < n; k++) {
            if (ok[k] == '"' || ok[k] == '}' || ok[k] == ']') closing = ok[k];
            if (ok[k] >= '0' && ok[k] <= '9') plain = ok[k];
        }
        if (!n) return us_grammar_may_end(g, s);
        int b = closing >= 0 && (i > 300 || us_rng_below(rng, 4) == 0) ? closing
                : i > 2000 && plain >= 0                               ? plain
                                                                       : ok[us_rng_below(rng, (uint64_t)n)];
        char c = (char)b;
        s = us_grammar_step(g, s, &c, 1);
        if (us_buf_append(out, &c, 1, NULL)) return false;
    }
    return false;
}

int main(int argc, char **argv) {
    char *text;
    size_t n_text;
    us_error err;
    us_buf gbnf, out;
    us_grammar *g;
    us_rng rng;
    int n = argc > 1 ? atoi(argv[1]) : 10;
    us_rng_seed(&rng, argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
    us_buf_init(&gbnf, 8 << 20);
    us_buf_init(&out, 1 << 20);
    if (us_file_read("-", 8 << 20, &text, &n_text, &err)) return fprintf(stderr, "%s\n", err.message), 2;
    json_t *schema = us_json_parse(text, n_text, NULL);
    if (!schema) return fprintf(stderr, "not JSON\n"), 2;
    if (us_schema_to_grammar(schema, "schema", &gbnf, &err)) return fprintf(stderr, "%s\n", err.message), 1;
    if (argc > 3) fputs(gbnf.data, stderr);
    if (us_grammar_new(gbnf.data, NULL, &g, &err)) return fprintf(stderr, "%s\n", err.message), 1;
    for (int i = 0; i < n; i++)
        if (sample(g, &rng, &out)) printf("%s\n", out.data ? out.data : "");
    us_grammar_free(g);
    us_buf_fini(&gbnf);
    us_buf_fini(&out);
    json_decref(schema);
    free(text);
    return 0;
}
