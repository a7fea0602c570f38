/* model/jinja_parts.h - what the parts of the template reader share: its text cut into blocks (jinja_syntax.c), values and what
 * filters, tests and methods make of them (jinja_values.c), expressions and statements (jinja.c). */
#ifndef US_MODEL_JINJA_PARTS_H
#define US_MODEL_JINJA_PARTS_H
#include "base/buf.h"

#define US_JINJA_TEXT (1u << 20)   /* bytes of a template */
#define US_JINJA_MEMORY (4u << 20) /* bytes of all values */
#define US_JINJA_DEPTH 40

/* A message's text inside a value: CONTENT, flags ('0' + 1 blanks before it go, + 2 behind it, + 4 only line breaks do), and
 * the message's number + '0', or PART for some of a message. Length and letters are not known; it is not empty, and has no
 * markers in it. */
enum { US_JINJA_CONTENT = 1, US_JINJA_BOS = 3, US_JINJA_EOS = 4, US_JINJA_MARK_BYTES = 3, US_JINJA_PART = '?' };

typedef enum us_jinja_token_kind { US_JT_END, US_JT_NAME, US_JT_TEXT, US_JT_NUMBER, US_JT_SIGN } us_jinja_token_kind;
typedef struct us_jinja_token {
    us_jinja_token_kind kind;
    size_t at, len; /* NAME, NUMBER, SIGN: in the source; TEXT: in `texts`, unescaped */
} us_jinja_token;

typedef enum us_jinja_node_kind { US_JN_TEXT, US_JN_OUTPUT, US_JN_STATEMENT } us_jinja_node_kind;
typedef struct us_jinja_node {
    us_jinja_node_kind kind;
    size_t at, len;   /* TEXT: in the source */
    size_t first, n;  /* tokens of the others */
    size_t next, end; /* if, for: the next side; where all of it ends */
} us_jinja_node;

typedef struct us_jinja_source {
    char *s; /* line breaks are \n */
    size_t n;
    us_jinja_token *tokens;
    us_jinja_node *nodes;
    size_t n_tokens, cap_tokens, n_nodes, cap_nodes;
    us_buf texts;    /* strings of the template */
    const char *why; /* the first thing that was not understood */
} us_jinja_source;
/* Cuts a text into nodes and tokens, into a zeroed src; false with `why` set. fini in any case. */
bool us_jinja_cut(us_jinja_source *src, const char *s, size_t n);
void us_jinja_source_fini(us_jinja_source *src);
/* Token t is this name or sign. */
bool us_jinja_is(const us_jinja_source *src, size_t t, const char *what);
/* A statement's first word. */
bool us_jinja_begins(const us_jinja_source *src, const us_jinja_node *n, const char *word);

typedef enum us_jinja_kind {
    US_J_UNDEFINED,
    US_J_NONE,
    US_J_UNKNOWN, /* cannot be told: it depends on what people write. n 1: but it is true; -1: but it is false */
    US_J_BOOL,
    US_J_NUMBER,
    US_J_SOME, /* a number above 0: the length of what people write */
    US_J_TEXT,
    US_J_LIST,
    US_J_DICT,
    US_J_MACRO
} us_jinja_kind;
typedef struct us_jinja_list us_jinja_list;
typedef struct us_jinja_value {
    us_jinja_kind kind;
    long n;           /* BOOL, NUMBER; MACRO: its node */
    const char *text; /* TEXT */
    size_t len;
    us_jinja_list *list; /* LIST: items; DICT: keys and values in turn. Shared by those who hold it */
} us_jinja_value;
struct us_jinja_list {
    us_jinja_value *items;
    size_t n, cap;
};

/* Where values live, all at once, until the end; what went wrong. */
typedef struct us_jinja_arena {
    char *data;
    size_t used;
    const char *why;
} us_jinja_arena;

us_jinja_value us_jinja_unknown(void);
us_jinja_value us_jinja_one_that_is(bool truth); /* unknown but for its truth */
us_jinja_value us_jinja_bool(bool b);
us_jinja_value us_jinja_number(long n);
us_jinja_value us_jinja_text(us_jinja_arena *a, const char *s, size_t n);
us_jinja_value us_jinja_list_new(us_jinja_arena *a, us_jinja_kind kind);
void us_jinja_push(us_jinja_arena *a, us_jinja_list *list, us_jinja_value v);
/* NULL: the dict has no such key. */
us_jinja_value *us_jinja_find(us_jinja_value dict, const char *key, size_t n);
void us_jinja_put(us_jinja_arena *a, us_jinja_value dict, const char *key, size_t n, us_jinja_value v);
/* False: no key of this kind is understood. */
bool us_jinja_put_at(us_jinja_arena *a, us_jinja_value dict, us_jinja_value key, us_jinja_value v);

bool us_jinja_has_content(us_jinja_value v);
/* 1, 0, or -1 when it cannot be told. */
int us_jinja_truth(us_jinja_value v);
int us_jinja_equal(us_jinja_value a, us_jinja_value b);
int us_jinja_in(us_jinja_value v, us_jinja_value of);
/* The named test of v, with its argument or UNDEFINED. */
int us_jinja_test(const char *name, size_t n, us_jinja_value v, us_jinja_value arg);
us_jinja_value us_jinja_concat(us_jinja_arena *a, us_jinja_value x, us_jinja_value y);
/* v[k], v.k; v[from:to:step], where UNDEFINED stands for one that is not given. */
us_jinja_value us_jinja_item(us_jinja_arena *a, us_jinja_value v, us_jinja_value k);
us_jinja_value us_jinja_slice(us_jinja_arena *a, us_jinja_value v, const us_jinja_value bounds[3]);
/* What an output writes, or UNKNOWN. */
us_jinja_value us_jinja_shown(us_jinja_arena *a, us_jinja_value v);

/* Arguments of a call, in order; the names of those that have one. */
typedef struct us_jinja_args {
    us_jinja_value v[8];
    const char *name[8];
    size_t len[8], n;
} us_jinja_args;
/* The argument called `name`, else the one at `at` that has no name, else UNDEFINED. */
us_jinja_value us_jinja_arg(const us_jinja_args *args, size_t at, const char *name);
us_jinja_value us_jinja_filter(us_jinja_arena *a, const char *name, size_t n, us_jinja_value v, const us_jinja_args *args);
us_jinja_value us_jinja_method(us_jinja_arena *a, const char *name, size_t n, us_jinja_value v, const us_jinja_args *args);
#endif
