/* Shape, vocabulary, keys, tensors; each tensor's bytes are made when the writer asks for them. */
#include "mktiny.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "model/architectures.h"
#include "model/gguf.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Words whose beginnings become tokens, one merge a letter. A leading blank belongs to the word. */
static const char *const words[] = {
    " the",  " and",      " you",   " that",  " what", " this", " have", " not",  " with",     " for",   " are",   " was",
    " but",  " all",      " can",   " of",    " to",   " in",   " is",   " it",   " me",       " my",    " we",    " do",
    " go",   " no",       " on",    " up",    " so",   " he",   " she",  " they", " oh",       " well",  " know",  " like",
    " just", " here",     " there", " right", " good", " want", " get",  " boy",  " man",      " homer", " marge", " bart",
    " lisa", " doughnut", " beer",  "the",    "you",   "and",   "hello", "user",  "assistant", "system", "ing",    "er",
    "ed",    "ly",        "tion",   "Hi",     " I",    "'s",    "n't",   "..",    "...",       "\n\n"};

static const char chatml[] =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
static const char llama2[] =
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
    "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}{% else %}"
    "{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content | trim + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + content | trim + ' ' + eos_token }}{% endif %}{% endfor %}";
static const char llama3[] = "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + "
                             "'<|end_header_id|>\n\n' + m['content'] | trim + "
                             "'<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ "
                             "'<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

