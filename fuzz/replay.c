/* Runs one fuzz target over every file of a corpus folder, without a fuzzer: what CI does with the inputs
 * that once hurt. It runs in a thread with the stack that a connection of the server has, so that what recurses too deeply
 * there does so here. Fails on an empty or missing corpus, so that a moved folder cannot pass for a clean one. */
#include "serve/server.h"
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -1: cannot be read; 0: not a file; 1: replayed. */
static int replay(const char *path) {
    struct stat st;
    if (stat(path, &st)) return -1;
    if (!S_ISREG(st.st_mode)) return 0;
    FILE *f = fopen(path, "rb");
    if (!f) return -1;
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size ? size : 1); /* exact, so that AddressSanitizer sees a read past the end */
    int rc = data && fread(data, 1, size, f) == size ? 1 : -1;
    fclose(f);
    if (rc == 1) LLVMFuzzerTestOneInput(data, size);
    free(data);
    return rc;
}

/* NULL: all were replayed. */
static void *replay_folder(void *folder) {
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "%s: no such corpus\n", (const char *)folder);
        return folder;
    }
    int n = 0, failed = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[4096];
        if (snprintf(path, sizeof path, "%s/%s", (const char *)folder, e->d_name) >= (int)sizeof path) continue;
        int rc = replay(path);
        if (rc < 0) {
            perror(path);
            failed = 1;
        } else n += rc;
    }
    closedir(dir);
    printf("%d inputs replayed\n", n);
    return failed || n == 0 ? folder : NULL;
}

int main(int argc, char **argv) {
    pthread_attr_t a;
    pthread_t t;
    void *failed = NULL;
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    pthread_attr_init(&a);
    if (pthread_attr_setstacksize(&a, US_CONNECTION_STACK) || pthread_create(&t, &a, replay_folder, argv[1])) return 2;
    pthread_join(t, &failed);
    return failed != NULL;
}
