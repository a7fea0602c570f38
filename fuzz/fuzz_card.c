/* Character cards: any bytes are refused in words or become a card whose persona can be written and which can be played. */
#include "character/play.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const lines[] = {"Hello, Ada! Where is the ship?", "\xd0\xa8\xd1\x85\xd1\x83\xd0\xbd\xd0\xb0 at sea.",
                                        ""};
    us_card *card;
    us_error err;
    us_play play;
    char *system;
    if (us_card_parse((const char *)data, size, "fuzz", &card, &err)) return 0;
    if (!us_card_system(card, &system, &err)) free(system);
    if (!us_play_make(card, "Pat", &(us_heard){.lines = lines, .n_lines = 3}, &play, &err)) us_play_fini(&play);
    us_sampler_options o = us_card_sampler(card);
    if (us_sampler_check(&o, &err) || us_card_takes(card) < 1) abort(); /* parsing has checked them */
    if (card->examples.n % 2) abort();
    us_card_free(card);
    return 0;
}