enum { BPE_BOS = 3, IM_START = 1, IM_END = 2, EOT = 7 };
static const char *const bpe_specials[] = {"<|endoftext|>",   "<|im_start|>",        "<|im_end|>",        "<|begin_of_text|>",
                                           "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};

enum { KIND_NORMAL = 1, KIND_UNKNOWN = 2, KIND_CONTROL = 3, KIND_BYTE = 6 };

/* ---- vocabulary ---------------------------------------------------------------------------------------- */

typedef struct vocab {
    us_str *tokens, *merges; /* texts are malloc()ed */
    int32_t *kinds;
    float *scores;
    size_t n, n_merges, cap, cap_merges, cap_kinds, cap_scores;
} vocab;

static void vocab_fini(vocab *v) {
    for (size_t i = 0; i < v->n; i++) free((char *)v->tokens[i].data);
    for (size_t i = 0; i < v->n_merges; i++) free((char *)v->merges[i].data);
    free(v->tokens);
    free(v->merges);
    free(v->kinds);
    free(v->scores);
}

static us_status add_token(vocab *v, const char *s, int kind, us_error *err) {
    char *copy = NULL;
    us_status st = us_grow(&v->tokens, &v->cap, v->n + 1, sizeof *v->tokens, err);
    if (!st) st = us_grow(&v->kinds, &v->cap_kinds, v->n + 1, sizeof *v->kinds, err);
    if (!st) st = us_grow(&v->scores, &v->cap_scores, v->n + 1, sizeof *v->scores, err);
    if (!st) st = us_strdup(s, &copy, err);
    if (st) return st;
    v->kinds[v->n] = kind;
    v->scores[v->n] = kind == KIND_NORMAL ? -(float)v->n : 0;
    v->tokens[v->n++] = (us_str){copy, strlen(copy)};
    return US_OK;
}

static bool has_token(const vocab *v, const char *s) {
    for (size_t i = 0; i < v->n; i++)
        if (us_str_eq(v->tokens[i], s)) return true;
    return false;
}

static us_status add_merge(vocab *v, const char *left, const char *right, us_error *err) {
    char text[64], *copy = NULL;
    snprintf(text, sizeof text, "%s %s", left, right);
    us_status st = us_grow(&v->merges, &v->cap_merges, v->n_merges + 1, sizeof *v->merges, err);
    if (!st) st = us_strdup(text, &copy, err);
    if (!st) v->merges[v->n_merges++] = (us_str){copy, strlen(copy)};
    return st;
}

/* A byte as GPT-2 writes it: itself when printable, else the next free code point from U+0100. */
static void written(unsigned char byte, char out[8]) {
    uint32_t cp = byte, next = 256;
    for (unsigned b = 0; b <= byte; b++) {
        bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        if (b == byte) cp = printable ? b : next;
        else if (!printable) next++;
    }
    char raw[4];
    int n = us_utf8_encode(cp, raw);
    memcpy(out, raw, (size_t)n);
    out[n] = 0;
}

static us_status add_words(vocab *v, bool spm, us_error *err) {
    us_status st = US_OK;
    for (size_t w = 0; w < sizeof words / sizeof *words && !st; w++) {
        char left[64] = "", piece[8], whole[80];
        for (const char *c = words[w]; *c && !st; c++) {
            if (spm) snprintf(piece, sizeof piece, "%s", *c == ' ' ? "\xe2\x96\x81" : (char[]){*c, 0});
            else written((unsigned char)*c, piece);
            snprintf(whole, sizeof whole, "%s%s", left, piece);
            if (!has_token(v, whole)) {
                st = add_token(v, whole, KIND_NORMAL, err);
                if (!st && *left && !spm) st = add_merge(v, left, piece, err);
            }
            snprintf(left, sizeof left, "%s", whole);
        }
    }
    return st;
}

/* Letters in pairs, threes and fours, each with its merge, until there are n tokens: a large vocabulary's cost is real. */
static us_status fill_up(vocab *v, size_t n, us_error *err) {
    us_status st = US_OK;
    for (int len = 2; len <= 4; len++)
        for (int i = 0, count = len == 2 ? 676 : len == 3 ? 17576 : 456976; i < count && v->n < n && !st; i++) {
            char s[5] = "", l[4] = "", r[4] = "";
            for (int k = 0, x = i; k < len; k++, x /= 26) s[k] = (char)('A' + x % 26);
            memcpy(l, s, len == 2 ? 1 : 2);
            memcpy(r, s + (len == 2 ? 1 : 2), len == 4 ? 2 : 1);
            st = add_token(v, s, KIND_NORMAL, err);
            if (!st) st = add_merge(v, l, r, err);
        }
    return st;
}

static us_status make_vocab(const us_tiny *t, vocab *v, us_error *err) {
    us_status st = US_OK;
    char s[8];
    if (t->spm) {
        if ((st = add_token(v, "<unk>", KIND_UNKNOWN, err)) || (st = add_token(v, "<s>", KIND_CONTROL, err)) ||
            (st = add_token(v, "</s>", KIND_CONTROL, err)))
            return st;
        for (int b = 0; b < 256 && !st; b++) {
            snprintf(s, sizeof s, "<0x%02X>", (unsigned)b & 255);
            st = add_token(v, s, KIND_BYTE, err);
        }
        for (int b = '!'; b <= '~' && !st; b++) st = add_token(v, (char[]){(char)b, 0}, KIND_NORMAL, err);
        return st ? st : add_words(v, true, err);
    }
    for (size_t i = 0; i < sizeof bpe_specials / sizeof *bpe_specials && !st; i++)
        st = add_token(v, bpe_specials[i], KIND_CONTROL, err);
    for (int b = 0; b < 256 && !st; b++) {
        written((unsigned char)b, s);
        st = add_token(v, s, KIND_NORMAL, err);
    }
    if (!st) st = add_words(v, false, err);
    return st ? st : fill_up(v, (size_t)t->n_vocab, err);
}

/* ---- shape --------------------------------------------------------------------------------------------- */

static int or_else(int v, int otherwise) { return v ? v : otherwise; }

static const char *arch_name(const us_tiny *t) { return strcmp(t->arch, "llama3") ? t->arch : "llama"; }
static bool is(const us_tiny *t, const char *arch) { return !strcmp(t->arch, arch); }

/* Enough layers for one of each kind. */
static int layers_of(const us_tiny *t) { return is(t, "gemma3") ? 6 : is(t, "smollm3") ? 4 : 2; }
/* Pairs of Phi's heads that turn: three quarters. */
static int n_rot_of(const us_tiny *t) { return is(t, "phi3") ? t->head_size / 8 * 6 : t->head_size; }

static us_tiny complete(const us_tiny *o) {
    us_tiny t = *o;
    if (!t.arch) t.arch = "llama";
    if (t.q4_k_m) t.type = US_TYPE_Q4_K;
    bool wide = us_type_block((us_type)t.type) == 256;
    t.n_layers = or_else(t.n_layers, layers_of(&t));
    t.n_embd = or_else(t.n_embd, wide ? 256 : 128);
    t.n_ff = or_else(t.n_ff, wide ? 512 : 160);
    t.n_heads = or_else(t.n_heads, 4);
    t.n_kv_heads = or_else(t.n_kv_heads, 2);
    t.head_size = or_else(t.head_size, !strcmp(t.arch, "qwen3") ? 64 : t.n_embd / t.n_heads);
    t.n_ctx = or_else(t.n_ctx, 2048);
    return t;
}

us_tiny us_tiny_llama_1b(void) {
    return (us_tiny){.arch = "llama3",
                     .q4_k_m = true,
                     .n_layers = 16,
                     .n_embd = 2048,
                     .n_ff = 8192,
                     .n_heads = 32,
                     .n_kv_heads = 8,
                     .head_size = 64,
                     .n_ctx = 131072,
                     .n_vocab = 128256};
}

/* ---- tensors ------------------------------------------------------------------------------------------- */

typedef enum fill_kind { FILL_NORMAL, FILL_NORM, FILL_ROPE, FILL_SHORT } fill_kind;
typedef struct item {
    fill_kind fill;
    us_type type;
    size_t n; /* weights */
    float std;
} item;

typedef struct maker {
    us_tiny t;
    us_gguf_writer *w;
    item *items;
    size_t n_items, cap;
    us_rng rng;
} maker;

static us_status add(maker *m, const char *name, us_type type, fill_kind fill, int ne0, int ne1, float std, us_error *err) {
    int64_t ne[2] = {ne0, ne1 ? ne1 : 1};
    us_status st = us_grow(&m->items, &m->cap, m->n_items + 1, sizeof *m->items, err);
    if (!st) st = us_gguf_put_tensor(m->w, name, type, ne1 ? 2 : 1, ne, NULL, err);
    if (!st) m->items[m->n_items++] = (item){fill, type, (size_t)(ne[0] * ne[1]), std};
    return st;
}

/* Llama 3.1's frequency factors: 1 for short waves, `factor` for long ones, smooth between. */
static float rope_factor(int i, int head_size, double base) {
    const double factor = 32, low = 1, high = 4, n_old = 8192;
    double wave = 2 * 3.14159265358979323846 * pow(base, 2.0 * i / head_size);
    if (wave < n_old / high) return 1;
    if (wave > n_old / low) return (float)factor;
    double smooth = (n_old / wave - low) / (high - low);
    return (float)(1 / ((1 - smooth) / factor + smooth));
}

/* Many weights are copies of a few thousand distinct blocks in random order: quantizing a billion of them takes too long. */
#define POOL_WEIGHTS ((size_t)1 << 20)

static us_status fill_tensor(void *ctx, size_t i_tensor, void *dst, size_t n_bytes, us_error *err) {
    maker *m = ctx;
    const item *it = &m->items[i_tensor];
    size_t n = it->n < POOL_WEIGHTS ? it->n : POOL_WEIGHTS;
    float *x;
    us_status st = us_alloc(n, sizeof *x, &x, err);
    if (st) return st;
    for (size_t i = 0; i < n; i++)
        x[i] = it->fill == FILL_ROPE    ? rope_factor((int)i, m->t.head_size, 500000)
               : it->fill == FILL_SHORT ? 1 + 0.125f * (float)i
               : it->fill == FILL_NORM  ? 1 + 0.1f * us_rng_normal(&m->rng)
                                        : it->std * us_rng_normal(&m->rng);
    bool ok = us_quant_row(it->type, x, dst, n);
    free(x);
    if (!ok) return us_fail(err, US_ERR_ARGUMENT, "tensor of %zu weights does not suit type %s", it->n, us_type_name(it->type));
    size_t block = us_type_bytes(it->type), n_pool = n / us_type_block(it->type), pool_bytes = n_pool * block;
    for (size_t at = pool_bytes; at < n_bytes; at += block)
        memcpy((char *)dst + at, (char *)dst + us_rng_below(&m->rng, n_pool) * block, block);
    return US_OK;
}

static us_status plan_norms(maker *m, int l, us_error *err) {
    const us_tiny *t = &m->t;
    const us_architecture *a = us_architecture_find(arch_name(t));
    int d = t->n_embd, e = t->head_size, of = a->qk_norm == US_QK_NORM_ROW ? 1 : 0;
    const struct {
        const char *name;
        int n;
        bool wanted;
    } norms[] = {{"attn_norm", d, !a->no_pre_norm},
                 {"ffn_norm", d, !a->no_pre_norm},
                 {"post_attention_norm", d, a->post_norm},
                 {"post_ffw_norm", d, a->post_norm},
                 {"attn_q_norm", of ? t->n_heads * e : e, a->qk_norm != US_QK_NORM_NONE},
                 {"attn_k_norm", of ? t->n_kv_heads * e : e, a->qk_norm != US_QK_NORM_NONE}};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof norms / sizeof *norms && !st; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%d.%s.weight", l, norms[i].name);
        if (norms[i].wanted) st = add(m, name, US_TYPE_F32, FILL_NORM, norms[i].n, 0, 0, err);
    }
    return st;
}

