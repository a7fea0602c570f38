/* understudy/chat.h - a conversation with a character.
 *
 *     us_card *card;  us_chat *chat;  us_chat_result result;
 *     us_card_open("characters/homer/card.json", &card, &err);
 *     us_chat_new(engine, card, NULL, &chat, &err);
 *     if (!us_chat_reply(chat, "Hi, Homer!", NULL, NULL, &result, &err)) puts(result.text);
 *     us_chat_free(chat);
 *
 * Replies are made as the server makes them: the same turns, seed and settings give the same bytes here, on the page, over
 * the OpenAI API and in the audition.
 *
 * A chat borrows its engine, card, adapter and director: free the chat first. A chat has one owner at a time. One engine may
 * serve any number of chats, one call at a time over all of them (it is not locked): they take room from each other's cache,
 * and what one has read (the persona) the others need not read again. For replies at the same time, an engine each; the model
 * is shared. */
#ifndef UNDERSTUDY_CHAT_H
#define UNDERSTUDY_CHAT_H

#include "understudy/character.h"
#include "understudy/director.h"
#include "understudy/generate.h"
#include "understudy/reply.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_chat us_chat;

/* A zeroed field means the default. */
typedef struct us_chat_options {
    /* NULL: the card's. Copied, but for its biases and grammar, which must outlive the chat. Its seed: the same turns and
     * seed, the same reply. */
    const us_sampler_options *sampler;
    const us_adapter *adapter;   /* borrowed; NULL: none */
    const us_director *director; /* borrowed; chooses among takes; NULL: mutual information and rules do */
    double adapter_scale;        /* 0..2; 0: 1. Without the adapter: adapter NULL */
    /* Candidate replies, of which the best is spoken, 1..US_MAX_TAKES; 1 streams; 0: the card's. */
    int32_t takes;
    bool hurry;         /* fewer takes, when a usual reply would need more than about a second on this machine */
    int32_t max_tokens; /* of a reply; 0: 80 */
    int32_t context;    /* tokens that prompt and reply may take; 0: what the model was trained for and the engine has */
    int32_t history;    /* lines of the conversation that the model sees; 0: the card's */
    bool no_stops;      /* do not stop at other speakers' labels (for measuring) */
} us_chat_options;

/* How many tokens the engine of such a chat must have (us_engine_options.n_ctx) for `context` tokens of prompt and reply, and
 * so many takes (0: the most) of max_tokens (0: 80) each beside them. Its n_seq_max must be at least the
 * number of takes plus 3. */
US_API int32_t us_chat_engine_tokens(int32_t context, int32_t takes, int32_t max_tokens);

typedef struct us_chat_result {
    const char *text; /* UTF-8, one speaker; borrowed until the chat changes */
    us_reply_end end;
    /* 1; more when no take of an earlier attempt would do: all were empty, loops, or had a machine speak, or all forgot what
     * the user had told and asked for. */
    int32_t n_attempts;
    int32_t n_tokens, n_prompt_tokens, n_cached_tokens;
    int32_t n_takes; /* candidates that were made */
    double score;    /* of the chosen take, nats: log p(reply | chat) - lambda log p(reply | chat without the line it answers),
                        plus what style, rules and director gave it */
    double seconds;
} us_chat_result;

/* Called with new words, text[0..n), as the model makes them, and with n = 0 several times a second while there are none.
 * Return false to stop the reply. The words shown so far are kept as the reply. If none were shown (several takes show none
 * before the end), the call returns INTERRUPTED and the chat is unchanged. */
typedef bool us_stream_fn(void *ctx, const char *text, size_t n);

/* The card's greeting, if it has one, is the first turn; its alternate greetings are that turn's other wordings. A thread of
 * the chat's own makes the replies. UNSUPPORTED when the model's chat template is unknown, ARGUMENT for a sampler out of
 * range. */
US_API US_MUST_USE us_status us_chat_new(us_engine *engine, const us_card *card, const us_chat_options *options, us_chat **out,
                                         us_error *err);
US_API void us_chat_free(us_chat *chat);
/* Who the user is ("Marge Simpson"; NULL or "": nobody in particular). */
US_API US_MUST_USE us_status us_chat_set_user(us_chat *chat, const char *name, us_error *err);
/* One line of the user's, and the character's reply to it. ARGUMENT for text that is empty or not UTF-8,
 * LIMIT for one that does not fit in the context. On an error the chat is as it was. */
