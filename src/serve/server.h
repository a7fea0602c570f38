/* serve/server.h - the server from the inside: what every route sees.
 *
 * A thread a connection (http.c) parses a request and calls its route from the table in routes.c. A route answers at once, or
 * streams: it leaves `more`, which http.c calls whenever the client can take bytes. Replies are made by reply/reply.h: one
 * worker owns the engine. Characters (character/library.h) and chats (chat/store.h) have locks of their own. */
#ifndef US_SERVE_SERVER_H
#define US_SERVE_SERVER_H
#include "base/buf.h"
#include "base/json.h"
#include "chat/store.h"
#include "reply/reply.h"
#include "character/library.h"
#include "serve/guard.h"
#include "serve/page.h"
#include "serve/visitors.h"
#include "understudy/sampler.h"
#include "understudy/serve.h"
#include "understudy/template.h"
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    US_MAX_BODY = 1 << 20,
    US_MAX_UPLOAD = 12 << 20,
    US_MAX_CONNECTIONS = 1100,
    US_MAX_FROM_ONE = 200,           /* connections of one address */
    US_MAX_HELD = 96 << 20,          /* bytes of bodies and their values, of all requests together; one address: half */
    US_CHATS_MIB = 1024,             /* of all chats, on a public address */
    US_CONNECTION_STACK = 512 << 10, /* of its thread; fuzz/replay.c has as much */
    US_CONNECTION_BYTES = 36 << 10   /* libmicrohttpd's, of which half is for headers; it touches all of it after a request */
};

typedef struct us_request us_request;
typedef struct us_studio us_studio;

/* What has changed, for the pages that listen (events.c). */
enum { US_N_CHANGES = 256, US_EVENT_ID = 48 };
typedef struct us_change {
    char what[16], id[64], owner[33];
} us_change;
typedef struct us_changes {
    pthread_mutex_t lock;
    uint64_t n; /* of all there were; the last US_N_CHANGES are kept */
    us_change ring[US_N_CHANGES];
} us_changes;

/* The right of one request to change one chat. It is a part of the request and ends with it. */
typedef struct us_claim {
    struct us_claim *next; /* of the server's list, while `chat` is not empty */
    char chat[US_STORE_ID];
    us_reply *reply;       /* what /stop ends */
    bool replies, is_over; /* a reply will be made; /stop came before there was one */
} us_claim;

/* An open connection: a watch closes those that take for ever to say what they want. */
typedef struct us_connection {
    struct us_connection *next;
    int socket;
    us_ip_address peer;
    bool counted;                                         /* among those of its address */
    enum { US_SILENT = 0, US_ASKING, US_ANSWERED } state; /* no request yet; its body comes; it is being answered */
    int64_t since_ns;
} us_connection;

struct us_server {
    us_serve_options o;
    us_guard guard;
    us_visitors *visitors;
    us_backend backend;     /* where replies are made: {0} until the model is there */
    us_logit_bias ends[16]; /* [n_ends] what forbids a reply to end (ignore_eos) */
    size_t n_ends;
    atomic_bool ready, ending;
    us_characters *characters;
    us_store *store;
    int lock_fd; /* of the data folder; -1: none */
    us_changes changes;
    us_studio *studio; /* NULL: off */
    bool is_public;    /* not a loopback address */
    struct MHD_Daemon *daemon;
    pthread_mutex_t large; /* held while something is made that takes much memory: one at a time */
    pthread_mutex_t lock;  /* of what follows */
    pthread_cond_t freed;
    us_claim *claims;
    us_connection *connections;
    pthread_t watch;
    bool watching;
    uint64_t n_requests[6]; /* by the first digit of the status */
    atomic_int n_connections;
    int64_t started_ms;
};

/* Writes the next piece of a stream into r->out; sets r->ended at its end. */
typedef us_status us_more_fn(us_request *r, us_error *err);

