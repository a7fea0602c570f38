/* The sizes of the structs that a binding needs, so that one made for another version is refused when it loads the library. */
#include "understudy/chat.h"
#include "understudy/template.h"
#include "understudy/tokenizer.h"
#include <string.h>

size_t us_struct_bytes(const char *name) {
    static const struct {
        const char *name;
        size_t bytes;
    } structs[] = {
#define STRUCT(s) {#s, sizeof(s)}
        STRUCT(us_error),        STRUCT(us_model_options), STRUCT(us_model_info), STRUCT(us_engine_options),
        STRUCT(us_span),         STRUCT(us_tokens),        STRUCT(us_message),    STRUCT(us_sampler_options),
        STRUCT(us_chat_options), STRUCT(us_chat_result),
#undef STRUCT
    };
    for (size_t i = 0; i < sizeof structs / sizeof *structs; i++)
        if (!strcmp(structs[i].name, name)) return structs[i].bytes;
    return 0;
}
