// Package simulated plays a box that Anaconda installs, for end-to-end tests: it is a
// SIMULATION, written from what Anaconda's documentation and sources say it does, and
// none of its code. It asks for a lease as firmware, boot loader and installer do,
// fetches script, kernel, initrd and second stage, asks for its Kickstart with
// Anaconda's headers and curl's retries, really runs the Kickstart's scripts in a
// scratch root, logs by syslog as Anaconda does, and on a failure waits 180 s and boots
// from the network again. Of the disks' layout it makes a mark, and of the packages it
// installs none.
//
// It runs in a network namespace where its link is, as root.
package simulated
