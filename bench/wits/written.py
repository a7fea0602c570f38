#!/usr/bin/env python3
"""Choices with a written reply on top: written.py < bench/wits/judged.jsonl > choices.jsonl (for understudy train --choices).

A conversation's takes are those of the characters; where "written" is there, somebody wrote a better reply. It joins the takes with the label 7, or 8 where
one of them has 7 or more; of eight different takes the middle one makes room for it. Conversations without one are left out."""
import json, sys

for line in sys.stdin:
    row = json.loads(line)
    reply = row.pop("written", None)
    if not reply:
        continue
    takes = dict.fromkeys(row["takes"])  # without those that stand twice
    if reply in takes:
        continue
    for take, label in zip(row["takes"], row["labels"]):
        takes[take] = int(label)
    takes = list(takes.items())
    if len(takes) == 8:
        takes.remove(sorted(takes, key=lambda t: t[1])[4])
    takes.append((reply, 8 if max(l for _, l in takes) >= 7 else 7))
    print(json.dumps({**row, "takes": [t for t, _ in takes], "labels": "".join(str(l) for _, l in takes)}, ensure_ascii=False))