static us_status plan_layer(maker *m, int l, us_error *err) {
    const us_tiny *t = &m->t;
    int q = t->n_heads * t->head_size, kv = t->n_kv_heads * t->head_size, d = t->n_embd, f = t->n_ff;
    /* the layers whose attn_v and ffn_down the Q4_K_M mix gives two more bits */
    bool more = t->q4_k_m && (l < t->n_layers / 8 || l >= 7 * t->n_layers / 8 || (l - t->n_layers / 8) % 3 == 2);
    us_type type = (us_type)t->type, better = more ? US_TYPE_Q6_K : type;
    float residual = 1 / sqrtf(2.0f * (float)t->n_layers);
    bool fused = is(t, "phi3");
    const struct {
        const char *name;
        us_type type;
        int in, out;
        float gain;
    } linear[] = {{"attn_qkv", type, d, fused ? q + 2 * kv : 0, 1},
                  {"attn_q", type, d, fused ? 0 : q, 1},
                  {"attn_k", type, d, fused ? 0 : kv, 1},
                  {"attn_v", better, d, fused ? 0 : kv, 1},
                  {"attn_output", type, q, d, residual},
                  {"ffn_gate", type, d, fused ? 0 : f, 1},
                  {"ffn_up", type, d, fused ? 2 * f : f, 1},
                  {"ffn_down", better, f, d, residual}};
    char name[64];
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof linear / sizeof *linear && !st; i++) {
        if (!linear[i].out) continue;
        snprintf(name, sizeof name, "blk.%d.%s.weight", l, linear[i].name);
        st = add(m, name, linear[i].type, FILL_NORMAL, linear[i].in, linear[i].out, linear[i].gain / sqrtf((float)linear[i].in),
                 err);
        if (st || i > 3 || !is(t, "qwen2")) continue;
        snprintf(name, sizeof name, "blk.%d.%s.bias", l, linear[i].name);
        st = add(m, name, US_TYPE_F32, FILL_NORMAL, linear[i].out, 0, 0.1f, err);
    }
    return st ? st : plan_norms(m, l, err);
}

