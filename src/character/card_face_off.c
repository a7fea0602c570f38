/* Built instead of card_face.c where US_PICTURES is off. */
#include "character/card_png.h"

us_status us_card_plain_png(const us_card *card, us_buf *out, us_error *err) {
    (void)card, (void)out;
    return us_fail(err, US_ERR_UNSUPPORTED, "this understudy was built without pictures (US_PICTURES)");
}
