/* GGUF LoRA <-> PEFT folder. */
#include "base/mem.h"
#include "base/json.h"
#include "convert/safetensors.h"
#include "model/factors.h"
#include "understudy/convert.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What Hugging Face calls the tensor that begins with a module. */
static const char *hf_module(const us_net *n, us_module m) {
    static const char *const names[US_N_MODULES] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                                    "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                                    "mlp.down_proj"};
    if (n->fused && m == US_MOD_Q) return "self_attn.qkv_proj";
    return n->fused && m == US_MOD_GATE ? "mlp.gate_up_proj" : names[m];
}

/* Where the layers are: of a model for text, and of the text part of one that sees too, as two generations of transformers name
 * it. We write the first. */
static const char *const stems[] = {"model.layers", "language_model.model.layers", "model.language_model.layers"};
#define N_STEMS (sizeof stems / sizeof *stems)

static void peft_name(char *out, size_t n, size_t stem, const us_net *net, int32_t layer, us_module m, bool b) {
    snprintf(out, n, "base_model.model.%s.%d.%s.lora_%c.weight", stems[stem], layer, hf_module(net, m), b ? 'B' : 'A');
}

/* The GGUF row at which row i of Hugging Face's q or k stands: the halves of a head become neighbours. */
static size_t gguf_row(const us_net *net, us_module m, size_t i) {
    size_t e = (size_t)net->heads.head_size, half = e / 2, h = i / e, k = i % e;
    if (net->neox || (m != US_MOD_Q && m != US_MOD_K)) return i;
    return h * e + (k < half ? 2 * k : 2 * (k - half) + 1);
}

/* The i-th module of all layers, if it is the first of its tensor. */
static bool leads(const us_net *n, size_t i) { return !us_net_place(n, (us_module)(i % US_N_MODULES)).first; }

/* ---- out ------------------------------------------------------------------------------------------------------- */

/* ranks: of each tensor, 0 where there is none; those that differ from the first get a line of their own. */
static us_status write_config(const us_net *net, const us_factors *f, const size_t *ranks, size_t r, const char *base,
                              const char *folder, us_error *err) {
    json_t *modules = json_array(), *pattern = json_object();
    bool named[US_N_MODULES] = {0};
    for (size_t i = 0; i < (size_t)f->n_layers * US_N_MODULES; i++) {
        us_module m = (us_module)(i % US_N_MODULES);
        char key[96];
        if (!ranks[i]) continue;
        if (!named[m]) json_array_append_new(modules, json_string(strchr(hf_module(net, m), '.') + 1));
        named[m] = true;
        snprintf(key, sizeof key, "%s.%zu.%s", stems[0], i / US_N_MODULES, hf_module(net, m));
        if (ranks[i] != r) json_object_set_new(pattern, key, json_integer((json_int_t)ranks[i]));
    }
    json_t *c =
        json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:s, s:o, s:b, s:b, s:b, s:b, s:n, s:b, s:o}", "peft_type", "LORA",
                  "task_type", "CAUSAL_LM", "base_model_name_or_path", base, "r", (int)r, "lora_alpha", (double)f->alpha,
                  "lora_dropout", 0.0, "bias", "none", "target_modules", modules, "fan_in_fan_out", 0, "use_rslora", 0,
                  "use_dora", 0, "inference_mode", 1, "modules_to_save", "init_lora_weights", 1, "rank_pattern", pattern);
    char *text = c ? json_dumps(c, JSON_INDENT(2)) : NULL, *path = us_path_join(folder, "adapter_config.json");
    json_decref(c);
    us_status st =
        text && path ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    free(path);
    return st;
}

