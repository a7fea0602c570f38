/* explore/counts.c - who says how much, to whom, and in lines of which length. */
#include "base/mem.h"
#include "text/fold.h"
#include "text/segment.h"
#include "explore/facts.h"
#include <stdlib.h>
#include <string.h>

static us_status choose_roles(us_facts_work *w, us_error *err) {
    us_facts *f = &w->f;
    size_t n, n_scenes, n_episodes, n_lines, n_roles = 0;
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    const us_episode *ep = us_script_get_episodes(f->script, &n_episodes);
    us_script_get_scenes(f->script, &n_scenes);
    us_script_get_lines(f->script, &n_lines);
    f->n_lines = n_lines;
    f->n_scenes = (uint32_t)n_scenes;
    for (size_t i = 0; i < n; i++) f->n_words += sp[i].n_words;
    for (size_t i = 0; i < n_episodes; i++) f->n_episodes += ep[i].n_scenes > 0;
    if (n_episodes < 2) f->n_episodes = 0; /* one without a name is no count */
    us_role *roles;
    us_status st = us_alloc(n, sizeof *roles, &roles, err);
    if (!st) st = us_facts_own(w, roles, err);
    for (size_t i = 0; i < n && !st; i++) {
        us_role r = {.speaker = (uint32_t)i, .n_lines = sp[i].n_lines, .n_words = sp[i].n_words, .n_scenes = sp[i].n_scenes};
        r.share_lines = f->n_lines ? (double)r.n_lines / (double)f->n_lines : 0;
        r.share_words = f->n_words ? (double)r.n_words / (double)f->n_words : 0;
        if (i == f->character) f->role = r;
        bool main = (r.share_lines >= f->main_share || r.share_words >= f->main_share) &&
                    n_roles < 60; /* 60: a matrix still to be read */
        if (main || i == f->character) roles[n_roles++] = r;
    }
    f->roles = roles, f->n_roles = n_roles;
    return st;
}

/* In how many episodes each main character speaks. */
static us_status count_episodes(us_facts_work *w, us_role *roles, const uint32_t *role_of, us_error *err) {
    us_facts *f = &w->f;
    size_t n;
    const us_line *l = us_script_get_lines(f->script, &n);
    const us_scene *sc = us_script_get_scenes(f->script, &n);
    uint32_t *seen;
    us_script_get_lines(f->script, &n);
    us_status st = us_alloc(f->n_roles + 1, sizeof *seen, &seen, err);
    for (size_t i = 0; i < n && !st && f->n_episodes; i++) {
        if (l[i].speaker == US_SPEAKER_NONE) continue;
        uint32_t r = role_of[l[i].speaker], ep = sc[l[i].scene].episode + 1;
        if (r < f->n_roles && seen[r] != ep) seen[r] = ep, roles[r].n_episodes++;
    }
    if (!st) free(seen);
    for (size_t r = 0; r < f->n_roles && !st; r++)
        if (roles[r].speaker == f->character) f->role = roles[r];
    return st;
}

static int by_n(const void *pa, const void *pb) {
    const us_term *a = pa, *b = pb;
    uint64_t x = (uint64_t)a->n + a->n_others, y = (uint64_t)b->n + b->n_others;
    return x != y ? (x > y ? -1 : 1) : strcmp(a->text, b->text);
}

