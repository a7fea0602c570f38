#!/usr/bin/env python3
"""Between two adapters of one line: mix.py FROM.gguf TO.gguf SHARE OUT.gguf writes FROM + SHARE (TO - FROM), factor by factor (Wortsman et al. 2022, WiSE-FT).

TO has to be a training that began from FROM (understudy train --continue), and both have the same rank and modules. Needs the Python packages numpy and gguf."""
import shutil, sys
import gguf, numpy as np
from gguf.quants import dequantize, quantize

def main():
    first, last, share, out = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4]
    begin = {t.name: t for t in gguf.GGUFReader(first).tensors}
    end = gguf.GGUFReader(last)
    shutil.copy(last, out)
    with open(out, "r+b") as f:
        for t in end.tensors:
            if t.name not in begin or list(begin[t.name].shape) != list(t.shape):
                sys.exit(f"{first}: no tensor {t.name} of {last}'s shape: TO did not begin from FROM, or has another rank")
            x, y = (dequantize(k.data, k.tensor_type) for k in (begin[t.name], t))
            f.seek(int(t.data_offset))
            f.write(quantize((x + share * (y - x)).astype(np.float32), t.tensor_type).tobytes())

main()
