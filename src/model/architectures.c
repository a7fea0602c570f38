#include "model/architectures.h"
#include <string.h>

/* How the files of each are made is the business of llama.cpp's converter, which all converters follow: norms of Gemma have
 * 1 added already, q and k of those without `neox` have their rows permuted. */
static const us_architecture rows[] = {
    {.name = "llama", .models = "Llama 2, 3, 3.1, 3.2, TinyLlama, SmolLM2, Mistral, Mistral Nemo"},
    {.name = "mistral3", .models = "Ministral 3", .warms = true},
    {.name = "qwen2", .models = "Qwen 2, 2.5", .neox = true},
    {.name = "qwen3", .models = "Qwen 3", .neox = true, .qk_norm = US_QK_NORM_HEAD},
    {.name = "gemma", .models = "Gemma", .neox = true, .gelu = true, .scales_embd = true},
    {.name = "gemma2",
     .models = "Gemma 2",
     .neox = true,
     .gelu = true,
     .scales_embd = true,
     .post_norm = true,
     .window_step = 2,
     .window = 4096,
     .attn_cap = 50,
     .logit_cap = 30,
     .wide_query_layers = 46},
    {.name = "gemma3",
     .models = "Gemma 3 (text)",
     .neox = true,
     .gelu = true,
     .scales_embd = true,
     .post_norm = true,
     .qk_norm = US_QK_NORM_HEAD,
     .window_step = 6,
     .window_base = 10000,
     .window_unscaled = true,
     .wide_query_layers = 62},
    {.name = "phi3", .models = "Phi-3, Phi-3.5, Phi-4, Phi-4-mini", .neox = true, .fused = true},
    {.name = "granite", .models = "Granite 3", .finetuned_is_rope = true},
    {.name = "olmo2",
     .models = "OLMo 2, 3",
     .neox = true,
     .no_pre_norm = true,
     .post_norm = true,
     .qk_norm = US_QK_NORM_ROW,
     .attn_factor_is_all = true,
     .window_step = 4,
     .window_unscaled = true},
    {.name = "smollm3", .models = "SmolLM3", .no_rope_step = 4},
};

const us_architecture *us_architecture_find(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, name)) return &rows[i];
    return NULL;
}

const us_architecture *us_architecture_at(size_t i) { return i < sizeof rows / sizeof *rows ? &rows[i] : NULL; }

us_place us_net_place(const us_net *n, us_module m) {
    size_t q = us_net_width_q(n), kv = us_net_width_kv(n), f = (size_t)n->n_ff, in, out;
    if (n->fused && m <= US_MOD_V) return (us_place){"attn_qkv", m == US_MOD_Q ? 0 : m == US_MOD_K ? q : q + kv, q + 2 * kv};
    if (n->fused && (m == US_MOD_GATE || m == US_MOD_UP)) return (us_place){"ffn_up", m == US_MOD_UP ? f : 0, 2 * f};
    us_net_dims(n, m, &in, &out);
    return (us_place){us_module_tensors[m], 0, out};
}
