/* corpus/read_subtitles.c - SRT, WebVTT and ASS/SSA. Speakers: "ANN: Hi", "- ANN: Hi", <v Ann>, the Name field of ASS.
 *
 * Styling goes; signs, lyrics and what is sung are actions. Words without a name are nobody's, unless they go on with a
 * sentence that was not finished. */
#include "corpus/label.h"
#include <stdio.h>
#include <string.h>

/* "00:00:01,000 --> 00:00:02,000", with '.', without hours. */
static bool is_timing(us_span_str l) {
    const char *arrow = memmem(l.s, l.n, "-->", 3);
    us_span_str t = us_trim((us_span_str){l.s, arrow ? (size_t)(arrow - l.s) : 0});
    if (!arrow || t.n < 5 || t.n > 16) return false;
    for (size_t i = 0; i < t.n; i++)
        if (!strchr("0123456789:,.", t.s[i])) return false;
    return t.s[0] >= '0' && t.s[0] <= '9';
}

void us_look_subtitles(const us_script_options *o, const us_doc *d, us_view *view) {
    us_lines l = us_lines_of(d->s, us_doc_sample(d));
    size_t timings = 0, dialogues = 0, lines = 0;
    bool vtt = d->n > 6 && !memcmp(d->s, "WEBVTT", 6), events = false;
    (void)o;
    if (d->workbook) return;
    while (us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        lines += t.n > 0;
        timings += is_timing(t);
        events = events || (t.n >= 8 && !strncasecmp(t.s, "[Events]", 8));
        dialogues += t.n > 9 && !strncasecmp(t.s, "Dialogue:", 9);
    }
    if (timings * 8 >= lines && timings)
        view->fit = 0.98, snprintf(view->about, sizeof view->about, "%s", vtt ? "WebVTT subtitles" : "SRT subtitles");
    if (events && dialogues) view->fit = 0.98, snprintf(view->about, sizeof view->about, "ASS subtitles");
}

/* ---- one line of a subtitle ---------------------------------------------------------------------------------------- */

/* Without <i>, {\an8} and the like; *voice: the name of a <v Name>. */
static us_status unstyle(us_span_str t, us_buf *out, us_span_str *voice, us_error *err) {
    us_status st = US_OK;
    bool drawing = false;
    for (size_t i = 0; i < t.n && !st; i++) {
        char open = t.s[i];
        const char *end = open == '<'                                        ? memchr(t.s + i, '>', t.n - i)
                          : open == '{' && i + 1 < t.n && t.s[i + 1] == '\\' ? memchr(t.s + i, '}', t.n - i)
                                                                             : NULL;
        char after = i + 1 < t.n ? t.s[i + 1] : ' ';
        bool tag = end && (open == '{' || after == '/' || (after >= 'a' && after <= 'z') || (after >= 'A' && after <= 'Z') ||
                           (after >= '0' && after <= '9'));
        if (tag) {
            us_span_str in = {t.s + i + 1, (size_t)(end - t.s) - i - 1};
            const char *name =
                in.n > 2 && (in.s[0] | 32) == 'v' && (in.s[1] == ' ' || in.s[1] == '.') ? memchr(in.s, ' ', in.n) : NULL;
            if (name) *voice = us_trim((us_span_str){name, (size_t)(in.s + in.n - name)});
            const char *p = open == '{' ? memmem(in.s, in.n, "\\p", 2) : NULL; /* {\p1}: what follows is drawn */
            if (p && p + 2 < in.s + in.n && p[2] >= '0' && p[2] <= '9') drawing = p[2] > '0';
            i = (size_t)(end - t.s);
        } else if (open == '\\' && i + 1 < t.n && strchr("Nnh", t.s[i + 1]))
            st = drawing ? US_OK : us_buf_append_str(out, t.s[++i] == 'h' ? " " : "\n", err);
        else if (!drawing && t.n - i >= 4 && !memcmp(t.s + i, "&gt;", 4)) st = us_buf_append_str(out, ">", err), i += 3;
        else if (!drawing && t.n - i >= 4 && !memcmp(t.s + i, "&lt;", 4)) st = us_buf_append_str(out, "<", err), i += 3;
        else if (!drawing && t.n - i >= 5 && !memcmp(t.s + i, "&amp;", 5)) st = us_buf_append_str(out, "&", err), i += 4;
        else if (!drawing && t.n - i >= 6 && !memcmp(t.s + i, "&nbsp;", 6)) st = us_buf_append_str(out, " ", err), i += 5;
        else if (!drawing) st = us_buf_append(out, t.s + i, 1, err);
    }
    return st;
}

typedef struct screen {
    us_rows *r;
    us_buf plain, text, speaker;
    uint32_t line;
    bool open; /* words wait in text: their sentence may go on */
} screen;

static us_status flush(screen *c) {
    if (c->open)
        us_rows_say(c->r, c->line, (us_span_str){c->speaker.data ? c->speaker.data : "", c->speaker.len},
                    (us_span_str){c->text.data, c->text.len});
    c->open = false;
    return c->r->status;
}

