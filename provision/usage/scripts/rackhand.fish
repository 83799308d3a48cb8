# Completion of rackhand for fish. Made by: rackhand completion fish
function __rackhand_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c rackhand -f -a '(__rackhand_complete)'
