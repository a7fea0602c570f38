/* corpus/read_turns.c - conversations of two people whom nobody names, as data sets keep them.
 *
 *     Hi , Jim . __eou__ Hello . __eou__                     DailyDialog: a conversation a line; said by A and B in turn
 *     1 your persona: i like cats.                           ParlAI, PersonaChat: numbers begin anew with a conversation; what
 *     2 hi , how are you ?<tab>fine .<tab><tab>no .|fine .   is asked ("user"), the answer ("assistant"), and what else it might be
 *
 * A cell of a table may hold the turns of such a conversation too: as a list of strings, parted by __eou__, or a line each. */
#include "corpus/shape.h"
#include <stdio.h>
#include <string.h>

#define MARK "__eou__"

us_turns us_turns_of(us_span_str cell) {
    us_span_str t = us_trim(cell);
    if (t.n > 4 && *t.s == '[' && t.s[t.n - 1] == ']') {
        us_span_str first = us_trim((us_span_str){t.s + 1, t.n - 2});
        return first.n && strchr("'\"", *first.s) ? US_TURNS_LIST : US_TURNS_NONE;
    }
    if (memmem(t.s, t.n, MARK, sizeof MARK - 1)) return US_TURNS_MARKED;
    return memchr(t.s, '\n', t.n) ? US_TURNS_LINES : US_TURNS_NONE;
}

/* The string that is next in ['It is.', "It's me"]: without its quotes and what hides a quote in it. */
static bool next_string(us_span_str *rest, us_buf *out) {
    const char *p = rest->s, *end = rest->s + rest->n;
    while (p < end && !strchr("'\"", *p)) p++;
    if (p >= end) return false;
    char quote = *p++;
    for (; p < end && *p != quote; p++) {
        bool hidden = *p == '\\' && p + 1 < end;
        if (hidden) p++;
        if (us_buf_append(out, hidden && *p == 'n' ? " " : p, 1, NULL)) return false;
    }
    if (p < end) p++;
    *rest = (us_span_str){p, (size_t)(end - p)};
    return true;
}

static bool next_turn(us_turns kind, us_span_str *rest, us_buf *out) {
    us_buf_clear(out);
    if (kind == US_TURNS_LIST) return next_string(rest, out);
    const char *mark = kind == US_TURNS_MARKED ? MARK : "\n", *end = rest->s + rest->n;
    *rest = us_trim(*rest);
    if (!rest->n) return false;
    end = rest->s + rest->n;
    const char *stop = memmem(rest->s, rest->n, mark, strlen(mark));
    us_span_str turn = us_trim((us_span_str){rest->s, (size_t)((stop ? stop : end) - rest->s)});
    const char *behind = stop ? stop + strlen(mark) : end;
    *rest = (us_span_str){behind, (size_t)(end - behind)};
    return !us_buf_append(out, turn.s ? turn.s : "", turn.n, NULL);
}

us_status us_turns_say(us_rows *r, uint32_t line, us_span_str cell) {
    us_turns kind = us_turns_of(cell);
    size_t k = 0;
    us_buf words;
    us_buf_init(&words, r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20);
    us_rows_scene(r);
    for (us_span_str rest = cell; kind && !r->status && next_turn(kind, &rest, &words);)
        if (words.len) us_rows_say(r, line, (us_span_str){k++ & 1 ? "B" : "A", 1}, (us_span_str){words.data, words.len});
    if (!k && !r->status) us_rows_action(r, line);
    us_buf_fini(&words);
    return r->status;
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

/* "12 hi there<tab>hello": the number, and what follows it; 0: it is not of that kind. */
static unsigned numbered(us_span_str t, us_span_str *rest) {
    unsigned n = 0;
    size_t i = 0;
    for (; i < t.n && i < 6 && t.s[i] >= '0' && t.s[i] <= '9'; i++) n = n * 10 + (unsigned)(t.s[i] - '0');
    if (!i || i + 1 >= t.n || t.s[i] != ' ') return 0;
    *rest = (us_span_str){t.s + i + 1, t.n - i - 1};
    return n;
}

/* "your persona: i like cats.": told of who speaks. */
static bool is_persona(us_span_str t) {
    const char *at = memmem(t.s, t.n < 40 ? t.n : 40, "persona:", 8);
    return at && at - t.s < 16;
}

/* Which of the two a document is: 'e' by __eou__, 'n' with numbers, 0 neither. */
static char kind_of(const us_doc *d) {
    size_t lines = 0, marked = 0, in_order = 0, pairs = 0, personas = 0;
    unsigned last = 0, n;
    us_span_str rest;
    for (us_lines l = us_lines_of(d->s, us_doc_sample(d)); us_lines_next(&l);) {
        us_span_str t = us_trim(l.text);
        if (!t.n) continue;
        lines++;
        marked += memmem(t.s, t.n, MARK, sizeof MARK - 1) != NULL;
        if (!(n = numbered(t, &rest))) continue;
        in_order += n == last + 1 || n == 1;
        last = n;
        pairs += memchr(rest.s, '\t', rest.n) != NULL;
        personas += is_persona(rest);
    }
    if (marked * 10 >= lines * 8 && marked) return 'e';
    bool whole = lines > 2 && in_order * 10 >= lines * 9;
    return whole && pairs && (personas || pairs * 10 >= lines * 4) ? 'n' : 0;
}

void us_look_turns(const us_script_options *o, const us_doc *d, us_view *view) {
    (void)o;
    if (d->workbook || d->inside) return;
    char kind = kind_of(d);
    if (!kind) return;
    view->fit = kind == 'e' ? 0.88 : 0.96; /* a table or JSON with such cells is read as that */
    snprintf(
        view->about, sizeof view->about, "%s",
        kind == 'e'
            ? "conversations parted by __eou__, nobody is named: two speakers in turn, called A and B"
            : "ParlAI's numbered lines: what is asked (user), the answer (assistant); personas and other answers left out");
}

/* A line of ParlAI's: the text, and behind a tab its answer. */
static void say_pair(us_rows *r, uint32_t line, us_span_str rest) {
    const char *tab = memchr(rest.s, '\t', rest.n), *end = rest.s + rest.n;
    if (!tab || is_persona(rest)) {
        us_rows_action(r, line);
        return;
    }
    us_span_str asked = us_trim((us_span_str){rest.s, (size_t)(tab - rest.s)});
    const char *stop = memchr(tab + 1, '\t', (size_t)(end - tab) - 1);
    us_span_str answer = us_trim((us_span_str){tab + 1, (size_t)((stop ? stop : end) - tab) - 1});
    if (asked.n && memcmp(asked.s, "__SILENCE__", asked.n < 11 ? asked.n : 11))
        us_rows_say(r, line, (us_span_str){"user", 4}, asked);
    if (answer.n) us_rows_say(r, line, (us_span_str){"assistant", 9}, answer);
    else us_rows_action(r, line);
}

us_status us_read_turns(us_rows *r, us_doc *d) {
    bool marked = kind_of(d) != 'n';
    us_status st = US_OK;
    for (us_lines l = us_lines_of(d->s, d->n); !st && us_lines_next(&l); st = r->status) {
        us_span_str t = us_trim(l.text), rest = t;
        us_doc_done(d, l.at);
        if (!t.n) continue;
        if (marked) {
            us_turns_say(r, l.line, t);
            continue;
        }
        unsigned n = numbered(t, &rest);
        if (n == 1) us_rows_scene(r);
        if (n) say_pair(r, l.line, rest);
        else us_rows_reject(r, l.line, "no number in front of the line");
    }
    return st;
}
