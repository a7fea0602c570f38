#include "base/utf8.h"
#include "base/buf.h"
#include <string.h>

int us_utf8_decode(const char *str, size_t n, uint32_t *cp) {
    const unsigned char *s = (const unsigned char *)str;
    if (!n) return 0;
    if (s[0] < 0x80) return *cp = s[0], 1;
    int len = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
    if (!len || (size_t)len > n) return 0;
    uint32_t c = s[0] & (0x7fu >> len);
    for (int i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff)) || (c >= 0xd800 && c < 0xe000)) return 0;
    *cp = c;
    return len;
}

int us_utf8_encode(uint32_t c, char out[4]) {
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c >= 0xd800 && c < 0xe000) return 0;
    if (c < 0x10000)
        return out[0] = (char)(0xe0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)), 3;
    if (c > 0x10ffff) return 0;
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

bool us_utf8_valid(const char *s, size_t n, size_t *bad) {
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = us_utf8_decode(s + i, n - i, &cp);
        if (!len) {
            if (bad) *bad = i;
            return false;
        }
        i += (size_t)len;
    }
    return true;
}

size_t us_utf8_tail(const char *str, size_t n) {
    const unsigned char *s = (const unsigned char *)str;
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = s[n - back];
        if (c < 0x80) return 0;
        if (c < 0xc0) continue; /* continuation byte: look further left for its head */
        size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        return c >= 0xc2 && c < 0xf5 && len > back ? back : 0;
    }
    return 0;
}

us_status us_utf8_clean(const char *s, size_t n, us_buf *out, us_error *err) {
    us_status st = us_buf_reserve(out, n, err);
    for (size_t i = 0, good = 0; i <= n && !st;) {
        uint32_t cp = 0;
        int len = i < n ? us_utf8_decode(s + i, n - i, &cp) : 0;
        if (len && cp) {
            i += (size_t)len;
            continue;
        }
        st = us_buf_append(out, s + good, i - good, err);
        if (!st && i < n) st = us_buf_append_str(out, "\xef\xbf\xbd", err);
        good = ++i;
    }
    return st;
}

/* C0 and C1 controls, what turns the writing direction (Trojan Source), separators of lines, tags and other characters without
 * a shape of their own. Joiners stay: emoji and several scripts are written with them. */
static bool is_harmless(uint32_t c) {
    if (c < 0xa0) return c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f);
    return c != 0xad && c != 0x61c && c != 0x180e && c != 0x200b && c != 0x200e && c != 0x200f &&
           !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff && !(c >= 0xfff9 && c <= 0xfffb) &&
           (c & 0xfffe) != 0xfffe && !(c >= 0xfdd0 && c <= 0xfdef) && !(c >= 0xe0000 && c <= 0xe0fff);
}

size_t us_harmless(char *text, size_t n) {
    size_t to = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = us_utf8_decode(text + i, n - i, &cp);
        if (len && is_harmless(cp)) {
            memmove(text + to, text + i, (size_t)len);
            to += (size_t)len;
        } else text[to++] = '?';
        i += len ? (size_t)len : 1;
    }
    return to;
}

size_t us_utf8_count(const char *s, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((unsigned char)s[i] & 0xc0) != 0x80;
    return count;
}
