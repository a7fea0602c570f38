/* chat/turn.h - a turn of a conversation as it is kept: who said what, and what else could have been said. A struct, not JSON:
 * the store reads and writes rows of it, the server shows it, the prompt reads it as a line. */
#ifndef US_CHAT_TURN_H
#define US_CHAT_TURN_H
#include "understudy/base.h"

enum { US_MAX_TURNS = 20000, US_MAX_TEXT = 65536, US_MAX_ALTERNATIVES = 64 }; /* of a chat; bytes and wordings of a turn */

/* One wording of a turn: a take, an edit, a greeting of the card, or what the user said. */
typedef struct us_alternative {
    char *text;
    double score; /* nats; NAN: it was not compared */
    double scale; /* of the adapter that made it; NAN: none did */
    char end[12]; /* us_reply_end_name(), or "said", "edited", "greeting" */
} us_alternative;

typedef struct us_stored_turn {
    int64_t id;                   /* of the store; 0: not stored */
    bool own;                     /* a character said it; else the user */
    char *speaker;                /* the name as it stands in the prompt; "": nobody in particular */
    char *character;              /* id of the character; NULL: the user's */
    us_alternative *alternatives; /* [n_alternatives], at least one */
    size_t n_alternatives, cap_alternatives;
    size_t chosen;  /* the one that counts */
    char **present; /* [n_present] ids of the characters on stage, who have heard it */
    size_t n_present;
    int64_t created_ms;
    int32_t n_tokens, n_cached; /* of the reply and of its prompt */
    double seconds;
    bool edited;
} us_stored_turn;

/* The chosen wording. */
const char *us_turn_text(const us_stored_turn *t);
/* Strings are copied; `character` NULL: the user's turn. The alternatives are still to be added. */
US_MUST_USE us_status us_turn_init(us_stored_turn *t, const char *character, const char *speaker, us_error *err);
void us_turn_fini(us_stored_turn *t);
/* Appends a wording and chooses it. Of more than US_MAX_ALTERNATIVES the oldest are forgotten. */
US_MUST_USE us_status us_turn_add(us_stored_turn *t, const char *text, size_t n, const char *end, double score, double scale,
                                  us_error *err);
US_MUST_USE us_status us_turn_set_present(us_stored_turn *t, const char *const *ids, size_t n, us_error *err);
bool us_turn_heard_by(const us_stored_turn *t, const char *character);

#endif
