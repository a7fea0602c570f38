/* The chats' file: any bytes are refused in words, or are a store whose chats can be listed, read and added to. */
#include "as_file.h"
#include "chat/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_store *s;
    us_error err = {0};
    us_stored_chat *list = NULL, chat;
    size_t n = 0;
    uint64_t n_all;
    unlink(fuzz_path("chats.db-wal"));
    unlink(fuzz_path("chats.db-shm"));
    if (us_store_open(fuzz_write("chats.db", data, size), &s, &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (us_store_list_chats(s, NULL, 0, &list, &n, &n_all, &err) && !err.message[0]) abort();
    for (size_t i = 0; i < n && i < 8; i++) {
        us_stored_turn turn;
        us_chat_lines lines;
        us_notes notes;
        if (us_store_get_chat(s, list[i].id, true, &chat, &err)) continue;
        if (!us_store_get_lines(s, chat.id, "homer", 0, 8, &lines, &err)) us_chat_lines_fini(&lines);
        if (!us_store_get_notes(s, &chat, "homer", 0, &notes, &err)) us_notes_fini(&notes);
        if (chat.n_read && !us_store_get_turn(s, chat.id, chat.turns[0].id, &turn, &err)) {
            (void)!us_store_add_turn(s, chat.id, &turn, NULL, 0, &err);
            us_turn_fini(&turn);
        }
        us_stored_chat_fini(&chat);
    }
    us_stored_chats_free(list, n);
    us_store_close(s);
    return 0;
}
