/* understudy export: an adapter for other tools: a PEFT folder, a merged model, or a data set with a trainer's configuration. */
#include "cli_character.h"
#include "cli_model.h"
#include "cli_script.h"
#include "understudy/chat.h"
#include "understudy/convert.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "characters/homer" -> its adapter.gguf; a file as it is. */
static char *adapter_file(const char *given) {
    struct stat s;
    char *path = malloc(strlen(given) + 16);
    if (path) sprintf(path, stat(given, &s) == 0 && S_ISDIR(s.st_mode) ? "%s/adapter.gguf" : "%s", given);
    return path;
}

static int write_text(const char *command, const char *folder, const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f)) {
        us_error err;
        return cli_fail(command, us_fail(&err, US_ERR_IO, "%s: cannot write", path), &err);
    }
    fprintf(stderr, "%s\n", path);
    return EXIT_OK;
}

/* The rows and a configuration with the defaults of `understudy train`. */
static int export_trainer(const char *command, const char *trainer, const char *base, const us_dataset *d, const char *folder, us_error *err) {
    char text[4096];
    bool axolotl = !strcmp(trainer, "axolotl");
    us_status st = us_dataset_write(d, axolotl ? US_ROWS_SHAREGPT : US_ROWS_COMPLETION, false, folder, err);
    if (st) return cli_fail(command, st, err);
    if (axolotl) {
        snprintf(text, sizeof text,
                 "# axolotl train axolotl.yml; then: understudy import out --out adapter.gguf\n"
                 "base_model: %s\nadapter: lora\nlora_r: 16\nlora_alpha: 32\nlora_dropout: 0\nlora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]\n"
                 "datasets:\n  - path: train.jsonl\n    ds_type: json\n    type: chat_template\n    field_messages: conversations\n    message_property_mappings: {role: from, content: value}\n"
                 "    roles_to_train: []\n    message_field_training: train\n    train_on_eos: turn\n"
                 "test_datasets:\n  - path: validation.jsonl\n    ds_type: json\n    split: train\n    type: chat_template\n    field_messages: conversations\n    message_property_mappings: {role: from, content: value}\n    roles_to_train: []\n    message_field_training: train\n    train_on_eos: turn\n"
                 "sequence_len: 1024\nsample_packing: true\nmicro_batch_size: 4\ngradient_accumulation_steps: 1\nnum_epochs: 2\nlearning_rate: 0.001\nlr_scheduler: cosine\nwarmup_ratio: 0.05\noptimizer: adamw_torch\nbf16: auto\noutput_dir: out\n",
                 base);
        return write_text(command, folder, "axolotl.yml", text);
    }
    snprintf(text, sizeof text,
             "# pip install trl peft datasets; accelerate launch train.py; then: understudy import out --out adapter.gguf\n"
             "from datasets import load_dataset\nfrom peft import LoraConfig\nfrom trl import SFTConfig, SFTTrainer\n\n"
             "data = load_dataset('json', data_files={'train': 'train.jsonl', 'test': 'validation.jsonl'})\n"
             "lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, task_type='CAUSAL_LM',\n"
             "                  target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])\n"
             "config = SFTConfig(output_dir='out', num_train_epochs=2, learning_rate=1e-3, lr_scheduler_type='cosine', warmup_ratio=0.05,\n"
             "                   per_device_train_batch_size=8, max_length=1024, completion_only_loss=True, eval_strategy='epoch')\n"
             "trainer = SFTTrainer(model='%s', args=config, train_dataset=data['train'], eval_dataset=data['test'], peft_config=lora)\n"
             "trainer.train()\ntrainer.save_model('out')\n",
             base);
    return write_text(command, folder, "train.py", text);
}

