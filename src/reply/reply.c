/* The policy becomes rules, a sampler and seeds; the reply is made by the batch or by another server; the caller sees one
 * kind of handle. */
#include "reply/reply.h"
#include "base/mem.h"
#include "reply/remote.h"
#include "reply/stand.h"
#include "text/fold.h"
#include <stdlib.h>
#include <string.h>

static const double patience_seconds = 0.9;

struct us_reply {
    us_backend *backend;
    us_reply_spec spec;    /* what it owns; its policy's names and texts are ours */
    us_logit_bias *denial; /* [n_denial] */
    size_t n_denial;
    char **names, **texts; /* [n_names], [n_texts] */
    size_t n_names, n_texts;
    us_job *job; /* one of the two */
    us_remote *remote;
    uint64_t seen;
    bool finished;    /* once done, what follows is there */
    us_status status; /* of finishing, with its words */
    us_error error;
    char *words[US_MAX_TAKES];   /* of our takes, in the order of drawing */
    int32_t order[US_MAX_TAKES]; /* best first */
};

const char *us_reply_end_name(us_reply_end end) {
    static const char *const names[] = {"self", "label", "length", "loop", "cancel"};
    return names[end];
}

/* ---- where replies are made ------------------------------------------------------------------------------------ */

us_status us_backend_open(us_engine *engine, int32_t n_slots, int32_t n_queue, us_backend *out, us_error *err) {
    us_backend b = {.engine = engine, .model = us_engine_get_model(engine)};
    b.tok = us_model_get_tokenizer(b.model);
    us_status st = us_model_get_template(b.model, &b.tpl, err);
    if (!st) st = us_leaks_open(NULL, &b.leaks, err);
    if (!st) st = us_batch_new(engine, n_slots, n_queue, &b.batch, err);
    if (st) us_leaks_free(b.leaks);
    else *out = b;
    return st;
}

us_status us_backend_open_remote(const char *url, const char *key, int32_t timeout_s, us_backend *out, us_error *err) {
    us_backend b = {.timeout_s = timeout_s};
    us_status st = us_remote_check(url, key, timeout_s, err);
    if (!st) st = us_strdup(url, &b.url, err);
    if (!st && key) st = us_strdup(key, &b.key, err);
    if (st) us_backend_close(&b);
    else *out = b;
    return st;
}

bool us_backend_is_busy(us_backend *b) {
    us_batch_stats m = b->batch ? us_batch_get_stats(b->batch) : (us_batch_stats){0};
    return m.n_running + m.n_queued + b->n_asked > 0;
}

void us_backend_stop(us_backend *b) {
    if (b->batch) us_batch_stop(b->batch);
}

void us_backend_close(us_backend *b) {
    us_batch_free(b->batch);
    us_leaks_free(b->leaks);
    free(b->url);
    free(b->key);
    *b = (us_backend){0};
}

/* ---- the policy ------------------------------------------------------------------------------------------------- */

static int32_t or_default(int32_t n, int32_t usual) { return n > 0 ? n : usual; }

/* Tokens that prompt and reply take together. */
static int32_t total_of(const us_backend *b, const us_reply_policy *p) {
    int32_t total = us_model_get_info(b->model)->n_ctx_train, has = us_batch_most_tokens(b->batch, 1, 0, 0);
    if (total > has) total = has;
    return p->context > 0 && p->context < total ? p->context : total;
}

int32_t us_reply_room(const us_backend *b, const us_reply_policy *p) {
    if (!b->batch) return INT32_MAX; /* the other server says when it is too much */
    int32_t total = total_of(b, p), n = or_default(p->n_takes, 1), most = p->whole ? 1 : total / 2 / n;
    int32_t kept_free = or_default(p->max_tokens, US_REPLY_TOKENS);
    if (kept_free > most) kept_free = most;
    int32_t fits = us_batch_room(b->batch, n, kept_free);
    return total - kept_free < fits ? total - kept_free : fits;
}

/* As many tokens as are wanted, if so many fit behind this prompt. */
static int32_t most_tokens(const us_reply *r, int32_t n_takes) {
    const us_reply_spec *s = &r->spec;
    int32_t wanted = or_default(s->policy.max_tokens, US_REPLY_TOKENS), n_prompt = (int32_t)s->prompt.n;
    if (!r->backend->batch) return wanted;
    int32_t rest = total_of(r->backend, &s->policy) - n_prompt,
            fits = us_batch_most_tokens(r->backend->batch, n_takes, n_prompt, (int32_t)s->unconditional.n);
    int32_t most = rest < fits ? rest : fits;
    return wanted < most || most < 1 ? wanted : most;
}

