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

static const char *const peft_modules[US_N_MODULES] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                                       "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                                       "mlp.down_proj"};

static void peft_name(char *out, size_t n, int32_t layer, int m, bool b) {
    snprintf(out, n, "base_model.model.model.layers.%d.%s.lora_%c.weight", layer, peft_modules[m], b ? 'B' : 'A');
}

/* The GGUF row at which row i of Hugging Face's q or k stands: the halves of a head become neighbours. */
static size_t gguf_row(const us_net *net, int m, size_t i) {
    size_t e = (size_t)net->heads.head_size, half = e / 2, h = i / e, k = i % e;
    if (net->neox || (m != US_MOD_Q && m != US_MOD_K)) return i;
    return h * e + (k < half ? 2 * k : 2 * (k - half) + 1);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

static us_status write_config(const us_factors *f, const char *base, const char *folder, us_error *err) {
    json_t *modules = json_array();
    for (int m = 0; m < US_N_MODULES; m++)
        if (f->pairs[m].a) json_array_append_new(modules, json_string(strchr(peft_modules[m], '.') + 1));
    json_t *c = json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:s, s:o, s:b, s:b, s:b, s:b, s:n, s:b}", "peft_type", "LORA",
                          "task_type", "CAUSAL_LM", "base_model_name_or_path", base, "r", f->rank, "lora_alpha",
                          (double)f->alpha, "lora_dropout", 0.0, "bias", "none", "target_modules", modules, "fan_in_fan_out", 0,
                          "use_rslora", 0, "use_dora", 0, "inference_mode", 1, "modules_to_save", "init_lora_weights", 1);
    char *text = c ? json_dumps(c, JSON_INDENT(2)) : NULL, *path = us_path_join(folder, "adapter_config.json");
    json_decref(c);
    us_status st =
        text && path ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    free(path);
    return st;
}

