/* serve/speech.h - a reply under way, made by our schedule or by another engine (remote.h).
 *
 * What is given is a prompt: a character's (chat/prompt.h), plain messages, or text to go on with. What comes is text, as it is
 * made, then the takes. A character's reply that is empty, or whose takes are all loops, is made again with another seed, twice
 * at most. */
#ifndef US_SERVE_SPEECH_H
#define US_SERVE_SPEECH_H
#include "chat/prompt.h"
#include "serve/server.h"

typedef struct us_speech_spec {
    us_character *who; /* NULL: nobody, the bare model; a reference is taken */
    double scale;      /* of the adapter's strength; 0 switches it off */
    us_prompt *prompt; /* taken over; NULL: `text` */
    const char *text;
    const int32_t *ids; /* instead of text, [n_ids] */
    size_t n_ids;
    bool shorten; /* the oldest turns may be left out when all do not fit */
    us_sampler_options sampler;
    int32_t n_takes, max_tokens, n_top;
    bool probs;               /* us_speech_probs() will be called */
    bool plain;               /* a text that goes on: his adapter, but no guards */
    bool separate;            /* n answers, not takes of which the best is spoken */
    const char *const *texts; /* [n_texts] that end the reply; copied */
    size_t n_texts;
    const char *const *others; /* [n_others] names beside the card's cast whose label ends the reply; copied */
    size_t n_others;
    uint64_t client;
} us_speech_spec;

typedef struct us_speech_view {
    bool done;
    us_status status; /* once done; the words are in us_speech_error() */
    int32_t n_prompt, n_read, n_cached, n_takes, n_made;
} us_speech_view;

typedef struct us_spoken {
    const char *text; /* [n], UTF-8 */
    size_t n;
    double score;
    const char *end; /* "self", "label", "length", "loop", "cancel" */
    int32_t n_tokens;
    const us_take *take; /* NULL from another engine */
} us_spoken;

/* LIMIT when the queue is full or the prompt is too long: err->reason tells which. The spec's prompt is taken over in any case.
 */
US_MUST_USE us_status us_speech_begin(us_server *s, us_speech_spec *spec, us_speech **out, us_error *err);
us_speech_view us_speech_wait(us_speech *sp, int timeout_ms);
/* Appends what has been said past `from`, of answer i (0 unless separate). */
US_MUST_USE us_status us_speech_read(us_speech *sp, int32_t i, size_t from, us_buf *out, us_error *err);
/* The tokens past the first `from` of answer i, with their log-probabilities; none from another engine. free *out. */
US_MUST_USE us_status us_speech_probs(us_speech *sp, int32_t i, size_t from, us_prob **out, size_t *n, us_error *err);
void us_speech_cancel(us_speech *sp);
/* Of an ended one. Takes come best first, the spoken one at 0; separate answers in their order. */
int32_t us_speech_count(const us_speech *sp);
us_spoken us_speech_get(us_speech *sp, int32_t i);
const us_error *us_speech_error(const us_speech *sp);
const us_tokens *us_speech_prompt(const us_speech *sp);
/* Cancels it if need be. */
void us_speech_free(us_speech *sp);

#endif
