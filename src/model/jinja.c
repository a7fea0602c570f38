/* Reading a chat template. A made-up conversation of the kind asked for goes through it: its texts are marks, of which nothing
 * is known but that they are not empty and have none of the template's markers in them. What comes out is the template's own
 * strings with marks between them. Steps, depth and memory are bounded, nothing outside can be reached, and what is not
 * understood is an error: a guess here would be a wrong prompt for every reply.
 *
 * Contents are taken to be plain: no list of parts, no tools. */
#include "model/jinja.h"
#include "base/mem.h"
#include "model/jinja_parts.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WRITTEN (64u << 10)
#define MAX_NAMES 128
#define MAX_STEPS 200000
#define MAX_MESSAGES 12
#define MAX_ROUNDS 24 /* of a loop that writes turns */

typedef us_jinja_value value;
typedef us_jinja_node node;

/* What a walk is to do before it goes on. */
typedef enum jump { STRAIGHT = 0, BREAK, CONTINUE } jump;

typedef struct reader {
    us_jinja_source src;
    us_jinja_arena mem;
    struct {
        const char *name; /* in the source, or a constant */
        size_t len;
        value v;
    } names[MAX_NAMES];
    size_t n_names, n_globals; /* globals are those outside of all loops and macros */
    size_t frame, floor;       /* names of this loop or macro begin there; a macro sees none below the floor but globals */
    size_t at, stop;           /* tokens of the expression under way */
    size_t steps;
    int mute;     /* parsed, not evaluated */
    int level;    /* blocks and macros around what is walked */
    bool refused; /* the template raises an error */
    jump jump;
    int64_t today;
    us_buf out, *to;
    size_t rounds[MAX_ROUNDS][2], n_rounds; /* bytes of `out` that each round of the loop over the turns has written */
    size_t empty_loop;                      /* where a loop had nothing to do, + 1 */
    bool in_rounds, system;                 /* the first message is the system's */
    const char *const *texts;               /* of each message, NULL: a mark; or NULL */
} reader;

static bool fail(reader *r, const char *why) {
    if (!r->src.why) r->src.why = why;
    return false;
}

static bool failed(reader *r) {
    if (r->mem.why) fail(r, r->mem.why);
    return r->src.why != NULL;
}

static value unknown(reader *r, const char *why) { return fail(r, why), us_jinja_unknown(); }
static const value undefined = {.kind = US_J_UNDEFINED};

/* ---- names ------------------------------------------------------------------------------------------------------------ */

static value *bound(reader *r, const char *name, size_t n) {
    for (size_t i = r->n_names; i-- > 0;) {
        if (i >= r->n_globals && i < r->floor) continue;
        if (r->names[i].len == n && !memcmp(r->names[i].name, name, n)) return &r->names[i].v;
    }
    return NULL;
}

static bool bind(reader *r, const char *name, size_t n, value v) {
    for (size_t i = r->frame; i < r->n_names; i++)
        if (r->names[i].len == n && !memcmp(r->names[i].name, name, n)) return r->names[i].v = v, true;
    if (r->n_names == MAX_NAMES) return fail(r, "it has too many names");
    r->names[r->n_names].name = name;
    r->names[r->n_names].len = n;
    r->names[r->n_names++].v = v;
    if (!r->frame) r->n_globals = r->n_names;
    return true;
}

#define CALLED(x) (n == sizeof x - 1 && !memcmp(name, x, n))
static value named(reader *r, const char *name, size_t n) {
    static const char bos[] = {US_JINJA_BOS}, eos[] = {US_JINJA_EOS};
    value *v = bound(r, name, n);
    if (v) return *v;
    if (CALLED("bos_token")) return us_jinja_text(&r->mem, bos, 1);
    if (CALLED("eos_token")) return us_jinja_text(&r->mem, eos, 1);
    if (CALLED("enable_thinking") || CALLED("false") || CALLED("False")) return us_jinja_bool(false);
    if (CALLED("true") || CALLED("True")) return us_jinja_bool(true);
    if (CALLED("raise_exception") || CALLED("range") || CALLED("namespace") || CALLED("dict") || CALLED("lipsum") ||
        CALLED("cycler") || CALLED("joiner") || CALLED("self"))
        return (value){.kind = US_J_MACRO, .n = -1}; /* defined, and no text */
    if (CALLED("tools") || CALLED("documents") || CALLED("none") || CALLED("None")) return (value){.kind = US_J_NONE};
    return undefined;
}

/* ---- expressions: or, and, not, comparisons, sums, products, filters and tests, paths ------------------------------------ */

static value expression(reader *r, int depth);
static value unary(reader *r, int depth);
static bool walk(reader *r, size_t b, size_t e, int depth);

static bool peek(const reader *r, const char *what) { return r->at < r->stop && us_jinja_is(&r->src, r->at, what); }
static bool take(reader *r, const char *what) {
    if (!peek(r, what)) return false;
    r->at++;
    return true;
}
static bool is_name(const reader *r, size_t t) { return t < r->stop && r->src.tokens[t].kind == US_JT_NAME; }
static const char *word(const reader *r, size_t t, size_t *n) {
    *n = r->src.tokens[t].len;
    return r->src.s + r->src.tokens[t].at;
}

/* Behind "(": to behind ")". */
static bool arguments(reader *r, us_jinja_args *args, int depth) {
    *args = (us_jinja_args){0};
    while (!take(r, ")")) {
        size_t k = args->n;
        if (k == sizeof args->v / sizeof *args->v || r->at >= r->stop || failed(r))
            return fail(r, "a call that is not understood");
        if (is_name(r, r->at) && us_jinja_is(&r->src, r->at + 1, "=")) {
            args->name[k] = word(r, r->at, &args->len[k]);
            r->at += 2;
        }
        args->v[k] = expression(r, depth + 1);
        args->n++;
        if (!peek(r, ")") && !take(r, ",")) return fail(r, "a call that is not understood");
    }
    return !failed(r);
}

