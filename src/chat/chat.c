/* The library's chat: turns in memory, each reply by conversation.c over a batch with one place. Owns the turns and the batch;
 * the engine, the card and the adapter are borrowed. A line goes in by us_chat_reply(), becomes a turn, the prompt and, when
 * the reply is whole, another turn. */
#include "understudy/chat.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/conversation.h"
#include "chat/turn.h"
#include "text/name.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TURNS = 8192 };

struct us_chat {
    const us_card *card;
    us_chat_options o;
    us_sampler_options sampler;
    us_backend backend;
    char *user_name; /* "": nobody in particular */
    us_stored_turn *turns;
    size_t n_turns, cap_turns;
    us_tokens *phrases; /* catch-phrases as tokens */
    size_t n_phrases;
    us_chat_counts counts;
};

/* ---- turns -------------------------------------------------------------------------------------------------------- */

/* Appends a turn of one wording. */
static us_status add_turn(us_chat *c, bool own, const char *speaker, const char *text, size_t n, const char *end,
                          us_error *err) {
    us_stored_turn t;
    us_status st = us_grow(&c->turns, &c->cap_turns, c->n_turns + 1, sizeof t, err);
    if (!st) st = us_turn_init(&t, own ? "" : NULL, speaker, err);
    if (st) return st;
    if ((st = us_turn_add(&t, text, n, end, (double)NAN, (double)NAN, err))) us_turn_fini(&t);
    else c->turns[c->n_turns++] = t;
    return st;
}

static void drop_last(us_chat *c) { us_turn_fini(&c->turns[--c->n_turns]); }

static us_status add_greeting(us_chat *c, us_error *err) {
    us_status st = US_OK;
    size_t n = us_card_n_greetings(c->card);
    for (size_t i = 0; i < n && !st; i++) {
        char *text;
        if ((st = us_card_fill_greeting(c->card, i, c->user_name, &text, err))) break;
        st = i ? us_turn_add(&c->turns[0], text, strlen(text), "greeting", (double)NAN, (double)NAN, err)
               : add_turn(c, true, c->card->name, text, strlen(text), "greeting", err);
        free(text);
    }
    if (!st && n) c->turns[0].chosen = 0;
    return st;
}

size_t us_chat_n_turns(const us_chat *c) { return c->n_turns; }

us_chat_turn us_chat_get_turn(const us_chat *c, size_t i) {
    const us_stored_turn *t = &c->turns[i];
    return (us_chat_turn){t->speaker, us_turn_text(t), t->own, t->n_alternatives, t->chosen};
}

us_status us_chat_choose(us_chat *c, size_t turn, size_t alternative, us_error *err) {
    if (turn >= c->n_turns || alternative >= c->turns[turn].n_alternatives)
        return us_fail(err, US_ERR_ARGUMENT, "turn %zu has no wording %zu", turn, alternative);
    c->turns[turn].chosen = alternative;
    return US_OK;
}

static us_status check_text(const char *text, us_error *err) {
    size_t n = strlen(text), bad;
    if (!n || n > US_MAX_TEXT)
        return us_fail(err, n ? US_ERR_LIMIT : US_ERR_ARGUMENT, "a line of 1 to %d bytes is expected, got %zu", US_MAX_TEXT, n);
    return us_utf8_valid(text, n, &bad) ? US_OK : us_fail(err, US_ERR_ARGUMENT, "the line is not UTF-8 (byte %zu)", bad + 1);
}

us_status us_chat_edit(us_chat *c, size_t turn, const char *text, us_error *err) {
    if (turn >= c->n_turns) return us_fail(err, US_ERR_ARGUMENT, "there is no turn %zu", turn);
    us_status st = check_text(text, err);
    return st ? st : us_turn_add(&c->turns[turn], text, strlen(text), "edited", (double)NAN, (double)NAN, err);
}

