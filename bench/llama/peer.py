"""The llama.cpp side of bench/llama/run.sh: llama-cpp-python's C interface, the same tests as `understudy bench`.

peer.py bench FILE THREADS TEST [TEST...]   lines "test threads n tokens_per_s", weights warm. As in llama-bench and in
                                            `understudy bench`, logits are computed, and which token follows is fixed
peer.py first FILE THREADS                  "first": openings to the first token, a second; "peak": MiB after 512 tokens of prefill
peer.py kl FILE TEXT [THREADS]              what llama.cpp's path for FILE loses against its own float32 path (the file as F32, cache in
                                            F32, no flash attention), over 2,048 positions of TEXT as in tests/unit/test_reference.c
peer.py requantize IN OUT                   the file's weights as Q4_0, the form llama.cpp has its fastest kernels for
"""
import ctypes
import resource
import sys
import time

import llama_cpp as L

L.llama_log_set(_quiet := L.llama_log_callback(lambda level, text, data: None), ctypes.c_void_p(0))


def open_model(path, threads, n_ctx, n_seq=1):
    L.llama_backend_init()
    model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
    if not model:
        sys.exit(f"{path}: llama.cpp cannot open it")
    p = L.llama_context_default_params()
    p.n_ctx, p.n_batch, p.n_ubatch, p.n_seq_max = n_ctx, 512, 512, n_seq
    p.n_threads = p.n_threads_batch = threads
    p.kv_unified = False  # a cache of its own for each sequence: the faster of the two for separate sequences
    ctx = L.llama_init_from_model(model, p)
    if not ctx:
        sys.exit(f"{path}: llama.cpp cannot make a context")
    return model, ctx


def tokens(n, vocab=49000):
    """A fixed, varied sequence: which tokens they are does not matter to the speed."""
    return [(i * 7919 + 13) % min(vocab - 100, 49000) for i in range(n)]


class Runner:
    def __init__(self, model, ctx, n_seq):
        self.ctx, self.n_vocab = ctx, L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
        self.batch = L.llama_batch_init(512, 0, n_seq)
        self.memory = L.llama_get_memory(ctx)
        self.sampler = L.llama_sampler_init_greedy()

    def clear(self):
        L.llama_memory_clear(self.memory, True)

    def eval(self, entries):
        """entries: (token, position, sequence, wants logits)"""
        b = self.batch
        b.n_tokens = len(entries)
        for i, (token, position, seq, logits) in enumerate(entries):
            b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = token, position, 1, logits
            b.seq_id[i][0] = seq
        if L.llama_decode(self.ctx, b) != 0:
            sys.exit("llama_decode failed")

    def prefill(self, ids, seq=0, first=0):
        for at in range(0, len(ids), 512):
            part = ids[at : at + 512]
            self.eval([(t, first + at + i, seq, at + i == len(ids) - 1) for i, t in enumerate(part)])

    def greedy(self, i):
        """Argmax in C (a greedy sampler), so that the interpreter is not what is measured."""
        return L.llama_sampler_sample(self.sampler, self.ctx, i)


def decode(r, n, depth, n_seq):
    r.clear()
    ids = tokens(max(depth, 1), r.n_vocab)
    for s in range(n_seq):
        r.prefill(ids, seq=s)
    start = time.perf_counter()
    for k in range(n):
        r.eval([(ids[-1] + k % 97, len(ids) + k, s, True) for s in range(n_seq)])
    return n * n_seq, time.perf_counter() - start


def measure(path, threads, tests):
    for test in tests:
        n_seq = 8 if test == "batch8" else 1
        model, ctx = open_model(path, threads, 2048, n_seq)
        r = Runner(model, ctx, n_seq)
        r.prefill(tokens(64, r.n_vocab))  # pages touched, clocks up
        if test == "pp512":
            r.clear()
            ids = tokens(512, r.n_vocab)
            start = time.perf_counter()
            r.prefill(ids)
            n, seconds = 512, time.perf_counter() - start
        elif test == "tg128":
            n, seconds = decode(r, 128, 0, 1)
        elif test == "tg128@1024":
            n, seconds = decode(r, 128, 1024, 1)
        elif test == "batch8":
            n, seconds = decode(r, 64, 0, 8)
        else:
            sys.exit(f"no test {test}")
        print(f"{test}\t{threads}\t{n}\t{n / seconds:.2f}", flush=True)
        L.llama_free(ctx)
        L.llama_model_free(model)


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def first(path, threads):
    """The interpreter and the loading of libraries are not llama.cpp's: neither their time nor their memory counts."""
    before, start = peak_mib(), time.perf_counter()
    model, ctx = open_model(path, threads, 4096)
    r = Runner(model, ctx, 1)
    r.prefill(tokens(8, r.n_vocab))
    r.greedy(-1)
    seconds = time.perf_counter() - start
    print(f"first\t{threads}\t1\t{1 / seconds:.3f}")
    r.clear()
    r.prefill(tokens(512, r.n_vocab))
    print(f"peak\t{threads}\t1\t{peak_mib() - before:.1f}")


