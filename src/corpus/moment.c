/* corpus/moment.c - dates and clocks as programs write them.
 *
 * Owns: what numbers and words say when. Where day and month stand does not matter for what is asked of it: how much later the next
 * one is. It knows neither names nor words that are said. */
#include "corpus/moment.h"
#include <string.h>

/* Marks that are not seen (direction of writing) and no-break blanks. */
size_t us_unseen_at(const char *p, const char *end) {
    if (end - p >= 3 && !memcmp(p, "\xe2\x80", 2) &&
        ((unsigned char)p[2] == 0x8e || (unsigned char)p[2] == 0x8f || (unsigned char)p[2] == 0xaa ||
         (unsigned char)p[2] == 0xac || (unsigned char)p[2] == 0xaf || (unsigned char)p[2] == 0x8b))
        return 3;
    if (end - p >= 3 && !memcmp(p, "\xef\xbb\xbf", 3)) return 3;
    return end - p >= 2 && !memcmp(p, "\xc2\xa0", 2) ? 2 : 0;
}

const char *us_blanks_at(const char *p, const char *end) {
    for (size_t k; p < end;)
        if (*p == ' ' || *p == '\t') p++;
        else if ((k = us_unseen_at(p, end))) p += k;
        else break;
    return p;
}

const char *us_word_at(const char *p, const char *end, const char *w) {
    size_t n = strlen(w);
    return (size_t)(end - p) >= n && !strncasecmp(p, w, n) ? p + n : NULL;
}

/* Bytes of the digit at p, which may be an Arabic or a Persian one. */
size_t us_digit_at(const char *p, const char *end, int *value) {
    if (p < end && *p >= '0' && *p <= '9') return *value = *p - '0', 1;
    if (end - p < 2 || ((unsigned char)*p != 0xd9 && (unsigned char)*p != 0xdb)) return 0;
    *value = (unsigned char)p[1] - ((unsigned char)*p == 0xd9 ? 0xa0 : 0xb0);
    return *value >= 0 && *value <= 9 ? 2 : 0;
}

const char *us_number_at(const char *p, const char *end, int *out, int least, int most) {
    int n = 0, digit;
    size_t len;
    for (*out = 0; n < most && (len = us_digit_at(p, end, &digit)); p += len, n++) *out = *out * 10 + digit;
    return n >= least ? p : NULL;
}

/* Between the numbers of a date: '.', '/', '-', and the words for year, month and day of China, Japan and Korea. */
static const char *date_gap(const char *p, const char *end) {
    static const char *const marks[] = {".", "/", "-", "年", "月", "日", "년", "월", "일", "."};
    p = us_blanks_at(p, end);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        const char *q = us_word_at(p, end, marks[i]);
        if (q) return us_blanks_at(q, end);
    }
    return NULL;
}

/* AM and PM; *pm: 0 none, 1 am, 2 pm. */
static const char *half_of_day(const char *p, const char *end, int *pm) {
    static const struct {
        const char *w;
        int pm;
    } words[] = {{"a.m.", 1}, {"p.m.", 2},   {"a. m.", 1},  {"p. m.", 2},  {"am", 1},   {"pm", 2},   {"上午", 1},
                 {"下午", 2}, {"午前", 1},   {"午後", 2},   {"오전", 1},   {"오후", 2}, {"凌晨", 1}, {"早上", 1},
                 {"中午", 2}, {"晚上", 2},   {"vorm.", 1},  {"nachm.", 2}, {"ص", 1},    {"م", 2},    {"π.μ.", 1},
                 {"μ.μ.", 2}, {"पूर्वाह्न", 1}, {"अपराह्न", 2}, {"ق.ظ", 1},    {"ب.ظ", 2},  {"öö", 1},   {"ÖÖ", 1},
                 {"ös", 2},   {"ÖS", 2},     {"пр.об.", 1}, {"сл.об.", 2}};
    const char *from = us_blanks_at(p, end);
    char plain[40];
    size_t k = 0, at[40];
    for (const char *q = from; q < end && k < 36;) { /* compare without unseen blanks */
        size_t u = us_unseen_at(q, end);
        if (u) {
            plain[k] = ' ', at[k++] = (size_t)(q - from) + u, q += u;
            continue;
        }
        plain[k] = *q++;
        at[k++] = (size_t)(q - from);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i].w);
        if (n <= k && !strncasecmp(plain, words[i].w, n)) return *pm = words[i].pm, from + at[n - 1];
    }
    return p;
}

