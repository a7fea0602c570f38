/* model/jinja.h - reads what a chat template written in Jinja puts around messages. */
#ifndef US_MODEL_JINJA_H
#define US_MODEL_JINJA_H
#include "base/buf.h"

/* What one kind of message is, or the kind of conversation around it. */
typedef enum us_role { US_ROLE_SYSTEM, US_ROLE_USER, US_ROLE_ASSISTANT, US_N_ROLES } us_role;

/* Marks in what is written: a byte of these, after CONTENT and SYSTEM one more, '0' plus 1 when blanks before the text go,
 * plus 2 when blanks after it go, plus 4 when only line breaks do. Other bytes stand for themselves; a template whose own
 * text has such bytes is not read. */
enum { US_MARK_CONTENT = 1, US_MARK_SYSTEM, US_MARK_BOS, US_MARK_EOS };

typedef struct us_situation {
    us_role role;        /* whose turn is asked for */
    int position;        /* its place among the messages without the system message */
    bool last, system;   /* it is the last; there is a system message */
    bool generation;     /* a reply is asked for */
    bool before, behind; /* the turn before it, the one behind it, is of the same role */
    int64_t today;       /* seconds since 1970, for templates that print the date without asking whether they can */
} us_situation;

/* What stands before the turns, for that turn, and after the turns. */
typedef struct us_written {
    us_buf before, turn, after;
    bool refused; /* the template raises an error there */
    bool lost;    /* it leaves the turn's text out */
} us_written;
void us_written_init(us_written *w);
void us_written_fini(us_written *w);

/* Reads the template for one situation: a made-up conversation goes through it, in which texts are marks. UNSUPPORTED, in
 * words, when what comes out cannot be told for certain. */
US_MUST_USE us_status us_jinja_read(const char *jinja, size_t n, const us_situation *s, us_written *out, us_error *err);

/* What the template makes of a whole conversation, appended to *out: where message i's text goes there are US_MARK_CONTENT, the
 * flags and the byte '0' + i. `texts` (may be NULL) has a message's text instead of a mark,
 * or NULL, for each. */
US_MUST_USE us_status us_jinja_render(const char *jinja, size_t n, const us_role *roles, size_t n_roles,
                                      const char *const *texts, bool generation, int64_t today, us_buf *out, bool *refused,
                                      us_error *err);
#endif
