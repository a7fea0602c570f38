/* The worker's round: admit jobs, gather spans of their prompts and takes, one pass of the engine, then each take draws its
 * token; finished jobs are ranked and published. */
#include "reply/batch.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "generate/engine.h"
#include "kern/kern.h"
#include "text/hash.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    DRAFT_NS = 60000000, /* between two views of a draft */
    PREFILL_CHUNK = 256, /* prompt tokens of a pass */
    PROBS_CHUNK = 32,    /* of them, where the logits of each are wanted */
    TAKE_SLACK = 64,     /* tokens beyond a take's: pages are shared, and begun */
    WORTH_WAITING = 32,  /* tokens that another job is just reading, for which one waits */
    N_TIMED = 3,         /* passes after which takes may be given up */
    USUAL_TOKENS = 24    /* of a reply */
};

struct us_job {
    us_batch *s;
    us_job *next;
    us_job_spec spec;
    uint64_t seed; /* of the sampler, folded with the prompt */
    int32_t seq, n_read, n_cached, best, attempt, n_loops, n_labels;
    bool again; /* us_rank_again() of the best */
    us_take takes[US_MAX_TAKES];
    int n_timed;                  /* passes that were timed with this number of takes */
    double pass_seconds;          /* the fastest of them */
    size_t n_shown[US_MAX_TAKES]; /* bytes of the take that have been published */
    us_buf shown[US_MAX_TAKES];   /* valid UTF-8; published under the lock, as is everything below */
    us_buf draft;                 /* what one of several takes has so far */
    int32_t leading;              /* which */
    int64_t drafted_ns;           /* when the draft was taken */
    us_buf probs[US_MAX_TAKES];   /* us_prob, when they are asked for */
    us_buf prompt_probs;
    pthread_cond_t news;
    uint64_t version;
    bool decoding, ranked, cancel, done;
    us_job_view view;
    us_status status;
    us_error err;
};

/* Where a span of the batch came from. */
typedef struct origin {
    us_job *job;
    int32_t take; /* -1: its prompt */
} origin;

struct us_batch {
    us_engine *engine;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle; /* for the worker; for who waits until it has forgotten an adapter */
    const us_adapter *forget;
    us_job *queue, *running;
    int32_t n_slots, n_queue_max;
    bool stop;
    int32_t n_kept_max; /* so many prefixes that no reply's sequences are missing */
    us_span *spans;
    origin *origins;
    us_batch_stats stats;
};

/* ---- joining -------------------------------------------------------------------------------------------- */

/* For those who come back soon, two sequences a place are kept if there is room at all; more, while the cache is filled to a
 * quarter. */
static void trim(us_batch *s) {
    int32_t n_ctx = us_engine_get_ctx(s->engine);
    const us_prefixes *p = &s->engine->prefixes;
    while (p->n >= s->n_kept_max || (p->n > 2 * s->n_slots && n_ctx - us_engine_get_free(s->engine) > n_ctx / 4))
        us_prefix_drop_oldest(s->engine);
}

/* A sequence with the longest known prefix of ids[0..n), of which at least the last is left to evaluate. */
static us_status begin_seq(us_batch *s, const int32_t *ids, int32_t n, const us_adapter *a, float scale, int32_t *seq,
                           us_error *err) {
    int32_t n_best, best = us_prefix_find(s->engine, a, scale, ids, n - 1, &n_best);
    for (us_job *j = s->running; j; j = j->next) {
        if (j->seq < 0 || j->spec.adapter != a || j->spec.scale != scale) continue;
        int32_t same = us_engine_seq_common(s->engine, j->seq, ids, n - 1);
        if (same > n_best) n_best = same, best = j->seq;
    }
    us_prefix_touch(s->engine, best);
    us_status st = n_best ? us_engine_seq_fork(s->engine, best, n_best, seq, err) : us_engine_seq_new(s->engine, seq, err);
    if (!st) us_engine_seq_set_adapter(s->engine, *seq, a, scale);
    return st;
}

static int32_t need_of(const us_job *j) {
    int32_t a_take = j->spec.rules.max_tokens + TAKE_SLACK;
    return j->spec.n_prompt + TAKE_SLACK +
           (j->spec.n_takes == 1 ? a_take : j->spec.n_takes * a_take + j->spec.n_unconditional + TAKE_SLACK);
}

