/* Reading a chat template. The text is cut into nodes (text, {{ output }}, {% statement %}); one walk over the nodes follows,
 * for one kind of message, the sides of branches that it takes and writes down what is put out: the template's own strings,
 * and marks where a message's text goes. The body of the loop over messages is read once. What is not understood is an error:
 * a guess here would be a wrong prompt for every reply.
 *
 * Contents are taken to be plain: not empty, no list of parts, no tools, none of the template's own markers in them. */
#include "model/jinja.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_TEMPLATE (1u << 20)
#define MAX_TEXT (64u << 10) /* of one value */
#define MAX_NODES 20000
#define MAX_NAMES 64
#define MAX_DEPTH 40
#define MAX_STEPS 200000

typedef enum token_kind { T_END, T_NAME, T_TEXT, T_NUMBER, T_SIGN } token_kind;
typedef struct token {
    token_kind kind;
    size_t at, len; /* NAME, NUMBER, SIGN: in the source; TEXT: in `texts`, unescaped */
} token;

typedef enum node_kind { N_TEXT, N_OUTPUT, N_STATEMENT } node_kind;
typedef struct node {
    node_kind kind;
    size_t at, len;   /* TEXT: in the source */
    size_t first, n;  /* tokens of the others */
    size_t next, end; /* if: the next side, its end; for: its end */
} node;

typedef enum value_kind { V_UNKNOWN, V_NONE, V_BOOL, V_NUMBER, V_TEXT, V_MESSAGES, V_MESSAGE, V_LOOP, V_LIST } value_kind;
typedef struct value {
    value_kind kind;
    long n; /* NUMBER, BOOL; MESSAGES: how many are left out at the front; MESSAGE: see which; LIST: the first token */
    const char *text; /* TEXT, in the arena */
    size_t len;
} value;
enum { THIS = 0, FIRST, LAST }; /* which message */

typedef struct reader {
    const char *s;
    size_t n;
    token *tokens;
    node *nodes;
    size_t n_tokens, cap_tokens, n_nodes, cap_nodes;
    us_buf texts; /* strings of the template */
    char *arena;
    size_t used;
    struct {
        char name[40];
        value v;
    } names[MAX_NAMES];
    size_t n_names, steps;
    const us_situation *now;
    us_written *out;
    us_buf *to;
    bool in_turn, seen_turns, quiet; /* quiet: a loop over messages that puts nothing out */
    size_t n_outer;                  /* names from outside the loop: the loop's own hide them */
    int skip;                        /* messages that the loop leaves out */
    size_t at, stop;                 /* tokens of the expression under way */
    const char *why;
} reader;

static bool fail(reader *r, const char *why) {
    if (!r->why) r->why = why;
    return false;
}

/* ---- nodes ------------------------------------------------------------------------------------------------ */

static bool add_token(reader *r, token_kind kind, size_t at, size_t len) {
    if (us_grow(&r->tokens, &r->cap_tokens, r->n_tokens + 1, sizeof *r->tokens, NULL)) return fail(r, "out of memory");
    r->tokens[r->n_tokens++] = (token){kind, at, len};
    return true;
}

static bool add_string(reader *r, size_t from, size_t end) {
    size_t at = r->texts.len;
    for (size_t i = from; i < end; i++) {
        char c = r->s[i];
        if (c == '\\' && i + 1 < end) {
            c = r->s[++i];
            if (c == 'x' || c == 'u' || c == 'U' || isdigit((unsigned char)c)) return fail(r, "a string with a numeric escape");
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
            if (isalpha((unsigned char)c) && us_buf_append(&r->texts, "\\", 1, NULL)) return fail(r, "it is too long");
        }
        if (us_buf_append(&r->texts, &c, 1, NULL)) return fail(r, "it is too long");
    }
    return add_token(r, T_TEXT, at, r->texts.len - at);
}

/* The tokens of an expression that begins at i, until its closing sign; *end is behind that. */
static bool lex(reader *r, size_t i, const char *close, size_t *end, bool *trims) {
    while (i < r->n) {
        char c = r->s[i];
        size_t b = i;
        if (isspace((unsigned char)c)) {
            i++;
            continue;
        }
        *trims = c == '-' && i + 2 < r->n && !memcmp(r->s + i + 1, close, 2);
        if (*trims || (c == '+' && i + 2 < r->n && !memcmp(r->s + i + 1, close, 2))) i++;
        if (i + 1 < r->n && !memcmp(r->s + i, close, 2)) return *end = i + 2, true;
        if (c == '\'' || c == '"') {
            for (i++; i < r->n && r->s[i] != c; i++) i += r->s[i] == '\\';
            if (i >= r->n) return fail(r, "a string without an end");
            if (!add_string(r, b + 1, i++)) return false;
        } else if (isalpha((unsigned char)c) || c == '_') {
            while (i < r->n && (isalnum((unsigned char)r->s[i]) || r->s[i] == '_')) i++;
            if (!add_token(r, T_NAME, b, i - b)) return false;
        } else if (isdigit((unsigned char)c)) {
            while (i < r->n && isdigit((unsigned char)r->s[i])) i++;
            if (!add_token(r, T_NUMBER, b, i - b)) return false;
        } else {
            bool two = i + 1 < r->n && r->s[i + 1] == '=' && strchr("=!<>", c);
            i += two ? 2 : 1;
            if (!add_token(r, T_SIGN, b, i - b)) return false;
        }
    }
    return fail(r, "a block without an end");
}