/* Who speaks right after whom in a scene. */
static us_status count_answers(us_facts_work *w, const uint32_t *role_of, us_error *err) {
    us_facts *f = &w->f;
    size_t n, n_sp, k = 0, side = f->n_roles + 1;
    const us_line *l = us_script_get_lines(f->script, &n);
    const us_speaker *sp = us_script_get_speakers(f->script, &n_sp);
    uint32_t *m;
    us_term *talk = NULL;
    us_status st = us_alloc(side * side, sizeof *m, &m, err);
    if (!st) st = us_facts_own(w, m, err);
    if (!st) st = us_alloc(n_sp, sizeof *talk, &talk, err);
    if (!st) st = us_facts_own(w, talk, err);
    for (size_t i = 1; i < n && !st; i++) {
        uint32_t a = l[i - 1].speaker, b = l[i].speaker;
        if (l[i].scene != l[i - 1].scene || a == b || a == US_SPEAKER_NONE || b == US_SPEAKER_NONE) continue;
        m[role_of[b] * side + role_of[a]]++;
        if (b == f->character) talk[a].n++, f->n_answers++;
        if (a == f->character) talk[b].n_others++;
    }
    for (size_t i = 0; i < n_sp && !st; i++)
        if (talk[i].n || talk[i].n_others) talk[k] = talk[i], talk[k++].text = sp[i].name;
    if (st) return st;
    if (k) qsort(talk, k, sizeof *talk, by_n);
    f->answers = m, f->talks_to = talk, f->n_talks_to = k < w->top ? k : w->top;
    return US_OK;
}

static int by_number(const void *a, const void *b) {
    return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static us_status count_lengths(us_facts_work *w, us_error *err) {
    us_facts *f = &w->f;
    size_t n, k = 0;
    const us_line *l = us_script_get_lines(f->script, &n);
    uint32_t *own;
    us_status st = us_alloc(w->n_own_lines, sizeof *own, &own, err);
    if (st) return st;
    for (size_t i = 0; i < n; i++) {
        uint32_t words = us_count_words(l[i].text), bin = words > US_MAX_LENGTH ? US_MAX_LENGTH : words ? words - 1 : 0;
        f->lengths_all[bin]++;
        if (l[i].speaker != f->character) continue;
        f->lengths[bin]++;
        own[k++] = words;
    }
    qsort(own, k, sizeof *own, by_number);
    f->median_words = own[k / 2];
    f->p95_words = own[(k - 1) * 95 / 100];
    f->longest_words = own[k - 1];
    free(own);
    return US_OK;
}

/* Other names that hold the character's whole name or first name as a word: "Young Homer", "Homer and Bart". */
static us_status find_relatives(us_facts_work *w, us_error *err) {
    us_facts *f = &w->f;
    char called[256];
    us_short_name(f->name, called, sizeof called);
    size_t n, k = 0, len = strlen(called);
    const us_speaker *sp = us_script_get_speakers(f->script, &n);
    us_relative *list;
    us_status st = us_alloc(n, sizeof *list, &list, err);
    if (!st) st = us_facts_own(w, list, err);
    for (size_t i = 0; i < n && !st; i++) {
        bool holds = false;
        for (const char *p = sp[i].name; i != f->character && len > 2 && *p && !holds; p++) {
            bool begins = p == sp[i].name || strchr(" /&,-(", p[-1]);
            holds = begins && !strncasecmp(p, f->name, len) && (!p[len] || strchr(" /&,-)'", p[len]));
        }
        if (holds && sp[i].n_lines) list[k++] = (us_relative){.speaker = (uint32_t)i, .joint = sp[i].joint};
    }
    if (!st) f->relatives = list, f->n_relatives = k;
    return st;
}

us_status us_count_roles(us_facts_work *w, us_error *err) {
    size_t n;
    uint32_t *role_of = NULL;
    us_script_get_speakers(w->f.script, &n);
    us_status st = choose_roles(w, err);
    if (!st) st = us_alloc(n, sizeof *role_of, &role_of, err);
    for (size_t i = 0; i < n && !st; i++) role_of[i] = (uint32_t)w->f.n_roles;
    for (size_t i = 0; i < w->f.n_roles && !st; i++) role_of[w->f.roles[i].speaker] = (uint32_t)i;
    if (!st) st = count_episodes(w, (us_role *)(void *)w->f.roles, role_of, err);
    if (!st) st = count_answers(w, role_of, err);
    if (!st) st = count_lengths(w, err);
    if (!st) st = find_relatives(w, err);
    free(role_of);
    return st;
}
