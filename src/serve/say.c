/* Routes that make a reply in a chat: who speaks, what they see, the stream of events, the store before the client is told. */
#include "base/clock.h"
#include "base/mem.h"
#include "chat/conversation.h"
#include "character/play.h"
#include "chat/speaker.h"
#include "serve/chat_json.h"
#include "serve/chats.h"
#include "serve/params.h"
#include "text/hash.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARIANTS = 4 };

/* What a request asks for. */
typedef struct wish {
    const char *user, *who;
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
    us_id_list present;
    us_stored_turn user_turn; /* what was said first; without a speaker when nothing was */
    us_stored_turn turn;      /* the reply's; from the beginning the one that gets more alternatives, if there is one */
    char *before;             /* what the reply goes on from: the wording of `turn`; NULL: nothing */
    int64_t start_ns;
    int32_t shown_read, shown_made;
    size_t drafted; /* bytes of the draft that was shown */
    bool began;
} talk;

/* ---- the end of a reply ------------------------------------------------------------------------------------------- */

/* What was there and what came to it; a blank between words that have none. malloc()ed. */
static us_status continued(const char *before, us_reply_text t, char **out, us_error *err) {
    us_buf b;
    us_buf_init(&b, US_MAX_TEXT);
    size_t n = strlen(before);
    bool apart = n && t.n && !strchr(" \n", before[n - 1]) && !strchr(" \n.,;:!?", t.text[0]);
    us_status st = us_buf_appendf(&b, err, "%s%s%.*s", before, apart ? " " : "", (int)t.n, t.text);
    if (st) us_buf_fini(&b);
    else *out = b.data;
    return st;
}

/* Adds the takes worth keeping, best first: not empty, none twice; loops only when there is nothing else. The best is chosen.
 * *n_added: how many. */
static us_status add_takes(us_stored_turn *turn, us_reply *reply, const char *before, double scale, bool cancelled,
                           size_t *n_added, us_error *err) {
    us_status st = US_OK;
    *n_added = 0;
    for (int pass = 0; pass < 2 && !*n_added; pass++)
        for (int32_t i = 0; i < us_reply_count(reply) && !st; i++) {
            us_reply_text t = us_reply_get(reply, i);
            bool known = !t.n || (!pass && t.end == US_END_LOOP);
            char *whole = NULL;
            if (before && !known && (st = continued(before, t, &whole, err))) break;
            if (whole) t.text = whole, t.n = strlen(whole);
            for (size_t k = turn->n_alternatives - *n_added; k < turn->n_alternatives; k++) {
                const char *text = turn->alternatives[k].text;
                known = known || (strlen(text) == t.n && !memcmp(text, t.text, t.n));
            }
            const char *end = cancelled && !*n_added ? "cancel" : us_reply_end_name(t.end);
            if (!known && !(st = us_turn_add(turn, t.text, t.n, end, t.score, scale, err))) ++*n_added;
            free(whole);
        }
    turn->chosen = turn->n_alternatives - *n_added;
    return st;
}

/* Puts what was said into the turn; *said is false when nothing was. */
static us_status fill_turn(talk *t, us_status ended, bool *said, us_error *err) {
    us_reply *reply = t->reply[0];
    us_stored_turn *turn = &t->turn;
    bool cancelled = ended == US_ERR_INTERRUPTED;
    us_reply_view v = us_reply_wait(reply, 0);
    us_status st = US_OK;
    size_t n = 0;
    *said = false;
    if (cancelled && v.n_takes > 1 && v.n_made < v.n_takes) return US_OK; /* drafts that nobody chose from */
    if (!turn->speaker) {
        st = us_turn_init(turn, t->who->id, us_card_name(t->who->card), err);
        if (!st) st = us_id_list_copy(&turn->present, &t->present, err);
    }
    if (!st) st = add_takes(turn, reply, t->before, t->scale[0], cancelled, &n, err);
    if (st || !n) return st;
    *said = true;
    turn->edited = false;
    turn->n_tokens = us_reply_get(reply, 0).n_tokens;
    turn->n_cached = v.n_cached;
    turn->seconds = (double)(us_now_ns() - t->start_ns) * 1e-9;
    return US_OK;
}

