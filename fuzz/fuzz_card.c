/* Character cards: any bytes are refused in words or become a card whose persona can be written and read back. */
#include "understudy/chat.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_card *card;
    us_error err;
    char *system;
    if (us_card_parse((const char *)data, size, "fuzz", &card, &err)) return 0;
    if (!us_card_system(card, &system, &err)) free(system);
    us_sampler_options o = us_card_sampler(card);
    if (us_sampler_check(&o, &err) || us_card_takes(card) < 1) abort(); /* parsing has checked them */
    us_card_free(card);
    return 0;
}