int32_t us_batch_room(const us_batch *s, int32_t n_takes, int32_t max_tokens) {
    int64_t n_ctx = us_engine_get_ctx(s->engine), a_take = (int64_t)max_tokens + TAKE_SLACK;
    return (int32_t)(n_takes == 1 ? n_ctx - TAKE_SLACK - a_take : (n_ctx - 2 * TAKE_SLACK - n_takes * a_take) / 2);
}

int32_t us_batch_most_tokens(const us_batch *s, int32_t n_takes, int32_t n_prompt, int32_t n_unconditional) {
    int32_t left = us_engine_get_ctx(s->engine) - n_prompt - TAKE_SLACK - (n_takes > 1 ? n_unconditional + TAKE_SLACK : 0);
    return left / n_takes - TAKE_SLACK;
}

int32_t us_batch_tokens_for(int32_t context, int32_t n_takes, int32_t max_tokens) {
    int64_t a_take = (int64_t)max_tokens + TAKE_SLACK, prompt = context - max_tokens;
    int64_t n = n_takes == 1 ? prompt + TAKE_SLACK + a_take : 2 * (prompt + TAKE_SLACK) + n_takes * a_take;
    return n > INT32_MAX ? INT32_MAX : n > 0 ? (int32_t)n : 1;
}

/* What a running job may still ask of the cache. */
static int32_t owed_to(const us_job *j) {
    int32_t used = j->n_read;
    for (int32_t i = 0; i < j->spec.n_takes && j->decoding; i++) used += (int32_t)j->takes[i].ids.n;
    return used < need_of(j) ? need_of(j) - used : 0;
}

static bool has_room(us_batch *s, const us_job *j) {
    int64_t owed = need_of(j);
    for (us_job *r = s->running; r; r = r->next) owed += owed_to(r);
    while (us_engine_get_free(s->engine) < owed)
        if (!us_prefix_drop_oldest(s->engine)) return false;
    return true;
}

/* Another job is just reading what this one begins with: to wait for it is to compute the persona once. */
static bool waits_for_prefix(const us_batch *s, const us_job *j) {
    int32_t cached;
    us_prefix_find(s->engine, j->spec.adapter, j->spec.scale, j->spec.prompt, j->spec.n_prompt - 1, &cached);
    for (const us_job *r = s->running; r; r = r->next) {
        if (r->decoding || r->spec.adapter != j->spec.adapter || r->spec.scale != j->spec.scale) continue;
        int32_t same = 0;
        while (same < r->spec.n_prompt && same < j->spec.n_prompt - 1 && r->spec.prompt[same] == j->spec.prompt[same]) same++;
        if (same >= cached + WORTH_WAITING && r->n_read < same) return true;
    }
    return false;
}

static us_job **next_in_line(us_batch *s) {
    us_job **best = NULL;
    int32_t fewest = INT32_MAX;
    for (us_job **p = &s->queue; *p; p = &(*p)->next) {
        int32_t n = 0;
        for (us_job *r = s->running; r; r = r->next) n += r->spec.client == (*p)->spec.client;
        if (n < fewest && !waits_for_prefix(s, *p)) fewest = n, best = p;
    }
    return best;
}

/* Lock held: there is something new for whoever waits. */
static void tell(us_job *j) {
    j->version++;
    pthread_cond_broadcast(&j->news);
}

/* Lock held: the job's end, told to whoever waits. */
static void publish_end(us_batch *s, us_job *j, us_status status) {
    j->status = status;
    j->done = true;
    if (status == US_ERR_INTERRUPTED) s->stats.n_cancelled++;
    else s->stats.n_jobs++;
    tell(j);
}

static void admit(us_batch *s) {
    while (s->queue && s->stats.n_running < s->n_slots) {
        us_job **p = next_in_line(s), *j = p ? *p : NULL;
        us_status st = US_OK;
        if (!j) return;
        if (j->cancel || s->stop) st = us_fail(&j->err, US_ERR_INTERRUPTED, "cancelled");
        else if (!has_room(s, j)) {
            if (s->running) return;
            st = us_because(
                us_fail(&j->err, US_ERR_LIMIT,
                        "%d tokens of prompt and reply do not fit in the context of %d: shorten the prompt or raise --ctx-size",
                        need_of(j), us_engine_get_ctx(s->engine)),
                "context_length_exceeded", &j->err);
        } else
            st = begin_seq(s, j->spec.prompt, j->spec.prompt_probs ? 1 : j->spec.n_prompt, j->spec.adapter, j->spec.scale,
                           &j->seq, &j->err);
        *p = j->next;
        s->stats.n_queued--;
        if (st) {
            publish_end(s, j, st);
            continue;
        }
        j->n_read = j->n_cached = j->view.n_cached = us_engine_seq_len(s->engine, j->seq);
        s->stats.n_cached_tokens += (uint64_t)j->n_cached;
        us_job **last = &s->running; /* first come, first read */
        while (*last) last = &(*last)->next;
        j->next = NULL;
        *last = j;
        s->stats.n_running++;
    }
}

