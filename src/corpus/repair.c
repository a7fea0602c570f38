/* The doctor's rules for one cell. All of them leave clean ASCII alone after one look. */
#include "base/utf8.h"
#include "corpus/script.h"
#include <stdlib.h>
#include <string.h>

/* Code points of Windows-1252's bytes 0x80..0x9f; the five undefined ones stand for themselves. */
static const uint16_t cp1252[32] = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                                    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

static int byte_of(uint32_t cp) {
    if (cp < 0x80 || (cp >= 0xa0 && cp < 0x100)) return (int)cp;
    for (int i = 0; i < 32; i++)
        if (cp1252[i] == cp) return 0x80 + i;
    return -1;
}

static bool is_ascii(const char *s, size_t n) {
    unsigned char any = 0;
    for (size_t i = 0; i < n; i++) any |= (unsigned char)s[i];
    return any < 0x80;
}

/* Turns every character back into its byte; it was mojibake only if the bytes are UTF-8 again. */
static bool turn_back(const char *s, size_t n, us_buf *out) {
    us_buf_clear(out);
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        int len = us_utf8_decode(s + i, n - i, &cp), b = len ? byte_of(cp) : -1;
        char c = (char)b;
        if (b < 0 || us_buf_append(out, &c, 1, NULL)) return false;
        i += (size_t)len;
    }
    return out->len < n && us_utf8_valid(out->data, out->len, NULL);
}

bool us_repair_mojibake(const char *s, size_t n, us_buf *out) {
    if (is_ascii(s, n) || !turn_back(s, n, out)) return false;
    us_buf twice;
    us_buf_init(&twice, out->max);
    if (!is_ascii(out->data, out->len) && turn_back(out->data, out->len, &twice)) {
        us_buf swap = *out;
        *out = twice;
        twice = swap;
    }
    us_buf_fini(&twice);
    return true;
}

/* Bytes of a blank or control character at s: ASCII, U+00A0, U+2000..U+200F, U+202F, U+205F, U+FEFF, U+2028/9. */
static size_t blank_at(const char *s, size_t n) {
    unsigned char c = (unsigned char)s[0];
    if (c <= 0x20 || c == 0x7f) return 1;
    if (c < 0xc2) return 0;
    uint32_t cp = 0;
    int len = us_utf8_decode(s, n, &cp);
    bool blank = cp == 0xa0 || (cp >= 0x80 && cp < 0xa0) || (cp >= 0x2000 && cp <= 0x200f) || cp == 0x202f || cp == 0x205f ||
                 cp == 0x2028 || cp == 0x2029 || cp == 0xfeff || cp == 0x3000;
    return len && blank ? (size_t)len : 0;
}

/* Nothing to look at twice: no control character, no two blanks, nothing past ASCII. Without branches, for the vector units. */
static bool is_plain(const char *s, size_t n) {
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) bad |= ((unsigned char)s[i] < 0x20) | ((unsigned char)s[i] > 0x7e);
    for (size_t i = 1; i < n; i++) bad |= (s[i] == ' ') & (s[i - 1] == ' ');
    return !bad && (!n || (s[0] != ' ' && s[n - 1] != ' '));
}

bool us_repair_blanks(const char *s, size_t n, us_buf *out) {
    if (is_plain(s, n)) return false;
    bool stray = n && (blank_at(s, n) || blank_at(s + n - 1, 1));
    for (size_t i = 0; i < n && !stray; i++) {
        unsigned char c = (unsigned char)s[i];
        stray = (c < 0x20 || c == 0x7f) || (c == ' ' && i + 1 < n && s[i + 1] == ' ') || (c >= 0xc2 && blank_at(s + i, n - i));
    }
    if (!stray) return false;
    us_buf_clear(out);
    bool pending = false;
    for (size_t i = 0, len; i < n; i += len) {
        if ((len = blank_at(s + i, n - i))) {
            pending = out->len > 0;
            continue;
        }
        uint32_t cp;
        len = (size_t)us_utf8_decode(s + i, n - i, &cp);
        if (!len) len = 1;
        if ((pending && us_buf_append(out, " ", 1, NULL)) || us_buf_append(out, s + i, len, NULL)) return false;
        pending = false;
    }
    return true;
}

