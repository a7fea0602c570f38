/* understudy explore: counts, words, phrases and pictures of a script and one of its characters. */
#include "cli_script.h"
#include "understudy/chat.h"
#include "understudy/explore.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the summary on the terminal ---------------------------------------------------------------------------- */

static bool fancy;
static const char *bold(void) { return cli_escape(fancy, CLI_BOLD); }
static const char *dim(void) { return cli_escape(fancy, CLI_DIM); }
static const char *plain(void) { return cli_escape(fancy, CLI_PLAIN); }

/* 25440 as "25,440"; four results may be in use at once. */
static const char *grouped(uint64_t n) {
    static char texts[4][32];
    static int turn;
    char digits[32], *out = texts[turn++ & 3];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), k = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return out;
}

/* Prints a text in a column: cut or filled up to `width` characters. */
static void column(const char *s, int width) {
    int n = 0;
    for (; *s && n < width; n++) {
        bool last = n == width - 1;
        size_t len = 1;
        while ((s[len] & 0xc0) == 0x80) len++;
        if (last && s[len]) fputs("~", stdout);
        else fwrite(s, 1, len, stdout);
        s += len;
    }
    printf("%*s", width - n, "");
}

static void bar(double share, int width) {
    int n = (int)(share * width + 0.5);
    if (share > 0 && n < 1) n = 1;
    for (int i = 0; i < n; i++) fputs(fancy ? "\u2588" : "#", stdout);
    printf("%*s", width - n, "");
}

static void print_cast(const us_facts *f) {
    size_t n;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    printf("\n%sThe cast%s%s: at least %.3g%% of the lines or of the words\n", bold(), plain(), dim(), 100 * f->main_share);
    printf("  %-26s %10s %7s %10s %7s %8s%s\n", "", "lines", "", "words", "", "scenes", plain());
    for (size_t i = 0; i < f->n_roles; i++) {
        const us_role *r = &f->roles[i];
        bool him = r->speaker == f->character;
        printf("  %s", him ? bold() : "");
        column(sp[r->speaker].name, 26);
        printf("%s %10s %6.1f%% %10s %6.1f%% %8s  ", plain(), grouped(r->n_lines), 100 * r->share_lines, grouped(r->n_words),
               100 * r->share_words, grouped(r->n_scenes));
        bar(f->roles[0].n_lines ? (double)r->n_lines / f->roles[0].n_lines : 0, 20);
        printf("\n");
    }
}

/* Two lists side by side. */
static void print_pair(const char *left, const us_term *a, size_t n_a, bool z_a, const char *right, const us_term *b,
                       size_t n_b, bool z_b, size_t most) {
    printf("\n%s", bold());
    column(left, 46);
    printf("%s%s\n", right, plain());
    if (!n_a && !n_b) printf("  none is said often enough (--min-lines N lowers the mark)\n");
    for (size_t i = 0; i < most && (i < n_a || i < n_b); i++) {
        for (int k = 0; k < 2; k++) {
            const us_term *t = k ? b : a;
            if (i >= (k ? n_b : n_a)) {
                if (!k) printf("%46s", "");
                continue;
            }
            printf("  ");
            column(t[i].text, 28);
            if (k ? z_b : z_a) printf(" %6s %sz %5.1f%s%s", grouped(t[i].n), dim(), t[i].z, plain(), k ? "" : " ");
            else printf(" %6s%9s", grouped(t[i].n), "");
        }
        printf("\n");
    }
}

static void print_summary(const us_facts *f) {
    const us_script_counts *c = us_script_get_counts(f->script);
    const us_role *r = &f->role;
    printf("%s row%s = %s line%s", grouped(c->rows), c->rows == 1 ? "" : "s", grouped(c->lines), c->lines == 1 ? "" : "s");
    printf(" + %s action%s + %s break%s + %s rejected\n", grouped(c->actions), c->actions == 1 ? "" : "s", grouped(c->breaks),
           c->breaks == 1 ? "" : "s", grouped(c->rejected));
    printf("%s scene%s%s%s%s%s, %s words; language: %s\n", grouped(f->n_scenes), f->n_scenes == 1 ? "" : "s",
           f->n_episodes ? " in " : "", f->n_episodes ? grouped(f->n_episodes) : "", f->n_episodes ? " episode" : "",
           f->n_episodes > 1 ? "s" : "", grouped(f->n_words),
           strcmp(f->language, "none") ? f->language : "not known, no stop words (--language, --stop-words FILE)");
    printf("\n%s%s%s\n", bold(), f->name, plain());
    printf("  %s line%s (%.1f%%), %s word%s (%.1f%%)", grouped(r->n_lines), r->n_lines == 1 ? "" : "s", 100 * r->share_lines,
           grouped(r->n_words), r->n_words == 1 ? "" : "s", 100 * r->share_words);
    printf(", %s scene%s", grouped(r->n_scenes), r->n_scenes == 1 ? "" : "s");
    if (f->n_episodes) printf(", %s of %s episodes", grouped(r->n_episodes), grouped(f->n_episodes));
    printf("\n  %.1f words a line (median %u, longest %u); answers another %s time%s",
           r->n_lines ? (double)r->n_words / r->n_lines : 0, f->median_words, f->longest_words, grouped(f->n_answers),
           f->n_answers == 1 ? "" : "s");
    for (size_t i = 0; i < f->n_talks_to && i < 3; i++) printf("%s%s", i ? ", " : ", most of all ", f->talks_to[i].text);
    printf("\n");
    print_cast(f);
    print_pair("Catch-phrases, against the rest of the cast", f->catch_phrases, f->n_catch_phrases, true, "Whole lines",
               f->top_lines, f->n_top_lines, false, 12);
    print_pair("Words of their own", f->keywords, f->n_keywords, true, "Phrases, by lines", f->top_phrases, f->n_top_phrases,
               false, 12);
    if (f->n_relatives) {
        size_t n;
        const us_speaker *sp = us_script_get_speakers(f->script, &n);
        printf("\n%sKept apart%s: ", bold(), plain());
        for (size_t i = 0; i < f->n_relatives && i < 6; i++)
            printf("%s%s (%s)", i ? ", " : "", sp[f->relatives[i].speaker].name, grouped(sp[f->relatives[i].speaker].n_lines));
        printf(f->n_relatives > 6 ? ", and %zu more\n" : "\n", f->n_relatives - 6);
    }
}

