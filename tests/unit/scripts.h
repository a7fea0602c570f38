/* For tests that read scripts: a folder of the program's own, whose making and removing are a group's setup and teardown, and the
 * scripts that lie outside the project. */
#ifndef US_TEST_SCRIPTS_H
#define US_TEST_SCRIPTS_H
#include "shared.h"
#include "test.h"
#include "understudy/corpus.h"

static char folder[] = "/tmp/us_scripts_XXXXXX";

static inline int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}
static inline int drop_folder(void **state) {
    (void)state;
    char cmd[64];
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    return system(cmd);
}

/* NULL when one of them is not there: skip() then. */
static inline us_script *load_shared(const char *const *names, size_t n) {
    us_error err;
    us_script *s = NULL;
    char *paths[32];
    for (size_t i = 0; i < n; i++)
        if (!(paths[i] = shared_file(names[i]))) return NULL;
    assert_ok(us_script_load(NULL, (const char *const *)paths, n, &s, &err), &err);
    for (size_t i = 0; i < n; i++) free(paths[i]);
    return s;
}
#endif
