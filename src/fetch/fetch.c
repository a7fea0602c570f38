/* Fetching: PATH.part grows, PATH.part.tag says of which version it is; when all of it is there and right, it becomes PATH.
 * Every answer of the server is hostile: its sizes, ranges and redirections are checked, and what is no GGUF file ends at
 * once. */
#include "understudy/fetch.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "fetch/address.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAX_BYTES ((uint64_t)1 << 41)
enum { TRIES = 6, REDIRECTIONS = 5, STALLED_S = 60, CONNECT_S = 30 };

typedef struct fetching {
    const us_address *a;
    const us_fetch_options *o;
    CURL *curl;
    char *part, *tag_path;
    int fd;
    uint64_t have;                 /* bytes of the part */
    char tag[160];                 /* the ETag of the version that the part is of; "" when none is known */
    long code;                     /* of the answer under way */
    bool whole;                    /* that answer begins at byte 0 */
    uint64_t total;                /* of the whole file; 0 when not known */
    char sum[65];                  /* SHA-256 that Hugging Face announces */
    char seen[160];                /* the ETag of the answer under way */
    uint64_t length, from, linked; /* its Content-Length, Content-Range; X-Linked-Size */
    bool ranged, stopped;
    int64_t shown; /* when progress was called last */
    us_status st;
    us_error *err;
} fetching;

bool us_fetch_is_address(const char *name) { return !strncmp(name, "hf:", 3) || strstr(name, "://"); }

static size_t failed(fetching *f, us_status st) {
    f->st = st;
    return 0;
}

/* ---- headers ------------------------------------------------------------------------------------------------- */

static bool header(const char *line, size_t n, const char *name, char *out, size_t cap) {
    size_t k = strlen(name);
    if (n <= k || strncasecmp(line, name, k)) return false;
    while (k < n && (line[k] == ' ' || line[k] == '\t')) k++;
    while (n > k && strchr(" \t\r\n", line[n - 1])) n--;
    if (n - k >= cap) n = k + cap - 1;
    memcpy(out, line + k, n - k);
    out[n - k] = 0;
    return true;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx) {
    fetching *f = ctx;
    size_t n = size * count;
    char v[160];
    if (n > 5 && !strncmp(line, "HTTP/", 5)) { /* each answer of a chain begins anew, but for what the hub said of the file */
        f->length = f->from = 0;
        f->seen[0] = 0;
        f->ranged = false;
    } else if (header(line, n, "Content-Length:", v, sizeof v)) f->length = strtoull(v, NULL, 10);
    else if (header(line, n, "X-Linked-Size:", v, sizeof v)) f->linked = strtoull(v, NULL, 10);
    else if (header(line, n, "ETag:", v, sizeof v))
        snprintf(f->seen, sizeof f->seen, "%s", strncmp(v, "W/", 2) ? v : ""); /* a weak one may name two versions */
    else if (header(line, n, "X-Linked-ETag:", v, sizeof v)) {
        size_t quote = *v == '"', len = strlen(v) - 2 * quote;
        if (len == 64 && strspn(v + quote, "0123456789abcdef") == 64) memcpy(f->sum, v + quote, 64), f->sum[64] = 0;
    } else if (header(line, n, "Content-Range:", v, sizeof v)) {
        unsigned long long from, to, total;
        if (sscanf(v, "bytes %19llu-%19llu/%19llu", &from, &to, &total) == 3)
            f->ranged = true, f->from = from, f->total = total;
    }
    return n;
}

/* ---- the body ------------------------------------------------------------------------------------------------- */

static us_status room_for(const fetching *f) {
    struct statvfs v;
    uint64_t need = f->total > f->have ? f->total - f->have : 0, have;
    if (!need || statvfs(f->a->folder, &v)) return US_OK;
    have = (uint64_t)v.f_bavail * v.f_frsize;
    return need <= have ? US_OK
                        : us_fail(f->err, US_ERR_IO, "%s: %.2f GB are to come, %.2f GB are free there", f->a->folder,
                                  (double)need / 1e9, (double)have / 1e9);
}

