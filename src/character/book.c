/* Opening checks every entry of a card's book once and compiles its keys; a prompt then scans lines, follows entries that
 * name others, and places the texts that fit. */
#include "character/book.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "text/fold.h"
#include "text/hash.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/uchar.h>

enum {
    MAX_ENTRIES = 4096,
    MAX_KEYS = 128,               /* of an entry */
    MAX_ALL_KEYS = 20000,         /* of a book */
    MAX_PATTERNS = 2000,          /* of those: regular expressions, */
    MAX_PATTERNS_BYTES = 4 << 20, /* which take thousands of times what they are written with */
    MAX_KEY_BYTES = 2000,
    MAX_NOTES = 200,
    MAX_VIEW = 1 << 20, /* bytes that are looked through at once: the newest lines */
    MAX_SCAN_DEPTH = 1000,
    DEFAULT_SCAN_DEPTH = 4, /* lines */
    DEFAULT_BUDGET = 1000,  /* tokens */
    DEFAULT_DEPTH = 4,
    MAX_PASSES = 4,      /* of entries that find others */
    MATCH_STEPS = 20000, /* of a regular expression on one text */
    MATCH_KIB = 256
};

typedef struct key {
    char *words; /* folded unless case counts; NULL: */
    pcre2_code *pattern;
} key;

typedef enum logic { AND_ANY, NOT_ALL, NOT_ANY, AND_ALL } logic;
typedef enum edges { WORD_START, WHOLE_WORDS, ANYWHERE } edges;

typedef struct entry {
    us_book *book;
    const char *name, *content; /* borrowed from the card; content behind its decorators */
    key *keys, *others;         /* [n_keys]; [n_others] secondary */
    size_t n_keys, n_others;
    logic logic;
    edges edges;
    bool constant, case_counts;
    bool found_by_none, finds_none, found_by_others_only; /* in the texts of other entries */
    double order, priority, probability;                  /* probability 0..1 */
    int32_t scan_depth, depth, after_lines;
    us_book_place place;
} entry;

struct us_book {
    entry *entries;
    size_t n;
    size_t n_keys, n_patterns, patterns_bytes; /* of all entries */
    int32_t budget;
    bool recursive;
    pcre2_match_context *limits;
};

/* ---- reading -------------------------------------------------------------------------------------------------------- */

/* A key of the entry, or of its extensions, where SillyTavern keeps its own. */
static const json_t *get(const json_t *e, const char *name) {
    const json_t *v = json_object_get(e, name);
    if (v && !json_is_null(v)) return v;
    v = json_object_get(json_object_get(e, "extensions"), name);
    return json_is_null(v) ? NULL : v;
}

static double number(const json_t *e, const char *name, double otherwise) {
    const json_t *v = get(e, name);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static int32_t whole(const json_t *e, const char *name, int32_t otherwise) {
    double x = number(e, name, otherwise);
    return x >= -1 && x < 1e6 ? (int32_t)x : otherwise;
}

static bool flag(const json_t *e, const char *name) { return json_is_true(get(e, name)); }

static const char *words(const json_t *e, const char *name) {
    const char *s = json_string_value(get(e, name));
    return s ? s : "";
}

/* As many as somebody may read. */
static void note(json_t *notes, const entry *e, const char *what, const char *word) {
    size_t n = json_array_size(notes);
    if (n > MAX_NOTES) return;
    json_array_append_new(
        notes, n == MAX_NOTES ? json_string("character_book: there is more that is not done; the first of it stands here")
                              : json_sprintf("character_book, entry \"%.60s\": %s%s", e->name, what, word));
}

/* "/pattern/flags": where the pattern ends; NULL: these are words. */
static const char *pattern_end(const char *s) {
    const char *last = *s == '/' ? strrchr(s + 1, '/') : NULL;
    return last && last > s + 1 && strspn(last + 1, "gimsuyx") == strlen(last + 1) ? last : NULL;
}

static pcre2_code *compile(const char *pattern, size_t n, const char *flags) {
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_ALT_BSUX | PCRE2_NEVER_BACKSLASH_C;
    int code;
    PCRE2_SIZE at;
    if (strchr(flags, 'i')) options |= PCRE2_CASELESS;
    if (strchr(flags, 'm')) options |= PCRE2_MULTILINE;
    if (strchr(flags, 's')) options |= PCRE2_DOTALL;
    if (strchr(flags, 'x')) options |= PCRE2_EXTENDED;
    return pcre2_compile((PCRE2_SPTR)pattern, n, options, &code, &at, NULL);
}

/* What the pattern becomes; NULL: it is left out, and said so. */
static pcre2_code *compile_key(entry *e, const char *s, const char *end, json_t *notes) {
    us_book *b = e->book;
    size_t n = 0;
    if (b->n_patterns >= MAX_PATTERNS || b->patterns_bytes >= MAX_PATTERNS_BYTES)
        return note(notes, e, "the book's regular expressions take too much; one is left out", ""), NULL;
    pcre2_code *code = end ? compile(s + 1, (size_t)(end - s - 1), end + 1) : compile(s, strlen(s), e->case_counts ? "" : "i");
    if (!code) return note(notes, e, "a regular expression is not understood and left out", ""), NULL;
    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &n);
    b->n_patterns++;
    b->patterns_bytes += n;
    return code;
}

