/* One pass over a text: an opening brace begins a macro, whose value may hold further ones, to a fixed depth. */
#include "character/macros.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "text/hash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_DEPTH = 8, MAX_OPTIONS = 256, MAX_NESTED = 32, MAX_DICE = 100 }; /* of macros in macros, as they are written */

/* A macro's inside: "name" or "name:rest" ("name::rest", "name rest"). Borrowed from the text. */
typedef struct macro {
    const char *name, *rest;
    size_t n_name, n_rest;
    bool parted; /* something stands between the two */
} macro;

static us_status fill(us_macros *m, const char *text, size_t n, int depth, us_buf *out, us_error *err);

static bool is_named(const macro *a, const char *name) {
    return a->n_name == strlen(name) && !strncasecmp(a->name, name, a->n_name);
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* The two braces that close p[0..n), which begins with "{{"; NULL: none, or others are nested in it too deeply. So each byte is
 * looked at from MAX_NESTED macros at most, whatever the text. */
static const char *closing(const char *p, size_t n) {
    int open = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        if (p[i] == '{' && p[i + 1] == '{') {
            if (++open > MAX_NESTED) return NULL;
            i++;
        } else if (p[i] == '}' && p[i + 1] == '}') {
            if (!--open) return p + i;
            i++;
        }
    }
    return NULL;
}

static macro parse(const char *p, size_t n) {
    macro a = {.name = p};
    while (n && blank(*a.name)) a.name++, n--;
    while (n && blank(a.name[n - 1])) n--;
    while (a.n_name < n && !blank(a.name[a.n_name]) && a.name[a.n_name] != ':') a.n_name++;
    if (n >= 2 && !memcmp(a.name, "//", 2)) a.n_name = 2;
    size_t at = a.n_name;
    a.parted = at < n;
    while (at < n && (blank(a.name[at]) || a.name[at] == ':')) at++;
    a.rest = a.name + at;
    a.n_rest = n - at;
    return a;
}

/* ---- chance --------------------------------------------------------------------------------------------------------- */

/* Parts at "::", else at commas (not at "\,"), outside of inner macros. */
static size_t options(const char *p, size_t n, const char *from[MAX_OPTIONS], size_t len[MAX_OPTIONS]) {
    size_t k = 0, start = 0;
    bool colons = memmem(p, n, "::", 2) != NULL;
    int open = 0;
    for (size_t i = 0; i <= n && k < MAX_OPTIONS; i++) {
        if (i + 1 < n && p[i] == '{' && p[i + 1] == '{') open++;
        if (i + 1 < n && p[i] == '}' && p[i + 1] == '}') open--;
        bool cut = i == n || (open <= 0 &&
                              (colons ? i + 1 < n && p[i] == ':' && p[i + 1] == ':' : p[i] == ',' && (!i || p[i - 1] != '\\')));
        if (!cut) continue;
        from[k] = p + start;
        len[k] = i - start;
        while (!colons && len[k] && blank(*from[k])) from[k]++, len[k]--;
        while (!colons && len[k] && blank(from[k][len[k] - 1])) len[k]--;
        k++;
        if (colons) i++;
        start = i + 1;
    }
    return k;
}

/* The n-th draw of this text. */
static uint64_t draw(const us_macros *m, const macro *a, size_t at, uint64_t below) {
    us_rng rng;
    uint64_t seed = is_named(a, "pick") ? m->pick_seed : m->seed;
    us_rng_seed(&rng, us_hash_bytes(seed ^ (uint64_t)at * 0x9e3779b97f4a7c15u, a->name, a->n_name));
    return us_rng_below(&rng, below);
}

static us_status choose(us_macros *m, const macro *a, size_t at, int depth, us_buf *out, us_error *err) {
    const char *from[MAX_OPTIONS];
    size_t len[MAX_OPTIONS], n = options(a->rest, a->n_rest, from, len);
    if (!n) return US_OK;
    size_t k = (size_t)draw(m, a, at, n);
    return fill(m, from[k], len[k], depth + 1, out, err);
}

/* "20", "d20", "2d6", "2d6+1"; false: none of them. */
static bool roll(const us_macros *m, const macro *a, size_t at, long *sum) {
    char text[24], *end;
    long dice = 1, sides, plus = 0;
    if (!a->n_rest || a->n_rest >= sizeof text) return false;
    snprintf(text, sizeof text, "%.*s", (int)a->n_rest, a->rest);
    char *d = strpbrk(text, "dD");
    if (d > text) dice = strtol(text, &end, 10);
    if (d > text && end != d) return false;
    sides = strtol(d ? d + 1 : text, &end, 10);
    if (*end == '+' || *end == '-') plus = strtol(end, &end, 10);
    if (*end || dice < 1 || dice > MAX_DICE || sides < 1 || sides > 1000000 || labs(plus) > 1000000) return false;
    *sum = plus;
    for (long i = 0; i < dice; i++) *sum += 1 + (long)draw(m, a, at * 1009 + (size_t)i, (uint64_t)sides);
    return true;
}

/* ---- one macro ------------------------------------------------------------------------------------------------------ */

static us_status reverse(const char *p, size_t n, us_buf *out, us_error *err) {
    us_status st = US_OK;
    while (n && !st) {
        size_t k = 1;
        while (k < n && ((unsigned char)p[n - k] & 0xc0) == 0x80) k++;
        st = us_buf_append(out, p + n - k, k, err);
        n -= k;
    }
    return st;
}

