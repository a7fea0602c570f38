/* Routes of chats and turns that need no reply. */
#include "serve/chats.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "serve/params.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one writer a chat -------------------------------------------------------------------------------------------- */

/* Lock held. */
static us_claim *find_claim(us_server *s, const char *chat) {
    us_claim *k = s->claims;
    while (k && strcmp(k->chat, chat) != 0) k = k->next;
    return k;
}

us_status us_chat_claim(us_request *r, us_error *err) {
    us_server *s = r->s;
    us_status st = US_OK;
    int64_t until = us_now_ns() + 4000000000;
    pthread_mutex_lock(&s->lock);
    while (find_claim(s, r->chat) && us_cond_wait(&s->freed, &s->lock, until)) continue;
    if (find_claim(s, r->chat))
        st = us_fail(err, US_ERR_MISMATCH, "a reply is being made in this chat: wait for it, or stop it");
    else {
        r->claim.next = s->claims;
        snprintf(r->claim.chat, sizeof r->claim.chat, "%s", r->chat);
        s->claims = &r->claim;
    }
    pthread_mutex_unlock(&s->lock);
    return st;
}

void us_chat_set_reply(us_request *r, us_reply *reply) {
    pthread_mutex_lock(&r->s->lock);
    r->claim.reply = reply;
    pthread_mutex_unlock(&r->s->lock);
}

void us_chat_release(us_request *r) {
    us_server *s = r->s;
    pthread_mutex_lock(&s->lock);
    us_claim **k = &s->claims;
    while (*k && *k != &r->claim) k = &(*k)->next;
    if (*k) *k = r->claim.next;
    r->claim.chat[0] = 0;
    pthread_cond_broadcast(&s->freed);
    pthread_mutex_unlock(&s->lock);
}

enum MHD_Result us_route_stop(us_request *r) {
    us_server *s = r->s;
    json_t *chat = NULL;
    us_error err;
    int64_t until = us_now_ns() + 5000000000;
    pthread_mutex_lock(&s->lock);
    us_claim *k = find_claim(s, r->chat);
    bool was = k && k->reply;
    if (was) us_reply_cancel(k->reply);
    while (was && find_claim(s, r->chat) && us_cond_wait(&s->freed, &s->lock, until)) continue;
    pthread_mutex_unlock(&s->lock);
    us_status st = was ? US_OK : us_store_get_chat(s->store, r->chat, &chat, &err);
    json_decref(chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, json_pack("{s:b}", "stopped", was));
}

/* ---- settings ----------------------------------------------------------------------------------------------------- */

static us_status read_stage(us_server *s, const json_t *list, us_error *err) {
    const json_t *id;
    size_t i, k;
    if (!json_is_array(list) || !json_array_size(list) || json_array_size(list) > US_MAX_STAGE)
        return us_fail(err, US_ERR_ARGUMENT, "characters: a list of 1 to %d ids is expected", US_MAX_STAGE);
    json_array_foreach(list, i, id) {
        us_character *c;
        if (!json_is_string(id)) return us_fail(err, US_ERR_ARGUMENT, "characters[%zu]: a character's id is expected", i);
        for (k = 0; k < i; k++)
            if (json_equal(id, json_array_get(list, k)))
                return us_fail(err, US_ERR_ARGUMENT, "characters[%zu]: '%.60s' is there twice", i, json_string_value(id));
        if (us_characters_find(s->characters, json_string_value(id), &c, NULL))
            return us_fail(err, US_ERR_ARGUMENT, "characters[%zu]: no character '%.60s'", i, json_string_value(id));
        us_character_put(c);
    }
    return US_OK;
}

static us_status read_scale(const json_t *scale, us_error *err) {
    const char *key;
    json_t *v;
    if (!json_is_object(scale) || json_object_size(scale) > 64)
        return us_fail(err, US_ERR_ARGUMENT, "scale: an object of characters' ids with numbers from 0 to 2 is expected");
    json_object_foreach((json_t *)(uintptr_t)scale, key, v)
        if (!json_is_number(v) || !(json_number_value(v) >= 0 && json_number_value(v) <= 2))
            return us_fail(err, US_ERR_ARGUMENT, "scale: numbers from 0 to 2 are expected");
    return US_OK;
}

/* "notes": sentences, or null for those that the turns give. They are kept with the time after which more is heard. */
static us_status read_notes(const json_t *notes, us_error *err) {
    us_notes check = {0};
    const json_t *item;
    size_t i;
    us_status st = json_is_array(notes) ? US_OK : us_fail(err, US_ERR_ARGUMENT, "notes: a list of sentences is expected");
    json_array_foreach(notes, i, item) {
        const char *text = json_string_value(item);
        if (!st)
            st = text ? us_notes_add(&check, text, err) : us_fail(err, US_ERR_ARGUMENT, "notes[%zu]: a text is expected", i);
    }
    us_notes_fini(&check);
    return st;
}

