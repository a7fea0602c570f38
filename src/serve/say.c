/* Routes that make a reply in a chat: who speaks, what he sees, the stream of events, the store before the client is told. */
#include "base/clock.h"
#include "base/mem.h"
#include "chat/conversation.h"
#include "character/play.h"
#include "chat/speaker.h"
#include "serve/chats.h"
#include "serve/params.h"
#include "text/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARIANTS = 4 };

/* What a request asks for. */
typedef struct wish {
    const char *text, *user, *who;
    int64_t takes; /* 0: as usual */
    double scale;  /* -1: the chat's */
    us_sampler_options sampler;
    int64_t max_tokens;
} wish;

/* A reply under way in a chat. */
typedef struct talk {
    us_server *s;
    us_request *r;    /* its owner */
    const char *chat; /* r's */
    bool saved, ended;
    us_character *who;
    us_reply *reply[MAX_VARIANTS]; /* one, or those compared */
    double scale[MAX_VARIANTS];
    size_t said[MAX_VARIANTS];
    bool done[MAX_VARIANTS], compare;
    int n;
    json_t *present, *user_turn, *turn; /* turn: the one that gets more alternatives, or NULL */
    int64_t start_ns, sent_ns;
    int32_t shown_read, shown_made;
    size_t drafted; /* bytes of the draft that was shown */
    bool began;
} talk;

static const char *text_of(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool is_on_stage(const json_t *stage, const char *id) {
    const json_t *x;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)stage, i, x)
        if (json_is_string(x) && !strcmp(json_string_value(x), id)) return true;
    return false;
}

/* ---- the end of a reply ------------------------------------------------------------------------------------------- */

static json_t *alternative(const us_reply_text *t, double scale) {
    return json_pack("{s:o, s:f, s:s, s:f}", "text", us_text_json(t->text, t->n), "score", t->score, "end",
                     us_reply_end_name(t->end), "scale", scale);
}

/* The takes worth keeping, best first: not empty, none twice; loops only when there is nothing else. */
static json_t *alternatives_of(us_reply *reply, double scale) {
    json_t *list = json_array(), *a;
    for (int pass = 0; pass < 2 && !json_array_size(list); pass++)
        for (int32_t i = 0; i < us_reply_count(reply); i++) {
            us_reply_text t = us_reply_get(reply, i);
            bool known = !t.n || (!pass && t.end == US_END_LOOP);
            size_t k;
            json_array_foreach(list, k, a)
                known = known || (strlen(text_of(a, "text")) == t.n && !memcmp(text_of(a, "text"), t.text, t.n));
            if (!known) json_array_append_new(list, alternative(&t, scale));
        }
    return list;
}

/* Puts what was said into the turn; false when nothing was. */
static bool fill_turn(talk *t, us_status ended) {
    us_reply *reply = t->reply[0];
    bool cancelled = ended == US_ERR_INTERRUPTED;
    us_reply_view v = us_reply_wait(reply, 0);
    if (cancelled && v.n_takes > 1 && v.n_made < v.n_takes) return false; /* drafts that nobody chose from */
    json_t *made = us_reply_count(reply) ? alternatives_of(reply, t->scale[0]) : json_array(),
           *list = json_object_get(t->turn, "alternatives");
    if (!json_array_size(made)) {
        json_decref(made);
        return false;
    }
    if (cancelled) json_object_set_new(json_array_get(made, 0), "end", json_string("cancel"));
    us_reply_text best = us_reply_get(reply, 0);
    size_t chosen = json_array_size(list);
    if (!t->turn) {
        t->turn = json_pack("{s:s, s:s, s:s, s:o, s:O, s:b}", "role", "character", "speaker", us_card_name(t->who->card),
                            "character", t->who->id, "alternatives", made, "present", t->present, "edited", 0);
        list = made;
    } else {
        json_array_extend(list, made);
        json_decref(made);
        for (; json_array_size(list) > US_MAX_ALTERNATIVES && chosen; chosen--) json_array_remove(list, 0);
        json_object_set_new(t->turn, "edited", json_false());
    }
    json_object_set_new(t->turn, "chosen", json_integer((json_int_t)chosen));
    json_object_set(t->turn, "text", json_object_get(json_array_get(list, chosen), "text"));
    json_object_set_new(t->turn, "n_tokens", json_integer(best.n_tokens));
    json_object_set_new(t->turn, "n_cached", json_integer(v.n_cached));
    json_object_set_new(t->turn, "seconds", json_real((double)(us_now_ns() - t->start_ns) * 1e-9));
    return true;
}

