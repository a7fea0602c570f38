/* train.json and the pictures of the curve: what a training was, for people, the chat page and the next trainer. */
#include "base/file.h"
#include "base/sha256.h"
#include "kern/kern.h"
#include "train/trainer.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); } /* written with six figures */

static void put(json_t *o, const char *key, double x) {
    json_object_set_new(o, key, isfinite(x) && x == floor(x) && fabs(x) < 1e15 ? json_integer((json_int_t)x) : number(x));
}
static void put_str(json_t *o, const char *key, const char *s) { json_object_set_new(o, key, json_string(s)); }

static void put_model(json_t *o, us_trainer *t) {
    const us_template *tpl;
    char hash[65];
    put_str(o, "character", t->character);
    put_str(o, "base", t->model->info.name);
    put_str(o, "base_quantization", t->model->info.quantization);
    us_model_get_hash(t->model, hash);
    put_str(o, "base_sha256", hash);
    if (!us_model_get_template(t->model, &tpl, NULL)) put_str(o, "template", us_template_name(tpl));
}

static void put_data(json_t *o, const us_trainer *t) {
    const us_train_facts *f = &t->facts;
    put(o, "lines", (double)t->data.lines);
    put(o, "exchanges", (double)(t->data.exchanges[US_TRAIN] + t->data.exchanges[US_VALIDATION]));
    put(o, "turns", (double)t->data.turns);
    for (int p = 0; p < US_N_PARTS; p++) {
        char key[40];
        snprintf(key, sizeof key, "%s_lines", us_part_name((us_part)p));
        put(o, key, (double)t->data.targets[p]);
    }
    json_t *out = json_object();
    for (int k = 0; k < US_N_FILTERS; k++) put(out, us_filter_name((us_filter)k), (double)t->data.filtered[k]);
    json_object_set_new(o, "left_out", out);
    put(o, "sequences", (double)f->sequences[US_TRAIN]);
    put(o, "tokens_an_epoch", (double)f->rows[US_TRAIN]);
    put(o, "learned_tokens_an_epoch", (double)f->targets[US_TRAIN]);
    put(o, "persona_tokens", f->prefix_rows);
    put(o, "rehearsal", t->o.rehearsal);
    put(o, "rehearsal_sequences", (double)f->rehearsal_sequences);
    put(o, "rehearsal_tokens", (double)f->rehearsal_targets);
    if (f->choices[0]) {
        put(o, "choices", (double)f->choices[0]);
        put(o, "choices_held_out", (double)f->choices[1]);
        put_str(o, "choices_sha256", t->choices.hash);
    }
    put(o, "history", t->history);
    put_str(o, "packing", t->o.windowed ? "none" : "scene");
    put_str(o, "data_sha256", t->data_hash);
}

static void put_options(json_t *o, const us_trainer *t) {
    static const char *const schedules[] = {"cosine", "constant", "linear"};
    const us_train_options *p = &t->o;
    char modules[64] = "";
    for (int m = 0; m < US_N_MODULES; m++)
        if (t->modules >> m & 1) strcat(strcat(modules, *modules ? "," : ""), us_module_names[m]);
    put(o, "rank", p->rank);
    put(o, "alpha", p->alpha);
    json_object_set_new(o, "rslora", json_boolean(p->rslora));
    put_str(o, "modules", modules);
    put(o, "parameters", (double)t->facts.n_params);
    put(o, "learning_rate", p->lr);
    put(o, "lora_plus", p->lora_plus);
    put_str(o, "schedule", schedules[p->schedule]);
    put(o, "warmup", p->warmup);
    put(o, "dropout", p->dropout);
    put(o, "weight_decay", p->weight_decay);
    put(o, "clip", p->clip);
    put(o, "batch_tokens", p->batch_rows);
    put(o, "longest_sequence", t->facts.longest);
    put(o, "seed", (double)p->seed);
}

