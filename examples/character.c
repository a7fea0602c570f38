/* The whole road, from a script to a reply: a character is learned from dialogue, kept in a folder, and talked to.
 *
 *   example_character MODEL.gguf lines.csv "Homer Simpson" FOLDER "Hi, who are you?" [STEPS]
 *
 * Prints the reply. With a folder that holds the character already, nothing is learned: the card and the adapter are opened.
 * STEPS bounds the training (without it: one and a half passes over the dialogue, which takes its time). */
#include <stdio.h>
#include <stdlib.h>
#include <understudy/chat.h>
#include <understudy/train.h>

static bool tell(void *ctx, const us_train_report *r) {
    (void)ctx;
    fprintf(stderr, "\rstep %lld, loss %.3f  ", (long long)r->step, r->loss);
    return true; /* false would end it here, and keep the best so far */
}

static us_status learn(us_model *model, const char *csv, const char *name, const char *folder, long steps, us_error *err) {
    us_script *script = NULL;
    us_train_options train = {.max_steps = steps};
    us_status st = us_script_load(NULL, &csv, 1, &script, err);
    if (!st)
        st = us_train_character(model, script, name, folder, &(us_train_character_options){.train = &train, .step = tell}, err);
    us_script_free(script);
    return st;
}

static us_status answer(us_model *model, const char *card_path, const char *adapter_path, const char *line, us_error *err) {
    us_engine *engine = NULL;
    us_card *card = NULL;
    us_adapter *adapter = NULL;
    us_chat *chat = NULL;
    us_chat_result reply;
    us_engine_options eo = {.n_ctx = us_chat_engine_tokens(800, 0, 0)};
    us_status st = us_card_open(card_path, &card, err);
    if (!st) st = us_adapter_open(model, adapter_path, false, &adapter, err);
    if (!st) st = us_engine_new(model, &eo, &engine, err);
    if (!st) st = us_chat_new(engine, card, &(us_chat_options){.adapter = adapter}, &chat, err);
    if (!st) st = us_chat_reply(chat, line, NULL, NULL, &reply, err);
    if (!st) puts(reply.text);
    us_chat_free(chat);
    us_engine_free(engine);
    us_adapter_free(adapter);
    us_card_free(card);
    return st;
}

int main(int argc, char **argv) {
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: %s MODEL.gguf SCRIPT.csv NAME FOLDER LINE [STEPS]\n", argv[0]);
        return 2;
    }
    us_error err = {0};
    us_model *model = NULL;
    char card[4096], adapter[4096];
    snprintf(card, sizeof card, "%s/card.json", argv[4]);
    snprintf(adapter, sizeof adapter, "%s/adapter.gguf", argv[4]);
    FILE *known = fopen(adapter, "r");
    us_status st = us_model_open(argv[1], NULL, &model, &err);
    if (!st && !known) st = learn(model, argv[2], argv[3], argv[4], argc == 7 ? atol(argv[6]) : 0, &err);
    if (!st) st = answer(model, card, adapter, argv[5], &err);
    if (st) fprintf(stderr, "%s: %s\n", argv[0], err.message);
    if (known) fclose(known);
    us_model_free(model);
    return st ? 1 : 0;
}
