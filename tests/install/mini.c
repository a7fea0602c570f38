#include <stdio.h>
#include <understudy/base.h>

int main(void) {
    us_error err;
    if (us_fail(&err, US_ERR_LIMIT, "one %s", "error") != US_ERR_LIMIT) return 1;
    printf("understudy %s\n", us_version());
    return 0;
}
