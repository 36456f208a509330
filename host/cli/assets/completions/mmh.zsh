#compdef mmh
# Completion of mmh for zsh. It asks mmh at each TAB, so that it knows runs and iterations.
_mmh() {
    local -a found
    local line
    for line in "${(@f)$("${words[1]}" completions zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            '') ;;
            :files) _files ;;
            :folders) _files -/ ;;
            *) found+=("$line") ;;
        esac
    done
    (( $#found )) && _describe -V mmh found
}
# As a file of $fpath it is called; otherwise it says what it completes.
if [ "$funcstack[1]" = "_mmh" ]; then
    _mmh "$@"
else
    compdef _mmh mmh
fi
