/* explore/terms.c - the character's lines, phrases and words: counted, set against the others, spelled.
 *
 * A term is found as word ids ("grams"); only those that are shown get a spelling, in one pass over the character's lines. */
#include "base/buf.h"
#include "base/mem.h"
#include "explore/facts.h"
#include <stdlib.h>
#include <string.h>

#define FOLD 0.6  /* a phrase goes when a longer one that holds it has this share of its lines */
#define MIN_G2 30 /* a pair of words is one thing from here on (about p = 4e-8) */
#define MAX_CLOUD 2000
#define LOWER_SHARE 0.2 /* a word is written small when it is so at least this often: sentences begin with capitals */

typedef struct gram {
    const uint32_t *ids; /* words, canonical ones for the cloud */
    uint32_t n;          /* of them */
    uint32_t own, others, last_line, alone;
    double z;
    us_term *term;            /* where it is shown */
    struct spelling *spelled; /* [MAX_SPELLED] while it is spelled */
    uint32_t n_spelled;
} gram;
struct spelling {
    const char *s;
    uint32_t len, n;
};
#define MAX_SPELLED 10

static int by_z(const void *pa, const void *pb) {
    const gram *a = pa, *b = pb;
    if (a->z != b->z) return a->z > b->z ? -1 : 1;
    return a->ids[0] != b->ids[0] ? (a->ids[0] > b->ids[0] ? 1 : -1) : (a->n > b->n) - (a->n < b->n);
}

static int by_own(const void *pa, const void *pb) {
    const gram *a = pa, *b = pb;
    return a->own != b->own ? (a->own > b->own ? -1 : 1) : by_z(pa, pb);
}

/* ---- grams in the others' lines ----------------------------------------------------------------------------- */

static uint64_t hash_ids(const uint32_t *ids, uint32_t n) {
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++) h = (h ^ ids[i]) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    return h;
}

typedef struct lookup {
    gram *grams;
    uint64_t *slots;  /* upper half of the hash, index + 1; for grams of two words and more */
    uint32_t *single; /* [words] index + 1 of the gram that is this word alone */
    size_t mask;
    unsigned char *starts; /* [words] bit n: a gram of n words begins so */
    unsigned char *pairs;  /* [PAIRS] the same by a hash of the first two words: most places are told apart here */
} lookup;
#define PAIRS ((size_t)1 << 18)

static us_status lookup_init(lookup *l, gram *g, size_t n, size_t n_words, us_error *err) {
    *l = (lookup){.grams = g, .mask = 63};
    while (l->mask < 4 * n) l->mask = l->mask * 2 + 1;
    us_status st = us_alloc(l->mask + 1, sizeof *l->slots, &l->slots, err);
    if (!st) st = us_alloc(n_words, sizeof *l->single, &l->single, err);
    if (!st) st = us_alloc(n_words, 1, &l->starts, err);
    if (!st) st = us_alloc(PAIRS, 1, &l->pairs, err);
    for (size_t i = 0; i < n && !st; i++) {
        l->starts[g[i].ids[0]] |= (unsigned char)(1u << g[i].n);
        if (g[i].n == 1) {
            l->single[g[i].ids[0]] = (uint32_t)i + 1;
            continue;
        }
        l->pairs[hash_ids(g[i].ids, 2) & (PAIRS - 1)] |= (unsigned char)(1u << g[i].n);
        uint64_t hash = hash_ids(g[i].ids, g[i].n);
        size_t at = hash & l->mask;
        while (l->slots[at]) at = (at + 1) & l->mask;
        l->slots[at] = (hash & ~(uint64_t)UINT32_MAX) | (i + 1);
    }
    return st;
}

static void lookup_fini(lookup *l) {
    free(l->slots);
    free(l->single);
    free(l->starts);
    free(l->pairs);
}

/* Which lengths of grams may begin with these words (`second` may be US_NO_WORD): bit n for n words. */
static unsigned lengths_at(const lookup *l, uint32_t first, uint32_t second) {
    unsigned bits = l->starts[first];
    if (bits <= 2 || second == US_NO_WORD) return bits & 2;
    return bits & (2u | l->pairs[hash_ids((uint32_t[2]){first, second}, 2) & (PAIRS - 1)]);
}

