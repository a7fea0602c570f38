/* corpus/read_wiki.c - transcripts as a wiki's source ('''Ann:''' ''(softly)'' [[Bob Duck|Bob]]!) or a forum's ([b]Ann:[/b] Hi!):
 * without the marks, read as whatever shape that has.
 *
 * Owns: marks of MediaWiki and of forums out. Lines keep their numbers, so that places are those of the file, but for tables: a row of them becomes
 * a line, with a tab between its cells. */
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

/* {{L|Ann|Good morning.}}, which is all of its line: the name and the words that a template of the wiki's own sets. Bytes up to the
 * words, 0: it is none. */
static size_t spoken_template(const char *p, const char *close, us_buf *name, us_error *err) {
    const char *first = memchr(p, '|', (size_t)(close - p)),
               *second = first ? memchr(first + 1, '|', (size_t)(close - first) - 1) : NULL;
    if (!second || second - first > 60 || second + 1 >= close) return 0;
    us_span_str who = us_trim((us_span_str){first + 1, (size_t)(second - first) - 1});
    while (who.n > 4 && at(who.s, who.s + who.n, "[[")) who.s += 2, who.n -= 4;
    bool small = who.n && *who.s >= 'a' && *who.s <= 'z';
    if (!who.n || small || memchr(who.s, '=', who.n) || memchr(who.s, '{', who.n)) return 0;
    for (const char *q = second + 1; q < close; q++) { /* neither a third part nor a named one */
        bool link = at(q, close, "[["), inner = at(q, close, "{{");
        const char *over = link ? behind(q, close, "[[", "]]") : inner ? behind(q, close, "{{", "}}") : NULL;
        if (over) q = over - 1;
        else if (*q == '|' || (*q == '=' && q - second < 20)) return 0;
    }
    us_buf_clear(name);
    return us_buf_append(name, who.s, who.n, err) ? 0 : (size_t)(second + 1 - p);
}

/* A line that is all in italics tells what is done. */
static bool is_told(const char *p, const char *end) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    while (stop > p && strchr(" \r", stop[-1])) stop--;
    return stop - p > 5 && at(p, stop, "''") && p[2] != '\'' && !strchr("[(", p[2]) && at(stop - 2, stop, "''") &&
           memmem(p + 2, (size_t)(stop - p) - 2, "''", 2) == stop - 2;
}

/* A table's line at p: "{|", "|-", "|}", "! head !! head", "| cell || cell". What stands behind its mark, or NULL: it is none. */
static const char *table_line(const char *p, const char *end, bool *table, bool *cells, us_buf *out, us_status *st,
                              us_error *err) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    if (at(p, end, "{|")) return *table = true, *cells = false, stop;
    if (!*table || (*p != '|' && *p != '!')) return NULL;
    if (at(p, end, "|}")) *table = false;
    if (at(p, end, "|}") || at(p, end, "|-") || at(p, end, "|+")) {
        if (*cells) *st = us_buf_append_str(out, "\n", err);
        *cells = false;
        return stop;
    }
    if (*cells) *st = us_buf_append_str(out, "\t", err);
    *cells = true;
    const char *bar = memchr(p + 1, '|', (size_t)(stop - p) - 1); /* style="..." | cell */
    bool style = bar && bar + 1 < stop && bar[1] != '|' && memchr(p + 1, '=', (size_t)(bar - p) - 1) &&
                 !memmem(p + 1, (size_t)(bar - p) - 1, "[[", 2) && !memmem(p + 1, (size_t)(bar - p) - 1, "{{", 2);
    return style ? bar + 1 : p + 1;
}

/* Behind a mark of a forum's, "[b]", "[/i]", "[color=red]"; NULL: none. */
static const char *behind_forum_mark(const char *p, const char *end) {
    static const char *const names[] = {"b",    "i",      "u",     "s",       "color", "size",
                                        "font", "center", "quote", "spoiler", "url",   "img"};
    if (p >= end || *p != '[') return NULL;
    const char *name = p + 1 + (p + 1 < end && p[1] == '/'), *close = memchr(p, ']', end - p < 60 ? (size_t)(end - p) : 60);
    for (size_t i = 0; close && i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if ((size_t)(close - name) >= n && !strncasecmp(name, names[i], n) && (name[n] == ']' || name[n] == '='))
            return close + 1;
    }
    return NULL;
}

/* A line that is all in a forum's italics. */
static bool is_told_there(const char *p, const char *end) {
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    if (!stop) stop = end;
    while (stop > p && strchr(" \r", stop[-1])) stop--;
    return stop - p > 8 && at(p, stop, "[i]") && !strchr("[(", p[3]) && at(stop - 4, stop, "[/i]") &&
           memmem(p + 3, (size_t)(stop - p) - 3, "[/i]", 4) == stop - 4;
}

static bool is_forum(const char *s, size_t n) { return memmem(s, n, "[/b]", 4) || memmem(s, n, "[/B]", 4); }

