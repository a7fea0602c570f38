#!/usr/bin/env python3
"""The same adapter gives the same logits here, in PEFT and in llama.cpp, both ways; merged models answer the same.

    python3 -m venv venv && venv/bin/pip install torch transformers peft gguf llama-cpp-python
    venv/bin/python tests/parity/adapters.py [--model base.gguf] [--adapter adapter.gguf]

Not part of the test suite: the packages are large. Without --adapter one is trained for a few steps on lines made here.
Prints a table; exits 1 when a row is outside its tolerance. float32 everywhere unless a row says otherwise: our engine
with US_MATH_F32, PEFT over the GGUF dequantized by transformers, llama.cpp over the same GGUF rewritten in F32.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

os.environ["TQDM_DISABLE"] = "1"  # no progress bars

import gguf  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
sys.path.insert(0, os.path.join(root, "bindings/python"))
os.environ.setdefault("UNDERSTUDY_LIBRARY", os.path.join(root, "build/release/libunderstudy.so"))
import understudy  # noqa: E402

ap = argparse.ArgumentParser()
ap.add_argument("--understudy", default=os.path.join(root, "build/release/understudy"))
ap.add_argument("--model", default=os.path.expanduser("~/.local/share/understudy/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
ap.add_argument("--adapter", help="a GGUF LoRA over the model (F32 or F16 for the tight rows); default: trained now")
ap.add_argument("--no-llama", action="store_true", help="without llama.cpp")
a = ap.parse_args()
work = tempfile.mkdtemp(prefix="parity.")
failed = False

TEXTS = [
    "<|im_start|>system\nYou are a cook who never stops talking.<|im_end|>\n<|im_start|>user\nHi, what is for dinner tonight?<|im_end|>\n<|im_start|>assistant\nSoup, and then more soup!<|im_end|>\n",
    "<|im_start|>user\nTell me about the sea.<|im_end|>\n<|im_start|>assistant\nThe sea is wide, and it is full of fish that nobody has cooked yet.<|im_end|>\n<|im_start|>user\nWhy?",
]


def row(name, got, want, tolerance, what="largest difference of a logit"):
    """got, want: lists of [T, V]."""
    global failed
    g, w = np.concatenate(got), np.concatenate(want)
    worst = float(np.abs(g - w).max())
    top = float((g.argmax(1) == w.argmax(1)).mean())
    ok = worst <= tolerance and top == 1
    failed |= not ok
    print(f"{name:70} {worst:10.2e} {tolerance:9.0e} {top:8.3f}  {'ok' if ok else 'FAILED'}", flush=True)


def row_kl(name, got, want, tolerance):
    """For what was rounded: the mean of KL(want || got) over the positions, nats a token."""
    global failed
    p, q = torch.log_softmax(torch.tensor(np.concatenate(want)), -1), torch.log_softmax(torch.tensor(np.concatenate(got)), -1)
    kl, top = float((p.exp() * (p - q)).sum(-1).mean()), float((p.argmax(-1) == q.argmax(-1)).float().mean())
    failed |= not kl <= tolerance
    print(f"{name:70} {kl:7.4f} KL {tolerance:9.0e} {top:8.3f}  {'ok' if kl <= tolerance else 'FAILED'}", flush=True)


def run(*args):
    subprocess.run([a.understudy, *args], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def our_logits(path, sequences, adapter=None, f32=True):
    with understudy.Model(path, adapter, f32=f32) as m:
        return [np.frombuffer(m.logits(ids), np.float32).reshape(len(ids), -1) for ids in sequences]


def rewrite_f32(source, out):
    """The same file with every tensor in F32."""
    r = gguf.GGUFReader(source)
    arch = r.fields["general.architecture"].contents()
    w = gguf.GGUFWriter(out, arch)
    for f in r.fields.values():
        if f.name.startswith("GGUF.") or f.name in ("general.architecture", "general.file_type"):
            continue
        t = f.types[0]
        if t == gguf.GGUFValueType.ARRAY:
            w.add_array(f.name, f.contents())
        else:
            w.add_key_value(f.name, f.contents(), t)
    w.add_file_type(0)
    for t in r.tensors:
        w.add_tensor(t.name, gguf.dequantize(t.data, t.tensor_type).astype(np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def llama_logits(model, sequences, adapter=None):
    from llama_cpp import Llama, llama_cpp as native
    defaults = native.llama_model_default_params

    def plain_buffers():  # a LoRA over weights repacked for AMX crashes llama.cpp (seen with 0.3.36)
        p = defaults()
        p.use_extra_bufts = False
        return p

    native.llama_model_default_params = plain_buffers
    try:
        m = Llama(model_path=model, lora_path=adapter, lora_scale=1.0, n_ctx=1024, logits_all=True, flash_attn=False, type_k=0, type_v=0, n_threads=2, verbose=False)
    finally:
        native.llama_model_default_params = defaults
    out = []
    for ids in sequences:
        m.reset()
        m.eval(ids)
        out.append(np.array(m.scores[:len(ids)], dtype=np.float32).copy())
    m.close()
    return out


def train_one():
    random.seed(3)
    things = ["the pot", "a fish", "our kitchen", "that onion", "the oven", "a spoon"]
    with open(f"{work}/lines.csv", "w") as f:
        f.write("name,line\n")
        for i in range(40):
            x, y = random.choice(things), random.choice(things)
            f.write(f'Guest,"Where is {x}?"\nCook,"Hoho, {x} is under {y}, my friend!"\nGuest,"And {y}?"\nCook,"Hoho, who needs {y}?"\n,\n')
    run("train", f"{work}/lines.csv", "-c", "Cook", "-m", a.model, "--out", f"{work}/cook", "--type", "f32", "--max-steps", "4", "--batch", "600", "--lr", "0.002", "--rank", "8", "--no-samples", "-q")
    return f"{work}/cook/adapter.gguf"


print(f"working in {work}")
adapter = a.adapter or train_one()
from peft import LoraConfig, PeftModel, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

folder, name = os.path.split(os.path.abspath(a.model))
tok = AutoTokenizer.from_pretrained(folder, gguf_file=name)
base = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
ids = [tok(t, add_special_tokens=False)["input_ids"] for t in TEXTS]
vocab = base.config.vocab_size
print(f"{sum(map(len, ids))} positions, {vocab} logits each\n")
print(f"{'':70} {'largest':>10} {'allowed':>9} {'same top':>8}")


def torch_logits(model):
    with torch.no_grad():
        return [model(torch.tensor([i])).logits[0].float().numpy() for i in ids]


plain = torch_logits(base)
row("base: ours = transformers", our_logits(a.model, ids), plain, 1e-3)

# ours -> PEFT
run("export", adapter, "--peft", f"{work}/peft", "--base", folder, "-m", a.model)
with_adapter = torch_logits(PeftModel.from_pretrained(base, f"{work}/peft").eval())
ours = our_logits(a.model, ids, adapter)
moved = float(np.abs(np.concatenate(ours) - np.concatenate(plain)).max())
print(f"{'(the adapter moves a logit by up to)':70} {moved:10.2e}")
failed |= moved < 0.5
row("trained here, exported: ours = PEFT", ours, with_adapter, 1e-3)

# PEFT -> ours
base = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager").eval()
torch.manual_seed(1)
made = get_peft_model(base, LoraConfig(r=4, lora_alpha=12, use_rslora=True, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
for n, p in made.named_parameters():
    if "lora_B" in n:
        torch.nn.init.normal_(p, std=0.02)
made.save_pretrained(f"{work}/made")
run("import", f"{work}/made", "-o", f"{work}/made.gguf", "--type", "f32", "-m", a.model)
theirs = torch_logits(made.eval())
back = our_logits(a.model, ids, f"{work}/made.gguf")
row("made by PEFT (rsLoRA, q and k too), imported: ours = PEFT", back, theirs, 1e-3)

# there and back again changes nothing
run("export", f"{work}/made.gguf", "--peft", f"{work}/again", "-m", a.model)
from safetensors.torch import load_file  # noqa: E402
x, y = load_file(f"{work}/made/adapter_model.safetensors"), load_file(f"{work}/again/adapter_model.safetensors")
same = x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x)
failed |= not same
print(f"{'PEFT -> GGUF -> PEFT: every number the same':70} {'':30}  {'ok' if same else 'FAILED'}")
print(f"{'':70} {json.load(open(f'{work}/again/adapter_config.json'))['target_modules']}")

if not a.no_llama:
    rewrite_f32(a.model, f"{work}/f32.gguf")
    row("base: ours = llama.cpp (F32 file, F32 cache)", our_logits(f"{work}/f32.gguf", ids), llama_logits(f"{work}/f32.gguf", ids), 1e-3)
    row("trained here: ours = llama.cpp (the file as it is)", ours, llama_logits(f"{work}/f32.gguf", ids, adapter), 1e-3)
    row("made by PEFT, imported: PEFT = llama.cpp", theirs, llama_logits(f"{work}/f32.gguf", ids, f"{work}/made.gguf"), 1e-3)
    row_kl("trained here, over the quantized file: ours (fast) = llama.cpp", our_logits(a.model, ids, adapter, f32=False), llama_logits(a.model, ids, adapter), 0.05)
    for kind, tolerance in (("F16", 1e-3), ("Q8_0", 0.02), ("Q4_1", 0.2), ("Q4_0", 0.5)):
        run("export", adapter, "--merged", f"{work}/merged.gguf", "--type", kind, "-m", a.model)
        here = our_logits(f"{work}/merged.gguf", ids)
        row_kl(f"merged {kind}: ours (float32) = llama.cpp", llama_logits(f"{work}/merged.gguf", ids), here, 0.05)
        row_kl(f"merged {kind}: base and adapter", here, ours, tolerance)
print("FAILED" if failed else "ok")
sys.exit(failed)
