/* serve/params.h - values out of a request's JSON. A key that is absent or null leaves *out as it is; any other kind of value,
 * or one out of range, is ARGUMENT, and the message begins with the key ("top_p: ..."), which the answer repeats as `param`. */
#ifndef US_SERVE_PARAMS_H
#define US_SERVE_PARAMS_H
#include "understudy/sampler.h"
#include <jansson.h>

US_MUST_USE us_status us_param_number(const json_t *j, const char *key, double min, double max, double *out, us_error *err);
US_MUST_USE us_status us_param_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *out, us_error *err);
US_MUST_USE us_status us_param_bool(const json_t *j, const char *key, bool *out, us_error *err);
/* Borrowed from j. */
US_MUST_USE us_status us_param_text(const json_t *j, const char *key, size_t min_bytes, size_t max_bytes, const char **out,
                                    us_error *err);
/* A speaker's name (text/name.h); "" is nobody. */
US_MUST_USE us_status us_param_name(const json_t *j, const char *key, const char **out, us_error *err);
/* Whether "seed" is given (llama.cpp's -1 is none). */
bool us_param_has_seed(const json_t *j);
/* The samplers by llama.cpp's names, over what *o holds; without a seed one is drawn. */
US_MUST_USE us_status us_param_sampler(const json_t *j, us_sampler_options *o, us_error *err);

#endif