static us_status plan_tensors(maker *m, int n_vocab, us_error *err) {
    const us_tiny *t = &m->t;
    float std = 2 / sqrtf((float)t->n_embd);
    us_type type = t->q4_k_m ? US_TYPE_Q6_K : (us_type)t->type;
    us_status st = add(m, "token_embd.weight", type, FILL_NORMAL, t->n_embd, n_vocab, std, err);
    if (!st) st = add(m, "output_norm.weight", US_TYPE_F32, FILL_NORM, t->n_embd, 0, 0, err);
    if (!st && t->untied) st = add(m, "output.weight", type, FILL_NORMAL, t->n_embd, n_vocab, std, err);
    if (!st && !strcmp(t->arch, "llama3"))
        st = add(m, "rope_freqs.weight", US_TYPE_F32, FILL_ROPE, t->head_size / 2, 0, 0, err);
    static const char *const factors[] = {"rope_factors_short.weight", "rope_factors_long.weight"};
    for (int i = 0; i < 2 && !st && is(t, "phi3"); i++)
        st = add(m, factors[i], US_TYPE_F32, FILL_SHORT, n_rot_of(t) / 2, 0, 0, err);
    for (int l = 0; l < t->n_layers && !st; l++) st = plan_layer(m, l, err);
    return st;
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

/* Of the keys that some architectures have: values that a few tokens feel. */
static us_status put_traits(maker *m, us_error *err) {
    const us_tiny *t = &m->t;
    bool gemma2 = is(t, "gemma2"), gemma3 = is(t, "gemma3"), phi = is(t, "phi3"), granite = is(t, "granite"),
         ministral = is(t, "mistral3");
    const struct {
        const char *name;
        bool wanted, whole;
        double v;
    } keys[] = {{"attention.sliding_window", gemma2 || gemma3 || phi, true, 8},
                {"attn_logit_softcapping", gemma2, false, 1.5},
                {"final_logit_softcapping", gemma2, false, 4},
                {"rope.scaling.factor", gemma3 || ministral, false, 8},
                {"rope.scaling.original_context_length", phi || ministral, true, 64},
                {"rope.scaling.yarn_log_multiplier", ministral, false, 0.5},
                {"attention.temperature_scale", ministral, false, 0.25},
                {"rope.scaling.attn_factor", phi, false, 1.1875},
                {"embedding_scale", granite, false, 12},
                {"residual_scale", granite, false, 0.22},
                {"attention.scale", granite, false, 0.125},
                {"logit_scale", granite, false, 8}};
    us_status st = US_OK;
    char key[96];
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !st; i++) {
        snprintf(key, sizeof key, "%s.%s", arch_name(t), keys[i].name);
        if (!keys[i].wanted) continue;
        st = keys[i].whole ? us_gguf_put_u32(m->w, key, (uint32_t)keys[i].v, err)
                           : us_gguf_put_f32(m->w, key, (float)keys[i].v, err);
    }
    if (!st && gemma3) st = us_gguf_put_str(m->w, "gemma3.rope.scaling.type", "linear", 6, err);
    if (!st && ministral) st = us_gguf_put_str(m->w, "mistral3.rope.scaling.type", "yarn", 4, err);
    return st;
}

