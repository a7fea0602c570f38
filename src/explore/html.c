/* explore/html.c - the report as one page that needs no network, and no script to be read.
 *
 * What can be clicked carries what it stands for: data-f (folded words, '|' between forms), data-line (a whole line),
 * data-with (a speaker), data-len (words in a line). The character's lines with the line before and after each are
 * put in as JSON for the script. */
#include "explore/facts.h"
#include "base/mem.h"
#include "text/fold.h"
#include "text/markup.h"
#include "explore/cloud.h"
#include "explore/report.h"
#include "explore/say.h"
#include <stdlib.h>
#include <string.h>

#include <stdio.h>
#define MAX_LINES_BYTES ((size_t)8 << 20) /* of lines put in; past that every n-th scene */
#define MAX_MATRIX 14

typedef struct page {
    us_buf *b;
    us_status st; /* first failure; nothing is put after it */
    us_error *err;
    const us_facts *f;
    us_tongue tongue;
} page;

static void put(page *p, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!p->st) p->st = us_markup_vf(p->b, p->tongue, p->err, fmt, ap);
    va_end(ap);
}
static void put_raw(page *p, const char *s) {
    if (!p->st) p->st = us_buf_append_str(p->b, s, p->err);
}

typedef unsigned long long big;

static const char *say(const page *p, us_say_id id) { return us_say(p->tongue, id); }

static const char *name_of(const us_facts *f, uint32_t speaker) {
    size_t n;
    return us_script_get_speakers(f->script, &n)[speaker].name;
}

/* ---- sections ------------------------------------------------------------------------------------------------ */

static void put_head(page *p) {
    put(p,
        "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
        us_tongue_code(p->tongue));
    put(p, say(p, US_SAY_TITLE), p->f->name);
    put_raw(p, "</title>\n<style>\n");
    put_raw(p, us_report_css);
}

static void put_cloud_style(page *p, const us_cloud *c) {
    for (int dark = 0; dark < 2 && c; dark++) {
        put_raw(p, dark ? "@media(prefers-color-scheme:dark){" : "");
        for (int k = 0; k < c->n_colours; k++) {
            char rule[64];
            unsigned rgb = dark ? us_colour_on_dark(c->colours[k]) : c->colours[k];
            snprintf(rule, sizeof rule, ".k%d{fill:#%06x;background:#%06x}", k, rgb, rgb);
            put_raw(p, rule);
        }
    }
    put_raw(p, c ? "}" : "");
    put_raw(p, "\n</style>\n</head>\n<body>\n");
}

static void put_tile(page *p, us_say_id label, big n, double share) {
    put(p, "<div><dt>%s</dt><dd>%N", say(p, label), n);
    if (share > 0) put(p, " <small>%.1F%% %s</small>", 100 * share, say(p, US_SAY_OF_ALL));
    put_raw(p, "</dd></div>\n");
}

static void put_header(page *p) {
    const us_facts *f = p->f;
    const us_role *r = &f->role;
    put(p, "<header>\n<p class=\"kicker\">%s</p>\n<h1>%s</h1>\n<p class=\"lede\">", say(p, US_SAY_KICKER), f->name);
    put(p, say(p, US_SAY_LEDE), r->n_lines ? (double)r->n_words / r->n_lines : 0, f->median_words, f->longest_words);
    for (size_t i = 0; i < f->n_talks_to && i < 3; i++)
        put(p, "%s%s",
            i == 0                             ? say(p, US_SAY_TALKS_TO)
            : i == 2 || i + 1 == f->n_talks_to ? say(p, US_SAY_AND)
                                               : ", ",
            f->talks_to[i].text);
    put(p, "%s</p>\n<dl class=\"tiles\">\n", f->n_talks_to ? "." : "");
    put_tile(p, US_SAY_LINES, r->n_lines, r->share_lines);
    put_tile(p, US_SAY_WORDS, r->n_words, r->share_words);
    put_tile(p, US_SAY_SCENES, r->n_scenes, f->n_scenes ? (double)r->n_scenes / f->n_scenes : 0);
    if (f->n_episodes) put_tile(p, US_SAY_EPISODES, r->n_episodes, (double)r->n_episodes / f->n_episodes);
    put_tile(p, US_SAY_DIFFERENT_WORDS, f->n_different_words, 0);
    put_tile(p, US_SAY_DIFFERENT_LINES, f->n_different_lines, 0);
    put_raw(p, "</dl>\n<div id=\"search\"></div>\n</header>\n<main>\n");
}