static void put_result(json_t *o, us_trainer *t, const us_train_outcome *u) {
    const us_train_state *s = &t->state;
    double best = u && isfinite(u->validation_loss) ? u->validation_loss : s->have_best ? s->best_loss : NAN;
    double base = u && isfinite(u->base_loss) ? u->base_loss : s->base_loss;
    put(o, "steps", (double)s->step);
    put(o, "planned_steps", (double)t->facts.n_steps);
    put(o, "epochs", (double)s->epoch + (double)s->at / (double)t->n_train);
    put(o, "best_step", s->have_best ? (double)s->best_step : NAN);
    json_object_set_new(o, "stopped_early", json_boolean(s->early));
    put(o, "validation_loss", best);
    put(o, "validation_perplexity", exp(best));
    put(o, "base_validation_loss", base);
    put(o, "base_validation_perplexity", exp(base));
    if (u && u->n_targets) put(o, "validation_tokens", (double)u->n_targets);
    put(o, "adapter_norm", us_trainer_adapter_norm(t));
    put(o, "training_seconds", round(s->seconds));
    put(o, "tokens_a_second", round((double)s->rows / fmax(s->seconds, 1e-9)));
    put(o, "threads", us_pool_size(t->pool));
    put_str(o, "instruction_set", us_kern_get()->name);
    put(o, "memory_mib", round((double)t->facts.bytes / 1048576));
}

static us_status put_adapter(json_t *o, const char *path, us_error *err) {
    us_map m;
    char hash[65];
    us_status st = us_map_open(path, &m, err);
    if (st) return st;
    us_sha256_hex(m.data, m.size, hash);
    put(o, "adapter_bytes", (double)m.size);
    put_str(o, "adapter_sha256", hash);
    us_map_close(&m);
    return US_OK;
}

static json_t *points(const double (*p)[2], size_t n, size_t most) {
    json_t *list = json_array();
    size_t every = (n + most - 1) / most;
    for (size_t i = 0; i < n; i += every) {
        double sum = 0;
        size_t k = 0;
        for (; k < every && i + k < n; k++) sum += p[i + k][1];
        json_array_append_new(list, json_pack("[I, o]", (json_int_t)p[i + k - 1][0], number(sum / (double)k)));
    }
    return list;
}

static us_status write_json(us_trainer *t, const us_train_outcome *u, const char *folder, us_error *err) {
    char when[32];
    time_t now = time(NULL);
    struct tm utc;
    json_t *o = json_object();
    us_status st = US_OK;
    put_model(o, t);
    put_result(o, t, u);
    put_data(o, t);
    put_options(o, t);
    if (u && u->adapter_path) st = put_adapter(o, u->adapter_path, err);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    put_str(o, "written", when);
    put_str(o, "understudy", us_version());
    json_object_set_new(o, "curve", points((const double(*)[2])t->curve.training, t->curve.n_training, 400));
    json_object_set_new(o, "validation_curve", points((const double(*)[2])t->curve.validation, t->curve.n_validation, 400));
    char *text = st ? NULL : json_dumps(o, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6)),
         *path = us_path_join(folder, "train.json");
    if (!st)
        st = text && path ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    json_decref(o);
    free(text);
    free(path);
    return st;
}

static us_status write_picture(const us_trainer *t, const char *folder, const char *name, us_error *err) {
    char *bytes = NULL, *path = us_path_join(folder, name);
    size_t n;
    us_status st = !path                  ? us_fail(err, US_ERR_MEMORY, "out of memory")
                   : strstr(name, ".svg") ? us_curve_svg(t, &bytes, &n, err)
                                          : us_curve_png(t, &bytes, &n, err);
    if (!st) st = us_file_write_atomic(path, bytes, n, err);
    free(bytes);
    free(path);
    return st == US_ERR_UNSUPPORTED ? US_OK : st; /* built without pictures: the numbers are in train.json */
}

us_status us_trainer_write_record(us_trainer *t, const us_train_outcome *outcome, const char *folder, us_error *err) {
    us_status st = us_dir_make(folder, err);
    if (!st) st = write_json(t, outcome, folder, err);
    if (!st) st = write_picture(t, folder, "loss.svg", err);
    return st ? st : write_picture(t, folder, "loss.png", err);
}
