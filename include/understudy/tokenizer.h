/* understudy/tokenizer.h - text to token ids and back.
 *
 * Two families, as GGUF names them: byte-level BPE ("gpt2", with the pre-tokenizer patterns of
 * src/model/pretokenizer.c) and SentencePiece BPE with byte fallback ("llama"). A tokenizer belongs to its
 * model, is immutable and shared by threads. Any bytes survive encode -> decode, valid UTF-8 or not. */
#ifndef UNDERSTUDY_TOKENIZER_H
#define UNDERSTUDY_TOKENIZER_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_tokenizer us_tokenizer;

/* A growable list of token ids; start from {0}, us_tokens_fini() when done. */
typedef struct us_tokens {
    int32_t *ids;
    size_t n, cap;
} us_tokens;
US_API void us_tokens_fini(us_tokens *t);
US_API US_MUST_USE us_status us_tokens_push(us_tokens *t, int32_t id, us_error *err);

/* Appends the ids of text[0..n_bytes) to *out. With parse_special, the texts of special tokens
 * ("<|im_start|>") become those tokens; without it they are ordinary text: give false for whatever a user
 * typed. No BOS is added. */
US_API US_MUST_USE us_status us_tokenizer_encode(const us_tokenizer *t, const char *text, size_t n_bytes, bool parse_special,
                                                 us_tokens *out, us_error *err);
/* The bytes of one token (not NUL-terminated, maybe half a UTF-8 character); special tokens give their
 * text. Borrowed. Ids out of range give nothing. */
US_API const char *us_tokenizer_piece(const us_tokenizer *t, int32_t id, size_t *n_bytes);
/* The token whose text is exactly this; -1 if none. */
US_API int32_t us_tokenizer_find(const us_tokenizer *t, const char *text);
US_API int32_t us_tokenizer_n_vocab(const us_tokenizer *t);
US_API bool us_tokenizer_is_special(const us_tokenizer *t, int32_t id);
/* True for tokens that end a turn or a text: eos, eot, <|im_end|>, <|endoftext|>, </s>, ... */
US_API bool us_tokenizer_is_end(const us_tokenizer *t, int32_t id);
US_API int32_t us_tokenizer_bos(const us_tokenizer *t);  /* -1 if none */
US_API int32_t us_tokenizer_eos(const us_tokenizer *t);  /* -1 if none */
US_API bool us_tokenizer_add_bos(const us_tokenizer *t); /* the model expects BOS at the start of a text */

#ifdef __cplusplus
}
#endif
#endif
