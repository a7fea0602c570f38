/* Sets as JSON lines: the three forms that trainers take, written and read. */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "dataset/dataset.h"
#include "text/hash.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_FILE_BYTES ((size_t)2 << 30)
#define MAX_ROW_TURNS 10000

/* ---- writing --------------------------------------------------------------------------------------------- */

static json_t *message(us_row_form form, const char *role, const char *text, bool learned) {
    bool self = !strcmp(role, "assistant");
    if (form != US_ROWS_SHAREGPT) {
        json_t *m = json_pack("{s:s, s:s}", "role", role, "content", text);
        if (self && !learned && form == US_ROWS_MESSAGES) json_object_set_new(m, "weight", json_integer(0));
        return m;
    }
    json_t *m = json_pack("{s:s, s:s}", "from", self ? "gpt" : !strcmp(role, "user") ? "human" : "system", "value", text);
    if (self) json_object_set_new(m, "train", json_boolean(learned));
    return m;
}

/* Turns [first, last] of an example as a row; with `only` the last alone is learned. */
static us_status write_row(const us_dataset *d, us_row_form form, const us_example *e, uint32_t first, uint32_t last, bool only,
                           us_buf *out, us_error *err) {
    json_t *row = json_object(), *list = json_array(), *completion = form == US_ROWS_COMPLETION ? json_array() : NULL;
    if (d->system[0]) json_array_append_new(list, message(form, "system", d->system, false));
    for (uint32_t i = first; i <= last; i++) {
        const us_turn *t = &d->turns[e->first_turn + i];
        json_t *to = completion && i == last ? completion : list;
        json_array_append_new(to,
                              message(form, t->character ? "assistant" : "user", t->text, t->target && (!only || i == last)));
    }
    json_object_set_new(row,
                        form == US_ROWS_COMPLETION ? "prompt"
                        : form == US_ROWS_SHAREGPT ? "conversations"
                                                   : "messages",
                        list);
    if (completion) json_object_set_new(row, "completion", completion);
    char *text = json_dumps(row, JSON_COMPACT);
    json_decref(row);
    us_status st = text ? us_buf_appendf(out, err, "%s\n", text) : us_fail(err, US_ERR_MEMORY, "out of memory");
    free(text);
    return st;
}

static us_status write_part(const us_dataset *d, us_row_form form, bool scenes, us_part part, us_buf *out, us_error *err) {
    us_status st = US_OK;
    us_buf_clear(out);
    for (size_t x = 0; x < d->n_examples && !st; x++) {
        const us_example *e = &d->examples[x];
        if (e->part != part) continue;
        if (scenes && form != US_ROWS_COMPLETION) st = write_row(d, form, e, 0, e->n_turns - 1, false, out, err);
        else
            for (uint32_t i = 0; i < e->n_turns && !st; i++)
                if (d->turns[e->first_turn + i].target)
                    st = write_row(d, form, e, us_dataset_window(d, e, i), i, true, out, err);
    }
    return st;
}

