/* SillyTavern's chats: any bytes are refused in words, or give a chat that goes out and comes in again. */
#include "chat/sillytavern.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void find(void *ctx, const char *name, char id[US_CHARACTER_ID]) {
    (void)ctx;
    snprintf(id, US_CHARACTER_ID, "%s", strlen(name) % 2 ? "odd" : "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_stored_chat chat, back;
    us_left_out left, none;
    us_error err;
    if (us_sillytavern_read((const char *)data, size, NULL, find, NULL, &chat, &left, &err)) return 0;
    char *text = us_sillytavern_write(&chat, "odd");
    if (!text || us_sillytavern_read(text, strlen(text), &chat.stage, find, NULL, &back, &none, &err)) abort();
    if (chat.n_read != back.n_read) abort();
    us_stored_chat_fini(&back);
    us_stored_chat_fini(&chat);
    free(text);
    return 0;
}