/* Writes the turn. When this returns it is on the disk. */
static us_status save(talk *t, us_status ended, us_error *err) {
    const us_tokens *prompt = us_reply_prompt(t->reply[0]);
    const char *name = us_card_name(t->who->card);
    t->saved = true; /* whatever comes of it, once */
    if (ended && ended != US_ERR_INTERRUPTED) {
        *err = *us_reply_error(t->reply[0]);
        return ended;
    }
    if (!fill_turn(t, ended))
        return us_because(us_fail(err, US_ERR_INTERRUPTED,
                                  ended ? "the reply was stopped before it had a word" : "%s has nothing to say", name),
                          "no_words", err);
    if (t->s->o.log_text) us_log(t->s, "chat %s: %s: %s", t->chat, name, text_of(t->turn, "text"));
    return json_object_get(t->turn, "id") ? us_store_change_turn(t->s->store, t->chat, t->turn, prompt->ids, prompt->n, err)
                                          : us_store_add_turn(t->s->store, t->chat, t->turn, prompt->ids, prompt->n, err);
}

static void free_talk(void *ctx) {
    talk *t = ctx;
    us_error err;
    if (!t->compare && t->reply[0] && !t->saved) { /* the client has gone: what he had heard is kept */
        us_reply_view v;
        us_reply_cancel(t->reply[0]);
        while (!(v = us_reply_wait(t->reply[0], 1000)).done) continue;
        us_status st = save(t, v.status, &err);
        if (st && st != US_ERR_INTERRUPTED) us_log(t->s, "chat %s: %s", t->chat, err.message);
    }
    us_chat_set_reply(t->r, NULL);
    for (int i = 0; i < t->n; i++) us_reply_free(t->reply[i]);
    us_character_put(t->who);
    json_decref(t->present);
    json_decref(t->user_turn);
    json_decref(t->turn);
    free(t);
}

/* ---- the stream ------------------------------------------------------------------------------------------------ */

static us_status tell_progress(us_request *r, talk *t, const us_reply_view *v, us_error *err) {
    if (t->compare || v->status || (v->n_read == t->shown_read && v->n_made == t->shown_made)) return US_OK;
    t->shown_read = v->n_read;
    t->shown_made = v->n_made;
    json_t *j = json_pack("{s:i, s:i, s:i}", "read", v->n_read, "cached", v->n_cached, "total", v->n_prompt);
    if (v->n_takes > 1)
        json_object_update_new(
            j, json_pack("{s:i, s:i, s:b}", "takes", v->n_takes, "made", v->n_made, "drafting", v->n_read >= v->n_prompt));
    return us_event(r, "progress", j, err);
}

/* Several takes are being drafted: one of them as far as it is, set apart from the words that will be kept. */
static us_status tell_draft(us_request *r, talk *t, const us_reply_view *v, us_error *err) {
    us_buf text;
    if (t->compare || v->n_takes < 2 || v->done) return US_OK;
    us_buf_init(&text, 1 << 20);
    us_status st = us_reply_read_draft(t->reply[0], &text, err);
    if (!st && text.len && text.len != t->drafted) {
        t->drafted = text.len;
        st = us_event(r, "draft", json_pack("{s:o}", "text", us_text_json(text.data, text.len)), err);
    }
    us_buf_fini(&text);
    return st;
}

static us_status tell_words(us_request *r, talk *t, int i, us_error *err) {
    us_buf text;
    us_buf_init(&text, 1 << 20);
    us_status st = us_reply_read(t->reply[i], 0, t->said[i], &text, err);
    if (!st && text.len) {
        json_t *j = json_pack("{s:o}", "text", us_text_json(text.data, text.len));
        if (t->compare) json_object_set_new(j, "variant", json_integer(i));
        st = us_event(r, "delta", j, err);
    }
    t->said[i] += text.len;
    us_buf_fini(&text);
    return st;
}

static us_status tell_error(us_request *r, us_status st, const us_error *why, us_error *err) {
    int code = us_http_code(st, why);
    return us_event(r, "error",
                    json_pack("{s:o, s:i, s:s?}", "message", us_public_json(why->message), "code", code, "reason",
                              us_error_reason(code, why)),
                    err);
}

