/* explore/about.c - what a character's folder shows of their lines: figures, the cloud, and a picture made of words. */
#include "base/file.h"
#include "explore/cloud.h"
#include "explore/json.h"
#include "text/fold.h"
#include <stdlib.h>
#include <string.h>

#define SIDE 512

/* The first name among the words that are most the character's own, on night blue: to be seen on light and dark pages alike. */
static us_status write_picture(const us_facts *f, const us_cloud_options *options, const char *path, us_error *err) {
    char title[64];
    us_cloud *c;
    us_short_name(f->name, title, sizeof title);
    us_cloud_options o = {.seed = options->seed,
                          .font = options->font,
                          .mask = options->mask,
                          .by_keyness = options->by_keyness,
                          .width = SIDE,
                          .height = SIDE,
                          .round = !options->mask,
                          .max_words = 110,
                          .title = title,
                          .palette = options->palette ? options->palette : "#8b93c9,#6fb7d6,#7fd8be,#ff9e6d,#ffd84d"};
    us_status st = us_cloud_new(f, &o, &c, err);
    if (st) return st;
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
    cairo_t *cr = cairo_create(s);
    cairo_pattern_t *night = cairo_pattern_create_radial(SIDE / 2.0, SIDE * 0.42, 20, SIDE / 2.0, SIDE / 2.0, SIDE * 0.75);
    cairo_pattern_add_color_stop_rgb(night, 0, 0.20, 0.19, 0.40);
    cairo_pattern_add_color_stop_rgb(night, 1, 0.07, 0.07, 0.17);
    cairo_set_source(cr, night);
    cairo_paint(cr);
    cairo_pattern_destroy(night);
    double scale = 0.93 * SIDE / (c->width > c->height ? c->width : c->height);
    cairo_translate(cr, (SIDE - scale * c->width) / 2, (SIDE - scale * c->height) / 2);
    cairo_scale(cr, scale, scale);
    us_cloud_draw(c, cr);
    cairo_destroy(cr);
    us_cloud_free(c);
    return us_png_write(s, path, err);
}

us_status us_about_write(const us_facts *facts, const us_cloud_options *options, const char *folder, us_error *err) {
    us_cloud_options o = options ? *options : (us_cloud_options){0};
    us_cloud *cloud = NULL;
    char *svg = us_path_join(folder, "cloud.svg"), *png = us_path_join(folder, "cloud.png"),
         *picture = us_path_join(folder, "picture.png");
    us_status st = svg && png && picture ? us_dir_make(folder, err) : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && facts->n_cloud_words) st = us_cloud_new(facts, &o, &cloud, err); /* else the picture has the name alone */
    if (!st && cloud) st = us_cloud_save_svg(cloud, svg, err);
    if (!st && cloud) st = us_cloud_save_png(cloud, png, 1, "#ffffff", err);
    if (!st) st = write_picture(facts, &o, picture, err);
    if (!st) st = us_json_write(facts, US_JSON_ABOUT, folder, err);
    us_cloud_free(cloud);
    free(svg);
    free(png);
    free(picture);
    return st;
}
