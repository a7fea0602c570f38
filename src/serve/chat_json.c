/* Structs become JSON and JSON structs here; what comes in is checked as a stranger's. */
#include "serve/chat_json.h"
#include "serve/chats.h"
#include "serve/params.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

/* ---- out ----------------------------------------------------------------------------------------------------------- */

static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

/* NULL, as json_pack() gives, when a part was lost. */
static json_t *whole_or_null(json_t *j, bool whole) {
    if (whole) return j;
    json_decref(j);
    return NULL;
}

static json_t *ids_json(const us_id_list *list) {
    json_t *j = json_array();
    bool whole = j != NULL;
    for (size_t i = 0; i < list->n && whole; i++) whole = !json_array_append_new(j, json_string(list->ids[i]));
    return whole_or_null(j, whole);
}

static json_t *alternatives_json(const us_stored_turn *t) {
    json_t *j = json_array();
    bool whole = j != NULL;
    for (size_t i = 0; i < t->n_alternatives && whole; i++) {
        const us_alternative *a = &t->alternatives[i];
        whole = !json_array_append_new(j, json_pack("{s:s, s:o, s:s, s:o}", "text", a->text, "score", number_or_null(a->score),
                                                    "end", a->end, "scale", number_or_null(a->scale)));
    }
    return whole_or_null(j, whole);
}

json_t *us_turn_json(const us_stored_turn *t) {
    return json_pack("{s:I, s:s, s:s, s:s?, s:s, s:I, s:o, s:o, s:I, s:i, s:i, s:f, s:b}", "id", (json_int_t)t->id, "role",
                     t->own ? "character" : "user", "speaker", t->speaker, "character", t->character, "text", us_turn_text(t),
                     "chosen", (json_int_t)t->chosen, "alternatives", alternatives_json(t), "present", ids_json(&t->present),
                     "created_ms", (json_int_t)t->created_ms, "n_tokens", t->n_tokens, "n_cached", t->n_cached, "seconds",
                     isfinite(t->seconds) ? t->seconds : 0.0, "edited", t->edited);
}

static json_t *scales_json(const us_stored_chat *c) {
    json_t *j = json_object();
    bool whole = j != NULL;
    for (size_t i = 0; i < c->n_scales && whole; i++)
        whole = !json_object_set_new(j, c->scales[i].character, json_real(c->scales[i].scale));
    return whole_or_null(j, whole);
}

json_t *us_chat_json(const us_stored_chat *c, const us_notes *notes) {
    json_t *turns = json_array(), *items = json_array();
    bool whole = turns && items;
    for (size_t i = 0; i < c->n_read && whole; i++) whole = !json_array_append_new(turns, us_turn_json(&c->turns[i]));
    for (size_t i = 0; i < notes->n && whole; i++)
        whole = !json_array_append_new(items, us_text_json(notes->items[i], strlen(notes->items[i])));
    return whole_or_null(json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o, s:o}", "id", c->id, "title", c->title, "user",
                                   c->user, "characters", ids_json(&c->stage), "scale", scales_json(c), "created_ms",
                                   (json_int_t)c->created_ms, "updated_ms", (json_int_t)c->updated_ms, "notes", items, "turns",
                                   turns),
                         whole);
}

json_t *us_chat_row_json(const us_stored_chat *c) {
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:s}", "id", c->id, "title", c->title, "characters", ids_json(&c->stage),
                     "updated_ms", (json_int_t)c->updated_ms, "n_turns", (json_int_t)c->n_turns, "last", c->last);
}

json_t *us_left_out_json(const us_left_out *l) {
    const struct {
        const char *why;
        int64_t n;
    } counts[] = {
        {"hidden", l->hidden}, {"empty", l->empty}, {"too_long", l->too_long}, {"broken", l->broken}, {"swipes", l->swipes}};
    json_t *j = json_object();
    bool whole = j != NULL;
    for (size_t i = 0; i < sizeof counts / sizeof *counts && whole; i++)
        whole = !counts[i].n || !json_object_set_new(j, counts[i].why, json_integer(counts[i].n));
    return whole_or_null(j, whole);
}

