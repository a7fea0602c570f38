/* Scenes -> examples: whose turn it is, what is joined, what is learned. */
#include "dataset/dataset.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "text/hash.h"
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)2 << 30)

static double unit(uint64_t h) { return (double)(h >> 11) * 0x1p-53; }

us_part us_dataset_part(const us_dataset_options *o, uint64_t hash) {
    double v = o->validation, t = o->test, u = unit(us_hash_bytes(o->seed, &hash, sizeof hash));
    if (v == 0 && t == 0) v = t = 0.05;
    v = v > 0 ? v : 0;
    t = t > 0 ? t : 0;
    return u < t ? US_TEST : u < t + v ? US_VALIDATION : US_TRAIN;
}

us_status us_dataset_new(const us_dataset_options *o, us_dataset **out, us_error *err) {
    if (o->history < 0 || o->history > 100 || !(o->validation >= -1 && o->test >= -1 && o->validation + o->test < 1) ||
        !(o->unnamed >= 0 && o->unnamed <= 1) || !(o->visitors >= 0 && o->visitors <= 1) || o->max_words < 0)
        return us_fail(err, US_ERR_ARGUMENT,
                       "data set: expected history 1..100, validation and test shares that leave something to train on, "
                       "unnamed and visitors 0..1");
    us_dataset *d = NULL;
    us_status st = us_alloc(1, sizeof *d, &d, err);
    if (st) return st;
    us_buf_init(&d->text, MAX_TEXT_BYTES);
    d->history = o->history ? o->history : 10;
    d->series = o->series;
    st = us_strdup(o->system ? o->system : "", &d->system, err);
    if (!st) st = us_strdup(o->character ? o->character : "", &d->character, err);
    if (st) us_dataset_free(d);
    else *out = d;
    return st;
}

void us_dataset_free(us_dataset *d) {
    if (!d) return;
    us_buf_fini(&d->text);
    free(d->turns);
    free(d->examples);
    for (size_t i = 0; i < d->n_personas; i++) free(d->personas[i]);
    free(d->personas);
    free(d->system);
    free(d->character);
    free(d);
}

us_status us_dataset_add_turn(us_dataset *d, us_turn turn, const char *text, size_t n, us_error *err) {
    if (d->n_turns == UINT32_MAX) return us_fail(err, US_ERR_LIMIT, "data set: more than %u turns", UINT32_MAX);
    us_status st = us_grow(&d->turns, &d->cap_turns, d->n_turns + 1, sizeof *d->turns, err);
    turn.text = (const char *)(uintptr_t)d->text.len;
    if (!st) st = us_buf_append(&d->text, text, n, err);
    if (!st) st = us_buf_append(&d->text, "", 1, err);
    if (!st) d->turns[d->n_turns++] = turn;
    return st;
}

us_status us_dataset_close_example(us_dataset *d, size_t first, us_part part, const char *system, us_error *err) {
    size_t end = d->n_turns;
    while (first < end && d->turns[first].character) first++;
    while (end > first && !d->turns[end - 1].target) end--;
    if (first == end) return US_OK;
    us_status st = us_grow(&d->examples, &d->cap_examples, d->n_examples + 1, sizeof *d->examples, err);
    if (!st) d->examples[d->n_examples++] = (us_example){part, (uint32_t)first, (uint32_t)(end - first), system};
    return st;
}

us_status us_dataset_seal(us_dataset *d, us_error *err) {
    for (size_t i = 0; i < d->n_turns; i++) d->turns[i].text = d->text.data + (uintptr_t)d->turns[i].text;
    uint64_t all = 0;
    for (size_t i = 0; i < d->n_examples; i++) {
        us_example *e = &d->examples[i];
        if (!e->system) e->system = d->system;
        d->counts.examples[e->part]++;
        for (uint32_t k = 0; k < e->n_turns; k++) d->counts.targets[e->part] += d->turns[e->first_turn + k].target;
    }
    for (int p = 0; p < US_N_PARTS; p++) all += d->counts.targets[p];
    if (!all)
        return us_fail(err, US_ERR_FORMAT,
                       "no line of '%s' is left to learn from: %llu lines, of which %llu turns answer nobody",
                       d->series ? "the series" : d->character, (unsigned long long)d->counts.lines,
                       (unsigned long long)d->counts.filtered[US_FILTER_OPENING]);
    return US_OK;
}

