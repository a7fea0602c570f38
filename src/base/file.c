#include "base/file.h"
#include "base/buf.h"
#include "base/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t ns_of(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }
static us_stamp stamp_of(const struct stat *sb) {
    return (us_stamp){.device = (uint64_t)sb->st_dev,
                      .file = (uint64_t)sb->st_ino,
                      .n_bytes = (uint64_t)sb->st_size,
                      .modified_ns = ns_of(sb->st_mtim),
                      .changed_ns = ns_of(sb->st_ctim)};
}

us_status us_file_stamp(const char *path, us_stamp *out, us_error *err) {
    struct stat sb;
    if (stat(path, &sb))
        return us_fail(err, errno == ENOENT ? US_ERR_NOT_FOUND : US_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    if (!S_ISREG(sb.st_mode)) return us_fail(err, US_ERR_IO, "%s: not a regular file", path);
    *out = stamp_of(&sb);
    return US_OK;
}

/* The rest of fd, which `name` is called in errors. */
static us_status read_all(int fd, const char *name, size_t max, char **out, size_t *n, us_error *err) {
    us_buf b;
    us_buf_init(&b, max);
    us_status st = US_OK;
    for (;;) {
        char chunk[65536];
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) st = us_fail(err, US_ERR_IO, "%s: cannot read: %s", name, strerror(errno));
        if (got <= 0) break;
        if ((size_t)got > max - b.len) {
            st = us_fail(err, US_ERR_LIMIT, "%s: larger than the limit of %zu bytes", name, max);
            break;
        }
        if ((st = us_buf_append(&b, chunk, (size_t)got, err))) break;
    }
    if (!st) {
        *out = us_buf_take(&b, n);
        if (!*out) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    }
    us_buf_fini(&b);
    return st;
}

us_status us_map_open(const char *path, us_map *out, us_error *err) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe is refused below, not waited for */
    if (fd < 0)
        return us_fail(err, errno == ENOENT ? US_ERR_NOT_FOUND : US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    struct stat sb;
    us_status st = US_OK;
    if (fstat(fd, &sb)) st = us_fail(err, US_ERR_IO, "%s: cannot stat: %s", path, strerror(errno));
    else if (!S_ISREG(sb.st_mode)) st = us_fail(err, US_ERR_IO, "%s: not a regular file", path);
    else if (sb.st_size == 0) *out = (us_map){.stamp = stamp_of(&sb)};
    else if ((size_t)sb.st_size <= US_MAP_READ) {
        char *bytes;
        size_t n;
        st = read_all(fd, path, US_MAP_READ, &bytes, &n, err);
        if (!st) *out = (us_map){.data = (const unsigned char *)bytes, .size = n, .stamp = stamp_of(&sb), .read = true};
    } else {
        void *p = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            st = us_fail(err, US_ERR_IO, "%s: cannot map %lld bytes: %s", path, (long long)sb.st_size, strerror(errno));
        else *out = (us_map){.data = p, .size = (size_t)sb.st_size, .stamp = stamp_of(&sb)};
    }
    close(fd);
    return st;
}

void us_map_close(us_map *m) {
    if (m->read) free((void *)(uintptr_t)m->data);
    else if (m->data) munmap((void *)(uintptr_t)m->data, m->size);
    *m = (us_map){0};
}

void us_map_drop(const us_map *m, size_t offset, size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = (offset + page - 1) / page * page, end = (offset + n) / page * page;
    if (m->data && !m->read && begin < end && end <= m->size)
        madvise((void *)(uintptr_t)(m->data + begin), end - begin, MADV_DONTNEED);
}