static bool is(const reader *r, size_t t, const char *what) {
    return t < r->n_tokens && r->tokens[t].kind != T_TEXT && r->tokens[t].len == strlen(what) &&
           !memcmp(r->s + r->tokens[t].at, what, r->tokens[t].len);
}

/* A statement's first word, or none. */
static bool begins(const reader *r, const node *n, const char *word) {
    return n->kind == N_STATEMENT && n->n && is(r, n->first, word);
}

/* Text between blocks, as HF's settings have it: trim_blocks and lstrip_blocks, and the minus signs. */
static bool add_text(reader *r, size_t b, size_t e, bool after_block, bool cut_before, bool next_is_block, bool cut_after) {
    if (after_block && b < e && r->s[b] == '\n') b++;
    while (cut_before && b < e && isspace((unsigned char)r->s[b])) b++;
    while (cut_after && e > b && isspace((unsigned char)r->s[e - 1])) e--;
    if (next_is_block && !cut_after) {
        size_t k = e;
        while (k > b && (r->s[k - 1] == ' ' || r->s[k - 1] == '\t')) k--;
        if (k == 0 || r->s[k - 1] == '\n') e = k;
    }
    if (b >= e) return true;
    if (us_grow(&r->nodes, &r->cap_nodes, r->n_nodes + 1, sizeof *r->nodes, NULL)) return fail(r, "out of memory");
    r->nodes[r->n_nodes++] = (node){.kind = N_TEXT, .at = b, .len = e - b};
    return true;
}

static bool cut(reader *r) {
    size_t i = 0, n = r->n;
    bool after_block = false, cut_before = false;
    if (n && r->s[n - 1] == '\n') n--; /* Jinja drops one line break at the end */
    while (i < n) {
        size_t b = i;
        while (i + 1 < n && !(r->s[i] == '{' && strchr("{%#", r->s[i + 1]))) i++;
        if (i + 1 >= n) return add_text(r, b, n, after_block, cut_before, false, false);
        char kind = r->s[i + 1];
        bool minus = i + 2 < n && r->s[i + 2] == '-', plus = i + 2 < n && r->s[i + 2] == '+', trims = false;
        if (!add_text(r, b, i, after_block, cut_before, kind != '{' && !plus, minus)) return false;
        i += minus || plus ? 3 : 2;
        if (kind == '#') {
            while (i + 1 < n && memcmp(r->s + i, "#}", 2)) i++;
            trims = i < n && i && r->s[i - 1] == '-';
            i += 2;
        } else {
            size_t first = r->n_tokens;
            if (!lex(r, i, kind == '{' ? "}}" : "%}", &i, &trims)) return false;
            if (r->n_nodes >= MAX_NODES || us_grow(&r->nodes, &r->cap_nodes, r->n_nodes + 1, sizeof *r->nodes, NULL))
                return fail(r, "it is too long");
            r->nodes[r->n_nodes++] =
                (node){.kind = kind == '{' ? N_OUTPUT : N_STATEMENT, .first = first, .n = r->n_tokens - first};
        }
        after_block = kind != '{';
        cut_before = trims;
    }
    return true;
}

/* Each if, elif, else and for learns where the next side begins and where all of it ends. */
static bool match(reader *r) {
    size_t open[MAX_DEPTH], last[MAX_DEPTH], depth = 0;
    for (size_t i = 0; i < r->n_nodes; i++) {
        node *n = &r->nodes[i];
        if (begins(r, n, "if") || begins(r, n, "for") || begins(r, n, "macro")) {
            if (depth == MAX_DEPTH) return fail(r, "it is nested too deeply");
            open[depth] = last[depth] = i;
            depth++;
        } else if (begins(r, n, "elif") || begins(r, n, "else")) {
            if (!depth) return fail(r, "an else without an if");
            r->nodes[last[depth - 1]].next = i;
            last[depth - 1] = i;
        } else if (begins(r, n, "endif") || begins(r, n, "endfor") || begins(r, n, "endmacro")) {
            if (!depth) return fail(r, "an end without a beginning");
            depth--;
            r->nodes[last[depth]].next = i;
            r->nodes[open[depth]].end = i;
        }
    }
    return depth ? fail(r, "a block without an end") : true;
}

/* ---- values ----------------------------------------------------------------------------------------------- */

static const value unknown = {.kind = V_UNKNOWN};
static value yes_or_no(bool b) { return (value){.kind = V_BOOL, .n = b}; }

/* Of a token that has words; there may be none but empty ones. */
static const char *words_of(const reader *r, const token *t) { return t->len ? r->texts.data + t->at : ""; }

static value text_of(reader *r, const char *s, size_t n) {
    if (n > MAX_TEXT || r->used + n > MAX_TEMPLATE) return fail(r, "it is too long"), unknown;
    char *to = r->arena + r->used;
    memcpy(to, s, n);
    r->used += n;
    return (value){.kind = V_TEXT, .text = to, .len = n};
}