static bool is_unfinished(const us_buf *b) {
    size_t n = b->len;
    while (n && strchr(" \n\"')", b->data[n - 1])) n--;
    return n && !strchr(".?!:;]", b->data[n - 1]) &&
           !(n >= 3 && (!memcmp(b->data + n - 3, "\xe3\x80\x82", 3) || !memcmp(b->data + n - 3, "\xef\xbc\x9f", 3) ||
                        !memcmp(b->data + n - 3, "\xef\xbc\x81", 3) || !memcmp(b->data + n - 3, "\xe2\x99\xaa", 3)));
}

/* Words of one speaker; nobody's words go on with those before when these were no whole sentence. */
static us_status put(screen *c, uint32_t line, us_span_str name, us_span_str direction, us_span_str words) {
    us_status st = US_OK;
    us_error *err = c->r->err;
    bool small = words.n && words.s[0] >= 'a' && words.s[0] <= 'z';
    if (!name.n && c->open && small && is_unfinished(&c->text)) {
        st = us_buf_append_str(&c->text, " ", err);
        return st ? st : us_buf_append(&c->text, words.s, words.n, err);
    }
    if ((st = flush(c))) return st;
    us_buf_clear(&c->speaker);
    us_buf_clear(&c->text);
    c->line = line;
    st = us_buf_append(&c->speaker, name.s ? name.s : "", name.n, err);
    if (!st && direction.n) st = us_buf_append(&c->text, direction.s, direction.n, err);
    if (!st && direction.n) st = us_buf_append_str(&c->text, " ", err);
    if (!st) st = us_buf_append(&c->text, words.s, words.n, err);
    c->open = true;
    return st;
}

static us_span_str without_dash(us_span_str t, bool *dash) {
    t = us_trim(t);
    *dash = t.n > 1 && (t.s[0] == '-' || !memcmp(t.s, "\xe2\x80\x93", t.n < 3 ? t.n : 3) ||
                        !memcmp(t.s, "\xe2\x80\x94", t.n < 3 ? t.n : 3));
    if (*dash) t.s += t.s[0] == '-' ? 1 : 3, t.n -= t.s[-1] == '-' ? 1 : 3;
    while (t.n > 2 && !memcmp(t.s, ">>", 2)) t = us_trim((us_span_str){t.s + 2, t.n - 2}), *dash = true; /* American captions */
    return us_trim(t);
}

/* "[ANN] Hi", "(ANN): Hi": captions put names in brackets too; only capitals are names then. */
static bool bracketed_name(us_span_str t, us_span_str *name, us_span_str *words) {
    if (t.n < 4 || (t.s[0] != '[' && t.s[0] != '(')) return false;
    const char *end = memchr(t.s, t.s[0] == '[' ? ']' : ')', t.n < 40 ? t.n : 40);
    if (!end) return false;
    us_span_str in = {t.s + 1, (size_t)(end - t.s) - 1}, rest = us_trim((us_span_str){end + 1, (size_t)(t.s + t.n - end) - 1});
    if (!rest.n || *rest.s != ':') return false;
    *name = in;
    *words = us_trim((us_span_str){rest.s + 1, rest.n - 1});
    return in.n && words->n;
}

/* All the words that stand on the screen at one time, in lines: who says what. `named`: by a field of the file. */
static us_status show(screen *c, uint32_t line, us_span_str named) {
    us_lines l = us_lines_of(c->plain.data ? c->plain.data : "", c->plain.len);
    us_status st = US_OK;
    us_span_str joined_name = named, none = {0};
    bool any = false;
    us_buf words;
    us_buf_init(&words, c->text.max);
    us_span_str direction = none;
    while (!st && us_lines_next(&l)) {
        bool dash;
        us_span_str name, dir = none, said, t = without_dash(l.text, &dash);
        if (!t.n) continue;
        bool label = us_label_split(t, &name, &dir, &said) && (said.n || us_is_capitals(name)),
             bracket = !label && bracketed_name(t, &name, &said);
        if (us_is_song(t)) {
            us_rows_action(c->r, line);
            st = c->r->status;
            continue;
        }
        if ((label || bracket || dash) && any) { /* another speaks on the same screen */
            st = put(c, line, joined_name, direction, (us_span_str){words.data ? words.data : "", words.len});
            us_buf_clear(&words);
            joined_name = named;
            direction = none;
        }
        if (label || bracket) joined_name = name, direction = dir, t = said;
        if (!st && words.len) st = us_buf_append_str(&words, " ", c->r->err);
        if (!st) st = us_buf_append(&words, t.s, t.n, c->r->err);
        any = true;
    }
    if (!st && any) st = put(c, line, joined_name, direction, (us_span_str){words.data ? words.data : "", words.len});
    us_buf_fini(&words);
    us_buf_clear(&c->plain);
    return st;
}

/* ---- SRT and VTT ---------------------------------------------------------------------------------------------------- */