/* ---- a pass ------------------------------------------------------------------------------------------------ */

static int32_t gather(us_batch *s) {
    int32_t n = 0, budget = PREFILL_CHUNK;
    for (us_job *j = s->running; j; j = j->next)
        for (int32_t i = 0; i < j->spec.n_takes && j->decoding; i++) {
            const us_take *t = &j->takes[i];
            if (t->done) continue;
            s->origins[n] = (origin){j, i};
            s->spans[n++] = (us_span){.seq = t->seq, .tokens = &t->ids.ids[t->ids.n - 1], .n_tokens = 1};
        }
    for (us_job *j = s->running; j && budget > 0; j = j->next) {
        if (j->decoding) continue;
        int32_t left = j->spec.n_prompt - j->n_read, m = left < budget ? left : budget;
        if (j->spec.prompt_probs && m > PROBS_CHUNK) m = PROBS_CHUNK; /* a row of logits for each of them */
        s->origins[n] = (origin){j, -1};
        s->spans[n++] = (us_span){.seq = j->seq,
                                  .tokens = j->spec.prompt + j->n_read,
                                  .n_tokens = m,
                                  .logits = j->spec.prompt_probs ? US_LOGITS_ALL
                                            : m == left          ? US_LOGITS_LAST
                                                                 : US_LOGITS_NONE,
                                  .prompt = true};
        budget -= m;
    }
    return n;
}

/* The prompt has been read: every take draws its first token from the same logits. */
static us_status begin_takes(us_batch *s, us_job *j, const float *logits, us_error *err) {
    us_status st = US_OK;
    j->decoding = true;
    for (int32_t i = 0; i < j->spec.n_takes && !st; i++) {
        us_sampler_options o = j->spec.sampler;
        o.seed = us_hash_bytes(j->seed, (int32_t[]){j->attempt, i}, 2 * sizeof(int32_t));
        us_take *t = &j->takes[i];
        st = us_take_begin(t, &o, &j->spec.rules, j->spec.prompt, (size_t)j->spec.n_prompt, err);
        if (!st) us_sampler_set_phrases(t->sampler, j->spec.phrases, j->spec.n_phrases);
        if (!st) st = us_take_step(t, &j->spec.rules, logits, err);
        if (st || t->done) continue;
        if (j->spec.n_takes == 1) t->seq = j->seq;
        else st = us_engine_seq_fork(s->engine, j->seq, j->spec.n_prompt, &t->seq, err);
    }
    return st;
}

/* What the model thought of the prompt's tokens that come behind those of this span. */
static us_status note_prompt(us_batch *s, us_job *j, int32_t span, us_error *err) {
    us_status st = US_OK;
    pthread_mutex_lock(&s->lock);
    for (int32_t k = 0; k < s->spans[span].n_tokens && j->n_read + k + 1 < j->spec.n_prompt && !st; k++) {
        us_prob p = {.id = j->spec.prompt[j->n_read + k + 1]};
        p.logprob = (float)us_take_logprob(&j->spec.rules, us_engine_get_logits(s->engine, span, k), p.id, p.top);
        st = us_buf_append(&j->prompt_probs, &p, sizeof p, err);
    }
    pthread_mutex_unlock(&s->lock);
    return st;
}

static us_status advance(us_batch *s, us_job *j, int32_t take, int32_t span, us_error *err) {
    const float *logits = us_engine_get_logits(s->engine, span, s->spans[span].n_tokens - 1);
    us_status st = US_OK;
    if (take < 0 && j->spec.prompt_probs) st = note_prompt(s, j, span, err);
    if (take >= 0) st = us_take_step(&j->takes[take], &j->spec.rules, logits, err);
    else if ((j->n_read += s->spans[span].n_tokens) == j->spec.n_prompt && !st) st = begin_takes(s, j, logits, err);
    return us_engine_blame(s->engine, s->spans[span].seq, st, err);
}