us_status us_chat_notes(const json_t *chat, us_notes *out, us_error *err) {
    const json_t *written = json_object_get(chat, "notes"), *turn, *item;
    json_int_t after = json_integer_value(json_object_get(written, "after"));
    us_status st = US_OK;
    size_t i;
    *out = (us_notes){0};
    json_array_foreach(json_object_get(written, "items"), i, item)
        if (!st && json_is_string(item)) st = us_notes_add(out, json_string_value(item), err);
    json_array_foreach(json_object_get(chat, "turns"), i, turn) {
        const char *role = json_string_value(json_object_get(turn, "role")),
                   *text = json_string_value(json_object_get(turn, "text"));
        if (!role || strcmp(role, "user") != 0 || !text) continue;
        if (!st && json_integer_value(json_object_get(turn, "created_ms")) > after) st = us_notes_hear(out, text, err);
    }
    if (st) us_notes_fini(out);
    return st;
}

/* As the API shows them. */
static us_status show_notes(json_t *chat, us_error *err) {
    us_notes notes;
    json_t *list = json_array();
    us_status st = us_chat_notes(chat, &notes, err);
    for (size_t i = 0; i < notes.n && !st; i++)
        json_array_append_new(list, us_text_json(notes.items[i], strlen(notes.items[i])));
    if (!st) us_notes_fini(&notes);
    json_object_set_new(chat, "notes", list);
    return st;
}

us_status us_chat_read_settings(us_server *s, const json_t *body, bool all, json_t **out, us_error *err) {
    const char *title = NULL, *user = NULL;
    json_t *stage = json_object_get(body, "characters"), *scale = json_object_get(body, "scale"),
           *notes = json_object_get(body, "notes");
    us_status st = us_param_text(body, "title", 0, 500, &title, err);
    if (!st) st = us_param_name(body, "user", &user, err);
    if (!st && (all || stage)) st = read_stage(s, stage, err);
    if (!st && scale && !json_is_null(scale)) st = read_scale(scale, err);
    if (!st && notes && !json_is_null(notes)) st = read_notes(notes, err);
    if (st) return st;
    json_t *j = json_object();
    if (title || all) json_object_set_new(j, "title", json_string(title ? title : ""));
    if (user || all) json_object_set_new(j, "user", json_string(user ? user : ""));
    if (stage) json_object_set(j, "characters", stage);
    if (json_is_object(scale)) json_object_set(j, "scale", scale);
    else if (all) json_object_set_new(j, "scale", json_object());
    if (json_is_null(notes)) json_object_set_new(j, "notes", json_object());
    else if (notes) json_object_set(j, "notes", notes);
    *out = j;
    return US_OK;
}

/* ---- chats -------------------------------------------------------------------------------------------------------- */

enum MHD_Result us_chat_answer(us_request *r, int code, const char *id) {
    json_t *chat;
    us_error err;
    us_status st = us_store_get_chat(r->s->store, id, &chat, &err);
    if (!st && (st = show_notes(chat, &err))) json_decref(chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, code, chat);
}

enum MHD_Result us_route_chats(us_request *r) {
    json_t *list;
    us_error err;
    us_status st = us_store_list_chats(r->s->store, &list, &err);
    if (st) return us_refuse_error(r, st, &err);
    for (size_t i = json_array_size(list); i-- > 0;) {
        json_t *row = json_array_get(list, i);
        const char *owner = json_string_value(json_object_get(row, "owner"));
        if (*r->owner && (!owner || strcmp(owner, r->owner))) json_array_remove(list, i);
        else json_object_del(row, "owner");
    }
    return us_answer_json(r, 200, json_pack("{s:o}", "chats", list));
}

enum MHD_Result us_route_chat(us_request *r) { return us_chat_answer(r, 200, r->chat); }

