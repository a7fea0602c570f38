/* Chats as files: our own JSON, the terminal chat's, SillyTavern's JSONL. What comes in is checked as a stranger's. */
#include "serve/chats.h"
#include "base/json.h"
#include "serve/params.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
static void find_by_name(us_server *s, const char *name, char id[US_CHARACTER_ID]) {
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

static void date_of(const json_t *turn, char out[40]) {
    time_t t = (time_t)(json_integer_value(json_object_get(turn, "created_ms")) / 1000);
    struct tm tm;
    strftime(out, 40, "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&t, &tm));
}

static us_status put_line(us_buf *b, json_t *j) {
    char *text = json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(j);
    us_status st = text ? us_buf_append_str(b, text, NULL) : US_ERR_MEMORY;
    if (!st) st = us_buf_append(b, "\n", 1, NULL);
    free(text);
    return st;
}

char *us_chat_to_sillytavern(us_server *s, const json_t *chat) {
    const json_t *stage = json_object_get(chat, "characters"), *t, *a;
    const char *user = text_of(chat, "user");
    char date[40] = "", *out = NULL;
    us_character *c = NULL;
    us_buf b;
    size_t i, k;
    us_buf_init(&b, (size_t)256 << 20);
    const char *first = json_string_value(json_array_get(stage, 0));
    if (first && us_characters_find(s->characters, first, &c, NULL)) c = NULL;
    date_of(chat, date);
    us_status st = put_line(&b, json_pack("{s:s, s:s, s:s, s:{}}", "user_name", *user ? user : "You", "character_name",
                                          c       ? us_card_name(c->card)
                                          : first ? first
                                                  : "",
                                          "create_date", date, "chat_metadata"));
    json_array_foreach(json_object_get(chat, "turns"), i, t) {
        bool own = !strcmp(text_of(t, "role"), "character");
        const char *name = text_of(t, "speaker");
        json_t *swipes = json_array();
        json_array_foreach(json_object_get(t, "alternatives"), k, a)
            json_array_append_new(swipes, json_string(text_of(a, "text")));
        date_of(t, date);
        json_t *line = json_pack("{s:s, s:b, s:b, s:s, s:s, s:{}}", "name", *name ? name : "You", "is_user", !own, "is_system",
                                 0, "send_date", date, "mes", text_of(t, "text"), "extra");
        if (own) {
            json_object_set(line, "swipes", swipes);
            json_object_set(line, "swipe_id", json_object_get(t, "chosen"));
        }
        json_decref(swipes);
        if (!st) st = put_line(&b, line);
        else json_decref(line);
    }
    us_character_put(c);
    if (!st) out = us_buf_take(&b, NULL);
    us_buf_fini(&b);
    return out;
}

/* A line of the file after its head. Speakers other than the user are characters: by name, else the first on stage. */
static us_status take_line(us_server *s, const json_t *line, const json_t *stage, json_t *turns, us_error *err) {
    const char *text = text_of(line, "mes"), *name = "";
    const json_t *swipes = json_object_get(line, "swipes"), *w;
    char id[US_CHARACTER_ID] = "";
    bool user = json_is_true(json_object_get(line, "is_user"));
    size_t i;
    if (!*text || strlen(text) > US_MAX_TEXT || json_is_true(json_object_get(line, "is_system"))) return US_OK;
    if (us_param_name(line, "name", &name, NULL)) name = "";
    if (!user) find_by_name(s, name, id);
    if (!user && !id[0]) snprintf(id, sizeof id, "%s", json_string_value(json_array_get(stage, 0)));
    if (user && (!strcmp(name, "You") || !strcmp(name, "User"))) name = "";
    json_t *turn = turn_json(!user, name, id, text, stage), *list = json_array();
    json_array_foreach(swipes, i, w)
        if (json_is_string(w) && json_array_size(list) < US_MAX_ALTERNATIVES)
            json_array_append_new(list, json_pack("{s:O, s:n, s:s}", "text", w, "score", "end", "self"));
    json_int_t chosen = json_integer_value(json_object_get(line, "swipe_id"));
    if (chosen >= 0 && (size_t)chosen < json_array_size(list) &&
        !strcmp(text_of(json_array_get(list, (size_t)chosen), "text"), text)) {
        json_object_set(turn, "alternatives", list);
        json_object_set_new(turn, "chosen", json_integer(chosen));
    }
    json_decref(list);
    return json_array_append_new(turns, turn) ? us_fail(err, US_ERR_MEMORY, "out of memory") : US_OK;
}

/* Who is on stage: as told, else whoever the file names and is known. */
static us_status find_stage(us_server *s, const json_t *head, const json_t *told, json_t **out, us_error *err) {
    char id[US_CHARACTER_ID];
    if (told) {
        json_t *body = json_pack("{s:O}", "characters", told), *settings;
        us_status st = us_chat_read_settings(s, body, true, &settings, err);
        json_decref(body);
        if (st) return st;
        *out = json_incref(json_object_get(settings, "characters"));
        json_decref(settings);
        return US_OK;
    }
    find_by_name(s, text_of(head, "character_name"), id);
    if (!id[0])
        return us_fail(err, US_ERR_ARGUMENT,
                       "data: there is no character called '%.60s' here: bring the card first, or name `characters`",
                       text_of(head, "character_name"));
    *out = json_pack("[s]", id);
    return US_OK;
}

us_status us_chat_from_sillytavern(us_server *s, const char *jsonl, const json_t *told, json_t **out, us_error *err) {
    json_t *stage = NULL, *turns = json_array(), *head = NULL;
    const char *user = "";
    us_status st = US_OK;
    for (size_t i = 1; *jsonl && !st; i++) {
        size_t n = strcspn(jsonl, "\n");
        json_t *line = n ? us_json_parse(jsonl, n, NULL) : NULL;
        if (n && strspn(jsonl, " \t\r") < n && !json_is_object(line))
            st = us_fail(err, US_ERR_ARGUMENT, "data: line %zu is not a JSON object", i);
        else if (!line) st = US_OK;
        else if (!head) st = find_stage(s, head = json_incref(line), told, &stage, err);
        else if (json_array_size(turns) >= US_MAX_TURNS)
            st = us_fail(err, US_ERR_LIMIT, "data: more than %d lines", US_MAX_TURNS);
        else st = take_line(s, line, stage, turns, err);
        json_decref(line);
        jsonl += n + (jsonl[n] == '\n');
    }
    if (!st && !head) st = us_fail(err, US_ERR_ARGUMENT, "data: it is empty");
    if (!st && (us_param_name(head, "user_name", &user, NULL) || !strcmp(user, "You") || !strcmp(user, "User") ||
                !strcmp(user, "unused")))
        user = "";
    if (!st)
        *out = json_pack("{s:s, s:s, s:O, s:{}, s:O}", "title", text_of(head, "character_name"), "user", user, "characters",
                         stage, "scale", "turns", turns);
    json_decref(stage);
    json_decref(turns);
    json_decref(head);
    return st;
}