bool us_is_credit(const char *speaker, const char *text) {
    static const char *const heads[] = {"written by",     "directed by",   "teleplay by",    "story by",
                                        "transcribed by", "created by",    "produced by",    "subtitles by",
                                        "captions by",    "captioned by",  "synced by",      "sync by",
                                        "corrected by",   "translated by", "untertitel von", "sous-titres par"};
    for (int k = 0; k < 2; k++) {
        const char *s = k ? text : speaker;
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
            size_t n = strlen(heads[i]);
            if ((s[0] | 32) == heads[i][0] && !strncasecmp(s, heads[i], n) &&
                (!s[n] || s[n] == ':' || (s[n] == ' ' && (!k || !*speaker))))
                return true;
        }
    }
    return false;
}

bool us_is_shouted(const char *name) {
    int letters = 0;
    for (const char *c = name; *c; c++) {
        if (*c >= 'a' && *c <= 'z') return false;
        letters += *c >= 'A' && *c <= 'Z';
    }
    return letters > 1;
}

static bool has_word(const char *s, const char *word) {
    size_t n = strlen(word);
    for (const char *p = s; *p; p++)
        if (p > s && p[-1] == ' ' && !strncasecmp(p, word, n) && p[n] == ' ') return true;
    return false;
}

bool us_is_joint(const char *name) {
    if (strpbrk(name, "/&;") || strstr(name, ", ") || strstr(name, " + ")) return true;
    return has_word(name, "and") && strncasecmp(name, "lost and found", 14) != 0;
}

bool us_is_nothing(const char *s, size_t n) {
    static const char *const words[] = {"NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "\\N", "<NA>"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (n == strlen(words[i]) && !memcmp(s, words[i], n)) return true;
    return false;
}

/* One word between brackets, letters and digits only, is in a list: "CONT'D" is in "|CONTD|". */
static bool is_in(const char *list, const char *s, size_t n) {
    char word[48] = "|";
    size_t k = 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (n - i >= 3 && (!memcmp(s + i, "\xe2\x80\x99", 3) || !memcmp(s + i, "\xe2\x80\x98", 3)))
            i += 2; /* curly apostrophes */
        else if ((c >= 'A' && c <= 'Z') || c >= 0x80) word[k++] = (char)c;
        else if (c >= 'a' && c <= 'z') word[k++] = (char)(c - 32);
        else if (!strchr(" .'`-", c)) return false;
        if (k > sizeof word - 3) return false;
    }
    word[k++] = '|';
    word[k] = 0;
    return k > 2 && strstr(list, word);
}

#define GOES_ON "|CONTD|CONT|CONTINUED|CONTINUING|SUITE|FORTSETZUNG|FORTS|SEGUE|CONTINÚA|CONTINUA|ПРОД|ПРОДОЛЖАЕТ|ПРОДОЛЖЕНИЕ|"

bool us_is_going_on(const char *s, size_t n) { return is_in(GOES_ON, s, n); }

/* A cue of the camera's, not a role. */
static bool is_cue(const char *s, size_t n) {
    return is_in(
               "|VO|OS|OC|OFF|MORE|OFFSCREEN|ONSCREEN|OFFCAMERA|OFFSTAGE|PRELAP|FILTERED|"
               "INTOPHONE|ONPHONE|OVERPHONE|ONTV|ONRADIO|ONSCREEN|VOICEOVER|SUBTITLED|INTERCOM|OVERRADIO|OVERINTERCOM|VOIXOFF|"
               "HORSCHAMP|ЗК|ЗАКАДРОМ|ГЗК|ВПЗ|",
               s, n) ||
           us_is_going_on(s, n);
}

size_t us_name_without_cues(const char *s, size_t n) {
    if (n > 1 && s[n - 1] == ':') n--;
    for (;;) {
        size_t end = n, open;
        while (end && s[end - 1] == ' ') end--;
        if (end < 4 || !strchr(")]", s[end - 1])) return n;
        for (open = end - 1; open && s[open] != (s[end - 1] == ')' ? '(' : '['); open--) {}
        if (!open) return n;
        for (size_t b = open + 1, e; b < end; b = e + 1) { /* "(V.O., CONT'D)", "(O.S./CONT'D)" */
            for (e = b; e < end - 1 && !strchr(",/&;", s[e]);) e++;
            if (!is_cue(s + b, e - b)) return n;
        }
        n = open;
        while (n && s[n - 1] == ' ') n--;
    }
}
