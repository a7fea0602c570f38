/* A fuzzer's bytes as a file in a folder of its own, for readers that take a path. */
#ifndef US_FUZZ_AS_FILE_H
#define US_FUZZ_AS_FILE_H
#include "mktiny.h"
#include "understudy/model.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *fuzz_folder;
static void fuzz_sweep(void) { us_tiny_remove(fuzz_folder); }

/* The path of `name` in the folder, which goes with the process. */
static inline const char *fuzz_path(const char *name) {
    static char path[4096];
    if (!fuzz_folder) {
        if (!(fuzz_folder = us_tiny_folder())) abort();
        atexit(fuzz_sweep);
    }
    snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
    return path;
}

static inline const char *fuzz_write(const char *name, const void *data, size_t size) {
    const char *path = fuzz_path(name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    close(fd);
    return path;
}

/* A model of one layer, the same at each call. */
static inline us_model *fuzz_model(void) {
    static us_model *m;
    us_error err;
    const char *path = m ? NULL : fuzz_path("m.gguf");
    if (!m && (us_tiny_write(&(us_tiny){.arch = "llama", .n_layers = 1}, path, &err) ||
               us_model_open(path, &(us_model_options){.n_threads = 1}, &m, &err)))
        abort();
    return m;
}
#endif