static us_status add_key(entry *e, key *keys, size_t *n, const char *s, bool pattern, json_t *notes, us_error *err) {
    const char *end = pattern_end(s);
    us_buf folded;
    while (!end && !pattern && (*s == ' ' || *s == '\n')) s++;
    if (!*s) return US_OK;
    if (*n == MAX_KEYS || e->book->n_keys == MAX_ALL_KEYS || strlen(s) > MAX_KEY_BYTES)
        return note(notes, e, "a key past its limits is left out", ""), US_OK;
    e->book->n_keys++;
    if (end || pattern) {
        *n += (keys[*n].pattern = compile_key(e, s, end, notes)) != NULL;
        return US_OK;
    }
    if (e->case_counts) {
        us_status st = us_strdup(s, &keys[*n].words, err);
        return st ? st : (++*n, US_OK);
    }
    us_buf_init(&folded, 16 * MAX_KEY_BYTES);
    bool good = us_fold_case(s, &folded);
    while (folded.len && folded.data[folded.len - 1] == ' ') folded.data[--folded.len] = 0;
    if (good && folded.len && (keys[*n].words = us_buf_take(&folded, NULL))) ++*n;
    us_buf_fini(&folded);
    return US_OK;
}

/* An array of strings, or one string of keys parted by commas. */
static us_status read_keys(entry *e, const json_t *list, bool pattern, key **out, size_t *n, json_t *notes, us_error *err) {
    const json_t *k;
    size_t i;
    us_status st = *out ? US_OK : us_alloc(MAX_KEYS, sizeof **out, out, err);
    json_array_foreach((json_t *)(uintptr_t)list, i, k) {
        char digits[40] = "";
        if (json_is_number(k)) snprintf(digits, sizeof digits, "%.15g", json_number_value(k));
        if (!st && (json_is_string(k) || *digits))
            st = add_key(e, *out, n, json_is_string(k) ? json_string_value(k) : digits, pattern, notes, err);
    }
    if (!json_is_string(list)) return st;
    for (const char *p = json_string_value(list); *p && !st;) {
        size_t len = strcspn(p, ",");
        char *one;
        st = us_strndup(p, len, &one, err);
        if (!st) st = add_key(e, *out, n, one, pattern, notes, err);
        if (!st) free(one);
        p += len + (p[len] == ',');
    }
    return st;
}