static bool is_mark(char c) { return c >= US_MARK_CONTENT && c <= US_MARK_EOS; }
static bool has_mark(const value *v) {
    for (size_t i = 0; i < v->len; i++)
        if (is_mark(v->text[i])) return true;
    return false;
}

/* 1 and 0, or -1 when it cannot be told. Contents are not empty. */
static int truth(const value *v) {
    return v->kind == V_UNKNOWN                                                                      ? -1
           : v->kind == V_NONE                                                                       ? 0
           : v->kind == V_TEXT                                                                       ? v->len > 0
           : v->kind == V_MESSAGE || v->kind == V_MESSAGES || v->kind == V_LOOP || v->kind == V_LIST ? 1
                                                                                                     : v->n != 0;
}

static bool goes(char c, bool breaks) { return breaks ? c == '\n' : isspace((unsigned char)c) != 0; }

/* Blanks (or only line breaks) at the ends go: of the template's own strings here, of contents when they are written. */
static value trimmed(reader *r, value v, bool left, bool right, bool breaks) {
    if (v.kind != V_TEXT) return v.kind == V_UNKNOWN ? v : unknown;
    value t = text_of(r, v.text, v.len);
    if (t.kind != V_TEXT) return t;
    char *s = (char *)(uintptr_t)t.text;
    while (left && t.len && goes(*s, breaks)) s++, t.len--;
    if (left && t.len && (*s == US_MARK_CONTENT || *s == US_MARK_SYSTEM)) s[1] = (char)(s[1] | (breaks ? 5 : 1));
    for (size_t k = t.len; right && k;) {
        if (k >= 2 && (s[k - 2] == US_MARK_CONTENT || s[k - 2] == US_MARK_SYSTEM)) {
            s[k - 1] = (char)(s[k - 1] | (breaks ? 6 : 2));
            break;
        }
        if (!goes(s[k - 1], breaks)) break;
        t.len = --k;
    }
    t.text = s;
    return t;
}

static value with_case(reader *r, value v, const char *how) {
    if (v.kind != V_TEXT || has_mark(&v)) return unknown;
    value t = text_of(r, v.text, v.len);
    char *s = (char *)(uintptr_t)t.text;
    for (size_t i = 0; i < t.len; i++) {
        bool start = !i || (!strcmp(how, "title") && !isalpha((unsigned char)s[i - 1]));
        bool up = !strcmp(how, "upper") || (start && strcmp(how, "lower"));
        s[i] = (char)(up ? toupper((unsigned char)s[i]) : tolower((unsigned char)s[i]));
    }
    return t;
}

static value literal(reader *r, const char *s) { return text_of(r, s, strlen(s)); }

static value role_of(reader *r, long which) {
    const us_situation *w = r->now;
    static const char *const roles[] = {"system", "user", "assistant"};
    if (which == FIRST)
        return literal(r, w->system ? "system" : w->role == US_ROLE_ASSISTANT && !w->position ? "assistant" : "user");
    if (which == LAST)
        return w->generation || (w->last && w->role == US_ROLE_USER) ? literal(r, "user")
               : w->last                                             ? literal(r, "assistant")
                                                                     : unknown;
    return r->in_turn ? literal(r, roles[w->role]) : unknown;
}

static value content_of(reader *r, long which) {
    static const char system[] = {US_MARK_SYSTEM, '0'}, content[] = {US_MARK_CONTENT, '0'};
    if (which == FIRST) return r->now->system ? text_of(r, system, 2) : unknown;
    if (which == LAST || !r->in_turn) return unknown;
    return r->now->role == US_ROLE_SYSTEM && r->quiet ? text_of(r, system, 2) : text_of(r, content, 2);
}

static value attribute(reader *r, value v, const char *name, size_t n) {
#define CALLED(x) (n == sizeof x - 1 && !memcmp(name, x, n))
    const us_situation *w = r->now;
    if (v.kind == V_MESSAGE) {
        if (CALLED("role")) return role_of(r, v.n);
        if (CALLED("content")) return content_of(r, v.n);
        return (value){.kind = V_NONE};
    }
    if (v.kind == V_LOOP) {
        long index = w->role == US_ROLE_SYSTEM ? 0 : w->position + (w->system && !r->skip);
        if (CALLED("index0")) return (value){.kind = V_NUMBER, .n = index};
        if (CALLED("index")) return (value){.kind = V_NUMBER, .n = index + 1};
        if (CALLED("first")) return yes_or_no(index == 0);
        if (CALLED("last")) return yes_or_no(w->last);
        return unknown;
    }
    return v.kind == V_NONE ? v : unknown;
}

static value *bound(reader *r, const char *name, size_t n) {
    for (size_t i = r->n_names; i-- > 0;)
        if (strlen(r->names[i].name) == n && !memcmp(r->names[i].name, name, n)) return &r->names[i].v;
    return NULL;
}

