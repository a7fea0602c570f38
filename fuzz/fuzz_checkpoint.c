/* A training's state: any bytes are refused in words, or become a state that is written and read again as it was. */
#include "as_file.h"
#include "base/mem.h"
#include "train/trainer.h"

enum { N = 24 };

typedef struct run {
    float params[N], m[N], v[N], best[N];
    double training[US_CURVE_POINTS][2], validation[US_CURVE_POINTS][2];
    us_trainer t;
} run;

static run *begin(const char *folder) {
    static char config[] = "rank=4\nmicro-batch=8\n";
    run *r = calloc(1, sizeof *r);
    if (!r) abort();
    r->t = (us_trainer){.model = fuzz_model(),
                        .folder = (char *)(uintptr_t)folder,
                        .config = config,
                        .lora = {.params = r->params, .n_params = N},
                        .m = r->m,
                        .v = r->v,
                        .best = r->best,
                        .n_train = 10,
                        .facts = {.n_steps = 100},
                        .curve = {.training = r->training, .validation = r->validation}};
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_error err;
    fuzz_write("checkpoint.gguf", data, size);
    run *a = begin(fuzz_folder), *b = begin(fuzz_folder);
    int32_t rows = us_checkpoint_micro_rows(fuzz_folder);
    if (rows < 0 || rows > 1 << 20) abort();
    if (us_checkpoint_read(&a->t, &err)) {
        if (!err.message[0]) abort();
    } else {
        if (us_checkpoint_write(&a->t, &err) || us_checkpoint_read(&b->t, &err)) abort();
        if (memcmp(a->params, b->params, sizeof a->params) || memcmp(a->v, b->v, sizeof a->v) ||
            a->t.state.step != b->t.state.step || a->t.curve.n_training != b->t.curve.n_training)
            abort();
    }
    free(a);
    free(b);
    return 0;
}
