// Package syslog receives the logs of installers over TCP and UDP: RFC 3164 and RFC 5424
// messages, framed according to RFC 6587. The leased address identifies the host. The
// package stores the lines of each install, and reads from them how far its packages are.
package syslog
