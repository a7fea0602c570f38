/* Routes of chats and turns that need no reply. */
#include "serve/chats.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "serve/chat_json.h"
#include "serve/params.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LISTED = 10000 }; /* chats of a list */

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
    if (reply && r->claim.is_over) us_reply_cancel(reply);
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
    us_stored_chat chat = {0};
    us_error err;
    int64_t until = us_now_ns() + 5000000000;
    pthread_mutex_lock(&s->lock);
    us_claim *k = find_claim(s, r->chat);
    bool was = k && k->replies;
    if (was) k->is_over = true; /* of a reply that is being begun, too */
    if (was && k->reply) us_reply_cancel(k->reply);
    while (was && find_claim(s, r->chat) && us_cond_wait(&s->freed, &s->lock, until)) continue;
    pthread_mutex_unlock(&s->lock);
    us_status st = was ? US_OK : us_store_get_chat(s->store, r->chat, false, &chat, &err);
    us_stored_chat_fini(&chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, json_pack("{s:b}", "stopped", was));
}

/* ---- chats -------------------------------------------------------------------------------------------------------- */

/* With its turns and what is known of the visitor. */
static us_status read_chat(us_server *s, const char *id, us_stored_chat *chat, us_notes *notes, us_error *err) {
    us_status st = us_store_get_chat(s->store, id, true, chat, err);
    if (!st && (st = us_store_get_notes(s->store, chat, NULL, 0, notes, err))) us_stored_chat_fini(chat);
    return st;
}

/* left_out may be NULL. */
static enum MHD_Result answer_chat(us_request *r, int code, const char *id, const us_left_out *left_out) {
    us_stored_chat chat;
    us_notes notes;
    us_error err;
    pthread_mutex_lock(&r->s->large);
    us_status st = read_chat(r->s, id, &chat, &notes, &err);
    json_t *j = st ? NULL : us_chat_json(&chat, &notes);
    if (!st) us_stored_chat_fini(&chat);
    if (!st) us_notes_fini(&notes);
    if (j && left_out && json_object_set_new(j, "left_out", us_left_out_json(left_out))) {
        json_decref(j);
        j = NULL;
    }
    enum MHD_Result rc = st ? us_refuse_error(r, st, &err) : us_answer_json(r, code, j);
    pthread_mutex_unlock(&r->s->large);
    return rc;
}

enum MHD_Result us_chat_answer(us_request *r, int code, const char *id) { return answer_chat(r, code, id, NULL); }

/* {chats, total}: the newest `limit` of them; without one as many as can be read at once. */
enum MHD_Result us_route_chats(us_request *r) {
    us_stored_chat *chats;
    size_t n;
    uint64_t all;
    us_error err;
    const char *limit = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "limit");
    size_t digits = limit ? strspn(limit, "0123456789") : 0;
    if (limit && (!digits || digits > 9 || limit[digits] || !strtoul(limit, NULL, 10)))
        return us_refuse(r, 400, "limit: a number from 1 on is expected");
    size_t most = limit ? strtoul(limit, NULL, 10) : MAX_LISTED;
    us_status st = us_store_list_chats(r->s->store, *r->owner ? r->owner : NULL, most < MAX_LISTED ? most : MAX_LISTED, &chats,
                                       &n, &all, &err);
    if (st) return us_refuse_error(r, st, &err);
    json_t *list = json_array();
    bool whole = list != NULL;
    for (size_t i = 0; i < n && whole; i++) whole = !json_array_append_new(list, us_chat_row_json(&chats[i]));
    us_stored_chats_free(chats, n);
    if (whole) return us_answer_json(r, 200, json_pack("{s:o, s:I}", "chats", list, "total", (json_int_t)all));
    json_decref(list);
    return us_answer_json(r, 200, NULL);
}

