/* corpus/encoding.c - byte order marks, UTF-16 and UTF-32 by their zeros, UTF-8 by its rules; the rest is guessed. */
#include "corpus/encoding.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unicode/ucnv.h>

#define MAX_TEXT ((size_t)4 << 30)   /* bytes of a converted text */
#define MAX_SAMPLE ((size_t)65536)   /* bytes shown to the guess */
#define DROP_BYTES ((size_t)1 << 20) /* of a map are given back at a time */

void us_text_fini(us_text *t) {
    for (size_t i = 0; i < t->n_odd; i++) free(t->odd[i].before), free(t->odd[i].after);
    free(t->odd);
    free(t->own);
    *t = (us_text){0};
}

static void call_it(us_text *t, const char *name) {
    static const char *const popular[][2] = {{"windows-1252", "windows-1252 (Latin-1)"},
                                             {"KOI8-U", "KOI8-R"},
                                             {"ibm-943_P15A-2003", "Shift-JIS"},
                                             {"gb18030", "GB18030"},
                                             {"windows-949-2000", "EUC-KR"},
                                             {"windows-949", "EUC-KR"},
                                             {"macintosh", "Mac Roman"},
                                             {"ibm-850", "CP850"},
                                             {"ibm-866", "CP866"}};
    for (size_t i = 0; i < sizeof popular / sizeof *popular; i++)
        if (!strcmp(name, popular[i][0])) name = popular[i][1];
    size_t n = strlen(name) < sizeof t->encoding - 1 ? strlen(name) : sizeof t->encoding - 1;
    memcpy(t->encoding, name, n);
    t->encoding[n] = 0;
}

/* ---- the whole text from another encoding ------------------------------------------------------------------- */

/* Appends the conversion of n bytes to `out`; what the encoding lacks becomes U+FFFD. */
static us_status convert(UConverter *from, const char *s, size_t n, const us_map *map, us_buf *out, us_error *err) {
    UErrorCode e = U_ZERO_ERROR;
    UConverter *to = ucnv_open("UTF-8", &e);
    UChar pivot[4096], *p = pivot, *q = pivot;
    us_status st = U_SUCCESS(e) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    const char *at = s, *end = s + n;
    ucnv_resetToUnicode(from);
    for (bool more = true, first = true; more && !st; first = false) {
        if ((st = us_buf_reserve(out, 65536, err))) break;
        char *target = out->data + out->len;
        e = U_ZERO_ERROR;
        ucnv_convertEx(to, from, &target, out->data + out->cap - 1, &at, end, pivot, &q, &p, pivot + 4096, first, true, &e);
        out->len = (size_t)(target - out->data);
        out->data[out->len] = 0;
        more = e == U_BUFFER_OVERFLOW_ERROR;
        if (!more && U_FAILURE(e)) st = us_fail(err, US_ERR_FORMAT, "cannot convert: %s", u_errorName(e));
        if (map && at > s + DROP_BYTES) us_map_drop(map, 0, (size_t)(at - (const char *)map->data) - DROP_BYTES);
    }
    ucnv_close(to);
    return st;
}

/* NULs are no text: taken out and counted. */
static void drop_nuls(us_text *t, char *own, size_t n) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (own[i]) own[k++] = own[i];
        else t->n_nuls++;
    own[k] = 0;
    if (k >= 3 && !memcmp(own, "\xef\xbb\xbf", 3)) memmove(own, own + 3, (k -= 3) + 1);
    t->own = own;
    t->s = own;
    t->n = k;
}

