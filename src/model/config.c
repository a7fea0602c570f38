/* Hyperparameters of a GGUF model, each in a sane range, and the RoPE frequencies. What a file leaves open, the architecture's
 * row answers. */
#include "base/mem.h"
#include "model/architectures.h"
#include "model/model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONTEXT (1 << 24) /* what a file says beyond is cut to it */

static const char *key(us_model *m, char *buf, const char *name) {
    snprintf(buf, 128, "%s.%s", m->architecture, name);
    return buf;
}

/* A value for each layer, where they are all the same. */
static us_status one_of_all(us_model *m, const char *name, const us_kv *kv, int64_t min, int64_t max, int64_t *out,
                            us_error *err) {
    for (uint64_t i = 0; i < kv->n; i++) {
        int64_t v;
        if (!us_kv_int(kv, i, &v) || v < min || v > max)
            return us_fail(err, US_ERR_FORMAT, "%s: key '%s': element %llu is no whole number of %lld..%lld",
                           us_gguf_path(m->g), name, (unsigned long long)i, (long long)min, (long long)max);
        if (i && v != *out)
            return us_fail(err, US_ERR_UNSUPPORTED,
                           "%s: key '%s' differs from layer to layer (%lld, then %lld), which is not supported",
                           us_gguf_path(m->g), name, (long long)*out, (long long)v);
        *out = v;
    }
    return kv->n ? US_OK : us_fail(err, US_ERR_FORMAT, "%s: key '%s' is an empty array", us_gguf_path(m->g), name);
}

static us_status want_int(us_model *m, const char *name, int64_t min, int64_t max, int64_t fallback, int32_t *out,
                          us_error *err) {
    char buf[128];
    int64_t v = fallback;
    const us_kv *kv = us_gguf_find(m->g, key(m, buf, name));
    us_status st = kv && kv->is_array   ? one_of_all(m, buf, kv, min, max, &v, err)
                   : kv || fallback < 0 ? us_gguf_get_int(m->g, buf, min, max, &v, err)
                                        : US_OK;
    if (!st) *out = (int32_t)v;
    return st;
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
    if (us_gguf_get_str(g, k, &s, NULL)) s = (us_str){"", 0}; /* a name is for people only */
    return us_strndup(s.data, s.len < max ? s.len : max, out, err);
}

/* ---- RoPE ------------------------------------------------------------------------------------------------------- */

/* Divisors of the frequencies that a tensor of the file gives: Llama 3.1's rope_freqs, Phi's rope_factors_short. */
static us_status rope_divisors(us_model *m, const char *name, size_t half, const us_tensor **out, us_error *err) {
    const us_tensor *t = *out = us_gguf_find_tensor(m->g, name);
    if (t && (t->type != US_TYPE_F32 || t->n_dims != 1 || t->ne[0] != (int64_t)half))
        return us_fail(err, US_ERR_FORMAT, "%s: %s: expected %zu F32 values, got %lld %s", us_gguf_path(m->g), name, half,
                       (long long)t->ne[0], us_type_name(t->type));
    for (size_t i = 0; t && i < half; i++) {
        float div;
        memcpy(&div, t->data + 4 * i, 4);
        if (!(div > 0 && div < 1e6f))
            return us_fail(err, US_ERR_FORMAT, "%s: %s[%zu] is %g", us_gguf_path(m->g), name, i, (double)div);
    }
    return US_OK;
}

/* How a file stretches the rotation over a longer context than the model was first trained for. */
typedef struct scaling {
    double factor;    /* frequencies are divided by it */
    double low, high; /* YaRN: pairs up to `low` keep their frequency, from `high` on it is divided, between them it is mixed */
    bool yarn;
    double scale; /* of cosine and sine */
} scaling;

/* Frequencies base^(-2i/n), divided by the file's own divisors (or none) and scaled. */
static us_status make_rope(us_model *m, double base, const us_tensor *divisors, const scaling *s, us_error *err) {
    us_net *n = &m->net;
    us_rope *r = &n->ropes[n->n_ropes];
    size_t half = (size_t)n->n_rot / 2;
    us_status st = us_alloc(half, sizeof(float), &r->inv_freq, err);
    if (st) return st;
    n->n_ropes++;
    r->scale = (float)s->scale;
    for (size_t i = 0; i < half; i++) {
        float div = 1;
        if (divisors) memcpy(&div, divisors->data + 4 * i, 4);
        double f = pow(base, -2.0 * (double)i / (double)n->n_rot) / (double)div, width = fmax(0.001, s->high - s->low),
               kept = s->yarn ? 1 - fmin(1, fmax(0, ((double)i - s->low) / width)) : 0;
        r->inv_freq[i] = (float)(f * (kept + (1 - kept) / s->factor));
    }
    return US_OK;
}

