/* Pictures with cards in them: any bytes are refused in words, or give a card that can be put into the picture again and read
 * back. */
#include "character/card_png.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_card *card, *back;
    us_buf png;
    us_error err;
    if (us_card_from_png(data, size, &card, &err)) return 0;
    us_buf_init(&png, (size_t)64 << 20);
    if (!us_card_to_png(card, data, size, &png, &err) && png.len > 200) {
        if (us_card_from_png(png.data, png.len, &back, &err) == US_OK) us_card_free(back);
    }
    us_buf_fini(&png);
    us_card_free(card);
    return 0;
}