static void free_take_seqs(us_batch *s, us_job *j) {
    for (int32_t i = 0; i < j->spec.n_takes; i++) {
        if (j->takes[i].seq >= 0 && j->takes[i].seq != j->seq) us_engine_seq_free(s->engine, j->takes[i].seq);
        j->takes[i].seq = -1;
    }
}

/* log p(take | what was said before) of all takes, as one batch over forks of one sequence, which shares its beginning with the
 * job's. */
static us_status score_unconditional(us_batch *s, us_job *j, double *out, us_error *err) {
    float *scores[US_MAX_TAKES] = {0};
    us_span spans[US_MAX_TAKES] = {0};
    int32_t seq = -1, n = j->spec.n_takes, n_seqs = 0;
    us_status st = begin_seq(s, j->spec.unconditional, j->spec.n_unconditional, j->spec.adapter, j->spec.scale, &seq, err);
    if (!st) st = us_engine_seq_set_tokens(s->engine, seq, j->spec.unconditional, j->spec.n_unconditional, NULL, err);
    for (; n_seqs < n && !st; n_seqs++) {
        const us_tokens *ids = &j->takes[n_seqs].ids;
        if ((st = us_alloc(ids->n, sizeof **scores, &scores[n_seqs], err))) break;
        if ((st = us_engine_seq_fork(s->engine, seq, j->spec.n_unconditional, &spans[n_seqs].seq, err))) break;
        spans[n_seqs].tokens = ids->ids;
        spans[n_seqs].n_tokens = (int32_t)ids->n;
    }
    if (!st) st = us_engine_score(s->engine, spans, n, scores, err);
    for (int32_t i = 0; i < n; i++) {
        for (size_t k = 0; !st && k < j->takes[i].ids.n; k++) out[i] += (double)scores[i][k];
        free(scores[i]);
    }
    for (int32_t i = 0; i < n_seqs; i++) us_engine_seq_free(s->engine, spans[i].seq);
    if (seq >= 0) us_engine_seq_free(s->engine, seq);
    return st;
}

/* The take as it would be spoken; *text is freed by the caller. */
static us_status as_candidate(const us_job *j, const us_take *t, char **text, us_candidate *out, us_error *err) {
    us_status st = us_take_words(t, j->spec.rules.tok, text, err);
    if (!st)
        *out = (us_candidate){.text = *text,
                              .logprob = t->logprob,
                              .unconditional = t->unconditional,
                              .n_tokens = (int32_t)t->ids.n,
                              .ended = t->ended,
                              .stopped = t->view.stopped,
                              .looped = t->looped};
    return st;
}

static us_status rank(us_batch *s, us_job *j, us_error *err) {
    double unconditional[US_MAX_TAKES] = {0};
    us_candidate candidates[US_MAX_TAKES];
    char *texts[US_MAX_TAKES] = {0};
    int32_t n = j->spec.n_takes;
    us_conversation_view view = j->spec.view;
    us_status st = US_OK;
    view.prompt = j->spec.prompt;
    view.n_prompt = (size_t)j->spec.n_prompt;
    view.engine = s->engine;
    free_take_seqs(s, j);
    for (int32_t i = 0; i < n; i++) j->n_loops += j->takes[i].looped, j->n_labels += j->takes[i].view.stopped;
    if (j->spec.separate) return US_OK;
    if (n > 1 && j->spec.n_unconditional && j->spec.ranking.weights.lambda > 0)
        st = score_unconditional(s, j, unconditional, err);
    for (int32_t i = 0; i < n && !st; i++) {
        j->takes[i].unconditional = unconditional[i];
        st = as_candidate(j, &j->takes[i], &texts[i], &candidates[i], err);
    }
    if (!st) st = us_rank(&j->spec.ranking, &view, candidates, n, &j->best, err);
    for (int32_t i = 0; i < n; i++) {
        if (!st)
            j->takes[i].judged = candidates[i].judged, j->takes[i].score = candidates[i].score,
            j->takes[i].leaked = candidates[i].leaked;
        free(texts[i]);
    }
    j->again = !st && us_rank_again(&candidates[j->best], j->attempt);
    return st;
}

/* Nothing of the best take can be spoken, or another is wanted of several: one take has been shown already. */
static bool is_worthless(const us_job *j) {
    size_t begin, end;
    const us_take *t = &j->takes[j->best];
    us_take_spoken(t, j->spec.rules.tok, &begin, &end);
    return begin == end || (j->again && j->spec.n_takes > 1);
}

