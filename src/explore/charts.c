/* explore/charts.c - the report's charts as files of their own: for a slide, a paper, a post. Light, no script. */
#include "base/file.h"
#include "explore/cloud.h"
#include "explore/report.h"
#include "explore/say.h"
#include <cairo-svg.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 900
#define PAD 32
#define HEAD 84 /* title and subtitle */
#define INK 0x1d1b22
#define DIM 0x6d6a75
#define ACCENT 0xc81e5b
#define SECOND 0xe9a23b
#define SOFT 0xf6e3ea

typedef struct chart {
    const us_facts *f;
    us_tongue tongue;
    cairo_t *cr;
    PangoLayout *layout;
    double width, height;
} chart;

enum { LEFT, RIGHT, CENTRE };

static void colour(const chart *c, uint32_t rgb, double alpha) {
    cairo_set_source_rgba(c->cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static void box(const chart *c, double x, double y, double w, double h, uint32_t rgb) {
    colour(c, rgb, 1);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_fill(c->cr);
}

/* One line of text whose middle is at y; cut with an ellipsis to max_width (0: never). Left shows where it is anchored. */
static void text(const chart *c, double x, double y, double size, bool bold, uint32_t rgb, int align, double max_width,
                 const char *s) {
    PangoFontDescription *d = pango_font_description_from_string("Inter, Noto Sans, DejaVu Sans, sans-serif");
    int w, h;
    pango_font_description_set_absolute_size(d, size * PANGO_SCALE);
    if (bold) pango_font_description_set_weight(d, PANGO_WEIGHT_BOLD);
    pango_layout_set_font_description(c->layout, d);
    pango_font_description_free(d);
    pango_layout_set_width(c->layout, max_width > 0 ? (int)(max_width * PANGO_SCALE) : -1);
    pango_layout_set_ellipsize(c->layout, max_width > 0 ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE);
    pango_layout_set_text(c->layout, s, -1);
    /* "left" of a text that runs from right to left is its right edge */
    bool leftwards = pango_layout_get_direction(c->layout, 0) == PANGO_DIRECTION_RTL;
    pango_layout_set_alignment(c->layout, leftwards ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    pango_layout_get_pixel_size(c->layout, &w, &h);
    colour(c, rgb, 1);
    cairo_move_to(c->cr, x - (align == RIGHT ? w : align == CENTRE ? w / 2.0 : 0), y - h / 2.0);
    pango_cairo_show_layout(c->cr, c->layout);
}

static void head(const chart *c, const char *title, const char *subtitle) {
    text(c, PAD, 40, 24, true, INK, LEFT, c->width - 2 * PAD, title);
    text(c, PAD, 66, 14, false, DIM, LEFT, c->width - 2 * PAD, subtitle);
}

static const char *say(const chart *c, us_say_id id) { return us_say(c->tongue, id); }

static void number(const chart *c, double x, double y, uint32_t rgb, const char *format, double v) {
    char s[40];
    snprintf(s, sizeof s, format, v);
    if (strchr(s, '.')) *strchr(s, '.') = *us_tongue_point(c->tongue);
    text(c, x, y, 14, false, rgb, RIGHT, 0, s);
}

static const char *name_of(const us_facts *f, uint32_t speaker) {
    size_t n;
    return us_script_get_speakers(f->script, &n)[speaker].name;
}

/* ---- the charts ------------------------------------------------------------------------------------------------ */

static void draw_cast(const chart *c) {
    const us_facts *f = c->f;
    char note[240], least[32];
    double most = 0, left = PAD + 190, room = c->width - left - PAD - 190;
    snprintf(least, sizeof least, "%.3g", 100 * f->main_share);
    if (strchr(least, '.')) *strchr(least, '.') = *us_tongue_point(c->tongue);
    snprintf(note, sizeof note, say(c, US_SAY_SHARES), least);
    head(c, say(c, US_SAY_CAST), note);
    for (size_t i = 0; i < f->n_roles; i++) {
        if (f->roles[i].share_lines > most) most = f->roles[i].share_lines;
        if (f->roles[i].share_words > most) most = f->roles[i].share_words;
    }
    text(c, c->width - PAD - 90, HEAD + 8, 13, false, ACCENT, RIGHT, 0, say(c, US_SAY_LINES));
    text(c, c->width - PAD, HEAD + 8, 13, false, 0xb3741a, RIGHT, 0, say(c, US_SAY_WORDS));
    for (size_t i = 0; i < f->n_roles; i++) {
        const us_role *r = &f->roles[i];
        double y = HEAD + 36 + 30 * (double)i;
        text(c, PAD, y, 15, r->speaker == f->character, INK, LEFT, 180, name_of(f, r->speaker));
        box(c, left, y - 9, room * r->share_lines / most, 10, ACCENT);
        box(c, left, y + 2, room * r->share_words / most, 6, SECOND);
        number(c, c->width - PAD - 90, y, INK, "%.1f%%", 100 * r->share_lines);
        number(c, c->width - PAD, y, DIM, "%.1f%%", 100 * r->share_words);
    }
}
static double cast_height(const us_facts *f) { return HEAD + 30 * (double)f->n_roles + 50; }

static void draw_terms(const chart *c, const char *title, const char *note, const us_term *t, size_t n, bool by_z) {
    double room = c->width - 2 * PAD - 190, most = n ? by_z ? t[0].z : t[0].n : 1;
    head(c, title, note);
    text(c, c->width - PAD - 70, HEAD + 8, 13, false, DIM, RIGHT, 0, say(c, US_SAY_SAID));
    text(c, c->width - PAD, HEAD + 8, 13, false, DIM, RIGHT, 0, "z");
    for (size_t i = 0; i < n; i++) {
        double y = HEAD + 34 + 28 * (double)i, v = (by_z ? t[i].z : t[i].n) / most;
        box(c, PAD, y - 11, room * (v > 0 ? v : 0), 22, SOFT);
        text(c, PAD + 8, y, 15, false, INK, LEFT, room - 8, t[i].text);
        number(c, c->width - PAD - 70, y, INK, "%.0f", t[i].n);
        number(c, c->width - PAD, y, DIM, "%.1f", t[i].z);
    }
}

#define ROWS(n) ((n) < 20 ? (n) : 20)
static void title_of(const chart *c, char *out, size_t max, us_say_id what) {
    snprintf(out, max, "\u200e%s: %s", c->f->name, say(c, what)); /* left to right, whatever the name is written in */
}
static void draw_list(const chart *c, us_say_id title, us_say_id note, const us_term *t, size_t n, bool by_z) {
    char words[300];
    title_of(c, words, sizeof words, title);
    draw_terms(c, words, say(c, note), t, ROWS(n), by_z);
}
static void draw_catch_phrases(const chart *c) {
    draw_list(c, US_SAY_CATCH_PHRASES, US_SAY_CATCH_PHRASES_NOTE, c->f->catch_phrases, c->f->n_catch_phrases, true);
}
static void draw_keywords(const chart *c) {
    draw_list(c, US_SAY_KEYWORDS, US_SAY_KEYWORDS_NOTE, c->f->keywords, c->f->n_keywords, true);
}
static void draw_phrases(const chart *c) {
    draw_list(c, US_SAY_PHRASES, US_SAY_PHRASES_NOTE, c->f->top_phrases, c->f->n_top_phrases, false);
}
static void draw_lines(const chart *c) {
    draw_list(c, US_SAY_WHOLE_LINES, US_SAY_WHOLE_LINES_NOTE, c->f->top_lines, c->f->n_top_lines, false);
}
static double rows_height(size_t n) { return HEAD + 28 * (double)ROWS(n) + 44; }
static double catch_phrases_height(const us_facts *f) { return rows_height(f->n_catch_phrases); }
static double keywords_height(const us_facts *f) { return rows_height(f->n_keywords); }
static double phrases_height(const us_facts *f) { return rows_height(f->n_top_phrases); }
static double lines_height(const us_facts *f) { return rows_height(f->n_top_lines); }

#define MATRIX(f) ((f)->n_roles < 14 ? (f)->n_roles : 14)
static void draw_answers(const chart *c) {
    const us_facts *f = c->f;
    size_t n = MATRIX(f), side = f->n_roles + 1;
    double left = PAD + 176, top = HEAD + 110, cell = (c->width - PAD - left) / (double)n, high = 30;
    head(c, say(c, US_SAY_ANSWERS), say(c, US_SAY_ANSWERS_NOTE));
    for (size_t k = 0; k < n; k++) {
        cairo_save(c->cr);
        cairo_translate(c->cr, left + cell * ((double)k + 0.5), top - 8);
        cairo_rotate(c->cr, -0.87);
        text(c, 0, 0, 13, false, DIM, LEFT, 130, name_of(f, f->roles[k].speaker));
        cairo_restore(c->cr);
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0, y = top + high * (double)i;
        for (size_t k = 0; k < side; k++) sum += f->answers[i * side + k];
        text(c, PAD, y + high / 2, 14, f->roles[i].speaker == f->character, INK, LEFT, 168, name_of(f, f->roles[i].speaker));
        for (size_t k = 0; k < n; k++) {
            double v = f->answers[i * side + k], share = sum > 0 ? v / sum : 0;
            colour(c, ACCENT, share > 0.5 ? 0.85 : share * 1.7);
            cairo_rectangle(c->cr, left + cell * (double)k + 1, y + 1, cell - 2, high - 2);
            cairo_fill(c->cr);
            char s[24];
            snprintf(s, sizeof s, "%.0f", v);
            if (v > 0) text(c, left + cell * ((double)k + 0.5), y + high / 2, 12, false, INK, CENTRE, 0, s);
        }
    }
}
static double answers_height(const us_facts *f) { return HEAD + 110 + 30 * (double)MATRIX(f) + PAD; }

static void draw_lengths(const chart *c) {
    const us_facts *f = c->f;
    char title[300], s[40];
    double own = f->role.n_lines ? f->role.n_lines : 1, all = f->n_lines ? (double)f->n_lines : 1, most = 1e-9,
           bottom = c->height - 54, high = bottom - HEAD - 14;
    double step = (c->width - 2 * PAD) / (US_MAX_LENGTH + 1.0);
    char note[300];
    title_of(c, title, sizeof title, US_SAY_LENGTHS);
    snprintf(note, sizeof note, "%s %s", say(c, US_SAY_LENGTHS_NOTE), say(c, US_SAY_STROKES));
    head(c, title, note);
    for (size_t i = 0; i <= US_MAX_LENGTH; i++) {
        if ((double)f->lengths[i] / own > most) most = (double)f->lengths[i] / own;
        if ((double)f->lengths_all[i] / all > most) most = (double)f->lengths_all[i] / all;
    }
    for (size_t i = 0; i <= US_MAX_LENGTH; i++) {
        double x = PAD + step * (double)i, h = high * (double)f->lengths[i] / own / most;
        box(c, x + 1, bottom - h, step - 2, h, ACCENT);
        box(c, x, bottom - high * (double)f->lengths_all[i] / all / most - 1, step, 2, INK);
        if (i == US_MAX_LENGTH) snprintf(s, sizeof s, "%s", say(c, US_SAY_MORE));
        else snprintf(s, sizeof s, "%zu", i + 1);
        if (i == 0 || i == US_MAX_LENGTH || ((i + 1) % 5 == 0 && i + 1 < US_MAX_LENGTH))
            text(c, x + step / 2, bottom + 16, 12, false, DIM, CENTRE, 0, s);
    }
    text(c, PAD, bottom + 38, 12, false, DIM, LEFT, 0, say(c, US_SAY_WORDS));
}
static double lengths_height(const us_facts *f) {
    (void)f;
    return 400;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static const struct kind {
    const char *name;
    void (*draw)(const chart *c);
    double (*height)(const us_facts *f);
} kinds[] = {{"cast", draw_cast, cast_height},
             {"catch_phrases", draw_catch_phrases, catch_phrases_height},
             {"keywords", draw_keywords, keywords_height},
             {"phrases", draw_phrases, phrases_height},
             {"lines", draw_lines, lines_height},
             {"answers", draw_answers, answers_height},
             {"lengths", draw_lengths, lengths_height}};

static cairo_status_t append(void *ctx, const unsigned char *bytes, unsigned int n) {
    return us_buf_append(ctx, bytes, n, NULL) ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static us_status write_svg(const struct kind *k, const us_facts *f, const char *path, us_error *err) {
    us_buf b;
    us_buf_init(&b, (size_t)64 << 20);
    chart c = {.f = f, .tongue = us_tongue_of(f->language), .width = WIDTH, .height = k->height(f)};
    cairo_surface_t *s = cairo_svg_surface_create_for_stream(append, &b, c.width, c.height);
    cairo_svg_surface_set_document_unit(s, CAIRO_SVG_UNIT_PX);
    c.cr = cairo_create(s);
    c.layout = pango_cairo_create_layout(c.cr);
    us_layout_language(c.layout, f);
    box(&c, 0, 0, c.width, c.height, 0xffffff);
    k->draw(&c);
    g_object_unref(c.layout);
    cairo_status_t rc = cairo_status(c.cr);
    cairo_destroy(c.cr);
    cairo_surface_finish(s);
    if (!rc) rc = cairo_surface_status(s);
    cairo_surface_destroy(s);
    us_status st = rc ? us_fail(err, US_ERR_MEMORY, "%s: cannot draw: %s", path, cairo_status_to_string(rc))
                      : us_file_write_atomic(path, b.data, b.len, err);
    us_buf_fini(&b);
    return st;
}

us_status us_charts_write(const us_facts *f, const char *folder, us_error *err) {
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !st; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.svg", kinds[i].name);
        char *path = us_path_join(folder, name);
        st = path ? write_svg(&kinds[i], f, path, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
        free(path);
    }
    return st;
}
