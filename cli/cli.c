/* Exit codes, errors, options and their help, for every subcommand. A table of options is parsed, printed, and made a manual
 * page or a completion. */
#include "cli.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *cli_must(void *p) {
    static const char words[] = "\nunderstudy: out of memory\n"; /* a line may be half written */
    if (p) return p;
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0) _exit(EXIT_FAILED);
    exit(EXIT_FAILED);
}

int cli_fail(const char *command, us_status status, const us_error *err) {
    fprintf(stderr, "understudy %s: %s\n", command, err && err->message[0] ? err->message : us_status_name(status));
    switch (status) {
    case US_OK: return EXIT_OK;
    case US_ERR_ARGUMENT: return EXIT_USAGE;
    case US_ERR_GATE: return EXIT_GATE;
    case US_ERR_INTERRUPTED: return EXIT_INTERRUPTED;
    default: return EXIT_FAILED;
    }
}

int cli_usage(const char *command, const char *fmt, ...) {
    va_list ap;
    fprintf(stderr, "understudy %s: ", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s 'understudy %s --help'\n", *fmt && fmt[strlen(fmt) - 1] == '?' ? " See" : "; see", command);
    return EXIT_USAGE;
}

us_status cli_read_all(const char *path, char **out, size_t *n, us_error *err) {
    FILE *f = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    us_status st = f ? US_OK : us_fail(err, US_ERR_NOT_FOUND, "%s: cannot open: %s", path, strerror(errno));
    *out = NULL;
    for (size_t cap = *n = 0; !st;) {
        if (*n == cap) {
            char *p = cap < ((size_t)1 << 30) ? cli_must(realloc(*out, cap = cap ? 2 * cap : 65536)) : NULL;
            if (!p) {
                st = us_fail(err, US_ERR_LIMIT, "%s: larger than 1 GiB, or out of memory", path);
                break;
            }
            *out = p;
        }
        size_t got = fread(*out + *n, 1, cap - *n, f);
        if (!got) break;
        *n += got;
    }
    if (f && ferror(f) && !st) st = us_fail(err, US_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    if (f && f != stdin) fclose(f);
    return st;
}

const char *cli_data_dir(char *out) {
    const char *xdg = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (xdg && *xdg == '/') snprintf(out, PATH_MAX, "%s/understudy", xdg);
    else if (home && *home) snprintf(out, PATH_MAX, "%s/.local/share/understudy", home);
    else return NULL;
    return out;
}

bool cli_fancy(int fd) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb");
}

static int set_value(const char *command, const cli_option *o, const char *value, const char *from) {
    char *end;
    errno = 0;
    switch (o->type) {
    case CLI_STRING: *(const char **)o->out = value; return 0;
    case CLI_SWITCH: *(bool *)o->out = true; return 0;
    case CLI_LIST: {
        cli_list *l = o->out;
        const char **p = cli_must(realloc(l->items, (l->n + 1) * sizeof *p));
        if (!p) return cli_usage(command, "out of memory");
        l->items = p;
        l->items[l->n++] = value;
        return 0;
    }
    case CLI_INT: {
        long long v = strtoll(value, &end, 10);
        if (*end || end == value || errno || (double)v < o->min || (double)v > o->max)
            return cli_usage(command, "%s: expected a whole number from %.0f to %.0f, got '%s'", from, o->min, o->max, value);
        *(int64_t *)o->out = v;
        return 0;
    }
    case CLI_FLOAT: {
        double v = strtod(value, &end);
        if (*end || end == value || !isfinite(v) || v < o->min || v > o->max)
            return cli_usage(command, "%s: expected a number from %g to %g, got '%s'", from, o->min, o->max, value);
        *(double *)o->out = v;
        return 0;
    }
    }
    return 0;
}

static int from_environment(const char *command, const cli_option *options, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char name[64] = "UNDERSTUDY_";
        size_t k = strlen(name);
        for (const char *c = options[i].name; *c && k < sizeof name - 1; c++)
            name[k++] = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *v = getenv(name);
        if (!v || !*v || (options[i].type == CLI_SWITCH && !strcmp(v, "0"))) continue;
        int rc = set_value(command, &options[i], v, name);
        if (rc) return rc;
    }
    return 0;
}

static void print_help(const char *usage, const cli_option *options, size_t n) {
    printf("%s\n\noptions:\n", usage);
    for (size_t i = 0; i < n; i++) {
        char left[64];
        int k = options[i].letter ? snprintf(left, sizeof left, "  -%c, --%s", options[i].letter, options[i].name)
                                  : snprintf(left, sizeof left, "      --%s", options[i].name);
        if (options[i].value && k > 0 && (size_t)k < sizeof left)
            snprintf(left + k, sizeof left - (size_t)k, " %s", options[i].value);
        if (strlen(left) < 30) printf("%-30s %s\n", left, options[i].help);
        else printf("%s\n%-30s %s\n", left, "", options[i].help);
    }
    printf("  -h, --help                   this text\n");
}

/* A text as roff has it: nothing in it is a command. */
static void print_roff(const char *text, const char *end) {
    for (bool start = true; text < end; text++) {
        if (start && (*text == '.' || *text == '\'')) fputs("\\&", stdout);
        if (*text == '\\') fputs("\\e", stdout);
        else if (*text == '-') fputs("\\-", stdout);
        else putchar(*text);
        start = *text == '\n';
    }
}

