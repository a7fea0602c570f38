/* Adapters: any bytes are refused in words, or become an adapter of the tiny model that can be run and read as factors. */
#include "as_file.h"
#include "generate/engine.h"
#include "model/factors.h"
#include "model/gguf.h"
#include "understudy/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    us_model *m = fuzz_model();
    us_adapter *a;
    us_engine *e;
    us_gguf *g;
    us_factors f;
    us_error err;
    int32_t seq, ids[3] = {1, 2, 3};
    const char *path = fuzz_write("a.gguf", data, size);
    if (us_adapter_open(m, path, true, &a, &err)) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (us_engine_new(m, &(us_engine_options){.n_threads = 1, .n_ctx = 64}, &e, &err) || us_engine_seq_new(e, &seq, &err))
        abort();
    us_engine_seq_set_adapter(e, seq, a, 1);
    if (us_engine_eval(e, &(us_span){.seq = seq, .tokens = ids, .n_tokens = 3}, 1, &err)) abort();
    us_engine_free(e);
    if (!us_gguf_open(path, &g, &err)) {
        if (!us_factors_read(m, g, &f, &err)) us_factors_fini(&f);
        us_gguf_close(g);
    }
    us_adapter_free(a);
    return 0;
}