/* ---- the lines behind a phrase ----------------------------------------------------------------------------- */

static json_t *words(const char *s) {
    json_t *j = json_string(s);
    return j ? j : json_string("");
}

/* The character's lines that hold the words, each with the line before it in its scene, as JSON. */
static us_status print_found(const us_script *s, const char *character, const char *text, us_error *err) {
    enum { MOST = 60 };
    size_t n, n_sp;
    uint32_t who;
    const us_line *l = us_script_get_lines(s, &n);
    const us_speaker *sp = us_script_get_speakers(s, &n_sp);
    us_status st = us_script_find_speaker(s, character, &who, err);
    json_t *list = json_array();
    for (size_t i = 0; i < n && !st && json_array_size(list) < MOST; i++) {
        if (l[i].speaker != who || !strcasestr(l[i].text, text)) continue;
        json_t *o = json_pack("{s:o, s:i}", "text", words(l[i].text), "row", (int)l[i].row);
        if (i && l[i - 1].scene == l[i].scene) {
            json_object_set_new(o, "before", words(l[i - 1].text));
            if (l[i - 1].speaker != US_SPEAKER_NONE) json_object_set_new(o, "before_speaker", words(sp[l[i - 1].speaker].name));
        }
        json_array_append_new(list, o);
    }
    json_t *all = json_pack("{s:o}", "lines", list);
    char *out = st ? NULL : json_dumps(all, JSON_COMPACT);
    if (out) puts(out);
    free(out);
    json_decref(all);
    return st;
}

/* ---- the command -------------------------------------------------------------------------------------------- */

/* The name on the card of a character's folder, or NULL; to be freed. */
static us_status name_on_card(const char *folder, char **out, us_error *err) {
    char path[4096];
    us_card *card;
    if (snprintf(path, sizeof path, "%s/card.json", folder) >= (int)sizeof path)
        return us_fail(err, US_ERR_ARGUMENT, "--about: the path is too long");
    if (access(path, F_OK))
        return us_fail(err, US_ERR_NOT_FOUND, "%s: no such card: name the character with --character", path);
    us_status st = us_card_open(path, &card, err);
    if (st) return st;
    *out = cli_must(strdup(us_card_name(card)));
    us_card_free(card);
    return *out ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}

static us_status write_files(const us_facts *f, const us_cloud_options *co, const char *out, const char *about, us_error *err) {
    char *warning = NULL;
    us_status st = out || about ? us_fonts_missing(f, co->font, &warning, err) : US_OK;
    if (warning) fprintf(stderr, "understudy explore: warning: %s\n", warning);
    free(warning);
    if (!st && out) {
        us_cloud *cloud = NULL;
        if (f->n_cloud_words) st = us_cloud_new(f, co, &cloud, err);
        else /* everything else is worth a report */
            fprintf(stderr, "understudy explore: '%s' says nothing but stop words: the report has no cloud\n", f->name);
        if (!st) st = us_report_write(f, cloud, out, err);
        us_cloud_free(cloud);
        if (!st) fprintf(stderr, "\nwrote %s/index.html (open it in a browser), report.json, corpus.json and pictures\n", out);
    }
    if (!st && about) {
        st = us_about_write(f, co, about, err);
        if (!st) fprintf(stderr, "%swrote about.json, picture.png, cloud.png and cloud.svg in %s\n", out ? "" : "\n", about);
    }
    return st;
}