static void put_cloud(page *p, const us_cloud *c) {
    char first[80];
    us_short_name(p->f->name, first, sizeof first); /* "Homer", but "C. Montgomery Burns" whole */
    put_raw(p, "<section class=\"wide\" id=\"cloud\">\n<h2>");
    put(p, say(p, US_SAY_CLOUD), first);
    put_raw(p, "</h2>\n<figure>");
    if (!p->st) p->st = us_cloud_svg(c, false, p->b, p->err);
    put(p, "<figcaption><span>%s</span> <span class=\"legend\">%s", say(p, US_SAY_LARGER), say(p, US_SAY_EVERYBODY_SAYS));
    for (int k = 0; k < c->n_colours; k++) put(p, "<i class=\"k%d\"></i>", k);
    put(p, say(p, US_SAY_ONE_SAYS), first);
    put_raw(p, "</span></figcaption></figure>\n</section>\n");
}

enum { BY_N, BY_Z };
/* Rows that are bars; data is the attribute that says what a row stands for. */
static void put_terms(page *p, const char *id, us_say_id title, us_say_id note, const us_term *t, size_t n, int by,
                      us_say_id unit, bool lines) {
    put(p, "<section id=\"%s\">\n<h2>%s</h2>\n<p class=\"note\">%s</p>\n", id, say(p, title), say(p, note));
    if (!n) put(p, "<p class=\"note\">%s</p>\n", say(p, US_SAY_NONE));
    else {
        put(p, "<table class=\"bars\"><thead><tr><th>%s</th><th title=\"", say(p, lines ? US_SAY_LINE : US_SAY_WORDS));
        put(p, say(p, US_SAY_OWN), say(p, unit));
        put(p, "\">%s</th><th title=\"%s\">%s</th><th title=\"%s\">z</th></tr></thead><tbody>\n", say(p, unit),
            say(p, US_SAY_BY_OTHERS), say(p, US_SAY_OTHERS), say(p, US_SAY_Z));
    }
    double most = n ? by == BY_Z ? t[0].z : t[0].n : 1;
    for (size_t i = 0; i < n; i++) {
        double v = (by == BY_Z ? t[i].z : t[i].n) / most;
        put(p, "<tr %s=\"%s\" style=\"--v:%.1f%%\"><td><span>%s</span></td><td>%N</td><td>%N</td><td>%.1F</td></tr>\n",
            lines ? "data-line" : "data-f", lines ? t[i].text : t[i].forms, 100 * (v > 0 ? v : 0), t[i].text, (big)t[i].n,
            (big)t[i].n_others, t[i].z);
    }
    put_raw(p, n ? "</tbody></table>\n</section>\n" : "</section>\n");
}

