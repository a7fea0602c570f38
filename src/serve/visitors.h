/* serve/visitors.h - what each address has open, and the memory that requests keep; with caps for one and for all together.
 *
 * It knows addresses and numbers, no sockets and no requests. An IPv6 address stands for its /64, which one visitor has whole.
 */
#ifndef US_SERVE_VISITORS_H
#define US_SERVE_VISITORS_H
#include "understudy/base.h"

struct sockaddr;
typedef struct us_visitors us_visitors;

/* IPv4 as ::ffff:a.b.c.d. */
typedef struct us_ip_address {
    unsigned char bytes[16];
} us_ip_address;

typedef struct us_visitor_caps {
    int open;              /* connections of one address (requests, of one behind the trusted proxy) */
    size_t held, all_held; /* bytes that the requests of one address, and of all, keep */
} us_visitor_caps;

/* proxy: an address whose X-Forwarded-For is believed, and which has no cap of its own; NULL: none. ARGUMENT when it is none.
 */
US_MUST_USE us_status us_visitors_new(const us_visitor_caps *caps, const char *proxy, us_visitors **out, us_error *err);
void us_visitors_free(us_visitors *v);

us_ip_address us_ip_address_of(const struct sockaddr *a);
/* The address that the proxy's header tells: its last one, which the proxy itself has put there. False: `peer` is no trusted
 * proxy, or the header (may be NULL) tells none. */
bool us_visitors_forwarded(const us_visitors *v, const us_ip_address *peer, const char *header, us_ip_address *out);

/* One more may be opened; if not, it counts as turned away. */
bool us_visitors_admit(us_visitors *v, const us_ip_address *a);
/* One more is open: false past the cap (then nothing is counted), or out of memory. */
bool us_visitors_enter(us_visitors *v, const us_ip_address *a);
void us_visitors_leave(us_visitors *v, const us_ip_address *a);
/* n bytes more are kept: false past a cap. */
bool us_visitors_hold(us_visitors *v, const us_ip_address *a, size_t n_bytes);
void us_visitors_release(us_visitors *v, const us_ip_address *a, size_t n_bytes);
/* What all hold, and how many were turned away so far. */
void us_visitors_totals(us_visitors *v, size_t *held, uint64_t *refused);

#endif