/* Back to the end of the prompt, for the next attempt: its last token is read again. */
static void restart(us_batch *s, us_job *j) {
    if (j->takes[j->best].leaked && j->spec.denial && j->attempt + 2 == j->spec.n_attempts)
        j->spec.sampler.biases = j->spec.denial, j->spec.sampler.n_biases = j->spec.n_denial;
    for (int32_t i = 0; i < j->spec.n_takes; i++) us_take_end(&j->takes[i]);
    us_engine_seq_truncate(s->engine, j->seq, j->spec.n_prompt - 1);
    j->n_read = j->spec.n_prompt - 1;
    j->best = 0;
    j->decoding = false;
    j->attempt++;
}

/* Every take has ended: the best is found, or all are made again. *over: the job is. */
static us_status conclude(us_batch *s, us_job *j, bool *over, us_error *err) {
    us_status st = rank(s, j, err);
    *over = st || j->spec.separate || j->attempt + 1 >= j->spec.n_attempts || !is_worthless(j);
    if (!*over) restart(s, j);
    j->ranked = *over && !st;
    return st;
}

/* Takes are given up, the later half each time, while a usual reply would need longer than its patience. */
static void hurry(us_batch *s, us_job *j, double pass_seconds) {
    if (!j->decoding || j->spec.patience_seconds <= 0 || j->spec.n_takes == 1) return;
    if (!j->n_timed++ || pass_seconds < j->pass_seconds) j->pass_seconds = pass_seconds;
    if (j->n_timed < N_TIMED) return;
    j->n_timed = 0;
    if (j->pass_seconds * USUAL_TOKENS < j->spec.patience_seconds) {
        j->spec.patience_seconds = 0; /* fast enough: no more looking at the clock */
        return;
    }
    int32_t left = j->spec.n_takes / 2;
    for (int32_t i = left; i < j->spec.n_takes; i++) {
        if (j->takes[i].seq >= 0) us_engine_seq_free(s->engine, j->takes[i].seq);
        us_take_end(&j->takes[i]);
    }
    j->spec.n_takes = left;
}

static bool all_done(const us_job *j) {
    if (!j->decoding) return false;
    for (int32_t i = 0; i < j->spec.n_takes; i++)
        if (!j->takes[i].done) return false;
    return true;
}

static void publish_probs(us_job *j, const us_take *t, us_buf *b) {
    size_t n_top = (size_t)j->spec.rules.n_top;
    for (size_t i = b->len / sizeof(us_prob); i < t->ids.n; i++) {
        us_prob p = {.id = t->ids.ids[i], .logprob = t->logprobs[i]};
        if (n_top) memcpy(p.top, t->top + i * n_top, n_top * sizeof *p.top);
        us_status st = us_buf_append(b, &p, sizeof p, &j->err);
        if (st && !j->status) j->status = st; /* what was not shown is not passed over */
    }
}

/* Lock held. What is shown of a take is never taken back, only appended to. A reply that may still be made again shows nothing,
 * its tokens neither. */
static void publish_take(us_job *j, const us_take *t, int32_t i, bool final) {
    us_buf *shown = &j->shown[i];
    size_t begin = t->view.begin, end = t->view.end;
    if (t->done) us_take_spoken(t, j->spec.rules.tok, &begin, &end);
    if (end > begin + j->n_shown[i]) {
        us_status st = us_utf8_clean(t->text.data + begin + j->n_shown[i], end - begin - j->n_shown[i], shown, &j->err);
        if (st && !j->status) j->status = st;
        j->n_shown[i] = end - begin;
    }
    if (j->spec.probs && (shown->len || final)) publish_probs(j, t, &j->probs[i]);
}

/* While takes are drafted somebody is waiting: one of them is shown as it grows, another one when it turns out to be a loop. True
 * when there is more of it than before, a few times a second. */
static bool publish_draft(us_job *j) {
    for (int32_t k = 0; k < j->spec.n_takes && j->takes[j->leading].looped; k++)
        j->leading = (j->leading + 1) % j->spec.n_takes;
    const us_take *t = &j->takes[j->leading];
    int64_t now = us_now_ns();
    if (t->view.end <= t->view.begin || now - j->drafted_ns < DRAFT_NS) return false;
    size_t before = j->draft.len;
    us_buf_clear(&j->draft);
    if (us_utf8_clean(t->text.data + t->view.begin, t->view.end - t->view.begin, &j->draft, NULL)) us_buf_clear(&j->draft);
    j->drafted_ns = now;
    return j->draft.len != before;
}

