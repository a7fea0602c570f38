#include "cli_script.h"
#include <stdlib.h>
#include <string.h>

const char *cli_script_delimiter;

int cli_script_rules(const char *command, cli_list *off, us_script_options *o) {
    int rc = 0;
    for (size_t i = 0; i < off->n && !rc; i++) {
        int k = 0;
        while (k < US_N_RULES && strcmp(us_rule_name((us_rule)k), off->items[i])) k++;
        if (k == US_N_RULES) rc = cli_usage(command, "--off: no rule '%s'", off->items[i]);
        else o->rules_off |= 1u << k;
    }
    free(off->items);
    *off = (cli_list){0};
    const char *d = cli_script_delimiter;
    if (!rc && d) {
        o->delimiter = !strcmp(d, "tab") || !strcmp(d, "\\t") ? '\t' : d[0];
        if (!d[0] || (d[1] && o->delimiter != '\t') || strchr("\"\n\r", d[0]))
            rc = cli_usage(command, "--delimiter: expected one character or tab, got '%s'", d);
    }
    return rc;
}
