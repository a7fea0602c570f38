/* character/play.h - what a card puts into the prompt of a conversation, each piece with where it comes from. The prompt
 * (chat/prompt.h) places the pieces; the page shows them beside what the model saw. */
#ifndef US_CHARACTER_PLAY_H
#define US_CHARACTER_PLAY_H
#include "character/card.h"

typedef struct us_piece {
    const char *source; /* the card's field: "description", "character_book", ... */
    const char *name;   /* of a book's entry; else "" */
    char *text;         /* macros filled in; owned */
    int32_t depth;      /* lines of the conversation behind it; -1: in the system text */
} us_piece;

typedef struct us_play {
    us_piece *pieces; /* [n], in the order in which they stand */
    size_t n;
} us_play;

/* What was said, oldest first: the last lines of a conversation. What a card draws by chance stays the same while its first
 * line does. */
typedef struct us_heard {
    const char *const *lines;
    size_t n_lines, n_before; /* here; before these */
    const char *opening;      /* the conversation's first line; NULL: lines[0] */
} us_heard;

/* `heard` NULL: nothing was said. System text: system_prompt ({{original}} is what we would say: nothing), the
 * book's entries before, description, personality, scenario, the book's entries after; then depth_prompt and entries at their
 * depth, and post_history_instructions behind the last line. */
US_MUST_USE us_status us_play_make(const us_card *card, const char *user, const us_heard *heard, us_play *out, us_error *err);
/* All that the card could put into a prompt, whatever is said: to tell where a piece of one came from. */
US_MUST_USE us_status us_play_all(const us_card *card, const char *user, us_play *out, us_error *err);
void us_play_fini(us_play *p);
/* Appends the system text. */
US_MUST_USE us_status us_play_system(const us_play *p, us_buf *out, us_error *err);
#endif
