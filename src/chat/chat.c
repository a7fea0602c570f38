/* A conversation: the prompt from card and history, takes of the reply, the best of them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/prompt.h"
#include "generate/engine.h"
#include "reply/take.h"
#include "understudy/chat.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES 65536
#define MAX_MESSAGES 4096

/* One line of the conversation. */
typedef struct line {
    char *user;  /* what the user said, with his name if he has one */
    char *reply; /* NULL while it is being made */
} line;

struct us_chat {
    us_engine *engine;
    const us_card *card;
    us_chat_options o;
    us_sampler_options sampler;
    const us_template *tpl;
    const us_tokenizer *tok;
    int32_t seq;   /* holds the conversation's prompt */
    int32_t alone; /* what was said before the last words of the others, for scoring; -1 until needed */
    us_tokens alone_ids;
    char *user_name;
    line *lines;
    size_t n_lines, cap_lines;
    us_tokens *phrases; /* catch-phrases as tokens, each at a line's start and after a space */
    size_t n_phrases;
    us_leaks *leaks;
    us_chat_guard guard;
    uint64_t next_seed;
    char *reply; /* text of the last reply */
    us_take takes[US_MAX_TAKES];
};

static const us_adapter *adapter_of(const us_chat *c) { return c->o.adapter; }

us_status us_chat_new(us_engine *e, const us_card *card, const us_chat_options *options, us_chat **out, us_error *err) {
    us_chat *c = NULL;
    us_status st = us_alloc(1, sizeof *c, &c, err);
    if (st) return st;
    c->engine = e;
    c->card = card;
    c->o = options ? *options : (us_chat_options){0};
    c->seq = c->alone = -1;
    c->sampler = c->o.sampler ? *c->o.sampler : card->sampler;
    c->next_seed = c->sampler.seed;
    if (c->o.takes == 0) c->o.takes = card->takes;
    if (c->o.takes > US_MAX_TAKES) c->o.takes = US_MAX_TAKES;
    if (c->o.max_tokens < 1) c->o.max_tokens = 80;
    if (c->o.history < 1) c->o.history = card->history;
    if (c->o.context < 1) c->o.context = us_engine_get_ctx(e) / 3;
    c->tok = us_model_get_tokenizer(us_engine_get_model(e));
    st = us_model_get_template(us_engine_get_model(e), &c->tpl, err);
    if (!st) st = us_sampler_check(&c->sampler, err);
    if (!st) st = us_card_phrase_tokens(card, c->tok, &c->phrases, &c->n_phrases, err);
    if (!st) st = us_leaks_open(NULL, &c->leaks, err);
    if (!st) st = us_engine_seq_new(e, &c->seq, err);
    if (st) {
        us_chat_free(c);
        return st;
    }
    us_engine_seq_set_adapter(e, c->seq, adapter_of(c), (float)c->o.adapter_scale);
    *out = c;
    return US_OK;
}

void us_chat_free(us_chat *c) {
    if (!c) return;
    if (c->seq >= 0) us_engine_seq_free(c->engine, c->seq);
    if (c->alone >= 0) us_engine_seq_free(c->engine, c->alone);
    for (size_t i = 0; i < c->n_lines; i++) {
        free(c->lines[i].user);
        free(c->lines[i].reply);
    }
    free(c->lines);
    free(c->user_name);
    free(c->reply);
    us_tokens_fini(&c->alone_ids);
    for (size_t i = 0; i < c->n_phrases; i++) us_tokens_fini(&c->phrases[i]);
    free(c->phrases);
    us_leaks_free(c->leaks);
    free(c);
}

us_status us_chat_set_user(us_chat *c, const char *name, us_error *err) {
    char *copy = NULL;
    if (name && *name) {
        if (strlen(name) > 200 || !us_utf8_valid(name, strlen(name), NULL) || strpbrk(name, "\n\r:"))
            return us_fail(err, US_ERR_ARGUMENT,
                           "a name of at most 200 bytes of UTF-8 without colon or line break is expected");
        us_status st = us_strdup(name, &copy, err);
        if (st) return st;
    }
    free(c->user_name);
    c->user_name = copy;
    return US_OK;
}

size_t us_chat_n_turns(const us_chat *c) { return c->n_lines; }
void us_chat_get_turn(const us_chat *c, size_t i, const char **user, const char **reply) {
    *user = c->lines[i].user;
    *reply = c->lines[i].reply;
}
void us_chat_set_takes(us_chat *c, int32_t takes) { c->o.takes = takes < 1 ? 1 : takes > US_MAX_TAKES ? US_MAX_TAKES : takes; }
us_chat_guard us_chat_get_guard(const us_chat *c) { return c->guard; }
void us_chat_reseed(us_chat *c, uint64_t seed) { c->next_seed = seed; }

