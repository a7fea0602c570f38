#include "serve/visitors.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct visitor {
    us_ip_address a;
    int open;
    size_t held;
} visitor;

struct us_visitors {
    us_visitor_caps caps;
    us_ip_address proxy;
    bool has_proxy;
    pthread_mutex_t lock; /* of what follows */
    visitor *list;        /* [n]: those who have something open or keep something; a thousand at most, so a list will do */
    size_t n, cap, held;
    uint64_t refused;
};

static us_ip_address from_v4(const void *four) {
    us_ip_address a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
    memcpy(a.bytes + 12, four, 4);
    return a;
}

static us_ip_address from_v6(const unsigned char sixteen[16]) {
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    us_ip_address a = {{0}};
    memcpy(a.bytes, sixteen, memcmp(sixteen, mapped, 12) ? 8 : 16);
    return a;
}

us_ip_address us_ip_address_of(const struct sockaddr *a) {
    if (a->sa_family == AF_INET6) return from_v6(((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr);
    return from_v4(&((const struct sockaddr_in *)(const void *)a)->sin_addr);
}

/* "10.0.0.1", "10.0.0.1:4711", "2001:db8::1", "[2001:db8::1]:4711" */
static bool parse(const char *text, size_t n, us_ip_address *out) {
    char word[64];
    unsigned char bytes[16];
    if (n && *text == '[') {
        const char *end = memchr(text, ']', n);
        if (!end) return false;
        n = (size_t)(end - ++text);
    } else {
        const char *colon = memchr(text, ':', n);
        if (colon && !memchr(colon + 1, ':', n - (size_t)(colon + 1 - text))) n = (size_t)(colon - text);
    }
    if (!n || n >= sizeof word) return false;
    memcpy(word, text, n);
    word[n] = 0;
    if (inet_pton(AF_INET, word, bytes) == 1) *out = from_v4(bytes);
    else if (inet_pton(AF_INET6, word, bytes) == 1) *out = from_v6(bytes);
    else return false;
    return true;
}

us_status us_visitors_new(const us_visitor_caps *caps, const char *proxy, us_visitors **out, us_error *err) {
    us_visitors *v;
    us_status st = us_alloc(1, sizeof *v, &v, err);
    if (st) return st;
    v->caps = *caps;
    if (proxy && !(v->has_proxy = parse(proxy, strlen(proxy), &v->proxy))) {
        free(v);
        return us_fail(err, US_ERR_ARGUMENT, "the trusted proxy is told by its address, as 127.0.0.1; got '%s'", proxy);
    }
    pthread_mutex_init(&v->lock, NULL);
    *out = v;
    return US_OK;
}

void us_visitors_free(us_visitors *v) {
    if (!v) return;
    pthread_mutex_destroy(&v->lock);
    free(v->list);
    free(v);
}

static bool is_proxy(const us_visitors *v, const us_ip_address *peer) {
    return v->has_proxy && !memcmp(peer, &v->proxy, sizeof *peer);
}

bool us_visitors_forwarded(const us_visitors *v, const us_ip_address *peer, const char *header, us_ip_address *out) {
    if (!header || !is_proxy(v, peer)) return false;
    const char *comma = strrchr(header, ','), *last = comma ? comma + 1 : header;
    last += strspn(last, " \t");
    return parse(last, strcspn(last, " \t"), out);
}

/* Lock held. `make`: an entry for who has none; NULL: none, or out of memory. */
static visitor *find(us_visitors *v, const us_ip_address *a, bool make) {
    for (size_t i = 0; i < v->n; i++)
        if (!memcmp(&v->list[i].a, a, sizeof *a)) return &v->list[i];
    if (!make || us_grow(&v->list, &v->cap, v->n + 1, sizeof *v->list, NULL)) return NULL;
    v->list[v->n] = (visitor){.a = *a};
    return &v->list[v->n++];
}

/* Lock held. */
static void forget_if_idle(us_visitors *v, visitor *x) {
    if (!x->open && !x->held) *x = v->list[--v->n];
}

bool us_visitors_admit(us_visitors *v, const us_ip_address *a) {
    pthread_mutex_lock(&v->lock);
    visitor *x = find(v, a, false);
    bool ok = !x || x->open < v->caps.open || is_proxy(v, a);
    v->refused += !ok;
    pthread_mutex_unlock(&v->lock);
    return ok;
}

bool us_visitors_enter(us_visitors *v, const us_ip_address *a) {
    pthread_mutex_lock(&v->lock);
    visitor *x = find(v, a, true);
    bool ok = x && (x->open < v->caps.open || is_proxy(v, a));
    if (ok) x->open++;
    else v->refused++;
    pthread_mutex_unlock(&v->lock);
    return ok;
}

void us_visitors_leave(us_visitors *v, const us_ip_address *a) {
    pthread_mutex_lock(&v->lock);
    visitor *x = find(v, a, false);
    if (x && x->open) x->open--;
    if (x) forget_if_idle(v, x);
    pthread_mutex_unlock(&v->lock);
}

bool us_visitors_hold(us_visitors *v, const us_ip_address *a, size_t n) {
    pthread_mutex_lock(&v->lock);
    visitor *x = find(v, a, true);
    bool ok = x && n <= v->caps.all_held - v->held && n <= v->caps.held - x->held;
    if (ok) {
        x->held += n;
        v->held += n;
    } else {
        v->refused++;
        if (x) forget_if_idle(v, x);
    }
    pthread_mutex_unlock(&v->lock);
    return ok;
}

void us_visitors_release(us_visitors *v, const us_ip_address *a, size_t n) {
    pthread_mutex_lock(&v->lock);
    visitor *x = find(v, a, false);
    if (x) {
        x->held -= n;
        v->held -= n;
        forget_if_idle(v, x);
    }
    pthread_mutex_unlock(&v->lock);
}

void us_visitors_totals(us_visitors *v, size_t *held, uint64_t *refused) {
    pthread_mutex_lock(&v->lock);
    *held = v->held;
    *refused = v->refused;
    pthread_mutex_unlock(&v->lock);
}
