#include "chat/turn.h"
#include "base/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void free_present(us_stored_turn *t) {
    for (size_t i = 0; i < t->n_present; i++) free(t->present[i]);
    free(t->present);
    t->present = NULL;
    t->n_present = 0;
}

void us_turn_fini(us_stored_turn *t) {
    for (size_t i = 0; i < t->n_alternatives; i++) free(t->alternatives[i].text);
    free(t->alternatives);
    free_present(t);
    free(t->speaker);
    free(t->character);
    *t = (us_stored_turn){0};
}

us_status us_turn_add(us_stored_turn *t, const char *text, size_t n, const char *end, double score, double scale,
                      us_error *err) {
    us_alternative a = {.score = score, .scale = scale};
    us_status st = us_grow(&t->alternatives, &t->cap_alternatives, t->n_alternatives + 1, sizeof a, err);
    if (!st) st = us_strndup(text, n, &a.text, err);
    if (st) return st;
    snprintf(a.end, sizeof a.end, "%s", end);
    if (t->n_alternatives == US_MAX_ALTERNATIVES) {
        free(t->alternatives[0].text);
        memmove(t->alternatives, t->alternatives + 1, --t->n_alternatives * sizeof a);
    }
    t->chosen = t->n_alternatives;
    t->alternatives[t->n_alternatives++] = a;
    return US_OK;
}

us_status us_turn_set_present(us_stored_turn *t, const char *const *ids, size_t n, us_error *err) {
    free_present(t);
    us_status st = us_alloc(n, sizeof *t->present, &t->present, err);
    for (size_t i = 0; i < n && !st; i++)
        if (!(st = us_strdup(ids[i], &t->present[i], err))) t->n_present++;
    return st;
}

bool us_turn_heard_by(const us_stored_turn *t, const char *character) {
    if (t->character && !strcmp(t->character, character)) return true;
    for (size_t i = 0; i < t->n_present; i++)
        if (!strcmp(t->present[i], character)) return true;
    return false;
}
