/* corpus/json_sets.c - data sets and exports of programs whose JSON has a shape of its own: questions and answers, pairs, candidates,
 * turns of people who are not named.
 *
 * Owns: who speaks in these. An object comes with its members; a line goes to us_json_say(). */
#include "corpus/json_walk.h"
#include "base/mem.h"
#include "corpus/label.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

us_status us_json_say(us_json_walk *w, const char *at, const us_json_place *pl, us_span_str speaker, us_span_str text) {
    us_span_str cells[US_N_CELLS] = {{0}};
    char scene[200];
    int n = snprintf(scene, sizeof scene, pl->list ? "%s#%u" : "%s", pl->scene, pl->list);
    cells[US_CELL_SPEAKER] = speaker;
    cells[US_CELL_TEXT] = text;
    cells[US_CELL_EPISODE] = (us_span_str){pl->episode, strlen(pl->episode)};
    cells[US_CELL_SEASON] = (us_span_str){pl->season, strlen(pl->season)};
    cells[US_CELL_SCENE] = (us_span_str){scene, (size_t)n};
    size_t max = w->r->options->max_cell_bytes ? w->r->options->max_cell_bytes : (size_t)1 << 20;
    if (text.n > max) {
        char reason[80];
        snprintf(reason, sizeof reason, "a text of more than %zu bytes", max);
        us_rows_reject(w->r, us_json_line_of(w, at), reason);
    } else us_rows_add(w->r, us_json_line_of(w, at), cells, 0);
    return w->r->status;
}

/* The k-th of the turns of two people who are not named. */
static us_status say_unnamed(us_json_walk *w, us_span_str said, const us_json_place *pl, size_t k) {
    us_buf_clear(&w->text);
    w->in_turn = true;
    us_status st = us_json_put(w, said, "", &w->text, 0);
    return st ? st : us_json_say(w, said.s, pl, (us_span_str){k & 1 ? "B" : "A", 1}, us_json_held(&w->text));
}

us_status us_json_say_list(us_json_walk *w, us_span_str list, const us_json_place *pl, size_t *k) {
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str e;
    us_status st = US_OK;
    while (!st && us_json_next(w, &p, end, &e)) st = say_unnamed(w, e, pl, (*k)++);
    return st;
}

/* {"message": "Quack.", "is_human": false} (PIPPA): a text of the visitor's or of the character's, whom "bot_name" around it names. */
us_status us_json_side(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, const us_columns *at, us_json_place pl,
                       bool *done) {
    static const char *const keys[] = {"is_human", "is_user", "from_user"};
    us_json_member *side = NULL;
    int text = at->at[US_CELL_TEXT];
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !side; i++) side = us_json_find(m, n, keys[i]);
    *done = side && text >= 0 && us_json_is_string(m[text].value) && (*side->value.s == 't' || *side->value.s == 'f');
    if (!*done) return US_OK;
    const char *who = *side->value.s == 't' ? "user" : pl.bot[0] ? pl.bot : "assistant";
    us_buf_clear(&w->text);
    us_status st = us_json_put(w, m[text].value, "", &w->text, 0);
    return st ? st : us_json_say(w, object.s, &pl, (us_span_str){who, strlen(who)}, us_json_held(&w->text));
}

/* Character.AI: "candidates" for one turn, of which "primary_candidate_id" is shown; in its older export "src" says it, and what
 * "is_alternative" was not shown. */
us_status us_json_candidate(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, us_json_place pl, bool *done) {
    us_json_member *who = us_json_find(m, n, "author"), *list = us_json_find(m, n, "candidates"),
                   *shown = us_json_find(m, n, "primary_candidate_id"), *of = NULL, *src = us_json_find(m, n, "src"),
                   *text = us_json_find(m, n, "text"), *other = us_json_find(m, n, "is_alternative");
    us_status st = US_OK;
    us_span_str e, said = {0};
    size_t k = 0, count = 0;
    bool old = src && *src->value.s == '{' && text && us_json_is_string(text->value) && other;
    if (old && *other->value.s == 't') return *done = true, w->branches++, US_OK;
    if (old) who = src, said = text->value;
    else if (!who || *who->value.s != '{' || !list || *list->value.s != '[') return US_OK;
    for (const char *p = old ? NULL : list->value.s + 1; p && us_json_next(w, &p, list->value.s + list->value.n, &e); count++) {
        bool whole = *e.s == '{' && us_json_members(w, e, &of, &k, w->r->err);
        us_json_member *words = whole ? us_json_find(of, k, "raw_content") : NULL,
                       *id = whole ? us_json_find(of, k, "candidate_id") : NULL;
        bool is_shown = id && shown && id->value.n == shown->value.n && !memcmp(id->value.s, shown->value.s, id->value.n);
        if (words && us_json_is_string(words->value) && (!said.n || is_shown)) said = words->value;
        if (*e.s == '{') free(of);
    }
    if (!said.n) return US_OK;
    *done = true;
    w->branches += count ? count - 1 : 0;
    us_buf_clear(&w->speaker);
    us_buf_clear(&w->text);
    st = us_json_put(w, who->value, "", &w->speaker, 0);
    if (!st) st = us_json_decode(us_json_inner(said), &w->text, w->r->err);
    return st ? st : us_json_say(w, object.s, &pl, us_json_held(&w->speaker), us_json_held(&w->text));
}