static value dict_of(reader *r, const us_jinja_args *args) {
    value d = us_jinja_list_new(&r->mem, US_J_DICT);
    for (size_t i = 0; i < args->n; i++)
        if (!args->name[i]) return unknown(r, "a namespace that is not understood");
        else us_jinja_put(&r->mem, d, args->name[i], args->len[i], args->v[i]);
    return d;
}

static value range_of(reader *r, const us_jinja_args *args) {
    long from = args->n > 1 ? args->v[0].n : 0, to = args->n ? args->v[args->n > 1].n : 0,
         step = args->n > 2 ? args->v[2].n : 1;
    value l = us_jinja_list_new(&r->mem, US_J_LIST);
    for (size_t i = 0; i < args->n; i++)
        if (args->v[i].kind != US_J_NUMBER || labs(args->v[i].n) > 10000) return us_jinja_unknown();
    if (!args->n || args->n > 3 || !step) return us_jinja_unknown();
    for (; l.kind == US_J_LIST && (step > 0 ? from < to : from > to) && !failed(r); from += step)
        us_jinja_push(&r->mem, l.list, us_jinja_number(from));
    return l;
}

/* The day as the template writes it. */
static value date(reader *r, value format) {
    char form[64], text[128];
    time_t now = (time_t)r->today;
    struct tm tm;
    if (format.kind != US_J_TEXT || format.len >= sizeof form || us_jinja_has_content(format) || !localtime_r(&now, &tm))
        return us_jinja_unknown();
    memcpy(form, format.text, format.len);
    form[format.len] = 0;
    size_t n = strftime(text, sizeof text, form, &tm);
    return n ? us_jinja_text(&r->mem, text, n) : us_jinja_unknown();
}

/* A macro's names, each from its argument or its default. */
static bool bind_parameters(reader *r, size_t t, size_t stop, const us_jinja_args *args, int depth) {
    size_t at = r->at, end = r->stop, k = 0, n;
    bool ok = true;
    r->stop = stop;
    for (r->at = t; ok && r->at < stop && !peek(r, ")"); k++, take(r, ",")) {
        char text[64];
        const char *name = word(r, r->at, &n);
        if (!is_name(r, r->at) || n >= sizeof text) ok = fail(r, "a macro that is not understood");
        if (!ok) break;
        memcpy(text, name, n);
        text[n] = 0;
        r->at++;
        value v = take(r, "=") ? expression(r, depth + 1) : undefined, given = us_jinja_arg(args, k, text);
        ok = !failed(r) && bind(r, name, n, given.kind == US_J_UNDEFINED ? v : given);
    }
    r->at = at;
    r->stop = end;
    return ok;
}

/* What nodes [b, e) put out, as a value. */
static value captured(reader *r, size_t b, size_t e, int depth) {
    us_buf text, *to = r->to;
    us_buf_init(&text, MAX_WRITTEN);
    r->to = &text;
    bool ok = walk(r, b, e, depth);
    value v = ok ? us_jinja_text(&r->mem, text.len ? text.data : "", text.len) : us_jinja_unknown();
    r->to = to;
    us_buf_fini(&text);
    return v;
}

static value call_macro(reader *r, value macro, const us_jinja_args *args, int depth) {
    const node *m = &r->src.nodes[macro.n];
    size_t names = r->n_names, frame = r->frame, floor = r->floor, at = r->at, stop = r->stop;
    value v = us_jinja_unknown();
    if (depth >= US_JINJA_DEPTH) return unknown(r, "it is nested too deeply");
    r->frame = r->floor = r->n_names;
    if (bind_parameters(r, m->first + 3, m->first + m->n, args, depth)) v = captured(r, (size_t)macro.n + 1, m->end, depth + 1);
    r->n_names = names;
    r->frame = frame;
    r->floor = floor;
    r->at = at;
    r->stop = stop;
    return v;
}

static value call(reader *r, const char *name, size_t n, int depth) {
    us_jinja_args args;
    if (!arguments(r, &args, depth) || r->mute) return undefined;
    value *macro = bound(r, name, n);
    if (macro && macro->kind == US_J_MACRO) return call_macro(r, *macro, &args, depth);
    if (CALLED("namespace") || CALLED("dict")) return dict_of(r, &args);
    if (CALLED("range")) return range_of(r, &args);
    if (CALLED("strftime_now")) return date(r, us_jinja_arg(&args, 0, "format"));
    if (CALLED("raise_exception")) return r->refused = true, undefined;
    return us_jinja_unknown();
}

/* Behind "[" or "(": a list. One value in round brackets is itself. */
static value list_of(reader *r, const char *close, int depth) {
    value l = us_jinja_list_new(&r->mem, US_J_LIST), one = undefined;
    bool comma = *close == ']';
    size_t n = 0;
    for (; !take(r, close); n++) {
        if (r->at >= r->stop || failed(r)) return unknown(r, "an expression that is not understood");
        one = expression(r, depth + 1);
        if (!r->mute && l.kind == US_J_LIST) us_jinja_push(&r->mem, l.list, one);
        if (take(r, ",")) comma = true;
        else if (!peek(r, close)) return unknown(r, "an expression that is not understood");
    }
    return n == 1 && !comma ? one : l;
}