static gram *lookup_find(const lookup *l, const uint32_t *ids, uint32_t n) {
    if (n == 1) return l->single[*ids] ? &l->grams[l->single[*ids] - 1] : NULL;
    uint64_t hash = hash_ids(ids, n);
    for (size_t at = hash & l->mask; l->slots[at]; at = (at + 1) & l->mask) {
        if ((l->slots[at] ^ hash) >> 32) continue;
        gram *g = &l->grams[(uint32_t)l->slots[at] - 1];
        if (g->n == n && !memcmp(g->ids, ids, n * sizeof *ids)) return g;
    }
    return NULL;
}

/* In how many lines of the others each gram is; canon (NULL: none) maps words to those that the grams are made of. */
static us_status count_others(const us_facts_work *w, gram *g, size_t n, const uint32_t *canon, us_error *err) {
    lookup l;
    size_t n_lines;
    const us_line *line = us_script_get_lines(w->f.script, &n_lines);
    us_status st = lookup_init(&l, g, n, w->words.n, err);
    for (size_t i = 0; i < n_lines && !st; i++) {
        if (line[i].speaker == w->f.character) continue;
        for (size_t p = w->line_start[i], end = w->line_start[i + 1]; p < end; p++) {
            uint32_t ids[8], first = canon ? canon[w->ids.id[p]] : w->ids.id[p];
            if (!l.starts[first]) continue;
            unsigned bits = lengths_at(&l, first,
                                       p + 1 == end ? US_NO_WORD
                                       : canon      ? canon[w->ids.id[p + 1]]
                                                    : w->ids.id[p + 1]);
            for (uint32_t k = 0; bits >> (k + 1) && p + k < end; k++) {
                ids[k] = canon ? canon[w->ids.id[p + k]] : w->ids.id[p + k];
                gram *hit = bits >> (k + 1) & 1 ? lookup_find(&l, ids, k + 1) : NULL;
                if (hit && hit->last_line != i + 1) hit->last_line = (uint32_t)i + 1, hit->others++;
            }
        }
    }
    lookup_fini(&l);
    return st;
}

/* ---- spelling ----------------------------------------------------------------------------------------------- */

static void note_spelling(gram *g, const char *s, size_t len) {
    for (uint32_t k = 0; k < g->n_spelled; k++)
        if (g->spelled[k].len == len && !memcmp(g->spelled[k].s, s, len)) {
            g->spelled[k].n++;
            return;
        }
    if (g->n_spelled < MAX_SPELLED) g->spelled[g->n_spelled++] = (struct spelling){s, (uint32_t)len, 1};
}

static bool is_small(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (s[i] >= 'A' && s[i] <= 'Z') return false;
    return !(n > 1 && (unsigned char)s[0] == 0xd0 && (unsigned char)s[1] >= 0x81 &&
             (unsigned char)s[1] < 0xb0); /* Cyrillic capitals */
}

/* The commonest spelling; `small`: the commonest in small letters, unless those are rare. */
static us_status spell(us_facts_work *w, const gram *g, bool small, us_error *err) {
    const struct spelling *best = NULL, *best_small = NULL;
    uint32_t sum = 0, sum_small = 0;
    char *text;
    for (uint32_t k = 0; k < g->n_spelled; k++) {
        const struct spelling *p = &g->spelled[k];
        sum += p->n;
        if (!best || p->n > best->n) best = p;
        if (!is_small(p->s, p->len)) continue;
        sum_small += p->n;
        if (!best_small || p->n > best_small->n) best_small = p;
    }
    if (small && sum_small > LOWER_SHARE * sum) best = best_small;
    us_status st =
        best ? us_strndup(best->s, best->len, &text, err) : us_strdup(us_words_get(&w->words, g->ids[0]), &text, err);
    if (!st) st = us_facts_own(w, text, err);
    if (!st) g->term->text = text;
    return st;
}

static bool is_possessive(const char *word) {
    size_t n = strlen(word);
    return n > 2 && word[n - 2] == '\'';
}