/* Who speaks is said beside an object that has the words: {"turn": "driver", "data": {"utterance": "Hi"}} (KVRET); or two of them make a
 * turn: {"usr": {"transcript": "Hi"}, "sys": {"sent": "Hello."}} (CamRest). */
us_status us_json_halves(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, us_json_place pl, bool *done) {
    static const char *const keys[][2] = {{"data", "utterance"}, {"usr", "transcript"}, {"sys", "sent"}};
    us_json_member *turn = us_json_find(m, n, "turn"), *of = NULL;
    us_status st = US_OK;
    size_t k = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !st; i++) {
        us_json_member *half = us_json_find(m, n, keys[i][0]);
        if (!half || *half->value.s != '{' || (!i && (!turn || !us_json_is_string(turn->value)))) continue;
        bool whole = us_json_members(w, half->value, &of, &k, w->r->err);
        us_json_member *said = whole ? us_json_find(of, k, keys[i][1]) : NULL;
        if (said && us_json_is_string(said->value)) {
            *done = true;
            us_buf_clear(&w->speaker);
            us_buf_clear(&w->text);
            st = i ? us_buf_append_str(&w->speaker, keys[i][0], w->r->err)
                   : us_json_decode(us_json_inner(turn->value), &w->speaker, w->r->err);
            if (!st) st = us_json_decode(us_json_inner(said->value), &w->text, w->r->err);
            if (!st) st = us_json_say(w, object.s, &pl, us_json_held(&w->speaker), us_json_held(&w->text));
        }
        free(of);
    }
    return st;
}

/* {"id": 1, "text": "Ann: Hi"}: the name stands in the words. */
us_status us_json_labelled(us_json_walk *w, us_span_str object, us_span_str text, us_json_place pl, bool *done) {
    us_span_str name, direction, words;
    us_buf_clear(&w->text);
    us_status st = us_json_decode(us_json_inner(text), &w->text, w->r->err);
    bool label = !st && us_label_split(us_json_held(&w->text), &name, &direction, &words) && words.n &&
                 !(*name.s >= 'a' && *name.s <= 'z');
    *done = label && !memchr(w->text.data, '\n', w->text.len);
    if (!*done) return st;
    us_buf_clear(&w->other);
    st = us_label_put_direction(direction, &w->other, w->r->err);
    if (!st) st = us_buf_append(&w->other, words.s, words.n, w->r->err);
    return st ? st : us_json_say(w, object.s, &pl, name, us_json_held(&w->other));
}

/* MultiWOZ 2.0 and 2.1: {"goal": ..., "log": [{"text": ..., "metadata": {}}, ...]}: the user begins, whose turns have no metadata. */
us_status us_json_log(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done) {
    us_json_member *log = us_json_find(m, n, "log"), *of = NULL;
    us_status st = US_OK;
    us_span_str e;
    size_t k = 0;
    if (!log || *log->value.s != '[') return US_OK;
    pl.list = ++w->n_lists;
    for (const char *p = log->value.s + 1; !st && us_json_next(w, &p, log->value.s + log->value.n, &e);) {
        bool whole = *e.s == '{' && us_json_members(w, e, &of, &k, w->r->err);
        us_json_member *text = whole ? us_json_find(of, k, "text") : NULL,
                       *data = whole ? us_json_find(of, k, "metadata") : NULL;
        if (text && us_json_is_string(text->value) && data) {
            bool user = *data->value.s == '{' && *us_json_blanks(data->value.s + 1, data->value.s + data->value.n) == '}';
            us_buf_clear(&w->text);
            *done = true;
            st = us_json_decode(us_json_inner(text->value), &w->text, w->r->err);
            if (!st)
                st = us_json_say(w, e.s, &pl, user ? (us_span_str){"USER", 4} : (us_span_str){"SYSTEM", 6},
                                 us_json_held(&w->text));
        }
        if (*e.s == '{') free(of);
        of = NULL;
    }
    return st;
}

