#include "understudy/base.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

us_status us_fail(us_error *err, us_status status, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        for (char *c = err->message; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
        err->status = status;
        err->reason = NULL;
    }
    return status;
}

us_status us_because(us_status status, const char *reason, us_error *err) {
    if (err && status) err->reason = reason;
    return status;
}

const char *us_status_name(us_status status) {
    static const char *const names[] = {"ok",        "argument", "io",     "format",      "unsupported", "mismatch",
                                        "not found", "limit",    "memory", "interrupted", "gate"};
    size_t i = (size_t)status;
    return i < sizeof names / sizeof *names ? names[i] : "unknown";
}

const char *us_version(void) { return US_VERSION; }
