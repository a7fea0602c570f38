/* The loss over the steps as a picture: what was learned from, what was held out, and the base without an adapter. */
#include "base/buf.h"
#include "base/mem.h"
#include "train/trainer.h"
#include <cairo-svg.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 880
#define HEIGHT 460
#define MAX_PICTURE_BYTES ((size_t)16 << 20)

static const struct { double x0, y0, x1, y1; } area = {70, 70, 850, 400};
static const unsigned paper = 0xffffff, ink = 0x26262b, soft = 0x6f6f78, rule = 0xe4e4e8, pale = 0xf2c07a, warm = 0xc46a00,
                      cool = 0x1f6fb2;

/* The plane of the data. */
typedef struct plane {
    cairo_t *c;
    const us_trainer *t;
    double min, max; /* losses shown */
} plane;

static void colour(cairo_t *c, unsigned rgb) {
    cairo_set_source_rgb(c, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
}
static double at_x(const plane *p, double step) { return area.x0 + (area.x1 - area.x0) * step / (double)p->t->facts.n_steps; }
static double at_y(const plane *p, double loss) {
    return area.y1 - (area.y1 - area.y0) * (fmin(fmax(loss, p->min), p->max) - p->min) / (p->max - p->min);
}

/* align: 0 begins at x, 0.5 is centred, 1 ends there; y is the middle. Returns the width. */
static double text(cairo_t *c, double x, double y, double align, double size, bool bold, unsigned rgb, const char *s) {
    PangoLayout *l = pango_cairo_create_layout(c);
    PangoFontDescription *f = pango_font_description_new();
    int w, h;
    pango_font_description_set_family(f, "sans-serif");
    pango_font_description_set_absolute_size(f, size * PANGO_SCALE);
    pango_font_description_set_weight(f, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(l, f);
    pango_layout_set_text(l, s, -1);
    pango_layout_get_pixel_size(l, &w, &h);
    colour(c, rgb);
    cairo_move_to(c, x - align * w, y - h / 2.0);
    pango_cairo_show_layout(c, l);
    pango_font_description_free(f);
    g_object_unref(l);
    return w;
}

/* From a little below the lowest point to a little above the highest, but for early peaks. */
static void choose_range(plane *p) {
    const us_curve *k = &p->t->curve;
    double lo = INFINITY, hi = -INFINITY, sum = 0, late = -INFINITY;
    for (size_t i = 0; i < k->n_training; i++) {
        lo = fmin(lo, k->training[i][1]);
        hi = fmax(hi, k->training[i][1]);
        sum += k->training[i][1];
        if (i > k->n_training / 20) late = fmax(late, k->training[i][1]);
    }
    if (k->n_training > 40) hi = late;
    for (size_t i = 0; i < k->n_validation; i++) lo = fmin(lo, k->validation[i][1]), hi = fmax(hi, k->validation[i][1]);
    if (isfinite(p->t->state.base_loss)) lo = fmin(lo, p->t->state.base_loss), hi = fmax(hi, p->t->state.base_loss);
    if (!isfinite(lo) || !isfinite(sum)) lo = 0, hi = 1;
    double pad = fmax(0.06 * (hi - lo), 0.02);
    p->min = fmax(lo - pad, 0);
    p->max = hi + pad;
}

/* 1, 2 or 5 times a power of ten, so that about n of them fill the span. */
static double tick_step(double span, int n) {
    double power = pow(10, floor(log10(span / n))), x = span / n / power;
    return power * (x < 1.5 ? 1 : x < 3.5 ? 2 : x < 7.5 ? 5 : 10);
}

static void draw_axes(const plane *p) {
    char s[64];
    double step = tick_step(p->max - p->min, 6);
    cairo_set_line_width(p->c, 1);
    for (double v = ceil(p->min / step) * step; v <= p->max; v += step) {
        double y = floor(at_y(p, v)) + 0.5;
        colour(p->c, rule);
        cairo_move_to(p->c, area.x0, y);
        cairo_line_to(p->c, area.x1, y);
        cairo_stroke(p->c);
        snprintf(s, sizeof s, step < 0.1 ? "%.2f" : "%.1f", v);
        text(p->c, area.x0 - 8, y, 1, 12, false, soft, s);
    }
    double n = (double)p->t->facts.n_steps;
    step = fmax(tick_step(n, 8), 1);
    for (double v = 0; v <= n; v += step) {
        snprintf(s, sizeof s, "%.0f", v);
        text(p->c, at_x(p, v), area.y1 + 14, 0.5, 12, false, soft, s);
    }
    text(p->c, (area.x0 + area.x1) / 2, area.y1 + 38, 0.5, 12, false, soft, "steps");
    text(p->c, area.x0 - 52, area.y0 - 18, 0, 12, false, soft, "loss, nats a token");
}

static void draw_line(const plane *p, const double (*points)[2], size_t n, double smooth, double width, unsigned rgb) {
    double mean = n ? points[0][1] : 0;
    cairo_new_path(p->c);
    for (size_t i = 0; i < n; i++) {
        mean = smooth * mean + (1 - smooth) * points[i][1];
        cairo_line_to(p->c, at_x(p, points[i][0]), at_y(p, mean));
    }
    colour(p->c, rgb);
    cairo_set_line_width(p->c, width);
    cairo_set_line_join(p->c, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(p->c);
}

static void draw_base(const plane *p) {
    const double dash[] = {6, 4};
    double y = at_y(p, p->t->state.base_loss);
    cairo_set_dash(p->c, dash, 2, 0);
    cairo_set_line_width(p->c, 1.5);
    colour(p->c, soft);
    cairo_move_to(p->c, area.x0, y);
    cairo_line_to(p->c, area.x1, y);
    cairo_stroke(p->c);
    cairo_set_dash(p->c, NULL, 0, 0);
    text(p->c, area.x1, y - 10, 1, 12, false, soft, "the base with the persona alone");
}

static void draw_validation(const plane *p) {
    const us_curve *k = &p->t->curve;
    draw_line(p, (const double(*)[2])k->validation, k->n_validation, 0, 2.5, cool);
    for (size_t i = 0; i < k->n_validation; i++) {
        bool best = p->t->state.have_best && (int64_t)k->validation[i][0] == p->t->state.best_step;
        if (!best && k->n_validation > 80) continue;
        cairo_new_path(p->c);
        cairo_arc(p->c, at_x(p, k->validation[i][0]), at_y(p, k->validation[i][1]), best ? 5.5 : 3, 0, 2 * 3.14159265358979);
        colour(p->c, cool);
        cairo_fill(p->c);
    }
}

static void draw_words(const plane *p) {
    const us_train_state *s = &p->t->state;
    char line[256];
    text(p->c, 18, 22, 0, 17, true, ink, p->t->character[0] ? p->t->character : "Loss");
    if (s->have_best && isfinite(s->base_loss))
        snprintf(line, sizeof line, "unseen lines: perplexity %.1f, without the adapter %.1f", exp(s->best_loss),
                 exp(s->base_loss));
    else if (s->have_best) snprintf(line, sizeof line, "unseen lines: perplexity %.1f", exp(s->best_loss));
    else snprintf(line, sizeof line, "%lld steps", (long long)s->step);
    text(p->c, WIDTH - 30, 22, 1, 14, false, soft, line);
    const struct {
        const char *name;
        unsigned rgb;
    } legend[] = {{"learned from", warm}, {"held out (the largest dot is kept)", cool}};
    double x = area.x0 + 150;
    for (size_t i = 0; i < 2 - !p->t->curve.n_validation; i++) {
        colour(p->c, legend[i].rgb);
        cairo_rectangle(p->c, x, area.y0 - 20, 18, 4);
        cairo_fill(p->c);
        x += 26 + text(p->c, x + 24, area.y0 - 18, 0, 12, false, soft, legend[i].name) + 20;
    }
}

static void draw(const us_trainer *t, cairo_surface_t *surface) {
    const us_curve *k = &t->curve;
    plane p = {.c = cairo_create(surface), .t = t};
    double window = (double)k->n_training / 20,
           smooth = window > 1 ? (window - 1) / (window + 1) : 0; /* of an exponential mean over a twentieth of it all */
    choose_range(&p);
    colour(p.c, paper);
    cairo_paint(p.c);
    draw_axes(&p);
    draw_line(&p, (const double(*)[2])k->training, k->n_training, 0, 1, pale);
    draw_line(&p, (const double(*)[2])k->training, k->n_training, smooth, 2, warm);
    if (isfinite(t->state.base_loss)) draw_base(&p);
    draw_validation(&p);
    draw_words(&p);
    cairo_destroy(p.c);
}

static cairo_status_t collect(void *ctx, const unsigned char *bytes, unsigned n) {
    return us_buf_append(ctx, bytes, n, NULL) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static us_status take(us_buf *b, cairo_status_t status, char **out, size_t *n, us_error *err) {
    us_status st = status == CAIRO_STATUS_SUCCESS && (*out = us_buf_take(b, n))
                       ? US_OK
                       : us_fail(err, US_ERR_MEMORY, "the curve could not be drawn: %s", cairo_status_to_string(status));
    us_buf_fini(b);
    return st;
}

us_status us_curve_svg(const us_trainer *t, char **out, size_t *n, us_error *err) {
    us_buf b;
    us_buf_init(&b, MAX_PICTURE_BYTES);
    cairo_surface_t *s = cairo_svg_surface_create_for_stream(collect, &b, WIDTH, HEIGHT);
    cairo_svg_surface_set_document_unit(s, CAIRO_SVG_UNIT_PX);
    draw(t, s);
    cairo_surface_finish(s); /* writes the end */
    cairo_status_t status = cairo_surface_status(s);
    cairo_surface_destroy(s);
    return take(&b, status, out, n, err);
}

us_status us_curve_png(const us_trainer *t, char **out, size_t *n, us_error *err) {
    us_buf b;
    us_buf_init(&b, MAX_PICTURE_BYTES);
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 2 * WIDTH, 2 * HEIGHT);
    cairo_surface_set_device_scale(s, 2, 2);
    draw(t, s);
    cairo_status_t status = cairo_surface_status(s);
    if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_write_to_png_stream(s, collect, &b);
    cairo_surface_destroy(s);
    return take(&b, status, out, n, err);
}
