/* Our own exports of chats: any bytes are refused in words, or are a chat that is kept, exported and imported again with the same words. */
#include "as_file.h"
#include "base/json.h"
#include "serve/chats.h"

static us_server *server(void) {
    static us_server s;
    static const char card[] = "{\"spec\":\"chara_card_v2\",\"data\":{\"name\":\"Tom\",\"description\":\"d\"}}";
    static char root[4096];
    us_error err;
    if (s.store) return &s;
    const char *roots[] = {root};
    us_card *c;
    char id[US_CHARACTER_ID];
    snprintf(root, sizeof root, "%s", fuzz_path("characters"));
    if (us_characters_new(roots, 1, &(us_characters_hooks){0}, &s.characters, &err) ||
        us_store_open(":memory:", &s.store, &err))
        abort();
    if (us_card_parse(card, sizeof card - 1, "card", &c, &err) || us_characters_add(s.characters, c, NULL, 0, id, &err))
        abort();
    us_card_free(c);
    return &s;
}

/* The chat as it was kept; false: refused. */
static bool import(us_server *s, const json_t *data, us_stored_chat *kept) {
    us_stored_chat chat;
    char id[US_STORE_ID];
    us_error err = {0};
    if (us_chat_from_ours(s, data, &chat, &err)) {
        if (!err.message[0]) abort();
        return false;
    }
    if (us_store_add_chat(s->store, &chat, id, &err) || us_store_get_chat(s->store, id, true, kept, &err)) abort();
    if (us_store_delete_chat(s->store, id, &err)) abort();
    us_stored_chat_fini(&chat);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_server *s = server();
    json_t *j = us_json_parse((const char *)data, size, NULL);
    us_stored_chat a = {0}, b = {0};
    if (json_is_object(j) && import(s, j, &a)) {
        char *text = us_chat_to_ours(&a, &a.notes);
        json_t *again = text ? us_json_parse(text, strlen(text), NULL) : NULL;
        if (!again || !import(s, again, &b) || a.n_read != b.n_read) abort();
        for (size_t i = 0; i < a.n_read; i++)
            if (strcmp(us_turn_text(&a.turns[i]), us_turn_text(&b.turns[i])) != 0 ||
                strcmp(a.turns[i].speaker, b.turns[i].speaker) != 0)
                abort();
        free(text);
        json_decref(again);
    }
    us_stored_chat_fini(&a);
    us_stored_chat_fini(&b);
    json_decref(j);
    return 0;
}
