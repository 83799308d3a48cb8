// Package installer is the image installer's engine: from the kernel's command line to a
// system that boots from its own disk. It runs as /init of an initramfs, as root, on a box
// whose disks may hold data. So it checks the whole Kickstart before it looks at a disk,
// refuses a disk with data unless the disk may be wiped, and writes nothing that could boot
// before the image is verified.
//
// Package plan below it decides, and makes steps that are data. This package carries each
// step out by its type, with the help of the other packages below it.
package installer
