/* A recursive descent over the text of a grammar, with caps on depth and size. Rules that could never end, or that begin
 * with themselves, are refused. */
#include "generate/gbnf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 20, MAX_RULES = 200000, MAX_NAMES = 20100, MAX_SYMS = 4 << 20, MAX_REPEAT = 20000, MAX_NEST = 100 };

/* While parsing, alternatives are a list: each knows its rule. */
typedef struct alternative {
    uint32_t rule, first; /* in syms */
} alternative;

typedef struct name {
    const char *text;
    size_t n;
    uint32_t rule;
} name;

typedef struct symbols {
    uint32_t *s;
    size_t n, cap;
} symbols;

typedef struct parser {
    const char *text, *p;
    us_gbnf g;
    alternative *alts;
    size_t n_alts, cap_alts;
    bool *defined; /* [n_rules] */
    size_t cap_defined;
    name *names;
    size_t n_names, cap_names;
    int nested;
    us_error *err;
} parser;

static us_status wrong(const parser *p, const char *what) {
    int line = 1;
    for (const char *c = p->text; c < p->p; c++) line += *c == '\n';
    return us_fail(p->err, US_ERR_ARGUMENT, "grammar: line %d: %s", line, what);
}

/* ---- rules being made ----------------------------------------------------------------------------------------------- */

static us_status push(symbols *s, uint32_t sym, us_error *err) {
    if (s->n == MAX_SYMS) return us_fail(err, US_ERR_LIMIT, "grammar: it is too large"); /* a{20000} is eight letters */
    us_status st = us_grow(&s->s, &s->cap, s->n + 1, sizeof *s->s, err);
    if (!st) s->s[s->n++] = sym;
    return st;
}

static us_status new_rule(parser *p, uint32_t *out) {
    if (p->g.n_rules == MAX_RULES) return us_fail(p->err, US_ERR_LIMIT, "grammar: too many rules");
    us_status st = us_grow(&p->defined, &p->cap_defined, p->g.n_rules + 1, sizeof *p->defined, p->err);
    if (st) return st;
    p->defined[p->g.n_rules] = false;
    *out = (uint32_t)p->g.n_rules++;
    return US_OK;
}

static us_status add_alternative(parser *p, uint32_t rule, const uint32_t *s, size_t n) {
    us_gbnf *g = &p->g;
    if (g->n_syms + n > MAX_SYMS) return us_fail(p->err, US_ERR_LIMIT, "grammar: it is too large");
    us_status st = us_grow(&g->syms, &g->cap_syms, g->n_syms + n + 1, sizeof *g->syms, p->err);
    if (!st) st = us_grow(&p->alts, &p->cap_alts, p->n_alts + 1, sizeof *p->alts, p->err);
    if (st) return st;
    p->alts[p->n_alts++] = (alternative){rule, (uint32_t)g->n_syms};
    if (n) memcpy(g->syms + g->n_syms, s, n * sizeof *s);
    g->n_syms += n;
    g->syms[g->n_syms++] = US_SYM(US_SYM_END, 0);
    p->defined[rule] = true;
    return US_OK;
}

static us_status class_symbol(parser *p, const us_byte_class *c, uint32_t *out) {
    us_gbnf *g = &p->g;
    for (size_t i = g->n_classes; i-- > 0 && g->n_classes - i < 64;) /* the same again, as in long words */
        if (!memcmp(&g->classes[i], c, sizeof *c)) return *out = US_SYM(US_SYM_BYTES, i), US_OK;
    us_status st = us_grow(&g->classes, &g->cap_classes, g->n_classes + 1, sizeof *g->classes, p->err);
    if (st) return st;
    g->classes[g->n_classes] = *c;
    *out = US_SYM(US_SYM_BYTES, g->n_classes++);
    return US_OK;
}

static us_byte_class bytes_between(unsigned lo, unsigned hi) {
    us_byte_class c = {{0}};
    for (unsigned b = lo; b <= hi; b++) c.bits[b / 64] |= 1ull << b % 64;
    return c;
}

/* ---- classes of characters ------------------------------------------------------------------------------------------ */

typedef struct range {
    uint32_t lo, hi;
} range;

