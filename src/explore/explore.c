/* explore/explore.c - the spine of exploring: words of every line, then counts, then words and phrases by keyness. */
#include "base/mem.h"
#include "explore/facts.h"
#include <stdlib.h>
#include <string.h>

us_status us_facts_own(us_facts_work *w, void *block, us_error *err) {
    us_status st = us_grow(&w->blocks, &w->cap_blocks, w->n_blocks + 1, sizeof *w->blocks, err);
    if (st) free(block);
    else w->blocks[w->n_blocks++] = block;
    return st;
}

static us_status choose_character(us_facts_work *w, const char *name, us_error *err) {
    size_t n;
    const us_speaker *sp = us_script_get_speakers(w->f.script, &n);
    if (!name && n && sp[0].n_lines) name = sp[0].name;
    us_status st = us_script_find_speaker(w->f.script, name ? name : "", &w->f.character, err);
    if (st) return st;
    w->f.name = sp[w->f.character].name;
    if (!sp[w->f.character].n_lines) return us_fail(err, US_ERR_FORMAT, "'%s' has no line with words", w->f.name);
    return US_OK;
}

/* The words of all lines; those of the character's once more, side by side. */
static us_status split_lines(us_facts_work *w, us_error *err) {
    size_t n, n_own = 0;
    const us_line *l = us_script_get_lines(w->f.script, &n);
    us_status st = us_alloc(n + 1, sizeof *w->line_start, &w->line_start, err);
    if (!st) st = us_grow(&w->ids.id, &w->ids.cap, 1, sizeof *w->ids.id, err); /* never NULL, even when nobody says a word */
    if (!st) st = us_grow(&w->own_ids.id, &w->own_ids.cap, 1, sizeof *w->own_ids.id, err);
    for (size_t i = 0; i < n && !st; i++) {
        st = us_words_split(&w->words, l[i].text, &w->ids, err);
        w->line_start[i + 1] = w->ids.n;
        n_own += l[i].speaker == w->f.character;
    }
    if (!st) st = us_alloc(n_own, sizeof *w->own, &w->own, err);
    if (!st) st = us_alloc(n_own + 1, sizeof *w->own_start, &w->own_start, err);
    for (size_t i = 0; i < n && !st; i++) {
        if (l[i].speaker != w->f.character) continue;
        size_t n_ids = w->line_start[i + 1] - w->line_start[i];
        if (n_ids && !(st = us_grow(&w->own_ids.id, &w->own_ids.cap, w->own_ids.n + n_ids, sizeof *w->own_ids.id, err)))
            memcpy(w->own_ids.id + w->own_ids.n, w->ids.id + w->line_start[i], n_ids * sizeof *w->ids.id);
        w->own_ids.n += n_ids;
        w->own[w->n_own_lines++] = (uint32_t)i;
        w->own_start[w->n_own_lines] = w->own_ids.n;
    }
    const us_speaker *sp = us_script_get_speakers(w->f.script, &n);
    for (size_t i = 0; i < n && !st && sp[i].n_lines >= 10; i++) st = us_words_split(&w->words, sp[i].name, &w->name_ids, err);
    return st;
}

static us_status count_words(us_facts_work *w, us_error *err) {
    us_status st = us_alloc(w->words.n, sizeof *w->n_said, &w->n_said, err);
    if (!st) st = us_alloc(w->words.n, sizeof *w->n_own, &w->n_own, err);
    if (!st) st = us_alloc(w->words.n, 1, &w->stop, err);
    if (st) return st;
    for (size_t i = 0; i < w->ids.n; i++) w->n_said[w->ids.id[i]]++;
    for (size_t i = 0; i < w->own_ids.n; i++) w->f.n_different_words += !w->n_own[w->own_ids.id[i]]++;
    w->n_own_words = w->own_ids.n;
    return us_stop_words(&w->words, w->n_said, w->stop_words, &w->f.language, w->stop, err);
}

us_status us_explore(const us_script *script, const us_explore_options *options, us_facts **out, us_error *err) {
    us_explore_options o = options ? *options : (us_explore_options){0};
    if (o.main_share < 0 || o.main_share > 1)
        return us_fail(err, US_ERR_ARGUMENT, "main share: expected 0 to 1, got %g", o.main_share);
    if (o.top < 0 || o.top > 1000) return us_fail(err, US_ERR_ARGUMENT, "top: expected 1 to 1000, got %d", (int)o.top);
    if (o.min_lines < 0)
        return us_fail(err, US_ERR_ARGUMENT, "least lines of a phrase: expected 1 or more, got %d", (int)o.min_lines);
    us_facts_work *w = NULL;
    unsigned failures = us_memory_failures();
    us_status st = us_alloc(1, sizeof *w, &w, err);
    if (st) return st;
    w->stop_words = o.stop_words;
    w->f = (us_facts){.script = script, .language = o.language, .main_share = o.main_share > 0 ? o.main_share : 0.01};
    w->top = o.top ? (size_t)o.top : 30;
    st = choose_character(w, o.character, err);
    if (!st) st = split_lines(w, err);
    if (!st) st = count_words(w, err);
    if (!st) st = us_count_roles(w, err);
    w->f.min_lines = o.min_lines ? (uint32_t)o.min_lines : w->n_own_lines > 15000 ? (uint32_t)(w->n_own_lines / 5000) : 3;
    if (!st) st = us_find_terms(w, err);
    if (!st && us_memory_failures() != failures) st = us_fail(err, US_ERR_MEMORY, "out of memory");
    if (st) us_facts_free(&w->f);
    else *out = &w->f;
    return st;
}

void us_facts_free(us_facts *f) {
    if (!f) return;
    us_facts_work *w = (us_facts_work *)(void *)f;
    us_words_fini(&w->words);
    free(w->ids.id);
    free(w->name_ids.id);
    free(w->line_start);
    free(w->n_said);
    free(w->n_own);
    free(w->stop);
    free(w->own);
    free(w->own_ids.id);
    free(w->own_start);
    for (size_t i = 0; i < w->n_blocks; i++) free(w->blocks[i]);
    free(w->blocks);
    free(w);
}