us_json_member *us_json_other(us_json_member *m, size_t n, const us_json_member *one) {
    for (size_t i = 0; i < n; i++)
        if (us_columns_is_other_answer(one->key, m[i].key) && *m[i].value.s == *one->value.s) return &m[i];
    return NULL;
}

us_json_member *us_json_better(us_json_member *m, size_t n, us_json_member *one, us_json_member *other) {
    us_json_member *winner = us_json_find(m, n, "winner");
    us_span_str won = winner && us_json_is_string(winner->value) ? us_json_inner(winner->value) : (us_span_str){"", 0};
    char last = won.n ? won.s[won.n - 1] | 32 : 0, a = one->key.s[one->key.n - 1], b = other->key.s[other->key.n - 1];
    bool named = won.n == 1 || (won.n > 2 && strchr("_- ", won.s[won.n - 2])); /* "model_b", "B", "2" */
    return (named && last == (b | 32)) || (b < a && !(named && last == (a | 32))) ? other : one;
}

/* [["Hi", "Hello."], ["And?", "Nothing."]]: what was asked and what was answered, from the beginning of a chat. */
static bool is_pairs(us_json_walk *w, us_span_str list) {
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str pair, e;
    size_t n = 0;
    if (!list.n || *list.s != '[') return false;
    while (n < 8 && us_json_next(w, &p, end, &pair)) {
        size_t k = 0;
        const char *q = pair.s + 1;
        if (*pair.s != '[') return false;
        while (k < 4 && us_json_next(w, &q, pair.s + pair.n, &e) && (us_json_is_string(e) || us_json_is_null(e))) k++;
        if (k != 2) return false;
        n++;
    }
    return n > 0;
}

/* What a program writes in place of words: the mark that the character begins. */
static bool is_no_words(us_span_str s) { return s.n > 4 && !memcmp(s.s, "<|", 2) && !memcmp(s.s + s.n - 2, "|>", 2); }

static us_status say_pairs(us_json_walk *w, us_span_str list, us_json_place pl) {
    static const char *const who[] = {"user", "assistant"};
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str pair, e;
    us_status st = US_OK;
    while (!st && us_json_next(w, &p, end, &pair)) {
        const char *q = pair.s + 1;
        for (int k = 0; k < 2 && *pair.s == '[' && !st && us_json_next(w, &q, pair.s + pair.n, &e); k++) {
            us_buf_clear(&w->text);
            st = us_json_put(w, e, "", &w->text, 0);
            if (!st && w->text.len && !is_no_words(us_json_held(&w->text)))
                st = us_json_say(w, e.s, &pl, (us_span_str){who[k], strlen(who[k])}, us_json_held(&w->text));
        }
    }
    return st;
}

/* {"instruction", "input", "output"}, {"question", "answer"}, {"role", "question", "generated": [...]}: the visitor asks, the
 * character (named by a speaker's key, else "assistant") answers. */
