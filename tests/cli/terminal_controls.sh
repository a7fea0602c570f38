#!/bin/bash
# What stands in files, or what a model says, does not steer a terminal: every command, in a pipe and at a terminal.
set -u
fail() { echo "FAILED: $*"; exit 1; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
"$US_MKTINY" --seed 3 --ctx 2048 llama F32 "$dir/m.gguf" >/dev/null || fail mktiny
"$US_MKTINY" --seed 3 --ctx 2048 --adapter 2 llama F32 "$dir/a.gguf" >/dev/null || fail mktiny
# the clipboard (OSC 52), the screen, a title, a bell, DEL, C1 as bytes and as UTF-8, a turned direction, half a character
evil=$'\e]52;c;ZXZpbA==\a\e[2J\e]0;t\a\x7f\xc2\x9b2J\xe2\x80\xae\x9b2J\xd0\b\v'
json='\u001b]52;c;ZXZpbA==\u0007\u001b[2J\u007f\u009b2J\u202e\b'
# steers FILE: a byte of a control character but line ends and tabs (and, at a terminal, our own colours), or no UTF-8
steers() {
    iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>&1 || { echo "no UTF-8"; return 0; }
    LC_ALL=C.UTF-8 sed -E "$2" "$1" | tr -d '\r' | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]'
}
colours=$'s/\e\\[([0-9;]*m|K)//g'
# A line of $dir/in each time the chat on $dir/tty asks for one, and its end when it asks again: a terminal may drop what is typed before.
feed() {
    local n=1 line
    while IFS= read -r line; do asked $((n++)) && printf '%s\n' "$line"; done <"$dir/in"
    asked "$n"
}
asked() { for ((i = 0; i < 2400; i++)); do [ "$(grep -ac '^you: ' "$dir/tty")" -ge "$1" ] && return; sleep 0.05; done; }
# try NAME COMMAND...: its output in a pipe, and on a terminal, is harmless
try() {
    local name=$1; shift
    "$@" <"$dir/in" >"$dir/out" 2>"$dir/err"
    steers "$dir/out" '' && { cat -v "$dir/out" | head -20; fail "$name: stdout in a pipe"; }
    steers "$dir/err" '' && { cat -v "$dir/err" | head -20; fail "$name: stderr in a pipe"; }
    [ -s "$dir/out" ] || [ -s "$dir/err" ] || fail "$name: says nothing"
    case $name in chat | doctor* | inspect | explore) command -v script >/dev/null || return 0 ;; *) return 0 ;; esac
    # the line editor moves about on a terminal that can: there it is a dumb one
    : >"$dir/tty"
    if [ "$2" = chat ]; then feed | TERM=dumb script -qec "$(printf '%q ' "$@")" /dev/null >"$dir/tty" 2>/dev/null
    else TERM=xterm script -qec "$(printf '%q ' "$@")" /dev/null </dev/null >"$dir/tty" 2>/dev/null; fi
    steers "$dir/tty" "$colours" && { cat -v "$dir/tty" | head -20; fail "$name: at a terminal"; }
}
printf 'Hi there\nAnd now?\n' >"$dir/in"
mkdir -p "$dir/c"
cat >"$dir/c/card.json" <<END
{"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Evil Name", "description": "d $json", "first_mes": "Hello $json {{char}}", "mes_example": "<START>\n{{user}}: a $json\n{{char}}: b $json", "extensions": {"understudy": {"cast": ["x $json"], "catch_phrases": ["y $json"]}}}}
END
sed "s/Evil Name/Evil \\\\u001b[2J/" "$dir/c/card.json" >"$dir/name.json"
try "bad name" "$UNDERSTUDY" chat -m "$dir/m.gguf" --character "$dir/name.json"
try chat "$UNDERSTUDY" chat -m "$dir/m.gguf" --character "$dir/c/card.json" -n 8 --takes 1 --seed 1
! grep -aqF '{{char}}' "$dir/out" "$dir/err" "$dir/tty" || fail "the greeting's {{char}} is not filled in"
# a model whose own words are controls: all its tokens are bytes, so some of what it says is
try random "$UNDERSTUDY" chat -m "$dir/m.gguf" --character "$dir/c/card.json" -n 80 --takes 1 --seed 2 --temp 2 --top-k 0 --no-stops
for f in csv jsonl; do
    if [ $f = csv ]; then
        { echo 'episode,scene,speaker,line'
          for i in {1..40}; do printf '1,1,"Bob","Hello there, number %d, my good old friend of so many years and days"\n1,1,Ann,"And you again, for the %d. time this week, I must say."\n' "$i" "$i"; done
          printf '1,1,"Bob%b","Hello %b there"\n1,1,Ann,"And you %b again"\n' "$evil" "$evil" "$evil"; } >"$dir/s.csv"
    else
        for i in 1 2 3 4 5 6 7 8; do printf '{"episode":"1","scene":"1","speaker":"Bob%s","line":"Hello %s %d"}\n{"episode":"1","scene":"1","speaker":"Ann","line":"And you %s %d"}\n' "$json" "$json" $i "$json" $i; done >"$dir/s.jsonl"
    fi
    s=$dir/s.$f
    try "doctor $f" "$UNDERSTUDY" doctor "$s"
    try "doctor --json $f" "$UNDERSTUDY" doctor --json "$s"
    [ $f = jsonl ] || continue
    try explore "$UNDERSTUDY" explore --character Ann "$s"
    try "explore --json $f" "$UNDERSTUDY" explore --json --character Ann "$s"
    try "dataset $f" "$UNDERSTUDY" dataset --character Ann --out "$dir/d.$f" "$s"
    try "show $f" "$UNDERSTUDY" show -m "$dir/m.gguf" --character Ann "$s"
    try "train $f" "$UNDERSTUDY" train -m "$dir/m.gguf" --character "Ann$evil" --out "$dir/t.$f" "$s"
done
try "no such file" "$UNDERSTUDY" inspect "$dir/none$evil"
try "bad option" "$UNDERSTUDY" chat "--x$evil"
try "bad command" "$UNDERSTUDY" "$evil"
sed "s/llama/ll\x1b]a/" "$dir/m.gguf" >"$dir/bad.gguf"
try inspect "$UNDERSTUDY" inspect "$dir/bad.gguf"
try "inspect --kv" "$UNDERSTUDY" inspect --kv "$dir/bad.gguf"
try "inspect --json" "$UNDERSTUDY" inspect --json "$dir/bad.gguf"
try "chat bad" "$UNDERSTUDY" chat -m "$dir/bad.gguf"
try "import" "$UNDERSTUDY" import "$dir/c$evil" -m "$dir/m.gguf"
[ -z "$(command -v script)" ] && echo "not tried at a terminal: no script(1)"
echo ok
