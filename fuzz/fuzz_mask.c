/* Masks of word clouds: any bytes are refused in words, or are a picture on whose dark places words are put. */
#include "as_file.h"
#include "understudy/explore.h"

static us_facts *facts(void) {
    static us_script *s;
    static us_facts *f;
    static const char csv[] = "speaker,text\nAda,ship harbour storm\nPat,anchor rope sail\nAda,ship ship lantern\n";
    us_error err;
    const char *paths[1];
    if (f) return f;
    paths[0] = fuzz_write("s.csv", csv, sizeof csv - 1);
    if (us_script_load(&(us_script_options){0}, paths, 1, &s, &err) || us_explore(s, NULL, &f, &err)) abort();
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_facts *f = facts();
    us_cloud *c;
    us_error err;
    if (us_cloud_new(f, &(us_cloud_options){.width = 64, .max_words = 3, .mask = fuzz_write("mask.png", data, size)}, &c,
                     &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (us_cloud_n_placed(c) > 3) abort();
    us_cloud_free(c);
    return 0;
}
