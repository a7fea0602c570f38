/* understudy/template.h - chat templates: recognised, never executed.
 *
 * A GGUF file carries its template as a Jinja program. It is not run: it is matched against the known
 * forms (chatml, llama2, llama3, mistral, zephyr, gemma, qwen), which are rendered here. What users write
 * is tokenized without special tokens, so that nobody can end a turn by typing its marker. BOS is
 * written exactly once. The tokens of the first k messages are a prefix of those of k+1. */
#ifndef UNDERSTUDY_TEMPLATE_H
#define UNDERSTUDY_TEMPLATE_H

#include "understudy/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct us_template us_template;

typedef struct us_message {
    const char *role;    /* "system" (first only), "user" or "assistant" */
    const char *content; /* UTF-8 */
} us_message;

/* A message in the tokens: [start, begin) is its header, [begin, end) its content, [end, stop) what ends the
 * turn for the model (the end-of-turn token; a training target too). */
typedef struct us_turn_span {
    size_t start, begin, end, stop;
} us_turn_span;

/* The template of that name; NOT_FOUND lists the names. Never freed. */
US_API US_MUST_USE us_status us_template_find(const char *name, const us_template **out, us_error *err);
/* Recognises a Jinja text; NULL when it is none of the known ones. */
US_API const us_template *us_template_recognise(const char *jinja, size_t n_bytes);
US_API const char *us_template_name(const us_template *t);
/* Whether a conversation must begin with the user: the models of this template know none that the assistant begins. */
US_API bool us_template_user_first(const us_template *t);

/* Appends the ids of the conversation to *out. With add_generation_prompt it ends where the assistant's
 * reply begins. spans (may be NULL) has n entries. ARGUMENT for an unknown role or a system message that is not first. */
US_API US_MUST_USE us_status us_template_tokenize(const us_template *t, const us_tokenizer *tok, const us_message *messages,
                                                  size_t n, bool add_generation_prompt, us_tokens *out, us_turn_span *spans,
                                                  us_error *err);
/* The same as text, for showing; *out is free()d by the caller. */
US_API US_MUST_USE us_status us_template_render(const us_template *t, const us_message *messages, size_t n,
                                                bool add_generation_prompt, char **out, us_error *err);

#ifdef __cplusplus
}
#endif
#endif
