/* Text becomes tokens, scene by scene, with a window for each row; the packer lays sequences into batches. */
#include "train/sequences.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

/* One example in tokens. */
typedef struct work {
    const us_tokenizer *tok;
    const us_template *tpl;
    const us_dataset *set;
    const us_example *e;
    const us_turn *turns;
    us_sequences *s;
    int32_t max_rows;
    us_message *messages;
    us_turn_span *spans;
    size_t cap_messages, cap_spans;
    us_tokens ids;
    uint32_t i_example;
    us_error *err;
} work;

/* The persona's tokens. A template without a system message of its own puts it into the first user turn:
 * then it is what all conversations begin with. */
static us_status make_prefix(work *w, const char *system) {
    us_tokens a = {0}, b = {0};
    us_message m[2] = {{"system", system}, {"user", "0"}};
    us_status st = us_template_tokenize(w->tpl, w->tok, m, 1, false, &a, NULL, w->err);
    if (!st && a.n <= 1) {
        a.n = 0;
        st = us_template_tokenize(w->tpl, w->tok, m, 2, false, &a, NULL, w->err);
        m[1].content = "a";
        if (!st) st = us_template_tokenize(w->tpl, w->tok, m, 2, false, &b, NULL, w->err);
        size_t n = 0;
        while (n < a.n && n < b.n && a.ids[n] == b.ids[n]) n++;
        a.n = n;
    }
    us_tokens_fini(&b);
    w->s->prefix = a.ids;
    w->s->n_prefix = (int32_t)a.n;
    return st;
}

/* The first row of turn i: the first turn's are all that stand behind the prefix, in a series the persona as well. */
static size_t turn_begin(const work *w, uint32_t i) { return i ? w->spans[i + 1].start : (size_t)w->s->n_prefix; }

static us_status append(int32_t **array, size_t *cap, size_t n, int32_t x, us_error *err) {
    us_status st = us_grow(array, cap, n + 1, sizeof **array, err);
    if (!st) (*array)[n] = x;
    return st;
}

/* The sequence whose rows and targets were appended last. */
static us_status close_sequence(us_sequences *s, us_sequence q, us_error *err) {
    q.n_rows = (int32_t)(s->n_rows - q.row);
    q.n_targets = (int32_t)(s->n_targets - q.target);
    q.weight = 1;
    us_status st = us_grow(&s->seqs, &s->cap, s->n + 1, sizeof *s->seqs, err);
    if (st) return st;
    s->seqs[s->n++] = q;
    if (!q.choice) {
        s->n_seqs[q.part]++;
        s->rows[q.part] += (size_t)q.n_rows;
        s->targets[q.part] += (size_t)q.n_targets;
    }
    if (q.n_rows > s->longest) s->longest = q.n_rows;
    if (q.n_targets > s->most_targets) s->most_targets = q.n_targets;
    return US_OK;
}

/* Turns [first, last] as one sequence; `only`: just the last turn is learned. The last target's final token is
 * predicted but never fed. */
static us_status emit(work *w, uint32_t first, uint32_t last, bool only) {
    us_sequences *s = w->s;
    size_t base = turn_begin(w, first), end = w->spans[last + 1].stop - 1;
    us_sequence q = {.part = w->e->part, .row = s->n_rows, .target = s->n_targets, .example = w->i_example};
    us_status st = US_OK;
    for (uint32_t i = first; i <= last && !st; i++) {
        const us_turn_span *span = &w->spans[i + 1];
        uint32_t from = only || us_dataset_is_series(w->set) ? first : us_dataset_window(w->set, w->e, i);
        size_t window = from <= first ? 0 : turn_begin(w, from) - base, stop = i == last ? end : turn_begin(w, i + 1);
        for (size_t k = turn_begin(w, i); k < stop && !st; k++) {
            st = append(&s->tokens, &s->cap_tokens, s->n_rows, w->ids.ids[k], w->err);
            if (!st) st = append(&s->window, &s->cap_window, s->n_rows, (int32_t)window, w->err);
            s->n_rows++;
        }
        if (!w->turns[i].target || (only && i < last)) continue;
        for (size_t k = span->begin; k < span->stop && !st; k++) {
            st = append(&s->target_row, &s->cap_rows, s->n_targets, (int32_t)(k - 1 - base), w->err);
            if (!st) st = append(&s->target_id, &s->cap_ids, s->n_targets, w->ids.ids[k], w->err);
            s->n_targets++;
        }
    }
    return st ? st : close_sequence(s, q, w->err);
}

/* The window of target i, shortened until it fits; UINT32_MAX when nothing helps. Packed, those who see less than their history
 * stand in the sequence of their neighbours all the same. */
static uint32_t fitting_window(const work *w, uint32_t i, bool packing) {
    uint32_t from = packing ? us_dataset_reach(w->set, w->e, i) : us_dataset_window(w->set, w->e, i);
    while (w->spans[i + 1].stop - turn_begin(w, from) > (size_t)w->max_rows) {
        if (from + 2 >= i) return UINT32_MAX;
        from += 2;
    }
    return from;
}

