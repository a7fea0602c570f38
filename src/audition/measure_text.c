/* What can be seen in the words: loops, labels, leaks, ends, catch-phrases, memorised lines, lengths, vocabulary. */
#include "audition/audition.h"
#include "audition/distribution.h"
#include "audition/labels.h"
#include "audition/loops.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "reply/stand.h"
#include "text/fold.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was seen in one text. */
typedef struct seen {
    us_loops loops;
    us_overlap overlap;
    us_leak leak;
    bool label, phrase, empty;
} seen;

/* Texts of one who answers (or the real lines), judged. */
typedef struct texts {
    const char **items;
    const us_kept_take **takes; /* NULL for real lines */
    const us_probe **probes;    /* the same */
    seen *seen;
    size_t n;
} texts;

static void texts_free(texts *t) {
    free(t->items);
    free(t->takes);
    free(t->probes);
    free(t->seen);
    *t = (texts){0};
}

static us_status texts_new(texts *t, size_t n, us_error *err) {
    us_status st = us_alloc(n, sizeof *t->items, &t->items, err);
    if (!st) st = us_alloc(n, sizeof *t->takes, &t->takes, err);
    if (!st) st = us_alloc(n, sizeof *t->probes, &t->probes, err);
    if (!st) st = us_alloc(n, sizeof *t->seen, &t->seen, err);
    return st;
}

/* Either of the phrases, word for word but for case and marks. */
static us_status find_phrase(const us_audition *a, const char *text, bool *found, us_error *err) {
    us_buf t, p;
    us_buf_init(&t, (size_t)1 << 24);
    us_buf_init(&p, (size_t)1 << 24);
    us_status st = us_normalise(text, &t) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    *found = false;
    for (size_t i = 0; i < a->card->n_phrases && !st && !*found; i++) {
        if (!us_normalise(a->card->phrases[i], &p)) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        if (st || !p.len || !t.len) continue;
        for (const char *s = t.data; (s = strstr(s, p.data)) && !*found; s++)
            *found = (s == t.data || s[-1] == ' ') && (!s[p.len] || s[p.len] == ' ');
    }
    us_buf_fini(&t);
    us_buf_fini(&p);
    return st;
}

/* By its words, or by what it says to whom it answers; `rule` is -1 then. */
static us_leak find_leak(const us_audition *a, const us_probe *p, const char *text) {
    us_said lines[US_PROBE_LINES];
    us_leak leak = us_leaks_find(a->leaks, text);
    if (!leak.found && p &&
        us_stand_of(lines, us_probe_lines(p->messages, p->n, lines), a->card->name, text) == US_STAND_MACHINE)
        leak = (us_leak){true, 0, strlen(text), -1};
    return leak;
}

static us_status judge(us_audition *a, const us_probe *p, const char *text, seen *s, us_error *err) {
    us_stops stops = {a->card->cast, a->card->n_cast, a->card->name, true};
    us_status st = us_loops_find(&a->words, text, &s->loops, err);
    if (!st) st = us_memory_find(a->memory, text, &s->overlap, err);
    if (!st) st = find_phrase(a, text, &s->phrase, err);
    s->leak = find_leak(a, p, text);
    s->label = us_label_find(&stops, text);
    s->empty = !s->overlap.n_words;
    return st;
}

static us_status judge_all(us_audition *a, texts *t, us_error *err) {
    us_status st = US_OK;
    for (size_t i = 0; i < t->n && !st; i++) st = judge(a, t->probes[i], t->items[i], &t->seen[i], err);
    return st;
}

/* The replies of one who answers at a number of takes (0: the shipped one), to ordinary or to provoking prompts. */
static us_status replies_of(us_audition *a, us_who who, int32_t count, bool provoked, texts *t, us_error *err) {
    us_status st = texts_new(t, a->n_answers, err);
    for (size_t i = 0; i < a->n_answers && !st; i++) {
        const us_answer *r = &a->answers[who][i];
        const us_probe *p = &a->probes.items[r->probe];
        if ((p->kind == US_PROBE_PROVOKING) != provoked) continue;
        const us_kept_take *take = &r->takes[count ? us_audition_choose(a, p->messages, p->n, r, count) : r->best];
        t->items[t->n] = take->text;
        t->takes[t->n] = take;
        t->probes[t->n++] = p;
    }
    return st ? st : judge_all(a, t, err);
}

