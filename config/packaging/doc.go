// Package packaging has the files that make rackhand a Debian or RPM package: the version,
// the systemd unit with its user and folders, the maintainer scripts. `make packages` uses
// them; the package itself has only tests.
package packaging
