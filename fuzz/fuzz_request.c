/* Requests: any bytes as the body of the OpenAI API's two routes are refused in words or become an ask whose values are in
 * range. */
#include "serve/ask.h"
#include "base/json.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *body = us_json_parse((const char *)data, size, NULL); /* as http.c reads it */
    us_error err;
    for (int chat = 0; chat < 2 && json_is_object(body); chat++) {
        us_ask ask = {.sampler = us_sampler_defaults(), .max_tokens = 80};
        us_status st = us_ask_model(body, NULL, &ask, &err);
        if (!st) st = us_ask_read(body, chat, &ask, &err);
        if (!st && (us_sampler_check(&ask.sampler, &err) || ask.n < 1 || ask.n > US_ASK_CHOICES || ask.max_tokens < 1 ||
                    !(ask.scale >= 0 && ask.scale <= 2)))
            abort();
        if (!st && (chat ? !ask.n_lines && !ask.system : !ask.n_prompts) && !chat) abort();
        if (st && !err.message[0]) abort();
        us_ask_fini(&ask);
    }
    json_decref(body);
    return 0;
}
