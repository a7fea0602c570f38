/* Samplers against distributions worked out by hand. */
#include "test.h"
#include "understudy/sampler.h"
#include <math.h>

enum { V = 6 };
static const float logits[V] = {2.0f, 1.0f, 0.0f, -1.0f, 1.5f, -3.0f};

static us_sampler_options plain(void) {
    us_sampler_options o = us_sampler_defaults();
    o.top_k = 0, o.top_p = 1, o.min_p = 0, o.dry_multiplier = 0, o.temperature = 1;
    return o;
}

/* Draws many times from the same logits and history; counts of each token. */
static void draw_many(us_sampler_options o, const int32_t *history, size_t n, int draws, int counts[V]) {
    us_error err;
    us_sampler *s;
    memset(counts, 0, V * sizeof *counts);
    assert_ok(us_sampler_new(&o, V, &s, &err), &err);
    for (int i = 0; i < draws; i++) {
        int32_t id;
        assert_ok(us_sampler_set_history(s, history, n, &err), &err);
        assert_ok(us_sampler_draw(s, logits, &id, &err), &err);
        counts[id]++;
    }
    us_sampler_free(s);
}

static void expect(const int counts[V], const double p[V], int draws) {
    for (int i = 0; i < V; i++) { /* five standard deviations */
        double sd = sqrt((double)draws * p[i] * (1 - p[i])) + 1e-9;
        if (p[i] == 0) assert_int_equal(counts[i], 0);
        else if (fabs(counts[i] - draws * p[i]) > 5 * sd)
            fail_msg("token %d: %d of %d, expected %.1f", i, counts[i], draws, draws * p[i]);
    }
}

static void softmax_of(const bool keep[V], double temperature, double p[V]) {
    double sum = 0;
    for (int i = 0; i < V; i++) sum += p[i] = keep[i] ? exp((double)logits[i] / temperature) : 0;
    for (int i = 0; i < V; i++) p[i] /= sum;
}

static void filters_keep_the_right_sets(void **state) {
    (void)state;
    int counts[V];
    double p[V];
    us_sampler_options o = plain();
    draw_many(o, NULL, 0, 20000, counts);
    softmax_of((bool[V]){1, 1, 1, 1, 1, 1}, 1, p);
    expect(counts, p, 20000);
    o.temperature = 2;
    draw_many(o, NULL, 0, 20000, counts);
    softmax_of((bool[V]){1, 1, 1, 1, 1, 1}, 2, p);
    expect(counts, p, 20000);
    o = plain(), o.top_k = 3;
    draw_many(o, NULL, 0, 20000, counts);
    softmax_of((bool[V]){1, 1, 0, 0, 1, 0}, 1, p);
    expect(counts, p, 20000);
    o = plain(), o.top_p = 0.7; /* probabilities .46 .17 .06 .02 .28: two reach .74 */
    draw_many(o, NULL, 0, 20000, counts);
    softmax_of((bool[V]){1, 0, 0, 0, 1, 0}, 1, p);
    expect(counts, p, 20000);
    o = plain(), o.min_p = 0.3; /* relative to the best: e^-.5 = .61, e^-1 = .37, e^-2 = .14 */
    draw_many(o, NULL, 0, 20000, counts);
    softmax_of((bool[V]){1, 1, 0, 0, 1, 0}, 1, p);
    expect(counts, p, 20000);
    o = plain(), o.xtc_probability = 1, o.xtc_threshold = 0.15; /* of .46 .28 .17 only the last may stay */
    draw_many(o, NULL, 0, 5000, counts);
    softmax_of((bool[V]){0, 1, 1, 1, 0, 1}, 1, p);
    expect(counts, p, 5000);
    o.xtc_threshold = 0.25; /* of .46 .28 the last */
    draw_many(o, NULL, 0, 5000, counts);
    softmax_of((bool[V]){0, 1, 1, 1, 1, 1}, 1, p);
    expect(counts, p, 5000);
}

static void greedy_takes_the_best(void **state) {
    (void)state;
    int counts[V];
    us_sampler_options o = us_sampler_defaults();
    o.temperature = 0;
    draw_many(o, NULL, 0, 3, counts);
    assert_int_equal(counts[0], 3);
    us_sampler *s; /* NULL: all defaults, which are greedy */
    us_error err = {0};
    int32_t id;
    assert_ok(us_sampler_new(NULL, 3, &s, &err), &err);
    assert_ok(us_sampler_draw(s, (const float[]){0, 2, 1}, &id, &err), &err);
    assert_int_equal(id, 1);
    us_sampler_free(s);
}