/* YaRN (Peng et al. 2023): pairs that turn more than beta_fast times over the original context keep their frequency, those that
 * turn less than beta_slow times have it divided; attention gets sharper by 0.1 ln(factor) + 1. */
static us_status yarn(us_model *m, const us_architecture *a, double base, int32_t ctx, scaling *s, us_error *err) {
    const double n = m->net.n_rot, pi = 3.14159265358979323846;
    int32_t original;
    double fast, slow, own, log_mul;
    char buf[128];
    us_status st;
    if ((st = want_int(m, "rope.scaling.original_context_length", 1, 1 << 24, ctx, &original, err)) ||
        (st = want_float(m, "rope.scaling.yarn_beta_fast", 0, 1e6, 32, &fast, err)) ||
        (st = want_float(m, "rope.scaling.yarn_beta_slow", 0, 1e6, 1, &slow, err)) ||
        (st = want_float(m, "rope.scaling.yarn_attn_factor", 0, 100, 0, &own, err)) ||
        (st = want_float(m, "rope.scaling.yarn_ext_factor", 1, 1, 1, &(double){0}, err)) ||
        (st = want_float(m, "rope.scaling.yarn_log_multiplier", 0, a->warms ? 100 : 0, 0, &log_mul, err)))
        return st;
    s->yarn = true;
    s->low = fmax(0, floor(n * log(original / (fast * 2 * pi)) / (2 * log(base))));
    s->high = fmin(n - 1, ceil(n * log(original / (slow * 2 * pi)) / (2 * log(base))));
    if (a->attn_factor_is_all && us_gguf_find(m->g, key(m, buf, "rope.scaling.attn_factor"))) return US_OK;
    double stretch = 0.1 * log(fmax(1, s->factor));
    s->scale *= own > 0 ? own : (1 + stretch) / (1 + log_mul * stretch); /* own: attention_factor of the model's config */
    return US_OK;
}

/* A factor without a type is linear; so is the older key scale_linear. attn_factor is for all types. */
static us_status rope_scaling(us_model *m, const us_architecture *a, double base, int32_t ctx, scaling *s, us_error *err) {
    char buf[128];
    us_str kind = {"linear", 6};
    double older;
    us_status st = US_OK;
    *s = (scaling){.factor = 1, .scale = 1};
    if (us_gguf_find(m->g, key(m, buf, "rope.scaling.type"))) st = us_gguf_get_str(m->g, buf, &kind, err);
    if (!st) st = want_float(m, "rope.scale_linear", 0, 1000, 1, &older, err);
    if (!st) st = want_float(m, "rope.scaling.attn_factor", 0.01, 100, 1, &s->scale, err);
    if (!st) st = want_float(m, "rope.scaling.factor", 0, 1000, older, &s->factor, err);
    if (st) return st;
    if (s->factor == 0) s->factor = 1; /* as llama.cpp reads it */
    if (us_str_eq(kind, "yarn")) return yarn(m, a, base, ctx, s, err);
    if ((st = want_float(m, "rope.scaling.yarn_ext_factor", -1, 0, 0, &older, err))) return st; /* YaRN under another name */
    if (us_str_eq(kind, "linear") || us_str_eq(kind, "")) return US_OK;
    s->factor = 1;
    if (us_str_eq(kind, "none")) return US_OK;
    if (us_str_eq(kind, "longrope") && us_gguf_find_tensor(m->g, "rope_factors_short.weight")) return US_OK;
    if (us_str_eq(kind, "llama3") && us_gguf_find_tensor(m->g, "rope_freqs.weight")) return US_OK;
    return us_fail(
        err, US_ERR_UNSUPPORTED,
        "%s: RoPE scaling '%.*s' is not supported; supported are none, linear, yarn, rope_freqs.weight, and longrope "
        "with rope_factors_short.weight",
        us_gguf_path(m->g), (int)(kind.len < 40 ? kind.len : 40), kind.data);
}

/* LongRoPE has divisors for up to the original context, and others beyond: with these every position would turn differently,
 * those too that a cache holds. The first are used, and positions beyond them are refused. */
