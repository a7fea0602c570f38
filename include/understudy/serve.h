/* understudy/serve.h - characters over HTTP: the OpenAI API and the chat page.
 *
 *     us_server *s;
 *     us_server_new(model, &(us_serve_options){.characters = "characters"}, &s, &err);
 *     ... until the process is told to end ...
 *     us_server_free(s); // replies under way are cancelled
 *
 * Loopback unless told otherwise; a public address needs an API key. The model must outlive the server. */
#ifndef UNDERSTUDY_SERVE_H
#define UNDERSTUDY_SERVE_H

#include "understudy/generate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_server us_server;
typedef struct us_serve_options {
    const char *host;        /* an IPv4 address; NULL: 127.0.0.1 */
    int port;                /* 1..65535 */
    int32_t n_parallel;      /* replies made at once; 0: 8 */
    int32_t n_ctx;           /* cache in tokens over all of them; 0: 16384 */
    int n_threads;           /* 0: every CPU */
    const char *characters;  /* a folder with one folder a character; NULL: none, the bare model only */
    const char *api_key;     /* NULL: none is asked for */
    const char *cors_origin; /* the one other origin that may call; NULL: none */
    bool public_without_key; /* do not refuse a public address without a key */
} us_serve_options;

/* Listens, and serves from threads of its own. ARGUMENT for a public address without a key, IO for a busy port. */
US_API US_MUST_USE us_status us_server_new(const us_model *model, const us_serve_options *o, us_server **out, us_error *err);
US_API void us_server_free(us_server *s);

#ifdef __cplusplus
}
#endif
#endif
