/* GGUF LoRA <-> PEFT folder. */
#include "base/mem.h"
#include "base/json.h"
#include "convert/safetensors.h"
#include "model/factors.h"
#include "understudy/convert.h"
#include <math.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
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
    float *permuted;
    size_t r = t->rank, n_a = r * t->n_in;
    if ((st = us_alloc(n_a + t->place.n_rows * r, sizeof *permuted, &permuted, err))) return st;
    memcpy(permuted, t->a, n_a * sizeof *permuted);
    for (size_t k = 0; k < t->place.n_rows; k++)
        memcpy(permuted + n_a + k * r, t->b + gguf_row(net, m, k) * r, r * sizeof *permuted);
    free(t->a);
    t->a = permuted;
    t->b = permuted + n_a;
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

typedef struct peft {
    json_t *config; /* adapter_config.json */
    double alpha;
    bool rslora;
    us_safetensors file;
    json_t *names; /* what a tensor is called in the file, by its plain name */
} peft;

/* What a GGUF LoRA has no place for, each with the way out. */
static us_status refuse_kinds(const json_t *c, const char *path, us_error *err) {
    const char *bias = json_string_value(json_object_get(c, "bias"));
    const struct {
        bool is;
        const char *what;
    } kinds[] = {
        {json_is_true(json_object_get(c, "use_dora")),
         "a DoRA adapter also changes the length of weights, which a GGUF LoRA cannot say: merge it into the base "
         "(merge_and_unload) and convert the whole model, or train without use_dora"},
        {bias && strcmp(bias, "none") != 0,
         "it has trained biases, which a GGUF LoRA cannot hold: train with bias=\"none\", or merge it into the base"},
        {json_array_size(json_object_get(c, "modules_to_save")) > 0,
         "modules_to_save are whole layers beside the LoRA, which a GGUF LoRA cannot hold: train without them, or merge "
         "it into the base (merge_and_unload)"},
        {json_is_true(json_object_get(c, "fan_in_fan_out")),
         "fan_in_fan_out belongs to models of GPT-2's kind, which do not run here"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].is) return us_fail(err, US_ERR_UNSUPPORTED, "%s: %s", path, kinds[i].what);
    return US_OK;
}

static us_status read_config(const char *folder, peft *p, us_error *err) {
    char *path = us_path_join(folder, "adapter_config.json");
    if (!path) return us_fail(err, US_ERR_MEMORY, "out of memory");
    us_status st = us_json_read(path, 1 << 20, &p->config, err);
    const json_t *c = p->config, *r = json_object_get(c, "r"), *a = json_object_get(c, "lora_alpha");
    const char *type = json_string_value(json_object_get(c, "peft_type"));
    if (!st && (!type || strcmp(type, "LORA")))
        st = us_fail(err, US_ERR_UNSUPPORTED, "%s: peft_type %.40s; only LORA is supported", path, type ? type : "?");
    if (!st && (!json_is_integer(r) || json_integer_value(r) < 1 || json_integer_value(r) > 256 || !json_is_number(a)))
        st = us_fail(err, US_ERR_FORMAT, "%s: expected r 1..256 and lora_alpha", path);
    if (!st) st = refuse_kinds(c, path, err);
    if (!st) {
        p->alpha = json_number_value(a);
        p->rslora = json_is_true(json_object_get(c, "use_rslora"));
        if (!(fabs(p->alpha) <= 65504)) st = us_fail(err, US_ERR_FORMAT, "%s: lora_alpha is %g", path, p->alpha);
    }
    free(path);
    return st;
}

/* The alpha of a module: that of the first key of alpha_pattern which its name ends with, as PEFT matches them
 * ("(.*\\.)?(KEY)$"), else that of all. */
