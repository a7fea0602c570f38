/* Values of the template reader, and what operators, filters, tests and methods make of them. Where the answer depends on what
 * people write, it is UNKNOWN (or -1), never a guess. */
#include "model/jinja_parts.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT (64u << 10) /* of one value */
#define MAX_ITEMS 1000

typedef us_jinja_value value;
typedef us_jinja_arena arena;

static const value undefined = {.kind = US_J_UNDEFINED};
value us_jinja_unknown(void) { return (value){.kind = US_J_UNKNOWN}; }
value us_jinja_one_that_is(bool truth) { return (value){.kind = US_J_UNKNOWN, .n = truth ? 1 : -1}; }
value us_jinja_bool(bool b) { return (value){.kind = US_J_BOOL, .n = b}; }
value us_jinja_number(long n) { return (value){.kind = US_J_NUMBER, .n = n}; }
static value answer(int t) { return t < 0 ? us_jinja_unknown() : us_jinja_bool(t); }

static value too_long(arena *a) {
    if (!a->why) a->why = "it is too long";
    return us_jinja_unknown();
}

/* Aligned for any value, or NULL. */
static void *room(arena *a, size_t n) {
    size_t at = (a->used + 15) & ~(size_t)15;
    if (n > US_JINJA_MEMORY || at > US_JINJA_MEMORY - n) return too_long(a), NULL;
    a->used = at + n;
    return a->data + at;
}

value us_jinja_text(arena *a, const char *s, size_t n) {
    char *to = n > MAX_TEXT ? NULL : room(a, n + 1);
    if (!to) return too_long(a);
    if (n) memcpy(to, s, n);
    to[n] = 0;
    return (value){.kind = US_J_TEXT, .text = to, .len = n};
}

value us_jinja_list_new(arena *a, us_jinja_kind kind) {
    us_jinja_list *l = room(a, sizeof *l);
    if (!l) return us_jinja_unknown();
    *l = (us_jinja_list){0};
    return (value){.kind = kind, .list = l};
}

void us_jinja_push(arena *a, us_jinja_list *l, value v) {
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 8;
        value *more = cap > 4 * MAX_ITEMS ? NULL : room(a, cap * sizeof *more);
        if (!more) {
            too_long(a);
            return;
        }
        if (l->n) memcpy(more, l->items, l->n * sizeof *more);
        l->items = more;
        l->cap = cap;
    }
    l->items[l->n++] = v;
}

value *us_jinja_find(value d, const char *key, size_t n) {
    for (size_t i = 0; d.kind == US_J_DICT && i + 1 < d.list->n; i += 2)
        if (d.list->items[i].kind == US_J_TEXT && d.list->items[i].len == n && !memcmp(d.list->items[i].text, key, n))
            return &d.list->items[i + 1];
    return NULL;
}

static value *find_key(value d, value key) {
    if (key.kind == US_J_TEXT) return us_jinja_find(d, key.text, key.len);
    for (size_t i = 0; d.kind == US_J_DICT && key.kind == US_J_NUMBER && i + 1 < d.list->n; i += 2)
        if (d.list->items[i].kind == US_J_NUMBER && d.list->items[i].n == key.n) return &d.list->items[i + 1];
    return NULL;
}

void us_jinja_put(arena *a, value d, const char *key, size_t n, value v) {
    value *old = us_jinja_find(d, key, n), name;
    if (old) {
        *old = v;
        return;
    }
    if (d.kind != US_J_DICT || (name = us_jinja_text(a, key, n)).kind != US_J_TEXT) return;
    us_jinja_push(a, d.list, name);
    us_jinja_push(a, d.list, v);
}

bool us_jinja_put_at(arena *a, value d, value key, value v) {
    value *old = find_key(d, key);
    if (key.kind == US_J_TEXT) return us_jinja_put(a, d, key.text, key.len, v), true;
    if (d.kind != US_J_DICT || key.kind != US_J_NUMBER) return false;
    if (old) return *old = v, true;
    us_jinja_push(a, d.list, key);
    us_jinja_push(a, d.list, v);
    return true;
}

/* ---- texts with contents in them -------------------------------------------------------------------------------------- */

/* Bytes of what begins at s: a mark counts as one. */
static size_t step(const char *s) { return *s == US_JINJA_CONTENT ? US_JINJA_MARK_BYTES : 1; }

