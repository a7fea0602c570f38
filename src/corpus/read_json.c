/* corpus/read_json.c - JSON in any nesting, JSON lines, pretty or not: wherever an object has a speaker and a text.
 *
 * Owns the walk over the text (json_walk.h), which keeps no tree: a file of any size needs the memory of one record.
 *
 * An object is, in this order: a record (a speaker's key and a text's), a question with its answer (Alpaca, RoleBench), a table
 * by columns, a list of lines by speaker ({"ANN": ["Hi"]}); else its members are entered. A list of records is a scene, members
 * such as "episode" hold for all that is inside, and a long string of several lines is a script of its own. */
#include "corpus/json_walk.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "corpus/label.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Pieces of one text, or several texts: strings, and objects with "text" that name no speaker. */
static bool is_texts(us_json_walk *w, us_span_str v, bool *pieces) {
    const char *p = v.s + 1, *end = v.s + v.n;
    us_span_str e;
    size_t n = 0, mute = 0;
    if (us_json_is_string(v)) return true;
    if (v.n && *v.s == '{') { /* {"text": "Hi"} */
        us_json_member *m;
        size_t k;
        bool ok = us_json_members(w, v, &m, &k, w->r->err);
        us_json_member *text = ok ? us_json_find(m, k, "text") : NULL;
        if (ok && !text) text = us_json_find(m, k, "content");
        if (ok && !text) text = us_json_find(m, k, "value");
        if (ok && !text) text = us_json_find(m, k, "body"); /* Matrix */
        bool named = us_json_find(m, k, "name") || us_json_find(m, k, "speaker");
        us_json_member *parts = ok && !text ? us_json_find(m, k, "parts") : NULL;
        if (parts && *parts->value.s == '[')
            ok = *us_json_blanks(parts->value.s + 1, parts->value.s + parts->value.n) == '"' && !named;
        else ok = ok && text && us_json_is_string(text->value) && !named;
        free(m);
        return ok;
    }
    if (!v.n || *v.s != '[') return false;
    while (n < 64 && us_json_next(w, &p, end, &e)) {
        n++;
        if (us_json_is_string(e)) continue;
        if (us_json_is_mute(w, e)) {
            mute++;
            continue;
        }
        us_json_member *m;
        size_t k;
        bool ok = *e.s == '{' && us_json_members(w, e, &m, &k, w->r->err);
        ok = ok && us_json_find(m, k, "text") && (us_json_find(m, k, "type") || k == 1) &&
             us_json_is_string(us_json_find(m, k, "text")->value) && !us_json_find(m, k, "from") &&
             !us_json_find(m, k, "date") && !us_json_find(m, k, "author") &&
             !us_json_find(m, k, "sender"); /* those are messages */
        if (*e.s == '{') free(m);
        if (!ok) return false;
        *pieces = true;
    }
    return !mute || mute < n;
}

static bool is_names(us_span_str v) { /* a string, a list of strings, an object (which has a name) */
    if (us_json_is_string(v) || (v.n && *v.s == '{') || (us_json_is_scalar(v) && v.n)) return true;
    const char *p = v.n ? us_json_blanks(v.s + 1, v.s + v.n) : NULL;
    return p && *v.s == '[' && (*p == '"' || *p == ']' || *p == '{');
}

/* Are the keys those of the object before? They are kept for the next. */
static bool same_keys(us_json_walk *w, const us_json_member *m, size_t n) {
    size_t at = 0, i = 0;
    for (; i < n; at += m[i++].key.n + 1)
        if (at + m[i].key.n + 1 > w->last_keys.len || memcmp(w->last_keys.data + at, m[i].key.s, m[i].key.n) ||
            w->last_keys.data[at + m[i].key.n] != '"')
            break;
    if (n && i == n && at == w->last_keys.len) return true;
    us_buf_clear(&w->last_keys);
    for (i = 0; i < n; i++)
        if (us_buf_append(&w->last_keys, m[i].key.s, m[i].key.n, NULL) || us_buf_append(&w->last_keys, "\"", 1, NULL)) {
            us_buf_clear(&w->last_keys);
            break;
        }
    return false;
}