static us_status alpha_of(const peft *p, const char *module, double *alpha, us_error *err) {
    json_t *pattern = json_object_get(p->config, "alpha_pattern"), *v;
    const char *key;
    *alpha = p->alpha;
    json_object_foreach(pattern, key, v) {
        char whole[512];
        int code;
        PCRE2_SIZE at;
        snprintf(whole, sizeof whole, "^(.*\\.)?(%.400s)$", key);
        pcre2_code *re =
            json_is_number(v) ? pcre2_compile((PCRE2_SPTR)whole, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL) : NULL;
        pcre2_match_data *match = re ? pcre2_match_data_create(1, NULL) : NULL;
        pcre2_match_context *limits = re ? pcre2_match_context_create(NULL) : NULL;
        if (limits) pcre2_set_match_limit(limits, 100000);
        bool found = match && limits && pcre2_match(re, (PCRE2_SPTR)module, strlen(module), 0, 0, match, limits) >= 0;
        pcre2_match_data_free(match);
        pcre2_match_context_free(limits);
        pcre2_code_free(re);
        if (!re) return us_fail(err, US_ERR_FORMAT, "adapter_config.json: alpha_pattern: '%.60s' is not understood", key);
        if (found) return *alpha = json_number_value(v), US_OK;
    }
    return US_OK;
}

/* The plain name of a tensor: without _orig_mod (torch.compile's) and the adapter's own name behind lora_A (".default"). */
static void plain_name(const char *name, char out[200]) {
    size_t n = 0;
    for (const char *p = name; *p && n < 199;) {
        if (!strncmp(p, "_orig_mod.", 10)) p += 10;
        else out[n++] = *p++;
    }
    out[n] = 0;
    char *at = strstr(out, ".lora_A."), *end = strrchr(out, '.');
    if (!at) at = strstr(out, ".lora_B.");
    if (at && end > at + 7 && !strcmp(end, ".weight")) memmove(at + 7, end, strlen(end) + 1);
}

static us_status find_names(peft *p, us_error *err) {
    const char *key;
    json_t *v;
    char plain[200];
    p->names = json_object();
    json_object_foreach(p->file.header, key, v) {
        plain_name(key, plain);
        if (json_object_get(p->names, plain))
            return us_fail(err, US_ERR_FORMAT, "%s: '%s' is there for two adapters: save the one that is wanted by itself",
                           p->file.path, plain);
        json_object_set_new(p->names, plain, json_string(key));
    }
    return US_OK;
}

/* A tensor that is no factor of a linear layer: what it is, and what to do. */
static us_status refuse_tensor(const peft *p, const char *name, size_t found, size_t held, const us_model *m, us_error *err) {
    const char *what =
        strstr(name, "lm_head")
            ? "an adapter of the output layer (lm_head), which is not run here: train without it in target_modules"
        : strstr(name, "embed") ? "an adapter of the embedding, which is not run here: train without it in target_modules"
        : strstr(name, "magnitude")
            ? "a part of a DoRA adapter: merge it into the base (merge_and_unload), or train without use_dora"
        : strstr(name, "modules_to_save") ? "a whole layer beside the LoRA: train without modules_to_save"
        : strstr(name, ".bias")           ? "a trained bias: train with bias=\"none\""
                                          : NULL;
    if (what) return us_fail(err, US_ERR_UNSUPPORTED, "%s: '%.120s' is %s", p->file.path, name, what);
    return us_fail(err, US_ERR_MISMATCH,
                   "%s: %zu of its %zu tensors are LoRA factors of %s of this model's %d layers ('%.100s' is not): made for "
                   "another model?",
                   p->file.path, found, held, m->net.fused ? "qkv, o, gate_up or down" : "q, k, v, o, gate, up or down",
                   m->net.n_layers, name);
}

/* adapter_model.safetensors of the folder; one in pickles is told how to become one. */
static us_status open_file(const char *folder, char *path, peft *p, us_error *err) {
    char *pickle = us_path_join(folder, "adapter_model.bin");
    us_status st = US_OK;
    if (!us_file_exists(path) && pickle && us_file_exists(pickle))
        st = us_fail(err, US_ERR_UNSUPPORTED,
                     "%s: pickles can run programs and are not read; save the adapter again in Python: "
                     "model.save_pretrained(folder, safe_serialization=True)",
                     pickle);
    free(pickle);
    return st ? st : us_safetensors_open(path, &p->file, err);
}

/* A tensor's A and B, whose rank is that of the file (rank_pattern), at an alpha of its own (alpha_pattern); rows of B into
 * GGUF's order. */