static value dict_literal(reader *r, int depth) {
    value d = us_jinja_list_new(&r->mem, US_J_DICT);
    while (!take(r, "}")) {
        if (r->at >= r->stop || failed(r)) return unknown(r, "an expression that is not understood");
        value k = expression(r, depth + 1);
        if (!take(r, ":")) return unknown(r, "an expression that is not understood");
        value v = expression(r, depth + 1);
        if (!r->mute && !us_jinja_put_at(&r->mem, d, k, v)) return unknown(r, "an expression that is not understood");
        if (!take(r, ",") && !peek(r, "}")) return unknown(r, "an expression that is not understood");
    }
    return d;
}

/* Texts side by side are one. */
static value text_literal(reader *r) {
    value v = us_jinja_text(&r->mem, "", 0);
    for (; r->at < r->stop && r->src.tokens[r->at].kind == US_JT_TEXT; r->at++) {
        const us_jinja_token *t = &r->src.tokens[r->at];
        if (!r->mute) v = us_jinja_concat(&r->mem, v, us_jinja_text(&r->mem, t->len ? r->src.texts.data + t->at : "", t->len));
    }
    return v;
}

static value primary(reader *r, int depth) {
    size_t n;
    if (depth > US_JINJA_DEPTH) return unknown(r, "it is nested too deeply");
    if (r->at >= r->stop || failed(r)) return unknown(r, "an expression that is not understood");
    const us_jinja_token *t = &r->src.tokens[r->at];
    const char *name = word(r, r->at, &n);
    if (t->kind == US_JT_TEXT) return text_literal(r);
    if (t->kind == US_JT_NUMBER)
        return r->at++, memchr(name, '.', n) ? us_jinja_unknown() : us_jinja_number(strtol(name, NULL, 10));
    if (take(r, "(")) return list_of(r, ")", depth);
    if (take(r, "[")) return list_of(r, "]", depth);
    if (take(r, "{")) return dict_literal(r, depth);
    if (t->kind != US_JT_NAME) return unknown(r, "an expression that is not understood");
    r->at++;
    if (take(r, "(")) return call(r, name, n, depth);
    return r->mute ? undefined : named(r, name, n);
}

/* Behind "[" */
static value subscript(reader *r, value v, int depth) {
    value bounds[3] = {undefined, undefined, undefined};
    size_t k = 0;
    for (; !take(r, "]"); k += take(r, ":")) {
        if (r->at >= r->stop || k > 2 || failed(r)) return unknown(r, "an expression that is not understood");
        if (!peek(r, ":")) {
            bounds[k] = expression(r, depth + 1);
            if (!peek(r, ":") && !peek(r, "]")) return unknown(r, "an expression that is not understood");
        }
    }
    if (r->mute) return undefined;
    if (v.kind == US_J_UNDEFINED) r->refused = true;
    return k ? us_jinja_slice(&r->mem, v, bounds) : us_jinja_item(&r->mem, v, bounds[0]);
}

/* Behind "." */
static value member(reader *r, value v, int depth) {
    size_t n;
    us_jinja_args args;
    if (!is_name(r, r->at)) return unknown(r, "an expression that is not understood");
    const char *name = word(r, r->at++, &n);
    bool method = take(r, "(");
    if ((method && !arguments(r, &args, depth)) || r->mute) return undefined;
    if (v.kind == US_J_UNDEFINED || (method && v.kind == US_J_NONE)) return r->refused = true, undefined; /* as Jinja does */
    return method ? us_jinja_method(&r->mem, name, n, v, &args) : us_jinja_item(&r->mem, v, us_jinja_text(&r->mem, name, n));
}

/* Behind "|" */
static value filter(reader *r, value v, int depth) {
    size_t n;
    us_jinja_args args = {0};
    if (!is_name(r, r->at)) return unknown(r, "an expression that is not understood");
    const char *name = word(r, r->at++, &n);
    if (take(r, "(") && !arguments(r, &args, depth)) return us_jinja_unknown();
    return r->mute ? undefined : us_jinja_filter(&r->mem, name, n, v, &args);
}

static value answer(int t) { return t < 0 ? us_jinja_unknown() : us_jinja_bool(t); }

/* Behind "is" */
static value test(reader *r, value v, int depth) {
    static const char *const with_argument[] = {"equalto", "eq", "ne", "in", "sameas", "divisibleby"};
    size_t n;
    bool no = take(r, "not"), more = false;
    us_jinja_args args = {0};
    if (!is_name(r, r->at)) return unknown(r, "an expression that is not understood");
    const char *name = word(r, r->at++, &n);
    for (size_t i = 0; i < sizeof with_argument / sizeof *with_argument; i++)
        more = more || (n == strlen(with_argument[i]) && !memcmp(name, with_argument[i], n));
    if (take(r, "(")) {
        if (!arguments(r, &args, depth)) return us_jinja_unknown();
    } else if (more) args.v[args.n++] = primary(r, depth + 1);
    int t = r->mute ? -1 : us_jinja_test(name, n, v, args.n ? args.v[0] : undefined);
    return answer(t < 0 ? t : t != no);
}

static value postfix(reader *r, int depth) {
    value v = primary(r, depth);
    while (!failed(r)) {
        if (take(r, "[")) v = subscript(r, v, depth);
        else if (take(r, ".")) v = member(r, v, depth);
        else if (take(r, "|")) v = filter(r, v, depth);
        else if (take(r, "is")) v = test(r, v, depth);
        else break;
    }
    return v;
}

static value unary(reader *r, int depth) {
    if (depth > US_JINJA_DEPTH) return unknown(r, "it is nested too deeply");
    if (!take(r, "-")) return postfix(r, depth);
    value v = unary(r, depth + 1);
    return v.kind == US_J_NUMBER ? us_jinja_number(-v.n) : r->mute ? undefined : us_jinja_unknown();
}

