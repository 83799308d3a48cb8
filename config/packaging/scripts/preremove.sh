#!/bin/sh
# Before removing, of dpkg (remove, or upgrade NEW-VERSION) and rpm (0 at last, 1 for an upgrade).
set -e
case "$1" in
remove)
    # It stays enabled until it is purged: a package that is installed again goes on.
    if [ -d /run/systemd/system ]; then
        systemctl stop rackhand.service || true
    fi
    ;;
0)
    if [ -d /run/systemd/system ]; then
        systemctl --no-reload disable --now rackhand.service || true
    elif command -v systemctl >/dev/null; then
        systemctl disable rackhand.service || true
    fi
    ;;
esac
exit 0
