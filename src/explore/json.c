/* explore/json.c - facts as JSON: report.json, corpus.json, about.json. docs/explore.md is their description. */
#include "explore/json.h"
#include "base/file.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *real(double v, int decimals) { /* short in the file: 6.73, not 6.7300000000000004 */
    char text[40];
    snprintf(text, sizeof text, "%.*f", decimals, v);
    return json_real(strtod(text, NULL));
}
static json_t *count(uint64_t n) { return json_integer((json_int_t)n); }

/* A list of terms; `others` and `z` are told where they mean something. */
static json_t *terms(const us_term *t, size_t n, bool z) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o =
            json_pack("{s:s, s:I, s:I}", "text", t[i].text, "n", (json_int_t)t[i].n, "others", (json_int_t)t[i].n_others);
        if (z) json_object_set_new(o, "z", real(t[i].z, 2));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *talks_to(const us_facts *f, size_t most) {
    json_t *list = json_array();
    for (size_t i = 0; i < f->n_talks_to && i < most; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:I, s:I}", "name", f->talks_to[i].text, "n",
                                        (json_int_t)f->talks_to[i].n + f->talks_to[i].n_others, "answers",
                                        (json_int_t)f->talks_to[i].n, "answered_by", (json_int_t)f->talks_to[i].n_others));
    return list;
}

static const char *speaker_name(const us_facts *f, uint32_t i) {
    size_t n;
    return us_script_get_speakers(f->script, &n)[i].name;
}

static json_t *role(const us_facts *f, const us_role *r) {
    json_t *o = json_pack("{s:s, s:I, s:I, s:o, s:o, s:I, s:o}", "name", speaker_name(f, r->speaker), "lines",
                          (json_int_t)r->n_lines, "words", (json_int_t)r->n_words, "share_lines", real(r->share_lines, 5),
                          "share_words", real(r->share_words, 5), "scenes", (json_int_t)r->n_scenes, "mean_words",
                          real(r->n_lines ? (double)r->n_words / r->n_lines : 0, 2));
    json_object_set_new(o, "episodes", f->n_episodes ? count(r->n_episodes) : json_null());
    return o;
}

static json_t *reading(const us_facts *f) {
    const us_script_counts *c = us_script_get_counts(f->script);
    json_t *repairs = json_object(), *files = json_array();
    size_t n;
    us_script_get_speakers(f->script, &n);
    for (int k = 0; k < US_N_RULES; k++) json_object_set_new(repairs, us_rule_name((us_rule)k), count(c->repairs[k]));
    for (uint32_t i = 0; *us_script_get_path(f->script, i); i++)
        json_array_append_new(files, json_string(us_script_get_path(f->script, i)));
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "files", files, "rows",
                     (json_int_t)c->rows, "lines", (json_int_t)c->lines, "actions", (json_int_t)c->actions, "breaks",
                     (json_int_t)c->breaks, "rejected", (json_int_t)c->rejected, "unnamed", (json_int_t)c->unnamed, "names",
                     (json_int_t)c->names, "speakers", (json_int_t)n, "scenes", (json_int_t)f->n_scenes, "episodes",
                     f->n_episodes ? count(f->n_episodes) : json_null(), "repairs", repairs);
}

static json_t *answers(const us_facts *f) {
    json_t *names = json_array(), *rows = json_array();
    size_t side = f->n_roles + 1;
    for (size_t i = 0; i < f->n_roles; i++) json_array_append_new(names, json_string(speaker_name(f, f->roles[i].speaker)));
    json_array_append_new(names, json_null());
    for (size_t i = 0; i < side; i++) {
        json_t *row = json_array();
        for (size_t k = 0; k < side; k++) json_array_append_new(row, count(f->answers[i * side + k]));
        json_array_append_new(rows, row);
    }
    return json_pack("{s:o, s:o}", "names", names, "rows", rows);
}

static json_t *lengths(const us_facts *f) {
    json_t *own = json_array(), *all = json_array();
    for (size_t i = 0; i <= US_MAX_LENGTH; i++) {
        json_array_append_new(own, count(f->lengths[i]));
        json_array_append_new(all, count(f->lengths_all[i]));
    }
    return json_pack("{s:i, s:o, s:o, s:I, s:I, s:I}", "longer_from", US_MAX_LENGTH + 1, "character", own, "all", all, "median",
                     (json_int_t)f->median_words, "p95", (json_int_t)f->p95_words, "longest", (json_int_t)f->longest_words);
}

static json_t *relatives(const us_facts *f) {
    json_t *list = json_array();
    size_t n;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    for (size_t i = 0; i < f->n_relatives; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:b}", "name", sp[f->relatives[i].speaker].name, "lines",
                                        (json_int_t)sp[f->relatives[i].speaker].n_lines, "joint", (int)f->relatives[i].joint));
    return list;
}

