#!/usr/bin/env python3
"""Records tests/data/quant/: what the `gguf` Python package (with numpy) makes of random blocks.

    python3 -m venv venv && venv/bin/pip install gguf numpy && venv/bin/python tests/parity/record_quant.py

NAME.dequant: blocks (random bytes under finite scales), then their weights in float32.
NAME.quant:   float32 weights, then the blocks they are rounded to (the types that the package can write).
Each file begins with four little-endian uint32: type, weights, bytes of blocks, 0.
"""
import os
import struct
import numpy as np
import gguf
from gguf import GGMLQuantizationType as T
from gguf import quants

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "quant")
# where the halves lie that must be finite: scales and minimums
HALVES = {T.F16: [0], T.BF16: [], T.F32: [], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82],
          T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.IQ4_NL: [0], T.IQ4_XS: [0]}
WRITES = [T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1]
rng = np.random.default_rng(7)


def halves(n):
    x = (rng.standard_normal(n) * 10.0 ** rng.integers(-7, 3, n)).astype(np.float16)  # some are subnormal
    x[rng.random(n) < 0.05] = 0
    assert np.isfinite(x).all()
    return x.view(np.uint8).reshape(n, 2)


def save(name, kind, weights, blocks, *parts):
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(struct.pack("<4I", kind, weights, blocks, 0))
        for p in parts:
            f.write(p.tobytes())


os.makedirs(OUT, exist_ok=True)
for kind, at in HALVES.items():
    per_block, size = gguf.GGML_QUANT_SIZES[kind]
    n = 768 // per_block
    blocks = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for o in at:
        blocks[:, o:o + 2] = halves(n)
    if kind == T.F32:
        blocks = rng.standard_normal(n).astype(np.float32).view(np.uint8).reshape(n, 4)
    if kind == T.BF16:
        blocks = (rng.standard_normal(n).astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(n, 2)
    weights = quants.dequantize(blocks.reshape(1, -1), kind).astype(np.float32)
    assert weights.size == 768 and np.isfinite(weights).all()
    save(f"{kind.name}.dequant", kind, weights.size, blocks.size, blocks, weights)
for kind in WRITES:
    x = (rng.standard_normal((1, 768)) * 10.0 ** rng.integers(-3, 3, (24, 1)).repeat(32).reshape(1, 768)).astype(np.float32)
    x[0, 32:64] = 0
    x[0, 64:96] = -1.5
    q = x.astype(np.float16).view(np.uint8) if kind == T.F16 else quants.quantize(x, kind)
    save(f"{kind.name}.quant", kind, x.size, q.size, x, q)
print("gguf", getattr(gguf, "__version__", "?"), "numpy", np.__version__, "->", os.path.normpath(OUT))