static us_status put_str(maker *m, const char *key, const char *s, us_error *err) {
    return us_gguf_put_str(m->w, key, s, strlen(s), err);
}

static us_status put_shape(maker *m, int n_vocab, us_error *err) {
    const us_tiny *t = &m->t;
    const char *a = arch_name(t);
    char key[96];
    const struct {
        const char *name;
        int v;
    } ints[] = {{"block_count", t->n_layers},           {"context_length", t->n_ctx},
                {"embedding_length", t->n_embd},        {"feed_forward_length", t->n_ff},
                {"attention.head_count", t->n_heads},   {"attention.head_count_kv", t->n_kv_heads},
                {"attention.key_length", t->head_size}, {"attention.value_length", t->head_size},
                {"rope.dimension_count", n_rot_of(t)},  {"vocab_size", n_vocab}};
    us_status st = put_str(m, "general.architecture", a, err);
    if (!st) st = put_str(m, "general.type", "model", err);
    if (!st) st = put_str(m, "general.name", "random weights made by us_mktiny", err);
    if (!st) st = us_gguf_put_u32(m->w, "general.quantization_version", 2, err);
    for (size_t i = 0; i < sizeof ints / sizeof *ints && !st; i++) {
        snprintf(key, sizeof key, "%s.%s", a, ints[i].name);
        st = us_gguf_put_u32(m->w, key, (uint32_t)ints[i].v, err);
    }
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", a);
    if (!st) st = us_gguf_put_f32(m->w, key, 1e-5f, err);
    snprintf(key, sizeof key, "%s.rope.freq_base", a);
    if (!st)
        st = us_gguf_put_f32(m->w, key,
                             is(t, "llama3") || is(t, "olmo2")                    ? 500000.0f
                             : is(t, "llama") || is(t, "gemma2") || is(t, "phi3") ? 10000.0f
                                                                                  : 1000000.0f,
                             err);
    return st ? st : put_traits(m, err);
}

static us_status put_tokenizer(maker *m, const vocab *v, us_error *err) {
    const us_tiny *t = &m->t;
    bool is_llama3 = !strcmp(t->arch, "llama3"), qwen = !strncmp(t->arch, "qwen", 4);
    const char *chat = t->chat ? t->chat : t->spm ? "llama2" : is_llama3 ? "llama3" : "chatml";
    us_status st = put_str(m, "tokenizer.ggml.model", t->spm ? "llama" : "gpt2", err);
    if (!st && !t->spm) st = put_str(m, "tokenizer.ggml.pre", is_llama3 ? "llama-bpe" : qwen ? "qwen2" : "smollm", err);
    if (!st) st = us_gguf_put_strs(m->w, "tokenizer.ggml.tokens", v->tokens, v->n, err);
    if (!st) st = us_gguf_put_array(m->w, "tokenizer.ggml.token_type", US_KV_I32, v->kinds, v->n, err);
    if (!st && t->spm) st = us_gguf_put_array(m->w, "tokenizer.ggml.scores", US_KV_FLOAT32, v->scores, v->n, err);
    if (!st && !t->spm) st = us_gguf_put_strs(m->w, "tokenizer.ggml.merges", v->merges, v->n_merges, err);
    if (!st)
        st = us_gguf_put_u32(m->w, "tokenizer.ggml.bos_token_id", t->spm ? 1 : is_llama3 ? BPE_BOS : qwen ? 0 : IM_START, err);
    if (!st) st = us_gguf_put_u32(m->w, "tokenizer.ggml.eos_token_id", t->spm ? 2 : is_llama3 ? EOT : IM_END, err);
    if (!st) st = us_gguf_put_bool(m->w, "tokenizer.ggml.add_bos_token", t->spm || is_llama3, err);
    if (st || !strcmp(chat, "none")) return st;
    return put_str(m, "tokenizer.chat_template",
                   !strcmp(chat, "chatml")   ? chatml
                   : !strcmp(chat, "llama2") ? llama2
                   : !strcmp(chat, "llama3") ? llama3
                                             : chat,
                   err);
}