/* The words one by one, with their times, beside what they make. */
static bool is_word_list(us_span_str key) {
    static const char *const names[] = {"words", "word_segments", "tokens"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (key.n == strlen(names[i]) && !memcmp(key.s, names[i], key.n)) return true;
    return false;
}

static bool is_timed_words(const us_json_member *m) {
    return is_word_list(m->key) && m->value.n > 1 && *m->value.s == '[' &&
           strchr("{]", *us_json_blanks(m->value.s + 1, m->value.s + m->value.n));
}

/* Which members are speaker and text, if the object is a record. */
static bool is_record(us_json_walk *w, us_json_member *m, size_t n, us_columns *at) {
    us_span_str header[64];
    bool barred[64] = {false}, pieces;
    if (n > 64) n = 64;
    for (size_t i = 0; i < n; i++) header[i] = m[i].key;
    if (!same_keys(w, m, n)) us_columns_named(w->r->options, header, n, barred, &w->last_at);
    *at = w->last_at;
    for (int again = 0; again < 16; again++) {
        int text = at->at[US_CELL_TEXT], speaker = at->at[US_CELL_SPEAKER];
        pieces = false;
        if (text >= 0 && (text == speaker || is_timed_words(&m[text]) || !is_texts(w, m[text].value, &pieces)))
            barred[text] = true;
        else if (speaker >= 0 && (!is_names(m[speaker].value) || (*m[speaker].value.s == '{' && text < 0)))
            barred[speaker] = true;
        else break;
        us_columns_named(w->r->options, header, n, barred, at);
        if ((at->at[US_CELL_TEXT] >= 0 && barred[at->at[US_CELL_TEXT]]) ||
            (at->at[US_CELL_SPEAKER] >= 0 && barred[at->at[US_CELL_SPEAKER]]))
            return false;
    }
    if (at->at[US_CELL_TEXT] < 0 || at->at[US_CELL_SPEAKER] < 0) return false;
    return !us_json_is_key(&m[at->at[US_CELL_TEXT]], "value") ||
           !us_json_is_key(&m[at->at[US_CELL_SPEAKER]], "creator"); /* Slack: a channel's purpose */
}

/* Scalars that say where we are. */
static void note_place(us_json_walk *w, us_json_member *m, size_t n, const us_columns *at, us_json_place *pl) {
    char *const to[US_N_CELLS] = {NULL, NULL, pl->episode, pl->season, pl->scene};
    const size_t room[US_N_CELLS] = {0, 0, sizeof pl->episode, sizeof pl->season, sizeof pl->scene};
    for (int c = US_CELL_EPISODE; c < US_N_CELLS; c++) {
        if (at->at[c] < 0 || (size_t)at->at[c] >= n || !us_json_is_scalar(m[at->at[c]].value)) continue;
        us_buf_clear(&w->other);
        if (us_json_put(w, m[at->at[c]].value, "", &w->other, 0) || !w->other.len) continue;
        size_t len = w->other.len < room[c] - 1 ? w->other.len : room[c] - 1;
        while (len && ((unsigned char)w->other.data[len] & 0xc0) == 0x80) len--; /* whole characters */
        memcpy(to[c], w->other.data, len);
        to[c][len] = 0;
    }
}

/* Messenger and Instagram write each byte of a letter as a character of its own, "caf\u00c3\u00a9": undoes that, where it is so
 * for the whole text. */
static us_span_str put_right(us_buf *b) {
    size_t k = 0, bad;
    us_span_str s = {b->data ? b->data : "", b->len};
    char *out = b->len ? malloc(b->len + 1) : NULL;
    bool all = us_checked(out) != NULL, any = false;
    for (size_t i = 0; i < b->len && all;) {
        uint32_t cp;
        int n = us_utf8_decode(b->data + i, b->len - i, &cp);
        all = n > 0 && cp < 256;
        any = any || cp > 127;
        if (all) out[k++] = (char)cp, i += (size_t)n;
    }
    if (all && any && us_utf8_valid(out, k, &bad)) {
        memcpy(b->data, out, k);
        b->len = k;
        b->data[k] = 0;
        s.n = k;
    }
    free(out);
    return s;
}

/* The one who sets up a chat says nothing in it. */
static bool is_system(us_span_str s) {
    static const char *const names[] = {"system", "tool", "function", "developer"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (s.n == strlen(names[i]) && !memcmp(s.s, names[i], s.n)) return true;
    return false;
}

/* What Messenger and Instagram say themselves, in English. */
static bool is_notice(us_span_str s) {
    static const char *const ends[] = {" to your message",     " to a message",  " to your message ",
                                       " sent an attachment.", " sent a photo.", " sent a voice message.",
                                       " missed your call.",   " missed a call."};
    if (s.n == 15 && !memcmp(s.s, "Liked a message", 15)) return true;
    bool reacted = s.n > 8 && !memcmp(s.s, "Reacted ", 8);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t n = strlen(ends[i]);
        if (s.n > n && !memcmp(s.s + s.n - n, ends[i], n) && (i < 3 ? reacted : s.n < 80)) return true;
    }
    return false;
}

static us_status emit(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, const us_columns *at,
                      us_json_place pl) {
    us_span_str text = m[at->at[US_CELL_TEXT]].value;
    bool pieces = false;
    us_json_place here = pl;
    us_buf_clear(&w->speaker);
    note_place(w, m, n, at, &here);
    if (strcmp(here.scene, pl.scene)) here.list = 0; /* the record says its scene itself */
    us_json_member *profile = us_json_find(m, n, "user_profile"), *kind = us_json_find(m, n, "subtype"); /* Slack */
    us_status st = profile && *profile->value.s == '{' ? us_json_put(w, profile->value, ", ", &w->speaker, 0) : US_OK;
    static const char *const notices[] = {"\"GuildMember", "\"Channel", "\"Thread", "\"Call", "\"Recipient", "\"UserPremium"};
    us_json_member *type =
        us_json_find(m, n, "author") ? us_json_find(m, n, "type") : NULL; /* Discord: who joined, what was pinned */
    for (size_t i = 0; type && i < sizeof notices / sizeof *notices; i++)
        if (type->value.n > strlen(notices[i]) && !memcmp(type->value.s, notices[i], strlen(notices[i])))
            return us_rows_action(w->r, us_json_line_of(w, object.s)), w->r->status;
    if (kind && (memmem(kind->value.s, kind->value.n, "channel_", 8) || memmem(kind->value.s, kind->value.n, "group_", 6)))
        return us_rows_action(w->r, us_json_line_of(w, object.s)), w->r->status;
    if (!st && !w->speaker.len) st = us_json_put(w, m[at->at[US_CELL_SPEAKER]].value, ", ", &w->speaker, 0);
    if (st || !is_texts(w, text, &pieces)) return st;
    w->messenger = us_json_find(m, n, "sender_name") && us_json_find(m, n, "timestamp_ms");
    if (w->messenger) put_right(&w->speaker);
    us_json_member *hidden = us_json_find(m, n, "is_system"),
                   *forwarded = us_json_find(m, n, "forwarded_from"); /* SillyTavern, Telegram */
    if (hidden && *hidden->value.s == 't') {
        w->hidden++;
        return us_rows_action(w->r, us_json_line_of(w, object.s)), w->r->status;
    }
    if (forwarded && us_json_is_string(forwarded->value)) { /* words of somebody else */
        us_buf_clear(&w->other);
        if (!st) st = us_json_decode(us_json_inner(forwarded->value), &w->other, w->r->err);
        bool own = w->other.len == w->speaker.len && w->other.len && !memcmp(w->other.data, w->speaker.data, w->other.len);
        if (st || !own) return us_rows_action(w->r, us_json_line_of(w, object.s)), st ? st : w->r->status;
    }
    if (is_system(us_json_held(&w->speaker))) return us_rows_action(w->r, us_json_line_of(w, object.s)), w->r->status;
    const char *p = text.s + 1, *end = text.s + text.n;
    us_span_str e = text;
    bool list = *text.s == '[' && !pieces;
    if (list && *us_json_blanks(p, end) == ']') return us_rows_action(w->r, us_json_line_of(w, object.s)), w->r->status;
    while (!st && (!list || us_json_next(w, &p, end, &e))) { /* a list of strings: a line each */
        us_buf_clear(&w->text);
        st = us_json_put(w, e, "", &w->text, 0);
        if (!st && w->messenger && is_notice(put_right(&w->text))) {
            us_rows_action(w->r, us_json_line_of(w, e.s));
            st = w->r->status;
        } else if (!st) st = us_json_say(w, e.s, &here, us_json_held(&w->speaker), us_json_held(&w->text));
        if (!list) break;
    }
    return st;
}

/* ---- scripts and tables inside -------------------------------------------------------------------------------------- */

/* A text of several lines inside the JSON, read as a document of its own. */
static us_status read_inside(us_json_walk *w, const char *at, const us_buf *text, const us_json_place *pl, bool *any) {
    us_doc d = {.path = w->d->path, .s = text->data ? text->data : "", .n = text->len, .listed = true, .inside = true};
    us_script_options o = *w->r->options;
    us_view v;
    o.format = NULL;
    const us_shape *shape = text->len ? us_shape_find(&o, &d, &v) : NULL;
    if (!shape || shape->read == us_read_json || v.fit < 0.4) return US_OK;
    const char *name = w->r->file_episode;
    uint32_t inside = w->r->inside;
    *any = true;
    w->r->inside = us_json_line_of(w, at);
    if (pl->episode[0]) w->r->file_episode = pl->episode;
    us_rows_scene(w->r);
    us_status st = shape->read(w->r, &d);
    w->r->file_episode = name;
    w->r->inside = inside;
    return st ? st : w->r->status;
}

static us_status put_csv_cell(us_json_walk *w, us_span_str v, bool first, us_buf *out) {
    us_buf_clear(&w->text);
    us_status st = us_json_put(w, v, " ", &w->text, 0);
    if (!st) st = us_buf_append_str(out, first ? "\"" : ",\"", w->r->err);
    for (size_t i = 0; i < w->text.len && !st; i++)
        st = us_buf_append(out, w->text.data[i] == '"' ? "\"\"" : &w->text.data[i], w->text.data[i] == '"' ? 2 : 1, w->r->err);
    return st ? st : us_buf_append_str(out, "\"", w->r->err);
}

/* Of rows of two cells, without a header that is known, the one whose values come again is the speaker's: 0 or 1; -1: neither. */
static int speaker_of_rows(us_json_walk *w, us_span_str list) {
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str row, cell, seen[2][64];
    us_columns named;
    size_t rows = 0, again[2] = {0};
    for (; rows < 64 && us_json_next(w, &p, end, &row); rows++) {
        const char *q = row.s + 1;
        size_t n = 0;
        for (; us_json_next(w, &q, row.s + row.n, &cell); n++) {
            if (n > 1 || !us_json_is_string(cell)) return -1;
            bool met = false;
            for (size_t i = 0; i < rows && !met; i++) met = seen[n][i].n == cell.n && !memcmp(seen[n][i].s, cell.s, cell.n);
            again[n] += met;
            seen[n][rows] = cell;
        }
        if (n != 2) return -1;
    }
    if (!rows) return -1;
    us_span_str header[2] = {us_json_inner(seen[0][0]), us_json_inner(seen[1][0])};
    us_columns_named(w->r->options, header, 2, NULL, &named);
    if (named.at[US_CELL_SPEAKER] >= 0 && named.at[US_CELL_TEXT] >= 0) return -1;
    int best = again[1] > again[0];
    return again[best] * 4 > rows && again[best] > again[!best] ? best : -1;
}

/* A list of lists is a table, row by row; "columns" may stand beside it (pandas' "split"). */
static us_status read_rows(us_json_walk *w, us_span_str list, us_span_str columns, const us_json_place *pl) {
    us_buf csv;
    us_buf_init(&csv, (size_t)1 << 31);
    us_span_str row = columns, cell;
    const char *p = list.s + 1, *end = list.s + list.n;
    int speaker = columns.n ? -1 : speaker_of_rows(w, list);
    us_status st = speaker < 0 ? US_OK : us_buf_append_str(&csv, speaker ? "text,speaker\n" : "speaker,text\n", w->r->err);
    for (bool more = columns.n || us_json_next(w, &p, end, &row); more && !st; more = us_json_next(w, &p, end, &row)) {
        const char *q = row.s + 1;
        bool first = true;
        if (*row.s != '[') continue;
        while (!st && us_json_next(w, &q, row.s + row.n, &cell)) st = put_csv_cell(w, cell, first, &csv), first = false;
        if (!st) st = us_buf_append_str(&csv, "\n", w->r->err);
    }
    bool any = false;
    if (!st) st = read_inside(w, list.s, &csv, pl, &any);
    us_buf_fini(&csv);
    return st;
}

/* [["Hi", "Hello."], ["And?", "Fine.", "Good."]] (LCCC): each list a conversation of two who are not named. Lists of different lengths, or
 * many in which no word comes again in its place, are no table. */
static bool is_conversations(us_json_walk *w, us_span_str list) {
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str row, cell, first[2][64];
    size_t rows = 0, width = 0, again = 0;
    bool uneven = false;
    while (rows < 64 && us_json_next(w, &p, end, &row)) {
        const char *q = row.s + 1;
        size_t n = 0;
        if (*row.s != '[') return false;
        for (; us_json_next(w, &q, row.s + row.n, &cell); n++) {
            if (!us_json_is_string(cell)) return false;
            if (n > 1) continue;
            first[n][rows] = cell;
            for (size_t i = 0; i < rows; i++) again += first[n][i].n == cell.n && !memcmp(first[n][i].s, cell.s, cell.n);
        }
        if (n < 2) return false;
        uneven = uneven || (rows && n != width);
        width = n;
        rows++;
    }
    return again * 4 < rows && ((uneven && rows > 1) || rows > 5);
}

static us_status say_conversations(us_json_walk *w, us_span_str list, us_json_place pl) {
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str row;
    us_status st = US_OK;
    while (!st && us_json_next(w, &p, end, &row)) {
        size_t k = 0;
        pl.list = ++w->n_lists;
        st = us_json_say_list(w, row, &pl, &k);
        us_doc_done(w->d, row.s);
    }
    return st;
}

/* Is it a list of lists of plain values? */
static bool is_rows(us_json_walk *w, us_span_str list) {
    const char *p = list.s + 1, *end = list.s + list.n;
    us_span_str row, cell;
    for (size_t rows = 0; rows < 8 && us_json_next(w, &p, end, &row); rows++) {
        const char *q = row.s + 1;
        if (*row.s != '[') return false;
        while (us_json_next(w, &q, row.s + row.n, &cell))
            if (!us_json_is_scalar(cell)) return false;
    }
    return true;
}

/* The values of a column: the elements of a list, or the members of {"0": ..., "1": ...}. */
static bool next_in_column(us_json_walk *w, us_span_str column, const char **p, us_span_str *out) {
    const char *end = column.s + column.n;
    if (*column.s == '[') return us_json_next(w, p, end, out);
    us_span_str key;
    if (!us_json_next(w, p, end - 1, &key)) return false;
    const char *q = us_json_blanks(*p, end);
    if (q >= end || *q != ':') return false;
    q = us_json_blanks(q + 1, end);
    const char *after = us_json_skip(w, q, end - 1);
    if (!after) return false;
    *out = (us_span_str){q, (size_t)(after - q)};
    *p = after;
    return true;
}

/* Lists of the same length, where the texts don't begin with names: those would be who is there, and what they say. */
static bool side_by_side(us_json_walk *w, us_span_str a, us_span_str b) {
    const char *p = a.s + 1, *q = b.s + 1;
    us_span_str x, y, name, direction, words;
    size_t n = 0, labels = 0;
    for (;; n++) {
        bool more = us_json_next(w, &p, a.s + a.n, &x);
        if (us_json_next(w, &q, b.s + b.n, &y) != more) return false;
        if (!more) break;
        labels += us_json_is_string(y) && us_label_split(us_json_inner(y), &name, &direction, &words) && words.n;
    }
    return labels * 10 < n * 8;
}

/* {"character": ["Ann", ...], "line": ["Hi", ...]}: a table by columns. */
static us_status read_columns(us_json_walk *w, us_json_member *m, size_t n, const us_columns *at, us_json_place pl,
                              bool *done) {
    us_span_str speakers, texts, a, b;
    *done = false;
    us_columns c = *at;
    if (c.at[US_CELL_SPEAKER] < 0 || c.at[US_CELL_TEXT] < 0 || c.at[US_CELL_SPEAKER] == c.at[US_CELL_TEXT]) return US_OK;
    speakers = m[c.at[US_CELL_SPEAKER]].value;
    texts = m[c.at[US_CELL_TEXT]].value;
    (void)n;
    if (us_json_is_scalar(speakers) || us_json_is_scalar(texts) || *speakers.s != *texts.s) return US_OK;
    if (*speakers.s == '[' && !side_by_side(w, speakers, texts)) return US_OK;
    const char *p = speakers.s + 1, *q = texts.s + 1;
    if (*speakers.s == '{') { /* columns have the numbers of their rows as keys */
        const char *key = us_json_blanks(p, speakers.s + speakers.n);
        if (*key != '"' || key[1] < '0' || key[1] > '9') return US_OK;
    }
    us_status st = US_OK;
    for (size_t i = 0; !st && next_in_column(w, speakers, &p, &a) && next_in_column(w, texts, &q, &b); i++) {
        if (!us_json_is_scalar(a) || !us_json_is_scalar(b)) break;
        *done = true;
        us_buf_clear(&w->speaker);
        us_buf_clear(&w->text);
        st = us_json_put(w, a, "", &w->speaker, 0);
        if (!st) st = us_json_put(w, b, "", &w->text, 0);
        if (!st) st = us_json_say(w, b.s, &pl, us_json_held(&w->speaker), us_json_held(&w->text));
    }
    return st;
}

/* Keys of things, not of people. */
static bool is_label(us_span_str key) {
    static const char *const labels[] = {"id",     "url",  "uri", "href",  "link",   "type",  "title",
                                         "path",   "file", "src", "emoji", "tag",    "label", "membership",
                                         "tokens", "date", "key", "genre", "genres", "tags"};
    if (us_is_one_of(key, labels, sizeof labels / sizeof *labels)) return true;
    return key.n > 3 && (!memcmp(key.s + key.n - 3, "_id", 3) || !memcmp(key.s + key.n - 2, "Id", 2));
}

/* {"ANN": ["Hi", ...], "BOB": [...]} and {"Ann": "Hi"} in a list: the key speaks. */
static us_status read_by_speaker(us_json_walk *w, us_span_str object, us_json_member *m, size_t n, const us_json_place *pl,
                                 bool *done) {
    us_columns known;
    us_span_str header[1] = {n ? m[0].key : object};
    us_columns_named(w->r->options, header, n == 1, NULL, &known);
    *done = n > 0 && !is_label(header[0]);
    for (int c = 0; c < US_N_CELLS; c++) *done = *done && known.at[c] < 0; /* {"name": "Ann"} is no line of one called name */
    for (size_t i = 0; i < n && *done; i++) {
        const char *p = us_json_blanks(m[i].value.s + 1, m[i].value.s + m[i].value.n);
        bool list = *m[i].value.s == '[' && (*p == '"' || *p == ']'),
             single = n == 1 && us_json_is_string(m[i].value) && pl->list && pl->element;
        *done = (list || single) && m[i].key.n && m[i].key.n <= 60;
    }
    us_status st = US_OK;
    for (size_t i = 0; i < n && *done && !st; i++) {
        const char *p = m[i].value.s + 1, *end = m[i].value.s + m[i].value.n;
        us_span_str e = m[i].value;
        bool list = *e.s == '[';
        us_buf_clear(&w->speaker);
        st = us_json_decode(m[i].key, &w->speaker, w->r->err);
        while (!st && (!list || us_json_next(w, &p, end, &e))) {
            us_buf_clear(&w->text);
            st = us_json_put(w, e, "", &w->text, 0);
            if (!st) st = us_json_say(w, e.s, pl, us_json_held(&w->speaker), us_json_held(&w->text));
            if (!list) break;
        }
    }
    return st;
}

/* ---- the walk ------------------------------------------------------------------------------------------------------ */

static us_status visit(us_json_walk *w, us_span_str v, us_json_place pl);

/* Keys that name a level of the nesting, not a thing in it. */
static bool is_level(us_span_str key) {
    static const char list[] = "|data|rows|row|items|results|records|episodes|seasons|scenes|lines|dialogue|dialogues|dialog|"
                               "dialogs|utterances|messages|"
                               "conversations|conversation|turns|chats|list|script|scripts|transcript|train|test|validation|"
                               "plots|content|contents|history|mapping|";
    char word[40] = "|";
    if (key.n == 36 && key.s[8] == '-' && key.s[13] == '-' && key.s[23] == '-') return true; /* a number of OpenAI's */
    if (key.n > 30) return false;
    for (size_t i = 0; i < key.n; i++) word[i + 1] = (char)(key.s[i] >= 'A' && key.s[i] <= 'Z' ? key.s[i] + 32 : key.s[i]);
    word[key.n + 1] = '|';
    return strstr(list, word) != NULL;
}

static bool is_talk(us_span_str key) {
    static const char *const names[] = {"dialog",     "dialogue", "dialogs",      "dialogues",
                                        "utterances", "turns",    "conversation", "conversations"};
    return us_is_one_of(key, names, sizeof names / sizeof *names);
}

static bool is_replies(us_span_str key) {
    return (key.n == 7 && !memcmp(key.s, "replies", 7)) || (key.n == 8 && !memcmp(key.s, "children", 8));
}

static bool first_is_record(us_json_walk *w, us_span_str list) {
    const char *p = list.s + 1;
    us_span_str e;
    us_json_member *m;
    size_t n;
    us_columns at;
    if (*list.s != '[' || !us_json_next(w, &p, list.s + list.n, &e) || *e.s != '{') return false;
    bool record = us_json_members(w, e, &m, &n, w->r->err) && is_record(w, m, n, &at);
    free(m);
    return record;
}

/* {"0": {...}, "1": {...}}: a list by another name. */
static bool is_numbered(const us_json_member *m, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!m[i].key.n || strspn(m[i].key.s, "0123456789") < m[i].key.n || us_json_is_scalar(m[i].value)) return false;
    return n > 1;
}

