/* understudy export: an adapter for other tools: a PEFT folder, a merged model, a data set with a trainer's configuration. */
#include "cli_character.h"
#include "cli_model.h"
#include "cli_script.h"
#include "understudy/dataset.h"
#include "understudy/convert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BASE "HuggingFaceTB/SmolLM2-135M-Instruct"

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

/* With the defaults of `understudy train`; MODULES as a list in the tool's own spelling. */
static int write_axolotl(const char *command, const char *base, const char *folder) {
    static const char rows[] = "    ds_type: json\n%s    type: chat_template\n    field_messages: conversations\n    "
                               "message_property_mappings: {role: from, content: value}\n"
                               "    roles_to_train: []\n    message_field_training: train\n    train_on_eos: turn\n";
    us_train_options o = us_train_defaults();
    char text[4096], train[512], test[512];
    snprintf(train, sizeof train, rows, "");
    snprintf(test, sizeof test, rows, "    split: train\n");
    snprintf(
        text, sizeof text,
        "# axolotl train axolotl.yml\n# understudy import out -m BASE.gguf --out adapter.gguf\n"
        "base_model: '%s'\nchat_template: tokenizer_default\nadapter: lora\nlora_r: %d\nlora_alpha: %g\nlora_dropout: 0.0\n"
        "lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]\n\n"
        "# a row a line of the character; only that line is learned\ndatasets:\n  - path: train.jsonl\n%stest_datasets:\n  - "
        "path: validation.jsonl\n%s\n"
        "sequence_len: %d\nexcess_length_strategy: truncate\nsample_packing: false # true with attn_implementation: "
        "flash_attention_2, where it is installed\nmicro_batch_size: 4\ngradient_accumulation_steps: 1\n"
        "num_epochs: %g\nlearning_rate: %g\nlr_scheduler: cosine\nwarmup_ratio: %g\nmax_grad_norm: %g\noptimizer: "
        "adamw_torch\nweight_decay: 0.0\nbf16: auto\n"
        "evals_per_epoch: 5\nsaves_per_epoch: 1\nlogging_steps: 10\noutput_dir: ./out\n",
        base, o.rank, o.alpha, train, test, o.max_sequence, o.epochs, o.lr, o.warmup, o.clip);
    return write_text(command, folder, "axolotl.yml", text);
}

static int write_trl(const char *command, const char *base, const char *folder) {
    us_train_options o = us_train_defaults();
    char text[4096];
    snprintf(
        text, sizeof text,
        "\"\"\"LoRA over the rows beside this file: pip install trl peft datasets gguf; accelerate launch train.py\n"
        "Then: understudy import out -m BASE.gguf --out adapter.gguf\n\n"
        "--base takes the name or folder of a model, or a GGUF file, which is then learned over as it will serve.\"\"\"\n"
        "import argparse\nimport os\n\nimport torch\nfrom datasets import load_dataset\nfrom peft import LoraConfig\nfrom "
        "transformers import AutoModelForCausalLM, AutoTokenizer\nfrom trl import SFTConfig, SFTTrainer\n\n"
        "here = os.path.dirname(os.path.abspath(__file__))\nap = argparse.ArgumentParser(description=__doc__)\n"
        "ap.add_argument('--base', default='%s')\nap.add_argument('--out', default=os.path.join(here, 'out'))\n"
        "ap.add_argument('--epochs', type=float, default=%g)\nap.add_argument('--max-steps', type=int, default=-1)\na = "
        "ap.parse_args()\n\n"
        "folder, gguf = (os.path.split(os.path.abspath(a.base)) if a.base.endswith('.gguf') else (a.base, None))\ngpu = "
        "torch.cuda.is_available()\n"
        "model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=gguf, dtype=torch.bfloat16 if gpu else torch.float32)\n"
        "model.is_quantized, model.hf_quantizer = False, None  # plain floats by now, also from a GGUF file\n"
        "tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=gguf)\n"
        "parts = {'train': 'train.jsonl', 'validation': 'validation.jsonl'}\n"
        "rows = load_dataset('json', data_files={k: os.path.join(here, v) for k, v in parts.items() if "
        "os.path.getsize(os.path.join(here, v))})\n"
        "config = SFTConfig(output_dir=a.out, num_train_epochs=a.epochs, max_steps=a.max_steps, learning_rate=%g, "
        "lr_scheduler_type='cosine',\n"
        "                   warmup_steps=%g, max_grad_norm=%g, weight_decay=0.0, per_device_train_batch_size=8, "
        "max_length=%d,\n"
        "                   completion_only_loss=True, eval_strategy='epoch' if 'validation' in rows else 'no', "
        "save_strategy='no',\n"
        "                   logging_steps=10, bf16=gpu, report_to='none')\n"
        "lora = LoraConfig(r=%d, lora_alpha=%g, lora_dropout=0.0, task_type='CAUSAL_LM',\n"
        "                  target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])\n"
        "trainer = SFTTrainer(model=model, processing_class=tokenizer, args=config, train_dataset=rows['train'],\n"
        "                     eval_dataset=rows.get('validation'), peft_config=lora)\n"
        "trainer.train()\ntrainer.save_model(a.out)\n",
        base, o.epochs, o.lr, o.warmup, o.clip, o.max_sequence, o.rank, o.alpha);
    return write_text(command, folder, "train.py", text);
}