/* Without an ETag, the size has to tell whether it is still the same file. */
static bool is_size(const char *tag) { return !strncmp(tag, "size:", 5); }

/* The first bytes of an answer: is it the rest of our part, the whole file again, or something else? */
static us_status begin_body(fetching *f) {
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->code);
    if (f->code != 200 && f->code != 206) return US_OK; /* a page about an error: it is not kept */
    f->whole = f->code == 200;
    if (f->code == 206 && (!f->ranged || f->from != f->have))
        return us_fail(f->err, US_ERR_MISMATCH, "%s: the server was asked from byte %llu on and sends from %llu", f->a->url,
                       (unsigned long long)f->have, (unsigned long long)f->from);
    if (f->whole) {
        f->have = 0;
        f->total = f->length;
        if (ftruncate(f->fd, 0) || lseek(f->fd, 0, SEEK_SET) < 0)
            return us_fail(f->err, US_ERR_IO, "%s: %s", f->part, strerror(errno));
    }
    if (f->linked && f->total && f->total != f->linked)
        return us_fail(f->err, US_ERR_MISMATCH, "%s: the server announces %llu bytes and sends %llu", f->a->url,
                       (unsigned long long)f->linked, (unsigned long long)f->total);
    if (f->total > MAX_BYTES)
        return us_fail(f->err, US_ERR_LIMIT, "%s: %llu bytes are more than a model has", f->a->url,
                       (unsigned long long)f->total);
    if (!f->whole && is_size(f->tag) && strtoull(f->tag + 5, NULL, 10) != f->total)
        return us_fail(f->err, US_ERR_MISMATCH, "%s: the file has changed on the server; fetch it again", f->a->url);
    if (*f->seen || !f->total) snprintf(f->tag, sizeof f->tag, "%s", f->seen);
    else snprintf(f->tag, sizeof f->tag, "size:%llu", (unsigned long long)f->total);
    us_status st = us_file_write_atomic(f->tag_path, f->tag, strlen(f->tag), f->err);
    return st ? st : room_for(f);
}

/* What a server sends in place of a file, and what to do. */
static const char *instead(const char *url, const char *data, size_t n) {
    if (strstr(url, "/blob/")) return " but the page about it: write /resolve/ in place of /blob/";
    if (n > 19 && !memcmp(data, "version https://git", 19))
        return " but a Git LFS pointer to it: write /resolve/ in place of /raw/, or the file's own address";
    return n && *data == '<' ? " but a web page: the address is not the file's own, or it wants a login" : "";
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx) {
    fetching *f = ctx;
    size_t n = size * count;
    if (!f->code && (f->st = begin_body(f))) return failed(f, f->st);
    if (f->code != 200 && f->code != 206) return n;
    if (!f->have && (n < 4 || memcmp(data, "GGUF", 4)))
        return failed(f, us_fail(f->err, US_ERR_MISMATCH, "%s: what the server sends is no GGUF file%s", f->a->url,
                                 instead(f->a->url, data, n)));
    if ((f->total && f->have + n > f->total) || f->have + n > MAX_BYTES)
        return failed(f, us_fail(f->err, US_ERR_MISMATCH, "%s: the server sends more than the %llu bytes that it announced",
                                 f->a->url, (unsigned long long)f->total));
    for (size_t at = 0; at < n;) {
        ssize_t w = write(f->fd, data + at, n - at);
        if (w < 0 && errno == EINTR) continue;
        if (w < 0) return failed(f, us_fail(f->err, US_ERR_IO, "%s: %s", f->part, strerror(errno)));
        at += (size_t)w;
        f->have += (uint64_t)w;
    }
    return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    fetching *f = ctx;
    (void)a, (void)b, (void)c, (void)d;
    int64_t now = us_now_ns();
    if (!f->o->progress || now - f->shown < 100000000) return 0;
    f->shown = now;
    f->stopped = !f->o->progress(f->o->ctx, strrchr(f->a->path, '/') + 1, f->have, f->total);
    return f->stopped;
}

/* ---- one try, and all of them ------------------------------------------------------------------------------------ */