/* "10:00", "10:00:00", "10.00", "10:00 AM", "오전 10:00". */
const char *us_clock_at(const char *p, const char *end, int *seconds) {
    int h, m, s = 0, pm = 0;
    p = us_blanks_at(half_of_day(p, end, &pm), end);
    const char *q = us_number_at(p, end, &h, 1, 2);
    if (!q || q >= end || (*q != ':' && *q != '.') || !(p = us_number_at(q + 1, end, &m, 2, 2)) || h > 24 || m > 59)
        return NULL;
    if (p < end && (*p == ':' || *p == '.') && (q = us_number_at(p + 1, end, &s, 2, 2))) p = q;
    if (!pm) p = half_of_day(p, end, &pm);
    if (pm) h = h % 12 + (pm == 2 ? 12 : 0);
    *seconds = h * 3600 + m * 60 + s;
    return p;
}

/* "Jan", "Sept.", "January". */
const char *us_month_at(const char *p, const char *end, int *out) {
    static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                         "july",    "august",   "september", "october", "november", "december"};
    for (*out = 1; *out <= 12; ++*out) {
        size_t n = 0;
        while (p + n < end && months[*out - 1][n] && (p[n] | 32) == months[*out - 1][n]) n++;
        if (n >= 3) return p + n + (p + n < end && p[n] == '.');
    }
    return NULL;
}

/* "Fri, " in front of a date. */
static const char *behind_weekday(const char *p, const char *end) {
    static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    for (int i = 0; i < 7; i++) {
        size_t n = 0;
        while (p + n < end && days[i][n] && (p[n] | 32) == days[i][n]) n++;
        if (n >= 3 && p + n < end && strchr(",. ", p[n])) return us_blanks_at(p + n + 1, end);
    }
    return p;
}

/* "Jan 5, 2024". */
static const char *month_first(const char *p, const char *end, int *month, int *day, int *year) {
    const char *q = us_month_at(p, end, month);
    if (!q || q == us_blanks_at(q, end) || !(q = us_number_at(us_blanks_at(q, end), end, day, 1, 2))) return NULL;
    const char *comma = us_word_at(q, end, ",");
    q = us_blanks_at(comma ? comma : q, end);
    return us_number_at(q, end, year, 4, 4);
}

/* "5 Jan 2024", "5-Jan-24". */
static const char *named_month(const char *p, const char *end, int *month, int *year) {
    const char *gap = date_gap(p, end), *q = us_month_at(gap ? gap : us_blanks_at(p, end), end, month);
    if (!q) return NULL;
    const char *after = date_gap(q, end), *comma = us_word_at(q, end, ",");
    return after ? us_number_at(after, end, year, 1, 4) : us_number_at(us_blanks_at(comma ? comma : q, end), end, year, 4, 4);
}

