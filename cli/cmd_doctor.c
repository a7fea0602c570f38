/* understudy doctor: what is wrong with a script, and what was done about it. */
#include "cli_model.h"
#include "cli_script.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A JSON string. */
static void quote_to(FILE *f, const char *s) {
    putc('"', f);
    while (*s) {
        char words[256];
        size_t n = strcspn(s, "\"\\\n\t"), k = n < sizeof words - 4 ? n : sizeof words - 4;
        while (k < n && (s[k] & 0xc0) == 0x80 && k + 1 < sizeof words) k++; /* whole characters */
        snprintf(words, sizeof words, "%.*s", (int)k, s);
        cli_put_json(words, f);
        s += k;
        if (k == n && *s) fprintf(f, *s == '\n' ? "\\n" : *s == '\t' ? "\\t" : "\\%c", *s), s++;
    }
    putc('"', f);
}
static void quote(const char *s) { quote_to(stdout, s); }

/* The suggestions as an alias file to edit; one that is there already may have been edited and is left alone. */
static int write_aliases(const char *command, const us_script *s, const us_alias *a, size_t n, const char *path) {
    size_t n_sp, n_written = 0;
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    us_error err;
    FILE *f = fopen(path, "wx");
    if (!f) return cli_fail(command, us_fail(&err, US_ERR_IO, "%s: cannot write: %s", path, strerror(errno)), &err);
    fprintf(f, "{");
    for (size_t to = 0; to < n_sp; to++) {
        bool any = false;
        for (size_t i = 0; i < n; i++) {
            if (a[i].to != to) continue;
            fprintf(f, any ? ", " : n_written ? ",\n " : "\n ");
            if (!any) quote_to(f, sp[to].name), fprintf(f, ": [");
            quote_to(f, sp[a[i].from].name);
            any = true;
            n_written++;
        }
        if (any) fprintf(f, "]");
    }
    fprintf(f, "\n}\n");
    bool bad = ferror(f) != 0;
    if (fclose(f) || bad)
        return cli_fail(command, us_fail(&err, US_ERR_IO, "%s: cannot write: %s", path, strerror(errno)), &err);
    fprintf(stderr, "wrote %zu suggestions to %s: take out what is wrong, then give it to --aliases\n", n_written, path);
    return EXIT_OK;
}

