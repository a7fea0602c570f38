#include "character/card_forms.h"
#include "base/buf.h"
#include <string.h>

/* Where each program keeps what V2 calls `name`; the first that is there counts. */
typedef struct place {
    const char *name, *others[6];
    bool words; /* says something about somebody: with a name alone, an object is no card */
} place;

static const place places[] = {
    {"name", {"char_name"}, false},
    {"description", {"char_persona", "context", "persona"}, true},
    {"personality", {NULL}, true},
    {"scenario", {"world_scenario"}, true},
    {"first_mes", {"char_greeting", "greeting", "first_message"}, true},
    {"mes_example", {"example_dialogue", "sampleChat", "definition", "example_dialogs"}, true},
    {"creator_notes", {"creatorcomment", "creatorComment"}, false},
    {"system_prompt", {"systemPrompt"}, false},
    {"post_history_instructions", {"postHistoryInstructions"}, false},
    {"alternate_greetings", {"alternateGreetings"}, false},
    {"character_book", {"characterBook"}, false},
    {"tags", {NULL}, false},
    {"creator", {NULL}, false},
    {"character_version", {"characterVersion"}, false},
    {"nickname", {NULL}, false},
    {"extensions", {NULL}, false},
};

/* Agnai's persona: {"kind", "attributes": {"text": ["..."]}}, or one list of words a trait. */
static json_t *persona_text(const json_t *persona) {
    json_t *attributes = json_object_get(persona, "attributes"), *list, *word;
    const char *key;
    size_t i;
    us_buf b;
    us_buf_init(&b, 1 << 20);
    us_status st = us_buf_append_str(&b, "", NULL);
    json_object_foreach(attributes, key, list) {
        bool plain = !strcmp(key, "text");
        if (b.len && !st) st = us_buf_append(&b, "\n", 1, NULL);
        if (!plain && !st) st = us_buf_appendf(&b, NULL, "%s: ", key);
        json_array_foreach(list, i, word) {
            if (!json_is_string(word) || st) continue;
            if (i) st = us_buf_append_str(&b, plain ? "\n" : ", ", NULL);
            if (!st) st = us_buf_append_str(&b, json_string_value(word), NULL);
        }
    }
    json_t *text = st || !b.len ? NULL : json_stringn(b.data, b.len);
    us_buf_fini(&b);
    return text;
}

/* Agnai's own: what the character is stands in `persona`, and `description` is for whoever looks for a character. */
static bool is_agnai(const json_t *flat) {
    return json_is_object(json_object_get(json_object_get(flat, "persona"), "attributes"));
}

static json_t *find_value(const json_t *flat, const place *p) {
    json_t *v = json_object_get(flat, p->name);
    json_t *persona = is_agnai(flat) ? persona_text(json_object_get(flat, "persona")) : NULL;
    if (persona && !strcmp(p->name, "description")) return persona;
    json_decref(persona);
    if (is_agnai(flat) && !strcmp(p->name, "creator_notes")) v = json_object_get(flat, "description");
    for (size_t i = 0; i < 6 && p->others[i] && (!v || json_is_null(v)); i++) {
        v = json_object_get(flat, p->others[i]);
        if (json_is_object(v) && !strcmp(p->others[i], "persona")) v = NULL; /* Agnai's, without a word in it */
    }
    return v && !json_is_null(v) ? json_incref(v) : NULL;
}

/* The "data" of a flat card; NULL when it is none. */
static json_t *data_of(const json_t *flat) {
    json_t *data = json_object();
    bool named = false, described = false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        json_t *v = find_value(flat, &places[i]);
        if (!v) continue;
        if (!i) named = json_string_length(v) > 0;
        described = described || (places[i].words && json_is_string(v));
        json_object_set_new(data, places[i].name, v);
    }
    if (named && described) return data;
    json_decref(data);
    return NULL;
}

static us_status set_form(json_t *root, json_t *data, const char *spec) {
    const char *version = !strcmp(spec, "chara_card_v3") ? "3.0" : "2.0";
    int bad =
        json_object_set_new(root, "spec", json_string(spec)) | json_object_set_new(root, "spec_version", json_string(version));
    if (data) bad |= json_object_set_new(root, "data", data);
    return bad ? US_ERR_MEMORY : US_OK;
}

us_status us_card_to_v2(json_t *root, const char *file, json_t *notes, us_error *err) {
    const char *spec = json_string_value(json_object_get(root, "spec"));
    json_t *data = json_object_get(root, "data"), *made = NULL, *name = json_object_get(root, "name");
    if (json_is_object(data) && !json_string_length(json_object_get(data, "name")) && json_string_length(name))
        json_object_set(data, "name", name); /* some keep it beside the rest */
    bool known = spec && (!strcmp(spec, "chara_card_v2") || !strcmp(spec, "chara_card_v3"));
    if (json_is_object(data) && json_string_length(json_object_get(data, "name"))) {
        if (known) return US_OK;
        json_array_append_new(notes, json_sprintf("spec: '%.40s' is not known; the card is read as V2", spec ? spec : ""));
        return set_form(root, NULL, "chara_card_v2") ? us_fail(err, US_ERR_MEMORY, "out of memory") : US_OK;
    }
    if (json_is_object(data)) made = data_of(data);
    if (!made) made = data_of(root);
    if (!made && known) /* what is missing is said of the form that it claims */
        return us_fail(err, US_ERR_FORMAT,
                       json_is_object(data) ? "%s: data.name is missing" : "%s: the object \"data\" is missing", file);
    if (!made)
        return us_fail(err, US_ERR_FORMAT,
                       "%s: not a character card (an object with a name and a description, or \"spec\": \"chara_card_v2\" and "
                       "\"data\", is expected)",
                       file);
    return set_form(root, made, known ? spec : "chara_card_v2") ? us_fail(err, US_ERR_MEMORY, "out of memory") : US_OK;
}