/* The code points lo..hi, of one length in UTF-8, as alternatives of byte ranges. */
static us_status add_utf8(parser *p, uint32_t rule, uint32_t lo, uint32_t hi, int len) {
    /* A range is split until all bytes behind the first that differs run from the least to the greatest. */
    for (int i = 1; i < len; i++) {
        uint32_t low = (1u << (6 * i)) - 1;
        if ((lo & ~low) == (hi & ~low)) continue;
        if (lo & low) {
            us_status st = add_utf8(p, rule, lo, lo | low, len);
            return st ? st : add_utf8(p, rule, (lo | low) + 1, hi, len);
        }
        if ((hi & low) != low) {
            us_status st = add_utf8(p, rule, lo, (hi & ~low) - 1, len);
            return st ? st : add_utf8(p, rule, hi & ~low, hi, len);
        }
    }
    char a[4], b[4];
    uint32_t s[4];
    us_status st = US_OK;
    us_utf8_encode(lo, a);
    us_utf8_encode(hi, b);
    for (int i = 0; i < len && !st; i++) {
        us_byte_class c = bytes_between((unsigned char)a[i], (unsigned char)b[i]);
        st = class_symbol(p, &c, &s[i]);
    }
    return st ? st : add_alternative(p, rule, s, (size_t)len);
}

/* A symbol for any code point of r[n]: a class of bytes when all are ASCII, else a rule of UTF-8 sequences. */
static us_status ranges_symbol(parser *p, const range *r, size_t n, uint32_t *out) {
    static const struct {
        uint32_t lo, hi;
        int len;
    } lengths[] = {{0x80, 0x7ff, 2}, {0x800, 0xd7ff, 3}, {0xe000, 0xffff, 3}, {0x10000, 0x10ffff, 4}};
    us_byte_class ascii = {{0}};
    bool any = false, more = false;
    uint32_t rule = 0, sym = 0;
    us_status st = US_OK;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t c = r[i].lo; c <= r[i].hi && c < 0x80; c++) ascii.bits[c / 64] |= 1ull << c % 64, any = true;
        more = more || r[i].hi >= 0x80;
    }
    if (!more) return class_symbol(p, &ascii, out);
    st = new_rule(p, &rule);
    if (!st && any) st = class_symbol(p, &ascii, &sym);
    if (!st && any) st = add_alternative(p, rule, &sym, 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 4 && !st; k++) {
            uint32_t lo = r[i].lo > lengths[k].lo ? r[i].lo : lengths[k].lo,
                     hi = r[i].hi < lengths[k].hi ? r[i].hi : lengths[k].hi;
            if (lo <= hi) st = add_utf8(p, rule, lo, hi, lengths[k].len);
        }
    *out = US_SYM(US_SYM_RULE, rule);
    return st;
}

