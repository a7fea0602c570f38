#include "serve/params.h"
#include "text/name.h"
#include <math.h>
#include <string.h>
#include <sys/random.h>

static const json_t *given(const json_t *j, const char *key) {
    const json_t *v = json_object_get(j, key);
    return json_is_null(v) ? NULL : v;
}

us_status us_param_number(const json_t *j, const char *key, double min, double max, double *out, us_error *err) {
    const json_t *v = given(j, key);
    if (!v) return US_OK;
    double x = json_number_value(v);
    if (!json_is_number(v) || !(x >= min && x <= max))
        return us_fail(err, US_ERR_ARGUMENT, "%s: a number from %g to %g is expected", key, min, max);
    *out = x;
    return US_OK;
}

us_status us_param_int(const json_t *j, const char *key, int64_t min, int64_t max, int64_t *out, us_error *err) {
    const json_t *v = given(j, key);
    if (!v) return US_OK;
    double x = json_number_value(v);
    int64_t whole = json_is_integer(v) ? json_integer_value(v)
                    : fabs(x) < 9e15   ? (int64_t)x
                                       : INT64_MAX; /* as integers: doubles near 2^53 are all even */
    if (!json_is_number(v) || x != floor(x) || whole < min || whole > max)
        return us_fail(err, US_ERR_ARGUMENT, "%s: a whole number from %lld to %lld is expected", key, (long long)min,
                       (long long)max);
    *out = whole;
    return US_OK;
}

us_status us_param_bool(const json_t *j, const char *key, bool *out, us_error *err) {
    const json_t *v = given(j, key);
    if (!v) return US_OK;
    if (!json_is_boolean(v)) return us_fail(err, US_ERR_ARGUMENT, "%s: true or false is expected", key);
    *out = json_is_true(v);
    return US_OK;
}

us_status us_param_text(const json_t *j, const char *key, size_t min, size_t max, const char **out, us_error *err) {
    const json_t *v = given(j, key);
    if (!v) return min && !*out ? us_fail(err, US_ERR_ARGUMENT, "%s: a string is expected", key) : US_OK;
    size_t n = json_string_length(v);
    if (!json_is_string(v) || n < min || n > max)
        return us_fail(err, US_ERR_ARGUMENT, "%s: a string of %zu to %zu bytes is expected", key, min, max);
    *out = json_string_value(v);
    return US_OK;
}

us_status us_param_name(const json_t *j, const char *key, const char **out, us_error *err) {
    const char *name = NULL, *fault;
    us_status st = us_param_text(j, key, 0, US_NAME_BYTES, &name, err);
    if (st || !name) return st;
    if ((fault = us_name_fault(name))) return us_fail(err, US_ERR_ARGUMENT, "%s: %s", key, fault);
    *out = name;
    return US_OK;
}

bool us_param_has_seed(const json_t *j) {
    const json_t *seed = given(j, "seed");
    return seed && !(json_is_number(seed) && json_number_value(seed) == -1);
}

/* Any whole number of 64 bits; past 2^63 JSON's reader gives a real, of which every one is a seed of its own. -1 (llama.cpp)
 * and null draw one. */
static us_status read_seed(const json_t *j, uint64_t *seed, us_error *err) {
    const json_t *v = given(j, "seed");
    double x = json_number_value(v);
    if (v && (!json_is_number(v) || x != floor(x) || x < -9223372036854775808.0 || x > 18446744073709551616.0))
        return us_fail(err, US_ERR_ARGUMENT, "seed: a whole number of 64 bits is expected");
    bool any = !v || x == -1;
    if (!any)
        *seed = json_is_integer(v)            ? (uint64_t)json_integer_value(v)
                : x < 0                       ? (uint64_t)(int64_t)x
                : x >= 18446744073709551615.0 ? UINT64_MAX
                                              : (uint64_t)x;
    else if (getrandom(seed, sizeof *seed, 0) != sizeof *seed) *seed = 1;
    return US_OK;
}

/* llama.cpp's list: the samplers in it are on, the others off. Their order is ours, which is llama.cpp's default; another order
 * of those that act is refused. */