us_status us_peft_export(const us_model *m, const char *adapter_path, const char *base, const char *folder, us_error *err) {
    us_adapter *check;
    us_gguf *g = NULL;
    us_factors f = {0};
    us_safetensor *t = NULL;
    float *turned = NULL;
    char *path = NULL;
    size_t n_sites = (size_t)m->net.n_layers * US_N_MODULES, n = 0, at = 0, total = 0;
    us_status st = us_adapter_open(m, adapter_path, false, &check, err);
    if (st) return st;
    us_adapter_free(check);
    st = us_gguf_open(adapter_path, &g, err);
    if (!st) st = us_factors_read(m, g, &f, err);
    if (!st) st = us_alloc(2 * n_sites, sizeof *t, &t, err);
    for (size_t i = 0; i < n_sites && !st; i++) total += f.pairs[i].b ? f.pairs[i].n_out * (size_t)f.rank : 0;
    if (!st) st = us_alloc(total, sizeof *turned, &turned, err);
    for (size_t i = 0; i < n_sites && !st; i++) {
        const us_factor_pair *p = &f.pairs[i];
        int32_t layer = (int32_t)(i / US_N_MODULES);
        int mod = (int)(i % US_N_MODULES);
        size_t r = (size_t)f.rank;
        if (!p->a) continue;
        float *b = turned + at;
        at += p->n_out * r;
        for (size_t k = 0; k < p->n_out; k++) memcpy(b + k * r, p->b + gguf_row(&m->net, mod, k) * r, r * sizeof *b);
        peft_name(t[n].name, sizeof t[n].name, layer, mod, false);
        t[n].rows = r, t[n].cols = p->n_in, t[n++].data = p->a;
        peft_name(t[n].name, sizeof t[n].name, layer, mod, true);
        t[n].rows = p->n_out, t[n].cols = r, t[n++].data = b;
    }
    if (!st) st = us_dir_make(folder, err);
    if (!st && !(path = us_path_join(folder, "adapter_model.safetensors"))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_safetensors_write(path, t, n, err);
    if (!st) st = write_config(&f, base, folder, err);
    free(path);
    free(t);
    free(turned);
    us_factors_fini(&f);
    us_gguf_close(g);
    return st;
}

/* ---- in -------------------------------------------------------------------------------------------------------- */

static us_status read_config(const char *folder, int32_t *rank, float *alpha, us_error *err) {
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
    if (!st &&
        (json_is_true(json_object_get(c, "use_dora")) || (bias && strcmp(bias, "none")) ||
         json_array_size(json_object_get(c, "modules_to_save")) || json_object_size(json_object_get(c, "rank_pattern")) ||
         json_object_size(json_object_get(c, "alpha_pattern")) || json_is_true(json_object_get(c, "fan_in_fan_out"))))
        st = us_fail(err, US_ERR_UNSUPPORTED,
                     "%s: DoRA, biases, saved modules and ranks of their own for some modules have no place in a GGUF LoRA",
                     path);
    if (!st) {
        *rank = (int32_t)json_integer_value(r);
        *alpha = (float)json_number_value(a);
        if (json_is_true(json_object_get(c, "use_rslora"))) *alpha *= sqrtf((float)*rank);
    }
    json_decref(c);
    free(path);
    return st;
}

static us_status read_pair(const us_model *m, const us_safetensors *s, int32_t layer, int mod, size_t r, us_factor_pair *p,
                           float *to, float *work, us_error *err) {
    char name[160];
    peft_name(name, sizeof name, layer, mod, false);
    us_status st = us_safetensors_read(s, name, r, p->n_in, to, err);
    peft_name(name, sizeof name, layer, mod, true);
    if (!st) st = us_safetensors_read(s, name, p->n_out, r, work, err);
    if (st) return st;
    float *b = to + r * p->n_in;
    for (size_t k = 0; k < p->n_out; k++) memcpy(b + gguf_row(&m->net, mod, k) * r, work + k * r, r * sizeof *b);
    for (size_t k = 0; k < r * (p->n_in + p->n_out); k++)
        if (!isfinite(to[k])) return us_fail(err, US_ERR_FORMAT, "%s: '%s' holds a value that is not finite", s->path, name);
    p->a = to;
    p->b = b;
    return US_OK;
}

us_status us_peft_import(us_model *m, const char *folder, us_adapter_type type, const char *adapter_path, us_error *err) {
    us_factors f = {.n_layers = m->net.n_layers};
    us_safetensors s = {0};
    char *path = us_path_join(folder, "adapter_model.safetensors");
    float *work = NULL;
    size_t n = (size_t)m->net.n_layers * US_N_MODULES, total = 0, at = 0, found = 0, widest = 0;
    us_status st = path ? read_config(folder, &f.rank, &f.alpha, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = us_safetensors_open(path, &s, err);
    if (!st) st = us_alloc(n, sizeof *f.pairs, &f.pairs, err);
    size_t r = (size_t)f.rank;
    for (size_t i = 0; i < n && !st; i++) {
        us_factor_pair *p = &f.pairs[i];
        us_net_dims(&m->net, (us_module)(i % US_N_MODULES), &p->n_in, &p->n_out);
        total += r * (p->n_in + p->n_out);
        if (p->n_out > widest) widest = p->n_out;
    }
    if (!st) st = us_alloc(total, sizeof *f.owned, &f.owned, err);
    if (!st) st = us_alloc(widest * r, sizeof *work, &work, err);
    for (size_t i = 0; i < n && !st; i++) {
        char name[160];
        peft_name(name, sizeof name, (int32_t)(i / US_N_MODULES), (int)(i % US_N_MODULES), false);
        if (!json_object_get(s.header, name)) continue;
        st = read_pair(m, &s, (int32_t)(i / US_N_MODULES), (int)(i % US_N_MODULES), r, &f.pairs[i], f.owned + at, work, err);
        at += r * (f.pairs[i].n_in + f.pairs[i].n_out);
        found += 2;
    }
    size_t held = st ? 0 : json_object_size(s.header) - (json_object_get(s.header, "__metadata__") != NULL);
    if (!st && (!found || found != held))
        st = us_fail(err, US_ERR_MISMATCH,
                     "%s: %zu of its %zu tensors are LoRA factors of q, k, v, o, gate, up or down of this model's %d layers: "
                     "made for another model?",
                     path, found, held, m->net.n_layers);
    if (!st) st = us_factors_write(m, &f, (us_factor_type)type, "", NULL, NULL, adapter_path, err);
    us_safetensors_close(&s);
    us_factors_fini(&f);
    free(work);
    free(path);
    return st;
}
