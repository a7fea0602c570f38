/* base/file.h - whole files: mapped, read with a cap, written so that kill -9 loses nothing. */
#ifndef US_BASE_FILE_H
#define US_BASE_FILE_H
#include "understudy/base.h"
#include <limits.h>

/* Which file it is, and when it was last changed: writing to a file, putting another in its place or giving it back its old
 * times all change it, because nobody sets changed_ns but the system. */
typedef struct us_stamp {
    uint64_t device, file, n_bytes;
    int64_t modified_ns, changed_ns;
} us_stamp;
/* Of a regular file; IO or NOT_FOUND. */
US_MUST_USE us_status us_file_stamp(const char *path, us_stamp *out, us_error *err);

/* The bytes of a regular file, read-only. A file of US_MAP_READ bytes or less is read: whoever writes over it meanwhile changes
 * nothing here. A larger one is mapped, and the process ends with SIGBUS when somebody cuts it short while it is in use. */
#define US_MAP_READ ((size_t)64 << 20)
typedef struct us_map {
    const unsigned char *data; /* NULL for an empty file */
    size_t size;               /* bytes */
    us_stamp stamp;            /* when it was opened; zeroes of bytes that are no file's */
    bool read;                 /* the bytes are ours */
} us_map;
US_MUST_USE us_status us_map_open(const char *path, us_map *out, us_error *err);
void us_map_close(us_map *m);
/* Tells the kernel that these bytes are not needed for now (drops those of a mapped file from our resident memory). */
void us_map_drop(const us_map *m, size_t offset, size_t n_bytes);

/* Reads a whole file or, for "-", standard input. At most max_bytes (US_ERR_LIMIT past that).
 * *out is NUL-terminated and free()d by the caller. */
US_MUST_USE us_status us_file_read(const char *path, size_t max_bytes, char **out, size_t *n_bytes, us_error *err);
/* Writes to a temporary file beside `path`, fsyncs it, renames it over `path`, fsyncs the folder: after a crash at any moment
 * `path` holds either the old or the new bytes, whole. Any number of threads may write the same path: one of them is the
 * last. */
US_MUST_USE us_status us_file_write_atomic(const char *path, const void *data, size_t n_bytes, us_error *err);
/* The same; only its owner can read the file, whatever was there before. */
US_MUST_USE us_status us_file_write_private(const char *path, const void *data, size_t n_bytes, us_error *err);
/* The first and the last step of that, for callers that write by themselves: a new file tmp[PATH_MAX] beside `path`, which is
 * fsynced, renamed (or, failing, removed) with the folder fsynced, and only then closed: while it is open it is locked, so
 * that others see that somebody works on it. */
US_MUST_USE us_status us_file_open_beside(const char *path, unsigned mode, char tmp[PATH_MAX], int *fd, us_error *err);
US_MUST_USE us_status us_file_replace(const char *tmp, const char *path, us_error *err);
/* Removes what writers that were killed left in this folder and those below it. */
void us_dir_remove_unfinished(const char *path);
/* The same of this file alone, by whoever writes it next: for large ones. */
void us_file_remove_unfinished(const char *path);
/* mkdir -p. */
US_MUST_USE us_status us_dir_make(const char *path, us_error *err);
/* The same; folders that are made are for their owner alone, whatever the umask. */
US_MUST_USE us_status us_dir_make_private(const char *path, us_error *err);
/* A folder, or a link to one. */
bool us_dir_exists(const char *path);
/* Renames a folder to `to`, whose time (st_mtime) then tells when that was; what has this name already becomes `to`.2, .3 ... */
US_MUST_USE us_status us_dir_put_aside(const char *from, const char *to, us_error *err);
/* rm -r: a folder and all that is in it, as far as that can be removed; links are removed, not followed. */
void us_dir_remove(const char *path);
/* The same of each entry of a folder whose name begins so. */
void us_dir_remove_named(const char *folder, const char *begin);
/* Makes a file that only its owner can read and write, or makes one that is there so. IO for what is no regular file. */
US_MUST_USE us_status us_file_make_private(const char *path, us_error *err);
/* Holds this file (made when missing) until *fd is closed, or the process ends in whatever way. MISMATCH: another has it. */
US_MUST_USE us_status us_file_lock(const char *path, int *fd, us_error *err);
bool us_file_exists(const char *path);
/* A regular file, itself: no link, pipe or device. */
bool us_file_is_plain(const char *path);
/* Opens such a file for reading, without following a link or waiting for anybody; its size. NOT_FOUND for what is none. */
US_MUST_USE us_status us_file_open_plain(const char *path, int *fd, size_t *n_bytes, us_error *err);
/* us_file_read of such a file: what lies in a folder that others may write into. */
US_MUST_USE us_status us_file_read_plain(const char *path, size_t max_bytes, char **out, size_t *n_bytes, us_error *err);
/* malloc()ed "a/b"; NULL when out of memory. */
char *us_path_join(const char *a, const char *b);
/* The XDG folder of understudy: kind is "DATA", "CONFIG" or "CACHE" ($XDG_<kind>_HOME/understudy,
 * else ~/.local/share, ~/.config, ~/.cache). malloc()ed; NULL when neither it nor HOME is set. */
char *us_xdg_dir(const char *kind);

#endif
