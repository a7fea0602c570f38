/* serve/fields.h - fields of the OpenAI API and its kin that we do not obey. What would change the answer is refused by name;
 * what changes nothing that a client sees is taken and left alone (docs/serve.md lists both). */
#ifndef US_SERVE_FIELDS_H
#define US_SERVE_FIELDS_H
#include "understudy/base.h"
#include <jansson.h>

/* ARGUMENT ("FIELD: ...") for the first field of `body` whose value asks for something we do not do. A value that asks for
 * nothing (null, false, an empty string or list, a sampler's "off") is fine. */
US_MUST_USE us_status us_fields_check(const json_t *body, us_error *err);
#endif
