#include "base/json.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: within the caps. Only strings and brackets are understood; what is no JSON is left to the parser to explain. */
static const char *over_a_cap(const char *text, size_t n, size_t *at) {
    size_t depth = 0, values = 1;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        *at = i;
        if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
        } else if (c == '"') quoted = true;
        else if (c == '[' || c == '{') {
            if (++depth > US_JSON_DEPTH) return "nested too deeply (64 levels are allowed)";
            values++;
        } else if (c == ']' || c == '}') depth -= depth > 0;
        else if (c == ',') values++;
        if (values > US_JSON_VALUES) return "too many values (262144 are allowed)";
    }
    return NULL;
}

static void say_where(json_error_t *where, const char *why, const char *text, size_t at) {
    if (!where) return;
    memset(where, 0, sizeof *where);
    where->line = where->column = 1;
    for (size_t i = 0; i < at; i++) {
        where->column++;
        if (text[i] == '\n') where->line++, where->column = 1;
    }
    snprintf(where->text, sizeof where->text, "%s", why);
}

json_t *us_json_parse(const char *text, size_t n, json_error_t *where) {
    size_t at = 0;
    if (!text) text = "", n = 0;
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) text += 3, n -= 3;
    const char *why = over_a_cap(text, n, &at);
    if (!why) return json_loadb(text, n, JSON_REJECT_DUPLICATES, where);
    say_where(where, why, text, at);
    return NULL;
}

us_status us_json_read(const char *path, size_t max, json_t **out, us_error *err) {
    char *text;
    size_t n;
    json_error_t where;
    us_status st = us_file_read(path, max, &text, &n, err);
    if (st) return st;
    json_t *j = us_json_parse(text, n, &where);
    free(text);
    if (!j) st = us_fail(err, US_ERR_FORMAT, "%s:%d:%d: not JSON: %s", path, where.line, where.column, where.text);
    else if (!json_is_object(j)) st = us_fail(err, US_ERR_FORMAT, "%s: a JSON object is expected", path);
    if (st) json_decref(j);
    else *out = j;
    return st;
}
