/* The server's start and end. */
#include "understudy/serve.h"
#include "backup/parts.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "chat/conversation.h"
#include "serve/studio.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void forget(void *ctx, const us_adapter *adapter) {
    us_server *s = ctx;
    if (s->backend.batch) us_batch_forget(s->backend.batch, adapter);
}

static void log_line(void *ctx, const char *line) { us_log(ctx, "%s", line); }

us_status us_character_speaks(us_server *s, us_character *who, double scale, us_conversation *c, us_error *err) {
    const us_model *model = s->backend.model;
    us_status st = model ? us_character_load(who, model, scale > 0, s->o.force_adapter, err) : US_OK;
    c->card = who->card;
    c->trained = who->has_adapter && scale > 0;
    c->adapter = scale > 0 ? who->adapter : NULL;
    c->scale = scale;
    c->director = who->director;
    c->phrases = who->phrases;
    c->n_phrases = who->n_phrases;
    c->id = who->id;
    return st;
}

const char *us_judge_name(const us_server *s, const us_character *who) {
    return who->director && s->backend.engine ? "director" : "likelihood";
}

static us_status open_guard(us_server *s, struct sockaddr_in *a, us_error *err) {
    const us_serve_options *o = &s->o;
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)o->port);
    if (o->port < 0 || o->port > 65535 || inet_pton(AF_INET, o->host, &a->sin_addr) != 1)
        return us_fail(err, US_ERR_ARGUMENT, "an IPv4 address and a port up to 65535 (0: any) are expected, got %s port %d",
                       o->host, o->port);
    bool public = ntohl(a->sin_addr.s_addr) >> 24 != 127;
    if (public && !o->api_key_file && !o->public_without_key)
        return us_fail(err, US_ERR_ARGUMENT,
                       "%s is not a loopback address and no API key is given: everybody on the network could use it "
                       "(--api-key-file, or --no-api-key)",
                       o->host);
    s->is_public = public;
    s->guard = (us_guard){.host = o->host,
                          .cors_origin = o->cors_origin,
                          .any_ip = public && !o->api_key_file,
                          .any_host = public && o->api_key_file};
    return o->api_key_file ? us_guard_read_keys(o->api_key_file, &s->guard.keys, &s->guard.n_keys, err) : US_OK;
}

/* Two servers would answer in the same chats, each without the other's knowledge. */
static us_status lock_folder(us_server *s, const char *dir, us_error *err) {
    char *path = us_path_join(dir, "server.lock");
    us_status st = path ? us_file_lock(path, &s->lock_fd, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (st == US_ERR_MISMATCH) st = us_fail(err, st, "%s: another server uses this folder: end it, or give --data-dir", dir);
    free(path);
    return st;
}

static us_status finish_restore(const us_server *s, const char *dir, us_error *err) {
    bool found;
    char replaced[512];
    us_status st = us_backup_finish_restore(dir, &found, replaced, err);
    if (!st && found)
        us_log(s, "a restore that was killed has been completed%s%s", *replaced ? "; what was there before lies in " : "",
               replaced);
    return st;
}

/* What earlier processes were killed in the middle of. */
static void forget_unfinished(const char *dir) {
    static const char *const folders[] = {"characters", "scripts", "rehearsals", "jobs", "trash"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path = us_path_join(dir, folders[i]);
        if (path) us_dir_remove_unfinished(path);
        free(path);
    }
}

static us_status open_data(us_server *s, us_error *err) {
    const char *roots[2], *dir = s->o.data_dir;
    size_t n = 0;
    char *chats = dir ? us_path_join(dir, "chats.db") : NULL, *own = dir ? us_path_join(dir, "characters") : NULL;
    us_status st = dir && (!chats || !own) ? us_fail(err, US_ERR_MEMORY, "out of memory") : US_OK;
    if (!st && own) st = us_dir_make_private(dir, err);
    if (!st && own) st = lock_folder(s, dir, err);
    if (!st && own) st = finish_restore(s, dir, err);
    if (!st && own) st = us_dir_make_private(own, err);
    if (!st && own) forget_unfinished(dir), us_characters_forget_half(own);
    if (s->o.characters) roots[n++] = s->o.characters;
    if (own) roots[n++] = own;
    if (!st && s->o.characters && !us_dir_exists(s->o.characters))
        st = us_fail(err, US_ERR_NOT_FOUND, "--characters %s: there is no such folder", s->o.characters);
    us_characters_hooks hooks = {s, forget, log_line};
    if (!st) st = us_characters_new(roots, n, &hooks, &s->characters, err);
    if (!st && dir && s->o.program && (!s->is_public || s->o.studio)) st = us_studio_open(s, err);
    if (!st) st = us_store_open(chats ? chats : ":memory:", &s->store, err);
    int32_t mib = s->o.chats_mib ? s->o.chats_mib : s->is_public ? US_CHATS_MIB : -1;
    if (!st && mib > 0) st = us_store_set_room(s->store, (uint64_t)mib << 20, err);
    free(chats);
    free(own);
    return st;
}

/* "%00" would end the path for everybody who reads it as a string. */
static size_t unescape(void *ctx, struct MHD_Connection *c, char *s) {
    (void)ctx, (void)c;
    for (char *p = s; (p = strstr(p, "%00"));) memcpy(p, "%01", 3);
    return MHD_http_unescape(s);
}

/* As many as there are files for: one for each, and one that it is sent or brings. */
static unsigned connections_of(const us_server *s) {
    struct rlimit files;
    rlim_t most = getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY ? 1 << 20 : files.rlim_cur, own = 64;
    rlim_t n = most > own + 16 ? (most - own) / 2 : 8;
    if (n >= US_MAX_CONNECTIONS) return US_MAX_CONNECTIONS;
    us_log(s, "only %u connections at once: a process may have %llu files here (ulimit -n)", (unsigned)n,
           (unsigned long long)most);
    return (unsigned)n;
}

static us_status listen_on(us_server *s, struct sockaddr_in *a, us_error *err) {
    s->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, /* select() ends at 1024 files */
        (uint16_t)s->o.port, us_http_accept, s, us_http_handle, s, MHD_OPTION_SOCK_ADDR, a, MHD_OPTION_NOTIFY_COMPLETED,
        us_http_completed, s, MHD_OPTION_NOTIFY_CONNECTION, us_http_connection, s, MHD_OPTION_CONNECTION_LIMIT,
        connections_of(s), MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(4 * s->o.idle_seconds), MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)US_CONNECTION_STACK, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)US_CONNECTION_BYTES,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
    if (!s->daemon) return us_fail(err, US_ERR_IO, "cannot listen on %s port %d (is it in use?)", s->o.host, s->o.port);
    const union MHD_DaemonInfo *got = s->o.port ? NULL : MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (got) s->o.port = got->port;
    return US_OK;
}

