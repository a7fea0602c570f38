/* audition.json: everything that was measured, without a date or a path, so that the same seed gives the same bytes. The schema
 * is in docs/audition.md. */
#include "audition/audition.h"
#include "base/file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Six decimals: figures are means of floats, the rest is noise between machines. */
static json_t *number(double v) {
    if (!isfinite(v)) return json_null();
    double r = round(v * 1e6) / 1e6;
    return json_real(r == 0 ? 0 : r);
}

static json_t *metrics_json(const us_metrics *m) {
    json_t *o = json_object();
    for (size_t i = 0; i < m->n; i++) {
        const us_metric *x = &m->items[i];
        json_t *v = json_pack("{s:o}", "value", number(x->value));
        if (isfinite(x->low)) json_object_set_new(v, "low", number(x->low));
        if (isfinite(x->high)) json_object_set_new(v, "high", number(x->high));
        json_object_set_new(v, "n", json_integer((json_int_t)x->n));
        json_object_set_new(o, x->name, v);
    }
    return o;
}

static json_t *confusion_json(const us_audition *a, const us_confusion *c, uint32_t n_classes) {
    json_t *columns = json_array(), *rows = json_array();
    for (uint32_t k = 0; k < n_classes; k++) json_array_append_new(columns, json_string(c->rows[k]));
    for (size_t r = 0; r < c->n_rows; r++) {
        json_t *cells = json_array();
        for (uint32_t k = 0; k < n_classes; k++) json_array_append_new(cells, number(c->cells[r][k]));
        json_array_append_new(rows, json_pack("{s:s, s:o}", "name", c->rows[r], "shares", cells));
    }
    (void)a;
    return json_pack("{s:s, s:o, s:o}", "title", c->title, "columns", columns, "rows", rows);
}

static json_t *takes_json(const us_audition *a, int w) {
    json_t *list = json_array();
    for (int i = 0; i < a->n_counts; i++) {
        json_t *m = metrics_json(&a->by_takes[w][i]);
        json_object_set_new(m, "takes", json_integer(a->counts[i]));
        json_array_append_new(list, m);
    }
    return list;
}

static json_t *tests_json(const us_audition *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n_tests; i++) {
        const us_test *t = &a->tests[i];
        json_t *o =
            json_pack("{s:s, s:s, s:s, s:s, s:o, s:I}", "metric", t->metric, "a", us_who_name(t->a), "b", us_who_name(t->b),
                      "test", t->counts ? "mcnemar" : "bootstrap", "difference", number(t->difference), "n", (json_int_t)t->n);
        if (t->counts) json_object_set_new(o, "p", number(t->p));
        else json_object_set_new(o, "low", number(t->low)), json_object_set_new(o, "high", number(t->high));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *settings_json(const us_audition *a) {
    char sampler[400];
    us_sampler_describe(&a->sampler, sampler, sizeof sampler);
    return json_pack("{s:s, s:i, s:f, s:i, s:i, s:i, s:i, s:i, s:s, s:I, s:f, s:b}", "sampler", sampler, "takes", a->n_takes,
                     "lambda", a->lambda, "history", a->card->history, "max_tokens", a->o.max_tokens, "replies", a->o.n_replies,
                     "seeds", a->o.n_seeds, "max_lines", a->o.max_lines, "split", a->all_parts ? "all" : us_part_name(a->part),
                     "seed", (json_int_t)a->o.seed, "adapter_scale", a->o.adapter_scale, "director", a->director != NULL);
}

static json_t *gates_json(const us_audition *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n_gates; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:o, s:b}", "gate", a->gates[i].text, "value", number(a->gates[i].value),
                                        "bound", number(a->gates[i].bound), "passed", a->gates[i].passed));
    return list;
}

static json_t *samples_json(const us_audition *a) {
    json_t *list = json_array();
    for (size_t i = 0; i < a->n_answers; i += (size_t)a->o.n_seeds) {
        const us_probe *p = &a->probes.items[i / (size_t)a->o.n_seeds];
        json_t *o = json_pack("{s:s, s:s}", "kind", us_probe_kind_name(p->kind), "said", p->messages[p->n - 1].content);
        if (p->real) json_object_set_new(o, "real", json_string(p->real));
        for (int w = US_WHO_BASE; w < US_N_WHO; w++)
            if (a->answers[w])
                json_object_set_new(o, us_who_name((us_who)w), json_string(a->answers[w][i].takes[a->answers[w][i].best].text));
        json_array_append_new(list, o);
    }
    return list;
}

us_status us_audition_json(const us_audition *a, char **out, us_error *err) {
    json_t *figures = json_object(), *takes = json_object(), *confusions = json_array(), *parts = json_object();
    for (int w = 0; w < US_N_WHO; w++)
        if (a->metrics[w].n) json_object_set_new(figures, us_who_name((us_who)w), metrics_json(&a->metrics[w]));
    for (int w = US_WHO_BASE; w < US_N_WHO; w++)
        if (a->answers[w] && a->n_counts) json_object_set_new(takes, us_who_name((us_who)w), takes_json(a, w));
    for (size_t i = 0; i < a->n_confusions; i++) {
        uint32_t n = a->n_classes, with = 0;
        for (uint32_t c = 0; c < a->n_classes; c++) with += a->classes[c].adapter != NULL;
        json_array_append_new(confusions, confusion_json(a, &a->confusions[i], i >= 2 ? with : n));
    }
    json_object_set_new(parts, "probes", json_integer((json_int_t)a->probes.n));
    json_object_set_new(parts, "held_out_lines", json_integer((json_int_t)a->classes[0].n_held));
    json_object_set_new(parts, "training_lines", json_integer((json_int_t)a->n_train));
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:O, s:o}", "understudy_audition", 1,
                             "character", a->card->name, "model", us_model_get_info(a->model)->name, "model_sha256",
                             a->model_hash, "adapter_sha256", a->adapter_hash, "settings", settings_json(a), "counts", parts,
                             "figures", figures, "takes", takes, "confusions", confusions, "tests", tests_json(a), "gates",
                             gates_json(a), "flagged", a->flagged, "replies", samples_json(a));
    *out = root ? json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "audition.json: out of memory");
}