bool us_chat_undo(us_chat *c) {
    size_t n = c->n_turns;
    while (n && c->turns[n - 1].own) n--;
    if (!n) return false; /* nobody but the character has spoken */
    while (c->n_turns >= n) drop_last(c);
    return true;
}

/* ---- begin and end ------------------------------------------------------------------------------------------------ */

int32_t us_chat_engine_tokens(int32_t context, int32_t takes, int32_t max_tokens) {
    return us_batch_tokens_for(context, takes > 0 ? takes : US_MAX_TAKES, max_tokens > 0 ? max_tokens : US_REPLY_TOKENS);
}

us_status us_chat_new(us_engine *e, const us_card *card, const us_chat_options *options, us_chat **out, us_error *err) {
    us_chat *c = NULL;
    us_status st = us_alloc(1, sizeof *c, &c, err);
    if (st) return st;
    c->card = card;
    c->o = options ? *options : (us_chat_options){0};
    c->sampler = c->o.sampler ? *c->o.sampler : card->sampler;
    if (c->o.takes < 1) c->o.takes = card->takes;
    if (c->o.takes > US_MAX_TAKES) c->o.takes = US_MAX_TAKES;
    if (c->o.adapter_scale <= 0) c->o.adapter_scale = 1;
    st = us_sampler_check(&c->sampler, err);
    if (!st) st = us_strdup("", &c->user_name, err);
    if (!st) st = us_backend_open(e, 1, 1, &c->backend, err);
    if (!st) st = us_card_phrase_tokens(card, c->backend.tok, &c->phrases, &c->n_phrases, err);
    if (!st) st = add_greeting(c, err);
    if (st) us_chat_free(c);
    else *out = c;
    return st;
}

void us_chat_free(us_chat *c) {
    if (!c) return;
    us_backend_close(&c->backend);
    while (c->n_turns) drop_last(c);
    free(c->turns);
    free(c->user_name);
    for (size_t i = 0; i < c->n_phrases; i++) us_tokens_fini(&c->phrases[i]);
    free(c->phrases);
    free(c);
}

us_status us_chat_set_user(us_chat *c, const char *name, us_error *err) {
    char *copy = NULL;
    if (!name) name = "";
    const char *fault = us_name_fault(name);
    if (fault) return us_fail(err, US_ERR_ARGUMENT, "the user's name: %s", fault);
    us_status st = us_strdup(name, &copy, err);
    if (st) return st;
    free(c->user_name);
    c->user_name = copy;
    return US_OK;
}

void us_chat_set_takes(us_chat *c, int32_t takes) {
    c->o.takes = takes < 1 ? 1 : takes > US_MAX_TAKES ? US_MAX_TAKES : takes;
    c->o.hurry = false;
}

us_chat_counts us_chat_get_counts(const us_chat *c) { return c->counts; }
void us_chat_reseed(us_chat *c, uint64_t seed) { c->sampler.seed = seed; }

/* ---- a reply ------------------------------------------------------------------------------------------------------- */

/* The first n turns as a conversation; its lines are freed by the caller. */
static us_status conversation_of(const us_chat *c, size_t n, us_chat_line **lines, us_conversation *out, us_error *err) {
    us_status st = us_alloc(n, sizeof **lines, lines, err);
    for (size_t i = 0; i < n && !st; i++)
        (*lines)[i] = (us_chat_line){c->turns[i].speaker, us_turn_text(&c->turns[i]), c->turns[i].own};
    *out = (us_conversation){.card = c->card,
                             .trained = c->o.adapter != NULL,
                             .adapter = c->o.adapter,
                             .scale = c->o.adapter ? c->o.adapter_scale : 0,
                             .director = c->o.director,
                             .phrases = c->phrases,
                             .n_phrases = c->n_phrases,
                             .user = c->user_name,
                             .lines = *lines,
                             .n_lines = n,
                             .history = c->o.history};
    return st;
}

