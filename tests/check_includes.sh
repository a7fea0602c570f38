#!/usr/bin/env bash
# Includes point one way. A module may include itself and what stands behind it in this table; cli/ and examples/
# see only the public headers. A new public header that is not named after a folder is added to header_module.
set -euo pipefail
declare -A below=(
    [base]=""
    [text]="base"
    [fetch]="base"
    [corpus]="base text"
    [explore]="base text corpus"
    [dataset]="base text corpus"
    [kern]="base"
    [ops]="base kern"
    [model]="base kern ops"
    [generate]="base kern ops model"
    [reply]="base text kern ops model generate"
    [character]="base text corpus explore dataset kern ops model generate reply"
    [chat]="base text corpus dataset kern ops model generate reply character"
    [train]="base text corpus explore dataset kern ops model generate reply character chat"
    [convert]="base corpus dataset kern ops model generate train"
    [audition]="base text corpus explore dataset kern ops model generate reply character chat train"
    [jobs]="base"
    [backup]="base chat jobs"
    [serve]="base jobs backup text corpus dataset kern ops model generate reply character chat train"
)
declare -A header_module=([tokenizer]=model [template]=model [gguf]=model [adapter]=model [quant]=kern
    [sampler]=generate [bench]=generate [cpu]=kern [card]=character
    [director]=reply [direct]=train)
bad=0 n=0

# offence FILE:LINE INCLUDED
offence() {
    echo "$1: may not include \"$2\""
    bad=1
}

while IFS=: read -r file line text; do
    n=$((n + 1))
    included=${text#*\"}
    included=${included%\"*}
    case $file in
    cli/*) [[ $included == cli*.h || $included == commands.def || $included == understudy/* ]] || offence "$file:$line" "$included" ;;
    examples/*) [[ $included == understudy/* ]] || offence "$file:$line" "$included" ;;
    *)
        case $file in
        src/*) from=${file#src/} from=${from%%/*} ;;
        include/understudy/*) from=$(basename "$file" .h) from=${header_module[$from]:-$from} ;;
        esac
        case $included in
        understudy/*) to=$(basename "$included" .h) to=${header_module[$to]:-$to} ;;
        */*) to=${included%%/*} ;;
        *) to=$from ;;
        esac
        [ -n "${below[$from]+x}" ] || { offence "$file:$line" "$included (module '$from' is not in the table of this check)"; continue; }
        [[ $to == "$from" || " ${below[$from]} " == *" $to "* ]] || offence "$file:$line" "$included"
        ;;
    esac
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' src include cli examples)
[ "$n" -gt 20 ] || { echo "only $n includes found: is this the project's root?"; exit 1; }
[ $bad = 0 ] && echo "$n includes, all downhill"
exit $bad
