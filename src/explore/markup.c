#include "explore/markup.h"
#include <stdio.h>
#include <string.h>

us_status us_markup_escape(us_buf *b, const char *text, us_error *err) {
    us_status st = US_OK;
    while (*text && !st) {
        size_t n = strcspn(text, "&<>\"'\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f");
        st = us_buf_append(b, text, n, err);
        text += n;
        if (!*text || st) break;
        const char *e = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : *text == '"' ? "&quot;" : *text == '\'' ? "&#39;" : "";
        st = us_buf_append_str(b, e, err);
        text++;
    }
    return st;
}

us_status us_markup_f(us_buf *b, us_error *err, const char *fmt, ...) {
    va_list ap;
    us_status st = US_OK;
    va_start(ap, fmt);
    while (*fmt && !st) {
        size_t n = strcspn(fmt, "%");
        st = us_buf_append(b, fmt, n, err);
        fmt += n;
        if (!*fmt || st) break;
        n = 1 + strspn(fmt + 1, ".0123456789zl") + 1;
        char spec[16] = "", number[64] = "";
        memcpy(spec, fmt, n < sizeof spec ? n : sizeof spec - 1);
        fmt += n;
        switch (spec[n - 1]) {
        case 's': st = us_markup_escape(b, va_arg(ap, const char *), err); break;
        case 'd': snprintf(number, sizeof number, spec, va_arg(ap, int)); break;
        case 'f': snprintf(number, sizeof number, spec, va_arg(ap, double)); break;
        case 'u':
            if (strchr(spec, 'z')) snprintf(number, sizeof number, spec, va_arg(ap, size_t));
            else if (strchr(spec, 'l')) snprintf(number, sizeof number, spec, va_arg(ap, unsigned long long));
            else snprintf(number, sizeof number, spec, va_arg(ap, unsigned));
            break;
        default: strcpy(number, "%");
        }
        if (!st && number[0]) st = us_buf_append_str(b, number, err);
    }
    va_end(ap);
    return st;
}
