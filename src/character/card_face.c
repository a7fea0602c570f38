/* A picture for the card of a character who has none. */
#include "character/card_png.h"
#include <cairo.h>
#include <math.h>

static cairo_status_t write_png(void *ctx, const unsigned char *data, unsigned int n) {
    return us_buf_append(ctx, data, n, NULL) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

us_status us_card_plain_png(const us_card *card, us_buf *out, us_error *err) {
    enum { SIDE = 400 };
    uint32_t h = 2166136261u;
    for (const char *p = card->name; *p; p++) h = (h ^ (unsigned char)*p) * 16777619u;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
    cairo_t *c = cairo_create(surface);
    double hue = (double)(h % 360) * 0.017453292519943295, rgb[3];
    for (int i = 0; i < 3; i++) rgb[i] = 0.45 + 0.25 * cos(hue - 2.0943951 * i);
    cairo_set_source_rgb(c, rgb[0], rgb[1], rgb[2]);
    cairo_paint(c);
    cairo_set_source_rgb(c, 0.3 + 0.7 * rgb[0] + 0.2, 0.3 + 0.7 * rgb[1] + 0.2, 0.3 + 0.7 * rgb[2] + 0.2);
    cairo_arc(c, 0.5 * SIDE, 0.4 * SIDE, 0.17 * SIDE, 0, 6.2831853);
    cairo_fill(c);
    cairo_arc(c, 0.5 * SIDE, 0.97 * SIDE, 0.34 * SIDE, 3.1415927, 6.2831853);
    cairo_fill(c);
    cairo_status_t rc = cairo_status(c);
    if (!rc) rc = cairo_surface_write_to_png_stream(surface, write_png, out);
    cairo_destroy(c);
    cairo_surface_destroy(surface);
    return rc ? us_fail(err, US_ERR_MEMORY, "cannot draw a picture: %s", cairo_status_to_string(rc)) : US_OK;
}