/* Appends the turn of lines [b, e), all the character's or all others'. Of the others only the last `history` lines
 * count. `key` is the turn's own random number. */
static us_status add_lines(us_dataset *d, const us_script *s, const us_dataset_options *o, uint64_t key, uint32_t who, size_t b,
                           size_t e, us_error *err) {
    size_t n, n_sp;
    const us_line *l = us_script_get_lines(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    us_turn t = {.character = l[b].speaker == who, .target = d->series || l[b].speaker == who};
    if (!t.target && e - b > (size_t)d->history) b = e - (size_t)d->history;
    t.first_line = (uint32_t)b;
    t.n_lines = (uint32_t)(e - b);
    bool one = true;
    for (size_t i = b; i < e; i++) one = one && l[i].speaker == l[b].speaker;
    double draw = unit(us_hash_bytes(o->seed, &key, sizeof key));
    t.alone = one && !t.character && draw < o->visitors;
    bool named = !t.alone && !(one && draw < o->unnamed);
    us_buf text;
    us_buf_init(&text, MAX_TEXT_BYTES);
    us_status st = US_OK;
    for (size_t i = b; i < e && !st; i++) {
        bool goes_on = i > b && l[i].speaker == l[i - 1].speaker;
        if (i > b) st = us_buf_append_str(&text, goes_on ? " " : "\n", err);
        if (!st && !goes_on && !t.character && named && l[i].speaker != US_SPEAKER_NONE)
            st = us_buf_appendf(&text, err, "%s: ", sp[l[i].speaker].name);
        if (!st) st = us_buf_append_str(&text, l[i].text, err);
    }
    if (!st) st = us_dataset_add_turn(d, t, text.data, text.len, err);
    us_buf_fini(&text);
    return st;
}

/* Who plays the lines [b, end) of a series: whoever says a line of them that is drawn, so that who says more plays more often.
 * US_SPEAKER_NONE where the draw falls on a line of nobody's. */
static uint32_t draw_player(const us_line *l, size_t b, size_t end, uint64_t hash) {
    return l[b + (size_t)(unit(us_hash_bytes(1, &hash, sizeof hash)) * (double)(end - b))].speaker;
}

us_status us_dataset_put_name(us_buf *out, const char *text, const char *name, us_error *err) {
    static const char mark[] = "{{char}}";
    us_status st = US_OK;
    for (const char *at; !st && (at = strstr(text, mark)); text = at + sizeof mark - 1) {
        st = us_buf_append(out, text, (size_t)(at - text), err);
        if (!st) st = us_buf_append_str(out, name, err);
    }
    return st ? st : us_buf_append(out, text, strlen(text) + 1, err);
}

/* The persona of a series with the speaker's name in it. */
static us_status make_persona(us_dataset *d, const us_script *s, uint32_t who, const char **out, us_error *err) {
    size_t n_sp;
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    us_status st = d->personas ? US_OK : us_alloc(n_sp, sizeof *d->personas, &d->personas, err);
    if (st) return st;
    d->n_personas = n_sp;
    us_buf text;
    us_buf_init(&text, MAX_TEXT_BYTES);
    if (!d->personas[who]) st = us_dataset_put_name(&text, d->system, sp[who].name, err);
    if (!d->personas[who] && !st && !(d->personas[who] = us_buf_take(&text, NULL)))
        st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&text);
    *out = d->personas[who];
    return st;
}

