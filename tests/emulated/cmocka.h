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
    void (*test)(void **state);
};
#define cmocka_unit_test(f) \
    { #f, f }
#define cmocka_run_group_tests(tests, setup, teardown) run_tests(tests, sizeof(tests) / sizeof *(tests))
static inline int run_tests(const struct CMUnitTest *tests, size_t n) {
    void *state = NULL;
    for (size_t i = 0; i < n; i++) {
        tests[i].test(&state);
        printf("ok %s\n", tests[i].name);
    }
    return 0;
}
#endif