static bool bind(reader *r, const char *name, size_t n, value v) {
    value *old = bound(r, name, n);
    bool outer =
        old && r->in_turn && !memchr(name, '.', n) && (size_t)((char *)old - (char *)r->names) / sizeof *r->names < r->n_outer;
    if (old && !outer) return *old = v, true;
    if (r->n_names == MAX_NAMES || n >= sizeof r->names[0].name) return fail(r, "it has too many names");
    memcpy(r->names[r->n_names].name, name, n);
    r->names[r->n_names].name[n] = 0;
    r->names[r->n_names++].v = v;
    return true;
}

static value named(reader *r, const char *name, size_t n) {
    static const char bos[] = {US_MARK_BOS}, eos[] = {US_MARK_EOS};
    value *v = bound(r, name, n);
    if (v) return *v;
    if (CALLED("messages")) return (value){.kind = V_MESSAGES};
    if (CALLED("bos_token")) return text_of(r, bos, 1);
    if (CALLED("eos_token")) return text_of(r, eos, 1);
    if (CALLED("add_generation_prompt")) return yes_or_no(r->now->generation);
    if (CALLED("enable_thinking") || CALLED("false") || CALLED("False")) return yes_or_no(false);
    if (CALLED("true") || CALLED("True")) return yes_or_no(true);
    if (CALLED("loop") && r->in_turn) return (value){.kind = V_LOOP};
    return (value){.kind = V_NONE}; /* tools, documents, strftime_now, ...: not given */
}

/* ---- expressions: or, and, not, comparisons and tests, sums, filters, paths --------------------------------------- */

static value expression(reader *r, int depth);

static bool peek(const reader *r, const char *what) { return r->at < r->stop && is(r, r->at, what); }
static bool take(reader *r, const char *what) {
    if (!peek(r, what)) return false;
    r->at++;
    return true;
}
static const char *word(const reader *r, size_t *n) {
    const token *t = &r->tokens[r->at];
    *n = t->len;
    return r->s + t->at;
}

/* Behind an opening bracket: to behind its closing one. */
static void skip_brackets(reader *r) {
    int depth = 1;
    for (; r->at < r->stop && depth; r->at++) {
        if (r->tokens[r->at].kind != T_SIGN) continue;
        char c = r->s[r->tokens[r->at].at];
        depth += c == '(' || c == '[' || c == '{';
        depth -= c == ')' || c == ']' || c == '}';
    }
}

/* namespace(a=1, b=''): its names become ns.a, ns.b when it is bound. */
static value namespace_of(reader *r, const char *owner, size_t n_owner, int depth) {
    while (r->at < r->stop && !take(r, ")")) {
        char name[40];
        size_t n;
        const char *s = word(r, &n);
        if (r->tokens[r->at].kind != T_NAME || n_owner + n + 2 > sizeof name)
            return fail(r, "a namespace that is not understood"), unknown;
        memcpy(name, owner, n_owner);
        name[n_owner] = '.';
        memcpy(name + n_owner + 1, s, n);
        r->at++;
        if (!take(r, "=")) return fail(r, "a namespace that is not understood"), unknown;
        if (!bind(r, name, n_owner + 1 + n, expression(r, depth + 1))) return unknown;
        take(r, ",");
    }
    return unknown;
}

static value call(reader *r, value of, const char *name, size_t n, int depth) {
    static const char *const cases[] = {"title", "capitalize", "upper", "lower"};
    size_t b = r->at;
    if (CALLED("get") && of.kind == V_MESSAGE && r->tokens[b].kind == T_TEXT) {
        value v = attribute(r, of, words_of(r, &r->tokens[b]), r->tokens[b].len);
        return skip_brackets(r), v;
    }
    if (CALLED("startswith") || CALLED("endswith")) { /* contents have no markers */
        value arg = expression(r, depth + 1);
        bool plain = of.kind == V_TEXT && of.len == 2 && has_mark(&of) && arg.kind == V_TEXT && arg.len;
        return skip_brackets(r), plain ? yes_or_no(false) : unknown;
    }
    bool empty = peek(r, ")");
    bool breaks =
        r->tokens[b].kind == T_TEXT && r->tokens[b].len == 1 && r->texts.data[r->tokens[b].at] == '\n' && is(r, b + 1, ")");
    skip_brackets(r);
    if ((empty || breaks) && CALLED("strip")) return trimmed(r, of, true, true, breaks);
    if ((empty || breaks) && CALLED("lstrip")) return trimmed(r, of, true, false, breaks);
    if ((empty || breaks) && CALLED("rstrip")) return trimmed(r, of, false, true, breaks);
    for (size_t i = 0; i < sizeof cases / sizeof *cases && empty; i++)
        if (n == strlen(cases[i]) && !memcmp(name, cases[i], n)) return with_case(r, of, cases[i]);
    return unknown;
}

