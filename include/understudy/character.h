/* understudy/character.h - who speaks: a character card, read, drafted, changed and written.
 *
 *     us_card *card;
 *     us_card_open("characters/homer/card.json", &card, &err);
 *     puts(us_card_name(card));
 *     us_card_free(card);
 *
 * A card has one owner at a time; strings that it gives out are borrowed until it changes or is freed. */
#ifndef UNDERSTUDY_CHARACTER_H
#define UNDERSTUDY_CHARACTER_H

#include "understudy/dataset.h"
#include "understudy/sampler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A Character Card V2 (JSON: spec "chara_card_v2", data {...}); our own things stand under
 * data.extensions.understudy: language, cast, catch_phrases (DRY leaves them alone), takes, lambda, length_power,
 * style (which words are typical of the character), style_weight, history, adapter, sampler {temperature, top_k, ...}. */
typedef struct us_card us_card;
US_API US_MUST_USE us_status us_card_open(const char *path, us_card **out, us_error *err);
/* The same from memory; `name` stands for the file in errors. */
US_API US_MUST_USE us_status us_card_parse(const char *json, size_t n_bytes, const char *name, us_card **out, us_error *err);
US_API void us_card_free(us_card *card);
US_API const char *us_card_name(const us_card *card);
US_API const char *us_card_greeting(const us_card *card); /* "" if none */
US_API const char *
us_card_language(const us_card *card); /* ISO 639-1, of the script that it was drafted from; "" if not known */
/* What anybody says to anybody, in the card's language (en, de, fr, es, ru, else English): 0 a greeting, then questions; NULL
 * past the last. */
US_API const char *us_card_small_talk(const us_card *card, size_t i);
/* The greeting and the alternate ones, those that are not empty. */
US_API size_t us_card_n_greetings(const us_card *card);
US_API const char *us_card_adapter(const us_card *card); /* file beside the card, or NULL */
/* What a draft of a card is made from. Strings are copied; every field but name may be NULL or 0. */
typedef struct us_card_draft {
    const char *name;
    const char *persona;     /* NULL: "You are NAME." and the like, in `language` */
    const char *language;    /* of that persona, ISO 639-1; a language without one gives English */
    const char *const *cast; /* names that end a reply */
    size_t n_cast;
    const char *const *catch_phrases;
    size_t n_catch_phrases;
} us_card_draft;
/* A complete card without examples; its creator's notes say where it comes from. us_card_free() it. */
US_API US_MUST_USE us_status us_card_new(const us_card_draft *draft, us_card **out, us_error *err);
/* Drafts the card of a character from the script (NULL: from the name alone): the names of the cast, the catch-phrases that the
 * character says more often than chance explains, the language. persona NULL: as in us_card_draft. us_card_free() it. */
US_API US_MUST_USE us_status us_card_from_script(const us_script *script, const char *character, const char *persona,
                                                 us_card **out, us_error *err);
/* True while nobody has changed the notes and the greeting that us_card_new wrote. */
US_API bool us_card_is_draft(const us_card *card);
US_API US_MUST_USE us_status us_card_set_greeting(us_card *card, const char *text, us_error *err);
/* Names the adapter, a file beside the card. */
US_API US_MUST_USE us_status us_card_set_adapter(us_card *card, const char *file, us_error *err);
/* Learns from the training scenes which words tell the character's lines from the others' (options as for us_dataset_build;
 * NULL: the card's character) and writes the strongest of them into the card; among candidate replies, those in this style
 * score higher. A script with too few lines changes nothing. */
US_API US_MUST_USE us_status us_card_learn_style(us_card *card, const us_script *script, const us_dataset_options *options,
                                                 us_error *err);
US_API bool us_card_has_style(const us_card *card);
/* Writes the card atomically. Fields that this program does not know are kept. */
US_API US_MUST_USE us_status us_card_save(const us_card *card, const char *path, us_error *err);
/* The persona as the model reads it: description, personality, scenario, {{char}} replaced. free() it. */
US_API US_MUST_USE us_status us_card_system(const us_card *card, char **out, us_error *err);
US_API us_sampler_options us_card_sampler(const us_card *card);
US_API int32_t us_card_takes(const us_card *card);
US_API const char *const *us_card_cast(const us_card *card, size_t *n); /* names that end a reply */

#ifdef __cplusplus
}
#endif
#endif
