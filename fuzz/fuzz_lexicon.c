/* The list of what gives a machine away: any bytes are refused in words that name the line, or are rules that are tried in bounded time. */
#include "as_file.h"
#include "reply/leaks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const texts[] = {"As an AI language model, I cannot.", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "",
                                        "\xd0\xaf \xe2\x80\x93 \xd0\xb8\xd0\xb8. \xf0\x9f\x98\x80"};
    us_error err = {0};
    us_leaks *l;
    if (us_leaks_open(fuzz_write("lexicon.txt", data, size), &l, &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        us_leak f = us_leaks_find(l, texts[i]);
        if (f.found && (f.begin > f.end || f.end > strlen(texts[i]))) abort();
    }
    us_leaks_free(l);
    return 0;
}
