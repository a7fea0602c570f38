/* corpus/label.c - names, headings and directions in plain text. */
#include "corpus/label.h"
#include "corpus/moment.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

static bool begins(us_span_str s, const char *with) {
    size_t n = strlen(with);
    return s.n >= n && !strncasecmp(s.s, with, n);
}
static bool exactly(us_span_str s, const char *with) { return s.n >= strlen(with) && !memcmp(s.s, with, strlen(with)); }

bool us_is_capitals(us_span_str s) {
    size_t upper = 0;
    uint32_t cp;
    for (size_t i = 0; i < s.n;) {
        int len = us_utf8_decode(s.s + i, s.n - i, &cp);
        if (!len) return false;
        if (u_islower((UChar32)cp)) return false;
        upper += u_isupper((UChar32)cp);
        i += (size_t)len;
    }
    return upper > 0;
}

/* "He says", "Ann replied": a sentence that leads to words, no name. */
static bool is_telling(us_span_str s) {
    static const char *const verbs[] = {" says",    " said",    " asks",    " asked",     " replies",  " replied", " adds",
                                        " added",   " thinks",  " thought", " continues", " whispers", " shouts",  " сказал",
                                        " сказала", " говорит", " sagt",    " sagte",     " dit",      " dijo",    " dice"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        size_t n = strlen(verbs[i]);
        if (s.n > n && !memcmp(s.s + s.n - n, verbs[i], n)) return true;
    }
    return false;
}

/* Is this what people are called: short, few words, beginning with a letter (or a digit: "1st Guard"), without the end of a
 * sentence. Words of small letters are allowed if few: "old man", "Voice of the king". */
static bool is_name(us_span_str s) {
    uint32_t cp = 0;
    size_t words = 1, letters = 0, small = 0, big = 0;
    bool start = true;
    if (s.n == 8 && (!strncasecmp(s.s, "{{user}}", 8) || !strncasecmp(s.s, "{{char}}", 8)))
        return true; /* of a card's examples */
    if (!s.n || s.n > 80) return false;
    if (begins(s, "http") || memmem(s.s, s.n, "//", 2) || is_telling(s)) return false;
    for (size_t i = 0; i < s.n;) {
        int len = us_utf8_decode(s.s + i, s.n - i, &cp);
        if (!len) return false;
        bool letter = u_isalpha((UChar32)cp);
        if (!i && !letter && !(cp >= '0' && cp <= '9') && cp != '#' && cp != '@' && cp != '~') return false;
        if (cp == ' ' || cp == 0xa0 || cp == 0x3000) words++, start = true;
        else if (strchr("?!;\"=<>{}|\\", (int)(cp < 128 ? cp : 'a')) && cp < 128) return false;
        else if (cp == 0x3002 || cp == 0xff0c || cp == 0xff1f || cp == 0xff01 || cp == 0x300c || cp == 0x300d) return false;
        else {
            if (letter && start) small += u_islower((UChar32)cp) != 0, big += u_isupper((UChar32)cp) != 0;
            start = false;
        }
        letters += letter;
        i += (size_t)len;
    }
    if ((!letters && (s.n < 2 || *s.s != '#' || s.s[1] < '0' || s.s[1] > '9')) || words > 6) return false;
    return words <= 2 || big >= small; /* "he said this" is no name */
}

/* The first ':' (or its full-width sister) outside brackets. */
static size_t colon_at(us_span_str l, size_t *len) {
    int depth = 0;
    for (size_t i = 0; i < l.n && i < 160; i++) {
        if (l.s[i] == '(' || l.s[i] == '[') depth++;
        else if ((l.s[i] == ')' || l.s[i] == ']') && depth) depth--;
        else if (l.n - i >= 3 && !memcmp(l.s + i, "\xef\xbc\x88", 3)) depth++;
        else if (l.n - i >= 3 && !memcmp(l.s + i, "\xef\xbc\x89", 3) && depth) depth--;
        else if (l.s[i] == ':' && !depth) return *len = 1, i;
        else if (l.n - i >= 3 && !memcmp(l.s + i, "\xef\xbc\x9a", 3) && !depth) return *len = 3, i;
    }
    return SIZE_MAX;
}

static us_span_str without(us_span_str s, const char *ends) { /* markdown's stars and underscores off both ends */
    while (s.n && strchr(ends, s.s[0])) s.s++, s.n--;
    while (s.n && strchr(ends, s.s[s.n - 1])) s.n--;
    return s;
}