/* One pass over the character's lines for all grams. */
static us_status spell_all(us_facts_work *w, gram *g, size_t n, const uint32_t *canon, bool small, us_error *err) {
    lookup l;
    size_t n_lines;
    const us_line *line = us_script_get_lines(w->f.script, &n_lines);
    us_status st = lookup_init(&l, g, n, w->words.n, err);
    for (size_t i = 0; i < w->n_own_lines && !st; i++) {
        const char *text = line[w->own[i]].text;
        size_t len = 0, begin[8], end[8], read = 0, from = 0, n_ids = w->own_start[i + 1] - w->own_start[i];
        const uint32_t *id = w->own_ids.id + w->own_start[i];
        for (size_t p = 0; p < n_ids; p++) {
            uint32_t ids[8], first = canon ? canon[id[p]] : id[p];
            if (!l.starts[first]) continue;
            if (!len) len = strlen(text);
            unsigned bits = lengths_at(&l, first, p + 1 == n_ids ? US_NO_WORD : canon ? canon[id[p + 1]] : id[p + 1]);
            for (uint32_t k = 0; bits >> (k + 1) && p + k < n_ids; k++) {
                ids[k] = canon ? canon[id[p + k]] : id[p + k];
                gram *hit = bits >> (k + 1) & 1 ? lookup_find(&l, ids, k + 1) : NULL;
                if (!hit || (canon && is_possessive(us_words_get(&w->words, id[p + k])) && ids[k] != id[p + k]))
                    continue;                   /* no "Marge's" for "Marge" */
                for (; read <= p + k; read++) { /* spans of the words so far, the last eight kept */
                    if (!us_word_next(text, len, from, &begin[read & 7], &end[read & 7])) break;
                    from = end[read & 7];
                }
                note_spelling(hit, text + begin[p & 7], end[(p + k) & 7] - begin[p & 7]);
            }
        }
    }
    lookup_fini(&l);
    for (size_t i = 0; i < n && !st; i++) st = spell(w, &g[i], small, err);
    return st;
}

/* ---- lists -------------------------------------------------------------------------------------------------- */

static us_status forms_of(us_facts_work *w, const gram *g, const uint32_t *plural, us_error *err) {
    us_buf b;
    us_buf_init(&b, 4096);
    us_status st = US_OK;
    for (uint32_t variant = 0; variant < (plural ? 1u << g->n : 1u) && !st; variant++) {
        size_t begin = b.len;
        bool known = true;
        if (begin) st = us_buf_append(&b, "|", 1, err);
        for (uint32_t k = 0; k < g->n && !st && known; k++) {
            uint32_t id = variant >> k & 1 ? plural[g->ids[k]] : g->ids[k];
            known = id != US_NO_WORD;
            if (known && k) st = us_buf_append(&b, " ", 1, err);
            if (known && !st) st = us_buf_append_str(&b, us_words_get(&w->words, id), err);
        }
        if (!known) b.len = begin, b.data[begin] = 0;
    }
    if (st == US_ERR_LIMIT) st = US_OK; /* words of a kilobyte: the term stays without forms */
    char *text = st ? NULL : us_buf_take(&b, NULL);
    if (!st) st = us_facts_own(w, text, err);
    if (!st) g->term->forms = text ? text : "";
    us_buf_fini(&b);
    return st;
}

/* The first n grams as a list of terms, spelled. */
static us_status publish(us_facts_work *w, gram *g, size_t n, const uint32_t *canon, const uint32_t *plural, bool small,
                         const us_term **out, size_t *n_out, us_error *err) {
    us_term *list;
    struct spelling *spelled = NULL;
    us_status st = us_alloc(n, sizeof *list, &list, err);
    if (!st) st = us_facts_own(w, list, err);
    if (!st) st = us_alloc(n * MAX_SPELLED, sizeof *spelled, &spelled, err);
    for (size_t i = 0; i < n && !st; i++) {
        list[i] = (us_term){.n = g[i].own, .n_others = g[i].others, .z = g[i].z};
        g[i].term = &list[i];
        g[i].spelled = spelled + i * MAX_SPELLED, g[i].n_spelled = 0;
        st = forms_of(w, &g[i], plural, err);
    }
    if (!st) st = spell_all(w, g, n, canon, small, err);
    free(spelled);
    if (!st) *out = list, *n_out = n;
    return st;
}

static void z_by_lines(const us_facts_work *w, gram *g) {
    double own = (double)w->n_own_lines, all = (double)w->f.n_lines, a = (double)g->own + g->others;
    g->z = us_keyness_z(g->own, own, g->others, all - own, a, all);
}

