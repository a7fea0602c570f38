/* Hyperparameters of a GGUF model, each in a sane range, and the RoPE frequencies. */
#include "base/mem.h"
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPPORTED "llama (Llama 2, 3, 3.1, 3.2, TinyLlama, SmolLM2, Mistral), qwen2, qwen3"

static const char *key(us_model *m, char *buf, const char *name) {
    snprintf(buf, 128, "%s.%s", m->architecture, name);
    return buf;
}

static us_status want_int(us_model *m, const char *name, int64_t min, int64_t max, int64_t fallback, int32_t *out,
                          us_error *err) {
    char buf[128];
    int64_t v = fallback;
    if (fallback < 0 || us_gguf_find(m->g, key(m, buf, name))) {
        us_status st = us_gguf_get_int(m->g, key(m, buf, name), min, max, &v, err);
        if (st) return st;
    }
    *out = (int32_t)v;
    return US_OK;
}

static us_status want_float(us_model *m, const char *name, double min, double max, double fallback, double *out,
                            us_error *err) {
    char buf[128];
    *out = fallback;
    if (!us_gguf_find(m->g, key(m, buf, name))) {
        if (fallback >= 0) return US_OK;
        return us_fail(err, US_ERR_NOT_FOUND, "%s: no key '%s'", us_gguf_path(m->g), buf);
    }
    us_status st = us_gguf_get_float(m->g, buf, out, err);
    if (!st && !(*out >= min && *out <= max))
        st = us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected %g..%g, got %g", us_gguf_path(m->g), buf, min, max, *out);
    return st;
}

static us_status copy_str(const us_gguf *g, const char *k, size_t max, char **out, us_error *err) {
    us_str s = {"", 0};
    us_status st = us_gguf_find(g, k) ? us_gguf_get_str(g, k, &s, err) : US_OK;
    return st ? st : us_strndup(s.data, s.len < max ? s.len : max, out, err);
}

/* Frequencies base^(-2i/n), divided by the file's rope_freqs (Llama 3.1 and later) or by a linear factor. */
static us_status rope_frequencies(us_model *m, double base, double factor, us_error *err) {
    size_t half = (size_t)m->net.n_rot / 2;
    us_status st = us_alloc(half, sizeof(float), &m->inv_freq, err);
    if (st) return st;
    const us_tensor *t = us_gguf_find_tensor(m->g, "rope_freqs.weight");
    if (t && (t->type != US_TYPE_F32 || t->n_dims != 1 || t->ne[0] != (int64_t)half))
        return us_fail(err, US_ERR_FORMAT, "%s: rope_freqs.weight: expected %zu F32 values, got %lld %s", us_gguf_path(m->g),
                       half, (long long)t->ne[0], us_type_name(t->type));
    for (size_t i = 0; i < half; i++) {
        float div = 1;
        if (t) memcpy(&div, t->data + 4 * i, 4);
        if (!(div > 0 && div < 1e6f))
            return us_fail(err, US_ERR_FORMAT, "%s: rope_freqs.weight[%zu] is %g", us_gguf_path(m->g), i, (double)div);
        m->inv_freq[i] = (float)(pow(base, -2.0 * (double)i / (double)m->net.n_rot) / factor / (double)div);
    }
    m->net.inv_freq = m->inv_freq;
    return US_OK;
}

static us_status rope_scaling(us_model *m, double *factor, us_error *err) {
    char buf[128];
    us_str kind = {"none", 4};
    *factor = 1;
    us_status st = US_OK;
    if (us_gguf_find(m->g, key(m, buf, "rope.scaling.type"))) st = us_gguf_get_str(m->g, buf, &kind, err);
    if (!st && us_str_eq(kind, "linear")) return want_float(m, "rope.scaling.factor", 0.01, 1000, 1, factor, err);
    if (!st && !us_str_eq(kind, "none") && !us_str_eq(kind, ""))
        st = us_fail(err, US_ERR_UNSUPPORTED,
                     "%s: RoPE scaling '%.*s' is not supported; supported are none, linear and rope_freqs.weight",
                     us_gguf_path(m->g), (int)(kind.len < 40 ? kind.len : 40), kind.data);
    return st;
}

