/* Chats as files: our own JSON, the terminal chat's, SillyTavern's JSONL. What comes in is checked as a stranger's. */
#include "chat/sillytavern.h"
#include "serve/chats.h"
#include "serve/params.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- ours ----------------------------------------------------------------------------------------------------------- */

char *us_chat_to_ours(const json_t *chat) {
    json_t *j = json_copy((json_t *)(uintptr_t)chat);
    json_object_set_new(j, "understudy_chat", json_integer(2));
    char *text = json_dumps(j, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    json_decref(j);
    return text;
}

static json_t *turn_json(bool own, const char *speaker, const char *character, const char *text, const json_t *present) {
    return json_pack("{s:s, s:s, s:s?, s:s, s:i, s:[{s:s, s:n, s:s}], s:O}", "role", own ? "character" : "user", "speaker",
                     speaker, "character", own ? character : NULL, "text", text, "chosen", 0, "alternatives", "text", text,
                     "score", "end", own ? "self" : "said", "present", present);
}

/* One turn of ours: only what we know is taken over. */
static us_status take_turn(const json_t *t, size_t i, const json_t *stage, json_t *turns, us_error *err) {
    const char *role = text_of(t, "role"), *speaker = "", *text = NULL,
               *character = json_string_value(json_object_get(t, "character"));
    json_t *alternatives = json_object_get(t, "alternatives"), *present = json_object_get(t, "present"), *a;
    int64_t chosen = 0, created = 0, n_tokens = 0;
    double seconds = 0;
    size_t k;
    bool own = !strcmp(role, "character"), edited = false;
    us_status st = own || !strcmp(role, "user")
                       ? us_param_name(t, "speaker", &speaker, err)
                       : us_fail(err, US_ERR_ARGUMENT, "turns[%zu].role: user or character is expected", i);
    if (!st) st = us_param_text(t, "text", 1, US_MAX_TEXT, &text, err);
    if (!st) st = us_param_int(t, "created_ms", 0, INT64_MAX / 1024, &created, err);
    if (!st) st = us_param_int(t, "n_tokens", 0, 1 << 24, &n_tokens, err);
    if (!st) st = us_param_number(t, "seconds", 0, 1e6, &seconds, err);
    if (!st) st = us_param_bool(t, "edited", &edited, err);
    if (!st && own && !character) st = us_fail(err, US_ERR_ARGUMENT, "turns[%zu].character: an id is expected", i);
    if (st) return st;
    json_t *turn = turn_json(own, speaker, character, text, json_is_array(present) ? present : stage), *list = json_array();
    json_array_foreach(alternatives, k, a) {
        const char *words = json_string_value(json_object_get(a, "text"));
        const json_t *score = json_object_get(a, "score"), *scale = json_object_get(a, "scale");
        if (words && json_array_size(list) < US_MAX_ALTERNATIVES)
            json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:o}", "text", words, "score",
                                                  json_is_number(score) ? json_real(json_number_value(score)) : json_null(),
                                                  "end", text_of(a, "end"), "scale",
                                                  json_is_number(scale) ? json_real(json_number_value(scale)) : json_null()));
    }
    if (json_array_size(list) && us_param_int(t, "chosen", 0, (int64_t)json_array_size(list) - 1, &chosen, NULL) == US_OK) {
        json_object_set(turn, "alternatives", list);
        json_object_set_new(turn, "chosen", json_integer(chosen));
        json_object_set(turn, "text", json_object_get(json_array_get(list, (size_t)chosen), "text"));
    }
    json_decref(list);
    if (created) json_object_set_new(turn, "created_ms", json_integer(created));
    json_object_set_new(turn, "n_tokens", json_integer(n_tokens));
    json_object_set_new(turn, "seconds", json_real(seconds));
    json_object_set_new(turn, "edited", json_boolean(edited));
    json_array_append_new(turns, turn);
    return US_OK;
}

