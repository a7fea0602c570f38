/* text/segment.c - owns the one break iterator, which is opened at the first run that needs it and kept. */
#include "text/segment.h"
#include "base/utf8.h"
#include <pthread.h>
#include <string.h>
#include <unicode/ubrk.h>
#include <unicode/utext.h>

#define MOST 300 /* bytes that are looked at: a run may be a whole file */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static UBreakIterator *breaks;

bool us_is_unspaced(uint32_t cp) {
    return cp >= 0x0e00 && ((cp < 0x0f00) ||                  /* Thai, Lao */
                            (cp >= 0x1000 && cp < 0x10a0) ||  /* Burmese */
                            (cp >= 0x1780 && cp < 0x1800) ||  /* Khmer */
                            (cp >= 0x3040 && cp < 0x3100) ||  /* kana */
                            (cp >= 0x3400 && cp < 0xa000) ||  /* Han */
                            (cp >= 0xf900 && cp < 0xfb00) ||  /* its compatibility forms */
                            (cp >= 0x20000 && cp < 0x40000)); /* its rare ones */
}

size_t us_first_word(const char *s, size_t n) {
    UErrorCode status = U_ZERO_ERROR;
    UText text = UTEXT_INITIALIZER;
    size_t look = n, end = n;
    if (look > MOST)
        for (look = MOST; look && ((unsigned char)s[look] & 0xc0) == 0x80;) look--;
    pthread_mutex_lock(&lock);
    if (!breaks) breaks = ubrk_open(UBRK_WORD, "", NULL, 0, &status);
    if (U_SUCCESS(status)) {
        utext_openUTF8(&text, s, (int64_t)look, &status);
        ubrk_setUText(breaks, &text, &status);
        if (U_SUCCESS(status)) {
            ubrk_first(breaks);
            int32_t at = ubrk_next(breaks);
            if (at > 0 && (size_t)at <= look) end = (size_t)at;
        }
        utext_close(&text);
    }
    pthread_mutex_unlock(&lock);
    return end;
}

static uint32_t count_unspaced(const char *s, size_t n, uint32_t n_spaced) {
    for (size_t i = 0, begin = 0; i <= n;) {
        uint32_t cp = 0;
        int len = i < n ? us_utf8_decode(s + i, n - i, &cp) : 0;
        if (len && us_is_unspaced(cp)) {
            i += (size_t)len;
            continue;
        }
        for (bool first = true; begin < i; first = false) {
            begin += us_first_word(s + begin, i - begin);
            n_spaced += !first;
        }
        i += (size_t)(len ? len : 1);
        begin = i;
    }
    return n_spaced;
}

uint32_t us_count_words(const char *s) {
    size_t len = strlen(s);
    uint32_t n = len && s[0] != ' ';
    bool high = len && (unsigned char)s[0] >= 0xe0;
    for (size_t i = 1; i < len; i++) {
        n += (s[i] != ' ') & (s[i - 1] == ' ');
        high |= (unsigned char)s[i] >= 0xe0;
    }
    return high ? count_unspaced(s, len, n) : n;
}
