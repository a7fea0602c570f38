/* understudy/template.h - chat templates: read once, never given a conversation.
 *
 * A GGUF file carries its template as a Jinja program. It is read once, for each kind of message (a user's first turn, the last
 * one, ...): what it puts before and after the text. Where the reader is not certain, the template is
 * unknown, and an error says what to do: name a known form, or describe one in a file. What users write is tokenized without
 * special tokens, so that nobody can end a turn by typing its marker. The tokens are those of the rendered conversation
 * tokenized as one text; BOS is written exactly once. */
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

/* Reads a Jinja text. bos and eos are the texts of the vocabulary's tokens for the beginning and the end ("<s>", "</s>"; NULL
 * when not known). UNSUPPORTED, with the reason, when the template is not understood, or when it and these tokens are of two
 * different forms. us_template_free() it. */
US_API US_MUST_USE us_status us_template_recognise(const char *jinja, size_t n_bytes, const char *bos, const char *eos,
                                                   us_template **out, us_error *err);
/* The known form of that name, or the one that a file of that name describes (docs/models.md); NOT_FOUND lists the names,
 * FORMAT says what is wrong in the file. us_template_free() it. */
US_API US_MUST_USE us_status us_template_open(const char *name_or_path, us_template **out, us_error *err);
US_API void us_template_free(us_template *t);
/* "chatml", "llama3", ...; "own" for a form that is in none of the known ones'. */
US_API const char *us_template_name(const us_template *t);
/* Whether a conversation must begin with the user: the models of this template know none that the assistant begins. */
US_API bool us_template_user_first(const us_template *t);
/* Whether assistant's messages side by side, and an empty system message, are understood. Where the template has
 * a form of its own for them that is not, rendering them is ARGUMENT. */
US_API bool us_template_takes_neighbours(const us_template *t);
US_API bool us_template_takes_empty_system(const us_template *t);

/* Appends the ids of the conversation to *out. With add_generation_prompt it ends where the assistant's
 * reply begins. spans (may be NULL) has n entries. ARGUMENT for an unknown role, a system message that is not
 * first, and messages that the template has a form of its own for that is not understood. */
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