static us_status long_rope(us_model *m, int32_t ctx, const us_tensor **divisors, us_error *err) {
    us_net *n = &m->net;
    int32_t original;
    us_status st = rope_divisors(m, "rope_factors_short.weight", (size_t)n->n_rot / 2, divisors, err);
    if (!st && !*divisors && us_gguf_find_tensor(m->g, "rope_factors_long.weight"))
        st = us_fail(err, US_ERR_UNSUPPORTED, "%s: rope_factors_long.weight without rope_factors_short.weight is not supported",
                     us_gguf_path(m->g));
    if (st || !*divisors) return st;
    if ((st = want_int(m, "rope.scaling.original_context_length", 1, 1 << 24, ctx, &original, err))) return st;
    if (original < ctx) n->n_ctx_most = original;
    return US_OK;
}

/* Ministral multiplies q by 1 + scale * ln(1 + floor(p / original context)): by 1 up to there, where positions end here. */
static us_status stay_within(us_model *m, const us_architecture *a, int32_t ctx, us_error *err) {
    int32_t original;
    double warmth;
    us_status st = want_int(m, "rope.scaling.original_context_length", 1, 1 << 24, ctx, &original, err);
    if (!st) st = want_float(m, "attention.temperature_scale", 0, 100, 0, &warmth, err);
    if (!st && a->warms && warmth > 0 && original < ctx) m->net.n_ctx_most = original;
    return st;
}

/* The rotation of most layers, then that of layers with a window where it is another. */
static us_status make_ropes(us_model *m, const us_architecture *a, int32_t ctx, us_error *err) {
    us_net *n = &m->net;
    double base, window_base;
    scaling s;
    const us_tensor *divisors = NULL;
    us_status st;
    if ((st = want_float(m, "rope.freq_base", 1, 1e12, 10000, &base, err)) || (st = rope_scaling(m, a, base, ctx, &s, err)) ||
        (st = rope_divisors(m, "rope_freqs.weight", (size_t)n->n_rot / 2, &divisors, err)))
        return st;
    if (!divisors && (st = long_rope(m, ctx, &divisors, err))) return st;
    if ((st = stay_within(m, a, ctx, err))) return st;
    if ((st = make_rope(m, base, divisors, &s, err))) return st;
    st = want_float(m, "rope.freq_base_swa", 1, 1e12, a->window_base > 0 ? a->window_base : base, &window_base, err);
    if (st || (window_base == base && !a->window_unscaled)) return st;
    return make_rope(m, window_base, NULL, &(scaling){.factor = 1, .scale = 1}, err);
}

/* ---- layers ----------------------------------------------------------------------------------------------------------- */

/* Which layers have the window: those that the file names one by one, or all but each so manieth (of 0: all). */
static us_status has_window(us_model *m, const us_architecture *a, int32_t layer, bool *out, us_error *err) {
    char buf[128];
    int32_t step = a->window_step;
    const us_kv *kv = us_gguf_find(m->g, key(m, buf, "attention.sliding_window_pattern"));
    us_status st;
    if (kv && kv->is_array) {
        int64_t one;
        if (kv->n < (uint64_t)m->net.n_layers)
            return us_fail(err, US_ERR_FORMAT, "%s: key '%s' has %llu entries for %d layers", us_gguf_path(m->g), buf,
                           (unsigned long long)kv->n, m->net.n_layers);
        if (!us_kv_int(kv, (uint64_t)layer, &one) || one < 0 || one > 1)
            return us_fail(err, US_ERR_FORMAT, "%s: key '%s': expected a bool for each layer", us_gguf_path(m->g), buf);
        *out = one;
        return US_OK;
    }
    if (kv && (st = want_int(m, "attention.sliding_window_pattern", 0, 1024, step, &step, err))) return st;
    *out = !step || layer % step < step - 1;
    return US_OK;
}

static us_status lay_out(us_model *m, const us_architecture *a, us_error *err) {
    us_net *n = &m->net;
    int32_t window;
    bool rope = true;
    char buf[128];
    us_status st = us_alloc((size_t)n->n_layers, sizeof *n->layers, &n->layers, err);
    if (!st && a->finetuned_is_rope && us_gguf_find(m->g, key(m, buf, "rope.scaling.finetuned")))
        st = us_gguf_get_bool(m->g, buf, &rope, err);
    if (st || (st = want_int(m, "attention.sliding_window", 0, 1 << 24, a->window, &window, err))) return st;
    for (int32_t l = 0; l < n->n_layers && !st; l++) {
        us_net_layer *y = &n->layers[l];
        bool windowed = false;
        if (window) st = has_window(m, a, l, &windowed, err);
        y->window = windowed ? window : 0;
        y->rope = windowed ? n->n_ropes - 1 : 0;
        if (!rope || (a->no_rope_step && l % a->no_rope_step == a->no_rope_step - 1)) y->rope = -1;
    }
    return st;
}