/* A date; where day and month stand does not matter for what is asked: how much later is the next one. */
const char *us_date_at(const char *p, const char *end, int64_t *seconds) {
    int a, b, c;
    const char *from = behind_weekday(p, end), *q = month_first(from, end, &b, &a, &c), *next;
    if (!q && (q = us_number_at(from, end, &a, 1, 4))) {
        next = date_gap(q, end);
        if (!next || !(next = us_number_at(next, end, &b, 1, 2)) || !(next = date_gap(next, end)) ||
            !(next = us_number_at(next, end, &c, 1, 4)))
            next = named_month(q, end, &b, &c);
        q = next;
    }
    if (!q) return NULL;
    const char *gap = date_gap(q, end);
    if (gap) q = gap;           /* "2024. 2. 1. " and "1일" */
    if (q < end && *q == '(') { /* the day of the week */
        const char *close = memchr(q, ')', end - q < 12 ? (size_t)(end - q) : 12);
        if (close) q = close + 1;
    }
    int year = a > 31 ? a : c, day = a > 31 ? c : a;
    if (year < 100) year += 2000;
    *seconds = ((int64_t)year * 372 + b * 31 + day) * 86400; /* the same for the same day, larger for a later one, mostly */
    return q;
}

/* A date and a clock. */
const char *us_moment_at(const char *p, const char *end, int64_t *out) {
    int s;
    int64_t day;
    const char *q = us_date_at(p, end, &day);
    if (!q) return NULL;
    q = us_blanks_at(q, end);
    const char *comma = us_word_at(q, end, "،");
    if (comma) q = comma;
    else if (q < end && (*q == ',' || *q == 'T')) q++; /* 2024-03-12T10:15 */
    q = us_blanks_at(q, end);
    static const char *const words[] = {"à ", "at ", "um ", "às ", "a las ", "alle ", "klo ", "kl. ", "kl ", "в ", "о "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *after = us_word_at(q, end, words[i]);
        if (after) {
            q = us_blanks_at(after, end);
            break;
        }
    }
    if (!(q = us_clock_at(q, end, &s))) return NULL;
    *out = day + s;
    return q;
}

/* "Today at 10:15 AM", "12.03.2024, 10:15", "1:02:15": up to the end of the line. */
bool us_is_when(const char *p, const char *end, int64_t *out) {
    static const char *const days[] = {
        "today at ",      "yesterday at ", "heute um ",   "gestern um ", "aujourd\xe2\x80\x99hui \xc3\xa0 ",
        "hier \xc3\xa0 ", "hoy a las ",    "ayer a las ", "сегодня, в ", "сегодня в ",
        "вчера, в ",      "вчера в ",      "Сегодня, в ", "Сегодня в ",  "Вчера, в ",
        "Вчера в "};
    int s;
    const char *q = us_moment_at(p, end, out);
    for (size_t i = 0; i < sizeof days / sizeof *days && !q; i++)
        if ((q = us_word_at(p, end, days[i])) && (q = us_clock_at(q, end, &s))) *out = s;
    if (!q && (q = us_clock_at(p, end, &s))) *out = s;
    const char *dash = q ? us_blanks_at(q, end) : NULL; /* 00:03 - 00:10 */
    if (dash && dash < end && *dash == '-' && us_clock_at(dash + 1, end, &s)) q = us_clock_at(dash + 1, end, &s);
    if (q && q < end && *q == ')') q++;
    return q && us_blanks_at(q, end) == end;
}

bool us_is_clocks(us_span_str line) {
    us_span_str t = us_trim(line);
    const char *end = t.s + t.n, *p = t.s;
    size_t clocks = 0, open = t.n > 2 && strchr("[(", *t.s);
    p += open;
    if (open && !strchr("])", end[-1])) return false;
    end -= open;
    for (; p < end && clocks < 2; clocks++) { /* 00:03, 0:00:03.5, and 00:00:03:12 with frames */
        size_t colons = 0;
        if (*p < '0' || *p > '9') return false;
        for (; p < end && strchr("0123456789:.,;", *p); p++) colons += *p == ':';
        if (!colons || colons > 3 || p[-1] == ':') return false;
        p = us_blanks_at(p, end);
        while (p < end && strchr("->", *p)) p++;
        const char *dash = us_word_at(p, end, "\xe2\x80\x93");
        p = us_blanks_at(dash ? dash : p, end);
    }
    return p == end && clocks && t.n < 40;
}