static us_reply_policy settings_of(const us_chat *c, uint64_t seed) {
    us_reply_policy p = {.sampler = c->sampler,
                         .n_takes = c->o.takes,
                         .hurry = c->o.hurry,
                         .max_tokens = c->o.max_tokens,
                         .context = c->o.context,
                         .no_labels = c->o.no_stops};
    p.sampler.seed = seed;
    return p;
}

us_status us_chat_show_prompt(us_chat *c, char **out, int32_t *n_tokens, us_error *err) {
    us_chat_line *lines = NULL;
    us_conversation conversation;
    us_reply_policy p = settings_of(c, 0);
    us_prompt prompt = {0};
    us_tokens ids = {0};
    us_buf b;
    us_buf_init(&b, (size_t)64 << 20);
    us_status st = conversation_of(c, c->n_turns, &lines, &conversation, err);
    conversation.new_turn = true; /* after a reply it is shown as said */
    if (!st) st = us_conversation_prompt(&c->backend, &conversation, &prompt, err);
    if (!st) st = us_prompt_tokenize(&prompt, c->backend.tpl, c->backend.tok, us_reply_room(&c->backend, &p), &ids, NULL, err);
    for (size_t i = 0; i < ids.n && !st; i++) {
        size_t n;
        const char *piece = us_tokenizer_piece(c->backend.tok, ids.ids[i], &n);
        st = us_buf_append(&b, piece, n, err);
    }
    *n_tokens = (int32_t)ids.n;
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_prompt_fini(&prompt);
    us_buf_fini(&b);
    us_tokens_fini(&ids);
    free(lines);
    return st;
}

/* Hands the words on as they come, until the reply is over. *stopped: the listener had enough. */
static us_status listen(us_reply *r, us_stream_fn *stream, void *ctx, us_reply_view *v, bool *stopped, us_error *err) {
    size_t shown = 0;
    us_buf words;
    us_status st = US_OK;
    us_buf_init(&words, 1 << 20);
    do {
        *v = us_reply_wait(r, 100);
        us_buf_clear(&words);
        st = us_reply_read(r, 0, shown, &words, err);
        shown += words.len;
        if (!st && stream && !*stopped && (words.len || !v->done))
            *stopped = !stream(ctx, words.len ? words.data : "", words.len);
        if (st || *stopped) us_reply_cancel(r);
    } while (!v->done && !st);
    us_buf_fini(&words);
    return st;
}

static void count(us_chat *c, const us_reply_view *v, bool kept) {
    c->counts.n_replies += kept;
    c->counts.n_takes += v->n_takes * v->n_attempts;
    c->counts.n_loops += v->n_loops;
    c->counts.n_labels += v->n_labels;
    c->counts.n_retries += v->n_attempts - 1;
}

/* What is kept of a finished reply: a wording of `turn`, or a new turn (NULL). */
static us_status keep(us_chat *c, us_stored_turn *turn, const us_reply *r, bool stopped, us_chat_result *out, us_error *err) {
    us_reply_text best = us_reply_get(r, 0);
    us_reply_end end = stopped ? US_END_CANCEL : best.end;
    const char *name = us_reply_end_name(end);
    us_status st =
        turn ? us_turn_add(turn, best.text, best.n, name, best.score, c->o.adapter ? c->o.adapter_scale : (double)NAN, err)
             : add_turn(c, true, c->card->name, best.text, best.n, name, err);
    if (st) return st;
    out->text = us_turn_text(&c->turns[c->n_turns - 1]);
    out->end = end;
    out->n_tokens = best.n_tokens;
    out->score = best.score;
    return US_OK;
}