static void drop_last(us_chat *c) {
    line *l = &c->lines[--c->n_lines];
    free(l->user);
    free(l->reply);
}

bool us_chat_undo(us_chat *c) {
    if (!c->n_lines) return false;
    drop_last(c);
    return true;
}

/* ---- the prompt --------------------------------------------------------------------------------------- */

/* Persona, examples and the conversation so far, in tokens; *alone (may be NULL): what was said before the last words of the
 * others. */
static us_status make_prompt(const us_chat *c, us_tokens *out, us_tokens *alone, us_error *err) {
    us_chat_line *lines = NULL;
    us_prompt p = {0};
    us_status st = us_alloc(2 * c->n_lines, sizeof *lines, &lines, err);
    us_prompt_spec spec = {
        .card = c->card, .trained = c->o.adapter != NULL, .user = c->user_name, .lines = lines, .history = c->o.history};
    for (size_t i = 0; i < c->n_lines && !st; i++) {
        lines[spec.n_lines++] = (us_chat_line){NULL, c->lines[i].user, false};
        if (c->lines[i].reply) lines[spec.n_lines++] = (us_chat_line){NULL, c->lines[i].reply, true};
    }
    if (!st) st = us_prompt_make(&spec, &p, err);
    p.open = false; /* /why after a reply shows it as said */
    if (!st) st = us_prompt_tokenize(&p, c->tpl, c->tok, c->o.context - c->o.max_tokens, out, alone, err);
    us_prompt_fini(&p);
    free(lines);
    return st;
}

us_status us_chat_show_prompt(us_chat *c, char **out, int32_t *n_tokens, int32_t *n_cached, us_error *err) {
    us_tokens ids = {0};
    us_buf b;
    us_buf_init(&b, (size_t)64 << 20);
    us_status st = make_prompt(c, &ids, NULL, err);
    for (size_t i = 0; i < ids.n && !st; i++) {
        size_t n;
        const char *p = us_tokenizer_piece(c->tok, ids.ids[i], &n);
        st = us_buf_append(&b, p, n, err);
    }
    int32_t n = 0, same = 0;
    const int32_t *held = us_engine_seq_get_tokens(c->engine, c->seq, &n);
    while (same < n && same < (int32_t)ids.n && held[same] == ids.ids[same]) same++;
    *n_tokens = (int32_t)ids.n;
    *n_cached = same;
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    us_tokens_fini(&ids);
    return st;
}

/* ---- takes ---------------------------------------------------------------------------------------------- */

static us_stops stops_of(const us_chat *c) {
    if (c->o.no_stops) return (us_stops){0};
    return (us_stops){c->card->cast, c->card->n_cast, c->card->name, true};
}

static us_take_rules rules_of(const us_chat *c) {
    return (us_take_rules){.tok = c->tok,
                           .stops = stops_of(c),
                           .max_tokens = c->o.max_tokens,
                           .cut_loops = true,
                           .leaks = c->leaks,
                           .bonus = us_card_bonus,
                           .bonus_ctx = c->card};
}

static void end_take(us_chat *c, us_take *t) {
    if (t->seq >= 0) us_engine_seq_free(c->engine, t->seq);
    us_take_end(t);
}

static us_status begin_take(us_chat *c, us_take *t, uint64_t seed, const us_tokens *prompt, us_error *err) {
    us_sampler_options o = c->sampler;
    us_take_rules rules = rules_of(c);
    o.seed = seed;
    us_status st = us_take_begin(t, &o, &rules, prompt->ids, prompt->n, err);
    if (!st) us_sampler_set_phrases(t->sampler, c->phrases, c->n_phrases);
    return st;
}

