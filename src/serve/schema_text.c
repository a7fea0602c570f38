/* Patterns, lengths and ranges become alternatives of characters and digits. */
#include "serve/schema_text.h"
#include "base/utf8.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAR 1000000000000000 /* 10^15: past it a double is no exact whole number */

us_status us_schema_literal(const char *text, us_buf *out, us_error *err) {
    us_status st = us_buf_append(out, "\"", 1, err);
    for (const unsigned char *p = (const unsigned char *)text; *p && !st; p++) {
        if (*p == '"' || *p == '\\') st = us_buf_appendf(out, err, "\\%c", *p);
        else if (*p < ' ') st = us_buf_appendf(out, err, "\\x%02x", *p);
        else st = us_buf_append(out, p, 1, err);
    }
    return st ? st : us_buf_append(out, "\"", 1, err);
}

/* ---- regular expressions -------------------------------------------------------------------------------------------- */

typedef struct pattern {
    const char *text, *p;
    us_buf *out;
    us_error *err;
    int depth;
} pattern;

/* What a class holds, as the inside of a GBNF class, and what must be escaped in JSON. */
typedef struct class {
    us_buf body;
    bool quote, backslash, newline, tab;
} class;

#define ANY_CHAR "[^\"\\\\\\x00-\\x1f]"
#define ESCAPED "\"\\\\\" [\"\\\\/]"

static us_status put(pattern *r, const char *s) { return us_buf_append_str(r->out, s, r->err); }
static us_status not_understood(const pattern *r, const char *what) {
    return us_fail(r->err, US_ERR_UNSUPPORTED, "pattern: %s at '%.30s' cannot be kept", what, r->p);
}