/* messages[0], messages[-1], messages[1:], message['role'] */
static value subscript(reader *r, value v) {
    const token *t = &r->tokens[r->at];
    if (t->kind == T_TEXT && v.kind != V_TEXT) {
        value a = attribute(r, v, words_of(r, t), t->len);
        return skip_brackets(r), a;
    }
    bool minus = take(r, "-"), number = r->at < r->stop && r->tokens[r->at].kind == T_NUMBER;
    long k = number ? strtol(r->s + r->tokens[r->at].at, NULL, 10) : 0;
    if (number) r->at++;
    bool slice = take(r, ":"), closed = peek(r, "]");
    skip_brackets(r);
    if (v.kind != V_MESSAGES || !closed) return unknown;
    if (slice) return number && !minus && k <= 1 ? (value){.kind = V_MESSAGES, .n = v.n + k} : unknown;
    if (minus && k == 1) return (value){.kind = V_MESSAGE, .n = LAST};
    if (!minus && k == 0 && !(v.n && r->now->system)) return (value){.kind = V_MESSAGE, .n = FIRST};
    return unknown;
}

/* Behind "strftime_now(": the day as the template writes it. */
static value date(reader *r) {
    char format[64], text[128];
    time_t now = (time_t)r->now->today;
    struct tm tm;
    const token *t = &r->tokens[r->at];
    bool fits = t->len < sizeof format && localtime_r(&now, &tm);
    if (fits) memcpy(format, words_of(r, t), t->len), format[t->len] = 0;
    size_t n = fits ? strftime(text, sizeof text, format, &tm) : 0;
    skip_brackets(r);
    return n ? text_of(r, text, n) : unknown;
}

static value primary(reader *r, int depth) {
    if (depth > MAX_DEPTH) return fail(r, "an expression that is nested too deeply"), unknown;
    if (r->at >= r->stop) return fail(r, "an expression that is not understood"), unknown;
    const token *t = &r->tokens[r->at];
    size_t n;
    if (t->kind == T_TEXT) return r->at++, text_of(r, words_of(r, t), t->len);
    if (t->kind == T_NUMBER) return r->at++, (value){.kind = V_NUMBER, .n = strtol(r->s + t->at, NULL, 10)};
    if (take(r, "(")) {
        value v = expression(r, depth + 1);
        if (!take(r, ")")) skip_brackets(r), v = unknown;
        return v;
    }
    if (take(r, "[")) {
        value v = {.kind = V_LIST, .n = (long)r->at};
        return skip_brackets(r), v;
    }
    if (take(r, "{")) return skip_brackets(r), unknown;
    if (t->kind != T_NAME) return fail(r, "an expression that is not understood"), unknown;
    const char *name = word(r, &n);
    r->at++;
    if (take(r, "(")) {
        if (CALLED("strftime_now") && r->at < r->stop && r->tokens[r->at].kind == T_TEXT) return date(r);
        if (CALLED("raise_exception")) return r->out->refused = true, skip_brackets(r), text_of(r, "", 0);
        return skip_brackets(r), unknown;
    }
    if (peek(r, ".") && r->at + 1 < r->stop) { /* ns.name */
        size_t whole = r->s + r->tokens[r->at + 1].at + r->tokens[r->at + 1].len - name;
        value *v = bound(r, name, whole);
        if (v) r->at += 2;
        if (v && r->in_turn && whole > 16 && !memcmp(name + whole - 16, "last_query_index", 16)) {
            value index = attribute(r, (value){.kind = V_LOOP}, "index0", 6); /* Qwen3: where the last question stands */
            index.n += r->now->role == US_ROLE_ASSISTANT && r->now->last ? -1 : 1;
            return index;
        }
        if (v) return *v;
    }
    return named(r, name, n);
}

static value postfix(reader *r, int depth) {
    value v = primary(r, depth);
    size_t n;
    for (;;) {
        if (take(r, "[")) v = subscript(r, v);
        else if (take(r, ".") && r->at < r->stop) {
            const char *name = word(r, &n);
            r->at++;
            v = take(r, "(") ? call(r, v, name, n, depth) : attribute(r, v, name, n);
        } else if (take(r, "|") && r->at < r->stop) {
            const char *name = word(r, &n);
            r->at++;
            bool arguments = take(r, "(");
            size_t begin = r->at;
            if (arguments) skip_brackets(r);
            if (CALLED("trim") && !arguments) v = trimmed(r, v, true, true, false);
            else if (CALLED("string") && v.kind == V_TEXT) continue;
            else if (CALLED("default") && arguments) {
                size_t behind = r->at;
                r->at = begin;
                value other = expression(r, depth + 1);
                r->at = behind;
                if (v.kind == V_NONE) v = other;
            } else if (!arguments && (CALLED("title") || CALLED("capitalize") || CALLED("upper") || CALLED("lower")))
                v = with_case(r, v,
                              CALLED("title")        ? "title"
                              : CALLED("capitalize") ? "capitalize"
                              : CALLED("upper")      ? "upper"
                                                     : "lower");
            else v = unknown;
        } else return v;
    }
}

