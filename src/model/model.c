#include "model/model.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "model/architectures.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

us_status us_model_open(const char *path, const us_model_options *options, us_model **out, us_error *err) {
    us_model_options o = options ? *options : (us_model_options){0};
    us_model *m = NULL;
    us_str jinja;
    us_status st = us_alloc(1, sizeof *m, &m, err);
    if (st) return st;
    pthread_mutex_init(&m->hash_lock, NULL);
    m->math = o.math;
    st = us_gguf_open(path, &m->g, err);
    if (!st) st = us_config_load(m, err); /* first: it knows an adapter, or another architecture, by name */
    if (!st) st = us_tokenizer_from_gguf(m->g, &m->tok, err);
    if (!st) m->info.n_vocab = m->net.n_vocab = us_tokenizer_n_vocab(m->tok);
    if (!st && o.template_name) st = us_template_find(o.template_name, &m->tpl, err);
    if (!st && !m->tpl && !us_gguf_get_str(m->g, "tokenizer.chat_template", &jinja, NULL))
        m->tpl = us_template_recognise(jinja.data, jinja.len);
    if (!st) st = us_weights_load(m, &o, err);
    if (st) us_model_free(m);
    else *out = m;
    return st;
}

/* The end of what is checked. */
static us_status stop(void *reached, const us_model *m, us_error *err) {
    (void)m;
    *(bool *)reached = true;
    return us_fail(err, US_ERR_ARGUMENT, "only checked");
}

us_status us_model_check(const char *path, us_error *err) {
    bool reached = false;
    us_model *m = NULL;
    us_status st = us_model_open(path, &(us_model_options){.check = stop, .check_ctx = &reached}, &m, err);
    us_model_free(m);
    return reached ? US_OK : st;
}

bool us_model_knows(const char *architecture) { return us_architecture_find(architecture) != NULL; }

void us_model_free(us_model *m) {
    if (!m) return;
    free(m->weights);
    for (size_t i = 0; i < m->n_floats; i++) free(m->floats[i]);
    free(m->matrices);
    free(m->floats);
    free(m->net.layers);
    for (int i = 0; i < m->net.n_ropes; i++) free(m->net.ropes[i].inv_freq);
    free(m->name);
    free(m->architecture);
    us_tokenizer_free(m->tok);
    us_gguf_close(m->g);
    pthread_mutex_destroy(&m->hash_lock);
    free(m);
}

const us_model_info *us_model_get_info(const us_model *m) { return &m->info; }
const us_tokenizer *us_model_get_tokenizer(const us_model *m) { return m->tok; }

us_status us_model_get_template(const us_model *m, const us_template **out, us_error *err) {
    if (!m->tpl)
        return us_fail(err, US_ERR_UNSUPPORTED,
                       "%s: its chat template is not one of the known ones (or there is none); choose with --template NAME: "
                       "chatml, qwen, llama2, llama3, mistral, gemma, zephyr",
                       us_gguf_path(m->g));
    *out = m->tpl;
    return US_OK;
}

/* The pages are given back as it goes on: otherwise the whole file would stay in memory beside the packed weights. */
static void hash_file(us_sha256 *s, const us_map *map) {
    const size_t step = (size_t)4 << 20;
    for (size_t at = 0; at < map->size; at += step) {
        size_t n = map->size - at < step ? map->size - at : step;
        us_sha256_update(s, map->data + at, n);
        us_map_drop(map, at, n);
    }
}

us_status us_model_get_hash(us_model *m, char out[65], us_error *err) {
    (void)err;
    pthread_mutex_lock(&m->hash_lock);
    if (!m->hash[0]) {
        us_sha256 s;
        unsigned char d[32];
        us_sha256_init(&s);
        for (int i = 0; i < us_gguf_n_files(m->g); i++) hash_file(&s, us_gguf_map(m->g, i));
        us_sha256_final(&s, d);
        for (int i = 0; i < 32; i++) snprintf(m->hash + 2 * i, 3, "%02x", d[i]);
    }
    memcpy(out, m->hash, 65);
    pthread_mutex_unlock(&m->hash_lock);
    return US_OK;
}
