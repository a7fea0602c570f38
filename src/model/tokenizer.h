/* model/tokenizer.h - making a tokenizer from a GGUF file, and what its two families share. */
#ifndef US_MODEL_TOKENIZER_H
#define US_MODEL_TOKENIZER_H
#include "model/gguf.h"
#include "model/pretokenizer.h"
#include "understudy/tokenizer.h"

US_MUST_USE us_status us_tokenizer_from_gguf(const us_gguf *g, us_tokenizer **out, us_error *err);
void us_tokenizer_free(us_tokenizer *t);

typedef enum us_token_kind {
    US_TOKEN_NORMAL = 1,
    US_TOKEN_UNKNOWN,
    US_TOKEN_CONTROL,
    US_TOKEN_USER,
    US_TOKEN_UNUSED,
    US_TOKEN_BYTE
} us_token_kind;

typedef struct us_merge {
    int32_t left, right, merged;
} us_merge; /* its index is its rank */

struct us_tokenizer {
    bool spm;
    size_t n_vocab;
    us_str *pieces; /* [n_vocab] what text is matched against, in `bytes` */
    us_str *shown;  /* what a token stands for: pieces, but for SentencePiece's U+2581 */
    char *bytes, *shown_bytes;
    unsigned char *kinds; /* us_token_kind */
    bool *ends;
    uint32_t *slots; /* piece -> id + 1, open addressing; normal tokens win over special ones */
    size_t n_slots;
    int32_t byte_ids[256]; /* -1 if none */
    /* byte-level BPE */
    us_merge *merges;
    size_t n_merges;
    uint32_t *merge_slots; /* (left, right) -> rank + 1 */
    size_t n_merge_slots;
    us_pretokenizer pre;
    /* SentencePiece */
    const float *scores;
    float *own_scores;
    bool space_prefix;
    /* special tokens, by their first byte, then longest first */
    int32_t *specials;
    bool strip_right; /* Phi-3: blanks behind a special token are dropped */
    size_t n_specials;
    size_t special_end[256]; /* of those that begin with a byte: from the end of the byte before */
    int32_t bos, eos, unknown;
    bool add_bos;
};

/* Consecutive stretches of a text, from its beginning: in a marker's, special tokens are read, elsewhere they are text. */
typedef struct us_stretch {
    size_t end;
    bool marker;
} us_stretch;
/* One text of n bytes. *starts (may be NULL as a pointer; free() it) gets the byte at which each token begins. */
US_MUST_USE us_status us_tokenizer_encode_stretches(const us_tokenizer *t, const char *s, size_t n, const us_stretch *stretches,
                                                    size_t n_stretches, us_tokens *out, size_t **starts, us_error *err);
/* A marker of the model's template: where the vocabulary has it as an ordinary token, it is a special one from now on. */
US_MUST_USE us_status us_tokenizer_mark(us_tokenizer *t, const char *text, size_t n, us_error *err);
/* The token of these bytes as ordinary text, which never is a control token, the unknown one or a maker's token that ends a
 * turn; -1: none. */
int32_t us_tokenizer_lookup_text(const us_tokenizer *t, const char *bytes, size_t n);
int32_t us_tokenizer_merge_rank(const us_tokenizer *t, int32_t left, int32_t right);
/* One stretch of ordinary text, no special tokens in it. */
us_status us_bpe_encode(const us_tokenizer *t, const char *s, size_t n, us_tokens *out, us_error *err);
us_status us_spm_encode(const us_tokenizer *t, const char *s, size_t n, bool first, us_tokens *out, us_error *err);
#endif
