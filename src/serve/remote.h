/* serve/remote.h - a reply made by another server that speaks the OpenAI API (vLLM, llama.cpp's): our prompt goes there, its
 * words stream back through our stops and our loop guard. One thread a reply. */
#ifndef US_SERVE_REMOTE_H
#define US_SERVE_REMOTE_H
#include "reply/rules.h"
#include "serve/speech.h"

typedef struct us_remote us_remote;
typedef struct us_remote_spec {
    const char *url, *key; /* "http://host:8000" or with /v1; the key may be NULL */
    const char *model;     /* the character's id; used when the other lists such a model, else its first */
    double scale;          /* told to llama.cpp as the strength of its first adapter */
    const us_message *messages;
    size_t n_messages;
    const char *text; /* a completion instead of messages */
    us_sampler_options sampler;
    int32_t max_tokens;
    const char *const *texts;
    size_t n_texts;
    us_stops stops; /* borrowed, as are texts, until it is freed */
    bool cut_loops;
    bool no_thoughts; /* what the model thinks aloud is left out, and it is asked not to */
} us_remote_spec;
typedef struct us_remote_view {
    bool done;
    us_status status;
    int32_t n_prompt, n_cached;
} us_remote_view;

US_MUST_USE us_status us_remote_begin(const us_remote_spec *spec, us_remote **out, us_error *err);
us_remote_view us_remote_wait(us_remote *r, uint64_t *seen, int timeout_ms);
US_MUST_USE us_status us_remote_read(us_remote *r, size_t from, us_buf *out, us_error *err);
void us_remote_cancel(us_remote *r);
us_spoken us_remote_get(us_remote *r);
const us_error *us_remote_error(const us_remote *r);
void us_remote_free(us_remote *r);
/* Asks the other for its models: IO in words when it cannot be reached. */
US_MUST_USE us_status us_remote_check(const char *url, const char *key, us_error *err);

#endif