/* Takes "(...)" or "[...]" from behind a name. */
static us_span_str without_brackets(us_span_str name, us_span_str *direction) {
    static const struct {
        const char *open, *close;
    } pairs[] = {{"(", ")"}, {"[", "]"}, {"\xef\xbc\x88", "\xef\xbc\x89"}, {"\xe3\x80\x90", "\xe3\x80\x91"}};
    name = us_trim(name);
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        size_t no = strlen(pairs[k].open), nc = strlen(pairs[k].close);
        if (name.n <= nc || memcmp(name.s + name.n - nc, pairs[k].close, nc)) continue;
        const char *open = memmem(name.s, name.n, pairs[k].open, no);
        if (!open || open == name.s) continue;
        *direction = (us_span_str){open, (size_t)(name.s + name.n - open)};
        return us_trim((us_span_str){name.s, (size_t)(open - name.s)});
    }
    return name;
}

us_span_str us_label_without_corners(us_span_str w) {
    static const char *const pairs[][2] = {{"\xe3\x80\x8c", "\xe3\x80\x8d"}, {"\xe3\x80\x8e", "\xe3\x80\x8f"}};
    for (int k = 0; k < 2; k++)
        if (w.n >= 6 && exactly(w, pairs[k][0]) && !memcmp(w.s + w.n - 3, pairs[k][1], 3) &&
            !memmem(w.s + 3, w.n - 6, pairs[k][1], 3))
            return (us_span_str){w.s + 3, w.n - 6};
    return w;
}

static size_t dash_at(const char *s, const char *end) {
    if (s < end && *s == '-') return 1 + (end - s > 1 && s[1] == '-');
    return end - s >= 3 && (!memcmp(s, "\xe2\x80\x93", 3) || !memcmp(s, "\xe2\x80\x94", 3)) ? 3 : 0;
}

/* "LA FLÈCHE, à part": behind a comma and written small stands what they do. */
static us_span_str without_manner(us_span_str name, us_span_str *direction) {
    const char *comma = memmem(name.s, name.n, ", ", 2);
    uint32_t first = 0, next = 0;
    if (!comma || comma + 2 >= name.s + name.n || direction->n || !us_utf8_decode(name.s, name.n, &first) ||
        !us_utf8_decode(comma + 2, (size_t)(name.s + name.n - comma) - 2, &next) || !u_isupper((UChar32)first) ||
        !u_islower((UChar32)next))
        return name;
    *direction = us_trim((us_span_str){comma + 2, (size_t)(name.s + name.n - comma) - 2});
    return (us_span_str){name.s, (size_t)(comma - name.s)};
}

/* The '.' that ends a name; those of titles and initials go by. NULL: none. *behind: what follows it and a dash. */
static const char *stop_of(us_span_str l, const char **behind) {
    static const char titles[] = "|mr|mrs|ms|dr|st|prof|sgt|capt|lt|col|gen|rev|hon|mme|mlle|fr|no|jr|sr|";
    const char *word = l.s, *end = l.s + l.n;
    for (const char *p = l.s; p < end && p - l.s < 60; p++) {
        if (*p == ' ') word = p + 1;
        if (*p == ':' || *p == '?' || *p == '!') return NULL;
        const char *q = p + 1;
        size_t dash = *p == ' ' ? dash_at(q, end) : 0; /* "ANN – Hello" */
        if (dash && p > l.s && q + dash < end && q[dash] == ' ') return *behind = q + dash + 1, p;
        if (*p != '.' || q >= end || (*q != ' ' && *q != '\t' && !dash_at(q, end))) continue;
        char title[8] = "|";
        size_t n = (size_t)(p - word);
        for (size_t i = 0; i < n && n <= 5; i++)
            title[i + 1] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i]);
        title[n <= 5 ? n + 1 : 0] = '|';
        bool asked = word == l.s && n == 1 && (*word == 'Q' || *word == 'A'); /* question and answer */
        if (!asked && ((n && n <= 5 && strstr(titles, title)) || us_utf8_count(word, n) == 1)) continue;
        while (q < end && (*q == ' ' || *q == '\t')) q++;
        q += dash_at(q, end);
        while (q < end && (*q == ' ' || *q == '\t')) q++;
        return *behind = q, p;
    }
    return NULL;
}