/* Whole numbers within what a long holds; n of texts are repeated. */
static value computed(reader *r, char sign, value a, value b) {
    long n = 0;
    bool numbers = a.kind == US_J_NUMBER && b.kind == US_J_NUMBER, bad = !numbers;
    if (sign == '*' && a.kind == US_J_TEXT && b.kind == US_J_NUMBER && b.n <= 1000) {
        value v = us_jinja_text(&r->mem, "", 0);
        for (; n < b.n && v.kind == US_J_TEXT; n++) v = us_jinja_concat(&r->mem, v, a);
        return v;
    }
    if (numbers && sign == '+') bad = __builtin_add_overflow(a.n, b.n, &n);
    if (numbers && sign == '-') bad = __builtin_sub_overflow(a.n, b.n, &n);
    if (numbers && sign == '*') bad = __builtin_mul_overflow(a.n, b.n, &n);
    if (numbers && (sign == '/' || sign == '%') && !(bad = b.n <= 0)) { /* rounded down, as in Python */
        long rest = ((a.n % b.n) + b.n) % b.n;
        n = sign == '%' ? rest : a.n / b.n - (a.n % b.n < 0);
    }
    if (a.kind == US_J_LIST && b.kind == US_J_LIST && sign == '+') {
        value l = us_jinja_slice(&r->mem, a, (value[3]){0});
        for (size_t i = 0; l.kind == US_J_LIST && i < b.list->n; i++) us_jinja_push(&r->mem, l.list, b.list->items[i]);
        return l;
    }
    if (a.kind == US_J_TEXT && b.kind == US_J_TEXT && sign == '+') return us_jinja_concat(&r->mem, a, b);
    return r->mute ? undefined : bad ? us_jinja_unknown() : us_jinja_number(n);
}

static value product(reader *r, int depth) {
    value v = unary(r, depth);
    while (peek(r, "*") || peek(r, "/") || peek(r, "%")) {
        char sign = r->src.s[r->src.tokens[r->at++].at];
        bool floor = sign == '/' && take(r, "/");
        value b = unary(r, depth);
        v = sign == '/' && !floor ? us_jinja_unknown() : computed(r, sign, v, b);
    }
    return v;
}

static value tilde(reader *r, int depth) {
    value v = product(r, depth);
    while (take(r, "~")) {
        value b = product(r, depth);
        if (!r->mute) v = us_jinja_concat(&r->mem, us_jinja_shown(&r->mem, v), us_jinja_shown(&r->mem, b));
    }
    return v;
}

static value sum(reader *r, int depth) {
    value v = tilde(r, depth);
    while (peek(r, "+") || peek(r, "-")) {
        char sign = r->src.s[r->src.tokens[r->at++].at];
        v = computed(r, sign, v, tilde(r, depth));
    }
    return v;
}

static int ordered(size_t sign, value a, value b) {
    static const value zero = {.kind = US_J_NUMBER};
    if (a.kind == US_J_SOME && b.kind == US_J_NUMBER && b.n <= (sign == 3 || sign == 4))
        a = us_jinja_number(1), b = zero, b.n = sign == 3 || sign == 4;
    if (a.kind != US_J_NUMBER || b.kind != US_J_NUMBER) return -1;
    return sign == 2 ? a.n <= b.n : sign == 3 ? a.n >= b.n : sign == 4 ? a.n < b.n : a.n > b.n;
}

/* The sign that stands here, taken: of `signs`, 6 `in`, 7 `not in`; 8: none. */
static size_t comparing(reader *r) {
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">", "in"};
    for (size_t k = 0; k < 7; k++)
        if (take(r, signs[k])) return k;
    if (!peek(r, "not") || !us_jinja_is(&r->src, r->at + 1, "in")) return 8;
    r->at += 2;
    return 7;
}

/* a < b < c is a < b and b < c, as in Python. */
static value comparison(reader *r, int depth) {
    value v = sum(r, depth);
    int all = 1, n = 0;
    for (size_t k; !failed(r) && (k = comparing(r)) < 8; n++) {
        value b = sum(r, depth);
        int same = k > 5   ? us_jinja_in(v, b)
                   : k > 1 ? ordered(k, v, b)
                           : us_jinja_equal(v, b),
            one = same < 0           ? same
                  : k == 1 || k == 7 ? !same
                                     : same;
        all = !one || !all ? 0 : one < 0 ? one : all;
        v = b;
    }
    return n ? answer(all) : v;
}

static value negation(reader *r, int depth) {
    if (depth > US_JINJA_DEPTH) return unknown(r, "it is nested too deeply");
    if (!take(r, "not")) return comparison(r, depth);
    int t = us_jinja_truth(negation(r, depth + 1));
    return answer(t < 0 ? t : !t);
}

/* With `skip` it is only parsed. */
static value only_if(bool skip, value (*f)(reader *, int), reader *r, int depth) {
    r->mute += skip;
    value v = f(r, depth);
    r->mute -= skip;
    return v;
}

/* An `and` (or an `or`): the first value that settles it; behind that nothing is evaluated. */
static value chain(reader *r, const char *sign, bool settles, value (*f)(reader *, int), int depth) {
    value v = f(r, depth);
    while (take(r, sign)) {
        int x = us_jinja_truth(v);
        value b = only_if(x == settles, f, r, depth);
        if (x == !settles) v = b;
        else if (x < 0) v = us_jinja_truth(b) == settles ? us_jinja_one_that_is(settles) : us_jinja_unknown();
    }
    return v;
}
static value conjunction(reader *r, int depth) { return chain(r, "and", false, negation, depth); }
static value disjunction(reader *r, int depth) { return chain(r, "or", true, conjunction, depth); }

