{{- /* For scripts with --erroronfail that Anaconda runs; `doing` says what the script does.
Such a script that fails opens a dialog that waits for ENTER (RHEL 8 to 10, Fedora 42):
%onerror does not run and nothing reboots. Fedora 43 and 44 end it as they end any other
error. So the script reports the failed attempt itself, and begins the next one. With
images it is empty: rackhand-installer says and does all of that. */ -}}
{{- if .Anaconda -}}
{{ template "report.sh" . }}
{{ template "restart.sh" . }}
failing() { # failing STATUS
    [ "$1" -ne 0 ] || return 0
    trap - EXIT
    report '' attempt-failed error "$doing failed with status $1; its own words are on the console"
{{- if .Install.Another }}
    restart # the next attempt
{{- end }}
    exit "$1"
}
trap 'failing $?' EXIT
{{- end -}}
{{- /* no line after it */ -}}
