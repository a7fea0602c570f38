#include "text/name.h"
#include "base/utf8.h"
#include <string.h>

const char *us_name_fault(const char *name) {
    size_t n = strlen(name);
    if (n > US_NAME_BYTES) return "a name has at most 200 bytes";
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = us_utf8_decode(name + i, n - i, &cp);
        if (!len) return "a name is UTF-8";
        if (cp < ' ' || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029)
            return "a name has no control characters or line breaks";
        i += (size_t)len;
    }
    return NULL;
}
