/* A request from its first byte to its last: the body within its cap, the guard, the route, the answer or the stream. */
#include "base/clock.h"
#include "base/json.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "serve/chats.h"
#include "serve/studio.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Pictures may come from blob: because the page fetches them with its key. */
#define CSP                                                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

enum {
    LARGE_ANSWER = 256 << 10, /* bytes; smaller ones are not counted */
    STREAM_PIECE = 64 << 10   /* of a body that may be long: each has the time of a short one */
};

void us_log(const us_server *s, const char *fmt, ...) {
    char line[2048];
    va_list ap;
    if (!s->o.log) return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    line[us_harmless(line, strlen(line))] = 0; /* nobody steers a terminal, or forges a line */
    for (char *p = line; *p; p++)
        if (*p == '\n') *p = '?';
    s->o.log(s->o.log_ctx, line);
}

/* ---- answering ------------------------------------------------------------------------------------------------- */

static const char *header(const us_request *r, const char *name) {
    return MHD_lookup_connection_value(r->c, MHD_HEADER_KIND, name);
}

static enum MHD_Result send_response(us_request *r, int code, const char *type, const char *etag, struct MHD_Response *resp) {
    const us_guard *g = &r->s->guard;
    if (!resp) return MHD_NO;
    if (type) MHD_add_response_header(resp, "Content-Type", type);
    MHD_add_response_header(resp, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(resp, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(resp, "Cross-Origin-Resource-Policy", g->cors_origin ? "cross-origin" : "same-origin");
    MHD_add_response_header(resp, "Content-Security-Policy", CSP);
    MHD_add_response_header(resp, "Cache-Control", etag ? "no-cache" : "no-store");
    if (etag) MHD_add_response_header(resp, "ETag", etag);
    if (code == 429 || code == 503) MHD_add_response_header(resp, "Retry-After", "2");
    if (code == 401) MHD_add_response_header(resp, "WWW-Authenticate", "Bearer");
    if (g->cors_origin) {
        MHD_add_response_header(resp, "Access-Control-Allow-Origin", g->cors_origin);
        MHD_add_response_header(resp, "Vary", "Origin");
    }
    r->code = code;
    enum MHD_Result rc = MHD_queue_response(r->c, (unsigned)code, resp);
    MHD_destroy_response(resp);
    return rc;
}

/* More bytes are kept for this request, until it ends or gives them back. */
static bool hold(us_request *r, size_t n) {
    bool ok = us_visitors_hold(r->s->visitors, &r->from, n);
    if (ok) r->held += n;
    return ok;
}

enum MHD_Result us_answer(us_request *r, int code, const char *type, const void *data, size_t n, const char *download) {
    if (code < 400 && us_memory_failures() != r->failures) /* something may be missing in it, or be another */
        return us_refuse(r, 500, "out of memory");
    if (n >= LARGE_ANSWER && !hold(r, n)) /* it lies in memory for as long as its client takes to read it */
        return us_refuse(r, 503, "too much is being read at once: try again in a moment");
    struct MHD_Response *resp = MHD_create_response_from_buffer(n, (void *)(uintptr_t)data, MHD_RESPMEM_MUST_COPY);
    char name[200];
    if (resp && download) {
        snprintf(name, sizeof name, "attachment; filename=\"%s\"", download);
        MHD_add_response_header(resp, "Content-Disposition", name);
    }
    return send_response(r, code, type, NULL, resp);
}

enum MHD_Result us_answer_file(us_request *r, const char *type, const char *path, const char *download) {
    int fd;
    size_t n;
    char name[200];
    if (us_file_open_plain(path, &fd, &n, NULL)) return us_refuse(r, 404, "no such file");
    struct MHD_Response *resp = MHD_create_response_from_fd64(n, fd); /* closes it */
    if (!resp) close(fd);
    if (resp && download) {
        snprintf(name, sizeof name, "attachment; filename=\"%s\"", download);
        MHD_add_response_header(resp, "Content-Disposition", name);
    }
    return send_response(r, 200, type, NULL, resp);
}

enum MHD_Result us_answer_page(us_request *r, const us_page_file *f) {
    const char *known = header(r, "If-None-Match"), *takes = header(r, "Accept-Encoding");
    bool same = known && !strcmp(known, f->etag), packed = !same && f->packed && takes && strstr(takes, "gzip");
    struct MHD_Response *resp =
        MHD_create_response_from_buffer(same     ? 0
                                        : packed ? f->n_packed
                                                 : f->n_bytes,
                                        (void *)(uintptr_t)(packed ? f->packed : f->data), MHD_RESPMEM_PERSISTENT);
    if (resp && f->packed) MHD_add_response_header(resp, "Vary", "Accept-Encoding");
    if (resp && packed) MHD_add_response_header(resp, "Content-Encoding", "gzip");
    return send_response(r, same ? 304 : 200, f->type, f->etag, resp);
}

enum MHD_Result us_answer_json(us_request *r, int code, json_t *j) {
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    if (!text) return us_refuse(r, 500, "out of memory");
    enum MHD_Result rc = us_answer(r, code, "application/json", text, strlen(text), NULL);
    free(text);
    return rc;
}

/* What the code alone says. */
static const char *reason_of(int code) {
    switch (code) {
    case 401: return "invalid_api_key";
    case 404: return "not_found";
    case 409: return "conflict";
    case 413: return "too_large";
    case 429: return "queue_full";
    case 502: return "engine_failed";
    case 503: return "not_ready";
    case 507: return "not_saved";
    default: return NULL;
    }
}

const char *us_error_reason(int code, const us_error *err) { return err->reason ? err->reason : reason_of(code); }

/* The bytes of a folder of this server with which `at` begins, its slash included: its name may hold blanks and quotes. */
static size_t own_folder(const us_server *s, const char *at) {
    const char *slash = s->o.model_path ? strrchr(s->o.model_path, '/') : NULL;
    const struct {
        const char *path;
        size_t n;
    } folders[] = {{s->o.data_dir, s->o.data_dir ? strlen(s->o.data_dir) : 0},
                   {s->o.characters, s->o.characters ? strlen(s->o.characters) : 0},
                   {s->o.model_path, slash ? (size_t)(slash - s->o.model_path) : 0}};
    size_t most = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t n = folders[i].n;
        while (n && folders[i].path[n - 1] == '/') n--;
        if (n && n > most && !strncmp(at, folders[i].path, n) && at[n] == '/') most = n;
    }
    return most ? most + 1 : 0;
}

/* Whether the other engine's address stands here, which strangers are not told (as /api/state does not). */
static size_t engine_address(const us_server *s, const char *at) {
    size_t n = s->o.engine_url && s->is_public && !s->guard.n_keys ? strlen(s->o.engine_url) : 0;
    return n && !strncmp(at, s->o.engine_url, n) ? n : 0;
}

/* "/var/lib/x/homer/card.json.tmp.123: ..." -> "card.json: ..."; paths of our own API stay. */
json_t *us_public_json(const us_server *s, const char *whole) {
    char out[sizeof((us_error *)0)->message], message[sizeof((us_error *)0)->message];
    size_t n = 0;
    for (const char *p = whole; *p && n + 2 < sizeof message; n++) { /* ours become "/" */
        size_t address = engine_address(s, p);
        if (address) {
            n += (size_t)snprintf(message + n, sizeof message - n, "its address");
            if (n + 2 >= sizeof message) n = sizeof message - 2;
            p += address;
            n--;
            continue;
        }
        size_t own = p == whole || strchr(" '\"(=:[", p[-1]) ? own_folder(s, p) : 0;
        message[n] = own ? '/' : *p;
        p += own ? own : 1;
        if (own && n + 3 < sizeof message) message[++n] = '_', message[++n] = '/'; /* a path of two parts, which is cut below */
    }
    message[n] = 0;
    n = 0;
    for (const char *p = message; *p && n + 1 < sizeof out;) {
        bool begins = p == message || strchr(" '\"(", p[-1]);
        size_t word = strcspn(p, " :'\"(),;"), end = word;
        const char *last = p;
        for (size_t i = 0; i < word; i++)
            if (p[i] == '/') last = p + i + 1, end = word;
            else if (!strncmp(p + i, ".tmp.", 5) && i + 5 < word) end = i;
        bool ours = *p == '/' && last > p + 1 && strncmp(p, "/v1/", 4) && strncmp(p, "/api/", 5);
        if (!ours && end < word) last = p, ours = true; /* what is written aside is called by its name */
        if (begins && ours) {
            n += (size_t)snprintf(out + n, sizeof out - n, "%.*s", (int)(p + end - last), last);
            if (n >= sizeof out) n = sizeof out - 1;
            p += word;
        } else out[n++] = *p++;
    }
    return us_text_json(out, n);
}

json_t *us_error_json(const us_server *s, int code, const char *message, const char *reason) {
    const char *type = code == 401   ? "authentication_error"
                       : code == 403 ? "permission_error"
                       : code == 404 ? "not_found_error"
                       : code == 429 ? "rate_limit_error"
                       : code >= 500 ? "server_error"
                                     : "invalid_request_error";
    size_t n = strcspn(message, ": ");
    json_t *param = code == 400 && message[n] == ':' && n < 60 && !memchr(message, '/', n) ? json_stringn(message, n) : NULL;
    return json_pack("{s:{s:o, s:s, s:o, s:s?}}", "error", "message", us_public_json(s, message), "type", type, "param",
                     param ? param : json_null(), "code", reason);
}

static enum MHD_Result refuse(us_request *r, int code, const char *message, const char *reason) {
    if (code != 404) us_log(r->s, "%s %s: %d: %s", r->method, r->path, code, message);
    return us_answer_json(r, code, us_error_json(r->s, code, message, reason));
}

enum MHD_Result us_refuse(us_request *r, int code, const char *message) { return refuse(r, code, message, reason_of(code)); }

int us_http_code(us_status st, const us_error *err) {
    switch (st) {
    case US_ERR_NOT_FOUND: return 404;
    case US_ERR_ARGUMENT:
    case US_ERR_UNSUPPORTED: return 400;
    case US_ERR_LIMIT: {
        const char *why = err->reason ? err->reason : "";
        return !strcmp(why, "queue_full") ? 429 : !strcmp(why, "too_large") ? 413 : !strcmp(why, "quota") ? 507 : 400;
    }
    case US_ERR_MISMATCH: return 409;
    case US_ERR_INTERRUPTED: return 503;
    case US_ERR_IO: return 507;   /* the disk */
    case US_ERR_GATE: return 502; /* the other engine (remote.c) */
    default: return 500;
    }
}

enum MHD_Result us_refuse_error(us_request *r, us_status st, const us_error *err) {
    int code = us_http_code(st, err);
    return refuse(r, code, err->message, us_error_reason(code, err));
}

/* ---- streams ----------------------------------------------------------------------------------------------------- */

us_status us_event(us_request *r, const char *name, json_t *j, us_error *err) {
    char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    json_decref(j);
    us_status st = text ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && name) st = us_buf_appendf(&r->out, err, "event: %s\n", name);
    if (!st) st = us_buf_append_str(&r->out, "data: ", err);
    if (!st) st = us_buf_append_str(&r->out, text, err);
    if (!st) st = us_buf_append_str(&r->out, "\n\n", err);
    free(text);
    return st;
}