int cmd_export(int argc, char **argv) {
    us_script_options so = {0};
    us_dataset_options dso = {.unnamed = 0.25};
    cli_list off = {0};
    const char *model = NULL, *peft = NULL, *merged = NULL, *type = "Q8_0", *trainer = NULL, *base = "HuggingFaceTB/SmolLM2-135M-Instruct", *out = "export", *card = NULL;
    double scale = 1;
    bool help;
    int n;
    const cli_option options[] = {
        {"peft", 0, "DIR", "write the adapter as a PEFT folder", CLI_STRING, &peft, 0, 0},
        {"merged", 0, "FILE", "write base and adapter as one GGUF model", CLI_STRING, &merged, 0, 0},
        {"type", 0, "TYPE", "of the merged model: F16, Q8_0, Q4_1, Q4_0 (Q8_0)", CLI_STRING, &type, 0, 0},
        {"scale", 0, "X", "strength of the adapter in the merged model, 0..2 (1)", CLI_FLOAT, &scale, 0, 2},
        {"trainer", 0, "NAME", "write the data set with a configuration for axolotl or trl", CLI_STRING, &trainer, 0, 0},
        {"character", 'c', "NAME", "with --trainer: whose lines are learned", CLI_STRING, &dso.character, 0, 0},
        {"card", 0, "FILE", "with --trainer: card whose persona is the system message", CLI_STRING, &card, 0, 0},
        {"out", 'o', "DIR", "with --trainer: folder (export)", CLI_STRING, &out, 0, 0},
        {"base", 0, "NAME", "name of the unquantized base for PEFT and trainers (HuggingFaceTB/SmolLM2-135M-Instruct)", CLI_STRING, &base, 0, 0},
        {"model", 'm', "FILE", "GGUF base model (default: the default model)", CLI_STRING, &model, 0, 0},
        CLI_SCRIPT_OPTIONS(so, off),
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy export ADAPTER|FOLDER --peft DIR | --merged FILE\n       understudy export SCRIPT... --trainer axolotl|trl --character NAME --out DIR\n\n"
                       "Hands an adapter to other tools, or the data set to a trainer that runs on many GPUs.",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if ((rc = cli_script_rules(argv[0], &off, &so))) return rc;
    if (!peft + !merged + !trainer != 2) return cli_usage(argv[0], "give one of --peft, --merged, --trainer");
    if (!n) return cli_usage(argv[0], trainer ? "give one or more scripts" : "give an adapter or a character's folder");
    us_error err;
    us_status st = US_OK;
    if (trainer) {
        if (strcmp(trainer, "axolotl") && strcmp(trainer, "trl")) return cli_usage(argv[0], "--trainer %s: expected axolotl or trl", trainer);
        if (!dso.character) return cli_usage(argv[0], "no --character: whose lines are learned?");
        us_script *s = NULL;
        us_dataset *d = NULL;
        us_card *c = NULL;
        char *system = NULL;
        if (card) st = us_card_open(card, &c, &err);
        if (!st && c) st = us_card_system(c, &system, &err);
        dso.system = system;
        if (!st) st = us_script_load(&so, (const char *const *)argv + 1, (size_t)n, &s, &err);
        if (!st) st = us_dataset_build(s, &dso, &d, &err);
        rc = st ? cli_fail(argv[0], st, &err) : export_trainer(argv[0], trainer, base, d, out, &err);
        us_dataset_free(d);
        us_script_free(s);
        us_card_free(c);
        free(system);
        return rc;
    }
    if (n != 1) return cli_usage(argv[0], "one adapter at a time");
    us_model *m = NULL;
    char *path = cli_model_path(argv[0], model), *adapter = adapter_file(argv[1]);
    if (!path) rc = EXIT_FAILED;
    else {
        st = us_model_open(path, NULL, &m, &err);
        if (!st && peft) st = us_peft_export(m, adapter, base, peft, &err);
        if (!st && merged) st = us_adapter_merge(m, adapter, scale, type, merged, &err);
        if (st) rc = cli_fail(argv[0], st, &err);
        else fprintf(stderr, "%s is written\n", peft ? peft : merged);
    }
    us_model_free(m);
    free(path);
    free(adapter);
    return rc;
}
