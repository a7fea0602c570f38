/* understudy/convert.h - adapters to and from other tools' forms: PEFT folders, merged models.
 *
 * A PEFT folder is adapter_config.json and adapter_model.safetensors, with factors in the row order of Hugging
 * Face; GGUF files of the llama architecture hold the rows of attn_q and attn_k in another order (pairs of RoPE
 * side by side), so the B factors of these two are permuted on the way. */
#ifndef UNDERSTUDY_CONVERT_H
#define UNDERSTUDY_CONVERT_H

#include "understudy/model.h"
#include "understudy/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the GGUF adapter as a PEFT folder (float32). base_name: base_model_name_or_path of the configuration,
 * where PEFT finds the weights. MISMATCH when the adapter does not fit the model. */
US_API US_MUST_USE us_status us_peft_export(const us_model *model, const char *adapter_path, const char *base_name,
                                            const char *folder, us_error *err);
/* Reads a PEFT folder (F32, F16 or BF16; rank_pattern and alpha_pattern too) into a GGUF adapter with the model's hash in it.
 * UNSUPPORTED, with the way out, for what a GGUF LoRA cannot say (DoRA, biases, saved modules, the output layer) and for
 * pickles. */
US_API US_MUST_USE us_status us_peft_import(us_model *model, const char *folder, us_adapter_type type, const char *adapter_path,
                                            us_error *err);

/* Writes base + scale * adapter as one GGUF model; the linear layers in `type` ("F16", "Q8_0", "Q4_1",
 * "Q4_0"), embedding and head as they are (of a float base in 8 bits; all in F16 with "F16"), norms as they are. Memory: one
 * tensor. */
US_API US_MUST_USE us_status us_adapter_merge(const us_model *model, const char *adapter_path, double scale, const char *type,
                                              const char *path, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