/* ---- in ------------------------------------------------------------------------------------------------------------ */

static us_status read_stage(us_server *s, const json_t *list, us_id_list *out, us_error *err) {
    const json_t *id;
    size_t i;
    us_status st = US_OK;
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > US_MAX_STAGE)
        return us_fail(err, US_ERR_ARGUMENT, "characters: a list of 1 to %d ids is expected", US_MAX_STAGE);
    json_array_foreach(list, i, id) {
        us_character *c;
        if (!json_is_string(id)) return us_fail(err, US_ERR_ARGUMENT, "characters[%zu]: a character's id is expected", i);
        if (us_id_list_has(out, json_string_value(id)))
            return us_fail(err, US_ERR_ARGUMENT, "characters[%zu]: '%.60s' is there twice", i, json_string_value(id));
        if ((st = us_characters_find(s->characters, json_string_value(id), &c, err)))
            return st == US_ERR_MEMORY
                       ? st
                       : us_fail(err, US_ERR_ARGUMENT, "characters[%zu]: no character '%.60s'", i, json_string_value(id));
        us_character_put(c);
        if ((st = us_id_list_add(out, json_string_value(id), err))) return st;
    }
    return US_OK;
}

static us_status read_scale(const json_t *scale, us_stored_chat *out, us_error *err) {
    const char *key;
    json_t *v;
    us_status st = US_OK;
    if (!json_is_object(scale) || json_object_size(scale) > 64)
        return us_fail(err, US_ERR_ARGUMENT, "scale: an object of characters' ids with numbers from 0 to 2 is expected");
    json_object_foreach((json_t *)(uintptr_t)scale, key, v) {
        if (!json_is_number(v) || !(json_number_value(v) >= 0 && json_number_value(v) <= 2))
            return us_fail(err, US_ERR_ARGUMENT, "scale: numbers from 0 to 2 are expected");
        if (strlen(key) >= US_CHARACTER_ID)
            return us_fail(err, US_ERR_ARGUMENT, "scale: '%.60s' is no character's id, which has at most %d bytes", key,
                           US_CHARACTER_ID - 1);
        if (!st) st = us_stored_chat_set_scale(out, key, json_number_value(v), err);
    }
    return st;
}

/* "notes": sentences, or null for those that the turns give. */
static us_status read_notes(const json_t *list, us_notes *out, us_error *err) {
    const json_t *item;
    size_t i;
    us_status st = json_is_array(list) ? US_OK : us_fail(err, US_ERR_ARGUMENT, "notes: a list of sentences is expected");
    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);
        if (!st) st = text ? us_notes_add(out, text, err) : us_fail(err, US_ERR_ARGUMENT, "notes[%zu]: a text is expected", i);
    }
    return st;
}

us_status us_chat_read_settings(us_server *s, const json_t *body, bool all, us_stored_chat *out, unsigned *fields,
                                us_error *err) {
    const char *title = NULL, *user = NULL;
    const json_t *stage = json_object_get(body, "characters"), *scale = json_object_get(body, "scale"),
                 *notes = json_object_get(body, "notes");
    us_stored_chat c = {0};
    us_status st = us_param_text(body, "title", 0, 500, &title, err);
    if (!st) st = us_param_name(body, "user", &user, err);
    if (!st && (all || stage)) st = read_stage(s, stage, &c.stage, err);
    if (!st && scale && !json_is_null(scale)) st = read_scale(scale, &c, err);
    if (!st && notes && !json_is_null(notes)) st = read_notes(notes, &c.notes, err);
    c.noted = json_is_array(notes);
    *fields = (title || all ? US_CHAT_TITLE : 0u) | (user || all ? US_CHAT_USER : 0u) | (stage ? US_CHAT_STAGE : 0u) |
              (json_is_object(scale) || all ? US_CHAT_SCALE : 0u) | (notes ? US_CHAT_NOTES : 0u);
    if (!st) st = us_strdup(title ? title : "", &c.title, err);
    if (!st) st = us_strdup(user ? user : "", &c.user, err);
    if (st) us_stored_chat_fini(&c);
    else *out = c;
    return st;
}