/* A client that has closed its side does not want the answer any more. */
bool us_client_gone(const us_request *r) {
    char c;
    return recv(r->socket, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A stream of events that has had nothing to tell for a while says so: who waits, and what stands between, should know that we
 * are there. */
static us_status keep_alive(us_request *r, us_error *err) {
    int64_t now = us_now_ns();
    if (r->out.len || !r->is_events) r->sent_ns = now;
    if (now - r->sent_ns < 2000000000) return US_OK;
    r->sent_ns = now;
    return us_buf_append_str(&r->out, ": still here\n\n", err);
}

static ssize_t send_stream(void *ctx, uint64_t pos, char *out, size_t max) {
    us_request *r = ctx;
    us_error err;
    (void)pos;
    while (r->sent == r->out.len) {
        if (r->ended) return MHD_CONTENT_READER_END_OF_STREAM;
        us_buf_clear(&r->out);
        r->sent = 0;
        if (us_client_gone(r) || r->more(r, &err) || (!r->ended && keep_alive(r, &err)))
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t n = r->out.len - r->sent < max ? r->out.len - r->sent : max;
    memcpy(out, r->out.data + r->sent, n);
    r->sent += n;
    return (ssize_t)n;
}

enum MHD_Result us_answer_stream(us_request *r, us_more_fn *more) { return us_answer_stream_as(r, "text/event-stream", more); }

enum MHD_Result us_answer_stream_as(us_request *r, const char *type, us_more_fn *more) {
    r->more = more;
    r->is_events = !strcmp(type, "text/event-stream");
    r->sent_ns = us_now_ns();
    struct MHD_Response *resp = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, send_stream, r, NULL);
    if (resp) MHD_add_response_header(resp, "X-Accel-Buffering", "no"); /* a proxy in front may not collect it */
    return send_response(r, 200, type, NULL, resp);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

/* Lock held. A request is expected within half a minute of silence, a body within two minutes, however its bytes drip. */
static void close_slow(us_server *s, int64_t now) {
    for (us_connection *k = s->connections; k; k = k->next) {
        double age = (double)(now - k->since_ns) * 1e-9;
        if ((k->state == US_SILENT && age > s->o.idle_seconds) || (k->state == US_ASKING && age > 4 * s->o.idle_seconds))
            shutdown(k->socket, SHUT_RDWR);
    }
}

void *us_http_watch(void *server) {
    us_server *s = server;
    pthread_mutex_lock(&s->lock);
    while (!s->ending) {
        us_cond_wait(&s->freed, &s->lock, us_now_ns() + 1000000000);
        close_slow(s, us_now_ns());
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

enum MHD_Result us_http_accept(void *server, const struct sockaddr *address, socklen_t n) {
    us_server *s = server;
    us_ip_address peer = us_ip_address_of(address);
    (void)n;
    return us_visitors_admit(s->visitors, &peer) ? MHD_YES : MHD_NO;
}

void us_http_connection(void *server, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode what) {
    us_server *s = server;
    us_connection *k = *state;
    pthread_mutex_lock(&s->lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED && !us_alloc(1, sizeof *k, &k, NULL)) {
        *k = (us_connection){.next = s->connections,
                             .socket = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                             .peer =
                                 us_ip_address_of(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr),
                             .since_ns = us_now_ns()};
        k->counted = us_visitors_enter(s->visitors, &k->peer);
        s->connections = *state = k;
        s->n_connections++;
    } else if (what == MHD_CONNECTION_NOTIFY_CLOSED && k) {
        us_connection **p = &s->connections;
        while (*p != k) p = &(*p)->next;
        *p = k->next;
        s->n_connections--;
        if (k->counted) us_visitors_leave(s->visitors, &k->peer);
        free(k);
        *state = NULL;
    }
    pthread_mutex_unlock(&s->lock);
}

static void enter(us_server *s, struct MHD_Connection *c, int state) {
    us_connection *k = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!k) return;
    pthread_mutex_lock(&s->lock);
    k->state = state;
    k->since_ns = us_now_ns();
    pthread_mutex_unlock(&s->lock);
}

/* ---- a request ------------------------------------------------------------------------------------------------- */

static bool needs_body(const us_request *r) { return !strcmp(r->method, "POST") || !strcmp(r->method, "PATCH"); }

static enum MHD_Result preflight(us_request *r, const char *allowed) {
    struct MHD_Response *resp = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (resp) {
        MHD_add_response_header(resp, "Allow", allowed);
        MHD_add_response_header(resp, "Access-Control-Allow-Methods", allowed);
        MHD_add_response_header(resp, "Access-Control-Allow-Headers",
                                "Authorization, Content-Type, Last-Event-ID, X-Understudy-Browser");
        MHD_add_response_header(resp, "Access-Control-Max-Age", "600");
    }
    return send_response(r, 204, NULL, NULL, resp);
}

static enum MHD_Result not_found(us_request *r, const char *allowed) {
    if (!*allowed) return us_refuse(r, 404, "no such page; the API is under /v1 and /api");
    json_t *j = us_error_json(r->s, 405, "this method is not for this path; Allow tells which are", NULL);
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    struct MHD_Response *resp = text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
    if (resp) MHD_add_response_header(resp, "Allow", allowed);
    return send_response(r, 405, "application/json", NULL, resp);
}

static void give_back(us_request *r, size_t n) {
    if (n) us_visitors_release(r->s->visitors, &r->from, n);
    r->held -= n;
}

/* What it carries is not wanted any more. */
static void refuse_later(us_request *r, int code, const char *why) {
    r->refused = code;
    r->why = why;
    us_buf_fini(&r->body);
    give_back(r, r->held);
}

static const char busy_words[] = "too much is being sent at once: try again in a moment";

/* Notes the headers that decide where a request ends, how it is written and whom it is for, and whether one of them says two things. */
static enum MHD_Result see_header(void *head, enum MHD_ValueKind kind, const char *key, const char *value) {
    us_guard_headers *h = head;
    (void)kind;
    if (!value) value = "";
    if (!strcasecmp(key, "Content-Length")) {
        if (h->content_length && strcmp(h->content_length, value) != 0) h->two_things = true;
        else h->content_length = value;
    } else if (!strcasecmp(key, "Host")) {
        if (h->host) h->two_things = true;
        else h->host = value;
    } else if (!strcasecmp(key, "Transfer-Encoding")) {
        if (h->chunked || strcasecmp(value, "chunked") != 0) h->two_things = true;
        h->chunked = true;
    } else if (!strcasecmp(key, "X-Forwarded-For"))
        h->forwarded = value; /* of several the last, which the proxy has put there */
    else if (!strcasecmp(key, "Content-Encoding") && strcasecmp(value, "identity") != 0) h->packed = true;
    return MHD_YES;
}

static us_guard_headers read_head(us_request *r) {
    us_guard_headers h = {.origin = header(r, "Origin"),
                          .content_type = header(r, "Content-Type"),
                          .authorization = header(r, "Authorization"),
                          .fetch_site = header(r, "Sec-Fetch-Site")};
    MHD_get_connection_values(r->c, MHD_HEADER_KIND, see_header, &h);
    return h;
}

/* On a public address everybody has chats of their own: those of their key, or, where none is asked for, of a secret that their
 * browser made. Clients that send none share one lot. */
static void name_owner(us_request *r) {
    bool keys = r->s->guard.n_keys > 0;
    const char *said = header(r, keys ? "Authorization" : "X-Understudy-Browser"), *scheme = "";
    char hex[65];
    us_buf b;
    if (!r->s->is_public) return;
    if (keys && said && !strncasecmp(said, "Bearer ", 7)) scheme = "Bearer ", said += 7; /* "bearer" is the same */
    us_buf_init(&b, 32768);
    if (us_buf_appendf(&b, NULL, "chats of %s%s", scheme, said ? said : "")) us_buf_clear(&b);
    us_sha256_hex(b.data ? b.data : "", b.len, hex);
    snprintf(r->owner, sizeof r->owner, "%.32s", hex);
    us_buf_fini(&b);
}

/* When the head is there: who asks, for what, and how much will come. */
static void judge(us_request *r) {
    us_server *s = r->s;
    const char *why;
    us_guard_headers h = read_head(r);
    bool streamed = r->route && r->route->take;
    us_guard_ask ask = {.change = strcmp(r->method, "GET") && strcmp(r->method, "HEAD") && strcmp(r->method, "OPTIONS"),
                        .body = r->route && needs_body(r) && !streamed,
                        .needs_key = r->route && (r->route->flags & US_ROUTE_KEY),
                        .max_body = r->body.max,
                        .any_type = r->route && (r->route->flags & US_ROUTE_ANSWER)};
    int code = us_guard_check(&s->guard, &h, &ask, &why);
    name_owner(r);
    if (code) refuse_later(r, code, why);
    else if (r->route && (r->route->flags & US_ROUTE_STUDIO) && !s->studio)
        refuse_later(r, 501,
                     s->is_public ? "the studio is off on a public address; --studio switches it on"
                                  : "the studio is off: it needs a data folder (--data-dir)");
    else if (streamed && h.content_length && strtoull(h.content_length, NULL, 10) > US_MAX_SCRIPT)
        refuse_later(r, 413, "a script may take 256 MiB here");
    else if (us_visitors_forwarded(s->visitors, &r->from, h.forwarded, &r->from) &&
             !(r->counted = us_visitors_enter(s->visitors, &r->from)))
        refuse_later(r, 429, "too many requests at once from this address");
    else if (r->unknown) refuse_later(r, 404, !strcmp(r->unknown, "turn") ? "there is no such turn" : "there is no such chat");
    else if (*r->chat && *r->owner && !us_store_is_owner(s->store, r->chat, r->owner))
        refuse_later(r, 404, "there is no such chat");
    else if (ask.body && h.content_length && us_buf_reserve(&r->body, strtoull(h.content_length, NULL, 10), NULL))
        refuse_later(r, 503, busy_words); /* reserved is not yet touched: only what comes is counted */
}

static void keep(us_request *r, const char *data, size_t n) {
    if (r->refused || !r->route || !needs_body(r)) return;
    if (r->route->take && r->taken.status) return; /* what still comes has two minutes */
    if (r->route->take) { /* straight to its place; as long as it comes it may come, but not a byte a minute */
        if ((r->streamed += n) >= STREAM_PIECE) enter(r->s, r->c, US_ASKING), r->streamed = 0;
        if (r->route->take(r, data, n, &r->taken)) us_log(r->s, "%s: %s", r->path, r->taken.message);
        return;
    }
    if (n > r->body.max - r->body.len) refuse_later(r, 413, "the body is too large: 1 MiB is allowed, 12 MiB for uploads");
    else if (!hold(r, n) || us_buf_append(&r->body, data, n, NULL)) refuse_later(r, 503, busy_words);
}

static bool parse_body(us_request *r, char message[400]) {
    json_error_t where;
    size_t n = r->body.len;
    if (!n) return true;
    if (!hold(r, us_json_cost(r->body.data, n))) {
        refuse_later(r, 503, busy_words);
        return false;
    }
    r->json = us_json_parse(r->body.data, n, &where);
    us_buf_fini(&r->body);
    give_back(r, n);
    if (json_is_object(r->json)) return true;
    snprintf(message, 400, "the body is not a JSON object: %s", r->json ? "another kind of value" : where.text);
    refuse_later(r, 400, message);
    return false;
}

static enum MHD_Result answer(us_request *r) {
    us_server *s = r->s;
    char message[400];
    if (r->refused) return us_refuse(r, r->refused, r->why);
    r->failures = us_memory_failures();
    if (!strcmp(r->method, "OPTIONS") && *r->allowed) return preflight(r, r->allowed);
    if (!r->route) return not_found(r, r->allowed);
    if (r->taken.status) return us_refuse_error(r, r->taken.status, &r->taken);
    if (needs_body(r) && !parse_body(r, message)) return us_refuse(r, r->refused, r->why);
    if ((r->route->flags & US_ROUTE_MODEL) && !s->ready)
        return us_refuse(r, 503, s->ending ? "the server is ending" : "the model is being loaded");
    us_error err;
    us_status st = r->route->flags & US_ROUTE_KEEPS ? us_store_make_room(s->store, &err) : US_OK;
    if (st) return us_refuse_error(r, st, &err);
    /* Jobs stand still while a reply is asked for; jobs.c keeps them so while it is made, however slowly it is then read. */
    bool holds = s->studio && (r->route->flags & US_ROUTE_MODEL) && !strcmp(r->method, "POST");
    bool alone = (r->route->flags & US_ROUTE_LARGE) && (!needs_body(r) || r->held >= LARGE_ANSWER);
    if (holds) us_jobs_hold(s->studio->jobs, true);
    if (alone) pthread_mutex_lock(&s->large);
    enum MHD_Result rc = r->route->answer(r);
    if (alone) pthread_mutex_unlock(&s->large);
    if (holds) us_jobs_hold(s->studio->jobs, false);
    us_changed_by(r);
    if (!r->more) us_chat_release(r); /* a client that is slow to read its answer keeps nobody from the chat */
    return rc;
}

static us_request *open_request(us_server *s, struct MHD_Connection *c, const char *method, const char *url) {
    us_request *r;
    us_connection *k = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!k || us_alloc(1, sizeof *r, &r, NULL)) return NULL;
    r->s = s;
    r->c = c;
    r->socket = k->socket;
    r->from = k->peer;
    r->start_ns = us_now_ns();
    snprintf(r->method, sizeof r->method, "%s", method);
    if (snprintf(r->path, sizeof r->path, "%s", url) >= (int)sizeof r->path) snprintf(r->path, sizeof r->path, "(too long)");
    us_route_tidy(r->path, sizeof r->path);
    r->route = us_route_find(r, r->allowed);
    us_buf_init(&r->body, r->route && (r->route->flags & US_ROUTE_UPLOAD) ? US_MAX_UPLOAD : US_MAX_BODY);
    us_buf_init(&r->out, 8 << 20);
    return r;
}

/* There is no memory even for the request. */
static enum MHD_Result turn_away(struct MHD_Connection *c) {
    static char words[] =
        "{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\",\"param\":null,\"code\":\"not_ready\"}}";
    struct MHD_Response *resp = MHD_create_response_from_buffer(sizeof words - 1, words, MHD_RESPMEM_PERSISTENT);
    if (!resp) return MHD_NO;
    MHD_add_response_header(resp, "Content-Type", "application/json");
    enum MHD_Result rc = MHD_queue_response(c, 503, resp);
    MHD_destroy_response(resp);
    return rc;
}

enum MHD_Result us_http_handle(void *server, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                               const char *data, size_t *n, void **state) {
    us_request *r = *state;
    (void)version;
    if (!r) { /* the head alone */
        enter(server, c, US_ASKING);
        if (!(r = *state = open_request(server, c, method, url))) return turn_away(c);
        judge(r);
        /* A client that asks before it sends is told at once, and one that is not clear about its end is not read on. Others
         * send first and read then: they get their answer when all has come, and nothing of it is kept. */
        return r->refused && (r->refused == 400 || header(r, "Expect")) ? us_refuse(r, r->refused, r->why) : MHD_YES;
    }
    if (*n) {
        keep(r, data, *n);
        *n = 0;
        return MHD_YES;
    }
    enter(server, c, US_ANSWERED);
    return answer(r);
}

void us_http_completed(void *server, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how) {
    us_server *s = server;
    us_request *r = *state;
    (void)how;
    enter(s, c, US_SILENT);
    if (!r) return;
    if (r->free_work) r->free_work(r->work);
    us_chat_release(r);
    if (r->more) us_changed_by(r); /* a reply has ended */
    give_back(r, r->held);
    if (r->counted) us_visitors_leave(s->visitors, &r->from);
    int kind = r->code / 100;
    pthread_mutex_lock(&s->lock);
    if (kind >= 0 && kind < 6) s->n_requests[kind]++;
    pthread_mutex_unlock(&s->lock);
    if (r->code && strcmp(r->path, "/health"))
        us_log(s, "%s %s %d %.0f ms", r->method, r->path, r->code, (double)(us_now_ns() - r->start_ns) * 1e-6);
    json_decref(r->json);
    us_buf_fini(&r->body);
    us_buf_fini(&r->out);
    free(r);
    *state = NULL;
}
