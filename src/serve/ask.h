/* serve/ask.h - a request of the OpenAI API, read and checked: JSON in, plain values out. Knows no server. */
#ifndef US_SERVE_ASK_H
#define US_SERVE_ASK_H
#include "chat/prompt.h"
#include "serve/params.h"

enum { US_ASK_STOPS = 64, US_ASK_MESSAGES = 2048, US_ASK_BIASES = 300, US_ASK_CHOICES = 16 };

/* A text that is gone on with: words, or tokens. */
typedef struct us_ask_prompt {
    const char *text; /* NULL: */
    us_tokens ids;
} us_ask_prompt;

typedef struct us_ask {
    char model[128], id[64]; /* "homer:0.7", "homer" */
    double scale;
    bool bare;    /* "homer:adapter": the adapter without the card */
    bool goes_on; /* the last message is gone on with, when it is the assistant's */
    bool chat, stream, usage, logprobs, echo, ignore_eos;
    int64_t n, n_top, takes, max_tokens; /* takes 0: as usual; max_tokens INT32_MAX: as many as fit, 0: none, with echo */
    us_sampler_options sampler;
    bool seeded; /* by the client, not by us */
    us_logit_bias biases[US_ASK_BIASES];
    size_t n_biases;
    const char *stops[US_ASK_STOPS];
    size_t n_stops;
    const char *user;    /* who asks, for fairness; NULL: nobody says */
    us_chat_line *lines; /* [n_lines] of messages that are not the system's; name may be NULL */
    size_t n_lines;
    char *system;                          /* NULL: none */
    us_ask_prompt prompts[US_ASK_CHOICES]; /* [n_prompts] of a completion */
    size_t n_prompts;
    char **owned; /* contents put together from parts */
    size_t n_owned;
} us_ask;

/* Model and strength, which decide the defaults of the rest. `only` (NULL: none) is who is meant when nobody is named. */
US_MUST_USE us_status us_ask_model(const json_t *body, const char *only, us_ask *ask, us_error *err);
/* Everything else, over the defaults that *ask holds: sampler, takes, max_tokens. Strings are borrowed from the body. */
US_MUST_USE us_status us_ask_read(const json_t *body, bool chat, us_ask *ask, us_error *err);
void us_ask_fini(us_ask *ask);

#endif
