#!/bin/sh
# After removing, of dpkg (remove, purge, upgrade, ...) and rpm (0 at last, 1 for an upgrade).
# The state stays in every case: it has the CA of every host, and who was installed when.
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
    rm -f /etc/systemd/system/multi-user.target.wants/rackhand.service
fi
case "$1" in
remove | purge | 0)
    for folder in /var/lib/rackhand /etc/rackhand; do
        if [ -d "$folder" ]; then
            echo "rackhand: $folder stays. Remove it by hand if you need it no more: rm -r $folder"
        fi
    done
    ;;
esac
exit 0
