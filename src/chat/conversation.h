/* chat/conversation.h - a conversation becomes a reply under way: the one place where a character's prompt and the policy of
 * their reply are put together, for the terminal, the page, the OpenAI API and the audition. Turns in words come in, a reply
 * (reply/reply.h) comes out. Knows neither who stores the turns nor who shows them. */
#ifndef US_CHAT_CONVERSATION_H
#define US_CHAT_CONVERSATION_H
#include "chat/notes.h"
#include "chat/prompt.h"
#include "reply/reply.h"

/* Borrowed: card, adapter, director and phrases until the reply is freed, the rest during the call. */
typedef struct us_conversation {
    const us_card *card; /* NULL: the bare model, or the bare adapter, reads the lines as they are */
    bool trained;        /* who answers has learned without the card's examples */
    const us_adapter *adapter;
    double scale;             /* of the adapter; 0 switches it off */
    const us_tokens *phrases; /* [n_phrases] us_card_phrase_tokens() */
    size_t n_phrases;
    const us_director *director; /* chooses among takes; NULL: mutual information and rules do */
    const char *user;            /* stands for {{user}}; NULL or "": "you" */
    const char *system;          /* more of a system text; NULL: none */
    const us_chat_line *lines;   /* all, or the last us_prompt_reach() of them: then */
    size_t n_lines;
    size_t n_before;       /* lines come before these, */
    const char *opening;   /* of which this is the first (NULL when n_before is 0), */
    bool scene;            /* and it is the visitor's: the situation in which several characters speak */
    const us_notes *notes; /* on the visitor; NULL: those that their lines give */
    int32_t history;       /* lines that are seen; 0: the card's */
    bool new_turn;         /* the reply is a turn of its own, even where the character spoke last; else they go on */
    bool whole;            /* LIMIT, instead of leaving the oldest turns out, when all do not fit */
    const char *id;        /* what another server may call the character; NULL */
} us_conversation;

/* Fills what the card decides of a reply: takes (if none are given), ranking, names that end it. A text that goes on (`plain`)
 * has no guards. */
void us_conversation_policy(const us_conversation *c, bool plain, us_reply_policy *p);
/* `settings`: what the caller decides of the policy (sampler and seed, takes, max_tokens, context, texts, ...); the rest of it
 * is filled in. ARGUMENT, LIMIT as us_reply_begin(). */
US_MUST_USE us_status us_conversation_begin(us_backend *b, const us_conversation *c, const us_reply_policy *settings,
                                            us_reply **out, us_error *err);
/* The prompt alone, as messages; us_prompt_fini(). */
US_MUST_USE us_status us_conversation_prompt(const us_backend *b, const us_conversation *c, us_prompt *out, us_error *err);

#endif
