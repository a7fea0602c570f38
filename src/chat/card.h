/* chat/card.h - a character card from the inside. */
#ifndef US_CHAT_CARD_H
#define US_CHAT_CARD_H
#include "understudy/chat.h"
#include <jansson.h>

struct us_card {
    json_t *root;        /* the whole card, unknown keys kept; owns every string below */
    const char *name, *description, *personality, *scenario, *greeting, *adapter;
    const char **cast;   /* [n_cast] names that end a reply */
    size_t n_cast;
    const char **phrases; /* [n_phrases] catch-phrases, which DRY leaves alone */
    size_t n_phrases;
    char **lines;        /* examples, by turns: user, character, user, ... (owned) */
    size_t n_lines;      /* even */
    int32_t takes, history;
    double lambda;       /* weight of the conversation-free score */
    us_sampler_options sampler;
};
#endif
