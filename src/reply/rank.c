#include "reply/rank.h"
#include "base/mem.h"
#include "reply/rules.h"
#include "reply/stand.h"
#include <math.h>

double us_take_value(const us_candidate *t, const us_take_weights *w) {
    double n = t->n_tokens > 0 ? t->n_tokens : 1;
    double v = (t->logprob - w->lambda * t->unconditional) / pow(n, w->length_power) + t->judged;
    if (t->looped || !t->text[0]) v -= 1000;
    if (t->leaked) v -= 400;
    if (!t->ended && !t->stopped) v -= 200;
    if (t->repeats) v -= 100;
    if (t->stopped) v -= 50;
    return v;
}

/* A machine speaks by its words, or by what it says to whom it answers. */
static void find_leaks(const us_leaks *l, const us_conversation_view *v, us_candidate *takes, int32_t n) {
    us_machine_claim claim = l ? us_stand_claim(v->lines, v->n_lines, v->who) : (us_machine_claim){0};
    const char *line = v->n_lines ? v->lines[v->n_lines - 1].text : "";
    for (int32_t i = 0; i < n; i++)
        takes[i].leaked =
            l && (us_leaks_find(l, takes[i].text).found || us_stand_to(claim, line, v->who, takes[i].text) == US_STAND_MACHINE);
}

bool us_rank_again(const us_candidate *best, int32_t attempt) {
    return best->looped || best->leaked || (best->forgets && !attempt);
}

us_status us_rank(const us_ranking *r, const us_conversation_view *conversation, us_candidate *takes, int32_t n, int32_t *best,
                  us_error *err) {
    us_status st = US_OK;
    unsigned failures = us_memory_failures();
    for (int32_t i = 0; i < n; i++) takes[i].repeats = us_sentence_repeats(takes[i].text);
    find_leaks(r->leaks, conversation, takes, n);
    for (int k = 0; k < US_MAX_JUDGES && !st; k++)
        if (r->judges[k].fn) st = r->judges[k].fn(r->judges[k].ctx, conversation, takes, n, err);
    if (!st && us_memory_failures() != failures) /* a judge that saw less would choose another */
        st = us_fail(err, US_ERR_MEMORY, "out of memory: the takes were not compared");
    *best = 0;
    for (int32_t i = 0; i < n && !st; i++) {
        takes[i].score = us_take_value(&takes[i], &r->weights);
        if (takes[i].score > takes[*best].score) *best = i;
    }
    return st;
}