us_status us_json_answer(us_json_walk *w, us_json_member *m, size_t n, const us_columns *at, us_json_place pl, bool *done) {
    *done = false;
    if (!n || us_json_find(m, n, "choice") || us_json_find(m, n, "choices")) return US_OK; /* an examination has choices */
    us_json_member *question = NULL, *answer = NULL, *more = NULL;
    us_span_str keys[64];
    size_t k = n < 64 ? n : 64, ask_at, answer_at;
    for (size_t i = 0; i < k; i++) keys[i] = m[i].key;
    if (us_columns_pair(keys, k, &ask_at, &answer_at)) question = &m[ask_at], answer = &m[answer_at];
    us_json_member *other = answer ? us_json_other(m, k, answer) : NULL;
    if (other) answer = us_json_better(m, k, answer, other);
    bool list = answer && answer->value.n && *answer->value.s == '[';
    *done = question && answer && us_json_is_string(question->value) &&
            (us_json_is_string(answer->value) ||
             (list && *us_json_blanks(answer->value.s + 1, answer->value.s + answer->value.n) == '"'));
    if (!*done) return US_OK;
    w->beside += other != NULL;
    us_buf_clear(&w->speaker);
    us_buf_clear(&w->text);
    if (!pl.talk || !pl.list) pl.list = ++w->n_lists; /* each a scene, but where a conversation is a list of them */
    us_json_member *history = us_json_find(m, n, "history");
    us_status st = history && is_pairs(w, history->value) ? say_pairs(w, history->value, pl) : US_OK;
    us_buf_clear(&w->text);
    if (!st) st = us_json_decode(us_json_inner(question->value), &w->text, w->r->err);
    if ((more = us_json_find(m, n, "input")) && more != question && us_json_is_string(more->value) && more->value.n > 2) {
        if (!st) st = us_buf_append_str(&w->text, "\n", w->r->err);
        if (!st) st = us_json_decode(us_json_inner(more->value), &w->text, w->r->err);
    }
    if (!st) st = us_json_say(w, question->value.s, &pl, (us_span_str){"user", 4}, us_json_held(&w->text));
    us_span_str e = answer->value;
    const char *p = e.s + 1;
    if (list && !us_json_next(w, &p, e.s + e.n, &e)) return st; /* of several answers to one question the first */
    int who = at->at[US_CELL_SPEAKER];
    if (who >= 0 && (&m[who] == question || &m[who] == answer || !us_json_is_string(m[who].value))) who = -1;
    us_buf_clear(&w->text);
    if (!st && who >= 0) st = us_json_put(w, m[who].value, ", ", &w->speaker, 0);
    if (!st && !w->speaker.len) st = us_buf_append_str(&w->speaker, "assistant", w->r->err);
    if (!st) st = us_json_put(w, e, "", &w->text, 0);
    return st ? st : us_json_say(w, answer->value.s, &pl, us_json_held(&w->speaker), us_json_held(&w->text));
}

/* Logs of Oobabooga's: "internal" is what was said, "visible" the same as it was shown. Chats of other programs: "history". */
us_status us_json_pairs(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done) {
    static const char *const keys[][2] = {{"internal", "visible"}, {"data", "data_visible"}, {"history", NULL}};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        us_json_member *said = us_json_find(m, n, keys[k][0]), *shown = keys[k][1] ? us_json_find(m, n, keys[k][1]) : NULL;
        if (!said || !is_pairs(w, said->value) || (keys[k][1] && !shown)) continue;
        w->shown = w->shown || shown;
        pl.list = ++w->n_lists;
        *done = true;
        return say_pairs(w, said->value, pl);
    }
    return US_OK;
}

/* {"utterances": [{"candidates": [..., "what is said"], "history": [...]}]} (PersonaChat), {"free_messages", "guided_messages"} (Blended
 * Skill Talk): two people in turn, who are not named. */
us_status us_json_unnamed(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done) {
    us_json_member *said = us_json_find(m, n, "utterances"), *a = us_json_find(m, n, "free_messages"),
                   *b = us_json_find(m, n, "guided_messages"), *before = us_json_find(m, n, "previous_utterance"), *last = NULL;
    us_status st = US_OK;
    us_span_str e, of[2];
    size_t k = 0;
    pl.list = ++w->n_lists;
    if (a && b && *a->value.s == '[' && *b->value.s == '[') {
        const char *p = a->value.s + 1, *q = b->value.s + 1;
        *done = true;
        if (before && *before->value.s == '[') st = us_json_say_list(w, before->value, &pl, &k);
        while (!st && us_json_next(w, &p, a->value.s + a->value.n, &of[0])) {
            bool more = us_json_next(w, &q, b->value.s + b->value.n, &of[1]);
            st = say_unnamed(w, of[0], &pl, k++);
            if (!st && more) st = say_unnamed(w, of[1], &pl, k++);
        }
        return st;
    }
    if (!said || *said->value.s != '[') return US_OK;
    for (const char *p = said->value.s + 1; us_json_next(w, &p, said->value.s + said->value.n, &e);) k++, of[0] = e;
    if (!k || *of[0].s != '{') return US_OK;
    us_json_member *of_last;
    size_t n_last;
    bool ok = us_json_members(w, of[0], &of_last, &n_last, w->r->err); /* the last has all that was said before it */
    before = ok ? us_json_find(of_last, n_last, "history") : NULL;
    last = ok ? us_json_find(of_last, n_last, "candidates") : NULL;
    *done = before && last && *before->value.s == '[' && *last->value.s == '[';
    k = 0;
    if (*done) st = us_json_say_list(w, before->value, &pl, &k);
    of[0] = (us_span_str){0};
    for (const char *p = *done ? last->value.s + 1 : NULL; p && us_json_next(w, &p, last->value.s + last->value.n, &e);)
        of[0] = e;
    if (!st && of[0].n) st = say_unnamed(w, of[0], &pl, k);
    free(of_last);
    return st;
}