us_status us_dataset_write(const us_dataset *d, us_row_form form, bool scenes, const char *folder, us_error *err) {
    us_buf b;
    us_buf_init(&b, MAX_FILE_BYTES);
    us_status st = us_dir_make(folder, err);
    for (int p = 0; p < US_N_PARTS && !st; p++) {
        char *name = NULL, file[32];
        snprintf(file, sizeof file, "%s.jsonl", us_part_name((us_part)p));
        if (!(name = us_path_join(folder, file))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        if (!st) st = write_part(d, form, scenes, (us_part)p, &b, err);
        if (!st) st = us_file_write_atomic(name, b.data ? b.data : "", b.len, err);
        free(name);
    }
    us_buf_fini(&b);
    return st;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

typedef struct row_reader {
    us_dataset *d;
    const us_dataset_options *o;
    const char *path;
    size_t line;
    bool have_system;
    uint64_t hash;
    us_error *err;
} row_reader;

static us_status bad(const row_reader *r, const char *what) {
    return us_fail(r->err, US_ERR_FORMAT, "%s:%zu: %s", r->path, r->line, what);
}

static us_status set_system(row_reader *r, const char *text) {
    if (r->have_system || r->d->system[0]) {
        if (!strcmp(text, r->d->system)) return US_OK;
        return bad(r, "the system message differs from the one before: a set has one persona (split it, or make them equal)");
    }
    free(r->d->system);
    r->d->system = NULL;
    r->have_system = true;
    return us_strdup(text, &r->d->system, r->err);
}

static uint32_t count_lines(const char *s) {
    uint32_t n = 1;
    for (; *s; s++) n += *s == '\n';
    return n;
}

/* One message of either shape. Two of one role in a row are refused: whose turn it is would be a guess. */
static us_status add_message(row_reader *r, json_t *m, size_t first, bool only_last, bool last) {
    const char *role = json_string_value(json_object_get(m, "role")), *from = json_string_value(json_object_get(m, "from"));
    json_t *content = json_object_get(m, from ? "value" : "content"), *weight = json_object_get(m, "weight"),
           *train = json_object_get(m, "train");
    if (!json_is_object(m) || (!role && !from) || !json_is_string(content))
        return bad(r, "expected messages {\"role\", \"content\"} or {\"from\", \"value\"} with texts");
    const char *who = role ? role : from, *text = json_string_value(content);
    if (strlen(text) != json_string_length(content)) return bad(r, "a NUL in a text");
    bool self = !strcmp(who, "assistant") || !strcmp(who, "gpt"), other = !strcmp(who, "user") || !strcmp(who, "human");
    if (!strcmp(who, "system"))
        return r->d->n_turns > first ? bad(r, "the system message must be the first") : set_system(r, text);
    if (!self && !other) return bad(r, "role: expected system, user or assistant (ShareGPT: system, human, gpt)");
    if (r->d->n_turns > first && r->d->turns[r->d->n_turns - 1].character == self)
        return bad(r, "two messages of one role in a row");
    bool learned = !(json_is_number(weight) && json_number_value(weight) == 0) && !json_is_false(train);
    us_turn t = {.n_lines = other ? count_lines(text) : 1,
                 .character = self,
                 .target = self && learned && r->d->n_turns > first && (!only_last || last)};
    if (self) r->d->counts.lines++, r->d->counts.turns++, r->d->counts.filtered[US_FILTER_OPENING] += r->d->n_turns == first;
    r->hash = us_hash_bytes(r->hash, text, strlen(text));
    return us_dataset_add_turn(r->d, t, text, strlen(text), r->err);
}

static us_status add_row(row_reader *r, json_t *row, us_part part, bool split) {
    json_t *list = json_object_get(row, "messages"), *completion = json_object_get(row, "completion"), *m;
    if (!list) list = json_object_get(row, "conversations");
    if (!list) list = json_object_get(row, "prompt");
    if (!json_is_array(list) || (completion && !json_is_array(completion)))
        return bad(r,
                   "expected {\"messages\": [...]}, {\"conversations\": [...]} or {\"prompt\": [...], \"completion\": [...]}");
    size_t i, n = json_array_size(list) + json_array_size(completion), first = r->d->n_turns;
    if (n > MAX_ROW_TURNS) return bad(r, "more than 10000 messages in a row");
    r->hash = 0;
    us_status st = US_OK;
    json_array_foreach(list, i, m)
        if (!st) st = add_message(r, m, first, completion != NULL, i + 1 == n);
    json_array_foreach(completion, i, m)
        if (!st) st = add_message(r, m, first, true, i + 1 == json_array_size(completion));
    return st ? st : us_dataset_close_example(r->d, first, split ? us_dataset_part(r->o, r->hash) : part, r->err);
}

static us_status read_file(row_reader *r, us_part part, bool split) {
    char *text;
    size_t n;
    us_status st = us_file_read(r->path, MAX_FILE_BYTES, &text, &n, r->err);
    if (st) return st;
    r->line = 0;
    for (char *p = text, *end = text + n, *nl; p < end && !st; p = nl + 1) {
        nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl) nl = end;
        r->line++;
        size_t len = (size_t)(nl - p);
        while (len && strchr(" \t\r", p[len - 1])) len--;
        if (!len) continue;
        json_error_t where;
        json_t *row = us_json_parse(p, len, &where);
        st = row ? add_row(r, row, part, split)
                 : us_fail(r->err, US_ERR_FORMAT, "%s:%zu:%d: not JSON: %s", r->path, r->line, where.column, where.text);
        json_decref(row);
    }
    free(text);
    return st;
}

us_status us_dataset_read(const char *path, const us_dataset_options *options, us_dataset **out, us_error *err) {
    static const us_dataset_options none;
    const us_dataset_options *o = options ? options : &none;
    us_dataset *d = NULL;
    struct stat about;
    if (stat(path, &about)) return us_fail(err, US_ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    us_status st = us_dataset_new(o, &d, err);
    if (st) return st;
    row_reader r = {.d = d, .o = o, .path = path, .err = err};
    if (!S_ISDIR(about.st_mode)) st = read_file(&r, US_TRAIN, true);
    for (int p = 0; p < US_N_PARTS && !st && S_ISDIR(about.st_mode); p++) {
        char file[32], *name;
        snprintf(file, sizeof file, "%s.jsonl", us_part_name((us_part)p));
        if (!(name = us_path_join(path, file))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
        else if (p == US_TRAIN || us_file_exists(name)) r.path = name, st = read_file(&r, (us_part)p, false);
        free(name);
    }
    if (!st) st = us_dataset_seal(d, err);
    if (st) us_dataset_free(d);
    else *out = d;
    return st;
}