/* A chat with one character begins with their greeting; the alternate ones are the other wordings of that turn. */
static us_status add_greeting(us_server *s, json_t *chat, us_error *err) {
    json_t *stage = json_object_get(chat, "characters"), *list = json_array();
    us_character *who = NULL;
    us_status st = json_array_size(stage) == 1
                       ? us_characters_find(s->characters, json_string_value(json_array_get(stage, 0)), &who, err)
                       : US_OK;
    for (size_t i = 0; who && i < us_card_n_greetings(who->card) && !st; i++) {
        char *text = NULL;
        st = us_card_fill_greeting(who->card, i, json_string_value(json_object_get(chat, "user")), &text, err);
        if (!st)
            json_array_append_new(list, json_pack("{s:o, s:n, s:s, s:n}", "text", us_text_json(text, strlen(text)), "score",
                                                  "end", "greeting", "scale"));
        free(text);
    }
    if (!st && json_array_size(list))
        json_object_set_new(chat, "turns",
                            json_pack("[{s:s, s:s, s:s, s:O, s:i, s:O, s:O, s:b}]", "role", "character", "speaker",
                                      us_card_name(who->card), "character", who->id, "text",
                                      json_object_get(json_array_get(list, 0), "text"), "chosen", 0, "alternatives", list,
                                      "present", stage, "edited", 0));
    json_decref(list);
    us_character_put(who);
    return st;
}

enum MHD_Result us_route_chat_add(us_request *r) {
    json_t *settings;
    us_error err;
    char id[US_STORE_ID];
    us_status st = us_chat_read_settings(r->s, r->json, true, &settings, &err);
    if (st) return us_refuse_error(r, st, &err);
    st = add_greeting(r->s, settings, &err);
    if (!st) st = us_store_add_chat(r->s->store, settings, id, &err);
    if (!st && *r->owner) st = us_store_set_owner(r->s->store, id, r->owner, &err);
    json_decref(settings);
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 201, id);
}

/* Notes that somebody has written stand for what was told up to the last turn. */
static us_status since_now(us_request *r, json_t *settings, us_error *err) {
    json_t *chat = NULL;
    us_status st = us_store_get_chat(r->s->store, r->chat, &chat, err);
    if (st) return st;
    const json_t *turns = json_object_get(chat, "turns"), *last = json_array_get(turns, json_array_size(turns) - 1);
    json_t *items = json_incref(json_object_get(settings, "notes"));
    json_object_set_new(
        settings, "notes",
        json_pack("{s:o, s:I}", "items", items, "after", json_integer_value(json_object_get(last, "created_ms"))));
    json_decref(chat);
    return US_OK;
}

enum MHD_Result us_route_chat_change(us_request *r) {
    json_t *settings;
    us_error err;
    us_status st = us_chat_read_settings(r->s, r->json, false, &settings, &err);
    if (st) return us_refuse_error(r, st, &err);
    if (json_is_array(json_object_get(settings, "notes"))) st = since_now(r, settings, &err);
    if (!st) st = us_store_change_chat(r->s->store, r->chat, settings, &err);
    json_decref(settings);
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 200, r->chat);
}

enum MHD_Result us_route_chat_delete(us_request *r) {
    us_error err;
    us_status st = us_store_delete_chat(r->s->store, r->chat, &err);
    return st ? us_refuse_error(r, st, &err) : us_answer(r, 204, NULL, "", 0, NULL);
}

enum MHD_Result us_route_chat_restore(us_request *r) {
    us_error err;
    us_status st = us_store_restore_chat(r->s->store, r->chat, &err);
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 200, r->chat);
}

enum MHD_Result us_route_branch(us_request *r) {
    us_error err;
    int64_t turn = 0;
    char id[US_STORE_ID];
    us_status st = us_param_int(r->json, "turn", 1, INT64_MAX / 1024, &turn, &err);
    if (!st && !turn) st = us_fail(&err, US_ERR_ARGUMENT, "turn: the id of the last turn of the branch is expected");
    if (!st) st = us_store_branch(r->s->store, r->chat, turn, id, &err);
    if (!st && *r->owner) st = us_store_set_owner(r->s->store, id, r->owner, &err);
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 201, id);
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

/* {"text"}: one more alternative, which is chosen; {"chosen"}: another one of those there are. */
static us_status edit(json_t *turn, const json_t *body, us_error *err) {
    json_t *list = json_object_get(turn, "alternatives");
    const char *text = NULL;
    int64_t chosen = -1;
    us_status st = us_param_text(body, "text", 1, US_MAX_TEXT, &text, err);
    if (!json_object_get(body, "text")) st = us_param_int(body, "chosen", 0, (int64_t)json_array_size(list) - 1, &chosen, err);
    if (st) return st;
    if (!text && chosen < 0) return us_fail(err, US_ERR_ARGUMENT, "text: the new text, or chosen, is expected");
    if (text) {
        while (json_array_size(list) >= US_MAX_ALTERNATIVES) json_array_remove(list, 0);
        json_array_append_new(list, json_pack("{s:s, s:n, s:s, s:n}", "text", text, "score", "end", "edited", "scale"));
        chosen = (int64_t)json_array_size(list) - 1;
        json_object_set_new(turn, "edited", json_true());
    }
    json_t *words = json_object_get(json_array_get(list, (size_t)chosen), "text");
    json_object_set_new(turn, "chosen", json_integer(chosen));
    json_object_set(turn, "text", json_is_string(words) ? words : json_object_get(turn, "text"));
    return US_OK;
}

