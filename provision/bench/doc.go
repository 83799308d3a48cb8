// Package bench measures rackhand against the servers that people use otherwise:
// DHCP against Kea and dnsmasq, HTTP against nginx. The measurements themselves are
// tests with the build tag bench, run by `make bench` as root; here is what they are
// made of that needs no wire: the search for a rate, perfdhcp's report, the tables
// and the document that the tables stand in.
package bench
