#include "serve/speech.h"
#include "base/mem.h"
#include "serve/remote.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_RETRIES = 2 };

struct us_speech {
    us_server *s;
    us_character *who;
    pthread_mutex_t lock; /* of job and cancelled: a stop may come from another thread */
    bool cancelled;
    us_job *job; /* one of the two */
    us_remote *remote;
    us_prompt prompt;
    us_job_spec spec;
    us_tokens ids, alone;
    char **texts, **names; /* [n_texts], [n_names]: all strings are owned */
    size_t n_texts, n_names;
    uint64_t seen;
    int n_retries;
    int32_t order[US_MAX_TAKES];
};

static us_status copy_strings(const char *const *a, size_t n, const char *const *b, size_t m, char ***out, size_t *n_out,
                              us_error *err) {
    us_status st = us_alloc(n + m, sizeof **out, out, err);
    for (size_t i = 0; i < n + m && !st; i++)
        if (!(st = us_strdup(i < n ? a[i] : b[i - n], &(*out)[i], err))) ++*n_out;
    return st;
}

/* Tokens that prompt and reply may take together. */
static int32_t room_of(const us_server *s) {
    int32_t trained = us_model_get_info(s->model)->n_ctx_train, ctx = us_engine_get_ctx(s->engine);
    return trained < ctx ? trained : ctx;
}

/* What a prompt must leave to the reply. A prompt that is not cut short may leave a single token: the reply is then as long as
 * the rest. */
static int32_t kept_free(const us_speech_spec *o, int32_t total) {
    int32_t most = o->shorten ? total / 2 : 1;
    return o->max_tokens < most ? o->max_tokens : most;
}

/* The prompt's tokens; what they must leave free is the reply. */
static us_status tokenize(us_speech *sp, const us_speech_spec *o, us_error *err) {
    us_server *s = sp->s;
    int32_t total = room_of(s), room = total - kept_free(o, total);
    us_status st = US_OK;
    if (sp->prompt.n) {
        size_t before = sp->prompt.n;
        st = us_prompt_tokenize(&sp->prompt, s->tpl, s->tok, room, &sp->ids,
                                sp->who && o->n_takes > 1 && !o->separate ? &sp->alone : NULL, err);
        if (!st && !o->shorten && sp->prompt.n < before)
            st = us_because(us_fail(err, US_ERR_LIMIT,
                                    "messages: they do not fit into the %d tokens that the context leaves beside the reply",
                                    room),
                            "context_length_exceeded", err);
        return st;
    }
    for (size_t i = 0; i < o->n_ids && !st; i++) st = us_tokens_push(&sp->ids, o->ids[i], err);
    if (!st && !o->n_ids && us_tokenizer_add_bos(s->tok) && us_tokenizer_bos(s->tok) >= 0)
        st = us_tokens_push(&sp->ids, us_tokenizer_bos(s->tok), err);
    if (!st && !o->n_ids) st = us_tokenizer_encode(s->tok, o->text, strlen(o->text), false, &sp->ids, err);
    if (!st && !sp->ids.n) st = us_fail(err, US_ERR_ARGUMENT, "prompt: it is empty");
    if (!st && (int64_t)sp->ids.n > room)
        st = us_because(us_fail(err, US_ERR_LIMIT,
                                "prompt: %zu tokens do not fit into the %d that the context leaves beside the reply", sp->ids.n,
                                room),
                        "context_length_exceeded", err);
    return st;
}

