// Package agents measures rackhand-agent beside Puppet, CFEngine and Ansible on one Debian
// system: the cost of 100 resources with nothing to change. The measurement is a
// test with the build tag bench, run by `make bench` as root; here are the declarations.
package agents
