/* Built instead of about.c, charts.c, cloud.c, cloud_save.c, fonts.c, html.c and report.c where US_PICTURES is off: figures stay, what
 * holds pictures is refused in words. */
#include "understudy/explore.h"

static us_status refuse(us_error *err) {
    return us_fail(err, US_ERR_UNSUPPORTED, "this understudy was built without pictures (US_PICTURES)");
}

us_status us_cloud_new(const us_facts *facts, const us_cloud_options *options, us_cloud **out, us_error *err) {
    (void)facts, (void)options, (void)out;
    return refuse(err);
}

void us_cloud_free(us_cloud *c) { (void)c; }

int32_t us_cloud_n_placed(const us_cloud *c) {
    (void)c;
    return 0;
}

us_status us_cloud_save_svg(const us_cloud *c, const char *path, us_error *err) {
    (void)c, (void)path;
    return refuse(err);
}

us_status us_cloud_save_png(const us_cloud *c, const char *path, double scale, const char *background, us_error *err) {
    (void)c, (void)path, (void)scale, (void)background;
    return refuse(err);
}

us_status us_report_write(const us_facts *f, const us_cloud *cloud, const char *folder, us_error *err) {
    (void)f, (void)cloud, (void)folder;
    return refuse(err);
}

us_status us_about_write(const us_facts *f, const us_cloud_options *options, const char *folder, us_error *err) {
    (void)f, (void)options, (void)folder;
    return refuse(err);
}

us_status us_fonts_missing(const us_facts *f, const char *font, char **warning, us_error *err) {
    (void)f, (void)font, (void)err;
    *warning = NULL; /* there are no pictures for which a font could be missing */
    return US_OK;
}
