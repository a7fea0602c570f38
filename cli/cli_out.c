/* printf and its kin, made harmless: what a file, a model or the network says is filtered on the way to a terminal, what the
 * program itself says is not. */
#define US_CLI_OUT_SELF
#include "cli_out.h"
void *cli_must(void *p); /* cli.h, whose printf is this one */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char styles[CLI_N_STYLES][8] = {"",         "\033[0m",  "\033[1m", "\033[2m", "\033[1;33m",
                                             "\033[32m", "\033[36m", "\r",      "\033[K"};

const char *cli_escape(bool fancy, cli_style s) { return styles[fancy ? s : CLI_NONE]; }

static bool is_style(const char *s) {
    return (uintptr_t)s >= (uintptr_t)styles && (uintptr_t)s < (uintptr_t)styles + sizeof styles;
}

static bool is_shown(const FILE *f) { return f == stdout || f == stderr; }

/* ---- a text that grows ------------------------------------------------------------------ */

typedef struct text {
    char *data;
    size_t n, cap;
} text;

static char *room(text *t, size_t n) {
    if (t->n + n + 1 > t->cap) {
        size_t cap = 2 * (t->n + n + 64);
        t->data = cli_must(realloc(t->data, cap));
        t->cap = cap;
    }
    return t->data + t->n;
}

static void add(text *t, const char *s, size_t n) {
    char *at = room(t, n);
    for (size_t i = 0; i < n; i++) at[i] = s[i];
    t->n += n;
}

/* ---- formatting --------------------------------------------------------------------------------------------------- */

/* One conversion of a format, its stars filled in. */
typedef struct conversion {
    char spec[64], kind;
    int size; /* -1: half of an int and less; 0: an int; 1: l; 2: ll, j; 3: z, t */
    bool cuts;
} conversion;

/* Adds snprintf(spec, ...) of the argument that follows. */
#define ADD(value)                                              \
    do {                                                        \
        int n_ = snprintf(NULL, 0, c->spec, value);             \
        char *at_ = n_ > 0 ? room(t, (size_t)n_) : NULL;        \
        if (at_) snprintf(at_, (size_t)n_ + 1, c->spec, value); \
        if (at_) t->n += (size_t)n_;                            \
    } while (0)

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
static void add_words(text *t, const conversion *c, const char *s) {
    size_t before = t->n;
    if (is_style(s)) {
        add(t, s, strlen(s));
        return;
    }
    ADD(s ? s : "(null)");
    if (t->n == before) return;
    for (size_t k = 0; c->cuts && k < 3 && t->n > before;
         k++) { /* a precision counts bytes: half a character at its end goes */
        size_t head = t->n - 1 - k;
        unsigned char b = head >= before && head < t->n ? (unsigned char)t->data[head] : 0;
        if (b < 0x80) break;
        if (b < 0xc0) continue;
        size_t len = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
        if (len > k + 1) t->n = head;
        break;
    }
    t->n = before + us_harmless(t->data + before, t->n - before);
}

