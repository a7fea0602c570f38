/* As much of cmocka as test_kern and test_quant use, so that they cross-compile without a foreign library. A failure
 * ends the program. */
#ifndef CMOCKA_H
#define CMOCKA_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define fail_msg(...) (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), printf("\n"), exit(1))
#define assert_true(x) ((x) ? (void)0 : fail_msg("expected: %s", #x))
#define assert_false(x) assert_true(!(x))
#define assert_null(x) assert_true(!(x))
#define assert_non_null(x) assert_true(x)
#define assert_int_equal(a, b) assert_true((long long)(a) == (long long)(b))
#define assert_memory_equal(a, b, n) assert_true(!memcmp(a, b, n))
#define skip() exit(77)
struct CMUnitTest {
    const char *name;
    void (*test_func)(void **state);
    int (*setup_func)(void **state), (*teardown_func)(void **state);
    void *initial_state;
};
#define cmocka_unit_test(f) \
    { #f, f, NULL, NULL, NULL }
#define cmocka_run_group_tests(tests, setup, teardown) \
    _cmocka_run_group_tests("", tests, sizeof(tests) / sizeof *(tests), setup, teardown)
static inline int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n, int (*setup)(void **),
                                          int (*teardown)(void **)) {
    (void)group, (void)setup, (void)teardown;
    for (size_t i = 0; i < n; i++) {
        void *state = tests[i].initial_state;
        tests[i].test_func(&state);
        printf("ok %s\n", tests[i].name);
    }
    return 0;
}
#endif