/* Lines [b, end): a scene, or a piece of one. */
static us_status add_scene(us_dataset *d, const us_script *s, const us_dataset_options *o, size_t b, size_t end, uint32_t who,
                           us_error *err) {
    size_t n, first = d->n_turns, start = b;
    const us_line *l = us_script_get_lines(s, &n);
    uint64_t hash = 0;
    bool there = false;
    const char *persona = NULL;
    for (size_t i = b; i < end; i++) hash = us_hash_bytes(hash, l[i].text, strlen(l[i].text));
    if (d->series && b < end) who = draw_player(l, b, end, hash);
    for (size_t i = b; i < end && who != US_SPEAKER_NONE; i++) there = there || l[i].speaker == who;
    us_status st = d->series && there ? make_persona(d, s, who, &persona, err) : US_OK;
    for (size_t e; there && b < end && !st; b = e) {
        for (e = b + 1; e < end && (l[e].speaker == who) == (l[b].speaker == who);) e++;
        if (d->series || l[b].speaker == who) d->counts.lines += e - b, d->counts.turns++;
        st = add_lines(d, s, o, hash + (b - start), who, b, e, err);
    }
    if (!st && first < d->n_turns && d->turns[first].character)
        d->turns[first].target = false, d->counts.filtered[US_FILTER_OPENING]++;
    return st ? st : us_dataset_close_example(d, first, us_dataset_part(o, hash), persona, err);
}

/* A script that marks no scenes, or episodes only, would leave nothing to hold out: where the character has few scenes,
 * long ones are cut, in front of a line of the others. */
enum { FEW_SCENES = 60, PIECE_LINES = 50 };

static us_status add_scenes(us_dataset *d, const us_script *s, const us_dataset_options *o, uint32_t who, us_error *err) {
    size_t n, n_lines, n_sp;
    const us_scene *scenes = us_script_get_scenes(s, &n);
    const us_line *l = us_script_get_lines(s, &n_lines);
    size_t n_there = d->series ? n : us_script_get_speakers(s, &n_sp)[who].n_scenes;
    size_t piece = n_there < FEW_SCENES ? PIECE_LINES : SIZE_MAX;
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++) {
        size_t b = scenes[i].first_line, end = b + scenes[i].n_lines;
        for (size_t e; b < end && !st; b = e) {
            e = end - b > piece ? b + piece : end;
            while (e < end && l[e].speaker == who) e++;
            st = add_scene(d, s, o, b, e, who, err);
        }
    }
    return st;
}

static size_t count_targets(const us_dataset *d, int part) {
    size_t n = 0;
    for (size_t i = 0; i < d->n_examples; i++)
        for (uint32_t k = 0; k < d->examples[i].n_turns && (part < 0 || (int)d->examples[i].part == part); k++)
            n += d->turns[d->examples[i].first_turn + k].target;
    return n;
}

/* Chance may give a small set next to nothing to validate on: then scenes of the training part move, in the order of their
 * hashes, until half the share is there. */
static void fill_part(us_dataset *d, const us_dataset_options *o, us_part part, double share) {
    size_t all = count_targets(d, -1), n_train = 0;
    for (size_t i = 0; i < d->n_examples; i++) n_train += d->examples[i].part == US_TRAIN;
    for (; n_train > 1 && (double)count_targets(d, (int)part) + 1 <= share / 2 * (double)all; n_train--) {
        us_example *least = NULL;
        uint64_t least_hash = 0;
        for (size_t i = 0; i < d->n_examples; i++) {
            us_example *e = &d->examples[i];
            const char *text = d->text.data + (uintptr_t)d->turns[e->first_turn].text;
            uint64_t hash = us_hash_bytes(o->seed, text, strlen(text));
            if (e->part == US_TRAIN && (!least || hash < least_hash)) least = e, least_hash = hash;
        }
        least->part = part;
    }
}