/* "@@depth 4" in front of the content (V3); false: not one that we do. */
static us_status obey(entry *e, const char *name, const char *rest, size_t n, bool *known, json_t *notes, us_error *err) {
    int32_t x = (int32_t)strtol(rest, NULL, 10);
    us_status st = US_OK;
    *known = true;
    if (!strcmp(name, "depth")) e->place = US_AT_DEPTH, e->depth = x;
    else if (!strcmp(name, "scan_depth")) e->scan_depth = x;
    else if (!strcmp(name, "activate")) e->constant = true;
    else if (!strcmp(name, "dont_activate")) e->probability = 0;
    else if (!strcmp(name, "activate_only_after")) e->after_lines = x;
    else if (!strcmp(name, "position"))
        e->place = n >= 6 && !strncmp(rest, "before", 6) ? US_BEFORE_CHARACTER : US_AFTER_CHARACTER;
    else if (!strcmp(name, "additional_keys") || !strcmp(name, "exclude_keys")) {
        json_t *list = json_stringn(rest, n);
        e->logic = *name == 'e' ? NOT_ANY : AND_ANY;
        st = read_keys(e, list, false, &e->others, &e->n_others, notes, err);
        json_decref(list);
    } else *known = false;
    return st;
}

static us_status read_decorators(entry *e, json_t *notes, us_error *err) {
    us_status st = US_OK;
    while (!strncmp(e->content, "@@", 2) && !st) {
        const char *p = e->content + strspn(e->content, "@");
        size_t n = strcspn(p, "\n"), k = strcspn(p, " \t\r\n");
        char said[42] = "@@", *name = said + 2;
        bool known = false;
        if (k < sizeof said - 2) memcpy(name, p, k), name[k] = 0;
        const char *rest = p + k + strspn(p + k, " \t");
        st = obey(e, name, rest, rest < p + n ? (size_t)(p + n - rest) : 0, &known, notes, err);
        if (!known) note(notes, e, said, " is not done");
        e->content = p + n + (p[n] == '\n');
    }
    return st;
}

/* Where SillyTavern's numbers, or the specification's words, put it. */
static void read_place(entry *e, const json_t *j, json_t *notes) {
    const json_t *own = json_object_get(json_object_get(j, "extensions"), "position"),
                 *at = json_is_number(own) ? own : get(j, "position");
    double given = json_number_value(at);
    int where = json_is_number(at)                             ? given >= 0 && given < 100 ? (int)given : -1
                : !strcmp(words(j, "position"), "before_char") ? 0
                                                               : 1;
    e->depth = whole(j, "depth", DEFAULT_DEPTH);
    e->place = where == 0 ? US_BEFORE_CHARACTER : where == 1 || where == 5 || where == 6 ? US_AFTER_CHARACTER : US_AT_DEPTH;
    if (where < 0 || where > 6)
        note(notes, e, "its position is not known; it stands at a depth of four lines", ""), e->depth = DEFAULT_DEPTH;
    if (e->place == US_AT_DEPTH && whole(j, "role", 0) == 2)
        note(notes, e, "it cannot be said by the character; nobody in particular says it", "");
}

static const char *content_of(const json_t *j) { return *words(j, "content") ? words(j, "content") : words(j, "entry"); }

static us_status read_entry(entry *e, const json_t *j, int32_t scan_depth, json_t *notes, us_error *err) {
    static const char *const undone[] = {"sticky", "cooldown", "delay", "group", "vectorized", "automation_id"};
    const json_t *keys = get(j, "keys"), *others = get(j, "secondary_keys");
    bool pattern = flag(j, "use_regex");
    e->name = *words(j, "name") ? words(j, "name") : words(j, "comment");
    e->content = content_of(j);
    if (!keys) keys = get(j, "key");
    if (!keys) keys = get(j, "keywords"); /* Agnai's */
    if (!others) others = get(j, "keysecondary");
    e->constant = flag(j, "constant");
    e->case_counts = flag(j, "case_sensitive");
    e->edges =
        json_is_boolean(get(j, "match_whole_words")) ? flag(j, "match_whole_words") ? WHOLE_WORDS : ANYWHERE : WORD_START;
    e->order = number(j, "insertion_order", number(j, "order", 100));
    e->priority = number(j, "priority", 0);
    e->probability = json_is_false(get(j, "useProbability")) ? 1 : number(j, "probability", 100) / 100;
    e->scan_depth = whole(j, "scan_depth", scan_depth);
    e->found_by_none = flag(j, "exclude_recursion") || flag(j, "excludeRecursion");
    e->finds_none = flag(j, "prevent_recursion") || flag(j, "preventRecursion");
    e->found_by_others_only = flag(j, "delay_until_recursion");
    e->logic = (logic)(whole(j, "selectiveLogic", 0) & 3);
    for (size_t i = 0; i < sizeof undone / sizeof *undone; i++) {
        const json_t *v = get(j, undone[i]);
        if ((json_is_number(v) && json_number_value(v) != 0) || json_string_length(v) || json_is_true(v))
            note(notes, e, undone[i], " is not done");
    }
    read_place(e, j, notes);
    us_status st = read_keys(e, keys, pattern, &e->keys, &e->n_keys, notes, err);
    bool selective = !json_is_false(get(j, "selective"));
    if (!st && selective && json_array_size(others)) st = read_keys(e, others, pattern, &e->others, &e->n_others, notes, err);
    return st ? st : read_decorators(e, notes, err);
}

