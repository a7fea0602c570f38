/* audition.html: one page that needs neither network nor script, in the style of explore's report. */
#include "audition/audition.h"
#include "base/file.h"
#include "base/json.h"
#include "text/markup.h"
#include "explore/report.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 120, MAX_FLAGGED = 60 }; /* shown; audition.json has all */

static const char style[] =
    ".figures td,.figures th{padding:5px 0 5px 16px;white-space:nowrap;vertical-align:top}.figures "
    "th[scope=row]{text-align:left;white-space:normal;color:var(--ink);font-size:15px;padding-left:0;min-width:15em}"
    ".figures small{display:block;color:var(--dim);font-size:12px}.figures tr+tr>*{border-top:1px solid var(--line)}.figures "
    "td.best{color:var(--accent);font-weight:650}"
    ".range{position:relative;display:block;height:6px;min-width:84px;background:var(--soft);border-radius:3px;margin-top:3px}."
    "range i{position:absolute;top:1px;height:4px;min-width:2px;background:var(--second);border-radius:2px}.range "
    "b{position:absolute;top:-1px;width:3px;height:8px;margin-left:-1px;background:var(--accent);border-radius:1px}"
    ".said{margin:0 0 14px;padding:0 0 14px;border-bottom:1px solid var(--line)}.said p{margin:3px "
    "0;overflow-wrap:anywhere;white-space:pre-line}.said .asked{color:var(--dim);font-size:14px}.said "
    "b{display:inline-block;min-width:5.2em;color:var(--dim);font-weight:400;font-size:13px}.said "
    "mark{background:var(--soft);color:inherit}"
    "details{margin:8px "
    "0}summary{cursor:pointer;font-weight:600}.passed{color:#2e8b57}.failed{color:var(--accent);font-weight:650}";

typedef struct page {
    us_buf b;
    us_status st; /* first failure; nothing is put after it */
    us_error *err;
    const us_audition *a;
} page;

static void put(page *p, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!p->st) p->st = us_markup_vf(&p->b, US_ENGLISH, p->err, fmt, ap);
    va_end(ap);
}
static void put_raw(page *p, const char *s) {
    if (!p->st) p->st = us_buf_append_str(&p->b, s, p->err);
}

static const char *who_title(int w) {
    static const char *const titles[US_N_WHO] = {"real lines", "model alone", "with the card", "with the adapter"};
    return titles[w];
}

static void format(const us_metric *m, double v, char *out, size_t n) {
    if (!isfinite(v)) snprintf(out, n, "\xe2\x80\x93");
    else if (m->unit == US_UNIT_SHARE) snprintf(out, n, "%.1f%%", 100 * v);
    else snprintf(out, n, fabs(v) >= 10 ? "%.1f" : "%.2f", v);
}

/* ---- the head ------------------------------------------------------------------------------------------------------ */

static void put_tile(page *p, const char *label, us_who who, const char *name) {
    const us_metric *m = us_audition_find(p->a, who, name), *real = us_audition_find(p->a, US_WHO_REAL, name);
    char v[32], r[32];
    if (!m) return;
    format(m, m->value, v, sizeof v);
    put(p, "<div><dt>%s</dt><dd>%s", label, v);
    if (real) format(real, real->value, r, sizeof r), put(p, " <small>real %s</small>", r);
    put_raw(p, "</dd></div>\n");
}

static us_who main_who(const us_audition *a) {
    return a->who[US_WHO_ADAPTER] ? US_WHO_ADAPTER : a->who[US_WHO_PROMPT] ? US_WHO_PROMPT : US_WHO_BASE;
}

static void put_head(page *p) {
    const us_audition *a = p->a;
    us_who who = main_who(a);
    put(p,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<title>The audition of %s</title>\n<style>\n",
        a->card->name);
    put_raw(p, us_report_css);
    put_raw(p, style);
    put(p, "</style>\n</head>\n<body>\n<header>\n<p class=\"kicker\">Audition</p>\n<h1>%s</h1>\n<p class=\"lede\">",
        a->card->name);
    put(p,
        "How well the character holds, measured on %N prompts. Every figure stands beside that of the real lines from scenes "
        "that were kept out of the training.</p>\n<dl class=\"tiles\">\n",
        (unsigned long long)a->probes.n);
    put_tile(p, "recognised as theirs, pooled by 10", who, "style");
    put_tile(p, "true line among ten", who, "r10");
    put_tile(p, "replies with a loop", who, "loops");
    put_tile(p, "speaks for others", who, "other_speaker");
    put_tile(p, "a machine speaks", who, "leaks");
    put_tile(p, "ended by itself", who, "ended");
    put_tile(p, "memorised", who, "memorised");
    put_raw(p, "</dl>\n</header>\n<main>\n");
}

