#include "cli_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_MODEL "SmolLM2-135M-Instruct.Q4_1.gguf"

char *cli_model_path(const char *command, const char *given) {
    char path[4096];
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (!given || !*given) given = getenv("UNDERSTUDY_MODEL");
    if (given && *given) return cli_must(strdup(given));
    if (xdg && *xdg == '/') snprintf(path, sizeof path, "%s/understudy/models/" DEFAULT_MODEL, xdg);
    else snprintf(path, sizeof path, "%s/.local/share/understudy/models/" DEFAULT_MODEL, home ? home : "");
    if (access(path, R_OK) == 0) return cli_must(strdup(path));
    fprintf(stderr,
            "understudy %s: no model: %s is not there. Run ./script/model to fetch the default model, or name a GGUF file with "
            "-m\n",
            command, path);
    return NULL;
}

int cli_kv_type(const char *command, const char *name, us_kv_type *out) {
    if (!name || !strcmp(name, "f16")) *out = US_KV_F16;
    else if (!strcmp(name, "q8_0")) *out = US_KV_Q8_0;
    else if (!strcmp(name, "f32")) *out = US_KV_F32;
    else return cli_usage(command, "--kv-type: expected f16, q8_0 or f32, got '%s'", name);
    return 0;
}
