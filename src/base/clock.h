/* base/clock.h - monotonic time. */
#ifndef US_BASE_CLOCK_H
#define US_BASE_CLOCK_H
#include <stdint.h>
int64_t us_now_ns(void);
#endif