/* The reply to the first n turns, as a new turn or as one more wording of `turn`. */
static us_status make_reply(us_chat *c, size_t n, us_stored_turn *turn, us_stream_fn *stream, void *ctx, us_chat_result *out,
                            us_error *err) {
    us_chat_result result = {0};
    us_chat_line *lines = NULL;
    us_conversation conversation;
    us_reply_policy settings = settings_of(c, c->sampler.seed + (turn ? turn->n_alternatives : 0));
    us_reply *r = NULL;
    us_reply_view v = {0};
    int64_t start = us_now_ns();
    bool stopped = false;
    us_status st = conversation_of(c, n, &lines, &conversation, err);
    conversation.new_turn = true;
    if (!st) st = us_conversation_begin(&c->backend, &conversation, &settings, &r, err);
    if (!st) st = listen(r, stream, ctx, &v, &stopped, err);
    if (!st && v.status && !(stopped && v.status == US_ERR_INTERRUPTED)) {
        if (err) *err = *us_reply_error(r);
        st = v.status;
    }
    bool nothing = !st && stopped && v.status && (v.n_takes > 1 || !us_reply_count(r) || !us_reply_get(r, 0).n);
    if (nothing) st = us_fail(err, US_ERR_INTERRUPTED, "stopped before the first word");
    if (!st) st = keep(c, turn, r, v.status == US_ERR_INTERRUPTED, &result, err);
    if (r) count(c, &v, !st);
    result.n_attempts = v.n_attempts;
    result.n_prompt_tokens = v.n_prompt;
    result.n_cached_tokens = v.n_cached;
    result.n_takes = v.n_takes;
    us_reply_free(r);
    free(lines);
    result.seconds = (double)(us_now_ns() - start) * 1e-9;
    if (!st) *out = result;
    return st;
}

us_status us_chat_reply(us_chat *c, const char *text, us_stream_fn *stream, void *ctx, us_chat_result *out, us_error *err) {
    us_status st = check_text(text, err);
    if (!st && c->n_turns + 2 > MAX_TURNS)
        st = us_fail(err, US_ERR_LIMIT, "the chat has %d turns, its limit: start a new one", MAX_TURNS);
    if (!st) st = add_turn(c, false, c->user_name, text, strlen(text), "said", err);
    if (st) return st;
    if ((st = make_reply(c, c->n_turns, NULL, stream, ctx, out, err))) drop_last(c);
    return st;
}

us_status us_chat_regenerate(us_chat *c, us_stream_fn *stream, void *ctx, us_chat_result *out, us_error *err) {
    us_stored_turn *last = c->n_turns ? &c->turns[c->n_turns - 1] : NULL;
    if (!last || !last->own || c->n_turns < 2) return us_fail(err, US_ERR_NOT_FOUND, "there is no line to answer yet");
    return make_reply(c, c->n_turns - 1, last, stream, ctx, out, err);
}

/* ---- on disk ------------------------------------------------------------------------------------------------------- */

/* NULL: out of memory. */
static json_t *turn_json(const us_stored_turn *t) {
    json_t *texts = json_array();
    bool whole = texts != NULL;
    for (size_t k = 0; k < t->n_alternatives && whole; k++)
        whole = !json_array_append_new(texts,
                                       json_pack("{s:s, s:s}", "text", t->alternatives[k].text, "end", t->alternatives[k].end));
    if (whole)
        return json_pack("{s:s, s:s, s:s, s:i, s:o}", "role", t->own ? "character" : "user", "speaker", t->speaker, "text",
                         us_turn_text(t), "chosen", (int)t->chosen, "alternatives", texts);
    json_decref(texts);
    return NULL;
}

us_status us_chat_save(const us_chat *c, const char *path, us_error *err) {
    json_t *turns = json_array();
    json_t *root =
        json_pack("{s:i, s:s, s:O}", "understudy_chat", 2, "character", c->card->name, "turns", turns ? turns : json_null());
    bool whole = turns && root;
    for (size_t i = 0; i < c->n_turns && whole; i++) whole = !json_array_append_new(turns, turn_json(&c->turns[i]));
    char *text = whole ? json_dumps(root, JSON_INDENT(1)) : NULL;
    us_status st = text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    json_decref(root);
    json_decref(turns);
    return st;
}

