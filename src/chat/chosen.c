/* Which of several replies somebody found better: read from the chats that are kept, written as lines of JSON. It owns no chat
 * and changes none.
 *
 * A turn keeps its wordings in the order in which they came: the takes of a reply, best first; when it was made again, those of
 * the new one behind them; edits, one each. What the program had chosen is so the first of each batch. Somebody has chosen
 * otherwise when another wording counts: they paged to it, wrote it, or would not have what was there before it. That one is the
 * best (2), what the program had chosen the worst (0). The other takes are left out: nobody said whether they are better than
 * either, and mostly nobody saw them. */
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "chat/store.h"
#include "text/hash.h"
#include "understudy/chat.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_TAKES = 8, MOST_BYTES = 64 << 20 }; /* that a reader of such lines takes of one, and of a file */
enum { MOST_LINE = 64 << 10 };                  /* no training reads so long a one; and a few visitors may not fill the file */

typedef struct search {
    const char *character; /* NULL: anybody */
    us_chosen_counts *counts;
    us_buf lines;
    /* [cap_seen, a power of two] hashes of the turns that were written; 0: free. A branch has copies of them. */
    uint64_t *seen;
    size_t n_seen, cap_seen;
} search;

/* ---- the rule ---------------------------------------------------------------------------------------------------- */

typedef struct chosen {
    const char *takes[MOST_TAKES]; /* the best, then the worst */
    size_t n;
    bool otherwise; /* somebody has chosen; without a second take what they chose, or would not have, is no whole reply */
} chosen;

static bool is_end(const us_alternative *a, const char *end) { return !strcmp(a->end, end); }

/* Takes of a batch have falling values. Where one batch is worse than all of the one before, the edge is not seen, and a choice
 * may be missed. */
static bool is_first_of_batch(const us_stored_turn *t, size_t k) {
    if (!k) return t->n_alternatives < US_MAX_ALTERNATIVES; /* of so many the oldest are forgotten */
    return !(t->alternatives[k].score <= t->alternatives[k - 1].score);
}

static bool is_whole(const us_alternative *a) { return *a->text && !is_end(a, "cancel") && !is_end(a, "length"); }

/* Whether one is the other with more behind it, as when a reply is asked to go on. */
static bool goes_on(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b), k = n < m ? n : m;
    return k && !strncmp(a, b, k) && (n == m || strchr(" \n", a[k - 1]) || strchr(" \n.,;:!?", n < m ? b[k] : a[k]));
}

static bool has(const chosen *c, const char *text) {
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->takes[i], text)) return true;
    return false;
}

static chosen find_chosen(const us_stored_turn *t) {
    chosen c = {0};
    if (t->chosen >= t->n_alternatives) return c;
    const us_alternative *best = &t->alternatives[t->chosen];
    c.takes[c.n++] = best->text;
    for (size_t k = 0; k < t->n_alternatives && c.n < MOST_TAKES; k++) {
        const us_alternative *a = &t->alternatives[k];
        if (!is_first_of_batch(t, k) || is_end(a, "edited") || is_end(a, "greeting") || has(&c, a->text)) continue;
        c.otherwise = true;
        if (is_whole(a) && is_whole(best) && (is_end(best, "edited") || !goes_on(best->text, a->text)))
            c.takes[c.n++] = a->text;
    }
    return c;
}

/* ---- what stood before it ---------------------------------------------------------------------------------------- */

typedef struct context {
    const us_stored_turn *turns[US_DIRECTOR_LINES]; /* that they have heard, oldest first */
    size_t n;
    bool others; /* not the visitor's and theirs alone */
} context;

static context read_context(const us_stored_chat *chat, size_t at) {
    const char *who = chat->turns[at].character;
    context c = {0};
    for (size_t i = at; i-- > 0 && c.n < US_DIRECTOR_LINES;) {
        const us_stored_turn *t = &chat->turns[i];
        bool theirs = t->own && !strcmp(t->character, who);
        if (!theirs && !us_id_list_has(&t->present, who)) continue;
        c.others = c.others || (t->own ? !theirs : t->n_alternatives && is_end(&t->alternatives[0], "heard"));
        c.turns[c.n++] = t;
    }
    for (size_t i = 0; i < c.n / 2; i++) {
        const us_stored_turn *t = c.turns[i];
        c.turns[i] = c.turns[c.n - 1 - i];
        c.turns[c.n - 1 - i] = t;
    }
    return c;
}

/* One text a side by turns, the visitor's the last: what one of them said in a row is one, as in a prompt. NULL: out of memory. */
static json_t *turns_json(const context *c) {
    json_t *list = json_array();
    us_buf said;
    us_buf_init(&said, (size_t)US_DIRECTOR_LINES * (US_MAX_TEXT + 1));
    us_status st = list ? US_OK : US_ERR_MEMORY;
    for (size_t i = 0; i < c->n && !st; i++) {
        if (said.len) st = us_buf_append(&said, " ", 1, NULL);
        if (!st) st = us_buf_append_str(&said, us_turn_text(c->turns[i]), NULL);
        if (st || (i + 1 < c->n && c->turns[i + 1]->own == c->turns[i]->own)) continue;
        if (json_array_append_new(list, json_string(said.data ? said.data : ""))) st = US_ERR_MEMORY;
        us_buf_clear(&said);
    }
    us_buf_fini(&said);
    if (!st) return list;
    json_decref(list);
    return NULL;
}

/* ---- the lines --------------------------------------------------------------------------------------------------- */

