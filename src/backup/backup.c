/* Writing a backup: the data folder's parts walked, each file read through one descriptor, so that one which is replaced
 * meanwhile is either the old or the new one, whole. It knows the folders' names and nothing of what is in them. */
#include "understudy/backup.h"
#include "backup/parts.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "chat/store.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *const us_backup_folders[US_BACKUP_N_FOLDERS] = {"characters", "rehearsals", "scripts", "jobs", "trash"};

typedef struct writer {
    struct archive *a;
    us_backup_counts *counts;
    us_error *err;
} writer;

static us_status archive_failed(const writer *w) {
    const char *why = archive_error_string(w->a);
    return us_fail(w->err, US_ERR_IO, "the backup cannot be written: %s", why ? why : "no room?");
}

static us_status begin_entry(writer *w, const char *name, bool folder, size_t n, int64_t seconds) {
    struct archive_entry *e = archive_entry_new();
    if (!e) return us_fail(w->err, US_ERR_MEMORY, "out of memory");
    archive_entry_set_pathname_utf8(e, name);
    archive_entry_set_filetype(e, folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(e, folder ? 0700 : 0600);
    archive_entry_set_size(e, (int64_t)n);
    archive_entry_set_mtime(e, seconds, 0);
    us_status st = archive_write_header(w->a, e) == ARCHIVE_OK ? US_OK : archive_failed(w);
    archive_entry_free(e);
    return st;
}

static us_status add_data(writer *w, const void *data, size_t n) {
    return archive_write_data(w->a, data, n) == (la_ssize_t)n ? US_OK : archive_failed(w);
}

/* The first n bytes of an open file: what is appended meanwhile is for the next backup. */
static us_status add_open_file(writer *w, int fd, const char *name, size_t n, int64_t seconds) {
    char chunk[65536];
    us_status st = begin_entry(w, name, false, n, seconds);
    for (size_t left = n; left && !st;) {
        ssize_t got = read(fd, chunk, left < sizeof chunk ? left : sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return us_fail(w->err, US_ERR_IO, "%s: was changed while it was read: try again", name);
        st = add_data(w, chunk, (size_t)got);
        left -= (size_t)got;
    }
    w->counts->files++;
    w->counts->bytes += n;
    return st;
}

static us_status add_file(writer *w, const char *path, const char *name) {
    int fd;
    size_t n;
    struct stat sb;
    us_status st = us_file_open_plain(path, &fd, &n, w->err);
    if (st == US_ERR_NOT_FOUND) return US_OK; /* it has gone meanwhile */
    if (st) return st;
    st = fstat(fd, &sb) ? us_fail(w->err, US_ERR_IO, "%s: %s", path, strerror(errno))
                        : add_open_file(w, fd, name, n, (int64_t)sb.st_mtime);
    close(fd);
    return st;
}

/* Locks and unfinished writes are of this machine and this moment. */
static bool is_momentary(const char *name) {
    static const char *const names[] = {"lock", "supervisor", "alive"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i])) return true;
    return name[0] == '.' || strstr(name, ".tmp.");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The names in a folder, sorted; malloc()ed, with *names. */
static us_status names_of(const writer *w, const char *path, char ***names, size_t *n) {
    DIR *d = opendir(path);
    size_t cap = 0;
    us_status st = US_OK;
    *names = NULL;
    *n = 0;
    if (!d && errno != ENOENT) return us_fail(w->err, US_ERR_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    for (struct dirent *e; d && !st && (e = readdir(d));) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || is_momentary(e->d_name)) continue;
        if (*n == cap) {
            char **more = realloc(*names, (cap = cap ? 2 * cap : 64) * sizeof *more);
            if (more) *names = more;
            else st = US_ERR_MEMORY;
        }
        if (!st && !((*names)[*n] = strdup(e->d_name))) st = US_ERR_MEMORY;
        if (!st) ++*n;
    }
    if (d) closedir(d);
    if (*n) qsort(*names, *n, sizeof **names, by_name);
    while (st && *n) free((*names)[--*n]);
    if (st) free(*names);
    return st ? us_fail(w->err, US_ERR_MEMORY, "out of memory") : US_OK;
}

static us_status add_folder(writer *w, const char *path, const char *name, int depth) {
    char **names;
    size_t n;
    struct stat sb;
    if (lstat(path, &sb)) return US_OK;
    if (!S_ISDIR(sb.st_mode)) return w->counts->skipped++, US_OK;
    if (depth > US_BACKUP_DEPTH)
        return us_fail(w->err, US_ERR_LIMIT, "%s: folders lie more than %d deep", path, US_BACKUP_DEPTH);
    us_status st = begin_entry(w, name, true, 0, (int64_t)sb.st_mtime);
    if (!st) st = names_of(w, path, &names, &n);
    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        char *inner = us_path_join(path, names[i]), *as = us_path_join(name, names[i]);
        if (!st && !(inner && as)) st = us_fail(w->err, US_ERR_MEMORY, "out of memory");
        if (!st && !lstat(inner, &sb)) {
            if (S_ISDIR(sb.st_mode)) st = add_folder(w, inner, as, depth + 1);
            else if (S_ISREG(sb.st_mode)) st = add_file(w, inner, as);
            else w->counts->skipped++;
        }
        free(inner);
        free(as);
        free(names[i]);
    }
    free(names);
    return st;
}