/* "_Ann._ Hi", "**ANN.** Hi", "*Ann*. Hi": a name with a dot in the marks of italics or bold. Stage words are none. */
static bool marked_and_dotted(us_span_str l, us_span_str *name, us_span_str *direction, us_span_str *words) {
    static const char *const doing[] = {"Aside",  "Sings", "Singing", "Reads",  "Reading", "Exit",
                                        "Exeunt", "Enter", "Rises",   "Rising", "Beat",    "Pause"};
    size_t n = exactly(l, "**") ? 2 : l.n && strchr("_*", *l.s) ? 1 : 0;
    char mark[3] = {n ? *l.s : 0, n == 2 ? '*' : 0};
    const char *close = n && l.n > 2 * n + 2 ? memmem(l.s + n, (l.n < 60 ? l.n : 60) - n, mark, n) : NULL, *end = l.s + l.n;
    if (!close || close == l.s + n) return false;
    us_span_str inner = us_trim((us_span_str){l.s + n, (size_t)(close - l.s) - n});
    const char *rest = close + n;
    us_span_str how = us_trim((us_span_str){rest, (size_t)(end - rest)}); /* _Ann_ (_rising_). Hi */
    const char *stop = how.n > 3 && *how.s == '(' ? memchr(how.s, ')', how.n < 120 ? how.n : 120) : NULL;
    if (stop && stop + 1 < end && stop[1] == '.')
        *direction = (us_span_str){how.s, (size_t)(stop - how.s) + 1}, rest = stop + 1;
    bool dot = inner.n && inner.s[inner.n - 1] == '.', behind = !dot && rest < end && *rest == '.';
    if ((!dot && !behind) || (rest + behind < end && !strchr(" \t", rest[behind]))) return false;
    *name = without_manner(without_brackets((us_span_str){inner.s, inner.n - dot}, direction), direction);
    *words = us_trim((us_span_str){rest + behind, (size_t)(end - rest) - behind});
    for (size_t i = 0; i < sizeof doing / sizeof *doing; i++)
        if (name->n >= strlen(doing[i]) && !memcmp(name->s, doing[i], strlen(doing[i]))) return false;
    uint32_t first = 0;
    return words->n && is_name(*name) && us_utf8_decode(name->s, name->n, &first) && u_isupper((UChar32)first);
}

/* "А н я (зевает). Доброе.": letters apart, as old prints set names off, up to a dot or a bracket. */
static size_t spaced_letters(us_span_str l) {
    size_t letters = 0, i = 0;
    uint32_t cp;
    for (int len; i < l.n && i < 80; i += (size_t)len) {
        if (!(len = us_utf8_decode(l.s + i, l.n - i, &cp))) return 0;
        if (strchr(".(", (int)(cp < 128 ? cp : 'a'))) break;
        if (cp == ' ') continue;
        if (!u_isalpha((UChar32)cp) || (i && l.s[i - 1] != ' ')) return 0;
        letters++;
    }
    return letters > 2 && i < l.n && strchr(".(", l.s[i]) ? i : 0;
}

bool us_label_spaced(us_span_str line, us_span_str *name, us_span_str *direction, us_span_str *words) {
    us_span_str l = us_trim(line), rest;
    size_t n = spaced_letters(l);
    *direction = (us_span_str){0};
    if (!n) return false;
    rest = (us_span_str){l.s + n, l.n - n};
    if (*rest.s == '(') {
        const char *close = memchr(rest.s, ')', rest.n < 120 ? rest.n : 120);
        if (!close) return false;
        *direction = (us_span_str){rest.s, (size_t)(close - rest.s) + 1};
        rest = us_trim((us_span_str){close + 1, (size_t)(rest.s + rest.n - close) - 1});
    }
    if (rest.n < 2 || *rest.s != '.') return false;
    *name = us_trim((us_span_str){l.s, n});
    *words = us_trim((us_span_str){rest.s + 1, rest.n - 1});
    return words->n > 0;
}

us_status us_label_put_name(us_span_str name, us_buf *out, us_error *err) {
    us_status st = US_OK;
    uint32_t cp;
    size_t i = 0;
    bool small = false;
    for (int len; i < name.n && !st; i += (size_t)len) { /* one blank parts letters, more part words, and so does a capital */
        if (!(len = us_utf8_decode(name.s + i, name.n - i, &cp))) break;
        if (cp == ' ') continue;
        bool word = i > 1 && name.s[i - 1] == ' ' && (name.s[i - 2] == ' ' || (small && u_isupper((UChar32)cp)));
        if (word && out->len) st = us_buf_append_str(out, " ", err);
        if (!st) st = us_buf_append(out, name.s + i, (size_t)len, err);
        small = u_islower((UChar32)cp);
    }
    return st;
}