static us_status write_line(search *s, const us_stored_turn *t, const context *before, const chosen *c, us_error *err) {
    char labels[MOST_TAKES + 1] = "2";
    json_t *takes = json_array();
    bool whole = takes != NULL;
    for (size_t i = 0; i < c->n; i++) {
        if (i) labels[i] = '0';
        whole = whole && !json_array_append_new(takes, json_string(c->takes[i]));
    }
    json_t *j = json_pack("{s:s, s:o, s:o, s:s, s:i}", "character", t->speaker, "turns", turns_json(before), "takes", takes,
                          "labels", labels, "of", 2);
    char *line = j && whole ? json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
    size_t n = line ? strlen(line) : 0;
    uint64_t *counted = n > MOST_LINE                       ? &s->counts->too_long
                        : s->lines.len + n + 1 > MOST_BYTES ? &s->counts->too_many
                                                            : &s->counts->choices;
    us_status st = line ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
    if (!st && counted == &s->counts->choices) st = us_buf_appendf(&s->lines, err, "%s\n", line);
    if (!st) ++*counted;
    free(line);
    json_decref(j);
    return st;
}

/* Whether h was not there yet; there is room for it. */
static bool put(uint64_t *seen, size_t cap, uint64_t h) {
    size_t i = h & (cap - 1);
    while (seen[i] && seen[i] != h) i = (i + 1) & (cap - 1);
    bool is_new = !seen[i];
    seen[i] = h;
    return is_new;
}

static us_status make_room(search *s, us_error *err) {
    size_t cap = s->cap_seen ? 2 * s->cap_seen : 64;
    uint64_t *seen;
    if (2 * s->n_seen < s->cap_seen) return US_OK;
    us_status st = us_alloc(cap, sizeof *seen, &seen, err);
    if (st) return st;
    for (size_t i = 0; i < s->cap_seen; i++)
        if (s->seen[i]) put(seen, cap, s->seen[i]);
    free(s->seen);
    s->seen = seen;
    s->cap_seen = cap;
    return US_OK;
}

/* Whether this turn, or the one that it is a copy of, was not there yet. */
static us_status note(search *s, const us_stored_turn *t, const context *before, bool *is_new, us_error *err) {
    uint64_t h = us_hash_bytes(us_hash_text(0, t->speaker), &t->created_ms, sizeof t->created_ms);
    h = us_hash_text(h, t->alternatives[0].text);
    for (size_t i = 0; i < before->n; i++) h = us_hash_text(h, us_turn_text(before->turns[i]));
    us_status st = make_room(s, err);
    *is_new = !st && put(s->seen, s->cap_seen, h ? h : 1);
    s->n_seen += *is_new;
    return st;
}

static us_status look_at(search *s, const us_stored_chat *chat, size_t at, us_error *err) {
    const us_stored_turn *t = &chat->turns[at];
    if (!t->own || (s->character && strcmp(s->character, t->speaker) != 0 && strcmp(s->character, t->character) != 0))
        return US_OK;
    s->counts->turns++;
    chosen c = find_chosen(t);
    if (!c.otherwise) return US_OK;
    context before = read_context(chat, at);
    uint64_t *why = before.others                                  ? &s->counts->scenes
                    : !before.n || before.turns[before.n - 1]->own ? &s->counts->unasked
                    : c.n < 2                                      ? &s->counts->not_whole
                                                                   : NULL;
    bool is_new = false;
    us_status st = why ? US_OK : note(s, t, &before, &is_new, err);
    if (!st && !why && !is_new) why = &s->counts->copies;
    if (why) ++*why;
    if (st || why) return st;
    return write_line(s, t, &before, &c, err);
}

static us_status look_through(search *s, us_store *store, const char *id, us_error *err) {
    us_stored_chat chat = {0};
    us_status st = us_store_get_chat(store, id, true, &chat, err);
    if (st == US_ERR_LIMIT) {
        s->counts->too_large++;
        return US_OK;
    }
    s->counts->chats++;
    for (size_t i = 0; i < chat.n_read && !st; i++) st = look_at(s, &chat, i, err);
    us_stored_chat_fini(&chat);
    return st;
}

static us_status look_through_all(search *s, const char *path, us_error *err) {
    us_store *store = NULL;
    us_stored_chat *chats = NULL;
    size_t n = 0;
    uint64_t n_all;
    us_status st = us_store_open_copy(path, &store, err);
    if (st == US_ERR_NOT_FOUND)
        st = us_fail(err, st, "%s: no chats are there: 'understudy serve' keeps those of its page in chats.db", path);
    if (!st) st = us_store_list_chats(store, NULL, 0, &chats, &n, &n_all, err); /* the newest first */
    for (size_t i = 0; i < n && !st; i++) st = look_through(s, store, chats[i].id, err);
    us_stored_chats_free(chats, n);
    us_store_close(store);
    return st;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat x, y;
    return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

us_status us_chosen_write(const char *chats, const char *character, const char *out, us_chosen_counts *counts, us_error *err) {
    search s = {.character = character, .counts = counts};
    *counts = (us_chosen_counts){0};
    us_buf_init(&s.lines, MOST_BYTES);
    us_status st = is_same_file(chats, out) ? us_fail(err, US_ERR_ARGUMENT, "%s: that is the file of the chats", out)
                                            : look_through_all(&s, chats, err);
    if (!st && character && !counts->turns)
        st = us_fail(err, US_ERR_NOT_FOUND,
                     "%s: no turn of '%s': the name on a character's card, or their folder's, is expected", chats, character);
    if (!st && counts->choices && us_file_exists(out) && !us_file_is_plain(out))
        st = us_fail(err, US_ERR_ARGUMENT, "%s: not a regular file", out);
    if (!st && counts->choices) st = us_file_write_private(out, s.lines.data, s.lines.len, err);
    us_buf_fini(&s.lines);
    free(s.seen);
    return st;
}
