/* corpus/shape.h - the shapes in which dialogue comes, one reader each.
 *
 * A shape looks at a document and says how well it fits, 0 to 1, and what it sees; the best one reads it and calls
 * us_rows_...() for every row. Readers get valid UTF-8 in one piece, so that a place in it is a pointer, and see neither files
 * nor encodings. To add a shape: a file read_NAME.c with the two functions, and a row in the table of shape.c. */
#ifndef US_CORPUS_SHAPE_H
#define US_CORPUS_SHAPE_H
#include "corpus/script.h"
#include "corpus/source.h"

/* How a document is to be understood, by one shape. */
typedef struct us_view {
    double fit;       /* 0: not at all, 1: no doubt */
    char about[200];  /* "CSV, ';' between the cells" */
    char others[300]; /* other readings of the same shape, with their fits; "" if none */
} us_view;

typedef struct us_shape {
    const char *name, *title; /* of --format; for people */
    void (*look)(const us_script_options *o, const us_doc *d, us_view *view);
    us_status (*read)(us_rows *r, us_doc *d);
} us_shape;

extern const us_shape us_shapes[];
extern const size_t us_n_shapes;

/* The shape of a document (by o->format, else the best fit), with what it sees; NULL when nothing fits. */
const us_shape *us_shape_find(const us_script_options *o, const us_doc *d, us_view *view);

/* The shape of a text that was made of a document's (of a web page, of a wiki's source); NULL when none fits. *inside borrows it. */
const us_shape *us_shape_inside(const us_script_options *o, const us_doc *d, const us_buf *text, us_doc *inside, us_view *view);
/* What is seen of the document then: a `form` ("web page") with what was seen of the text, of which `shape` is. */
void us_shape_say_inside(us_view *view, double fit, const char *form, const us_shape *shape, const us_view *inside);

/* What a text is that no shape is meant for (SQL, YAML, other XML, ...), with the step that makes one of it: "YAML: make JSON of
 * it"; NULL: nothing is known against it. */
const char *us_doc_refusal(const us_script_options *o, const us_doc *d);

/* The beginning of a document that is looked at: whole lines, about 256 KiB at most. */
size_t us_doc_sample(const us_doc *d);

/* Lines of a document: true and the next line without its end; *line counts from 1. Ends are \\n, \\r\\n or \\r. */
typedef struct us_lines {
    const char *at, *end;
    us_span_str text; /* the line */
    uint32_t line;
} us_lines;
us_lines us_lines_of(const char *s, size_t n);
bool us_lines_next(us_lines *l);
us_span_str us_trim(us_span_str s); /* blanks at both ends off, no-break and full-width ones too */
/* Is it one of these n words, without regard to the case of ASCII letters? */
bool us_is_one_of(us_span_str s, const char *const *words, size_t n);

#define US_SHAPE(name)                                                               \
    void us_look_##name(const us_script_options *o, const us_doc *d, us_view *view); \
    us_status us_read_##name(us_rows *r, us_doc *d)
US_SHAPE(table);
US_SHAPE(json);
US_SHAPE(dialogue);
US_SHAPE(fountain);
US_SHAPE(screenplay);
US_SHAPE(subtitles);
US_SHAPE(chat);
US_SHAPE(cornell);
US_SHAPE(tei);
US_SHAPE(xlsx);
US_SHAPE(html);
US_SHAPE(wiki);
US_SHAPE(turns);
/* Turns of two people who are not named, in one text: how they are parted, and each of them said by A and B in turn, in a scene of
 * their own. */
typedef enum us_turns { US_TURNS_NONE = 0, US_TURNS_LIST, US_TURNS_MARKED, US_TURNS_LINES } us_turns;
us_turns us_turns_of(us_span_str text);
us_status us_turns_say(us_rows *r, uint32_t line, us_span_str text);

/* Transcripts of the Switchboard corpus, in whatever shape: their marks go (switchboard.c). */
bool us_is_switchboard(const us_doc *d);
us_span_str us_switchboard_name(us_span_str name);
bool us_repair_switchboard(us_span_str text, us_buf *out); /* true: out has the words */

/* The error for what no shape fits: the columns there are, or that there are none. */
us_status us_table_refuse(us_rows *r, us_doc *d);
#endif
