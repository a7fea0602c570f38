/* understudy/chat.h - a character to talk to: its card, the conversation, its replies.
 *
 *     us_card *card;  us_chat *chat;  us_reply reply;
 *     us_card_open("characters/homer/card.json", &card, &err);
 *     us_chat_new(engine, card, &(us_chat_options){0}, &chat, &err);
 *     us_chat_say(chat, "Hi, Homer!", NULL, NULL, &reply, &err);
 *     puts(reply.text);
 *
 * A chat owns one sequence of its engine and has one owner at a time. */
#ifndef UNDERSTUDY_CHAT_H
#define UNDERSTUDY_CHAT_H

#include "understudy/character.h"
#include "understudy/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_chat us_chat;
#define US_TAKES_MEASURED (-1)
typedef struct us_chat_options {
    const us_sampler_options *sampler; /* NULL: the card's */
    const us_adapter *adapter;         /* NULL: none */
    double adapter_scale;
    int32_t takes;      /* candidate replies, the best of which is spoken; 0: the card's; 1 streams; US_TAKES_MEASURED:
                         * the card's at most, fewer when this machine needs more than about a second for them */
    int32_t max_tokens; /* of a reply; 0: 80 */
    int32_t context;    /* tokens that prompt and reply may take; 0: a third of the engine's (takes and scoring use the rest) */
    int32_t history;    /* lines of the conversation that the model sees; 0: 10 */
    bool no_stops;      /* do not stop at other speakers' labels (for measuring) */
} us_chat_options;

typedef struct us_reply {
    const char *text; /* UTF-8, one speaker; borrowed until the next reply */
    enum { US_END_SELF, US_END_LABEL, US_END_LENGTH, US_END_LOOP, US_END_CANCEL } end;
    bool retried; /* a loop was cut and the reply made again */
    int32_t n_tokens, n_prompt_tokens, n_cached_tokens;
    int32_t n_takes, chosen; /* how many were made, which was spoken */
    double score; /* of the chosen take, nats: log p(reply | chat) - lambda log p(reply | chat without the words it answers),
                     and what speaks for its manner */
    double seconds;
} us_reply;

/* Words as they come: text[0..n) is new. Return false to stop the reply: what was shown is kept; when that is nothing (with
 * several takes it always is), INTERRUPTED is returned and the chat is as it was. */
typedef bool us_stream_fn(void *ctx, const char *text, size_t n);

US_API US_MUST_USE us_status us_chat_new(us_engine *engine, const us_card *card, const us_chat_options *options, us_chat **out,
                                         us_error *err);
US_API void us_chat_free(us_chat *chat);
/* Who the user is ("Marge Simpson"; NULL or "": nobody in particular). */
US_API US_MUST_USE us_status us_chat_set_user(us_chat *chat, const char *name, us_error *err);
/* One line of the user's, and the character's reply to it. ARGUMENT for text that is empty or not UTF-8,
 * LIMIT for one that does not fit in the context. On an error the chat is as it was. */
US_API US_MUST_USE us_status us_chat_say(us_chat *chat, const char *text, us_stream_fn *stream, void *ctx, us_reply *reply,
                                         us_error *err);
/* Another reply to the last line. NOT_FOUND when there is none. */
US_API US_MUST_USE us_status us_chat_regenerate(us_chat *chat, us_stream_fn *stream, void *ctx, us_reply *reply, us_error *err);
/* Forgets the last line and its reply; false when there is nothing to forget. */
US_API bool us_chat_undo(us_chat *chat);
US_API size_t us_chat_n_turns(const us_chat *chat);
/* Turn i: the user's line, with the user's name if there was one, and the reply; borrowed until the chat changes. */
US_API void us_chat_get_turn(const us_chat *chat, size_t i, const char **user, const char **reply);
US_API void us_chat_set_takes(us_chat *chat, int32_t takes);
/* What the guards did so far. */
typedef struct us_chat_guard {
    int32_t n_replies, n_takes;
    int32_t n_loops;   /* takes that repeated themselves and were cut */
    int32_t n_labels;  /* takes that began to speak for somebody else and were stopped */
    int32_t n_retries; /* replies made again because every take was a loop */
} us_chat_guard;
US_API us_chat_guard us_chat_get_guard(const us_chat *chat);
/* Seeds the next reply; later ones follow from it. */
US_API void us_chat_reseed(us_chat *chat, uint64_t seed);
/* The exact prompt of the next reply (special tokens as text) and its number of tokens; free() it. */
US_API US_MUST_USE us_status us_chat_show_prompt(us_chat *chat, char **out, int32_t *n_tokens, int32_t *n_cached,
                                                 us_error *err);
/* The conversation as JSON, written atomically; and back. */
US_API US_MUST_USE us_status us_chat_save(const us_chat *chat, const char *path, us_error *err);
US_API US_MUST_USE us_status us_chat_load(us_chat *chat, const char *path, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
