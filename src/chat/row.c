#include "chat/row.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static us_status out_of_memory(us_error *err) { return us_fail(err, US_ERR_MEMORY, "out of memory"); }

/* ---- out of rows -------------------------------------------------------------------------------------------------- */

/* Borrowed until the next step; *n bytes. */
static us_status column(sqlite3_stmt *q, int i, const char **text, size_t *n, us_error *err) {
    *text = (const char *)sqlite3_column_text(q, i);
    *n = (size_t)sqlite3_column_bytes(q, i);
    if (!*text && sqlite3_column_type(q, i) != SQLITE_NULL && sqlite3_errcode(sqlite3_db_handle(q)) == SQLITE_NOMEM)
        return out_of_memory(err);
    if (!*text) *text = "", *n = 0;
    return US_OK;
}

us_status us_row_text(sqlite3_stmt *q, int i, char **out, us_error *err) {
    const char *text;
    size_t n;
    us_buf b;
    us_status st = column(q, i, &text, &n, err);
    if (!st && us_utf8_valid(text, n, NULL) && !memchr(text, 0, n)) return us_strndup(text, n, out, err);
    if (st) return st;
    us_buf_init(&b, 4 * n + 4);
    st = us_utf8_clean(text, n, &b, err);
    if (!st && !(*out = us_buf_take(&b, NULL))) st = out_of_memory(err);
    us_buf_fini(&b);
    return st;
}

/* What the column holds as JSON; NULL when it is none. */
static us_status column_json(sqlite3_stmt *q, int i, json_t **out, us_error *err) {
    const char *text;
    size_t n;
    unsigned before = us_memory_failures();
    us_status st = column(q, i, &text, &n, err);
    *out = st ? NULL : us_json_parse(text, n, NULL);
    return !st && !*out && us_memory_failures() != before ? out_of_memory(err) : st;
}

us_status us_row_ids(sqlite3_stmt *q, int i, us_id_list *out, us_error *err) {
    json_t *list, *id;
    size_t k;
    us_status st = column_json(q, i, &list, err);
    json_array_foreach(list, k, id)
        if (!st && json_is_string(id)) st = us_id_list_add(out, json_string_value(id), err);
    json_decref(list);
    return st;
}

us_status us_row_scales(sqlite3_stmt *q, int i, us_stored_chat *out, us_error *err) {
    json_t *scales, *v;
    const char *id;
    us_status st = column_json(q, i, &scales, err);
    json_object_foreach(scales, id, v)
        if (!st && json_is_number(v) && json_number_value(v) >= 0 && json_number_value(v) <= 2)
            st = us_stored_chat_set_scale(out, id, json_number_value(v), err);
    json_decref(scales);
    return st;
}

us_status us_row_notes(sqlite3_stmt *q, int i, us_stored_chat *out, us_error *err) {
    json_t *notes, *item;
    size_t k;
    us_status st = column_json(q, i, &notes, err);
    const json_t *items = json_object_get(notes, "items");
    out->noted = json_is_array(items);
    out->notes_after = json_integer_value(json_object_get(notes, "after"));
    json_array_foreach(items, k, item)
        if (!st && json_is_string(item)) {
            st = us_notes_add(&out->notes, json_string_value(item), err);
            if (st == US_ERR_ARGUMENT) st = US_OK; /* none that we would have written */
        }
    json_decref(notes);
    return st;
}

static double number_or_nan(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

us_status us_row_alternatives(sqlite3_stmt *q, int i, const char *text, size_t chosen, us_stored_turn *out, us_error *err) {
    json_t *list, *a;
    size_t k, at = SIZE_MAX;
    us_status st = column_json(q, i, &list, err);
    json_array_foreach(list, k, a) {
        const char *words = json_string_value(json_object_get(a, "text")), *end = json_string_value(json_object_get(a, "end"));
        if (st || !words || out->n_alternatives == US_MAX_ALTERNATIVES) continue;
        if (k == chosen && !strcmp(words, text)) at = out->n_alternatives;
        st = us_turn_add(out, words, strlen(words), end ? end : "", number_or_nan(a, "score"), number_or_nan(a, "scale"), err);
    }
    json_decref(list);
    if (st) return st;
    if (at == SIZE_MAX) return us_turn_add(out, text, strlen(text), "edited", (double)NAN, (double)NAN, err);
    out->chosen = at;
    return US_OK;
}

/* ---- into rows ---------------------------------------------------------------------------------------------------- */

/* Takes over j, of which a part may be missing. */
static char *encode(json_t *j, bool whole) {
    char *text = j && whole ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    return text;
}

char *us_id_list_encode(const us_id_list *list) {
    json_t *j = json_array();
    bool whole = true;
    for (size_t i = 0; i < list->n && whole; i++) whole = !json_array_append_new(j, json_string(list->ids[i]));
    return encode(j, whole);
}

char *us_scales_encode(const us_stored_chat *c) {
    json_t *j = json_object();
    bool whole = true;
    for (size_t i = 0; i < c->n_scales && whole; i++)
        whole = !json_object_set_new(j, c->scales[i].character, json_real(c->scales[i].scale));
    return encode(j, whole);
}

char *us_notes_encode(const us_stored_chat *c) {
    if (!c->noted) return strdup("null");
    json_t *items = json_array();
    bool whole = true;
    for (size_t i = 0; i < c->notes.n && whole; i++) whole = !json_array_append_new(items, json_string(c->notes.items[i]));
    return encode(json_pack("{s:o, s:I}", "items", items, "after", (json_int_t)c->notes_after), whole);
}

static json_t *real_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

char *us_alternatives_encode(const us_stored_turn *t) {
    json_t *j = json_array();
    bool whole = true;
    for (size_t i = 0; i < t->n_alternatives && whole; i++) {
        const us_alternative *a = &t->alternatives[i];
        whole = !json_array_append_new(j, json_pack("{s:s, s:o, s:s, s:o}", "text", a->text, "score", real_or_null(a->score),
                                                    "end", a->end, "scale", real_or_null(a->scale)));
    }
    return encode(j, whole);
}