bool us_jinja_has_content(value v) { return v.kind == US_J_TEXT && v.len && memchr(v.text, US_JINJA_CONTENT, v.len); }

static bool has_mark(value v) {
    for (size_t i = 0; v.kind == US_J_TEXT && i < v.len; i++)
        if (v.text[i] == US_JINJA_CONTENT || v.text[i] == US_JINJA_BOS || v.text[i] == US_JINJA_EOS) return true;
    return false;
}

static bool has_token(value v) { return v.len && (memchr(v.text, US_JINJA_BOS, v.len) || memchr(v.text, US_JINJA_EOS, v.len)); }

/* Bytes are letters there: no contents, no tokens, nothing beyond ASCII. */
static bool is_plain(value v) {
    for (size_t i = 0; v.kind == US_J_TEXT && i < v.len; i++)
        if ((unsigned char)v.text[i] >= 128) return false;
    return v.kind == US_J_TEXT && !has_mark(v);
}

/* Some of what people write: it is like no marker, and nothing may print it. */
static value part(arena *a) {
    return us_jinja_text(a, (const char[]){US_JINJA_CONTENT, '0', US_JINJA_PART}, US_JINJA_MARK_BYTES);
}

/* What people write has none of a template's markers in it; single characters and blanks it may have. */
static bool is_marker(const char *s, size_t n) {
    bool blank = true;
    for (size_t i = 0; i < n; i++) blank = blank && isspace((unsigned char)s[i]);
    return n > 1 && !blank;
}

/* Where `needle` stands in v from `at` on; v.len: nowhere; (size_t)-1: it cannot be told. */
static size_t position(value v, size_t at, value needle) {
    bool may = !is_marker(needle.text, needle.len);
    if (!needle.len || has_mark(needle)) return (size_t)-1;
    for (size_t i = at; i < v.len; i += step(v.text + i)) {
        if (v.text[i] == US_JINJA_CONTENT && may) return (size_t)-1;
        if (i + needle.len <= v.len && !memcmp(v.text + i, needle.text, needle.len)) return i;
    }
    return v.len;
}

/* Flags of a content whose blanks (or line breaks) go at one more side; 0: that cannot be said in flags. */
static char flags_with(char flags, int side, bool breaks) {
    int now = flags - '0', sides = now & 3;
    if (!sides || (bool)(now & 4) == breaks) return (char)('0' + (now | side | (breaks ? 4 : 0)));
    if (breaks) return (sides & side) == side ? flags : 0; /* all blanks have gone there */
    return (sides & ~side) ? 0 : (char)('0' + side);
}

static bool goes(char c, const value *set) {
    return set ? c && set->len && memchr(set->text, c, set->len) != NULL : isspace((unsigned char)c) != 0;
}

/* Blanks at the ends go, or characters of a set: of the template's own texts here, of contents when they are written. */
static value trimmed(arena *a, value v, bool left, bool right, const value *set) {
    if (v.kind != US_J_TEXT || (set && (set->kind != US_J_TEXT || has_mark(*set)))) return us_jinja_unknown();
    value t = us_jinja_text(a, v.text, v.len);
    if (t.kind != US_J_TEXT) return t;
    char *s = (char *)(uintptr_t)t.text;
    bool breaks = set && set->len == 1 && *set->text == '\n', plain = !set || breaks;
    while (left && t.len && goes(*s, set)) s++, t.len--;
    t.text = s;
    size_t last = t.len; /* a content that everything ends with */
    for (size_t i = 0; i < t.len; i += step(s + i)) last = i;
    if (left && t.len && *s == US_JINJA_CONTENT && (!plain || !(s[1] = flags_with(s[1], 1, breaks)))) return us_jinja_unknown();
    while (right && t.len && s[last] != US_JINJA_CONTENT && goes(s[last], set)) {
        t.len = last;
        for (size_t i = 0; i < t.len; i += step(s + i)) last = i;
    }
    if (right && t.len && s[last] == US_JINJA_CONTENT && (!plain || !(s[last + 1] = flags_with(s[last + 1], 2, breaks))))
        return us_jinja_unknown();
    return t;
}

/* "Title": as the filter makes one, where words begin behind blanks and some signs only. Of what people write it can only be said
 * that it is like no marker. */
