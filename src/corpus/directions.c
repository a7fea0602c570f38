/* corpus/directions.c - the rule "directions": what is not spoken leaves the text, without leftovers.
 *
 * "(softly) Come in", "[laughs]", （笑）, 【旁白】, *smiles* and the marks <i>, {\an8} and _so_ go, &amp; is &, _comma_ a comma. What stands in brackets and is
 * spoken stays: an editor's word ("20 [thousand] ducks"), a smiley, "duck(s)", a number. With a direction goes the punctuation
 * that would stand alone behind it: "(softly). Come in" is "Come in", "Yes (nods), I do" is "Yes, I do". */
#include "base/utf8.h"
#include "corpus/script.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

typedef struct bracket {
    const char *open, *close;
    bool square; /* an editor's, too */
} bracket;

static const bracket brackets[] = {{"(", ")", false},
                                   {"[", "]", true},
                                   {"\xef\xbc\x88", "\xef\xbc\x89", false},
                                   {"\xe3\x80\x90", "\xe3\x80\x91", false},
                                   {"\xef\xbc\xbb", "\xef\xbc\xbd", true},
                                   {"\xe3\x80\x94", "\xe3\x80\x95", false}};

size_t us_entity(const char *s, const char *end, char out[8]) {
    static const char *const known[][2] = {
        {"amp", "&"},         {"lt", "<"},         {"gt", ">"},         {"quot", "\""},       {"apos", "'"},
        {"nbsp", " "},        {"rsquo", "\u2019"}, {"lsquo", "\u2018"}, {"ldquo", "\u201c"},  {"rdquo", "\u201d"},
        {"hellip", "\u2026"}, {"mdash", "\u2014"}, {"ndash", "\u2013"}, {"eacute", "\u00e9"}, {"egrave", "\u00e8"},
        {"auml", "\u00e4"},   {"ouml", "\u00f6"},  {"uuml", "\u00fc"},  {"szlig", "\u00df"},  {"ntilde", "\u00f1"},
        {"ccedil", "\u00e7"}};
    const char *semi = memchr(s, ';', end - s < 12 ? (size_t)(end - s) : 12);
    if (!semi) return 0;
    size_t n = (size_t)(semi - s) - 1;
    if (n > 1 && s[1] == '#') {
        char number[12] = "";
        bool hex = s[2] == 'x' || s[2] == 'X';
        memcpy(number, s + 2 + hex, n - 1 - hex);
        int len = us_utf8_encode((uint32_t)strtoul(number, NULL, hex ? 16 : 10), out);
        out[len] = 0;
        return len && out[0] ? n + 2 : 0;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (n == strlen(known[i][0]) && !memcmp(s + 1, known[i][0], n)) return strcpy(out, known[i][1]), n + 2;
    return 0;
}

static bool may_hold_any(const char *s, size_t n) { /* without branches, for the vector units */
    unsigned any = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        any |= (c == '(') | (c == '[') | (c == '<') | (c == '{') | (c == '*') | (c == '_') | (c == '&') | (c == 0xef) |
               (c == 0xe3);
    }
    return any != 0;
}

/* The bracket that opens at s; its partner's place in *close, within 4096 bytes; brackets inside are counted. */
static const bracket *bracket_at(const char *s, const char *end, const char **close) {
    for (size_t k = 0; k < sizeof brackets / sizeof *brackets; k++) {
        size_t no = strlen(brackets[k].open), nc = strlen(brackets[k].close);
        int depth = 0;
        if ((size_t)(end - s) < no + nc || memcmp(s, brackets[k].open, no)) continue;
        if (end - s > 4096) end = s + 4096;
        const char *first = memmem(s, (size_t)(end - s), brackets[k].close, nc);
        for (const char *p = s; first && p < end && depth < 64;) {
            if ((size_t)(end - p) >= no && !memcmp(p, brackets[k].open, no)) depth++, p += no;
            else if ((size_t)(end - p) >= nc && !memcmp(p, brackets[k].close, nc)) {
                if (!--depth) return *close = p, &brackets[k];
                p += nc;
            } else p++;
        }
        return first ? *close = first, &brackets[k] : NULL; /* "(a (b)": up to the first that closes */
    }
    return NULL;
}

static bool has_letter(const char *s, const char *end) {
    uint32_t cp;
    for (int len; s < end; s += len) {
        if (!(len = us_utf8_decode(s, (size_t)(end - s), &cp))) return true;
        if (u_isalpha((UChar32)cp)) return true;
    }
    return false;
}

static bool ascii_letter(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }
static bool is_alnum(char c) { return ascii_letter(c) || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80; }

static bool ends_with(const char *s, const char *end, const char *with) {
    size_t n = strlen(with);
    return (size_t)(end - s) >= n && !strncasecmp(end - n, with, n);
}

