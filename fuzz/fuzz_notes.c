/* What visitors say: any lines are heard without harm, and what comes back is what was said; any line may answer another. */
#include "base/utf8.h"
#include "chat/names.h"
#include "chat/notes.h"
#include "reply/stand.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_notes s = {0};
    us_buf clean, recalled, words;
    us_error err;
    us_buf_init(&clean, 1 << 20);
    us_buf_init(&recalled, 1 << 16);
    us_buf_init(&words, 1 << 16);
    if (us_utf8_clean((const char *)data, size, &clean, &err)) abort(); /* lines are UTF-8 when they come here */
    char *text = clean.data ? clean.data : (char[]){0}, *last = text, *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (us_notes_hear(&s, line, &err) || s.n > US_MAX_NOTES) abort();
        if (us_notes_add(&s, line, &err) && !err.message[0]) abort();
        us_said said[] = {{.text = last}, {.text = line}, {.text = last}};
        us_stand_of(said, 3, last, line);
        us_stand_to((us_machine_claim){.what = 1}, last, line, line);
        us_names_mixed(last, line, last);
        us_names_mixed(line, "Homer Simpson", last);
        last = line;
    }
    for (size_t i = 0; i < s.n; i++)
        if (!s.items[i][0] || !us_utf8_valid(s.items[i], strlen(s.items[i]), NULL)) abort();
    if (us_notes_recall(&s, last, &recalled, &err)) abort();
    const char *back = recalled.data ? recalled.data : "";
    if (us_notes_words(back, last, &words, &err)) abort();
    us_notes_answers(back, last, last);
    us_notes_fini(&s);
    us_buf_fini(&clean);
    us_buf_fini(&recalled);
    us_buf_fini(&words);
    return 0;
}
