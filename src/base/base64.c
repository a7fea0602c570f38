#include "base/base64.h"
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

us_status us_base64_encode(const void *bytes, size_t n, us_buf *out, us_error *err) {
    const unsigned char *p = bytes;
    us_status st = us_buf_reserve(out, n / 3 * 4 + 4, err);
    for (size_t i = 0; i < n && !st; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=',
                        i + 2 < n ? digits[v & 63] : '='};
        st = us_buf_append(out, four, 4, err);
    }
    return st;
}

us_status us_base64_decode(const char *text, size_t n, us_buf *out, us_error *err) {
    uint32_t v = 0;
    int bits = 0;
    us_status st = us_buf_reserve(out, n / 4 * 3 + 3, err);
    while (n && strchr("= \t\r\n", text[n - 1])) n--;
    for (size_t i = 0; i < n && !st; i++) {
        if (text[i] && strchr(" \t\r\n", text[i])) continue;
        char c64 = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]; /* as addresses have it */
        const char *d = c64 ? strchr(digits, c64) : NULL;
        if (!d) return us_fail(err, US_ERR_FORMAT, "base64: byte %zu is none of its characters", i + 1);
        v = v << 6 | (uint32_t)(d - digits);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        char c = (char)(v >> bits & 255);
        st = us_buf_append(out, &c, 1, err);
    }
    return st;
}