/* The id of the character of this name; "" when there is none. */
static void find_by_name(void *server, const char *name, char id[US_CHARACTER_ID]) {
    us_server *s = server;
    us_character *all[US_MAX_CHARACTERS];
    size_t n;
    id[0] = 0;
    us_characters_list(s->characters, all, &n);
    for (size_t i = 0; i < n; i++) {
        if (!id[0] && !strcasecmp(us_card_name(all[i]->card), name)) snprintf(id, US_CHARACTER_ID, "%s", all[i]->id);
        us_character_put(all[i]);
    }
}

/* `understudy chat --save` writes {"understudy_chat": 1, "character": NAME, "turns": [{"user", "reply"}]}. */
static us_status from_terminal(us_server *s, const json_t *data, json_t **out, us_error *err) {
    const json_t *list = json_object_get(data, "turns"), *t;
    const char *name = text_of(data, "character");
    char id[US_CHARACTER_ID];
    size_t i;
    find_by_name(s, name, id);
    if (!id[0])
        return us_fail(err, US_ERR_ARGUMENT, "data: there is no character called '%.60s' here: bring the card first", name);
    json_t *stage = json_pack("[s]", id), *turns = json_array();
    json_array_foreach(list, i, t) {
        const char *user = text_of(t, "user"), *reply = text_of(t, "reply");
        if (*user) json_array_append_new(turns, turn_json(false, "", NULL, user, stage));
        if (*reply) json_array_append_new(turns, turn_json(true, name, id, reply, stage));
    }
    *out = json_pack("{s:s, s:s, s:o, s:{}, s:o}", "title", name, "user", "", "characters", stage, "scale", "turns", turns);
    return US_OK;
}

us_status us_chat_from_ours(us_server *s, const json_t *data, json_t **out, us_error *err) {
    json_t *list = json_object_get(data, "turns"), *t, *turns, *chat;
    json_int_t version = json_integer_value(json_object_get(data, "understudy_chat"));
    size_t i;
    if ((version != 1 && version != 2) || !json_is_array(list) || json_array_size(list) > US_MAX_TURNS)
        return us_fail(err, US_ERR_ARGUMENT,
                       "data: not a chat exported by understudy (understudy_chat 1 or 2, and at most %d turns, are expected)",
                       US_MAX_TURNS);
    if (version == 1) return from_terminal(s, data, out, err);
    us_status st = us_chat_read_settings(s, data, true, &chat, err);
    if (st) return st;
    turns = json_array();
    json_array_foreach(list, i, t)
        if (!st) st = take_turn(t, i, json_object_get(chat, "characters"), turns, err);
    json_object_set_new(chat, "turns", turns);
    if (st) json_decref(chat);
    else *out = chat;
    return st;
}

/* ---- SillyTavern ------------------------------------------------------------------------------------------------------ */

char *us_chat_to_sillytavern(us_server *s, const json_t *chat) {
    const char *first = json_string_value(json_array_get(json_object_get(chat, "characters"), 0));
    us_character *c = NULL;
    if (first && us_characters_find(s->characters, first, &c, NULL)) c = NULL;
    char *text = us_sillytavern_write(chat, c ? us_card_name(c->card) : first ? first : "");
    us_character_put(c);
    return text;
}

us_status us_chat_from_sillytavern(us_server *s, const char *jsonl, size_t n, const json_t *told, json_t **out,
                                   json_t **left_out, us_error *err) {
    json_t *settings = NULL;
    us_status st = US_OK;
    if (told && !json_is_null(told)) {
        json_t *body = json_pack("{s:O}", "characters", told);
        st = us_chat_read_settings(s, body, true, &settings, err);
        json_decref(body);
    }
    if (!st) st = us_sillytavern_read(jsonl, n, json_object_get(settings, "characters"), find_by_name, s, out, left_out, err);
    json_decref(settings);
    return st;
}