/* A zeroed field means the default; where somebody wrote 0, it is 0. */
static void zeroed_fields(void **state) {
    (void)state;
    static const int32_t said[] = {0, 0, 0};
    int counts[V];
    double p[V];
    us_sampler_options o = {0};
    draw_many(o, said, 3, 100, counts);
    assert_int_equal(counts[0], 100); /* greedy, no penalty */
    o.temperature = 1;
    draw_many(o, said, 3, 20000, counts);
    softmax_of((bool[V]){1, 1, 1, 1, 1, 1}, 1, p);
    expect(counts, p, 20000); /* all of them */
    o.repeat_penalty = 1e2;   /* over all that was said */
    draw_many(o, said, 3, 2000, counts);
    assert_true(counts[0] < counts[1]);
    o.typical_p = 1;
    us_sampler_take_literally(&o); /* over nothing, and the likeliest alone */
    draw_many(o, said, 3, 2000, counts);
    assert_int_equal(counts[0], 2000);
}

static void penalties_and_dry_lower_what_repeats(void **state) {
    (void)state;
    int counts[V];
    us_sampler_options o = plain();
    o.temperature = 0, o.presence_penalty = 1.0; /* 2.0 - 1.0 < 1.5 */
    draw_many(o, (int32_t[]){0}, 1, 2, counts);
    assert_int_equal(counts[4], 2);
    o = plain(), o.temperature = 0, o.repeat_penalty = 2; /* 2.0 / 2 < 1.5 */
    draw_many(o, (int32_t[]){0}, 1, 2, counts);
    assert_int_equal(counts[4], 2);
    o = plain(), o.temperature = 0, o.dry_multiplier = 0.8, o.dry_base = 1.75, o.dry_allowed_length = 2;
    /* "1 2 0 ... 1 2": 0 would extend a repeat of two: 2.0 - 0.8 < 1.5 */
    draw_many(o, (int32_t[]){1, 2, 0, 3, 5, 1, 2}, 7, 2, counts);
    assert_int_equal(counts[4], 2);
    draw_many(o, (int32_t[]){1, 2, 0, 3, 5, 4, 2}, 7, 2, counts); /* a repeat of one is allowed */
    assert_int_equal(counts[0], 2);
}

