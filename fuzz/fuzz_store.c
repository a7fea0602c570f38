/* The chats' file: any bytes are refused in words, or are a store whose chats can be listed, read and added to. */
#include "as_file.h"
#include "chat/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_store *s;
    us_error err;
    json_t *list = NULL, *c, *chat;
    size_t i;
    unlink(fuzz_path("chats.db-wal"));
    unlink(fuzz_path("chats.db-shm"));
    if (us_store_open(fuzz_write("chats.db", data, size), &s, &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (us_store_list_chats(s, &list, &err) && !err.message[0]) abort();
    json_array_foreach(list, i, c) {
        const char *id = json_string_value(json_object_get(c, "id"));
        if (i >= 8 || !id || us_store_get_chat(s, id, &chat, &err)) continue;
        json_t *turn = json_array_get(json_object_get(chat, "turns"), 0), *same;
        if (turn && !us_store_get_turn(s, id, json_integer_value(json_object_get(turn, "id")), &same, &err)) {
            (void)!us_store_add_turn(s, id, same, NULL, 0, &err);
            json_decref(same);
        }
        json_decref(chat);
    }
    json_decref(list);
    us_store_close(s);
    return 0;
}
