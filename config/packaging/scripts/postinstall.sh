#!/bin/sh
# After unpacking, of dpkg (configure OLD-VERSION) and rpm (1 at first, 2 for an upgrade).
set -e
case "$1" in
configure) [ -z "$2" ] && first=yes || first= ;;
1) first=yes ;;
2) first= ;;
*) exit 0 ;; # abort-upgrade and the like: everything is as it was
esac

# An older systemd-sysusers can't run in a folder without /proc, as an installer's.
if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers rackhand.conf
elif ! getent passwd rackhand >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/rackhand --no-create-home --shell /usr/sbin/nologin rackhand
fi
if command -v systemd-tmpfiles >/dev/null; then
    systemd-tmpfiles --create rackhand.conf || true
fi
[ -d /var/lib/rackhand ] || install -d -o rackhand -g rackhand -m 0750 /var/lib/rackhand
[ -d /etc/rackhand ] || install -d -m 0755 /etc/rackhand
[ -d /etc/rackhand/secrets ] || install -d -o rackhand -g rackhand -m 0700 /etc/rackhand/secrets

if [ -e /etc/systemd/system/rackhand.service ]; then
    # It may run another program, as root: its state stays as it is.
    echo "rackhand: /etc/systemd/system/rackhand.service is in force instead of the package's unit. To use that one: systemctl disable --now rackhand; rm /etc/systemd/system/rackhand.service; systemctl daemon-reload; systemctl enable --now rackhand"
elif [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    if [ "$first" ]; then
        systemctl enable rackhand.service || true
    fi
    # Its start takes over what root has made (ExecStartPre).
    systemctl try-restart rackhand.service || true
elif [ "$first" ] && command -v systemctl >/dev/null; then
    systemctl enable rackhand.service || true
fi
if [ "$first" ] && [ ! -e /etc/rackhand/rackhand.yaml ]; then
    echo "rackhand: run \`rackhand init\`, then \`systemctl start rackhand\`"
fi
exit 0