static void z_by_words(const us_facts_work *w, gram *g) {
    double own = (double)w->n_own_words, all = (double)w->ids.n, a = (double)g->own + g->others;
    g->z = us_keyness_z(g->own, own, g->others, all - own, a, all);
}

/* Beyond the 5% mark; the first ten of a list may be less sure, lest a small part has nothing of its own. */
static bool is_key(double z, size_t rank) { return z > 1.96 || (rank < 10 && z > 1); }

static bool all_stop(const us_facts_work *w, const gram *g) {
    bool all = true;
    for (uint32_t k = 0; k < g->n; k++) all = all && w->stop[g->ids[k]];
    return all;
}

/* Single words by lines; those that a phrase holds nearly always are left to it. */
static us_status add_single_words(const us_facts_work *w, gram **list, size_t *n, size_t *cap, us_error *err) {
    uint32_t *lines = NULL, *held = NULL, *last = NULL, *id = w->own_ids.id;
    us_status st = us_alloc(w->words.n, sizeof *lines, &lines, err);
    if (!st) st = us_alloc(w->words.n, sizeof *held, &held, err);
    if (!st) st = us_alloc(w->words.n, sizeof *last, &last, err);
    for (size_t i = 0; i < w->n_own_lines && !st; i++)
        for (size_t p = w->own_start[i]; p < w->own_start[i + 1]; p++)
            if (last[id[p]] != i + 1) last[id[p]] = (uint32_t)i + 1, lines[id[p]]++;
    for (size_t i = 0; i < *n && !st; i++)
        for (uint32_t k = 0; k < (*list)[i].n; k++)
            if (held[(*list)[i].ids[k]] < (*list)[i].own) held[(*list)[i].ids[k]] = (*list)[i].own;
    for (size_t p = 0; p < w->own_ids.n && !st; p++) {
        uint32_t word = id[p];
        bool first = last[word] != US_NO_WORD;
        last[word] = US_NO_WORD;
        if (!first || lines[word] < w->f.min_lines || held[word] >= FOLD * lines[word] || w->stop[word] == US_STOP_TRIFLE)
            continue;
        if (!(st = us_grow(list, cap, *n + 1, sizeof **list, err)))
            (*list)[(*n)++] = (gram){.ids = id + p, .n = 1, .own = lines[word]};
    }
    free(lines);
    free(held);
    free(last);
    return st;
}

/* How often each single word among the grams is a sentence of its own ("Y'ello!"), into `alone`. */
static us_status count_alone(us_facts_work *w, gram *g, size_t n, us_error *err) {
    lookup l;
    size_t n_lines;
    const us_line *line = us_script_get_lines(w->f.script, &n_lines);
    us_status st = lookup_init(&l, g, n, w->words.n, err);
    for (size_t i = 0; i < w->n_own_lines && !st; i++) {
        const char *text = line[w->own[i]].text;
        size_t len = strlen(text), begin, end = 0;
        bool fresh = true; /* a sentence begins here */
        for (size_t p = w->own_start[i]; p < w->own_start[i + 1] && us_word_next(text, len, end, &begin, &end); p++) {
            bool ends = end == len || strchr(".!?\"-", text[end]) || !strncmp(text + end, "\xe2\x80\xa6", 3);
            gram *hit = fresh && ends && l.starts[w->own_ids.id[p]] & 2 ? lookup_find(&l, w->own_ids.id + p, 1) : NULL;
            if (hit) hit->alone++;
            fresh = ends;
        }
    }
    lookup_fini(&l);
    return st;
}

/* All content words of `g` stand in `held`. */
static bool is_inside(const us_facts_work *w, const gram *g, const gram *held) {
    for (uint32_t k = 0; k < g->n; k++) {
        bool found = w->stop[g->ids[k]] != 0;
        for (uint32_t i = 0; i < held->n && !found; i++) found = held->ids[i] == g->ids[k];
        if (!found) return false;
    }
    return true;
}

/* Is a gram a phrase that adds to the `kept` ones before it? "Marge, I'm" is no more theirs than "Marge" is; a single
 * word is a phrase when it often makes a sentence. */
static bool is_new_phrase(const us_facts_work *w, const gram *g, const gram *before, size_t n_before) {
    bool stop = all_stop(w, g);
    if (g->n == 1 && (stop || g->alone * 3 < g->own)) return false;
    if (g->n == 2 && stop) return false;
    for (size_t i = 0; i < n_before && !stop; i++)
        if ((g->n > 1 || before[i].n > 1) && is_inside(w, g, &before[i])) return false;
    return true;
}