/* Adds a tensor's A and B, rows of B in Hugging Face's order. The numbers are kept in t. */
static us_status export_tensor(const us_net *net, const us_factors *f, size_t i, us_tensor_factors *t, us_safetensor *out,
                               us_error *err) {
    int32_t layer = (int32_t)(i / US_N_MODULES);
    us_module m = (us_module)(i % US_N_MODULES);
    us_status st = us_factors_join(net, f, layer, m, t, err);
    if (st || !t->a) return st;
    float *turned;
    size_t r = t->rank, n_a = r * t->n_in;
    if ((st = us_alloc(n_a + t->place.n_rows * r, sizeof *turned, &turned, err))) return st;
    memcpy(turned, t->a, n_a * sizeof *turned);
    for (size_t k = 0; k < t->place.n_rows; k++)
        memcpy(turned + n_a + k * r, t->b + gguf_row(net, m, k) * r, r * sizeof *turned);
    free(t->a);
    t->a = turned;
    t->b = turned + n_a;
    peft_name(out[0].name, sizeof out[0].name, 0, net, layer, m, false);
    out[0].rows = r, out[0].cols = t->n_in, out[0].data = t->a;
    peft_name(out[1].name, sizeof out[1].name, 0, net, layer, m, true);
    out[1].rows = t->place.n_rows, out[1].cols = r, out[1].data = t->b;
    return US_OK;
}