static void set_up(fetching *f, char *reason) {
    CURL *c = f->curl;
    curl_easy_setopt(c, CURLOPT_URL, f->a->url);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTIONS);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, f->a->local ? "http" : "https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, f->a->local ? "http,https" : "https");
#else
    curl_easy_setopt(c, CURLOPT_PROTOCOLS, f->a->local ? (long)CURLPROTO_HTTP : (long)CURLPROTO_HTTPS);
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS,
                     f->a->local ? (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS) : (long)CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(c, CURLOPT_USERAGENT, "understudy/" US_VERSION);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALLED_S);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
}

/* What came is thrown away: it is of another version, or of nothing. */
static us_status start_over(fetching *f) {
    f->have = 0;
    f->tag[0] = 0;
    if (!ftruncate(f->fd, 0) && lseek(f->fd, 0, SEEK_SET) == 0) return US_OK;
    return us_fail(f->err, US_ERR_IO, "%s: %s", f->part, strerror(errno));
}

/* One request for what is missing. *again: the connection broke, and another may go on. */
static us_status one_try(fetching *f, bool *again) {
    char reason[CURL_ERROR_SIZE] = "", range[32], match[180];
    struct curl_slist *list = NULL;
    *again = false;
    f->code = 0;
    f->st = US_OK;
    curl_easy_reset(f->curl);
    set_up(f, reason);
    if (f->have && !f->tag[0]) { /* of which version these bytes are is not known */
        us_status st = start_over(f);
        if (st) return st;
    }
    if (f->have) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)f->have);
        snprintf(match, sizeof match, "If-Range: %s", f->tag);
        if (!is_size(f->tag)) list = curl_slist_append(NULL, match);
        curl_easy_setopt(f->curl, CURLOPT_RANGE, range);
        curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, list);
    }
    CURLcode rc = curl_easy_perform(f->curl);
    curl_slist_free_all(list);
    if (f->st) return f->st;
    if (f->stopped)
        return us_fail(f->err, US_ERR_INTERRUPTED, "stopped; the next call goes on at byte %llu", (unsigned long long)f->have);
    curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE, &f->code);
    if (f->code == 416) { /* nothing behind what we have: another version, or all of it */
        if (!f->total || f->total != f->have) return *again = true, start_over(f);
        return US_OK;
    }
    if (f->code == 404 || f->code == 410)
        return us_fail(f->err, US_ERR_NOT_FOUND, "%s: the server has no such file (%ld)", f->a->url, f->code);
    if (f->code == 401 || f->code == 403)
        return us_fail(
            f->err, US_ERR_IO,
            "%s: the server does not give it to everybody, or has nothing of that name (%ld): look at the address; or fetch "
            "the file with a browser and name it with -m",
            f->a->url, f->code);
    bool good = f->code == 200 || f->code == 206;
    if (rc == CURLE_OK && good && (!f->total || f->have == f->total)) return US_OK;
    *again = rc == CURLE_OK
                 ? good || f->code >= 500 || f->code == 429
                 : rc == CURLE_PARTIAL_FILE || rc == CURLE_RECV_ERROR || rc == CURLE_SEND_ERROR || rc == CURLE_GOT_NOTHING ||
                       rc == CURLE_OPERATION_TIMEDOUT || rc == CURLE_HTTP2_STREAM || rc == CURLE_HTTP2;
    return us_fail(f->err, US_ERR_IO, "%s: %s; %llu bytes of %llu are here, and the next try goes on there", f->a->url,
                   rc != CURLE_OK ? (*reason ? reason : curl_easy_strerror(rc))
                   : good         ? "the connection ended early"
                                  : "the server cannot answer now",
                   (unsigned long long)f->have, (unsigned long long)f->total);
}

static us_status transfer(fetching *f) {
    bool again = true;
    us_status st = US_OK;
    for (int i = 0; i < TRIES && again; i++) {
        uint64_t before = f->have;
        if (i) usleep((useconds_t)100000 << i);
        st = one_try(f, &again);
        if (f->have > before) i = -1; /* while bytes come, go on */
        if (f->stopped) break;
    }
    return st;
}