/* Puts the catch-phrases first, in order of z; the words that explain others away are kept in `told`. */
static us_status choose_catch_phrases(us_facts_work *w, gram *g, size_t n, size_t *n_out, us_error *err) {
    gram *told = NULL; /* what came before, phrases or not */
    size_t n_told = 0, cap = 0, kept = 0;
    us_status st = count_alone(w, g, n, err);
    for (size_t i = 0; i < n && !st && kept < w->top && is_key(g[i].z, kept); i++) {
        bool new = is_new_phrase(w, &g[i], told, n_told);
        if ((new || (g[i].n == 1 && !all_stop(w, &g[i]))) && n_told < 4 * w->top &&
            !(st = us_grow(&told, &cap, n_told + 1, sizeof *told, err)))
            told[n_told++] = g[i];
        if (!new) continue;
        gram swap = g[kept];
        g[kept++] = g[i];
        g[i] = swap;
    }
    free(told);
    *n_out = kept;
    return st;
}

static us_status find_phrases(us_facts_work *w, us_error *err) {
    us_phrase *p = NULL;
    gram *g = NULL;
    size_t n = 0, cap = 0, kept = 0;
    us_status st = us_phrases(w->own_ids.id, w->own_start, w->n_own_lines, 2, 6, w->f.min_lines, FOLD, &p, &n, err);
    if (!st) st = us_grow(&g, &cap, n + 1, sizeof *g, err);
    for (size_t i = 0; i < n && !st; i++)
        g[i] = (gram){.ids = w->own_ids.id + p[i].first, .n = p[i].n_words, .own = p[i].n_lines};
    if (!st) st = add_single_words(w, &g, &n, &cap, err);
    if (!st) st = count_others(w, g, n, NULL, err);
    for (size_t i = 0; i < n && !st; i++) z_by_lines(w, &g[i]);
    if (!st) {
        qsort(g, n, sizeof *g, by_z);
        size_t n_catch;
        st = choose_catch_phrases(w, g, n, &n_catch, err);
        if (!st) st = publish(w, g, n_catch, NULL, NULL, false, &w->f.catch_phrases, &w->f.n_catch_phrases, err);
    }
    if (!st) {
        /* The list of phrases by lines: pairs of grammar ("in the") are everybody's. */
        for (size_t i = kept = 0; i < n; i++)
            if (g[i].n > 1 && (g[i].n > 2 || !all_stop(w, &g[i]))) g[kept++] = g[i];
        qsort(g, kept, sizeof *g, by_own);
        st = publish(w, g, kept < w->top ? kept : w->top, NULL, NULL, false, &w->f.top_phrases, &w->f.n_top_phrases, err);
    }
    free(p);
    free(g);
    return st;
}

/* ---- the cloud's words -------------------------------------------------------------------------------------- */

typedef struct cloud_words {
    uint32_t *canon;    /* [words] the singular of a plural, else itself */
    uint32_t *plural;   /* [words] the other way, US_NO_WORD without one */
    uint32_t *own;      /* [words] times the character says it, plurals in the singular, without what pairs took */
    uint32_t *pair_ids; /* two canonical ids a pair */
} cloud_words;

/* "donuts" goes with "donut", "homer's" with "homer", when the character says that too; Butters, a name, stays. */
static us_status fold_plurals(const us_facts_work *w, cloud_words *c, us_error *err) {
    unsigned char *is_name = NULL;
    us_status st = us_alloc(w->words.n, sizeof *c->canon, &c->canon, err);
    if (!st) st = us_alloc(w->words.n, sizeof *c->plural, &c->plural, err);
    if (!st) st = us_alloc(w->words.n, sizeof *c->own, &c->own, err);
    if (!st) st = us_alloc(w->words.n, 1, &is_name, err);
    if (st) return st;
    for (size_t i = 0; i < w->name_ids.n; i++) is_name[w->name_ids.id[i]] = 1;
    for (uint32_t i = 0; i < w->words.n; i++) c->canon[i] = i, c->plural[i] = US_NO_WORD;
    for (uint32_t i = 0; i < w->words.n && !strcmp(w->f.language, "en"); i++) {
        const char *s = us_words_get(&w->words, i);
        size_t n = strlen(s);
        if (n < 4 || (is_name[i] && !is_possessive(s)) || !strcmp(s, "news") || s[n - 1] != 's' || s[n - 2] == 's' ||
            w->stop[i])
            continue;
        uint32_t one = us_words_find(&w->words, s, n - (s[n - 2] == '\'' ? 2 : 1));
        if (one == US_NO_WORD || !w->n_own[one] || w->stop[one]) continue;
        c->canon[i] = one;
        if (c->plural[one] == US_NO_WORD || w->n_own[i] > w->n_own[c->plural[one]]) c->plural[one] = i;
    }
    for (uint32_t i = 0; i < w->words.n; i++) c->own[c->canon[i]] += w->n_own[i];
    free(is_name);
    return st;
}