bool us_label_dotted(us_span_str line, us_span_str *name, us_span_str *direction, us_span_str *words) {
    us_span_str l = us_trim(line);
    *direction = (us_span_str){0};
    if (marked_and_dotted(l, name, direction, words)) return true;
    const char *behind, *stop = stop_of(l, &behind);
    *direction = (us_span_str){0};
    if (!stop) return false;
    *name = without_manner(without_brackets((us_span_str){l.s, (size_t)(stop - l.s)}, direction), direction);
    *words = us_trim((us_span_str){behind, (size_t)(l.s + l.n - behind)});
    uint32_t first = 0;
    if (*stop == ' ' && us_is_capitals(*words)) return false; /* KITCHEN – NIGHT */
    return words->n && is_name(*name) && us_utf8_decode(name->s, name->n, &first) && u_isupper((UChar32)first) &&
           !us_is_slug(l) && !us_is_heading(l);
}

/* "(00:03)", "(26)", "(10:15:00 AM)", a link's address: nothing that is done. */
static bool says_nothing(us_span_str s) {
    int64_t seconds;
    bool letters = false;
    for (size_t i = 0; i < s.n; i++)
        letters = letters || ((s.s[i] | 32) >= 'a' && (s.s[i] | 32) <= 'z') || (unsigned char)s.s[i] >= 0x80;
    return !letters || (strchr("([", *s.s) && us_is_when(s.s + 1, s.s + s.n - 1, &seconds)) || memmem(s.s, s.n, "](http", 6);
}

us_status us_label_put_direction(us_span_str direction, us_buf *out, us_error *err) {
    if (says_nothing(direction)) return US_OK;
    us_span_str d = direction;
    if (d.n > 4 && strchr("([", *d.s) && d.s[1] == '_' && d.s[d.n - 2] == '_') { /* (_aside_) */
        us_status st = us_buf_append(out, d.s, 1, err);
        if (!st) st = us_buf_append(out, d.s + 2, d.n - 4, err);
        if (!st) st = us_buf_append(out, d.s + d.n - 1, 1, err);
        return st ? st : us_buf_append_str(out, " ", err);
    }
    bool bare = !strchr("([\xef\xe3", *d.s); /* it has no brackets of its own */
    us_status st = bare ? us_buf_append_str(out, "(", err) : US_OK;
    if (!st) st = us_buf_append(out, d.s, d.n, err);
    return st ? st : us_buf_append_str(out, bare ? ") " : " ", err);
}

/* Without a picture in front of a name: an emoji and what belongs to it. */
static us_span_str without_symbols(us_span_str l) {
    us_span_str t = l;
    uint32_t cp;
    for (int len; t.n && (len = us_utf8_decode(t.s, t.n, &cp)); t.s += len, t.n -= (size_t)len) {
        int8_t type = u_charType((UChar32)cp);
        bool part = cp == 0x200d || cp == 0xfe0f || (cp >= 0x1f3fb && cp <= 0x1f3ff);
        if (cp != ' ' && cp != 0xa0 && !part && !(type == U_OTHER_SYMBOL && cp >= 0x2190)) break;
    }
    return t.n && !us_is_song(l) ? t : l;
}

/* "**Ann** \u2014 Hi": a name in bold and a dash. */
static bool bold_and_dash(us_span_str l, us_span_str *name, us_span_str *words) {
    const char *close = exactly(l, "**") && l.n > 5 ? memmem(l.s + 2, l.n - 2, "**", 2) : NULL, *end = l.s + l.n;
    if (!close) return false;
    us_span_str rest = us_trim((us_span_str){close + 2, (size_t)(end - close) - 2}),
                n = us_trim((us_span_str){l.s + 2, (size_t)(close - l.s) - 2});
    size_t dash = rest.n ? dash_at(rest.s, end) : 0;
    if (!dash || rest.n <= dash || rest.s[dash] != ' ' || !is_name(n)) return false;
    *name = n;
    *words = us_trim((us_span_str){rest.s + dash, rest.n - dash});
    return true;
}