static value sum(reader *r, int depth) {
    value v = postfix(r, depth);
    for (;;) {
        if (take(r, "%")) {
            value b = postfix(r, depth);
            v = v.kind == V_NUMBER && b.kind == V_NUMBER && b.n > 0 ? (value){.kind = V_NUMBER, .n = v.n % b.n} : unknown;
        } else if (peek(r, "+") || peek(r, "~") || peek(r, "-") || peek(r, "*") || peek(r, "/")) {
            bool plus = peek(r, "+"), tilde = peek(r, "~");
            r->at++;
            value a = v, b = postfix(r, depth);
            v = unknown;
            if (a.kind == V_TEXT && b.kind == V_TEXT && (plus || tilde)) {
                v = text_of(r, a.text, a.len);
                if (text_of(r, b.text, b.len).kind == V_TEXT) v.len += b.len;
                else v = unknown;
            } else if (plus && a.kind == V_NUMBER && b.kind == V_NUMBER) v = (value){.kind = V_NUMBER, .n = a.n + b.n};
        } else return v;
    }
}

/* 1, 0, or -1: contents equal no string of the template's. */
static int equal(const value *a, const value *b) {
    if (a->kind == V_UNKNOWN || b->kind == V_UNKNOWN) return -1;
    if (a->kind != b->kind) return 0;
    if (a->kind == V_TEXT) {
        if (has_mark(a) || has_mark(b)) return has_mark(a) && has_mark(b) ? -1 : 0;
        return a->len == b->len && !memcmp(a->text, b->text, a->len);
    }
    if (a->kind == V_MESSAGE) return a->n == b->n ? 1 : -1;
    return a->kind == V_NONE || a->kind == V_BOOL || a->kind == V_NUMBER ? a->n == b->n : -1;
}

static int among(reader *r, const value *v, const value *list, int depth) {
    size_t at = r->at;
    int found = 0;
    if (list->kind == V_TEXT) { /* contents have no markers */
        if (v->kind != V_TEXT || !v->len || has_mark(v)) return -1;
        for (size_t i = 0; i + v->len <= list->len; i++)
            if (!memcmp(list->text + i, v->text, v->len)) return 1;
        return 0;
    }
    if (list->kind == V_MESSAGE || list->kind == V_NONE) return 0; /* 'tool_calls' in message */
    if (list->kind != V_LIST) return -1;
    r->at = (size_t)list->n;
    while (r->at < r->stop && !peek(r, "]") && found <= 0 && !r->why) {
        value x = expression(r, depth + 1);
        int same = equal(v, &x);
        found = same == 1 ? 1 : same < 0 ? -1 : found;
        if (!take(r, ",")) break;
    }
    r->at = at;
    return found;
}

static value answer(int t) { return t < 0 ? unknown : yes_or_no(t); }

static int tested(reader *r, const value *v) {
    size_t n;
    const char *name = word(r, &n);
    r->at++;
    if (CALLED("defined")) return v->kind == V_UNKNOWN ? -1 : v->kind != V_NONE;
    if (CALLED("undefined") || CALLED("none") || CALLED("None")) return v->kind == V_UNKNOWN ? -1 : v->kind == V_NONE;
    if (v->kind == V_UNKNOWN) return -1;
    if (CALLED("string")) return v->kind == V_TEXT;
    if (CALLED("mapping")) return v->kind == V_MESSAGE;
    if (CALLED("sequence") || CALLED("iterable")) return v->kind == V_TEXT || v->kind == V_MESSAGES;
    if (CALLED("true")) return v->kind == V_BOOL && v->n;
    if (CALLED("false")) return v->kind == V_BOOL && !v->n;
    return -1;
}

static value comparison(reader *r, int depth) {
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
    if (depth > MAX_DEPTH) return fail(r, "an expression that is nested too deeply"), unknown;
    if (take(r, "not")) {
        value v = comparison(r, depth + 1);
        int t = truth(&v);
        return answer(t < 0 ? t : !t);
    }
    value v = sum(r, depth);
    for (;;) {
        size_t k = 0;
        while (k < 6 && !peek(r, signs[k])) k++;
        if (k < 6) {
            r->at++;
            value b = sum(r, depth);
            int same = equal(&v, &b);
            bool numbers = v.kind == V_NUMBER && b.kind == V_NUMBER;
            if (k < 2) v = answer(same < 0 ? -1 : same == (k == 0));
            else v = answer(!numbers ? -1 : k == 2 ? v.n <= b.n : k == 3 ? v.n >= b.n : k == 4 ? v.n < b.n : v.n > b.n);
        } else if (take(r, "is") && r->at < r->stop) {
            bool no = take(r, "not");
            int t = r->at < r->stop ? tested(r, &v) : -1;
            v = answer(t < 0 ? t : t != no);
        } else if (peek(r, "in") || (peek(r, "not") && is(r, r->at + 1, "in"))) {
            bool no = take(r, "not");
            r->at++;
            value list = sum(r, depth);
            int t = among(r, &v, &list, depth);
            v = answer(t < 0 ? t : t != no);
        } else return v;
    }
}

static value conjunction(reader *r, int depth) {
    value v = comparison(r, depth);
    while (take(r, "and")) {
        value b = comparison(r, depth);
        int x = truth(&v), y = truth(&b);
        v = x == 0 ? v : x == 1 ? b : y == 0 ? b : unknown;
    }
    return v;
}

static value disjunction(reader *r, int depth) {
    value v = conjunction(r, depth);
    while (take(r, "or")) {
        value b = conjunction(r, depth);
        int x = truth(&v), y = truth(&b);
        v = x == 1 ? v : x == 0 ? b : y == 1 ? yes_or_no(true) : unknown;
    }
    return v;
}

