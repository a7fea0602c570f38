#include "character/play.h"
#include "base/mem.h"
#include "text/hash.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 16 << 20 }; /* of all pieces together */

typedef struct player {
    us_play *play;
    us_macros macros;
    us_error *err;
    size_t n_bytes; /* of the pieces */
} player;

static us_status add(player *p, const char *source, const char *name, const char *text, int32_t depth) {
    us_buf b;
    us_status st = US_OK;
    if (!*text) return US_OK;
    us_buf_init(&b, MAX_TEXT - p->n_bytes);
    st = us_macros_fill(&p->macros, text, &b, p->err);
    if (st == US_ERR_LIMIT)
        us_fail(p->err, st, "with its macros filled in, the card is larger than %d MiB: shorten its texts", MAX_TEXT >> 20);
    p->n_bytes += b.len;
    while (b.len && strchr(" \t\r\n", b.data[b.len - 1])) b.data[--b.len] = 0;
    size_t blanks = b.len ? strspn(b.data, " \t\r\n") : 0; /* of an {{original}} that is nothing */
    if (blanks) memmove(b.data, b.data + blanks, (b.len -= blanks) + 1);
    if (!st && b.len) {
        us_piece *piece = &p->play->pieces[p->play->n];
        *piece = (us_piece){source, name, us_buf_take(&b, NULL), depth};
        if (piece->text) p->play->n++;
        else st = us_fail(p->err, US_ERR_MEMORY, "out of memory");
    }
    us_buf_fini(&b);
    return st;
}

static us_status add_entries(player *p, const us_book_hit *hits, size_t n, us_book_place place) {
    us_status st = US_OK;
    for (size_t i = 0; i < n && !st; i++)
        if (hits[i].place == place)
            st = add(p, "character_book", hits[i].name, hits[i].content,
                     place == US_AT_DEPTH && hits[i].depth > 0 ? hits[i].depth
                     : place == US_AT_DEPTH                    ? 0
                                                               : -1);
    return st;
}

us_status us_play_make(const us_card *c, const char *user, const us_heard *heard, us_play *out, us_error *err) {
    static const us_heard nothing;
    if (!heard) heard = &nothing;
    us_play play = {0};
    us_book_hit *hits = NULL;
    size_t n = 0;
    player p = {&play, us_card_macros(c, user), err, 0};
    const char *opening = heard->opening ? heard->opening : heard->n_lines ? heard->lines[0] : NULL;
    size_t n_lines = heard->n_before + heard->n_lines;
    uint64_t chat = opening ? us_hash_bytes(0, opening, strlen(opening)) : 0;
    p.macros.pick_seed = chat;
    p.macros.seed = us_hash_bytes(chat, &n_lines, sizeof n_lines);
    us_status st = us_book_find(c->book, heard->lines, heard->n_lines, n_lines, p.macros.seed, &hits, &n, err);
    if (!st) st = us_alloc(n + 6, sizeof *play.pieces, &play.pieces, err);
    if (!st) st = add(&p, "system_prompt", "", c->system_prompt, -1);
    if (!st) st = add_entries(&p, hits, n, US_BEFORE_CHARACTER);
    if (!st) st = add(&p, "description", "", c->description, -1);
    if (!st) st = add(&p, "personality", "", c->personality, -1);
    if (!st) st = add(&p, "scenario", "", c->scenario, -1);
    if (!st) st = add_entries(&p, hits, n, US_AFTER_CHARACTER);
    if (!st) st = add_entries(&p, hits, n, US_AT_DEPTH);
    if (!st) st = add(&p, "depth_prompt", "", c->depth_prompt, c->depth);
    if (!st) st = add(&p, "post_history_instructions", "", c->post_history, 0);
    free(hits);
    if (st) us_play_fini(&play);
    else *out = play;
    return st;
}

us_status us_play_all(const us_card *c, const char *user, us_play *out, us_error *err) {
    us_play play = {0};
    player p = {&play, us_card_macros(c, user), err, 0};
    const struct {
        const char *source, *text;
    } fields[] = {{"system_prompt", c->system_prompt}, {"description", c->description},
                  {"personality", c->personality},     {"scenario", c->scenario},
                  {"depth_prompt", c->depth_prompt},   {"post_history_instructions", c->post_history}};
    size_t n_fields = sizeof fields / sizeof *fields;
    us_status st = us_alloc(n_fields + us_book_size(c->book) + c->examples.n, sizeof *play.pieces, &play.pieces, err);
    for (size_t i = 0; i < n_fields && !st; i++) st = add(&p, fields[i].source, "", fields[i].text, -1);
    for (size_t i = 0; i < c->examples.n && !st; i++) st = add(&p, "mes_example", "", c->examples.lines[i], -1);
    for (size_t i = 0; i < us_book_size(c->book) && !st; i++) {
        const char *name, *content;
        us_book_get(c->book, i, &name, &content);
        st = add(&p, "character_book", name, content, -1);
    }
    if (st) us_play_fini(&play);
    else *out = play;
    return st;
}

void us_play_fini(us_play *p) {
    for (size_t i = 0; i < p->n; i++) free(p->pieces[i].text);
    free(p->pieces);
    *p = (us_play){0};
}

us_status us_play_system(const us_play *p, us_buf *out, us_error *err) {
    size_t start = out->len;
    us_status st = US_OK;
    for (size_t i = 0; i < p->n && !st; i++) {
        if (p->pieces[i].depth >= 0) continue;
        if (out->len > start) st = us_buf_append(out, "\n", 1, err);
        if (!st) st = us_buf_append_str(out, p->pieces[i].text, err);
    }
    return st;
}

us_status us_card_system(const us_card *c, char **out, us_error *err) {
    us_play play;
    us_buf b;
    us_status st = us_play_make(c, NULL, NULL, &play, err);
    if (st) return st;
    us_buf_init(&b, 4 * MAX_TEXT);
    st = us_play_system(&play, &b, err);
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    us_play_fini(&play);
    return st;
}