static void print_json(const us_script *s, const us_alias *aliases, size_t n_aliases) {
    const us_script_counts *c = us_script_get_counts(s);
    size_t n, n_sp;
    const us_repair *r = us_script_get_repairs(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    printf("{\"rows\": %llu, \"lines\": %llu, \"actions\": %llu, \"breaks\": %llu, \"rejected\": %llu, \"unnamed\": %llu, "
           "\"names\": %llu, \"speakers\": %zu,\n \"repairs\": {",
           (unsigned long long)c->rows, (unsigned long long)c->lines, (unsigned long long)c->actions,
           (unsigned long long)c->breaks, (unsigned long long)c->rejected, (unsigned long long)c->unnamed,
           (unsigned long long)c->names, n_sp);
    for (int k = 0; k < US_N_RULES; k++)
        printf("%s\"%s\": %llu", k ? ", " : "", us_rule_name((us_rule)k), (unsigned long long)c->repairs[k]);
    printf("},\n \"list\": [");
    for (size_t i = 0; i < n; i++) {
        printf("%s\n  {\"file\": ", i ? "," : "");
        quote(us_script_get_path(s, r[i].file));
        printf(", \"line\": %u, \"rule\": \"%s\", \"before\": ", r[i].row,
               r[i].rejected ? "rejected" : us_rule_name(r[i].rule));
        quote(r[i].before);
        printf(", \"after\": ");
        quote(r[i].after);
        printf("}");
    }
    printf("],\n \"files\": [");
    size_t n_files;
    const us_source *f = us_script_get_sources(s, &n_files);
    for (size_t i = 0; i < n_files; i++) {
        printf("%s\n  {\"path\": ", i ? "," : "");
        quote(f[i].path);
        printf(", \"format\": ");
        quote(f[i].format ? f[i].format : "");
        printf(", \"about\": ");
        quote(f[i].about);
        printf(", \"encoding\": ");
        quote(f[i].encoding);
        printf(", \"guessed\": %s, \"others\": ", f[i].encoding_guessed ? "true" : "false");
        quote(f[i].others);
        printf(", \"rows\": %llu, \"lines\": %llu, \"rejected\": %llu}", (unsigned long long)f[i].rows,
               (unsigned long long)f[i].lines, (unsigned long long)f[i].rejected);
    }
    printf("],\n \"aliases\": [");
    for (size_t i = 0; i < n_aliases; i++) {
        printf("%s\n  {\"from\": ", i ? "," : "");
        quote(sp[aliases[i].from].name);
        printf(", \"to\": ");
        quote(sp[aliases[i].to].name);
        printf(", \"reason\": \"%s\", \"score\": %.2f}", aliases[i].reason, aliases[i].score);
    }
    printf("]}\n");
}

static void print_sources(const us_script *s) {
    size_t n;
    const us_source *f = us_script_get_sources(s, &n);
    printf("\nfiles:\n");
    for (size_t i = 0; i < n; i++) {
        printf("  %s: %s%s", f[i].path, f[i].format ? "" : "passed over: ", f[i].about);
        if (f[i].format)
            printf("; %s%s; %s, %s", f[i].encoding, f[i].encoding_guessed ? " (a guess)" : "", cli_count(f[i].rows, "row"),
                   cli_count(f[i].lines, "line"));
        printf("\n");
        if (f[i].format && f[i].others[0]) printf("    other readings, with their scores: %s\n", f[i].others);
    }
}

static int print_exclusions(const us_script *s) {
    uint32_t *out;
    size_t n, n_sp;
    us_error err;
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    us_status st = us_script_suggest_exclusions(s, &out, &n, &err);
    if (st) return cli_fail("doctor", st, &err);
    if (n) printf("\nnames that may be no person (--exclude NAME leaves their rows out):\n");
    for (size_t i = 0; i < n; i++) printf("  %-30s %s\n", sp[out[i]].name, cli_count(sp[out[i]].n_rows, "row"));
    free(out);
    return EXIT_OK;
}

static int print_text(const us_script *s, const us_alias *aliases, size_t n_aliases, int64_t most) {
    const us_script_counts *c = us_script_get_counts(s);
    size_t n, n_sp, n_scenes, n_episodes;
    const us_repair *r = us_script_get_repairs(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    us_script_get_scenes(s, &n_scenes);
    us_script_get_episodes(s, &n_episodes);
    printf("%s = %s + %s + %s + %llu rejected; %s without a name\n", cli_count(c->rows, "row"), cli_count(c->lines, "line"),
           cli_count(c->actions, "action"), cli_count(c->breaks, "break"), (unsigned long long)c->rejected,
           cli_count(c->unnamed, "line"));
    printf("%s in %s, %s (%s as written)\n", cli_count(n_scenes, "scene"), cli_count(n_episodes, "episode"),
           cli_count(n_sp, "speaker"), cli_count(c->names, "name"));
    print_sources(s);
    printf("\nrepairs:\n");
    for (int k = 0; k < US_N_RULES; k++) printf("  %-12s %8llu\n", us_rule_name((us_rule)k), (unsigned long long)c->repairs[k]);
    for (size_t i = 0; i < n && (int64_t)i < most; i++) {
        if (r[i].rejected) printf("%s:%u: rejected: %s\n", us_script_get_path(s, r[i].file), r[i].row, r[i].after);
        else
            printf("%s:%u: %s: '%.80s' -> '%.80s'\n", us_script_get_path(s, r[i].file), r[i].row, us_rule_name(r[i].rule),
                   r[i].before, r[i].after);
    }
    if ((int64_t)n > most) printf("... and %zu more (--most N, or --json for all)\n", n - (size_t)most);
    int rc = print_exclusions(s);
    if (n_aliases) printf("\nnames that may be one person (nothing is joined until an alias file says so):\n");
    for (size_t i = 0; i < n_aliases && (int64_t)i < most; i++)
        printf("  %-30s -> %-30s %s (%.2f)\n", sp[aliases[i].from].name, sp[aliases[i].to].name, aliases[i].reason,
               aliases[i].score);
    return rc;
}

/* Does this model know the language of the lines? */
static int ask_model(const us_script *s, const char *model) {
    size_t n, n_texts = 0;
    const us_line *l = us_script_get_lines(s, &n);
    const char **texts = cli_must(malloc((n + 1) * sizeof *texts));
    us_model *m = NULL;
    us_error err;
    us_fluency f;
    char *path = cli_model_path("doctor", model);
    for (size_t i = 0; i < n; i++) texts[n_texts++] = l[i].text;
    us_status st = path ? us_model_open(path, &(us_model_options){0}, &m, &err) : US_OK;
    if (!st && path) st = cli_tell_fluency(m, texts, n_texts, 0, false, &f, &err);
    if (!st && path && !f.n_tokens) fprintf(stderr, "too few words to say whether the model knows their language\n");
    us_model_free(m);
    free(texts);
    free(path);
    return st ? cli_fail("doctor", st, &err) : path ? EXIT_OK : EXIT_FAILED;
}

int cmd_doctor(int argc, char **argv) {
    cli_script so = {0};
    int64_t most = 20;
    bool json = false, summary = false, suggest = false, help;
    const char *write = NULL, *model = NULL;
    int n;
    const cli_option options[] = {
        CLI_SCRIPT_OPTIONS(so),
        {"suggest-aliases", 0, NULL, "list names that may be one person", CLI_SWITCH, &suggest, 0, 0},
        {"write-aliases", 0, "FILE", "write them as an alias file to edit (a new one)", CLI_STRING, &write, 0, 0},
        {"model", 'm', "FILE", "say too whether this GGUF model knows the script's language", CLI_STRING, &model, 0, 0},
        {"most", 0, "N", "repairs to list (20)", CLI_INT, &most, 0, 1e9},
        {"summary", 0, NULL, "what the page shows of it, as JSON", CLI_SWITCH, &summary, 0, 0},
        {"json", 0, NULL, "everything as JSON", CLI_SWITCH, &json, 0, 0},
    };
    char usage[2000] = "usage: understudy doctor FILE... [OPTIONS]\n\nReads a script of any shape, repairs it, and tells what "
                       "it found and what was "
                       "repaired. Shapes, for --format:";
    for (size_t i = 0; us_format_name(i) && strlen(usage) < sizeof usage - 200; i++)
        snprintf(usage + strlen(usage), 200, "\n  %-12s %.150s", us_format_name(i), us_format_title(i));
    int rc = cli_parse(argv[0], usage, options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if (!n) return cli_usage(argv[0], "no file: give one or more scripts");
    if ((rc = cli_script_check(argv[0], &so))) return rc;
    us_error err;
    us_script *s;
    us_alias *aliases = NULL;
    size_t n_aliases = 0;
    us_status st = cli_script_read(&so, (const char *const *)argv + 1, (size_t)n, &s, &err);
    if (st) return cli_fail(argv[0], st, &err);
    if (suggest || write) st = us_script_suggest_aliases(s, &aliases, &n_aliases, &err);
    if (st) rc = cli_fail(argv[0], st, &err);
    else if (write) rc = write_aliases(argv[0], s, aliases, n_aliases, write);
    else if (summary) rc = (st = cli_script_summary(s, &err)) ? cli_fail(argv[0], st, &err) : EXIT_OK;
    else if (json) print_json(s, aliases, n_aliases);
    else rc = print_text(s, aliases, n_aliases, most);
    free(aliases);
    fflush(stdout); /* the report comes first, also where both go to one place */
    cli_script_tell(s);
    if (!rc && model) rc = ask_model(s, model);
    if (!rc && us_script_check_damage(s, &err)) {
        const us_script_counts *c = us_script_get_counts(s);
        fprintf(stderr, "understudy doctor: %s\n", err.message);
        if (!c->lines) rc = EXIT_FAILED; /* nothing is left to train on */
    }
    us_script_free(s);
    return rc;
}