static void put_gates(page *p) {
    const us_audition *a = p->a;
    if (!a->n_gates) return;
    put_raw(p, "<section class=\"wide\" id=\"gates\">\n<h2>Gates</h2>\n<table class=\"cast\"><tbody>\n");
    for (size_t i = 0; i < a->n_gates; i++)
        put(p,
            a->gates[i].passed ? "<tr><th scope=\"row\">%s</th><td>%.4f</td><td class=\"passed\">passed</td></tr>\n"
                               : "<tr><th scope=\"row\">%s</th><td>%.4f</td><td class=\"failed\">failed</td></tr>\n",
            a->gates[i].text, a->gates[i].value);
    put_raw(p, "</tbody></table>\n</section>\n");
}

/* ---- figures --------------------------------------------------------------------------------------------------------- */

/* A share with its interval on a line from 0 to 100%. */
static void put_cell(page *p, const us_metric *m, bool best) {
    char v[32], lo[32], hi[32];
    if (!m) {
        put_raw(p, "<td></td>");
        return;
    }
    format(m, m->value, v, sizeof v);
    put(p, best ? "<td class=\"best\" title=\"over %N\">%s" : "<td title=\"over %N\">%s", (unsigned long long)m->n, v);
    if (isfinite(m->low) && isfinite(m->high)) {
        format(m, m->low, lo, sizeof lo);
        format(m, m->high, hi, sizeof hi);
        put(p, "<small>%s \xe2\x80\x93 %s</small>", lo, hi);
        if (m->unit == US_UNIT_SHARE)
            put(p, "<span class=\"range\"><i style=\"left:%.1f%%;width:%.1f%%\"></i><b style=\"left:%.1f%%\"></b></span>",
                100 * m->low, 100 * fmin(1 - m->low, m->high - m->low), 100 * m->value);
    }
    put_raw(p, "</td>");
}

/* Who of those who answer has the best value, if it differs; -1: nobody. */
static int best_of(const us_audition *a, const us_metric *known) {
    int best = -1;
    double top = 0;
    bool differ = false;
    for (int w = US_WHO_BASE; w < US_N_WHO && known->better; w++) {
        const us_metric *m = us_audition_find(a, (us_who)w, known->name);
        if (!m || !isfinite(m->value)) continue;
        double v = known->better * m->value;
        differ = differ || (best >= 0 && fabs(v - top) > 1e-9);
        if (best < 0 || v > top) best = w, top = v;
    }
    return differ ? best : -1;
}

static void put_figures(page *p) {
    const us_audition *a = p->a;
    size_t n;
    const us_metric *all = us_audition_measures(&n);
    put_raw(p, "<section class=\"wide\" id=\"figures\">\n<h2>Figures</h2>\n<p class=\"note\">With 95% intervals; the bars run "
               "from 0 to 100%. The best of those who answered is coloured where there is a better and a worse.</p>\n<div "
               "class=\"scroll\"><table class=\"figures\"><thead><tr><th></th>");
    for (int w = 0; w < US_N_WHO; w++)
        if (a->metrics[w].n) put(p, "<th scope=\"col\">%s</th>", who_title(w));
    put_raw(p, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++) {
        bool any = false;
        for (int w = 0; w < US_N_WHO; w++) any = any || us_audition_find(a, (us_who)w, all[i].name);
        if (!any) continue;
        int best = best_of(a, &all[i]);
        put(p, "<tr><th scope=\"row\">%s</th>", all[i].title);
        for (int w = 0; w < US_N_WHO; w++)
            if (a->metrics[w].n) put_cell(p, us_audition_find(a, (us_who)w, all[i].name), w == best);
        put_raw(p, "</tr>\n");
    }
    put_raw(p, "</tbody></table></div>\n</section>\n");
}

static const us_metric *find(const us_metrics *m, const char *name) {
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->items[i].name, name)) return &m->items[i];
    return NULL;
}

