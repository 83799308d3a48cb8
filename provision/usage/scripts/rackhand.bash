# Completion of rackhand for bash. Made by: rackhand completion bash
_rackhand() {
    local IFS=$'\n' answer
    answer=$("${1/#\~/$HOME}" __complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    COMPREPLY=()
    if [[ $answer == :files* ]]; then
        compopt -o default
        return
    fi
    COMPREPLY=($answer)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}
complete -F _rackhand rackhand