/* What people do between words: "sighs", "laughing", "softly", "beat". */
static bool is_doing(const char *s, const char *end) {
    static const char *const words[] = {"beat",  "pause",  "silence", "laughter", "music", "applause", "crosstalk", "inaudible",
                                        "sigh",  "laugh",  "cough",   "gasp",     "sob",   "scream",   "shout",     "whisper",
                                        "grunt", "crying", "to",      "on",       "off",   "in",       "at",        "from",
                                        "with",  "then",   "as",      "into",     "over",  "cut"};
    const char *e = s;
    while (e < end && *e != ' ' && *e != ',') e++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if ((size_t)(e - s) == strlen(words[i]) && !strncasecmp(s, words[i], (size_t)(e - s))) return true;
    return ends_with(s, e, "s") || ends_with(s, e, "ing") || ends_with(s, e, "ly") || ends_with(s, e, "ed");
}

/* "20 [thousand] ducks", "[T]he", "I told [Bob] to go": words that an editor put in, in the middle of a sentence. */
static bool is_insertion(const char *text, const char *open, const char *inner, const char *close, const char *after,
                         const char *end) {
    size_t words = 1;
    const char *before = open;
    for (const char *p = inner; p < close; p++) words += *p == ' ';
    if (!has_letter(inner, close)) return false;
    if (after < end && ascii_letter(*after) && close - inner <= 3) return true;   /* [T]he */
    if (open > text && ascii_letter(open[-1]) && close - inner <= 4) return true; /* duck[s] */
    while (before > text && before[-1] == ' ') before--;
    while (after < end && *after == ' ') after++;
    if (before == text || words > 3 || is_doing(inner, close)) return false;
    bool goes_on =
        after < end && ((*after >= 'a' && *after <= 'z') || (unsigned char)*after >= 0xc3 || (*after >= '0' && *after <= '9'));
    bool ends = after >= end || strchr(".,;:?!", *after);
    if ((unsigned char)*inner >= 0x80) return false; /* of other languages nobody knows what is done and what is meant */
    return is_alnum(before[-1]) && (goes_on || (ends && before[-1] >= '0' && before[-1] <= '9'));
}

/* "[00:03]", "(1:02:03.5)": when it was said, in front of the words or, in square brackets, behind them; in the middle of them only
 * with hours, minutes and seconds ("John (3:16)" is none). */
static bool is_clock(const char *text, const char *open, const char *inner, const char *close, const char *end) {
    size_t colons = 0, digits = 0;
    for (const char *p = inner; p < close; p++) {
        colons += *p == ':';
        digits += *p >= '0' && *p <= '9';
        if (!strchr("0123456789:.,", *p)) return false;
    }
    return digits > 2 && inner[0] != ':' && close[-1] != ':' &&
           colons >= (open == text || (*open == '[' && close + 1 == end) ? 1u : 2u) && colons < 4;
}

/* What a model thinks before it speaks, "<think>...</think>": bytes of it; 0: none. */
static size_t thoughts_at(const char *s, const char *end) {
    static const char *const marks[][2] = {{"<think>", "</think>"}, {"<thinking>", "</thinking>"}};
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++) {
        size_t n = strlen(marks[k][0]);
        const char *close = (size_t)(end - s) > n && !strncasecmp(s, marks[k][0], n)
                                ? memmem(s + n, (size_t)(end - s) - n, marks[k][1], n + 1)
                                : NULL;
        if (close) return (size_t)(close - s) + n + 1;
    }
    return 0;
}

/* A smiley ":(" opens nothing; "duck(s)" and "(555)" are text. */
static bool is_text(const char *text, const char *open, const char *inner, const char *close) {
    if (open > text && strchr(":;=8", open[-1]) && *open == '(') return true;
    if (open > text + 1 && open[-1] == '-' && strchr(":;=", open[-2])) return true;
    if (!has_letter(inner, close) && close > inner) {
        bool sound = true; /* "(?)" and "(!)" say nothing */
        for (const char *p = inner; p < close; p++) sound = sound && strchr("?!. ", *p);
        return !sound;
    }
    return open > text && ascii_letter(open[-1]) && close - inner <= 2;
}

/* Bytes of a mark of styling at s: <i>, </font>, <br/>, {\an8}. */
static size_t style_at(const char *s, const char *end, bool *line_break) {
    static const char *const tags[] = {"i",   "b",   "u",   "s",   "em", "strong", "font", "br", "p", "span", "small",
                                       "big", "sup", "sub", "div", "c",  "ruby",   "rt",   "a",  "q", "mark", "del"};
    if (*s == '{' && end - s > 3 && s[1] == '\\') {
        const char *close = memchr(s, '}', (size_t)(end - s));
        return close ? (size_t)(close - s) + 1 : 0;
    }
    if (*s != '<') return 0;
    const char *name = s + 1 + (end - s > 1 && s[1] == '/'), *close = memchr(s, '>', end - s < 200 ? (size_t)(end - s) : 200);
    for (size_t i = 0; close && i < sizeof tags / sizeof *tags; i++) {
        size_t n = strlen(tags[i]);
        if ((size_t)(close - name) >= n && !strncasecmp(name, tags[i], n) && strchr(" />.", name[n])) {
            *line_break = tags[i][0] == 'b' && tags[i][1] == 'r';
            return (size_t)(close - s) + 1;
        }
    }
    return 0;
}