/* "[ANN]: Hi", "[Ann] (yawning): Hi". */
static bool bracketed(us_span_str l, us_span_str *name, us_span_str *direction, us_span_str *words) {
    size_t wide = exactly(l, "\xe3\x80\x90") ? 3 : 1; /* 【小红】：你好。 */
    const char *end = l.s + l.n, *close = l.n <= 4      ? NULL
                                          : wide == 3   ? memmem(l.s, l.n < 60 ? l.n : 60, "\xe3\x80\x91", 3)
                                          : *l.s == '[' ? memchr(l.s, ']', l.n < 60 ? l.n : 60)
                                                        : NULL;
    if (!close) return false;
    us_span_str in = us_trim((us_span_str){l.s + wide, (size_t)(close - l.s) - wide}),
                rest = us_trim((us_span_str){close + wide, (size_t)(end - close) - wide}), manner = {0};
    if (rest.n > 2 && *rest.s == '(') {
        const char *stop = memchr(rest.s, ')', rest.n < 120 ? rest.n : 120);
        if (!stop) return false;
        manner = (us_span_str){rest.s, (size_t)(stop - rest.s) + 1};
        rest = us_trim((us_span_str){stop + 1, (size_t)(end - stop) - 1});
    }
    if (rest.n > 3 && !memcmp(rest.s, "\xef\xbc\x9a", 3)) rest.s += 2, rest.n -= 2;
    else if (!rest.n || *rest.s != ':') return false;
    if (!is_name(in) || memchr(in.s, ':', in.n)) return false;
    *name = in;
    *direction = manner;
    *words = us_label_without_corners(us_trim((us_span_str){rest.s + 1, rest.n - 1}));
    return true;
}

bool us_label_split(us_span_str line, us_span_str *name, us_span_str *direction, us_span_str *words) {
    us_span_str l = without_symbols(us_trim(line));
    size_t len = 0, at;
    if (us_label_dotted(l, name, direction, words) && us_is_capitals(*name) && name->n > 2)
        return true; /* ALGERNON. Did you? */
    *direction = (us_span_str){0};
    if (l.n > 2 && l.s[0] == '<') { /* <ann> Hi */
        const char *end = memchr(l.s, '>', l.n < 60 ? l.n : 60);
        us_span_str n = end ? us_trim((us_span_str){l.s + 1, (size_t)(end - l.s) - 1}) : (us_span_str){0};
        static const char *const tags[] = {"i", "b", "u", "v", "c", "p", "br", "font", "em", "strong", "span", "div"};
        bool tag = !end || !is_name(n) || *n.s == '/';
        for (size_t k = 0; k < sizeof tags / sizeof *tags && !tag; k++)
            tag = begins(n, tags[k]) && (n.n == strlen(tags[k]) || n.s[strlen(tags[k])] == ' ');
        *name = n;
        if (!tag) *words = us_trim((us_span_str){end + 1, (size_t)(l.s + l.n - end) - 1});
        return !tag && words->n;
    }
    if (bold_and_dash(l, name, words)) return true;
    if (bracketed(l, name, direction, words)) return true;
    bool marked = l.n > 4 && (exactly(l, "**") || exactly(l, "__") || exactly(l, "'''")); /* markdown, wikis */
    us_span_str from = marked ? without(l, "*_'") : l;
    if (marked) from.n = (size_t)(l.s + l.n - from.s);
    if ((at = colon_at(from, &len)) != SIZE_MAX) {
        us_span_str n = without_brackets(without((us_span_str){from.s, at}, marked ? "*_' " : "*_ "), direction);
        us_span_str rest = {from.s + at + len, from.n - at - len};
        if (!marked && strchr("*_", *l.s) && rest.n > 1 && *rest.s == *l.s && n.s > l.s) rest.s++, rest.n--; /* "*Ann:* Hi" */
        if (rest.n > 1 && *rest.s == ':' && strchr(" \t", rest.s[1])) rest.s++, rest.n--;                    /* "Ann:: Hi" */
        if (rest.n > 1 && *rest.s == '-' && rest.s[1] == ' ') rest.s++, rest.n--;                            /* "Ann:- Hi" */
        bool clock = rest.n > 1 && rest.s[0] >= '0' && rest.s[0] <= '9' && at && from.s[at - 1] >= '0' && from.s[at - 1] <= '9';
        us_span_str manner = *direction, whole = n;
        n = without_manner(n, &manner);
        if (n.n < whole.n && !us_is_capitals(n)) return false; /* "Well, listen: ..." is a sentence */
        if (!clock && is_name(n)) {
            *name = marked ? without(n, "*_' ") : n;
            *direction = manner;
            while (marked && rest.n && strchr("*_'", *rest.s)) rest.s++, rest.n--;
            *words = us_label_without_corners(us_trim(rest));
            return true;
        }
    }
    const char *corner = memmem(l.s, l.n < 80 ? l.n : 80, "\xe3\x80\x8c", 3); /* 太郎「こんにちは」 */
    if (corner && corner > l.s && l.n > 6 && !memcmp(l.s + l.n - 3, "\xe3\x80\x8d", 3)) {
        us_span_str n = without_brackets((us_span_str){l.s, (size_t)(corner - l.s)}, direction);
        if (!is_name(n) || n.n > 45) return false;
        *name = n;
        *words = us_label_without_corners((us_span_str){corner, (size_t)(l.s + l.n - corner)});
        return true;
    }
    return false;
}