/* ---- scales ----------------------------------------------------------------------------------------------------------- */

/* 0 (none), or within what float32 divides by. */
static us_status want_cap(us_model *m, const char *name, double fallback, float *out, us_error *err) {
    double cap;
    us_status st = want_float(m, name, 0, 1e6, fallback, &cap, err);
    if (!st && cap > 0 && cap < 0.01)
        st = us_fail(err, US_ERR_FORMAT, "%s: key '%s.%s': expected 0 or 0.01..1e6, got %g", us_gguf_path(m->g),
                     m->architecture, name, cap);
    *out = (float)cap;
    return st;
}

/* 0 stands for none, as in llama.cpp. */
static us_status want_scale(us_model *m, const char *name, double none, double *out, us_error *err) {
    us_status st = want_float(m, name, 0, 1e4, none, out, err);
    if (!st && *out == 0) *out = none;
    if (!st && *out < 1e-4)
        st = us_fail(err, US_ERR_FORMAT, "%s: key '%s.%s': expected 0 or 1e-4..1e4, got %g", us_gguf_path(m->g),
                     m->architecture, name, *out);
    return st;
}

static us_status load_scales(us_model *m, const us_architecture *a, us_error *err) {
    us_net *n = &m->net;
    double own = n->n_layers == a->wide_query_layers ? (double)n->n_embd / n->heads.n_heads : n->heads.head_size;
    double embd, residual, attn, logit;
    us_status st;
    if ((st = want_scale(m, "embedding_scale", a->scales_embd ? sqrt(n->n_embd) : 1, &embd, err)) ||
        (st = want_scale(m, "residual_scale", 1, &residual, err)) ||
        (st = want_float(m, "attention.scale", 0, 1e4, 0, &attn, err)) || (st = want_scale(m, "logit_scale", 1, &logit, err)) ||
        (st = want_cap(m, "attn_logit_softcapping", a->attn_cap, &n->heads.cap, err)) ||
        (st = want_cap(m, "final_logit_softcapping", a->logit_cap, &n->logit_cap, err)))
        return st;
    n->embd_scale = (float)embd;
    n->residual_scale = (float)residual;
    n->logit_scale = (float)(1 / logit); /* Granite's key is what logits are divided by */
    n->heads.scale = attn > 0 ? (float)attn : 1.0f / sqrtf((float)own);
    return US_OK;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------- */

static us_status find_architecture(us_model *m, const us_architecture **out, us_error *err) {
    char known[1024] = "";
    size_t at = 0;
    if ((*out = us_architecture_find(m->architecture))) return US_OK;
    for (size_t i = 0; (*out = us_architecture_at(i)) && at < sizeof known; i++)
        at += (size_t)snprintf(known + at, sizeof known - at, "%s%s (%s)", i ? ", " : "", (*out)->name, (*out)->models);
    return us_fail(err, US_ERR_UNSUPPORTED, "%s: architecture '%s' is not supported; supported are %s", us_gguf_path(m->g),
                   m->architecture, known);
}

/* Keys that other architectures have, which would change what the model computes: a file with one is another model than its
 * architecture's name says. */
static us_status only_what_is_known(us_model *m, const us_architecture *a, us_error *err) {
    static const struct {
        const char *name;
        double harmless;
        const char *what;
    } keys[] = {{"expert_count", 0, "a mixture of experts (as Mixtral is one)"},
                {"attention.causal", 1, "attention in both directions (an embedding model)"},
                {"pooling_type", 0, "one vector for a text (an embedding or ranking model)"},
                {"attention.clamp_kqv", 0, "queries, keys and values within bounds"},
                {"attention.max_alibi_bias", 0, "ALiBi in place of RoPE"},
                {"use_parallel_residual", 0, "attention beside feed-forward"},
                {"attention.temperature_scale", 0, "scores that depend on the position"},
                {"attention.temperature_length", 0, "scores that depend on the position"},
                {"attention.output_scale", 0, "a scale of what attention makes"},
                {"attention.value_scale", 0, "a scale of values"},
                {"attention.shared_kv_layers", 0, "keys and values that layers share"},
                {"embedding_length_per_layer_input", 0, "an embedding for each layer"},
                {"swiglu_clamp_exp", 0, "a feed-forward within bounds"},
                {"swiglu_clamp_shexp", 0, "a feed-forward within bounds"},
                {"rescale_every_n_layers", 0, "layers that halve what they add"},
                {"rope.scaling.alpha", 0, "RoPE scaling by a base that depends on the context (alpha)"},
                {"rope.dimension_sections", 0, "RoPE over more than one axis"}};
    char buf[128];
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const us_kv *kv = us_gguf_find(m->g, key(m, buf, keys[i].name));
        if (a->warms && !strncmp(keys[i].name, "attention.temperature", 21)) continue;
        for (uint64_t k = 0; kv && kv->kind != US_KV_STRING && k < (kv->is_array ? kv->n : 1); k++) {
            double x;
            int64_t n;
            if (us_kv_int(kv, k, &n)) x = (double)n;
            else if (!us_kv_float(kv, k, &x)) break;
            if (x != keys[i].harmless)
                return us_fail(err, US_ERR_UNSUPPORTED, "%s: %s is not supported (key '%s' is %g)", us_gguf_path(m->g),
                               keys[i].what, buf, x);
        }
    }
    return US_OK;
}

