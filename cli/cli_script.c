#include "cli_script.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TOLD 3 /* files, each with a line */

int cli_script_check(const char *command, cli_script *s) {
    int rc = 0;
    for (size_t i = 0; i < s->off.n && !rc; i++) {
        int k = 0;
        while (k < US_N_RULES && strcmp(us_rule_name((us_rule)k), s->off.items[i])) k++;
        if (k == US_N_RULES) rc = cli_usage(command, "--off: no rule '%s'", s->off.items[i]);
        else s->o.rules_off |= 1u << k;
    }
    const char *d = s->delimiter;
    if (!rc && d) {
        s->o.delimiter = !strcmp(d, "tab") || !strcmp(d, "\\t") ? '\t' : d[0];
        if (!d[0] || (d[1] && s->o.delimiter != '\t') || strchr("\"\n\r", d[0]))
            rc = cli_usage(command, "--delimiter: expected one character or tab, got '%s'", d);
    }
    for (size_t i = 0; !rc && s->o.format; i++)
        if (!us_format_name(i)) {
            char list[300] = "";
            for (size_t k = 0; us_format_name(k) && strlen(list) < 260; k++)
                snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", k ? ", " : "", us_format_name(k));
            rc = cli_usage(command, "--format %s: expected one of %s", s->o.format, list);
        } else if (!strcmp(us_format_name(i), s->o.format)) break;
    s->o.exclude = s->exclude.items;
    s->o.n_exclude = s->exclude.n;
    return rc;
}

us_status cli_script_read(cli_script *s, const char *const *paths, size_t n, us_script **out, us_error *err) {
    us_status st = us_script_load(&s->o, paths, n, out, err);
    free(s->off.items);
    free(s->exclude.items);
    s->off = s->exclude = (cli_list){0};
    s->o.exclude = NULL;
    s->o.n_exclude = 0;
    return st;
}

/* "rejected: not JSON (3, the first in line 7)", for each reason. */
static void tell_rejected(const us_script *script) {
    size_t n, n_told = 0;
    const us_repair *r = us_script_get_repairs(script, &n);
    for (size_t i = 0; i < n && n_told < MOST_TOLD; i++) {
        size_t same = 0;
        bool told = false;
        for (size_t k = 0; r[i].rejected && k < i && !told; k++) told = r[k].rejected && !strcmp(r[k].after, r[i].after);
        if (!r[i].rejected || told) continue;
        for (size_t k = i; k < n; k++) same += r[k].rejected && !strcmp(r[k].after, r[i].after);
        fprintf(stderr, "  %zu row%s rejected: %s (the first: %s:%u)\n", same, same == 1 ? "" : "s", r[i].after,
                us_script_get_path(script, r[i].file), r[i].row);
        n_told++;
    }
}

void cli_script_tell(const us_script *script) {
    const us_script_counts *c = us_script_get_counts(script);
    size_t n, n_speakers, n_told = 0, n_more = 0, n_passed = 0;
    const us_source *s = us_script_get_sources(script, &n);
    us_script_get_speakers(script, &n_speakers);
    for (size_t i = 0; i < n; i++) {
        if (!s[i].format) n_passed++;
        else if (n_told == MOST_TOLD) n_more++;
        else {
            fprintf(stderr, "%s: %s; %s%s: %s", s[i].path, s[i].about, s[i].encoding,
                    s[i].encoding_guessed ? " (a guess; --encoding NAME overrides)" : "", cli_count(s[i].lines, "line"));
            if (n == 1) fprintf(stderr, " of %s", cli_count(n_speakers, "speaker"));
            fprintf(stderr, "\n");
            n_told++;
        }
    }
    if (n_more)
        fprintf(stderr, "  and %zu more file%s; %s of %s in all\n", n_more, n_more == 1 ? "" : "s", cli_count(c->lines, "line"),
                cli_count(n_speakers, "speaker"));
    for (size_t i = 0; i < n && n_passed; i++)
        if (!s[i].format) {
            fprintf(stderr, "  %zu file%s passed over, without dialogue: %s%s\n", n_passed, n_passed == 1 ? "" : "s", s[i].path,
                    n_passed > 1 ? " and others" : "");
            break;
        }
    if (c->rejected) tell_rejected(script);
    if (c->actions) fprintf(stderr, "  %s without spoken words\n", cli_count(c->actions, "row"));
    if (c->unnamed) fprintf(stderr, "  %s without a speaker's name\n", cli_count(c->unnamed, "line"));
}

us_status cli_script_load(cli_script *s, const char *const *paths, size_t n, us_script **out, us_error *err) {
    us_status st = cli_script_read(s, paths, n, out, err);
    if (st) return st;
    if (!s->quiet) cli_script_tell(*out);
    if (s->accept_damage || !(st = us_script_check_damage(*out, err))) return US_OK;
    us_script_free(*out);
    *out = NULL;
    fprintf(stderr, "  --accept-damage goes on with what there is; 'understudy doctor' lists every place\n");
    return st;
}
