#include "text/markup.h"
#include <stdio.h>
#include <string.h>

us_status us_markup_escape(us_buf *b, const char *text, us_error *err) {
    us_status st = US_OK;
    while (*text && !st) {
        size_t n = strcspn(
            text,
            "&<>\"'"
            "\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f");
        st = us_buf_append(b, text, n, err);
        text += n;
        if (!*text || st) break;
        const char *e = *text == '&'    ? "&amp;"
                        : *text == '<'  ? "&lt;"
                        : *text == '>'  ? "&gt;"
                        : *text == '"'  ? "&quot;"
                        : *text == '\'' ? "&#39;"
                                        : "";
        st = us_buf_append_str(b, e, err);
        text++;
    }
    return st;
}

static void group(unsigned long long n, us_tongue tongue, char *out, size_t max) {
    char digits[32];
    const char *mark = us_tongue_group(tongue);
    int len = snprintf(digits, sizeof digits, "%llu", n);
    size_t k = 0, n_mark = strlen(mark);
    for (int i = 0; i < len && k + n_mark + 2 < max; i++) {
        if (i && (len - i) % 3 == 0) memcpy(out + k, mark, n_mark), k += n_mark;
        out[k++] = digits[i];
    }
    out[k] = 0;
}

us_status us_markup_vf(us_buf *b, us_tongue tongue, us_error *err, const char *fmt, va_list ap) {
    us_status st = US_OK;
    while (*fmt && !st) {
        size_t n = strcspn(fmt, "%");
        st = us_buf_append(b, fmt, n, err);
        fmt += n;
        if (!*fmt || st) break;
        n = 2 + strspn(fmt + 1, ".0123456789z");
        char spec[16] = "", number[64] = "";
        memcpy(spec, fmt, n < sizeof spec ? n : sizeof spec - 1);
        fmt += n;
        switch (spec[n - 1]) {
        case 's': st = us_markup_escape(b, va_arg(ap, const char *), err); break;
        case 'd': snprintf(number, sizeof number, "%d", va_arg(ap, int)); break;
        case 'u':
            snprintf(number, sizeof number, "%zu", spec[1] == 'z' ? va_arg(ap, size_t) : (size_t)va_arg(ap, unsigned));
            break;
        case 'f':
        case 'F':
            snprintf(number, sizeof number, "%.*f", spec[1] == '.' ? spec[2] - '0' : 6, va_arg(ap, double));
            if (spec[n - 1] == 'F' && strchr(number, '.')) *strchr(number, '.') = *us_tongue_point(tongue);
            break;
        case 'N': group(va_arg(ap, unsigned long long), tongue, number, sizeof number); break;
        default: strcpy(number, "%");
        }
        if (!st && number[0]) st = us_buf_append_str(b, number, err);
    }
    return st;
}

us_status us_markup_f(us_buf *b, us_error *err, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    us_status st = us_markup_vf(b, US_ENGLISH, err, fmt, ap);
    va_end(ap);
    return st;
}
