/* corpus/read_html.c - transcripts as web pages: the page's text, read as whatever shape that has.
 *
 * Owns: marks out, entities decoded, blocks as lines. Scripts, styles and the head are left out; inside <pre> lines stay as
 * they are set. Lines keep no numbers of the page, so that places are those of the text. */
#include "corpus/shape.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_tag(us_span_str tag, const char *name) {
    size_t n = strlen(name);
    return tag.n >= n && !strncasecmp(tag.s, name, n) && (tag.n == n || strchr(" /\t\r\n", tag.s[n]));
}

static bool is_any(us_span_str tag, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (is_tag(tag, names[i])) return true;
    return false;
}

/* Does a tag's class hold this word? */
static bool has_class(us_span_str tag, const char *word) {
    const char *at = memmem(tag.s, tag.n, "class=\"", 7);
    size_t n = strlen(word);
    if (!at) return false;
    const char *end = memchr(at + 7, '"', (size_t)(tag.s + tag.n - at - 7));
    for (const char *p = at + 7; end && (p = memmem(p, (size_t)(end - p), word, n)); p += n)
        if ((p[-1] == ' ' || p[-1] == '"') && (p[n] == ' ' || p[n] == '"')) return true;
    return false;
}

/* Behind the end of the <div> whose words begin at p. */
static const char *behind_div(const char *p, const char *end) {
    for (int depth = 1; depth && p < end;) {
        p = memchr(p, '<', (size_t)(end - p));
        if (!p) return end;
        if (end - p > 4 && !strncasecmp(p, "<div", 4)) depth++;
        if (end - p > 5 && !strncasecmp(p, "</div", 5)) depth--;
        p++;
    }
    const char *close = p < end ? memchr(p, '>', (size_t)(end - p)) : NULL;
    return close ? close + 1 : end;
}

/* Telegram's export as a page: <div class="from_name">Ann</div>, then <div class="text">Hi</div>; a message that goes on has
 * no name of its own. Dates, media and what the program says stand in other <div>s, which are left out. */
typedef struct telegram {
    bool is;
    char name[200];
} telegram;

static us_status telegram_div(telegram *t, us_span_str tag, const char **p, const char *end, us_buf *out, us_error *err) {
    static const char *const silent[] = {"date", "media_wrap", "reply_to", "userpic", "initials", "page_header"};
    us_status st = US_OK;
    bool program = has_class(tag, "body") && has_class(tag, "details");
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++) program = program || has_class(tag, silent[i]);
    if (program) *p = behind_div(*p, end);
    else if (has_class(tag, "from_name")) {
        const char *close = memchr(*p, '<', (size_t)(end - *p));
        us_buf name;
        us_buf_init(&name, sizeof t->name - 1);
        us_span_str said = us_trim((us_span_str){*p, close ? (size_t)(close - *p) : 0});
        for (const char *q = said.s, *stop = said.s + said.n; q < stop;) {
            char letter[8] = {*q};
            size_t len = *q == '&' ? us_entity(q, stop, letter) : 0;
            if (us_buf_append_str(&name, letter, NULL)) break;
            q += len ? len : 1;
        }
        snprintf(t->name, sizeof t->name, "%s", name.data ? name.data : "");
        us_buf_fini(&name);
        *p = behind_div(*p, end);
    } else if (has_class(tag, "text") && t->name[0]) {
        st = us_buf_append_str(out, "\n", err);
        if (!st) st = us_buf_append_str(out, t->name, err);
        if (!st) st = us_buf_append_str(out, ": ", err);
        while (*p < end && strchr(" \r\n\t", **p)) ++*p;
    }
    return st;
}

/* Rows of a table end once, and not with an empty cell. */
static us_status end_line(bool cells, const char *with, us_buf *out, us_error *err) {
    if (!cells) return us_buf_append_str(out, with, err);
    while (out->len && strchr(" \t", out->data[out->len - 1])) out->len--;
    return out->len && out->data[out->len - 1] != '\n' ? us_buf_append_str(out, "\n", err) : US_OK;
}

