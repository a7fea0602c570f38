#!/usr/bin/env python3
"""Records what transformers makes of the real Gemma 3 270M, for tests/unit/test_gemma.c: token ids, logits in float32 at some
positions on both sides of the sliding window of 512, and the perplexity.

    python3 -m venv venv && venv/bin/pip install torch transformers gguf sentencepiece
    bash tests/get_gemma.sh && venv/bin/python tests/parity/gemma.py FILE.gguf > tests/data/gemma3_270m.json

The tokenizer takes minutes to convert.
"""
import json
import os
import sys

import numpy as np
import torch
import transformers as tf

path = os.path.abspath(sys.argv.pop(1))
here = os.path.dirname(os.path.abspath(__file__))
sys.argv += ["--mktiny", "", "--only", "none"]
print_, sys.stdout = sys.stdout, sys.stderr
import families  # noqa: E402  (the rules of the converter, turned round)

sys.stdout = print_
N, AT = 700, [0, 5, 100, 511, 512, 513, 600, 699]
text = open(os.path.join(here, "../data/text/ruth_jonah.txt"), newline="").read()
TEXTS = ["Hello  world\n\n\nfoo   bar", "   lead and trail  ", "I'm Homer. D'oh!!! 12345 doughnuts", "Привет, как дела?", "日本語 😀👍🏽", "x\n \n\ty", "naïve café"]
keys, tensors = families.read(path)
k = {name.split(".", 1)[1]: v for name, v in keys.items() if name.startswith("gemma3.")}
config = tf.Gemma3TextConfig(
    vocab_size=tensors["token_embd.weight"].shape[0], hidden_size=k["embedding_length"], intermediate_size=k["feed_forward_length"],
    num_hidden_layers=k["block_count"], num_attention_heads=k["attention.head_count"], num_key_value_heads=k["attention.head_count_kv"],
    head_dim=k["attention.key_length"], rms_norm_eps=k["attention.layer_norm_rms_epsilon"], query_pre_attn_scalar=k["attention.key_length"],
    sliding_window=k["attention.sliding_window"], attn_implementation="eager",
    rope_parameters={"full_attention": {"rope_type": "default", "rope_theta": k["rope.freq_base"]},
                     "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}})
model = tf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
state = {families.hf_name("gemma3", n): torch.from_numpy(np.ascontiguousarray(families.to_hf("gemma3", n, x, config))) for n, x in tensors.items()}
state["lm_head.weight"] = state["model.embed_tokens.weight"]
model.load_state_dict(state)
tok = tf.AutoTokenizer.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path))
ids = [2] + tok(text[:6000], add_special_tokens=False).input_ids[:N - 1]
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0].double()
p = torch.log_softmax(logits, -1)
top = [{"at": at, "ids": (t := torch.topk(logits[at], 10)).indices.tolist(), "logits": [round(x, 4) for x in t.values.tolist()]} for at in AT]
nats = float(-p[:-1].gather(1, torch.tensor(ids[1:])[:, None]).mean())
print(json.dumps({"texts": [[s, tok(s, add_special_tokens=False).input_ids] for s in TEXTS], "ids": ids, "top": top, "nats": round(nats, 6)}))