static us_status begin_own(us_speech *sp, const us_speech_spec *o, us_error *err) {
    us_server *s = sp->s;
    us_status st = sp->who ? us_character_load(sp->who, s->model, o->scale > 0, s->o.force_adapter, err) : US_OK;
    if (!st) st = tokenize(sp, o, err);
    if (st) return st;
    int32_t rest = room_of(s) - (int32_t)sp->ids.n, max_tokens = o->max_tokens < rest ? o->max_tokens : rest;
    if (o->max_tokens >= room_of(s) && o->n_takes > 1) /* as many as fit, of each */
        max_tokens =
            (rest - (int32_t)sp->alone.n) / (o->n_takes + 1) > 1 ? (rest - (int32_t)sp->alone.n) / (o->n_takes + 1) : 1;
    sp->spec = (us_job_spec){.prompt = sp->ids.ids,
                             .n_prompt = (int32_t)sp->ids.n,
                             .alone = sp->alone.ids,
                             .n_alone = (int32_t)sp->alone.n,
                             .n_takes = o->n_takes,
                             .separate = o->separate,
                             .probs = o->probs,
                             .adapter = sp->who && o->scale > 0 ? sp->who->adapter : NULL,
                             .scale = (float)o->scale,
                             .sampler = o->sampler,
                             .client = o->client};
    if (!sp->spec.adapter) sp->spec.scale = 0;
    sp->spec.rules = (us_take_rules){.tok = s->tok,
                                     .texts = (const char *const *)sp->texts,
                                     .n_texts = sp->n_texts,
                                     .max_tokens = max_tokens,
                                     .exact = o->plain && !o->prompt,
                                     .n_top = o->n_top};
    if (sp->who) {
        sp->spec.weights = sp->who->card->weights;
        sp->spec.phrases = sp->who->phrases;
        sp->spec.n_phrases = sp->who->n_phrases;
        sp->spec.rules.cut_loops = !o->plain;
        sp->spec.rules.leaks = o->plain ? NULL : s->leaks;
        if (!o->plain)
            sp->spec.rules.stops = (us_stops){(const char *const *)sp->names, sp->n_names, sp->who->card->name, true};
        sp->spec.rules.bonus = us_card_bonus;
        sp->spec.rules.bonus_ctx = sp->who->card;
    }
    return us_batch_submit(s->schedule, &sp->spec, &sp->job, err);
}

static us_status begin_remote(us_speech *sp, const us_speech_spec *o, us_error *err) {
    us_remote_spec r = {.url = sp->s->o.engine_url,
                        .key = sp->s->o.engine_key,
                        .model = sp->who ? sp->who->id : NULL,
                        .scale = o->scale,
                        .messages = sp->prompt.messages,
                        .n_messages = sp->prompt.n,
                        .text = o->text,
                        .sampler = o->sampler,
                        .max_tokens = o->max_tokens,
                        .texts = (const char *const *)sp->texts,
                        .n_texts = sp->n_texts,
                        .cut_loops = sp->who && !o->plain,
                        .no_thoughts = sp->who && !o->plain};
    if (r.cut_loops) r.stops = (us_stops){(const char *const *)sp->names, sp->n_names, sp->who->card->name, true};
    if (!sp->prompt.n && !o->text) return us_fail(err, US_ERR_UNSUPPORTED, "prompt: tokens cannot be given to another engine");
    return us_remote_begin(&r, &sp->remote, err);
}

us_status us_speech_begin(us_server *s, us_speech_spec *o, us_speech **out, us_error *err) {
    us_speech *sp;
    us_status st = us_alloc(1, sizeof *sp, &sp, err);
    if (st) {
        if (o->prompt) us_prompt_fini(o->prompt);
        return st;
    }
    sp->s = s;
    pthread_mutex_init(&sp->lock, NULL);
    if (o->prompt) sp->prompt = *o->prompt, *o->prompt = (us_prompt){0};
    if ((sp->who = o->who)) atomic_fetch_add(&sp->who->n_refs, 1);
    st = copy_strings(o->texts, o->n_texts, NULL, 0, &sp->texts, &sp->n_texts, err);
    if (!st && sp->who)
        st = copy_strings(sp->who->card->cast, sp->who->card->n_cast, o->others, o->n_others, &sp->names, &sp->n_names, err);
    if (!st) st = s->o.engine_url ? begin_remote(sp, o, err) : begin_own(sp, o, err);
    if (st) us_speech_free(sp);
    else *out = sp;
    return st;
}

/* Best first: the one that is spoken is the schedule's choice. */
static void sort_takes(us_speech *sp) {
    int32_t n, best;
    const us_take *t = us_job_get_takes(sp->job, &n, &best);
    for (int32_t i = 0; i < n; i++) {
        int32_t k = i;
        sp->order[i] = i;
        for (;
             !sp->spec.separate && k > 0 && (i == best || (sp->order[k - 1] != best && t[sp->order[k - 1]].score < t[i].score));
             k--)
            sp->order[k] = sp->order[k - 1];
        sp->order[k] = i;
    }
}

