/* A state is a set of places in the rules. States are made when they are reached, and kept by a hash; each knows which
 * bytes, and so which tokens, go on. */
#include "generate/grammar.h"
#include "base/mem.h"
#include "generate/gbnf.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_STATES = 200000, MAX_NODES = 4 << 20, MAX_STACKS = 4096, MAX_HELD_BYTES = 192 << 20 };
enum { UNKNOWN = 0, DEAD = -1 }; /* in a table of steps; else a state + 1 */

/* A stack: a position in the rules upon another stack. Node 0 is the empty one. */
typedef struct node {
    uint32_t at, below;
} node;

typedef struct state {
    uint32_t first, n; /* its nodes in sets[], sorted; all stand before a class of bytes, but for the empty one */
    int32_t *steps;    /* [256], made when first asked */
    uint64_t *mask;    /* of tokens, made when first asked */
    bool may_end;
} state;

/* Open addressing: ids + 1 by a hash. */
typedef struct table {
    uint32_t *slots;
    size_t cap, n;
} table;

struct us_grammar {
    us_gbnf rules;
    const us_tokenizer *tok;
    node *nodes;
    size_t n_nodes, cap_nodes;
    state *states;
    size_t n_states, cap_states;
    uint32_t *sets;
    size_t n_sets, cap_sets;
    table node_table, state_table;
    uint32_t *work; /* the set being made */
    size_t n_work, cap_work;
    size_t held;       /* bytes of sets, steps and masks */
    int32_t *tokens;   /* [n_vocab at most] by their first byte */
    size_t heads[258]; /* where each byte's begin; 256: those that end a text */
    int32_t start;
    bool full;
};

static uint64_t mix(uint64_t h) {
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

static uint64_t node_hash(const node *n) { return mix((uint64_t)n->at << 32 | n->below); }

static uint64_t set_hash(const uint32_t *set, size_t n) {
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) h = mix(h ^ set[i]);
    return h;
}

static uint64_t hash_of(const us_grammar *g, bool nodes, uint32_t id) {
    return nodes ? node_hash(&g->nodes[id]) : set_hash(g->sets + g->states[id].first, g->states[id].n);
}

/* Room for one more id; false: no memory. */
static bool table_grow(us_grammar *g, table *t, bool nodes) {
    if (2 * (t->n + 1) <= t->cap) return true;
    size_t cap = t->cap ? 2 * t->cap : 1024;
    uint32_t *slots;
    if (us_alloc(cap, sizeof *slots, &slots, NULL)) return false;
    for (size_t i = 0; i < t->cap; i++) {
        if (!t->slots[i]) continue;
        size_t at = hash_of(g, nodes, t->slots[i] - 1) & (cap - 1);
        while (slots[at]) at = (at + 1) & (cap - 1);
        slots[at] = t->slots[i];
    }
    free(t->slots);
    t->slots = slots;
    t->cap = cap;
    return true;
}

/* The stack with `at` upon `below`; 0 (the empty one) when there is no room. */
static uint32_t push(us_grammar *g, uint32_t at, uint32_t below) {
    node n = {at, below};
    if (!table_grow(g, &g->node_table, true)) return g->full = true, 0;
    table *t = &g->node_table;
    size_t slot = node_hash(&n) & (t->cap - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (t->cap - 1)) {
        const node *other = &g->nodes[t->slots[slot] - 1];
        if (other->at == at && other->below == below) return t->slots[slot] - 1;
    }
    if (g->n_nodes == MAX_NODES || us_grow(&g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof *g->nodes, NULL))
        return g->full = true, 0;
    g->nodes[g->n_nodes] = n;
    t->slots[slot] = (uint32_t)++g->n_nodes;
    t->n++;
    return t->slots[slot] - 1;
}

/* Puts into the set what stands before a byte when this stack goes on: rules are entered, ends are left. The work grows with
 * the grammar, not with the text; left recursion has been refused. */
