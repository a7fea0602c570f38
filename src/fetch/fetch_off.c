/* Built instead of fetch.c where US_REMOTE is off: an address of a model is known as one and refused. */
#include "understudy/fetch.h"
#include <string.h>

bool us_fetch_is_address(const char *name) { return !strncmp(name, "hf:", 3) || strstr(name, "://"); }

us_status us_fetch(const char *address, const us_fetch_options *options, char **path, us_error *err) {
    (void)options;
    *path = NULL;
    return us_fail(err, US_ERR_UNSUPPORTED,
                   "%s: this understudy was built without the network (US_REMOTE); fetch the file and name it", address);
}
