/* The table of all measures, and the lists that are filled from it. */
#include "audition/audition.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

static const us_metric table[] = {
    {"nats", "held-out lines, nats a token", US_UNIT_NATS, -1},
    {"perplexity", "held-out lines, perplexity a token", US_UNIT_NUMBER, -1},
    {"specificity_gap", "others' lines against their own, nats a token, gained over the model", US_UNIT_NATS, 1},
    {"r10", "true line found among ten (R10@1)", US_UNIT_SHARE, 1},
    {"loops", "replies with a loop", US_UNIT_SHARE, -1},
    {"seq_rep_4", "repeated runs of four words (seq-rep-4)", US_UNIT_SHARE, -1},
    {"tail_loops", "replies that end in a loop", US_UNIT_SHARE, -1},
    {"duplicate_sentences", "replies that say a sentence twice in a row", US_UNIT_SHARE, -1},
    {"other_speaker", "replies with another's label, stops on", US_UNIT_SHARE, -1},
    {"other_speaker_no_stops", "replies with another's label, stops off", US_UNIT_SHARE, -1},
    {"other_speaker_takes", "takes with another's label, stops off", US_UNIT_SHARE, -1},
    {"ended", "replies that ended by themselves", US_UNIT_SHARE, 1},
    {"leaks", "replies in which a machine speaks", US_UNIT_SHARE, -1},
    {"leaks_provoked", "the same when provoked", US_UNIT_SHARE, -1},
    {"leaks_all", "the same over all replies", US_UNIT_SHARE, -1},
    {"empty", "replies without a word", US_UNIT_SHARE, -1},
    {"catch_phrases", "replies with a catch-phrase", US_UNIT_SHARE, 0},
    {"memorised", "replies that are a training line (8 words or more)", US_UNIT_SHARE, -1},
    {"overlap", "longest run of a training line, words", US_UNIT_NUMBER, 0},
    {"words", "words a reply", US_UNIT_NUMBER, 0},
    {"length_distance", "lengths against the real lines' (Kolmogorov-Smirnov)", US_UNIT_SHARE, -1},
    {"vocabulary_distance", "words against the real lines' (Jensen-Shannon, bits)", US_UNIT_NUMBER, -1},
    {"distinct_1", "distinct words in equally many", US_UNIT_SHARE, 0},
    {"distinct_2", "distinct pairs of words", US_UNIT_SHARE, 0},
    {"distinct_3", "distinct triples of words", US_UNIT_SHARE, 0},
    {"context_gain", "what the conversation tells of the reply, nats a token, by the base model", US_UNIT_NATS, 1},
    {"context_gain_share", "the same over that of real replies", US_UNIT_NUMBER, 1},
    {"chat_repeats", "replies said before in a chat of 20 turns", US_UNIT_SHARE, -1},
    {"chat_seq_rep_4", "repeated runs of four words over a chat", US_UNIT_SHARE, -1},
    {"chat_same_words", "words of five letters or more that they said in the five replies before", US_UNIT_SHARE, -1},
    {"style", "given to the character, pooled by 10 (classifier)", US_UNIT_SHARE, 1},
    {"style_share", "the same over that of real lines", US_UNIT_NUMBER, 1},
    {"style_single", "given to the character, single lines (classifier)", US_UNIT_SHARE, 1},
    {"cast", "given to the character, pooled by 10 (adapters of the cast)", US_UNIT_SHARE, 1},
    {"cast_share", "the same over that of real lines", US_UNIT_NUMBER, 1},
    {"cast_single", "given to the character, single lines (adapters of the cast)", US_UNIT_SHARE, 1},
    {"retention", "neutral questions answered right", US_UNIT_SHARE, 1},
};

const us_metric *us_audition_measures(size_t *n) { return *n = sizeof table / sizeof *table, table; }

const us_metric *us_metric_known(const char *name) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

us_status us_metrics_add(us_metrics *m, const char *name, us_interval v, us_error *err) {
    us_status st = us_grow(&m->items, &m->cap, m->n + 1, sizeof *m->items, err);
    if (st) return st;
    m->items[m->n] = *us_metric_known(name);
    m->items[m->n].value = v.value;
    m->items[m->n].low = v.low;
    m->items[m->n].high = v.high;
    m->items[m->n++].n = v.n;
    return US_OK;
}

us_status us_test_add(us_audition *a, us_test t, us_error *err) {
    us_status st = us_grow(&a->tests, &a->cap_tests, a->n_tests + 1, sizeof *a->tests, err);
    if (!st) a->tests[a->n_tests++] = t;
    return st;
}

us_status us_flag(us_audition *a, us_who who, const char *rule, const us_probe *p, const char *prompt, const char *reply,
                  const char *saw, us_error *err) {
    json_t *f = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "who", us_who_name(who), "rule", rule, "kind",
                          p ? us_probe_kind_name(p->kind) : "chat", "prompt", prompt, "reply", reply, "saw", saw);
    return f && !json_array_append_new(a->flagged, f) ? US_OK : us_fail(err, US_ERR_MEMORY, "out of memory");
}