/* Some layers' sizes under a name of their own: those of all layers, or another model. */
static us_status same_in_windows(us_model *m, us_error *err) {
    const struct {
        const char *name;
        int32_t of_all;
    } keys[] = {{"attention.key_length_swa", m->net.heads.head_size},
                {"attention.value_length_swa", m->net.heads.head_size},
                {"rope.dimension_count_swa", m->net.n_rot}};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !st; i++) {
        int32_t v;
        st = want_int(m, keys[i].name, 0, 65536, keys[i].of_all, &v, err);
        if (!st && v != keys[i].of_all)
            st = us_fail(err, US_ERR_UNSUPPORTED,
                         "%s: heads of layers with a window differ from others (key '%s.%s' is %d, not %d)", us_gguf_path(m->g),
                         m->architecture, keys[i].name, v, keys[i].of_all);
    }
    return st;
}

/* The file's own word for what stands between gate and up, where it has one. */
static us_status check_activation(us_model *m, const us_architecture *a, us_error *err) {
    char buf[128];
    us_str act;
    if (!us_gguf_find(m->g, key(m, buf, "hidden_activation"))) return US_OK;
    us_status st = us_gguf_get_str(m->g, buf, &act, err);
    bool known = !st && (a->gelu ? us_str_eq(act, "gelu") || us_str_eq(act, "gelu_pytorch_tanh") : us_str_eq(act, "silu"));
    return st || known
               ? st
               : us_fail(err, US_ERR_UNSUPPORTED, "%s: activation '%.*s' is not supported for architecture '%s' (key '%s')",
                         us_gguf_path(m->g), (int)(act.len < 40 ? act.len : 40), act.data, m->architecture, buf);
}

static us_status load_sizes(us_model *m, const us_architecture *a, int32_t *ctx, us_error *err) {
    us_net *n = &m->net;
    int32_t head_size, value_size, n_rot;
    double eps;
    char buf[128];
    us_status st;
    if ((st = only_what_is_known(m, a, err)) || (st = want_int(m, "block_count", 1, 1024, -1, &n->n_layers, err)) ||
        (st = want_int(m, "embedding_length", 32, 65536, -1, &n->n_embd, err)) ||
        (st = want_int(m, "feed_forward_length", 32, 1 << 20, -1, &n->n_ff, err)) ||
        (st = want_int(m, "attention.head_count", 1, 1024, -1, &n->heads.n_heads, err)) ||
        (st = want_int(m, "attention.head_count_kv", 1, 1024, n->heads.n_heads, &n->heads.n_kv_heads, err)) ||
        (st = want_int(m, "context_length", 1, INT32_MAX, -1, ctx, err)))
        return st;
    if (*ctx > MAX_CONTEXT) *ctx = MAX_CONTEXT;
    if (n->n_embd % n->heads.n_heads && !us_gguf_find(m->g, key(m, buf, "attention.key_length")))
        return us_fail(err, US_ERR_FORMAT, "%s: %d heads do not divide the width %d", us_gguf_path(m->g), n->heads.n_heads,
                       n->n_embd);
    if (n->heads.n_heads % n->heads.n_kv_heads)
        return us_fail(err, US_ERR_FORMAT, "%s: %d kv heads do not divide %d heads", us_gguf_path(m->g), n->heads.n_kv_heads,
                       n->heads.n_heads);
    if ((st = want_int(m, "attention.key_length", 8, 1024, n->n_embd / n->heads.n_heads, &head_size, err))) return st;
    n->heads.head_size = head_size;
    if ((st = want_int(m, "attention.value_length", 1, 65536, head_size, &value_size, err)) ||
        (st = want_int(m, "rope.dimension_count", 2, head_size, head_size, &n_rot, err)) ||
        (st = want_float(m, "attention.layer_norm_rms_epsilon", 1e-12, 0.1, -1, &eps, err)))
        return st;
    if (value_size != head_size)
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: heads with keys of %d and values of %d are not supported",
                       us_gguf_path(m->g), head_size, value_size);
    if (head_size % 8 || n_rot % 2 || n->n_embd % 32 || n->n_ff % 32)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "%s: head size %d, rotated %d, width %d, feed-forward %d: expected multiples of 8, 2, 32, 32",
                       us_gguf_path(m->g), head_size, n_rot, n->n_embd, n->n_ff);
    n->n_rot = n_rot;
    n->eps = (float)eps;
    return same_in_windows(m, err);
}