/* The manual page of a command, from the tables that --help prints. */
static void print_man(const char *command, const char *usage, const cli_option *options, size_t n) {
    const char *about = strstr(usage, "\n\n"), *end = usage + strlen(usage);
    printf(".TH UNDERSTUDY\\-%s 1 \"\" \"understudy %s\" \"User Commands\"\n.SH NAME\nunderstudy\\-%s \\- ", command,
           us_version(), command);
    const char *dot = about ? strpbrk(about + 2, ".\n") : NULL;
    if (about) print_roff(about + 2, dot ? dot : end);
    printf("\n.SH SYNOPSIS\n.nf\n");
    print_roff(!strncmp(usage, "usage: ", 7) ? usage + 7 : usage, about ? about : end);
    printf("\n.fi\n.SH DESCRIPTION\n");
    if (about) print_roff(about + 2, end);
    printf("\n.SH OPTIONS\nEvery option may be given by the environment, too: UNDERSTUDY_ and its name in capitals, dashes as "
           "underscores.\n");
    for (size_t i = 0; i < n; i++) {
        printf(".TP\n.B ");
        if (options[i].letter) printf("\\-%c, ", options[i].letter);
        printf("\\-\\-");
        print_roff(options[i].name, options[i].name + strlen(options[i].name));
        if (options[i].value) printf(" \\fI%s\\fR", options[i].value);
        putchar('\n');
        print_roff(options[i].help, options[i].help + strlen(options[i].help));
        putchar('\n');
    }
    printf(".SH SEE ALSO\nunderstudy(1)\n");
}

/* For shells that complete: --NAME, a tab, what its value is (or nothing), a tab, the help. */
static void print_list(const cli_option *options, size_t n) {
    for (size_t i = 0; i < n; i++)
        printf("--%s\t%s\t%s\n", options[i].name, options[i].value ? options[i].value : "", options[i].help);
}

static const cli_option *find_long(const cli_option *options, size_t n, const char *name, size_t len) {
    for (size_t i = 0; i < n; i++)
        if (strlen(options[i].name) == len && !strncmp(options[i].name, name, len)) return &options[i];
    return NULL;
}

int cli_parse(const char *command, const char *usage, const cli_option *options, size_t n, int argc, char **argv,
              int *n_operands, bool *help) {
    int rc = from_environment(command, options, n), kept = 0;
    bool only_operands = false;
    *help = false;
    for (int i = 1; i < argc && !rc; i++) {
        char *a = argv[i], from[80];
        if (only_operands || a[0] != '-' || !a[1]) {
            argv[++kept] = a;
            continue;
        }
        if (!strcmp(a, "--")) {
            only_operands = true;
            continue;
        }
        if (!strcmp(a, "--help") || !strcmp(a, "-h")) {
            print_help(usage, options, n);
            *help = true;
            return 0;
        }
        if (!strcmp(a, "--help=man") || !strcmp(a, "--help=list")) { /* for packages and shells */
            if (a[7] == 'm') print_man(command, usage, options, n);
            else print_list(options, n);
            *help = true;
            return 0;
        }
        const cli_option *o = NULL;
        const char *value = NULL;
        if (a[1] == '-') {
            size_t len = strcspn(a + 2, "=");
            o = find_long(options, n, a + 2, len);
            if (a[2 + len] == '=') value = a + 2 + len + 1;
        } else {
            /* -np style: two-letter names are written with one dash, as llama.cpp does */
            if (a[2]) o = find_long(options, n, a + 1, strlen(a + 1));
            for (size_t k = 0; k < n && !o; k++)
                if (options[k].letter == a[1]) {
                    o = &options[k];
                    if (a[2]) value = a + 2;
                }
        }
        if (!o) return cli_usage(command, "unknown option '%s'", a);
        snprintf(from, sizeof from, "--%s", o->name);
        if (o->type == CLI_SWITCH && value) return cli_usage(command, "%s takes no value", from);
        if (o->type != CLI_SWITCH && !value) {
            if (i + 1 >= argc) return cli_usage(command, "%s needs a value (%s)", from, o->value);
            value = argv[++i];
        }
        rc = set_value(command, o, value, from);
    }
    *n_operands = kept;
    return rc;
}

static char *small_text(void) {
    static _Thread_local char texts[8][CLI_SMALL];
    static _Thread_local unsigned turn;
    return texts[turn++ & 7];
}

const char *cli_count(uint64_t n, const char *noun) {
    char *out = small_text();
    snprintf(out, CLI_SMALL, "%llu %s%s", (unsigned long long)n, noun, n == 1 ? "" : "s");
    return out;
}

const char *cli_time(double seconds) {
    char *out = small_text();
    if (!(seconds < 1e7)) snprintf(out, CLI_SMALL, "?");
    else if (seconds < 90) snprintf(out, CLI_SMALL, "%.0f s", seconds);
    else if (seconds < 5400) snprintf(out, CLI_SMALL, "%.0f min", seconds / 60);
    else snprintf(out, CLI_SMALL, "%d h %02d min", (int)(seconds / 3600), (int)(seconds / 60) % 60);
    return out;
}