us_status us_peft_export(const us_model *m, const char *adapter_path, const char *base, const char *folder, us_error *err) {
    us_adapter *check;
    us_gguf *g = NULL;
    us_factors f = {0};
    us_safetensor *out = NULL;
    us_tensor_factors *t = NULL;
    size_t *ranks = NULL, r = 0, n_sites = (size_t)m->net.n_layers * US_N_MODULES, n = 0;
    char *path = NULL;
    us_status st = us_adapter_open(m, adapter_path, false, &check, err);
    if (st) return st;
    us_adapter_free(check);
    st = us_gguf_open(adapter_path, &g, err);
    if (!st) st = us_factors_read(m, g, &f, err);
    if (!st) st = us_alloc(2 * n_sites, sizeof *out, &out, err);
    if (!st) st = us_alloc(n_sites, sizeof *t, &t, err);
    if (!st) st = us_alloc(n_sites, sizeof *ranks, &ranks, err);
    for (size_t i = 0; i < n_sites && !st; i++) {
        if (!leads(&m->net, i) || (st = export_tensor(&m->net, &f, i, &t[i], out + n, err)) || !t[i].a) continue;
        ranks[i] = t[i].rank;
        if (!r) r = t[i].rank;
        n += 2;
    }
    if (!st) st = us_dir_make(folder, err);
    if (!st && !(path = us_path_join(folder, "adapter_model.safetensors"))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_safetensors_write(path, out, n, err);
    if (!st) st = write_config(&m->net, &f, ranks, r, base, folder, err);
    for (size_t i = 0; i < n_sites && t; i++) free(t[i].a);
    free(path);
    free(t);
    free(out);
    free(ranks);
    us_factors_fini(&f);
    us_gguf_close(g);
    return st;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static us_status read_config(const char *folder, double *alpha, bool *rslora, us_error *err) {
    char *path = us_path_join(folder, "adapter_config.json");
    json_t *c = NULL;
    if (!path) return us_fail(err, US_ERR_MEMORY, "out of memory");
    us_status st = us_json_read(path, 1 << 20, &c, err);
    json_t *r = json_object_get(c, "r"), *a = json_object_get(c, "lora_alpha");
    const char *type = json_string_value(json_object_get(c, "peft_type")),
               *bias = json_string_value(json_object_get(c, "bias"));
    if (!st && (!type || strcmp(type, "LORA")))
        st = us_fail(err, US_ERR_UNSUPPORTED, "%s: peft_type %.40s; only LORA is supported", path, type ? type : "?");
    if (!st && (!json_is_integer(r) || json_integer_value(r) < 1 || json_integer_value(r) > 256 || !json_is_number(a)))
        st = us_fail(err, US_ERR_FORMAT, "%s: expected r 1..256 and lora_alpha", path);
    if (!st && (json_is_true(json_object_get(c, "use_dora")) || (bias && strcmp(bias, "none")) ||
                json_array_size(json_object_get(c, "modules_to_save")) ||
                json_object_size(json_object_get(c, "alpha_pattern")) || json_is_true(json_object_get(c, "fan_in_fan_out"))))
        st = us_fail(err, US_ERR_UNSUPPORTED,
                     "%s: DoRA, biases, saved modules and an alpha of its own for some modules have no place in a GGUF LoRA",
                     path);
    if (!st) {
        *alpha = json_number_value(a);
        *rslora = json_is_true(json_object_get(c, "use_rslora"));
        if (!(fabs(*alpha) <= 65504)) st = us_fail(err, US_ERR_FORMAT, "%s: lora_alpha is %g", path, *alpha);
    }
    json_decref(c);
    free(path);
    return st;
}

/* A tensor's A and B, whose rank is that of the file (rank_pattern); rows of B into GGUF's order. */
static us_status import_tensor(const us_net *net, const us_safetensors *s, size_t stem, size_t i, double alpha, bool rslora,
                               us_factors *f, us_error *err) {
    int32_t layer = (int32_t)(i / US_N_MODULES);
    us_module m = (us_module)(i % US_N_MODULES);
    us_place place = us_net_place(net, m);
    char name[160];
    size_t n_in, n_out, r;
    float *a, *b, *turned;
    us_net_dims(net, m, &n_in, &n_out);
    peft_name(name, sizeof name, stem, net, layer, m, false);
    r = us_safetensors_rows(s, name);
    size_t most = place.n_rows == n_out ? 256 : 768; /* as us_adapter_open takes them */
    if (r < 1 || r > most)
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: '%s': rank %zu, expected 1..%zu", s->path, name, r, most);
    us_status st = us_alloc(r * (n_in + 2 * place.n_rows), sizeof *a, &a, err);
    if (st) return st;
    b = a + r * n_in;
    turned = b + r * place.n_rows;
    st = us_safetensors_read(s, name, r, n_in, a, err);
    peft_name(name, sizeof name, stem, net, layer, m, true);
    if (!st) st = us_safetensors_read(s, name, place.n_rows, r, b, err);
    for (size_t k = 0; k < place.n_rows && !st; k++) memcpy(turned + gguf_row(net, m, k) * r, b + k * r, r * sizeof *b);
    for (size_t k = 0; k < r * (n_in + place.n_rows) && !st; k++)
        if (!isfinite(a[k])) st = us_fail(err, US_ERR_FORMAT, "%s: '%s' holds a value that is not finite", s->path, name);
    double scale = alpha / (rslora ? sqrt((double)r) : (double)r);
    if (!st) st = us_factors_split(net, f, layer, m, r, (float)scale, a, turned, err);
    if (!f->alpha) f->alpha = (float)(scale * (double)f->rank);
    free(a);
    return st;
}

us_status us_peft_import(us_model *m, const char *folder, us_adapter_type type, const char *adapter_path, us_error *err) {
    us_factors f = {.n_layers = m->net.n_layers};
    us_safetensors s = {0};
    char *path = us_path_join(folder, "adapter_model.safetensors");
    size_t n = (size_t)m->net.n_layers * US_N_MODULES, found = 0;
    double alpha = 0;
    bool rslora = false;
    us_status st = path ? read_config(folder, &alpha, &rslora, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_safetensors_open(path, &s, err);
    if (!st) st = us_alloc(n, sizeof *f.pairs, &f.pairs, err);
    for (size_t i = 0; i < n && !st; i++)
        for (size_t stem = 0; stem < N_STEMS && !st && leads(&m->net, i); stem++) {
            char name[160];
            peft_name(name, sizeof name, stem, &m->net, (int32_t)(i / US_N_MODULES), (us_module)(i % US_N_MODULES), false);
            if (!json_object_get(s.header, name)) continue;
            st = import_tensor(&m->net, &s, stem, i, alpha, rslora, &f, err);
            found += 2;
            break; /* the same under another name is one too many below */
        }
    size_t held = st ? 0 : json_object_size(s.header) - (json_object_get(s.header, "__metadata__") != NULL);
    if (!st && (!found || found != held))
        st = us_fail(err, US_ERR_MISMATCH,
                     "%s: %zu of its %zu tensors are LoRA factors of %s of this model's %d layers: made for another model?",
                     path, found, held, m->net.fused ? "qkv, o, gate_up or down" : "q, k, v, o, gate, up or down",
                     m->net.n_layers);
    if (!st && !f.rank) st = us_fail(err, US_ERR_FORMAT, "%s: every lora_B is zero: the adapter does nothing", path);
    if (!st) st = us_factors_write(m, &f, (us_factor_type)type, "", NULL, NULL, adapter_path, err);
    us_safetensors_close(&s);
    us_factors_fini(&f);
    free(path);
    return st;
}