/* Files that are GGUF and no language model. */
static us_status check_kind(const us_model *m, us_error *err) {
    static const struct {
        const char *type, *architecture, *what;
    } others[] = {
        {"adapter", NULL, "an adapter, not a model: give the base model with -m and this file with --lora"},
        {"mmproj", "clip", "the part of a model that sees or hears (mmproj): give the text model's own file"},
        {"imatrix", NULL, "an importance matrix, made while a model was quantized: give the model's own file"},
        {NULL, "bert", "an embedding model: it draws no text"},
        {NULL, "nomic-bert", "an embedding model: it draws no text"},
        {NULL, "jina-bert-v2", "an embedding model: it draws no text"},
        {NULL, "modern-bert", "an embedding model: it draws no text"},
        {NULL, "gemma-embedding", "an embedding model: it draws no text"},
        {NULL, "t5encoder", "an encoder: it draws no text"},
        {NULL, "wavtokenizer-dec", "a decoder of sound: it draws no text"},
        {NULL, "diffusion", "a model of pictures"},
        {NULL, "flux", "a model of pictures"},
        {NULL, "sd3", "a model of pictures"},
    };
    us_str type = {"", 0}, arch = {"", 0};
    size_t n;
    if (us_gguf_get_str(m->g, "general.type", &type, NULL)) type = (us_str){"", 0};
    if (us_gguf_get_str(m->g, "general.architecture", &arch, NULL)) arch = (us_str){"", 0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if ((others[i].type && us_str_eq(type, others[i].type)) ||
            (others[i].architecture && us_str_eq(arch, others[i].architecture)))
            return us_fail(err, US_ERR_MISMATCH, "%s: this is %s", us_gguf_path(m->g), others[i].what);
    us_gguf_tensors(m->g, &n);
    return n ? US_OK
             : us_fail(err, US_ERR_MISMATCH, "%s: this file has no weights, only what describes a model (its vocabulary)",
                       us_gguf_path(m->g));
}

us_status us_config_load(us_model *m, us_error *err) {
    us_net *n = &m->net;
    us_str arch;
    us_status st = check_kind(m, err);
    if (!st) st = us_gguf_get_str(m->g, "general.architecture", &arch, err);
    if (!st) st = us_strndup(arch.data, arch.len < 64 ? arch.len : 64, &m->architecture, err);
    if (!st) st = copy_str(m->g, "general.name", 200, &m->name, err);
    if (st) return st;
    const us_architecture *a;
    int32_t ctx;
    if ((st = find_architecture(m, &a, err)) || (st = load_sizes(m, a, &ctx, err)) || (st = check_activation(m, a, err)))
        return st;
    n->neox = a->neox;
    n->fused = a->fused;
    n->gelu = a->gelu;
    n->qk_norm = a->qk_norm;
    if ((st = make_ropes(m, a, ctx, err)) || (st = lay_out(m, a, err)) || (st = load_scales(m, a, err))) return st;
    m->arch = a;
    m->info = (us_model_info){.architecture = m->architecture,
                              .name = m->name,
                              .n_layers = n->n_layers,
                              .n_embd = n->n_embd,
                              .n_ff = n->n_ff,
                              .n_heads = n->heads.n_heads,
                              .n_kv_heads = n->heads.n_kv_heads,
                              .head_size = n->heads.head_size,
                              .n_ctx_train = n->n_ctx_most ? n->n_ctx_most : ctx,
                              .file_bytes = us_gguf_bytes(m->g)};
    return US_OK;
}