static void put_takes(page *p) {
    static const char *const shown[] = {"context_gain", "context_gain_share", "loops", "other_speaker_no_stops", "leaks",
                                        "ended",        "memorised",          "words"};
    const us_audition *a = p->a;
    us_who who = main_who(a);
    if (!a->n_counts || !a->by_takes[who][0].n) return;
    put(p,
        "<section class=\"wide\" id=\"takes\">\n<h2>Takes</h2>\n<p class=\"note\">The best of so many candidate replies, %s. "
        "Shipped: %d.</p>\n<div class=\"scroll\"><table class=\"figures\"><thead><tr><th></th>",
        who_title((int)who), a->n_takes);
    for (int i = 0; i < a->n_counts; i++) put(p, "<th scope=\"col\">%d</th>", a->counts[i]);
    put_raw(p, "</tr></thead><tbody>\n");
    for (size_t k = 0; k < sizeof shown / sizeof *shown; k++) {
        if (!find(&a->by_takes[who][0], shown[k])) continue;
        put(p, "<tr><th scope=\"row\">%s</th>", us_metric_known(shown[k])->title);
        for (int i = 0; i < a->n_counts; i++) put_cell(p, find(&a->by_takes[who][i], shown[k]), false);
        put_raw(p, "</tr>\n");
    }
    put_raw(p, "</tbody></table></div>\n</section>\n");
}

static void put_confusion(page *p, const us_confusion *c, uint32_t n) {
    put(p,
        "<section>\n<h2>Whose line is it?</h2>\n<p class=\"note\">%s: who said it (left), whom it was given to (above), in "
        "hundredths.</p>\n<div class=\"scroll\"><table class=\"heat\"><thead><tr><td></td>",
        c->title);
    for (uint32_t k = 0; k < n; k++) put(p, "<th scope=\"col\"><span>%s</span></th>", c->rows[k]);
    put_raw(p, "</tr></thead><tbody>\n");
    for (size_t r = 0; r < c->n_rows; r++) {
        const char *name = c->rows[r];
        for (int w = US_WHO_BASE; w < US_N_WHO && r >= n; w++)
            if (!strcmp(name, us_who_name((us_who)w))) name = who_title(w);
        put(p, r < n ? "<tr><th scope=\"row\">%s</th>" : "<tr><th scope=\"row\"><b>%s</b></th>", name);
        for (uint32_t k = 0; k < n; k++)
            if (isfinite(c->cells[r][k])) put(p, "<td style=\"--a:%.3f\">%.0f</td>", c->cells[r][k], 100 * c->cells[r][k]);
            else put_raw(p, "<td>\xe2\x80\x93</td>");
        put_raw(p, "</tr>\n");
    }
    put_raw(p, "</tbody></table></div>\n</section>\n");
}

static void put_tests(page *p) {
    const us_audition *a = p->a;
    if (!a->n_tests) return;
    put_raw(p,
            "<section class=\"wide\" id=\"tests\">\n<h2>Is it chance?</h2>\n<p class=\"note\">The same prompts answered by "
            "two. Flags: McNemar's exact test; means: paired bootstrap, 95%.</p>\n<div class=\"scroll\"><table "
            "class=\"figures\"><thead><tr><th></th><th scope=\"col\">adapter against</th><th scope=\"col\">difference</th><th "
            "scope=\"col\">p, or interval</th><th scope=\"col\">over</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < a->n_tests; i++) {
        const us_test *t = &a->tests[i];
        put(p, "<tr><th scope=\"row\">%s</th><td>%s</td><td>%.3f</td>", us_metric_known(t->metric)->title, who_title((int)t->b),
            t->difference);
        if (t->counts && t->p < 0.0005) put_raw(p, "<td>p &lt; 0.001</td>");
        else if (t->counts) put(p, "<td>p = %.3f</td>", t->p);
        else put(p, "<td>%.3f \xe2\x80\x93 %.3f</td>", t->low, t->high);
        put(p, "<td>%N</td></tr>\n", (unsigned long long)t->n);
    }
    put_raw(p, "</tbody></table></div>\n</section>\n");
}

/* ---- words ------------------------------------------------------------------------------------------------------------- */