us_status us_config_load(us_model *m, us_error *err) {
    us_net *n = &m->net;
    us_str arch;
    us_status st = us_gguf_get_str(m->g, "general.architecture", &arch, err);
    if (!st) st = us_strndup(arch.data, arch.len < 64 ? arch.len : 64, &m->architecture, err);
    if (!st) st = copy_str(m->g, "general.name", 200, &m->name, err);
    if (st) return st;
    const us_kv *type = us_gguf_find(m->g, "general.type");
    us_str kind;
    if (type && !us_gguf_get_str(m->g, "general.type", &kind, NULL) && us_str_eq(kind, "adapter"))
        return us_fail(err, US_ERR_MISMATCH,
                       "%s: this is an adapter, not a model: give the base model with -m and this file with --lora",
                       us_gguf_path(m->g));
    bool qwen2 = !strcmp(m->architecture, "qwen2"), qwen3 = !strcmp(m->architecture, "qwen3");
    if (strcmp(m->architecture, "llama") && !qwen2 && !qwen3)
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: architecture '%s' is not supported; supported are " SUPPORTED,
                       us_gguf_path(m->g), m->architecture);
    n->neox = qwen2 || qwen3;
    int32_t ctx, head_size, n_rot;
    double eps, base, factor;
    char buf[128];
    if ((st = want_int(m, "block_count", 1, 1024, -1, &n->n_layers, err)) ||
        (st = want_int(m, "embedding_length", 32, 65536, -1, &n->n_embd, err)) ||
        (st = want_int(m, "feed_forward_length", 32, 1 << 20, -1, &n->n_ff, err)) ||
        (st = want_int(m, "attention.head_count", 1, 1024, -1, &n->heads.n_heads, err)) ||
        (st = want_int(m, "attention.head_count_kv", 1, 1024, n->heads.n_heads, &n->heads.n_kv_heads, err)) ||
        (st = want_int(m, "context_length", 1, 1 << 24, -1, &ctx, err)) ||
        (st = want_int(m, "expert_count", 0, 0, 0, &head_size, err)))
        return st;
    if (n->n_embd % n->heads.n_heads && !us_gguf_find(m->g, key(m, buf, "attention.key_length")))
        return us_fail(err, US_ERR_FORMAT, "%s: %d heads do not divide the width %d", us_gguf_path(m->g), n->heads.n_heads,
                       n->n_embd);
    if (n->heads.n_heads % n->heads.n_kv_heads)
        return us_fail(err, US_ERR_FORMAT, "%s: %d kv heads do not divide %d heads", us_gguf_path(m->g), n->heads.n_kv_heads,
                       n->heads.n_heads);
    if ((st = want_int(m, "attention.key_length", 8, 1024, n->n_embd / n->heads.n_heads, &head_size, err))) return st;
    n->heads.head_size = head_size;
    if ((st = want_int(m, "attention.value_length", head_size, head_size, head_size, &n_rot, err)) ||
        (st = want_int(m, "rope.dimension_count", 2, head_size, head_size, &n_rot, err)) ||
        (st = want_float(m, "attention.layer_norm_rms_epsilon", 1e-12, 0.1, -1, &eps, err)) ||
        (st = want_float(m, "rope.freq_base", 1, 1e12, 10000, &base, err)) || (st = rope_scaling(m, &factor, err)))
        return st;
    if (head_size % 8 || n_rot % 2 || n->n_embd % 32 || n->n_ff % 32)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "%s: head size %d, rotated %d, width %d, feed-forward %d: expected multiples of 8, 2, 32, 32",
                       us_gguf_path(m->g), head_size, n_rot, n->n_embd, n->n_ff);
    n->n_rot = n_rot;
    n->eps = (float)eps;
    m->info = (us_model_info){.architecture = m->architecture,
                              .name = m->name,
                              .n_layers = n->n_layers,
                              .n_embd = n->n_embd,
                              .n_ff = n->n_ff,
                              .n_heads = n->heads.n_heads,
                              .n_kv_heads = n->heads.n_kv_heads,
                              .head_size = head_size,
                              .n_ctx_train = ctx,
                              .file_bytes = us_gguf_bytes(m->g)};
    return rope_frequencies(m, base, factor, err);
}
