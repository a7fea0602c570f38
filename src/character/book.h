/* character/book.h - a card's character_book: texts that come into the prompt when the conversation speaks of them.
 *
 * An entry is in when it is constant, or when one of its keys stands in the last `scan_depth` lines (and its secondary keys as
 * its logic wants). A key is words, matched whole, or a regular expression ("/.../i", or use_regex), which is matched through
 * PCRE2 with a limit on its steps: a card cannot make the server think for ever. Entries may be found in the texts of others
 * when the book says so. They stand in their insertion order; past the token budget those of least priority are left out. */
#ifndef US_CHARACTER_BOOK_H
#define US_CHARACTER_BOOK_H
#include "base/buf.h"
#include <jansson.h>

typedef struct us_book us_book;

typedef enum us_book_place { US_BEFORE_CHARACTER, US_AFTER_CHARACTER, US_AT_DEPTH } us_book_place;

/* An entry that is in. Borrowed from the book. */
typedef struct us_book_hit {
    size_t entry;     /* its number in the book */
    const char *name; /* for people; may be "" */
    const char *content;
    us_book_place place;
    int32_t depth; /* US_AT_DEPTH: lines of the conversation behind it */
} us_book_hit;

/* NULL json gives NULL. What is not understood or not used is left out and said in a sentence appended to `notes`. */
US_MUST_USE us_status us_book_open(const json_t *json, json_t *notes, us_book **out, us_error *err);
void us_book_free(us_book *b);
size_t us_book_size(const us_book *b);
/* The entry's name and text; borrowed. */
void us_book_get(const us_book *b, size_t i, const char **name, const char **content);
/* How many of the last lines its entries look through, at most; 0 without a book. */
size_t us_book_reach(const us_book *b);
/* lines[n_lines], oldest first: the last of n_all lines; seed: of entries that come by chance. free *hits. */
US_MUST_USE us_status us_book_find(const us_book *b, const char *const *lines, size_t n_lines, size_t n_all, uint64_t seed,
                                   us_book_hit **hits, size_t *n_hits, us_error *err);
#endif
