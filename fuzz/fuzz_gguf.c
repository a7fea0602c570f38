/* The GGUF reader and everything that reads from it before a model runs: getters, row decoding, tokenizer, template. */
#include "model/gguf.h"
#include "model/tokenizer.h"
#include "understudy/template.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sum; /* so that nothing is left out */

static void walk(const us_gguf *g) {
    size_t n;
    const us_kv *kv = us_gguf_kvs(g, &n);
    for (size_t i = 0; i < n; i++) {
        const unsigned char *at = NULL;
        for (uint64_t k = 0; kv[i].kind == US_KV_STRING && k < kv[i].n; k++) {
            us_str s = us_kv_next_str(&kv[i], &at);
            if (s.len) sum += (unsigned char)s.data[s.len - 1];
        }
    }
    const us_tensor *t = us_gguf_tensors(g, &n);
    static float row[65536];
    for (size_t i = 0; i < n; i++) {
        sum += t[i].data[t[i].n_bytes - 1];
        if (t[i].ne[0] <= 65536) us_dequant_row((us_type)t[i].type, t[i].data, row, (size_t)t[i].ne[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_gguf *g;
    us_error err;
    void *aligned = malloc(size ? size : 1); /* exact, and aligned as a map is */
    if (!aligned) return 0;
    memcpy(aligned, data, size);
    if (!us_gguf_open_bytes(aligned, size, "fuzz", &g, &err)) {
        us_tokenizer *tok;
        us_tokens ids = {0};
        us_str s;
        walk(g);
        if (!us_tokenizer_from_gguf(g, &tok, &err)) {
            static const char text[] = "Hi <|im_start|>user\nit's 1234 \xff\xe2\x82 d'oh  \n";
            if (!us_tokenizer_encode(tok, text, sizeof text - 1, true, &ids, &err))
                for (size_t i = 0; i < ids.n; i++) us_tokenizer_piece(tok, ids.ids[i], &(size_t){0});
            us_tokens_fini(&ids);
            us_tokenizer_free(tok);
        }
        us_template *t;
        if (!us_gguf_get_str(g, "tokenizer.chat_template", &s, &err) &&
            !us_template_recognise(s.data, s.len, NULL, NULL, &t, &err))
            us_template_free(t);
        us_gguf_close(g);
    }
    free(aligned);
    return 0;
}
