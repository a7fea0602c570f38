#!/usr/bin/env python3
"""Do scenes of three live? scenes.py URL SCRIPT.csv: six situations of our own, 20 lines each without a visitor, against scenes of the script.

distinct-2: different pairs of words among all pairs of the first 50 words of a scene (equal lengths, or the shorter would win). repeated: lines of three
words or more that somebody in the scene had said before. echo: lines of which three words or more in a row, and 60% of all, stand in the line before."""
import csv, json, re, statistics, sys, urllib.request

SITUATIONS = ["Sunday morning in the kitchen. There is one pancake left.", "The car has broken down in the desert, and it is getting dark.", "A stray dog follows everybody home.",
              "Somebody has won a prize at the fair, and nobody says who.", "The television is broken an hour before the big game.", "The school has called. It is about yesterday."]
CASTS = [("homer", "marge", "bart"), ("homer", "lisa", "bart"), ("marge", "lisa", "bart")]
LINES, WORDS, SEEDS = 20, 50, 2

def words(text):
    return re.findall(r"[a-z0-9']+", text.lower())

def pairs(lines):
    w = [x for line in lines for x in words(line)][:WORDS]
    p = list(zip(w, w[1:]))
    return len(set(p)) / len(p) if len(w) == WORDS else None

def run(a, b):
    return max((k for i in range(len(a)) for j in range(len(b)) for k in [next((n for n in range(min(len(a) - i, len(b) - j)) if a[i + n] != b[j + n]), min(len(a) - i, len(b) - j))]), default=0)

def repeated(lines):
    return sum(len(words(l)) >= 3 and words(l) in [words(x) for x in lines[:i]] for i, l in enumerate(lines))

def echoes(lines):
    n = 0
    for before, line in zip(lines, lines[1:]):
        a, b = words(line), words(before)
        k = run(a, b)
        n += k >= 3 and k >= 0.6 * len(a)
    return n

def ask(url, path, body):
    return urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}), timeout=600).read().decode()

def play(url, situation, cast, seed):
    chat = json.loads(ask(url, "/api/chats", {"characters": list(cast)}))["id"]
    lines = []
    for i in range(LINES):
        body = {"seed": seed * 1000 + i, "takes": 8, "max_tokens": 60} | ({"text": situation, "user": "Narrator"} if not i else {})
        for event in ask(url, f"/api/chats/{chat}/" + ("next" if i else "say"), body).split("\n\n"):
            if event.startswith("event: done"):
                turn = json.loads(event.split("data: ", 1)[1])["turn"]
                lines.append(turn["text"])
                print(f"  {turn['speaker']}: {turn['text']}", flush=True)
    return lines

def script_scenes(path):
    scenes, scene = [], []
    for row in csv.DictReader(open(path, encoding="utf-8")):
        text = row.get("spoken_words") or ""
        if text.strip():
            scene.append(text)
        else:
            scenes, scene = scenes + [scene], []
    return [s[:LINES] for s in scenes if len(s) >= LINES]

def tell(name, scenes):
    p = [x for x in map(pairs, scenes) if x is not None]
    n = sum(map(len, scenes))
    print(f"{name}: {len(scenes)} scenes, {n} lines of {sum(len(words(l)) for s in scenes for l in s) / n:.1f} words; distinct-2 {statistics.mean(p):.3f} ({len(p)} scenes of {WORDS} words); repeated {sum(map(repeated, scenes)) / n:.1%}; echo {sum(map(echoes, scenes)) / n:.1%}")
    return statistics.mean(p)

def main():
    url, path = sys.argv[1].rstrip("/"), sys.argv[2]
    own = tell("script", script_scenes(path))
    played = []
    for i, situation in enumerate(SITUATIONS):
        print(situation)
        for seed in range(1, SEEDS + 1) if len(sys.argv) < 4 else [1]:
            played.append(play(url, situation, CASTS[i % len(CASTS)], seed))
    print(f"share of the script's own: {tell('played', played) / own:.2f}")

main()
