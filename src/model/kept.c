/* The folder: who may use it, what is in it, how a file comes into it, which is removed. Knows nothing of what is in the files. */
#include "model/kept.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MOST ((uint64_t)8 << 30)
#define ASIDE "aside" /* what is being written */
#define LOCK "lock"   /* held by whoever writes or removes */

us_status us_kept_check(us_error *err) {
    const char *s = getenv("US_CACHE");
    if (!s || !*s || !strcmp(s, "off")) return US_OK;
    return us_fail(err, US_ERR_ARGUMENT, "US_CACHE is '%.40s': expected off, or no value ($XDG_CACHE_HOME moves the cache)", s);
}

static bool is_ours(const struct stat *sb) { return sb->st_uid == geteuid() && !(sb->st_mode & (S_IWGRP | S_IWOTH)); }

us_status us_kept_open(us_kept *out, us_error *err) {
    const char *off = getenv("US_CACHE");
    struct stat sb;
    if (off && !strcmp(off, "off")) return us_fail(err, US_ERR_NOT_FOUND, "US_CACHE is off");
    char *cache = us_xdg_dir("CACHE"), *path = cache ? us_path_join(cache, "packed") : NULL;
    us_status st = path ? us_dir_make_private(path, err) : us_fail(err, US_ERR_NOT_FOUND, "there is no home folder");
    int fd = st ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!st && fd < 0) st = us_fail(err, US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!st && (fstat(fd, &sb) || !is_ours(&sb)))
        st = us_fail(err, US_ERR_MISMATCH, "%s: belongs to another user, or others may write to it", path);
    if (!st) *out = (us_kept){.folder = fd};
    else if (fd >= 0) close(fd);
    free(path);
    free(cache);
    return st;
}

void us_kept_close(us_kept *k) { close(k->folder); }
void us_kept_remove(const us_kept *k, const char *name) { unlinkat(k->folder, name, 0); }

