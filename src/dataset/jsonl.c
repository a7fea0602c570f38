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

/* A reply to a visitor's first words, which stand behind other turns that it does not see: it has a row of its own. */
static bool is_apart(const us_dataset *d, const us_example *e, uint32_t i) {
    return i > 1 && d->turns[e->first_turn + i].target && d->turns[e->first_turn + i - 1].alone;
}

/* Turns [first, last] of an example as a row; with `only` the last alone is learned. */
static us_status write_row(const us_dataset *d, us_row_form form, const us_example *e, uint32_t first, uint32_t last, bool only,
                           us_buf *out, us_error *err) {
    json_t *row = json_object(), *list = json_array(), *completion = form == US_ROWS_COMPLETION ? json_array() : NULL;
    if (d->system[0]) json_array_append_new(list, message(form, "system", d->system, false));
    for (uint32_t i = first; i <= last; i++) {
        const us_turn *t = &d->turns[e->first_turn + i];
        json_t *to = completion && i == last ? completion : list;
        json_array_append_new(to, message(form, t->character ? "assistant" : "user", t->text,
                                          t->target && (only ? i == last : !is_apart(d, e, i))));
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
        bool whole = scenes && form != US_ROWS_COMPLETION;
        uint32_t last = 0; /* that the row of the whole learns: nothing behind it is needed */
        for (uint32_t i = 0; i < e->n_turns; i++)
            if (d->turns[e->first_turn + i].target && !is_apart(d, e, i)) last = i;
        if (whole && last) st = write_row(d, form, e, 0, last, false, out, err);
        for (uint32_t i = 0; i < e->n_turns && !st; i++)
            if (whole ? is_apart(d, e, i) : d->turns[e->first_turn + i].target)
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
    if (r->o->system) return US_OK; /* the caller's stands instead */
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

/* What one side says until the other speaks: several messages of one role in a row are one turn, joined as a scene's lines
 * are. */
typedef struct side {
    us_buf text;
    uint32_t n_messages, n_lines;
    bool self, learned, last; /* last: the row's last message is in it */
} side;

static us_status end_side(row_reader *r, side *s, size_t first, bool only_last) {
    us_status st = US_OK;
    if (!s->n_messages) return US_OK;
    const char *text = s->text.data ? s->text.data : "";
    us_turn t = {.n_lines = s->self ? 1 : s->n_lines,
                 .character = s->self,
                 .target = s->self && s->learned && r->d->n_turns > first && (!only_last || s->last)};
    if (s->self) r->d->counts.lines++, r->d->counts.turns++, r->d->counts.filtered[US_FILTER_OPENING] += r->d->n_turns == first;
    r->hash = us_hash_bytes(r->hash, text, s->text.len);
    st = us_dataset_add_turn(r->d, t, text, s->text.len, r->err);
    us_buf_clear(&s->text);
    s->n_messages = s->n_lines = 0;
    s->learned = true;
    return st;
}

/* A string, or OpenAI's list of parts; *text is NULL when there is not a word (a call of a tool). Parts go through `joined`. */
static us_status words_of(row_reader *r, const json_t *content, us_buf *joined, const char **text) {
    const json_t *part;
    size_t i;
    us_status st = US_OK;
    us_buf_clear(joined);
    *text = json_string_value(content);
    if (*text && strlen(*text) != json_string_length(content)) return bad(r, "a NUL in a text");
    if (*text || json_is_null(content)) return US_OK;
    if (!json_is_array(content)) return bad(r, "expected messages {\"role\", \"content\"} or {\"from\", \"value\"} with texts");
    json_array_foreach((json_t *)(uintptr_t)content, i, part) {
        const char *words = json_string_value(json_is_string(part) ? part : json_object_get(part, "text"));
        if (!words) return bad(r, "a part of a message that is no text");
        if (!st) st = us_buf_append_str(joined, words, r->err);
    }
    *text = joined->len ? joined->data : NULL;
    return st;
}

/* One message of either shape. */
static us_status add_message(row_reader *r, side *s, us_buf *joined, const json_t *m, size_t first, bool only_last, bool last) {
    static const char *const selves[] = {"assistant", "gpt", "model", "bot", "chatgpt"}, *const others[] = {
                                                                                             "user",        "human",
                                                                                             "tool",        "function",
                                                                                             "observation", "ipython"};
    const char *role = json_string_value(json_object_get(m, "role")), *from = json_string_value(json_object_get(m, "from"));
    const json_t *content = json_object_get(m, from ? "value" : "content"), *weight = json_object_get(m, "weight"),
                 *train = json_object_get(m, "train");
    const char *who = role ? role : from, *text;
    bool self = false, other = false;
    if (!json_is_object(m) || !who || (!content && !json_object_get(m, "tool_calls")))
        return bad(r, "expected messages {\"role\", \"content\"} or {\"from\", \"value\"} with texts");
    us_status st = content ? words_of(r, content, joined, &text) : (text = NULL, US_OK);
    if (st) return st;
    for (size_t i = 0; i < sizeof selves / sizeof *selves; i++) self = self || !strcmp(who, selves[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) other = other || !strcmp(who, others[i]);
    if (!strcmp(who, "system") || !strcmp(who, "developer"))
        return r->d->n_turns > first || s->n_messages ? bad(r, "the system message must be the first")
               : text                                 ? set_system(r, text)
                                                      : US_OK;
    if (!self && !other) return bad(r, "role: expected system, user, assistant or tool (ShareGPT: system, human, gpt)");
    if (!text || !*text) return US_OK;
    if (s->n_messages && s->self != self) st = end_side(r, s, first, only_last);
    if (!st && s->n_messages) st = us_buf_append_str(&s->text, self ? " " : "\n", r->err);
    if (!st) st = us_buf_append_str(&s->text, text, r->err);
    s->self = self;
    s->learned = s->learned && !(json_is_number(weight) && json_number_value(weight) == 0) && !json_is_false(train);
    s->last = last;
    s->n_messages++;
    s->n_lines += count_lines(text);
    return st;
}

static bool is_message(const json_t *j) { return json_object_get(j, "role") || json_object_get(j, "from"); }

static us_status add_row(row_reader *r, const json_t *row, us_part part, bool split) {
    static const char *const keys[] = {"messages", "conversations", "conversation", "prompt"};
    const json_t *list = json_is_array(row) ? row : NULL, *completion = json_object_get(row, "completion"), *m;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !list; i++) list = json_object_get(row, keys[i]);
    if (!json_is_array(list) || (completion && !json_is_array(completion)))
        return bad(
            r, "expected {\"messages\": [...]}, {\"conversations\": [...]}, {\"prompt\": [...], \"completion\": [...]} or a "
               "list of messages");
    size_t i, n = json_array_size(list) + json_array_size(completion), first = r->d->n_turns;
    if (n > MAX_ROW_TURNS) return bad(r, "more than 10000 messages in a row");
    side s = {.learned = true};
    us_buf joined;
    us_buf_init(&s.text, MAX_FILE_BYTES);
    us_buf_init(&joined, MAX_FILE_BYTES);
    r->hash = 0;
    us_status st = US_OK;
    json_array_foreach((json_t *)(uintptr_t)list, i, m)
        if (!st) st = add_message(r, &s, &joined, m, first, completion != NULL, i + 1 == n);
    json_array_foreach((json_t *)(uintptr_t)completion, i, m)
        if (!st) st = add_message(r, &s, &joined, m, first, true, i + 1 == json_array_size(completion));
    if (!st) st = end_side(r, &s, first, completion != NULL);
    us_buf_fini(&s.text);
    us_buf_fini(&joined);
    return st ? st : us_dataset_close_example(r->d, first, split ? us_dataset_part(r->o, r->hash) : part, NULL, r->err);
}

/* The whole file is one array: of rows, or of the messages of a single row. *taken: it was. */
static us_status read_array(row_reader *r, const char *text, size_t n, us_part part, bool split, bool *taken) {
    json_t *list = us_json_parse(text, n, NULL);
    const json_t *row;
    size_t i;
    us_status st = US_OK;
    *taken = json_is_array(list) && json_array_size(list);
    if (*taken && is_message(json_array_get(list, 0))) r->line = 1, st = add_row(r, list, part, split);
    else
        json_array_foreach(list, i, row) {
            r->line = i + 1;
            if (!st) st = add_row(r, row, part, split);
        }
    json_decref(list);
    return st;
}

static us_status read_file(row_reader *r, us_part part, bool split) {
    char *text;
    size_t n;
    bool taken = false;
    us_status st = us_file_read(r->path, MAX_FILE_BYTES, &text, &n, r->err);
    if (st) return st;
    const char *start = text;
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) start += 3;
    start += strspn(start, " \t\r\n");
    if (*start == '[') st = read_array(r, text, n, part, split, &taken);
    r->line = 0;
    for (char *p = text, *end = text + n, *nl; p < end && !st && !taken; p = nl + 1) {
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
