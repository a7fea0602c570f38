/* Tokenizers: any bytes go in and come out again, with special tokens parsed or not, byte-level BPE and SentencePiece. */
#include "mktiny.h"
#include "understudy/model.h"
#include "understudy/tokenizer.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static us_model *tiny(bool spm) {
    us_model *m = NULL;
    us_error err;
    char *dir = us_tiny_folder(), path[4096];
    if (!dir) abort();
    snprintf(path, sizeof path, "%s/m.gguf", dir);
    if (us_tiny_write(&(us_tiny){.arch = "llama", .spm = spm}, path, &err) ||
        us_model_open(path, &(us_model_options){.n_threads = 1}, &m, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    us_tiny_remove(dir);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static us_model *models[2];
    us_error err;
    for (int spm = 0; spm < 2; spm++) {
        if (!models[spm]) models[spm] = tiny(spm);
        const us_tokenizer *t = us_model_get_tokenizer(models[spm]);
        for (int special = 0; special < 2; special++) {
            us_tokens ids = {0};
            size_t at = 0, n;
            if (us_tokenizer_encode(t, (const char *)data, size, special, &ids, &err)) continue;
            for (size_t i = 0; i < ids.n; i++) {
                const char *p = us_tokenizer_piece(t, ids.ids[i], &n);
                if (spm && !at && !i && n && *p == ' ' && (!size || data[0] != ' '))
                    p++, n--; /* the space that SentencePiece puts first */
                if (n > size - at || memcmp(p, data + at, n)) {
                    if (!spm) abort();
                    break; /* a second space: see test_tokenizer for its round trip */
                }
                at += n;
            }
            if (!spm && at != size) abort();
            us_tokens_fini(&ids);
        }
    }
    return 0;
}
