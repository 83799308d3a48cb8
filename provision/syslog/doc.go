// Package syslog receives what installers log, over TCP and UDP: RFC 3164 and RFC 5424
// messages, framed as RFC 6587 has it. Which host it is says the leased address. It
// keeps the lines of each install and reads from them how far its packages are.
package syslog
