/* Files with cards in them, of any kind: any bytes are refused in words, or give a card and perhaps a picture. */
#include "character/card_file.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_card *card;
    us_buf picture;
    us_error err;
    us_buf_init(&picture, US_MAX_CARD_FILE);
    if (!us_card_read(data, size, "fuzz", &card, &picture, &err)) us_card_free(card);
    us_buf_fini(&picture);
    return 0;
}