/* "conversation_b", where "conversation_a" is taken: they answer the same words, so that both would say these twice. */
static bool stands_beside(us_json_member *m, size_t n, us_json_member *one) {
    if (n > 64) n = 64; /* as many as are looked at for columns */
    us_json_member *other = one < m + n ? us_json_other(m, n, one) : NULL;
    return other && us_json_better(m, n, one, other) == other;
}

/* What is told of those who speak (PersonaChat and its kin): nobody says it. */
static bool is_about_people(us_span_str key) {
    static const char *const names[] = {"personas", "personality", "persona", "user_profile", "persona_a", "persona_b"};
    return us_is_one_of(key, names, sizeof names / sizeof *names);
}

static int by_key(const void *a, const void *b) {
    const us_json_member *x = a, *y = b;
    if (x->key.n != y->key.n) return x->key.n < y->key.n ? -1 : 1;
    return memcmp(x->key.s, y->key.s, x->key.n);
}

/* Of nodes that are sorted by_key() the one that is called so (with its quotes), or NULL. */
static us_json_member *node_of(us_json_member *nodes, size_t n, us_span_str id) {
    return us_json_is_string(id) ? bsearch(&(us_json_member){.key = us_json_inner(id)}, nodes, n, sizeof *nodes, by_key) : NULL;
}

