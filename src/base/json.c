#include "base/json.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/utf8.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of jansson on a machine with 64 bits: a value with its name and its places in its parent, an array, an object. */
enum { VALUE_COST = 144, ARRAY_COST = 112, OBJECT_COST = 240 };

/* NULL: within the caps. Only strings and brackets are understood; what is no JSON is left to the parser to explain. */
static const char *over_a_cap(const char *text, size_t n, size_t *at, size_t *cost) {
    size_t depth = 0, values = 1;
    *cost = n;
    bool quoted = false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        *at = i;
        if (quoted) {
            if (c == '\\') i++;
            else if (c == '"') quoted = false;
        } else if (c == '"') quoted = true;
        else if (c == '[' || c == '{') {
            if (++depth > US_JSON_DEPTH) return "nested too deeply (64 levels are allowed)";
            values++;
            *cost += c == '[' ? ARRAY_COST : OBJECT_COST;
        } else if (c == ']' || c == '}') depth -= depth > 0;
        else if (c == ',') values++;
        if (values > US_JSON_VALUES) return "too many values (262144 are allowed)";
    }
    *cost += values * VALUE_COST;
    return NULL;
}

size_t us_json_cost(const char *text, size_t n) {
    size_t at, cost;
    if (n >= 2 && (!memcmp(text, "\xff\xfe", 2) ||
                   !memcmp(text, "\xfe\xff", 2))) { /* half a character may look like a quote: all count */
        cost = 3 * n;
        for (at = 0; at < n; at++) cost += strchr(",[{", text[at]) && text[at] ? OBJECT_COST + VALUE_COST : 0;
        return cost;
    }
    return over_a_cap(text, n, &at, &cost) ? 0 : cost;
}

static void say_where(json_error_t *where, const char *why, const char *text, size_t at) {
    if (!where) return;
    memset(where, 0, sizeof *where);
    where->line = where->column = 1;
    for (size_t i = 0; i < at; i++) {
        where->column++;
        if (text[i] == '\n') where->line++, where->column = 1;
    }
    snprintf(where->text, sizeof where->text, "%s", why);
}

/* ---- mending ------------------------------------------------------------------------------------------------------- */

static int hex4(const char *p, size_t n) {
    int v = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = i < n ? p[i] : 0;
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0) return -1;
        v = v << 4 | d;
    }
    return v;
}

/* Bytes of the escape at p[0..n), which begins with a backslash; *good: it can stay. */
static size_t escape(const char *p, size_t n, bool *good) {
    int unit = n > 1 && p[1] == 'u' ? hex4(p + 2, n - 2) : -1;
    *good = true;
    if (unit < 0) return n > 1 ? 2 : 1; /* another escape, or none: the parser's to judge */
    int second = n >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8, n - 8) : -1;
    bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
    if (high && second >= 0xdc00 && second < 0xe000) return 12;
    *good = unit && !high && !low;
    return 6;
}

/* A piece of a string's text into *out; returns its length. */
static size_t mend_in_string(const char *p, size_t n, us_buf *out, us_status *st) {
    uint32_t cp;
    bool good = true;
    size_t len = *p == '\\' ? escape(p, n, &good) : (size_t)us_utf8_decode(p, n, &cp);
    if (!len || !good) *st = us_buf_append_str(out, "\\ufffd", NULL);
    else if ((unsigned char)*p < ' ') {
        const char escaped[] = {'\\', 'u', '0', '0', (char)('0' + *p / 16), "0123456789abcdef"[*p % 16]};
        *st = us_buf_append(out, escaped, sizeof escaped, NULL);
    } else *st = us_buf_append(out, p, len, NULL);
    return len ? len : 1;
}

/* Whether the whole number p[0..n) of that many digits is past 64 bits. */
static bool too_big(const char *p, size_t n, size_t digits) {
    char copy[24];
    if (digits < 19 || n >= sizeof copy) return digits > 18;
    memcpy(copy, p, n);
    copy[n] = 0;
    errno = 0;
    strtoll(copy, NULL, 10);
    return errno == ERANGE;
}

/* A number into *out, a real when it is whole and past 64 bits; returns its length. */
static size_t mend_number(const char *p, size_t n, us_buf *out, us_status *st) {
    size_t len = 0, digits = 0;
    bool whole = true;
    for (; len < n && strchr("+-.eE0123456789", p[len]) && p[len]; len++) {
        digits += p[len] >= '0' && p[len] <= '9';
        whole = whole && !strchr(".eE", p[len]);
    }
    *st = us_buf_append(out, p, len, NULL);
    if (!*st && whole && too_big(p, len, digits)) *st = us_buf_append_str(out, ".0", NULL);
    return len;
}

/* What Python writes for numbers that JSON has none for; 0: it is none of them. */
static size_t no_number(const char *p, size_t n) {
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (n >= strlen(words[i]) && !memcmp(p, words[i], strlen(words[i]))) return strlen(words[i]);
    return 0;
}

