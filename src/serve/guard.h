/* serve/guard.h - who may ask. Pure functions over header values: they know no server and no socket. */
#ifndef US_SERVE_GUARD_H
#define US_SERVE_GUARD_H
#include "understudy/base.h"

typedef struct us_guard {
    const char *host;        /* the address listened on */
    const char *cors_origin; /* the one other origin that may call, or NULL */
    char **keys;             /* [n_keys]; none: no key is asked for */
    size_t n_keys;
    bool any_host; /* a public server with keys is known by names that we cannot know */
    bool any_ip;   /* a public one without: by any address, which no other site's name can be */
} us_guard;

/* The head of a request as it came; NULL: not given. Nothing of a body has been read. */
typedef struct us_guard_headers {
    const char *host, *origin, *content_type, *authorization;
    const char *content_length;
    const char *fetch_site; /* Sec-Fetch-Site: from where a browser asks */
    const char *forwarded;  /* X-Forwarded-For, the last of them */
    bool packed;            /* the body is called compressed */
    bool chunked;           /* Transfer-Encoding stands there */
    bool two_things;        /* another Content-Length does too, another Host or Transfer-Encoding, or one that is not chunked */
} us_guard_headers;

/* What is asked for. */
typedef struct us_guard_ask {
    bool change;     /* the method may change something */
    bool body;       /* it takes JSON */
    bool any_type;   /* nothing comes of it but its answer: its body need not be called JSON, when no browser asks */
    bool needs_key;  /* it is no part of the page */
    size_t max_body; /* bytes */
} us_guard_ask;

/* Keys, one a line; blank lines and those that begin with # are skipped. NOT_FOUND when there is none. */
US_MUST_USE us_status us_guard_read_keys(const char *path, char ***keys, size_t *n, us_error *err);
void us_guard_free_keys(char **keys, size_t n);
/* 0, or the HTTP status to refuse with, and why. 400: where the request ends is not clear, so that nothing may be read after
 * it. */
int us_guard_check(const us_guard *g, const us_guard_headers *h, const us_guard_ask *ask, const char **why);
/* Whether a key is given that is ours; true when none is asked for. */
bool us_guard_knows(const us_guard *g, const char *authorization);

#endif
