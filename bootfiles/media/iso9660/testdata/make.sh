#!/bin/sh
# Makes relocated.iso.gz beside it, as genisoimage would: directories below the eighth
# level are moved to the root, and lead back by CL, PL and RE. Needs xorriso.
set -eu
cd "$(dirname "$0")"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
deep=$tree/a/b/c/d/e/f/g/h/i/j
mkdir -p "$deep" "$tree/Packages"
echo 'nine levels down' > "$deep/file.txt"
long=$(printf 'a-name-in-several-parts-%.0s' 1 2 3 4 5 6 7 8 9 10)
echo 'long' > "$tree/Packages/$long.x86_64.rpm"
ln -s ../a/b/c/d "$tree/Packages/deep"
ln -s loop "$tree/Packages/loop"
ln -s /etc/passwd "$tree/Packages/out"
echo '[general]' > "$tree/.treeinfo"
touch -d @1700000000 "$tree/.treeinfo"
rm -f relocated.iso
xorriso -report_about FAILURE -outdev relocated.iso -volid RACKHAND -padding 0 -compliance deep_paths_off -rr_reloc_dir rr_moved -map "$tree" /
gzip -9nf relocated.iso
