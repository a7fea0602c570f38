/* character/card_png.h - a character card inside a picture: PNG text chunks "chara" (V2) and "ccv3" (V3), base64 of the JSON,
 * as SillyTavern and others write them. */
#ifndef US_CHARACTER_CARD_PNG_H
#define US_CHARACTER_CARD_PNG_H
#include "character/card.h"

/* The card of a picture: ccv3 when it has one, else chara. NOT_FOUND when neither, FORMAT when it is damaged or no PNG. */
US_MUST_USE us_status us_card_from_png(const void *png, size_t n, us_card **out, us_error *err);
/* Appends the picture with the card in it; its other chunks stay, older cards in it do not. */
US_MUST_USE us_status us_card_to_png(const us_card *card, const void *png, size_t n, us_buf *out, us_error *err);
/* Appends a plain picture for a character without one: a head and shoulders in a colour made from the name. */
US_MUST_USE us_status us_card_plain_png(const us_card *card, us_buf *out, us_error *err);

#endif