/* Where the `if` of "a if b else c" stands, or 0. */
static size_t find_if(reader *r) {
    int open = 0;
    for (size_t t = r->at; t < r->stop; t++) {
        const us_jinja_token *k = &r->src.tokens[t];
        char c = k->kind == US_JT_SIGN ? r->src.s[k->at] : 0;
        r->steps++;
        if (c == '(' || c == '[' || c == '{') open++;
        else if ((c == ')' || c == ']' || c == '}') && --open < 0) return 0;
        else if (!open && (c == ',' || c == ':')) return 0;
        else if (!open && k->kind == US_JT_NAME && us_jinja_is(&r->src, t, "if")) return t;
    }
    return 0;
}

static value expression(reader *r, int depth) {
    if (failed(r) || ++r->steps > MAX_STEPS) return unknown(r, "it is too long");
    if (depth > US_JINJA_DEPTH) return unknown(r, "it is nested too deeply");
    size_t begin = r->at, cond = find_if(r);
    if (!cond) return disjunction(r, depth);
    r->at = cond + 1;
    int t = us_jinja_truth(disjunction(r, depth));
    size_t behind = r->at;
    r->at = begin;
    value v = only_if(t != 1, disjunction, r, depth), other = undefined;
    if (r->at != cond) return unknown(r, "an expression that is not understood");
    r->at = behind;
    if (take(r, "else")) other = only_if(t != 0, expression, r, depth + 1);
    return t < 0 ? us_jinja_unknown() : t ? v : other;
}

/* Tokens [first, stop) are one expression. */
static value whole(reader *r, size_t first, size_t stop) {
    size_t at = r->at, end = r->stop;
    r->at = first;
    r->stop = stop;
    value v = expression(r, r->level);
    if (r->at != stop) unknown(r, "an expression that is not understood");
    r->at = at;
    r->stop = end;
    return v;
}

/* ---- statements ----------------------------------------------------------------------------------------------------------- */

static bool begins(const reader *r, const node *n, const char *word) { return us_jinja_begins(&r->src, n, word); }
static bool raises(const reader *r, const node *n) {
    return n->kind == US_JN_OUTPUT && n->n && us_jinja_is(&r->src, n->first, "raise_exception");
}

static bool put_out(reader *r, const char *s, size_t n) {
    if (us_buf_append(r->to, s, n, NULL)) return fail(r, "it is too long");
    return true;
}

static bool output(reader *r, const node *n) {
    value v = whole(r, n->first, n->first + n->n);
    if (failed(r)) return false;
    if (r->refused) return true;
    v = us_jinja_shown(&r->mem, v);
    for (size_t i = 0; v.kind == US_J_TEXT && i + 2 < v.len; i++)
        if (v.text[i] == US_JINJA_CONTENT && v.text[i + 2] == US_JINJA_PART) return fail(r, "an output that is not understood");
    return v.kind == US_J_TEXT ? put_out(r, v.text, v.len) : fail(r, "an output that is not understood");
}

/* A set's name, and the name inside a namespace or none; *t is the token behind. */
static bool set_target(reader *r, const node *n, size_t *t, const char *name[2], size_t bytes[2]) {
    size_t stop = n->first + n->n;
    *t = n->first + 1;
    name[1] = NULL;
    if (*t >= stop || r->src.tokens[*t].kind != US_JT_NAME) return fail(r, "a set that is not understood");
    name[0] = word(r, (*t)++, &bytes[0]);
    if (us_jinja_is(&r->src, *t, ".") && *t + 1 < stop) name[1] = word(r, *t + 1, &bytes[1]), *t += 2;
    return true;
}

static bool assign(reader *r, const char *name[2], size_t bytes[2], value v) {
    if (!name[1]) return bind(r, name[0], bytes[0], v);
    value *space = bound(r, name[0], bytes[0]);
    if (!space || space->kind != US_J_DICT) return fail(r, "a set that is not understood");
    us_jinja_put(&r->mem, *space, name[1], bytes[1], v);
    return true;
}

/* set x = ..., set ns.x = ..., set x ... endset */
static bool set(reader *r, size_t i, int depth) {
    const node *n = &r->src.nodes[i];
    size_t t, bytes[2], stop = n->first + n->n;
    const char *name[2];
    if (!set_target(r, n, &t, name, bytes)) return false;
    if (!n->end && (!us_jinja_is(&r->src, t, "=") || t + 1 >= stop)) return fail(r, "a set that is not understood");
    value v = n->end ? captured(r, i + 1, n->end, depth + 1) : whole(r, t + 1, stop);
    return !failed(r) && assign(r, name, bytes, v);
}

/* A side that may be taken or not: what it sets is not known from here on, what it raises is not raised for plain contents. */
static bool doubt(reader *r, size_t b, size_t e) {
    bool raised = false;
    for (size_t i = b; i < e; i++) raised = raised || raises(r, &r->src.nodes[i]);
    for (size_t i = b; i < e; i++) {
        const node *n = &r->src.nodes[i];
        size_t t, bytes[2];
        const char *name[2];
        bool blank = n->kind == US_JN_TEXT && (!n->len || (raised && strspn(r->src.s + n->at, " \t\n") >= n->len));
        bool branch = begins(r, n, "if") || begins(r, n, "elif") || begins(r, n, "else") || begins(r, n, "endif");
        if (blank || branch || raises(r, n)) continue;
        if (!begins(r, n, "set") || n->end) return fail(r, "a condition that is not understood");
        if (!set_target(r, n, &t, name, bytes) || !assign(r, name, bytes, us_jinja_unknown())) return false;
    }
    return true;
}

