{{- if .Mirrors -}}
# Packages come through the appliance's mirror cache. The distribution's own files keep
# their names and their keys, by which signatures are checked here; only where they
# point changes. A mirror stands for the folder above the releases.
umask 022
repos=$root/etc/yum.repos.d
mirror() { # mirror URL FOLDER FILE...: makes these files fetch from URL instead of .../FOLDER
    url=$1 folder=$2
    shift 2
    for file; do
        [ -e "$file" ] || continue
        # Only a file whose addresses are understood loses its list of mirrors.
        grep -Eq "^#? *baseurl=[a-z]+://[^/]+/$folder/" "$file" || continue
        sed -E -i \
            -e "s!^#? *baseurl=[a-z]+://[^/]+/$folder/!baseurl=$url/!" \
            -e 's!^(mirrorlist|metalink)=!#\1=!' "$file"
    done
}
{{- range $name, $url := .Mirrors }}
{{- if eq $name "rocky" }}
mirror {{ quote $url }} '(\$contentdir|pub/rocky)' $repos/[Rr]ocky*.repo
{{- else if eq $name "almalinux" }}
mirror {{ quote $url }} almalinux $repos/almalinux*.repo
{{- else if eq $name "fedora" }}
mirror {{ quote $url }} pub/fedora/linux $repos/fedora*.repo
{{- end }}
{{- end }}
{{- end -}}