/* All takes at once: each step advances those that are not done, as one batch. */
static us_status run_takes(us_chat *c, size_t n, us_stream_fn *stream, void *ctx, bool *cancelled, us_error *err) {
    us_status st = US_OK;
    us_span spans[US_MAX_TAKES] = {0};
    size_t shown = 0;
    us_take_rules rules = rules_of(c);
    const float *logits = us_engine_get_logits(c->engine, 0, 0);
    for (size_t i = 0; i < n && !st; i++) st = us_take_step(&c->takes[i], &rules, logits, err);
    for (size_t i = 0; i < n && !st; i++)
        st = us_engine_seq_fork(c->engine, c->seq, us_engine_seq_len(c->engine, c->seq), &c->takes[i].seq, err);
    while (!st && !*cancelled) {
        const us_take *t0 = &c->takes[0];
        if (n == 1 && stream && t0->view.end > t0->view.begin + shown) { /* one take streams as it is made */
            *cancelled = !stream(ctx, t0->text.data + t0->view.begin + shown, t0->view.end - t0->view.begin - shown);
            shown = t0->view.end - t0->view.begin;
        } else if (n > 1 && stream) *cancelled = !stream(ctx, "", 0);
        int32_t n_spans = 0, who[US_MAX_TAKES];
        for (size_t i = 0; i < n; i++) {
            us_take *t = &c->takes[i];
            if (t->done) continue;
            who[n_spans] = (int32_t)i;
            spans[n_spans++] = (us_span){.seq = t->seq, .tokens = &t->ids.ids[t->ids.n - 1], .n_tokens = 1};
        }
        if (!n_spans || *cancelled) break;
        st = us_engine_eval(c->engine, spans, n_spans, err);
        for (int32_t k = 0; k < n_spans && !st; k++)
            st = us_take_step(&c->takes[who[k]], &rules, us_engine_get_logits(c->engine, k, 0), err);
    }
    return st;
}

/* The sequence that takes are compared on: what was said before the last words of the others. */
static us_status open_alone(us_chat *c, us_error *err) {
    us_tokens prompt = {0};
    if (c->alone >= 0) us_engine_seq_free(c->engine, c->alone);
    c->alone = -1;
    c->alone_ids.n = 0;
    us_status st = make_prompt(c, &prompt, &c->alone_ids, err);
    if (!st)
        st = us_engine_seq_fork(c->engine, c->seq,
                                us_engine_seq_common(c->engine, c->seq, c->alone_ids.ids, (int32_t)c->alone_ids.n - 1),
                                &c->alone, err);
    if (!st) us_engine_seq_set_adapter(c->engine, c->alone, adapter_of(c), (float)c->o.adapter_scale);
    if (!st) st = us_engine_seq_set_tokens(c->engine, c->alone, c->alone_ids.ids, (int32_t)c->alone_ids.n, NULL, err);
    us_tokens_fini(&prompt);
    return st;
}

/* Seconds of one decode step of n takes after the persona. */
static us_status time_step(us_chat *c, int32_t n, double *seconds, us_error *err) {
    us_span spans[US_MAX_TAKES];
    int32_t seqs[US_MAX_TAKES], n_seqs = 0;
    us_status st = US_OK;
    for (; n_seqs < n && !st; n_seqs++) {
        if ((st = us_engine_seq_fork(c->engine, c->alone, us_engine_seq_len(c->engine, c->alone), &seqs[n_seqs], err))) break;
        spans[n_seqs] = (us_span){.seq = seqs[n_seqs], .tokens = c->alone_ids.ids, .n_tokens = 1};
    }
    for (int i = 0; i < 3 && !st; i++) { /* the best of three */
        int64_t start = us_now_ns();
        st = us_engine_eval(c->engine, spans, n, err);
        double s = (double)(us_now_ns() - start) * 1e-9;
        if (!i || s < *seconds) *seconds = s;
    }
    for (int32_t i = 0; i < n_seqs; i++) us_engine_seq_free(c->engine, seqs[i]);
    return st;
}

/* As many takes, the card's at most, as let a reply of usual length come within about a second. */
static us_status measure_takes(us_chat *c, us_error *err) {
    static const double usual_tokens = 24, patience_seconds = 0.9;
    int32_t n = c->card->takes;
    double step_seconds = 0;
    us_status st = open_alone(c, err);
    for (; n > 1 && !st; n = n / 2) {
        st = time_step(c, n, &step_seconds, err);
        if (step_seconds * usual_tokens < patience_seconds) break;
    }
    if (!st) c->o.takes = n;
    return st;
}

