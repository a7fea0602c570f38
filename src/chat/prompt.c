/* Lines become groups, one a speaker; what the card adds is woven in; the window cuts the oldest; the template makes tokens. */
#include "chat/prompt.h"
#include "base/buf.h"
#include "base/mem.h"
#include "character/play.h"
#include <stdlib.h>
#include <string.h>

#define MAX_PROMPT_BYTES ((size_t)64 << 20)

/* Lines [begin, end), all the character's or all others'. */
typedef struct group {
    size_t begin, end;
} group;

/* Of a long turn of the others only the last `history` lines count; the character's own is never cut, and what the card says in between
 * (an aside) is no line of the conversation. */
static size_t begin_of(const us_prompt_spec *s, const group *g, size_t history) {
    size_t i = g->end, n = 0;
    if (s->lines[g->begin].own) return g->begin;
    while (i > g->begin && (s->lines[i - 1].aside || n < history)) n += !s->lines[--i].aside;
    return i;
}

static size_t lines_of(const us_prompt_spec *s, const group *g, size_t history) {
    size_t n = 0;
    for (size_t i = begin_of(s, g, history); i < g->end; i++) n += !s->lines[i].aside;
    return n;
}

/* The groups that are seen, of groups[0..n): us_dataset_window() for lines. */
static size_t window(const us_prompt_spec *s, const group *groups, size_t n, size_t history) {
    bool open = n && s->lines[groups[n - 1].begin].own;
    size_t first = open ? n - 1 : n, lines = 0;
    if (first) lines = lines_of(s, &groups[--first], history); /* the turn that is answered is always in the prompt */
    while (first > 0 && lines + lines_of(s, &groups[first - 1], history) <= history)
        lines += lines_of(s, &groups[--first], history);
    return first && first + 1 < n && s->lines[groups[first].begin].own ? first + 1 : first; /* the greeting may come first */
}

static bool same_name(const us_chat_line *a, const us_chat_line *b) {
    return !strcmp(a->name ? a->name : "", b->name ? b->name : "");
}

static us_status write_group(us_buf *b, const us_prompt_spec *s, const group *g, size_t history, us_error *err) {
    us_status st = US_OK;
    size_t begin = begin_of(s, g, history);
    for (size_t i = begin; i < g->end && !st; i++) {
        const us_chat_line *l = &s->lines[i];
        bool goes_on = i > begin && (l->own || (same_name(l, l - 1) && !l->aside && !l[-1].aside));
        if (i > begin) st = us_buf_append_str(b, goes_on ? " " : "\n", err);
        if (!st && !goes_on && !l->own && l->name && *l->name) st = us_buf_appendf(b, err, "%s: ", l->name);
        if (!st) st = us_buf_append_str(b, l->text, err);
    }
    return st;
}

/* A message's content is written into one buffer; its pointer is an offset until that buffer stands still. */
static us_status add(us_prompt *p, us_buf *b, const char *role, size_t from, us_error *err) {
    p->messages[p->n++] = (us_message){role, (const char *)(uintptr_t)from};
    return us_buf_append(b, "", 1, err);
}

/* `greeting` (may be NULL): the first turn, where the template knows no conversation that the character begins. */
static us_status write_head(us_prompt *p, us_buf *b, const us_prompt_spec *s, bool examples, const group *greeting,
                            size_t history, us_error *err) {
    us_status st = us_play_system(s->play, b, err);
    if (!st && s->more && *s->more) st = us_buf_appendf(b, err, "\n%s", s->more);
    if (!st && greeting) st = us_buf_appendf(b, err, "\n%s: ", s->card->name);
    if (!st && greeting) st = write_group(b, s, greeting, history, err);
    if (!st && (b->len || !s->no_empty_system)) st = add(p, b, "system", 0, err);
    for (size_t i = 0; i < s->card->examples.n && examples && !st; i++) {
        size_t from = b->len;
        st = us_card_fill(s->card, s->card->examples.lines[i], s->user, b, err);
        if (!st) st = add(p, b, i % 2 ? "assistant" : "user", from, err);
    }
    p->n_head = p->n;
    return st;
}