/* The member of a node that is called so; {0}: none. */
static us_span_str of_node(us_json_walk *w, us_span_str node, const char *key) {
    us_json_member *m = NULL, *found = NULL;
    size_t n = 0;
    if (node.n && *node.s == '{' && us_json_members(w, node, &m, &n, w->r->err)) found = us_json_find(m, n, key);
    us_span_str value = found ? found->value : (us_span_str){0};
    free(m);
    return value;
}

/* ChatGPT's export: messages are a tree, in which an answer that was asked for again has sisters. The way from the root to
 * "current_node" is what the chat shows. */
static us_status visit_branch(us_json_walk *w, us_json_member *m, size_t n, us_json_place pl, bool *done) {
    us_json_member *mapping = us_json_find(m, n, "mapping"), *current = us_json_find(m, n, "current_node"), *nodes = NULL;
    us_span_str *way = NULL;
    size_t n_nodes = 0, n_way = 0, cap = 0;
    us_status st = US_OK;
    if (!mapping || !current || *mapping->value.s != '{' || !us_json_members(w, mapping->value, &nodes, &n_nodes, w->r->err)) {
        free(nodes);
        return US_OK;
    }
    if (n_nodes) qsort(nodes, n_nodes, sizeof *nodes, by_key);
    for (us_json_member *at = node_of(nodes, n_nodes, current->value); at && at->value.n && !st;) {
        if ((st = us_grow(&way, &cap, n_way + 1, sizeof *way, w->r->err))) break;
        way[n_way++] = at->value;
        at->value = (us_span_str){0}; /* a node is passed once: parents in a circle end here */
        at = node_of(nodes, n_nodes, of_node(w, way[n_way - 1], "parent"));
    }
    *done = n_way > 0;
    pl.list = ++w->n_lists;
    for (size_t i = 0; i < n_nodes && *done; i++)
        w->branches += nodes[i].value.n && memmem(nodes[i].value.s, nodes[i].value.n, "\"parts\"", 7);
    while (n_way && !st) { /* in the order of speech */
        us_span_str message = of_node(w, way[--n_way], "message");
        if (message.n && *message.s == '{') st = visit(w, message, pl);
    }
    free(way);
    free(nodes);
    return st;
}

