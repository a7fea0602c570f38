/* serve/guard.h - who may ask. Pure functions over header values: they know no server and no socket. */
#ifndef US_SERVE_GUARD_H
#define US_SERVE_GUARD_H
#include "understudy/base.h"

typedef struct us_guard {
    const char *host;        /* the address listened on */
    const char *cors_origin; /* the one other origin that may call, or NULL */
    char **keys;             /* [n_keys]; none: no key is asked for */
    size_t n_keys;
    bool any_host; /* a public server is known by names that we cannot know */
} us_guard;

/* Headers as they came; NULL: not given. */
typedef struct us_guard_headers {
    const char *host, *origin, *content_type, *authorization;
} us_guard_headers;

/* Keys, one a line; blank lines and those that begin with # are skipped. NOT_FOUND when there is none. */
US_MUST_USE us_status us_guard_read_keys(const char *path, char ***keys, size_t *n, us_error *err);
void us_guard_free_keys(char **keys, size_t n);
/* 0, or the HTTP status to refuse with, and why. `change`: the method may change something; `body`: it carries JSON. */
int us_guard_check(const us_guard *g, const us_guard_headers *h, bool change, bool body, bool needs_key, const char **why);

#endif