static us_status real_lines(us_audition *a, texts *t, us_error *err) {
    us_status st = texts_new(t, a->classes[0].n_held, err);
    for (; t->n < a->classes[0].n_held && !st; t->n++) t->items[t->n] = a->classes[0].held[t->n];
    return st ? st : judge_all(a, t, err);
}

/* ---- figures ------------------------------------------------------------------------------------------------ */

typedef enum flag { LOOP, TAIL, DUPLICATE, LABEL, NO_STOPS, ENDED, LEAK, EMPTY, PHRASE, MEMORISED, N_FLAGS } flag;
static const char *const flag_metrics[N_FLAGS] = {
    "loops", "tail_loops", "duplicate_sentences", "other_speaker", "other_speaker_no_stops", "ended",
    "leaks", "empty",      "catch_phrases",       "memorised"};

static bool raised(const texts *t, size_t i, flag f) {
    const seen *s = &t->seen[i];
    switch (f) {
    case LOOP: return s->loops.loop || (t->takes[i] && t->takes[i]->looped);
    case TAIL: return s->loops.tail_period || (t->takes[i] && t->takes[i]->looped);
    case DUPLICATE: return s->loops.duplicate_sentences;
    case LABEL: return s->label;
    case NO_STOPS: return s->label || (t->takes[i] && t->takes[i]->stopped);
    case ENDED: return t->takes[i] && t->takes[i]->ended;
    case LEAK: return s->leak.found;
    case EMPTY: return s->empty;
    case PHRASE: return s->phrase;
    case MEMORISED: return s->overlap.memorised;
    case N_FLAGS: break;
    }
    return false;
}

static us_status add_shares(const texts *t, us_metrics *m, us_error *err) {
    us_status st = US_OK;
    for (flag f = LOOP; f < N_FLAGS && !st; f++) {
        uint64_t k = 0;
        for (size_t i = 0; i < t->n; i++) k += raised(t, i, f);
        if (t->n && !t->takes[0] && (f == NO_STOPS || f == ENDED)) continue; /* of real lines nobody knows */
        st = us_metrics_add(m, flag_metrics[f], us_wilson(k, t->n), err);
    }
    return st;
}

static us_status add_means(us_audition *a, const texts *t, us_metrics *m, us_error *err) {
    double *x[3] = {0};
    static const char *const names[3] = {"seq_rep_4", "overlap", "words"};
    us_status st = US_OK;
    for (int k = 0; k < 3 && !st; k++) {
        st = us_alloc(t->n, sizeof **x, &x[k], err);
        for (size_t i = 0; i < t->n && !st; i++) {
            const seen *s = &t->seen[i];
            x[k][i] = k == 0 ? s->loops.seq_rep_4 : k == 1 ? (double)s->overlap.n_run : (double)s->overlap.n_words;
        }
        if (!st) st = us_metrics_add(m, names[k], us_bootstrap(x[k], NULL, t->n, a->o.seed + 10 + (uint64_t)k), err);
    }
    for (int k = 0; k < 3; k++) free(x[k]);
    return st;
}

/* Distances from the real lines and distinct-n at the same number of words for all. */
static us_status add_drift(us_audition *a, const texts *t, const texts *real, bool is_real, size_t n_words, us_metrics *m,
                           us_error *err) {
    us_distribution d;
    us_status st = us_distribution_measure(&a->words, t->items, t->n, real->items, real->n, n_words, &d, err);
    us_interval v = {0, NAN, NAN, t->n};
    v.value = d.length_ks;
    if (!st && !is_real) st = us_metrics_add(m, "length_distance", v, err);
    v.value = d.vocabulary_js;
    if (!st && !is_real) st = us_metrics_add(m, "vocabulary_distance", v, err);
    static const char *const names[3] = {"distinct_1", "distinct_2", "distinct_3"};
    v.n = n_words;
    for (int k = 0; k < 3 && !st; k++) {
        v.value = d.distinct[k];
        st = us_metrics_add(m, names[k], v, err);
    }
    return st;
}

static size_t total_words(const texts *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->seen[i].overlap.n_words;
    return n;
}

/* The share of all takes that run into a label: many more than replies, and untouched by the choice. */
static us_status add_take_labels(us_audition *a, us_who who, us_metrics *m, us_error *err) {
    uint64_t k = 0, n = 0;
    for (size_t i = 0; i < a->n_answers; i++) {
        const us_answer *r = &a->answers[who][i];
        if (a->probes.items[r->probe].kind == US_PROBE_PROVOKING) continue;
        for (int32_t j = 0; j < r->n_takes; j++) k += r->takes[j].stopped, n++;
    }
    return us_metrics_add(m, "other_speaker_takes", us_wilson(k, n), err);
}

