#!/usr/bin/env python3
"""Takes for openings, to be labelled by hand: every take of every opening, in a seeded order that says nothing of the choice.

    pools.py URL OPENINGS.txt TAKES > pools.jsonl

URL is a running `understudy serve`; an opening is `CHARACTER | line | reply | line ...`, the last line the visitor's. The chat is
written as a file and imported, so that what was said before is there without being generated. Labels are added later:
"labels": one digit a take, 2 to the point, 1 half or vague, 0 beside the point, an echo, nonsense.
"""
import hashlib, json, sys, urllib.request

def ask(url, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    r = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(r, timeout=600) as f:
        return f.read().decode()

def takes_of(url, who, turns, n):
    messages = [{"role": "user" if (len(turns) - i) % 2 else "assistant", "content": t} for i, t in enumerate(turns)]
    seed = int(hashlib.sha256("|".join([who] + turns).encode()).hexdigest()[:8], 16)
    r = json.loads(ask(url + "/v1/chat/completions", {"model": who, "messages": messages, "takes": n, "seed": seed}))
    spoken = r["choices"][0]["message"]["content"]
    others = [a["text"] for a in r["understudy"]["alternatives"]]
    takes = others if spoken in others else [spoken] + others
    return sorted(takes, key=lambda t: hashlib.sha256((t + who).encode()).hexdigest()), spoken

def main():
    url, file, n = sys.argv[1].rstrip("/"), sys.argv[2], int(sys.argv[3])
    for line in open(file, encoding="utf-8"):
        if line.startswith("#") or not line.strip():
            continue
        who, *turns = [p.strip() for p in line.split(" | ")]
        takes, spoken = takes_of(url, who, turns, n)
        print(json.dumps({"character": who, "turns": turns, "takes": takes, "spoken": spoken}, ensure_ascii=False), flush=True)

main()
