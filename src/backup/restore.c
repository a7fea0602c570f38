/* Bringing a backup back. Every name, size and kind in the archive is hostile: it is unpacked into an empty folder of ours,
 * where no link is ever made, and only when all of it is there and good do its parts take the places of the old ones. */
#include "understudy/backup.h"
#include "backup/parts.h"
#include "base/file.h"
#include "base/json.h"
#include "chat/store.h"
#include "understudy/jobs.h"
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
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ENTRIES = 1000000, MAX_NAME = 1000, MAX_MANIFEST = 65536, SPARE_MIB = 64, N_PARTS = US_BACKUP_N_FOLDERS + 1 };

typedef struct reader {
    struct archive *a;
    const char *file;
    char dir[PATH_MAX], aside[PATH_MAX], was[PATH_MAX]; /* the data folder, ours within it, the one it was made in */
    uint64_t room;                                      /* bytes that may still be written */
    us_backup_counts *counts;
    us_error *err;
} reader;

static us_status refuse(const reader *r, const char *what) {
    return us_fail(r->err, US_ERR_FORMAT, "%s: %s: nothing was changed", r->file, what);
}

/* ---- names ----------------------------------------------------------------------------------------------------- */

static bool starts_with_part(const char *name) {
    size_t n = strcspn(name, "/");
    for (int i = 0; i < US_BACKUP_N_FOLDERS; i++)
        if (strlen(us_backup_folders[i]) == n && !strncmp(us_backup_folders[i], name, n)) return true;
    return false;
}

/* Plain words between single slashes, none of them hidden, below one of our folders. */
static bool name_is_good(const char *name) {
    int depth = 0;
    if (!strcmp(name, US_BACKUP_CHATS)) return true;
    if (!starts_with_part(name) || strlen(name) > MAX_NAME) return false;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127 || *p == '\\') return false;
    for (const char *p = name; p; depth++) {
        size_t n = strcspn(p, "/");
        if (!n || *p == '.' || n > 250) return false;
        p = p[n] ? p + n + 1 : NULL;
    }
    return depth <= US_BACKUP_DEPTH + 1;
}

/* ---- unpacking --------------------------------------------------------------------------------------------------- */

static us_status unpack_data(reader *r, int fd, const char *name) {
    char chunk[65536];
    for (la_ssize_t n; (n = archive_read_data(r->a, chunk, sizeof chunk)) != 0;) {
        if (n < 0) return refuse(r, "it is cut off or damaged");
        if ((uint64_t)n > r->room)
            return us_fail(r->err, US_ERR_LIMIT, "%s: it is larger than the disk has room for: nothing was changed", r->file);
        r->room -= (uint64_t)n;
        r->counts->bytes += (uint64_t)n;
        for (la_ssize_t at = 0; at < n;) {
            ssize_t put = write(fd, chunk + at, (size_t)(n - at));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return us_fail(r->err, US_ERR_IO, "%s: cannot write: %s", name, strerror(errno));
            at += put;
        }
    }
    return US_OK;
}

static us_status unpack_file(reader *r, const char *name, const char *path) {
    char *slash = strrchr(path, '/');
    *slash = 0;
    us_status st = us_dir_make_private(path, r->err);
    *slash = '/';
    if (st) return st;
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EEXIST || errno == EISDIR || errno == ENOTDIR)) return refuse(r, "it holds a name twice");
    if (fd < 0) return us_fail(r->err, US_ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    st = unpack_data(r, fd, name);
    if (!st && fsync(fd)) st = us_fail(r->err, US_ERR_IO, "%s: cannot sync: %s", path, strerror(errno));
    close(fd);
    r->counts->files++;
    return st;
}