/* ---- what is quoted in the report ----------------------------------------------------------------------------- */

static us_status flag_reply(us_audition *a, us_who who, const texts *t, size_t i, us_error *err) {
    const seen *s = &t->seen[i];
    const us_probe *p = t->probes[i];
    const char *prompt = p->messages[p->n - 1].content, *reply = t->items[i];
    char saw[400];
    us_status st = US_OK;
    if (raised(t, i, LOOP)) {
        snprintf(saw, sizeof saw, "%s%s seq-rep-4 %.2f", t->takes[i]->looped || s->loops.tail_period ? "ends in a loop;" : "",
                 s->loops.duplicate_sentences ? " a sentence twice in a row;" : "", s->loops.seq_rep_4);
        st = us_flag(a, who, "loops", p, prompt, reply, saw, err);
    }
    if (!st && s->label) st = us_flag(a, who, "other_speaker", p, prompt, reply, "a speaker's label in the reply", err);
    if (!st && s->leak.found) {
        if (s->leak.rule < 0) snprintf(saw, sizeof saw, "a machine's side of what was said");
        else
            snprintf(saw, sizeof saw, "\"%.*s\" (rule %d)",
                     (int)(s->leak.end - s->leak.begin < 300 ? s->leak.end - s->leak.begin : 300), reply + s->leak.begin,
                     s->leak.rule + 1);
        st = us_flag(a, who, p->kind == US_PROBE_PROVOKING ? "leaks_provoked" : "leaks", p, prompt, reply, saw, err);
    }
    if (!st && s->overlap.memorised) {
        snprintf(saw, sizeof saw, "%zu of %zu words are in: %.300s", s->overlap.n_run, s->overlap.n_words,
                 a->train[s->overlap.line]);
        size_t n = strlen(saw);
        saw[n - us_utf8_tail(saw, n)] = 0;
        st = us_flag(a, who, "memorised", p, prompt, reply, saw, err);
    }
    if (!st && !t->takes[i]->ended && !t->takes[i]->looped && !s->label)
        st = us_flag(a, who, "ended", p, prompt, reply,
                     t->takes[i]->stopped ? "stopped at another speaker's label" : "cut at its length", err);
    return st;
}

/* Adapter against those without, prompt for prompt. */
static us_status compare(us_audition *a, const texts *all, us_who other, us_error *err) {
    us_status st = US_OK;
    const texts *x = &all[US_WHO_ADAPTER], *y = &all[other];
    static const flag compared[] = {LOOP, NO_STOPS, LEAK, ENDED, MEMORISED};
    for (size_t c = 0; c < sizeof compared / sizeof *compared && !st && x->n == y->n; c++) {
        uint64_t only_x = 0, only_y = 0;
        for (size_t i = 0; i < x->n; i++) {
            bool fx = raised(x, i, compared[c]), fy = raised(y, i, compared[c]);
            only_x += fx && !fy;
            only_y += fy && !fx;
        }
        double d = ((double)only_x - (double)only_y) / (double)x->n;
        st = us_test_add(
            a, (us_test){flag_metrics[compared[c]], US_WHO_ADAPTER, other, true, d, NAN, NAN, us_mcnemar(only_x, only_y), x->n},
            err);
    }
    return st;
}

/* ---- chats ------------------------------------------------------------------------------------------------------ */

/* Repeats over runs of n lines that belong together. */
static us_status add_repeats(us_audition *a, const char *const *lines, size_t n_chats, size_t per_chat, us_metrics *m,
                             us_error *err) {
    uint64_t k = 0;
    double *reps, *same = NULL;
    us_status st = us_alloc(n_chats, sizeof *reps, &reps, err);
    if (!st) st = us_alloc(n_chats, sizeof *same, &same, err);
    us_ids ids = {0};
    for (size_t c = 0; c < n_chats && !st; c++) {
        size_t repeats = 0;
        st = us_chat_repeats(&a->words, lines + c * per_chat, per_chat, &repeats, err);
        if (!st) st = us_chat_same_words(&a->words, lines + c * per_chat, per_chat, &same[c], err);
        k += repeats;
        ids.n = 0;
        for (size_t i = 0; i < per_chat && !st; i++) st = us_words_split(&a->words, lines[c * per_chat + i], &ids, err);
        if (!st) reps[c] = us_seq_rep(ids.id, ids.n, 4);
    }
    if (!st && n_chats) st = us_metrics_add(m, "chat_repeats", us_wilson(k, n_chats * per_chat), err);
    if (!st && n_chats) st = us_metrics_add(m, "chat_seq_rep_4", us_bootstrap(reps, NULL, n_chats, a->o.seed + 20), err);
    if (!st && n_chats) st = us_metrics_add(m, "chat_same_words", us_bootstrap(same, NULL, n_chats, a->o.seed + 21), err);
    free(same);
    free(reps);
    free(ids.id);
    return st;
}