static us_status from_encoding(const char *s, size_t n, const char *name, const us_map *map, const char *path, us_text *t,
                               us_error *err) {
    UErrorCode e = U_ZERO_ERROR;
    UConverter *from = ucnv_open(name, &e);
    if (U_FAILURE(e))
        return us_fail(err, US_ERR_ARGUMENT,
                       "no encoding '%s'; there are UTF-8, UTF-16, UTF-32, windows-1251, windows-1252, ISO-8859-1 (Latin-1), "
                       "KOI8-R, Shift_JIS, EUC-JP, GB18030, Big5, EUC-KR and the others of ICU",
                       name);
    us_buf b;
    us_buf_init(&b, MAX_TEXT);
    us_status st = convert(from, s, n, map, &b, err);
    ucnv_close(from);
    if (st) {
        us_buf_fini(&b);
        return us_fail(err, st, "%s: read as %s: more than %zu bytes of text, or out of memory", path, name, MAX_TEXT);
    }
    size_t len;
    char *own = us_buf_take(&b, &len);
    if (!own) return us_fail(err, US_ERR_MEMORY, "out of memory");
    drop_nuls(t, own, len);
    for (const char *p = t->s, *end = t->s + t->n, *nl; p < end; p = nl + 1) { /* lines that lost something are counted */
        nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl) nl = end;
        if (memmem(p, (size_t)(nl - p), "\xef\xbf\xbd", 3)) t->n_odd_lines++;
    }
    return US_OK;
}

/* ---- UTF-16 and UTF-32 without a mark: zeros where plain letters have them ------------------------------------- */

static const char *by_zeros(const unsigned char *s, size_t n) {
    if (n > 65536) n = 65536;
    size_t at[4] = {0}, breaks[2] = {0}, odd[2] = {0}, units = n / 2;
    for (size_t i = 0; i + 3 < n; i += 4)
        for (size_t k = 0; k < 4; k++) at[k] += !s[i + k];
    size_t quads = n / 4;
    if (n >= 8 && at[3] == quads && at[2] == quads && at[0] < quads / 8 + 1) return "UTF-32LE";
    if (n >= 8 && at[0] == quads && at[1] == quads && at[3] < quads / 8 + 1) return "UTF-32BE";
    for (size_t i = 0; i + 1 < n; i += 2) {
        for (int k = 0; k < 2; k++) { /* k = 0: little end first */
            unsigned u = k ? s[i] << 8 | s[i + 1] : s[i + 1] << 8 | s[i];
            breaks[k] += u == '\n' || u == ',' || u == '\t' || u == ';' || u == ' ' || u == '"' || u == ':' || u == 0x3000;
            odd[k] += (u < 32 && u != '\n' && u != '\r' && u != '\t') || u >= 0xfffe || (u >= 0xe000 && u < 0xf900);
        }
    }
    for (int k = 0; k < 2; k++)
        if (units >= 4 && breaks[k] * 100 > units && odd[k] * 200 <= units && breaks[k] > 3 * breaks[!k])
            return k ? "UTF-16BE" : "UTF-16LE";
    return NULL;
}

/* ---- UTF-8, whole or nearly --------------------------------------------------------------------------------- */

typedef struct survey {   /* of all lines */
    size_t n_good, n_bad; /* lines with characters past ASCII: all valid, some not */
    size_t n_controls, n_nuls;
    size_t first_bad; /* offset of the line */
    bool escapes;     /* ESC $ B: ISO-2022-JP */
} survey;

static bool is_ascii(const char *s, size_t n) {
    unsigned char any = 0;
    for (size_t i = 0; i < n; i++) any |= (unsigned char)s[i];
    return any < 0x80;
}

