/* character/card_file.h - a card's bytes, whatever file they are: JSON, PNG with the card in it, CHARX (a zip). */
#ifndef US_CHARACTER_CARD_FILE_H
#define US_CHARACTER_CARD_FILE_H
#include "character/card.h"

enum { US_MAX_CARD_FILE = 32 << 20 };

/* `name` stands for the file in errors. picture (NULL: not wanted) gets the character's picture as PNG, when the file has
 * one. */
US_MUST_USE us_status us_card_read(const void *bytes, size_t n, const char *name, us_card **out, us_buf *picture,
                                   us_error *err);
#endif
