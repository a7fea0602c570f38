/* understudy/explore.h - what is in a script, and what makes one character sound like themselves.
 *
 *     us_facts *facts;  us_cloud *cloud;
 *     us_explore(script, &(us_explore_options){.character = "Homer Simpson"}, &facts, &err);
 *     us_cloud_new(facts, &(us_cloud_options){0}, &cloud, &err);
 *     us_report_write(facts, cloud, "report", &err);   // index.html, report.json, corpus.json and the pictures
 *     us_cloud_free(cloud);  us_facts_free(facts);
 *
 * Counting, words and phrases first; pictures next; files last. Facts borrow the script, a cloud borrows the facts.
 * All are immutable after they were made. Same script, options and fonts: the same figures and pictures. */
#ifndef UNDERSTUDY_EXPLORE_H
#define UNDERSTUDY_EXPLORE_H

#include "understudy/corpus.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- figures ---------------------------------------------------------------------------------------------- */

typedef struct us_explore_options {
    const char *character; /* a speaker of the script; NULL: who has most lines */
    /* Of the stop words, ISO 639-1, such as "de"; or "none"; NULL: the one whose stop words are said most. */
    const char *language;
    const char *stop_words; /* more of them, in lower case, blanks or line ends between; NULL: none */
    double main_share;      /* a main character has at least this share of the lines or of the words; 0: 0.01 */
    int32_t top;            /* rows of each list, 1..1000; 0: 30 */
    int32_t min_lines;      /* a phrase is said in at least so many of their lines; 0: 3, or one in 5,000 if that is more */
} us_explore_options;

/* A word, a phrase or a whole line, spelled as it is said most often. */
typedef struct us_term {
    const char *text;
    uint32_t n;        /* words: times said; phrases and lines: lines that hold it. By the character */
    uint32_t n_others; /* the same, by all others */
    double z;          /* keyness: see keywords below */
    const char *forms; /* the case-folded words it stands for, '|' between forms: "donut|donuts" */
} us_term;

/* One of the main characters. */
typedef struct us_role {
    uint32_t speaker; /* index into the script's speakers */
    uint32_t n_lines, n_scenes, n_episodes;
    uint64_t n_words;                /* by blanks; by dictionary where none are written */
    double share_lines, share_words; /* 0..1, of the whole script */
} us_role;

/* Another name that holds the character's: joint names, "Young Homer". Not counted as theirs. */
typedef struct us_relative {
    uint32_t speaker;
    bool joint;
} us_relative;

#define US_MAX_LENGTH 40 /* words; longer lines are counted together */

typedef struct us_facts {
    const us_script *script;
    uint32_t character; /* index into the speakers */
    const char *name, *language;
    double main_share;
    uint32_t min_lines;
    uint64_t n_lines, n_words;                       /* of the script */
    uint32_t n_scenes, n_episodes;                   /* episodes with lines; 0 when the files do not tell episodes apart */
    us_role role;                                    /* the character's own figures */
    uint32_t median_words, p95_words, longest_words; /* of the character's lines */
    uint32_t n_different_lines, n_different_words;
    uint64_t lengths[US_MAX_LENGTH + 1], lengths_all[US_MAX_LENGTH + 1]; /* [n-1] lines of n words; the last: more */

    const us_role *roles; /* the main characters, most lines first */
    size_t n_roles;
    /* [n_roles + 1][n_roles + 1]: row speaks right after column in a scene; the last of each: all others. */
    const uint32_t *answers;
    uint64_t n_answers; /* the character's lines right after another's: the sum of their row */
    /* Partners: n, the character's lines right after theirs; n_others, theirs right after the character's. */
    const us_term *talks_to;
    size_t n_talks_to;
    const us_relative *relatives;
    size_t n_relatives;

    const us_term *top_lines; /* whole lines, exactly as written, said most often */
    size_t n_top_lines;
    const us_term *top_phrases; /* 2..6 words by the lines that hold them; parts are folded into the longest */
    size_t n_top_phrases;
    /* By keyness: z of the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008),
     * the character against all others, the prior being the whole script. Above 1.96 is beyond the 5% mark of one test; when
     * fewer than ten words are, the list goes on down to 1. */
    const us_term *catch_phrases; /* 2..6 words and words that often are a sentence, counted by lines */
    size_t n_catch_phrases;
    const us_term *keywords; /* words, counted by times said; no stop words */
    size_t n_keywords;
    const us_term *cloud_words; /* what a cloud is made of, most said first: no stop words, plurals folded into the
                                 * singular, pairs that belong together (Dunning's G2 of 30 or more) as one */
    size_t n_cloud_words;
} us_facts;

