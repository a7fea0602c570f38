#include "text/fold.h"
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

bool us_fold_case(const char *s, us_buf *out) {
    us_buf_clear(out);
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s, 0, &folded,
                                      UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_CASEFOLD | UTF8PROC_COMPOSE);
    if (n < 0) return false;
    bool ok = !us_buf_append(out, folded, (size_t)n, NULL);
    free(folded);
    return ok;
}

bool us_normalise(const char *text, us_buf *out) {
    us_buf_clear(out);
    bool gap = false;
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '\'') continue; /* d'oh is one word */
        if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            char low = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            if (gap && out->len && us_buf_append(out, " ", 1, NULL)) return false;
            if (us_buf_append(out, &low, 1, NULL)) return false;
            gap = false;
        } else gap = true;
    }
    return us_buf_append(out, "", 0, NULL) == US_OK;
}

size_t us_first_name(const char *name) {
    size_t n = strcspn(name, " ");
    return !name[n] || n < 3 || name[n - 1] == '.' ? 0 : n;
}