us_status us_file_read(const char *path, size_t max, char **out, size_t *n, us_error *err) {
    if (!strcmp(path, "-")) return read_all(0, "standard input", max, out, n, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return us_fail(err, errno == ENOENT ? US_ERR_NOT_FOUND : US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    us_status st = read_all(fd, path, max, out, n, err);
    close(fd);
    return st;
}

us_status us_file_read_plain(const char *path, size_t max, char **out, size_t *n, us_error *err) {
    int fd = -1;
    size_t size;
    us_status st = us_file_open_plain(path, &fd, &size, err);
    if (st) return st;
    st = read_all(fd, path, max, out, n, err);
    close(fd);
    return st;
}

static us_status sync_parent(const char *path, us_error *err) {
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof dir) return us_fail(err, US_ERR_LIMIT, "%s: path too long", path);
    memcpy(dir, path, n);
    dir[n] = 0;
    int fd = open(n ? dir : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return US_OK; /* a folder that cannot be opened cannot be synced; the rename stands */
    fsync(fd);
    close(fd);
    return US_OK;
}

us_status us_file_replace(const char *tmp, const char *path, us_error *err) {
    if (!rename(tmp, path)) return sync_parent(path, err);
    us_status st = us_fail(err, US_ERR_IO, "%s: cannot rename to %s: %s", tmp, path, strerror(errno));
    unlink(tmp);
    return st;
}

/* Whether the path still is the file that fd has open. */
static bool is_still(int fd, const char *path) {
    struct stat a, b;
    return !fstat(fd, &a) && !lstat(path, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Where the files may be locked at all. */
static bool was_removed(int fd, const char *path) {
    while (flock(fd, LOCK_EX) && errno == EINTR) continue;
    return !is_still(fd, path);
}

/* Of this call alone: others of this process may write the same one, and a process that was killed may have had our number. */
us_status us_file_open_beside(const char *path, unsigned mode, char tmp[PATH_MAX], int *fd, us_error *err) {
    static atomic_uint number;
    *fd = -1;
    for (int k = 0; k < 1000 && *fd < 0; k++) {
        if (snprintf(tmp, PATH_MAX, "%s.tmp.%ld.%u", path, (long)getpid(), atomic_fetch_add(&number, 1)) >= PATH_MAX)
            return us_fail(err, US_ERR_LIMIT, "%s: path too long", path);
        *fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)mode);
        if (*fd < 0 && errno != EEXIST) break;
        if (*fd >= 0 && was_removed(*fd, tmp)) close(*fd), *fd = -1; /* by whoever saw it before it was locked */
    }
    return *fd < 0 ? us_fail(err, US_ERR_IO, "%s: cannot create: %s", path, strerror(errno)) : US_OK;
}

/* "NAME.tmp.PID.NUMBER", or as version 0.1 had it, without the number. */
static bool is_beside(const char *name) {
    const char *at = NULL;
    for (const char *p = name; (p = strstr(p, ".tmp.")); p++) at = p + 5;
    size_t pid = at ? strspn(at, "0123456789") : 0, number = pid && at[pid] == '.' ? strspn(at + pid + 1, "0123456789") : 0;
    return pid && (!at[pid] || (number && !at[pid + 1 + number]));
}

static void remove_if_dead(const char *path) {
    int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC); /* over NFS only who may write can lock */
    struct stat sb;
    if (fd < 0) return;
    if (!fstat(fd, &sb) && S_ISREG(sb.st_mode) && !flock(fd, LOCK_EX | LOCK_NB) && is_still(fd, path)) unlink(path);
    close(fd);
}

static int remove_unfinished(const char *path, const struct stat *sb, int kind, struct FTW *at) {
    (void)sb;
    if (kind == FTW_F && is_beside(path + at->base)) remove_if_dead(path);
    return 0;
}
void us_dir_remove_unfinished(const char *path) { nftw(path, remove_unfinished, 16, FTW_PHYS); }

void us_file_remove_unfinished(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name), n_dir = (size_t)(name - path);
    char one[PATH_MAX], dir[PATH_MAX];
    if (snprintf(dir, sizeof dir, "%.*s", (int)n_dir, n_dir ? path : "") >= (int)sizeof dir) return;
    DIR *d = opendir(n_dir ? dir : ".");
    for (struct dirent *e; d && (e = readdir(d));)
        if (!strncmp(e->d_name, name, n) && !strncmp(e->d_name + n, ".tmp.", 5) && is_beside(e->d_name) &&
            snprintf(one, sizeof one, "%s%s", dir, e->d_name) < (int)sizeof one)
            remove_if_dead(one);
    if (d) closedir(d);
}

static us_status write_whole(const char *path, unsigned mode, const void *data, size_t n, us_error *err) {
    char tmp[PATH_MAX];
    int fd;
    us_status st = us_file_open_beside(path, mode, tmp, &fd, err);
    if (st) return st;
    const char *p = data;
    while (n && !st) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) st = us_fail(err, US_ERR_IO, "%s: cannot write: %s", tmp, strerror(errno));
        else p += put, n -= (size_t)put;
    }
    if (!st && fsync(fd)) st = us_fail(err, US_ERR_IO, "%s: cannot sync: %s", tmp, strerror(errno));
    if (st) unlink(tmp);
    else st = us_file_replace(tmp, path, err);
    close(fd);
    return st;
}

us_status us_file_write_atomic(const char *path, const void *data, size_t n, us_error *err) {
    return write_whole(path, 0644, data, n, err);
}
us_status us_file_write_private(const char *path, const void *data, size_t n, us_error *err) {
    return write_whole(path, 0600, data, n, err);
}

static us_status make_dirs(const char *path, mode_t mode, us_error *err) {
    char p[PATH_MAX];
    size_t n = strlen(path);
    if (!n || n >= sizeof p) return us_fail(err, US_ERR_ARGUMENT, "%s: bad folder name", path);
    memcpy(p, path, n + 1);
    for (size_t i = 1; i <= n; i++) {
        if (p[i] != '/' && p[i] != 0) continue;
        char c = p[i];
        p[i] = 0;
        if (mkdir(p, mode) && errno != EEXIST) return us_fail(err, US_ERR_IO, "%s: cannot make folder: %s", p, strerror(errno));
        p[i] = c;
    }
    return us_dir_exists(path) ? US_OK : us_fail(err, US_ERR_IO, "%s: exists and is not a folder", path);
}