static bool has_name(char **names, size_t n, const char *name, size_t len) {
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) == len && !memcmp(names[i], name, len)) return true;
    return false;
}

static us_status add_name(us_reply *r, const char *name, size_t n, us_error *err) {
    if (!n || has_name(r->names, r->n_names, name, n)) return US_OK;
    us_status st = us_strndup(name, n, &r->names[r->n_names], err);
    if (!st) r->n_names++;
    return st;
}

/* The names whose labels end the reply: whole and first names, each once; never the character's own. */
static us_status copy_names(us_reply *r, const us_reply_policy *p, us_error *err) {
    us_status st = us_alloc(2 * p->n_names, sizeof *r->names, &r->names, err);
    size_t own = p->own ? us_first_name(p->own) : 0;
    for (size_t i = 0; i < p->n_names && !st && p->own; i++) {
        const char *name = p->names[i];
        size_t first = us_first_name(name);
        if (!name || !strcmp(name, p->own)) continue;
        st = add_name(r, name, strlen(name), err);
        if (!st && first && !(first == own && !memcmp(name, p->own, own))) st = add_name(r, name, first, err);
    }
    return st;
}

static us_status copy_texts(us_reply *r, const us_reply_policy *p, us_error *err) {
    us_status st = us_alloc(p->n_texts, sizeof *r->texts, &r->texts, err);
    for (size_t i = 0; i < p->n_texts && !st; i++)
        if (!(st = us_strdup(p->texts[i], &r->texts[i], err))) r->n_texts++;
    return st;
}

static us_take_rules rules_of(const us_reply *r, int32_t n_takes) {
    const us_reply_policy *p = &r->spec.policy;
    us_take_rules rules = {.tok = r->backend->tok,
                           .texts = (const char *const *)r->texts,
                           .n_texts = r->n_texts,
                           .max_tokens = most_tokens(r, n_takes),
                           .cut_loops = p->own != NULL,
                           .exact = p->exact,
                           .n_top = p->n_top};
    if (p->own && !p->no_labels) rules.stops = (us_stops){(const char *const *)r->names, r->n_names, p->own, true};
    return rules;
}

static us_ranking ranking_of(const us_reply *r) {
    const us_reply_policy *p = &r->spec.policy;
    us_ranking ranking = {.weights = p->weights, .leaks = p->own ? r->backend->leaks : NULL};
    memcpy(ranking.judges, p->judges, sizeof ranking.judges);
    return ranking;
}

static int32_t takes_of(const us_reply *r) {
    const us_reply_policy *p = &r->spec.policy;
    int32_t n = or_default(p->n_takes, 1);
    if (!p->hurry || p->separate || !r->backend->batch) return n;
    us_batch_stats m = us_batch_get_stats(r->backend->batch);
    n /= 1 + m.n_running + m.n_queued;
    return n > 0 ? n : 1;
}

/* ---- begin ---------------------------------------------------------------------------------------------------------- */

static us_conversation_view view_of(const us_reply_spec *s) {
    return (us_conversation_view){.lines = s->lines,
                                  .n_lines = s->n_lines,
                                  .recalled = s->recalled,
                                  .told = s->told,
                                  .who = s->policy.own,
                                  .messages = s->messages,
                                  .n_messages = s->n_messages};
}

/* The sampler's biases and one more, for the last attempt of a reply whose takes were all leaks: a word that denies comes first.
 * As it stands at a reply's beginning, without a blank, it comes nowhere else. */
static us_status make_denial(us_reply *r, us_error *err) {
    static const float likelier = 6;
    const us_reply_spec *s = &r->spec;
    const us_sampler_options *o = &s->policy.sampler;
    const char *word = s->policy.own ? us_stand_word(s->lines, s->n_lines, s->policy.own) : NULL;
    us_tokens ids = {0};
    us_status st = word ? us_tokenizer_encode(r->backend->tok, word, strlen(word), false, &ids, err) : US_OK;
    if (!st && ids.n == 1) {
        st = us_alloc(o->n_biases + 1, sizeof *r->denial, &r->denial, err);
        if (!st && o->n_biases) memcpy(r->denial, o->biases, o->n_biases * sizeof *o->biases);
        if (!st) r->denial[o->n_biases] = (us_logit_bias){ids.ids[0], likelier}, r->n_denial = o->n_biases + 1;
    }
    us_tokens_fini(&ids);
    return st;
}