static us_status read_entries(us_book *b, const json_t *list, int32_t scan_depth, json_t *notes, us_error *err) {
    size_t n = json_is_object(list) ? json_object_size(list) : json_array_size(list), i = 0;
    void *at = json_object_iter((json_t *)(uintptr_t)list);
    us_status st = US_OK;
    if (n > MAX_ENTRIES) {
        json_array_append_new(notes, json_sprintf("character_book: only the first %d entries are used", MAX_ENTRIES));
        n = MAX_ENTRIES;
    }
    st = us_alloc(n, sizeof *b->entries, &b->entries, err);
    for (; i < n && !st; i++) {
        const json_t *j = at ? json_object_iter_value(at) : json_array_get(list, i);
        if (at) at = json_object_iter_next((json_t *)(uintptr_t)list, at);
        bool off = json_is_false(json_object_get(j, "enabled")) || flag(j, "disable");
        if (!json_is_object(j) || off || !*content_of(j)) continue;
        entry *e = &b->entries[b->n++];
        e->book = b;
        st = read_entry(e, j, scan_depth, notes, err);
        if (e->scan_depth > MAX_SCAN_DEPTH) e->scan_depth = MAX_SCAN_DEPTH;
    }
    return st;
}

us_status us_book_open(const json_t *json, json_t *notes, us_book **out, us_error *err) {
    const json_t *list = json_object_get(json, "entries");
    us_book *b = NULL;
    *out = NULL;
    if (!json || json_is_null(json)) return US_OK;
    if (!json_is_object(json) || (!json_is_array(list) && !json_is_object(list))) {
        json_array_append_new(notes, json_string("character_book: it has no entries, and is not used"));
        return US_OK;
    }
    us_status st = us_alloc(1, sizeof *b, &b, err);
    if (st) return st;
    b->budget = whole(json, "token_budget", DEFAULT_BUDGET);
    b->recursive = flag(json, "recursive_scanning");
    b->limits = pcre2_match_context_create(NULL);
    if (!b->limits) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st) {
        pcre2_set_match_limit(b->limits, MATCH_STEPS);
        pcre2_set_heap_limit(b->limits, MATCH_KIB);
        st = read_entries(b, list, whole(json, "scan_depth", DEFAULT_SCAN_DEPTH), notes, err);
    }
    if (st) us_book_free(b);
    else *out = b;
    return st;
}

static void free_keys(key *keys, size_t n) {
    for (size_t i = 0; i < n; i++) {
        free(keys[i].words);
        pcre2_code_free(keys[i].pattern);
    }
    free(keys);
}

void us_book_free(us_book *b) {
    if (!b) return;
    for (size_t i = 0; i < b->n; i++) {
        free_keys(b->entries[i].keys, b->entries[i].n_keys);
        free_keys(b->entries[i].others, b->entries[i].n_others);
    }
    free(b->entries);
    pcre2_match_context_free(b->limits);
    free(b);
}

size_t us_book_size(const us_book *b) { return b ? b->n : 0; }

void us_book_get(const us_book *b, size_t i, const char **name, const char **content) {
    *name = b->entries[i].name;
    *content = b->entries[i].content;
}

/* ---- finding -------------------------------------------------------------------------------------------------------- */

/* A text that is looked through: as it is, and folded. */
typedef struct view {
    us_buf plain, folded;
} view;

static us_status view_add(view *v, const char *text, us_error *err) {
    us_status st = us_buf_append_str(&v->plain, text, err);
    return st ? st : us_buf_append(&v->plain, "\n", 1, err);
}

