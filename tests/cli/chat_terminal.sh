#!/usr/bin/env bash
# The chat in a terminal (tmux), as a user sees it: wrapped at words, edited, stopped by Ctrl-C, its lines remembered.
set -u
command -v tmux >/dev/null || { echo "skipped: no tmux (script/setup --tests installs it)"; exit 77; }
model="${XDG_DATA_HOME:-$HOME/.local/share}/understudy/models/SmolLM2-135M-Instruct.Q4_1.gguf"
[ -r "$model" ] || { echo "skipped: no default model (script/model fetches it)"; exit 77; }
dir=$(mktemp -d)
n=0
t() { tmux -L "understudy-$$-$n" -f /dev/null "$@"; }
trap 't kill-server 2>/dev/null; rm -rf "$dir"' EXIT
screen() { t capture-pane -p -S -500 ${1:+"$1"}; }
fail() { echo "FAILED: $*"; screen; exit 1; }
see() { # waits up to five minutes for a line that matches, or for so many
    for _ in $(seq 1500); do
        [ "$(screen | grep -cE -- "$1")" -ge "${2:-1}" ] && return
        sleep 0.2
    done
    fail "'$1' does not come"
}
type() { t send-keys "$@"; }
start() { # WIDTH ENVIRONMENT; without its end mark a reply is long enough to be stopped
    t kill-server 2>/dev/null
    n=$((n + 1)) # another server: the old one takes its time to go
    t new-session -d -x "$1" -y 60 "env XDG_STATE_HOME='$dir' TERM=xterm $2 '$UNDERSTUDY' chat --character homer --takes 1 --seed 3 --logit-bias 2-100 -n 600 -m '$model'; echo left: \$?; sleep 600"
    see '^you: *$'
}

start 44 LANG=C.UTF-8
screen -e | grep -q $'\033\[' || fail "no colours"
type "Tell me a very long story about your day at work." Enter
see '^Homer Simpson: [A-Z]' 2 # the first is his greeting
type C-c
see 'stopped\)'
type "/as Marge Simpson" Enter
see '^Marge Simpson: *$'
type "half a line"
see 'half a line'
type C-c
see '^Marge Simpson: *$'
type "Прривет" Left Left Left Left Left BSpace Enter # edited: characters, not bytes
see '^Marge Simpson: Привет'
for _ in $(seq 300); do
    [ "$(screen | grep -c '^Homer Simpson: [A-Z]')" -lt 3 ] || break
    sleep 0.2
done
type C-c # the chat goes on after the first one
type "/undo" Enter
see '^\(forgotten\)'
type "/history" Enter
see '^you: Tell me a very long story about your$'
if screen | LC_ALL=C.UTF-8 grep -qE '.{45}'; then fail "wider than the terminal"; fi # characters, not bytes
type C-d
see '^left: 0'
grep -q 'very' "$dir/understudy/chat_history" || fail "the lines were not kept"
[ "$(stat -c %a "$dir/understudy/chat_history")" = 600 ] || fail "others can read the history"

start 30 "LANG=C NO_COLOR=1"
type Up Up Up
see 'you: Привет'
if screen -e | grep -q $'\033\[[0-9;]*m'; then fail "colours in spite of NO_COLOR"; fi
type C-u "/quit" Enter
see '^left: 0'
echo ok
