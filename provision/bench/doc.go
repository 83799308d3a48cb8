// Package bench measures rackhand beside other servers: DHCP beside Kea and dnsmasq,
// HTTP beside nginx. The measurements themselves are tests with the build tag bench,
// run by `make bench` as root; here is what they are made of that needs no wire: the
// search for a rate, perfdhcp's report, the tables and the document that the tables
// stand in.
package bench
