/* Chats that the terminal saved: any bytes are refused in words and change nothing, or are a chat that is saved and read again as it was,
 * and from which a prompt can be made. */
#include "as_file.h"
#include "understudy/chat.h"

static us_engine *engine;
static us_card *card;

static us_chat *chat(void) {
    static us_model *m;
    static const char json[] =
        "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Tom\",\"description\":\"d\",\"first_mes\":\"Hi.\"}}";
    us_error err;
    us_chat *c;
    const char *path = m ? NULL : fuzz_path("m.gguf");
    if (!m &&
        (us_tiny_write(&(us_tiny){.arch = "llama", .n_layers = 1}, path, &err) ||
         us_model_open(path, &(us_model_options){.n_threads = 1}, &m, &err) ||
         us_engine_new(m, &(us_engine_options){.n_threads = 1, .n_ctx = us_chat_engine_tokens(256, 1, 8)}, &engine, &err) ||
         us_card_parse(json, sizeof json - 1, "test", &card, &err)))
        abort();
    if (us_chat_new(engine, card, &(us_chat_options){.takes = 1, .max_tokens = 8}, &c, &err)) abort();
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_chat *a = chat(), *b = chat();
    us_error err;
    char *prompt;
    int32_t n;
    if (us_chat_load(a, fuzz_write("a.json", data, size), &err)) {
        if (!err.message[0] || us_chat_n_turns(a) != 1) abort();
    } else {
        if (us_chat_save(a, fuzz_path("b.json"), &err) || us_chat_load(b, fuzz_path("b.json"), &err)) abort();
        if (us_chat_n_turns(a) != us_chat_n_turns(b)) abort();
        for (size_t i = 0; i < us_chat_n_turns(a); i++) {
            us_chat_turn x = us_chat_get_turn(a, i), y = us_chat_get_turn(b, i);
            if (strcmp(x.text, y.text) || strcmp(x.speaker, y.speaker) || x.own != y.own ||
                x.n_alternatives != y.n_alternatives || x.n_chosen != y.n_chosen)
                abort();
        }
        if (us_chat_show_prompt(a, &prompt, &n, &err)) {
            if (!err.message[0]) abort();
        } else free(prompt);
    }
    us_chat_free(a);
    us_chat_free(b);
    return 0;
}
