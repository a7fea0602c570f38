/* What was read from a script, as the JSON that `explore --json` and the studio show: speakers, repairs, sources,
 * exclusions. */
#include "cli_script.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 12, MOST_REPAIRS = 40, MOST_NAMES = 300, MOST_ALIASES = 60, MOST_TEXT = 400, MOST_SOURCES = 20 };

/* At most MOST_TEXT bytes, cut between characters. */
static json_t *shortened(const char *s) {
    size_t n = strlen(s);
    if (n > MOST_TEXT) {
        n = MOST_TEXT;
        while (n && ((unsigned char)s[n] & 0xc0) == 0x80) n--;
    }
    json_t *j = json_stringn(s, n);
    return j ? j : json_string("?");
}

static json_t *counts_json(const us_script *s) {
    const us_script_counts *c = us_script_get_counts(s);
    size_t n_sp, n_scenes, n_episodes;
    us_script_get_speakers(s, &n_sp);
    us_script_get_scenes(s, &n_scenes);
    us_script_get_episodes(s, &n_episodes);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rows", (json_int_t)c->rows, "lines",
                     (json_int_t)c->lines, "actions", (json_int_t)c->actions, "breaks", (json_int_t)c->breaks, "rejected",
                     (json_int_t)c->rejected, "unnamed", (json_int_t)c->unnamed, "speakers", (json_int_t)n_sp, "scenes",
                     (json_int_t)n_scenes, "episodes", (json_int_t)n_episodes);
}

static json_t *first_lines(const us_script *s) {
    size_t n, n_sp;
    const us_line *l = us_script_get_lines(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < MOST_ROWS; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:i, s:i}", "speaker",
                                              l[i].speaker == US_SPEAKER_NONE ? json_null() : shortened(sp[l[i].speaker].name),
                                              "text", shortened(l[i].text), "direction",
                                              l[i].direction ? shortened(l[i].direction) : json_null(), "scene",
                                              (int)l[i].scene, "row", (int)l[i].row));
    return list;
}

static json_t *speakers_json(const us_script *s) {
    size_t n;
    const us_speaker *sp = us_script_get_speakers(s, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < MOST_NAMES; i++)
        if (sp[i].n_lines)
            json_array_append_new(list, json_pack("{s:o, s:i, s:I, s:i, s:b}", "name", shortened(sp[i].name), "lines",
                                                  (int)sp[i].n_lines, "words", (json_int_t)sp[i].n_words, "scenes",
                                                  (int)sp[i].n_scenes, "joint", sp[i].joint));
    return list;
}

/* A few of each rule, so that a frequent one does not hide the others. */
static json_t *repairs_json(const us_script *s) {
    size_t n, shown[US_N_RULES + 1] = {0};
    const us_repair *r = us_script_get_repairs(s, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n && json_array_size(list) < MOST_REPAIRS; i++) {
        size_t k = r[i].rejected ? US_N_RULES : (size_t)r[i].rule;
        if (shown[k]++ >= 6) continue;
        json_array_append_new(list, json_pack("{s:i, s:s, s:o, s:o}", "row", (int)r[i].row, "rule",
                                              r[i].rejected ? "rejected" : us_rule_name(r[i].rule), "before",
                                              shortened(r[i].before), "after", shortened(r[i].after)));
    }
    return list;
}

static json_t *aliases_json(const us_script *s, const us_alias *a, size_t n) {
    size_t n_sp;
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < MOST_ALIASES; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:f}", "from", shortened(sp[a[i].from].name), "to",
                                              shortened(sp[a[i].to].name), "reason", a[i].reason, "score", a[i].score));
    return list;
}

static json_t *sources_json(const us_script *s) {
    size_t n;
    const us_source *src = us_script_get_sources(s, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < MOST_SOURCES; i++) {
        const char *slash = strrchr(src[i].path, '/');
        json_array_append_new(
            list, json_pack("{s:o, s:s?, s:s, s:s, s:s, s:b, s:I}", "name", shortened(slash ? slash + 1 : src[i].path),
                            "format", src[i].format, "about", src[i].about ? src[i].about : "", "encoding",
                            src[i].encoding ? src[i].encoding : "", "others", src[i].others ? src[i].others : "", "guessed",
                            src[i].encoding_guessed, "lines", (json_int_t)src[i].lines));
    }
    return list;
}

/* Names that are likely no person. */
static json_t *exclusions_json(const us_script *s) {
    uint32_t *list = NULL;
    size_t n = 0, n_sp;
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    json_t *o = json_array();
    if (us_script_suggest_exclusions(s, &list, &n, NULL) == US_OK)
        for (size_t i = 0; i < n && i < MOST_ALIASES; i++) json_array_append_new(o, shortened(sp[list[i]].name));
    free(list);
    return o;
}

us_status cli_script_summary(const us_script *s, us_error *err) {
    const us_script_counts *c = us_script_get_counts(s);
    us_alias *a = NULL;
    size_t n = 0;
    us_status st = us_script_suggest_aliases(s, &a, &n, err);
    json_t *o = st ? NULL : counts_json(s), *repairs = json_object();
    for (int k = 0; k < US_N_RULES; k++)
        json_object_set_new(repairs, us_rule_name((us_rule)k), json_integer((json_int_t)c->repairs[k]));
    if (o) {
        json_object_set(o, "repairs", repairs);
        json_object_set_new(o, "first", first_lines(s));
        json_object_set_new(o, "people", speakers_json(s));
        json_object_set_new(o, "examples", repairs_json(s));
        json_object_set_new(o, "aliases", aliases_json(s, a, n));
        json_object_set_new(o, "sources", sources_json(s));
        json_object_set_new(o, "no_speakers", exclusions_json(s));
        us_error damage;
        if (us_script_check_damage(s, &damage)) json_object_set_new(o, "damage", json_string(damage.message));
    }
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (text) puts(text);
    else if (!st) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    free(a);
    json_decref(repairs);
    json_decref(o);
    return st;
}