/* The sum of the part, read back: what is on the disk counts. */
static us_status check_sum(fetching *f, char sum[65]) {
    const char *want = f->a->sha256[0] ? f->a->sha256 : f->sum;
    us_map map;
    us_status st = us_map_open(f->part, &map, f->err);
    if (st) return st;
    us_sha256 s;
    unsigned char d[32];
    us_sha256_init(&s);
    for (size_t at = 0, n; at < map.size; at += n) {
        n = map.size - at < (size_t)4 << 20 ? map.size - at : (size_t)4 << 20;
        us_sha256_update(&s, map.data + at, n);
        us_map_drop(&map, at, n);
    }
    us_sha256_final(&s, d);
    us_map_close(&map);
    for (int i = 0; i < 32; i++) snprintf(sum + 2 * i, 3, "%02x", d[i]);
    if (*want && strcmp(want, sum))
        return us_fail(f->err, US_ERR_MISMATCH, "%s: SHA-256 %s, expected %s: nothing was kept", f->a->url, sum, want);
    return US_OK;
}

static us_status open_part(fetching *f) {
    us_status st = us_dir_make(f->a->folder, f->err);
    struct stat sb;
    char *tag = NULL;
    size_t n = 0;
    if (st) return st;
    if (asprintf(&f->part, "%s.part", f->a->path) < 0 || asprintf(&f->tag_path, "%s.part.tag", f->a->path) < 0)
        return us_fail(f->err, US_ERR_MEMORY, "out of memory");
    if ((st = us_file_lock(f->part, &f->fd, f->err))) return st;
    if (fstat(f->fd, &sb) || lseek(f->fd, 0, SEEK_END) < 0)
        return us_fail(f->err, US_ERR_IO, "%s: %s", f->part, strerror(errno));
    f->have = (uint64_t)sb.st_size;
    if (!us_file_read(f->tag_path, sizeof f->tag - 1, &tag, &n, NULL))
        snprintf(f->tag, sizeof f->tag, "%.*s", (int)strcspn(tag, "\r\n"), tag);
    free(tag);
    return US_OK;
}

static us_status fetch_part(const us_address *a, const us_fetch_options *o, us_error *err) {
    fetching f = {.a = a, .o = o, .fd = -1, .err = err};
    char sum[65] = "";
    us_status st = open_part(&f);
    if (!st && !(f.curl = curl_easy_init())) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) st = transfer(&f);
    if (!st && fsync(f.fd)) st = us_fail(err, US_ERR_IO, "%s: %s", f.part, strerror(errno));
    if (!st) st = check_sum(&f, sum);
    if (st == US_ERR_MISMATCH && f.fd >= 0) unlink(f.part), unlink(f.tag_path); /* what is not what it should be is not kept */
    if (!st) st = us_file_replace(f.part, a->path, err);
    if (!st) unlink(f.tag_path);
    curl_easy_cleanup(f.curl);
    if (f.fd >= 0) close(f.fd);
    free(f.part);
    free(f.tag_path);
    return st;
}

us_status us_fetch(const char *address, const us_fetch_options *options, char **path, us_error *err) {
    us_fetch_options o = options ? *options : (us_fetch_options){.folder = NULL};
    char *data = o.folder ? NULL : us_xdg_dir("DATA"), *models = o.folder ? strdup(o.folder)
                                                                 : data   ? us_path_join(data, "models")
                                                                          : NULL;
    us_status st =
        models ? US_OK : us_fail(err, US_ERR_NOT_FOUND, "no folder for models: neither XDG_DATA_HOME nor HOME is set");
    char *first = NULL;
    for (int part = 1, n = 1; part <= n && !st; part++) {
        us_address a = {.url = NULL};
        st = us_address_read(address, models, part, &a, err);
        if (!st) n = a.n_parts;
        if (!st && !us_file_exists(a.path)) st = fetch_part(&a, &o, err);
        if (!st && part == 1) st = us_strdup(a.path, &first, err);
        us_address_fini(&a);
    }
    free(models);
    free(data);
    if (st) free(first);
    else *path = first;
    return st;
}