/* Every take was a loop, or none had a word: again with another seed. Nothing of it was shown. */
static bool retry(us_speech *sp) {
    int32_t n, best;
    us_error err;
    size_t begin, end;
    const us_take *t = us_job_get_takes(sp->job, &n, &best);
    if (!sp->spec.rules.cut_loops || sp->spec.separate || sp->n_retries == MAX_RETRIES || !n) return false;
    us_take_spoken(&t[best], sp->s->tok, &begin, &end);
    if (end > begin && (n < 2 || !t[best].looped)) return false;
    us_job *again;
    sp->n_retries++;
    sp->spec.sampler.seed += 0x5bd1e995;
    if (us_batch_submit(sp->s->schedule, &sp->spec, &again, &err)) return false;
    pthread_mutex_lock(&sp->lock);
    us_job *old = sp->job;
    sp->job = again;
    sp->seen = 0;
    if (sp->cancelled) us_job_cancel(again);
    pthread_mutex_unlock(&sp->lock);
    us_job_free(old);
    return true;
}

us_speech_view us_speech_wait(us_speech *sp, int timeout_ms) {
    if (sp->remote) {
        us_remote_view v = us_remote_wait(sp->remote, &sp->seen, timeout_ms);
        return (us_speech_view){v.done, v.status, v.n_prompt, v.n_prompt, v.n_cached, 1, v.done};
    }
    us_job_view v = us_job_wait(sp->job, &sp->seen, timeout_ms);
    if (v.done && !v.status && retry(sp)) v = (us_job_view){0};
    if (v.done) sort_takes(sp);
    return (us_speech_view){v.done, v.status, (int32_t)sp->ids.n, v.n_read, v.n_cached, sp->spec.n_takes, v.n_made};
}

us_status us_speech_read(us_speech *sp, int32_t i, size_t from, us_buf *out, us_error *err) {
    return sp->remote ? us_remote_read(sp->remote, from, out, err) : us_job_read(sp->job, i, from, out, err);
}

us_status us_speech_probs(us_speech *sp, int32_t i, size_t from, us_prob **out, size_t *n, us_error *err) {
    if (sp->job) return us_job_read_probs(sp->job, i, from, out, n, err);
    *n = 0;
    return us_alloc(0, sizeof **out, out, err);
}

void us_speech_cancel(us_speech *sp) {
    pthread_mutex_lock(&sp->lock);
    sp->cancelled = true;
    if (sp->remote) us_remote_cancel(sp->remote);
    else us_job_cancel(sp->job);
    pthread_mutex_unlock(&sp->lock);
}

int32_t us_speech_count(const us_speech *sp) {
    int32_t n, best;
    if (sp->remote) return 1;
    us_job_get_takes(sp->job, &n, &best);
    return n;
}

us_spoken us_speech_get(us_speech *sp, int32_t i) {
    if (sp->remote) return us_remote_get(sp->remote);
    int32_t n, best;
    const us_take *t = &us_job_get_takes(sp->job, &n, &best)[sp->order[i]];
    size_t begin, end;
    us_take_spoken(t, sp->s->tok, &begin, &end);
    return (us_spoken){t->text.data ? t->text.data + begin : "",
                       end - begin,
                       t->score,
                       t->looped         ? "loop"
                       : t->view.stopped ? "label"
                       : t->ended        ? "self"
                       : t->done         ? "length"
                                         : "cancel",
                       (int32_t)t->ids.n,
                       t};
}

const us_error *us_speech_error(const us_speech *sp) {
    return sp->remote ? us_remote_error(sp->remote) : us_job_get_error(sp->job);
}
const us_tokens *us_speech_prompt(const us_speech *sp) { return &sp->ids; }

void us_speech_free(us_speech *sp) {
    if (!sp) return;
    us_job_free(sp->job);
    us_remote_free(sp->remote);
    us_prompt_fini(&sp->prompt);
    us_tokens_fini(&sp->ids);
    us_tokens_fini(&sp->alone);
    for (size_t i = 0; i < sp->n_texts; i++) free(sp->texts[i]);
    for (size_t i = 0; i < sp->n_names; i++) free(sp->names[i]);
    free(sp->texts);
    free(sp->names);
    us_character_put(sp->who);
    pthread_mutex_destroy(&sp->lock);
    free(sp);
}
