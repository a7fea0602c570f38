#include "text/fold.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <string.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

/* UTF-8 -> UTF-16, NFKC_Casefold, and back; names are short, so that the stack holds nearly all of them. */
bool us_fold_case(const char *text, us_buf *out) {
    UChar near_in[256], near_out[512], *in = near_in, *folded = near_out;
    size_t n = strlen(text), room = 4 * n + 16; /* a letter may fold to several */
    UErrorCode e = U_ZERO_ERROR;
    int32_t n_in = 0, n_out = 0, n_utf8 = 0;
    us_buf_clear(out);
    if (n > 1 << 28) return false;
    if (n > 127) {
        in = us_checked(malloc((n + 1) * sizeof *in));
        folded = us_checked(malloc(room * sizeof *folded));
    } else room = 512;
    const UNormalizer2 *nfkc = unorm2_getNFKCCasefoldInstance(&e);
    bool ok = in && folded && U_SUCCESS(e);
    if (ok) u_strFromUTF8(in, (int32_t)n + 1, &n_in, text, (int32_t)n, &e);
    if (ok) n_out = unorm2_normalize(nfkc, in, n_in, folded, (int32_t)room, &e);
    ok = ok && U_SUCCESS(e) && !us_buf_reserve(out, 3 * (size_t)n_out + 1, NULL);
    if (ok) u_strToUTF8(out->data, 3 * n_out + 1, &n_utf8, folded, n_out, &e);
    if (ok && U_SUCCESS(e)) out->len = (size_t)n_utf8;
    if (out->data) out->data[out->len] = 0;
    if (in != near_in) free(in);
    if (folded != near_out) free(folded);
    return ok && U_SUCCESS(e);
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
    static const char *const titles[] = {"the",  "mrs",  "miss", "sir", "lady", "lord",
                                         "frau", "herr", "der",  "die", "das",  NULL};
    size_t n = strcspn(name, " ");
    for (const char *const *t = titles; *t; t++)
        if (strlen(*t) == n && !strncasecmp(name, *t, n)) return 0;
    return !name[n] || n < 3 || name[n - 1] == '.' ? 0 : n;
}

void us_short_name(const char *name, char *out, size_t n_max) {
    size_t n = us_first_name(name);
    if (!n) n = strlen(name);
    if (n >= n_max) n = n_max - 1;
    n -= us_utf8_tail(name, n);
    memcpy(out, name, n);
    out[n] = 0;
}
