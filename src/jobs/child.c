#include "jobs/child.h"
#include "base/buf.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

/* Between fork and exec of a process with threads: system calls only. */
static void become_modest(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* the server blocks SIGTERM */
    signal(SIGPIPE, SIG_DFL);
    setpgid(0,
            0); /* Ctrl-C in the server's terminal is the server's; a stopped child whose parent dies is woken by the kernel */
    setpriority(PRIO_PROCESS, 0, 10); /* a tenth of what others get who are busy too: it yields, and is not starved */
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = write(fd, "600", 3);
        (void)n;
        close(fd);
    }
#endif
}

static void close_others(int keep) {
    struct rlimit files;
    int most = getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > 8192 ? 8192 : (int)files.rlim_cur;
    for (int fd = 3; fd < most; fd++)
        if (fd != keep) close(fd);
}

us_status us_child_start(const us_child_spec *spec, pid_t *out, us_error *err) {
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) return us_fail(err, US_ERR_IO, "cannot start a process: %s", strerror(errno));
    if (!pid) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(spec->out >= 0 ? spec->out : null, 1);
        dup2(spec->err >= 0 ? spec->err : null, 2);
        if (spec->keep >= 0) fcntl(spec->keep, F_SETFD, 0);
        close_others(spec->keep);
        become_modest();
        if (getppid() != parent || (spec->folder && chdir(spec->folder))) _exit(127);
        execv(spec->argv[0], (char *const *)(uintptr_t)spec->argv);
        _exit(127);
    }
    setpgid(pid, pid); /* here too: whoever comes first */
    *out = pid;
    return US_OK;
}

/* ---- one that is waited for -------------------------------------------------------------------------------------- */

/* The last line that says something. */
static void last_line(const char *text, size_t n, char said[512]) {
    while (n && strchr(" \r\n\t", text[n - 1])) n--;
    size_t begin = n;
    while (begin && text[begin - 1] != '\n') begin--;
    snprintf(said, 512, "%.*s", (int)(n - begin < 511 ? n - begin : 511), text + begin);
}

/* Reads both until both are closed. */
static us_status drain(int fds[2], us_buf bufs[2], int64_t until_ns, const atomic_bool *stop, us_error *err) {
    struct pollfd p[2] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        int64_t left = (until_ns - us_now_ns()) / 1000000;
        if (left <= 0) return us_fail(err, US_ERR_LIMIT, "it took too long");
        if (stop && *stop) return us_fail(err, US_ERR_INTERRUPTED, "nobody waits for it any more");
        if (poll(p, 2, left < 250 ? (int)left : 250) < 0 && errno != EINTR) return us_fail(err, US_ERR_IO, "cannot wait");
        for (int i = 0; i < 2; i++) {
            char chunk[16384];
            if (p[i].fd < 0 || !p[i].revents) continue;
            ssize_t n = read(p[i].fd, chunk, sizeof chunk);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) p[i].fd = -1;
            else if (us_buf_append(&bufs[i], chunk, (size_t)n, NULL)) {
                if (!i) return us_fail(err, US_ERR_LIMIT, "its answer is too large");
                us_buf_clear(&bufs[i]); /* of what it complains only the end is of use */
            }
        }
    }
    return US_OK;
}

us_status us_child_run(const char *const *argv, const char *folder, double seconds, size_t max_bytes, const atomic_bool *stop,
                       char **out, size_t *n_out, int *exit_code, char said[512], us_error *err) {
    int a[2], b[2], status = 0;
    us_buf bufs[2];
    pid_t pid;
    if (pipe(a)) return us_fail(err, US_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    if (pipe(b)) return close(a[0]), close(a[1]), us_fail(err, US_ERR_IO, "cannot make a pipe: %s", strerror(errno));
    for (int i = 0; i < 2; i++) fcntl(a[i], F_SETFD, FD_CLOEXEC), fcntl(b[i], F_SETFD, FD_CLOEXEC);
    us_buf_init(&bufs[0], max_bytes);
    us_buf_init(&bufs[1], 1 << 16);
    us_status st = us_child_start(&(us_child_spec){argv, folder, a[1], b[1], -1}, &pid, err);
    close(a[1]);
    close(b[1]);
    if (!st) {
        st = drain((int[]){a[0], b[0]}, bufs, us_now_ns() + (int64_t)(seconds * 1e9), stop, err);
        if (st) kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
        *exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        last_line(bufs[1].data ? bufs[1].data : "", bufs[1].len, said);
    }
    if (!st && !bufs[0].data) st = us_buf_append(&bufs[0], "", 0, err);
    if (!st) *out = us_buf_take(&bufs[0], n_out);
    if (!st && !*out) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&bufs[0]);
    us_buf_fini(&bufs[1]);
    close(a[0]);
    close(b[0]);
    return st;
}
