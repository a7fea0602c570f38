/* Where second-tier tests find the default model and the reference data; NULL when they are not there (skip() then). */
#ifndef US_TEST_SHARED_H
#define US_TEST_SHARED_H
#include "base/file.h"

static inline char *default_model(void) {
    char *dir = us_xdg_dir("DATA"), *path = dir ? us_path_join(dir, "models/SmolLM2-135M-Instruct.Q4_1.gguf") : NULL;
    free(dir);
    if (path && us_file_exists(path)) return path;
    printf("# skipped: no default model (script/model fetches it)\n");
    free(path);
    return NULL;
}

static inline char *shared_file(const char *name) {
    const char *root = getenv("UNDERSTUDY_SHARED");
    char *path = us_path_join(root && *root ? root : US_SOURCE_DIR "/../shared", name);
    if (path && us_file_exists(path)) return path;
    printf("# skipped: no %s (UNDERSTUDY_SHARED names the folder)\n", name);
    free(path);
    return NULL;
}
/* The default model and that file are there. */
static inline bool have_shared(const char *name) {
    char *file = shared_file(name), *model = file ? default_model() : NULL;
    bool both = file && model;
    free(file);
    free(model);
    return both;
}
#endif