static void put_cast(page *p) {
    const us_facts *f = p->f;
    double most = 0;
    for (size_t i = 0; i < f->n_roles; i++) {
        if (f->roles[i].share_lines > most) most = f->roles[i].share_lines;
        if (f->roles[i].share_words > most) most = f->roles[i].share_words;
    }
    char least[32];
    snprintf(least, sizeof least, "%.3g", 100 * f->main_share);
    if (strchr(least, '.')) *strchr(least, '.') = *us_tongue_point(p->tongue);
    put(p, "<section class=\"wide\" id=\"cast\">\n<h2>%s</h2>\n<p class=\"note\">", say(p, US_SAY_CAST));
    put(p, say(p, US_SAY_CAST_NOTE), least);
    put(p,
        "</p>\n<table class=\"cast\"><thead><tr><th>%s</th><th class=\"chart\"><b class=\"l\"></b>%s <b class=\"w\"></b>%s</th>"
        "<th>%s</th><th class=\"dim\">%s</th>",
        say(p, US_SAY_WHO), say(p, US_SAY_LINES), say(p, US_SAY_WORDS), say(p, US_SAY_LINES), say(p, US_SAY_OF_ALL));
    put(p,
        "<th class=\"more\">%s</th><th class=\"more dim\">%s</th><th class=\"more\">%s</th><th "
        "class=\"more\">%s</th></tr></thead>"
        "<tbody>\n",
        say(p, US_SAY_WORDS), say(p, US_SAY_OF_ALL), say(p, US_SAY_SCENES), say(p, US_SAY_WORDS_A_LINE));
    for (size_t i = 0; i < f->n_roles; i++) {
        const us_role *r = &f->roles[i];
        bool him = r->speaker == f->character;
        put(p,
            "<tr data-with=\"%s\"><th scope=\"row\">%s</th><td class=\"chart\"><i class=\"l\" style=\"width:%.2f%%\"></i><i "
            "class=\"w\" style=\"width:%.2f%%\"></i></td>",
            him ? "" : name_of(f, r->speaker), name_of(f, r->speaker), 100 * r->share_lines / most,
            100 * r->share_words / most);
        put(p,
            "<td>%N</td><td class=\"dim\">%.1F%%</td><td class=\"more\">%N</td><td class=\"more dim\">%.1F%%</td><td "
            "class=\"more\">%N</td><td class=\"more\">%.1F</td></tr>\n",
            (big)r->n_lines, 100 * r->share_lines, (big)r->n_words, 100 * r->share_words, (big)r->n_scenes,
            r->n_lines ? (double)r->n_words / r->n_lines : 0);
    }
    put_raw(p, "</tbody></table>\n</section>\n");
}

/* Main characters past the first few go to the others, so that the table can be read. */
static void put_answers(page *p) {
    const us_facts *f = p->f;
    size_t side = f->n_roles + 1, n = f->n_roles < MAX_MATRIX ? f->n_roles : MAX_MATRIX;
    uint64_t m[MAX_MATRIX + 1][MAX_MATRIX + 1] = {{0}};
    for (size_t i = 0; i < side; i++)
        for (size_t k = 0; k < side; k++) m[i < n ? i : n][k < n ? k : n] += f->answers[i * side + k];
    put(p, "<section class=\"wide\" id=\"answers\">\n<h2>%s</h2>\n<p class=\"note\">%s %s</p>\n", say(p, US_SAY_ANSWERS),
        say(p, US_SAY_ANSWERS_NOTE), say(p, US_SAY_DARKER));
    put_raw(p, "<div class=\"scroll\"><table class=\"heat\"><thead><tr><td></td>");
    for (size_t k = 0; k <= n; k++)
        put(p, "<th scope=\"col\"><span>%s</span></th>", k < n ? name_of(f, f->roles[k].speaker) : say(p, US_SAY_ALL_OTHERS));
    put_raw(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i <= n; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k <= n; k++) sum += m[i][k];
        put(p, "<tr><th scope=\"row\">%s</th>", i < n ? name_of(f, f->roles[i].speaker) : say(p, US_SAY_ALL_OTHERS));
        for (size_t k = 0; k <= n; k++) {
            double share = sum ? (double)m[i][k] / (double)sum : 0;
            bool him = i < n && f->roles[i].speaker == f->character, whom = k < n && f->roles[k].speaker == f->character;
            const char *other = him && k < n && !whom   ? name_of(f, f->roles[k].speaker)
                                : whom && i < n && !him ? name_of(f, f->roles[i].speaker)
                                                        : NULL;
            put(p, "<td style=\"--a:%.3f\"", share > 0.5 ? 1.0 : share * 2);
            if (other) put(p, " data-with=\"%s\"", other);
            if (m[i][k] && !(i == k && i < n)) put(p, ">%N</td>", (big)m[i][k]);
            else put_raw(p, "></td>");
        }
        put_raw(p, "</tr>\n");
    }
    put_raw(p, "</tbody></table></div>\n</section>\n");
}

