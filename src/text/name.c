#include "text/name.h"
#include "base/utf8.h"
#include <string.h>

bool us_turns_direction(uint32_t cp) { return (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069); }

const char *us_name_fault(const char *name) {
    size_t n = strlen(name);
    if (n > US_NAME_BYTES) return "a name has at most 200 bytes";
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = us_utf8_decode(name + i, n - i, &cp);
        if (!len) return "a name is UTF-8";
        if (cp < ' ' || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029)
            return "a name has no control characters or line breaks";
        if (us_turns_direction(cp)) return "a name has no marks that turn the words around it";
        i += (size_t)len;
    }
    return NULL;
}