static void view_fold(view *v) {
    if (!us_fold_case(v->plain.data ? v->plain.data : "", &v->folded)) us_buf_clear(&v->folded);
}

/* Whether a word goes on over the edge between these two; writing without blanks has no edges. */
static bool joins(uint32_t a, uint32_t b) { return a < 0x2e80 && b < 0x2e80 && u_isalnum((UChar32)a) && u_isalnum((UChar32)b); }

static bool stands_at(const char *text, size_t n, size_t at, const char *words_, size_t len, edges how) {
    uint32_t before = 0, first = 0, last = 0, after = 0;
    size_t k = at;
    if (how == ANYWHERE) return true;
    while (k && ((unsigned char)text[--k] & 0xc0) == 0x80) continue;
    if (at) us_utf8_decode(text + k, at - k, &before);
    us_utf8_decode(words_, len, &first);
    if (at && joins(before, first)) return false;
    if (how != WHOLE_WORDS) return true;
    for (k = len - 1; k && ((unsigned char)words_[k] & 0xc0) == 0x80;) k--;
    us_utf8_decode(words_ + k, len - k, &last);
    return at + len >= n || !us_utf8_decode(text + at + len, n - at - len, &after) || !joins(last, after);
}

static bool has(const us_book *b, const entry *e, const key *k, const view *v, pcre2_match_data *match) {
    const us_buf *text = e->case_counts || k->pattern ? &v->plain : &v->folded;
    if (!text->len) return false;
    if (k->pattern) return pcre2_match(k->pattern, (PCRE2_SPTR)text->data, text->len, 0, 0, match, b->limits) >= 0;
    size_t len = strlen(k->words);
    for (const char *p = text->data; (p = memmem(p, text->len - (size_t)(p - text->data), k->words, len)); p++)
        if (stands_at(text->data, text->len, (size_t)(p - text->data), k->words, len, e->edges)) return true;
    return false;
}

static size_t count(const us_book *b, const entry *e, const key *keys, size_t n, const view *v, pcre2_match_data *match) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) found += has(b, e, &keys[i], v, match);
    return found;
}

static bool is_spoken_of(const us_book *b, const entry *e, const view *v, pcre2_match_data *match) {
    if (!count(b, e, e->keys, e->n_keys, v, match)) return false;
    if (!e->n_others) return true;
    size_t n = count(b, e, e->others, e->n_others, v, match);
    switch (e->logic) {
    case NOT_ALL: return n < e->n_others;
    case NOT_ANY: return !n;
    case AND_ALL: return n == e->n_others;
    default: return n > 0;
    }
}

static bool by_chance(const entry *e, size_t i, uint64_t seed) {
    us_rng rng;
    if (e->probability >= 1) return true;
    us_rng_seed(&rng, us_hash_bytes(seed, &i, sizeof i));
    return us_rng_unit(&rng) < e->probability;
}

/* About four letters of ASCII are a token, and every other character one. */
static int64_t about_tokens(const char *s) {
    int64_t ascii = 0, others = 0;
    for (; *s; s++) {
        ascii += (unsigned char)*s < 128;
        others += (unsigned char)*s >= 192;
    }
    return (ascii + 3) / 4 + others;
}

/* How many of the last lines are looked through. */
static size_t newest(const char *const *lines, size_t n_lines, size_t most) {
    size_t n = 0, bytes = 0;
    while (n < n_lines && n < most && (bytes += strlen(lines[n_lines - 1 - n]) + 1) < MAX_VIEW) n++;
    return n;
}