struct us_request {
    us_server *s;
    struct MHD_Connection *c;
    int socket, code;
    int64_t start_ns;
    char method[8], path[160];
    /* What the path names (routes.c): all bounded and of the right form, or `unknown` tells which is not ("chat", "turn"). */
    char args[2][64], chat[US_STORE_ID];
    int64_t turn;
    const char *unknown;
    us_claim claim;
    const struct us_route *route; /* NULL: none fits */
    char allowed[64];             /* the methods of its path */
    us_ip_address from;           /* whose it is: the connection's, or what the trusted proxy tells */
    bool counted;                 /* as one of `from`, who is behind the proxy */
    size_t streamed;              /* bytes of a streamed body since the watch was told of one */
    size_t held;                  /* bytes counted as kept by `from` */
    int refused;                  /* the status, once it is clear: what still comes of the body is not kept */
    const char *why;
    unsigned failures; /* us_memory_failures() when its answering began */
    us_error taken;    /* what the taker of a streamed body said */
    char owner[33];    /* whose chats are seen: of the key, or of the browser's secret; "": everybody's */
    us_buf body;       /* empty once it is parsed */
    json_t *json;      /* the body; NULL when there is none */
    us_buf out;        /* of a stream: bytes not yet sent */
    size_t sent;
    bool ended, is_events;
    int64_t sent_ns; /* when there was something to send */
    us_more_fn *more;
    void *work; /* the route's own, freed by free_work when the request ends, however it ends */
    void (*free_work)(void *work);
};

/* ---- answers (http.c) ---- */
enum MHD_Result us_answer(us_request *r, int code, const char *type, const void *data, size_t n, const char *download_name);
/* A regular file, read as the client takes it: none of it is kept in memory. 404 for anything else. */
enum MHD_Result us_answer_file(us_request *r, const char *type, const char *path, const char *download_name);
/* A file of the page: the browser keeps it, and asks each time whether it is still the same. */
enum MHD_Result us_answer_page(us_request *r, const us_page_file *f);
/* Takes over j. */
enum MHD_Result us_answer_json(us_request *r, int code, json_t *j);
/* In OpenAI's shape. A message "NAME: ..." tells the parameter. */
enum MHD_Result us_refuse(us_request *r, int code, const char *message);
enum MHD_Result us_refuse_error(us_request *r, us_status st, const us_error *err);
/* One word for a program, which may say it in another language; NULL: the message alone. */
const char *us_error_reason(int code, const us_error *err);
/* The words of an error as a client may read them: without the folders of this machine. The log has them whole. */
json_t *us_public_json(const us_server *s, const char *message);
json_t *us_error_json(const us_server *s, int code, const char *message, const char *reason);
int us_http_code(us_status st, const us_error *err);
/* Server-sent events: `more` writes them into r->out. */
enum MHD_Result us_answer_stream(us_request *r, us_more_fn *more);
/* The same as another type: of lines of JSON. */
enum MHD_Result us_answer_stream_as(us_request *r, const char *type, us_more_fn *more);
/* "event: NAME\ndata: JSON\n\n", or without a name. Takes over j. */
US_MUST_USE us_status us_event(us_request *r, const char *name, json_t *j, us_error *err);
bool us_client_gone(const us_request *r);
enum MHD_Result us_http_handle(void *server, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                               const char *data, size_t *n, void **state);
void us_http_completed(void *server, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how);
/* Whether a connection is let in. */
enum MHD_Result us_http_accept(void *server, const struct sockaddr *address, socklen_t n);
void us_http_connection(void *server, struct MHD_Connection *c, void **state, enum MHD_ConnectionNotificationCode what);
/* Closes slow connections until the server ends; a thread's function. */
void *us_http_watch(void *server);
/* Fills what of a conversation is the character's, whose adapter is loaded if it has one and `scale` is not 0. The caller keeps
 * its reference to the character until the reply is freed. MISMATCH. */
struct us_conversation;
US_MUST_USE us_status us_character_speaks(us_server *s, us_character *who, double scale, struct us_conversation *c,
                                          us_error *err);
/* What a character greets with; `listed`: in a list of all of them, where a long one ends with "…". */
json_t *us_greeting_json(const us_card *card, bool listed);
/* What chooses among a loaded character's takes: "director" or "likelihood". */
const char *us_judge_name(const us_server *s, const us_character *who);
void us_log(const us_server *s, const char *fmt, ...) US_PRINTF(2, 3);

