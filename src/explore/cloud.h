/* explore/cloud.h - a placed word cloud, from the inside.
 *
 * Outlines come from Pango once, at US_CLOUD_EM pixels; a word's matrix puts them into the layout. */
#ifndef US_EXPLORE_CLOUD_H
#define US_EXPLORE_CLOUD_H
#include "base/buf.h"
#include "understudy/explore.h"
#include <cairo.h>
#include <pango/pango.h>

#define US_CLOUD_EM 200
#define US_CLOUD_FONT "Poppins, Montserrat, Inter, Open Sans, Noto Sans, DejaVu Sans Condensed, sans-serif Bold"
#define US_CLOUD_MAX_COLOURS 12

typedef struct us_cloud_word {
    const us_term *term;
    cairo_path_t *outline;
    double left, top, width, height; /* ink of the outline */
    double weight;                   /* 0..1 */
    double scale;                    /* of the outline; 0: not placed */
    double tried; /* the scale tried last, and the spot where it came to stand, past the last one if it did not */
    size_t spot;
    bool upright;
    cairo_matrix_t at;
    int colour;
} us_cloud_word;

struct us_cloud {
    const us_facts *facts;
    us_cloud_word *words; /* most important first */
    size_t n_words;
    us_term title; /* words[0] points here when there is one */
    int32_t n_placed, width, height;
    uint32_t colours[US_CLOUD_MAX_COLOURS]; /* 0xrrggbb, from common words to the character's own */
    int n_colours;
};

/* Appends the cloud as an <svg> element; with `own_style` it brings its colours and so stands alone as a file. */
US_MUST_USE us_status us_cloud_svg(const us_cloud *c, bool own_style, us_buf *out, us_error *err);
/* Draws the words (no background) at the context's present scale. */
void us_cloud_draw(const us_cloud *c, cairo_t *cr);
/* Letters look as the script's language writes them: Chinese and Japanese ones share code points. */
void us_layout_language(PangoLayout *layout, const us_facts *f);
/* Encodes a surface as a PNG file; destroys it. */
US_MUST_USE us_status us_png_write(cairo_surface_t *s, const char *path, us_error *err);
/* The same colour for dark backgrounds: lighter. */
uint32_t us_colour_on_dark(uint32_t rgb);
#endif
