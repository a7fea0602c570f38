#include "reply/rules.h"
#include "base/utf8.h"
#include "text/fold.h"
#include <string.h>

#define MAX_LABEL_BYTES 48

typedef enum verdict { TEXT, MAYBE, LABEL } verdict;

static bool upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || upper(c) || (unsigned char)c >= 0x80; }

/* A name of the cast at the line's start, with a colon or alone on its line. *after is what follows the label. */
static verdict name_label(const char *name, const char *s, size_t n, bool line_ends, size_t *after) {
    size_t k = strlen(name);
    if (n < k) return !line_ends && !memcmp(name, s, n) ? MAYBE : TEXT;
    if (memcmp(name, s, k)) return TEXT;
    if (n == k) return line_ends ? LABEL : MAYBE;
    *after = k + 1;
    return s[k] == ':' ? LABEL : TEXT;
}

/* One to three capitalised words, then a colon. */
static verdict any_label(const char *s, size_t n, bool line_ends, size_t *after) {
    size_t i = 0;
    for (int words = 0; words < 3; words++) {
        if (i == n) return line_ends ? TEXT : MAYBE;
        if (!upper(s[i])) return TEXT;
        while (i < n && (letter(s[i]) || s[i] == '.' || s[i] == '\'' || s[i] == '-')) i++;
        if (i == n) return line_ends || n > MAX_LABEL_BYTES ? TEXT : MAYBE;
        if (s[i] == ':') {
            *after = i + 1;
            return LABEL;
        }
        if (s[i] != ' ') return TEXT;
        i++;
    }
    return TEXT;
}

static verdict judge(const us_stops *st, const char *s, size_t n, bool line_ends, bool first_line, size_t *after, bool *own) {
    verdict best = TEXT;
    *own = false;
    if (st->own) {
        size_t k = 0;
        char first[64];
        us_short_name(st->own, first, sizeof first);
        for (int i = 0; i < 2 && first_line; i++) {
            verdict v = name_label(i ? first : st->own, s, n, false, &k);
            if (v == LABEL) return *own = true, *after = k, LABEL;
            if (v == MAYBE) best = MAYBE;
        }
    }
    for (size_t i = 0; i < st->n_names; i++) {
        verdict v = name_label(st->names[i], s, n, line_ends && !first_line, after);
        if (v == LABEL) return LABEL;
        if (v == MAYBE) best = MAYBE;
    }
    verdict v = st->any_label ? any_label(s, n, line_ends, after) : TEXT;
    return v == LABEL ? LABEL : v == MAYBE ? MAYBE : best;
}

us_stop_view us_stops_scan(const us_stops *st, const char *text, size_t n, bool final) {
    us_stop_view v = {0, n, false};
    size_t line = 0;
    while (line < n && strchr(" \n\t", text[line])) line++;
    v.begin = line;
    for (bool first = true; line < n;) {
        const char *nl = memchr(text + line, '\n', n - line);
        size_t len = nl ? (size_t)(nl - text) - line : n - line, after = 0;
        bool own;
        verdict what = judge(st, text + line, len, nl || final, first, &after, &own);
        if (what == LABEL && own) {
            for (line += after; line < n && text[line] == ' ';) line++;
            v.begin = line;
            first = false;
            continue;
        }
        if (what == LABEL) {
            v.end = line;
            v.stopped = true;
            break;
        }
        if (what == MAYBE && !final) {
            v.end = line;
            break;
        }
        first = false;
        line += len + 1;
    }
    if (v.end > n) v.end = n;
    if (!v.stopped && !final && v.end == n) v.end -= us_utf8_tail(text, n);
    while (v.end > v.begin && strchr(" \n\t\r", text[v.end - 1])) v.end--;
    if (v.end < v.begin) v.end = v.begin;
    return v;
}

size_t us_loop_period(const int32_t *tokens, size_t n) {
    for (size_t p = 1; p <= 40 && 3 * p <= n; p++) {
        size_t same = 0;
        while (same + p < n && tokens[n - 1 - same] == tokens[n - 1 - same - p]) same++;
        if (same >= 2 * p && same + p >= 12) return p;
    }
    return 0;
}

/* The next letter or digit of s[*i..n), folded; ' ' where words part; 0 at the end. */
static char next_folded(const char *s, size_t n, size_t *i) {
    bool gap = false;
    for (; *i < n; ++*i) {
        char c = s[*i];
        if (letter(c) || (c >= '0' && c <= '9')) {
            if (gap) return ' ';
            ++*i;
            return (char)(upper(c) ? c + 32 : c);
        }
        gap = gap || c != '\'';
    }
    return 0;
}

/* Both hold the same three words or more. */
static bool same_words(const char *a, size_t n_a, const char *b, size_t n_b) {
    size_t i = strspn(a, " \"'-,"), k = strspn(b, " \"'-,"), words = 1;
    for (;;) {
        char x = next_folded(a, n_a, &i), y = next_folded(b, n_b, &k);
        if (x != y) return false;
        if (!x) return words >= 3;
        words += x == ' ';
    }
}

bool us_sentence_repeats(const char *text) {
    const char *before = NULL;
    size_t n_before = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ".!?\n"), i = 0;
        if (next_folded(p, n, &i)) {
            if (before && same_words(before, n_before, p, n)) return true;
            before = p;
            n_before = n;
        }
        p += n;
        p += strspn(p, ".!?\n");
    }
    return false;
}
