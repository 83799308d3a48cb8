// Package config reads the appliance's settings, a strict YAML file, into a typed
// Config. The shipped reference.yaml names every key and is parsed by a test.
package config

import (
	"net/netip"
	"time"
)

// A Config is the appliance's settings, complete: defaults are filled in.
type Config struct {
	State     string // folder for the database, CA, images and caches
	Inventory string // folder of the inventory
	Secrets   string // folder of secrets: secret a/b is the first line of the file a/b
	Age       Age    // secrets in one encrypted file, for those not in the folder
	Socket    string // unix socket of the operator's command line
	// SocketGroup is the group that may open it too; "" for root alone.
	SocketGroup string
	// Interfaces are the links on which hosts boot: DHCP and router
	// advertisements are answered there.
	Interfaces []string
	// Address is where hosts reach the appliance; by default the first IPv4
	// address of the first interface.
	Address netip.Addr
	HTTP    uint16 // port for boot files, answer files, images and the mirror: 80
	TFTP    uint16 // 69
	Agents  uint16 // port for agents, mutual TLS: 8443
	Page    Page
	Mirror  Mirror
	// Bootfiles are folders with the operator's own boot programs, before those
	// of the distribution's packages.
	Bootfiles []string
	Install   Install
	Limits    Limits
	Keep      Keep
	Agent     Agent
	BMC       BMC
	Metrics   Metrics
	Munin     Munin
	Events    Events
}

// Age is a file of secrets, encrypted with age (age-encryption.org/v1).
type Age struct {
	// File is a YAML mapping of names to secrets, encrypted; "" for none.
	File string
	// Identity is the file of the identity that decrypts it, mode 600.
	Identity string
}

// Page is the status page.
type Page struct {
	// Listen is host:port, or unix:/path. Empty: no page but over the socket.
	Listen string
	// Names are those by which browsers may know it, besides its addresses and the
	// machine's own name.
	Names []string
	// Operators are networks for which a share of its connections is kept.
	Operators []netip.Prefix
}

// Mirror is the cache between hosts and package mirrors.
type Mirror struct {
	// Upstreams are base URLs by the name under which hosts see them:
	// debian -> http://.../debian is served as /mirror/debian/.
	Upstreams map[string]string
	// Via is an optional HTTP proxy for the upstreams: http://host:port, or
	// unix:/path for one on a unix socket.
	Via string
	// Size bounds the cache, in bytes; the files used longest ago are removed first.
	Size int64
	// Redirects are hosts (HOST or HOST:PORT) to which an upstream may redirect the cache, in
	// addition to its own host and public ones.
	Redirects []string
	// Offline: the cache never asks the upstreams, and serves its files as they are.
	Offline bool
}

// Install holds the defaults for installs.
type Install struct {
	Attempts int           // how often the installer may start: 3
	Expires  time.Duration // how long a host stays armed: 1 h
}

// Limits bounds the data that one host may write here. The rest is refused.
type Limits struct {
	Report int64 // bytes of one report of an agent: 1 MiB
	// Reports is how many a host may send within an hour, 60. Progress, enrolments and
	// the reports of jobs are counted apart, each as many.
	Reports int
	Events  int // events of its installer within an hour: 3,000
}

// Keep bounds the journal. Events of an install under way, and of each host's last one,
// always stay.
type Keep struct {
	Days   int // how old events become, by counted time: 90
	Events int // of one host, and of all boxes in no inventory together: 10,000
	// Size bounds the database, in bytes: 256 MiB. Beyond it, the hosts with the
	// most events lose their oldest ones first.
	Size int64
	// Reports of an agent that are kept of each host: 100, and none but the latest that is
	// older than ReportDays, 30.
	Reports, ReportDays int
}