int cmd_explore(int argc, char **argv) {
    cli_script so = {0};
    us_explore_options eo = {0};
    us_cloud_options co = {0};
    const char *find = NULL, *out = NULL, *about = NULL, *size_by = "count";
    const char *stop_file = NULL;
    char *name = NULL, *text = NULL, *stop_words = NULL;
    int64_t seed = 0, top = 30, min_lines = 0, words = 200;
    bool json = false, help;
    int n;
    eo.main_share = 0.01;
    const cli_option options[] = {
        {"character", 'c', "NAME", "whose lines (who has most)", CLI_STRING, &eo.character, 0, 0},
        {"out", 'o', "DIR", "write the report there: index.html, report.json, corpus.json, pictures", CLI_STRING, &out, 0, 0},
        {"about", 0, "DIR", "write about.json and pictures into a character's folder, for the chat page", CLI_STRING, &about, 0,
         0},
        {"find", 0, "TEXT", "the character's lines that hold these words, with what was said before, as JSON", CLI_STRING,
         &find, 0, 0},
        {"json", 0, NULL, "the figures as JSON instead of the summary", CLI_SWITCH, &json, 0, 0},
        {"main-share", 0, "X", "main characters have this share of lines or words (0.01)", CLI_FLOAT, &eo.main_share, 0.0001,
         1},
        {"top", 0, "N", "rows of each list (30)", CLI_INT, &top, 1, 1000},
        {"min-lines", 0, "N", "a phrase is said in at least so many lines (3, or one in 5000)", CLI_INT, &min_lines, 1, 1e6},
        {"language", 0, "NAME", "of the stop words: en, de, ru, ... or none (found)", CLI_STRING, &eo.language, 0, 0},
        {"stop-words", 0, "FILE", "more stop words, blanks or line ends between", CLI_STRING, &stop_file, 0, 0},
        {"words", 0, "N", "words of the cloud (200)", CLI_INT, &words, 1, 2000},
        {"size-by", 0, "WHAT", "size of the cloud's words: count, keyness (count)", CLI_STRING, &size_by, 0, 0},
        {"mask", 0, "FILE", "PNG: the cloud's words stand where it is dark", CLI_STRING, &co.mask, 0, 0},
        {"palette", 0, "NAME", "dusk, ocean, forest, ink, or #rrggbb,... from common words to their own (dusk)", CLI_STRING,
         &co.palette, 0, 0},
        {"font", 0, "NAME", "of the cloud, such as 'Comic Neue Bold' (a bold sans)", CLI_STRING, &co.font, 0, 0},
        {"seed", 's', "N", "of the cloud (0)", CLI_INT, &seed, 0, 9e15},
        CLI_SCRIPT_OPTIONS(so),
    };
    int rc = cli_parse(argv[0],
                       "usage: understudy explore FILE... [--character NAME] [--out DIR] [OPTIONS]\n\nCounts, catch-phrases, a "
                       "word cloud: what is in a script of any shape, and what makes a character sound\nlike themselves.",
                       options, sizeof options / sizeof *options, argc, argv, &n, &help);
    if (rc || help) return rc;
    if ((rc = cli_script_check(argv[0], &so))) return rc;
    if (!n) return cli_usage(argv[0], "no file: give one or more scripts");
    if (strcmp(size_by, "count") && strcmp(size_by, "keyness"))
        return cli_usage(argv[0], "--size-by: expected count or keyness, got '%s'", size_by);
    co.by_keyness = size_by[0] == 'k';
    co.seed = (uint64_t)seed;
    co.max_words = (int32_t)words;
    eo.top = (int32_t)top;
    eo.min_lines = (int32_t)min_lines;
    us_error err;
    us_script *script = NULL;
    us_facts *facts = NULL;
    us_status st = US_OK;
    size_t n_stop_words;
    if (stop_file) st = cli_read_all(stop_file, &stop_words, &n_stop_words, &err);
    eo.stop_words = stop_words;
    if (!st && about && !eo.character) st = name_on_card(about, &name, &err), eo.character = name;
    if (!st) st = cli_script_load(&so, (const char *const *)argv + 1, (size_t)n, &script, &err);
    if (!st && find) {
        st = eo.character ? print_found(script, eo.character, find, &err)
                          : us_fail(&err, US_ERR_ARGUMENT, "--find: whose lines? Name the character with --character");
        rc = st ? cli_fail(argv[0], st, &err) : EXIT_OK;
        us_script_free(script);
        return rc;
    }
    if (!st) st = us_explore(script, &eo, &facts, &err);
    if (!st && json) st = us_report_json(facts, &text, &err);
    fancy = cli_fancy(STDOUT_FILENO);
    if (!st && json) cli_put_json(text, stdout), putchar('\n');
    else if (!st) print_summary(facts);
    fflush(stdout); /* before what goes to stderr */
    if (!st) st = write_files(facts, &co, out, about, &err);
    rc = st ? cli_fail(argv[0], st, &err) : EXIT_OK;
    us_facts_free(facts);
    us_script_free(script);
    free(name);
    free(text);
    free(stop_words);
    return rc;
}
