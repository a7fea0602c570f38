#include "chat/turn.h"
#include "base/mem.h"
#include "base/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists of ids ------------------------------------------------------------------------------------------------ */

us_status us_id_list_add(us_id_list *list, const char *id, us_error *err) {
    us_status st = us_grow(&list->ids, &list->cap, list->n + 1, sizeof *list->ids, err);
    if (!st) st = us_strdup(id, &list->ids[list->n], err);
    if (!st) list->n++;
    return st;
}

us_status us_id_list_copy(us_id_list *to, const us_id_list *from, us_error *err) {
    us_id_list copy = {0};
    us_status st = US_OK;
    for (size_t i = 0; i < from->n && !st; i++) st = us_id_list_add(&copy, from->ids[i], err);
    us_id_list_fini(st ? &copy : to);
    if (!st) *to = copy;
    return st;
}

bool us_id_list_has(const us_id_list *list, const char *id) {
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->ids[i], id)) return true;
    return false;
}

void us_id_list_fini(us_id_list *list) {
    for (size_t i = 0; i < list->n; i++) free(list->ids[i]);
    free(list->ids);
    *list = (us_id_list){0};
}

/* ---- turns ------------------------------------------------------------------------------------------------------- */

const char *us_turn_text(const us_stored_turn *t) {
    return t->chosen < t->n_alternatives ? t->alternatives[t->chosen].text : "";
}

us_status us_turn_init(us_stored_turn *t, const char *character, const char *speaker, us_error *err) {
    *t = (us_stored_turn){.own = character != NULL};
    us_status st = us_strdup(speaker ? speaker : "", &t->speaker, err);
    if (!st && character) st = us_strdup(character, &t->character, err);
    if (st) us_turn_fini(t);
    return st;
}

void us_turn_fini(us_stored_turn *t) {
    for (size_t i = 0; i < t->n_alternatives; i++) free(t->alternatives[i].text);
    free(t->alternatives);
    us_id_list_fini(&t->present);
    free(t->speaker);
    free(t->character);
    *t = (us_stored_turn){0};
}

/* A copy that any program reads: what is no UTF-8 in it becomes U+FFFD. */
static us_status copy_text(const char *text, size_t n, char **out, us_error *err) {
    us_buf b;
    if (us_utf8_valid(text, n, NULL) && !memchr(text, 0, n)) return us_strndup(text, n, out, err);
    us_buf_init(&b, 4 * n + 4);
    us_status st = us_utf8_clean(text, n, &b, err);
    if (!st && !(*out = us_buf_take(&b, NULL))) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    us_buf_fini(&b);
    return st;
}

us_status us_turn_add(us_stored_turn *t, const char *text, size_t n, const char *end, double score, double scale,
                      us_error *err) {
    us_alternative a = {.score = score, .scale = scale};
    us_status st = us_grow(&t->alternatives, &t->cap_alternatives, t->n_alternatives + 1, sizeof a, err);
    if (!st) st = copy_text(text, n, &a.text, err);
    if (st) return st;
    snprintf(a.end, sizeof a.end, "%s", end);
    a.end[strlen(a.end) - us_utf8_tail(a.end, strlen(a.end))] = 0; /* not cut within a letter */
    if (t->n_alternatives == US_MAX_ALTERNATIVES) {
        free(t->alternatives[0].text);
        memmove(t->alternatives, t->alternatives + 1, --t->n_alternatives * sizeof a);
    }
    t->chosen = t->n_alternatives;
    t->alternatives[t->n_alternatives++] = a;
    return US_OK;
}

/* ---- chats ------------------------------------------------------------------------------------------------------- */

void us_stored_chat_fini(us_stored_chat *c) {
    for (size_t i = 0; i < c->n_read; i++) us_turn_fini(&c->turns[i]);
    for (size_t i = 0; i < c->n_scales; i++) free(c->scales[i].character);
    free(c->turns);
    free(c->scales);
    us_id_list_fini(&c->stage);
    us_notes_fini(&c->notes);
    free(c->title);
    free(c->user);
    free(c->last);
    free(c->owner);
    *c = (us_stored_chat){0};
}

us_status us_stored_chat_set_scale(us_stored_chat *c, const char *character, double scale, us_error *err) {
    us_status st = us_grow(&c->scales, &c->cap_scales, c->n_scales + 1, sizeof *c->scales, err);
    if (!st) st = us_strdup(character, &c->scales[c->n_scales].character, err);
    if (!st) c->scales[c->n_scales++].scale = scale;
    return st;
}

double us_stored_chat_scale(const us_stored_chat *c, const char *character) {
    for (size_t i = 0; i < c->n_scales; i++)
        if (!strcmp(c->scales[i].character, character)) return c->scales[i].scale;
    return 1;
}

us_status us_stored_chat_add_turn(us_stored_chat *c, us_stored_turn *t, us_error *err) {
    us_status st = us_grow(&c->turns, &c->cap_turns, c->n_read + 1, sizeof *t, err);
    if (st) us_turn_fini(t);
    else c->turns[c->n_read++] = *t;
    *t = (us_stored_turn){0};
    return st;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

us_status us_chat_lines_add(us_chat_lines *l, const char *name, const char *text, bool own, us_error *err) {
    char *a = NULL, *b = NULL;
    us_status st = us_grow(&l->lines, &l->cap, l->n + 1, sizeof *l->lines, err);
    if (!st) st = us_strdup(name, &a, err);
    if (!st) st = us_strdup(text, &b, err);
    if (!st) l->lines[l->n++] = (us_chat_line){a, b, own, false};
    else free(a);
    return st;
}

void us_chat_lines_fini(us_chat_lines *l) {
    for (size_t i = 0; i < l->n; i++) {
        free((char *)(uintptr_t)l->lines[i].name);
        free((char *)(uintptr_t)l->lines[i].text);
    }
    free(l->lines);
    free(l->opening);
    *l = (us_chat_lines){0};
}
