// Package bench measures rackhand against common servers: DHCP against Kea and dnsmasq,
// HTTP against nginx. The measurements are tests with the build tag bench, run by `make
// bench` as root. The package itself holds the parts that need no network: the search for a
// rate, perfdhcp's report, the tables, and the document that contains them.
package bench