/* log p(reply | what was said before) of every take, as one batch over forks of that sequence. */
static us_status score_alone(us_chat *c, size_t n, double *out, us_error *err) {
    float *scores[US_MAX_TAKES] = {0};
    us_span spans[US_MAX_TAKES] = {0};
    int32_t seqs[US_MAX_TAKES], n_seqs = 0;
    us_status st = open_alone(c, err);
    for (size_t i = 0; i < n; i++) { /* their pages are needed now */
        if (c->takes[i].seq >= 0) us_engine_seq_free(c->engine, c->takes[i].seq);
        c->takes[i].seq = -1;
    }
    for (size_t i = 0; i < n && !st; i++) {
        if ((st = us_engine_seq_fork(c->engine, c->alone, us_engine_seq_len(c->engine, c->alone), &seqs[i], err))) break;
        n_seqs++;
        if ((st = us_alloc(c->takes[i].ids.n, sizeof **scores, &scores[i], err))) break;
        spans[i] = (us_span){.seq = seqs[i], .tokens = c->takes[i].ids.ids, .n_tokens = (int32_t)c->takes[i].ids.n};
    }
    if (!st) st = us_engine_score(c->engine, spans, (int32_t)n, scores, err);
    for (size_t i = 0; i < n && !st; i++)
        for (size_t k = 0; k < c->takes[i].ids.n; k++) out[i] += (double)scores[i][k];
    for (size_t i = 0; i < n; i++) free(scores[i]);
    for (int32_t i = 0; i < n_seqs; i++) us_engine_seq_free(c->engine, seqs[i]);
    return st;
}

static us_status rank_takes(us_chat *c, size_t n, size_t *best, us_error *err) {
    double alone[US_MAX_TAKES] = {0};
    us_status st = n > 1 && c->card->weights.lambda > 0 ? score_alone(c, n, alone, err) : US_OK;
    *best = 0;
    for (size_t i = 0; i < n && !st; i++) {
        us_take *t = &c->takes[i];
        us_take_score(t, &c->card->weights, alone[i]);
        if (t->score > c->takes[*best].score) *best = i;
    }
    return st;
}

static us_status finish(us_chat *c, const us_take *t, us_reply *r, us_error *err) {
    size_t begin, end;
    const char *text = t->text.data ? t->text.data : "";
    us_take_spoken(t, c->tok, &begin, &end);
    char *shown, *copy;
    us_status st = us_strndup(text + begin, end - begin, &shown, err);
    if (st) return st;
    if ((st = us_strdup(shown, &copy, err))) {
        free(shown);
        return st;
    }
    line *last = &c->lines[c->n_lines - 1];
    free(last->reply);
    last->reply = shown;
    free(c->reply);
    c->reply = copy;
    r->text = copy;
    r->n_tokens = (int32_t)t->ids.n;
    r->score = t->score;
    r->end = t->looped ? US_END_LOOP : t->view.stopped ? US_END_LABEL : t->ended ? US_END_SELF : US_END_LENGTH;
    return US_OK;
}

static void count(us_chat *c, size_t n) {
    c->guard.n_takes += (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        c->guard.n_loops += c->takes[i].looped;
        c->guard.n_labels += c->takes[i].view.stopped;
    }
}

/* The reply to the last line: prompt, takes, ranking; a loop is tried once more with another seed. */
static us_status make_reply(us_chat *c, us_stream_fn *stream, void *ctx, us_reply *r, us_error *err) {
    us_tokens prompt = {0};
    int64_t start = us_now_ns();
    size_t best = 0;
    bool cancelled = false;
    us_status st = make_prompt(c, &prompt, NULL, err);
    if (!st && c->o.takes < 1) st = measure_takes(c, err);
    size_t n = st ? 0 : (size_t)c->o.takes;
    *r = (us_reply){.n_takes = (int32_t)n};
    for (int attempt = 0; attempt < 2 && !st; attempt++) {
        if ((st = us_engine_seq_set_tokens(c->engine, c->seq, prompt.ids, (int32_t)prompt.n, &r->n_cached_tokens, err))) break;
        for (size_t i = 0; i < n; i++) c->takes[i] = (us_take){.seq = -1};
        for (size_t i = 0; i < n && !st; i++)
            st = begin_take(c, &c->takes[i], c->next_seed++ * 0x9e3779b97f4a7c15u + i, &prompt, err);
        if (!st) st = run_takes(c, n, stream, ctx, &cancelled, err);
        if (!st && !cancelled) st = rank_takes(c, n, &best, err);
        if (!st && c->takes[best].looped && !attempt && n > 1 && !cancelled) {
            r->retried = true;
            count(c, n);
            c->guard.n_retries++;
            for (size_t i = 0; i < n; i++) end_take(c, &c->takes[i]);
            continue;
        }
        break;
    }
    count(c, n);
    c->guard.n_replies += !st;
    r->chosen = (int32_t)best;
    r->n_prompt_tokens = (int32_t)prompt.n;
    if (!st && cancelled && (n > 1 || c->takes[0].view.end == c->takes[0].view.begin))
        st = us_fail(err, US_ERR_INTERRUPTED, "stopped before the first word");
    if (!st) st = finish(c, &c->takes[best], r, err);
    if (!st && cancelled) r->end = US_END_CANCEL;
    if (!st && n > 1 && stream && !cancelled) stream(ctx, r->text, strlen(r->text));
    for (size_t i = 0; i < n; i++) end_take(c, &c->takes[i]);
    us_tokens_fini(&prompt);
    r->seconds = (double)(us_now_ns() - start) * 1e-9;
    return st;
}

