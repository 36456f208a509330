# Completion of mmh for bash. It asks mmh at each TAB, so that it knows runs and iterations.
_mmh() {
    local IFS=$'\n' line others=
    COMPREPLY=()
    for line in $("${COMP_WORDS[0]}" completions bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
        case $line in
            :*) others=$line ;;
            *) COMPREPLY+=("$(printf '%q' "$line")") ;;
        esac
    done
    # What bash completes itself it also quotes, so both do not mix.
    if ((${#COMPREPLY[@]} == 0)); then
        case $others in
            :files) compopt -o default -o filenames 2>/dev/null ;;
            :folders) compopt -o dirnames -o filenames 2>/dev/null ;;
        esac
    fi
}
complete -F _mmh mmh