static void add_argument(text *t, const conversion *c, va_list *ap) {
    switch (c->kind) {
    case 's': add_words(t, c, va_arg(*ap, const char *)); break;
    case 'p': ADD(va_arg(*ap, void *)); break;
    case 'c': {
        char ch = (char)va_arg(*ap, int);
        add(t, ch >= ' ' || ch == '\n' || ch == '\t' ? &ch : "?", 1);
        break;
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        if (c->size <= 0) {
            int v = va_arg(*ap, int);
            ADD(v);
        } else if (c->size == 1) {
            long v = va_arg(*ap, long);
            ADD(v);
        } else if (c->size == 2) {
            long long v = va_arg(*ap, long long);
            ADD(v);
        } else {
            size_t v = va_arg(*ap, size_t);
            ADD(v);
        }
        break;
    default: {
        double v = va_arg(*ap, double);
        ADD(v);
    }
    }
}
#pragma GCC diagnostic pop

/* Reads a conversion from behind its '%'; returns what follows it. */
static const char *read_conversion(const char *p, conversion *c, va_list *ap) {
    size_t n = 1;
    *c = (conversion){.spec = "%"};
    for (; *p && strchr("-+ #0123456789.*'", *p); p++) {
        if (*p == '.') c->cuts = true;
        if (*p == '*') n += (size_t)snprintf(c->spec + n, 16, "%d", va_arg(*ap, int));
        else c->spec[n++] = *p;
        if (n > sizeof c->spec - 20) break;
    }
    for (; *p && strchr("hljztL", *p); p++) {
        c->size = *p == 'h' ? -1 : *p == 'l' ? c->size + 1 : *p == 'j' ? 2 : 3;
        c->spec[n++] = *p;
    }
    c->kind = c->spec[n++] = *p;
    c->spec[n] = 0;
    return *p ? p + 1 : p;
}

static void format(text *t, const char *fmt, va_list *ap) {
    while (*fmt) {
        size_t n = strcspn(fmt, "%");
        add(t, fmt, n);
        if (!*(fmt += n)) break;
        if (fmt[1] == '%') {
            add(t, "%", 1);
            fmt += 2;
            continue;
        }
        conversion c;
        fmt = read_conversion(fmt + 1, &c, ap);
        add_argument(t, &c, ap);
    }
}

/* ---- what cli/ calls ------------------------------------------------------------------------------------------------ */

int cli_vfprintf(FILE *f, const char *fmt, va_list given) {
    text t = {0};
    va_list ap;
    if (!is_shown(f)) return vfprintf(f, fmt, given);
    va_copy(ap, given);
    format(&t, fmt, &ap);
    va_end(ap);
    size_t n = t.n ? fwrite(t.data, 1, t.n, f) : 0;
    free(t.data);
    return n == t.n ? (int)n : -1;
}

int cli_fprintf(FILE *f, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = cli_vfprintf(f, fmt, ap);
    va_end(ap);
    return n;
}

int cli_printf(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = cli_vfprintf(stdout, fmt, ap);
    va_end(ap);
    return n;
}

size_t cli_fwrite(const void *p, size_t size, size_t n, FILE *f) {
    text t = {0};
    if (!is_shown(f)) return fwrite(p, size, n, f);
    if (!size || !n) return 0;
    add(&t, p, size * n);
    size_t left = t.n ? us_harmless(t.data, t.n) : 0, put = left ? fwrite(t.data, 1, left, f) : 0;
    free(t.data);
    return put == left ? n : 0;
}

int cli_fputs(const char *s, FILE *f) {
    size_t n = strlen(s);
    if (is_style(s)) return fputs(s, f);
    return !n || cli_fwrite(s, 1, n, f) == n ? (int)n : EOF;
}

int cli_puts(const char *s) { return cli_fputs(s, stdout) == EOF || putchar('\n') == EOF ? EOF : 1; }

int cli_put_json(const char *json, FILE *f) {
    for (const char *p = json; *p;) {
        const unsigned char *u = (const unsigned char *)p;
        size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4, k = 1;
        char one[8] = {p[0]};
        for (; k < n && (u[k] & 0xc0) == 0x80; k++) one[k] = p[k];
        p += k;
        if (k == n && us_harmless(one, n) == n && !memcmp(one, p - n, n)) {
            fwrite(one, 1, n, f);
            continue;
        }
        uint32_t cp = n == 1 ? u[0] : u[0] & (0x7fu >> n);
        for (size_t i = 1; i < k; i++) cp = cp << 6 | (u[i] & 0x3f);
        if (k < n || (n == 1 && cp >= 0x80)) fputs("\\ufffd", f);
        else if (cp < 0x10000) fprintf(f, "\\u%04x", (unsigned)cp);
        else
            fprintf(f, "\\u%04x\\u%04x", 0xd800u + (((unsigned)cp - 0x10000) >> 10),
                    0xdc00u + (((unsigned)cp - 0x10000) & 0x3ff));
    }
    return ferror(f) ? EOF : 1;
}