static us_status read_cues(screen *c, us_doc *d) {
    us_lines l = us_lines_of(d->s, d->n);
    us_status st = US_OK;
    us_span_str voice = {0}, none = {0};
    uint32_t line = 0;
    bool inside = false;
    while (!st && us_lines_next(&l)) {
        us_span_str t = us_trim(l.text);
        us_doc_done(d, l.at);
        if (is_timing(t)) {
            if (c->plain.len) st = show(c, line, voice);
            inside = true;
            line = l.line;
            voice = none;
        } else if (!t.n) {
            if (inside && c->plain.len) st = show(c, line, voice), voice = none;
            inside = false;
        } else if (inside) {
            us_span_str before = voice;
            const char *next = memmem(t.s, t.n, "<v", 2); /* two voices may share a screen */
            if (before.n && next && c->plain.len) st = show(c, line, before), voice = none;
            if (!st && c->plain.len) st = us_buf_append_str(&c->plain, "\n", c->r->err);
            if (!st) st = unstyle(t, &c->plain, &voice, c->r->err);
        }
    }
    return !st && c->plain.len ? show(c, line, voice) : st;
}

/* ---- ASS -------------------------------------------------------------------------------------------------------------- */

static bool is_no_voice(us_span_str s) { /* a style or a name of signs and songs */
    static const char *const words[] = {"sign",   "op",      "ed",      "song", "lyric",    "karaoke",       "kara",
                                        "title",  "credit",  "staff",   "note", "insert",   "opening",       "ending",
                                        "romaji", "caption", "typeset", "ts",   "eyecatch", "preview title", "top-note"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        char next = s.n > n ? s.s[n] : ' ';
        bool whole =
            !((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z')) ||
            ((next == 's' || next == 'S') && (s.n == n + 1 || !((s.s[n + 1] | 32) >= 'a' && (s.s[n + 1] | 32) <= 'z')));
        if (s.n >= n && !strncasecmp(s.s, words[i], n) && whole) return true;
    }
    return false;
}

static us_status read_events(screen *c, us_doc *d) {
    us_lines l = us_lines_of(d->s, d->n);
    us_status st = US_OK;
    int n_fields = 10, name_at = 4, text_at = 9, style_at = 3;
    while (!st && us_lines_next(&l)) {
        us_span_str t = us_trim(l.text), name = {0}, style = {0};
        us_doc_done(d, l.at);
        const char *p = memchr(t.s, ':', t.n), *end = t.s + t.n;
        bool format = t.n > 7 && !strncasecmp(t.s, "Format:", 7), comment = t.n > 8 && !strncasecmp(t.s, "Comment:", 8);
        if (!p || (!format && !comment && (t.n < 9 || strncasecmp(t.s, "Dialogue:", 9)))) continue;
        if (comment) {
            if (!(st = flush(c))) us_rows_action(c->r, l.line), st = c->r->status;
            continue;
        }
        p++;
        int i = 0, text_field = -1, name_field = -1, style_field = -1;
        for (; p <= end; i++) {
            const char *comma = !format && i == text_at ? NULL : memchr(p, ',', (size_t)(end - p));
            us_span_str f = us_trim((us_span_str){p, (size_t)((comma ? comma : end) - p)});
            if (format && f.n == 4 && !strncasecmp(f.s, "Text", 4)) text_field = i;
            if (format && ((f.n == 4 && !strncasecmp(f.s, "Name", 4)) || (f.n == 5 && !strncasecmp(f.s, "Actor", 5))))
                name_field = i;
            if (format && f.n == 5 && !strncasecmp(f.s, "Style", 5)) style_field = i;
            if (!format && i == name_at) name = f;
            if (!format && i == style_at) style = f;
            if (!format && i == text_at) st = unstyle(f, &c->plain, &name, c->r->err);
            p = comma ? comma + 1 : end + 1;
        }
        if (format && text_field >= 0) text_at = text_field, name_at = name_field, style_at = style_field, n_fields = i;
        if (format) continue;
        if (i < n_fields) us_rows_reject(c->r, l.line, "fewer fields than the line Format says");
        else if (is_no_voice(style) || is_no_voice(name) ||
                 !us_trim((us_span_str){c->plain.data ? c->plain.data : "", c->plain.len}).n) {
            us_buf_clear(&c->plain);
            if (!st) st = flush(c);
            if (!st) us_rows_action(c->r, l.line);
        } else if (!st) {
            for (size_t k = 0; k < c->plain.len && name.n; k++) /* the field names one speaker: a screen is one line */
                if (c->plain.data[k] == '\n' && !(k + 1 < c->plain.len && c->plain.data[k + 1] == '-')) c->plain.data[k] = ' ';
            st = show(c, l.line, name);
        }
        if (!st) st = c->r->status;
    }
    return st;
}

us_status us_read_subtitles(us_rows *r, us_doc *d) {
    screen c = {.r = r};
    us_view v = {0};
    size_t max = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20;
    us_buf_init(&c.plain, max);
    us_buf_init(&c.text, max);
    us_buf_init(&c.speaker, max);
    us_look_subtitles(r->options, d, &v);
    us_status st = !strncmp(v.about, "ASS", 3) ? read_events(&c, d) : read_cues(&c, d);
    if (!st) st = flush(&c);
    us_buf_fini(&c.plain);
    us_buf_fini(&c.text);
    us_buf_fini(&c.speaker);
    return st;
}