/* What an object says twice: of recognized speech its single words and its channels, beside what they make. */
typedef struct twice {
    bool utterances, whole, segments, original;
} twice;

static twice look_twice(us_json_walk *w, us_json_member *m, size_t n) {
    us_json_member *of = us_json_find(m, n, "utterances");
    twice t = {.segments = us_json_find(m, n, "audio_segments") != NULL, .original = us_json_find(m, n, "original") != NULL};
    t.utterances = of && *of->value.s == '[' && first_is_record(w, of->value);
    t.whole = t.utterances || us_json_find(m, n, "text") || us_json_find(m, n, "transcript") || us_json_find(m, n, "segments");
    return t;
}

static bool is_told_again(const twice *t, const us_json_member *m) {
    if (t->whole && is_timed_words(m)) return true;
    if (t->utterances && us_json_is_key(m, "channels")) return true;                                  /* Deepgram */
    if (t->segments && (us_json_is_key(m, "items") || us_json_is_key(m, "transcripts"))) return true; /* Amazon */
    return t->original && us_json_is_key(m, "delexed"); /* ABCD has the same once more, without its names */
}

static us_status visit_members(us_json_walk *w, us_json_member *m, size_t n, const us_columns *at, const us_json_place *pl) {
    us_status st = US_OK;
    bool branch = false;
    if ((st = visit_branch(w, m, n, *pl, &branch)) || branch) return st;
    us_json_place numbered = *pl;
    bool chosen = us_json_find(m, n, "chosen") != NULL;
    us_json_member *prompt = us_json_find(m, n, "prompt"),
                   *end = chosen ? us_json_find(m, n, "chosen") : us_json_find(m, n, "completion");
    bool parted = prompt && end && *prompt->value.s == '[' && *end->value.s == '['; /* one conversation in two lists */
    bool numbered_dialog =
        us_json_find(m, n, "dialog_id") || us_json_find(m, n, "dialogue_id") || us_json_find(m, n, "conversation_id");
    numbered.list = ++w->n_lists;
    numbered.element = true;
    if (is_numbered(m, n)) {
        us_columns none;
        us_json_member *of_first;
        size_t k;
        bool records = *m[0].value.s == '{' && us_json_members(w, m[0].value, &of_first, &k, w->r->err);
        if (*m[0].value.s == '{')
            records = records && (is_record(w, of_first, k, &none) || (k == 1 && us_json_is_string(of_first[0].value))),
            free(of_first);
        for (size_t i = 0; i < n && records && !st; i++) st = visit(w, m[i].value, numbered);
        if (records) return st;
    }
    twice said_twice = look_twice(w, m, n);
    for (size_t i = 0; i < n && !st; i++) {
        us_json_place inside = *pl;
        inside.element = false;
        bool any;
        if (chosen && m[i].key.n == 8 && !memcmp(m[i].key.s, "rejected", 8)) { /* what is not to be said, for DPO */
            w->rejected = true;
            continue;
        }
        if (!us_json_is_scalar(m[i].value) && is_about_people(m[i].key)) continue;
        if (!us_json_is_scalar(m[i].value) && stands_beside(m, n, &m[i])) {
            w->beside++;
            continue;
        }
        if (is_told_again(&said_twice, &m[i])) continue;
        size_t used = strlen(inside.episode), room = sizeof inside.episode - used;
        if (us_json_is_scalar(m[i].value)) {
            if (us_json_is_string(m[i].value) && is_talk(m[i].key) && memmem(m[i].value.s, m[i].value.n, "__eou__", 7)) {
                us_buf_clear(&w->other);
                w->in_turn = true;
                st = us_json_decode(us_json_inner(m[i].value), &w->other, w->r->err);
                if (!st) st = us_turns_say(w->r, us_json_line_of(w, m[i].value.s), us_json_held(&w->other));
                continue;
            }
            if (!us_json_is_string(m[i].value) || m[i].value.n < 40 || !memmem(m[i].value.s, m[i].value.n, "\\n", 2)) continue;
            us_buf_clear(&w->other);
            st = us_json_decode(us_json_inner(m[i].value), &w->other, w->r->err);
        }
        if (!is_level(m[i].key) && (int)i != at->at[US_CELL_TEXT] && m[i].key.n && m[i].key.n + 2 < room)
            snprintf(inside.episode + used, room, "%s%.*s", used ? "/" : "", (int)m[i].key.n, m[i].key.s);
        if (!st && us_json_is_scalar(m[i].value)) { /* a script as one string */
            us_buf text = w->other;
            us_buf_init(&w->other, w->r->options->max_cell_bytes ? 4 * w->r->options->max_cell_bytes : (size_t)1 << 30);
            st = read_inside(w, m[i].value.s, &text, &inside, &any);
            us_buf_fini(&w->other);
            w->other = text;
        } else if (!st) {
            bool ultra =
                n == 2 && us_json_find(m, n, "id") && m[i].key.n == 4 && !memcmp(m[i].key.s, "data", 4); /* UltraChat */
            bool numbered_talk = numbered_dialog && us_json_is_key(&m[i], "content");
            inside.talk = ultra || numbered_talk || is_talk(m[i].key);
            if (parted && (&m[i] == prompt || &m[i] == end)) {
                inside.list = numbered.list, inside.thread = true;
                strcpy(inside.episode, pl->episode);
            }
            st = visit(w, m[i].value, inside);
        }
    }
    return st;
}

