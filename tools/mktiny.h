/* tools/mktiny.h - GGUF models with random weights, of any architecture and type that the library reads.
 *
 * Every unit test that needs a model makes one here, in milliseconds, so that no test needs a download. The
 * weights are random but scaled so that activations stay finite and logits spread; the tokenizers are small and real:
 * every byte has a token, common words have merges, the special tokens of ChatML and Llama 3 are there.
 * The same options and seed give the same bytes. */
#ifndef US_TOOLS_MKTINY_H
#define US_TOOLS_MKTINY_H
#include "understudy/base.h"

typedef struct us_tiny {
    const char *arch; /* "llama" (default), "llama3" (rope_freqs, BOS, its chat form), "qwen2" (biases), "qwen3" (q/k norm), or
                       * any other of model/architectures.c, with values in its keys that a few tokens feel */
    int type;         /* a us_type; 0 is F32. Norms and biases are always F32 */
    bool q4_k_m;      /* instead of `type`: Q4_K, with half of attn_v and ffn_down and the embedding in Q6_K */
    bool untied;      /* an output.weight of its own */
    bool uneven;      /* an adapter: attn_v has twice the rank of the others */
    bool spm;         /* SentencePiece vocabulary instead of byte-level BPE */
    const char *chat; /* "chatml", "llama2", "llama3", "none" or any other text, taken as the template; NULL: by architecture */
    uint64_t seed;
    /* 0: a small value that suits the type */
    int n_layers, n_embd, n_ff, n_heads, n_kv_heads, head_size, n_ctx, n_vocab; /* n_vocab: filled up to this many tokens */
} us_tiny;

US_MUST_USE us_status us_tiny_write(const us_tiny *options, const char *path, us_error *err);
/* A random LoRA adapter (all seven modules of every layer) that fits the model of these options: float32, with Q8_0 as type the
 * factors whose columns suit it. */
US_MUST_USE us_status us_tiny_write_adapter(const us_tiny *options, int rank, float alpha, const char *path, us_error *err);
/* The shape of Llama 3.2 1B: 16 layers, 2048 wide, 32 heads, 8 kv heads of 64, F 8192, V 128256, tied. */
us_tiny us_tiny_llama_1b(void);

/* A fresh folder under TMPDIR for a test's files; free() it. us_tiny_remove deletes it and all that is in it. */
char *us_tiny_folder(void);
void us_tiny_remove(char *folder);
#endif