static void put_lengths(page *p) {
    const us_facts *f = p->f;
    double most = 0, own = f->role.n_lines ? f->role.n_lines : 1, all = f->n_lines ? (double)f->n_lines : 1;
    for (size_t i = 0; i <= US_MAX_LENGTH; i++) {
        if ((double)f->lengths[i] / own > most) most = (double)f->lengths[i] / own;
        if ((double)f->lengths_all[i] / all > most) most = (double)f->lengths_all[i] / all;
    }
    char first[80];
    us_short_name(f->name, first, sizeof first);
    put(p,
        "<section class=\"wide\" id=\"lengths\">\n<h2>%s</h2>\n<p class=\"note\">%s <b class=\"l\"></b>%s <b "
        "class=\"a\"></b>%s</p>"
        "\n<div class=\"histogram\">",
        say(p, US_SAY_LENGTHS), say(p, US_SAY_LENGTHS_NOTE), first, say(p, US_SAY_EVERYBODY));
    for (size_t i = 0; i <= US_MAX_LENGTH; i++) {
        double o = (double)f->lengths[i] / own, a = (double)f->lengths_all[i] / all;
        put(p, "<div data-len=\"%zu\" title=\"%s: %zu%s; %s: %N, %.1F%%; %s: %.1F%%\">", i + 1, say(p, US_SAY_WORDS), i + 1,
            i == US_MAX_LENGTH ? say(p, US_SAY_OR_MORE) : "", say(p, US_SAY_LINES), (big)f->lengths[i], 100 * o,
            say(p, US_SAY_EVERYBODY), 100 * a);
        put(p, "<i style=\"height:%.2f%%\"></i><u style=\"bottom:%.2f%%\"></u>", 100 * o / most, 100 * a / most);
        if (i == 0 || (i + 1) % 5 == 0) put(p, "<span>%zu</span>", i + 1);
        else if (i == US_MAX_LENGTH) put(p, "<span>%s</span>", say(p, US_SAY_MORE));
        put_raw(p, "</div>");
    }
    put_raw(p, "</div>\n</section>\n");
}

static void put_reading(page *p) {
    const us_facts *f = p->f;
    const us_script_counts *c = us_script_get_counts(f->script);
    size_t n;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    put(p, "<section class=\"wide\" id=\"reading\">\n<h2>%s</h2>\n<p>%s: %N; %s: %N, %s: %N, %s: %N, %s: %N. ",
        say(p, US_SAY_READING), say(p, US_SAY_ROWS), (big)c->rows, say(p, US_SAY_LINES), (big)c->lines, say(p, US_SAY_ACTIONS),
        (big)c->actions, say(p, US_SAY_BREAKS), (big)c->breaks, say(p, US_SAY_REJECTED), (big)c->rejected);
    put(p, "%s: %N, ", say(p, US_SAY_SCENES), (big)f->n_scenes);
    if (f->n_episodes) put(p, "%s: %N, ", say(p, US_SAY_EPISODES), (big)f->n_episodes);
    put(p, "%s: %N.", say(p, US_SAY_SPEAKERS), (big)n);
    bool any = false;
    for (int k = 0; k < US_N_RULES; k++) {
        if (!c->repairs[k]) continue;
        if (any) put_raw(p, ",");
        else put(p, " %s:", say(p, US_SAY_REPAIRED));
        put(p, " %s %N", us_rule_name((us_rule)k), (big)c->repairs[k]);
        any = true;
    }
    put(p, "%s</p>\n<p>%s: ", any ? "." : "", say(p, US_SAY_FILES));
    for (uint32_t i = 0; *us_script_get_path(f->script, i); i++) {
        const char *path = us_script_get_path(f->script, i), *slash = strrchr(path, '/');
        put(p, "%s<code>%s</code>", i ? ", " : "", slash ? slash + 1 : path);
    }
    put_raw(p, ".</p>\n");
    if (f->n_relatives) put(p, "<p>%s: ", say(p, US_SAY_APART));
    for (size_t i = 0; i < f->n_relatives && i < 40; i++)
        put(p, "%s%s%s%s\u00a0(%N)", i ? ", " : "", sp[f->relatives[i].speaker].name, f->relatives[i].joint ? ", " : "",
            f->relatives[i].joint ? say(p, US_SAY_JOINT) : "", (big)sp[f->relatives[i].speaker].n_lines);
    if (f->n_relatives > 40) put(p, ", +%zu", f->n_relatives - 40);
    put_raw(p, f->n_relatives ? ".</p>\n<p class=\"note\">" : "<p class=\"note\">");
    put(p, say(p, US_SAY_METHOD), f->name, (big)f->min_lines, f->language);
    put_raw(p, "</p>\n</section>\n");
}