static double given_or_nan(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

/* turns[i]'s wordings, with the one that counts; or `text` alone. */
static us_status read_alternatives(const json_t *j, size_t i, const char *text, us_stored_turn *t, us_error *err) {
    const json_t *list = json_object_get(j, "alternatives"), *a;
    size_t k;
    int64_t chosen = 0;
    us_status st = US_OK;
    json_array_foreach((json_t *)(uintptr_t)list, k, a) {
        const char *words = json_string_value(json_object_get(a, "text")), *end = json_string_value(json_object_get(a, "end"));
        if (!st && (!words || strlen(words) > US_MAX_TEXT || t->n_alternatives == US_MAX_ALTERNATIVES))
            st = us_fail(err, US_ERR_ARGUMENT,
                         "turns[%zu].alternatives[%zu].text: a string of at most %d bytes is expected, and at most %d of them",
                         i, k, US_MAX_TEXT, US_MAX_ALTERNATIVES);
        if (!st)
            st = us_turn_add(t, words, strlen(words), end ? end : "", given_or_nan(a, "score"), given_or_nan(a, "scale"), err);
    }
    if (st) return st;
    if (t->n_alternatives && !us_param_int(j, "chosen", 0, (int64_t)t->n_alternatives - 1, &chosen, NULL)) {
        t->chosen = (size_t)chosen;
        return US_OK;
    }
    while (t->n_alternatives) free(t->alternatives[--t->n_alternatives].text);
    return us_turn_add(t, text, strlen(text), t->own ? "self" : "said", (double)NAN, (double)NAN, err);
}

static us_status read_present(const json_t *list, size_t i, us_id_list *out, us_error *err) {
    const json_t *id;
    size_t k;
    us_status st = US_OK;
    json_array_foreach((json_t *)(uintptr_t)list, k, id) {
        if (!st && (k >= US_MAX_STAGE || !json_is_string(id) || json_string_length(id) >= US_CHARACTER_ID))
            st = us_fail(err, US_ERR_ARGUMENT, "turns[%zu].present: at most %d characters' ids are expected", i, US_MAX_STAGE);
        if (!st) st = us_id_list_add(out, json_string_value(id), err);
    }
    return st;
}

us_status us_turn_from_json(const json_t *j, size_t i, const us_id_list *stage, us_stored_turn *out, us_error *err) {
    const char *role = json_string_value(json_object_get(j, "role")), *speaker = "", *text = NULL,
               *character = json_string_value(json_object_get(j, "character"));
    const json_t *present = json_object_get(j, "present");
    int64_t created = 0, n_tokens = 0;
    double seconds = 0;
    us_stored_turn t = {0};
    bool own = role && !strcmp(role, "character"), edited = false;
    us_status st = own || (role && !strcmp(role, "user"))
                       ? us_param_name(j, "speaker", &speaker, err)
                       : us_fail(err, US_ERR_ARGUMENT, "turns[%zu].role: user or character is expected", i);
    if (!st) st = us_param_text(j, "text", 1, US_MAX_TEXT, &text, err);
    if (!st) st = us_param_int(j, "created_ms", 0, INT64_MAX / 1024, &created, err);
    if (!st) st = us_param_int(j, "n_tokens", 0, 1 << 24, &n_tokens, err);
    if (!st) st = us_param_number(j, "seconds", 0, 1e6, &seconds, err);
    if (!st) st = us_param_bool(j, "edited", &edited, err);
    if (!st && own && (!character || strlen(character) >= US_CHARACTER_ID))
        st = us_fail(err, US_ERR_ARGUMENT, "turns[%zu].character: an id is expected", i);
    if (!st) st = us_turn_init(&t, own ? character : NULL, speaker, err);
    if (!st) st = read_alternatives(j, i, text, &t, err);
    if (!st) st = json_is_array(present) ? read_present(present, i, &t.present, err) : us_id_list_copy(&t.present, stage, err);
    t.created_ms = created;
    t.n_tokens = (int32_t)n_tokens;
    t.seconds = seconds;
    t.edited = edited;
    if (st) us_turn_fini(&t);
    else *out = t;
    return st;
}