static us_status add_chats(writer *w, const char *dir) {
    char name[48]; /* with our number: whoever kills us knows what to remove */
    snprintf(name, sizeof name, ".chats-%ld-XXXXXX", (long)getpid());
    char *path = us_path_join(dir, US_BACKUP_CHATS), *copy = us_path_join(dir, name);
    us_status st = path && copy ? US_OK : us_fail(w->err, US_ERR_MEMORY, "out of memory");
    struct stat sb;
    int fd = -1;
    if (!st && us_file_exists(path)) {
        if ((fd = mkstemp(copy)) < 0) st = us_fail(w->err, US_ERR_IO, "%s: cannot make a copy: %s", dir, strerror(errno));
        if (!st) st = us_store_copy(path, copy, w->err);
        if (fd >= 0) unlink(copy); /* nobody who ends us while the rest is written leaves it behind */
        if (!st && fstat(fd, &sb)) st = us_fail(w->err, US_ERR_IO, "%s: %s", copy, strerror(errno));
        if (!st) st = add_open_file(w, fd, US_BACKUP_CHATS, (size_t)sb.st_size, (int64_t)sb.st_mtime);
        if (fd >= 0) close(fd);
    }
    free(path);
    free(copy);
    return st;
}

static us_status add_manifest(writer *w, const char *dir) {
    char now[32];
    time_t t = time(NULL);
    struct tm tm;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
    json_t *o = json_pack("{s:i, s:s, s:s, s:s}", "understudy_backup", US_BACKUP_VERSION, "version", us_version(), "created",
                          now, "data_dir", dir);
    char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
    us_status st =
        text ? begin_entry(w, US_BACKUP_MANIFEST, false, strlen(text), t) : us_fail(w->err, US_ERR_MEMORY, "out of memory");
    if (!st) st = add_data(w, text, strlen(text));
    free(text);
    json_decref(o);
    return st;
}

static us_status write_all(const char *dir, int fd, us_backup_counts *counts, us_error *err) {
    writer w = {archive_write_new(), counts, err};
    us_status st = US_OK;
    if (!w.a) return us_fail(err, US_ERR_MEMORY, "out of memory");
    if (archive_write_set_format_pax_restricted(w.a) || archive_write_add_filter_gzip(w.a) || archive_write_open_fd(w.a, fd))
        st = archive_failed(&w);
    if (!st) st = add_manifest(&w, dir);
    if (!st) st = add_chats(&w, dir);
    for (int i = 0; i < US_BACKUP_N_FOLDERS && !st; i++) {
        char *path = us_path_join(dir, us_backup_folders[i]);
        st = path ? add_folder(&w, path, us_backup_folders[i], 1) : us_fail(err, US_ERR_MEMORY, "out of memory");
        free(path);
    }
    if (archive_write_close(w.a) && !st) st = archive_failed(&w);
    archive_write_free(w.a);
    return st;
}

us_status us_backup_write(const char *data_dir, const char *file, bool force, us_backup_counts *counts, us_error *err) {
    char dir[PATH_MAX], tmp[PATH_MAX];
    *counts = (us_backup_counts){0};
    if (!realpath(data_dir, dir)) return us_fail(err, US_ERR_NOT_FOUND, "%s: there is no such data folder", data_dir);
    if (us_backup_is_half_restored(dir))
        return us_fail(err, US_ERR_MISMATCH, "%s: a restore was killed here: start the server once, which completes it",
                       data_dir);
    if (!strcmp(file, "-")) return write_all(dir, 1, counts, err);
    if (us_dir_exists(file))
        return us_fail(err, US_ERR_ARGUMENT, "%s is a folder: name a file in it, such as understudy.tar.gz", file);
    if (!force && us_file_exists(file)) return us_fail(err, US_ERR_MISMATCH, "%s is there already: --force replaces it", file);
    us_file_remove_unfinished(file);
    int fd;
    us_status st = us_file_open_beside(file, 0600, tmp, &fd, err);
    if (st) return st;
    st = write_all(dir, fd, counts, err);
    if (!st && fsync(fd)) st = us_fail(err, US_ERR_IO, "%s: cannot sync: %s", tmp, strerror(errno));
    if (st) unlink(tmp);
    else st = us_file_replace(tmp, file, err);
    close(fd);
    return st;
}