/* *smiles*: the end of an action between stars; NULL when the stars are emphasis or none. */
static const char *action_end(const char *text, const char *s, const char *end) {
    if (s + 2 >= end || s[1] == ' ' || s[1] == '*' || (s > text && (s[-1] == '*' || is_alnum(s[-1])))) return NULL;
    const char *close = memchr(s + 1, '*', end - s < 400 ? (size_t)(end - s) - 1 : 400);
    if (!close || close[-1] == ' ' || (close + 1 < end && (close[1] == '*' || is_alnum(close[1]))) || !has_letter(s + 1, close))
        return NULL;
    const char *before = s, *after = close + 1;
    while (before > text && before[-1] == ' ') before--;
    while (after < end && *after == ' ') after++;
    bool apart = before == text || strchr(".?!:;*\n\"", before[-1]), last = after == end;
    bool doing = is_doing(s + 1, close) || memchr(s, ' ', (size_t)(close - s)) || (unsigned char)s[1] >= 0x80;
    return doing && (apart || last) ? close : NULL;
}

/* _so_: the end of what is set in italics; NULL when the stroke is part of a word or of a face. */
static const char *italics_end(const char *text, const char *s, const char *end) {
    if (*s != '_' || s + 2 >= end || s[1] == ' ' || s[1] == '_' || (s > text && !strchr(" \n(\"'[-", s[-1]))) return NULL;
    const char *close = memchr(s + 1, '_', end - s < 400 ? (size_t)(end - s) - 1 : 400);
    if (!close || close[-1] == ' ' || !has_letter(s + 1, close) ||
        (close + 1 < end && (is_alnum(close[1]) || close[1] == '_') && memcmp(close + 1, "\xe2\x80", 2)))
        return NULL;
    return close;
}

/* "*(yawning)*", "_[rises]_": a bracket in the marks of italics. Its partner's place, NULL: none. */
static const bracket *marked_bracket(const char *s, const char *end, const char **close) {
    const bracket *b = end - s > 4 && strchr("*_", *s) && strchr("([", s[1]) ? bracket_at(s + 1, end, close) : NULL;
    const char *after = b ? *close + strlen(b->close) : NULL;
    return after && after < end && *after == *s ? b : NULL;
}

static bool ends_sentence(const us_buf *out) {
    size_t n = out->len;
    while (n && out->data[n - 1] == ' ') n--;
    if (!n) return true;
    if (strchr(".,;:!?", out->data[n - 1])) return true;
    return n >= 3 && (!memcmp(out->data + n - 3, "\xe3\x80\x82", 3) || !memcmp(out->data + n - 3, "\xef\xbc\x8c", 3) ||
                      !memcmp(out->data + n - 3, "\xef\xbc\x81", 3) || !memcmp(out->data + n - 3, "\xef\xbc\x9f", 3) ||
                      !memcmp(out->data + n - 3, "\xe2\x80\xa6", 3));
}

/* Behind a direction: a mark that would stand alone or twice goes, a blank before a mark that stays goes too. */
static const char *tidy(const char *p, const char *end, us_buf *out) {
    const char *q = p;
    while (q < end && *q == ' ') q++;
    size_t wide =
        end - q >= 3 && (!memcmp(q, "\xe3\x80\x82", 3) || !memcmp(q, "\xef\xbc\x8c", 3) || !memcmp(q, "\xe3\x80\x81", 3)) ? 3
                                                                                                                          : 0;
    size_t dash = end - q >= 3 && (!memcmp(q, "\xe2\x80\x94", 3) || !memcmp(q, "\xe2\x80\x93", 3)) ? 3
                  : q + 1 < end && *q == '-' && q[1] == ' '                                        ? 1
                                                                                                   : 0;
    if (q >= end) return q;
    if (strchr(".,;:", *q) || wide) {
        size_t len = wide ? wide : 1;
        bool dots = *q == '.' && q + 1 < end && q[1] == '.';
        size_t said = out->len;
        while (said && out->data[said - 1] == ' ') said--;
        if (dots && said > 1 && !memcmp(out->data + said - 2, "..", 2)) { /* "Yes... (pause)... no." */
            while (q < end && *q == '.') q++;
            return q;
        }
        if (ends_sentence(out) && !dots) {
            q += len;
            while (q < end && *q == ' ') q++;
            if (out->len && out->data[out->len - 1] != ' ' && us_buf_append_str(out, " ", NULL)) return p;
            return q;
        }
    }
    if (dash && !out->len) { /* "(laughs) - no way" */
        q += dash;
        while (q < end && *q == ' ') q++;
        return q;
    }
    if (strchr(".,;:!?)", *q) || wide) {
        while (out->len && out->data[out->len - 1] == ' ') out->len--;
        if (out->data) out->data[out->len] = 0;
        return q;
    }
    return p;
}