/* Adjacent words that are no stop words, said so at least three times, that belong together. */
static us_status find_pairs(const us_facts_work *w, cloud_words *c, gram **list, size_t *n, size_t *cap, us_error *err) {
    size_t n_pairs = 0, cap_pairs = 0;
    typedef struct pair {
        uint32_t a, b, n;
    } pair;
    pair *slots = NULL;
    size_t size = 1024;
    uint32_t *id = w->own_ids.id;
    while (size < 2 * w->own_ids.n) size *= 2;
    us_status st = us_alloc(size, sizeof *slots, &slots, err);
    for (size_t i = 0; i < w->n_own_lines && !st; i++)
        for (size_t p = w->own_start[i]; p + 1 < w->own_start[i + 1]; p++) {
            uint32_t ids[2] = {c->canon[id[p]], c->canon[id[p + 1]]};
            if (w->stop[id[p]] || w->stop[id[p + 1]]) continue;
            size_t at = hash_ids(ids, 2) & (size - 1);
            while (slots[at].n && (slots[at].a != ids[0] || slots[at].b != ids[1])) at = (at + 1) & (size - 1);
            slots[at].a = ids[0], slots[at].b = ids[1];
            if (++slots[at].n != 3) continue;
            if (!(st = us_grow(&c->pair_ids, &cap_pairs, n_pairs + 2, sizeof *c->pair_ids, err)))
                c->pair_ids[n_pairs++] = ids[0], c->pair_ids[n_pairs++] = ids[1];
        }
    for (size_t k = 0; k < n_pairs && !st; k += 2) { /* in the order of their third time: no hashing shows */
        uint32_t *ids = c->pair_ids + k;
        size_t at = hash_ids(ids, 2) & (size - 1);
        while (slots[at].a != ids[0] || slots[at].b != ids[1]) at = (at + 1) & (size - 1);
        double c12 = slots[at].n, c1 = c->own[ids[0]], c2 = c->own[ids[1]], all = (double)w->own_ids.n;
        if (c12 * all <= c1 * c2 || c12 > c1 || c12 > c2 || us_dunning_g2(c12, c1, c2, all) < MIN_G2) continue;
        if (!(st = us_grow(list, cap, *n + 1, sizeof **list, err)))
            (*list)[(*n)++] = (gram){.ids = ids, .n = 2, .own = slots[at].n};
    }
    free(slots);
    return st;
}

