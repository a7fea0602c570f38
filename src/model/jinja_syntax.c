/* A template's text, cut into nodes: text, {{ output }}, {% statement %}, each with its tokens. */
#include "model/jinja_parts.h"
#include "base/mem.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NODES 20000

static bool fail(us_jinja_source *r, const char *why) {
    if (!r->why) r->why = why;
    return false;
}

static bool add_token(us_jinja_source *r, us_jinja_token_kind kind, size_t at, size_t len) {
    if (us_grow(&r->tokens, &r->cap_tokens, r->n_tokens + 1, sizeof *r->tokens, NULL)) return fail(r, "out of memory");
    r->tokens[r->n_tokens++] = (us_jinja_token){kind, at, len};
    return true;
}

static bool add_string(us_jinja_source *r, size_t from, size_t end) {
    size_t at = r->texts.len;
    for (size_t i = from; i < end; i++) {
        char c = r->s[i];
        if (c == '\\' && i + 1 < end) {
            c = r->s[++i];
            if (c == 'x' || c == 'u' || c == 'U' || isdigit((unsigned char)c)) return fail(r, "a string with a numeric escape");
            if (c == '\n') continue; /* a text that goes on in the next line */
            if (c == 'a' || c == 'b' || c == 'N') return fail(r, "a string with an escape that is not understood");
            bool known = strchr("ntrfv\\'\"", c) != NULL;
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'f' ? '\f' : c == 'v' ? '\v' : c;
            if (!known && us_buf_append(&r->texts, "\\", 1, NULL)) return fail(r, "it is too long"); /* as Python does */
        }
        if (us_buf_append(&r->texts, &c, 1, NULL)) return fail(r, "it is too long");
    }
    return add_token(r, US_JT_TEXT, at, r->texts.len - at);
}

/* What a closing sign says about the text behind it. */
typedef enum closing { AS_SET, CUTS, KEEPS } closing;

/* The tokens of an expression that begins at i, until its closing sign; *end is behind that. A sign inside brackets closes none. */
static bool lex(us_jinja_source *r, size_t i, const char *close, size_t *end, closing *how) {
    for (int depth = 0; i < r->n;) {
        char c = r->s[i];
        size_t b = i;
        if (isspace((unsigned char)c)) {
            i++;
            continue;
        }
        bool marked = !depth && (c == '-' || c == '+') && i + 2 < r->n && !memcmp(r->s + i + 1, close, 2);
        *how = !marked ? AS_SET : c == '-' ? CUTS : KEEPS;
        if (marked || (!depth && i + 1 < r->n && !memcmp(r->s + i, close, 2))) return *end = i + (marked ? 3 : 2), true;
        if (c == '\'' || c == '"') {
            for (i++; i < r->n && r->s[i] != c; i++) i += r->s[i] == '\\';
            if (i >= r->n) return fail(r, "a string without an end");
            if (!add_string(r, b + 1, i++)) return false;
        } else if (isalpha((unsigned char)c) || c == '_') {
            while (i < r->n && (isalnum((unsigned char)r->s[i]) || r->s[i] == '_')) i++;
            if (!add_token(r, US_JT_NAME, b, i - b)) return false;
        } else if (isdigit((unsigned char)c)) {
            while (i < r->n && isdigit((unsigned char)r->s[i])) i++;
            if (i + 1 < r->n && r->s[i] == '.' && isdigit((unsigned char)r->s[i + 1]))
                for (i++; i < r->n && isdigit((unsigned char)r->s[i]);) i++;
            if (!add_token(r, US_JT_NUMBER, b, i - b)) return false;
        } else {
            bool two = i + 1 < r->n && r->s[i + 1] == '=' && strchr("=!<>", c);
            depth += !!strchr("([{", c) - (depth && strchr(")]}", c));
            i += two ? 2 : 1;
            if (!add_token(r, US_JT_SIGN, b, i - b)) return false;
        }
    }
    return fail(r, "a block without an end");
}

bool us_jinja_is(const us_jinja_source *r, size_t t, const char *what) {
    return t < r->n_tokens && r->tokens[t].kind != US_JT_TEXT && r->tokens[t].len == strlen(what) &&
           !memcmp(r->s + r->tokens[t].at, what, r->tokens[t].len);
}

/* A statement's first word, or none. */
bool us_jinja_begins(const us_jinja_source *r, const us_jinja_node *n, const char *word) {
    return n->kind == US_JN_STATEMENT && n->n && us_jinja_is(r, n->first, word);
}

/* Text between blocks, as HF's settings have it: trim_blocks and lstrip_blocks, and the minus signs. */
static bool add_text(us_jinja_source *r, size_t b, size_t e, bool after_block, bool cut_before, bool next_is_block,
                     bool cut_after) {
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
    r->nodes[r->n_nodes++] = (us_jinja_node){.kind = US_JN_TEXT, .at = b, .len = e - b};
    return true;
}