/* The rows, one a line of the character, and a configuration. */
static int export_trainer(const char *command, bool axolotl, const char *base, const us_dataset *d, const char *folder,
                          us_error *err) {
    us_status st = us_dataset_write(d, axolotl ? US_ROWS_SHAREGPT : US_ROWS_COMPLETION, false, folder, err);
    if (st) return cli_fail(command, st, err);
    const us_dataset_counts *c = us_dataset_get_counts(d);
    fprintf(stderr, "%s: %llu rows to learn from, %llu for validation, %llu for the test in %s\n", us_dataset_get_character(d),
            (unsigned long long)c->targets[US_TRAIN], (unsigned long long)c->targets[US_VALIDATION],
            (unsigned long long)c->targets[US_TEST], folder);
    if (c->exchanges[US_TRAIN])
        fprintf(
            stderr,
            "  of these, %llu to learn from and %llu for validation are our exchanges with visitors, as 'train' learns them\n",
            (unsigned long long)c->exchanges[US_TRAIN], (unsigned long long)c->exchanges[US_VALIDATION]);
    return axolotl ? write_axolotl(command, base, folder) : write_trl(command, base, folder);
}

int cmd_export(int argc, char **argv) {
    cli_script so = {0};
    us_dataset_options dso = {.unnamed = CLI_UNNAMED, .visitors = CLI_VISITORS};
    const char *model = NULL, *peft = NULL, *merged = NULL, *type = "Q8_0", *trainer = NULL, *base = NULL, *out = "export",
               *card = NULL;
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
        {"card", 0, "FILE",
         "with --trainer: card whose persona is the system message; none: no system message (a plain persona)", CLI_STRING,
         &card, 0, 0},
        {"out", 'o', "DIR", "with --trainer: folder (export)", CLI_STRING, &out, 0, 0},
        {"base", 0, "NAME",
         "the base as PEFT and trainers know it: a name, a folder, a GGUF (of the default model: " DEFAULT_BASE ")", CLI_STRING,
         &base, 0, 0},
        {"model", 'm', "FILE", "GGUF base model (default: the default model)", CLI_STRING, &model, 0, 0},
        CLI_SCRIPT_OPTIONS(so),
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy export ADAPTER|FOLDER --peft DIR | --merged FILE\n       understudy export SCRIPT... "
                       "--trainer axolotl|trl --character NAME --out DIR\n\n"
                       "Hands an adapter to other tools, or the data set to a trainer that runs on many GPUs.",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if ((rc = cli_script_check(argv[0], &so))) return rc;
    if (!peft + !merged + !trainer != 2) return cli_usage(argv[0], "give one of --peft, --merged, --trainer");
    if (!n) return cli_usage(argv[0], trainer ? "give one or more scripts" : "give an adapter or a character's folder");
    us_error err;
    us_status st = US_OK;
    if (trainer && !base && model)
        return cli_usage(argv[0], "--trainer with another model needs --base: its name or folder as the trainer knows it");
    if (!base) base = model ? "" : DEFAULT_BASE;
    if (strpbrk(base, "'\"\\\n")) return cli_usage(argv[0], "--base: a name without quotes and backslashes is expected");
    if (trainer) {
        if (strcmp(trainer, "axolotl") && strcmp(trainer, "trl"))
            return cli_usage(argv[0], "--trainer %s: expected axolotl or trl", trainer);
        if (!dso.character) return cli_usage(argv[0], "no --character: whose lines are learned?");
        us_script *s = NULL;
        us_dataset *d = NULL;
        char *system = NULL;
        st = cli_script_load(&so, (const char *const *)argv + 1, (size_t)n, &s, &err);
        if (!st) st = cli_find_character(s, &dso.character, &err);
        if (!st) st = cli_persona(card, s, dso.character, &system, &dso.exchanges, &err);
        dso.system = system;
        if (!st) st = us_dataset_build(s, &dso, &d, &err);
        rc = st ? cli_fail(argv[0], st, &err) : export_trainer(argv[0], trainer[0] == 'a', base, d, out, &err);
        us_dataset_free(d);
        us_script_free(s);
        free(system);
        return rc;
    }
    if (n != 1) return cli_usage(argv[0], "one adapter at a time");
    us_model *m = NULL;
    char *path = cli_model_path(argv[0], model), *adapter = cli_adapter_file(argv[1]);
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
