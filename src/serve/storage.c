/* What the studio keeps on the disk, by kind, and how the visitor gets the room back. */
#include "base/file.h"
#include "base/mem.h"
#include "model/kept.h"
#include "serve/studio.h"
#include <dirent.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { MAX_CACHES = 200 }; /* of a script */

typedef struct kept {
    uint64_t bytes;
    size_t n;
} kept;

static _Thread_local uint64_t walked_bytes;
static int walk_one(const char *path, const struct stat *sb, int kind, struct FTW *at) {
    (void)path, (void)kind, (void)at;
    walked_bytes += (uint64_t)sb->st_blocks * 512;
    return 0;
}
uint64_t us_storage_bytes(const char *path) {
    walked_bytes = 0;
    nftw(path, walk_one, 16, FTW_PHYS);
    return walked_bytes;
}

double us_storage_free(const us_server *s) {
    struct statvfs v;
    return statvfs(s->o.data_dir, &v) ? 0 : (double)v.f_bavail * (double)v.f_frsize;
}

/* What can be made again from a script: reports, findings, plans. */
static bool is_cache(const char *name) {
    return !strncmp(name, "explore-", 8) || !strncmp(name, "found-", 6) || !strncmp(name, "plan-", 5);
}

/* Calls one for each entry of a folder that `takes` accepts. */
static void each(const char *folder, bool (*takes)(const char *), void (*one)(const char *path, kept *k), kept *k) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || (takes && !takes(e->d_name))) continue;
        char *path = us_path_join(folder, e->d_name);
        if (path) one(path, k);
        free(path);
    }
    if (d) closedir(d);
}
static void count(const char *path, kept *k) { k->bytes += us_storage_bytes(path), k->n++; }
static void forget(const char *path, kept *k) { k->bytes += us_storage_bytes(path), k->n++, us_dir_remove(path); }
static void count_caches(const char *path, kept *k) { each(path, is_cache, count, k); }
static void forget_caches(const char *path, kept *k) { each(path, is_cache, forget, k); }
void us_storage_forget_caches(us_server *s, const char *script) {
    char *folder = us_script_path(s, script, NULL);
    if (folder) forget_caches(folder, &(kept){0});
    free(folder);
}

void us_storage_limit_caches(us_server *s, const char *script) {
    char *folder = us_script_path(s, script, NULL);
    kept k = {0};
    if (folder) each(folder, is_cache, count, &k);
    if (k.n >= MAX_CACHES) us_storage_forget_caches(s, script);
    free(folder);
}

typedef struct trashed {
    char *path;
    struct timespec since;
    uint64_t bytes;
} trashed;

static int by_age(const void *a, const void *b) {
    const struct timespec *x = &((const trashed *)a)->since, *y = &((const trashed *)b)->since;
    return x->tv_sec != y->tv_sec ? (x->tv_sec < y->tv_sec ? -1 : 1) : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

void us_storage_limit_trash(const us_server *s, const char *trash, uint64_t most) {
    trashed *list = NULL;
    size_t n = 0, cap = 0;
    uint64_t bytes = 0;
    struct stat sb;
    DIR *d = opendir(trash);
    for (struct dirent *e; d && (e = readdir(d));) {
        char *path = e->d_name[0] == '.' ? NULL : us_path_join(trash, e->d_name);
        if (!path || lstat(path, &sb) || us_grow(&list, &cap, n + 1, sizeof *list, NULL)) {
            free(path);
            continue;
        }
        list[n] = (trashed){path, sb.st_mtim, us_storage_bytes(path)};
        bytes += list[n++].bytes;
    }
    if (d) closedir(d);
    if (n) qsort(list, n, sizeof *list, by_age);
    for (size_t i = 0; i + 1 < n && bytes > most; i++) { /* the last one stays */
        us_dir_remove(list[i].path);
        us_log(s,
               us_file_exists(list[i].path) ? "%s: cannot be removed, and the trash takes more than %llu MiB"
                                            : "%s: removed for good: the trash takes more than %llu MiB",
               list[i].path, (unsigned long long)(most >> 20));
        bytes -= list[i].bytes;
    }
    for (size_t i = 0; i < n; i++) free(list[i].path);
    free(list);
}

static bool is_replaced(const char *name) { return !strncmp(name, "replaced-", 9); }
static bool is_folder(const char *name) { return name[0] != '.' && strcmp(name, "lock") && strcmp(name, "supervisor"); }

static json_t *row(const char *what, const kept *k, bool deletable) {
    return json_pack("{s:s, s:I, s:I, s:b}", "what", what, "n", (json_int_t)k->n, "bytes", (json_int_t)k->bytes, "deletable",
                     deletable);
}

static const char *find(us_server *s, const char *what) {
    us_studio *t = s->studio;
    return !strcmp(what, "scripts")      ? t->scripts
           : !strcmp(what, "rehearsals") ? t->half
           : !strcmp(what, "characters") ? t->own
                                         : t->trash;
}

/* {"kept": [{what, n, bytes, deletable}], "free_bytes"} */
enum MHD_Result us_route_storage(us_request *r) {
    static const char *const folders[] = {"characters", "rehearsals", "trash"};
    us_server *s = r->s;
    json_t *list = json_array();
    kept scripts = {0}, caches = {0}, weights = {0}, jobs = {0}, chats = {0}, replaced = {0};
    char *path = us_path_join(s->o.data_dir, "chats.db"), *folder = us_path_join(s->o.data_dir, "jobs");
    each(s->studio->scripts, is_folder, count, &scripts);
    each(s->studio->scripts, is_folder, count_caches, &caches);
    scripts.bytes -= caches.bytes < scripts.bytes ? caches.bytes : scripts.bytes;
    json_array_append_new(list, row("scripts", &scripts, false));
    json_array_append_new(list, row("caches", &caches, true));
    us_kept_count(false, &weights.n, &weights.bytes);
    if (weights.n) json_array_append_new(list, row("weights", &weights, true));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        kept k = {0};
        each(find(s, folders[i]), is_folder, count, &k);
        json_array_append_new(list, row(folders[i], &k, !strcmp(folders[i], "trash")));
    }
    if (folder) each(folder, is_folder, count, &jobs);
    json_array_append_new(list, row("jobs", &jobs, false));
    if (path) count(path, &chats);
    json_array_append_new(list, row("chats", &chats, false));
    each(s->o.data_dir, is_replaced, count, &replaced);
    if (replaced.n) json_array_append_new(list, row("replaced", &replaced, true));
    free(path);
    free(folder);
    return us_answer_json(r, 200, json_pack("{s:o, s:f}", "kept", list, "free_bytes", us_storage_free(s)));
}

/* Caches, packed weights, the trash, what a restore has put aside; nothing else is deleted in bulk. */
enum MHD_Result us_route_storage_delete(us_request *r) {
    const char *what = r->args[0];
    kept k = {0};
    if (!strcmp(what, "caches")) each(r->s->studio->scripts, is_folder, forget_caches, &k);
    else if (!strcmp(what, "weights")) us_kept_count(true, &k.n, &k.bytes); /* what is mapped stays in memory */
    else if (!strcmp(what, "trash")) each(r->s->studio->trash, is_folder, forget, &k);
    else if (!strcmp(what, "replaced")) each(r->s->o.data_dir, is_replaced, forget, &k);
    else return us_refuse(r, 404, "only caches, weights, trash and replaced are deleted as a whole");
    return us_answer_json(r, 200, row(what, &k, true));
}
