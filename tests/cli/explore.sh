#!/usr/bin/env bash
# understudy explore: figures, files, and one clear line for bad input.
set -euo pipefail
: "${UNDERSTUDY:?}"
d=$(mktemp -d)
trap 'chmod -R u+w "$d"; rm -rf "$d"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
# has TEXT: the last output holds it
has() { grep -qF -- "$1" <<<"$out" || fail "no '$1' in: $out"; }

{
    echo "raw_character_text,spoken_words"
    for _ in 1 2 3 4; do
        echo 'Ann Baker,Jumping jellyfish!'
        echo 'Carl,The lighthouse is on fire again.'
        echo 'Ann Baker,"Jumping jellyfish, Carl! Fetch the buckets."'
        echo 'Carl,Which buckets?'
        echo ','
    done
    echo 'Young Ann,I want a lighthouse.'
    echo 'Carl & Ann Baker,Hooray!'
} >"$d/play.csv"

# the summary, and the same as JSON
out=$("$UNDERSTUDY" explore "$d/play.csv" --character "Ann Baker")
has "8 lines (44.4%)"
has "Jumping jellyfish"
has "Kept apart: Carl & Ann Baker (1), Young Ann (1)"
if grep -q $'\e' <<<"$out"; then fail "colours in a pipe"; fi
out=$("$UNDERSTUDY" explore examples/lighthouse.csv -c Ada)
has "none is said often enough (--min-lines N lowers the mark)"
out=$("$UNDERSTUDY" explore "$d/play.csv" -c "ann baker" --json)
has '"name": "Ann Baker"'
if command -v python3 >/dev/null; then
    python3 - "$out" <<'P'
import json, sys
d = json.loads(sys.argv[1])
c = d["character"]
assert (c["lines"], c["words"], c["scenes"], c["answers"], c["different_lines"]) == (8, 32, 4, 4, 2), c
assert c["episodes"] is None and d["language"] == "en"
assert d["answers"]["names"] == ["Ann Baker", "Carl", "Carl & Ann Baker", "Young Ann", None], d["answers"]["names"]
assert d["answers"]["rows"][0][1] == 4 and d["answers"]["rows"][1][0] == 8
assert d["top_lines"][0] == {"text": "Jumping jellyfish!", "n": 4, "others": 0, "z": d["top_lines"][0]["z"]}
assert sum(d["lengths"]["character"]) == 8 and d["lengths"]["character"][1] == 4
p = {t["text"]: t for t in d["catch_phrases"]}
assert p["Jumping jellyfish"]["n"] == 8 and p["Jumping jellyfish"]["others"] == 0 and p["Jumping jellyfish"]["z"] > 1.96, p
s = d["script"]
assert s["rows"] == s["lines"] + s["actions"] + s["breaks"] + s["rejected"] == 22
P
fi

# the report's folder
"$UNDERSTUDY" explore "$d/play.csv" -c "Ann Baker" -o "$d/report" >/dev/null 2>"$d/err" || fail "$(cat "$d/err")"
for f in index.html report.json corpus.json cloud.svg cloud.png cast.svg catch_phrases.svg keywords.svg phrases.svg lines.svg answers.svg lengths.svg; do
    [ -s "$d/report/$f" ] || fail "no $f"
done
if grep -oE '(src|href)="[^"#]*"' "$d/report/index.html" | grep -v 'href="report.json"'; then fail "the page loads something"; fi
if grep -qE 'https?://' <(sed 's|http://www.w3.org/2000/svg||g' "$d/report/index.html"); then fail "the page names a host"; fi
grep -q 'data-f="jumping jellyfish"' "$d/report/index.html" || fail "no phrase in the page"
head -c 4 "$d/report/cloud.png" | grep PNG >/dev/null || fail "cloud.png is no PNG"

# same seed, same pictures; another seed, others
"$UNDERSTUDY" explore "$d/play.csv" -c "Ann Baker" -o "$d/again" >/dev/null 2>&1
cmp "$d/report/cloud.svg" "$d/again/cloud.svg" || fail "the same seed gave another cloud"
cmp "$d/report/index.html" "$d/again/index.html" || fail "the same seed gave another page"

# a character's folder; the name comes from its card
mkdir "$d/ann"
printf '{"spec":"chara_card_v2","spec_version":"2.0","data":{"name":"Ann Baker","description":"x","personality":"","scenario":"","first_mes":"","mes_example":""}}' >"$d/ann/card.json"
"$UNDERSTUDY" explore "$d/play.csv" --about "$d/ann" >/dev/null 2>"$d/err" || fail "$(cat "$d/err")"
for f in about.json cloud.svg cloud.png picture.png; do [ -s "$d/ann/$f" ] || fail "no $f"; done
grep -q '"cloud": "cloud.svg"' "$d/ann/about.json" || fail "about.json"

