#include "model/model.h"
#include "base/mem.h"
#include "model/template.h"
#include "base/sha256.h"
#include "model/architectures.h"
#include "model/kept.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Phi-3's tokenizer drops blanks behind special tokens; the file does not say so. */
static bool is_phi3(const us_model *m) {
    static const char *const names[] = {"phi-3", "phi3", "Phi-3", "Phi3", "PHI-3"};
    if (!strcmp(m->architecture, "phi3")) return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(m->name, names[i])) return true;
    return false;
}

static void copy_piece(const us_tokenizer *tok, int32_t id, char out[64]) {
    size_t n;
    const char *p = us_tokenizer_piece(tok, id, &n);
    snprintf(out, 64, "%.*s", n < 63 ? (int)n : 63, p);
}

/* By name, or the file's own: the main one, or the one called default. One that is not understood is no error here. */
static us_status choose_template(us_model *m, const char *name, us_error *err) {
    us_gguf_summary sum;
    us_error why;
    char bos[64], eos[64];
    us_status st = name ? us_template_open(name, &m->tpl, err) : US_OK;
    if (st) return st;
    us_gguf_summarise(m->g, &sum);
    if (!m->tpl && !sum.chat_template.len) {
        us_fail(&why, US_ERR_NOT_FOUND,
                sum.other_templates[0] ? "its chat templates are for other uses (%s)" : "it has no chat template",
                sum.other_templates);
        return us_strdup(why.message, &m->no_template, err);
    }
    copy_piece(m->tok, us_tokenizer_bos(m->tok), bos);
    copy_piece(m->tok, us_tokenizer_eos(m->tok), eos);
    if (!m->tpl) st = us_template_recognise(sum.chat_template.data, sum.chat_template.len, bos, eos, &m->tpl, &why);
    if (st == US_ERR_MEMORY) return us_fail(err, st, "%s", why.message);
    if (st) return us_strdup(why.message, &m->no_template, err);
    return us_template_adapt(m->tpl, m->tok, err);
}

us_status us_model_open(const char *path, const us_model_options *options, us_model **out, us_error *err) {
    us_model_options o = options ? *options : (us_model_options){0};
    us_model *m = NULL;
    us_status st = us_alloc(1, sizeof *m, &m, err);
    if (st) return st;
    pthread_mutex_init(&m->hash_lock, NULL);
    m->math = o.math;
    st = us_kern_check(err);
    if (!st) st = us_kept_check(err);
    if (!st) st = us_gguf_open(path, &m->g, err);
    if (!st) st = us_config_load(m, err); /* first: it knows an adapter, or another architecture, by name */
    if (!st) st = us_tokenizer_from_gguf(m->g, &m->tok, err);
    if (!st) m->info.n_vocab = m->net.n_vocab = us_tokenizer_n_vocab(m->tok);
    if (!st) m->tok->strip_right = m->tok->spm && is_phi3(m);
    if (!st) st = choose_template(m, o.template_name, err);
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
    us_map_close(&m->file);
    for (size_t i = 0; i < m->n_floats; i++) free(m->floats[i]);
    free(m->matrices);
    free(m->floats);
    free(m->net.layers);
    for (int i = 0; i < m->net.n_ropes; i++) free(m->net.ropes[i].inv_freq);
    free(m->name);
    free(m->architecture);
    us_tokenizer_free(m->tok);
    us_template_free(m->tpl);
    free(m->no_template);
    us_gguf_close(m->g);
    pthread_mutex_destroy(&m->hash_lock);
    free(m);
}

const char *us_model_get_kept(const us_model *m) { return m->kept; }
const us_model_info *us_model_get_info(const us_model *m) { return &m->info; }
const us_tokenizer *us_model_get_tokenizer(const us_model *m) { return m->tok; }

us_status us_model_get_template(const us_model *m, const us_template **out, us_error *err) {
    if (!m->tpl)
        return us_fail(
            err, US_ERR_UNSUPPORTED,
            "%s: %s: name a form with --template NAME (chatml, llama3, mistral, gemma, zephyr, phi3, ...), or describe it "
            "with --template FILE (docs/models.md)",
            us_gguf_path(m->g), m->no_template);
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

static void compute_hash(us_model *m) {
    us_sha256 s;
    unsigned char d[32];
    us_sha256_init(&s);
    for (int i = 0; i < us_gguf_n_files(m->g); i++) hash_file(&s, us_gguf_map(m->g, i));
    us_sha256_final(&s, d);
    for (int i = 0; i < 32; i++) snprintf(m->hash + 2 * i, 3, "%02x", d[i]);
}

void us_model_get_hash(us_model *m, char out[65]) {
    us_kept k;
    pthread_mutex_lock(&m->hash_lock);
    bool missing = !m->hash[0], keep = missing && us_gguf_bytes(m->g) >= US_KEPT_LEAST && !us_kept_open(&k, NULL);
    if (keep) missing = us_kept_sum_find(&k, m->g, m->hash, NULL) != US_OK;
    if (missing) {
        bool settled = us_kept_settled(m->g, false); /* before a byte is read */
        compute_hash(m);
        if (keep && settled && us_gguf_unchanged(m->g) && us_kept_sum_put(&k, m->g, m->hash, NULL)) {} /* then it is not kept */
    }
    if (keep) us_kept_close(&k);
    memcpy(out, m->hash, 65);
    pthread_mutex_unlock(&m->hash_lock);
}
