/* Maps of files and of memory by Windows' own: posix.c. */
#ifndef US_MINGW_MMAN_H
#define US_MINGW_MMAN_H
#include <stddef.h>
#include <sys/types.h>
enum { PROT_READ = 1, PROT_WRITE = 2, MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_ANONYMOUS = 4, MAP_NORESERVE = 8 };
enum { MADV_HUGEPAGE, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED };
#define MAP_FAILED ((void *)-1)
void *mmap(void *at, size_t n, int protection, int flags, int fd, long long offset);
int munmap(void *at, size_t n);
static inline int madvise(void *at, size_t n, int how) { return (void)at, (void)n, (void)how, 0; }
#endif
