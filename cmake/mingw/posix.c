/* sysconf, and maps of files and of memory. A map is let go of whole. */
#include <sys/mman.h>
#include <windows.h>

long sysconf(int what) {
    SYSTEM_INFO s;
    MEMORYSTATUSEX m = {.dwLength = sizeof m};
    GetSystemInfo(&s);
    GlobalMemoryStatusEx(&m);
    return what == _SC_NPROCESSORS_ONLN ? (long)s.dwNumberOfProcessors
           : what == _SC_PAGESIZE       ? (long)s.dwPageSize
           : what == _SC_PHYS_PAGES     ? (long)(m.ullTotalPhys / s.dwPageSize)
           : what == _SC_AVPHYS_PAGES   ? (long)(m.ullAvailPhys / s.dwPageSize)
                                        : -1;
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, long long offset) {
    (void)at;
    if (flags & MAP_ANONYMOUS) {
        void *p = VirtualAlloc(NULL, n, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
        return p ? p : MAP_FAILED;
    }
    HANDLE map = CreateFileMapping((HANDLE)_get_osfhandle(fd), NULL, protection & PROT_WRITE ? PAGE_WRITECOPY : PAGE_READONLY,
                                   0, 0, NULL);
    void *p = map ? MapViewOfFile(map, protection & PROT_WRITE ? FILE_MAP_COPY : FILE_MAP_READ, (DWORD)(offset >> 32),
                                  (DWORD)offset, n)
                  : NULL;
    if (map) CloseHandle(map);
    return p ? p : MAP_FAILED;
}

int munmap(void *at, size_t n) {
    MEMORY_BASIC_INFORMATION what;
    (void)n;
    if (!VirtualQuery(at, &what, sizeof what)) return -1;
    return (what.Type == MEM_MAPPED ? UnmapViewOfFile(at) : VirtualFree(at, 0, MEM_RELEASE)) ? 0 : -1;
}
