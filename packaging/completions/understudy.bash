# Completion of understudy for bash: the program itself tells its commands and options.
_understudy() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} line
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(understudy --help=list 2>/dev/null | cut -f1)" -- "$cur")
        return
    fi
    line=$(understudy "$command" --help=list 2>/dev/null)
    if [[ $prev == --* ]] && grep -qP -- "^$prev\t[^\t]" <<<"$line"; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(cut -f1 <<<"$line") --help" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}
complete -o filenames -F _understudy understudy