static us_status look(const us_book *b, const char *const *lines, size_t n_lines, size_t n_all, uint64_t seed, bool *in,
                      us_error *err) {
    pcre2_match_data *match = pcre2_match_data_create(1, NULL); /* a card is shared by threads */
    us_status st = match ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    int32_t depth = -1;
    view v;
    us_buf_init(&v.plain, 2 * (size_t)MAX_VIEW);
    us_buf_init(&v.folded, 16 * (size_t)MAX_VIEW);
    for (size_t i = 0; i < b->n && !st; i++) {
        const entry *e = &b->entries[i];
        if ((size_t)(e->after_lines > 0 ? e->after_lines : 0) > n_all || !by_chance(e, i, seed)) continue;
        if (e->scan_depth != depth && !e->constant) {
            depth = e->scan_depth;
            us_buf_clear(&v.plain);
            size_t n = newest(lines, n_lines, depth > 0 ? (size_t)depth : 0);
            for (size_t k = n_lines - n; k < n_lines && !st; k++) st = view_add(&v, lines[k], err);
            view_fold(&v);
        }
        in[i] = e->constant || (!e->found_by_others_only && is_spoken_of(b, e, &v, match));
    }
    for (int pass = 0; pass < MAX_PASSES && b->recursive && !st; pass++) { /* what those that are in speak of */
        bool more = false;
        us_buf_clear(&v.plain);
        for (size_t i = 0; i < b->n && !st; i++)
            if (in[i] && !b->entries[i].finds_none && v.plain.len + strlen(b->entries[i].content) < MAX_VIEW)
                st = view_add(&v, b->entries[i].content, err);
        view_fold(&v);
        for (size_t i = 0; i < b->n && !st; i++) {
            const entry *e = &b->entries[i];
            if (in[i] || e->found_by_none || !by_chance(e, i, seed) || !is_spoken_of(b, e, &v, match)) continue;
            in[i] = more = true;
        }
        if (!more) break;
    }
    us_buf_fini(&v.plain);
    us_buf_fini(&v.folded);
    pcre2_match_data_free(match);
    return st;
}

typedef struct ranked {
    us_book_hit hit;
    bool constant;
    double priority, order;
} ranked;

/* What is kept first: constant ones, those of more priority, those that stand earlier. */
static int by_worth(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->constant != y->constant) return x->constant ? -1 : 1;
    if (x->priority != y->priority) return x->priority > y->priority ? -1 : 1;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return x->hit.entry < y->hit.entry ? -1 : 1;
}

static int by_order(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return x->hit.entry < y->hit.entry ? -1 : 1;
}

size_t us_book_reach(const us_book *b) {
    int32_t most = 0;
    for (size_t i = 0; b && i < b->n; i++)
        if (!b->entries[i].constant && b->entries[i].scan_depth > most) most = b->entries[i].scan_depth;
    return (size_t)most;
}

us_status us_book_find(const us_book *b, const char *const *lines, size_t n_lines, size_t n_all, uint64_t seed,
                       us_book_hit **hits, size_t *n_hits, us_error *err) {
    bool *in = NULL;
    ranked *list = NULL;
    size_t n = 0, kept = 0;
    int64_t spent = 0;
    *hits = NULL;
    *n_hits = 0;
    if (!b || !b->n) return us_alloc(0, sizeof **hits, hits, err);
    unsigned failures = us_memory_failures();
    us_status st = us_alloc(b->n, sizeof *in, &in, err);
    if (!st) st = us_alloc(b->n, sizeof *list, &list, err);
    if (!st) st = look(b, lines, n_lines, n_all, seed, in, err);
    for (size_t i = 0; i < b->n && !st; i++) {
        const entry *e = &b->entries[i];
        if (in[i]) list[n++] = (ranked){{i, e->name, e->content, e->place, e->depth}, e->constant, e->priority, e->order};
    }
    if (!st) qsort(list, n, sizeof *list, by_worth);
    for (size_t i = 0; i < n; i++) {
        int64_t tokens = about_tokens(list[i].hit.content);
        if (spent + tokens > b->budget) continue;
        spent += tokens;
        list[kept++] = list[i];
    }
    if (!st) qsort(list, kept, sizeof *list, by_order);
    if (!st) st = us_alloc(kept, sizeof **hits, hits, err);
    for (size_t i = 0; i < kept && !st; i++) (*hits)[(*n_hits)++] = list[i].hit;
    if (!st && us_memory_failures() != failures)
        st = us_fail(err, US_ERR_MEMORY, "out of memory: the book was not looked through");
    if (st) free(*hits), *hits = NULL, *n_hits = 0;
    free(in);
    free(list);
    return st;
}