static void note_keys(us_json_walk *w, const us_json_member *m, size_t n) {
    size_t k = 0;
    for (size_t i = 0; i < n && i < 12 && !w->r->status && k < sizeof w->keys - 70; i++)
        k += (size_t)snprintf(w->keys + k, sizeof w->keys - k, "%s'%.*s'", i ? ", " : "",
                              (int)(m[i].key.n < 60 ? m[i].key.n : 60), m[i].key.s);
}

static bool is_flat(const us_json_member *m, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!us_json_is_scalar(m[i].value) && !is_timed_words(&m[i])) return false;
    return true;
}

static us_status visit_object(us_json_walk *w, us_span_str v, us_json_place pl) {
    us_json_member *m;
    size_t n;
    us_columns at;
    bool done = false;
    us_status st = US_OK;
    if (!us_json_members(w, v, &m, &n, w->r->err)) {
        us_rows_reject(w->r, us_json_line_of(w, v.s), w->limit ? w->limit : "not JSON");
        free(m);
        return w->r->status;
    }
    if (!w->keys[0]) note_keys(w, m, n);
    bool record = is_record(w, m, n, &at), container = false;
    for (size_t i = 0; i < n && record && !container; i++)
        container = !us_json_is_scalar(m[i].value) && (int)i != at.at[US_CELL_TEXT] && !is_timed_words(&m[i]) &&
                    first_is_record(w, m[i].value) && !is_replies(m[i].key);
    if (record && *m[at.at[US_CELL_SPEAKER]].value.s == '[' && *m[at.at[US_CELL_TEXT]].value.s == '[')
        st = read_columns(w, m, n, &at, pl, &done), record = false; /* two lists side by side */
    if (st || done) goto out;
    if (record && !container) {
        st = emit(w, v, m, n, &at, pl);
        for (size_t i = 0; i < n && !st; i++) { /* a thread goes on below */
            us_json_place below = pl;
            below.thread = true;
            if (!is_replies(m[i].key) || !first_is_record(w, m[i].value)) continue;
            us_json_member *role = us_json_find(m, n, "role");
            if (role && role->value.n > 2 && (role->value.s[1] == 'p' || role->value.s[1] == 'a')) {
                const char *p = m[i].value.s + 1,
                           *stop = m[i].value.s + m[i].value.n; /* OASST: all of them answer the same words, */
                us_span_str e;
                for (bool more = us_json_next(w, &p, stop, &e); more && !st; more = us_json_next(w, &p, stop, &e)) {
                    st = visit(w, e, below);
                    below.list = ++w->n_lists; /* and none answers the one before it */
                }
            } else st = visit(w, m[i].value, below);
        }
        goto out;
    }
    st = us_json_candidate(w, v, m, n, pl, &done);
    if (!st && !done) st = us_json_log(w, m, n, pl, &done);
    if (!st && !done) st = us_json_halves(w, v, m, n, pl, &done);
    if (!st && !done) st = us_json_answer(w, m, n, &at, pl, &done);
    if (!st && !done) st = us_json_pairs(w, m, n, pl, &done);
    if (!st && !done) st = us_json_unnamed(w, m, n, pl, &done);
    if (!st && !done) { /* columns are named without regard to what they hold */
        us_columns any;
        us_span_str header[64];
        size_t k = n < 64 ? n : 64;
        for (size_t i = 0; i < k; i++) header[i] = m[i].key;
        us_columns_named(w->r->options, header, k, NULL, &any);
        st = us_json_side(w, v, m, n, &any, pl, &done);
        if (st || done) goto out;
        st = read_columns(w, m, n, &any, pl, &done);
        if (!done) at = any;
    }
    us_json_member *columns = us_json_find(m, n, "columns"), *data = us_json_find(m, n, "data");
    if (!st && !done && columns && data && *columns->value.s == '[' && *data->value.s == '[')
        st = read_rows(w, data->value, columns->value, &pl), done = true;
    if (!st && !done) st = read_by_speaker(w, v, m, n, &pl, &done);
    if (!st && !done) {
        us_json_place inside = pl;
        us_json_member *bot = us_json_find(m, n, "bot_name");
        us_buf_clear(&w->other);
        if (bot && us_json_is_string(bot->value) && !(st = us_json_decode(us_json_inner(bot->value), &w->other, w->r->err)) &&
            w->other.len && w->other.len < sizeof inside.bot)
            memcpy(inside.bot, w->other.data, w->other.len + 1);
        note_place(w, m, n, &at, &inside);
        int text = at.at[US_CELL_TEXT];
        bool alone = pl.list && at.at[US_CELL_SPEAKER] < 0 && text >= 0 && (size_t)text < n &&
                     us_json_is_string(m[text].value) && is_flat(m, n);
        if (!st && alone) st = us_json_labelled(w, v, m[text].value, pl, &done);
        uint64_t before = us_script_get_counts(w->r->script)->rows;
        if (!st && !done) st = visit_members(w, m, n, &at, &inside);
        w->nameless +=
            alone && !done && us_script_get_counts(w->r->script)->rows == before; /* else it was a script of its own */
    }
out:
    free(m);
    return st ? st : w->r->status;
}

