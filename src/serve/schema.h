/* serve/schema.h - a JSON schema as a grammar (generate/grammar.h): whatever the grammar allows is valid by the schema.
 *
 * Keys stand in the order of `properties`; additionalProperties that is absent means none where there are properties (as
 * OpenAI's strict mode and llama.cpp have it). Numbers, lengths and counts are kept to ranges that a reply can hold. What
 * cannot be kept (not, uniqueItems, if/then/else, formats that we do not know, ...) is refused by name: nothing is ignored but
 * annotations. oneOf is read as anyOf. */
#ifndef US_SERVE_SCHEMA_H
#define US_SERVE_SCHEMA_H
#include "base/buf.h"
#include <jansson.h>

/* Appends the grammar, whose root is the schema's value. schema NULL: any object. ARGUMENT: "NAME: #/place: ...". */
US_MUST_USE us_status us_schema_to_grammar(const json_t *schema, const char *name, us_buf *out, us_error *err);
#endif
