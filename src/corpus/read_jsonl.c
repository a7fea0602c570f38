/* JSON Lines: one object a line, keys found like CSV columns; an empty line is a break. */
#include "corpus/script.h"
#include "base/json.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A cell from a string or a number. */
static us_span_str cell_of(json_t *v, char *number, size_t n) {
    if (json_is_string(v)) return (us_span_str){json_string_value(v), json_string_length(v)};
    if (json_is_integer(v)) snprintf(number, n, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v)) snprintf(number, n, "%g", json_real_value(v));
    else return (us_span_str){0};
    return (us_span_str){number, strlen(number)};
}

static us_status add_object(us_rows *r, json_t *o, uint32_t line) {
    us_span_str header[64], cells[US_N_CELLS] = {{0}};
    const char *key;
    json_t *values[64], *v;
    size_t n = 0;
    char numbers[US_N_CELLS][40];
    us_columns columns;
    json_object_foreach(o, key, v) {
        if (n == 64) break;
        header[n] = (us_span_str){key, strlen(key)};
        values[n++] = v;
    }
    us_status st = us_columns_find(r->options, r->path, header, n, &columns, r->err);
    if (st) return st;
    for (int c = 0; c < US_N_CELLS; c++)
        if (columns.at[c] >= 0) cells[c] = cell_of(values[columns.at[c]], numbers[c], sizeof numbers[c]);
    us_rows_add(r, line, cells, false);
    return r->status;
}

us_status us_read_jsonl(us_rows *r) {
    bool std = !strcmp(r->path, "-");
    FILE *f = std ? stdin : fopen(r->path, "rb");
    if (!f)
        return us_fail(r->err, errno == ENOENT ? US_ERR_NOT_FOUND : US_ERR_IO, "%s: cannot open: %s", r->path, strerror(errno));
    size_t max = r->options->max_cell_bytes ? r->options->max_cell_bytes : (size_t)1 << 20;
    us_buf line;
    us_buf_init(&line, 4 * max);
    us_status st = US_OK;
    uint32_t no = 1;
    for (int c = 0; !st && c != EOF;) {
        us_buf_clear(&line);
        while (!st && (c = getc_unlocked(f)) != EOF && c != '\n') {
            char byte = (char)c;
            if (us_buf_append(&line, &byte, 1, NULL))
                st = us_fail(r->err, US_ERR_LIMIT, "%s:%u: a line of more than %zu bytes", r->path, no, line.max);
        }
        if (st || (c == EOF && !line.len)) break;
        bool blank = true;
        for (size_t i = 0; i < line.len && blank; i++) blank = strchr(" \t\r", line.data[i]) && line.data[i];
        json_error_t where;
        json_t *o = blank ? NULL : us_json_parse(line.data, line.len, &where);
        if (blank) us_rows_add(r, no, (us_span_str[US_N_CELLS]){{0}}, false), st = r->status;
        else if (!json_is_object(o))
            st =
                us_fail(r->err, US_ERR_FORMAT, "%s:%u: not a JSON object%s%s", r->path, no, o ? "" : ": ", o ? "" : where.text);
        else st = add_object(r, o, no);
        json_decref(o);
        no++;
    }
    us_buf_fini(&line);
    if (!std) fclose(f);
    return st;
}