static us_span_str without_number(us_span_str l) { /* "12   INT. HOUSE", "A12. EXT." */
    size_t i = 0;
    while (i < l.n && i < 6 &&
           ((l.s[i] >= '0' && l.s[i] <= '9') || (i < 2 && l.s[i] >= 'A' && l.s[i] <= 'C' && i + 1 < l.n && l.s[i + 1] <= '9')))
        i++;
    while (i && i < l.n && strchr(" .\t)", l.s[i])) i++;
    return i && i < l.n ? (us_span_str){l.s + i, l.n - i} : l;
}

bool us_is_slug(us_span_str line) {
    static const char *const heads[] = {"INT",     "EXT",      "EST",      "I/E",       "INT/EXT", "INT./EXT",
                                        "EXT/INT", "EXT./INT", "INNEN",    "AUSSEN",    "AUßEN",   "ИНТ",
                                        "НАТ",     "ЭКСТ",     "ИНТЕРЬЕР", "ЭКСТЕРЬЕР", "НАТУРА"};
    us_span_str l = without_number(us_trim(line));
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
        size_t n = strlen(heads[k]);
        if (l.n > n + 1 && begins(l, heads[k]) && strchr(". -/:", l.s[n])) {
            us_span_str head = {l.s, n};
            return us_is_capitals(head) || l.s[n] == '.';
        }
    }
    return false;
}

/* "zweiter auftritt", "действие первое", "second act": two words, a part of a play and its number. */
static bool is_counted(const char *low, size_t n) {
    static const char *const parts = "|act|scene|akt|aufzug|auftritt|szene|bild|acte|scène|tableau|acto|escena|jornada|cuadro|"
                                     "действие|явление|акт|картина|сцена|atto|scena|ato|cena|",
                             *const numbers[] = {"first",  "second", "third",      "fourth",    "fifth",  "sixth", "last",
                                                 "one",    "two",    "three",      "four",      "five",   "erste", "zweite",
                                                 "dritte", "vierte", "fünfte",     "sechste",   "sieb",   "achte", "neunte",
                                                 "zehnte", "elfte",  "zwölfte",    "letzte",    "premi",  "deuxi", "trois",
                                                 "quatri", "cinqui", "sixi",       "septi",     "huiti",  "neuvi", "dixi",
                                                 "derni",  "prim",   "segund",     "terce",     "cuart",  "quint", "перв",
                                                 "втор",   "трет",   "четв",       "пят",       "шест",   "седьм", "восьм",
                                                 "девят",  "десят",  "одиннадцат", "двенадцат", "последн"};
    while (n && strchr(".: ", low[n - 1])) n--;
    const char *blank = memchr(low, ' ', n);
    if (!blank || memchr(blank + 1, ' ', n - (size_t)(blank - low) - 1)) return false;
    us_span_str words[2] = {{low, (size_t)(blank - low)}, {blank + 1, n - (size_t)(blank - low) - 1}};
    for (int k = 0; k < 2; k++) {
        char part[40];
        int len = snprintf(part, sizeof part, "|%.*s|", (int)words[k].n, words[k].s);
        if (len >= (int)sizeof part || !strstr(parts, part)) continue;
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (exactly(words[!k], numbers[i])) return true;
    }
    return false;
}

/* "第一场", "第三幕": behind 第 a number and what is counted. */
static bool is_part_in_han(us_span_str t, size_t at) {
    static const char *const numbers = "一二三四五六七八九十百〇零两", *const parts = "场場幕集景話话章回節节";
    size_t n = 0;
    for (; at + 3 <= t.n && n < 5; at += 3, n++) {
        char word[4] = {t.s[at], t.s[at + 1], t.s[at + 2]};
        if (n && strstr(parts, word)) return true;
        if (!strstr(numbers, word)) return false;
    }
    return false;
}