us_status us_dataset_build(const us_script *s, const us_dataset_options *options, us_dataset **out, us_error *err) {
    static const us_dataset_options defaults;
    const us_dataset_options *o = options ? options : &defaults;
    us_dataset *d = NULL;
    uint32_t who = 0;
    size_t n_sp;
    unsigned failures = us_memory_failures();
    us_status st = o->series ? US_OK : us_script_find_speaker(s, o->character ? o->character : "", &who, err);
    us_dataset_options named = *o;
    if (!st) named.character = o->series ? NULL : us_script_get_speakers(s, &n_sp)[who].name;
    if (!st) st = us_dataset_new(&named, &d, err);
    if (!st) st = add_scenes(d, s, o, who, err);
    bool none = o->validation == 0 && o->test == 0;
    if (!st) fill_part(d, o, US_VALIDATION, none ? 0.05 : o->validation);
    if (!st) fill_part(d, o, US_TEST, none ? 0.05 : o->test);
    if (!st) st = us_dataset_filter(d, o, err);
    if (!st && o->exchanges) st = us_dataset_add_exchanges(d, o->exchanges, none ? 0.05 : o->validation, err);
    if (!st) st = us_dataset_seal(d, err);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (st) us_dataset_free(d);
    else *out = d;
    return st;
}

const us_example *us_dataset_get_examples(const us_dataset *d, size_t *n) { return *n = d->n_examples, d->examples; }
const us_turn *us_dataset_get_turns(const us_dataset *d, size_t *n) { return *n = d->n_turns, d->turns; }
const us_dataset_counts *us_dataset_get_counts(const us_dataset *d) { return &d->counts; }
const char *us_dataset_get_system(const us_dataset *d) { return d->system; }
bool us_dataset_is_series(const us_dataset *d) { return d->series; }
const char *us_dataset_get_character(const us_dataset *d) { return d->character; }
int32_t us_dataset_get_history(const us_dataset *d) { return d->history; }

void us_dataset_get_fingerprint(const us_dataset *d, char out[65]) {
    us_sha256 h;
    unsigned char digest[32];
    us_sha256_init(&h);
    us_sha256_update(&h, d->system, strlen(d->system) + 1);
    us_sha256_update(&h, &d->history, sizeof d->history);
    for (size_t i = 0; i < d->n_examples; i++) {
        const us_example *e = &d->examples[i];
        unsigned char part = (unsigned char)e->part;
        us_sha256_update(&h, &part, 1);
        if (d->series) us_sha256_update(&h, e->system, strlen(e->system) + 1);
        for (uint32_t k = 0; k < e->n_turns; k++) {
            const us_turn *t = &d->turns[e->first_turn + k];
            unsigned char marks = (unsigned char)(t->alone << 2 | t->character << 1 | t->target);
            us_sha256_update(&h, &marks, 1);
            us_sha256_update(&h, t->text, strlen(t->text) + 1);
        }
    }
    us_sha256_final(&h, digest);
    for (int i = 0; i < 32; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[64] = 0;
}

const char *us_filter_name(us_filter f) {
    static const char *const names[US_N_FILTERS] = {"opening", "no-words", "echo", "long", "duplicate", "near-duplicate"};
    return (unsigned)f < US_N_FILTERS ? names[f] : "?";
}

const char *us_part_name(us_part p) {
    static const char *const names[US_N_PARTS] = {"train", "validation", "test"};
    return (unsigned)p < US_N_PARTS ? names[p] : "?";
}

uint32_t us_dataset_window(const us_dataset *d, const us_example *e, uint32_t i) {
    const us_turn *t = d->turns + e->first_turn;
    return t[i].alone ? i : i && t[i - 1].alone ? i - 1 : us_dataset_reach(d, e, i);
}

uint32_t us_dataset_reach(const us_dataset *d, const us_example *e, uint32_t i) {
    const us_turn *t = d->turns + e->first_turn;
    uint32_t first = i, lines = 0;
    if (i && t[i].character) lines = t[--first].n_lines; /* the turn that is answered is always in the window */
    while (first > 0 && lines + t[first - 1].n_lines <= (uint32_t)d->history) lines += t[--first].n_lines;
    return first < i && t[first].character ? first + 1 : first;
}
