#!/usr/bin/env python3
"""examples.py > EXAMPLES: what the shipped director learned from, as `understudy direct --examples` reads it: the labelled takes of learn.jsonl, and every reply
of characters/*/exchanges.txt as a list of one right take (other replies of the character are put beside it)."""
import json, os, random

root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
names = {c: json.load(open(f"{root}/characters/{c}/card.json", encoding="utf-8"))["data"]["name"] for c in ("homer", "marge", "bart", "lisa")}
rows = [json.loads(line) for line in open(f"{root}/bench/wits/learn.jsonl", encoding="utf-8")]
for c in names:
    for line in open(f"{root}/characters/{c}/exchanges.txt", encoding="utf-8"):
        said = [x.strip() for x in line.split(" | ")]
        for k in range(2, len(said) + 1, 2) if line.strip() and line[0] != "#" else []:
            rows.append({"character": c, "turns": said[: k - 1], "takes": [said[k - 1]], "labels": "2"})
for r in rows:
    r["character"] = names[r["character"]]
random.seed(2)
random.shuffle(rows)
for r in rows:
    print(json.dumps(r, ensure_ascii=False))
