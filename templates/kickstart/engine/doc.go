// Package engine says which part of the Kickstart language the image engine,
// rackhand-installer, carries out: the table of its commands and options, the check of a
// Kickstart against that table, and the table of what `unsupported: skip` leaves out.
//
// It uses the standard library only, because the installer's initramfs links it. The
// installer's provision/installer/plan turns a checked Kickstart into steps.
package engine
