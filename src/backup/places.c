/* The parts of a restore take the places of what is there. A folder's name says how far it is, so that whoever finds it after a kill
 * knows what is left to do:
 *
 *     .restore-XXXXXX   is being unpacked and judged: nothing has changed, it can go
 *     .restored-out     is whole and good; what is there before moves into its folder "replaced", part by part
 *     .restored-in      all of that is out; the new parts move to their places
 *
 * and at last .restored-in/replaced becomes replaced-TIME. Each step does nothing to what it has done already. */
#include "backup/parts.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* SQLite's own side files go with the chats. */
static const char *const moved[] = {
    US_BACKUP_CHATS "-wal", US_BACKUP_CHATS "-shm", US_BACKUP_CHATS, "characters", "rehearsals", "scripts", "jobs", "trash"};
enum { N_MOVED = sizeof moved / sizeof *moved };
static const char out_name[] = ".restored-out", in_name[] = ".restored-in";

static bool join(char out[PATH_MAX], const char *a, const char *b) { return snprintf(out, PATH_MAX, "%s/%s", a, b) < PATH_MAX; }

bool us_backup_holds_something(const char *path) {
    struct stat sb;
    bool any = false;
    if (lstat(path, &sb)) return false;
    if (!S_ISDIR(sb.st_mode)) return true;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        any = any || (e->d_name[0] != '.' && strcmp(e->d_name, "lock") && strcmp(e->d_name, "supervisor"));
    if (d) closedir(d);
    return any;
}

/* One part from folder to folder, when it is there. What is in its way and holds nothing but locks goes. */
static bool move_part(const char *from, const char *to, const char *name) {
    char a[PATH_MAX], b[PATH_MAX];
    struct stat sb;
    if (!join(a, from, name) || !join(b, to, name)) return errno = ENAMETOOLONG, false;
    if (lstat(a, &sb)) return errno == ENOENT;
    if (!lstat(b, &sb)) {
        if (!us_backup_holds_something(a)) return us_dir_remove(a), true; /* locks alone, made since */
        if (us_backup_holds_something(b)) return errno = EEXIST, false;
        us_dir_remove(b);
    }
    return !rename(a, b);
}

static us_status move_all(const char *from, const char *to, us_error *err) {
    for (int i = 0; i < N_MOVED; i++)
        if (!move_part(from, to, moved[i]))
            return us_fail(err, US_ERR_IO, "%s/%s cannot take the place of %s/%s: %s", from, moved[i], to, moved[i],
                           strerror(errno));
    return US_OK;
}

/* As they were, as far as that can be. */
static void move_back(const char *from, const char *to) {
    for (int i = N_MOVED; i-- > 0;) move_part(from, to, moved[i]);
}

static bool holds_any(const char *folder) {
    char path[PATH_MAX];
    bool any = false;
    for (int i = 0; i < N_MOVED; i++) any = any || (join(path, folder, moved[i]) && us_backup_holds_something(path));
    return any;
}

/* What was there before gets a name that people see; "" when it was nothing. */
static us_status name_replaced(const char *dir, const char *old, char replaced[512], us_error *err) {
    char path[PATH_MAX], now[32];
    time_t t = time(NULL);
    struct tm tm;
    *replaced = 0;
    if (!holds_any(old)) return US_OK;
    strftime(now, sizeof now, "%Y%m%d-%H%M%S", localtime_r(&t, &tm));
    for (int k = 1; k < 1000; k++) { /* there may have been another in this second */
        int n = k == 1 ? snprintf(path, sizeof path, "%s/replaced-%s", dir, now)
                       : snprintf(path, sizeof path, "%s/replaced-%s.%d", dir, now, k);
        if (n < PATH_MAX && us_file_exists(path)) continue;
        snprintf(replaced, 512, "%.500s", path);
        return us_file_replace(old, path, err);
    }
    return us_fail(err, US_ERR_IO, "%s: no name is free for what was there before", dir);
}

/* From whichever of the two names it has. */
static us_status go_on(const char *dir, bool undo, char replaced[512], us_error *err) {
    char out[PATH_MAX], in[PATH_MAX], old[PATH_MAX];
    us_status st = US_OK;
    if (!join(out, dir, out_name) || !join(in, dir, in_name)) return us_fail(err, US_ERR_LIMIT, "%s: path too long", dir);
    if (us_file_exists(out)) {
        if (!join(old, out, "replaced")) return us_fail(err, US_ERR_LIMIT, "%s: path too long", dir);
        if ((st = us_dir_make_private(old, err))) return st;
        st = move_all(dir, old, err);
        if (!st) st = us_file_replace(out, in, err);
        if (st && undo) move_back(old, dir);
        if (st) return st;
    }
    if (!join(old, in, "replaced")) return us_fail(err, US_ERR_LIMIT, "%s: path too long", dir);
    st = move_all(in, dir, err);
    if (st && undo) move_back(dir, in), move_back(old, dir);
    if (st) return st;
    st = name_replaced(dir, old, replaced, err);
    if (!st) us_dir_remove(in);
    return st;
}

us_status us_backup_take_places(const char *dir, const char *aside, char replaced[512], us_error *err) {
    char out[PATH_MAX], in[PATH_MAX];
    if (!join(out, dir, out_name) || !join(in, dir, in_name)) return us_fail(err, US_ERR_LIMIT, "%s: path too long", dir);
    us_status st = us_file_replace(aside, out, err);
    if (st) return st;
    st = go_on(dir, true, replaced, err);
    if (!st) return US_OK;
    us_error why = *err;
    const char *where = us_file_exists(out) ? out : in;
    char old[PATH_MAX];
    if (join(old, where, "replaced") && holds_any(old))
        return us_fail(err, st, "%s: what was there before lies in %s", why.message, old);
    us_dir_remove(where);
    return us_fail(err, st, "%s: nothing was changed", why.message);
}

bool us_backup_is_half_restored(const char *dir) {
    char out[PATH_MAX], in[PATH_MAX];
    return join(out, dir, out_name) && join(in, dir, in_name) && (us_file_exists(out) || us_file_exists(in));
}

us_status us_backup_finish_restore(const char *dir, bool *found, char replaced[512], us_error *err) {
    us_error why;
    us_dir_remove_named(dir, ".restore-");
    *replaced = 0;
    *found = us_backup_is_half_restored(dir);
    us_status st = *found ? go_on(dir, false, replaced, &why) : US_OK;
    return st ? us_fail(err, st,
                        "a restore was killed here and cannot be completed: %s: move one of the two away, then start again",
                        why.message)
              : US_OK;
}