static void look(const char *s, size_t n, const us_map *map, survey *v, us_buf *sample) {
    size_t dropped = 0, line = 0;
    while (line < n) {
        const char *p = s + line, *nl = memchr(p, '\n', n - line < 65536 ? n - line : 65536); /* long lines in pieces */
        size_t len = nl ? (size_t)(nl - p) + 1 : n - line < 65536 ? n - line : 65536;
        unsigned controls = 0;
        for (size_t i = 0; i < len; i++)
            controls += (unsigned char)p[i] < 9 || ((unsigned char)p[i] > 13 && (unsigned char)p[i] < 32);
        if (controls) {
            for (size_t i = 0; i < len; i++) v->n_nuls += !p[i];
            v->n_controls += controls;
            if (memmem(p, len, "\x1b$B", 3)) v->escapes = true;
        }
        if (!is_ascii(p, len)) {
            size_t whole = len - (nl || line + len == n ? 0 : us_utf8_tail(p, len));
            if (whole < len) len = whole;
            if (us_utf8_valid(p, len, NULL)) v->n_good++;
            else {
                if (!v->n_bad++) v->first_bad = line;
                size_t room = MAX_SAMPLE - sample->len, take = len < room ? len : room;
                if (take && us_buf_append(sample, p, take, NULL)) break; /* a smaller sample does */
            }
        }
        line += len;
        if (map && line - dropped > 2 * DROP_BYTES) us_map_drop(map, dropped, DROP_BYTES), dropped += DROP_BYTES;
    }
}

/* Appends a line with its invalid bytes converted: all of it when nothing in it is a UTF-8 sequence, else only those bytes. */
static us_status mend_line(UConverter *from, const char *s, size_t n, us_buf *out, us_error *err) {
    bool any_good = false;
    for (size_t i = 0; i < n && !any_good;) {
        uint32_t cp;
        int len = us_utf8_decode(s + i, n - i, &cp);
        any_good = len > 1;
        i += (size_t)(len ? len : 1);
    }
    if (!any_good) return convert(from, s, n, NULL, out, err);
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st;) {
        uint32_t cp;
        int len = us_utf8_decode(s + i, n - i, &cp);
        st = len ? us_buf_append(out, s + i, (size_t)len, err) : convert(from, s + i, 1, NULL, out, err);
        i += (size_t)(len ? len : 1);
    }
    return st;
}

static char *shown(const char *s, size_t n) { /* a piece of a line, broken bytes as U+FFFD */
    us_buf b;
    us_buf_init(&b, 1 << 12);
    if (n > 400) n = 400;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = us_utf8_decode(s + i, n - i, &cp);
        if (us_buf_append(&b, len ? s + i : "\xef\xbf\xbd", len ? (size_t)len : 3, NULL)) break;
        i += (size_t)(len ? len : 1);
    }
    return us_buf_take(&b, NULL);
}

static us_status note(us_text *t, uint32_t line, const char *s, size_t n, const char *after, size_t n_after, us_error *err) {
    t->n_odd_lines++;
    if (t->n_odd >= US_MAX_ODD_LINES) return US_OK;
    us_status st = us_grow(&t->odd, &t->cap_odd, t->n_odd + 1, sizeof *t->odd, err);
    if (!st) t->odd[t->n_odd++] = (us_odd_line){line, shown(s, n), shown(after, n_after)};
    return st;
}

/* Most lines are UTF-8, some are not: these are converted one by one. */
static us_status mend(const char *s, size_t n, size_t from_offset, const char *name, us_text *t, us_error *err) {
    UErrorCode e = U_ZERO_ERROR;
    UConverter *from = ucnv_open(name, &e);
    us_status st = U_SUCCESS(e) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf b;
    us_buf_init(&b, MAX_TEXT);
    uint32_t line = 1;
    if (!st) st = us_buf_reserve(&b, n, err);
    for (size_t i = 0; i < from_offset; i++) line += s[i] == '\n';
    if (!st) st = us_buf_append(&b, s, from_offset, err);
    for (size_t i = from_offset; i < n && !st; line++) {
        const char *nl = memchr(s + i, '\n', n - i);
        size_t len = nl ? (size_t)(nl - s) + 1 - i : n - i, begin = b.len;
        if (us_utf8_valid(s + i, len, NULL)) st = us_buf_append(&b, s + i, len, err);
        else {
            st = mend_line(from, s + i, len, &b, err);
            size_t body = len - (nl != NULL), body_after = b.len - begin - (nl != NULL);
            if (!st) st = note(t, line, s + i, body, b.data + begin, body_after, err);
        }
        i += len;
    }
    ucnv_close(from);
    size_t len = 0;
    char *own = st ? NULL : us_buf_take(&b, &len);
    us_buf_fini(&b);
    if (!st && !own) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) drop_nuls(t, own, len);
    return st;
}