static us_status unpack_entry(reader *r, struct archive_entry *e) {
    const char *name = archive_entry_pathname_utf8(e);
    char path[PATH_MAX], clean[MAX_NAME + 2];
    size_t n = name ? strlen(name) : 0;
    if (!name || n > MAX_NAME) return refuse(r, "a name in it is none");
    snprintf(clean, sizeof clean, "%s", name);
    if (n > 1 && clean[n - 1] == '/') clean[n - 1] = 0; /* a folder's */
    mode_t kind = archive_entry_filetype(e);
    if (archive_entry_hardlink(e) || archive_entry_symlink(e) || (kind != AE_IFREG && kind != AE_IFDIR))
        return refuse(r, "it holds a link or a device, which no backup of ours does");
    if (!name_is_good(clean)) return refuse(r, "it holds a path that no backup of ours has");
    if (snprintf(path, sizeof path, "%s/%s", r->aside, clean) >= (int)sizeof path) return refuse(r, "a name in it is too long");
    return kind == AE_IFDIR ? us_dir_make_private(path, r->err) : unpack_file(r, clean, path);
}

static us_status read_manifest(reader *r, struct archive_entry *e) {
    const char *name = archive_entry_pathname_utf8(e);
    char text[MAX_MANIFEST];
    json_t *o = NULL;
    if (!name || strcmp(name, US_BACKUP_MANIFEST)) return refuse(r, "it is no backup that 'understudy backup' made");
    la_ssize_t n = archive_read_data(r->a, text, sizeof text);
    if (n > 0 && n < (la_ssize_t)sizeof text) o = us_json_parse(text, (size_t)n, NULL);
    const char *was = json_string_value(json_object_get(o, "data_dir"));
    int64_t version = json_integer_value(json_object_get(o, "understudy_backup"));
    snprintf(r->was, sizeof r->was, "%s", was && *was == '/' ? was : "");
    json_decref(o);
    if (version == US_BACKUP_VERSION) return US_OK;
    return refuse(r, version > US_BACKUP_VERSION ? "a later version of understudy made it: restore it with that one"
                                                 : "it is no backup that 'understudy backup' made");
}

static us_status unpack_all(reader *r) {
    struct archive_entry *e;
    us_status st = US_OK;
    int rc = ARCHIVE_OK;
    for (int n = 0; !st && (rc = archive_read_next_header(r->a, &e)) == ARCHIVE_OK; n++)
        st = !n                 ? read_manifest(r, e)
             : n >= MAX_ENTRIES ? us_fail(r->err, US_ERR_LIMIT, "%s: more than %d files", r->file, MAX_ENTRIES)
                                : unpack_entry(r, e);
    if (st) return st;
    if (rc != ARCHIVE_EOF)
        return refuse(r, r->was[0] ? "it is cut off or damaged" : "it is no backup that 'understudy backup' made");
    return r->was[0] ? US_OK : refuse(r, "there is nothing in it");
}

static us_status unpack(reader *r) {
    struct statvfs v;
    if (!(r->a = archive_read_new())) return us_fail(r->err, US_ERR_MEMORY, "out of memory");
    archive_read_support_filter_gzip(r->a);
    archive_read_support_format_tar(r->a);
    if (archive_read_open_filename(r->a, r->file, 65536)) return refuse(r, "it is no backup that 'understudy backup' made");
    if (statvfs(r->dir, &v)) return us_fail(r->err, US_ERR_IO, "%s: %s", r->dir, strerror(errno));
    uint64_t free_bytes = (uint64_t)v.f_bavail * v.f_frsize, spare = (uint64_t)SPARE_MIB << 20;
    r->room = free_bytes > spare ? free_bytes - spare : 0;
    return unpack_all(r);
}

/* ---- what was unpacked ------------------------------------------------------------------------------------------- */

static us_status check_chats(reader *r) {
    char path[PATH_MAX + 16];
    us_store *s;
    snprintf(path, sizeof path, "%s/%s", r->aside, US_BACKUP_CHATS);
    if (!us_file_exists(path)) return US_OK;
    us_status st = us_store_open(path, &s, r->err);
    if (st) return st;
    us_store_close(s);
    return US_OK;
}

