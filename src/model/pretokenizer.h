/* model/pretokenizer.h - how a byte-level BPE's text is cut into words. */
#ifndef US_MODEL_PRETOKENIZER_H
#define US_MODEL_PRETOKENIZER_H
#include "model/gguf.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define US_CUTS 6

/* Patterns one after the other: each cuts what the ones before it have left, at its matches and between them. */
typedef struct us_pretokenizer {
    pcre2_code *cuts[US_CUTS];
    size_t n_cuts;
    bool whole_words; /* a word that is a token needs no merges */
    bool add_bos;     /* where the file does not say whether BOS begins a text, it does */
} us_pretokenizer;

/* Of a name of `tokenizer.ggml.pre`; NOT_FOUND. fini in any case. */
US_MUST_USE us_status us_pretokenizer_init(us_pretokenizer *p, us_str name, us_error *err);
void us_pretokenizer_fini(us_pretokenizer *p);
#endif