static us_status mend(const char *text, size_t n, us_buf *out) {
    us_status st = US_OK;
    bool quoted = false;
    for (size_t i = 0; i < n && !st;) {
        char c = text[i];
        size_t none = quoted ? 0 : no_number(text + i, n - i);
        if (none) i += none, st = us_buf_append_str(out, "null", NULL);
        else if (quoted && c != '"') i += mend_in_string(text + i, n - i, out, &st);
        else if (!quoted && (c == '-' || (c >= '0' && c <= '9'))) i += mend_number(text + i, n - i, out, &st);
        else if (!quoted && n - i >= 3 && !memcmp(text + i, "\xef\xbb\xbf", 3))
            i += 3; /* a file's mark, put into a larger text */
        else {
            quoted = quoted != (c == '"');
            st = us_buf_append(out, text + i++, 1, NULL);
        }
    }
    return st;
}

/* Of a name that stands twice in an object the last value counts, as in other programs; *where says so. */
static json_t *load(const char *text, size_t n, json_error_t *where) {
    json_t *j = json_loadb(text, n, JSON_REJECT_DUPLICATES, where);
    return j || json_error_code(where) != json_error_duplicate_key ? j : json_loadb(text, n, 0, NULL);
}

/* Where and why stay those of the text as it came. What is mended may take six times the text, and more while it is read: one
 * at a time. */
static json_t *parse_mended(const char *text, size_t n) {
    static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
    us_buf b;
    json_error_t unused;
    json_t *j = NULL;
    us_buf_init(&b, 6 * n + 16);
    pthread_mutex_lock(&one);
    if (!mend(text, n, &b) && b.len) j = load(b.data, b.len, &unused);
    us_buf_fini(&b);
    pthread_mutex_unlock(&one);
    return j;
}

static uint32_t unit16(const char *p, bool big) {
    const unsigned char *u = (const unsigned char *)p;
    return big ? (uint32_t)u[0] << 8 | u[1] : (uint32_t)u[1] << 8 | u[0];
}

/* UTF-16 with its mark, as some editors save it, as UTF-8. Half a pair becomes U+FFFD. */
static us_status from_utf16(const char *text, size_t n, bool big, us_buf *out) {
    us_status st = US_OK;
    for (size_t i = 2; i + 1 < n && !st; i += 2) {
        uint32_t c = unit16(text + i, big), d = i + 3 < n ? unit16(text + i + 2, big) : 0;
        char utf8[4];
        if (c >= 0xd800 && c < 0xdc00 && d >= 0xdc00 && d < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (d - 0xdc00), i += 2;
        else if (c >= 0xd800 && c < 0xe000) c = 0xfffd;
        st = us_buf_append(out, utf8, (size_t)us_utf8_encode(c, utf8), NULL);
    }
    return st;
}

json_t *us_json_parse(const char *text, size_t n, json_error_t *where) {
    size_t at = 0, cost;
    if (where) *where = (json_error_t){0}; /* the library sets its code in a failure only */
    if (!text) text = "", n = 0;
    bool little = n >= 2 && !memcmp(text, "\xff\xfe", 2), big = n >= 2 && !memcmp(text, "\xfe\xff", 2);
    if (little || big) {
        us_buf b;
        us_buf_init(&b, 2 * n + 16);
        json_t *j = from_utf16(text, n, big, &b) ? NULL : us_json_parse(b.data ? b.data : "", b.len, where);
        us_buf_fini(&b);
        return j;
    }
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) text += 3, n -= 3;
    const char *why = over_a_cap(text, n, &at, &cost);
    if (!why) {
        json_error_t unused;
        json_t *j = load(text, n, where ? where : &unused);
        return j ? j : parse_mended(text, n);
    }
    say_where(where, why, text, at);
    return NULL;
}

static us_status object_of(char *text, size_t n, const char *path, json_t **out, us_error *err) {
    json_error_t where;
    us_status st = US_OK;
    json_t *j = us_json_parse(text, n, &where);
    free(text);
    if (!j) st = us_fail(err, US_ERR_FORMAT, "%s:%d:%d: not JSON: %s", path, where.line, where.column, where.text);
    else if (!json_is_object(j)) st = us_fail(err, US_ERR_FORMAT, "%s: a JSON object is expected", path);
    if (st) json_decref(j);
    else *out = j;
    return st;
}

us_status us_json_read(const char *path, size_t max, json_t **out, us_error *err) {
    char *text;
    size_t n;
    us_status st = us_file_read(path, max, &text, &n, err);
    return st ? st : object_of(text, n, path, out, err);
}

us_status us_json_read_plain(const char *path, size_t max, json_t **out, us_error *err) {
    char *text;
    size_t n;
    us_status st = us_file_read_plain(path, max, &text, &n, err);
    return st ? st : object_of(text, n, path, out, err);
}

json_t *us_text_json(const char *s, size_t n) {
    json_t *j = s && memchr(s, 0, n) ? NULL : json_stringn(s ? s : "", s ? n : 0);
    us_buf b;
    if (j) return j;
    us_buf_init(&b, 4 * n + 4);
    if (us_utf8_clean(s, n, &b, NULL) == US_OK) j = json_stringn(b.data ? b.data : "", b.len);
    us_buf_fini(&b);
    return j;
}

const char *us_json_text(const json_t *o, const char *key) {
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}
