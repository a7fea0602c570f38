/* serve/form.h - what a request says its answer must look like (response_format, grammar, json_schema, tools with tool_choice):
 * a grammar that the sampler keeps to, and words for the model, which cannot guess what it is kept to. */
#ifndef US_SERVE_FORM_H
#define US_SERVE_FORM_H
#include "generate/grammar.h"
#include <jansson.h>

typedef struct us_form {
    us_grammar *grammar; /* NULL: any text */
    bool tools;          /* an answer that begins with { is a call: {"name", "arguments"} */
    char *words;         /* for the system text; NULL: none */
} us_form;

/* tok (borrowed by the grammar) may be NULL, when only the reading is wanted. ARGUMENT names the field. */
US_MUST_USE us_status us_form_read(const json_t *body, const us_tokenizer *tok, us_form *out, us_error *err);
void us_form_fini(us_form *f);
/* The call that an answer is, as OpenAI's list of tool_calls; NULL: it is none, but words. `id` tells calls apart. */
json_t *us_form_calls(const us_form *f, const char *text, size_t n, const char *id);
#endif
