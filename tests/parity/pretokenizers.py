#!/usr/bin/env python3
"""Records what Hugging Face's tokenizers make of texts, for tests/unit/test_pretokenizers.c.

    python3 -m venv venv && venv/bin/pip install tokenizers
    venv/bin/python tests/parity/pretokenizers.py > tests/data/tokenizers.json

For each pre-tokenizer a small byte-level BPE is learned with the pattern that the models' own tokenizer.json has; the file
holds its tokens and merges and the ids of some texts.
"""
import json

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
HAN = "[一-龥ࠀ-一가-퟿]+"
DIGITS = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
PRES = {"llama-bpe": (LLAMA3, True), "dbrx": (LLAMA3, False), "tekken": (TEKKEN, True), "gpt-4o": (GPT4O, False), "refact": (None, False),
        "deepseek-coder": (["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN, r"\p{N}"], False),
        "superbpe": ([r"\p{N}+", r"(?=(\d{3})+(?!\d))"], False), "viking": ([" ?[^(\\s|.,!?…。，、।۔،)]+", r"\p{N}"], False),
        "falcon": ([r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"], False),
        "default": ([r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"], False)}
LINES = ["Hello there, who are you?", "I'm fine. You'RE late, DON'T you think? We'll see, he'd said; they've gone.",
         "  two blanks,   three    four", "a\n\nb\r\n\r\nc \n d\t\te", "In 1989 there were 12345678 doughnuts, 3.14 of them eaten: 100,000!",
         "McDonald's iPhone XMLHttpRequest helloWorld HELLOworld ABCdef", "D'oh!!! ... -- ~~ // http://a.b/c?d=e&f#g",
         "Привет, как дела? Ёлка и Ещё. СССР", "naïve café Ünïcödé ÅNGSTRÖM", "日本語のテキスト、漢字とかな", "한국어 문장입니다",
         "नमस्ते दुनिया", "emoji 😀👍🏽 and ⅷ ½ ² ٣٤٥", "x=1;y=2;\n\tif (x==y) { return 0; }\n", "trailing blanks   ", "\n\n\nleading", " ", "",
         "'s 'S ’s it's IT'S", "ſ'ſ K'K", "tabs\tand\u00a0nbsp\u2003em", "Ǆungla ǅ ǆ ʰmodifier", "a/b/c\n/d", "!\n?\n\n/", "1a2b3c 4 5  6"]
TRAIN = LINES * 3 + ["the man and the boy were good friends with all that they had in this house, here and there and everywhere"] * 5

out = {"texts": LINES}
for pre, (pattern, whole) in PRES.items():
    t = Tokenizer(models.BPE(ignore_merges=whole))
    t.pre_tokenizer = pre_tokenizers.Sequence(DIGITS if pattern is None else [
        *(pre_tokenizers.Split(Regex(p), behavior="isolated", invert=False) for p in ([pattern] if isinstance(pattern, str) else pattern)),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.train_from_iterator(TRAIN, trainers.BpeTrainer(vocab_size=450, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    m = json.loads(t.to_str())["model"]
    tokens = [k for k, _ in sorted(m["vocab"].items(), key=lambda kv: kv[1])]
    out[pre] = {"tokens": tokens, "merges": [" ".join(x) if isinstance(x, list) else x for x in m["merges"]],
                "ids": [t.encode(s).ids for s in LINES]}
print("{" + ",\n".join(json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in out.items()) + "}")
