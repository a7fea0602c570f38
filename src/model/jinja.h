/* model/jinja.h - reads what a chat template written in Jinja puts around messages. */
#ifndef US_MODEL_JINJA_H
#define US_MODEL_JINJA_H
#include "base/buf.h"

/* What one kind of message is, or the kind of conversation around it. */
typedef enum us_role { US_ROLE_SYSTEM, US_ROLE_USER, US_ROLE_ASSISTANT, US_N_ROLES } us_role;

/* Marks in what is written: a byte of these, after CONTENT and SYSTEM one more, '0' plus 1 when blanks before the text go, plus
 * 2 when blanks after it go. Other bytes stand for themselves; a template whose own text has such bytes is not read. */
enum { US_MARK_CONTENT = 1, US_MARK_SYSTEM, US_MARK_BOS, US_MARK_EOS };

typedef struct us_situation {
    us_role role;      /* whose turn is asked for */
    int position;      /* its place among the messages without the system message */
    bool last, system; /* it is the last; there is a system message */
    bool generation;   /* a reply is asked for */
    int64_t today;     /* seconds since 1970, for templates that print the date without asking whether they can */
} us_situation;

/* What stands before the turns, for that turn, and after the turns. */
typedef struct us_written {
    us_buf before, turn, after;
    bool refused; /* the template raises an error there */
} us_written;
void us_written_init(us_written *w);
void us_written_fini(us_written *w);

/* Reads the template for one situation. Nothing is run: there is no conversation, no loop goes round, no value is computed but
 * which of a branch's sides this kind of message takes. UNSUPPORTED, in words, when that cannot be told for certain. */
US_MUST_USE us_status us_jinja_read(const char *jinja, size_t n, const us_situation *s, us_written *out, us_error *err);
#endif
