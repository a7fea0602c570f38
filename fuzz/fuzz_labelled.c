/* Takes with labels, which a director and an adapter learn from: any bytes are refused in words, or are conversations within their bounds. */
#include "as_file.h"
#include "train/labelled.h"

static void check(const us_labelled *e, size_t n) {
    for (; n; n--, e++) {
        if (!e->who || !e->n_said || e->n_said > US_DIRECTOR_LINES || !e->n_takes || e->n_takes > US_LABELLED_TAKES ||
            !e->most || e->most > US_LABELLED_MOST)
            abort();
        for (size_t i = 0; i < e->n_said; i++)
            if (!e->said[i]) abort();
        for (size_t i = 0; i < e->n_takes; i++)
            if (!e->takes[i] || e->labels[i] > e->most) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_labelled_file f = {0};
    us_error err = {0};
    if (us_labelled_read(&f, fuzz_write("choices.jsonl", data, size), &err)) {
        if (!err.message[0]) abort();
    } else {
        check(f.learned, f.n_learned);
        check(f.held, f.n_held);
    }
    us_labelled_fini(&f);
    return 0;
}