static us_status copy_without_nuls(const char *s, size_t n, us_text *t, us_error *err) {
    char *own;
    us_status st = us_alloc(n + 1, 1, &own, err);
    if (st) return st;
    memcpy(own, s, n);
    drop_nuls(t, own, n);
    return US_OK;
}

static us_status find(const char *s, size_t n, bool asked, const us_map *map, const char *path, us_text *t, us_error *err) {
    survey v = {0};
    us_buf sample;
    us_buf_init(&sample, MAX_SAMPLE);
    look(s, n, map, &v, &sample);
    us_status st = US_OK;
    bool sure = true;
    call_it(t, "UTF-8");
    if (asked && v.n_bad && !v.n_nuls) {
        t->unchecked = true;
        us_buf_fini(&sample);
        return US_OK;
    }
    if (v.n_controls > 20 && v.n_controls > n / 50)
        st = us_fail(err, US_ERR_FORMAT, "%s: no text: %zu of %zu bytes are control characters (a program's own format?)", path,
                     v.n_controls, n);
    else if (v.escapes && !v.n_bad) {
        call_it(t, "ISO-2022-JP");
        st = from_encoding(s, n, "ISO-2022-JP", map, path, t, err);
    } else if (v.n_bad && v.n_bad >= 20 * v.n_good) { /* another encoding: a line of it is valid UTF-8 by chance, if ever */
        const char *name = us_encoding_guess(sample.data, sample.len, &sure);
        call_it(t, name);
        t->guessed = true;
        st = from_encoding(s, n, name, map, path, t, err);
    } else if (v.n_bad) {
        const char *name = us_encoding_guess(sample.data, sample.len, &sure);
        st = mend(s, n, v.first_bad, name, t, err);
        us_text rest = {0};
        call_it(&rest, name);
        size_t used = strlen(t->encoding);
        snprintf(t->encoding + used, sizeof t->encoding - used, " with lines in %s", rest.encoding);
        t->guessed = true;
    } else if (v.n_nuls) st = copy_without_nuls(s, n, t, err);
    us_buf_fini(&sample);
    return st;
}

us_status us_text_read(const char *s, size_t n, const char *wanted, const us_map *map, const char *path, us_text *t,
                       us_error *err) {
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } marks[] = {{"\xef\xbb\xbf", 3, "UTF-8"},
                 {"\xff\xfe\0\0", 4, "UTF-32LE"},
                 {"\0\0\xfe\xff", 4, "UTF-32BE"},
                 {"\xff\xfe", 2, "UTF-16LE"},
                 {"\xfe\xff", 2, "UTF-16BE"}};
    *t = (us_text){.s = s, .n = n};
    const char *name = wanted;
    size_t skip = 0;
    for (size_t i = 0; i < sizeof marks / sizeof *marks && !skip; i++)
        if (n >= marks[i].n && !memcmp(s, marks[i].bytes, marks[i].n)) {
            skip = marks[i].n;
            bool either = name && (!strcasecmp(name, "UTF-16") || !strcasecmp(name, "UTF-32") || !strcasecmp(name, "UTF16"));
            if (!name || either) name = marks[i].name; /* the mark tells which end comes first */
        }
    if (!name && (name = by_zeros((const unsigned char *)s, n))) t->guessed = true;
    bool utf8 = !name || !strcasecmp(name, "UTF-8") || !strcasecmp(name, "UTF8");
    if (utf8) {
        t->s += skip;
        t->n -= skip;
        us_status st = find(t->s, t->n, wanted != NULL, map, path, t, err);
        if (st) us_text_fini(t);
        return st;
    }
    call_it(t, name);
    us_status st = from_encoding(s + skip, n - skip, name, map, path, t, err);
    if (st) us_text_fini(t);
    return st;
}