/* When an object says that it was: milliseconds or seconds since 1970; 0 when it does not. */
static double time_of(us_json_walk *w, us_span_str v, int depth) {
    us_json_member *m = NULL, *when = NULL;
    size_t n;
    double t = 0;
    if (*v.s == '{' && us_json_members(w, v, &m, &n, w->r->err)) {
        static const char *const keys[] = {"timestamp_ms", "date_unixtime", "timestamp", "originalarrivaltime", "created_at",
                                           "created",      "create_time",   "createdAt", "createdDateTime"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys && !when; i++) when = us_json_find(m, n, keys[i]);
        if (!when && n == 1 && *m[0].value.s == '{' && depth < 2)
            t = time_of(w, m[0].value, depth + 1); /* {"messageCreate": {...}} */
        const char *p = when ? when->value.s + (*when->value.s == '"') : "";
        char digits[24] = "";
        for (size_t k = 0; k < 14 && ((*p >= '0' && *p <= '9') || (k && strchr("-: T", *p))); p++) /* or 2024-03-12T10:15:00 */
            if (*p <= '9' && *p >= '0') digits[k++] = *p;
        if (when) t = strtod(digits, NULL);
    }
    if (*v.s == '{') free(m);
    return t > 1e8 ? t : 0; /* a year is none */
}

typedef struct located {
    us_span_str e;
    uint32_t line;
} located;

/* Visits the last of n values first; frees the list. */
static us_status visit_backwards(us_json_walk *w, located *list, size_t n, us_json_place pl, us_status st) {
    uint32_t last_line = w->line;
    const char *last = w->counted;
    while (n && !st) {
        w->line = list[--n].line, w->counted = list[n].e.s;
        if (!us_json_is_scalar(list[n].e)) st = visit(w, list[n].e, pl);
    }
    w->line = last_line, w->counted = last;
    free(list);
    return st;
}

/* A list of messages, newest first: from its end. True when it was one. */
static bool visit_turned(us_json_walk *w, us_span_str v, us_json_place pl, us_status *st) {
    const char *p = v.s + 1, *end = v.s + v.n;
    located *list = NULL;
    us_span_str e;
    size_t n = 0, cap = 0, later = 0;
    double before = 0;
    while (n < 8 && us_json_next(w, &p, end, &e)) { /* a look at the first */
        double t = time_of(w, e, 0);
        if (!t || (n && t > before)) return false;
        later += n && t < before;
        before = t;
        n++;
    }
    if (!later) return false;
    for (p = v.s + 1, n = 0; !*st && us_json_next(w, &p, end, &e);)
        if (!(*st = us_grow(&list, &cap, n + 1, sizeof *list, w->r->err)))
            list[n].e = e, list[n++].line = us_json_line_of(w, e.s);
    *st = visit_backwards(w, list, n, pl, *st);
    w->newest_first = true;
    return true;
}

/* ["Hi", "Hello", "How are you?"] under a key that calls it a dialogue (DailyDialog): two people, who are not named. */
static us_status say_in_turn(us_json_walk *w, us_span_str v, us_json_place pl) {
    size_t k = 0;
    pl.list = ++w->n_lists;
    return us_json_say_list(w, v, &pl, &k);
}

static us_status visit_list(us_json_walk *w, us_span_str v, us_json_place pl) {
    const char *p = v.s + 1, *end = v.s + v.n, *first = us_json_blanks(p, end);
    us_span_str e;
    us_status st = US_OK;
    if (*first == '"') { /* ["Ann: Hi", "Bob: Ho"] */
        bool any = false;
        us_buf text;
        us_buf_init(&text, (size_t)1 << 30);
        while (!st && us_json_next(w, &p, end, &e))
            if (us_json_is_string(e)) {
                st = us_json_decode(us_json_inner(e), &text, w->r->err);
                if (!st) st = us_buf_append_str(&text, "\n", w->r->err);
            }
        if (!st) st = read_inside(w, v.s, &text, &pl, &any);
        us_buf_fini(&text);
        return st || any || !pl.talk ? st : say_in_turn(w, v, pl);
    }
    if (*first == '[') {
        const char *q = us_json_blanks(first + 1, end);
        if (*q != '[' && *q != '{' && is_conversations(w, v)) return say_conversations(w, v, pl);
        if (*q != '[' && *q != '{' && is_rows(w, v)) return read_rows(w, v, (us_span_str){0}, &pl);
    }
    if (!pl.thread) pl.list = ++w->n_lists;
    pl.thread = false;
    pl.element = true;
    if (visit_turned(w, v, pl, &st)) return st ? st : w->r->status;
    while (!st && us_json_next(w, &p, end, &e)) {
        if (!us_json_is_scalar(e)) st = visit(w, e, pl);
        us_doc_done(w->d, e.s);
    }
    if (w->broken && !st)
        us_rows_reject(w->r, us_json_line_of(w, w->broken), w->limit ? w->limit : "not JSON, or cut off here");
    w->broken = NULL;
    return st ? st : w->r->status;
}

static us_status visit(us_json_walk *w, us_span_str v, us_json_place pl) {
    if (++pl.depth > US_JSON_MAX_DEPTH)
        return us_fail(w->r->err, US_ERR_LIMIT, "%s:%u: nested more than %d deep", w->r->path, us_json_line_of(w, v.s),
                       US_JSON_MAX_DEPTH);
    return *v.s == '{' ? visit_object(w, v, pl) : *v.s == '[' ? visit_list(w, v, pl) : US_OK;
}

/* A list that is cut off is read as far as it goes. */
static us_status visit_cut(us_json_walk *w, const char *p, const us_json_place *pl) {
    us_span_str rest = {p, (size_t)(w->end - p)};
    w->broken = NULL;
    return *p == '[' ? visit_list(w, rest, *pl) : US_OK;
}

/* ConvoKit's lines: each utterance stands above the one that it answers. Then the file is read from its end. */
static bool answers_first(us_json_walk *w) {
    const char *p = us_json_blanks(w->d->s, w->end);
    us_json_member *m[2] = {NULL, NULL}, *to = NULL, *id = NULL;
    size_t n[2];
    for (int k = 0; k < 2; k++) {
        const char *after = p < w->end && *p == '{' ? us_json_skip(w, p, w->end) : NULL;
        if (!after || !us_json_members(w, (us_span_str){p, (size_t)(after - p)}, &m[k], &n[k], w->r->err)) break;
        if (k) id = us_json_find(m[1], n[1], "id");
        else if (!(to = us_json_find(m[0], n[0], "reply-to"))) to = us_json_find(m[0], n[0], "reply_to");
        p = us_json_blanks(after, w->end);
    }
    bool turned = to && id && us_json_is_string(to->value) && to->value.n == id->value.n &&
                  !memcmp(to->value.s, id->value.s, id->value.n);
    free(m[0]);
    free(m[1]);
    w->broken = NULL;
    return turned;
}