US_API US_MUST_USE us_status us_chat_reply(us_chat *chat, const char *text, us_stream_fn *stream, void *ctx,
                                           us_chat_result *result, us_error *err);
/* Makes another reply to the last line, with the next seed, and adds it as a wording of the last turn. NOT_FOUND when the
 * character has not replied yet. */
US_API US_MUST_USE us_status us_chat_regenerate(us_chat *chat, us_stream_fn *stream, void *ctx, us_chat_result *result,
                                                us_error *err);
/* Forgets the last line and its reply; false when there is none. The greeting stays. */
US_API bool us_chat_undo(us_chat *chat);

typedef struct us_chat_turn {
    const char *speaker; /* "": a user without a name */
    const char *text;
    bool own;                        /* the character's */
    size_t n_alternatives, n_chosen; /* wordings of this turn; which of them is `text` */
} us_chat_turn;
US_API size_t us_chat_n_turns(const us_chat *chat);
/* Turn i, the oldest is 0; borrowed until the chat changes. */
US_API us_chat_turn us_chat_get_turn(const us_chat *chat, size_t i);
/* Chooses which wording of a turn counts from now on. ARGUMENT when there is no such turn or wording. */
US_API US_MUST_USE us_status us_chat_choose(us_chat *chat, size_t turn, size_t alternative, us_error *err);
/* Adds a wording to a turn and chooses it. */
US_API US_MUST_USE us_status us_chat_edit(us_chat *chat, size_t turn, const char *text, us_error *err);
/* 1..US_MAX_TAKES. */
US_API void us_chat_set_takes(us_chat *chat, int32_t takes);
/* What the rules did so far. */
typedef struct us_chat_counts {
    int32_t n_replies, n_takes;
    int32_t n_loops;   /* takes that repeated themselves and were cut */
    int32_t n_labels;  /* takes that began to speak for somebody else and were stopped */
    int32_t n_retries; /* attempts beyond the first of a reply */
} us_chat_counts;
US_API us_chat_counts us_chat_get_counts(const us_chat *chat);
/* Replaces the sampler's seed. */
US_API void us_chat_reseed(us_chat *chat, uint64_t seed);
/* The exact prompt of the next reply (special tokens as text) and its number of tokens; free() it. */
US_API US_MUST_USE us_status us_chat_show_prompt(us_chat *chat, char **out, int32_t *n_tokens, us_error *err);
/* The conversation as JSON, written atomically; and back (files of version 0.1 too). */
US_API US_MUST_USE us_status us_chat_save(const us_chat *chat, const char *path, us_error *err);
US_API US_MUST_USE us_status us_chat_load(us_chat *chat, const char *path, us_error *err);

/* What us_chosen_write() found. Turns are those of characters; the fields from `scenes` on count what was left out. */
typedef struct us_chosen_counts {
    uint64_t chats, turns, choices;
    uint64_t scenes;    /* choices: somebody else than the visitor and the character speaks in the lines before */
    uint64_t unasked;   /* choices: not the visitor's words are what is answered */
    uint64_t not_whole; /* choices: between replies that were cut off, or that only go on where the other ends */
    uint64_t copies;    /* choices: there already, in the chat of which this one is a branch */
    uint64_t too_long;  /* choices: of more than 64 KiB with the lines before them */
    uint64_t too_many;  /* choices: older than 64 MiB of others */
    uint64_t too_large; /* chats */
} us_chosen_counts;
/* Which replies somebody found better, from the chats.db of a data folder: turns in which another wording counts than the
 * program had chosen, or which were edited, as lines for us_train_options.choices. `character`: of this one alone, by the
 * name on their card or by their folder's; NULL: of all. They are written to `out`, atomically, for its owner alone; where
 * there are none, nothing is. Nothing changes in the chats; a server may run. NOT_FOUND for a file that is not there, or a
 * character who says nothing in it; FORMAT for what is no file of chats; ARGUMENT for an `out` that is no regular file, or
 * the file of the chats; IO; MEMORY. *counts is filled in either way. */
US_API US_MUST_USE us_status us_chosen_write(const char *chats, const char *character, const char *out,
                                             us_chosen_counts *counts, us_error *err);

/* For bindings from other languages, which write the structs down once more: the bytes of a struct of this library by its name
 * ("us_chat_options"), 0 for a name that is not known. Compare when the library is loaded. */
US_API size_t us_struct_bytes(const char *name);

#ifdef __cplusplus
}
#endif
#endif