/* The first n turns. */
static us_status tokenize(work *w, uint32_t n) {
    us_status st = us_grow(&w->messages, &w->cap_messages, n + 1, sizeof *w->messages, w->err);
    if (!st) st = us_grow(&w->spans, &w->cap_spans, n + 1, sizeof *w->spans, w->err);
    if (st) return st;
    w->messages[0] = (us_message){"system", w->e->system};
    for (uint32_t i = 0; i < n; i++)
        w->messages[i + 1] = (us_message){w->turns[i].character ? "assistant" : "user", w->turns[i].text};
    w->ids.n = 0;
    return us_template_tokenize(w->tpl, w->tok, w->messages, n + 1, false, &w->ids, w->spans, w->err);
}

/* A scene of a series: one sequence, its own persona in front, in which every turn sees all before it. A longer one is cut, and
 * the persona stands before each piece. */
static us_status add_scene(work *w) {
    us_status st = US_OK;
    for (uint32_t left = w->e->n_turns, fit; left && !st; w->turns += fit, left -= fit) {
        if ((st = tokenize(w, left))) break;
        for (fit = left; fit && w->spans[fit].stop - 1 > (size_t)w->max_rows;) fit--;
        while (fit < left && fit > 1 && w->turns[fit].character) fit--; /* a piece begins with a turn of the others */
        uint32_t last = fit;
        while (last && !w->turns[last - 1].target) last--;
        if (last) st = emit(w, 0, last - 1, false);
        if (!fit) w->s->n_too_long++, fit = 1;
        while (fit < left && w->turns[fit].character) fit++;
    }
    return st;
}

static us_status add_example(work *w, bool packing) {
    if (us_dataset_is_series(w->set)) return add_scene(w);
    us_status st = tokenize(w, w->e->n_turns);
    uint32_t first = 0, last = 0;
    bool open = false;
    for (uint32_t i = 1; i < w->e->n_turns && !st; i++) {
        if (!w->turns[i].target) continue;
        uint32_t from = fitting_window(w, i, packing);
        if (from == UINT32_MAX) {
            w->s->n_too_long++;
            continue;
        }
        if (!packing) {
            st = emit(w, from, i, true);
            continue;
        }
        bool fits = open && w->spans[i + 1].stop - turn_begin(w, first) <= (size_t)w->max_rows;
        if (open && (!fits || from > last)) { /* too long, or nothing in common */
            st = emit(w, first, last, false);
            open = false;
        }
        if (!open) first = from;
        open = true;
        last = i;
    }
    return open && !st ? emit(w, first, last, false) : st;
}

us_status us_sequences_build(const us_tokenizer *tok, const us_template *tpl, const us_dataset *set, bool packing,
                             int32_t max_rows, us_sequences *out, us_error *err) {
    *out = (us_sequences){0};
    size_t n, n_turns;
    const us_example *e = us_dataset_get_examples(set, &n);
    const us_turn *turns = us_dataset_get_turns(set, &n_turns);
    work w = {.tok = tok, .tpl = tpl, .set = set, .s = out, .max_rows = max_rows, .err = err};
    us_status st = us_dataset_is_series(set) ? US_OK : make_prefix(&w, us_dataset_get_system(set));
    for (size_t i = 0; i < n && !st; i++) {
        w.e = &e[i];
        w.i_example = (uint32_t)i;
        w.turns = turns + e[i].first_turn;
        st = add_example(&w, packing);
    }
    free(w.messages);
    free(w.spans);
    us_tokens_fini(&w.ids);
    if (!st && !out->n) st = us_fail(err, US_ERR_LIMIT, "no target fits in %d tokens: raise --max-sequence", max_rows);
    if (st) us_sequences_fini(out);
    return st;
}

/* ids[base..n) as a sequence's rows, each of which sees all before it; of these ids[begin..n) are learned. */
static us_status append_ids(us_sequences *s, const int32_t *ids, size_t base, size_t begin, size_t n, us_error *err) {
    us_status st = US_OK;
    for (size_t i = base; i + 1 < n && !st; i++) {
        st = append(&s->tokens, &s->cap_tokens, s->n_rows, ids[i], err);
        if (!st) st = append(&s->window, &s->cap_window, s->n_rows, 0, err);
        s->n_rows++;
    }
    for (size_t i = begin; i < n && !st; i++) {
        st = append(&s->target_row, &s->cap_rows, s->n_targets, (int32_t)(i - 1 - base), err);
        if (!st) st = append(&s->target_id, &s->cap_ids, s->n_targets, ids[i], err);
        s->n_targets++;
    }
    return st;
}

us_status us_sequences_add_bare(us_sequences *s, const int32_t *ids, size_t n, size_t n_prompt, us_error *err) {
    us_sequence q = {.part = US_TRAIN, .row = s->n_rows, .target = s->n_targets, .bare = true};
    us_status st = append_ids(s, ids, 0, n_prompt, n, err);
    if (!st) st = close_sequence(s, q, err);
    if (st) return st;
    s->n_bare++;
    s->bare_targets += n - n_prompt;
    return US_OK;
}

