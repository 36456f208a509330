# Completion of mmh for fish. It asks mmh at each TAB, so that it knows runs and iterations.
function __mmh_offers
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] completions fish -- $before[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :folders
                __fish_complete_directories "$current"
            case '*'
                echo $line
        end
    end
end
complete -c mmh -f -a '(__mmh_offers)'