bool us_dir_exists(const char *path) {
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

us_status us_dir_make(const char *path, us_error *err) { return make_dirs(path, 0755, err); }
us_status us_dir_make_private(const char *path, us_error *err) { return make_dirs(path, 0700, err); }

static int remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at) {
    (void)sb, (void)kind, (void)at;
    return remove(path), 0;
}
void us_dir_remove(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

/* What has this name gets another one, so that the name is free. */
static bool move_on(const char *path) {
    char older[PATH_MAX];
    for (int k = 2; k < 1000; k++)
        if (snprintf(older, sizeof older, "%s.%d", path, k) < (int)sizeof older && !us_file_exists(older))
            return !rename(path, older);
    return false;
}

us_status us_dir_put_aside(const char *from, const char *to, us_error *err) {
    if ((us_file_exists(to) && !move_on(to)) || rename(from, to))
        return us_fail(err, US_ERR_IO, "%s: cannot be put aside: %s", from, strerror(errno));
    utimensat(AT_FDCWD, to, NULL, 0);
    return US_OK;
}

void us_dir_remove_named(const char *folder, const char *begin) {
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        char *path = strncmp(e->d_name, begin, strlen(begin)) ? NULL : us_path_join(folder, e->d_name);
        if (path) us_dir_remove(path);
        free(path);
    }
    if (d) closedir(d);
}

us_status us_file_make_private(const char *path, us_error *err) {
    struct stat sb;
    int fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) return us_fail(err, US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    us_status st = US_OK;
    if (fstat(fd, &sb) || !S_ISREG(sb.st_mode)) st = us_fail(err, US_ERR_IO, "%s: not a regular file", path);
    else if ((sb.st_mode & 077) && fchmod(fd, 0600) && sb.st_uid == geteuid())
        st = us_fail(err, US_ERR_IO, "%s: cannot be made private: %s", path, strerror(errno));
    close(fd);
    return st;
}

us_status us_file_lock(const char *path, int *fd, us_error *err) {
    int f = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
    if (f < 0) return us_fail(err, US_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (flock(f, LOCK_EX | LOCK_NB)) {
        us_status st = errno == EWOULDBLOCK ? us_fail(err, US_ERR_MISMATCH, "%s: another process holds it", path)
                                            : us_fail(err, US_ERR_IO, "%s: cannot be locked: %s", path, strerror(errno));
        close(f);
        return st;
    }
    *fd = f;
    return US_OK;
}

bool us_file_is_plain(const char *path) {
    struct stat sb;
    return !lstat(path, &sb) && S_ISREG(sb.st_mode);
}

us_status us_file_open_plain(const char *path, int *fd, size_t *n, us_error *err) {
    struct stat sb;
    int f = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (f >= 0 && !fstat(f, &sb) && S_ISREG(sb.st_mode)) {
        *fd = f;
        *n = (size_t)sb.st_size;
        return US_OK;
    }
    int why = f < 0 ? errno : 0;
    if (f >= 0) close(f);
    if (why == ENOENT) return us_fail(err, US_ERR_NOT_FOUND, "%s: no regular file", path);
    if (why == EACCES) return us_fail(err, US_ERR_IO, "%s: cannot open: %s", path, strerror(why));
    return us_fail(err, US_ERR_NOT_FOUND, "%s: no regular file (a link, a pipe, a folder)", path);
}

bool us_file_exists(const char *path) { return access(path, F_OK) == 0; }

char *us_path_join(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b);
    char *p = us_checked(malloc(na + nb + 2));
    if (!p) return NULL;
    memcpy(p, a, na);
    if (na && a[na - 1] != '/') p[na++] = '/';
    memcpy(p + na, b, nb + 1);
    return p;
}

char *us_xdg_dir(const char *kind) {
    char var[32], p[PATH_MAX];
    snprintf(var, sizeof var, "XDG_%s_HOME", kind);
    const char *xdg = getenv(var), *home = getenv("HOME");
    const char *tail = !strcmp(kind, "CONFIG") ? ".config" : !strcmp(kind, "CACHE") ? ".cache" : ".local/share";
    int n;
    if (xdg && *xdg == '/') n = snprintf(p, sizeof p, "%s/understudy", xdg);
    else if (home && *home) n = snprintf(p, sizeof p, "%s/%s/understudy", home, tail);
    else return NULL;
    return n > 0 && (size_t)n < sizeof p ? strdup(p) : NULL;
}