/* The text of a page, of n bytes of it. `cells`: those of a table's row stand on one line, a tab between them. */
static us_status text_of(const char *s, size_t n, bool cells, us_buf *out, us_error *err) {
    static const char *const silent[] = {"script", "style", "head", "noscript", "nav", "footer", "button", "select"},
                             *const lines[] = {"br",  "/p",  "/div", "/tr", "/li", "/h1", "/h2", "/h3",
                                               "/h4", "/dd", "div",  "li",  "tr",  "dt",  "dd",  "blockquote"},
                             *const gaps[] = {"p", "h1", "h2", "h3", "h4", "/table", "hr", "/pre", "/blockquote"};
    const char *p = s, *end = s + n;
    us_status st = us_buf_reserve(out, n, err);
    bool pre = false;
    telegram chat = {.is = memmem(s, n, "class=\"from_name\"", 17) != NULL};
    while (p < end && !st) {
        const char *close;
        if (*p == '<' && end - p > 4 && !memcmp(p, "<!--", 4)) {
            close = memmem(p, (size_t)(end - p), "-->", 3);
            p = close ? close + 3 : end;
        } else if (*p == '<' && (close = memchr(p, '>', (size_t)(end - p)))) {
            us_span_str tag = {p + 1, (size_t)(close - p) - 1};
            p = close + 1;
            if (is_tag(tag, "pre")) pre = true;
            if (is_tag(tag, "/pre")) pre = false;
            if (is_any(tag, lines, sizeof lines / sizeof *lines)) st = end_line(cells, "\n", out, err);
            bool cell = is_tag(tag, "/td") || is_tag(tag, "/th");
            if (cell && !st) st = us_buf_append_str(out, cells ? "\t" : "\n", err);
            if (chat.is && !st && is_tag(tag, "div")) st = telegram_div(&chat, tag, &p, end, out, err);
            if (is_any(tag, gaps, sizeof gaps / sizeof *gaps)) st = end_line(cells, "\n\n", out, err);
            for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
                if (is_tag(tag, silent[i])) {
                    char stop[16];
                    int len = snprintf(stop, sizeof stop, "</%s", silent[i]);
                    while (p < end && ((size_t)(end - p) < (size_t)len || strncasecmp(p, stop, (size_t)len))) {
                        const char *next = memchr(p + 1, '<', (size_t)(end - p) - 1);
                        p = next ? next : end;
                    }
                    break;
                }
        } else {
            char stands_for[8];
            size_t len = *p == '&' ? us_entity(p, end, stands_for) : 0;
            bool blank = *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t';
            if (len) st = us_buf_append_str(out, stands_for, err), p += len;
            else if (blank && !pre) {
                if (out->len && !strchr(" \n\t", out->data[out->len - 1])) st = us_buf_append_str(out, " ", err);
                p++;
            } else st = us_buf_append(out, p++, 1, err);
        }
    }
    return st;
}

static bool is_page(const us_doc *d) {
    size_t n = d->n < 4096 ? d->n : 4096;
    us_span_str t = us_trim((us_span_str){d->s, n});
    static const char *const blocks[] = {"table", "div", "p", "ul", "ol", "dl", "h1", "h2", "h3", "pre", "section", "article"};
    if (d->workbook || d->inside || !t.n || *t.s != '<') return false;
    const char *close = memchr(t.s, '>', t.n);
    if (close && is_any((us_span_str){t.s + 1, (size_t)(close - t.s) - 1}, blocks, sizeof blocks / sizeof *blocks)) return true;
    return (t.n > 9 && !strncasecmp(t.s, "<!doctype html", 14)) || memmem(t.s, t.n, "<html", 5) ||
           memmem(t.s, t.n, "<HTML", 5) || memmem(t.s, t.n, "<body", 5) ||
           !strncasecmp(t.s, "<sami>", 6); /* Korea's captions */
}

/* The shape of the page's text; where it has none, of its tables. */
static const us_shape *inner_shape(const us_script_options *o, const us_doc *d, size_t n, us_buf *text, us_doc *inside,
                                   us_view *v, bool *cells) {
    us_error err;
    for (int k = 0; k < 2; k++) {
        *cells = k == 1;
        us_buf_clear(text);
        const us_shape *shape = text_of(d->s, n, *cells, text, &err) ? NULL : us_shape_inside(o, d, text, inside, v);
        if (shape) return shape;
    }
    return NULL;
}

void us_look_html(const us_script_options *o, const us_doc *d, us_view *view) {
    us_buf text;
    us_doc inside;
    us_view v;
    bool cells;
    if (!is_page(d)) return;
    us_buf_init(&text, (size_t)1 << 30);
    const us_shape *shape = inner_shape(o, d, us_doc_sample(d), &text, &inside, &v, &cells);
    if (shape) us_shape_say_inside(view, 0.9, "web page", shape, &v);
    us_buf_fini(&text);
}

us_status us_read_html(us_rows *r, us_doc *d) {
    us_buf text;
    us_doc inside;
    us_view v;
    bool cells;
    us_buf_init(&text, (size_t)1 << 30);
    const us_shape *shape = inner_shape(r->options, d, us_doc_sample(d), &text, &inside, &v, &cells);
    us_status st =
        shape ? US_OK : us_fail(r->err, US_ERR_FORMAT, "%s: a web page without dialogue that understudy knows", r->path);
    us_buf_clear(&text);
    if (!st) st = text_of(d->s, d->n, cells, &text, r->err);
    inside.s = text.data, inside.n = text.len;
    if (!st) st = shape->read(r, &inside);
    r->about[0] = 0;
    us_buf_fini(&text);
    return st;
}