static us_status read_samplers(const json_t *j, us_sampler_options *o, us_error *err) {
    enum { PENALTIES, DRY, TOP_K, TYPICAL, TOP_P, MIN_P, XTC, TEMPERATURE, N };
    static const char *const names[N][3] = {{"penalties"}, {"dry"},   {"top_k"}, {"typ_p", "typical_p", "typical"},
                                            {"top_p"},     {"min_p"}, {"xtc"},   {"temperature"}};
    const json_t *list = given(j, "samplers"), *s;
    size_t i, at[N] = {0}; /* places, from 1 */
    int before = -1;
    if (list && !json_is_array(list) && (!json_is_string(list) || json_string_length(list)))
        return us_fail(err, US_ERR_ARGUMENT, "samplers: a list of names is expected");
    json_array_foreach((json_t *)(uintptr_t)list, i, s) {
        if (!json_is_string(s)) return us_fail(err, US_ERR_ARGUMENT, "samplers: a list of names is expected");
        for (int k = 0; k < N; k++)
            for (int n = 0; n < 3 && names[k][n]; n++)
                if (!strcmp(json_string_value(s), names[k][n])) at[k] = i + 1;
    }
    if (!json_array_size(list)) return US_OK;
    if (!at[PENALTIES]) o->repeat_penalty = 1, o->presence_penalty = o->frequency_penalty = 0;
    if (!at[DRY]) o->dry_multiplier = 0;
    if (!at[TOP_K]) o->top_k = 0;
    if (!at[TYPICAL]) o->typical_p = 1;
    if (!at[TOP_P]) o->top_p = 1;
    if (!at[MIN_P]) o->min_p = 0;
    if (!at[XTC]) o->xtc_probability = 0;
    if (!at[TEMPERATURE]) o->temperature = 1;
    bool drawn = o->temperature > 0;
    const bool acts[N] = {o->repeat_penalty != 1 || o->presence_penalty != 0 || o->frequency_penalty != 0,
                          o->dry_multiplier > 0,
                          drawn && o->top_k > 0,
                          drawn && o->typical_p < 1,
                          drawn && o->top_p < 1,
                          drawn && o->min_p > 0,
                          drawn && o->xtc_probability > 0,
                          drawn && o->temperature != 1};
    for (int k = 0; k < N; k++) {
        if (!acts[k]) continue;
        if (before >= 0 && at[k] < at[before])
            return us_fail(err, US_ERR_ARGUMENT, "samplers: %s acts before %s here; list them so, or leave samplers out",
                           names[before][0], names[k][0]);
        before = k;
    }
    return US_OK;
}

/* How far back DRY looks: llama.cpp's 0 is off, -1 all. What ends a repeat is fixed here. */
static us_status read_dry(const json_t *j, us_sampler_options *o, us_error *err) {
    static const char *const ours[] = {"\n", ":", "\"", "*", ".", "!"};
    const json_t *list = given(j, "dry_sequence_breakers"), *s;
    int64_t last = -1;
    size_t i;
    us_status st = us_param_int(j, "dry_penalty_last_n", -1, 1000000000, &last, err);
    if (st) return st;
    if (!last) o->dry_multiplier = 0;
    o->dry_last_n = last > 0 ? (int32_t)last : 0;
    json_array_foreach((json_t *)(uintptr_t)list, i, s) {
        bool known = o->dry_multiplier <= 0;
        for (size_t k = 0; k < sizeof ours / sizeof *ours && json_is_string(s); k++)
            known = known || !strcmp(json_string_value(s), ours[k]);
        if (!known)
            return us_fail(err, US_ERR_ARGUMENT, "dry_sequence_breakers: these are fixed here: \\n : \" * . !; leave them out");
    }
    return US_OK;
}

us_status us_param_sampler(const json_t *j, us_sampler_options *o, us_error *err) {
    int64_t top_k = o->top_k, last = o->repeat_last_n, allowed = o->dry_allowed_length;
    const struct {
        const char *key;
        double min, max, *out;
    } numbers[] = {{"temperature", 0, 100, &o->temperature},
                   {"top_p", 0, 1, &o->top_p},
                   {"min_p", 0, 1, &o->min_p},
                   {"typical_p", 0, 1, &o->typical_p},
                   {"repetition_penalty", 0.01, 100, &o->repeat_penalty},
                   {"repeat_penalty", 0.01, 100, &o->repeat_penalty},
                   {"presence_penalty", -2, 2, &o->presence_penalty},
                   {"frequency_penalty", -2, 2, &o->frequency_penalty},
                   {"dry_multiplier", 0, 100, &o->dry_multiplier},
                   {"dry_base", 1, 100, &o->dry_base},
                   {"xtc_probability", 0, 1, &o->xtc_probability},
                   {"xtc_threshold", 0, 1, &o->xtc_threshold}};
    us_status st = US_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !st; i++)
        st = us_param_number(j, numbers[i].key, numbers[i].min, numbers[i].max, numbers[i].out, err);
    if (!st) st = us_param_int(j, "top_k", -1, 1000000000, &top_k, err);
    if (!st) st = us_param_int(j, "repeat_last_n", -1, 1000000000, &last, err);
    if (!st) st = us_param_int(j, "dry_allowed_length", 1, 1000000, &allowed, err);
    if (st) return st;
    o->top_k = top_k < 0 ? 0 : (int32_t)top_k;
    o->repeat_last_n = (int32_t)last;
    o->dry_allowed_length = (int32_t)allowed;
    us_sampler_take_literally(o);
    st = read_seed(j, &o->seed, err);
    if (!st) st = read_dry(j, o, err);
    if (!st) st = read_samplers(j, o, err);
    return st ? st : us_sampler_check(o, err);
}
