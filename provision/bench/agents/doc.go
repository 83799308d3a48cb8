// Package agents measures rackhand-agent beside Puppet, CFEngine and Ansible on one Debian
// system: what 100 resources with nothing to change cost each of them. The measurement is a
// test with the build tag bench, run by `make bench` as root; here are the declarations.
package agents