static us_status tell_end(us_request *r, talk *t, int i, const us_reply_view *v, us_error *err) {
    us_error why;
    t->done[i] = true;
    if (t->compare) {
        if (v->status) return tell_error(r, v->status, us_reply_error(t->reply[i]), err);
        us_reply_text best = us_reply_get(t->reply[i], 0);
        return us_event(r, "done",
                        json_pack("{s:i, s:o, s:f, s:s}", "variant", i, "text", us_text_json(best.text, best.n), "scale",
                                  t->scale[i], "end", us_reply_end_name(best.end)),
                        err);
    }
    us_status st = save(t, v->status, &why);
    if (st) us_log(r->s, "%s %s: %s", r->method, r->path, why.message);
    return st ? tell_error(r, st, &why, err) : us_event(r, "done", json_pack("{s:O}", "turn", t->turn), err);
}

static us_status more(us_request *r, us_error *err) {
    talk *t = r->work;
    us_status st = US_OK;
    bool all = true;
    if (!t->began) {
        t->began = true;
        t->sent_ns = us_now_ns();
        if (t->user_turn) st = us_event(r, "turn", json_pack("{s:O}", "turn", t->user_turn), err);
        return st ? st
                  : us_event(r, "speaker",
                             json_pack("{s:s, s:s}", "character", t->who->id, "speaker", us_card_name(t->who->card)), err);
    }
    for (int i = 0; i < t->n && !st; i++) {
        if (t->done[i]) continue;
        us_reply_view v = us_reply_wait(t->reply[i], t->n > 1 ? 30 : 250);
        st = tell_progress(r, t, &v, err);
        if (!st) st = tell_draft(r, t, &v, err);
        if (!st) st = tell_words(r, t, i, err);
        if (!st && v.done) st = tell_end(r, t, i, &v, err);
        all = all && t->done[i];
    }
    r->ended = all;
    int64_t now = us_now_ns();
    if (r->out.len) t->sent_ns = now;
    else if (!st && now - t->sent_ns > 2000000000) {
        t->sent_ns = now;
        st = us_buf_append_str(&r->out, ": still here\n\n", err);
    }
    return st;
}

/* ---- the beginning --------------------------------------------------------------------------------------------- */

static us_status read_wish(const json_t *body, wish *w, us_error *err) {
    *w = (wish){.scale = -1};
    us_status st = us_param_name(body, "user", &w->user, err);
    if (!st) st = us_param_text(body, "who", 0, US_CHARACTER_ID, &w->who, err);
    if (!st) st = us_param_int(body, "takes", 1, US_MAX_TAKES, &w->takes, err);
    if (!st) st = us_param_number(body, "scale", 0, 2, &w->scale, err);
    if (!st) st = us_param_int(body, "max_tokens", 1, 4096, &w->max_tokens, err);
    return st;
}

/* What the character has heard: the turns for which he was on stage. */
static us_status heard(const json_t *turns, size_t n, const us_character *who, us_chat_line **out, size_t *n_out,
                       us_error *err) {
    us_chat_line *lines;
    us_status st = us_alloc(n, sizeof *lines, &lines, err);
    if (st) return st;
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *t = json_array_get(turns, i);
        bool own = !strcmp(text_of(t, "character"), who->id);
        if (!own && !is_on_stage(json_object_get(t, "present"), who->id)) continue;
        lines[(*n_out)++] = (us_chat_line){text_of(t, "speaker"), text_of(t, "text"), own};
    }
    *out = lines;
    return US_OK;
}

/* The chat up to (not including) turn n_turns becomes reply number `i` of the talk. */
static us_status begin_reply(talk *t, int i, const json_t *chat, size_t n_turns, const wish *w, double scale,
                             const json_t *body, us_error *err) {
    const json_t *own = json_object_get(json_object_get(chat, "scale"), t->who->id);
    us_chat_line *lines = NULL;
    us_conversation c = {.user = text_of(chat, "user")};
    us_reply_policy p = {.sampler = us_card_sampler(t->who->card),
                         .n_takes = t->compare && !w->takes ? 1 : (int32_t)w->takes,
                         .hurry = !w->takes && !us_param_has_seed(body),
                         .max_tokens = (int32_t)w->max_tokens,
                         .client = us_hash_bytes(0, t->chat, strlen(t->chat))};
    t->scale[i] = scale >= 0 ? scale : json_is_number(own) ? json_number_value(own) : 1;
    us_notes notes = {0};
    us_status st = us_param_sampler(body, &p.sampler, err);
    if (!st && json_is_object(json_object_get(chat, "notes")) && !(st = us_chat_notes(chat, &notes, err))) c.notes = &notes;
    if (!st) st = us_character_speaks(t->s, t->who, t->scale[i], &c, err);
    if (!st) st = heard(json_object_get(chat, "turns"), n_turns, t->who, &lines, &c.n_lines, err);
    c.lines = lines;
    if (!st) st = us_conversation_begin(&t->s->backend, &c, &p, &t->reply[i], err);
    if (!st) t->n = i + 1;
    us_notes_fini(&notes);
    free(lines);
    return st;
}

