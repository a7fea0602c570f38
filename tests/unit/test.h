/* What every unit test includes: cmocka with its prelude, and an assertion that prints the error's words. */
#ifndef US_TEST_H
#define US_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "understudy/base.h"
#define assert_ok(call, err)                                             \
    do {                                                                 \
        us_status assert_ok_status = (call);                             \
        if (assert_ok_status) fail_msg("%s: %s", #call, (err)->message); \
    } while (0)
#endif