static us_status begin_own(us_reply *r, us_error *err) {
    us_status st = make_denial(r, err);
    if (st) return st;
    const us_reply_spec *s = &r->spec;
    const us_reply_policy *p = &s->policy;
    int32_t n_takes = takes_of(r);
    us_job_spec job = {.prompt = s->prompt.ids,
                       .n_prompt = (int32_t)s->prompt.n,
                       .unconditional = s->unconditional.ids,
                       .n_unconditional = (int32_t)s->unconditional.n,
                       .view = view_of(s),
                       .n_takes = n_takes,
                       .patience_seconds = p->hurry ? patience_seconds : 0,
                       .n_attempts = p->own ? US_REPLY_ATTEMPTS : 1,
                       .denial = r->denial,
                       .n_denial = r->n_denial,
                       .probs = p->probs,
                       .prompt_probs = p->prompt_probs,
                       .separate = p->separate,
                       .adapter = p->scale > 0 ? p->adapter : NULL,
                       .sampler = p->sampler,
                       .rules = rules_of(r, n_takes),
                       .ranking = ranking_of(r),
                       .phrases = p->phrases,
                       .n_phrases = p->n_phrases,
                       .client = p->client};
    if (job.adapter) job.scale = (float)p->scale;
    return us_batch_submit(r->backend->batch, &job, &r->job, err);
}

static us_status begin_remote(us_reply *r, us_error *err) {
    const us_reply_spec *s = &r->spec;
    const us_reply_policy *p = &s->policy;
    us_remote_spec remote = {.url = r->backend->url,
                             .key = r->backend->key,
                             .n_asked = &r->backend->n_asked,
                             .timeout_s = r->backend->timeout_s,
                             .model = s->remote_model,
                             .scale = p->scale,
                             .view = view_of(s),
                             .text = s->text,
                             .sampler = p->sampler,
                             .n_takes = takes_of(r),
                             .n_attempts = p->own ? US_REPLY_ATTEMPTS : 1,
                             .separate = p->separate,
                             .rules = rules_of(r, 1),
                             .no_thoughts = p->own != NULL,
                             .ranking = ranking_of(r)};
    if (!s->n_messages && !s->text) return us_fail(err, US_ERR_UNSUPPORTED, "prompt: tokens cannot be given to another engine");
    return us_remote_begin(&remote, &r->remote, err);
}

/* What it owned is somebody else's, or freed. */
static void let_go(us_reply_spec *s) {
    s->prompt = s->unconditional = (us_tokens){0};
    s->messages = NULL;
    s->message_text = NULL;
    s->lines = NULL;
    s->n_lines = 0;
    s->recalled = s->told = NULL;
    s->biases = NULL;
}

void us_reply_spec_fini(us_reply_spec *s) {
    us_tokens_fini(&s->prompt);
    us_tokens_fini(&s->unconditional);
    free(s->messages);
    free(s->message_text);
    for (size_t i = 0; i < s->n_lines; i++) {
        free((char *)(uintptr_t)s->lines[i].name);
        free((char *)(uintptr_t)s->lines[i].text);
    }
    free(s->lines);
    free(s->recalled);
    free(s->told);
    free(s->biases);
    let_go(s);
}

us_status us_reply_begin(us_backend *b, us_reply_spec *spec, us_reply **out, us_error *err) {
    us_reply *r;
    us_status st = us_alloc(1, sizeof *r, &r, err);
    if (st) {
        us_reply_spec_fini(spec);
        return st;
    }
    r->backend = b;
    r->spec = *spec;
    let_go(spec);
    if (r->spec.biases) r->spec.policy.sampler.biases = r->spec.biases, r->spec.policy.sampler.n_biases = r->spec.n_biases;
    st = copy_names(r, &spec->policy, err);
    if (!st) st = copy_texts(r, &spec->policy, err);
    if (!st) st = b->batch ? begin_own(r, err) : begin_remote(r, err);
    if (st) us_reply_free(r);
    else *out = r;
    return st;
}

/* ---- while it is made --------------------------------------------------------------------------------------------- */

static us_reply_text text_of_take(const us_reply *r, int32_t i) {
    int32_t n, best;
    const us_take *t = &us_job_get_takes(r->job, &n, &best)[i];
    const char *words = r->words[i] ? r->words[i] : "";
    return (us_reply_text){words,
                           strlen(words),
                           t->score,
                           t->looped         ? US_END_LOOP
                           : t->view.stopped ? US_END_LABEL
                           : t->ended        ? US_END_SELF
                           : t->done         ? US_END_LENGTH
                                             : US_END_CANCEL,
                           (int32_t)t->ids.n,
                           t};
}