/* One character of the matched text, as JSON writes it. */
static us_status put_char(pattern *r, uint32_t c) {
    char utf8[5] = "", json[16];
    if (c == '"' || c == '\\') snprintf(json, sizeof json, "\\%c", (int)c);
    else if (c == '\n' || c == '\t' || c == '\r') snprintf(json, sizeof json, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (c < ' ') snprintf(json, sizeof json, "\\u%04x", (unsigned)c);
    else {
        us_utf8_encode(c, utf8);
        snprintf(json, sizeof json, "%s", utf8);
    }
    return us_schema_literal(json, r->out, r->err);
}

static us_status class_range(pattern *r, class *k, uint32_t lo, uint32_t hi) {
    us_status st = US_OK;
    k->quote = k->quote || (lo <= '"' && hi >= '"');
    k->backslash = k->backslash || (lo <= '\\' && hi >= '\\');
    k->newline = k->newline || (lo <= '\n' && hi >= '\n');
    k->tab = k->tab || (lo <= '\t' && hi >= '\t');
    if (hi < ' ') return US_OK;
    if (lo < ' ') lo = ' ';
    const uint32_t holes[] = {'"', '\\', 0x110000}; /* these are written another way */
    for (int i = 0; i < 3 && lo <= hi && !st; i++) {
        uint32_t end = hi < holes[i] ? hi : holes[i] - 1;
        if (lo <= end && lo < holes[i]) st = us_buf_appendf(&k->body, r->err, "\\U%08x-\\U%08x", (unsigned)lo, (unsigned)end);
        if (lo <= holes[i]) lo = holes[i] + 1;
    }
    return st;
}

/* \d \w \s; false: another letter. */
static bool class_letter(pattern *r, class *k, char c, us_status *st) {
    if (c == 'd') *st = class_range(r, k, '0', '9');
    else if (c == 'w') {
        *st = class_range(r, k, '0', '9');
        if (!*st) *st = class_range(r, k, 'A', 'Z');
        if (!*st) *st = class_range(r, k, 'a', 'z');
        if (!*st) *st = class_range(r, k, '_', '_');
    } else if (c == 's') *st = class_range(r, k, ' ', ' '); /* of the blanks, the plain one */
    else return false;
    return true;
}

/* The character of an escape that stands for one; r->p is behind the backslash. */
static us_status escaped_char(pattern *r, uint32_t *c) {
    static const char letters[] = "nrtfv0", meant[] = "\n\r\t\f\v";
    char e = *r->p;
    int digits = e == 'x' ? 2 : e == 'u' ? 4 : 0;
    const char *at = e ? strchr(letters, e) : NULL;
    if (digits) {
        char hex[5] = "", *end;
        strncpy(hex, r->p + 1, (size_t)digits);
        *c = (uint32_t)strtoul(hex, &end, 16);
        if (end != hex + digits || (*c >= 0xd800 && *c < 0xe000)) return not_understood(r, "the escape");
        r->p += digits + 1;
        return US_OK;
    }
    if (at && e != '0') *c = (unsigned char)meant[at - letters];
    else if ((e >= 'a' && e <= 'z') || (e >= 'A' && e <= 'Z') || (e >= '0' && e <= '9') || !e)
        return not_understood(r, "the escape");
    else *c = (unsigned char)e;
    r->p++;
    return US_OK;
}

static us_status one_char(pattern *r, uint32_t *c) {
    if (*r->p == '\\') return r->p++, escaped_char(r, c);
    int n = us_utf8_decode(r->p, strnlen(r->p, 4), c);
    if (!n) return not_understood(r, "the character");
    r->p += n;
    return US_OK;
}

static us_status put_class(pattern *r, const class *k, bool not ) {
    bool first = true;
    us_status st = put(r, "(");
    if (!st && (k->body.len || not )) {
        st = not ? us_buf_appendf(r->out, r->err, "[^\"\\\\\\x00-\\x1f%s]", k->body.len ? k->body.data : "")
                 : us_buf_appendf(r->out, r->err, "[%s]", k->body.data);
        first = false;
    }
    const struct {
        bool in;
        const char *gbnf;
    } special[] = {
        {k->quote, "\"\\\\\\\"\""}, {k->backslash, "\"\\\\\\\\\""}, {k->newline, "\"\\\\n\""}, {k->tab, "\"\\\\t\""}};
    for (size_t i = 0; i < 4 && !st && !not ; i++) {
        if (!special[i].in) continue;
        st = us_buf_appendf(r->out, r->err, "%s%s", first ? "" : " | ", special[i].gbnf);
        first = false;
    }
    if (!st && first) st = not_understood(r, "an empty class");
    return st ? st : put(r, ")");
}

static us_status read_class(pattern *r) {
    class k = {0};
    us_status st = US_OK;
    us_buf_init(&k.body, 1 << 16);
    bool not = *++r->p == '^';
    if (not ) r->p++;
    while (*r->p != ']' && !st) {
        uint32_t lo, hi;
        if (!*r->p) {
            st = not_understood(r, "a class that is never closed");
            break;
        }
        if (*r->p == '\\' && r->p[1] && class_letter(r, &k, r->p[1], &st)) {
            r->p += 2;
            continue;
        }
        st = one_char(r, &lo);
        hi = lo;
        if (!st && *r->p == '-' && r->p[1] && r->p[1] != ']') r->p++, st = one_char(r, &hi);
        if (!st && hi < lo) st = not_understood(r, "a range that ends before it begins");
        if (!st) st = class_range(r, &k, lo, hi);
    }
    if (!st) r->p++;
    if (!st) st = put_class(r, &k, not );
    us_buf_fini(&k.body);
    return st;
}

static us_status read_escape(pattern *r) {
    class k = {0};
    us_status st = US_OK;
    char c = *++r->p, lower = (char)(c | 32);
    uint32_t cp;
    us_buf_init(&k.body, 4096);
    bool not = c && strchr("DWS", c);
    if (c && strchr("dDwWsS", c) && class_letter(r, &k, lower, &st)) {
        r->p++;
        if (!st) st = put_class(r, &k, not );
    } else if (c == 'b' || c == 'B' || (c >= '1' && c <= '9') || c == 'k' || c == 'p' || c == 'P')
        st = not_understood(r, "the escape");
    else {
        st = escaped_char(r, &cp);
        if (!st) st = put_char(r, cp);
    }
    us_buf_fini(&k.body);
    return st;
}

static us_status read_choice(pattern *r);

static us_status read_group(pattern *r) {
    if (r->depth > 60) return not_understood(r, "so deep a nesting");
    r->p++;
    if (*r->p == '?') {
        if (r->p[1] == ':') r->p += 2;
        else if (r->p[1] == '<' && r->p[2] != '=' && r->p[2] != '!' && strchr(r->p, '>')) r->p = strchr(r->p, '>') + 1;
        else return not_understood(r, "looking around");
    }
    r->depth++;
    us_status st = put(r, "(");
    if (!st) st = read_choice(r);
    r->depth--;
    if (!st && *r->p != ')') st = not_understood(r, "a bracket that is never closed");
    if (st) return st;
    r->p++;
    return put(r, ")");
}

static us_status read_quantifier(pattern *r) {
    us_status st = US_OK;
    if (*r->p == '{' && r->p[1] >= '0' && r->p[1] <= '9') { /* {m}, {m,} or {m,n}: nothing else may get into the grammar */
        size_t n = 1 + strspn(r->p + 1, "0123456789");
        if (r->p[n] == ',') n += 1 + strspn(r->p + n + 1, "0123456789");
        st = r->p[n] == '}' ? us_buf_append(r->out, r->p, n + 1, r->err)
                            : not_understood(r, "a brace that is never closed, or holds no numbers");
        r->p += r->p[n] ? n + 1 : n;
    } else if (*r->p && strchr("?*+", *r->p)) st = us_buf_append(r->out, r->p++, 1, r->err);
    else return US_OK;
    if (*r->p == '?') r->p++; /* fewer rather than more: the same texts */
    return st;
}

static us_status read_sequence(pattern *r) {
    uint32_t cp;
    us_status st = US_OK;
    bool any = false;
    while (*r->p && *r->p != '|' && *r->p != ')' && !st) {
        if (any) st = put(r, " ");
        any = true;
        if (st) break;
        if (*r->p == '^' || (*r->p == '$' && r->p[1] && r->p[1] != ')' && r->p[1] != '|')) st = not_understood(r, "the anchor");
        else if (*r->p == '$') st = not_understood(r, "the anchor");
        else if (*r->p == '[') st = read_class(r);
        else if (*r->p == '(') st = read_group(r);
        else if (*r->p == '\\') st = read_escape(r);
        else if (*r->p == '.') r->p++, st = put(r, "(" ANY_CHAR " | " ESCAPED ")");
        else if (strchr("?*+", *r->p)) st = not_understood(r, "the repetition");
        else if (!(st = one_char(r, &cp))) st = put_char(r, cp);
        if (!st) st = read_quantifier(r);
    }
    return st || any ? st : put(r, "\"\"");
}

static us_status read_choice(pattern *r) {
    us_status st = read_sequence(r);
    while (!st && *r->p == '|') {
        r->p++;
        st = put(r, " | ");
        if (!st) st = read_sequence(r);
    }
    return st;
}

us_status us_schema_pattern(const char *text, us_buf *out, us_error *err) {
    /* anchors are understood at the ends of the whole: ^...$, whose choices are within brackets or alone */
    size_t n = strlen(text), n_escapes = 0;
    while (n_escapes + 1 < n && text[n - 2 - n_escapes] == '\\') n_escapes++; /* of the $: two are a backslash of their own */
    bool head = n && text[0] == '^', tail = n && text[n - 1] == '$' && n_escapes % 2 == 0;
    char *inner = strndup(text + head, n - head - (tail && n > head));
    pattern r = {inner, inner, out, err, 0};
    if (!inner) return us_fail(err, US_ERR_MEMORY, "out of memory");
    us_status st = put(&r, "\"\\\"\" ");
    bool chosen = false; /* ^a|b$ anchors a and b by one side each */
    int depth = 0;
    for (const char *p = inner; *p; p++) {
        if (*p == '\\' && p[1]) p++;
        else if (*p == '(' || *p == '[') depth++;
        else if (*p == ')' || *p == ']') depth--;
        else if (*p == '|' && !depth) chosen = true;
    }
    if (!st && chosen && head != tail) st = not_understood(&r, "an anchor of one choice");
    if (!st && chosen && head && tail) st = not_understood(&r, "an anchor of one choice");
    if (!st && !head) st = put(&r, "(" ANY_CHAR ")* ");
    if (!st) st = put(&r, "(");
    if (!st) st = read_choice(&r);
    if (!st && *r.p) st = not_understood(&r, "the bracket");
    if (!st) st = put(&r, ")");
    if (!st && !tail) st = put(&r, " (" ANY_CHAR ")*");
    if (!st) st = put(&r, " \"\\\"\"");
    free(inner);
    return st;
}

/* ---- numbers -------------------------------------------------------------------------------------------------------- */

/* Strings of exactly `width` digits, from lo to hi. */
static us_status fixed(int64_t lo, int64_t hi, int width, us_buf *out, us_error *err) {
    int64_t unit = 1;
    us_status st = US_OK;
    if (!width) return us_buf_append_str(out, "\"\"", err);
    for (int i = 1; i < width; i++) unit *= 10;
    int64_t a = lo / unit, b = hi / unit, last = unit - 1;
    if (lo == 0 && hi == 10 * unit - 1) return us_buf_appendf(out, err, "[0-9]{%d}", width);
    bool low = lo % unit != 0, high = hi % unit != last, some = false;
    st = us_buf_append_str(out, "(", err);
    if (!st && a == b) {
        st = us_buf_appendf(out, err, "\"%d\" ", (int)a);
        if (!st) st = fixed(lo % unit, hi % unit, width - 1, out, err);
        return st ? st : us_buf_append_str(out, ")", err);
    }
    if (!st && low) {
        st = us_buf_appendf(out, err, "\"%d\" ", (int)a);
        if (!st) st = fixed(lo % unit, last, width - 1, out, err);
        some = true;
    }
    if (!st && a + low <= b - high) {
        st = us_buf_appendf(out, err, "%s[%d-%d]", some ? " | " : "", (int)(a + low), (int)(b - high));
        if (!st && width > 1) st = us_buf_appendf(out, err, " [0-9]{%d}", width - 1);
        some = true;
    }
    if (!st && high) {
        st = us_buf_appendf(out, err, "%s\"%d\" ", some ? " | " : "", (int)b);
        if (!st) st = fixed(0, hi % unit, width - 1, out, err);
    }
    return st ? st : us_buf_append_str(out, ")", err);
}

/* Whole numbers from lo to hi, both at least 0, without zeros in front. */
static us_status positive(int64_t lo, int64_t hi, us_buf *out, us_error *err) {
    us_status st = us_buf_append_str(out, "(", err);
    int64_t from = 0, to = 9;
    bool some = false;
    for (int width = 1; width <= 16 && !st; width++, from = to + 1, to = to * 10 + 9) {
        int64_t a = lo > from ? lo : from, b = hi < to ? hi : to;
        if (a > b) continue;
        if (some) st = us_buf_append_str(out, " | ", err);
        if (!st) st = fixed(a, b, width, out, err);
        some = true;
    }
    return st ? st : us_buf_append_str(out, ")", err);
}

us_status us_schema_integers(int64_t lo, int64_t hi, us_buf *out, us_error *err) {
    if (lo < -FAR) lo = -FAR;
    if (hi > FAR) hi = FAR;
    if (lo > hi) return us_fail(err, US_ERR_LIMIT, "no whole number is between the bounds");
    us_status st = us_buf_append_str(out, "(", err);
    if (!st && lo < 0) {
        st = us_buf_append_str(out, "\"-\" ", err);
        if (!st) st = positive(hi < 0 ? -hi : 1, -lo, out, err);
        if (!st && hi >= 0) st = us_buf_append_str(out, " | ", err);
    }
    if (!st && hi >= 0) st = positive(lo > 0 ? lo : 0, hi, out, err);
    return st ? st : us_buf_append_str(out, ")", err);
}

typedef struct numbers {
    us_buf *out;
    us_error *err;
    bool some;
} numbers;

static us_status begin_choice(numbers *x) {
    us_status st = us_buf_append_str(x->out, x->some ? " | " : "(", x->err);
    x->some = true;
    return st;
}

/* Numbers at least 0 from lo to hi, behind `sign`: whole ones; those with a fraction behind each whole part that is inside with
 * all of its fractions; and at the bounds fractions of some widths, compared as whole numbers. */
static us_status magnitudes(numbers *x, const char *sign, double lo, double hi, bool without_lo, bool without_hi) {
    int64_t whole_lo = (int64_t)ceil(lo), whole_hi = isinf(hi) || hi > FAR ? FAR : (int64_t)floor(hi);
    int64_t a = whole_lo + (without_lo && (double)whole_lo == lo), b = whole_hi - (without_hi && (double)whole_hi == hi);
    int64_t full_lo = whole_lo + (without_lo && (double)whole_lo == lo), full_hi = whole_hi - 1;
    us_status st = US_OK;
    if (a <= b) {
        st = begin_choice(x);
        if (!st) st = us_buf_append_str(x->out, sign, x->err);
        if (!st) st = positive(a, b, x->out, x->err);
    }
    if (!st && full_lo <= full_hi) {
        st = begin_choice(x);
        if (!st) st = us_buf_append_str(x->out, sign, x->err);
        if (!st) st = positive(full_lo, full_hi, x->out, x->err);
        if (!st) st = us_buf_append_str(x->out, " \".\" [0-9]{1,9}", x->err);
    }
    int64_t parts[2] = {(int64_t)floor(lo), isinf(hi) || hi > FAR ? -1 : (int64_t)floor(hi)};
    for (int i = 0; i < 2 && !st; i++) {
        int64_t w = parts[i];
        if (w < 0 || (i && w == parts[0]) || (w >= full_lo && w <= full_hi)) continue;
        int64_t unit = 10;
        for (int width = 1; width <= 9 && !st; width++, unit *= 10) {
            double u = (double)unit, low = (lo - (double)w) * u, high = (hi - (double)w) * u;
            int64_t f = (int64_t)ceil(low - 1e-6), g = high > u ? unit - 1 : (int64_t)floor(high + 1e-6);
            if (f < 0) f = 0;
            if (without_lo && fabs((double)f - low) < 1e-6) f++;
            if (without_hi && fabs((double)g - high) < 1e-6) g--;
            if (g > unit - 1) g = unit - 1;
            if (f > g) continue;
            st = begin_choice(x);
            if (!st) st = us_buf_appendf(x->out, x->err, "%s\"%lld.\" ", sign, (long long)w);
            if (!st) st = fixed(f, g, width, x->out, x->err);
        }
    }
    return st;
}

us_status us_schema_numbers(double lo, double hi, bool without_lo, bool without_hi, us_buf *out, us_error *err) {
    numbers x = {out, err, false};
    us_status st = US_OK;
    if (lo < 0) st = magnitudes(&x, "\"-\" ", hi < 0 ? -hi : 0, -lo, hi < 0 ? without_hi : true, without_lo);
    if (!st && hi >= 0) st = magnitudes(&x, "", lo > 0 ? lo : 0, hi, lo >= 0 && without_lo, without_hi);
    if (st) return st;
    return x.some ? us_buf_append_str(out, ")", err) : us_fail(err, US_ERR_LIMIT, "no number is between the bounds");
}