/* ---- the lines, for the script ---------------------------------------------------------------------------------- */

static void put_json_string(page *p, const char *s) {
    put_raw(p, "\"");
    while (*s && !p->st) {
        size_t n = strcspn(s, "\"\\<&"
                              "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18"
                              "\x19\x1a\x1b\x1c\x1d\x1e\x1f");
        char code[8];
        p->st = us_buf_append(p->b, s, n, p->err);
        s += n;
        if (!*s || p->st) break;
        snprintf(code, sizeof code, "\\u%04x", (unsigned char)*s++);
        put_raw(p, code);
    }
    put_raw(p, "\"");
}

/* True when line i is the character's, or stands beside one of theirs in the same scene. */
static bool is_near(const us_facts *f, const us_line *l, size_t n, size_t i) {
    if (l[i].speaker == f->character) return true;
    if (i && l[i - 1].scene == l[i].scene && l[i - 1].speaker == f->character) return true;
    return i + 1 < n && l[i + 1].scene == l[i].scene && l[i + 1].speaker == f->character;
}

/* The words that the script says. */
static void put_said_to_script(page *p) {
    static const struct {
        const char *key;
        us_say_id id;
    } said[] = {{"close", US_SAY_CLOSE},     {"nobody", US_SAY_NOBODY},  {"line", US_SAY_LINE}, {"lines", US_SAY_LINES},
                {"every", US_SAY_IN_EVERY},  {"more", US_SAY_SHOW_MORE}, {"with", US_SAY_WITH}, {"words", US_SAY_WORDS},
                {"or_more", US_SAY_OR_MORE}, {"search", US_SAY_SEARCH}};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        put_raw(p, i ? "," : ",\"say\":{");
        put_json_string(p, said[i].key);
        put_raw(p, ":");
        put_json_string(p, say(p, said[i].id));
    }
    put_raw(p, "}");
}

