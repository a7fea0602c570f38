#!/usr/bin/env python3
"""Records what transformers computes with tiny random models of every family, for tests/unit/test_families.c.

    python3 -m venv venv && venv/bin/pip install torch transformers gguf
    venv/bin/python tests/parity/families.py --mktiny build/release/tools/us_mktiny > tests/data/families.json

us_mktiny writes each model as GGUF. Here its tensors are taken back into the Hugging Face model (the rules of llama.cpp's
converter, turned round) and run in float32 with eager attention: logits, the loss, and the gradients of LoRA factors that a
formula gives. Nothing of ours computes in this script. Run it again when us_mktiny's models change, or for a new family.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers as tf

ap = argparse.ArgumentParser()
ap.add_argument("--mktiny", required=True)
ap.add_argument("--only")
a = ap.parse_args()
torch.manual_seed(0)
RANK, ALPHA, SEED, T = 4, 8.0, 7, 24
MODULES = ["q", "k", "v", "o", "gate", "up", "down"]
FAMILIES = ["llama", "nemo", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3", "granite", "olmo2", "smollm3", "mistral3"]
OPTIONS = {"nemo": {"arch": "llama", "head_size": 64, "untied": 1}, "olmo2": {"untied": 1}}  # Mistral Nemo's heads are wider than D / H
PERMUTED = ["llama", "granite", "smollm3", "mistral3"]
GEMMA = ["gemma", "gemma2", "gemma3"]


def read(path):
    r = gguf.GGUFReader(path)
    keys = {k: f.contents() for k, f in r.fields.items() if not k.startswith("GGUF.") and "tokens" not in k and "merges" not in k}
    tensors = {t.name: np.array(gguf.dequantize(t.data, t.tensor_type)).reshape(list(reversed([int(x) for x in t.shape]))) for t in r.tensors}
    return keys, tensors


def make_config(arch, k, n_vocab, tied, tensors):
    def key(name, default=None):
        return k.get(f"{arch}.{name}", default)

    head, base = key("attention.key_length"), key("rope.freq_base")
    common = dict(
        vocab_size=n_vocab, hidden_size=key("embedding_length"), intermediate_size=key("feed_forward_length"),
        num_hidden_layers=key("block_count"), num_attention_heads=key("attention.head_count"),
        num_key_value_heads=key("attention.head_count_kv"), max_position_embeddings=key("context_length"),
        rms_norm_eps=key("attention.layer_norm_rms_epsilon"), tie_word_embeddings=tied, pad_token_id=0, bos_token_id=0,
        eos_token_id=0, attn_implementation="eager", rope_parameters={"rope_type": "default", "rope_theta": base})
    if arch == "llama":
        return tf.LlamaConfig(head_dim=head, **common)
    if arch == "mistral3":
        common["rope_parameters"] = {
            "rope_type": "yarn", "rope_theta": base, "factor": key("rope.scaling.factor"), "beta_fast": 32.0, "beta_slow": 1.0,
            "mscale": 1.0, "mscale_all_dim": key("rope.scaling.yarn_log_multiplier"),
            "original_max_position_embeddings": key("rope.scaling.original_context_length"),
            "llama_4_scaling_beta": key("attention.temperature_scale")}
        return tf.Ministral3Config(head_dim=head, **common)
    if arch == "qwen2":
        return tf.Qwen2Config(**common)
    if arch == "qwen3":
        return tf.Qwen3Config(head_dim=head, **common)
    if arch == "gemma":
        return tf.GemmaConfig(head_dim=head, hidden_act="gelu_pytorch_tanh", **common)
    if arch == "gemma2":
        return tf.Gemma2Config(head_dim=head, query_pre_attn_scalar=head, sliding_window=key("attention.sliding_window"),
                               attn_logit_softcapping=key("attn_logit_softcapping"),
                               final_logit_softcapping=key("final_logit_softcapping"), **common)
    if arch == "gemma3":
        common["rope_parameters"] = {
            "full_attention": {"rope_type": "linear", "factor": key("rope.scaling.factor"), "rope_theta": base},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
        return tf.Gemma3TextConfig(head_dim=head, query_pre_attn_scalar=head, sliding_window=key("attention.sliding_window"), **common)
    if arch == "phi3":
        common["rope_parameters"] = {
            "rope_type": "longrope", "rope_theta": base, "short_factor": [float(x) for x in tensors["rope_factors_short.weight"]],
            "long_factor": [float(x) for x in tensors["rope_factors_long.weight"]],
            "attention_factor": key("rope.scaling.attn_factor"),
            "original_max_position_embeddings": key("rope.scaling.original_context_length"),
            "partial_rotary_factor": key("rope.dimension_count") / head}
        return tf.Phi3Config(original_max_position_embeddings=key("rope.scaling.original_context_length"),
                             sliding_window=key("attention.sliding_window"), **common)
    if arch == "granite":
        return tf.GraniteConfig(embedding_multiplier=key("embedding_scale"), residual_multiplier=key("residual_scale"),
                                attention_multiplier=key("attention.scale"), logits_scaling=key("logit_scale"), **common)
    if arch == "olmo2":
        return tf.Olmo2Config(**common)
    return tf.SmolLM3Config(no_rope_layer_interval=4, **common)


def hf_name(arch, name):
    """The Hugging Face parameter of a GGUF tensor."""
    if not name.startswith("blk."):
        return {"token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight", "output_norm.weight": "model.norm.weight"}.get(name)
    _, layer, rest = name.split(".", 2)
    part, kind = rest.rsplit(".", 1)
    post = arch in ("gemma2", "gemma3", "olmo2")
    to = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
          "attn_qkv": "self_attn.qkv_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.gate_up_proj" if arch == "phi3" else "mlp.up_proj",
          "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
          "ffn_norm": "pre_feedforward_layernorm" if post else "post_attention_layernorm", "post_attention_norm": "post_attention_layernorm",
          "post_ffw_norm": "post_feedforward_layernorm", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}[part]
    return f"model.layers.{layer}.{to}.{kind}"


def unpermute(rows, n_heads):
    """llama.cpp's converter makes the halves of a head neighbours; this is the way back."""
    return rows.reshape(n_heads, rows.shape[0] // n_heads // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def to_hf(arch, name, x, config):
    if arch in GEMMA and name.endswith("norm.weight"):
        return x - 1
    if arch in PERMUTED and ".attn_q." in name:
        return unpermute(x, config.num_attention_heads)
    if arch in PERMUTED and ".attn_k." in name:
        return unpermute(x, config.num_key_value_heads)
    return x


def places(arch, config, head):
    """module -> (GGUF tensor, first row, rows, columns)"""
    d, f, q, kv = config.hidden_size, config.intermediate_size, config.num_attention_heads * head, config.num_key_value_heads * head
    if arch == "phi3":
        up = {"q": ("attn_qkv", 0, q, d), "k": ("attn_qkv", q, kv, d), "v": ("attn_qkv", q + kv, kv, d),
              "gate": ("ffn_up", 0, f, d), "up": ("ffn_up", f, f, d)}
    else:
        up = {"q": ("attn_q", 0, q, d), "k": ("attn_k", 0, kv, d), "v": ("attn_v", 0, kv, d), "gate": ("ffn_gate", 0, f, d), "up": ("ffn_up", 0, f, d)}
    return {**up, "o": ("attn_output", 0, d, q), "down": ("ffn_down", 0, d, f)}


def factors(layer, m, n_in, n_out):
    """As test_families.c sets them: A [R, in], B [out, R], in the order of GGUF's rows."""
    seed = 7.0 * layer + m
    fa, fb = np.arange(n_in * RANK), np.arange(n_out * RANK)
    return (0.2 * np.sin(0.37 * fa + seed)).astype(np.float32).reshape(RANK, n_in), (0.05 * np.cos(0.53 * fb + seed)).astype(np.float32).reshape(n_out, RANK)


def record(name, arch, path):
    keys, tensors = read(path)
    n_vocab = tensors["token_embd.weight"].shape[0]
    config = make_config(arch, keys, n_vocab, "output.weight" not in tensors, tensors)
    head = keys[f"{arch}.attention.key_length"]
    model = tf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    state = {hf_name(arch, n): torch.from_numpy(np.ascontiguousarray(to_hf(arch, n, x, config))) for n, x in tensors.items() if hf_name(arch, n)}
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [m for m in missing if "rotary" not in m]
    assert not missing and not unexpected, (arch, missing, unexpected)
    ids = torch.tensor([[(i * 37 + 11) % n_vocab for i in range(T)]])
    with torch.no_grad():
        logits = model(ids).logits[0].double()
    out = {"arch": arch, **OPTIONS.get(name, {}), "seed": SEED, "tokens": ids[0].tolist(), "logits": [round(float(x), 5) for x in logits[-1][:40]],
           "lse": [round(float(x), 5) for x in torch.logsumexp(logits, -1)]}
    # with an adapter: W + scale B A is what the model has, so that its own gradient gives the factors'
    params, scale, pairs = dict(model.named_parameters()), ALPHA / RANK, []
    for layer in range(config.num_hidden_layers):
        delta = {}
        for m, name in enumerate(MODULES):
            tensor, first, rows, cols = places(arch, config, head)[name]
            A, B = factors(layer, m, cols, rows)
            whole = f"blk.{layer}.{tensor}.weight"
            delta.setdefault(whole, np.zeros_like(tensors[whole]))[first:first + rows] += scale * (B @ A)
            pairs.append((layer, name, whole, first, rows, A, B))
        for whole, x in delta.items():
            params[hf_name(arch, whole)].data += torch.from_numpy(np.ascontiguousarray(to_hf(arch, whole, x, config)))
    logits = model(ids).logits[0].double()
    loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0][1:], reduction="sum")
    loss.backward()
    grads = {}
    inverse = {}
    for layer, name, whole, first, rows, A, B in pairs:
        g = params[hf_name(arch, whole)].grad.numpy()
        if whole not in inverse:  # rows of the gradient in the order of GGUF's
            order = to_hf(arch, whole, np.arange(g.shape[0]).reshape(-1, 1), config)[:, 0]
            inverse[whole] = np.empty_like(g)
            inverse[whole][order] = g
        g = inverse[whole][first:first + rows]
        gA, gB = scale * (B.T @ g), scale * (g @ A.T)
        grads[f"{layer}.{name}"] = [float(f"{x:.6g}") for x in (np.linalg.norm(gA), gA[0, 0], gA[-1, -1], np.linalg.norm(gB), gB[0, 0], gB[-1, -1])]
    out["lora"] = {"logits": [round(float(x), 5) for x in logits[-1][:40]], "loss": round(float(loss), 5), "grads": grads}
    return out


with tempfile.TemporaryDirectory() as work:
    all_ = []
    for name in FAMILIES:
        if a.only and name not in a.only.split(","):
            continue
        o = {"arch": name, **OPTIONS.get(name, {})}
        path = os.path.join(work, name + ".gguf")
        more = (["--head-size", str(o["head_size"])] if "head_size" in o else []) + (["--untied"] if "untied" in o else [])
        subprocess.run([a.mktiny, "--seed", str(SEED), *more, o["arch"], "F32", path], check=True)
        all_.append(record(name, o["arch"], path))
        print(name, all_[-1]["logits"][:3], all_[-1]["lora"]["loss"], file=sys.stderr)
    print("[" + ",\n".join(json.dumps(x) for x in all_) + "]")