/* Version 1, of understudy 0.1: {"user", "reply"}, no greeting. */
static us_status load_pair(us_chat *c, const json_t *t, const char *path, us_error *err) {
    const char *user = json_string_value(json_object_get(t, "user")), *reply = json_string_value(json_object_get(t, "reply"));
    if (!user || !reply) return us_fail(err, US_ERR_FORMAT, "%s: turn %zu lacks user or reply", path, c->n_turns / 2 + 1);
    us_status st = add_turn(c, false, "", user, strlen(user), "said", err);
    return st ? st : add_turn(c, true, c->card->name, reply, strlen(reply), "self", err);
}

static us_status load_turn(us_chat *c, const json_t *t, const char *path, us_error *err) {
    const char *role = json_string_value(json_object_get(t, "role")),
               *speaker = json_string_value(json_object_get(t, "speaker")),
               *text = json_string_value(json_object_get(t, "text"));
    const json_t *list = json_object_get(t, "alternatives"), *x;
    size_t i, n = json_array_size(list), chosen = (size_t)json_integer_value(json_object_get(t, "chosen"));
    bool own = role && !strcmp(role, "character");
    if (!text || !speaker || (!own && (!role || strcmp(role, "user") != 0)))
        return us_fail(err, US_ERR_FORMAT, "%s: turn %zu lacks role, speaker or text", path, c->n_turns + 1);
    us_status st = add_turn(c, own, speaker, text, strlen(text), own ? "self" : "said", err);
    if (st || n < 1 || chosen >= n || n > US_MAX_ALTERNATIVES) return st;
    us_stored_turn *turn = &c->turns[c->n_turns - 1];
    json_array_foreach((json_t *)(uintptr_t)list, i, x) {
        const char *words = json_string_value(json_object_get(x, "text")), *end = json_string_value(json_object_get(x, "end"));
        if (!words) return us_fail(err, US_ERR_FORMAT, "%s: turn %zu: a wording has no text", path, c->n_turns);
        if (!st) st = us_turn_add(turn, words, strlen(words), end ? end : "", (double)NAN, (double)NAN, err);
    }
    if (st) return st;
    free(turn->alternatives[0].text); /* it stands in the list too */
    memmove(turn->alternatives, turn->alternatives + 1, --turn->n_alternatives * sizeof *turn->alternatives);
    turn->chosen = chosen;
    return US_OK;
}

us_status us_chat_load(us_chat *c, const char *path, us_error *err) {
    json_t *root, *t;
    size_t i;
    us_status st = us_json_read(path, (size_t)64 << 20, &root, err);
    if (st) return st;
    const json_t *turns = json_object_get(root, "turns");
    json_int_t version = json_integer_value(json_object_get(root, "understudy_chat"));
    size_t n = json_array_size(turns) * (version == 1 ? 2 : 1); /* those of version 1 are pairs */
    us_chat loaded = {.card = c->card};
    if (version < 1 || version > 2 || !json_is_array(turns))
        st = us_fail(err, US_ERR_FORMAT, "%s: not a chat saved by understudy, or by a later version of it", path);
    else if (n > MAX_TURNS) st = us_fail(err, US_ERR_LIMIT, "%s: %zu turns, the limit is %d", path, n, MAX_TURNS);
    json_array_foreach((json_t *)(uintptr_t)turns, i, t)
        if (!st) st = version == 1 ? load_pair(&loaded, t, path, err) : load_turn(&loaded, t, path, err);
    if (!st) { /* only now: what was there stays when the file is bad */
        while (c->n_turns) drop_last(c);
        free(c->turns);
        c->turns = loaded.turns;
        c->n_turns = loaded.n_turns;
        c->cap_turns = loaded.cap_turns;
    } else {
        while (loaded.n_turns) drop_last(&loaded);
        free(loaded.turns);
    }
    json_decref(root);
    return st;
}
