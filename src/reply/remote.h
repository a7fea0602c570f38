/* reply/remote.h - a reply made by another server that speaks the OpenAI API (vLLM, llama.cpp's): our prompt goes there, its
 * words stream back through our rules and our ranking. Several takes are asked for by its `n`, and compared by its `logprobs`
 * where it sends them; a server that refuses either is asked again for one plain reply. One thread a reply. Used by reply.c
 * alone, whose calls these are. */
#ifndef US_REPLY_REMOTE_H
#define US_REPLY_REMOTE_H
#include "reply/reply.h"

typedef struct us_remote us_remote;
/* Borrowed during us_remote_begin(), but for what view, rules and ranking point to: that until us_remote_free(). */
typedef struct us_remote_spec {
    const char *url, *key;     /* "http://host:8000" or with /v1; the key may be NULL */
    const char *model;         /* the character's id; used when the other lists such a model, else its first */
    atomic_int *n_asked;       /* one more while this is made */
    int32_t timeout_s;         /* without a word of a reply; one that takes fifteen times as long is given up as well */
    double scale;              /* told to llama.cpp as the strength of its first adapter */
    us_conversation_view view; /* its messages are what is asked */
    const char *text;          /* a completion instead of messages */
    us_sampler_options sampler;
    int32_t n_takes, n_attempts;
    bool separate;
    bool no_thoughts;    /* what the model thinks aloud is left out, and it is asked not to */
    us_take_rules rules; /* tok is not needed */
    us_ranking ranking;
} us_remote_spec;

US_MUST_USE us_status us_remote_begin(const us_remote_spec *spec, us_remote **out, us_error *err);
us_reply_view us_remote_wait(us_remote *r, uint64_t *seen, int timeout_ms);
US_MUST_USE us_status us_remote_read(us_remote *r, int32_t i, size_t from, us_buf *out, us_error *err);
void us_remote_cancel(us_remote *r);
/* Of a finished one, the spoken one at *best. */
int32_t us_remote_count(const us_remote *r, int32_t *best);
us_reply_text us_remote_get(const us_remote *r, int32_t i);
const us_error *us_remote_error(const us_remote *r);
void us_remote_free(us_remote *r);
/* Asks the other for its models: GATE in words when it cannot be reached. */
US_MUST_USE us_status us_remote_check(const char *url, const char *key, int32_t timeout_s, us_error *err);

#endif
