/* reply/reply.h - one reply, from a prompt to its finished words: begin, wait, read, free; cancel at any time.
 *
 * Everybody who needs a reply calls these: the terminal's chat, the page, the OpenAI API, the audition, the rehearsal. The same
 * prompt, seed and policy give the same bytes, whoever asks. A backend makes the words: our engine with its batch (batch.h), or
 * another server (remote.h). Knows no cards, no conversation, no HTTP of ours.
 *
 *     us_reply_begin(backend, &spec, &reply, &err);
 *     while (!us_reply_wait(reply, 250).done) continue;
 *     us_reply_text best = us_reply_get(reply, 0);
 *     us_reply_free(reply); */
#ifndef US_REPLY_REPLY_H
#define US_REPLY_REPLY_H
#include "reply/batch.h"
#include <stdatomic.h>
#include "understudy/reply.h"
#include "understudy/template.h"

enum { US_REPLY_TOKENS = 80, US_REPLY_ATTEMPTS = 3 };

/* Where replies are made. Opened once, used by any thread. */
typedef struct us_backend {
    us_engine *engine; /* ours (borrowed); NULL: another server's */
    const us_model *model;
    const us_template *tpl;
    const us_tokenizer *tok;
    us_batch *batch;
    us_leaks *leaks;
    char *url, *key;    /* of the other server; the key may be NULL */
    int32_t timeout_s;  /* for a word of it */
    atomic_int n_asked; /* replies that it makes just now */
} us_backend;
/* Batches over this engine, which outlives the backend and is used by nobody else meanwhile: n_slots replies run at once,
 * n_queue wait. */
US_MUST_USE us_status us_backend_open(us_engine *engine, int32_t n_slots, int32_t n_queue, us_backend *out, us_error *err);
/* Replies of another server that speaks the OpenAI API; key may be NULL; it is given up after timeout_s seconds without a word.
 * GATE in words when it cannot be reached. */
US_MUST_USE us_status us_backend_open_remote(const char *url, const char *key, int32_t timeout_s, us_backend *out,
                                             us_error *err);
/* Whether a reply is being made, or waits to be; one that is made and not yet read is no work. Any thread. */
bool us_backend_is_busy(us_backend *b);
/* Ends every reply under way: INTERRUPTED. They must be freed nevertheless, before the backend. */
void us_backend_stop(us_backend *b);
void us_backend_close(us_backend *b);

/* How a reply is made: the one place where this is decided, for the terminal, the page, the OpenAI API and the audition
 * alike. A zeroed field means the default. Pointers are borrowed until us_reply_free(), but for names and texts, which are
 * copied.
 *
 * Attempts. A character's reply is made again, up to US_REPLY_ATTEMPTS times in all, when nothing of it could be spoken, or
 * when the best of several takes is a loop or a leak (a machine speaks in it); after leaks the last attempt begins with a
 * "No" more often. When the best forgets what the visitor asks for, it is made again once. A loop of a single take is cut
 * where it begins and kept: it has been shown while it was made. Answers of the bare model, texts that go on, and separate
 * answers are made once.
 *
 * Stops. A reply ends where another's turn begins: at a label ("Marge:") of a name in `names` (the card's cast, everybody
 * whose name stands in the prompt), of its first name, or of any one to three capitalised words; and at the caller's `texts`.
 * The character's own label at the very start is left out.
 *
 * Context. Prompt and reply together take what the model was trained for, or `context` if that is less; the prompt leaves
 * room for the takes (us_reply_room()). The oldest turns are left out until it fits.
 *
 * Seeds. Take i of attempt k draws by a hash of the seed, the prompt's tokens, k and i. So the first of several takes is the
 * one that a single take would be, another line gets other draws, and a caller who wants another reply changes the seed.
 *
 * Takes. A number is obeyed, and so is a seed: then the card's number is made. Without either (`hurry`) the card's number is
 * divided by the replies under way, and halved while a usual reply (24 tokens) would take more than about a second. Another
 * server makes as many as it can by its `n`. Streamed or not makes no difference: of several takes the words come at the
 * end. */