/* Writes the turn. When this returns it is on the disk. */
static us_status save(talk *t, us_status ended, us_error *err) {
    const us_tokens *prompt = us_reply_prompt(t->reply[0]);
    const char *name = us_card_name(t->who->card);
    bool said = false;
    t->saved = true; /* whatever comes of it, once */
    if (ended && ended != US_ERR_INTERRUPTED) {
        *err = *us_reply_error(t->reply[0]);
        return ended;
    }
    us_status st = fill_turn(t, ended, &said, err);
    if (st) return st;
    if (!said)
        return us_because(us_fail(err, US_ERR_INTERRUPTED,
                                  ended ? "the reply was stopped before it had a word" : "%s has nothing to say", name),
                          "no_words", err);
    if (t->s->o.log_text) us_log(t->s, "chat %s: %s: %s", t->chat, name, us_turn_text(&t->turn));
    return t->turn.id ? us_store_change_turn(t->s->store, t->chat, &t->turn, prompt->ids, prompt->n, err)
                      : us_store_add_turn(t->s->store, t->chat, &t->turn, prompt->ids, prompt->n, err);
}

static void free_talk(void *ctx) {
    talk *t = ctx;
    us_error err;
    if (!t->compare && t->reply[0] && !t->saved) { /* the client has gone: what they had heard is kept */
        us_reply_view v;
        us_reply_cancel(t->reply[0]);
        while (!(v = us_reply_wait(t->reply[0], 1000)).done) continue;
        us_status st = save(t, v.status, &err);
        if (st && st != US_ERR_INTERRUPTED) us_log(t->s, "chat %s: %s", t->chat, err.message);
    }
    us_chat_set_reply(t->r, NULL);
    for (int i = 0; i < t->n; i++) us_reply_free(t->reply[i]);
    us_character_put(t->who);
    us_id_list_fini(&t->present);
    us_turn_fini(&t->user_turn);
    us_turn_fini(&t->turn);
    free(t->before);
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
                    json_pack("{s:o, s:i, s:s?}", "message", us_public_json(r->s, why->message), "code", code, "reason",
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
    return st ? tell_error(r, st, &why, err) : us_event(r, "done", json_pack("{s:o}", "turn", us_turn_json(&t->turn)), err);
}

static us_status more(us_request *r, us_error *err) {
    talk *t = r->work;
    us_status st = US_OK;
    bool all = true;
    if (!t->began) {
        t->began = true;
        if (t->user_turn.speaker) st = us_event(r, "turn", json_pack("{s:o}", "turn", us_turn_json(&t->user_turn)), err);
        return st ? st
                  : us_event(r, "speaker",
                             json_pack("{s:s, s:s, s:s}", "character", t->who->id, "speaker", us_card_name(t->who->card),
                                       "judge", us_judge_name(r->s, t->who)),
                             err);
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

/* What a reply of the talk's character is made of: the end of the chat before the turn `before` (0: all of it). */
typedef struct matter {
    us_chat_lines lines;
    us_notes notes;
} matter;

static us_status read_matter(us_server *s, const us_stored_chat *chat, const us_character *who, int64_t before, matter *m,
                             us_error *err) {
    us_status st = us_store_get_lines(s->store, chat->id, who->id, before, us_prompt_reach(who->card, 0), &m->lines, err);
    return st ? st : us_store_get_notes(s->store, chat, who->id, before, &m->notes, err);
}

static void free_matter(matter *m) {
    us_chat_lines_fini(&m->lines);
    us_notes_fini(&m->notes);
}

/* The chat's part of a conversation; borrowed from both. */
static us_conversation conversation_of(const us_stored_chat *chat, const matter *m) {
    return (us_conversation){.user = chat->user,
                             .lines = m->lines.lines,
                             .n_lines = m->lines.n,
                             .n_before = m->lines.n_before,
                             .opening = m->lines.opening,
                             .scene = m->lines.scene,
                             .notes = &m->notes};
}

/* The lines of `m` become reply number `i` of the talk. */
static us_status begin_reply(talk *t, int i, const us_stored_chat *chat, const matter *m, const wish *w, double scale,
                             const json_t *body, us_error *err) {
    us_conversation c = conversation_of(chat, m);
    us_reply_policy p = {.sampler = us_card_sampler(t->who->card),
                         .n_takes = t->compare && !w->takes ? 1 : (int32_t)w->takes,
                         .hurry = !w->takes && !us_param_has_seed(body),
                         .max_tokens = (int32_t)w->max_tokens,
                         .client = us_hash_bytes(0, t->chat, strlen(t->chat))};
    t->scale[i] = scale >= 0 ? scale : us_stored_chat_scale(chat, t->who->id);
    us_status st = us_param_sampler(body, &p.sampler, err);
    if (!st) st = us_character_speaks(t->s, t->who, t->scale[i], &c, err);
    if (!st) st = us_conversation_begin(&t->s->backend, &c, &p, &t->reply[i], err);
    if (!st) t->n = i + 1;
    return st;
}

/* The last line of a chat: who of the cast said it, and what. */
typedef struct last_line {
    const char *character, *text; /* NULL: the visitor; nothing was said */
} last_line;

/* Who is asked for, or whose turn it is after `last`. */
static us_status choose_speaker(us_server *s, const us_stored_chat *chat, const char *who, last_line last, us_character **out,
                                us_error *err) {
    us_character *cast[US_MAX_STAGE];
    us_scene_actor actors[US_MAX_STAGE];
    size_t n = 0;
    int64_t speaker = -1;
    us_status st = US_OK;
    if (who && *who) {
        if (!us_id_list_has(&chat->stage, who))
            return us_fail(err, US_ERR_ARGUMENT, "who: '%.60s' is not on stage in this chat", who);
        return us_characters_find(s->characters, who, out, err);
    }
    for (size_t i = 0; i < chat->stage.n && n < US_MAX_STAGE && !st;
         i++) { /* those whose folder was taken away are not there */
        st = us_characters_find(s->characters, chat->stage.ids[i], &cast[n], err);
        if (!st) n++;
        else if (st != US_ERR_MEMORY) st = US_OK;
    }
    if (!st && !n) st = us_fail(err, US_ERR_NOT_FOUND, "no character of this chat is here any more");
    for (size_t i = 0; i < n && !st; i++) {
        actors[i] = (us_scene_actor){us_card_name(cast[i]->card), -1};
        if (last.character && !strcmp(last.character, cast[i]->id)) speaker = (int64_t)i;
        if (n > 1) st = us_store_last_spoke(s->store, chat->id, cast[i]->id, &actors[i].last_spoke, err);
    }
    size_t next = st ? n : us_scene_next(actors, n, speaker, last.text);
    for (size_t i = 0; i < n; i++)
        if (i != next) us_character_put(cast[i]);
    if (!st) *out = cast[next];
    return st;
}

/* The talk of this request, its chat claimed and read; *chat is to be freed, whatever comes. */
static us_status open_talk(us_request *r, wish *w, talk **out, us_stored_chat *chat, us_error *err) {
    talk *t;
    *chat = (us_stored_chat){0};
    us_status st = read_wish(r->json, w, err);
    if (!st) st = us_alloc(1, sizeof *t, &t, err);
    if (st) return st;
    t->s = r->s;
    t->start_ns = us_now_ns();
    r->work = t;
    r->free_work = free_talk;
    t->r = r;
    t->chat = r->chat;
    r->claim.replies = true;
    st = us_chat_claim(r, err);
    if (!st) st = us_store_get_chat(r->s->store, t->chat, false, chat, err);
    if (!st) st = us_id_list_copy(&t->present, &chat->stage, err);
    if (!st && chat->n_turns >= US_MAX_TURNS)
        st = us_fail(err, US_ERR_LIMIT, "the chat has %d turns, its limit: begin a new one", US_MAX_TURNS);
    *out = t;
    return st;
}

/* The last turn as it is stored; t->speaker is NULL when there is none. */
static us_status read_last(us_server *s, const us_stored_chat *chat, us_stored_turn *t, us_error *err) {
    return chat->n_turns ? us_store_get_turn(s->store, chat->id, 0, t, err) : US_OK;
}

/* The reply of `who`, or of whose turn it is, to what was said last: t->user_turn, which is stored with it, or the chat's last
 * turn. */
static us_status answer(us_request *r, talk *t, const us_stored_chat *chat, const wish *w, us_error *err) {
    bool said = t->user_turn.speaker != NULL;
    us_stored_turn before = {0};
    matter m = {0};
    us_status st = said ? US_OK : read_last(r->s, chat, &before, err);
    const us_stored_turn *last = said ? &t->user_turn : &before;
    last_line line = {last->character, last->speaker ? us_turn_text(last) : NULL};
    if (!st) st = choose_speaker(r->s, chat, w->who, line, &t->who, err);
    if (!st) st = read_matter(r->s, chat, t->who, 0, &m, err);
    if (!st && said) st = us_chat_lines_add(&m.lines, last->speaker, us_turn_text(last), false, err);
    if (!st) st = begin_reply(t, 0, chat, &m, w, w->scale, r->json, err);
    if (!st && said) st = us_store_add_turn(r->s->store, t->chat, &t->user_turn, NULL, 0, err);
    if (st) t->saved = true; /* a reply to what was not kept is not kept either */
    if (!st) us_chat_set_reply(r, t->reply[0]);
    us_turn_fini(&before);
    free_matter(&m);
    return st;
}

enum MHD_Result us_route_say(us_request *r) {
    wish w;
    talk *t = NULL;
    us_stored_chat chat = {0};
    us_error err;
    const char *text = NULL;
    us_status st = us_param_text(r->json, "text", 1, US_MAX_TEXT, &text, &err);
    if (!st) st = open_talk(r, &w, &t, &chat, &err);
    const char *user = st ? NULL : w.user ? w.user : chat.user;
    if (!st && r->s->o.log_text) us_log(r->s, "chat %s: %s: %s", t->chat, *user ? user : "(user)", text);
    if (!st) st = us_turn_init(&t->user_turn, NULL, user, &err);
    if (!st) st = us_turn_add(&t->user_turn, text, strlen(text), "said", (double)NAN, (double)NAN, &err);
    if (!st) st = us_id_list_copy(&t->user_turn.present, &t->present, &err);
    if (!st) st = answer(r, t, &chat, &w, &err);
    us_stored_chat_fini(&chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_stream(r, more);
}

enum MHD_Result us_route_next(us_request *r) {
    wish w;
    talk *t = NULL;
    us_stored_chat chat;
    us_error err;
    us_status st = open_talk(r, &w, &t, &chat, &err);
    if (!st) st = answer(r, t, &chat, &w, &err);
    us_stored_chat_fini(&chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_stream(r, more);
}

/* The last turn again, or (`on`) as it is and then further: t->turn gets more alternatives. */
static us_status again(us_request *r, talk *t, const us_stored_chat *chat, const wish *w, bool on, us_error *err) {
    matter m = {0};
    us_stored_turn turn = {0};
    us_status st = us_store_get_turn(r->s->store, chat->id, r->turn, &turn, err), last = US_OK;
    if (!st) last = us_store_get_turn(r->s->store, chat->id, 0, &t->turn, err);
    if (!st) st = last;
    if (!st && t->turn.id != r->turn)
        st = us_fail(err, US_ERR_MISMATCH,
                     "only the last turn can be made again or go on; branch the chat there, or delete what follows");
    if (!st && !t->turn.own) st = us_fail(err, US_ERR_MISMATCH, "this turn is the user's: there is nothing to make again");
    if (!st) st = us_characters_find(r->s->characters, t->turn.character, &t->who, err);
    if (!st && on) st = us_strdup(us_turn_text(&t->turn), &t->before, err);
    if (!st) st = read_matter(r->s, chat, t->who, on ? 0 : r->turn, &m, err);
    if (!st) st = begin_reply(t, 0, chat, &m, w, w->scale, r->json, err);
    us_turn_fini(&turn);
    free_matter(&m);
    return st;
}

static enum MHD_Result answer_again(us_request *r, bool on) {
    wish w;
    talk *t = NULL;
    us_stored_chat chat;
    us_error err;
    us_status st = open_talk(r, &w, &t, &chat, &err);
    if (!st && on && !w.takes) w.takes = 1;
    if (!st) st = again(r, t, &chat, &w, on, &err);
    if (!st) us_chat_set_reply(r, t->reply[0]);
    us_stored_chat_fini(&chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_stream(r, more);
}

enum MHD_Result us_route_regenerate(us_request *r) { return answer_again(r, false); }

/* The last turn, in place, as far as it was and then further. */
enum MHD_Result us_route_continue(us_request *r) { return answer_again(r, true); }

/* The variants' replies to what stands before the last answer of the one who is asked. */
static us_status compare(us_request *r, talk *t, const us_stored_chat *chat, wish *w, const json_t *variants, us_error *err) {
    us_stored_turn last = {0};
    matter m = {0};
    const json_t *v;
    size_t i;
    us_status st = read_last(r->s, chat, &last, err);
    last_line line = {last.character, last.speaker ? us_turn_text(&last) : NULL};
    t->compare = true;
    if (!st && last.own && (!w->who || !*w->who)) w->who = last.character; /* their answer is what is compared */
    if (!st) st = choose_speaker(r->s, chat, w->who, line, &t->who, err);
    if (!st) st = read_matter(r->s, chat, t->who, 0, &m, err);
    us_conversation heard = conversation_of(chat, &m); /* without their own at the end */
    while (heard.n_lines && heard.lines[heard.n_lines - 1].own) heard.n_lines--;
    size_t n = m.lines.n;
    m.lines.n = heard.n_lines;
    json_array_foreach((json_t *)(uintptr_t)variants, i, v) {
        double scale = -1;
        if (!st && !json_is_object(v)) st = us_fail(err, US_ERR_ARGUMENT, "variants[%zu]: an object is expected", i);
        if (!st) st = us_param_number(v, "scale", 0, 2, &scale, err);
        if (!st) st = begin_reply(t, (int)i, chat, &m, w, scale, json_object_get(v, "temperature") ? v : r->json, err);
    }
    m.lines.n = n;
    us_turn_fini(&last);
    free_matter(&m);
    return st;
}

/* Not saved: the same line answered several ways. */
enum MHD_Result us_route_compare(us_request *r) {
    wish w;
    talk *t = NULL;
    us_stored_chat chat;
    us_error err;
    const json_t *variants = json_object_get(r->json, "variants");
    if (!json_is_array(variants) || !json_array_size(variants) || json_array_size(variants) > MAX_VARIANTS)
        return us_refuse(r, 400, "variants: a list of 1 to 4 objects is expected");
    us_status st = open_talk(r, &w, &t, &chat, &err);
    if (!st) st = compare(r, t, &chat, &w, variants, &err);
    us_stored_chat_fini(&chat);
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
static us_status rebuild(us_server *s, const us_stored_chat *chat, const us_stored_turn *turn, json_t **out, us_error *err) {
    us_character *who = NULL;
    us_prompt p = {0};
    matter m = {0};
    us_buf text;
    us_buf_init(&text, (size_t)64 << 20);
    us_status st = us_characters_find(s->characters, turn->character, &who, err);
    if (!st) st = read_matter(s, chat, who, turn->id, &m, err);
    us_conversation c = conversation_of(chat, &m);
    c.card = who ? who->card : NULL;
    c.trained = who && who->has_adapter;
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
    free_matter(&m);
    us_character_put(who);
    return st;
}

/* Which pieces of the card stand in the text: [{"source", "name", "text"}]. */
static json_t *sources_of(us_server *s, const us_stored_chat *chat, const us_stored_turn *turn, const char *text) {
    json_t *list = json_array();
    us_character *who = NULL;
    us_play all = {0};
    us_status st = us_characters_find(s->characters, turn->character, &who, NULL);
    if (!st) st = us_play_all(who->card, chat->user, &all, NULL);
    for (size_t i = 0; i < all.n && !st; i++)
        if (strstr(text, all.pieces[i].text))
            json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "source", all.pieces[i].source, "name", all.pieces[i].name,
                                                  "text", all.pieces[i].text));
    us_play_fini(&all);
    us_character_put(who);
    return list;
}

enum MHD_Result us_route_turn_prompt(us_request *r) {
    us_error err;
    int32_t *ids = NULL;
    size_t n = 0;
    us_stored_chat chat = {0};
    us_stored_turn turn = {0};
    json_t *j = NULL;
    us_status st = us_store_get_turn(r->s->store, r->chat, r->turn, &turn, &err);
    if (!st && !turn.own) st = us_fail(&err, US_ERR_NOT_FOUND, "this turn is the user's: no model saw anything for it");
    if (!st) st = us_store_get_chat(r->s->store, r->chat, false, &chat, &err);
    if (!st) st = us_store_get_prompt(r->s->store, r->chat, r->turn, &ids, &n, &err);
    if (!st && n && r->s->ready && r->s->backend.tok) j = prompt_json(r->s, ids, n, turn.n_cached);
    else if (!st) st = rebuild(r->s, &chat, &turn, &j, &err);
    const char *text = json_string_value(json_object_get(j, "text"));
    if (!st && text) json_object_set_new(j, "sources", sources_of(r->s, &chat, &turn, text));
    free(ids);
    us_turn_fini(&turn);
    us_stored_chat_fini(&chat);
    return st ? us_refuse_error(r, st, &err) : us_answer_json(r, 200, j);
}
