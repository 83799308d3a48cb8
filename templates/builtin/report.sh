{{- /* Any of the first three may be empty. An install never fails without a listener.
But it waits for an appliance that is restarting: a lost report of the end makes
the box come back and ask whether it is installed. What would need quoting in JSON is not
worth sending. wget is the image installer's busybox, whose wget has no deadline of its
own. */ -}}
seconds() { # since the machine was started; its clock may be set meanwhile
    since=0
    [ ! -r /proc/uptime ] || read -r since rest < /proc/uptime
    echo "${since%%.*}"
}
plain() { # plain TEXT LENGTH
    printf '%s' "$1" | tr -c 'A-Za-z0-9 .,:;/()=+@_%*-' ' ' | cut -c "1-$2"
}
report() { # report STAGE KIND LEVEL MESSAGE [FIELDS]: reports to the appliance; told is yes when it has accepted the report
    told=no
    body=$(printf '{"stage": "%s", "kind": "%s", "level": "%s", "message": "%s", "fields": {%s}}' "$1" "$2" "$3" "$(plain "$4" 1000)" "${5-}")
    case "$1 $2" in # how often it is tried, and for how many seconds at most
        installed*) tries=60 most=600;;
        *progress|*onerror) tries=3 most=30;;
        *) tries=12 most=120;;
    esac
    began=$(seconds)
    while [ $tries -gt 0 ] && [ $(($(seconds) - began)) -lt $most ]; do
        tries=$((tries - 1))
        code=000
        if command -v curl >/dev/null 2>&1; then
            code=$(curl --silent --show-error --max-time 20 --retry 3{{ if ne .Release "RHEL7" }} --retry-connrefused{{ end }} --output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' --data-binary "$body" {{ quote .Install.Report }}) || code=000
        elif timeout 20 wget -q -O /dev/null --header 'Content-Type: application/json' --post-data "$body" {{ quote .Install.Report }}; then
            code=204
        fi
        case $code in
            2*) told=yes; return 0;;
            408|429) ;;
            4*) return 0;; # it would be refused again
        esac
        [ $tries -eq 0 ] || sleep 5
    done
}
{{- /* no line after it */ -}}
