#include "text/wording.h"
#include "base/mem.h"
#include "text/fold.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20 };

/* Bytes of a separator at p: ASCII but letters and digits, general punctuation (U+2000..206F), quotation marks in Latin-1. An
 * apostrophe belongs to its word and is left out. */
static size_t separator(const unsigned char *p, bool *apostrophe) {
    *apostrophe = p[0] == '\'' || (p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0x99) || (p[0] == 0xca && p[1] == 0xbc);
    if (p[0] < 0x80) return !((p[0] >= 'a' && p[0] <= 'z') || (p[0] >= '0' && p[0] <= '9'));
    if (p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81) && p[2]) return 3;
    if (p[0] == 0xca && p[1] == 0xbc) return 2;
    return p[0] == 0xc2 && p[1] >= 0xa0 && p[1] <= 0xbf ? 2 : 0;
}

char *us_wording(const char *text, size_t n) {
    us_buf folded, out;
    us_buf_init(&folded, MAX_BYTES);
    us_buf_init(&out, MAX_BYTES);
    char *copy = NULL;
    bool good = !us_strndup(text, n, &copy, NULL) && us_fold_case(copy, &folded) && !us_buf_append(&out, " ", 1, NULL);
    for (const unsigned char *p = (const unsigned char *)(good && folded.data ? folded.data : ""); *p && good;) {
        bool apostrophe;
        size_t k = separator(p, &apostrophe);
        if (!k) good = !us_buf_append(&out, p++, 1, NULL);
        else {
            if (!apostrophe && out.data[out.len - 1] != ' ') good = !us_buf_append(&out, " ", 1, NULL);
            p += k;
        }
    }
    if (good && out.data[out.len - 1] != ' ') good = !us_buf_append(&out, " ", 1, NULL);
    char *result = good ? us_buf_take(&out, NULL) : NULL;
    us_buf_fini(&folded);
    us_buf_fini(&out);
    free(copy);
    return result;
}

size_t us_wording_count(const char *w) {
    size_t n = 0;
    for (; *w; w++) n += *w == ' ';
    return n ? n - 1 : 0;
}

bool us_wording_has(const char *words, const char *const *list) {
    for (; *list; list++)
        if (strstr(words, *list)) return true;
    return false;
}

bool us_wording_begins(const char *words, const char *const *list) {
    for (; *list; list++)
        if (!strncmp(words, *list, strlen(*list))) return true;
    return false;
}