# a mask: the file of the cloud itself serves
"$UNDERSTUDY" explore "$d/play.csv" -o "$d/masked" --mask "$d/ann/picture.png" --palette '#112233,#445566' --size-by keyness --words 5 >/dev/null 2>"$d/err" || fail "$(cat "$d/err")"
grep -q '#112233' "$d/masked/cloud.svg" || fail "the palette was not used"

# names joined by the corpus.json of another call
echo '{"Ann Baker": ["Young Ann"]}' >"$d/aliases.json"
"$UNDERSTUDY" explore "$d/play.csv" -c "Ann Baker" --aliases "$d/aliases.json" -o "$d/joined" >/dev/null 2>&1
out=$("$UNDERSTUDY" explore "$d/play.csv" -c "Ann Baker" --aliases "$d/joined/corpus.json")
has "9 lines (50.0%)"
out=$("$UNDERSTUDY" dataset "$d/play.csv" -c "Ann Baker" --aliases "$d/joined/corpus.json" --card none --history 2 --out "$d/rows" 2>&1)
has "9 lines in" # as every command that reads a script

# the doctor writes a starter that it does not overwrite
for _ in 1 2 3 4 5 6 7 8 9; do tail -n +2 "$d/play.csv"; done | { echo name,line; cat; echo 'ann baker,Me too.'; } >"$d/long.csv"
"$UNDERSTUDY" doctor "$d/long.csv" --write-aliases "$d/starter.json" 2>/dev/null
grep -q '"Ann Baker": \["ann baker"\]' "$d/starter.json" || fail "$(cat "$d/starter.json")"
"$UNDERSTUDY" explore "$d/long.csv" -c "Ann Baker" --aliases "$d/starter.json" >/dev/null
if "$UNDERSTUDY" doctor "$d/long.csv" --write-aliases "$d/starter.json" 2>/dev/null; then fail "an edited file was overwritten"; fi

# several files are one script
out=$("$UNDERSTUDY" explore "$d/play.csv" "$d/play.csv" -c "Ann Baker" --json)
has '"lines": 16'

# want CODE TEXT ARGUMENTS...: one line on stderr that holds TEXT, behind what was read
want() {
    local code=$1 text=$2 rc=0
    shift 2
    out=$(timeout 300 "$UNDERSTUDY" explore "$@" 2>&1 >/dev/null) || rc=$?
    [ $rc = "$code" ] || fail "$*: exit $rc, expected $code: $out"
    has "$text"
    [ "$(grep -c '^understudy' <<<"$out")" = "$((code > 0))" ] || fail "more than one line: $out"
}
want 2 "no file"
want 1 "none.csv: cannot open" "$d/none.csv"
want 1 "no column 'words'; there are 'raw_character_text', 'spoken_words'" "$d/play.csv" --text-column words
want 1 "did you mean 'Ann Baker'" "$d/play.csv" -c "Ann Bakr"
want 1 "those with most lines are 'Ann Baker', 'Carl'" "$d/play.csv" -c "Zorro of Zanzibar"
: >"$d/empty.csv"
want 1 "empty.csv: empty file" "$d/empty.csv"
printf '1\n00:00:01,000 --> 00:00:02,000\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,000\nWho is it?\n' >"$d/plain.srt"
want 1 "no line has a speaker's name, as in most subtitles" "$d/plain.srt"
want 1 "no line has a speaker's name, as in most subtitles" "$d/plain.srt" -c Ann
head -c 5000 "$UNDERSTUDY" >"$d/binary.csv"
want 1 "binary.csv: no text" "$d/binary.csv"
printf 'name,line\nA,hello\nB,by\0e\n' >"$d/nul.csv"
want 0 "1 NUL byte taken out" "$d/nul.csv"
printf 'name;line\nA;hello, you\n' >"$d/semicolon.csv"
want 1 "there are 'name;line'" "$d/semicolon.csv" --delimiter ,
want 1 "the mask is not a PNG image" "$d/play.csv" -o "$d/x" --mask "$d/play.csv"
head -c 100 "$d/ann/cloud.png" >"$d/cut.png"
want 1 "cannot be read as a PNG image" "$d/play.csv" -o "$d/x" --mask "$d/cut.png"
want 1 "none.png" "$d/play.csv" -o "$d/x" --mask "$d/none.png"
want 2 "palette: expected" "$d/play.csv" -o "$d/x" --palette pink
want 2 "language: expected" "$d/play.csv" --language tlh
want 2 "--size-by: expected count or keyness" "$d/play.csv" --size-by mood
want 2 "--main-share" "$d/play.csv" --main-share 2
want 1 "exists and is not a folder" "$d/play.csv" -o "$d/play.csv"
if [ "$(id -u)" != 0 ]; then
    mkdir "$d/locked"; chmod 555 "$d/locked"
    want 1 "$d/locked/report" "$d/play.csv" -o "$d/locked/report"