static us_status make_groups(const us_prompt_spec *s, group **groups, size_t *n, us_error *err) {
    us_status st = us_alloc(s->n_lines + 1, sizeof **groups, groups, err);
    *n = 0;
    for (size_t i = 0; i < s->n_lines && !st; i++) {
        if (i && s->lines[i].own == s->lines[i - 1].own) (*groups)[*n - 1].end++;
        else (*groups)[(*n)++] = (group){i, i + 1};
    }
    return st;
}

/* Gives the text to the prompt, whose contents were offsets until now. */
static us_status seal(us_prompt *p, us_buf *b, us_error *err) {
    if (!(p->text = us_buf_take(b, NULL))) return us_fail(err, US_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < p->n; i++) p->messages[i].content = p->text + (uintptr_t)p->messages[i].content;
    return US_OK;
}

static us_status make(const us_prompt_spec *s, size_t history, us_prompt *out, us_error *err) {
    us_prompt p = {0};
    us_buf b;
    group *groups = NULL;
    size_t n = 0;
    us_buf_init(&b, MAX_PROMPT_BYTES);
    us_status st = make_groups(s, &groups, &n, err);
    if (!st) st = us_alloc(n + s->card->examples.n + 1, sizeof *p.messages, &p.messages, err);
    size_t first = st ? n : window(s, groups, n, history);
    p.first_line = first < n ? begin_of(s, &groups[first], history) : s->n_lines;
    bool own = first < n && s->lines[groups[first].begin].own, examples = s->card->examples.n && !s->trained;
    bool beside = own && examples && s->no_neighbours; /* an assistant's message ends the examples */
    bool greets = own && first + 1 < n && (s->user_first || beside);
    if (!st) st = write_head(&p, &b, s, examples && (greets || !beside), greets ? &groups[first] : NULL, history, err);
    for (size_t i = first + greets; i < n && !st; i++) {
        size_t from = b.len;
        st = write_group(&b, s, &groups[i], history, err);
        if (!st) st = add(&p, &b, s->lines[groups[i].begin].own ? "assistant" : "user", from, err);
    }
    p.open = n && s->lines[groups[n - 1].begin].own;
    if (!st) st = seal(&p, &b, err);
    free(groups);
    us_buf_fini(&b);
    if (st) us_prompt_fini(&p);
    else *out = p;
    return st;
}

/* The lines that are seen, with what the card says between them: a piece of depth d has d lines behind it, or all that are
 * seen. Where the character goes on with their own turn, nothing stands between its beginning and its end. */
static us_status weave(us_prompt_spec *s, size_t history, us_chat_line **woven, size_t *first_line, us_error *err) {
    group *groups;
    size_t n, k = 0, begin = 0;
    us_status st = make_groups(s, &groups, &n, err);
    if (!st) st = us_alloc(s->n_lines + s->play->n, sizeof **woven, woven, err);
    size_t first = st ? n : window(s, groups, n, history);
    if (first < n) begin = begin_of(s, &groups[first], history);
    size_t last = n && s->lines[s->n_lines - 1].own ? groups[n - 1].begin : s->n_lines;
    for (size_t i = begin; i <= s->n_lines && !st; i++) {
        for (size_t x = 0; x < s->play->n; x++) {
            const us_piece *piece = &s->play->pieces[x];
            if (piece->depth < 0) continue;
            size_t at = (size_t)piece->depth < s->n_lines - begin ? s->n_lines - (size_t)piece->depth : begin;
            if ((at < last ? at : last) == i) (*woven)[k++] = (us_chat_line){.text = piece->text, .aside = true};
        }
        if (i < s->n_lines) (*woven)[k++] = s->lines[i];
    }
    free(groups);
    *first_line = begin;
    s->lines = *woven;
    s->n_lines = k;
    return st;
}

static us_status make_play(const us_prompt_spec *s, us_play *play, us_error *err) {
    const char **texts;
    us_status st = us_alloc(s->n_lines, sizeof *texts, &texts, err);
    for (size_t i = 0; i < s->n_lines && !st; i++) texts[i] = s->lines[i].text;
    us_heard heard = {texts, s->n_lines, s->n_before, s->opening};
    if (!st) st = us_play_make(s->card, s->user, &heard, play, err);
    free(texts);
    return st;
}

