/* us_mktiny: writes a GGUF model with random weights. */
#include "kern/quant.h"
#include "mktiny.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char usage[] =
    "usage: us_mktiny [OPTIONS] ARCH TYPE OUT.gguf        ARCH: llama llama3 qwen2 qwen3 gemma2 gemma3 phi3\n"
    "                                                     granite olmo2 smollm3 mistral3; TYPE: F32 F16 Q4_1 Q4_K Q4_K_M ...\n"
    "       us_mktiny [OPTIONS] --shape llama-1b [--mix q4_k_m | TYPE] OUT.gguf\n\n"
    "  --seed N         random weights of this seed (0)\n"
    "  --vocab KIND     bpe (default) or spm\n"
    "  --untied         an output matrix of its own\n"
    "  --chat NAME      chatml, llama2, llama3, none, or the text of a template\n"
    "  --layers N  --embd N  --ff N  --heads N  --kv-heads N  --head-size N  --ctx N  --tokens N\n"
    "  --adapter RANK   a random LoRA adapter that fits the model instead of the model\n";

static bool set_type(us_tiny *t, const char *name) {
    if (!strcasecmp(name, "q4_k_m")) return t->q4_k_m = true;
    t->q4_k_m = false;
    for (t->type = 0; t->type < 64; t->type++)
        if (us_type_name(t->type) && !strcasecmp(us_type_name(t->type), name)) return true;
    fprintf(stderr, "us_mktiny: no type '%s'\n", name);
    return false;
}

static int number(const char *s) {
    char *end;
    long v = strtol(s, &end, 10);
    if (*end || end == s || v < 0 || v > 1 << 24) {
        fprintf(stderr, "us_mktiny: '%s': expected a number from 0 to %d\n", s, 1 << 24);
        exit(2);
    }
    return (int)v;
}

int main(int argc, char **argv) {
    us_tiny t = {0};
    bool shaped = false;
    int rank = 0, c;
    static const struct option options[] = {{"seed", 1, 0, 's'},
                                            {"vocab", 1, 0, 'v'},
                                            {"untied", 0, 0, 'u'},
                                            {"chat", 1, 0, 'c'},
                                            {"shape", 1, 0, 'S'},
                                            {"mix", 1, 0, 'm'},
                                            {"layers", 1, 0, 'l'},
                                            {"embd", 1, 0, 'e'},
                                            {"ff", 1, 0, 'f'},
                                            {"heads", 1, 0, 'H'},
                                            {"kv-heads", 1, 0, 'K'},
                                            {"head-size", 1, 0, 'E'},
                                            {"ctx", 1, 0, 'C'},
                                            {"tokens", 1, 0, 'V'},
                                            {"adapter", 1, 0, 'a'},
                                            {"help", 0, 0, 'h'},
                                            {0}};
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) switch (c) {
        case 's': t.seed = strtoull(optarg, NULL, 10); break;
        case 'v': t.spm = !strcmp(optarg, "spm"); break;
        case 'u': t.untied = true; break;
        case 'c': t.chat = optarg; break;
        case 'S': {
            if (strcmp(optarg, "llama-1b")) {
                fprintf(stderr, "us_mktiny: no shape '%s': expected llama-1b\n", optarg);
                return 2;
            }
            uint64_t seed = t.seed;
            t = us_tiny_llama_1b();
            t.seed = seed;
            shaped = true;
            break;
        }
        case 'm':
            if (!set_type(&t, optarg)) return 2;
            break;
        case 'l': t.n_layers = number(optarg); break;
        case 'e': t.n_embd = number(optarg); break;
        case 'f': t.n_ff = number(optarg); break;
        case 'H': t.n_heads = number(optarg); break;
        case 'K': t.n_kv_heads = number(optarg); break;
        case 'E': t.head_size = number(optarg); break;
        case 'C': t.n_ctx = number(optarg); break;
        case 'V': t.n_vocab = number(optarg); break;
        case 'a': rank = number(optarg); break;
        case 'h': fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 2;
        }
    int n = argc - optind;
    if (!shaped && n == 3) t.arch = argv[optind++], n--;
    else if (!shaped) n = 0;
    if (n == 2 && !set_type(&t, argv[optind++])) return 2;
    if (n < 1 || n > 2) {
        fputs(usage, stderr);
        return 2;
    }
    us_error err;
    us_status st =
        rank ? us_tiny_write_adapter(&t, rank, 2 * (float)rank, argv[optind], &err) : us_tiny_write(&t, argv[optind], &err);
    if (st) fprintf(stderr, "us_mktiny: %s\n", err.message);
    return st != US_OK;
}
