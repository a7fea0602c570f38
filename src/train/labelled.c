/* Lines of JSON become conversations with labelled takes. */
#include "train/labelled.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "text/hash.h"
#include <stdlib.h>
#include <string.h>

enum { HELD_OUT = 10, MOST_BYTES = 64 << 20 };

static bool read_row(const json_t *row, us_labelled *e) {
    const json_t *turns = json_object_get(row, "turns"), *takes = json_object_get(row, "takes"),
                 *of = json_object_get(row, "of");
    const char *labels = json_string_value(json_object_get(row, "labels"));
    json_int_t most = of ? json_integer_value(of) : 2;
    size_t n = json_array_size(turns), first = n > US_DIRECTOR_LINES ? n - US_DIRECTOR_LINES : 0;
    *e = (us_labelled){.who = json_string_value(json_object_get(row, "character"))};
    e->n_takes = json_array_size(takes) < US_LABELLED_TAKES ? json_array_size(takes) : US_LABELLED_TAKES;
    if (!e->who || !n || !e->n_takes || !labels || strlen(labels) != json_array_size(takes) || most < 1 ||
        most > US_LABELLED_MOST)
        return false;
    e->most = (unsigned char)most;
    for (size_t i = first; i < n; i++)
        if (!(e->said[e->n_said++] = json_string_value(json_array_get(turns, i)))) return false;
    for (size_t i = 0; i < e->n_takes; i++) {
        const char *take = e->takes[i] = json_string_value(json_array_get(takes, i));
        if (!take || !take[strspn(take, " \t\r\n")] || labels[i] < '0' || labels[i] > '0' + most) return false;
        e->labels[i] = (unsigned char)(labels[i] - '0');
    }
    return true;
}

static us_status add(us_labelled_file *f, const json_t *row, const char *path, size_t line, us_error *err) {
    us_labelled e;
    if (!read_row(row, &e))
        return us_fail(err, US_ERR_FORMAT,
                       "%s:%zu: \"character\", \"turns\", \"takes\" (none is empty) and \"labels\" (a digit a take, 0 to 2 or "
                       "to what \"of\" says, at most %d) are expected",
                       path, line, US_LABELLED_MOST);
    const char *last = e.said[e.n_said - 1];
    bool held = e.n_takes > 1 && us_hash_bytes(5, last, strlen(last)) % HELD_OUT == 0;
    us_status st = held ? us_grow(&f->held, &f->cap_held, f->n_held + 1, sizeof *f->held, err)
                        : us_grow(&f->learned, &f->cap_learned, f->n_learned + 1, sizeof *f->learned, err);
    if (!st) *(held ? &f->held[f->n_held++] : &f->learned[f->n_learned++]) = e;
    return st;
}

us_status us_labelled_read(us_labelled_file *f, const char *path, us_error *err) {
    char *text;
    size_t n, line = 1;
    us_status st = us_file_read(path, MOST_BYTES, &text, &n, err);
    if (st) return st;
    us_sha256_hex(text, n, f->hash);
    if (strlen(text) != n) st = us_fail(err, US_ERR_FORMAT, "%s: byte %zu is NUL: not a file of text", path, strlen(text) + 1);
    for (char *p = text; *p && !st; line++) {
        size_t len = strcspn(p, "\n");
        if (strspn(p, " \t\r") < len) {
            json_error_t e;
            json_t *row = us_json_parse(p, len, &e);
            st = row ? us_grow(&f->rows, &f->cap_rows, f->n_rows + 1, sizeof *f->rows, err)
                     : us_fail(err, US_ERR_FORMAT, "%s:%zu: %s", path, line, e.text);
            if (!st) f->rows[f->n_rows++] = row, st = add(f, row, path, line, err);
            else json_decref(row);
        }
        p += len + (p[len] == '\n');
    }
    free(text);
    return st;
}

void us_labelled_fini(us_labelled_file *f) {
    for (size_t i = 0; i < f->n_rows; i++) json_decref(f->rows[i]);
    free(f->rows);
    free(f->learned);
    free(f->held);
    *f = (us_labelled_file){0};
}
