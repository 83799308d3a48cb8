// Package installer is the image installer's engine: from the kernel's command
// line to a system that boots from its own disk. It runs as /init of an
// initramfs, as root, on a box with disks that may hold somebody's data; so it
// checks the whole Kickstart before it looks at a disk, refuses a disk that
// carries data unless it was told to wipe, and writes nothing that could boot
// before the image is verified.
//
// [Plan] is pure: a Kickstart and what is known of the machine become a list of
// steps. Everything else carries steps out.
package installer
