/* A run that begins from an adapter that is there: a new season, or a second character of a cast. Its factors take the places of
 * the random ones; the optimizer begins anew. */
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "model/factors.h"
#include "train/trainer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its first `rank` components of ours, at the strength that ours have; the rest stay as they began, with B zero. */
static us_status take_pair(us_trainer *t, const us_lora_site *s, const us_factors *f, size_t i, const char *path,
                           us_error *err) {
    const us_factor_pair *p = &f->pairs[i];
    size_t rank = (size_t)t->lora.rank, held = p->rank ? p->rank : (size_t)f->rank;
    float scale = p->scale != 0 ? p->scale : f->alpha / (float)f->rank;
    const char *module = us_module_names[i % US_N_MODULES];
    if (!p->a) return US_OK;
    if (!s->on) return us_fail(err, US_ERR_MISMATCH, "%s: it has learned in '%s', which --modules leaves out", path, module);
    if (held > rank) return us_fail(err, US_ERR_MISMATCH, "%s: its rank is %zu: give --rank %zu or more", path, held, held);
    memcpy(t->lora.params + s->a, p->a, held * s->n_in * sizeof *p->a);
    for (size_t y = 0; y < s->n_out; y++)
        for (size_t r = 0; r < held; r++) t->lora.params[s->b + y * rank + r] = scale / t->lora.scale * p->b[y * held + r];
    return US_OK;
}

static us_status note_in_config(us_trainer *t, const char *path, us_error *err) {
    us_map m;
    char hash[65], *config = NULL;
    us_status st = us_map_open(path, &m, err);
    if (st) return st;
    us_sha256_hex(m.data, m.size, hash);
    us_map_close(&m);
    if (asprintf(&config, "%scontinued=%s\n", t->config, hash) < 0) return us_fail(err, US_ERR_MEMORY, "out of memory");
    free(t->config);
    t->config = config;
    return US_OK;
}

/* The file that a run begins from may be the very one that it replaces: a copy lies beside the checkpoint until the run is over. */
static us_status keep_copy(const us_trainer *t, const char *path, const char *copy, us_error *err) {
    us_map m;
    us_status st = us_map_open(path, &m, err);
    if (st) return st;
    st = us_dir_make(t->folder, err);
    if (!st) st = us_file_write_atomic(copy, m.data, m.size, err);
    us_map_close(&m);
    return st;
}

static us_status take(us_trainer *t, const char *path, us_error *err) {
    us_adapter *fits = NULL;
    us_gguf *g = NULL;
    us_factors f = {0};
    us_status st = us_adapter_open(t->model, path, false, &fits, err); /* says in words what does not fit */
    us_adapter_free(fits);
    if (!st) st = us_gguf_open(path, &g, err);
    if (!st) st = us_factors_read(t->model, g, &f, err);
    for (size_t i = 0; i < (size_t)t->lora.n_layers * US_N_MODULES && !st; i++)
        st = take_pair(t, &t->lora.sites[i], &f, i, path, err);
    t->lora.revision++;
    if (!st) st = note_in_config(t, path, err);
    us_factors_fini(&f);
    us_gguf_close(g);
    return st;
}

us_status us_trainer_continue(us_trainer *t, const char *path, us_error *err) {
    if (t->state.step || t->continued) return us_fail(err, US_ERR_ARGUMENT, "the training has begun already");
    char *copy = t->folder ? us_path_join(t->folder, US_TRAIN_CONTINUED) : NULL;
    us_status st = !t->folder || copy ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && !path && !copy) st = us_fail(err, US_ERR_ARGUMENT, "no adapter to continue from");
    if (!st && path) st = take(t, path, err);
    if (!st && path && copy) st = keep_copy(t, path, copy, err);
    if (!st && !path) st = take(t, copy, err);
    t->continued = !st;
    free(copy);
    return st;
}