static const char *value_of(const us_macros *m, const macro *a) {
    const struct {
        const char *name, *value;
    } values[] = {{"char", m->name},
                  {"bot", m->name},
                  {"user", m->user && *m->user ? m->user : "you"},
                  {"persona", m->persona},
                  {"original", m->original},
                  {"description", m->description},
                  {"personality", m->personality},
                  {"scenario", m->scenario},
                  {"newline", "\n"},
                  {"noop", ""}};
    if (a->parted) return NULL;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (is_named(a, values[i].name)) return values[i].value ? values[i].value : "";
    return NULL;
}

/* false: no macro of time. */
static bool time_of(const us_macros *m, const macro *a, char out[64]) {
    static const char *const forms[][2] = {
        {"time", "%I:%M %p"}, {"date", "%B %d, %Y"}, {"weekday", "%A"}, {"isotime", "%H:%M"}, {"isodate", "%Y-%m-%d"}};
    time_t now = m->now ? m->now : time(NULL);
    struct tm tm;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (a->parted || !is_named(a, forms[i][0])) continue;
        char text[64];
        strftime(text, sizeof text, forms[i][1], localtime_r(&now, &tm));
        snprintf(out, 64, "%s", i == 0 && *text == '0' ? text + 1 : text); /* 3:05 PM */
        return true;
    }
    return false;
}

/* Writes what the macro stands for; false: it is not known. */
static bool write_macro(us_macros *m, const macro *a, size_t at, int depth, us_buf *out, us_status *st, us_error *err) {
    const char *value = value_of(m, a);
    char text[64];
    long sum;
    if (value && depth < MAX_DEPTH && (value == m->description || value == m->personality || value == m->scenario))
        *st = fill(m, value, strlen(value), MAX_DEPTH, out, err); /* card texts in a card text: once */
    else if (value) *st = us_buf_append_str(out, value, err);
    else if (time_of(m, a, text)) *st = us_buf_append_str(out, text, err);
    else if (is_named(a, "//") || ((is_named(a, "comment") || is_named(a, "hidden_key")) && a->parted)) *st = US_OK;
    else if ((is_named(a, "random") || is_named(a, "pick")) && a->n_rest && depth < MAX_DEPTH)
        *st = choose(m, a, at, depth, out, err);
    else if (is_named(a, "roll") && roll(m, a, at, &sum)) *st = us_buf_appendf(out, err, "%ld", sum);
    else if (is_named(a, "reverse") && a->parted) *st = reverse(a->rest, a->n_rest, out, err);
    else return false;
    return true;
}

static void note_unknown(us_macros *m, const char *p, size_t n) {
    if (!m->n_unknown++) {
        size_t k = n < sizeof m->unknown - 1 ? n : sizeof m->unknown - 1;
        k -= us_utf8_tail(p, k);
        snprintf(m->unknown, sizeof m->unknown, "%.*s", (int)k, p);
    }
}

/* {{trim}} takes the line breaks around it away; those in front are in *out already. */
static size_t trim(us_buf *out, size_t from, const char *p, size_t n) {
    while (out->len > from && strchr("\r\n", out->data[out->len - 1])) out->data[--out->len] = 0;
    size_t k = 0;
    while (k < n && (p[k] == '\n' || p[k] == '\r')) k++;
    return k;
}

/* <USER>, <BOT>, <CHAR>: what macros were before they had braces. */
static size_t old_form(const us_macros *m, const char *p, size_t n, const char **value) {
    static const char *const forms[] = {"<USER>", "<BOT>", "<CHAR>"};
    for (size_t i = 0; i < 3; i++) {
        size_t k = strlen(forms[i]);
        if (n < k || strncasecmp(p, forms[i], k) != 0) continue;
        *value = i ? m->name : m->user && *m->user ? m->user : "you";
        if (!*value) *value = "";
        return k;
    }
    return 0;
}

static us_status fill(us_macros *m, const char *text, size_t n, int depth, us_buf *out, us_error *err) {
    us_status st = US_OK;
    size_t from = out->len;
    for (size_t i = 0, len; i < n && !st; i += len) {
        const char *p = text + i, *end, *value;
        len = 1;
        while (i + len < n && text[i + len] != '{' && text[i + len] != '<') len++;
        if (*p == '<') {
            size_t k = old_form(m, p, n - i, &value);
            if (k) len = k;
            st = k ? us_buf_append_str(out, value, err) : us_buf_append(out, p, len, err);
            continue;
        }
        if (*p != '{' || i + 1 >= n || p[1] != '{' || !(end = closing(p, n - i))) {
            st = us_buf_append(out, p, len, err);
            continue;
        }
        if (p[2] == '{' && end[2] == '}') { /* {{{char}}}: a brace around it */
            len = 1;
            st = us_buf_append(out, p, 1, err);
            continue;
        }
        macro a = parse(p + 2, (size_t)(end - p - 2));
        len = (size_t)(end - p) + 2;
        if (is_named(&a, "trim") && !a.parted) len += trim(out, from, end + 2, n - i - len);
        else if (!write_macro(m, &a, i, depth, out, &st, err) && !st) {
            note_unknown(m, p, len);
            st = us_buf_append(out, p, 2, err); /* what stands in it may be known */
            len = 2;
        }
    }
    return st;
}

us_status us_macros_fill(us_macros *m, const char *text, us_buf *out, us_error *err) {
    return fill(m, text, strlen(text), 0, out, err);
}