elif [ -d /proc/self ]; then
    want 1 "/proc/report" "$d/play.csv" -o /proc/report # root may write anywhere else
fi
echo '{"Ann Baker": ["Carl"], "Carl": ["Ann Baker"]}' >"$d/circle.json"
want 1 "go round in a circle" "$d/play.csv" --aliases "$d/circle.json"
"$UNDERSTUDY" help explore | cmp - <("$UNDERSTUDY" explore --help) || fail "help COMMAND is not COMMAND --help"
for a in help --help -h; do "$UNDERSTUDY" help $a | cmp - <("$UNDERSTUDY" help) || fail "help $a is not help"; done
# a line without end: refused in words
{ printf 'name,line\nA,'; head -c 300M /dev/zero | tr '\0' x; } >"$d/long.csv"
want 1 "a cell of more than" "$d/long.csv"
rm "$d/long.csv"
[ -z "$(nm "$UNDERSTUDY" | grep __asan_init)" ] || { echo "ok, but for an endless line: a sanitizer wants more memory than the limit"; exit 0; }
rc=0
out=$({ printf 'name,line\nA,'; timeout 300 yes xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | tr -d '\n'; } | (ulimit -v 400000; "$UNDERSTUDY" explore - 2>&1 >/dev/null)) || rc=$?
[ $rc = 1 ] || fail "an endless line: exit $rc: $out"
has "out of memory"
echo ok

# a report speaks the language of its script, with that language's numbers; the program's own output stays English
{
    echo "Sprecher;Text"
    for _ in 1 2 3 4 5 6; do
        echo 'Anna;Ich habe das nicht gesehen, aber der Leuchtturm brennt schon wieder.'
        echo 'Karl;Wir haben keine Eimer, und ich kann das auch nicht.'
    done
} >"$d/stück.csv"
"$UNDERSTUDY" explore "$d/stück.csv" -c Anna -o "$d/deutsch" >/dev/null 2>&1 || fail "a German script"
for words in '<html lang="de">' '<h2>Die Figuren</h2>' '50,0%' '"close":"Schließen"'; do
    grep -qF -- "$words" "$d/deutsch/index.html" || fail "no '$words' in a German report"
done
if grep -qE 'The cast|Who answers whom' "$d/deutsch/index.html"; then fail "a German report speaks English"; fi

# letters that no font here has: a warning that names the package, and nothing where they are there
latin=$(fc-match -f '%{file}' 'DejaVu Sans' 2>/dev/null || true)
case $latin in
*DejaVuSans.ttf)
    mkdir "$d/fonts"
    cp "$latin" "$d/fonts/"
    printf '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>%s</dir><cachedir>%s</cachedir></fontconfig>' "$d/fonts" "$d/cache" >"$d/fonts.conf"
    { echo "name,line"; for _ in 1 2 3 4; do echo '花子,灯台がまた燃えています。'; echo '太郎,バケツはどこですか。'; done; } >"$d/ja.csv"
    FONTCONFIG_FILE="$d/fonts.conf" "$UNDERSTUDY" explore "$d/ja.csv" -o "$d/japanese" >/dev/null 2>"$d/err" || fail "$(cat "$d/err")"
    grep -q 'warning: no font here has .* Chinese and Japanese (.*): install fonts-noto-cjk (Debian)' "$d/err" || fail "no warning about fonts: $(cat "$d/err")"
    FONTCONFIG_FILE="$d/fonts.conf" "$UNDERSTUDY" explore "$d/play.csv" -o "$d/english" >/dev/null 2>"$d/err" || fail "$(cat "$d/err")"
    if grep -q 'no font' "$d/err"; then fail "a warning about fonts without need: $(cat "$d/err")"; fi
    ;;
*) echo "skipped: fonts (no DejaVu Sans here)" ;;
esac
