#!/usr/bin/env python3
"""The usual recipe, for comparison: PyTorch + PEFT, float32, eager, one row a target, padded to the longest of a batch.

    peer.py ROWS MODEL.gguf [--steps N | --epochs X] [--lr X] [--batch 8] [--max-len 256] [--eval-every N]

ROWS holds train.jsonl and validation.jsonl of `understudy dataset --form completion`. The base is the GGUF dequantized to
float32. Prints one JSON object: tokens a second (padding not counted), peak memory, [seconds, step, validation loss]...
The rates, the schedule, the clipping and the factors are those of `understudy train`; seconds leave validation out on both sides.
"""
import argparse
import json
import math
import os
import random
import resource
import time

os.environ["TQDM_DISABLE"] = "1"
import torch  # noqa: E402
from peft import LoraConfig, get_peft_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

ap = argparse.ArgumentParser()
ap.add_argument("rows")
ap.add_argument("model")
ap.add_argument("--steps", type=int, default=0)
ap.add_argument("--epochs", type=float, default=1)
ap.add_argument("--lr", type=float, default=1e-3)
ap.add_argument("--rank", type=int, default=16)
ap.add_argument("--batch", type=int, default=8)
ap.add_argument("--max-len", type=int, default=256)
ap.add_argument("--eval-every", type=int, default=0)
ap.add_argument("--eval-rows", type=int, default=10**9)
a = ap.parse_args()
torch.manual_seed(0)
random.seed(0)

folder, name = os.path.split(os.path.abspath(a.model))
tok = AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager")
model = get_peft_model(model, LoraConfig(r=a.rank, lora_alpha=2 * a.rank, target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))


def read(part):
    """(ids, first learned position): the prompt in the model's chat format, then the reply with its end-of-turn token."""
    out = []
    for line in open(os.path.join(a.rows, part + ".jsonl")):
        r = json.loads(line)
        prompt = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in r["prompt"]) + "<|im_start|>assistant\n"
        p = tok(prompt, add_special_tokens=False)["input_ids"]
        c = tok(r["completion"][0]["content"] + "<|im_end|>", add_special_tokens=False)["input_ids"]
        ids = (p + c)[-a.max_len:]
        out.append((ids, len(ids) - len(c)))
    return out


def loss_of(batch):
    width = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    labels = torch.full((len(batch), width), -100)
    for i, (x, first) in enumerate(batch):
        ids[i, :len(x)] = torch.tensor(x)
        mask[i, :len(x)] = 1
        labels[i, max(first, 1):len(x)] = torch.tensor(x[max(first, 1):])
    logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
    n = int((labels[:, 1:] != -100).sum())
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum"), n


def evaluate():
    model.eval()
    nats = n = 0
    with torch.no_grad():
        for i in range(0, len(held), a.batch):
            s, k = loss_of(held[i:i + a.batch])
            nats, n = nats + float(s), n + k
    model.train()
    return nats / n


rows, held = read("train"), sorted(read("validation"), key=lambda x: len(x[0]))[:a.eval_rows]
per_epoch = math.ceil(len(rows) / a.batch)
steps = a.steps or math.ceil(a.epochs * per_epoch)
opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=a.lr, weight_decay=0.0)
warm = math.ceil(0.05 * steps)
order, tokens, seconds, curve = [], 0, 0.0, []
if a.eval_every:
    curve.append([0, 0, evaluate()])
for step in range(steps):
    if len(order) < a.batch:
        order += random.sample(range(len(rows)), len(rows))
    batch, order = [rows[i] for i in order[:a.batch]], order[a.batch:]
    at = step + 1
    rate = a.lr * (at / warm if at <= warm else 0.5 * (1 + math.cos(math.pi * (at - warm) / max(steps - warm, 1))))
    for g in opt.param_groups:
        g["lr"] = rate
    start = time.perf_counter()
    s, n = loss_of(batch)
    (s / n).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    opt.zero_grad()
    if step or steps == 1:  # the first warms up
        seconds += time.perf_counter() - start
        tokens += sum(len(x) for x, _ in batch)
    if a.eval_every and (at % a.eval_every == 0 or at == steps):
        curve.append([round(seconds, 1), at, evaluate()])
print(json.dumps({"tokens_a_second": tokens / seconds, "seconds": seconds, "tokens": tokens, "steps": steps, "rows": len(rows),
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "curve": curve}))
