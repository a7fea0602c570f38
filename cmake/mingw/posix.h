/* What the library takes from POSIX and Windows' C library lacks. Every file is compiled with it (mingw-w64.cmake); nothing of it is seen
 * on other systems. Links do not exist here: whatever is there is a file or a folder. */
#ifndef US_MINGW_POSIX_H
#define US_MINGW_POSIX_H
#include <direct.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static inline void *memmem(const void *hay, size_t n, const void *needle, size_t k) {
    const char *p = (const char *)hay;
    for (size_t i = 0; k <= n && i <= n - k; i++)
        if (!memcmp(p + i, needle, k)) return (void *)(p + i);
    return NULL;
}

static inline void *memrchr(const void *s, int c, size_t n) {
    const unsigned char *p = (const unsigned char *)s;
    while (n--)
        if (p[n] == (unsigned char)c) return (void *)(p + n);
    return NULL;
}

static inline char *strcasestr(const char *hay, const char *needle) {
    size_t k = strlen(needle);
    for (; *hay; hay++)
        if (!_strnicmp(hay, needle, k)) return (char *)hay;
    return k ? NULL : (char *)hay;
}

static inline char *strndup(const char *s, size_t n) {
    size_t k = strnlen(s, n);
    char *copy = (char *)malloc(k + 1);
    if (copy) memcpy(copy, s, k), copy[k] = 0;
    return copy;
}

static inline struct tm *localtime_r(const time_t *t, struct tm *out) { return localtime_s(out, t) ? NULL : out; }
static inline struct tm *gmtime_r(const time_t *t, struct tm *out) { return gmtime_s(out, t) ? NULL : out; }
static inline time_t timegm(struct tm *tm) { return _mkgmtime(tm); }
static inline int fsync(int fd) { return _commit(fd); }
static inline int fchmod(int fd, int mode) { return (void)fd, (void)mode, 0; } /* files have the rights of their folder */
static inline int geteuid(void) { return 0; }
#define lstat stat
#define S_ISLNK(mode) 0
#define mkdir(path, mode) _mkdir(path)
#define O_CLOEXEC _O_NOINHERIT
#define O_NONBLOCK 0
#define O_DIRECTORY 0
#define tell us_tell /* io.h has one */

enum { _SC_NPROCESSORS_ONLN = 1, _SC_PHYS_PAGES, _SC_AVPHYS_PAGES, _SC_PAGESIZE };
long sysconf(int what);
#endif
