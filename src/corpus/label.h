/* corpus/label.h - names in front of words, as plain text has them. */
#ifndef US_CORPUS_LABEL_H
#define US_CORPUS_LABEL_H
#include "corpus/shape.h"

/* "Ann: Hi", "ANN (softly): Hi", "ANN. Hi", "**Ann:** Hi", "安娜：「早」", "<ann> Hi": the name, and what follows it without its
 * corner brackets. False when nothing in front of the line looks like a name. *direction: what stood in brackets, or behind a comma
 * and in small letters, after the name. */
bool us_label_split(us_span_str line, us_span_str *name, us_span_str *direction, us_span_str *words);

/* "Ann. Hi", "Ann.- Hi": whether it is a name, or a short sentence, is told by how often it comes. */
bool us_label_dotted(us_span_str line, us_span_str *name, us_span_str *direction, us_span_str *words);
/* "А н я. Доброе.": a name whose letters stand apart. */
bool us_label_spaced(us_span_str line, us_span_str *name, us_span_str *direction, us_span_str *words);
/* Such a name without the blanks between its letters. */
us_status us_label_put_name(us_span_str name, us_buf *out, us_error *err);
/* A direction in brackets and a blank, in front of the words, where the rule "directions" finds it; nothing for none. */
us_status us_label_put_direction(us_span_str direction, us_buf *out, us_error *err);

/* 「早」 without its corners. */
us_span_str us_label_without_corners(us_span_str words);
/* "- 12 -", "Page 3 of 20", a number behind a form feed: of the printed page. */
bool us_is_page_mark(us_span_str line);

/* "[Scene: a pond]", "INT. POND - DAY", "ACT ONE", "# Chapter 2", "***": a new scene begins. */
bool us_is_heading(us_span_str line);
/* "INT.", "EXT.", "I/E", "ИНТ.": a heading of a screenplay. */
bool us_is_slug(us_span_str line);
/* All between brackets, or all in the stars of a roleplay: nobody speaks. */
bool us_is_direction_line(us_span_str line);
/* Letters, and none of them small; of scripts with case. */
bool us_is_capitals(us_span_str s);
/* Letters like ♪ ♫ at an end: sung. */
bool us_is_song(us_span_str s);

/* How often names were met; small, for the sample of a document. */
typedef struct us_tallied {
    const char *s;
    size_t n;
    uint32_t count;
} us_tallied;
typedef struct us_tally {
    us_tallied *names; /* [n], on the heap: a reader may run on the small stack of a connection */
    size_t n, total;
} us_tally;
enum { US_TALLY_MOST = 512 };
void us_tally_fini(us_tally *t);
#define US_TALLY __attribute__((cleanup(us_tally_fini))) us_tally /* a tally of a block, freed where the block ends */
uint32_t us_tally_add(us_tally *t, us_span_str name);             /* the count with this one; 0 when the tally is full */
uint32_t us_tally_count(const us_tally *t, us_span_str name);
/* Share of the names met that were met more than once, 0..1; few names: 1. */
double us_tally_repeated(const us_tally *t);
#endif