static us_status tame_jobs(reader *r) {
    char folder[PATH_MAX + 16], path[2 * PATH_MAX];
    us_status st = US_OK;
    snprintf(folder, sizeof folder, "%s/jobs", r->aside);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && !st && (e = readdir(d));) {
        bool disarmed = false;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s/job.json", folder, e->d_name);
        if (us_file_exists(path)) st = us_backup_tame_job(path, r->was, r->dir, &disarmed, r->err);
        r->counts->disarmed += disarmed;
    }
    if (d) closedir(d);
    return st;
}

/* ---- the data folder ----------------------------------------------------------------------------------------------- */

static const char *part(int i) { return i < US_BACKUP_N_FOLDERS ? us_backup_folders[i] : US_BACKUP_CHATS; }

static us_status check_empty(const reader *r) {
    char path[PATH_MAX + 32];
    for (int i = 0; i < N_PARTS; i++) {
        snprintf(path, sizeof path, "%s/%s", r->dir, part(i));
        if (us_backup_holds_something(path))
            return us_fail(r->err, US_ERR_MISMATCH,
                           "%s%s is there already: give another --data-dir, or --force, which moves what is there aside",
                           r->counts->completed ? "a restore that was killed before has been completed now; " : "", path);
    }
    return US_OK;
}

/* Nobody else works here, and nobody begins to: a server holds the first lock, whoever works through the jobs the second. */
static us_status alone(reader *r, int *lock, us_jobs **jobs) {
    char folder[PATH_MAX + 16], path[PATH_MAX + 16], *list = NULL;
    snprintf(folder, sizeof folder, "%s/jobs", r->dir);
    snprintf(path, sizeof path, "%s/server.lock", r->dir);
    us_status st = us_file_lock(path, lock, r->err);
    if (st == US_ERR_MISMATCH) return us_fail(r->err, st, "a server works on %s: stop it first", r->dir);
    if (!st) st = us_backup_finish_restore(r->dir, &r->counts->completed, r->counts->replaced, r->err);
    if (!st) st = us_jobs_open(&(us_jobs_options){.folder = folder}, jobs, r->err);
    if (!st && !us_jobs_supervise(*jobs))
        return us_fail(r->err, US_ERR_MISMATCH, "'understudy jobs run' works on %s: stop it first", r->dir);
    if (!st) st = us_jobs_tick(*jobs, NULL, r->err); /* who was killed is not running */
    if (!st) st = us_jobs_list(*jobs, NULL, &list, r->err);
    if (!st && strstr(list, "\"state\":\"running\""))
        st = us_fail(r->err, US_ERR_MISMATCH, "a training is running ('understudy jobs'): let it end, or pause it, first");
    free(list);
    return st;
}

us_status us_backup_restore(const char *file, const char *data_dir, bool force, us_backup_counts *counts, us_error *err) {
    reader r = {.file = file, .counts = counts, .err = err};
    us_jobs *jobs = NULL;
    int lock = -1;
    *counts = (us_backup_counts){0};
    if (!us_file_exists(file)) return us_fail(err, US_ERR_NOT_FOUND, "%s: there is no such file", file);
    us_status st = us_dir_make_private(data_dir, err);
    if (!st && !realpath(data_dir, r.dir)) st = us_fail(err, US_ERR_IO, "%s: %s", data_dir, strerror(errno));
    if (!st) st = alone(&r, &lock, &jobs);
    if (!st && !force) st = check_empty(&r);
    if (!st && snprintf(r.aside, sizeof r.aside, "%.4000s/.restore-XXXXXX", r.dir) && !mkdtemp(r.aside)) {
        st = us_fail(err, US_ERR_IO, "%s: cannot make a folder: %s", r.dir, strerror(errno));
        r.aside[0] = 0;
    }
    if (!st) st = unpack(&r);
    if (!st) st = check_chats(&r);
    if (!st) st = tame_jobs(&r);
    if (!st) st = us_backup_take_places(r.dir, r.aside, counts->replaced, err);
    if (r.a) archive_read_free(r.a);
    if (r.aside[0]) us_dir_remove(r.aside);
    us_jobs_close(jobs);
    if (lock >= 0) close(lock);
    return st;
}
