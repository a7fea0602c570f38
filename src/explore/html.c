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
} page;

static void put(page *p, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!p->st) p->st = us_markup_vf(p->b, p->err, fmt, ap);
    va_end(ap);
}
static void put_raw(page *p, const char *s) {
    if (!p->st) p->st = us_buf_append_str(p->b, s, p->err);
}

typedef unsigned long long big;

static const char *name_of(const us_facts *f, uint32_t speaker) {
    size_t n;
    return us_script_get_speakers(f->script, &n)[speaker].name;
}

/* The first name, for headings: "Homer", but "C. Montgomery Burns" whole. */
static void first_name(const us_facts *f, char *out, size_t max) {
    size_t n = us_first_name(f->name);
    if (!n) n = strlen(f->name);
    if (n >= max) n = max - 1;
    while (n && (f->name[n] & 0xc0) == 0x80) n--;
    memcpy(out, f->name, n);
    out[n] = 0;
}

/* ---- sections ------------------------------------------------------------------------------------------------ */

static void put_head(page *p) {
    put(p,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s in words</title>\n<style>\n",
        p->f->name);
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

static void put_tile(page *p, const char *label, big n, const char *note, double share) {
    put(p, "<div><dt>%s</dt><dd>%N", label, n);
    if (share > 0) put(p, " <small>%.1f%% %s</small>", 100 * share, note);
    else if (note[0]) put(p, " <small>%s</small>", note);
    put_raw(p, "</dd></div>\n");
}

static void put_header(page *p) {
    const us_facts *f = p->f;
    const us_role *r = &f->role;
    size_t n_files = 0;
    while (*us_script_get_path(f->script, (uint32_t)n_files)) n_files++;
    put(p, "<header>\n<p class=\"kicker\">What the script says</p>\n<h1>%s</h1>\n<p class=\"lede\">", f->name);
    put(p, "%.1f words a line; half of the lines have %u or fewer, the longest %u. ",
        r->n_lines ? (double)r->n_words / r->n_lines : 0, f->median_words, f->longest_words);
    for (size_t i = 0; i < f->n_talks_to && i < 3; i++)
        put(p, "%s%s", i == 0 ? "Speaks most with " : i == 2 || i + 1 == f->n_talks_to ? " and " : ", ", f->talks_to[i].text);
    put(p, "%s</p>\n<dl class=\"tiles\">\n", f->n_talks_to ? "." : "");
    put_tile(p, "lines", r->n_lines, "of all", r->share_lines);
    put_tile(p, "words", r->n_words, "of all", r->share_words);
    put_tile(p, "scenes", r->n_scenes, "of all", f->n_scenes ? (double)r->n_scenes / f->n_scenes : 0);
    if (f->n_episodes) put_tile(p, "episodes", r->n_episodes, "of all", (double)r->n_episodes / f->n_episodes);
    put_tile(p, "different words", f->n_different_words, "", 0);
    put_tile(p, "different lines", f->n_different_lines, "", 0);
    put_raw(p, "</dl>\n<div id=\"search\"></div>\n</header>\n<main>\n");
}

static void put_cloud(page *p, const us_cloud *c) {
    char first[80];
    first_name(p->f, first, sizeof first);
    put(p, "<section class=\"wide\" id=\"cloud\">\n<h2>The words of %s</h2>\n<figure>", first);
    if (!p->st) p->st = us_cloud_svg(c, false, p->b, p->err);
    put_raw(p, "<figcaption><span>Larger: said more often.</span> <span class=\"legend\">everybody says it");
    for (int k = 0; k < c->n_colours; k++) put(p, "<i class=\"k%d\"></i>", k);
    put(p, "%s says it</span></figcaption></figure>\n</section>\n", first);
}

enum { BY_N, BY_Z };
/* Rows that are bars; data is the attribute that says what a row stands for. */
static void put_terms(page *p, const char *id, const char *title, const char *note, const us_term *t, size_t n, int by,
                      const char *unit, bool lines) {
    put(p, "<section id=\"%s\">\n<h2>%s</h2>\n<p class=\"note\">%s</p>\n", id, title, note);
    if (!n) put_raw(p, "<p class=\"note\">None.</p>\n");
    else
        put(p,
            "<table class=\"bars\"><thead><tr><th>%s</th><th title=\"%s of the character\">%s</th><th title=\"the same, by all "
            "others\">others</th><th title=\"log-odds ratio with an informative Dirichlet prior; above 1.96: beyond chance at "
            "the 5%% mark\">z</th></tr></thead><tbody>\n",
            lines ? "line" : "words", unit, unit);
    double most = n ? by == BY_Z ? t[0].z : t[0].n : 1;
    for (size_t i = 0; i < n; i++) {
        double v = (by == BY_Z ? t[i].z : t[i].n) / most;
        put(p, "<tr %s=\"%s\" style=\"--v:%.1f%%\"><td><span>%s</span></td><td>%N</td><td>%N</td><td>%.1f</td></tr>\n",
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
    put(p,
        "<section class=\"wide\" id=\"cast\">\n<h2>The cast</h2>\n<p class=\"note\">Who has at least %s%% of the lines or of "
        "the words.</p>\n"
        "<table class=\"cast\"><thead><tr><th>who</th><th class=\"chart\"><b class=\"l\"></b>lines <b "
        "class=\"w\"></b>words</th><th>lines</th><th class=\"dim\">of all</th><th class=\"more\">words</th><th class=\"more "
        "dim\">of all</th><th class=\"more\">scenes</th>"
        "<th class=\"more\">words a line</th></tr></thead><tbody>\n",
        least);
    for (size_t i = 0; i < f->n_roles; i++) {
        const us_role *r = &f->roles[i];
        bool him = r->speaker == f->character;
        put(p,
            "<tr data-with=\"%s\"><th scope=\"row\">%s</th><td class=\"chart\"><i class=\"l\" style=\"width:%.2f%%\"></i><i "
            "class=\"w\" style=\"width:%.2f%%\"></i></td>",
            him ? "" : name_of(f, r->speaker), name_of(f, r->speaker), 100 * r->share_lines / most,
            100 * r->share_words / most);
        put(p,
            "<td>%N</td><td class=\"dim\">%.1f%%</td><td class=\"more\">%N</td><td class=\"more dim\">%.1f%%</td><td "
            "class=\"more\">%N</td><td class=\"more\">%.1f</td></tr>\n",
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
    put_raw(p, "<section class=\"wide\" id=\"answers\">\n<h2>Who answers whom</h2>\n<p class=\"note\">How often the one at the "
               "left speaks right after the one above, in the same scene. Darker: a larger share of the row.</p>\n"
               "<div class=\"scroll\"><table class=\"heat\"><thead><tr><td></td>");
    for (size_t k = 0; k <= n; k++)
        put(p, "<th scope=\"col\"><span>%s</span></th>", k < n ? name_of(f, f->roles[k].speaker) : "all others");
    put_raw(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i <= n; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k <= n; k++) sum += m[i][k];
        put(p, "<tr><th scope=\"row\">%s</th>", i < n ? name_of(f, f->roles[i].speaker) : "all others");
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
    first_name(f, first, sizeof first);
    put(p,
        "<section class=\"wide\" id=\"lengths\">\n<h2>Length of a line</h2>\n<p class=\"note\">Share of the lines by their "
        "number of words. <b class=\"l\"></b>%s <b class=\"a\"></b>everybody</p>\n<div class=\"histogram\">",
        first);
    for (size_t i = 0; i <= US_MAX_LENGTH; i++) {
        double o = (double)f->lengths[i] / own, a = (double)f->lengths_all[i] / all;
        put(p,
            "<div data-len=\"%zu\" title=\"%zu%s word%s: %N lines, %.1f%%; everybody %.1f%%\"><i "
            "style=\"height:%.2f%%\"></i><u style=\"bottom:%.2f%%\"></u>",
            i + 1, i + 1, i == US_MAX_LENGTH ? " or more" : "", i ? "s" : "", (big)f->lengths[i], 100 * o, 100 * a,
            100 * o / most, 100 * a / most);
        if (i == 0 || (i + 1) % 5 == 0) put(p, "<span>%zu</span>", i + 1);
        else if (i == US_MAX_LENGTH) put_raw(p, "<span>more</span>");
        put_raw(p, "</div>");
    }
    put_raw(p, "</div>\n</section>\n");
}

static void put_reading(page *p) {
    const us_facts *f = p->f;
    const us_script_counts *c = us_script_get_counts(f->script);
    size_t n;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    put_raw(p, "<section class=\"wide\" id=\"reading\">\n<h2>How it was read</h2>\n");
    put(p, "<p>%N rows = %N lines + %N actions + %N breaks + %N rejected. %N scenes", (big)c->rows, (big)c->lines,
        (big)c->actions, (big)c->breaks, (big)c->rejected, (big)f->n_scenes);
    if (f->n_episodes) put(p, " in %N episodes", (big)f->n_episodes);
    put(p, ", %N speakers.", (big)n);
    bool any = false;
    for (int k = 0; k < US_N_RULES; k++)
        if (c->repairs[k])
            put(p, "%s %s %N", any ? "," : " Repaired:", us_rule_name((us_rule)k), (big)c->repairs[k]), any = true;
    put_raw(p, any ? ".</p>\n<p>Files: " : "</p>\n<p>Files: ");
    for (uint32_t i = 0; *us_script_get_path(f->script, i); i++) {
        const char *path = us_script_get_path(f->script, i), *slash = strrchr(path, '/');
        put(p, "%s<code>%s</code>", i ? ", " : "", slash ? slash + 1 : path);
    }
    put_raw(p, ".</p>\n");
    if (f->n_relatives) put_raw(p, "<p>Kept apart, because they are other names until an alias file joins them: ");
    for (size_t i = 0; i < f->n_relatives && i < 40; i++)
        put(p, "%s%s%s\u00a0(%N)", i ? ", " : "", sp[f->relatives[i].speaker].name, f->relatives[i].joint ? ", joint" : "",
            (big)sp[f->relatives[i].speaker].n_lines);
    if (f->n_relatives > 40) put(p, " and %zu more", f->n_relatives - 40);
    if (f->n_relatives) put_raw(p, ".</p>\n");
    put(p,
        "<p class=\"note\">z is the log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008) of %s "
        "against all others, the prior being the whole script. Phrases are counted by the lines that hold them "
        "(at least %N); a phrase that a longer one nearly always holds is left to that one. Pairs of words in the cloud have a "
        "Dunning G\u00b2 of 30 or more. Stop words: %s.</p>\n</section>\n",
        f->name, (big)f->min_lines, f->language);
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

static void put_lines(page *p) {
    const us_facts *f = p->f;
    size_t n, n_sp, bytes = 0, n_files = 0;
    const us_line *l = us_script_get_lines(f->script, &n);
    const us_speaker *sp = us_script_get_speakers(f->script, &n_sp);
    while (*us_script_get_path(f->script, (uint32_t)n_files)) n_files++;
    for (size_t i = 0; i < n; i++)
        if (is_near(f, l, n, i)) bytes += strlen(l[i].text) + 20;
    uint32_t every = (uint32_t)(bytes / MAX_LINES_BYTES) + 1;
    uint32_t *number = us_checked(calloc(n_sp + 1, sizeof *number)),
             n_named = 0; /* speakers in the order in which they are met */
    if (!number && !p->st) p->st = us_fail(p->err, US_ERR_MEMORY, "out of memory");
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
    put_raw(p, "}</script>\n");
    free(number);
    free(names);
}

us_status us_report_html(const us_facts *f, const us_cloud *cloud, us_buf *out, us_error *err) {
    page p = {.b = out, .err = err, .f = f};
    put_head(&p);
    put_cloud_style(&p, cloud);
    put_header(&p);
    if (cloud) put_cloud(&p, cloud);
    put_terms(
        &p, "catch-phrases", "Catch-phrases",
        "Two to six words, and words that make a sentence, by how much more often these lines hold them than everybody else's.",
        f->catch_phrases, f->n_catch_phrases, BY_Z, "lines", false);
    put_terms(&p, "keywords", "Words of one's own", "Single words and pairs, without stop words, by the same measure.",
              f->keywords, f->n_keywords, BY_Z, "times", false);
    put_terms(&p, "lines", "Whole lines", "Said most often, exactly as written.", f->top_lines, f->n_top_lines, BY_N, "lines",
              true);
    put_terms(&p, "phrases", "Phrases", "Two to six words, by the lines that hold them.", f->top_phrases, f->n_top_phrases,
              BY_N, "lines", false);
    put_cast(&p);
    put_answers(&p);
    put_lengths(&p);
    put_reading(&p);
    put_raw(&p, "</main>\n<footer>Made by <b>understudy explore</b>. Every figure is in <a "
                "href=\"report.json\">report.json</a>.</footer>\n");
    put_lines(&p);
    put_raw(&p, "<script>\n");
    put_raw(&p, us_report_js);
    put_raw(&p, "</script>\n</body>\n</html>\n");
    return p.st;
}
