/* Chat templates: any Jinja text is recognised or not; any content is rendered by every known template, and what a
 * user wrote stands in the result as he wrote it, but for space around it. */
#include "understudy/template.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"chatml", "llama2", "llama3", "mistral", "zephyr", "gemma", "qwen"};
    us_error err;
    us_template_recognise((const char *)data, size);
    char *text = malloc(size + 1), *out;
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    const us_message m[] = {{"system", text}, {"user", text}, {"assistant", "Yes."}, {"user", text}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const us_template *t;
        if (us_template_find(names[i], &t, &err)) abort();
        for (size_t n = 1; n <= 4; n++)
            if (!us_template_render(t, m, n, n != 3, &out, &err)) free(out);
    }
    free(text);
    return 0;
}
