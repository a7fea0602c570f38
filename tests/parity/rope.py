"""RoPE scaling in every spelling: logits of a tiny model at positions before and behind its original context, against llama.cpp.

    rope.py MKTINY      (UNDERSTUDY_LIBRARY names libunderstudy.so; needs llama_cpp, gguf and numpy)
"""
import ctypes
import os
import subprocess
import sys
import tempfile

import gguf
import llama_cpp as L
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bindings/python"))
import understudy  # noqa: E402

SCALINGS = {
    "none": {},
    "type none, factor 4": {"rope.scaling.type": "none", "rope.scaling.factor": 4.0},
    "linear, factor 4": {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0},
    "factor 4 without a type": {"rope.scaling.factor": 4.0},
    "scale_linear 4": {"rope.scale_linear": 4.0},
    "yarn, factor 4": {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64},
    "yarn, factor 8, attn_factor 0.7": {"rope.scaling.type": "yarn", "rope.scaling.factor": 8.0, "rope.scaling.attn_factor": 0.7,
                                        "rope.scaling.original_context_length": 32},
}
T = 200


def with_keys(source, target, keys):
    r = gguf.GGUFReader(source)
    w = gguf.GGUFWriter(target, "llama")
    for name, f in r.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = f.contents()
        kind = f.types[0]
        w.add_key_value(name, value, kind, sub_type=f.types[1] if kind == gguf.GGUFValueType.ARRAY else None)
    for name, value in keys.items():
        kind = {float: gguf.GGUFValueType.FLOAT32, int: gguf.GGUFValueType.UINT32, str: gguf.GGUFValueType.STRING}[type(value)]
        w.add_key_value("llama." + name, value, kind)
    for t in r.tensors:
        w.add_tensor(t.name, t.data, raw_dtype=t.tensor_type)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def theirs(path, ids):
    model = L.llama_model_load_from_file(path.encode(), L.llama_model_default_params())
    p = L.llama_context_default_params()
    p.n_ctx = p.n_batch = p.n_ubatch = 256
    p.type_k = p.type_v = L.GGML_TYPE_F32
    p.flash_attn_type = L.LLAMA_FLASH_ATTN_TYPE_DISABLED
    ctx = L.llama_init_from_model(model, p)
    b = L.llama_batch_init(256, 0, 1)
    b.n_tokens = len(ids)
    for i, t in enumerate(ids):
        b.token[i], b.pos[i], b.n_seq_id[i], b.logits[i] = t, i, 1, True
        b.seq_id[i][0] = 0
    if L.llama_decode(ctx, b):
        sys.exit("llama_decode failed")
    v = L.llama_vocab_n_tokens(L.llama_model_get_vocab(model))
    out = np.stack([np.ctypeslib.as_array(L.llama_get_logits_ith(ctx, i), (v,)).copy() for i in range(len(ids))])
    L.llama_free(ctx)
    L.llama_model_free(model)
    return out


def main(mktiny):
    L.llama_log_set(quiet := L.llama_log_callback(lambda level, text, data: None), ctypes.c_void_p(0))
    L.llama_backend_init()
    bad, plain = 0, None
    with tempfile.TemporaryDirectory() as folder:
        base, path = os.path.join(folder, "base.gguf"), os.path.join(folder, "scaled.gguf")
        subprocess.run([mktiny, "--head-size", "32", "llama", "F32", base], check=True, stdout=subprocess.DEVNULL)
        for name, keys in SCALINGS.items():
            with_keys(base, path, keys)
            ids = [(7 * i + 3) % 250 + 8 for i in range(T)]
            want = theirs(path, ids)
            with understudy.Model(path, f32=True) as m:
                got = np.frombuffer(m.logits(ids), np.float32).reshape(want.shape)
            worst = float(np.abs(got - want).max())
            plain = want if plain is None else plain
            print(f"{name}: logits within {worst:.2g} of llama.cpp; the scaling moves them by {float(np.abs(want - plain).max()):.2g}")
            bad += worst > 2e-3
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