enum MHD_Result us_route_turn_change(us_request *r) {
    us_error err;
    json_t *turn = NULL;
    us_status st = us_chat_claim(r, &err);
    if (!st) st = us_store_get_turn(r->s->store, r->chat, r->turn, &turn, &err);
    if (!st) st = edit(turn, r->json, &err);
    if (!st) st = us_store_change_turn(r->s->store, r->chat, turn, NULL, 0, &err);
    if (!st) return us_answer_json(r, 200, turn);
    json_decref(turn);
    return us_refuse_error(r, st, &err);
}

enum MHD_Result us_route_turn_delete(us_request *r) {
    us_error err;
    char undo[US_STORE_ID];
    us_status st = us_chat_claim(r, &err);
    if (!st) st = us_store_cut(r->s->store, r->chat, r->turn, undo, &err);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, json_pack("{s:s}", "undo", undo));
}

enum MHD_Result us_route_undo(us_request *r) {
    us_error err;
    const char *undo = NULL;
    us_status st = us_param_text(r->json, "undo", 1, 100, &undo, &err);
    if (!st) st = us_chat_claim(r, &err);
    if (!st) st = us_store_uncut(r->s->store, r->chat, undo, &err);
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 200, r->chat);
}

/* ---- files -------------------------------------------------------------------------------------------------------- */

enum MHD_Result us_route_chat_export(us_request *r) {
    const char *format = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "format");
    json_t *chat;
    us_error err;
    char name[96];
    bool st_form = format && !strcmp(format, "sillytavern");
    if (format && !st_form && strcmp(format, "json") != 0) return us_refuse(r, 400, "format: json or sillytavern is expected");
    us_status st = us_store_get_chat(r->s->store, r->chat, &chat, &err);
    if (!st && (st = show_notes(chat, &err))) json_decref(chat);
    if (st) return us_refuse_error(r, st, &err);
    char *text = st_form ? us_chat_to_sillytavern(r->s, chat) : us_chat_to_ours(chat);
    json_decref(chat);
    snprintf(name, sizeof name, "chat-%s.%s", r->chat, st_form ? "jsonl" : "json");
    enum MHD_Result rc = text ? us_answer(r, 200, st_form ? "application/jsonl" : "application/json", text, strlen(text), name)
                              : us_refuse(r, 500, "out of memory");
    free(text);
    return rc;
}

enum MHD_Result us_route_chat_import(us_request *r) {
    const char *format = NULL;
    json_t *data = json_object_get(r->json, "data"), *parsed = NULL, *chat = NULL, *left_out = NULL;
    us_error err;
    char id[US_STORE_ID];
    us_status st = us_param_text(r->json, "format", 1, 20, &format, &err);
    if (!st && !strcmp(format, "sillytavern")) {
        if (!json_is_string(data))
            st = us_fail(&err, US_ERR_ARGUMENT, "data: the text of a SillyTavern chat (JSONL) is expected");
        else
            st = us_chat_from_sillytavern(r->s, json_string_value(data), json_string_length(data),
                                          json_object_get(r->json, "characters"), &chat, &left_out, &err);
    } else if (!st && !strcmp(format, "json")) {
        parsed =
            json_is_string(data) ? us_json_parse(json_string_value(data), json_string_length(data), NULL) : json_incref(data);
        if (!json_is_object(parsed))
            st = us_fail(&err, US_ERR_ARGUMENT, "data: a chat exported by understudy (a JSON object) is expected");
        else st = us_chat_from_ours(r->s, parsed, &chat, &err);
    } else if (!st) st = us_fail(&err, US_ERR_ARGUMENT, "format: json or sillytavern is expected");
    if (!st) st = us_store_add_chat(r->s->store, chat, id, &err);
    if (!st && *r->owner) st = us_store_set_owner(r->s->store, id, r->owner, &err);
    json_decref(parsed);
    json_decref(chat);
    chat = NULL;
    if (!st) st = us_store_get_chat(r->s->store, id, &chat, &err);
    if (!st && (st = show_notes(chat, &err))) json_decref(chat);
    if (!st) json_object_set_new(chat, "left_out", left_out ? json_incref(left_out) : json_object());
    json_decref(left_out);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 201, chat);
}
