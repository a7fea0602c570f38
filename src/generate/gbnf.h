/* generate/gbnf.h - GBNF as rules over bytes; the automaton that runs them is grammar.c. */
#ifndef US_GENERATE_GBNF_H
#define US_GENERATE_GBNF_H
#include "understudy/base.h"

/* A symbol: the end of an alternative, one byte of a class, or another rule. */
enum { US_SYM_END = 0, US_SYM_BYTES = 1, US_SYM_RULE = 2 };
#define US_SYM(kind, arg) ((uint32_t)(kind) << 30 | (uint32_t)(arg))
#define US_SYM_KIND(s) ((s) >> 30)
#define US_SYM_ARG(s) ((s)&0x3fffffffu)

typedef struct us_byte_class {
    uint64_t bits[4]; /* of the bytes that are in it */
} us_byte_class;

typedef struct us_gbnf {
    uint32_t *syms; /* all alternatives, each closed by US_SYM_END */
    size_t n_syms, cap_syms;
    us_byte_class *classes;
    size_t n_classes, cap_classes;
    uint32_t *alts; /* where alternatives begin in syms; those of rule r are alts[rules[r] .. rules[r + 1]) */
    size_t n_alts;
    uint32_t *rules; /* [n_rules + 1] */
    size_t n_rules;
    uint32_t root;
} us_gbnf;

US_MUST_USE us_status us_gbnf_parse(const char *text, us_gbnf *out, us_error *err);
void us_gbnf_fini(us_gbnf *g);
#endif