static value expression(reader *r, int depth) {
    if (r->why || ++r->steps > MAX_STEPS) return fail(r, "it is too long"), unknown;
    value v = disjunction(r, depth);
    if (!take(r, "if")) return v;
    value c = disjunction(r, depth), other = {.kind = V_TEXT, .text = "", .len = 0};
    if (take(r, "else")) other = expression(r, depth + 1);
    int t = truth(&c);
    return t < 0 ? unknown : t ? v : other;
}

static value whole(reader *r, size_t first, size_t stop) {
    r->at = first;
    r->stop = stop;
    value v = expression(r, 0);
    return r->at == stop ? v : unknown;
}

/* ---- the walk ------------------------------------------------------------------------------------------------ */

static bool walk(reader *r, size_t b, size_t e, int depth);

static bool raises(const reader *r, const node *n) { return n->kind == N_OUTPUT && n->n && is(r, n->first, "raise_exception"); }

static bool blank(const reader *r, const node *n) {
    for (size_t i = 0; i < n->len; i++)
        if (!isspace((unsigned char)r->s[n->at + i])) return false;
    return true;
}

/* Nodes [b, e) put something out (but for errors that they raise); with `sets`, or give a name a value. */
static bool matters(const reader *r, size_t b, size_t e, bool sets) {
    for (size_t i = b; i < e; i++) {
        const node *n = &r->nodes[i];
        if (n->kind == N_OUTPUT && !raises(r, n)) return true;
        if (n->kind == N_TEXT && !blank(r, n)) return true;
        if (sets && begins(r, n, "set")) return true;
    }
    return false;
}

static bool put_out(reader *r, const char *s, size_t n) {
    if (us_buf_append(r->to, s, n, NULL)) return fail(r, "it is too long");
    return true;
}

static bool output(reader *r, const node *n) {
    bool refused = r->out->refused;
    value v = whole(r, n->first, n->first + n->n);
    if (r->why) return false;
    if (r->out->refused && !refused) return true;
    if (v.kind == V_NONE) return true;
    return v.kind == V_TEXT ? put_out(r, v.text, v.len) : fail(r, "an output that is not understood");
}

static bool set(reader *r, const node *n) {
    size_t t = n->first + 1, name = t, stop = n->first + n->n;
    if (t >= stop || r->tokens[t].kind != T_NAME) return fail(r, "a set that is not understood");
    size_t end = r->tokens[t].at + r->tokens[t].len;
    if (is(r, t + 1, ".")) t += 2, end = r->tokens[t].at + r->tokens[t].len;
    if (!is(r, ++t, "=") || t >= stop) return fail(r, "a set that is not understood");
    const char *s = r->s + r->tokens[name].at;
    size_t len = end - r->tokens[name].at;
    if (is(r, t + 1, "namespace") && is(r, t + 2, "(")) {
        r->at = t + 3;
        r->stop = stop;
        namespace_of(r, s, len, 0);
        return !r->why;
    }
    value v = whole(r, t + 1, stop);
    return !r->why && bind(r, s, len, v);
}

static bool set_unknown(reader *r, const node *n) {
    for (size_t k = 0; k < r->n_names; k++) {
        size_t len = strlen(r->names[k].name), at = r->tokens[n->first + 1].at;
        if (at + len <= r->n && !memcmp(r->s + at, r->names[k].name, len) && !isalnum((unsigned char)r->s[at + len]) &&
            r->s[at + len] != '_')
            r->names[k].v = unknown;
    }
    return true;
}

/* The sides of an if: the first whose condition holds. One that cannot be told matters only if its text does. */
static bool choose(reader *r, size_t i, int depth) {
    size_t end = r->nodes[i].end;
    for (size_t side = i; side != end; side = r->nodes[side].next) {
        const node *n = &r->nodes[side];
        size_t b = side + 1, e = n->next;
        bool last = begins(r, n, "else");
        value v = last ? yes_or_no(true) : whole(r, n->first + 1, n->first + n->n);
        int t = truth(&v);
        if (r->why) return false;
        if (t == 1) return walk(r, b, e, depth + 1);
        if (t < 0 && matters(r, b, e, true)) return fail(r, "a condition that is not understood");
    }
    return true;
}

static bool same_value(const value *a, const value *b) {
    return a->kind == b->kind && a->n == b->n && a->len == b->len && (a->kind != V_TEXT || !memcmp(a->text, b->text, a->len));
}

/* The body of a loop, read for one message. */
static bool turn(reader *r, size_t i, const us_situation *now, int depth) {
    const us_situation *outer = r->now;
    const token *name = &r->tokens[r->nodes[i].first + 1];
    size_t names = r->n_outer = r->n_names;
    r->now = now;
    r->in_turn = true;
    bool ok = bind(r, r->s + name->at, name->len, (value){.kind = V_MESSAGE, .n = THIS}) &&
              walk(r, i + 1, r->nodes[i].end, depth + 1);
    r->in_turn = false;
    r->now = outer;
    r->n_names = names;
    return ok;
}