static void open_up(us_grammar *g, uint32_t stack, int depth) {
    const uint32_t *syms = g->rules.syms;
    while (!g->full) {
        uint32_t sym = stack ? syms[g->nodes[stack].at] : 0;
        if (!stack || US_SYM_KIND(sym) == US_SYM_BYTES) break;
        if (US_SYM_KIND(sym) == US_SYM_END) {
            stack = g->nodes[stack].below;
            continue;
        }
        /* nothing is left to come back to behind the last symbol */
        uint32_t behind = g->nodes[stack].at + 1, below = g->nodes[stack].below, rule = US_SYM_ARG(sym);
        if (US_SYM_KIND(syms[behind]) != US_SYM_END) below = push(g, behind, below);
        uint32_t a = g->rules.rules[rule], end = g->rules.rules[rule + 1];
        for (; a + 1 < end && !g->full; a++)
            if (depth < 2000) open_up(g, push(g, g->rules.alts[a], below), depth + 1);
            else g->full = true;
        stack = push(g, g->rules.alts[a], below);
    }
    if (g->full) return;
    if (g->n_work == MAX_STACKS || us_grow(&g->work, &g->cap_work, g->n_work + 1, sizeof *g->work, NULL)) g->full = true;
    else g->work[g->n_work++] = stack;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* The state whose set is in work[]; DEAD for the empty set, or without room. */
static int32_t intern(us_grammar *g) {
    size_t n = 0;
    if (!g->n_work || g->full) return DEAD;
    if (g->n_work > 1) qsort(g->work, g->n_work, sizeof *g->work, by_number);
    for (size_t i = 0; i < g->n_work; i++)
        if (!i || g->work[i] != g->work[n - 1]) g->work[n++] = g->work[i];
    if (!table_grow(g, &g->state_table, false)) return g->full = true, DEAD;
    table *t = &g->state_table;
    size_t slot = set_hash(g->work, n) & (t->cap - 1);
    for (; t->slots[slot]; slot = (slot + 1) & (t->cap - 1)) {
        const state *s = &g->states[t->slots[slot] - 1];
        if (s->n == n && !memcmp(g->sets + s->first, g->work, n * sizeof *g->work)) return (int32_t)t->slots[slot] - 1;
    }
    g->held += n * sizeof *g->sets;
    if (g->held > MAX_HELD_BYTES || g->n_states == MAX_STATES ||
        us_grow(&g->states, &g->cap_states, g->n_states + 1, sizeof *g->states, NULL) ||
        us_grow(&g->sets, &g->cap_sets, g->n_sets + n, sizeof *g->sets, NULL))
        return g->full = true, DEAD;
    g->states[g->n_states] = (state){.first = (uint32_t)g->n_sets, .n = (uint32_t)n, .may_end = !g->work[0]};
    memcpy(g->sets + g->n_sets, g->work, n * sizeof *g->work);
    g->n_sets += n;
    t->slots[slot] = (uint32_t)++g->n_states;
    t->n++;
    return (int32_t)g->n_states - 1;
}

static bool in_class(const us_byte_class *c, unsigned char b) { return c->bits[b / 64] >> b % 64 & 1; }

static int32_t step_byte(us_grammar *g, int32_t from, unsigned char b) {
    state *s = &g->states[from];
    if (!s->steps) {
        if (g->held > MAX_HELD_BYTES || us_alloc(256, sizeof *s->steps, &s->steps, NULL)) return g->full = true, DEAD;
        g->held += 256 * sizeof *s->steps;
    }
    if (s->steps[b] != UNKNOWN) return s->steps[b] > 0 ? s->steps[b] - 1 : DEAD;
    g->n_work = 0;
    for (uint32_t i = 0; i < g->states[from].n && !g->full; i++) {
        uint32_t stack = g->sets[g->states[from].first + i];
        if (!stack || !in_class(&g->rules.classes[US_SYM_ARG(g->rules.syms[g->nodes[stack].at])], b)) continue;
        open_up(g, push(g, g->nodes[stack].at + 1, g->nodes[stack].below), 0);
    }
    int32_t to = intern(g);
    if (!g->full) g->states[from].steps[b] = to >= 0 ? to + 1 : DEAD;
    return to;
}

/* The group of a token; -1: it says nothing. */
static int group_of(const us_tokenizer *tok, int32_t id) {
    size_t n;
    const char *piece = us_tokenizer_piece(tok, id, &n);
    if (us_tokenizer_is_end(tok, id)) return 256;
    return !n || us_tokenizer_is_special(tok, id) ? -1 : (unsigned char)*piece;
}

static us_status sort_tokens(us_grammar *g, us_error *err) {
    int32_t n = g->tok ? us_tokenizer_n_vocab(g->tok) : 0;
    size_t at[258];
    us_status st = us_alloc((size_t)n, sizeof *g->tokens, &g->tokens, err);
    for (int32_t i = 0; i < n && !st; i++)
        if (group_of(g->tok, i) >= 0) g->heads[group_of(g->tok, i) + 1]++;
    for (int b = 1; b < 258; b++) g->heads[b] += g->heads[b - 1];
    memcpy(at, g->heads, sizeof at);
    for (int32_t i = 0; i < n && !st; i++) {
        int b = group_of(g->tok, i);
        if (b >= 0) g->tokens[at[b]++] = i;
    }
    return st;
}

us_status us_grammar_new(const char *gbnf, const us_tokenizer *tok, us_grammar **out, us_error *err) {
    us_grammar *g;
    us_status st = us_alloc(1, sizeof *g, &g, err);
    if (st) return st;
    g->tok = tok;
    st = us_gbnf_parse(gbnf, &g->rules, err);
    if (!st) st = sort_tokens(g, err);
    if (!st) st = us_grow(&g->nodes, &g->cap_nodes, 1, sizeof *g->nodes, err);
    if (!st) {
        g->nodes[g->n_nodes++] = (node){0, 0}; /* the empty stack */
        for (uint32_t a = g->rules.rules[g->rules.root]; a < g->rules.rules[g->rules.root + 1]; a++)
            open_up(g, push(g, g->rules.alts[a], 0), 0);
        g->start = intern(g);
        if (g->full) st = us_fail(err, US_ERR_LIMIT, "grammar: it allows too many things at once");
        else if (g->start < 0) st = us_fail(err, US_ERR_ARGUMENT, "grammar: it allows nothing");
    }
    if (st) us_grammar_free(g);
    else *out = g;
    return st;
}

void us_grammar_free(us_grammar *g) {
    if (!g) return;
    for (size_t i = 0; i < g->n_states; i++) {
        free(g->states[i].steps);
        free(g->states[i].mask);
    }
    us_gbnf_fini(&g->rules);
    free(g->nodes);
    free(g->states);
    free(g->sets);
    free(g->node_table.slots);
    free(g->state_table.slots);
    free(g->work);
    free(g->tokens);
    free(g);
}

int32_t us_grammar_start(us_grammar *g) { return g->start; }

int32_t us_grammar_step(us_grammar *g, int32_t s, const char *bytes, size_t n) {
    for (size_t i = 0; i < n && s >= 0; i++) s = step_byte(g, s, (unsigned char)bytes[i]);
    return s;
}

int32_t us_grammar_next(us_grammar *g, int32_t s, int32_t token) {
    size_t n;
    if (us_tokenizer_is_end(g->tok, token)) return us_grammar_may_end(g, s) ? s : DEAD;
    const char *piece = us_tokenizer_piece(g->tok, token, &n);
    return !n || us_tokenizer_is_special(g->tok, token) ? DEAD : us_grammar_step(g, s, piece, n);
}

bool us_grammar_may_end(const us_grammar *g, int32_t s) { return g->states[s].may_end; }
bool us_grammar_must_end(const us_grammar *g, int32_t s) { return g->states[s].may_end && g->states[s].n == 1; }
bool us_grammar_is_full(const us_grammar *g) { return g->full; }

const int32_t *us_grammar_tokens(const us_grammar *g, int b, size_t *n) {
    *n = g->heads[b + 1] - g->heads[b];
    return g->tokens + g->heads[b];
}

const uint64_t *us_grammar_mask(us_grammar *g, int32_t s) {
    int32_t n = us_tokenizer_n_vocab(g->tok);
    size_t words = ((size_t)n + 63) / 64;
    uint64_t *mask;
    if (g->states[s].mask) return g->states[s].mask;
    if (g->held > MAX_HELD_BYTES || us_alloc(words, sizeof *mask, &mask, NULL)) return NULL;
    for (int32_t i = 0; i < n; i++)
        if (us_grammar_next(g, s, i) >= 0) mask[i / 64] |= 1ull << i % 64;
    g->states[s].mask = mask;
    g->held += words * sizeof *mask;
    return mask;
}
