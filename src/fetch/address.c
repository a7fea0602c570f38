/* Addresses of model files. Names of hosts and paths become names of folders: nothing of them may lead out of the models'
 * folder, and no two addresses share a file. */
#include "fetch/address.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void us_address_fini(us_address *a) {
    free(a->url);
    free(a->path);
    free(a->folder);
    *a = (us_address){.url = NULL};
}

static bool begins(const char *s, const char *with) { return !strncmp(s, with, strlen(with)); }

/* hf:OWNER/NAME/FILE[@REVISION], FILE may stand in folders of the repository. */
static us_status hugging_face(const char *name, char **url, us_error *err) {
    const char *host = getenv("HF_ENDPOINT"), *slash = strchr(name, '/'), *file = slash ? strchr(slash + 1, '/') : NULL,
               *at = strrchr(name, '@');
    if (!file || slash == name || file == slash + 1 || !file[1])
        return us_fail(err, US_ERR_ARGUMENT, "hf:%.200s: expected hf:OWNER/NAME/FILE.gguf", name);
    if (!host || !*host) host = "https://huggingface.co";
    int end = at && at > file ? (int)(at - file) - 1 : (int)strlen(file) - 1;
    size_t n_host = strlen(host);
    while (n_host && host[n_host - 1] == '/') n_host--;
    int n = asprintf(url, "%.*s/%.*s/resolve/%s/%.*s", (int)n_host, host, (int)(file - name), name,
                     at && at > file ? at + 1 : "main", end, file + 1);
    return n < 0 ? us_fail(err, US_ERR_MEMORY, "out of memory") : US_OK;
}

/* The part of the host in a URL, and whether it is this machine. */
static bool is_local(const char *host, size_t n) {
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    for (size_t i = 0; i < 3; i++)
        if (strlen(names[i]) <= n && !memcmp(names[i], host, strlen(names[i])) &&
            (strlen(names[i]) == n || host[strlen(names[i])] == ':'))
            return true;
    return false;
}

/* The text behind #sha256=, which is cut off. */
static us_status take_sum(char *url, char out[65], us_error *err) {
    char *hash = strchr(url, '#');
    if (!hash) return US_OK;
    bool ok = begins(hash, "#sha256=") && strlen(hash) == 72;
    for (int i = 0; i < 64 && ok; i++) {
        ok = isxdigit((unsigned char)hash[8 + i]);
        out[i] = (char)tolower((unsigned char)hash[8 + i]);
    }
    *hash = 0;
    return ok ? US_OK : us_fail(err, US_ERR_ARGUMENT, "%.200s#...: expected #sha256= and 64 hexadecimal digits", url);
}

/* FILE-00001-of-00003.gguf: three parts; the given one's number stands in the URL from then on. */
static us_status choose_part(char *url, int part, int *n_parts, us_error *err) {
    char *query = strchr(url, '?'), *end = query ? query : url + strlen(url), number[12];
    int first, n;
    *n_parts = 1;
    if (end - url < 20 || sscanf(end - 20, "-%5d-of-%5d.gguf", &first, &n) != 2) return US_OK;
    if (first != 1 || n < 1 || n > 1000)
        return us_fail(err, US_ERR_ARGUMENT, "%.300s: name the first part of a split file (-00001-of-)", url);
    *n_parts = n;
    snprintf(number, sizeof number, "-%05d", part);
    memcpy(end - 20, number, 6);
    return US_OK;
}

/* MODELS/HOST/PATH/FILE; where a name had to be changed (or a query belongs to the address), the address's hash makes it its
 * own. */
static us_status place(us_address *a, const char *models, us_error *err) {
    const char *host = strstr(a->url, "://") + 3, *end = strchr(host, '?');
    size_t n = end ? (size_t)(end - host) : strlen(host);
    bool changed = end != NULL;
    char *name = NULL, sum[65];
    us_status st = us_strndup(host, n, &name, err);
    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        bool dots = name[i] == '.' && (!i || name[i - 1] == '/');
        if (!dots && (isalnum((unsigned char)name[i]) || strchr("._-+/", name[i]))) continue;
        if (name[i] != ':') changed = true; /* a port is no change */
        name[i] = '_';
    }
    char *slash = strrchr(name, '/');
    us_sha256_hex(a->url, strlen(a->url), sum);
    if (!slash || !slash[1]) st = us_fail(err, US_ERR_ARGUMENT, "%.300s: it names no file", a->url);
    else {
        *slash = 0;
        if (asprintf(&a->folder, "%s/%s", models, name) < 0) a->folder = NULL;
        if (!a->folder || asprintf(&a->path, "%s/%.*s%s%s", a->folder, changed ? 8 : 0, sum, changed ? "-" : "", slash + 1) < 0)
            a->path = NULL;
        if (!a->path) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    }
    free(name);
    return st;
}

us_status us_address_read(const char *address, const char *models, int part, us_address *out, us_error *err) {
    us_address a = {.n_parts = 1};
    us_status st = US_OK;
    for (const char *c = address; *c && !st; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
            st = us_fail(err, US_ERR_ARGUMENT, "an address has no blanks in it; write %%20");
    if (!st) st = begins(address, "hf:") ? hugging_face(address + 3, &a.url, err) : us_strdup(address, &a.url, err);
    if (!st) st = take_sum(a.url, a.sha256, err);
    if (!st && part > 1) a.sha256[0] = 0; /* the sum is the first part's */
    const char *host = st ? NULL : strstr(a.url, "://");
    if (!st) a.local = begins(a.url, "http://") && is_local(host + 3, strcspn(host + 3, "/"));
    if (!st && !begins(a.url, "https://") && !a.local)
        st =
            us_fail(err, US_ERR_ARGUMENT, "%.300s: only https:// addresses are fetched (http:// is for this machine)", address);
    if (!st && memchr(host + 3, '@', strcspn(host + 3, "/")))
        st = us_fail(err, US_ERR_ARGUMENT, "an address has no user name in it");
    if (!st) st = choose_part(a.url, part, &a.n_parts, err);
    if (!st) st = place(&a, models, err);
    if (st) us_address_fini(&a);
    else *out = a;
    return st;
}