us_status us_chat_say(us_chat *c, const char *text, us_stream_fn *stream, void *ctx, us_reply *r, us_error *err) {
    size_t n = strlen(text), bad;
    if (!n || n > MAX_TEXT_BYTES)
        return us_fail(err, n ? US_ERR_LIMIT : US_ERR_ARGUMENT, "a line of 1 to %d bytes is expected, got %zu", MAX_TEXT_BYTES,
                       n);
    if (!us_utf8_valid(text, n, &bad)) return us_fail(err, US_ERR_ARGUMENT, "the line is not UTF-8 (byte %zu)", bad + 1);
    if (c->n_lines >= MAX_MESSAGES)
        return us_fail(err, US_ERR_LIMIT, "the chat has %d lines, its limit: start a new one", MAX_MESSAGES);
    us_buf b;
    us_buf_init(&b, 2 * MAX_TEXT_BYTES);
    us_status st = us_grow(&c->lines, &c->cap_lines, c->n_lines + 1, sizeof *c->lines, err);
    if (!st && c->user_name) st = us_buf_appendf(&b, err, "%s: ", c->user_name);
    if (!st) st = us_buf_append(&b, text, n, err);
    if (!st) {
        c->lines[c->n_lines++] = (line){.user = us_buf_take(&b, NULL)};
        if ((st = make_reply(c, stream, ctx, r, err))) drop_last(c);
    }
    us_buf_fini(&b);
    return st;
}

us_status us_chat_regenerate(us_chat *c, us_stream_fn *stream, void *ctx, us_reply *r, us_error *err) {
    if (!c->n_lines) return us_fail(err, US_ERR_NOT_FOUND, "there is no line to answer yet");
    line *last = &c->lines[c->n_lines - 1];
    char *old = last->reply;
    last->reply = NULL;
    us_status st = make_reply(c, stream, ctx, r, err);
    if (st) last->reply = old;
    else free(old);
    return st;
}

/* ---- on disk ---------------------------------------------------------------------------------------------- */

us_status us_chat_save(const us_chat *c, const char *path, us_error *err) {
    json_t *root = json_object(), *turns = json_array();
    json_object_set_new(root, "understudy_chat", json_integer(1));
    json_object_set_new(root, "character", json_string(c->card->name));
    json_object_set_new(root, "turns", turns);
    for (size_t i = 0; i < c->n_lines; i++)
        json_array_append_new(
            turns, json_pack("{s:s, s:s}", "user", c->lines[i].user, "reply", c->lines[i].reply ? c->lines[i].reply : ""));
    char *text = json_dumps(root, JSON_INDENT(1));
    us_status st = text ? us_file_write_atomic(path, text, strlen(text), err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    json_decref(root);
    return st;
}

us_status us_chat_load(us_chat *c, const char *path, us_error *err) {
    json_t *root, *t;
    size_t i;
    us_status st = us_json_read(path, (size_t)64 << 20, &root, err);
    if (st) return st;
    json_t *turns = json_object_get(root, "turns");
    if (json_integer_value(json_object_get(root, "understudy_chat")) != 1 || !json_is_array(turns) ||
        json_array_size(turns) > MAX_MESSAGES)
        st = us_fail(err, US_ERR_FORMAT, "%s: not a chat saved by understudy", path);
    json_array_foreach(turns, i, t)
        if (!st && (!json_is_string(json_object_get(t, "user")) || !json_is_string(json_object_get(t, "reply"))))
            st = us_fail(err, US_ERR_FORMAT, "%s: turn %zu lacks user or reply", path, i + 1);
    if (!st) st = us_grow(&c->lines, &c->cap_lines, json_array_size(turns) + 1, sizeof *c->lines, err);
    if (!st) {
        while (us_chat_undo(c)) continue;
        json_array_foreach(turns, i, t) {
            line l = {0};
            st = us_strdup(json_string_value(json_object_get(t, "user")), &l.user, err);
            if (!st) st = us_strdup(json_string_value(json_object_get(t, "reply")), &l.reply, err);
            if (st) {
                free(l.user);
                break;
            }
            c->lines[c->n_lines++] = l;
        }
    }
    json_decref(root);
    return st;
}
