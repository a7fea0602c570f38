/* Answers to every prompt, many at once, made by the code that serves (chat/conversation.h, reply/reply.h): the same prompts,
 * attempts, stops, seeds and ranking. A reply of seed s to a prompt is the one that the chat gives for that seed. */
#include "audition/audition.h"
#include "base/mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DECODED_AT_ONCE = 64, CHAT_TURNS = 20, N_CHATS = 6 };

/* ---- one answer, kept and remembered ------------------------------------------------------------------- */

static us_status keep(const us_reply *reply, us_answer *r, us_error *err) {
    int32_t n = us_reply_count(reply);
    us_status st = us_alloc((size_t)n, sizeof *r->takes, &r->takes, err);
    for (int32_t i = 0; i < n && !st; i++) {
        us_reply_text t = us_reply_get_drawn(reply, i);
        r->takes[i] = (us_kept_take){NULL,
                                     t.take->logprob,
                                     t.take->unconditional,
                                     t.take->judged,
                                     t.n_tokens,
                                     t.take->ended,
                                     t.take->looped,
                                     t.take->view.stopped,
                                     NAN,
                                     0};
        st = us_strndup(t.text, t.n, &r->takes[i].text, err);
        if (!st) r->n_takes = i + 1;
    }
    return st;
}

static json_t *to_json(const us_answer *r) {
    json_t *list = json_array();
    for (int32_t i = 0; i < r->n_takes; i++) {
        const us_kept_take *t = &r->takes[i];
        json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f, s:i, s:i}", "text", t->text, "lp", t->logprob, "alone",
                                              t->unconditional, "judged", t->judged, "n", t->n_tokens, "flags",
                                              t->ended | t->looped << 1 | t->stopped << 2));
    }
    return list;
}

static us_status from_json(const json_t *list, us_answer *r, us_error *err) {
    size_t i;
    json_t *x;
    us_status st = us_alloc(json_array_size(list), sizeof *r->takes, &r->takes, err);
    json_array_foreach(list, i, x) {
        if (st) break;
        int flags = (int)json_integer_value(json_object_get(x, "flags"));
        const char *text = json_string_value(json_object_get(x, "text"));
        r->takes[i] = (us_kept_take){NULL,
                                     json_number_value(json_object_get(x, "lp")),
                                     json_number_value(json_object_get(x, "alone")),
                                     json_number_value(json_object_get(x, "judged")),
                                     (int32_t)json_integer_value(json_object_get(x, "n")),
                                     flags & 1,
                                     flags >> 1 & 1,
                                     flags >> 2 & 1,
                                     NAN,
                                     0};
        st = us_strdup(text ? text : "", &r->takes[i].text, err);
        if (!st) r->n_takes = (int32_t)i + 1;
    }
    return st;
}

int32_t us_audition_choose(const us_audition *a, const us_message *asked, size_t n_asked, const us_answer *r, int32_t n) {
    int32_t best = 0;
    us_candidate takes[US_MAX_TAKES];
    us_said lines[US_PROBE_LINES];
    us_conversation_view seen = {.lines = lines, .who = a->card->name}; /* the judges' values are kept */
    seen.n_lines = us_probe_lines(asked, n_asked, lines);
    us_ranking ranking = {.weights = a->card->weights, .leaks = a->leaks};
    ranking.weights.lambda = n > 1 ? a->lambda : 0;
    if (n > r->n_takes) n = r->n_takes;
    for (int32_t i = 0; i < n; i++) {
        const us_kept_take *t = &r->takes[i];
        takes[i] = (us_candidate){.text = t->text,
                                  .logprob = t->logprob,
                                  .unconditional = t->unconditional,
                                  .judged = t->judged,
                                  .n_tokens = t->n_tokens,
                                  .ended = t->ended,
                                  .stopped = t->stopped,
                                  .looped = t->looped};
    }
    return n > 0 && us_rank(&ranking, &seen, takes, n, &best, NULL) == US_OK ? best : 0;
}

/* ---- many answers --------------------------------------------------------------------------------------- */

typedef struct order {
    const us_message *messages;
    size_t n_messages;
    bool chat; /* with a visitor, not a scene */
    uint64_t seed;
    char name[48]; /* in the journal */
    us_answer *to;
    us_reply *reply;
} order;

typedef struct batch {
    us_audition *a;
    us_who who;
    us_backend backend;
    const char *stage;
    size_t done, total;
    us_error *err;
} batch;

/* The model alone gives one answer, as in any chat program: takes are part of what makes a character. */
static int32_t takes_made(const us_audition *a, us_who who) {
    int32_t most = a->n_takes;
    for (int i = 0; i < a->n_counts; i++)
        if (a->counts[i] > most) most = a->counts[i];
    return who == US_WHO_BASE ? 1 : most;
}

static us_status submit(batch *b, order *o) {
    us_audition *a = b->a;
    us_chat_line *lines;
    us_reply_policy p = {.sampler = a->sampler, .n_takes = takes_made(a, b->who), .max_tokens = a->o.max_tokens};
    us_status st = us_alloc(o->n_messages + 1, sizeof *lines, &lines, b->err);
    if (st) return st;
    us_conversation c = us_audition_conversation(a, b->who, o->chat, o->messages, o->n_messages, lines);
    p.sampler.seed = o->seed;
    if (a->lambda > 0) p.weights = (us_take_weights){a->lambda, a->card->weights.length_power};
    st = us_conversation_begin(&b->backend, &c, &p, &o->reply, b->err);
    free(lines);
    return st;
}

