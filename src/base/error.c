/* How an error is filled: one line, harmless, cut at a character. */
#include "understudy/base.h"
#include "base/utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

us_status us_fail(us_error *err, us_status status, const char *fmt, ...) {
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        size_t n = strlen(err->message);
        n -= n + 1 == sizeof err->message ? us_utf8_tail(err->message, n) : 0; /* it was cut */
        err->message[us_harmless(err->message, n)] = 0;
        for (char *c = err->message; *c; c++)
            if (*c == '\n' || *c == '\t') *c = '?';
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