static json_t *report(const us_facts *f) {
    json_t *o = json_object(), *main = json_array(), *who = role(f, &f->role);
    for (size_t i = 0; i < f->n_roles; i++) json_array_append_new(main, role(f, &f->roles[i]));
    json_object_set_new(who, "different_lines", count(f->n_different_lines));
    json_object_set_new(who, "different_words", count(f->n_different_words));
    json_object_set_new(who, "answers", count(f->n_answers));
    json_object_set_new(o, "format", json_string("understudy report 1"));
    json_object_set_new(o, "script", reading(f));
    json_object_set_new(o, "character", who);
    json_object_set_new(o, "language", json_string(f->language));
    json_object_set_new(o, "main_share", json_real(f->main_share));
    json_object_set_new(o, "main_characters", main);
    json_object_set_new(o, "answers", answers(f));
    json_object_set_new(o, "talks_to", talks_to(f, f->n_talks_to));
    json_object_set_new(o, "kept_apart", relatives(f));
    json_object_set_new(o, "lengths", lengths(f));
    json_object_set_new(o, "top_lines", terms(f->top_lines, f->n_top_lines, true));
    json_object_set_new(o, "phrase_min_lines", count(f->min_lines));
    json_object_set_new(o, "top_phrases", terms(f->top_phrases, f->n_top_phrases, true));
    json_object_set_new(o, "catch_phrases", terms(f->catch_phrases, f->n_catch_phrases, true));
    json_object_set_new(o, "keywords", terms(f->keywords, f->n_keywords, true));
    json_object_set_new(o, "cloud_words", terms(f->cloud_words, f->n_cloud_words < 300 ? f->n_cloud_words : 300, true));
    return o;
}

static json_t *corpus(const us_facts *f) {
    json_t *speakers = json_array(), *aliases = json_object(), *phrases = json_array();
    size_t n, n_joined;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    const us_joined *j = us_script_get_joined(f->script, &n_joined);
    for (size_t i = 0; i < n_joined; i++) {
        json_t *list = json_object_get(aliases, sp[j[i].speaker].name);
        if (!list) json_object_set_new(aliases, sp[j[i].speaker].name, list = json_array());
        json_array_append_new(list, json_string(j[i].name));
    }
    for (size_t i = 0; i < n && sp[i].n_lines; i++) {
        json_t *o = json_pack("{s:s, s:I, s:I, s:I}", "name", sp[i].name, "lines", (json_int_t)sp[i].n_lines, "words",
                              (json_int_t)sp[i].n_words, "scenes", (json_int_t)sp[i].n_scenes);
        if (sp[i].joint) json_object_set_new(o, "joint", json_true());
        json_array_append_new(speakers, o);
    }
    for (size_t i = 0; i < f->n_catch_phrases; i++)
        if (f->catch_phrases[i].z > 3) json_array_append_new(phrases, json_string(f->catch_phrases[i].text));
    json_t *who =
        json_pack("{s:s, s:o, s:{s:I, s:I, s:I}}", "name", f->name, "catch_phrases", phrases, "words_per_line", "median",
                  (json_int_t)f->median_words, "p95", (json_int_t)f->p95_words, "longest", (json_int_t)f->longest_words);
    return json_pack("{s:s, s:o, s:o, s:o, s:o}", "format", "understudy corpus 1", "script", reading(f), "character", who,
                     "aliases", aliases, "speakers", speakers);
}

static json_t *about(const us_facts *f) {
    json_t *o = role(f, &f->role);
    size_t most = 20;
    json_object_set_new(o, "top_lines", terms(f->top_lines, f->n_top_lines < most ? f->n_top_lines : most, false));
    json_object_set_new(o, "top_phrases", terms(f->top_phrases, f->n_top_phrases < most ? f->n_top_phrases : most, false));
    json_object_set_new(o, "catch_phrases",
                        terms(f->catch_phrases, f->n_catch_phrases < most ? f->n_catch_phrases : most, true));
    json_object_set_new(o, "keywords", terms(f->keywords, f->n_keywords < most ? f->n_keywords : most, true));
    json_object_set_new(o, "talks_to", talks_to(f, most / 2));
    json_object_set_new(o, "words_per_line", lengths(f));
    if (f->n_cloud_words) json_object_set_new(o, "cloud", json_string("cloud.svg"));
    return o;
}

static us_status text_of(json_t *o, char **out, us_error *err) {
    char *text = o ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(o);
    return text ? (*out = text, US_OK) : us_fail(err, US_ERR_MEMORY, "out of memory");
}

us_status us_report_json(const us_facts *f, char **out, us_error *err) { return text_of(report(f), out, err); }

us_status us_json_write(const us_facts *f, us_json_kind kind, const char *folder, us_error *err) {
    static const char *const names[] = {"report.json", "corpus.json", "about.json"};
    char *text = NULL, *path = us_path_join(folder, names[kind]);
    us_status st = text_of(kind == US_JSON_REPORT ? report(f) : kind == US_JSON_CORPUS ? corpus(f) : about(f), &text, err);
    if (!st && !path) st = us_fail(err, US_ERR_MEMORY, "out of memory"), free(text);
    if (!st) {
        st = us_file_write_atomic(path, text, strlen(text), err);
        free(text);
    }
    free(path);
    return st;
}