/* "<Media omitted>", in any language: what a chat says in place of a picture is all there is. */
static bool is_omitted(const char *s, size_t n) {
    if (n < 8 || n > 80 || *s != '<' || s[n - 1] != '>' || !memchr(s, ' ', n)) return false;
    for (size_t i = 1; i + 1 < n; i++)
        if (strchr("<>=/\"'&", s[i]) || !s[i]) return false;
    return true;
}

bool us_repair_directions(const char *s, size_t n, us_buf *out, us_buf *taken) {
    if (!may_hold_any(s, n)) return false;
    if (is_omitted(s, n)) {
        us_buf_clear(out);
        us_buf_clear(taken);
        return !us_buf_append(out, "", 0, NULL) && !us_buf_append(taken, s + 1, n - 2, NULL);
    }
    const char *p = s, *end = s + n, *kept = s, *close;
    bool changed = false, line_break = false;
    us_buf_clear(out);
    us_buf_clear(taken);
    while (p < end) {
        const char *inner = NULL, *after = NULL;
        char stands_for[8];
        size_t style;
        const bracket *b = strchr("([\xef\xe3", *p) && *p ? bracket_at(p, end, &close) : NULL,
                      *marked = b ? NULL : marked_bracket(p, end, &close);
        if (marked) inner = p + 1 + strlen(marked->open), after = close + strlen(marked->close) + 1;
        else if (b) {
            inner = p + strlen(b->open);
            after = close + strlen(b->close);
            if (is_clock(s, p, inner, close, end)) { /* nobody does it */
                if (us_buf_append(out, kept, (size_t)(p - kept), NULL)) return false;
                changed = true;
                kept = p = tidy(after, end, out);
                continue;
            }
            if (is_text(s, p, inner, close)) {
                p = p + strlen(b->open);
                continue;
            }
            if (b->square && is_insertion(s, p, inner, close, after, end)) { /* the words stay, the brackets go */
                if (us_buf_append(out, kept, (size_t)(p - kept), NULL) ||
                    us_buf_append(out, inner, (size_t)(close - inner), NULL))
                    return false;
                kept = p = after;
                changed = true;
                continue;
            }
        } else if (*p == '<' && (style = thoughts_at(p, end))) {
            if (us_buf_append(out, kept, (size_t)(p - kept), NULL)) return false;
            kept = p += style;
            changed = true;
            continue;
        } else if ((*p == '<' || *p == '{') && (style = style_at(p, end, &line_break))) {
            if (us_buf_append(out, kept, (size_t)(p - kept), NULL) || (line_break && us_buf_append_str(out, " ", NULL)))
                return false;
            kept = p += style;
            changed = true;
            line_break = false;
            continue;
        } else if (*p == '&' && (style = us_entity(p, end, stands_for))) {
            if (us_buf_append(out, kept, (size_t)(p - kept), NULL) || us_buf_append_str(out, stands_for, NULL)) return false;
            kept = p += style;
            changed = true;
            continue;
        } else if (*p == '_' && end - p >= 7 && !memcmp(p, "_comma_", 7)) { /* EmpatheticDialogues has no other */
            if (us_buf_append(out, kept, (size_t)(p - kept), NULL) || us_buf_append_str(out, ",", NULL)) return false;
            kept = p += 7;
            changed = true;
            continue;
        } else if (*p == '_' && (close = italics_end(s, p, end))) { /* the words stay */
            if (us_buf_append(out, kept, (size_t)(p - kept), NULL) || us_buf_append(out, p + 1, (size_t)(close - p) - 1, NULL))
                return false;
            kept = p = close + 1;
            changed = true;
            continue;
        } else if (*p == '*' && (close = action_end(s, p, end))) inner = p + 1, after = close + 1;
        if (!inner) {
            p++;
            continue;
        }
        if (us_buf_append(out, kept, (size_t)(p - kept), NULL) || (taken->len && us_buf_append_str(taken, "; ", NULL)) ||
            us_buf_append(taken, inner, (size_t)(close - inner), NULL))
            return false;
        changed = true;
        kept = p = tidy(after, end, out);
    }
    return changed && !us_buf_append(out, kept, (size_t)(end - kept), NULL);
}
