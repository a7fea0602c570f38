/* Turns of the script are indexed by speaker and length; a list draws from them what else might be said. */
#include "train/lists.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "text/fold.h"
#include "text/hash.h"
#include "train/labelled.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 40, PIECE_LINES = 50, FEW_SCENES = 60, MAX_TEXT = 1 << 30 };

/* Consecutive lines of one speaker. */
typedef struct turn {
    const char *text;
    uint32_t speaker;
    uint32_t scene; /* pieces of scenes count as scenes */
    us_part part;
    bool answer; /* may be a target: not the first of its scene, some words, not too many */
} turn;

struct us_lists {
    const us_speaker *speakers;
    us_buf text, echo;
    turn *turns;
    size_t n_turns, cap_turns;
    uint32_t *of[US_N_PARTS]; /* answers of a part, turns by index */
    size_t n_of[US_N_PARTS];
    uint32_t *by, *by_first; /* turns sorted by (part, speaker), and where each (part, speaker) begins */
    size_t n_speakers;
    us_labelled_file examples;
};

/* ---- the script in turns ---------------------------------------------------------------------------------------- */

static size_t count_words(const char *s) {
    size_t n = 0;
    for (bool in = false; *s; s++) {
        bool w = !isspace((unsigned char)*s);
        n += w && !in;
        in = w;
    }
    return n;
}

static bool has_letter(const char *s) {
    for (; *s; s++)
        if (isalpha((unsigned char)*s) || (unsigned char)*s >= 0x80) return true;
    return false;
}

static us_status add_turn(us_lists *l, turn t, const us_line *lines, size_t b, size_t e, us_error *err) {
    us_status st = us_grow(&l->turns, &l->cap_turns, l->n_turns + 1, sizeof *l->turns, err);
    t.text = (const char *)(uintptr_t)l->text.len;
    for (size_t i = b; i < e && !st; i++) {
        if (i > b) st = us_buf_append_str(&l->text, " ", err);
        if (!st) st = us_buf_append_str(&l->text, lines[i].text, err);
    }
    if (!st) st = us_buf_append(&l->text, "", 1, err);
    if (!st) l->turns[l->n_turns++] = t;
    return st;
}

/* Scenes go to the parts that data sets send them to, and training scenes to halves by another hash. */
static us_status add_scene(us_lists *l, const us_line *lines, size_t b, size_t end, uint32_t scene, int32_t half,
                           us_error *err) {
    uint64_t hash = 0;
    us_status st = US_OK;
    for (size_t i = b; i < end; i++) hash = us_hash_bytes(hash, lines[i].text, strlen(lines[i].text));
    us_part part = us_dataset_part(&(us_dataset_options){0}, hash);
    if (part == US_TRAIN && half && (us_hash_bytes(0x68616c66, &hash, sizeof hash) & 1) != (uint64_t)(half - 1)) return US_OK;
    for (size_t i = b, e; i < end && !st; i = e) {
        for (e = i + 1; e < end && lines[e].speaker == lines[i].speaker;) e++;
        st = add_turn(l, (turn){.speaker = lines[i].speaker, .scene = scene, .part = part, .answer = i > b}, lines, i, e, err);
    }
    return st;
}

static us_status add_script(us_lists *l, const us_script *s, int32_t half, us_error *err) {
    size_t n, n_lines;
    const us_scene *scenes = us_script_get_scenes(s, &n);
    const us_line *lines = us_script_get_lines(s, &n_lines);
    size_t piece = n < FEW_SCENES ? PIECE_LINES : SIZE_MAX;
    uint32_t id = 0;
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++) {
        size_t b = scenes[i].first_line, end = b + scenes[i].n_lines;
        for (size_t e; b < end && !st; b = e) {
            e = end - b > piece ? b + piece : end;
            st = add_scene(l, lines, b, e, id++, half, err);
        }
    }
    for (size_t i = 0; i < l->n_turns; i++) {
        turn *t = &l->turns[i];
        t->text = l->text.data + (uintptr_t)t->text;
        t->answer = t->answer && t->speaker != US_SPEAKER_NONE && has_letter(t->text) && count_words(t->text) <= MAX_WORDS;
    }
    return st;
}

static size_t bucket(const us_lists *l, const turn *t) { return (size_t)t->part * l->n_speakers + t->speaker; }

