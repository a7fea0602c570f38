/* checkpoint.gguf: the whole state of a run, replaced atomically: kill -9 leaves the old or the new one. */
#include "base/file.h"
#include "base/mem.h"
#include "train/trainer.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_LOSSES = 6 };
static const char *const tensor_names[4] = {"params", "m", "v", "best"};

static us_status path_of(const us_trainer *t, char **out, us_error *err) {
    *out = us_path_join(t->folder, "checkpoint.gguf");
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

/* Where the drawing of choices stands, the loss beside the best, and what the takes were by the factors that the run began with. */
static us_status put_choices(const us_trainer *t, us_gguf_writer *w, us_error *err) {
    const us_choices *c = &t->choices;
    const double numbers[2] = {(double)t->state.choices_at, t->state.best_choices};
    us_status st = us_gguf_put_array(w, "understudy.choices", US_KV_FLOAT64, numbers, 2, err);
    if (st || !c->measured) return st;
    return us_gguf_put_array(w, "understudy.choices_before", US_KV_FLOAT64, c->before, c->n_takes, err);
}

us_status us_checkpoint_write(us_trainer *t, us_error *err) {
    us_gguf_writer *w = NULL;
    char *path = NULL;
    const us_train_state *s = &t->state;
    const float *const data[4] = {t->lora.params, t->m, t->v, t->best};
    const us_curve *c = &t->curve;
    const double losses[N_LOSSES] = {s->best_loss, s->last_validation, s->base_loss, s->seconds, (double)s->rows, c->sum};
    const int64_t ne = (int64_t)t->lora.n_params,
                  numbers[6] = {s->step,        s->best_step, (int64_t)s->epoch,
                                (int64_t)s->at, s->n_worse,   s->have_best | s->done << 1 | s->early << 2 | s->owes << 3};
    us_status st = path_of(t, &path, err);
    if (!st) st = us_dir_make(t->folder, err);
    if (!st) st = us_gguf_writer_new(&w, err);
    if (!st) st = us_gguf_put_str(w, "general.type", "checkpoint", 10, err);
    if (!st)
        st = us_gguf_put_str(w, "general.architecture", t->model->info.architecture, strlen(t->model->info.architecture), err);
    if (!st) st = us_gguf_put_str(w, "understudy.config", t->config, strlen(t->config), err);
    if (!st) st = us_gguf_put_array(w, "understudy.state", US_KV_I64, numbers, 6, err);
    if (!st) st = us_gguf_put_array(w, "understudy.losses", US_KV_FLOAT64, losses, N_LOSSES, err);
    if (!st) st = us_gguf_put_array(w, "understudy.curve", US_KV_FLOAT64, c->training, 2 * c->n_training, err);
    if (!st) st = us_gguf_put_array(w, "understudy.validations", US_KV_FLOAT64, c->validation, 2 * c->n_validation, err);
    if (!st && t->choices.n_learned) st = put_choices(t, w, err);
    for (int i = 0; i < 4 && !st; i++) st = us_gguf_put_tensor(w, tensor_names[i], US_TYPE_F32, 1, &ne, data[i], err);
    if (!st) st = us_gguf_writer_finish(w, path, NULL, NULL, err);
    us_gguf_writer_free(w);
    free(path);
    return st;
}

/* Names the first line of the configuration that differs. */
static us_status compare_config(const us_trainer *t, const char *path, us_str held, us_error *err) {
    const char *a = t->config, *b = held.data, *b_end = held.data + held.len;
    while (*a || b < b_end) {
        const char *b_nl = memchr(b, '\n', (size_t)(b_end - b));
        size_t n = strcspn(a, "\n"), k = (size_t)((b_nl ? b_nl : b_end) - b);
        if (n != k || memcmp(a, b, n))
            return us_fail(
                err, US_ERR_MISMATCH,
                "%s: that run had %.*s, this one has %.*s: give the same options to resume, or another --out to begin anew",
                path, k ? (int)(k < 80 ? k : 80) : 7, k ? b : "no more", n ? (int)(n < 80 ? n : 80) : 7, n ? a : "no more");
        a += n + (a[n] == '\n');
        b += k + (b_nl != NULL);
    }
    return US_OK;
}

static us_status load_points(const us_gguf *g, const char *key, double (*points)[2], size_t *n, us_error *err) {
    const us_kv *kv;
    if (!us_gguf_find(g, key)) return US_OK; /* from before curves were kept: the picture begins here */
    us_status st = us_gguf_get_array(g, key, US_KV_FLOAT64, 2 * US_CURVE_POINTS, &kv, err);
    if (st) return st;
    *n = (size_t)kv->n / 2;
    memcpy(points, kv->data, *n * sizeof *points);
    return US_OK;
}

/* Means and squares of gradients may be large, and squares are not below zero; factors are as any weights. */
static bool sound(const us_tensor *t, int which) {
    bool moment = which == 1 || which == 2;
    size_t n = t->n_bytes / sizeof(float);
    if (!moment) return us_quant_row_sound(US_TYPE_F32, t->data, n);
    for (size_t i = 0; i < n; i++) {
        float x;
        memcpy(&x, t->data + i * sizeof x, sizeof x);
        if (!isfinite(x) || (which == 2 && x < 0)) return false;
    }
    return true;
}

static us_status load_choices(us_trainer *t, const us_gguf *g, const char *path, us_error *err) {
    us_choices *c = &t->choices;
    const us_kv *kv, *before;
    double numbers[2];
    us_status st = us_gguf_get_array(g, "understudy.choices", US_KV_FLOAT64, 2, &kv, err);
    if (!st && us_gguf_find(g, "understudy.choices_before")) {
        st = us_gguf_get_array(g, "understudy.choices_before", US_KV_FLOAT64, c->n_takes, &before, err);
        if (!st && before->n != c->n_takes) st = us_fail(err, US_ERR_FORMAT, "%s: the choices are incomplete", path);
        if (!st) memcpy(c->before, before->data, c->n_takes * sizeof *c->before);
        c->measured = !st;
    }
    if (!st && kv->n != 2) st = us_fail(err, US_ERR_FORMAT, "%s: the choices are incomplete", path);
    if (st) return st;
    memcpy(numbers, kv->data, sizeof numbers);
    bool sound = numbers[0] >= 0 && numbers[0] < 1e15 && !isnan(numbers[1]);
    for (size_t i = 0; i < c->n_takes && c->measured; i++) sound = sound && isfinite(c->before[i]);
    if (!sound) return us_fail(err, US_ERR_FORMAT, "%s: the choices are out of range", path);
    t->state.choices_at = (uint64_t)numbers[0];
    t->state.best_choices = numbers[1];
    return US_OK;
}

static us_status load(us_trainer *t, const us_gguf *g, const char *path, us_error *err) {
    const us_kv *numbers, *losses;
    us_str config, type;
    float *const data[4] = {t->lora.params, t->m, t->v, t->best};
    t->lora.revision++;
    us_status st = us_gguf_get_str(g, "general.type", &type, err);
    if (!st && !us_str_eq(type, "checkpoint")) st = us_fail(err, US_ERR_FORMAT, "%s: not a checkpoint", path);
    if (!st) st = us_gguf_get_str(g, "understudy.config", &config, err);
    if (!st) st = compare_config(t, path, config, err);
    if (!st) st = us_gguf_get_array(g, "understudy.state", US_KV_I64, 6, &numbers, err);
    if (!st) st = us_gguf_get_array(g, "understudy.losses", US_KV_FLOAT64, N_LOSSES, &losses, err);
    if (!st) st = load_points(g, "understudy.curve", t->curve.training, &t->curve.n_training, err);
    if (!st) st = load_points(g, "understudy.validations", t->curve.validation, &t->curve.n_validation, err);
    if (st) return st;
    int64_t x[6];
    double l[N_LOSSES] = {0, 0, NAN};
    if (numbers->n != 6 || losses->n < 2) return us_fail(err, US_ERR_FORMAT, "%s: the state is incomplete", path);
    memcpy(x, numbers->data, sizeof x);
    memcpy(l, losses->data, (size_t)losses->n * sizeof *l);
    if (x[0] < 0 || x[0] > t->facts.n_steps || x[1] < 0 || x[1] > x[0] || x[2] < 0 || x[3] < 0 || (uint64_t)x[3] > t->n_train ||
        x[4] < 0 || x[4] > INT32_MAX)
        return us_fail(err, US_ERR_FORMAT, "%s: the state is out of range", path);
    for (int i = 0; i < 4; i++) {
        const us_tensor *tensor = us_gguf_find_tensor(g, tensor_names[i]);
        if (tensor && tensor->type == US_TYPE_F32 && !sound(tensor, i))
            return us_fail(err, US_ERR_FORMAT, "%s: tensor '%s' holds values that are no numbers or beyond all measure", path,
                           tensor_names[i]);
        if (!tensor || tensor->type != US_TYPE_F32 || tensor->n_bytes != t->lora.n_params * sizeof(float))
            return us_fail(err, US_ERR_FORMAT, "%s: tensor '%s' is missing or of another size", path, tensor_names[i]);
    }
    for (int i = 0; i < 4; i++)
        memcpy(data[i], us_gguf_find_tensor(g, tensor_names[i])->data, t->lora.n_params * sizeof(float));
    t->state = (us_train_state){.step = x[0],
                                .best_step = x[1],
                                .epoch = (uint64_t)x[2],
                                .at = (uint64_t)x[3],
                                .n_worse = (int32_t)x[4],
                                .best_loss = l[0],
                                .last_validation = l[1],
                                .base_loss = l[2],
                                .seconds = l[3] >= 0 && l[3] < 1e12 ? l[3] : 0,
                                .rows = l[4] >= 0 && l[4] < 1e18 ? (uint64_t)l[4] : 0,
                                .have_best = x[5] & 1,
                                .done = x[5] >> 1 & 1,
                                .early = x[5] >> 2 & 1,
                                .owes = x[5] >> 3 & 1};
    t->curve.sum = l[5];
    for (size_t i = 0; i < 2 * t->curve.n_training; i++)
        if (!isfinite(t->curve.training[i / 2][i % 2]))
            return us_fail(err, US_ERR_FORMAT, "%s: the curve is out of range", path);
    for (size_t i = 0; i < 2 * t->curve.n_validation; i++)
        if (!isfinite(t->curve.validation[i / 2][i % 2]))
            return us_fail(err, US_ERR_FORMAT, "%s: the curve is out of range", path);
    if ((t->state.have_best && !isfinite(l[0])) || !isfinite(l[5]))
        return us_fail(err, US_ERR_FORMAT, "%s: the losses are no numbers", path);
    return t->choices.n_learned ? load_choices(t, g, path, err) : US_OK;
}

us_status us_checkpoint_read(us_trainer *t, us_error *err) {
    us_gguf *g = NULL;
    char *path = NULL;
    us_status st = path_of(t, &path, err);
    if (!st && !us_file_exists(path))
        st = us_fail(err, US_ERR_NOT_FOUND, "%s: no checkpoint to resume from: without --resume the run begins anew", path);
    if (!st) st = us_gguf_open(path, &g, err);
    if (!st) st = load(t, g, path, err);
    us_gguf_close(g);
    free(path);
    return st;
}

int32_t us_checkpoint_micro_rows(const char *folder) {
    static const char key[] = "\nmicro-batch=";
    us_gguf *g = NULL;
    us_str config;
    long n = 0;
    char *path = us_path_join(folder, "checkpoint.gguf"), *text = NULL;
    if (path && us_file_exists(path) && !us_gguf_open(path, &g, NULL) &&
        !us_gguf_get_str(g, "understudy.config", &config, NULL) && !us_strndup(config.data, config.len, &text, NULL)) {
        const char *at = strstr(text, key);
        n = at ? strtol(at + strlen(key), NULL, 10) : 0;
    }
    us_gguf_close(g);
    free(text);
    free(path);
    return n > 0 && n <= 1 << 20 ? (int32_t)n : 0;
}
