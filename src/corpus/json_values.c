/* corpus/json_values.c - values of JSON as pieces of the text: their ends, members, elements and strings.
 *
 * Owns: what is a value, and what its words are. It knows neither speakers nor scenes. Nesting is bounded at 64, and "NaN" (which Python
 * writes) harms nobody. base/json.h, which makes trees, is not wanted here. */
#include "corpus/json_walk.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>

const char *us_json_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* Behind a remark, "// ..." or a block of C's, which people write between values; p where there is none. */
static const char *remark(us_json_walk *w, const char *p, const char *end) {
    if (end - p < 2 || *p != '/') return p;
    if (p[1] == '/') {
        const char *close = memchr(p, '\n', (size_t)(end - p));
        return close ? close : end;
    }
    if (p[1] != '*' || (w->unclosed && p >= w->unclosed && end <= w->unclosed_end)) return p;
    const char *close = memmem(p + 2, (size_t)(end - p) - 2, "*/", 2);
    if (!close) w->unclosed = p, w->unclosed_end = end;
    return close ? close + 2 : p;
}

const char *us_json_gap(us_json_walk *w, const char *p, const char *end) {
    for (const char *q; (p = us_json_blanks(p, end)) < end && *p == '/' && (q = remark(w, p, end)) > p;) p = q;
    return p;
}

const char *us_json_skip_string(const char *p, const char *end) {
    for (p++; p < end; p++)
        if (*p == '\\') p++;
        else if (*p == '"') return p + 1;
    return NULL;
}

/* The end of the value at p; NULL when it is cut off or broken. */
const char *us_json_skip(us_json_walk *w, const char *p, const char *end) {
    char open[US_JSON_MAX_DEPTH];
    int depth = 0;
    const char *from = p;
    if (p >= end) return NULL;
    do {
        if (*p == '"') {
            if (!(p = us_json_skip_string(p, end))) break;
        } else if (*p == '{' || *p == '[') {
            if (depth == US_JSON_MAX_DEPTH) {
                w->limit = "nested more than 64 deep";
                break;
            }
            open[depth++] = *p++;
        } else if (*p == '}' || *p == ']') {
            if (!depth || open[depth - 1] != (*p == '}' ? '{' : '[')) break;
            depth--;
            p++;
        } else if (*p == '/' && depth) {
            const char *behind = remark(w, p, end);
            p = behind > p ? behind : p + 1;
        } else if (!depth) { /* a number or a word */
            while (p < end && !strchr(",]} \n\r\t:\"{[", *p)) p++;
            if (p == from) break;
        } else p++;
        if (!depth) return p;
    } while (p < end);
    w->broken = w->broken ? w->broken : from;
    return NULL;
}

/* The members of an object; false when it is broken. *out is free()d by the caller. */
bool us_json_members(us_json_walk *w, us_span_str object, us_json_member **out, size_t *n, us_error *err) {
    const char *p = object.s + 1, *end = object.s + object.n - 1;
    size_t cap = 0;
    *out = NULL;
    *n = 0;
    for (p = us_json_gap(w, p, end); p < end; p = us_json_gap(w, p, end)) {
        us_json_member m;
        if (*p != '"') return false;
        const char *q = us_json_skip_string(p, end);
        if (!q) return false;
        m.key = (us_span_str){p + 1, (size_t)(q - p) - 2};
        p = us_json_gap(w, q, end);
        if (p >= end || *p != ':') return false;
        p = us_json_gap(w, p + 1, end);
        if (!(q = us_json_skip(w, p, end))) return false;
        m.value = (us_span_str){p, (size_t)(q - p)};
        if (*n >= US_JSON_MAX_MEMBERS) {
            w->limit = "an object of more than 100000 members";
            return false;
        }
        if (us_grow(out, &cap, *n + 1, sizeof **out, err)) return false;
        (*out)[(*n)++] = m;
        p = us_json_gap(w, q, end);
        if (p < end && *p == ',') p++;
    }
    return true;
}

/* The next element of a list: *p stands behind '[' or an element; false at the end. */
bool us_json_next(us_json_walk *w, const char **p, const char *end, us_span_str *out) {
    const char *q = us_json_gap(w, *p, end);
    if (q < end && *q == ',') q = us_json_gap(w, q + 1, end);
    const char *after = q < end && *q != ']' ? us_json_skip(w, q, end) : NULL;
    if (!after) return false;
    *out = (us_span_str){q, (size_t)(after - q)};
    *p = after;
    return true;
}