/* GET ?q=: turns of any chat that hold these words, the newest first. */
enum MHD_Result us_route_search(us_request *r) {
    const char *q = MHD_lookup_connection_value(r->c, MHD_GET_ARGUMENT_KIND, "q");
    us_store_hit *hits = NULL;
    us_error err;
    size_t n = 0;
    us_status st =
        q && *q && strlen(q) <= 200 ? US_OK : us_fail(&err, US_ERR_ARGUMENT, "q: 1 to 200 bytes to look for are expected");
    if (!st) st = us_store_search(r->s->store, q, r->owner, &hits, &n, &err);
    if (st) return us_refuse_error(r, st, &err);
    json_t *list = json_array();
    bool whole = list != NULL;
    for (size_t i = 0; i < n && whole; i++)
        whole =
            !json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:s}", "chat", hits[i].chat, "turn",
                                                   (json_int_t)hits[i].turn, "speaker", hits[i].speaker, "text", hits[i].text));
    us_store_hits_free(hits, n);
    if (whole) return us_answer_json(r, 200, json_pack("{s:o}", "turns", list));
    json_decref(list);
    return us_answer_json(r, 200, NULL);
}

enum MHD_Result us_route_chat(us_request *r) { return us_chat_answer(r, 200, r->chat); }

/* A chat with one character begins with their greeting; the alternate ones are the other wordings of that turn. */
static us_status add_greeting(us_server *s, us_stored_chat *chat, us_error *err) {
    us_character *who = NULL;
    us_stored_turn t = {0};
    if (chat->stage.n != 1) return US_OK;
    us_status st = us_characters_find(s->characters, chat->stage.ids[0], &who, err);
    if (!st) st = us_turn_init(&t, who->id, us_card_name(who->card), err);
    for (size_t i = 0; !st && i < us_card_n_greetings(who->card); i++) {
        char *text = NULL;
        st = us_card_fill_greeting(who->card, i, chat->user, &text, err);
        if (st == US_ERR_LIMIT) { /* its macros make it longer than a turn may be */
            st = US_OK;
            continue;
        }
        if (!st && *text) st = us_turn_add(&t, text, strlen(text), "greeting", (double)NAN, (double)NAN, err);
        free(text);
    }
    t.chosen = 0;
    if (!st) st = us_id_list_copy(&t.present, &chat->stage, err);
    if (!st && t.n_alternatives) st = us_stored_chat_add_turn(chat, &t, err);
    us_turn_fini(&t);
    us_character_put(who);
    return st;
}

/* Stores the chat as the caller's. */
static us_status store_chat(us_request *r, us_stored_chat *chat, char id[US_STORE_ID], us_error *err) {
    free(chat->owner);
    chat->owner = NULL;
    us_status st = us_strdup(r->owner, &chat->owner, err);
    return st ? st : us_store_add_chat(r->s->store, chat, id, err);
}

enum MHD_Result us_route_chat_add(us_request *r) {
    us_stored_chat chat;
    unsigned fields;
    us_error err;
    char id[US_STORE_ID];
    us_status st = us_chat_read_settings(r->s, r->json, true, &chat, &fields, &err);
    if (st) return us_refuse_error(r, st, &err);
    st = add_greeting(r->s, &chat, &err);
    if (!st) st = store_chat(r, &chat, id, &err);
    us_stored_chat_fini(&chat);
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 201, id);
}

/* Notes that somebody has written stand for what was told up to the last turn. */
static us_status since_now(us_request *r, us_stored_chat *change, us_error *err) {
    us_stored_turn last = {0};
    us_status st = us_store_get_turn(r->s->store, r->chat, 0, &last, err);
    if (!st) change->notes_after = last.created_ms;
    us_turn_fini(&last);
    return st == US_ERR_NOT_FOUND ? US_OK : st; /* nobody has spoken; and a chat that is not there is missed next */
}

enum MHD_Result us_route_chat_change(us_request *r) {
    us_stored_chat change;
    unsigned fields;
    us_error err;
    us_status st = us_chat_read_settings(r->s, r->json, false, &change, &fields, &err);
    if (st) return us_refuse_error(r, st, &err);
    if (change.noted) st = since_now(r, &change, &err);
    if (!st) st = us_store_change_chat(r->s->store, r->chat, &change, fields, &err);
    us_stored_chat_fini(&change);
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
    return st ? us_refuse_error(r, st, &err) : us_chat_answer(r, 201, id);
}

/* ---- turns -------------------------------------------------------------------------------------------------------- */

