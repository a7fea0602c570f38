/* corpus/json_walk.h - what the files that read JSON share: a walk over the text that keeps no tree.
 *
 * A value is a piece of the document, an object's members are listed when it is entered, and only the strings of a record are decoded.
 * json_values.c has the values, json_sets.c data sets and exports that have shapes of their own, read_json.c the walk and what makes an
 * object a record. */
#ifndef US_CORPUS_JSON_WALK_H
#define US_CORPUS_JSON_WALK_H
#include "corpus/shape.h"
#include <string.h>

#define US_JSON_MAX_DEPTH 64
#define US_JSON_MAX_MEMBERS 100000 /* of one object */

typedef struct us_json_member {
    us_span_str key, value; /* key: between the quotes, not decoded */
} us_json_member;

/* What the enclosing objects say. */
typedef struct us_json_place {
    char season[64], episode[160], scene[160], bot[80];
    uint32_t list; /* number of the list, 0: none */
    int depth;
    bool element; /* of a list, at once */
    bool talk;    /* under a key that means a dialogue */
    bool thread;  /* a list of replies: no scene of its own */
} us_json_place;

typedef struct us_json_walk {
    us_rows *r;
    us_doc *d;
    const char *end, *counted; /* lines are counted up to here */
    uint32_t line, n_lists;
    us_buf speaker, text, other;
    char keys[300];   /* of the first object, for the error */
    us_buf last_keys; /* of the last object, and which of them are columns: records are alike */
    us_columns last_at;
    const char *broken;                  /* where a value went wrong */
    const char *limit;                   /* of which bound there was more, in words: JSON it may be; NULL: of none */
    const char *unclosed, *unclosed_end; /* between these no remark is closed; NULL: nothing is known */
    bool messenger, newest_first;        /* an export of Messenger or Instagram; turned round */
    bool rejected, in_turn;              /* answers that were rejected are left out; nobody is named: A and B speak in turn */
    bool shown;                          /* what stood twice, as it was said and as it was shown, is read once */
    uint64_t nameless;                   /* texts beside which nobody is named */
    uint64_t branches;                   /* messages beside the way that a chat shows */
    uint64_t beside, hidden; /* the other of two conversations or answers; messages that are hidden, or of the program */
} us_json_walk;

/* ---- values (json_values.c) ---------------------------------------------------------------------------------------- */

static inline us_span_str us_json_inner(us_span_str string) { return (us_span_str){string.s + 1, string.n - 2}; }
static inline bool us_json_is_string(us_span_str v) { return v.n >= 2 && *v.s == '"'; }
static inline bool us_json_is_scalar(us_span_str v) { return v.n && *v.s != '{' && *v.s != '['; }
static inline bool us_json_is_null(us_span_str v) { return !v.n || *v.s == 'n' || *v.s == 'N' || *v.s == 't' || *v.s == 'f'; }
static inline bool us_json_is_key(const us_json_member *m, const char *key) {
    return m->key.n == strlen(key) && !memcmp(m->key.s, key, m->key.n);
}
static inline us_span_str us_json_held(const us_buf *b) { return (us_span_str){b->data ? b->data : "", b->len}; }

const char *us_json_blanks(const char *p, const char *end);
/* Blanks and remarks. */
const char *us_json_gap(us_json_walk *w, const char *p, const char *end);
const char *us_json_skip_string(const char *p, const char *end);
/* The end of the value at p; NULL when it is cut off or broken. */
const char *us_json_skip(us_json_walk *w, const char *p, const char *end);
/* The members of an object; false when it is broken. *out is free()d by the caller. */
bool us_json_members(us_json_walk *w, us_span_str object, us_json_member **out, size_t *n, us_error *err);
/* The next element of a list: *p stands behind '[' or an element; false at the end. */
bool us_json_next(us_json_walk *w, const char **p, const char *end, us_span_str *out);
/* Appends what stands between the quotes of a string. */
us_status us_json_decode(us_span_str s, us_buf *out, us_error *err);
/* The line of the file in which p stands. */
uint32_t us_json_line_of(us_json_walk *w, const char *p);
/* The member that is called so, without regard to case; NULL: none. */
us_json_member *us_json_find(us_json_member *m, size_t n, const char *key);
/* A piece of a message that has no words. */
bool us_json_is_mute(us_json_walk *w, us_span_str v);
/* Appends the text of a value: a string, a number, a list of pieces, an object with a name. */
us_status us_json_put(us_json_walk *w, us_span_str v, const char *between, us_buf *out, int depth);

/* ---- data sets and exports (json_sets.c): each says in *done whether the object is of its kind -------------------------- */

us_status us_json_say(us_json_walk *w, const char *at, const us_json_place *pl, us_span_str speaker, us_span_str text);
us_status us_json_say_list(us_json_walk *w, us_span_str list, const us_json_place *pl, size_t *k);
us_status us_json_side(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, const us_columns *at, us_json_place pl,
                       bool *done);
us_status us_json_candidate(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, us_json_place pl, bool *done);
us_status us_json_halves(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, us_json_place pl, bool *done);
us_status us_json_labelled(us_json_walk *w, us_span_str object, us_span_str text, us_json_place pl, bool *done);
us_status us_json_log(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done);
/* The other answer to the same words, "response_b" where `one` is "response_a"; NULL: there is none. */
us_json_member *us_json_other(us_json_member *m, size_t n, const us_json_member *one);
/* Of these two the one that "winner" names, else the first by its letter or number. */
us_json_member *us_json_better(us_json_member *m, size_t n, us_json_member *one, us_json_member *other);
us_status us_json_answer(us_json_walk *w, us_json_member *m, size_t n, const us_columns *at, us_json_place pl, bool *done);
us_status us_json_pairs(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done);
us_status us_json_unnamed(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done);
#endif