us_reply_text us_reply_get_drawn(const us_reply *r, int32_t i) {
    return r->remote ? us_remote_get(r->remote, i) : text_of_take(r, i);
}

int32_t us_reply_count(const us_reply *r) {
    int32_t n, best;
    if (r->remote) return us_remote_count(r->remote, &best);
    us_job_get_takes(r->job, &n, &best);
    return n;
}

/* Best first: the one that is spoken is the ranking's choice. */
static void sort_takes(us_reply *r) {
    int32_t best, n = us_reply_count(r);
    if (r->remote) us_remote_count(r->remote, &best);
    else us_job_get_takes(r->job, &n, &best);
    for (int32_t i = 0; i < n; i++) {
        int32_t k = i;
        double score = us_reply_get_drawn(r, i).score;
        for (; !r->spec.policy.separate && k > 0 &&
               (i == best || (r->order[k - 1] != best && us_reply_get_drawn(r, r->order[k - 1]).score < score));
             k--)
            r->order[k] = r->order[k - 1];
        r->order[k] = i;
    }
}

/* Once, by whoever waits. */
static void finish(us_reply *r) {
    int32_t n, best;
    const us_take *takes = r->job ? us_job_get_takes(r->job, &n, &best) : NULL;
    for (int32_t i = 0; takes && i < n && !r->status; i++)
        r->status = us_take_words(&takes[i], r->backend->tok, &r->words[i], &r->error);
    sort_takes(r);
    r->finished = true;
}

us_reply_view us_reply_wait(us_reply *r, int timeout_ms) {
    us_reply_view v;
    if (r->remote) v = us_remote_wait(r->remote, &r->seen, timeout_ms);
    else {
        us_job_view j = us_job_wait(r->job, &r->seen, timeout_ms);
        v = (us_reply_view){
            j.done,    j.status,  (int32_t)r->spec.prompt.n, j.n_read, j.n_cached, j.n_takes, j.n_made, j.n_attempts,
            j.n_loops, j.n_labels};
    }
    if (v.done && !r->finished) finish(r);
    if (v.done && r->status) v.status = r->status;
    return v;
}

us_status us_reply_read(us_reply *r, int32_t i, size_t from, us_buf *out, us_error *err) {
    return r->remote ? us_remote_read(r->remote, i, from, out, err) : us_job_read(r->job, i, from, out, err);
}

us_status us_reply_read_draft(us_reply *r, us_buf *out, us_error *err) {
    return r->remote ? US_OK : us_job_read_draft(r->job, out, err);
}

us_status us_reply_read_probs(us_reply *r, int32_t i, size_t from, us_prob **out, size_t *n, us_error *err) {
    if (r->job) return us_job_read_probs(r->job, i, from, out, n, err);
    *n = 0;
    return us_alloc(0, sizeof **out, out, err);
}

us_status us_reply_read_prompt_probs(us_reply *r, us_prob **out, size_t *n, us_error *err) {
    if (r->job) return us_job_read_prompt_probs(r->job, out, n, err);
    *n = 0;
    return us_alloc(0, sizeof **out, out, err);
}

void us_reply_cancel(us_reply *r) {
    if (r->remote) us_remote_cancel(r->remote);
    else us_job_cancel(r->job);
}

us_reply_text us_reply_get(const us_reply *r, int32_t i) { return us_reply_get_drawn(r, r->order[i]); }

const us_error *us_reply_error(const us_reply *r) {
    if (r->status) return &r->error;
    return r->remote ? us_remote_error(r->remote) : us_job_get_error(r->job);
}

const us_tokens *us_reply_prompt(const us_reply *r) { return &r->spec.prompt; }

void us_reply_free(us_reply *r) {
    if (!r) return;
    us_job_free(r->job);
    us_remote_free(r->remote);
    us_reply_spec_fini(&r->spec);
    free(r->denial);
    for (int i = 0; i < US_MAX_TAKES; i++) free(r->words[i]);
    for (size_t i = 0; i < r->n_texts; i++) free(r->texts[i]);
    for (size_t i = 0; i < r->n_names; i++) free(r->names[i]);
    free(r->texts);
    free(r->names);
    free(r);
}
