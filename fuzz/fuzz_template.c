/* Chat templates: any Jinja text is understood or not; what is understood, and every known form, is rendered with any content:
 * what a user wrote stands in the result as he wrote it, but for space around it. */
#include "understudy/template.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const us_template *t, const us_message *m) {
    us_error err;
    char *out;
    for (size_t n = 1; n <= 4; n++)
        if (!us_template_render(t, m, n, n != 3, &out, &err)) free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"chatml", "llama2", "llama3", "mistral-v3", "zephyr", "gemma", "qwen3"};
    us_error err;
    us_template *t;
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = 0;
    const us_message m[] = {{"system", text}, {"user", text}, {"assistant", "Yes."}, {"user", text}};
    if (!us_template_recognise((const char *)data, size, NULL, NULL, &t, &err)) render(t, m), us_template_free(t);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (us_template_open(names[i], &t, &err)) abort();
        render(t, m);
        us_template_free(t);
    }
    free(text);
    return 0;
}
