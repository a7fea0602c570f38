#!/usr/bin/env python3
"""Blind judgement of versions of the cast, on openings (openings_blind.txt) that nothing was trained on or chosen by.

    blind.py ask URL VERSION.json [SEED ...]           each opening to one of the four of a running `understudy serve`, which one by the seed (7)
    blind.py talk URL VERSION.json [SEED]              the next reply of each conversation of conversations_blind.txt (CHARACTER | visitor | reply | visitor ...)
    blind.py mix OUT VERSION.json VERSION.json ...     OUT.txt to be judged, shuffled; OUT.json, which says whose each line is
    blind.py tally OUT.json SCORES.tsv ...             means of scores, lines "number<TAB>point<TAB>english<TAB>character<TAB>fun", each 0..2

The columns: 2 takes up what was said, 1 half, 0 beside the point, an echo, nonsense; 2 correct and natural, 1 with faults, 0 broken; 2 only this character would
say it, 1 fits, 0 anybody's; 2 funny or touching, 1 a smile, 0 not."""
import json, os, random, statistics, sys, urllib.request

CAST = ["homer", "marge", "bart", "lisa"]

def lines_of(name):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    return [x.strip() for x in open(path, encoding="utf-8") if x.strip()]

def reply(url, who, turns, seed):
    """Of WHO to turns, the last of which is the visitor's."""
    messages = [{"role": "user" if (len(turns) - k) % 2 else "assistant", "content": t} for k, t in enumerate(turns)]
    body = json.dumps({"model": who, "messages": messages, "seed": seed}).encode()
    with urllib.request.urlopen(urllib.request.Request(url.rstrip("/") + "/v1/chat/completions", body, {"Content-Type": "application/json"}), timeout=600) as r:
        said = " ".join(json.load(r)["choices"][0]["message"]["content"].split())
    line = " ".join(("VISITOR: " if (len(turns) - k) % 2 else who.upper() + ": ") + t for k, t in enumerate(turns)).removeprefix("VISITOR: ")
    print(f"{who}: {line}  --  {said}", flush=True)
    return {"who": who, "line": line, "reply": said}

def ask(url, out, *seeds):
    lines = lines_of("openings_blind.txt")
    rows = [reply(url, CAST[(i + int(s) - 7) % 4], [x], int(s)) for s in seeds or ["7"] for i, x in enumerate(lines)]
    json.dump(rows, open(out, "w"), ensure_ascii=False, indent=1)

def talk(url, out, seed="7"):
    rows = [reply(url, who, turns, int(seed) + i) for i, (who, *turns) in enumerate(x.split(" | ") for x in lines_of("conversations_blind.txt"))]
    json.dump(rows, open(out, "w"), ensure_ascii=False, indent=1)

def mix(out, *files):
    rows = [(f, r) for f in files for r in json.load(open(f))]
    random.Random(1).shuffle(rows)
    with open(out + ".txt", "w", encoding="utf-8") as t:
        for i, (_, r) in enumerate(rows):
            t.write(f"{i}\t{r['who']}\tVISITOR: {r['line']}\tREPLY: {r['reply']}\n")
    json.dump([[f, r["who"]] for f, r in rows], open(out + ".json", "w"))

def tally(key, *files):
    key, found = json.load(open(key)), {}
    for file in files:
        for line in open(file):
            cells = line.split()
            if len(cells) >= 5 and cells[0].isdigit():
                found.setdefault(tuple(key[int(cells[0])]), []).append([float(x) for x in cells[1:5]])
    for (version, who), v in sorted(found.items()):
        sums = [sum(r) for r in v]
        print(f"{version} {who}: " + ", ".join(f"{statistics.mean(c):.2f}" for c in zip(*v)) + f", sum {statistics.mean(sums):.2f} (+-{statistics.stdev(sums) / len(sums) ** 0.5:.2f}, {len(v)} scores)")

{"ask": ask, "talk": talk, "mix": mix, "tally": tally}[sys.argv[1]](*sys.argv[2:])