/* The sides of an if: the first whose condition holds. */
static bool choose(reader *r, size_t i, int depth) {
    size_t end = r->src.nodes[i].end;
    bool sure = true;
    for (size_t side = i; side != end; side = r->src.nodes[side].next) {
        const node *n = &r->src.nodes[side];
        bool last = begins(r, n, "else");
        value v = last ? us_jinja_bool(true) : whole(r, n->first + 1, n->first + n->n);
        int t = us_jinja_truth(v);
        if (failed(r)) return false;
        if (r->refused) return true;
        if (t == 1 && sure) return walk(r, side + 1, n->next, depth + 1);
        sure = sure && t == 0;
        if (t && !doubt(r, side + 1, n->next)) return false;
    }
    return true;
}

/* What a loop goes over: its targets' tokens, the items that its own `if` lets through. */
typedef struct round_trip {
    size_t names[2], n_names;
    value items;
} round_trip;

static bool bind_targets(reader *r, const round_trip *loop, value item) {
    size_t n;
    for (size_t k = 0; k < loop->n_names; k++) {
        const char *name = word(r, loop->names[k], &n);
        value v = loop->n_names == 1 ? item : us_jinja_item(&r->mem, item, us_jinja_number((long)k));
        if (!bind(r, name, n, v)) return false;
    }
    return true;
}

/* Items that pass tokens [first, stop). */
static bool let_through(reader *r, round_trip *loop, size_t first, size_t stop) {
    value kept = us_jinja_list_new(&r->mem, US_J_LIST);
    size_t names = r->n_names, frame = r->frame;
    r->frame = r->n_names;
    for (size_t k = 0; k < loop->items.list->n && !failed(r); k++) {
        if (!bind_targets(r, loop, loop->items.list->items[k])) break;
        int t = us_jinja_truth(whole(r, first, stop));
        if (t < 0) fail(r, "a loop that is not understood");
        else if (t) us_jinja_push(&r->mem, kept.list, loop->items.list->items[k]);
    }
    r->n_names = names;
    r->frame = frame;
    loop->items = kept;
    return !failed(r);
}

static bool loop_head(reader *r, const node *n, round_trip *loop) {
    size_t t = n->first + 1, stop = n->first + n->n, at = r->at, end = r->stop;
    *loop = (round_trip){.n_names = 0};
    while (t < stop && loop->n_names < 2 && r->src.tokens[t].kind == US_JT_NAME) {
        loop->names[loop->n_names++] = t++;
        if (us_jinja_is(&r->src, t, ",")) t++;
        else break;
    }
    if (!loop->n_names || !us_jinja_is(&r->src, t, "in")) return fail(r, "a loop that is not understood");
    r->at = t + 1;
    r->stop = stop;
    loop->items = disjunction(r, r->level);
    bool some = take(r, "if");
    t = r->at;
    r->at = at;
    r->stop = end;
    if (us_jinja_has_content(loop->items)) loop->items = us_jinja_filter(&r->mem, "list", 4, loop->items, &(us_jinja_args){0});
    if (loop->items.kind == US_J_DICT) loop->items = us_jinja_method(&r->mem, "keys", 4, loop->items, &(us_jinja_args){0});
    if (failed(r) || r->refused) return false;
    if (loop->items.kind == US_J_UNDEFINED) loop->items = us_jinja_list_new(&r->mem, US_J_LIST);
    if (loop->items.kind == US_J_NONE) return r->refused = true, false; /* as Jinja does */
    if (loop->items.kind != US_J_LIST || (!some && t != stop)) return fail(r, "a loop that is not understood");
    return !some || let_through(r, loop, t, stop);
}

static bool bind_loop(reader *r, const us_jinja_list *items, size_t k) {
    value l = us_jinja_list_new(&r->mem, US_J_DICT);
    long i = (long)k, n = (long)items->n;
    const struct {
        const char *name;
        value v;
    } fields[] = {{"index0", us_jinja_number(i)},
                  {"index", us_jinja_number(i + 1)},
                  {"first", us_jinja_bool(!k)},
                  {"last", us_jinja_bool(i + 1 == n)},
                  {"length", us_jinja_number(n)},
                  {"revindex0", us_jinja_number(n - 1 - i)},
                  {"revindex", us_jinja_number(n - i)},
                  {"previtem", k ? items->items[k - 1] : undefined},
                  {"nextitem", i + 1 < n ? items->items[k + 1] : undefined}};
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        us_jinja_put(&r->mem, l, fields[f].name, strlen(fields[f].name), fields[f].v);
    return !failed(r) && bind(r, "loop", 4, l);
}

/* A loop that wrote what people say is the loop over the turns; another one may go on where it ended. The system's text may
 * come before. */
static bool keep_rounds(reader *r, size_t rounds[][2], size_t n, bool turns) {
    if (!turns) return true;
    if (r->n_rounds && rounds[0][0] != r->rounds[r->n_rounds - 1][1]) return fail(r, "two loops over the messages");
    if (n > MAX_ROUNDS - r->n_rounds) return fail(r, "a loop that is not understood");
    memcpy(r->rounds[r->n_rounds], rounds, n * sizeof *rounds);
    r->n_rounds += n;
    return true;
}

/* Bytes [from, to) have the text of a message; its number, or -1. */
static int message_in(const us_buf *b, size_t from, size_t to, int at_least) {
    for (size_t i = from; i < to; i++)
        if (b->data[i] == US_JINJA_CONTENT) {
            int number = b->data[i + 2] - '0';
            if (number >= at_least) return number;
            i += US_JINJA_MARK_BYTES - 1;
        }
    return -1;
}

