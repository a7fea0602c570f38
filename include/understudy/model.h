/* understudy/model.h - a language model and its adapters, opened from GGUF files.
 *
 * A model is immutable after open and may be shared by any number of engines and threads; it must
 * outlive them. Shape letters, here and everywhere: T tokens, D model width, F feed-forward,
 * H heads, G kv heads, E head size, V vocabulary, L layers, R rank. */
#ifndef UNDERSTUDY_MODEL_H
#define UNDERSTUDY_MODEL_H

#include "understudy/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_model us_model;
typedef struct us_adapter us_adapter;
struct us_tokenizer; /* understudy/tokenizer.h */
struct us_template;  /* understudy/template.h */

/* Which arithmetic the linear layers use. */
typedef enum us_math {
    US_MATH_FAST = 0, /* weights as they are in the file, activations in 8-bit blocks of 32: the default */
    US_MATH_F32,      /* weights dequantized, float32 activations: the reference; slow, 4 bytes a weight */
} us_math;

typedef struct us_model_options {
    us_math math;
    int n_threads;             /* for loading; 0: every CPU */
    const char *template_name; /* NULL: recognised from the file ("chatml", "llama3", ...) */
    /* Called when all but the weights was read (its info is complete): an error of its ends the opening before the time and
     * the memory that they take. See us_engine_check(). */
    us_status (*check)(void *ctx, const us_model *model, us_error *err);
    void *check_ctx;
} us_model_options;

typedef struct us_model_info {
    const char *architecture;                                                /* "llama", "gemma3", ... */
    const char *name;                                                        /* general.name, or "" */
    int32_t n_layers, n_embd, n_ff, n_heads, n_kv_heads, head_size, n_vocab; /* L D F H G E V */
    int32_t n_ctx_train;                                                     /* tokens the model was made for */
    bool tied_head;
    uint64_t n_params;
    uint64_t file_bytes;      /* size of the GGUF */
    uint64_t resident_bytes;  /* what the weights take in memory after repacking */
    const char *quantization; /* the commonest type of the linear layers, "Q4_1" */
} us_model_info;

/* Opens a GGUF model (a split file by its first part). Errors: NOT_FOUND, IO, FORMAT (what, where,
 * expected, got), UNSUPPORTED (an architecture or type, with the list of those supported; an
 * unknown chat template is not an error here but at us_model_get_template), MEMORY. */
US_API US_MUST_USE us_status us_model_open(const char *path, const us_model_options *options, us_model **out, us_error *err);
/* Whether a model file runs here: all that us_model_open checks, but no weights are loaded. The error says why not. */
US_API US_MUST_USE us_status us_model_check(const char *path, us_error *err);
/* Whether an architecture ("gemma3") is one of those that run here. */
US_API bool us_model_knows(const char *architecture);
US_API void us_model_free(us_model *model);
/* Packed weights are kept in a file of the user's cache ($XDG_CACHE_HOME, else ~/.cache; understudy/packed), which every
 * process that opens the model maps: from the second time on it opens at the speed of reading, and all of them share the
 * memory. The environment's US_CACHE=off keeps nothing. Why this model's weights are not kept, in words, or "". */
US_API const char *us_model_get_kept(const us_model *model);
US_API const us_model_info *us_model_get_info(const us_model *model);
US_API const struct us_tokenizer *us_model_get_tokenizer(const us_model *model);
/* The chat template recognised in the file, or chosen by template_name; UNSUPPORTED in words when
 * neither. Borrowed. */
US_API US_MUST_USE us_status us_model_get_template(const us_model *model, const struct us_template **out, us_error *err);
/* SHA-256 of the model's file(s), hex, computed at first use (about 0.2 s for 100 MB) and kept, as the weights are. Any
 * thread. */
US_API void us_model_get_hash(us_model *model, char out[65]);

/* The form in which conversations are written for a model (src/chat/prompt.h). An adapter records the one that it was trained
 * with (understudy.prompt.form; without it: 1, as all of version 0.1 were), and is prompted in it. It changes when what an
 * adapter has learned to read would change: how turns are joined, named, cut. */
#define US_PROMPT_FORM 1

/* Opens a LoRA adapter (GGUF: general.type=adapter) for this model. MISMATCH in words when it was
 * made for another architecture, shape, or (understudy.base.sha256) another file, unless `force`; UNSUPPORTED when it was
 * trained with a later form of prompts than this program writes.
 * The adapter must be freed before the model. y += scale * alpha/r * B(A x) wherever it is used. */
US_API US_MUST_USE us_status us_adapter_open(const us_model *model, const char *path, bool force, us_adapter **out,
                                             us_error *err);
US_API void us_adapter_free(us_adapter *adapter);

#ifdef __cplusplus
}
#endif
#endif
