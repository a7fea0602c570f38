/* generate/grammar.h - a grammar in GBNF (llama.cpp's notation) as an automaton over bytes and tokens: which token may come
 * next.
 *
 *     root ::= "{" ws "\"name\":" string "}"       # rules, "literals", [classes], ( ), |, ?, *, +, {m,n}
 *
 * A configuration is a set of stacks of positions in the rules. Each set that is met becomes a numbered state, and each step
 * from it by a byte is remembered, so that asking about a token costs a few array reads. Left recursion is refused. One thread
 * at a time: asking makes states. */
#ifndef US_GENERATE_GRAMMAR_H
#define US_GENERATE_GRAMMAR_H
#include "understudy/tokenizer.h"

typedef struct us_grammar us_grammar;

/* tok (borrowed) may be NULL: then only bytes can be asked about. ARGUMENT says where the text is wrong; LIMIT when it is too
 * large. */
US_MUST_USE us_status us_grammar_new(const char *gbnf, const us_tokenizer *tok, us_grammar **out, us_error *err);
void us_grammar_free(us_grammar *g);
/* The state before the first byte. */
int32_t us_grammar_start(us_grammar *g);
/* The state after these bytes; -1: they are not allowed here. */
int32_t us_grammar_step(us_grammar *g, int32_t state, const char *bytes, size_t n);
/* The same for a token; one that ends a text leaves the state as it is. */
int32_t us_grammar_next(us_grammar *g, int32_t state, int32_t token);
/* Whether the text may end here; whether it must. */
bool us_grammar_may_end(const us_grammar *g, int32_t state);
bool us_grammar_must_end(const us_grammar *g, int32_t state);
/* The tokens whose text begins with this byte; 256: those that end a text. Borrowed. */
const int32_t *us_grammar_tokens(const us_grammar *g, int first_byte, size_t *n);
/* The allowed ones among all tokens, a bit each; borrowed, kept with the state. NULL when there is no room for more states. */
const uint64_t *us_grammar_mask(us_grammar *g, int32_t state);
/* True once a step could not be followed because there were too many states: the caller gives up. */
bool us_grammar_is_full(const us_grammar *g);
#endif
