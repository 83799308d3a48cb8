package templates

import (
	"net/netip"
	"strings"

	"rackhand/inventory"
)

// Data is the data from which a Kickstart or boot script is rendered.
type Data struct {
	Host      *inventory.Host
	Appliance Appliance
	Install   Install
	Image     Image
	// Mirrors are the package mirrors that the appliance caches, name -> URL.
	Mirrors map[string]string
	// Unclaimed is the box outside the inventory that waits at its boot program; zero in
	// other scripts than its own.
	Unclaimed Unclaimed
}

// Unclaimed is a box that waits at its boot program to be claimed.
type Unclaimed struct {
	MAC    string
	Script string // URL of its boot script
	Left   string // how long it still waits, such as 9 min 50 s
	Pause  int64  // how long it waits before it asks again, in ms
	Most   int    // how often it asks, whatever the answers are, before it boots its disk
}

// Appliance is where this appliance answers.
type Appliance struct {
	URL    string // http://10.77.0.1
	Agents string // https://10.77.0.1:8443
}

// ApplianceAt is how an appliance is reached at an address, with its ports for boxes
// (http) and for agents.
func ApplianceAt(addr netip.Addr, http, agents uint16) Appliance {
	return Appliance{URL: "http://" + withPort(addr, http, 80), Agents: "https://" + withPort(addr, agents, 443)}
}

func withPort(a netip.Addr, port, usual uint16) string {
	if port == usual {
		return a.String()
	}
	return netip.AddrPortFrom(a, port).String()
}

// Install is the data of one install; its URLs carry the one-time token.
type Install struct {
	ID         string
	Wipe       bool
	Another    bool   // an attempt is left after this one
	Kickstart  string // URL of the answer file
	Report     string // URL for events
	BMC        string // URL of the settings of the box's BMC; "" when the installer leaves that alone
	Job        string // rescue, wipe or burnin for a job, which has no Kickstart; "" for an install
	Order      string // URL of the order of the job
	Agent      string // URL of the agent's binary
	CA         string // URL of the appliance's CA certificate
	EnrolToken string
	// Ours are the ids of disks that an earlier attempt found blank, between blanks.
	Ours   string
	BootIF string // 01-aa-bb-...: the NIC that it boots from
}

// Image is the root image, or Anaconda's media, and its kernel.
type Image struct {
	URL, SHA256    string // root file system
	Kernel, Initrd string // URLs
	Media          Media  // of a system for Anaconda, instead of the root
}

// Gateway is the network's gateway, "" for none.
func (d Data) Gateway() string {
	if d.Host.Network == nil || !d.Host.Network.Gateway.IsValid() {
		return ""
	}
	return d.Host.Network.Gateway.String()
}

// DNS is the network's name servers, separated by commas.
func (d Data) DNS() string {
	if d.Host.Network == nil {
		return ""
	}
	var out []string
	for _, a := range d.Host.Network.DNS {
		out = append(out, a.String())
	}
	return strings.Join(out, ",")
}

// Release is the Kickstart release of the host's system, "" when none is given.
func (d Data) Release() string {
	if d.Host == nil || d.Host.System == nil {
		return ""
	}
	return d.Host.System.Release
}