static int by_lo(const void *a, const void *b) {
    const range *x = a, *y = b;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* All other code points; returns how many ranges. out[n + 1]. */
static size_t negate(range *r, size_t n, range *out) {
    uint32_t next = 0;
    size_t k = 0;
    qsort(r, n, sizeof *r, by_lo);
    for (size_t i = 0; i < n; i++) {
        if (r[i].lo > next) out[k++] = (range){next, r[i].lo - 1};
        if (r[i].hi + 1 > next) next = r[i].hi + 1;
    }
    if (next <= 0x10ffff) out[k++] = (range){next, 0x10ffff};
    return k;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static void skip(parser *p, bool lines) {
    for (;; p->p++) {
        if (*p->p == '#')
            while (*p->p && *p->p != '\n') p->p++;
        if (*p->p != ' ' && *p->p != '\t' && (!lines || (*p->p != '\n' && *p->p != '\r'))) return;
    }
}

static us_status find_rule(parser *p, const char *text, size_t n, uint32_t *out) {
    for (size_t i = 0; i < p->n_names; i++)
        if (p->names[i].n == n && !memcmp(p->names[i].text, text, n)) return *out = p->names[i].rule, US_OK;
    us_status st = p->n_names == MAX_NAMES ? us_fail(p->err, US_ERR_LIMIT, "grammar: more than %d names", MAX_NAMES)
                                           : us_grow(&p->names, &p->cap_names, p->n_names + 1, sizeof *p->names, p->err);
    if (!st) st = new_rule(p, out);
    if (!st) p->names[p->n_names++] = (name){text, n, *out};
    return st;
}

/* A character of a literal or a class, escapes read. */
static us_status read_char(parser *p, uint32_t *cp) {
    static const char letters[] = "nrt\\\"[]-", meant[] = "\n\r\t\\\"[]-";
    int n;
    if (*p->p != '\\') {
        if (!(n = us_utf8_decode(p->p, strnlen(p->p, 4), cp))) return wrong(p, "a character is expected");
        p->p += n;
        return US_OK;
    }
    char c = p->p[1];
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    const char *at = c ? strchr(letters, c) : NULL;
    if (!digits && !at) return wrong(p, "an escape is expected: \\n \\r \\t \\\\ \\\" \\[ \\] \\xHH \\uHHHH");
    p->p += 2;
    if (at) return *cp = (unsigned char)meant[at - letters], US_OK;
    *cp = 0;
    for (int i = 0; i < digits; i++, p->p++) {
        const char *hex = "0123456789abcdef0123456789ABCDEF", *d = *p->p ? strchr(hex, *p->p) : NULL;
        if (!d) return wrong(p, "a hexadecimal digit is expected");
        *cp = *cp << 4 | (uint32_t)((d - hex) % 16);
    }
    return *cp <= 0x10ffff && (*cp < 0xd800 || *cp > 0xdfff) ? US_OK : wrong(p, "not a character");
}

static us_status read_literal(parser *p, symbols *out) {
    us_status st = US_OK;
    for (p->p++; *p->p != '"' && !st;) {
        uint32_t cp, sym;
        char bytes[4];
        if (!*p->p || *p->p == '\n') return wrong(p, "the quote is never closed");
        st = read_char(p, &cp);
        int n = st ? 0 : us_utf8_encode(cp, bytes);
        for (int i = 0; i < n && !st; i++) {
            us_byte_class c = bytes_between((unsigned char)bytes[i], (unsigned char)bytes[i]);
            st = class_symbol(p, &c, &sym);
            if (!st) st = push(out, sym, p->err);
        }
    }
    if (!st) p->p++;
    return st;
}

static us_status read_class(parser *p, symbols *out) {
    enum { MAX = 512 };
    range r[MAX], rest[MAX + 1];
    size_t n = 0;
    bool not = p->p[1] == '^';
    uint32_t sym;
    us_status st = US_OK;
    for (p->p += 1 + not ; *p->p != ']' && !st;) {
        if (!*p->p || *p->p == '\n') return wrong(p, "the bracket is never closed");
        if (n == MAX) return wrong(p, "too many ranges in a class");
        st = read_char(p, &r[n].lo);
        r[n].hi = r[n].lo;
        if (!st && *p->p == '-' && p->p[1] != ']') {
            p->p++;
            st = read_char(p, &r[n].hi);
            if (!st && r[n].hi < r[n].lo) st = wrong(p, "a range that ends before it begins");
        }
        n++;
    }
    if (st) return st;
    p->p++;
    st = not ? ranges_symbol(p, rest, negate(r, n, rest), &sym) : ranges_symbol(p, r, n, &sym);
    return st ? st : push(out, sym, p->err);
}

static us_status read_alternatives(parser *p, uint32_t rule);

static us_status read_group(parser *p, symbols *out) {
    uint32_t rule = 0;
    us_status st = new_rule(p, &rule);
    if (!st && p->nested == MAX_NEST) st = us_fail(p->err, US_ERR_LIMIT, "grammar: brackets are nested too deeply");
    if (st) return st;
    p->nested++;
    p->p++;
    st = read_alternatives(p, rule);
    p->nested--;
    if (!st && *p->p != ')') st = wrong(p, "a closing bracket is expected");
    if (st) return st;
    p->p++;
    return push(out, US_SYM(US_SYM_RULE, rule), p->err);
}

/* item{min,max} (max -1: no end) in place of the item, which is s[from..). What may come once more is a chain of rules, each
 * the tail of the one before, so that the stack does not grow. */
static us_status repeat(parser *p, symbols *s, size_t from, long min, long max) {
    size_t n = s->n - from;
    uint32_t item[2], rule = 0, next = 0;
    us_status st = new_rule(p, &rule);
    if (!st) st = add_alternative(p, rule, n ? s->s + from : NULL, n);
    item[0] = US_SYM(US_SYM_RULE, rule);
    if (n == 1) item[0] = s->s[from];
    s->n = from;
    for (long i = 0; i < min && !st; i++) st = push(s, item[0], p->err);
    if (max < 0 && !st) {
        st = new_rule(p, &next);
        item[1] = US_SYM(US_SYM_RULE, next);
        if (!st) st = add_alternative(p, next, item, 2);
        if (!st) st = add_alternative(p, next, NULL, 0);
    }
    for (long i = min; i < max && !st; i++) { /* from the last one on */
        item[1] = US_SYM(US_SYM_RULE, next);
        st = new_rule(p, &next);
        if (!st) st = add_alternative(p, next, item, i == min ? 1 : 2);
        if (!st) st = add_alternative(p, next, NULL, 0);
    }
    return st || (max >= 0 && max <= min) ? st : push(s, US_SYM(US_SYM_RULE, next), p->err);
}

static us_status read_braces(parser *p, long *min, long *max) {
    char *end;
    p->p++;
    skip(p, true);
    if (*p->p < '0' || *p->p > '9') return wrong(p, "a number is expected in {m,n}");
    *min = *max = strtol(p->p, &end, 10);
    p->p = end;
    skip(p, true);
    if (*p->p == ',') {
        p->p++;
        skip(p, true);
        *max = -1;
        if (*p->p >= '0' && *p->p <= '9') *max = strtol(p->p, &end, 10), p->p = end;
        skip(p, true);
    }
    if (*p->p != '}') return wrong(p, "a closing brace is expected");
    p->p++;
    if (*min > MAX_REPEAT || *max > MAX_REPEAT)
        return us_fail(p->err, US_ERR_LIMIT, "grammar: at most %d repetitions are allowed", MAX_REPEAT);
    return *max >= 0 && *max < *min ? wrong(p, "{m,n} with n below m") : US_OK;
}

static us_status read_item(parser *p, symbols *out) {
    const char *start = p->p;
    uint32_t rule = 0, sym = 0;
    us_status st;
    if (*p->p == '"') return read_literal(p, out);
    if (*p->p == '[') return read_class(p, out);
    if (*p->p == '(') return read_group(p, out);
    if (*p->p == '.') {
        p->p++;
        st = ranges_symbol(p, &(range){0, 0x10ffff}, 1, &sym);
        return st ? st : push(out, sym, p->err);
    }
    while (is_name(*p->p)) p->p++;
    if (p->p == start) return wrong(p, "a rule's name, a literal, a class or a bracket is expected");
    st = find_rule(p, start, (size_t)(p->p - start), &rule);
    return st ? st : push(out, US_SYM(US_SYM_RULE, rule), p->err);
}

static us_status read_sequence(parser *p, symbols *out) {
    us_status st = US_OK;
    skip(p, p->nested > 0);
    while (!st && *p->p && !strchr("|)\n\r", *p->p)) {
        size_t from = out->n;
        long min, max;
        st = read_item(p, out);
        for (skip(p, p->nested > 0); !st && *p->p && strchr("?*+{", *p->p); skip(p, p->nested > 0)) {
            min = *p->p == '+', max = *p->p == '?' ? 1 : -1;
            if (*p->p == '{') st = read_braces(p, &min, &max);
            else p->p++;
            if (!st) st = repeat(p, out, from, min, max);
        }
    }
    return st;
}

static us_status read_alternatives(parser *p, uint32_t rule) {
    us_status st = US_OK;
    for (bool more = true; more && !st;) {
        symbols s = {0};
        st = read_sequence(p, &s);
        if (!st) st = add_alternative(p, rule, s.s, s.n);
        free(s.s);
        more = !st && *p->p == '|';
        if (more) p->p++, skip(p, true);
    }
    return st;
}

static us_status read_rule(parser *p) {
    const char *start = p->p;
    uint32_t rule = 0;
    while (is_name(*p->p)) p->p++;
    if (p->p == start) return wrong(p, "a rule's name is expected");
    us_status st = find_rule(p, start, (size_t)(p->p - start), &rule);
    skip(p, false);
    if (!st && strncmp(p->p, "::=", 3) != 0) st = wrong(p, "::= is expected");
    if (!st && p->defined[rule]) st = wrong(p, "the rule is defined twice");
    if (st) return st;
    p->p += 3;
    skip(p, true);
    st = read_alternatives(p, rule);
    if (!st && *p->p && *p->p != '\n' && *p->p != '\r') st = wrong(p, "the end of the rule is expected");
    skip(p, true);
    return st;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

static const char *name_of(const parser *p, uint32_t rule, size_t *n) {
    for (size_t i = 0; i < p->n_names; i++)
        if (p->names[i].rule == rule) return *n = p->names[i].n, p->names[i].text;
    return *n = 0, "";
}

/* Sorts the alternatives by their rule into g->alts and g->rules. */
static us_status close_rules(parser *p) {
    us_gbnf *g = &p->g;
    us_status st = us_alloc(p->n_alts, sizeof *g->alts, &g->alts, p->err);
    if (!st) st = us_alloc(g->n_rules + 2, sizeof *g->rules, &g->rules, p->err);
    if (st) return st;
    for (size_t i = 0; i < p->n_alts; i++) g->rules[p->alts[i].rule + 2]++;
    for (size_t r = 2; r <= g->n_rules; r++) g->rules[r] += g->rules[r - 1];
    for (size_t i = 0; i < p->n_alts; i++) g->alts[g->rules[p->alts[i].rule + 1]++] = p->alts[i].first;
    g->n_alts = p->n_alts;
    for (size_t i = 0; i < p->n_names; i++)
        if (!p->defined[p->names[i].rule])
            return us_fail(p->err, US_ERR_ARGUMENT, "grammar: the rule '%.*s' is used and not defined",
                           (int)(p->names[i].n < 60 ? p->names[i].n : 60), p->names[i].text);
    for (size_t i = 0; i < p->n_names; i++)
        if (p->names[i].n == 4 && !memcmp(p->names[i].text, "root", 4)) return g->root = p->names[i].rule, US_OK;
    return us_fail(p->err, US_ERR_ARGUMENT, "grammar: there is no rule 'root'");
}

/* Which rules may be empty: until nothing new is found. */
static void find_empty(const us_gbnf *g, bool *empty) {
    for (bool more = true; more;) {
        more = false;
        for (size_t r = g->n_rules; r-- > 0;)
            for (uint32_t a = g->rules[r]; a < g->rules[r + 1] && !empty[r]; a++) {
                const uint32_t *s = g->syms + g->alts[a];
                while (US_SYM_KIND(*s) == US_SYM_RULE && empty[US_SYM_ARG(*s)]) s++;
                if (US_SYM_KIND(*s) == US_SYM_END) empty[r] = more = true;
            }
    }
}

/* A rule that comes back to itself before a byte was read would never end. Depth first, with a stack of our own. */
static us_status refuse_left_recursion(const parser *p) {
    const us_gbnf *g = &p->g;
    bool *empty = NULL;
    unsigned char *colour = NULL; /* 1: being looked at, 2: done */
    struct frame {
        uint32_t rule, alt, at;
    } *stack = NULL;
    us_status st = us_alloc(g->n_rules, sizeof *empty, &empty, p->err);
    if (!st) st = us_alloc(g->n_rules, sizeof *colour, &colour, p->err);
    if (!st) st = us_alloc(g->n_rules + 1, sizeof *stack, &stack, p->err);
    if (!st) find_empty(g, empty);
    for (uint32_t r = 0; r < g->n_rules && !st; r++) {
        size_t depth = 0;
        if (colour[r]) continue;
        stack[depth++] = (struct frame){r, g->rules[r], g->alts[g->rules[r]]};
        colour[r] = 1;
        while (depth && !st) {
            struct frame *f = &stack[depth - 1];
            uint32_t s = g->syms[f->at], rule = US_SYM_ARG(s);
            bool go = US_SYM_KIND(s) == US_SYM_RULE;
            if (go && colour[rule] == 1) {
                size_t n;
                const char *text = name_of(p, rule, &n);
                st = us_fail(p->err, US_ERR_ARGUMENT, "grammar: the rule '%.*s' begins with itself (left recursion)",
                             (int)(n < 60 ? n : 60), text);
            } else if (go && !colour[rule]) {
                colour[rule] = 1;
                stack[depth++] = (struct frame){rule, g->rules[rule], g->alts[g->rules[rule]]};
            } else if (go && empty[rule]) f->at++;
            else if (++f->alt < g->rules[f->rule + 1]) f->at = g->alts[f->alt];
            else colour[f->rule] = 2, depth--;
        }
    }
    free(empty);
    free(colour);
    free(stack);
    return st;
}

us_status us_gbnf_parse(const char *text, us_gbnf *out, us_error *err) {
    parser p = {.text = text, .p = text, .err = err};
    us_status st = US_OK;
    if (strlen(text) > MAX_TEXT) return us_fail(err, US_ERR_LIMIT, "grammar: at most %d bytes are allowed", MAX_TEXT);
    skip(&p, true);
    while (*p.p && !st) st = read_rule(&p);
    if (!st) st = close_rules(&p);
    if (!st) st = refuse_left_recursion(&p);
    free(p.alts);
    free(p.defined);
    free(p.names);
    if (st) us_gbnf_fini(&p.g);
    else *out = p.g;
    return st;
}

void us_gbnf_fini(us_gbnf *g) {
    free(g->syms);
    free(g->classes);
    free(g->alts);
    free(g->rules);
    *g = (us_gbnf){0};
}
