#compdef rackhand
# Completion of rackhand for zsh. Made by: rackhand completion zsh
_rackhand() {
    local -a lines values shown
    local line
    lines=("${(@f)$(${~words[1]} __complete zsh "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
    for line in $lines; do
        if [[ $line == :files ]]; then
            _files
            continue
        fi
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done
    (( $#values )) && compadd -d shown -a values
}
if [[ ${funcstack[1]} == _rackhand ]]; then
    _rackhand "$@"
else
    compdef _rackhand rackhand
fi
