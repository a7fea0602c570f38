/* Built instead of curve.c where US_PICTURES is off: train.json holds the curve as numbers. */
#include "train/trainer.h"

us_status us_curve_svg(const us_trainer *t, char **out, size_t *n, us_error *err) {
    (void)t, (void)out, (void)n;
    return us_fail(err, US_ERR_UNSUPPORTED, "this understudy was built without pictures (US_PICTURES)");
}

us_status us_curve_png(const us_trainer *t, char **out, size_t *n, us_error *err) { return us_curve_svg(t, out, n, err); }
