/* The chats' file: any bytes are refused in words, or are a store whose chats can be listed, read and added to. The choices in it are written so that a
 * training reads them, or it is said why not. */
#include "as_file.h"
#include "chat/store.h"
#include "train/labelled.h"
#include "understudy/chat.h"

static void look_for_choices(void) {
    us_labelled_file f = {0};
    us_chosen_counts found;
    us_error err = {0};
    char out[4096];
    snprintf(out, sizeof out, "%s", fuzz_path("choices.jsonl"));
    if (us_chosen_write(fuzz_path("chats.db"), NULL, out, &found, &err)) {
        if (!err.message[0]) abort();
    } else if (found.choices && (us_labelled_read(&f, out, &err) || f.n_learned + f.n_held != found.choices)) abort();
    us_labelled_fini(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_store *s;
    us_error err = {0};
    us_stored_chat *list = NULL, chat;
    size_t n = 0;
    uint64_t n_all;
    unlink(fuzz_path("chats.db-wal"));
    unlink(fuzz_path("chats.db-shm"));
    fuzz_write("chats.db", data, size);
    look_for_choices();
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