static value with_case(arena *a, value v, const char *how) {
    bool simple = !strcmp(how, "upper") || !strcmp(how, "lower");
    if (!is_plain(v) && !(simple && us_jinja_has_content(v) && !has_token(v))) return us_jinja_unknown();
    value t = us_jinja_text(a, v.text, v.len);
    char *s = (char *)(uintptr_t)t.text;
    for (size_t i = 0; t.kind == US_J_TEXT && i < t.len; i += step(s + i)) {
        if (s[i] == US_JINJA_CONTENT) s[i + 2] = US_JINJA_PART;
        if (s[i] == US_JINJA_CONTENT) continue;
        if ((unsigned char)s[i] >= 128) return us_jinja_unknown();
        bool start = !i || (!strcmp(how, "title") && !isalpha((unsigned char)s[i - 1])) ||
                     (!strcmp(how, "Title") && (isspace((unsigned char)s[i - 1]) || strchr("-({[<", s[i - 1])));
        bool up = !strcmp(how, "upper") || (start && strcmp(how, "lower"));
        s[i] = (char)(up ? toupper((unsigned char)s[i]) : tolower((unsigned char)s[i]));
    }
    return t;
}

/* As Python splits: by a text (at most so often, < 0: always), from the left. */
static value split(arena *a, value v, value by, long most) {
    value l = us_jinja_list_new(a, US_J_LIST);
    if (v.kind != US_J_TEXT || by.kind != US_J_TEXT || l.kind != US_J_LIST) return us_jinja_unknown();
    for (size_t at = 0;; most--) {
        size_t k = most ? position(v, at, by) : v.len;
        if (k == (size_t)-1) return us_jinja_unknown();
        us_jinja_push(a, l.list, us_jinja_text(a, v.text + at, k - at));
        if (k >= v.len) return l;
        at = k + by.len;
    }
}

static value formatted(arena *a, value v, const us_jinja_args *args) {
    value all = us_jinja_text(a, "", 0);
    size_t k = 0, from = 0;
    if (has_mark(v)) return us_jinja_unknown();
    for (size_t i = 0; i <= v.len; i++) {
        if (i < v.len && v.text[i] != '{' && v.text[i] != '}') continue;
        all = us_jinja_concat(a, all, us_jinja_text(a, v.text + from, i - from));
        if (i == v.len) return all;
        if (i + 1 == v.len || memcmp(v.text + i, "{}", 2) != 0 || k == args->n || args->name[k]) return us_jinja_unknown();
        all = us_jinja_concat(a, all, us_jinja_shown(a, args->v[k++]));
        from = ++i + 1;
    }
    return us_jinja_unknown();
}

us_jinja_value us_jinja_concat(arena *a, value x, value y) {
    if (x.kind != US_J_TEXT || y.kind != US_J_TEXT) return us_jinja_unknown();
    char *to = x.len + y.len > MAX_TEXT ? NULL : room(a, x.len + y.len + 1);
    if (!to) return too_long(a);
    memcpy(to, x.text, x.len);
    memcpy(to + x.len, y.text, y.len);
    to[x.len + y.len] = 0;
    return (value){.kind = US_J_TEXT, .text = to, .len = x.len + y.len};
}

static value join(arena *a, value list, value by) {
    value all = us_jinja_text(a, "", 0);
    if (list.kind != US_J_LIST || (by.kind != US_J_TEXT && by.kind != US_J_UNDEFINED)) return us_jinja_unknown();
    for (size_t i = 0; i < list.list->n; i++) {
        if (i && by.kind == US_J_TEXT) all = us_jinja_concat(a, all, by);
        all = us_jinja_concat(a, all, us_jinja_shown(a, list.list->items[i]));
    }
    return all;
}

static value replaced(arena *a, value v, value old, value new, value most) {
    bool all = most.kind == US_J_UNDEFINED || most.kind == US_J_NONE;
    if (new.kind != US_J_TEXT || (!all && (most.kind != US_J_NUMBER || most.n < 0))) return us_jinja_unknown();
    return join(a, split(a, v, old, all ? -1 : most.n), new);
}