static us_status await(batch *b, order *o) {
    us_reply_view v = {0};
    us_status st = US_OK;
    while (!v.done && !st) {
        v = us_reply_wait(o->reply, 300);
        if (!us_audition_tell(b->a, b->stage, b->done, b->total)) st = us_fail(b->err, US_ERR_INTERRUPTED, "interrupted");
    }
    if (!st && v.status) {
        if (b->err) *b->err = *us_reply_error(o->reply);
        return v.status;
    }
    if (!st) st = keep(o->reply, o->to, b->err);
    if (!st) st = us_journal_put(b->a->journal, o->name, to_json(o->to), b->err);
    return st;
}

static us_status run_orders(batch *b, order *orders, size_t n) {
    us_status st = US_OK;
    size_t submitted = 0;
    for (size_t i = 0; i < n && !st; i++) {
        const json_t *known = us_journal_get(b->a->journal, orders[i].name);
        if (known) st = from_json(known, orders[i].to, b->err);
    }
    for (; submitted < n && !st; submitted++)
        if (!orders[submitted].to->takes) st = submit(b, &orders[submitted]);
    for (size_t i = 0; i < n && !st; i++) {
        if (orders[i].reply) {
            st = await(b, &orders[i]);
            if (!st) us_reply_free(orders[i].reply), orders[i].reply = NULL;
        }
        if (!st)
            orders[i].to->best =
                us_audition_choose(b->a, orders[i].messages, orders[i].n_messages, orders[i].to, b->a->n_takes);
        b->done++;
    }
    if (st) us_backend_stop(&b->backend); /* all at once, instead of one by one */
    for (size_t i = 0; i < n; i++) us_reply_free(orders[i].reply);
    return st;
}

static us_status begin(batch *b, size_t n_orders) {
    us_audition *a = b->a;
    int32_t n_slots = DECODED_AT_ONCE / takes_made(a, b->who);
    return us_backend_open(a->engine, n_slots > 0 ? n_slots : 1, (int32_t)n_orders + 1, &b->backend, b->err);
}

static void end(batch *b) { us_backend_close(&b->backend); }

us_status us_audition_answer(us_audition *a, us_who who, us_error *err) {
    size_t n_seeds = (size_t)a->o.n_seeds;
    char stage[64];
    snprintf(stage, sizeof stage, "replies (%s)", us_who_name(who));
    batch b = {.a = a, .who = who, .stage = stage, .err = err, .total = a->n_answers};
    order *orders = NULL;
    us_status st = us_alloc(a->n_answers, sizeof *orders, &orders, err);
    if (!st) st = us_alloc(a->n_answers, sizeof *a->answers[who], &a->answers[who], err);
    if (!st) st = begin(&b, a->n_answers);
    for (size_t i = 0; i < a->n_answers && !st; i++) {
        us_answer *r = &a->answers[who][i];
        r->probe = (uint32_t)(i / n_seeds);
        r->seed = (uint32_t)(i % n_seeds);
        const us_probe *p = &a->probes.items[r->probe];
        orders[i] = (order){p->messages, p->n, p->kind != US_PROBE_HELD_OUT, a->o.seed + r->seed, "", r, NULL};
        snprintf(orders[i].name, sizeof orders[i].name, "%s/%u/%u", us_who_name(who), r->probe, r->seed);
    }
    if (!st) st = run_orders(&b, orders, a->n_answers);
    end(&b);
    free(orders);
    return st;
}

/* ---- chats of 20 turns ------------------------------------------------------------------------------------ */

/* Chat c up to its turn t; how much of it the model sees is the prompt's affair. */
static size_t chat_messages(const us_chat_log *c, size_t t, us_message *m) {
    size_t n = 0;
    for (size_t i = 0; i <= t; i++) {
        m[n++] = (us_message){"user", c->said[i]};
        if (i < t) m[n++] = (us_message){"assistant", c->answers[i].takes[c->answers[i].best].text};
    }
    return n;
}

static us_status open_chats(us_audition *a, us_who who, us_error *err) {
    size_t n_openings;
    const char *const *lines = us_openings(&n_openings);
    us_status st = us_alloc(N_CHATS, sizeof *a->chats[who], &a->chats[who], err);
    if (!st) a->n_chats = N_CHATS;
    for (size_t c = 0; c < N_CHATS && !st; c++) {
        us_chat_log *log = &a->chats[who][c];
        st = us_alloc(CHAT_TURNS, sizeof *log->said, &log->said, err);
        if (!st) st = us_alloc(CHAT_TURNS, sizeof *log->answers, &log->answers, err);
        if (!st) log->n = CHAT_TURNS;
        for (size_t t = 0; t < CHAT_TURNS && !st; t++)
            log->said[t] = lines[(c * 7 + t * (2 * c + 1)) % n_openings]; /* each chat in another order */
    }
    return st;
}

us_status us_audition_chats(us_audition *a, us_who who, us_error *err) {
    char stage[64];
    snprintf(stage, sizeof stage, "chats (%s)", us_who_name(who));
    batch b = {.a = a, .who = who, .stage = stage, .err = err, .total = N_CHATS * CHAT_TURNS};
    order orders[N_CHATS];
    us_message *m = NULL;
    size_t per = 2 * CHAT_TURNS;
    us_status st = open_chats(a, who, err);
    if (!st) st = us_alloc(N_CHATS * per, sizeof *m, &m, err);
    if (!st) st = begin(&b, N_CHATS);
    for (size_t t = 0; t < CHAT_TURNS && !st; t++) {
        for (size_t c = 0; c < N_CHATS; c++) {
            us_chat_log *log = &a->chats[who][c];
            orders[c] = (order){m + c * per, chat_messages(log, t, m + c * per), true, a->o.seed, "", &log->answers[t], NULL};
            snprintf(orders[c].name, sizeof orders[c].name, "%s/chat/%zu/%zu", us_who_name(who), c, t);
        }
        st = run_orders(&b, orders, N_CHATS);
    }
    end(&b);
    free(m);
    return st;
}
