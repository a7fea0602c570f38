#!/usr/bin/env python3
"""Does a character remember what it was told, 2 and 20 turns later? memory.py URL [CHARACTER...]: phrasings of our own, two languages.

The turns between are fixed, so that one reply a question is made. A reply counts when it has one of the wanted words.
"""
import json, sys, urllib.request

TOLD = [  # what is told, the question, words of which one must be in the reply
    ("By the way, people call me Xenia.", "So, what do people call me?", ["xenia"]),
    ("They christened me Bartholomew, can you believe it?", "Do you still know my name?", ["bartholomew"]),
    ("I earn my bread as a locksmith.", "What's my trade again?", ["locksmith"]),
    ("My wife and I run a small flower shop.", "What do my wife and I sell?", ["flower"]),
    ("There's a parrot in my kitchen, he answers to Captain.", "What's my bird called?", ["captain"]),
    ("I share my flat with a ferret named Noodle.", "Which pet do I have?", ["ferret", "noodle"]),
    ("I grew up in Lisbon.", "In which city did I grow up?", ["lisbon"]),
    ("My home is a houseboat on the river Spree.", "Where's my home?", ["houseboat", "boat", "spree"]),
    ("I turned forty-one last week.", "How old am I now?", ["forty", "41"]),
    ("I'm Tom. Sorry, I mean Tim, the keyboard is broken.", "What's my name?", ["tim"]),
    ("I live in Bonn. No wait, we moved to Kiel in May.", "Where do I live?", ["kiel"]),
    ("My sister Agnes is a pilot.", "What does my sister do?", ["pilot", "fly", "flies"]),
    ("I can't stand mushrooms.", "Which food can't I stand?", ["mushroom"]),
    ("My favourite band is the Kinks.", "Who's my favourite band?", ["kinks"]),
    ("I play the bassoon in an orchestra.", "Which instrument do I play?", ["bassoon"]),
    ("Кстати, меня зовут Тимур.", "Как меня зовут?", ["тимур", "timur"]),
    ("Я живу в Самаре.", "В каком городе я живу?", ["самар", "samar"]),
    ("У меня есть кот Барсик.", "Как зовут моего кота?", ["барсик", "barsik"]),
    ("Я работаю поваром.", "Кем я работаю?", ["повар", "cook", "chef"]),
    ("Мне тридцать пять лет.", "Сколько мне лет?", ["тридцать", "35", "thirty"]),
]
BETWEEN = [("Nice weather today.", "It sure is."), ("Did you see the game?", "No, I fell asleep."), ("I'm hungry.", "Me too."), ("What a day!", "You said it."),
           ("Who's at the door?", "Nobody."), ("Let's watch TV.", "Okay."), ("It's getting late.", "Yeah."), ("Are you tired?", "A little."), ("Tell me more.", "There is no more."), ("Fine.", "Fine.")]

def reply(url, who, messages):
    body = json.dumps({"model": who, "messages": messages, "takes": 8, "seed": 7}).encode()
    with urllib.request.urlopen(urllib.request.Request(url + "/v1/chat/completions", body, {"Content-Type": "application/json"}), timeout=600) as r:
        return json.load(r)["choices"][0]["message"]["content"]

def main():
    url, cast = sys.argv[1].rstrip("/"), sys.argv[2:] or ["homer", "lisa"]
    for n in (2, 20):
        good = 0
        for i, (told, ask, want) in enumerate(TOLD):
            m = [("user", told), ("assistant", "Oh.")]
            for k in range(n // 2 if n > 2 else 1):
                m += [("user", BETWEEN[k % 10][0]), ("assistant", BETWEEN[k % 10][1])]
            got = reply(url, cast[i % len(cast)], [{"role": r, "content": c} for r, c in m + [("user", ask)]])
            hit = any(w in got.lower() for w in want)
            good += hit
            print(f"{n:2} {'yes' if hit else ' no'}  {told}  {ask}  -- {got}", flush=True)
        print(f"{n} turns later: {good} of {len(TOLD)}", flush=True)

main()
