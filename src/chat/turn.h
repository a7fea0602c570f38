/* chat/turn.h - turns and chats as they are kept, and lines as a prompt reads them. Structs, not JSON: the store reads and
 * writes them as rows, src/serve shows them to clients, the prompt reads lines. Every string in them is UTF-8 without NUL and
 * owned by the struct; a zeroed struct is empty, and a _fini may be called on it. */
#ifndef US_CHAT_TURN_H
#define US_CHAT_TURN_H
#include "chat/notes.h"

enum { US_MAX_TURNS = 20000, US_MAX_TEXT = 65536, US_MAX_ALTERNATIVES = 64 }; /* of a chat; bytes and wordings of a turn */
#define US_STORE_ID 20 /* bytes of a chat's or an undo's id, NUL included */

/* ---- lists of characters' ids ---- */
typedef struct us_id_list {
    char **ids; /* [n] */
    size_t n, cap;
} us_id_list;
US_MUST_USE us_status us_id_list_add(us_id_list *list, const char *id, us_error *err);
/* What *to held is freed. */
US_MUST_USE us_status us_id_list_copy(us_id_list *to, const us_id_list *from, us_error *err);
bool us_id_list_has(const us_id_list *list, const char *id);
void us_id_list_fini(us_id_list *list);

/* ---- turns ---- */

/* One wording of a turn: a take, an edit, a greeting of the card, or what the user said. */
typedef struct us_alternative {
    char *text;
    double score; /* nats; NAN: it was not compared */
    double scale; /* of the adapter that made it; NAN: none did */
    char end[12]; /* us_reply_end_name(), or "said", "heard" (said by somebody else than the visitor), "edited", "greeting" */
} us_alternative;

typedef struct us_stored_turn {
    int64_t id;                   /* of the store; 0: not stored */
    bool own;                     /* a character said it; else the user */
    char *speaker;                /* the name as it stands in the prompt; "": nobody in particular */
    char *character;              /* id of the character; NULL: the user's */
    us_alternative *alternatives; /* [n_alternatives], at least one */
    size_t n_alternatives, cap_alternatives;
    size_t chosen;      /* the one that counts */
    us_id_list present; /* the characters on stage, who have heard it */
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

/* ---- chats ---- */

typedef struct us_scale {
    char *character; /* id */
    double scale;    /* of their adapter, 0..2 */
} us_scale;

typedef struct us_stored_chat {
    char id[US_STORE_ID];
    char *title, *user; /* user: the visitor's name; "": none */
    us_id_list stage;   /* who may answer */
    us_scale *scales;   /* [n_scales]; whoever is not in it has 1 */
    size_t n_scales, cap_scales;
    bool noted;          /* somebody has written the notes: */
    us_notes notes;      /* they stand for what was told until */
    int64_t notes_after; /* this time, in ms */
    int64_t created_ms, updated_ms;
    size_t n_turns;        /* that it has */
    us_stored_turn *turns; /* [n_read]: all, or none when they were not asked for */
    size_t n_read, cap_turns;
    char *last;  /* of us_store_list_chats() alone: how the last turn begins */
    char *owner; /* whose it is: of us_store_list_chats(), and for us_store_add_chat() */
} us_stored_chat;

void us_stored_chat_fini(us_stored_chat *c);
US_MUST_USE us_status us_stored_chat_set_scale(us_stored_chat *c, const char *character, double scale, us_error *err);
/* 1 when nothing is set. */
double us_stored_chat_scale(const us_stored_chat *c, const char *character);
/* The chat takes the turn over, also after an error. */
US_MUST_USE us_status us_stored_chat_add_turn(us_stored_chat *c, us_stored_turn *t, us_error *err);

/* ---- lines ---- */

/* A turn as a prompt reads it. Borrowed strings. */
typedef struct us_chat_line {
    const char *name; /* who says it; NULL or "": nobody in particular */
    const char *text;
    bool own;   /* the character themselves */
    bool aside; /* us_prompt_make()'s own: the card says it, not the conversation */
} us_chat_line;

/* The end of a conversation as one character has heard it. Owns its strings. */
typedef struct us_chat_lines {
    us_chat_line *lines; /* [n], oldest first */
    size_t n, cap;
    size_t n_before; /* turns of the conversation that are not here, because they are older or were not heard */
    char *opening;   /* the text of the conversation's first turn; NULL when n_before is 0 */
    bool scene;      /* the opening is the visitor's, the character has heard it, and other characters have spoken too */
} us_chat_lines;

US_MUST_USE us_status us_chat_lines_add(us_chat_lines *l, const char *name, const char *text, bool own, us_error *err);
void us_chat_lines_fini(us_chat_lines *l);

#endif