static us_status text_of(const char *s, size_t n, us_buf *out, us_error *err) {
    const char *p = s, *end = s + n, *q, *unclosed = s; /* no mark that begins in front of `unclosed` is closed */
    us_status st = us_buf_reserve(out, n + 2, err);
    const char *told = NULL;           /* the line in italics that we are in */
    const char *spoken = NULL;         /* behind the template whose words we are in */
    bool table = false, cells = false; /* in a table; its row has cells */
    us_buf name;
    bool forum = is_forum(s, n);
    us_buf_init(&name, 4096);
    while (p < end && !st) {
        bool start = p == s || p[-1] == '\n';
        if (start && (q = table_line(p, end, &table, &cells, out, &st, err))) {
            p = q;
            while (p < end && *p == ' ') p++;
            if (st || p >= end) break;
        } else if (start) {
            while (p < end && (*p == ':' || *p == ';' || (*p == '*' && end - p > 1 && p[1] != '*'))) p++;
            while (p < end && *p == ' ') p++;
            const char *rule =
                at(p, end, "<hr") ? memchr(p, '>', (size_t)(end - p)) : NULL; /* between the quotes of one film */
            if (rule) st = us_buf_append_str(out, "***", err), p = rule + 1;
            if (p < end && (is_told(p, end) || (forum && is_told_there(p, end))))
                st = us_buf_append_str(out, "(", err), told = p;
        }
        if (p >= end || st) break;
        if (spoken && p + 2 >= spoken) { /* "}}" of the template that spoke */
            p = spoken;
            spoken = NULL;
            continue;
        }
        if (*p == '\n' && told) st = us_buf_append_str(out, ")", err), told = NULL;
        if (forum && (q = behind_forum_mark(p, end))) {
            p = q;
        } else if (table && (at(p, end, "||") || at(p, end, "!!"))) {
            st = us_buf_append_str(out, "\t", err);
            for (p += 2; p < end && *p == ' ';) p++;
        } else if (table && *p == '\n') {
            p++; /* a row ends with "|-" */
            if (cells && p < end && *p != '|' && *p != '!') st = us_buf_append_str(out, " ", err);
        } else if (table && *p == '\t') {
            st = us_buf_append_str(out, " ", err);
            p++;
        } else if (at(p, end, "''")) {
            while (p < end && *p == '\'') p++;
        } else if ((q = behind_link(p, end))) {
            st = put_link(p + 2, q - 2, out, err);
            p = q;
        } else if ((*p == '{' || *p == '<') && p >= unclosed) {
            size_t words = 0;
            q = behind_silent(p, end);
            bool whole = q && start && at(p, end, "{{") && (q >= end || *q == '\n' || *q == '\r');
            if (whole && (words = spoken_template(p, q - 2, &name, err))) {
                st = us_buf_append(out, name.data, name.len, err);
                if (!st) st = us_buf_append_str(out, ": ", err);
                spoken = q;
                p += words;
            } else if (q) {
                st = breaks(p, q, out, err);
                p = q;
            } else if (at(p, end, "{{") || at(p, end, "<!--") || at(p, end, "<ref")) unclosed = p + MAX_MARK;
            else st = us_buf_append(out, p++, 1, err);
        } else st = us_buf_append(out, p++, 1, err);
    }
    us_buf_fini(&name);
    return !st && told ? us_buf_append_str(out, ")", err) : st;
}

static bool is_template(us_span_str t) {
    return t.n > 6 && !memcmp(t.s, "{{", 2) && !memcmp(t.s + t.n - 2, "}}", 2) && memchr(t.s, '|', t.n);
}

void us_look_wiki(const us_script_options *o, const us_doc *d, us_view *view) {
    size_t lines = 0, marked = 0, tables = 0, n = us_doc_sample(d);
    bool forum = is_forum(d->s, n);
    if (d->workbook || d->inside) return;
    for (us_lines l = us_lines_of(d->s, n); us_lines_next(&l);) {
        us_span_str t = us_trim(l.text);
        if (t.n > 1 && (!memcmp(t.s, "{|", 2) || !memcmp(t.s, "|-", 2) || !memcmp(t.s, "|}", 2))) {
            tables++;
            continue;
        }
        lines += t.n > 0;
        marked += t.n > 0 && ((forum && memmem(t.s, t.n, "[/", 2)) || memmem(t.s, t.n, "'''", 3) || memmem(t.s, t.n, "[[", 2) ||
                              is_template(t));
    }
    if (tables < 3 && (marked < 3 || marked * 3 < lines)) return;
    us_buf text;
    us_doc inside;
    us_view v;
    us_error err;
    us_buf_init(&text, (size_t)1 << 30);
    const us_shape *shape = text_of(d->s, n, &text, &err) ? NULL : us_shape_inside(o, d, &text, &inside, &v);
    if (shape) us_shape_say_inside(view, 0.93, forum ? "a forum's source" : "wiki's source", shape, &v);
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
