/* corpus/switchboard.c - the marks of Switchboard's transcripts out of what was said: fillers "{F uh, }", repairs "[ I, + I ]" (what was
 * taken back goes), ends of sentences "/" and "-/", overlaps "#", words that are not certain "((so))", "<laughter>" (a direction). */
#include "corpus/shape.h"
#include <string.h>

enum { MAX_OPEN = 16 };

bool us_is_switchboard(const us_doc *d) {
    size_t n = us_doc_sample(d), marks = 0;
    if (d->workbook) return false;
    for (const char *p = d->s, *end = d->s + n; (p = memchr(p, '{', (size_t)(end - p))); p++)
        marks += end - p > 3 && strchr("FDCEA", p[1]) && p[2] == ' ';
    return marks > 2 && memmem(d->s, n, " /", 2) != NULL;
}

us_span_str us_switchboard_name(us_span_str name) { /* "A.12 utt1", "@B.3" */
    us_span_str t = us_trim(name);
    if (t.n > 2 && *t.s == '@') t.s++, t.n--;
    bool numbered = t.n > 2 && t.s[1] == '.' && t.s[2] >= '0' && t.s[2] <= '9';
    return numbered ? (us_span_str){t.s, 1} : name;
}

static bool is(us_span_str w, const char *mark) { return w.n == strlen(mark) && !memcmp(w.s, mark, w.n); }

bool us_repair_switchboard(us_span_str text, us_buf *out) {
    size_t opened[MAX_OPEN], depth = 0;
    const char *p = text.s, *end = text.s + text.n;
    us_buf_clear(out);
    while (p < end) {
        while (p < end && strchr(" \t\r\n", *p)) p++;
        us_span_str w = {p, 0};
        while (p < end && !strchr(" \t\r\n", *p)) p++;
        w.n = (size_t)(p - w.s);
        bool filler = w.n == 2 && *w.s == '{' && w.s[1] >= 'A' && w.s[1] <= 'Z';
        if (!w.n || filler || is(w, "}") || is(w, "/") || is(w, "-/") || is(w, "#")) continue;
        if (is(w, "[")) {
            if (depth < MAX_OPEN) opened[depth++] = out->len;
            continue;
        }
        if (is(w, "+")) { /* what was said since the bracket is said anew */
            if (depth) out->len = opened[depth - 1];
            continue;
        }
        if (is(w, "]")) {
            depth -= depth > 0;
            continue;
        }
        while (w.n > 2 && !memcmp(w.s, "((", 2)) w.s += 2, w.n -= 2;
        while (w.n > 2 && !memcmp(w.s + w.n - 2, "))", 2)) w.n -= 2;
        bool sound = w.n > 2 && *w.s == '<' && w.s[w.n - 1] == '>';
        while (sound && w.n > 2 && *w.s == '<') w.s++, w.n--;
        while (sound && w.n > 1 && w.s[w.n - 1] == '>') w.n--;
        if ((out->len && us_buf_append_str(out, " ", NULL)) || (sound && us_buf_append_str(out, "(", NULL)) ||
            us_buf_append(out, w.s, w.n, NULL) || (sound && us_buf_append_str(out, ")", NULL)))
            return false;
    }
    if (out->data) out->data[out->len] = 0;
    return out->len != text.n || (out->len && memcmp(out->data, text.s, text.n));
}