us_status us_sequences_add_take(us_sequences *s, const us_tokenizer *tok, const us_template *tpl, const us_message *messages,
                                size_t n, int32_t max_rows, bool *fits, us_error *err) {
    us_sequence q = {.row = s->n_rows, .target = s->n_targets, .choice = true};
    us_turn_span *spans = NULL;
    us_tokens ids = {0};
    us_status st = us_alloc(n, sizeof *spans, &spans, err);
    if (!st) st = us_template_tokenize(tpl, tok, messages, n, false, &ids, spans, err);
    size_t base = (size_t)s->n_prefix, begin = st ? 0 : spans[n - 1].begin, end = st ? 0 : spans[n - 1].stop;
    *fits = !st && begin > base && end - 1 - base <= (size_t)max_rows && !memcmp(ids.ids, s->prefix, base * sizeof *s->prefix);
    if (*fits) st = append_ids(s, ids.ids, base, begin, end, err);
    us_tokens_fini(&ids);
    free(spans);
    return st || !*fits ? st : close_sequence(s, q, err);
}

void us_sequences_fini(us_sequences *s) {
    free(s->prefix);
    free(s->tokens);
    free(s->window);
    free(s->target_row);
    free(s->target_id);
    free(s->seqs);
    *s = (us_sequences){0};
}

/* ---- batches ----------------------------------------------------------------------------------------------- */

us_status us_packer_init(us_packer *p, const us_sequences *s, int32_t max_rows, us_error *err) {
    *p = (us_packer){.max_rows = max_rows > s->longest ? max_rows : s->longest};
    p->max_targets = p->max_rows; /* a row has one target at most */
    int32_t least = INT32_MAX;
    for (size_t i = 0; i < s->n; i++)
        if (s->seqs[i].n_rows < least) least = s->seqs[i].n_rows;
    p->max_segments = p->max_rows / (least > 0 ? least : 1) + 1;
    size_t rows = (size_t)p->max_rows + (size_t)s->n_prefix;
    us_status st = us_alloc(rows, sizeof *p->tokens, &p->tokens, err);
    if (!st) st = us_alloc(rows, sizeof *p->pos, &p->pos, err);
    if (!st) st = us_alloc(rows, sizeof *p->window, &p->window, err);
    if (!st) st = us_alloc((size_t)p->max_targets, sizeof *p->target_rows, &p->target_rows, err);
    if (!st) st = us_alloc((size_t)p->max_targets, sizeof *p->target_ids, &p->target_ids, err);
    if (!st) st = us_alloc((size_t)p->max_targets, sizeof *p->weights, &p->weights, err);
    if (!st) st = us_alloc((size_t)p->max_segments, sizeof *p->segments, &p->segments, err);
    if (st) us_packer_fini(p);
    else us_packer_clear(p, s);
    return st;
}

void us_packer_fini(us_packer *p) {
    free(p->tokens);
    free(p->pos);
    free(p->window);
    free(p->target_rows);
    free(p->target_ids);
    free(p->weights);
    free(p->segments);
    *p = (us_packer){0};
}

static void begin(us_packer *p, const us_sequences *s, bool bare) {
    int32_t n_prefix = bare ? 0 : s->n_prefix;
    p->bare = bare;
    p->batch = (us_train_batch){
        {n_prefix, n_prefix, p->window, p->segments, 0}, p->tokens, p->pos, p->target_rows, p->target_ids, 0, p->weights};
    for (int32_t i = 0; i < n_prefix; i++) p->tokens[i] = s->prefix[i], p->pos[i] = i; /* bare rows may have been there */
}

void us_packer_clear(us_packer *p, const us_sequences *s) { begin(p, s, false); }

bool us_packer_add(us_packer *p, const us_sequences *s, const us_sequence *q) {
    us_packing *k = &p->batch.packing;
    if (!k->n_segments) begin(p, s, q->bare);
    int32_t at = k->n_rows;
    if (q->bare != p->bare || at - k->n_prefix + q->n_rows > p->max_rows) return false;
    for (int32_t i = 0; i < q->n_rows; i++) {
        p->tokens[at + i] = s->tokens[q->row + (size_t)i];
        p->window[at + i] = at + s->window[q->row + (size_t)i];
        p->pos[at + i] = k->n_prefix + i;
    }
    for (int32_t i = 0; i < q->n_targets; i++) {
        p->weights[p->batch.n_targets] = q->weight;
        p->target_rows[p->batch.n_targets] = at + s->target_row[q->target + (size_t)i];
        p->target_ids[p->batch.n_targets++] = s->target_id[q->target + (size_t)i];
    }
    p->segments[k->n_segments++] = (us_segment){at, at + q->n_rows};
    k->n_rows += q->n_rows;
    return true;
}