static void same_seed_same_tokens(void **state) {
    (void)state;
    int a[V], b[V], c[V];
    us_sampler_options o = plain();
    o.seed = 5;
    draw_many(o, NULL, 0, 50, a);
    draw_many(o, NULL, 0, 50, b);
    o.seed = 6;
    draw_many(o, NULL, 0, 50, c);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

static void options_out_of_range_are_named(void **state) {
    (void)state;
    us_error err;
    us_sampler_options o = plain();
    o.top_p = 1.5;
    assert_int_equal(us_sampler_check(&o, &err), US_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "top_p"));
    o = plain(), o.temperature = NAN;
    assert_int_equal(us_sampler_check(&o, &err), US_ERR_ARGUMENT);
    /* each number's edges are taken, and what is past them is told by its name */
#define IN(member, min, max)                                                                      \
    for (int i = 0; i < 4; i++) {                                                                 \
        const double v[4] = {min, max, (min)-2, (max) + 2};                                       \
        o = plain();                                                                              \
        o.member = v[i];                                                                          \
        us_status st = us_sampler_check(&o, &err);                                                \
        if (st != (i < 2 ? US_OK : US_ERR_ARGUMENT)) fail_msg(#member " %g: %d", v[i], st);       \
        if (i >= 2) assert_memory_equal(err.message, #member ": expected ", sizeof #member + 10); \
    }                                                                                             \
    (void)0
    IN(temperature, 0, 100);
    IN(top_p, 0, 1);
    IN(min_p, 0, 1);
    IN(typical_p, 0, 1);
    IN(repeat_penalty, 0.01, 100);
    IN(presence_penalty, -100, 100);
    IN(frequency_penalty, -100, 100);
    IN(dry_multiplier, 0, 100);
    IN(dry_base, 1, 10);
    IN(xtc_probability, 0, 1);
    IN(xtc_threshold, 0, 1);
    IN(top_k, 0, 1000000000);
    IN(repeat_last_n, -1, 1000000000);
    IN(dry_allowed_length, 1, 1000000);
    IN(dry_last_n, 0, 1000000000);
#undef IN
    const us_logit_bias strong = {.token = 1, .bias = 101};
    o = plain(), o.biases = &strong, o.n_biases = 1;
    assert_int_equal(us_sampler_check(&o, &err), US_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "logit_bias: expected -100..100, got 101"));
}

/* The chain in words: what acts, in its order, and no more than fits. */
static void the_chain_is_told(void **state) {
    (void)state;
    char text[400];
    us_sampler_options o = plain();
    us_sampler_describe(&o, text, sizeof text);
    assert_string_equal(text, "temperature 1 -> draw");
    o.temperature = 0, o.top_k = 5, o.dry_multiplier = 0.5, o.dry_base = 2, o.dry_allowed_length = 3;
    us_sampler_describe(&o, text, sizeof text);
    assert_string_equal(text, "dry 0.5/2/3 -> greedy"); /* greedy looks at no list */
    const us_logit_bias bias = {.token = 1, .bias = 1};
    o = plain(), o.biases = &bias, o.n_biases = 1, o.presence_penalty = 1, o.repeat_last_n = 64, o.top_k = 5, o.typical_p = 0.9,
    o.top_p = 0.5, o.min_p = 0.1, o.xtc_probability = 0.5, o.xtc_threshold = 0.2;
    us_sampler_describe(&o, text, sizeof text);
    assert_string_equal(text, "logit bias of 1 -> penalties 1/1/0 over 64 -> top-k 5 -> typical 0.9 -> top-p 0.5 -> min-p 0.1 "
                              "-> xtc 0.5/0.2 -> temperature 1 -> draw");
    us_sampler_describe(&o, text, 20);
    assert_string_equal(text, "logit bias of 1 -> ");
}

/* Penalties and DRY look no further back than they are told to; a breaker ends a repeat; a model that computes no numbers draws nothing. */
static void windows_and_breakers(void **state) {
    (void)state;
    int counts[V];
    us_error err;
    us_sampler *s;
    us_sampler_options o = plain();
    o.temperature = 0, o.frequency_penalty = 0.3, o.repeat_last_n = 1; /* 0 is further back than one */
    draw_many(o, (int32_t[]){0, 0, 3}, 3, 1, counts);
    assert_int_equal(counts[0], 1);
    o.repeat_last_n = 3; /* twice 0.3: 2.0 - 0.6 < 1.5 */
    draw_many(o, (int32_t[]){0, 0, 3}, 3, 1, counts);
    assert_int_equal(counts[4], 1);
    o = plain(), o.temperature = 0, o.dry_multiplier = 5, o.dry_last_n = 3; /* the earlier "1 2 0" is too long ago */
    draw_many(o, (int32_t[]){1, 2, 0, 3, 5, 1, 2}, 7, 1, counts);
    assert_int_equal(counts[0], 1);
    o.dry_last_n = 0;
    draw_many(o, (int32_t[]){1, 2, 0, 3, 5, 1, 2}, 7, 1, counts);
    assert_int_equal(counts[4], 1);
    static const float likely[V] = {9.0f, 1.0f, 0.0f, -1.0f, 8.0f, -3.0f}, odd[V] = {NAN, 1.0f};
    static const int32_t said[] = {1, 2, 0, 3, 1, 2}, breaker[] = {2};
    int32_t id;
    for (size_t broken = 0; broken < 2; broken++) {
        assert_ok(us_sampler_new(&o, V, &s, &err), &err);
        us_sampler_set_breakers(s, breaker, broken);
        assert_ok(us_sampler_set_history(s, said, 6, &err), &err);
        assert_ok(us_sampler_draw(s, likely, &id, &err), &err);
        assert_int_equal(id, broken ? 0 : 4);
        us_sampler_free(s);
    }
    assert_ok(us_sampler_new(&o, V, &s, &err), &err);
    assert_int_equal(us_sampler_draw(s, odd, &id, &err), US_ERR_FORMAT);
    assert_false(us_sampler_is_over(s));
    us_sampler_free(s);
}

static void a_bias_decides_and_phrases_are_left_alone(void **state) {
    (void)state;
    int counts[V];
    us_error err;
    us_sampler *s;
    us_sampler_options o = plain();
    const us_logit_bias bias = {.token = 5, .bias = 50}, wrong = {.token = V, .bias = 1};
    o.temperature = 0, o.biases = &bias, o.n_biases = 1;
    draw_many(o, NULL, 0, 1, counts);
    assert_int_equal(counts[5], 1);
    o.biases = &wrong;
    assert_int_equal(us_sampler_new(&o, V, &s, &err), US_ERR_ARGUMENT);

    o = plain(), o.temperature = 0, o.dry_multiplier = 50; /* 3 4 0 was said; after 3 4, DRY forbids the likely 0 */
    static const int32_t said[] = {3, 4, 0, 2, 3, 4};
    int32_t phrase[] = {3, 4, 0}, id;
    const us_tokens phrases = {.ids = phrase, .n = 3};
    for (int known = 0; known < 2; known++) {
        static const float likely[V] = {9.0f, 1.0f, 0.0f, -1.0f, 1.5f, -3.0f};
        assert_ok(us_sampler_new(&o, V, &s, &err), &err);
        us_sampler_set_phrases(s, &phrases, (size_t)known);
        assert_ok(us_sampler_set_history(s, said, 6, &err), &err);
        assert_ok(us_sampler_draw(s, likely, &id, &err), &err);
        assert_int_equal(id, known ? 0 : 4);
        us_sampler_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_bias_decides_and_phrases_are_left_alone),
                                       cmocka_unit_test(filters_keep_the_right_sets),
                                       cmocka_unit_test(greedy_takes_the_best),
                                       cmocka_unit_test(zeroed_fields),
                                       cmocka_unit_test(penalties_and_dry_lower_what_repeats),
                                       cmocka_unit_test(same_seed_same_tokens),
                                       cmocka_unit_test(options_out_of_range_are_named),
                                       cmocka_unit_test(the_chain_is_told),
                                       cmocka_unit_test(windows_and_breakers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
