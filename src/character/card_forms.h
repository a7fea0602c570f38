/* character/card_forms.h - cards as other programs write them, made into one form: {"spec", "data": {...}} (V2, V3). */
#ifndef US_CHARACTER_CARD_FORMS_H
#define US_CHARACTER_CARD_FORMS_H
#include "understudy/base.h"
#include <jansson.h>

/* Gives *root the form of V2 when it is another card: V1's flat object (TavernAI, SillyTavern), Pygmalion's char_name, Agnai's,
 * text-generation-webui's, or V2 with a wrong "spec". What the card had stays beside "data". Sentences about what was done are
 * appended to `notes`. FORMAT when it is none of these. */
US_MUST_USE us_status us_card_to_v2(json_t *root, const char *file, json_t *notes, us_error *err);
#endif