/* ---- the table (routes.c) ---- */
enum {
    US_ROUTE_KEY = 1,
    US_ROUTE_MODEL = 2,
    US_ROUTE_UPLOAD = 4,
    US_ROUTE_STUDIO = 8,
    US_ROUTE_ANSWER = 16, /* nothing comes of it but its answer */
    US_ROUTE_KEEPS = 32,  /* chats grow by it */
    US_ROUTE_LARGE = 64   /* its answer may take many times what it is asked with: one at a time is made (us_server.large) */
};
typedef struct us_route {
    const char *method, *path; /* one segment each: a star for any, @ for a chat's id, # for a turn's */
    enum MHD_Result (*answer)(us_request *r);
    unsigned flags; /* a key is needed; the model is; the body may be large; the studio must be on */
    us_status (*take)(us_request *r, const char *data, size_t n, us_error *err); /* the body as it comes, no JSON; or NULL */
} us_route;
/* The address that is meant, in place (path[max]): no empty or trailing segment, /v1 once. */
void us_route_tidy(char *path, size_t max);
/* Fills r->args, chat, turn and unknown. NULL: *allowed is the methods there are for this path ("" when there is no such path).
 */
const us_route *us_route_find(us_request *r, char allowed[64]);

enum MHD_Result us_route_health(us_request *r);
enum MHD_Result us_route_metrics(us_request *r);
enum MHD_Result us_route_state(us_request *r);
enum MHD_Result us_route_models(us_request *r);
enum MHD_Result us_route_model(us_request *r);
enum MHD_Result us_route_tokenize(us_request *r);
enum MHD_Result us_route_detokenize(us_request *r);
enum MHD_Result us_route_chat_completions(us_request *r);
enum MHD_Result us_route_completions(us_request *r);
enum MHD_Result us_route_llama_completion(us_request *r);
enum MHD_Result us_route_llama_props(us_request *r);
enum MHD_Result us_route_llama_template(us_request *r);
enum MHD_Result us_route_llama_slots(us_request *r);
enum MHD_Result us_route_no_embeddings(us_request *r);
enum MHD_Result us_route_not_here(us_request *r);
enum MHD_Result us_route_ollama_version(us_request *r);
enum MHD_Result us_route_ollama_tags(us_request *r);
enum MHD_Result us_route_ollama_ps(us_request *r);
enum MHD_Result us_route_ollama_show(us_request *r);
enum MHD_Result us_route_ollama_chat(us_request *r);
enum MHD_Result us_route_ollama_generate(us_request *r);
enum MHD_Result us_route_ollama_refused(us_request *r);
enum MHD_Result us_route_characters(us_request *r);
enum MHD_Result us_route_character(us_request *r);
enum MHD_Result us_route_character_picture(us_request *r);
enum MHD_Result us_route_character_card_json(us_request *r);
enum MHD_Result us_route_character_card_png(us_request *r);
enum MHD_Result us_route_character_file(us_request *r);
enum MHD_Result us_route_character_add(us_request *r);
enum MHD_Result us_route_chats(us_request *r);
enum MHD_Result us_route_chat_add(us_request *r);
enum MHD_Result us_route_chat(us_request *r);
enum MHD_Result us_route_chat_change(us_request *r);
enum MHD_Result us_route_chat_delete(us_request *r);
enum MHD_Result us_route_chat_restore(us_request *r);
enum MHD_Result us_route_chat_export(us_request *r);
enum MHD_Result us_route_chat_import(us_request *r);
enum MHD_Result us_route_branch(us_request *r);
enum MHD_Result us_route_undo(us_request *r);
enum MHD_Result us_route_turn_change(us_request *r);
enum MHD_Result us_route_turn_delete(us_request *r);
enum MHD_Result us_route_turn_prompt(us_request *r);
enum MHD_Result us_route_say(us_request *r);
enum MHD_Result us_route_next(us_request *r);
enum MHD_Result us_route_regenerate(us_request *r);
enum MHD_Result us_route_continue(us_request *r);
enum MHD_Result us_route_search(us_request *r);
enum MHD_Result us_route_compare(us_request *r);
enum MHD_Result us_route_stop(us_request *r);

#endif
