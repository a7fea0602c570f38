#include "serve/guard.h"
#include "base/file.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KEYS = 1000, MAX_KEY_BYTES = 1000 };

us_status us_guard_read_keys(const char *path, char ***keys, size_t *n, us_error *err) {
    char *text, **list = NULL;
    size_t n_bytes, n_list = 0, cap = 0;
    us_status st = us_file_read(path, (size_t)MAX_KEYS * (MAX_KEY_BYTES + 1), &text, &n_bytes, err);
    if (st) return st;
    for (char *p = text; *p && !st;) {
        size_t len = strcspn(p, "\n"), begin = strspn(p, " \t"), end = len;
        while (end > begin && strchr(" \t\r", p[end - 1])) end--;
        if (end > begin && p[begin] != '#') {
            if (n_list == MAX_KEYS || end - begin > MAX_KEY_BYTES)
                st = us_fail(err, US_ERR_LIMIT, "%s: more than %d keys, or one of more than %d bytes", path, MAX_KEYS,
                             MAX_KEY_BYTES);
            if (!st) st = us_grow(&list, &cap, n_list + 1, sizeof *list, err);
            if (!st && !(st = us_strndup(p + begin, end - begin, &list[n_list], err))) n_list++;
        }
        p += len + (p[len] == '\n');
    }
    free(text);
    if (!st && !n_list)
        st = us_fail(err, US_ERR_NOT_FOUND, "%s: no key in it (one a line; lines that begin with # are skipped)", path);
    if (st) us_guard_free_keys(list, n_list);
    else *keys = list, *n = n_list;
    return st;
}

void us_guard_free_keys(char **keys, size_t n) {
    for (size_t i = 0; i < n; i++) free(keys[i]);
    free(keys);
}

/* The time depends on the lengths alone. */
static unsigned differ(const char *given, const char *key) {
    size_t n = strlen(given), m = strlen(key);
    unsigned d = n != m;
    for (size_t i = 0; i < n; i++) d |= (unsigned)(unsigned char)given[i] ^ (unsigned)(unsigned char)key[i % m];
    return d;
}

static bool key_known(const us_guard *g, const char *authorization) {
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0) return false;
    unsigned known = 0;
    for (size_t i = 0; i < g->n_keys; i++) known |= !differ(authorization + 7, g->keys[i]); /* all of them, found or not */
    return known != 0;
}

/* host[:port] is this name */
static bool is_host(const char *host, const char *name) {
    size_t n = strlen(name);
    if (strncasecmp(host, name, n) != 0) return false;
    host += n;
    return !*host || (*host == ':' && host[1] && strspn(host + 1, "0123456789") == strlen(host + 1));
}

/* address[:port], [address][:port] */
static bool is_address(const char *host) {
    char word[64];
    unsigned char bytes[16];
    bool six = *host == '[';
    size_t n = six ? strcspn(host, "]") : strcspn(host, ":");
    const char *rest = host + n + six;
    if (n >= sizeof word || (six && host[n] != ']') || (*rest && *rest != ':')) return false;
    if (*rest && (!rest[1] || strspn(rest + 1, "0123456789") != strlen(rest + 1))) return false;
    snprintf(word, sizeof word, "%.*s", (int)(n - six), host + six);
    return inet_pton(six ? AF_INET6 : AF_INET, word, bytes) == 1;
}

/* A page of another site may not reach us by a name of its own (DNS rebinding). */
static bool host_allowed(const us_guard *g, const char *host) {
    const char *const names[] = {"localhost", "127.0.0.1", "[::1]", g->host};
    for (size_t i = 0; i < sizeof names / sizeof *names && host; i++)
        if (names[i] && is_host(host, names[i])) return true;
    if (host && g->any_ip && is_address(host)) return true;
    const char *own = g->cors_origin ? strstr(g->cors_origin, "://") : NULL;
    if (host && own && !strcasecmp(host, own + 3)) return true; /* the name that a proxy in front is known by */
    return host && g->any_host;
}

bool us_guard_knows(const us_guard *g, const char *authorization) { return !g->n_keys || key_known(g, authorization); }

static bool same_origin(const us_guard *g, const us_guard_headers *h) {
    if (!h->origin || (g->cors_origin && !strcmp(h->origin, g->cors_origin))) return true;
    const char *o = strstr(h->origin, "://");
    return o && h->host && !strcasecmp(o + 3, h->host);
}

static bool is_json(const char *type) {
    static const char json[] = "application/json";
    return type && !strncasecmp(type, json, sizeof json - 1) && strchr("; \t", type[sizeof json - 1]);
}

/* Digits alone; UINT64_MAX when they are too many. */
static bool read_length(const char *text, uint64_t *n) {
    size_t digits = strspn(text, "0123456789");
    *n = digits > 18 ? UINT64_MAX : strtoull(text, NULL, 10);
    return digits && !text[digits];
}

/* A body is announced. */
static bool has_body(const us_guard_headers *h) {
    uint64_t n = 0;
    return h->chunked || (h->content_length && (!read_length(h->content_length, &n) || n));
}

/* JSON must be called so, that a form of another site's page cannot send it. Where nothing comes of a request but its answer, programs
 * that call a body nothing (LiteLLM, to Ollama's routes) or a form, as curl does unasked, are served, unless a browser says whose page it is. */
static bool type_fits(const us_guard_headers *h, const us_guard_ask *ask) {
    static const char form[] = "application/x-www-form-urlencoded";
    if (is_json(h->content_type)) return true;
    return ask->any_type && !h->origin && (!h->content_type || !strncasecmp(h->content_type, form, sizeof form - 1));
}

int us_guard_check(const us_guard *g, const us_guard_headers *h, const us_guard_ask *ask, const char **why) {
    uint64_t length = 0;
    if (h->two_things || (h->content_length && (h->chunked || !read_length(h->content_length, &length))))
        return *why = "one Content-Length, or Transfer-Encoding: chunked, tells where a request ends, and one Host whom it is "
                      "for: this one says two things",
               400;
    if (!host_allowed(g, h->host))
        return *why = "this Host is not served: call the server by its address, or give --cors-origin http://NAME, which makes "
                      "NAME one of its own",
               403;
    if (ask->change && !same_origin(g, h))
        return *why = "changes from a page of another origin are refused; --cors-origin opens to one", 403;
    if (ask->needs_key && !g->cors_origin && h->fetch_site && !strcasecmp(h->fetch_site, "cross-site"))
        return *why = "a page of another site may not have this asked for; --cors-origin opens to one", 403;
    if (ask->needs_key && g->n_keys && !key_known(g, h->authorization))
        return *why = "an API key is expected: Authorization: Bearer KEY", 401;
    if (h->packed && has_body(h)) return *why = "a compressed body is not read: send it without Content-Encoding", 415;
    if (!ask->body || !has_body(h)) return 0;
    if (!type_fits(h, ask)) return *why = "Content-Type: application/json is expected", 415;
    if (length > ask->max_body) return *why = "the body is too large: 1 MiB is allowed, 12 MiB for uploads", 413;
    return 0;
}