static bool loop(reader *r, size_t i, int depth) {
    round_trip head;
    size_t names = r->n_names, frame = r->frame, rounds[MAX_ROUNDS][2], n = 0;
    const node *node_of = &r->src.nodes[i];
    bool outer = r->to == &r->out && !r->in_rounds, turns = false;
    if (!loop_head(r, node_of, &head)) return !failed(r);
    if (outer && !head.items.list->n) r->empty_loop = r->out.len + 1;
    if (!head.items.list->n)
        return begins(r, &r->src.nodes[node_of->next], "else") ? walk(r, node_of->next + 1, node_of->end, depth + 1) : true;
    if (outer) r->in_rounds = true;
    for (size_t k = 0; k < head.items.list->n && !r->refused && r->jump != BREAK; k++) {
        size_t begin = r->out.len;
        r->frame = r->n_names = names;
        r->jump = STRAIGHT;
        if (++r->steps > MAX_STEPS) return fail(r, "it is too long");
        if (!bind_targets(r, &head, head.items.list->items[k]) || !bind_loop(r, head.items.list, k)) return false;
        if (!walk(r, i + 1, node_of->next, depth + 1)) return false;
        turns = turns || message_in(&r->out, begin, r->out.len, r->system) >= 0;
        if (n < MAX_ROUNDS) rounds[n][0] = begin, rounds[n][1] = r->out.len;
        n++;
    }
    r->jump = STRAIGHT;
    r->n_names = names;
    r->frame = frame;
    if (outer) r->in_rounds = false;
    return !outer || keep_rounds(r, rounds, n, turns);
}

static bool define(reader *r, size_t i) {
    const node *n = &r->src.nodes[i];
    size_t len;
    if (n->n < 4 || r->src.tokens[n->first + 1].kind != US_JT_NAME || !us_jinja_is(&r->src, n->first + 2, "("))
        return fail(r, "a macro that is not understood");
    const char *name = word(r, n->first + 1, &len);
    return bind(r, name, len, (value){.kind = US_J_MACRO, .n = (long)i});
}

static bool walk_nodes(reader *r, size_t b, size_t e, int depth) {
    for (size_t i = b; i < e && !r->refused && !r->jump; i++) {
        const node *n = &r->src.nodes[i];
        bool ok = true;
        if (++r->steps > MAX_STEPS) return fail(r, "it is too long");
        if (n->kind == US_JN_TEXT) ok = put_out(r, r->src.s + n->at, n->len);
        else if (n->kind == US_JN_OUTPUT) ok = output(r, n);
        else if (begins(r, n, "if")) ok = choose(r, i, depth), i = n->end;
        else if (begins(r, n, "for")) ok = loop(r, i, depth), i = n->end;
        else if (begins(r, n, "macro")) ok = define(r, i), i = n->end;
        else if (begins(r, n, "set")) ok = set(r, i, depth), i = n->end ? n->end : i;
        else if (begins(r, n, "break")) r->jump = BREAK;
        else if (begins(r, n, "continue")) r->jump = CONTINUE;
        else if (begins(r, n, "do")) whole(r, n->first + 1, n->first + n->n);
        else if (!begins(r, n, "generation") && !begins(r, n, "endgeneration"))
            ok = fail(r, "a statement that is not understood");
        if (!ok || failed(r)) return false;
    }
    return true;
}

static bool walk(reader *r, size_t b, size_t e, int depth) {
    int level = r->level;
    if (depth > US_JINJA_DEPTH) return fail(r, "it is nested too deeply");
    r->level = depth;
    bool ok = walk_nodes(r, b, e, depth);
    r->level = level;
    return ok;
}

/* ---- conversations --------------------------------------------------------------------------------------------------------- */

static bool add_message(reader *r, value list, us_role role, size_t number) {
    static const char *const roles[] = {"system", "user", "assistant"};
    const char content[] = {US_JINJA_CONTENT, '0', (char)('0' + number)};
    value m = us_jinja_list_new(&r->mem, US_J_DICT);
    us_jinja_put(&r->mem, m, "role", 4, us_jinja_text(&r->mem, roles[role], strlen(roles[role])));
    const char *own = r->texts ? r->texts[number] : NULL;
    value text = own ? us_jinja_text(&r->mem, own, strlen(own)) : us_jinja_text(&r->mem, content, sizeof content);
    us_jinja_put(&r->mem, m, "content", 7, text);
    if (!failed(r)) us_jinja_push(&r->mem, list.list, m);
    return !failed(r);
}

/* The conversation goes through. With a system message the first of roles is it. */
static bool run(reader *r, const char *jinja, size_t n, const us_role *roles, size_t n_roles, bool generation) {
    us_buf_init(&r->out, MAX_WRITTEN);
    r->to = &r->out;
    r->system = n_roles && roles[0] == US_ROLE_SYSTEM;
    if (!us_jinja_cut(&r->src, jinja, n)) return false;
    r->mem.data = us_checked(malloc(US_JINJA_MEMORY)); /* not cleared: a conversation uses little of it */
    if (!r->mem.data) return fail(r, "out of memory");
    value messages = us_jinja_list_new(&r->mem, US_J_LIST);
    for (size_t i = 0; i < n_roles; i++)
        if (!add_message(r, messages, roles[i], i)) return false;
    return bind(r, "messages", 8, messages) && bind(r, "add_generation_prompt", 21, us_jinja_bool(generation)) &&
           walk(r, 0, r->src.n_nodes, 0);
}

static us_status end(reader *r, unsigned failures, us_error *err) {
    const char *why = r->src.why;
    us_jinja_source_fini(&r->src);
    free(r->mem.data);
    us_buf_fini(&r->out);
    if (why && us_memory_failures() != failures) return us_fail(err, US_ERR_MEMORY, "out of memory: a chat template is read");
    return why ? us_fail(err, US_ERR_UNSUPPORTED, "the chat template is not one of the known ones (%s)", why) : US_OK;
}