static uint32_t hex4(const char *p, const char *end) {
    uint32_t v = 0;
    for (int i = 0; i < 4; i++, p++) {
        if (p >= end) return UINT32_MAX;
        char c = *p | 32;
        if (c >= '0' && c <= '9') v = v << 4 | (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f') v = v << 4 | (uint32_t)(c - 'a' + 10);
        else return UINT32_MAX;
    }
    return v;
}

/* Appends what stands between the quotes of a string. */
us_status us_json_decode(us_span_str s, us_buf *out, us_error *err) {
    const char *p = s.s, *end = s.s + s.n;
    us_status st = US_OK;
    while (p < end && !st) {
        const char *q = memchr(p, '\\', (size_t)(end - p));
        if (!q) q = end;
        st = us_buf_append(out, p, (size_t)(q - p), err);
        if (q + 1 >= end || st) break;
        static const char from[] = "nrtbf", to[] = "\n\r\t  ";
        const char *at = strchr(from, q[1]);
        char bytes[4] = {q[1]};
        int n = 1;
        p = q + 2;
        if (q[1] == 'u') {
            uint32_t cp = hex4(p, end), low = UINT32_MAX;
            if (cp != UINT32_MAX) p += 4;
            if (cp >= 0xd800 && cp < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') low = hex4(p + 2, end);
            if (low >= 0xdc00 && low < 0xe000) cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00), p += 6;
            n = cp && cp != UINT32_MAX ? us_utf8_encode(cp, bytes) : 0;
            if (!n) n = us_utf8_encode(0xfffd, bytes);
        } else if (at) bytes[0] = to[at - from];
        st = us_buf_append(out, bytes, (size_t)n, err);
    }
    return st;
}

uint32_t us_json_line_of(us_json_walk *w, const char *p) {
    while (w->counted < p) {
        const char *nl = memchr(w->counted, '\n', (size_t)(p - w->counted));
        w->line += nl != NULL;
        w->counted = nl ? nl + 1 : p; /* a document may be one line: what was looked through is not looked through again */
    }
    return w->line;
}

us_json_member *us_json_find(us_json_member *m, size_t n, const char *key) {
    size_t len = strlen(key);
    for (size_t i = 0; i < n; i++)
        if (m[i].key.n == len && !strncasecmp(m[i].key.s, key, len)) return &m[i];
    return NULL;
}

/* {"type": "image_url", ...}: a piece of a message that has no words. */
bool us_json_is_mute(us_json_walk *w, us_span_str v) {
    us_json_member *m = NULL;
    size_t n = 0;
    bool mute = v.n && *v.s == '{' && us_json_members(w, v, &m, &n, w->r->err) && us_json_find(m, n, "type") &&
                us_json_is_string(us_json_find(m, n, "type")->value) && !us_json_find(m, n, "text") &&
                !us_json_find(m, n, "from") && !us_json_find(m, n, "name");
    free(m);
    return mute;
}

/* Text from a value: a string, a number, a list of pieces ("I ", {"type": "bold", "text": "love"}) or an object with a name. */
us_status us_json_put(us_json_walk *w, us_span_str v, const char *between, us_buf *out, int depth) {
    us_status st = US_OK;
    us_json_member *m = NULL;
    size_t n = 0;
    if (us_json_is_string(v)) return us_json_decode(us_json_inner(v), out, w->r->err);
    if (us_json_is_scalar(v)) return us_json_is_null(v) ? US_OK : us_buf_append(out, v.s, v.n, w->r->err);
    if (depth > 4) return US_OK;
    if (*v.s == '[') {
        const char *p = v.s + 1, *end = v.s + v.n;
        us_span_str e;
        while (!st && us_json_next(w, &p, end, &e)) {
            if (us_json_is_mute(w, e)) continue;
            if (out->len && *between) st = us_buf_append_str(out, between, w->r->err);
            if (!st) st = us_json_put(w, e, between, out, depth + 1);
        }
        return st;
    }
    static const char *const keys[] = {"nickname", "global_name", "display_name", "displayName", "real_name", "name",
                                       "username", "full_name",   "first_name",   "screen_name", "text",      "content",
                                       "value",    "title",       "role",         "body"},
                             *const within[] = {"user", "author", "application", "profile"}; /* Teams */
    bool whole = us_json_members(w, v, &m, &n, w->r->err);
    us_json_member *parts = whole ? us_json_find(m, n, "parts") : NULL; /* OpenAI's export */
    if (parts && *parts->value.s == '[') st = us_json_put(w, parts->value, "\n", out, depth + 1);
    else if (whole)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            us_json_member *found = us_json_find(m, n, keys[k]);
            if (!found || !us_json_is_string(found->value) || found->value.n < 3) continue;
            st = us_json_decode(us_json_inner(found->value), out, w->r->err);
            break;
        }
    for (size_t k = 0, before = out->len; whole && !parts && k < sizeof within / sizeof *within && !st && out->len == before;
         k++) {
        us_json_member *found = us_json_find(m, n, within[k]);
        if (found && *found->value.s == '{') st = us_json_put(w, found->value, between, out, depth + 1);
    }
    free(m);
    return st;
}