/* A loop that only looks: what it finds out about the system message counts, what other messages change is not known. */
static bool look(reader *r, size_t i, bool with_system, int depth) {
    us_situation now = {.role = US_ROLE_SYSTEM, .system = r->now->system, .generation = r->now->generation};
    value before[MAX_NAMES];
    bool ok = true;
    r->quiet = true;
    for (int role = with_system ? US_ROLE_SYSTEM : US_ROLE_USER; role < US_N_ROLES && ok; role++) {
        for (size_t k = 0; k < r->n_names; k++) before[k] = r->names[k].v;
        now.role = (us_role)role;
        now.position = role == US_ROLE_ASSISTANT;
        ok = turn(r, i, &now, depth);
        r->out->refused = false;
        for (size_t k = 0; k < r->n_names && role != US_ROLE_SYSTEM; k++)
            if (!same_value(&before[k], &r->names[k].v)) r->names[k].v = unknown;
    }
    r->quiet = false;
    return ok;
}

/* The loop over the messages is read once; loops over what is not given are not read. */
static bool loop(reader *r, size_t i, int depth) {
    const node *n = &r->nodes[i];
    size_t at = n->first + 1;
    bool quiet = !matters(r, i + 1, n->end, false);
    value v = n->n >= 4 && r->tokens[at].kind == T_NAME && is(r, at + 1, "in") ? whole(r, at + 2, n->first + n->n) : unknown;
    if (r->why || v.kind == V_NONE) return !r->why;
    if (v.kind != V_MESSAGES || v.n > 1 || (v.n && !r->now->system) || r->in_turn) {
        for (size_t k = i + 1; k < n->end && quiet; k++) { /* whatever it sets is not known */
            const node *s = &r->nodes[k];
            if (begins(r, s, "set") && (!set(r, s) || !set_unknown(r, s))) return false;
        }
        return quiet || fail(r, "a loop that is not understood");
    }
    if (quiet) return look(r, i, r->now->system && !v.n, depth);
    if (r->seen_turns) return fail(r, "two loops over the messages");
    r->skip = (int)v.n;
    r->to = &r->out->turn;
    bool ok = (r->now->role == US_ROLE_SYSTEM && v.n) || turn(r, i, r->now, depth);
    r->to = &r->out->after;
    r->seen_turns = true;
    return ok;
}

static bool walk(reader *r, size_t b, size_t e, int depth) {
    if (depth > MAX_DEPTH) return fail(r, "it is nested too deeply");
    for (size_t i = b; i < e && !r->out->refused; i++) {
        const node *n = &r->nodes[i];
        bool ok = true;
        if (n->kind == N_TEXT) ok = r->quiet || put_out(r, r->s + n->at, n->len);
        else if (n->kind == N_OUTPUT)
            ok = r->quiet && !raises(r, n) ? fail(r, "an output that is not understood") : output(r, n);
        else if (begins(r, n, "if")) ok = choose(r, i, depth), i = n->end;
        else if (begins(r, n, "for")) ok = loop(r, i, depth), i = r->nodes[i].end;
        else if (begins(r, n, "macro")) i = n->end;
        else if (begins(r, n, "set")) ok = set(r, n);
        else if (!begins(r, n, "generation") && !begins(r, n, "endgeneration"))
            ok = fail(r, "a statement that is not understood");
        if (!ok) return false;
    }
    return true;
}

void us_written_init(us_written *w) {
    *w = (us_written){.refused = false};
    us_buf_init(&w->before, MAX_TEXT);
    us_buf_init(&w->turn, MAX_TEXT);
    us_buf_init(&w->after, MAX_TEXT);
}

void us_written_fini(us_written *w) {
    us_buf_fini(&w->before);
    us_buf_fini(&w->turn);
    us_buf_fini(&w->after);
}

us_status us_jinja_read(const char *jinja, size_t n, const us_situation *s, us_written *out, us_error *err) {
    unsigned failures = us_memory_failures();
    reader r = {.s = jinja, .n = n, .now = s, .out = out, .to = &out->before};
    us_buf_init(&r.texts, MAX_TEMPLATE);
    if (n > MAX_TEMPLATE || memchr(jinja, 0, n)) fail(&r, "it is too long, or has a NUL in it");
    for (size_t i = 0; i < n && !r.why; i++)
        if (is_mark(jinja[i])) fail(&r, "it has control characters in it");
    if (!r.why && us_alloc(MAX_TEMPLATE, 1, &r.arena, NULL)) fail(&r, "out of memory");
    if (!r.why && cut(&r) && match(&r)) walk(&r, 0, r.n_nodes, 0);
    if (!r.why && !r.seen_turns && !out->refused) fail(&r, "no loop over the messages");
    free(r.tokens);
    free(r.nodes);
    free(r.arena);
    us_buf_fini(&r.texts);
    if (r.why && us_memory_failures() != failures) return us_fail(err, US_ERR_MEMORY, "out of memory: a chat template is read");
    return r.why ? us_fail(err, US_ERR_UNSUPPORTED, "the chat template is not one of the known ones (%s)", r.why) : US_OK;
}