us_status us_jinja_render(const char *jinja, size_t n, const us_role *roles, size_t n_roles, const char *const *texts,
                          bool generation, int64_t today, us_buf *out, bool *refused, us_error *err) {
    unsigned failures = us_memory_failures();
    reader r = {.today = today, .texts = texts};
    bool ok = run(&r, jinja, n, roles, n_roles, generation);
    *refused = r.refused;
    if (ok && us_buf_append(out, r.out.len ? r.out.data : "", r.out.len, NULL)) fail(&r, "it is too long");
    return end(&r, failures, err);
}

void us_written_init(us_written *w) {
    *w = (us_written){.refused = false};
    us_buf_init(&w->before, MAX_WRITTEN);
    us_buf_init(&w->turn, MAX_WRITTEN);
    us_buf_init(&w->after, MAX_WRITTEN);
}

void us_written_fini(us_written *w) {
    us_buf_fini(&w->before);
    us_buf_fini(&w->turn);
    us_buf_fini(&w->after);
}

/* The shortest conversation in which the turn is what the situation says: turns alternate, and behind one that is not the last
 * another of its role follows where a template could ask for the last of that role. */
static size_t conversation_of(const us_situation *s, us_role roles[MAX_MESSAGES], int *target) {
    size_t n = 0;
    if (s->system || s->role == US_ROLE_SYSTEM) roles[n++] = US_ROLE_SYSTEM;
    *target = s->role == US_ROLE_SYSTEM ? 0 : (int)n + s->position;
    if (s->role == US_ROLE_SYSTEM) return roles[n++] = US_ROLE_USER, n;
    us_role other = s->role == US_ROLE_USER ? US_ROLE_ASSISTANT : US_ROLE_USER;
    for (int i = s->position; i >= 0; i--) roles[n++] = (i && s->before ? i - 1 : i) % 2 ? other : s->role;
    if (s->behind) roles[n++] = s->role;
    if (!s->last) roles[n++] = other;
    if (!s->last && s->role == US_ROLE_USER) roles[n++] = s->role;
    return n;
}

/* Bytes [from, to) of what was written, where `target` is the turn's message, or -1 outside of it. */
static bool copy(reader *r, size_t from, size_t to, int target, us_buf *out) {
    for (size_t i = from; i < to; i++) {
        char c[2] = {r->out.data[i], 0};
        size_t n = 1;
        if (*c == US_JINJA_CONTENT) {
            int number = r->out.data[i + 2] - '0';
            if (number != target && !(r->system && !number)) return fail(r, "a turn's text stands in another's place");
            c[0] = number == target ? US_MARK_CONTENT : US_MARK_SYSTEM;
            c[1] = r->out.data[i + 1];
            n = 2;
            i += US_JINJA_MARK_BYTES - 1;
        }
        if (us_buf_append(out, c, n, NULL)) return fail(r, "it is too long");
    }
    return true;
}

/* What was written falls into what stands before the rounds with turns, the target's round, and what stands behind. A first
 * turn may stand before the loop, which then begins with the second; the last one behind it. */
static bool take_apart(reader *r, int target, us_written *w) {
    size_t begin = r->n_rounds     ? r->rounds[0][0]
                   : r->empty_loop ? r->empty_loop - 1
                                   : 0,
           end = r->n_rounds ? r->rounds[r->n_rounds - 1][1] : begin;
    if (message_in(&r->out, 0, r->out.len, target) != target && (target >= r->system || !r->n_rounds)) return w->lost = true;
    if (!r->n_rounds && !r->empty_loop) return fail(r, "no loop over the messages");
    bool ahead = message_in(&r->out, 0, begin, r->system) >= 0, behind = message_in(&r->out, end, r->out.len, r->system) >= 0;
    if (r->n_rounds + 2 > MAX_ROUNDS) return fail(r, "a loop that is not understood");
    if (ahead || (!r->n_rounds && !behind)) { /* the text before it is a round too */
        memmove(r->rounds[1], r->rounds[0], r->n_rounds++ * sizeof *r->rounds);
        r->rounds[0][0] = 0;
        r->rounds[0][1] = begin;
    }
    if (behind) {
        r->rounds[r->n_rounds][0] = end;
        r->rounds[r->n_rounds++][1] = r->out.len;
    }
    size_t first = r->n_rounds;
    for (size_t k = r->n_rounds; k-- > 0;)
        if (message_in(&r->out, r->rounds[k][0], r->rounds[k][1], 0) >= 0) first = k;
    if (first < r->n_rounds && !copy(r, 0, r->rounds[first][0], -1, &w->before)) return false;
    for (size_t k = first; k < r->n_rounds; k++) {
        int number = message_in(&r->out, r->rounds[k][0], r->rounds[k][1], r->system);
        if (number < 0) number = message_in(&r->out, r->rounds[k][0], r->rounds[k][1], 0);
        if (number != target) continue;
        if (w->turn.len) return fail(r, "a turn's text stands in another's place");
        if (!copy(r, r->rounds[k][0], r->rounds[k][1], target, &w->turn)) return false;
    }
    return copy(r, r->rounds[r->n_rounds - 1][1], r->out.len, -1, &w->after);
}

us_status us_jinja_read(const char *jinja, size_t n, const us_situation *s, us_written *w, us_error *err) {
    unsigned failures = us_memory_failures();
    us_role roles[MAX_MESSAGES];
    int target;
    reader r = {.today = s->today};
    size_t n_roles = conversation_of(s, roles, &target);
    bool ok = run(&r, jinja, n, roles, n_roles, s->generation);
    w->refused = r.refused;
    if (ok && !r.refused) take_apart(&r, target, w);
    return end(&r, failures, err);
}
