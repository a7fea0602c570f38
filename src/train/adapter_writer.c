/* What a training run has learned, as a GGUF LoRA with the facts of the training beside it. */
#include "base/mem.h"
#include "model/factors.h"
#include "train/trainer.h"
#include <stdlib.h>
#include <string.h>

static us_status put_str(us_gguf_writer *w, const char *key, const char *s, us_error *err) {
    return us_gguf_put_str(w, key, s, strlen(s), err);
}

static us_status put_strs(us_gguf_writer *w, const char *key, char *const *list, size_t n, us_error *err) {
    us_str *s = NULL;
    us_status st = us_alloc(n, sizeof *s, &s, err);
    for (size_t i = 0; i < n && !st; i++) s[i] = (us_str){list[i], strlen(list[i])};
    if (!st) st = us_gguf_put_strs(w, key, s, n, err);
    free(s);
    return st;
}

/* What ends a reply of the template, as text. */
static us_status put_stop(const us_trainer *t, us_gguf_writer *w, us_error *err) {
    const us_template *tpl;
    const us_message m[2] = {{"user", "a"}, {"assistant", "b"}};
    char *text = NULL;
    us_status st = us_model_get_template(t->model, &tpl, err);
    if (!st) st = us_template_render(tpl, m, 2, false, &text, err);
    char *stop = st ? NULL : strrchr(text, 'b');
    size_t n = stop ? strcspn(++stop, "\n") : 0;
    if (!st && n) stop[n] = 0, st = put_strs(w, "understudy.stop", &stop, 1, err);
    free(text);
    return st;
}

static us_status put_facts(void *ctx, us_gguf_writer *w, us_error *err) {
    const us_trainer *t = ctx;
    us_status st = put_str(w, "understudy.character", t->character, err);
    if (!st) st = put_str(w, "understudy.system", t->system, err);
    if (!st) st = us_gguf_put_u32(w, "understudy.history", (uint32_t)t->history, err);
    if (!st) st = us_gguf_put_u32(w, "understudy.prompt.form", US_PROMPT_FORM, err);
    if (!st && t->o.n_cast) st = put_strs(w, "understudy.cast", t->cast, t->o.n_cast, err);
    if (!st) st = put_stop(t, w, err);
    if (!st) st = put_str(w, "understudy.data.sha256", t->data_hash, err);
    if (!st) st = put_str(w, "understudy.train.options", t->config, err);
    if (!st)
        st = us_gguf_put_u64(w, "understudy.train.steps", (uint64_t)(t->state.have_best ? t->state.best_step : t->state.step),
                             err);
    if (!st && t->state.have_best) st = us_gguf_put_f32(w, "understudy.train.validation_loss", (float)t->state.best_loss, err);
    return st;
}

us_status us_adapter_write(us_trainer *t, const float *params, us_adapter_type type, const char *path, us_error *err) {
    size_t n = (size_t)t->lora.n_layers * US_N_MODULES;
    us_factors f = {.n_layers = t->lora.n_layers, .rank = t->lora.rank, .alpha = t->lora.scale * (float)t->lora.rank};
    us_status st = us_alloc(n, sizeof *f.pairs, &f.pairs, err);
    for (size_t i = 0; i < n && !st; i++) {
        const us_lora_site *s = &t->lora.sites[i];
        f.pairs[i] = (us_factor_pair){s->n_in, s->n_out, s->on ? params + s->a : NULL, s->on ? params + s->b : NULL};
    }
    if (!st) st = us_factors_write(t->model, &f, (us_factor_type)type, t->character, put_facts, t, path, err);
    us_factors_fini(&f);
    return st;
}