static size_t history_of(const us_card *card, int32_t history) {
    return (size_t)(history > 0 ? history : card->history > 0 ? card->history : 1);
}

size_t us_prompt_reach(const us_card *card, int32_t history) {
    size_t seen = history_of(card, history), scanned = us_book_reach(card->book);
    return 1 + (seen > scanned ? seen : scanned);
}

us_status us_prompt_make(const us_prompt_spec *spec, us_prompt *out, us_error *err) {
    us_prompt_spec s = *spec;
    us_chat_line *woven = NULL;
    us_play play = {0};
    bool asides = false;
    size_t first_line = 0, history = history_of(s.card, s.history);
    us_status st = make_play(spec, &play, err);
    s.play = &play;
    for (size_t i = 0; i < play.n; i++) asides = asides || play.pieces[i].depth >= 0;
    if (!st && asides) st = weave(&s, history, &woven, &first_line, err);
    if (!st) st = make(&s, history, out, err);
    if (!st && asides) out->first_line = first_line;
    free(woven);
    us_play_fini(&play);
    return st;
}

us_status us_prompt_make_plain(const char *system, const us_chat_line *lines, size_t n, us_prompt *out, us_error *err) {
    us_prompt p = {0};
    us_buf b;
    us_buf_init(&b, MAX_PROMPT_BYTES);
    us_status st = us_alloc(n + 1, sizeof *p.messages, &p.messages, err);
    if (!st && system) {
        st = us_buf_append_str(&b, system, err);
        if (!st) st = add(&p, &b, "system", 0, err);
    }
    p.n_head = p.n;
    for (size_t i = 0; i < n && !st; i++) {
        size_t from = b.len;
        st = us_buf_append_str(&b, lines[i].text, err);
        if (!st) st = add(&p, &b, lines[i].own ? "assistant" : "user", from, err);
    }
    if (!st) st = seal(&p, &b, err);
    us_buf_fini(&b);
    if (st) us_prompt_fini(&p);
    else *out = p;
    return st;
}

void us_prompt_fini(us_prompt *p) {
    free(p->messages);
    free(p->text);
    *p = (us_prompt){0};
}

bool us_prompt_shorten(us_prompt *p) {
    size_t keep = p->open ? 2 : 1, left = p->n - p->n_head;
    bool greets = left > keep && !strcmp(p->messages[p->n_head].role, "assistant");
    size_t drop = left > keep + 1 && !greets ? 2 : left > keep ? 1 : 0;
    memmove(p->messages + p->n_head, p->messages + p->n_head + drop, (left - drop) * sizeof *p->messages);
    p->n -= drop;
    return drop > 0;
}

us_status us_prompt_tokenize(us_prompt *p, const us_template *tpl, const us_tokenizer *tok, int32_t room, us_tokens *out,
                             us_tokens *before_it, us_error *err) {
    us_turn_span *spans = NULL;
    size_t start = out->n;
    us_status st = us_alloc(p->n, sizeof *spans, &spans, err);
    while (!st) {
        out->n = start;
        st = us_template_tokenize(tpl, tok, p->messages, p->n, !p->open, out, spans, err);
        if (!st && p->open) out->n = spans[p->n - 1].end; /* the last turn is to be continued */
        if (st || (int64_t)(out->n - start) <= room) break;
        if (!us_prompt_shorten(p))
            st = us_because(us_fail(err, US_ERR_LIMIT,
                                    "%zu tokens of prompt do not fit into the %d that the context leaves beside the reply: say "
                                    "it shorter, or raise --ctx-size",
                                    out->n - start, room),
                            "context_length_exceeded", err);
    }
    size_t answered = p->open ? 2 : 1, before = p->n > p->n_head + answered ? p->n - answered : p->n_head;
    if (!st && before_it) st = us_template_tokenize(tpl, tok, p->messages, before, true, before_it, NULL, err);
    free(spans);
    return st;
}