static us_status visit_lines_turned(us_json_walk *w) {
    located *list = NULL;
    size_t n = 0, cap = 0;
    us_status st = US_OK;
    for (const char *p = us_json_blanks(w->d->s, w->end), *after; p < w->end && !st; p = us_json_blanks(after, w->end)) {
        uint32_t line = us_json_line_of(w, p);
        if ((after = *p == '{' ? us_json_skip(w, p, w->end) : NULL)) {
            if (!(st = us_grow(&list, &cap, n + 1, sizeof *list, w->r->err)))
                list[n++] = (located){{p, (size_t)(after - p)}, line};
        } else {
            us_rows_reject(w->r, line, "not JSON");
            if (!(after = memchr(p, '\n', (size_t)(w->end - p)))) after = w->end;
        }
    }
    w->newest_first = true;
    return visit_backwards(w, list, n, (us_json_place){0}, st);
}

/* X's (Twitter's) archive: "window.YTD.direct_messages.part0 = [". Behind the mark; s where there is none. */
static const char *behind_assignment(const char *s, const char *end) {
    static const char *const heads[] = {"window.", "var ", "let ", "const "};
    const char *p = us_json_blanks(s, end), *stop = memchr(p, '=', end - p < 100 ? (size_t)(end - p) : 100);
    for (size_t i = 0; i < sizeof heads / sizeof *heads && stop; i++)
        if ((size_t)(stop - p) > strlen(heads[i]) && !memcmp(p, heads[i], strlen(heads[i])) &&
            !memchr(p, '\n', (size_t)(stop - p)))
            return stop + 1;
    return s;
}

/* "JSON, newest first: turned round", where there is more to say of it than that it is JSON. */
static void say_about(const us_json_walk *w, char *out, size_t room) {
    const struct {
        uint64_t n;                  /* 0: it is not so */
        const char *words, *counted; /* counted: what follows their number, which is told then; else NULL */
    } all[] = {{w->messenger, ", an export of Messenger or Instagram, its letters put right", NULL},
               {w->newest_first, ", newest first: turned round", NULL},
               {w->rejected, ", rejected answers left out", NULL},
               {w->in_turn, ", nobody is named: two speakers in turn, called A and B", NULL},
               {w->shown, ", what was said, not how it was shown", NULL},
               {w->hidden, ", messages that are hidden left out: ", ""},
               {w->nameless, ", texts beside which nobody is named left out: ", ""},
               {w->branches, ", messages of other branches of the chats left out: ", ""},
               {w->beside, ", of two answers to the same words the winner's is read, else the first; others left out: ",
                " (to read these, take the first ones out of the file)"}};
    size_t k = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && k < room; i++) {
        char number[24] = "";
        if (!all[i].n) continue;
        if (all[i].counted) snprintf(number, sizeof number, "%llu", (unsigned long long)all[i].n);
        k += (size_t)snprintf(out + k, room - k, "%s%s%s%s", k ? "" : "JSON", all[i].words, number,
                              all[i].counted ? all[i].counted : "");
    }
}

us_status us_read_json(us_rows *r, us_doc *d) {
    us_json_walk w = {.r = r, .d = d, .end = d->s + d->n, .counted = d->s, .line = 1};
    size_t max = r->options->max_cell_bytes ? 4 * r->options->max_cell_bytes : (size_t)1 << 30;
    uint64_t before = us_script_get_counts(r->script)->rows;
    us_buf_init(&w.speaker, max);
    us_buf_init(&w.last_keys, 1 << 16);
    us_buf_init(&w.text, max);
    us_buf_init(&w.other, max);
    bool turned = answers_first(&w);
    us_status st = turned ? visit_lines_turned(&w) : US_OK;
    const char *p = turned ? w.end : behind_assignment(d->s, w.end);
    while (!st) {
        const char *from = p, *nl;
        p = us_json_blanks(p, w.end);
        if (p < w.end && strchr(",;", *p)) p = us_json_blanks(p + 1, w.end);
        if (p >= w.end) break;
        if (from > d->s && (nl = memchr(from, '\n', (size_t)(p - from))) && memchr(nl + 1, '\n', (size_t)(p - nl - 1)))
            us_rows_break(r, us_json_line_of(&w, nl + 1));
        w.broken = NULL;
        w.limit = NULL;
        const char *after = *p == '{' || *p == '[' ? us_json_skip(&w, p, w.end) : NULL;
        if (after) st = visit(&w, (us_span_str){p, (size_t)(after - p)}, (us_json_place){0});
        else if (*p == '[' && !w.limit && p == us_json_blanks(behind_assignment(d->s, w.end), w.end)) {
            st = visit_cut(&w, p, &(us_json_place){0});
            break;
        } else { /* a bad line among good ones */
            us_rows_reject(r, us_json_line_of(&w, p), w.limit ? w.limit : "not JSON");
            after = memchr(p, '\n', (size_t)(w.end - p));
            if (!after) after = w.end;
        }
        p = after;
        us_doc_done(d, p);
        if (!st) st = r->status;
    }
    if (!st && us_script_get_counts(r->script)->rows == before)
        st = us_fail(r->err, US_ERR_FORMAT,
                     "%s: JSON without a record that has a speaker and a text%s%s: name the keys with --speaker-column and "
                     "--text-column",
                     r->path, w.keys[0] ? "; the first keys are " : "", w.keys);
    say_about(&w, r->about, sizeof r->about);
    us_buf_fini(&w.speaker);
    us_buf_fini(&w.text);
    us_buf_fini(&w.other);
    us_buf_fini(&w.last_keys);
    return st;
}

void us_look_json(const us_script_options *o, const us_doc *d, us_view *view) {
    const char *end = d->s + d->n, *p = us_json_blanks(behind_assignment(d->s, end), end), *nl;
    us_json_walk w = {.end = end};
    while (p < end && (*p == '#' || (end - p > 1 && p[0] == '/' && p[1] == '/')) && (nl = memchr(p, '\n', (size_t)(end - p))))
        p = us_json_blanks(nl, end); /* a remark above; the walk rejects its line */
    (void)o;
    if (d->workbook || d->inside || p >= end || (*p != '{' && *p != '[')) return;
    const char *q = us_json_gap(&w, p + 1, end);
    bool null = end - q > 5 && !memcmp(q, "null", 4) && strchr(",]", q[4]); /* RPG Maker's lists begin so */
    if (q >= end || (*p == '{' ? *q != '"' && *q != '}' : !null && !strchr("{[\"]", *q))) return;
    size_t n = us_doc_sample(d);
    const char *after = us_json_skip(&w, p, d->s + n), *next = after ? us_json_blanks(after, end) : end;
    if (*p == '{' && *q == '"' && (!(q = us_json_skip_string(q, end)) || *us_json_blanks(q, end) != ':')) return;
    if (!after && n == d->n && !w.limit && *p == '[' && *q != '{') return;
    view->fit = 0.95;
    snprintf(view->about, sizeof view->about, "%s", next < end ? "JSON lines" : "JSON");
}