static size_t n_published(const us_job *j) {
    size_t n = 0;
    for (int i = 0; i < US_MAX_TAKES; i++) n += j->shown[i].len + j->probs[i].len;
    return n;
}

/* `final`: the job is over, however it ended. Whoever waits is woken for news only: a thread that wakes at every pass holds the
 * worker up. */
static void publish(us_job *j, bool final) {
    us_job_view v = j->view;
    size_t before = n_published(j);
    bool more_draft = false;
    v.n_made = 0;
    if (j->decoding) {
        for (int32_t i = 0; i < j->spec.n_takes; i++) v.n_made += j->takes[i].done;
        for (int32_t i = 0; i < j->spec.n_takes && j->spec.separate; i++)
            publish_take(j, &j->takes[i], i, final || j->takes[i].done);
        if (!j->spec.separate && j->spec.n_takes > 1 && !j->ranked) more_draft = publish_draft(j);
        if (!j->spec.separate && (j->spec.n_takes == 1 || j->ranked)) publish_take(j, &j->takes[j->best], 0, final);
    }
    if (final || j->ranked) us_buf_clear(&j->draft); /* the choice is made */
    v.n_read = j->n_read;
    v.n_takes = j->spec.n_takes;
    v.n_attempts = j->attempt + 1;
    v.n_loops = j->n_loops;
    v.n_labels = j->n_labels;
    bool news = final || more_draft || n_published(j) != before || v.n_made != j->view.n_made || v.n_read != j->view.n_read ||
                v.n_takes != j->view.n_takes || v.n_attempts != j->view.n_attempts;
    j->view = v;
    if (news) tell(j);
}

/* Where the processor reads a prompt with other products (tiles) than it draws tokens with, what was drawn is read again by the
 * next turn: the same prompt gives the same bytes, whatever was in the cache. */
static void forget_drawn(us_batch *s, us_job *j) {
    if (us_kern_get()->matmul_bf16 && us_engine_seq_len(s->engine, j->seq) > j->spec.n_prompt)
        us_engine_seq_truncate(s->engine, j->seq, j->spec.n_prompt);
}

static void leave(us_batch *s, us_job *j, us_status st) {
    free_take_seqs(s, j);
    if (j->seq >= 0) {
        forget_drawn(s, j);
        if (us_engine_seq_len(s->engine, j->seq) > 0 && (!st || st == US_ERR_INTERRUPTED)) us_prefix_keep(s->engine, j->seq, s);
        else us_engine_seq_free(s->engine, j->seq);
    }
    j->seq = -1;
    pthread_mutex_lock(&s->lock);
    us_job **p = &s->running;
    while (*p != j) p = &(*p)->next;
    *p = j->next;
    s->stats.n_running--;
    s->stats.n_prompt_tokens += (uint64_t)j->n_read;
    for (int32_t i = 0; i < j->spec.n_takes; i++) s->stats.n_reply_tokens += j->takes[i].ids.n;
    if (!st || st == US_ERR_INTERRUPTED) publish(j, true);
    if (j->status) st = j->status;
    publish_end(s, j, st);
    pthread_mutex_unlock(&s->lock);
}

/* What becomes of a job after a pass. */
static void settle(us_batch *s, us_job *j) {
    bool over = false;
    pthread_mutex_lock(&s->lock);
    bool cancel = j->cancel || s->stop;
    publish(j, false);
    pthread_mutex_unlock(&s->lock);
    us_status end = j->status;
    if (!end && cancel) end = us_fail(&j->err, US_ERR_INTERRUPTED, "cancelled");
    else if (!end && all_done(j)) end = conclude(s, j, &over, &j->err);
    if (end || over) leave(s, j, end);
}

static void pass(us_batch *s) {
    us_error err = {0};
    trim(s);
    int32_t n = gather(s);
    bool only_drawn = n && s->origins[n - 1].take >= 0;
    int64_t start = us_now_ns();
    us_status st = n ? us_engine_eval(s->engine, s->spans, n, &err) : US_OK;
    double seconds = (double)(us_now_ns() - start) * 1e-9;
    if (st == US_ERR_LIMIT && us_prefix_drop_oldest(s->engine)) return; /* pages of kept sequences are given up first */
    for (int32_t i = 0; i < n; i++) {
        us_job *j = s->origins[i].job;
        if (j->status) continue; /* it has failed in this pass: its error is told already */
        if (st) j->status = st, j->err = err;
        else j->status = advance(s, j, s->origins[i].take, i, &j->err);
    }
    for (us_job *j = s->running, *next; j; j = next) {
        next = j->next;
        if (only_drawn && !j->status) hurry(s, j, seconds);
        settle(s, j);
    }
}