static us_status import_tensor(const us_net *net, const peft *p, size_t stem, size_t i, us_factors *f, us_error *err) {
    int32_t layer = (int32_t)(i / US_N_MODULES);
    us_module m = (us_module)(i % US_N_MODULES);
    us_place place = us_net_place(net, m);
    char name[160], module[160];
    size_t n_in, n_out, r;
    double alpha;
    float *a, *b, *permuted;
    us_net_dims(net, m, &n_in, &n_out);
    peft_name(name, sizeof name, stem, net, layer, m, false);
    snprintf(module, sizeof module, "%.*s", (int)(strlen(name) - 17 - strlen(".lora_A.weight")),
             name + 17); /* base_model.model. */
    const char *of_a = json_string_value(json_object_get(p->names, name));
    r = us_safetensors_rows(&p->file, of_a);
    size_t most = place.n_rows == n_out ? 256 : 768; /* as us_adapter_open takes them */
    if (r < 1 || r > most)
        return us_fail(err, US_ERR_UNSUPPORTED, "%s: '%s': rank %zu, expected 1..%zu", p->file.path, name, r, most);
    us_status st = alpha_of(p, module, &alpha, err);
    if (!st) st = us_alloc(r * (n_in + 2 * place.n_rows), sizeof *a, &a, err);
    if (st) return st;
    b = a + r * n_in;
    permuted = b + r * place.n_rows;
    st = us_safetensors_read(&p->file, of_a, r, n_in, a, err);
    peft_name(name, sizeof name, stem, net, layer, m, true);
    const char *of_b = json_string_value(json_object_get(p->names, name));
    if (!st) st = us_safetensors_read(&p->file, of_b ? of_b : name, place.n_rows, r, b, err);
    for (size_t k = 0; k < place.n_rows && !st; k++) memcpy(permuted + gguf_row(net, m, k) * r, b + k * r, r * sizeof *b);
    for (size_t k = 0; k < r * (n_in + place.n_rows) && !st; k++)
        if (!isfinite(a[k])) st = us_fail(err, US_ERR_FORMAT, "%s: '%s' holds a value that is not finite", p->file.path, name);
    double scale = alpha / (p->rslora ? sqrt((double)r) : (double)r);
    if (!st) st = us_factors_split(net, f, layer, m, r, (float)scale, a, permuted, err);
    if (!f->alpha) f->alpha = (float)(scale * (double)f->rank);
    free(a);
    return st;
}

us_status us_peft_import(us_model *m, const char *folder, us_adapter_type type, const char *adapter_path, us_error *err) {
    us_factors f = {.n_layers = m->net.n_layers};
    peft p = {0};
    char *path = us_path_join(folder, "adapter_model.safetensors");
    size_t n = (size_t)m->net.n_layers * US_N_MODULES, found = 0;
    const char *left;
    json_t *v;
    us_status st = path ? read_config(folder, &p, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = open_file(folder, path, &p, err);
    size_t held = st ? 0 : json_object_size(p.file.header) - (json_object_get(p.file.header, "__metadata__") != NULL);
    if (!st) st = find_names(&p, err);
    if (!st) st = us_alloc(n, sizeof *f.pairs, &f.pairs, err);
    for (size_t i = 0; i < n && !st; i++)
        for (size_t stem = 0; stem < N_STEMS && !st && leads(&m->net, i); stem++) {
            char name[160];
            peft_name(name, sizeof name, stem, &m->net, (int32_t)(i / US_N_MODULES), (us_module)(i % US_N_MODULES), false);
            if (!json_object_get(p.names, name)) continue;
            st = import_tensor(&m->net, &p, stem, i, &f, err);
            json_object_del(p.names, name);
            peft_name(name, sizeof name, stem, &m->net, (int32_t)(i / US_N_MODULES), (us_module)(i % US_N_MODULES), true);
            json_object_del(p.names, name);
            found += 2;
            break; /* the same under another name is one too many below */
        }
    json_object_del(p.names, "__metadata__");
    if (!st && (!found || found != held)) {
        json_object_foreach(p.names, left, v) break; /* the first of those that nobody wanted */
        st = refuse_tensor(&p, json_object_size(p.names) ? left : "nothing", found, held, m, err);
    }
    if (!st && !f.rank) st = us_fail(err, US_ERR_FORMAT, "%s: every lora_B is zero: the adapter does nothing", path);
    if (!st) st = us_factors_write(m, &f, (us_factor_type)type, "", NULL, NULL, adapter_path, err);
    us_safetensors_close(&p.file);
    json_decref(p.names);
    json_decref(p.config);
    us_factors_fini(&f);
    free(path);
    return st;
}