/* Who is asked for, or whose turn it is. */
static us_status choose_speaker(us_server *s, const json_t *chat, const char *who, us_character **out, us_error *err) {
    const json_t *stage = json_object_get(chat, "characters"), *turns = json_object_get(chat, "turns"), *id, *t;
    us_character *cast[US_MAX_STAGE];
    us_scene_actor actors[US_MAX_STAGE];
    size_t n = 0, i, k;
    if (who && *who) {
        if (!is_on_stage(stage, who)) return us_fail(err, US_ERR_ARGUMENT, "who: '%.60s' is not on stage in this chat", who);
        return us_characters_find(s->characters, who, out, err);
    }
    json_array_foreach(stage, i, id) /* those whose folder has been taken away are not there */
        if (n < US_MAX_STAGE && us_characters_find(s->characters, json_string_value(id), &cast[n], NULL) == US_OK) n++;
    if (!n) return us_fail(err, US_ERR_NOT_FOUND, "no character of this chat is here any more");
    int64_t speaker = -1;
    const char *last = NULL;
    for (i = 0; i < n; i++) {
        actors[i] = (us_scene_actor){us_card_name(cast[i]->card), -1};
        json_array_foreach(turns, k, t) {
            bool own = !strcmp(text_of(t, "character"), cast[i]->id);
            if (own) actors[i].last_spoke = (int64_t)k;
            if (k + 1 == json_array_size(turns)) {
                last = text_of(t, "text");
                if (own) speaker = (int64_t)i;
            }
        }
    }
    size_t next = us_scene_next(actors, n, speaker, last);
    for (i = 0; i < n; i++)
        if (i != next) us_character_put(cast[i]);
    *out = cast[next];
    return US_OK;
}

/* The talk of this request, its chat claimed and read. */
static us_status open_talk(us_request *r, wish *w, talk **out, json_t **chat, us_error *err) {
    talk *t;
    us_status st = read_wish(r->json, w, err);
    if (!st) st = us_alloc(1, sizeof *t, &t, err);
    if (st) return st;
    t->s = r->s;
    t->start_ns = us_now_ns();
    r->work = t;
    r->free_work = free_talk;
    t->r = r;
    t->chat = r->chat;
    st = us_chat_claim(r, err);
    if (!st) st = us_store_get_lines(r->s->store, t->chat, chat, err);
    if (!st) t->present = json_incref(json_object_get(*chat, "characters"));
    if (!st && json_array_size(json_object_get(*chat, "turns")) >= US_MAX_TURNS)
        st = us_fail(err, US_ERR_LIMIT, "the chat has %d turns, its limit: begin a new one", US_MAX_TURNS);
    *out = t;
    return st;
}