/* "S01E02", "1x02 - The Return", "Season 1, Episode 2: The Return". */
static bool is_episode(us_span_str t) {
    size_t i = 0, from;
    t = us_trim(t);
    if (begins(t, "season ") && t.n < 80) {
        const char *digit = t.s + 7, *comma = digit;
        while (comma < t.s + t.n && *comma >= '0' && *comma <= '9') comma++;
        us_span_str rest = us_trim((us_span_str){comma, (size_t)(t.s + t.n - comma)});
        while (rest.n && strchr(",:- ", *rest.s)) rest.s++, rest.n--;
        return comma > digit && (!rest.n || begins(rest, "episode ") || begins(rest, "ep"));
    }
    bool code = t.n > 3 && (*t.s | 32) == 's';
    i = code;
    for (from = i; i < t.n && t.s[i] >= '0' && t.s[i] <= '9'; i++) {}
    if (i == from || i > from + 2 || i >= t.n || (t.s[i] | 32) != (code ? 'e' : 'x')) return false;
    for (from = ++i; i < t.n && t.s[i] >= '0' && t.s[i] <= '9'; i++) {}
    return i >= from + 2 && i < from + 4 && t.n < 80 && (i == t.n || strchr(" .:-", t.s[i]));
}

/* "○公園（朝）" of Japan, "1-1 日 内 家" of China, "S#1." of Korea. */
static bool is_scene_of_east(us_span_str l) { /* a circle may stand before a name, too */
    static const char *const when[] = {"日", "夜", "晨", "昏", "晚"};
    size_t i = 0, digits = 0;
    if (l.n > 6 && (exactly(l, "○") || exactly(l, "◯")))
        return !memchr(l.s, ':', l.n) && !memmem(l.s, l.n, "：", 3) && !memmem(l.s, l.n, "「", 3);
    if (l.n > 2 && exactly(l, "S#") && l.s[2] >= '0' && l.s[2] <= '9') return true;
    for (; i < l.n && strchr("0123456789-", l.s[i]); i++) digits += l.s[i] != '-';
    if (digits < 2 || digits == i || i > 7 || l.n > 90) return false;
    us_span_str rest = {l.s + i, l.n - i};
    bool part = false, place = memmem(rest.s, rest.n, "内", 3) || memmem(rest.s, rest.n, "外", 3);
    for (size_t k = 0; k < sizeof when / sizeof *when && place; k++) part = part || memmem(rest.s, rest.n, when[k], 3);
    return part && !memmem(rest.s, rest.n, "：", 3);
}

bool us_is_heading(us_span_str line) {
    static const char *const heads[] = {"scene",
                                        "act ",
                                        "setting:",
                                        "chapter",
                                        "episode",
                                        "part ",
                                        "cut to",
                                        "fade in",
                                        "fade out",
                                        "prologue",
                                        "epilogue",
                                        "teaser",
                                        "cold open",
                                        "tag",
                                        "opening",
                                        "intermission",
                                        "commercial break",
                                        "time lapse",
                                        "the end",
                                        "сцена",
                                        "акт ",
                                        "действие",
                                        "явление",
                                        "картина",
                                        "серия",
                                        "эпизод",
                                        "глава",
                                        "szene",
                                        "akt",
                                        "auftritt",
                                        "aufzug",
                                        "folge ",
                                        "scène",
                                        "acte",
                                        "escena",
                                        "acto",
                                        "cena",
                                        "ato ",
                                        "scena",
                                        "výstup",
                                        "jelenet",
                                        "sahne",
                                        "perde",
                                        "第",
                                        "场景",
                                        "場景",
                                        "シーン",
                                        "장면"};
    us_span_str l = us_trim(line);
    if (!l.n) return false;
    if (us_is_slug(l) || is_scene_of_east(l)) return true;
    if ((l.n == 7 && begins(l, "<START>")) || (l.n == 5 && begins(l, "<END>"))) return true;
    size_t same = 0;
    while (same < l.n && l.s[same] == l.s[0]) same++;
    if (same == l.n && l.n >= 3 && strchr("*-=_~#", l.s[0])) return true;
    if (l.s[0] == '#' && l.n > 1 && (l.s[same] == ' ')) return true;
    bool bracket = l.s[0] == '[' || l.s[0] == '(',
         fenced = exactly(l, "==") || exactly(l, "--") || exactly(l, "**") || exactly(l, "__") || exactly(l, "~~");
    us_span_str t = fenced ? without(l, "=-*_~ ") : l;
    if (is_episode(bracket ? without(l, "[]()") : t)) return true;
    if (bracket) t.s++, t.n--;
    char low[128] = ""; /* the beginning in small letters, and where each byte of it ends in the line */
    size_t ends[128], n_low = 0, at = 0;
    uint32_t cp;
    for (int len; at < t.n && n_low < 100 && (len = us_utf8_decode(t.s + at, t.n - at, &cp)) > 0;) {
        size_t from = n_low;
        at += (size_t)len;
        if (cp < 0x80) low[n_low++] = (char)(cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
        else n_low += (size_t)us_utf8_encode((uint32_t)u_tolower((UChar32)cp), low + n_low);
        for (; from < n_low; from++) ends[from] = at;
    }
    if (at == t.n && is_counted(low, n_low)) return true;
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
        size_t n = strlen(heads[k]);
        if (low[0] != heads[k][0] || n_low < n || memcmp(low, heads[k], n)) continue;
        size_t end = ends[n - 1];
        if (bracket || fenced || heads[k][n - 1] == ':') return true;
        /* "Scene 3", "ACT ONE", "Scene: a pond" without brackets: short, or named by a number */
        char after = t.n > end ? t.s[end] : ' ';
        bool numbered = false, whole = t.n == end;
        for (size_t i = end; i < t.n && i < end + 12; i++)
            numbered = numbered || (t.s[i] >= '0' && t.s[i] <= '9') || t.s[i] == 'I' || t.s[i] == 'V';
        if (whole || heads[k][n - 1] == ' ' || strchr(" .:-,", after)) {
            if (us_is_capitals(t) || numbered || whole || after == ':') return true;
        } else if ((unsigned char)heads[k][0] >= 0xe3 && (numbered || is_part_in_han(t, end))) return true;
    }
    return false;
}