static void put_lines(page *p) {
    const us_facts *f = p->f;
    size_t n, n_sp, bytes = 0, n_files = 0;
    const us_line *l = us_script_get_lines(f->script, &n);
    const us_speaker *sp = us_script_get_speakers(f->script, &n_sp);
    while (*us_script_get_path(f->script, (uint32_t)n_files)) n_files++;
    for (size_t i = 0; i < n; i++)
        if (is_near(f, l, n, i)) bytes += strlen(l[i].text) + 20;
    uint32_t every = (uint32_t)(bytes / MAX_LINES_BYTES) + 1;
    uint32_t *number, n_named = 0; /* speakers in the order in which they are met */
    if (!p->st) p->st = us_alloc(n_sp + 1, sizeof *number, &number, p->err);
    if (p->st) return;
    char cell[64];
    snprintf(cell, sizeof cell, "{\"every\":%u,\"lines\":[", every);
    put_raw(p, "<script type=\"application/json\" id=\"data\">");
    put_raw(p, cell);
    bool first = true;
    for (size_t i = 0; i < n && !p->st; i++) {
        if (l[i].scene % every || !is_near(f, l, n, i)) continue;
        bool gap = first || l[i - 1].scene != l[i].scene || !is_near(f, l, n, i - 1);
        uint32_t who = l[i].speaker == US_SPEAKER_NONE ? (uint32_t)n_sp : l[i].speaker;
        if (!number[who]) number[who] = ++n_named;
        snprintf(cell, sizeof cell, n_files > 1 ? "%s%s[%u,%u,%u," : "%s%s[%u,%u,", first ? "" : ",", gap && !first ? "0," : "",
                 number[who] - 1, l[i].row, l[i].file);
        put_raw(p, cell);
        put_json_string(p, l[i].text);
        put_raw(p, "]");
        first = false;
    }
    put_raw(p, "],\"speakers\":[");
    const char **names = us_checked(calloc(n_named + 1, sizeof *names));
    if (!names && !p->st) p->st = us_fail(p->err, US_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i <= n_sp && !p->st; i++)
        if (number[i]) names[number[i] - 1] = i < n_sp ? sp[i].name : "";
    for (uint32_t i = 0; i < n_named && !p->st; i++) {
        put_raw(p, i ? "," : "");
        put_json_string(p, names[i]);
    }
    put_raw(p, "],\"files\":[");
    for (uint32_t i = 0; i < n_files; i++) {
        const char *path = us_script_get_path(f->script, i), *slash = strrchr(path, '/');
        put_raw(p, i ? "," : "");
        put_json_string(p, slash ? slash + 1 : path);
    }
    put_raw(p, "],\"name\":");
    put_json_string(p, f->name);
    put_said_to_script(p);
    put_raw(p, "}</script>\n");
    free(number);
    free(names);
}

static void put_footer(page *p) {
    static const char program[] = "<b>understudy explore</b>", file[] = "<a href=\"report.json\">report.json</a>";
    char line[400];
    /* "Made by %s. Every figure is in %s.": our own words, with our own markup in them */
    if (snprintf(line, sizeof line, say(p, US_SAY_MADE_BY), program, file) < (int)sizeof line) put_raw(p, "</main>\n<footer>");
    put_raw(p, line);
    put_raw(p, "</footer>\n");
}

us_status us_report_html(const us_facts *f, const us_cloud *cloud, us_buf *out, us_error *err) {
    page p = {.b = out, .err = err, .f = f, .tongue = us_tongue_of(f->language)};
    put_head(&p);
    put_cloud_style(&p, cloud);
    put_header(&p);
    if (cloud) put_cloud(&p, cloud);
    put_terms(&p, "catch-phrases", US_SAY_CATCH_PHRASES, US_SAY_CATCH_PHRASES_NOTE, f->catch_phrases, f->n_catch_phrases, BY_Z,
              US_SAY_LINES, false);
    put_terms(&p, "keywords", US_SAY_KEYWORDS, US_SAY_KEYWORDS_NOTE, f->keywords, f->n_keywords, BY_Z, US_SAY_TIMES, false);
    put_terms(&p, "lines", US_SAY_WHOLE_LINES, US_SAY_WHOLE_LINES_NOTE, f->top_lines, f->n_top_lines, BY_N, US_SAY_TIMES, true);
    put_terms(&p, "phrases", US_SAY_PHRASES, US_SAY_PHRASES_NOTE, f->top_phrases, f->n_top_phrases, BY_N, US_SAY_LINES, false);
    put_cast(&p);
    put_answers(&p);
    put_lengths(&p);
    put_reading(&p);
    put_footer(&p);
    put_lines(&p);
    put_raw(&p, "<script>\n");
    put_raw(&p, us_report_js);
    put_raw(&p, "</script>\n</body>\n</html>\n");
    return p.st;
}