static bool cut(us_jinja_source *r) {
    size_t i = 0, n = r->n;
    bool after_block = false, cut_before = false;
    if (n && r->s[n - 1] == '\n') n--; /* Jinja drops one line break at the end */
    while (i < n) {
        size_t b = i;
        while (i + 1 < n && !(r->s[i] == '{' && strchr("{%#", r->s[i + 1]))) i++;
        if (i + 1 >= n) return add_text(r, b, n, after_block, cut_before, false, false);
        char kind = r->s[i + 1];
        bool minus = i + 2 < n && r->s[i + 2] == '-', plus = i + 2 < n && r->s[i + 2] == '+';
        closing how = AS_SET;
        if (!add_text(r, b, i, after_block, cut_before, kind != '{' && !plus, minus)) return false;
        i += minus || plus ? 3 : 2;
        if (kind == '#') {
            while (i + 1 < n && memcmp(r->s + i, "#}", 2)) i++;
            how = i < n && i && r->s[i - 1] == '-' ? CUTS : AS_SET;
            i += 2;
        } else {
            size_t first = r->n_tokens;
            if (!lex(r, i, kind == '{' ? "}}" : "%}", &i, &how)) return false;
            if (r->n_nodes >= MAX_NODES || us_grow(&r->nodes, &r->cap_nodes, r->n_nodes + 1, sizeof *r->nodes, NULL))
                return fail(r, "it is too long");
            r->nodes[r->n_nodes++] =
                (us_jinja_node){.kind = kind == '{' ? US_JN_OUTPUT : US_JN_STATEMENT, .first = first, .n = r->n_tokens - first};
        }
        after_block = kind != '{' && how != KEEPS;
        cut_before = how == CUTS;
    }
    return true;
}

/* A set without a sign: what stands until its end is the value. */
static bool is_block_set(const us_jinja_source *r, const us_jinja_node *n) {
    if (!us_jinja_begins(r, n, "set")) return false;
    for (size_t t = n->first; t < n->first + n->n; t++)
        if (us_jinja_is(r, t, "=")) return false;
    return n->n == 2;
}

static bool opens(const us_jinja_source *r, const us_jinja_node *n) {
    return us_jinja_begins(r, n, "if") || us_jinja_begins(r, n, "for") || us_jinja_begins(r, n, "macro") || is_block_set(r, n);
}

static bool closes(const us_jinja_source *r, const us_jinja_node *n) {
    return us_jinja_begins(r, n, "endif") || us_jinja_begins(r, n, "endfor") || us_jinja_begins(r, n, "endmacro") ||
           us_jinja_begins(r, n, "endset");
}

/* Each if, elif, else and for learns where the next side begins and where all of it ends. */
static bool match(us_jinja_source *r) {
    size_t open[US_JINJA_DEPTH], last[US_JINJA_DEPTH], depth = 0;
    for (size_t i = 0; i < r->n_nodes; i++) {
        us_jinja_node *n = &r->nodes[i];
        if (opens(r, n)) {
            if (depth == US_JINJA_DEPTH) return fail(r, "it is nested too deeply");
            open[depth] = last[depth] = i;
            depth++;
        } else if (us_jinja_begins(r, n, "elif") || us_jinja_begins(r, n, "else")) {
            if (!depth) return fail(r, "an else without an if");
            r->nodes[last[depth - 1]].next = i;
            last[depth - 1] = i;
        } else if (closes(r, n)) {
            if (!depth) return fail(r, "an end without a beginning");
            depth--;
            r->nodes[last[depth]].next = i;
            r->nodes[open[depth]].end = i;
        }
    }
    return depth ? fail(r, "a block without an end") : true;
}

/* Line breaks of any kind are \n for Jinja. */
static bool one_kind_of_breaks(us_jinja_source *r, const char *s, size_t n) {
    if (us_alloc(n + 1, 1, &r->s, NULL)) return fail(r, "out of memory");
    for (size_t i = 0; i < n; i++)
        if (s[i] != '\r') r->s[r->n++] = s[i];
        else if (i + 1 == n || s[i + 1] != '\n') r->s[r->n++] = '\n';
    return true;
}

bool us_jinja_cut(us_jinja_source *r, const char *s, size_t n) {
    us_buf_init(&r->texts, US_JINJA_TEXT);
    if (n > US_JINJA_TEXT || memchr(s, 0, n)) return fail(r, "it is too long, or has a NUL in it");
    for (size_t i = 0; i < n; i++)
        if (s[i] >= US_JINJA_CONTENT && s[i] <= US_JINJA_EOS) return fail(r, "it has control characters in it");
    return one_kind_of_breaks(r, s, n) && cut(r) && match(r);
}

void us_jinja_source_fini(us_jinja_source *r) {
    free(r->s);
    free(r->tokens);
    free(r->nodes);
    us_buf_fini(&r->texts);
}