bool us_is_direction_line(us_span_str line) {
    us_span_str l = us_trim(line);
    static const char *const pairs[][2] = {
        {"(", ")"}, {"[", "]"}, {"*", "*"}, {"{", "}"}, {"\xef\xbc\x88", "\xef\xbc\x89"}, {"\xe3\x80\x90", "\xe3\x80\x91"},
        {"_", "_"}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        size_t no = strlen(pairs[k][0]), nc = strlen(pairs[k][1]);
        if (l.n > no + nc && exactly(l, pairs[k][0]) && !memcmp(l.s + l.n - nc, pairs[k][1], nc) &&
            !memmem(l.s + no, l.n - no - nc, pairs[k][1], nc))
            return true;
    }
    return false;
}

bool us_is_page_mark(us_span_str line) {
    static const char *const words[] = {"page ", "seite ", "стр. ", "- ", "\xe2\x80\x93 "};
    us_span_str t = us_trim(line);
    size_t k = 0, digits = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words && !k; i++)
        if (begins(t, words[i])) k = strlen(words[i]);
    if (!k && !(line.n && *line.s == '\f')) return false;
    for (size_t i = k; i < t.n; i++) {
        if (t.n - i >= 3 && !memcmp(t.s + i, "\xe2\x80\x93", 3)) i += 2;
        else if (begins((us_span_str){t.s + i, t.n - i}, "of ")) i += 2;
        else if (!strchr("0123456789 ./-", t.s[i])) return false;
        else digits += t.s[i] >= '0' && t.s[i] <= '9';
    }
    return digits && digits < 9 && ((k != 2 && k != 4) || t.s[t.n - 1] == '-' || t.s[t.n - 1] == '\x93');
}

bool us_is_song(us_span_str s) {
    us_span_str l = us_trim(s);
    static const char *const notes[] = {"\xe2\x99\xaa", "\xe2\x99\xab", "\xe2\x99\xac"};
    for (size_t k = 0; k < 3; k++)
        if (l.n > 3 && exactly(l, notes[k])) return true;
    return l.n > 2 && l.s[0] == '#' && l.s[l.n - 1] == '#';
}

void us_tally_fini(us_tally *t) {
    free(t->names);
    *t = (us_tally){0};
}

uint32_t us_tally_add(us_tally *t, us_span_str name) {
    us_error err;
    t->total++;
    for (size_t i = 0; i < t->n; i++)
        if (t->names[i].n == name.n && !memcmp(t->names[i].s, name.s, name.n)) return ++t->names[i].count;
    if (t->n == US_TALLY_MOST || (!t->names && us_alloc(US_TALLY_MOST, sizeof *t->names, &t->names, &err))) return 0;
    t->names[t->n].s = name.s;
    t->names[t->n].n = name.n;
    t->names[t->n++].count = 1;
    return 1;
}

uint32_t us_tally_count(const us_tally *t, us_span_str name) {
    for (size_t i = 0; i < t->n; i++)
        if (t->names[i].n == name.n && !memcmp(t->names[i].s, name.s, name.n)) return t->names[i].count;
    return 0;
}

double us_tally_repeated(const us_tally *t) {
    size_t again = 0;
    if (t->total < 6) return 1;
    for (size_t i = 0; i < t->n; i++)
        if (t->names[i].count > 1) again += t->names[i].count;
    return (double)again / (double)t->total;
}
