"""The same tables and one word cloud with pandas, scikit-learn and wordcloud: peer.py FILE.csv CHARACTER OUT_DIR

Written as a data scientist would who wants it quick: whole-column operations, sparse matrices, no Python loop over words.
"""
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import CountVectorizer
from wordcloud import WordCloud

path, who, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
out.mkdir(parents=True, exist_ok=True)
WORD = r"[^\W_]+(?:'[^\W_]+)*"

rows = pd.read_csv(path, names=["name", "text"], header=0, dtype=str, keep_default_na=False, skip_blank_lines=False)
is_break = (rows.name == "") & (rows.text == "")
rows["scene"] = is_break.cumsum()
lines = rows[(rows.text != "")].copy()
lines["words"] = lines.text.str.split().str.len()

cast = lines.groupby("name").agg(lines=("text", "size"), words=("words", "sum"), scenes=("scene", "nunique"))
cast["share_lines"] = cast.lines / len(lines)
cast["share_words"] = cast.words / lines.words.sum()
main = cast[(cast.share_lines >= 0.01) | (cast.share_words >= 0.01)].sort_values("lines", ascending=False)

before = lines.name.shift()
answers = lines[(lines.scene == lines.scene.shift()) & (lines.name != before)]
label = lambda s: s.where(s.isin(main.index), "others")
matrix = pd.crosstab(label(answers.name), label(before[answers.index]))

own, others = lines[lines.name == who], lines[lines.name != who]
lengths = own.words.clip(upper=41).value_counts().sort_index()
lengths_all = lines.words.clip(upper=41).value_counts().sort_index()
top_lines = own.text.value_counts().head(30)


def keyness(y_i, y_j, n_i, n_j):
    a = y_i + y_j
    a0 = n_i + n_j
    delta = np.log((y_i + a) / (n_i + a0 - y_i - a)) - np.log((y_j + a) / (n_j + a0 - y_j - a))
    return delta / np.sqrt(1 / (y_i + a) + 1 / (y_j + a))


# phrases of 2 to 6 words by the lines that hold them, longest kept; 1 to 6 for keyness
vec = CountVectorizer(ngram_range=(1, 6), token_pattern=WORD, binary=True, min_df=5)
mine = np.asarray(vec.fit_transform(own.text).sum(axis=0)).ravel()
theirs = np.asarray(CountVectorizer(ngram_range=(1, 6), token_pattern=WORD, binary=True, vocabulary=vec.vocabulary_).transform(others.text).sum(axis=0)).ravel()
grams = pd.DataFrame({"text": vec.get_feature_names_out(), "n": mine, "others": theirs})
grams["length"] = grams.text.str.count(" ") + 1
longest = {}
for text, n in grams[grams.length > 1][["text", "n"]].itertuples(index=False):
    for part in (text.split(" ", 1)[1], text.rsplit(" ", 1)[0]):
        longest[part] = max(longest.get(part, 0), n)
grams["z"] = keyness(grams.n, grams.others, len(own), len(others))
kept = grams[grams.text.map(longest).fillna(0) < 0.6 * grams.n]
phrases = kept[kept.length > 1].sort_values("n", ascending=False).head(30)
catch = kept.sort_values("z", ascending=False).head(30)

words = CountVectorizer(token_pattern=WORD)
everything = words.fit_transform(lines.text)
is_own = (lines.name == who).to_numpy()
y_i = np.asarray(everything[is_own].sum(axis=0)).ravel()
y_j = np.asarray(everything[~is_own].sum(axis=0)).ravel()
keywords = pd.DataFrame({"text": words.get_feature_names_out(), "n": y_i, "others": y_j, "z": keyness(y_i, y_j, y_i.sum(), y_j.sum())})
keywords = keywords[keywords.n > 2].sort_values("z", ascending=False).head(30)

cloud = WordCloud(width=1200, height=800, max_words=200, background_color="white", random_state=0).generate(" ".join(own.text))
cloud.to_file(out / "cloud.png")
tables = {
    "rows": len(rows), "breaks": int(is_break.sum()), "lines": len(lines), "answers": int((answers.name == who).sum()),
    "character": cast.loc[who].to_dict(), "main_characters": main.reset_index().to_dict("records"),
    "matrix": matrix.to_dict(), "lengths": lengths.to_dict(), "lengths_all": lengths_all.to_dict(), "top_lines": top_lines.to_dict(),
    "top_phrases": phrases.to_dict("records"), "catch_phrases": catch.to_dict("records"), "keywords": keywords.to_dict("records"),
}
(out / "report.json").write_text(json.dumps(tables, default=float))
