/* Gates: lines that say what a figure must be. "loops <= 0.5%", "context_gain_share >= 0.9", "catch_phrases >= real * 0.5". */
#include "audition/audition.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES ((size_t)1 << 20)

typedef enum op { LESS, LESS_EQUAL, MORE, MORE_EQUAL, N_OPS } op;

typedef struct gate {
    const us_metric *metric;
    op how;
    double bound;
    bool of_real; /* the bound is a multiple of the real lines' figure */
} gate;

static size_t distance(const char *a, size_t n, const char *b) { /* Levenshtein */
    size_t row[64], m = strlen(b);
    for (size_t k = 0; k <= m; k++) row[k] = k;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= m; k++) {
            size_t best = diagonal + (a[i - 1] != b[k - 1]);
            if (row[k] + 1 < best) best = row[k] + 1;
            if (row[k - 1] + 1 < best) best = row[k - 1] + 1;
            diagonal = row[k];
            row[k] = best;
        }
    }
    return row[m];
}

static const char *nearest(const char *name, size_t len) {
    size_t n, best = SIZE_MAX;
    const us_metric *all = us_audition_measures(&n);
    const char *found = all[0].name;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(name, len, all[i].name);
        if (d < best) best = d, found = all[i].name;
    }
    return found;
}

static const char *skip(const char *s) { return s + strspn(s, " \t\r"); }

static us_status parse_bound(const char *s, const char *file, size_t line, gate *g, us_error *err) {
    char *end;
    g->of_real = !strncmp(s, "real", 4);
    g->bound = 1;
    if (g->of_real) {
        s = skip(s + 4);
        if (!*s) return US_OK;
        if (*s != '*')
            return us_fail(err, US_ERR_FORMAT, "%s:%zu: after 'real' expected '* NUMBER' or nothing, got '%.40s'", file, line,
                           s);
        s = skip(s + 1);
    }
    g->bound = strtod(s, &end);
    if (end == s || !isfinite(g->bound))
        return us_fail(err, US_ERR_FORMAT, "%s:%zu: expected a number, 'real' or 'real * NUMBER', got '%.40s'", file, line, s);
    if (*end == '%') g->bound /= 100, end++;
    end = (char *)skip(end);
    if (*end) return us_fail(err, US_ERR_FORMAT, "%s:%zu: nothing is expected after the number, got '%.40s'", file, line, end);
    return US_OK;
}

static us_status parse(char *s, const char *file, size_t line, gate *g, us_error *err) {
    static const char *const ops[N_OPS] = {"<", "<=", ">", ">="};
    size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-");
    char name[64] = "", how[3] = "";
    if (!len || len >= sizeof name)
        return us_fail(err, US_ERR_FORMAT, "%s:%zu: expected NAME OP NUMBER, like 'loops <= 0.5%%', got '%.40s'", file, line,
                       s);
    memcpy(name, s, len);
    if (!(g->metric = us_metric_known(name)))
        return us_fail(err, US_ERR_FORMAT, "%s:%zu: no measure '%s'; the nearest is '%s'", file, line, name,
                       nearest(name, len));
    const char *p = skip(s + len);
    size_t n = strspn(p, "<>=");
    if (n < 3) memcpy(how, p, n);
    for (g->how = LESS; g->how < N_OPS && strcmp(how, ops[g->how]); g->how++) continue;
    if (g->how == N_OPS)
        return us_fail(err, US_ERR_FORMAT, "%s:%zu: expected < <= > or >= after '%s', got '%.10s'", file, line, name, p);
    return parse_bound(skip(p + n), file, line, g, err);
}

/* Calls `use` with every gate of the file; `text` is cut into lines. */
static us_status each(char *text, const char *file, us_status (*use)(void *ctx, const char *line, const gate *g, us_error *err),
                      void *ctx, us_error *err) {
    us_status st = US_OK;
    size_t line = 1, found = 0;
    for (char *s = text; *s && !st; line++) {
        size_t len = strcspn(s, "\n");
        char *next = s + len + (s[len] == '\n');
        s[len] = 0;
        char *comment = strchr(s, '#');
        if (comment) *comment = 0;
        s = (char *)skip(s);
        size_t end = strlen(s);
        while (end && strchr(" \t\r", s[end - 1])) s[--end] = 0;
        gate g;
        if (*s && !(st = parse(s, file, line, &g, err))) st = use(ctx, s, &g, err), found++;
        s = next;
    }
    return st || found ? st : us_fail(err, US_ERR_FORMAT, "%s: no gate in it; expected lines like 'loops <= 0.5%%'", file);
}

static us_status read_text(const char *file, char **text, us_error *err) {
    size_t n, bad;
    us_status st = us_file_read(file, MAX_FILE_BYTES, text, &n, err);
    if (st) return st;
    if (!us_utf8_valid(*text, n, &bad)) st = us_fail(err, US_ERR_FORMAT, "%s: byte %zu is not UTF-8", file, bad + 1);
    if (st) free(*text), *text = NULL;
    return st;
}

static us_status nothing(void *ctx, const char *line, const gate *g, us_error *err) {
    return (void)ctx, (void)line, (void)g, (void)err, US_OK;
}

us_status us_audition_check_gates(const char *file, us_error *err) {
    char *text;
    us_status st = read_text(file, &text, err);
    if (st) return st;
    st = each(text, file, nothing, NULL, err);
    free(text);
    return st;
}

static us_status judge(void *ctx, const char *line, const gate *g, us_error *err) {
    us_audition *a = ctx;
    us_who who = a->who[US_WHO_ADAPTER] ? US_WHO_ADAPTER : a->who[US_WHO_PROMPT] ? US_WHO_PROMPT : US_WHO_BASE;
    const us_metric *m = us_audition_find(a, who, g->metric->name), *real = us_audition_find(a, US_WHO_REAL, g->metric->name);
    if (!m)
        return us_fail(err, US_ERR_ARGUMENT, "gate '%s': '%s' was not measured in this run (--measures, --cast)", line,
                       g->metric->name);
    if (g->of_real && !real)
        return us_fail(err, US_ERR_ARGUMENT, "gate '%s': there is no figure of the real lines for '%s'", line, g->metric->name);
    double bound = g->of_real ? g->bound * real->value : g->bound, v = m->value;
    us_gate *grown = realloc(a->gates, (a->n_gates + 1) * sizeof *grown);
    if (!grown) return us_fail(err, US_ERR_MEMORY, "out of memory");
    a->gates = grown;
    bool passed = g->how == LESS         ? v < bound
                  : g->how == LESS_EQUAL ? v <= bound
                  : g->how == MORE       ? v > bound
                                         : v >= bound; /* a NAN fails */
    a->gates[a->n_gates++] = (us_gate){line, v, bound, passed};
    return US_OK;
}

us_status us_audition_judge(us_audition *a, const char *file, us_error *err) {
    free(a->gates_text);
    free(a->gates);
    a->gates = NULL;
    a->n_gates = 0;
    a->gates_text = NULL;
    us_status st = read_text(file, &a->gates_text, err);
    return st ? st : each(a->gates_text, file, judge, a, err);
}

const us_gate *us_audition_get_gates(const us_audition *a, size_t *n) { return *n = a->n_gates, a->gates; }