/* Facts of a character. NOT_FOUND for a character that the script lacks (the message has the nearest names), ARGUMENT for
 * options out of range, FORMAT for a script without named lines. The script must outlive the facts. */
US_API US_MUST_USE us_status us_explore(const us_script *script, const us_explore_options *options, us_facts **out,
                                        us_error *err);
US_API void us_facts_free(us_facts *facts);

/* ---- the word cloud --------------------------------------------------------------------------------------- */

typedef struct us_cloud us_cloud;
typedef struct us_cloud_options {
    uint64_t seed;         /* of the few words that stand upright */
    int32_t width, height; /* 64..8192; 0: 1200 x 800. With a mask: the mask's, scaled to this width */
    int32_t max_words;     /* 1..2000; 0: 200 */
    bool by_keyness;       /* sizes by z instead of by count */
    const char *mask;      /* a PNG: words stand where it is dark and opaque; NULL: none */
    /* "dusk", "ocean", "forest", "ink", or "#rrggbb,#rrggbb,..." from common words to the character's own; NULL: "dusk" */
    const char *palette;
    const char *font;  /* a Pango font description, "Inter, Noto Sans Bold"; NULL: a bold sans */
    bool round;        /* keep to a disc */
    const char *title; /* a word of the caller's that stands first and largest; NULL: none */
} us_cloud_options;

/* Places the words: the most important first, each on a spiral from the middle at the first spot where no glyph
 * touches another. Colours tell keyness: the last colour of the palette marks the character's own words. */
US_API US_MUST_USE us_status us_cloud_new(const us_facts *facts, const us_cloud_options *options, us_cloud **out,
                                          us_error *err);
US_API void us_cloud_free(us_cloud *cloud);
US_API int32_t us_cloud_n_placed(const us_cloud *cloud);
/* An SVG of outlines (no font is needed to see it) that follows light and dark. */
US_API US_MUST_USE us_status us_cloud_save_svg(const us_cloud *cloud, const char *path, us_error *err);
/* scale: pixels for one unit of the layout, 0.1..8. background: "#rrggbb", or NULL for transparent. */
US_API US_MUST_USE us_status us_cloud_save_png(const us_cloud *cloud, const char *path, double scale, const char *background,
                                               us_error *err);

/* Are there fonts for the words and names that pictures would show, with the cloud's font (NULL: the default) and what the
 * system puts beside it? *warning is NULL when there are; else a sentence that names the letters and the package to install,
 * because a picture shows such letters as boxes. free() it. */
US_API US_MUST_USE us_status us_fonts_missing(const us_facts *facts, const char *font, char **warning, us_error *err);

/* ---- files ------------------------------------------------------------------------------------------------ */

/* Everything into a folder, which is made: index.html (one file, no network, readable without script), report.json,
 * corpus.json, cloud.svg and .png, and charts. docs/explore.md describes the two JSON files. */
US_API US_MUST_USE us_status us_report_write(const us_facts *facts, const us_cloud *cloud, const char *folder, us_error *err);
/* report.json as text. free() it. */
US_API US_MUST_USE us_status us_report_json(const us_facts *facts, char **out, us_error *err);
/* about.json, cloud.svg, cloud.png and picture.png (512 x 512) into a character's folder, for the chat page. */
US_API US_MUST_USE us_status us_about_write(const us_facts *facts, const us_cloud_options *options, const char *folder,
                                            us_error *err);

#ifdef __cplusplus
}
#endif
#endif