typedef struct us_reply_policy {
    us_sampler_options sampler; /* with the seed */
    int32_t n_takes;            /* 1..US_MAX_TAKES; 0: 1 */
    bool hurry;                 /* fewer takes when there is little time */
    bool separate;              /* the takes are answers of their own: nobody chooses, each streams */
    bool whole;                 /* all of the prompt is read: it may leave a single token to the reply, and what is too long is
                                   refused (LIMIT) */
    bool exact;                 /* a text that goes on, to the byte: blanks at its ends stay */
    int32_t max_tokens;         /* of the reply; 0: US_REPLY_TOKENS; more than there is room for: as many as there is */
    int32_t context;            /* tokens of prompt and reply; 0: as many as the model was trained for and the engine has */
    const char *own;          /* the character's name; NULL: the bare model, or a text that goes on: no labels, no attempts, no
                                 loops cut, no leaks looked for */
    const char *const *names; /* [n_names] */
    size_t n_names;
    bool no_labels;           /* labels end nothing (for measuring) */
    const char *const *texts; /* [n_texts] that end the reply and are not shown */
    size_t n_texts;
    us_take_weights weights;        /* {0}: the card's, of a character */
    us_judge judges[US_MAX_JUDGES]; /* {NULL}: nobody */
    const us_tokens *phrases;       /* [n_phrases] which DRY leaves alone */
    size_t n_phrases;
    const us_adapter *adapter;
    double scale;      /* of the adapter */
    int32_t n_top;     /* likeliest tokens kept for each drawn one */
    bool probs;        /* us_reply_read_probs() will be called */
    bool prompt_probs; /* us_reply_read_prompt_probs() will be called */
    uint64_t client;   /* who asks: those with fewer replies under way go first */
} us_reply_policy;

/* How many tokens the prompt may have; less than 1: no prompt fits beside so many takes. */
int32_t us_reply_room(const us_backend *b, const us_reply_policy *p);

/* What is answered. */
typedef struct us_reply_spec {
    us_reply_policy policy;
    us_tokens prompt; /* taken over; for another server {0} */
    /* Taken over: the prompt without what is answered, which ranking compares with; {0}: not compared. */
    us_tokens unconditional;
    us_message *messages; /* [n_messages] the prompt in words, for judges and other servers; taken over with message_text,
                             which they point into; NULL: none */
    size_t n_messages;
    char *message_text;
    /* [n_lines] of the conversation that the prompt holds, for judges; taken over with their strings; NULL: none. */
    us_said *lines;
    size_t n_lines;
    char *recalled, *told; /* us_conversation_view; taken over; NULL: nothing */
    us_logit_bias *biases; /* [n_biases] instead of the policy's sampler's; taken over; NULL: none */
    size_t n_biases;
    const char *text;         /* instead of messages, for another server: a text that goes on; borrowed during the call */
    const char *remote_model; /* the other server's name of the character, if it has one; borrowed during the call */
} us_reply_spec;
void us_reply_spec_fini(us_reply_spec *s);

typedef struct us_reply us_reply;
typedef struct us_reply_view {
    bool done;
    us_status status; /* once done; the words are in us_reply_error() */
    int32_t n_prompt, n_read, n_cached, n_takes, n_made;
    int32_t n_attempts, n_loops, n_labels; /* this attempt; takes that were cut so far */
} us_reply_view;
typedef struct us_reply_text {
    const char *text; /* [n], UTF-8; borrowed from the reply */
    size_t n;
    double score; /* nats; 0 when nobody compared */
    us_reply_end end;
    int32_t n_tokens;
    const us_take *take; /* NULL from another server */
} us_reply_text;

/* Takes over what the spec owns, in any case. LIMIT when the queue is full or prompt and takes do not fit: err->reason
 * tells. */
US_MUST_USE us_status us_reply_begin(us_backend *b, us_reply_spec *spec, us_reply **out, us_error *err);
/* Waits at most timeout_ms for anything new since the last call: prompt read, words, a take's end, the end. */
us_reply_view us_reply_wait(us_reply *r, int timeout_ms);
/* Appends what has been said past `from` bytes, of answer i (0 unless separate). */
US_MUST_USE us_status us_reply_read(us_reply *r, int32_t i, size_t from, us_buf *out, us_error *err);
/* The tokens past the first `from` of answer i, with their log-probabilities; none from another server. free *out. */
US_MUST_USE us_status us_reply_read_probs(us_reply *r, int32_t i, size_t from, us_prob **out, size_t *n, us_error *err);
/* The same for the prompt's: entry k is its token k + 1. All of them once it has been read; none from another server. free
 * *out. */
US_MUST_USE us_status us_reply_read_prompt_probs(us_reply *r, us_prob **out, size_t *n, us_error *err);
/* What one of several takes has so far, whole: for who waits. Nothing once the spoken one is chosen, nor from another
 * engine. */
US_MUST_USE us_status us_reply_read_draft(us_reply *r, us_buf *out, us_error *err);
/* From any thread. What was said stands; the reply ends INTERRUPTED. */
void us_reply_cancel(us_reply *r);
/* Of one that is done. Takes come best first, the spoken one at 0; separate answers in their order. */
int32_t us_reply_count(const us_reply *r);
us_reply_text us_reply_get(const us_reply *r, int32_t i);
/* The takes in the order in which they were drawn. */
us_reply_text us_reply_get_drawn(const us_reply *r, int32_t i);
const us_error *us_reply_error(const us_reply *r);
const us_tokens *us_reply_prompt(const us_reply *r);
/* Cancels it if need be. */
void us_reply_free(us_reply *r);

#endif
