/* understudy/serve.h - characters over HTTP: the chat page, the chat API behind it and the OpenAI API (docs/serve.md).
 *
 *     us_server *s;
 *     us_server_new(&(us_serve_options){.characters = "characters", .data_dir = "data"}, &s, &err);   // listens; /health says 503
 *     us_server_set_model(s, model, &err);                                                            // and now 200
 *     pause();                                                                                        // until a signal comes
 *     us_server_free(s); // replies under way are ended, what they had said is kept
 *
 * Listens on loopback unless `host` says otherwise; a public address needs an API key. The model must outlive the server. */
#ifndef UNDERSTUDY_SERVE_H
#define UNDERSTUDY_SERVE_H

#include "understudy/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_server us_server;

/* Strings are borrowed until us_server_free(). */
typedef struct us_serve_options {
    const char *host;         /* an IPv4 address; NULL: 127.0.0.1 */
    int port;                 /* 0: one that is free, which us_server_port() tells */
    int32_t n_parallel;       /* replies made at once; 0: 8 */
    int32_t n_queue;          /* replies that may wait; more are refused with 429; 0: 64 */
    int32_t n_ctx;            /* cache in tokens over all of them; 0: 16384 */
    int n_threads;            /* 0: every CPU */
    const char *characters;   /* a folder with one folder a character; NULL: none but those in the data folder */
    bool force_adapter;       /* take adapters trained over another file of the same shape: another quantization of it */
    const char *data_dir;     /* chats.db and characters/ of the user's own; NULL: nothing outlives the process */
    const char *api_key_file; /* keys, one a line, # begins a comment; NULL: none is asked for */
    const char *cors_origin;  /* the one other origin that may call; NULL: none */
    /* The proxy's address: for its connections X-Forwarded-For names the client; NULL: no header is believed. */
    const char *trusted_proxy;
    bool public_without_key;                  /* do not refuse a public address without a key */
    const char *engine_url;                   /* replies are made by this server, which speaks the OpenAI API; NULL: by us */
    const char *engine_key;                   /* its key, or NULL */
    int32_t engine_timeout;                   /* seconds that it may take for a word of a reply; 0: 120 */
    const char *program;                      /* path of the understudy program, which the studio's jobs run; NULL: no studio */
    const char *model_path;                   /* the base model of their trainings; NULL: jobs can only explore */
    bool studio;                              /* the studio on a public address too */
    int idle_seconds;                         /* of a connection without a request; 0: 30 */
    int32_t chats_mib;                        /* of all chats; < 0: no limit; 0: 1024 on a public address, else no limit */
    bool log_text;                            /* the log holds what is said */
    void (*log)(void *ctx, const char *line); /* one line without its end; any thread; NULL: no log */
    void *log_ctx;
} us_serve_options;

/* Listens, and serves from threads of its own; without a model (or an engine_url) all but replies. ARGUMENT for a public
 * address without a key, IO for a busy port, GATE when the other engine cannot be reached, those of the data folder's file of
 * chats. */
US_API US_MUST_USE us_status us_server_new(const us_serve_options *o, us_server **out, us_error *err);
/* The port that it listens on. */
US_API int us_server_port(const us_server *s);
/* The model that speaks; once. UNSUPPORTED when its chat template is unknown, MEMORY when the cache does not fit. */
US_API US_MUST_USE us_status us_server_set_model(us_server *s, const us_model *model, us_error *err);
/* Refuses new connections, ends the replies under way, keeps their words, and waits for all threads. */
US_API void us_server_free(us_server *s);

#ifdef __cplusplus
}
#endif
#endif
