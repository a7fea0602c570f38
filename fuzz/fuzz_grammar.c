/* Grammars and schemas: any bytes are refused in words, or give a grammar that can be asked. The first byte tells which. */
#include "base/json.h"
#include "generate/grammar.h"
#include "serve/schema.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_grammar *g;
    us_error err;
    us_buf text;
    us_buf_init(&text, 1 << 20);
    if (!size || us_buf_append(&text, data, size, &err)) return us_buf_fini(&text), 0;
    if (data[0] == '{') { /* a schema: what is made of it is a good grammar */
        json_t *schema = us_json_parse((const char *)data, size, NULL);
        us_buf_clear(&text);
        us_status st = schema ? us_schema_to_grammar(schema, "schema", &text, &err) : US_ERR_FORMAT;
        json_decref(schema);
        if (st) return us_buf_fini(&text), 0;
        st = us_grammar_new(text.data, NULL, &g, &err);
        if (st && st != US_ERR_LIMIT) abort();
        us_buf_fini(&text);
        if (st) return 0;
    } else {
        us_status st = memchr(data, 0, size) ? US_ERR_ARGUMENT : us_grammar_new(text.data, NULL, &g, &err);
        us_buf_fini(&text);
        if (st) return 0;
    }
    int32_t s = us_grammar_start(g);
    for (int i = 0; i < 200 && s >= 0; i++) { /* a walk by the first byte that is allowed after the last one's */
        int32_t next = -1;
        for (int b = 0; b < 256 && next < 0; b++) {
            char c = (char)(b + i * 37);
            next = us_grammar_step(g, s, &c, 1);
        }
        s = next;
    }
    us_grammar_free(g);
    return 0;
}