/* The reply of `who`, or of whose turn it is; user_turn (may be NULL, taken over) is said first. */
static enum MHD_Result answer(us_request *r, talk *t, json_t *chat, const wish *w, json_t *user_turn) {
    us_error err;
    json_t *turns = json_object_get(chat, "turns");
    if (user_turn) json_array_append(turns, user_turn);
    us_status st = choose_speaker(r->s, chat, w->who, &t->who, &err);
    if (!st) st = begin_reply(t, 0, chat, json_array_size(turns), w, w->scale, r->json, &err);
    if (!st && user_turn) st = us_store_add_turn(r->s->store, t->chat, user_turn, NULL, 0, &err);
    if (st) t->saved = true; /* a reply to what was not kept is not kept either */
    if (!st) us_chat_set_reply(r, t->reply[0]);
    t->user_turn = user_turn;
    json_decref(chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_stream(r, more);
}

enum MHD_Result us_route_say(us_request *r) {
    wish w;
    talk *t = NULL;
    json_t *chat = NULL;
    us_error err;
    const char *text = NULL;
    us_status st = us_param_text(r->json, "text", 1, US_MAX_TEXT, &text, &err);
    if (!st) st = open_talk(r, &w, &t, &chat, &err);
    if (st) {
        json_decref(chat);
        return us_refuse_error(r, st, &err);
    }
    const char *user = w.user ? w.user : text_of(chat, "user");
    if (r->s->o.log_text) us_log(r->s, "chat %s: %s: %s", t->chat, *user ? user : "(user)", text);
    return answer(r, t, chat, &w,
                  json_pack("{s:s, s:s, s:n, s:s, s:i, s:[{s:s, s:n, s:s, s:n}], s:O, s:b}", "role", "user", "speaker", user,
                            "character", "text", text, "chosen", 0, "alternatives", "text", text, "score", "end", "said",
                            "scale", "present", t->present, "edited", 0));
}

enum MHD_Result us_route_next(us_request *r) {
    wish w;
    talk *t = NULL;
    json_t *chat = NULL;
    us_error err;
    us_status st = open_talk(r, &w, &t, &chat, &err);
    if (!st) return answer(r, t, chat, &w, NULL);
    json_decref(chat);
    return us_refuse_error(r, st, &err);
}

enum MHD_Result us_route_regenerate(us_request *r) {
    wish w;
    talk *t = NULL;
    json_t *chat = NULL;
    us_error err;
    us_status st = open_talk(r, &w, &t, &chat, &err);
    if (!st) {
        json_t *turns = json_object_get(chat, "turns"), *last = json_array_get(turns, json_array_size(turns) - 1);
        if (!last || json_integer_value(json_object_get(last, "id")) != r->turn) {
            st = us_store_get_turn(r->s->store, t->chat, r->turn, &t->turn, &err);
            if (!st)
                st = us_fail(&err, US_ERR_MISMATCH,
                             "only the last turn can be made again; branch the chat there, or delete what follows");
        } else if (strcmp(text_of(last, "role"), "character") != 0)
            st = us_fail(&err, US_ERR_MISMATCH, "this turn is the user's: there is nothing to make again");
        else {
            t->turn = json_incref(last);
            st = us_characters_find(r->s->characters, text_of(last, "character"), &t->who, &err);
            if (!st) st = begin_reply(t, 0, chat, json_array_size(turns) - 1, &w, w.scale, r->json, &err);
        }
    }
    if (!st) us_chat_set_reply(r, t->reply[0]);
    json_decref(chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_stream(r, more);
}

/* Not saved: the same line answered several ways. */
enum MHD_Result us_route_compare(us_request *r) {
    wish w;
    talk *t = NULL;
    json_t *chat = NULL, *v;
    us_error err;
    size_t i;
    const json_t *variants = json_object_get(r->json, "variants");
    if (!json_is_array(variants) || !json_array_size(variants) || json_array_size(variants) > MAX_VARIANTS)
        return us_refuse(r, 400, "variants: a list of 1 to 4 objects is expected");
    us_status st = open_talk(r, &w, &t, &chat, &err);
    if (!st) {
        json_t *turns = json_object_get(chat, "turns");
        size_t n = json_array_size(turns);
        t->compare = true;
        if (n && !strcmp(text_of(json_array_get(turns, n - 1), "role"), "character") && (!w.who || !*w.who))
            w.who = text_of(json_array_get(turns, n - 1), "character"); /* his answer is what is compared */
        st = choose_speaker(r->s, chat, w.who, &t->who, &err);
        while (!st && n && !strcmp(text_of(json_array_get(turns, n - 1), "character"), t->who->id)) n--;
        json_array_foreach(variants, i, v) {
            double scale = -1;
            if (!st && !json_is_object(v)) st = us_fail(&err, US_ERR_ARGUMENT, "variants[%zu]: an object is expected", i);
            if (!st) st = us_param_number(v, "scale", 0, 2, &scale, &err);
            if (!st) st = begin_reply(t, (int)i, chat, n, &w, scale, json_object_get(v, "temperature") ? v : r->json, &err);
        }
    }
    json_decref(chat);
    us_chat_release(r); /* nothing is written: others need not wait */
    return st ? us_refuse_error(r, st, &err) : us_answer_stream(r, more);
}

/* ---- what the model saw ----------------------------------------------------------------------------------------- */

static json_t *prompt_json(const us_server *s, const int32_t *ids, size_t n, int n_cached) {
    json_t *list = json_array();
    us_buf text;
    us_status st = US_OK;
    us_buf_init(&text, (size_t)64 << 20);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *p = us_tokenizer_piece(s->backend.tok, ids[i], &len);
        if (!st) st = us_buf_append(&text, p, len, NULL);
        json_array_append_new(list, json_pack("{s:i, s:o, s:b}", "id", (int)ids[i], "text", us_text_json(p, len), "special",
                                              us_tokenizer_is_special(s->backend.tok, ids[i])));
    }
    json_t *j = json_pack("{s:o, s:i, s:i, s:o, s:s}", "text", us_text_json(text.data, text.len), "n_tokens", (int)n,
                          "n_cached", n_cached, "tokens", list, "template", us_template_name(s->backend.tpl));
    us_buf_fini(&text);
    return j;
}

/* For a turn of which no prompt was kept (imported, or made by another engine): as it would be made now, in words. */
static us_status rebuild(us_server *s, const char *id, int64_t turn, json_t **out, us_error *err) {
    json_t *chat = NULL, *turns;
    us_character *who = NULL;
    us_chat_line *lines = NULL;
    us_prompt p = {0};
    us_buf text;
    size_t n = 0, n_lines = 0;
    us_buf_init(&text, (size_t)64 << 20);
    us_status st = us_store_get_lines(s->store, id, &chat, err);
    turns = json_object_get(chat, "turns");
    while (n < json_array_size(turns) && json_integer_value(json_object_get(json_array_get(turns, n), "id")) != turn) n++;
    if (!st) st = us_characters_find(s->characters, text_of(json_array_get(turns, n), "character"), &who, err);
    if (!st) st = heard(turns, n, who, &lines, &n_lines, err);
    us_conversation c = {.card = who ? who->card : NULL,
                         .trained = who && who->has_adapter,
                         .user = text_of(chat, "user"),
                         .lines = lines,
                         .n_lines = n_lines};
    if (!st) st = us_conversation_prompt(&s->backend, &c, &p, err);
    for (size_t i = 0; i < p.n && !st; i++)
        st = us_buf_appendf(&text, err, "%s: ", p.messages[i].role) ? US_ERR_MEMORY
             : us_buf_append_str(&text, p.messages[i].content, err) ? US_ERR_MEMORY
                                                                    : us_buf_append_str(&text, "\n", err);
    if (!st)
        *out = json_pack("{s:o, s:i, s:i, s:[], s:n}", "text", us_text_json(text.data, text.len), "n_tokens", 0, "n_cached", 0,
                         "tokens", "template");
    us_prompt_fini(&p);
    us_buf_fini(&text);
    free(lines);
    us_character_put(who);
    json_decref(chat);
    return st;
}

/* Which pieces of the card stand in the text: [{"source", "name", "text"}]. */
static json_t *sources_of(us_server *s, const char *chat_id, const json_t *turn, const char *text) {
    json_t *list = json_array(), *chat = NULL;
    us_character *who = NULL;
    us_play all = {0};
    us_status st = us_store_get_chat(s->store, chat_id, &chat, NULL);
    if (!st) st = us_characters_find(s->characters, text_of(turn, "character"), &who, NULL);
    if (!st) st = us_play_all(who->card, text_of(chat, "user"), &all, NULL);
    for (size_t i = 0; i < all.n && !st; i++)
        if (strstr(text, all.pieces[i].text))
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "source", all.pieces[i].source, "name", all.pieces[i].name,
                                                  "text", all.pieces[i].text));
    us_play_fini(&all);
    us_character_put(who);
    json_decref(chat);
    return list;
}

enum MHD_Result us_route_turn_prompt(us_request *r) {
    us_error err;
    int32_t *ids = NULL;
    size_t n = 0;
    json_t *turn = NULL, *j = NULL;
    us_status st = us_store_get_turn(r->s->store, r->chat, r->turn, &turn, &err);
    if (!st && strcmp(text_of(turn, "role"), "character") != 0)
        st = us_fail(&err, US_ERR_NOT_FOUND, "this turn is the user's: no model saw anything for it");
    if (!st) st = us_store_get_prompt(r->s->store, r->chat, r->turn, &ids, &n, &err);
    if (!st && n && r->s->ready && r->s->backend.tok)
        j = prompt_json(r->s, ids, n, (int)json_integer_value(json_object_get(turn, "n_cached")));
    else if (!st) st = rebuild(r->s, r->chat, r->turn, &j, &err);
    if (!st) json_object_set_new(j, "sources", sources_of(r->s, r->chat, turn, text_of(j, "text")));
    free(ids);
    json_decref(turn);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, j);
}