def requantize(source, target):
    p = L.llama_model_quantize_default_params()
    p.ftype, p.allow_requantize = L.LLAMA_FTYPE_MOSTLY_Q4_0, True
    # The embedding stays Q8_0 as in the original: only the linear layers change their form.
    p.token_embedding_type = p.output_tensor_type = L.GGML_TYPE_Q8_0
    if L.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(p)) != 0:
        sys.exit(f"{source}: cannot be requantized")


def window_logits(path, threads, ids, exact):
    """Logits of one window of tokens after another, [512, V] each, as the file is used by default or in float32."""
    import numpy as np

    model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
    p = L.llama_context_default_params()
    p.n_ctx = p.n_batch = p.n_ubatch = 512
    p.n_threads = p.n_threads_batch = threads
    if exact:
        p.type_k = p.type_v = L.GGML_TYPE_F32
        p.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
    ctx = L.llama_init_from_model(model, p)
    r = Runner(model, ctx, 1)
    for at in range(0, 2048, 512):
        r.clear()
        r.eval([(t, i, 0, True) for i, t in enumerate(ids[at : at + 512])])
        yield np.stack([np.ctypeslib.as_array(L.llama_get_logits_ith(ctx, i), (r.n_vocab,)).copy() for i in range(512)])
    L.llama_free(ctx)
    L.llama_model_free(model)


def divergence(path, text, threads):
    import os
    import tempfile

    import numpy as np

    L.llama_backend_init()
    vocab_only = L.llama_model_default_params()
    vocab_only.vocab_only = True
    model = L.llama_model_load_from_file(path.encode(), vocab_only)
    data = open(text, "rb").read()
    out = (L.llama_token * len(data))()
    n = L.llama_tokenize(L.llama_model_get_vocab(model), data, len(data), out, len(data), False, False)
    ids = list(out[:n])
    L.llama_model_free(model)
    kl, same = [], []
    with tempfile.TemporaryDirectory() as folder:
        exact_file = os.path.join(folder, "f32.gguf")
        p = L.llama_model_quantize_default_params()
        p.ftype, p.allow_requantize = L.LLAMA_FTYPE_ALL_F32, True
        if L.llama_model_quantize(path.encode(), exact_file.encode(), ctypes.byref(p)) != 0:
            sys.exit(f"{path}: cannot be made float32")
        log_softmax = lambda x: (x := x - x.max(-1, keepdims=True)) - np.log(np.exp(x).sum(-1, keepdims=True))
        for a, b in zip(window_logits(exact_file, threads, ids, True), window_logits(path, threads, ids, False)):
            a, b = log_softmax(a.astype(np.float64)), log_softmax(b.astype(np.float64))
            kl.append((np.exp(a) * (a - b)).sum(-1))
            same.append(a.argmax(-1) == b.argmax(-1))
    kl = np.sort(np.concatenate(kl))
    print(f"# llama.cpp: {len(kl)} positions, KL {kl.mean():.6f} nats in the mean, {kl[len(kl) * 99 // 100]:.5f} at the 99th "
          f"percentile, first choice the same at {100 * np.concatenate(same).mean():.2f}%")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["bench", path, threads, *tests] if tests:
            measure(path, int(threads), tests)
        case ["first", path, threads]:
            first(path, int(threads))
        case ["kl", path, text, *threads]:
            divergence(path, text, int(threads[0]) if threads else 2)
        case ["requantize", source, target]:
            requantize(source, target)
        case _:
            sys.exit(__doc__)