/* {"text"}: one more alternative, which is chosen; {"chosen"}: another one of those there are. */
static us_status edit(us_stored_turn *t, const json_t *body, us_error *err) {
    const char *text = NULL;
    int64_t chosen = -1;
    us_status st = us_param_text(body, "text", json_object_get(body, "text") ? 1 : 0, US_MAX_TEXT, &text, err);
    if (!st && !text) st = us_param_int(body, "chosen", 0, (int64_t)t->n_alternatives - 1, &chosen, err);
    if (st) return st;
    if (!text && chosen < 0) return us_fail(err, US_ERR_ARGUMENT, "text: the new text, or chosen, is expected");
    if (!text) {
        t->chosen = (size_t)chosen;
        return US_OK;
    }
    t->edited = true;
    return us_turn_add(t, text, strlen(text), "edited", (double)NAN, (double)NAN, err);
}

enum MHD_Result us_route_turn_change(us_request *r) {
    us_error err;
    us_stored_turn t = {0};
    us_status st = us_chat_claim(r, &err);
    if (!st) st = us_store_get_turn(r->s->store, r->chat, r->turn, &t, &err);
    if (!st) st = edit(&t, r->json, &err);
    if (!st) st = us_store_change_turn(r->s->store, r->chat, &t, NULL, 0, &err);
    enum MHD_Result rc = st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, us_turn_json(&t));
    us_turn_fini(&t);
    return rc;
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
    us_stored_chat chat;
    us_notes notes;
    us_error err;
    char name[96];
    bool st_form = format && !strcmp(format, "sillytavern");
    if (format && !st_form && strcmp(format, "json") != 0) return us_refuse(r, 400, "format: json or sillytavern is expected");
    pthread_mutex_lock(&r->s->large);
    us_status st = read_chat(r->s, r->chat, &chat, &notes, &err);
    if (st) {
        pthread_mutex_unlock(&r->s->large);
        return us_refuse_error(r, st, &err);
    }
    char *text = st_form ? us_chat_to_sillytavern(r->s, &chat) : us_chat_to_ours(&chat, &notes);
    us_stored_chat_fini(&chat);
    us_notes_fini(&notes);
    snprintf(name, sizeof name, "chat-%s.%s", r->chat, st_form ? "jsonl" : "json");
    enum MHD_Result rc = text ? us_answer(r, 200, st_form ? "application/jsonl" : "application/json", text, strlen(text), name)
                              : us_refuse(r, 500, "out of memory");
    free(text);
    pthread_mutex_unlock(&r->s->large);
    return rc;
}

/* The file that an import carries, as a chat. */
static us_status read_file(us_request *r, us_stored_chat *chat, us_left_out *left_out, us_error *err) {
    const char *format = NULL;
    const json_t *data = json_object_get(r->json, "data");
    us_status st = us_param_text(r->json, "format", 1, 20, &format, err);
    if (st) return st;
    if (!strcmp(format, "sillytavern")) {
        if (!json_is_string(data))
            return us_fail(err, US_ERR_ARGUMENT, "data: the text of a SillyTavern chat (JSONL) is expected");
        return us_chat_from_sillytavern(r->s, json_string_value(data), json_string_length(data),
                                        json_object_get(r->json, "characters"), chat, left_out, err);
    }
    if (strcmp(format, "json") != 0) return us_fail(err, US_ERR_ARGUMENT, "format: json or sillytavern is expected");
    json_t *parsed = json_is_string(data) ? us_json_parse(json_string_value(data), json_string_length(data), NULL)
                                          : json_incref((json_t *)(uintptr_t)data);
    st = json_is_object(parsed)
             ? us_chat_from_ours(r->s, parsed, chat, err)
             : us_fail(err, US_ERR_ARGUMENT, "data: a chat exported by understudy (a JSON object) is expected");
    json_decref(parsed);
    return st;
}

enum MHD_Result us_route_chat_import(us_request *r) {
    us_stored_chat chat = {0};
    us_left_out left_out = {0};
    us_error err;
    char id[US_STORE_ID];
    pthread_mutex_lock(&r->s->large); /* a small text may hold many values */
    us_status st = read_file(r, &chat, &left_out, &err);
    if (!st) st = store_chat(r, &chat, id, &err);
    us_stored_chat_fini(&chat);
    pthread_mutex_unlock(&r->s->large);
    return st ? us_refuse_error(r, st, &err) : answer_chat(r, 201, id, &left_out);
}
