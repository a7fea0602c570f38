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
    takes = dict(reversed(list(zip(row["takes"], map(int, row["labels"])))))  # a take that stands twice: its first label
    takes = [(t, takes[t]) for t in dict.fromkeys(row["takes"])]
    if reply in (t for t, _ in takes):
        continue
    if len(takes) == 8:
        takes.remove(sorted(takes, key=lambda t: t[1])[4])
    takes.append((reply, 8 if max(l for _, l in takes) >= 7 else 7))
    print(json.dumps({**row, "takes": [t for t, _ in takes], "labels": "".join(str(l) for _, l in takes)}, ensure_ascii=False))
