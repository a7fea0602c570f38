/* understudy import: a PEFT adapter that another trainer made, as a GGUF LoRA. */
#include "cli_model.h"
#include "understudy/convert.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cmd_import(int argc, char **argv) {
    const char *model = NULL, *out = "adapter.gguf", *type = "q8_0";
    bool help;
    int n;
    const cli_option options[] = {
        {"out", 'o', "FILE", "the GGUF adapter (adapter.gguf)", CLI_STRING, &out, 0, 0},
        {"type", 0, "TYPE", "of the adapter: q8_0, f16, f32 (q8_0)", CLI_STRING, &type, 0, 0},
        {"model", 'm', "FILE", "GGUF base model that it will run on (default: the default model)", CLI_STRING, &model, 0, 0},
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy import FOLDER [OPTIONS]\n\nTurns a PEFT LoRA (adapter_config.json, "
                       "adapter_model.safetensors) into a GGUF adapter.",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if (n != 1) return cli_usage(argv[0], "give one PEFT folder");
    static const char *const types[] = {"f16", "q8_0", "f32"};
    int k = 0;
    while (k < 3 && strcmp(type, types[k])) k++;
    if (k == 3) return cli_usage(argv[0], "--type %s: expected q8_0, f16 or f32", type);
    us_error err;
    us_model *m = NULL;
    char config[PATH_MAX];
    if (snprintf(config, sizeof config, "%s/adapter_config.json", argv[1]) >= (int)sizeof config || access(config, F_OK))
        return cli_fail(
            argv[0],
            us_fail(&err, US_ERR_NOT_FOUND, "%s: a PEFT folder is expected, and no adapter_config.json is there", argv[1]),
            &err);
    char *path = cli_model_path(argv[0], model);
    if (!path) return EXIT_FAILED;
    us_status st = us_model_open(path, NULL, &m, &err);
    if (!st) st = us_peft_import(m, argv[1], (us_adapter_type)k, out, &err);
    if (st) rc = cli_fail(argv[0], st, &err);
    else fprintf(stderr, "%s is written\n", out);
    us_model_free(m);
    free(path);
    return rc;
}
