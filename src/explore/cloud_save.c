/* explore/cloud_save.c - a placed cloud as SVG and PNG. */
#include "base/file.h"
#include "explore/cloud.h"
#include "text/markup.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t us_colour_on_dark(uint32_t rgb) {
    uint32_t out = 0;
    for (int k = 16; k >= 0; k -= 8) {
        uint32_t v = rgb >> k & 255;
        out |= (v + (255 - v) * 38 / 100) << k;
    }
    return out;
}

/* Whole numbers, relative to the point before: outlines at 200 pixels an em lose nothing that shows. */
static us_status put_outline(const cairo_path_t *path, us_buf *b, us_error *err) {
    static const struct {
        char letter;
        int n;
    } how[] = {[CAIRO_PATH_MOVE_TO] = {'m', 1},
               [CAIRO_PATH_LINE_TO] = {'l', 1},
               [CAIRO_PATH_CURVE_TO] = {'c', 3},
               [CAIRO_PATH_CLOSE_PATH] = {'z', 0}};
    long x = 0, y = 0, x0 = 0, y0 = 0;
    us_status st = US_OK;
    for (int i = 0; i < path->num_data && !st; i += path->data[i].header.length) {
        const cairo_path_data_t *d = &path->data[i];
        int n = how[d->header.type].n;
        if (d->header.type == CAIRO_PATH_CLOSE_PATH) x = x0, y = y0;
        if (d->header.type == CAIRO_PATH_MOVE_TO && i + d->header.length >= path->num_data)
            break; /* what Cairo leaves behind a closed path */
        st = us_buf_append(b, &how[d->header.type].letter, 1, err);
        long px = x, py = y;
        for (int k = 1; k <= n && !st; k++) {
            px = lround(d[k].point.x), py = lround(d[k].point.y);
            st = us_buf_appendf(b, err, k > 1 && px - x >= 0 ? " %ld%s%ld" : "%ld%s%ld", px - x, py - y < 0 ? "" : " ", py - y);
        }
        x = px, y = py;
        if (d->header.type == CAIRO_PATH_MOVE_TO) x0 = x, y0 = y;
    }
    return st;
}

static us_status put_style(const us_cloud *c, us_buf *b, us_error *err) {
    us_status st = us_buf_append_str(b, "<style>", err);
    for (int dark = 0; dark < 2 && !st; dark++) {
        if (dark) st = us_buf_append_str(b, "@media(prefers-color-scheme:dark){", err);
        for (int k = 0; k < c->n_colours && !st; k++)
            st = us_buf_appendf(b, err, ".k%d{fill:#%06x}", k,
                                (unsigned)(dark ? us_colour_on_dark(c->colours[k]) : c->colours[k]));
    }
    return st ? st : us_buf_append_str(b, "}</style>", err);
}

us_status us_cloud_svg(const us_cloud *c, bool own_style, us_buf *b, us_error *err) {
    us_status st = us_markup_f(b, err,
                               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"The "
                               "words of %s; larger: said more often\">",
                               (int)c->width, (int)c->height, c->facts->name);
    if (!st && own_style) st = put_style(c, b, err);
    for (size_t i = 0; i < c->n_words && !st; i++) {
        const us_cloud_word *w = &c->words[i];
        if (w->scale <= 0) continue;
        st = us_markup_f(b, err,
                         "<g class=\"w k%d\" data-f=\"%s\"><title>%s: %u times, z %.1f</title><path transform=\"matrix(%.4f "
                         "%.4f %.4f %.4f %.1f %.1f)\" d=\"",
                         w->colour, w->term->forms, w->term->text, w->term->n, w->term->z, w->at.xx, w->at.yx, w->at.xy,
                         w->at.yy, w->at.x0, w->at.y0);
        if (!st) st = put_outline(w->outline, b, err);
        if (!st) st = us_buf_append_str(b, "\"/></g>", err);
    }
    return st ? st : us_buf_append_str(b, "</svg>\n", err);
}

us_status us_cloud_save_svg(const us_cloud *c, const char *path, us_error *err) {
    us_buf b;
    us_buf_init(&b, (size_t)64 << 20);
    us_status st = us_cloud_svg(c, true, &b, err);
    if (!st) st = us_file_write_atomic(path, b.data, b.len, err);
    us_buf_fini(&b);
    return st;
}

void us_cloud_draw(const us_cloud *c, cairo_t *cr) {
    for (size_t i = 0; i < c->n_words; i++) {
        const us_cloud_word *w = &c->words[i];
        if (w->scale <= 0) continue;
        uint32_t rgb = c->colours[w->colour];
        cairo_save(cr);
        cairo_transform(cr, &w->at);
        cairo_new_path(cr);
        cairo_append_path(cr, w->outline);
        cairo_restore(cr);
        cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
        cairo_fill(cr);
    }
}

static cairo_status_t append(void *ctx, const unsigned char *bytes, unsigned int n) {
    return us_buf_append(ctx, bytes, n, NULL) ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

us_status us_png_write(cairo_surface_t *s, const char *path, us_error *err) {
    us_buf b;
    us_buf_init(&b, (size_t)1 << 30);
    cairo_status_t rc = cairo_surface_write_to_png_stream(s, append, &b);
    us_status st = rc ? us_fail(err, US_ERR_MEMORY, "%s: cannot make a PNG: %s", path, cairo_status_to_string(rc))
                      : us_file_write_atomic(path, b.data, b.len, err);
    us_buf_fini(&b);
    cairo_surface_destroy(s);
    return st;
}

us_status us_cloud_save_png(const us_cloud *c, const char *path, double scale, const char *background, us_error *err) {
    if (!(scale >= 0.1 && scale <= 8)) return us_fail(err, US_ERR_ARGUMENT, "scale: expected 0.1 to 8, got %g", scale);
    unsigned rgb = 0;
    if (background && (strlen(background) != 7 || sscanf(background, "#%6x", &rgb) != 1))
        return us_fail(err, US_ERR_ARGUMENT, "background: expected #rrggbb, got '%s'", background);
    cairo_surface_t *s = cairo_image_surface_create(background ? CAIRO_FORMAT_RGB24 : CAIRO_FORMAT_ARGB32,
                                                    (int)ceil(c->width * scale), (int)ceil(c->height * scale));
    cairo_t *cr = cairo_create(s);
    if (background) {
        cairo_set_source_rgb(cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0);
        cairo_paint(cr);
    }
    cairo_scale(cr, scale, scale);
    us_cloud_draw(c, cr);
    cairo_destroy(cr);
    return us_png_write(s, path, err);
}
