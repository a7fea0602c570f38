/* serve/probs.h - what the model thought of tokens, as JSON: OpenAI's two shapes and llama.cpp's. Tokens that end a text are left
 * out. n_top: likeliest tokens beside each. */
#ifndef US_SERVE_PROBS_H
#define US_SERVE_PROBS_H
#include "reply/reply.h"
#include <jansson.h>

/* Of a chat's answer: {"content": [{"token", "logprob", "bytes", "top_logprobs"}], "refusal": null}. */
json_t *us_probs_chat(const us_tokenizer *tok, const us_prob *p, size_t n, int64_t n_top);
/* Of a text that goes on: {"tokens", "token_logprobs", "top_logprobs", "text_offset"}, offsets in characters from *offset on, which
 * moves. prompt (NULL: none) comes first: of its tokens the one at k + 1 has of_prompt[k], and the first nothing but null. */
json_t *us_probs_text(const us_tokenizer *tok, const us_tokens *prompt, const us_prob *of_prompt, size_t n_of_prompt,
                      const us_prob *p, size_t n, int64_t n_top, size_t *offset);
/* llama.cpp's completion_probabilities: [{"id", "token", "bytes", "logprob", "top_logprobs"}]. */
json_t *us_probs_llama(const us_tokenizer *tok, const us_prob *p, size_t n, int64_t n_top);

#endif