static us_status check(const us_tiny *t, us_error *err) {
    return us_architecture_find(arch_name(t)) ? US_OK : us_fail(err, US_ERR_ARGUMENT, "no architecture '%s'", t->arch);
}

us_status us_tiny_write(const us_tiny *options, const char *path, us_error *err) {
    maker m = {.t = complete(options)};
    vocab v = {0};
    us_rng_seed(&m.rng, options->seed);
    us_status st = check(&m.t, err);
    if (!st) st = us_gguf_writer_new(&m.w, err);
    if (!st) st = make_vocab(&m.t, &v, err);
    if (!st) st = put_shape(&m, (int)v.n, err);
    if (!st) st = put_tokenizer(&m, &v, err);
    if (!st) st = plan_tensors(&m, (int)v.n, err);
    if (!st) st = us_gguf_writer_finish(m.w, path, fill_tensor, &m, err);
    us_gguf_writer_free(m.w);
    vocab_fini(&v);
    free(m.items);
    return st;
}

us_status us_tiny_write_adapter(const us_tiny *options, int rank, float alpha, const char *path, us_error *err) {
    maker m = {.t = complete(options)};
    const us_tiny *t = &m.t;
    us_rng_seed(&m.rng, options->seed + 1);
    us_status st = check(t, err);
    if (!st) st = us_gguf_writer_new(&m.w, err);
    if (!st) st = put_str(&m, "general.type", "adapter", err);
    if (!st) st = put_str(&m, "general.architecture", arch_name(t), err);
    if (!st) st = put_str(&m, "adapter.type", "lora", err);
    if (!st) st = us_gguf_put_f32(m.w, "adapter.lora.alpha", alpha, err);
    int q = t->n_heads * t->head_size, kv = t->n_kv_heads * t->head_size, d = t->n_embd, f = t->n_ff;
    bool fused = is(t, "phi3");
    const struct {
        const char *name;
        int in, out;
    } linear[] = {{"attn_qkv", d, fused ? q + 2 * kv : 0},
                  {"attn_q", d, fused ? 0 : q},
                  {"attn_k", d, fused ? 0 : kv},
                  {"attn_v", d, fused ? 0 : kv},
                  {"attn_output", q, d},
                  {"ffn_gate", d, fused ? 0 : f},
                  {"ffn_up", d, fused ? 2 * f : f},
                  {"ffn_down", f, d}};
    for (int l = 0; l < t->n_layers; l++)
        for (size_t i = 0; i < sizeof linear / sizeof *linear && !st; i++) {
            char name[64];
            if (!linear[i].out) continue;
            int r = t->uneven && i == 3 ? 2 * rank : rank;
            us_type a = t->type == US_TYPE_Q8_0 && linear[i].in % 32 == 0 ? US_TYPE_Q8_0 : US_TYPE_F32,
                    b = t->type == US_TYPE_Q8_0 && r % 32 == 0 ? US_TYPE_Q8_0 : US_TYPE_F32;
            snprintf(name, sizeof name, "blk.%d.%s.weight.lora_a", l, linear[i].name);
            st = add(&m, name, a, FILL_NORMAL, linear[i].in, r, 1 / sqrtf((float)linear[i].in), err);
            snprintf(name, sizeof name, "blk.%d.%s.weight.lora_b", l, linear[i].name);
            if (!st) st = add(&m, name, b, FILL_NORMAL, r, linear[i].out, 0.3f / sqrtf((float)r), err);
        }
    if (!st) st = us_gguf_writer_finish(m.w, path, fill_tensor, &m, err);
    us_gguf_writer_free(m.w);
    free(m.items);
    return st;
}

/* ---- folders for tests --------------------------------------------------------------------------------- */

char *us_tiny_folder(void) {
    const char *tmp = getenv("TMPDIR");
    char *dir = NULL;
    if (asprintf(&dir, "%s/understudy-test-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0) return NULL;
    if (mkdtemp(dir)) return dir;
    free(dir);
    return NULL;
}

void us_tiny_remove(char *folder) {
    if (folder) us_dir_remove(folder);
    free(folder);
}