/* Lock held. */
static void forget(us_batch *s) {
    us_prefix_drop_adapter(s->engine, s->forget);
    s->forget = NULL;
    pthread_cond_broadcast(&s->idle);
}

static void *work(void *arg) {
    us_batch *s = arg;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        while (!s->stop && !s->queue && !s->running && !s->forget) pthread_cond_wait(&s->wake, &s->lock);
        if (s->forget) forget(s);
        admit(s);
        bool some = s->running != NULL, over = s->stop && !s->queue && !some;
        s->stats.n_passes += some;
        pthread_mutex_unlock(&s->lock);
        if (over) return NULL;
        if (some) pass(s); /* else somebody else may use the engine by now: the last job's end has been told */
    }
}

/* ---- from outside ------------------------------------------------------------------------------------------- */

us_status us_batch_new(us_engine *e, int32_t n_slots, int32_t n_queue_max, us_batch **out, us_error *err) {
    us_batch *s;
    us_status st = us_alloc(1, sizeof *s, &s, err);
    if (st) return st;
    s->engine = e;
    s->n_slots = n_slots;
    s->n_queue_max = n_queue_max;
    s->n_kept_max = e->o.n_seq_max - n_slots * (US_MAX_TAKES + 2);
    if (s->n_kept_max > US_MAX_PREFIXES) s->n_kept_max = US_MAX_PREFIXES;
    if (s->n_kept_max < 1) s->n_kept_max = 1;
    size_t n = (size_t)n_slots * (US_MAX_TAKES + 1);
    st = us_alloc(n, sizeof *s->spans, &s->spans, err);
    if (!st) st = us_alloc(n, sizeof *s->origins, &s->origins, err);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    pthread_cond_init(&s->idle, NULL);
    if (!st && pthread_create(&s->thread, NULL, work, s) != 0) st = us_fail(err, US_ERR_IO, "cannot start a thread");
    if (!st) *out = s;
    else {
        free(s->spans);
        free(s->origins);
        free(s);
    }
    return st;
}

void us_batch_stop(us_batch *s) {
    pthread_mutex_lock(&s->lock);
    bool first = !s->stop;
    s->stop = true;
    pthread_cond_signal(&s->wake);
    pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->lock);
    if (!first) return;
    pthread_join(s->thread, NULL);
    us_prefix_drop_owner(s->engine, s);
}

void us_batch_free(us_batch *s) {
    if (!s) return;
    us_batch_stop(s);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    pthread_cond_destroy(&s->idle);
    free(s->spans);
    free(s->origins);
    free(s);
}

