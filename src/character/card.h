/* character/card.h - a character card from the inside. */
#ifndef US_CHARACTER_CARD_H
#define US_CHARACTER_CARD_H
#include "base/buf.h"
#include "character/book.h"
#include "character/examples.h"
#include "character/macros.h"
#include "character/style.h"
#include "reply/rank.h"
#include "understudy/character.h"
#include <jansson.h>

struct us_card {
    json_t *root;  /* the whole card, unknown keys kept; owns every string below */
    size_t cost;   /* us_json_cost() of what it was read from: about the bytes that it takes */
    json_t *notes; /* sentences: what of the card is not used, or was read in another way than it says */
    const char *name, *nickname, *description, *personality, *scenario, *greeting, *adapter;
    const char *system_prompt, *post_history, *depth_prompt; /* "" where there is none */
    int32_t depth;                                           /* of depth_prompt: lines of the conversation behind it */
    us_book *book;                                           /* NULL: none */
    const char **cast;                                       /* [n_cast] names that end a reply */
    size_t n_cast;
    const char **phrases; /* [n_phrases] catch-phrases, which DRY leaves alone */
    size_t n_phrases;
    us_examples examples;
    int32_t takes, history;
    us_take_weights weights;
    us_style *style;     /* which words speak for them; NULL: not known */
    double style_weight; /* of log p(the words are theirs) */
    us_sampler_options sampler;
};
/* The card's values for macros (character/macros.h); user NULL: "you". */
us_macros us_card_macros(const us_card *card, const char *user);
/* Appends text with its macros filled in. */
US_MUST_USE us_status us_card_fill(const us_card *card, const char *text, const char *user, us_buf *out, us_error *err);
/* Greeting i of us_card_n_greetings(), its macros filled in; free it. */
US_MUST_USE us_status us_card_fill_greeting(const us_card *card, size_t i, const char *user, char **out, us_error *err);
/* A us_judge_fn, its context a us_card: style_weight * log p(the words are the character's); whoever calls themselves by
 * another name of the cast loses. */
US_MUST_USE us_status us_card_judge(void *card, const us_conversation_view *conversation, us_candidate *takes, int32_t n,
                                    us_error *err);
/* The catch-phrases as tokens, each at a line's start and after a space; free the list and each of it. */
US_MUST_USE us_status us_card_phrase_tokens(const us_card *card, const us_tokenizer *tok, us_tokens **out, size_t *n,
                                            us_error *err);
#endif