int us_server_port(const us_server *s) { return s->o.port; }

us_status us_server_new(const us_serve_options *o, us_server **out, us_error *err) {
    us_server *s;
    struct sockaddr_in a = {0};
    us_status st = us_alloc(1, sizeof *s, &s, err);
    if (st) return st;
    if (o) s->o = *o;
    s->lock_fd = -1;
    if (!s->o.host) s->o.host = "127.0.0.1";
    if (s->o.n_parallel < 1) s->o.n_parallel = 8;
    if (s->o.n_queue < 1) s->o.n_queue = 64;
    if (s->o.n_ctx < 1) s->o.n_ctx = 16384;
    if (s->o.idle_seconds < 1) s->o.idle_seconds = 30;
    if (s->o.engine_timeout < 1) s->o.engine_timeout = 120;
    pthread_mutex_init(&s->changes.lock, NULL);
    s->started_ms = us_now_ns() / 1000000;
    pthread_mutex_init(&s->large, NULL);
    pthread_mutex_init(&s->lock, NULL);
    us_cond_init(&s->freed);
    st = open_guard(s, &a, err);
    us_visitor_caps caps = {US_MAX_FROM_ONE, US_MAX_HELD / 2, US_MAX_HELD};
    if (!st) st = us_visitors_new(&caps, o->trusted_proxy, &s->visitors, err);
    if (!st) st = open_data(s, err);
    if (!st && o->engine_url) st = us_backend_open_remote(o->engine_url, o->engine_key, s->o.engine_timeout, &s->backend, err);
    if (!st && o->engine_url) s->ready = true;
    if (!st) st = listen_on(s, &a, err);
    if (!st && pthread_create(&s->watch, NULL, us_http_watch, s)) st = us_fail(err, US_ERR_IO, "cannot start a thread");
    s->watching = !st;
    if (st) us_server_free(s);
    else *out = s;
    return st;
}

us_status us_server_set_model(us_server *s, const us_model *model, us_error *err) {
    us_engine_options eo = {.n_threads = s->o.n_threads,
                            .n_ctx = s->o.n_ctx,
                            .n_seq_max = s->o.n_parallel * (US_MAX_TAKES + 2) + 2 * US_MAX_TAKES + 64};
    us_engine *engine;
    us_status st = us_engine_new(model, &eo, &engine, err);
    if (st) return st;
    if ((st = us_backend_open(engine, s->o.n_parallel, s->o.n_queue, &s->backend, err))) {
        us_engine_free(engine);
        return st;
    }
    const us_tokenizer *tok = s->backend.tok;
    for (int32_t id = 0; id < us_tokenizer_n_vocab(tok) && s->n_ends < sizeof s->ends / sizeof *s->ends; id++)
        if (us_tokenizer_is_end(tok, id)) s->ends[s->n_ends++] = (us_logit_bias){id, -100};
    s->ready = true; /* sequentially consistent: who sees it sees the rest */
    return US_OK;
}

void us_server_free(us_server *s) {
    if (!s) return;
    s->ending = true;
    s->ready = false;
    us_backend_stop(&s->backend); /* those who wait are told at once, and save what they have */
    if (s->watching) {
        pthread_mutex_lock(&s->lock);
        pthread_cond_broadcast(&s->freed);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->watch, NULL);
    }
    if (s->daemon) MHD_stop_daemon(s->daemon);
    us_studio_close(s);
    us_characters_free(s->characters);
    us_engine *engine = s->backend.engine;
    us_backend_close(&s->backend);
    us_engine_free(engine);
    us_store_close(s->store);
    if (s->lock_fd >= 0) close(s->lock_fd);
    pthread_mutex_destroy(&s->changes.lock);
    us_visitors_free(s->visitors);
    us_guard_free_keys(s->guard.keys, s->guard.n_keys);
    pthread_mutex_destroy(&s->large);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->freed);
    free(s);
}
