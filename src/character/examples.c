#include "character/examples.h"
#include "base/buf.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_PAIRS = 64 };
enum { NOBODY, OTHER, OWN };

typedef struct reader {
    us_examples *e;
    const char *const *names;
    size_t n_names;
    us_buf other, own; /* the exchange being read */
    int speaker;
    us_error *err;
} reader;

/* Bytes of the label (with its colon and the blanks behind) when p[0..n) begins with it. */
static size_t label(const char *p, size_t n, const char *name) {
    size_t k = strlen(name);
    if (!k || n < k || strncasecmp(p, name, k) != 0) return 0;
    while (k < n && p[k] == ' ') k++;
    if (k < n && p[k] == ':') k++;
    else if (n - k >= 3 && !memcmp(p + k, "\xef\xbc\x9a", 3)) k += 3; /* the full-width colon */
    else return 0;
    while (k < n && (p[k] == ' ' || p[k] == '\t')) k++;
    return k;
}

static int who_speaks(const reader *r, const char *p, size_t n, size_t *skip) {
    static const char *const others[] = {"{{user}}", "{{ user }}", "<USER>", "You", "User"}, *const own[] = {"{{char}}",
                                                                                                             "{{ char }}",
                                                                                                             "<BOT>", "<CHAR>"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if ((*skip = label(p, n, own[i]))) return OWN;
    for (size_t i = 0; i < r->n_names; i++)
        if ((*skip = label(p, n, r->names[i]))) return OWN;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if ((*skip = label(p, n, others[i]))) return OTHER;
    const char *end = n > 2 && !memcmp(p, "{{", 2) ? memmem(p, n, "}}", 2) : NULL; /* {{random_user_1}}: and the like */
    if (end && end + 2 < p + n && end[2] == ':') {
        *skip = (size_t)(end + 3 - p);
        while (*skip < n && (p[*skip] == ' ' || p[*skip] == '\t')) ++*skip;
        return OTHER;
    }
    *skip = 0;
    return NOBODY;
}

static us_status add_words(reader *r, us_buf *b, const char *p, size_t n) {
    us_status st = b->len ? us_buf_append(b, "\n", 1, r->err) : US_OK;
    return st ? st : us_buf_append(b, p, n, r->err);
}

static void trim(us_buf *b) {
    while (b->len && strchr(" \t\n", b->data[b->len - 1])) b->data[--b->len] = 0;
}

/* The exchange is over: it is one when the character said something in it. */
static us_status end_exchange(reader *r) {
    us_examples *e = r->e;
    us_status st = US_OK;
    trim(&r->other);
    trim(&r->own);
    if (r->own.len && e->n == 2 * MAX_PAIRS) e->n_past++;
    else if (r->own.len) {
        st = us_strdup(r->other.len ? r->other.data : "...", &e->lines[e->n], r->err);
        if (!st && (st = us_strdup(r->own.data, &e->lines[e->n + 1], r->err))) free(e->lines[e->n]);
        if (!st) e->n += 2;
    } else if (r->other.len) e->n_unanswered++;
    us_buf_clear(&r->other);
    us_buf_clear(&r->own);
    return st;
}

/* A block without a single label is what the character says. */
static us_status end_block(reader *r) {
    if (r->speaker == NOBODY && r->other.len) {
        us_buf swap = r->own;
        r->own = r->other;
        r->other = swap;
    }
    r->speaker = NOBODY;
    return end_exchange(r);
}

static us_status read_line(reader *r, const char *p, size_t n) {
    size_t skip;
    us_status st = US_OK;
    while (n && strchr(" \t\r", p[n - 1])) n--;
    size_t blanks = 0;
    while (blanks < n && (p[blanks] == ' ' || p[blanks] == '\t')) blanks++;
    int who = who_speaks(r, p + blanks, n - blanks, &skip);
    if (who == NOBODY) { /* whoever speaks goes on; before the first label it is told to the character */
        us_buf *b = r->speaker == OWN ? &r->own : &r->other;
        return n || b->len ? add_words(r, b, p, n) : US_OK;
    }
    if (who == OTHER && r->speaker == OWN) st = end_exchange(r);
    r->speaker = who;
    return st ? st : add_words(r, who == OWN ? &r->own : &r->other, p + blanks + skip, n - blanks - skip);
}

/* <START> in any case, as a line or at the start of one; some files write END_OF_DIALOG too. */
static size_t block_mark(const char *p, size_t n) {
    static const char *const marks[] = {"<START>", "END_OF_DIALOG"};
    size_t blanks = 0;
    while (blanks < n && (p[blanks] == ' ' || p[blanks] == '\t')) blanks++;
    for (size_t i = 0; i < 2; i++)
        if (n - blanks >= strlen(marks[i]) && !strncasecmp(p + blanks, marks[i], strlen(marks[i])))
            return blanks + strlen(marks[i]);
    return 0;
}

us_status us_examples_read(const char *text, const char *const *names, size_t n_names, us_examples *out, us_error *err) {
    us_examples e = {0};
    reader r = {.e = &e, .names = names, .n_names = n_names, .err = err};
    us_buf_init(&r.other, 4 << 20);
    us_buf_init(&r.own, 4 << 20);
    us_status st = us_alloc(2 * MAX_PAIRS, sizeof *e.lines, &e.lines, err);
    for (const char *p = text; *p && !st;) {
        size_t n = strcspn(p, "\n"), mark;
        const char *next = p + n + (p[n] == '\n');
        while ((mark = block_mark(p, n)) && !st) {
            st = end_block(&r);
            p += mark;
            n -= mark;
        }
        if (!st) st = read_line(&r, p, n);
        p = next;
    }
    if (!st) st = end_block(&r);
    us_buf_fini(&r.other);
    us_buf_fini(&r.own);
    if (st) us_examples_fini(&e);
    else *out = e;
    return st;
}

void us_examples_fini(us_examples *e) {
    for (size_t i = 0; i < e->n; i++) free(e->lines[i]);
    free(e->lines);
    *e = (us_examples){0};
}
