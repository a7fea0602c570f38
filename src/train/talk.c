/* What a training keeps for people and lets them hear: the best adapter with its card, a few replies while it learns, the
 * greeting at the end. Replies are made as anywhere else, by a chat; the trainer knows nothing of them. */
#include "base/file.h"
#include "base/mem.h"
#include "understudy/chat.h"
#include "understudy/train.h"
#include <stdlib.h>

enum { CONTEXT = 600, TOKENS = 60, GREETING_TAKES = 8, SAMPLE_TAKES = 4 };

us_status us_trainer_keep(us_trainer *t, us_adapter_type type, us_card *card, const char *folder, us_error *err) {
    char *adapter = us_path_join(folder, "adapter.gguf"), *file = us_path_join(folder, "card.json");
    us_status st =
        adapter && file ? us_trainer_save_adapter(t, type, adapter, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && card) st = us_card_set_adapter(card, "adapter.gguf", err);
    if (!st && card) st = us_card_save(card, file, err);
    free(adapter);
    free(file);
    return st;
}

/* A conversation with the character as it is in a file now. */
typedef struct meeting {
    us_engine *engine;
    us_adapter *adapter;
    us_chat *chat;
} meeting;

static us_engine_options engine_options(int n_threads) {
    return (us_engine_options){.n_threads = n_threads, .n_ctx = us_chat_engine_tokens(CONTEXT, GREETING_TAKES, TOKENS)};
}

static us_status meet(us_model *model, const us_card *card, const char *adapter_path, int n_threads, int takes, meeting *m,
                      us_error *err) {
    us_engine_options o = engine_options(n_threads);
    us_status st = us_engine_new(model, &o, &m->engine, err);
    if (!st && adapter_path) st = us_adapter_open(model, adapter_path, false, &m->adapter, err);
    if (st) return st;
    return us_chat_new(m->engine, card,
                       &(us_chat_options){.adapter = m->adapter, .takes = takes, .max_tokens = TOKENS, .context = CONTEXT},
                       &m->chat, err);
}

static void part(meeting *m) {
    us_chat_free(m->chat);
    us_adapter_free(m->adapter);
    us_engine_free(m->engine);
}

uint64_t us_train_talk_bytes(const us_model *model, int n_threads) {
    us_engine_options o = engine_options(n_threads);
    return us_engine_bytes(model, &o);
}

us_status us_train_greeting(us_model *model, us_card *card, const char *adapter_path, int n_threads, us_stream_fn *stream,
                            void *ctx, us_error *err) {
    meeting m = {0};
    us_chat_result reply;
    us_status st = meet(model, card, adapter_path, n_threads, GREETING_TAKES, &m, err);
    if (!st) st = us_chat_reply(m.chat, us_card_small_talk(card, 0), stream, ctx, &reply, err);
    if (!st && *reply.text) st = us_card_set_greeting(card, reply.text, err);
    part(&m);
    return st;
}

us_status us_train_samples(us_model *model, const us_card *card, const char *adapter_path, int n_threads, us_sample_fn *sample,
                           us_stream_fn *stream, void *ctx, us_error *err) {
    meeting m = {0};
    us_chat_result reply;
    us_status st = meet(model, card, adapter_path, n_threads, SAMPLE_TAKES, &m, err);
    const char *line;
    for (size_t i = 1; !st && (line = us_card_small_talk(card, i)); i++) {
        us_error trouble;
        us_status one = us_chat_reply(m.chat, line, stream, ctx, &reply, &trouble);
        if (one == US_ERR_INTERRUPTED || one == US_ERR_MEMORY) {
            st = one;
            if (err) *err = trouble;
        } else sample(ctx, line, one ? NULL : reply.text, one ? &trouble : NULL);
    }
    part(&m);
    return st;
}
