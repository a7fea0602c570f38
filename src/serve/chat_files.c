/* Chats as files: our own JSON, the terminal chat's, SillyTavern's JSONL. What comes in is checked as a stranger's. */
#include "serve/chat_json.h"
#include "serve/chats.h"
#include "base/json.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ours ----------------------------------------------------------------------------------------------------------- */

char *us_chat_to_ours(const us_stored_chat *chat, const us_notes *notes) {
    json_t *j = us_chat_json(chat, notes);
    bool whole = j && !json_object_set_new(j, "understudy_chat", json_integer(2));
    char *text = whole ? json_dumps(j, JSON_INDENT(1) | JSON_PRESERVE_ORDER) : NULL;
    json_decref(j);
    return text;
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

static us_status add_line(us_stored_chat *c, const char *character, const char *speaker, const char *text, us_error *err) {
    us_stored_turn t = {0};
    us_status st = us_turn_init(&t, character, speaker, err);
    if (!st) st = us_turn_add(&t, text, strlen(text), character ? "self" : "said", (double)NAN, (double)NAN, err);
    if (!st) st = us_id_list_copy(&t.present, &c->stage, err);
    if (!st) return us_stored_chat_add_turn(c, &t, err);
    us_turn_fini(&t);
    return st;
}

/* `understudy chat --save` writes {"understudy_chat": 1, "character": NAME, "turns": [{"user", "reply"}]}. */
static us_status from_terminal(us_server *s, const json_t *data, us_stored_chat *out, us_error *err) {
    const json_t *list = json_object_get(data, "turns"), *t;
    const char *name = us_json_text(data, "character");
    char id[US_CHARACTER_ID];
    size_t i;
    us_stored_chat c = {0};
    find_by_name(s, name, id);
    if (!id[0])
        return us_fail(err, US_ERR_ARGUMENT, "data: there is no character called '%.60s' here: bring the card first", name);
    us_status st = us_id_list_add(&c.stage, id, err);
    if (!st) st = us_strdup(name, &c.title, err);
    if (!st) st = us_strdup("", &c.user, err);
    json_array_foreach((json_t *)(uintptr_t)list, i, t) {
        const char *user = us_json_text(t, "user"), *reply = us_json_text(t, "reply");
        if (!st && (strlen(user) > US_MAX_TEXT || strlen(reply) > US_MAX_TEXT || c.n_read + 2 > US_MAX_TURNS))
            st = us_fail(err, US_ERR_ARGUMENT, "data: turns[%zu]: at most %d bytes are said at once, and at most %d times", i,
                         US_MAX_TEXT, US_MAX_TURNS);
        if (!st && *user) st = add_line(&c, NULL, "", user, err);
        if (!st && *reply) st = add_line(&c, id, name, reply, err);
    }
    if (st) us_stored_chat_fini(&c);
    else *out = c;
    return st;
}

us_status us_chat_from_ours(us_server *s, const json_t *data, us_stored_chat *out, us_error *err) {
    json_t *list = json_object_get(data, "turns"), *j;
    json_int_t version = json_integer_value(json_object_get(data, "understudy_chat"));
    us_stored_chat c;
    unsigned fields;
    size_t i;
    if ((version != 1 && version != 2) || !json_is_array(list) || json_array_size(list) > US_MAX_TURNS)
        return us_fail(err, US_ERR_ARGUMENT,
                       "data: not a chat exported by understudy (understudy_chat 1 or 2, and at most %d turns, are expected)",
                       US_MAX_TURNS);
    if (version == 1) return from_terminal(s, data, out, err);
    us_status st = us_chat_read_settings(s, data, true, &c, &fields, err);
    if (st) return st;
    json_array_foreach(list, i, j) {
        us_stored_turn t = {0};
        if (!st) st = us_turn_from_json(j, i, &c.stage, &t, err);
        if (!st) st = us_stored_chat_add_turn(&c, &t, err);
    }
    c.notes_after = c.n_read ? c.turns[c.n_read - 1].created_ms : 0;
    if (st) us_stored_chat_fini(&c);
    else *out = c;
    return st;
}

/* ---- SillyTavern ------------------------------------------------------------------------------------------------------ */

char *us_chat_to_sillytavern(us_server *s, const us_stored_chat *chat) {
    const char *first = chat->stage.n ? chat->stage.ids[0] : NULL;
    us_character *c = NULL;
    if (first && us_characters_find(s->characters, first, &c, NULL)) c = NULL;
    char *text = us_sillytavern_write(chat, c ? us_card_name(c->card) : first ? first : "");
    us_character_put(c);
    return text;
}

us_status us_chat_from_sillytavern(us_server *s, const char *jsonl, size_t n, const json_t *told, us_stored_chat *out,
                                   us_left_out *left_out, us_error *err) {
    us_stored_chat settings = {0};
    unsigned fields;
    bool named = told && !json_is_null(told);
    us_status st = US_OK;
    if (named) {
        json_t *body = json_pack("{s:O}", "characters", told);
        st =
            body ? us_chat_read_settings(s, body, true, &settings, &fields, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
        json_decref(body);
    }
    if (!st) st = us_sillytavern_read(jsonl, n, named ? &settings.stage : NULL, find_by_name, s, out, left_out, err);
    us_stored_chat_fini(&settings);
    return st;
}
