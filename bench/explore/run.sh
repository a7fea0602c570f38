#!/usr/bin/env bash
# understudy explore against the same tables and one cloud with pandas, scikit-learn and wordcloud (peer.py): whole
# process, from exec to exit, interleaved rounds; then ten copies of the script for both growth rates of ours.
#
#   bench/explore/run.sh FILE.csv CHARACTER [ROUNDS]
#
# Needs a release build, python3 with venv and GNU time, and once the network: the peer is installed into
# ${XDG_CACHE_HOME:-~/.cache}/understudy/bench-explore. The summary is on standard output, every measurement in
# build/bench-explore.tsv.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -ge 2 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
file=$1 who=$2 rounds=${3:-5}
ours=${UNDERSTUDY:-build/release/understudy}
results=build/bench-explore.tsv
[ -x "$ours" ] || { echo "no $ours: cmake --preset release && cmake --build build/release" >&2; exit 1; }
cache=${XDG_CACHE_HOME:-$HOME/.cache}/understudy/bench-explore
python=$cache/bin/python
"$python" -c 'import pandas, sklearn, wordcloud' 2>/dev/null || {
    echo "== installing the peer" >&2
    python3 -m venv "$cache"
    "$python" -m pip install --quiet pandas==3.1.1 scikit-learn==1.9.1 wordcloud==1.9.6
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
{ cat "$file"; for _ in 1 2 3 4 5 6 7 8 9; do echo ,; tail -n +2 "$file"; done; } >"$work/ten.csv"

# measured NAME COMMAND...: wall seconds, CPU seconds and peak KB of one run go to the results
measured() {
    local name=$1
    shift
    command time -o "$work/time" -f '%e %U %S %M' "$@" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; exit 1; }
    awk -v OFS='\t' -v n="$name" '{print n, $1, $2 + $3, $4}' "$work/time" >>"$results"
}
mkdir -p build
{
    echo "# commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown), $(date -u +%F), load $(cut -d ' ' -f 1 /proc/loadavg)"
    echo "# cpu $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) CPUs"
    "$python" -c 'import sys, pandas, sklearn, wordcloud; print("# python", sys.version.split()[0], "pandas", pandas.__version__, "scikit-learn", sklearn.__version__, "wordcloud", wordcloud.__version__)'
    printf '#run\twall_s\tcpu_s\tpeak_kb\n'
} >"$results"
for _ in $(seq "$rounds"); do
    measured ours "$ours" explore "$file" -c "$who" -o "$work/ours"
    measured peer "$python" bench/explore/peer.py "$file" "$who" "$work/peer"
done
for _ in 1 2 3; do measured ours_x10 "$ours" explore "$work/ten.csv" -c "$who" -o "$work/ours10"; done

# the figures must be the same before times are worth comparing
"$python" - "$work/ours/report.json" "$work/peer/report.json" <<'P'
import json, sys
a, b = (json.load(open(p)) for p in sys.argv[1:])
c = a["character"]
same = {"lines": (c["lines"], b["character"]["lines"]), "words": (c["words"], b["character"]["words"]), "scenes": (c["scenes"], b["character"]["scenes"]),
        "answers": (c["answers"], b["answers"]), "main": ([r["name"] for r in a["main_characters"]], [r["name"] for r in b["main_characters"]])}
bad = {k: v for k, v in same.items() if v[0] != v[1]}
print("figures differ:" if bad else "the figures agree:", bad or ", ".join(same))
P
sed -n '/^#/p' "$results"
sed '/^#/d' "$results" | sort -t "$(printf '\t')" -k 1,1 -k 2,2n | awk -F '\t' '
    {w[$1, ++n[$1]] = $2; if (!($1 in best) || $2 < best[$1]) best[$1] = $2; c[$1, n[$1]] = $3; if ($4 > peak[$1]) peak[$1] = $4}
    function median(k,   i, j, m, t, v) {m = n[k]; for (i = 1; i <= m; i++) v[i] = c[k, i]
        for (i = 1; i <= m; i++) for (j = i + 1; j <= m; j++) if (v[j] < v[i]) {t = v[i]; v[i] = v[j]; v[j] = t}
        return v[int((m + 1) / 2)]}
    END {
        for (k in n) printf "%-9s wall median %6.2f s, best %6.2f s; CPU median %6.2f s; peak %4.0f MB\n", k, w[k, int((n[k] + 1) / 2)], best[k], median(k), peak[k] / 1024
        printf "peer / ours: wall %.1fx (best %.1fx), CPU %.1fx; ours / peer, memory %.2fx\n", w["peer", int((n["peer"] + 1) / 2)] / w["ours", int((n["ours"] + 1) / 2)], best["peer"] / best["ours"], median("peer") / median("ours"), peak["ours"] / peak["peer"]
        printf "ten copies / one: CPU %.1fx, memory %.1fx\n", median("ours_x10") / median("ours"), peak["ours_x10"] / peak["ours"]
    }'
