/* audition/prompts.h - what is said to the character: contexts of held-out scenes, openings, provocations, the user's own. */
#ifndef US_AUDITION_PROMPTS_H
#define US_AUDITION_PROMPTS_H
#include "understudy/dataset.h"
#include "understudy/director.h"
#include "understudy/template.h"

typedef enum us_probe_kind {
    US_PROBE_HELD_OUT = 0,
    US_PROBE_OPENING,
    US_PROBE_USER,
    US_PROBE_PROVOKING,
    US_N_PROBE_KINDS
} us_probe_kind;
const char *us_probe_kind_name(us_probe_kind k); /* "held-out", ... */

typedef struct us_probe {
    us_probe_kind kind;
    us_message *messages; /* [n] the conversation, ends with what is to be answered */
    size_t n;
    const char *real; /* the line that the script has there; NULL for all but held-out ones */
} us_probe;

typedef struct us_probes {
    us_probe *items;
    size_t n, cap;
    char *file_text; /* owns the user's lines */
} us_probes;
/* The last lines of the conversation, oldest first, at most US_PROBE_LINES: what stand.h reads. Borrowed. */
enum { US_PROBE_LINES = 3 };
size_t us_probe_lines(const us_message *messages, size_t n, us_said out[US_PROBE_LINES]);
void us_probes_fini(us_probes *p); /* init is {0} */

/* The window of the target `turn` (an index into the example's turns). Texts are borrowed from the set. */
US_MUST_USE us_status us_probes_add_target(us_probes *p, const us_dataset *set, const us_example *e, uint32_t turn,
                                           us_error *err);
/* The built-in openings or provocations. */
US_MUST_USE us_status us_probes_add_built_in(us_probes *p, us_probe_kind kind, us_error *err);
/* One a line of a UTF-8 file; empty lines and those that begin with '#' are passed over. */
US_MUST_USE us_status us_probes_add_file(us_probes *p, const char *path, us_error *err);
/* The built-in openings, for whole chats. */
const char *const *us_openings(size_t *n);

/* Neutral questions with one right answer and three wrong ones. */
typedef struct us_question {
    const char *question, *answers[4]; /* the first is right */
} us_question;
const us_question *us_questions(size_t *n);
#endif