/* Whether v begins (or ends) with a text; -1: that depends on what people write. */
static int touches(value v, value with, bool end) {
    if (v.kind != US_J_TEXT || with.kind != US_J_TEXT || has_mark(with)) return -1;
    size_t near = 0, at = 0; /* own characters on that side, up to a content */
    if (!end)
        while (near < v.len && v.text[near] != US_JINJA_CONTENT) near++;
    for (; end && at < v.len; at += step(v.text + at)) near = v.text[at] == US_JINJA_CONTENT ? 0 : near + 1;
    const char *own = end ? v.text + v.len - near : v.text;
    if (with.len <= near) return !memcmp(end ? own + near - with.len : own, with.text, with.len);
    return near == v.len || is_marker(with.text, with.len) ? 0 : -1;
}

value us_jinja_shown(arena *a, value v) {
    char number[24];
    switch (v.kind) {
    case US_J_UNDEFINED: return us_jinja_text(a, "", 0);
    case US_J_NONE: return us_jinja_text(a, "None", 4);
    case US_J_BOOL: return v.n ? us_jinja_text(a, "True", 4) : us_jinja_text(a, "False", 5);
    case US_J_NUMBER: return us_jinja_text(a, number, (size_t)snprintf(number, sizeof number, "%ld", v.n));
    case US_J_TEXT: return v;
    default: return us_jinja_unknown();
    }
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------- */

int us_jinja_truth(value v) {
    switch (v.kind) {
    case US_J_UNKNOWN: return v.n > 0 ? 1 : v.n < 0 ? 0 : -1;
    case US_J_UNDEFINED:
    case US_J_NONE: return 0;
    case US_J_TEXT: return v.len > 0;
    case US_J_LIST: return v.list->n > 0;
    case US_J_DICT:
    case US_J_MACRO:
    case US_J_SOME: return 1;
    default: return v.n != 0;
    }
}

static bool is_number(value v) { return v.kind == US_J_NUMBER || v.kind == US_J_BOOL; }

int us_jinja_equal(value a, value b) {
    if (a.kind == US_J_UNKNOWN || b.kind == US_J_UNKNOWN) return -1;
    if (is_number(a) && is_number(b)) return a.n == b.n;
    if (a.kind == US_J_SOME || b.kind == US_J_SOME) {
        value other = a.kind == US_J_SOME ? b : a;
        return is_number(other) && other.n > 0 ? -1 : other.kind == US_J_SOME ? -1 : 0;
    }
    if (a.kind != b.kind) return 0;
    if (a.kind == US_J_TEXT) {
        bool same = a.len == b.len && !memcmp(a.text, b.text, a.len), in_a = us_jinja_has_content(a);
        if (!same && (has_token(a) || has_token(b))) return -1; /* what BOS and EOS look like, the vocabulary says */
        if (in_a == us_jinja_has_content(b)) return !same && in_a ? -1 : same;
        value other = in_a ? b : a;
        return other.len && !is_marker(other.text, other.len) ? -1 : 0; /* a single letter, or blanks, people may write */
    }
    if (a.kind == US_J_DICT || a.kind == US_J_MACRO) return a.list == b.list && a.n == b.n;
    if (a.kind != US_J_LIST || a.list == b.list) return 1;
    int all = a.list->n == b.list->n;
    for (size_t i = 0; all == 1 && i < a.list->n; i++) {
        value x = a.list->items[i], y = b.list->items[i];
        all = x.kind == US_J_LIST || y.kind == US_J_LIST ? -1 : us_jinja_equal(x, y);
    }
    return all;
}

int us_jinja_in(value v, value of) {
    int found = 0;
    if (v.kind == US_J_UNKNOWN || of.kind == US_J_UNKNOWN) return -1;
    if (of.kind == US_J_DICT) return find_key(of, v) != NULL;
    if (of.kind == US_J_TEXT && v.kind == US_J_TEXT) {
        size_t k = v.len ? position(of, 0, v) : 0;
        return k == (size_t)-1 ? -1 : k < of.len || !v.len;
    }
    if (of.kind != US_J_LIST) return of.kind == US_J_UNDEFINED ? 0 : -1;
    for (size_t i = 0; i < of.list->n && found != 1; i++) {
        int same = us_jinja_equal(v, of.list->items[i]);
        found = same ? same : found;
    }
    return found;
}

#define CALLED(x) (n == sizeof x - 1 && !memcmp(name, x, n))
static int compared(const char *name, size_t n, value v, value arg) {
    int same = us_jinja_equal(v, arg);
    if (CALLED("equalto") || CALLED("eq") || CALLED("==") || CALLED("sameas")) return same;
    if (CALLED("ne") || CALLED("!=")) return same < 0 ? same : !same;
    if (CALLED("in")) return us_jinja_in(v, arg);
    if (CALLED("divisibleby")) return is_number(v) && is_number(arg) && arg.n ? v.n % arg.n == 0 : -1;
    return -1;
}

int us_jinja_test(const char *name, size_t n, value v, value arg) {
    if (v.kind == US_J_UNKNOWN) return -1;
    if (CALLED("defined")) return v.kind != US_J_UNDEFINED;
    if (CALLED("undefined")) return v.kind == US_J_UNDEFINED;
    if (CALLED("none") || CALLED("None")) return v.kind == US_J_NONE;
    if (CALLED("string")) return v.kind == US_J_TEXT;
    if (CALLED("mapping")) return v.kind == US_J_DICT;
    if (CALLED("sequence") || CALLED("iterable"))
        return v.kind == US_J_TEXT || v.kind == US_J_LIST || v.kind == US_J_DICT ||
               v.kind == US_J_UNDEFINED; /* as Jinja does */
    if (CALLED("boolean")) return v.kind == US_J_BOOL;
    if (CALLED("number")) return is_number(v) || v.kind == US_J_SOME;
    if (CALLED("integer")) return v.kind == US_J_NUMBER || v.kind == US_J_SOME;
    if (CALLED("float")) return 0;
    if (CALLED("callable")) return v.kind == US_J_MACRO;
    if (CALLED("true")) return v.kind == US_J_BOOL && v.n;
    if (CALLED("false")) return v.kind == US_J_BOOL && !v.n;
    if (CALLED("odd") || CALLED("even")) return is_number(v) ? (v.n % 2 != 0) == CALLED("odd") : -1;
    return compared(name, n, v, arg);
}

/* ---- parts ---------------------------------------------------------------------------------------------------------------- */

value us_jinja_item(arena *a, value v, value k) {
    if (v.kind == US_J_DICT && (k.kind == US_J_TEXT || k.kind == US_J_NUMBER)) {
        value *found = find_key(v, k);
        return found ? *found : undefined;
    }
    if (v.kind == US_J_LIST && is_number(k)) {
        long i = k.n < 0 ? k.n + (long)v.list->n : k.n;
        return i >= 0 && i < (long)v.list->n ? v.list->items[i] : undefined;
    }
    if (is_number(k) && is_plain(v)) {
        long i = k.n < 0 ? k.n + (long)v.len : k.n;
        return i >= 0 && i < (long)v.len ? us_jinja_text(a, v.text + i, 1) : undefined;
    }
    if (us_jinja_has_content(v) && k.kind != US_J_TEXT) return part(a);
    bool none = v.kind == US_J_UNDEFINED || v.kind == US_J_NONE || (v.kind == US_J_TEXT && k.kind == US_J_TEXT) ||
                (v.kind == US_J_LIST && k.kind == US_J_TEXT);
    return none ? undefined : us_jinja_unknown();
}

/* A bound of a slice of n, as Python has it. */
static long bound(value v, long n, long otherwise) {
    if (v.kind != US_J_NUMBER) return otherwise;
    long k = v.n < 0 ? v.n + n : v.n;
    return k < 0 ? 0 : k > n ? n : k;
}

value us_jinja_slice(arena *a, value v, const value bounds[3]) {
    if (us_jinja_has_content(v)) return part(a);
    for (int i = 0; i < 3; i++)
        if (bounds[i].kind != US_J_NUMBER && bounds[i].kind != US_J_UNDEFINED && bounds[i].kind != US_J_NONE)
            return us_jinja_unknown();
    bool list = v.kind == US_J_LIST, back = bounds[2].kind == US_J_NUMBER && bounds[2].n == -1;
    if (!list && !is_plain(v)) return us_jinja_unknown();
    if (bounds[2].kind == US_J_NUMBER && bounds[2].n != 1 && !back) return us_jinja_unknown();
    if (back && (!list || bounds[0].kind == US_J_NUMBER || bounds[1].kind == US_J_NUMBER)) return us_jinja_unknown();
    long n = (long)(list ? v.list->n : v.len), from = bound(bounds[0], n, 0), to = bound(bounds[1], n, n);
    if (to < from) to = from;
    if (!list) return us_jinja_text(a, v.text + from, (size_t)(to - from));
    value part = us_jinja_list_new(a, US_J_LIST);
    for (long i = from; i < to && part.kind == US_J_LIST; i++) us_jinja_push(a, part.list, v.list->items[back ? n - 1 - i : i]);
    return part;
}

static value length(value v) {
    return v.kind == US_J_LIST       ? us_jinja_number((long)v.list->n)
           : v.kind == US_J_DICT     ? us_jinja_number((long)v.list->n / 2)
           : us_jinja_has_content(v) ? (value){.kind = US_J_SOME}
           : is_plain(v)             ? us_jinja_number((long)v.len)
                                     : us_jinja_unknown();
}

/* Keys, values, or pairs of both. */
static value entries(arena *a, value d, bool keys, bool values) {
    value l = us_jinja_list_new(a, US_J_LIST);
    if (d.kind != US_J_DICT || l.kind != US_J_LIST) return us_jinja_unknown();
    for (size_t i = 0; i + 1 < d.list->n && !a->why; i += 2) {
        value pair = keys && values ? us_jinja_list_new(a, US_J_LIST) : d.list->items[i + values];
        if (keys && values && pair.kind == US_J_LIST) {
            us_jinja_push(a, pair.list, d.list->items[i]);
            us_jinja_push(a, pair.list, d.list->items[i + 1]);
        }
        us_jinja_push(a, l.list, pair);
    }
    return l;
}

/* Pairs by their keys, which are numbers, or texts of small letters. */
static value sorted(arena *a, value d) {
    value l = entries(a, d, true, true);
    if (l.kind != US_J_LIST || a->why || l.list->n > 64) return us_jinja_unknown();
    for (size_t i = 0; i < l.list->n; i++) {
        value pair = l.list->items[i], k = pair.list->items[0];
        size_t at = i;
        for (size_t c = 0; c < k.len; c++)
            if (k.text[c] < ' ' || isupper((unsigned char)k.text[c])) return us_jinja_unknown();
        for (; at; at--) {
            value b = l.list->items[at - 1].list->items[0];
            if (b.kind != k.kind) return us_jinja_unknown();
            int order =
                k.kind == US_J_NUMBER ? (b.n > k.n) - (b.n < k.n) : memcmp(b.text, k.text, b.len < k.len ? b.len : k.len);
            if (order < 0 || (!order && b.len <= k.len)) break;
            l.list->items[at] = l.list->items[at - 1];
        }
        l.list->items[at] = pair;
    }
    return l;
}

/* ---- filters and methods ----------------------------------------------------------------------------------------------------- */

value us_jinja_arg(const us_jinja_args *args, size_t at, const char *name) {
    for (size_t i = 0; i < args->n; i++)
        if (args->name[i] && args->len[i] == strlen(name) && !memcmp(args->name[i], name, args->len[i])) return args->v[i];
    return at < args->n && !args->name[at] ? args->v[at] : undefined;
}

/* selectattr('role', 'equalto', 'user'), select('string'), and their opposites. */
static value selected(arena *a, value v, const us_jinja_args *args, bool by_attribute, bool want) {
    value l = us_jinja_list_new(a, US_J_LIST), attribute = us_jinja_arg(args, 0, "attribute"),
          test = us_jinja_arg(args, by_attribute, "test"), arg = us_jinja_arg(args, by_attribute + 1U, "value");
    if (v.kind == US_J_UNDEFINED || v.kind == US_J_NONE) return l;
    if (v.kind != US_J_LIST || l.kind != US_J_LIST) return us_jinja_unknown();
    for (size_t i = 0; i < v.list->n; i++) {
        value x = by_attribute ? us_jinja_item(a, v.list->items[i], attribute) : v.list->items[i];
        int t = test.kind == US_J_TEXT ? us_jinja_test(test.text, test.len, x, arg) : us_jinja_truth(x);
        if (t < 0) return us_jinja_unknown();
        if (t == want) us_jinja_push(a, l.list, v.list->items[i]);
    }
    return l;
}

/* map(attribute='content'), map('trim'). */
static value mapped(arena *a, value v, const us_jinja_args *args) {
    value l = us_jinja_list_new(a, US_J_LIST), attribute = us_jinja_arg(args, 9, "attribute"),
          filter = us_jinja_arg(args, 0, "");
    if (v.kind == US_J_UNDEFINED || v.kind == US_J_NONE) return l;
    if (v.kind != US_J_LIST || l.kind != US_J_LIST) return us_jinja_unknown();
    for (size_t i = 0; i < v.list->n; i++) {
        value x = v.list->items[i];
        if (attribute.kind == US_J_TEXT) x = us_jinja_item(a, x, attribute);
        else if (filter.kind == US_J_TEXT && filter.len != 3)
            x = us_jinja_filter(a, filter.text, filter.len, x, &(us_jinja_args){0});
        else return us_jinja_unknown(); /* no map of maps */
        us_jinja_push(a, l.list, x);
    }
    return l;
}

/* JSON of what has nothing to escape. */
static value json(arena *a, value v) {
    if (v.kind == US_J_BOOL) return v.n ? us_jinja_text(a, "true", 4) : us_jinja_text(a, "false", 5);
    if (v.kind == US_J_NONE) return us_jinja_text(a, "null", 4);
    if (v.kind == US_J_NUMBER) return us_jinja_shown(a, v);
    if (v.kind == US_J_LIST && !v.list->n) return us_jinja_text(a, "[]", 2);
    bool plain = v.kind == US_J_TEXT && !has_mark(v);
    for (size_t i = 0; plain && i < v.len; i++)
        plain = v.text[i] >= ' ' && v.text[i] != '"' && v.text[i] != '\\' && v.text[i] != 127;
    value quote = us_jinja_text(a, "\"", 1);
    return plain ? us_jinja_concat(a, us_jinja_concat(a, quote, v), quote) : us_jinja_unknown();
}

static value defaulted(value v, const us_jinja_args *args) {
    value other = us_jinja_arg(args, 0, "default_value");
    bool falsy = us_jinja_truth(us_jinja_arg(args, 1, "boolean")) == 1;
    int t = falsy ? us_jinja_truth(v) : v.kind == US_J_UNKNOWN ? -1 : v.kind != US_J_UNDEFINED;
    return t < 0 ? us_jinja_unknown() : t ? v : other;
}

static value of_list(arena *a, const char *name, size_t n, value v, const us_jinja_args *args) {
    if (CALLED("list") && us_jinja_has_content(v)) { /* its letters */
        value l = us_jinja_list_new(a, US_J_LIST);
        if (l.kind == US_J_LIST) us_jinja_push(a, l.list, part(a));
        return l;
    }
    if (CALLED("list"))
        return v.kind == US_J_DICT   ? entries(a, v, true, false)
               : v.kind == US_J_LIST ? us_jinja_slice(a, v, (value[3]){0})
                                     : us_jinja_unknown();
    if (CALLED("first") || CALLED("last")) return us_jinja_item(a, v, us_jinja_number(CALLED("first") ? 0 : -1));
    if (CALLED("reverse")) return us_jinja_slice(a, v, (value[3]){undefined, undefined, us_jinja_number(-1)});
    if (CALLED("join")) {
        value attribute = us_jinja_arg(args, 1, "attribute");
        if (attribute.kind == US_J_TEXT)
            v = mapped(a, v, &(us_jinja_args){.v = {attribute}, .name = {"attribute"}, .len = {9}, .n = 1});
        return join(a, v, us_jinja_arg(args, 0, "d"));
    }
    if (CALLED("map")) return mapped(a, v, args);
    if (CALLED("selectattr") || CALLED("rejectattr")) return selected(a, v, args, true, CALLED("selectattr"));
    if (CALLED("select") || CALLED("reject")) return selected(a, v, args, false, CALLED("select"));
    return us_jinja_unknown();
}

value us_jinja_filter(arena *a, const char *name, size_t n, value v, const us_jinja_args *args) {
    static const char *const cases[] = {"title", "capitalize", "upper", "lower"};
    if (CALLED("default") || CALLED("d")) return defaulted(v, args);
    if (v.kind == US_J_UNKNOWN) return v;
    if (CALLED("trim")) {
        value set = us_jinja_arg(args, 0, "chars"), text = us_jinja_shown(a, v);
        return trimmed(a, text, true, true, set.kind == US_J_UNDEFINED ? NULL : &set);
    }
    if (CALLED("string")) return us_jinja_shown(a, v);
    if (CALLED("safe")) return v;
    if (CALLED("length") || CALLED("count")) return length(v);
    if (CALLED("tojson")) return json(a, v);
    if (CALLED("dictsort")) return args->n ? us_jinja_unknown() : sorted(a, v);
    if (CALLED("int") && is_plain(v) && v.len && v.len < 10 && strspn(v.text, "0123456789") == v.len)
        return us_jinja_number(strtol(v.text, NULL, 10));
    if (CALLED("int")) return is_number(v) ? us_jinja_number(v.n) : us_jinja_unknown();
    if (CALLED("abs")) return is_number(v) ? us_jinja_number(v.n < 0 ? -v.n : v.n) : us_jinja_unknown();
    if (CALLED("replace"))
        return replaced(a, v, us_jinja_arg(args, 0, "old"), us_jinja_arg(args, 1, "new"), us_jinja_arg(args, 2, "count"));
    if (CALLED("items")) return v.kind == US_J_UNDEFINED ? us_jinja_list_new(a, US_J_LIST) : entries(a, v, true, true);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (n == strlen(cases[i]) && !memcmp(name, cases[i], n))
            return with_case(a, us_jinja_shown(a, v), i ? cases[i] : "Title");
    return of_list(a, name, n, v, args);
}

static value of_text(arena *a, const char *name, size_t n, value v, const us_jinja_args *args) {
    static const char *const cases[] = {"title", "capitalize", "upper", "lower"};
    value x = us_jinja_arg(args, 0, "sep"), y = us_jinja_arg(args, 1, "maxsplit");
    const value *set = args->n ? &x : NULL;
    if (CALLED("strip")) return trimmed(a, v, true, true, set);
    if (CALLED("lstrip")) return trimmed(a, v, true, false, set);
    if (CALLED("rstrip")) return trimmed(a, v, false, true, set);
    if (CALLED("startswith") || CALLED("endswith")) return answer(touches(v, x, CALLED("endswith")));
    if (CALLED("split")) return split(a, v, x, y.kind == US_J_NUMBER ? y.n : -1);
    if (CALLED("replace")) return replaced(a, v, x, y, us_jinja_arg(args, 2, "count"));
    if (CALLED("join")) return join(a, x, v);
    if (CALLED("format")) return formatted(a, v, args);
    if (CALLED("find")) {
        size_t k = x.kind == US_J_TEXT ? position(v, 0, x) : (size_t)-1;
        return k == v.len                                   ? us_jinja_number(-1)
               : k == (size_t)-1 || us_jinja_has_content(v) ? us_jinja_unknown()
                                                            : us_jinja_number((long)k);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases && !args->n; i++)
        if (n == strlen(cases[i]) && !memcmp(name, cases[i], n)) return with_case(a, v, cases[i]);
    return us_jinja_unknown();
}

value us_jinja_method(arena *a, const char *name, size_t n, value v, const us_jinja_args *args) {
    if (v.kind == US_J_TEXT) return of_text(a, name, n, v, args);
    if (v.kind == US_J_DICT && CALLED("get")) {
        value key = us_jinja_arg(args, 0, ""), other = us_jinja_arg(args, 1, "");
        if (key.kind != US_J_TEXT && key.kind != US_J_NUMBER) return us_jinja_unknown();
        value *found = find_key(v, key);
        return found ? *found : args->n > 1 ? other : (value){.kind = US_J_NONE};
    }
    if (v.kind == US_J_DICT && CALLED("items")) return entries(a, v, true, true);
    if (v.kind == US_J_DICT && CALLED("keys")) return entries(a, v, true, false);
    if (v.kind == US_J_DICT && CALLED("values")) return entries(a, v, false, true);
    if (v.kind == US_J_LIST && CALLED("append") && args->n == 1) {
        us_jinja_push(a, v.list, args->v[0]);
        return (value){.kind = US_J_NONE};
    }
    return us_jinja_unknown();
}