void us_batch_forget(us_batch *s, const us_adapter *adapter) {
    pthread_mutex_lock(&s->lock);
    while (s->forget && !s->stop) pthread_cond_wait(&s->idle, &s->lock);
    if (!s->stop) {
        s->forget = adapter;
        pthread_cond_signal(&s->wake);
        while (s->forget == adapter && !s->stop) pthread_cond_wait(&s->idle, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

us_batch_stats us_batch_get_stats(us_batch *s) {
    pthread_mutex_lock(&s->lock);
    us_batch_stats stats = s->stats;
    pthread_mutex_unlock(&s->lock);
    return stats;
}

us_status us_batch_submit(us_batch *s, const us_job_spec *spec, us_job **out, us_error *err) {
    us_job *j;
    if (spec->n_prompt < 1 || spec->n_takes < 1 || spec->n_takes > US_MAX_TAKES || spec->rules.max_tokens < 1)
        return us_fail(err, US_ERR_ARGUMENT, "a prompt, 1 to %d takes and 1 token or more are expected", US_MAX_TAKES);
    us_status st = us_alloc(1, sizeof *j, &j, err);
    if (st) return st;
    j->s = s;
    j->spec = *spec;
    j->seq = -1;
    j->seed = us_hash_bytes(spec->sampler.seed, spec->prompt, (size_t)spec->n_prompt * sizeof *spec->prompt);
    j->view.n_takes = spec->n_takes;
    j->view.n_attempts = 1;
    for (int i = 0; i < US_MAX_TAKES; i++) j->takes[i].seq = -1;
    us_buf_init(&j->draft, 1 << 20);
    for (int i = 0; i < US_MAX_TAKES; i++) {
        us_buf_init(&j->shown[i], 1 << 20);
        us_buf_init(&j->probs[i], 32 << 20);
    }
    us_buf_init(&j->prompt_probs, 64 << 20);
    us_cond_init(&j->news);
    pthread_mutex_lock(&s->lock);
    if (s->stop || s->stats.n_running + s->stats.n_queued >= s->n_slots + s->n_queue_max) {
        st = s->stop ? us_fail(err, US_ERR_INTERRUPTED, "shutting down")
                     : us_because(us_fail(err, US_ERR_LIMIT, "%d requests wait already", s->n_queue_max), "queue_full", err);
        s->stats.n_refused++;
    } else {
        us_job **p = &s->queue;
        while (*p) p = &(*p)->next;
        *p = j;
        s->stats.n_queued++;
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    if (st) {
        pthread_cond_destroy(&j->news);
        free(j);
    } else *out = j;
    return st;
}

us_job_view us_job_wait(us_job *j, uint64_t *seen, int timeout_ms) {
    int64_t until = us_now_ns() + (int64_t)timeout_ms * 1000000;
    pthread_mutex_lock(&j->s->lock);
    while (!j->done && j->version == *seen && us_cond_wait(&j->news, &j->s->lock, until)) continue;
    *seen = j->version;
    us_job_view v = j->view;
    v.done = j->done;
    v.status = j->done ? j->status : US_OK;
    pthread_mutex_unlock(&j->s->lock);
    return v;
}

us_status us_job_read(us_job *j, int32_t i, size_t from, us_buf *out, us_error *err) {
    us_status st = US_OK;
    pthread_mutex_lock(&j->s->lock);
    const us_buf *b = &j->shown[i];
    if (b->len > from) st = us_buf_append(out, b->data + from, b->len - from, err);
    pthread_mutex_unlock(&j->s->lock);
    return st;
}

us_status us_job_read_draft(us_job *j, us_buf *out, us_error *err) {
    us_status st = US_OK;
    pthread_mutex_lock(&j->s->lock);
    if (!j->done && j->draft.len) st = us_buf_append(out, j->draft.data, j->draft.len, err);
    pthread_mutex_unlock(&j->s->lock);
    return st;
}

static us_status copy_probs(us_job *j, const us_buf *b, size_t from, us_prob **out, size_t *n, us_error *err) {
    pthread_mutex_lock(&j->s->lock);
    size_t have = b->len / sizeof **out;
    *n = have > from ? have - from : 0;
    us_status st = us_alloc(*n, sizeof **out, out, err);
    if (!st && *n) memcpy(*out, b->data + from * sizeof **out, *n * sizeof **out);
    pthread_mutex_unlock(&j->s->lock);
    return st;
}

us_status us_job_read_probs(us_job *j, int32_t i, size_t from, us_prob **out, size_t *n, us_error *err) {
    return copy_probs(j, &j->probs[i], from, out, n, err);
}

us_status us_job_read_prompt_probs(us_job *j, us_prob **out, size_t *n, us_error *err) {
    return copy_probs(j, &j->prompt_probs, 0, out, n, err);
}

void us_job_cancel(us_job *j) {
    pthread_mutex_lock(&j->s->lock);
    j->cancel = true;
    pthread_cond_signal(&j->s->wake);
    pthread_mutex_unlock(&j->s->lock);
}

const us_take *us_job_get_takes(const us_job *j, int32_t *n, int32_t *best) {
    *n = j->decoding ? j->spec.n_takes : 0;
    *best = j->best;
    return j->takes;
}

const us_error *us_job_get_error(const us_job *j) { return &j->err; }

void us_job_free(us_job *j) {
    if (!j) return;
    us_job_cancel(j);
    pthread_mutex_lock(&j->s->lock);
    while (!j->done) pthread_cond_wait(&j->news, &j->s->lock);
    pthread_mutex_unlock(&j->s->lock);
    for (int i = 0; i < US_MAX_TAKES; i++)
        if (j->takes[i].sampler) us_take_end(&j->takes[i]);
    us_buf_fini(&j->draft);
    for (int i = 0; i < US_MAX_TAKES; i++) {
        us_buf_fini(&j->shown[i]);
        us_buf_fini(&j->probs[i]);
    }
    us_buf_fini(&j->prompt_probs);
    pthread_cond_destroy(&j->news);
    free(j);
}
