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

/* The chat as it was kept; NULL: refused. */
static json_t *import(us_server *s, const json_t *data) {
    json_t *chat, *kept;
    char id[US_STORE_ID];
    us_error err = {0};
    if (us_chat_from_ours(s, data, &chat, &err)) {
        if (!err.message[0]) abort();
        return NULL;
    }
    if (us_store_add_chat(s->store, chat, id, &err) || us_store_get_chat(s->store, id, &kept, &err)) abort();
    if (us_store_delete_chat(s->store, id, &err)) abort();
    json_decref(chat);
    return kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_server *s = server();
    json_t *j = us_json_parse((const char *)data, size, NULL), *a = json_is_object(j) ? import(s, j) : NULL, *t;
    size_t i;
    if (a) {
        char *text = us_chat_to_ours(a);
        json_t *again = text ? us_json_parse(text, strlen(text), NULL) : NULL, *b = again ? import(s, again) : NULL;
        if (!b || json_array_size(json_object_get(a, "turns")) != json_array_size(json_object_get(b, "turns"))) abort();
        json_array_foreach(json_object_get(a, "turns"), i, t) {
            const json_t *other = json_array_get(json_object_get(b, "turns"), i);
            if (!json_equal(json_object_get(t, "text"), json_object_get(other, "text")) ||
                !json_equal(json_object_get(t, "speaker"), json_object_get(other, "speaker")))
                abort();
        }
        free(text);
        json_decref(again);
        json_decref(b);
    }
    json_decref(a);
    json_decref(j);
    return 0;
}
