// Package simulated plays a box that Anaconda installs, for end-to-end tests: it is
// a SIMULATION, written from Anaconda's documentation and sources, and contains none
// of its code. It asks for a lease as firmware, boot loader and installer do,
// fetches script, kernel, initrd and second stage, asks for its Kickstart with
// Anaconda's headers and curl's retries, really runs the Kickstart's scripts in a
// scratch root and logs by syslog what Anaconda does, release by release. When its
// packages fail it waits 180 s and boots from the network again; when a script with
// --erroronfail fails, it stands at a dialog or ends the same way, by release; when
// its initrd can't fetch, it does as rd.emergency= says. It only marks the disk instead
// of laying it out, and installs no packages.
//
// It runs in a network namespace where its link is, as root.
package simulated