static void put_flagged(page *p) {
    const us_audition *a = p->a;
    size_t i, n_all = json_array_size(a->flagged);
    json_t *f;
    put(p,
        "<section class=\"wide\" id=\"flagged\">\n<h2>Flagged replies</h2>\n<p class=\"note\">%N in all; every one with its "
        "prompt and what the rule saw.</p>\n",
        (unsigned long long)n_all);
    for (int w = US_N_WHO - 1; w > US_WHO_REAL; w--) {
        size_t n = 0, shown = 0;
        json_array_foreach(a->flagged, i, f) n += !strcmp(us_json_text(f, "who"), us_who_name((us_who)w));
        if (!n) continue;
        put(p, w == (int)main_who(a) ? "<details open><summary>%s: %N</summary>\n" : "<details><summary>%s: %N</summary>\n",
            who_title(w), (unsigned long long)n);
        json_array_foreach(a->flagged, i, f) {
            if (strcmp(us_json_text(f, "who"), us_who_name((us_who)w)) || shown++ >= MAX_FLAGGED) continue;
            put(p, "<div class=\"said\"><p class=\"asked\">%s</p><p>%s</p><p class=\"asked\"><mark>%s</mark> %s</p></div>\n",
                us_json_text(f, "prompt"), us_json_text(f, "reply"), us_json_text(f, "rule"), us_json_text(f, "saw"));
        }
        if (n > MAX_FLAGGED)
            put(p, "<p class=\"note\">And %N more in audition.json.</p>\n", (unsigned long long)(n - MAX_FLAGGED));
        put_raw(p, "</details>\n");
    }
    put_raw(p, "</section>\n");
}

/* The openings and provocations first: anybody can judge those; then as many scenes as have room. */
static void put_samples(page *p) {
    const us_audition *a = p->a;
    size_t shown = 0, n_seeds = (size_t)a->o.n_seeds;
    if (!a->n_answers || !a->answers[main_who(a)]) return;
    put_raw(p, "<section class=\"wide\" id=\"replies\">\n<h2>Side by side</h2>\n");
    for (int held = 0; held < 2; held++)
        for (size_t i = 0; i < a->probes.n && shown < MAX_SAMPLES; i++) {
            const us_probe *q = &a->probes.items[i];
            if ((q->kind == US_PROBE_HELD_OUT) != held) continue;
            put(p, "<div class=\"said\"><p class=\"asked\">%s</p>", q->messages[q->n - 1].content);
            if (q->real) put(p, "<p><b>real</b> %s</p>", q->real);
            for (int w = US_WHO_BASE; w < US_N_WHO; w++)
                if (a->answers[w])
                    put(p, "<p><b>%s</b> %s</p>", us_who_name((us_who)w),
                        a->answers[w][i * n_seeds].takes[a->answers[w][i * n_seeds].best].text);
            put_raw(p, "</div>\n");
            shown++;
        }
    put_raw(p, "</section>\n");
}

static void put_how(page *p) {
    const us_audition *a = p->a;
    char sampler[400];
    us_sampler_describe(&a->sampler, sampler, sizeof sampler);
    put(p,
        "<section class=\"wide\" id=\"reading\">\n<h2>How it was measured</h2>\n<p>%d takes, lambda %.2f; %s; at most %d "
        "tokens a reply; history %d lines; adapter at strength %.2f.</p>\n",
        a->n_takes, a->lambda, sampler, a->o.max_tokens, a->card->history, a->o.adapter_scale);
    put(p,
        "<p>Prompts: %N (held-out contexts of the %s part, openings, provocations), %d answers to each. Held-out lines scored: "
        "%N of %N. Training lines: %N. Seed %N.</p>\n",
        (unsigned long long)a->probes.n, a->all_parts ? "whole script, no" : us_part_name(a->part), a->o.n_seeds,
        (unsigned long long)a->targets.n, (unsigned long long)a->classes[0].n_held, (unsigned long long)a->n_train,
        (unsigned long long)a->o.seed);
    put(p, "<p class=\"note\">Formulas and sources: docs/audition.md. Model %s (%s).</p>\n</section>\n",
        us_model_get_info(a->model)->name, a->model_hash);
}

us_status us_audition_html(const us_audition *a, char **out, us_error *err) {
    page p = {.err = err, .a = a};
    us_buf_init(&p.b, (size_t)256 << 20);
    uint32_t with = 0;
    for (uint32_t c = 0; c < a->n_classes; c++) with += a->classes[c].adapter != NULL;
    put_head(&p);
    put_gates(&p);
    put_figures(&p);
    put_takes(&p);
    for (size_t i = 0; i < a->n_confusions; i++) put_confusion(&p, &a->confusions[i], i >= 2 ? with : a->n_classes);
    put_tests(&p);
    put_flagged(&p);
    put_samples(&p);
    put_how(&p);
    put_raw(&p, "</main>\n<footer>Made by <b>understudy audition</b>. Every figure is in <a "
                "href=\"audition.json\">audition.json</a>.</footer>\n</body>\n</html>\n");
    if (!p.st && !(*out = us_buf_take(&p.b, NULL))) p.st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&p.b);
    return p.st;
}
