/* corpus/read_wiki.c - transcripts as a wiki's source ('''Ann:''' ''(softly)'' [[Bob Duck|Bob]]!): without the marks, read as
 * whatever shape that has.
 *
 * Owns: marks of MediaWiki out. Lines keep their numbers, so that places are those of the file. */
#include "corpus/shape.h"
#include <stdio.h>
#include <string.h>

static bool at(const char *p, const char *end, const char *mark) {
    size_t n = strlen(mark);
    return (size_t)(end - p) >= n && !memcmp(p, mark, n);
}

#define MAX_MARK 16384 /* bytes of one template or remark */

/* Behind "]]" or "}}" that belongs to the mark at p; NULL when it is not closed, or more than 16 deep. */
static const char *behind(const char *p, const char *end, const char *open, const char *close) {
    int depth = 0;
    for (; p < end; p++)
        if (at(p, end, open) && ++depth > 16) return NULL;
        else if (at(p, end, open)) p++;
        else if (at(p, end, close) && !--depth) return p + 2;
        else if (at(p, end, close)) p++;
    return NULL;
}

/* Behind a link, which ends on its line. */
static const char *behind_link(const char *p, const char *end) {
    if (!at(p, end, "[[")) return NULL;
    if (end - p > 1000) end = p + 1000;
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    return behind(p, stop ? stop : end, "[[", "]]");
}

/* Behind a mark whose contents say nothing: a template, a remark, a reference; NULL: none, or not closed. */
static const char *behind_silent(const char *p, const char *end) {
    const char *close = NULL, *tag;
    if ((size_t)(end - p) > MAX_MARK) end = p + MAX_MARK;
    if (at(p, end, "{{")) return behind(p, end, "{{", "}}");
    if (at(p, end, "<!--")) close = memmem(p, (size_t)(end - p), "-->", 3);
    if (close) return close + 3;
    if (!at(p, end, "<ref") || !(tag = memchr(p, '>', (size_t)(end - p)))) return NULL;
    if (tag[-1] == '/') return tag + 1;
    close = memmem(tag, (size_t)(end - tag), "</ref>", 6);
    return close ? close + 6 : tag + 1;
}

/* Line breaks of what is left out stay. */
static us_status breaks(const char *p, const char *end, us_buf *out, us_error *err) {
    us_status st = US_OK;
    for (; p < end && !st; p++)
        if (*p == '\n') st = us_buf_append_str(out, "\n", err);
    return st;
}

/* "[[Bob Duck|Bob]]" is Bob; pictures and categories are nothing. */
static us_status put_link(const char *p, const char *end, us_buf *out, us_error *err) {
    static const char *const kinds[] = {
        "Category:", "File:", "Image:", "Datei:", "Kategorie:", "Fichier:", "Файл:", "Категория:"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if ((size_t)(end - p) > strlen(kinds[i]) && !strncasecmp(p, kinds[i], strlen(kinds[i])))
            return breaks(p, end, out, err);
    const char *bar = memrchr(p, '|', (size_t)(end - p));
    if (bar) p = bar + 1;
    return us_buf_append(out, p, (size_t)(end - p), err);
}

/* A line that is all in italics tells what is done. */
static bool is_told(const char *p, const char *end) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    while (stop > p && strchr(" \r", stop[-1])) stop--;
    return stop - p > 5 && at(p, stop, "''") && p[2] != '\'' && !strchr("[(", p[2]) && at(stop - 2, stop, "''") &&
           memmem(p + 2, (size_t)(stop - p) - 2, "''", 2) == stop - 2;
}

static us_status text_of(const char *s, size_t n, us_buf *out, us_error *err) {
    const char *p = s, *end = s + n, *q, *unclosed = s; /* no mark that begins in front of `unclosed` is closed */
    us_status st = us_buf_reserve(out, n + 2, err);
    const char *told = NULL; /* the line in italics that we are in */
    while (p < end && !st) {
        bool start = p == s || p[-1] == '\n';
        if (start) {
            while (p < end && (*p == ':' || *p == ';' || (*p == '*' && end - p > 1 && p[1] != '*'))) p++;
            while (p < end && *p == ' ') p++;
            if (p < end && is_told(p, end)) st = us_buf_append_str(out, "(", err), told = p;
        }
        if (p >= end || st) break;
        if (*p == '\n' && told) st = us_buf_append_str(out, ")", err), told = NULL;
        if (at(p, end, "''")) {
            while (p < end && *p == '\'') p++;
        } else if ((q = behind_link(p, end))) {
            st = put_link(p + 2, q - 2, out, err);
            p = q;
        } else if ((*p == '{' || *p == '<') && p >= unclosed) {
            if ((q = behind_silent(p, end))) {
                st = breaks(p, q, out, err);
                p = q;
            } else if (at(p, end, "{{") || at(p, end, "<!--") || at(p, end, "<ref")) unclosed = p + MAX_MARK;
            else st = us_buf_append(out, p++, 1, err);
        } else st = us_buf_append(out, p++, 1, err);
    }
    return !st && told ? us_buf_append_str(out, ")", err) : st;
}

void us_look_wiki(const us_script_options *o, const us_doc *d, us_view *view) {
    size_t lines = 0, marked = 0, n = us_doc_sample(d);
    if (d->workbook || d->inside) return;
    for (us_lines l = us_lines_of(d->s, n); us_lines_next(&l);) {
        us_span_str t = us_trim(l.text);
        lines += t.n > 0;
        marked += t.n > 0 && (memmem(t.s, t.n, "'''", 3) || memmem(t.s, t.n, "[[", 2));
    }
    if (marked < 3 || marked * 3 < lines) return;
    us_buf text;
    us_doc inside;
    us_view v;
    us_error err;
    us_buf_init(&text, (size_t)1 << 30);
    const us_shape *shape = text_of(d->s, n, &text, &err) ? NULL : us_shape_inside(o, d, &text, &inside, &v);
    if (shape) us_shape_say_inside(view, 0.93, "wiki's source", shape, &v);
    us_buf_fini(&text);
}

us_status us_read_wiki(us_rows *r, us_doc *d) {
    us_buf text;
    us_doc inside;
    us_view v;
    us_buf_init(&text, (size_t)1 << 30);
    us_status st = text_of(d->s, d->n, &text, r->err);
    const us_shape *shape = st ? NULL : us_shape_inside(r->options, d, &text, &inside, &v);
    if (!st && !shape)
        st = us_fail(r->err, US_ERR_FORMAT, "%s: a wiki's source without dialogue that understudy knows", r->path);
    if (!st) st = shape->read(r, &inside);
    r->about[0] = 0;
    us_buf_fini(&text);
    return st;
}
