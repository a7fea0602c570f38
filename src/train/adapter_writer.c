/* Factors -> GGUF LoRA: the keys and shapes of llama.cpp's loader, and what we know of the training beside them. */
#include "base/mem.h"
#include "train/trainer.h"
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

typedef struct source {
    const us_lora *lora;
    const float *params;
    us_type (*types)[2];
    uint32_t *sites; /* of tensor pair i */
} source;

static us_type type_for(us_adapter_type type, size_t row) {
    if (type == US_ADAPTER_F32) return US_TYPE_F32;
    return type == US_ADAPTER_Q8_0 && row % 32 == 0 ? US_TYPE_Q8_0 : US_TYPE_F16;
}

static us_status fill(void *ctx, size_t i, void *dst, size_t n_bytes, us_error *err) {
    const source *s = ctx;
    const us_lora_site *site = &s->lora->sites[s->sites[i / 2]];
    size_t row = i % 2 ? (size_t)s->lora->rank : site->n_in, rows = i % 2 ? site->n_out : (size_t)s->lora->rank;
    us_type type = s->types[i / 2][i % 2];
    size_t row_bytes = us_type_row_bytes(type, row);
    if (row_bytes * rows != n_bytes) return us_fail(err, US_ERR_FORMAT, "adapter: tensor %zu has an unexpected size", i);
    for (size_t r = 0; r < rows; r++)
        if (!us_quant_row(type, s->params + (i % 2 ? site->b : site->a) + r * row, (unsigned char *)dst + r * row_bytes, row)) return us_fail(err, US_ERR_FORMAT, "adapter: cannot round a row of %zu", row);
    return US_OK;
}

static us_status put_str(us_gguf_writer *w, const char *key, const char *s, us_error *err) { return us_gguf_put_str(w, key, s, strlen(s), err); }

static us_status put_keys(const us_trainer *t, us_gguf_writer *w, us_error *err) {
    char base[65];
    const us_template *tpl;
    us_status st = us_model_get_hash(t->model, base, err);
    if (!st) st = us_model_get_template(t->model, &tpl, err);
    if (!st) st = put_str(w, "general.type", "adapter", err);
    if (!st) st = put_str(w, "general.architecture", t->model->info.architecture, err);
    if (!st) st = put_str(w, "general.name", t->character, err);
    if (!st) st = put_str(w, "adapter.type", "lora", err);
    if (!st) st = us_gguf_put_f32(w, "adapter.lora.alpha", t->lora.scale * (float)t->lora.rank, err); /* loaders divide by the rank */
    if (!st) st = put_str(w, "understudy.version", us_version(), err);
    if (!st) st = put_str(w, "understudy.base.sha256", base, err);
    if (!st) st = put_str(w, "understudy.base.name", t->model->info.name, err);
    if (!st) st = put_str(w, "understudy.template", us_template_name(tpl), err);
    if (!st) st = put_str(w, "understudy.character", t->character, err);
    if (!st) st = put_str(w, "understudy.system", t->system, err);
    if (!st) st = us_gguf_put_u32(w, "understudy.history", (uint32_t)t->history, err);
    if (!st) st = put_str(w, "understudy.data.sha256", t->data_hash, err);
    if (!st) st = put_str(w, "understudy.train.options", t->config, err);
    if (!st) st = us_gguf_put_u64(w, "understudy.train.steps", (uint64_t)(t->state.have_best ? t->state.best_step : t->state.step), err);
    if (!st && t->state.have_best) st = us_gguf_put_f32(w, "understudy.train.validation_loss", (float)t->state.best_loss, err);
    return st;
}

us_status us_adapter_write(const us_trainer *t, const float *params, us_adapter_type type, const char *path, us_error *err) {
    us_gguf_writer *w = NULL;
    source s = {.lora = &t->lora, .params = params};
    size_t n = (size_t)t->lora.n_layers * US_N_MODULES, n_pairs = 0;
    us_status st = us_gguf_writer_new(&w, err);
    if (!st) st = put_keys(t, w, err);
    if (!st) st = us_alloc(n, sizeof *s.types, &s.types, err);
    if (!st) st = us_alloc(n, sizeof *s.sites, &s.sites, err);
    for (size_t i = 0; i < n && !st; i++) {
        const us_lora_site *site = &t->lora.sites[i];
        if (!site->on) continue;
        s.sites[n_pairs] = (uint32_t)i;
        for (int b = 0; b < 2 && !st; b++) {
            char name[96];
            int64_t ne[2] = {b ? t->lora.rank : (int64_t)site->n_in, b ? (int64_t)site->n_out : t->lora.rank};
            snprintf(name, sizeof name, "blk.%zu.%s.weight.lora_%c", i / US_N_MODULES, us_module_tensors[i % US_N_MODULES], b ? 'b' : 'a');
            s.types[n_pairs][b] = type_for(type, (size_t)ne[0]);
            st = us_gguf_put_tensor(w, name, s.types[n_pairs][b], 2, ne, NULL, err);
        }
        n_pairs++;
    }
    if (!st) st = us_gguf_writer_finish(w, path, fill, &s, err);
    us_gguf_writer_free(w);
    free(s.types);
    free(s.sites);
    return st;
}
