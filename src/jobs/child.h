/* jobs/child.h - a child process: this program again, or any other, of low priority, with nothing of ours open in it. */
#ifndef US_JOBS_CHILD_H
#define US_JOBS_CHILD_H
#include "understudy/base.h"
#include <stdatomic.h>
#include <sys/types.h>

typedef struct us_child_spec {
    const char *const *argv; /* argv[0] is the program's path; ends with NULL */
    const char *folder;      /* where it stands; NULL: where we do */
    int out, err;            /* file descriptors for its stdout and stderr; below 0: nowhere */
    int keep;                /* a descriptor that it keeps open; below 0: none */
} us_child_spec;

/* Starts it, in a process group of its own. It ends when the thread that started it ends (Linux), and when memory runs out it
 * is the first that the kernel takes. */
US_MUST_USE us_status us_child_start(const us_child_spec *spec, pid_t *out, us_error *err);

/* Runs one and waits: *out gets its stdout (free it), *exit_code what it returned, `said` the last line of its stderr. LIMIT
 * when it takes longer than `seconds` or says more than max_bytes, INTERRUPTED when *stop (may be NULL) becomes true; it is
 * killed then. */
US_MUST_USE us_status us_child_run(const char *const *argv, const char *folder, double seconds, size_t max_bytes,
                                   const atomic_bool *stop, char **out, size_t *n_out, int *exit_code, char said[512],
                                   us_error *err);
#endif
