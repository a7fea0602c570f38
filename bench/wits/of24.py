#!/usr/bin/env python3
"""What more takes are worth: of24.py < bench/wits/pools24.jsonl prints the mean label (of 8) of what is chosen among 4 to 24 takes.

Each conversation has 24 takes with labels (of language models), the score that likelihoods and rules gave each, and the values of two directors. Of fewer takes
it is the mean over 60 seeded draws. NATS is what a director's value weighs."""
import json, random, statistics, sys

NATS, COUNTS, DRAWS = 60, (4, 8, 12, 16, 24), 60
pools = [json.loads(line) for line in sys.stdin]
ways = {
    "a random take": None,
    "likelihood and rules": lambda p, k: p["score"][k],
    "with the director before": lambda p, k: p["score"][k] + NATS * p["director_before"][k],
    "with the director": lambda p, k: p["score"][k] + NATS * p["director"][k],
    "the best that was there": lambda p, k: int(p["labels"][k]),
}
print("takes".ljust(26), *(f"{n:6}" for n in COUNTS))
for name, value in ways.items():
    rng, means = random.Random(1), []
    for n in COUNTS:
        chosen = []
        for p in pools:
            for _ in range(DRAWS):
                takes = rng.sample(range(len(p["takes"])), n)
                k = takes[0] if value is None else max(takes, key=lambda t: value(p, t))
                chosen.append(int(p["labels"][k]))
        means.append(statistics.mean(chosen))
    print(name.ljust(26), *(f"{m:6.2f}" for m in means))
