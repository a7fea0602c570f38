/* explore/facts.h - facts while they are made, and what the pictures and the report need beside them.
 *
 * us_explore() fills it in order: words of all lines (explore.c), counts (counts.c), terms (terms.c). */
#ifndef US_EXPLORE_FACTS_H
#define US_EXPLORE_FACTS_H
#include "explore/words.h"
#include "understudy/explore.h"

typedef struct us_facts_work {
    us_facts f; /* what the caller sees; first, so that one pointer is the other */
    us_words words;
    us_ids ids;          /* the words of all lines */
    us_ids name_ids;     /* the words of the speakers' names */
    size_t *line_start;  /* [lines + 1] into ids */
    uint32_t *n_said;    /* [words] times said by all */
    uint32_t *n_own;     /* [words] by the character */
    unsigned char *stop; /* [words] 0, US_STOP_WORD or US_STOP_TRIFLE */
    uint32_t *own;       /* [n_own_lines] the character's lines, as indexes into the script's */
    size_t n_own_lines;
    us_ids own_ids;       /* their words */
    size_t *own_start;    /* [n_own_lines + 1] into own_ids */
    uint64_t n_own_words; /* words as split here; f.role.n_words counts blank-separated ones */
    size_t top;
    const char *stop_words; /* the caller's */
    void **blocks;          /* every list and string of f, freed together */
    size_t n_blocks, cap_blocks;
} us_facts_work;

static inline const us_facts_work *us_facts_inside(const us_facts *f) { return (const us_facts_work *)(const void *)f; }

/* Takes over a malloc()ed block (NULL is fine); it is freed with the facts, or at once when that fails. */
US_MUST_USE us_status us_facts_own(us_facts_work *w, void *block, us_error *err);

US_MUST_USE us_status us_count_roles(us_facts_work *w, us_error *err);
US_MUST_USE us_status us_find_terms(us_facts_work *w, us_error *err);

enum { US_STOP_WORD = 1, US_STOP_TRIFLE }; /* trifle: a number, a single letter */
/* Marks the stop words of a language ("en", "none"; NULL: the one whose stop words are said most, "none" when
 * they are said too seldom for it) and of `more` (as in
 * us_explore_options); *language then says which. `stop` comes zeroed. ARGUMENT for a language without a list. */
US_MUST_USE us_status us_stop_words(const us_words *words, const uint32_t *n_said, const char *more, const char **language,
                                    unsigned char *stop, us_error *err);
#endif