static us_status find_cloud_words(us_facts_work *w, us_error *err) {
    cloud_words c = {0};
    gram *g = NULL;
    size_t n = 0, n_pairs, cap = 0, kept = 0;
    uint32_t *self = NULL, *others = NULL;
    us_status st = fold_plurals(w, &c, err);
    if (!st) st = find_pairs(w, &c, &g, &n, &cap, err);
    if (!st) st = count_others(w, g, n, c.canon, err);
    if (!st) st = us_alloc(w->words.n, sizeof *self, &self, err);
    if (!st) st = us_alloc(w->words.n, sizeof *others, &others, err);
    n_pairs = n;
    for (size_t i = 0; i < n_pairs && !st; i++) {
        z_by_lines(w, &g[i]);
        for (int k = 0; k < 2; k++) { /* what is said in the pair is not said apart */
            uint32_t *own = &c.own[g[i].ids[k]];
            *own -= *own < g[i].own ? *own : g[i].own;
        }
    }
    for (uint32_t i = 0; i < w->words.n && !st; i++) others[c.canon[i]] += w->n_said[i] - w->n_own[i];
    for (uint32_t i = 0; i < w->words.n && !st; i++) {
        self[i] = i;
        if (w->stop[i] || c.canon[i] != i || c.own[i] < 2) continue;
        if ((st = us_grow(&g, &cap, n + 1, sizeof *g, err))) break;
        g[n] = (gram){.ids = &self[i], .n = 1, .own = c.own[i], .others = others[i]};
        z_by_words(w, &g[n++]);
    }
    if (!st && n) qsort(g, n, sizeof *g, by_own);
    kept = n < MAX_CLOUD ? n : MAX_CLOUD;
    if (!st) st = publish(w, g, kept, c.canon, c.plural, true, &w->f.cloud_words, &w->f.n_cloud_words, err);
    if (!st && n) qsort(g, n, sizeof *g, by_z);
    for (kept = 0; kept < n && !st && kept < w->top && is_key(g[kept].z, kept);) kept++;
    if (!st) st = publish(w, g, kept, c.canon, c.plural, true, &w->f.keywords, &w->f.n_keywords, err);
    free(c.canon);
    free(c.plural);
    free(c.own);
    free(c.pair_ids);
    free(self);
    free(others);
    free(g);
    return st;
}

/* ---- whole lines -------------------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *s) { /* eight bytes at a time: all lines of the script go through here */
    size_t n = strlen(s);
    uint64_t h = n, word;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&word, s, 8);
        h = (h ^ word) * 0x9e3779b97f4a7c15u, h ^= h >> 29;
    }
    word = 0;
    memcpy(&word, s, n);
    h = (h ^ word) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static int line_order(const void *pa, const void *pb) {
    const us_term *a = pa, *b = pb;
    return a->n != b->n ? (a->n > b->n ? -1 : 1) : strcmp(a->text, b->text);
}

/* An open table of lines; `size` is a power of two. */
static us_term *line_slot(us_term *slots, size_t size, const char *text) {
    size_t at = hash_text(text) & (size - 1);
    while (slots[at].text && strcmp(slots[at].text, text)) at = (at + 1) & (size - 1);
    return &slots[at];
}

static us_status find_lines(us_facts_work *w, us_error *err) {
    size_t size = 64, small = 4096, n_lines, n = 0;
    const us_line *line = us_script_get_lines(w->f.script, &n_lines);
    us_term *slots = NULL, *top = NULL, *list = NULL;
    while (size < 2 * w->n_own_lines) size *= 2;
    us_status st = us_alloc(size, sizeof *slots, &slots, err);
    for (size_t i = 0; i < w->n_own_lines && !st; i++) {
        us_term *t = line_slot(slots, size, line[w->own[i]].text);
        t->text = line[w->own[i]].text, t->n++;
    }
    for (size_t i = 0; i < size && !st; i++) {
        w->f.n_different_lines += slots[i].n > 0;
        if (slots[i].n > 1) slots[n++] = slots[i]; /* once is no habit */
    }
    if (!st && n) qsort(slots, n, sizeof *slots, line_order);
    if (n > w->top) n = w->top;
    if (!st) st = us_alloc(small, sizeof *top, &top, err);
    for (size_t i = 0; i < n && !st; i++) *line_slot(top, small, slots[i].text) = slots[i];
    for (size_t i = 0; i < n_lines && !st; i++) {
        us_term *t = line[i].speaker == w->f.character ? NULL : line_slot(top, small, line[i].text);
        if (t && t->text) t->n_others++;
    }
    if (!st) st = us_alloc(n, sizeof *list, &list, err);
    if (!st) st = us_facts_own(w, list, err);
    for (size_t i = 0; i < n && !st; i++) {
        list[i] = *line_slot(top, small, slots[i].text);
        gram g = {.own = list[i].n, .others = list[i].n_others};
        z_by_lines(w, &g);
        list[i].z = g.z;
        list[i].forms = "";
    }
    if (!st) w->f.top_lines = list, w->f.n_top_lines = n;
    free(slots);
    free(top);
    return st;
}

us_status us_find_terms(us_facts_work *w, us_error *err) {
    us_status st = find_lines(w, err);
    if (!st) st = find_phrases(w, err);
    if (!st) st = find_cloud_words(w, err);
    return st;
}