/* Answers by part, and sayable turns by part and speaker: a counting sort. */
static us_status index_turns(us_lists *l, us_error *err) {
    size_t n_buckets = US_N_PARTS * l->n_speakers;
    us_status st = us_alloc(n_buckets + 2, sizeof *l->by_first, &l->by_first, err);
    if (!st) st = us_alloc(l->n_turns, sizeof *l->by, &l->by, err);
    for (int p = 0; p < US_N_PARTS && !st; p++) st = us_alloc(l->n_turns, sizeof **l->of, &l->of[p], err);
    if (st) return st;
    for (size_t i = 0; i < l->n_turns; i++)
        if (l->turns[i].answer) l->by_first[bucket(l, &l->turns[i]) + 2]++;
    for (size_t k = 2; k < n_buckets + 2; k++) l->by_first[k] += l->by_first[k - 1];
    for (size_t i = 0; i < l->n_turns; i++) {
        const turn *t = &l->turns[i];
        if (!t->answer) continue;
        l->by[l->by_first[bucket(l, t) + 1]++] = (uint32_t)i;
        l->of[t->part][l->n_of[t->part]++] = (uint32_t)i;
    }
    us_rng r; /* the order of learning: scenes mixed */
    us_rng_seed(&r, 1);
    for (int p = 0; p < US_N_PARTS; p++)
        for (size_t i = l->n_of[p]; i > 1; i--) {
            size_t k = (size_t)us_rng_below(&r, i);
            uint32_t swap = l->of[p][i - 1];
            l->of[p][i - 1] = l->of[p][k];
            l->of[p][k] = swap;
        }
    return l->n_of[US_TRAIN]
               ? US_OK
               : us_fail(err, US_ERR_FORMAT, "nobody answers anybody in this script: no scene of two lines by two speakers");
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

us_status us_lists_new(const us_script *script, const us_director_options *o, us_lists **out, us_error *err) {
    us_lists *l = NULL;
    us_status st = us_alloc(1, sizeof *l, &l, err);
    if (st) return st;
    us_buf_init(&l->text, MAX_TEXT);
    us_buf_init(&l->echo, 1 << 16);
    l->speakers = us_script_get_speakers(script, &l->n_speakers);
    st = add_script(l, script, o->half, err);
    if (!st) st = index_turns(l, err);
    if (!st && o->examples) st = us_labelled_read(&l->examples, o->examples, err);
    if (st) us_lists_free(l);
    else *out = l;
    return st;
}

void us_lists_free(us_lists *l) {
    if (!l) return;
    us_buf_fini(&l->text);
    us_buf_fini(&l->echo);
    free(l->turns);
    for (int p = 0; p < US_N_PARTS; p++) free(l->of[p]);
    free(l->by);
    free(l->by_first);
    us_labelled_fini(&l->examples);
    free(l);
}

size_t us_lists_count(const us_lists *l, us_part part) { return l->n_of[part]; }
size_t us_lists_examples(const us_lists *l) { return l->examples.n_learned; }
size_t us_lists_held(const us_lists *l) { return l->examples.n_held; }

/* ---- lists -------------------------------------------------------------------------------------------------------- */

static bool same_words(const char *a, const char *b) {
    us_buf x, y;
    us_buf_init(&x, 1 << 16);
    us_buf_init(&y, 1 << 16);
    bool same = us_normalise(a, &x) && us_normalise(b, &y) && x.len == y.len && (!x.len || !memcmp(x.data, y.data, x.len));
    us_buf_fini(&x);
    us_buf_fini(&y);
    return same;
}

/* Adds a reply unless it is there already. */
static void add(us_list *out, const char *text, double right) {
    if (out->n_takes == US_LIST_MOST || !text || !*text) return;
    for (size_t i = 0; i < out->n_takes; i++)
        if (same_words(out->takes[i], text)) return;
    out->takes[out->n_takes] = text;
    out->right[out->n_takes++] = right;
}

static const char *name_of(const us_lists *l, uint32_t speaker) {
    return speaker == US_SPEAKER_NONE ? NULL : l->speakers[speaker].name;
}

/* What was said before turn i: the last lines, in half of the cases by nobody in particular and in half of those the last one
 * alone, as a visitor types. */
static void add_context(us_lists *l, size_t i, us_rng *r, us_list *out) {
    const turn *t = &l->turns[i];
    double u = r ? us_rng_unit(r) : 1;
    size_t most = u < 0.25 ? 1 : u < 0.4 ? 3 : US_DIRECTOR_LINES, first = i;
    bool named = u >= 0.5;
    while (first && l->turns[first - 1].scene == t->scene && l->turns[first - 1].part == t->part && i - first < most) first--;
    for (size_t k = first; k < i; k++)
        out->lines[out->n_lines++] =
            (us_said){named || l->turns[k].speaker == t->speaker ? name_of(l, l->turns[k].speaker) : NULL, l->turns[k].text};
    out->who = name_of(l, t->speaker);
}

/* Another line of this speaker, any that may be said; NULL when there is none. */
static const turn *another(const us_lists *l, us_part part, uint32_t speaker, us_rng *r) {
    size_t k = (size_t)part * l->n_speakers + speaker, first = l->by_first[k], n = l->by_first[k + 1] - first;
    return n ? &l->turns[l->by[first + us_rng_below(r, n)]] : NULL;
}

/* The last line again, whole or its second half: what a small model says when it knows nothing. */
static const char *echo_of(us_lists *l, const char *text, us_rng *r) {
    const char *from = text;
    if (us_rng_unit(r) < 0.5)
        for (size_t half = strlen(text) / 2; half && *from && (from < text + half || from[-1] != ' ');) from++;
    us_buf_clear(&l->echo);
    return *from && !us_buf_append_str(&l->echo, from, NULL) ? l->echo.data : NULL;
}

/* What the speaker says elsewhere in the scene, in a random order; the others' next line. */
static void add_of_scene(us_lists *l, size_t i, us_rng *r, us_list *out) {
    const turn *t = &l->turns[i];
    size_t b = i, e = i + 1;
    while (b && l->turns[b - 1].scene == t->scene && l->turns[b - 1].part == t->part) b--;
    while (e < l->n_turns && l->turns[e].scene == t->scene && l->turns[e].part == t->part) e++;
    for (int tries = 0, got = 0; tries < 8 && got < 2; tries++) {
        size_t k = b + (size_t)us_rng_below(r, e - b);
        if (k == i || l->turns[k].speaker != t->speaker || !l->turns[k].answer) continue;
        add(out, l->turns[k].text, 0);
        got++;
    }
    if (i + 1 < e && l->turns[i + 1].answer) add(out, l->turns[i + 1].text, 0);
}

bool us_lists_get(us_lists *l, us_part part, size_t i, uint64_t draw, us_list *out) {
    us_rng r;
    uint64_t seed[2] = {draw, i};
    *out = (us_list){0};
    if (!l->n_of[part]) return false;
    us_rng_seed(&r, us_hash_bytes(3, seed, sizeof seed));
    i = l->of[part][i % l->n_of[part]];
    const turn *t = &l->turns[i];
    add_context(l, i, &r, out);
    add(out, t->text, 1);
    add_of_scene(l, i, &r, out);
    add(out, echo_of(l, l->turns[i - 1].text, &r), 0);
    const turn *other = &l->turns[l->of[part][us_rng_below(&r, l->n_of[part])]];
    if (other->speaker != t->speaker) add(out, other->text, 0);
    for (int tries = 0; out->n_takes < US_LIST_TAKES && tries < 30; tries++) {
        const turn *o = another(l, part, t->speaker, &r);
        if (o && o->scene != t->scene) add(out, o->text, 0);
    }
    return out->n_takes > 1;
}

bool us_lists_r10(us_lists *l, us_part part, size_t i, us_list *out) {
    us_rng r;
    us_rng_seed(&r, i);
    *out = (us_list){0};
    if (!l->n_of[part]) return false;
    i = l->of[part][i % l->n_of[part]];
    add_context(l, i, NULL, out);
    add(out, l->turns[i].text, 1);
    for (int tries = 0; out->n_takes < US_LIST_R10 && tries < 100; tries++) {
        const turn *o = another(l, part, l->turns[i].speaker, &r);
        if (o) add(out, o->text, 0);
    }
    return out->n_takes == US_LIST_R10;
}

/* The conversation of an example, whose others have no name. */
static void set_said(const us_labelled *e, us_list *out) {
    *out = (us_list){.who = e->who};
    for (size_t k = 0; k < e->n_said; k++)
        out->lines[out->n_lines++] = (us_said){(e->n_said - k) % 2 ? NULL : e->who, e->said[k]};
}

/* What a label is worth: the best label 1, the worst nothing, between them by a factor a step. */
static double worth(const us_labelled *e, size_t k) {
    return e->labels[k] ? exp(-US_LIST_STEEP * (1 - (double)e->labels[k] / e->most)) : 0;
}

bool us_lists_example(us_lists *l, size_t i, uint64_t draw, us_list *out) {
    us_rng r;
    uint64_t seed[2] = {draw, i};
    double sum = 0;
    *out = (us_list){0};
    if (!l->examples.n_learned) return false;
    us_rng_seed(&r, us_hash_bytes(4, seed, sizeof seed));
    const us_labelled *e = &l->examples.learned[i % l->examples.n_learned];
    set_said(e, out);
    for (size_t k = 0; k < e->n_takes; k++) add(out, e->takes[k], worth(e, k));
    if (out->n_takes < US_LIST_TAKES && us_rng_unit(&r) < 0.3) add(out, echo_of(l, e->said[e->n_said - 1], &r), 0);
    for (int tries = 0; out->n_takes < US_LIST_TAKES && tries < 60; tries++) { /* what this character answered to others */
        const us_labelled *o = &l->examples.learned[us_rng_below(&r, l->examples.n_learned)];
        if (o != e && !strcmp(o->who, e->who)) add(out, o->takes[us_rng_below(&r, o->n_takes)], 0);
    }
    for (size_t k = 0; k < out->n_takes; k++) sum += out->right[k];
    for (size_t k = 0; k < out->n_takes && sum > 0; k++) out->right[k] /= sum;
    return sum > 0 && out->n_takes > 1;
}

void us_lists_judged(const us_lists *l, size_t i, us_list *out) {
    const us_labelled *e = &l->examples.held[i];
    set_said(e, out);
    for (size_t k = 0; k < e->n_takes; k++)
        out->takes[k] = e->takes[k], out->right[out->n_takes++] = (double)e->labels[k] / e->most;
}