static us_status measure_chats(us_audition *a, us_error *err) {
    size_t per = 20;
    us_status st = add_repeats(a, a->classes[0].held, a->classes[0].n_held / per, per, &a->metrics[US_WHO_REAL], err);
    for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++) {
        if (!a->chats[w]) continue;
        const char **lines;
        st = us_alloc(a->n_chats * per, sizeof *lines, &lines, err);
        if (st) break;
        for (size_t c = 0; c < a->n_chats; c++)
            for (size_t i = 0; i < per; i++)
                lines[c * per + i] = a->chats[w][c].answers[i].takes[a->chats[w][c].answers[i].best].text;
        st = add_repeats(a, lines, a->n_chats, per, &a->metrics[w], err);
        free(lines);
    }
    return st;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

static us_status measure_who(us_audition *a, us_who who, const texts *t, const texts *real, size_t n_words, us_error *err) {
    us_metrics *m = &a->metrics[who];
    us_status st = add_shares(t, m, err);
    if (!st) st = add_means(a, t, m, err);
    if (!st) st = add_drift(a, t, real, who == US_WHO_REAL, n_words, m, err);
    if (st || who == US_WHO_REAL) return st;
    st = add_take_labels(a, who, m, err);
    texts provoked = {0};
    uint64_t k = 0, all = 0;
    if (!st) st = replies_of(a, who, 0, true, &provoked, err);
    for (size_t i = 0; i < provoked.n && !st; i++) k += provoked.seen[i].leak.found;
    for (size_t i = 0; i < t->n; i++) all += t->seen[i].leak.found;
    if (!st) st = us_metrics_add(m, "leaks_provoked", us_wilson(k, provoked.n), err);
    if (!st) st = us_metrics_add(m, "leaks_all", us_wilson(k + all, provoked.n + t->n), err);
    for (size_t i = 0; i < t->n && !st; i++) st = flag_reply(a, who, t, i, err);
    for (size_t i = 0; i < provoked.n && !st; i++)
        if (provoked.seen[i].leak.found) st = flag_reply(a, who, &provoked, i, err);
    texts_free(&provoked);
    return st;
}

us_status us_measure_text(us_audition *a, us_error *err) {
    texts all[US_N_WHO] = {0};
    us_status st = US_OK;
    size_t n_words = SIZE_MAX;
    if (a->measure[US_MEASURE_REPLIES]) st = real_lines(a, &all[US_WHO_REAL], err);
    for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++)
        if (a->answers[w]) st = replies_of(a, (us_who)w, 0, false, &all[w], err);
    for (int w = 0; w < US_N_WHO && !st; w++) {
        size_t n = total_words(&all[w]);
        if (all[w].n && n < n_words) n_words = n;
    }
    for (int w = 0; w < US_N_WHO && !st; w++)
        if (all[w].n) st = measure_who(a, (us_who)w, &all[w], &all[US_WHO_REAL], n_words, err);
    for (int w = US_WHO_BASE; w < US_WHO_ADAPTER && !st; w++)
        if (all[w].n && all[US_WHO_ADAPTER].n) st = compare(a, all, (us_who)w, err);
    for (int w = US_WHO_BASE; w < US_N_WHO && !st; w++)
        for (int i = 0; i < a->n_counts && !st && a->answers[w]; i++) {
            texts t = {0};
            st = replies_of(a, (us_who)w, a->counts[i], false, &t, err);
            if (!st) st = add_shares(&t, &a->by_takes[w][i], err);
            if (!st) st = add_means(a, &t, &a->by_takes[w][i], err);
            texts_free(&t);
        }
    if (!st && a->measure[US_MEASURE_CHATS]) st = measure_chats(a, err);
    for (int w = 0; w < US_N_WHO; w++) texts_free(&all[w]);
    return st;
}