us_status us_kept_read(const us_kept *k, const char *name, int *out, size_t *n_bytes, us_error *err) {
    struct stat sb;
    int fd = openat(k->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return us_fail(err, US_ERR_NOT_FOUND, "%s: cannot open: %s", name, strerror(errno));
    if (fstat(fd, &sb) || !S_ISREG(sb.st_mode) || !is_ours(&sb)) {
        close(fd);
        return us_fail(err, US_ERR_MISMATCH, "%s: is no file of this user alone", name);
    }
    futimens(fd, NULL); /* used now */
    *out = fd;
    *n_bytes = (size_t)sb.st_size;
    return US_OK;
}

/* ---- what there is -------------------------------------------------------------------------------------------- */

typedef struct entry {
    char name[80];
    struct timespec used;
    uint64_t n_bytes;
} entry;

static bool is_kept(const char *name) {
    size_t n = strspn(name, "0123456789abcdef");
    return n == 64 && (!strcmp(name + n, ".sum") || !strcmp(name + n, ".pack"));
}

static us_status list(const us_kept *k, entry **out, size_t *n, us_error *err) {
    size_t cap = 0;
    us_status st = US_OK;
    *out = NULL;
    *n = 0;
    int fd = openat(k->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0) close(fd);
    for (struct dirent *e; d && !st && (e = readdir(d));) {
        struct stat sb;
        if (!is_kept(e->d_name) || fstatat(k->folder, e->d_name, &sb, AT_SYMLINK_NOFOLLOW)) continue;
        if ((st = us_grow(out, &cap, *n + 1, sizeof **out, err))) break;
        entry *x = &(*out)[(*n)++];
        *x = (entry){.used = sb.st_mtim, .n_bytes = (uint64_t)sb.st_blocks * 512};
        memcpy(x->name, e->d_name, strlen(e->d_name) + 1);
    }
    if (d) closedir(d);
    return st;
}

static int by_use(const void *a, const void *b) {
    const struct timespec *x = &((const entry *)a)->used, *y = &((const entry *)b)->used;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* Removes what was not used for the longest time until `need` bytes more may be kept. */
static us_status make_room(const us_kept *k, uint64_t need, us_error *err) {
    entry *all;
    size_t n;
    uint64_t have = 0, most = k->most;
    struct statvfs v;
    us_status st = list(k, &all, &n, err);
    for (size_t i = 0; i < n; i++) have += all[i].n_bytes;
    if (!most) most = MOST;
    if (!k->most && !fstatvfs(k->folder, &v)) {
        uint64_t quarter = ((uint64_t)v.f_bavail * v.f_frsize + have) / 4;
        most = quarter < most ? quarter : most;
    }
    if (!st && need > most)
        st = us_fail(err, US_ERR_LIMIT, "%.2f GB are too much: the cache may have %.2f GB here", (double)need / 1e9,
                     (double)most / 1e9);
    if (!st && n) qsort(all, n, sizeof *all, by_use);
    for (size_t i = 0; i < n && !st && have + need > most; i++) {
        us_kept_remove(k, all[i].name);
        have -= all[i].n_bytes;
    }
    free(all);
    return st;
}

/* ---- writing -------------------------------------------------------------------------------------------------- */

static us_status write_all(int fd, const us_kept_part *p, us_error *err) {
    const char *s = p->data;
    for (size_t left = p->n_bytes; left;) {
        ssize_t put = write(fd, s, left < (1u << 30) ? left : 1u << 30);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return us_fail(err, US_ERR_IO, "the cache cannot be written: %s", strerror(errno));
        s += put;
        left -= (size_t)put;
    }
    return US_OK;
}

/* A file that is longer than the process may write would end it by a signal. */
static us_status check_limit(uint64_t n_bytes, us_error *err) {
    struct rlimit most;
    if (getrlimit(RLIMIT_FSIZE, &most) || most.rlim_cur == RLIM_INFINITY || n_bytes <= most.rlim_cur) return US_OK;
    return us_fail(err, US_ERR_LIMIT, "%.2f GB are more than this process may write into a file (ulimit -f)",
                   (double)n_bytes / 1e9);
}

/* The lock of the folder is held: whatever lies aside was left by a process that was killed. */
static us_status write_aside(const us_kept *k, const char *name, const us_kept_part *parts, int n_parts, us_error *err) {
    us_kept_remove(k, ASIDE);
    int fd = openat(k->folder, ASIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    us_status st = fd < 0 ? us_fail(err, US_ERR_IO, "the cache cannot be written: %s", strerror(errno)) : US_OK;
    for (int i = 0; i < n_parts && !st; i++) st = write_all(fd, &parts[i], err);
    if (fd >= 0 && close(fd) && !st) st = us_fail(err, US_ERR_IO, "the cache cannot be written: %s", strerror(errno));
    if (!st && renameat(k->folder, ASIDE, k->folder, name))
        st = us_fail(err, US_ERR_IO, "the cache cannot be written: %s", strerror(errno));
    if (st) us_kept_remove(k, ASIDE);
    return st;
}

static us_status lock(const us_kept *k, int *fd, us_error *err) {
    *fd = openat(k->folder, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0) return us_fail(err, US_ERR_IO, "the cache cannot be written: %s", strerror(errno));
    if (!flock(*fd, LOCK_EX | LOCK_NB)) return US_OK;
    close(*fd);
    return us_fail(err, US_ERR_MISMATCH, "another process writes to the cache");
}

us_status us_kept_write(const us_kept *k, const char *name, const us_kept_part *parts, int n_parts, us_error *err) {
    uint64_t need = 0;
    int held;
    for (int i = 0; i < n_parts; i++) need += parts[i].n_bytes;
    us_status st = check_limit(need, err);
    if (!st) st = lock(k, &held, err);
    if (st) return st;
    st = make_room(k, need, err);
    if (!st) st = write_aside(k, name, parts, n_parts, err);
    close(held);
    return st;
}

void us_kept_count(bool remove, size_t *n_files, uint64_t *n_bytes) {
    us_kept k;
    entry *all = NULL;
    size_t n = 0;
    *n_files = 0;
    *n_bytes = 0;
    if (us_kept_open(&k, NULL)) return;
    if (!list(&k, &all, &n, NULL))
        for (size_t i = 0; i < n; i++) {
            if (remove) us_kept_remove(&k, all[i].name);
            *n_bytes += all[i].n_bytes;
            ++*n_files;
        }
    free(all);
    us_kept_close(&k);
}
